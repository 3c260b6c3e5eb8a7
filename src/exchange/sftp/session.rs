//! The SFTP protocol, version 3, as far as files that travel need it: a client on two streams.
//!
//! After `draft-ietf-secsh-filexfer-02` and OpenSSH's `PROTOCOL` (for `fsync@openssh.com` and `statvfs@openssh.com`), which is what servers
//! speak. Every request has a number and gets exactly one answer, in any order. Reads and writes of a file are in the line up to
//! [`WINDOW`] at a time, answers are taken oldest first: what of a file is not acknowledged when the line breaks begins at most [`WINDOW_BYTES`]
//! before its end, which is what a resumed upload relies on.
//!
//! Two threads move the bytes, so that this side waits in one place only, with a limit. Against a server that means harm: a packet
//! has at most [`MAX_PACKET_BYTES`], few are kept, an answer nobody asked for or of another kind ends the connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use super::super::error::cleaned;
use super::packet::{Attributes, Code, Failure, Fields, Handle, Packet, Room, answer, garbled, kind};

/// Bytes of a file in one request: every server takes that many (the draft's own limit of 34,000 for a packet is near).
pub(super) const CHUNK_BYTES: usize = 32 * 1024;
/// Requests of one transfer that are on their way at the same time: 2 MiB, enough for 20 MB/s over 100 ms.
pub(super) const WINDOW: usize = 64;
/// Bytes of a file that can be unacknowledged.
pub(super) const WINDOW_BYTES: u64 = (WINDOW * CHUNK_BYTES) as u64;
/// A longer packet is not read. OpenSSH's own limit.
const MAX_PACKET_BYTES: u32 = 256 * 1024;
/// Packets that arrived and were not asked for yet.
const MOST_PACKETS_KEPT: usize = 4;
/// Below this a server's short answers do not shrink the requests.
const LEAST_CHUNK_BYTES: usize = 1024;

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Open {
    Read,
    /// One that is there.
    Write,
    /// One that is not there.
    Create,
}

const FSYNC: &str = "fsync@openssh.com";
const STATVFS: &str = "statvfs@openssh.com";

/// A connection on which both sides agreed to speak version 3.
#[derive(Debug)]
pub(super) struct Session {
    requests: Sender<Vec<u8>>,
    answers: Receiver<Result<Vec<u8>, Failure>>,
    /// So long an answer may take.
    patience: Duration,
    last_number: u32,
    /// Requests without an answer yet.
    asked: BTreeSet<u32>,
    /// Those among them whose answer nobody waits for any more.
    unwanted: BTreeSet<u32>,
    /// Answers that came before those that are waited for.
    early: BTreeMap<u32, Vec<u8>>,
    extensions: BTreeSet<String>,
    broken: bool,
}

impl Session {
    /// Greets the server and waits for its greeting.
    pub(super) fn start(
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
        greeting: Duration,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let (requests, to_send) = mpsc::channel();
        // Bounded: who floods us waits. Requests are not: there are never more than the window, and so this side never waits for the line.
        let (arrived, answers) = mpsc::sync_channel(MOST_PACKETS_KEPT);
        std::thread::spawn(move || send(&to_send, to));
        std::thread::spawn(move || receive(from, &arrived));
        let mut session = Self {
            requests,
            answers,
            patience: greeting,
            last_number: 0,
            asked: BTreeSet::new(),
            unwanted: BTreeSet::new(),
            early: BTreeMap::new(),
            extensions: BTreeSet::new(),
            broken: false,
        };
        session.send(Packet::new(kind::INIT).number(3))?;
        let packet = session.next_packet()?;
        let mut fields = Fields(&packet);
        if fields.byte()? != kind::VERSION {
            return Err(Failure::NotSftp("what answers there does not speak SFTP".to_owned()));
        }
        let version = fields.number()?;
        if version < 3 {
            return Err(Failure::NotSftp(format!("the server speaks SFTP version {version}, which is too old: 3 is needed")));
        }
        while !fields.0.is_empty() {
            let name = String::from_utf8_lossy(fields.text()?).into_owned();
            fields.text()?;
            session.extensions.insert(name);
        }
        session.patience = patience;
        Ok(session)
    }

