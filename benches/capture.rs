//! What capture costs the application: user and system time of the same writes with and without it, and bytes of log.
//!
//! Beside it stands what no capture by triggers can go below: triggers that do nothing but append the number 1 to a table.
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
const ROUNDS: u64 = 9;

/// What any trigger that notes something costs at least.
const LEAST: &str = "CREATE TABLE least(n INTEGER PRIMARY KEY, one);
    CREATE TRIGGER i AFTER INSERT ON contact BEGIN INSERT INTO least(one) VALUES(1); END;
    CREATE TRIGGER u AFTER UPDATE ON contact BEGIN INSERT INTO least(one) VALUES(1); END;
    CREATE TRIGGER d AFTER DELETE ON contact BEGIN INSERT INTO least(one) VALUES(1); END";

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
        let [plain, captured, least] = ["plain.db", "captured.db", "least.db"].map(|name| folder.path().join(name));
        for path in [&plain, &captured, &least] {
            fill(path, keys, RECORDS, "wal");
        }
        let database = Database::open(&captured, std::time::Duration::from_secs(10)).unwrap();
        let shapes = database.survey(&fieldpost::rules::Rules::default()).unwrap().shapes;
        database.arm(&World::real(), &shapes, &PairId([7; 16])).unwrap();
        database.close().unwrap();
        let [plain, captured, least] = [plain, captured, least].map(|path| connect(&path));
        least.execute_batch(LEAST).unwrap();
        let clear = || {
            for (connection, log) in [(&captured, "_fieldpost_log_contact"), (&least, "least")] {
                connection.execute_batch(&format!("DELETE FROM {log} WHERE n < (SELECT max(n) FROM {log})")).unwrap();
            }
        };
        for anew in [false, true] {
            for write in [Write::OneField, Write::WholeRow, Write::Insert, Write::Delete] {
                let what = format!("{write:?}, {}, {}", keys.word(), if anew { "prepared anew" } else { "prepared once" });
                if !wanted(&what) {
                    continue;
                }
                let connections = [&plain, &captured, &least];
                let mut samples = [const { Samples(Vec::new()) }; 3];
                for round in 1..=ROUNDS {
                    // A, B, C, then B, C, A and so on: what the one before does to the machine falls on all.
                    for turn in 0..3 {
                        let place = usize::try_from((round + turn) % 3).unwrap();
                        prepare(connections[place], keys, write);
                        samples[place].0.push(run(connections[place], keys, write, anew, round));
                        undo(connections[place], keys, write);
                    }
                    clear();
                }
                let [off, on, least] = samples.map(|samples| samples.cpu());
                let goal = if anew { 1.7 } else { 1.25 };
                report(&what, on / off, " ×", Goal::AtMost(goal));
                println!("  without capture {:.2} µs each, the least trigger {:.2} ×", off / WRITES as f64 * 1e6, least / off);
            }
        }
        // The number of a note takes three bytes from its 16,384th on, a fourth from its 2,097,152nd.
        captured.execute_batch("DELETE FROM _fieldpost_log_contact; INSERT INTO _fieldpost_log_contact(n) VALUES(1000000)").unwrap();
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
        Write::Insert => (insert_sql(FIELDS), guests().map(|number| whole_row(keys, number, version)).collect()),
        Write::Delete => ("DELETE FROM contact WHERE id = ?1".into(), guests().map(|number| vec![keys.key(number)]).collect()),
    }
}
