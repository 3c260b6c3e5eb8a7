//! `fieldpost held`: which changes could not be applied yet, and what are they waiting for?

mod show;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Exit;
use super::conflicts::{self, About};
use super::logged::Line;
use super::page::{Column, Moment, Page, count, heading, one_line, paragraphs};
use super::printer::Report;
use super::shown::{self, Shown};
use super::{Context, Failure};
use crate::model::{Millis, SiteName, shown_table};
use crate::rules::Direction;
use crate::site::Level;
use crate::status::waits::{Waits, waits};
use crate::sync::mend::{self, HeldPlace, MendError};
use crate::sync::tracking::parked;
use crate::sync::{Session, SyncError};

/// List changes that could not be applied yet, and why
///
/// Most go on by themselves when what they need arrives, or when the application here gets the table or column they are for.
/// They are tried again at once then, and else as often as [retries] in the rules says: every hour, and for four hours. Then,
/// and where the database refuses a value, they are failures and want a person: edit the value, or drop the change.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  fieldpost held
  fieldpost held show 17
  fieldpost held edit 17 phone='040 555 0111'
  fieldpost held drop 17 --reason 'entered twice'
  fieldpost held --json"
)]
pub struct HeldArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: Option<HeldCommand>,
}

/// What to do with held changes.
#[derive(Clone, Debug, Subcommand)]
pub enum HeldCommand {
    /// List them, oldest first: the same as without a word
    #[command(after_help = "Examples:\n  fieldpost held list")]
    List,
    /// Show a held change: its values, why it waits, how often it was tried, and when it is tried again
    #[command(after_help = "Examples:\n  fieldpost held show 17")]
    Show(HeldShowArgs),
    /// Try every held change again now
    #[command(after_help = "Examples:\n  fieldpost held retry")]
    Retry,
    /// Change values of a held change of a child, and try it again
    #[command(after_help = "Examples:\n  fieldpost held edit 17 phone='040 555 0111' city=Bern")]
    Edit(HeldEditArgs),
    /// Let go of a held change of a child: it is listed with its values, and the child is told why
    #[command(after_help = "Examples:\n  fieldpost held drop 17 --reason 'entered twice'")]
    Drop(HeldDropArgs),
}

/// Arguments of `held show`.
#[derive(Clone, Debug, Args)]
pub struct HeldShowArgs {
    /// Its number, as 'fieldpost held' lists it
    #[arg(value_name = "NUMBER")]
    pub number: i64,
}

/// Arguments of `held edit`.
#[derive(Clone, Debug, Args)]
pub struct HeldEditArgs {
    /// Its number, as 'fieldpost held' lists it
    #[arg(value_name = "NUMBER")]
    pub number: i64,
    /// Who sent it, where several neighbours sent one for the record
    #[arg(long, value_name = "SITE")]
    pub from: Option<String>,
    /// New values
    #[arg(required = true, value_name = "FIELD=VALUE", value_parser = field_value)]
    pub values: Vec<(String, String)>,
}

/// Arguments of `held drop`.
#[derive(Clone, Debug, Args)]
pub struct HeldDropArgs {
    /// Its number, as 'fieldpost held' lists it
    #[arg(value_name = "NUMBER")]
    pub number: i64,
    /// Who sent it, where several neighbours sent one for the record
    #[arg(long, value_name = "SITE")]
    pub from: Option<String>,
    /// Why, for whoever made it
    #[arg(long)]
    pub reason: String,
}

impl HeldArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            Some(HeldCommand::Retry) => Some("held retry"),
            Some(HeldCommand::Edit(_)) => Some("held edit"),
            Some(HeldCommand::Drop(_)) => Some("held drop"),
            Some(HeldCommand::List | HeldCommand::Show(_)) | None => None,
        }
    }
}

fn field_value(typed: &str) -> Result<(String, String), String> {
    let (field, value) = typed.split_once('=').ok_or("write it as FIELD=VALUE")?;
    Ok((field.to_owned(), value.to_owned()))
}

/// The held changes, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldReport {
    /// The list.
    pub held: Vec<HeldChange>,
    #[serde(skip)]
    done: Vec<Line>,
    /// What this run did, and what follows from it.
    #[serde(skip)]
    said: Vec<String>,
}

