//! How long does the application wait for us at most, while a round with 50,000 changes runs? With WAL and without.
//!
//! `cargo bench --bench waiting`. A thread with a connection of its own writes one record after the other, each in a
//! transaction of its own, and takes the time from asking for the lock to the end of the commit. The longest time of
//! the same writes without a round is printed for comparison: it is what the disk does.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fieldpost::sync::round::Halves;
use support::{Goal, Keys, Sites, connect, edit, report, scattered, wanted};

const RECORDS: u64 = 200_000;
const CHANGED: u64 = 50_000;

fn main() {
    for journal in ["wal", "delete"] {
        if !wanted(journal) {
            continue;
        }
        println!("\njournal mode {journal}");
        let sites = Sites::both(Keys::Integer, RECORDS, journal);
        connect(&sites.database("south")).pragma_update(None, "journal_mode", journal).unwrap();
        let idle = Writer::start(&sites, "head");
        std::thread::sleep(Duration::from_secs(2));
        println!("  without a round: {}", idle.stop());
        edit(&connect(&sites.database("head")), sites.keys, &scattered(CHANGED, RECORDS), 1);
        let mut head = sites.session("head");
        let writer = Writer::start(&sites, "head");
        sites.run(&mut head, Halves::Both);
        let waited = writer.stop();
        println!("  while sealing and building: {waited}");
        report(&format!("longest wait while sealing and building, {journal}"), waited.longest, " ms", Goal::AtMost(250.0));
        let mut south = sites.session("south");
        let writer = Writer::start(&sites, "south");
        sites.run(&mut south, Halves::Both);
        let waited = writer.stop();
        println!("  while applying: {waited}");
        report(&format!("longest wait while applying, {journal}"), waited.longest, " ms", Goal::AtMost(250.0));
    }
}

/// An application that keeps writing.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Waited>,
}

/// Milliseconds.
struct Waited {
    writes: usize,
    longest: f64,
    half: f64,
}

impl std::fmt::Display for Waited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} writes, half of them within {:.1} ms, longest {:.0} ms", self.writes, self.half, self.longest)
    }
}

impl Writer {
    fn start(sites: &Sites, site: &str) -> Self {
        let (path, keys, stop) = (sites.database(site), sites.keys, Arc::new(AtomicBool::new(false)));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let connection = connect(&path);
            let mut waits = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let started = Instant::now();
                edit(&connection, keys, &[4 * waits.len() as u64 % RECORDS + 1], 7 + waits.len() as u64);
                waits.push(started.elapsed().as_secs_f64() * 1e3);
                std::thread::sleep(Duration::from_millis(2));
            }
            waits.sort_by(f64::total_cmp);
            Waited { writes: waits.len(), longest: *waits.last().unwrap(), half: waits[waits.len() / 2] }
        });
        Self { stop, thread }
    }

    fn stop(self) -> Waited {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
