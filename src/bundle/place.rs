//! How do files get into the folder for customizations, and how are contents kept?
//!
//! States of a move: before → after, one rename. Crash points: between two moves; which ones were made shows in what is there, so
//! whoever goes on compares first. A [`Store`] keeps contents by their hash: what is replaced before it is replaced, what is to be
//! put before anything is moved. Folders that become empty go, those that were there before do too: an empty folder is nothing.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::moves::Move;
use super::paths::{PathFault, check_place};
use crate::packet::ContentHash;
use crate::world::files::{self, Existing, FileError, Privacy};
use crate::world::{Crash, World};

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

    /// The content of a path; none where there is no file.
    ///
    /// # Errors
    /// [`Obstacle::Way`], [`Obstacle::NoFile`], or as the operating system says.
    pub fn content(&self, path: &str) -> Result<Option<ContentHash>, Obstacle> {
        match self.file(path)? {
            Some(file) => {
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(fs::File::open(file)?)?;
                Ok(Some(hasher.finalize().into()))
            }
            None => Ok(None),
        }
    }

    /// Keeps the content of a path in the store, if there is a file.
    ///
    /// # Errors
    /// As [`Folder::content`].
    pub fn keep(&self, world: &World, path: &str, store: &Store) -> Result<(), Obstacle> {
        if let Some(file) = self.file(path)? {
            store.keep(world, &mut fs::File::open(file)?)?;
        }
        Ok(())
    }

    /// Carries out one move; nothing where it is done already.
    ///
    /// # Errors
    /// [`Obstacle::Moved`] where neither the old nor the new content is there.
    pub fn carry_out(&self, world: &World, moved: &Move, store: &Store) -> Result<(), Obstacle> {
        let there = self.content(&moved.path)?;
        if there == moved.after {
            return Ok(());
        }
        let place = self.place(&moved.path);
        if there != moved.before {
            return Err(Obstacle::Moved(place));
        }
        match moved.after {
            Some(content) => {
                let bytes = store.read(content)?;
                fs::create_dir_all(place.parent().unwrap_or(&self.root))?;
                Ok(files::publish(world, &place, &bytes, Existing::Replace, Privacy::Ordinary)?)
            }
            None => {
                files::remove(world, &place)?;
                self.drop_empty_folders(&moved.path);
                Ok(())
            }
        }
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

    /// Keeps a content; says which it is.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn keep(&self, world: &World, from: &mut impl Read) -> Result<ContentHash, Obstacle> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let hash = ContentHash::of(&bytes);
        let place = self.place(hash);
        // A file of the right length under its hash was published whole.
        if !fs::symlink_metadata(&place).is_ok_and(|there| there.len() == bytes.len() as u64) {
            fs::create_dir_all(&self.folder)?;
            files::publish(world, &place, &bytes, Existing::Replace, Privacy::Secret)?;
        }
        Ok(hash)
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

    fn read(&self, hash: ContentHash) -> Result<Vec<u8>, Obstacle> {
        let bytes = match fs::read(self.place(hash)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Obstacle::Lost(hash)),
            read => read?,
        };
        if ContentHash::of(&bytes) == hash { Ok(bytes) } else { Err(Obstacle::Lost(hash)) }
    }

    fn place(&self, hash: ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_carried_out_once_and_taken_back_to_an_empty_folder() {
        let top = tempfile::tempdir().unwrap();
        let (world, folder, store) = (World::real(), Folder::at(top.path().join("custom")), Store::at(top.path().join("kept")));
        let hash = store.keep(&world, &mut &b"one"[..]).unwrap();
        let there = Move { path: "a/b/c.txt".to_owned(), before: None, after: Some(hash) };
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
        assert!(!store.has(hash));
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
        let hash = store.keep(&world, &mut &b"one"[..]).unwrap();
        for path in ["way/new", "way/secret"] {
            let moved = Move { path: path.to_owned(), before: None, after: Some(hash) };
            assert!(matches!(folder.carry_out(&world, &moved, &store), Err(Obstacle::Way(_))), "{path}");
        }
        assert!(matches!(folder.content("file"), Err(Obstacle::NoFile(_))));
        assert!(matches!(folder.content("../outside/secret"), Err(Obstacle::Path(_))));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}
