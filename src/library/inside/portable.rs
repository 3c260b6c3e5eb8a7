//! By path, each step looked at before and after: what the standard library gives everywhere.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Kind, Look, told};

/// A folder that was looked at.
#[derive(Debug)]
pub(in crate::library) struct Inside {
    folder: PathBuf,
}

impl Inside {
    /// The library. The last part of `folder` itself may be a link: a person named it.
    pub fn root(folder: &Path) -> io::Result<Self> {
        fs_err::read_dir(folder)?;
        Ok(Self { folder: folder.into() })
    }

    /// A folder in this one. Something else of that name is an error.
    pub fn enter(&self, name: &OsStr) -> io::Result<Self> {
        match self.look(name)? {
            Some(look) if look.kind == Kind::Folder => Ok(Self { folder: self.folder.join(name) }),
            Some(_) => Err(told("open folder", &self.folder.join(name), io::ErrorKind::NotADirectory.into())),
            None => Err(told("open folder", &self.folder.join(name), io::ErrorKind::NotFound.into())),
        }
    }

    /// Makes a folder, where there is not something of that name.
    pub fn make(&self, name: &OsStr) -> io::Result<()> {
        match fs_err::create_dir(self.folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// How a name looks; `None` where it is not there.
    pub fn look(&self, name: &OsStr) -> io::Result<Option<Look>> {
        match fs_err::symlink_metadata(self.folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            looked => looked.map(|data| Some(look(&data))),
        }
    }

    /// How an open file looks.
    pub fn look_at(file: &std::fs::File) -> io::Result<Look> {
        Ok(look(&file.metadata()?))
    }

    /// Opens a file for reading. What is no file is opened or refused, and never waited for: look at it.
    pub fn open(&self, name: &OsStr) -> io::Result<std::fs::File> {
        self.open_with(name, std::fs::OpenOptions::new().read(true))
    }

    /// Opens a file so that its time and rights can be changed.
    pub fn open_to_dress(&self, name: &OsStr) -> io::Result<std::fs::File> {
        self.open_with(name, std::fs::OpenOptions::new().read(true).write(true))
    }

    /// Makes a file that is not there yet.
    pub fn create(&self, name: &OsStr) -> io::Result<std::fs::File> {
        let path = self.folder.join(name);
        std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(|error| told("make", &path, error))
    }

    /// Every name in the folder, in no order.
    pub fn list(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let entries = fs_err::read_dir(&self.folder)?;
        entries.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), kind(entry.file_type()?))))).collect()
    }

    /// Moves a name; what has the new one is replaced in one step.
    pub fn rename_over(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        fs_err::rename(self.folder.join(name), to.folder.join(new))
    }

    /// Moves a file; [`io::ErrorKind::AlreadyExists`] where something has the new name.
    pub fn rename_free(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        // The standard library's rename replaces on every system; this one of `tempfile` does not.
        match tempfile::TempPath::try_from_path(self.folder.join(name))?.persist_noclobber(to.folder.join(new)) {
            Ok(()) => Ok(()),
            Err(failed) => {
                failed.path.keep().map_err(|kept| kept.error)?;
                Err(told("rename to", &to.folder.join(new), failed.error))
            }
        }
    }

    /// Exchanges two names in one step; `false` where the system cannot.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub fn swap(&self, _: &OsStr, _: &Self, _: &OsStr) -> io::Result<bool> {
        Ok(false)
    }

    /// Deletes a file.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs_err::remove_file(self.folder.join(name))
    }

    /// Deletes a folder in which nothing is; says whether it did.
    pub fn remove_empty(&self, name: &OsStr) -> bool {
        std::fs::remove_dir(self.folder.join(name)).is_ok()
    }

    /// Makes the names in the folder durable.
    pub fn sync(&self) -> io::Result<()> {
        crate::world::files::sync_folder(&self.folder)
    }

    /// Makes room for a file that will be so long; [`io::ErrorKind::StorageFull`] where there is none. Windows gives a file its room on the disk
    /// with its length.
    pub fn reserve(file: &std::fs::File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    /// Bytes that are free where the folder is: nothing the standard library says. [`Self::reserve`] finds out.
    #[allow(clippy::unused_self, reason = "as on Unix")]
    pub const fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn open_with(&self, name: &OsStr, options: &std::fs::OpenOptions) -> io::Result<std::fs::File> {
        let path = self.folder.join(name);
        let refused = || told("open", &path, io::ErrorKind::InvalidInput.into());
        let is_file = || self.look(name).map(|look| look.is_none_or(|look| look.kind == Kind::File));
        if !is_file()? {
            return Err(refused());
        }
        let file = options.open(&path).map_err(|error| told("open", &path, busy(error)))?;
        if is_file()? { Ok(file) } else { Err(refused()) }
    }
}

/// What the standard library has no word for: another program has the file for itself (Windows, `ERROR_SHARING_VIOLATION`).
fn busy(error: io::Error) -> io::Error {
    if cfg!(windows) && error.raw_os_error() == Some(32) { io::ErrorKind::ResourceBusy.into() } else { error }
}

fn kind(kind: std::fs::FileType) -> Kind {
    if kind.is_symlink() {
        Kind::Link
    } else if kind.is_dir() {
        Kind::Folder
    } else if kind.is_file() {
        Kind::File
    } else {
        Kind::Special
    }
}

fn look(data: &std::fs::Metadata) -> Look {
    let modified_ns = data.modified().map_or(0, |time| {
        let since = time.duration_since(UNIX_EPOCH);
        match since {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanoseconds| -nanoseconds),
        }
    });
    Look { kind: kind(data.file_type()), bytes: data.len(), modified_ns, changed_ns: 0, mode: 0 }
}