    /// Whether it is of no use any more.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// What a path is; a link is a link.
    pub(super) fn look(&mut self, path: &str) -> Result<Attributes, Failure> {
        let packet = self.call(Packet::new(kind::LSTAT), |packet| packet.text(path))?;
        self.sound(answer(&packet, kind::ATTRS).and_then(|mut fields| fields.attributes()))
    }

    /// What a path leads to.
    pub(super) fn look_through(&mut self, path: &str) -> Result<Attributes, Failure> {
        let packet = self.call(Packet::new(kind::STAT), |packet| packet.text(path))?;
        self.sound(answer(&packet, kind::ATTRS).and_then(|mut fields| fields.attributes()))
    }

    pub(super) fn open(&mut self, path: &str, how: Open) -> Result<Handle, Failure> {
        let flags = match how {
            Open::Read => 0x01,
            Open::Write => 0x02,
            Open::Create => 0x02 | 0x08 | 0x20,
        };
        let packet = self.call(Packet::new(kind::OPEN), |packet| packet.text(path).number(flags).number(0))?;
        self.sound(answer(&packet, kind::HANDLE).and_then(|mut fields| fields.handle()))
    }

    /// Lets go of a handle. What the server says to that changes nothing.
    pub(super) fn let_go(&mut self, handle: &Handle) {
        if let Ok(number) = self.ask(Packet::new(kind::CLOSE), |packet| packet.bytes(&handle.0)) {
            self.give_up([number]);
        }
    }

    /// Flushes a file to the disk where the server can, and closes it; says the size it has then.
    pub(super) fn finish(&mut self, handle: &Handle) -> Result<Option<u64>, Failure> {
        let flush = if self.extensions.contains(FSYNC) {
            Some(self.ask(Packet::new(kind::EXTENDED), |packet| packet.text(FSYNC).bytes(&handle.0))?)
        } else {
            None
        };
        let size = self.ask(Packet::new(kind::FSTAT), |packet| packet.bytes(&handle.0))?;
        let close = self.ask(Packet::new(kind::CLOSE), |packet| packet.bytes(&handle.0))?;
        let flushed = flush.map_or(Ok(()), |number| self.done(number));
        let size = self.answer(size)?;
        let closed = self.done(close);
        match flushed {
            // File systems that cannot flush: there is nothing better to be had there.
            Err(Failure::Status { code: Code::Unsupported | Code::Malformed, .. }) | Ok(()) => closed?,
            Err(failure) => return Err(failure),
        }
        let size = answer(&size, kind::ATTRS).and_then(|mut fields| fields.attributes());
        Ok(self.sound(size)?.bytes)
    }

    pub(super) fn make_folder(&mut self, path: &str) -> Result<(), Failure> {
        self.order(Packet::new(kind::MKDIR), |packet| packet.text(path).number(0))
    }

    pub(super) fn remove(&mut self, path: &str) -> Result<(), Failure> {
        self.order(Packet::new(kind::REMOVE), |packet| packet.text(path))
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        self.order(Packet::new(kind::RENAME), |packet| packet.text(from).text(to))
    }

    /// How much room there is, where the server can say it.
    pub(super) fn room(&mut self, path: &str) -> Result<Option<Room>, Failure> {
        if !self.extensions.contains(STATVFS) {
            return Ok(None);
        }
        let packet = self.call(Packet::new(kind::EXTENDED), |packet| packet.text(STATVFS).text(path))?;
        self.sound(answer(&packet, kind::EXTENDED_REPLY).and_then(|mut fields| fields.room()).map(Some))
    }

    pub(super) fn open_folder(&mut self, path: &str) -> Result<Handle, Failure> {
        let packet = self.call(Packet::new(kind::OPENDIR), |packet| packet.text(path))?;
        self.sound(answer(&packet, kind::HANDLE).and_then(|mut fields| fields.handle()))
    }

    /// The next names of a folder with what is known of each; `None` at its end. Names that are no text are left out.
    pub(super) fn read_folder(&mut self, handle: &Handle) -> Result<Option<Vec<(String, Attributes)>>, Failure> {
        let packet = self.call(Packet::new(kind::READDIR), |packet| packet.bytes(&handle.0))?;
        match answer(&packet, kind::NAME).and_then(|mut fields| fields.names()) {
            Err(Failure::Status { code: Code::End, .. }) => Ok(None),
            names => self.sound(names).map(Some),
        }
    }

