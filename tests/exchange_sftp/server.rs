//! An SFTP server in memory on two pipes, with switches for all that servers were seen to do wrong. Written apart from the client.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What is wrong with it. All of it can change while it runs.
#[derive(Clone, Default)]
pub struct Faults {
    /// Nobody gets a connection.
    pub gone: bool,
    /// A connection ends after so many bytes, both ways counted; what is left over goes on to the next.
    pub bytes_until_cut: Option<u64>,
    /// Every connection ends after so many bytes.
    pub bytes_per_connection: Option<u64>,
    /// Writing is answered with this code and these words.
    pub refuses_writing: Option<(u32, &'static str)>,
    /// The same, but only once so many bytes lie there.
    pub bytes_until_full: Option<u64>,
    /// What `statvfs` says: free blocks and whether it is read-only; without it the server does not know that request.
    pub room: Option<(u64, bool)>,
    /// Writes behind this offset are called a success and dropped.
    pub drops_behind: Option<u64>,
    /// A rename is answered with this.
    pub refuses_rename: Option<(u32, &'static str)>,
    /// A rename replaces what is there (ProFTPD).
    pub rename_replaces: bool,
    /// Requests of this kind are never answered; 1 is the greeting.
    pub silent_on: Option<u8>,
    /// A read gives at most so many bytes.
    pub most_read: Option<usize>,
    /// Answers come in another order.
    pub shuffled: bool,
    /// Listings say nothing of a file but its name, and nothing can be flushed.
    pub bare: bool,
    /// The first answer to a request of this kind is these bytes instead.
    pub instead: Option<(u8, Vec<u8>)>,
    /// A file that is there is not opened for writing.
    pub continues_nothing: bool,
    /// A listing never ends.
    pub endless: bool,
}

#[derive(Default)]
pub struct State {
    pub folders: BTreeSet<String>,
    pub files: BTreeMap<String, Vec<u8>>,
    pub links: BTreeSet<String>,
    pub faults: Faults,
    pub connections: u32,
    /// Bytes of files that were written.
    pub written: u64,
    /// Bytes both ways.
    pub passed: u64,
    pub flushed: u32,
}

#[derive(Clone, Default)]
pub struct Server(Arc<Mutex<State>>);

type Ends = (Box<dyn Read + Send>, Box<dyn Write + Send>);

impl Server {
    pub fn new() -> Self {
        let server = Self::default();
        server.state().folders.insert(String::new());
        server
    }

    pub fn with(faults: Faults) -> Self {
        let server = Self::new();
        server.state().faults = faults;
        server
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Makes connections, for the exchange.
    pub fn line(&self) -> impl FnMut() -> io::Result<Ends> + Send + 'static {
        let state = Arc::clone(&self.0);
        move || {
            let own = {
                let mut state = state.lock().unwrap();
                if state.faults.gone {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                state.connections += 1;
                state.faults.bytes_per_connection
            };
            let (client_reads, server_writes) = io::pipe()?;
            let (server_reads, client_writes) = io::pipe()?;
            let (answers, to_send) = mpsc::channel();
            let budget = Arc::new(Mutex::new(own));
            let cut = Cut { state: Arc::clone(&state), own: budget };
            let sending = cut.clone();
            std::thread::spawn(move || send(&to_send, server_writes, &sending));
            let state = Arc::clone(&state);
            std::thread::spawn(move || serve(&state, server_reads, &answers, &cut));
            Ok((Box::new(client_reads), Box::new(client_writes)))
        }
    }
}

/// Counts the bytes of a connection until it is cut.
#[derive(Clone)]
struct Cut {
    state: Arc<Mutex<State>>,
    own: Arc<Mutex<Option<u64>>>,
}

impl Cut {
    /// How many of these bytes pass.
    fn pass(&self, bytes: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        let mut own = self.own.lock().unwrap();
        let left = state.faults.bytes_until_cut.unwrap_or(u64::MAX).min(own.unwrap_or(u64::MAX));
        let pass = left.min(bytes as u64);
        if let Some(own) = &mut *own {
            *own -= pass;
        }
        if let Some(all) = &mut state.faults.bytes_until_cut {
            *all -= pass;
        }
        state.passed += pass;
        if pass < bytes as u64 {
            // This connection is over; the fault, too, so that the next one lives.
            *own = Some(0);
            state.faults.bytes_until_cut = None;
        }
        usize::try_from(pass).unwrap()
    }
}

fn send(answers: &Receiver<Vec<u8>>, mut to: PipeWriter, cut: &Cut) {
    while let Ok(first) = answers.recv() {
        let mut batch = vec![first];
        if cut.state.lock().unwrap().faults.shuffled {
            std::thread::sleep(Duration::from_millis(1));
            batch.extend(answers.try_iter());
            batch.reverse();
        }
        for answer in batch {
            let pass = cut.pass(answer.len());
            if to.write_all(&answer[..pass]).is_err() || pass < answer.len() {
                return;
            }
        }
    }
}

fn serve(state: &Mutex<State>, mut from: PipeReader, answers: &Sender<Vec<u8>>, cut: &Cut) {
    let mut open = Opened::default();
    loop {
        let mut length = [0; 4];
        if from.read_exact(&mut length).is_err() || cut.pass(4) < 4 {
            return;
        }
        let length = u32::from_be_bytes(length) as usize;
        assert!(length < 40_000, "a request of {length} bytes: not every server takes that");
        let mut request = vec![0; length];
        if from.read_exact(&mut request).is_err() || cut.pass(length) < length {
            return;
        }
        let mut state = state.lock().unwrap();
        if state.faults.silent_on == Some(request[0]) {
            continue;
        }
        let answer = match state.faults.instead.take_if(|(kind, _)| *kind == request[0]) {
            Some((_, bytes)) => bytes,
            None => framed(&state.answer(&mut open, &request)),
        };
        drop(state);
        if answers.send(answer).is_err() {
            return;
        }
    }
}

#[derive(Default)]
struct Opened {
    last: u32,
    files: BTreeMap<Vec<u8>, String>,
    /// What of a folder is still to be listed.
    folders: BTreeMap<Vec<u8>, Vec<String>>,
}

impl Opened {
    fn next(&mut self) -> Vec<u8> {
        self.last += 1;
        format!("handle {}", self.last).into_bytes()
    }
}

pub fn framed(packet: &[u8]) -> Vec<u8> {
    [&u32::try_from(packet.len()).unwrap().to_be_bytes(), packet].concat()
}

/// A packet of fields.
pub fn packet(kind: u8, number: u32, fields: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![kind];
    packet.extend(number.to_be_bytes());
    fields.iter().for_each(|field| packet.extend(*field));
    packet
}

pub fn text(bytes: &[u8]) -> Vec<u8> {
    framed(bytes)
}

fn status(number: u32, code: u32, words: &str) -> Vec<u8> {
    packet(101, number, &[&code.to_be_bytes(), &text(words.as_bytes()), &text(b"")])
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }
    fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }
    fn long(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().unwrap())
    }
    fn text(&mut self) -> &'a [u8] {
        let length = self.number();
        self.take(length as usize)
    }
    fn path(&mut self) -> String {
        let path = std::str::from_utf8(self.text()).unwrap();
        assert!(!path.split('/').any(|level| level == ".."), "{path} leads outside");
        path.split('/').filter(|level| !level.is_empty() && *level != ".").collect::<Vec<_>>().join("/")
    }
}

