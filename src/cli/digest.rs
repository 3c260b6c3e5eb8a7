//! `fieldpost digest`: do two sites hold the same data?

use clap::Args;
use serde::Serialize;

use super::page::{Column, Page, number};
use super::printer::Report;
use crate::model::SiteName;

/// Print a content hash per table, the same wherever the data is the same
///
/// Types are exact: 1, 1.0 and '1' give different hashes. The order in which records were made does not matter.
#[derive(Clone, Debug, Args)]
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

impl DigestReport {
    /// So many digits are enough for people to compare.
    const SHOWN_DIGITS: usize = 16;
}

impl Report for DigestReport {
    fn text(&self, page: &Page) -> String {
        let short = |digest: &str| digest.chars().take(Self::SHOWN_DIGITS).collect::<String>();
        let records = self.tables.iter().map(|table| table.records).sum::<u64>();
        let rows = self.tables.iter().map(|table| vec![table.table.clone(), number(table.records), short(&table.digest)]);
        let all = vec!["all tables".to_owned(), number(records), short(&self.digest)];
        page.table(&[Column::Words("table"), Column::Numbers("records"), Column::Words("digest")], rows.chain([all]))
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
        };
        assert_eq!(
            plain(&report),
            "  table       records  digest
  customers       300  aaaaaaaaaaaaaaaa
  notes         1,200  bbbbbbbbbbbbbbbb
  all tables    1,500  cccccccccccccccc
"
        );
        assert_eq!(json(&report)["digest"], "c".repeat(64));
    }
}
