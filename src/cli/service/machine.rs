//! What is installed on this computer, and how does it become so? The thin part: it runs programs and looks at the environment.
//!
//! States of a job: *absent* → *stopped* (all is written, nothing started) → *installed*; and *different*, where what is there is not what
//! would be written: an older program, another timer, half of an installation. Crash points: between any two writes and calls. Each leaves
//! one of these states, out of which [`install`] completes and [`remove`] clears. Invariant: nothing that does not carry the name of the job is
//! touched, and a crontab that could not be read is never written.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fs_err as fs;
use serde::Serialize;

use super::super::Failure;
use super::cron;
use super::plan::{Call, Job, Kind, Manager, Piece, Place, Plan};
use crate::site::Home;
use crate::sync::SyncError;
use crate::world::World;
use crate::world::files::{Existing, Privacy, publish, remove as remove_file};

/// How a job stands on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing of it is here.
    Absent,
    /// What is here is not what would be written.
    Different,
    /// All is written, and what starts things does not know of it.
    Stopped,
    /// All is as it would be made.
    Installed,
}

/// What starts things here, of a kind.
///
/// # Errors
/// Where the environment does not say what it must.
pub fn manager(kind: Kind, home: &Home) -> Result<Manager, Failure> {
    Ok(match kind {
        Kind::Systemd => Manager::Systemd { units: base_folder("XDG_CONFIG_HOME", &[".config"])?.join("systemd").join("user") },
        Kind::Cron => Manager::Cron,
        Kind::Launchd => Manager::Launchd { agents: user_folder()?.join("Library").join("LaunchAgents"), user: user_number()? },
        Kind::Windows => Manager::Windows { task: home.inside().join("task.xml"), user: user_name()? },
    })
}

/// The kind that is usual on this computer.
///
/// # Errors
/// As [`manager`].
pub fn usual(home: &Home) -> Result<Kind, Failure> {
    let first = Kind::HERE[0];
    let works = manager(first, home)?.probe().is_none_or(|probe| succeeds(&probe));
    Ok(if works { first } else { Kind::Cron })
}

/// How a job stands.
///
/// # Errors
/// As files and crontab can be read.
pub fn state(manager: &Manager, job: &Job, plan: &Plan) -> Result<State, Failure> {
    let name = job.name();
    let (mut any, mut same) = (false, true);
    for trace in manager.removal(&name).traces {
        let found = found(&trace.place, &name)?;
        let wanted = plan.pieces.iter().find(|piece| piece.place == trace.place).map(Piece::bytes);
        any |= found.is_some();
        same &= found == wanted;
    }
    Ok(match (any, same) {
        (false, _) => State::Absent,
        (true, false) => State::Different,
        (true, true) if manager.known(job).is_none_or(|known| succeeds(&known)) => State::Installed,
        (true, true) => State::Stopped,
    })
}

