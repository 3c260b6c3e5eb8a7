//! Who works in a home right now?
//!
//! The operating system's lock on the file `lock` decides; it goes when the process does, whatever killed it. The file
//! `holder` beside it only tells people who it is: Windows lets nobody read a locked file, so it cannot be the same one.
//!
//! Who wants to know whether somebody works takes the same lock for a moment, shared. That keeps nobody out: who is refused looks
//! whether it is shared, and then tries again.

use std::fs::TryLockError;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{Home, HomeError};
use crate::model::Millis;
use crate::world::World;

/// How often somebody tries who finds only others that look.
const TRIES: usize = 500;
/// How long a look may take, and between two tries.
const A_LOOK: Duration = Duration::from_millis(2);

/// The home is ours until this is dropped.
#[derive(Debug)]
pub struct HomeLock {
    _file: std::fs::File,
}

/// The run that holds a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub process: u32,
    /// When it took the home.
    pub since: Millis,
}

pub(super) fn take(home: &Home, world: &World) -> Result<HomeLock, HomeError> {
    let file = std::fs::File::from(fs::OpenOptions::new().create(true).truncate(false).write(true).open(home.inside().join("lock"))?);
    let note = home.inside().join("holder");
    if !try_to_hold(&file, world)? {
        let holder = fs::read(&note).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return Err(HomeError::Busy { folder: home.folder().to_owned(), holder });
    }
    let holder = Holder { process: std::process::id(), since: world.now() };
    fs::write(note, serde_json::to_vec(&holder).expect("two numbers are JSON"))?;
    match fs::remove_file(home.unfinished()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(HomeLock { _file: file }),
    }
}

/// Whether a run works in the home.
pub(super) fn is_held(home: &Home) -> Result<bool, HomeError> {
    match fs::File::open(home.inside().join("lock")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        opened => Ok(is_locked(&opened?.into())?),
    }
}

/// Takes the lock, which whoever only looks cannot prevent; false: somebody holds it.
fn try_to_hold(file: &std::fs::File, world: &World) -> std::io::Result<bool> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if is_locked(file)? => return Ok(false),
            Err(TryLockError::WouldBlock) => world.sleep(A_LOOK),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether somebody holds it. The look is shared, so that two who look do not take each other for one who works.
fn is_locked(file: &std::fs::File) -> std::io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What a watcher says of itself, for whoever asks `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// Its process.
    pub process: u32,
    /// When it began.
    pub since: Millis,
    /// When the next round is; none: when something happens.
    pub next: Option<Millis>,
    /// Why it is then.
    pub why: Option<String>,
    /// Rounds in a row that failed.
    pub failures: u32,
    /// Whether the last of them wants a person.
    pub wants_person: bool,
}

/// The right to watch a home; gone with the process. It does not hold the home: other runs go on beside a watcher.
#[derive(Debug)]
pub struct WatchLock {
    _file: std::fs::File,
    note: std::path::PathBuf,
}

impl WatchLock {
    /// Says what comes next.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn tell(&self, watcher: &Watcher) -> Result<(), HomeError> {
        let mut fresh = self.note.clone().into_os_string();
        fresh.push(".new");
        fs::write(&fresh, serde_json::to_vec(watcher).expect("numbers and a text are JSON"))?;
        Ok(fs::rename(fresh, &self.note)?)
    }
}

fn watch_file(home: &Home) -> Result<std::fs::File, HomeError> {
    Ok(fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(home.inside().join("watch"))?.into())
}

pub(super) fn take_watch(home: &Home, world: &World) -> Result<WatchLock, HomeError> {
    let file = watch_file(home)?;
    if !try_to_hold(&file, world)? {
        return Err(HomeError::Watched { folder: home.folder().to_owned(), watcher: read_watcher(home) });
    }
    Ok(WatchLock { _file: file, note: home.inside().join("watcher") })
}

pub(super) fn watcher(home: &Home) -> Result<Option<Watcher>, HomeError> {
    Ok(if is_locked(&watch_file(home)?)? { read_watcher(home) } else { None })
}

fn read_watcher(home: &Home) -> Option<Watcher> {
    fs::read(home.inside().join("watcher")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
}

/// A folder only its owner may look into.
#[cfg(unix)]
pub(super) fn create_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// On Windows the folder inherits the access list of the one around it, which for a user's folders is private.
#[cfg(not(unix))]
pub(super) fn create_private_folder(path: &Path) -> std::io::Result<()> {
    fs::create_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn a_second_run_is_told_who_holds_the_home_and_gets_it_when_that_one_ends() {
        let top = tempfile::tempdir().unwrap();
        let (world, draft) = (World::real(), Home::prepare(&World::real(), top.path()).unwrap());
        let before = world.now();
        let first = draft.home().lock(&world).unwrap();
        let after = world.now();
        let Err(HomeError::Busy { holder: Some(holder), .. }) = draft.home().lock(&world) else { panic!("not busy") };
        assert_eq!(holder.process, std::process::id());
        assert!((before..=after).contains(&holder.since), "{holder:?}");
        assert!(draft.home().is_held().unwrap());
        drop(first);
        assert!(!draft.home().is_held().unwrap());
        draft.home().lock(&world).unwrap();
    }

    #[test]
    fn a_home_has_one_watcher_which_says_what_comes_next() {
        let top = tempfile::tempdir().unwrap();
        let draft = Home::prepare(&World::real(), top.path()).unwrap();
        assert_eq!(draft.home().watcher().unwrap(), None);
        let lock = draft.home().watch(&World::real()).unwrap();
        let watcher = Watcher {
            process: 1,
            since: Millis(2),
            next: Some(Millis(3)),
            why: Some("it is time".to_owned()),
            failures: 0,
            wants_person: false,
        };
        lock.tell(&watcher).unwrap();
        assert_eq!(draft.home().watcher().unwrap(), Some(watcher.clone()));
        let Err(HomeError::Watched { watcher: told, .. }) = draft.home().watch(&World::real()) else { panic!("two watchers") };
        assert_eq!(told, Some(watcher));
        drop(lock);
        assert_eq!(draft.home().watcher().unwrap(), None);
        draft.home().watch(&World::real()).unwrap();
    }

    #[test]
    fn whoever_only_looks_keeps_nobody_out() {
        let top = tempfile::tempdir().unwrap();
        let draft = Home::prepare(&World::real(), top.path()).unwrap();
        let (home, world, over) = (draft.home(), World::real(), std::sync::atomic::AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !over.load(std::sync::atomic::Ordering::Relaxed) {
                        home.is_held().unwrap();
                        home.watcher().unwrap();
                    }
                });
            }
            let refused = (0..100).filter(|_| home.lock(&world).is_err() || home.watch(&world).is_err()).count();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(refused, 0);
        });
    }
}
