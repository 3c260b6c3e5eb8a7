//! The exchange that is a program of the user: this test is that program, too, and does all that programs do wrong.
//!
//! It has no harness of its own, which would print between the lines: `main` is the program where it was started by the exchange,
//! and else runs the tests, all at once, those whose name holds a word of the command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fieldpost::exchange::{
    Access, CommandExchange, Content, Deposited, Entry, Exchange, ExchangeError, FileName, Folder, MarkerFault, Meter, OpenError, Reached,
    Rename, Retrying, Secret, contract, deposit, fetch, mark, open_exchange, reach, waiting,
};
use fieldpost::world::{Faults, SystemClock, World};

const TESTS: &[(&str, fn())] = &[
    ("a_program_keeps_the_contract", a_program_keeps_the_contract),
    ("the_example_keeps_the_contract", the_example_keeps_the_contract),
    ("a_program_that_is_not_there_or_none_is_named", a_program_that_is_not_there_or_none_is_named),
    ("what_a_program_exits_with_says_what_the_user_hears", what_a_program_exits_with_says_what_the_user_hears),
    ("a_program_that_hangs_is_ended_and_one_that_works_is_not", a_program_that_hangs_is_ended_and_one_that_works_is_not),
    ("output_is_bounded_and_read_strictly", output_is_bounded_and_read_strictly),
    ("a_put_that_is_cut_off_and_called_done_is_seen", a_put_that_is_cut_off_and_called_done_is_seen),
    ("without_rename_the_final_name_is_written", without_rename_the_final_name_is_written),
    ("a_get_that_dies_goes_on_and_one_that_lies_is_seen", a_get_that_dies_goes_on_and_one_that_lies_is_seen),
    ("a_share_that_goes_away_empties_nothing", a_share_that_goes_away_empties_nothing),
    ("login_and_protocol_are_in_the_environment_and_in_no_message", login_and_protocol_are_in_the_environment_and_in_no_message),
    ("what_a_program_leaves_behind_holds_nobody_up", what_a_program_leaves_behind_holds_nobody_up),
    ("the_meter_counts_what_was_carried", the_meter_counts_what_was_carried),
];

fn main() -> ExitCode {
    if std::env::var_os("FIELDPOST_EXCHANGE_PROTOCOL").is_some() {
        return program();
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--ignored") {
        return ExitCode::SUCCESS;
    }
    let list = words.iter().any(|word| word == "--list");
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = TESTS.iter().filter(|(name, _)| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())));
    if list {
        wanted.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let running: Vec<_> =
        wanted.map(|(name, test)| (name, std::thread::Builder::new().name((*name).to_owned()).spawn(test).unwrap())).collect();
    let mut failed = 0;
    for (name, thread) in running {
        let result = thread.join();
        println!("test {name} ... {}", if result.is_ok() { "ok" } else { "FAILED" });
        failed += usize::from(result.is_err());
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What goes wrong stands before the folder it serves, behind the operation where it does: `[AT:]FAULT ROOT OPERATION …`. `final:none` is
/// one that cannot rename.
fn program() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [fault, root, operation @ ..] = &words[..] else { return ExitCode::from(14) };
    let (at, fault) = fault.split_once(':').unwrap_or(("", fault));
    let hit = at == operation[0];
    match fault {
        "hang" if hit => std::thread::sleep(Duration::from_secs(60)),
        "work" if hit => (0..12).for_each(|_| {
            eprint!(".");
            std::thread::sleep(Duration::from_millis(100));
        }),
        "flood" if hit => (0..1_000_000).map(|_| "x".repeat(1000)).for_each(|text| print!("{text}")),
        "lines" if hit => (0..100_000_000).for_each(|_| println!("1 x")),
        "complain" if hit => {
            (0..5_000).for_each(|_| eprintln!("a line that says little"));
            eprintln!("the \x1b[31mreason");
            return ExitCode::from(75);
        }
        "environment" => {
            let of = |name| std::env::var(name).unwrap_or_default();
            let [user, password] = ["FIELDPOST_EXCHANGE_USER", "FIELDPOST_EXCHANGE_PASSWORD"].map(of);
            if (of("FIELDPOST_EXCHANGE_PROTOCOL").as_str(), user.as_str(), password.as_str()) != ("1", "field", "post office") {
                return ExitCode::from(14);
            }
        }
        _ => {}
    }
    if let (true, Some(print)) = (hit, fault.strip_prefix("print ")) {
        println!("{print}");
        return ExitCode::SUCCESS;
    }
    if let (true, Some(code)) = (hit, fault.strip_prefix("exit ")) {
        eprintln!("so it is");
        return ExitCode::from(code.parse::<u8>().unwrap());
    }
    let code = serve(Path::new(root), operation, if hit { fault } else { "" }, at);
    ExitCode::from(code.unwrap_or(75))
}

fn serve(root: &Path, operation: &[&str], fault: &str, at: &str) -> std::io::Result<u8> {
    let path = |folder: &str, name: &str| root.join(folder).join(name);
    if !root.is_dir() {
        return Ok(75);
    }
    match *operation {
        ["probe"] => {
            println!("later 7");
            println!("rename {}", if at == "final" { "unsupported" } else { "refuses" });
            println!("put {}", if fault == "whole" { "whole" } else { "may-be-short" });
        }
        ["list", folder] => {
            let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return Ok(10) };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    println!("{} {}", entry.metadata()?.len(), entry.file_name().to_string_lossy());
                }
            }
        }
        ["get", folder, name, file] => {
            let Ok(bytes) = std::fs::read(path(folder, name)) else { return Ok(10) };
            match fault {
                "nothing" => return Ok(0),
                "half" if name != "fieldpost-exchange.json" && !Path::new(file).exists() => {
                    std::fs::write(file, &bytes[..bytes.len() / 2])?;
                    return Ok(75);
                }
                _ => {}
            }
            std::fs::write(file, bytes)?;
        }
        ["put", folder, name, file] => {
            std::fs::create_dir_all(root.join(folder))?;
            let bytes = std::fs::read(file)?;
            let part = if fault == "cut" { &bytes[..bytes.len() / 2] } else { &bytes[..] };
            std::fs::write(path(folder, name), part)?;
        }
        ["rename", ..] if at == "final" => return Ok(14),
        ["rename", folder, from, to] => {
            if path(folder, to).exists() {
                return Ok(11);
            }
            if !path(folder, from).exists() {
                return Ok(10);
            }
            std::fs::rename(path(folder, from), path(folder, to))?;
        }
        ["delete", folder, name] => drop(std::fs::remove_file(path(folder, name))),
        _ => return Ok(14),
    }
    Ok(0)
}

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn folder() -> Folder {
    Folder::new("head/anna").unwrap()
}

