//! Where does a site keep its things?
//!
//! States: no home → unfinished (`.fieldpost/unfinished` is there) → home. Crash points: every step of
//! [`Home::prepare`] leaves an unfinished home that the next try clears; publishing `fieldpost.toml` is the moment it
//! becomes one. Invariant: a folder with `fieldpost.toml` has everything else, and nothing of a finished home is
//! ever cleared; what it lost since ([`Home::whole`]) is never made anew.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{HomeLock, Role, Settings, SettingsError, lock};
use crate::model::SiteName;
use crate::world::files::{self, Existing, FileError, Privacy};
use crate::world::{Crash, World};

/// A site's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
}

/// A home that is being made; not one before [`Draft::finish`].
#[derive(Debug)]
pub struct Draft {
    home: Home,
}

/// What a home has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// All of it but the settings.
    All,
    /// The ledger: its file is gone, or another one was made in its place.
    State,
    /// Keys of its own.
    Keys,
}

impl Lost {
    const fn words(self) -> &'static str {
        match self {
            Self::All => "its .fieldpost, with its state and its keys",
            Self::State => "its state, .fieldpost/state.db",
            Self::Keys => "its keys, .fieldpost/keys",
        }
    }
}

/// Why a folder is no home, cannot become one, or cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// No folder from here upwards has a `fieldpost.toml`.
    #[error("no home in `{}` or any folder above it", start.display())]
    NotFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// There is no such folder.
    #[error("there is no folder `{}`", folder.display())]
    NoFolder {
        /// As named.
        folder: PathBuf,
    },
    /// The named folder has no `fieldpost.toml`.
    #[error("`{}` is not a home: it has no {}", folder.display(), Home::SETTINGS)]
    NotAHome {
        /// As named.
        folder: PathBuf,
    },
    /// A finished home whose `fieldpost.toml` is gone.
    #[error("`{}` has lost its {}", folder.display(), Home::SETTINGS)]
    SettingsLost {
        /// The folder.
        folder: PathBuf,
    },
    /// A finished home without what no run can do without.
    #[error("`{}` has lost {}", folder.display(), lost.words())]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// What is gone.
        lost: Lost,
        /// What the site is.
        role: Role,
    },
    /// There is a home already.
    #[error("`{}` is a home already", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A detach that began here did not end, or is under way.
    #[error("`{}` is being detached, and that was interrupted or is under way", folder.display())]
    Going {
        /// The folder.
        folder: PathBuf,
    },
    /// Another run works here.
    #[error("another run holds the home `{}`", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// Who, where it left a note that can be read.
        holder: Option<super::Holder>,
    },
    /// Another process watches here.
    #[error("another process watches the home `{}`", folder.display())]
    Watched {
        /// The folder.
        folder: PathBuf,
        /// What it says of itself, where that can be read.
        watcher: Option<super::Watcher>,
    },
    /// The settings cannot be read.
    #[error("{}, {error}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: Box<SettingsError>,
    },
    /// The operating system refused; its message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl From<FileError> for HomeError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}

impl Home {
    /// Name of the settings file; a folder that has it is a home.
    pub const SETTINGS: &str = "fieldpost.toml";
    /// Name of the rules file.
    pub const RULES: &str = "rules.toml";
    /// Name of the folder with everything of ours.
    pub const INSIDE: &str = ".fieldpost";
    const UNFINISHED: &str = "unfinished";
    const GOING: &str = ".fieldpost-going";
    const FOLDERS: [&str; 6] = ["keys", "outbox", "inbox", "quarantine", "scratch", "log"];

    /// The home in `explicit`, or else the nearest one from `start` upwards.
    ///
    /// # Errors
    /// [`HomeError::NoFolder`], [`HomeError::NotAHome`], [`HomeError::SettingsLost`] or [`HomeError::NotFound`].
    pub fn discover(explicit: Option<&Path>, start: &Path) -> Result<Self, HomeError> {
        if let Some(folder) = explicit {
            return Self::at(folder)?.ok_or_else(|| match folder.try_exists() {
                Ok(false) => HomeError::NoFolder { folder: folder.to_owned() },
                Ok(true) | Err(_) => HomeError::NotAHome { folder: folder.to_owned() },
            });
        }
        for folder in start.ancestors() {
            if let Some(home) = Self::at(folder)? {
                return Ok(home);
            }
        }
        Err(HomeError::NotFound { start: start.to_owned() })
    }

