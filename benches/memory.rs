//! The most memory that the first load of 1,000,000 records takes (taking the database in, building at the host, applying at
//! the child), and that a record with a large blob takes.
//!
//! `cargo bench --bench memory`, or one part of it: `-- load`, `-- blob`. Each step runs in a process of its own and reads its peak from `/proc` (Linux only).

mod support;

use std::path::Path;
use std::process::Command;

use fieldpost::exchange::FolderExchange;
use fieldpost::site::{Home, Role};
use fieldpost::sync::{Limits, Session, join, round, start};
use fieldpost::world::World;
use support::{Goal, connect, name, report, wanted};

const RECORDS: i64 = 1_000_000;
const BLOB: u64 = 64 << 20;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, folder, step, ..] = &words[..]
        && step != "--bench"
    {
        return run(Path::new(folder), step);
    }
    if !Path::new("/proc/self/status").exists() {
        println!("skipped: there is no /proc here to read the peak of a process from");
        return;
    }
    if wanted("load") {
        first_load();
    }
    if wanted("blob") {
        large_value();
    }
}

fn first_load() {
    let folder = tempfile::tempdir().unwrap();
    for (step, what) in [
        ("fill", ""),
        ("init", "taking in 1,000,000 records"),
        ("invite", ""),
        ("south", ""),
        ("head", "host builds the first load of 1,000,000 records"),
        ("south", "child applies it"),
        ("head", ""),
    ] {
        let (peak, seconds) = in_a_process(folder.path(), step);
        if !what.is_empty() {
            report(&format!("{what} ({seconds:.0} s)"), peak / 1048576.0, " MiB", Goal::AtMost(190.0));
        }
    }
    let count = |site: &str| -> i64 {
        connect(&folder.path().join(site).join("shop.db")).query_row("SELECT count(*) FROM note", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("head"), count("south")), (RECORDS, RECORDS));
}

/// The whole process, against the size of the value: of an update there are two values, the old one and the new one.
fn large_value() {
    let folder = tempfile::tempdir().unwrap();
    for (step, what) in [
        ("fill-little", ""),
        ("init", ""),
        ("invite", ""),
        ("south", ""),
        ("head", ""),
        ("south", ""),
        ("head", ""),
        ("insert", ""),
        ("head", "host seals and builds a new record with a blob of 64 MiB"),
        ("south", "child applies it"),
        ("head", ""),
        ("update", ""),
        ("head", "host seals and builds an update of that blob"),
        ("south", "child applies it"),
        ("head", ""),
        ("delete", ""),
        ("head", "host seals and builds its delete"),
        ("south", "child applies it"),
    ] {
        let (peak, seconds) = in_a_process(folder.path(), step);
        if !what.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "sizes of memory")]
            report(&format!("{what} ({seconds:.0} s)"), peak / BLOB as f64, " ×", Goal::AtMost(3.0));
        }
        let content = |site: &str| -> Option<(i64, Vec<u8>)> {
            let row = connect(&folder.path().join(site).join("shop.db"));
            row.query_row("SELECT length(content), substr(content, 1, 100) FROM note WHERE id = 9", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .ok()
        };
        if what == "child applies it" {
            assert_eq!(content("head"), content("south"));
        }
    }
}

/// Bytes at the peak of a process that does one step, and how many seconds that took.
fn in_a_process(folder: &Path, step: &str) -> (f64, f64) {
    let started = std::time::Instant::now();
    let output = Command::new(std::env::current_exe().unwrap()).arg(folder).arg(step).output().unwrap();
    assert!(output.status.success(), "{step}: {}", String::from_utf8_lossy(&output.stderr));
    let kilobytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    (kilobytes * 1024.0, started.elapsed().as_secs_f64())
}

/// One step, in this process; prints its peak in KiB.
fn run(folder: &Path, step: &str) {
    let (home, mut exchange) = (folder.join("head"), FolderExchange::new(folder.join("exchange")));
    match step {
        "fill" | "fill-little" => {
            std::fs::create_dir_all(&home).unwrap();
            std::fs::create_dir_all(folder.join("exchange")).unwrap();
            let records = if step == "fill" { RECORDS } else { 5 };
            let sql = format!(
                "PRAGMA journal_mode = wal; CREATE TABLE note (id INTEGER PRIMARY KEY, word TEXT, amount REAL, content BLOB); \
                 INSERT INTO note WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {records}) \
                 SELECT i, 'word ' || i, i / 7.0, NULL FROM n"
            );
            connect(&home.join("shop.db")).execute_batch(&sql).unwrap();
        }
        "insert" | "update" | "delete" => {
            let sql = match step {
                "insert" => format!("INSERT INTO note VALUES (9, 'large', 0, randomblob({BLOB}))"),
                "update" => format!("UPDATE note SET content = randomblob({BLOB}) WHERE id = 9"),
                _ => "DELETE FROM note WHERE id = 9".into(),
            };
            connect(&home.join("shop.db")).execute_batch(&sql).unwrap();
        }
        "init" => {
            let limits = Limits::default();
            start::init(
                &World::real(),
                &home,
                &name("head"),
                "shop.db",
                fieldpost::site::Exchanges::only("memory"),
                &mut [&mut exchange],
                &limits,
                &mut |_, _| {},
            )
            .unwrap();
        }
        "invite" => {
            let text = join::invite(&session(folder, "head"), &name("south"), Role::Remote, &[], join::INVITATION_MILLIS).unwrap();
            join::join(&World::real(), &folder.join("south"), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
        }
        site => drop(round::run(&mut session(folder, site), &mut [&mut exchange], round::Halves::Both, &mut |_| {}).unwrap()),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{}", peak.trim().trim_end_matches("kB").trim());
}

fn session(folder: &Path, site: &str) -> Session {
    let home = folder.join(site);
    Session::open(World::real(), Home::discover(Some(&home), &home).unwrap(), Limits::default()).unwrap()
}
