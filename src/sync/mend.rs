//! What can a person do about records, held changes and conflicts?
//!
//! Everything here ends in the ordinary ways: a record is written as if the application had done it, noted by capture and sealed
//! as an edit of this site, and a held change goes through the ordinary decision. So what a person decides travels like any edit.
//!
//! **States of settling a conflict**: open → written (one commit of the database) → settled (one commit of the ledger). **Crash point**:
//! between the two the edit is there and the conflict is still listed; settling it again finds the value in place. **Invariant**: a
//! value that a person did not see is neither overwritten nor deleted: where the record is otherwise than it was when the conflict was
//! listed here ([`Conflict::listed_at`]), or another one has its key, that is an answer ([`MendError::MovedOn`],
//! [`MendError::OtherRecord`]) until the person insists.

use std::collections::BTreeMap;

use super::apply::{self, Applying, Incoming};
use super::deciding::held::Try;
use super::numbers::meaning::key_row;
use super::{Result, Session, SyncError, history, seal, standing};
use crate::database::Written;
use crate::ledger::{CauseKind, Conflict, ConflictKind, ConflictState, HeldReason, NeighbourKind, Parked, Record};
use crate::model::{Born, FieldNo, Identity, Image, Key, LIBRARY, Row, Shape, SiteName, SiteNo, Stamp, TableNo, Value, shown_table};

/// Why something cannot be mended like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MendError {
    /// No hint is wanted for that.
    #[error("nothing like that waits for a hint")]
    NothingUnclear,
    /// A table cannot be made another one under a new name any more.
    #[error("table `{now}` was taken in as a new one: its records cannot become those of `{table}` any more")]
    RenamedTable {
        /// The table that went.
        table: String,
        /// The one that came.
        now: String,
    },
    /// No such conflict.
    #[error("there is no conflict {0} here")]
    NoConflict(i64),
    /// It was settled before.
    #[error("conflict {0} is settled already")]
    Settled(i64),
    /// The record is otherwise than it was when the conflict was listed here.
    #[error("{} {key} has changed since{}", shown_table(table), in_words(now))]
    MovedOn {
        /// Table.
        table: String,
        /// Key.
        key: String,
        /// Fields with what they hold now; none where nobody knows any more what they held.
        now: Vec<(String, String)>,
    },
    /// The record that the conflict is about ended, and its key belongs to one that was made since.
    #[error("{} {key} is another record now, which was made since", shown_table(table))]
    OtherRecord {
        /// Table.
        table: String,
        /// Key.
        key: String,
    },
    /// The conflict has no such side.
    #[error("conflict {number} cannot be settled like that: {why}")]
    NoSuchSide {
        /// The conflict.
        number: i64,
        /// What it has.
        why: &'static str,
    },
    /// No record has that key.
    #[error("there is no {table} {key} here")]
    NoRecord {
        /// Table.
        table: String,
        /// Key.
        key: String,
    },
    /// No field has that name.
    #[error("{table} has no field `{field}`")]
    NoField {
        /// Table.
        table: String,
        /// Field.
        field: String,
        /// Those that it has.
        fields: Vec<String>,
    },
    /// It is not the neighbour's stream that must be mended.
    #[error("the stream of '{neighbour}' cannot go on from here: {problem}")]
    NotFromHere {
        /// The neighbour.
        neighbour: SiteName,
        /// What stopped it.
        problem: String,
    },
    /// Nothing is held under that number.
    #[error("nothing is held under number {0}")]
    NotHeld(i64),
    /// Several neighbours sent a change that is held under that number.
    #[error("several neighbours sent a change that is held under number {0}")]
    Several(i64),
    /// What the parent sent is not ours to change.
    #[error("the change came from '{0}', which decides: it cannot be edited or dropped here")]
    OfTheParent(SiteName),
    /// The database refused what was to be written.
    #[error("the database refuses it: {0}")]
    Refused(String),
    /// A record that is referred to is no more.
    #[error("it refers to {table} {key}, which is not here")]
    Missing {
        /// Table referred to.
        table: String,
        /// Key referred to.
        key: String,
    },
    /// A record to which others refer.
    #[error("{table} {key} refers to it")]
    Dependant {
        /// Table of one such record.
        table: String,
        /// Its key.
        key: String,
    },
    /// SQL that does not run.
    #[error("the SQL does not run here: {0}")]
    BadSql(String),
    /// A table whose records travel by themselves.
    #[error("records of {0} are sent by themselves")]
    NotManual(String),
}