fn name() -> FileName {
    FileName::new("x.fpk").unwrap()
}

fn with(fault: &str, root: &Path, access: &Access) -> CommandExchange {
    let program = std::env::current_exe().unwrap();
    let words = [program.to_str().unwrap(), fault, root.to_str().unwrap()].map(str::to_owned);
    CommandExchange::new(words.to_vec(), access)
}

/// A marked place, and the exchange that has a fault.
fn ready(fault: &str) -> (tempfile::TempDir, World, CommandExchange, Reached) {
    let (place, world) = (tempfile::tempdir().unwrap(), world());
    let mut sound = with("none", place.path(), &Access::default());
    mark(&world, &mut sound).unwrap();
    let reached = reach(&world, &mut sound).unwrap();
    let exchange = with(fault, place.path(), &Access::default());
    (place, world, exchange, reached)
}

fn put(world: &World, exchange: &mut dyn Exchange, reached: &Reached) -> Result<Deposited, ExchangeError> {
    deposit(world, exchange, reached, &folder(), &name(), Content::Bytes(b"0123456789"))
}

fn entry() -> Entry {
    Entry { name: name(), bytes: 10 }
}

fn fresh(places: &Path) -> PathBuf {
    let place = tempfile::Builder::new().tempdir_in(places).unwrap().keep();
    place.canonicalize().unwrap_or(place)
}

fn a_program_keeps_the_contract() {
    let places = tempfile::tempdir().unwrap();
    contract::contract(|| Box::new(with("none", &fresh(places.path()), &Access::default())));
}

/// As the README of the example says it, by its address.
fn the_example_keeps_the_contract() {
    if cfg!(unix) {
        let places = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/exchange-command/to-folder.sh");
        contract::contract(|| {
            open_exchange(&format!("command:'{script}' '{}'", fresh(places.path()).display()), &Access::default()).unwrap()
        });
    }
}

fn a_program_that_is_not_there_or_none_is_named() {
    let none = matches!(open_exchange("command:", &Access::default()), Err(OpenError::Address(_)));
    assert!(none);
    let mut missing = open_exchange("command:/no/such/program --token hunter2", &Access::default()).unwrap();
    let error = reach(&world(), &mut missing).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }), "{error:?}");
    let text = format!("{error} {}", missing.place());
    assert!(text.contains("/no/such/program") && text.contains("no such program") && !text.contains("hunter2"), "{text}");
    let place = tempfile::tempdir().unwrap();
    let mut folder = CommandExchange::new(vec![place.path().to_str().unwrap().to_owned()], &Access::default());
    assert!(matches!(reach(&world(), &mut folder), Err(ExchangeError::Refused { .. })));
}

