//! What became otherwise about the tables, or wants a person, and has not been said yet?
//!
//! Kept as a note in the commit that takes it over, and forgotten once a round has reported it: a run that dies in between says it again.

use super::evolve::Event;
use crate::model::LIBRARY;
use crate::sync::report::Waiting;
use crate::sync::{Result, Session, SyncError};

const NEWS: &str = "schema news";

/// Adds to what is to be said, inside the open transaction of the ledger.
pub(in crate::sync) fn add(session: &Session, events: &[Event]) -> Result<()> {
    let mut lines = lines(session)?;
    // That the list of documents came or went is said by whoever has it so.
    lines.extend(events.iter().map(Event::to_string).filter(|line| !line.contains(LIBRARY)));
    Ok(session.ledger.set_note(NEWS, &lines.join("\n"))?)
}

/// What is to be said, a line each.
pub(in crate::sync) fn lines(session: &Session) -> Result<Vec<String>> {
    Ok(session.ledger.note(NEWS)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

/// It was said.
pub(in crate::sync) fn said(session: &Session) -> Result<()> {
    if lines(session)?.is_empty() { Ok(()) } else { session.set_note(NEWS, "") }
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