/// A change that could not be applied yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldChange {
    /// Names it for `held edit` and `held drop`; none for one that waits for a table or column.
    pub number: Option<i64>,
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<Shown>,
    /// Who sent it.
    pub from: SiteName,
    /// In which packet.
    pub packet: u64,
    /// Why, as a sentence has it after "because".
    pub why: String,
    /// Since when.
    pub since: Moment,
    /// How often it was tried again.
    pub attempts: u32,
    /// When it is tried again by itself, unless what it waits for comes before; none where that helps nothing.
    pub next: Option<Moment>,
    /// What it is waiting for.
    pub needs: Needs,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Needs {
    /// A table or column that the application here does not have (yet); taken by itself once it has.
    Schema,
    /// Another packet; tried again by itself.
    Packet,
    /// An exchange that answers; tried again by itself.
    Exchange,
    /// That the record is put back into the exchange.
    Activation,
    /// A person.
    Person,
}

/// Runs the command.
///
/// # Errors
/// As the ledger says.
pub fn run(arguments: &HeldArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        None | Some(HeldCommand::List) => Ok(context.printer.report(&report(&context.look()?)?)),
        Some(HeldCommand::Show(show)) => show::run(show, context),
        Some(command @ (HeldCommand::Retry | HeldCommand::Edit(_) | HeldCommand::Drop(_))) => {
            let (_lock, session) = context.work()?;
            let (before, listed) = (all(&session)?, session.ledger.last_conflict().map_err(SyncError::from)?);
            let done = change(command, &session, &before)?;
            let mut report = HeldReport { done, ..report(&session)? };
            report.said = report.outcome(command, &session, &before, listed, context.printer.page())?;
            Ok(context.done(&session.home, &report))
        }
    }
}

/// Does what a command that changes something says, and tells what it did, for the log.
fn change(command: &HeldCommand, session: &Session, before: &[HeldChange]) -> Result<Vec<Line>, Failure> {
    let line = |number: i64, text: String| {
        let line = Line::new(Level::Info, text);
        let of = before.iter().find(|held| held.number == Some(number));
        of.map_or_else(|| line.clone(), |held| line.clone().of_record(&held.table, &held.key).of_site(Some(&held.from)))
    };
    Ok(match command {
        HeldCommand::Edit(edit) => {
            let value = |(field, typed): &(String, String)| (field.clone(), shown::typed(typed));
            let place = held_place(session, edit.number, edit.from.as_deref())?;
            mend::edit_held(session, place, &edit.values.iter().map(value).collect())?;
            let values: Vec<String> = edit.values.iter().map(|(field, value)| format!("{field}={value}")).collect();
            vec![line(edit.number, format!("a person edited held change {}: {}", edit.number, values.join(", ")))]
        }
        HeldCommand::Drop(drop) => {
            mend::drop_held(session, held_place(session, drop.number, drop.from.as_deref())?, &drop.reason)?;
            vec![line(drop.number, format!("a person dropped held change {}: {}", drop.number, drop.reason))]
        }
        HeldCommand::Retry | HeldCommand::List | HeldCommand::Show(_) => {
            mend::retry(session)?;
            Vec::new()
        }
    })
}

