//! Columns that come, go and are called otherwise, with edits under way.

use fieldpost::site::Role;

use super::{CUSTOMERS, FOUR, Tree, assert_one, conflicts, four, says, two, two_of};

#[test]
fn a_rename_at_the_host_keeps_what_a_child_typed_and_has_not_sent() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone; UPDATE customers SET telephone = 'head' WHERE id = 'BOLT'");
    tree.sync("head");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DUNE', 'Dune', NULL, '4')");
    let report = tree.sync("anna");
    assert!(says(&report, "the schema of the main office is here in version 2"), "{:?}", report.notes);
    assert!(says(&report, "column `phone` of table `customers` is called `telephone` now"), "{:?}", report.notes);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, telephone FROM customers ORDER BY id", &["ACME|anna", "BOLT|head", "CORE|3", "DUNE|4"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn a_rename_of_a_column_that_is_empty_everywhere_is_told_and_not_guessed() {
    let tree = two();
    tree.edit("head", "UPDATE customers SET phone = NULL");
    tree.settle(&["head", "anna"]);
    // At the host the rename shows in one record only.
    tree.edit("head", "UPDATE customers SET phone = 'x' WHERE id = 'CORE'");
    tree.sync("head");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, telephone FROM customers ORDER BY id", &["ACME|anna", "BOLT|-", "CORE|x"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn names_that_are_exchanged_take_their_unsent_edits_along() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO x; ALTER TABLE customers RENAME COLUMN city TO phone; ALTER TABLE customers RENAME COLUMN x TO city");
    // Seen as edits of both columns at the host: the texts say the same as before, and so do the records.
    tree.edit("anna", "UPDATE customers SET name = 'Anna' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT name, city, phone FROM customers WHERE id = 'ACME'", &["Anna|1|Bern"]);
}

#[test]
fn a_new_column_and_records_that_need_it_arrive_in_one_packet_beside_unsent_edits() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER NOT NULL DEFAULT 7; UPDATE customers SET level = 9 WHERE id = 'BOLT'; INSERT INTO customers VALUES ('DUNE', 'Dune', NULL, NULL, 8)");
    tree.edit("anna", "UPDATE customers SET city = 'Biel' WHERE id = 'BOLT'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, NULL)");
    tree.sync("head");
    let report = tree.sync("anna");
    assert_eq!(report.applied.len(), 1, "{report:?}");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, city, level FROM customers ORDER BY id",
        &["ACME|Bern|7", "BOLT|Biel|9", "CORE|Chur|7", "DUNE|-|8", "ECHO|-|7"],
    );
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn a_child_that_sent_before_it_heard_of_the_change_loses_nothing() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, '5')");
    tree.sync("anna");
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, telephone, level FROM customers WHERE id IN ('ACME', 'ECHO')",
        &["ACME|anna|1", "ECHO|5|1"],
    );
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_dropped_column_is_in_the_history_of_the_child_that_edited_it() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers DROP COLUMN city");
    tree.edit("anna", "UPDATE customers SET city = 'Biel', phone = '77' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], CUSTOMERS, &["ACME|Acme Ltd|77", "BOLT|Bolt AG|2", "CORE|Core|3"]);
    assert_one(&tree, &["head", "anna"]);
    let session = tree.session("anna");
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("ACME")]).unwrap();
    let events = fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap();
    assert!(events.iter().any(|event| format!("{:?}", event.what).contains("Biel")), "{events:?}");
}

