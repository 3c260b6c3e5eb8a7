//! What does an application do to an invented database? Plain SQL; what it came to is read off the database.
//!
//! Before and after every transaction the whole database is read by meaning: whatever differs is what the application
//! did, cascades and triggers included.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::application::text_of;
use super::super::history::{Dice, Edit, What};
use super::content::{Content, Row, Snapshot, saying};
use super::schema::{INTEGER_KEYS, Invented, Key, Part, TEXT_KEYS, token};

/// Numbers of a site where no two sites may give out the same begin at this, times its place from 1.
const OWN_NUMBERS: i64 = 1_000;
/// Values made while the database was filled are below this.
const FIRST_VALUE: u64 = 1_000;

/// A value that an application wrote.
#[derive(Clone, Debug)]
pub struct Written {
    pub site: usize,
    pub identity: String,
    pub column: &'static str,
    pub value: String,
}

/// A record that an application deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    pub site: usize,
    pub identity: String,
    pub token: String,
}

/// A reference as somebody set it: identity of the record, its column, identity of the record meant.
pub type Meant = (String, String, String);

/// All that applications did, by meaning.
#[derive(Debug, Default)]
pub struct Deeds {
    next: u64,
    pub written: Vec<Written>,
    pub deleted: Vec<Deleted>,
    /// Values that an application overwrote or deleted at a site that had them.
    pub superseded: BTreeSet<String>,
    /// References that ever were right, at the beginning or by somebody's edit.
    pub right: BTreeSet<Meant>,
    /// Those that somebody set, with the site.
    pub set: BTreeMap<Meant, usize>,
    /// Those that somebody set otherwise, or whose record somebody deleted, at a site that had them.
    pub unset: BTreeSet<Meant>,
    /// Every key that a record was seen under.
    pub keys: BTreeMap<String, BTreeSet<String>>,
}

impl Deeds {
    /// Takes what is there before anybody edits.
    pub fn begin(&mut self, content: &Content) {
        self.observe(content);
        for (identity, record) in content {
            let references = record.references.iter();
            self.right.extend(references.map(|(column, meaning)| (identity.clone(), column.clone(), meaning.clone())));
        }
    }

    /// Remembers under which keys records are.
    pub fn observe(&mut self, content: &Content) {
        for (identity, record) in content {
            self.keys.entry(identity.clone()).or_default().insert(record.key.clone());
        }
    }

    /// What a transaction came to.
    fn count(&mut self, site: usize, before: &Content, after: &Content) {
        self.observe(before);
        self.observe(after);
        for (identity, old) in before {
            let new = after.get(identity).filter(|new| new.token == old.token);
            if new.is_none() {
                self.deleted.push(Deleted { site, identity: identity.clone(), token: old.token.clone() });
                self.superseded.insert(old.token.clone());
            }
            for (column, value) in &old.texts {
                if new.is_none_or(|new| new.texts[column] != *value) {
                    self.superseded.insert(value.clone());
                }
            }
            for (column, meaning) in &old.references {
                if new.is_none_or(|new| new.references[column] != *meaning) {
                    self.unset.insert((identity.clone(), column.clone(), meaning.clone()));
                }
            }
        }
        for (identity, new) in after {
            let old = before.get(identity).filter(|old| old.token == new.token);
            let mut write = |column, value: &str| {
                self.written.push(Written { site, identity: identity.clone(), column, value: value.to_owned() });
            };
            if old.is_none() {
                write("token", &new.token);
            }
            for (column, value) in &new.texts {
                if value != "null" && old.is_none_or(|old| old.texts[column] != *value) {
                    write(column, value);
                }
            }
            for (column, meaning) in &new.references {
                if old.is_none_or(|old| old.references[column] != *meaning) {
                    let meant = (identity.clone(), column.clone(), meaning.clone());
                    self.right.insert(meant.clone());
                    self.set.insert(meant, site);
                }
            }
        }
    }
}

/// Does one edit, all or nothing. Gives the SQL, or why it did not happen.
pub fn edit(site: usize, connection: &Connection, invented: &Invented, edit: Edit, deeds: &mut Deeds) -> String {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return format!("(not done: {error})");
    }
    deeds.next = deeds.next.max(FIRST_VALUE);
    let mut doing = Doing { site: Some(site), connection, invented, dice: Dice::new(edit.roll), next: &mut deeds.next, said: Vec::new() };
    let result = (|| {
        let before = Snapshot::read(invented, connection)?;
        doing.edit(edit.what, &before)?;
        let after = Snapshot::read(invented, connection)?;
        connection.execute_batch("COMMIT")?;
        Ok::<_, rusqlite::Error>((before.content(invented).0, after.content(invented).0))
    })();
    let said = doing.said.join("; ");
    match result {
        Ok((before, after)) => {
            deeds.count(site, &before, &after);
            if said.is_empty() { "(nothing to do)".into() } else { said }
        }
        Err(error) => {
            connection.execute_batch("ROLLBACK").ok();
            format!("(refused: {said}: {error})")
        }
    }
}

