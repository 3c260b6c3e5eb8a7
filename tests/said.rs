//! Is what commands say true, and can it be typed as it is printed?

mod binary;

use binary::Office;
use rusqlite::Connection;

const SCHEMA: &str = "CREATE TABLE customers (id TEXT PRIMARY KEY, email TEXT UNIQUE, points INTEGER NOT NULL);
    INSERT INTO customers VALUES ('A', 'a@x', 10), ('B', 'b@x', 10);";

/// The numbers of a neighbour.
fn neighbour(office: &Office, site: &str) -> serde_json::Value {
    let ran = office.run(&format!("status --json --home {site}"));
    serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()["neighbours"][0].clone()
}

#[test]
fn a_record_that_waits_for_a_unique_value_is_not_said_to_be_sent_next() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET email = 'same@x' WHERE id = 'A'");
    office.sql("anna", "UPDATE customers SET email = 'same@x' WHERE id = 'B'");
    for site in ["head", "anna", "head", "anna", "head", "anna", "head"] {
        office.run(&format!("sync --home {site}"));
    }
    for (site, record) in
        [("head", "customers B from 'anna': its email same@x is taken by customers A"), ("anna", "customers A from 'head'")]
    {
        assert_eq!(neighbour(&office, site)["waiting"], 0, "{site}");
        let status = office.run(&format!("status --home {site}"));
        assert_eq!(status.code, 3, "{status:?}");
        assert!(
            status.flat().contains(&format!("1 change is held: 'fieldpost --home {site} held'")) && status.flat().contains(record),
            "{}",
            status.out
        );
    }
    let records = office.run("records customers --home head");
    assert!(records.flat().contains("its email same@x is taken by customers A"), "{}", records.out);
    let quiet = office.run("sync --home anna");
    assert!(!quiet.out.contains("All in step"), "{}", quiet.out);
}

#[test]
fn all_is_in_step_once_the_others_have_confirmed_it() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET points = 11 WHERE id = 'A'");
    assert_eq!(neighbour(&office, "head")["unconfirmed"], 0);
    office.ok("sync --home head");
    let said = office.ok("sync --home head").out;
    assert_eq!(said, "Nothing new: nothing came, nothing to send.\n'anna' has not confirmed 1 packet yet\n");
    assert_eq!(neighbour(&office, "head")["unconfirmed"], 1);
    assert_eq!(office.ok("send --home head").out, said.replace("nothing came, ", ""));
    office.ok("sync --home anna");
    office.ok("sync --home head");
    assert_eq!(office.ok("sync --home head").out, "All in step: nothing came, nothing to send.\n");
    // What only confirms is never answered, and waits for nothing.
    assert_eq!(office.ok("sync --home anna").out, "All in step: nothing came, nothing to send.\n");
    assert_eq!(neighbour(&office, "anna")["unconfirmed"], 0);
}

#[test]
fn a_merged_edit_lost_nothing() {
    let office = Office::pair(SCHEMA, "[tables.customers.fields]\npoints = \"sum\"\n");
    office.sql("head", "UPDATE customers SET points = points + 1 WHERE id = 'A'");
    office.sql("anna", "UPDATE customers SET points = points + 5 WHERE id = 'A'");
    office.ok("sync --home anna");
    let met = office.ok("sync --home head").out;
    assert!(met.contains("1 merged edit, by the rules; nothing lost: 'fieldpost --home head conflicts'"), "{met}");
    let listed = office.ok("conflicts --home head").out;
    assert!(listed.starts_with("1 merged edit\n") && listed.contains("merged  16   of 'head' and 'anna'"), "{listed}");
    assert!(!listed.contains("lost"), "{listed}");
    let shown = office.ok("conflicts show 1 --home head").out;
    assert!(shown.contains("--value VALUE") && !shown.contains("lost"), "{shown}");
    for choice in ["--take lost", "--take-of anna"] {
        let refused = office.run(&format!("conflicts resolve 1 {choice} --home head"));
        assert!(refused.code == 1 && refused.err.contains("nothing lost, both edits are in the one that stands"), "{refused:?}");
    }
    office.ok("conflicts resolve 1 --value 7 --home head");
}

#[test]
fn a_record_that_two_sites_made_is_one_conflict() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "INSERT INTO customers VALUES ('N', 'n@head', 1)");
    // The later one wins; in one millisecond neither is later.
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("anna", "INSERT INTO customers VALUES ('N', 'n@anna', 2)");
    office.ok("sync --home anna");
    let met = office.ok("sync --home head").out;
    assert!(met.contains("1 conflict, decided by the rules; what lost is kept: 'fieldpost --home head conflicts'"), "{met}");
    assert!(met.contains("made at 'head' and at 'anna'") && met.contains("customers N: your email 'n@head' lost to 'n@anna'"), "{met}");
    assert!(office.ok("conflicts --home head").out.starts_with("1 conflict, in 3 entries\n"));
}

