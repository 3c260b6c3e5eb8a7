//! `fieldpost library`: which documents travel, which are on their way, and which are not taken and why?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::page::{Page, alert, count, heading, one_line, paragraphs, size};
use super::printer::Report;
use super::{Context, Exit, Failure, place};
use crate::model::SiteName;
use crate::site::Settings;
use crate::sync::Session;
use crate::sync::documents::look::waiting;
use crate::sync::documents::lost::{GivenUp, give_up};
use crate::sync::documents::place::coming;
use crate::sync::documents::{Coming, Freedom, switch};

/// The documents folder: what is in it, what is on its way, and what is not taken
///
/// The main office turns it on; every site below gets a folder of its own, '.fieldpost' apart, and new, changed, moved and deleted
/// documents travel with 'fieldpost sync'. Content travels by chunks: of an edit in a large file only what was edited.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost library on /srv/shop/documents      at the main office
  fieldpost library on 'D:\\Documents\\Shop'      at another site: where the documents are to be
  fieldpost library                             what is there, on its way, not taken
  fieldpost library drop plans/big.pdf          its content is lost: nobody is to wait for it any more
  fieldpost library off                         files stay, nothing is deleted anywhere")]
pub struct LibraryArgs {
    /// What to do; without it what there is is told
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with the library.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Keep documents in this folder; it is made where it is not there, and marked
    #[command(after_help = "Examples:\n  fieldpost library on /srv/shop/documents")]
    On {
        /// The folder; without it the one of the settings, or 'library' in the home
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Give up the content of a document that does not come, because the only site that had it is lost
    ///
    /// The document is again what this site's folder has of it; where there is nothing it goes, at all sites. Whoever still has the content loses
    /// it with the next round, as by any edit or deletion: get it from there first.
    #[command(after_help = "Examples:\n  fieldpost library drop plans/big.pdf")]
    Drop {
        /// The document, as 'fieldpost library' lists it
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Keep no documents any more; at the main office: nowhere. Files stay where they are
    #[command(after_help = "Examples:\n  fieldpost library off")]
    Off,
}

impl LibraryArgs {
    /// Under which name its runs are logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match self.action {
            None => None,
            Some(Action::On { .. }) => Some("library on"),
            Some(Action::Off) => Some("library off"),
            Some(Action::Drop { .. }) => Some("library drop"),
        }
    }
}

