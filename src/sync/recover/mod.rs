//! How does a site go on whose database was restored from a backup, while its state was not?
//!
//! The state knows what the database held; the backup does not know what came since. So the restored database is brought forward to the
//! mirror. What somebody did in it after it was put back is an edit and stays one.
//!
//! | module | answers |
//! |---|---|
//! | `schema` | which schema has it, and how does it get the one it is to have? |
//! | `then` | what did the state know when the backup was made: whose row was which, and what was in it? |
//! | `forward` | what becomes of each record? |
//! | `typed` | which fields of it were typed since it was put back? |
//! | `referring` | what becomes of what refers to one? |
//!
//! A log that the former database left beside the backup makes a mixture of the two; when it is opened first it is made what the file of the backup
//! alone said. What only that log had is saved and named ([`note_left`]).
//!
//! **States**: restored ([`SyncError::DatabaseRestored`]) → saved (a whole copy of it in the home) → brought forward: ONE transaction of the
//! database, with a commit record for the ledger as every slice has it. **Crash points**: before that commit the site is as
//! it was; after it [`Session::open`], this command's or the next one's, replays the record, then compares every table. **Invariant**: what the
//! restored database held is in it, in the mirror's history, or in the saved copy; and what the mirror has of a packet that was applied in part is not
//! applied again. Nothing is sent by this; the next round tells what was kept.
//!
//! Everything else that stops a site (a restored state, a fork, a restored neighbour) is not mended here.

mod forward;
mod referring;
mod schema;
mod then;
mod typed;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::forward::{Back, Because};
use self::schema::{Followed, RESHAPED};
use self::then::{Noted, Then};
use super::apply;
use super::noticed::note_taken_up;
use super::numbers::meaning::number_key;
use super::report::Waiting;
use super::seal;
use super::session::IN_FILE;
use super::{Limits, Result, Session, SyncError};
use crate::database::{Capture, Database, DatabaseError};
use crate::ledger::{Cause, CauseKind, EntryKind};
use crate::model::{Key, Shape, TableNo, Value};
use crate::site::Home;
use crate::world::World;

/// Whether it is done or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is written.
    Look,
    /// The database is saved and brought forward.
    Do,
}

/// Records compared at a stretch.
const CHUNK: usize = 2_000;

/// The note of what was done, until somebody was told.
const UNSAID: &str = "recovered";

/// The note of what only the log of a former database had, until that is said or the newest database is back.
const LEFT: &str = "left in a log";

/// What was brought forward in one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Records that were made since the database was put back, or ended since the backup and were edited or referred to, with the numbers that
    /// they got in place of those that others have by now.
    pub renumbered: Vec<(Key, Key)>,
    /// Records of which somebody is to hear what became of them, with that.
    pub listed: Vec<(Key, String)>,
    /// Records that the database refuses, with its words: then nothing is done. What is not as the mirror has it would go out as an edit.
    pub refused: Vec<(Key, String)>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// Tables in which anything differed.
    pub tables: Vec<Brought>,
    /// Whether it was brought forward.
    pub done: bool,
    /// Where the restored database was saved; none where nothing was done to it.
    pub saved: Option<PathBuf>,
    /// What the schema that came from the parent does to the restored database, a sentence each; nothing where it has that. Only once it has
    /// can be said what differs.
    pub schema: Vec<String>,
}

