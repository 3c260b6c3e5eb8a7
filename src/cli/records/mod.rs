//! `fieldpost records`: how does every record stand? And take single ones out of the exchange, put them back, send them by hand.

mod window;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::history::{keys_meant, shape_named};
use super::logged::Line;
use super::page::{Page, count};
use super::printer::Report;
use super::{Context, Exit, Failure, shown};
use crate::model::{Key, Shape, shown_table};
use crate::site::Level;
use crate::status::window::State;
use crate::sync::mend::{self, MendError};
use crate::sync::{Session, SyncError, history};

/// Most records that one `--where` takes.
const MOST: usize = 100_000;

/// Show how records stand; take single ones out, put them back, send them
///
/// Without a table it counts the records of every table by how they stand. Of a table it also lists those that are not simply the same
/// on both sides. With several neighbours a record is shown as it stands with the one that needs most.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  fieldpost records
  fieldpost records contacts
  fieldpost records contacts --state new-here --state changed-here --with ledger
  fieldpost records contacts --where \"city = 'Bern'\"
  fieldpost records deactivate customers ACME-0007"
)]
pub struct RecordsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: Option<RecordsCommand>,
    /// Which ones to show.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Which records are shown.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Only this table, and its records one by one
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,
    /// Only records that stand like this; may be given several times
    #[arg(long = "state", value_enum, value_name = "STATE", requires = "table")]
    pub states: Vec<State>,
    /// As they stand with this neighbour
    #[arg(long, value_name = "SITE")]
    pub with: Option<String>,
    /// Only records for which this SQL is true
    #[arg(long = "where", id = "list_where", value_name = "SQL", requires = "table")]
    pub where_sql: Option<String>,
    /// How many records are listed
    #[arg(short = 'n', long = "most", value_name = "COUNT", default_value_t = ListArgs::LINES)]
    pub lines: u32,
}

impl ListArgs {
    /// A screen or two.
    pub const LINES: u32 = 50;
}

impl ValueEnum for State {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Conflict => ("in-conflict", "Two edits met, and a person is to decide"),
            Self::NewThere => ("new-there", "A record of a neighbour that could not be applied here"),
            Self::ChangedThere => ("changed-there", "A change of a neighbour that could not be applied here"),
            Self::DeletedThere => ("deleted-there", "A delete of a neighbour that could not be applied here"),
            Self::Deactivated => ("deactivated", "A person took it out of the exchange"),
            Self::Inactive => ("inactive", "The rules keep it here"),
            Self::NewHere => ("new-here", "Made here; the next packet tells it"),
            Self::ChangedHere => ("changed-here", "Changed here; the next packet tells it"),
            Self::DeletedHere => ("deleted-here", "Deleted here; the next packet tells it"),
            Self::Waiting => ("waiting", "Told, and not confirmed yet"),
            Self::DeletedWaiting => ("deleted-waiting", "Deleted here and told; the other side has yet to confirm it"),
            Self::Synchronized => ("synchronized", "The same on both sides"),
        };
        Some(PossibleValue::new(word).help(help))
    }
}

/// What to do with records.
#[derive(Clone, Debug, Subcommand)]
pub enum RecordsCommand {
    /// Show how records stand: the same as without a word
    #[command(after_help = "Examples:\n  fieldpost records list contacts --state inactive")]
    List(ListArgs),
    /// Take a record out of the exchange: nobody is told of it, and what comes for it is held
    #[command(after_help = "Examples:\n  fieldpost records deactivate customers ACME-0007")]
    Deactivate(RecordArgs),
    /// Put a record back: what came meanwhile is decided now, and what was edited travels
    #[command(after_help = "Examples:\n  fieldpost records activate customers ACME-0007")]
    Activate(RecordArgs),
    /// Let records of a table that is sent by hand go with the next 'fieldpost sync'
    #[command(after_help = "\
Examples:
  fieldpost records send answers --where \"taken BETWEEN '2026-11-01' AND '2026-11-30'\"
  fieldpost records send answers 17")]
    Send(SendRecordsArgs),
}

impl RecordsArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            Some(RecordsCommand::Deactivate(_)) => Some("records deactivate"),
            Some(RecordsCommand::Activate(_)) => Some("records activate"),
            Some(RecordsCommand::Send(_)) => Some("records send"),
            Some(RecordsCommand::List(_)) | None => None,
        }
    }
}

