//! What does somebody see who types the commands? The real binary, in a temporary folder, with a folder as the exchange.

mod binary;
#[path = "commands/lost_homes.rs"]
mod lost_homes;
#[path = "commands/who_did_what.rs"]
mod who_did_what;

use binary::{Office, Ran};
use rusqlite::Connection;

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT);
    CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT);
    CREATE VIEW cities AS SELECT DISTINCT city FROM customers;
    CREATE TABLE scratch (anything TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', 'Bern', '1'), ('BOLT', 'Bolt AG', 'Basel', '2');
    INSERT INTO notes VALUES ('N1', 'ACME', 'first');";

/// A host with a database, and the share.
fn office() -> Office {
    let office = Office::new();
    office.make("share");
    office.make("head");
    office.sql("head", SCHEMA);
    office
}

/// A host and Anna, both with the same data.
fn two() -> Office {
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share");
    for site in ["head", "anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    office
}

fn exit(office: &Office, line: &str, code: i32) -> Ran {
    let ran = office.run(line);
    assert_eq!(ran.code, code, "{line}: {ran:?}");
    ran
}

#[test]
fn the_first_day_as_the_manual_tells_it() {
    let office = office();
    let begun = office.ok("init --home head --name head --database head/shop.db --exchange share");
    for words in ["'head' is set up in", "Tracked: 2 tables, 3 records", "Not tracked, because", "it is a view: cities", "no primary key"] {
        assert!(begun.out.contains(words), "{words}: {}", begun.out);
    }
    let invited = office.ok("invite anna --home head --group sales --out anna.invite");
    assert!(invited.out.contains("Invitation for 'anna', a remote in sales, is in anna.invite"), "{}", invited.out);
    assert!(office.ok("status --home head").out.contains("'anna' is invited until"));
    let joined = office.ok("join anna.invite --home anna --exchange share");
    assert!(joined.out.contains("Asked 'head' to take in 'anna'"), "{}", joined.out);
    let early = office.ok("sync --home anna");
    assert!(early.out.contains("on its way to 'head'") && early.out.contains("Next: 'fieldpost sync' at 'head'"), "{}", early.out);
    assert!(office.ok("status --home anna").out.contains("There is no database here yet"));
    let admitted = office.ok("sync --home head");
    assert!(admitted.out.contains("'anna' has joined"), "{}", admitted.out);
    let loaded = office.ok("sync --home anna");
    assert!(loaded.out.contains("'head' has taken us in; the database is"), "{}", loaded.out);
    assert!(loaded.out.contains("Received packet 1 from 'head': 3 records"), "{}", loaded.out);
    office.ok("sync --home head");
    assert!(office.ok("sync --home head").out.contains("All in step"));
    assert_eq!(office.digest("head"), office.digest("anna"));

    let status = office.json("status --home anna --json");
    assert_eq!(status["site"], "anna");
    assert_eq!(status["role"], "remote");
    assert_eq!(status["parent"], "head");
    assert_eq!(status["neighbours"][0]["name"], "head");
    for place in [&status["home"], &status["database"], &status["exchange"][0]] {
        assert!(std::path::Path::new(place.as_str().unwrap()).exists(), "{place}");
    }
}

#[test]
fn two_edits_of_one_field_are_a_conflict_that_both_can_list() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = 'from anna' WHERE id = 'ACME'");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("head", "UPDATE customers SET phone = 'from head' WHERE id = 'ACME'");
    assert!(office.ok("status --home anna").out.contains("1 record was edited since the last run"));
    office.ok("send --home anna");
    let decided = office.ok("sync --home head");
    assert!(decided.out.contains("ACME, phone: 'from head' of 'head' stands (newest), 'from anna' of 'anna' lost"), "{}", decided.out);
    office.ok("receive --home anna");
    for site in ["head", "anna"] {
        let listed = office.ok(&format!("conflicts CUSTOMERS --home {site}"));
        assert!(listed.out.contains("stands  'from head'") && listed.out.contains("lost    'from anna'"), "{}", listed.out);
    }
    let history = office.ok("history Customers ACME --home anna");
    assert!(history.out.contains("'from anna'") && history.out.contains("from head"), "{}", history.out);
    // What lost never happened at the head office: its history says where it is kept.
    let history = office.ok("history customers ACME --home head");
    assert!(
        history.out.contains("1 conflict about it, with what lost: 'fieldpost --home head conflicts customers ACME'"),
        "{}",
        history.out
    );
    let too_long = office.run("history customers ACME 2 --home head");
    assert!(too_long.err.contains("type one value for each: 'fieldpost --home head history customers ID'"), "{too_long:?}");
    assert_eq!(office.ok("history customers BOLT --home head").out.matches("about it").count(), 0);
    // An empty word is a key too, and no record has it.
    let empty = office.ok(r#"conflicts customers "" --home head"#).out;
    assert!(empty.starts_with("No such conflict"), "{empty}");
    assert_eq!(office.digest("head"), office.digest("anna"));
}

#[test]
fn what_was_written_past_the_triggers_is_found_by_verify_and_sent() {
    let office = two();
    let past = Connection::open(office.path("anna/shop.db")).unwrap();
    past.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
    past.execute_batch(
        "UPDATE customers SET phone = 'past' WHERE id = 'ACME';
         INSERT INTO customers VALUES ('CORE', 'Core', NULL, NULL);
         DELETE FROM customers WHERE id = 'BOLT';",
    )
    .unwrap();
    office.sql("anna", "UPDATE customers SET city = 'Thun' WHERE id = 'ACME'");
    office.sql("anna", "INSERT INTO notes VALUES ('N2', 'ACME', 'seen by the triggers')");

    let verified = office.json("verify --home anna --json");
    let found =
        |table: usize| (verified["tables"][table]["records"].as_u64().unwrap(), verified["tables"][table]["found"].as_u64().unwrap());
    assert_eq!(verified["tables"][0]["table"], "customers");
    // ACME was noted as well, and looked at because of that.
    assert_eq!((found(0), found(1)), ((2, 2), (2, 0)), "{verified}");
    assert_eq!(verified["found"], 2);
    let again = office.ok("verify customers --home anna");
    assert!(again.out.contains("'anna' knows every record as it is") && !again.out.contains("notes"), "{}", again.out);
    office.ok("sync --home anna");
    office.ok("sync --home head");
    assert_eq!(office.digest("head"), office.digest("anna"));
    assert!(office.ok("log --home anna").out.contains("customers: 2 changes that the triggers had missed"));
    exit(&office, "verify nothing --home anna", 1);
}

#[test]
fn the_stream_of_a_copied_home_goes_on_when_somebody_says_so() {
    let office = two();
    assert!(office.ok("recover --neighbour anna --yes --home head").out.contains("has not stopped here"));
    let copied = std::process::Command::new(if cfg!(windows) { "xcopy" } else { "cp" })
        .args(if cfg!(windows) { ["/E", "/I", "/Q"].as_slice() } else { ["-r"].as_slice() })
        .args([office.path("anna"), office.path("copy")])
        .status();
    assert!(copied.unwrap().success());
    office.sql("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    office.sql("copy", "UPDATE customers SET phone = 'copy' WHERE id = 'BOLT'");
    office.ok("send --home anna");
    office.ok("receive --home head");
    office.ok("send --home copy");
    exit(&office, "sync --home head", 3);
    exit(&office, "status --home head", 3);
    assert!(exit(&office, "recover --neighbour anna --home head", 3).out.contains("Nothing was done yet"));
    exit(&office, "recover --neighbour nobody --home head", 1);
    assert!(office.ok("recover --neighbour anna --yes --home head").out.contains("goes on: in the next round"));
    assert!(exit(&office, "sync --home head", 3).out.contains("set aside"));
    office.ok("sync --home anna");
    office.ok("sync --home head");
    office.ok("status --home head");
}

#[test]
fn a_conflict_for_review_wants_a_person_until_somebody_edits() {
    let office = two();
    office.write("head/rules.toml", "[tables.customers]\nconflict = 'review'\n");
    office.sql("anna", "UPDATE customers SET phone = 'from anna' WHERE id = 'ACME'");
    office.sql("head", "UPDATE customers SET phone = 'from head' WHERE id = 'ACME'");
    office.ok("sync --home anna");
    assert!(exit(&office, "sync --home head", 3).out.contains("1 wants you"));
    assert!(exit(&office, "conflicts --open --home head", 3).out.contains("to decide"));
    exit(&office, "status --home head", 3);
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("head", "UPDATE customers SET phone = 'both' WHERE id = 'ACME'");
    office.ok("sync --home head");
    let settled = office.ok("conflicts --open --home head").out;
    assert_eq!(settled, "None wants a decision; 1 is listed: 'fieldpost --home head conflicts'\n");
    assert_eq!(office.ok("conflicts notes --home head").out, "No such conflict; 1 is listed: 'fieldpost --home head conflicts'\n");
}

#[test]
fn a_dry_run_tells_what_would_happen_and_changes_nothing() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = 'from anna' WHERE id = 'ACME'");
    office.ok("sync --home anna");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("head", "UPDATE customers SET phone = 'from head', city = 'Bonn' WHERE id = 'ACME'");
    let before = office.everything();
    let dry = office.ok("sync --home head --dry-run");
    assert!(dry.out.contains("Would receive packet 3 from 'anna'"), "{}", dry.out);
    assert!(dry.out.contains("'from head' of 'head' would stand (newest)"), "{}", dry.out);
    assert!(dry.out.contains("Would send packet 2 to 'anna': 1 record"), "{}", dry.out);
    office.ok("send --home head --dry-run");
    office.ok("receive --home head --dry-run");
    assert_eq!(office.everything(), before);
    let done = office.ok("sync --home head");
    assert!(done.out.contains("Received packet 3 from 'anna'") && done.out.contains("Sent packet 2 to 'anna'"), "{}", done.out);
}

#[test]
fn who_only_looks_is_told_of_a_backup_that_lies_beside_the_log_of_the_former_database() {
    let office = two();
    let program = Connection::open(office.path("anna/shop.db")).unwrap();
    let run = |sql: &str| program.execute_batch(sql).unwrap();
    run("PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE)");
    let night = std::fs::read(office.path("anna/shop.db")).unwrap();
    for value in ["earlier", "from head"] {
        office.sql("head", &format!("UPDATE customers SET phone = '{value}'"));
        ["head", "anna"].iter().for_each(|site| drop(office.ok(&format!("sync --home {site}"))));
    }
    let log = std::fs::read(office.path("anna/shop.db-wal")).unwrap();
    drop(program);
    std::fs::write(office.path("anna/shop.db"), night).unwrap();
    std::fs::write(office.path("anna/shop.db-wal"), log).unwrap();
    let files = || ["", "-wal"].map(|end| std::fs::read(office.path(&format!("anna/shop.db{end}"))).unwrap());
    let before = files();
    for (line, code) in [("status", 3), ("sync --dry-run", 1), ("status", 3)] {
        let ran = exit(&office, &format!("{line} --home anna"), code);
        assert!(format!("{} {}", ran.out, ran.err).contains("the database is older than what this home knows"), "{line}: {ran:?}");
        assert!(files() == before, "{line} changes nothing");
    }
    exit(&office, "sync --home anna", 1);
    office.ok("recover --yes --home anna");
    ["anna", "head", "anna"].iter().for_each(|site| drop(office.ok(&format!("sync --home {site}"))));
    assert_eq!(office.digest("anna"), office.digest("head"));
    office.sql("head", "SELECT 1 / (count(*) = 2) FROM customers WHERE phone = 'from head'");
}

#[test]
fn a_dry_run_of_the_first_load_builds_nothing() {
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share");
    let before = office.everything();
    assert!(office.ok("sync --home head --dry-run").out.contains("'anna' would join"));
    assert_eq!(office.everything(), before);
    office.ok("sync --home head");
    let before = office.everything();
    assert!(office.ok("sync --home anna --dry-run").out.contains("the database would be built"));
    assert_eq!(office.everything(), before);
}

#[test]
fn an_exchange_that_is_not_there_is_waited_for() {
    let office = two();
    office.rename("share", "away");
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    let away = exit(&office, "sync --home anna", 4);
    assert!(away.out.contains("out of reach") && away.flat().contains("tried again at the next run"), "{}", away.out);
    assert!(away.out.contains("packet 3 (1 record"), "{}", away.out);
    assert!(office.ok("status --home anna").out.contains("1 packet is made and not on the exchange yet"));
    // An unmounted share is an empty folder.
    office.make("share");
    assert!(exit(&office, "sync --home anna", 4).out.contains("is not a fieldpost exchange"));
    office.remove("share");
    office.rename("away", "share");
    assert!(office.ok("sync --home anna").out.contains("made earlier"));
    assert!(office.ok("sync --home head").out.contains("Received packet 3 from 'anna': 1 record"));
}

#[test]
fn another_exchange_than_the_known_one_wants_a_person() {
    let office = two();
    office.make("other");
    office.make("second");
    office.sql("second", SCHEMA);
    office.ok("init --home second --name head --database second/shop.db --exchange other");
    let text = office.read("anna/fieldpost.toml");
    office.write("anna/fieldpost.toml", &text.replace("share", "other"));
    let wrong = exit(&office, "sync --home anna", 3);
    assert!(wrong.flat().contains("not the one this site used before"), "{}", wrong.out);
    // It is what it says.
    assert!(wrong.flat().contains("'fieldpost --home anna exchange check --accept' takes it"), "{}", wrong.out);
    office.ok("exchange check --accept --home anna");
    assert!(!office.ok("sync --home anna").out.contains("used before"));
}

#[test]
#[cfg(unix)]
fn a_share_that_cannot_be_written_wants_a_person_and_keeps_what_was_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    let mode = |mode| {
        office.all_folders("share").into_iter().for_each(|folder| {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
        })
    };
    mode(0o555);
    if std::fs::write(office.path("share/probe"), "x").is_ok() {
        mode(0o755);
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: this user may write everywhere\n").unwrap();
        return;
    }
    let kept = exit(&office, "sync --home anna", 3);
    mode(0o755);
    assert!(kept.out.contains("read-only"), "{}", kept.out);
    office.ok("sync --home anna");
    assert!(office.ok("sync --home head").out.contains("Received packet 3 from 'anna': 1 record"));
}

#[test]
fn a_home_in_use_is_told_and_can_still_be_looked_at() {
    let office = two();
    let lock = std::fs::File::options().write(true).open(office.path("anna/.fieldpost/lock")).unwrap();
    lock.lock().unwrap();
    let packet = exit(&office, "packet show anna.invite --home anna", 5);
    assert!(packet.err.contains("another run holds the home"), "{}", packet.err);
    for line in ["sync", "sync --dry-run", "send", "receive", "invite x", "detach"] {
        let busy = exit(&office, &format!("{line} --home anna"), 5);
        assert!(busy.err.contains("another run holds the home"), "{}", busy.err);
    }
    for line in ["status", "conflicts", "held", "history customers ACME", "digest"] {
        office.ok(&format!("{line} --home anna"));
    }
    drop(lock);
    office.ok("sync --home anna");
}

#[test]
fn a_database_that_another_program_has_locked_fails_whole() {
    let office = two();
    // The head's database has no write-ahead log: here the lock keeps out readers too.
    let application = Connection::open(office.path("head/shop.db")).unwrap();
    application.execute_batch("BEGIN EXCLUSIVE; UPDATE customers SET phone = '9' WHERE id = 'ACME'").unwrap();
    let locked = exit(&office, "sync --home head", 1);
    assert!(locked.err.contains("locked by another program") && locked.err.contains("hint: "), "{}", locked.err);
    application.execute_batch("COMMIT").unwrap();
    assert!(office.ok("sync --home head").out.contains("1 changed"));
}

#[test]
fn mistakes_are_told_apart() {
    let office = two();
    exit(&office, "snyc", 2);
    exit(&office, "sync --full --dry-run", 2);
    exit(&office, "status --home nowhere", 1);
    let again = exit(&office, "init --home head --name head --database head/shop.db --exchange share", 1);
    assert!(again.err.contains("is a home already"), "{}", again.err);
    let armed = exit(&office, "init --home third --name third --database head/shop.db --exchange share", 1);
    assert!(armed.err.contains("belongs to another home"), "{}", armed.err);
    let missing = exit(&office, "init --home third --name third --database nothing.db --exchange share", 1);
    assert!(missing.err.contains("there is no database `nothing.db`") && !missing.err.contains("recover"), "{}", missing.err);
    let folder = exit(&office, "init --home third --name third --database head --exchange share", 1);
    assert!(folder.err.contains("there is no database `head`: it is a folder"), "{}", folder.err);
    office.make("other");
    office.sql("other", "CREATE TABLE a (b)");
    assert!(
        exit(&office, "init --home third --name third --database other/shop.db --exchange share", 1)
            .err
            .contains("no table that can be tracked")
    );
    office.make("third");
    office.sql("third", SCHEMA);
    let share = exit(&office, "init --home third --name third --database third/shop.db --exchange nowhere", 4);
    assert!(share.err.contains("out of reach") && share.err.contains("hint: "), "{}", share.err);
    assert!(
        exit(&office, "init --home third --name third --database third/shop.db --exchange gopher://x/y", 1)
            .err
            .contains("`gopher://` is no exchange that fieldpost knows")
    );
    assert!(exit(&office, "invite anna --home head --out second.invite", 1).err.contains("the name 'anna' is taken"));
    assert!(exit(&office, "invite bert --home anna", 1).err.contains("only the host and offices invite"));
    assert!(exit(&office, "history custmers ACME --home head", 1).err.contains("did you mean `customers`?"));
    assert!(exit(&office, "history customers NOBODY --home head", 1).err.contains("no record NOBODY"));
    assert!(exit(&office, "packet show anna.invite", 1).err.contains("not a packet"));
}

#[test]
fn what_everybody_can_read_is_no_place_for_a_home_or_a_database() {
    let office = office();
    office.make("other/deep");
    office.sql("other", SCHEMA);
    for exchange in ["head", "head/.", "other/../head", "head/.fieldpost/x", "."] {
        let refused = exit(&office, &format!("init --home head --name head --database other/shop.db --exchange {exchange}"), 1);
        assert!(refused.err.contains("keys") && refused.err.contains("folder of its own"), "{exchange}: {refused:?}");
    }
    let refused = exit(&office, "init --home head --name head --database other/shop.db --exchange other", 1);
    assert!(refused.err.contains("shop.db") && refused.err.contains("folder of its own"), "{refused:?}");
    assert!(!office.path("head/fieldpost.toml").exists());
    // A folder beside the keys is none of them.
    office.make("head/share");
    office.ok("init --home head --name head --database head/shop.db --exchange head/share");
    office.ok("invite anna --home head --out anna.invite");
    for line in ["--home head/share/anna", "--home anna --database head/share/a.db"] {
        let refused = exit(&office, &format!("join anna.invite {line} --exchange head/share"), 1);
        assert!(refused.err.contains("folder of its own"), "{line}: {refused:?}");
    }
    office.ok("join anna.invite --home anna --exchange head/share");
}

#[test]
fn a_name_in_the_rules_that_no_table_has_is_pointed_out() {
    let office = two();
    office.write("head/rules.toml", "[tables.custmers]\nconflict = 'parent'\n");
    let told = office.ok("sync --home head");
    assert!(told.out.contains("`custmers`") && told.out.contains("did you mean `customers`?"), "{}", told.out);
    office.write("head/rules.toml", "[tables.customers]\nconfict = 'parent'\n");
    assert!(exit(&office, "sync --home head", 1).err.contains("line 2: unknown key `confict`"));
}

#[test]
fn an_invitation_is_good_once_and_not_for_ever() {
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    assert!(exit(&office, "invite anna --home head --out again.invite", 1).err.contains("is taken"));
    assert!(exit(&office, "invite bert --home head --out anna.invite", 1).err.contains("is there already"));
    // A file that cannot be written leaves nobody invited.
    exit(&office, "invite carla --home head --out no/such/folder/carla.invite", 1);
    office.ok("invite carla --home head --out carla.invite");
    office.ok("join anna.invite --home anna --exchange share");
    office.ok("sync --home head");
    // The same file once more, elsewhere: the host answers to the first one only.
    office.ok("join anna.invite --home thief --exchange share");
    let twice = exit(&office, "sync --home head", 3);
    assert!(!twice.out.contains("has joined") && twice.out.contains("wants you"), "{}", twice.out);
    office.ok("sync --home anna");
    assert!(exit(&office, "join anna.invite --home anna --exchange share", 1).err.contains("is a home already"));
    let text = office.read("anna.invite");
    office.write("cut.invite", &text[..text.len() / 2]);
    assert!(exit(&office, "join cut.invite --home cut --exchange share", 1).err.contains("no whole invitation"));
    assert!(!office.path("cut").exists());
    assert!(exit(&office, "join no.invite --home cut --exchange share", 1).err.contains("no.invite"));
}

#[test]
fn an_expired_invitation_makes_no_home() {
    use fieldpost::cli::{Context, Failure, Printer, Run, join, printer};
    use fieldpost::world::{Faults, SkewedClock, World};
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --days 1 --out anna.invite");
    let tomorrow = World::real().now().0 + 25 * 60 * 60 * 1000;
    let clock = SkewedClock { base: std::sync::Arc::new(tomorrow.into()), skew: 0 };
    let context = Context {
        world: World::simulated(Box::new(clock), 1, Faults::none()),
        printer: Printer::captured(printer::Form::Text, printer::Loudness::Normal),
        home: Some("anna".into()),
        here: office.path(""),
        limits: fieldpost::sync::Limits::default(),
        run: Run::new(None, fieldpost::model::Millis(0)),
    };
    let arguments = join::JoinArgs {
        invitation: "anna.invite".into(),
        exchange: vec!["share".into()],
        certificate: None,
        database: None,
        library: None,
    };
    let outcome = join::run(&arguments, &context);
    assert!(matches!(outcome, Err(Failure::Sync(_))), "{outcome:?}");
    fieldpost::cli::finish(&context, outcome);
    let told = context.printer.captured_text().1;
    assert!(told.contains("has expired") && told.contains("ask 'head' for a new one"), "{told}");
    assert!(!office.path("anna").exists());
}

#[test]
fn joining_without_the_share_makes_the_home_and_the_request_waits() {
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    let away = exit(&office, "join anna.invite --home anna --exchange share2", 4);
    assert!(away.out.contains("The request waits here"), "{}", away.out);
    let text = office.read("anna/fieldpost.toml");
    office.write("anna/fieldpost.toml", &text.replace("share2", "share"));
    office.ok("sync --home anna");
    assert!(office.ok("sync --home head").out.contains("'anna' has joined"));
}

#[test]
fn an_office_has_remotes_of_its_own() {
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite north --role office --home head --out north.invite");
    office.ok("join north.invite --home north --exchange share");
    for site in ["head", "north", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    office.ok("invite ben --home north --out ben.invite");
    office.ok("join ben.invite --home ben --exchange share");
    for site in ["north", "ben", "north", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    office.sql("ben", "UPDATE customers SET phone = 'ben' WHERE id = 'BOLT'");
    for site in ["ben", "north", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(office.digest("head"), office.digest("ben"));
    assert!(office.ok("history customers BOLT --home head").out.contains("ben"));
}

#[test]
fn a_packet_can_be_shown_verified_and_opened_by_whom_it_is_for() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    office.ok("sync --home anna");
    let packet = office.only_file("share/head/anna");
    let shown = office.ok(&format!("packet show {packet} --home head"));
    assert!(shown.out.contains("Packet 3 from 'anna' to 'head'") && shown.out.contains("good, by 'anna'"), "{}", shown.out);
    assert!(shown.out.contains("customers"), "{}", shown.out);
    assert!(office.ok(&format!("packet show {packet} --home anna")).out.contains("only 'head' can open it"));
    office.ok(&format!("packet verify {packet} --home anna"));
    assert!(exit(&office, &format!("packet verify {packet}"), 3).out.contains("nobody here knows"));
    let key = office.read("anna/.fieldpost/keys/signing.pub");
    office.write("signers", &format!("anna namespaces=\"packet@fieldpost\" {key}\n"));
    assert!(office.ok(&format!("packet verify {packet} --signers signers")).out.contains("good, by 'anna'"));
    office.ok(&format!("packet open {packet} --home head --out opened"));
    assert!(office.read("opened/changes/0001.jsonl").contains("ACME"));
    assert!(exit(&office, &format!("packet open {packet} --home head --out opened"), 1).err.contains("is there already"));
    assert!(exit(&office, &format!("packet open {packet} --home anna --out other"), 1).err.contains("addressed to 'head'"));
    let mut bytes = std::fs::read(office.path(&packet)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(office.path("bad.fpk"), bytes).unwrap();
    exit(&office, "packet verify bad.fpk --home head", 1);
}

#[test]
fn a_file_that_was_changed_on_the_share_is_asked_for_and_comes_whole() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    office.ok("sync --home anna");
    let packet = office.path(&office.only_file("share/head/anna"));
    let whole = std::fs::read(&packet).unwrap();
    std::fs::write(&packet, [&whole[..], b"x"].concat()).unwrap();
    assert!(office.ok("sync --home head").flat().contains("it is asked for again"));
    assert!(office.ok("sync --home anna").out.contains("made earlier"));
    assert!(office.ok("sync --home head").out.contains("Received packet 3 from 'anna': 1 record"));
    // One bit: the size is right and the hash is not.
    office.sql("anna", "UPDATE customers SET phone = '10' WHERE id = 'ACME'");
    office.ok("sync --home anna");
    let packet = office.path(&office.only_file("share/head/anna"));
    let mut bytes = std::fs::read(&packet).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&packet, bytes).unwrap();
    assert!(office.ok("sync --home head").flat().contains("it was set aside: the file is not the one its name says"));
    assert!(office.ok("status --home head").flat().contains("1 packet that did not verify"));
    for site in ["anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(office.digest("head"), office.digest("anna"));
}

#[test]
fn full_asks_for_everything_again_and_ends_the_same() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    let asked = office.ok("sync --full --home anna").out;
    assert!(asked.contains("to 'head': 1 record, and the wish to be told everything anew, "), "{asked}");
    let told = office.ok("sync --home head").out;
    assert!(told.contains("from 'anna': 1 record, and the wish to be told everything anew\n"), "{told}");
    assert!(told.contains("to 'anna': everything anew, 3 records, ") && !told.contains(" new\n"), "{told}");
    for site in ["anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(office.digest("head"), office.digest("anna"));
    assert!(office.ok("history customers ACME --home head").out.contains("'9'"));
}

#[test]
fn detaching_leaves_the_records_and_nothing_of_ours() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    let refused = exit(&office, "detach --home anna", 1);
    assert!(refused.err.contains("1 edited record has not been sent"), "{}", refused.err);
    office.ok("sync --home anna");
    let gone = office.ok("detach --home anna");
    assert!(gone.out.contains("no longer touches") && gone.out.contains(".fieldpost-detached-"), "{}", gone.out);
    let database = Connection::open(office.path("anna/shop.db")).unwrap();
    let count: i64 = database.query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%fieldpost%'", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
    exit(&office, "sync --home anna", 1);
    // What was taken apart can be set up again.
    office.ok("detach --home head --force");
    office.ok("init --home head --name head --database head/shop.db --exchange share");
}

#[test]
fn quiet_says_nothing_of_what_is_simply_done_and_json_is_one_document() {
    let office = two();
    office.sql("anna", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    let quiet = office.ok("sync --quiet --home anna");
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let report = office.json("sync --json --home head");
    assert_eq!(report["applied"][0]["tables"]["customers"]["updated"], 1);
    let verbose = office.ok("sync -v --home head");
    assert!(verbose.err.contains("looking for packets"), "{}", verbose.err);
    let failed = exit(&office, "history nothing x --json --home head", 1);
    let failed: serde_json::Value = serde_json::from_str(&failed.out).unwrap();
    assert_eq!(failed["exit"], 1);
}

#[test]
fn the_nearest_home_upwards_and_the_environment_name_the_site() {
    let office = two();
    office.make("anna/deep/er");
    let ran = office.run_in("anna/deep/er", "status --json", &[]);
    assert!(ran.out.contains("\"site\": \"anna\""), "{ran:?}");
    let home = office.path("head").display().to_string();
    let ran = office.run_in("anna", "status --json", &[("FIELDPOST_HOME", &home)]);
    assert!(ran.out.contains("\"site\": \"head\""), "{ran:?}");
    let ran = office.run_in("anna", "status --json", &[("FIELDPOST_HOME", "")]);
    assert!(ran.code == 0 && ran.out.contains("\"site\": \"anna\""), "{ran:?}");
    assert_eq!(office.run_in("anna", "status --home", &[("FIELDPOST_HOME", "")]).code, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_no_success() {
    let office = two();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(["status", "--json", "--home", "head"]).current_dir(office.path("")).stdout(full);
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("could not be written"), "{ran:?}");
}