    /// Begins a home in `folder`, making the folder where needed and clearing what an unfinished try left.
    ///
    /// The caller fills [`Draft::home`] (keys, ledger) and then calls [`Draft::finish`].
    ///
    /// # Errors
    /// [`HomeError::Exists`], [`HomeError::SettingsLost`] or what the operating system says.
    pub fn prepare(world: &World, folder: &Path) -> Result<Draft, HomeError> {
        if Self::at(folder)?.is_some() {
            return Err(HomeError::Exists { folder: folder.to_owned() });
        }
        let home = Self { folder: folder.to_owned() };
        let inside = home.inside();
        world.step("clear unfinished home")?;
        home.clear()?;
        fs::create_dir_all(folder)?;
        world.step("begin home")?;
        lock::create_private_folder(&inside)?;
        fs::write(home.unfinished(), b"")?;
        for name in Self::FOLDERS {
            lock::create_private_folder(&inside.join(name))?;
        }
        files::sync_folder(&inside)?;
        Ok(Draft { home })
    }

    /// The settings.
    ///
    /// # Errors
    /// [`HomeError::Settings`] with file and line, or what the operating system says.
    pub fn settings(&self) -> Result<Settings, HomeError> {
        let path = self.settings_path();
        let text = fs::read_to_string(&path)?;
        Settings::parse(&text).map_err(|error| HomeError::Settings { path, error: Box::new(error) })
    }

    /// Refuses a home in which something is lost that nobody can make again: what took its place would be another site's.
    ///
    /// # Errors
    /// [`HomeError::Lost`]; else as settings and operating system say.
    pub fn whole(&self) -> Result<(), HomeError> {
        let is_lost = |path: PathBuf| match fs::metadata(path) {
            // SQLite takes an empty file for one that nobody has written in yet.
            Ok(found) => Ok(found.len() == 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        };
        let keys = is_lost(self.signing_key())? || is_lost(self.sealing_key())?;
        match (is_lost(self.state())?, keys) {
            (false, false) => Ok(()),
            (true, true) => Err(self.has_lost(Lost::All)?),
            (true, false) => Err(self.has_lost(Lost::State)?),
            (false, true) => Err(self.has_lost(Lost::Keys)?),
        }
    }

    /// The error for a home that lost something.
    ///
    /// # Errors
    /// As for [`Home::settings`].
    pub fn has_lost(&self, lost: Lost) -> Result<HomeError, HomeError> {
        Ok(HomeError::Lost { folder: self.folder.clone(), lost, role: self.settings()?.role })
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn write_settings(&self, world: &World, settings: &Settings) -> Result<(), HomeError> {
        let text = settings.to_string();
        Ok(files::publish(world, &self.settings_path(), text.as_bytes(), Existing::Replace, Privacy::Ordinary)?)
    }

    /// The text of the rules file; empty where there is none.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn rules_text(&self) -> Result<String, HomeError> {
        match fs::read_to_string(self.rules_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => Ok(read?),
        }
    }

    /// Whether a run has it now.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn is_held(&self) -> Result<bool, HomeError> {
        lock::is_held(self)
    }

    /// Takes the home for one run; [`HomeLock`] gives it back when dropped, also by the operating system when we die.
    ///
    /// # Errors
    /// [`HomeError::Busy`] where another run has it, at once.
    pub fn lock(&self, world: &World) -> Result<HomeLock, HomeError> {
        lock::take(self, world)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes this process the one that watches the home, until the lock is dropped.
    ///
    /// # Errors
    /// [`HomeError::Watched`] where there is another.
    pub fn watch(&self, world: &World) -> Result<super::WatchLock, HomeError> {
        lock::take_watch(self, world)
    }

    /// The process that watches the home; none where nobody does.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn watcher(&self) -> Result<Option<super::Watcher>, HomeError> {
        lock::watcher(self)
    }

    /// `fieldpost.toml`.
    #[must_use]
    pub fn settings_path(&self) -> PathBuf {
        self.folder.join(Self::SETTINGS)
    }

