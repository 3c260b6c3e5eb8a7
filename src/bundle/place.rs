//! How do files get into the folder for customizations, and how are contents kept?
//!
//! States of a move: before → after, one rename. Crash points: between two moves; which ones were made shows in what is there, so
//! whoever goes on compares first. A place is looked at before and once more right before the rename: what somebody saves there in
//! between is not replaced. A [`Store`] keeps contents by their hash: what is replaced before it is replaced, what is to be
//! put before anything is moved. Folders that become empty go, those that were there before do too: an empty folder is nothing.

use std::collections::BTreeSet;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fs_err as fs;

use super::moves::{Filed, Move};
use super::paths::{PathFault, check_place};
use crate::model::Millis;
use crate::packet::ContentHash;
use crate::world::files::{self, Existing, FileError, Privacy};
use crate::world::{Crash, World};

/// Bytes of a content that are in memory at a time.
const PIECE: usize = 1 << 20;

/// The folder of a site that bundles put files into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

/// Contents by their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// When a file was written last, from 1970 on, and its length in bytes.
type Stamp = (Option<Duration>, u64);

/// Why a file cannot be put or read there.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// A name that leads elsewhere.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// Something on the way that is no folder of ours: links are not followed.
    #[error("`{}` is a link or no folder: nothing is put through it", .0.display())]
    Way(PathBuf),
    /// Something at the place that is no ordinary file.
    #[error("`{}` is a folder, a link or a device, where a file is to be", .0.display())]
    NoFile(PathBuf),
    /// It changed between looking and moving.
    #[error("`{}` was changed just now", .0.display())]
    Moved(PathBuf),
    /// A content that is not kept: the store was cleared by somebody.
    #[error("the content {0} is not in the store of this home any more")]
    Lost(ContentHash),
    /// The operating system refused; its message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl From<FileError> for Obstacle {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}

