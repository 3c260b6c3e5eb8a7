//! What can be tracked, schemas as data, and leaving without a trace.

use super::*;
use crate::model::{KeyKind, OnDelete};

#[test]
fn what_cannot_be_tracked_is_listed_with_its_reason() {
    let shop = plain_shop(
        "CREATE TABLE keyless(x); CREATE TABLE partly(x UNIQUE); CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x);
        CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE named(code TEXT NOT NULL, x, UNIQUE(code)); ANALYZE",
    );
    let reason = |name: &str| shop.survey.untracked.iter().find(|one| one.name == name).map(|one| one.reason.clone());
    assert_eq!(reason("keyless"), Some(UntrackedReason::NoKey));
    assert_eq!(reason("partly"), Some(UntrackedReason::NoKey), "several records may have NULL");
    assert_eq!(reason("v"), Some(UntrackedReason::View));
    assert_eq!(reason("f"), Some(UntrackedReason::Virtual));
    assert_eq!(reason("f_data"), Some(UntrackedReason::ShadowOfVirtual));
    assert_eq!(reason("sqlite_sequence"), Some(UntrackedReason::Internal));
    let names: Vec<&str> = shop.survey.shapes.iter().map(|shape| shape.name.as_str()).collect();
    assert_eq!(names, ["a", "named"]);
    assert_eq!(shop.shape("named").key, [FieldNo(0)]);
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.survey(&Rules::default()).unwrap(), shop.survey, "what is ours is not listed");
}

#[test]
fn only_tables_that_are_declared_so_never_give_a_number_twice() {
    let shop = plain_shop(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, -- autoincrement is not needed
            x); CREATE TABLE b(id INTEGER PRIMARY KEY, autoincrement_step, \"AUTOINCREMENT\");
        CREATE TABLE \"C c\"(id INTEGER CONSTRAINT own PRIMARY KEY ASC ON CONFLICT ABORT /* never twice */ autoincrement);
        CREATE TABLE d(id INTEGER, x, PRIMARY KEY(id AUTOINCREMENT))",
    );
    for (table, is_so) in [("a", false), ("b", false), ("C c", true), ("d", true)] {
        assert_eq!(shop.ours.is_autoincrement(shop.shape(table)).unwrap(), is_so, "{table}");
    }
    shop.app.execute_batch("DROP TABLE a").unwrap();
    assert!(!shop.ours.is_autoincrement(shop.shape("a")).unwrap());
}

#[test]
fn keys_references_and_unique_sets_are_found() {
    let shop = plain_shop(
        "CREATE TABLE z(id INTEGER PRIMARY KEY, code TEXT UNIQUE); CREATE TABLE b(a, b, PRIMARY KEY(b, a)) WITHOUT ROWID;
        CREATE TABLE a(id INTEGER PRIMARY KEY DESC, z REFERENCES Z ON DELETE CASCADE, x, y, FOREIGN KEY(x, y) REFERENCES b ON DELETE SET NULL);
        CREATE TABLE c1(k TEXT PRIMARY KEY, other REFERENCES c2); CREATE TABLE c2(k TEXT PRIMARY KEY, other REFERENCES c1(k), me REFERENCES c2)",
    );
    let names: Vec<&str> = shop.survey.shapes.iter().map(|shape| shape.name.as_str()).collect();
    assert_eq!(names, ["b", "z", "a", "c1", "c2"]);
    assert!((0..).zip(&shop.survey.shapes).all(|(n, shape)| shape.number == TableNo(n)));
    assert_eq!(shop.shape("b").key, [FieldNo(1), FieldNo(0)]);
    assert_eq!(shop.shape("z").key_kind, KeyKind::Assigned);
    assert_eq!(shop.shape("a").key_kind, KeyKind::Natural, "`INTEGER PRIMARY KEY DESC` is not the rowid");
    assert_eq!(shop.shape("z").uniques.len(), 1);
    assert_eq!(shop.shape("a").uniques, []);
    let of_a: Vec<_> = shop.shape("a").references.iter().map(|one| (one.table.as_str(), one.columns.join("+"), one.on_delete)).collect();
    assert_eq!(of_a, [("z", "id".to_owned(), OnDelete::Cascade), ("b", "b+a".to_owned(), OnDelete::SetNull)]);
}

