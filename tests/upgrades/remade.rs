//! Columns and tables that are dropped, renamed or made anew.

use fieldpost::site::Role;
use fieldpost::sync::recover::Mode;
use fieldpost::sync::tracking::parked;

use super::files::{backup, recovered, replace_database};
use super::support::Tree;
use super::{SCHEMA, all, changes_sent, conflicts, says, two};

#[test]
fn a_dropped_column_stops_nobody_and_its_last_values_are_in_the_history() {
    let tree = two();
    tree.edit("head", "ALTER TABLE customers DROP COLUMN city");
    let report = tree.sync("head");
    assert!(says(&report, "column `city` of table `customers` is gone"), "{:?}", report.notes);
    assert_eq!(changes_sent(&report), 0, "{:?}", report.built);
    tree.edit("anna", "UPDATE customers SET city = 'Biel', phone = '77' WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET name = 'Bolt' WHERE id = 'BOLT'; DELETE FROM customers WHERE id = 'CORE'");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "head", "id, name, phone"), "ACME Acme Ltd 77; BOLT Bolt 2");
    assert_eq!(all(&tree, "anna", "id, name, city, phone"), "ACME Acme Ltd Biel 77; BOLT Bolt Basel 2");
    let session = tree.session("head");
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("ACME")]).unwrap();
    let events = fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap();
    assert!(events.iter().any(|event| format!("{:?}", event.what).contains("Bern")), "{events:?}");
    drop(session);
    tree.edit("anna", "ALTER TABLE customers DROP COLUMN city");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
}

#[test]
fn a_renamed_column_is_the_same_column_on_both_sides_whoever_renames_first() {
    for (first, second) in [("head", "anna"), ("anna", "head")] {
        let tree = two();
        let migration = "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers RENAME COLUMN id TO code";
        tree.edit(first, migration);
        let report = tree.sync(first);
        assert!(says(&report, "column `phone` of table `customers` is called `telephone` now"), "{:?}", report.notes);
        assert_eq!(changes_sent(&report), 0, "{:?}", report.built);
        tree.edit(first, "UPDATE customers SET telephone = 'first' WHERE code = 'ACME'");
        tree.edit(second, "UPDATE customers SET phone = 'second' WHERE id = 'BOLT'");
        tree.settle(&[first, second]);
        tree.edit(second, migration);
        tree.settle(&[second, first]);
        tree.assert_same(&["head", "anna"]);
        assert_eq!(all(&tree, "head", "telephone"), "first; second; 3", "{first} renamed first");
        assert_eq!(conflicts(&tree, "head"), Vec::<String>::new());
    }
}

#[test]
fn edits_on_both_sides_of_a_rename_end_the_same_everywhere_whoever_wins() {
    for (first, second) in [("head", "anna"), ("anna", "head")] {
        for newest in [first, second] {
            for rename in ["ALTER TABLE customers RENAME COLUMN phone TO telephone", "ALTER TABLE customers RENAME TO clients"] {
                let tree = two();
                tree.edit(first, rename);
                let column = |site: &str, renamed: bool, value: &str| {
                    let (table, column) = match (renamed, rename.contains("COLUMN")) {
                        (false, _) => ("customers", "phone"),
                        (true, true) => ("customers", "telephone"),
                        (true, false) => ("clients", "phone"),
                    };
                    tree.edit(site, &format!("UPDATE {table} SET {column} = '{value}' WHERE id = 'ACME'; INSERT INTO {table} VALUES ('{site}', 'x', NULL, '{value}')"));
                };
                // Both edits are made before either is heard of.
                let order = if newest == first { [second, first] } else { [first, second] };
                for site in order {
                    tree.tick(100_000);
                    column(site, site == first, site);
                }
                tree.settle(&[first, second]);
                tree.edit(second, rename);
                tree.settle(&[second, first]);
                tree.assert_same(&["head", "anna"]);
                let table = if rename.contains("COLUMN") { "customers" } else { "clients" };
                let all = tree.text(
                    "head",
                    &format!(
                        "SELECT group_concat(id || t, ', ') FROM (SELECT id, {} AS t FROM {table} ORDER BY id)",
                        if rename.contains("COLUMN") { "telephone" } else { "phone" }
                    ),
                );
                assert_eq!(all, format!("ACME{newest}, BOLT2, CORE3, annaanna, headhead"), "{first} first, {newest} newest: {rename}");
            }
        }
    }
}