    /// `rules.toml`.
    #[must_use]
    pub fn rules_path(&self) -> PathBuf {
        self.folder.join(Self::RULES)
    }

    /// `.fieldpost/`.
    #[must_use]
    pub fn inside(&self) -> PathBuf {
        self.folder.join(Self::INSIDE)
    }

    /// The private signing key, OpenSSH format.
    #[must_use]
    pub fn signing_key(&self) -> PathBuf {
        self.inside().join("keys").join("signing")
    }

    /// The public signing key, OpenSSH format.
    #[must_use]
    pub fn signing_public(&self) -> PathBuf {
        self.inside().join("keys").join("signing.pub")
    }

    /// The private sealing key, age identity.
    #[must_use]
    pub fn sealing_key(&self) -> PathBuf {
        self.inside().join("keys").join("sealing")
    }

    /// The public sealing key, age recipient.
    #[must_use]
    pub fn sealing_public(&self) -> PathBuf {
        self.inside().join("keys").join("sealing.pub")
    }

    /// Names and passwords for the exchanges.
    #[must_use]
    pub fn logins(&self) -> PathBuf {
        self.inside().join("keys").join("logins")
    }

    /// The ledger's file.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.inside().join("state.db")
    }

    /// Packets to a neighbour until it has acknowledged them.
    #[must_use]
    pub fn outbox(&self, neighbour: &SiteName) -> PathBuf {
        self.inside().join("outbox").join(neighbour.as_str())
    }

    /// Packets from a neighbour that are fetched and not yet applied.
    #[must_use]
    pub fn inbox(&self, neighbour: &SiteName) -> PathBuf {
        self.inside().join("inbox").join(neighbour.as_str())
    }

    /// Packets that do not verify.
    #[must_use]
    pub fn quarantine(&self) -> PathBuf {
        self.inside().join("quarantine")
    }

    /// Bundles: files of bundles and kept contents.
    #[must_use]
    pub fn bundles(&self) -> PathBuf {
        self.inside().join("bundles")
    }

    /// Files that are being worked on. Whoever holds the lock may empty it.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.inside().join("scratch")
    }

    pub(super) fn unfinished(&self) -> PathBuf {
        self.inside().join(Self::UNFINISHED)
    }

    /// The home in exactly this folder; none where there is none or an unfinished one.
    fn at(folder: &Path) -> Result<Option<Self>, HomeError> {
        let home = Self { folder: folder.to_owned() };
        if home.settings_path().is_file() {
            return Ok(Some(home));
        }
        let filled = fs::read_dir(home.inside()).is_ok_and(|mut entries| entries.next().is_some());
        if filled && !home.unfinished().exists() {
            return Err(HomeError::SettingsLost { folder: folder.to_owned() });
        }
        Ok(None)
    }

    /// Removes everything inside. In two steps: killed half way, what is left must not look like a home that lost its settings.
    fn clear(&self) -> io::Result<()> {
        let going = self.folder.join(Self::GOING);
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        gone(fs::remove_dir_all(&going))?;
        gone(fs::rename(self.inside(), &going))?;
        gone(fs::remove_dir_all(&going))
    }
}

