//! How changes are noted: a log table and a few short triggers per tracked table, made, compared and removed.
//!
//! The triggers note only the key, the kind and the time (DESIGN section 3): an application that prepares every
//! statement anew pays for the length of their text, and they may name only columns that the application cannot drop
//! anyway. They use nothing that SQLite 3.31 does not know, and no conflict clause: inside a trigger that of the *outer*
//! statement is obeyed.
//!
//! **A record's end is noted without the time.** Any function in a trigger, the clock too, makes SQLite believe that the
//! statement can fail halfway, and keep a statement journal: copies of every page it touches. An insert has one anyway
//! (its key may be taken), an update needs the time for the rule `newest`; but for a delete it doubled the price, and no rule
//! asks when a record was deleted: an edit wins over a delete whenever that was. Sealing takes the time of its own then.
//!
//! **Time and kind are one number**, milliseconds since 1970 times eight plus the kind ([`NoteKind::code`]): six bytes
//! where a Julian day takes eight and a column more.
//!
//! | trigger | when | notes |
//! |---|---|---|
//! | `_fieldpost_i_` | after insert | the new key |
//! | `_fieldpost_u_` | after update | the key; where it changed, the new one as inserted, with the old one beside it |
//! | `_fieldpost_d_` | after delete | the old key |
//! | `_fieldpost_b_` | before insert, where a unique index could displace | whoever is in the way |
//! | `_fieldpost_c_` | before update, likewise | whoever is in the way |
//!
//! No trigger says `UPDATE OF` the key: `SET rowid = …` moves a record without naming the key's column.
//!
//! **Ours are the newest triggers of a table.** SQLite runs the newest one first, and one of the application's that says `RAISE(IGNORE)` or
//! `RAISE(FAIL)` after the row is written ends the statement: the row stays, and older triggers never run. So where the application makes
//! a trigger after ours, ours are made anew behind it ([`Database::overtaken`]).

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension as _;

use super::error::{Doing, Result};
use super::facts::{Facts, Index, KeyColumns, is_binary};
use super::notes::FIRST_KEY;
use super::plan::{column, join, key_columns};
use super::{Database, DatabaseError, NoteKind, PREFIX, is_ours, quote, quote_text};
use crate::model::{PairId, Shape, TableNo};
use crate::world::World;

/// Milliseconds since 1970, times eight; a kind is to follow. The Julian day is exact to a twentieth of a millisecond and
/// `<<` cuts off what is behind the point, so half a millisecond is added (subtracted from the day of 1970). Without an
/// argument it is the time now, and takes half the time that `'now'` takes to be read.
pub(super) const TIME: &str = "(julianday()-2440587.499999994)*864e5<<3";

/// Things of ours in the schema: name to SQL.
type Parts = BTreeMap<String, String>;

impl Database {
    /// Makes capture complete: bookkeeping, log tables and triggers, in one transaction (the open one, if one is).
    /// What is right already is not touched, what differs is made anew, what belongs to no shape goes.
    /// A log that is made anew goes on with its numbers.
    ///
    /// # Errors
    /// [`DatabaseError::PairedElsewhere`], [`DatabaseError::ShapeMoved`], [`DatabaseError::Busy`] and as SQLite says.
    pub fn arm(&self, world: &World, shapes: &[Shape], pair: &PairId) -> Result<()> {
        self.writing(world, || {
            self.make_bookkeeping(pair)?;
            let mut triggers = Parts::new();
            let mut logs = Parts::new();
            for shape in shapes {
                triggers.append(&mut expected_triggers(shape, &Facts::read(&self.connection, &shape.name)?)?);
                logs.insert(log_table(&shape.name), expected_log(shape));
            }
            self.replace_triggers(&triggers)?;
            self.replace_logs(&logs)
        })?;
        self.notice_schema()
    }

