//! An exchange that is a folder: a local path, a mounted share, a stick, a mirror's copy.
//!
//! States: the folder itself may be absent (unmounted), there without marker (unmounted again: mount points are empty
//! folders), read-only, full. Links below it are never followed, neither to read nor to write: others can write there.
//! Files and folders are flushed, as far as the file system does, before success is reported.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::error::Doing;
use super::transfer::{Listing, receive};
use super::{Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, MARKER_NAME, Marker, Meter, Probe, Put, Rename};
use crate::world::World;
use crate::world::files::sync_folder;

/// A folder as an exchange.
#[derive(Clone, Debug)]
pub struct FolderExchange {
    root: PathBuf,
    meter: Meter,
}

impl FolderExchange {
    /// The exchange in `root`, which is not touched yet. `root` itself may be a link: the user named it.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), meter: Meter::default() }
    }

    /// Counts what goes to and fro.
    #[must_use]
    pub fn with_meter(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }

    fn reading(&self, error: io::Error) -> ExchangeError {
        ExchangeError::from_io(self.place(), Doing::Reading, error)
    }

    fn writing(&self, error: io::Error) -> ExchangeError {
        ExchangeError::from_io(self.place(), Doing::Writing, error)
    }

    fn refused(&self, path: &Path, what: &str) -> ExchangeError {
        ExchangeError::Refused { place: self.place(), reason: format!("`{}` is {what}", path.display()) }
    }

    /// The bytes of the marker, at most one more than it may have.
    fn marker(&self) -> Result<Option<Vec<u8>>, ExchangeError> {
        match fs::metadata(&self.root) {
            Ok(data) if data.is_dir() => {}
            Ok(_) => return Err(self.refused(&self.root, "not a folder")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ExchangeError::Unreachable { place: self.place(), reason: "there is no such folder".into() });
            }
            Err(error) => return Err(self.reading(error)),
        }
        let Some(file) = self.open(&self.root.join(MARKER_NAME))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(Marker::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| self.reading(error))?;
        Ok(Some(bytes))
    }

    /// What is not there counts as not there only on an exchange.
    fn require_marker(&self) -> Result<(), ExchangeError> {
        Marker::of(&self.place(), self.marker()?.as_deref()).map(drop)
    }

    /// Where a folder is; `None` where it is not there. A link or a file on the way is refused.
    fn find(&self, folder: &Folder) -> Result<Option<PathBuf>, ExchangeError> {
        let mut path = self.root.clone();
        for level in folder.levels() {
            path.push(level);
            match fs::symlink_metadata(&path) {
                Ok(data) if data.is_dir() => {}
                Ok(_) => return Err(self.refused(&path, "not a folder")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.require_marker()?;
                    return Ok(None);
                }
                Err(error) => return Err(self.reading(error)),
            }
        }
        Ok(Some(path))
    }

    /// Where a folder is, made if it is not there.
    fn find_or_make(&self, world: &World, folder: &Folder) -> Result<PathBuf, ExchangeError> {
        if let Some(path) = self.find(folder)? {
            return Ok(path);
        }
        let mut path = self.root.clone();
        for level in folder.levels() {
            let above = path.clone();
            path.push(level);
            world.step("make folder on exchange")?;
            match fs::create_dir(&path) {
                Ok(()) => sync_folder(&above).map_err(|error| self.writing(error))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.writing(error)),
            }
        }
        // What was made or found meanwhile goes through the same checks.
        self.find(folder)?.ok_or_else(|| ExchangeError::Unreachable { place: self.place(), reason: format!("`{folder}` vanished") })
    }

    /// Opens a plain file for reading; `None` where it is not there. A link, even one that is put there at this moment, is refused.
    fn open(&self, path: &Path) -> Result<Option<fs::File>, ExchangeError> {
        let seen = match fs::symlink_metadata(path) {
            Ok(data) if data.is_file() => data,
            Ok(_) => return Err(self.refused(path, "not a plain file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.reading(error)),
        };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.reading(error)),
        };
        let opened = file.metadata().map_err(|error| self.reading(error))?;
        if is_same_file(&seen, &opened) { Ok(Some(file)) } else { Err(self.refused(path, "being exchanged for another file")) }
    }
}

impl Exchange for FolderExchange {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn probe(&mut self, _: &World) -> Result<Probe, ExchangeError> {
        let capabilities = Capabilities { rename: Rename::Refuses, put: Put::Whole };
        Ok(Probe { capabilities, marker: self.marker()? })
    }

