//! What became otherwise about the tables, or wants a person, and has not been said yet?
//!
//! Kept as a note in the commit that takes it over, and forgotten once a round has reported it: a run that dies in between says it again.

use super::evolve::{Event, same_name};
use crate::model::LIBRARY;
use crate::sync::report::Waiting;
use crate::sync::{Result, Session, SyncError};

const NEWS: &str = "schema news";

/// Adds to what is to be said, inside the open transaction of the ledger.
pub(in crate::sync) fn add(session: &Session, events: &[Event]) -> Result<()> {
    let mut lines = lines(session)?;
    // That the list of documents came or went is said by whoever has it so.
    for event in events {
        lines.extend(Some(words(session, event)?).filter(|line| !line.contains(LIBRARY)));
    }
    Ok(session.ledger.set_note(NEWS, &lines.join("\n"))?)
}

/// To tracking a column that the rules keep at home is gone; to people it is there.
fn words(session: &Session, event: &Event) -> Result<String> {
    if let Event::FieldGone(table, column) = event
        && session.written_rules().table(table).local.iter().any(|local| same_name(local, column))
        && session.database()?.has_columns(table, std::slice::from_ref(column))?
    {
        return Ok(format!(
            "column `{column}` of table `{table}` stays at home from now on, as the rules say: it does not travel, and is there as it was"
        ));
    }
    Ok(event.to_string())
}

/// What is to be said, a line each.
pub(in crate::sync) fn lines(session: &Session) -> Result<Vec<String>> {
    Ok(session.ledger.note(NEWS)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

/// It was said.
pub(in crate::sync) fn said(session: &Session) -> Result<()> {
    for note in [NEWS, FIRST_LOAD] {
        if session.ledger.note(note)?.is_some_and(|text| !text.is_empty()) {
            session.set_note(note, "")?;
        }
    }
    Ok(())
}

/// Note that the database has just been built: what came empty is looked at once its records and triggers have filled what they fill.
const FIRST_LOAD: &str = "first load";

/// The database was built, says the open transaction of the ledger.
pub(in crate::sync) fn note_first_load(session: &Session) -> Result<()> {
    Ok(session.ledger.set_note(FIRST_LOAD, "yes")?)
}

/// What came empty with the database, where nobody has said it yet, a line each.
pub(in crate::sync) fn came_empty(session: &Session) -> Result<Vec<String>> {
    let is_new = session.ledger.note(FIRST_LOAD)?.is_some_and(|text| !text.is_empty()) && session.has_database();
    if is_new { Ok(session.database()?.came_empty(&session.rules)?) } else { Ok(Vec::new()) }
}

const WANTED: &str = "wants a person";

/// Adds what wants a person, and why, inside the open transaction of the ledger.
pub(in crate::sync) fn want(session: &Session, what: String, why: String) -> Result<()> {
    let mut all = wanted(session)?;
    if all.contains(&(what.clone(), why.clone())) {
        return Ok(());
    }
    all.push((what, why));
    let all = serde_json::to_string(&all).map_err(|_| SyncError::Bug("a note of what wants a person is not written"))?;
    Ok(session.ledger.set_note(WANTED, &all)?)
}

fn wanted(session: &Session) -> Result<Vec<(String, String)>> {
    let Some(noted) = session.ledger.note(WANTED)?.filter(|noted| !noted.is_empty()) else { return Ok(Vec::new()) };
    serde_json::from_str(&noted).map_err(|_| SyncError::Bug("a note of what wants a person does not read"))
}

/// What wants a person, which is said now.
pub(in crate::sync) fn tell_what_wants_a_person(session: &Session) -> Result<Vec<Waiting>> {
    let told = wanted(session)?;
    if !told.is_empty() {
        session.set_note(WANTED, "")?;
    }
    Ok(told.into_iter().map(|(what, why)| Waiting { neighbour: None, what, why, retried: false, unreachable: false }).collect())
}
