//! Is this zip file exactly as sealing writes it? Walks the headers by hand and takes one form only.
//!
//! Zip readers repair: they search for the directory, skip what is before it, prefer one of two headers. Two readers then see two
//! contents in one file. Here entries follow one another from byte 0 to the directory, the directory ends with the file, both
//! headers of an entry agree in every field, and nothing optional is there (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use super::error::StructureFault as Fault;
use super::limits::{Exceeded, Limit, Limits};
use super::name::check_part_name;

/// How an entry is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    pub method: Method,
    /// Where its data begin.
    pub start: u64,
    pub packed: u64,
    pub size: u64,
    pub crc: u32,
}

/// Why a file is not taken.
#[derive(Debug)]
pub(super) enum WalkError {
    /// Begins like a zip file and has no end.
    Truncated,
    /// Does not begin like one.
    NotAZip,
    Fault(Fault),
    Limit(Exceeded),
    Io(io::Error),
}

impl From<Fault> for WalkError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for WalkError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Io(error) }
    }
}

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
/// 1980-01-01, the only date there is: a packet says nothing of the machine it was made on.
const DATE: u16 = 0x0021;
/// The system that file modes are of, beside the version of zip.
const UNIX: u16 = 3 << 8;
const ENCRYPTED_FLAGS: u16 = 1 | 1 << 6 | 1 << 13;

/// The entries, in order, where everything is as it must be.
pub(super) fn walk(file: &mut (impl Read + Seek), most_entries: u64) -> Result<Vec<Entry>, WalkError> {
    let length = file.seek(SeekFrom::End(0))?;
    let end = find_end(file, length)?;
    let (count, directory_bytes, directory) = read_end(&end)?;
    Limits::hold(Limit::Entries, most_entries, u64::from(count)).map_err(WalkError::Limit)?;
    if u64::from(directory) + u64::from(directory_bytes) + END_BYTES as u64 != length {
        return Err(Fault::Gap.into());
    }
    let largest = usize::from(count) * (CENTRAL_BYTES + Limits::NAME_BYTES);
    if directory_bytes as usize > largest {
        return Err(Fault::Gap.into());
    }
    let mut headers = vec![0; directory_bytes as usize];
    file.seek(SeekFrom::Start(u64::from(directory)))?;
    file.read_exact(&mut headers)?;
    walk_entries(file, &headers, count, u64::from(directory))
}

fn walk_entries(file: &mut (impl Read + Seek), mut headers: &[u8], count: u16, directory: u64) -> Result<Vec<Entry>, WalkError> {
    let mut names = BTreeSet::new();
    let mut entries = Vec::with_capacity(usize::from(count));
    let mut position = 0;
    for _ in 0..count {
        let (header, rest) = headers.split_at_checked(CENTRAL_BYTES).ok_or(Fault::Gap)?;
        let (name, rest) = rest.split_at_checked(usize::from(u16_at(header, 28))).ok_or(Fault::Gap)?;
        headers = rest;
        let entry = read_central(header, name, position)?;
        if !names.insert(entry.name.clone()) {
            return Err(Fault::Duplicate(entry.name).into());
        }
        check_local(file, header, name, position, &entry.name)?;
        position = entry.start + entry.packed;
        entries.push(entry);
    }
    if !headers.is_empty() || position != directory {
        return Err(Fault::Gap.into());
    }
    Ok(entries)
}

/// The last record, which must be the last bytes. Looks for it elsewhere only to say what is wrong.
fn find_end(file: &mut (impl Read + Seek), length: u64) -> Result<[u8; END_BYTES], WalkError> {
    let mut first = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(4).read_to_end(&mut first)?;
    let begins_right = LOCAL.starts_with(&first);

    let window = length.min((END_BYTES + usize::from(u16::MAX)) as u64);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length - window))?;
    file.by_ref().take(window).read_to_end(&mut tail)?;
    let found = tail.windows(4).rposition(|bytes| bytes == END);
    let record = found.map(|at| &tail[at..]);
    match record {
        None if begins_right => Err(WalkError::Truncated),
        None => Err(WalkError::NotAZip),
        Some(_) if !begins_right => Err(Fault::LeadingData.into()),
        Some(record) => match record.split_first_chunk::<END_BYTES>() {
            None => Err(WalkError::Truncated),
            Some((end, [])) if u16_at(end, 20) != 0 => Err(WalkError::Truncated),
            Some((end, [])) => Ok(*end),
            Some((end, rest)) if usize::from(u16_at(end, 20)) == rest.len() => Err(Fault::Comment.into()),
            Some(_) => Err(Fault::TrailingData.into()),
        },
    }
}

