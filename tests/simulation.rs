//! Two hundred histories of several sites each, judged by a referee that sees only what a person can see.

#[path = "simulation/mod.rs"]
mod engine;

use std::sync::Mutex;

use engine::history::Kind;

/// Histories in every `cargo test`. `examples/simulate.rs` runs as many as wanted.
const SEEDS: u64 = 200;

#[test]
fn whatever_happens_nothing_is_lost_and_all_sites_end_the_same() {
    all_are_good(SEEDS, Kind::All, "");
}

/// Histories of nothing but differences, under a rule that adds them up.
const ADDING: u64 = 60;

#[test]
fn a_difference_is_added_once_whatever_is_lost_repeated_and_reordered() {
    all_are_good(ADDING, Kind::Adding, " --adding");
}

fn all_are_good(seeds: u64, kind: Kind, more: &str) {
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    engine::run_many(0..seeds, kind, threads, &|seed, outcome| {
        if !outcome.wrong.is_empty() {
            failed.lock().unwrap().push((seed, outcome.wrong.clone()));
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    if let Some((seed, wrong)) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
        let wrong = wrong.join("\n  ");
        panic!("seeds {seeds:?} fail; {seed}:\n  {wrong}\nreplay: cargo run --release --example simulate -- --seed {seed}{more}");
    }
}

/// One of so many durable steps is killed in `cargo test`; `examples/simulate.rs --sweep` kills every one.
const SAMPLED: usize = 9;

#[test]
fn killed_before_any_durable_step_the_same_history_ends_the_same() {
    let clean = engine::sweep::run(None);
    assert!(clean.wrong.is_empty(), "{:#?}", clean.wrong);
    let deaths: Vec<_> = engine::sweep::deaths(&clean).into_iter().step_by(SAMPLED).collect();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let wrong = engine::sweep::sweep(&clean, &deaths, threads);
    assert!(wrong.is_empty(), "{} of {} deaths: {:#?}", wrong.len(), deaths.len(), wrong.first());
}
