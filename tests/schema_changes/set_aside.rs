//! Tables that are set aside under another name, or remade step by step, while a new one gets their name: which one is it?

use super::support::Tree;
use super::{FOUR, assert_one, conflicts, four, says, two, two_of};

const ASIDE: &str = "PRAGMA foreign_keys = off; PRAGMA legacy_alter_table = on; BEGIN; ALTER TABLE customers RENAME TO customers_old;
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, phone TEXT, mail TEXT);
    INSERT INTO customers (id, name, city, phone) SELECT id, name, upper(coalesce(city, '-')), phone FROM customers_old; COMMIT";
const PHONES: &str = "SELECT id, phone FROM customers ORDER BY id";
const EDITED: [&str; 4] = ["ACME|anna", "BOLT|ben", "CORE|3", "DORA|anna"];

fn edit_elsewhere(tree: &Tree) {
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DORA', 'Dora', NULL, 'anna')");
    tree.edit("ben", "UPDATE customers SET phone = 'ben' WHERE id = 'BOLT'");
}

#[test]
fn a_table_set_aside_as_a_copy_does_not_take_the_edits_of_the_one_made_anew_under_its_name() {
    let tree = four();
    edit_elsewhere(&tree);
    tree.edit("head", "UPDATE customers SET name = 'Core AG' WHERE id = 'CORE'");
    tree.edit("head", ASIDE);
    tree.edit("head", "UPDATE customers SET mail = 'c@core' WHERE id = 'CORE'");
    let report = tree.sync("head");
    assert!(says(&report, "table `customers_old` is new") && !says(&report, "is called"), "{:?}", report.notes);
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, PHONES, &EDITED);
    tree.assert_rows(
        &FOUR,
        "SELECT name, city, mail FROM customers WHERE id IN ('BOLT', 'CORE') ORDER BY id",
        &["Bolt AG|BASEL|-", "Core AG|CHUR|c@core"],
    );
    tree.assert_rows(&FOUR, "SELECT id, phone FROM customers_old ORDER BY id", &["ACME|1", "BOLT|2", "CORE|3"]);
    assert_one(&tree, &FOUR);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    tree.edit("ben", "UPDATE customers SET phone = 'later' WHERE id = 'BOLT'; UPDATE customers_old SET phone = 'copy' WHERE id = 'BOLT'");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT c.phone, o.phone FROM customers c JOIN customers_old o USING (id) WHERE id = 'BOLT'", &["later|copy"]);
    // The same once more, with the copy of the last time out of the way.
    tree.edit("anna", "UPDATE customers SET phone = 'again' WHERE id = 'ACME'");
    tree.edit("head", &ASIDE.replace("BEGIN;", "BEGIN; DROP TABLE customers_old;"));
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT phone FROM customers WHERE id = 'ACME'", &["again"]);
    assert_one(&tree, &FOUR);
    tree.edit("head", "DROP TABLE customers_old");
    tree.settle(&FOUR);
    assert_one(&tree, &FOUR);
}

