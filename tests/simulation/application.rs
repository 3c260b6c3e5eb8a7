//! What does an application do to its database? Plain SQL on a connection of its own, remembered for the referee.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::bundles;
use super::changing;
use super::documents;
use super::history::{Dice, Edit, What};
use super::invented::{self, Invented};
use super::ruling::goods;

/// The database all sites share. `tag` is set once by the insert: it tells incarnations apart without asking anybody.
pub const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, tag TEXT, name TEXT, city TEXT, extra);
    CREATE TABLE notes (id TEXT PRIMARY KEY, tag TEXT, body TEXT, extra,
        customer TEXT REFERENCES customers (id), above TEXT REFERENCES notes (id));
    CREATE TABLE items (id INTEGER PRIMARY KEY, tag TEXT, label TEXT, customer TEXT REFERENCES customers (id));
    CREATE TABLE lines (id TEXT PRIMARY KEY, tag TEXT, text TEXT, note TEXT REFERENCES notes (id) ON DELETE CASCADE);
    CREATE TABLE goods (id TEXT PRIMARY KEY, tag TEXT, stock INTEGER, list TEXT, text TEXT, high INTEGER, status TEXT, seen TEXT);
    INSERT INTO customers VALUES ('a', 't1', 'Acme', 'Bern', NULL), ('b', 't2', 'Bolt', 'Basel', x'00ff');
    INSERT INTO notes VALUES ('n', 't3', 'first', 1, 'a', NULL), ('m', 't4', 'second', 1.5, NULL, 'n');
    INSERT INTO items VALUES (1, 't5', 'one', 'a');
    INSERT INTO lines VALUES ('u', 't6', 'a line', 'n');
    INSERT INTO goods VALUES ('g', 't7', 10, 'one;two', 'a' || char(10) || 'b' || char(10) || 'c', 5, 'new', NULL),
        ('h', 't8', NULL, NULL, NULL, NULL, NULL, NULL);";

/// A table as the application knows it.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    /// Columns whose every value is used once.
    unique: &'static [&'static str],
    /// Columns, and the tables to which they refer.
    pub references: &'static [(&'static str, &'static str)],
    keys: &'static [&'static str],
}

pub const TABLES: [Table; 5] = [
    Table {
        name: "customers",
        columns: &["id", "tag", "name", "city", "extra"],
        unique: &["name", "city", "extra"],
        references: &[],
        keys: &["a", "b", "c", "d"],
    },
    Table {
        name: "notes",
        columns: &["id", "tag", "body", "extra", "customer", "above"],
        unique: &["body", "extra"],
        references: &[("customer", "customers"), ("above", "notes")],
        keys: &["n", "m", "p"],
    },
    Table {
        name: "items",
        columns: &["id", "tag", "label", "customer"],
        unique: &["label"],
        references: &[("customer", "customers")],
        keys: &[],
    },
    Table {
        name: "lines",
        columns: &["id", "tag", "text", "note"],
        unique: &["text"],
        references: &[("note", "notes")],
        keys: &["u", "v"],
    },
    Table {
        name: "goods",
        columns: &["id", "tag", "stock", "list", "text", "high", "status", "seen"],
        unique: &["list", "text", "high", "status", "seen"],
        references: &[],
        keys: &[],
    },
];

/// Every secret value starts with this; it must never be seen outside a home.
pub const CANARY: &str = "canary-";

/// One value that an application wrote.
#[derive(Clone, Debug)]
pub struct Written {
    pub site: usize,
    pub table: &'static str,
    pub key: String,
    pub column: &'static str,
    pub value: String,
}

/// A record that an application deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    pub site: usize,
    pub table: &'static str,
    pub key: String,
    pub tag: String,
    /// `REPLACE` put another one under the same key: that is an edit of all of it.
    pub replaced: bool,
}

/// All that applications did.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Values made so far: each is used once.
    pub next: u64,
    pub written: Vec<Written>,
    pub deleted: Vec<Deleted>,
    /// Values that an application overwrote or deleted at a site that had them.
    pub superseded: BTreeSet<String>,
    /// Sites at which a person sent something by hand.
    pub sent_by_hand: BTreeSet<usize>,
    /// What was done to stocks and lists.
    pub goods: goods::Deeds,
    /// The same of applications of an invented database.
    pub invented: invented::application::Deeds,
    /// The same of applications of a database whose schema changes.
    pub changing: changing::application::Deeds,
    /// What was done to documents.
    pub documents: documents::folder::Deeds,
    /// What was published, and what was done to its files.
    pub bundles: bundles::person::Deeds,
}

/// A value in words, the same for every way it is read.
pub fn word(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(number) => format!("i{number}"),
        ValueRef::Real(number) => format!("r{number}"),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("x{}", String::from_utf8_lossy(bytes)),
    }
}

