//! The operations of an exchange, told to a server that knows folders, files and three-digit numbers.
//!
//! Each begins by going to its folder, by the absolute path: names below need no quoting then, LIST needs no argument (which
//! servers take for a pattern), and whether the folder is there is answered and not guessed.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

use suppaftp::{FtpResult, Status};

use super::answer::{Answer, Failure};
use super::connection::{Asked, Client, Connection, Direction, Incoming, Transfer};
use super::listing::{self, Item, Kind};
use crate::exchange::error::Doing;
use crate::exchange::transfer::{Listing, receive};
use crate::exchange::{
    Capabilities, Content, Entry, ExchangeError, FileName, Folder, MARKER_NAME, MAX_LISTING, Marker, Meter, Probe, Put, Rename,
};
use crate::world::World;
use crate::world::files::TEMPORARY;

/// Longest line of a listing, in bytes; a longer one makes the listing fail.
const MAX_LINE: u64 = 4096;
/// Most lines of a listing, with what is none of ours.
const MAX_LINES: usize = 2 * MAX_LISTING;
/// Smaller content is sent whole again rather than asked for how much of it is there.
pub(super) const RESUME_OVER: u64 = 1024 * 1024;
/// How much of the end of a cut-off upload is read back and compared before more is put behind it.
const COMPARED: u64 = 64 * 1024;
/// What is read and sent at once.
const PIECE: usize = 64 * 1024;

/// How a server is asked for a listing, best first; each falls back on the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By MLSD.
    Facts,
    /// By LIST, as far as its lines are understood.
    Lines,
    /// By NLST and SIZE.
    Names,
}

/// A connection that does the operations.
pub(super) struct Session {
    connection: Connection,
    way: Way,
    /// It stands, and is to be left.
    spent: bool,
}

