//! Tables and columns whose content does not travel: what becomes of them at the main office becomes of them everywhere, with what is in them.

use fieldpost::site::Role;
use fieldpost::sync::schema::view;

use super::support::Tree;
use super::{FOUR, assert_schema};

const SCHEMA: &str = "
    CREATE TABLE c (id TEXT PRIMARY KEY, name TEXT, seen TEXT, mark TEXT NOT NULL DEFAULT '');
    CREATE TABLE log (ts TEXT NOT NULL, msg TEXT NOT NULL CHECK (msg <> ''), lvl TEXT NOT NULL);
    CREATE TABLE prefs (id INTEGER PRIMARY KEY, k TEXT NOT NULL, v TEXT NOT NULL);
    CREATE INDEX log_lvl ON log (lvl);
    CREATE VIEW lines AS SELECT msg FROM log;
    INSERT INTO c VALUES ('A', 'Acme', 'head', ''); INSERT INTO log VALUES ('1', 'm', 'l'); INSERT INTO prefs VALUES (1, 'a', 'head');";
const RULES: &str = "[tables.c]\nlocal = ['seen', 'mark']\n[tables.prefs]\nlocal = true\n";

/// The host, an office, and a remote of each.
fn four() -> Tree {
    let tree = Tree::with_rules(SCHEMA, RULES);
    tree.add("head", "north", Role::Office);
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["head", "north", "ben"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&FOUR);
    tree.edit(
        "anna",
        "UPDATE c SET seen = 'anna'; INSERT INTO log VALUES ('2', 'anna', 'x'); INSERT INTO prefs VALUES (1, 'colour', 'anna')",
    );
    tree
}

fn differences(tree: &Tree, site: &str) -> Vec<String> {
    view::differences(&tree.session(site)).unwrap().into_iter().flat_map(|one| one.what).collect()
}

#[test]
fn names_follow_with_what_is_in_them() {
    let tree = four();
    tree.edit(
        "head",
        "ALTER TABLE c RENAME COLUMN seen TO last_seen; ALTER TABLE c RENAME COLUMN name TO title; ALTER TABLE log RENAME COLUMN msg TO message;
            ALTER TABLE prefs RENAME COLUMN v TO val; ALTER TABLE prefs RENAME TO settings",
    );
    tree.settle(&FOUR);
    assert_schema(&tree, &FOUR);
    tree.assert_rows(&["anna"], "SELECT title, last_seen FROM c", &["Acme|anna"]);
    tree.assert_rows(&["anna"], "SELECT * FROM log", &["2|anna|x"]);
    tree.assert_rows(&["anna"], "SELECT k, val FROM settings", &["colour|anna"]);
    tree.assert_rows(&["head"], "SELECT title, last_seen FROM c", &["Acme|head"]);
    FOUR.iter()
        .for_each(|site| tree.edit(site, "INSERT INTO log VALUES ('3', 'new', 'y'); INSERT INTO settings (k, val) VALUES ('x', 'y')"));
    tree.assert_rows(&["ben", "north"], "SELECT count(*) FROM settings", &["1"]);
    assert_eq!(differences(&tree, "anna"), [""; 0]);
}

#[test]
fn they_follow_over_versions_that_a_site_never_heard_of() {
    let tree = four();
    for step in [
        "ALTER TABLE prefs RENAME TO t; ALTER TABLE c RENAME COLUMN seen TO s1",
        "ALTER TABLE t RENAME TO settings; ALTER TABLE c RENAME COLUMN s1 TO s2",
        "CREATE TABLE prefs (id INTEGER PRIMARY KEY, k TEXT NOT NULL, v TEXT NOT NULL)",
        "BEGIN; CREATE TABLE n (s3 TEXT, id TEXT PRIMARY KEY, name TEXT, mark TEXT NOT NULL DEFAULT ''); INSERT INTO n SELECT s2, id, name, mark FROM c; \
         DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT",
        "BEGIN; CREATE TABLE n (s3 TEXT, id TEXT PRIMARY KEY, name TEXT, mark TEXT NOT NULL DEFAULT ''); INSERT INTO n SELECT * FROM c; \
         DROP TABLE c; ALTER TABLE n RENAME TO c; ALTER TABLE c RENAME TO clients; ALTER TABLE log RENAME COLUMN lvl TO level; COMMIT",
    ] {
        tree.edit("head", step);
        tree.sync("head");
    }
    tree.settle(&FOUR);
    tree.assert_rows(&["anna"], "SELECT name FROM clients", &["Acme"]);
    tree.assert_rows(&["anna"], "SELECT k, v FROM settings", &["colour|anna"]);
    tree.assert_rows(&["anna"], "SELECT * FROM prefs", &[]);
    tree.assert_rows(&["anna"], "SELECT level FROM log", &["x"]);
    // A column that was moved by a remake, under another name, is not known again: nothing of it is lost.
    tree.assert_rows(&["anna"], "SELECT seen, s3 FROM clients", &["anna|-"]);
    assert_eq!(differences(&tree, "anna"), ["column `seen` of `clients` is only here and not at the main office: it stays as it is"]);
}

