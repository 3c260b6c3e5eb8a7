//! Files that are there whole or not at all, also after a power cut.
//!
//! The one way to write: temporary name in the same folder, flush to disk, rename, flush the folder. A reader never
//! sees half a file under a final name. What a run that died left behind has the suffix [`TEMPORARY`] and no owner.

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;

use super::World;

/// Suffix of files that are being written.
pub const TEMPORARY: &str = ".part";
/// Letters and digits between the dot and the suffix.
const RANDOM: usize = 6;

/// What can go wrong with a durable file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused; its message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] super::Crash),
}

/// Whether a file of that name may be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced in one step.
    Replace,
    /// It stays and the call fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// Whether others on this machine may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// As the umask says.
    Ordinary,
    /// Mode 0600 on Unix. On Windows the home folder's own access list protects it.
    Secret,
}

/// Publishes `bytes` as `path`, whole or not at all.
///
/// # Errors
/// As the operating system says, with the path; a failed call leaves no file of the final name.
pub fn publish(world: &World, path: &Path, bytes: &[u8], existing: Existing, privacy: Privacy) -> Result<(), FileError> {
    publish_with(world, path, existing, privacy, |file| Ok(file.write_all(bytes)?))
}

/// Publishes what `write` puts into a new file as `path`, whole or not at all: for what is too long to be held in memory.
///
/// # Errors
/// As `write` or the operating system says; a failed call leaves no file of the final name.
pub fn publish_with<E: From<FileError>>(
    world: &World,
    path: &Path,
    existing: Existing,
    privacy: Privacy,
    write: impl FnOnce(&mut std::fs::File) -> Result<(), E>,
) -> Result<(), E> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let io = |error: io::Error| E::from(FileError::Io(error));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(TEMPORARY).rand_bytes(RANDOM);
    if privacy == Privacy::Ordinary {
        share_as_umask_says(&mut builder);
    }
    let mut file = builder.tempfile_in(folder).map_err(io)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(io)?;
    world.step("publish file").map_err(FileError::Crash)?;
    match existing {
        Existing::Replace => drop(file.persist(path).map_err(|error| io(error.error))?),
        Existing::Keep => drop(file.persist_noclobber(path).map_err(|error| io(error.error))?),
    }
    sync_folder(folder).map_err(io)
}

/// Whether a file has a name that [`publish_with`] gives to what it writes, before it has its own.
#[must_use]
pub fn is_unfinished(name: &str) -> bool {
    let random = name.strip_prefix('.').and_then(|name| name.strip_suffix(TEMPORARY));
    random.is_some_and(|random| random.len() == RANDOM && random.chars().all(|letter| letter.is_ascii_alphanumeric()))
}

/// Whether two paths lead to one file.
///
/// # Errors
/// As the operating system says.
#[cfg(unix)]
pub fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Whether two paths lead to one file.
///
/// # Errors
/// As the operating system says.
#[cfg(not(unix))]
pub fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(one)? == fs::canonicalize(other)?)
}

/// The permission bits of an open file; 0 where the system has none.
///
/// # Errors
/// As the operating system says.
#[cfg(unix)]
pub fn rights(file: &std::fs::File) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o777)
}

/// The permission bits of an open file; 0 where the system has none.
///
/// # Errors
/// As the operating system says.
#[cfg(not(unix))]
pub fn rights(_: &std::fs::File) -> io::Result<u32> {
    Ok(0)
}

/// Gives an open file the rights of `like`, and the right to run it or not. Only Unix has such bits.
///
/// # Errors
/// As the operating system says.
#[cfg(unix)]
pub fn set_executable(file: &std::fs::File, executable: bool, like: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Whoever may read it may run it.
    let mode = if executable { like | (like & 0o444) >> 2 } else { like & !0o111 };
    if mode & 0o777 == rights(file)? {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode & 0o777))
}

/// Gives an open file the rights of `like`, and the right to run it or not. Only Unix has such bits.
///
/// # Errors
/// As the operating system says.
#[cfg(not(unix))]
pub fn set_executable(_: &std::fs::File, _: bool, _: u32) -> io::Result<()> {
    Ok(())
}

/// Gives a finished, flushed file its final name; replaces what is there.
///
/// # Errors
/// As the operating system says.
pub fn rename(world: &World, from: &Path, to: &Path) -> Result<(), FileError> {
    world.step("rename file")?;
    fs::rename(from, to)?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))?;
    Ok(())
}

/// Deletes a file; one that is gone already is no error.
///
/// # Errors
/// As the operating system says.
pub fn remove(world: &World, path: &Path) -> Result<(), FileError> {
    world.step("delete file")?;
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => Ok(done?),
    }
}

/// Makes the names in a folder durable. Windows keeps them with the file and cannot flush a folder.
///
/// # Errors
/// As the operating system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Temporary files are private; a file meant for others gets the rights that a plain create would give.
#[cfg(unix)]
fn share_as_umask_says(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

/// Windows files inherit the folder's access list.
#[cfg(not(unix))]
fn share_as_umask_says(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Faults, SystemClock};

    #[test]
    fn a_kill_before_the_rename_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        publish_with(&world, &path, Existing::Keep, Privacy::Ordinary, |_| {
            let names: Vec<_> =
                fs::read_dir(folder.path())?.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<_>>()?;
            assert!(names.iter().all(|name| is_unfinished(name.to_str().unwrap())) && names.len() == 1, "{names:?}");
            Ok::<_, FileError>(())
        })
        .unwrap();
        assert!(!is_unfinished("a.part") && !is_unfinished(".my-own.part") && !is_unfinished(".part"));
        publish(&world, &path, b"old", Existing::Replace, Privacy::Ordinary).unwrap();
        world.faults().kill_before(Some(1));
        assert!(matches!(publish(&world, &path, b"new", Existing::Replace, Privacy::Ordinary), Err(FileError::Crash(_))));
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn keep_refuses_to_overwrite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let world = World::real();
        publish(&world, &path, b"old", Existing::Keep, Privacy::Secret).unwrap();
        let error = publish(&world, &path, b"new", Existing::Keep, Privacy::Secret).unwrap_err();
        assert!(matches!(error, FileError::Io(error) if error.kind() == io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
