//! What of a column that begins, or ceases, to hold numbers of records, by its foreign key or the rules, while anything is on its way?

use fieldpost::model::{Key, Value, stand_in};

use super::*;

/// Items, and notes about customers; a note's customer is a reference by what `declared` says.
fn schema(declared: &str) -> String {
    format!(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE items (code TEXT PRIMARY KEY);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, customer INTEGER {declared}, item TEXT REFERENCES items, txt TEXT);
         INSERT INTO customers VALUES (1, 'one'), (2, 'two'), (3, 'three');
         INSERT INTO items VALUES ('a'), ('e');
         INSERT INTO notes VALUES (1, 1, 'a', 'first'), (2, 2, 'a', 'second'), (3, 3, 'a', 'third');"
    )
}

const BY_KEY: &str = "REFERENCES customers";
const BY_RULE: &str = "[references]\n\"notes.customer\" = \"customers\"\n";
const NOTES: &str = "SELECT id, customer, item, txt FROM notes ORDER BY id";

/// The application remakes the table with or without its foreign key.
fn remade(declared: &str) -> String {
    format!(
        "PRAGMA foreign_keys = OFF; BEGIN;
         CREATE TABLE notes_new (id INTEGER PRIMARY KEY, customer INTEGER {declared}, item TEXT REFERENCES items, txt TEXT);
         INSERT INTO notes_new SELECT * FROM notes; DROP TABLE notes; ALTER TABLE notes_new RENAME TO notes; COMMIT;"
    )
}

/// How the column becomes a reference, or ceases to be one.
#[derive(Clone, Copy, Debug)]
enum How {
    Key,
    Rule,
}

fn begun(how: How, refers: bool, more: &str) -> Tree {
    let (declared, rule) = match (how, refers) {
        (How::Key, true) => (BY_KEY, ""),
        (How::Rule, true) => ("", BY_RULE),
        (How::Key | How::Rule, false) => ("", ""),
    };
    three(&schema(declared), &format!("{more}{rule}"))
}

/// From now on it is one, or none.
fn turn(tree: &Tree, how: How, refers: bool, more: &str) {
    match how {
        How::Key => tree.edit("head", &remade(if refers { BY_KEY } else { "" })),
        How::Rule => {
            let rules = format!("{more}{}\n[clocks]\nfuture = \"36500d\"\n", if refers { BY_RULE } else { "" });
            std::fs::write(tree.home("head").join("rules.toml"), rules).unwrap();
        }
    }
    ["head", "north", "rosa"].iter().for_each(|site| drop(tree.sync(site)));
}

fn ended(tree: &Tree) {
    settled(tree, &["head", "north", "rosa"]);
    for site in THREE {
        assert_eq!(tree.held(site), Vec::<String>::new());
        assert!(tree.listed(site).iter().all(|value| !value.contains("-46116860")), "{:?}", tree.listed(site));
    }
}

const ALL: [(How, bool); 4] = [(How::Key, false), (How::Key, true), (How::Rule, false), (How::Rule, true)];

#[test]
fn a_deleted_record_that_comes_back_meanwhile_has_the_number_that_it_had() {
    for (how, becomes) in ALL {
        let tree = begun(how, !becomes, "");
        tree.edit("head", "DELETE FROM notes WHERE id = 2");
        tree.sync("head");
        tree.sync("north");
        tree.edit("rosa", "UPDATE notes SET txt = 'edited' WHERE id = 2");
        half(&tree, "rosa", round::Halves::Send);
        turn(&tree, how, becomes, "");
        ended(&tree);
        tree.assert_rows(&THREE, NOTES, &["1|1|a|first", "2|2|a|edited", "3|3|a|third"]);
    }
}

#[test]
fn what_waits_meanwhile_has_its_number_when_it_comes() {
    for (how, becomes) in ALL {
        let tree = begun(how, !becomes, "");
        // It waits at Rosa's for the item that she deleted, which the office keeps because of it.
        tree.edit("north", "INSERT INTO notes VALUES (9, 1, 'e', 'waits')");
        tree.sync("north");
        tree.edit("rosa", "DELETE FROM items WHERE code = 'e'");
        tree.sync("rosa");
        assert_eq!(tree.held("rosa").len(), 1, "{how:?}");
        turn(&tree, how, becomes, "");
        ended(&tree);
        tree.assert_rows(&THREE, NOTES, &["1|1|a|first", "2|2|a|second", "3|3|a|third", "9|1|e|waits"]);
    }
}

#[test]
fn an_edit_that_is_on_its_way_meanwhile_is_one_and_nothing_else_is() {
    let parent = "default = \"parent\"\n\n";
    for (how, becomes) in ALL {
        let tree = begun(how, !becomes, parent);
        tree.edit("rosa", "UPDATE notes SET customer = 3 WHERE id = 1");
        tree.edit("north", "UPDATE notes SET customer = 1 WHERE id = 3");
        turn(&tree, how, becomes, parent);
        ended(&tree);
        tree.assert_rows(&THREE, NOTES, &["1|3|a|first", "2|2|a|second", "3|1|a|third"]);
        THREE.iter().for_each(|site| assert_eq!(tree.listed(site), Vec::<String>::new(), "{how:?} {becomes}"));
    }
}

