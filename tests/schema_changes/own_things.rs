//! Tables and columns that only a child has: they are allowed, and stay where they are.

use super::{FOUR, four, says, schema_of, two};

#[test]
fn tables_and_columns_of_a_childs_own_stay_at_home_and_are_said() {
    let tree = four();
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN private TEXT; CREATE TABLE diary (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO diary VALUES (1, 'secret'); UPDATE customers SET private = 'mine', phone = 'p' WHERE id = 'ACME'");
    let report = tree.sync("anna");
    assert!(says(&report, "what is in `customers.private` does not travel: only this site has it"), "{:?}", report.notes);
    assert!(says(&report, "what is in `diary` does not travel: only this site has it"), "{:?}", report.notes);
    assert!(!says(&tree.sync("anna"), "private"), "it is said once");
    tree.settle(&FOUR);
    tree.assert_rows(&["head", "north", "ben"], "SELECT * FROM customers WHERE id = 'ACME'", &["ACME|Acme Ltd|Bern|p"]);
    let session = tree.session("north");
    assert_eq!(fieldpost::sync::parked::waiting(&session).unwrap(), [], "nothing of it came here");
    drop(session);
    // A change of the host's goes around them.
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, level INTEGER DEFAULT 2); INSERT INTO n (id, name, phone) SELECT id, name, phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.settle(&FOUR);
    tree.assert_rows(&["anna"], "SELECT id, name, phone, level, private FROM customers WHERE id = 'ACME'", &["ACME|Acme Ltd|p|2|mine"]);
    tree.assert_rows(&["anna"], "SELECT * FROM diary", &["1|secret"]);
    tree.edit("head", "ALTER TABLE customers ADD COLUMN more TEXT DEFAULT 'm'");
    tree.edit("anna", "UPDATE customers SET private = 'mine too', level = 5 WHERE id = 'BOLT'");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT level, more FROM customers WHERE id = 'BOLT'", &["5|m"]);
    tree.assert_rows(&["anna"], "SELECT private FROM customers WHERE id IN ('ACME', 'BOLT') ORDER BY id", &["mine", "mine too"]);
    tree.assert_same(&["head", "north", "ben", "anna"]);
    assert_eq!(schema_of(&tree, "north"), schema_of(&tree, "head"));
}

#[test]
fn what_a_child_had_first_travels_once_the_host_has_it_too() {
    let tree = two();
    let change = "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0; CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT)";
    tree.edit("anna", change);
    tree.edit("anna", "UPDATE customers SET level = 5 WHERE id = 'ACME'; INSERT INTO tags VALUES ('anna', 'red')");
    tree.settle(&["anna", "head"]);
    tree.edit("head", change);
    tree.edit("head", "UPDATE customers SET level = 6 WHERE id = 'BOLT'; INSERT INTO tags VALUES ('head', 'blue')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT level FROM customers ORDER BY id", &["5", "6", "0"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM tags ORDER BY 1", &["anna|red", "head|blue"]);
    tree.assert_same(&["head", "anna"]);
}

#[test]
fn a_host_column_that_a_child_drops_comes_back_with_its_values_when_the_next_version_does() {
    let tree = two();
    tree.edit("anna", "ALTER TABLE customers DROP COLUMN city");
    let report = tree.sync("anna");
    assert!(says(&report, "column `city` of table `customers` is gone"), "{:?}", report.notes);
    tree.edit("head", "UPDATE customers SET city = 'Biel' WHERE id = 'BOLT'");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER");
    tree.settle(&["head", "anna"]);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city FROM customers ORDER BY id", &["Bern", "Biel", "Chur"]);
    tree.assert_same(&["head", "anna"]);
}

#[test]
fn a_host_column_that_a_child_renames_goes_on_by_both_names() {
    let tree = two();
    tree.edit("anna", "ALTER TABLE customers RENAME COLUMN phone TO mobile; UPDATE customers SET mobile = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head"], "SELECT phone FROM customers ORDER BY id", &["anna", "head", "3"]);
    tree.assert_rows(&["anna"], "SELECT mobile FROM customers ORDER BY id", &["anna", "head", "3"]);
    // The next version gives it the host's name again.
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM customers ORDER BY id", &["anna", "head", "3"]);
    super::assert_one(&tree, &["head", "anna"]);
}