impl MendError {
    fn no_field(shape: &Shape, field: &str) -> Self {
        let fields = shape.live_fields().map(|field| shape.name_of(field).to_owned()).collect();
        Self::NoField { table: shape.name.clone(), field: field.to_owned(), fields }
    }
}

/// What fields hold, behind "has changed since".
fn in_words(now: &[(String, String)]) -> String {
    /// Fields that a sentence names.
    const NAMED: usize = 5;
    let mut words: Vec<String> = now.iter().take(NAMED).map(|(field, value)| format!("its {field} is {value} now")).collect();
    words.extend(now.len().checked_sub(NAMED + 1).map(|more| format!("and {} more", more + 1)));
    if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) }
}

/// What a conflict is settled to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What stands.
    Standing,
    /// What lost.
    Lost,
    /// What both had before.
    Before,
    /// Something else.
    Other(Value),
}

/// Whether a record that changed since is overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// No: say so.
    Ask,
    /// Yes.
    Overwrite,
}

/// A held change, named as `held` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldPlace {
    /// The record's row in the ledger.
    pub number: i64,
    /// Who sent it.
    pub site: SiteNo,
}

/// What a settlement says that wrote nothing.
pub const KEPT: &str = "a person kept what stands";

/// Why what waits for a unique value cannot simply have it.
const OF_THE_OTHER: &str = "another record has the value: edit that one, and this one goes on by itself";

/// Why it cannot have the very value that it waits for either.
const TAKEN: &str = "that is the value which another record has: give this one another, or edit that one, and this one goes on by itself";

/// Why nothing lost where two edits were merged.
const OF_BOTH: &str = "nothing lost, both edits are in the one that stands; set another one with --value VALUE";

/// Why the number that a record had then is not written again.
const OF_A_RECORD: &str =
    "it is the number of a record, and may mean another one now: --value NUMBER sets it, with the number that record has now";

/// Settles a conflict, and seals what that changed.
///
/// # Errors
/// [`MendError`]; else as database and ledger say.
pub fn settle(session: &Session, number: i64, choice: &Choice, since: Since) -> Result<()> {
    seal::seal(session)?;
    let (decider_number, conflict) = find(session, number)?;
    if session.ledger.settled()?.contains_key(&(conflict.decider.clone(), decider_number)) {
        return Err(MendError::Settled(number).into());
    }
    if conflict.kind == ConflictKind::Taken {
        return settle_taken(session, number, decider_number, &conflict, choice);
    }
    write_choice(session, number, &conflict, choice, since)?;
    let settles = Some((conflict.decider.clone(), decider_number));
    let rule = match choice {
        Choice::Standing => KEPT.to_owned(),
        Choice::Lost => "a person took what had lost".to_owned(),
        Choice::Before => "a person took what was before".to_owned(),
        Choice::Other(Value::Text(text)) => format!("a person set it to '{}'", String::from_utf8_lossy(text)),
        Choice::Other(value) => format!("a person set it to {value}"),
    };
    let settled = Conflict {
        kind: ConflictKind::Settled,
        settles,
        rule,
        decider: session.name().clone(),
        packet: None,
        time: session.world.now(),
        state: ConflictState::Decided,
        ..conflict
    };
    session.ledger.begin()?;
    let done = session.ledger.add_conflict(&settled, None).map_err(SyncError::from);
    finish(session, done, "commit settling")?;
    seal::seal(session).map(drop)
}

