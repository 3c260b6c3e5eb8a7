//! Which schema has a restored database, and how does it get the one it is to have?
//!
//! The counters in it say of which age it is ([`ages`]):
//!
//! | of | schema of the parent | its own (the main office; `travels = false`) |
//! |---|---|---|
//! | this age | as it is | as it is |
//! | an earlier one, as it was put back; or all names are there and mean what they meant | gets the parent's, by the names that its tables and columns had then | refused, where the text is one of an earlier schema: its application makes it the last one |
//! | an earlier one, changed since | gets it by names and former names; refused, where a name meant another table or column | as it is |
//! | one that is unknown | likewise | refused at the main office, where the text is not that of its last version |
//!
//! The parent's comes in a commit of its own: no application at this site knows it. Where the text is right and a name meant another table
//! or column then, the text does not tell whether it means the right one by now: only what was noted since is an edit there, and is refused in
//! a table on which our triggers still are as they were then. In a table that became otherwise likewise only what was noted since is an edit: all
//! else differs because of that. What is refused is refused with [`SyncError::OlderSchema`] and nothing is done.
//!
//! **Invariant**: nothing is written but in the one commit that gives the database the told schema; whoever dies before finds it as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::Mode;
use super::then::Noted;
use crate::database::conform::{Inventory, Names, Wish};
use crate::database::{Database, DatabaseError};
use crate::model::{FieldNo, LIBRARY, Shape, TableNo};
use crate::site::Role;
use crate::sync::schema::ages::{self, Former, Meant};
use crate::sync::schema::{self, SentSchema};
use crate::sync::{Result, Session, SyncError};

/// Note of the tables that became otherwise with the parent's schema, until the database is brought forward.
pub(super) const RESHAPED: &str = "recovering";

/// Names that tables had in the age of the backup, with those that somebody gave them since it was put back: our triggers went along.
pub(super) fn called_otherwise_since(session: &Session, database: &Database) -> Result<Vec<(String, String)>> {
    let Some(former) = ages::former(session)? else { return Ok(Vec::new()) };
    let mut moved = Vec::new();
    for then in session.shapes.iter().filter_map(|shape| former.shape(shape)) {
        moved.extend(database.captured(&then)?.filter(|now| *now != then.name).map(|now| (then.name, now)));
    }
    Ok(moved)
}
/// Tables that became otherwise with the schema, each with the fields of which nobody wrote what is in them.
pub(super) type Reshaped = BTreeMap<TableNo, BTreeSet<FieldNo>>;