/// The application of one site.
#[derive(Debug)]
pub struct Application {
    site: usize,
    connection: Connection,
    /// Values this site's records had, for undoing: table, key, column, value.
    past: Vec<(&'static str, String, &'static str, Value)>,
    kind: Database,
}

/// Which database it is.
#[derive(Clone, Debug)]
pub enum Database {
    /// The one that never changes.
    Fixed,
    Invented(Arc<Invented>),
    /// The one whose schema changes.
    Changing,
}

impl Application {
    /// Opens the database; its triggers see the site's own clock.
    pub fn open(site: usize, path: &Path, base: &Arc<AtomicI64>, skew: i64, kind: Database) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.execute_batch("PRAGMA synchronous = off; PRAGMA foreign_keys = on;")?;
        // However the triggers ask for the time.
        for arguments in [0, 1] {
            let base = Arc::clone(base);
            connection.create_scalar_function(
                "julianday",
                arguments,
                FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS,
                move |_| {
                    let now = base.load(Ordering::Relaxed) + skew;
                    Ok(now as f64 / 86_400_000.0 + 2_440_587.5)
                },
            )?;
        }
        Ok(Self { site, connection, past: Vec::new(), kind })
    }

    /// For reading what is there.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs SQL that nobody judges.
    pub fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.execute_batch(sql)
    }

    /// Does one edit, all or nothing. Gives the SQL, or why it did not happen.
    pub fn edit(&mut self, edit: Edit, deeds: &mut Deeds) -> String {
        match &self.kind {
            Database::Fixed => {
                let mut dice = Dice::new(edit.roll);
                self.transact(deeds, |doing| doing.edit(edit.what, &mut dice))
            }
            Database::Invented(invented) => invented::application::edit(self.site, &self.connection, invented, edit, &mut deeds.invented),
            Database::Changing => changing::application::edit(self.site, &self.connection, edit, &mut deeds.changing),
        }
    }

    /// Does something in one transaction. Gives the SQL, or why it did not happen.
    pub fn transact(&mut self, deeds: &mut Deeds, work: impl FnOnce(&mut Doing<'_>) -> rusqlite::Result<()>) -> String {
        if let Err(error) = self.connection.execute_batch("BEGIN IMMEDIATE") {
            return format!("(not done: {error})");
        }
        let mut doing =
            Doing { site: self.site, connection: &self.connection, past: &mut self.past, deeds, said: Vec::new(), done: Vec::new() };
        let result = work(&mut doing);
        let said = doing.said.join("; ");
        let counted = doing.done;
        let result = match result {
            Ok(()) => self.connection.execute_batch("COMMIT"),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                for deed in counted {
                    deed.count(deeds);
                }
                if said.is_empty() { "(nothing to do)".into() } else { said }
            }
            Err(error) => {
                self.connection.execute_batch("ROLLBACK").ok();
                format!("(refused: {said}: {error})")
            }
        }
    }
}

/// What counts once it is committed.
pub enum Deed {
    Write(Written),
    Delete(Deleted),
    Supersede(String),
    Goods(goods::Done),
}

impl Deed {
    fn count(self, deeds: &mut Deeds) {
        match self {
            Self::Write(written) => {
                // A record that is moved away and back is there again by somebody's hand.
                if written.column == "tag" {
                    deeds
                        .deleted
                        .retain(|deleted| (deleted.table, &deleted.key, &deleted.tag) != (written.table, &written.key, &written.value));
                }
                deeds.written.push(written);
            }
            Self::Delete(deleted) => deeds.deleted.push(deleted),
            Self::Supersede(value) => {
                deeds.superseded.insert(value);
            }
            Self::Goods(done) => deeds.goods.count(done),
        }
    }
}

/// An edit in the making.
pub struct Doing<'a> {
    site: usize,
    pub connection: &'a Connection,
    past: &'a mut Vec<(&'static str, String, &'static str, Value)>,
    pub deeds: &'a mut Deeds,
    pub said: Vec<String>,
    /// What it comes to once it is committed.
    pub done: Vec<Deed>,
}

