//! The documents folder: what is in it, what has changed, and putting there what others sent.
//!
//! - [`DocumentPath`] is a name that is safe everywhere; anything else is a [`NameFault`].
//! - [`Library::scan`] walks the folder and tells what differs from what was [`Seen`] the last time; [`Library::glance`] only whether something does.
//! - [`Recipe`] says of which chunks a document is made; [`Cut`] how large they are.
//! - [`Library::place`], [`Library::remove`], [`Library::rename`] change the folder and never touch what was edited since.
//! - [`PackWriter`] packs chunks that travel; [`ChunkStore`] verifies and keeps those that came until their document is complete.

mod chunk;
mod folder;
mod inside;
mod pack;
#[cfg(test)]
mod pack_tests;
mod path;
mod patterns;
mod place;
#[cfg(test)]
mod place_tests;
mod refusal;
mod scan;
#[cfg(test)]
mod scan_tests;
mod store;

pub use chunk::{ChunkId, ContentId, Cut, Recipe, RecipeFault, Told};
pub use folder::{Library, LibraryError};
pub use pack::{PackFault, PackWriter};
pub use path::{DocumentPath, HIDDEN};
pub use patterns::{PatternError, Patterns, Verdict};
pub use place::{Placed, Removed, Renamed};
pub use refusal::Refusal;
pub use scan::{Finding, Found, Glance, Totals};
pub use store::ChunkStore;

use serde::{Deserialize, Serialize};

use crate::model::Millis;

/// What a row of the index says of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    /// Where it is in the folder.
    pub path: DocumentPath,
    /// Hash of all its bytes.
    pub content: ContentId,
    /// Its length.
    pub bytes: u64,
    /// When it was last modified.
    pub modified: Millis,
    /// Whether it may be run as a program. Always as it was known before where the file system has no such thing.
    pub executable: bool,
}

/// What a file looked like when its content was last known. As long as it looks so it is not read again.
///
/// Kept per path by whoever calls [`Library::scan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Length.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970 UTC, as the file system gives it back.
    pub modified_ns: i64,
    /// When anything of the file changed last (`st_ctime`), nanoseconds; 0 where the system does not say.
    pub changed_ns: i64,
    /// May be run as a program.
    pub executable: bool,
    /// Hash of the content it had.
    pub content: ContentId,
    /// How it was cut, so that the next version is cut the same way.
    pub cut: Cut,
}