#[test]
fn a_column_that_was_dropped_and_made_again_begins_anew_for_who_saw_neither() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers DROP COLUMN phone");
    tree.sync("head");
    tree.edit("head", "ALTER TABLE customers ADD COLUMN phone TEXT DEFAULT 'new'; UPDATE customers SET phone = 'typed' WHERE id = 'CORE'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM customers ORDER BY id", &["new", "new", "typed"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_column_that_must_not_be_empty_gets_the_hosts_values() {
    let tree = two();
    // As Django does it: the default is there for the migration only.
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN;
        CREATE TABLE new (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, phone TEXT, code TEXT NOT NULL UNIQUE, rank INTEGER NOT NULL);
        INSERT INTO new SELECT id, name, ifnull(city, 'none'), phone, 'c' || id, length(name) FROM customers;
        DROP TABLE customers; ALTER TABLE new RENAME TO customers; COMMIT");
    tree.edit(
        "anna",
        "UPDATE customers SET phone = 'anna', city = NULL WHERE id = 'BOLT'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, NULL)",
    );
    tree.sync("head");
    tree.settle(&["anna", "head"]);
    let rows = tree.rows("head", CUSTOMERS);
    assert_eq!(rows[..3], ["ACME|Acme Ltd|Bern|1|cACME|8", "BOLT|Bolt AG||anna|cBOLT|7", "CORE|Core|Chur|3|cCORE|4"]);
    assert!(rows[3].starts_with("ECHO|Echo||-|#"), "{rows:?}");
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn what_the_change_fills_in_is_told_by_nobody() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER NOT NULL DEFAULT 7");
    tree.sync("head");
    let report = tree.sync("anna");
    let told: u64 = report.built.iter().flat_map(|packet| packet.tables.values()).map(|counts| counts.updated).sum();
    assert_eq!(told, 0, "{:?}", report.built);
}

#[test]
fn it_goes_through_an_office_to_its_remotes_while_all_edit() {
    let tree = four();
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1; ALTER TABLE customers DROP COLUMN city; PRAGMA user_version = 12");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("north", "UPDATE customers SET name = 'North' WHERE id = 'BOLT'");
    tree.edit("ben", "INSERT INTO customers VALUES ('BEN', 'Ben', 'x', 'ben')");
    tree.settle(&FOUR);
    tree.assert_rows(
        &FOUR,
        "SELECT id, name, telephone, level FROM customers ORDER BY id",
        &["ACME|Acme Ltd|anna|1", "BEN|Ben|ben|1", "BOLT|North|2|1", "CORE|Core|3|1"],
    );
    assert_one(&tree, &FOUR);
    assert_eq!(tree.rows("anna", "PRAGMA user_version"), ["12"]);
}

#[test]
fn several_versions_at_once_reach_a_site_that_was_away() {
    let tree = two();
    for change in [
        "ALTER TABLE customers RENAME COLUMN phone TO a",
        "ALTER TABLE customers RENAME COLUMN a TO b; ALTER TABLE customers ADD COLUMN phone TEXT",
        "ALTER TABLE customers RENAME TO clients",
        "ALTER TABLE clients RENAME COLUMN b TO c; UPDATE clients SET phone = 'other' WHERE id = 'CORE'",
    ] {
        tree.edit("head", change);
        tree.sync("head");
    }
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, c, phone FROM clients ORDER BY id", &["ACME|anna|-", "BOLT|2|-", "CORE|3|other"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn what_was_sent_for_a_column_or_table_that_had_gone_is_in_the_history_and_waits_for_nothing() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET city = 'Biel' WHERE id = 'ACME'; INSERT INTO notes VALUES ('N2', 'BOLT', 'late')");
    tree.sync("anna");
    tree.edit("head", "ALTER TABLE customers DROP COLUMN city; DROP TABLE notes");
    let session = tree.session("head");
    assert_eq!(fieldpost::sync::schema::versions(&session).unwrap().len(), 2);
    drop(session);
    tree.settle(&["head", "anna"]);
    assert_eq!(fieldpost::sync::tracking::parked::waiting(&tree.session("head")).unwrap(), []);
    assert!(!says(&tree.sync("head"), "kept until"));
    let session = tree.session("head");
    let all = session.shapes.iter().chain(&session.former);
    for (table, key, value) in [("customers", "ACME", "Biel"), ("notes", "N2", "late")] {
        let shape = all.clone().find(|shape| shape.name == table).unwrap();
        let key = fieldpost::model::Key::new([&fieldpost::model::Value::text(key)]).unwrap();
        let events = fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap();
        assert!(events.iter().any(|event| format!("{:?}", event.what).contains(value)), "{table}: {events:?}");
    }
    drop(session);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_rename_by_adding_copying_and_dropping_is_one() {
    let tree = two();
    tree.edit(
        "head",
        "ALTER TABLE customers ADD COLUMN mobile TEXT; UPDATE customers SET mobile = city; ALTER TABLE customers DROP COLUMN city",
    );
    tree.edit("anna", "UPDATE customers SET city = 'anna' WHERE id = 'ACME'");
    let report = tree.sync("head");
    assert!(says(&report, "column `city` of table `customers` is called `mobile` now"), "{:?}", report.notes);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, phone, mobile FROM customers ORDER BY id",
        &["ACME|1|anna", "BOLT|2|Basel", "CORE|3|Chur"],
    );
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn what_several_sites_wrote_into_a_column_that_went_is_all_in_the_history() {
    let tree = four();
    for site in ["anna", "north", "ben"] {
        tree.edit(site, &format!("UPDATE customers SET city = 'of {site}' WHERE id = 'ACME'"));
        tree.sync(site);
    }
    tree.edit("head", "ALTER TABLE customers DROP COLUMN city");
    tree.settle(&FOUR);
    assert_one(&tree, &FOUR);
    let told: String = FOUR
        .iter()
        .map(|site| {
            let session = tree.session(site);
            let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
            let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("ACME")]).unwrap();
            format!("{site}: {:?}\n", fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap())
        })
        .collect();
    let head = told.lines().next().unwrap();
    assert!(head.contains("of north") && head.contains("of ben"), "{told}");
    assert!(told.contains("of anna"), "{told}");
}

