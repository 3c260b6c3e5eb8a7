//! A person at a terminal is asked, goes through open conflicts, and reads what a window says: util-linux's `script` is the terminal.

#[path = "../binary/mod.rs"]
mod binary;

use std::io::Write as _;
use std::process::{Command, Stdio};

use binary::Office;

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, phone TEXT);
    INSERT INTO customers VALUES ('A', '1'), ('B', '2'), ('C', '3'), ('D', '4');";

/// Types these lines at a terminal in which a command runs. Gives what was to be seen.
fn typed(office: &Office, line: &str, keys: &str) -> String {
    let command = format!("{} {line}", env!("CARGO_BIN_EXE_fieldpost"));
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(office.path(""));
    let mut running = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script` is installed");
    running.stdin.take().unwrap().write_all(keys.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).replace('\r', "")
}

#[test]
#[ignore = "needs script: run by .ci/run"]
fn whoever_is_asked_decides_conflict_by_conflict() {
    let office = Office::pair(SCHEMA, "default = 'review'\n");
    office.sql("anna", "UPDATE customers SET phone = 'anna'");
    office.sql("head", "UPDATE customers SET phone = 'head'");
    office.ok("sync --home anna");
    office.run("sync --home head");

    let seen = typed(&office, "conflicts resolve --home head", "t\nx\nv\n0222\ns\nk\n");
    for words in [
        "1 of 4",
        "Conflict 1: customers A",
        "lost    'anna'",
        "'x' is none of them",
        "new value?",
        "4 of 4",
        "3 conflicts are settled",
        "you left it for later",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    let phones = "SELECT group_concat(phone) FROM (SELECT phone FROM customers ORDER BY id)";
    let connection = rusqlite::Connection::open(office.path("head").join("shop.db")).unwrap();
    assert_eq!(connection.query_row(phones, [], |row| row.get::<_, String>(0)).unwrap(), "anna,0222,head,head");
    assert!(office.ok("conflicts customers B --home head").out.contains("a person set it to '0222', at 'head'"));
    // Whoever has enough goes; the rest waits.
    assert!(typed(&office, "conflicts resolve --home head", "q\n").contains("0 conflicts are settled"));
    assert_eq!(office.run("conflicts --open --home head").code, 3);
}

#[test]
#[ignore = "needs script: run by .ci/run"]
fn a_window_closes_by_itself_when_all_is_well_and_waits_when_it_is_to_be_read() {
    let office = Office::pair(SCHEMA, "");
    office.sql("anna", "UPDATE customers SET phone = '5'");
    let seen = typed(&office, "sync --window --home anna", "");
    assert!(seen.contains("4 of your changes were sent. Everything is done.") && seen.contains("closes in 5 seconds"), "{seen}");
    assert!(!seen.contains("Press Enter"), "{seen}");
    office.rename("share", "away");
    let seen = typed(&office, "sync --window --home anna", "\n");
    assert!(seen.contains("cannot be reached just now") && seen.contains("Press Enter to close") && !seen.contains("closes in"), "{seen}");
}

#[test]
#[ignore = "needs script: run by .ci/run"]
fn a_service_is_shown_before_it_is_installed_and_whoever_says_no_keeps_the_crontab() {
    let office = Office::pair(SCHEMA, "");
    let seen = typed(&office, "service install --kind cron --home anna", "n\n");
    let (shown, asked) = (seen.find("*/15 * * * * "), seen.find("write and run this (y/N)?"));
    assert!(shown.is_some() && shown < asked, "{seen}");
    assert!(seen.contains("nothing was done") && !seen.contains("Installed"), "{seen}");
}
