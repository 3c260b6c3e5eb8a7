//! A small FTP server of the standard library only, which can be told to misbehave in the ways real ones do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How it lists a folder.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Listing {
    /// By MLSD and by LIST.
    #[default]
    Facts,
    /// By LIST as on Unix; no MLSD.
    Unix,
    /// By LIST as on Windows; no MLSD.
    Windows,
    /// By LIST in a way nobody knows; no MLSD.
    Odd,
}

/// What it does with renames.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Renames {
    /// Replaces what is there, as vsftpd does.
    #[default]
    Replaces,
    /// Replaces, and takes no other command between the halves, as ProFTPD does.
    WaitsForTheOtherHalf,
    /// Refuses a name that is taken.
    RefusesTaken,
    /// Does not know the command.
    Unknown,
    /// Refuses at the second half.
    RefusesAtLast,
}

/// What is wrong with it.
#[derive(Clone, Default)]
pub struct Faults {
    pub listing: Listing,
    pub renames: Renames,
    /// Knows no REST.
    pub no_rest: bool,
    /// Knows no FEAT, and says so in one line.
    pub no_feat: bool,
    /// Knows no SIZE.
    pub no_size: bool,
    /// Refuses to write over a file.
    pub no_overwrite: bool,
    /// Refuses whatever changes something.
    pub read_only: bool,
    /// Refuses uploads for want of room: at once, or in their middle.
    pub full: Option<Full>,
    /// Keeps so many bytes of an upload and calls it complete.
    pub cuts_uploads: Option<usize>,
    /// Says after a download that it failed.
    pub denies_downloads: bool,
    /// Announces an address of another network for data.
    pub behind_nat: bool,
    /// Answers this command no more, and leaves the connection open.
    pub silent_at: Option<&'static str>,
    /// Sends lines without end in place of a listing.
    pub endless_listing: bool,
    /// Breaks all off after so many bytes in either direction, once.
    pub cut_after: Option<usize>,
    /// Accepts nobody.
    pub gone: bool,
    /// Accepts no password.
    pub locked: bool,
    /// Breaks down at this command as vsftpd does: two of its processes say so, and the line is closed.
    pub breaks_down_at: Option<&'static str>,
}

/// When it notices that it is full.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Full {
    AtOnce,
    InTheMiddle,
}

/// What it keeps, and what it is told to do.
#[derive(Default)]
pub struct State {
    pub faults: Faults,
    pub files: BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<String>,
    /// The commands it got, for tests that count.
    pub commands: Vec<String>,
    /// Bytes that went over the line.
    pub passed: usize,
    /// Bytes of uploads and of downloads.
    pub uploaded: usize,
    pub downloaded: usize,
}

#[derive(Clone)]
pub struct FtpServer {
    state: Arc<Mutex<State>>,
    port: u16,
}

impl FtpServer {
    pub fn start(faults: Faults) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let folders = BTreeSet::from(["/".to_owned(), "/place".to_owned()]);
        let server = Self { state: Arc::new(Mutex::new(State { faults, folders, ..State::default() })), port };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), server) = (stream, accepting.clone()) else { continue };
                // Answers follow each other without waiting for the other side's acknowledgement.
                let _ = stream.set_nodelay(true);
                if !server.state().faults.gone {
                    std::thread::spawn(move || drop(Session::new(server, stream).run()));
                }
            }
        });
        server
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn address(&self) -> String {
        format!("ftp://anna@127.0.0.1:{}/place", self.port)
    }

    /// Counts bytes; an error once where all is to break off.
    fn passed(&self, bytes: usize) -> std::io::Result<()> {
        let mut state = self.state();
        state.passed += bytes;
        match state.faults.cut_after {
            Some(most) if state.passed > most => {
                state.faults.cut_after = None;
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
            _ => Ok(()),
        }
    }
}

struct Session {
    server: FtpServer,
    control: TcpStream,
    folder: String,
    binary: bool,
    offset: usize,
    rename: Option<String>,
    data: Option<TcpListener>,
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.control.shutdown(Shutdown::Both);
    }
}

impl Session {
    fn new(server: FtpServer, control: TcpStream) -> Self {
        Self { server, control, folder: "/".into(), binary: false, offset: 0, rename: None, data: None }
    }

    fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.server.passed(line.len() + 2)?;
        self.control.write_all(format!("{line}\r\n").as_bytes())
    }

    fn run(&mut self) -> std::io::Result<()> {
        self.say("220-Welcome\r\n220 to the faulty server")?;
        let mut lines = BufReader::new(self.control.try_clone()?);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 || self.server.state().faults.gone {
                return Ok(());
            }
            self.server.passed(line.len())?;
            let line = line.trim_end();
            let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
            self.server.state().commands.push(line.to_owned());
            if self.server.state().faults.silent_at == Some(command) {
                std::thread::sleep(Duration::from_secs(3600));
            }
            if self.server.state().faults.breaks_down_at == Some(command) {
                self.say("500 OOPS: vsf_sysutil_recv_peek: no data\r\n500 OOPS: child died")?;
                // It ends when the other side does: what it was told meanwhile is not answered.
                while lines.read_line(&mut String::new())? > 0 {}
                return Ok(());
            }
            self.obey(command, argument)?;
            if command == "QUIT" {
                return Ok(());
            }
        }
    }

    fn path(&self, argument: &str) -> String {
        match argument {
            "" => self.folder.clone(),
            argument if argument.starts_with('/') => argument.to_owned(),
            argument => format!("{}/{argument}", self.folder.trim_end_matches('/')),
        }
    }

    fn obey(&mut self, command: &str, argument: &str) -> std::io::Result<()> {
        let (path, faults) = (self.path(argument), self.server.state().faults.clone());
        let changes = ["STOR", "APPE", "DELE", "MKD", "RNFR"].contains(&command);
        if changes && faults.read_only {
            return self.say("550 Permission denied.");
        }
        if !["RNTO", "QUIT"].contains(&command) && self.rename.is_some() {
            if faults.renames == Renames::WaitsForTheOtherHalf {
                return self.say("501 Bad sequence of commands");
            }
            self.rename = None;
        }
        match command {
            "USER" => self.say("331 Password?"),
            "PASS" if faults.locked => self.say("530 Login incorrect."),
            "PASS" => self.say("230 Hello"),
            "TYPE" => {
                self.binary = argument == "I";
                self.say("200 OK")
            }
            "FEAT" if faults.no_feat => self.say("211 No features"),
            "FEAT" => {
                let mlsd = if faults.listing == Listing::Facts { " MLST type*;size*;\r\n" } else { "" };
                let rest = if faults.no_rest { "" } else { " REST STREAM\r\n" };
                self.say(&format!("211-Features:\r\n{mlsd}{rest} SIZE\r\n211 End"))
            }
            "NOOP" | "QUIT" => self.say("200 OK"),
            "PWD" => self.say(&format!("257 \"{}\" is here", self.folder)),
            "CWD" if self.server.state().folders.contains(&path) => {
                self.folder = path;
                self.say("250 OK")
            }
            "CWD" => self.say("550 Failed to change directory."),
            "MKD" => {
                let above = path.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
                let mut state = self.server.state();
                let made = (above.is_empty() || state.folders.contains(&above)) && state.folders.insert(path);
                drop(state);
                self.say(if made { "257 made" } else { "550 Create directory operation failed." })
            }
            "PASV" => self.listen(faults.behind_nat),
            "MLSD" if faults.listing == Listing::Facts => self.list(&faults, Listing::Facts, false),
            "LIST" if faults.listing == Listing::Facts => self.list(&faults, Listing::Unix, false),
            "LIST" => self.list(&faults, faults.listing, false),
            "NLST" => self.list(&faults, Listing::Facts, true),
            "SIZE" if !faults.no_size => match self.file(&path).map(|file| file.len()) {
                Some(size) if self.binary => self.say(&format!("213 {size}")),
                Some(_) => self.say("550 SIZE not allowed in ASCII mode"),
                None => self.say("550 Could not get file size."),
            },
            "REST" if !faults.no_rest => {
                self.offset = argument.parse().unwrap();
                self.say("350 Restart position accepted")
            }
            "RETR" => self.send(&path, &faults),
            "STOR" | "APPE" => self.receive(&path, command == "APPE", &faults),
            "DELE" => {
                let gone = self.server.state().files.remove(&path).is_some();
                self.say(if gone { "250 deleted" } else { "550 Delete operation failed." })
            }
            "RNFR" if faults.renames != Renames::Unknown => match self.file(&path) {
                Some(_) => {
                    self.rename = Some(path);
                    self.say("350 Ready for RNTO.")
                }
                None => self.say("550 RNFR command failed."),
            },
            "RNTO" if faults.renames != Renames::Unknown => self.rename_to(path, faults.renames),
            _ => self.say("502 Command not implemented."),
        }
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.server.state().files.get(path).cloned()
    }

    fn rename_to(&mut self, path: String, renames: Renames) -> std::io::Result<()> {
        let Some(from) = self.rename.take() else { return self.say("503 RNFR required first.") };
        let mut state = self.server.state();
        let refused = renames == Renames::RefusesAtLast || renames == Renames::RefusesTaken && state.files.contains_key(&path);
        let file = if refused { None } else { state.files.remove(&from) };
        let done = file.map(|file| state.files.insert(path, file)).is_some();
        drop(state);
        self.say(if done { "250 Rename successful." } else { "550 Rename failed." })
    }

    fn listen(&mut self, behind_nat: bool) -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        self.data = Some(listener);
        let host = if behind_nat { "10,1,2,3" } else { "127,0,0,1" };
        self.say(&format!("227 Entering Passive Mode ({host},{},{}).", port >> 8, port & 255))
    }

    fn data(&mut self) -> std::io::Result<TcpStream> {
        let listener = self.data.take().ok_or(std::io::ErrorKind::NotConnected)?;
        self.say("150 Here it comes.")?;
        Ok(listener.accept()?.0)
    }

    fn list(&mut self, faults: &Faults, how: Listing, names_only: bool) -> std::io::Result<()> {
        let here = format!("{}/", self.folder.trim_end_matches('/'));
        let inside = |path: &str| path.strip_prefix(&here).filter(|rest| !rest.is_empty() && !rest.contains('/')).map(str::to_owned);
        let mut text = String::new();
        let line = |name: &str, bytes: Option<usize>| match (how, bytes) {
            _ if names_only => format!("{name}\r\n"),
            (Listing::Facts, Some(bytes)) => format!("modify=20261128064643;type=file;size={bytes}; {name}\r\n"),
            (Listing::Facts, None) => format!("type=dir; {name}\r\n"),
            (Listing::Unix, Some(bytes)) => format!("-rw-r--r--    1 1000     1000     {bytes:>8} Nov 28 06:46 {name}\r\n"),
            (Listing::Unix, None) => format!("drwxr-xr-x    2 1000     1000         4096 Nov 28 06:46 {name}\r\n"),
            (Listing::Windows, Some(bytes)) => format!("11-28-26  06:46AM {bytes:>20} {name}\r\n"),
            (Listing::Windows, None) => format!("11-28-26  06:46AM       <DIR>          {name}\r\n"),
            (Listing::Odd, _) => format!("+i8388621.48594,m825718503,r,/,\t{name}\r\n"),
        };
        let state = self.server.state();
        for folder in &state.folders {
            text.extend(inside(folder).map(|name| line(&name, None)));
        }
        for (path, file) in &state.files {
            text.extend(inside(path).map(|name| line(&name, Some(file.len()))));
        }
        drop(state);
        let mut data = self.data()?;
        if faults.endless_listing {
            text = "x".repeat(1_000_000);
        }
        self.server.passed(text.len())?;
        data.write_all(text.as_bytes())?;
        drop(data);
        self.say("226 Directory send OK.")
    }

    fn send(&mut self, path: &str, faults: &Faults) -> std::io::Result<()> {
        let offset = std::mem::take(&mut self.offset);
        let Some(mut file) = self.file(path) else { return self.say("550 Failed to open file.") };
        if !self.binary {
            file = String::from_utf8_lossy(&file).replace('\n', "\r\n").into_bytes();
        }
        let mut data = self.data()?;
        for piece in file[offset.min(file.len())..].chunks(1000) {
            self.server.passed(piece.len())?;
            self.server.state().downloaded += piece.len();
            data.write_all(piece)?;
        }
        drop(data);
        self.say(if faults.denies_downloads { "426 Failure writing network stream." } else { "226 Transfer complete." })
    }

    fn receive(&mut self, path: &str, append: bool, faults: &Faults) -> std::io::Result<()> {
        let (taken, folder) = (self.file(path), path.rsplit_once('/').map_or("", |(above, _)| above).to_owned());
        if taken.is_some() && faults.no_overwrite && !append {
            return self.say("550 Overwrite permission denied");
        }
        if !self.server.state().folders.contains(&folder) {
            return self.say("553 Could not create file.");
        }
        if faults.full == Some(Full::AtOnce) {
            return self.say("552 Requested file action aborted: exceeded storage allocation");
        }
        let mut data = self.data()?;
        let before = if append { taken.unwrap_or_default() } else { Vec::new() };
        let mut received = 0;
        self.server.state().files.insert(path.to_owned(), before);
        let mut piece = vec![0; 1000];
        loop {
            let read = data.read(&mut piece)?;
            if read == 0 {
                break;
            }
            self.server.passed(read)?;
            let kept = faults.cuts_uploads.map_or(read, |most| read.min(most.saturating_sub(received)));
            received += read;
            let mut state = self.server.state();
            state.uploaded += read;
            let whole = state.files.entry(path.to_owned()).or_default();
            if self.binary {
                whole.extend(&piece[..kept]);
            } else {
                whole.extend(piece[..kept].iter().filter(|byte| **byte != b'\r'));
            }
            drop(state);
            if faults.full == Some(Full::InTheMiddle) {
                drop(data);
                return self.say("451 Failure writing to local file: No space left on device");
            }
        }
        self.say("226 Transfer complete.")
    }
}
