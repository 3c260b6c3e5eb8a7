//! A version of the schema that a site cannot have, and the later one with which the main office takes it back or mends it.

use fieldpost::exchange::{Exchange as _, Folder};

use super::support::name;
use super::{FOUR, assert_one, conflicts, four, says, two, two_of};

/// `customers` remade with this behind its columns, and filled so.
fn remade(columns: &str, values: &str) -> String {
    format!(
        "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT{columns}); \
         INSERT INTO n SELECT id, name, city, phone{values} FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT"
    )
}

/// What a record of anna's own breaks.
const NO_BONN: &str = ", level INTEGER DEFAULT 7, CHECK (city <> 'Bonn')";
const AT_BONN: &str = "INSERT INTO customers VALUES ('ECHO', 'Echo', 'Bonn', '5')";

#[test]
fn a_version_that_is_taken_back_stops_nobody() {
    let tree = four();
    tree.edit("anna", AT_BONN);
    tree.edit("head", &remade(NO_BONN, ", 7"));
    tree.edit(
        "head",
        "INSERT INTO customers VALUES ('DELTA', 'Delta', 'Bern', '4', 9); UPDATE customers SET level = 8, phone = 'head' WHERE id = 'ACME'",
    );
    for site in ["head", "north", "anna", "north", "head"] {
        tree.sync(site);
    }
    assert!(!tree.sync("anna").waiting.is_empty(), "it waits while nothing newer is there");
    // People go on meanwhile, at both ends.
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'; DELETE FROM notes");
    tree.edit("head", "UPDATE customers SET phone = 'later' WHERE id = 'CORE'");
    tree.sync("head");
    tree.edit("head", &remade("", ""));
    for site in ["head", "north"] {
        tree.sync(site);
    }
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    assert!(says(&report, "version 3 of the schema takes the place of one that could not be had here"), "{:?}", report.notes);
    tree.settle(&FOUR);
    tree.assert_rows(
        &FOUR,
        "SELECT id, city, phone FROM customers ORDER BY id",
        &["ACME|Bern|head", "BOLT|Basel|anna", "CORE|Chur|later", "DELTA|Bern|4", "ECHO|Bonn|5"],
    );
    tree.assert_rows(&FOUR, "SELECT count(*) FROM notes", &["0"]);
    assert_one(&tree, &FOUR);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    assert_eq!(fieldpost::sync::schema::view::standing(&tree.session("anna")).unwrap().refused, None);
    assert_eq!(fieldpost::sync::schema::refusals::below(&tree.session("head")).unwrap(), []);
    let log = fieldpost::sync::schema::versions(&tree.session("anna")).unwrap();
    assert_eq!(log.last().map(|one| (one.version, one.what.join("; "))), Some((3, "nothing is otherwise here".to_owned())));
    // Everything is told anew once, and not again.
    assert!(tree.sync("anna").built.is_empty());
}