/// What there is of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LibraryReport {
    /// The site.
    pub site: SiteName,
    /// Its folder; none where it has no library.
    pub folder: Option<PathBuf>,
    /// Documents in the list.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether the database has come, and with it word of a library.
    pub has_database: bool,
    /// How many documents were seen in another folder until this command named this one.
    pub elsewhere: usize,
    /// What became of the document whose content was given up by this command.
    pub dropped: Option<String>,
    /// Why the last run left the documents alone, or some deletions of them.
    pub waiting: Option<String>,
    /// Those whose content is not in the folder yet.
    pub coming: Vec<Coming>,
    /// Names that are not taken or not placed, each with the reason.
    pub refused: BTreeMap<String, String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::LibraryAbove`] where the site's parent decides; else as folder, database and ledger say.
pub fn run(arguments: &LibraryArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.action {
        None => {
            let session = context.look()?;
            Ok(context.printer.report(&LibraryReport::of(&session)?))
        }
        Some(Action::On { folder }) => {
            let (_lock, mut session) = context.work()?;
            let elsewhere = begin(context, &mut session, folder.as_deref())?;
            let report = LibraryReport { elsewhere, ..LibraryReport::of(&session)? };
            Ok(context.done(&session.home, &report))
        }
        Some(Action::Drop { path }) => {
            let (_lock, session) = context.work()?;
            let given_up = give_up(&session, path)?.map_err(|why| Failure::BadLine(format!("`{path}`: {why}")))?;
            let now = match given_up {
                GivenUp::Back => "is again what this site's folder has",
                GivenUp::Gone => "is off the list",
            };
            let dropped = Some(format!("`{path}` {now}; 'fieldpost sync' tells the others"));
            let report = LibraryReport { dropped, ..LibraryReport::of(&session)? };
            Ok(context.done(&session.home, &report))
        }
        Some(Action::Off) => {
            let (_lock, mut session) = context.work()?;
            if let Some(parent) = &session.settings.parent {
                return Err(Failure::LibraryAbove { parent: parent.clone() });
            }
            switch::off(&mut session)?;
            let report = LibraryReport::of(&session)?;
            Ok(context.done(&session.home, &report))
        }
    }
}

/// Turns the library on in a folder: at the host for everybody, elsewhere it says where the parent's documents are to be. Gives how many
/// documents were seen in another folder.
///
/// # Errors
/// As folder, settings and database say; doing it again goes on.
pub(super) fn begin(context: &Context, session: &mut Session, folder: Option<&Path>) -> Result<usize, Failure> {
    let before = session.settings.clone();
    if let Some(folder) = folder {
        let folder = place::whole(&context.here, folder)?;
        let folder = folder.to_str().ok_or_else(|| Failure::NotText(folder.clone()))?.to_owned();
        let mut settings: Settings = session.settings.clone();
        settings.library.folder = Some(folder);
        session.home.write_settings(&context.world, &settings)?;
        session.settings = settings;
    }
    session.freedom = Freedom::Usual;
    // Below the host the list comes from the parent; until then only the folder is made ready.
    let is_on = session.settings.parent.is_none() || session.has_library();
    let begun = if is_on { switch::on(session) } else { switch::prepare(session) };
    if begun.is_err() && session.settings.library.folder != before.library.folder {
        // The folder cannot be the library: the one there is goes on.
        session.home.write_settings(&context.world, &before)?;
        session.settings = before;
    }
    Ok(begun?)
}

impl LibraryReport {
    fn of(session: &Session) -> Result<Self, Failure> {
        let mut report = Self {
            site: session.name().clone(),
            folder: session.has_library().then(|| session.library_folder()),
            documents: 0,
            bytes: 0,
            has_database: session.has_database(),
            elsewhere: 0,
            dropped: None,
            waiting: waiting(session)?,
            coming: Vec::new(),
            refused: BTreeMap::new(),
        };
        // A backup of before there was a library has no list: 'status' says what to do.
        if !session.has_library() || !session.has_database() || !session.database()?.has_library()? {
            return Ok(report);
        }
        for row in session.database()?.documents().map_err(crate::sync::SyncError::from)?.into_iter().flatten() {
            report.documents += 1;
            report.bytes = report.bytes.saturating_add(row.bytes);
        }
        if session.ledger.has_documents()? {
            report.coming = coming(session)?;
            report.refused = session.ledger.document_troubles()?;
        }
        Ok(report)
    }
}

impl Report for LibraryReport {
    fn text(&self, page: &Page) -> String {
        let Some(folder) = &self.folder else {
            let why = match self.has_database {
                true => "has no library: 'fieldpost library on DIR' at the main office begins one",
                false => "has no database yet; whether there is a library it hears with it",
            };
            return format!("'{}' {why}", self.site);
        };
        let documents = count(self.documents, "document", "documents");
        let head = format!("{}\n  {documents}, {}", heading(&folder.display().to_string()), size(self.bytes));
        let line = |coming: &Coming| format!("{}, {} of {} here", one_line(&coming.path), size(coming.here), size(coming.bytes));
        let lines: Vec<String> = self.coming.iter().map(line).collect();
        let on_their_way = match lines.len() {
            0 => String::new(),
            many => format!(
                "{}\n{}",
                heading(&format!("On their way: {}", count(many, "document", "documents"))),
                page.list(&lines, "-v lists all")
            ),
        };
        let lines: Vec<String> = self.refused.iter().map(|(name, why)| format!("{}: {}", alert(&one_line(name)), one_line(why))).collect();
        let refused = match lines.is_empty() {
            true => String::new(),
            false => format!("{}\n{}", heading("Not taken or not placed"), page.list(&lines, "-v lists all")),
        };
        let waiting = self.waiting.as_ref().map_or_else(String::new, |why| format!("{}\n{}", alert("Waiting for you"), page.wrapped(why)));
        let elsewhere = match self.elsewhere {
            0 => String::new(),
            some => page.wrapped(&format!(
                "{} seen in another folder until now: whatever no other site has yet must be copied from there into this one; the rest comes by itself",
                count(some, "document was", "documents were")
            )),
        };
        let dropped = self.dropped.as_ref().map_or_else(String::new, |dropped| page.wrapped(dropped));
        paragraphs([head, elsewhere, dropped, waiting, on_their_way, refused])
    }

    fn exit(&self) -> Exit {
        if self.waiting.is_some() { Exit::Attention } else { Exit::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{json, plain};

    #[test]
    fn it_says_what_is_there_on_its_way_and_not_taken() {
        let report = LibraryReport {
            site: SiteName::new("anna").unwrap(),
            folder: Some("/srv/documents".into()),
            documents: 2,
            bytes: 5_000,
            has_database: true,
            elsewhere: 3,
            dropped: None,
            waiting: Some("they are gone".into()),
            coming: vec![Coming { path: "a/film.mp4".into(), bytes: 4_000, here: 1_000 }],
            refused: BTreeMap::from([("con".to_owned(), "it is not taken: reserved".to_owned())]),
        };
        assert_eq!(
            plain(&report),
            "\
/srv/documents
  2 documents, 5.0 kB

  3 documents were seen in another folder until now: whatever no other site has yet must be copied
    from there into this one; the rest comes by itself

Waiting for you
  they are gone

On their way: 1 document
  a/film.mp4, 1.0 kB of 4.0 kB here

Not taken or not placed
  con: it is not taken: reserved
"
        );
        assert_eq!(json(&report)["coming"][0]["here"], 1_000);
        let none = LibraryReport { folder: None, ..report };
        assert!(plain(&none).contains("has no library"));
    }
}
