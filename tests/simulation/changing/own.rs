//! What do people make for themselves at their sites? Columns and tables that the main office does not have, under names that it may come to use.
//!
//! What is in them is known by its values alone: each is written once. It stays at its site until the main office has the name too; from then
//! on it travels like everything else.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::super::application::{CANARY, text_of};
use super::application::{Doing, KEYS, Seen};
use super::schema::{Schema, Table, quoted};

/// What a column of a site's own begins with, where it begins with anything.
pub const OWN: &str = "own";

/// A thing of a site's own. Names are without case, as SQLite takes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A column in a table of the main office's, by the table's number.
    Column(u32, String),
    Table(String),
}

/// What a site ever made.
pub type Made = BTreeSet<Thing>;

/// Where a value is: the thing, the record, the column.
pub type Place = (Thing, String, String);

/// What is in all of it.
pub type Own = BTreeMap<Place, String>;

/// What people made and typed.
#[derive(Debug, Default)]
pub struct Deeds {
    pub made: BTreeMap<usize, Made>,
    /// Every value with the site and all places that it was seen in there.
    pub written: BTreeMap<(usize, String), BTreeSet<Place>>,
}

impl Deeds {
    /// What a transaction came to. Gives the values that are there no more.
    pub(super) fn count(&mut self, site: usize, was: &Seen, is: &Seen) -> Vec<String> {
        for (place, value) in is.own.iter().filter(|(_, value)| value.starts_with(CANARY)) {
            self.written.entry((site, value.clone())).or_default().insert(place.clone());
        }
        let there: BTreeSet<&String> =
            is.own.values().chain(is.records.values().flat_map(|row| row.texts.values().chain([&row.tag]))).collect();
        was.own.values().filter(|value| !there.contains(value)).cloned().collect()
    }
}

/// Whether a schema of the main office's has the name.
fn has(schema: &Schema, place: &Place) -> bool {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    match &place.0 {
        Thing::Column(table, name) => schema.find(*table).is_some_and(|table| table.columns.iter().any(|column| same(&column.name, name))),
        Thing::Table(name) => schema.tables.iter().any(|table| same(&table.name, name)),
    }
}

/// Whether the main office ever had the name: what is in it may have become everybody's.
pub fn is_adopted(versions: &BTreeMap<i64, Schema>, places: &BTreeSet<Place>) -> bool {
    places.iter().any(|place| versions.values().any(|schema| has(schema, place)))
}

