//! `fieldpost bundle drift`: what was changed here of what bundles put?

use serde::Serialize;

use super::DriftArgs;
use crate::cli::page::{Page, count, heading, paragraphs};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::sync::SyncError;
use crate::sync::bundles::Refusal;
use crate::sync::bundles::look::{self, Drift};

/// What differs, by bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct DriftReport {
    bundles: Vec<Drift>,
}

pub(super) fn run(arguments: &DriftArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let mut bundles = look::drift(&session)?;
    bundles.retain(|drift| arguments.name.as_ref().is_none_or(|name| drift.name == *name));
    if let Some(name) = &arguments.name
        && bundles.is_empty()
    {
        return Err(SyncError::from(Refusal::NotInstalled(name.clone())).into());
    }
    Ok(context.printer.report(&DriftReport { bundles }))
}

fn lines(drift: &Drift) -> Vec<String> {
    let changed = drift.changed.iter().map(|path| format!("{path}: changed here"));
    let missing = drift.missing.iter().map(|path| format!("{path}: gone"));
    let unreadable = drift.unreadable.iter().map(|(path, why)| format!("{path}: {why}"));
    let rows = drift.rows.iter().map(|row| format!("{} {}: changed here", row.table, row.key));
    changed.chain(missing).chain(unreadable).chain(rows).collect()
}

impl Report for DriftReport {
    fn text(&self, page: &Page) -> String {
        if self.bundles.is_empty() {
            return "no bundle is installed here".to_owned();
        }
        paragraphs(self.bundles.iter().map(|drift| {
            let (name, found) = (format!("{} {}", drift.name, drift.version), lines(drift));
            if found.is_empty() {
                return format!("{}: everything is as it was put", heading(&name));
            }
            format!("{}: {}\n{}", heading(&name), count(found.len(), "difference", "differences"), page.list(&found, "-v lists all"))
        }))
    }
}
