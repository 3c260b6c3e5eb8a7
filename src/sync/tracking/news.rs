//! What became otherwise about the tables, and has not been said yet?
//!
//! Kept as a note in the commit that takes it over, and forgotten once a round has reported it: a run that dies in between says it again.

use super::evolve::Event;
use crate::model::LIBRARY;
use crate::sync::{Result, Session};

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
