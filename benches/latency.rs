//! How long does an edit take from one site to another where both watch one folder? Edit, seal, deposit, notice, apply: all of it.
//!
//! `cargo bench --bench latency`. Beside it the same edit carried by two runs of `fieldpost sync`, one at each end, started at once by hand:
//! what there would be without noticing anything.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

const ROUNDS: usize = 31;

fn run(folder: &Path, line: &str) {
    let done = Command::new(env!("CARGO_BIN_EXE_fieldpost")).args(line.split(' ')).current_dir(folder).output().expect("fieldpost runs");
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

fn watch(folder: &Path, site: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(["--home", site, "watch", "--quiet"]).current_dir(folder).stdin(Stdio::null()).spawn().expect("a watch")
}

fn open(path: PathBuf) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.busy_timeout(Duration::from_secs(10)).expect("a timeout");
    connection
}

fn until_there(there: &Connection, value: i64) {
    let arrived = || there.query_row("SELECT v FROM t WHERE id = 'A'", [], |row| row.get::<_, i64>(0)).expect("a row") == value;
    while !arrived() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn median(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    (times[times.len() / 2].as_secs_f64() * 1e3, times[times.len() - 1].as_secs_f64() * 1e3)
}

fn main() {
    let top = tempfile::tempdir().expect("a folder");
    let folder = top.path();
    for name in ["share", "head"] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
    }
    std::fs::write(folder.join("head/rules.toml"), "[tables.t]\npriority = 'critical'\n").expect("rules");
    let schema = "PRAGMA journal_mode = WAL; CREATE TABLE t (id TEXT PRIMARY KEY, v INTEGER); INSERT INTO t VALUES ('A', 0)";
    open(folder.join("head/shop.db")).execute_batch(schema).expect("a schema");
    run(folder, "init --home head --name head --database head/shop.db --exchange share");
    run(folder, "invite anna --home head --out anna.invite");
    run(folder, "join anna.invite --home anna --exchange share");
    for site in ["head", "anna", "head"] {
        run(folder, &format!("sync --home {site}"));
    }
    let (here, there) = (open(folder.join("anna/shop.db")), open(folder.join("head/shop.db")));
    let mut by_hand = Vec::new();
    for value in 1..=ROUNDS as i64 {
        let began = Instant::now();
        here.execute("UPDATE t SET v = ?", [value]).expect("an edit");
        run(folder, "sync --home anna --quiet");
        run(folder, "sync --home head --quiet");
        until_there(&there, value);
        by_hand.push(began.elapsed());
    }
    let mut watches = ["head", "anna"].map(|site| watch(folder, site));
    std::thread::sleep(Duration::from_secs(3));
    let mut watched = Vec::new();
    for value in 1001..=1000 + ROUNDS as i64 {
        let began = Instant::now();
        here.execute("UPDATE t SET v = ?", [value]).expect("an edit");
        until_there(&there, value);
        watched.push(began.elapsed());
        std::thread::sleep(Duration::from_millis(700));
    }
    for watch in &mut watches {
        watch.kill().expect("a watch ends");
        watch.wait().expect("a watch ends");
    }
    let ((by_hand, _), (watched, longest)) = (median(by_hand), median(watched));
    println!("two runs of sync by hand   median {by_hand:.0} ms");
    println!("two watches on one folder  median {watched:.0} ms, longest {longest:.0} ms: {:.1} × by hand", watched / by_hand);
}
