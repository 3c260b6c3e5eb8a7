//! 50,000 changed records of 200,000 with 21 columns: sealing, building, applying and the packet's size, each against
//! what blind prepared updates (or row-wise JSON) take.
//!
//! `cargo bench --bench rounds`; with `--features session` also against `changeset_apply` of SQLite's session extension, for which
//! libclang must be there.

mod support;

use std::io::Write;

use fieldpost::sync::{round::Halves, seal};
use rusqlite::Connection;
use support::{Goal, Keys, Samples, Sites, connect, edit, fill, report, scattered, timed, value, wanted};

const RECORDS: u64 = 200_000;
const CHANGED: u64 = 50_000;
const ROUNDS: u64 = 5;
/// Changes that a slice takes in its time on a machine that has nothing else to do, about.
const SLICE: u64 = 2_500;

fn main() {
    for keys in Keys::BOTH.into_iter().filter(|keys| wanted(keys.word())) {
        measure(keys);
    }
}

fn measure(keys: Keys) {
    println!("\n{} changed of {RECORDS} records, {}", CHANGED, keys.word());
    let sites = Sites::both(keys, RECORDS, "wal");
    let plain = sites.folder.path().join("plain.db");
    fill(&plain, keys, RECORDS, "wal");
    let plain = connect(&plain);
    let captured = connect(&sites.database("head"));
    let numbers = scattered(CHANGED, RECORDS);
    let mut ordered = numbers.clone();
    ordered.sort_unstable();
    #[cfg(feature = "session")]
    let (changesets, mut by_changeset) = (changesets::Pair::beside(&sites.database("head"), &captured), Samples(Vec::new()));
    let [mut blind, mut blind_sorted, mut noted, mut sealing, mut building, mut applying] = [const { Samples(Vec::new()) }; 6];
    let mut packet = 0;
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        blind.0.push(timed(|| edit(&plain, keys, &numbers, 2 * round)).0);
        blind_sorted.0.push(timed(|| edit(&plain, keys, &ordered, 2 * round + 1)).0);
        noted.0.push(timed(|| edit(&captured, keys, &numbers, round)).0);
        times = noted_times(&captured, &numbers);
        let mut head = sites.session("head");
        let (taken, sealed) = timed(|| seal::seal(&head).unwrap());
        assert_eq!(sealed.changed, CHANGED);
        sealing.0.push(taken);
        let (taken, built) = timed(|| sites.run(&mut head, Halves::Send));
        building.0.push(taken);
        packet = built.built.iter().map(|packet| packet.bytes).sum();
        drop(head);
        let mut south = sites.session("south");
        // By time a slice would hold less the more else the machine has to do.
        (south.limits.slice_changes, south.limits.slice_millis) = (SLICE, i64::MAX);
        let (taken, applied) = timed(|| sites.run(&mut south, Halves::Receive));
        assert_eq!(applied.applied.iter().map(|packet| packet.tally.changes).sum::<u64>(), CHANGED);
        applying.0.push(taken);
        drop(south);
        #[cfg(feature = "session")]
        by_changeset.0.push(changesets.apply(|source| edit(source, keys, &numbers, round)));
        sites.settle();
    }
    for (what, samples) in [
        ("blind updates", &blind),
        ("blind updates in key order", &blind_sorted),
        ("blind updates with capture", &noted),
        ("seal", &sealing),
        ("build and deposit", &building),
        ("collect, verify and apply", &applying),
    ] {
        println!("  {what:<32} {:>6.0} ms user+system, {:>6.0} ms wall", samples.cpu() * 1e3, samples.wall() * 1e3);
    }
    report("sealing: speed against blind updates", blind.cpu() / sealing.cpu(), "", Goal::AtLeast(0.55));
    report("sealing: the same, updates in key order", blind_sorted.cpu() / sealing.cpu(), "", Goal::AtLeast(0.55));
    report("applying: time against blind updates with capture", applying.cpu() / noted.cpu(), " ×", Goal::AtMost(1.3));
    #[cfg(feature = "session")]
    report("applying: time against changeset_apply with capture", applying.cpu() / by_changeset.cpu(), " ×", Goal::AtMost(1.0));
    let rows = rows_deflated(keys, &times, ROUNDS);
    println!("  packet {packet} bytes, row-wise JSON lines deflated {rows} bytes");
    #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
    report("packet: bytes against row-wise JSON lines deflated", packet as f64 / rows as f64, " ×", Goal::AtMost(0.8));
}

/// Record and time of every edit, in key order. The packet carries these times; rows with others would deflate otherwise.
fn noted_times(captured: &Connection, numbers: &[u64]) -> Vec<(u64, i64)> {
    let mut notes =
        captured.prepare("SELECT note >> 3 FROM _fieldpost_log_contact WHERE note IS NOT NULL ORDER BY n DESC LIMIT ?1").unwrap();
    let times = notes.query_map([CHANGED.cast_signed()], |row| row.get(0)).unwrap().map(Result::unwrap);
    let mut times: Vec<(u64, i64)> = numbers.iter().rev().copied().zip(times).collect();
    assert_eq!(times.len() as u64, CHANGED);
    times.sort_unstable();
    times
}

/// The same information by row: `{"table","key","fields":{name:[old,new]},"time","by"}` per record, in key order.
fn rows_deflated(keys: Keys, edits: &[(u64, i64)], version: u64) -> usize {
    use rusqlite::types::Value as Sql;
    let json = |value: Sql| match value {
        Sql::Null | Sql::Blob(_) => serde_json::Value::Null,
        Sql::Integer(number) => number.into(),
        Sql::Real(number) => number.into(),
        Sql::Text(text) => text.into(),
    };
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    for (number, time) in edits {
        let both = |field| [json(value(*number, field, version - 1)), json(value(*number, field, version))];
        let key = json(keys.key(*number));
        let line = serde_json::json!({
            "table": "contact", "key": [key], "fields": { "f03": both(3), "f17": both(17) }, "time": time, "by": "head",
        });
        writeln!(deflate, "{line}").unwrap();
    }
    deflate.finish().unwrap().len()
}

/// The same edits by SQLite's session extension: nothing but the database is written, no packet is opened, and who held what is not kept.
#[cfg(feature = "session")]
mod changesets {
    use std::path::Path;

    use rusqlite::Connection;
    use rusqlite::session::{ConflictAction, Session};

    use super::support::{Taken, connect, timed};

    /// Two copies of a database with capture: one to edit, one to apply to.
    pub struct Pair {
        source: Connection,
        target: Connection,
    }

    impl Pair {
        pub fn beside(path: &Path, database: &Connection) -> Self {
            let copy = |name: &str| {
                let path = path.with_file_name(name);
                database.execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
                let copy = connect(&path);
                copy.pragma_update(None, "journal_mode", "wal").unwrap();
                copy
            };
            Self { source: copy("source.db"), target: copy("target.db") }
        }

        /// What applying the changeset of `edit` took.
        pub fn apply(&self, edit: impl FnOnce(&Connection)) -> Taken {
            let mut session = Session::new(&self.source).unwrap();
            session.attach(Some("contact")).unwrap();
            edit(&self.source);
            let changeset = session.changeset().unwrap();
            drop(session);
            let filter = None::<fn(&str) -> bool>;
            timed(|| self.target.apply(&changeset, filter, |_, _| ConflictAction::SQLITE_CHANGESET_ABORT).unwrap()).0
        }
    }
}
