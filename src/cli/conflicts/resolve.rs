//! `fieldpost conflicts resolve`: a person decides, one by one, many at once, or asked about each.
//!
//! Each conflict is settled for itself ([`mend::settle`]): what was settled stays so, whatever becomes of the next one. While a person
//! thinks, the home is free: only a decision takes it.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::show::side_by_side;
use super::{About, Conflict, Filter, all, meant};
use crate::cli::held;
use crate::cli::logged::Line;
use crate::cli::page::{Page, alert, count};
use crate::cli::printer::Report;
use crate::cli::shown::{self, Shown};
use crate::cli::{Context, Exit, Failure};
use crate::model::SiteName;
use crate::site::Level;
use crate::sync::mend::{self, Choice, MendError, Since};
use crate::sync::{Session, SyncError};

/// Arguments of `conflicts resolve`.
#[derive(Clone, Debug, Args)]
pub struct ResolveArgs {
    /// Numbers of conflicts, as 'fieldpost conflicts' lists them
    #[arg(value_name = "NUMBER", conflicts_with_all = ["table", "all", "site", "since", "until"])]
    pub numbers: Vec<i64>,
    /// All that are open in this table
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// By site and date.
    #[command(flatten)]
    pub filter: Filter,
    /// All that are open
    #[arg(long)]
    pub all: bool,
    /// Which value it shall be
    #[arg(long, value_enum, group = "choice")]
    pub take: Option<Side>,
    /// The value of this site, whether it stands or lost
    #[arg(long, value_name = "SITE", group = "choice")]
    pub take_of: Option<String>,
    /// Another value; quotes inside the quotes make a number a text
    #[arg(long, group = "choice")]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResolveReport {
    /// What is settled now.
    pub settled: Vec<Settled>,
    /// What could not be settled like that.
    pub left: Vec<Left>,
    /// What came to be open by that: a record whose value is settled may wait for another one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Conflict>,
}

/// A conflict that is settled now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// Its number.
    pub number: i64,
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<Shown>,
    /// The field, where it is about one.
    pub field: Option<String>,
    /// What a person chose, in words.
    pub choice: String,
}

/// A conflict that is not settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its number.
    pub number: i64,
    /// Why not.
    pub why: String,
}

/// What is chosen for every conflict that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chosen {
    The(Choice),
    Of(SiteName),
}

impl ResolveArgs {
    fn chosen(&self) -> Result<Option<Chosen>, Failure> {
        Ok(match (self.take, &self.take_of, &self.value) {
            (Some(Side::Standing), ..) => Some(Chosen::The(Choice::Standing)),
            (Some(Side::Lost), ..) => Some(Chosen::The(Choice::Lost)),
            (Some(Side::Before), ..) => Some(Chosen::The(Choice::Before)),
            (None, Some(site), _) => {
                Some(Chosen::Of(SiteName::new(site).map_err(|_| Failure::BadLine(format!("'{site}' is no name of a site")))?))
            }
            (None, None, Some(value)) => Some(Chosen::The(Choice::Other(shown::typed(value)))),
            (None, None, None) => None,
        })
    }

