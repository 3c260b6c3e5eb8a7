//! How does a site go on whose database was restored from a backup, while its state was not?
//!
//! The state knows what the database held; the backup does not know what came since. So the restored database is brought forward to the
//! mirror. What somebody did in it after it was put back is an edit and stays one: a note of capture that is younger than anything the state
//! did tells which records those are, and of such a record every value that it never held before stays; so it is, whatever the clocks say, for a
//! record of which nothing was forgotten. Of a field that adds up the difference cannot be told: the record is named. A record that the
//! state never heard of stays too, and one that was made since under a number that another record got after the backup gets the next one, with what
//! was written since and refers to it. Nothing is sent by this; the next round seals and tells what was kept.
//!
//! **Which schema has it?** The counters in it say of which age it is ([`ages`]):
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
//! **States**: restored ([`SyncError::DatabaseRestored`]) → saved (a whole copy of it in the home) → brought forward: ONE transaction of the
//! database, with a commit record for the ledger as every slice has it. **Crash points**: before that commit the site is as
//! it was; after it the next [`Session::open`] replays the record, then compares every table. **Invariant**: what the
//! restored database held is in it, in the mirror's history, or in the saved copy; and what the mirror has of a packet that was applied in part is not
//! applied again.
//!
//! Everything else that stops a site (a restored state, a fork, a restored neighbour) is not mended here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::apply;
use super::history;
use super::numbers::meaning::number_key;
use super::schema::ages::{self, Former, Meant};
use super::schema::{self, SentSchema};
use super::seal;
use super::{Limits, Result, Session, SyncError};
use crate::database::conform::{Inventory, Names, Wish};
use crate::database::{Aside, Database, DatabaseError, NoteKind, Written};
use crate::ledger::{EntryKind, PastValue, Record};
use crate::model::{FieldNo, Identity, JournalNumber, Key, Millis, Row, Shape, TableNo, Value};
use crate::rules::adds_up;
use crate::site::{Home, Role};
use crate::world::World;

/// Note of the tables that became otherwise with the parent's schema, until the database is brought forward.
const RESHAPED: &str = "recovering";
/// Notes read per table.
const NOTES: usize = 1_000_000;

/// Whether it is done or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is written.
    Look,
    /// The database is saved and brought forward.
    Do,
}

/// What was brought forward in one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The table.
    pub table: String,
    /// Records that were missing and are back.
    pub back: u64,
    /// Records that held older values.
    pub forward: u64,
    /// Records that had been deleted since the backup.
    pub removed: u64,
    /// Records, by key, with something in them that nobody has seen yet: it stays, as an edit.
    pub kept: Vec<Key>,
    /// Records with fields that add up and were written to since the database was put back, with what they held: they are as this site knew
    /// them, because nobody can say how much was added.
    pub unsure: Vec<(Key, String)>,
    /// Records that were made since the database was put back, with the numbers that they got in place of those that others have.
    pub renumbered: Vec<(Key, Key)>,
    /// Records that the database refused, with its words; they are as the backup had them, and the next round takes that for an edit.
    pub refused: Vec<(Key, String)>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Tables in which anything differed.
    pub tables: Vec<Brought>,
    /// Where the restored database was saved.
    pub saved: Option<PathBuf>,
    /// What the schema that came from the parent does to the restored database, a sentence each; nothing where it has that. Only once it has
    /// can be said what differs.
    pub schema: Vec<String>,
}

/// Brings a restored database forward. None where there is nothing to mend.
///
/// # Errors
/// What stops the site where it is something else than [`SyncError::DatabaseRestored`]; [`SyncError::OlderSchema`]; else as
/// database and ledger say, and then nothing was done.
pub fn recover(world: World, home: Home, limits: Limits, mode: Mode) -> Result<Option<Recovered>> {
    let mut session = Session::open_unchecked(world, home, limits)?;
    match session.check_age() {
        Ok(()) => return Ok(None),
        Err(SyncError::DatabaseRestored) => {}
        Err(other) => return Err(other),
    }
    let database = session.database()?;
    let saved = match mode {
        Mode::Look => None,
        Mode::Do => {
            let path = session.home.inside().join(format!("restored-{}.db", session.world.now().0));
            session.world.step("save restored database")?;
            database.copy_to(&path)?;
            Some(path)
        }
    };
    let mut followed = follow_parent(&session, mode)?;
    let schema = std::mem::take(&mut followed.schema);
    if !schema.is_empty() {
        if mode == Mode::Look {
            return Ok(Some(Recovered { tables: Vec::new(), saved, schema }));
        }
        // The connection may have stand-ins for what only the application has.
        let Session { world, home, limits, .. } = session;
        session = Session::open_unchecked(world, home, limits)?;
    }
    let database = session.database()?;
    database.begin_write()?;
    let done = session.ledger.begin().map_err(SyncError::from).and_then(|()| {
        let tables = bring_forward(&session, database, &followed)?;
        if mode == Mode::Do {
            write_down(&session, database)?;
            database.commit(&session.world)?;
            session.ledger.commit(&session.world, "commit ledger after recovery")?;
        }
        Ok(tables)
    });
    let crashed = done.as_ref().is_err_and(SyncError::is_crash);
    if !crashed && (done.is_err() || mode == Mode::Look) {
        database.rollback()?;
        session.ledger.rollback()?;
    }
    Ok(Some(Recovered { tables: done?, saved, schema }))
}