    fn list(&mut self, _: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        let Some(path) = self.find(folder)? else { return Ok(Vec::new()) };
        let mut listing = Listing::default();
        for found in fs::read_dir(path).map_err(|error| self.reading(error))? {
            let found = found.map_err(|error| self.reading(error))?;
            let file_name = found.file_name();
            let Some(name) = file_name.to_str().and_then(|name| FileName::new(name).ok()) else { continue };
            match found.metadata() {
                Ok(data) if data.is_file() => listing.push(&self.place(), Entry { name, bytes: data.len() })?,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.reading(error)),
            }
        }
        Ok(listing.done())
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let path = self.find(folder)?.map(|path| path.join(entry.name.as_str()));
        let Some(mut file) = path.map(|path| self.open(&path)).transpose()?.flatten() else {
            self.require_marker()?;
            return Err(ExchangeError::Missing { folder: folder.clone(), name: entry.name.clone() });
        };
        let there = file.metadata().map_err(|error| self.reading(error))?.len();
        let from = |offset| file.seek(SeekFrom::Start(offset)).map(|_| file);
        receive(world, &self.meter, entry, there, to, from, |error| self.reading(error))
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        let folder_path = self.find_or_make(world, folder)?;
        let path = folder_path.join(name.as_str());
        world.step("create on exchange")?;
        // Removed and made anew rather than emptied: a link somebody put there is not written through.
        match fs::remove_file(&path) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ReadOnlyFilesystem) => {
                return Err(self.writing(error));
            }
            Ok(()) | Err(_) => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| self.writing(error))?;
        world.step("fill on exchange")?;
        content.write_to(world, &self.meter, &mut file, |error| self.writing(error))?;
        file.sync_all().map_err(|error| self.writing(error))?;
        sync_folder(&folder_path).map_err(|error| self.writing(error))
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        let missing = || ExchangeError::Missing { folder: folder.clone(), name: from.clone() };
        let folder_path = self.find(folder)?.ok_or_else(missing)?;
        world.step("rename on exchange")?;
        match rename_without_overwrite(&folder_path.join(from.as_str()), &folder_path.join(to.as_str())) {
            Ok(()) => sync_folder(&folder_path).map_err(|error| self.writing(error)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(ExchangeError::Exists { folder: folder.clone(), name: to.clone() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.require_marker()?;
                Err(missing())
            }
            Err(error) => Err(self.writing(error)),
        }
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        let Some(path) = self.find(folder)? else { return Ok(()) };
        world.step("delete on exchange")?;
        match fs::remove_file(path.join(name.as_str())) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.require_marker(),
            Err(error) => Err(self.writing(error)),
        }
    }
}

/// In one step where the system can. Where it knows neither such a rename nor hard links (some shares, FUSE, sticks), it
/// looks first and then renames: there is one writer per folder, so nobody comes between.
fn rename_without_overwrite(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    match tempfile::TempPath::try_from_path(from)?.persist_noclobber(to) {
        Ok(()) => Ok(()),
        Err(failed) => {
            let kept = failed.path.keep().map_err(|again| again.error)?;
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(kept, to)
        }
    }
}

#[cfg(unix)]
fn is_same_file(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.dev() == other.dev() && one.ino() == other.ino()
}

