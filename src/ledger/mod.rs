//! What this site remembers beside the application's database: mirror, journal, streams, conflicts. One file, `state.db`.
//!
//! **States of a write.** Sealing and building commit here alone. Applying commits first in the application's
//! database (the commit point) together with the bytes of every write made here ([`Ledger::record`] …
//! [`Ledger::recorded`]), then here. **Crash points**: between the two commits, the next run replays those bytes
//! ([`Ledger::replay`]) before anything else reads; anywhere else the transaction is gone as if never begun.
//! **Invariant**: `commits` here is the number of the last application commit whose effects are here, or one less
//! than the last committed there.
//!
//! **The mirror is written where it changes.** It is as large as the application's database, and writing its rows whole was half of what
//! sealing and applying cost: fields that change stay beside the row until they weigh half of it ([`latest`]).
//!
//! **What a neighbour holds is derived, not stored.** The mirror rewound through the journal to the neighbour's
//! cursor gives it ([`journal`]); only exceptions are kept explicitly, in a record's [`Extra`].

mod conflicts;
mod documents;
mod extra;
mod forget;
mod former;
mod graves;
mod journal;
mod latest;
mod neighbours;
mod parked;
mod records;
mod statements;
mod tables;
mod upgrade;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension};

pub use conflicts::{Conflict, ConflictKind, ConflictState, OurEdit, SameEdit};
pub use documents::{ASKED, ContentHash, CopyDue, Missing, SiteThere, WHOLE, is_whole};
pub use extra::{Extra, Held, HeldReason, MadeAs, Means, Opinion};
pub use forget::{OldConflict, OldEntry};
pub use former::Former;
pub use journal::{Cause, CauseKind, Entry, EntryKind};
pub use neighbours::{Card, Direction, Neighbour, NeighbourKind, PacketRow, SentState};
pub use parked::{Parked, PastValue};
pub use records::{Pending, Record};
use statements::{Parameter, Recorder, Statement};

use crate::model::{Born, JournalNumber, PairId, Rope, RopeEnd, SiteName, SiteNo};
use crate::world::{Crash, Prepared, World};

/// The file format this version writes.
const FORMAT: i64 = 6;

/// Prepared statements kept: all there are, some of them with several sets of columns.
const STATEMENTS: usize = 256;

/// `state.db` of one home. One writer: the holder of the home's lock.
#[derive(Debug)]
pub struct Ledger {
    connection: Prepared,
    recorder: RefCell<Option<Recorder>>,
    /// Last journal number given; kept here so that appending asks nothing.
    journal: Cell<i64>,
    next_sequence: Cell<u64>,
    next_record: Cell<i64>,
}

