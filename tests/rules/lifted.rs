//! Rules that are taken back: what they kept from others is told, and nobody lifts one without meaning it.

use fieldpost::exchange::{Exchange as _, Folder};
use fieldpost::site::Role;
use fieldpost::sync::{Session, SyncError};

use crate::support::{Tree, name};

const SCHEMA: &str = "
    CREATE TABLE kinds (id TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people);
    CREATE TABLE other (id TEXT PRIMARY KEY);";

const FOUR: [&str; 4] = ["head", "north", "anna", "bert"];

/// Head, the office north with bert below it, and anna.
fn four(sql: &str, rules: &str) -> Tree {
    let tree = Tree::with_rules(&format!("{SCHEMA}{sql}"), rules);
    tree.add("head", "north", Role::Office);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["head", "north", "anna"]);
    tree.add("north", "bert", Role::Remote);
    tree.settle(&["bert", "north", "head"]);
    tree.settle(&FOUR);
    tree
}

fn rules(tree: &Tree, text: &str) {
    std::fs::write(tree.home("head").join("rules.toml"), format!("{text}\n[clocks]\nfuture = \"36500d\"\n")).unwrap();
}

#[test]
fn what_was_edited_and_deleted_while_a_table_only_went_up_is_told_when_it_goes_down_as_well() {
    let tree = four("", "[tables.kinds]\ndirection = 'up'\n[tables.people]\ndirection = 'up'\n");
    for site in ["anna", "bert"] {
        let values = (1..4).map(|number| format!("('{site}{number}', 'x')")).collect::<Vec<_>>().join(", ");
        tree.edit(
            site,
            &format!("INSERT INTO kinds VALUES {values}; INSERT INTO people(name) VALUES ('{site}1'), ('{site}2'), ('{site}3')"),
        );
    }
    tree.settle(&FOUR);
    tree.edit("head", "UPDATE kinds SET name = 'of head' WHERE id LIKE '%1'; DELETE FROM kinds WHERE id LIKE '%2'; UPDATE people SET name = 'H ' || name WHERE name LIKE '%1'; DELETE FROM people WHERE name LIKE '%2'");
    tree.settle(&FOUR);
    tree.edit("bert", "UPDATE kinds SET name = 'of bert' WHERE id = 'bert3'");
    tree.settle(&FOUR);
    assert_eq!(tree.rows("bert", "SELECT name FROM kinds WHERE id = 'bert1'"), ["x"]);
    rules(&tree, "");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT id, name FROM kinds ORDER BY id", &["anna1|of head", "anna3|x", "bert1|of head", "bert3|of bert"]);
    tree.assert_rows(&FOUR, "SELECT name FROM people ORDER BY name", &["H anna1", "H bert1", "anna3", "bert3"]);
    tree.assert_same(&FOUR);
}

#[test]
fn a_site_that_joined_while_a_table_was_out_of_the_exchange_gets_it_when_it_is_back() {
    for rule in [
        "[tables.people]\nlocal = true\n[tables.kinds]\nlocal = true\n",
        "[tables.people]\ndirection = 'none'\n[tables.kinds]\ndirection = 'none'\n",
    ] {
        let tree = Tree::with_rules(
            &format!("{SCHEMA} INSERT INTO people VALUES (1, 'one'), (2, 'two'); INSERT INTO kinds VALUES ('a', 'x')"),
            "",
        );
        tree.add("head", "north", Role::Office);
        tree.settle(&["north", "head"]);
        rules(&tree, rule);
        tree.settle(&["head", "north"]);
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.add("north", "bert", Role::Remote);
        tree.settle(&["bert", "north", "head"]);
        assert_eq!(tree.rows("bert", "SELECT count(*) FROM people"), ["0"], "{rule}");
        rules(&tree, "");
        tree.settle(&FOUR);
        tree.assert_rows(&FOUR, "SELECT name FROM people ORDER BY id", &["one", "two"]);
        tree.assert_rows(&FOUR, "SELECT name FROM kinds", &["x"]);
        tree.assert_same(&FOUR);
    }
}

#[test]
fn a_table_that_was_ruled_out_is_the_same_one_whatever_became_of_its_records() {
    let records = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 20) INSERT INTO people SELECT i, 'person ' || i FROM r; INSERT INTO orders SELECT id, id FROM people;";
    let tree = four(records, "");
    rules(&tree, "[tables.people]\nlocal = true\n");
    tree.settle(&FOUR);
    tree.edit(
        "head",
        "UPDATE people SET name = name || ' Ltd' WHERE id <= 10; DELETE FROM orders WHERE id = 20; DELETE FROM people WHERE id = 20",
    );
    tree.settle(&FOUR);
    tree.edit("head", "INSERT INTO orders VALUES (100, 7)");
    tree.edit("anna", "INSERT INTO orders VALUES (200, 8)");
    tree.settle(&FOUR);
    rules(&tree, "");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT count(*), sum(name LIKE '% Ltd') FROM people", &["19|10"]);
    tree.assert_rows(&FOUR, "SELECT count(*) FROM orders o JOIN people p ON p.id = o.person", &["21"]);
    tree.assert_same(&FOUR);
}

