//! Sites that die before any durable step of noticing, telling, having or following a schema.

use super::{assert_one, two};

const CHANGE: &str = "ALTER TABLE notes RENAME COLUMN body TO x; ALTER TABLE notes RENAME TO remarks; CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('a', 'red');
    ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'new';
    UPDATE customers SET level = 'typed' WHERE id = 'CORE'; PRAGMA user_version = 9";

#[test]
fn a_run_that_dies_at_any_step_is_finished_by_the_next() {
    for site in ["head", "anna"] {
        for kill in 1.. {
            let tree = two();
            tree.edit("head", CHANGE);
            tree.edit("anna", "UPDATE customers SET phone = 'anna', name = 'Anna' WHERE id = 'ACME'; INSERT INTO notes VALUES ('N2', 'BOLT', 'new'); DELETE FROM customers WHERE id = 'NONE'");
            if site == "anna" {
                tree.sync("head");
            }
            let died = tree.sync_dying(site, kill);
            tree.settle(&["anna", "head"]);
            tree.assert_rows(
                &["head", "anna"],
                "SELECT id, name, telephone, level FROM customers ORDER BY id",
                &["ACME|Anna|anna|new", "BOLT|Bolt AG|2|new", "CORE|Core|3|typed"],
            );
            tree.assert_rows(&["head", "anna"], "SELECT id, x FROM remarks ORDER BY id", &["N1|first", "N2|new"]);
            tree.assert_rows(&["head", "anna"], "SELECT color FROM tags", &["red"]);
            assert_one(&tree, &["head", "anna"]);
            if died.is_none() {
                assert!(kill > 10, "the sweep is over after {kill} steps");
                break;
            }
        }
    }
}

/// Records are mended for a constraint that comes with them: they are applied before the schema that brings them.
const MENDED: &str = "UPDATE customers SET city = 'Basel'; PRAGMA foreign_keys = off; BEGIN;
    CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT CHECK (city = 'Basel'), phone TEXT, level INTEGER); INSERT INTO n SELECT *, 3 FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT";

#[test]
fn a_site_that_dies_between_the_records_and_the_schema_that_they_come_with_goes_on() {
    for kill in 1.. {
        let tree = two();
        tree.edit("head", MENDED);
        tree.edit("anna", "UPDATE customers SET name = 'Anna' WHERE id = 'ACME'; INSERT INTO notes VALUES ('N2', 'BOLT', 'new')");
        tree.sync("head");
        let died = tree.sync_dying("anna", kill);
        tree.settle(&["anna", "head"]);
        tree.assert_rows(
            &["head", "anna"],
            "SELECT id, name, city, level FROM customers ORDER BY id",
            &["ACME|Anna|Basel|3", "BOLT|Bolt AG|Basel|3", "CORE|Core|Basel|3"],
        );
        tree.assert_rows(&["head", "anna"], "SELECT id FROM notes ORDER BY id", &["N1", "N2"]);
        assert_one(&tree, &["head", "anna"]);
        if died.is_none() {
            assert!(kill > 10, "the sweep is over after {kill} steps");
            break;
        }
    }
}

#[test]
fn what_a_run_that_died_had_filled_is_told_where_the_default_is_another_one_by_the_next_run() {
    for kill in 1.. {
        let tree = two();
        tree.edit("head", "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'new'");
        let died = tree.sync_dying("head", kill);
        tree.edit(
            "head",
            "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, level TEXT);
            INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT",
        );
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT id, level FROM customers ORDER BY id", &["ACME|new", "BOLT|new", "CORE|new"]);
        assert_one(&tree, &["head", "anna"]);
        if died.is_none() {
            break;
        }
    }
}
