//! `fieldpost digest`: do two sites hold the same data?

use clap::Args;
use serde::Serialize;

use data_encoding::HEXLOWER;

use super::page::{Column, Page, count, heading, number};
use super::printer::{Printer, Report};
use super::{Context, Exit, Failure};
use crate::database::DatabaseError;
use crate::model::{SiteName, shown_table};
use crate::sync::Session;

/// Print a content hash per table, the same wherever the data is the same
///
/// Types are exact: 1, 1.0 and '1' give different hashes. The order in which records were made does not matter. The last
/// line is for two people on the phone.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  fieldpost digest
  fieldpost digest customers orders
  fieldpost digest --json")]
pub struct DigestArgs {
    /// Only these tables
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
}

/// The hashes of this site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DigestReport {
    /// The site.
    pub site: SiteName,
    /// Hash of all tables, 64 hex digits.
    pub digest: String,
    /// By name.
    pub tables: Vec<TableDigest>,
    /// Whether these are all.
    #[serde(skip)]
    pub whole: bool,
}

/// The hash of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableDigest {
    /// The table.
    pub table: String,
    /// How many records.
    pub records: u64,
    /// 64 hex digits.
    pub digest: String,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::NoTable`] for a table that is not tracked; else as the database says.
pub fn run(arguments: &DigestArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let held = super::held::all(&session)?.len();
    if held > 0 {
        let changes = count(held, "change is", "changes are");
        context.printer.note(&format!("{changes} held here and not in the data yet: 'fieldpost held'"));
    }
    let report = of(&session, arguments, &context.printer)?;
    Ok(context.printer.report(&report))
}

/// The hashes of a site.
///
/// # Errors
/// As [`run`].
pub fn of(session: &Session, arguments: &DigestArgs, printer: &Printer) -> Result<DigestReport, Failure> {
    let named = arguments.tables.iter().map(|typed| super::history::shape_named(session, typed).map(|shape| shape.name.clone()));
    let named: Vec<String> = named.collect::<Result<_, _>>()?;
    if !session.has_database() && session.has_begun() {
        return Err(DatabaseError::Missing(session.database_path()).into());
    }
    let database = session.database()?;
    let progress = printer.progress("reading the database");
    let mut tables = Vec::new();
    database.begin_read()?;
    for shape in session.shapes.iter().filter(|shape| named.is_empty() || named.contains(&shape.name)) {
        progress.stage(&format!("reading {}", shape.name), None);
        let digest = database.digest(shape)?;
        tables.push(TableDigest {
            table: shown_table(&shape.name).to_owned(),
            records: digest.records,
            digest: HEXLOWER.encode(&digest.hash),
        });
    }
    database.end_read()?;
    drop(progress);
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(DigestReport { site: session.name().clone(), digest: together(&tables), tables, whole: named.is_empty() })
}

/// One hash of the tables in order of their names.
fn together(tables: &[TableDigest]) -> String {
    let mut hasher = blake3::Hasher::new();
    for table in tables {
        let line = format!("{} {} {}\n", table.table, table.records, table.digest);
        hasher.update(line.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

impl DigestReport {
    /// So many digits are enough for people to compare.
    const SHOWN_DIGITS: usize = 16;
    /// So many are enough for two people who do not mean each other harm to say on the phone.
    const SPOKEN_DIGITS: usize = 12;

    /// `3f2a-91bc-04de`.
    #[must_use]
    pub fn spoken(&self) -> String {
        let digits = self.digest.as_bytes().iter().take(Self::SPOKEN_DIGITS).map(|digit| char::from(*digit)).collect::<Vec<_>>();
        digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    }
}

impl Report for DigestReport {
    fn text(&self, page: &Page) -> String {
        let short = |digest: &str| digest.chars().take(Self::SHOWN_DIGITS).collect::<String>();
        let records = self.tables.iter().map(|table| table.records).sum::<u64>();
        let rows = self.tables.iter().map(|table| vec![table.table.clone(), number(table.records), short(&table.digest)]);
        let all = if self.whole { "all tables" } else { "together" };
        let all = (self.whole || self.tables.len() > 1).then(|| vec![all.to_owned(), number(records), String::new()]);
        let table = page.table(&[Column::Words("table"), Column::Numbers("records"), Column::Words("digest")], rows.chain(all));
        let of = match (self.whole, self.tables.len()) {
            (true, _) => "",
            (false, 1) => ", of this table alone",
            (false, _) => ", of these tables alone",
        };
        format!("{table}\n\n{}  {}", heading(&format!("'{}' holds{of}", self.site)), self.spoken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{json, plain};

    #[test]
    fn people_get_short_hashes_and_programs_whole_ones() {
        let table = |table: &str, records, digit: &str| TableDigest { table: table.to_owned(), records, digest: digit.repeat(64) };
        let report = DigestReport {
            site: SiteName::new("head").unwrap(),
            digest: "c".repeat(64),
            tables: vec![table("customers", 300, "a"), table("notes", 1_200, "b")],
            whole: true,
        };
        assert_eq!(
            plain(&report),
            "  table       records  digest
  customers       300  aaaaaaaaaaaaaaaa
  notes         1,200  bbbbbbbbbbbbbbbb
  all tables    1,500

'head' holds  cccc-cccc-cccc
"
        );
        assert_eq!(json(&report)["digest"], "c".repeat(64));
        // Read over the telephone it must not be taken for that of the whole.
        let some = DigestReport { whole: false, ..report.clone() };
        assert!(
            plain(&some).ends_with("\n  together     1,500\n\n'head' holds, of these tables alone  cccc-cccc-cccc\n"),
            "{}",
            plain(&some)
        );
        let one = DigestReport { tables: vec![table("notes", 1_200, "b")], ..some };
        assert!(plain(&one).ends_with("bbbb\n\n'head' holds, of this table alone  cccc-cccc-cccc\n"), "{}", plain(&one));
    }
}
