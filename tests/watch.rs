//! A watch as people run it: a process of its own at each site, and nothing done by hand.

mod binary;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use binary::Office;
use rusqlite::Connection;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE customers (id TEXT PRIMARY KEY, phone TEXT);
    CREATE TABLE alarms (id TEXT PRIMARY KEY, text TEXT);
    INSERT INTO customers VALUES ('ACME', '1');";

const RULES: &str = "[tables.alarms]\npriority = 'critical'\n";

/// Longer than anything takes on a busy machine; nothing here is measured.
const PATIENCE: Duration = Duration::from_secs(60);

struct Watch(Child);

impl Watch {
    fn start(office: &Office, site: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
        command.args(["--home", site, "watch"]).current_dir(office.path("")).stdin(Stdio::null());
        let log = std::fs::File::create(office.path(&format!("{site}.log"))).unwrap();
        let watch = Self(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        let began = Instant::now();
        loop {
            let seen = office.json(&format!("status --home {site} --json"))["watch"].take();
            if seen.is_object() && seen["why"] != "the watch begins" {
                return watch;
            }
            let log = || office.read(&format!("{site}.log"));
            assert!(began.elapsed() < PATIENCE, "the first round is never over: {seen}\n{}", log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Ends it as an operating system does, and gives the exit code.
    #[cfg(unix)]
    fn stop(mut self) -> i32 {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        self.0.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn phone(database: &Path) -> String {
    let connection = Connection::open(database).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.query_row("SELECT phone FROM customers WHERE id = 'ACME'", [], |row| row.get(0)).unwrap()
}

fn alarms(database: &Path) -> i64 {
    let connection = Connection::open(database).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.query_row("SELECT count(*) FROM alarms", [], |row| row.get(0)).unwrap()
}

/// Sets what the tests of a watch need quicker than people do.
fn quick(office: &Office, site: &str, more: &str) {
    let path = format!("{site}/fieldpost.toml");
    let text = office.read(&path);
    office.write(&path, &format!("{text}\n[watch]\nsettle = \"1s\"\npoll = \"2s\"\n{more}"));
}

fn watched() -> Office {
    let office = Office::pair(SCHEMA, RULES);
    ["head", "anna"].iter().for_each(|site| quick(&office, site, ""));
    office
}

#[test]
fn edits_travel_both_ways_and_critical_ones_by_themselves() {
    let office = watched();
    let _watches = ["head", "anna"].map(|site| Watch::start(&office, site));
    office.sql("anna", "INSERT INTO alarms VALUES ('a', 'now')");
    until("the alarm is at the head", || alarms(&office.path("head/shop.db")) == 1);
    office.sql("head", "UPDATE customers SET phone = '2'");
    until("the edit is at anna's", || phone(&office.path("anna/shop.db")) == "2");
    let log = office.ok("log --home anna").out;
    assert!(log.contains("watch"), "{log}");
    // The round is told once it is over: the record was there a moment before.
    until("anna's watch tells of the packet", || office.read("anna.log").contains("a packet came"));
    // Told is what happened and why, and nothing else.
    let told = office.read("anna.log");
    assert!(told.contains("an edit in a critical table") && told.contains("a packet came") && !told.contains("All in step"), "{told}");
}

#[test]
fn a_slip_in_the_rules_or_settings_is_told_by_the_watch() {
    let office = watched();
    let settings = office.read("anna/fieldpost.toml");
    let _watches = ["head", "anna"].map(|site| Watch::start(&office, site));
    office.write("head/rules.toml", "default = 'newst'\n");
    until("the watch tells of the slip", || office.read("head.log").contains("`newst`"));
    assert!(office.ok("log --home head").out.contains("`newst`"));
    office.write("anna/fieldpost.toml", &format!("{settings}x = 1\n"));
    until("the watch tells of the setting", || office.read("anna.log").contains("`x`"));
}

#[test]
fn documents_travel_by_themselves_once_they_are_left_alone() {
    let office = watched();
    office.make("documents");
    office.write("documents/stays.txt", "x");
    office.ok("library on documents --home head");
    office.sql("head", "UPDATE customers SET phone = '3'");
    ["head", "anna", "head"].iter().for_each(|site| drop(office.ok(&format!("sync --home {site}"))));
    let _watches = ["head", "anna"].map(|site| Watch::start(&office, site));
    // It grows for a while, as when a program saves it: nobody gets half of it.
    let mut text = String::new();
    for line in 0..20 {
        text.push_str(&format!("line {line}\n"));
        office.write("anna/library/growing.txt", &text);
        std::thread::sleep(Duration::from_millis(250));
        assert!(!office.path("documents/growing.txt").exists(), "it is still written: line {line}");
    }
    until("the document is at the head", || office.path("documents/growing.txt").exists());
    assert_eq!(office.read("documents/growing.txt"), text);
    until("anna's watch tells why", || office.read("anna.log").contains("documents were edited"));
    std::fs::remove_file(office.path("documents/growing.txt")).unwrap();
    until("it is deleted at anna's", || !office.path("anna/library/growing.txt").exists());
    // What is asked about is asked about once; once more where it went while another round ran, which may have seen it or not.
    for number in 0..12 {
        office.write(&format!("documents/{number}"), "x");
    }
    until("all came", || (0..12).all(|number| office.path(&format!("anna/library/{number}")).exists()));
    for number in 0..12 {
        std::fs::remove_file(office.path(&format!("documents/{number}"))).unwrap();
    }
    until("head asks", || office.read("head.log").contains("--allow-deletions"));
    std::thread::sleep(Duration::from_secs(5));
    let asked = || office.read("head.log").matches("--allow-deletions").count();
    let settled = asked();
    std::thread::sleep(Duration::from_secs(8));
    assert!(settled <= 2 && asked() == settled, "{}", office.read("head.log"));
    assert!(office.path("anna/library/3").exists());
}

#[test]
#[cfg(unix)]
fn a_home_has_one_watch_which_status_tells_of_and_a_signal_ends() {
    let office = watched();
    quick(&office, "anna", "");
    let text = office.read("anna/fieldpost.toml").replacen("\n[watch]\nsettle = \"1s\"\npoll = \"2s\"\n", "", 1);
    office.write("anna/fieldpost.toml", &format!("{text}at = \"03:00\"\n"));
    let watch = Watch::start(&office, "anna");
    let second = office.run("watch --home anna");
    assert_eq!(second.code, 5, "{second:?}");
    assert!(second.err.contains("another process watches"), "{second:?}");
    until("the first round is over", || office.json("status --home anna --json")["watch"]["why"] == "it is time");
    let detached = office.run("detach --home anna");
    assert!(detached.code == 5 && detached.err.contains("to detach, end it first"), "{detached:?}");
    let status = office.ok("status --home anna").flat();
    assert!(status.contains("a watch runs since") && status.contains("it is time"), "{status}");
    // Other runs go on beside it.
    office.ok("sync --home anna");
    assert_eq!(watch.stop(), 0);
    assert!(office.json("status --home anna --json")["watch"].is_null());
    drop(Watch::start(&office, "anna"));
}

#[test]
fn a_share_that_goes_away_is_waited_for_and_its_return_is_noticed() {
    let office = watched();
    let _watches = ["head", "anna"].map(|site| Watch::start(&office, site));
    office.rename("share", "away");
    office.sql("anna", "INSERT INTO alarms VALUES ('a', 'while the share is away')");
    until("the failure is known", || office.json("status --home anna --json")["watch"]["failures"].as_i64() > Some(0));
    assert_eq!(office.json("status --home anna --json")["watch"]["why"], "trying again");
    // Made and safe, though it cannot go.
    until("it is sealed", || office.json("status --home anna --json")["neighbours"][0]["not_deposited"] == 1);
    office.rename("away", "share");
    // The wait would be a minute or more: the next look finds the folder there again.
    until("the alarm is at the head", || alarms(&office.path("head/shop.db")) == 1);
}

/// A damaged marker, as a full or read-only share, wants a person; once it is put right nobody has to type anything at the site.
#[test]
fn what_an_exchange_refused_goes_once_somebody_has_put_it_right() {
    let office = watched();
    let _watches = ["head", "anna"].map(|site| Watch::start(&office, site));
    let marker = office.read("share/fieldpost-exchange.json");
    office.write("share/fieldpost-exchange.json", "{}");
    office.sql("anna", "INSERT INTO alarms VALUES ('a', 'while the share is damaged')");
    until("it is sealed", || office.json("status --home anna --json")["neighbours"][0]["not_deposited"] == 1);
    until("it waits", || office.read("anna.log").contains("cannot be read as a marker"));
    office.write("share/fieldpost-exchange.json", &marker);
    until("the alarm is at the head", || alarms(&office.path("head/shop.db")) == 1);
}

/// Whoever only reaches the second exchange waits for what goes over that one.
#[test]
fn a_second_exchange_gets_what_it_missed_once_it_is_back() {
    let office = watched();
    office.make("second");
    let text = office.read("head/fieldpost.toml");
    let line = text.lines().find(|line| line.starts_with("exchange = ")).unwrap().to_owned();
    let second = office.path("second").display().to_string();
    let both = format!("exchange = [{}, {:?}]", line.trim_start_matches("exchange = "), second);
    office.write("head/fieldpost.toml", &text.replace(&line, &both));
    office.ok(&format!("exchange check {second} --accept --home head"));
    office.ok("sync --home head");
    let files = |folder: PathBuf| std::fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
    let packets = || office.all_folders("second").into_iter().map(files).sum::<usize>();
    let before = packets();
    let _watch = Watch::start(&office, "head");
    office.rename("second", "away");
    office.sql("head", "INSERT INTO alarms VALUES ('a', 'while the second is away')");
    until("it went over the first", || office.read("head.log").contains("the others were used"));
    // All else is well, and nothing waits for it.
    assert_eq!(office.json("status --home head --json")["watch"]["failures"], 0);
    office.rename("away", "second");
    until("the second has it too", || packets() > before);
}

/// The sender puts it there again under the very same name.
#[test]
fn a_packet_that_came_damaged_is_taken_once_it_is_put_right() {
    let office = watched();
    office.sql("head", "UPDATE customers SET phone = '2'");
    office.ok("sync --home head");
    let packet = office.path(&office.only_file("share/anna/head"));
    let mut bytes = std::fs::read(&packet).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&packet, &bytes).unwrap();
    let _watch = Watch::start(&office, "anna");
    assert!(!packet.exists(), "it was set aside");
    office.ok("sync --home head");
    until("it is taken", || phone(&office.path("anna/shop.db")) == "2");
}

/// A disk that is not mounted yet, an upgrade that moves the file: nobody types anything afterwards.
#[test]
fn a_database_that_was_away_for_a_while_is_found_again() {
    let office = watched();
    let _watch = Watch::start(&office, "anna");
    office.rename("anna/shop.db", "anna/moved.db");
    office.sql("head", "UPDATE customers SET phone = '2'");
    office.ok("sync --home head");
    until("the failure is known", || office.read("anna.log").contains("there is no database"));
    office.rename("anna/moved.db", "anna/shop.db");
    until("the packet is taken", || phone(&office.path("anna/shop.db")) == "2");
}

/// What somebody does by hand ends the hour; meanwhile the same failure is not told with every look.
#[test]
fn what_somebody_mended_by_hand_brings_the_watch_back() {
    let office = watched();
    std::fs::copy(office.path("anna/shop.db"), office.path("backup.db")).unwrap();
    office.sql("anna", "INSERT INTO alarms VALUES ('b', 'since the backup'); INSERT INTO customers VALUES ('BOLT', '1')");
    ["anna", "head", "anna"].iter().for_each(|site| drop(office.ok(&format!("sync --home {site}"))));
    let _watch = Watch::start(&office, "anna");
    let told = || office.read("anna.log").matches("was restored from a backup").count();
    // It wants a person, and says so with its exit code.
    let status = || serde_json::from_str::<serde_json::Value>(&office.run("status --home anna --json").out).unwrap();
    let failures = || status()["watch"]["failures"].as_i64().unwrap_or_default();
    ["", "-wal", "-shm"].iter().for_each(|end| drop(std::fs::remove_file(office.path(&format!("anna/shop.db{end}")))));
    std::fs::copy(office.path("backup.db"), office.path("anna/shop.db")).unwrap();
    // No packet comes, and the log of the backup is behind what was sealed.
    office.sql("anna", "INSERT INTO alarms VALUES ('c', 'in the backup')");
    until("the failure is known", || failures() > 0);
    let before = failures();
    office.sql("anna", "UPDATE customers SET phone = '3'");
    until("it is tried again", || failures() > before);
    assert_eq!(told(), 1, "{}", office.read("anna.log"));
    office.ok("recover --yes --home anna");
    until("a round went well", || failures() == 0);
    office.sql("anna", "INSERT INTO alarms VALUES ('a', 'after that')");
    until("it is at the head", || {
        office.ok("sync --home head");
        alarms(&office.path("head/shop.db")) == 3
    });
}

/// The next try would be in an hour.
#[test]
fn rules_that_somebody_mends_are_tried_at_once() {
    let office = watched();
    let _watches = ["head", "anna"].map(|site| Watch::start(&office, site));
    office.write("head/rules.toml", "default = 'newst'\n");
    office.sql("head", "INSERT INTO alarms VALUES ('a', 'while the rules are wrong')");
    until("the watch tells", || office.read("head.log").contains("`newst`"));
    office.write("head/rules.toml", RULES);
    until("the alarm is at anna's", || alarms(&office.path("anna/shop.db")) == 1);
}

#[test]
#[cfg(unix)]
fn a_watch_that_is_ended_in_the_middle_loses_nothing() {
    let office = watched();
    for turn in 0..6 {
        let watch = Watch::start(&office, "anna");
        office.sql("anna", &format!("INSERT INTO alarms VALUES ('a{turn}', 'x'); UPDATE customers SET phone = '{turn}'"));
        std::thread::sleep(Duration::from_millis(180 + 40 * turn));
        assert_eq!(watch.stop(), 0);
    }
    for site in ["anna", "head", "anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(alarms(&office.path("head/shop.db")), 6);
    assert_eq!(office.digest("head"), office.digest("anna"));
}

#[test]
fn a_neighbour_that_is_silent_for_too_long_wants_a_person_and_a_heartbeat_is_enough_to_prevent_that() {
    let office = Office::pair(SCHEMA, "");
    let text = office.read("head/fieldpost.toml");
    office.write("head/fieldpost.toml", &text.replacen("\n# The application's", "\nalarm_after = \"1s\"\n\n# The application's", 1));
    std::thread::sleep(Duration::from_millis(1_100));
    let silent = office.run("status --home head");
    assert_eq!(silent.code, 3, "{silent:?}");
    assert!(silent.flat().contains("'anna' has been silent for"), "{silent:?}");
    office.write("head/fieldpost.toml", &text);
    assert_eq!(office.run("status --home head").code, 0);
}
