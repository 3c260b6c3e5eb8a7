//! `fieldpost shortcut`: how does somebody who knows no command line run a sync?
//!
//! A file per place; each is there whole or not at all, and making it again is no change. A file of that name that does not carry the mark
//! of this site is somebody else's: it is neither replaced nor taken away.

mod texts;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use fs_err as fs;
use serde::Serialize;

use self::texts::Desk;
use super::page::{Page, heading};
use super::printer::Report;
use super::service::{self, Job};
use super::{Context, Exit, Failure, place};
use crate::sync::SyncError;
use crate::world::World;
use crate::world::files::{Existing, Privacy, publish, remove};

/// Put an icon on the desktop that syncs with one click
///
/// It opens a window with the progress and a summary in plain words ('fieldpost sync --window'), which closes by itself when all is well and
/// stays when something wants attention. On Linux it goes into the menu too. On Windows it is a batch file, which everybody can read.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost shortcut
  fieldpost shortcut --to /home/anna/Desktop
  fieldpost shortcut --remove")]
pub struct ShortcutArgs {
    /// Put it into this folder instead
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Take it away again
    #[arg(long)]
    pub remove: bool,
}

/// What was put where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShortcutReport {
    /// What happened to the files.
    pub done: Done,
    /// The files.
    pub files: Vec<PathBuf>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// They are there now.
    Put,
    /// They are gone.
    Removed,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::FileExists`] for a file of another site or of somebody else; else as home and files say.
pub fn run(arguments: &ShortcutArgs, context: &Context) -> Result<Exit, Failure> {
    let home = if arguments.remove { context.discover_lost()? } else { context.discover()? };
    let job = service::job(&home, None)?;
    let folders = match &arguments.to {
        Some(folder) => vec![place::whole(&context.here, folder)?],
        None => folders()?,
    };
    if arguments.to.is_none() && !arguments.remove {
        // The folder of the menu comes into being with the first entry.
        folders.iter().try_for_each(fs::create_dir_all)?;
    }
    let name = Desk::HERE.file_name(&job);
    let mut report = ShortcutReport { done: if arguments.remove { Done::Removed } else { Done::Put }, files: Vec::new() };
    for path in folders.iter().map(|folder| folder.join(&name)) {
        let there = whose(&path, &job)?;
        match (report.done, there) {
            (Done::Removed, Whose::Ours) => remove(&context.world, &path).map_err(SyncError::from)?,
            (Done::Removed, Whose::Nobodys | Whose::Others) => continue,
            (Done::Put, Whose::Others) => return Err(Failure::FileExists(path)),
            (Done::Put, Whose::Ours | Whose::Nobodys) => put(&context.world, &path, &Desk::HERE.text(&job))?,
        }
        report.files.push(path);
    }
    Ok(context.printer.report(&report))
}

/// Whose file a path is.
enum Whose {
    Nobodys,
    Ours,
    Others,
}

fn whose(path: &Path, job: &Job) -> Result<Whose, Failure> {
    match fs::read(path) {
        Ok(bytes) if String::from_utf8_lossy(&bytes).contains(&texts::mark(job)) => Ok(Whose::Ours),
        Ok(_) => Ok(Whose::Others),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Whose::Nobodys),
        Err(error) => Err(error.into()),
    }
}

fn put(world: &World, path: &Path, text: &str) -> Result<(), Failure> {
    publish(world, path, text.as_bytes(), Existing::Replace, Privacy::Ordinary).map_err(SyncError::from)?;
    Ok(runnable(path)?)
}

/// Whoever may read it may run it: desktops start nothing else with a click.
#[cfg(unix)]
fn runnable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() | (permissions.mode() & 0o444) >> 2);
    fs::set_permissions(path, permissions)
}

/// On Windows the name says it.
#[cfg(not(unix))]
fn runnable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Where icons go: the desktop, where there is one, and on Linux the menu.
fn folders() -> Result<Vec<PathBuf>, Failure> {
    let user = service::user_folder()?;
    let mut folders: Vec<PathBuf> = desktop(&user)?.filter(|folder| folder.is_dir()).into_iter().collect();
    if Desk::HERE == Desk::Xdg {
        folders.push(service::base_folder("XDG_DATA_HOME", &[".local", "share"])?.join("applications"));
    }
    if folders.is_empty() {
        return Err(Failure::BadLine("there is no desktop folder here: name a folder with --to DIR".to_owned()));
    }
    Ok(folders)
}

fn desktop(user: &Path) -> Result<Option<PathBuf>, Failure> {
    let plain = || Some(user.join("Desktop"));
    Ok(match Desk::HERE {
        Desk::Mac => plain(),
        Desk::Xdg => match fs::read_to_string(service::base_folder("XDG_CONFIG_HOME", &[".config"])?.join("user-dirs.dirs")) {
            Ok(text) => texts::desktop_folder(&text, &user.to_string_lossy()).map(PathBuf::from),
            Err(_) => plain(),
        },
        // Where the desktop lies in a cloud folder only the registry knows.
        Desk::Windows => service::registered_desktop()
            .and_then(|printed| texts::registered_folder(&printed, |name| std::env::var(name).ok()))
            .map(PathBuf::from)
            .or_else(plain),
    })
}

impl Report for ShortcutReport {
    fn text(&self, _: &Page) -> String {
        let files: Vec<String> = self.files.iter().map(|path| format!("  {}", path.display())).collect();
        let title = match (self.done, files.is_empty()) {
            (Done::Removed, true) => return "There is no icon of this site here.".to_owned(),
            (Done::Removed, false) => "The icon is taken away",
            (Done::Put, _) => "The icon is there: a click on it syncs",
        };
        let ask = "\nA desktop that does not know the file asks first: allow it to be launched.";
        let ask = if self.done == Done::Put && cfg!(not(windows)) { ask } else { "" };
        format!("{}\n{}{ask}", heading(title), files.join("\n"))
    }
}
