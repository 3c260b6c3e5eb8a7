//! Keeps chunks that came until their document is complete: packs as they travelled, in the home folder.
//!
//! States of a pack: being taken (a scratch file) → frames there (`<hash>.zst`) → index there (`<hash>.jsonl`): only now it counts. The index
//! is that of the packet with the hash of every chunk, and names the pack by its own hash. Crash points: *keep chunks* before each of the two renames, *forget chunks* before a pack is
//! deleted (index first). Frames without index are cleared away at the next start.
//!
//! Invariants: a pack counts only after every frame of it was unpacked; a chunk is given only where its bytes have its hash now. A pack that is
//! found damaged is as if it had never come: its chunks are asked for again. Memory: one frame, and about 80 bytes per chunk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use serde::{Deserialize, Serialize};

use super::pack::{Index, Line};
use super::{ChunkId, LibraryError, PackFault};
use crate::world::World;
use crate::world::files::{self, TEMPORARY};

const FRAMES: &str = ".zst";
const INDEX: &str = ".jsonl";

/// The packs in a folder, and where each chunk is.
#[derive(Debug)]
pub struct ChunkStore {
    folder: PathBuf,
    packs: BTreeMap<u32, Kept>,
    /// Pack, frame, and place in the unpacked frame.
    places: HashMap<ChunkId, Place>,
    next: u32,
    /// What was unpacked last: chunks are asked for in order.
    last: Option<((u32, u32), Vec<u8>)>,
}

#[derive(Debug)]
struct Kept {
    /// Of its two files, without endings.
    name: String,
    /// Where each frame begins, and what is in it.
    frames: Vec<(u64, Line)>,
}

/// A line of the store's index.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    ids: Vec<ChunkId>,
    frame: Line,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    pack: u32,
    frame: u32,
    at: u32,
    length: u32,
}