#[test]
fn a_column_in_the_place_of_another_one_is_no_rename_unless_it_holds_the_same() {
    let tree = two();
    tree.edit(
        "head",
        "ALTER TABLE customers DROP COLUMN phone; ALTER TABLE customers ADD COLUMN mail TEXT; UPDATE customers SET mail = id || '@x'",
    );
    let report = tree.sync("head");
    assert!(says(&report, "column `phone` of table `customers` is gone and `mail` is new in its place"), "{:?}", report.notes);
    tree.edit("anna", "UPDATE customers SET phone = 'kept' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "head", "mail"), "ACME@x; BOLT@x; CORE@x");
}

#[test]
fn a_remade_table_goes_on_and_what_was_missed_is_found() {
    let tree = two();
    let remake = "PRAGMA foreign_keys = off; BEGIN;
        CREATE TABLE new (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone INTEGER, level INTEGER NOT NULL DEFAULT 1 CHECK (level > 0));
        INSERT INTO new (id, name, city, phone) SELECT id, name, city, phone FROM customers;
        DROP TABLE customers; ALTER TABLE new RENAME TO customers; COMMIT;";
    tree.edit("anna", "UPDATE customers SET city = 'edited' WHERE id = 'BOLT'; DELETE FROM customers WHERE id = 'CORE'");
    tree.edit("anna", remake);
    tree.edit("anna", "UPDATE customers SET level = 2 WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "head", "id, city, phone"), "ACME Bern 1; BOLT edited 2");
    tree.edit("head", "UPDATE customers SET phone = '42' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    assert_eq!(tree.value("anna", "SELECT phone FROM customers WHERE id = 'ACME'"), rusqlite::types::Value::Integer(42));
    tree.edit("head", remake);
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "level, phone"), "2 42; 1 2");
    assert_eq!(conflicts(&tree, "head"), Vec::<String>::new());
}

#[test]
fn a_renamed_table_is_the_same_table_and_a_dropped_one_deletes_nothing_elsewhere() {
    let tree = two();
    let rename = "ALTER TABLE customers RENAME TO clients";
    tree.edit("head", "UPDATE customers SET city = 'edited' WHERE id = 'CORE'");
    tree.edit("head", rename);
    tree.edit("head", "UPDATE clients SET phone = 'head' WHERE id = 'ACME'");
    let report = tree.sync("head");
    assert!(says(&report, "table `customers` is called `clients` now"), "{:?}", report.notes);
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'; INSERT INTO customers VALUES ('DUNE', 'Dune', NULL, NULL)");
    tree.settle(&["anna", "head"]);
    assert_eq!(
        tree.text("head", "SELECT group_concat(id || phone) FROM (SELECT id, ifnull(phone, '-') AS phone FROM clients ORDER BY id)"),
        "ACMEhead,BOLTanna,CORE3,DUNE-"
    );
    tree.edit("anna", rename);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("anna", "SELECT city || phone FROM clients JOIN (SELECT 'CORE' AS c) ON id = c"), "edited3");

    tree.edit("head", "DROP TABLE notes");
    let report = tree.sync("head");
    assert!(says(&report, "table `notes` is gone"), "{:?}", report.notes);
    tree.edit("anna", "INSERT INTO notes VALUES ('N2', 'BOLT', 'second')");
    tree.settle(&["anna", "head"]);
    assert_eq!(tree.text("anna", "SELECT count(*) || '' FROM notes"), "2", "nobody is told to delete");
    tree.edit("head", "CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES clients, body TEXT)");
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT group_concat(id) FROM notes"), "N2", "what waited is here");
    assert_eq!(tree.text("anna", "SELECT count(*) || '' FROM notes"), "2");
}

