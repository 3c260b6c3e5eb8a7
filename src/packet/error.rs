//! Everything that can be wrong with a packet, one variant per class of fault.

use std::io;

use super::envelope::Format;
use super::limits::{Exceeded, Limit};
use super::name::NameError;
use crate::keys::Fingerprint;
use crate::model::{PacketNumber, SiteName};
use crate::world::Crash;

/// Why a packet was not opened. Nothing of it was acted on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file ends too early: still being copied, or cut off.
    #[error("the file is cut off")]
    Truncated,
    /// Not a zip file at all.
    #[error("not a packet")]
    NotAPacket,
    /// A zip file that sealing would not have written.
    #[error("{fault} ({layer})")]
    Structure {
        /// The packet itself or its payload.
        layer: Layer,
        /// What is wrong.
        fault: StructureFault,
    },
    /// The bytes are not those of the file's name: cut off, changed, or renamed.
    #[error("the file is not the one its name says")]
    NameMismatch,
    /// Signed, it says, by a key that is not known as the sender's.
    #[error("signed by a key that is not known for '{from}': {fingerprint}")]
    UnknownSigner {
        /// The sender it names.
        from: SiteName,
        /// The key it names.
        fingerprint: Fingerprint,
    },
    /// The signature is not the sender's over these bytes.
    #[error("the signature does not hold")]
    BadSignature,
    /// Addressed to another site.
    #[error("addressed to '{to}'")]
    NotForUs {
        /// The addressee.
        to: SiteName,
    },
    /// The payload is not the one that was signed.
    #[error("the payload is not the one that was signed")]
    PayloadHash,
    /// The payload cannot be decrypted to its end with our key.
    #[error("the payload cannot be decrypted: {0}")]
    Decrypt(String),
    /// The manifest is not the signed one, is of another packet, or lists other entries than there are.
    #[error("the manifest is not that of this packet")]
    ManifestMismatch,
    /// An entry is not what the manifest says.
    #[error("entry '{name}' is not what the manifest says")]
    EntryHash {
        /// The entry.
        name: String,
    },
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
    /// Made by a newer Fieldpost in a way that must be understood.
    #[error("needs a newer fieldpost (format {format}, features: {})", unknown.join(", "))]
    NewerVersion {
        /// Format of the packet.
        format: Format,
        /// Required features that are not known here.
        unknown: Vec<String>,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl OpenError {
    /// Whether opening the same file again later can succeed: it may still be on its way.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Truncated | Self::Io(_) => true,
            Self::NotAPacket
            | Self::Structure { .. }
            | Self::NameMismatch
            | Self::UnknownSigner { .. }
            | Self::BadSignature
            | Self::NotForUs { .. }
            | Self::PayloadHash
            | Self::Decrypt(_)
            | Self::ManifestMismatch
            | Self::EntryHash { .. }
            | Self::Limit { .. }
            | Self::NewerVersion { .. }
            | Self::Crash(_) => false,
        }
    }

    /// The class in one word, as `tests/vectors/README.md` and quarantine notes name it.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::NotAPacket => "not-a-packet",
            Self::Structure { .. } => "structure",
            Self::NameMismatch => "name-mismatch",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::BadSignature => "bad-signature",
            Self::NotForUs { .. } => "not-for-us",
            Self::PayloadHash => "payload-hash",
            Self::Decrypt(_) => "decrypt",
            Self::ManifestMismatch => "manifest-mismatch",
            Self::EntryHash { .. } => "entry-hash",
            Self::Limit { .. } => "limit",
            Self::NewerVersion { .. } => "newer-version",
            Self::Io(_) => "io",
            Self::Crash(_) => "crash",
        }
    }
}

impl From<Exceeded> for OpenError {
    fn from(Exceeded { limit, most, found }: Exceeded) -> Self {
        Self::Limit { limit, most, found }
    }
}

/// Which of the two zip files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The packet: three stored entries.
    Packet,
    /// What was sealed: the manifest and the parts.
    Payload,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Packet => "packet",
            Self::Payload => "payload",
        })
    }
}

