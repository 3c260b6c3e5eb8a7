//! One line per table: how much is not complete, ready, under way, tried again, failed, in conflict, and in step?

use serde::Serialize;

use super::waits::Waits;
use super::window::{State, Window};
use crate::model::{Millis, shown_table};
use crate::rules::{Direction, Sending};
use crate::sync::standing::last_sync;
use crate::sync::{Session, SyncError};

/// How the records of a table stand. Every record counts once, where it needs most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableStatus {
    /// The table.
    pub table: String,
    /// Stay here because of the rules: not ready, missing what they require, with another one that stays.
    pub not_complete: u64,
    /// Taken out of the exchange by a person.
    pub deactivated: u64,
    /// Go with the next packet, or when somebody sends them.
    pub ready: u64,
    /// Told, and not confirmed yet.
    pub sent: u64,
    /// Changes of neighbours that could not be applied yet and are tried again.
    pub retries: u64,
    /// Changes of neighbours that could not be applied and want a person.
    pub failures: u64,
    /// In conflict, and a person is to decide.
    pub conflicts: u64,
    /// The same on both sides.
    pub successful: u64,
    /// Which way records travel.
    pub direction: Direction,
    /// Whether records travel by themselves.
    pub sending: Sending,
    /// When a packet last brought or took records of it.
    #[serde(skip)]
    pub last_sync: Option<Millis>,
}

/// All tracked tables, by name.
///
/// # Errors
/// As database and ledger say.
pub fn tables(session: &Session, window: &Window) -> Result<Vec<TableStatus>, SyncError> {
    let mut all = Vec::new();
    for shape in &session.shapes {
        let rule = session.rules.table(&shape.name);
        let (direction, sending) = (rule.direction, rule.send);
        let last_sync = last_sync(session, &shape.name)?;
        let mut status =
            TableStatus { table: shown_table(&shape.name).to_owned(), direction, sending, last_sync, ..TableStatus::default() };
        if session.has_database() {
            let mut rest = session.ledger.count(shape.number)?;
            for (_, unusual) in window.of_table(shape.number) {
                rest = rest.saturating_sub(u64::from(unusual.sealed));
                *status.place(unusual.state, unusual.waits) += 1;
            }
            *status.place(window.rest.state(), None) += rest;
        }
        all.push(status);
    }
    all.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(all)
}

impl TableStatus {
    const fn place(&mut self, state: State, waits: Option<Waits>) -> &mut u64 {
        match state {
            State::Conflict => &mut self.conflicts,
            State::NewThere | State::ChangedThere | State::DeletedThere => match waits {
                Some(Waits::Failed) => &mut self.failures,
                Some(Waits::Retried | Waits::Deactivated) | None => &mut self.retries,
            },
            State::Deactivated => &mut self.deactivated,
            State::Inactive => &mut self.not_complete,
            State::NewHere | State::ChangedHere | State::DeletedHere => &mut self.ready,
            State::Waiting | State::DeletedWaiting => &mut self.sent,
            State::Synchronized => &mut self.successful,
        }
    }

    /// Adds another one's numbers: for the line of totals.
    pub const fn add(&mut self, other: &Self) {
        self.not_complete += other.not_complete;
        self.deactivated += other.deactivated;
        self.ready += other.ready;
        self.sent += other.sent;
        self.retries += other.retries;
        self.failures += other.failures;
        self.conflicts += other.conflicts;
        self.successful += other.successful;
    }
}