const DONE: (u32, &str) = (0, "");
const END: (u32, &str) = (1, "End of file");
const MISSING: (u32, &str) = (2, "No such file");
const FAILURE: (u32, &str) = (4, "Failure");

impl State {
    fn answer(&mut self, open: &mut Opened, request: &[u8]) -> Vec<u8> {
        let mut fields = Fields(&request[1..]);
        let number = fields.number();
        if request[0] == 1 {
            assert_eq!(number, 3, "the version");
            let mut greeting = vec![2, 0, 0, 0, 3];
            if !self.faults.bare {
                greeting.extend([text(b"fsync@openssh.com"), text(b"1")].concat());
            }
            if self.faults.room.is_some() {
                greeting.extend([text(b"statvfs@openssh.com"), text(b"2")].concat());
            }
            return greeting;
        }
        match self.result(open, request[0], number, &mut fields) {
            Ok(packet) => packet,
            Err((code, words)) => status(number, code, words),
        }
    }

    fn result(&mut self, open: &mut Opened, kind: u8, number: u32, fields: &mut Fields<'_>) -> Result<Vec<u8>, (u32, &'static str)> {
        match kind {
            3 => {
                let (path, flags) = (fields.path(), fields.number());
                if flags & 2 != 0 {
                    self.may_write()?;
                }
                match (self.files.contains_key(&path), flags) {
                    (false, 0x2a) => {
                        if !self.folders.contains(parent(&path)) {
                            return Err(MISSING);
                        }
                        self.files.insert(path.clone(), Vec::new());
                    }
                    (true, 2) if self.faults.continues_nothing => return Err(FAILURE),
                    (true, 1 | 2) => {}
                    (true, _) => return Err(FAILURE),
                    (false, _) => return Err(MISSING),
                }
                let handle = open.next();
                open.files.insert(handle.clone(), path);
                Ok(packet(102, number, &[&text(&handle)]))
            }
            4 => {
                let handle = fields.text();
                let known = open.files.remove(handle).is_some() || open.folders.remove(handle).is_some();
                Err(if known { DONE } else { FAILURE })
            }
            5 => {
                let file = self.files.get(&open.files[fields.text()]).ok_or(FAILURE)?;
                let (from, bytes) = (usize::try_from(fields.long()).unwrap(), fields.number() as usize);
                let bytes = bytes.min(self.faults.most_read.unwrap_or(bytes));
                let data = file.get(from..).ok_or(END)?;
                if data.is_empty() { Err(END) } else { Ok(packet(103, number, &[&text(&data[..bytes.min(data.len())])])) }
            }
            6 => {
                self.may_write()?;
                let path = open.files[fields.text()].clone();
                let (from, data) = (fields.long(), fields.text());
                self.written += data.len() as u64;
                if self.faults.drops_behind.is_some_and(|offset| from + data.len() as u64 > offset) {
                    return Err(DONE);
                }
                let file = self.files.get_mut(&path).ok_or(FAILURE)?;
                let from = usize::try_from(from).unwrap();
                file.resize(file.len().max(from + data.len()), 0);
                file[from..from + data.len()].copy_from_slice(data);
                Err(DONE)
            }
            7 | 17 => {
                let path = fields.path();
                self.attributes(&path).map(|found| packet(105, number, &[&found])).ok_or(MISSING)
            }
            8 => {
                let path = &open.files[fields.text()];
                self.attributes(path).map(|found| packet(105, number, &[&found])).ok_or(FAILURE)
            }
            11 => {
                let path = fields.path();
                if !self.folders.contains(&path) {
                    return Err(MISSING);
                }
                let all = self.files.keys().chain(&self.folders).chain(&self.links);
                let inside = all.filter(|name| !name.is_empty() && parent(name) == path).cloned().collect();
                let handle = open.next();
                open.folders.insert(handle.clone(), inside);
                Ok(packet(102, number, &[&text(&handle)]))
            }
            12 => {
                let left = open.folders.get_mut(fields.text()).ok_or(FAILURE)?;
                if left.is_empty() {
                    return Err(END);
                }
                let some: Vec<String> =
                    if self.faults.endless { vec![left[0].clone(); 500] } else { left.drain(..left.len().min(100)).collect() };
                let count = u32::try_from(some.len()).unwrap().to_be_bytes();
                let names = some.iter().map(|path| {
                    let name = text(path.rsplit('/').next().unwrap().as_bytes());
                    let known = self.attributes(path).filter(|_| !self.faults.bare).unwrap_or_else(|| vec![0; 4]);
                    [name, text(b"-rw-r--r-- as ls would show it"), known].concat()
                });
                Ok(packet(104, number, &[&count, &names.collect::<Vec<_>>().concat()]))
            }
            13 => {
                let path = fields.path();
                self.may_write()?;
                Err(if self.files.remove(&path).is_some() || self.links.remove(&path) { DONE } else { MISSING })
            }
            14 => {
                let path = fields.path();
                self.may_write()?;
                if !self.folders.contains(parent(&path)) {
                    return Err(MISSING);
                }
                Err(if self.files.contains_key(&path) || !self.folders.insert(path) { FAILURE } else { DONE })
            }
            18 => {
                let (from, to) = (fields.path(), fields.path());
                self.may_write()?;
                if let Some(refusal) = self.faults.refuses_rename {
                    return Err(refusal);
                }
                if self.files.contains_key(&to) && !self.faults.rename_replaces {
                    return Err(FAILURE);
                }
                let file = self.files.remove(&from).ok_or(MISSING)?;
                self.files.insert(to, file);
                Err(DONE)
            }
            200 => match (fields.text(), self.faults.room) {
                (b"fsync@openssh.com", _) if !self.faults.bare => {
                    assert!(open.files.contains_key(fields.text()));
                    self.flushed += 1;
                    Err(DONE)
                }
                (b"statvfs@openssh.com", Some((free, read_only))) => {
                    let all = [4096, 4096, 1000, free, free, 1000, 1000, 1000, 1, u64::from(read_only), 255];
                    Ok(packet(201, number, &[&all.map(u64::to_be_bytes).concat()]))
                }
                _ => Err((8, "Operation unsupported")),
            },
            other => panic!("no client needs request {other}"),
        }
    }

    fn may_write(&self) -> Result<(), (u32, &'static str)> {
        let Some(refusal) = self.faults.refuses_writing else { return Ok(()) };
        let there: usize = self.files.values().map(Vec::len).sum();
        if self.faults.bytes_until_full.is_some_and(|most| (there as u64) < most) { Ok(()) } else { Err(refusal) }
    }

    fn attributes(&self, path: &str) -> Option<Vec<u8>> {
        let attributes = |mode: u32, bytes: usize| [&5_u32.to_be_bytes()[..], &(bytes as u64).to_be_bytes(), &mode.to_be_bytes()].concat();
        let folder = self.folders.contains(path).then(|| attributes(0o040_755, 4096));
        let link = || self.links.contains(path).then(|| attributes(0o120_777, 6));
        folder.or_else(link).or_else(|| self.files.get(path).map(|file| attributes(0o100_644, file.len())))
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