impl Doing<'_> {
    /// Somebody makes something of their own, or types there.
    pub(super) fn own(&mut self) -> rusqlite::Result<()> {
        let place = usize::try_from(self.dice.below(self.schema.tables.len() as u64)).expect("a small number");
        let schema = self.schema;
        let table = &schema.tables[place];
        match self.dice.below(10) {
            0..=2 => self.own_column(table),
            3..=5 => self.type_own(),
            6 => self.own_table(),
            7..=8 => self.type_in_own_table(),
            _ => self.undo_own(table),
        }
    }

    /// Whatever is of this site's own gets a name that nobody else uses.
    pub(super) fn make_room(&mut self) -> rusqlite::Result<()> {
        let schema = self.schema;
        for table in &schema.tables {
            for column in self.own_columns(table)? {
                let name = self.own_name();
                self.made.insert(Thing::Column(table.number, name.clone()));
                self.run(&format!("ALTER TABLE {} RENAME COLUMN {} TO {name}", quoted(&table.name), quoted(&column)))?;
            }
        }
        for table in self.own_tables()? {
            let name = self.own_name();
            self.made.insert(Thing::Table(name.clone()));
            self.run(&format!("ALTER TABLE {} RENAME TO {name}", quoted(&table)))?;
        }
        Ok(())
    }

    fn own_name(&mut self) -> String {
        *self.next += 1;
        format!("mine{}", self.next)
    }

    fn run(&mut self, sql: &str) -> rusqlite::Result<()> {
        self.said.push(sql.to_owned());
        self.connection.execute_batch(sql)
    }

    fn names(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare(sql)?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    fn own_columns(&self, table: &Table) -> rusqlite::Result<Vec<String>> {
        let mut names = self.names(&format!("SELECT name FROM pragma_table_info('{}')", table.name))?;
        names.retain(|name| table.columns.iter().all(|column| column.name != *name));
        Ok(names)
    }

    fn own_tables(&self) -> rusqlite::Result<Vec<String>> {
        let mut names = self.names("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
        let is_own = |name: &String| self.made.contains(&Thing::Table(name.to_ascii_lowercase()));
        names.retain(|name| is_own(name) && self.schema.named(name).is_none());
        Ok(names)
    }

    fn own_column(&mut self, table: &Table) -> rusqlite::Result<()> {
        let Some(name) = Schema::column_name(table, &mut self.dice) else { return Ok(()) };
        let default = if self.dice.hit(20) { format!(" DEFAULT '{OWN}'") } else { String::new() };
        self.made.insert(Thing::Column(table.number, name.to_ascii_lowercase()));
        self.run(&format!("ALTER TABLE {} ADD COLUMN {} TEXT{default}", quoted(&table.name), quoted(&name)))?;
        for key in self.keys(table)? {
            if self.dice.hit(60) {
                let value = self.fresh();
                self.update(table, &key, &name, value)?;
            }
        }
        Ok(())
    }

    fn type_own(&mut self) -> rusqlite::Result<()> {
        let schema = self.schema;
        let mut all = Vec::new();
        for table in &schema.tables {
            all.extend(self.own_columns(table)?.into_iter().map(|column| (table, column)));
        }
        if all.is_empty() {
            return Ok(());
        }
        let (table, column) = all[usize::try_from(self.dice.below(all.len() as u64)).expect("a small number")].clone();
        let Some(key) = self.some_key(table)? else { return Ok(()) };
        let value = self.fresh();
        self.update(table, &key, &column, value)
    }

    fn own_table(&mut self) -> rusqlite::Result<()> {
        let Some(name) = self.schema.table_name(&mut self.dice) else { return Ok(()) };
        self.made.insert(Thing::Table(name.to_ascii_lowercase()));
        self.run(&format!("CREATE TABLE {} (id TEXT PRIMARY KEY NOT NULL, tag TEXT, body TEXT)", quoted(&name)))?;
        self.type_in(&name)
    }

    fn type_in_own_table(&mut self) -> rusqlite::Result<()> {
        let tables = self.own_tables()?;
        if tables.is_empty() {
            return Ok(());
        }
        let table = tables[usize::try_from(self.dice.below(tables.len() as u64)).expect("a small number")].clone();
        self.type_in(&table)
    }

    /// Writes a record of an own table.
    fn type_in(&mut self, table: &str) -> rusqlite::Result<()> {
        let values = [Value::Text(self.dice.pick(&KEYS).into()), self.fresh(), self.fresh()];
        self.said.push(format!("{table}({})", values.each_ref().map(text_of).join(", ")));
        let sql = format!("INSERT OR REPLACE INTO {} (id, tag, body) VALUES (?, ?, ?)", quoted(table));
        self.connection.execute(&sql, rusqlite::params_from_iter(&values)).map(drop)
    }

    /// An own column goes, or is called otherwise.
    fn undo_own(&mut self, table: &Table) -> rusqlite::Result<()> {
        let Some(column) = self.own_columns(table)?.pop() else { return Ok(()) };
        let name = quoted(&table.name);
        match Schema::column_name(table, &mut self.dice).filter(|_| self.dice.hit(60)) {
            Some(other) => {
                self.made.insert(Thing::Column(table.number, other.to_ascii_lowercase()));
                self.run(&format!("ALTER TABLE {name} RENAME COLUMN {} TO {}", quoted(&column), quoted(&other)))
            }
            None => self.run(&format!("ALTER TABLE {name} DROP COLUMN {}", quoted(&column))),
        }
    }
}
