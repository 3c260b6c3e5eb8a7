//! An exchange on an SFTP server, reached by the `ssh` program of this machine.
//!
//! Why that program and not a crate: every Linux and macOS and Windows since 10 has it, and with it `~/.ssh/config`, keys, agent, hardware keys,
//! jump hosts and `known_hosts` are what the user knows them to be. `ssh2` needs OpenSSL, which needs perl to build; `russh`
//! brings 88 crates and its own idea of all that. (restic does it this way, too.) For the protocol on the program's pipes `russh-sftp` was
//! tried on paper: it drags tokio behind it, and an error in the middle of a file comes without the server's code, by which a
//! full disk and a lost line are told apart. [`session`] is a few hundred lines without either.
//!
//! States: *not connected*, *connected* (kept for the round), *broken*, which the next operation makes anew: the failed one says that trying
//! again can help. A file there is *temporary* or *there*, as everywhere. Where writing stopped in the middle of a temporary file
//! of more than [`RESUMED_BYTES`], the next put goes on there, [`session::WINDOW_BYTES`] before its end: what lies further back was
//! acknowledged. Its name holds the hash of its content, so it can be no other file's beginning.
//!
//! Crash points: `make folder on exchange`, `create on exchange`, `fill on exchange`, `rename on exchange`, `delete on exchange`.
//! Invariant: a put that succeeds has the size of its content over there, flushed where the server can; nothing is renamed onto a name that
//! was seen to be taken. Links below the root are followed neither to read nor to write.
//!
//! What servers differ in: a plain rename onto a name that is taken fails at OpenSSH and ProFTPD and replaces at rclone. All say the same of
//! themselves, so no more is promised than [`Rename::MayReplace`], and one looks before. rclone continues no file that is there: where
//! going on fails, all is written anew. Version 3 has no word for a full disk; where a server can be asked for its room
//! (`statvfs@openssh.com`) it is.

mod packet;
mod session;
mod ssh;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use packet::{Attributes, Code, Failure, Kind};
use session::{CHUNK_BYTES, Open, Session, WINDOW_BYTES};
pub use ssh::{ASKPASS_VARIABLE, askpass_answer};

use super::child::Running;
use super::error::Doing;
use super::transfer::{Listing, receive};
use super::{
    Access, Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, MARKER_NAME, MAX_LISTING, Marker, Meter, OpenError,
    Probe, Put, Rename, Server,
};
use crate::world::World;
use crate::world::files::TEMPORARY;

/// So long may it take until the server greets: ssh's own limit to connect, and the login.
const GREETING: Duration = Duration::from_secs(90);
/// So long may a server take for one answer: a slow disk that flushes a large file.
const PATIENCE: Duration = Duration::from_secs(120);
/// A longer upload goes on where it stopped.
const RESUMED_BYTES: u64 = 2 * WINDOW_BYTES;
/// Names of any kind in one folder, ours or not.
const MOST_NAMES: usize = 2 * MAX_LISTING;

/// An SFTP server as an exchange.
pub struct SftpExchange {
    place: String,
    /// Path of the exchange over there; empty: the folder the login leads to.
    root: String,
    meter: Meter,
    patience: Duration,
    line: Line,
    connection: Option<Connection>,
}

struct Connection {
    session: Session,
    program: Option<Running>,
}

/// Both ends of a line: what comes and what goes.
type Ends = (Box<dyn Read + Send>, Box<dyn Write + Send>);

/// Where a line comes from.
enum Line {
    Ssh(ssh::Ssh),
    /// Tests have their own.
    Given(Box<dyn FnMut() -> io::Result<Ends> + Send>),
}