    /// The tables whose capture is not what [`Database::arm`] would make: changes may have gone unnoted.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn disarmed(&self, shapes: &[Shape]) -> Result<Vec<TableNo>> {
        let logs = self.ours("table")?;
        let mut triggers: BTreeMap<String, Parts> = BTreeMap::new();
        for (table, name, sql) in self.our_triggers()? {
            triggers.entry(table).or_default().insert(name, sql);
        }
        let mut found = Vec::new();
        for shape in shapes {
            let expected = match expected_triggers(shape, &Facts::read(&self.connection, &shape.name)?) {
                Err(DatabaseError::ShapeMoved { .. }) => None,
                other => Some(other?),
            };
            let log = logs.get(&log_table(&shape.name));
            if expected.is_none() || expected.as_ref() != triggers.get(&shape.name) || log != Some(&expected_log(shape)) {
                found.push(shape.number);
            }
        }
        Ok(found)
    }

    /// The tables, by the names in our triggers, on which the application made a trigger after ours: it runs before them, and may keep them from
    /// running. [`Database::arm`] makes ours the newest again.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn overtaken(&self) -> Result<BTreeSet<String>> {
        let doing = "list the triggers of all tables";
        let sql = "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect);
        let all: Vec<(String, String)> = all.doing(doing)?;
        let (mut ours, mut overtaken) = (BTreeMap::new(), BTreeSet::new());
        for (table, name) in all {
            let any_case = table.to_ascii_lowercase();
            if is_ours(&name) {
                ours.insert(any_case, table);
            } else if let Some(table) = ours.get(&any_case) {
                overtaken.insert(table.clone());
            }
        }
        Ok(overtaken)
    }

    /// Whether records of this table can vanish without a note: `REPLACE` through a unique index over expressions,
    /// generated columns, a part of the records, or a column whose default stands in for NULL. Such tables need their
    /// [`Database::count`] compared with the mirror after each seal.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn needs_counting(&self, shape: &Shape) -> Result<bool> {
        let plan = match self.plan(shape) {
            // What moved is compared whole once tracking has followed it.
            Err(DatabaseError::ShapeMoved { .. }) => return Ok(false),
            plan => plan?,
        };
        let (facts, key) = (&plan.facts, key_columns(shape, &plan.facts)?);
        let replaced_null = |name: &&str| facts.column(name).is_some_and(|column| column.not_null && column.has_default);
        let escapes = |index: &&Index| !index.covers(&key) && index.plain(facts).is_none_or(|names| names.iter().any(replaced_null));
        Ok(facts.uniques.iter().any(|index| escapes(&index)))
    }

    /// Removes every trace of us, in one transaction (the open one, if one is).
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] and as SQLite says.
    pub fn detach(&self, world: &World) -> Result<()> {
        self.writing(world, || {
            self.replace_triggers(&Parts::new())?;
            self.ours("table")?.keys().try_for_each(|name| self.execute("remove our tables", &format!("DROP TABLE {}", quote(name))))
        })?;
        self.notice_schema()
    }

    /// How many triggers and tables of ours there are.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn traces(&self) -> Result<(usize, usize)> {
        Ok((self.our_triggers()?.len(), self.ours("table")?.len()))
    }

    /// The table that our triggers for inserts and updates of this one are on: another one where it was renamed. None where they are gone, as
    /// with a table that was made anew.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn captured(&self, shape: &Shape) -> Result<Option<String>> {
        let doing = "look for our triggers of a table";
        let sql = "SELECT i.tbl_name FROM sqlite_schema i JOIN sqlite_schema u ON u.tbl_name = i.tbl_name \
            WHERE i.type = 'trigger' AND i.name = ?1 AND u.type = 'trigger' AND u.name = ?2";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let names = ['i', 'u'].map(|letter| trigger_name(letter, &shape.name));
        statement.query_row(names, |row| row.get(0)).optional().doing(doing)
    }

    /// The key's columns by the names that they have now: SQLite writes a new name into our triggers. None where these are gone.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn captured_key(&self, shape: &Shape) -> Result<Option<Vec<String>>> {
        let doing = "read the key in a trigger of ours";
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let found: Option<String> = statement.query_row([trigger_name('d', &shape.name)], |row| row.get(0)).optional().doing(doing)?;
        let begins = format!("{}) VALUES({}", log_columns('k', shape.key.len()), said(NoteKind::Delete));
        let named = found.as_deref().and_then(|sql| sql.split_once(&begins)).map(|(_, rest)| rest);
        Ok(named.and_then(|mut rest| {
            let mut names = Vec::new();
            while let Some(quoted) = rest.strip_prefix(",OLD.\"") {
                let end = quoted.replace("\"\"", "  ").find('"')?;
                names.push(quoted[..end].replace("\"\"", "\""));
                rest = &quoted[end + 1..];
            }
            (names.len() == shape.key.len()).then_some(names)
        }))
    }

    fn replace_triggers(&self, expected: &Parts) -> Result<()> {
        let mut present = BTreeSet::new();
        let overtaken = self.overtaken()?;
        for (table, name, sql) in self.our_triggers()? {
            if expected.get(&name) == Some(&sql) && !overtaken.contains(&table) {
                present.insert(name);
            } else {
                self.execute("remove a trigger", &format!("DROP TRIGGER {}", quote(&name)))?;
            }
        }
        expected.iter().filter(|(name, _)| !present.contains(*name)).try_for_each(|(_, sql)| self.execute("make a trigger", sql))
    }

    fn replace_logs(&self, expected: &Parts) -> Result<()> {
        let present = self.ours("table")?;
        let is_log = |name: &&String| name.starts_with(&log_table(""));
        for name in present.keys().filter(is_log).filter(|name| !expected.contains_key(*name)) {
            self.execute("remove a log", &format!("DROP TABLE {}", quote(name)))?;
        }
        expected.iter().filter(|(name, sql)| present.get(*name) != Some(sql)).try_for_each(|(name, sql)| {
            let there = present.contains_key(name).then_some(name.as_str());
            self.replace_log(&quote(name), sql, there)
        })
    }

    /// Makes a log anew; `there` is the name of the one to replace. The numbers go on, and of a log that an earlier version of
    /// ours made for the same key the notes stay.
    fn replace_log(&self, log: &str, sql: &str, there: Option<&str>) -> Result<()> {
        let Some(there) = there else { return self.execute("make a log", sql) };
        let last: i64 = self
            .connection
            .query_row(&format!("SELECT coalesce(max(n), 0) FROM {log}"), [], |row| row.get(0))
            .doing("read the last noted number")?;
        let before = self.columns_of(there)?;
        let former = former_keys(&before);
        // Not renamed: SQLite would write the new name into our triggers.
        let aside = quote(&format!("{PREFIX}notes_of_before"));
        if former.is_some() {
            self.execute("put notes aside", &format!("CREATE TABLE {aside} AS SELECT * FROM {log} WHERE kind <> 0"))?;
        }
        self.execute("remove a log", &format!("DROP TABLE {log}"))?;
        self.execute("make a log", sql)?;
        if let Some(keys) = former {
            if self.columns_of(there)?[FIRST_KEY..] == *keys {
                let keys = join("", keys.iter().map(|key| format!(", {key}")));
                let note = "CAST(round((time - 2440587.5) * 864e5) AS INTEGER) << 3 | kind";
                let copy = format!("INSERT INTO {log}(n, note{keys}) SELECT n, {note}{keys} FROM {aside} ORDER BY n");
                self.execute("take over the notes of an earlier version", &copy)?;
            }
            self.execute("remove notes put aside", &format!("DROP TABLE {aside}"))?;
        }
        self.go_on(log, last)
    }

    /// Makes the next number of a log higher than `number`, by a row that notes nothing.
    pub(super) fn go_on(&self, log: &str, number: i64) -> Result<()> {
        let sql = format!("INSERT INTO {log}(n) SELECT ?1 WHERE coalesce((SELECT max(n) FROM {log}), 0) < ?1");
        self.connection.execute(&sql, [number]).map(drop).doing("go on with the numbers of a log")
    }

    /// Names of a table's columns in their order, without computed ones.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn columns_of(&self, table: &str) -> Result<Vec<String>> {
        self.texts("read the columns of a table", &format!("SELECT name FROM pragma_table_info({}) ORDER BY cid", quote_text(table)))
    }

    /// Our objects of one type, with their SQL.
    pub(super) fn ours(&self, kind: &str) -> Result<Parts> {
        let doing = "list what is ours";
        let sql = "SELECT name, sql FROM sqlite_schema WHERE type = ?1 AND sql IS NOT NULL ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let all = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect);
        let all: Vec<(String, String)> = all.doing(doing)?;
        Ok(all.into_iter().filter(|(name, _)| is_ours(name)).collect())
    }

    /// Our triggers: table, name, SQL.
    pub(super) fn our_triggers(&self) -> Result<Vec<(String, String, String)>> {
        let doing = "list our triggers";
        let sql = "SELECT tbl_name, name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).and_then(Iterator::collect);
        let all: Vec<(String, String, String)> = all.doing(doing)?;
        Ok(all.into_iter().filter(|(_, name, _)| is_ours(name)).collect())
    }
}

