//! Two hundred histories of several sites each, judged by a referee that sees only what a person can see.

#[path = "simulation/mod.rs"]
mod engine;

use std::sync::Mutex;

use engine::history::Kind;
use engine::sweep::Story;

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

/// Histories in which the main office changes its schema while all edit.
const CHANGING: u64 = 24;

#[test]
fn a_schema_that_changes_under_everybodys_hands_loses_nothing_and_is_the_same_everywhere() {
    all_are_good(CHANGING, Kind::Changing, " --changing");
}

/// Histories with documents.
const DOCUMENTS: u64 = 14;

#[test]
fn documents_edited_moved_and_deleted_everywhere_are_the_same_in_all_folders_and_none_is_lost() {
    all_are_good(DOCUMENTS, Kind::Documents, " --documents");
}

/// Histories with bundles, many of them over two exchanges.
const BUNDLES: u64 = 14;

#[test]
fn bundles_are_at_every_site_that_they_are_for_and_go_without_a_trace() {
    all_are_good(BUNDLES, Kind::Bundles, " --bundles");
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
    killed(Story::Edits, SAMPLED);
}

/// As [`SAMPLED`], where a history is longer.
const SAMPLED_CHANGES: usize = 40;

#[test]
fn killed_while_schema_documents_and_bundles_travel_the_same_history_ends_the_same() {
    killed(Story::Changes, SAMPLED_CHANGES);
}

fn killed(story: Story, sampled: usize) {
    let clean = engine::sweep::run(story, None);
    assert!(clean.wrong.is_empty(), "{:#?}", clean.wrong);
    let deaths: Vec<_> = engine::sweep::deaths(&clean).into_iter().step_by(sampled).collect();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let wrong = engine::sweep::sweep(story, &clean, &deaths, threads);
    assert!(wrong.is_empty(), "{} of {} deaths: {:#?}", wrong.len(), deaths.len(), wrong.first());
}