#[test]
fn a_share_that_is_not_mounted_is_neither_made_an_exchange_nor_praised() {
    let office = Office::pair(SCHEMA, "");
    office.rename("share", "share.real");
    office.make("share");
    for line in ["exchange check --home head", "exchange check --accept --home head", "exchange check --home anna"] {
        let ran = office.run(line);
        assert!(ran.code == 4 && ran.flat().contains("the share may not be mounted"), "{line}: {ran:?}");
        assert!(!ran.out.contains("yes"), "{line}: {ran:?}");
    }
    assert!(std::fs::read_dir(office.path("share")).unwrap().next().is_none(), "nothing was made");
    let quiet = office.run("sync --quiet --home anna");
    assert_eq!((quiet.code, quiet.out.lines().count(), quiet.err.as_str()), (4, 1, ""), "{quiet:?}");
    assert!(quiet.out.contains("(is the share mounted?)"), "{quiet:?}");
    // Gone for good: whoever types the address means it.
    let address = office.path("share").display().to_string();
    office.ok(&format!("exchange check {address} --accept --home head"));
    assert!(office.path("share/fieldpost-exchange.json").is_file());
}

#[test]
fn a_command_is_printed_with_the_home_that_was_typed() {
    let office = Office::pair(SCHEMA, "default = \"parent\"\n");
    office.sql("head", "UPDATE customers SET points = 1 WHERE id = 'A'");
    office.sql("anna", "UPDATE customers SET points = 2 WHERE id = 'A'");
    for site in ["anna", "head", "anna"] {
        office.ok(&format!("sync --home {site}"));
    }
    let listed = office.ok("conflicts show 1 --home anna").out;
    assert!(listed.contains("'fieldpost --home anna conflicts resolve 1 --take lost'"), "{listed}");
    assert!(!listed.contains("'fieldpost conflicts"), "{listed}");
    let from_inside = office.run_in("anna", "conflicts show 1", &[]).out;
    assert!(from_inside.contains("'fieldpost conflicts resolve 1"), "{from_inside}");
    let by_variable = office.run_in("", "conflicts show 1", &[("FIELDPOST_HOME", "anna")]).out;
    assert_eq!(by_variable, from_inside, "the variable is there for the next command too");
    let failed = office.run("conflicts show 99 --home anna");
    assert!(failed.err.contains("'fieldpost --home anna conflicts' lists them"), "{}", failed.err);
    let nowhere = office.run("status --home nowhere");
    assert!(nowhere.code == 1 && nowhere.err.contains("there is no folder `"), "{}", nowhere.err);
    let empty = office.run("status --home share");
    assert!(empty.err.contains("is not a home"), "{}", empty.err);
}

#[test]
fn a_slip_in_the_rules_hides_nothing_from_status() {
    let office = Office::pair(SCHEMA, "[tables.customers]\nsend = \"manual\"\n");
    office.write("head/rules.toml", "[tables.customers]\nsedn = \"manual\"\n");
    office.sql("head", "UPDATE customers SET points = 11 WHERE id = 'A'");
    let refused = office.run("sync --home head");
    assert!(refused.code == 1 && refused.err.contains("rules.toml: line 2: unknown key `sedn`"), "{refused:?}");
    let status = office.run("status --home head");
    assert_eq!(status.code, 3, "{status:?}");
    let text = status.flat();
    let [fault, rest] =
        ["Stopped: rules.toml: line 2: unknown key `sedn`", "1 record was edited since the last run"].map(|words| text.find(words));
    assert!(fault.is_some() && fault < rest, "{}", status.out);
    assert!(text.contains(" manual "), "as under the rules before: {}", status.out);
    for line in ["conflicts --home head", "rules check --home head", "digest --home head"] {
        assert_eq!(office.run(line).code, 1, "{line}: what depends on the rules waits for them");
    }
    // A file that is empty is none that somebody meant.
    office.write("head/rules.toml", "");
    let refused = office.run("sync --home head");
    assert!(
        refused.code == 1 && refused.err.contains("rules.toml: there were rules, and now the file is not there or empty"),
        "{refused:?}"
    );
    assert!(office.run("status --home head").flat().contains("Stopped: rules.toml: there were rules"));
    office.write("head/rules.toml", "# none\n");
    office.ok("sync --home head");
    assert_eq!(office.ok("status --home head").code, 0);
}

