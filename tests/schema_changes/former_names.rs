//! Names that come to mean something else: a late edit goes where it was meant, never into what has the name now.

use fieldpost::model::{Key, Value};
use fieldpost::site::Role;
use fieldpost::sync::schema::hints;

use super::support::Tree;
use super::{FOUR, SCHEMA, assert_one, conflicts, four, two, two_of};

/// What the history of a record says, of every table that had the name.
pub fn history(tree: &Tree, site: &str, table: &str, key: &str) -> String {
    let session = tree.session(site);
    let key = Key::new([&Value::text(key)]).unwrap();
    let all = session.shapes.iter().chain(&session.former).filter(|shape| shape.name == table);
    let events = all.flat_map(|shape| fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap());
    events.map(|event| format!("{:?}", event.what)).collect()
}

#[test]
fn an_edit_sent_before_the_rename_does_not_go_into_the_column_that_has_the_name_now() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, '5')");
    tree.sync("anna");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone");
    tree.session("head");
    tree.edit("head", "ALTER TABLE customers ADD COLUMN phone TEXT DEFAULT 'new'; UPDATE customers SET phone = 'typed' WHERE id = 'BOLT'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, telephone, phone FROM customers ORDER BY id",
        &["ACME|anna|new", "BOLT|2|typed", "CORE|3|new", "ECHO|5|new"],
    );
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn a_rename_and_a_new_column_of_the_old_name_in_one_go_are_told_apart() {
    for early in [true, false] {
        let tree = two();
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
        if early {
            tree.sync("anna");
        }
        tree.edit("head", "UPDATE customers SET city = 'Biel' WHERE id = 'CORE'");
        tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN phone TEXT; UPDATE customers SET phone = 'typed' WHERE id = 'BOLT'");
        tree.settle(&["head", "anna"]);
        tree.assert_rows(
            &["head", "anna"],
            "SELECT id, telephone, phone FROM customers ORDER BY id",
            &["ACME|anna|-", "BOLT|2|typed", "CORE|3|-"],
        );
        assert_one(&tree, &["head", "anna"]);
        assert_eq!(conflicts(&tree, "head"), [""; 0]);
    }
}

#[test]
fn a_column_dropped_and_made_again_in_one_go_does_not_take_late_edits_of_the_one_before() {
    for early in [true, false] {
        let tree = two();
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
        if early {
            tree.sync("anna");
        }
        tree.edit("head", "ALTER TABLE customers DROP COLUMN phone; ALTER TABLE customers ADD COLUMN phone INTEGER DEFAULT 7");
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT phone FROM customers ORDER BY id", &["7", "7", "7"]);
        assert_one(&tree, &["head", "anna"]);
        let at = if early { "head" } else { "anna" };
        assert!(history(&tree, at, "customers", "ACME").contains("anna"), "{}", history(&tree, at, "customers", "ACME"));
    }
}

