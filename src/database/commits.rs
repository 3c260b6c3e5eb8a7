//! The commit point: what an apply transaction leaves in the application's database until the ledger has caught up.
//!
//! | table | holds | goes |
//! |---|---|---|
//! | `_fieldpost_state` | pair id, generation, highest commit number | with detach |
//! | `_fieldpost_applied` | per neighbour the last applied packet, and how much of the next | never trimmed |
//! | `_fieldpost_commits` | per commit, in parts, bytes that only the layer above reads | when the ledger has them |
//! | `_fieldpost_reached` | how far the ledger was that is in this file: a backup says by it what its records were | with detach |
//!
//! Numbers are below 2^63: SQLite has no unsigned integers.
//!
//! **Invariant.** Commit numbers and the generation only grow; they tell a restored database from a current one.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use super::error::{Doing, Result};
use super::{Database, DatabaseError};
use crate::model::{JournalNumber, PacketNumber, PairId, Rope, SiteName, StreamId, TableNo};

/// Bytes of a commit kept in one row.
const PART_BYTES: usize = 1 << 20;

pub(super) const BOOKKEEPING: [(&str, &str); 4] = [
    ("_fieldpost_state", "CREATE TABLE IF NOT EXISTS _fieldpost_state(pair TEXT, generation INTEGER, commits INTEGER)"),
    (
        "_fieldpost_applied",
        "CREATE TABLE IF NOT EXISTS _fieldpost_applied(neighbour TEXT PRIMARY KEY, stream TEXT, number INTEGER, packet TEXT, slice INTEGER)",
    ),
    (
        "_fieldpost_commits",
        "CREATE TABLE IF NOT EXISTS _fieldpost_commits(number INTEGER, part INTEGER, bytes BLOB, PRIMARY KEY(number, part))",
    ),
    ("_fieldpost_reached", REACHED),
];

const REACHED: &str = "CREATE TABLE IF NOT EXISTS _fieldpost_reached(journal INTEGER, former INTEGER, sealed TEXT)";

/// What tells whether database and ledger belong together and which is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Names the ledger this database belongs to.
    pub pair: PairId,
    /// The commit with which the schema came that it has, where a restored database was given that.
    pub generation: u64,
    /// Highest number [`Database::put_commit`] ever had.
    pub commits: u64,
}

/// How far packets of one neighbour are applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The stream they came in.
    pub stream: StreamId,
    /// The last packet that is applied whole.
    pub number: PacketNumber,
    /// Its id.
    pub packet: String,
    /// Changes of the *next* packet that are applied.
    pub slice: u64,
}

/// How far the ledger was: but for what is noted above `sealed`, every record was what the mirror held then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// The last entry of the journal.
    pub journal: JournalNumber,
    /// The last number that a record gave up, as a row of the ledger.
    pub former: i64,
    /// The last note of each table that is sealed.
    pub sealed: BTreeMap<TableNo, i64>,
}

impl Database {
    pub(super) fn make_bookkeeping(&self, pair: &PairId) -> Result<()> {
        BOOKKEEPING.iter().try_for_each(|(_, sql)| self.execute("make our bookkeeping", sql))?;
        match self.counters()? {
            Some(counters) if counters.pair == *pair => Ok(()),
            Some(counters) => Err(DatabaseError::PairedElsewhere(counters.pair)),
            None => {
                let sql = "INSERT INTO _fieldpost_state VALUES(?1, 0, 0)";
                self.connection.execute(sql, [pair.to_string()]).doing("make our bookkeeping").map(drop)
            }
        }
    }

