//! `fieldpost conflicts`: which edits lost against another edit, and what did they say?

pub mod resolve;
pub mod show;
pub mod tally;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Exit;
use super::history::shape_named;
use super::log::moment;
use super::logged::Line;
use super::page::{Moment, Page, alert, count, heading, number, one_line, paragraphs};
use super::printer::Report;
use super::shown::{self, Shown};
use super::when::Span;
use super::{Context, Failure};
use crate::ledger::{Conflict as Listed, ConflictKind};
use crate::model::{Key, LIBRARY, Millis, SiteName, Value, shown_table};
use crate::rules::DeleteRule;
use crate::site::Level;
use crate::status::open::{edited_since, is_open};
use crate::sync::{Session, SyncError, mend};
use tally::Tally;

/// List edits that lost against another edit, side by side, and settle them
///
/// Conflicts are decided at the parent by the rules in its rules.toml. The value that lost is kept in this list, at the
/// site that decided and at the site of the edit. Under the rule 'review' the parent's value stands until a person
/// decides, with 'conflicts resolve' or by editing the record. Two edits that the rules merged into one value are listed too: none lost.
///
/// Of a document the content that lost is kept as long as its conflict is listed: 'conflicts show' says where, and 'conflicts resolve 7 --take lost'
/// brings it back.
///
/// A value of a UNIQUE column that two sites gave to two records is a conflict as well: the second record waits until it gets another
/// value, with 'conflicts resolve 7 --value VALUE' at either site, or until the first one gives it up.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  fieldpost conflicts
  fieldpost conflicts customers --open --since friday
  fieldpost conflicts show 7
  fieldpost conflicts resolve
  fieldpost conflicts resolve 7 --take lost
  fieldpost conflicts --json > conflicts.json"
)]
pub struct ConflictsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: Option<ConflictsCommand>,
    /// Which of them to list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Which conflicts are listed.
#[derive(Clone, Debug, Default, Args)]
pub struct ListArgs {
    /// Only this table
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,
    /// Only this record: its key, a word per column
    #[arg(value_name = "KEY")]
    pub key: Vec<String>,
    /// Only those that wait for a person
    #[arg(long)]
    pub open: bool,
    /// By site and date.
    #[command(flatten)]
    pub filter: Filter,
}

/// Which conflicts are meant, by site and date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Filter {
    /// Only those in which an edit of this site won or lost
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    /// Only those decided from then on: a day, a time, or how long ago, as 3h or 2d
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only those decided until then; a day is meant with its evening
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
}

/// What to do with conflicts.
#[derive(Clone, Debug, Subcommand)]
pub enum ConflictsCommand {
    /// List them, newest first: the same as without a word
    #[command(after_help = "Examples:\n  fieldpost conflicts list customers --open")]
    List(ListArgs),
    /// Show conflicts side by side: what was before, what stands, what lost, what is there now
    #[command(after_help = "Examples:\n  fieldpost conflicts show 7")]
    Show(show::ShowArgs),
    /// Settle conflicts: keep what stands, take what lost, or set another value
    ///
    /// Whatever changes is an edit of this site and travels like any other. A record that was edited since the conflict was decided
    /// is not overwritten unless you say so. Without a number it goes through all that are open and asks.
    #[command(after_help = "\
Examples:
  fieldpost conflicts resolve
  fieldpost conflicts resolve 7 8 --take lost
  fieldpost conflicts resolve 7 --value '040 555 0333'
  fieldpost conflicts resolve --table customers --since friday --take-of ledger")]
    Resolve(resolve::ResolveArgs),
}

impl ConflictsArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            Some(ConflictsCommand::Resolve(_)) => Some("conflicts resolve"),
            Some(ConflictsCommand::List(_) | ConflictsCommand::Show(_)) | None => None,
        }
    }
}

