//! Changes that every site can have at once, whatever is in it: none of them stops a stream.

use fieldpost::site::Role;

use super::{FOUR, Tree, assert_one, conflicts, says, two_of};

/// As [`super::four`].
fn four_of(schema: &str) -> Tree {
    let tree = Tree::new(schema);
    tree.add("head", "north", Role::Office);
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["head", "north", "ben"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&FOUR);
    tree
}

#[test]
fn a_computed_column_is_in_the_way_of_no_change_and_unsent_edits_arrive() {
    for kind in ["VIRTUAL", "STORED"] {
        let tree = four_of(&format!(
            "CREATE TABLE c (id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 2) {kind}); INSERT INTO c (id, a, b) VALUES ('x', 1, 5), ('y', 2, 6);
            CREATE TABLE d (id TEXT PRIMARY KEY, v TEXT)"
        ));
        tree.edit("anna", "UPDATE c SET a = 10 WHERE id = 'x'; INSERT INTO c (id, a) VALUES ('z', 3)");
        tree.edit("head", "CREATE INDEX dv ON d(v)");
        tree.settle(&FOUR);
        tree.edit("anna", "UPDATE c SET b = 7 WHERE id = 'y'");
        tree.edit("head", &format!("BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, a INT, g INT AS (a * 3) {kind}, p TEXT DEFAULT 'p', b INT); INSERT INTO n (id, a, b) SELECT id, a, b FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT"));
        tree.settle(&FOUR);
        tree.assert_rows(&FOUR, "SELECT id, a, b, g, p FROM c ORDER BY id", &["x|10|5|30|p", "y|2|7|6|p", "z|3|-|9|p"]);
        assert_one(&tree, &FOUR);
    }
}

#[test]
fn a_column_with_a_constraint_that_no_empty_text_passes_is_filled_with_what_does() {
    let tree =
        four_of("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL); INSERT INTO a (name) VALUES ('x'), ('y')");
    tree.edit("anna", "UPDATE a SET name = 'anna' WHERE id = 1; INSERT INTO a (name) VALUES ('of anna')");
    tree.edit("ben", "INSERT INTO a (name) VALUES ('sent before')");
    tree.sync("ben");
    tree.edit("head", r#"BEGIN; CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, data TEXT NOT NULL CHECK (JSON_VALID(data) OR data IS NULL), kind TEXT NOT NULL CHECK (kind IN ('low', 'high')));
        INSERT INTO n SELECT id, name, '{"n": 1}', 'high' FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a; COMMIT"#);
    tree.sync("head");
    tree.sync("north");
    let report = tree.sync("anna");
    assert!(says(&report, "column `data` of `a` must not be empty: '{}' stands in it until its values come"), "{:?}", report.notes);
    tree.settle(&FOUR);
    tree.assert_rows(
        &FOUR,
        "SELECT name, data, kind FROM a ORDER BY name",
        &[r#"anna|{"n": 1}|high"#, "of anna|{}|low", "sent before|{}|low", r#"y|{"n": 1}|high"#],
    );
    assert_one(&tree, &FOUR);
}

#[test]
fn a_reference_leads_to_a_table_that_is_new_and_unsent_edits_arrive() {
    let tree = four_of("CREATE TABLE cust (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE ord (id TEXT PRIMARY KEY, cust TEXT NOT NULL REFERENCES cust(id), q INT);
        INSERT INTO cust VALUES ('1', 'c1'), ('2', 'c2'); INSERT INTO ord VALUES ('a', '1', 5), ('b', '2', 6)");
    tree.edit("anna", "UPDATE ord SET q = 50 WHERE id = 'a'");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE party (no TEXT PRIMARY KEY, title TEXT); INSERT INTO party SELECT 'c' || id, name FROM cust;
        CREATE TABLE n (id TEXT PRIMARY KEY, cust TEXT NOT NULL REFERENCES party(no), q INT); INSERT INTO n SELECT id, 'c' || cust, q FROM ord; DROP TABLE ord; ALTER TABLE n RENAME TO ord; DROP TABLE cust; COMMIT");
    tree.sync("head");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT * FROM ord ORDER BY id", &["a|c1|50", "b|c2|6"]);
    assert_one(&tree, &FOUR);
}

#[test]
fn a_key_becomes_a_text_and_what_refers_to_it_follows() {
    let tree = four_of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE o (id TEXT PRIMARY KEY, p INTEGER REFERENCES p(id), q INT);
        INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO o VALUES ('x', 1, 5), ('y', 2, 6)",
    );
    tree.edit("anna", "UPDATE o SET q = 50 WHERE id = 'x'");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE p2 (id TEXT PRIMARY KEY, name TEXT); INSERT INTO p2 SELECT 'P' || id, name FROM p;
        CREATE TABLE o2 (id TEXT PRIMARY KEY, p TEXT REFERENCES p(id), q INT); INSERT INTO o2 SELECT id, 'P' || p, q FROM o; DROP TABLE o; DROP TABLE p; ALTER TABLE p2 RENAME TO p; ALTER TABLE o2 RENAME TO o; COMMIT");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT * FROM o ORDER BY id", &["x|P1|50", "y|P2|6"]);
    tree.assert_rows(&FOUR, "SELECT * FROM p ORDER BY id", &["P1|a", "P2|b"]);
    FOUR.iter().for_each(|site| assert_eq!(conflicts(&tree, site), [""; 0], "{site}"));
    assert_one(&tree, &FOUR);
}

#[test]
fn a_type_that_becomes_another_one_makes_nobodys_edits() {
    let tree = two_of("CREATE TABLE c (id TEXT PRIMARY KEY, n INTEGER); INSERT INTO c VALUES ('x', 1), ('y', 2)");
    tree.edit("anna", "UPDATE c SET n = 5 WHERE id = 'x'");
    tree.edit("head", "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, n TEXT); INSERT INTO n SELECT * FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT; UPDATE c SET n = 'two' WHERE id = 'y'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, n, typeof(n) FROM c ORDER BY id", &["x|5|text", "y|two|text"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_view_becomes_a_table_while_a_site_has_views_of_its_own() {
    let tree = two_of(
        "CREATE TABLE a (id TEXT PRIMARY KEY, n INT); INSERT INTO a VALUES ('x', 1); CREATE VIEW v AS SELECT id, n AS k FROM a; CREATE VIEW w AS SELECT k FROM v",
    );
    tree.edit("anna", "CREATE VIEW mine AS SELECT k FROM w; CREATE VIEW broken AS SELECT k * 2 FROM v; UPDATE a SET n = 9");
    tree.edit("head", "DROP VIEW w; DROP VIEW v; ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME COLUMN n TO num; CREATE TABLE v (id TEXT PRIMARY KEY, t TEXT); INSERT INTO v VALUES ('k', 'new'); CREATE VIEW w AS SELECT num AS k FROM b");
    tree.sync("head");
    let report = tree.sync("anna");
    assert_eq!(report.waiting, []);
    assert!(
        says(
            &report,
            "view `broken` of this site does not fit the new schema and is gone: no such column: k; it was: CREATE VIEW broken AS SELECT k * 2 FROM v"
        ),
        "{:?}",
        report.notes
    );
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], "SELECT k FROM mine", &["9"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM b", &["x|9"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM v", &["k|new"]);
}
