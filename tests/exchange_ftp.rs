//! The FTP exchange against a server that misbehaves as real ones do: what a person gets each time, and that no wrong file is taken.
#![cfg(feature = "ftp")]

#[path = "exchange_ftp/server.rs"]
mod server;

use std::time::{Duration, Instant};

use fieldpost::exchange::{
    Access, Address, Capabilities, Content, Deposited, Entry, Exchange, ExchangeError, FileName, Folder, FtpExchange, Put, Reached, Rename,
    Retrying, Secret, contract, deposit, fetch, mark, open_exchange, reach, waiting,
};
use fieldpost::world::{Faults as Crashes, SystemClock, World};
use server::{Faults, FtpServer, Full, Listing, Renames};

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Crashes::none())
}

fn folder() -> Folder {
    Folder::new("head/anna").unwrap()
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn access() -> Access {
    Access { password: Some(Secret::new("hunter2")), ..Access::default() }
}

/// With the wrapper that tries again.
fn retrying(server: &FtpServer) -> Retrying<Box<dyn Exchange>> {
    Retrying::new(open_exchange(&server.address(), &access()).unwrap())
}

/// With less patience than people have, and without the wrapper.
fn impatient(server: &FtpServer) -> FtpExchange {
    let Ok(Address::Server(address)) = Address::parse(&server.address()) else { panic!("it is a server's") };
    FtpExchange::new(address, &access()).unwrap().with_patience(Duration::from_millis(200))
}

/// A marked exchange, before anything goes wrong.
fn ready(server: &FtpServer, exchange: &mut dyn Exchange) -> Reached {
    let faults = std::mem::take(&mut server.state().faults);
    mark(&world(), exchange).unwrap();
    server.state().faults = faults;
    reach(&world(), exchange).unwrap()
}

fn put_x(exchange: &mut dyn Exchange, reached: &Reached) -> Result<Deposited, ExchangeError> {
    deposit(&world(), exchange, reached, &folder(), &name("x"), Content::Bytes(b"whole"))
}

fn kept(server: &FtpServer, name: &str) -> Option<Vec<u8>> {
    server.state().files.get(&format!("/place/head/anna/{name}")).cloned()
}

fn keeps_the_contract(faults: &Faults) {
    contract::contract(|| open_exchange(&FtpServer::start(faults.clone()).address(), &access()).unwrap());
}

#[test]
fn a_server_without_faults_keeps_the_contract() {
    keeps_the_contract(&Faults::default());
}

#[test]
fn servers_without_mlsd_keep_the_contract() {
    for listing in [Listing::Unix, Listing::Windows, Listing::Odd] {
        keeps_the_contract(&Faults { listing, ..Faults::default() });
    }
}

#[test]
fn servers_that_know_little_keep_the_contract() {
    keeps_the_contract(&Faults { no_feat: true, no_size: true, no_rest: true, listing: Listing::Unix, ..Faults::default() });
    keeps_the_contract(&Faults { no_rest: true, no_overwrite: true, ..Faults::default() });
}

#[test]
fn servers_that_refuse_renames_keep_the_contract() {
    for renames in [Renames::Unknown, Renames::RefusesAtLast] {
        keeps_the_contract(&Faults { renames, ..Faults::default() });
    }
}

#[test]
fn a_server_that_tells_no_sizes_is_refused_and_not_taken_for_empty() {
    let server = FtpServer::start(Faults { listing: Listing::Odd, no_size: true, ..Faults::default() });
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    let error = put_x(&mut exchange, &reached).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }), "{error}");
}

#[test]
fn what_a_server_does_with_renames_is_seen_without_renaming() {
    for (renames, expected) in [
        (Renames::Replaces, Rename::MayReplace),
        (Renames::WaitsForTheOtherHalf, Rename::MayReplace),
        (Renames::RefusesTaken, Rename::MayReplace),
        (Renames::Unknown, Rename::Unsupported),
    ] {
        let server = FtpServer::start(Faults { renames, ..Faults::default() });
        let mut exchange = impatient(&server);
        let reached = ready(&server, &mut exchange);
        assert_eq!(reached.capabilities(), Capabilities { rename: expected, put: Put::MayBeShort });
        let before = server.state().files.clone();
        reach(&world(), &mut exchange).unwrap();
        assert_eq!(server.state().files, before, "asking changed something");
        exchange.list(&world(), &folder()).expect("the question is taken back");
    }
}

#[test]
fn a_cut_off_upload_that_is_called_a_success_is_found_and_mended() {
    let server = FtpServer::start(Faults { cuts_uploads: Some(3), ..Faults::default() });
    let mut exchange = retrying(&server);
    let reached = ready(&server, &mut exchange);
    let short = put_x(&mut exchange, &reached).unwrap_err();
    assert!(matches!(short, ExchangeError::SizeDiffers { expected: 5, found: 3, .. }) && short.retry_helps(), "{short}");
    server.state().faults = Faults::default();
    assert_eq!(put_x(&mut exchange, &reached).unwrap(), Deposited::Mended { found: 3 });
    assert_eq!(kept(&server, "x").unwrap(), b"whole");
}

