//! What would a run do? Does the run on copies of home and database, with an exchange that only notes what would be put there, and says
//! what came of it as what would be.
//!
//! The copies lie in the home's scratch folder and are removed at the end; a killed rehearsal leaves them to the next
//! run, which clears that folder. **Invariant**: home, database and exchange are as before, byte for byte, but for the
//! note of who holds the lock. It needs room for a second database, and for the customizations of bundles, while it lasts.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::conflicts::tally::Tally;
use super::conflicts::{About, Conflict, by};
use super::page::{Page, alert, heading};
use super::sync::SyncReport;
use super::{Context, Failure};
use crate::database::Database;
use crate::ledger::Ledger;
use crate::site::{Home, HomeError, HomeLock, Settings};
use crate::sync::{Session, SyncError, bundles};
use crate::world::World;

/// A copy of a site to run on; gone when dropped.
#[derive(Debug)]
pub struct Rehearsal {
    folder: PathBuf,
    /// The real site's settings: what is shown and where the exchange is.
    pub settings: Settings,
    /// The real home.
    pub home: Home,
    _lock: HomeLock,
}

impl Rehearsal {
    /// Copies the home of a context, which is locked as long as this lives.
    ///
    /// # Errors
    /// [`crate::site::HomeError::Busy`]; a full disk; else as the files say.
    pub fn new(context: &Context) -> Result<Self, Failure> {
        let home = context.discover()?;
        let lock = home.lock(&context.world)?;
        let settings = home.settings()?;
        let folder = home.scratch().join("rehearsal");
        remove(&folder)?;
        let rehearsal = Self { folder, settings, home, _lock: lock };
        rehearsal.copy(context)?;
        Ok(rehearsal)
    }

    /// Opens the copy.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn session(&self, context: &Context) -> Result<Session, Failure> {
        let home = Home::discover(Some(&self.folder), &self.folder)?;
        match Session::open(World::real(), home, context.limits.clone()) {
            // What the copy lacks the home does.
            Err(SyncError::Home(HomeError::Lost { lost, .. })) => Err(self.home.has_lost(lost)?.into()),
            opened => Ok(opened?),
        }
    }

    fn copy(&self, context: &Context) -> Result<(), Failure> {
        let inside = self.folder.join(Home::INSIDE);
        for name in ["keys", "outbox", "inbox"] {
            copy_folder(&self.home.inside().join(name), &inside.join(name))?;
        }
        for name in ["quarantine", "scratch", "log"] {
            fs::create_dir_all(inside.join(name))?;
        }
        if self.home.rules_path().exists() {
            fs::copy(self.home.rules_path(), self.folder.join(Home::RULES))?;
        }
        let ledger = Ledger::open(&context.world, &self.home.state(), &self.settings.name)?;
        ledger.copy_to(&inside.join("state.db"))?;
        let has_database = !ledger.shapes_ever()?.is_empty();
        let database = self.settings.database_path(self.home.folder());
        if has_database {
            // What tells a mixture from a database lies beside its file, and is not copied.
            if Session::look_past_rules(World::real(), self.home.clone(), context.limits.clone())?.is_mixture()? {
                return Err(SyncError::DatabaseRestored.into());
            }
            Database::open_to_read(&database, context.limits.lock_wait)?.copy_to(&self.folder.join("database"))?;
        } else if database.exists() {
            // In the way of the first load: the rehearsal must meet it too.
            fs::copy(&database, self.folder.join("database"))?;
        }
        let customs = self.settings.bundles_path(self.home.folder());
        let bundles_folder = if bundles::may_hold_customs(&self.home, &customs) { Settings::BUNDLES_FOLDER } else { "." };
        if self.home.bundles().is_dir() && bundles_folder == Settings::BUNDLES_FOLDER {
            copy_folder(&self.home.bundles(), &inside.join("bundles"))?;
            copy_folder(&customs, &self.folder.join(bundles_folder))?;
        }
        let settings = Settings { database: "database".to_owned(), bundles_folder: bundles_folder.to_owned(), ..self.settings.clone() };
        let copy = self.folder.join(Home::SETTINGS);
        Ok(fs::write(copy, settings.to_string())?)
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        // What cannot be removed now, the next run clears with the rest of the scratch folder.
        drop(remove(&self.folder));
    }
}

impl SyncReport {
    /// The conflicts that there would be: no command knows of them yet, and none is named.
    pub(super) fn foretold_conflicts(&self, page: &Page) -> String {
        let tally = Tally::of(&self.conflicts);
        let decided = match tally.open {
            0 if tally.conflicts == 0 => "by the rules; nothing would be lost".to_owned(),
            0 => "would be decided by the rules; what loses would be kept".to_owned(),
            open => alert(&format!("would be found, {open} of which would want you; what loses would be kept")),
        };
        let lines: Vec<String> = self.conflicts.iter().map(|conflict| conflict.foretold(page)).collect();
        format!("{} {decided}\n{}", heading(&tally.words()), page.list(&lines, "-v lists all"))
    }
}

impl Conflict {
    /// What would happen, in one line.
    fn foretold(&self, page: &Page) -> String {
        let Self { winner, loser, rule, .. } = self;
        let record = self.subject();
        let (winner_site, loser_site) = (by(self.winner_site.as_ref()), by(self.loser_site.as_ref()));
        match &self.about {
            About::Field(_) if self.is_of_document() && rule == "both" => format!(
                "{record}: edited at {winner_site} and at {loser_site}; both would be kept, that of {loser_site} under another name"
            ),
            About::Field(_) if self.is_of_document() => {
                format!("{record}: the edit of {winner_site} would stand ({rule}), that of {loser_site} would lose and be kept")
            }
            About::Field(field) if self.open => {
                format!("{record}, {field}: {winner} of {winner_site} or {loser} of {loser_site}? You would decide ({rule})")
            }
            About::Field(field) if self.mine => {
                format!("{record}: your {field} {loser} would lose to {winner} of {winner_site} ({rule}{})", self.times(page))
            }
            About::Field(field) => {
                format!("{record}, {field}: {winner} of {winner_site} would stand ({rule}), {loser} of {loser_site} would lose")
            }
            About::Gone(field) => format!("{record}, {field}: {loser} of {loser_site} would have no record to go to ({rule})"),
            About::Delete => format!("{record}: {}; it would be kept ({rule})", self.deleted()),
            About::Dependants => format!("{record}: {}, but other records refer to it; it would be kept ({rule})", self.deleted()),
            About::Twin => format!("{record}: made at {winner_site} and at {loser_site}; it would be one record ({rule})"),
            About::Held => format!("{record}: the change of {loser_site} would wait at '{}', because {rule}", self.decider),
            About::Taken(field) => {
                format!("{record} of {loser_site} would wait: its {field} {loser} is taken by {} of {winner_site} ({rule})", winner.plain())
            }
            About::Merged(field) => {
                format!("{record}, {field}: {loser} of {loser_site} and the edit of {winner_site} would make {winner} ({rule})")
            }
            About::Refused(Some(field)) => format!("{record}, {field}: {loser} of {loser_site} would not be allowed ({rule})"),
            About::Refused(None) => format!("{record}: the delete at {loser_site} would not be allowed ({rule})"),
            About::Dropped(Some(field)) => {
                format!("{record}, {field}: {loser} of {loser_site} would be dropped at '{}': {rule}", self.decider)
            }
            About::Dropped(None) => format!("{record}: the delete of {loser_site} would be dropped at '{}': {rule}", self.decider),
        }
    }
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Copies a folder of files and folders; what is neither is left out.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    if !from.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