#[test]
fn a_database_built_from_a_dump_has_the_same_schema() {
    let shop = shop(
        "PRAGMA user_version = 12; PRAGMA application_id = 99; CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x COLLATE NOCASE);
        CREATE UNIQUE INDEX tx ON t(x) WHERE x > 'a'; CREATE VIEW v AS SELECT some FROM nowhere; CREATE VIRTUAL TABLE f USING fts5(x, content='t');
        CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO f(rowid, x) VALUES(NEW.id, NEW.x); END; CREATE TABLE later(k TEXT PRIMARY KEY) WITHOUT ROWID, STRICT;
        INSERT INTO t VALUES(50, 'a'); DELETE FROM t",
    );
    let dump = shop.ours.dump_schema().unwrap();
    assert_eq!(dump.statements.len(), 6, "{:?}", dump.statements);
    assert_eq!(dump.sequences, [("t".to_owned(), 50)].into());
    let json = serde_json::to_string(&dump).unwrap();
    assert_eq!(serde_json::from_str::<SchemaDump>(&json).unwrap(), dump);
    let path = shop.folder.path().join("child.db");
    let child = Database::create(&shop.world, &path, &dump, WAIT).unwrap();
    assert_eq!(child.dump_schema().unwrap(), dump);
    assert_eq!(child.survey(&Rules::default()).unwrap(), shop.survey);
    assert_eq!(child.texts("", "PRAGMA journal_mode").unwrap(), ["wal"]);
    assert!(matches!(Database::create(&shop.world, &path, &dump, WAIT), Err(DatabaseError::Exists(_))));
    child.set_sequences(&[("t".to_owned(), 7), ("later".to_owned(), 7), ("none".to_owned(), 7)].into()).unwrap();
    assert_eq!(child.sequences().unwrap(), dump.sequences);
    child.set_sequences(&[("t".to_owned(), 70)].into()).unwrap();
    assert_eq!(child.sequences().unwrap(), [("t".to_owned(), 70)].into());
}

#[test]
fn a_kill_while_building_leaves_something_that_can_be_built_again() {
    let shop = plain_shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    let dump = SchemaDump { encoding: "UTF-16le".into(), page_size: 1024, ..shop.ours.dump_schema().unwrap() };
    let path = shop.folder.path().join("child.db");
    for step in 1..=2 {
        shop.world.faults().kill_before(Some(step));
        assert!(matches!(Database::create(&shop.world, &path, &dump, WAIT), Err(DatabaseError::Crash(_))), "step {step}");
    }
    shop.world.faults().kill_before(None);
    let child = Database::create(&shop.world, &path, &dump, WAIT).unwrap();
    assert_eq!(child.dump_schema().unwrap(), dump);
    let missing = SchemaDump { statements: vec!["CREATE VIRTUAL TABLE x USING nothing()".into()], ..dump };
    let error = Database::create(&shop.world, &shop.folder.path().join("other.db"), &missing, WAIT).unwrap_err();
    assert!(matches!(error, DatabaseError::Schema { message, .. } if message.contains("nothing")));
}

#[test]
fn a_utf16_database_is_read_and_captured_like_any_other() {
    let shop = shop("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, x)");
    assert_eq!(shop.noted("t", "INSERT INTO t VALUES('grün', '日本')"), said(&["Insert grün"]));
    assert_eq!(shop.row("t", &text("grün")), Some(Row(vec![Value::text("grün"), Value::text("日本")])));
}

#[test]
fn arming_and_leaving_change_nothing_of_the_application() {
    let shop = plain_shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END; CREATE VIEW v AS SELECT * FROM t",
    );
    let before = schema_of(&shop.app);
    assert!(!shop.ours.is_armed().unwrap());
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    shop.app.execute_batch("INSERT INTO t VALUES(1, 2)").unwrap();
    assert_ne!(schema_of(&shop.app), before);
    shop.world.faults().kill_before(Some(1));
    assert!(matches!(shop.ours.detach(&shop.world), Err(DatabaseError::Crash(_))));
    shop.world.faults().kill_before(None);
    shop.ours.rollback().unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), [], "a crash leaves capture whole");
    shop.ours.detach(&shop.world).unwrap();
    assert_eq!(schema_of(&shop.app), before);
    assert!(!shop.ours.is_armed().unwrap());
    shop.ours.detach(&shop.world).unwrap();
    assert_eq!(shop.ours.integrity().unwrap(), Vec::<String>::new());
}

#[test]
fn a_digest_tells_types_apart_and_nothing_else() {
    let one = plain_shop("CREATE TABLE t(k TEXT PRIMARY KEY, a, b); INSERT INTO t VALUES('x', 1, 2), ('y', 3, 4), (NULL, 5, 6)");
    let digest = |shop: &Shop| shop.ours.digest(&shop.survey.shapes[0]).unwrap();
    assert_eq!(digest(&one).records, 2);
    let same = plain_shop("CREATE TABLE t(b, k TEXT PRIMARY KEY, a); INSERT INTO t(k, a, b) VALUES('y', 3, 4), ('x', 1, 2)");
    assert_eq!(digest(&one), digest(&same));
    for other in ["'1'", "1.0", "x'31'", "NULL", "2"] {
        let shop = plain_shop(&format!("CREATE TABLE t(k TEXT PRIMARY KEY, a, b); INSERT INTO t VALUES('x', {other}, 2), ('y', 3, 4)"));
        assert_ne!(digest(&one), digest(&shop), "{other}");
    }
}