impl fmt::Debug for SftpExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpExchange").field("place", &self.place).field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl SftpExchange {
    /// The exchange in a folder of a server, which is not reached yet.
    ///
    /// # Errors
    /// [`OpenError::Access`] for names no server or user has, for a password without [`Access::askpass`], and for what is not SFTP's.
    pub fn new(server: Server, access: &Access) -> Result<Self, OpenError> {
        let ssh = ssh::Ssh::new(&server, access)?;
        Ok(Self::on(Line::Ssh(ssh), server, access.meter.clone()))
    }

    /// By another program than `ssh`, for tests, which keep out of the `~/.ssh` of whoever runs them.
    ///
    /// # Errors
    /// As [`Self::new`].
    #[doc(hidden)]
    pub fn by(program: PathBuf, server: Server, access: &Access) -> Result<Self, OpenError> {
        let ssh = ssh::Ssh::new(&server, access)?.by(program);
        Ok(Self::on(Line::Ssh(ssh), server, access.meter.clone()))
    }

    fn on(line: Line, server: Server, meter: Meter) -> Self {
        let place = server.to_string();
        Self { place, root: server.path, meter, patience: PATIENCE, line, connection: None }
    }

    /// One whose lines are made by a function, for tests: `patience` is how long an answer may take.
    #[doc(hidden)]
    pub fn over(root: &str, meter: Meter, patience: Duration, line: impl FnMut() -> io::Result<Ends> + Send + 'static) -> Self {
        let place = format!("sftp://test/{root}");
        Self { place, root: root.to_owned(), meter, patience, line: Line::Given(Box::new(line)), connection: None }
    }

    /// The connection, made where there is none that is sound.
    fn session(&mut self) -> Result<&mut Session, ExchangeError> {
        if self.connection.as_ref().is_some_and(|connection| connection.session.is_broken()) {
            self.connection = None;
        }
        if self.connection.is_none() {
            let connection = self.connect()?;
            self.connection = Some(connection);
        }
        Ok(&mut self.connection.as_mut().expect("it was made above").session)
    }

    fn connect(&mut self) -> Result<Connection, ExchangeError> {
        let (mut program, (from, to)): (Option<Running>, Ends) = match &mut self.line {
            Line::Ssh(ssh) => {
                let mut program = ssh.start().map_err(|error| ssh::Ssh::absent(self.place.clone(), &error))?;
                let ends = program.output().zip(program.input()).expect("both are piped");
                (Some(program), (Box::new(ends.0), Box::new(ends.1)))
            }
            Line::Given(make) => {
                (None, make().map_err(|error| ExchangeError::Unreachable { place: self.place.clone(), reason: error.to_string() })?)
            }
        };
        match Session::start(from, to, GREETING.min(self.patience), self.patience) {
            Ok(session) => Ok(Connection { session, program }),
            Err(failure) => Err(self.lost(program.take(), failure)),
        }
    }

    /// What it means that the line ended.
    fn lost(&self, program: Option<Running>, failure: Failure) -> ExchangeError {
        let place = self.place();
        if let Failure::NotSftp(reason) = failure {
            return ExchangeError::Refused { place, reason };
        }
        match (&self.line, program) {
            (Line::Ssh(ssh), Some(program)) => ssh.broken(place, &program.last_words(), &failure.to_string()),
            (Line::Ssh(_) | Line::Given(_), _) => ExchangeError::Unreachable { place, reason: failure.to_string() },
        }
    }

    /// Sorts why an operation on `path` failed.
    fn failed(&mut self, doing: Doing, path: &str, failure: Failure) -> ExchangeError {
        let (code, text) = match failure {
            Failure::Status { code, text } => (code, text),
            failure @ (Failure::Broken(_) | Failure::NotSftp(_)) => {
                let program = self.connection.take().and_then(|connection| connection.program);
                return self.lost(program, failure);
            }
            Failure::Source => return ExchangeError::Local(io::ErrorKind::Other.into()),
        };
        let place = self.place();
        let reason = format!("{text} (`{path}`)");
        match code {
            Code::ReadOnly => ExchangeError::ReadOnly { place, reason },
            Code::Full => ExchangeError::Full { place, reason },
            Code::Denied if doing == Doing::Writing => ExchangeError::ReadOnly { place, reason },
            Code::Denied | Code::Malformed | Code::Unsupported | Code::Exists => ExchangeError::Refused { place, reason },
            Code::Missing | Code::Away => ExchangeError::Unreachable { place, reason },
            Code::Failed | Code::Other if doing == Doing::Writing => self.failed_writing(&text, reason),
            Code::Failed | Code::Other | Code::Done | Code::End => ExchangeError::Io { place, source: io::Error::other(reason) },
        }
    }

    /// A server that only says "failure" is asked whether there is room; some say it in their words.
    fn failed_writing(&mut self, text: &str, reason: String) -> ExchangeError {
        let root = self.path(&Folder::root(), None);
        let room = self.connection.as_mut().and_then(|connection| connection.session.room(&root).ok().flatten());
        let place = self.place();
        let text = text.to_lowercase();
        if room.is_some_and(|room| room.read_only) || text.contains("read-only") {
            ExchangeError::ReadOnly { place, reason }
        } else if room.is_some_and(|room| room.bytes < CHUNK_BYTES as u64)
            || ["no space", "quota", "disk full"].iter().any(|words| text.contains(words))
        {
            ExchangeError::Full { place, reason }
        } else {
            ExchangeError::Io { place, source: io::Error::other(reason) }
        }
    }

    fn refused(&self, path: &str, what: &str) -> ExchangeError {
        ExchangeError::Refused { place: self.place(), reason: format!("`{path}` is {what}") }
    }

    fn path(&self, folder: &Folder, name: Option<&str>) -> String {
        let root = Some(self.root.as_str()).filter(|root| !root.is_empty());
        let path = root.into_iter().chain(folder.levels()).chain(name).collect::<Vec<_>>().join("/");
        if path.is_empty() { ".".to_owned() } else { path }
    }

    /// What a path is; `None` where nothing is there.
    fn look(&mut self, path: &str) -> Result<Option<Attributes>, ExchangeError> {
        match self.session()?.look(path) {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Status { code: Code::Missing, .. }) => Ok(None),
            Err(failure) => Err(self.failed(Doing::Reading, path, failure)),
        }
    }

    /// The bytes of a plain file there; `None` where nothing is there.
    fn file_size(&mut self, path: &str) -> Result<Option<u64>, ExchangeError> {
        match self.look(path)? {
            None => Ok(None),
            Some(Attributes { kind: Some(Kind::File) | None, bytes: Some(bytes) }) => Ok(Some(bytes)),
            Some(Attributes { kind: Some(Kind::File) | None, bytes: None }) => {
                Err(self.refused(path, "a file whose size the server does not tell"))
            }
            Some(Attributes { kind: Some(Kind::Folder | Kind::Other), .. }) => Err(self.refused(path, "not a plain file")),
        }
    }

    /// The bytes of the marker, at most one more than it may have.
    fn marker(&mut self) -> Result<Option<Vec<u8>>, ExchangeError> {
        let path = self.path(&Folder::root(), Some(MARKER_NAME));
        if self.file_size(&path)?.is_none() {
            let root = self.path(&Folder::root(), None);
            return match self.session()?.look_through(&root) {
                Ok(Attributes { kind: Some(Kind::Folder) | None, .. }) => Ok(None),
                Ok(Attributes { kind: Some(Kind::File | Kind::Other), .. }) => Err(self.refused(&root, "not a folder")),
                Err(Failure::Status { code: Code::Missing, .. }) => {
                    Err(ExchangeError::Unreachable { place: self.place(), reason: "there is no such folder on the server".to_owned() })
                }
                Err(failure) => Err(self.failed(Doing::Reading, &root, failure)),
            };
        }
        let mut bytes = Vec::new();
        let session = self.session()?;
        let read = session.open(&path, Open::Read).map_err(io::Error::other).and_then(|handle| {
            let read = session.read(&handle, 0, Marker::MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
            session.let_go(&handle);
            read
        });
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(self.failed(Doing::Reading, &path, failure_in(error))),
        }
    }

    /// What is not there counts as not there only on an exchange.
    fn require_marker(&mut self) -> Result<(), ExchangeError> {
        let marker = self.marker()?;
        Marker::of(&self.place, marker.as_deref()).map(drop)
    }

    /// Where a folder is; `None` where it is not there. A link or a file on the way is refused.
    fn find(&mut self, folder: &Folder) -> Result<Option<String>, ExchangeError> {
        let mut path = self.path(&Folder::root(), None);
        for level in folder.levels() {
            path = format!("{path}/{level}");
            match self.look(&path)? {
                Some(Attributes { kind: Some(Kind::Folder) | None, .. }) => {}
                Some(Attributes { kind: Some(Kind::File | Kind::Other), .. }) => return Err(self.refused(&path, "not a folder")),
                None => {
                    self.require_marker()?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(path))
    }

    /// Where a folder is, made if it is not there.
    fn find_or_make(&mut self, world: &World, folder: &Folder) -> Result<(), ExchangeError> {
        if self.find(folder)?.is_some() {
            return Ok(());
        }
        let mut path = self.path(&Folder::root(), None);
        for level in folder.levels() {
            path = format!("{path}/{level}");
            world.step("make folder on exchange")?;
            match self.session()?.make_folder(&path) {
                Ok(()) => {}
                // Servers have no common word for "is there already".
                Err(failure @ Failure::Status { .. }) => match self.look(&path)? {
                    Some(Attributes { kind: Some(Kind::Folder) | None, .. }) => {}
                    Some(_) | None => return Err(self.failed(Doing::Writing, &path, failure)),
                },
                Err(failure) => return Err(self.failed(Doing::Writing, &path, failure)),
            }
        }
        Ok(())
    }

    /// Where to go on with an upload that stopped; 0: at the beginning.
    fn begun(&mut self, path: &str, bytes: u64) -> Result<u64, ExchangeError> {
        if bytes <= RESUMED_BYTES || !path.ends_with(TEMPORARY) {
            return Ok(0);
        }
        let there = match self.look(path)? {
            Some(Attributes { kind: Some(Kind::File), bytes: Some(there) }) if there <= bytes => there,
            Some(_) | None => 0,
        };
        Ok(there.saturating_sub(WINDOW_BYTES))
    }

    /// Writes a file from an offset on; at 0 it is made anew, so that a link somebody put there is not written through.
    fn fill(&mut self, world: &World, path: &str, from: u64, content: Content<'_>) -> Result<Option<u64>, ExchangeError> {
        world.step("create on exchange")?;
        let session = self.session()?;
        let opened = if from > 0 {
            session.open(path, Open::Write)
        } else {
            match session.remove(path) {
                Ok(()) | Err(Failure::Status { code: Code::Missing, .. }) => session.open(path, Open::Create),
                Err(failure) => Err(failure),
            }
        };
        let handle = opened.map_err(|failure| self.failed(Doing::Writing, path, failure))?;
        world.step("fill on exchange")?;
        let meter = self.meter.clone();
        let mut reader = content.reader(world, &meter, from)?;
        let session = self.session()?;
        let written = session.write(&handle, from, &mut reader).and_then(|_| session.finish(&handle));
        written.map_err(|failure| {
            if let Some(local) = reader.failure() {
                return local;
            }
            let error = self.failed(Doing::Writing, path, failure);
            if let Some(connection) = &mut self.connection {
                connection.session.let_go(&handle);
            }
            error
        })
    }

    fn missing(folder: &Folder, name: &FileName) -> ExchangeError {
        ExchangeError::Missing { folder: folder.clone(), name: name.clone() }
    }
}

impl Exchange for SftpExchange {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn another(&self) -> Option<Box<dyn Exchange>> {
        let line = match &self.line {
            Line::Ssh(ssh) => Line::Ssh(ssh.clone()),
            Line::Given(_) => return None,
        };
        let (place, root, meter) = (self.place.clone(), self.root.clone(), self.meter.clone());
        Some(Box::new(Self { place, root, meter, patience: self.patience, line, connection: None }))
    }

    fn probe(&mut self, _: &World) -> Result<Probe, ExchangeError> {
        let capabilities = Capabilities { rename: Rename::MayReplace, put: Put::Whole };
        Ok(Probe { capabilities, marker: self.marker()? })
    }

    fn list(&mut self, _: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        let Some(path) = self.find(folder)? else { return Ok(Vec::new()) };
        let mut listing = Listing::default();
        let handle = match self.session()?.open_folder(&path) {
            Ok(handle) => handle,
            Err(failure) => return Err(self.failed(Doing::Reading, &path, failure)),
        };
        let mut names = 0;
        loop {
            let found = match self.session()?.read_folder(&handle) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(failure) => return Err(self.failed(Doing::Reading, &path, failure)),
            };
            names += found.len();
            if names > MOST_NAMES {
                return Err(self.refused(&path, &format!("a folder of more than {MOST_NAMES} names")));
            }
            for (name, attributes) in found {
                let Ok(name) = FileName::new(&name) else { continue };
                let bytes = match attributes {
                    Attributes { kind: Some(Kind::File), bytes: Some(bytes) } => Some(bytes),
                    Attributes { kind: Some(Kind::Folder | Kind::Other), .. } => None,
                    // Servers may leave out what they like.
                    Attributes { kind: None, .. } | Attributes { bytes: None, .. } => match self.look(&format!("{path}/{name}"))? {
                        Some(Attributes { kind: Some(Kind::File) | None, bytes }) => bytes,
                        Some(Attributes { kind: Some(Kind::Folder | Kind::Other), .. }) | None => None,
                    },
                };
                if let Some(bytes) = bytes {
                    listing.push(&self.place, Entry { name, bytes })?;
                }
            }
        }
        self.session()?.let_go(&handle);
        Ok(listing.done())
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let path = self.path(folder, Some(entry.name.as_str()));
        let there = match self.find(folder)? {
            Some(_) => self.file_size(&path)?,
            None => None,
        };
        let Some(there) = there else {
            self.require_marker()?;
            return Err(Self::missing(folder, &entry.name));
        };
        let meter = self.meter.clone();
        let session = self.session()?;
        let handle = match session.open(&path, Open::Read) {
            Ok(handle) => handle,
            Err(Failure::Status { code: Code::Missing, .. }) => {
                self.require_marker()?;
                return Err(Self::missing(folder, &entry.name));
            }
            Err(failure) => return Err(self.failed(Doing::Reading, &path, failure)),
        };
        let end = there.min(entry.bytes.saturating_add(1));
        let far = |source| ExchangeError::Io { place: String::new(), source };
        let received = receive(world, &meter, entry, there, to, |from| Ok(session.read(&handle, from, end)), far);
        session.let_go(&handle);
        match received {
            Err(ExchangeError::Io { source, .. }) => Err(self.failed(Doing::Reading, &path, failure_in(source))),
            received => received,
        }
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        let expected = content.bytes()?;
        self.find_or_make(world, folder)?;
        let path = self.path(folder, Some(name.as_str()));
        let from = self.begun(&path, expected)?;
        let filled = match self.fill(world, &path, from, content) {
            // Not every server lets a file be continued.
            Err(ExchangeError::Io { .. } | ExchangeError::Refused { .. } | ExchangeError::ReadOnly { .. }) if from > 0 => {
                self.fill(world, &path, 0, content)
            }
            filled => filled,
        };
        match filled? {
            Some(found) if found != expected => {
                Err(ExchangeError::SizeDiffers { folder: folder.clone(), name: name.clone(), expected, found })
            }
            Some(_) => Ok(()),
            None => Err(self.refused(&path, "a file whose size the server does not tell")),
        }
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        let [old, new] = [from, to].map(|name| self.path(folder, Some(name.as_str())));
        if self.find(folder)?.is_none() {
            return Err(Self::missing(folder, from));
        }
        let exists = || ExchangeError::Exists { folder: folder.clone(), name: to.clone() };
        // There is one writer per folder, so nobody comes between the look and the step.
        if self.look(&new)?.is_some() {
            return Err(exists());
        }
        world.step("rename on exchange")?;
        match self.session()?.rename(&old, &new) {
            Ok(()) => Ok(()),
            Err(Failure::Status { code: Code::Exists, .. }) => Err(exists()),
            Err(Failure::Status { code: Code::Missing, .. }) => {
                self.require_marker()?;
                Err(Self::missing(folder, from))
            }
            Err(failure) => Err(self.failed(Doing::Writing, &new, failure)),
        }
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        if self.find(folder)?.is_none() {
            return Ok(());
        }
        let path = self.path(folder, Some(name.as_str()));
        world.step("delete on exchange")?;
        match self.session()?.remove(&path) {
            Ok(()) => Ok(()),
            Err(Failure::Status { code: Code::Missing, .. }) => self.require_marker(),
            Err(failure) => Err(self.failed(Doing::Writing, &path, failure)),
        }
    }
}

/// The failure a [`session::Download`] wrapped to pass as an error of reading.
fn failure_in(error: io::Error) -> Failure {
    error.downcast().unwrap_or_else(|error| Failure::Broken(error.to_string()))
}
