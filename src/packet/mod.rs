//! A signed, sealed set of named parts that goes to one neighbour (DESIGN section 7, `fieldpost-packet(5)`).
//!
//! A packet is one zip file of three stored entries: `packet.json` (the [`Envelope`], readable by anyone who holds the
//! file), `packet.json.sig` (its SSH signature) and `payload.age` (sealed for the recipient: a deflated zip of
//! `manifest.json` and the parts). The envelope commits to the ciphertext and to the manifest, the manifest to every part.
//!
//! - [`seal()`] makes one, [`open()`] verifies **everything** and only then hands out parts, [`inspect`] shows an envelope unverified.
//! - [`PacketFileName`] tells a whole file from a half-written one before it is opened.
//! - [`BlockWriter`] and [`BlockReader`] are the `changes` inside: JSON lines, each a block of records by column.
//!
//! Invariants: verified first (nothing acts on a packet that is not whole), nothing in clear (scratch files stay in the
//! folder that the caller names, inside its home). Anything that is not exactly as sealing writes it is refused, never repaired.

mod archive;
mod changes;
#[cfg(test)]
mod changes_tests;
mod column;
mod decode;
mod envelope;
mod error;
mod json_value;
mod limits;
mod name;
mod open;
#[cfg(test)]
mod open_tests;
mod seal;
mod structure;

pub use archive::{Archive, ArchiveError, write_archive};
pub use changes::{BlockWriter, Vocabulary};
pub use decode::{Block, BlockReader, Decoded};
pub use envelope::{
    Acknowledgement, ContentHash, Envelope, FEATURES, FORMAT, Format, KeyIds, PacketId, PacketKind, PayloadId, SenderKeys, Unverified,
};
pub use error::{CodecError, Layer, OpenError, SealError, StructureFault};
pub use limits::{Limit, Limits};
pub use name::{NameError, PacketFileName, check_part_name};
pub use open::{EntryReader, Expectation, Opened, inspect, open};
pub use seal::{Draft, Part, PartSource, Sealed, seal};
