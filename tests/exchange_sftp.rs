//! The SFTP exchange against servers that do all that servers were seen to do: nothing wrong is ever taken, and the user hears what happened.

#[path = "exchange_sftp/server.rs"]
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use fieldpost::exchange::{
    Content, Deposited, Entry, Exchange, ExchangeError, FileName, Folder, MarkerFault, Meter, Reached, Retrying, SftpExchange, contract,
    deposit, fetch, mark, reach, waiting,
};
use fieldpost::world::{Faults as Deaths, SystemClock, World};
use server::{Faults, Server, framed, packet, text};

/// Nobody here is slow.
const PATIENCE: Duration = Duration::from_secs(20);

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Deaths::none())
}

fn exchange(server: &Server) -> SftpExchange {
    SftpExchange::over("", Meter::default(), PATIENCE, server.line())
}

fn folder() -> Folder {
    Folder::new("head/anna").unwrap()
}

fn name() -> FileName {
    FileName::new("x.fpk").unwrap()
}

/// Bytes that are not all alike, so that a piece in the wrong place shows.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n ^ n >> 8 ^ n >> 16) as u8).collect()
}

fn ready(server: &Server) -> (World, SftpExchange, Reached) {
    let (world, mut exchange) = (world(), exchange(server));
    mark(&world, &mut exchange).unwrap();
    let reached = reach(&world, &mut exchange).unwrap();
    (world, exchange, reached)
}

fn put(world: &World, exchange: &mut dyn Exchange, reached: &Reached, content: &[u8]) -> Result<Deposited, ExchangeError> {
    deposit(world, exchange, reached, &folder(), &name(), Content::Bytes(content))
}

fn get(world: &World, exchange: &mut dyn Exchange, inbox: &Path) -> Result<Vec<u8>, ExchangeError> {
    let found = waiting(world, exchange, &folder(), |_| true)?;
    assert_eq!(found.len(), 1, "what was deposited is listed");
    fetch(world, exchange, &folder(), &found[0], inbox).map(|path| std::fs::read(path).unwrap())
}

#[test]
fn every_kind_of_server_keeps_the_contract() {
    for faults in [
        Faults::default(),
        Faults { rename_replaces: true, room: Some((1000, false)), ..Faults::default() },
        Faults { most_read: Some(20_000), shuffled: true, ..Faults::default() },
        Faults { bare: true, ..Faults::default() },
    ] {
        contract::contract(|| Box::new(exchange(&Server::with(faults.clone()))));
    }
}

#[test]
fn a_folder_of_the_server_is_the_exchange_only_where_it_is_there() {
    let server = Server::new();
    let world = world();
    let mut exchange = SftpExchange::over("srv/post", Meter::default(), PATIENCE, server.line());
    let missing = mark(&world, &mut exchange).unwrap_err();
    assert!(matches!(missing, ExchangeError::Unreachable { .. }), "{missing:?}");
    assert_eq!(server.state().folders.len(), 1, "nothing was made");
    server.state().folders.extend(["srv".to_owned(), "srv/post".to_owned()]);
    mark(&world, &mut exchange).unwrap();
    let reached = reach(&world, &mut exchange).unwrap();
    put(&world, &mut exchange, &reached, b"whole").unwrap();
    assert_eq!(server.state().files["srv/post/head/anna/x.fpk"], b"whole");
    assert!(server.state().flushed >= 2, "it is flushed to the disk there");
}

/// One cut, anywhere: the repeat makes it whole.
#[test]
fn a_line_that_breaks_at_any_byte_costs_a_repeat_and_nothing_else() {
    let whole = content(1_500);
    let total = {
        let server = Server::new();
        round(&server, &whole);
        server.state().passed
    };
    assert!(total > 4_000, "{total}");
    for bytes in (0..total).step_by(7) {
        let server = Server::with(Faults { bytes_until_cut: Some(bytes), ..Faults::default() });
        round(&server, &whole);
        let state = server.state();
        // The last file's closing has an answer that nobody waits for: a cut there is not noticed.
        let connections = if bytes + 100 < total { 2..=2 } else { 1..=2 };
        assert!(connections.contains(&state.connections), "after {bytes} bytes of {total}: {} connections", state.connections);
        assert_eq!(state.files["head/anna/x.fpk"], whole, "after {bytes} bytes");
        assert_eq!(state.files.len(), 2, "nothing is left over, after {bytes} bytes");
    }
}

