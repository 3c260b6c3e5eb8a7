//! Who did what to a record, as `history` tells it, and what a record can make a report say.

use super::*;

/// Bert as well.
fn join_bert(office: &Office) {
    office.ok("invite bert --home head --out bert.invite");
    office.ok("join bert.invite --home bert --exchange share");
    for site in ["head", "bert", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
}

/// Of each event of a record: who, what, and the fields.
fn told(office: &Office, site: &str, record: &str) -> Vec<String> {
    let told = office.json(&format!("history customers {record} --home {site} --json"));
    let word = |value: &serde_json::Value| value.as_str().unwrap_or("nobody").to_owned();
    let fields = |event: &serde_json::Value| {
        let all = event["fields"].as_array().unwrap().iter();
        all.map(|field| format!("{}={}", word(&field["field"]), word(&field["after"]))).collect::<Vec<_>>().join(" ")
    };
    let events = told["events"].as_array().unwrap().iter();
    events.map(|event| format!("{} {} {}", word(&event["site"]), word(&event["kind"]), fields(event))).collect()
}

#[test]
fn what_two_people_did_to_one_record_is_told_of_each_of_them_where_it_came_in_one_packet() {
    let office = two();
    join_bert(&office);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("anna", "UPDATE customers SET name = 'of anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('CORE', 'Core', NULL, '3')");
    office.ok("sync --home anna");
    pause();
    office.ok("receive --home head");
    office.sql("head", "UPDATE customers SET phone = '9' WHERE id IN ('ACME', 'CORE')");
    for site in ["head", "bert"] {
        office.ok(&format!("sync --home {site}"));
    }
    let edits = ["anna changed name=of anna", "head changed phone=9"];
    for site in ["head", "bert"] {
        let all = told(&office, site, "ACME");
        assert!(all.ends_with(&edits.map(str::to_owned)), "{site}: {all:?}");
    }
    assert_eq!(told(&office, "bert", "CORE"), ["anna made id=CORE name=Core", "head changed phone=9"]);
    let times = office.json("history customers ACME --home bert --json");
    let at_head = office.json("history customers ACME --home head --json");
    let edited = |told: &serde_json::Value| {
        told["events"].as_array().unwrap().iter().rev().take(2).map(|one| one["edited"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(edited(&times), edited(&at_head));
}

#[test]
fn what_came_with_the_first_load_is_nobodys_but_what_somebody_was_seen_to_type() {
    let office = two();
    office.sql("anna", "INSERT INTO customers VALUES ('CORE', 'Core', NULL, '3')");
    office.sql("head", "UPDATE customers SET phone = '9' WHERE id = 'BOLT'");
    for site in ["anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    join_bert(&office);
    assert_eq!(told(&office, "bert", "ACME"), ["nobody loaded id=ACME name=Acme Ltd city=Bern phone=1"]);
    assert_eq!(told(&office, "bert", "BOLT"), ["nobody loaded id=BOLT name=Bolt AG city=Basel", "head changed phone=9"]);
    assert_eq!(told(&office, "bert", "CORE"), ["anna made id=CORE name=Core phone=3"]);
    let text = office.ok("history customers ACME --home bert").out;
    assert!(text.contains("·   first load") && text.contains("1 from head"), "{text}");
}

#[test]
fn no_line_of_a_report_is_made_by_what_a_record_of_another_site_is_called() {
    let schema =
        "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, mail TEXT UNIQUE); CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);";
    let office = Office::pair(schema, "");
    let called = "'x' || char(10) || 'Sent packet 99 to ' || char(27) || '[2J'";
    for (site, id) in [("head", "'A'"), ("anna", "'B' || char(10) || 'All in step'")] {
        office.sql(site, &format!("INSERT INTO people VALUES ({id}, {called}, 'same')"));
    }
    office.ok("sync --home anna");
    let forged =
        |text: &str| text.lines().any(|line| ["Sent packet 99", "All in step"].iter().any(|forged| line.trim_start().starts_with(forged)));
    let mut seen = 0;
    for site in ["head", "anna"] {
        for command in [
            "sync",
            "sync --quiet",
            "status",
            "held",
            "held show 2",
            "conflicts",
            "conflicts --open",
            "conflicts show 1",
            "log",
            "records people",
        ] {
            let ran = office.run(&format!("{command} --home {site}"));
            assert!(!forged(&ran.out) && !ran.out.contains(['\u{1b}', '\r']), "{site}, {command}: {}", ran.out);
            seen += ran.out.matches("x⏎Sent").count();
        }
    }
    assert!(seen > 8, "{seen}");
    // Whoever reads it by a program has it as it is.
    let told: serde_json::Value = serde_json::from_str(&exit(&office, "conflicts --home head --json", 3).out).unwrap();
    assert!(told["conflicts"][0]["called"].as_str().unwrap().starts_with("x\nSent"), "{told}");
    assert_eq!(told["conflicts"][0]["key"][0], "B\nAll in step");
}