impl HeldReport {
    /// What became of what a person did, in sentences. `listed`: the last conflict before.
    fn outcome(
        &self,
        command: &HeldCommand,
        session: &Session,
        before: &[HeldChange],
        listed: i64,
        page: &Page,
    ) -> Result<Vec<String>, SyncError> {
        let of = |number: i64, from: Option<&String>| {
            let meant = |held: &&HeldChange| held.number == Some(number) && from.is_none_or(|from| held.from.as_str() == from);
            before.iter().find(meant)
        };
        Ok(match command {
            HeldCommand::Drop(drop) => {
                let Some(held) = of(drop.number, drop.from.as_ref()) else { return Ok(Vec::new()) };
                let (record, from) = (held.record(), &held.from);
                let mut said = vec![format!("Dropped: the change of {record} that '{from}' sent with packet {}.", held.packet)];
                let lost = conflicts::all(session, listed)?;
                said.extend(
                    lost.iter().filter(|one| matches!(one.about, About::Dropped(_))).map(|one| format!("  {}", one.sentence(page))),
                );
                let record = session.load_id(drop.number)?;
                said.push(match (record.current.is_some(), session.rules.table(&session.shape(record.table).name).direction) {
                    (true, _) => format!("The next 'fieldpost sync' tells '{from}' what stands here, and it has that from then on."),
                    (false, Direction::Up) => {
                        format!("There is no such record here. '{from}' keeps its own: corrected there, it is a new try.")
                    }
                    (false, Direction::Both | Direction::Down | Direction::None) => {
                        format!("There is no such record here: the next 'fieldpost sync' has '{from}' delete its own.")
                    }
                });
                said
            }
            HeldCommand::Edit(edit) => {
                let Some(held) = of(edit.number, edit.from.as_ref()) else { return Ok(Vec::new()) };
                let still = self.held.iter().any(|now| now.number == held.number && now.from == held.from);
                let became = if still { "is still held" } else { "is applied; 'fieldpost sync' tells the others" };
                vec![format!("The change of {} from '{}' {became}.", held.record(), held.from)]
            }
            HeldCommand::Retry => {
                let held = count(before.len(), "held change was", "held changes were");
                vec![format!("{held} tried again, {} applied.", before.len().saturating_sub(self.held.len()))]
            }
            HeldCommand::List | HeldCommand::Show(_) => Vec::new(),
        })
    }
}

/// The held change of that number; several neighbours may have sent one for the same record.
fn held_place(session: &Session, number: i64, from: Option<&str>) -> Result<HeldPlace, SyncError> {
    let mut found = Vec::new();
    session.ledger.exceptional(&mut |record| {
        if record.id == Some(number) {
            found.extend(record.extra.held.keys().copied());
        }
        Ok(())
    })?;
    let mut meant = Vec::new();
    for site in found {
        if from.is_none_or(|from| session.ledger.site_name(site).is_ok_and(|name| name.as_str() == from)) {
            meant.push(site);
        }
    }
    match meant[..] {
        [] => Err(MendError::NotHeld(number).into()),
        [site] => Ok(HeldPlace { number, site }),
        _ => Err(MendError::Several(number).into()),
    }
}

fn report(session: &Session) -> Result<HeldReport, SyncError> {
    let mut held = all(session)?;
    held.extend(parked(session)?);
    held.sort_by(|a, b| (a.since, &a.table).cmp(&(b.since, &b.table)));
    Ok(HeldReport { held, done: Vec::new(), said: Vec::new() })
}

/// What waits for a table or column that is not here, by table and key.
///
/// # Errors
/// As the ledger says.
pub fn parked(session: &Session) -> Result<Vec<HeldChange>, SyncError> {
    let held = |waits: parked::Waits| HeldChange {
        number: None,
        key: shown::of_key(&waits.key),
        packet: waits.packet.0,
        why: waits.to_string(),
        since: Moment(waits.since),
        attempts: 0,
        next: None,
        needs: Needs::Schema,
        table: shown_table(&waits.table).to_owned(),
        from: waits.site,
    };
    Ok(parked::waiting(session)?.into_iter().map(held).collect())
}

/// Every held change of a site, oldest first.
///
/// # Errors
/// As the ledger says.
pub fn all(session: &Session) -> Result<Vec<HeldChange>, SyncError> {
    let mut found = Vec::new();
    session.ledger.exceptional(&mut |record| {
        found.extend((!record.extra.held.is_empty()).then_some(record));
        Ok(())
    })?;
    let mut all = Vec::new();
    for record in found {
        let key = session.shown_key(&record)?;
        for (site, held) in record.extra.held {
            let retries = session.rules.retries();
            let needs = Needs::from(waits(&held, session.world.now(), retries));
            all.push(HeldChange {
                number: record.id,
                table: shown_table(&session.shape(record.table).name).to_owned(),
                key: shown::of_key(&key),
                from: session.ledger.site_name(site)?,
                packet: held.packet.0,
                why: held.reason.to_string(),
                since: Moment(held.since),
                attempts: held.attempts,
                next: (needs == Needs::Packet).then_some(Moment(Millis(held.tried.0 + retries.every_millis))),
                needs,
            });
        }
    }
    all.sort_by(|a, b| (a.since, &a.table).cmp(&(b.since, &b.table)));
    Ok(all)
}