impl Folder {
    /// The folder at a place, which need not be there yet.
    #[must_use]
    pub const fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What stands at a path; none where there is no file.
    ///
    /// # Errors
    /// [`Obstacle::Way`], [`Obstacle::NoFile`], or as the operating system says.
    pub fn filed(&self, path: &str) -> Result<Option<Filed>, Obstacle> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let mut file = fs::File::open(file)?;
        let executable = files::rights(file.file())? & 0o100 != 0;
        Ok(Some(Filed { content: hash_of(&mut file)?, executable }))
    }

    /// As [`Folder::filed`]; none also where a person has made a folder of the place, or a file of a folder on the way, so that no file can be
    /// there. Behind a link one may be.
    ///
    /// # Errors
    /// As [`Folder::filed`].
    pub fn filed_if_any(&self, path: &str) -> Result<Option<Filed>, Obstacle> {
        let is = |place: &Path, kind: fn(&std::fs::Metadata) -> bool| fs::symlink_metadata(place).is_ok_and(|about| kind(&about));
        match self.filed(path) {
            Err(Obstacle::NoFile(place)) if is(&place, std::fs::Metadata::is_dir) => Ok(None),
            Err(Obstacle::Way(place)) if is(&place, std::fs::Metadata::is_file) => Ok(None),
            found => found,
        }
    }

    /// Whether two paths are one file: two spellings of a name where case does not matter.
    #[must_use]
    pub fn is_one(&self, one: &str, other: &str) -> bool {
        let same = || -> Result<bool, Obstacle> {
            let (Some(one), Some(other)) = (self.file(one)?, self.file(other)?) else { return Ok(false) };
            Ok(files::is_same(&one, &other)?)
        };
        same().unwrap_or(false)
    }

    /// Whether a path holds something else than was put at a time: what was not written since is not read.
    ///
    /// # Errors
    /// As [`Folder::filed`].
    pub fn differs_since(&self, path: &str, put: Filed, time: Millis) -> Result<bool, Obstacle> {
        let Some(file) = self.file(path)? else { return Ok(true) };
        let since = UNIX_EPOCH.checked_add(Duration::from_millis(time.0.unsigned_abs()));
        let written = fs::metadata(file)?.modified()?;
        Ok(since.is_none_or(|since| written > since) && self.filed(path)? != Some(put))
    }

    /// Keeps what stands at a path in the store, if there is a file. `filed` is what was seen there.
    ///
    /// # Errors
    /// [`Obstacle::Moved`] where it is something else by now; else as [`Folder::filed`].
    pub fn keep(&self, world: &World, path: &str, filed: Filed, store: &Store) -> Result<(), Obstacle> {
        let Some(file) = self.file(path)? else { return Ok(()) };
        store.keep(world, filed.content, &mut fs::File::open(&file)?).map_err(|error| match error {
            Obstacle::Lost(_) => Obstacle::Moved(file),
            Obstacle::Path(_) | Obstacle::Way(_) | Obstacle::NoFile(_) | Obstacle::Moved(_) | Obstacle::Io(_) | Obstacle::Crash(_) => error,
        })
    }

    /// Carries out one move; nothing where it is done already.
    ///
    /// # Errors
    /// [`Obstacle::Moved`] where neither the old nor the new content is there, or somebody saves the file meanwhile.
    pub fn carry_out(&self, world: &World, moved: &Move, store: &Store) -> Result<(), Obstacle> {
        let seen = self.stamp(&moved.path)?;
        let there = self.filed(&moved.path)?;
        if there == moved.after {
            return Ok(());
        }
        let place = self.place(&moved.path);
        if there != moved.before {
            return Err(Obstacle::Moved(place));
        }
        let Some(after) = moved.after else {
            self.check_stamp(&moved.path, seen)?;
            files::remove(world, &place)?;
            self.drop_empty_folders(&moved.path);
            return Ok(());
        };
        self.put(world, &moved.path, after, seen, &mut store.open(after.content)?)
    }

    /// Puts a content at a path that was `seen` with what may be replaced.
    fn put(&self, world: &World, path: &str, filed: Filed, seen: Option<Stamp>, from: &mut impl Read) -> Result<(), Obstacle> {
        let place = self.place(path);
        fs::create_dir_all(place.parent().unwrap_or(&self.root))?;
        if seen.is_none() {
            drop_if_empty(&place);
        }
        // Whoever may read and write a file that is replaced goes on to.
        let like = if seen.is_some() { Some(files::rights(fs::File::open(&place)?.file())?) } else { None };
        let existing = if seen.is_some() { Existing::Replace } else { Existing::Keep };
        let put = files::publish_with(world, &place, existing, Privacy::Ordinary, |file| {
            copy(from, file, filed.content)?;
            let like = like.map_or_else(|| files::rights(file), Ok)?;
            files::set_executable(file, filed.executable, like)?;
            // What takes time is done before the last look.
            file.sync_all()?;
            self.check_stamp(path, seen)
        });
        match put {
            Err(Obstacle::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => Err(Obstacle::Moved(place)),
            put => put,
        }
    }

    /// When a file was written last, and how long it is; none where there is none.
    fn stamp(&self, path: &str) -> Result<Option<Stamp>, Obstacle> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let about = fs::metadata(file)?;
        Ok(Some((about.modified()?.duration_since(UNIX_EPOCH).ok(), about.len())))
    }

    fn check_stamp(&self, path: &str, seen: Option<Stamp>) -> Result<(), Obstacle> {
        if self.stamp(path)? == seen { Ok(()) } else { Err(Obstacle::Moved(self.place(path))) }
    }

    /// Clears what a run that died left where it was putting a file: half a content without an owner, and folders with nothing in them.
    ///
    /// # Errors
    /// As [`Folder::filed`] about the way there.
    pub fn clear_leftovers(&self, world: &World, path: &str) -> Result<(), Obstacle> {
        match self.file(path) {
            // What was to make room for it is still there: nothing was put.
            Err(Obstacle::Way(_)) => return Ok(()),
            Ok(_) | Err(Obstacle::NoFile(_)) => {}
            Err(error) => return Err(error),
        }
        let place = self.place(path);
        let folder = place.parent().unwrap_or(&self.root);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(files::is_unfinished) {
                files::remove(world, &entry.path())?;
            }
        }
        self.drop_empty_folders(path);
        Ok(())
    }

    fn place(&self, path: &str) -> PathBuf {
        path.split('/').fold(self.root.clone(), |place, segment| place.join(segment))
    }

    /// The file at a path, once every folder on the way and the file itself are what they seem.
    fn file(&self, path: &str) -> Result<Option<PathBuf>, Obstacle> {
        check_place(path)?;
        let mut place = self.root.clone();
        let mut segments = path.split('/').peekable();
        while let Some(segment) = segments.next() {
            place.push(segment);
            let last = segments.peek().is_none();
            match fs::symlink_metadata(&place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(Obstacle::Way(place)),
                Err(error) => return Err(error.into()),
                Ok(found) if last && found.is_file() => return Ok(Some(place)),
                Ok(found) if last && found.is_dir() && holds_nothing(&place) => return Ok(None),
                Ok(_) if last => return Err(Obstacle::NoFile(place)),
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(Obstacle::Way(place)),
            }
        }
        Ok(None)
    }

    /// Folders above a file that is gone, as far as nothing else is in them. One that cannot be removed stays.
    fn drop_empty_folders(&self, path: &str) {
        let mut above = path;
        while let Some((folder, _)) = above.rsplit_once('/') {
            if std::fs::remove_dir(self.place(folder)).is_err() {
                return;
            }
            above = folder;
        }
    }
}

