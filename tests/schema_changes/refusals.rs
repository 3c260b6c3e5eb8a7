//! Schema changes that cannot be had: refused in words, tried again, and nothing else is lost by it.

use super::{FOUR, assert_one, four, says, two};

#[test]
fn records_in_the_way_of_a_constraint_stop_the_stream_until_somebody_mends_them() {
    let tree = two();
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, city TEXT, phone TEXT); INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'CORE'");
    tree.edit("anna", "INSERT INTO customers VALUES ('ECHO', 'Core', NULL, 'anna')");
    tree.sync("head");
    for _ in 0..2 {
        let report = tree.sync("anna");
        let why: Vec<&str> = report.waiting.iter().map(|waiting| waiting.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "the schema that it brings cannot be had here: records of `customers` here are not what its new schema allows (UNIQUE constraint failed: customers.name): change ECHO here; the packet waits and is tried again in every round"
            ]
        );
        assert_eq!(
            tree.rows("anna", "SELECT phone FROM customers WHERE id = 'CORE'"),
            ["3"],
            "nothing of the packet is applied without its schema"
        );
    }
    assert!(
        fieldpost::sync::schema::view::standing(&tree.session("anna")).unwrap().refused.unwrap().1.contains("UNIQUE constraint failed")
    );
    tree.edit("anna", "UPDATE customers SET name = 'Echo' WHERE id = 'ECHO'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, name, phone FROM customers WHERE id IN ('CORE', 'ECHO')",
        &["CORE|Core|head", "ECHO|Echo|anna"],
    );
    assert_eq!(fieldpost::sync::schema::view::standing(&tree.session("anna")).unwrap().refused, None);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_unique_index_waits_for_the_records_that_make_it_possible() {
    let tree = two();
    tree.edit("head", "UPDATE customers SET phone = '1'");
    tree.settle(&["head", "anna"]);
    // The host makes its records unique in the same migration: they come after the schema.
    tree.edit(
        "head",
        "UPDATE customers SET phone = id; CREATE UNIQUE INDEX phones ON customers(phone); ALTER TABLE customers ADD COLUMN level INTEGER",
    );
    tree.sync("head");
    tree.sync("anna");
    assert_eq!(tree.rows("anna", "SELECT name FROM sqlite_schema WHERE name = 'phones'"), ["phones"]);
    tree.settle(&["head", "anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_unique_index_that_waits_for_a_person_is_said_in_every_round() {
    let tree = two();
    tree.edit("head", "CREATE UNIQUE INDEX names ON customers(name)");
    tree.edit("anna", "INSERT INTO customers VALUES ('ECHO', 'Core', NULL, NULL)");
    tree.sync("head");
    for _ in 0..2 {
        let report = tree.sync("anna");
        assert!(
            says(
                &report,
                "index `names` of `customers` is not made yet: UNIQUE constraint failed: customers.name; change CORE and ECHO here"
            ),
            "{:?}",
            report.notes
        );
    }
    tree.edit("anna", "UPDATE customers SET name = 'Echo' WHERE id = 'ECHO'");
    tree.settle(&["anna", "head"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_name_that_a_table_of_the_childs_own_has_is_refused_until_that_one_makes_room() {
    let tree = two();
    tree.edit("anna", "CREATE TABLE clients (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO clients VALUES (1, 'mine')");
    tree.sync("anna");
    tree.edit("head", "ALTER TABLE customers RENAME TO clients");
    tree.sync("head");
    let report = tree.sync("anna");
    assert!(
        report.waiting[0].why.contains("this site has a table `clients` of its own: give that one another name here"),
        "{:?}",
        report.waiting
    );
    tree.edit("anna", "ALTER TABLE clients RENAME TO my_clients; UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM clients ORDER BY id", &["anna", "2", "3"]);
    tree.assert_rows(&["anna"], "SELECT text FROM my_clients", &["mine"]);
}

#[test]
fn every_office_above_hears_that_a_site_cannot_have_the_schema_until_it_can() {
    let tree = four();
    let below = |site: &str| fieldpost::sync::schema::refusals::below(&tree.session(site)).unwrap();
    tree.edit("anna", "CREATE TABLE clients (id INTEGER PRIMARY KEY, text TEXT)");
    tree.settle(&FOUR);
    tree.edit("head", "ALTER TABLE customers RENAME TO clients");
    for site in ["head", "north", "ben", "anna", "north", "head"] {
        tree.sync(site);
    }
    for site in ["head", "north"] {
        let told = below(site);
        assert_eq!(told.len(), 1, "{site}: {told:?}");
        assert!(told[0].site.as_str() == "anna" && told[0].version == 2 && told[0].why.contains("`clients` of its own"), "{told:?}");
    }
    // It is told once.
    tree.sync("anna");
    assert!(tree.sync("anna").built.is_empty());
    tree.edit("anna", "DROP TABLE clients");
    tree.settle(&["anna", "north", "head"]);
    assert_eq!([below("head"), below("north")], [vec![], vec![]]);
    assert_one(&tree, &FOUR);
}

/// As a migration tool makes it: the default is there for the migration only.
const MUST: &str = "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, code TEXT NOT NULL, rank INTEGER NOT NULL);
    INSERT INTO n SELECT *, 'c' || id, 5 FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT";

#[test]
fn a_record_sent_before_its_site_heard_of_a_column_that_must_not_be_empty_is_taken() {
    let tree = two();
    tree.edit("anna", "INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, '5'); INSERT INTO notes VALUES ('N2', 'ECHO', 'anna')");
    tree.sync("anna");
    tree.edit("head", MUST);
    let report = tree.sync("head");
    assert!(says(&report, "`rank` of `customers` must not be empty, and ECHO came without it"), "{:?}", report.notes);
    let report = tree.sync("anna");
    assert!(says(&report, "column `code` of `customers` must not be empty: '' stands in it until its values come"), "{:?}", report.notes);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, code, rank FROM customers ORDER BY id",
        &["ACME|cACME|5", "BOLT|cBOLT|5", "CORE|cCORE|5", "ECHO||0"],
    );
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn nothing_that_was_sent_where_something_must_be_from_now_on_becomes_what_every_site_puts_there() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET city = NULL WHERE id = 'ACME'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, NULL)");
    tree.sync("anna");
    tree.edit("anna", "UPDATE customers SET phone = NULL WHERE id = 'BOLT'");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL DEFAULT 'none', phone TEXT NOT NULL, code TEXT NOT NULL UNIQUE);
        INSERT INTO n SELECT *, 'c' || id FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    let report = tree.sync("head");
    assert!(
        says(&report, "`code` of `customers` must not be empty, and ECHO came without it from a site that had not heard of that"),
        "{:?}",
        report.notes
    );
    let report = tree.sync("anna");
    assert!(says(&report, "column `phone` of `customers` must not be empty: '' stands in it where it was empty"), "{:?}", report.notes);
    let report = tree.sync("head");
    assert!(report.built.iter().all(|packet| !packet.tables.contains_key("notes")), "not everything is told anew: {:?}", report.built);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, city, phone, substr(code, 1, 1) FROM customers ORDER BY id",
        &["ACME|none|1|c", "BOLT|Basel||c", "CORE|Chur|3|c", "ECHO|none||#"],
    );
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(super::conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn what_a_default_with_dice_puts_where_nothing_was_is_the_same_everywhere() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = NULL WHERE id = 'BOLT'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, NULL)");
    tree.sync("anna");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT NOT NULL DEFAULT (hex(randomblob(8))));
        INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.settle(&["head", "anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn constraints_that_come_name_the_records_that_break_them() {
    for (host, child, named, mend) in [
        (
            "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT CHECK (city <> 'Bonn'), phone TEXT); INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers",
            "UPDATE customers SET city = 'Bonn' WHERE id <> 'CORE'",
            "(CHECK constraint failed: city <> 'Bonn'): change ACME, BOLT here",
            "UPDATE customers SET city = 'Basel' WHERE id <> 'CORE'",
        ),
        (
            "CREATE TABLE n (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT REFERENCES customers(id)); INSERT INTO n SELECT id, customer, NULL FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes",
            "INSERT INTO notes VALUES ('N2', 'ACME', 'nobody')",
            "records of `notes` would refer to records of `customers` that are not here: change N2 here",
            "UPDATE notes SET body = NULL",
        ),
    ] {
        let tree = two();
        tree.edit("head", &format!("PRAGMA foreign_keys = off; BEGIN; {host}; COMMIT"));
        tree.edit("anna", child);
        tree.sync("head");
        let report = tree.sync("anna");
        assert!(report.waiting[0].why.contains(named), "{:?}", report.waiting);
        tree.edit("anna", mend);
        tree.settle(&["anna", "head"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn records_that_the_host_mended_for_a_new_constraint_come_with_it() {
    for change in [
        "UPDATE customers SET city = 'Basel', phone = 'mended' WHERE city = 'Bern'; PRAGMA foreign_keys = off; BEGIN;
         CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT CHECK (city <> 'Bern'), phone TEXT, level INTEGER); INSERT INTO n SELECT *, 3 FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT",
        "UPDATE customers SET city = id, phone = 'mended' WHERE city = 'Bern'; PRAGMA foreign_keys = off; BEGIN;
         CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT UNIQUE, phone TEXT, level INTEGER); INSERT INTO n SELECT *, 3 FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT",
        "UPDATE customers SET city = 'ACME', phone = 'mended'; PRAGMA foreign_keys = off; BEGIN;
         CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT REFERENCES customers(id), phone TEXT, level INTEGER); INSERT INTO n SELECT *, 3 FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT",
    ] {
        let tree = four();
        tree.edit("head", "UPDATE customers SET city = 'Bern'");
        tree.settle(&FOUR);
        tree.edit("head", change);
        tree.edit("anna", "UPDATE customers SET name = 'Anna' WHERE id = 'CORE'");
        tree.settle(&FOUR);
        tree.assert_rows(&FOUR, "SELECT id, name, phone, level FROM customers ORDER BY id", &["ACME|Acme Ltd|mended|3", "BOLT|Bolt AG|mended|3", "CORE|Anna|mended|3"]);
        assert_one(&tree, &FOUR);
        assert_eq!(super::conflicts(&tree, "head"), [""; 0]);
    }
}

#[test]
fn what_was_refused_for_a_constraint_comes_as_soon_as_the_constraint_goes() {
    let tree = two();
    let remade = |check: &str| {
        tree.edit("head", &format!("PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT{check}, phone TEXT); INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT"));
    };
    tree.edit("anna", "INSERT INTO customers VALUES ('ECHO', 'Echo', 'Bonn', NULL)");
    tree.sync("anna");
    remade(" CHECK (city <> 'Bonn')");
    tree.sync("head");
    assert_eq!(tree.held("head").len(), 1);
    remade("");
    tree.sync("head");
    assert_eq!(tree.held("head"), [""; 0]);
    assert_eq!(tree.rows("head", "SELECT city FROM customers WHERE id = 'ECHO'"), ["Bonn"]);
    tree.settle(&["head", "anna"]);
    assert_one(&tree, &["head", "anna"]);
}
