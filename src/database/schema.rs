//! The application's schema as data: taken from one database, built in another.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::OpenFlags;
use serde::{Deserialize, Serialize};

use super::error::{DatabaseError, Doing, Result};
use super::lacking::{MOST_FUNCTIONS, missing_collation};
use super::silence::missing_function;
use super::{Database, Opened, is_ours, migrations, quote_text};
use crate::world::World;

/// Everything of a database but the records that travel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDump {
    /// `CREATE` statements in an order that runs: tables, indexes, views, triggers, each in order of their making. Then what migration
    /// tools noted, as `INSERT` statements.
    pub statements: Vec<String>,
    /// `PRAGMA user_version`, where applications keep the version of their schema.
    pub user_version: i32,
    /// `PRAGMA application_id`.
    pub application_id: i32,
    /// `UTF-8`, `UTF-16le` or `UTF-16be`.
    pub encoding: String,
    /// Bytes per page.
    pub page_size: u32,
    /// `PRAGMA auto_vacuum`: 0 none, 1 full, 2 incremental.
    pub auto_vacuum: u8,
    /// Per AUTOINCREMENT table the highest number ever given.
    pub sequences: BTreeMap<String, i64>,
}

impl Database {
    /// The schema without what is ours, what SQLite makes by itself, and virtual tables of modules that only the application
    /// has: nobody else can make those.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn dump_schema(&self) -> Result<SchemaDump> {
        let doing = "read the schema";
        let sql = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND substr(name, 1, 7) <> 'sqlite_' \
            AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow') \
            ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, rowid";
        let mut statement = self.connection.prepare(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).and_then(Iterator::collect);
        let all: Vec<(String, String, String)> = all.doing(doing)?;
        let foreign = self.foreign_tables()?;
        let is_theirs = |name: &str, table: &str| !is_ours(name) && !is_ours(table) && !migrations::is_scratch(table);
        let theirs = all.into_iter().filter(|(name, table, _)| is_theirs(name, table) && !foreign.contains(table));
        Ok(SchemaDump {
            statements: theirs.map(|(_, _, sql)| sql).chain(self.migration_history()?).collect(),
            user_version: self.pragma("user_version")?,
            application_id: self.pragma("application_id")?,
            encoding: self.pragma("encoding")?,
            page_size: self.pragma("page_size")?,
            auto_vacuum: self.pragma("auto_vacuum")?,
            sequences: self.sequences()?,
        })
    }

    /// What applications and their migration tools wrote about the schema, in few words.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn version_words(&self) -> Result<String> {
        let (version, id): (i32, i32) = (self.pragma("user_version")?, self.pragma("application_id")?);
        Ok(format!("{version} {id} {}", blake3::hash(self.migration_history()?.join("\n").as_bytes()).to_hex()))
    }

    /// Builds a new database in WAL mode. Repeatable: a database without any content, as a run that was killed here leaves it, is taken over.
    ///
    /// # Errors
    /// [`DatabaseError::Exists`] where there is one with content, [`DatabaseError::Schema`] where a statement does not run
    /// here (an unknown module, say), and as SQLite says.
    pub fn create(world: &World, path: &Path, schema: &SchemaDump, wait: Duration) -> Result<Self> {
        world.step("create application database")?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let database = Self::connect(path, wait, Opened { flags, keeps_wal: false })?;
        database.read_schema_version()?;
        if database
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
            .doing("look into the database")?
            > 0
        {
            return Err(DatabaseError::Exists(path.into()));
        }
        let doing = "set up a new database";
        // Only before the first page is written do these take effect.
        let settings = [
            format!("PRAGMA page_size = {}", schema.page_size),
            format!("PRAGMA encoding = {}", quote_text(&schema.encoding)),
            format!("PRAGMA auto_vacuum = {}", schema.auto_vacuum),
        ];
        settings.iter().try_for_each(|sql| database.execute(doing, sql))?;
        database.connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).doing(doing)?;
        database.writing(world, || {
            for statement in &schema.statements {
                database.build_or_say(statement)?;
            }
            database.execute(doing, &format!("PRAGMA user_version = {}", schema.user_version))?;
            database.execute(doing, &format!("PRAGMA application_id = {}", schema.application_id))?;
            database.set_sequences(&schema.sequences)
        })?;
        // The connection has stand-ins that must not be there when records are written.
        database.close()?;
        Self::open(path, wait)
    }

    /// An empty database in memory, to try a schema in.
    pub(super) fn scratch() -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        Self::connect(Path::new(":memory:"), Duration::ZERO, Opened { flags, keeps_wal: false })
    }

    /// As [`Database::build`]; which statement it was is in the error.
    pub(super) fn build_or_say(&self, statement: &str) -> Result<()> {
        self.build(statement).map_err(|error| DatabaseError::Schema { statement: statement.to_owned(), message: error.to_string() })
    }

    /// Runs a statement of a schema. What it lacks of the application's functions and collations is stood in for: the table is
    /// empty, so nothing is computed or ordered, and the text is kept as it is.
    pub(super) fn build(&self, statement: &str) -> rusqlite::Result<()> {
        for _ in 0..MOST_FUNCTIONS {
            let Err(error) = self.connection.execute_batch(statement) else { return Ok(()) };
            let message = error.to_string();
            if let Some(function) = missing_function(&message) {
                self.stand_in(&function)?;
            } else if let Some(collation) = missing_collation(&message) {
                self.connection.create_collation(collation.as_str(), str::cmp)?;
            } else {
                return Err(error);
            }
        }
        self.connection.execute_batch(statement)
    }

    /// The highest number ever given per AUTOINCREMENT table.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn sequences(&self) -> Result<BTreeMap<String, i64>> {
        let doing = "read the sequences";
        if !self.has_sequences()? {
            return Ok(BTreeMap::new());
        }
        let mut statement = self.connection.prepare("SELECT name, seq FROM sqlite_sequence WHERE typeof(seq) = 'integer'").doing(doing)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect).doing(doing)
    }

    /// Raises the sequences of AUTOINCREMENT tables; never lowers one, and passes over tables that have none.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn set_sequences(&self, sequences: &BTreeMap<String, i64>) -> Result<()> {
        let doing = "raise the sequences";
        if !self.has_sequences()? {
            return Ok(());
        }
        for (table, number) in sequences {
            let update = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
            let changed = self.connection.prepare_cached(update).and_then(|mut s| s.execute((table, number))).doing(doing)?;
            if changed == 0 {
                let insert = "INSERT INTO sqlite_sequence(name, seq) SELECT name, ?2 FROM sqlite_schema \
                    WHERE type = 'table' AND name = ?1 AND instr(upper(sql), 'AUTOINCREMENT') > 0";
                self.connection.prepare_cached(insert).and_then(|mut s| s.execute((table, number))).doing(doing)?;
            }
        }
        Ok(())
    }

    /// Lets AUTOINCREMENT tables go on after these numbers, whatever they gave before.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn restart_sequences(&self, world: &World, sequences: &BTreeMap<String, i64>) -> Result<()> {
        self.writing(world, || {
            let update = "UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1";
            let set = |(table, number)| self.connection.prepare_cached(update).and_then(|mut set| set.execute((table, number))).map(drop);
            sequences.iter().try_for_each(set).doing("set back the sequences")
        })
    }

    fn has_sequences(&self) -> Result<bool> {
        Ok(!self.texts("look for sequences", "SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'")?.is_empty())
    }

    fn pragma<T: rusqlite::types::FromSql>(&self, name: &'static str) -> Result<T> {
        self.connection.pragma_query_value(None, name, |row| row.get(0)).doing("read a setting of the database")
    }
}