/// Where a folder is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entered {
    /// It is there, and the server is in it.
    Yes,
    /// It is not there; the marker is.
    Absent,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        let way = if connection.features.mlsd { Way::Facts } else { Way::Lines };
        Self { connection, way, spent: false }
    }

    /// Whether another operation can use it.
    pub(super) const fn is_usable(&self) -> bool {
        self.connection.is_usable() && !self.spent
    }

    /// Whether the server still listens.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.connection.ask(Client::noop), Ok(Ok(())))
    }

    pub(super) fn probe(&mut self) -> Result<Probe, ExchangeError> {
        let marker = self.marker()?;
        // Asked for half a rename: nothing happens without the other half. Who may not rename the marker may perhaps rename elsewhere,
        // but the weaker promise is right there, too.
        let may_rename = marker.is_none() || self.rename_from(MARKER_NAME)?.is_ok();
        // ProFTPD takes nothing but the other half from then on.
        self.spent = self.change_to("")?.is_err();
        let rename = if may_rename { Rename::MayReplace } else { Rename::Unsupported };
        Ok(Probe { capabilities: Capabilities { rename, put: Put::MayBeShort }, marker })
    }

    pub(super) fn list(&mut self, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        if self.enter(folder)? == Entered::Absent {
            return Ok(Vec::new());
        }
        let (mut found, place) = (Listing::default(), self.place());
        self.look(|item| match (item.kind, FileName::new(item.name)) {
            (Kind::File(bytes), Ok(name)) => found.push(&place, Entry { name, bytes }),
            (Kind::File(_) | Kind::Folder | Kind::Other, _) => Ok(()),
        })?;
        let found = found.done();
        if found.is_empty() {
            // vsftpd says so, too, of a folder that may not be read or went away under it.
            self.require_marker()?;
        }
        Ok(found)
    }

    pub(super) fn get(&mut self, world: &World, meter: &Meter, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let missing = || ExchangeError::Missing { folder: folder.clone(), name: entry.name.clone() };
        if self.enter(folder)? == Entered::Absent {
            return Err(missing());
        }
        let there = match self.connection.ask(|client| client.size(entry.name.as_str()))? {
            Ok(bytes) => bytes as u64,
            Err(_) => match self.find(entry.name.as_str())? {
                Some(Kind::File(bytes)) => bytes,
                Some(Kind::Folder | Kind::Other) => return Err(self.refused(format!("`{}` is not a plain file", entry.name))),
                None => return self.require_marker().and(Err(missing())),
            },
        };
        let place = self.place();
        let (mut source, mut failed) = (Source::default(), None);
        let (session, slot, why) = (&mut *self, &mut source, &mut failed);
        let open = move |offset| match session.open_at(entry.name.as_str(), offset, there) {
            Ok(opened) => {
                slot.transfer = opened;
                Ok(slot)
            }
            Err(error) => {
                *why = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        };
        let far = |error: io::Error| Failure::from(error).sorted(&place, Doing::Reading);
        let received = receive(world, meter, entry, there, to, open, far);
        match (received, failed, source.transfer) {
            (_, Some(error), _) => Err(error),
            (received, None, None) => received,
            (Ok(()), None, Some(transfer)) if source.ended => match self.connection.finish(transfer, Direction::Down)? {
                Ok(()) => Ok(()),
                // What came is kept, and the next attempt goes on from there.
                Err(answer) => Err(ExchangeError::Unreachable { place, reason: answer.text }),
            },
            // It grew: what came is enough to see that.
            (received, None, Some(transfer)) => {
                self.connection.give_up(transfer, io::ErrorKind::Other.into());
                received
            }
        }
    }

    pub(super) fn put(
        &mut self,
        world: &World,
        meter: &Meter,
        folder: &Folder,
        name: &FileName,
        content: Content<'_>,
    ) -> Result<(), ExchangeError> {
        let bytes = content.bytes()?;
        self.enter_or_make(world, folder)?;
        let name = name.as_str();
        let have = self.begun(world, name, content, bytes)?;
        if have == Some(bytes) {
            return Ok(());
        }
        world.step("create on exchange")?;
        let appended = match have {
            Some(_) => self.transfer(|client| client.append_with_stream(name))?.ok(),
            None => None,
        };
        let (offset, transfer) = match appended {
            Some(transfer) => (have.unwrap_or_default(), transfer),
            None => (0, self.create(name)?),
        };
        self.fill(world, meter, transfer, content, offset)
    }

    pub(super) fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        let missing = || ExchangeError::Missing { folder: folder.clone(), name: from.clone() };
        if self.enter(folder)? == Entered::Absent {
            return Err(missing());
        }
        world.step("rename on exchange")?;
        let renamed = match self.rename_from(from.as_str())? {
            Ok(()) => {
                let command = format!("RNTO {to}");
                self.connection.ask(|client| client.custom_command(command, &[Status::RequestedFileActionOk, Status::CommandOk]))?.map(drop)
            }
            Err(answer) => Err(answer),
        };
        let Err(answer) = renamed else { return Ok(()) };
        if self.find(to.as_str())?.is_some() {
            Err(ExchangeError::Exists { folder: folder.clone(), name: to.clone() })
        } else if self.find(from.as_str())?.is_some() {
            Err(self.refused(format!("it does not rename ({})", answer.text)))
        } else {
            self.require_marker().and(Err(missing()))
        }
    }

    pub(super) fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        if self.enter(folder)? == Entered::Absent {
            return Ok(());
        }
        world.step("delete on exchange")?;
        match self.connection.ask(|client| client.rm(name.as_str()))? {
            Ok(()) => Ok(()),
            Err(answer) => match self.find(name.as_str())? {
                Some(_) => Err(answer.sorted(self.connection.place(), Doing::Writing)),
                None => self.require_marker(),
            },
        }
    }

    fn place(&self) -> String {
        self.connection.place().to_owned()
    }

    fn refused(&self, reason: String) -> ExchangeError {
        ExchangeError::Refused { place: self.place(), reason }
    }

    fn change_to(&mut self, inside: &str) -> Asked<()> {
        let path = self.connection.path(inside);
        self.connection.ask(|client| client.cwd(path))
    }

    fn rename_from(&mut self, name: &str) -> Asked<()> {
        let command = format!("RNFR {name}");
        Ok(self.connection.ask(|client| client.custom_command(command, &[Status::RequestFilePending]))?.map(drop))
    }

    /// The root was there when we logged in.
    fn enter_root(&mut self) -> Result<(), ExchangeError> {
        let gone = |place, answer: Answer| ExchangeError::Unreachable { place, reason: format!("its folder went away ({})", answer.text) };
        self.change_to("")?.map_err(|answer| gone(self.place(), answer))
    }

    /// The bytes of the marker, at most one more than it may have.
    fn marker(&mut self) -> Result<Option<Vec<u8>>, ExchangeError> {
        self.enter_root()?;
        let mut transfer = match self.transfer(|client| client.retr_as_stream(MARKER_NAME))? {
            Ok(transfer) => transfer,
            Err(answer) => {
                return match self.find(MARKER_NAME)? {
                    Some(_) => Err(answer.sorted(self.connection.place(), Doing::Reading)),
                    None => Ok(None),
                };
            }
        };
        let mut bytes = Vec::new();
        let most = Marker::MAX_BYTES as u64 + 1;
        match Incoming::new(&mut transfer).take(most).read_to_end(&mut bytes) {
            Err(error) => Err(self.connection.give_up(transfer, error)),
            Ok(read) if read as u64 == most => {
                self.connection.give_up(transfer, io::ErrorKind::Other.into());
                Ok(Some(bytes))
            }
            Ok(_) => match self.connection.finish(transfer, Direction::Down)? {
                Ok(()) => Ok(Some(bytes)),
                Err(answer) => Err(ExchangeError::Unreachable { place: self.place(), reason: answer.text }),
            },
        }
    }

    /// What is not there counts as not there only on an exchange.
    fn require_marker(&mut self) -> Result<(), ExchangeError> {
        let marker = self.marker()?;
        Marker::of(self.connection.place(), marker.as_deref()).map(drop)
    }

    /// Goes to a folder. A server says the same of one that is not there and of one that is not for us: looking above tells.
    fn enter(&mut self, folder: &Folder) -> Result<Entered, ExchangeError> {
        let Err(answer) = self.change_to(folder.as_str())? else { return Ok(Entered::Yes) };
        self.require_marker()?;
        let mut above = String::new();
        for level in folder.levels() {
            self.change_to(&above)?.map_err(|answer| answer.sorted(self.connection.place(), Doing::Reading))?;
            match self.find(level)? {
                None => return Ok(Entered::Absent),
                Some(Kind::Folder) => {}
                Some(Kind::File(_) | Kind::Other) => return Err(self.refused(format!("`{level}` is not a folder"))),
            }
            if !above.is_empty() {
                above.push('/');
            }
            above.push_str(level);
        }
        Err(answer.sorted(self.connection.place(), Doing::Reading))
    }

    /// Goes to a folder, made if it is not there.
    fn enter_or_make(&mut self, world: &World, folder: &Folder) -> Result<(), ExchangeError> {
        if self.change_to(folder.as_str())?.is_ok() {
            return Ok(());
        }
        self.require_marker()?;
        let mut path = String::new();
        for level in folder.levels() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(level);
            if self.change_to(&path)?.is_ok() {
                continue;
            }
            world.step("make folder on exchange")?;
            let absolute = self.connection.path(&path);
            let made = self.connection.ask(|client| client.mkdir(absolute))?;
            // Whatever it said: another session may have made it a moment ago.
            if let Err(entered) = self.change_to(&path)? {
                return Err(made.err().unwrap_or(entered).sorted(self.connection.place(), Doing::Writing));
            }
        }
        Ok(())
    }

    fn transfer(&mut self, start: impl FnOnce(&mut Client) -> FtpResult<Transfer>) -> Asked<Transfer> {
        self.connection.ask(start)
    }

    /// A file from an offset on; none where nothing is behind it. Without REST the beginning comes, too, and is passed over.
    fn open_at(&mut self, name: &str, offset: u64, there: u64) -> Result<Option<Transfer>, ExchangeError> {
        if offset > 0 && offset >= there {
            return Ok(None);
        }
        let (rest, skip) = if self.connection.features.rest { (offset, 0) } else { (0, offset) };
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        let opened = self.transfer(|client| {
            client.resume_transfer(rest)?;
            client.retr_as_stream(name)
        })?;
        let mut transfer = opened.map_err(|answer| answer.sorted(self.connection.place(), Doing::Reading))?;
        match io::copy(&mut Incoming::new(&mut transfer).take(skip), &mut io::sink()) {
            Ok(_) => Ok(Some(transfer)),
            Err(error) => Err(self.connection.give_up(transfer, error)),
        }
    }

    /// How much of a large upload an attempt that was cut off left there. Only under the temporary name, which says the content, and
    /// only where the end of what is there is what it should be.
    fn begun(&mut self, world: &World, name: &str, content: Content<'_>, bytes: u64) -> Result<Option<u64>, ExchangeError> {
        if bytes <= RESUME_OVER || !name.ends_with(TEMPORARY) || !self.connection.features.rest {
            return Ok(None);
        }
        let Ok(there) = self.connection.ask(|client| client.size(name))? else { return Ok(None) };
        let there = there as u64;
        if there == 0 || there > bytes {
            return Ok(None);
        }
        let from = there.saturating_sub(COMPARED);
        let Some(mut transfer) = self.open_at(name, from, there)? else { return Ok(None) };
        let mut found = Vec::new();
        let mut incoming = Incoming::new(&mut transfer);
        if let Err(error) = incoming.by_ref().take(COMPARED + 1).read_to_end(&mut found) {
            return Err(self.connection.give_up(transfer, error));
        }
        if !incoming.ended {
            return Err(self.connection.give_up(transfer, io::Error::other("an upload that was cut off still grows")));
        }
        if self.connection.finish(transfer, Direction::Down)?.is_err() {
            return Ok(None);
        }
        let mut expected = Vec::new();
        content.reader(world, &Meter::default(), from)?.take(there - from).read_to_end(&mut expected).map_err(ExchangeError::Local)?;
        Ok((found == expected).then_some(there))
    }

    /// Begins a file anew. Where a server does not let an old one be written over, the old one is taken away first.
    fn create(&mut self, name: &str) -> Result<Transfer, ExchangeError> {
        let refused = match self.transfer(|client| client.put_with_stream(name))? {
            Ok(transfer) => return Ok(transfer),
            Err(answer) => answer,
        };
        if refused.is_about_the_file() && self.connection.ask(|client| client.rm(name))?.is_ok() {
            let again = self.transfer(|client| client.put_with_stream(name))?;
            return again.map_err(|answer| answer.sorted(self.connection.place(), Doing::Writing));
        }
        Err(refused.sorted(self.connection.place(), Doing::Writing))
    }

    fn fill(
        &mut self,
        world: &World,
        meter: &Meter,
        mut transfer: Transfer,
        content: Content<'_>,
        offset: u64,
    ) -> Result<(), ExchangeError> {
        let home = |session: &mut Self, transfer, error| {
            session.connection.give_up(transfer, io::ErrorKind::Other.into());
            Err(error)
        };
        if let Err(crash) = world.step("fill on exchange") {
            return home(self, transfer, crash.into());
        }
        let mut from = match content.reader(world, meter, offset) {
            Ok(from) => from,
            Err(error) => return home(self, transfer, error),
        };
        let mut sent = Connection::begin(&mut transfer);
        let mut piece = vec![0; PIECE];
        while sent.is_ok() {
            sent = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => transfer.write_all(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => return home(self, transfer, from.failure().unwrap_or(ExchangeError::Local(error))),
            };
        }
        if let Err(error) = sent.and_then(|()| transfer.flush()) {
            return Err(self.connection.why_closed(transfer, error));
        }
        match self.connection.finish(transfer, Direction::Up)? {
            Ok(()) => Ok(()),
            Err(answer) => Err(answer.sorted(self.connection.place(), Doing::Writing)),
        }
    }

    /// What a name of the folder we are in stands for; `None`: nothing of that name is listed.
    fn find(&mut self, name: &str) -> Result<Option<Kind>, ExchangeError> {
        let mut found = None;
        self.look(|item| {
            if item.name == name {
                found = Some(item.kind);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Shows what lies in the folder we are in, all of it or an error.
    fn look(&mut self, mut see: impl FnMut(Item<'_>) -> Result<(), ExchangeError>) -> Result<(), ExchangeError> {
        if self.way == Way::Facts {
            if self.lines("MLSD", listing::mlsd, &mut see)? {
                return Ok(());
            }
            self.way = Way::Lines;
        }
        if self.way == Way::Lines {
            if self.lines("LIST", listing::list, &mut see)? {
                return Ok(());
            }
            self.way = Way::Names;
        }
        let mut names = Vec::new();
        if !self.lines("NLST", listing::name, &mut |item| {
            names.push(item.name.to_owned());
            Ok(())
        })? {
            return Err(self.refused("it lists no folder".to_owned()));
        }
        for name in names {
            let kind = match self.connection.ask(|client| client.size(&name))? {
                Ok(bytes) => Kind::File(bytes as u64),
                Err(answer) if answer.is_not_understood() => {
                    return Err(self.refused("neither its listings nor SIZE tell how long a file is".to_owned()));
                }
                // What has no size is no file.
                Err(_) => Kind::Folder,
            };
            see(Item { name: &name, kind })?;
        }
        Ok(())
    }

    /// Asks for a listing; false where the server does not know the command or a line cannot be used, and then nothing was shown.
    fn lines(
        &mut self,
        command: &str,
        read: fn(&str) -> Option<Item<'_>>,
        see: &mut dyn FnMut(Item<'_>) -> Result<(), ExchangeError>,
    ) -> Result<bool, ExchangeError> {
        let started = self.connection.ask(|client| client.custom_data_command(command, &[Status::AboutToSend, Status::AlreadyOpen]))?;
        let mut transfer = match started {
            Ok((_, transfer)) => transfer,
            Err(answer) if answer.is_empty_listing() => return Ok(true),
            Err(answer) if answer.is_not_understood() => return Ok(false),
            Err(answer) => return Err(answer.sorted(self.connection.place(), Doing::Reading)),
        };
        let lines = match read_lines(&mut transfer) {
            Ok(lines) => lines,
            Err(error) => return Err(self.connection.give_up(transfer, error)),
        };
        if let Err(answer) = self.connection.finish(transfer, Direction::Down)? {
            return Err(ExchangeError::Unreachable { place: self.place(), reason: answer.text });
        }
        let items: Option<Vec<Item<'_>>> = lines.iter().map(|line| read(line)).collect();
        let Some(items) = items else { return Ok(false) };
        items.into_iter().try_for_each(see)?;
        Ok(true)
    }
}

/// The lines of a listing, without their ends.
fn read_lines(transfer: &mut Transfer) -> io::Result<Vec<String>> {
    let mut from = BufReader::new(Incoming::new(transfer));
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(lines);
        }
        if line.len() as u64 == MAX_LINE || lines.len() == MAX_LINES {
            return Err(io::Error::other("its listing of a folder has no end"));
        }
        lines.push(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
    }
}

/// A file on its way here; no transfer where nothing was left to come.
#[derive(Default)]
struct Source {
    transfer: Option<Transfer>,
    /// All of it came.
    ended: bool,
}

impl io::Read for &mut Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(transfer) = &mut self.transfer else { return Ok(0) };
        let mut incoming = Incoming::new(transfer);
        let read = incoming.read(buffer)?;
        self.ended = incoming.ended;
        Ok(read)
    }
}