/// A record.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// The table
    pub table: String,
    /// The key, a word per column
    #[arg(required = true)]
    pub key: Vec<String>,
}

/// Arguments of `records send`.
#[derive(Clone, Debug, Args)]
pub struct SendRecordsArgs {
    /// The table; its rules say send = "manual"
    pub table: String,
    /// The key of one record, a word per column
    #[arg(required_unless_present = "where_sql", conflicts_with = "where_sql")]
    pub key: Vec<String>,
    /// All records for which this SQL is true
    #[arg(long = "where", id = "where_sql", value_name = "SQL")]
    pub where_sql: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordsReport {
    /// The table.
    pub table: String,
    /// The key, where it is one record.
    pub key: Option<String>,
    /// How many records.
    pub records: u64,
    /// What of them, as a sentence ends.
    pub what: &'static str,
}

impl Report for RecordsReport {
    fn text(&self, _: &Page) -> String {
        if self.records == 0 {
            return format!("Nothing of {} {}", self.table, self.what);
        }
        let records = count(self.records, "record", "records");
        format!("{records} of {} {}", self.table, self.what)
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        let line = Line::new(Level::Info, self.text(page));
        vec![match &self.key {
            Some(key) => line.of_key(&self.table, key),
            None => line.of_table(&self.table),
        }]
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure::NoTable`], [`Failure::NoRecord`], [`Failure::KeyLength`]; else as [`mend`] says.
pub fn run(arguments: &RecordsArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        None => window::run(&arguments.list, context),
        Some(RecordsCommand::List(list)) => window::run(list, context),
        Some(RecordsCommand::Deactivate(record)) => change(context, |session| deactivate(session, record)),
        Some(RecordsCommand::Activate(record)) => change(context, |session| activate(session, record)),
        Some(RecordsCommand::Send(records)) => change(context, |session| send(session, records)),
    }
}

fn change(context: &Context, work: impl FnOnce(&Session) -> Result<RecordsReport, Failure>) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let report = work(&session)?;
    Ok(context.done(&session.home, &report))
}

fn deactivate(session: &Session, record: &RecordArgs) -> Result<RecordsReport, Failure> {
    let (shape, key) = find(session, &record.table, &record.key)?;
    mend::deactivate(session, shape.number, &key)?;
    let key = Some(shown::typed_key(&record.key));
    Ok(RecordsReport { table: shown_table(&shape.name).to_owned(), key, records: 1, what: "is taken out of the exchange" })
}

fn activate(session: &Session, record: &RecordArgs) -> Result<RecordsReport, Failure> {
    let (shape, key) = find(session, &record.table, &record.key)?;
    mend::activate(session, shape.number, &key)?;
    let key = Some(shown::typed_key(&record.key));
    Ok(RecordsReport {
        table: shown_table(&shape.name).to_owned(),
        key,
        records: 1,
        what: "is back in the exchange; 'fieldpost sync' tells the others",
    })
}

fn send(session: &Session, send: &SendRecordsArgs) -> Result<RecordsReport, Failure> {
    let (shape, keys) = match &send.where_sql {
        Some(sql) => {
            let shape = shape_named(session, &send.table)?;
            let found = session.database()?.keys_where(shape, sql, MOST).map_err(SyncError::from)?;
            (shape, found.map_err(|words| SyncError::from(MendError::BadSql(words)))?)
        }
        None => {
            let (shape, key) = find(session, &send.table, &send.key)?;
            (shape, vec![key])
        }
    };
    let records = mend::release(session, shape.number, &keys)?;
    let what = match records {
        0 => "is to be sent: the others have it as it is",
        1 => "will go with the next 'fieldpost sync', once it is ready",
        _ => "will go with the next 'fieldpost sync', once they are ready",
    };
    Ok(RecordsReport { table: shown_table(&shape.name).to_owned(), key: None, records, what })
}

/// The table and the key of a record that is here.
fn find<'s>(session: &'s Session, table: &str, typed: &[String]) -> Result<(&'s Shape, Key), Failure> {
    let shape = shape_named(session, table)?;
    for key in keys_meant(shape, typed)? {
        if history::under(session, shape, &key)?.iter().any(|record| record.current.is_some() || record.extra.deactivated) {
            return Ok((shape, key));
        }
    }
    Err(Failure::NoRecord { table: shown_table(&shape.name).to_owned(), key: shown::typed_key(typed) })
}
