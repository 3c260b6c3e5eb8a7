//! What every exchange must do, whatever it is made of: one suite, run by each implementation and by interop tests.
//!
//! It panics where a promise is broken. `make` gives a fresh, reachable, unmarked and empty place each time.

use std::path::Path;

use fs_err as fs;

use super::{
    Content, Deposited, Entry, Exchange, ExchangeError, FileName, Folder, Marked, MarkerFault, Reached, deposit, fetch, mark, reach,
    waiting,
};
use crate::world::{Faults, SystemClock, World};

/// Runs the whole suite.
///
/// # Panics
/// Where a promise is broken; the message says which.
pub fn contract(make: impl Fn() -> Box<dyn Exchange>) {
    contract_for_names_up_to(FileName::MAX_BYTES, make);
}

/// Runs the whole suite on a server for tests that takes no longer names, in bytes: one that is fit for use takes all that are allowed.
///
/// # Panics
/// As [`contract`].
pub fn contract_for_names_up_to(longest_bytes: usize, make: impl Fn() -> Box<dyn Exchange>) {
    without_a_marker_nothing_is_created_or_concluded(&mut *make());
    marking_twice_keeps_the_first_marker(&mut *make());
    a_deposit_comes_back_byte_for_byte(&mut *make());
    a_repeated_deposit_is_harmless(&mut *make());
    a_damaged_copy_is_mended(&mut *make());
    rename_keeps_what_it_promises(&mut *make());
    temporary_files_are_not_listed_and_are_replaced(&mut *make());
    every_allowed_name_works(&mut *make(), longest_bytes);
    more_than_a_thousand_files_are_listed(&mut *make());
    what_vanished_is_missing_and_deleting_it_is_no_error(&mut *make());
    a_cut_off_fetch_goes_on_and_a_grown_file_is_seen(&mut *make());
    folders_are_apart(&mut *make());
    a_killed_deposit_is_completed_by_the_next(&make);
    a_killed_marking_is_completed_by_the_next(&make);
    a_killed_fetch_is_completed_by_the_next(&mut *make());
}

type Place<'a> = &'a mut dyn Exchange;

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn folder() -> Folder {
    Folder::new("head/anna").expect("allowed")
}

fn name(text: &str) -> FileName {
    FileName::new(text).expect("allowed")
}

/// Two reads of a buffer and a bit, not all alike.
fn large() -> Vec<u8> {
    (0..600_000_u32).flat_map(|n| [n as u8, (n >> 8) as u8]).collect()
}

fn ready(world: &World, exchange: Place<'_>) -> Reached {
    mark(world, exchange).expect("a fresh place can be marked");
    reach(world, exchange).expect("a marked place is an exchange")
}

fn fetched(world: &World, exchange: Place<'_>, folder: &Folder, entry: &Entry) -> Vec<u8> {
    let inbox = tempfile::tempdir().expect("a temporary folder");
    let path = fetch(world, exchange, folder, entry, inbox.path()).expect("what is listed can be fetched");
    assert_eq!(path, inbox.path().join(entry.name.as_str()));
    fs::read(path).expect("the fetched file")
}

fn all(world: &World, exchange: Place<'_>) -> Vec<Entry> {
    waiting(world, exchange, &folder(), |_| true).expect("an exchange can be listed")
}

fn without_a_marker_nothing_is_created_or_concluded(exchange: Place<'_>) {
    let world = world();
    let no_marker = |error: ExchangeError| {
        assert!(matches!(error, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. }), "{error:?}");
    };
    no_marker(reach(&world, exchange).expect_err("no marker"));
    no_marker(exchange.list(&world, &folder()).expect_err("empty is a conclusion"));
    no_marker(exchange.put(&world, &folder(), &name("x"), Content::Bytes(b"x")).expect_err("nothing is created"));
    no_marker(exchange.delete(&world, &folder(), &name("x")).map_or_else(|error| error, |()| no_answer()));
    let entry = Entry { name: name("x"), bytes: 1 };
    let inbox = tempfile::tempdir().expect("a temporary folder");
    no_marker(exchange.get(&world, &folder(), &entry, &inbox.path().join("x")).expect_err("missing is a conclusion"));
    mark(&world, exchange).expect("a fresh place can be marked");
    assert!(all(&world, exchange).is_empty(), "a refused put left something");
}

fn no_answer() -> ExchangeError {
    panic!("`gone already` is a conclusion")
}

