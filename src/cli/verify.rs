//! `fieldpost verify`: did anything get past the triggers?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::logged::Line;
use super::page::{Column, Page, count, number};
use super::printer::Report;
use super::{Context, Exit, Failure, quoting};
use crate::database::doctor::Trouble;
use crate::model::{SiteName, shown_table};
use crate::site::Level;
use crate::sync::seal;

/// What SQLite says where an index does not fit its table.
const INDEXES: [&str; 3] = [" missing from index ", "wrong # of entries in index ", "non-unique entry in index "];

/// Compare every record with what this site knows, and take up what was missed
///
/// Needed after something wrote to the database past its triggers: a program that switched them off, a file that was
/// changed by hand. What is found is an edit of this site from now on and goes with the next sync. A file that SQLite
/// finds damaged is not compared.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  fieldpost verify
  fieldpost verify customers orders
  fieldpost verify --json")]
pub struct VerifyArgs {
    /// Only these tables
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
}

/// What was compared and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The site.
    pub site: SiteName,
    /// Its database.
    pub database: PathBuf,
    /// Changes that capture had missed, in all tables.
    pub found: u64,
    /// By name.
    pub tables: Vec<VerifiedTable>,
    /// What is wrong with the file; then nothing was compared: a record that cannot be read is not one that was deleted.
    pub damage: Vec<String>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedTable {
    /// Its name.
    pub table: String,
    /// How many records it has.
    pub records: u64,
    /// Changes that capture had missed.
    pub found: u64,
    /// Records with an empty value in the key: they are not compared, and stay here.
    pub nameless: u64,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::NoTable`] for a table that is not tracked; else as database and ledger say.
pub fn run(arguments: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let named = arguments.tables.iter().map(|typed| super::history::shape_named(&session, typed).map(|shape| shape.number));
    let named: Vec<_> = named.collect::<Result<_, _>>()?;
    let progress = context.printer.progress("checking the file");
    let damage: Vec<String> = session
        .database()?
        .damage()?
        .into_iter()
        .filter(|trouble| matches!(trouble, Trouble::Damaged(_)))
        .map(|trouble| trouble.to_string())
        .collect();
    let mut tables = Vec::new();
    // What opening the session found by comparing already.
    let mut found = session.missed + session.repaired.iter().map(|(_, found)| found).sum::<u64>();
    if damage.is_empty() {
        progress.stage("taking up what was edited", None);
        found += seal::seal(&session)?.found;
        for shape in session.shapes.iter().filter(|shape| named.is_empty() || named.contains(&shape.number)) {
            progress.stage(&format!("comparing {}", shape.name), None);
            let missed = seal::compare(&session, shape)?;
            found += missed;
            let repaired = session.repaired.iter().filter(|(table, _)| *table == shape.name).map(|(_, found)| found).sum::<u64>();
            let records = session.database()?.count(shape)?;
            let nameless = session.database()?.keyless(shape)?;
            tables.push(VerifiedTable { table: shown_table(&shape.name).to_owned(), records, found: missed + repaired, nameless });
        }
    }
    drop(progress);
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    let report = VerifyReport { site: session.name().clone(), database: session.database_path(), found, tables, damage };
    Ok(context.done(&session.home, &report))
}

impl VerifyReport {
    fn changes(found: u64) -> String {
        count(found, "change", "changes")
    }
}

impl Report for VerifyReport {
    fn text(&self, page: &Page) -> String {
        let mut parts = Vec::new();
        if self.damage.is_empty() {
            let rows = self.tables.iter().map(|table| vec![table.table.clone(), number(table.records), number(table.found)]);
            parts.push(page.table(&[Column::Words("table"), Column::Numbers("records"), Column::Numbers("missed")], rows));
            let nameless = self.tables.iter().filter(|table| table.nameless > 0);
            parts.extend(nameless.map(|table| page.wrapped(&format!("{}: {}", table.table, seal::said_of_nameless(table.nameless)))));
            parts.push(match self.found {
                0 if self.tables.iter().all(|table| table.nameless == 0) => format!("'{}' knows every record as it is", self.site),
                0 => format!("'{}' knows every other record as it is", self.site),
                found => format!("{} had been missed: taken up, and sent with the next 'fieldpost sync'", Self::changes(found)),
            });
        } else {
            parts.push(page.list(&self.damage, "-v lists all"));
            let of_index = |line: &String| INDEXES.iter().any(|words| line.contains(words));
            let file = quoting::shell(&self.database.to_string_lossy());
            let help = if self.damage.iter().all(of_index) {
                format!("Only indexes are wrong; this makes them anew, then verify again:\n  sqlite3 {file} REINDEX")
            } else {
                format!(
                    "Put the file back from a backup, then 'fieldpost recover' brings it forward;\nor save what can be read:\n  \
                     sqlite3 {file} .recover"
                )
            };
            parts.push(format!("Nothing was compared. {help}"));
        }
        parts.join("\n")
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        let found = self.tables.iter().filter(|table| table.found > 0);
        let found = found.map(|table| {
            Line::new(Level::Warning, format!("{}: {} that the triggers had missed", table.table, Self::changes(table.found)))
                .of_table(&table.table)
        });
        // What opening the site had found.
        let rest = self.found.saturating_sub(self.tables.iter().map(|table| table.found).sum());
        let rest = (rest > 0).then(|| Line::new(Level::Warning, format!("{} more that the triggers had missed", Self::changes(rest))));
        let damage = self.damage.iter().map(|line| Line::new(Level::Error, line.clone()));
        found.chain(rest).chain(damage).collect()
    }

    fn exit(&self) -> Exit {
        if self.damage.is_empty() { Exit::Done } else { Exit::Attention }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::plain;

    fn report() -> VerifyReport {
        let table = |table: &str, records, found| VerifiedTable { table: table.to_owned(), records, found, nameless: 0 };
        VerifyReport {
            site: SiteName::new("head").unwrap(),
            database: "/srv/the shop.db".into(),
            found: 2,
            tables: vec![table("customers", 300, 0), table("notes", 1_200, 2)],
            damage: Vec::new(),
        }
    }

    #[test]
    fn what_was_missed_is_counted_by_table() {
        assert_eq!(
            plain(&report()),
            "  table      records  missed
  customers      300       0
  notes        1,200       2
2 changes had been missed: taken up, and sent with the next 'fieldpost sync'
"
        );
        assert_eq!(report().exit(), Exit::Done);
    }

    #[test]
    fn records_that_cannot_be_named_are_not_said_to_be_known() {
        let mut nameless = VerifyReport { found: 0, ..report() };
        nameless.tables[1].nameless = 2;
        let text = plain(&nameless).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("notes: 2 records have an empty value in the key: they stay here, and no other site has them"), "{text}");
        assert!(text.contains("'head' knows every other record as it is"), "{text}");
    }

    #[test]
    fn what_was_found_before_the_tables_were_compared_is_logged_too() {
        let page =
            crate::cli::page::Page { width: 100, zone: jiff::tz::TimeZone::UTC, detail: crate::cli::page::Detail::Summary, home: None };
        let lines = VerifyReport { found: 3, ..report() }.lines(&page);
        assert_eq!((lines.len(), report().lines(&page).len()), (2, 1));
    }

    #[test]
    fn a_damaged_file_is_not_compared() {
        let damaged = VerifyReport { damage: vec!["row 3 missing from index n".to_owned()], ..report() };
        let text = plain(&damaged);
        assert!(
            text.contains("row 3 missing from index n") && text.contains("sqlite3 '/srv/the shop.db' REINDEX") && !text.contains("1,200"),
            "{text}"
        );
        let torn = VerifyReport { damage: vec!["Tree 4 page 9: btreeInitPage() returns error code 11".to_owned()], ..report() };
        assert!(plain(&torn).contains("fieldpost recover"), "{}", plain(&torn));
        assert_eq!(damaged.exit(), Exit::Attention);
    }
}
