//! `fieldpost conflicts`: which edits lost against another edit, and what did they say?

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::Exit;
use super::history::shape_named;
use super::page::{Moment, Page, alert, count, heading, paragraphs};
use super::printer::Report;
use super::shown::{self, Shown};
use super::{Context, Failure};
use crate::ledger::{Conflict as Listed, ConflictKind, ConflictState};
use crate::model::{SiteName, Value};
use crate::sync::mend::{self, Choice, Since};
use crate::sync::{Session, SyncError};

/// List edits that lost against another edit, with their values
///
/// Conflicts are decided at the parent by the rules in its rules.toml. The value that lost is kept in this list, at the
/// site that decided and at the site of the edit. Under the rule 'review' the parent's value stands until a person
/// decides, with 'conflicts resolve' or by editing the record.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  fieldpost conflicts
  fieldpost conflicts customers --open
  fieldpost conflicts resolve 7 --take lost
  fieldpost conflicts --json > conflicts.json"
)]
pub struct ConflictsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: Option<ConflictsCommand>,
    /// Only this table
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,
    /// Only those that wait for a person
    #[arg(long)]
    pub open: bool,
}

/// What to do with conflicts.
#[derive(Clone, Debug, Subcommand)]
pub enum ConflictsCommand {
    /// Settle conflicts: keep what stands, take what lost, or set another value
    ///
    /// Whatever changes is an edit of this site and travels like any other. A record that was edited since the conflict was decided
    /// is not overwritten unless you say so.
    #[command(after_help = "\
Examples:
  fieldpost conflicts resolve 7 --take lost
  fieldpost conflicts resolve 7 8 9 --take standing
  fieldpost conflicts resolve 7 --value '040 555 0333'")]
    Resolve(ResolveArgs),
}

/// Arguments of `conflicts resolve`.
#[derive(Clone, Debug, Args)]
pub struct ResolveArgs {
    /// Numbers of conflicts, as 'fieldpost conflicts' lists them
    #[arg(required = true, value_name = "NUMBER")]
    pub numbers: Vec<i64>,
    /// Which value it shall be
    #[arg(long, value_enum, required_unless_present = "value", conflicts_with = "value")]
    pub take: Option<Side>,
    /// Another value; quotes inside the quotes make a number a text
    #[arg(long)]
    pub value: Option<String>,
    /// Also where the record was edited since
    #[arg(long)]
    pub anyway: bool,
}

/// One of the values of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// What stands now
    Standing,
    /// What lost
    Lost,
    /// What both had before
    Before,
}

/// What was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolveReport {
    /// The conflicts, by number.
    pub settled: Vec<i64>,
}

impl Report for ResolveReport {
    fn text(&self, _: &Page) -> String {
        let settled = count(self.settled.len(), "conflict is", "conflicts are");
        format!("{settled} settled; 'fieldpost sync' tells the others.")
    }
}

fn resolve(arguments: &ResolveArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let choice = match (arguments.take, &arguments.value) {
        (Some(Side::Standing), _) => Choice::Standing,
        (Some(Side::Lost), _) => Choice::Lost,
        (Some(Side::Before), _) => Choice::Before,
        (None, value) => Choice::Other(shown::typed(value.as_deref().unwrap_or_default())),
    };
    let since = if arguments.anyway { Since::Overwrite } else { Since::Ask };
    for number in &arguments.numbers {
        mend::settle(&session, *number, &choice, since)?;
    }
    Ok(context.printer.report(&ResolveReport { settled: arguments.numbers.clone() }))
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
    pub number: i64,
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<Shown>,
    /// What is in conflict.
    pub about: About,
    /// What both sites last agreed on.
    pub base: Shown,
    /// The value that stands.
    pub winner: Shown,
    /// The site of that edit.
    pub winner_site: Option<SiteName>,
    /// The value that lost.
    pub loser: Shown,
    /// The site of that edit.
    pub loser_site: Option<SiteName>,
    /// The rule that decided.
    pub rule: String,
    /// The site that decided.
    pub decider: SiteName,
    /// The packet that brought the change to the decider, and who sent it.
    pub packet: Option<ConflictPacket>,
    /// When it was decided.
    pub decided: Moment,
    /// Whether a person is still to decide.
    pub open: bool,
    /// Whether a person settled it.
    pub settled: bool,
}

/// Where the change came from that met another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictPacket {
    /// Who sent it.
    pub from: SiteName,
    /// Its number.
    pub number: u64,
}

/// What of a record is in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what", content = "field")]
pub enum About {
    /// One field.
    Field(String),
    /// A field of a record that is no more here, or whose key belongs to another record.
    Gone(String),
    /// One site deleted what the other edited.
    Delete,
    /// Two sites made the same record.
    Twin,
    /// A delete of a record that others refer to.
    Dependants,
    /// Not decided: the change waits at the site that would decide.
    Held,
    /// Both edits of a field are kept in one value.
    Merged(String),
    /// A change that the rules do not allow: of a field, or the delete of a record.
    Refused(Option<String>),
    /// A held change that a person let go of: a field of it, or the delete of a record.
    Dropped(Option<String>),
}

