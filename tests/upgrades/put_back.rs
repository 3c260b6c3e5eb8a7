//! A database that was put back from a backup: what it held is told from what was done in it since, and whose row is whose.

use std::path::PathBuf;

use fieldpost::site::Role;
use fieldpost::sync::recover::Mode;

use super::files::{backup, recovered, replace_database};
use super::support::{Tree, conflicts};

const ORDERS: &str = "SELECT m.v || ' of ' || ifnull(n.v, 'nobody') FROM m LEFT JOIN n ON n.id = m.n ORDER BY 1";
const CUSTOMERS: &str = "SELECT v || ' ' || ifnull(phone, '-') FROM n ORDER BY 1";

/// Customers with handed-out numbers and orders that refer to them, at the main office and at anna.
fn shop(order_key: &str) -> Tree {
    let tree = Tree::new(&format!(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, phone TEXT); CREATE TABLE m (k {order_key} PRIMARY KEY, n INTEGER REFERENCES n, v TEXT);
         CREATE TABLE tags (n INTEGER REFERENCES n, tag TEXT, note TEXT, PRIMARY KEY (n, tag));
         INSERT INTO n VALUES (1, 'one', '1'), (2, 'two', '2'); INSERT INTO m VALUES (1, 1, 'm1'); INSERT INTO tags VALUES (1, 't', 'one')"
    ));
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree
}

/// Anna's customer 3 becomes 4, because the main office made another 3; gives a backup of when hers was 3. `sealed`: the state knew it by then.
fn clashed(tree: &Tree, sealed: bool) -> PathBuf {
    tree.edit(
        "anna",
        "INSERT INTO n VALUES (3, 'annas', 'A'); INSERT INTO m VALUES (50, 3, 'hers'); INSERT INTO tags VALUES (3, 't', 'hers')",
    );
    let early = backup(tree, "anna");
    tree.edit(
        "head",
        "INSERT INTO n VALUES (3, 'heads', 'H'); INSERT INTO m VALUES (60, 3, 'his'); INSERT INTO tags VALUES (3, 't', 'his')",
    );
    tree.sync("anna");
    let late = backup(tree, "anna");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id FROM n WHERE v = 'annas'", &["4"]);
    if sealed { late } else { of_before(early) }
}

/// Customer 3 'three' ends, and its number goes to a stranger; gives a backup of when it was there.
fn reused(tree: &Tree) -> PathBuf {
    tree.edit("head", "INSERT INTO n VALUES (3, 'three', '3')");
    tree.settle(&["head", "anna"]);
    let old = backup(tree, "anna");
    tree.edit("head", "DELETE FROM n WHERE id = 3");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "INSERT INTO n VALUES (3, 'stranger', '555')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM n WHERE id = 3", &["stranger"]);
    old
}

/// A backup whose log says of everything that it is of before what the state knows: the state's clock is years behind that of the triggers.
fn of_before(old: PathBuf) -> PathBuf {
    let backup = rusqlite::Connection::open(&old).unwrap();
    let logs = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_fieldpost\\_log\\_%' ESCAPE '\\'";
    let logs: Vec<String> = backup.prepare(logs).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for log in logs {
        backup.execute_batch(&format!("UPDATE {log} SET note = (1600000000000 << 3) | (note & 7) WHERE note >> 3 <> 0")).unwrap();
    }
    old
}

fn assert_all(tree: &Tree, customers: &[&str], orders: &[&str]) {
    tree.settle(&["anna", "head"]);
    tree.assert_sound(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], CUSTOMERS, customers);
    tree.assert_rows(&["anna", "head"], ORDERS, orders);
    assert_eq!(conflicts(tree, "head"), [""; 0]);
}

#[test]
fn what_refers_to_a_record_made_since_goes_along_where_only_that_gets_another_number() {
    for key in ["TEXT", "INTEGER"] {
        let tree = shop(key);
        let old = backup(&tree, "anna");
        tree.edit("head", "INSERT INTO n VALUES (3, 'heads', 'H')");
        tree.settle(&["head", "anna"]);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "INSERT INTO n VALUES (3, 'third', 'T'); INSERT INTO m VALUES (50, 3, 'order')");
        recovered(&tree, "anna", Mode::Do).unwrap();
        assert_all(&tree, &["heads H", "one 1", "third T", "two 2"], &["m1 of one", "order of third"]);
    }
}

#[test]
fn a_value_that_a_record_once_held_is_an_edit_too_where_it_was_typed_since() {
    for site in ["anna", "head"] {
        let tree = Tree::new(
            "CREATE TABLE t (k TEXT PRIMARY KEY, status TEXT, done INTEGER, note TEXT); INSERT INTO t VALUES ('x', 'new', 0, 'n'), ('y', 'new', 0, 'n')",
        );
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit(site, "UPDATE t SET status = 'open' WHERE k = 'x'");
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        for step in ["UPDATE t SET status = 'closed', done = 1", "UPDATE t SET done = 0, note = 'later'"] {
            tree.edit(site, step);
            tree.settle(&["anna", "head"]);
        }
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE t SET status = 'new', done = 1 WHERE k = 'x'");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(done.tables[0].kept.len(), 1, "{done:?}");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT * FROM t ORDER BY k", &["x|new|1|later", "y|closed|0|later"]);
    }
}