impl Store {
    /// The store in a folder, which is made when something is kept.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps a content, unless it is kept.
    ///
    /// # Errors
    /// [`Obstacle::Lost`] where `from` gives something else; else as the operating system says.
    pub fn keep(&self, world: &World, content: ContentHash, from: &mut impl Read) -> Result<(), Obstacle> {
        let place = self.place(content);
        // One that was damaged since is written anew.
        if place.is_file() && fs::File::open(&place).and_then(|mut file| hash_of(&mut file))? == content {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        files::publish_with(world, &place, Existing::Replace, Privacy::Secret, |file| copy(from, file, content))
    }

    /// Whether a content is kept.
    #[must_use]
    pub fn has(&self, hash: ContentHash) -> bool {
        self.place(hash).is_file()
    }

    /// Throws away what nobody needs any more.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn sweep(&self, world: &World, needed: &BTreeSet<ContentHash>) -> Result<(), Obstacle> {
        if !self.folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let named = entry.file_name().to_str().and_then(|name| ContentHash::try_from(name.to_owned()).ok());
            if named.is_none_or(|hash| !needed.contains(&hash)) {
                files::remove(world, &entry.path())?;
            }
        }
        Ok(())
    }

    fn open(&self, hash: ContentHash) -> Result<fs::File, Obstacle> {
        match fs::File::open(self.place(hash)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Obstacle::Lost(hash)),
            opened => Ok(opened?),
        }
    }

    fn place(&self, hash: ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }
}

/// Whether a folder has nothing in it but folders with nothing in them.
fn holds_nothing(folder: &Path) -> bool {
    let is_nothing = |entry: io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && holds_nothing(&entry.path()))
    };
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_nothing))
}

/// Removes a folder that holds nothing: it is in the way of a file. What comes into it meanwhile keeps it.
fn drop_if_empty(folder: &Path) {
    if fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            drop_if_empty(&entry.path());
        }
        drop(std::fs::remove_dir(folder));
    }
}

fn hash_of(from: &mut impl Read) -> io::Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(from)?;
    Ok(hasher.finalize().into())
}