#[test]
fn a_table_that_was_ruled_out_and_dropped_meanwhile_is_another_one_when_it_is_made_again() {
    let tree = Tree::with_rules(&format!("{SCHEMA} INSERT INTO kinds VALUES ('a', 'x'), ('b', 'y')"), "");
    let number = || tree.session("head").shapes.iter().find(|shape| shape.name == "kinds").map(|shape| shape.number);
    let before = number();
    rules(&tree, "[tables.kinds]\nlocal = true\n");
    tree.sync("head");
    assert_eq!(number(), None);
    tree.edit("head", "DROP TABLE kinds");
    tree.sync("head");
    tree.edit("head", "CREATE TABLE kinds (id TEXT PRIMARY KEY, name TEXT); INSERT INTO kinds VALUES ('a', 'new')");
    rules(&tree, "");
    tree.sync("head");
    assert!(number().is_some() && number() != before, "{before:?}, {:?}", number());
}

#[test]
fn a_rules_file_that_is_gone_or_empty_lifts_no_rule() {
    let tree = Tree::of_application("[tables.people]\nlocal = true\n", |application| {
        application.execute_batch(&format!("{SCHEMA} INSERT INTO people VALUES (1, 'secret')")).unwrap();
    });
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    let file = tree.home("head").join("rules.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let run = || -> Result<Session, SyncError> {
        let home = fieldpost::site::Home::discover(Some(&tree.home("head")), &tree.home("head")).unwrap();
        Session::open(tree.world("head"), home, tree.limits.clone())
    };
    for lifted in [None, Some(""), Some(" \n\n")] {
        match lifted {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        let said = run().map(drop).unwrap_err().to_string();
        assert!(said.contains("the file is not there or empty: put it back") && said.contains("# none"), "{said}");
        tree.sync("anna");
        tree.assert_rows(&["anna"], "SELECT count(*) FROM people", &["0"]);
    }
    std::fs::write(&file, text).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], "SELECT count(*) FROM people", &["0"]);
    // Whoever means it says so.
    std::fs::write(&file, "# none\n").unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["anna"], "SELECT name FROM people", &["secret"]);
}

#[test]
fn a_key_that_is_named_later_is_followed_at_once() {
    let tree = Tree::with_rules(
        &format!("{SCHEMA} CREATE TABLE m (a INT NOT NULL, b INT NOT NULL, v TEXT); INSERT INTO m VALUES (1, 1, 'x')"),
        "",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    rules(&tree, "[tables.m]\nkey = ['a', 'b']\n");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM m", &["x"]);
    tree.edit("anna", "UPDATE m SET v = 'anna'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM m", &["anna"]);
}

#[test]
fn a_clock_that_was_ahead_for_one_round_keeps_no_lost_packet_from_coming_again() {
    let tree = Tree::with_rules(&format!("{SCHEMA} INSERT INTO other VALUES ('a')"), "");
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    let years = 2 * 365 * 24 * 60 * 60 * 1000;
    tree.tick(years);
    tree.edit("head", "INSERT INTO other VALUES ('b')");
    tree.sync("head");
    tree.tick(-years);
    // Lost on the way.
    let (world, mut exchange) = (tree.world("head"), tree.exchange.clone());
    let folder = Folder::between(&name("anna"), &name("head"));
    for entry in exchange.list(&world, &folder).unwrap() {
        exchange.delete(&world, &folder, &entry.name).unwrap();
    }
    tree.tick(2 * 60 * 60 * 1000);
    tree.sync("head");
    tree.sync("anna");
    tree.assert_rows(&["anna"], "SELECT count(*) FROM other", &["2"]);
}

#[test]
fn what_stands_marked_as_deleted_does_not_come_back_because_the_rule_goes_or_marks_otherwise() {
    for after in ["", "[tables.kinds]\ndeletes = { down = { set = 'name', to = 'deleted' } }\n"] {
        let tree = four(
            "INSERT INTO kinds VALUES ('a', 'x'), ('b', 'y');",
            "[tables.kinds]\ndeletes = { down = { set = 'name', to = 'gone' } }\n",
        );
        tree.edit("head", "DELETE FROM kinds WHERE id = 'a'");
        tree.settle(&FOUR);
        tree.assert_rows(&["north", "anna", "bert"], "SELECT name FROM kinds WHERE id = 'a'", &["gone"]);
        rules(&tree, after);
        tree.settle(&FOUR);
        tree.settle(&FOUR);
        tree.assert_rows(&["head"], "SELECT id FROM kinds", &["b"]);
        tree.assert_rows(&["north", "anna", "bert"], "SELECT name FROM kinds WHERE id = 'a'", &["gone"]);
        // Whoever takes the mark away brings the record back.
        tree.edit("anna", "UPDATE kinds SET name = 'again' WHERE id = 'a'");
        tree.settle(&FOUR);
        tree.assert_rows(&FOUR, "SELECT name FROM kinds WHERE id = 'a'", &["again"]);
    }
}