/// Runs the command.
///
/// # Errors
/// [`Failure::NoTable`]; else as the ledger says.
pub fn run(arguments: &ConflictsArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(ConflictsCommand::Resolve(arguments)) = &arguments.command {
        return resolve(arguments, context);
    }
    let session = context.look()?;
    let table = arguments.table.as_ref().map(|typed| shape_named(&session, typed).map(|shape| shape.name.clone())).transpose()?;
    let mut conflicts = all(&session, 0)?;
    conflicts.retain(|conflict| table.as_ref().is_none_or(|table| conflict.table == *table) && (conflict.open || !arguments.open));
    conflicts.reverse();
    Ok(context.printer.report(&ConflictsReport { conflicts }))
}

/// The conflicts of a site after number `after`, oldest first.
///
/// # Errors
/// As the ledger says.
pub fn all(session: &Session, after: i64) -> Result<Vec<Conflict>, SyncError> {
    let settled = session.ledger.settled()?;
    let mut found = Vec::new();
    session.ledger.conflicts(after, &mut |number, decider_number, _, conflict| {
        if conflict.kind != ConflictKind::Settled {
            let settled = settled.contains(&(conflict.decider.clone(), decider_number));
            found.push((number, conflict, settled));
        }
        Ok(())
    })?;
    found.into_iter().map(|(number, conflict, settled)| show(session, number, conflict, settled)).collect()
}

fn show(session: &Session, number: i64, conflict: Listed, settled: bool) -> Result<Conflict, SyncError> {
    let open = conflict.state == ConflictState::Open && !settled && !edited_since(session, &conflict)?;
    let field = conflict.field.clone();
    let about = match (conflict.kind, field) {
        (ConflictKind::Field, Some(field)) => About::Field(field),
        (ConflictKind::Gone, Some(field))
        | (ConflictKind::Delete | ConflictKind::Twin | ConflictKind::Dependants | ConflictKind::Held, Some(field)) => About::Gone(field),
        (ConflictKind::Delete | ConflictKind::Gone | ConflictKind::Field, None) => About::Delete,
        (ConflictKind::Twin, None) => About::Twin,
        (ConflictKind::Dependants, None) => About::Dependants,
        (ConflictKind::Held, None) => About::Held,
        (ConflictKind::Merged, Some(field)) => About::Merged(field),
        (ConflictKind::Refused, field) => About::Refused(field),
        (ConflictKind::Dropped, field) => About::Dropped(field),
        (ConflictKind::Merged | ConflictKind::Settled, _) => About::Dropped(None),
    };
    let words = |text: &Option<String>| Shown(text.as_ref().map_or(Value::Absent, |text| Value::text(text)));
    let [base, winner, loser] = match (&about, conflict.exact.0.as_slice()) {
        (About::Field(_) | About::Gone(_) | About::Merged(_) | About::Refused(_) | About::Dropped(_), [base, winner, loser, ..]) => {
            [base, winner, loser].map(|value| Shown(value.clone()))
        }
        (
            About::Field(_)
            | About::Gone(_)
            | About::Merged(_)
            | About::Refused(_)
            | About::Dropped(_)
            | About::Delete
            | About::Twin
            | About::Dependants
            | About::Held,
            _,
        ) => [words(&conflict.base), words(&conflict.winner), words(&conflict.loser)],
    };
    Ok(Conflict {
        number,
        table: conflict.table,
        key: shown::of_key(&conflict.key),
        about,
        base,
        winner,
        winner_site: conflict.winner_site,
        loser,
        loser_site: conflict.loser_site,
        rule: conflict.rule,
        decider: conflict.decider,
        packet: conflict.packet.map(|(from, number)| ConflictPacket { from, number: number.0 }),
        decided: Moment(conflict.time),
        open,
        settled,
    })
}

/// Whether somebody edited the field after it was parked for review: that edit is the decision.
fn edited_since(session: &Session, conflict: &Listed) -> Result<bool, SyncError> {
    let Some(shape) = session.shapes.iter().find(|shape| shape.name == conflict.table) else { return Ok(false) };
    let Some(record) = mend::record_of(session, shape, conflict)? else { return Ok(false) };
    // A record that is gone answers for itself, except where its end is what a person is to look at.
    let about_its_end = matches!(conflict.kind, ConflictKind::Delete | ConflictKind::Gone) && conflict.field.is_some();
    let Some(image) = record.current else { return Ok(!about_its_end) };
    let field = conflict.field.as_ref().and_then(|name| shape.field(name));
    Ok(field.is_some_and(|field| image.stamp(field).is_some_and(|stamp| stamp.time > conflict.time)))
}

