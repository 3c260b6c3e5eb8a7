//! An exchange that is a program of the user: the way out for every place nobody here knows.
//!
//! The program is started once for each operation, without a shell, with the operation and its operands behind its own arguments. `FOLDER` is
//! `.` for the place itself, else one or two levels with `/` between; names are of [`FileName`]'s kind; `FILE` is a local path.
//!
//! | arguments | what it does |
//! |---|---|
//! | `probe` | says what it promises, a line each: `rename refuses`, `rename may-replace` or `rename unsupported`; `put whole` or `put may-be-short` |
//! | `list FOLDER` | writes a line `SIZE NAME` for each file |
//! | `get FOLDER NAME FILE` | copies the file into `FILE`, which is not there or holds its beginning: goes on there or writes it anew |
//! | `put FOLDER NAME FILE` | copies `FILE` there, making the folder, replacing a file of that name |
//! | `rename FOLDER FROM TO` | gives a file another name |
//! | `delete FOLDER NAME` | deletes a file |
//!
//! It exits with 0 (done), 10 (not there), 11 (the new name is taken), 12 (read-only), 13 (full), 14 (refused); with anything else the place is
//! out of reach for now, 75 (`EX_TEMPFAIL`) being the usual. The reason stands on its error output. A promise that `probe` does not
//! make is not made; lines it does not know are for a later version. In its environment are `FIELDPOST_EXCHANGE_PROTOCOL=1` and, where they are
//! known, `FIELDPOST_EXCHANGE_USER` and `FIELDPOST_EXCHANGE_PASSWORD`.
//!
//! States and crash points: what lies there is *temporary* (`NAME.part`) or *there*, and what a `put` or `rename` that was killed left behind is
//! mended by the next; the steps are `create on exchange`, `fill on exchange`, `rename on exchange`, `delete on exchange`. Nothing is put and
//! nothing counts as absent before `get . fieldpost-exchange.json` brought the marker: a program cannot be asked whether a folder is one of
//! an unmounted share. That costs one more start for each put and delete.
//!
//! Invariant: a program that hangs, floods or lies costs a message: it is ended after [`QUIET`] without any sign of life (output, a local file
//! that grows; a put may also take the time its size needs), and what it prints is bounded.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use fs_err as fs;

use super::child::{LAST_WORDS, Running};
use super::error::{cleaned, cleaned_end};
use super::transfer::Listing;
use super::{
    Access, Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, MARKER_NAME, Marker, Meter, Probe, Put, Rename, Secret,
};
use crate::world::World;

/// The version of the rules above.
const PROTOCOL: &str = "1";
/// A program that gives no sign of life for so long is ended.
const QUIET: Duration = Duration::from_secs(300);
/// A put gives no sign that could be seen from here: beyond [`QUIET`] it has the time that so many bytes a second need.
const SLOWEST_PUT: u64 = 16 * 1024;
/// Longest line of output. A size, a space and the longest name have 221.
const MOST_LINE_BYTES: usize = 1024;
/// Most lines of output; hidden and odd names count.
const MOST_LINES: usize = 2 * super::MAX_LISTING;
/// Longest wait between two looks at a program that says nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A program as an exchange.
#[derive(Clone, Debug)]
pub struct CommandExchange {
    words: Vec<String>,
    user: Option<String>,
    password: Option<Secret>,
    meter: Meter,
    quiet: Duration,
}

/// How a program ended that did what it should or says what kept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    Missing,
    Exists,
}

impl CommandExchange {
    /// The exchange that a program and its arguments make; nothing is started yet.
    ///
    /// # Panics
    /// Without any word; [`super::Address`] never gives none.
    #[must_use]
    pub fn new(words: Vec<String>, access: &Access) -> Self {
        assert!(!words.is_empty(), "a command has a program");
        Self { words, user: access.user.clone(), password: access.password.clone(), meter: access.meter.clone(), quiet: QUIET }
    }

