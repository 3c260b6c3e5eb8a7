//! Changes the folder: places, removes and renames documents, and never touches what was edited since it was last seen.

use super::{ChunkId, Document, DocumentPath, Library, LibraryError, Recipe, Refusal, Seen};
use crate::world::World;

/// What became of a document that was to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is there, whole and flushed; also where it was there already.
    Done(Seen),
    /// A file is there that is not what was seen: nothing was done.
    Edited,
    /// Something is in the way that is no document: nothing was done.
    Blocked(Refusal),
}

/// What became of a document that was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone; also where it was gone already.
    Done,
    /// The file is not what was seen: nothing was done.
    Edited,
    /// Something is there, or in the way, that is no document: nothing was done.
    Blocked(Refusal),
}

/// What became of a document that was to get another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// It has its new name.
    Done(Seen),
    /// There is no file of the old name.
    Absent,
    /// The file is not what was seen: nothing was done.
    Edited,
    /// Something has the new name, or is in the way: nothing was done.
    Blocked(Refusal),
}

impl Library {
    /// Puts a document together in a hidden folder of the library and gives it its name, whole or not at all. `chunk` gives the chunks of
    /// `recipe`; `standing` is what was last seen at the path, `None` where nothing is to be there.
    ///
    /// # Errors
    /// [`LibraryError::Full`], [`LibraryError::ChunkMissing`], [`LibraryError::Content`], or as the operating system says.
    pub fn place(
        &self,
        world: &World,
        document: &Document,
        recipe: &Recipe,
        chunk: &mut dyn FnMut(&ChunkId) -> Option<Vec<u8>>,
        standing: Option<&Seen>,
    ) -> Result<Placed, LibraryError> {
        let _ = (chunk, standing, recipe);
        world.step("place document")?;
        Err(LibraryError::Content(document.path.clone()))
    }

    /// Gives a document that is what was seen, or whose content is the same, another modification time and executable bit.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn dress(&self, world: &World, document: &Document, standing: &Seen) -> Result<Placed, LibraryError> {
        let _ = standing;
        world.step("place document")?;
        Err(LibraryError::Content(document.path.clone()))
    }

    /// Removes a document that still is what was seen, and the folders that are empty then.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn remove(&self, world: &World, path: &DocumentPath, standing: &Seen) -> Result<Removed, LibraryError> {
        let _ = standing;
        world.step("remove document")?;
        Err(LibraryError::Content(path.clone()))
    }

    /// Gives a document another name that nothing has. `standing` is what was last seen there, `None`: whatever it is now.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn rename(&self, world: &World, from: &DocumentPath, to: &DocumentPath, standing: Option<&Seen>) -> Result<Renamed, LibraryError> {
        let _ = (to, standing);
        world.step("rename document")?;
        Err(LibraryError::Content(from.clone()))
    }
}