fn bring_forward(session: &Session, database: &Database, followed: &Followed) -> Result<Vec<Brought>> {
    let since = session.ledger.last_activity()?;
    database.move_logs(&called_otherwise_since(session, database)?)?;
    let mut noted = BTreeMap::new();
    for shape in &session.shapes {
        noted.insert(shape.number, noted_since(database, shape, since)?);
    }
    let reshaped = noted_reshaped(session)?;
    match arm_and_read(session, database) {
        Err(SyncError::Database(DatabaseError::ShapeMoved { table })) => return Err(SyncError::OlderSchema { table: Some(table) }),
        armed => armed?,
    }
    database.silence_application_triggers(&session.shapes, &session.rules)?;
    let mut moved = Moved::new();
    session.shapes.iter().try_for_each(|shape| move_apart(session, database, shape, &noted[&shape.number], &mut moved))?;
    let mut tables = Vec::new();
    for shape in &session.shapes {
        let mut found = differing(session, database, shape)?;
        let noted = &noted[&shape.number];
        for row in found.iter_mut().filter(|one| noted.edited.contains(&one.key)).filter_map(|one| one.row.as_mut()) {
            let with = &mut |table, number| moved.get(&(table, number)).copied().unwrap_or(number);
            let fields: Vec<_> = shape.numbers.iter().filter_map(|field| Some((field.field, field.replaced(row, with)?))).collect();
            fields.into_iter().for_each(|(field, value)| row.set(field, value));
        }
        let because = match reshaped.get(&shape.number) {
            _ if followed.ambiguous.contains(&shape.number) => Because::Ambiguous,
            Some(made) => Because::Reshaped(made),
            None => Because::Older,
        };
        let brought = bring_table(session, database, shape, &found, noted, &moved, because)?;
        if brought != (Brought { table: shape.name.clone(), ..Brought::default() }) {
            tables.push(brought);
        }
    }
    Ok(tables)
}

/// Names that tables had in the age of the backup, with those that somebody gave them since it was put back: our triggers went along.
fn called_otherwise_since(session: &Session, database: &Database) -> Result<Vec<(String, String)>> {
    let Some(former) = ages::former(session)? else { return Ok(Vec::new()) };
    let mut moved = Vec::new();
    for then in session.shapes.iter().filter_map(|shape| former.shape(shape)) {
        moved.extend(database.captured(&then)?.filter(|now| *now != then.name).map(|now| (then.name, now)));
    }
    Ok(moved)
}

/// Why a record differs of which nothing was noted since the database was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because<'r> {
    /// It is older; or somebody edited it where a clock is behind.
    Older,
    /// Its table became otherwise, with these fields of which nobody wrote what is in them.
    Reshaped(&'r BTreeSet<FieldNo>),
    /// It may be another table's, or a value another column's.
    Ambiguous,
}

/// Tables that became otherwise with the schema, each with the fields of which nobody wrote what is in them.
type Reshaped = BTreeMap<TableNo, BTreeSet<FieldNo>>;

