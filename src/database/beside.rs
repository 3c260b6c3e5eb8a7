//! What does the file of a database say by itself, without what SQLite plays into it from a log or a journal beside it?
//!
//! Whoever puts a backup in the place of a file and leaves those of the former one beside it has a database that is neither old nor new, and says of itself
//! that it is the newest. **Invariant**: what is moved from a log into its file makes that newer; so a file that says less than it did before is another one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use url::Url;

use super::error::{Doing, Result};
use super::{Database, Opened, Reached};
use crate::model::PairId;
use crate::world::World;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFile {
    /// The highest commit.
    pub commits: u64,
    /// How far the ledger was.
    pub reached: Option<Reached>,
}

impl InFile {
    /// Reads the file alone. None where it is of another pair, or does not say: another program may be moving pages into it.
    #[must_use]
    pub fn read(path: &Path, pair: &PairId) -> Option<Self> {
        let mut address = Url::from_file_path(path.canonicalize().ok()?).ok()?;
        address.set_query(Some("immutable=1"));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let file = Database::connect(Path::new(address.as_str()), Duration::ZERO, Opened { flags, keeps_wal: true }).ok()?;
        Self::of(&file, pair)
    }

    /// What a connection sees.
    #[must_use]
    pub fn of(database: &Database, pair: &PairId) -> Option<Self> {
        let counters = database.counters().ok()?.filter(|counters| counters.pair == *pair)?;
        Some(Self { commits: counters.commits, reached: database.reached().ok()? })
    }

    /// Whether it says less than this. A database that does not say how far the ledger was may be any.
    #[must_use]
    pub fn is_before(&self, (commits, journal): (u64, i64)) -> bool {
        self.commits < commits || self.reached.as_ref().is_some_and(|reached| reached.journal.0 < journal)
    }

    /// Commits and journal, which only grow.
    #[must_use]
    pub fn age(&self) -> (u64, i64) {
        (self.commits, self.reached.as_ref().map_or(0, |reached| reached.journal.0))
    }
}

/// Whether there is a write-ahead log beside a file, with something in it.
#[must_use]
pub fn has_log(path: &Path) -> bool {
    has(path, "-wal")
}

/// Whether there is a journal beside a file, with something in it that SQLite may put back into it.
#[must_use]
pub fn has_journal(path: &Path) -> bool {
    has(path, "-journal")
}

fn has(path: &Path, end: &str) -> bool {
    // SQLite puts them beside the file that a link leads to.
    let mut beside = path.canonicalize().unwrap_or_else(|_| path.into()).into_os_string();
    beside.push(end);
    PathBuf::from(beside).metadata().is_ok_and(|beside| beside.len() > 0)
}

impl Database {
    /// As [`Database::open`], to read: a log that is there stays beside the file.
    ///
    /// # Errors
    /// As for [`Database::open`].
    pub fn open_to_read(path: &Path, wait: Duration) -> Result<Self> {
        let has_log = has_log(path);
        let database = Self::open(path, wait)?;
        database.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log).doing("open the database")?;
        Ok(database)
    }

    /// Lets a database say that it is as old as its file said.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn say_age(&self, world: &World, file: &InFile) -> Result<()> {
        let doing = "say how old the database is";
        self.writing(world, || {
            self.connection.execute("UPDATE _fieldpost_state SET commits = ?1", [file.commits.cast_signed()]).doing(doing)?;
            match &file.reached {
                Some(reached) => self.set_reached(reached),
                // It is of before there was room for that.
                None => self.execute(doing, "DROP TABLE IF EXISTS _fieldpost_reached"),
            }
        })
    }

    /// Moves what is in the write-ahead log into the file, as far as nobody is in the way, and waits for nobody.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn settle(&self) -> Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).doing("move the log into the database")
    }
}