#[test]
fn a_rule_that_does_not_run_wants_a_person_wherever_it_keeps_records_from_going() {
    let office = Office::pair(SCHEMA, "[tables.customers]\nready_when = \"points > 0\"\n");
    assert_eq!(office.ok("sync --quiet --home head").out, "");
    office.write("head/rules.toml", "[tables.customers]\nready_when = \"pionts > 0\"\n");
    office.sql("head", "UPDATE customers SET points = 11 WHERE id = 'A'");
    office.sql("anna", "UPDATE customers SET points = 12 WHERE id = 'B'");
    let fault = "`ready_when` of `customers` in rules.toml does not run here: no such column: pionts";
    for site in ["head", "anna", "head", "anna"] {
        let synced = office.run(&format!("sync --quiet --home {site}"));
        assert!(synced.code == 3 && synced.flat().contains(fault), "{site}: {synced:?}");
        let status = office.run(&format!("status --home {site}"));
        assert!(status.code == 3 && status.flat().contains(fault), "{site}: {status:?}");
    }
    office.write("head/rules.toml", "[tables.customers]\nready_when = \"points > 0\"\n");
    ["head", "anna", "head", "anna"].iter().for_each(|site| drop(office.ok(&format!("sync --home {site}"))));
    assert_eq!(office.ok("status --quiet --home head").out, "");
    assert_eq!(office.digest("head"), office.digest("anna"));
}

#[test]
fn a_request_that_comes_after_its_invitation_expired_is_told_at_both_ends() {
    let office = Office::new();
    ["share", "head"].iter().for_each(|folder| office.make(folder));
    office.sql("head", SCHEMA);
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share");
    // As if two weeks had gone by.
    let aged = |site: &str, sql: &str| Connection::open(office.path(site).join(".fieldpost/state.db")).unwrap().execute(sql, []).unwrap();
    assert_eq!(aged("head", "UPDATE invitation SET expires = 1000 * unixepoch() - 60000"), 1);
    let document = "json_set(value, '$.expires', 1000 * unixepoch() - 60000)";
    assert_eq!(aged("anna", &format!("UPDATE meta SET value = {document} WHERE name = 'note:invitation'")), 1);

    let late = office.run("sync --home head");
    assert_eq!(late.code, 3, "{late:?}");
    let said =
        "'anna', a request to join: it asks with an invitation that has expired: 'fieldpost --home head invite anna' makes a new one";
    assert!(late.flat().contains(said), "{}", late.out);
    assert!(!office.ok("sync --home head").out.contains("anna"), "once is enough");
    let status = office.run("status --home head");
    assert!(status.code == 3 && status.flat().contains("'anna' asked to be taken in after its invitation had expired"), "{status:?}");
    assert!(!status.out.contains("did not verify"), "{}", status.out);

    let asks = office.run("status --home anna");
    assert!(asks.code == 3 && asks.flat().contains("'head' has not answered, and the invitation of 'anna' was good until"), "{asks:?}");
    for _ in 0..2 {
        let asks = office.run("sync --quiet --home anna");
        assert!(asks.code == 3 && asks.flat().contains("'fieldpost invite anna' at 'head'"), "{asks:?}");
    }
    let window = office.run("sync --window --home anna");
    assert!(window.code == 3 && window.flat().contains("expired") && !window.flat().contains("Try again later"), "{window:?}");

    // As it says.
    office.ok("invite anna --home head --out new.invite");
    assert!(!office.ok("status --home head").out.contains("expired"));
    office.ok("detach --home anna");
    office.ok("join new.invite --home anna --exchange share");
    office.ok("sync --home head");
    assert!(office.ok("sync --home anna").out.contains("'head' has taken us in"));
}