    /// With another limit to silence, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_quiet(self, quiet: Duration) -> Self {
        Self { quiet, ..self }
    }

    fn unreachable(&self, reason: String) -> ExchangeError {
        ExchangeError::Unreachable { place: self.place(), reason }
    }

    fn refused(&self, reason: String) -> ExchangeError {
        ExchangeError::Refused { place: self.place(), reason }
    }

    fn start(&self, operation: &[&str]) -> Result<Running, ExchangeError> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(operation).stdin(Stdio::null()).stdout(Stdio::piped());
        command.env("FIELDPOST_EXCHANGE_PROTOCOL", PROTOCOL);
        // What stands in our own environment under these names is not what was said for this exchange.
        match &self.user {
            Some(user) => command.env("FIELDPOST_EXCHANGE_USER", user),
            None => command.env_remove("FIELDPOST_EXCHANGE_USER"),
        };
        match &self.password {
            Some(password) => command.env("FIELDPOST_EXCHANGE_PASSWORD", password.reveal()),
            None => command.env_remove("FIELDPOST_EXCHANGE_PASSWORD"),
        };
        Running::start(&mut command).map_err(|error| {
            use io::ErrorKind as K;
            let reason = format!("the program cannot be started: {error}");
            if error.kind() == K::NotFound {
                self.refused("there is no such program".to_owned())
            } else if matches!(error.kind(), K::WouldBlock | K::OutOfMemory | K::ExecutableFileBusy) {
                self.unreachable(reason)
            } else {
                self.refused(reason)
            }
        })
    }

    /// Runs one operation to its end. `line` gets what it prints; a change of `sign` is a sign of life, and so is all it says.
    fn run(
        &self,
        operation: &[&str],
        quiet: Duration,
        sign: impl Fn() -> u64,
        mut line: impl FnMut(&str) -> Result<(), ExchangeError>,
    ) -> Result<Answer, ExchangeError> {
        let mut running = self.start(operation)?;
        let stdout = running.output().expect("it is piped");
        let (sender, output) = mpsc::sync_channel(4);
        std::thread::spawn(move || forward(stdout, &sender));
        let mut lines = Lines::default();
        let (mut silence, mut pause, mut last) = (Duration::ZERO, Duration::from_millis(1), None);
        let status = loop {
            match output.recv_timeout(pause) {
                Ok(bytes) => {
                    (silence, pause) = (Duration::ZERO, Duration::from_millis(1));
                    lines.take(&bytes, &mut |text| line(text)).map_err(|fault| fault.into_error(self, operation))?;
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(pause),
            }
            if let Some(status) = running.ended().map_err(|error| self.unreachable(error.to_string()))? {
                break status;
            }
            silence += pause;
            pause = LONGEST_PAUSE.min(pause * 2);
            let seen = (running.bytes_said(), sign());
            if last.replace(seen) != Some(seen) {
                silence = Duration::ZERO;
            }
            if silence > quiet {
                let what = operation[0];
                return Err(self.unreachable(format!("`{what}` gave no sign of life for {} seconds and was ended", quiet.as_secs())));
            }
        };
        while let Ok(bytes) = output.recv_timeout(LAST_WORDS) {
            lines.take(&bytes, &mut |text| line(text)).map_err(|fault| fault.into_error(self, operation))?;
        }
        lines.end(&mut line).map_err(|fault| fault.into_error(self, operation))?;
        let place = self.place();
        let reason = |otherwise: &str| {
            Some(cleaned_end(running.last_words().as_bytes())).filter(|words| !words.is_empty()).unwrap_or_else(|| otherwise.to_owned())
        };
        match status.code() {
            Some(0) => Ok(Answer::Done),
            Some(10) => Ok(Answer::Missing),
            Some(11) => Ok(Answer::Exists),
            Some(12) => Err(ExchangeError::ReadOnly { place, reason: reason("the program says so") }),
            Some(13) => Err(ExchangeError::Full { place, reason: reason("the program says so") }),
            Some(14) => Err(ExchangeError::Refused { place, reason: reason("the program says so") }),
            Some(code) => Err(ExchangeError::Unreachable { place, reason: reason(&format!("`{}` ended with {code}", operation[0])) }),
            None => Err(ExchangeError::Unreachable { place, reason: reason(&format!("`{}` was killed", operation[0])) }),
        }
    }

    /// One that prints nothing we read and shows no other sign than words.
    fn order(&self, operation: &[&str]) -> Result<Answer, ExchangeError> {
        self.run(operation, self.quiet, || 0, |_| Ok(()))
    }

    /// The bytes of the marker, at most one more than it may have.
    fn marker(&self) -> Result<Option<Vec<u8>>, ExchangeError> {
        let folder = tempfile::tempdir().map_err(ExchangeError::Local)?;
        let file = folder.path().join(MARKER_NAME);
        match self.bring(&Folder::root(), MARKER_NAME, &file)? {
            Answer::Done => {}
            Answer::Missing => return Ok(None),
            Answer::Exists => return Err(self.senseless("get", 11)),
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&file).map_err(|_| self.refused("`get` succeeded and brought no file".to_owned()))?;
        file.take(Marker::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(ExchangeError::Local)?;
        Ok(Some(bytes))
    }

    fn bring(&self, folder: &Folder, name: &str, to: &Path) -> Result<Answer, ExchangeError> {
        let grown = || size(to).ok().flatten().unwrap_or(0);
        self.run(&["get", folder_word(folder), name, &self.path_word(to)?], self.quiet, grown, |_| Ok(()))
    }

    /// What is not there counts as not there only on an exchange.
    fn require_marker(&self) -> Result<(), ExchangeError> {
        Marker::of(&self.place(), self.marker()?.as_deref()).map(drop)
    }

    fn path_word(&self, path: &Path) -> Result<String, ExchangeError> {
        path.to_str().map(str::to_owned).ok_or_else(|| self.refused(format!("the path `{}` is no Unicode text", path.display())))
    }

    fn senseless(&self, operation: &str, code: u8) -> ExchangeError {
        self.refused(format!("`{operation}` ended with {code}, which has no meaning there"))
    }
}

/// The bytes of a local file; `None` where it is not there.
fn size(path: &Path) -> Result<Option<u64>, ExchangeError> {
    match fs::metadata(path) {
        Ok(data) => Ok(Some(data.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ExchangeError::Local(error)),
    }
}

fn folder_word(folder: &Folder) -> &str {
    if folder.as_str().is_empty() { "." } else { folder.as_str() }
}

fn forward(mut from: impl Read, to: &mpsc::SyncSender<Vec<u8>>) {
    let mut buffer = [0; 8 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.send(buffer[..read].to_vec()).is_err() {
            return;
        }
    }
}

/// Output cut into lines. The last one may lack its end.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
    count: usize,
}

/// What is wrong with the output.
enum Fault {
    TooLong,
    TooMany,
    Line(ExchangeError),
}

impl Fault {
    fn into_error(self, exchange: &CommandExchange, operation: &[&str]) -> ExchangeError {
        match self {
            Self::TooLong => exchange.refused(format!("`{}` printed a line of more than {MOST_LINE_BYTES} bytes", operation[0])),
            Self::TooMany => exchange.refused(format!("`{}` printed more than {MOST_LINES} lines", operation[0])),
            Self::Line(error) => error,
        }
    }
}

impl Lines {
    fn take(&mut self, bytes: &[u8], line: &mut impl FnMut(&str) -> Result<(), ExchangeError>) -> Result<(), Fault> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend(piece);
            if self.begun.len() > MOST_LINE_BYTES {
                return Err(Fault::TooLong);
            }
            if piece.ends_with(b"\n") {
                self.end(line)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, line: &mut impl FnMut(&str) -> Result<(), ExchangeError>) -> Result<(), Fault> {
        let begun = std::mem::take(&mut self.begun);
        let text = String::from_utf8_lossy(&begun);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Ok(());
        }
        self.count += 1;
        if self.count > MOST_LINES {
            return Err(Fault::TooMany);
        }
        line(text).map_err(Fault::Line)
    }
}

