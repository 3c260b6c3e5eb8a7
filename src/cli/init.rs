//! `fieldpost init`: what does the main office get told when its database is taken in?

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::access::Entered;
use super::page::{Column, Page, alert, count, heading, number, paragraphs};
use super::printer::Report;
use super::{Context, Exit, Failure, library, place};
use crate::database::UntrackedReason;
use crate::keys::VerifyingKey;
use crate::model::{KeyKind, SiteName};
use crate::site::{Home, HomeError};
use crate::sync::{Session, start};

/// Set up the main office on an existing database
///
/// The program that owns the database may be running. Triggers are added to it that note which records are edited;
/// nothing else in it changes, and 'fieldpost detach' takes them out again. What can be tracked, what not and why is listed.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost init --name head --database shop.db --exchange /mnt/share
  fieldpost --home /srv/shop init --name head --database /var/lib/crm/crm.sqlite --exchange /mnt/share")]
pub struct InitArgs {
    /// The name of this site: a-z, 0-9, - and _
    #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
    pub name: SiteName,
    /// The SQLite database of the application
    #[arg(long, value_name = "FILE")]
    pub database: PathBuf,
    /// Where packets are dropped for the others: a folder or an address; several: --exchange A --exchange B
    #[arg(long, value_name = "PLACE", required = true)]
    pub exchange: Vec<String>,
    /// A folder with documents that are to travel too; see 'fieldpost library'
    #[arg(long, value_name = "DIR")]
    pub library: Option<PathBuf>,
    /// Certificates (PEM) to believe in place of this computer's: the server's own, or the one that signed it
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
}

/// What was set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InitReport {
    /// The new site.
    pub site: SiteName,
    /// Its folder.
    pub home: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The exchanges.
    pub exchange: Vec<String>,
    /// The folder of documents, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Fingerprint of the signing key.
    pub fingerprint: String,
    /// What is tracked, by name.
    pub tracked: Vec<TrackedTable>,
    /// What is not, by name.
    pub untracked: Vec<UntrackedTable>,
    /// What else to know before going on.
    pub warnings: Vec<String>,
}

/// A table whose edits travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackedTable {
    /// Its name.
    pub table: String,
    /// Records in it now.
    pub records: u64,
    /// Its key fields.
    pub key: Vec<String>,
    /// Whether the same key at two sites is the same record.
    pub key_kind: KeyKind,
}

/// A table whose edits stay here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UntrackedTable {
    /// Its name.
    pub table: String,
    /// Why, as a sentence has it after "because".
    pub reason: String,
}

/// Runs the command.
///
/// # Errors
/// Then there is no home, and the database is as it was.
pub fn run(arguments: &InitArgs, context: &Context) -> Result<Exit, Failure> {
    let folder = place::whole(&context.here, &context.new_home())?;
    if folder.join(Home::SETTINGS).exists() {
        return Err(HomeError::Exists { folder }.into());
    }
    let database = place::database(&context.here, &folder, &arguments.database)?;
    let file = folder.join(&database);
    if !file.is_file() {
        return Err(Failure::NoDatabase { typed: arguments.database.clone(), folder: file.is_dir() });
    }
    let entered = Entered::of(context, &arguments.exchange, arguments.certificate.as_deref())?;
    entered.exposes_nothing(&folder, &database)?;
    let progress = context.printer.progress("looking at the database");
    let mut exchanges = entered.open(&progress)?;
    let mut table = String::new();
    let mut taken = |name: &str, records: u64| {
        if table != name {
            name.clone_into(&mut table);
            progress.stage(&format!("taking in {name}"), None);
        }
        progress.done(records);
    };
    let (name, world) = (&arguments.name, &context.world);
    let begun = start::init(world, &folder, name, &database, entered.exchanges.clone(), &mut exchanges.all(), &context.limits, &mut taken)?;
    drop(progress);
    let home = Home::discover(Some(&folder), &folder)?;
    entered.keep(context, &home)?;
    let mut library = None;
    if let Some(folder) = &arguments.library {
        let _lock = home.lock(&context.world)?;
        let mut session = Session::open(context.world.another(), home.clone(), context.limits.clone())?;
        library::begin(context, &mut session, Some(folder))?;
        library = Some(session.library_folder());
    }
    let key = VerifyingKey::parse(&fs_err::read_to_string(home.signing_public())?)?;
    let mut warnings: Vec<String> = begun.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(undeclared(&begun.undeclared));
    warnings.extend(
        begun
            .were_marked
            .iter()
            .map(|place| format!("{place} was an exchange before: where that was another tree's, take a folder of its own")),
    );
    let mut tracked: Vec<TrackedTable> = begun
        .tracked
        .iter()
        .map(|(shape, records)| TrackedTable {
            table: shape.name.clone(),
            records: *records,
            key: shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect(),
            key_kind: shape.key_kind,
        })
        .collect();
    tracked.sort_by(|a, b| a.table.cmp(&b.table));
    let untracked = begun.untracked.iter().filter(|one| one.reason != UntrackedReason::Internal);
    Ok(context.printer.report(&InitReport {
        site: name.clone(),
        database: folder.join(&database),
        home: folder,
        exchange: entered.exchanges.addresses,
        library,
        fingerprint: key.fingerprint().to_string(),
        tracked,
        untracked: untracked.map(|one| UntrackedTable { table: one.name.clone(), reason: one.reason.to_string() }).collect(),
        warnings,
    }))
}