#[test]
fn a_new_record_and_what_refers_to_it_stay_together_where_their_site_had_not_heard_of_the_reference() {
    // As numbers of a zone of their own, which nobody else has, and as those that others have as well.
    for (how, numbers) in [(How::Key, ""), (How::Key, " AUTOINCREMENT"), (How::Rule, ""), (How::Rule, " AUTOINCREMENT")] {
        for clash in ["", "INSERT INTO customers (name) VALUES ('four')"] {
            let tree =
                three(&schema("").replace("customers (id INTEGER PRIMARY KEY", &format!("customers (id INTEGER PRIMARY KEY{numbers}")), "");
            tree.edit(
                "rosa",
                "INSERT INTO customers (name) VALUES ('new'); INSERT INTO notes SELECT 8, max(id), 'a', 'of new' FROM customers",
            );
            tree.edit("rosa", "UPDATE notes SET customer = (SELECT max(id) FROM customers) WHERE id = 1");
            half(&tree, "rosa", round::Halves::Send);
            tree.edit("head", clash);
            turn(&tree, how, true, "");
            // What it sends before it has heard its number is known by that one as well.
            tree.edit("rosa", "UPDATE notes SET customer = (SELECT id FROM customers WHERE name = 'new') WHERE id = 2");
            ended(&tree);
            let meant = "SELECT n.txt, c.name FROM notes n LEFT JOIN customers c ON c.id = n.customer ORDER BY n.id";
            tree.assert_rows(&THREE, meant, &["first|new", "second|new", "third|three", "of new|new"]);
        }
    }
}

#[test]
fn a_junction_goes_by_its_new_key_whatever_was_kept_of_it() {
    for (how, becomes) in ALL {
        let tags =
            |declared: &str| format!("CREATE TABLE tags (customer INTEGER {declared}, tag TEXT, txt TEXT, PRIMARY KEY (customer, tag));");
        let rule = "[references]\n\"tags.customer\" = \"customers\"\n";
        let (declared, rules) = match (how, becomes) {
            (How::Key, false) => (BY_KEY, ""),
            (How::Rule, false) => ("", rule),
            (How::Key | How::Rule, true) => ("", ""),
        };
        let tree = three(&format!("{} {} INSERT INTO tags VALUES (1, 'x', 'a'), (2, 'y', 'b');", schema(""), tags(declared)), rules);
        tree.edit("head", "DELETE FROM tags WHERE tag = 'y'");
        tree.sync("head");
        tree.sync("north");
        tree.edit("rosa", "UPDATE tags SET txt = 'edited' WHERE tag = 'y'");
        half(&tree, "rosa", round::Halves::Send);
        match how {
            How::Key => tree.edit(
                "head",
                &format!(
                    "PRAGMA foreign_keys = OFF; BEGIN; ALTER TABLE tags RENAME TO old; {} INSERT INTO tags SELECT * FROM old; DROP TABLE old; COMMIT",
                    tags(if becomes { BY_KEY } else { "" })
                ),
            ),
            How::Rule => {
                let rules = format!("{}\n[clocks]\nfuture = \"36500d\"\n", if becomes { rule } else { "" });
                std::fs::write(tree.home("head").join("rules.toml"), rules).unwrap();
            }
        }
        ended(&tree);
        tree.assert_rows(&THREE, "SELECT customer, tag, txt FROM tags ORDER BY tag", &["1|x|a", "2|y|edited"]);
    }
}

#[test]
fn whatever_else_went_wrong_no_value_of_our_own_gets_into_a_column_that_holds_no_numbers() {
    let tree = begun(How::Rule, false, "");
    tree.edit("north", "INSERT INTO notes VALUES (9, 1, 'e', 'waits')");
    tree.sync("north");
    tree.edit("rosa", "DELETE FROM items WHERE code = 'e'");
    tree.sync("rosa");
    // As versions before left it where the column had held numbers.
    let session = tree.session("rosa");
    let shape = |name: &str| session.shapes.iter().find(|shape| shape.name == name).unwrap();
    let customer = session.ledger.load_at(shape("customers"), &Key::new([&Value::Integer(1)]).unwrap()).unwrap();
    let field = shape("notes").field("customer").unwrap();
    let mut waiting = Vec::new();
    let mut keep = |record| {
        waiting.push(record);
        Ok(())
    };
    session.ledger.exceptional(&mut keep).unwrap();
    session.ledger.begin().unwrap();
    for record in &mut waiting {
        for held in record.extra.held.values_mut() {
            held.change.after.as_mut().unwrap().row.set(field, Value::Integer(stand_in(customer.id.unwrap())));
        }
        session.ledger.store_extra(record).unwrap();
    }
    session.ledger.commit(&session.world, "what a version before left").unwrap();
    drop(session);
    tree.sync("north");
    let report = tree.sync("rosa");
    assert!(support::says(&report, "`customer` of `notes` 9 was told as a record"), "{:?}", report.notes);
    ended(&tree);
    tree.assert_rows(&THREE, NOTES, &["1|1|a|first", "2|2|a|second", "3|3|a|third", "9|1|e|waits"]);
}
