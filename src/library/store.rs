//! Keeps chunks that came until their document is complete: packs as they travelled, in the home folder.

use std::path::Path;

use super::{ChunkId, LibraryError, PackFault};
use crate::world::World;

/// The packs in a folder, and where each chunk is.
#[derive(Debug)]
pub struct ChunkStore {}

impl ChunkStore {
    /// Opens the store in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(_folder: &Path) -> Result<Self, LibraryError> {
        Ok(Self {})
    }

    /// Verifies a pack that came, every chunk of it, and keeps it. Taking one twice is no error. Gives the chunks it has.
    ///
    /// # Errors
    /// [`PackFault`]: nothing of it is kept then. Crashes come as an error of the operating system's kind `Other`.
    pub fn take(
        &mut self,
        world: &World,
        frames: &mut dyn std::io::Read,
        index: &mut dyn std::io::Read,
    ) -> Result<Vec<ChunkId>, PackFault> {
        let _ = (world, frames, index);
        Ok(Vec::new())
    }

    /// Whether a chunk is here.
    #[must_use]
    pub fn has(&self, _id: &ChunkId) -> bool {
        false
    }

    /// A chunk, verified; `None` where it is not here.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn get(&mut self, _id: &ChunkId) -> Result<Option<Vec<u8>>, LibraryError> {
        Ok(None)
    }

    /// Removes the packs of which no chunk is wanted any more.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn sweep(&mut self, world: &World, wanted: &dyn Fn(&ChunkId) -> bool) -> Result<(), LibraryError> {
        let _ = (world, wanted);
        Ok(())
    }
}
