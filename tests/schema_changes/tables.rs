//! Tables that come, go, are called otherwise or are remade; indexes, views and triggers.

use fieldpost::sync::schema::view;

use fieldpost::site::Role;

use super::support::Tree;
use super::{FOUR, SCHEMA, assert_one, conflicts, four, says, two, two_of};

#[test]
fn a_dropped_table_goes_and_what_a_child_edited_in_it_is_in_the_history() {
    let tree = two();
    tree.edit("head", "DROP TABLE notes");
    tree.edit("anna", "UPDATE notes SET body = 'anna'; INSERT INTO notes VALUES ('N2', 'BOLT', 'new'); UPDATE customers SET phone = 'p' WHERE id = 'BOLT'");
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.rows("anna", "SELECT name FROM sqlite_schema WHERE name = 'notes'"), [""; 0]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM customers WHERE id = 'BOLT'", &["p"]);
    assert_one(&tree, &["head", "anna"]);
    let session = tree.session("anna");
    let shape = session.former.iter().find(|shape| shape.name == "notes").unwrap();
    for (key, body) in [("N1", "anna"), ("N2", "new")] {
        let key = fieldpost::model::Key::new([&fieldpost::model::Value::text(key)]).unwrap();
        let events = fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap();
        assert!(events.iter().any(|event| format!("{:?}", event.what).contains(body)), "{events:?}");
    }
}