/// Windows does not tell a file's number through std; links there need a privilege to make.
#[cfg(not(unix))]
fn is_same_file(_: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    other.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{MarkerFault, contract, deposit, mark, open_exchange, reach, waiting};
    use crate::world::{Faults, SystemClock};

    fn world() -> World {
        World::simulated(Box::new(SystemClock), 1, Faults::none())
    }

    fn name(text: &str) -> FileName {
        FileName::new(text).unwrap()
    }

    #[test]
    fn a_folder_keeps_the_contract() {
        let places = tempfile::tempdir().unwrap();
        let count = std::cell::Cell::new(0);
        contract::contract(|| {
            count.set(count.get() + 1);
            let root = places.path().join(count.get().to_string());
            fs::create_dir(&root).unwrap();
            open_exchange(root.to_str().unwrap(), &crate::exchange::Access::default()).unwrap()
        });
    }

    #[test]
    fn a_missing_share_is_out_of_reach_and_an_unmounted_one_is_no_exchange() {
        let place = tempfile::tempdir().unwrap();
        let (world, folder) = (world(), Folder::new("a/b").unwrap());
        let mut missing = FolderExchange::new(place.path().join("missing"));
        assert!(matches!(reach(&world, &mut missing), Err(ExchangeError::Unreachable { .. })));
        assert!(matches!(mark(&world, &mut missing), Err(ExchangeError::Unreachable { .. })));
        assert!(matches!(missing.list(&world, &folder), Err(ExchangeError::Unreachable { .. })));
        assert!(!place.path().join("missing").exists(), "a missing share was made");
        let mut mount_point = FolderExchange::new(place.path());
        let unmounted = |error| matches!(error, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. });
        assert!(unmounted(reach(&world, &mut mount_point).unwrap_err()));
        assert!(unmounted(mount_point.list(&world, &folder).unwrap_err()));
        fs::write(place.path().join("file"), "x").unwrap();
        let mut file = FolderExchange::new(place.path().join("file"));
        assert!(matches!(reach(&world, &mut file), Err(ExchangeError::Refused { .. })));
    }

    /// The share goes away between the look and the step: what is not there then says nothing either.
    #[test]
    fn a_share_that_goes_away_empties_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (world, folder, root) = (world(), Folder::new("a/b").unwrap(), place.path().join("share"));
        fs::create_dir(&root).unwrap();
        let mut exchange = FolderExchange::new(&root);
        mark(&world, &mut exchange).unwrap();
        let reached = reach(&world, &mut exchange).unwrap();
        deposit(&world, &mut exchange, &reached, &folder, &name("x"), Content::Bytes(b"x")).unwrap();
        fs::rename(&root, place.path().join("away")).unwrap();
        let entry = Entry { name: name("x"), bytes: 1 };
        let away = |error| matches!(error, ExchangeError::Unreachable { .. });
        assert!(away(exchange.list(&world, &folder).unwrap_err()));
        assert!(away(exchange.get(&world, &folder, &entry, &place.path().join("x")).unwrap_err()));
        assert!(away(exchange.delete(&world, &folder, &name("x")).unwrap_err()));
        assert!(away(exchange.rename(&world, &folder, &name("x"), &name("y")).unwrap_err()));
        assert!(away(deposit(&world, &mut exchange, &reached, &folder, &name("x"), Content::Bytes(b"x")).unwrap_err()));
        assert!(!root.exists() && !place.path().join("x").exists());
    }

    #[test]
    fn what_is_no_file_under_a_name_is_told_until_somebody_takes_it_away() {
        let place = tempfile::tempdir().unwrap();
        let (world, folder) = (world(), Folder::new("a").unwrap());
        let mut exchange = FolderExchange::new(place.path());
        mark(&world, &mut exchange).unwrap();
        let reached = reach(&world, &mut exchange).unwrap();
        let in_the_way = place.path().join("a/x");
        fs::create_dir_all(&in_the_way).unwrap();
        for _ in 0..2 {
            let error = deposit(&world, &mut exchange, &reached, &folder, &name("x"), Content::Bytes(b"x")).unwrap_err();
            assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("`a/x`"), "{error}");
            assert_eq!(fs::read_dir(place.path().join("a")).unwrap().count(), 1, "nothing else is left there");
        }
        fs::remove_dir(in_the_way).unwrap();
        deposit(&world, &mut exchange, &reached, &folder, &name("x"), Content::Bytes(b"x")).unwrap();
    }

    #[test]
    fn hidden_odd_and_unfinished_names_and_folders_are_not_listed() {
        let place = tempfile::tempdir().unwrap();
        let (world, folder) = (world(), Folder::new("a").unwrap());
        let mut exchange = FolderExchange::new(place.path());
        mark(&world, &mut exchange).unwrap();
        fs::create_dir_all(place.path().join("a/folder")).unwrap();
        for file in [".hidden", "x.part", "Upper", "with space", "~lock", "good.fpk"] {
            fs::write(place.path().join("a").join(file), "x").unwrap();
        }
        let found = waiting(&world, &mut exchange, &folder, |_| true).unwrap();
        assert_eq!(found, [Entry { name: name("good.fpk"), bytes: 1 }]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_neither_to_read_nor_to_write() {
        use std::os::unix::fs::symlink;
        let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = home.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        let (world, folder) = (world(), Folder::new("a/b").unwrap());
        let mut exchange = FolderExchange::new(place.path());
        mark(&world, &mut exchange).unwrap();
        let reached = reach(&world, &mut exchange).unwrap();
        let inside = place.path().join("a/b");
        fs::create_dir_all(&inside).unwrap();
        symlink(&secret, inside.join("read")).unwrap();
        assert!(exchange.list(&world, &folder).unwrap().is_empty());
        let entry = Entry { name: name("read"), bytes: 6 };
        let local = home.path().join("local");
        assert!(matches!(exchange.get(&world, &folder, &entry, &local), Err(ExchangeError::Refused { .. })));
        assert!(!local.exists());
        symlink(&secret, inside.join("write.part")).unwrap();
        deposit(&world, &mut exchange, &reached, &folder, &name("write"), Content::Bytes(b"packet")).unwrap();
        assert_eq!(fs::read(&secret).unwrap(), b"secret");
        assert_eq!(fs::read(inside.join("write")).unwrap(), b"packet");
        symlink(home.path(), place.path().join("c")).unwrap();
        for linked in ["c", "c/d"] {
            let linked = Folder::new(linked).unwrap();
            let put = deposit(&world, &mut exchange, &reached, &linked, &name("x"), Content::Bytes(b"x"));
            assert!(matches!(put, Err(ExchangeError::Refused { .. })), "{put:?}");
        }
        assert!(!home.path().join("x").exists() && !home.path().join("d").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_share_says_so() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let (world, folder) = (world(), Folder::new("a").unwrap());
        let mut exchange = FolderExchange::new(place.path());
        mark(&world, &mut exchange).unwrap();
        let reached = reach(&world, &mut exchange).unwrap();
        fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
        let put = deposit(&world, &mut exchange, &reached, &folder, &name("x"), Content::Bytes(b"x"));
        let obeyed = fs::write(place.path().join("probe"), "").is_err();
        fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if obeyed {
            assert!(matches!(put, Err(ExchangeError::ReadOnly { .. })), "{put:?}");
            assert_eq!(waiting(&world, &mut exchange, &folder, |_| true).unwrap(), []);
        } else {
            println!("skipped: this user may write to read-only folders");
        }
    }
}