    /// Writes all that `from` gives from `offset` on; says how many bytes that were.
    pub(super) fn write(&mut self, handle: &Handle, mut offset: u64, from: &mut impl Read) -> Result<u64, Failure> {
        let mut waiting = VecDeque::with_capacity(WINDOW);
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut sent = 0;
        let written = loop {
            let read = match read_full(from, &mut buffer) {
                Ok(0) => break Ok(()),
                Ok(read) => read,
                Err(_) => break Err(Failure::Source),
            };
            let write = |packet: Packet| packet.bytes(&handle.0).long(offset).bytes(&buffer[..read]);
            waiting.push_back(self.ask(Packet::new(kind::WRITE), write)?);
            offset += read as u64;
            sent += read as u64;
            if waiting.len() == WINDOW
                && let Some(oldest) = waiting.pop_front()
                && let Err(failure) = self.done(oldest)
            {
                break Err(failure);
            }
        };
        let written = written.and_then(|()| {
            while let Some(oldest) = waiting.pop_front() {
                self.done(oldest)?;
            }
            Ok(sent)
        });
        self.give_up(waiting);
        written
    }

    /// The bytes of a file from `from` to before `end`, or to where it ends.
    pub(super) fn read<'a>(&'a mut self, handle: &'a Handle, from: u64, end: u64) -> Download<'a> {
        Download { session: self, handle, chunk: CHUNK_BYTES, next: from, end, waiting: VecDeque::new(), arrived: Vec::new(), taken: 0 }
    }

    /// Nobody waits for these answers any more.
    fn give_up(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            if self.early.remove(&number).is_none() {
                self.unwanted.insert(number);
            }
        }
    }

    fn order(&mut self, packet: Packet, fill: impl FnOnce(Packet) -> Packet) -> Result<(), Failure> {
        let number = self.ask(packet, fill)?;
        self.done(number)
    }

    fn call(&mut self, packet: Packet, fill: impl FnOnce(Packet) -> Packet) -> Result<Vec<u8>, Failure> {
        let number = self.ask(packet, fill)?;
        self.answer(number)
    }

    /// Waits for the answer that says nothing but yes or no.
    fn done(&mut self, number: u32) -> Result<(), Failure> {
        let packet = self.answer(number)?;
        match answer(&packet, kind::STATUS) {
            Err(Failure::Status { code: Code::Done, .. }) => Ok(()),
            Err(failure) => self.sound(Err(failure)),
            Ok(_) => self.sound(Err(garbled())),
        }
    }

    fn ask(&mut self, packet: Packet, fill: impl FnOnce(Packet) -> Packet) -> Result<u32, Failure> {
        let number = self.last_number.wrapping_add(1);
        self.last_number = number;
        self.send(fill(packet.number(number)))?;
        self.asked.insert(number);
        Ok(number)
    }

    fn send(&mut self, packet: Packet) -> Result<(), Failure> {
        // The sending thread ends when the line breaks; why it broke is heard on the other one.
        if self.requests.send(packet.done()).is_err() {
            let heard = self.next_packet();
            return self.sound(Err(heard.err().unwrap_or_else(|| Failure::Broken("the connection was closed".to_owned()))));
        }
        Ok(())
    }

    fn answer(&mut self, number: u32) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(packet) = self.early.remove(&number) {
                return Ok(packet);
            }
            let mut packet = self.next_packet()?;
            let found = packet.get(1..5).map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().expect("four bytes")));
            if packet.len() < 5 || !self.asked.remove(&found) {
                return self.sound(Err(garbled()));
            }
            if !self.unwanted.remove(&found) {
                packet.drain(1..5);
                self.early.insert(found, packet);
            }
        }
    }

    fn next_packet(&mut self) -> Result<Vec<u8>, Failure> {
        let packet = match self.answers.recv_timeout(self.patience) {
            Ok(packet) => packet,
            Err(RecvTimeoutError::Timeout) => Err(Failure::Broken(format!("no answer for {} seconds", self.patience.as_secs()))),
            Err(RecvTimeoutError::Disconnected) => Err(Failure::Broken("the connection was closed".to_owned())),
        };
        self.sound(packet)
    }

    /// Remembers where the connection is not to be used again.
    fn sound<T>(&mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        match &result {
            Err(Failure::Broken(_) | Failure::NotSftp(_)) => self.broken = true,
            Ok(_) | Err(Failure::Status { .. } | Failure::Source) => {}
        }
        result
    }
}