/// Settles a conflict about a unique value: the change that waits gets another value, or is let go of. At the site that decides that is
/// done to the held change; at any other the record there is edited. The conflict is settled once the change waits no more.
fn settle_taken(session: &Session, number: i64, decider_number: i64, conflict: &Conflict, choice: &Choice) -> Result<()> {
    let field = conflict.field.clone().ok_or(SyncError::Bug("a unique value without a field"))?;
    let no_side = |why| SyncError::from(MendError::NoSuchSide { number, why });
    let base = || Some(conflict.exact.get(FieldNo(0)).clone()).filter(Value::is_stated);
    if conflict.decider == *session.name() {
        let (row, site) = session.held_as(decider_number)?.ok_or(MendError::Settled(number))?;
        let place = HeldPlace { number: row, site };
        let value = match choice {
            Choice::Standing => return drop_held(session, place, KEPT),
            Choice::Before => base().ok_or_else(|| no_side("nobody knows what was there before"))?,
            Choice::Other(value) => value.clone(),
            Choice::Lost => return Err(no_side(OF_THE_OTHER)),
        };
        return edit_held(session, place, &BTreeMap::from([(field, value)]));
    }
    let value = match choice {
        Choice::Before => base().ok_or_else(|| no_side("nobody knows what was there before"))?,
        Choice::Other(value) => value.clone(),
        Choice::Lost => return Err(no_side(OF_THE_OTHER)),
        Choice::Standing => return Err(no_side("the other record has the value; give this one another with --value, or delete it")),
    };
    let gone = || MendError::NoRecord { table: conflict.table.clone(), key: conflict.key.to_string() };
    let shape = session.shapes.iter().find(|shape| shape.name == conflict.table).ok_or_else(gone)?;
    let field = shape.field(&field).ok_or_else(|| MendError::no_field(shape, &field))?;
    if session.database()?.are_one(&shape.name, shape.name_of(field), &value, conflict.exact.get(FieldNo(2)))? {
        return Err(no_side(TAKEN));
    }
    let record = record_of(session, shape, conflict)?.filter(|record| record.current.is_some()).ok_or_else(gone)?;
    let mut row = Row::default();
    row.set(field, value);
    write(session, |database| {
        // What refers to it by that value has always meant this one here: the other record that has it is not here yet.
        if let Some(refusal) = session.lead_by_value(shape, record.at(), &[field], &row)? {
            return Ok(Written::Refused(refusal));
        }
        Ok(database.update(shape, record.at(), &[field], &row)?)
    })?;
    seal::seal(session).map(drop)
}

/// A conflict by its number here, with its number at the site that decided it.
///
/// # Errors
/// [`MendError::NoConflict`]; else as the ledger says.
pub fn find(session: &Session, number: i64) -> Result<(i64, Conflict)> {
    let mut found = None;
    session.ledger.conflicts(number - 1, &mut |at, decider_number, _, conflict| {
        if at == number && conflict.kind != ConflictKind::Settled {
            found = Some((decider_number, conflict));
        }
        Ok(())
    })?;
    found.ok_or_else(|| MendError::NoConflict(number).into())
}

fn write_choice(session: &Session, number: i64, conflict: &Conflict, choice: &Choice, since: Since) -> Result<()> {
    let (base, winner, lost) = (conflict.exact.get(FieldNo(0)), conflict.exact.get(FieldNo(1)), conflict.exact.get(FieldNo(2)));
    let shape = session.shapes.iter().find(|shape| shape.name == conflict.table);
    let gone = || MendError::NoRecord { table: conflict.table.clone(), key: conflict.key.to_string() };
    let no_side = |why| SyncError::from(MendError::NoSuchSide { number, why });
    let shape = shape.ok_or_else(gone)?;
    let record = record_of(session, shape, conflict)?;
    let Some(name) = &conflict.field else {
        return match choice {
            Choice::Standing => Ok(()),
            Choice::Lost if matches!(conflict.kind, ConflictKind::Delete | ConflictKind::Refused | ConflictKind::Dependants) => {
                let record = record.filter(|record| record.current.is_some()).ok_or_else(gone)?;
                match since {
                    Since::Ask => unchanged(session, shape, &record, conflict)?,
                    Since::Overwrite => {}
                }
                delete(session, shape, &record)
            }
            Choice::Lost | Choice::Before | Choice::Other(_) => Err(no_side("it is about a whole record: only what stands can be kept")),
        };
    };
    if *choice == Choice::Standing {
        return Ok(());
    }
    if *choice == Choice::Lost && conflict.kind == ConflictKind::Merged {
        return Err(no_side(OF_BOTH));
    }
    let field = shape.field(name).ok_or_else(|| MendError::no_field(shape, name))?;
    let value = match choice {
        Choice::Standing => winner,
        Choice::Lost => lost,
        Choice::Before => base,
        Choice::Other(value) => value,
    };
    // Whoever types a number means the record that has it now.
    if shape.is_number(field, value) && !matches!(choice, Choice::Other(_)) {
        return Err(no_side(OF_A_RECORD));
    }
    if !value.is_stated() {
        return Err(no_side("nobody knows what was there before"));
    }
    let record = record.ok_or_else(gone)?;
    let (fields, row) = match shape.name == LIBRARY {
        true => document(session, number, shape, name, value)?,
        false => {
            let mut row = Row::default();
            row.set(field, value.clone());
            if shape.is_number(field, value) {
                session.leads_somewhere(shape, &row)?;
            }
            (vec![field], row)
        }
    };
    match &record.current {
        Some(image) => {
            let current = session.numbered(shape, &image.row)?.get(field).clone();
            if current == *value {
                return Ok(());
            }
            if since == Since::Ask {
                let then = as_listed(session, shape, &record, conflict)?;
                let stood = match then {
                    Some(then) if !winner.is_stated() => Some(session.numbered(shape, &then.row)?.get(field).clone()),
                    Some(_) | None => Some(winner.clone()).filter(Value::is_stated),
                };
                if stood.as_ref() != Some(&current) {
                    return Err(moved_on(session, shape, &record, vec![(name.clone(), current.to_string())])?);
                }
            }
            write(session, |database| Ok(database.update(shape, record.at(), &fields, &row)?))
        }
        None => restore(session, shape, &record, &fields, &row),
    }
}

