//! What of the schema wants a person, here or at a site below? 'fieldpost schema status' has the rest.

use serde::Serialize;

use crate::cli::page::{alert, count, one_line};
use crate::model::SiteName;
use crate::sync::schema::refusals::Refusal;
use crate::sync::schema::view;
use crate::sync::{Session, SyncError};

/// What of the schema wants a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// The version that the parent told and that cannot be had here.
    pub refused: Option<Refusal>,
    /// Indexes that records here are in the way of.
    pub late: Vec<String>,
    /// What goes to nobody until somebody tells what became of it.
    pub unclear: Vec<String>,
    /// What stays home because it may be what the rules keep there.
    pub home: Vec<String>,
    /// What sites below this one cannot have.
    pub below: Vec<Refusal>,
}

/// Most sites that are told one by one.
const MOST_SITES: usize = 5;

impl SchemaStatus {
    pub(super) fn of(session: &Session) -> Result<Self, SyncError> {
        let standing = view::standing(session)?;
        let home = standing.home.iter().map(ToString::to_string).collect();
        if !standing.travels {
            return Ok(Self { home, ..Self::default() });
        }
        let site = || session.name().clone();
        Ok(Self {
            refused: standing.refused.map(|(version, why)| Refusal { site: site(), version, why }),
            late: standing.late,
            unclear: standing.unclear.iter().map(ToString::to_string).collect(),
            home,
            below: standing.below,
        })
    }

    /// Whether a person has something to do.
    pub(super) const fn wants_person(&self) -> bool {
        self.refused.is_some() || !self.late.is_empty() || !self.unclear.is_empty() || !self.home.is_empty() || !self.below.is_empty()
    }

    /// A line each. `parent`: whose packets wait.
    pub(super) fn lines(&self, parent: Option<&SiteName>) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(Refusal { version, why, .. }) = &self.refused {
            let from = parent.map_or_else(String::new, |parent| format!(" from '{parent}'"));
            lines.push(alert(&format!(
                "version {version} of the schema cannot be had here: {}; until then everything new{from} waits, and every round tries again: 'fieldpost schema diff' shows what it wants to change",
                one_line(why)
            )));
        }
        if !self.unclear.is_empty() {
            let questions = count(self.unclear.len(), "question is", "questions are");
            lines.push(alert(&format!("the new schema goes to nobody before {questions} answered: 'fieldpost schema status' asks")));
        }
        lines.extend(self.home.iter().map(|question| alert(question)));
        if !self.late.is_empty() {
            let indexes = count(self.late.len(), "index is", "indexes are");
            lines.push(alert(&format!("{indexes} not made yet, because of records here: 'fieldpost schema status' names them")));
        }
        for Refusal { site, version, why } in self.below.iter().take(MOST_SITES) {
            lines.push(alert(&format!(
                "'{site}' cannot have version {version} of the schema: {}; until somebody mends that there, or the schema is changed again here, everything new for '{site}' waits",
                one_line(why)
            )));
        }
        if let Some(more) = self.below.len().checked_sub(MOST_SITES).filter(|more| *more > 0) {
            lines.push(alert(&format!("{} cannot have it either: 'fieldpost schema status'", count(more, "more site", "more sites"))));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wants_a_person_is_a_line_with_what_to_do() {
        let refusal = |site: &str| Refusal { site: SiteName::new(site).unwrap(), version: 3, why: "change ECHO\nhere".into() };
        let plain = |status: &SchemaStatus| {
            let lines = status.lines(Some(&SiteName::new("head").unwrap()));
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect::<Vec<_>>()
        };
        assert!(!SchemaStatus::default().wants_person() && plain(&SchemaStatus::default()).is_empty());
        let refused = SchemaStatus { refused: Some(refusal("anna")), ..SchemaStatus::default() };
        assert!(refused.wants_person());
        assert!(
            plain(&refused)[0]
                .starts_with("version 3 of the schema cannot be had here: change ECHO⏎here; until then everything new from 'head' waits")
        );
        let below = (0..MOST_SITES + 2).map(|number| refusal(&format!("s{number}"))).collect();
        let below = SchemaStatus {
            below,
            late: vec!["index".into()],
            unclear: vec!["is it?".into()],
            home: vec!["`b` of `c` stays home".into()],
            ..SchemaStatus::default()
        };
        let lines = plain(&below);
        assert_eq!(lines.len(), MOST_SITES + 4, "{lines:?}");
        assert_eq!(lines[1], "`b` of `c` stays home");
        assert!(lines[3].starts_with("'s0' cannot have version 3 of the schema: change ECHO"), "{lines:?}");
        assert_eq!(lines[MOST_SITES + 3], "2 more sites cannot have it either: 'fieldpost schema status'");
    }
}
