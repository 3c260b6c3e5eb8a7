//! Computed columns: they come, go and become otherwise, beside whatever else does.

use super::*;

/// A table with a computed column, and one that other changes are made to.
fn with(kind: &str) -> Two {
    Two::of(&format!(
        "CREATE TABLE c (id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 2) {kind}); INSERT INTO c (id, a, b) VALUES ('x', 1, 5), ('y', 2, 6);
        CREATE TABLE d (id TEXT PRIMARY KEY, v TEXT)"
    ))
}

/// What a tool does that makes a table anew.
fn anew(columns: &str, kept: &str) -> String {
    format!(
        "BEGIN; CREATE TABLE n ({columns}); INSERT INTO n ({kept}) SELECT {kept} FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT"
    )
}

#[test]
fn a_computed_column_that_stays_is_in_the_way_of_nothing() {
    let changes = [
        "CREATE INDEX dv ON d(v)".to_owned(),
        "CREATE TABLE e (id TEXT PRIMARY KEY)".to_owned(),
        "CREATE INDEX cg ON c(g); CREATE VIEW w AS SELECT g FROM c".to_owned(),
        "ALTER TABLE c ADD COLUMN p TEXT DEFAULT 'x'".to_owned(),
        "ALTER TABLE c ADD COLUMN h TEXT AS (id || '!')".to_owned(),
        "ALTER TABLE c DROP COLUMN b".to_owned(),
        anew("id TEXT PRIMARY KEY, a INT CHECK (a > 0), b INT, g INT AS (a * 2) KIND", "id, a, b"),
        anew("id TEXT PRIMARY KEY, g INT AS (a * 2) KIND, b INT, a INT", "id, a, b"),
    ];
    for kind in ["VIRTUAL", "STORED"] {
        for change in &changes {
            let two = with(kind);
            two.run("host", &change.replace("KIND", kind));
            two.run("child", "CREATE VIEW mine AS SELECT g FROM c; ALTER TABLE d ADD COLUMN own TEXT AS (v || '?')");
            let two = two.named("c", "c", &[], if change.contains("DROP COLUMN") { &["b"] } else { &[] });
            let done = two.conform();
            assert!(done.as_ref().is_ok_and(|done| done.lost.is_empty()), "{kind} {change}: {done:?}");
            assert_eq!(two.rows("child", "SELECT g FROM c ORDER BY id"), ["2", "4"], "{kind} {change}");
            assert_eq!(two.rows("child", "SELECT g FROM mine ORDER BY g"), ["2", "4"], "{kind} {change}");
            assert_eq!(two.rows("child", "SELECT own FROM d"), [""; 0]);
            two.assert_as_told();
        }
    }
}

#[test]
fn a_computed_column_that_stays_copies_no_table() {
    let two = with("VIRTUAL");
    two.run("host", "ALTER TABLE c ADD COLUMN p TEXT; ALTER TABLE c DROP COLUMN b; CREATE INDEX dv ON d(v)");
    let two = two.named("c", "c", &[], &["b"]);
    let done = two.conform().unwrap();
    assert!(matches!(done.plan.tables[0].how, plan::How::Alter(_)), "{:?}", done.plan);
    assert_eq!(done.plan.sentences(), ["column `b` of `c` goes", "column `p` of `c` comes", "index `dv` comes"]);
}

#[test]
fn a_computed_column_comes_goes_and_is_computed_otherwise() {
    let changes = [
        ("VIRTUAL", "ALTER TABLE c DROP COLUMN g".to_owned(), "computed column `g` of `c` goes"),
        ("STORED", "ALTER TABLE c DROP COLUMN g".to_owned(), "computed column `g` of `c` goes"),
        (
            "VIRTUAL",
            "ALTER TABLE c DROP COLUMN g; ALTER TABLE c ADD COLUMN g INT AS (a * 3)".to_owned(),
            "computed column `g` of `c` is another one",
        ),
        ("VIRTUAL", anew("id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 3)", "id, a, b"), "computed column `g` of `c` is another one"),
        (
            "STORED",
            anew("id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 3) STORED", "id, a, b"),
            "computed column `g` of `c` is another one",
        ),
        (
            "VIRTUAL",
            anew("id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 2) STORED", "id, a, b"),
            "computed column `g` of `c` is another one",
        ),
        ("STORED", anew("id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 2)", "id, a, b"), "computed column `g` of `c` is another one"),
        (
            "STORED",
            anew("id TEXT PRIMARY KEY, a INT, b INT, g INT AS (a * 2) STORED, h INT AS (g + 1) STORED", "id, a, b"),
            "computed column `h` of `c` comes",
        ),
        ("VIRTUAL", "ALTER TABLE c ADD COLUMN h AS (g + 1)".to_owned(), "computed column `h` of `c` comes"),
        ("VIRTUAL", "ALTER TABLE c RENAME COLUMN g TO gg".to_owned(), "computed column `gg` of `c` comes"),
    ];
    for (kind, change, words) in changes {
        let two = with(kind).named("c", "c", &[], &[]);
        two.run("host", &change);
        two.run("child", "UPDATE c SET a = 10 WHERE id = 'x'; UPDATE d SET v = 'w'");
        let done = two.conform().unwrap_or_else(|refused| panic!("{kind} {change}: {refused}"));
        assert!(done.plan.sentences().iter().any(|sentence| sentence == words), "{change}: {:?}", done.plan.sentences());
        assert_eq!(done.columns("c").1, [""; 0], "nothing that anybody wrote went");
        two.run("host", "UPDATE c SET a = 10 WHERE id = 'x'");
        two.assert_as_told();
        assert_eq!(two.rows("child", "SELECT * FROM c ORDER BY id"), two.rows("host", "SELECT * FROM c ORDER BY id"), "{change}");
    }
}