/// Makes the tables and what all sites begin with.
pub fn fill(connection: &Connection, invented: &Invented) -> rusqlite::Result<()> {
    connection.execute_batch(&invented.sql())?;
    let mut next = 0;
    let mut doing = Doing { site: None, connection, invented, dice: Dice::new(invented.seed), next: &mut next, said: Vec::new() };
    for table in 0..invented.tables.len() {
        for _ in 0..2 {
            doing.insert(table, None, None, "INSERT")?;
        }
    }
    Ok(())
}

struct Doing<'a> {
    /// None while the database is filled.
    site: Option<usize>,
    connection: &'a Connection,
    invented: &'a Invented,
    dice: Dice,
    next: &'a mut u64,
    said: Vec<String>,
}

impl Doing<'_> {
    fn edit(&mut self, what: What, now: &Snapshot) -> rusqlite::Result<()> {
        let table = self.some_table();
        match what {
            // Of other databases.
            What::Goods | What::Add | What::Migrate | What::Own | What::MakeRoom | What::Unbar => Ok(()),
            What::Insert | What::Line | What::Numbered => self.insert(table, None, None, "INSERT").map(drop),
            What::Together => self.together(table),
            What::Field => {
                let Some(row) = self.some_row(now, table) else { return Ok(()) };
                let column = self.dice.pick(&self.invented.tables[table].texts);
                let value = self.fresh();
                self.update(table, &row.key, &[(column.to_owned(), value)])
            }
            What::Many => {
                let name = &self.invented.tables[table].name;
                let Value::Text(value) = self.fresh() else { return Ok(()) };
                self.run(&format!("UPDATE {name} SET text = ? || token"), &[Value::Text(value)])
            }
            What::Reference => self.refer(now),
            What::Delete => {
                let Some(row) = self.some_row(now, table).filter(|_| self.invented.tables[table].deletable) else { return Ok(()) };
                self.delete(table, &row.key)
            }
            What::Recreate | What::Replace => {
                let Some(row) = self.some_row(now, table).filter(|row| self.may_end(now, table, row)) else { return Ok(()) };
                if what == What::Replace {
                    return self.insert(table, Some(&row), None, "INSERT OR REPLACE").map(drop);
                }
                self.delete(table, &row.key)?;
                self.insert(table, Some(&row), None, "INSERT").map(drop)
            }
            What::MoveKey => {
                let Some(row) = self.some_row(now, table).filter(|row| self.may_end(now, table, row)) else { return Ok(()) };
                let to = match &self.invented.tables[table].key {
                    Key::Number { .. } => self.number(table, true)?,
                    Key::Parts(parts) if matches!(parts.as_slice(), [Part::Text(_)]) => Value::Text(self.dice.pick(&TEXT_KEYS).into()),
                    Key::Parts(_) => return Ok(()),
                };
                let column = self.invented.tables[table].key_columns().remove(0);
                // Under another key it is another record, with a token of its own.
                let mut sets = vec![(column, to), ("token".into(), self.token(table))];
                // Where the old one comes back, two records want its code, which is for a person to decide.
                if self.invented.tables[table].unique && !self.invented.swaps {
                    sets.push(("code".into(), self.fresh()));
                }
                self.update(table, &row.key, &sets)
            }
            What::Swap | What::Undo => {
                if !self.invented.swaps || !self.invented.tables[table].unique {
                    return Ok(());
                }
                let (Some(one), Some(other)) = (self.some_row(now, table), self.some_row(now, table)) else { return Ok(()) };
                let code = || "code".to_owned();
                self.update(table, &one.key, &[(code(), Value::Null)])?;
                self.update(table, &other.key, &[(code(), one.texts["code"].clone())])?;
                if one.key == other.key { Ok(()) } else { self.update(table, &one.key, &[(code(), other.texts["code"].clone())]) }
            }
        }
    }

    /// A record and some that refer to it.
    fn together(&mut self, table: usize) -> rusqlite::Result<()> {
        let Some(key) = self.insert(table, None, None, "INSERT")? else { return Ok(()) };
        let refers = |other: &usize| {
            let mut references = self.invented.tables[*other].references.iter();
            references.any(|reference| reference.target.tables().iter().any(|target| target.1 == table))
        };
        let others: Vec<usize> = (0..self.invented.tables.len()).filter(refers).collect();
        if others.is_empty() {
            return Ok(());
        }
        for _ in 0..=self.dice.below(2) {
            let other = self.dice.pick(&others);
            self.insert(other, None, Some((table, &key)), "INSERT")?;
        }
        Ok(())
    }

    /// Lets some reference mean somebody else.
    fn refer(&mut self, now: &Snapshot) -> rusqlite::Result<()> {
        let table = self.some_table();
        let places: Vec<usize> =
            (0..self.invented.tables[table].references.len()).filter(|place| !self.invented.tables[table].in_key(*place)).collect();
        let Some(row) = self.some_row(now, table).filter(|_| !places.is_empty()) else { return Ok(()) };
        let place = self.dice.pick(&places);
        let reference = &self.invented.tables[table].references[place];
        let values = if !reference.required && self.dice.hit(25) {
            vec![Value::Null; reference.columns.len()]
        } else {
            match self.some_target(now, table, place, None) {
                Some(values) => values,
                None => return Ok(()),
            }
        };
        let sets: Vec<(String, Value)> = reference.columns.iter().cloned().zip(values).collect();
        self.update(table, &row.key, &sets)
    }

    /// The values of a reference to some record there is; to `wanted` where it can.
    fn some_target(&mut self, now: &Snapshot, table: usize, place: usize, wanted: Option<(usize, &[Value])>) -> Option<Vec<Value>> {
        let reference = &self.invented.tables[table].references[place];
        let targets = reference.target.tables();
        if let Some((wanted, key)) = wanted
            && let Some((word, _)) = targets.iter().find(|target| target.1 == wanted)
        {
            return Some(saying(reference, word, key));
        }
        let (word, target) = self.dice.pick(&targets);
        let row = self.some_row(now, target)?;
        Some(saying(reference, word, &row.key))
    }

    /// Inserts a record: with the key of `like` where one is given, referring to `wanted`. Gives its key; none where it cannot be.
    fn insert(
        &mut self,
        table: usize,
        like: Option<&Row>,
        wanted: Option<(usize, &[Value])>,
        verb: &str,
    ) -> rusqlite::Result<Option<Vec<Value>>> {
        let now = Snapshot::read(self.invented, self.connection)?;
        let shape = &self.invented.tables[table];
        let mut values: Vec<(String, Value)> = Vec::new();
        for place in 0..shape.references.len() {
            let reference = &shape.references[place];
            let needed = reference.required || shape.in_key(place);
            let said = match like.filter(|_| shape.in_key(place)) {
                Some(row) => Some(row.references[place].clone()),
                None if needed || wanted.is_some() || self.dice.hit(60) => self.some_target(&now, table, place, wanted),
                None => None,
            };
            match said {
                Some(said) => values.extend(reference.columns.iter().cloned().zip(said)),
                None if needed => return Ok(None),
                None => {}
            }
        }
        match &shape.key {
            Key::Number { .. } => {
                let number = match like {
                    Some(row) if self.dice.hit(70) => row.key[0].clone(),
                    Some(_) | None => self.number(table, false)?,
                };
                values.push(("id".into(), number));
            }
            Key::Parts(parts) => {
                for part in parts {
                    let column = match part {
                        Part::Text(name) | Part::Integer(name) => (*name).to_owned(),
                        Part::Refers(_) => continue,
                    };
                    let place = shape.key_columns().iter().position(|name| *name == column).expect("a key column");
                    let value = match (like, part) {
                        (Some(row), _) => row.key[place].clone(),
                        (None, Part::Text(_)) => Value::Text(self.dice.pick(&TEXT_KEYS).into()),
                        (None, _) => Value::Integer(self.dice.below(INTEGER_KEYS.unsigned_abs()).cast_signed()),
                    };
                    values.push((column, value));
                }
                let key: Vec<Value> = shape
                    .key_columns()
                    .iter()
                    .map(|column| values.iter().find(|value| value.0 == *column).map_or(Value::Null, |value| value.1.clone()))
                    .collect();
                let there = now.tables[table].iter().any(|row| row.key == key);
                if (there && like.is_none()) || !self.is_ours(table, &key) {
                    return Ok(None);
                }
            }
        }
        // What replaces a record under its own key is an edit of it: applications save that way.
        let edited = like.filter(|row| verb == "INSERT OR REPLACE" && names(&shape.key_columns(), &values, &row.key));
        let token = edited.map_or_else(|| self.token(table), |row| Value::Text(row.token.clone()));
        values.push(("token".into(), token));
        for text in &shape.texts {
            let value = if self.dice.hit(80) { self.fresh() } else { Value::Null };
            values.push(((*text).to_owned(), value));
        }
        if shape.unique {
            let value = if self.dice.hit(70) { self.fresh() } else { Value::Null };
            values.push(("code".into(), value));
        }
        let (columns, values): (Vec<String>, Vec<Value>) = values.into_iter().unzip();
        let marks = vec!["?"; values.len()].join(", ");
        self.run(&format!("{verb} INTO {} ({}) VALUES ({marks})", shape.name, columns.join(", ")), &values)?;
        let key = shape.key_columns();
        let sql = format!("SELECT {} FROM {} WHERE token = ?", key.join(", "), shape.name);
        let token = &values[columns.iter().position(|name| name == "token").expect("there is a token")];
        self.connection
            .query_row(&sql, [token], |row| (0..key.len()).map(|place| row.get(place)).collect::<rusqlite::Result<_>>())
            .map(Some)
    }

    /// The number a new record gets: NULL where the database gives it.
    fn number(&self, table: usize, explicit: bool) -> rusqlite::Result<Value> {
        let name = &self.invented.tables[table].name;
        let Some(site) = self.site.filter(|_| !self.invented.clashes) else {
            if !explicit {
                return Ok(Value::Null);
            }
            let highest: i64 = self.connection.query_row(&format!("SELECT ifnull(max(id), 0) FROM {name}"), [], |row| row.get(0))?;
            return Ok(Value::Integer(highest + 1));
        };
        let first = OWN_NUMBERS * (site as i64 + 1);
        let sql = format!("SELECT ifnull(max(id), {first}) + 1 FROM {name} WHERE id BETWEEN {first} AND {}", first + OWN_NUMBERS - 1);
        self.connection.query_row(&sql, [], |row| row.get(0)).map(Value::Integer)
    }

    /// Whether a number that is also a reference is this site's to use, where no two may use the same.
    fn is_ours(&self, table: usize, key: &[Value]) -> bool {
        let (Some(site), false, [Value::Integer(number)]) = (self.site, self.invented.clashes, key) else { return true };
        matches!(&self.invented.tables[table].key, Key::Parts(_)) && (*number / OWN_NUMBERS - 1).max(0) == site as i64
    }

    /// Whether a record may give its key to a new one: nothing here refers to it.
    fn may_end(&self, now: &Snapshot, table: usize, row: &Row) -> bool {
        let ours = self.invented.clashes || !matches!(row.key.as_slice(), [Value::Integer(_)]) || {
            let (Some(site), [Value::Integer(number)]) = (self.site, row.key.as_slice()) else { return false };
            *number / OWN_NUMBERS - 1 == site as i64
        };
        ours && self.invented.tables[table].deletable && !now.is_referred_to(self.invented, table, row)
    }

    fn delete(&mut self, table: usize, key: &[Value]) -> rusqlite::Result<()> {
        let shape = &self.invented.tables[table];
        self.run(&format!("DELETE FROM {} WHERE {}", shape.name, marks(&shape.key_columns(), " AND ")), key)
    }

    fn update(&mut self, table: usize, key: &[Value], sets: &[(String, Value)]) -> rusqlite::Result<()> {
        let shape = &self.invented.tables[table];
        let columns: Vec<String> = sets.iter().map(|set| set.0.clone()).collect();
        let values: Vec<Value> = sets.iter().map(|set| set.1.clone()).chain(key.iter().cloned()).collect();
        let sql = format!("UPDATE {} SET {} WHERE {}", shape.name, marks(&columns, ", "), marks(&shape.key_columns(), " AND "));
        self.run(&sql, &values)
    }

    fn run(&mut self, sql: &str, values: &[Value]) -> rusqlite::Result<()> {
        let said: Vec<String> = values.iter().map(text_of).collect();
        self.said.push(format!("{sql} [{}]", said.join(", ")));
        self.connection.execute(sql, params_from_iter(values)).map(drop)
    }

    fn fresh(&mut self) -> Value {
        *self.next += 1;
        Value::Text(token("v", *self.next))
    }

    fn token(&mut self, table: usize) -> Value {
        *self.next += 1;
        Value::Text(token(&self.invented.tables[table].name, *self.next))
    }

    fn some_table(&mut self) -> usize {
        usize::try_from(self.dice.below(self.invented.tables.len() as u64)).expect("a small number")
    }

    fn some_row(&mut self, now: &Snapshot, table: usize) -> Option<Row> {
        let rows = &now.tables[table];
        let roll = self.dice.roll();
        if rows.is_empty() { None } else { Some(rows[usize::try_from(roll % rows.len() as u64).expect("a small number")].clone()) }
    }
}

/// Whether these values have this key among them.
fn names(columns: &[String], values: &[(String, Value)], key: &[Value]) -> bool {
    columns.iter().zip(key).all(|(column, one)| values.iter().any(|(name, value)| name == column && value == one))
}

fn marks(columns: &[String], between: &str) -> String {
    columns.iter().map(|column| format!("{column} = ?")).collect::<Vec<_>>().join(between)
}
