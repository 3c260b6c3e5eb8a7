//! The long run of the simulation, and the replay of one history.
//!
//! `simulate --seeds 100000` runs that many histories (`--from N` begins elsewhere) and prints what fails.
//! `simulate --sweep` kills two fixed histories before each of their durable steps; with `--part 1 --of 3` every third of them, from the first.
//! `simulate --seed N` prints what happened in one; with `--shrink` in the shortest history that fails the same way.
//! With `--no-clashes` no two sites hand out the same number; with `--ruled` all histories are under rules that were drawn; with
//! `--adding` applications do nothing but add to numbers; with `--changing` the main office changes its schema; with `--documents` every site
//! has a folder of documents; with `--bundles` it publishes bundles.

#[path = "../tests/simulation/mod.rs"]
mod engine;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use engine::history::Kind;
use engine::sweep::Story;

/// Histories of a kind that can be asked for.
const KINDS: [(&str, Kind); 6] = [
    ("--no-clashes", Kind::WithoutClashes),
    ("--ruled", Kind::Ruled),
    ("--adding", Kind::Adding),
    ("--changing", Kind::Changing),
    ("--documents", Kind::Documents),
    ("--bundles", Kind::Bundles),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let kind = KINDS.iter().find(|(name, _)| asked(name)).map_or(Kind::All, |(_, kind)| *kind);
    if let Some(seed) = number("--seed") {
        return replay(seed, kind, arguments.iter().any(|argument| argument == "--shrink"));
    }
    if arguments.iter().any(|argument| argument == "--sweep") {
        return sweep(number("--part").unwrap_or(1), number("--of").unwrap_or(1));
    }
    let Some(count) = number("--seeds") else {
        eprintln!(
            "usage: simulate --seeds COUNT [--from SEED] [KIND] | --seed SEED [--shrink] [KIND] | --sweep [--part N --of N]; KIND: --no-clashes, --ruled, --adding, --changing, --documents, --bundles"
        );
        return ExitCode::from(2);
    };
    many(number("--from").unwrap_or(0), count, kind)
}

fn replay(seed: u64, kind: Kind, shrink: bool) -> ExitCode {
    let (mut setting, mut ops) = engine::history::history(seed, kind);
    if shrink {
        (setting, ops) = engine::shrink(&setting, &ops);
        ops.iter().for_each(|op| println!("op {op:?}"));
    }
    let outcome = engine::run_seen(&setting, &ops, true);
    outcome.trace.iter().for_each(|line| println!("{line}"));
    outcome.wrong.iter().for_each(|wrong| println!("WRONG: {wrong}"));
    if outcome.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Kills fixed histories before each of their durable steps, or before every so-manyth: several processes share a sweep.
fn sweep(part: u64, of: u64) -> ExitCode {
    let mut all_good = true;
    for story in [Story::Edits, Story::Changes] {
        let clean = engine::sweep::run(story, None);
        clean.wrong.iter().for_each(|wrong| println!("{story:?}, the clean run: {wrong}"));
        let all = engine::sweep::deaths(&clean);
        let deaths: Vec<_> = (1..).zip(all).filter(|(place, _)| place % of.max(1) == part % of.max(1)).map(|(_, death)| death).collect();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let wrong = engine::sweep::sweep(story, &clean, &deaths, threads);
        wrong.iter().for_each(|wrong| println!("{wrong}"));
        println!("{story:?}: {} deaths, {} wrong", deaths.len(), wrong.len());
        all_good &= wrong.is_empty() && clean.wrong.is_empty();
    }
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(from: u64, count: u64, kind: Kind) -> ExitCode {
    let began = Instant::now();
    let failed: Mutex<BTreeMap<u64, String>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    engine::run_many(from..from + count, kind, threads, &|seed, outcome| {
        if let Some(wrong) = outcome.wrong.first() {
            println!("seed {seed}: {wrong}");
            failed.lock().expect("no holder panics").insert(seed, wrong.clone());
        }
    });
    let failed = failed.into_inner().expect("no holder panics");
    let mut classes: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (seed, wrong) in &failed {
        classes.entry(wrong.split_whitespace().next().unwrap_or_default()).or_default().push(*seed);
    }
    for (class, seeds) in &classes {
        println!("{class}: {} of {count}, first {:?}", seeds.len(), &seeds[..seeds.len().min(10)]);
    }
    println!("{count} histories in {:.1} s, {} failed", began.elapsed().as_secs_f64(), failed.len());
    match failed.keys().next() {
        None => ExitCode::SUCCESS,
        Some(seed) => {
            let more = KINDS.iter().find(|(_, one)| *one == kind).map_or("", |(name, _)| *name);
            println!("replay: cargo run --release --example simulate -- --seed {seed} --shrink {more}");
            ExitCode::FAILURE
        }
    }
}