/// Brings a restored database forward. None where there is nothing to mend. What is done is kept until [`said`]: a run that dies before it told
/// anybody is told of by the next one.
///
/// # Errors
/// What stops the site where it is something else than [`SyncError::DatabaseRestored`]; [`SyncError::OlderSchema`]; else as
/// database and ledger say, and then nothing was done.
pub fn recover(world: World, home: Home, limits: Limits, mode: Mode) -> Result<Option<Recovered>> {
    let session = Session::open_unchecked(world, home, limits)?;
    match session.check_age() {
        Ok(()) => return unsaid(&session),
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
    let mut schema = Vec::new();
    let done = bring(session, mode, &mut schema, saved.as_ref());
    // The copy is of use where something was done to the database.
    let is_idle = schema.is_empty() && done.as_ref().map_or_else(|error| !error.is_crash(), |(_, is_done)| !is_done);
    let saved = match saved {
        Some(path) if is_idle => fs_err::remove_file(path).map(|()| None)?,
        saved => saved,
    };
    let (tables, done) = done?;
    Ok(Some(Recovered { tables, done, saved, schema }))
}

/// What was done by a run that died before it told anybody.
fn unsaid(session: &Session) -> Result<Option<Recovered>> {
    let noted = session.ledger.note(UNSAID)?.filter(|noted| !noted.is_empty());
    let read = |noted: String| serde_json::from_str(&noted).map_err(|_| SyncError::Bug("the note of what was recovered does not read"));
    noted.map(read).transpose()
}

/// Whoever asked was told what was done.
///
/// # Errors
/// As the ledger says.
pub fn said(session: &Session) -> Result<()> {
    match session.ledger.note(UNSAID)? {
        Some(noted) if !noted.is_empty() => session.set_note(UNSAID, ""),
        Some(_) | None => Ok(()),
    }
}

/// What a person is to ask for, where a run died before it told anybody what it did.
///
/// # Errors
/// As the ledger says.
pub fn untold(session: &Session) -> Result<Option<Waiting>> {
    let why = "it was brought forward by a run that was cut off before it said what became of which record; 'fieldpost recover' says it";
    let waiting =
        |_| Waiting { neighbour: None, what: "the restored database".into(), why: why.into(), retried: false, unreachable: false };
    Ok(unsaid(session)?.map(waiting))
}

/// Saves and notes what a mixture holds that neither the file alone does nor the mirror: it was written in the former database and not sealed, or in the
/// mixture before it was noticed.
pub(super) fn note_left(session: &Session, file: &Database) -> Result<()> {
    let mixture = Database::look(&session.database_path(), session.limits.lock_wait)?;
    let saved = session.home.inside().join(format!("mixed-{}.db", session.world.now().0));
    let mut left = Vec::new();
    for shape in &session.shapes {
        let listed = match left_in_table(session, file, &mixture, shape) {
            Ok(listed) => listed.into_iter().map(|(key, what)| (key, format!("was {what} in"))).collect(),
            // Pages of two databases need make none.
            Err(error) if error.is_crash() => return Err(error),
            Err(_) => Key::new([]).map(|whole| vec![(whole, "cannot be compared with what was in".to_owned())]).unwrap_or_default(),
        };
        let words =
            |what| format!("{what} the log of the former database, which lay beside the backup: it is so in {} only", saved.display());
        let listed: Vec<(Key, String)> = listed.into_iter().map(|(key, what)| (key, words(what))).collect();
        if !listed.is_empty() {
            left.push(Brought { table: shape.name.clone(), listed, ..Brought::default() });
        }
    }
    if left.is_empty() {
        return forget_left(session);
    }
    session.world.step("save mixed database")?;
    mixture.copy_to(&saved)?;
    session.set_note(LEFT, &serde_json::to_string(&left).map_err(|_| SyncError::Bug("what was left is not written"))?)
}

fn left_in_table(session: &Session, file: &Database, mixture: &Database, shape: &Shape) -> Result<Vec<(Key, &'static str)>> {
    let mut left = Vec::new();
    each_row(mixture, shape, &mut |key, row| {
        let mut in_file = Vec::new();
        let is_in_file = file.read(shape, &key, &mut in_file)? && in_file == row;
        if !is_in_file && session.ledger.peek(shape, &key, |mirror| mirror != Some(row))? {
            left.push((key, "written"));
        }
        Ok(())
    })?;
    each_row(file, shape, &mut |key, _| {
        if !mixture.read(shape, &key, &mut Vec::new())? && session.ledger.peek(shape, &key, |mirror| mirror.is_some())? {
            left.push((key, "deleted"));
        }
        Ok(())
    })?;
    Ok(left)
}

fn each_row(database: &Database, shape: &Shape, each: &mut dyn FnMut(Key, &[u8]) -> Result<()>) -> Result<()> {
    let mut after = None;
    loop {
        let mut rows = Vec::new();
        database.scan(shape, after.as_ref(), CHUNK, &mut |key, row| rows.push((key, row.to_vec())))?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        rows.into_iter().try_for_each(|(key, row)| each(key, &row))?;
    }
}

/// The newest database is back, or nothing was left.
pub(super) fn forget_left(session: &Session) -> Result<()> {
    match session.ledger.note(LEFT)? {
        Some(noted) if !noted.is_empty() => session.set_note(LEFT, ""),
        Some(_) | None => Ok(()),
    }
}

/// Adds what was left to what is said of each table.
fn say_left(session: &Session, tables: &mut Vec<Brought>) -> Result<()> {
    let Some(noted) = session.ledger.note(LEFT)?.filter(|noted| !noted.is_empty()) else { return Ok(()) };
    let left: Vec<Brought> = serde_json::from_str(&noted).map_err(|_| SyncError::Bug("the note of what was left does not read"))?;
    add(tables, left);
    Ok(())
}

/// Adds what is named of records to what is said of each table.
fn add(tables: &mut Vec<Brought>, named: impl IntoIterator<Item = Brought>) {
    for Brought { table, kept, unsure, renumbered, listed, .. } in named {
        let place = tables.iter().position(|brought| brought.table == table).unwrap_or_else(|| {
            tables.push(Brought { table, ..Brought::default() });
            tables.len() - 1
        });
        tables[place].kept.extend(kept);
        tables[place].unsure.extend(unsure);
        tables[place].renumbered.extend(renumbered);
        tables[place].listed.extend(listed);
    }
}

/// Gives what was brought forward, and whether it was; in `schema` what was done to the schema, or would be.
fn bring(mut session: Session, mode: Mode, schema: &mut Vec<String>, saved: Option<&PathBuf>) -> Result<(Vec<Brought>, bool)> {
    let mut followed = schema::follow_parent(&session, mode)?;
    *schema = std::mem::take(&mut followed.schema);
    if !schema.is_empty() {
        if mode == Mode::Look {
            return Ok((Vec::new(), false));
        }
        // The connection may have stand-ins for what only the application has.
        let Session { world, home, limits, .. } = session;
        session = Session::open_unchecked(world, home, limits)?;
    }
    let database = session.database()?;
    database.begin_write()?;
    let done = session.ledger.begin().map_err(SyncError::from).and_then(|()| {
        let Forwarded { mut tables, back, last } = bring_forward(&session, database, &followed)?;
        say_left(&session, &mut tables)?;
        let is_done = mode == Mode::Do && tables.iter().all(|table| table.refused.is_empty());
        if is_done {
            // Another backup may have been put back since before anybody was told.
            add(&mut tables, unsaid(&session)?.map(|earlier| earlier.tables).unwrap_or_default());
            let done = Recovered { tables: tables.clone(), done: true, saved: saved.cloned(), schema: schema.clone() };
            write_down(&session, database, back, &last, &done)?;
            database.commit(&session.world)?;
            session.ledger.commit(&session.world, "commit ledger after recovery")?;
        }
        Ok((tables, is_done))
    });
    let crashed = done.as_ref().is_err_and(SyncError::is_crash);
    if !crashed && !matches!(done, Ok((_, true))) {
        database.rollback()?;
        session.ledger.rollback()?;
    }
    match done {
        Ok((_, true)) => match seal_kept(session) {
            Err(error) if error.is_crash() => Err(error),
            // It is brought forward; what keeps it from being sealed the next round says.
            Ok(()) | Err(_) => done,
        },
        Ok((_, false)) | Err(_) => done,
    }
}

/// Compares every table, and so seals what was kept: a backup that is made before the next round is to know what of it is the state's.
fn seal_kept(session: Session) -> Result<()> {
    let Session { world, home, limits, .. } = session;
    seal::seal(&Session::open(world, home, limits)?).map(drop)
}

/// What came of it, for the ledger.
struct Forwarded {
    tables: Vec<Brought>,
    back: Vec<Back>,
    /// The last note of each log as the restored database has it.
    last: BTreeMap<TableNo, i64>,
}

fn bring_forward(session: &Session, database: &Database, followed: &Followed) -> Result<Forwarded> {
    database.move_logs(&schema::called_otherwise_since(session, database)?)?;
    let mut noted = BTreeMap::new();
    for shape in &session.shapes {
        let is_armed = database.captured(shape)?.is_some_and(|on| schema::same(&on, &shape.name));
        let mut read = Noted::read(session, database, shape)?;
        read.is_armed = is_armed;
        noted.insert(shape.number, read);
    }
    let reshaped = schema::noted_reshaped(session)?;
    schema::have_library(session, database)?;
    match schema::arm_and_read(session, database) {
        Err(SyncError::Database(DatabaseError::ShapeMoved { table })) => return Err(SyncError::OlderSchema { table: Some(table) }),
        armed => armed?,
    }
    database.silence_application_triggers(&session.shapes, &session.rules, Capture::Notes)?;
    let last = noted.iter().map(|(table, noted)| (*table, noted.last)).collect();
    let then = Then::of(session, database, noted)?;
    let because = |shape: &Shape| match reshaped.get(&shape.number) {
        _ if followed.ambiguous.contains(&shape.number) => Because::Ambiguous,
        Some(made) => Because::Reshaped(made),
        None => Because::Older,
    };
    let (tables, back) = forward::bring(&then, &because)?;
    Ok(Forwarded { tables, back, last })
}

/// Has the mirror a record again that ended since, as it was then: what was typed in it is an edit of that, and where it came back elsewhere it is no
/// other one.
fn bring_back(session: &Session, id: i64, number: i64) -> Result<()> {
    let ledger = &session.ledger;
    let mut record = ledger.load_id(id)?;
    let Some(mut last) = ledger.ended(&record)?.into_iter().next() else { return Ok(()) };
    let shape = session.shape(record.table);
    last.row = session.numbered(shape, &last.row)?;
    if let Some(own) = shape.number_field() {
        last.row.set(own, Value::Integer(number));
    }
    let cause = ledger.add_cause(&Cause { kind: CauseKind::Found, time: session.world.now() })?;
    ledger.append(&mut record, &EntryKind::Insert, None, cause, None)?;
    record.current = Some(last);
    record.place = Some(number_key(number));
    ledger.store_mirror(&mut record, None)?;
    Ok(ledger.store_names(&mut record)?)
}

/// Says in both files that they are of one state again, and that every table is to be compared.
fn write_down(session: &Session, database: &Database, back: Vec<Back>, last: &BTreeMap<TableNo, i64>, done: &Recovered) -> Result<()> {
    let ledger = &session.ledger;
    ledger.record();
    ledger.set_note(UNSAID, &serde_json::to_string(done).map_err(|_| SyncError::Bug("what was recovered is not written"))?)?;
    back.into_iter().try_for_each(|(id, number)| bring_back(session, id, number))?;
    session.note_all_due()?;
    if !schema::noted_reshaped(session)?.is_empty() {
        ledger.set_note(RESHAPED, "")?;
    }
    let reached = database.reached()?;
    // What is written now may lie in a log beside the old file for a while.
    ledger.set_note(IN_FILE, "")?;
    ledger.set_note(LEFT, "")?;
    for shape in &session.shapes {
        let from = reached.as_ref().and_then(|reached| reached.sealed.get(&shape.number));
        if let (Some(from), Some(last)) = (from, last.get(&shape.number)) {
            note_taken_up(session, shape, *from, *last)?;
        }
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