impl HeldChange {
    /// The record, as a line names it.
    fn record(&self) -> String {
        format!("{} {}", self.table, shown::key(&self.key))
    }

    /// What waits and for what, in one line.
    pub(super) fn sentence(&self) -> String {
        format!("{} from '{}': {}; {}", self.record(), self.from, one_line(&self.why), self.needs.words())
    }

    /// The line of the log: logged once, while it waits for the same.
    pub(super) fn log_line(&self) -> Line {
        let level = if self.needs == Needs::Person { Level::Error } else { Level::Warning };
        Line::new(level, format!("held: {}", self.sentence())).of_record(&self.table, &self.key).of_site(Some(&self.from)).standing()
    }
}

impl From<Waits> for Needs {
    fn from(waits: Waits) -> Self {
        match waits {
            Waits::Retried => Self::Packet,
            Waits::Deactivated => Self::Activation,
            Waits::Failed => Self::Person,
        }
    }
}

impl Needs {
    /// As a line ends with it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Schema => "goes on by itself when the application here is upgraded",
            Self::Packet => "goes on by itself with a later packet",
            Self::Exchange => "tried again at the next run",
            Self::Activation => "goes on when the record is activated",
            Self::Person => "wants you",
        }
    }

    /// The exit code of a report that ends with it.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Schema | Self::Packet | Self::Activation => Exit::Done,
            Self::Exchange => Exit::Unreachable,
            Self::Person => Exit::Attention,
        }
    }
}

impl Report for HeldReport {
    fn text(&self, page: &Page) -> String {
        if self.held.is_empty() {
            return paragraphs([self.said.join("\n"), "Nothing is held.".to_owned()]);
        }
        let columns = [
            Column::Numbers("no."),
            Column::Words("record"),
            Column::Words("from"),
            Column::Numbers("packet"),
            Column::Words("since"),
            Column::Numbers("tried"),
            Column::Words("because"),
            Column::Words(""),
        ];
        let rows = self.held.iter().map(|held| {
            vec![
                held.number.map_or_else(String::new, |number| number.to_string()),
                held.record(),
                held.from.to_string(),
                held.packet.to_string(),
                page.moment(held.since),
                held.attempts.to_string(),
                held.why.clone(),
                held.needs.words().to_owned(),
            ]
        });
        let list = format!("{}\n{}", heading(&format!("{} held", count(self.held.len(), "change", "changes"))), page.table(&columns, rows));
        paragraphs([self.said.join("\n"), list])
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        let left = self.held.iter().map(HeldChange::log_line);
        self.done.iter().cloned().chain(left).collect()
    }

    fn exit(&self) -> Exit {
        if self.held.iter().any(|held| held.needs == Needs::Person) { Exit::Attention } else { Exit::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, plain};
    use crate::model::Value;

    #[test]
    fn it_says_why_and_what_helps() {
        let held = |needs| HeldChange {
            number: Some(17),
            table: "orders".to_owned(),
            key: vec![Shown(Value::text("O-17"))],
            from: SiteName::new("anna").unwrap(),
            packet: 4,
            why: "its customer is not here yet".to_owned(),
            since: at(0),
            attempts: 2,
            next: None,
            needs,
        };
        let report = |held| HeldReport { held, done: Vec::new(), said: Vec::new() };
        assert_eq!(
            plain(&report(vec![held(Needs::Packet)])),
            "\
1 change held
  no.  record       from  packet  since             tried  because
   17  orders O-17  anna       4  2026-11-22 08:00      2  its customer is not  goes on by itself
                                                           here yet             with a later packet
"
        );
        assert_eq!(report(vec![held(Needs::Packet)]).exit(), Exit::Done);
        assert_eq!(report(vec![held(Needs::Packet), held(Needs::Person)]).exit(), Exit::Attention);
        assert_eq!(plain(&report(Vec::new())), "Nothing is held.\n");
    }
}