fn round(server: &Server, whole: &[u8]) {
    let (world, mut exchange) = (world(), Retrying::new(exchange(server)));
    mark(&world, &mut exchange).unwrap();
    let reached = reach(&world, &mut exchange).unwrap();
    // A rename that took effect and whose answer was lost is told as missing: the deposit looks and says so.
    put(&world, &mut exchange, &reached, whole).unwrap();
    let inbox = tempfile::tempdir().unwrap();
    assert_eq!(get(&world, &mut exchange, inbox.path()).unwrap(), whole);
}

/// Every connection is cut, so some of it can never succeed: then it says so, and nothing wrong is taken.
#[test]
fn a_line_that_always_breaks_ends_in_an_honest_error() {
    let whole = content(1_500);
    for bytes in (0..3_000).step_by(37) {
        let server = Server::new();
        let (world, _, reached) = ready(&server);
        server.state().faults.bytes_per_connection = Some(bytes);
        let mut exchange = Retrying::new(exchange(&server));
        let inbox = tempfile::tempdir().unwrap();
        match put(&world, &mut exchange, &reached, &whole) {
            Ok(_) => assert_eq!(server.state().files["head/anna/x.fpk"], whole),
            Err(error) => {
                assert!(matches!(error, ExchangeError::Unreachable { .. }), "after {bytes} bytes: {error:?}");
                assert!(server.state().files.get("head/anna/x.fpk").is_none_or(|found| *found == whole), "a partial file is there");
            }
        }
        server.state().files.insert("head/anna/x.fpk".to_owned(), whole.clone());
        server.state().folders.extend(["head".to_owned(), "head/anna".to_owned()]);
        let entry = Entry { name: name(), bytes: whole.len() as u64 };
        match fetch(&world, &mut exchange, &folder(), &entry, inbox.path()) {
            Ok(path) => assert_eq!(std::fs::read(path).unwrap(), whole),
            Err(error) => {
                assert!(error.retry_helps(), "{error:?}");
                assert!(!inbox.path().join("x.fpk").exists(), "a partial file was taken");
            }
        }
    }
}

#[test]
fn a_large_upload_goes_on_where_it_stopped_and_what_was_not_acknowledged_is_sent_again() {
    const CUT: u64 = 7 << 20;
    let whole = content(10 << 20);
    let server = Server::new();
    let (world, mut exchange, reached) = ready(&server);
    server.state().faults.bytes_until_cut = Some(CUT);
    let cut = put(&world, &mut exchange, &reached, &whole).unwrap_err();
    assert!(matches!(cut, ExchangeError::Unreachable { .. }), "{cut:?}");
    let there = {
        let mut state = server.state();
        let begun = state.files.get_mut("head/anna/x.fpk.part").unwrap();
        let there = begun.len();
        assert!(there > 6 << 20 && there < 7 << 20, "{there}");
        // A server that writes in its own order leaves holes where nothing was acknowledged yet.
        begun[there - (2 << 20) + 1..there - 1].fill(0);
        state.written = 0;
        there
    };
    put(&world, &mut exchange, &reached, &whole).unwrap();
    let state = server.state();
    assert!(state.files["head/anna/x.fpk"] == whole, "the file is not what was sent");
    assert_eq!(state.written as usize, whole.len() - there + (2 << 20));
}

#[test]
fn what_is_longer_than_the_content_or_no_file_is_no_beginning() {
    let whole = content(5 << 20);
    let server = Server::new();
    let (world, mut exchange, reached) = ready(&server);
    server.state().folders.extend(["head".to_owned(), "head/anna".to_owned()]);
    for found in [content((5 << 20) + 1), content(100)] {
        server.state().files.insert("head/anna/x.fpk.part".to_owned(), found);
        put(&world, &mut exchange, &reached, &whole).unwrap();
        assert!(server.state().files.remove("head/anna/x.fpk").unwrap() == whole);
    }
    server.state().files.insert("head/anna/x.fpk.part".to_owned(), content(4 << 20));
    server.state().faults.continues_nothing = true;
    put(&world, &mut exchange, &reached, &whole).expect("then it is written anew");
    assert!(server.state().files.remove("head/anna/x.fpk").unwrap() == whole);
    server.state().links.insert("head/anna/x.fpk.part".to_owned());
    put(&world, &mut exchange, &reached, &whole).unwrap();
    assert!(server.state().files["head/anna/x.fpk"] == whole && server.state().links.is_empty());
}