fn marking_twice_keeps_the_first_marker(exchange: Place<'_>) {
    let world = world();
    let Marked::New(first) = mark(&world, exchange).expect("a fresh place can be marked") else { panic!("it was not marked before") };
    assert_eq!(mark(&world, exchange).expect("a second time too"), Marked::Already(first.clone()));
    assert_eq!(reach(&world, exchange).expect("marked"), first);
}

fn a_deposit_comes_back_byte_for_byte(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    assert!(all(&world, exchange).is_empty(), "a folder that is not there is empty");
    let local = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(local.path(), large()).expect("local write");
    let done = deposit(&world, exchange, &reached, &folder(), &name("large"), Content::File(local.path())).expect("deposit");
    assert_eq!(done, Deposited::Done);
    deposit(&world, exchange, &reached, &folder(), &name("empty"), Content::Bytes(b"")).expect("deposit");
    let lines = b"\r\n\n\r\0\xff\x1a";
    deposit(&world, exchange, &reached, &folder(), &name("lines"), Content::Bytes(lines)).expect("deposit");
    let found = all(&world, exchange);
    assert_eq!(
        found.iter().map(|entry| (entry.name.as_str(), entry.bytes)).collect::<Vec<_>>(),
        [("empty", 0), ("large", large().len() as u64), ("lines", lines.len() as u64)]
    );
    assert_eq!(fetched(&world, exchange, &folder(), &found[0]), b"");
    assert!(fetched(&world, exchange, &folder(), &found[1]) == large(), "the large file changed on the way");
    assert_eq!(fetched(&world, exchange, &folder(), &found[2]), lines);
}

fn a_repeated_deposit_is_harmless(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    let mut put = |content| deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(content)).expect("deposit");
    assert_eq!(put(b"first"), Deposited::Done);
    assert_eq!(put(b"first"), Deposited::AlreadyThere);
    // Cannot happen with names that say their content; shows that a whole file is not overwritten.
    assert_eq!(put(b"other"), Deposited::AlreadyThere);
    let found = all(&world, exchange);
    assert_eq!(found.len(), 1);
    assert_eq!(fetched(&world, exchange, &folder(), &found[0]), b"first");
}

fn a_damaged_copy_is_mended(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    exchange.put(&world, &folder(), &name("x"), Content::Bytes(b"hal")).expect("put");
    assert!(waiting(&world, exchange, &folder(), |entry| entry.bytes == 4).expect("list").is_empty(), "a partial file was taken");
    let done = deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(b"half")).expect("deposit");
    assert_eq!(done, Deposited::Mended { found: 3 });
    let found = all(&world, exchange);
    assert_eq!(fetched(&world, exchange, &folder(), &found[0]), b"half");
}

fn rename_keeps_what_it_promises(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    exchange.put(&world, &folder(), &name("old"), Content::Bytes(b"old")).expect("put");
    exchange.put(&world, &folder(), &name("new"), Content::Bytes(b"new!")).expect("put");
    let renamed = exchange.rename(&world, &folder(), &name("new"), &name("old"));
    match reached.capabilities().rename {
        super::Rename::Refuses => {
            assert!(matches!(renamed, Err(ExchangeError::Exists { .. })), "{renamed:?}");
            assert_eq!(all(&world, exchange).iter().map(|entry| entry.bytes).collect::<Vec<_>>(), [4, 3], "both are as they were");
            exchange.rename(&world, &folder(), &name("new"), &name("free")).expect("a free name");
            let again = exchange.rename(&world, &folder(), &name("new"), &name("free2"));
            assert!(matches!(again, Err(ExchangeError::Missing { .. })), "{again:?}");
        }
        super::Rename::MayReplace | super::Rename::Unsupported => {}
    }
}

fn temporary_files_are_not_listed_and_are_replaced(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    let content = Content::Bytes(b"left by a run that died, and longer");
    exchange.put(&world, &folder(), &name("x").temporary(), content).expect("put");
    assert!(all(&world, exchange).is_empty(), "a temporary file was listed");
    deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(b"whole")).expect("deposit");
    let found = all(&world, exchange);
    assert_eq!(fetched(&world, exchange, &folder(), &found[0]), b"whole");
}

