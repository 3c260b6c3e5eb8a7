//! The SFTP exchange by the real `ssh` program against the servers people run: OpenSSH, ProFTPD's mod_sftp, rclone.
//!
//! The tests keep out of the `~/.ssh` of whoever runs them: the program they start is a line of shell that starts `ssh` with a
//! configuration of their own.

mod servers;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fieldpost::exchange::{
    Access, Address, Content, Entry, Exchange, ExchangeError, FileName, Folder, Meter, Secret, SftpExchange, contract, deposit, fetch,
    mark, reach, waiting,
};
use fieldpost::world::{Faults, SystemClock, World};
use servers::{Server, line};

/// How this machine meets a server: what stands in its ssh configuration, and a program that answers for the password.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// One that knows the server and has the key it accepts.
    fn new(server: &Server) -> Self {
        Self::with(&server.state().join("known_hosts"), &server.state().join("user_key"), server.port())
    }

    fn with(known_hosts: &Path, key: &Path, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (known_hosts, key) = (known_hosts.display(), key.display());
        let config = format!(
            "Host office\n  HostName 127.0.0.1\n  Port {port}\nHost {}\n  HostKeyAlias [127.0.0.1]:{port}\nHost *\n  UserKnownHostsFile {known_hosts}\n  GlobalKnownHostsFile /dev/null\n  \
             IdentityFile {key}\n  IdentitiesOnly yes\n  IdentityAgent none\n  ControlPath none\n",
            line::END
        );
        std::fs::write(folder.path().join("config"), config).unwrap();
        let machine = Self { folder };
        machine.program("ssh", &format!("exec ssh -F '{}' \"$@\"", machine.path("config").display()));
        machine.program("askpass", "case $1 in *assword*) printenv FIELDPOST_SSH_PASSWORD ;; *) exit 1 ;; esac");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, line: &str) {
        std::fs::write(self.path(name), format!("#!/bin/sh\n{line}\n")).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn exchange(&self, address: &str, access: &Access) -> SftpExchange {
        let Ok(Address::Server(server)) = Address::parse(address) else { panic!("{address}") };
        SftpExchange::by(self.path("ssh"), server, access).unwrap()
    }

    /// User `field` with a password.
    fn login(&self, password: &str) -> Access {
        let (user, password) = (Some("field".to_owned()), Some(Secret::new(password)));
        Access { user, password, askpass: Some(self.path("askpass")), ..Access::default() }
    }
}

fn keys() -> Access {
    Access::default()
}

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn folder() -> Folder {
    Folder::new("head/anna").unwrap()
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n ^ n >> 8 ^ n >> 16) as u8).collect()
}

fn counting() -> (Meter, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let listener = move |bytes| {
        counted.fetch_add(bytes, Ordering::Relaxed);
    };
    (Meter::new(None, Some(Box::new(listener))), count)
}

/// A part of a file that a broken line left there is not sent again: `sent` MiB are.
fn goes_on_where_it_stopped(server: &Server, exchange: &mut SftpExchange, place: &str, count: &AtomicU64, sent: u64) {
    let world = world();
    mark(&world, exchange).unwrap();
    let reached = reach(&world, exchange).unwrap();
    deposit(&world, exchange, &reached, &folder(), &name("small"), Content::Bytes(b"x")).unwrap();
    let whole = content(12 << 20);
    std::fs::write(server.served().join(place).join("head/anna/x.part"), &whole[..8 << 20]).unwrap();
    let before = count.load(Ordering::Relaxed);
    deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(&whole)).unwrap();
    assert_eq!(count.load(Ordering::Relaxed) - before, sent << 20);
    assert!(std::fs::read(server.served().join(place).join("head/anna/x")).unwrap() == whole);
    let inbox = tempfile::tempdir().unwrap();
    std::fs::write(inbox.path().join("x.part"), &whole[..5 << 20]).unwrap();
    let before = count.load(Ordering::Relaxed);
    let entry = Entry { name: name("x"), bytes: whole.len() as u64 };
    let path = fetch(&world, exchange, &folder(), &entry, inbox.path()).unwrap();
    assert!(std::fs::read(path).unwrap() == whole);
    assert_eq!(count.load(Ordering::Relaxed) - before, 7 << 20);
}