fn noted_reshaped(session: &Session) -> Result<Reshaped> {
    let Some(text) = session.ledger.note(RESHAPED)?.filter(|text| !text.is_empty()) else { return Ok(Reshaped::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("noted tables do not read"))
}

/// What came of the schema.
#[derive(Default)]
struct Followed {
    /// The tables that became otherwise.
    reshaped: Reshaped,
    /// The tables of which nobody can tell whether their names mean what they mean now.
    ambiguous: BTreeSet<TableNo>,
    /// What was done, a sentence each; nothing where the database stays as it is.
    schema: Vec<String>,
}

/// Gives the database the schema that the parent told last, where it has an older one.
fn follow_parent(session: &Session, mode: Mode) -> Result<Followed> {
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
fn arm_and_read(session: &Session, database: &Database) -> Result<()> {
    database.arm(&session.world, &session.shapes, &session.ledger.pair()?)?;
    session.shapes.iter().try_for_each(|shape| Ok(database.scan(shape, None, 1, &mut |_, _| {}).map(drop)?))
}

/// As [`follow_parent`], in the open write; with the indexes that records are in the way of.
fn have_told(session: &Session, database: &Database) -> Result<(Followed, Vec<String>)> {
    let former = ages::former(session)?;
    database.begin_attempt()?;
    let armed = arm_and_read(session, database);
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

/// The tables of a database whose schema is right by its text, of which nobody can tell whether it is by its meaning.
fn ambiguous(session: &Session, database: &Database, former: &Former) -> Result<BTreeSet<TableNo>> {
    let since = session.ledger.last_activity()?;
    let mut all = BTreeSet::new();
    for shape in &session.shapes {
        let meant = former.means_otherwise(session, shape);
        // Whoever made it anew, or gave it the name, took our triggers away.
        if meant == Meant::AnotherTable
            && noted_since(database, shape, since)? != Noted::default()
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
    let since = session.ledger.last_activity()?;
    let all_noted = || -> Result<Vec<Noted>> { session.shapes.iter().map(|shape| noted_since(database, shape, since)).collect() };
    let noted = all_noted()?;
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

fn same(a: &str, b: &str) -> bool {
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

/// What a restored table's log tells of the time after it was put back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Noted {
    /// Keys noted after everything that the state knows of.
    edited: BTreeSet<Key>,
    /// Those of them under which a record came.
    made: BTreeSet<Key>,
    /// Keys of records that went, nobody knows when.
    went: BTreeSet<Key>,
}

fn noted_since(database: &Database, shape: &Shape, since: Millis) -> Result<Noted> {
    let mut noted = Noted::default();
    if !database.has_log(shape)? {
        return Ok(noted);
    }
    // A record's end is noted without a time; it is of the time of what was noted before, or of a later one.
    let mut time = since;
    for note in database.notes(shape, 0, NOTES)? {
        time = note.time.unwrap_or(time);
        let Ok(key) = note.key else { continue };
        if time > since {
            if note.kind == NoteKind::Insert {
                noted.made.insert(key.clone());
            }
            noted.edited.insert(key);
        } else if note.kind == NoteKind::Delete {
            noted.went.insert(key);
        }
    }
    Ok(noted)
}

/// Numbers of records that were made since the database was put back, and that others got since the backup: with the next ones.
type Moved = BTreeMap<(TableNo, i64), i64>;

fn move_apart(session: &Session, database: &Database, shape: &Shape, noted: &Noted, moved: &mut Moved) -> Result<()> {
    if shape.identity() != Identity::Birth || shape.number_field().is_none() {
        return Ok(());
    }
    let (mut next, mut buffer) = (None, Vec::new());
    for key in &noted.made {
        buffer.clear();
        let record = session.load_at(shape, key)?;
        let (Some(number), Some(_), true) = (key.as_integer(), &record.current, database.read(shape, key, &mut buffer)?) else { continue };
        let mut meant = Row::decode(&buffer).map_err(damaged)?;
        session.mean(shape, &mut meant)?;
        // A program may write a record by putting a new one in its place: then it holds most of what it held.
        let states = states(session, &record)?;
        let filled =
            || shape.live_fields().filter(|field| !shape.is_key(*field) && !matches!(meant.get(*field), Value::Null | Value::Absent));
        let known = filled().filter(|field| states.iter().any(|state| state.get(*field) == meant.get(*field))).count();
        if known * 2 > filled().count() || record.current.is_some_and(|image| image.row == meant) {
            continue;
        }
        let free = match next {
            Some(last) => last + 1,
            None => session.next_number(shape)?,
        };
        next = Some(free);
        moved.insert((shape.number, number), free);
    }
    Ok(())
}

/// What a record held here, as far as that is remembered.
fn states(session: &Session, record: &Record) -> Result<Vec<Row>> {
    let mut states: Vec<Row> = record.current.iter().map(|image| image.row.clone()).collect();
    let mut image = record.current.clone();
    for entry in session.ledger.chain(record, JournalNumber(0))? {
        image = entry.kind.undo(image);
        if let (Some(image), false) = (&image, matches!(entry.kind, EntryKind::Rename(_))) {
            states.push(image.row.clone());
        }
    }
    Ok(states)
}

/// A record that is not what the mirror holds.
struct Differing {
    key: Key,
    /// As the backup has it.
    row: Option<Row>,
}

fn damaged<E>(_: E) -> SyncError {
    SyncError::Bug("a row that was just read does not decode")
}

fn differing(session: &Session, database: &Database, shape: &Shape) -> Result<Vec<Differing>> {
    const CHUNK: usize = 2_000;
    let mut found = Vec::new();
    let mut after: Option<Key> = None;
    loop {
        let mut rows = Vec::new();
        database.scan(shape, after.as_ref(), CHUNK, &mut |key, row| rows.push((key, row.to_vec())))?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.clone());
        for (key, row) in rows {
            if !session.ledger.peek(shape, &key, |mirror| mirror == Some(row.as_slice()))? {
                found.push(Differing { key, row: Some(Row::decode(&row).map_err(damaged)?) });
            }
        }
    }
    let mut after: Option<Key> = None;
    let mut buffer = Vec::new();
    loop {
        let keys = session.ledger.places(shape, after.as_ref(), CHUNK)?;
        let Some(last) = keys.last().cloned() else { break };
        for key in keys {
            buffer.clear();
            if !database.read(shape, &key, &mut buffer)? {
                found.push(Differing { key, row: None });
            }
        }
        after = Some(last);
    }
    Ok(found)
}

fn bring_table(
    session: &Session,
    database: &Database,
    shape: &Shape,
    found: &[Differing],
    noted: &Noted,
    moved: &Moved,
    because: Because<'_>,
) -> Result<Brought> {
    let mut brought = Brought { table: shape.name.clone(), ..Brought::default() };
    let mut wanted: Vec<(Key, Row, Aside)> = Vec::new();
    // All that differ go first: values that no two records share may have changed places.
    for differing in found {
        let number = differing.key.as_integer().and_then(|number| moved.get(&(shape.number, number)).copied());
        if let (Some(number), Some(own), Some(row), Some(current)) =
            (number, shape.number_field(), &differing.row, session.load_at(shape, &differing.key)?.current)
        {
            let aside = database.aside(shape, &differing.key)?;
            database.delete(shape, &differing.key)?;
            let mut row = row.clone();
            row.set(own, Value::Integer(number));
            let key = number_key(number);
            brought.renumbered.push((differing.key.clone(), key.clone()));
            wanted.push((key, row, aside));
            brought.back += 1;
            wanted.push((differing.key.clone(), session.numbered(shape, &current.row)?, Aside::new()));
            continue;
        }
        let target = target(session, shape, differing, noted, because)?;
        match (&differing.row, &target.row) {
            (Some(there), Some(row)) if there == row => {}
            (None, Some(_)) => brought.back += 1,
            (Some(_), None) => brought.removed += 1,
            (Some(_), Some(_)) => brought.forward += 1,
            (None, None) => {}
        }
        if target.kept {
            brought.kept.push(differing.key.clone());
        }
        if !target.unsure.is_empty() {
            brought.unsure.push((differing.key.clone(), target.unsure));
        }
        let mut aside = Aside::new();
        if differing.row.is_some() && target.row != differing.row {
            aside = database.aside(shape, &differing.key)?;
            database.delete(shape, &differing.key)?;
        }
        if let Some(row) = target.row
            && Some(&row) != differing.row.as_ref()
        {
            wanted.push((differing.key.clone(), row, aside));
        }
    }
    for (key, row, aside) in wanted {
        if let Written::Refused(refusal) = database.insert(shape, &row)? {
            brought.refused.push((key.clone(), refusal.to_string()));
            let before = found.iter().find(|one| one.key == key).and_then(|one| one.row.as_ref());
            before.map_or(Ok(Written::Missing), |before| database.insert(shape, before))?;
        }
        if let Err(refusal) = database.put_aside(shape, &key, &aside)? {
            brought.refused.push((key.clone(), refusal));
        }
    }
    Ok(brought)
}

struct Target {
    row: Option<Row>,
    /// Something of the backup stays.
    kept: bool,
    /// Fields that add up, with what they held: something was added since the database was put back, and it is not known how much.
    unsure: String,
}

impl Target {
    const fn of(row: Option<Row>) -> Self {
        Self { row, kept: false, unsure: String::new() }
    }
}

/// What a record is to be: the mirror's, except what was done to it since the database was put back.
fn target(session: &Session, shape: &Shape, differing: &Differing, noted: &Noted, because: Because<'_>) -> Result<Target> {
    let record = session.load_at(shape, &differing.key)?;
    let edited = noted.edited.contains(&differing.key);
    let mirror = record.current.as_ref().map(|image| session.numbered(shape, &image.row)).transpose()?;
    let Some(there) = &differing.row else {
        // Deleted since it was put back; or inserted since the backup, and then it comes back.
        let is_new = || Ok::<_, SyncError>(edited || noted.went.contains(&differing.key) && never_ended(session, &record)?);
        let kept = mirror.is_some() && is_new()?;
        return Ok(Target { kept, ..Target::of(if kept { None } else { mirror }) });
    };
    if record.id.is_none() {
        // A handed-out number that a record gave up since the backup, by ending or for another number, comes back by itself only
        // where somebody wrote under it.
        let gave_up = match differing.key.as_integer() {
            Some(number) if shape.number_field().is_some() => !session.ledger.formerly(shape.number, number)?.is_empty(),
            Some(_) | None => false,
        };
        let kept = edited || !gave_up && because != Because::Ambiguous;
        return Ok(Target { kept, ..Target::of(kept.then(|| there.clone())) });
    }
    // Where everything is remembered that the record ever held, no clock need tell what is new.
    if !edited && (because != Because::Older || history::is_cut(session, &record)?) {
        return Ok(Target::of(mirror));
    }
    let mut meant = there.clone();
    session.mean(shape, &mut meant)?;
    let states = states(session, &record)?;
    let past = session.ledger.past_values(&record)?;
    let mut new = Vec::new();
    let is_made = |field: &FieldNo| matches!(because, Because::Reshaped(made) if made.contains(field));
    for field in shape.live_fields().filter(|field| !is_made(field)) {
        let value = meant.get(field);
        let went = |past: &PastValue| same(shape.name_of(past.field), shape.name_of(field)) && past.value == *value;
        let mut known = states.iter().any(|state| state.get(field) == value) || past.iter().any(went);
        for state in states.iter().filter(|_| because != Because::Older) {
            known = known || session.database()?.stores_as(shape, field, state.get(field), value)?;
        }
        new.extend((!known).then_some(field));
    }
    // How much was added since nobody can say: what the backup held is not known.
    let is_sum = |field: &FieldNo| mirror.is_some() && adds_up(session.criteria(shape.number, *field));
    let (sums, new): (Vec<FieldNo>, Vec<FieldNo>) = new.into_iter().partition(is_sum);
    let unsure = sums.iter().map(|field| format!("`{}` was {}", shape.name_of(*field), there.get(*field))).collect::<Vec<_>>().join(", ");
    if new.is_empty() {
        return Ok(Target { unsure, ..Target::of(mirror) });
    }
    let mut row = mirror.unwrap_or_else(|| there.clone());
    new.iter().for_each(|field| row.set(*field, there.get(*field).clone()));
    Ok(Target { row: Some(row), kept: true, unsure })
}

/// Whether a record never ended since it came to be: then a note that it went is of after the backup.
fn never_ended(session: &Session, record: &Record) -> Result<bool> {
    let ends = |kind: &EntryKind| matches!(kind, EntryKind::Delete(_) | EntryKind::Replace(_));
    Ok(!history::is_cut(session, record)? && session.ledger.chain(record, JournalNumber(0))?.iter().all(|entry| !ends(&entry.kind)))
}

/// Says in both files that they are of one state again, and that every table is to be compared.
fn write_down(session: &Session, database: &Database) -> Result<()> {
    let ledger = &session.ledger;
    ledger.record();
    session.note_all_due()?;
    if !noted_reshaped(session)?.is_empty() {
        ledger.set_note(RESHAPED, "")?;
    }
    for shape in &session.shapes {
        database.raise_log(shape, ledger.sealed(shape.number)?)?;
        // What bringing forward left in the log is no edit; comparing finds what was kept.
        seal::sealed_up_to(session, shape, database.last_note(shape)?)?;
    }
    for neighbour in ledger.neighbours()? {
        let name = neighbour.card.name.clone();
        if let Some(applied) = apply::applied_by_ledger(session, neighbour)? {
            database.set_applied(&name, &applied)?;
        }
    }
    apply::note_commit(session)
}