impl Exchange for CommandExchange {
    /// Without the arguments: a person may have put something there that is nobody's business.
    fn place(&self) -> String {
        format!("command:{}", self.words[0])
    }

    fn probe(&mut self, _: &World) -> Result<Probe, ExchangeError> {
        let mut capabilities = Capabilities { rename: Rename::Unsupported, put: Put::MayBeShort };
        let answer = self.run(
            &["probe"],
            self.quiet,
            || 0,
            |line| {
                match line.split_whitespace().collect::<Vec<_>>()[..] {
                    ["rename", "refuses"] => capabilities.rename = Rename::Refuses,
                    ["rename", "may-replace"] => capabilities.rename = Rename::MayReplace,
                    ["rename", "unsupported"] => capabilities.rename = Rename::Unsupported,
                    ["put", "whole"] => capabilities.put = Put::Whole,
                    ["put", "may-be-short"] => capabilities.put = Put::MayBeShort,
                    ["rename" | "put", ..] => {
                        return Err(self.refused(format!("`probe` printed `{}`, which promises nothing", cleaned(line.as_bytes()))));
                    }
                    _ => {}
                }
                Ok(())
            },
        )?;
        match answer {
            Answer::Done => Ok(Probe { capabilities, marker: self.marker()? }),
            Answer::Missing => Err(self.senseless("probe", 10)),
            Answer::Exists => Err(self.senseless("probe", 11)),
        }
    }