#[test]
fn an_edit_that_was_not_sent_before_its_column_or_table_went_still_travels_where_it_can() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET city = 'unsent', phone = 'sent' WHERE id = 'ACME'; UPDATE notes SET body = 'unsent'");
    drop(tree.session("anna"));
    fieldpost::sync::seal::seal(&tree.session("anna")).unwrap();
    tree.edit("anna", "ALTER TABLE customers DROP COLUMN city; DROP TABLE notes");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "head", "city, phone"), "Bern sent; Basel 2; Chur 3");
    assert_eq!(tree.text("head", "SELECT body FROM notes"), "unsent", "it was sealed before the table went");
    tree.edit("head", "DELETE FROM customers WHERE id = 'CORE'; UPDATE customers SET name = 'x' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "anna", "id, name"), "ACME x; BOLT Bolt AG");
}

#[test]
fn unique_indexes_and_foreign_keys_that_are_added_count_from_then_on() {
    let tree = two();
    let migration = "CREATE UNIQUE INDEX one_phone ON customers (phone);
        PRAGMA foreign_keys = off; BEGIN; ALTER TABLE notes RENAME TO old;
        CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers ON DELETE CASCADE, body TEXT, reply TEXT REFERENCES notes);
        INSERT INTO notes (id, customer, body) SELECT * FROM old; DROP TABLE old; COMMIT;";
    tree.edit("head", migration);
    tree.edit("anna", migration);
    tree.settle(&["anna", "head"]);
    tree.edit(
        "anna",
        "INSERT OR REPLACE INTO customers VALUES ('NEW', 'New', NULL, '2'); INSERT INTO notes VALUES ('N2', 'ACME', 'answer', 'N1')",
    );
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "id, phone"), "ACME 1; CORE 3; NEW 2", "what REPLACE displaced is gone everywhere");
}

#[test]
fn tables_whose_records_are_named_by_other_columns_are_other_tables() {
    let tree = two();
    tree.edit(
        "head",
        "BEGIN; CREATE TABLE new (id TEXT, part TEXT, body TEXT, PRIMARY KEY (id, part));
        INSERT INTO new SELECT id, '1', body FROM notes; DROP TABLE notes; ALTER TABLE new RENAME TO notes; COMMIT;",
    );
    let report = tree.sync("head");
    assert!(says(&report, "table `notes` names its records by other columns"), "{:?}", report.notes);
    tree.edit("anna", "UPDATE notes SET body = 'anna'");
    tree.settle(&["anna", "head"]);
    assert_eq!(tree.text("head", "SELECT body FROM notes"), "first");
    assert_eq!(tree.text("anna", "SELECT body FROM notes"), "anna");
    assert_eq!(parked::waiting(&tree.session("head")).unwrap().len(), 1);
}

#[test]
fn a_column_whose_unique_index_goes_can_be_dropped_after_a_run() {
    let tree = two();
    tree.edit("anna", "CREATE UNIQUE INDEX one_phone ON customers (phone)");
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "DROP INDEX one_phone");
    let refused = tree.application("anna").execute_batch("ALTER TABLE customers DROP COLUMN phone").unwrap_err().to_string();
    assert!(refused.contains("_fieldpost_"), "a known limit, in the README: {refused}");
    tree.sync("anna");
    tree.edit("anna", "ALTER TABLE customers DROP COLUMN phone");
    tree.settle(&["anna", "head"]);
    assert_eq!(all(&tree, "anna", "id, city"), all(&tree, "head", "id, city"));
}

