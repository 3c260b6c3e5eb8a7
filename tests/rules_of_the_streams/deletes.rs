//! Who hears of a delete that came to nothing: whoever made it. And how much goes at once.

use super::*;
use fieldpost::ledger::Conflict;
use fieldpost::sync::mend::{self, Choice, Since};
use fieldpost::sync::seal;

const FOUR: [&str; 4] = ["head", "north", "anna", "ben"];

/// Deletes that lost, in a site's list: kind and whose they were.
fn lost(tree: &Tree, site: &str) -> Vec<(ConflictKind, String)> {
    let mut lost = Vec::new();
    let session = tree.session(site);
    let each = &mut |_, _, _, conflict: Conflict| {
        if conflict.field.is_none() && conflict.settles.is_none() {
            lost.push((conflict.kind, conflict.loser_site.unwrap().to_string()));
        }
        Ok(())
    };
    session.ledger.conflicts(0, each).unwrap();
    lost
}

fn of(kind: ConflictKind, site: &str) -> Vec<(ConflictKind, String)> {
    vec![(kind, site.to_owned())]
}

/// A main office, an office, and two remotes below that.
fn with_ben() -> Tree {
    let tree = three_levels();
    tree.add("north", "ben", Role::Remote);
    for _ in 0..3 {
        FOUR.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.assert_same(&FOUR);
    tree
}

/// The remote deletes BOLT, and its office passes that on.
fn deletes(tree: &Tree, remote: &str) {
    tree.edit(remote, "DELETE FROM customers WHERE id = 'BOLT'");
    send(tree, remote);
    tree.sync("north");
}

#[test]
fn a_delete_that_the_main_office_overrules_is_told_to_the_remote_below_an_office_that_made_it() {
    let tree = with_ben();
    deletes(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    settled(&tree, &FOUR);
    assert_eq!(phone(&tree, "anna", "BOLT"), "head");
    // A delete does not carry who made it up to the head.
    assert_eq!(lost(&tree, "head"), of(ConflictKind::Delete, "north"));
    assert_eq!(lost(&tree, "north"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
    // She can insist on it.
    mend::settle(&tree.session("anna"), 1, &Choice::Lost, Since::Ask).unwrap();
    settled(&tree, &FOUR);
    assert_eq!(phone(&tree, "head", "BOLT"), "no record");
}

#[test]
fn how_such_a_conflict_was_settled_is_told_to_the_remote_too() {
    let tree = with_ben();
    deletes(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    settled(&tree, &FOUR);
    mend::settle(&tree.session("head"), 1, &Choice::Standing, Since::Ask).unwrap();
    settled(&tree, &FOUR);
    let settled_at = |site: &str| tree.session(site).ledger.settled().unwrap().len();
    assert_eq!(FOUR.map(settled_at), [1, 1, 1, 0]);
}

#[test]
fn a_delete_of_what_others_need_is_told_to_the_remote_that_made_it() {
    let tree = with_ben();
    deletes(&tree, "anna");
    tree.edit("head", "INSERT INTO notes VALUES ('N3', 'BOLT', NULL, 'head')");
    settled(&tree, &FOUR);
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Dependants, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
}

#[test]
fn a_delete_of_the_office_itself_stays_its_own() {
    let tree = with_ben();
    // Anna's delete of another record is no reason to take this one for hers.
    tree.edit("anna", "DELETE FROM notes WHERE id = 'N2'");
    tree.edit("north", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "north");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    settled(&tree, &FOUR);
    assert_eq!(lost(&tree, "north"), of(ConflictKind::Delete, "north"));
    assert_eq!((lost(&tree, "anna"), lost(&tree, "ben")), (vec![], vec![]));
}

#[test]
fn a_delete_that_the_edit_of_another_remote_takes_back_is_told_to_the_one_that_made_it() {
    let tree = with_ben();
    tree.edit("ben", "UPDATE customers SET phone = 'ben' WHERE id = 'BOLT'");
    deletes(&tree, "anna");
    send(&tree, "ben");
    settled(&tree, &FOUR);
    assert_eq!(phone(&tree, "anna", "BOLT"), "ben");
    assert_eq!(lost(&tree, "north"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
}

#[test]
fn a_delete_that_an_edit_at_another_office_takes_back_is_told_to_the_remote_that_made_it() {
    let tree = with_ben();
    tree.add("head", "south", Role::Office);
    let all = ["head", "north", "south", "anna", "ben"];
    for _ in 0..3 {
        all.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.edit("south", "UPDATE customers SET phone = 'south' WHERE id = 'BOLT'");
    deletes(&tree, "anna");
    tree.sync("head");
    send(&tree, "south");
    settled(&tree, &all);
    assert_eq!(phone(&tree, "anna", "BOLT"), "south");
    assert_eq!(lost(&tree, "head"), of(ConflictKind::Delete, "north"));
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Delete, "anna"));
    assert_eq!((lost(&tree, "south"), lost(&tree, "ben")), (vec![], vec![]));
}

#[test]
fn a_delete_is_told_to_whoever_made_it_whatever_numbers_name_the_record() {
    let tree = Tree::new(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT, note TEXT);
         CREATE TABLE lines (\"order\" INTEGER REFERENCES orders, place INTEGER, note TEXT, PRIMARY KEY (\"order\", place));
         INSERT INTO orders VALUES (1, 'first', '');",
    );
    for (parent, child, role) in [("head", "north", Role::Office), ("north", "anna", Role::Remote)] {
        tree.add(parent, child, role);
        (0..4).for_each(|_| THREE.iter().filter(|site| tree.home(site).exists()).for_each(|site| drop(tree.sync(site))));
    }
    // Two orders under one number: hers gets another one.
    tree.edit("head", "INSERT INTO orders VALUES (2, 'of head', '')");
    tree.edit(
        "anna",
        "INSERT INTO orders VALUES (2, 'of anna', ''), (3, 'kept', ''); INSERT INTO lines SELECT id, 1, '' FROM orders WHERE id = 3",
    );
    settled(&tree, &THREE);
    tree.edit("anna", "DELETE FROM orders WHERE token = 'of anna'; DELETE FROM lines");
    send(&tree, "anna");
    tree.sync("north");
    tree.edit("head", "UPDATE orders SET note = 'head'; UPDATE lines SET note = 'head'");
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, "SELECT count(*) FROM orders WHERE token = 'of anna'", &["1"]);
    tree.assert_rows(&THREE, "SELECT count(*) FROM lines", &["1"]);
    assert_eq!(lost(&tree, "anna"), [of(ConflictKind::Delete, "anna"), of(ConflictKind::Delete, "anna")].concat());
    assert_eq!(lost(&tree, "head"), [of(ConflictKind::Delete, "north"), of(ConflictKind::Delete, "north")].concat());
}

#[test]
fn a_delete_that_waits_at_the_main_office_is_told_to_the_remote_that_made_it() {
    let tree = with_ben();
    let session = tree.session("head");
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("BOLT")]).unwrap();
    mend::deactivate(&session, shape.number, &key).unwrap();
    drop(session);
    deletes(&tree, "anna");
    tree.settle(&FOUR);
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Held, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
}

#[test]
fn a_long_row_of_records_each_of_which_refers_to_the_next_comes_and_goes_whole() {
    let tree = two_levels();
    // Whoever is written first needs the one that is written last.
    let row = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO notes SELECT printf('L%05d', i), NULL, iif(i < 1200, printf('L%05d', i + 1), NULL), 'x' FROM n";
    tree.edit("head", &format!("PRAGMA foreign_keys = off; {row}"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["1200"]);
    tree.edit("anna", "PRAGMA foreign_keys = off; DELETE FROM notes WHERE id LIKE 'L%'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["0"]);
    assert_eq!((losers(&tree, "head"), losers(&tree, "anna")), (vec![], vec![]));
    // Turned round.
    let row = row.replace("printf('L%05d', i + 1)", "printf('L%05d', i - 1)").replace("i < 1200, printf", "i > 1, printf");
    tree.edit("anna", &format!("PRAGMA foreign_keys = off; {row}"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE above LIKE 'L%'", &["1199"]);
    tree.edit("head", "PRAGMA foreign_keys = off; DELETE FROM notes WHERE id LIKE 'L%'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["0"]);
}

#[test]
fn a_long_row_of_records_of_which_the_last_is_needed_or_missing_stays_whole_or_waits_whole() {
    for turned in [false, true] {
        let tree = two_levels();
        let (next, end) = if turned { ("i - 1", "L00001") } else { ("i + 1", "L00600") };
        let row = format!(
            "PRAGMA foreign_keys = off; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO notes SELECT printf('L%05d', i), NULL, iif(printf('L%05d', i) = '{end}', 'MISSING', printf('L%05d', {next})), 'x' FROM n"
        );
        tree.edit("anna", &row);
        tree.settle(&TWO);
        tree.assert_rows(&["head"], "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["0"]);
        assert_eq!(tree.held("head").len(), 600);
        tree.edit("anna", "INSERT INTO notes VALUES ('MISSING', NULL, NULL, 'x')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["600"]);
        // The one that nobody of the row refers to is referred to at the head: nothing of it can go.
        let start = if turned { "L00600" } else { "L00001" };
        tree.edit("head", &format!("INSERT INTO notes VALUES ('NEW', NULL, '{start}', 'x')"));
        tree.edit("anna", "PRAGMA foreign_keys = off; DELETE FROM notes WHERE id LIKE 'L%'");
        send(&tree, "anna");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["600"]);
        assert_eq!(losers(&tree, "anna").iter().filter(|(kind, _)| *kind == ConflictKind::Dependants).count(), 600);
    }
}

/// A main office and two remotes with this schema.
fn two_remotes(schema: &str, rules: &str) -> Tree {
    let tree = Tree::with_rules(schema, rules);
    for remote in ["anna", "ben"] {
        tree.add("head", remote, Role::Remote);
        tree.settle(&["head", remote]);
    }
    tree.settle(&["head", "anna", "ben"]);
    tree
}

#[test]
fn a_record_that_has_the_values_by_which_others_refer_to_a_deleted_one_takes_its_place_at_every_site() {
    const ALL: [&str; 3] = ["head", "anna", "ben"];
    let letters = |refers: &str| {
        let schema = format!(
            "CREATE TABLE n (k TEXT PRIMARY KEY COLLATE NOCASE, a TEXT); CREATE TABLE m ({refers});
             INSERT INTO n VALUES ('k3', 'x'), ('k4', 'y'); INSERT INTO m VALUES ('k3', 1);"
        );
        (schema, "UPDATE n SET k = 'K3' WHERE k = 'k3'", "K3|x")
    };
    let replaced = |key: &str, put: &'static str| {
        let schema = format!(
            "CREATE TABLE n (id {key}, k TEXT UNIQUE, a TEXT); CREATE TABLE m (k TEXT REFERENCES n(k), s INT PRIMARY KEY);
             INSERT INTO n VALUES (1, 'c1', 'x'), (2, 'c2', 'y'); INSERT INTO m VALUES ('c1', 1);"
        );
        (schema, put, "c1|new")
    };
    for (schema, sql, expected) in [
        letters("k TEXT NOT NULL COLLATE NOCASE REFERENCES n, s INT PRIMARY KEY"),
        letters("k TEXT COLLATE NOCASE REFERENCES n ON UPDATE CASCADE, s INT PRIMARY KEY"),
        letters("k TEXT COLLATE NOCASE REFERENCES n ON DELETE CASCADE, s INT, PRIMARY KEY (k, s)"),
        replaced("TEXT PRIMARY KEY", "INSERT OR REPLACE INTO n VALUES ('9', 'c1', 'new')"),
        replaced("INTEGER PRIMARY KEY", "INSERT OR REPLACE INTO n (k, a) VALUES ('c1', 'new')"),
        replaced("INTEGER PRIMARY KEY AUTOINCREMENT", "INSERT OR REPLACE INTO n (k, a) VALUES ('c1', 'new')"),
        // A record that was there takes the code over.
        replaced(
            "TEXT PRIMARY KEY",
            "PRAGMA defer_foreign_keys = on; BEGIN; DELETE FROM n WHERE id = 1; UPDATE n SET k = 'c1', a = 'new'; COMMIT",
        ),
    ] {
        for maker in ["head", "anna"] {
            let tree = two_remotes(&schema, "");
            tree.edit(maker, &format!("PRAGMA foreign_keys = on; {sql}"));
            settled(&tree, &ALL);
            tree.assert_sound(&ALL);
            tree.assert_rows(&ALL, "SELECT n.k, a FROM m JOIN n ON n.k = m.k", &[expected]);
            ALL.iter().for_each(|site| assert_eq!(tree.held(site), [""; 0], "{site}: {sql} at {maker}"));
            ALL.iter().for_each(|site| assert_eq!(tree.listed(site), [""; 0], "{site}: {sql} at {maker}"));
        }
    }
}

#[test]
fn a_record_that_has_but_one_of_the_values_by_which_others_refer_to_a_deleted_one_does_not_take_its_place() {
    let tree = two_remotes(
        "CREATE TABLE n (id TEXT PRIMARY KEY, k TEXT UNIQUE, name TEXT UNIQUE);
         CREATE TABLE m (id TEXT PRIMARY KEY, k TEXT REFERENCES n(k), name TEXT REFERENCES n(name));
         INSERT INTO n VALUES ('1', 'c1', 'one'); INSERT INTO m VALUES ('by code', 'c1', NULL);",
        "",
    );
    tree.edit("ben", "INSERT INTO m VALUES ('by name', NULL, 'one')");
    tree.edit("anna", "PRAGMA foreign_keys = on; INSERT OR REPLACE INTO n VALUES ('9', 'c1', 'nine')");
    ["ben", "head"].iter().for_each(|site| drop(tree.sync(site)));
    for _ in 0..3 {
        ["anna", "head", "ben"].iter().for_each(|site| drop(tree.sync(site)));
    }
    for site in ["head", "anna", "ben"] {
        tree.assert_rows(&[site], "SELECT count(*) FROM m WHERE name NOT IN (SELECT name FROM n) OR k NOT IN (SELECT k FROM n)", &["0"]);
    }
    tree.assert_rows(&["head", "ben"], "SELECT id, name FROM n", &["1|one"]);
    assert_eq!(tree.held("head").len(), 1, "{:?}", tree.held("head"));
}

#[test]
fn a_deleted_record_that_a_new_row_refers_to_in_other_letters_or_as_another_type_comes_back() {
    const ALL: [&str; 3] = ["head", "anna", "ben"];
    for (key, there, column, refers) in [
        ("code TEXT COLLATE NOCASE PRIMARY KEY", "'Red'", "TEXT", "'RED'"),
        ("code TEXT PRIMARY KEY", "'2'", "INTEGER", "2"),
        ("code NUMERIC PRIMARY KEY", "2", "TEXT", "'2'"),
        ("id TEXT PRIMARY KEY DEFAULT 'a', code TEXT UNIQUE", "'2'", "INTEGER", "2"),
        ("id TEXT PRIMARY KEY DEFAULT 'a', code INTEGER UNIQUE", "2", "TEXT", "'2'"),
    ] {
        let schema = format!(
            "CREATE TABLE k ({key}, note TEXT); CREATE TABLE c (me TEXT PRIMARY KEY, code {column} REFERENCES k (code));
             INSERT INTO k (code, note) VALUES ({there}, 'kept');"
        );
        for (deletes, refers_at) in [("head", "anna"), ("anna", "head"), ("anna", "ben")] {
            let tree = two_remotes(&schema, "");
            tree.edit(deletes, "PRAGMA foreign_keys = on; DELETE FROM k");
            tree.edit(refers_at, &format!("PRAGMA foreign_keys = on; INSERT INTO c VALUES ('c', {refers})"));
            settled(&tree, &ALL);
            let found = "SELECT k.note, c.me FROM c JOIN k ON k.code = c.code";
            tree.assert_rows(&ALL, found, &["kept|c"]);
            ALL.iter().for_each(|site| assert_eq!(tree.held(site), [""; 0], "{site}: {refers} at {refers_at}"));
        }
    }
}

#[test]
fn a_deleted_record_that_is_needed_and_cannot_come_back_wants_a_person_and_says_which_record_is_in_the_way() {
    let tree = two_remotes(
        "CREATE TABLE g (k TEXT PRIMARY KEY, n TEXT REFERENCES n);
         CREATE TABLE n (k TEXT PRIMARY KEY, code TEXT UNIQUE, a TEXT); CREATE TABLE m (id TEXT PRIMARY KEY, g TEXT REFERENCES g, n TEXT REFERENCES n);
         INSERT INTO n VALUES ('n1', 'c1', 'a'), ('n2', 'c2', 'b'); INSERT INTO g VALUES ('g1', 'n1');",
        "",
    );
    tree.edit("head", "DELETE FROM g; DELETE FROM n WHERE k = 'n1'; UPDATE n SET code = 'c1' WHERE k = 'n2'");
    tree.edit("anna", "INSERT INTO m VALUES ('m1', NULL, 'n1')");
    tree.edit("ben", "INSERT INTO m VALUES ('m2', 'g1', NULL)");
    tree.settle(&["anna", "ben", "head"]);
    let held = fieldpost::cli::held::all(&tree.session("head")).unwrap();
    assert_eq!(held.len(), 2, "{held:?}");
    for held in held {
        let why = "n n1, which it needs, was deleted here and cannot come back: its code c1 is taken by n n2 'b'";
        assert!(held.why.contains(why) && held.needs == fieldpost::cli::held::Needs::Person, "{held:?}");
    }
    tree.edit("head", "UPDATE n SET code = 'c9' WHERE k = 'n2'");
    settled(&tree, &["head", "anna", "ben"]);
    tree.assert_sound(&["head", "anna", "ben"]);
    tree.assert_rows(
        &["head"],
        "SELECT code FROM n UNION ALL SELECT id FROM m UNION ALL SELECT k FROM g ORDER BY 1",
        &["c1", "c9", "g1", "m1", "m2"],
    );
    ["head", "anna", "ben"].iter().for_each(|site| assert_eq!(tree.held(site), [""; 0], "{site}"));
}

#[test]
fn what_is_only_marked_as_deleted_keeps_what_it_refers_to_and_both_come_back_together() {
    let tree = Tree::with_rules(
        "CREATE TABLE q (id TEXT PRIMARY KEY); CREATE TABLE p (id TEXT PRIMARY KEY, q TEXT REFERENCES q ON DELETE CASCADE, a TEXT);
         CREATE TABLE c (id TEXT PRIMARY KEY, p TEXT REFERENCES p ON DELETE CASCADE, status TEXT);
         INSERT INTO q VALUES ('q1'), ('q2'); INSERT INTO p VALUES ('p1', 'q1', 'a'), ('p2', 'q2', 'a'); INSERT INTO c VALUES ('c1', 'p1', 'ok');",
        "[tables.c]\ndeletes = { set = 'status', to = 'deleted' }\n",
    );
    for (parent, child, role) in [("head", "north", Role::Office), ("north", "anna", Role::Remote)] {
        tree.add(parent, child, role);
        (0..3).for_each(|_| [parent, child, "head"].iter().for_each(|site| drop(tree.sync(site))));
    }
    tree.settle(&THREE);
    tree.edit("head", "PRAGMA foreign_keys = on; DELETE FROM q");
    tree.settle(&THREE);
    tree.assert_rows(&["head"], "SELECT id FROM q UNION ALL SELECT id FROM p UNION ALL SELECT id FROM c", &[]);
    tree.assert_rows(
        &["north", "anna"],
        "SELECT q.id, p.id, c.id, status FROM q LEFT JOIN p ON q = q.id LEFT JOIN c ON p = p.id",
        &["q1|p1|c1|deleted"],
    );
    THREE.iter().for_each(|site| assert_eq!(tree.held(site), [""; 0], "{site}"));
    tree.edit("north", "UPDATE c SET status = 'ok'");
    settled(&tree, &THREE);
    tree.assert_sound(&THREE);
    tree.assert_rows(&THREE, "SELECT q.id, p.id, c.id, status FROM q LEFT JOIN p ON q = q.id LEFT JOIN c ON p = p.id", &["q1|p1|c1|ok"]);
    // From then on it is deleted like any other record.
    tree.edit("head", "DELETE FROM c; UPDATE p SET a = 'b'");
    tree.settle(&THREE);
    tree.assert_rows(&THREE, "SELECT a FROM p", &["b"]);
}

// ---- what leads nowhere at the main office itself

const ORPHANS: &str = "PRAGMA foreign_keys = off;
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, boss INTEGER REFERENCES people);
    CREATE TABLE towns (id TEXT PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, by INTEGER REFERENCES people, town TEXT REFERENCES towns, place TEXT REFERENCES towns(name));
    CREATE TABLE lines (\"order\" INTEGER REFERENCES orders, product TEXT, PRIMARY KEY (\"order\", product));
    INSERT INTO people VALUES (1, 'Ann', NULL), (4, 'Eve', 3); INSERT INTO towns VALUES ('B', 'Bern'), ('Z', 'Zug');
    INSERT INTO orders VALUES (10, 4, 'B', 'Bern'), (11, 1, 'gone', NULL), (12, 1, NULL, 'Gone'), (13, 4, 'Z', 'Zug');
    INSERT INTO lines VALUES (10, 'nail'), (11, 'nail'), (12, 'nail'), (13, 'saw'), (9, 'saw');";

#[test]
fn what_refers_to_nothing_at_the_main_office_itself_reaches_all_sites_and_what_refers_to_that_too() {
    let tree = Tree::new(ORPHANS);
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&THREE);
    tree.assert_same(&THREE);
    THREE.iter().for_each(|site| assert!(tree.held(site).is_empty(), "{site}: {:?}", tree.held(site)));
    // It is still an edit like any other, and mended once for all.
    tree.edit("head", "PRAGMA foreign_keys = off; UPDATE people SET boss = 2 WHERE id = 4; INSERT INTO orders VALUES (14, 2, 'X', 'Y')");
    tree.settle(&THREE);
    tree.assert_same(&THREE);
    tree.edit("head", "UPDATE people SET boss = 1 WHERE id = 4; DELETE FROM lines WHERE \"order\" = 9; UPDATE orders SET by = 1, town = NULL, place = NULL");
    tree.settle(&THREE);
    tree.assert_sound(&THREE);
}

#[test]
fn a_delete_at_the_main_office_of_what_its_own_rows_refer_to_is_one_everywhere() {
    let tree = Tree::new(ORPHANS);
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&THREE);
    tree.edit("head", "PRAGMA foreign_keys = off; DELETE FROM people WHERE id = 1; DELETE FROM towns; DELETE FROM orders WHERE id = 10");
    tree.settle(&THREE);
    tree.assert_same(&THREE);
    tree.assert_rows(&THREE, "SELECT id FROM people", &["4"]);
    THREE.iter().for_each(|site| assert!(tree.held(site).is_empty(), "{site}: {:?}", tree.held(site)));
    // Who joins later has never seen what was deleted, and gets the same.
    tree.add("head", "late", Role::Remote);
    (0..3).for_each(|_| ["late", "head"].iter().for_each(|site| drop(tree.sync(site))));
    tree.assert_same(&["head", "late"]);
    // What is new at a site keeps what it refers to.
    tree.edit("head", "INSERT INTO people VALUES (5, 'Kay', NULL); INSERT INTO towns VALUES ('U', 'Ulm')");
    tree.settle(&THREE);
    tree.edit("head", "DELETE FROM people WHERE name = 'Kay'; DELETE FROM towns");
    tree.edit("anna", "INSERT INTO orders VALUES (20, (SELECT id FROM people WHERE name = 'Kay'), 'U', NULL)");
    tree.settle(&THREE);
    tree.assert_same(&THREE);
    tree.assert_rows(&THREE, "SELECT name, town FROM orders JOIN people ON people.id = by WHERE town = 'U'", &["Kay|U"]);
}

#[test]
fn what_waits_at_the_main_office_keeps_at_its_site_what_it_refers_to() {
    for key in ["TEXT PRIMARY KEY", "INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"] {
        let tree = two_remotes(
            &format!(
                "CREATE TABLE n (id {key}, a TEXT); CREATE TABLE m (id TEXT PRIMARY KEY, n REFERENCES n, u TEXT UNIQUE);
                 INSERT INTO n VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO m VALUES ('h', 1, 'taken'), ('e', 3, NULL);"
            ),
            "",
        );
        tree.edit("anna", "PRAGMA foreign_keys = on; INSERT INTO m VALUES ('c', 2, 'clash')");
        tree.edit("head", "UPDATE m SET u = 'clash' WHERE id = 'h'");
        tree.sync("anna");
        tree.sync("head");
        // The main office does not have the row, and may delete what it needs.
        tree.edit("head", "PRAGMA foreign_keys = on; DELETE FROM n WHERE id = 2");
        (0..3).for_each(|_| ["head", "anna"].iter().for_each(|site| drop(tree.sync(site))));
        tree.assert_rows(&["anna"], "SELECT id FROM n ORDER BY id", &["1", "2", "3"]);
        assert_eq!(tree.rows("anna", "PRAGMA foreign_key_check"), [""; 0], "{key}");
    }
}

#[test]
fn a_row_that_led_to_a_deleted_number_comes_to_mean_no_other_record() {
    let names = "SELECT m.id, n.a FROM m LEFT JOIN n ON n.id = m.n ORDER BY 1";
    let schema = "PRAGMA foreign_keys = off; CREATE TABLE n (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE m (id TEXT PRIMARY KEY, n INTEGER REFERENCES n);
         INSERT INTO n VALUES (1, 'one'), (2, 'two'); INSERT INTO m VALUES ('b', 2);";
    for late in [false, true] {
        let tree = Tree::new(schema);
        let join = || {
            tree.add("head", "anna", Role::Remote);
            (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
        };
        if !late {
            join();
        }
        tree.edit("head", "PRAGMA foreign_keys = off; DELETE FROM n WHERE id = 2");
        tree.sync("head");
        if late {
            join();
        }
        (0..2).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
        // Her database would give 2 to the next one.
        tree.edit("anna", "INSERT INTO n (a) VALUES ('of anna')");
        (0..3).for_each(|_| TWO.iter().rev().for_each(|site| drop(tree.sync(site))));
        for site in TWO {
            assert!(!tree.rows(site, names).contains(&"b|of anna".to_owned()), "{site}, late: {late}: {:?}", tree.rows(site, names));
        }
    }
}

/// What a site says in a round of records that it deleted although others refer to them.
fn left_behind(tree: &Tree, site: &str) -> Vec<String> {
    let left = tree.sync(site).waiting.into_iter().filter(|waiting| waiting.why.contains("deleted here, and "));
    let left: Vec<String> = left.map(|waiting| format!("{}: {}", waiting.what, waiting.why)).collect();
    let status = fieldpost::sync::left_behind::told(&tree.session(site)).unwrap();
    assert_eq!(status.into_iter().map(|(what, why)| format!("{what}: {why}")).collect::<Vec<_>>(), left, "{site}");
    left
}

/// Each table refers to the one before by what is no key, by two columns, or to itself; two rows lead nowhere from the beginning.
const NEEDED: &str = "PRAGMA foreign_keys = off;
    CREATE TABLE n (id TEXT PRIMARY KEY COLLATE NOCASE, a INT, b TEXT, c TEXT UNIQUE, UNIQUE (a, b));
    CREATE TABLE m (id INTEGER PRIMARY KEY, n TEXT REFERENCES n, a TEXT, b TEXT, FOREIGN KEY (a, b) REFERENCES n (a, b));
    CREATE TABLE o (id TEXT PRIMARY KEY, c TEXT REFERENCES n (c), o TEXT REFERENCES o);
    INSERT INTO n VALUES ('k1', 1, 'x', 'c1'), ('k2', 2, 'x', 'c2'), ('k3', 3, 'x', 'c3'), ('k4', 4, 'x', 'c4'), ('k5', 5, 'x', NULL);
    INSERT INTO m VALUES (1, 'K1', NULL, NULL), (2, 'k1', NULL, NULL), (3, 'k9', '2', 'x'), (4, 'k8', NULL, NULL);
    INSERT INTO o VALUES ('o1', 'c3', NULL), ('o2', NULL, 'o1'), ('o3', NULL, 'o3');";

#[test]
fn who_deletes_what_others_refer_to_hears_of_it_until_nobody_does() {
    let tree = Tree::with_rules(NEEDED, "");
    let delete = |of: &str| tree.edit("head", &format!("PRAGMA foreign_keys = off; {of}"));
    delete("DELETE FROM n WHERE id = 'k5'");
    // Nobody else is there.
    delete("DELETE FROM n WHERE id = 'k4'; INSERT INTO m (n) VALUES ('k4')");
    assert_eq!(left_behind(&tree, "head"), [""; 0]);
    tree.add("head", "anna", Role::Remote);
    (0..3).for_each(|_| ["head", "anna"].iter().for_each(|site| drop(tree.sync(site))));
    assert_eq!(left_behind(&tree, "head"), [""; 0], "what led nowhere before is no matter of this site's deletes");
    delete("DELETE FROM n; DELETE FROM o WHERE id IN ('o1', 'o3')");
    let said = |record: &str, who: &str, that: &str| {
        format!("{record}: it was deleted here, and {who} to it: delete or change {that}, or enter {record} again")
    };
    let one = |record: &str, who: &str| said(record, &format!("{who} still refers"), "that");
    // One that is gone with what it referred to, or referred to itself, left nobody behind.
    let k1 = said("n k1", "m 1 and 1 more still refer", "them");
    let (k2, o1) = (one("n k2", "m 3"), one("o o1", "o o2"));
    for _ in 0..2 {
        assert_eq!(left_behind(&tree, "head"), [k1.as_str(), &k2, &o1]);
        tree.sync("anna");
    }
    tree.edit("head", "DELETE FROM m WHERE id = 1; UPDATE o SET o = NULL WHERE id = 'o2'");
    assert_eq!(left_behind(&tree, "head"), [one("n k1", "m 2").as_str(), &k2]);
    // Another record with the values does as well, and what is there again and goes again is told again.
    tree.edit("head", "INSERT INTO n VALUES ('K1', 2, 'x', NULL)");
    assert_eq!(left_behind(&tree, "head"), [""; 0]);
    delete("DELETE FROM n");
    let again = said("n K1", "m 2 and 1 more still refer", "them");
    assert_eq!(left_behind(&tree, "head"), [again]);
    tree.edit("head", "DELETE FROM m WHERE id IN (2, 3)");
    assert_eq!(left_behind(&tree, "head"), [""; 0]);
}

#[test]
fn what_a_remote_deletes_although_others_refer_to_it_is_said_there_and_comes_back() {
    let tree = with_ben();
    tree.edit("anna", "INSERT INTO notes VALUES ('N3', 'BOLT', NULL, 'anna')");
    settled(&tree, &FOUR);
    tree.edit("anna", "PRAGMA foreign_keys = off; DELETE FROM customers WHERE id = 'BOLT'");
    let left = left_behind(&tree, "anna");
    let said = "customers BOLT: it was deleted here, and notes N3 still refers to it: delete or change that; where 'north' has that too, \
                customers BOLT comes back";
    assert_eq!(left, [said]);
    settled(&tree, &FOUR);
    FOUR.iter().for_each(|site| assert_eq!(left_behind(&tree, site), [""; 0], "{site}"));
}

#[test]
fn what_is_saved_by_deleting_and_inserting_it_again_is_an_edit_of_what_changed_alone() {
    let tree = two_remotes(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, said REAL);
         CREATE TABLE lines (o INTEGER REFERENCES orders, product TEXT, n INT, PRIMARY KEY (o, product));
         CREATE TABLE codes (code TEXT PRIMARY KEY, said TEXT); CREATE TABLE plain (id INTEGER PRIMARY KEY, a TEXT, b TEXT);
         INSERT INTO orders VALUES (1, 'x', 1.5), (2, 'y', 2.5); INSERT INTO lines VALUES (1, 'a', 1), (1, 'b', 1), (1, 'c', 1), (2, 'a', 1);
         INSERT INTO codes VALUES ('A', 'one'), ('B', '1'); INSERT INTO plain VALUES (1, 'p', NULL), (2, 'q', NULL);",
        "",
    );
    let all = ["head", "anna", "ben"];
    tree.edit(
        "anna",
        "BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM lines; DELETE FROM lines; DELETE FROM orders; DELETE FROM codes;
         INSERT INTO orders VALUES (1, 'x', 1.5), (2, 'y', 2.5); INSERT INTO lines SELECT o, product, n + (product = 'b') FROM kept;
         INSERT INTO codes VALUES ('A', 'one'), ('B', CAST('1' AS BLOB)); DROP TABLE kept; COMMIT",
    );
    tree.edit("ben", "UPDATE lines SET n = 7 WHERE product = 'c'; UPDATE orders SET at = 'ben' WHERE id = 1; UPDATE codes SET said = 'two' WHERE code = 'A'");
    let sealed = tree.sync("anna").sealed;
    assert_eq!(sealed, 2, "the line of which there are more now, and the code that is of another type");
    settled(&tree, &all);
    tree.assert_rows(&all, "SELECT o, product, n FROM lines ORDER BY o, product", &["1|a|1", "1|b|2", "1|c|7", "2|a|1"]);
    tree.assert_rows(&all, "SELECT id, at FROM orders", &["1|ben", "2|y"]);
    tree.assert_rows(&all, "SELECT code, said, typeof(said) FROM codes", &["A|two|text", "B|31|blob"]);
    all.iter().for_each(|site| assert_eq!(tree.listed(site), [""; 0], "{site}"));
    tree.edit(
        "anna",
        "CREATE TEMP TABLE kept AS SELECT * FROM plain; DELETE FROM plain WHERE id = 1; INSERT INTO plain SELECT * FROM kept WHERE id = 1",
    );
    assert_eq!(tree.sync("anna").sealed, 0, "no database gives a number below the highest by itself");
    // A number that can be given again may be another record's, whatever that one holds.
    tree.edit("anna", "DELETE FROM plain WHERE id = 2; INSERT INTO plain VALUES (2, 'q', NULL)");
    assert_eq!(tree.sync("anna").sealed, 2, "one ended, and one began");
}

#[test]
fn what_a_site_edited_and_took_back_before_it_deletes_the_record_was_edited_by_nobody_else() {
    let tree = two_remotes("CREATE TABLE seats (id TEXT PRIMARY KEY, who TEXT, place TEXT UNIQUE, n INTEGER);", "");
    tree.edit("head", "INSERT INTO seats VALUES ('S1', 'x', 'window', 0)");
    tree.sync("head");
    tree.edit("anna", "INSERT INTO seats VALUES ('S2', 'a', 'window', 0)");
    tree.half("anna", round::Halves::Send);
    tree.sync("head");
    // It waited, and nothing says any more whose packet it came with.
    tree.edit("head", "UPDATE seats SET place = 'aisle' WHERE id = 'S1'");
    tree.sync("head");
    tree.edit("anna", "UPDATE seats SET who = 'b' WHERE id = 'S2'");
    seal::seal(&tree.session("anna")).unwrap();
    tree.edit("anna", "UPDATE seats SET who = 'a', n = 1 WHERE id = 'S2'");
    tree.half("anna", round::Halves::Send);
    tree.edit("anna", "DELETE FROM seats WHERE id = 'S2'");
    tree.half("anna", round::Halves::Send);
    let all = ["head", "anna", "ben"];
    settled(&tree, &all);
    tree.assert_rows(&all, "SELECT id FROM seats", &["S1"]);
    assert_eq!(lost(&tree, "head"), []);
}

#[test]
fn a_line_that_is_there_again_as_it_was_is_of_the_order_that_has_its_number_by_then() {
    let tree = two_remotes(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, who TEXT);
         CREATE TABLE lines (o INTEGER REFERENCES orders, product TEXT, n INT, PRIMARY KEY (o, product));
         INSERT INTO orders VALUES (1, 'x'), (2, 'old'); INSERT INTO lines VALUES (2, 'a', 1);",
        "",
    );
    let all = ["head", "anna", "ben"];
    tree.edit(
        "anna",
        "DELETE FROM lines; DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (2, 'new'); INSERT INTO lines VALUES (2, 'a', 1)",
    );
    tree.edit("ben", "UPDATE orders SET who = 'old of ben' WHERE id = 2");
    ["anna", "ben", "head"].iter().for_each(|site| drop(tree.sync(site)));
    settled(&tree, &all);
    tree.assert_rows(&all, "SELECT who, product, n FROM lines JOIN orders ON o = id", &["new|a|1"]);
}
