//! `fieldpost service`: how does this computer run the site by itself?

mod cron;
mod launchd;
mod machine;
mod plan;
mod systemd;
mod windows;

use clap::{Args, Subcommand};
use serde::Serialize;

pub use machine::State;
pub(super) use machine::{base_folder, registered_desktop, user_folder};
pub use plan::{Call, Encoding, Every, Job, Kind, Piece, Place};

use self::plan::{Manager, Plan};
use super::logged::Line;
use super::page::{Page, heading, paragraphs};
use super::printer::Report;
use super::{Context, Exit, Failure, place};
use crate::site::{Home, Level};

/// Make this computer run the site by itself, with what it has for that
///
/// On Linux that is systemd or cron, on macOS launchd, on Windows the task scheduler; all of it for you alone, without the rights of an
/// administrator. What is installed runs a watch, or with --timer a sync every so often. Install it again where the
/// program or the folder of the site has moved; 'fieldpost detach' wants it removed first.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost service show
  fieldpost service install
  fieldpost service install --timer 15m --yes
  fieldpost service remove")]
pub struct ServiceArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ServiceCommand,
}

/// What to do with the service.
#[derive(Clone, Debug, Subcommand)]
pub enum ServiceCommand {
    /// Show what would be written and run, ask, and do it
    ///
    /// Doing it twice changes nothing. Where nobody can be asked, --yes is needed.
    #[command(after_help = "Examples:\n  fieldpost service install\n  fieldpost service install --kind cron --timer 1h --yes")]
    Install(InstallArgs),
    /// Stop it, and take out what is ours
    #[command(after_help = "Examples:\n  fieldpost service remove")]
    Remove(RemoveArgs),
    /// Show exactly what would be written and run, and whether it is installed now
    #[command(after_help = "Examples:\n  fieldpost service show\n  fieldpost service show --kind cron --timer 30m")]
    Show(WhatArgs),
}

/// What is to be installed.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct WhatArgs {
    /// What starts it; without it what is installed, else systemd where it runs, launchd, windows, or cron
    #[arg(long, value_name = "KIND")]
    pub kind: Option<Kind>,
    /// Syncs so often, as 15m or 2h, instead of a watch
    #[arg(long, value_name = "SPAN", value_parser = Every::parse)]
    pub timer: Option<Every>,
}

/// Arguments of `service install`.
#[derive(Clone, Copy, Debug, Args)]
pub struct InstallArgs {
    /// What.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `service remove`.
#[derive(Clone, Copy, Debug, Args)]
pub struct RemoveArgs {
    /// Only this kind; without it whatever there is
    #[arg(long, value_name = "KIND")]
    pub kind: Option<Kind>,
}

impl ServiceArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            ServiceCommand::Install(_) => Some("service install"),
            ServiceCommand::Remove(_) => Some("service remove"),
            ServiceCommand::Show(_) => None,
        }
    }
}

/// What an installation is, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// Names what is ours on this computer.
    pub name: String,
    /// What starts it.
    pub kind: Kind,
    /// What it does, in words.
    pub does: String,
    /// What is written.
    pub writes: Vec<Piece>,
    /// What is run then.
    pub runs: Vec<Call>,
    /// How it stands now.
    pub state: State,
    /// Whether this run made it so.
    pub installed_now: bool,
    /// What is typed to install just this.
    pub install: String,
}

