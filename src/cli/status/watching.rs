//! Does this site run by itself, and what comes next?

use serde::Serialize;

use super::super::page::{Moment, Page};
use crate::site::Watcher;

/// What a watch says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchStatus {
    /// Its process.
    pub process: u32,
    /// When it began.
    pub since: Moment,
    /// When the next round is; none: when something happens.
    pub next: Option<Moment>,
    /// Why it is then.
    pub why: Option<String>,
    /// Rounds in a row that failed.
    pub failures: u32,
    /// Whether the last of them wants a person.
    pub wants_person: bool,
}

impl WatchStatus {
    pub(super) fn of(watcher: Watcher) -> Self {
        let Watcher { process, since, next, why, failures, wants_person } = watcher;
        Self { process, since: Moment(since), next: next.map(Moment), why, failures, wants_person }
    }

    pub(super) fn words(&self, page: &Page) -> String {
        let next = match (self.next, &self.why) {
            (Some(next), Some(why)) => format!("the next round is {}: {why}", page.moment(next)),
            (Some(next), None) => format!("the next round is {}", page.moment(next)),
            (None, _) => "the next round is when something happens".to_owned(),
        };
        let failures = match self.failures {
            0 => String::new(),
            _ if self.wants_person => " (the last one failed and wants a person: 'fieldpost log')".to_owned(),
            1 => " (the last one failed)".to_owned(),
            times => format!(" (the last {times} failed)"),
        };
        format!("a watch runs since {}, {next}{failures}", page.moment(self.since))
    }
}
