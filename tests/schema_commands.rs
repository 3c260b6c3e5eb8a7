//! The commands about the schema, as somebody types them.

mod binary;

use binary::Office;

const SCHEMA: &str = "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', '1'), ('BOLT', 'Bolt AG', '2');";

#[test]
fn the_schema_is_seen_at_both_ends_and_a_hint_lets_it_go() {
    let office = Office::pair(SCHEMA, "");
    let status = office.ok("schema status --home head");
    assert!(status.out.contains("The schema is here in version 1.") && status.out.contains("'anna' has version 1"), "{}", status.out);
    office.sql("head", "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1");
    office.ok("sync --home head");
    assert!(office.ok("schema status --home head").out.contains("'anna' was told version 2 and has not confirmed it yet"));
    let diff = office.ok("schema diff --home head");
    assert!(diff.out.contains("What 'anna' has not confirmed") && diff.out.contains("column `level` of `customers` comes"), "{}", diff.out);
    let told = office.ok("sync --home anna");
    assert!(told.out.contains("the schema of the main office is here in version 2") || told.err.contains("version 2"), "{told:?}");
    office.ok("sync --home head");
    assert_eq!(office.ok("schema diff --home head").out.trim(), "No differences.");
    assert_eq!(office.ok("schema diff --home anna").out.trim(), "No differences.");
    let log = office.json("schema log --home anna --json");
    assert_eq!(log["versions"][1]["version"], 2);
    assert_eq!(log["versions"][1]["what"][0], "column `level` of `customers` comes");

    // A child's table has the name that the next version gives.
    office.sql("anna", "CREATE TABLE clients (x)");
    office.sql("head", "ALTER TABLE customers RENAME TO clients");
    office.ok("sync --home head");
    let refused = office.run("sync --home anna");
    assert_eq!(refused.code, 3, "{refused:?}");
    let status = office.run("schema status --home anna");
    assert_eq!(status.code, 3);
    assert!(
        status.out.contains("version 3 cannot be had here") && status.out.contains("give that one another name here"),
        "{}",
        status.out
    );
    let diff = office.run("schema diff --home anna --json");
    assert!(diff.code == 3 && diff.out.contains("give that one another name here"), "{diff:?}");
    let site = office.run("status --home anna");
    assert!(
        site.code == 3 && site.flat().contains("version 3 of the schema cannot be had here: table `customers` is called `clients`"),
        "{site:?}"
    );
    office.ok("sync --home head");
    for command in ["status", "schema status"] {
        let above = office.run(&format!("{command} --home head"));
        assert!(
            above.code == 3 && above.flat().contains("'anna'") && above.flat().contains("give that one another name here"),
            "{above:?}"
        );
    }
    let above: serde_json::Value = serde_json::from_str(&office.run("status --home head --json").out).unwrap();
    assert_eq!((&above["schema"]["below"][0]["site"], &above["schema"]["below"][0]["version"]), (&"anna".into(), &3.into()));
    office.sql("anna", "DROP TABLE clients");
    office.ok("sync --home anna");
    office.ok("schema status --home anna");
    office.ok("status --home anna");
    office.ok("sync --home head");
    office.ok("status --home head");

    // Renamed and converted at once.
    office.sql(
        "head",
        "ALTER TABLE clients ADD COLUMN mobile TEXT; UPDATE clients SET mobile = 'tel ' || phone; ALTER TABLE clients DROP COLUMN phone",
    );
    let waits = office.run("sync --home head");
    assert!(waits.code == 3 && waits.out.contains("is `mobile` of `clients` another name of its column `phone`"), "{waits:?}");
    assert_eq!(office.run("schema status --home head --json").code, 3);
    let wrong = office.run("schema hint customers city mobile --home head");
    assert!(wrong.code == 1 && wrong.err.contains("'fieldpost --home head schema status' lists what does"), "{wrong:?}");
    assert_eq!(office.run("schema hint clients phone --home head").code, 2);
    let hint = office.ok("schema hint clients phone mobile --home head");
    assert!(hint.out.contains("column `phone` of `clients` is called `mobile` now"), "{}", hint.out);
    let log = office.json("schema log --home head --json");
    let last = log["versions"].as_array().unwrap().last().unwrap()["what"].clone();
    assert_eq!(last[0], "column `mobile` of `clients` is the one that had another name, as a person said", "{log}");
    for site in ["head", "anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(office.digest("head"), office.digest("anna"));
    assert_eq!(office.ok("schema diff --home head").out.trim(), "No differences.");
}

#[test]
fn the_history_goes_on_into_the_former_table_of_that_name() {
    let office = Office::pair("CREATE TABLE c (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO c VALUES (1, 'x'), (2, 'y')", "");
    office.sql("anna", "UPDATE c SET a = 'typed' WHERE id = 1; INSERT INTO c(a) VALUES ('never sent')");
    office.sql("head", "BEGIN; CREATE TABLE d (id TEXT PRIMARY KEY, a TEXT); INSERT INTO d SELECT 'K' || id, a FROM c; INSERT INTO d VALUES ('2', 'both'); DROP TABLE c; ALTER TABLE d RENAME TO c; COMMIT");
    let said = office.run("sync --home head");
    let what = "it is taken for a new one; what the former one held last is in 'fieldpost --home head history'";
    assert!(said.out.contains(what), "{said:?}");
    for site in ["anna", "head", "anna", "head", "anna", "head"] {
        office.run(&format!("sync --home {site}"));
    }
    for (key, words) in [("1", ["'x'", "'typed'"]), ("3", ["'never sent'", "table gone"])] {
        let found = office.ok(&format!("history c {key} --home anna"));
        assert!(words.iter().all(|word| found.out.contains(word)), "{}", found.out);
        assert!(
            found.flat().contains("This is of the table c that was here until") && found.flat().contains("is another one"),
            "{}",
            found.out
        );
    }
    // What came there when the table had gone, of a record of which nobody there had heard.
    for (key, word) in [("1", "'typed'"), ("3", "'never sent'")] {
        let found = office.ok(&format!("history c {key} --home head"));
        assert!(found.out.contains("came too late") && found.out.contains(word), "{}", found.out);
    }
    // A key that has a record in both.
    let both = office.json("history c 2 --home anna --json");
    assert_eq!((&both["ended"], &both["former"][0]["former"]), (&serde_json::Value::Null, &serde_json::Value::Null), "{both}");
    assert!(both["former"][0]["ended"].is_string() && both["former"][0]["events"].to_string().contains("\"y\""), "{both}");
    let text = office.ok("history c 2 --home anna").out;
    assert!(text.find("'both'") < text.find("that was here until") && text.contains("'y'"), "{text}");
    assert!(office.ok("history c K1 --home anna").out.matches("that was here").count() == 0);
    assert!(office.run("history c 9 --home anna").err.contains("no record 9"));
    // By a name that a table had before.
    office.sql("head", "ALTER TABLE c RENAME TO e");
    office.ok("sync --home head");
    assert!(office.ok("history c K1 --home head").out.contains("e K1"));
    office.sql("head", "DROP TABLE e");
    office.ok("sync --home head");
    let gone = office.ok("history c K1 --home head").flat();
    assert!(gone.contains("This is of the table e that was here until") && gone.contains("none of that name is tracked today"), "{gone}");
}
