//! How does a record stand with a neighbour: the same there, to be told, staying here, or waiting to be applied?
//!
//! Asks what [`super::build`] would do, and does nothing. Of what was edited since the last seal nobody knows yet.

use std::collections::BTreeSet;

use super::known::{self, Link};
use super::stays::Stays;
use super::{Result, Session};
use crate::ledger::{Held, Neighbour, NeighbourKind, Opinion, Record};
use crate::model::{Millis, SiteNo};
use crate::rules::Direction;

/// Longest version that is kept: it is a stranger's word.
const MOST_CHARS: usize = 40;

/// How a record stands with one neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds what is here, or was told all that it is ever told.
    Same,
    /// The next packet tells it.
    ToTell {
        /// Whether the neighbour holds the record in some state; where nobody knows, it does not.
        there: bool,
    },
    /// The rules or a person keep it here.
    Stays {
        /// Why.
        why: Stays,
        /// Whether the neighbour holds the record in some state.
        there: bool,
    },
    /// A change of the neighbour waits here.
    Held(Box<Held>),
}

/// How a record stands with a neighbour.
///
/// # Errors
/// As database and ledger say.
pub fn standing(session: &Session, record: &Record, neighbour: &Neighbour) -> Result<Standing> {
    if let Some(held) = record.extra.held.get(&neighbour.site) {
        return Ok(Standing::Held(Box::new(held.clone())));
    }
    let link = Link::from(neighbour);
    let opinion = known::opinion(&session.ledger, record, link)?;
    let there = matches!(opinion, Opinion::Known(Some(_)));
    let same = known::same(&opinion, &Opinion::Known(record.current.clone()));
    let asked_for = record.extra.report_whole || !record.extra.report.is_empty();
    if same && !(asked_for && neighbour.kind == NeighbourKind::Parent) {
        return Ok(Standing::Same);
    }
    // Of what only goes up a child is told numbers.
    if neighbour.kind == NeighbourKind::Child && session.policy(record.table).direction == Direction::Up {
        return Ok(Standing::Same);
    }
    Ok(match session.stays_home(record, link)? {
        Some(why) => Standing::Stays { why, there },
        None => Standing::ToTell { there },
    })
}

/// The neighbours that do not hold a record as it is here.
pub(super) fn who_differs(session: &Session, record: &Record, neighbours: &[Neighbour]) -> Result<BTreeSet<SiteNo>> {
    let mut differ = BTreeSet::new();
    for neighbour in neighbours {
        if standing(session, record, neighbour)? != Standing::Same {
            differ.insert(neighbour.site);
        }
    }
    Ok(differ)
}

/// How many packets that bring something a neighbour has not confirmed yet. One that only confirms is never answered.
///
/// # Errors
/// As the ledger says.
pub fn unconfirmed(session: &Session, neighbour: &Neighbour) -> Result<u64> {
    Ok(session.ledger.outbox(neighbour.site)?.iter().filter(|row| row.wants_answer).count() as u64)
}

/// When a packet last brought or took records of a table; none where none ever did.
///
/// # Errors
/// As the ledger says.
pub fn last_sync(session: &Session, table: &str) -> Result<Option<Millis>> {
    Ok(session.ledger.note(&synced(table))?.and_then(|millis| millis.parse().ok()).map(Millis))
}

/// Notes that a packet brings or takes records of tables.
pub(super) fn note_sync<'t>(session: &Session, tables: impl Iterator<Item = &'t String>, now: Millis) -> Result<()> {
    for table in tables {
        session.ledger.set_note(&synced(table), &now.0.to_string())?;
    }
    Ok(())
}

fn synced(table: &str) -> String {
    format!("synced:{table}")
}

/// Which fieldpost a neighbour runs, as its last packet said; none where it did not.
///
/// # Errors
/// As the ledger says.
pub fn program(session: &Session, neighbour: &Neighbour) -> Result<Option<String>> {
    Ok(session.ledger.note(&program_note(neighbour))?)
}

/// Notes which fieldpost a neighbour runs.
pub(super) fn note_program(session: &Session, neighbour: &Neighbour, version: Option<&str>) -> Result<()> {
    let known = program(session, neighbour)?;
    let version: Option<String> = version.map(|version| version.chars().take(MOST_CHARS).collect());
    match version {
        Some(version) if known.as_ref() != Some(&version) => Ok(session.ledger.set_note(&program_note(neighbour), &version)?),
        Some(_) | None => Ok(()),
    }
}

fn program_note(neighbour: &Neighbour) -> String {
    format!("program:{}", neighbour.card.name)
}