/// Nothing where the record is as it was when the conflict was listed here, else what happened to it.
fn unchanged(session: &Session, shape: &Shape, record: &Record, conflict: &Conflict) -> Result<()> {
    let (Some(then), Some(current)) = (as_listed(session, shape, record, conflict)?, &record.current) else {
        return Err(moved_on(session, shape, record, Vec::new())?);
    };
    let row = session.numbered(shape, &current.row)?;
    let changed = shape.live_fields().filter(|field| then.row.get(*field) != current.row.get(*field));
    let now: Vec<(String, String)> = changed.map(|field| (shape.name_of(field).to_owned(), row.get(field).to_string())).collect();
    if now.is_empty() { Ok(()) } else { Err(moved_on(session, shape, record, now)?) }
}

fn moved_on(session: &Session, shape: &Shape, record: &Record, now: Vec<(String, String)>) -> Result<SyncError> {
    Ok(MendError::MovedOn { table: shape.name.clone(), key: session.shown_key(record)?.to_string(), now }.into())
}

/// The record as it was when the conflict was listed here; none where that is forgotten.
fn as_listed(session: &Session, shape: &Shape, record: &Record, conflict: &Conflict) -> Result<Option<Image>> {
    let Some(listed_at) = conflict.listed_at else { return Ok(None) };
    let mut then = record.current.clone();
    let mut reached = record.version;
    for entry in session.ledger.chain(record, listed_at)? {
        then = entry.kind.undo(then);
        reached = entry.previous;
    }
    if reached > listed_at {
        return Ok(None);
    }
    let same = match (&then, &record.current) {
        (Some(then), Some(current)) => session.ledger.same(then.born, current.born)?,
        (Some(_), None) | (None, _) => false,
    };
    let key = || Ok::<_, SyncError>(session.shown_key(record)?.to_string());
    if same { Ok(then) } else { Err(MendError::OtherRecord { table: shape.name.clone(), key: key()? }.into()) }
}

/// What is written so that a document gets a content again.
fn document(session: &Session, number: i64, shape: &Shape, field: &str, content: &Value) -> Result<(Vec<FieldNo>, Row)> {
    let no_side = |why| SyncError::from(MendError::NoSuchSide { number, why });
    if field != "content" {
        return Err(no_side("it goes with the content of the document: settle the conflict about that"));
    }
    session.with_content(shape, content)?.ok_or_else(|| no_side("no document of that content is kept here"))
}

/// The record that a conflict is about, whatever its number is now; none where nobody can tell.
///
/// # Errors
/// As the ledger says.
pub fn record_of(session: &Session, shape: &Shape, conflict: &Conflict) -> Result<Option<Record>> {
    let record = match (shape.identity(), &conflict.born) {
        (Identity::Birth, Some((site, sequence))) => {
            let born = Born { site: session.ledger.site_number(site)?, sequence: *sequence };
            session.load(shape.number, &session.key_of_born(shape.number, born)?)?
        }
        (Identity::Key, _) => session.load_at(shape, &conflict.key)?,
        (Identity::Meaning, _) if are_still_the_same(session, shape, &conflict.key)? => {
            return Ok(history::under(session, shape, &conflict.key)?.into_iter().next());
        }
        // Its key has numbers in it, which may mean other records by now.
        (Identity::Birth, None) | (Identity::Meaning, _) => return Ok(None),
    };
    Ok(record.id.is_some().then_some(record))
}

