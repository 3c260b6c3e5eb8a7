//! Views, triggers and indexes of a site's own, and names that change their kind: nothing of it stops a site, nothing goes without a word.

use super::*;

const VIEWS: &str = "CREATE TABLE a (id TEXT PRIMARY KEY, n INT); INSERT INTO a VALUES ('x', 1); CREATE TABLE b (id TEXT PRIMARY KEY, n INT); INSERT INTO b VALUES ('y', 2);
    CREATE VIEW v1 AS SELECT id, n AS k FROM a; CREATE VIEW v2 AS SELECT id, k * 2 AS m FROM v1;
    CREATE INDEX ix ON a(n)";

fn gone(text: &str, why: &str) -> String {
    let mut words = text.split(' ').skip(1);
    let (kind, name) = (words.next().unwrap().to_lowercase(), words.next().unwrap());
    format!("{kind} `{name}` of this site does not fit the new schema and is gone: {why}; it was: {text}")
}

#[test]
fn a_name_of_a_view_or_an_index_becomes_that_of_a_table_and_back() {
    for change in [
        "DROP VIEW v2; CREATE TABLE v2 (id TEXT PRIMARY KEY, t TEXT)",
        "DROP INDEX ix; CREATE TABLE ix (id TEXT PRIMARY KEY)",
        "DROP INDEX ix; CREATE VIEW ix AS SELECT 1 AS one; DROP VIEW v2; CREATE INDEX v2 ON a(n)",
        "DROP VIEW v2; ALTER TABLE b RENAME TO v2",
        "DROP INDEX ix; ALTER TABLE b RENAME TO ix",
    ] {
        let two = Two::of(VIEWS).named("v2", "b", &[], &[]).named("ix", "b", &[], &[]);
        two.run("host", change);
        let done = two.conform().unwrap_or_else(|refused| panic!("{change}: {refused}"));
        assert_eq!(done.lost, [""; 0], "{change}");
        two.assert_same_schema();
    }
}

#[test]
fn an_own_view_over_a_told_one_is_in_the_way_of_no_name() {
    let two = Two::of(VIEWS).named("c", "a", &[("num", "n")], &[]);
    two.run("child", "CREATE VIEW over AS SELECT m FROM ov; CREATE VIEW ov AS SELECT m FROM v2; CREATE TRIGGER ot INSTEAD OF INSERT ON ov BEGIN INSERT INTO b VALUES (NEW.m, 1); END");
    two.run("host", "ALTER TABLE a RENAME TO c; ALTER TABLE c RENAME COLUMN n TO num; ALTER TABLE c ADD COLUMN e TEXT");
    let done = two.conform().unwrap();
    assert_eq!(done.lost, [""; 0]);
    assert_eq!(two.rows("child", "SELECT m FROM over"), ["2"]);
    two.run("child", "INSERT INTO ov VALUES ('of the trigger')");
    assert_eq!(two.rows("child", "SELECT count(*) FROM b"), ["2"]);
    two.assert_as_told();
}

#[test]
fn what_fits_no_more_is_said_with_its_text_and_what_is_over_it_too() {
    let two = Two::of(VIEWS).named("bb", "b", &[], &[]);
    let (view, over) = ("CREATE VIEW mine AS SELECT m FROM v2", "CREATE VIEW over AS SELECT m FROM mine");
    let trigger = "CREATE TRIGGER mt AFTER UPDATE ON b BEGIN UPDATE a SET n = n + 1; END";
    let entry = "CREATE TRIGGER me INSTEAD OF INSERT ON v2 BEGIN INSERT INTO b VALUES (NEW.id, 1); END";
    for sql in [view, over, trigger, entry, "CREATE VIEW fits AS SELECT n FROM b"] {
        two.run("child", sql);
    }
    let mut two = two;
    two.names.ended.insert("a".into());
    two.run("host", "DROP VIEW v2; DROP VIEW v1; DROP TABLE a; ALTER TABLE b RENAME TO bb; ALTER TABLE bb ADD COLUMN z INT DEFAULT 3");
    let done = two.conform().unwrap();
    assert_eq!(
        done.lost,
        [
            gone(view, "no such table: main.v2"),
            gone(over, "no such table: main.mine"),
            gone(entry, "no such table: main.v2"),
            gone(trigger, "no such table: main.b"),
        ]
    );
    assert_eq!(two.rows("child", "SELECT n FROM fits"), ["2"]);
    two.assert_as_told();
}