#[test]
fn so_it_is_with_handed_out_numbers_and_where_schemas_do_not_travel() {
    let schema = "CREATE TABLE c (id INTEGER PRIMARY KEY, a TEXT, n INT); INSERT INTO c VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)";
    let aside = "BEGIN; ALTER TABLE c RENAME TO c_old; CREATE TABLE c (id INTEGER PRIMARY KEY, a TEXT, n INT); INSERT INTO c SELECT * FROM c_old; COMMIT";
    let tree = two_of(schema);
    tree.edit("anna", "UPDATE c SET a = 'anna' WHERE id = 2; INSERT INTO c (a) VALUES ('new')");
    tree.edit("head", aside);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT a FROM c ORDER BY id", &["x", "anna", "z", "new"]);
    tree.assert_rows(&["head", "anna"], "SELECT a FROM c_old ORDER BY id", &["x", "y", "z"]);
    assert_one(&tree, &["head", "anna"]);

    let tree = Tree::with_rules(schema, "[schema]\ntravels = false\n");
    tree.add("head", "anna", fieldpost::site::Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE c SET a = 'anna' WHERE id = 2");
    tree.edit("head", aside);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT a FROM c ORDER BY id", &["x", "anna", "z"]);
    tree.edit("anna", aside);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT count(*) FROM c", &["3"]);
}

#[test]
fn a_table_set_aside_stays_what_it_is_where_the_one_of_its_name_has_not_its_records_and_that_is_said() {
    let rest = ["", "INSERT INTO notes SELECT * FROM notes_old WHERE id = 'N1'", "INSERT INTO notes VALUES ('N7', 'CORE', 'next year')"];
    for filled in rest {
        let tree = two();
        tree.edit("head", "INSERT INTO notes VALUES ('N2', 'BOLT', 'second'), ('N3', 'CORE', 'third')");
        tree.settle(&["head", "anna"]);
        tree.edit("anna", "UPDATE notes SET body = 'anna' WHERE id = 'N2'");
        tree.edit("head", &format!("ALTER TABLE notes RENAME TO notes_old; CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT); {filled}"));
        let report = tree.sync("head");
        assert!(says(&report, "what other sites have not sent yet of that goes into `notes_old`"), "{:?}", report.notes);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT body FROM notes_old WHERE id = 'N2'", &["anna"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_table_that_others_refer_to_under_its_new_name_is_no_copy() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "ALTER TABLE customers RENAME TO clients; CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT); INSERT INTO customers SELECT * FROM clients");
    let report = tree.sync("head");
    assert!(says(&report, "table `customers` is called `clients` now"), "{:?}", report.notes);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM clients WHERE id = 'ACME'", &["anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn two_tables_of_the_same_records_that_exchange_their_names_are_told_apart() {
    let tree = two_of(
        "CREATE TABLE blue (id TEXT PRIMARY KEY, v TEXT); CREATE TABLE green (id TEXT PRIMARY KEY, v TEXT); INSERT INTO blue VALUES ('a', '1'), ('b', '2'); INSERT INTO green VALUES ('a', '1'), ('b', '2')",
    );
    tree.edit("anna", "UPDATE blue SET v = 'blue' WHERE id = 'a'; UPDATE green SET v = 'green' WHERE id = 'a'");
    tree.edit("head", "ALTER TABLE blue RENAME TO x; ALTER TABLE green RENAME TO blue; ALTER TABLE x RENAME TO green");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM blue ORDER BY id", &["green", "2"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM green ORDER BY id", &["blue", "2"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_remake_of_several_steps_with_a_run_in_between_is_one() {
    let steps = [
        "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, mail TEXT); INSERT INTO n (id, name, city, phone) SELECT * FROM customers",
        "PRAGMA foreign_keys = off; DROP TABLE customers",
        "ALTER TABLE n RENAME TO customers",
    ];
    for runs in [[true, false], [false, true], [true, true]] {
        let tree = four();
        edit_elsewhere(&tree);
        for (at, step) in steps.iter().enumerate() {
            tree.edit("head", step);
            if runs.get(at) == Some(&true) {
                tree.sync("head");
            }
        }
        tree.settle(&FOUR);
        tree.assert_rows(&FOUR, PHONES, &EDITED);
        assert_one(&tree, &FOUR);
    }
}

#[test]
fn a_table_that_others_wrote_into_is_nobodys_scratch() {
    let tree = two_of("CREATE TABLE c (id TEXT PRIMARY KEY, v TEXT); INSERT INTO c VALUES ('a', '1'), ('b', '2')");
    tree.edit("head", "CREATE TABLE c2 (id TEXT PRIMARY KEY, v TEXT); INSERT INTO c2 SELECT * FROM c");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "INSERT INTO c2 VALUES ('c', 'anna')");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE c2 SET v = 'late' WHERE id = 'a'");
    tree.edit("head", "DROP TABLE c; ALTER TABLE c2 RENAME TO c");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM c ORDER BY id", &["late", "2", "anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_table_renamed_and_remade_in_one_go_is_the_same_one() {
    let schema = "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, note TEXT); CREATE TABLE o (id INTEGER PRIMARY KEY AUTOINCREMENT, p INTEGER NOT NULL REFERENCES p(id), q INT);
        INSERT INTO p(name) VALUES ('a'), ('b'); INSERT INTO o(p, q) VALUES (1, 1), (2, 2)";
    let tree = two_of(schema);
    tree.edit("anna", "UPDATE p SET name = 'anna' WHERE id = 1; INSERT INTO p(id, name) VALUES (1500000007, 'new'); INSERT INTO o(p, q) VALUES (1500000007, 3)");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; ALTER TABLE p RENAME TO party; CREATE TABLE new__party (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT NOT NULL, level INT);
        INSERT INTO new__party SELECT id, name, coalesce(note, '-'), 1 FROM party; DROP TABLE party; ALTER TABLE new__party RENAME TO party; COMMIT");
    let report = tree.sync("head");
    assert!(says(&report, "table `p` is called `party` now") && report.waiting.is_empty(), "{report:?}");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT p.name, o.q FROM o JOIN party p ON p.id = o.p ORDER BY o.q", &["anna|1", "b|2", "new|3"]);
    assert_one(&tree, &["head", "anna"]);
    // Where a record holds something else nothing tells, and a person is asked.
    let tree = two_of(schema);
    tree.edit("head", "CREATE TABLE party (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT); INSERT INTO party VALUES (1, 'a', NULL), (2, 'other', NULL); DROP TABLE o; DROP TABLE p");
    assert_eq!(tree.sync("head").waiting.len(), 1);
}

#[test]
fn a_host_that_dies_while_it_takes_over_a_table_set_aside_ends_the_same() {
    let mut lived = false;
    for kill in 1..200 {
        let tree = two();
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
        tree.sync("anna");
        tree.edit("head", ASIDE);
        lived = tree.sync_dying("head", kill).is_none();
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT id, phone FROM customers ORDER BY id", &["ACME|anna", "BOLT|2", "CORE|3"]);
        assert_one(&tree, &["head", "anna"]);
        if lived {
            break;
        }
    }
    assert!(lived);
}

#[test]
fn a_copy_that_is_emptied_or_thinned_out_deletes_nothing_of_the_table_made_anew() {
    let schema = "CREATE TABLE c (id INTEGER PRIMARY KEY, a TEXT, n INT); INSERT INTO c VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)";
    for end in ["DELETE FROM c_old WHERE id > 1", "DELETE FROM c_old; DROP TABLE c_old"] {
        let tree = two_of(schema);
        tree.edit("anna", "UPDATE c SET a = 'anna' WHERE id = 2; INSERT INTO c (a) VALUES ('new')");
        tree.edit("head", "DELETE FROM c WHERE id = 3; INSERT INTO c VALUES (3, 'another', 4)");
        tree.edit("head", &format!("BEGIN; ALTER TABLE c RENAME TO c_old; CREATE TABLE c (id INTEGER PRIMARY KEY, a TEXT, n INT, more TEXT); INSERT INTO c (id, a, n) SELECT * FROM c_old; {end}; COMMIT"));
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT a FROM c ORDER BY id", &["x", "anna", "another", "new"]);
        assert_eq!(conflicts(&tree, "head"), [""; 0], "{end}");
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_new_one_that_was_there_before_takes_the_name_and_the_former_one_is_kept() {
    let tree = four();
    tree.edit("head", "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, mail TEXT); INSERT INTO n (id, name, city, phone) SELECT * FROM customers");
    tree.settle(&FOUR);
    edit_elsewhere(&tree);
    tree.edit("head", "PRAGMA foreign_keys = off; PRAGMA legacy_alter_table = on; BEGIN; ALTER TABLE customers RENAME TO customers_old; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, PHONES, &EDITED);
    tree.assert_rows(&FOUR, "SELECT phone FROM customers_old ORDER BY id", &["1", "2", "3"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn a_site_whose_application_set_the_table_aside_first_keeps_its_copy_to_itself() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("anna", &ASIDE.replace("upper", ""));
    tree.edit("anna", "UPDATE customers SET phone = 'late' WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head"], "SELECT id, phone FROM customers ORDER BY id", &["ACME|anna", "BOLT|late", "CORE|3"]);
    tree.assert_rows(&["head"], "SELECT name FROM sqlite_schema WHERE name = 'customers_old'", &[]);
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'CORE'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], "SELECT phone FROM customers WHERE id = 'CORE'", &["head"]);
    tree.assert_rows(&["anna"], "SELECT phone FROM customers_old ORDER BY id", &["anna", "2", "3"]);
}

#[test]
fn a_record_that_comes_while_the_new_one_is_filled_does_not_make_it_another_table() {
    let tree = two_of("CREATE TABLE d (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO d VALUES (1, 'x'), (2, 'y')");
    tree.edit("anna", "INSERT INTO d (a) VALUES ('early')");
    tree.sync("anna");
    tree.edit("head", "CREATE TABLE n (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO n (id, a) SELECT * FROM d");
    tree.sync("head");
    tree.edit("anna", "UPDATE d SET a = 'anna' WHERE id = 1; INSERT INTO d (a) VALUES ('late')");
    tree.edit("head", "DROP TABLE d; ALTER TABLE n RENAME TO d");
    let report = tree.sync("head");
    assert!(says(&report, "table `n` was the new one of `d`, which it is from now on"), "{:?}", report.notes);
    tree.settle(&["head", "anna"]);
    // The migration left out what came after it had copied.
    tree.assert_rows(&["head", "anna"], "SELECT a FROM d ORDER BY id", &["anna", "y", "late"]);
    assert_one(&tree, &["head", "anna"]);
}