/// Whether no record ever gave up one of the numbers in a key.
fn are_still_the_same(session: &Session, shape: &Shape, key: &Key) -> Result<bool> {
    let row = key_row(shape, key)?;
    let mut numbers = shape.numbers.iter().filter(|numbers| shape.is_key(numbers.field)).flat_map(|numbers| numbers.numbers(&row));
    numbers.try_fold(true, |same, (table, number)| Ok(same && session.ledger.formerly(table, number)?.is_empty()))
}

/// Brings a deleted record back as it last was here, with these fields as a person wants them.
fn restore(session: &Session, shape: &Shape, record: &Record, fields: &[FieldNo], wanted: &Row) -> Result<()> {
    let last = session.ledger.former(record)?.into_iter().next();
    let last = last.ok_or_else(|| MendError::NoRecord { table: shape.name.clone(), key: record.at().to_string() })?;
    // A number that means nothing any more would come to mean whoever has it now.
    if let Some((table, key)) = session.leads_nowhere(shape, &last.row)? {
        return Err(MendError::Missing { table, key }.into());
    }
    let mut row = session.numbered(shape, &last.row)?;
    fields.iter().for_each(|field| row.set(*field, wanted.get(*field).clone()));
    write(session, |database| Ok(database.insert(shape, &row)?))
}

fn delete(session: &Session, shape: &Shape, record: &Record) -> Result<()> {
    if let Some((table, key)) = session.dependant(shape, record.at())? {
        return Err(MendError::Dependant { table, key }.into());
    }
    write(session, |database| Ok(database.delete(shape, record.at())?))
}

/// One write as the application would do it: its triggers run, and capture notes it.
fn write(session: &Session, work: impl FnOnce(&crate::database::Database) -> Result<Written>) -> Result<()> {
    let database = session.database()?;
    database.begin_write()?;
    let done = match work(database) {
        Ok(Written::Done) => database.commit(&session.world).map_err(SyncError::from),
        Ok(Written::Refused(refusal)) => Err(MendError::Refused(refusal.to_string()).into()),
        Ok(Written::Missing) => Err(MendError::Refused("the record is gone".into()).into()),
        Err(error) => Err(error),
    };
    if done.as_ref().is_err_and(|error| !error.is_crash()) {
        database.rollback()?;
    }
    done
}

/// Commits what was done in the open transaction of the ledger, or takes it back.
fn finish(session: &Session, done: Result<()>, step: &'static str) -> Result<()> {
    let done = done.and_then(|()| Ok(session.ledger.commit(&session.world, step)?));
    if done.as_ref().is_err_and(|error| !error.is_crash()) {
        session.ledger.rollback()?;
    }
    done
}

/// The living record under a key.
fn living(session: &Session, shape: &Shape, place: &Key) -> Result<Record> {
    let record = history::under(session, shape, place)?.into_iter().find(|record| record.current.is_some());
    record.ok_or_else(|| MendError::NoRecord { table: shape.name.clone(), key: place.to_string() }.into())
}

/// Takes a record out of the exchange: nobody is told of it, and what comes for it is held.
///
/// # Errors
/// [`MendError::NoRecord`]; else as the parts say.
pub fn deactivate(session: &Session, table: TableNo, place: &Key) -> Result<()> {
    set_active(session, table, place, false)
}

/// Puts a record back: what was held for it is decided now, and what was edited meanwhile travels.
///
/// # Errors
/// As for [`deactivate`].
pub fn activate(session: &Session, table: TableNo, place: &Key) -> Result<()> {
    set_active(session, table, place, true)?;
    apply::slice(session, CauseKind::Retry, |applying| applying.retry_held(Try::All)).map(drop)
}

fn set_active(session: &Session, table: TableNo, place: &Key, active: bool) -> Result<()> {
    seal::seal(session)?;
    let shape = session.shape(table);
    // One that was deleted meanwhile can be put back into the exchange too: its end is told then.
    let out = history::under(session, shape, place)?.into_iter().find(|record| record.extra.deactivated);
    let mut record = match out {
        Some(record) => record,
        None => living(session, shape, place)?,
    };
    record.extra.deactivated = !active;
    session.ledger.begin()?;
    let done = session.ledger.store_extra(&mut record).map_err(SyncError::from);
    finish(session, done, "commit activity")
}

