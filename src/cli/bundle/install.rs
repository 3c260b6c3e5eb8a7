//! `fieldpost bundle plan` and `install`: what does a version change here?

use serde::Serialize;

use super::{InstallArgs, fate_line, meant};
use crate::bundle::{BundleName, Fate, Version};
use crate::cli::logged::Line;
use crate::cli::page::{Page, count};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::site::{Level, Role};
use crate::sync::bundles::Scope;
use crate::sync::bundles::install::{self, Effects, RowCounts};

/// What an install did or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct InstallReport {
    name: BundleName,
    version: Version,
    title: String,
    /// Only a plan.
    dry: bool,
    effects: Effects,
    /// At the main office, of a plan: what publishing would do for everybody.
    shared: Option<Effects>,
}

pub(super) fn run(arguments: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let opened = meant(&session, context, &arguments.bundle)?;
    let effects = install::install(&session, &opened, Scope::Site)?;
    let manifest = opened.manifest;
    let report = InstallReport { name: manifest.name, version: manifest.version, title: manifest.title, dry: false, effects, shared: None };
    Ok(context.done(&session.home, &report))
}

pub(super) fn plan(arguments: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let opened = meant(&session, context, &arguments.bundle)?;
    let effects = install::plan(&session, &opened, Scope::Site)?;
    let shared = match session.settings.role {
        Role::Host => Some(install::plan(&session, &opened, Scope::Shared)?),
        Role::Office | Role::Remote => None,
    };
    let manifest = opened.manifest;
    let report = InstallReport { name: manifest.name, version: manifest.version, title: manifest.title, dry: true, effects, shared };
    Ok(context.printer.report(&report))
}

/// What was done, a line each.
pub(super) fn effect_lines(effects: &Effects) -> Vec<String> {
    let mut lines: Vec<String> = effects.files.iter().map(fate_line).collect();
    lines.extend(effects.steps.iter().map(|step| format!("schema step {step}")));
    lines.extend(effects.rows.iter().map(|(table, rows)| format!("{table}: {}", row_words(rows))));
    if effects.kept_rows > 0 {
        lines.push(format!("{} as changed here", count(effects.kept_rows, "row stays", "rows stay")));
    }
    lines
}

fn row_words(rows: &RowCounts) -> String {
    let RowCounts { added, changed, removed } = *rows;
    let parts = [(added, "new"), (changed, "changed"), (removed, "gone")];
    let told: Vec<String> = parts.iter().filter(|(rows, _)| *rows > 0).map(|(rows, word)| format!("{rows} {word}")).collect();
    format!("{} ({})", count(added + changed + removed, "row", "rows"), told.join(", "))
}

impl InstallReport {
    fn kept(&self) -> bool {
        self.effects.kept_rows > 0 || self.effects.files.iter().any(|(_, fate)| matches!(fate, Fate::Kept { .. }))
    }

    fn sentence(&self) -> String {
        let name = format!("{} {}", self.name, self.version);
        match (self.effects.already, self.dry) {
            (true, _) => format!("{name} is installed already"),
            (false, true) => format!("{name} would be installed; nothing was changed"),
            (false, false) => format!("{name} is installed"),
        }
    }
}

impl Report for InstallReport {
    fn text(&self, page: &Page) -> String {
        let mut text = self.sentence();
        let lines = effect_lines(&self.effects);
        if !lines.is_empty() {
            text += &format!("\n{}", page.list(&lines, "-v lists all"));
        }
        let shared = self.shared.as_ref().map(effect_lines).unwrap_or_default();
        if !shared.is_empty() {
            text += &format!("\nPublishing it would do here, for everybody:\n{}", page.list(&shared, "-v lists all"));
        }
        text
    }

    /// Files that lie beside want somebody who puts the two together.
    fn exit(&self) -> Exit {
        if self.kept() && !self.dry { Exit::Attention } else { Exit::Done }
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        vec![Line::new(if self.kept() { Level::Warning } else { Level::Info }, self.sentence())]
    }
}
