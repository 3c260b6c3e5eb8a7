//! New columns and tables: the worst mistakes first, then what waits while only one side knows them.

use fieldpost::site::Role;
use fieldpost::sync::tracking::parked;

use super::support::Tree;
use super::{OWN, SCHEMA, all, changes_sent, conflicts, says, two};

#[test]
fn a_late_migration_never_overwrites_what_people_typed_into_the_new_column() {
    let tree = two();
    let migration = "ALTER TABLE customers ADD COLUMN label TEXT; UPDATE customers SET label = name || '/' || city";
    tree.edit("head", migration);
    tree.settle(&["head", "anna"]);
    tree.edit("head", "UPDATE customers SET label = 'typed' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    // Weeks later the laptop migrates too: what its migration fills in is newer by the clock, and no edit.
    tree.tick(1_000_000_000);
    tree.edit("anna", migration);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "anna", "label"), "typed; Bolt AG/Basel; Core/Chur");
}

#[test]
fn what_the_default_fills_in_is_nobodys_edit_and_is_not_told() {
    let tree = two();
    let migration = "ALTER TABLE customers ADD COLUMN level INTEGER NOT NULL DEFAULT 7";
    tree.edit("head", migration);
    let report = tree.sync("head");
    assert_eq!(changes_sent(&report), 0, "a million records would be told otherwise: {:?}", report.built);
    assert!(says(&report, "column `level` of table `customers` is new"), "{:?}", report.notes);
    assert!(!says(&tree.sync("head"), "level"), "it is said once");
    tree.edit("anna", migration);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE customers SET level = 8 WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET level = 9 WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "level"), "8; 9; 7");
    assert_eq!(conflicts(&tree, "head"), Vec::<String>::new());
}

#[test]
fn an_edit_in_a_new_column_before_the_first_round_is_not_lost_to_the_default() {
    let tree = two();
    let migration = "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0";
    tree.edit("head", migration);
    tree.edit("anna", migration);
    tree.edit("anna", "UPDATE customers SET level = 5, phone = '55' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "level, phone"), "5 55; 0 2; 0 3");
    assert_eq!(conflicts(&tree, "head"), Vec::<String>::new());
}

#[test]
fn changes_of_a_column_that_is_not_here_yet_wait_and_everything_else_travels() {
    let tree = two();
    let migration = "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0";
    tree.edit("head", migration);
    tree.edit(
        "head",
        "UPDATE customers SET level = 5, phone = 'new' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DUNE', 'Dune', 'Dole', '4', 6)",
    );
    tree.settle(&["head", "anna"]);
    assert_eq!(all(&tree, "anna", "id, phone"), "ACME new; BOLT 2; CORE 3; DUNE 4");
    let waits = parked::waiting(&tree.session("anna")).unwrap();
    let listed: Vec<String> = waits.iter().map(|waits| format!("{} {}: {waits}", waits.key, waits.packet)).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed[0].contains("waits until this database has column `level`"), "{listed:?}");
    assert!(says(&tree.sync("anna"), "2 records from 'head' are kept until this database has column `level`"));
    // Edited again meanwhile, on both sides: the last word of each field counts.
    tree.edit("head", "UPDATE customers SET level = 50 WHERE id = 'ACME'");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'DUNE'; UPDATE customers SET city = 'Biel' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.edit("anna", migration);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "anna", "id, city, phone, level"), "ACME Biel new 50; BOLT Basel 2 0; CORE Chur 3 0; DUNE Dole anna 6");
    assert_eq!(parked::waiting(&tree.session("anna")).unwrap(), []);
    assert_eq!(conflicts(&tree, "head"), Vec::<String>::new());
}

#[test]
fn a_child_that_migrates_first_is_heard_when_the_parent_follows() {
    let tree = two();
    let migration = "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0";
    tree.edit("anna", migration);
    tree.edit("anna", "UPDATE customers SET level = 5 WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "DELETE FROM customers WHERE id = 'CORE'; UPDATE customers SET level = 6 WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "head", "id"), "ACME; BOLT");
    tree.edit("head", migration);
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "level"), "5; 6");
    assert_eq!(conflicts(&tree, "head"), Vec::<String>::new());
}

