//! What does the file of a database say by itself, without what SQLite plays into it from a log or a journal beside it?
//!
//! Whoever puts a backup in the place of a file and leaves those of the former one beside it has a database that is neither old nor new, and says of itself
//! that it is the newest: a *mixture*.
//!
//! | the file says | the log | is of | the database is |
//! |---|---|---|---|
//! | no less than it did | any | this file | what it says |
//! | less | none, or goes on with what is in it | a backup, and what was done in it since | what it says: restored |
//! | less | has every page | `.restore` through a program that has it open, of any copy | what the log says: nothing of the file is read |
//! | less | has the commit that the ledger lacks, which brought it forward | recovering that was cut off | what it says, once the ledger has caught up |
//! | less | says as much as the ledger knows, or has notes that were sealed after it | the former database | a mixture: [`Database::go_by`] makes it what the file says |
//! | less | a journal | whoever died writing | nobody can tell: it is told its age ([`Database::say_age`]) |
//!
//! **Invariant**: what is moved from a log into its file is what the database is; so a file that says less than it did before is another one, or was
//! written over. **Crash point**: going by the file is one transaction, after which the log has every page.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use url::Url;

use super::error::{DatabaseError, Doing, Result};
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
        Self::of(&Database::alone(path).ok()?, pair)
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

/// Whether the write-ahead log beside a file has every page of the database: then nothing of what lies in the file is read. See "WAL-Index Format" and
/// "The WAL File Format" of SQLite's documentation.
#[must_use]
pub fn log_has_all(path: &Path) -> bool {
    File::open(beside(path, "-wal")).is_ok_and(|log| has_all(BufReader::new(log)) == Some(true))
}

/// None where it ends, or goes on with what is of an earlier log, before anything was committed.
fn has_all(mut log: impl Read) -> Option<bool> {
    /// The page in which SQLite locks lies at this place, and is never written.
    const LOCKED: u32 = 1 << 30;
    let word = |bytes: &[u8], place: usize| bytes.get(place..place + 4).and_then(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
    let mut header = [0; 32];
    log.read_exact(&mut header).ok()?;
    let (magic, page) = (word(&header, 0)?, word(&header, 8)?);
    let mut sum = Sum { big: magic & 1 == 1, first: 0, second: 0 };
    sum.add(&header[..24]);
    if magic & !1 != 0x377f_0682 || !sum.is(&header[24..]) || !page.is_power_of_two() {
        return None;
    }
    let (mut pages, mut frame, mut has_all) = (BTreeSet::new(), vec![0; 24 + usize::try_from(page).ok()?], None);
    while log.read_exact(&mut frame).is_ok() {
        sum.add(&frame[..8]);
        sum.add(&frame[24..]);
        if frame[8..16] != header[16..24] || !sum.is(&frame[16..24]) {
            break;
        }
        pages.insert(word(&frame, 0)?);
        let committed = word(&frame, 4)?;
        if committed > 0 {
            let locked = LOCKED / page + 1;
            let wanted = committed - u32::from(committed >= locked);
            has_all = Some(pages.range(1..=committed).filter(|page| **page != locked).count() == usize::try_from(wanted).ok()?);
        }
    }
    has_all
}

/// What SQLite sums up over a log.
struct Sum {
    /// In which order it takes the bytes of a word.
    big: bool,
    first: u32,
    second: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks_exact(8) {
            let word = |four: &[u8]| {
                let four = [four[0], four[1], four[2], four[3]];
                if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
            };
            self.first = self.first.wrapping_add(word(&eight[..4])).wrapping_add(self.second);
            self.second = self.second.wrapping_add(word(&eight[4..])).wrapping_add(self.first);
        }
    }

    fn is(&self, bytes: &[u8]) -> bool {
        bytes[..4] == self.first.to_be_bytes() && bytes[4..8] == self.second.to_be_bytes()
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
    beside(path, end).metadata().is_ok_and(|beside| beside.len() > 0)
}

/// SQLite puts them beside the file that a link leads to.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut beside = path.canonicalize().unwrap_or_else(|_| path.into()).into_os_string();
    beside.push(end);
    beside.into()
}

impl Database {
    /// Opens the file alone, to read. What lies beside it says nothing then, and nobody may move anything into the file meanwhile.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn alone(path: &Path) -> Result<Self> {
        let missing = || DatabaseError::Missing(path.into());
        let mut address = path.canonicalize().ok().and_then(|path| Url::from_file_path(path).ok()).ok_or_else(missing)?;
        address.set_query(Some("immutable=1"));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let file = Self::connect(Path::new(address.as_str()), Duration::ZERO, Opened { flags, keeps_wal: true })?;
        file.schema_version.set(file.read_schema_version()?);
        Ok(file)
    }

    /// Makes the database what a file of it alone holds, in one transaction. `meanwhile` is called when nobody else may write any more, and keeps it from
    /// being done where it fails.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`]; what `meanwhile` says; else as SQLite says.
    pub fn go_by<E: From<DatabaseError>>(
        &self,
        world: &World,
        file: &Self,
        meanwhile: impl FnOnce() -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let doing = "go by what is in the file";
        let flags = self.opened.flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut to = Connection::open_with_flags(&self.path, flags).doing(doing)?;
        to.busy_timeout(self.wait).doing(doing)?;
        let backup = Backup::new(&file.connection, &mut to).doing(doing)?;
        let step = |pages| match backup.step(pages).doing(doing) {
            Ok(StepResult::Busy | StepResult::Locked) => Err(DatabaseError::Busy),
            other => other.map(drop),
        };
        step(0)?;
        meanwhile()?;
        world.step("go by what is in the file").map_err(DatabaseError::from)?;
        Ok(step(-1)?)
    }

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
