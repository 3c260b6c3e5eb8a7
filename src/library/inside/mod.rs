//! A folder of the library, reached without following a link.
//!
//! Whoever can write in the library could put a link where a folder was, at any moment, and have us read or write elsewhere. On Unix every
//! step is taken from an open folder (`openat` and its family, no link followed), so a swapped name changes nothing. Elsewhere the
//! standard library has paths only: each step is looked at before and after, which leaves a moment to somebody who is that quick.

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(unix)]
mod unix;

use std::io;
use std::time::{Duration, UNIX_EPOCH};

#[cfg(not(unix))]
pub(super) use portable::Inside;
#[cfg(unix)]
pub(super) use unix::Inside;

use super::Seen;
use crate::model::Millis;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// Also what Windows calls a junction.
    Link,
    /// A pipe, a socket, a device.
    Special,
}

/// How something looks without being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub kind: Kind,
    pub bytes: u64,
    /// Nanoseconds since 1970 UTC.
    pub modified_ns: i64,
    /// 0 where the system does not say.
    pub changed_ns: i64,
    /// The permission bits of a Unix file, 0 elsewhere.
    pub mode: u32,
}

impl Look {
    /// `None` where the file system has no such thing.
    pub const fn executable(&self) -> Option<bool> {
        if cfg!(unix) { Some(self.mode & 0o100 != 0) } else { None }
    }

    pub const fn modified(&self) -> Millis {
        Millis(self.modified_ns.div_euclid(1_000_000))
    }

    /// Whether nothing happened to the file since.
    pub fn is(&self, seen: &Seen) -> bool {
        self.kind == Kind::File && self.changed_ns == seen.changed_ns && self.has_same_bytes(seen.bytes, seen.modified_ns)
    }

    /// Whether nothing was written to it since `before`. A rename moves [`Look::changed_ns`] alone.
    pub fn is_unwritten(&self, before: &Self) -> bool {
        self.kind == before.kind && self.has_same_bytes(before.bytes, before.modified_ns)
    }

    const fn has_same_bytes(&self, bytes: u64, modified_ns: i64) -> bool {
        self.bytes == bytes && self.modified_ns == modified_ns
    }
}

/// Gives an open file a modification time; one that no file system has is moved to the nearest year that all have.
pub(super) fn set_modified(file: &std::fs::File, modified: Millis) -> io::Result<()> {
    /// 1601 and 9999: where Windows begins and calendars end.
    const FIRST_AND_LAST: (i64, i64) = (-11_644_473_600_000, 253_402_300_799_999);
    let millis = modified.0.clamp(FIRST_AND_LAST.0, FIRST_AND_LAST.1);
    let distance = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    file.set_times(std::fs::FileTimes::new().set_modified(time.ok_or(io::ErrorKind::InvalidInput)?))
}