#[test]
fn a_download_counts_only_when_the_server_says_so() {
    let server = FtpServer::start(Faults::default());
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    put_x(&mut exchange, &reached).unwrap();
    server.state().faults.denies_downloads = true;
    let inbox = tempfile::tempdir().unwrap();
    let error = fetch(&world(), &mut exchange, &folder(), &Entry { name: name("x"), bytes: 5 }, inbox.path()).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error}");
    assert!(!inbox.path().join("x").exists());
}

#[test]
fn read_only_full_and_locked_servers_are_told_apart() {
    let failed = |faults: Faults| {
        let server = FtpServer::start(faults);
        let mut exchange = impatient(&server);
        let reached = ready(&server, &mut exchange);
        let error = put_x(&mut exchange, &reached).unwrap_err();
        assert!(!error.retry_helps() && kept(&server, "x").is_none(), "{error}");
        error
    };
    assert!(matches!(failed(Faults { read_only: true, ..Faults::default() }), ExchangeError::ReadOnly { .. }));
    for full in [Full::AtOnce, Full::InTheMiddle] {
        let error = failed(Faults { full: Some(full), ..Faults::default() });
        assert!(matches!(error, ExchangeError::Full { .. }), "{error}");
    }
    let server = FtpServer::start(Faults { locked: true, ..Faults::default() });
    let error = reach(&world(), &mut impatient(&server)).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && !error.retry_helps(), "{error}");
    assert!(error.to_string().contains("(530 Login incorrect.): check the user and the password"), "{error}");
    assert!(!error.to_string().contains("hunter2") && !format!("{:?}", impatient(&server)).contains("hunter2"));
}

#[test]
fn a_file_that_may_not_be_deleted_is_no_deleted_file() {
    let server = FtpServer::start(Faults::default());
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    put_x(&mut exchange, &reached).unwrap();
    server.state().faults.read_only = true;
    let error = exchange.delete(&world(), &folder(), &name("x")).unwrap_err();
    assert!(matches!(error, ExchangeError::ReadOnly { .. }), "{error}");
    exchange.delete(&world(), &folder(), &name("y")).expect("what is not there is deleted");
}

#[test]
fn a_server_behind_nat_is_reached_at_the_address_that_answered() {
    let server = FtpServer::start(Faults { behind_nat: true, ..Faults::default() });
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    put_x(&mut exchange, &reached).unwrap();
    assert_eq!(kept(&server, "x").unwrap(), b"whole");
}

#[test]
fn silence_ends_in_an_error() {
    for command in ["USER", "PASV", "MLSD", "CWD", "STOR", "RNTO"] {
        let server = FtpServer::start(Faults::default());
        let mut exchange = impatient(&server);
        let reached = ready(&server, &mut exchange);
        if command == "USER" {
            exchange = impatient(&server);
        }
        server.state().faults.silent_at = Some(command);
        let start = Instant::now();
        let error = put_x(&mut exchange, &reached).unwrap_err();
        assert!(matches!(error, ExchangeError::Unreachable { .. }) && error.retry_helps(), "{command}: {error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{command}: it took {:?}", start.elapsed());
    }
}

#[test]
fn a_listing_without_end_is_an_error() {
    let server = FtpServer::start(Faults { endless_listing: true, ..Faults::default() });
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    let error = put_x(&mut exchange, &reached).unwrap_err();
    assert!(error.to_string().contains("has no end"), "{error}");
}

#[test]
fn a_server_that_vanishes_empties_nothing_and_is_found_again() {
    let server = FtpServer::start(Faults::default());
    let mut exchange = retrying(&server);
    let reached = ready(&server, &mut exchange);
    put_x(&mut exchange, &reached).unwrap();
    server.state().faults.gone = true;
    let entry = Entry { name: name("x"), bytes: 5 };
    let inbox = tempfile::tempdir().unwrap();
    let away = |error| matches!(error, ExchangeError::Unreachable { .. });
    assert!(away(waiting(&world(), &mut exchange, &folder(), |_| true).unwrap_err()));
    assert!(away(fetch(&world(), &mut exchange, &folder(), &entry, inbox.path()).unwrap_err()));
    assert!(away(exchange.delete(&world(), &folder(), &name("x")).unwrap_err()));
    assert!(away(put_x(&mut exchange, &reached).unwrap_err()));
    server.state().faults.gone = false;
    assert_eq!(waiting(&world(), &mut exchange, &folder(), |_| true).unwrap(), [entry]);
}