/// The conflicts, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictsReport {
    /// The list.
    pub conflicts: Vec<Conflict>,
    /// How many others there are, which are not meant.
    #[serde(skip)]
    pub others: usize,
    /// Whether only those that wait for a person were meant.
    #[serde(skip)]
    pub open: bool,
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
    /// By what people know the record, where somebody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// What is in conflict.
    pub about: About,
    /// What both sites last agreed on.
    pub base: Shown,
    /// The value that stands.
    pub winner: Shown,
    /// The site of that edit.
    pub winner_site: Option<SiteName>,
    /// When it was made, by the clock of its site.
    pub winner_time: Option<Moment>,
    /// The value that lost.
    pub loser: Shown,
    /// Whether that is the number of a record, which may mean another one by now: it is not written again, only what is typed now.
    #[serde(skip)]
    pub loser_is_number: bool,
    /// The site of that edit.
    pub loser_site: Option<SiteName>,
    /// When it was made, by the clock of its site.
    pub loser_time: Option<Moment>,
    /// The sites that made the same edit, which lost with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<SiteName>,
    /// Whether it was made at this site.
    pub mine: bool,
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
    /// How, in words.
    pub settlement: Option<String>,
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
    /// Not decided: the change waits at the site that would decide, because another record, the winner, has the value of a field that is unique.
    Taken(String),
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
/// [`Failure::NoTable`], [`Failure::NoMoment`]; else as the parts say.
pub fn run(arguments: &ConflictsArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(ConflictsCommand::Resolve(resolve)) => resolve::run(resolve, context),
        Some(ConflictsCommand::Show(show)) => show::run(show, context),
        Some(ConflictsCommand::List(list)) => run_list(list, context),
        None => run_list(&arguments.list, context),
    }
}

fn run_list(arguments: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let listed = all(&session, 0)?.len();
    let mut conflicts = meant(&session, arguments.table.as_deref(), &arguments.filter, context)?;
    let key = shown::typed_key(&arguments.key);
    conflicts.retain(|conflict| (key.is_empty() || shown::key(&conflict.key) == key) && (conflict.open || !arguments.open));
    conflicts.reverse();
    let others = listed - conflicts.len().min(listed);
    Ok(context.printer.report(&ConflictsReport { conflicts, others, open: arguments.open }))
}

/// The conflicts of a table, a site and a time that somebody means, oldest first.
fn meant(session: &Session, table: Option<&str>, filter: &Filter, context: &Context) -> Result<Vec<Conflict>, Failure> {
    let table = table.map(|typed| shape_named(session, typed).map(|shape| shown_table(&shape.name).to_owned())).transpose()?;
    let bounds = [moment(filter.since.as_deref(), context)?, moment(filter.until.as_deref(), context)?];
    let mut conflicts = all(session, 0)?;
    conflicts.retain(|conflict| table.as_ref().is_none_or(|table| conflict.table == *table) && conflict.is_meant(filter, bounds));
    Ok(conflicts)
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
            let settled = settled.get(&(conflict.decider.clone(), decider_number)).cloned();
            found.push((number, conflict, settled));
        }
        Ok(())
    })?;
    let dropped = found.iter().filter(|(_, conflict, _)| conflict.kind == ConflictKind::Dropped);
    let dropped: BTreeMap<(String, Key), i64> =
        dropped.map(|(number, conflict, _)| ((conflict.table.clone(), conflict.key.clone()), *number)).collect();
    let settlement = |number: i64, conflict: &Listed, settled: Option<String>| match (conflict.kind, settled) {
        (ConflictKind::Held, None) => {
            let later = dropped.get(&(conflict.table.clone(), conflict.key.clone())).filter(|dropped| **dropped > number);
            Ok(later.map(|dropped| format!("it was dropped, see {dropped}")))
        }
        // Who keeps what stands writes nothing: somebody else may have decided otherwise meanwhile.
        (_, Some(settled)) if settled.starts_with(mend::KEPT) => {
            let edited = edited_since(session, conflict)?;
            Ok(Some(edited.map_or_else(|| settled.clone(), |site| format!("{settled}; edited since, at '{site}'"))))
        }
        (_, settled) => Ok::<_, SyncError>(settled),
    };
    let show = |(number, conflict, settled): (i64, Listed, Option<String>)| {
        let settlement = settlement(number, &conflict, settled)?;
        show(session, number, conflict, settlement)
    };
    found.into_iter().map(show).collect()
}