pub(super) fn noted_reshaped(session: &Session) -> Result<Reshaped> {
    let Some(text) = session.ledger.note(RESHAPED)?.filter(|text| !text.is_empty()) else { return Ok(Reshaped::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("noted tables do not read"))
}

/// What came of the schema.
#[derive(Default)]
pub(super) struct Followed {
    /// The tables that became otherwise.
    pub reshaped: Reshaped,
    /// The tables of which nobody can tell whether their names mean what they mean now.
    pub ambiguous: BTreeSet<TableNo>,
    /// What was done, a sentence each; nothing where the database stays as it is.
    pub schema: Vec<String>,
}

/// Gives the database the schema that the parent told last, where it has an older one.
pub(super) fn follow_parent(session: &Session, mode: Mode) -> Result<Followed> {
    let database = session.database()?;
    database.begin_write()?;
    let done = have_told(session, database);
    let done = match done {
        Ok((followed, late)) if mode == Mode::Do && !followed.schema.is_empty() => {
            let mut all = noted_reshaped(session)?;
            followed.reshaped.iter().for_each(|(table, made)| all.entry(*table).or_default().extend(made));
            let text = serde_json::to_string(&all).map_err(|_| SyncError::Bug("tables do not write"))?;
            let noted = session.set_note(RESHAPED, &text).and_then(|()| schema::note_late(session, &late));
            noted.and_then(|()| ages::follow(session)).and_then(|()| Ok(database.commit(&session.world)?)).map(|()| followed)
        }
        Ok((followed, _)) => database.rollback().map(|()| followed).map_err(SyncError::from),
        Err(error) => Err(error),
    };
    if done.as_ref().is_err_and(|error| !error.is_crash()) {
        database.rollback()?;
    }
    done
}

/// Puts capture in order, which names only keys, and looks whether everything else can be read as well.
pub(super) fn arm_and_read(session: &Session, database: &Database) -> Result<()> {
    database.arm(&session.world, &session.shapes, &session.ledger.pair()?)?;
    session.shapes.iter().try_for_each(|shape| Ok(database.scan(shape, None, 1, &mut |_, _| {}).map(drop)?))
}

/// Has the database a list of documents where this site has a library, and none where it has none: no application makes it, and with a list of before
/// this site alone would have a library again.
pub(super) fn have_library(session: &Session, database: &Database) -> Result<()> {
    match (session.has_library(), database.has_library()?) {
        (true, false) => Ok(database.make_library(&session.world)?),
        (false, true) => Ok(database.drop_library(&session.world)?),
        (true, true) | (false, false) => Ok(()),
    }
}

/// As [`follow_parent`], in the open write; with the indexes that records are in the way of.
fn have_told(session: &Session, database: &Database) -> Result<(Followed, Vec<String>)> {
    let former = ages::former(session)?;
    database.begin_attempt()?;
    let armed = have_library(session, database).and_then(|()| arm_and_read(session, database));
    database.undo_attempt()?;
    let otherwise = match armed {
        Ok(()) => None,
        Err(SyncError::Database(DatabaseError::ShapeMoved { table })) => Some(table),
        Err(error) => return Err(error),
    };
    let follows = session.settings.role != Role::Host && session.rules.schema_travels();
    let told = schema::told(session)?;
    match (former, otherwise, told) {
        (None, None, _) => Ok(Default::default()),
        (former, otherwise, Some(told)) if follows => conform(session, database, former.as_ref(), otherwise, &told),
        (_, table @ Some(_), _) => Err(SyncError::OlderSchema { table }),
        (Some(former), None, told) => {
            let schema = database.dump_schema()?;
            let is_host = session.settings.role == Role::Host;
            let is_other = is_host && former.names.is_none() && told.is_some_and(|told| !ages::same(&told.schema, &schema));
            if is_other || former.had(session, &schema)? {
                return Err(SyncError::OlderSchema { table: None });
            }
            Ok((Followed { ambiguous: ambiguous(session, database, &former)?, ..Followed::default() }, Vec::new()))
        }
    }
}

/// The fields that the tables had in the age of the backup, where that is not this age; none where it is unknown.
pub(super) fn former_fields(session: &Session) -> Result<Option<BTreeMap<TableNo, BTreeSet<FieldNo>>>> {
    let Some(former) = ages::former(session)? else { return Ok(Some(BTreeMap::new())) };
    Ok(former.names.map(|names| names.into_iter().map(|(table, then)| (table, then.fields.into_keys().collect())).collect()))
}

/// Whether the table that had a table's name then named its records by other columns: what is noted under that name is of those.
pub(super) fn had_another_key(session: &Session, shape: &Shape) -> Result<bool> {
    let Some(former) = ages::former(session)? else { return Ok(false) };
    let key: Vec<&str> = shape.key.iter().map(|field| shape.name_of(*field)).collect();
    let is_another = |other: &Shape| {
        let then = former.shape(other);
        let (named, of) = match (&former.names, &then) {
            (Some(_), None) => (false, other),
            (Some(_), Some(then)) => (same(&then.name, &shape.name), then),
            (None, _) => {
                let formerly = other.past.names.iter().any(|name| same(name, &shape.name));
                (formerly || other.past.gone && same(&other.name, &shape.name), other)
            }
        };
        let is_like = |(field, name): (&FieldNo, &&str)| same(of.name_of(*field), name);
        named && (of.key.len() != key.len() || !of.key.iter().zip(&key).all(is_like))
    };
    Ok(session.shapes.iter().chain(&session.former).filter(|other| other.number != shape.number).any(is_another))
}

/// The tables of a database whose schema is right by its text, of which nobody can tell whether it is by its meaning.
fn ambiguous(session: &Session, database: &Database, former: &Former) -> Result<BTreeSet<TableNo>> {
    let mut all = BTreeSet::new();
    for shape in session.shapes.iter().filter(|shape| shape.name != LIBRARY) {
        let meant = former.means_otherwise(session, shape);
        // Whoever made it anew, or gave it the name, took our triggers away.
        if meant == Meant::AnotherTable
            && Noted::read(session, database, shape)?.tells_of_since()
            && database.captured(shape)?.is_some_and(|on| same(&on, &shape.name))
        {
            return Err(SyncError::OlderSchema { table: Some(shape.name.clone()) });
        }
        if meant != Meant::Same {
            all.insert(shape.number);
        }
    }
    Ok(all)
}

/// Whether nobody changed the schema of a restored database since it was put back.
fn is_untouched(session: &Session, database: &Database, former: &Former) -> Result<bool> {
    let then: Vec<Shape> = session.shapes.iter().chain(&session.former).filter_map(|shape| former.shape(shape)).collect();
    Ok(former.is(&database.dump_schema()?) && database.disarmed(&then)?.is_empty())
}

/// Gives the database the told schema, in the open write. `otherwise` is a table that cannot be read.
fn conform(
    session: &Session,
    database: &Database,
    former: Option<&Former>,
    otherwise: Option<String>,
    told: &SentSchema,
) -> Result<(Followed, Vec<String>)> {
    let older = || SyncError::OlderSchema { table: otherwise.clone() };
    let (there, here) = (Inventory::of(&told.schema)?, database.inventory()?);
    let called = match former {
        Some(former) if former.goes_by_name(session, &here) || is_untouched(session, database, former)? => former.called(session, &there),
        Some(_) | None => by_former_names(session, &there, &here),
    };
    let wish = Wish { schema: &told.schema, before: Some(&told.schema), tables: BTreeMap::new(), ended: BTreeSet::new() };
    let Some((tables, ended)) = called else {
        let fits = otherwise.is_none() && database.plan_to(&wish)?.is_ok_and(|plan| plan.is_empty());
        let former = former.filter(|_| fits).ok_or_else(older)?;
        return Ok((Followed { ambiguous: ambiguous(session, database, former)?, ..Followed::default() }, Vec::new()));
    };
    let Ok(done) = database.conform(&Wish { tables, ended, ..wish })? else { return Err(older()) };
    if done.plan.is_empty() {
        return Ok(Default::default());
    }
    let mut moved: Vec<(String, String)> =
        done.changed().filter(|(from, to)| from != to).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    // What was noted of one that went is nobody's who has its name now.
    moved.extend(done.dropped().map(|table| (table.to_owned(), format!("{table} went"))));
    database.move_logs(&moved)?;
    let all_noted = || -> Result<Vec<Noted>> { session.shapes.iter().map(|shape| Noted::read(session, database, shape)).collect() };
    let noted = all_noted()?;
    have_library(session, database)?;
    match database.arm(&session.world, &session.shapes, &session.ledger.pair()?) {
        Err(DatabaseError::ShapeMoved { .. }) => return Err(older()),
        armed => armed?,
    }
    // A log that was made anew, for another key, does not tell any more what was edited.
    if all_noted()? != noted {
        return Err(older());
    }
    let mut reshaped = Reshaped::new();
    for (from, name) in done.changed() {
        let Some(shape) = session.shapes.iter().find(|shape| same(&shape.name, name)) else { continue };
        let (_, _, made) = done.columns(from);
        reshaped.insert(shape.number, made.iter().filter_map(|column| shape.field(column)).collect());
    }
    Ok((Followed { reshaped, schema: done.plan.sentences(), ..Followed::default() }, done.late))
}

pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Which table and column of an older database is which told one, and which of its tables went since. None where a name meant another one then.
fn by_former_names(session: &Session, there: &Inventory, here: &Inventory) -> Option<(BTreeMap<String, Names>, BTreeSet<String>)> {
    let is_there = |name: &str| there.table_names().any(|table| same(table, name));
    let is_here = |name: &str| here.table_names().any(|table| same(table, name));
    let is_former = |shape: &Shape, name: &str| shape.past.names.iter().any(|former| same(former, name));
    let mut tables = BTreeMap::new();
    for shape in session.shapes.iter().filter(|shape| is_there(&shape.name)) {
        let mut others = session.shapes.iter().chain(&session.former).filter(|other| other.number != shape.number);
        if others.any(|other| is_former(other, &shape.name) || (other.past.gone && same(&other.name, &shape.name))) {
            return None;
        }
        let former = || shape.past.names.iter().find(|name| is_here(name) && !is_there(name)).map(String::as_str);
        let Some(table) = Some(shape.name.as_str()).filter(|name| is_here(name)).or_else(former) else { continue };
        let has = |name: &str| here.columns(table).any(|column| same(column, name));
        let mut names = Names { here: table.to_owned(), ..Names::default() };
        for field in shape.live_fields() {
            let name = shape.name_of(field);
            let is_other = |(former, other): (&String, &FieldNo)| *other != field && same(former, name);
            if shape.past.fields.iter().any(is_other) || shape.fields.iter().any(|other| other.dropped && same(&other.name, name)) {
                return None;
            }
            let live = |name: &str| shape.live_fields().any(|field| same(shape.name_of(field), name));
            let former = || {
                shape.past.fields.iter().find(|(former, of)| **of == field && has(former) && !live(former)).map(|(name, _)| name.as_str())
            };
            let told = there.columns(&shape.name).any(|column| same(column, name));
            if let Some(column) = Some(name).filter(|name| has(name)).or_else(former).filter(|_| told) {
                names.columns.insert(name.to_owned(), column.to_owned());
            }
        }
        let dropped = shape.fields.iter().filter(|field| field.dropped && has(&field.name));
        let is_used = |name: &str| names.columns.values().any(|used| same(used, name));
        let ended: BTreeSet<String> = dropped.map(|field| field.name.clone()).filter(|name| !is_used(name)).collect();
        if ended.iter().any(|name| there.columns(&shape.name).any(|told| same(told, name))) {
            return None;
        }
        names.ended = ended;
        tables.insert(shape.name.clone(), names);
    }
    let went = session.former.iter().filter(|shape| shape.past.told.is_some() && is_here(&shape.name) && !is_there(&shape.name));
    let is_used = |name: &str| tables.values().any(|names| same(&names.here, name));
    let ended = went.map(|shape| shape.name.clone()).filter(|name| !is_used(name)).collect();
    Some((tables, ended))
}