fn trigger_name(letter: char, table: &str) -> String {
    format!("{PREFIX}{letter}_{table}")
}

/// Name of the trigger that notes what is inserted into a table.
pub(super) fn insert_trigger(table: &str) -> String {
    trigger_name('i', table)
}

/// Name of a table's log.
pub(super) fn log_table(table: &str) -> String {
    format!("{PREFIX}log_{table}")
}

/// The text that SQLite keeps for the log: columns without types, so that keys stay exactly what they are.
fn expected_log(shape: &Shape) -> String {
    let keys = join("", ['k', 'o'].into_iter().flat_map(|letter| (0..shape.key.len()).map(move |n| format!(", {letter}{n}"))));
    format!("CREATE TABLE {}(n INTEGER PRIMARY KEY, note{keys})", quote(&log_table(&shape.name)))
}

/// The key columns of a log as it was before kind and time (a Julian day then) became one number.
fn former_keys(columns: &[String]) -> Option<&[String]> {
    let (first, keys) = columns.split_at_checked(3)?;
    (first == ["n", "kind", "time"]).then_some(keys)
}

fn expected_triggers(shape: &Shape, facts: &Facts) -> Result<Parts> {
    let key = key_columns(shape, facts)?;
    let writer = Writer { table: quote(&shape.name), log: quote(&log_table(&shape.name)), name: &shape.name, key: &key };
    let mut parts = Parts::new();
    writer.trigger(&mut parts, 'i', "AFTER INSERT", &writer.note(NoteKind::Insert, "NEW"));
    writer.trigger(&mut parts, 'u', "AFTER UPDATE", &writer.update());
    writer.trigger(&mut parts, 'd', "AFTER DELETE", &writer.note(NoteKind::Delete, "OLD"));
    let indexes: Vec<Vec<(&str, &str)>> =
        facts.uniques.iter().filter(|index| !index.covers(&key)).filter_map(|index| named(index, facts)).collect();
    if !indexes.is_empty() {
        let inserts = join("", indexes.iter().map(|index| writer.displaced(index, Event::Insert)));
        writer.trigger(&mut parts, 'b', "BEFORE INSERT", &inserts);
        let columns: BTreeSet<&str> = indexes.iter().flatten().map(|(name, _)| *name).collect();
        let of = format!("BEFORE UPDATE OF {}", join(",", columns.into_iter().map(quote)));
        let updates = join("", indexes.iter().map(|index| writer.displaced(index, Event::Update)));
        writer.trigger(&mut parts, 'c', &of, &updates);
    }
    Ok(parts)
}

