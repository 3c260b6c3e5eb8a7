//! `fieldpost records`: take single records out of the exchange, put them back, send them by hand.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::history::{keys_meant, shape_named};
use super::logged::Line;
use super::page::{Page, count};
use super::printer::Report;
use super::{Context, Exit, Failure};
use crate::model::{Key, Shape};
use crate::site::Level;
use crate::sync::mend::{self, MendError};
use crate::sync::{Session, SyncError, history};

/// Most records that one `records send` takes.
const MOST: usize = 100_000;

/// Take records out of the exchange, put them back, or send them by hand
#[derive(Clone, Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct RecordsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: RecordsCommand,
}

/// What to do with records.
#[derive(Clone, Debug, Subcommand)]
pub enum RecordsCommand {
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
            RecordsCommand::Deactivate(_) => Some("records deactivate"),
            RecordsCommand::Activate(_) => Some("records activate"),
            RecordsCommand::Send(_) => Some("records send"),
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
        let records = count(usize::try_from(self.records).unwrap_or(usize::MAX), "record", "records");
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
    let (_lock, session) = context.work()?;
    let report = match &arguments.command {
        RecordsCommand::Deactivate(record) => {
            let (shape, key) = find(&session, &record.table, &record.key)?;
            mend::deactivate(&session, shape.number, &key)?;
            RecordsReport { table: shape.name.clone(), key: Some(record.key.join(" ")), records: 1, what: "is taken out of the exchange" }
        }
        RecordsCommand::Activate(record) => {
            let (shape, key) = find(&session, &record.table, &record.key)?;
            mend::activate(&session, shape.number, &key)?;
            RecordsReport {
                table: shape.name.clone(),
                key: Some(record.key.join(" ")),
                records: 1,
                what: "is back in the exchange; 'fieldpost sync' tells the others",
            }
        }
        RecordsCommand::Send(send) => {
            let (shape, keys) = match &send.where_sql {
                Some(sql) => {
                    let shape = shape_named(&session, &send.table)?;
                    let found = session.database()?.keys_where(shape, sql, MOST).map_err(SyncError::from)?;
                    (shape, found.map_err(|words| SyncError::from(MendError::BadSql(words)))?)
                }
                None => {
                    let (shape, key) = find(&session, &send.table, &send.key)?;
                    (shape, vec![key])
                }
            };
            let records = mend::release(&session, shape.number, &keys)?;
            RecordsReport {
                table: shape.name.clone(),
                key: None,
                records,
                what: "will go with the next 'fieldpost sync', once they are ready",
            }
        }
    };
    Ok(context.done(&session.home, &report))
}

/// The table and the key of a record that is here.
fn find<'s>(session: &'s Session, table: &str, typed: &[String]) -> Result<(&'s Shape, Key), Failure> {
    let shape = shape_named(session, table)?;
    for key in keys_meant(shape, typed)? {
        if history::under(session, shape, &key)?.iter().any(|record| record.current.is_some() || record.extra.deactivated) {
            return Ok((shape, key));
        }
    }
    Err(Failure::NoRecord { table: shape.name.clone(), key: typed.join(" ") })
}
