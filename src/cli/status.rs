//! `fieldpost status`: where do we stand with every neighbour?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Exit;
use super::invite::a_role;
use super::page::{Column, Moment, Page, alert, count, heading, number, paragraphs};
use super::printer::Report;
use crate::model::SiteName;
use crate::site::Role;

/// Show what was sent, received, and is waiting or in conflict
///
/// Looks only at this computer: the exchange is not asked.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost status
  fieldpost status --json")]
pub struct StatusArgs {}

/// What is true now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// This site.
    pub site: SiteName,
    /// Its place.
    pub role: Role,
    /// Its parent; none at the host.
    pub parent: Option<SiteName>,
    /// Its folder.
    pub home: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The exchange.
    pub exchange: String,
    /// Parent first, then the children by name.
    pub neighbours: Vec<NeighbourStatus>,
    /// Conflicts that wait for a person's decision.
    pub conflicts_open: u64,
    /// Changes that could not be applied yet.
    pub held_open: u64,
    /// Records that were edited since the last run.
    pub unsealed: u64,
}

/// Where we stand with one neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeighbourStatus {
    /// The neighbour.
    pub name: SiteName,
    /// Its place.
    pub role: Role,
    /// Number of the last packet made for it.
    pub sent: u64,
    /// Number of the last packet it says it has applied.
    pub acknowledged: u64,
    /// Number of its last packet applied here.
    pub received: u64,
    /// Records changed here that are in no packet for it yet.
    pub waiting: u64,
    /// When the last packet was made for it.
    pub last_sent: Option<Moment>,
    /// When its last packet was applied.
    pub last_received: Option<Moment>,
    /// What keeps the two apart and wants a person.
    pub problem: Option<String>,
}

impl Report for StatusReport {
    fn text(&self, page: &Page) -> String {
        let place = match &self.parent {
            Some(parent) => format!("{} of '{parent}'", a_role(self.role)),
            None => a_role(self.role).to_owned(),
        };
        let head = format!(
            "{}\n  home      {}\n  database  {}\n  exchange  {}",
            heading(&format!("{}, {place}", self.site)),
            self.home.display(),
            self.database.display(),
            self.exchange
        );
        let problems = self.neighbours.iter().filter_map(|neighbour| {
            neighbour.problem.as_ref().map(|problem| format!("{} {problem}", alert(&format!("'{}':", neighbour.name))))
        });
        let problems = problems.collect::<Vec<_>>().join("\n");
        paragraphs([head, self.neighbours_text(page), problems, self.open_text()])
    }

    fn exit(&self) -> Exit {
        let stopped = self.neighbours.iter().any(|neighbour| neighbour.problem.is_some());
        if stopped || self.conflicts_open > 0 { Exit::Attention } else { Exit::Done }
    }
}

impl StatusReport {
    fn neighbours_text(&self, page: &Page) -> String {
        if self.neighbours.is_empty() {
            return "No neighbours yet: 'fieldpost invite NAME' makes the first one.".to_owned();
        }
        let columns = [
            Column::Words("neighbour"),
            Column::Words("role"),
            Column::Numbers("sent"),
            Column::Numbers("arrived"),
            Column::Numbers("received"),
            Column::Numbers("to send"),
            Column::Words("last sent"),
            Column::Words("last received"),
        ];
        let moment = |moment: Option<Moment>| moment.map_or_else(|| "never".to_owned(), |moment| page.moment(moment));
        let rows = self.neighbours.iter().map(|neighbour| {
            vec![
                neighbour.name.to_string(),
                neighbour.role.to_string(),
                number(neighbour.sent),
                number(neighbour.acknowledged),
                number(neighbour.received),
                number(neighbour.waiting),
                moment(neighbour.last_sent),
                moment(neighbour.last_received),
            ]
        });
        page.table(&columns, rows)
    }

    fn open_text(&self) -> String {
        let mut lines = Vec::new();
        let mut line = |amount: u64, one: &str, many: &str, hint: &str| {
            if amount > 0 {
                lines.push(format!("{} {hint}", count(usize::try_from(amount).unwrap_or(usize::MAX), one, many)));
            }
        };
        line(self.unsealed, "record was", "records were", "edited since the last run: 'fieldpost sync' sends");
        line(self.conflicts_open, "conflict wants", "conflicts want", "a decision: 'fieldpost conflicts --open'");
        line(self.held_open, "change is", "changes are", "held: 'fieldpost held' says why");
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};

    fn report() -> StatusReport {
        StatusReport {
            site: SiteName::new("anna").unwrap(),
            role: Role::Remote,
            parent: Some(SiteName::new("head").unwrap()),
            home: "/home/anna".into(),
            database: "/home/anna/shop.db".into(),
            exchange: "/mnt/share".to_owned(),
            neighbours: vec![NeighbourStatus {
                name: SiteName::new("head").unwrap(),
                role: Role::Host,
                sent: 12,
                acknowledged: 11,
                received: 1_041,
                waiting: 3,
                last_sent: Some(at(0)),
                last_received: None,
                problem: None,
            }],
            conflicts_open: 0,
            held_open: 1,
            unsealed: 3,
        }
    }

    #[test]
    fn it_tells_where_we_stand_with_every_neighbour() {
        assert_eq!(
            plain(&report()),
            "\
anna, a remote of 'head'
  home      /home/anna
  database  /home/anna/shop.db
  exchange  /mnt/share

  neighbour  role  sent  arrived  received  to send  last sent         last received
  head       host    12       11     1,041        3  2026-11-22 08:00  never

3 records were edited since the last run: 'fieldpost sync' sends
1 change is held: 'fieldpost held' says why
"
        );
        assert_eq!(report().exit(), Exit::Done);
        assert_eq!(json(&report())["neighbours"][0]["last_sent"], "2026-11-22T08:00:00.000Z");
    }

    #[test]
    fn a_stream_that_stopped_wants_a_person() {
        let mut report = report();
        report.neighbours[0].problem = Some("its last packet does not follow the one before".to_owned());
        assert_eq!(report.exit(), Exit::Attention);
        assert!(plain(&report).contains("\n'head': its last packet does not follow the one before\n"));
    }
}
