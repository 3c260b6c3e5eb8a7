//! How do bundles stand here, in a line? 'fieldpost bundle status' has the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::bundle::{BundleName, Version};
use crate::cli::page::count;
use crate::sync::bundles::{Scope, Until, look, reports, states};
use crate::sync::{Session, SyncError};

/// Bundles at this site, and what is refused below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BundlesStatus {
    /// What is installed here.
    pub installed: BTreeMap<BundleName, Version>,
    /// What is published for this site and goes in by itself later, with why not now.
    pub waiting: BTreeMap<BundleName, String>,
    /// What cannot go in or out without a person, with why.
    pub failed: BTreeMap<BundleName, String>,
    /// Of those that are installed, the ones of which something was changed here.
    pub changed: BTreeSet<BundleName>,
    /// At how many sites below this one something cannot go in or out without a person.
    pub sites_failed: usize,
}

impl BundlesStatus {
    pub(super) fn of(session: &Session) -> Result<Self, SyncError> {
        let mut status = Self::default();
        for (name, state) in states(session, Scope::Site)? {
            status.installed.extend(state.top().map(|top| (name, top.version)));
        }
        for report in reports(session)? {
            let failed = report.bundles.iter().any(|standing| standing.waits.as_ref().is_some_and(|wait| wait.until == Until::Person));
            if report.site != *session.name() {
                status.sites_failed += usize::from(failed);
                continue;
            }
            for (name, wait) in report.bundles.into_iter().filter_map(|standing| Some((standing.name, standing.waits?))) {
                match wait.until {
                    Until::Later => drop(status.waiting.insert(name, wait.why)),
                    Until::Person => drop(status.failed.insert(name, wait.why)),
                    Until::Declined => {}
                }
            }
        }
        if !status.installed.is_empty() {
            status.changed = match look::changed(session) {
                // What is wrong with the folder, a run and 'fieldpost bundle drift' say.
                Err(SyncError::Bundle(_)) => BTreeSet::new(),
                changed => changed?,
            };
        }
        Ok(status)
    }

    /// Whether a person has something to do here.
    pub(super) fn wants_person(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Whether there is nothing to do or to wait for.
    pub(super) fn is_calm(&self) -> bool {
        self.waiting.is_empty() && self.failed.is_empty() && self.changed.is_empty() && self.sites_failed == 0
    }

    /// All of it in a line; none where there are no bundles.
    pub(super) fn line(&self) -> Option<String> {
        let bundles = |amount: usize| count(amount, "bundle", "bundles");
        let parts = [
            (self.installed.len(), bundles(self.installed.len()) + " installed"),
            (self.waiting.len(), format!("{} to come", self.waiting.len())),
            (self.failed.len(), format!("{} in trouble", self.failed.len())),
            (self.changed.len(), format!("{} changed here", self.changed.len())),
            (self.sites_failed, format!("trouble at {}", count(self.sites_failed, "site", "sites"))),
        ];
        let mut told: Vec<String> = parts.into_iter().filter(|(amount, _)| *amount > 0).map(|(_, words)| words).collect();
        let first = told.first_mut()?;
        if self.installed.is_empty() {
            *first = format!("bundles: {first}");
        }
        let plain = self.waiting.is_empty() && self.failed.is_empty() && self.sites_failed == 0;
        let hint = if plain && !self.changed.is_empty() { "drift' lists what" } else { "status' tells which" };
        Some(format!("{}: 'fieldpost bundle {hint}", told.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_there_is_and_where_to_read_on() {
        let name = |text: &str| BundleName::new(text).unwrap();
        let mut status = BundlesStatus::default();
        assert_eq!(status.line(), None);
        status.waiting.insert(name("a"), "its day has not come".to_owned());
        assert_eq!(status.line().unwrap(), "bundles: 1 to come: 'fieldpost bundle status' tells which");
        status.waiting.clear();
        status.installed.insert(name("a"), "1.0.0".parse().unwrap());
        assert_eq!(status.line().unwrap(), "1 bundle installed: 'fieldpost bundle status' tells which");
        status.changed.insert(name("a"));
        assert_eq!(status.line().unwrap(), "1 bundle installed, 1 changed here: 'fieldpost bundle drift' lists what");
        assert!(!status.wants_person());
        status.failed.insert(name("b"), "x".to_owned());
        status.sites_failed = 2;
        let line = status.line().unwrap();
        assert_eq!(line, "1 bundle installed, 1 in trouble, 1 changed here, trouble at 2 sites: 'fieldpost bundle status' tells which");
        assert!(status.wants_person());
    }
}
