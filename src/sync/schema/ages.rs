//! Which schema had the database when a backup of it was made, and what did its names mean?
//!
//! Every schema that tracking has followed begins an *age*: a commit of its own, so that a database from before it is seen to be older, whatever
//! else came since. What the names of the age before meant is noted with that commit's number. The counters of a restored database say from
//! which commit it is, and so of which age.
//!
//! **States of a restored database**: of this age, of an earlier one that was noted (*known*), or of one before ages were noted, or
//! more than [`MOST`] ago (*unknown*). **Crash points**: the commit of an age is one of the database with a record for the ledger, as every
//! slice has it. A schema that the parent told is in the database before its age begins: the age begins with the commit that brought it.
//! A schema that the application made is there before anybody looks: a backup from in between counts as of the age before, though its text is the later one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Identity;
use crate::database::SchemaDump;
use crate::database::conform::{Inventory, Names as Called};
use crate::model::{FieldNo, LIBRARY, Shape, TableNo};
use crate::sync::tracking::evolve::same_name;
use crate::sync::{Result, Session, SyncError, apply};

/// Note of the ages.
const AGES: &str = "schema ages";
/// Note of the commit with which a told schema came, until its age has begun.
const CAME: &str = "schema came";

/// Ages of which the names are kept.
const MOST: usize = 200;

/// What tables are called, by number.
type Names = BTreeMap<TableNo, Identity>;

/// The ages of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ages {
    /// The commit from which on they are known.
    since: u64,
    /// Those that ended, oldest first.
    ended: Vec<Ended>,
    /// The schema of this age, in few words.
    words: String,
    names: Names,
    /// The columns of the tables in their order, this site's own too.
    #[serde(default)]
    columns: BTreeMap<TableNo, Vec<String>>,
}

/// An age that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    /// The commit with which the next one began.
    until: u64,
    words: String,
    /// What was called otherwise than in the next one; none of a table that was not there.
    otherwise: BTreeMap<TableNo, Option<Identity>>,
}

/// What is known of the age of a restored database, which is not this one.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Former {
    /// What its tables were called; none where it is unknown.
    pub names: Option<Names>,
    /// Its schema and those that came since, in few words; this one's is left out.
    words: Vec<String>,
}

impl Former {
    /// Whether a schema is one that was here then or since, and not the last one.
    pub fn had(&self, session: &Session, schema: &SchemaDump) -> Result<bool> {
        let words = words_of(schema);
        Ok(self.words.contains(&words) && noted(session)?.is_some_and(|ages| ages.words != words))
    }

    /// Whether a schema is the one of that age.
    pub fn is(&self, schema: &SchemaDump) -> bool {
        self.names.is_some() && self.words.first() == Some(&words_of(schema))
    }

    /// Whether no name means another table or column since, and all are still there.
    pub fn goes_by_name(&self, session: &Session, here: &Inventory) -> bool {
        let is_there = |then: &Identity| {
            let columns = || here.columns(&then.name);
            then.fields.values().all(|name| columns().any(|column| same_name(column, name)))
        };
        let all = self.names.iter().flat_map(BTreeMap::values).filter(|then| then.name != LIBRARY);
        self.names.is_some()
            && all.clone().all(is_there)
            && session.shapes.iter().filter(|shape| shape.name != LIBRARY).all(|shape| self.means_otherwise(session, shape) == Meant::Same)
    }

    /// A table as it was then; none where it was not there.
    pub fn shape(&self, shape: &Shape) -> Option<Shape> {
        let then = self.names.as_ref()?.get(&shape.number)?;
        let mut shape = Shape { name: then.name.clone(), ..shape.clone() };
        for (number, field) in (0u16..).zip(&mut shape.fields) {
            let name = then.fields.get(&FieldNo(number));
            field.dropped = name.is_none();
            if let Some(name) = name {
                field.name.clone_from(name);
            }
        }
        Some(shape)
    }

