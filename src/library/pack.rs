//! Chunks that travel together: zstd frames one after another, and an index of what is in them.
//!
//! Two parts of a packet. `documents/chunks.zst` has the frames and nothing else: `zstd -d` unpacks it whole. `documents/chunks.jsonl` has a
//! line for each frame: its packed length, and the lengths of the chunks in it, in order. Several chunks share a frame, because a few
//! thousand bytes alone hardly shrink. Hashes are not told: a chunk is what its bytes hash to, and the recipes say which ones are wanted.
//!
//! A frame is taken only where it is exactly what its line says: one frame of that length, unpacked to the sum of the chunks. Never more than
//! a frame is unpacked at a time, whatever a frame claims of itself.

use std::collections::HashSet;
use std::io::{self, BufRead, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ChunkId, Cut, LibraryError};
use crate::world::Crash;

/// Most unpacked bytes of a frame; one chunk always fits.
const FRAME_BYTES: usize = Cut::LONGEST as usize;
/// Most chunks of a frame.
const FRAME_CHUNKS: usize = 4096;
/// A frame that does not shrink grows by its headers.
const FRAME_PACKED_BYTES: usize = FRAME_BYTES + (64 << 10);
/// Longest line of an index; the store's own has about 80 bytes for a chunk.
const LINE_BYTES: u64 = 1 << 20;
/// zstd's own default.
const LEVEL: i32 = 3;

/// A line of the index as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// Bytes of the frame.
    pub packed: u32,
    /// Lengths of the chunks.
    pub lengths: Vec<u32>,
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
        reason: &'static str,
    },
    /// As the operating system says.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

/// Writes a pack into two files.
pub struct PackWriter {
    frames: BufWriter<fs_err::File>,
    index: BufWriter<fs_err::File>,
    compressor: zstd::bulk::Compressor<'static>,
    /// Everything that was put.
    ids: HashSet<ChunkId>,
    plain: Vec<u8>,
    lengths: Vec<u32>,
    written: u64,
}

impl std::fmt::Debug for PackWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackWriter").field("frames", &self.frames).field("written", &self.written).finish_non_exhaustive()
    }
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
    pub fn create(frames: &Path, index: &Path) -> Result<Self, LibraryError> {
        Ok(Self {
            frames: BufWriter::new(fs_err::File::create(frames)?),
            index: BufWriter::new(fs_err::File::create(index)?),
            compressor: zstd::bulk::Compressor::new(LEVEL)?,
            ids: HashSet::new(),
            plain: Vec::new(),
            lengths: Vec::new(),
            written: 0,
        })
    }

    /// Adds a chunk; one that is in the pack already is not added again.
    ///
    /// # Errors
    /// As the operating system says.
    ///
    /// # Panics
    /// Where the chunk is empty or longer than [`Cut::LONGEST`].
    pub fn put(&mut self, id: ChunkId, plain: &[u8]) -> Result<(), LibraryError> {
        let length = u32::try_from(plain.len()).ok().filter(|length| (1..=Cut::LONGEST).contains(length));
        let length = length.expect("chunks are cut no longer");
        if !self.ids.insert(id) {
            return Ok(());
        }
        if self.plain.len() + plain.len() > FRAME_BYTES || self.lengths.len() == FRAME_CHUNKS {
            self.end_frame()?;
        }
        self.plain.extend_from_slice(plain);
        self.lengths.push(length);
        Ok(())
    }

    /// About how many bytes the frames have so far; what is not yet packed counts in full.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.written + self.plain.len() as u64
    }

    /// Ends the pack; the bytes of its frames.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn finish(mut self) -> Result<u64, LibraryError> {
        self.end_frame()?;
        self.frames.flush()?;
        self.index.flush()?;
        Ok(self.written)
    }

    fn end_frame(&mut self) -> Result<(), LibraryError> {
        if self.lengths.is_empty() {
            return Ok(());
        }
        let packed = self.compressor.compress(&self.plain)?;
        self.frames.write_all(&packed)?;
        self.written += packed.len() as u64;
        let packed = u32::try_from(packed.len()).expect("a frame is hardly longer than what is in it");
        let line = Line { packed, lengths: std::mem::take(&mut self.lengths) };
        serde_json::to_writer(&mut self.index, &line).map_err(io::Error::from)?;
        self.index.write_all(b"\n")?;
        self.plain.clear();
        Ok(())
    }
}

/// Reads lines of an index, that of a packet or the store's own.
pub(super) struct Index<R> {
    lines: R,
    line: usize,
}

impl<R: BufRead> Index<R> {
    pub const fn new(lines: R) -> Self {
        Self { lines, line: 0 }
    }

    /// The next line; `None` at the end.
    pub fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, PackFault> {
        let mut text = Vec::new();
        self.lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if text.pop() != Some(b'\n') {
            return Err(self.fault("it does not end, or is too long".into()));
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| self.fault(error.to_string()))
    }

    /// The next frame, within its limits; `None` at the end.
    pub fn next_frame(&mut self) -> Result<Option<Line>, PackFault> {
        let Some(line) = self.next::<Line>()? else { return Ok(None) };
        let lengths_hold = line.lengths.iter().all(|length| (1..=Cut::LONGEST).contains(length));
        if line.lengths.is_empty() || line.lengths.len() > FRAME_CHUNKS || !lengths_hold || line.plain() > FRAME_BYTES {
            return Err(self.fault("it has no chunks, or more or longer ones than a frame may have".into()));
        }
        if line.packed as usize > FRAME_PACKED_BYTES {
            return Err(self.fault("the frame is longer than one may be".into()));
        }
        Ok(Some(line))
    }

    const fn fault(&self, reason: String) -> PackFault {
        PackFault::Index { line: self.line, reason }
    }
}

impl Line {
    /// Bytes of all chunks.
    fn plain(&self) -> usize {
        self.lengths.iter().map(|length| *length as usize).sum()
    }

    /// Unpacks a frame; the chunks one after another. `number` is counted from 1.
    pub fn unpack(&self, packed: &[u8], number: usize) -> Result<Vec<u8>, PackFault> {
        let fault = |reason| PackFault::Frame { frame: number, reason };
        // Two frames would be unpacked as well, and one among them that readers are to skip.
        if zstd::zstd_safe::find_frame_compressed_size(packed) != Ok(packed.len()) {
            return Err(fault("it is not one zstd frame of that length"));
        }
        let plain = zstd::bulk::decompress(packed, self.plain()).map_err(|_| fault("it cannot be unpacked to that length"))?;
        if plain.len() == self.plain() { Ok(plain) } else { Err(fault("it unpacks to less")) }
    }

    /// The chunks of an unpacked frame.
    pub fn chunks<'a>(&self, mut plain: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.lengths.iter().map(move |length| {
            let (chunk, rest) = plain.split_at(*length as usize);
            plain = rest;
            chunk
        })
    }
}
