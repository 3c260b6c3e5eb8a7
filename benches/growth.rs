//! 1,000 changes in a table of 10,000 and in one of 1,000,000 records: sealing, building and applying must cost the same.
//!
//! `cargo bench --bench growth`. Narrow records: what counts is how many there are.

mod support;

use fieldpost::sync::round::Halves;
use support::{Goal, Keys, Samples, Sites, connect, edit, report, scattered, timed};

const CHANGED: u64 = 1_000;
const ROUNDS: u64 = 7;

fn main() {
    let started = std::time::Instant::now();
    let tables = [10_000, 1_000_000].map(|records| (records, Sites::both_narrow(Keys::Integer, records, "wal")));
    let mut samples = [Samples::default(), Samples::default()];
    println!("  both tables filled, taken in and loaded at both sites after {:.0} s", started.elapsed().as_secs_f64());
    // The first round warms both up.
    for round in 0..=ROUNDS {
        for ((records, sites), samples) in tables.iter().zip(&mut samples) {
            // The same neighbourhoods of records in both: what scatters further meets more pages in any database.
            edit(&connect(&sites.database("head")), sites.keys, &scattered(CHANGED, 10_000), round + 1);
            let (mut head, mut south) = (sites.session("head"), sites.session("south"));
            let sent = timed(|| sites.run(&mut head, Halves::Send));
            let received = timed(|| sites.run(&mut south, Halves::Receive));
            assert_eq!(sent.1.sealed, CHANGED, "of {records}");
            assert_eq!(received.1.applied.iter().map(|packet| packet.tally.changes).sum::<u64>(), CHANGED);
            if round > 0 {
                samples.0.push(support::Taken { cpu: sent.0.cpu + received.0.cpu, wall: sent.0.wall + received.0.wall });
            }
            drop((head, south));
            sites.settle();
        }
    }
    for ((records, _), samples) in tables.iter().zip(&samples) {
        println!(
            "  {CHANGED} changes of {records:>9} records: {:>6.1} ms user+system, {:>6.1} ms wall",
            samples.cpu() * 1e3,
            samples.wall() * 1e3
        );
    }
    report("seal, build and apply: large table against small", samples[1].cpu() / samples[0].cpu(), " ×", Goal::AtMost(1.3));
}