fn show(session: &Session, number: i64, conflict: Listed, settlement: Option<String>) -> Result<Conflict, SyncError> {
    let open = is_open(session, &conflict, settlement.is_some())?;
    let field = conflict.field.clone();
    let about = match (conflict.kind, field) {
        (ConflictKind::Field, Some(field)) => About::Field(field),
        (ConflictKind::Gone, Some(field))
        | (ConflictKind::Delete | ConflictKind::Twin | ConflictKind::Dependants | ConflictKind::Held, Some(field)) => About::Gone(field),
        (ConflictKind::Delete | ConflictKind::Gone | ConflictKind::Field, None) => About::Delete,
        (ConflictKind::Twin, None) => About::Twin,
        (ConflictKind::Dependants, None) => About::Dependants,
        (ConflictKind::Held, None) => About::Held,
        (ConflictKind::Taken, Some(field)) => About::Taken(field),
        (ConflictKind::Taken, None) => About::Held,
        (ConflictKind::Merged, Some(field)) => About::Merged(field),
        (ConflictKind::Refused, field) => About::Refused(field),
        (ConflictKind::Dropped, field) => About::Dropped(field),
        (ConflictKind::Merged | ConflictKind::Settled, _) => About::Dropped(None),
    };
    let words = |text: &Option<String>| Shown(text.as_ref().map_or(Value::Absent, |text| Value::text(text)));
    let [base, winner, loser] = match (&about, conflict.exact.0.as_slice()) {
        (About::Taken(_), [base, _, loser, ..]) => [Shown(base.clone()), words(&conflict.winner), Shown(loser.clone())],
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
            | About::Held
            | About::Taken(_),
            _,
        ) => [words(&conflict.base), words(&conflict.winner), words(&conflict.loser)],
    };
    let mine = conflict.losing_sites().any(|site| site == session.name());
    let shape = session.shapes.iter().find(|shape| shape.name == conflict.table);
    let field = about.field().and_then(|field| shape.and_then(|shape| Some((shape, shape.field(field)?))));
    let loser_is_number = field.is_some_and(|(shape, field)| shape.is_number(field, &loser.0));
    Ok(Conflict {
        number,
        table: shown_table(&conflict.table).to_owned(),
        key: shown::of_key(&conflict.key),
        called: conflict.called,
        about,
        base,
        winner,
        winner_site: conflict.winner_site,
        winner_time: conflict.winner_time.map(Moment),
        loser,
        loser_is_number,
        mine,
        also: conflict.also.into_iter().map(|(site, _)| site).collect(),
        loser_site: conflict.loser_site,
        loser_time: conflict.loser_time.map(Moment),
        rule: conflict.rule,
        decider: conflict.decider,
        packet: conflict.packet.map(|(from, number)| ConflictPacket { from, number: number.0 }),
        decided: Moment(conflict.time),
        open,
        settled: settlement.is_some(),
        settlement,
    })
}

impl About {
    /// The field, where it is about one.
    #[must_use]
    pub const fn field(&self) -> Option<&str> {
        match self {
            Self::Field(field)
            | Self::Gone(field)
            | Self::Taken(field)
            | Self::Merged(field)
            | Self::Refused(Some(field))
            | Self::Dropped(Some(field)) => Some(field.as_str()),
            Self::Delete | Self::Twin | Self::Dependants | Self::Held | Self::Refused(None) | Self::Dropped(None) => None,
        }
    }
}

/// A site in quotes; "an unknown site" where nobody said.
#[must_use]
pub fn by(site: Option<&SiteName>) -> String {
    site.map_or_else(|| "an unknown site".to_owned(), |site| format!("'{site}'"))
}

impl Report for ConflictsReport {
    fn text(&self, page: &Page) -> String {
        if self.conflicts.is_empty() {
            let none = match (self.others, self.open) {
                (0, _) => return "No conflicts.".to_owned(),
                (_, true) => "None wants a decision",
                (_, false) => "No such conflict",
            };
            return format!("{none}; {} listed: 'fieldpost conflicts'", count(self.others, "is", "are"));
        }
        let tally = Tally::of(&self.conflicts);
        let mut title = tally.words();
        // What two sites filled differently in a record that both made is one matter, of which each field has a number of its own.
        if tally.conflicts + tally.merged < self.conflicts.len() {
            title += &format!(", in {} entries", number(self.conflicts.len()));
        }
        if tally.open > 0 {
            title += &format!(", {} to decide", tally.open);
        }
        let all = self.conflicts.iter().map(|conflict| conflict.text(page));
        paragraphs([heading(&title)].into_iter().chain(all))
    }