#[test]
fn success_on_a_cut_off_upload_is_not_believed() {
    for behind in [0, 1_000, 40_000] {
        let server = Server::new();
        let (world, mut exchange, reached) = ready(&server);
        server.state().faults.drops_behind = Some(behind);
        let error = put(&world, &mut exchange, &reached, &content(100_000)).unwrap_err();
        assert!(matches!(error, ExchangeError::SizeDiffers { expected: 100_000, found: 0 | 32_768, .. }), "{error:?}");
        assert!(error.retry_helps());
        assert!(waiting(&world, &mut exchange, &folder(), |_| true).unwrap().is_empty());
        server.state().faults.drops_behind = None;
        put(&world, &mut exchange, &reached, &content(100_000)).unwrap();
    }
}

#[test]
fn where_no_rename_is_made_files_get_their_names_at_once_and_one_that_would_replace_is_not_made() {
    let server = Server::new();
    let (world, mut exchange, reached) = ready(&server);
    // What may be written and not renamed is most likely not to be written either: said, and nothing is left.
    server.state().faults.refuses_rename = Some((3, "Permission denied"));
    let error = put(&world, &mut exchange, &reached, b"whole").unwrap_err();
    assert!(matches!(error, ExchangeError::ReadOnly { .. }), "{error:?}");
    assert!(!error.retry_helps() && error.to_string().contains("Permission denied"), "{error}");
    assert!(waiting(&world, &mut exchange, &folder(), |_| true).unwrap().is_empty());
    server.state().faults.refuses_rename = Some((8, "Operation unsupported"));
    put(&world, &mut exchange, &reached, b"whole").unwrap();
    let lying: Vec<String> = server.state().files.keys().filter(|path| path.starts_with("head/anna/")).cloned().collect();
    assert_eq!(lying, ["head/anna/x.fpk"], "whole under its name, and no temporary file beside it");
    exchange.delete(&world, &folder(), &name()).unwrap();
    server.state().faults = Faults { rename_replaces: true, ..Faults::default() };
    put(&world, &mut exchange, &reached, b"whole").unwrap();
    exchange.put(&world, &folder(), &name().temporary(), Content::Bytes(b"other")).unwrap();
    let taken = exchange.rename(&world, &folder(), &name().temporary(), &name());
    assert!(matches!(taken, Err(ExchangeError::Exists { .. })), "{taken:?}");
    assert_eq!(server.state().files["head/anna/x.fpk"], b"whole");
}

