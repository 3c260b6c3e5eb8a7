//! What capture costs the application: user and system time of the same writes with and without it, and bytes of log.
//!
//! `cargo bench --bench capture`, with words like `text` or `insert` for a part of it.

mod support;

use fieldpost::database::Database;
use fieldpost::model::PairId;
use fieldpost::world::World;
use rusqlite::Connection;
use rusqlite::types::Value;
use support::{FIELDS, Goal, Keys, Samples, connect, field_names, fill, insert_sql, report, scattered, timed, value, wanted, whole_row};

const RECORDS: u64 = 200_000;
const WRITES: u64 = 20_000;
/// Writes in one transaction: without the cost of making each durable, which would hide ours.
const TRANSACTION: usize = 1_000;
const ROUNDS: u64 = 7;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    OneField,
    WholeRow,
    Insert,
    Delete,
}

fn main() {
    for keys in Keys::BOTH {
        let folder = tempfile::tempdir().unwrap();
        let [plain, captured] = ["plain.db", "captured.db"].map(|name| folder.path().join(name));
        for path in [&plain, &captured] {
            fill(path, keys, RECORDS, "wal");
        }
        let database = Database::open(&captured, std::time::Duration::from_secs(10)).unwrap();
        let shapes = database.survey(&fieldpost::rules::Rules::default()).unwrap().shapes;
        database.arm(&World::real(), &shapes, &PairId([7; 16])).unwrap();
        database.close().unwrap();
        let [plain, captured] = [connect(&plain), connect(&captured)];
        let clear =
            || captured.execute_batch("DELETE FROM _fieldpost_log_contact WHERE n < (SELECT max(n) FROM _fieldpost_log_contact)").unwrap();
        for anew in [false, true] {
            for write in [Write::OneField, Write::WholeRow, Write::Insert, Write::Delete] {
                let what = format!("{write:?}, {}, {}", keys.word(), if anew { "prepared anew" } else { "prepared once" });
                if !wanted(&what) {
                    continue;
                }
                let [mut off, mut on] = [Samples::default(), Samples::default()];
                for round in 1..=ROUNDS {
                    // A, B, then B, A: what the first of two does to the machine falls on both.
                    for with in [round % 2 == 0, round % 2 == 1] {
                        let (connection, samples) = if with { (&captured, &mut on) } else { (&plain, &mut off) };
                        prepare(connection, keys, write);
                        samples.0.push(run(connection, keys, write, anew, round));
                        undo(connection, keys, write);
                    }
                    clear();
                }
                let goal = if anew { 1.7 } else { 1.25 };
                report(&what, on.cpu() / off.cpu(), " ×", Goal::AtMost(goal));
            }
        }
        run(&captured, keys, Write::OneField, false, 99);
        let bytes: f64 = captured
            .query_row("SELECT (SELECT sum(pgsize) FROM dbstat WHERE name = '_fieldpost_log_contact') * 1.0 / count(*) FROM _fieldpost_log_contact", [], |row| row.get(0))
            .unwrap();
        report(&format!("log per change, {}", keys.word()), bytes, " bytes", Goal::AtMost(30.0));
    }
}

/// Numbers of records that come and go.
fn guests() -> impl Iterator<Item = u64> {
    RECORDS..RECORDS + WRITES
}

fn prepare(connection: &Connection, keys: Keys, write: Write) {
    if write == Write::Delete {
        run(connection, keys, Write::Insert, false, 0);
    }
}

fn undo(connection: &Connection, keys: Keys, write: Write) {
    if write == Write::Insert {
        run(connection, keys, Write::Delete, false, 0);
    }
}

fn run(connection: &Connection, keys: Keys, write: Write, anew: bool, version: u64) -> support::Taken {
    let (sql, rows) = statements(keys, write, version);
    let work = || {
        for rows in rows.chunks(TRANSACTION) {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            let mut once = connection.prepare(&sql).unwrap();
            for row in rows {
                let parameters = rusqlite::params_from_iter(row);
                if anew {
                    connection.prepare(&sql).unwrap().execute(parameters).unwrap();
                } else {
                    once.execute(parameters).unwrap();
                }
            }
            drop(once);
            connection.execute_batch("COMMIT").unwrap();
        }
    };
    timed(work).0
}

/// The statement and its parameters, made before time is taken.
fn statements(keys: Keys, write: Write, version: u64) -> (String, Vec<Vec<Value>>) {
    let numbers = scattered(WRITES, RECORDS);
    match write {
        Write::OneField => {
            let row = |number: &u64| vec![value(*number, 3, version), keys.key(*number)];
            ("UPDATE contact SET f03 = ?1 WHERE id = ?2".into(), numbers.iter().map(row).collect())
        }
        Write::WholeRow => {
            let sets: Vec<String> = field_names().iter().zip(2..).map(|(name, place)| format!("{name} = ?{place}")).collect();
            let sql = format!("UPDATE contact SET {} WHERE id = ?1", sets.join(", "));
            assert_eq!(sets.len(), FIELDS);
            (sql, numbers.iter().map(|number| whole_row(keys, *number, version)).collect())
        }
        Write::Insert => (insert_sql(), guests().map(|number| whole_row(keys, number, version)).collect()),
        Write::Delete => ("DELETE FROM contact WHERE id = ?1".into(), guests().map(|number| vec![keys.key(number)]).collect()),
    }
}