/// Where an attempt began.
#[derive(Debug)]
pub struct Attempt {
    recorded: RopeEnd,
    journal: i64,
    next_record: i64,
}

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused; the ledger is our own file, so this is a full disk, a damaged file or a bug.
    #[error("the state file refused: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Another version of Fieldpost wrote it, in a format that this one does not read.
    #[error("the state file has format {0}, this version reads {FORMAT}")]
    OtherFormat(i64),
    /// Something in it does not decode.
    #[error("the state file is damaged: {0}")]
    Damaged(&'static str),
    /// A commit record in the application's database does not decode.
    #[error("a commit record in the database is damaged")]
    DamagedCommit,
    /// A site nobody has told us of.
    #[error("site number {} is not in the state file", .0.0)]
    UnknownSite(SiteNo),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl LedgerError {
    /// Whether SQLite says that the file is damaged, or none of its own.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }
}

/// Alias for this module's results.
pub type Result<T> = std::result::Result<T, LedgerError>;

impl Ledger {
    /// Opens the file, or makes it with a new pair id for the site called `name`.
    ///
    /// # Errors
    /// [`LedgerError::OtherFormat`], or as SQLite says.
    pub fn open(world: &World, path: &Path, name: &SiteName) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Else SQLite prepares whatever has a `LIMIT ?` anew each time the limit is bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // FULL: a build that was deposited must never be forgotten by a power cut.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -32_000)?;
        // A slice or a seal changes some thousand pages: checkpoints after each would write them twice as often.
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        connection.pragma_update(None, "temp_store", "file")?;
        statements::teach(&connection)?;
        let ledger = Self {
            connection: Prepared::new(connection),
            recorder: RefCell::new(None),
            journal: Cell::new(0),
            next_sequence: Cell::new(0),
            next_record: Cell::new(1),
        };
        match ledger.connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))? {
            0 => ledger.create(world, name)?,
            FORMAT => {}
            2..FORMAT => ledger.upgrade(world)?,
            other => return Err(LedgerError::OtherFormat(other)),
        }
        ledger.read_counters()?;
        Ok(ledger)
    }

    /// The ledger of the simulation gives up power-cut safety, which it cannot test, for speed.
    pub fn relax_durability(&self) -> Result<()> {
        Ok(self.connection.pragma_update(None, "synchronous", "off")?)
    }

    fn create(&self, world: &World, name: &SiteName) -> Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.connection.execute_batch(include_str!("schema.sql"))?;
        self.set_meta("pair", Parameter::text(&PairId(world.random()).to_string()))?;
        self.set_meta("commits", Parameter::Integer(0))?;
        // 23 random bits above 40 counted ones: a site made anew under its old name repeats no sequence.
        let life = u64::from(u32::from_le_bytes(world.random()) >> 9);
        self.set_meta("next_sequence", Parameter::Integer(((life << 40) | 1).cast_signed()))?;
        self.write(Statement::AddSite, &[Parameter::Integer(0), Parameter::text(name.as_str())])?;
        world.step("create state file")?;
        self.connection.execute_batch(&format!("PRAGMA user_version = {FORMAT}; COMMIT"))?;
        Ok(())
    }

    fn read_counters(&self) -> Result<()> {
        let one = |sql| self.connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
        let kept = |name| self.meta_number(name).map(u64::cast_signed);
        // The last ones may be forgotten, and no number is given again.
        self.journal.set(one("SELECT ifnull(max(number), 0) FROM journal")?.max(kept("journal")?));
        self.next_record.set(one("SELECT ifnull(max(id), 0) + 1 FROM record")?.max(kept("next_record")?));
        self.next_sequence.set(one("SELECT value FROM meta WHERE name = 'next_sequence'")?.cast_unsigned());
        Ok(())
    }

    // ---- transactions

    /// Begins the one write transaction.
    pub fn begin(&self) -> Result<()> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// From here on everything is read as it was at one moment; for a session that only looks.
    pub fn begin_read(&self) -> Result<()> {
        Ok(self.connection.execute_batch("BEGIN")?)
    }

    /// Copies all of it into a new file, whatever else is being done with it.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        Ok(self.connection.backup("main", path, None::<fn(rusqlite::backup::Progress)>)?)
    }

    /// Makes everything since [`Ledger::begin`] durable.
    ///
    /// # Errors
    /// [`LedgerError::Crash`] in a simulation, else as SQLite says; the transaction stays open.
    pub fn commit(&self, world: &World, step: &'static str) -> Result<()> {
        self.set_meta("next_sequence", Parameter::Integer(self.next_sequence.get().cast_signed()))?;
        world.step(step)?;
        self.recorder.replace(None);
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Forgets everything since [`Ledger::begin`]; harmless where nothing was begun.
    pub fn rollback(&self) -> Result<()> {
        self.recorder.replace(None);
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.read_counters()
    }

    /// Begins an attempt inside the open transaction; [`Ledger::keep_attempt`] or [`Ledger::undo_attempt`] ends it.
    pub fn begin_attempt(&self) -> Result<Attempt> {
        self.connection.execute_batch("SAVEPOINT attempt")?;
        let recorded = self.recorder.borrow().as_ref().map_or_else(RopeEnd::default, Recorder::end);
        Ok(Attempt { recorded, journal: self.journal.get(), next_record: self.next_record.get() })
    }

    /// Keeps what was written since [`Ledger::begin_attempt`].
    pub fn keep_attempt(&self, _: Attempt) -> Result<()> {
        Ok(self.connection.execute_batch("RELEASE attempt")?)
    }

    /// Takes back what was written since [`Ledger::begin_attempt`], from the record too.
    pub fn undo_attempt(&self, attempt: Attempt) -> Result<()> {
        self.connection.execute_batch("ROLLBACK TO attempt; RELEASE attempt")?;
        if let Some(recorder) = &mut *self.recorder.borrow_mut() {
            recorder.truncate(attempt.recorded);
        }
        self.journal.set(attempt.journal);
        self.next_record.set(attempt.next_record);
        Ok(())
    }

    /// From here to [`Ledger::recorded`] every write is also remembered as bytes.
    pub fn record(&self) {
        self.recorder.replace(Some(Recorder::default()));
    }

    /// The writes since [`Ledger::record`] as bytes for the application's commit record.
    pub fn recorded(&self) -> Result<Rope> {
        self.set_meta("next_sequence", Parameter::Integer(self.next_sequence.get().cast_signed()))?;
        Ok(self.recorder.take().map(Recorder::take).unwrap_or_default())
    }

    /// Executes recorded writes of application commit number `commit` in a transaction of their own.
    pub fn replay(&self, world: &World, commit: u64, bytes: &[u8]) -> Result<()> {
        self.begin()?;
        statements::replay(&self.connection, bytes)?;
        self.set_commits(commit)?;
        world.step("catch up")?;
        self.connection.execute_batch("COMMIT")?;
        self.read_counters()
    }

    fn write(&self, statement: Statement, parameters: &[Parameter<'_>]) -> Result<usize> {
        statements::execute(&self.connection, &mut self.recorder.borrow_mut(), statement, parameters)
    }

    // ---- single values

    fn set_meta(&self, name: &str, value: Parameter<'_>) -> Result<()> {
        self.write(Statement::SetMeta, &[Parameter::text(name), value]).map(drop)
    }

    fn meta_number(&self, name: &str) -> Result<u64> {
        let value: Option<i64> =
            self.connection.prepare_cached("SELECT value FROM meta WHERE name = ?")?.query_row([name], |row| row.get(0)).optional()?;
        Ok(value.unwrap_or_default().cast_unsigned())
    }

    /// Names the pair of this file and the application's database.
    pub fn pair(&self) -> Result<PairId> {
        let text: String = self.connection.query_row("SELECT value FROM meta WHERE name = 'pair'", [], |row| row.get(0))?;
        PairId::try_from(text).map_err(|_| LedgerError::Damaged("pair id"))
    }

    /// The last application commit whose effects are here.
    pub fn commits(&self) -> Result<u64> {
        self.meta_number("commits")
    }

    /// Counts an application commit.
    pub fn set_commits(&self, commits: u64) -> Result<()> {
        self.set_meta("commits", Parameter::Integer(commits.cast_signed()))
    }

    /// A free text under a name of the caller's choice; the last packet's schema, the roster's version and the like.
    pub fn note(&self, name: &str) -> Result<Option<String>> {
        let name = format!("note:{name}");
        Ok(self.connection.prepare_cached("SELECT value FROM meta WHERE name = ?")?.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Sets what [`Ledger::note`] gives.
    pub fn set_note(&self, name: &str, text: &str) -> Result<()> {
        self.set_meta(&format!("note:{name}"), Parameter::text(text))
    }

    /// All notes whose names begin with `prefix`, by the rest of their names; empty ones are none.
    pub fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        let start = format!("note:{prefix}");
        // Behind all names that begin so comes the last character there is.
        let sql = "SELECT substr(name, length(?1) + 1), value FROM meta WHERE name >= ?1 AND name < ?1 || char(0x10ffff) AND value <> ''";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([start], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A new incarnation of this site.
    pub fn give_birth(&self) -> Born {
        let sequence = self.next_sequence.get();
        self.next_sequence.set(sequence + 1);
        Born { site: SiteNo(0), sequence }
    }

    /// The last entry of the journal.
    pub fn journal_end(&self) -> JournalNumber {
        JournalNumber(self.journal.get())
    }

    // ---- aliases

    /// The incarnation that stands for `born` now (rule 10); `born` itself where nothing absorbed it.
    pub fn root(&self, born: Born) -> Result<Born> {
        let mut statement = self.connection.prepare_cached("SELECT to_site, to_sequence FROM alias WHERE site = ? AND sequence = ?")?;
        let mut root = born;
        // Aliases form a forest; the cap only guards against a damaged file.
        for _ in 0..1_000 {
            let next = statement
                .query_row((root.site.0, root.sequence.cast_signed()), |row| {
                    Ok(Born { site: SiteNo(row.get(0)?), sequence: row.get::<_, i64>(1)?.cast_unsigned() })
                })
                .optional()?;
            match next {
                Some(next) => root = next,
                None => return Ok(root),
            }
        }
        Err(LedgerError::Damaged("aliases run in a circle"))
    }

    /// Whether two incarnations are one record.
    pub fn same(&self, a: Born, b: Born) -> Result<bool> {
        Ok(a == b || self.root(a)? == self.root(b)?)
    }

    /// Notes that `absorbed` lives on as `survivor`, which is `record`; nothing where they are one already.
    pub fn absorb(&self, record: &mut Record, absorbed: Born, survivor: Born) -> Result<()> {
        let (from, to) = (self.root(absorbed)?, self.root(survivor)?);
        if from == to {
            return Ok(());
        }
        let id = self.anchor(record)?;
        let number = |sequence: u64| Parameter::Integer(sequence.cast_signed());
        let (from_site, to_site) = (Parameter::Integer(from.site.0.into()), Parameter::Integer(to.site.0.into()));
        let values = [from_site, number(from.sequence), to_site, number(to.sequence), Parameter::Integer(id)];
        self.write(Statement::PutAliasUnder, &values).map(drop)
    }

    /// Every incarnation that lives on as `survivor`, without itself, ascending.
    pub fn absorbed_by(&self, survivor: Born) -> Result<Vec<Born>> {
        let mut found = vec![survivor];
        let mut next = 0;
        let mut statement = self.connection.prepare_cached("SELECT site, sequence FROM alias WHERE to_site = ? AND to_sequence = ?")?;
        while let Some(born) = found.get(next).copied() {
            next += 1;
            let rows = statement.query_map((born.site.0, born.sequence.cast_signed()), |row| {
                Ok(Born { site: SiteNo(row.get(0)?), sequence: row.get::<_, i64>(1)?.cast_unsigned() })
            })?;
            for row in rows {
                let row = row?;
                if !found.contains(&row) {
                    found.push(row);
                }
            }
        }
        found.remove(0);
        found.sort_unstable();
        Ok(found)
    }
}