#[test]
fn a_key_that_is_called_otherwise_is_the_same_also_where_no_record_is_left_to_show_it() {
    let tree = two();
    tree.edit("head", "DELETE FROM notes; ALTER TABLE notes RENAME COLUMN id TO number");
    tree.edit("anna", "UPDATE notes SET body = 'anna' WHERE id = 'N1'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT number, body FROM notes", &["N1|anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn names_in_other_letters_are_the_same_names() {
    let tree = four();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO notes VALUES ('N2', 'BOLT', 'late')");
    tree.edit("head", "ALTER TABLE notes RENAME TO x; ALTER TABLE x RENAME TO Notes; ALTER TABLE customers RENAME COLUMN phone TO PHONE");
    tree.edit("head", "ALTER TABLE customers RENAME TO x; ALTER TABLE x RENAME TO CUSTOMERS; UPDATE CUSTOMERS SET city = 'Biel'");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT id, phone, city FROM customers ORDER BY id", &["ACME|anna|Biel", "BOLT|2|Biel", "CORE|3|Biel"]);
    tree.assert_rows(&FOUR, "SELECT id, customer, body FROM notes ORDER BY id", &["N1|ACME|first", "N2|BOLT|late"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn what_others_refer_to_may_be_made_anew_under_its_name_in_other_letters() {
    for (columns, table, with) in [
        ("id TEXT PRIMARY KEY, a TEXT", "C", ""),
        ("ID TEXT PRIMARY KEY, a TEXT", "c", ""),
        ("Id TEXT PRIMARY KEY, a TEXT, z TEXT DEFAULT 'z'", "C", "ALTER TABLE d ADD COLUMN y TEXT;"),
    ] {
        let tree = two_of(
            "CREATE TABLE c (id TEXT PRIMARY KEY, a TEXT); INSERT INTO c VALUES ('A', '1'), ('B', '2');
             CREATE TABLE d (id TEXT PRIMARY KEY, c TEXT REFERENCES c(id), up TEXT REFERENCES d(id)); INSERT INTO d VALUES ('t', 'A', NULL);
             CREATE UNIQUE INDEX by_c ON d (c); CREATE VIEW v AS SELECT * FROM d JOIN c ON c.id = d.c;
             CREATE TRIGGER g AFTER DELETE ON d BEGIN DELETE FROM c WHERE id = 'none'; END",
        );
        tree.edit("anna", "UPDATE d SET c = 'B'; UPDATE c SET a = 'anna' WHERE id = 'A'");
        tree.edit(
            "head",
            &format!(
                "PRAGMA foreign_keys = OFF; {with} DROP VIEW v; DROP TRIGGER g; CREATE TABLE n ({columns}); INSERT INTO n (id, a) SELECT id, a FROM c; DROP TABLE c;
                 ALTER TABLE n RENAME TO {table}; CREATE VIEW v AS SELECT * FROM d JOIN c ON c.id = d.c;
                 CREATE TRIGGER g AFTER DELETE ON d BEGIN DELETE FROM c WHERE id = 'none'; END"
            ),
        );
        tree.settle(&["head", "anna"]);
        assert_one(&tree, &["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT id, c FROM d", &["t|B"]);
        tree.assert_rows(&["head", "anna"], "SELECT id, a FROM c ORDER BY id", &["A|anna", "B|2"]);
        // Capture is on in what was made twice.
        tree.edit("anna", "INSERT INTO d (id, c) VALUES ('u', 'A')");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head"], "SELECT id FROM d ORDER BY id", &["t", "u"]);
    }
}

#[test]
fn a_key_that_is_called_otherwise_in_an_emptied_table_that_was_made_anew_is_the_same() {
    let tree = two();
    tree.edit("anna", "UPDATE notes SET body = 'anna' WHERE id = 'N1'; INSERT INTO notes VALUES ('N2', 'BOLT', 'new')");
    tree.edit("head", "DELETE FROM notes");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; ALTER TABLE notes RENAME COLUMN id TO code; CREATE TABLE n (body TEXT, code TEXT PRIMARY KEY NOT NULL, customer TEXT NOT NULL REFERENCES customers); INSERT INTO n SELECT body, code, customer FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes; COMMIT");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT code, body FROM notes ORDER BY code", &["N1|anna", "N2|new"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_table_whose_key_the_rules_name_goes_on_under_its_new_names() {
    let rules = |table: &str, column: &str| format!("[tables.{table}]\nkey = ['{column}', 'day']\n");
    for (change, table, column) in [
        ("ALTER TABLE readings RENAME TO measures", "measures", "meter"),
        ("ALTER TABLE readings RENAME COLUMN meter TO gauge", "readings", "gauge"),
        ("ALTER TABLE readings RENAME COLUMN meter TO \"of \"\"it\"; ALTER TABLE readings RENAME TO measures", "measures", "\"of \"\"it\""),
    ] {
        let tree = Tree::with_rules(
            "CREATE TABLE readings (meter TEXT NOT NULL, day TEXT NOT NULL, v INTEGER); INSERT INTO readings VALUES ('m1', 'mon', 1), ('m1', 'tue', 2)",
            &rules("readings", "meter"),
        );
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit("anna", "UPDATE readings SET v = 11 WHERE day = 'mon'; INSERT INTO readings VALUES ('m3', 'wed', 5)");
        tree.edit("head", change);
        let report = tree.sync("head");
        assert!(report.waiting.iter().any(|waiting| waiting.why.contains("[tables.") && waiting.why.contains("key = ")), "{report:?}");
        tree.settle(&["head", "anna"]);
        let select = format!("SELECT {column}, day, v FROM {table} ORDER BY day");
        tree.assert_rows(&["head", "anna"], &select, &["m1|mon|11", "m1|tue|2", "m3|wed|5"]);
        assert_one(&tree, &["head", "anna"]);
        let named = column.trim_matches('"').replace("\"\"", "\"");
        std::fs::write(tree.home("head").join("rules.toml"), rules(table, &named)).unwrap();
        tree.settle(&["head", "anna"]);
        assert_eq!(tree.sync("head").waiting, []);
        tree.edit("anna", &format!("DELETE FROM {table} WHERE day = 'tue'"));
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head", "anna"], &select, &["m1|mon|11", "m3|wed|5"]);
    }
}

#[test]
fn a_key_that_takes_the_former_name_of_another_column_is_the_same_one() {
    let altered = "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers RENAME COLUMN id TO Phone";
    let exchanged = "ALTER TABLE customers RENAME COLUMN phone TO t; ALTER TABLE customers RENAME COLUMN id TO phone; ALTER TABLE customers RENAME COLUMN t TO id";
    let remade = "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (phone TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, telephone TEXT);
        INSERT INTO n SELECT id, name, city, phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT";
    for (change, key, phone) in [(altered, "phone", "telephone"), (exchanged, "phone", "id"), (remade, "phone", "telephone")] {
        let tree = two();
        tree.edit(
            "anna",
            "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DUNE', 'Dune', NULL, '4')",
        );
        tree.edit("head", change);
        assert_eq!(tree.sync("head").waiting, [], "{change}");
        tree.settle(&["head", "anna"]);
        let rows = ["ACME|anna", "BOLT|2", "CORE|3", "DUNE|4"];
        tree.assert_rows(&["head", "anna"], &format!("SELECT {key}, {phone} FROM customers ORDER BY 1"), &rows);
        assert_one(&tree, &["head", "anna"]);
    }
}