#[test]
fn a_server_that_breaks_down_is_away_and_refuses_nothing() {
    for command in ["LIST", "PASV", "SIZE", "CWD", "RETR"] {
        let server = FtpServer::start(Faults { listing: Listing::Unix, ..Faults::default() });
        let mut exchange = impatient(&server);
        let reached = ready(&server, &mut exchange);
        put_x(&mut exchange, &reached).unwrap();
        server.state().faults.breaks_down_at = Some(command);
        let entry = Entry { name: name("x"), bytes: 5 };
        let inbox = tempfile::tempdir().unwrap();
        let failed = match command {
            "SIZE" | "RETR" => fetch(&world(), &mut exchange, &folder(), &entry, inbox.path()).unwrap_err(),
            _ => exchange.list(&world(), &folder()).unwrap_err(),
        };
        assert!(matches!(failed, ExchangeError::Unreachable { .. }) && failed.to_string().contains("OOPS"), "{command}: {failed}");
        server.state().faults.breaks_down_at = None;
        assert_eq!(exchange.list(&world(), &folder()).unwrap(), [entry], "{command}");
    }
    // At the login it is a server that nobody will be let into until its settings are others.
    let server = FtpServer::start(Faults { breaks_down_at: Some("PASS"), ..Faults::default() });
    let error = impatient(&server).probe(&world()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }), "{error}");
}

#[test]
fn a_folder_whose_marker_went_away_is_no_empty_one() {
    let server = FtpServer::start(Faults::default());
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    put_x(&mut exchange, &reached).unwrap();
    server.state().files.clear();
    let error = exchange.list(&world(), &folder()).unwrap_err();
    assert!(matches!(error, ExchangeError::NotAnExchange { .. }), "{error}");
}

/// Breaks off at byte 0, 1, 2 … of a deposit and a fetch: each ends whole, or with an error that can be repeated, and never is a wrong
/// file under its final name.
#[test]
fn a_connection_that_breaks_at_any_byte_harms_nothing() {
    let content: Vec<u8> = (0..3_000_u32).map(|n| n as u8).collect();
    let mut at = 0;
    loop {
        let server = FtpServer::start(Faults::default());
        let mut exchange = retrying(&server);
        let reached = ready(&server, &mut exchange);
        let cut = server.state().passed + at;
        server.state().faults.cut_after = Some(cut);
        let world = world();
        deposit(&world, &mut exchange, &reached, &folder(), &name("x"), Content::Bytes(&content))
            .unwrap_or_else(|error| panic!("cut at {at}: {error}"));
        assert!(kept(&server, "x").unwrap() == content, "cut at {at}: another file is there");
        assert!(kept(&server, "x.part").is_none(), "cut at {at}: something is left");
        let inbox = tempfile::tempdir().unwrap();
        let entry = Entry { name: name("x"), bytes: content.len() as u64 };
        let there = fetch(&world, &mut exchange, &folder(), &entry, inbox.path()).unwrap_or_else(|error| panic!("cut at {at}: {error}"));
        assert!(std::fs::read(there).unwrap() == content, "cut at {at}: another file came");
        if server.state().faults.cut_after.is_some() {
            assert!(at > 7_000, "the sweep is over after {at} bytes");
            return;
        }
        at += 23;
    }
}

/// The same with a large file: what was sent or came before the break is not sent again.
#[test]
fn a_large_transfer_goes_on_where_it_broke() {
    let content: Vec<u8> = (0..600_000_u32).flat_map(u32::to_be_bytes).collect();
    let half = content.len() / 2;
    let server = FtpServer::start(Faults::default());
    let mut exchange = retrying(&server);
    let reached = ready(&server, &mut exchange);
    let cut = server.state().passed + half;
    server.state().faults.cut_after = Some(cut);
    deposit(&world(), &mut exchange, &reached, &folder(), &name("x"), Content::Bytes(&content)).unwrap();
    assert!(kept(&server, "x").unwrap() == content);
    let twice = server.state().uploaded - content.len();
    assert!(twice < 200_000, "{twice} bytes were sent twice");
    let cut = server.state().passed + half;
    server.state().faults.cut_after = Some(cut);
    server.state().downloaded = 0;
    let inbox = tempfile::tempdir().unwrap();
    let entry = Entry { name: name("x"), bytes: content.len() as u64 };
    let there = fetch(&world(), &mut exchange, &folder(), &entry, inbox.path()).unwrap();
    assert!(std::fs::read(there).unwrap() == content);
    let twice = server.state().downloaded - content.len();
    assert!(twice < 1_500_000, "{twice} bytes came twice");
}

/// One login for a round, and a polite end.
#[test]
fn the_connection_is_kept_and_left_politely() {
    let server = FtpServer::start(Faults::default());
    let mut exchange = impatient(&server);
    let reached = ready(&server, &mut exchange);
    put_x(&mut exchange, &reached).unwrap();
    waiting(&world(), &mut exchange, &folder(), |_| true).unwrap();
    drop(exchange);
    let commands = server.state().commands.clone();
    assert_eq!(commands.iter().filter(|command| command.starts_with("USER")).count(), 1, "{commands:?}");
    assert_eq!(commands.last().unwrap(), "QUIT");
}