    /// Whether conflicts are chosen by what they are about; else by number, or by asking.
    fn selects(&self) -> bool {
        self.all || self.table.is_some() || self.filter != Filter::default()
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure::BadLine`] where it is not clear what shall be done with which; of one named conflict what [`mend::settle`] says.
pub fn run(arguments: &ResolveArgs, context: &Context) -> Result<Exit, Failure> {
    let since = if arguments.anyway { Since::Overwrite } else { Since::Ask };
    let Some(chosen) = arguments.chosen()? else { return walk(arguments, since, context) };
    if arguments.numbers.is_empty() && !arguments.selects() {
        let ways = "name conflicts by number, or all that are open of a table, a site or a time: --table, --site, --since, --all";
        return Err(Failure::BadLine(ways.to_owned()));
    }
    let (_lock, session) = context.work()?;
    let last = session.ledger.last_conflict().map_err(SyncError::from)?;
    let mut conflicts = meant(&session, arguments.table.as_deref(), &arguments.filter, context)?;
    let mut report = ResolveReport::default();
    if arguments.selects() {
        conflicts.retain(|conflict| conflict.open);
    } else {
        let named = |number: &i64| conflicts.iter().find(|conflict| conflict.number == *number).cloned();
        conflicts = arguments
            .numbers
            .iter()
            .map(|number| named(number).ok_or(MendError::NoConflict(*number)))
            .collect::<Result<_, _>>()
            .map_err(SyncError::from)?;
    }
    let alone = arguments.numbers.len() == 1;
    let progress = context.printer.progress("settling");
    for (place, conflict) in conflicts.iter().enumerate() {
        progress.done(place as u64);
        match settle(&session, conflict, &chosen, since) {
            Ok(settled) => match still_waits(&session, conflict)? {
                None => report.settled.push(settled),
                Some(why) => report.left.push(Left { number: conflict.number, why }),
            },
            Err(SyncError::Mend(error)) if !alone => report.left.push(Left { number: conflict.number, why: error.to_string() }),
            Err(error) => return Err(error.into()),
        }
    }
    drop(progress);
    report.open = opened(&session, last)?;
    Ok(context.done(&session.home, &report))
}

fn settle(session: &Session, conflict: &Conflict, chosen: &Chosen, since: Since) -> Result<Settled, SyncError> {
    let number = conflict.number;
    let choice = match chosen {
        Chosen::The(choice) => choice.clone(),
        Chosen::Of(site) if conflict.winner_site.as_ref() == Some(site) => Choice::Standing,
        Chosen::Of(site) if conflict.loser_site.iter().chain(&conflict.also).any(|lost| lost == site) => Choice::Lost,
        Chosen::Of(_) => return Err(MendError::NoSuchSide { number, why: "neither value is of that site" }.into()),
    };
    mend::settle(session, number, &choice, since)?;
    let (field, choice) = (conflict.about.field().map(str::to_owned), words(&choice, conflict));
    Ok(Settled { number, table: conflict.table.clone(), key: conflict.key.clone(), field, choice })
}

/// Why a change that got the value which a person chose is still held here.
fn still_waits(session: &Session, conflict: &Conflict) -> Result<Option<String>, SyncError> {
    if !matches!(conflict.about, About::Taken(_)) || conflict.decider != *session.name() {
        return Ok(None);
    }
    if all(session, conflict.number - 1)?.iter().any(|now| now.number == conflict.number && now.settled) {
        return Ok(None);
    }
    let held = held::all(session)?.into_iter().find(|held| held.table == conflict.table && held.key == conflict.key);
    Ok(held.map(|held| format!("it has the value, and still waits: {}", held.why)))
}

/// What is open since conflict `last`.
fn opened(session: &Session, last: i64) -> Result<Vec<Conflict>, SyncError> {
    Ok(all(session, last)?.into_iter().filter(|conflict| conflict.open).collect())
}

fn words(choice: &Choice, conflict: &Conflict) -> String {
    match choice {
        Choice::Standing => format!("{} stays", conflict.side(&conflict.winner)),
        Choice::Lost => format!("{}, which had lost", conflict.side(&conflict.loser)),
        Choice::Before => format!("{}, as it was before", conflict.side(&conflict.base)),
        Choice::Other(value) => Shown(value.clone()).to_string(),
    }
}

/// Goes through the open conflicts that are meant and asks about each.
fn walk(arguments: &ResolveArgs, since: Since, context: &Context) -> Result<Exit, Failure> {
    if !context.printer.can_ask() {
        let ways = "say what it shall be: --take standing, lost or before, --take-of SITE, or --value VALUE; on a terminal you are asked";
        return Err(Failure::BadLine(ways.to_owned()));
    }
    let session = context.look()?;
    let mut conflicts = meant(&session, arguments.table.as_deref(), &arguments.filter, context)?;
    conflicts.retain(|conflict| match arguments.numbers.as_slice() {
        [] => conflict.open,
        numbers => numbers.contains(&conflict.number),
    });
    let (mut report, total) = (ResolveReport::default(), conflicts.len());
    let last = session.ledger.last_conflict().map_err(SyncError::from)?;
    drop(session);
    for (place, conflict) in conflicts.iter().enumerate() {
        match ask(conflict, place + 1, total, since, context)? {
            Answer::Settled(settled) => report.settled.push(settled),
            Answer::Left(why) => report.left.push(Left { number: conflict.number, why: why.to_owned() }),
            Answer::Enough => break,
        }
    }
    report.open = opened(&context.look()?, last)?;
    Ok(context.done(&context.discover()?, &report))
}

/// How one conflict ended.
enum Answer {
    Settled(Settled),
    Left(&'static str),
    Enough,
}

/// Shows one conflict and asks until there is an answer that works.
fn ask(conflict: &Conflict, place: usize, total: usize, since: Since, context: &Context) -> Result<Answer, Failure> {
    let session = context.look()?;
    // Whoever else works here may have settled it meanwhile.
    let Some(conflict) = all(&session, conflict.number - 1)?.into_iter().find(|now| now.number == conflict.number && !now.settled) else {
        return Ok(Answer::Left("it was settled meanwhile"));
    };
    let text = side_by_side(&session, &conflict)?.text(context.printer.page());
    drop(session);
    context.printer.ask_about(&format!("\n{place} of {total}   {text}"));
    let mut since = since;
    loop {
        let question = "[k]eep what stands, [t]ake what lost, [b]efore, [v]alue, [s]kip, [q]uit";
        let choice = match context.printer.ask(question)?.as_deref().map(str::trim) {
            None | Some("q") => return Ok(Answer::Enough),
            Some("s" | "") => return Ok(Answer::Left("you left it for later")),
            Some("k") => Choice::Standing,
            Some("t") => Choice::Lost,
            Some("b") => Choice::Before,
            Some("v") => match context.printer.ask("new value")? {
                Some(value) => Choice::Other(shown::typed(value.trim())),
                None => return Ok(Answer::Enough),
            },
            Some(other) => {
                context.printer.ask_about(&format!("'{other}' is none of them"));
                continue;
            }
        };
        let (_lock, session) = context.work()?;
        match settle(&session, &conflict, &Chosen::The(choice), since) {
            Ok(settled) => match still_waits(&session, &conflict)? {
                None => return Ok(Answer::Settled(settled)),
                Some(why) => context.printer.ask_about(&alert(&why)),
            },
            Err(SyncError::Mend(error)) => {
                context.printer.ask_about(&alert(&error.to_string()));
                if matches!(error, MendError::MovedOn { .. } | MendError::OtherRecord { .. }) {
                    context.printer.ask_about("Choose again to do it all the same.");
                    since = Since::Overwrite;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Report for ResolveReport {
    fn text(&self, page: &Page) -> String {
        let mut parts = Vec::new();
        if !self.settled.is_empty() || self.left.is_empty() {
            let settled = count(self.settled.len(), "conflict is", "conflicts are");
            let next = if self.settled.is_empty() { "" } else { "; 'fieldpost sync' tells the others" };
            parts.push(format!("{settled} settled{next}."));
        }
        if !self.left.is_empty() {
            let lines: Vec<String> = self.left.iter().map(|left| format!("{}: {}", left.number, left.why)).collect();
            parts.push(format!("{}\n{}", alert("Not settled"), page.list(&lines, "'fieldpost conflicts --open' lists all")));
        }
        if !self.open.is_empty() {
            let lines: Vec<String> = self.open.iter().map(|open| format!("{}. {}", open.number, open.sentence(page))).collect();
            parts.push(format!("{}\n{}", alert("Still open"), page.list(&lines, "'fieldpost conflicts --open' lists all")));
        }
        parts.join("\n")
    }

    fn exit(&self) -> Exit {
        if self.left.is_empty() && self.open.is_empty() { Exit::Done } else { Exit::Attention }
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        let settled = |settled: &Settled| {
            let Settled { number, table, key, field, choice } = settled;
            let of = field.as_ref().map_or_else(String::new, |field| format!(", {field}"));
            let text = format!("conflict {number}, {table} {}{of}: a person decided: {choice}", shown::key(key));
            Line::new(Level::Info, text).of_record(table, key).of_field(field.as_deref())
        };
        let left = |left: &Left| Line::new(Level::Warning, format!("conflict {} was not settled: {}", left.number, left.why));
        self.settled.iter().map(settled).chain(self.left.iter().map(left)).collect()
    }
}