/// How a zip file differs from what sealing writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StructureFault {
    /// Not a zip file, or cut off.
    #[error("not a whole zip file")]
    NotWhole,
    /// Bytes before the first entry.
    #[error("bytes before the first entry")]
    LeadingData,
    /// Bytes after the end.
    #[error("bytes after the end")]
    TrailingData,
    /// Bytes between entries, or entries that overlap.
    #[error("entries do not follow each other without a gap")]
    Gap,
    /// A comment on the file or on an entry.
    #[error("a comment")]
    Comment,
    /// An extra field.
    #[error("an extra field")]
    ExtraField,
    /// Zip64 records or several volumes.
    #[error("zip64 or several volumes")]
    Zip64,
    /// Encrypted by zip's own means.
    #[error("zip encryption")]
    Encrypted,
    /// Another compression than stored (packet) or stored and deflated (payload).
    #[error("entry '{0}' has a compression that is not allowed")]
    Compression(String),
    /// A directory, symbolic link or device.
    #[error("entry '{0}' is not an ordinary file")]
    FileType(String),
    /// A name that is not canonical.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The same name twice.
    #[error("entry '{0}' is there twice")]
    Duplicate(String),
    /// Other entries, fewer, more, or in another order.
    #[error("other entries than a packet has")]
    Entries,
    /// The local header says something else than the central directory, or a flag, version or time is not as sealing writes it.
    #[error("entry '{0}' has an unexpected header")]
    Header(String),
    /// The check sum of zip is wrong, or the compressed data are.
    #[error("entry '{0}' is damaged")]
    Damaged(String),
    /// `packet.json` or the manifest is not what it should be, though of a known version.
    #[error("unreadable header: {0}")]
    Unreadable(String),
}

/// Why a packet was not made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A part has a name that opening would refuse.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two parts of one name, or a part named `manifest.json`.
    #[error("part '{0}' is there twice")]
    Duplicate(String),
    /// A `join` packet without the sender's keys, or another one with them.
    #[error("exactly the packets of kind join carry keys")]
    SenderKeys,
    /// Number 0, or exactly one of "first of the stream" and "no previous packet".
    #[error("packet {0} of a stream has a previous one exactly where it is not the first")]
    Previous(PacketNumber),
    /// A part's file changed while it was sealed; calling again helps.
    #[error("part '{0}' changed while it was read")]
    Changed(String),
    /// More of something than opening would take.
    #[error("{found} {limit}, at most {most} are allowed")]
    Limit {
        /// Of what.
        limit: Limit,
        /// The cap.
        most: u64,
        /// What the draft has.
        found: u64,
    },
    /// The age or zip library refused.
    #[error("cannot seal: {0}")]
    Library(String),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl SealError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Changed(_) | Self::Io(_) => true,
            Self::Name(_)
            | Self::Duplicate(_)
            | Self::SenderKeys
            | Self::Previous(_)
            | Self::Limit { .. }
            | Self::Library(_)
            | Self::Crash(_) => false,
        }
    }
}

impl From<Exceeded> for SealError {
    fn from(Exceeded { limit, most, found }: Exceeded) -> Self {
        Self::Limit { limit, most, found }
    }
}

/// Why changes were not written to or read from a `changes` part.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A key that does not fit the table's shape.
    #[error("a key of table '{table}' does not fit the table")]
    Key {
        /// The table.
        table: String,
    },
    /// A line that is no block. Such a part was made by a broken program: opening has verified its hash.
    #[error("line {line}: {reason}")]
    Block {
        /// Counted from 1.
        line: u64,
        /// What was expected.
        reason: String,
    },
    /// More of something than is allowed.
    #[error("{found} {limit}, at most {most} are allowed")]
    Limit {
        /// Of what.
        limit: Limit,
        /// The cap.
        most: u64,
        /// What was found.
        found: u64,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl CodecError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Io(_) => true,
            Self::Key { .. } | Self::Block { .. } | Self::Limit { .. } | Self::Crash(_) => false,
        }
    }
}

impl From<Exceeded> for CodecError {
    fn from(Exceeded { limit, most, found }: Exceeded) -> Self {
        Self::Limit { limit, most, found }
    }
}