    fn list(&mut self, _: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        let mut listing = Listing::default();
        let mut lines = 0;
        let answer = self.run(
            &["list", folder_word(folder)],
            self.quiet,
            || 0,
            |line| {
                lines += 1;
                let entry = line.split_once(' ').and_then(|(bytes, name)| Some((bytes.parse().ok()?, name)));
                let Some((bytes, name)) = entry else {
                    return Err(self.refused(format!("`list` printed `{}`, which is not `SIZE NAME`", cleaned(line.as_bytes()))));
                };
                match FileName::new(name) {
                    Ok(name) => listing.push(&self.place(), Entry { name, bytes }),
                    Err(_) => Ok(()),
                }
            },
        )?;
        match answer {
            Answer::Done if lines > 0 => Ok(listing.done()),
            // Nothing printed may be a place that is not there as well.
            Answer::Done | Answer::Missing => self.require_marker().map(|()| Vec::new()),
            Answer::Exists => Err(self.senseless("list", 11)),
        }
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let had = match size(to)? {
            Some(had) if had > entry.bytes => {
                // No beginning of it.
                fs::remove_file(to).map_err(ExchangeError::Local)?;
                0
            }
            had => had.unwrap_or(0),
        };
        let brought = self.bring(folder, entry.name.as_str(), to);
        let have = size(to)?;
        if let Some(have) = have {
            let file = fs::OpenOptions::new().write(true).open(to).map_err(ExchangeError::Local)?;
            // One that grew is seen by one byte too many.
            file.set_len(have.min(entry.bytes.saturating_add(1))).map_err(ExchangeError::Local)?;
            self.meter.passed(world, have.saturating_sub(had));
        }
        match brought? {
            Answer::Done if have.is_none() => Err(self.refused("`get` succeeded and brought no file".to_owned())),
            Answer::Done => Ok(()),
            Answer::Missing => {
                self.require_marker()?;
                Err(ExchangeError::Missing { folder: folder.clone(), name: entry.name.clone() })
            }
            Answer::Exists => Err(self.senseless("get", 11)),
        }
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        if folder.levels().next().is_some() {
            self.require_marker()?;
        }
        let bytes = content.bytes()?;
        let kept;
        let file = match content {
            Content::File(path) => path,
            Content::Bytes(bytes) => {
                kept = tempfile::NamedTempFile::new().map_err(ExchangeError::Local)?;
                fs::write(kept.path(), bytes).map_err(ExchangeError::Local)?;
                kept.path()
            }
        };
        world.step("create on exchange")?;
        world.step("fill on exchange")?;
        let operation = ["put", folder_word(folder), name.as_str(), &self.path_word(file)?];
        let answer = self.run(&operation, self.quiet + Duration::from_secs(bytes / SLOWEST_PUT), || 0, |_| Ok(()))?;
        match answer {
            Answer::Done => {
                self.meter.passed(world, bytes);
                Ok(())
            }
            Answer::Missing => Err(self.senseless("put", 10)),
            Answer::Exists => Err(self.senseless("put", 11)),
        }
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        world.step("rename on exchange")?;
        match self.order(&["rename", folder_word(folder), from.as_str(), to.as_str()])? {
            Answer::Done => Ok(()),
            Answer::Missing => {
                self.require_marker()?;
                Err(ExchangeError::Missing { folder: folder.clone(), name: from.clone() })
            }
            Answer::Exists => Err(ExchangeError::Exists { folder: folder.clone(), name: to.clone() }),
        }
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        world.step("delete on exchange")?;
        match self.order(&["delete", folder_word(folder), name.as_str()])? {
            // Many a program calls it done where nothing was there.
            Answer::Done | Answer::Missing => self.require_marker(),
            Answer::Exists => Err(self.senseless("delete", 11)),
        }
    }
}