/// Whether anything of a job is here.
///
/// # Errors
/// As [`state`].
pub fn present(manager: &Manager, name: &str) -> Result<bool, Failure> {
    for trace in manager.removal(name).traces {
        if found(&trace.place, name)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes and starts a job; what is there of it and different is taken out first, so that nothing old goes on.
///
/// # Errors
/// [`Failure::Call`]; else as files say.
pub fn install(world: &World, manager: &Manager, job: &Job, plan: &Plan, before: State) -> Result<(), Failure> {
    if let Some(probe) = manager.probe() {
        run(&probe, None)?;
    }
    if before == State::Different {
        remove(world, manager, &job.name())?;
    }
    for piece in &plan.pieces {
        match &piece.place {
            Place::File(path) => {
                fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                publish(world, path, &piece.bytes(), Existing::Replace, Privacy::Ordinary).map_err(SyncError::from)?;
            }
            Place::Crontab => write_crontab(&job.name(), Some(&piece.text))?,
        }
    }
    plan.start.iter().try_for_each(|call| run(call, None).map(drop))
}

/// Stops a job and takes it out. Gives whether there was anything.
///
/// # Errors
/// As [`install`]; what could not be stopped stays written.
pub fn remove(world: &World, manager: &Manager, name: &str) -> Result<bool, Failure> {
    let removal = manager.removal(name);
    let mut any = false;
    for trace in &removal.traces {
        if found(&trace.place, name)?.is_none() {
            continue;
        }
        any = true;
        if trace.known.as_ref().is_none_or(succeeds) {
            if let Some(end) = &trace.end {
                succeeds(end);
            }
            if let Some(stop) = &trace.stop {
                run(stop, None)?;
            }
        }
        match &trace.place {
            Place::File(path) => remove_file(world, path).map_err(SyncError::from)?,
            Place::Crontab => write_crontab(name, None)?,
        }
    }
    if let (true, Some(after)) = (any, &removal.after) {
        run(after, None)?;
    }
    Ok(any)
}

/// What stands in a place of ours.
fn found(place: &Place, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    match place {
        Place::File(path) => match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        },
        Place::Crontab => Ok(cron::part(&crontab()?, name)?.map(<[u8]>::to_vec)),
    }
}

fn list_crontab() -> Call {
    Call::new("crontab", &["-l"])
}

/// The user's crontab. "There is none" is told by words and a failure; any other failure must not be taken for an empty one.
fn crontab() -> Result<Vec<u8>, Failure> {
    let output = match output(&list_crontab(), None) {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failure(&list_crontab(), error.to_string())),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = words(&output);
    let none = ["no crontab for", "No such file or directory"].iter().any(|none| words.contains(none));
    if none { Ok(Vec::new()) } else { Err(failure(&list_crontab(), words)) }
}

fn write_crontab(name: &str, text: Option<&str>) -> Result<(), Failure> {
    let whole = cron::replaced(&crontab()?, name, text)?;
    run(&Call::new("crontab", &["-"]), Some(&whole)).map(drop)
}

/// Runs what must succeed.
fn run(call: &Call, input: Option<&[u8]>) -> Result<Output, Failure> {
    let output = output(call, input).map_err(|error| failure(call, error.to_string()))?;
    if output.status.success() { Ok(output) } else { Err(failure(call, words(&output))) }
}

fn succeeds(call: &Call) -> bool {
    output(call, None).is_ok_and(|output| output.status.success())
}

/// Runs a program, in English: some say only in words what is the matter.
fn output(call: &Call, input: Option<&[u8]>) -> io::Result<Output> {
    let mut command = Command::new(call.program);
    command.args(&call.arguments).env("LC_ALL", "C").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).spawn()?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        match stdin.write_all(input) {
            // Whoever does not read to the end says why at its own end.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            done => done?,
        }
    }
    child.wait_with_output()
}

fn words(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    said.into_iter().find(|said| !said.is_empty()).unwrap_or_else(|| format!("it ended with {}", output.status))
}

fn failure(call: &Call, words: String) -> Failure {
    Failure::Call { call: call.to_string(), words }
}

/// The folder of the user.
///
/// # Errors
/// [`Failure::BadLine`] where the environment names none.
pub fn user_folder() -> Result<PathBuf, Failure> {
    let folder = std::env::home_dir().filter(|folder| folder.is_absolute());
    folder.ok_or_else(|| Failure::BadLine("the environment names no folder of yours: set HOME".to_owned()))
}

/// A folder that a variable names, or the usual one below the folder of the user.
///
/// # Errors
/// As [`user_folder`].
pub fn base_folder(variable: &str, usual: &[&str]) -> Result<PathBuf, Failure> {
    // A folder that is not whole does not count, says the specification of these variables.
    match std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute()) {
        Some(folder) => Ok(folder),
        None => Ok(user_folder()?.join(usual.iter().collect::<PathBuf>())),
    }
}

/// What the registry of Windows prints of the desktop; none where there is none.
pub fn registered_desktop() -> Option<String> {
    let folders = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders";
    let output = run(&Call::new("reg", &["query", folders, "/v", "Desktop"]), None).ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn user_number() -> Result<String, Failure> {
    let output = run(&Call::new("id", &["-u"]), None)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn user_name() -> Result<String, Failure> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USERNAME").or_else(|| variable("USER"));
    let user = user.ok_or_else(|| Failure::BadLine("the environment does not say who you are: set USERNAME".to_owned()))?;
    Ok(variable("USERDOMAIN").map_or_else(|| user.clone(), |domain| format!("{domain}\\{user}")))
}
