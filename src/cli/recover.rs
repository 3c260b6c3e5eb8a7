//! `fieldpost recover`: how does a site go on whose database was restored from a backup?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::logged::Line;
use super::page::{Column, Page, heading, number};
use super::printer::Report;
use super::shown::{self, Shown};
use super::{Context, Exit, Failure};
use crate::model::{SiteName, shown_table};
use crate::site::{Level, RosterError};
use crate::sync::recover::{self, Brought, Mode, Recovered};
use crate::sync::streams::stops;
use crate::sync::{Session, SyncError};
use crate::world::World;

/// Bring a restored database forward, or let a stopped stream go on
///
/// After the database was put back from a backup, while the home was not. Tells what it would do; with --yes it saves a copy of
/// the database and does it: every record becomes what it was last, and what was edited since the database was put back stays,
/// as an edit; where that is in place of what others did since the backup, the record is named. Where the database refuses a
/// record, nothing is done. Close the program that owns the database first.
///
/// Put a backup in the place of a database only with nothing of the old one left beside it: delete 'shop.db-wal', 'shop.db-shm' and
/// 'shop.db-journal' first. SQLite plays what is in them into the backup, which is then neither old nor new. Once another program has opened it
/// nobody can notice that, and what is old in it goes out as edits. A whole home is put back into an empty folder.
///
/// With --neighbour it is about another site, whose packets stopped following the ones before because its home was restored or
/// copied: once its newest home is back there, its packets are taken again, and those that do not follow are set aside.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost recover
  fieldpost recover --yes
  fieldpost recover --neighbour anna --yes    her newest home is back")]
pub struct RecoverArgs {
    /// Let the stream of this neighbour go on
    #[arg(long, value_name = "SITE", value_parser = SiteName::new)]
    pub neighbour: Option<SiteName>,
    /// Do it
    #[arg(long)]
    pub yes: bool,
}

/// The stream of a neighbour that goes on or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// The neighbour.
    pub neighbour: SiteName,
    /// What had stopped it; none where nothing had.
    pub problem: Option<String>,
    /// Whether it was done.
    pub done: bool,
    /// Where packets go that do not follow.
    pub quarantine: PathBuf,
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
    /// What the schema of the main office does to the database first, a sentence each. What differs then is known once it has that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schema: Vec<String>,
    /// Where the database is saved as the backup had it.
    pub saved: Option<PathBuf>,
    /// Neighbours with which nothing goes to and fro, which is no matter of the database.
    pub stopped: Vec<Stopped>,
}

/// A neighbour with which nothing goes to and fro.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The neighbour.
    pub neighbour: SiteName,
    /// Why.
    pub problem: String,
    /// Whether its stream can go on from here, once its newest home is back.
    pub from_here: bool,
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
    /// Records with fields that add up, and what was in them: what was added since the backup was put back has to be added again.
    pub unsure: Vec<(Vec<Shown>, String)>,
    /// Records made or edited since the database was put back whose numbers others have by now, with the ones that they got.
    pub renumbered: Vec<(Vec<Shown>, Vec<Shown>)>,
    /// Records of which somebody is to hear what became of them, with that.
    pub listed: Vec<(Vec<Shown>, String)>,
    /// Records that the database refuses, with its words: then nothing is done.
    pub refused: Vec<(Vec<Shown>, String)>,
}

/// Runs the command.
///
/// # Errors
/// What stops the site, where it is something else than a restored database; else as database and files say.
pub fn run(arguments: &RecoverArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(neighbour) = &arguments.neighbour {
        return run_stream(neighbour, arguments.yes, context);
    }
    let home = context.discover()?;
    let _lock = home.lock(&context.world)?;
    let mode = if arguments.yes { Mode::Do } else { Mode::Look };
    let recovered = recover::recover(World::real(), home.clone(), context.limits.clone(), mode)?;
    let session = Session::look_at_ledger(World::real(), home.clone(), context.limits.clone())?;
    let stopped = stopped(&session)?;
    // Nothing is looked at any more.
    session.ledger.rollback()?;
    let is_done = recovered.as_ref().is_some_and(|recovered| recovered.done);
    let exit = context.done(&home, &RecoverReport { stopped, ..RecoverReport::of(recovered) });
    if is_done {
        recover::said(&session)?;
    }
    Ok(exit)
}

/// Neighbours with which nothing goes to and fro, with why and whether their streams can go on from here.
fn stopped(session: &Session) -> Result<Vec<Stopped>, SyncError> {
    let mut stopped = Vec::new();
    for neighbour in session.ledger.neighbours()? {
        if let Some(problem) = stops::problem(session, &neighbour)? {
            let from_here = stops::may_go_on(session, &neighbour).is_ok_and(|stopped| stopped.is_some());
            stopped.push(Stopped { neighbour: neighbour.card.name, problem, from_here });
        }
    }
    Ok(stopped)
}