/// A site in quotes; "an unknown site" where nobody said.
#[must_use]
pub fn by(site: Option<&SiteName>) -> String {
    site.map_or_else(|| "an unknown site".to_owned(), |site| format!("'{site}'"))
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
    /// The record and what of it, as a line begins.
    fn subject(&self) -> String {
        format!("{} {}", self.table, shown::key(&self.key))
    }

    /// What happened, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { winner, loser, rule, .. } = self;
        let record = self.subject();
        let (winner_site, loser_site) = (by(self.winner_site.as_ref()), by(self.loser_site.as_ref()));
        match &self.about {
            About::Field(field) if self.open => {
                format!("{record}, {field}: {winner} of {winner_site} or {loser} of {loser_site}? You decide ({rule})")
            }
            About::Field(field) => {
                format!("{record}, {field}: {winner} of {winner_site} stands ({rule}), {loser} of {loser_site} lost")
            }
            About::Gone(field) => format!("{record}, {field}: {loser} of {loser_site} had no record to go to ({rule})"),
            About::Delete => format!("{record}: deleted at {loser_site}, but edited at {winner_site} or below; it is kept ({rule})"),
            About::Twin => format!("{record}: made at {winner_site} and at {loser_site}; it is one record now ({rule})"),
            About::Held => format!("{record}: the change of {loser_site} waits at '{}', because {rule}", self.decider),
            About::Dependants => format!("{record}: deleted at {loser_site}, but other records refer to it; it is kept ({rule})"),
            About::Merged(field) => {
                format!("{record}, {field}: {loser} of {loser_site} and the edit of {winner_site} make {winner} ({rule})")
            }
            About::Refused(Some(field)) => format!("{record}, {field}: {loser} of {loser_site} is not allowed ({rule})"),
            About::Refused(None) => format!("{record}: the delete at {loser_site} is not allowed ({rule})"),
            About::Dropped(Some(field)) => {
                format!("{record}, {field}: {loser} of {loser_site} was dropped at '{}': {rule}", self.decider)
            }
            About::Dropped(None) => format!("{record}: the delete of {loser_site} was dropped at '{}': {rule}", self.decider),
        }
    }

    fn text(&self, page: &Page) -> String {
        let packet = self.packet.as_ref().map_or_else(String::new, |packet| format!(", packet {} from '{}'", packet.number, packet.from));
        let outcome = match self.open {
            true => alert(&format!("to decide: 'fieldpost conflicts resolve {}'", self.number)),
            false if self.settled => format!("decided at '{}'{packet}, settled by a person", self.decider),
            false => format!("decided at '{}'{packet}", self.decider),
        };
        let decided = page.moment(self.decided);
        match &self.about {
            About::Field(field) | About::Gone(field) | About::Merged(field) | About::Refused(Some(field)) => {
                let stands = match self.winner.0 {
                    Value::Absent => "no such record".to_owned(),
                    Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
                        format!("{}   of {}", self.winner, by(self.winner_site.as_ref()))
                    }
                };
                format!(
                    "{}. {}: {field}\n   stands  {stands}\n   lost    {}   of {}\n   before  {}\n   {decided}, {outcome}; rule: {}",
                    self.number,
                    self.subject(),
                    self.loser,
                    by(self.loser_site.as_ref()),
                    self.base,
                    self.rule,
                )
            }
            About::Held => format!("{}. {}\n   {decided}{packet}", self.number, self.sentence()),
            About::Delete | About::Twin | About::Dependants | About::Refused(None) | About::Dropped(_) => {
                format!("{}. {}\n   {decided}, {outcome}", self.number, self.sentence())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};

    fn conflict() -> Conflict {
        Conflict {
            number: 7,
            table: "customers".to_owned(),
            key: vec![Shown(Value::text("ACME-0007"))],
            about: About::Field("phone".to_owned()),
            base: Shown(Value::Null),
            winner: Shown(Value::text("555-0199")),
            winner_site: SiteName::new("anna").ok(),
            loser: Shown(Value::text("555-0100")),
            loser_site: SiteName::new("head").ok(),
            rule: "newest".to_owned(),
            decider: SiteName::new("head").unwrap(),
            packet: Some(ConflictPacket { from: SiteName::new("anna").unwrap(), number: 4 }),
            decided: at(1),
            open: false,
            settled: false,
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
   stands  '555-0199'   of 'anna'
   lost    '555-0100'   of 'head'
   before  NULL
   2026-11-22 08:01, decided at 'head', packet 4 from 'anna'; rule: newest
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
        assert!(plain(&report).contains("08:01, to decide: 'fieldpost conflicts resolve 7'; rule: review\n"));
    }

    #[test]
    fn a_delete_says_where_it_was_deleted() {
        let delete = Conflict { about: About::Delete, rule: "edit wins over delete".to_owned(), ..conflict() };
        assert_eq!(
            delete.sentence(),
            "customers ACME-0007: deleted at 'head', but edited at 'anna' or below; it is kept (edit wins over delete)"
        );
    }
}