impl ChunkStore {
    /// Opens the store in `folder`, which is made where it is not there, and clears away what a run that died left there.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        fs::create_dir_all(folder)?;
        let store = Self::look(folder)?;
        let kept: HashSet<String> =
            store.packs.values().flat_map(|pack| [FRAMES, INDEX].map(|ending| format!("{}{ending}", pack.name))).collect();
        for name in names(folder)? {
            let is_ours = [INDEX, FRAMES, TEMPORARY].iter().any(|ending| name.ends_with(ending));
            if is_ours && !kept.contains(&name) {
                fs::remove_file(folder.join(name))?;
            }
        }
        Ok(store)
    }

    /// Opens the store in `folder`, if there is one, and touches nothing: for whoever looks while another works with it.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn look(folder: &Path) -> Result<Self, LibraryError> {
        let mut store = Self { folder: folder.into(), packs: BTreeMap::new(), places: HashMap::new(), next: 0, last: None };
        for index in names(folder)?.iter().filter(|name| name.ends_with(INDEX)) {
            match read_index(&folder.join(index)) {
                Ok(frames) => store.add(index.trim_end_matches(INDEX).into(), frames),
                Err(PackFault::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(PackFault::Io(error)) => return Err(error.into()),
                Err(PackFault::Crash(crash)) => return Err(crash.into()),
                // Damaged: its chunks will be asked for again.
                Err(PackFault::Index { .. } | PackFault::Frame { .. }) => {}
            }
        }
        Ok(store)
    }

    /// Verifies a pack that came, every chunk of it, and keeps it. Taking one twice is no error. Gives the chunks it has.
    ///
    /// # Errors
    /// [`PackFault`]: nothing of it is kept then.
    pub fn take(&mut self, world: &World, frames: &mut dyn Read, index: &mut dyn Read) -> Result<Vec<ChunkId>, PackFault> {
        let scratch = || tempfile::Builder::new().prefix(".").suffix(TEMPORARY).tempfile_in(&self.folder);
        let (mut kept_frames, mut kept_index) = (scratch()?, scratch()?);
        let mut name = blake3::Hasher::new();
        let mut lines = Index::new(BufReader::new(index));
        let (mut taken, mut all, mut start) = (Vec::new(), HashSet::new(), 0);
        while let Some(frame) = lines.next_frame()? {
            world.go_on()?;
            let number = taken.len() + 1;
            let mut packed = Vec::new();
            frames.take(frame.packed.into()).read_to_end(&mut packed)?;
            if packed.len() != frame.packed as usize {
                return Err(PackFault::Frame { frame: number, reason: "it ends early" });
            }
            let plain = frame.unpack(&packed, number)?;
            let ids: Vec<ChunkId> = frame.chunks(&plain).map(ChunkId::of).collect();
            if !ids.iter().all(|id| all.insert(*id)) {
                return Err(PackFault::Frame { frame: number, reason: "it has a chunk that was there already" });
            }
            kept_frames.write_all(&packed)?;
            let kept = Frame { ids, frame };
            let mut line = serde_json::to_vec(&kept).map_err(std::io::Error::from)?;
            line.push(b'\n');
            name.update(&line);
            kept_index.write_all(&line)?;
            taken.push((start, kept));
            start += packed.len() as u64;
        }
        if frames.read(&mut [0])? > 0 {
            return Err(PackFault::Frame { frame: taken.len() + 1, reason: "the index does not name it" });
        }
        let name = name.finalize().to_hex().to_string();
        if !taken.is_empty() && !self.packs.values().any(|pack| pack.name == name) {
            for (file, ending) in [(kept_frames, FRAMES), (kept_index, INDEX)] {
                file.as_file().sync_all()?;
                world.step("keep chunks")?;
                file.persist(self.folder.join(format!("{name}{ending}"))).map_err(|error| error.error)?;
                files::sync_folder(&self.folder)?;
            }
            self.add(name, taken);
        }
        Ok(all.into_iter().collect())
    }

    /// Whether a chunk is here.
    #[must_use]
    pub fn has(&self, id: &ChunkId) -> bool {
        self.places.contains_key(id)
    }

    /// A chunk, verified; `None` where it is not here. Asking in the order of a recipe is fastest.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn get(&mut self, id: &ChunkId) -> Result<Option<Vec<u8>>, LibraryError> {
        let Some(place) = self.places.get(id).copied() else { return Ok(None) };
        if self.last.as_ref().is_none_or(|(last, _)| *last != (place.pack, place.frame)) {
            self.last = self.unpack(place)?.map(|plain| ((place.pack, place.frame), plain));
        }
        let plain = self.last.as_ref().and_then(|(_, plain)| plain.get(place.at as usize..)?.get(..place.length as usize));
        match plain.filter(|plain| ChunkId::of(plain) == *id) {
            Some(plain) => Ok(Some(plain.to_vec())),
            None => {
                self.places.retain(|_, other| other.pack != place.pack);
                Ok(None)
            }
        }
    }

    /// Removes the packs of which no chunk is wanted any more.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn sweep(&mut self, world: &World, wanted: &dyn Fn(&ChunkId) -> bool) -> Result<(), LibraryError> {
        let used: HashSet<u32> = self.places.iter().filter(|(id, _)| wanted(id)).map(|(_, place)| place.pack).collect();
        let unused: Vec<u32> = self.packs.keys().copied().filter(|pack| !used.contains(pack)).collect();
        for number in unused {
            let pack = &self.packs[&number];
            for ending in [INDEX, FRAMES] {
                world.step("forget chunks")?;
                match fs::remove_file(self.folder.join(format!("{}{ending}", pack.name))) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
            self.packs.remove(&number);
            self.places.retain(|_, place| place.pack != number);
            self.last = None;
        }
        Ok(())
    }

    fn add(&mut self, name: String, frames: Vec<(u64, Frame)>) {
        let pack = self.next;
        self.next += 1;
        let mut kept = Vec::with_capacity(frames.len());
        for (number, (start, Frame { ids, frame })) in frames.into_iter().enumerate() {
            let number = u32::try_from(number).expect("a pack has fewer frames");
            let mut at = 0;
            for (id, length) in ids.into_iter().zip(&frame.lengths) {
                self.places.entry(id).or_insert(Place { pack, frame: number, at, length: *length });
                at += length;
            }
            kept.push((start, frame));
        }
        self.packs.insert(pack, Kept { name, frames: kept });
    }

    /// The unpacked frame of a place; `None` where it is damaged.
    fn unpack(&self, place: Place) -> Result<Option<Vec<u8>>, LibraryError> {
        let pack = &self.packs[&place.pack];
        let (start, frame) = &pack.frames[place.frame as usize];
        let mut file = match fs::File::open(self.folder.join(format!("{}{FRAMES}", pack.name))) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        file.seek(SeekFrom::Start(*start))?;
        let mut packed = Vec::new();
        file.take(frame.packed.into()).read_to_end(&mut packed)?;
        Ok(frame.unpack(&packed, place.frame as usize + 1).ok())
    }
}

/// Names of the files in a folder that may not be there.
fn names(folder: &Path) -> Result<Vec<String>, LibraryError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// All lines of an index, with the places of the frames.
fn read_index(path: &Path) -> Result<Vec<(u64, Frame)>, PackFault> {
    let mut lines = Index::new(BufReader::new(fs::File::open(path)?));
    let (mut frames, mut start) = (Vec::new(), 0);
    while let Some(frame) = lines.next::<Frame>()? {
        let packed = u64::from(frame.frame.packed);
        frames.push((start, frame));
        start += packed;
    }
    Ok(frames)
}
