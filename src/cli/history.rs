//! `fieldpost history`: who changed this record, when, and from what to what?

use clap::Args;
use serde::Serialize;

use super::page::{Column, Moment, Page, count, heading};
use super::printer::Report;
use super::shown::{self, Shown};
use crate::model::SiteName;

/// Show who changed a record, when, and from what to what
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost history customers ACME-0007
  fieldpost history order_lines O-17 3      a key of two fields")]
pub struct HistoryArgs {
    /// The table
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The key, one value per key field; whole numbers, 'text' and x'hex' where text and numbers could be mistaken
    #[arg(value_name = "KEY", required = true)]
    pub key: Vec<String>,
}

/// What happened to a record, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<Shown>,
    /// What happened.
    pub events: Vec<HistoryEvent>,
}

/// One thing that happened to a record here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEvent {
    /// When the edit was made, by the clock of its site.
    pub edited: Moment,
    /// The site of the edit.
    pub site: SiteName,
    /// What kind.
    pub kind: HistoryKind,
    /// The fields; of an insert those that are not NULL.
    pub fields: Vec<HistoryField>,
    /// The packet that brought it; none where it was made here.
    pub packet: Option<HistoryPacket>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    /// The record was made.
    Made,
    /// Fields were changed.
    Changed,
    /// The record was deleted.
    Deleted,
    /// The record was deleted and another one made with its key.
    Replaced,
    /// The record was deleted and came back.
    Revived,
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryField {
    /// Its name.
    pub field: String,
    /// Before.
    pub before: Shown,
    /// After.
    pub after: Shown,
}

/// Which packet brought it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryPacket {
    /// Who sent it.
    pub from: SiteName,
    /// Its number.
    pub number: u64,
}

impl HistoryKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
            Self::Revived => "revived",
        }
    }
}

impl Report for HistoryReport {
    fn text(&self, page: &Page) -> String {
        let record = format!("{} {}", self.table, shown::key(&self.key));
        if self.events.is_empty() {
            return format!("{record}: nothing has happened to it since the database was taken in.");
        }
        let columns = ["edited", "by", "what", "field", "before", "after", "packet"].map(Column::Words);
        let title = heading(&format!("{record}: {}", count(self.events.len(), "event", "events")));
        format!("{title}\n{}", page.table(&columns, self.events.iter().flat_map(|event| event.rows(page))))
    }
}

impl HistoryEvent {
    /// One row per field; what they share stands only in the first.
    fn rows(&self, page: &Page) -> Vec<Vec<String>> {
        let packet = self.packet.as_ref().map_or_else(|| "here".to_owned(), |packet| format!("{} from {}", packet.number, packet.from));
        let mut rows: Vec<Vec<String>> = vec![vec![String::new(); 7]; self.fields.len().max(1)];
        for (row, field) in rows.iter_mut().zip(&self.fields) {
            row[3..6].clone_from_slice(&[field.field.clone(), field.before.to_string(), field.after.to_string()]);
        }
        rows[0][..3].clone_from_slice(&[page.moment(self.edited), self.site.to_string(), self.kind.word().to_owned()]);
        rows[0][6] = packet;
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, plain};
    use crate::model::Value;

    #[test]
    fn each_event_says_who_when_and_from_what_to_what() {
        let field = |name: &str, before, after| HistoryField { field: name.to_owned(), before: Shown(before), after: Shown(after) };
        let report = HistoryReport {
            table: "customers".to_owned(),
            key: vec![Shown(Value::text("ACME-0007"))],
            events: vec![
                HistoryEvent {
                    edited: at(0),
                    site: SiteName::new("anna").unwrap(),
                    kind: HistoryKind::Changed,
                    fields: vec![
                        field("phone", Value::Null, Value::text("555-0199")),
                        field("city", Value::text("Ulm"), Value::text("Bern")),
                    ],
                    packet: Some(HistoryPacket { from: SiteName::new("north").unwrap(), number: 41 }),
                },
                HistoryEvent {
                    edited: at(9),
                    site: SiteName::new("head").unwrap(),
                    kind: HistoryKind::Deleted,
                    fields: Vec::new(),
                    packet: None,
                },
            ],
        };
        assert_eq!(
            plain(&report),
            "\
customers ACME-0007: 2 events
  edited            by    what     field  before  after       packet
  2026-11-22 08:00  anna  changed  phone  NULL    '555-0199'  41 from north
                                   city   'Ulm'   'Bern'
  2026-11-22 08:09  head  deleted                             here
"
        );
    }
}
