//! Changes the folder: places, removes and renames documents, and never touches what was edited since it was last seen.
//!
//! **Placing**: chunks → scratch file in the hidden folder, every chunk and then the whole verified, time and rights set, flushed → *place
//! document* → exchanged with what stands there (or renamed to the free name) → what came out is looked at once more: where it was written in
//! the last moment it is exchanged back → deleted. **Removing**: the file is taken into the hidden folder → looked at once more → deleted.
//! Where a system cannot exchange two names, a rename replaces what was looked at right before.
//!
//! Crash points: *make folders*, *place document*, *dress document*, *remove document*, *rename document*, each right before what another run
//! would find. A kill anywhere leaves the old file or the new one whole under the name; what it leaves in the hidden folder
//! [`Library::open`] clears away, an edit caught in the exchange included.
//!
//! Invariants: nothing is deleted or replaced but a file with the content that was seen. Doing a thing again that is done is done. No link is
//! followed, neither at the name nor on the way.

use std::ffi::OsStr;
use std::io::{self, Write};

use super::folder::{SWAP, Way};
use super::inside::{Inside, Kind, Look, set_modified};
use super::{ChunkId, ContentId, Cut, Document, DocumentPath, Library, LibraryError, Recipe, Refusal, Seen};
use crate::world::World;
use crate::world::files::{TEMPORARY, set_executable};

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
    /// It has its new name. `None` where nothing was known of its content.
    Done(Option<Seen>),
    /// There is no file of the old name.
    Absent,
    /// The file is not what was seen: nothing was done.
    Edited,
    /// Something has the new name, or is in the way: nothing was done.
    Blocked(Refusal),
}

/// What is under a name.
enum There {
    Nothing,
    /// A file with the content that was seen.
    Seen(Look),
    /// A file with the content that is to be placed.
    Wanted(Look),
    /// Another file.
    Edited,
    Blocked(Refusal),
}

