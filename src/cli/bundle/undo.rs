//! `fieldpost bundle rollback`, `remove` and `withdraw`: the way back.

use serde::Serialize;

use super::{UndoArgs, about, fate_line, row_lines};
use crate::bundle::{BundleName, Loss};
use crate::cli::logged::Line;
use crate::cli::page::{Page, count};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::site::Level;
use crate::sync::bundles::undo::{Depth, Undone, undo};
use crate::sync::bundles::{self, Scope};

/// What going back did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct UndoReport {
    name: BundleName,
    /// At all sites, not only here.
    withdrawn: bool,
    /// It has rows or schema steps for everybody, which stay.
    shared_stays: bool,
    #[serde(flatten)]
    undone: Undone,
}

pub(super) fn rollback(arguments: &UndoArgs, context: &Context) -> Result<Exit, Failure> {
    back(arguments, context, Depth::One)
}

pub(super) fn remove(arguments: &UndoArgs, context: &Context) -> Result<Exit, Failure> {
    back(arguments, context, Depth::All)
}

pub(super) fn withdraw(arguments: &UndoArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let undone = about(&arguments.name, bundles::withdraw(&session, &arguments.name, loss(arguments)))?;
    Ok(context.done(&session.home, &UndoReport { name: arguments.name.clone(), withdrawn: true, shared_stays: false, undone }))
}

fn back(arguments: &UndoArgs, context: &Context, depth: Depth) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let shared = bundles::installed_shares(&session, &arguments.name)?;
    let undone = about(&arguments.name, undo(&session, Scope::Site, &arguments.name, depth, loss(arguments)))?;
    Ok(context.done(&session.home, &UndoReport { name: arguments.name.clone(), withdrawn: false, shared_stays: shared, undone }))
}

const fn loss(arguments: &UndoArgs) -> Loss {
    if arguments.force { Loss::KeepBeside } else { Loss::Refuse }
}

impl UndoReport {
    fn sentence(&self) -> String {
        let (name, from) = (&self.name, self.undone.from);
        let now = self.undone.to.map_or_else(|| "no version".to_owned(), |to| to.to_string());
        if self.withdrawn {
            return format!("{name} {from} is withdrawn, {now} is published; 'fieldpost sync' tells the sites, which take it back");
        }
        match self.undone.to {
            Some(to) => format!("{name} is {to} again; {from} is not installed by itself any more"),
            None => format!("{name} {from} is gone, and is not installed by itself any more"),
        }
    }
}

impl Report for UndoReport {
    fn text(&self, page: &Page) -> String {
        let mut lines: Vec<String> = self.undone.files.iter().map(fate_line).collect();
        lines.extend(row_lines(&self.undone.rows));
        lines.extend(self.undone.steps.iter().map(|step| format!("schema step {step}: taken back")));
        lines.extend(self.undone.everybodys.iter().map(|what| format!("{what}: everybody's by now, stays")));
        lines.extend(self.undone.failed_steps.iter().map(|step| format!("schema step {step}: what is left of it stays")));
        if self.undone.kept_rows > 0 {
            let rows = count(self.undone.kept_rows, "row stays", "rows stay");
            lines.push(format!("{rows}: changed here since, referred to by records, or in a list of another bundle"));
        }
        let mut text = self.sentence();
        if !lines.is_empty() {
            text += &format!("\n{}", page.list(&lines, "-v lists all"));
        }
        if self.shared_stays {
            let words = "Its rows and schema steps for everybody stay until the main office withdraws it.";
            text += &format!("\n{}", page.wrapped(words).trim_start());
        }
        text
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        vec![Line::new(Level::Info, self.sentence())]
    }
}