    fn exit(&self) -> Exit {
        if self.conflicts.iter().any(|conflict| conflict.open) { Exit::Attention } else { Exit::Done }
    }
}

impl Conflict {
    fn is_meant(&self, filter: &Filter, [since, until]: [Option<Span>; 2]) -> bool {
        let sites = [self.winner_site.as_ref(), self.loser_site.as_ref()].into_iter().chain(self.also.iter().map(Some));
        let at = self.decided.0;
        filter.site.as_ref().is_none_or(|wanted| sites.flatten().any(|site| site.as_str() == wanted))
            && since.is_none_or(|since| at >= since.from)
            && until.is_none_or(|until| at < until.to.max(Millis(until.from.0 + 1)))
    }

    /// The record and what of it, as a line begins.
    pub(super) fn subject(&self) -> String {
        format!("{} {}", self.table, shown::key(&self.key))
    }

    /// What the two values are: of a merged edit none lost.
    #[must_use]
    pub const fn labels(&self) -> [&'static str; 2] {
        if self.is_merged() { ["merged", "edit"] } else { ["stands", "lost"] }
    }

    /// Whether both edits went into one value.
    const fn is_merged(&self) -> bool {
        matches!(self.about, About::Merged(_))
    }

    /// Whether it is about two edits of a document.
    pub(super) fn is_of_document(&self) -> bool {
        self.table == shown_table(LIBRARY) && matches!(&self.about, About::Field(field) if field == "content")
    }

    /// A value as it stands on the page.
    #[must_use]
    pub fn side(&self, value: &Shown) -> String {
        if self.is_of_document() { format!("content {}", shown::content(value)) } else { value.to_string() }
    }