#[test]
fn a_site_whose_database_is_lost_can_be_detached() {
    let office = Office::pair(SCHEMA, "");
    for (site, another) in [("anna", false), ("head", true)] {
        std::fs::remove_file(office.path(&format!("{site}/shop.db"))).unwrap();
        if another {
            office.sql(site, "CREATE TABLE theirs (x)");
        }
        let refused = office.run(&format!("detach --home {site}"));
        assert!(refused.code == 1 && refused.err.contains(&format!("'fieldpost --home {site} detach --force'")), "{refused:?}");
        let done = office.ok(&format!("detach --force --home {site}")).flat();
        let said = if another { "the database there is not this site's, and stays as it is" } else { "the database is lost" };
        assert!(done.contains(said), "{done}");
        assert!(!office.path(site).join("fieldpost.toml").exists() && !office.path(site).join(".fieldpost").exists());
    }
    let tables = "SELECT group_concat(name) FROM sqlite_schema";
    let left = Connection::open(office.path("head/shop.db")).unwrap().query_row(tables, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(left, "theirs");
}

#[test]
fn a_detach_that_was_interrupted_goes_on_when_it_is_run_again() {
    // Killed before the database let go of us, after it, and between the two renames at the end.
    for step in ["before", "after", "half"] {
        let office = Office::pair(SCHEMA, "");
        let (home, before) = (office.path("anna"), office.path("anna-before"));
        office.sql("anna", "INSERT INTO customers VALUES ('N', 'n@x', 1)");
        office.ok("sync --home anna");
        std::fs::create_dir_all(&before).unwrap();
        std::fs::copy(home.join("shop.db"), before.join("shop.db")).unwrap();
        let aside = office.ok("detach --home anna --json");
        let aside: serde_json::Value = serde_json::from_str(&aside.out).unwrap();
        let aside = std::path::PathBuf::from(aside["aside"].as_str().unwrap());
        if step == "before" {
            std::fs::copy(before.join("shop.db"), home.join("shop.db")).unwrap();
        }
        std::fs::rename(aside.join("fieldpost.toml"), home.join("fieldpost.toml")).unwrap();
        if step != "half" {
            std::fs::rename(&aside, home.join(".fieldpost")).unwrap();
            std::fs::write(home.join(".fieldpost/detaching"), "").unwrap();
        }
        for command in ["sync", "status", "held", "exchange"] {
            let refused = office.run(&format!("{command} --home anna"));
            assert!(refused.code == 1 && refused.err.contains("'fieldpost --home anna detach' again"), "{step}: {command}: {refused:?}");
        }
        let done = office.ok("detach --home anna").flat();
        assert!(done.contains("what an interrupted run had left to do is done"), "{step}: {done}");
        assert!(!home.join("fieldpost.toml").exists() && !home.join(".fieldpost").exists(), "{step}");
        let ours = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_fieldpost%' ESCAPE '\\'";
        let left = Connection::open(home.join("shop.db")).unwrap().query_row(ours, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(left, 0, "{step}");
    }
}

#[test]
fn what_was_dropped_is_said_with_whose_it_was_and_what_follows() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET email = 'n@x' WHERE id = 'A'");
    office.sql("anna", "INSERT INTO customers VALUES ('N', 'n@x', 1)");
    for site in ["anna", "head"] {
        office.run(&format!("sync --home {site}"));
    }
    let held: serde_json::Value = serde_json::from_str(&office.run("held --json --home head").out).unwrap();
    let held = held["held"].as_array().unwrap();
    let number = held.iter().find(|held| held["key"][0] == "N").unwrap()["number"].as_i64().unwrap();
    let said = office.run(&format!("held drop {number} --reason \"entered twice\" --home head")).flat();
    for words in [
        "Dropped: the change of customers N that 'anna' sent with packet",
        "customers N, email: 'n@x' of 'anna' was dropped at 'head': entered twice",
        "There is no such record here: the next 'fieldpost --home head sync' has 'anna' delete its own.",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // And so it is.
    for site in ["head", "anna", "head"] {
        office.run(&format!("sync --home {site}"));
    }
    let at_anna = Connection::open(office.path("anna/shop.db")).unwrap();
    assert_eq!(at_anna.query_row("SELECT count(*) FROM customers WHERE id = 'N'", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn a_file_that_lies_where_the_database_is_to_come_is_said_to_be_in_the_way() {
    let office = Office::new();
    ["share", "head"].iter().for_each(|folder| office.make(folder));
    office.sql("head", SCHEMA);
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share");
    office.ok("sync --home head");
    for (what, content) in [("the application was started", None), ("something else", Some("no database"))] {
        match content {
            Some(content) => office.write("anna/shop.db", content),
            None => office.sql("anna", "CREATE TABLE customers (id TEXT)"),
        }
        for line in ["sync --home anna", "status --home anna"] {
            let ran = office.run(line);
            let said = "shop.db` is there already, where the database is to come: move it away";
            assert!(ran.code == 3 && ran.flat().contains(said), "{what}: {ran:?}");
        }
        std::fs::remove_file(office.path("anna/shop.db")).unwrap();
    }
    assert!(office.ok("sync --home anna").out.contains("'head' has taken us in"));
}

#[test]
fn status_says_that_database_or_home_came_back_from_a_backup_before_anything_else_does() {
    let office = Office::pair(SCHEMA, "");
    let state = office.path("anna/.fieldpost/state.db");
    let (database, home) = (office.path("old.db"), office.path("old.state"));
    std::fs::copy(office.path("anna/shop.db"), &database).unwrap();
    let whole = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_file(to);
        Connection::open(from).unwrap().execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    };
    whole(&state, &home);
    office.sql("anna", "UPDATE customers SET points = 11 WHERE id = 'A'");
    office.ok("sync --home anna");
    let newest = std::fs::read(office.path("anna/shop.db")).unwrap();
    office.ok("status --home anna");
    std::fs::copy(&database, office.path("anna/shop.db")).unwrap();
    let said = |words: &str| {
        let status = office.run("status --home anna");
        assert!(status.code == 3 && status.flat().contains(&format!("Stopped: {words}")), "{status:?}");
        let stopped = office.run("sync --home anna");
        assert!(stopped.code == 1 && stopped.err.contains(words), "{stopped:?}");
    };
    said("the database is older than");
    std::fs::write(office.path("anna/shop.db"), newest).unwrap();
    office.ok("status --home anna");
    // Nothing came since: what did is executed anew by the next run, and only that run sees what is missing.
    ["state.db-wal", "state.db-shm"].iter().for_each(|file| drop(std::fs::remove_file(office.path("anna/.fieldpost").join(file))));
    std::fs::copy(&home, &state).unwrap();
    said("the state of this home is older than its database");
}

#[test]
fn a_second_computer_with_one_invitation_is_told_at_both_ends_for_as_long_as_it_waits() {
    let office = Office::pair(SCHEMA, "");
    office.ok("join anna.invite --home second --exchange share");
    office.sql("head", "UPDATE customers SET points = 11 WHERE id = 'A'");
    let head = office.run("sync --home head");
    assert!(head.code == 3 && head.flat().contains("it asks with an invitation that was used already"), "{head:?}");
    office.ok("sync --home head");
    let status = office.run("status --home head");
    assert!(status.code == 3 && status.flat().contains("another computer asked to be taken in as 'anna'"), "{status:?}");
    let state = Connection::open(office.path("second/.fieldpost/state.db")).unwrap();
    let words = "'fieldpost status' at 'head' says so";
    let lying = office.only_file("share/anna/head");
    office.rename(&lying, "later");
    assert!(!office.ok("sync --home second").flat().contains(words));
    assert!(state.execute("UPDATE packet SET time = time - 2 * 86400000", []).unwrap() > 0);
    assert!(office.ok("sync --home second").flat().contains(words));
    office.rename("later", &lying);
    // What lies there for the first computer tells the second one, which it does not forget.
    for _ in 0..2 {
        let second = office.run("sync --quiet --home second");
        assert!(second.code == 3 && second.flat().contains("another computer joined as 'anna'"), "{second:?}");
        assert!(second.flat().contains("and 'head' has taken in that one") && !second.out.contains("first"), "{second:?}");
        assert!(!second.out.contains("on its way"), "{second:?}");
        let status = office.run("status --home second");
        assert!(status.code == 3 && status.flat().contains("another computer joined as 'anna'"), "{status:?}");
        office.ok("sync --home anna");
    }
    std::fs::remove_dir_all(office.path("head/.fieldpost/quarantine")).unwrap();
    office.make("head/.fieldpost/quarantine");
    office.ok("sync --home head");
    office.ok("status --home head");
    assert_eq!(office.digest("head"), office.digest("anna"));
}

#[test]
fn a_database_whose_home_is_lost_is_taken_out_of_it_and_taken_in_anew() {
    let office = Office::pair(SCHEMA, "");
    std::fs::copy(office.path("head/shop.db"), office.path("copy.db")).unwrap();
    let alive = office.run("detach --home head --force --database head/shop.db");
    assert!(alive.code == 1 && alive.err.contains("belongs to the home"), "{alive:?}");
    assert_eq!(office.run("detach --home head --database copy.db").code, 2, "it wants --force");
    office.ok("detach --home head --force --database copy.db");
    office.ok("status --home head");
    std::fs::remove_dir_all(office.path("head/.fieldpost")).unwrap();
    std::fs::remove_file(office.path("head/fieldpost.toml")).unwrap();
    office.make("share2");
    let init = "init --home head --name head --database head/shop.db --exchange share2";
    let refused = office.run(init);
    let told = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(refused.code == 1 && told.contains("detach --force --database FILE'"), "{refused:?}");
    let missing = office.run("detach --home head --force --database nothing.db");
    assert!(missing.code == 1 && missing.err.contains("there is no database `nothing.db`"), "{missing:?}");
    let taken_out = office.ok("detach --home head --force --database head/shop.db").out;
    assert!(taken_out.contains("shop.db any more\n") && taken_out.contains("every record is as it was"), "{taken_out}");
    let again = office.ok("detach --home head --force --database head/shop.db").out;
    assert!(again.contains("Nothing of Fieldpost was in ") && !again.contains("taken out"), "{again}");
    office.ok(init);
    assert_eq!(office.json("status --json --home head")["totals"]["successful"], 2);
}

#[test]
fn a_site_that_was_retired_before_its_first_load_is_not_told_to_wait_for_it() {
    let office = Office::pair(SCHEMA, "");
    office.ok("invite dora --home head --out dora.invite");
    office.ok("join dora.invite --home dora --exchange share");
    assert!(office.ok("status --home dora").flat().contains("There is no database here yet: 'head' sends it"));
    for line in ["sync", "sites retire dora --yes", "sync"] {
        office.run(&format!("{line} --home head"));
    }
    office.run("sync --home dora");
    let status = office.run("status --home dora");
    assert!(status.code == 3 && status.flat().contains("retired") && !status.flat().contains("sends it"), "{status:?}");
}

#[test]
fn as_many_records_are_said_to_be_received_as_were_said_to_be_sent() {
    let office = Office::pair("CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO items VALUES (1, 'a'), (2, 'b');", "");
    office.sql("head", "INSERT INTO items VALUES (3, 'of head')");
    office.sql("anna", "INSERT INTO items VALUES (3, 'of anna')");
    office.ok("sync --home anna");
    let sent = office.ok("sync --home head").out;
    assert!(sent.contains("to 'anna': 2 records, "), "{sent}");
    // One of the two is hers, and has got its number.
    let received = office.ok("sync --home anna").out;
    assert!(received.contains("from 'head': 2 records, which changed 1 here\n  items  1 new\n"), "{received}");
}

#[test]
fn what_a_neighbour_brought_itself_waits_for_no_word_of_it() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET points = 11");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("anna", "UPDATE customers SET points = 12");
    let totals = |site: &str| office.json(&format!("status --json --home {site}"))["totals"].clone();
    for site in ["anna", "head", "anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    for site in ["anna", "head"] {
        assert_eq!((&totals(site)["sent"], &totals(site)["successful"]), (&0.into(), &2.into()), "{site}");
    }
    office.sql("head", "UPDATE customers SET points = 13 WHERE id = 'B'");
    office.ok("sync --home head");
    assert_eq!((&totals("head")["sent"], &totals("head")["successful"]), (&1.into(), &1.into()));
    office.ok("sync --home anna");
    office.ok("sync --home head");
    assert_eq!(totals("head")["successful"], 2);
}

#[test]
fn the_value_that_a_person_set_is_quoted_as_every_other() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET email = 'of head' WHERE id = 'A'");
    office.sql("anna", "UPDATE customers SET email = 'of anna' WHERE id = 'A'");
    office.ok("sync --home anna");
    office.ok("sync --home head");
    office.ok("conflicts resolve 1 --value '7' --home head");
    let listed = office.ok("conflicts --home head");
    assert!(listed.flat().contains("a person set it to '7', at 'head'"), "{}", listed.out);
}

#[test]
fn a_site_whose_database_is_damaged_from_the_first_byte_hears_what_to_do_and_can_be_detached() {
    let office = Office::pair(SCHEMA, "");
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(office.path(&format!("anna/shop.db{suffix}"))));
    }
    std::fs::write(office.path("anna/shop.db"), "not a database at all ".repeat(500)).unwrap();
    let refused = office.run("sync --home anna");
    let told = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        refused.code == 1
            && told.contains("put a backup of it in its place, leave the home as it is, and run 'fieldpost --home anna recover'"),
        "{told}"
    );
    assert_eq!(office.run("detach --home anna").code, 1);
    assert!(office.ok("detach --home anna --force").out.contains("the database is lost"));
    assert!(!office.path("anna/.fieldpost").exists() && office.path("anna/shop.db").exists());
}