#[test]
fn a_trigger_on_an_own_view_whose_columns_are_renamed_is_said() {
    let two = Two::of(VIEWS).named("a", "a", &[("num", "n")], &[]);
    let trigger = "CREATE TRIGGER vi INSTEAD OF INSERT ON vv BEGIN INSERT INTO a VALUES (NEW.id, NEW.n); END";
    two.run("child", "CREATE VIEW vv AS SELECT id, n FROM a");
    two.run("child", trigger);
    two.run("host", "ALTER TABLE a RENAME COLUMN n TO num");
    let done = two.conform().unwrap();
    assert_eq!(done.lost, [gone(trigger, "no such column: NEW.n")]);
    assert_eq!(two.rows("child", "SELECT num FROM vv"), ["1"]);
    two.assert_as_told();
}

#[test]
fn what_has_the_name_of_something_new_makes_room_and_is_said() {
    let two = Two::of(VIEWS);
    two.run("child", "CREATE VIEW t AS SELECT 1 AS one; CREATE INDEX i ON a(id, n); CREATE INDEX u ON b(n)");
    two.run("host", "CREATE TABLE t (id TEXT PRIMARY KEY); CREATE TABLE i (id TEXT PRIMARY KEY); CREATE INDEX u ON b(n, id)");
    let done = two.conform().unwrap();
    assert_eq!(
        done.lost,
        [
            "index `u` of this site makes room for the main office's of that name; it was: CREATE INDEX u ON b(n)".to_owned(),
            gone("CREATE INDEX i ON a(id, n)", "there is already a table named i"),
            gone("CREATE VIEW t AS SELECT 1 AS one", "table t already exists"),
        ]
    );
    two.assert_same_schema();
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    let two = Two::of("CREATE TABLE a (id TEXT PRIMARY KEY, n INTEGER); INSERT INTO a VALUES ('x', 1), ('y', 2)");
    two.run("child", "UPDATE a SET n = 'many' WHERE id = 'y'");
    two.run(
        "host",
        "CREATE TABLE n (id TEXT PRIMARY KEY, n INTEGER) STRICT; INSERT INTO n SELECT * FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a",
    );
    assert_eq!(
        two.conform().unwrap_err().to_string(),
        "records of `a` here are not what its new schema allows (cannot store TEXT value in INTEGER column a.n): change y here"
    );
    two.run("child", "UPDATE a SET n = 3 WHERE id = 'y'");
    two.conform().unwrap();
    two.assert_same_schema();
}

#[test]
fn records_that_differ_in_case_only_are_named() {
    let two = Two::of("CREATE TABLE a (id TEXT PRIMARY KEY, n INTEGER); INSERT INTO a VALUES ('x', 1)");
    two.run("child", "INSERT INTO a VALUES ('X', 2)");
    two.run("host", "CREATE TABLE n (id TEXT PRIMARY KEY COLLATE NOCASE, n INTEGER); INSERT INTO n SELECT * FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a");
    assert!(two.conform().unwrap_err().to_string().ends_with("change X here"));
}

#[test]
fn what_refers_to_another_table_from_now_on_waits_for_its_values() {
    let base = "CREATE TABLE cust (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE ord (id TEXT PRIMARY KEY, cust TEXT NOT NULL REFERENCES cust(id), q INT);
        CREATE TABLE firm (id TEXT PRIMARY KEY); INSERT INTO firm VALUES ('f1'); INSERT INTO cust VALUES ('1', 'c1'); INSERT INTO ord VALUES ('a', '1', 5)";
    for change in [
        "CREATE TABLE party (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE n (id TEXT PRIMARY KEY, cust TEXT NOT NULL REFERENCES party(id), q INT);
            INSERT INTO party VALUES ('c1', 'c1'); INSERT INTO n SELECT id, 'c' || cust, q FROM ord; DROP TABLE ord; ALTER TABLE n RENAME TO ord",
        "CREATE TABLE n (id TEXT PRIMARY KEY, cust TEXT NOT NULL REFERENCES firm(id), q INT); INSERT INTO n SELECT id, 'f1', q FROM ord; DROP TABLE ord; ALTER TABLE n RENAME TO ord",
    ] {
        let two = Two::of(base).named("ord", "ord", &[("cust", "cust")], &[]);
        two.run("host", &format!("PRAGMA foreign_keys = OFF; {change}"));
        two.conform().unwrap();
        two.assert_same_schema();
    }
}

#[test]
fn a_default_that_is_computed_is_had_by_making_the_table_anew() {
    for default in
        ["('t' || lower(hex(randomblob(4))))", "(0 + abs(random() % 5))", "(1 + 1)", "CURRENT_TIMESTAMP", "NULL NOT NULL CHECK (v <> '')"]
    {
        let two = Two::of("CREATE TABLE a (id TEXT PRIMARY KEY); INSERT INTO a VALUES ('x'), ('y')");
        two.run("host", &format!("CREATE TABLE n (id TEXT PRIMARY KEY, v TEXT DEFAULT {default}); INSERT INTO n SELECT id, 7 FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a"));
        two.conform().unwrap_or_else(|refused| panic!("{default}: {refused}"));
        two.assert_same_schema();
    }
}