/// Whatever a rename does on that server: ours takes no name that is taken.
fn keeps_what_is_there(exchange: &mut SftpExchange) {
    let world = world();
    mark(&world, exchange).unwrap();
    for (file, text) in [("old", "old"), ("new", "new!")] {
        exchange.put(&world, &folder(), &name(file), Content::Bytes(text.as_bytes())).unwrap();
    }
    let taken = exchange.rename(&world, &folder(), &name("new"), &name("old"));
    assert!(matches!(taken, Err(ExchangeError::Exists { .. })), "{taken:?}");
    let found = waiting(&world, exchange, &folder(), |_| true).unwrap();
    assert_eq!(found.iter().map(|entry| entry.bytes).collect::<Vec<_>>(), [4, 3]);
    exchange.rename(&world, &folder(), &name("new"), &name("free")).unwrap();
    let gone = exchange.rename(&world, &folder(), &name("new"), &name("free2"));
    assert!(matches!(gone, Err(ExchangeError::Missing { .. })), "{gone:?}");
}

/// MB a second, up and down, beside what the `sftp` program makes of the same file.
fn say_how_fast(what: &str, machine: &Machine, exchange: &mut SftpExchange, destination: &[&str], place: &str) {
    let world = world();
    mark(&world, exchange).unwrap();
    let reached = reach(&world, exchange).unwrap();
    let (local, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let megabytes = 100;
    let file = local.path().join("large");
    std::fs::write(&file, content(megabytes << 20)).unwrap();
    let rate = |began: Instant| megabytes as f64 * 1.048_576 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    deposit(&world, exchange, &reached, &folder(), &name("large"), Content::File(&file)).unwrap();
    let up = rate(began);
    let entry = waiting(&world, exchange, &folder(), |_| true).unwrap().remove(0);
    let began = Instant::now();
    let fetched = fetch(&world, exchange, &folder(), &entry, inbox.path()).unwrap();
    let down = rate(began);
    assert_eq!(std::fs::metadata(fetched).unwrap().len(), (megabytes << 20) as u64);
    let by_sftp = |line: String| {
        let config = machine.path("config");
        let mut command = Command::new("sftp");
        command.args(["-q", "-b", "-", "-F", config.to_str().unwrap()]).args(destination).stdin(Stdio::piped()).stdout(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        rate(began)
    };
    let sftp_up = by_sftp(format!("put -f {} {place}/by-sftp\n", file.display()));
    let sftp_down = by_sftp(format!("get {place}/by-sftp {}\n", local.path().join("by-sftp").display()));
    println!("{what}: up {up:.0} MB/s (sftp: {sftp_up:.0}), down {down:.0} MB/s (sftp: {sftp_down:.0})");
}

#[test]
#[ignore = "needs openssh-server: run by .ci/run"]
fn openssh_keeps_the_contract() {
    let server = Server::start("openssh");
    let machine = Machine::new(&server);
    let address = |place: &str| format!("sftp://127.0.0.1:{}/{place}", server.port());
    contract::contract(|| Box::new(machine.exchange(&address(&server.fresh_folder()), &keys())));
    let (meter, count) = counting();
    let place = server.fresh_folder();
    let mut exchange = machine.exchange(&address(&place), &Access { meter, ..keys() });
    // 4 MiB are missing, 2 MiB are sent again to be sure.
    goes_on_where_it_stopped(&server, &mut exchange, &place, &count, 6);
    keeps_what_is_there(&mut machine.exchange(&address(&server.fresh_folder()), &keys()));
    let place = server.fresh_folder();
    say_how_fast("OpenSSH", &machine, &mut machine.exchange(&address(&place), &keys()), &["office"], &place);
}

#[test]
#[ignore = "needs proftpd-mod-crypto: run by .ci/run"]
fn proftpd_keeps_the_contract_by_key_and_by_password() {
    let server = Server::start("proftpd_sftp");
    let machine = Machine::new(&server);
    let address = |place: &str| format!("sftp://field@127.0.0.1:{}/{place}", server.port());
    contract::contract(|| Box::new(machine.exchange(&address(&server.fresh_folder()), &keys())));
    let (meter, count) = counting();
    let place = server.fresh_folder();
    let mut exchange = machine.exchange(&address(&place), &Access { meter, ..keys() });
    // 4 MiB are missing, 2 MiB are sent again to be sure.
    goes_on_where_it_stopped(&server, &mut exchange, &place, &count, 6);
    keeps_what_is_there(&mut machine.exchange(&address(&server.fresh_folder()), &keys()));
    let place = server.fresh_folder();
    say_how_fast("mod_sftp", &machine, &mut machine.exchange(&address(&place), &keys()), &["field@office"], &place);
    let stranger = Machine::with(&server.state().join("known_hosts"), Path::new("/no/key"), server.port());
    let place = server.fresh_folder();
    mark(&world(), &mut stranger.exchange(&address(&place), &stranger.login("post"))).expect("the password is right");
    let began = Instant::now();
    let wrong = reach(&world(), &mut stranger.exchange(&address(&place), &stranger.login("hunter2"))).unwrap_err();
    assert!(matches!(&wrong, ExchangeError::Refused { reason, .. } if reason.contains("with this password")), "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("hunter2") && began.elapsed() < Duration::from_secs(20));
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn rclone_keeps_the_contract() {
    let server = Server::start("rclone_sftp");
    let machine = Machine::with(&server.state().join("known_hosts"), Path::new("/no/key"), server.port());
    let address = |place: &str| format!("sftp://127.0.0.1:{}/{place}", server.port());
    contract::contract(|| Box::new(machine.exchange(&address(&server.fresh_folder()), &machine.login("post"))));
    keeps_what_is_there(&mut machine.exchange(&address(&server.fresh_folder()), &machine.login("post")));
    let (meter, count) = counting();
    let place = server.fresh_folder();
    let mut exchange = machine.exchange(&address(&place), &Access { meter, ..machine.login("post") });
    // It continues no file, and says so only after the first 2 MiB: then all of it is sent anew.
    goes_on_where_it_stopped(&server, &mut exchange, &place, &count, 2 + 12);
}

#[test]
#[ignore = "needs openssh-server: run by .ci/run"]
fn what_ssh_knows_counts_and_what_it_does_not_is_said() {
    let server = Server::start("openssh");
    let machine = Machine::new(&server);
    let place = server.served().join(server.fresh_folder());
    mark(&world(), &mut machine.exchange(&format!("sftp://office/{}", place.display()), &keys()))
        .expect("an alias, and a path from the root");
    let marker = place.join("fieldpost-exchange.json");
    assert!(marker.exists());
    let typo = mark(&world(), &mut machine.exchange("sftp://office/no/such/folder", &keys())).unwrap_err();
    assert!(matches!(typo, ExchangeError::Unreachable { .. }), "{typo:?}");
    let file = mark(&world(), &mut machine.exchange(&format!("sftp://office/{}", marker.display()), &keys())).unwrap_err();
    assert!(matches!(file, ExchangeError::Refused { .. }), "{file:?}");

    let refused = |machine: &Machine, words: &[&str]| {
        let error = reach(&world(), &mut machine.exchange("sftp://office", &keys())).unwrap_err();
        assert!(matches!(error, ExchangeError::Refused { .. }), "{error:?}");
        assert!(words.iter().all(|words| error.to_string().contains(words)), "{error}");
    };
    let (known_hosts, key) = (server.state().join("known_hosts"), server.state().join("user_key"));
    refused(&Machine::with(Path::new("/dev/null"), &key, server.port()), &["does not know the server's key yet", "`ssh office` once"]);
    let other = tempfile::tempdir().unwrap();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(other.path().join("key")).status();
    assert!(made.unwrap().success());
    refused(&Machine::with(&known_hosts, &other.path().join("key"), server.port()), &["none of this machine's keys", "Permission denied"]);
    let public = std::fs::read_to_string(other.path().join("key.pub")).unwrap();
    std::fs::write(other.path().join("known_hosts"), format!("[127.0.0.1]:{} {public}", server.port())).unwrap();
    refused(&Machine::with(&other.path().join("known_hosts"), &key, server.port()), &["another key"]);
    let asked = Machine::with(Path::new("/dev/null"), &key, server.port());
    let error = reach(&world(), &mut asked.exchange("sftp://office", &asked.login("post"))).unwrap_err();
    assert!(error.to_string().contains("does not know the server's key yet"), "a password is no answer to that question: {error}");

    let away = |address: &str, words: &str| {
        let error = reach(&world(), &mut machine.exchange(address, &keys())).unwrap_err();
        assert!(matches!(error, ExchangeError::Unreachable { .. }) && error.to_string().contains(words), "{error:?}");
    };
    away("sftp://127.0.0.1:1/x", "Connection refused");
    away("sftp://no-such-machine.invalid/x", "resolve");
    let broken = Machine::new(&server);
    std::fs::write(broken.path("config"), "NoSuchOption yes\n").unwrap();
    refused(&broken, &["cannot use its configuration"]);
    broken.program("ssh", "echo 'Welcome to this machine'; sleep 5");
    refused(&broken, &["must print nothing"]);
    std::fs::remove_file(broken.path("ssh")).unwrap();
    refused(&broken, &["install OpenSSH's client"]);

    let mut exchange = machine.exchange(&format!("sftp://office/{}", place.display()), &keys());
    reach(&world(), &mut exchange).unwrap();
    drop(server);
    let error = exchange.list(&world(), &folder()).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error:?}");
}

#[test]
#[ignore = "needs openssh-server: run by .ci/run"]
fn a_server_that_takes_nothing_and_a_disk_that_is_full_are_told_apart() {
    let (world, whole) = (world(), content(3 << 20));
    let server = Server::start("openssh");
    let machine = Machine::new(&server);
    let place = server.fresh_folder();
    let mut exchange = machine.exchange(&format!("sftp://office/{place}"), &keys());
    mark(&world, &mut exchange).unwrap();
    let reached = reach(&world, &mut exchange).unwrap();
    let on = server.served().join(&place).join("head");
    std::fs::create_dir(&on).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "fieldpost-test"]).arg(&on).stderr(Stdio::null()).status();
    if mounted.is_ok_and(|status| status.success()) {
        let mut exchange = machine.exchange(&format!("sftp://office/{place}/head"), &keys());
        mark(&world, &mut exchange).unwrap();
        let full = deposit(&world, &mut exchange, &reached, &folder(), &name("x"), Content::Bytes(&whole));
        let unmounted = Command::new("umount").arg("-l").arg(&on).status().unwrap();
        assert!(unmounted.success());
        assert!(matches!(full, Err(ExchangeError::Full { .. })), "{full:?}");
    } else {
        servers::skipped("the full disk: this user may not mount one");
    }
    let read_only = Server::start_with("openssh", &[("SFTP", "read-only")]);
    let machine = Machine::new(&read_only);
    std::fs::copy(server.served().join(&place).join("fieldpost-exchange.json"), read_only.served().join("fieldpost-exchange.json"))
        .unwrap();
    let mut exchange = machine.exchange("sftp://office", &keys());
    let reached = reach(&world, &mut exchange).unwrap();
    let put = deposit(&world, &mut exchange, &reached, &folder(), &name("x"), Content::Bytes(&whole));
    assert!(matches!(put, Err(ExchangeError::ReadOnly { .. })), "{put:?}");
}

#[test]
#[ignore = "needs openssh-server, proftpd-mod-crypto and rclone: run by .ci/run"]
fn a_bad_line_harms_nothing() {
    for name in ["openssh", "proftpd_sftp", "rclone_sftp"] {
        let server = Server::start(name);
        let (machine, access) = match name {
            "rclone_sftp" => {
                let machine = Machine::with(&server.state().join("known_hosts"), Path::new("/no/key"), server.port());
                let access = machine.login("post");
                (machine, access)
            }
            _ => (Machine::new(&server), keys()),
        };
        let user = if name == "openssh" { "" } else { "field@" };
        let address = format!("sftp://{user}{}:{}/{}", line::END, server.port(), server.fresh_folder());
        line::harms_nothing(&server.line(), || Box::new(machine.exchange(&address, &access)));
    }
}