/// What the operating system said, with what was done to what. The kind stays.
fn told(doing: &str, path: &std::path::Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to {doing} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::io::{Read, Write};

    use super::*;

    /// What both ways into a folder promise.
    macro_rules! contract {
        ($name:ident, $inside:ty) => {
            mod $name {
                use super::*;

                fn name(text: &str) -> &OsStr {
                    OsStr::new(text)
                }

                #[test]
                fn files_are_made_looked_at_listed_and_moved() {
                    let folder = tempfile::tempdir().unwrap();
                    let root = <$inside>::root(folder.path()).unwrap();
                    root.make(name("a")).unwrap();
                    root.make(name("a")).unwrap();
                    let a = root.enter(name("a")).unwrap();
                    a.create(name("x")).unwrap().write_all(b"12345").unwrap();
                    assert_eq!(a.create(name("x")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
                    let look = a.look(name("x")).unwrap().unwrap();
                    assert_eq!((look.kind, look.bytes), (Kind::File, 5));
                    assert_eq!(<$inside>::look_at(&a.open(name("x")).unwrap()).unwrap(), look);
                    assert_eq!(a.look(name("y")).unwrap(), None);
                    assert_eq!(a.list().unwrap(), [("x".into(), Kind::File)]);
                    assert_eq!(root.list().unwrap(), [("a".into(), Kind::Folder)]);

                    a.rename_free(name("x"), &root, name("y")).unwrap();
                    a.create(name("x")).unwrap().write_all(b"new").unwrap();
                    assert_eq!(a.rename_free(name("x"), &root, name("y")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
                    assert_eq!(root.look(name("y")).unwrap().unwrap().bytes, 5);
                    if a.swap(name("x"), &root, name("y")).unwrap() {
                        assert_eq!(root.look(name("y")).unwrap().unwrap().bytes, 3);
                        assert_eq!(a.look(name("x")).unwrap().unwrap().bytes, 5);
                        assert!(a.swap(name("x"), &root, name("y")).unwrap());
                    }
                    a.rename_over(name("x"), &root, name("y")).unwrap();
                    let mut text = String::new();
                    root.open(name("y")).unwrap().read_to_string(&mut text).unwrap();
                    set_modified(&root.open_to_dress(name("y")).unwrap(), Millis(5000)).unwrap();
                    assert_eq!(root.look(name("y")).unwrap().unwrap().modified(), Millis(5000));
                    assert_ne!(root.free_bytes(), Some(0));
                    assert_eq!((text.as_str(), a.look(name("x")).unwrap()), ("new", None));

                    assert!(!root.remove_empty(name("missing")));
                    assert!(root.remove_empty(name("a")));
                    a.sync().unwrap_or(());
                    root.sync().unwrap();
                    root.make(name("a")).unwrap();
                    root.enter(name("a")).unwrap().create(name("z")).unwrap();
                    assert!(!root.remove_empty(name("a")), "a folder that holds something stays");
                    root.remove(name("y")).unwrap();
                    assert_eq!(root.look(name("y")).unwrap(), None);
                    let mut file = root.create(name("long")).unwrap();
                    <$inside>::reserve(&file, 1 << 20).unwrap();
                    file.write_all(b"12345").unwrap();
                    file.set_len(5).unwrap();
                    assert_eq!(std::fs::read(folder.path().join("long")).unwrap(), b"12345");
                }

                #[cfg(unix)]
                #[test]
                fn links_are_neither_entered_nor_opened() {
                    let folder = tempfile::tempdir().unwrap();
                    let outside = tempfile::tempdir().unwrap();
                    std::fs::write(outside.path().join("secret"), b"s").unwrap();
                    std::os::unix::fs::symlink(outside.path(), folder.path().join("folder")).unwrap();
                    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
                    let root = <$inside>::root(folder.path()).unwrap();
                    for link in ["folder", "file"] {
                        assert_eq!(root.look(name(link)).unwrap().unwrap().kind, Kind::Link);
                        assert!(root.enter(name(link)).is_err());
                        assert!(root.open(name(link)).is_err());
                        assert!(root.create(name(link)).is_err());
                    }
                    root.remove(name("file")).unwrap();
                    assert!(outside.path().join("secret").exists());
                    assert!(root.enter(name("missing")).is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
                }

                #[cfg(unix)]
                #[test]
                fn a_pipe_is_seen_and_opening_it_does_not_hang() {
                    let folder = tempfile::tempdir().unwrap();
                    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
                    assert!(made.success());
                    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
                    let root = <$inside>::root(folder.path()).unwrap();
                    let kinds: Vec<Kind> = root.list().unwrap().into_iter().map(|(_, kind)| kind).collect();
                    assert_eq!(kinds, [Kind::Special; 2]);
                    if let Ok(file) = root.open(name("pipe")) {
                        assert_eq!(<$inside>::look_at(&file).unwrap().kind, Kind::Special);
                    }
                }
            }
        };
    }

    #[cfg(unix)]
    contract!(unix, super::super::unix::Inside);
    contract!(portable, super::super::portable::Inside);

    /// What an attacker does between check and use: the folder that was entered stays the one that is used.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_becomes_a_link_after_it_was_entered_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let root = Inside::root(folder.path()).unwrap();
        root.make(OsStr::new("a")).unwrap();
        let a = root.enter(OsStr::new("a")).unwrap();
        std::fs::rename(folder.path().join("a"), folder.path().join("b")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("a")).unwrap();
        a.create(OsStr::new("x")).unwrap();
        assert!(folder.path().join("b/x").exists());
        assert!(!outside.path().join("x").exists());
    }

    #[test]
    fn times_that_no_file_system_has_are_moved_to_one_that_it_has() {
        let file = tempfile::tempfile().unwrap();
        for (millis, read) in [(1_700_000_000_123, Some(1_700_000_000_123)), (-1500, Some(-1500)), (i64::MAX, None), (i64::MIN, None)] {
            set_modified(&file, Millis(millis)).unwrap();
            let look = Inside::look_at(&file).unwrap();
            assert!(read.is_none_or(|read| look.modified() == Millis(read)), "{millis}: {look:?}");
        }
    }
}