/// A file that is being read; requests run ahead of what was taken.
#[derive(Debug)]
pub(super) struct Download<'a> {
    session: &'a mut Session,
    handle: &'a Handle,
    chunk: usize,
    next: u64,
    end: u64,
    /// Number, offset and bytes of each request, in the order of the file.
    waiting: VecDeque<(u32, u64, usize)>,
    arrived: Vec<u8>,
    taken: usize,
}

impl Download<'_> {
    fn ask(&mut self, offset: u64, bytes: usize) -> Result<(u32, u64, usize), Failure> {
        let length = u32::try_from(bytes).expect("a chunk is small");
        let number = self.session.ask(Packet::new(kind::READ), |packet| packet.bytes(&self.handle.0).long(offset).number(length))?;
        Ok((number, offset, bytes))
    }

    /// Takes the next piece; an empty one at the end.
    fn fill(&mut self) -> Result<(), Failure> {
        while self.waiting.len() < WINDOW && self.next < self.end {
            let bytes = usize::try_from(self.end - self.next).unwrap_or(usize::MAX).min(self.chunk);
            let asked = self.ask(self.next, bytes)?;
            self.waiting.push_back(asked);
            self.next += bytes as u64;
        }
        (self.arrived, self.taken) = (Vec::new(), 0);
        let Some((number, offset, bytes)) = self.waiting.pop_front() else { return Ok(()) };
        let packet = self.session.answer(number)?;
        let data = match answer(&packet, kind::DATA).and_then(|mut fields| fields.text().map(<[u8]>::to_vec)) {
            Err(Failure::Status { code: Code::End, .. }) => {
                self.end = offset;
                return Ok(());
            }
            data => self.session.sound(data)?,
        };
        if data.is_empty() || data.len() > bytes {
            return self.session.sound(Err(garbled()));
        }
        if data.len() < bytes {
            // Some servers give less than they are asked for: the rest is asked for at once, and less from then on.
            let rest = self.ask(offset + data.len() as u64, bytes - data.len())?;
            self.waiting.push_front(rest);
            self.chunk = self.chunk.min(data.len().max(LEAST_CHUNK_BYTES));
        }
        self.arrived = data;
        Ok(())
    }
}

impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.arrived.len() {
            self.fill().map_err(io::Error::other)?;
        }
        let bytes = buffer.len().min(self.arrived.len() - self.taken);
        buffer[..bytes].copy_from_slice(&self.arrived[self.taken..self.taken + bytes]);
        self.taken += bytes;
        Ok(bytes)
    }
}

impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.session.give_up(self.waiting.drain(..).map(|(number, ..)| number));
    }
}

/// Fills the buffer as far as there is something.
fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn send(packets: &Receiver<Vec<u8>>, mut to: impl Write) {
    while let Ok(packet) = packets.recv() {
        if to.write_all(&packet).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

fn receive(from: impl Read, to: &SyncSender<Result<Vec<u8>, Failure>>) {
    let mut from = io::BufReader::with_capacity(2 * CHUNK_BYTES, from);
    let mut first = true;
    loop {
        let packet = packet(&mut from, first);
        first = false;
        let last = packet.is_err();
        if to.send(packet).is_err() || last {
            return;
        }
    }
}

fn packet(from: &mut impl Read, first: bool) -> Result<Vec<u8>, Failure> {
    let closed = |error: io::Error| {
        let end = error.kind() == io::ErrorKind::UnexpectedEof;
        Failure::Broken(if end { "the connection was closed".to_owned() } else { error.to_string() })
    };
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(closed)?;
    match u32::from_be_bytes(length) {
        bytes @ 1..=MAX_PACKET_BYTES => {
            let mut packet = vec![0; bytes as usize];
            from.read_exact(&mut packet).map_err(closed)?;
            Ok(packet)
        }
        _ if first => Err(Failure::NotSftp(format!(
            "its login prints text (`{}…`) where SFTP should begin: the start-up files of the shell there must print nothing",
            cleaned(&length)
        ))),
        _ => Err(garbled()),
    }
}