/// Lets records of a table that is sent by hand go with the next packet to every neighbour that has them otherwise. Gives how many there were.
///
/// # Errors
/// [`MendError::NotManual`], [`MendError::NoRecord`]; else as the parts say.
pub fn release(session: &Session, table: TableNo, places: &[Key]) -> Result<u64> {
    let shape = session.shape(table);
    if session.policy(table).send != crate::rules::Sending::Manual {
        return Err(MendError::NotManual(shape.name.clone()).into());
    }
    seal::seal(session)?;
    let (neighbours, mut amount) = (session.ledger.neighbours()?, 0);
    session.ledger.begin()?;
    let done = places.iter().try_for_each(|place| {
        let mut record = living(session, shape, place)?;
        record.extra.released = standing::who_differs(session, &record, &neighbours)?;
        amount += u64::from(!record.extra.released.is_empty());
        Ok(session.ledger.store_extra(&mut record)?)
    });
    finish(session, done, "commit release")?;
    Ok(amount)
}

/// Tries every held change again now.
///
/// # Errors
/// As the parts say.
pub fn retry(session: &Session) -> Result<()> {
    apply::slice(session, CauseKind::Retry, |applying| applying.retry_held(Try::All)).map(drop)
}

/// Lets go of a held change of a child: it is listed with the reason, and the child is told what stands here.
///
/// # Errors
/// [`MendError::NotHeld`], [`MendError::OfTheParent`]; else as the parts say.
pub fn drop_held(session: &Session, place: HeldPlace, reason: &str) -> Result<()> {
    let done = apply::slice(session, CauseKind::Retry, |applying| {
        applying.give_up(place, reason)?;
        applying.retry_held(Try::All)
    });
    done.map(drop)
}

/// Changes values of a held change of a child and tries it again.
///
/// # Errors
/// As for [`drop_held`], [`MendError::NoField`], and [`MendError::Refused`] where another record has one of these values too; then
/// nothing was changed.
pub fn edit_held(session: &Session, place: HeldPlace, values: &BTreeMap<String, Value>) -> Result<()> {
    if names_it_otherwise(session, place, values)? {
        return rename_held(session, place, values);
    }
    let done = apply::slice(session, CauseKind::Retry, |applying| {
        let session = applying.session;
        applying.edit(place, values)?;
        applying.retry_held(Try::All)?;
        match session.load_id(place.number)?.extra.held.get(&place.site).map(|held| &held.reason) {
            Some(reason @ HeldReason::Taken { values: taken, .. }) if taken.iter().any(|(field, _)| values.contains_key(field)) => {
                Err(MendError::Refused(reason.to_string()).into())
            }
            Some(_) | None => Ok(()),
        }
    });
    done.map(drop)
}

/// Whether values make a held change one of another record: in a key that is more than a number.
fn names_it_otherwise(session: &Session, place: HeldPlace, values: &BTreeMap<String, Value>) -> Result<bool> {
    let record = session.load_id(place.number)?;
    let shape = session.shape(record.table);
    let names_it = |name: &String| shape.field(name).is_some_and(|field| shape.is_key(field));
    if shape.identity() == Identity::Birth || !values.keys().any(names_it) {
        return Ok(false);
    }
    if record.current.is_some() {
        let why = "its key names a record that is here: change the key where the record was made, or drop the change";
        return Err(MendError::NoSuchSide { number: place.number, why }.into());
    }
    Ok(true)
}

/// Makes a held record under another key, as the application would, and lets go of the one that waits: its sender has the new one in its place.
/// Whoever dies in between finds both.
fn rename_held(session: &Session, place: HeldPlace, values: &BTreeMap<String, Value>) -> Result<()> {
    let mut record = session.load_id(place.number)?;
    let shape = session.shape(record.table);
    let held = record.extra.held.remove(&place.site).ok_or(MendError::NotHeld(place.number))?;
    let no_values = || MendError::NoSuchSide { number: place.number, why: "it is a delete, which has no values" };
    let after = held.change.after.ok_or_else(no_values)?;
    let mut row = session.numbered(shape, &after.row)?;
    for (name, value) in values {
        row.set(shape.field(name).ok_or_else(|| MendError::no_field(shape, name))?, value.clone());
    }
    session.leads_somewhere(shape, &row)?;
    write(session, |database| Ok(database.insert(shape, &row)?))?;
    seal::seal(session)?;
    let done = apply::slice(session, CauseKind::Retry, |applying| {
        applying.edit(place, values)?;
        applying.give_up(place, "a person gave the record another key")?;
        applying.retry_held(Try::All)
    });
    done.map(drop)
}

