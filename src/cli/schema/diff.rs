//! `fieldpost schema diff`: what is not alike, here and at the neighbours.

use serde::Serialize;

use crate::cli::page::{Page, alert, heading, paragraphs};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::sync::schema::view::{self, Difference};

/// What is not alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DiffReport {
    /// By neighbour.
    differences: Vec<Difference>,
    /// Our parent's name; none at the main office.
    parent: Option<String>,
    #[serde(skip)]
    has_database: bool,
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let parent = session.ledger.parent()?.map(|parent| parent.card.name.to_string());
    Ok(context.printer.report(&DiffReport { differences: view::differences(&session)?, parent, has_database: session.has_database() }))
}

impl Report for DiffReport {
    fn text(&self, page: &Page) -> String {
        if self.differences.is_empty() && !self.has_database {
            return "There is no database here yet: the schema comes with it.".to_owned();
        }
        if self.differences.is_empty() {
            return "No differences.".to_owned();
        }
        paragraphs(self.differences.iter().map(|one| {
            let title = if self.parent.as_deref() == Some(one.site.as_str()) {
                format!("To have version {} of '{}'", one.version, one.site)
            } else {
                format!("What '{}' has not confirmed", one.site)
            };
            let mut text = heading(&title);
            if !one.what.is_empty() {
                text = format!("{text}\n{}", page.list(&one.what, "-v lists all"));
            }
            match &one.refused {
                Some(why) => format!("{text}\n{}", page.wrapped(&alert(&format!("it cannot be done: {why}")))),
                None => text,
            }
        }))
    }

    fn exit(&self) -> Exit {
        if self.differences.iter().any(|one| one.refused.is_some()) { Exit::Attention } else { Exit::Done }
    }
}
