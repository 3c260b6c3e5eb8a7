//! Databases that need something only their application has, and tables whose key only a person knows: host, office, remote.

mod support;

use fieldpost::site::Role;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use support::Tree;

/// Teaches a connection what the application knows.
fn teach(connection: &Connection) {
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("regexp", 2, flags, |_| Ok(1)).unwrap();
    connection.create_scalar_function("tax_of", 1, flags, |context| Ok(context.get::<f64>(0)? * 1.2)).unwrap();
    connection.create_collation("german", |a: &str, b: &str| a.to_lowercase().cmp(&b.to_lowercase())).unwrap();
}

const SITES: [&str; 3] = ["head", "north", "anna"];

fn three(rules: &str, sql: &str) -> Tree {
    let tree = Tree::of_application(rules, |connection| {
        teach(connection);
        connection.execute_batch(sql).unwrap();
    });
    tree.add("head", "north", Role::Office);
    tree.settle(&["north", "head"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&["anna", "north", "head"]);
    tree
}

fn edit(tree: &Tree, site: &str, sql: &str) {
    tree.tick(10);
    let connection = tree.application(site);
    teach(&connection);
    connection.execute_batch(sql).unwrap();
}

#[test]
fn what_the_application_alone_knows_stops_nobody() {
    let tree = three(
        "",
        "CREATE TABLE customers(id TEXT PRIMARY KEY, name TEXT COLLATE german, mail CHECK(mail REGEXP '@'));
        CREATE TABLE prices(id TEXT PRIMARY KEY, net, gross AS (tax_of(net)));
        CREATE TABLE sorted(name TEXT COLLATE german PRIMARY KEY); CREATE TABLE log(what);
        CREATE VIEW shown AS SELECT id, tax_of(1) AS tax FROM customers;
        CREATE TRIGGER shown_in INSTEAD OF INSERT ON shown BEGIN INSERT INTO customers(id, mail) VALUES(NEW.id, '@'); END;
        CREATE TRIGGER taxes AFTER INSERT ON customers BEGIN INSERT INTO log VALUES(tax_of(1)); END;
        CREATE TRIGGER sorts AFTER UPDATE ON customers BEGIN DELETE FROM sorted WHERE name = NEW.name; END;
        INSERT INTO customers VALUES('a', 'Anna', 'a@b'); INSERT INTO prices(id, net) VALUES('p', 10); INSERT INTO sorted VALUES('Anna'), ('Bob');",
    );
    tree.assert_same(&SITES);
    edit(&tree, "anna", "INSERT INTO shown VALUES('b', 0); UPDATE customers SET name = 'BOB' WHERE id = 'b'");
    edit(&tree, "head", "UPDATE customers SET name = 'ANNA', mail = 'c@d' WHERE id = 'a'");
    // The rounds that follow find the schema as they left it, and need the stand-ins all the same.
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&SITES);
    for site in SITES {
        assert_eq!(tree.text(site, "SELECT group_concat(id || name || mail) FROM customers"), "aANNAc@d,bBOB@", "{site}");
    }
    let tracked: Vec<String> = tree.session("anna").shapes.iter().map(|shape| shape.name.clone()).collect();
    assert_eq!(tracked, ["customers"], "the others cannot be written without what the application knows");
    let counts = |site: &str| {
        tree.text(site, "SELECT (SELECT count(*) FROM log) || ',' || (SELECT count(*) FROM sqlite_schema WHERE name = 'sorted')")
    };
    assert_eq!([counts("head"), counts("anna")], ["1,1", "1,1"], "the trigger ran where the edit was made, and nowhere else");
}

#[test]
fn a_table_without_a_key_travels_by_the_one_that_a_person_named() {
    let tree = three(
        "[tables.readings]\nkey = ['meter', 'day']\n",
        "CREATE TABLE readings(meter TEXT, day TEXT, value REAL); CREATE TABLE free(x); INSERT INTO free VALUES(1);
        INSERT INTO readings VALUES('m1', 'mon', 1.5), ('m1', 'tue', 2.5), ('m2', 'mon', 3.5)",
    );
    tree.assert_same(&SITES);
    assert_eq!(tree.session("anna").shapes.len(), 1);
    edit(&tree, "anna", "UPDATE readings SET value = 9 WHERE day = 'tue'; INSERT INTO readings VALUES('m2', 'tue', 4.5)");
    edit(&tree, "head", "DELETE FROM readings WHERE meter = 'm2' AND day = 'mon'; UPDATE readings SET meter = 'm3' WHERE value = 1.5");
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&SITES);
    let all = "SELECT group_concat(meter || day || value) FROM (SELECT * FROM readings ORDER BY meter, day)";
    assert_eq!(tree.text("anna", all), "m1tue9.0,m2tue4.5,m3mon1.5");
    // One that shares its key stays where it was made and touches nobody.
    edit(&tree, "anna", "INSERT INTO readings VALUES('m1', 'tue', -1)");
    edit(&tree, "head", "UPDATE readings SET value = 10 WHERE meter = 'm1'");
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&SITES);
    assert_eq!(tree.text("anna", all), "m1tue10.0,m1tue-1.0,m2tue4.5,m3mon1.5");
    assert_eq!(tree.text("head", all), "m1tue10.0,m2tue4.5,m3mon1.5");
    // The record of the key goes; what shared it has the key now, and travels.
    edit(&tree, "anna", "DELETE FROM readings WHERE value = 10");
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&SITES);
    assert_eq!(tree.text("head", all), "m1tue-1.0,m2tue4.5,m3mon1.5");
}
