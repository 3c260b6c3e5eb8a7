//! The application's database: the only place that speaks SQL to it.
//!
//! Knows model and world only. What is **ours** inside the application's file starts with `_fieldpost_`: a log table
//! and a few triggers per tracked table ([`capture`]), three bookkeeping tables ([`commits`]) and, where the site has a library, the list
//! of its documents (`library`). The triggers note keys,
//! never values; `notes` reads them back. Everything else reads and writes the application's own records.
//!
//! **States.** A database is *plain* (no trace of us), *armed* (bookkeeping, logs, triggers) or *partly armed* (the
//! application rebuilt a table: [`Database::disarmed`] names it). [`Database::arm`] leads from any to armed,
//! [`Database::detach`] from any to plain, each in one transaction.
//!
//! **Crash points.** Each commit is one durable step of the world. [`Database::commit`] is the commit point of applying
//! (DESIGN section 2, invariant 6): records, bookkeeping and notes become durable together or not at all.
//!
//! **Invariant.** There is no way to write past capture but one: while a packet is applied, where what is written goes into the ledger with it
//! ([`Database::silence_application_triggers`]). All else that we write is noted by the same triggers as what the application writes.
//!
//! Our connection has `foreign_keys` off (references are checked by asking, see [`Reference`]), `recursive_triggers`
//! off, and never changes the journal mode of a database it did not create.

mod aside;
mod beside;
mod capture;
mod cells;
mod commits;
pub mod conform;
mod customs;
mod dangling;
mod digest;
pub mod doctor;
mod error;
mod evolution;
mod expressions;
mod facts;
mod lacking;
mod library;
mod migrations;
mod mixed;
mod notes;
mod numbers;
mod picture;
mod plan;
mod references;
mod rows;
mod schema;
mod script;
mod silence;
mod sql;
mod survey;
mod transaction;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use aside::Aside;
pub use beside::{InFile, has_journal, has_log, log_has_all};
pub use cells::SameText;
pub use commits::{Applied, Counters, Reached};
pub use customs::Said;
pub use dangling::Dangling;
pub use digest::TableDigest;
pub use error::{DatabaseError, Result};
pub use facts::KeyFault;
pub use library::DocumentRow;
pub use notes::{Note, NoteKind};
pub use picture::Picture;
pub use references::{Reference, Staying};
pub use rows::{Refusal, RefusalKind, Written};
pub use schema::SchemaDump;
pub use script::{Renamed, Script};
pub use silence::{Capture, TriggerPlan, TriggerReason, Unkept};
pub use survey::{Survey, Untracked, UntrackedReason, Warning};
pub use transaction::Moment;

use error::Doing;

use crate::model::TableNo;
use crate::world::Prepared;

/// What every name of ours in the application's database starts with.
pub const PREFIX: &str = "_fieldpost_";

/// Prepared statements kept: about seven per table of a large schema.
const STATEMENTS: usize = 1024;

/// One connection to the application's database.
#[derive(Debug)]
pub struct Database {
    connection: Prepared,
    path: PathBuf,
    /// SQL per table, made at first use, forgotten when the schema moves.
    plans: RefCell<BTreeMap<TableNo, Rc<plan::Plan>>>,
    /// `PRAGMA schema_version` that the plans and the silence were made for.
    schema_version: Cell<i64>,
    /// How long to wait for another program's lock.
    wait: Duration,
    /// Where the authorizer tells what triggers do.
    gate: Arc<Mutex<silence::Gate>>,
    /// How far the application's triggers are kept still until this transaction ends.
    stillness: RefCell<silence::Stillness>,
    /// Functions of the application, in lower case, that we stand in for.
    stubs: RefCell<BTreeSet<String>>,
    /// By table what we can do with it, forgotten when the schema moves.
    abilities: RefCell<BTreeMap<String, Rc<lacking::Ability>>>,
    /// Which triggers are kept still while we apply, where somebody asked.
    quiet: RefCell<Option<Rc<silence::Quiet>>>,
    opened: Opened,
}

/// How the file was opened.
#[derive(Clone, Copy, Debug)]
struct Opened {
    flags: OpenFlags,
    /// The last connection to close moves nothing from the write-ahead log into the database.
    keeps_wal: bool,
}