/// Number of entries, bytes of the directory, and where it begins.
fn read_end(end: &[u8; END_BYTES]) -> Result<(u16, u32, u32), Fault> {
    let (count, bytes, start) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    let volumes = u16_at(end, 4) != 0 || u16_at(end, 6) != 0 || u16_at(end, 8) != count;
    if volumes || count == u16::MAX || bytes == u32::MAX || start == u32::MAX {
        return Err(Fault::Zip64);
    }
    Ok((count, bytes, start))
}

fn read_central(header: &[u8], name: &[u8], position: u64) -> Result<Entry, Fault> {
    if header[..4] != CENTRAL {
        return Err(Fault::Gap);
    }
    let name = String::from_utf8_lossy(name).into_owned();
    check_part_name(&name)?;
    if u16_at(header, 30) != 0 {
        return Err(Fault::ExtraField);
    }
    if u16_at(header, 32) != 0 {
        return Err(Fault::Comment);
    }
    let flags = u16_at(header, 8);
    if flags & ENCRYPTED_FLAGS != 0 {
        return Err(Fault::Encrypted);
    }
    let (packed, size, offset) = (u32_at(header, 20), u32_at(header, 24), u32_at(header, 42));
    if packed == u32::MAX || size == u32::MAX || offset == u32::MAX || u16_at(header, 34) != 0 {
        return Err(Fault::Zip64);
    }
    let method = match u16_at(header, 10) {
        0 if packed == size => Method::Stored,
        0 => return Err(Fault::Header(name)),
        8 => Method::Deflated,
        _ => return Err(Fault::Compression(name)),
    };
    check_constants(header, &name, method)?;
    if u64::from(offset) != position {
        return Err(Fault::Gap);
    }
    let start = position + LOCAL_BYTES as u64 + name.len() as u64;
    Ok(Entry { name, method, start, packed: u64::from(packed), size: u64::from(size), crc: u32_at(header, 16) })
}

/// What could be anything without changing what is unpacked has one value, so that no byte of a packet can be changed unseen.
fn check_constants(header: &[u8], name: &str, method: Method) -> Result<(), Fault> {
    // The upper half of the external attributes is the Unix mode, the lower one DOS attributes with 0x10 for a folder.
    const REGULAR: u32 = 0o100_644 << 16;
    const TYPE: u32 = (0o170_000 << 16) | 0x10;
    let attributes = u32_at(header, 38);
    if attributes & TYPE != REGULAR & TYPE {
        return Err(Fault::FileType(name.into()));
    }
    let version = match method {
        Method::Stored => 10,
        Method::Deflated => 20,
    };
    let versions = u16_at(header, 4) == UNIX | version && u16_at(header, 6) == version;
    let times = u16_at(header, 12) == 0 && u16_at(header, 14) == DATE;
    // No flag has a meaning here; the data descriptor (bit 3) would put sizes where they are read last.
    let flags = u16_at(header, 8) == 0 && u16_at(header, 36) == 0 && attributes == REGULAR;
    if versions && times && flags { Ok(()) } else { Err(Fault::Header(name.into())) }
}

/// The local header says the same as the central one, byte for byte.
fn check_local(file: &mut (impl Read + Seek), central: &[u8], name: &[u8], position: u64, text: &str) -> Result<(), WalkError> {
    let mut local = vec![0; LOCAL_BYTES + name.len()];
    file.seek(SeekFrom::Start(position))?;
    file.read_exact(&mut local)?;
    // Version, flags, method, time, date, check sum, sizes, length of the name: 4..28 here, 6..30 there.
    let same = local[..4] == LOCAL && local[4..28] == central[6..30] && u16_at(&local, 28) == 0 && local[LOCAL_BYTES..] == *name;
    if same { Ok(()) } else { Err(Fault::Header(text.into()).into()) }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Length and hash of everything that is still to be read.
pub(super) fn hash_file(file: &mut impl Read) -> io::Result<(u64, blake3::Hash)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok((hasher.count(), hasher.finalize()))
}