fn run_stream(name: &SiteName, yes: bool, context: &Context) -> Result<Exit, Failure> {
    let home = context.discover()?;
    let _lock = home.lock(&context.world)?;
    let session = Session::look_at_ledger(World::real(), home.clone(), context.limits.clone())?;
    let neighbours = session.ledger.neighbours()?;
    let neighbour = neighbours.iter().find(|neighbour| neighbour.card.name == *name);
    let neighbour = neighbour.ok_or_else(|| SyncError::from(RosterError::Unknown(name.clone())))?;
    let problem = stops::may_go_on(&session, neighbour)?;
    if yes {
        // Nothing is looked at any more: the home is ours, and what is done has a transaction of its own.
        session.ledger.rollback()?;
        stops::go_on(&session, neighbour)?;
    }
    let report = StreamReport { neighbour: name.clone(), done: yes && problem.is_some(), problem, quarantine: home.quarantine() };
    Ok(context.done(&home, &report))
}

impl Report for StreamReport {
    fn text(&self, page: &Page) -> String {
        let Self { neighbour, problem, done, quarantine } = self;
        match (problem, done) {
            (None, _) => format!("Nothing to recover: the stream of '{neighbour}' has not stopped here."),
            (Some(_), true) => format!(
                "The stream of '{neighbour}' goes on: in the next round packets that do not follow are set aside in {}.\n\
                 Next: 'fieldpost sync'",
                quarantine.display()
            ),
            (Some(problem), false) => format!(
                "The stream of '{neighbour}' has stopped\n{}\n\
                 Nothing was done yet: 'fieldpost recover --neighbour {neighbour} --yes' takes its packets again",
                page.wrapped(problem)
            ),
        }
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        if !self.done {
            return Vec::new();
        }
        let problem = self.problem.as_deref().unwrap_or_default();
        vec![Line::new(Level::Info, format!("the stream goes on, after: {problem}")).of_site(Some(&self.neighbour))]
    }

    fn exit(&self) -> Exit {
        if self.problem.is_some() && !self.done { Exit::Attention } else { Exit::Done }
    }
}

impl Stopped {
    fn text(&self, page: &Page) -> String {
        let Self { neighbour, problem, .. } = self;
        page.wrapped(&format!("But nothing goes to and fro with '{neighbour}': {problem}"))
    }
}

impl RecoverReport {
    fn of(recovered: Option<Recovered>) -> Self {
        let Some(recovered) = recovered else { return Self::default() };
        let table = |brought: Brought| RecoveredTable {
            table: shown_table(&brought.table).to_owned(),
            back: brought.back,
            forward: brought.forward,
            removed: brought.removed,
            kept: brought.kept.iter().map(shown::of_key).collect(),
            unsure: brought.unsure.iter().map(|(key, what)| (shown::of_key(key), what.clone())).collect(),
            renumbered: brought.renumbered.iter().map(|(was, is)| (shown::of_key(was), shown::of_key(is))).collect(),
            listed: brought.listed.iter().map(|(key, what)| (shown::of_key(key), what.clone())).collect(),
            refused: brought.refused.iter().map(|(key, why)| (shown::of_key(key), why.clone())).collect(),
        };
        Self {
            needed: true,
            done: recovered.done,
            tables: recovered.tables.into_iter().map(table).collect(),
            schema: recovered.schema,
            saved: recovered.saved,
            stopped: Vec::new(),
        }
    }
}

fn unsure_words(table: &str, key: &[Shown], what: &str) -> String {
    format!(
        "{table} {}: it adds up ({what} after the backup was put back, and is as this site knew it): whatever was added since then has to be added \
         again",
        shown::key(key)
    )
}

fn listed_words(table: &str, key: &[Shown], what: &str) -> String {
    format!("{table} {} {what}", shown::key(key))
}

fn renumbered_words(table: &str, was: &[Shown], is: &[Shown]) -> String {
    let (was, is) = (shown::key(was), shown::key(is));
    format!(
        "{table} {was} of the restored database, made or edited after the backup was put back, is {is} now: {was} is another record since the backup"
    )
}