impl Applying<'_> {
    /// Gives a held change of a child other values, and what refers to them.
    fn edit(&mut self, place: HeldPlace, values: &BTreeMap<String, Value>) -> Result<()> {
        let session = self.session;
        let mut record = session.load_id(place.number)?;
        self.of_child(&record, place)?;
        let shape = session.shape(record.table);
        let held = record.extra.held.get_mut(&place.site).ok_or(MendError::NotHeld(place.number))?;
        let before = held.clone();
        let no_values = || MendError::NoSuchSide { number: place.number, why: "it is a delete, which has no values" };
        let after = held.change.after.as_mut().ok_or_else(no_values)?;
        // Only what is edited goes through numbers: a reference to what is not here keeps its meaning.
        let (mut edited, mut row) = (Vec::new(), session.numbered(shape, &after.row)?);
        for (name, value) in values {
            let field = shape.field(name).ok_or_else(|| MendError::no_field(shape, name))?;
            row.set(field, value.clone());
            edited.push(field);
            after.set_stamp(field, Some(Stamp { time: self.now, site: SiteNo(0) }));
            if !held.change.fields.contains(&field) {
                held.change.fields.push(field);
                held.change.fields.sort_unstable();
            }
        }
        session.mean(shape, &mut row)?;
        edited.into_iter().for_each(|field| after.row.set(field, row.get(field).clone()));
        held.since = self.now;
        self.store_extra(&mut record)?;
        self.refer_on(&record, place.site, &before)
    }

    /// Lets go of a held change of a child: what it would have written is listed, with the reason.
    pub(super) fn give_up(&mut self, place: HeldPlace, reason: &str) -> Result<()> {
        let mut record = self.session.load_id(place.number)?;
        let incoming = self.of_child(&record, place)?;
        let held = record.extra.held.remove(&place.site).ok_or(MendError::NotHeld(place.number))?;
        let change = held.change;
        match &change.after {
            Some(after) => {
                let kind = ConflictKind::Dropped;
                self.lose(&record, &incoming, change.before.as_ref(), after, &change.fields, kind, reason)?;
                // What refers to it is not to wait for it. Of what only goes up the child keeps its record: corrected there, it is a new try.
                if change.before.as_ref().is_none_or(|before| before.born != after.born) {
                    self.session.ledger.bury_refused(&mut record, after)?;
                }
            }
            None => self.lose_delete(&record, &incoming, ConflictKind::Dropped, reason),
        }
        self.list_losses(0)?;
        self.store_extra(&mut record)
    }

    /// Lets go of a change that waits for a table or column, in the same way.
    pub(super) fn give_up_parked(&mut self, parked: &Parked, reason: &str) -> Result<()> {
        let (change, ledger) = (&parked.change, &self.session.ledger);
        let Some(link) = self.links.iter().find(|link| link.site == parked.site).copied() else { return Ok(()) };
        let incoming = Incoming { link, name: ledger.site_name(parked.site)?, number: parked.packet };
        let record = ledger.load(change.table, &change.key)?;
        match &change.after {
            Some(after) => {
                self.lose(&record, &incoming, change.before.as_ref(), after, &change.fields, ConflictKind::Dropped, reason)?;
            }
            None => self.lose_delete(&record, &incoming, ConflictKind::Dropped, reason),
        }
        self.list_losses(0)?;
        Ok(self.session.ledger.drop_parked(parked.site, change.table, &change.key)?)
    }

    /// Whose held change it is, where that is a child.
    fn of_child(&self, record: &Record, place: HeldPlace) -> Result<Incoming> {
        let held = record.extra.held.get(&place.site).ok_or(MendError::NotHeld(place.number))?;
        let link = self.links.iter().find(|link| link.site == place.site).copied().ok_or(MendError::NotHeld(place.number))?;
        let name = self.session.ledger.site_name(place.site)?;
        match link.kind {
            NeighbourKind::Parent => Err(MendError::OfTheParent(name).into()),
            NeighbourKind::Child => Ok(Incoming { link, name, number: held.packet }),
        }
    }
}