    /// Which table and column of a database of that age is which one that is told now, and which of its tables went since. None where the
    /// age is unknown.
    pub fn called(&self, session: &Session, there: &Inventory) -> Option<(BTreeMap<String, Called>, BTreeSet<String>)> {
        let names = self.names.as_ref()?;
        let is_told = |name: &str| there.table_names().any(|table| same_name(table, name));
        let (mut tables, mut ended) = (BTreeMap::new(), BTreeSet::new());
        for shape in session.shapes.iter().filter(|shape| is_told(&shape.name)) {
            let Some(then) = names.get(&shape.number) else { continue };
            let mut called = Called { here: then.name.clone(), ..Called::default() };
            let has = |name: &str| there.columns(&shape.name).any(|column| same_name(column, name));
            for (field, name) in &then.fields {
                let is_taken = || shape.live_fields().any(|other| same_name(shape.name_of(other), name));
                if shape.is_live(*field) && has(shape.name_of(*field)) {
                    called.columns.insert(shape.name_of(*field).to_owned(), name.clone());
                } else if !shape.is_live(*field) && (is_taken() || !has(name)) {
                    called.ended.insert(name.clone());
                }
            }
            tables.insert(shape.name.clone(), called);
        }
        for shape in session.former.iter().filter(|shape| shape.past.told.is_some()) {
            let Some(then) = names.get(&shape.number) else { continue };
            let is_taken = session.shapes.iter().any(|other| same_name(&other.name, &then.name));
            if is_taken || !is_told(&then.name) {
                ended.insert(then.name.clone());
            }
        }
        Some((tables, ended))
    }

    /// Whether a name of a table, or of a column in it, meant another one then, as far as anybody knows.
    pub fn means_otherwise(&self, session: &Session, shape: &Shape) -> Meant {
        let is_it = |name: &str| same_name(name, &shape.name);
        let mut others = session.shapes.iter().chain(&session.former).filter(|other| other.number != shape.number);
        let table = match &self.names {
            Some(names) => names.iter().any(|(number, then)| *number != shape.number && is_it(&then.name)),
            None => others.any(|other| other.past.names.iter().any(|name| is_it(name)) || other.past.gone && is_it(&other.name)),
        };
        let field = |field: FieldNo| {
            let is_it = |name: &str| same_name(name, shape.name_of(field));
            match &self.names {
                Some(names) => {
                    names.get(&shape.number).is_some_and(|then| then.fields.iter().any(|(other, name)| *other != field && is_it(name)))
                }
                None => {
                    let dropped = shape.fields.iter().any(|other| other.dropped && is_it(&other.name));
                    dropped || shape.past.fields.iter().any(|(name, other)| *other != field && is_it(name))
                }
            }
        };
        match (table, shape.live_fields().any(field)) {
            (true, _) => Meant::AnotherTable,
            (false, true) => Meant::AnotherColumn,
            (false, false) => Meant::Same,
        }
    }
}

/// What a table's name, or that of a column in it, meant in an earlier age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Meant {
    /// What it means now.
    Same,
    /// A column of that name was another one.
    AnotherColumn,
    /// The table of that name was another one.
    AnotherTable,
}

/// A schema, in few words: in no order, which copying does not keep, and without what changes with every record.
fn words_of(schema: &SchemaDump) -> String {
    let mut statements: Vec<&str> = schema.statements.iter().map(String::as_str).collect();
    statements.sort_unstable();
    let text = format!("{statements:?} {} {}", schema.user_version, schema.application_id);
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// Whether two schemas are one, but for what changes with every record and for how the file is laid out.
pub(in crate::sync) fn same(a: &SchemaDump, b: &SchemaDump) -> bool {
    words_of(a) == words_of(b)
}

fn noted(session: &Session) -> Result<Option<Ages>> {
    let Some(text) = session.ledger.note(AGES)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|_| SyncError::Bug("noted ages do not read"))
}

fn names(session: &Session) -> Names {
    let fields = |shape: &Shape| shape.live_fields().map(|field| (field, shape.name_of(field).to_owned())).collect();
    let identity = |shape: &Shape| Identity { name: shape.name.clone(), fields: fields(shape), same: BTreeMap::new() };
    session.shapes.iter().map(|shape| (shape.number, identity(shape))).collect()
}