/// One line, whatever there is: the doctor tells the rest.
fn undeclared(fields: &[String]) -> Option<String> {
    let (first, rest) = fields.split_first()?;
    let looks = match rest.len() {
        0 => format!("`{first}` looks like a reference"),
        more => format!("`{first}` and {} look like references", count(more, "other field", "other fields")),
    };
    Some(format!(
        "{looks} to handed-out numbers that nobody declared; when such a number changes it is not followed: run 'fieldpost doctor'"
    ))
}

impl Report for InitReport {
    fn text(&self, page: &Page) -> String {
        let head = format!(
            "{}\n  database     {}\n  exchange     {}{}\n  fingerprint  {}",
            heading(&format!("'{}' is set up in {}", self.site, self.home.display())),
            self.database.display(),
            self.exchange.join("\n               "),
            self.library.as_ref().map_or_else(String::new, |library| format!("\n  documents    {}", library.display())),
            self.fingerprint
        );
        let warnings = self.warnings.iter().map(|warning| format!("{} {warning}", alert("Note:")));
        let next = "Next: 'fieldpost invite NAME' for every site, then 'fieldpost sync'.".to_owned();
        let parts = [head, self.tracked_text(page), untracked_text(&self.untracked, page)];
        paragraphs(parts.into_iter().chain([warnings.collect::<Vec<_>>().join("\n"), next]))
    }
}

impl InitReport {
    fn tracked_text(&self, page: &Page) -> String {
        let records: u64 = self.tracked.iter().map(|table| table.records).sum();
        let title = format!("Tracked: {}, {}", count(self.tracked.len(), "table", "tables"), count(records, "record", "records"));
        let rows = self.tracked.iter().map(|table| {
            let kind = match table.key_kind {
                KeyKind::Natural => "",
                KeyKind::Assigned => "number handed out",
            };
            vec![table.table.clone(), number(table.records), table.key.join(", "), kind.to_owned()]
        });
        let columns = [Column::Words("table"), Column::Numbers("records"), Column::Words("key"), Column::Words("")];
        let note = match self.tracked.iter().any(|table| table.key_kind == KeyKind::Assigned) {
            true => {
                "\n\nWhere the database hands out the number, two sites can give the same one to different records:\n\
                     then one of them gets another number, and everything that refers to it follows."
            }
            false => "",
        };
        format!("{}\n{}{note}", heading(&title), page.table(&columns, rows))
    }
}

/// Tables whose edits stay here, by reason; empty where there are none.
pub(super) fn untracked_text(tables: &[UntrackedTable], page: &Page) -> String {
    if tables.is_empty() {
        return String::new();
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for table in tables {
        reasons.entry(&table.reason).or_default().push(&table.table);
    }
    let lines: Vec<String> = reasons.iter().map(|(reason, tables)| format!("{reason}: {}", tables.join(", "))).collect();
    format!("{}\n{}", heading("Not tracked, because"), page.list(&lines, "-v lists all"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{json, plain};

    fn tracked(table: &str, records: u64, key: &[&str], key_kind: KeyKind) -> TrackedTable {
        TrackedTable { table: table.to_owned(), records, key: key.iter().map(|&field| field.to_owned()).collect(), key_kind }
    }

    fn report() -> InitReport {
        InitReport {
            site: SiteName::new("head").unwrap(),
            home: "/srv/shop".into(),
            database: "/srv/shop/shop.db".into(),
            exchange: vec!["/mnt/share".to_owned()],
            library: None,
            fingerprint: "SHA256:abc".to_owned(),
            tracked: vec![
                tracked("customers", 1_300, &["id"], KeyKind::Natural),
                tracked("order_lines", 5, &["order_id", "line"], KeyKind::Natural),
                tracked("products", 60, &["id"], KeyKind::Assigned),
            ],
            untracked: vec![UntrackedTable { table: "import".to_owned(), reason: "it has no key".to_owned() }],
            warnings: vec!["the database has 2 triggers of its own".to_owned()],
        }
    }

    #[test]
    fn it_lists_what_is_tracked_what_not_and_why() {
        assert_eq!(
            plain(&report()),
            "\
'head' is set up in /srv/shop
  database     /srv/shop/shop.db
  exchange     /mnt/share
  fingerprint  SHA256:abc

Tracked: 3 tables, 1,365 records
  table        records  key
  customers      1,300  id
  order_lines        5  order_id, line
  products          60  id              number handed out

Where the database hands out the number, two sites can give the same one to different records:
then one of them gets another number, and everything that refers to it follows.

Not tracked, because
  it has no key: import

Note: the database has 2 triggers of its own

Next: 'fieldpost invite NAME' for every site, then 'fieldpost sync'.
"
        );
        assert_eq!(json(&report())["tracked"][2]["key_kind"], "assigned");
    }
}