fn named<'f>(index: &'f Index, facts: &Facts) -> Option<Vec<(&'f str, &'f str)>> {
    index.plain(facts)?;
    index.columns.iter().map(|column| Some((column.name.as_deref()?, column.collation.as_str()))).collect()
}

#[derive(Clone, Copy)]
enum Event {
    Insert,
    Update,
}

struct Writer<'s> {
    table: String,
    log: String,
    name: &'s str,
    key: &'s KeyColumns,
}

impl Writer<'_> {
    fn trigger(&self, parts: &mut Parts, letter: char, event: &str, body: &str) {
        let name = trigger_name(letter, self.name);
        let sql = format!("CREATE TRIGGER {} {event} ON {} BEGIN {body}END", quote(&name), self.table);
        parts.insert(name, sql);
    }

    fn note(&self, kind: NoteKind, of: &str) -> String {
        format!("{} VALUES({}{}); ", self.append(), said(kind), self.key_of(of))
    }

    /// One statement and one row for both kinds of update, because a second program or statement costs more than a condition:
    /// the new key is noted as updated (1 + 1) or, where the record moved there, as inserted (1 + 0) with the old key beside it.
    /// `+` binds tighter than `|`.
    fn update(&self) -> String {
        let stayed = join(" AND ", self.key.columns.iter().map(|(name, _)| same(name)));
        let old = |(name, _): &(String, String)| format!(",CASE WHEN NOT({stayed}) THEN OLD.{} END", quote(name));
        let old = join("", self.key.columns.iter().map(old));
        let columns = self.columns('k') + &self.columns('o');
        let new = self.key_of("NEW");
        format!("INSERT INTO {}(note{columns}) VALUES({}+({stayed}){new}{old}); ", self.log, said(NoteKind::Insert))
    }

    /// Names the columns: where the number is left out instead of given as NULL, SQLite needs no check that could fail, and so no
    /// statement journal for each of the application's writes.
    fn append(&self) -> String {
        format!("INSERT INTO {}(note{})", self.log, self.columns('k'))
    }

    /// The log's columns for a key: `k` for the one that is noted, `o` for the one an update moved it from.
    fn columns(&self, letter: char) -> String {
        log_columns(letter, self.key.columns.len())
    }

    fn key_of(&self, of: &str) -> String {
        join("", self.key.columns.iter().map(|(name, _)| format!(",{of}.{}", quote(name))))
    }

    /// Notes the records that agree with the new one in a unique index, and would be deleted by a `REPLACE`.
    fn displaced(&self, index: &[(&str, &str)], event: Event) -> String {
        let agrees = |(name, collation): &(&str, &str)| {
            let collate = if is_binary(collation) { "BINARY".to_owned() } else { quote(collation) };
            format!("{}=NEW.{} COLLATE {collate}", column(name), quote(name))
        };
        let agrees = join(" AND ", index.iter().map(agrees));
        let guard = match event {
            // Before an insert an INTEGER PRIMARY KEY that SQLite hands out reads as -1, which may be another record's.
            Event::Insert if self.key.is_rowid => String::new(),
            Event::Insert => format!(" AND ({})", self.other_than("NEW")),
            Event::Update => {
                let stayed = join(" AND ", index.iter().map(|(name, _)| same(name)));
                format!(" AND NOT({stayed}) AND ({})", self.other_than("OLD"))
            }
        };
        let (note, keys) = (said(NoteKind::Displaced), self.key_of("r"));
        format!("{} SELECT {note}{keys} FROM {} AS r WHERE {agrees}{guard}; ", self.append(), self.table)
    }

    fn other_than(&self, of: &str) -> String {
        let one = |(name, _): &(String, String)| format!("{} IS NOT {of}.{} COLLATE BINARY", column(name), quote(name));
        join(" OR ", self.key.columns.iter().map(one))
    }
}

fn log_columns(letter: char, columns: usize) -> String {
    join("", (0..columns).map(|n| format!(",{letter}{n}")))
}

/// A note's number: the kind, with the time where a record came or stays.
fn said(kind: NoteKind) -> String {
    match kind {
        NoteKind::Insert | NoteKind::Update => format!("{TIME}|{}", kind.code()),
        NoteKind::Delete | NoteKind::Displaced => kind.code().to_string(),
    }
}

/// Exact as keys are: the same bytes, but `1` is `1.0`.
fn same(name: &str) -> String {
    let name = quote(name);
    format!("OLD.{name} IS NEW.{name} COLLATE BINARY")
}