/// Says in the open transaction of the ledger that a told schema comes with the next commit.
pub(super) fn note_coming(session: &Session) -> Result<()> {
    Ok(session.ledger.set_note(CAME, &(session.ledger.commits()? + 1).to_string())?)
}

/// Begins an age where the schema, which tracking has followed, is another one than that of this age.
pub(super) fn note(session: &Session, schema: &SchemaDump) -> Result<()> {
    let before = noted(session)?;
    let (words, names) = (words_of(schema), names(session));
    if before.as_ref().is_some_and(|ages| ages.words == words && ages.names == names) {
        return Ok(());
    }
    let (database, ledger) = (session.database()?, &session.ledger);
    database.begin_write()?;
    let done = ledger.begin().map_err(SyncError::from).and_then(|()| {
        ledger.record();
        let next = ledger.commits()? + 1;
        let came = ledger.note(CAME)?.and_then(|text| text.parse().ok()).unwrap_or(next);
        let mut ages = match before {
            None => Ages { since: next, words, names, ..Ages::default() },
            Some(before) => before.followed_by(came, words, names),
        };
        for shape in &session.shapes {
            ages.columns.insert(shape.number, database.columns_of(&shape.name)?);
        }
        let text = serde_json::to_string(&ages).map_err(|_| SyncError::Bug("ages do not write"))?;
        ledger.set_note(AGES, &text)?;
        ledger.set_note(CAME, "")?;
        apply::note_commit(session)?;
        database.commit(&session.world)?;
        Ok(ledger.commit(&session.world, "commit ledger after an age began")?)
    });
    if done.as_ref().is_err_and(|error| !error.is_crash()) {
        database.rollback()?;
        ledger.rollback()?;
    }
    done
}

impl Ages {
    fn followed_by(mut self, until: u64, words: String, names: Names) -> Self {
        self.columns.clear();
        let mut otherwise: BTreeMap<TableNo, Option<Identity>> =
            names.keys().filter(|number| !self.names.contains_key(number)).map(|number| (*number, None)).collect();
        let before = std::mem::replace(&mut self.names, names);
        otherwise
            .extend(before.into_iter().filter(|(number, is)| self.names.get(number) != Some(is)).map(|(number, is)| (number, Some(is))));
        self.ended.push(Ended { until, words: std::mem::replace(&mut self.words, words), otherwise });
        if self.ended.len() > MOST {
            self.since = self.ended.remove(0).until;
        }
        self
    }

    /// The commit with which this age began.
    fn began(&self) -> u64 {
        self.ended.last().map_or(self.since, |ended| ended.until)
    }
}

/// The columns of a table in the order that they had when its age began; nothing where that is not noted.
pub(super) fn columns(session: &Session, table: TableNo) -> Result<Vec<String>> {
    Ok(noted(session)?.and_then(|mut ages| ages.columns.remove(&table)).unwrap_or_default())
}

/// Of which age the restored database is; none where it is of this one.
pub(in crate::sync) fn former(session: &Session) -> Result<Option<Former>> {
    let Some(ages) = noted(session)? else { return Ok(Some(Former { names: None, words: Vec::new() })) };
    let there = session.database()?.counters()?.map_or(0, |counters| counters.commits.max(counters.generation));
    if there >= ages.began() {
        return Ok(None);
    }
    let since: Vec<&Ended> = ages.ended.iter().filter(|ended| ended.until > there).collect();
    let mut names = ages.names.clone();
    for (number, is) in since.iter().rev().flat_map(|ended| &ended.otherwise) {
        match is {
            Some(is) => names.insert(*number, is.clone()),
            None => names.remove(number),
        };
    }
    let names = Some(names).filter(|_| there >= ages.since);
    Ok(Some(Former { names, words: since.iter().map(|ended| ended.words.clone()).collect() }))
}

/// Says in the open write that the restored database has the schema of this age.
pub(in crate::sync) fn follow(session: &Session) -> Result<()> {
    match noted(session)? {
        Some(ages) => Ok(session.database()?.set_generation(ages.began())?),
        None => Ok(()),
    }
}
