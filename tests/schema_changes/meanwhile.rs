//! What was under way when a schema changed: names that went and came in one go, deletes, records put in another's place, the run itself.

use fieldpost::database::DatabaseError;
use fieldpost::sync::SyncError;
use fieldpost::sync::round::{self, Halves};

use super::{FOUR, SCHEMA, assert_one, conflicts, four, two, two_of};

#[test]
fn a_table_that_gets_the_name_of_one_that_goes_in_the_same_go_takes_its_place() {
    let tree = four();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; UPDATE notes SET body = 'late' WHERE id = 'N1'");
    tree.edit("head", "DROP TABLE notes; ALTER TABLE customers RENAME TO notes");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT id, phone FROM notes ORDER BY id", &["ACME|anna", "BOLT|2", "CORE|3"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn a_site_that_missed_a_version_gives_a_name_to_the_table_that_has_it_now() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "DROP TABLE notes");
    tree.session("head");
    tree.edit("head", "ALTER TABLE customers RENAME TO Notes");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, phone FROM notes ORDER BY id", &["ACME|anna", "BOLT|2", "CORE|3"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_column_that_gets_the_name_of_one_that_goes_takes_its_place() {
    let tree = four();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "ALTER TABLE customers DROP COLUMN city");
    tree.session("head");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO City");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT id, city FROM customers ORDER BY id", &["ACME|anna", "BOLT|2", "CORE|3"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn what_was_typed_into_a_new_column_is_not_lost_with_a_record_that_a_site_ended_before_it_had_that_column() {
    let ends = "DELETE FROM customers WHERE id = 'CORE'";
    for ended in [ends.to_owned(), format!("{ends}; INSERT INTO customers VALUES ('CORE', 'Another', 'Chur', '4')")] {
        let tree = two();
        tree.edit("head", "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'none'");
        tree.sync("head");
        tree.edit("head", "UPDATE customers SET level = 'gold' WHERE id = 'CORE'");
        tree.sync("head");
        tree.edit("anna", &ended);
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head", "anna"], "SELECT level, phone FROM customers WHERE id = 'CORE'", &["gold|3"]);
        let listed = conflicts(&tree, "head");
        assert!(listed.iter().any(|line| line.starts_with("CORE")), "{listed:?}");
        assert_one(&tree, &["head", "anna"]);
    }
    // What the column begins with nobody typed: there the record goes.
    let tree = two();
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'none'");
    tree.edit("anna", ends);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id FROM customers ORDER BY id", &["ACME", "BOLT"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn what_was_told_of_a_new_column_after_a_site_ended_the_record_that_site_has_not_seen() {
    for between in ["", "UPDATE customers SET level = 'silver' WHERE id = 'CORE'"] {
        let tree = two();
        tree.edit("head", "ALTER TABLE customers ADD COLUMN level TEXT");
        tree.half("head", Halves::Send);
        tree.edit("head", between);
        tree.edit("anna", "DELETE FROM customers WHERE id = 'CORE'");
        tree.half("anna", Halves::Send);
        tree.half("head", Halves::Send);
        tree.edit("head", "UPDATE customers SET level = 'gold' WHERE id = 'CORE'");
        tree.half("head", Halves::Send);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT level, phone FROM customers WHERE id = 'CORE'", &["gold|3"]);
        let listed = conflicts(&tree, "head");
        assert!(listed.iter().any(|line| line.starts_with("CORE")), "{listed:?}");
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_site_whose_empty_value_is_filled_by_a_change_gets_what_was_typed_there_before_it() {
    let tree = four();
    tree.edit("head", "UPDATE customers SET city = NULL WHERE id = 'CORE'");
    tree.settle(&FOUR);
    tree.edit("head", "UPDATE customers SET city = 'Basel' WHERE id = 'CORE'; ALTER TABLE notes ADD COLUMN place TEXT");
    tree.sync("head");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL DEFAULT 'Bern', phone TEXT); INSERT INTO n SELECT id, name, ifnull(city, 'Bern'), phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT city FROM customers WHERE id = 'CORE'", &["Basel"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn an_empty_value_that_is_under_way_while_a_change_fills_it_is_the_same_at_both_ends() {
    let remade = |city: &str, fill: &str| {
        format!(
            "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city {city}, phone TEXT); INSERT INTO n SELECT id, name, {fill}, phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT"
        )
    };
    let tree = two();
    tree.edit("anna", "INSERT INTO customers VALUES ('DORA', 'Dora', NULL, '4')");
    tree.half("anna", Halves::Send);
    tree.edit("head", &remade("TEXT NOT NULL DEFAULT 'Bern'", "ifnull(city, 'Bern')"));
    tree.half("head", Halves::Send);
    tree.edit("head", &remade("TEXT", "city"));
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city FROM customers WHERE id = 'DORA'", &["-"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn what_every_site_calculates_for_itself_comes_from_above() {
    let tree = four();
    // As if the clocks said so: at the office it is by chance what it is at the main office, at its remote it is not.
    tree.edit("head", "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, day TEXT NOT NULL DEFAULT (CASE WHEN (abs(random()) % 2) THEN 'a' ELSE 'b' END));
        INSERT INTO n (id, name, city, phone) SELECT * FROM customers; INSERT INTO n (id, name) WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 40) SELECT 'K' || x, 'x' FROM i;
        PRAGMA foreign_keys = off; DROP TABLE customers; ALTER TABLE n RENAME TO customers");
    tree.settle(&FOUR);
    assert_one(&tree, &FOUR);
}

#[test]
fn a_delete_that_a_site_ignored_for_an_edit_of_a_column_that_goes_is_told_again() {
    for replaced in ["", "INSERT INTO customers (id, name) VALUES ('CORE', 'Another')"] {
        let tree = two();
        tree.edit("head", &format!("DELETE FROM customers WHERE id = 'CORE'; {replaced}"));
        tree.sync("head");
        tree.edit("head", "ALTER TABLE customers DROP COLUMN city");
        tree.session("head");
        tree.edit("anna", "UPDATE customers SET city = 'Biel' WHERE id = 'CORE'");
        tree.settle(&["anna", "head"]);
        let left: &[&str] = if replaced.is_empty() { &["ACME", "BOLT"] } else { &["ACME", "BOLT", "CORE"] };
        tree.assert_rows(&["head", "anna"], "SELECT id FROM customers ORDER BY id", left);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_table_that_is_called_otherwise_in_the_middle_of_a_run_ends_that_run_and_the_next_one_goes_on() {
    let tree = two();
    tree.edit("anna", "INSERT INTO notes VALUES ('N2', 'BOLT', 'late'); UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.edit("head", "INSERT INTO notes VALUES ('N3', 'CORE', 'head')");
    let mut session = tree.session("head");
    let mut moves = |word: &str| {
        if word == "looking for packets" {
            tree.application("head").execute_batch("ALTER TABLE customers RENAME TO clients").unwrap();
        }
    };
    let done = round::run(&mut session, &mut [&mut tree.exchange.clone()], round::Halves::Both, &mut moves);
    drop(session);
    let moved = matches!(done, Err(SyncError::SchemaMoves | SyncError::Database(DatabaseError::ShapeMoved { .. })));
    assert!(moved, "{done:?}");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM clients WHERE id = 'ACME'", &["anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id FROM notes ORDER BY id", &["N1", "N2", "N3"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_site_that_makes_a_column_with_a_later_default_has_the_values_that_the_others_have() {
    let tree = four();
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level TEXT");
    tree.session("head");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, level TEXT DEFAULT 'gold'); INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DORA', 'Dora', NULL, NULL)");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT id, level FROM customers ORDER BY id", &["ACME|-", "BOLT|-", "CORE|-", "DORA|gold"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    assert_one(&tree, &FOUR);
}

#[test]
fn what_a_new_column_begins_with_is_no_edit_of_a_record_whose_replacement_waits() {
    let now = "SELECT name, city, level FROM customers WHERE id = 'CORE'";
    for (then, last) in [
        ("", "UPDATE customers SET name = 'Free', city = 'Biel' WHERE id = 'CORE'"),
        ("", "DELETE FROM customers WHERE id = 'CORE'"),
        ("", "UPDATE customers SET phone = '4' WHERE id = 'CORE'; DELETE FROM customers WHERE id = 'CORE'"),
        ("UPDATE customers SET level = 'gold' WHERE id = 'CORE'", "DELETE FROM customers WHERE id = 'CORE'"),
    ] {
        let tree = two_of(&format!("{SCHEMA} CREATE UNIQUE INDEX names ON customers (name);"));
        tree.edit("head", "INSERT INTO customers VALUES ('DORA', 'Taken', NULL, NULL)");
        tree.sync("head");
        tree.edit("anna", "DELETE FROM customers WHERE id = 'CORE'; INSERT INTO customers VALUES ('CORE', 'Taken', 'Bonn', NULL)");
        tree.half("anna", Halves::Send);
        tree.sync("head");
        assert_eq!(tree.held("head").len(), 1);
        // The site only sends: it has not heard of the column.
        tree.edit("head", "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'none'");
        tree.sync("head");
        tree.edit("head", then);
        tree.sync("head");
        tree.edit("anna", last);
        tree.half("anna", Halves::Send);
        tree.settle(&["head", "anna"]);
        let expected: &[&str] = match (then, last.contains("DELETE")) {
            ("", true) => &[],
            ("", false) => &["Free|Biel|none"],
            // That is one.
            (_, _) => &["Core|Chur|gold"],
        };
        tree.assert_rows(&["head", "anna"], now, expected);
        // What waited is listed for the unique value.
        let lost: Vec<String> = conflicts(&tree, "head").into_iter().filter(|line| !line.contains("Taken")).collect();
        assert_eq!(lost.is_empty(), then.is_empty(), "{last}: {lost:?}");
        assert_one(&tree, &["head", "anna"]);
    }
}
