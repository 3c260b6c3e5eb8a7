//! A zip file under the discipline of a packet, for other signed files: bundles.
//!
//! Everything that [`structure`](super::structure) refuses in a packet is refused here; what the entries are called and who signed
//! them is the caller's business. Nothing of an entry is to be used before [`Archive::verify`] has passed for it.

use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::envelope::ContentHash;
use super::error::{OpenError, SealError, StructureFault};
use super::limits::{Exceeded, Limit, Limits};
use super::open::{EntryReader, check_sizes, verify_entry};
use super::seal::{Packing, PartSource, pack};
use super::structure::{self, Entry, WalkError};

/// An archive whose structure and sizes are as they must be.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// Why a file is no such archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file ends too early: still being copied, or cut off.
    #[error("the file is cut off")]
    Truncated,
    /// Not a zip file at all.
    #[error("not a zip file")]
    NotAZip,
    /// A zip file that [`write_archive`] would not have written.
    #[error(transparent)]
    Structure(#[from] StructureFault),
    /// More of something than is allowed.
    #[error("{found} {limit}, at most {most} are allowed")]
    Limit {
        /// Of what.
        limit: Limit,
        /// The cap.
        most: u64,
        /// What was found or announced.
        found: u64,
    },
    /// An entry has other bytes than it must have.
    #[error("entry '{0}' has other bytes than it must have")]
    EntryHash(String),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Archive {
    /// Looks at every header of a file; reads no entry.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, ArchiveError> {
        let mut file = io::BufReader::new(fs::File::open(path)?);
        let bytes = file.seek(io::SeekFrom::End(0))?;
        Limits::hold(Limit::PacketBytes, limits.packet_bytes, bytes)?;
        let entries = structure::walk(&mut file, limits.entries)?;
        check_sizes(&entries, limits)?;
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Names of the entries, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Unpacked length of an entry; none where there is no such entry.
    #[must_use]
    pub fn size(&self, name: &str) -> Option<u64> {
        self.entry(name).map(|entry| entry.size)
    }

    /// A whole entry in memory; none where there is no such entry.
    ///
    /// # Errors
    /// [`ArchiveError::Limit`] where it is longer than `most`; [`StructureFault::Damaged`] where it does not unpack.
    pub fn bytes(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(entry) = self.entry(name) else { return Ok(None) };
        Limits::hold(Limit::Memory, most, entry.size)?;
        let mut bytes = Vec::new();
        EntryReader::new(&self.path, entry)?.take(entry.size).read_to_end(&mut bytes).map_err(|error| {
            use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
            // What a broken deflate stream gives is no fault of the disk.
            let damaged = matches!(error.kind(), InvalidInput | InvalidData | UnexpectedEof);
            if damaged { StructureFault::Damaged(name.to_owned()).into() } else { ArchiveError::Io(error) }
        })?;
        Ok(Some(bytes))
    }

    /// Reads an entry to its end: its size, its check sum, its hash, and nothing behind it.
    ///
    /// # Errors
    /// [`ArchiveError::EntryHash`] for other bytes or no such entry, [`StructureFault::Damaged`] where it does not unpack.
    pub fn verify(&self, name: &str, hash: ContentHash) -> Result<(), ArchiveError> {
        let entry = self.entry(name).ok_or_else(|| ArchiveError::EntryHash(name.to_owned()))?;
        verify_entry(&self.path, entry, hash).map_err(|error| match error {
            OpenError::Structure { fault, .. } => ArchiveError::Structure(fault),
            OpenError::Limit { limit, most, found } => ArchiveError::Limit { limit, most, found },
            OpenError::Io(error) => ArchiveError::Io(error),
            OpenError::EntryHash { .. }
            | OpenError::Truncated
            | OpenError::NotAPacket
            | OpenError::NameMismatch
            | OpenError::UnknownSigner { .. }
            | OpenError::BadSignature
            | OpenError::NotForUs { .. }
            | OpenError::PayloadHash
            | OpenError::Decrypt(_)
            | OpenError::ManifestMismatch
            | OpenError::NewerVersion { .. }
            | OpenError::Crash(_) => ArchiveError::EntryHash(name.to_owned()),
        })
    }

    /// Reads a verified entry from its start.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is no such entry, or as the operating system says.
    pub fn reader(&self, name: &str) -> io::Result<EntryReader> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("the archive has no entry `{name}`"));
        EntryReader::new(&self.path, self.entry(name).ok_or_else(missing)?)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// Writes entries, in order, as an archive into `out`. The same entries give the same bytes.
///
/// # Errors
/// [`SealError::Limit`] for what [`Archive::open`] would not take, [`SealError::Changed`] where a source is not what it was; else as the
/// operating system says.
pub fn write_archive(entries: &[(String, PartSource)], limits: &Limits, scratch: &Path, out: &mut impl Write) -> Result<(), SealError> {
    Limits::hold(Limit::Entries, limits.entries, entries.len() as u64)?;
    let mut packing = Vec::with_capacity(entries.len());
    for (name, source) in entries {
        packing.push(Packing::of(name, source)?);
    }
    let mut file = pack(&packing, limits, scratch)?;
    file.rewind()?;
    let written = structure::walk(&mut file, limits.entries).map_err(|error| SealError::Library(format!("{error:?}")))?;
    check_sizes(&written, limits)?;
    Limits::hold(Limit::PacketBytes, limits.packet_bytes, file.seek(io::SeekFrom::End(0))?)?;
    file.rewind()?;
    io::copy(&mut file, out)?;
    Ok(())
}

impl From<WalkError> for ArchiveError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Truncated => Self::Truncated,
            WalkError::NotAZip => Self::NotAZip,
            WalkError::Fault(fault) => Self::Structure(fault),
            WalkError::Limit(exceeded) => exceeded.into(),
            WalkError::Io(error) => Self::Io(error),
        }
    }
}

impl From<Exceeded> for ArchiveError {
    fn from(Exceeded { limit, most, found }: Exceeded) -> Self {
        Self::Limit { limit, most, found }
    }
}