impl Doing<'_> {
    fn edit(&mut self, what: What, dice: &mut Dice) -> rusqlite::Result<()> {
        let table = &TABLES[if dice.hit(60) { 0 } else { 1 }];
        match what {
            What::Field => {
                let Some(key) = self.some_key(table, dice)? else { return Ok(()) };
                let column = dice.pick(table.unique);
                let value = self.fresh(column, dice);
                self.update(table, &key, column, value)
            }
            What::Undo => {
                let Some(key) = self.some_key(table, dice)? else { return Ok(()) };
                let name = super::application::text_of(&key);
                let choices: Vec<_> = self.past.iter().filter(|past| past.0 == table.name && past.1 == name).cloned().collect();
                if choices.is_empty() {
                    return Ok(());
                }
                let (_, _, column, value) = choices[usize::try_from(dice.below(choices.len() as u64)).expect("a small number")].clone();
                self.update(table, &key, column, value)
            }
            What::Insert => {
                let key = Value::Text(dice.pick(table.keys).into());
                self.insert(table, key, dice, "INSERT")
            }
            What::Replace => {
                let key = Value::Text(dice.pick(table.keys).into());
                self.gone(table, &key)?;
                if let Some(Deed::Delete(deleted)) = self.done.last_mut() {
                    deleted.replaced = true;
                }
                self.insert(table, key, dice, "INSERT OR REPLACE")
            }
            What::Delete => {
                let Some(key) = self.some_key(table, dice)? else { return Ok(()) };
                self.delete(table, &key)
            }
            What::Recreate => {
                let Some(key) = self.some_key(table, dice)? else { return Ok(()) };
                self.delete(table, &key)?;
                self.insert(table, key, dice, "INSERT")
            }
            What::MoveKey => {
                let Some(key) = self.some_key(table, dice)? else { return Ok(()) };
                let to = Value::Text(dice.pick(table.keys).into());
                self.move_key(table, &key, &to, dice)
            }
            What::Many => {
                let column = if table.name == "customers" { "city" } else { "body" };
                for key in self.keys(table)? {
                    let value = self.fresh("name", dice);
                    self.update(table, &key, column, value)?;
                }
                Ok(())
            }
            What::Reference => {
                let table = &TABLES[1];
                let Some(key) = self.some_key(table, dice)? else { return Ok(()) };
                let (column, target) = dice.pick(table.references);
                let target = TABLES.iter().find(|table| table.name == target).expect("a known table");
                let value = if dice.hit(20) { Value::Null } else { self.some_key(target, dice)?.unwrap_or(Value::Null) };
                self.update(table, &key, column, value)
            }
            What::Line => {
                let table = &TABLES[3];
                let key = self.some_key(table, dice)?;
                match (dice.below(3), key) {
                    (0, Some(key)) => self.delete(table, &key),
                    (1, Some(key)) => {
                        let value = self.fresh("text", dice);
                        self.update(table, &key, "text", value)
                    }
                    _ => {
                        let key = Value::Text(dice.pick(table.keys).into());
                        self.insert(table, key, dice, "INSERT")
                    }
                }
            }
            What::Numbered => {
                let table = &TABLES[2];
                let key = self.some_key(table, dice)?;
                match (dice.below(4), key) {
                    (0, Some(key)) => self.delete(table, &key),
                    (1, Some(key)) => {
                        let value = self.fresh("label", dice);
                        self.update(table, &key, "label", value)
                    }
                    _ => self.insert(table, Value::Null, dice, "INSERT"),
                }
            }
            What::Goods => self.edit_goods(dice),
            What::Add => self.add(dice),
            // Of other databases.
            What::Together | What::Swap | What::Migrate | What::Own | What::MakeRoom | What::Unbar => Ok(()),
        }
    }

    /// A value that was never used before.
    pub fn fresh(&mut self, column: &str, dice: &mut Dice) -> Value {
        self.deeds.next += 1;
        let id = self.deeds.next;
        let text = format!("{CANARY}{id}.");
        if column != "extra" {
            return Value::Text(text);
        }
        match dice.below(6) {
            0 => Value::Blob([text.as_bytes(), &[0, 0xff, 0xfe]].concat()),
            1 => Value::Integer(1_000_000_000 + id.cast_signed()),
            2 => Value::Real(id as f64 + 0.25),
            3 => Value::Null,
            4 => Value::Text(format!("{text}\0\u{1f600}'\"\n")),
            _ => Value::Text(text),
        }
    }

    fn keys(&self, table: &Table) -> rusqlite::Result<Vec<Value>> {
        let mut statement = self.connection.prepare(&format!("SELECT id FROM {} ORDER BY id", table.name))?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    pub fn some_key(&self, table: &Table, dice: &mut Dice) -> rusqlite::Result<Option<Value>> {
        let keys = self.keys(table)?;
        let roll = dice.roll();
        Ok(if keys.is_empty() { None } else { Some(keys[usize::try_from(roll % keys.len() as u64).expect("a small number")].clone()) })
    }

    fn row(&self, table: &Table, key: &Value) -> rusqlite::Result<Option<Vec<Value>>> {
        let mut statement = self.connection.prepare(&format!("SELECT {} FROM {} WHERE id = ?", table.columns.join(", "), table.name))?;
        let mut rows = statement.query([key])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        (0..table.columns.len()).map(|place| row.get(place)).collect::<rusqlite::Result<_>>().map(Some)
    }

    pub fn update(&mut self, table: &Table, key: &Value, column: &'static str, value: Value) -> rusqlite::Result<()> {
        let Some(row) = self.row(table, key)? else { return Ok(()) };
        let place = table.columns.iter().position(|name| *name == column).expect("a known column");
        self.said.push(format!("{}[{}].{column}: {} -> {}", table.name, text_of(key), text_of(&row[place]), text_of(&value)));
        self.connection.execute(&format!("UPDATE {} SET {column} = ?1 WHERE id = ?2", table.name), [&value, key])?;
        if table.unique.contains(&column) {
            self.past.push((table.name, text_of(key), column, row[place].clone()));
            self.done.push(Deed::Supersede(text_of(&row[place])));
            self.write(table.name, key, column, &value);
        }
        Ok(())
    }

    fn write(&mut self, table: &'static str, key: &Value, column: &'static str, value: &Value) {
        if *value != Value::Null {
            let (key, value) = (text_of(key), text_of(value));
            self.done.push(Deed::Write(Written { site: self.site, table, key, column, value }));
        }
    }

    fn insert(&mut self, table: &Table, key: Value, dice: &mut Dice, verb: &str) -> rusqlite::Result<()> {
        let mut values = vec![key];
        for column in &table.columns[1..] {
            let reference = table.references.iter().find(|(name, _)| name == column);
            values.push(match reference {
                Some((_, target)) if dice.hit(70) => {
                    let target = TABLES.iter().find(|table| table.name == *target).expect("a known table");
                    self.some_key(target, dice)?.unwrap_or(Value::Null)
                }
                Some(_) => Value::Null,
                None => self.fresh(column, dice),
            });
        }
        self.insert_values(table, values, verb)
    }

    pub fn insert_values(&mut self, table: &Table, mut values: Vec<Value>, verb: &str) -> rusqlite::Result<()> {
        let marks = vec!["?"; values.len()].join(", ");
        let said: Vec<String> = values.iter().map(text_of).collect();
        self.said.push(format!("{verb} {}({})", table.name, said.join(", ")));
        self.connection.execute(&format!("{verb} INTO {} VALUES ({marks})", table.name), params_from_iter(&values))?;
        if values[0] == Value::Null {
            values[0] = Value::Integer(self.connection.last_insert_rowid());
        }
        let key = values[0].clone();
        for (column, value) in table.columns.iter().zip(&values).skip(1) {
            if *column == "tag" || table.unique.contains(column) {
                self.write(table.name, &key, column, value);
            }
        }
        Ok(())
    }

    /// Remembers that a record ends, before it does.
    fn gone(&mut self, table: &Table, key: &Value) -> rusqlite::Result<()> {
        if table.name == "notes" {
            // Its lines go with it.
            let mut statement = self.connection.prepare("SELECT id FROM lines WHERE note = ?")?;
            let lines: Vec<Value> = statement.query_map([key], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            for line in lines {
                self.gone(&TABLES[3], &line)?;
            }
        }
        if let Some(row) = self.row(table, key)? {
            for (column, value) in table.columns.iter().zip(&row) {
                if *column == "tag" || table.unique.contains(column) {
                    self.done.push(Deed::Supersede(text_of(value)));
                }
            }
            self.done.push(Deed::Delete(Deleted {
                site: self.site,
                table: table.name,
                key: text_of(key),
                tag: text_of(&row[1]),
                replaced: false,
            }));
        }
        Ok(())
    }

    pub fn delete(&mut self, table: &Table, key: &Value) -> rusqlite::Result<()> {
        self.said.push(format!("DELETE {}[{}]", table.name, text_of(key)));
        self.gone(table, key)?;
        self.connection.execute(&format!("DELETE FROM {} WHERE id = ?", table.name), [key]).map(drop)
    }

    fn move_key(&mut self, table: &Table, from: &Value, to: &Value, dice: &mut Dice) -> rusqlite::Result<()> {
        let Some(row) = self.row(table, from)? else { return Ok(()) };
        if from == to {
            return Ok(());
        }
        self.said.push(format!("{}[{}] becomes [{}]", table.name, text_of(from), text_of(to)));
        // Under another key it is another record, with a tag of its own.
        let tag = self.fresh("tag", dice);
        self.connection.execute(&format!("UPDATE {} SET id = ?1, tag = ?3 WHERE id = ?2", table.name), [to, from, &tag])?;
        self.done.push(Deed::Delete(Deleted {
            site: self.site,
            table: table.name,
            key: text_of(from),
            tag: text_of(&row[1]),
            replaced: false,
        }));
        self.done.push(Deed::Supersede(text_of(&row[1])));
        self.write(table.name, to, "tag", &tag);
        for (column, value) in table.columns.iter().zip(&row).skip(2) {
            if table.unique.contains(column) {
                self.write(table.name, to, column, value);
            }
        }
        Ok(())
    }
}

pub fn text_of(value: &Value) -> String {
    word(ValueRef::from(value))
}
