//! A server of the interop tests, running as long as the value lives. `run` beside this file starts it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod line;

use std::cell::RefCell;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use line::Line;

use fieldpost::exchange::{Access, Exchange, Secret, contract, open_exchange};

/// Says what is not tested here and why, past the harness, which keeps what a passing test prints to itself.
pub fn skipped(why: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {why}\n").as_bytes()).unwrap();
}

/// Ports after the server's own that FTP servers take for data.
const PASSIVE: u16 = 10;

/// At least as many as the contract takes.
const PLACES: usize = 60;

/// A running server and the folder it serves.
pub struct Server {
    name: &'static str,
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    fresh: AtomicU32,
}

impl Server {
    /// Starts `NAME.sh` on a free port and waits until it answers.
    pub fn start(name: &'static str) -> Self {
        Self::start_with(name, &[])
    }

    /// With more in its environment: what one script offers in several ways.
    pub fn start_with(name: &'static str, environment: &[(&str, &str)]) -> Self {
        Self::start_until(name, environment, |server| TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).is_ok())
    }

    /// Waits until it is `ready`.
    fn start_until(name: &'static str, environment: &[(&str, &str)], ready: impl Fn(&Self) -> bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Servers that give up their rights must be able to enter.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/servers/run");
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("bash");
        command.arg(script).arg(name).arg(folder.path().join("served")).arg(port.to_string()).envs(environment.iter().copied());
        command.env("PASSIVE", format!("{} {}", port + 1, port + PASSIVE));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let mut server = Self { name, child: command.spawn().unwrap(), folder, port, fresh: AtomicU32::new(0) };
        for _ in 0..200 {
            if ready(&server) {
                return server;
            }
            assert!(server.child.try_wait().unwrap().is_none(), "{name} ended: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} does not answer: {}", server.log());
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A line to it, on the same ports as the server.
    pub fn line(&self) -> Line {
        Line::to(self.port..=self.port + PASSIVE)
    }

    /// The folder the server serves.
    pub fn served(&self) -> PathBuf {
        self.folder.path().join("served")
    }

    /// Where it keeps its settings, keys and certificates.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("served.state")
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A folder in the served one that nobody has used, which everybody may write to; gives its name.
    pub fn fresh_folder(&self) -> String {
        let name = format!("place{}", self.fresh.fetch_add(1, Ordering::Relaxed));
        let folder = self.served().join(&name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        name
    }

    /// The login all servers know.
    pub fn access(&self) -> Access {
        Access { user: Some("field".to_owned()), password: Some(Secret::new("post")), ..Access::default() }
    }

    /// Runs the contract suite; `address` makes one of the name of a fresh folder.
    pub fn contract(&self, access: &Access, address: impl Fn(&str) -> String) {
        // rclone remembers for minutes what lies in a folder: what is made beside it must be there before it looks.
        let places: Vec<String> = (0..PLACES).map(|_| self.fresh_folder()).collect();
        let places = RefCell::new(places.iter());
        let fresh = || places.borrow_mut().next().expect("the contract takes no more places");
        contract::contract(|| -> Box<dyn Exchange> { open_exchange(&address(fresh()), access).unwrap() });
    }
}

/// A port with [`PASSIVE`] others after it, which no other server gets: not of those that the system gives to whoever asks for any. Of two servers
/// that shared one, clients of one came to the other, or vsftpd broke down over it.
fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const EACH: u16 = PASSIVE + 1;
    const MOST: u32 = 20_000 / EACH as u32;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let next = || {
        let place = (std::process::id().wrapping_mul(31) + TAKEN.fetch_add(1, Ordering::Relaxed)) % MOST;
        FIRST + EACH * u16::try_from(place).unwrap()
    };
    let is_free = |port: &u16| (*port..=port + PASSIVE).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    std::iter::repeat_with(next).find(is_free).unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group: some servers fork a child for every connection.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.log());
        }
    }
}

/// Samba's share, mounted through FUSE.
pub struct Share(Server);

impl Share {
    /// None, with the reason printed, where nothing can be mounted or port 445 is not ours.
    pub fn mount() -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let fuse = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse").is_ok();
        if !root || !fuse {
            let why = if fuse { "only root may listen on port 445" } else { "/dev/fuse cannot be opened" };
            skipped(&format!("no SMB share is mounted here: {why}"));
            return None;
        }
        Some(Self(Server::start_until("samba", &[], |server| server.state().join("mounted").exists())))
    }

    /// The share on the server's side.
    pub fn server(&self) -> &Server {
        &self.0
    }

    /// Where it is mounted.
    pub fn mounted(&self) -> PathBuf {
        std::fs::read_to_string(self.0.state().join("mounted")).unwrap().into()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mount = self.0.folder.path().join("served.mount");
        let _ = Command::new("fusermount3").arg("-uz").arg(mount).status();
    }
}