#[test]
fn a_new_table_arrives_with_its_records_and_takes_edits() {
    let tree = four();
    tree.edit("head", "CREATE TABLE visits (id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT REFERENCES customers, what TEXT); CREATE INDEX visits_customer ON visits(customer); INSERT INTO visits(customer, what) VALUES ('ACME', 'first'), ('BOLT', 'second')");
    tree.settle(&FOUR);
    tree.edit(
        "anna",
        "INSERT INTO visits(customer, what) VALUES ('CORE', 'anna'); UPDATE visits SET what = 'changed' WHERE customer = 'ACME'",
    );
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT customer, what FROM visits ORDER BY id", &["ACME|changed", "BOLT|second", "CORE|anna"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn a_renamed_table_keeps_edits_and_references() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers RENAME TO clients");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, NULL); INSERT INTO notes VALUES ('N2', 'ECHO', 'new')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT n.id, c.name, c.phone FROM notes n JOIN clients c ON c.id = n.customer ORDER BY 1",
        &["N1|Acme Ltd|anna", "N2|Echo|-"],
    );
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn a_table_dropped_and_another_made_under_its_name_are_two() {
    let tree = two();
    tree.edit("head", "DROP TABLE notes");
    tree.sync("head");
    tree.edit("head", "CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (5, 'other')");
    tree.edit("anna", "UPDATE notes SET body = 'anna'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM notes", &["5|other"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_remade_table_with_references_takes_unsent_edits_along() {
    let tree = two_of(&format!("{SCHEMA} CREATE VIEW named AS SELECT c.name, n.body FROM notes n JOIN customers c ON c.id = n.customer;
        CREATE TABLE heard (line TEXT); CREATE TRIGGER hear AFTER UPDATE ON customers BEGIN INSERT INTO heard VALUES (NEW.name); END; CREATE INDEX cities ON customers(city)"));
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; DROP VIEW named;
        CREATE TABLE new (phone INTEGER, id TEXT PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''), city VARCHAR(20) COLLATE NOCASE DEFAULT 'x', level INTEGER NOT NULL DEFAULT 1);
        INSERT INTO new (id, name, city, phone) SELECT id, name, city, phone FROM customers; DROP TABLE customers; ALTER TABLE new RENAME TO customers;
        CREATE TABLE n (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers ON DELETE CASCADE, body TEXT); INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes;
        CREATE VIEW named AS SELECT c.name, n.body, c.level FROM notes n JOIN customers c ON c.id = n.customer;
        CREATE TRIGGER hear AFTER UPDATE ON customers BEGIN INSERT INTO heard VALUES (NEW.level); END; CREATE INDEX cities ON customers(city, name); COMMIT; PRAGMA user_version = 5");
    tree.edit("anna", "UPDATE customers SET phone = '42', city = 'Biel' WHERE id = 'ACME'; INSERT INTO customers VALUES ('ECHO', 'Echo', 'E', '7'); INSERT INTO notes VALUES ('N2', 'ECHO', 'new'); DELETE FROM customers WHERE id = 'CORE'");
    tree.settle(&["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, name, city, phone, typeof(phone), level FROM customers ORDER BY id",
        &["ACME|Acme Ltd|Biel|42|integer|1", "BOLT|Bolt AG|Basel|2|integer|1", "ECHO|Echo|E|7|integer|1"],
    );
    tree.assert_rows(&["head", "anna"], "SELECT * FROM named ORDER BY 1", &["Acme Ltd|first|1", "Echo|new|1"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    // Capture is on again, under the same names.
    tree.edit("anna", "UPDATE customers SET level = 4 WHERE id = 'ECHO'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head"], "SELECT level FROM customers WHERE id = 'ECHO'", &["4"]);
    assert_eq!(tree.rows("anna", "SELECT line FROM heard ORDER BY rowid DESC LIMIT 1"), ["4"]);
}

#[test]
fn what_migration_tools_noted_travels_with_the_schema() {
    let tree = two_of(
        "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE alembic_version (version_num TEXT NOT NULL PRIMARY KEY); INSERT INTO alembic_version VALUES ('one')",
    );
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER; UPDATE alembic_version SET version_num = 'two'; PRAGMA user_version = 2; PRAGMA application_id = 77");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT version_num FROM alembic_version", &["two"]);
    tree.assert_rows(&["head", "anna"], "PRAGMA application_id", &["77"]);
    // Only the number moves: a tool that had nothing else to do.
    tree.edit("head", "PRAGMA user_version = 3; UPDATE alembic_version SET version_num = 'three'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT version_num FROM alembic_version", &["three"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_site_whose_application_migrated_by_itself_has_nothing_to_do() {
    let change = "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1; CREATE TABLE tags (name TEXT PRIMARY KEY)";
    for first in ["head", "anna"] {
        let tree = two();
        tree.edit(first, change);
        tree.edit(first, "UPDATE customers SET telephone = 'first', level = 3 WHERE id = 'ACME'; INSERT INTO tags VALUES ('first')");
        tree.sync(first);
        tree.edit(if first == "head" { "anna" } else { "head" }, change);
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head", "anna"], "SELECT telephone, level FROM customers ORDER BY id", &["first|3", "2|1", "3|1"]);
        tree.assert_rows(&["head", "anna"], "SELECT * FROM tags", &["first"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_new_site_begins_with_the_last_version_and_is_told_the_next() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN phone TO telephone");
    tree.settle(&["head", "anna"]);
    tree.add("head", "carl", fieldpost::site::Role::Remote);
    tree.settle(&["carl", "head", "anna"]);
    let report = tree.sync("head");
    assert!(report.built.is_empty(), "nothing is told twice: {:?}", report.built);
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN telephone TO mobile");
    tree.edit("carl", "UPDATE customers SET telephone = 'carl' WHERE id = 'ACME'");
    tree.settle(&["head", "carl", "anna"]);
    tree.assert_rows(&["head", "carl", "anna"], "SELECT mobile FROM customers ORDER BY id", &["carl", "2", "3"]);
    assert_one(&tree, &["head", "carl", "anna"]);
}

#[test]
fn a_schema_that_did_not_change_makes_no_packet() {
    let tree = two();
    let report = tree.sync("head");
    assert!(report.built.is_empty() && !says(&report, "schema"), "{report:?}");
    // Our own triggers come back, which is no change of the application's.
    let triggers = tree.rows("head", "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '\\_fieldpost%' ESCAPE '\\'");
    triggers.iter().for_each(|name| tree.edit("head", &format!("DROP TRIGGER \"{name}\"")));
    assert!(tree.sync("head").built.is_empty());
}

#[test]
fn a_full_text_index_of_a_tables_content_is_made_anew_and_finds_what_is_there() {
    let tree = two();
    let triggers = "CREATE TRIGGER words_i AFTER INSERT ON notes BEGIN INSERT INTO words(rowid, body) VALUES (NEW.rowid, NEW.body); END;";
    tree.edit(
        "head",
        &format!("CREATE VIRTUAL TABLE words USING fts5(body, content='notes'); INSERT INTO words(words) VALUES ('rebuild'); {triggers}"),
    );
    tree.settle(&["head", "anna"]);
    let found = "SELECT body FROM words WHERE words MATCH 'first'";
    tree.assert_rows(&["head", "anna"], found, &["first"]);
    tree.edit("head", &format!("DROP TRIGGER words_i; DROP TABLE words; CREATE VIRTUAL TABLE words USING fts5(body, customer, content='notes', tokenize='porter');
        INSERT INTO words(words) VALUES ('rebuild'); {}", triggers.replace("(rowid, body) VALUES (NEW.rowid, NEW.body)", "(rowid, body, customer) VALUES (NEW.rowid, NEW.body, NEW.customer)")));
    tree.edit("anna", "INSERT INTO notes VALUES ('N2', 'BOLT', 'second thoughts')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT body FROM words WHERE words MATCH 'customer: acme'", &["first"]);
    tree.assert_rows(&["head", "anna"], "SELECT body FROM words WHERE words MATCH 'thought'", &["second thoughts"]);
    tree.edit("head", "DROP TRIGGER words_i; DROP TABLE words");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT name FROM sqlite_schema WHERE name LIKE 'words%'", &[]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn a_virtual_table_that_keeps_what_is_in_it_stays_and_that_is_said() {
    let tree = two();
    let empty = |table: &str| {
        format!("virtual table `{table}` is empty here: what is in it at the main office does not travel, let the application fill it")
    };
    tree.edit("head", "CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('head')");
    tree.sync("head");
    let report = tree.sync("anna");
    assert!(says(&report, &empty("words")), "{:?}", report.notes);
    assert_eq!(view::virtual_tables(&tree.session("anna")).unwrap(), [empty("words")]);
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "INSERT INTO words VALUES ('mine')");
    tree.edit("head", "DROP TABLE words");
    tree.sync("head");
    let report = tree.sync("anna");
    let said = "virtual table `words` is gone at the main office; only this site knows what is in it here, so it stays as it is";
    assert!(says(&report, said), "{:?}", report.notes);
    tree.assert_rows(&["anna"], "SELECT body FROM words", &["mine"]);
    // It is said as long as it is so, and of one that only the site ever had, too.
    tree.edit("anna", "CREATE VIRTUAL TABLE own USING fts5(body)");
    tree.sync("anna");
    let only = |table: &str| format!("virtual table `{table}` is only here and not at the main office: it stays as it is");
    let virtual_tables = || view::virtual_tables(&tree.session("anna")).unwrap();
    assert_eq!(virtual_tables(), [only("words"), only("own")]);
    assert_eq!(view::differences(&tree.session("anna")).unwrap()[0].what, [only("words"), only("own")]);
    tree.edit("head", "CREATE VIRTUAL TABLE words USING fts5(body, title)");
    tree.settle(&["head", "anna"]);
    let otherwise = "virtual table `words` is otherwise at the main office; only this site knows what is in it here, so it stays as it is";
    assert_eq!(virtual_tables(), [otherwise.to_owned(), only("own")]);
    assert_eq!(view::virtual_tables(&tree.session("head")).unwrap(), [""; 0]);
    tree.edit("anna", "DROP TABLE words; DROP TABLE own; CREATE VIRTUAL TABLE words USING fts5(body, title)");
    assert_eq!(virtual_tables(), [empty("words")]);
    tree.edit("anna", "INSERT INTO words VALUES ('filled', 'again')");
    assert_eq!(virtual_tables(), [""; 0]);
    tree.assert_same(&["head", "anna"]);
}

#[test]
fn a_view_and_a_trigger_that_name_a_dropped_column_go_as_the_host_has_them() {
    let tree = two_of(&format!(
        "{SCHEMA} CREATE VIEW places AS SELECT id, city FROM customers; CREATE TABLE heard (line TEXT);
        CREATE TRIGGER hear AFTER UPDATE ON customers BEGIN INSERT INTO heard VALUES (NEW.city); END"
    ));
    tree.edit("head", "DROP TRIGGER hear; DROP VIEW places; ALTER TABLE customers DROP COLUMN city; CREATE VIEW places AS SELECT id, phone FROM customers;
        CREATE TRIGGER hear AFTER UPDATE ON customers BEGIN INSERT INTO heard VALUES (NEW.phone); END");
    tree.edit("anna", "UPDATE customers SET city = 'Biel', phone = '9' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM places WHERE id = 'ACME'", &["ACME|9"]);
    tree.edit("anna", "UPDATE customers SET phone = '10' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_record_of_a_dropped_table_that_nobody_ever_edited_is_in_the_history() {
    let tree = two();
    tree.edit("head", "DROP TABLE notes");
    tree.settle(&["head", "anna"]);
    for site in ["head", "anna"] {
        let session = tree.session(site);
        let shape = session.former.iter().find(|shape| shape.name == "notes").unwrap();
        let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("N1")]).unwrap();
        let record = session.load_at(shape, &key).unwrap();
        let events = fieldpost::sync::history::of(&session, &record).unwrap();
        assert!(events.iter().any(|event| format!("{:?}", event.what).contains("first")), "at {site}: {events:?}");
    }
}

#[test]
fn a_run_in_the_middle_of_a_remake_that_is_several_transactions_takes_the_new_table_for_the_old_one() {
    let tree = two();
    tree.edit("head", "CREATE TABLE _alembic_tmp_customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT, level TEXT DEFAULT 'new'); INSERT INTO _alembic_tmp_customers (id, name, city, phone) SELECT * FROM customers");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DORA', 'Dora', NULL, '4')");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE customers SET phone = 'late' WHERE id = 'BOLT'");
    tree.edit("head", "PRAGMA foreign_keys = off; INSERT OR REPLACE INTO _alembic_tmp_customers (id, name, city, phone) SELECT * FROM customers; DROP TABLE customers; ALTER TABLE _alembic_tmp_customers RENAME TO customers");
    tree.settle(&["head", "anna"]);
    let all = ["ACME|anna|new", "BOLT|late|new", "CORE|3|new", "DORA|4|new"];
    tree.assert_rows(&["head", "anna"], "SELECT id, phone, level FROM customers ORDER BY id", &all);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn what_a_column_stores_otherwise_after_a_change_is_nobodys_edit() {
    let sql =
        "CREATE TABLE p (id TEXT PRIMARY KEY, price INT, n INT, code TEXT); INSERT INTO p VALUES ('x', 1, 10, '7'), ('y', 2, 20, '8')";
    let tree = Tree::with_rules(sql, "[tables.p]\nconflict = \"child\"\n");
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE p SET n = 11 WHERE id = 'x'");
    tree.edit("head", "CREATE TABLE q (id TEXT PRIMARY KEY, price TEXT, n REAL, code INTEGER); INSERT INTO q SELECT * FROM p; DROP TABLE p; ALTER TABLE q RENAME TO p");
    tree.sync("head");
    tree.edit("head", "UPDATE p SET price = '77', code = 99 WHERE id = 'y'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, price, n, code FROM p", &["x|1|11|7", "y|77|20|99"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    assert_one(&tree, &["head", "anna"]);
}