fn every_allowed_name_works(exchange: Place<'_>, longest_bytes: usize) {
    let world = world();
    let reached = ready(&world, exchange);
    let longest = "a".repeat(longest_bytes);
    let shortest: Vec<String> = FileName::CHARACTERS.chars().map(|c| format!("x{c}x")).collect();
    let names: Vec<&str> = shortest.iter().map(String::as_str).chain([FileName::CHARACTERS, &longest, "0", "a--b__c..d"]).collect();
    let names: Vec<FileName> = names.into_iter().filter_map(|text| FileName::new(text).ok()).collect();
    assert_eq!(names.len(), FileName::CHARACTERS.len() + 3, "only the one that ends in a dot is refused");
    for name in &names {
        deposit(&world, exchange, &reached, &folder(), name, Content::Bytes(name.as_str().as_bytes())).expect("deposit");
    }
    let found = all(&world, exchange);
    assert_eq!(found.len(), names.len());
    for entry in found {
        assert_eq!(fetched(&world, exchange, &folder(), &entry), entry.name.as_str().as_bytes());
    }
    let widest = "z".repeat(Folder::MAX_LEVEL_BYTES);
    for path in ["a", "0/9", "_x/_y", "a-b_c", &format!("{widest}/{widest}")] {
        let folder = Folder::new(path).expect("allowed");
        deposit(&world, exchange, &reached, &folder, &name("x"), Content::Bytes(b"x")).expect("deposit");
        assert_eq!(waiting(&world, exchange, &folder, |_| true).expect("list").len(), 1, "{path}");
    }
}

fn more_than_a_thousand_files_are_listed(exchange: Place<'_>) {
    let world = world();
    ready(&world, exchange);
    let names: Vec<FileName> = (0..1_050).map(|n| name(&format!("f{n:04}"))).collect();
    for name in &names {
        // A server that runs out of ports for a moment says that trying again helps; whoever uses an exchange does so (`Retrying`).
        let mut put = || exchange.put(&world, &folder(), name, Content::Bytes(b"x"));
        match put() {
            Err(error) if error.retry_helps() => put(),
            done => done,
        }
        .expect("put");
    }
    let found: Vec<FileName> = all(&world, exchange).into_iter().map(|entry| entry.name).collect();
    assert_eq!(found, names);
}

fn what_vanished_is_missing_and_deleting_it_is_no_error(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(b"x")).expect("deposit");
    let found = all(&world, exchange);
    exchange.delete(&world, &folder(), &name("x")).expect("delete");
    exchange.delete(&world, &folder(), &name("x")).expect("deleting again is no error");
    assert!(all(&world, exchange).is_empty());
    let inbox = tempfile::tempdir().expect("a temporary folder");
    let gone = fetch(&world, exchange, &folder(), &found[0], inbox.path());
    assert!(matches!(gone, Err(ExchangeError::Missing { .. })), "{gone:?}");
    assert!(files_in(inbox.path()).is_empty(), "a vanished file left something in the inbox");
    let nowhere = Folder::new("head/nobody").expect("allowed");
    let gone = fetch(&world, exchange, &nowhere, &found[0], inbox.path());
    assert!(matches!(gone, Err(ExchangeError::Missing { .. })), "{gone:?}");
    exchange.delete(&world, &nowhere, &name("x")).expect("deleting where no folder is, is no error");
}

fn files_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name().to_string_lossy().into()).collect()
}

fn a_cut_off_fetch_goes_on_and_a_grown_file_is_seen(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(b"0123456789")).expect("deposit");
    let entry = Entry { name: name("x"), bytes: 10 };
    for beginning in ["", "0", "01234", "0123456789", "longer than the file is"] {
        let inbox = tempfile::tempdir().expect("a temporary folder");
        fs::write(inbox.path().join("x.part"), beginning).expect("local write");
        let path = fetch(&world, exchange, &folder(), &entry, inbox.path()).expect("fetch");
        assert_eq!(fs::read(path).expect("the fetched file"), b"0123456789", "after `{beginning}`");
        assert_eq!(files_in(inbox.path()), ["x"]);
    }
    for listed in [5, 20] {
        let inbox = tempfile::tempdir().expect("a temporary folder");
        let entry = Entry { name: name("x"), bytes: listed };
        let error = fetch(&world, exchange, &folder(), &entry, inbox.path()).expect_err("the size differs");
        let seen = if listed == 5 { 6 } else { 10 };
        assert!(matches!(error, ExchangeError::SizeDiffers { expected, found, .. } if expected == listed && found == seen), "{error:?}");
        assert!(!inbox.path().join("x").exists(), "a partial file was taken");
    }
}