#[test]
fn what_is_sent_by_hand_is_counted_without_what_is_there_already() {
    let office = Office::pair(SCHEMA, "[tables.customers]\nsend = 'manual'\n");
    office.sql("head", "UPDATE customers SET points = 11 WHERE id = 'A'");
    let send = || office.ok("records send customers --where 1 --home head").out;
    assert_eq!(send(), "1 record of customers will go with the next 'fieldpost --home head sync', once it is ready\n");
    for site in ["head", "anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(office.digest("head"), office.digest("anna"));
    assert_eq!(send(), "Nothing of customers is to be sent: the others have it as it is\n");
    // What was there already is not let go beforehand.
    office.sql("head", "UPDATE customers SET points = 12 WHERE id = 'B'");
    office.ok("sync --home head");
    assert_ne!(office.digest("head"), office.digest("anna"));
    office.sql("head", "UPDATE customers SET points = 12 WHERE id = 'A'");
    assert!(send().starts_with("2 records of customers will go with the next 'fieldpost --home head sync', once they are ready"));
}

#[test]
fn what_comes_empty_is_said_with_the_first_load() {
    let office = Office::new();
    ["share", "head"].iter().for_each(|folder| office.make(folder));
    office.sql("head", SCHEMA);
    office.sql(
        "head",
        "CREATE VIRTUAL TABLE words USING fts5(x); INSERT INTO words VALUES ('hello');
         CREATE TABLE notes (a, b); INSERT INTO notes VALUES (1, 2); CREATE TABLE marks (a);
         CREATE VIRTUAL TABLE mails USING fts5(email, content='customers');",
    );
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share");
    office.ok("sync --home head");
    let words = [
        "virtual table `words` is empty here: what is in it at the main office does not travel, let the application fill it",
        "tables `marks` and `notes` are empty here: they have no primary key and no unique columns that are never empty, so what is in them at the main office does not travel",
    ];
    for line in ["sync --dry-run --home anna", "sync --home anna"] {
        let said = office.ok(line).flat();
        assert!(words.iter().all(|words| said.contains(words)) && !said.contains("mails"), "{line}: {said}");
    }
    let again = office.ok("sync --home anna").flat();
    assert!(!again.contains("empty here"), "{again}");
}

#[test]
fn a_dry_run_speaks_of_what_would_be_and_names_no_command_that_fails_now() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET email = 'head@x', points = 11 WHERE id = 'A'");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("anna", "UPDATE customers SET email = 'anna@x' WHERE id = 'A'; UPDATE customers SET points = 12 WHERE id = 'B'");
    office.sql("head", "UPDATE customers SET points = 12 WHERE id = 'B'");
    office.ok("sync --home anna");
    let before = office.everything();
    let dry = office.ok("sync --dry-run -v --home head");
    assert_eq!(before, office.everything());
    let said = dry.flat();
    for words in [
        "This is what a run would do now; nothing was changed.",
        "Would receive packet 3 from 'anna': 2 records, which would change 1 here",
        "1 conflict would be decided by the rules; what loses would be kept",
        "customers A: your email 'head@x' would lose to 'anna@x'",
        "Would send packet",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("'fieldpost"), "{said}");
    assert!(!dry.err.contains("\nputting") && !dry.err.starts_with("putting"), "{}", dry.err);
    let quiet = office.ok("sync --dry-run --home anna").out;
    assert_eq!(quiet, "Nothing new: nothing would come, nothing would be sent.\n'head' has not confirmed 1 packet yet\n");
}

