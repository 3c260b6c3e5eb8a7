//! `fieldpost conflicts`: which edits lost against another edit, and what did they say?

use clap::Args;
use serde::Serialize;

use super::Exit;
use super::page::{Moment, Page, alert, count, heading, paragraphs};
use super::printer::Report;
use super::shown::{self, Shown};
use crate::model::SiteName;

/// List edits that lost against another edit, with their values
///
/// Conflicts are decided at the parent by the rules in its rules.toml. The value that lost is kept in this list, at the
/// site that decided and at the site of the edit. Under the rule 'review' the parent's value stands until a person
/// decides, by editing the record.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost conflicts
  fieldpost conflicts customers --open
  fieldpost conflicts --json > conflicts.json")]
pub struct ConflictsArgs {
    /// Only this table
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,
    /// Only those that wait for a person
    #[arg(long)]
    pub open: bool,
}

/// The conflicts, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictsReport {
    /// The list.
    pub conflicts: Vec<Conflict>,
}

/// One field, or one whole record, that two sites edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Names the conflict at this site.
    pub number: u64,
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<Shown>,
    /// What is in conflict.
    pub about: About,
    /// What both sites last agreed on.
    pub base: Shown,
    /// What the other site made of it.
    pub theirs: Shown,
    /// What this site made of it.
    pub ours: Shown,
    /// The other site.
    pub site: SiteName,
    /// Who won.
    pub winner: Winner,
    /// The rule that decided.
    pub rule: String,
    /// The packet it came in, as the other site numbers it.
    pub packet: u64,
    /// When it was decided.
    pub decided: Moment,
    /// Whether a person is still to decide.
    pub open: bool,
}

/// What of a record is in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what", content = "field")]
pub enum About {
    /// One field.
    Field(String),
    /// One site deleted what the other edited.
    Delete,
    /// Two sites made records with the same key.
    SameKey,
    /// A value that another record has, and no two may.
    Unique(String),
}

/// Whose edit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Winner {
    /// This site's.
    Ours,
    /// The other site's.
    Theirs,
}

impl About {
    /// As a line has it after the key.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Field(field) => field.clone(),
            Self::Delete => "deleted and edited".to_owned(),
            Self::SameKey => "made at two sites".to_owned(),
            Self::Unique(field) => format!("{field}, which another record has"),
        }
    }
}

impl Report for ConflictsReport {
    fn text(&self, page: &Page) -> String {
        if self.conflicts.is_empty() {
            return "No conflicts.".to_owned();
        }
        let open = self.conflicts.iter().filter(|conflict| conflict.open).count();
        let title = match open {
            0 => count(self.conflicts.len(), "conflict", "conflicts"),
            _ => format!("{}, {open} to decide", count(self.conflicts.len(), "conflict", "conflicts")),
        };
        let all = self.conflicts.iter().map(|conflict| conflict.text(page));
        paragraphs([heading(&title)].into_iter().chain(all))
    }

    fn exit(&self) -> Exit {
        if self.conflicts.iter().any(|conflict| conflict.open) { Exit::Attention } else { Exit::Done }
    }
}

impl Conflict {
    fn text(&self, page: &Page) -> String {
        let outcome = match (self.open, self.winner) {
            (true, Winner::Ours | Winner::Theirs) => alert("to decide: edit the record as it should be"),
            (false, Winner::Ours) => format!("ours stands ({})", self.rule),
            (false, Winner::Theirs) => format!("theirs stands ({})", self.rule),
        };
        format!(
            "{}. {} {}: {}\n   ours    {}\n   theirs  {}   from '{}', packet {}\n   before  {}\n   {}, {outcome}",
            self.number,
            self.table,
            shown::key(&self.key),
            self.about.words(),
            self.ours,
            self.theirs,
            self.site,
            self.packet,
            self.base,
            page.moment(self.decided)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};
    use crate::model::Value;

    fn conflict() -> Conflict {
        Conflict {
            number: 7,
            table: "customers".to_owned(),
            key: vec![Shown(Value::text("ACME-0007"))],
            about: About::Field("phone".to_owned()),
            base: Shown(Value::Null),
            theirs: Shown(Value::text("555-0199")),
            ours: Shown(Value::text("555-0100")),
            site: SiteName::new("anna").unwrap(),
            winner: Winner::Theirs,
            rule: "newest".to_owned(),
            packet: 4,
            decided: at(1),
            open: false,
        }
    }

    #[test]
    fn both_values_and_the_one_before_are_shown() {
        let report = ConflictsReport { conflicts: vec![conflict()] };
        assert_eq!(
            plain(&report),
            "\
1 conflict

7. customers ACME-0007: phone
   ours    '555-0100'
   theirs  '555-0199'   from 'anna', packet 4
   before  NULL
   2026-11-22 08:01, theirs stands (newest)
"
        );
        assert_eq!(json(&report)["conflicts"][0]["about"], serde_json::json!({"what": "field", "field": "phone"}));
        assert_eq!(plain(&ConflictsReport { conflicts: Vec::new() }), "No conflicts.\n");
    }

    #[test]
    fn one_that_waits_for_a_person_says_so() {
        let report = ConflictsReport { conflicts: vec![Conflict { open: true, rule: "review".to_owned(), ..conflict() }, conflict()] };
        assert_eq!(report.exit(), Exit::Attention);
        assert!(plain(&report).starts_with("2 conflicts, 1 to decide\n"));
        assert!(plain(&report).contains("08:01, to decide: edit the record as it should be\n"));
    }
}
