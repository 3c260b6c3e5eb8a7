//! What does somebody see who asks the doctor? The real binary, before there is a site and at one.

mod binary;

use binary::{Office, Ran};

const SCHEMA: &str = "PRAGMA user_version = 7; PRAGMA journal_mode = WAL;
    CREATE TABLE countries(id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT);
    CREATE TABLE customers(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, country INT REFERENCES countries);
    CREATE TABLE notes(id TEXT PRIMARY KEY, customer_id INT, body TEXT); CREATE TABLE readings(meter TEXT, day TEXT, value REAL);
    CREATE VIRTUAL TABLE found USING fts5(body); CREATE TABLE changes(id TEXT PRIMARY KEY DEFAULT (hex(randomblob(8))), what TEXT);
    CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN INSERT INTO found VALUES(NEW.body); END;
    CREATE TRIGGER notes_au AFTER UPDATE ON notes BEGIN INSERT INTO changes(what) VALUES('body of ' || NEW.id); END;
    INSERT INTO countries VALUES(1, 'DE', 'Germany'), (2, 'CH', 'Switzerland'); INSERT INTO customers VALUES(11, 'Anna', 1), (12, 'Bob', 2);
    INSERT INTO notes VALUES('a', 11, 'x'), ('b', 12, 'y'), ('c', 11, 'z'); INSERT INTO readings VALUES('m', 'mon', 1), ('m', 'tue', 2), ('n', 'mon', 3);";

fn office() -> Office {
    let office = Office::new();
    office.make("share");
    office.make("head");
    office.sql("head", SCHEMA);
    office
}

fn exit(office: &Office, line: &str, code: i32) -> Ran {
    let ran = office.run(line);
    assert_eq!(ran.code, code, "{line}: {ran:?}");
    ran
}

/// Runs what must change nothing at all.
fn looks(office: &Office, line: &str, code: i32) -> Ran {
    let before = office.everything();
    let ran = exit(office, line, code);
    assert!(office.everything() == before, "{line} changed a file");
    ran
}

#[test]
fn before_there_is_a_site_it_says_what_to_write_and_then_nothing_wants_a_person() {
    let office = office();
    let first = looks(&office, "doctor --home head --database head/shop.db", 3);
    for words in [
        "UTF-8, journal mode wal",
        "5 tables, 2 triggers",
        "user_version 7",
        "Tracked: 4 tables, 7 records",
        "customers        2  id   number handed out  newest",
        "it has no primary key and no unique columns that are never empty: readings",
        "notes_ai (on notes) runs: it keeps `found`, which does not travel",
        "notes_au (on notes) stays still: it writes `changes`, which arrives by itself",
        "no index begins with `country` of `customers`",
        "again: `countries`",
        "[references]\n  # 3 of 3 values are numbers of `customers`\n  \"notes.customer_id\" = \"customers\"\n",
        "[tables.countries]\n  # no two records agree there, and all are filled\n  identity = [\"code\"]\n",
        "[tables.readings]\n  # no two of its records agree there, and all are filled\n  key = [\"meter\", \"day\"]\n",
    ] {
        assert!(first.out.contains(words), "{words}:\n{}", first.out);
    }
    let (_, lines) = first.out.split_once("rules.toml\n").unwrap();
    office.write("head/rules.toml", lines);
    let second = looks(&office, "doctor --home head --database head/shop.db", 0);
    assert!(second.out.contains("Tracked: 5 tables, 10 records") && !second.out.contains("If that is so"), "{}", second.out);
    assert!(second.out.contains("no unique index is on the key of `readings`"), "{}", second.out);
    office.sql(
        "head",
        "CREATE UNIQUE INDEX r ON readings(meter, day); CREATE INDEX c ON customers(country); CREATE INDEX n ON notes(customer_id)",
    );
    let third = looks(&office, "doctor --home head --database head/shop.db --json", 0);
    let json: serde_json::Value = serde_json::from_str(&third.out).unwrap();
    assert_eq!(json["troubles"].as_array().unwrap().len(), 1, "{}", third.out);
    assert_eq!((&json["site"], &json["journal_mode"], &json["page_size"]), (&serde_json::Value::Null, &"wal".into(), &4096.into()));
    assert_eq!(json["tracked"][1]["identity"], serde_json::json!(["code"]));
    let begun = office.ok("init --home head --name head --database head/shop.db --exchange share");
    assert!(begun.out.contains("Tracked: 5 tables") && !begun.out.contains("fieldpost doctor"), "{}", begun.out);
}