#[cfg(unix)]
#[test]
fn an_exchange_that_takes_nothing_is_known_to_status_and_to_a_dry_run() {
    let office = Office::pair(SCHEMA, "");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/exchange-command/to-folder.sh");
    office.write(
        "carry.sh",
        &format!("#!/bin/sh\nif [ \"$2\" = put ] && [ -f \"$1.says\" ]; then echo 'no room for you' >&2; exit $(cat \"$1.says\"); fi\nexec sh {example} \"$@\"\n"),
    );
    let settings = office.read("anna/fieldpost.toml");
    let share = office.path("share").display().to_string();
    let carry = office.path("carry.sh").display().to_string();
    let exchange = settings.lines().find(|line| line.starts_with("exchange")).unwrap();
    office.write("anna/fieldpost.toml", &settings.replace(exchange, &format!("exchange = \"command:/bin/sh {carry} {share}\"")));
    office.ok("sync --home anna");
    for (says, what, advice) in [
        ("12", "is read-only: no room for you", "whoever looks after it has to give this user the right to write there: every site does"),
        ("13", "is full: no room for you", "make room there; what is to be sent waits here"),
    ] {
        office.write("share.says", says);
        office.sql("anna", &format!("UPDATE customers SET points = points + {says}"));
        for line in ["sync --home anna", "status --home anna", "sync --dry-run --home anna", "sync --quiet --home anna"] {
            let ran = office.run(line);
            assert!(ran.code == 3 && ran.flat().contains(what) && ran.flat().contains(advice), "{line}: {ran:?}");
        }
        let status = office.run("status --home anna").flat();
        assert!(status.contains("made and not on the exchange yet") && !status.contains("sync' puts"), "{status}");
        let check = office.run("exchange check --home anna");
        assert!(check.code == 3 && check.flat().contains(advice), "{check:?}");
        assert!(!check.out.contains("One does not"), "{check:?}");
        // What only comes says nothing of what goes.
        office.run("receive --home anna");
        assert_eq!(office.run("status --home anna").code, 3);
    }
    std::fs::remove_file(office.path("share.says")).unwrap();
    office.ok("sync --home anna");
    assert!(!office.ok("status --home anna").out.contains("room"));
    office.ok("sync --home head");
    assert_eq!(office.digest("head"), office.digest("anna"));
}