impl Database {
    /// Opens an existing database; `wait` is how long to wait for another program's lock.
    ///
    /// # Errors
    /// [`DatabaseError::Missing`], [`DatabaseError::NotADatabase`], [`DatabaseError::Busy`] and what SQLite says else.
    pub fn open(path: &Path, wait: Duration) -> Result<Self> {
        if !path.is_file() {
            return Err(DatabaseError::Missing(path.into()));
        }
        let database = Self::connect(path, wait, Opened { flags: OpenFlags::SQLITE_OPEN_READ_WRITE, keeps_wal: false })?;
        database.schema_version.set(database.read_schema_version()?);
        // A slice changes some thousand pages: a checkpoint after each would write them twice as often, and what has no room in memory is
        // written before its time.
        database.connection.pragma_update(None, "wal_autocheckpoint", 4_000).doing("set the checkpoints")?;
        database.connection.pragma_update(None, "cache_size", -16_000).doing("set the room for pages")?;
        Ok(database)
    }

    /// Opens an existing database only to look: no byte of it changes, also not by what SQLite does on its own when a
    /// connection opens or closes. Every write fails.
    ///
    /// # Errors
    /// As for [`Database::open`]; a database whose last writer died in a transaction cannot be read without repairing it.
    pub fn look(path: &Path, wait: Duration) -> Result<Self> {
        if !path.is_file() {
            return Err(DatabaseError::Missing(path.into()));
        }
        if has_journal(path) {
            // Somebody is writing, or died while writing. A connection that may write would repair the database.
            let opened = Opened { flags: OpenFlags::SQLITE_OPEN_READ_ONLY, keeps_wal: true };
            Self::connect(path, wait, opened)?.read_schema_version()?;
        }
        // One that may not leaves files beside a database with a write-ahead log, and is not told what CHECKs lack.
        let has_log = has_log(path);
        let database = Self::connect(path, wait, Opened { flags: OpenFlags::SQLITE_OPEN_READ_WRITE, keeps_wal: has_log })?;
        let doing = "open the database to look";
        database.connection.pragma_update(None, "query_only", true).doing(doing)?;
        database.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log).doing(doing)?;
        database.schema_version.set(database.read_schema_version()?);
        Ok(database)
    }

    /// A connection with our settings. The first statement that reads the file is the caller's.
    fn connect(path: &Path, wait: Duration, opened: Opened) -> Result<Self> {
        let flags = opened.flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).doing("open the database")?;
        connection.busy_timeout(wait).doing("set the waiting time")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Else SQLite prepares whatever has a `LIMIT ?` anew each time the limit is bound.
        let stable = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
        stable.doing("keep the plans of statements")?;
        connection.pragma_update(None, "foreign_keys", false).doing("turn foreign keys off")?;
        connection.pragma_update(None, "recursive_triggers", false).doing("turn recursive triggers off")?;
        let gate = Arc::default();
        silence::install(&mut connection, &gate)?;
        script::install(&mut connection, Arc::clone(&gate))?;
        Ok(Self {
            connection: Prepared::new(connection),
            path: path.into(),
            plans: RefCell::default(),
            schema_version: Cell::new(-1),
            wait,
            gate,
            stillness: RefCell::default(),
            stubs: RefCell::default(),
            abilities: RefCell::default(),
            quiet: RefCell::default(),
            opened,
        })
    }

    /// Closes the file, so that it can be moved: nothing of it stays beside it.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn close(self) -> Result<()> {
        self.connection.close().doing("close the database")
    }

    /// Where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies all of it into a new file as it is at one moment.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        self.connection.backup("main", path, None::<fn(rusqlite::backup::Progress)>).doing("copy the database")
    }

    /// The schema's version as SQLite counts it; every change of the schema, ours included, moves it.
    ///
    /// # Errors
    /// [`DatabaseError::NotADatabase`], and what SQLite says else.
    pub fn schema_version(&self) -> Result<i64> {
        self.read_schema_version()
    }

    fn read_schema_version(&self) -> Result<i64> {
        let read =
            self.connection.prepare_cached("PRAGMA schema_version").and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        match read {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Err(DatabaseError::NotADatabase(self.path.clone())),
            other => other.doing("read the schema version"),
        }
    }

    /// Runs SQL made by us once; for statements that are not worth keeping.
    fn execute(&self, doing: &'static str, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).doing(doing)
    }

    /// All values of the first column, as text.
    fn texts(&self, doing: &'static str, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).doing(doing)
    }
}

/// A name as SQL takes it, whatever is in it.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it.
fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a name in the schema is one of ours. SQLite compares names without case.
fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