#[test]
fn what_was_sealed_since_a_backup_was_made_is_no_edit() {
    let tree = Tree::new(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT, w TEXT); INSERT INTO t VALUES ('x', 'a', 'a'), ('y', 'a', 'a'), ('z', 'a', 'a')",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    // The backup holds what no round has seen yet.
    tree.edit("anna", "UPDATE t SET v = 'b'; DELETE FROM t WHERE k = 'z'; INSERT INTO t VALUES ('new', 'b', 'b')");
    let old = of_before(backup(&tree, "anna"));
    tree.settle(&["anna", "head"]);
    tree.edit("head", "UPDATE t SET v = 'c'; INSERT INTO t VALUES ('z', 'again', 'c')");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE t SET w = 'typed' WHERE k = 'y'");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(done.tables[0].kept.len(), 1, "{done:?}");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM t ORDER BY k", &["new|c|b", "x|c|a", "y|c|typed", "z|again|c"]);
}

#[test]
fn a_row_of_a_backup_is_that_of_the_record_which_had_its_number_then() {
    for sealed in [true, false] {
        let tree = shop("INTEGER");
        let old = clashed(&tree, sealed);
        let before = ["m", "n", "tags"].map(|table| tree.rows("head", &format!("SELECT * FROM {table}")));
        replace_database(&tree, "anna", Some(&old));
        let done = recovered(&tree, "anna", Mode::Do).unwrap();
        assert!(done.tables.iter().all(|table| table.kept.is_empty() && table.renumbered.is_empty()), "nothing was typed: {done:?}");
        assert_all(&tree, &["annas A", "heads H", "one 1", "two 2"], &["hers of annas", "his of heads", "m1 of one"]);
        assert_eq!(["m", "n", "tags"].map(|table| tree.rows("head", &format!("SELECT * FROM {table}"))), before);

        let tree = shop("INTEGER");
        let old = reused(&tree);
        replace_database(&tree, "anna", Some(&old));
        recovered(&tree, "anna", Mode::Do).unwrap();
        assert_all(&tree, &["one 1", "stranger 555", "two 2"], &["m1 of one"]);
    }
}

#[test]
fn an_edit_of_a_record_whose_number_went_to_another_one_is_an_edit_of_that_record() {
    for sealed in [true, false] {
        let tree = shop("TEXT");
        let old = clashed(&tree, sealed);
        replace_database(&tree, "anna", Some(&old));
        tree.edit(
            "anna",
            "UPDATE n SET phone = 'edited' WHERE id = 3; UPDATE m SET v = 'edited' WHERE k = '50'; INSERT INTO m VALUES ('new', 3, 'new')",
        );
        tree.edit("anna", "UPDATE tags SET note = 'edited' WHERE n = 3; INSERT INTO tags VALUES (3, 'new', 'new')");
        recovered(&tree, "anna", Mode::Do).unwrap();
        let orders = ["edited of annas", "his of heads", "m1 of one", "new of annas"];
        assert_all(&tree, &["annas edited", "heads H", "one 1", "two 2"], &orders);
        let tags = "SELECT v, tag, note FROM tags JOIN n ON n.id = tags.n ORDER BY 1, 2";
        tree.assert_rows(&["anna", "head"], tags, &["annas|new|new", "annas|t|edited", "heads|t|his", "one|t|one"]);

        let tree = shop("TEXT");
        let old = clashed(&tree, sealed);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "DELETE FROM tags WHERE n = 3; DELETE FROM m WHERE n = 3; DELETE FROM n WHERE id = 3");
        recovered(&tree, "anna", Mode::Do).unwrap();
        assert_all(&tree, &["heads H", "one 1", "two 2"], &["his of heads", "m1 of one"]);
        tree.assert_rows(&["anna", "head"], "SELECT note FROM tags ORDER BY 1", &["his", "one"]);
    }
}

#[test]
fn a_record_that_ended_comes_back_under_the_next_number_where_it_or_an_order_of_it_was_edited_and_another_one_has_its_number() {
    for (edit, phone, order) in [
        ("UPDATE n SET phone = 'edited' WHERE id = 3", "edited", None),
        ("INSERT INTO m VALUES ('new', 3, 'new')", "3", Some("new of three")),
        ("UPDATE n SET phone = 'edited' WHERE id = 3; INSERT INTO m VALUES ('new', 3, 'new')", "edited", Some("new of three")),
    ] {
        let tree = shop("TEXT");
        let old = reused(&tree);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", edit);
        let done = recovered(&tree, "anna", Mode::Do).unwrap();
        let renumbered: usize = done.tables.iter().map(|table| table.renumbered.len()).sum();
        assert_eq!(renumbered, 1, "{done:?}");
        let orders: Vec<&str> = std::iter::once("m1 of one").chain(order).collect();
        assert_all(&tree, &["one 1", "stranger 555", &format!("three {phone}"), "two 2"], &orders);
    }
}