#[test]
fn what_the_refused_version_made_and_the_later_one_kept_comes_with_its_values() {
    let tree = two();
    tree.edit("anna", AT_BONN);
    tree.edit("head", &remade(NO_BONN, ", length(name)"));
    tree.edit("head", "CREATE TABLE made (id TEXT PRIMARY KEY, text TEXT); INSERT INTO made VALUES ('M', 'with the refused one')");
    tree.edit("head", "CREATE TABLE passing (id TEXT PRIMARY KEY, text TEXT); INSERT INTO passing VALUES ('P', 'soon gone')");
    tree.edit("head", "UPDATE customers SET level = 70 WHERE id = 'ACME'");
    tree.sync("head");
    assert_eq!(tree.sync("anna").waiting.len(), 1);
    tree.edit("head", "DROP TABLE passing");
    // The constraint goes, the default is another one, and a column comes that must not be empty.
    tree.edit(
        "head",
        "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, level INTEGER DEFAULT 3, code TEXT NOT NULL);
         INSERT INTO n SELECT *, 'c' || id FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT;
         INSERT INTO customers VALUES ('DELTA', 'Delta', 'Bern', '4', 4, 'd')",
    );
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, level, code FROM customers WHERE id <> 'ECHO' ORDER BY id",
        &["ACME|70|cACME", "BOLT|7|cBOLT", "CORE|4|cCORE", "DELTA|4|d"],
    );
    tree.assert_rows(&["head", "anna"], "SELECT * FROM made", &["M|with the refused one"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(fieldpost::sync::tracking::parked::waiting(&tree.session("anna")).unwrap(), []);
}

#[test]
fn records_that_were_mended_with_the_refused_version_make_the_later_one_possible() {
    let tree = two();
    tree.edit("head", "UPDATE customers SET city = 'Bern'");
    tree.settle(&["head", "anna"]);
    // Two things in one go: the cities become unique, and a table takes a name that anna's own has.
    tree.edit("anna", "CREATE TABLE own (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO own VALUES (1, 'mine')");
    tree.sync("anna");
    tree.edit("head", "UPDATE customers SET city = id");
    tree.edit("head", &remade(", UNIQUE (city)", ""));
    tree.edit("head", "ALTER TABLE notes RENAME TO own");
    tree.sync("head");
    assert!(tree.sync("anna").waiting[0].why.contains("a table `own` of its own"));
    tree.edit("head", "ALTER TABLE own RENAME TO notes");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city FROM customers ORDER BY id", &["ACME", "BOLT", "CORE"]);
    tree.edit("anna", "DROP TABLE own");
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn of_several_versions_behind_it_the_newest_counts() {
    let tree = two();
    tree.edit("anna", AT_BONN);
    tree.edit("head", &remade(NO_BONN, ", 7"));
    tree.sync("head");
    tree.edit("head", "CREATE TABLE one (id TEXT PRIMARY KEY)");
    tree.sync("head");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    tree.sync("head");
    // The newest one has the same fault; it is the one that is said.
    let report = tree.sync("anna");
    assert!(report.waiting[0].why.contains("change ECHO here"), "{:?}", report.waiting);
    assert_eq!(fieldpost::sync::schema::view::standing(&tree.session("anna")).unwrap().refused.unwrap().0, 3);
    tree.edit("head", &remade(", level INTEGER DEFAULT 7", ", level"));
    tree.sync("head");
    tree.edit("head", "CREATE TABLE two (id TEXT PRIMARY KEY); INSERT INTO two VALUES ('T')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM two", &["T"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_person_may_still_mend_the_records_here_instead() {
    let tree = two();
    tree.edit("anna", AT_BONN);
    tree.edit("head", &remade(NO_BONN, ", 7"));
    tree.sync("head");
    tree.sync("anna");
    tree.edit("head", "CREATE TABLE one (id TEXT PRIMARY KEY)");
    tree.sync("head");
    tree.sync("anna");
    tree.edit("anna", "UPDATE customers SET city = 'Biel' WHERE id = 'ECHO'");
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty() && !says(&report, "takes the place"), "{report:?}");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city, level FROM customers WHERE id = 'ECHO'", &["Biel|7"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn numbers_that_are_handed_out_meanwhile_are_those_of_the_main_office() {
    let tree = two_of(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, sum INTEGER); INSERT INTO orders(what, sum) VALUES ('first', 1)",
    );
    tree.edit("anna", "INSERT INTO orders(what, sum) VALUES ('anna', -5)");
    tree.edit("head", "INSERT INTO orders(what, sum) VALUES ('head', 2)");
    tree.edit("head", "BEGIN; CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, sum INTEGER CHECK (sum > 0)); INSERT INTO n SELECT * FROM orders; DROP TABLE orders; ALTER TABLE n RENAME TO orders; COMMIT");
    tree.edit("head", "INSERT INTO orders(what, sum) VALUES ('head too', 3)");
    for site in ["head", "anna", "head", "anna"] {
        tree.sync(site);
    }
    tree.edit("head", "BEGIN; CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, sum INTEGER); INSERT INTO n SELECT * FROM orders; DROP TABLE orders; ALTER TABLE n RENAME TO orders; COMMIT");
    tree.edit("anna", "INSERT INTO orders(what, sum) VALUES ('anna too', 6)");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT what, sum FROM orders ORDER BY what",
        &["anna|-5", "anna too|6", "first|1", "head|2", "head too|3"],
    );
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_kill_at_any_step_of_it_changes_nothing() {
    for kill in 1.. {
        let tree = two();
        tree.edit("anna", AT_BONN);
        tree.edit("head", &remade(NO_BONN, ", 7"));
        tree.edit("head", "UPDATE customers SET level = 8, phone = 'head' WHERE id = 'ACME'");
        tree.sync("head");
        tree.sync("anna");
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
        tree.edit("head", &remade("", ""));
        tree.sync("head");
        let died = tree.sync_dying("anna", kill);
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head", "anna"], "SELECT id, phone FROM customers ORDER BY id", &["ACME|head", "BOLT|anna", "CORE|3", "ECHO|5"]);
        assert_one(&tree, &["head", "anna"]);
        if died.is_none() {
            assert!(kill > 20, "{kill} steps are too few");
            break;
        }
    }
}

#[test]
fn a_packet_in_between_that_is_lost_or_damaged_is_asked_for() {
    for damaged in [false, true] {
        let tree = two();
        tree.edit("anna", AT_BONN);
        tree.edit("head", &remade(NO_BONN, ", 7"));
        tree.sync("head");
        tree.sync("anna");
        let (world, mut exchange, folder) = (tree.world("head"), tree.exchange.clone(), Folder::between(&name("anna"), &name("head")));
        let before: Vec<_> = exchange.list(&world, &folder).unwrap().into_iter().map(|entry| entry.name).collect();
        tree.edit("head", "UPDATE customers SET phone = 'lost' WHERE id = 'ACME'");
        tree.sync("head");
        for entry in exchange.list(&world, &folder).unwrap().into_iter().filter(|entry| !before.contains(&entry.name)) {
            if damaged {
                exchange.tamper(&folder, &entry.name, |bytes| bytes[100] ^= 1);
            } else {
                exchange.delete(&world, &folder, &entry.name).unwrap();
            }
        }
        tree.edit("head", &remade("", ""));
        tree.sync("head");
        assert_eq!(tree.sync("anna").waiting.len(), 1);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT phone FROM customers WHERE id = 'ACME'", &["lost"]);
        assert_one(&tree, &["head", "anna"]);
    }
}
