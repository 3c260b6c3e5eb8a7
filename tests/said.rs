//! Is what commands say true, and can it be typed as it is printed?

mod binary;

use binary::Office;

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
        assert!(status.flat().contains("1 change is held: 'fieldpost held'") && status.flat().contains(record), "{}", status.out);
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
    assert!(met.contains("1 merged edit, by the rules; nothing lost: 'fieldpost conflicts'"), "{met}");
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
    office.sql("anna", "INSERT INTO customers VALUES ('N', 'n@anna', 2)");
    office.ok("sync --home anna");
    let met = office.ok("sync --home head").out;
    assert!(met.contains("1 conflict, decided by the rules; what lost is kept: 'fieldpost conflicts'"), "{met}");
    assert!(met.contains("made at 'head' and at 'anna'") && met.contains("customers N: your email 'n@head' lost to 'n@anna'"), "{met}");
    assert!(office.ok("conflicts --home head").out.starts_with("1 conflict\n"));
}