fn folders_are_apart(exchange: Place<'_>) {
    let world = world();
    let reached = ready(&world, exchange);
    let outer = Folder::new("head").expect("allowed");
    let other = Folder::new("anna/head").expect("allowed");
    deposit(&world, exchange, &reached, &folder(), &name("x"), Content::Bytes(b"x")).expect("deposit");
    assert!(waiting(&world, exchange, &outer, |_| true).expect("list").is_empty(), "a folder was listed as a file");
    assert!(waiting(&world, exchange, &other, |_| true).expect("list").is_empty());
    deposit(&world, exchange, &reached, &outer, &name("x"), Content::Bytes(b"xyz")).expect("deposit");
    assert_eq!(all(&world, exchange)[0].bytes, 1);
    exchange.delete(&world, &outer, &name("x")).expect("delete");
    assert_eq!(all(&world, exchange).len(), 1);
}

/// More steps than this in one deposit would be a loop.
const MAX_STEPS: u64 = 50;

/// Kills before step 1, 2, 3 … of `attempt` on a fresh place until one run is not killed, with `check` after each and a full
/// second `attempt` before the last `check`.
fn sweep<T>(
    mut prepare: impl FnMut(&World) -> T,
    mut attempt: impl FnMut(&World, &mut T) -> Result<(), ExchangeError>,
    mut check: impl FnMut(&World, &mut T, Finished),
) {
    for step in 1..MAX_STEPS {
        let world = world();
        let mut place = prepare(&world);
        world.faults().kill_before(Some(step));
        let killed = attempt(&world, &mut place);
        world.faults().kill_before(None);
        match killed {
            Ok(()) => {
                assert!(step > 1, "nothing durable was announced");
                return check(&world, &mut place, Finished::Yes);
            }
            Err(ExchangeError::Crash(_)) => {}
            Err(error) => panic!("killed at step {step}: {error:?}"),
        }
        check(&world, &mut place, Finished::Killed);
        attempt(&world, &mut place).expect("the next run completes what a killed one began");
        check(&world, &mut place, Finished::Yes);
    }
    panic!("more than {MAX_STEPS} steps");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Finished {
    Killed,
    Yes,
}

fn a_killed_deposit_is_completed_by_the_next(make: &impl Fn() -> Box<dyn Exchange>) {
    sweep(
        |world| {
            let mut exchange = make();
            let reached = ready(world, &mut *exchange);
            (exchange, reached)
        },
        |world, (exchange, reached)| deposit(world, &mut **exchange, reached, &folder(), &name("x"), Content::Bytes(b"whole")).map(drop),
        |world, (exchange, _), finished| {
            let whole = waiting(world, &mut **exchange, &folder(), |entry| entry.bytes == 5).expect("list");
            assert!(whole.iter().all(|entry| fetched(world, &mut **exchange, &folder(), entry) == b"whole"), "a partial file was taken");
            if finished == Finished::Yes {
                assert_eq!(whole.len(), 1);
                assert_eq!(all(world, &mut **exchange), whole, "exactly one file");
            }
        },
    );
}

fn a_killed_marking_is_completed_by_the_next(make: &impl Fn() -> Box<dyn Exchange>) {
    sweep(
        |_| make(),
        |world, exchange| mark(world, &mut **exchange).map(drop),
        |world, exchange, finished| match reach(world, &mut **exchange) {
            Ok(_) => {}
            Err(ExchangeError::NotAnExchange { .. }) if finished == Finished::Killed => {}
            Err(error) => panic!("{error:?}"),
        },
    );
}

fn a_killed_fetch_is_completed_by_the_next(exchange: Place<'_>) {
    let calm = world();
    let reached = ready(&calm, exchange);
    deposit(&calm, exchange, &reached, &folder(), &name("x"), Content::Bytes(b"whole")).expect("deposit");
    let entry = Entry { name: name("x"), bytes: 5 };
    sweep(
        |_| tempfile::tempdir().expect("a temporary folder"),
        |world, inbox| fetch(world, exchange, &folder(), &entry, inbox.path()).map(drop),
        |_, inbox, finished| {
            let there = inbox.path().join("x").exists();
            assert_eq!(there, finished == Finished::Yes);
            assert!(!there || fs::read(inbox.path().join("x")).expect("the fetched file") == b"whole");
        },
    );
}