#[test]
fn read_only_and_full_are_told_apart_whatever_the_server_calls_them() {
    type Expected = fn(&ExchangeError) -> bool;
    let read_only: Expected = |error| matches!(error, ExchangeError::ReadOnly { .. });
    let full: Expected = |error| matches!(error, ExchangeError::Full { .. });
    let unclear: Expected = |error| matches!(error, ExchangeError::Io { .. }) && error.retry_helps();
    for (refusal, room, expected) in [
        ((3, "Permission denied"), None, read_only),
        ((12, "Write protect"), None, read_only),
        ((4, "Failure"), Some((1000, true)), read_only),
        ((4, "Read-only file system"), None, read_only),
        ((4, "Failure"), Some((3, false)), full),
        ((4, "No space left on device"), None, full),
        ((14, "No space on file system"), None, full),
        ((15, "Quota exceeded"), None, full),
        ((4, "Failure"), Some((1000, false)), unclear),
        ((4, "Failure"), None, unclear),
    ] {
        for until in [None, Some(70_000)] {
            let server = Server::with(Faults { room, ..Faults::default() });
            let (world, mut exchange, reached) = ready(&server);
            server.state().faults.refuses_writing = Some(refusal);
            server.state().faults.bytes_until_full = until;
            let error = put(&world, &mut exchange, &reached, &content(200_000)).unwrap_err();
            assert!(expected(&error), "{refusal:?} {room:?}: {error:?}");
            assert!(error.to_string().contains(refusal.1), "{error}");
            assert!(waiting(&world, &mut exchange, &folder(), |_| true).unwrap().is_empty());
            server.state().faults.refuses_writing = None;
            put(&world, &mut exchange, &reached, &content(200_000)).expect("there is room again");
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_left_after_a_while() {
    let whole = content(10_000);
    for kind in [1, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 18, 200] {
        let server = Server::new();
        let (world, _, reached) = ready(&server);
        server.state().faults.silent_on = Some(kind);
        let mut exchange = SftpExchange::over("", Meter::default(), Duration::from_millis(100), server.line());
        let began = Instant::now();
        let inbox = tempfile::tempdir().unwrap();
        let result = put(&world, &mut exchange, &reached, &whole).and_then(|_| get(&world, &mut exchange, inbox.path()));
        let error = result.expect_err("each of these is needed");
        assert!(matches!(error, ExchangeError::Unreachable { .. }), "{kind}: {error:?}");
        assert!(error.to_string().contains("no answer for"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{kind}");
    }
}

#[test]
fn a_server_that_vanishes_during_a_run_empties_nothing() {
    let server = Server::new();
    let (world, mut exchange, reached) = ready(&server);
    put(&world, &mut exchange, &reached, b"whole").unwrap();
    {
        let mut state = server.state();
        state.faults.gone = true;
        state.faults.bytes_until_cut = Some(0);
    }
    let away = |error| matches!(error, ExchangeError::Unreachable { .. });
    let entry = Entry { name: name(), bytes: 5 };
    let inbox = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        assert!(away(exchange.list(&world, &folder()).unwrap_err()));
        assert!(away(exchange.get(&world, &folder(), &entry, &inbox.path().join("x")).unwrap_err()));
        assert!(away(exchange.delete(&world, &folder(), &name()).unwrap_err()));
        assert!(away(exchange.rename(&world, &folder(), &name(), &FileName::new("y").unwrap()).unwrap_err()));
        assert!(away(reach(&world, &mut exchange).unwrap_err()));
    }
    server.state().faults.gone = false;
    assert_eq!(get(&world, &mut exchange, inbox.path()).unwrap(), b"whole", "and it goes on when the server is back");
    // The disk behind the server is not mounted any more: an empty folder.
    server.state().files.clear();
    server.state().folders = [String::new()].into();
    let unmounted = |error| matches!(error, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. });
    assert!(unmounted(exchange.list(&world, &folder()).unwrap_err()));
    assert!(unmounted(put(&world, &mut exchange, &reached, b"whole").unwrap_err()));
    assert!(unmounted(exchange.get(&world, &folder(), &entry, &inbox.path().join("y")).unwrap_err()));
}

#[test]
fn links_are_followed_neither_to_read_nor_to_write() {
    let server = Server::new();
    let (world, mut exchange, reached) = ready(&server);
    put(&world, &mut exchange, &reached, b"whole").unwrap();
    server.state().links.extend(["head/anna/link".to_owned(), "berta".to_owned()]);
    assert_eq!(waiting(&world, &mut exchange, &folder(), |_| true).unwrap().len(), 1);
    let entry = Entry { name: FileName::new("link").unwrap(), bytes: 6 };
    let inbox = tempfile::tempdir().unwrap();
    let refused = exchange.get(&world, &folder(), &entry, &inbox.path().join("link")).unwrap_err();
    assert!(matches!(refused, ExchangeError::Refused { .. }), "{refused:?}");
    for linked in ["berta", "berta/anna"] {
        let refused = deposit(&world, &mut exchange, &reached, &Folder::new(linked).unwrap(), &name(), Content::Bytes(b"x"));
        assert!(matches!(refused, Err(ExchangeError::Refused { .. })), "{refused:?}");
    }
}

/// Answers no honest server gives. `7` is what looks at a path, the first request after the greeting.
#[test]
fn a_server_that_means_harm_costs_a_message() {
    let data = |bytes: usize| framed(&packet(103, 1, &[&text(&vec![0; bytes])]));
    for (what, request, bytes) in [
        ("a packet of 4 GiB", 7, vec![0xff; 64]),
        ("a packet of nothing", 7, vec![0; 4]),
        ("an answer nobody asked for", 7, framed(&packet(105, 77, &[&[0; 4]]))),
        ("an answer of another kind", 7, data(8)),
        ("a packet that ends too soon", 7, framed(&packet(105, 1, &[&[0, 0, 0, 1]]))),
        ("a text longer than its packet", 7, framed(&packet(101, 1, &[&[0, 0, 0, 4], &[0xff; 4]]))),
        ("more extensions than fit", 7, framed(&packet(105, 1, &[&[0x80, 0, 0, 0], &[0xff; 4]]))),
        ("a packet without a number", 7, framed(&[105])),
    ] {
        let server = Server::with(Faults { instead: Some((request, bytes)), ..Faults::default() });
        let error = mark(&world(), &mut exchange(&server)).unwrap_err();
        assert!(matches!(error, ExchangeError::Unreachable { .. }), "{what}: {error:?}");
        assert!(error.to_string().contains("no SFTP"), "{what}: {error}");
        mark(&world(), &mut Retrying::new(exchange(&server))).expect("a new connection is sound");
    }
    for (what, greeting, words) in [
        ("a shell that prints", b"Welcome to the server!\n".to_vec(), "`Welc…`"),
        ("an old server", framed(&[2, 0, 0, 0, 2]), "version 2"),
        ("something else", framed(&packet(105, 1, &[])), "does not speak SFTP"),
    ] {
        let server = Server::with(Faults { instead: Some((1, greeting)), ..Faults::default() });
        let error = mark(&world(), &mut exchange(&server)).unwrap_err();
        assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains(words), "{what}: {error:?}");
    }
}

#[test]
fn listings_that_lie_lead_nowhere() {
    let server = Server::new();
    let (world, mut exchange, reached) = ready(&server);
    put(&world, &mut exchange, &reached, b"whole").unwrap();
    for odd in [".hidden", "x.part", "Upper", "with space", "~lock"] {
        server.state().files.insert(format!("head/anna/{odd}"), b"x".to_vec());
    }
    assert_eq!(waiting(&world, &mut exchange, &folder(), |_| true).unwrap().len(), 1);
    let attributes = [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0x81, 0xa4];
    let names = [&b"../../etc/passwd"[..], b"/etc/passwd", b"..", b"a\0b", b"\xff\xfe", b"c\nd"];
    let names: Vec<u8> = names.iter().flat_map(|name| [text(name), text(b""), attributes.to_vec()].concat()).collect();
    // The fifth request of a fresh connection: two looks, the folder opened, its names.
    server.state().faults.instead = Some((12, framed(&packet(104, 4, &[&[0, 0, 0, 6], &names]))));
    let mut fresh = self::exchange(&server);
    assert_eq!(fresh.list(&world, &folder()).unwrap().len(), 1, "only the good one of the second answer");
    server.state().faults.instead = Some((12, framed(&packet(104, 4, &[&[0; 4]]))));
    let mut fresh = self::exchange(&server);
    assert!(matches!(fresh.list(&world, &folder()), Err(ExchangeError::Unreachable { .. })), "an empty answer would never end");
    server.state().faults.endless = true;
    let endless = exchange.list(&world, &folder()).unwrap_err();
    assert!(matches!(endless, ExchangeError::Refused { .. }), "{endless:?}");
}

/// A file that grows or shrinks while it is read, and data nobody asked for.
#[test]
fn a_get_takes_what_was_listed_and_a_byte_more_at_most() {
    let server = Server::with(Faults { most_read: Some(500), shuffled: true, ..Faults::default() });
    let (world, mut exchange, reached) = ready(&server);
    let whole = content(100_000);
    put(&world, &mut exchange, &reached, &whole).unwrap();
    let inbox = tempfile::tempdir().unwrap();
    let to = inbox.path().join("x.part");
    for (listed, have, comes) in [(1_000, 0, 1_001), (100_000, 0, 100_000), (200_000, 0, 100_000), (100_000, 33_333, 100_000)] {
        std::fs::write(&to, &whole[..have]).unwrap();
        let before = server.state().passed;
        exchange.get(&world, &folder(), &Entry { name: name(), bytes: listed }, &to).unwrap();
        assert!(std::fs::read(&to).unwrap() == whole[..comes], "{listed} {have}");
        let passed = server.state().passed - before;
        assert!(passed >= (comes - have) as u64, "the count counts");
        assert!(have == 0 || passed < whole.len() as u64, "it went on where it stopped: {passed}");
    }
    server.state().faults.instead = Some((5, framed(&packet(103, 4, &[&text(&vec![0; 40_000])]))));
    let mut fresh = self::exchange(&server);
    std::fs::remove_file(&to).unwrap();
    let error = fresh.get(&world, &folder(), &Entry { name: name(), bytes: 1_000 }, &to).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error:?}");
    assert_eq!(std::fs::metadata(&to).unwrap().len(), 0);
}

#[test]
fn the_meter_counts_what_goes_both_ways() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let server = Server::new();
    let (world, _, reached) = ready(&server);
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let meter = Meter::new(
        None,
        Some(Box::new(move |bytes| {
            counting.fetch_add(bytes, Ordering::Relaxed);
        })),
    );
    let mut exchange = SftpExchange::over("", meter, PATIENCE, server.line());
    let inbox = tempfile::tempdir().unwrap();
    put(&world, &mut exchange, &reached, &content(50_000)).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 50_000);
    get(&world, &mut exchange, inbox.path()).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 100_000);
    assert_eq!(server.state().connections, 2, "one for making ready, one kept for the rest");
}
