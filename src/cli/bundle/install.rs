//! `fieldpost bundle plan` and `install`: what does a version change here?

use serde::Serialize;

use super::{InstallArgs, about, fate_line, meant, row_lines, title};
use crate::bundle::{BundleName, Fate, Opened, Runs, Version};
use crate::cli::logged::Line;
use crate::cli::page::{Page, count};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::site::{Level, Role};
use crate::sync::SyncError;
use crate::sync::bundles::install::{self, Effects};
use crate::sync::bundles::{self, Scope};

/// What an install did or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct InstallReport {
    name: BundleName,
    version: Version,
    title: String,
    /// Only a plan.
    dry: bool,
    /// What is done here.
    effects: Option<Effects>,
    /// It has rows or schema steps for everybody, and is not published: they are not carried out.
    unshared: bool,
    /// At the main office, of a plan: why it cannot be installed here as things are.
    why_not: Option<String>,
    /// At the main office, of a plan: what publishing would do for everybody.
    shared: Option<Effects>,
}

pub(super) fn run(arguments: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let opened = meant(&session, context, &arguments.bundle)?;
    let effects = about(title(&opened), install::install(&session, &opened, Scope::Site))?;
    let published = bundles::paper(&session)?.bundles.iter().any(|bundle| bundle.id == opened.id && !bundle.withdrawn);
    let unshared = !published && opened.manifest.runs(Runs::AtHost);
    Ok(context.done(&session.home, &InstallReport { unshared, ..InstallReport::of(opened, Some(effects)) }))
}

pub(super) fn plan(arguments: &InstallArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, session) = context.work()?;
    let opened = meant(&session, context, &arguments.bundle)?;
    let (shared, here) = match session.settings.role {
        Role::Host => {
            let shared = about(title(&opened), install::plan(&session, &opened, Scope::Shared))?;
            // What publishing makes cannot be there yet, and other groups may be meant.
            (
                Some(shared),
                match install::plan(&session, &opened, Scope::Site) {
                    Err(SyncError::Bundle(refusal)) if !refusal.is_crash() => Err(refusal.to_string()),
                    here => Ok(here?),
                },
            )
        }
        Role::Office | Role::Remote => (None, Ok(about(title(&opened), install::plan(&session, &opened, Scope::Site))?)),
    };
    let (effects, why_not) = here.map_or_else(|why| (None, Some(why)), |effects| (Some(effects), None));
    Ok(context.printer.report(&InstallReport { dry: true, shared, why_not, ..InstallReport::of(opened, effects) }))
}

/// What was done, a line each.
pub(super) fn effect_lines(effects: &Effects) -> Vec<String> {
    let mut lines: Vec<String> = effects.files.iter().map(fate_line).collect();
    lines.extend(effects.steps.iter().map(|step| format!("schema step {step}")));
    lines.extend(row_lines(&effects.rows));
    if effects.kept_rows > 0 {
        lines.push(format!("{} as changed here", count(effects.kept_rows, "row stays", "rows stay")));
    }
    lines
}

impl InstallReport {
    fn of(opened: Opened, effects: Option<Effects>) -> Self {
        let manifest = opened.manifest;
        Self {
            name: manifest.name,
            version: manifest.version,
            title: manifest.title,
            dry: false,
            effects,
            unshared: false,
            why_not: None,
            shared: None,
        }
    }

    fn kept(&self) -> bool {
        let kept = |effects: &Effects| effects.kept_rows > 0 || effects.files.iter().any(|(_, fate)| matches!(fate, Fate::Kept { .. }));
        self.effects.as_ref().is_some_and(kept)
    }

    fn sentence(&self) -> String {
        let name = format!("{} {}", self.name, self.version);
        match (&self.effects, self.dry) {
            (Some(effects), _) if effects.already => format!("{name} is installed already"),
            (Some(_), true) => format!("{name} would be installed; nothing was changed"),
            (Some(_), false) => format!("{name} is installed"),
            (None, _) => format!("{name} would be published; nothing was changed"),
        }
    }
}

impl Report for InstallReport {
    fn text(&self, page: &Page) -> String {
        let mut text = self.sentence();
        let lines = self.effects.as_ref().map(effect_lines).unwrap_or_default();
        if !lines.is_empty() {
            text += &format!("\n{}", page.list(&lines, "-v lists all"));
        }
        let shared = self.shared.as_ref().map(effect_lines).unwrap_or_default();
        if !shared.is_empty() {
            text += &format!("\nPublishing it would do here, for everybody:\n{}", page.list(&shared, "-v lists all"));
        }
        if self.unshared {
            let words = "Its rows and schema steps for everybody are not carried out: the main office does that when it publishes it.";
            text += &format!("\n{}", page.wrapped(words).trim_start());
        }
        if let Some(why) = &self.why_not {
            text += &format!("\nIt would not be installed here as things are: {}", page.wrapped(why).trim_start());
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
