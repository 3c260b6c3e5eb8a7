//! Chunks that travel together: zstd frames one after another, and an index of what is in them.
//!
//! Two parts of a packet: `documents/chunks.zst` (`zstd -d` unpacks it whole) and `documents/chunks.jsonl`, a line for each frame.

use std::path::Path;

use super::{ChunkId, LibraryError};

/// Writes a pack into two files.
#[derive(Debug)]
pub struct PackWriter {
    bytes: u64,
}

/// Why a pack that came is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PackFault {
    /// A line of the index does not say what it must.
    #[error("line {line} of the index of chunks cannot be read: {reason}")]
    Index {
        /// Counted from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// A frame is not what its line says.
    #[error("frame {frame} of the chunks is not what the index says: {reason}")]
    Frame {
        /// Counted from 1.
        frame: usize,
        /// What is wrong.
        reason: String,
    },
    /// As the operating system says.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl PackWriter {
    /// Name of the part with the frames.
    pub const FRAMES: &'static str = "documents/chunks.zst";
    /// Name of the part with the index.
    pub const INDEX: &'static str = "documents/chunks.jsonl";

    /// Begins a pack in the two files, which are made or emptied.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn create(_frames: &Path, _index: &Path) -> Result<Self, LibraryError> {
        Ok(Self { bytes: 0 })
    }

    /// Adds a chunk. The caller sees to it that none is added twice.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn put(&mut self, _id: ChunkId, _plain: &[u8]) -> Result<(), LibraryError> {
        Ok(())
    }

    /// About how many bytes the frames have so far; what is not yet packed counts in full.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the pack; the bytes of its frames.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn finish(self) -> Result<u64, LibraryError> {
        Ok(self.bytes)
    }
}