/// What an application does in one go: it gives names to other columns and writes to every record. With it the name of the column that held the
/// phone, and of that which held the city.
const WRITTEN_TO: [(&str, &str, &str); 8] = [
    ("ALTER TABLE customers RENAME COLUMN phone TO raw; ALTER TABLE customers ADD COLUMN phone TEXT; UPDATE customers SET phone = '+49' || raw", "raw", "city"),
    ("ALTER TABLE customers RENAME COLUMN city TO town; ALTER TABLE customers ADD COLUMN city INTEGER; UPDATE customers SET city = length(name) * 100", "phone", "town"),
    ("UPDATE customers SET name = upper(name); ALTER TABLE customers RENAME COLUMN city TO raw; ALTER TABLE customers ADD COLUMN city TEXT DEFAULT '?';
      UPDATE customers SET city = '+' || raw", "phone", "raw"),
    ("ALTER TABLE customers RENAME COLUMN phone TO t; ALTER TABLE customers RENAME COLUMN city TO phone; ALTER TABLE customers RENAME COLUMN t TO city;
      UPDATE customers SET name = upper(name)", "city", "phone"),
    ("ALTER TABLE customers RENAME COLUMN phone TO t; ALTER TABLE customers RENAME COLUMN city TO phone; ALTER TABLE customers RENAME COLUMN t TO city;
      ALTER TABLE customers ADD COLUMN u TEXT; UPDATE customers SET u = 'now'", "city", "phone"),
    ("ALTER TABLE customers RENAME COLUMN phone TO tel; ALTER TABLE customers RENAME COLUMN city TO phone; UPDATE customers SET name = name || '!'", "tel", "phone"),
    ("ALTER TABLE customers RENAME COLUMN city TO town; ALTER TABLE customers RENAME COLUMN phone TO city; UPDATE customers SET name = name || '!'", "city", "town"),
    ("ALTER TABLE customers RENAME COLUMN phone TO tel; UPDATE customers SET name = name || '!'", "tel", "city"),
];

#[test]
fn names_that_go_to_other_columns_are_told_apart_also_where_the_same_go_writes_to_every_record() {
    for (migration, phone, city) in WRITTEN_TO {
        for early in [true, false] {
            let tree = two();
            tree.edit("anna", "UPDATE customers SET phone = 'phone', city = 'city' WHERE id = 'ACME'");
            if early {
                tree.sync("anna");
            }
            tree.edit("head", migration);
            let report = tree.sync("head");
            assert_eq!(report.waiting.len(), 0, "{migration}: {:?}", report.waiting);
            tree.settle(&["head", "anna"]);
            let sql = format!("SELECT {phone}, {city} FROM customers ORDER BY id");
            tree.assert_rows(&["head", "anna"], &sql, &["phone|city", "2|Basel", "3|Chur"]);
            assert_one(&tree, &["head", "anna"]);
            assert_eq!(conflicts(&tree, "head"), [""; 0], "{migration}");
        }
    }
}

#[test]
fn an_application_that_comes_first_and_writes_to_every_record_converts_nothing_twice() {
    let (migration, ..) = WRITTEN_TO[0];
    let tree = two();
    tree.edit("anna", migration);
    tree.settle(&["anna", "head"]);
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.edit("head", migration);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT raw, phone FROM customers ORDER BY id", &["head|+49head", "2|+492", "3|+493"]);
    assert_one(&tree, &["head", "anna"]);
    // Both calculated what stands in the new one, from what they had.
    assert_eq!(conflicts(&tree, "head"), ["ACME Some(\"phone\"): Some(\"+49head\") over Some(\"+491\")"]);
}

#[test]
fn what_a_migration_by_altering_keeps_or_merges_stays_under_its_name() {
    for (migration, expected) in [
        ("UPDATE customers SET city = phone, phone = city; CREATE INDEX by_city ON customers (city)", ["phone|city", "Basel|2", "Chur|3"]),
        (
            "UPDATE customers SET phone = city; ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers ADD COLUMN city TEXT",
            ["phone|-", "Basel|-", "Chur|-"],
        ),
        (
            "ALTER TABLE customers ADD COLUMN t; UPDATE customers SET t = city; ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers RENAME COLUMN t TO city",
            ["phone|city", "2|Basel", "3|Chur"],
        ),
        (
            "ALTER TABLE customers ADD COLUMN raw; UPDATE customers SET raw = phone, phone = '+49' || phone",
            ["phone|city", "+492|Basel", "+493|Chur"],
        ),
    ] {
        let tree = two();
        tree.edit("head", migration);
        tree.sync("head");
        tree.edit("anna", "UPDATE customers SET phone = 'phone', city = 'city' WHERE id = 'ACME'");
        tree.settle(&["head", "anna"]);
        let expected = expected.map(|row| row.to_owned());
        assert_eq!(tree.rows("anna", "SELECT phone, city FROM customers ORDER BY id"), expected, "{migration}");
        assert_eq!(tree.rows("head", "SELECT phone, city FROM customers ORDER BY id"), expected, "{migration}");
    }
}

#[test]
fn what_stands_in_the_place_of_a_column_whose_name_another_one_has_is_asked_about() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN city TO raw; ALTER TABLE customers ADD COLUMN city TEXT; UPDATE customers SET raw = '-' || raw, city = '+' || raw");
    let report = tree.sync("head");
    assert!(report.waiting.iter().any(|one| one.what.contains("customers") || one.why.contains("`raw`")), "{:?}", report.waiting);
}

#[test]
fn columns_that_exchange_their_names_take_late_edits_along() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'phone', city = 'city' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO x; ALTER TABLE customers RENAME COLUMN city TO phone; ALTER TABLE customers RENAME COLUMN x TO city");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city, phone FROM customers WHERE id = 'ACME'", &["phone|city"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn it_is_exact_through_an_office_whose_remote_is_several_versions_behind() {
    let tree = four();
    tree.edit("anna", "UPDATE customers SET phone = 'anna', city = 'gone' WHERE id = 'ACME'");
    tree.sync("anna");
    for change in [
        "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers DROP COLUMN city",
        "ALTER TABLE customers ADD COLUMN phone TEXT; ALTER TABLE customers ADD COLUMN city TEXT DEFAULT 'fresh'",
        "ALTER TABLE customers RENAME COLUMN phone TO mobile; ALTER TABLE customers ADD COLUMN phone TEXT",
    ] {
        tree.edit("head", change);
        tree.sync("head");
        tree.sync("ben");
    }
    // The office hears of all three before it hears of what its remote sent.
    tree.edit("north", "UPDATE customers SET phone = 'north' WHERE id = 'BOLT'");
    tree.settle(&FOUR);
    tree.assert_rows(
        &FOUR,
        "SELECT id, telephone, mobile, phone, city FROM customers ORDER BY id",
        &["ACME|anna|-|-|fresh", "BOLT|north|-|-|fresh", "CORE|3|-|-|fresh"],
    );
    assert_one(&tree, &FOUR);
    assert!(history(&tree, "north", "customers", "ACME").contains("gone"));
}

#[test]
fn a_table_made_again_under_the_name_of_a_dropped_one_takes_no_late_edits() {
    let tree = two();
    tree.edit("anna", "UPDATE notes SET body = 'late'; INSERT INTO notes VALUES ('N2', 'BOLT', 'late too')");
    tree.sync("anna");
    tree.edit("head", "DROP TABLE notes");
    tree.session("head");
    tree.edit(
        "head",
        "CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT, body TEXT); INSERT INTO notes VALUES ('N1', 'CORE', 'another')",
    );
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM notes", &["N1|CORE|another"]);
    assert_one(&tree, &["head", "anna"]);
    let told = history(&tree, "head", "notes", "N2");
    assert!(told.contains("late too"), "{told}");
}

#[test]
fn a_table_that_comes_back_as_it_was_is_the_same_one() {
    let tree = two();
    tree.edit("head", "CREATE TABLE aside AS SELECT * FROM notes; DROP TABLE notes");
    tree.session("head");
    tree.edit("head", "CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT); INSERT INTO notes SELECT * FROM aside; DROP TABLE aside");
    tree.edit("anna", "UPDATE notes SET body = 'anna'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, body FROM notes", &["N1|anna"]);
    assert_one(&tree, &["head", "anna"]);
}

const TWINS: &str = "CREATE TABLE leads (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE clients (id TEXT PRIMARY KEY, name TEXT);
    INSERT INTO leads VALUES ('a', 'lead a'), ('b', 'lead b'); INSERT INTO clients VALUES ('a', 'client a'), ('c', 'client c')";

#[test]
fn tables_that_exchange_their_names_take_late_edits_along() {
    for early in [true, false] {
        let tree = two_of(TWINS);
        tree.edit("anna", "UPDATE leads SET name = 'Lead' WHERE id = 'a'; INSERT INTO clients VALUES ('d', 'Client d')");
        if early {
            tree.sync("anna");
        }
        // An edit that capture noted under the old name, a moment before.
        tree.edit("head", "UPDATE clients SET name = 'Client c' WHERE id = 'c'");
        tree.edit("head", "ALTER TABLE leads RENAME TO x; ALTER TABLE clients RENAME TO leads; ALTER TABLE x RENAME TO clients; UPDATE clients SET name = 'Lead b' WHERE id = 'b'");
        let report = tree.sync("head");
        let told: u64 = report.built.iter().flat_map(|packet| packet.tables.values()).map(|counts| counts.inserted + counts.deleted).sum();
        assert!(told <= 1, "no record was moved: {:?}", report.built);
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM clients ORDER BY id", &["a|Lead", "b|Lead b"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM leads ORDER BY id", &["a|client a", "c|Client c", "d|Client d"]);
        assert_one(&tree, &["head", "anna"]);
        assert_eq!(conflicts(&tree, "head"), [""; 0]);
    }
}

#[test]
fn a_host_that_dies_while_its_tables_exchange_names_keeps_them_apart() {
    for kill in 1.. {
        let tree = two_of(TWINS);
        tree.edit("anna", "UPDATE leads SET name = 'Lead' WHERE id = 'a'");
        tree.sync("anna");
        tree.edit("head", "UPDATE clients SET name = 'Client c' WHERE id = 'c'; UPDATE leads SET name = 'Lead b' WHERE id = 'b'");
        tree.edit("head", "ALTER TABLE leads RENAME TO x; ALTER TABLE clients RENAME TO leads; ALTER TABLE x RENAME TO clients");
        let died = tree.sync_dying("head", kill);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM clients ORDER BY id", &["a|Lead", "b|Lead b"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM leads ORDER BY id", &["a|client a", "c|Client c"]);
        assert_one(&tree, &["head", "anna"]);
        assert_eq!(conflicts(&tree, "head"), [""; 0]);
        if died.is_none() {
            assert!(kill > 8, "the sweep is over after {kill} steps");
            break;
        }
    }
}

#[test]
fn a_renamed_table_and_a_new_one_of_the_old_name_are_told_apart() {
    for early in [true, false] {
        let tree = two();
        tree.edit("anna", "UPDATE notes SET body = 'anna'; INSERT INTO notes VALUES ('N2', 'BOLT', 'late')");
        if early {
            tree.sync("anna");
        }
        tree.edit("head", "ALTER TABLE notes RENAME TO remarks; CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT); INSERT INTO notes VALUES ('N1', 'CORE', 'another')");
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM remarks ORDER BY id", &["N1|ACME|anna", "N2|BOLT|late"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM notes", &["N1|CORE|another"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn what_the_host_sends_before_its_new_schema_goes_is_read_by_number() {
    let tree = two();
    // A question about another table keeps the schema home; records travel meanwhile.
    tree.edit("head", "ALTER TABLE notes ADD COLUMN text TEXT; UPDATE notes SET text = 'x' || body; ALTER TABLE notes DROP COLUMN body");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone");
    tree.sync("head");
    tree.edit("head", "ALTER TABLE customers ADD COLUMN phone TEXT");
    tree.edit("head", "UPDATE customers SET telephone = 'head', phone = 'new' WHERE id = 'ACME'");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["anna"], "SELECT phone FROM customers ORDER BY id", &["head", "anna", "3"]);
    tree.assert_rows(&["head"], "SELECT telephone, phone FROM customers ORDER BY id", &["head|new", "anna|-", "3|-"]);
    fieldpost::sync::schema::hints::is_another(&tree.session("head"), None).unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT telephone, phone FROM customers ORDER BY id", &["head|new", "anna|-", "3|-"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(fieldpost::sync::tracking::parked::waiting(&tree.session("anna")).unwrap(), []);
}

#[test]
fn a_site_that_joins_in_between_knows_the_numbers_too() {
    let tree = Tree::new(SCHEMA);
    tree.edit("head", "ALTER TABLE customers DROP COLUMN city");
    tree.session("head");
    tree.edit("head", "ALTER TABLE customers ADD COLUMN city TEXT; UPDATE customers SET city = id");
    tree.session("head");
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE customers SET city = 'anna', phone = 'p' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN city TO town");
    tree.session("head");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO city");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT town, city FROM customers WHERE id = 'ACME'", &["anna|p"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_column_that_takes_over_the_name_of_one_that_goes_is_that_column_at_a_child_too() {
    let tree = two();
    // In some records both hold the same, in some nothing.
    tree.edit("head", "UPDATE customers SET phone = 'Chur' WHERE id = 'CORE'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, '5')");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE customers SET city = 'anna', phone = 'lost' WHERE id = 'ACME'");
    tree.edit("head", "ALTER TABLE customers DROP COLUMN phone; ALTER TABLE customers RENAME COLUMN city TO phone");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, phone FROM customers ORDER BY id", &["ACME|anna", "BOLT|Basel", "CORE|Chur", "ECHO|-"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_table_that_takes_over_the_name_of_one_that_goes_is_that_table_at_a_child_too() {
    let tree = two_of(&format!("{SCHEMA} CREATE TABLE old (id TEXT PRIMARY KEY, body TEXT); INSERT INTO old VALUES ('x', 'gone')"));
    tree.edit("anna", "UPDATE notes SET body = 'anna'");
    tree.edit("head", "DROP TABLE old; ALTER TABLE notes RENAME TO old");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, body FROM old", &["N1|anna"]);
    assert_one(&tree, &["head", "anna"]);
}

/// The migration itself writes to every record, so that no untouched one tells what the names mean: in a table that was only altered the places do.
#[test]
fn a_migration_that_writes_to_every_record_hides_no_new_name() {
    let cases = [
        ("RENAME COLUMN phone TO raw; ALTER TABLE t ADD COLUMN phone TEXT; UPDATE t SET phone = '+' || raw", "raw, city", "typed|said"),
        ("RENAME COLUMN city TO town; ALTER TABLE t ADD COLUMN city INTEGER; UPDATE t SET city = 7", "phone, town", "typed|said"),
        (
            "RENAME COLUMN phone TO x; ALTER TABLE t RENAME COLUMN city TO phone; ALTER TABLE t RENAME COLUMN x TO city; UPDATE t SET name = '-'",
            "city, phone",
            "typed|said",
        ),
        ("RENAME COLUMN phone TO tel; ALTER TABLE t RENAME COLUMN city TO phone; UPDATE t SET name = '-'", "tel, phone", "typed|said"),
        (
            "DROP COLUMN fax; ALTER TABLE t RENAME COLUMN phone TO raw; ALTER TABLE t ADD COLUMN phone TEXT; UPDATE t SET phone = '+' || raw",
            "raw, city",
            "typed|said",
        ),
        // One record holds by chance what it held.
        (
            "RENAME COLUMN phone TO raw; ALTER TABLE t ADD COLUMN phone TEXT; UPDATE t SET phone = replace(raw, '2', '')",
            "raw, city",
            "typed|said",
        ),
        // What looks nearly alike: the column stays where it is, and what it held is kept in a new one.
        ("ADD COLUMN raw TEXT; UPDATE t SET raw = phone, phone = '+' || phone", "raw, city", "1|said"),
    ];
    for first in ["head", "anna"] {
        // What a site wrote into a column that goes on is an edit.
        for (change, columns, is) in cases.into_iter().filter(|(change, ..)| first == "head" || !change.starts_with("ADD")) {
            let tree = two_of(
                "CREATE TABLE t (id TEXT PRIMARY KEY, name TEXT, fax TEXT, phone TEXT, city TEXT);
                 INSERT INTO t VALUES ('A', 'Ann', 'f', '1', 'Bern'), ('B', 'Bob', 'f', '2', 'Chur'), ('C', 'Cid', 'f', '3', 'Biel')",
            );
            let change = format!("BEGIN; ALTER TABLE t {change}; COMMIT");
            let other = if first == "head" { "anna" } else { "head" };
            tree.edit(other, "UPDATE t SET phone = 'typed', city = 'said' WHERE id = 'A'");
            tree.edit(first, &change);
            tree.settle(&["head", "anna"]);
            if first == "anna" {
                tree.edit("head", &change);
                tree.settle(&["head", "anna"]);
            }
            // Whether the column that went is the one that came nothing tells.
            let session = tree.session("head");
            if change.contains("DROP") {
                hints::is_another(&session, None).unwrap();
            }
            assert_eq!(hints::unclear(&session).unwrap(), [], "{change}");
            drop(session);
            tree.settle(&["head", "anna"]);
            assert_eq!(tree.rows("head", &format!("SELECT {columns} FROM t WHERE id = 'A'")), [is], "{first} first: {change}");
            tree.assert_same(&["head", "anna"]);
        }
    }
}