#[test]
fn a_slip_in_the_rules_is_said_with_what_to_do() {
    let office = Office::pair(SCHEMA, "");
    office.write("head/rules.toml", "default = \"newest\"\n[tables.customers\n");
    for line in ["sync --home head", "status --home head"] {
        let ran = office.run(line);
        let said = format!("{} {}", ran.flat(), ran.err.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(said.contains("'fieldpost --home head rules check' says whether it is right"), "{line}: {said}");
        assert!(!said.contains("sync' says what to do"), "{line}: {said}");
    }
    office.write("head/rules.toml", "[tables.customers]\nconflict = 'soonest'\n");
    let refused = office.run("sync --home head");
    assert!(refused.err.contains("rules check"), "{refused:?}");
}

#[test]
fn a_packet_that_has_not_come_is_in_status() {
    let office = Office::pair(SCHEMA, "");
    office.sql("head", "UPDATE customers SET points = 11 WHERE id = 'A'");
    office.ok("sync --home head");
    let missing = office.only_file("share/anna/head");
    office.rename(&missing, "aside");
    office.sql("head", "UPDATE customers SET points = 12 WHERE id = 'A'");
    office.ok("sync --home head");
    office.run("sync --home anna");
    let status = office.run("status --home anna");
    let number = neighbour(&office, "anna")["received"].as_u64().unwrap() + 1;
    let words = format!("packet {number} of 'head' has not come yet: it is asked for, and what came after it waits");
    assert!(status.flat().contains(&words), "{status:?}");
    assert_eq!(neighbour(&office, "anna")["missing"], serde_json::json!([number]));
    office.rename("aside", &missing);
    office.ok("sync --home anna");
    assert!(!office.ok("status --home anna").flat().contains("has not come yet"));
}

#[test]
fn a_request_that_is_damaged_on_the_way_wants_nobody() {
    let office = Office::pair(SCHEMA, "");
    office.ok("invite zoe --home head --out zoe.invite");
    office.ok("join zoe.invite --home zoe --exchange share");
    let request = office.only_file("share/head/zoe");
    let shown = office.ok(&format!("packet show {request} --home head"));
    assert!(shown.out.contains("A request to join: no records."), "{}", shown.out);
    let mut bytes = std::fs::read(office.path(&request)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(office.path(&request), bytes).unwrap();
    let ran = office.ok("sync --home head");
    assert!(ran.flat().contains("it is set aside, and whoever asks sends it again; goes on by itself"), "{ran:?}");
}

#[test]
fn an_init_that_meets_a_database_in_use_leaves_no_half_home() {
    let office = Office::new();
    ["share", "head"].iter().for_each(|folder| office.make(folder));
    office.sql("head", &format!("PRAGMA journal_mode = wal; {SCHEMA}"));
    let busy = Connection::open(office.path("head/shop.db")).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let line = "init --home head --name head --database head/shop.db --exchange share";
    let refused = office.run(line);
    assert!(refused.code == 1 && refused.err.contains("then type the same again"), "{refused:?}");
    assert!(!office.path("head/.fieldpost").exists(), "nothing is half done");
    drop(busy);
    office.ok(line);
}

#[test]
fn a_packet_that_brings_the_rules_says_so() {
    let office = Office::pair(SCHEMA, "");
    office.write("head/rules.toml", "[tables.customers]\nconflict = 'parent'\n");
    let sent = office.ok("sync --home head").out;
    assert!(sent.contains("to 'anna': no records, but the rules, "), "{sent}");
    let file = office.only_file("share/anna/head");
    assert!(office.ok(&format!("packet show {file} --home anna")).out.contains("\nNo records, but the rules.\n"));
    let came = office.ok("sync --home anna").out;
    assert!(came.contains("from 'head': no records, but the rules\n"), "{came}");
}
