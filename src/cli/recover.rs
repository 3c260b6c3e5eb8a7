//! `fieldpost recover`: how does a site go on whose database was restored from a backup?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::logged::Line;
use super::page::{Column, Page, heading, number};
use super::printer::Report;
use super::shown::{self, Shown};
use super::{Context, Exit, Failure};
use crate::site::Level;
use crate::sync::recover::{self, Brought, Mode, Recovered};
use crate::world::World;

/// Bring a restored database forward to what this site knows
///
/// After the database was put back from a backup, while the home was not. Tells what it would do; with --yes it saves a copy of
/// the database and does it: every record becomes what it was last, and what was edited since the database was put back stays,
/// as an edit. Close the program that owns the database first.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost recover
  fieldpost recover --yes")]
pub struct RecoverArgs {
    /// Do it
    #[arg(long)]
    pub yes: bool,
}

/// What was or would be brought forward.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecoverReport {
    /// Whether it was needed.
    pub needed: bool,
    /// Whether it was done.
    pub done: bool,
    /// By table.
    pub tables: Vec<RecoveredTable>,
    /// Where the database is saved as the backup had it.
    pub saved: Option<PathBuf>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecoveredTable {
    /// Its name.
    pub table: String,
    /// Records that were missing.
    pub back: u64,
    /// Records with older values.
    pub forward: u64,
    /// Records deleted since the backup.
    pub removed: u64,
    /// Records in which something stays as an edit.
    pub kept: Vec<Vec<Shown>>,
    /// Records that the database refused, with its words.
    pub refused: Vec<(Vec<Shown>, String)>,
}

/// Runs the command.
///
/// # Errors
/// What stops the site, where it is something else than a restored database; else as database and files say.
pub fn run(arguments: &RecoverArgs, context: &Context) -> Result<Exit, Failure> {
    let home = context.discover()?;
    let _lock = home.lock(context.world.now())?;
    let mode = if arguments.yes { Mode::Do } else { Mode::Look };
    let recovered = recover::recover(World::real(), home.clone(), context.limits.clone(), mode)?;
    Ok(context.done(&home, &RecoverReport::of(recovered, mode)))
}

impl RecoverReport {
    fn of(recovered: Option<Recovered>, mode: Mode) -> Self {
        let Some(recovered) = recovered else { return Self::default() };
        let table = |brought: Brought| RecoveredTable {
            table: brought.table,
            back: brought.back,
            forward: brought.forward,
            removed: brought.removed,
            kept: brought.kept.iter().map(shown::of_key).collect(),
            refused: brought.refused.iter().map(|(key, why)| (shown::of_key(key), why.clone())).collect(),
        };
        Self { needed: true, done: mode == Mode::Do, tables: recovered.tables.into_iter().map(table).collect(), saved: recovered.saved }
    }
}

impl Report for RecoverReport {
    fn text(&self, page: &Page) -> String {
        if !self.needed {
            return "Nothing to recover: database and home belong together.".to_owned();
        }
        let title = if self.done { "The database is what this site knows again" } else { "The database would be brought forward" };
        let columns = [
            Column::Words("table"),
            Column::Numbers("back"),
            Column::Numbers("forward"),
            Column::Numbers("removed"),
            Column::Numbers("kept as edits"),
        ];
        let row = |table: &RecoveredTable| {
            let kept = u64::try_from(table.kept.len()).unwrap_or(u64::MAX);
            vec![table.table.clone(), number(table.back), number(table.forward), number(table.removed), number(kept)]
        };
        let mut lines = vec![heading(title), page.table(&columns, self.tables.iter().map(row))];
        let kept =
            self.tables.iter().flat_map(|table| table.kept.iter().map(move |key| format!("{} {}: kept", table.table, shown::key(key))));
        let refused = self
            .tables
            .iter()
            .flat_map(|table| table.refused.iter().map(move |(key, why)| format!("{} {}: refused, {why}", table.table, shown::key(key))));
        let single: Vec<String> = kept.chain(refused).collect();
        if !single.is_empty() {
            lines.push(page.list(&single, "-v lists all"));
        }
        lines.push(match &self.saved {
            Some(saved) => format!("As it was restored it is saved in {}\nNext: 'fieldpost sync'", saved.display()),
            None => "Nothing was done yet: 'fieldpost recover --yes' does it".to_owned(),
        });
        lines.join("\n")
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        let brought = |table: &RecoveredTable| {
            let RecoveredTable { table, back, forward, removed, .. } = table;
            Line::new(Level::Info, format!("{table}: {back} records back, {forward} forward, {removed} removed")).of_table(table)
        };
        let refused = |table: &RecoveredTable| {
            let line = |(key, why): &(Vec<Shown>, String)| {
                let text = format!("{} {}: the database refused to bring it forward: {why}", table.table, shown::key(key));
                Line::new(Level::Error, text).of_record(&table.table, key)
            };
            table.refused.iter().map(line).collect::<Vec<_>>()
        };
        self.tables.iter().map(brought).chain(self.tables.iter().flat_map(refused)).collect()
    }

    fn exit(&self) -> Exit {
        let refused = self.tables.iter().any(|table| !table.refused.is_empty());
        if self.needed && (!self.done || refused) { Exit::Attention } else { Exit::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::plain;
    use crate::model::Value;

    #[test]
    fn it_says_what_it_did_and_where_the_backup_is() {
        let key = vec![Shown(Value::text("ACME"))];
        let table = RecoveredTable { table: "customers".into(), back: 2, forward: 10, kept: vec![key], ..RecoveredTable::default() };
        let report =
            RecoverReport { needed: true, done: true, tables: vec![table], saved: Some("/srv/shop/.fieldpost/restored-1.db".into()) };
        assert_eq!(
            plain(&report),
            "\
The database is what this site knows again
  table      back  forward  removed  kept as edits
  customers     2       10        0              1
  customers ACME: kept
As it was restored it is saved in /srv/shop/.fieldpost/restored-1.db
Next: 'fieldpost sync'
"
        );
        assert_eq!(report.exit(), Exit::Done);
        assert_eq!(plain(&RecoverReport::default()), "Nothing to recover: database and home belong together.\n");
    }
}