fn what_a_program_exits_with_says_what_the_user_hears() {
    type Expected = fn(&ExchangeError) -> bool;
    let senseless: Expected = |error| matches!(error, ExchangeError::Refused { reason, .. } if reason.contains("no meaning there"));
    let all: [(u8, Expected); 7] = [
        (10, senseless),
        (11, senseless),
        (12, |error| matches!(error, ExchangeError::ReadOnly { reason, .. } if reason == "so it is")),
        (13, |error| matches!(error, ExchangeError::Full { reason, .. } if reason == "so it is")),
        (14, |error| matches!(error, ExchangeError::Refused { reason, .. } if reason == "so it is")),
        (75, |error| matches!(error, ExchangeError::Unreachable { reason, .. } if reason == "so it is")),
        (99, |error| matches!(error, ExchangeError::Unreachable { .. })),
    ];
    for (code, expected) in all {
        let (place, world, mut exchange, reached) = ready(&format!("put:exit {code}"));
        let error = put(&world, &mut exchange, &reached).unwrap_err();
        assert!(expected(&error), "put {code}: {error:?}");
        assert!(waiting(&world, &mut exchange, &folder(), |_| true).unwrap().is_empty());
        for operation in ["probe", "list"] {
            let mut exchange = with(&format!("{operation}:exit {code}"), place.path(), &Access::default());
            let result = reach(&world, &mut exchange).and_then(|_| exchange.list(&world, &folder()));
            match (operation, code, result) {
                ("list", 10, Ok(found)) => assert!(found.is_empty()),
                (_, _, result) => assert!(expected(result.as_ref().unwrap_err()), "{operation} {code}: {result:?}"),
            }
        }
    }
    // A rename whose answer was lost and is repeated: not there any more, and the deposit sees that all is well.
    let (_place, world, mut exchange, reached) = ready("rename:exit 10");
    assert!(matches!(put(&world, &mut exchange, &reached), Err(ExchangeError::Missing { .. })));
}

fn a_program_that_hangs_is_ended_and_one_that_works_is_not() {
    for operation in ["probe", "list", "get", "put", "rename", "delete"] {
        let (_place, world, exchange, _) = ready(&format!("{operation}:hang"));
        let mut exchange = exchange.with_quiet(Duration::from_millis(400));
        let began = Instant::now();
        let inbox = tempfile::tempdir().unwrap();
        let result = reach(&world, &mut exchange)
            .and_then(|reached| put(&world, &mut exchange, &reached))
            .and_then(|_| exchange.get(&world, &folder(), &entry(), &inbox.path().join("x")))
            .and_then(|()| exchange.delete(&world, &folder(), &name()));
        let error = result.unwrap_err();
        assert!(matches!(error, ExchangeError::Unreachable { .. }) && error.to_string().contains("sign of life"), "{operation}: {error:?}");
        assert!(began.elapsed() < Duration::from_secs(30), "{operation}");
    }
    let (_place, world, exchange, reached) = ready("put:work");
    put(&world, &mut exchange.with_quiet(Duration::from_millis(900)), &reached).expect("it says all the time that it lives");
}

fn output_is_bounded_and_read_strictly() {
    for (fault, words) in [
        ("list:flood", "more than 1024 bytes"),
        ("list:lines", "more than"),
        ("list:print x.fpk 10", "is not `SIZE NAME`"),
        ("list:print -1 x.fpk", "is not `SIZE NAME`"),
        ("list:print x.fpk", "is not `SIZE NAME`"),
        ("probe:print rename perhaps", "promises nothing"),
        ("probe:flood", "more than 1024 bytes"),
    ] {
        let (_place, world, mut exchange, _) = ready(fault);
        let result = reach(&world, &mut exchange).and_then(|_| exchange.list(&world, &folder()));
        let error = result.unwrap_err();
        assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains(words), "{fault}: {error:?}");
    }
    let (_place, world, mut exchange, _) = ready("list:print 5 ../x\n6 .hidden\n7 x.part\n8 with space\n9 good.fpk\n10 Upper\r");
    let found = exchange.list(&world, &folder()).unwrap();
    assert_eq!(found, [Entry { name: FileName::new("good.fpk").unwrap(), bytes: 9 }]);
    let (_place, world, mut exchange, reached) = ready("put:complain");
    let error = put(&world, &mut exchange, &reached).unwrap_err().to_string();
    assert!(error.ends_with("the [31mreason") && error.len() < 600, "{error}");
    let (_place, world, mut exchange, _) = ready("probe:print nothing known");
    let weakest = reach(&world, &mut exchange).unwrap().capabilities();
    assert_eq!(weakest.rename, Rename::Unsupported, "what is not promised is not promised");
}