#[test]
fn a_computed_column_becomes_one_that_is_typed_into_and_back() {
    for kind in ["VIRTUAL", "STORED"] {
        let two = with(kind).named("c", "c", &[("a", "a"), ("b", "b")], &[]);
        two.run("host", &anew("id TEXT PRIMARY KEY, a INT, b INT, g INT", "id, a, b, g"));
        let done = two.conform().unwrap();
        assert_eq!(done.new_columns("c"), ["g"]);
        assert_eq!(two.rows("child", "SELECT id, a, b FROM c ORDER BY id"), ["x|1|5", "y|2|6"]);
        two.assert_as_told();

        let two = with(kind).named("c", "c", &[("a", "a")], &["b"]);
        two.run("host", &anew(&format!("id TEXT PRIMARY KEY, a INT, b INT AS (a + 100) {kind}, g INT AS (a * 2) {kind}"), "id, a"));
        let done = two.conform().unwrap();
        assert_eq!(done.columns("c").1, ["b"], "what stood in it is kept");
        assert_eq!(two.rows("child", "SELECT * FROM c ORDER BY id"), ["x|1|101|2", "y|2|102|4"]);
        two.assert_as_told();
    }
}

#[test]
fn a_column_gets_the_name_of_a_computed_one_that_goes() {
    for kind in ["VIRTUAL", "STORED"] {
        let two = with(kind).named("c", "c", &[("a", "a"), ("g", "b")], &[]);
        two.run("host", "ALTER TABLE c DROP COLUMN g; ALTER TABLE c RENAME COLUMN b TO g; ALTER TABLE c RENAME TO cc");
        let two = two.named("cc", "c", &[("a", "a"), ("g", "b")], &[]);
        two.conform().unwrap();
        assert_eq!(two.rows("child", "SELECT id, a, g FROM cc ORDER BY id"), ["x|1|5", "y|2|6"]);
        two.assert_as_told();
    }
}

#[test]
fn a_computed_column_of_a_sites_own_stays_where_the_table_is_made_anew() {
    let two = with("STORED").named("c", "c", &[], &[]);
    two.run("child", "ALTER TABLE c ADD COLUMN own INT AS (b + g)");
    two.run("host", &anew("id TEXT PRIMARY KEY, a INT NOT NULL, b INT, g INT AS (a * 3) STORED", "id, a, b"));
    two.conform().unwrap();
    assert_eq!(two.rows("child", "SELECT g, own FROM c ORDER BY id"), ["3|8", "6|12"]);
    two.assert_as_told();
}

#[test]
fn a_computed_column_of_a_sites_own_whose_source_goes_is_said_with_its_text() {
    let two = with("VIRTUAL").named("c", "c", &[], &["b"]);
    two.run("child", "ALTER TABLE c ADD COLUMN kept TEXT DEFAULT 'k'; ALTER TABLE c ADD COLUMN own INT AS (b + g)");
    two.run("host", "ALTER TABLE c DROP COLUMN b");
    assert_eq!(
        two.conform().unwrap().lost,
        ["a computed column of this site's own in `c` does not fit the new schema and is gone; it was: own INT AS (b + g)"]
    );
    assert_eq!(two.rows("child", "SELECT id, a, g, kept FROM c ORDER BY id"), ["x|1|2|k", "y|2|4|k"]);
    two.assert_as_told();
}
