//! Two hundred histories of several sites each, judged by a referee that sees only what a person can see.

#[path = "simulation/mod.rs"]
mod engine;

use std::sync::Mutex;

/// Histories in every `cargo test`. `examples/simulate.rs` runs as many as wanted.
const SEEDS: u64 = 200;

#[test]
fn whatever_happens_nothing_is_lost_and_all_sites_end_the_same() {
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    engine::run_many(0..SEEDS, threads, &|seed, outcome| {
        if !outcome.wrong.is_empty() {
            failed.lock().unwrap().push((seed, outcome.wrong.clone()));
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    if let Some((seed, wrong)) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
        panic!("seeds {seeds:?} fail; {seed}:\n  {}\nreplay: cargo run --release --example simulate -- --seed {seed}", wrong.join("\n  "));
    }
}