/// Copies a content, a piece at a time; it must be the one that is expected.
fn copy(from: &mut impl Read, to: &mut std::fs::File, expected: ContentHash) -> Result<(), Obstacle> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hasher.update(&piece[..read]);
        to.write_all(&piece[..read])?;
    }
    if ContentHash::from(hasher.finalize()) == expected { Ok(()) } else { Err(Obstacle::Lost(expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(world: &World, store: &Store) -> Filed {
        let content = ContentHash::of(b"one");
        store.keep(world, content, &mut &b"one"[..]).unwrap();
        Filed { content, executable: false }
    }

    #[test]
    fn a_content_that_is_another_one_is_neither_kept_nor_put() {
        let top = tempfile::tempdir().unwrap();
        let (world, folder, store) = (World::real(), Folder::at(top.path().join("custom")), Store::at(top.path().join("kept")));
        let other = ContentHash::of(b"other");
        assert!(matches!(store.keep(&world, other, &mut &b"one"[..]), Err(Obstacle::Lost(_))));
        assert!(!store.has(other));
        let filed = one(&world, &store);
        let moved = Move { path: "a".to_owned(), before: None, after: Some(filed) };
        fs::write(top.path().join("kept").join(filed.content.to_string()), "tampered").unwrap();
        assert!(matches!(folder.carry_out(&world, &moved, &store), Err(Obstacle::Lost(_))));
        assert_eq!(folder.filed("a").unwrap(), None);
        // What is damaged is written anew where it comes again.
        assert_eq!(one(&world, &store), filed);
        folder.carry_out(&world, &moved, &store).unwrap();
        assert_eq!(folder.filed("a").unwrap(), Some(filed));
    }

    #[cfg(unix)]
    #[test]
    fn the_right_to_run_goes_along_and_other_rights_stay() {
        use std::os::unix::fs::PermissionsExt;
        let top = tempfile::tempdir().unwrap();
        let (world, folder, store) = (World::real(), Folder::at(top.path().to_owned()), Store::at(top.path().join("kept")));
        let mode = || fs::metadata(top.path().join("a")).unwrap().permissions().mode() & 0o777;
        let plain = one(&world, &store);
        let runs = Filed { executable: true, ..plain };
        folder.carry_out(&world, &Move { path: "a".to_owned(), before: None, after: Some(runs) }, &store).unwrap();
        assert_eq!((folder.filed("a").unwrap(), mode() & 0o100), (Some(runs), 0o100));
        fs::set_permissions(top.path().join("a"), std::fs::Permissions::from_mode(0o750)).unwrap();
        folder.carry_out(&world, &Move { path: "a".to_owned(), before: Some(runs), after: Some(plain) }, &store).unwrap();
        assert_eq!((folder.filed("a").unwrap(), mode()), (Some(plain), 0o640));
    }

    /// Somebody who saves a file while a content is on its way to it.
    struct Saving<'a>(&'a Path, &'a [u8]);

    impl Read for Saving<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if !self.1.is_empty() {
                fs::write(self.0, "saved just now")?;
            }
            self.1.read(into)
        }
    }

    #[test]
    fn two_files_are_one_only_where_the_computer_takes_their_names_for_one() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::at(top.path().to_owned());
        fs::write(top.path().join("a"), "x").unwrap();
        assert!(folder.is_one("a", "a") && !folder.is_one("a", "b"));
        let insensitive = top.path().join("A").exists();
        if !insensitive {
            fs::write(top.path().join("A"), "x").unwrap();
        }
        assert_eq!(folder.is_one("a", "A"), insensitive);
    }

    #[test]
    fn what_somebody_saves_meanwhile_is_not_replaced() {
        let top = tempfile::tempdir().unwrap();
        let (world, folder) = (World::real(), Folder::at(top.path().to_owned()));
        let (place, filed) = (top.path().join("a"), Filed { content: ContentHash::of(b"one"), executable: false });
        for before in [None, Some("before")] {
            if let Some(before) = before {
                fs::write(&place, before).unwrap();
            }
            let put = folder.put(&world, "a", filed, folder.stamp("a").unwrap(), &mut Saving(&place, b"one"));
            assert!(matches!(put, Err(Obstacle::Moved(_))), "{put:?}");
            assert_eq!(fs::read(&place).unwrap(), b"saved just now");
        }
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_move_is_carried_out_once_and_taken_back_to_an_empty_folder() {
        let top = tempfile::tempdir().unwrap();
        let (world, folder, store) = (World::real(), Folder::at(top.path().join("custom")), Store::at(top.path().join("kept")));
        let filed = one(&world, &store);
        let there = Move { path: "a/b/c.txt".to_owned(), before: None, after: Some(filed) };
        folder.carry_out(&world, &there, &store).unwrap();
        folder.carry_out(&world, &there, &store).unwrap();
        assert_eq!(fs::read(top.path().join("custom/a/b/c.txt")).unwrap(), b"one");
        let back = Move { path: there.path.clone(), before: there.after, after: None };
        fs::write(top.path().join("custom/a/b/c.txt"), "mine").unwrap();
        assert!(matches!(folder.carry_out(&world, &back, &store), Err(Obstacle::Moved(_))));
        fs::write(top.path().join("custom/a/b/c.txt"), "one").unwrap();
        folder.carry_out(&world, &back, &store).unwrap();
        assert!(!top.path().join("custom/a").exists());
        store.sweep(&world, &BTreeSet::new()).unwrap();
        assert!(!store.has(filed.content));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed() {
        let top = tempfile::tempdir().unwrap();
        let outside = top.path().join("outside");
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("secret"), "x").unwrap();
        let root = top.path().join("custom");
        fs::create_dir_all(&root).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("way")).unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), root.join("file")).unwrap();
        let (world, folder, store) = (World::real(), Folder::at(root), Store::at(top.path().join("kept")));
        let filed = one(&world, &store);
        for path in ["way/new", "way/secret"] {
            let moved = Move { path: path.to_owned(), before: None, after: Some(filed) };
            assert!(matches!(folder.carry_out(&world, &moved, &store), Err(Obstacle::Way(_))), "{path}");
        }
        assert!(matches!(folder.filed("file"), Err(Obstacle::NoFile(_))));
        assert!(matches!(folder.filed("../outside/secret"), Err(Obstacle::Path(_))));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}