#[test]
fn what_is_typed_in_a_backup_of_before_a_column_was_filled_is_an_edit() {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE customers SET city = NULL WHERE id = 'CORE'");
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "anna");
    tree.edit(
        "head",
        "PRAGMA foreign_keys = off; CREATE TABLE c2 (id TEXT PRIMARY KEY, name TEXT, city TEXT NOT NULL DEFAULT 'none', phone TEXT);
         INSERT INTO c2 SELECT id, name, ifnull(city, 'none'), phone FROM customers; DROP TABLE customers; ALTER TABLE c2 RENAME TO customers",
    );
    tree.settle(&["head", "anna"]);
    tree.edit("head", "UPDATE customers SET city = 'later' WHERE id = 'CORE'");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE customers SET city = 'typed' WHERE id = 'ACME'; UPDATE customers SET phone = 'typed' WHERE id = 'CORE'");
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT id, city FROM customers ORDER BY id", &["ACME|typed", "BOLT|Basel", "CORE|later"]);
    tree.assert_rows(&["anna", "head"], "SELECT phone FROM customers WHERE id = 'CORE'", &["typed"]);
}

/// The table gets another key since the backup, and the application brings the restored database to that by itself.
#[test]
fn what_is_typed_in_a_backup_of_before_a_table_got_another_key_is_named_where_nobody_can_tell_when_that_was() {
    let remade = |columns: &str, key: &str| {
        format!("CREATE TABLE t2 ({columns}{key}); INSERT INTO t2 (k, v) SELECT k, v FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t")
    };
    for site in ["head", "anna"] {
        for (migration, key) in [
            (remade("k TEXT, v TEXT, z TEXT NOT NULL DEFAULT 'q'", ", PRIMARY KEY (k, z)"), "typed/q"),
            (remade("id INTEGER PRIMARY KEY, k TEXT UNIQUE, v TEXT", ""), "4"),
            (remade("k TEXT, v TEXT PRIMARY KEY", ""), "w"),
        ] {
            for (half_done, before, after) in [
                ("", "INSERT INTO t (k, v) VALUES ('typed', 'w')", ""),
                ("", "", "INSERT INTO t (k, v) VALUES ('typed', 'w')"),
                ("INSERT INTO t VALUES ('half', 'done')", "", ""),
            ] {
                let tree =
                    Tree::new("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES ('x', 'X'), ('y', 'Y'), ('z', 'Z')");
                tree.add("head", "anna", Role::Remote);
                tree.settle(&["anna", "head"]);
                tree.edit(site, &format!("UPDATE t SET v = v; {half_done}"));
                let old = backup(&tree, site);
                tree.settle(&["anna", "head"]);
                tree.edit("head", &migration);
                tree.settle(&["head", "anna"]);
                let agreed = tree.rows("head", "SELECT * FROM t ORDER BY k");
                replace_database(&tree, site, Some(&old));
                for step in [before, migration.as_str(), after] {
                    tree.edit(site, step);
                }
                let done = recovered(&tree, site, Mode::Do).unwrap();
                let listed: Vec<String> =
                    done.tables.iter().flat_map(|table| &table.listed).map(|(key, what)| format!("{key} {what}")).collect();
                let said = "of the restored database is left out: this site knows no such record, and nobody can tell when it was typed";
                let said: Vec<String> = if half_done.is_empty() { vec![format!("{key} {said}")] } else { Vec::new() };
                assert_eq!(listed, said, "{before}; {migration}; {after} at {site}");
                tree.settle(&["anna", "head"]);
                tree.assert_same(&["head", "anna"]);
                tree.assert_rows(&["head"], "SELECT * FROM t ORDER BY k", &agreed.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn what_is_deleted_after_a_restored_table_got_another_key_is_named() {
    for columns in ["id INTEGER PRIMARY KEY, k TEXT UNIQUE, v TEXT", "k TEXT, v TEXT, z TEXT NOT NULL DEFAULT 'q', PRIMARY KEY (k, z)"] {
        for typed in ["", "DELETE FROM t WHERE k = 'y'"] {
            let tree = Tree::new("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES ('x', 'X'), ('y', 'Y'), ('z', 'Z')");
            tree.add("head", "anna", Role::Remote);
            tree.settle(&["anna", "head"]);
            tree.edit("head", "UPDATE t SET v = v");
            let old = backup(&tree, "head");
            tree.settle(&["anna", "head"]);
            let upgrade =
                format!("CREATE TABLE t2 ({columns}); INSERT INTO t2 (k, v) SELECT k, v FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t");
            tree.edit("head", &upgrade);
            tree.settle(&["head", "anna"]);
            tree.edit("anna", "INSERT INTO t (k, v) VALUES ('later', 'L'); DELETE FROM t WHERE k = 'x'");
            tree.settle(&["anna", "head"]);
            let agreed = tree.rows("head", "SELECT * FROM t ORDER BY k");
            replace_database(&tree, "head", Some(&old));
            tree.edit("head", &upgrade);
            tree.edit("head", typed);
            let done = recovered(&tree, "head", Mode::Do).unwrap();
            let listed: Vec<&str> = done.tables.iter().flat_map(|table| &table.listed).map(|(_, what)| what.as_str()).collect();
            let said = "was deleted, and nobody can tell whether before or after the database was put back: it is back";
            assert_eq!(listed.iter().filter(|what| **what == said).count(), usize::from(!typed.is_empty()), "{listed:?}");
            tree.settle(&["head", "anna"]);
            tree.assert_same(&["head", "anna"]);
            assert_eq!(tree.rows("head", "SELECT * FROM t ORDER BY k"), agreed, "{columns}; {typed}");
        }
    }
}

/// The application makes the table anew in the restored database, and with it takes the triggers away: a row without a note may have been typed.
#[test]
fn what_is_typed_in_a_restored_table_after_it_was_made_anew_is_kept_or_named() {
    let remade = "CREATE TABLE t2 (k TEXT PRIMARY KEY, v0 TEXT, v TEXT); INSERT INTO t2 (k, v0) SELECT k, v FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t";
    let again =
        "CREATE TABLE t2 (k TEXT PRIMARY KEY, v TEXT NOT NULL); INSERT INTO t2 SELECT * FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t";
    for (half_done, migration, here, column, said) in [
        // `v` is another column by now.
        ("", "ALTER TABLE t RENAME COLUMN v TO v0; ALTER TABLE t ADD COLUMN v TEXT", remade, "v0", true),
        ("", again, again, "v", false),
        ("UPDATE t SET v = 'half' WHERE k = 'y'", again, again, "v", true),
    ] {
        let tree = Tree::with_rules(
            "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES ('x', 'X'), ('y', 'Y')",
            "[schema]\ntravels = true\n",
        );
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit("head", "UPDATE t SET v = v");
        tree.settle(&["anna", "head"]);
        tree.edit("head", half_done);
        let old = backup(&tree, "head");
        tree.edit("head", "UPDATE t SET v = 'done' WHERE k = 'y'");
        tree.settle(&["anna", "head"]);
        tree.edit("head", migration);
        tree.settle(&["head", "anna"]);
        replace_database(&tree, "head", Some(&old));
        tree.edit("head", here);
        tree.edit("head", &format!("UPDATE t SET {column} = 'typed' WHERE k = 'y'"));
        let done = recovered(&tree, "head", Mode::Do).unwrap();
        let what =
            format!("is as this site knew it: `{column}` was typed in the restored database, and nobody can tell when that was typed");
        let listed: Vec<&str> = done.tables[0].listed.iter().map(|(_, what)| what.as_str()).collect();
        if said {
            assert_eq!(listed, [what], "{half_done}; {here}");
        } else {
            assert_eq!(done.tables[0].kept.len(), 1, "{done:?}");
        }
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
        let is = if said { "done" } else { "typed" };
        tree.assert_rows(&["head"], &format!("SELECT {column} FROM t WHERE k = 'y'"), &[is]);
    }
}