#[test]
fn what_goes_at_the_main_office_goes_elsewhere_where_nothing_is_in_it() {
    let tree = four();
    tree.edit(
        "head",
        "ALTER TABLE c DROP COLUMN seen; DROP INDEX log_lvl; ALTER TABLE log DROP COLUMN lvl; ALTER TABLE log RENAME COLUMN msg TO message;
            DROP TABLE prefs; CREATE TABLE prefs (k TEXT PRIMARY KEY, v TEXT NOT NULL)",
    );
    tree.sync("head");
    let report = tree.sync("north");
    assert!(!report.notes.iter().any(|note| note.contains("any more")), "{:?}", report.notes);
    tree.sync("ben");
    assert_schema(&tree, &["head", "north", "ben"]);
    let report = tree.sync("anna");
    let said = |what: &str| {
        format!("column `{what}` is not at the main office any more: what is in it stays here, and it may be empty from now on")
    };
    for what in ["lvl` of `log", "id` of `prefs"] {
        assert!(report.notes.contains(&said(what)), "{:?}", report.notes);
    }
    tree.edit("anna", "INSERT INTO log (ts, message) VALUES ('3', 'new'); INSERT INTO prefs (k, v) VALUES ('new', 'x')");
    tree.assert_rows(&["anna"], "SELECT ts, message, lvl FROM log", &["2|anna|x", "3|new|-"]);
    tree.assert_rows(&["anna"], "SELECT k, v, id FROM prefs ORDER BY id", &["new|x|-", "colour|anna|1"]);
    tree.assert_rows(&["anna"], "SELECT seen FROM c", &["anna"]);
    tree.assert_rows(&["anna"], "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = 'log_lvl'", &[]);
    let only = |what: &str| format!("column `{what}` is only here and not at the main office: it stays as it is");
    assert_eq!(differences(&tree, "anna"), ["id` of `prefs", "lvl` of `log", "seen` of `c"].map(only));
    tree.settle(&FOUR);
    tree.assert_sound(&FOUR);
}

#[test]
fn what_a_sites_own_application_did_first_stays() {
    let tree = four();
    let renamed =
        "ALTER TABLE c RENAME COLUMN seen TO last_seen; ALTER TABLE log RENAME COLUMN msg TO message; ALTER TABLE prefs RENAME TO settings";
    tree.edit("anna", renamed);
    tree.edit(
        "ben",
        "ALTER TABLE c RENAME COLUMN seen TO bens; ALTER TABLE prefs RENAME TO bens; CREATE TABLE settings (id INTEGER PRIMARY KEY, k, v)",
    );
    tree.settle(&FOUR);
    tree.edit("head", renamed);
    tree.settle(&FOUR);
    assert_schema(&tree, &["head", "north", "anna"]);
    tree.assert_rows(&["anna"], "SELECT last_seen FROM c", &["anna"]);
    tree.assert_rows(&["ben"], "SELECT bens, last_seen FROM c", &["-|-"]);
    assert_eq!(
        differences(&tree, "ben"),
        [
            "column `bens` of `c` is only here and not at the main office: it stays as it is",
            "table `bens` is only here and not at the main office: it stays as it is"
        ]
    );
}

#[test]
fn a_run_that_dies_anywhere_loses_nothing() {
    let mut kill = 1;
    loop {
        let tree = four();
        tree.edit("head", "ALTER TABLE c RENAME COLUMN seen TO last_seen; ALTER TABLE prefs RENAME TO settings; DROP INDEX log_lvl; ALTER TABLE log DROP COLUMN lvl");
        tree.settle(&["head", "north"]);
        let died = tree.sync_dying("anna", kill);
        tree.settle(&FOUR);
        tree.assert_rows(&["anna"], "SELECT last_seen FROM c", &["anna"]);
        tree.assert_rows(&["anna"], "SELECT k, v FROM settings", &["colour|anna"]);
        tree.assert_rows(&["anna"], "SELECT * FROM log", &["2|anna|x"]);
        tree.assert_sound(&FOUR);
        if died.is_none() {
            break;
        }
        kill += 1;
    }
    assert!(kill > 5, "it died nowhere");
}