#[test]
fn init_points_out_references_that_nobody_declared() {
    let office = office();
    let begun = office.ok("init --home head --name head --database head/shop.db --exchange share");
    let said = "`notes.customer_id` looks like a reference to handed-out numbers that nobody declared";
    assert!(begun.flat().contains(said) && begun.flat().contains("run 'fieldpost --home head doctor'"), "{}", begun.out);
}

#[test]
fn at_a_site_it_says_what_is_so_there() {
    let office = office();
    office.ok("init --home head --name head --database head/shop.db --exchange share");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share");
    let early = exit(&office, "doctor --home anna", 1);
    assert!(early.err.contains("run 'fieldpost sync' at 'head'"), "{}", early.err);
    for site in ["head", "anna"] {
        office.ok(&format!("sync --home {site}"));
    }
    let head = looks(&office, "doctor --home head", 3);
    assert!(head.out.contains("'head': ") && head.out.contains("\"notes.customer_id\" = \"customers\""), "{}", head.out);
    assert!(!head.out.contains("_fieldpost_"), "what is ours is not listed:\n{}", head.out);
    let rules = "[references]\n\"notes.customer_id\" = \"customers\"\n\"notes.customer\" = \"customers\"\n[tables.notes]\nconflict = 'parent'\n[triggers]\nnotes_i = 'run'\n";
    office.write("head/rules.toml", rules);
    let ruled = looks(&office, "doctor --home head", 3);
    for words in [
        "rules.toml speaks of a field `customer` of `notes`, and there is none",
        "rules.toml speaks of a trigger `notes_i`, and there is none; did you mean `notes_ai`?",
        "natural            parent",
    ] {
        assert!(ruled.flat().contains(&words.split_whitespace().collect::<Vec<_>>().join(" ")), "{words}:\n{}", ruled.out);
    }
    assert!(office.ok("sync --home head").flat().contains("speaks of a field `customer` of `notes`"));
    office.write("head/rules.toml", "[references]\n\"notes.customer_id\" = \"customers\"\n[triggers]\nnotes_ai = 'still'\n");
    for site in ["head", "anna"] {
        office.ok(&format!("sync --home {site}"));
    }
    let anna = looks(&office, "doctor --home anna", 0);
    assert!(anna.out.contains("notes_ai (on notes) stays still: rules.toml says so"), "the rules travel:\n{}", anna.out);
    office.sql("anna", "PRAGMA foreign_keys = OFF; INSERT INTO customers VALUES(99, 'Nobody', 77)");
    let orphan = looks(&office, "doctor --home anna", 3);
    assert!(orphan.flat().contains("`customers` refers to records of `countries` that are not there, 1 ×"), "{}", orphan.out);
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let office = office();
    assert!(exit(&office, "doctor", 1).err.contains("no home"), "{}", exit(&office, "doctor", 1).err);
    assert!(exit(&office, "doctor --database none.db", 1).err.contains("there is no database"));
    office.write("text.db", &"not a database ".repeat(100));
    assert!(exit(&office, "doctor --database text.db", 1).err.contains("is not an SQLite database"));
    office.write("rules.toml", "[tables.x]\nidentty = ['a']\n");
    assert!(exit(&office, "doctor --database head/shop.db", 1).err.contains("did you mean `identity`?"));
}

#[test]
fn a_field_that_refers_to_nothing_is_asked_about_no_more() {
    let office = office();
    let asked = exit(&office, "doctor --home head --database head/shop.db", 3).out;
    let line = asked.lines().map(str::trim).find(|line| line.starts_with('"')).unwrap().to_owned();
    let (field, _) = line.split_once(" = ").unwrap();
    office.write("head/rules.toml", &format!("[references]\n{field} = false\n"));
    let quiet = office.run("doctor --home head --database head/shop.db").out;
    assert!(!quiet.contains(&line), "{quiet}");
    office.write("head/rules.toml", &format!("[references]\n{field} = true\n"));
    assert!(exit(&office, "doctor --home head --database head/shop.db", 1).err.contains("say to what it refers"));
}
