//! The folder itself: is it there, is it the right one, and reading from it.

use std::io;
use std::path::{Path, PathBuf};

use super::{ChunkId, DocumentPath};
use crate::world::files::FileError;
use crate::world::{Crash, World};

/// A documents folder that was found and is the right one.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    settle_millis: i64,
}

/// Why the library cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// No such folder: unmounted, renamed. Says nothing of the documents.
    #[error("there is no folder `{0}`")]
    Missing(PathBuf),
    /// Something else has its name.
    #[error("`{0}` is not a folder")]
    NotAFolder(PathBuf),
    /// The folder has no marker: an empty mount point, another folder. Says nothing of the documents.
    #[error("`{0}` is not marked as a library")]
    NoMarker(PathBuf),
    /// The disk has no room for the document.
    #[error("`{path}` needs {needed} bytes and {free} are free")]
    Full {
        /// The document.
        path: DocumentPath,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file is no longer what it was, or went while it was read.
    #[error("`{0}` was changed while it was read")]
    Changed(DocumentPath),
    /// A chunk that the recipe names is not at hand.
    #[error("chunk {chunk} of `{path}` is not here")]
    ChunkMissing {
        /// The document.
        path: DocumentPath,
        /// The chunk.
        chunk: ChunkId,
    },
    /// Chunks that are right one by one do not make the document that was announced.
    #[error("the chunks of `{0}` do not make the document that was announced")]
    Content(DocumentPath),
    /// As the operating system says, with the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl From<FileError> for LibraryError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}

impl Library {
    /// A file that was modified less than this long ago is being written.
    pub const SETTLE_MILLIS: i64 = 2000;

    /// Finds the library in `folder`, and tidies what a run that died left there.
    ///
    /// # Errors
    /// [`LibraryError::Missing`], [`LibraryError::NotAFolder`], [`LibraryError::NoMarker`], or as the operating system says.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        Err(LibraryError::Missing(folder.into()))
    }

    /// Makes the folder where it is not there, and marks it. What is in it stays; marking twice is no error.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn create(world: &World, folder: &Path) -> Result<Self, LibraryError> {
        world.step("mark library")?;
        Self::open(folder)
    }

    /// With another time for files to settle than [`Self::SETTLE_MILLIS`]; 0: every file is taken at once.
    #[must_use]
    pub fn with_settle_millis(self, settle_millis: i64) -> Self {
        Self { settle_millis, ..self }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `length` bytes of a document from `offset`, where they still are the chunk `expect`.
    ///
    /// # Errors
    /// [`LibraryError::Changed`] where they are not, or as the operating system says.
    pub fn read_chunk(&self, path: &DocumentPath, _offset: u64, _length: u32, _expect: ChunkId) -> Result<Vec<u8>, LibraryError> {
        Err(LibraryError::Changed(path.clone()))
    }

    /// Bytes that are free where the folder is; `None` where the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        None
    }
}
