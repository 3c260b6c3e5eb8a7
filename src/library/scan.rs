//! Walks the folder and tells what differs from what was seen the last time.

use std::collections::BTreeMap;

use super::{Document, DocumentPath, Library, LibraryError, NameFault, Patterns, Recipe, Seen};
use crate::world::World;

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its row is to say.
    pub document: Document,
    /// What to know of it the next time.
    pub seen: Seen,
    /// Of which chunks it is made.
    pub recipe: Recipe,
}

/// What the walk tells of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The file looks as it did and was not read.
    Same(DocumentPath),
    /// It looks different and is the same document: what was seen wants renewing, the row does not.
    Touched(DocumentPath, Seen),
    /// It was not known.
    New(Found),
    /// Content, modification time or executable bit are others.
    Changed(Found),
    /// It was known and is not there.
    Gone(DocumentPath),
    /// It is being written: left for the next round.
    Busy(DocumentPath),
    /// It is not taken. A known document below such a name is neither gone nor changed.
    Refused {
        /// As people read it, relative to the library.
        name: String,
        /// Why.
        refusal: Refusal,
    },
}

/// Why something in the folder is no document of the library.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name is not safe everywhere.
    #[error("{0}")]
    Name(#[from] NameFault),
    /// Another is the same name on some system.
    #[error("`{0}` is the same name on systems that do not tell upper from lower case")]
    Collides(String),
    /// A link.
    #[error("links are not followed")]
    Link,
    /// A folder where a file should be.
    #[error("it is a folder")]
    Folder,
    /// A file where a folder should be.
    #[error("`{0}` is not a folder")]
    NotAFolder(String),
    /// A pipe, a socket, a device.
    #[error("it is neither a file nor a folder")]
    Special,
    /// Larger than the patterns allow.
    #[error("it has {bytes} bytes, the most is {largest}")]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// The most.
        largest: u64,
    },
    /// It cannot be read; what the operating system says.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// What a walk met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that are documents.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose content was read.
    pub read: u64,
    /// Files that the patterns exclude.
    pub excluded: u64,
}

impl Library {
    /// Walks the folder in the order of the paths' bytes and tells of every name in it, and last of what is gone. `known`: what was seen
    /// the last time. A file that looks as it did is not read.
    ///
    /// # Errors
    /// What `found` says, or [`LibraryError`].
    pub fn scan<E: From<LibraryError>>(
        &self,
        world: &World,
        patterns: &Patterns,
        known: &BTreeMap<DocumentPath, Seen>,
        found: &mut dyn FnMut(Finding) -> Result<(), E>,
    ) -> Result<Totals, E> {
        let _ = (world, patterns, known, found);
        Ok(Totals::default())
    }

    /// Reads one document: its content, how it looks, its recipe. `None` where no plain file is there, or it changes while it is read.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn read(&self, world: &World, path: &DocumentPath, before: Option<&Seen>) -> Result<Option<Found>, LibraryError> {
        let _ = (world, path, before);
        Ok(None)
    }
}