impl Library {
    /// Puts a document together in a hidden folder of the library and gives it its name, whole or not at all. `chunk` gives the chunks of
    /// `recipe`; `standing` is what was last seen at the path, `None` where nothing is to be there. Where nothing is there all the same,
    /// the document is placed.
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
        if recipe.content != document.content || recipe.bytes() != document.bytes {
            return Err(LibraryError::Content(document.path.clone()));
        }
        let name = OsStr::new(document.path.split().1);
        let before = match self.way_to(&document.path)? {
            Way::Open(folder) => match there(world, &folder, name, standing, Some(document))? {
                There::Nothing => None,
                // An empty folder is nothing: it does not travel either.
                There::Blocked(Refusal::Folder) if folder.remove_empty(name) => None,
                There::Seen(look) => Some(look),
                There::Wanted(look) => return dress(world, &folder, document, recipe.cut, &look),
                There::Edited => return Ok(Placed::Edited),
                There::Blocked(refusal) => return Ok(Placed::Blocked(refusal)),
            },
            Way::Absent => None,
            Way::Blocked(refusal) => return Ok(Placed::Blocked(refusal)),
        };
        self.hold_free(document)?;
        let hidden = self.hidden()?;
        let scratch = Scratch::new(world, &hidden, &document.content);
        let file = scratch.write(world, document, recipe, chunk, before.map(|look| look.mode))?;
        world.step("make folders")?;
        let folder = match self.make_way_to(&document.path)? {
            Way::Open(folder) => folder,
            Way::Absent => return Err(LibraryError::Changed(document.path.clone())),
            Way::Blocked(refusal) => return Ok(Placed::Blocked(refusal)),
        };
        world.step("place document")?;
        let done = match (before, standing) {
            (Some(before), Some(standing)) => scratch.exchange(&folder, name, &before, &standing.content, &file)?,
            (Some(_), None) | (None, _) => match hidden.rename_free(&scratch.name, &folder, name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                renamed => renamed.map(|()| true)?,
            },
        };
        if !done {
            return Ok(Placed::Edited);
        }
        scratch.is_used();
        folder.sync()?;
        Ok(Placed::Done(seen(&Inside::look_at(&file)?, document, recipe.cut)))
    }

    /// Gives a document that has the right content its modification time and executable bit.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn dress(&self, world: &World, document: &Document, standing: &Seen) -> Result<Placed, LibraryError> {
        let folder = match self.way_to(&document.path)? {
            Way::Open(folder) => folder,
            Way::Absent => return Ok(Placed::Edited),
            Way::Blocked(refusal) => return Ok(Placed::Blocked(refusal)),
        };
        let name = OsStr::new(document.path.split().1);
        if document.content != standing.content {
            return Err(LibraryError::Content(document.path.clone()));
        }
        match there(world, &folder, name, Some(standing), None)? {
            There::Seen(look) | There::Wanted(look) => dress(world, &folder, document, standing.cut, &look),
            There::Nothing | There::Edited => Ok(Placed::Edited),
            There::Blocked(refusal) => Ok(Placed::Blocked(refusal)),
        }
    }

    /// Removes a document that still is what was seen, and the folders that are empty then.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn remove(&self, world: &World, path: &DocumentPath, standing: &Seen) -> Result<Removed, LibraryError> {
        let folder = match self.way_to(path)? {
            Way::Open(folder) => folder,
            Way::Absent => return Ok(Removed::Done),
            Way::Blocked(refusal) => return Ok(Removed::Blocked(refusal)),
        };
        let name = OsStr::new(path.split().1);
        let before = match there(world, &folder, name, Some(standing), None)? {
            There::Nothing => None,
            There::Seen(look) => Some(look),
            There::Wanted(_) | There::Edited => return Ok(Removed::Edited),
            There::Blocked(refusal) => return Ok(Removed::Blocked(refusal)),
        };
        world.step("remove document")?;
        if let Some(before) = before
            && !take_out(&self.hidden()?, &folder, name, &before, &standing.content)?
        {
            return Ok(Removed::Edited);
        }
        self.remove_empty_folders(path)?;
        Ok(Removed::Done)
    }

    /// Gives a document another name that nothing has. `standing` is what was last seen there, `None`: whatever it is now.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn rename(&self, world: &World, from: &DocumentPath, to: &DocumentPath, standing: Option<&Seen>) -> Result<Renamed, LibraryError> {
        let folder = match self.way_to(from)? {
            Way::Open(folder) => folder,
            Way::Absent => return Ok(Renamed::Absent),
            Way::Blocked(refusal) => return Ok(Renamed::Blocked(refusal)),
        };
        let name = OsStr::new(from.split().1);
        match (there(world, &folder, name, standing, None)?, standing) {
            (There::Nothing, _) => return Ok(Renamed::Absent),
            (There::Blocked(refusal), _) => return Ok(Renamed::Blocked(refusal)),
            (There::Edited | There::Wanted(_), Some(_)) => return Ok(Renamed::Edited),
            (There::Seen(_), _) | (There::Edited | There::Wanted(_), None) => {}
        }
        world.step("make folders")?;
        let target = match self.make_way_to(to)? {
            Way::Open(target) => target,
            Way::Absent => return Err(LibraryError::Changed(to.clone())),
            Way::Blocked(refusal) => return Ok(Renamed::Blocked(refusal)),
        };
        let new = OsStr::new(to.split().1);
        world.step("rename document")?;
        match folder.rename_free(name, &target, new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Renamed::Blocked(Refusal::Taken)),
            renamed => renamed?,
        }
        target.sync()?;
        folder.sync()?;
        self.remove_empty_folders(from)?;
        // What was written in the last moment looks different the next time: its time is not taken from here.
        let changed_ns = target.look(new)?.map_or(0, |look| look.changed_ns);
        Ok(Renamed::Done(standing.map(|standing| Seen { changed_ns, ..*standing })))
    }

    /// Removes the folders above a path in which nothing is any more.
    fn remove_empty_folders(&self, path: &DocumentPath) -> Result<(), LibraryError> {
        let mut path = path.clone();
        while let Some(folder) = path.split().0 {
            path = DocumentPath::new(folder).expect("the folder of a path is one");
            let Way::Open(above) = self.way_to(&path)? else { break };
            if !above.remove_empty(OsStr::new(path.split().1)) {
                break;
            }
        }
        Ok(())
    }

    /// Whether there is room for a document, where the system says.
    fn hold_free(&self, document: &Document) -> Result<(), LibraryError> {
        let needed = document.bytes.saturating_add(self.spare_bytes);
        match self.free_bytes() {
            Some(free) if free < needed => Err(LibraryError::Full { path: document.path.clone(), needed, free: Some(free) }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Deletes a file that looks like `before`; `false` where it does not any more.
pub(super) fn take_out(hidden: &Inside, folder: &Inside, name: &OsStr, before: &Look, standing: &ContentId) -> Result<bool, LibraryError> {
    let aside = swap_name(standing, standing);
    let aside = OsStr::new(&aside);
    folder.rename_free(name, hidden, aside)?;
    let unwritten = hidden.look(aside)?.is_some_and(|look| look.is_unwritten(before));
    if unwritten {
        hidden.remove(aside)?;
        folder.sync()?;
    } else {
        hidden.rename_free(aside, folder, name)?;
    }
    Ok(unwritten)
}

/// Looks at a name, and into the file where its looks do not tell.
fn there(world: &World, folder: &Inside, name: &OsStr, standing: Option<&Seen>, wanted: Option<&Document>) -> Result<There, LibraryError> {
    let Some(look) = folder.look(name)? else { return Ok(There::Nothing) };
    match look.kind {
        Kind::File => {}
        Kind::Folder => return Ok(There::Blocked(Refusal::Folder)),
        Kind::Link => return Ok(There::Blocked(Refusal::Link)),
        Kind::Special => return Ok(There::Blocked(Refusal::Special)),
    }
    if let Some(standing) = standing.filter(|standing| look.is(standing)) {
        let is_wanted = wanted.is_some_and(|wanted| wanted.content == standing.content);
        return Ok(if is_wanted { There::Wanted(look) } else { There::Seen(look) });
    }
    let standing = standing.filter(|standing| standing.bytes == look.bytes).map(|standing| standing.content);
    let wanted = wanted.filter(|wanted| wanted.bytes == look.bytes).map(|wanted| wanted.content);
    if standing.is_none() && wanted.is_none() {
        return Ok(There::Edited);
    }
    let content = hash(world, folder, name)?;
    let still = folder.look(name)? == Some(look);
    Ok(match Some(content) {
        content if still && content == wanted => There::Wanted(look),
        content if still && content == standing => There::Seen(look),
        Some(_) | None => There::Edited,
    })
}

fn hash(world: &World, folder: &Inside, name: &OsStr) -> Result<ContentId, LibraryError> {
    let mut file = folder.open(name)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        world.go_on()?;
        match io::Read::read(&mut file, &mut buffer) {
            Ok(0) => return Ok(ContentId(hasher.finalize().into())),
            Ok(read) => drop(hasher.update(&buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives a file its time and rights that had the right content when it looked like `before`: with another time nobody would see that it was
/// written to since.
pub(super) fn dress(world: &World, folder: &Inside, document: &Document, cut: Cut, before: &Look) -> Result<Placed, LibraryError> {
    let name = OsStr::new(document.path.split().1);
    let file = folder.open_to_dress(name)?;
    let look = Inside::look_at(&file)?;
    if !look.is_unwritten(before) {
        return Ok(Placed::Edited);
    }
    if look.modified() != document.modified || look.executable().is_some_and(|executable| executable != document.executable) {
        world.step("dress document")?;
        set_executable(&file, document.executable, look.mode)?;
        set_modified(&file, document.modified)?;
        file.sync_all()?;
    }
    Ok(Placed::Done(seen(&Inside::look_at(&file)?, document, cut)))
}

/// What to know of a document that was placed. Its length and time are what we wrote: what somebody wrote since looks different.
const fn seen(look: &Look, document: &Document, cut: Cut) -> Seen {
    Seen {
        bytes: document.bytes,
        modified_ns: look.modified_ns,
        changed_ns: look.changed_ns,
        executable: match look.executable() {
            Some(executable) => executable,
            None => document.executable,
        },
        content: document.content,
        cut,
    }
}

fn swap_name(standing: &ContentId, new: &ContentId) -> String {
    format!("{standing}-{new}{SWAP}")
}

/// A document that is being put together. Gone when it is dropped, unless it was used or the process is dead.
struct Scratch<'a> {
    world: &'a World,
    hidden: &'a Inside,
    name: std::ffi::OsString,
    content: ContentId,
    used: std::cell::Cell<bool>,
}

impl<'a> Scratch<'a> {
    fn new(world: &'a World, hidden: &'a Inside, content: &ContentId) -> Self {
        let name = data_encoding::HEXLOWER.encode(&world.random::<8>()) + TEMPORARY;
        Self { world, hidden, name: name.into(), content: *content, used: std::cell::Cell::new(false) }
    }

    /// Writes, verifies and flushes; `like`: the rights of the file it replaces.
    fn write(
        &self,
        world: &World,
        document: &Document,
        recipe: &Recipe,
        chunk: &mut dyn FnMut(&ChunkId) -> Option<Vec<u8>>,
        like: Option<u32>,
    ) -> Result<std::fs::File, LibraryError> {
        let mut file = self.hidden.create(&self.name)?;
        let needed = document.bytes.saturating_add(Library::SPARE_BYTES);
        match Inside::reserve(&file, needed) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                return Err(LibraryError::Full { path: document.path.clone(), needed, free: None });
            }
            reserved => reserved?,
        }
        let mut whole = blake3::Hasher::new();
        for (id, length) in &recipe.chunks {
            world.go_on()?;
            let missing = || LibraryError::ChunkMissing { path: document.path.clone(), chunk: *id };
            let plain = chunk(id).ok_or_else(missing)?;
            if plain.len() != *length as usize {
                return Err(LibraryError::Content(document.path.clone()));
            }
            whole.update(&plain);
            file.write_all(&plain)?;
        }
        if whole.finalize() != blake3::Hash::from(document.content.0) {
            return Err(LibraryError::Content(document.path.clone()));
        }
        file.set_len(document.bytes)?;
        let like = like.map_or_else(|| Inside::look_at(&file).map(|look| look.mode), Ok)?;
        set_executable(&file, document.executable, like)?;
        set_modified(&file, document.modified)?;
        file.sync_all()?;
        Ok(file)
    }

    /// Takes the place of a file that looks like `before`; `false` where it does not any more. `file` is what was written.
    fn exchange(
        &self,
        folder: &Inside,
        name: &OsStr,
        before: &Look,
        standing: &ContentId,
        file: &std::fs::File,
    ) -> Result<bool, LibraryError> {
        let aside = swap_name(standing, &self.content);
        let aside = OsStr::new(&aside);
        self.hidden.rename_free(&self.name, self.hidden, aside)?;
        if !self.hidden.swap(aside, folder, name)? {
            let unwritten = folder.look(name)?.is_some_and(|look| look.is_unwritten(before));
            if unwritten {
                self.hidden.rename_over(aside, folder, name)?;
            } else {
                self.hidden.remove(aside)?;
            }
            return Ok(unwritten);
        }
        let came_out = self.hidden.look(aside)?;
        if came_out.is_some_and(|look| look.is_unwritten(before)) {
            self.hidden.remove(aside)?;
            return Ok(true);
        }
        self.hidden.swap(aside, folder, name)?;
        // Where it was saved once more meanwhile, that came out: it stays for the next start to bring it back.
        let ours = Inside::look_at(file)?;
        if self.hidden.look(aside)?.is_some_and(|look| look.is_unwritten(&ours)) {
            self.hidden.remove(aside)?;
        }
        Ok(false)
    }

    fn is_used(&self) {
        self.used.set(true);
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if !self.used.get() && self.world.go_on().is_ok() {
            // The next start clears it away where this fails.
            drop(self.hidden.remove(&self.name));
        }
    }
}
