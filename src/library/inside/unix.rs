//! By open folders, never by path.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};

use super::{Kind, Look, told};

/// An open folder.
#[derive(Debug)]
pub(in crate::library) struct Inside {
    folder: OwnedFd,
    /// For messages only.
    shown: PathBuf,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Inside {
    /// The library. The last part of `folder` itself may be a link: a person named it.
    pub fn root(folder: &Path) -> io::Result<Self> {
        let open = rustix::fs::openat(CWD, folder, FOLDER, Mode::empty()).map_err(|error| told("open folder", folder, error.into()))?;
        Ok(Self { folder: open, shown: folder.into() })
    }

    /// A folder in this one. Something else of that name is an error.
    pub fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let open = rustix::fs::openat(&self.folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        let folder = open.map_err(|error| self.told("open folder", name, error))?;
        Ok(Self { folder, shown: self.shown.join(name) })
    }

    /// Makes a folder, where there is not something of that name.
    pub fn make(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.folder, name, Mode::from_raw_mode(0o777)) {
            Err(rustix::io::Errno::EXIST) => Ok(()),
            made => made.map_err(|error| self.told("make folder", name, error)),
        }
    }

    /// How a name looks; `None` where it is not there.
    pub fn look(&self, name: &OsStr) -> io::Result<Option<Look>> {
        match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => Ok(None),
            looked => looked.map(|stat| Some(look(&stat))).map_err(|error| self.told("look at", name, error)),
        }
    }

    /// How an open file looks.
    pub fn look_at(file: &std::fs::File) -> io::Result<Look> {
        Ok(look(&rustix::fs::fstat(file)?))
    }

    /// Opens a file for reading. What is no file is opened or refused, and never waited for: look at it.
    pub fn open(&self, name: &OsStr) -> io::Result<std::fs::File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = rustix::fs::openat(&self.folder, name, flags, Mode::empty());
        open.map(Into::into).map_err(|error| self.told("open", name, error))
    }

    /// Opens a file so that its time and rights can be changed; its owner may do that.
    pub fn open_to_dress(&self, name: &OsStr) -> io::Result<std::fs::File> {
        self.open(name)
    }

    /// Makes a file that is not there yet.
    pub fn create(&self, name: &OsStr) -> io::Result<std::fs::File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = rustix::fs::openat(&self.folder, name, flags, Mode::from_raw_mode(0o666));
        open.map(Into::into).map_err(|error| self.told("make", name, error))
    }

    /// Every name in the folder, in no order.
    pub fn list(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let failed = |error: rustix::io::Errno| told("list folder", &self.shown, error.into());
        let mut found = Vec::new();
        for entry in Dir::read_from(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            // Some file systems do not say the kind here.
            let kind = if entry.file_type() == FileType::Unknown {
                let Some(look) = self.look(name)? else { continue };
                look.kind
            } else {
                kind(entry.file_type())
            };
            found.push((name.to_owned(), kind));
        }
        Ok(found)
    }

    /// Moves a name; what has the new one is replaced in one step.
    pub fn rename_over(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        rustix::fs::renameat(&self.folder, name, &to.folder, new).map_err(|error| to.told("rename to", new, error))
    }

    /// Moves a file; [`io::ErrorKind::AlreadyExists`] where something has the new name.
    pub fn rename_free(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        if let Some(done) = self.rename_at_once(name, to, new) {
            return done.map_err(|error| to.told("rename to", new, error));
        }
        // Two names for a moment; a kill between leaves both.
        rustix::fs::linkat(&self.folder, name, &to.folder, new, AtFlags::empty()).map_err(|error| to.told("rename to", new, error))?;
        self.remove(name)
    }

    /// Exchanges two names in one step; `false` where the system cannot.
    pub fn swap(&self, name: &OsStr, other: &Self, with: &OsStr) -> io::Result<bool> {
        self.swap_at_once(name, other, with).transpose().map(|done| done.is_some()).map_err(|error| other.told("replace", with, error))
    }

    /// Deletes a file.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()).map_err(|error| self.told("delete", name, error))
    }

    /// Deletes a folder in which nothing is; says whether it did.
    pub fn remove_empty(&self, name: &OsStr) -> bool {
        rustix::fs::unlinkat(&self.folder, name, AtFlags::REMOVEDIR).is_ok()
    }

    /// Makes the names in the folder durable.
    pub fn sync(&self) -> io::Result<()> {
        rustix::fs::fsync(&self.folder).map_err(|error| told("flush folder", &self.shown, error.into()))
    }

    /// Makes room for a file that will be so long: nothing here, [`Self::free_bytes`] tells.
    #[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
    pub const fn reserve(_: &std::fs::File, _: u64) -> io::Result<()> {
        Ok(())
    }

    /// Bytes that are free where the folder is.
    pub fn free_bytes(&self) -> Option<u64> {
        let about = rustix::fs::fstatvfs(&self.folder).ok()?;
        about.f_bavail.checked_mul(about.f_frsize)
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn rename_at_once(&self, name: &OsStr, to: &Self, new: &OsStr) -> Option<rustix::io::Result<()>> {
        use rustix::fs::RenameFlags;
        supported(rustix::fs::renameat_with(&self.folder, name, &to.folder, new, RenameFlags::NOREPLACE))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn rename_at_once(&self, _: &OsStr, _: &Self, _: &OsStr) -> Option<rustix::io::Result<()>> {
        None
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn swap_at_once(&self, name: &OsStr, other: &Self, with: &OsStr) -> Option<rustix::io::Result<()>> {
        use rustix::fs::RenameFlags;
        supported(rustix::fs::renameat_with(&self.folder, name, &other.folder, with, RenameFlags::EXCHANGE))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn swap_at_once(&self, _: &OsStr, _: &Self, _: &OsStr) -> Option<rustix::io::Result<()>> {
        None
    }

    fn told(&self, doing: &str, name: &OsStr, error: rustix::io::Errno) -> io::Error {
        told(doing, &self.shown.join(name), error.into())
    }
}

/// `None` where kernel or file system do not know such a rename.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn supported(done: rustix::io::Result<()>) -> Option<rustix::io::Result<()>> {
    use rustix::io::Errno;
    if done.is_err_and(|error| [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&error)) { None } else { Some(done) }
}

fn kind(kind: FileType) -> Kind {
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Folder
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

#[allow(clippy::unnecessary_cast, reason = "the types of these fields differ from system to system")]
fn look(stat: &Stat) -> Look {
    let nanoseconds = |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    Look {
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        bytes: u64::try_from(stat.st_size).unwrap_or_default(),
        modified_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        mode: stat.st_mode as u32 & 0o777,
    }
}