/// What was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemoveReport {
    /// Names what is ours on this computer.
    pub name: String,
    /// What it was taken out of.
    pub removed: Vec<Kind>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Call`] for a program that failed, [`Failure::Served`], [`Failure::BadLine`] for what cannot be done here; else as home and files say.
pub fn run(arguments: &ServiceArgs, context: &Context) -> Result<Exit, Failure> {
    let home = match &arguments.command {
        ServiceCommand::Install(_) => context.discover()?,
        // What runs a home that is lost can still be taken out.
        ServiceCommand::Show(_) | ServiceCommand::Remove(_) => context.discover_lost()?,
    };
    match &arguments.command {
        ServiceCommand::Show(what) => Ok(context.printer.report(&Installation::find(*what, &home)?.report(false))),
        ServiceCommand::Install(arguments) => install(*arguments, &home, context),
        ServiceCommand::Remove(arguments) => remove(*arguments, &home, context),
    }
}

/// What is to be installed, how, and how it stands.
struct Installation {
    /// As it was asked for.
    what: WhatArgs,
    manager: Manager,
    job: Job,
    plan: Plan,
    state: State,
    /// Another kind by which this home is run already.
    other: Option<Kind>,
}

impl Installation {
    fn find(what: WhatArgs, home: &Home) -> Result<Self, Failure> {
        let job = job(home, what.timer)?;
        let present = present(home, &job.name())?;
        let kind = match (what.kind, &present[..]) {
            (Some(kind), _) | (None, &[kind]) => kind,
            (None, _) => machine::usual(home)?,
        };
        let manager = machine::manager(kind, home)?;
        let plan = manager.plan(&job)?;
        let state = machine::state(&manager, &job, &plan)?;
        Ok(Self { what, manager, job, plan, state, other: present.into_iter().find(|present| *present != kind) })
    }

    fn report(self, installed_now: bool) -> ServiceReport {
        ServiceReport {
            name: self.job.name(),
            kind: self.manager.kind(),
            does: self.plan.does.clone(),
            writes: self.plan.pieces,
            runs: self.plan.start,
            state: if installed_now { State::Installed } else { self.state },
            installed_now,
            install: self.what.install(),
        }
    }
}

impl WhatArgs {
    /// The command that installs what these words show.
    fn install(self) -> String {
        let kind = self.kind.map_or_else(String::new, |kind| format!(" --kind {}", kind.word()));
        let timer = self.timer.map_or_else(String::new, |every| format!(" --timer {}m", every.minutes()));
        format!("fieldpost service install{kind}{timer}")
    }
}

/// By what this computer runs a home already.
fn present(home: &Home, name: &str) -> Result<Vec<Kind>, Failure> {
    let mut present = Vec::new();
    for kind in Kind::HERE {
        if machine::present(&machine::manager(*kind, home)?, name)? {
            present.push(*kind);
        }
    }
    Ok(present)
}

/// Refuses where this computer still runs a home: without the home nobody could say any more what is to be taken out.
///
/// # Errors
/// [`Failure::Served`]; a computer that cannot be asked refuses nothing.
pub(super) fn refuse_while_installed(home: &Home) -> Result<(), Failure> {
    let found = job(home, None).and_then(|job| present(home, &job.name())).unwrap_or_default();
    match found.first() {
        None => Ok(()),
        Some(kind) => Err(Failure::Served { by: kind.word() }),
    }
}

/// What is to be run. Links in the path of the home are followed: however it is named, it is one home.
pub(super) fn job(home: &Home, every: Option<Every>) -> Result<Job, Failure> {
    let folder = if cfg!(windows) { place::whole(home.folder(), home.folder())? } else { fs_err::canonicalize(home.folder())? };
    Job::new(home.settings()?.name, &std::env::current_exe()?, &folder, every)
}

fn install(arguments: InstallArgs, home: &Home, context: &Context) -> Result<Exit, Failure> {
    let found = Installation::find(arguments.what, home)?;
    let kind = found.manager.kind();
    if !Kind::HERE.contains(&kind) {
        return Err(Failure::BadLine(format!(
            "this computer has no {}: 'fieldpost service install' without --kind takes what it has",
            kind.word()
        )));
    }
    if let Some(other) = found.other {
        return Err(Failure::Served { by: other.word() });
    }
    if found.state == State::Installed {
        return Ok(context.done(home, &found.report(false)));
    }
    let shown = parts(&found.plan.pieces, &found.plan.start);
    if arguments.yes {
        context.printer.tell(&format!("{shown}\n"));
    } else {
        if !context.printer.can_ask() {
            let shows = "'fieldpost service show' shows what would be written and run";
            return Err(Failure::BadLine(format!("nobody is here to be asked, and nothing was done; {shows}, --yes does it")));
        }
        context.printer.ask_about(&format!("{shown}\n"));
        let answer = context.printer.ask("write and run this (y/N)")?;
        if !answer.is_some_and(|answer| ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())) {
            context.printer.note("nothing was done");
            return Ok(Exit::Done);
        }
    }
    machine::install(&context.world, &found.manager, &found.job, &found.plan, found.state)?;
    Ok(context.done(home, &found.report(true)))
}

fn remove(arguments: RemoveArgs, home: &Home, context: &Context) -> Result<Exit, Failure> {
    let name = job(home, None)?.name();
    let kinds = Kind::HERE.iter().copied().filter(|kind| arguments.kind.is_none_or(|wanted| wanted == *kind));
    let mut report = RemoveReport { name: name.clone(), removed: Vec::new() };
    for kind in kinds {
        if machine::remove(&context.world, &machine::manager(kind, home)?, &name)? {
            report.removed.push(kind);
        }
    }
    Ok(context.done(home, &report))
}

/// What is written and run, word for word.
fn parts(pieces: &[Piece], calls: &[Call]) -> String {
    let indented = |text: &str| text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n");
    let mut parts: Vec<String> =
        pieces.iter().map(|piece| format!("{}\n{}", heading(&format!("Into {}", piece.place)), indented(&piece.text))).collect();
    if !calls.is_empty() {
        let lines: Vec<String> = calls.iter().map(ToString::to_string).collect();
        parts.push(format!("{}\n{}", heading("Then"), indented(&lines.join("\n"))));
    }
    parts.join("\n\n")
}

impl Report for ServiceReport {
    fn text(&self, _: &Page) -> String {
        let verdict = match (self.state, self.installed_now) {
            (State::Installed, true) => format!("Installed and started.\n{}", self.kind.limits()),
            (State::Installed, false) => format!("Installed, exactly so.\n{}", self.kind.limits()),
            (State::Absent, _) => format!("Not installed: '{}' does it.", self.install),
            (State::Different, _) => format!("Another form of it is installed, and goes on.\n'{}' puts this in its place.", self.install),
            (State::Stopped, _) => format!("Written, but not started: '{}' starts it.", self.install),
        };
        let title = format!("{}, by {} as {}", heading(&self.does), self.kind.word(), self.name);
        // Whoever installed it has just read the parts.
        let parts = if self.installed_now { String::new() } else { parts(&self.writes, &self.runs) };
        paragraphs([title, parts, verdict])
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        let line = || Line::new(Level::Info, format!("installed by {} as {}: {}", self.kind.word(), self.name, self.does));
        self.installed_now.then(line).into_iter().collect()
    }
}

impl Report for RemoveReport {
    fn text(&self, _: &Page) -> String {
        match &self.removed[..] {
            [] => "There is no service of this site on this computer.".to_owned(),
            removed => {
                let kinds: Vec<&str> = removed.iter().map(|kind| kind.word()).collect();
                format!("{} is stopped and taken out of {}.", self.name, kinds.join(" and "))
            }
        }
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        if self.removed.is_empty() { Vec::new() } else { vec![Line::new(Level::Info, self.text(page))] }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::page::tests::{json, plain};

    fn report(state: State, installed_now: bool) -> ServiceReport {
        let job = plan::tests::job("/srv/a", None);
        let manager = Manager::Systemd { units: "/u".into() };
        let plan = manager.plan(&job).unwrap();
        let what = WhatArgs { kind: Some(Kind::Systemd), timer: None };
        Installation { what, manager, job, plan, state, other: None }.report(installed_now)
    }

    #[test]
    fn it_shows_word_for_word_what_is_written_and_run() {
        let text = plain(&report(State::Absent, false));
        let unit = Path::new("/u").join("fieldpost-anna-80b340da.service").display().to_string();
        assert!(text.starts_with("Fieldpost watches 'anna', by systemd as fieldpost-anna-80b340da\n\nInto "), "{text}");
        assert!(text.contains(&format!("Into {unit}\n  # Made by ")), "{text}");
        assert!(text.contains("\n\nThen\n  systemctl --user daemon-reload\n  systemctl --user enable --now fieldpost-anna-"), "{text}");
        assert!(text.ends_with("\n\nNot installed: 'fieldpost service install --kind systemd' does it.\n"), "{text}");
        let json = json(&report(State::Different, false));
        assert_eq!((&json["state"], &json["kind"]), (&"different".into(), &"systemd".into()));
        assert_eq!(json["writes"][0]["text"].as_str().unwrap().lines().count(), 11);
        assert_eq!(json["runs"][0], "systemctl --user daemon-reload");
    }

    #[test]
    fn it_says_how_it_stands() {
        assert!(plain(&report(State::Installed, true)).contains("Installed and started.\nIt runs while you are logged in"));
        assert!(plain(&report(State::Installed, false)).contains("Installed, exactly so."));
        assert!(plain(&report(State::Different, false)).contains("Another form of it is installed"));
        assert!(plain(&report(State::Stopped, false)).contains("Written, but not started"));
        let removed = |removed: &[Kind]| plain(&RemoveReport { name: "n".to_owned(), removed: removed.to_vec() });
        assert_eq!(removed(&[]), "There is no service of this site on this computer.\n");
        assert_eq!(removed(&[Kind::Systemd, Kind::Cron]), "n is stopped and taken out of systemd and cron.\n");
    }
}
