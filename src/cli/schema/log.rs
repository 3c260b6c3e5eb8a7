//! `fieldpost schema log`: the versions of the schema, and what each of them changed.

use serde::Serialize;

use crate::cli::page::{Moment, Page, heading};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::sync::schema;

/// The versions, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LogReport {
    versions: Vec<Version>,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Version {
    version: u64,
    /// When it was noticed here, or got here.
    time: Moment,
    /// What became otherwise.
    what: Vec<String>,
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let all = schema::versions(&context.look()?)?.into_iter();
    let versions = all.map(|one| Version { version: one.version, time: Moment(one.time), what: one.what }).collect();
    Ok(context.printer.report(&LogReport { versions }))
}

impl Report for LogReport {
    fn text(&self, page: &Page) -> String {
        if self.versions.is_empty() {
            return "No versions yet.".to_owned();
        }
        let one = |version: &Version| {
            let title = heading(&format!("version {}   {}", version.version, page.moment(version.time)));
            format!("{title}\n{}", page.list(&version.what, "-v lists all"))
        };
        self.versions.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}