fn a_put_that_is_cut_off_and_called_done_is_seen() {
    let (_place, world, mut exchange, reached) = ready("put:cut");
    let error = put(&world, &mut exchange, &reached).unwrap_err();
    assert!(matches!(error, ExchangeError::SizeDiffers { expected: 10, found: 5, .. }), "{error:?}");
    assert!(waiting(&world, &mut exchange, &folder(), |entry| entry.bytes == 10).unwrap().is_empty());
}

fn without_rename_the_final_name_is_written() {
    let (place, world, mut exchange, _) = ready("final:none");
    let reached = reach(&world, &mut exchange).unwrap();
    put(&world, &mut exchange, &reached).unwrap();
    assert_eq!(std::fs::read(place.path().join("head/anna/x.fpk")).unwrap(), b"0123456789");
}

fn a_get_that_dies_goes_on_and_one_that_lies_is_seen() {
    let (place, world, exchange, reached) = ready("get:half");
    let mut exchange = Retrying::new(exchange);
    put(&world, &mut exchange, &reached).unwrap();
    let inbox = tempfile::tempdir().unwrap();
    let path = fetch(&world, &mut exchange, &folder(), &entry(), inbox.path()).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"0123456789");
    let mut lying = with("get:nothing", place.path(), &Access::default());
    let inbox = tempfile::tempdir().unwrap();
    let error = fetch(&world, &mut lying, &folder(), &entry(), inbox.path()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(inbox.path()).unwrap().count(), 0);
}

fn a_share_that_goes_away_empties_nothing() {
    let (place, world, mut exchange, reached) = ready("none");
    put(&world, &mut exchange, &reached).unwrap();
    let root = place.path();
    let every = |exchange: &mut CommandExchange| {
        let inbox = tempfile::tempdir().unwrap();
        [
            exchange.list(&world, &folder()).map(drop).unwrap_err(),
            exchange.get(&world, &folder(), &entry(), &inbox.path().join("x")).unwrap_err(),
            exchange.put(&world, &folder(), &name(), Content::Bytes(b"x")).unwrap_err(),
            exchange.rename(&world, &folder(), &name(), &FileName::new("y").unwrap()).unwrap_err(),
            exchange.delete(&world, &folder(), &name()).unwrap_err(),
        ]
    };
    std::fs::remove_dir_all(root).unwrap();
    assert!(every(&mut exchange).iter().all(|error| matches!(error, ExchangeError::Unreachable { .. })));
    std::fs::create_dir(root).unwrap();
    let unmounted = |error: &ExchangeError| matches!(error, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. });
    let errors = every(&mut exchange);
    assert!(errors.iter().all(unmounted), "{errors:?}");
    assert_eq!(std::fs::read_dir(root).unwrap().count(), 0, "nothing was made in an unmounted share");
}

fn login_and_protocol_are_in_the_environment_and_in_no_message() {
    let place = tempfile::tempdir().unwrap();
    let mut access = Access { user: Some("field".to_owned()), password: Some(Secret::new("post office")), ..Access::default() };
    mark(&world(), &mut with("environment", place.path(), &access)).unwrap();
    access.password = Some(Secret::new("hunter2"));
    let mut exchange = with("environment", place.path(), &access);
    let error = reach(&world(), &mut exchange).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {exchange:?}").contains("hunter2"));
}

fn what_a_program_leaves_behind_holds_nobody_up() {
    if cfg!(unix) {
        let began = Instant::now();
        let words = ["sh", "-c", "sleep 20 & exit 14"].map(str::to_owned).to_vec();
        let error = reach(&world(), &mut CommandExchange::new(words, &Access::default())).unwrap_err();
        assert!(matches!(error, ExchangeError::Refused { .. }), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

fn the_meter_counts_what_was_carried() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let listener = move |bytes| {
        counting.fetch_add(bytes, Ordering::Relaxed);
    };
    let access = Access { meter: Meter::new(None, Some(Box::new(listener))), ..Access::default() };
    let (place, world, _, reached) = ready("none");
    let mut exchange = with("none", place.path(), &access);
    put(&world, &mut exchange, &reached).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 10);
    let inbox = tempfile::tempdir().unwrap();
    std::fs::write(inbox.path().join("x.fpk.part"), b"0123").unwrap();
    fetch(&world, &mut exchange, &folder(), &entry(), inbox.path()).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 16, "what was there already is not counted");
}