impl Report for RecoverReport {
    fn text(&self, page: &Page) -> String {
        if !self.needed {
            let together = "Nothing to recover: database and home belong together.".to_owned();
            let stopped = self.stopped.iter().map(|stopped| stopped.text(page));
            return std::iter::once(together).chain(stopped).collect::<Vec<_>>().join("\n");
        }
        // Where something was saved and it is not done, it has got the schema only.
        let title = match (self.done, &self.saved) {
            (true, _) => "The database is what this site knows again",
            (false, Some(_)) => "The database is not brought forward yet",
            (false, None) => "The database would be brought forward",
        };
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
        let mut lines = vec![heading(title)];
        if !self.schema.is_empty() {
            let has = self.done || self.saved.is_some();
            let gets = if has { "it has the schema of the main office again" } else { "it would get the schema of the main office first" };
            lines.push(format!("  {gets}: {}", self.schema.join("; ")));
        }
        if self.tables.is_empty() && !self.schema.is_empty() && !self.done {
            lines.push("  what else differs can be told once it has that".to_owned());
        } else if self.tables.is_empty() {
            lines.push("  every record is as this site knows it already".to_owned());
        } else {
            lines.push(page.table(&columns, self.tables.iter().map(row)));
        }
        let kept =
            self.tables.iter().flat_map(|table| table.kept.iter().map(move |key| format!("{} {}: kept", table.table, shown::key(key))));
        let refused = self
            .tables
            .iter()
            .flat_map(|table| table.refused.iter().map(move |(key, why)| format!("{} {}: refused, {why}", table.table, shown::key(key))));
        let unsure = self.tables.iter().flat_map(|table| table.unsure.iter().map(move |(key, what)| unsure_words(&table.table, key, what)));
        let renumbered =
            self.tables.iter().flat_map(|table| table.renumbered.iter().map(move |(was, is)| renumbered_words(&table.table, was, is)));
        let listed = self.tables.iter().flat_map(|table| table.listed.iter().map(move |(key, what)| listed_words(&table.table, key, what)));
        let single: Vec<String> = refused.chain(unsure).chain(renumbered).chain(listed).chain(kept).collect();
        if !single.is_empty() {
            lines.push(page.list(&single, "-v lists all"));
        }
        let is_refused = self.tables.iter().any(|table| !table.refused.is_empty());
        let saved = self.saved.as_ref().map(|saved| format!("As it was restored it is saved in {}", saved.display()));
        lines.extend(saved);
        lines.push(match (is_refused, self.done) {
            (true, _) => page.wrapped(
                "It cannot be brought forward yet: what the database refuses would go out as deleted or changed back. Where two records share a value, give another one to \
                 that which was typed since the backup was put back, or delete it; then 'fieldpost recover' again",
            ),
            (false, true) => "Next: 'fieldpost sync'".to_owned(),
            (false, false) => "Nothing was done yet: 'fieldpost recover --yes' does it".to_owned(),
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
            let unsure = |(key, what): &(Vec<Shown>, String)| {
                Line::new(Level::Error, unsure_words(&table.table, key, what)).of_record(&table.table, key)
            };
            let renumbered = |(was, is): &(Vec<Shown>, Vec<Shown>)| {
                Line::new(Level::Info, renumbered_words(&table.table, was, is)).of_record(&table.table, is)
            };
            let listed = |(key, what): &(Vec<Shown>, String)| {
                Line::new(Level::Error, listed_words(&table.table, key, what)).of_record(&table.table, key)
            };
            let kept = |key: &Vec<Shown>| {
                Line::new(Level::Info, format!("{} {}: what was edited since the backup was put back stays", table.table, shown::key(key)))
                    .of_record(&table.table, key)
            };
            let found = table.refused.iter().map(line).chain(table.unsure.iter().map(unsure)).chain(table.listed.iter().map(listed));
            found.chain(table.renumbered.iter().map(renumbered)).chain(table.kept.iter().map(kept)).collect::<Vec<_>>()
        };
        self.tables.iter().map(brought).chain(self.tables.iter().flat_map(refused)).collect()
    }

    fn exit(&self) -> Exit {
        let refused = self.tables.iter().any(|table| !table.refused.is_empty() || !table.unsure.is_empty() || !table.listed.is_empty());
        let stopped = !self.needed && !self.stopped.is_empty();
        if stopped || self.needed && (!self.done || refused) { Exit::Attention } else { Exit::Done }
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
        let report = RecoverReport {
            needed: true,
            done: true,
            tables: vec![table],
            saved: Some("/srv/shop/.fieldpost/restored-1.db".into()),
            ..RecoverReport::default()
        };
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
        let key = || vec![Shown(Value::text("ACME"))];
        let tables = vec![
            RecoveredTable {
                table: "c".into(),
                refused: vec![(key(), "UNIQUE constraint failed: c.u".into())],
                ..RecoveredTable::default()
            },
            RecoveredTable { table: "d".into(), listed: vec![(key(), "is deleted, though".into())], ..RecoveredTable::default() },
        ];
        let report = RecoverReport { needed: true, tables, ..RecoverReport::default() };
        let said = plain(&report);
        assert!(said.contains("c ACME: refused, UNIQUE") && said.contains("d ACME is deleted, though"), "{said}");
        assert!(said.contains("It cannot be brought forward yet") && !said.contains("does it"), "{said}");
        let nothing_differs = RecoverReport { needed: true, done: true, ..RecoverReport::default() };
        assert!(plain(&nothing_differs).contains("every record is as this site knows it already\nNext: 'fieldpost sync'"));
        assert_eq!(plain(&RecoverReport::default()), "Nothing to recover: database and home belong together.\n");
        let stopped = Stopped { neighbour: SiteName::new("anna").unwrap(), problem: "it exists twice".into(), from_here: true };
        let report = RecoverReport { stopped: vec![stopped], ..RecoverReport::default() };
        assert!(plain(&report).contains("nothing goes to and fro with 'anna': it exists twice"));
        assert_eq!(report.exit(), Exit::Attention);
    }
}