#[test]
fn a_delete_by_somebody_without_the_new_column_counts_unless_it_was_edited_meanwhile() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0");
    tree.edit("head", "UPDATE customers SET level = 5 WHERE id = 'CORE'");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "DELETE FROM customers WHERE id IN ('BOLT', 'CORE')");
    tree.sync("anna");
    tree.edit("head", "UPDATE customers SET level = 6 WHERE id = 'BOLT'");
    tree.settle(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "id, level"), "ACME 0; BOLT 6", "the edit of BOLT was not seen by who deleted it");
    assert_eq!(all(&tree, "anna", "id"), "ACME; BOLT");
}

#[test]
fn a_new_table_waits_at_who_does_not_have_it() {
    let tree = two();
    let table = "CREATE TABLE visits (id INTEGER PRIMARY KEY, customer TEXT REFERENCES customers, what TEXT)";
    tree.edit("head", table);
    tree.edit("head", "INSERT INTO visits VALUES (1, 'ACME', 'first')");
    let report = tree.sync("head");
    assert!(says(&report, "table `visits` is new: it is tracked from now on"), "{:?}", report.notes);
    tree.settle(&["head", "anna"]);
    tree.edit("head", "UPDATE visits SET what = 'changed'; INSERT INTO visits VALUES (2, 'BOLT', 'second'), (3, 'BOLT', 'third'); DELETE FROM visits WHERE id = 2");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "DELETE FROM visits WHERE id = 3");
    tree.settle(&["head", "anna"]);
    assert!(says(&tree.sync("anna"), "table `visits`"));
    tree.edit("anna", table);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("anna", "SELECT group_concat(id || what) FROM visits"), "1changed");
    tree.edit("anna", "UPDATE visits SET what = 'by anna'");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(parked::waiting(&tree.session("anna")).unwrap(), []);
}

#[test]
fn an_office_that_migrates_last_passes_on_what_it_parked() {
    let tree = Tree::with_rules(SCHEMA, OWN);
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&["head", "north", "anna"]);
    let migration = "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0; CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT)";
    for site in ["head", "anna"] {
        tree.edit(site, migration);
    }
    tree.edit("head", "UPDATE customers SET level = 1 WHERE id = 'ACME'; INSERT INTO tags VALUES ('head', 'red')");
    tree.edit("anna", "UPDATE customers SET level = 2 WHERE id = 'BOLT'; INSERT INTO tags VALUES ('anna', 'blue')");
    tree.settle(&["head", "north", "anna"]);
    tree.edit("north", migration);
    tree.settle(&["north", "head", "anna"]);
    tree.assert_same(&["head", "north", "anna"]);
    assert_eq!(all(&tree, "head", "level"), "1; 2; 0");
    assert_eq!(tree.text("anna", "SELECT group_concat(name) FROM (SELECT name FROM tags ORDER BY 1)"), "anna,head");
}

#[test]
fn what_migration_tools_note_stays_with_the_database_it_speaks_of() {
    let tree = Tree::with_rules(
        "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT);
         CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY); INSERT INTO alembic_version VALUES ('it''s one');
         CREATE TABLE migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, migration TEXT, batch INTEGER); INSERT INTO migrations VALUES (4, 'first', 1);",
        OWN,
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    assert_eq!(tree.text("anna", "SELECT version_num || id || migration FROM alembic_version, migrations"), "it's one4first");
    tree.edit(
        "head",
        "ALTER TABLE customers ADD COLUMN level INTEGER; UPDATE alembic_version SET version_num = 'two'; CREATE TABLE log (line TEXT)",
    );
    let report = tree.sync("head");
    assert!(says(&report, "what is in `log` does not travel: it has no primary key"), "{:?}", report.notes);
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.text("anna", "SELECT version_num FROM alembic_version"), "it's one", "anna's tool has still to do its work");
}
