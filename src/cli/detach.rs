//! `fieldpost detach`: how does a database get rid of us?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::page::{Page, count, heading};
use super::printer::Report;
use crate::model::SiteName;

/// Take every trace of Fieldpost out of the database
///
/// Removes the triggers and the tables that Fieldpost added. The records stay as they are. The home folder with the keys,
/// the history and the settings stays too; delete it yourself when nothing in it is wanted any more.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost detach
  fieldpost detach --force      also when edits have not been sent yet")]
pub struct DetachArgs {
    /// Detach although there are edits that no other site has
    #[arg(long)]
    pub force: bool,
}

/// What was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DetachReport {
    /// The site.
    pub site: SiteName,
    /// The database.
    pub database: PathBuf,
    /// The home that stays.
    pub home: PathBuf,
    /// Triggers taken out.
    pub triggers: u64,
    /// Tables taken out.
    pub tables: u64,
    /// Edits that no other site has.
    pub unsent: u64,
}

impl Report for DetachReport {
    fn text(&self, _: &Page) -> String {
        let amount = |amount: u64| usize::try_from(amount).unwrap_or(usize::MAX);
        let unsent = match self.unsent {
            0 => String::new(),
            unsent => format!("\n  {} no other site has", count(amount(unsent), "edited record that", "edited records that")),
        };
        format!(
            "{}\n  {} and {} taken out; every record is as it was{unsent}\n  keys, history and settings stay in {}",
            heading(&format!("'{}' no longer touches {}", self.site, self.database.display())),
            count(amount(self.triggers), "trigger", "triggers"),
            count(amount(self.tables), "table", "tables"),
            self.home.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::plain;

    #[test]
    fn it_says_what_went_and_what_stays() {
        let report = DetachReport {
            site: SiteName::new("head").unwrap(),
            database: "/srv/shop/shop.db".into(),
            home: "/srv/shop".into(),
            triggers: 18,
            tables: 7,
            unsent: 2,
        };
        assert_eq!(
            plain(&report),
            "\
'head' no longer touches /srv/shop/shop.db
  18 triggers and 7 tables taken out; every record is as it was
  2 edited records that no other site has
  keys, history and settings stay in /srv/shop
"
        );
    }
}
