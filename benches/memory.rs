//! The most memory that the first load of 1,000,000 records takes: taking the database in, building at the host,
//! applying at the child.
//!
//! `cargo bench --bench memory`. Each step runs in a process of its own and reads its peak from `/proc` (Linux only).

mod support;

use std::path::Path;
use std::process::Command;

use fieldpost::exchange::FolderExchange;
use fieldpost::site::{Home, Role};
use fieldpost::sync::{Limits, Session, join, round, start};
use fieldpost::world::World;
use support::{Goal, connect, name, report};

const RECORDS: i64 = 1_000_000;

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
        let started = std::time::Instant::now();
        let output = Command::new(&words[0]).arg(folder.path()).arg(step).output().unwrap();
        assert!(output.status.success(), "{step}: {}", String::from_utf8_lossy(&output.stderr));
        if !what.is_empty() {
            let kilobytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
            report(&format!("{what} ({:.0} s)", started.elapsed().as_secs_f64()), kilobytes / 1024.0, " MiB", Goal::AtMost(190.0));
        }
    }
    let count = |site: &str| -> i64 {
        connect(&folder.path().join(site).join("shop.db")).query_row("SELECT count(*) FROM note", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("head"), count("south")), (RECORDS, RECORDS));
}

/// One step of the first load, in this process; prints its peak in KiB.
fn run(folder: &Path, step: &str) {
    let (home, mut exchange) = (folder.join("head"), FolderExchange::new(folder.join("exchange")));
    match step {
        "fill" => {
            std::fs::create_dir_all(&home).unwrap();
            std::fs::create_dir_all(folder.join("exchange")).unwrap();
            let sql = "PRAGMA journal_mode = wal; CREATE TABLE note (id INTEGER PRIMARY KEY, word TEXT, amount REAL); \
                 INSERT INTO note WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i, 'word ' || i, i / 7.0 FROM n";
            connect(&home.join("shop.db")).execute_batch(sql).unwrap();
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
