//! The packets of SFTP version 3: how requests are written and answers read.
//!
//! After `draft-ietf-secsh-filexfer-02`. An answer that does not keep to it is [`Failure::Broken`], never a panic.

use super::super::error::cleaned;

/// Why a request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The connection is of no use any more.
    #[error("{0}")]
    Broken(String),
    /// What answers there does not speak SFTP.
    #[error("{0}")]
    NotSftp(String),
    /// The server says no.
    #[error("the server says: {text}")]
    Status {
        /// What kind of no.
        code: Code,
        /// Its own words, fit for a message.
        text: String,
    },
    /// What was to be sent could not be read.
    #[error("the local file cannot be read")]
    Source,
}

/// Kinds of answers. Version 3 has no words for most that can go wrong; some servers use those of later versions all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Done,
    End,
    Missing,
    Denied,
    Failed,
    Malformed,
    Away,
    Unsupported,
    Exists,
    ReadOnly,
    Full,
    Other,
}

impl Code {
    const fn of(number: u32) -> Self {
        match number {
            0 => Self::Done,
            1 => Self::End,
            2 | 10 => Self::Missing,
            3 => Self::Denied,
            4 => Self::Failed,
            5 => Self::Malformed,
            6 | 7 => Self::Away,
            8 => Self::Unsupported,
            11 => Self::Exists,
            12 => Self::ReadOnly,
            14 | 15 => Self::Full,
            _ => Self::Other,
        }
    }
}

/// What a server tells of a file. All of it is optional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) bytes: Option<u64>,
    pub(super) kind: Option<Kind>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Other,
}

/// Room on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) bytes: u64,
    pub(super) read_only: bool,
}

/// An open file or folder; at most 256 bytes the server chose.
#[derive(Debug)]
pub(super) struct Handle(pub(super) Vec<u8>);

/// What a packet is, by its first byte.
pub(super) mod kind {
    pub(in crate::exchange::sftp) const INIT: u8 = 1;
    pub(in crate::exchange::sftp) const VERSION: u8 = 2;
    pub(in crate::exchange::sftp) const OPEN: u8 = 3;
    pub(in crate::exchange::sftp) const CLOSE: u8 = 4;
    pub(in crate::exchange::sftp) const READ: u8 = 5;
    pub(in crate::exchange::sftp) const WRITE: u8 = 6;
    pub(in crate::exchange::sftp) const LSTAT: u8 = 7;
    pub(in crate::exchange::sftp) const FSTAT: u8 = 8;
    pub(in crate::exchange::sftp) const OPENDIR: u8 = 11;
    pub(in crate::exchange::sftp) const READDIR: u8 = 12;
    pub(in crate::exchange::sftp) const REMOVE: u8 = 13;
    pub(in crate::exchange::sftp) const MKDIR: u8 = 14;
    pub(in crate::exchange::sftp) const STAT: u8 = 17;
    pub(in crate::exchange::sftp) const RENAME: u8 = 18;
    pub(in crate::exchange::sftp) const STATUS: u8 = 101;
    pub(in crate::exchange::sftp) const HANDLE: u8 = 102;
    pub(in crate::exchange::sftp) const DATA: u8 = 103;
    pub(in crate::exchange::sftp) const NAME: u8 = 104;
    pub(in crate::exchange::sftp) const ATTRS: u8 = 105;
    pub(in crate::exchange::sftp) const EXTENDED: u8 = 200;
    pub(in crate::exchange::sftp) const EXTENDED_REPLY: u8 = 201;
}

pub(super) fn garbled() -> Failure {
    Failure::Broken("an answer that is no SFTP".to_owned())
}

/// The fields of an answer of the expected kind; a status of any kind is a failure, a yes included.
pub(super) fn answer(packet: &[u8], expected: u8) -> Result<Fields<'_>, Failure> {
    let mut fields = Fields(packet);
    let found = fields.byte()?;
    if found == kind::STATUS {
        let number = fields.number()?;
        // Servers of before the draft leave the words out.
        let words = if fields.0.is_empty() { String::new() } else { cleaned(fields.text()?) };
        let text = if words.is_empty() { format!("failure {number}") } else { words };
        return Err(Failure::Status { code: Code::of(number), text });
    }
    if found == expected { Ok(fields) } else { Err(garbled()) }
}

/// A packet under construction.
pub(super) struct Packet(Vec<u8>);

impl Packet {
    pub(super) fn new(kind: u8) -> Self {
        Self(vec![0, 0, 0, 0, kind])
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn long(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let mut packet = self.number(u32::try_from(bytes.len()).expect("a chunk or a path is small"));
        packet.0.extend(bytes);
        packet
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn done(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - 4).expect("a packet is small");
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

/// What is left of a packet that arrived.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(garbled)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Failure> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn number(&mut self) -> Result<u32, Failure> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    pub(super) fn long(&mut self) -> Result<u64, Failure> {
        Ok(u64::from_be_bytes(self.take(8)?.try_into().expect("eight bytes")))
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Failure> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| garbled())?)
    }

    pub(super) fn handle(&mut self) -> Result<Handle, Failure> {
        let handle = self.text()?;
        if handle.len() > 256 { Err(garbled()) } else { Ok(Handle(handle.to_vec())) }
    }

    pub(super) fn attributes(&mut self) -> Result<Attributes, Failure> {
        let flags = self.number()?;
        let mut found = Attributes::default();
        if flags & 0x1 != 0 {
            found.bytes = Some(self.long()?);
        }
        if flags & 0x2 != 0 {
            self.take(8)?;
        }
        if flags & 0x4 != 0 {
            found.kind = match self.number()? & 0o170_000 {
                0 => None,
                0o100_000 => Some(Kind::File),
                0o040_000 => Some(Kind::Folder),
                _ => Some(Kind::Other),
            };
        }
        if flags & 0x8 != 0 {
            self.take(8)?;
        }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..self.number()? {
                self.text()?;
                self.text()?;
            }
        }
        Ok(found)
    }

    pub(super) fn names(&mut self) -> Result<Vec<(String, Attributes)>, Failure> {
        let count = self.number()?;
        let mut names = Vec::new();
        for _ in 0..count {
            let name = self.text()?;
            // What `ls -l` would show: for people.
            self.text()?;
            let attributes = self.attributes()?;
            if let Ok(name) = std::str::from_utf8(name) {
                names.push((name.to_owned(), attributes));
            }
        }
        // None at all would never end.
        if count == 0 { Err(garbled()) } else { Ok(names) }
    }

    pub(super) fn room(&mut self) -> Result<Room, Failure> {
        self.long()?;
        let unit = self.long()?;
        self.take(16)?;
        let free = self.long()?;
        self.take(32)?;
        let flags = self.long()?;
        Ok(Room { bytes: free.saturating_mul(unit), read_only: flags & 1 != 0 })
    }
}