    /// The sites whose edit lost.
    #[must_use]
    pub fn losers(&self) -> String {
        let sites: Vec<String> = self.loser_site.iter().chain(&self.also).map(|site| by(Some(site))).collect();
        let Some((last, first)) = sites.split_last() else { return by(None) };
        if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) }
    }

    /// That it was deleted, and where, as far as that was at one of the sites that are told.
    pub(super) fn deleted(&self) -> String {
        if self.losers() == by(None) { "deleted".to_owned() } else { format!("deleted at {}", self.losers()) }
    }

    /// What happened, in one line.
    #[must_use]
    pub fn sentence(&self, page: &Page) -> String {
        one_line(&self.words(page))
    }

    fn words(&self, page: &Page) -> String {
        let Self { winner, loser, rule, .. } = self;
        let record = self.subject();
        let (winner_site, loser_site) = (by(self.winner_site.as_ref()), self.losers());
        match &self.about {
            About::Field(_) if self.is_of_document() && rule == "both" => {
                format!("{record}: edited at {winner_site} and at {loser_site}; both are kept, that of {loser_site} under another name")
            }
            About::Field(_) if self.is_of_document() && self.mine && !self.settled => {
                format!("{record}: your edit lost to that of {winner_site} ({rule}{}); {}", self.times(page), self.keep_anyway())
            }
            About::Field(_) if self.is_of_document() => {
                format!(
                    "{record}: the edit of {winner_site} stands ({rule}), that of {loser_site} lost and is kept: 'fieldpost conflicts show {}'",
                    self.number
                )
            }
            About::Field(field) if self.open => {
                format!("{record}, {field}: {winner} of {winner_site} or {loser} of {loser_site}? You decide ({rule})")
            }
            About::Field(field) if self.mine && !self.settled => {
                let with_others = if self.also.is_empty() { String::new() } else { format!(" (edited so at {loser_site})") };
                format!(
                    "{record}: your {field} {loser}{with_others} lost to {winner} of {winner_site} ({rule}{}); {}",
                    self.times(page),
                    self.keep_anyway()
                )
            }
            About::Field(field) => {
                format!("{record}, {field}: {winner} of {winner_site} stands ({rule}), {loser} of {loser_site} lost")
            }
            About::Gone(field) => format!("{record}, {field}: {loser} of {loser_site} had no record to go to ({rule})"),
            About::Delete if [DeleteRule::EditWins, DeleteRule::Review].iter().all(|edited| edited.word() != rule) => {
                format!("{record}: {}; it is kept ({rule})", self.deleted())
            }
            About::Delete => {
                // Without its time the edit is known only by who brought it.
                let below = if self.winner_time.is_some() { "" } else { " or below" };
                format!("{record}: {}, but edited at {winner_site}{below}; it is kept ({rule})", self.deleted())
            }
            About::Twin => format!("{record}: made at {winner_site} and at {loser_site}; it is one record now ({rule})"),
            About::Held => format!("{record}: the change of {loser_site} waits at '{}', because {rule}", self.decider),
            About::Taken(field) => {
                let called = self.called.as_ref().map_or_else(String::new, |called| format!(" '{called}'"));
                let taken = format!(
                    "{record}{called} of {loser_site}: its {field} {} is taken by {} of {winner_site} ({rule})",
                    loser,
                    winner.plain()
                );
                match self.open {
                    true => format!("{taken}; give it another: 'fieldpost conflicts resolve {} --value VALUE'", self.number),
                    false => taken,
                }
            }
            About::Dependants => format!("{record}: {}, but other records refer to it; it is kept ({rule})", self.deleted()),
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

    /// The line of the log.
    pub(super) fn log_line(&self, page: &Page) -> Line {
        let level = if self.open { Level::Error } else { Level::Warning };
        let field = self.about.field();
        Line::new(level, self.sentence(page)).of_record(&self.table, &self.key).of_field(field).of_site(self.loser_site.as_ref())
    }

    fn text(&self, page: &Page) -> String {
        let packet = self.packet.as_ref().map_or_else(String::new, |packet| format!(", packet {} from '{}'", packet.number, packet.from));
        let settled = self.settlement.as_ref().map_or_else(String::new, |settled| format!("; {}", one_line(settled)));
        let outcome = match self.open {
            true => alert(&format!("to decide: 'fieldpost conflicts resolve {}'", self.number)),
            false => format!("decided at '{}'{packet}{settled}", self.decider),
        };
        let decided = page.moment(self.decided);
        match &self.about {
            About::Field(field) | About::Gone(field) | About::Merged(field) | About::Refused(Some(field)) => {
                let times = [self.winner_time, self.loser_time].map(|time| time.map_or_else(String::new, |time| page.moment(time)));
                let [won, lost] = match (self.winner_time, self.loser_time) {
                    (Some(winner), Some(loser)) if winner != loser && times[0] == times[1] => page.apart(winner, loser),
                    (Some(_) | None, Some(_) | None) => times,
                };
                let edited = |time: &str| if time.is_empty() { String::new() } else { format!(", {time}") };
                let stands = match self.winner.0 {
                    Value::Absent => "no such record".to_owned(),
                    Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
                        let of = by(self.winner_site.as_ref());
                        let of = match self.is_merged() {
                            true => format!("{of} and {}", self.losers()),
                            false => format!("{of}{}", edited(&won)),
                        };
                        format!("{}   of {of}", self.side(&self.winner))
                    }
                };
                let [winner, loser] = self.labels();
                format!(
                    "{}. {}: {field}\n   {winner:6}  {stands}\n   {loser:6}  {}   of {}{}\n   before  {}\n   {decided}, {outcome}; rule: {}",
                    self.number,
                    self.subject(),
                    self.side(&self.loser),
                    self.losers(),
                    edited(&lost),
                    self.side(&self.base),
                    one_line(&self.rule),
                )
            }
            About::Taken(_) if settled.is_empty() => {
                let until = "it waits until one of the two has another value, and goes on by itself then";
                format!("{}. {}\n   {decided}{packet}; {until}", self.number, self.sentence(page))
            }
            About::Held | About::Taken(_) => format!("{}. {}\n   {decided}{packet}{settled}", self.number, self.sentence(page)),
            About::Delete | About::Twin | About::Dependants | About::Refused(None) | About::Dropped(_) => {
                format!("{}. {}\n   {decided}, {outcome}", self.number, self.sentence(page))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};

    pub fn conflict() -> Conflict {
        Conflict {
            number: 7,
            table: "customers".to_owned(),
            key: vec![Shown(Value::text("ACME-0007"))],
            called: None,
            about: About::Field("phone".to_owned()),
            base: Shown(Value::Null),
            winner: Shown(Value::text("555-0199")),
            winner_site: SiteName::new("anna").ok(),
            winner_time: None,
            mine: false,
            loser: Shown(Value::text("555-0100")),
            loser_is_number: false,
            loser_site: SiteName::new("head").ok(),
            loser_time: None,
            also: Vec::new(),
            rule: "newest".to_owned(),
            decider: SiteName::new("head").unwrap(),
            packet: Some(ConflictPacket { from: SiteName::new("anna").unwrap(), number: 4 }),
            decided: at(1),
            open: false,
            settled: false,
            settlement: None,
        }
    }

    #[test]
    fn both_values_and_the_one_before_are_shown() {
        let report = ConflictsReport { conflicts: vec![conflict()], others: 0, open: false };
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
        assert_eq!(plain(&ConflictsReport { conflicts: Vec::new(), others: 0, open: false }), "No conflicts.\n");
    }

    #[test]
    fn one_that_waits_for_a_person_says_so() {
        let conflicts = vec![Conflict { open: true, rule: "review".to_owned(), ..conflict() }, conflict()];
        let report = ConflictsReport { conflicts, others: 0, open: false };
        assert_eq!(report.exit(), Exit::Attention);
        assert!(plain(&report).starts_with("2 conflicts, 1 to decide\n"));
        assert!(plain(&report).contains("08:01, to decide: 'fieldpost conflicts resolve 7'; rule: review\n"));
    }

    pub fn page() -> Page {
        Page { width: 100, zone: jiff::tz::TimeZone::UTC, detail: crate::cli::page::Detail::Summary, home: None }
    }

    #[test]
    fn whose_edit_lost_is_told_against_what_and_how_to_keep_it() {
        let lost = |winner: i64, loser: i64| Conflict {
            mine: true,
            winner_time: Some(Moment(Millis(at(0).0.0 + winner))),
            loser_time: Some(Moment(Millis(at(0).0.0 + loser))),
            ..conflict()
        };
        assert_eq!(
            lost(120_000, -180_000).sentence(&page()),
            "customers ACME-0007: your phone '555-0100' lost to '555-0199' of 'anna' (newest, 08:02 against 07:57); keep it anyway: \
             'fieldpost conflicts resolve 7 --take lost'"
        );
        let with_others = Conflict { also: ["ben", "bea"].map(|name| SiteName::new(name).unwrap()).to_vec(), ..lost(0, -1) };
        assert!(with_others.sentence(&page()).contains("your phone '555-0100' (edited so at 'head', 'ben' and 'bea') lost to"));
        assert!(lost(2_000, 1_000).sentence(&page()).contains("(newest, 08:00:02 against 08:00:01)"));
        assert!(lost(2, 1).sentence(&page()).contains("(newest, 08:00:00.002 against 08:00:00.001)"));
        assert!(lost(0, -86_400_000).sentence(&page()).contains("(newest, 2026-11-22 08:00 against 2026-11-21 08:00)"));
    }

    #[test]
    fn a_delete_says_where_it_was_deleted() {
        let delete = Conflict { about: About::Delete, rule: "edit wins over delete".to_owned(), ..conflict() };
        assert_eq!(
            delete.sentence(&page()),
            "customers ACME-0007: deleted at 'head', but edited at 'anna' or below; it is kept (edit wins over delete)"
        );
        let known = Conflict { winner_time: Some(at(0)), also: vec![SiteName::new("north").unwrap()], ..delete };
        assert_eq!(
            known.sentence(&page()),
            "customers ACME-0007: deleted at 'head' and 'north', but edited at 'anna'; it is kept (edit wins over delete)"
        );
        assert!(Conflict { loser_site: None, also: Vec::new(), ..known }.sentence(&page()).contains("7: deleted, but edited at"));
        let marked = Conflict { about: About::Delete, rule: "a delete only marks".to_owned(), ..conflict() };
        assert_eq!(marked.sentence(&page()), "customers ACME-0007: deleted at 'head'; it is kept (a delete only marks)");
    }
}
