//! Sites that die before any durable step of noticing, telling, having or following a schema.

use super::{assert_one, two};

const CHANGE: &str = "ALTER TABLE notes RENAME COLUMN body TO x; ALTER TABLE notes RENAME TO remarks; CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('a', 'red');
    ALTER TABLE customers RENAME COLUMN phone TO a; ALTER TABLE customers RENAME COLUMN city TO phone; ALTER TABLE customers DROP COLUMN a; ALTER TABLE customers ADD COLUMN city TEXT DEFAULT 'new';
    UPDATE customers SET city = 'typed' WHERE id = 'CORE'; PRAGMA user_version = 9";

#[test]
fn a_run_that_dies_at_any_step_is_finished_by_the_next() {
    for site in ["head", "anna"] {
        for kill in 1.. {
            let tree = two();
            tree.edit("head", "UPDATE customers SET city = id || ' city'");
            tree.settle(&["head", "anna"]);
            tree.edit("head", CHANGE);
            tree.edit("anna", "UPDATE customers SET city = 'anna', name = 'Anna' WHERE id = 'ACME'; INSERT INTO notes VALUES ('N2', 'BOLT', 'new'); DELETE FROM customers WHERE id = 'NONE'");
            if site == "anna" {
                tree.sync("head");
            }
            let died = tree.sync_dying(site, kill);
            tree.settle(&["anna", "head"]);
            tree.assert_rows(
                &["head", "anna"],
                "SELECT id, name, phone, city FROM customers ORDER BY id",
                &["ACME|Anna|anna|new", "BOLT|Bolt AG|BOLT city|new", "CORE|Core|CORE city|typed"],
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
