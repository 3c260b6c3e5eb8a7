//! Tables that have no key of their own, and a person who names one.

use super::*;

const TABLES: &str =
    "CREATE TABLE log(day TEXT, line INT, x); CREATE TABLE half(code TEXT UNIQUE, x); CREATE TABLE own(id INTEGER PRIMARY KEY, a);
    CREATE TABLE empty(a, b); CREATE TABLE twice(a, b); CREATE TABLE computed(a, b AS (a + 1)); CREATE TABLE hidden(rowid, oid, _rowid_);
    INSERT INTO log VALUES('mon', 1, 'a'), ('mon', 2, 'b'), ('tue', 1, 'c'); INSERT INTO half VALUES('x', 1);
    INSERT INTO empty VALUES(1, 1), (2, NULL), (NULL, NULL); INSERT INTO twice VALUES(1, 1), (1, 2), (2, 1), (1, 3);";

const RULES: &str =
    "[tables.log]\nkey = ['day', 'line']\n[tables.half]\nkey = ['code']\n[tables.own]\nkey = ['a']\n[tables.empty]\nkey = ['a', 'b']
    [tables.twice]\nkey = ['a']\n[tables.computed]\nkey = ['b']\n[tables.hidden]\nkey = ['rowid']";

fn named() -> Shop {
    let mut shop = plain_shop(TABLES);
    assert_eq!(shop.survey.shapes.len(), 1);
    shop.survey = shop.ours.survey(&Rules::parse(RULES).unwrap()).unwrap();
    shop
}

fn log_key(day: &str, line: i64) -> Key {
    key(&[Value::text(day), Value::Integer(line)])
}

fn log_row(day: &str, line: i64, x: &str) -> Row {
    Row(vec![Value::text(day), Value::Integer(line), Value::text(x)])
}

#[test]
fn a_named_key_makes_a_table_trackable_where_it_is_one_in_fact() {
    let shop = named();
    let names: Vec<&str> = shop.survey.shapes.iter().map(|shape| shape.name.as_str()).collect();
    assert_eq!(names, ["half", "log", "own"]);
    assert_eq!(shop.shape("log").key, [FieldNo(0), FieldNo(1)]);
    let why = |table: &str| shop.survey.untracked.iter().find(|one| one.name == table).unwrap().reason.clone();
    assert_eq!(why("empty"), UntrackedReason::BadKey(KeyFault::Empty(2)));
    assert_eq!(why("twice"), UntrackedReason::BadKey(KeyFault::Shared(3)));
    assert_eq!(why("computed"), UntrackedReason::BadKey(KeyFault::NoColumn("b".into())));
    assert_eq!(why("hidden"), UntrackedReason::BadKey(KeyFault::HiddenRowid));
    assert_eq!(
        shop.survey.warnings,
        [Warning::KeyNotEnforced { table: "log".into() }, Warning::KeyNotUsed { table: "own".into() }],
        "`half` has a unique index"
    );
}

#[test]
fn records_of_a_named_key_are_captured_read_and_written_like_any_other() {
    let shop = named();
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), []);
    let edits = "UPDATE log SET x = 'z' WHERE line = 2; INSERT INTO log VALUES('wed', 1, 'd'); UPDATE log SET day = 'thu' WHERE x = 'c'; DELETE FROM log WHERE x = 'a'";
    let noted = shop.noted("log", edits);
    assert_eq!(noted.len(), 5, "{noted:?}");
    let log = shop.shape("log");
    assert_eq!(shop.row("log", &log_key("thu", 1)), Some(log_row("thu", 1, "c")));
    assert_eq!(shop.ours.insert(log, &log_row("fri", 1, "e")).unwrap(), Written::Done);
    assert_eq!(shop.ours.update(log, &log_key("thu", 1), &[FieldNo(2)], &log_row("", 0, "f")).unwrap(), Written::Done);
    assert_eq!(shop.ours.delete(log, &log_key("wed", 1)).unwrap(), Written::Done);
    assert_eq!(shop.asked::<String>("SELECT group_concat(day || line || x) FROM (SELECT * FROM log ORDER BY rowid)"), "mon2z,thu1f,fri1e");
    let mut keys = Vec::new();
    let first = shop.ours.scan(log, None, 2, &mut |key, _| keys.push(key)).unwrap();
    let last = keys.last().cloned();
    shop.ours.scan(log, last.as_ref(), 2, &mut |key, _| keys.push(key)).unwrap();
    assert_eq!((first, keys), (2, vec![log_key("fri", 1), log_key("mon", 2), log_key("thu", 1)]));
    shop.ours.detach(&shop.world).unwrap();
}

#[test]
fn a_record_that_comes_to_share_its_key_is_nobodys_until_it_has_one_of_its_own() {
    let shop = named();
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    let log = shop.shape("log");
    let digest = shop.ours.digest(log).unwrap();
    shop.app.execute_batch("INSERT INTO log VALUES('mon', 1, 'second'), ('mon', 1, 'third'), (NULL, 7, 'empty')").unwrap();
    assert_eq!((shop.ours.count(log).unwrap(), shop.ours.keyless(log).unwrap()), (3, 3));
    assert_eq!(shop.ours.digest(log).unwrap(), digest);
    assert_eq!(shop.row("log", &log_key("mon", 1)), Some(log_row("mon", 1, "a")));
    assert_eq!(shop.ours.update(log, &log_key("mon", 1), &[FieldNo(2)], &log_row("", 0, "only the first")).unwrap(), Written::Done);
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM log WHERE x = 'only the first'"), 1);
    assert_eq!(shop.ours.delete(log, &log_key("mon", 1)).unwrap(), Written::Done);
    assert_eq!(shop.row("log", &log_key("mon", 1)), Some(log_row("mon", 1, "second")));
    assert_eq!(shop.noted("log", "UPDATE log SET line = 9 WHERE x = 'third'").len(), 2);
    assert_eq!(shop.row("log", &log_key("mon", 9)), Some(log_row("mon", 9, "third")));
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), []);
}