impl Draft {
    /// Where keys and ledger go.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// Makes it a home; from here on it is never cleared.
    ///
    /// # Errors
    /// [`HomeError::Exists`] where another run was faster, or what the operating system says; then it is none.
    pub fn finish(self, world: &World, settings: &Settings) -> Result<Home, HomeError> {
        let text = settings.to_string();
        match files::publish(world, &self.home.settings_path(), text.as_bytes(), Existing::Keep, Privacy::Ordinary) {
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(HomeError::Exists { folder: self.home.folder });
            }
            published => published?,
        }
        // Killed before this: whoever takes the lock next removes the mark, so that it can never excuse a clearing.
        files::remove(world, &self.home.unfinished())?;
        Ok(self.home)
    }

    /// Gives up: removes what was made inside. Not called after a [`Crash`]; then the next try clears.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn abandon(self) -> io::Result<()> {
        self.home.clear()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Role;
    use crate::world::{Faults, SystemClock};

    fn settings() -> Settings {
        Settings {
            name: SiteName::new("head").unwrap(),
            role: Role::Host,
            host: SiteName::new("head").unwrap(),
            parent: None,
            database: "shop.db".into(),
            exchanges: crate::site::Exchanges::only("/mnt/share"),
            watch: crate::site::WatchSettings::default(),
            heartbeat: Settings::HEARTBEAT,
            alarm_after: Settings::ALARM_AFTER,
            bundles_folder: Settings::BUNDLES_FOLDER.to_owned(),
            history_millis: Settings::HISTORY_MILLIS,
            library: crate::site::LibrarySettings::default(),
        }
    }

    #[test]
    fn the_nearest_home_upwards_is_found_and_a_named_one_is_taken_at_its_word() {
        let top = tempfile::tempdir().unwrap();
        let world = World::real();
        let deep = top.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        Home::prepare(&world, &top.path().join("a")).unwrap().finish(&world, &settings()).unwrap();
        let home = Home::discover(None, &deep).unwrap();
        assert_eq!(home.folder(), top.path().join("a"));
        assert_eq!(home.settings().unwrap(), settings());
        assert!(matches!(Home::discover(Some(&deep), &deep), Err(HomeError::NotAHome { .. })));
        assert!(matches!(Home::discover(None, top.path()), Err(HomeError::NotFound { .. })));
    }

    #[test]
    fn a_home_is_never_made_over_another_one() {
        let top = tempfile::tempdir().unwrap();
        let world = World::real();
        Home::prepare(&world, top.path()).unwrap().finish(&world, &settings()).unwrap();
        assert!(matches!(Home::prepare(&world, top.path()), Err(HomeError::Exists { .. })));
        fs::remove_file(top.path().join(Home::SETTINGS)).unwrap();
        assert!(matches!(Home::prepare(&world, top.path()), Err(HomeError::SettingsLost { .. })));
        assert!(matches!(Home::discover(None, top.path()), Err(HomeError::SettingsLost { .. })));
    }

    #[test]
    fn killed_anywhere_a_home_is_there_whole_or_the_next_try_makes_it() {
        for step in 1.. {
            let top = tempfile::tempdir().unwrap();
            let world = World::simulated(Box::new(SystemClock), step, Faults::none());
            world.faults().kill_before(Some(step));
            let made = Home::prepare(&world, top.path()).and_then(|draft| draft.finish(&world, &settings()));
            let died = world.faults().died_at().is_some();
            world.faults().kill_before(None);
            assert_eq!(made.is_err(), died);
            if Home::discover(Some(top.path()), top.path()).is_err() {
                Home::prepare(&world, top.path()).unwrap().finish(&world, &settings()).unwrap();
            }
            let home = Home::discover(Some(top.path()), top.path()).unwrap();
            drop(home.lock(&world).unwrap());
            fs::remove_file(home.settings_path()).unwrap();
            assert!(matches!(Home::prepare(&world, top.path()), Err(HomeError::SettingsLost { .. })), "step {step}");
            if !died {
                break;
            }
        }
    }

    #[test]
    fn a_clearing_that_was_killed_half_way_is_finished_by_the_next_try() {
        let top = tempfile::tempdir().unwrap();
        let world = World::real();
        let draft = Home::prepare(&world, top.path()).unwrap();
        fs::write(draft.home().state(), b"x").unwrap();
        fs::rename(draft.home().inside(), top.path().join(Home::GOING)).unwrap();
        fs::remove_file(top.path().join(Home::GOING).join(Home::UNFINISHED)).unwrap();
        let home = Home::prepare(&world, top.path()).unwrap().finish(&world, &settings()).unwrap();
        assert!(!home.state().exists() && !top.path().join(Home::GOING).exists());
    }

    #[test]
    fn an_abandoned_draft_leaves_the_folder_as_it_was() {
        let top = tempfile::tempdir().unwrap();
        Home::prepare(&World::real(), top.path()).unwrap().abandon().unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_may_look_inside() {
        use std::os::unix::fs::PermissionsExt;
        let top = tempfile::tempdir().unwrap();
        let draft = Home::prepare(&World::real(), top.path()).unwrap();
        assert_eq!(fs::metadata(draft.home().inside()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