    /// Whether [`Database::arm`] ever ran here and [`Database::detach`] did not.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn is_armed(&self) -> Result<bool> {
        Ok(self.counters()?.is_some())
    }

    /// The counters; none in a database that was never armed.
    ///
    /// # Errors
    /// [`DatabaseError::Bookkeeping`] where somebody else wrote there; else as SQLite says.
    pub fn counters(&self) -> Result<Option<Counters>> {
        let doing = "read our bookkeeping";
        if self.texts(doing, "SELECT name FROM sqlite_schema WHERE name = '_fieldpost_state'")?.is_empty() {
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached("SELECT pair, generation, commits FROM _fieldpost_state").doing(doing)?;
        let found: Option<(String, i64, i64)> =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional().doing(doing)?;
        found
            .map(|(pair, generation, commits)| {
                Ok(Counters {
                    pair: pair.try_into().map_err(DatabaseError::Bookkeeping)?,
                    generation: generation.cast_unsigned(),
                    commits: commits.cast_unsigned(),
                })
            })
            .transpose()
    }

    /// The pair this database belongs to; none where it was never armed.
    ///
    /// # Errors
    /// As [`Database::counters`].
    pub fn pair(&self) -> Result<Option<PairId>> {
        Ok(self.counters()?.map(|counters| counters.pair))
    }

    /// Stores the commit with which the schema came that this database was given.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn set_generation(&self, generation: u64) -> Result<()> {
        self.connection
            .prepare_cached("UPDATE _fieldpost_state SET generation = ?1")
            .and_then(|mut s| s.execute([generation.cast_signed()]))
            .doing("store the generation")
            .map(drop)
    }

    /// How far the ledger was; none where nobody said so yet.
    ///
    /// # Errors
    /// [`DatabaseError::Bookkeeping`] where somebody else wrote there; else as SQLite says.
    pub fn reached(&self) -> Result<Option<Reached>> {
        let doing = "read how far the state was";
        if !self.keeps_reached()? {
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached("SELECT journal, former, sealed FROM _fieldpost_reached").doing(doing)?;
        let found: Option<(i64, i64, String)> =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional().doing(doing)?;
        let one = |word: &str| word.split_once(':').and_then(|(table, note)| Some((TableNo(table.parse().ok()?), note.parse().ok()?)));
        let reached = |(journal, former, sealed): (i64, i64, String)| {
            let sealed = sealed.split_whitespace().map(one).collect::<Option<_>>();
            let sealed = sealed.ok_or_else(|| DatabaseError::Bookkeeping("how far the state was does not read".to_owned()))?;
            Ok(Reached { journal: JournalNumber(journal), former, sealed })
        };
        found.map(reached).transpose()
    }

    fn keeps_reached(&self) -> Result<bool> {
        Ok(!self.texts("read our bookkeeping", "SELECT name FROM sqlite_schema WHERE name = '_fieldpost_reached'")?.is_empty())
    }

    /// Makes room for [`Database::set_reached`] in a database of before there was any. Inside an open write.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn make_reached(&self) -> Result<()> {
        if self.keeps_reached()? {
            return Ok(());
        }
        self.execute("make our bookkeeping", REACHED)?;
        self.notice_schema()
    }

    /// Stores how far the ledger is; in the same transaction as what makes it so. Nothing where there is no room for it.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn set_reached(&self, reached: &Reached) -> Result<()> {
        if !self.keeps_reached()? {
            return Ok(());
        }
        let doing = "store how far the state is";
        let sealed = reached.sealed.iter().map(|(table, note)| format!("{}:{note}", table.0)).collect::<Vec<_>>().join(" ");
        let run = |sql: &str| {
            let values = (reached.journal.0, reached.former, &sealed);
            self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).doing(doing)
        };
        if run("UPDATE _fieldpost_reached SET journal = ?1, former = ?2, sealed = ?3")? == 0 {
            run("INSERT INTO _fieldpost_reached VALUES(?1, ?2, ?3)")?;
        }
        Ok(())
    }

    /// How far a neighbour's packets are applied; none before the first.
    ///
    /// # Errors
    /// [`DatabaseError::Bookkeeping`], or as SQLite says.
    pub fn applied(&self, neighbour: &SiteName) -> Result<Option<Applied>> {
        let doing = "read what is applied";
        let mut statement = self
            .connection
            .prepare_cached("SELECT stream, number, packet, slice FROM _fieldpost_applied WHERE neighbour = ?1")
            .doing(doing)?;
        let found = statement.query_row([neighbour.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        let applied = |(stream, number, packet, slice): (String, i64, _, i64)| {
            let stream = stream.try_into().map_err(DatabaseError::Bookkeeping)?;
            Ok(Applied { stream, number: PacketNumber(number.cast_unsigned()), packet, slice: slice.cast_unsigned() })
        };
        found.optional().doing(doing)?.map(applied).transpose()
    }

    /// Stores how far a neighbour's packets are applied; in the same transaction as their records.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn set_applied(&self, neighbour: &SiteName, applied: &Applied) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO _fieldpost_applied VALUES(?1, ?2, ?3, ?4, ?5)";
        let values =
            (neighbour.as_str(), applied.stream.to_string(), applied.number.0.cast_signed(), &applied.packet, applied.slice.cast_signed());
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).doing("store what is applied").map(drop)
    }

    /// Stores a commit's bytes, in parts.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn put_commit(&self, commit: u64, bytes: &Rope) -> Result<()> {
        let doing = "store a commit";
        let put = "INSERT INTO _fieldpost_commits VALUES(?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(put).doing(doing)?;
        let mut part = 0;
        bytes.in_parts(PART_BYTES, |bytes| {
            part += 1;
            statement.execute((commit.cast_signed(), part, bytes)).doing(doing).map(drop)
        })?;
        let raise = "UPDATE _fieldpost_state SET commits = max(commits, ?1)";
        self.connection.prepare_cached(raise).and_then(|mut statement| statement.execute([commit.cast_signed()])).doing(doing).map(drop)
    }

    /// The commits above `commit`, ascending, each with its parts joined.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn commits_after(&self, commit: u64) -> Result<Vec<(u64, Vec<u8>)>> {
        let doing = "read commits";
        let sql = "SELECT number, bytes FROM _fieldpost_commits WHERE number > ?1 ORDER BY number, part";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let mut rows = statement.query([commit.cast_signed()]).doing(doing)?;
        let mut commits: Vec<(u64, Vec<u8>)> = Vec::new();
        while let Some(row) = rows.next().doing(doing)? {
            let number = row.get::<_, i64>(0).doing(doing)?.cast_unsigned();
            let bytes = row.get_ref(1).doing(doing)?.as_blob().map_err(|error| DatabaseError::Bookkeeping(error.to_string()))?;
            match commits.last_mut() {
                Some((last, joined)) if *last == number => joined.extend_from_slice(bytes),
                Some(_) | None => commits.push((number, bytes.to_vec())),
            }
        }
        Ok(commits)
    }

    /// Forgets the bytes of commits up to `through`; their highest number stays in the counters.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn forget_commits(&self, through: u64) -> Result<()> {
        let sql = "DELETE FROM _fieldpost_commits WHERE number <= ?1";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([through.cast_signed()]))
            .doing("forget commits")
            .map(drop)
    }
}
