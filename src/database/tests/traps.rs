//! The traps of DESIGN section 3: whatever the application does, the keys of all changed records are noted.

use super::*;
use crate::model::{KeyError, Millis};

#[test]
fn the_four_plain_things_are_noted_with_key_kind_and_time() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    assert_eq!(shop.noted("t", "INSERT INTO t(x) VALUES('a'), ('b')"), said(&["Insert 1", "Insert 2"]));
    assert_eq!(shop.noted("t", "UPDATE t SET x = 1 WHERE id = 2"), said(&["Update 2"]));
    assert_eq!(shop.noted("t", "UPDATE t SET id = 9 WHERE id = 2"), said(&["Insert 9", "Delete 2"]));
    assert_eq!(shop.noted("t", "DELETE FROM t"), said(&["Delete 1", "Delete 9"]));
    let now = shop.world.now();
    let asked_for_the_time: Vec<bool> = shop
        .ours
        .notes(shop.shape("t"), 0, 9)
        .unwrap()
        .iter()
        .map(|note| {
            assert!(note.time.is_none_or(|time| (now.0 - time.0).abs() < 10_000), "{note:?}");
            note.time.is_some()
        })
        .collect();
    assert_eq!(asked_for_the_time, [true, true, true, true, true, false, false], "what a record's end would cost");
}

#[test]
fn the_time_is_noted_to_the_millisecond() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    let now = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let clock = now.clone();
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8 | rusqlite::functions::FunctionFlags::SQLITE_INNOCUOUS;
    // As SQLite makes it of its own milliseconds.
    let day = move |_: &rusqlite::functions::Context<'_>| {
        Ok((clock.load(std::sync::atomic::Ordering::Relaxed) + 210_866_760_000_000) as f64 / 864e5)
    };
    shop.app.create_scalar_function("julianday", 0, flags, day).unwrap();
    for time in (0..500).map(|n| n * 3_590_676_587).chain(1_795_338_294_000..1_795_338_294_500) {
        now.store(time, std::sync::atomic::Ordering::Relaxed);
        shop.app.execute_batch("INSERT INTO t(x) VALUES(0)").unwrap();
        let last = shop.ours.last_note(shop.shape("t")).unwrap();
        let noted = shop.ours.notes(shop.shape("t"), last - 1, 1).unwrap()[0].time;
        assert_eq!(noted, (time != 0).then_some(Millis(time)));
    }
}

#[test]
fn a_log_of_an_earlier_version_is_made_anew_with_its_notes() {
    let shop = shop("CREATE TABLE t(a, b TEXT, x, PRIMARY KEY(a, b)); INSERT INTO t VALUES(1, 'c', 0)");
    shop.app
        .execute_batch(
            "DROP TABLE _fieldpost_log_t; CREATE TABLE \"_fieldpost_log_t\"(n INTEGER PRIMARY KEY, kind, time, k0, k1, o0, o1);
            INSERT INTO _fieldpost_log_t VALUES(7, 0, 0, NULL, NULL, NULL, NULL), (8, 2, julianday('2026-11-22 09:04:54.123'), 1, 'c', NULL, NULL),
            (9, 1, julianday('2026-11-22 09:04:54.124'), 2.5, x'00', 1, 'c'), (10, 3, julianday('2026-11-22 09:04:54.125'), 2.5, x'00', NULL, NULL);
            DROP TRIGGER _fieldpost_i_t; DROP TRIGGER _fieldpost_u_t; DROP TRIGGER _fieldpost_d_t;
            CREATE TRIGGER _fieldpost_d_t AFTER DELETE ON t BEGIN INSERT INTO _fieldpost_log_t(kind,time,k0,k1) VALUES(3,julianday(),OLD.a,OLD.b); END",
        )
        .unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap().len(), 1);
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), []);
    let notes = shop.ours.notes(shop.shape("t"), 0, 9).unwrap();
    let noted: Vec<(i64, NoteKind, i64)> =
        notes.iter().map(|note| (note.number, note.kind, note.time.unwrap().0 - 1_795_338_294_000)).collect();
    assert_eq!(noted, [(8, NoteKind::Update, 123), (9, NoteKind::Delete, 124), (9, NoteKind::Insert, 124), (10, NoteKind::Delete, 125)]);
    assert_eq!(notes[2].key, Ok(key(&[Value::Real(2.5), Value::Blob([0].into())])));
    assert_eq!(shop.ours.traces().unwrap().1, 5, "nothing is left aside");
    // The application has not looked at the schema since.
    shop.app.execute_batch("DELETE FROM t").unwrap();
    assert_eq!(shop.notes_after("t", 10), said(&["Delete 1/c"]));
}

#[test]
fn set_rowid_moves_a_record_and_is_noted() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES(1, 'a')");
    assert_eq!(shop.noted("t", "UPDATE t SET rowid = 5"), said(&["Insert 5", "Delete 1"]));
    assert_eq!(shop.noted("t", "UPDATE t SET _rowid_ = 6"), said(&["Insert 6", "Delete 5"]));
    assert_eq!(shop.noted("t", "UPDATE t SET oid = 6"), said(&["Update 6"]));
}

#[test]
fn replace_notes_who_was_displaced_through_a_unique_index() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT COLLATE NOCASE UNIQUE, v, w, UNIQUE(v, w));
        INSERT INTO t VALUES(1, 'a', 1, 1), (2, 'b', 2, 2), (-1, 'c', 3, 3), (4, 'd', NULL, 4)",
    );
    assert_eq!(shop.noted("t", "INSERT OR REPLACE INTO t VALUES(9, 'A', 2, 2)"), said(&["Displaced 1", "Displaced 2", "Insert 9"]));
    // A handed-out key reads as -1 before the insert, and here is a record of that key.
    assert_eq!(shop.noted("t", "REPLACE INTO t(u) VALUES('C')"), said(&["Displaced -1", "Insert 10"]));
    assert_eq!(shop.noted("t", "UPDATE OR REPLACE t SET u = 'D' WHERE id = 9"), said(&["Displaced 4", "Update 9"]));
    assert_eq!(shop.noted("t", "UPDATE t SET u = 'd' WHERE id = 9"), said(&["Update 9"]));
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM t"), 2);
    assert!(!shop.ours.needs_counting(shop.shape("t")).unwrap());
}

#[test]
fn a_plain_update_of_other_columns_notes_nobody_as_displaced() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, x); INSERT INTO t VALUES(1, 'a', 0), (2, 'b', 0)");
    assert_eq!(shop.noted("t", "UPDATE t SET x = 1, u = u"), said(&["Update 1", "Update 2"]));
}

#[test]
fn a_key_that_ignores_case_is_another_key_when_its_case_changes() {
    let shop = shop("CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, x); INSERT INTO t VALUES('abc', 1), ('def', 2)");
    assert_eq!(shop.noted("t", "UPDATE t SET k = 'ABC' WHERE k = 'abc'"), said(&["Insert ABC", "Delete abc"]));
    assert_eq!(shop.noted("t", "INSERT OR REPLACE INTO t VALUES('Abc', 3)"), said(&["Displaced ABC", "Insert Abc"]));
    assert_eq!(shop.noted("t", "UPDATE OR REPLACE t SET k = 'DeF' WHERE k = 'abc'"), said(&["Displaced def", "Insert DeF", "Delete Abc"]));
    assert_eq!(shop.row("t", &text("def")), None);
    assert_eq!(shop.row("t", &text("DeF")), Some(Row(vec![Value::text("DeF"), Value::Integer(3)])));
}

#[test]
fn upsert_and_insert_or_ignore_work_as_without_us() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, x); INSERT INTO t VALUES(1, 'a', 0)");
    let notes = shop.noted("t", "INSERT INTO t VALUES(1, 'b', 5) ON CONFLICT(id) DO UPDATE SET x = excluded.x");
    assert_eq!(notes, said(&["Update 1"]));
    let notes = shop.noted("t", "INSERT INTO t VALUES(7, 'a', 6) ON CONFLICT(u) DO UPDATE SET x = excluded.x, u = 'z'");
    assert_eq!(notes, said(&["Displaced 1", "Update 1"]));
    assert_eq!(shop.noted("t", "INSERT OR IGNORE INTO t VALUES(1, 'q', 0)"), said(&[]));
    assert_eq!(shop.noted("t", "INSERT OR IGNORE INTO t VALUES(3, 'n', 0)"), said(&["Insert 3"]));
    assert_eq!(shop.asked::<String>("SELECT group_concat(id || u || x) FROM t"), "1z6,3n0");
    assert!(shop.app.execute_batch("INSERT INTO t VALUES(1, 'q', 0)").is_err());
}

#[test]
fn cascades_are_noted_in_the_children() {
    let shop = shop(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE);
        CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
        CREATE TABLE n(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE SET NULL);
        INSERT INTO p VALUES(1, 'a'), (2, 'b'); INSERT INTO c VALUES(10, 1), (11, 2); INSERT INTO n VALUES(20, 1), (21, 2)",
    );
    assert_eq!(shop.noted("c", "DELETE FROM p WHERE id = 1"), said(&["Delete 10"]));
    assert!(shop.notes_after("n", 0).contains("Update 20"));
    assert_eq!(shop.noted("c", "DELETE FROM n; UPDATE p SET id = 3"), said(&["Update 11"]));
    // A displaced parent takes its children along.
    assert_eq!(shop.noted("c", "REPLACE INTO p VALUES(8, 'b')"), said(&["Delete 11"]));
}

#[test]
fn a_composite_key_that_loses_or_gains_an_empty_value_moves() {
    let shop = shop("CREATE TABLE t(a, b, PRIMARY KEY(a, b)); INSERT INTO t VALUES(NULL, 1), ('x', 1)");
    let nobody = "Delete an empty value in the key";
    assert_eq!(shop.noted("t", "UPDATE t SET a = 'y', b = 2 WHERE a IS NULL"), said(&[nobody, "Insert y/2"]));
    assert_eq!(shop.noted("t", "UPDATE t SET a = NULL WHERE a = 'x'"), said(&["Delete x/1", "Insert an empty value in the key"]));
}

#[test]
fn composite_keys_without_rowid() {
    let shop = shop(
        "CREATE TABLE t(a TEXT, b INTEGER, u TEXT, PRIMARY KEY(a, b), UNIQUE(u)) WITHOUT ROWID;
        INSERT INTO t VALUES('x', 1, 'p'), ('x', 2, 'q')",
    );
    assert_eq!(shop.noted("t", "UPDATE t SET b = 3 WHERE b = 2"), said(&["Insert x/3", "Delete x/2"]));
    assert_eq!(shop.noted("t", "REPLACE INTO t VALUES('y', 1, 'p')"), said(&["Displaced x/1", "Insert y/1"]));
    assert_eq!(shop.noted("t", "REPLACE INTO t VALUES('y', 1, 'p')"), said(&["Insert y/1"]));
    assert!(shop.shape("t").without_rowid);
}

#[test]
fn several_empty_values_in_a_text_key_are_noted_as_nobodys() {
    let shop = shop("CREATE TABLE t(k TEXT PRIMARY KEY, x); INSERT INTO t VALUES(NULL, 1), (NULL, 2), ('a', 3)");
    assert_eq!(shop.noted("t", "UPDATE t SET x = 5 WHERE k IS NULL"), said(&["Update an empty value in the key"]));
    assert_eq!(shop.ours.notes(shop.shape("t"), 0, 1).unwrap()[0].key, Err(KeyError::Null));
    assert_eq!(shop.noted("t", "UPDATE t SET k = 'b' WHERE rowid = 1"), said(&["Insert b"]), "who was nobody has not gone");
    assert_eq!((shop.ours.count(shop.shape("t")).unwrap(), shop.ours.keyless(shop.shape("t")).unwrap()), (2, 1));
    assert_eq!(shop.survey.warnings, [Warning::Keyless { table: "t".into(), count: 2 }]);
}

#[test]
fn generated_columns_are_no_fields_and_need_counting_where_unique() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, v GENERATED ALWAYS AS (a + 1) VIRTUAL, s AS (a * 2) STORED UNIQUE, z);
        INSERT INTO t(id, a, z) VALUES(1, 10, 0), (2, 20, 0)",
    );
    let names: Vec<&str> = shop.shape("t").fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["id", "a", "z"]);
    assert_eq!(shop.noted("t", "UPDATE t SET a = 30 WHERE id = 1"), said(&["Update 1"]));
    assert_eq!(shop.row("t", &number(1)), Some(Row(vec![Value::Integer(1), Value::Integer(30), Value::Integer(0)])));
    assert!(shop.ours.needs_counting(shop.shape("t")).unwrap());
}

#[test]
fn unique_indexes_over_expressions_parts_and_defaults_need_counting() {
    let shop = shop(
        "CREATE TABLE e(id INTEGER PRIMARY KEY, x); CREATE UNIQUE INDEX ex ON e(lower(x));
        CREATE TABLE p(id INTEGER PRIMARY KEY, x, gone); CREATE UNIQUE INDEX px ON p(x) WHERE gone IS NULL;
        CREATE TABLE d(id INTEGER PRIMARY KEY, x TEXT NOT NULL DEFAULT 'd' UNIQUE);
        CREATE TABLE ok(id INTEGER PRIMARY KEY, x UNIQUE, y, UNIQUE(id, y)); CREATE UNIQUE INDEX okp ON ok(id) WHERE y = 1",
    );
    let counted = |table: &str| shop.ours.needs_counting(shop.shape(table)).unwrap();
    assert_eq!(["e", "p", "d", "ok"].map(counted), [true, true, true, false]);
    assert_eq!(shop.shape("p").uniques, []);
    shop.app.execute_batch("INSERT INTO e VALUES(1, 'a'); REPLACE INTO e VALUES(2, 'A')").unwrap();
    assert_eq!(shop.ours.count(shop.shape("e")).unwrap(), 1);
}

#[test]
fn names_with_quotes_spaces_and_keywords() {
    let shop = shop(
        r#"CREATE TABLE "a ""b"" 'c'"("sel""ect" TEXT PRIMARY KEY, "group by" UNIQUE, "x'y");
        INSERT INTO "a ""b"" 'c'" VALUES('k', 1, 2)"#,
    );
    let table = "a \"b\" 'c'";
    assert_eq!(shop.noted(table, r#"UPDATE "a ""b"" 'c'" SET "x'y" = 3"#), said(&["Update k"]));
    assert_eq!(shop.noted(table, r#"REPLACE INTO "a ""b"" 'c'" VALUES('l', 1, 2)"#), said(&["Displaced k", "Insert l"]));
    assert_eq!(shop.row(table, &text("l")), Some(Row(vec![Value::text("l"), Value::Integer(1), Value::Integer(2)])));
    let refused = shop.ours.insert(shop.shape(table), &Row(vec![Value::text("m"), Value::Integer(1)])).unwrap();
    assert!(matches!(refused, Written::Refused(Refusal { kind: RefusalKind::Unique, fields, .. }) if fields == [FieldNo(1)]));
}

#[test]
fn recursive_triggers_of_the_application_note_displaced_records_as_deleted_too() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO t VALUES(1, 'a')");
    let notes = shop.noted("t", "PRAGMA recursive_triggers = ON; REPLACE INTO t VALUES(2, 'a')");
    assert_eq!(notes, said(&["Displaced 1", "Delete 1", "Insert 2"]));
}

#[test]
fn what_the_applications_own_triggers_change_is_noted() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE s(k TEXT PRIMARY KEY, n);
        CREATE TRIGGER x BEFORE INSERT ON t BEGIN UPDATE t SET u = NEW.u WHERE id = 1; INSERT OR REPLACE INTO s VALUES('n', 1); END;
        INSERT INTO t VALUES(1, 'a')",
    );
    let notes = shop.noted("t", "REPLACE INTO t VALUES(5, 'z')");
    assert!(notes.is_superset(&said(&["Update 1", "Insert 5"])), "{notes:?}");
    assert_eq!(shop.asked::<String>("SELECT group_concat(id || u) FROM t"), "5z");
    assert_eq!(shop.notes_after("s", 0), said(&["Insert n"]));
}

#[test]
fn one_and_one_point_zero_are_one_key() {
    let shop = shop("CREATE TABLE t(k BLOB PRIMARY KEY, x); INSERT INTO t VALUES(1, 'a')");
    assert_eq!(shop.noted("t", "UPDATE t SET k = 1.0"), said(&["Update 1"]));
    assert_eq!(shop.noted("t", "UPDATE t SET k = '1'"), said(&["Insert 1", "Delete 1"]));
    assert_eq!(shop.noted("t", "UPDATE t SET k = x'31'"), said(&["Insert x'31'", "Delete 1"]));
    assert_eq!((shop.row("t", &number(1)), shop.row("t", &text("1"))), (None, None));
}

#[test]
fn a_log_keeps_its_highest_number_when_trimmed() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    shop.app.execute_batch("INSERT INTO t VALUES(1), (2), (3)").unwrap();
    shop.ours.trim(shop.shape("t"), 3).unwrap();
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM _fieldpost_log_t"), 1);
    shop.app.execute_batch("INSERT INTO t VALUES(4)").unwrap();
    let numbers: Vec<i64> = shop.ours.notes(shop.shape("t"), 3, 10).unwrap().iter().map(|note| note.number).collect();
    assert_eq!(numbers, [4]);
    shop.ours.raise_log(shop.shape("t"), 100).unwrap();
    shop.app.execute_batch("INSERT INTO t VALUES(5)").unwrap();
    let numbers: Vec<i64> = shop.ours.notes(shop.shape("t"), 4, 10).unwrap().iter().map(|note| note.number).collect();
    assert_eq!(numbers, [101]);
}

#[test]
fn a_note_of_an_integer_or_a_text_of_twelve_letters_takes_at_most_30_bytes() {
    for (kind, key) in [("INTEGER", "i"), ("TEXT", "'C6UJ9A' || substr(i, -6)")] {
        let shop = shop(&format!("CREATE TABLE t(id {kind} PRIMARY KEY, x)"));
        shop.app.execute_batch("INSERT INTO _fieldpost_log_t(n) VALUES(1000000)").unwrap();
        shop.app
            .execute_batch(&format!(
                "WITH RECURSIVE n(i) AS (SELECT 1000000 UNION ALL SELECT i + 1 FROM n WHERE i < 1009999) INSERT INTO t SELECT {key}, 0 FROM n;
                DELETE FROM _fieldpost_log_t; INSERT INTO _fieldpost_log_t(n) VALUES(1000000); UPDATE t SET x = 1"
            ))
            .unwrap();
        let bytes: i64 = shop.asked("SELECT sum(pgsize) FROM dbstat WHERE name = '_fieldpost_log_t'");
        assert!(bytes <= 30 * 10_000, "{kind}: {bytes}");
    }
}

#[test]
fn a_table_remade_by_a_migration_is_disarmed_and_its_log_goes_on() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x, y); CREATE TABLE u(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1, 2, 3)");
    shop.app.execute_batch("UPDATE t SET x = 5; CREATE TABLE t2(id INTEGER PRIMARY KEY, x, z); INSERT INTO t2 SELECT id, x, y FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t").unwrap();
    assert!(matches!(shop.row_error("t"), DatabaseError::ShapeMoved { .. }));
    let shapes = shop.ours.survey(&Rules::default()).unwrap().shapes;
    let number = shapes.iter().find(|shape| shape.name == "t").unwrap().number;
    assert_eq!(shop.ours.disarmed(&shapes).unwrap(), [number]);
    shop.ours.arm(&shop.world, &shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.disarmed(&shapes).unwrap(), []);
    assert_eq!(shop.noted("t", "UPDATE t SET z = 1"), said(&["Update 1"]));
    assert_eq!(shop.notes_after("t", 0).len(), 1, "the same note twice: {:?}", shop.ours.notes(shop.shape("t"), 0, 9));
    assert_eq!(shop.ours.last_note(shop.shape("t")).unwrap(), 2);
}

impl Shop {
    fn row_error(&self, table: &str) -> DatabaseError {
        self.ours.begin_read().unwrap();
        let error = self.ours.read(self.shape(table), &number(1), &mut Vec::new()).unwrap_err();
        self.ours.end_read().unwrap();
        error
    }
}

#[test]
fn other_columns_can_be_added_dropped_and_renamed_without_touching_capture() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x, y, u UNIQUE); INSERT INTO t VALUES(1, 2, 3, 4)");
    shop.app.execute_batch("ALTER TABLE t ADD COLUMN z; ALTER TABLE t DROP COLUMN x; ALTER TABLE t RENAME COLUMN y TO yy").unwrap();
    let shapes = shop.ours.survey(&Rules::default()).unwrap().shapes;
    assert_eq!(shop.ours.disarmed(&shapes).unwrap(), []);
    assert_eq!(shop.noted("t", "UPDATE t SET z = 1"), said(&["Update 1"]));
}

#[test]
fn a_renamed_table_a_new_unique_index_and_another_key_disarm_and_a_new_key_goes_on_with_the_numbers() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT NOT NULL); INSERT INTO t VALUES(1, 'a')");
    let rearmed = |sql: &str| {
        shop.app.execute_batch(sql).unwrap();
        let shapes = shop.ours.survey(&Rules::default()).unwrap().shapes;
        assert_eq!(shop.ours.disarmed(&shapes).unwrap().len(), 1, "{sql}");
        shop.ours.arm(&shop.world, &shapes, &PAIR).unwrap();
        assert_eq!(shop.ours.disarmed(&shapes).unwrap(), []);
        shapes
    };
    rearmed("CREATE UNIQUE INDEX tx ON t(x)");
    // SQLite rewrites our triggers for the new name exactly as we would write them.
    shop.app.execute_batch("ALTER TABLE t RENAME COLUMN id TO number").unwrap();
    assert_eq!(shop.ours.disarmed(&shop.ours.survey(&Rules::default()).unwrap().shapes).unwrap(), []);
    let before: i64 = {
        shop.app.execute_batch("UPDATE t SET x = 'b'").unwrap();
        shop.asked("SELECT max(n) FROM _fieldpost_log_t")
    };
    let shapes = rearmed(
        "CREATE TABLE n(x TEXT, y, PRIMARY KEY(x, y)); INSERT INTO n SELECT x, number FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t",
    );
    assert_eq!(shop.ours.last_note(&shapes[0]).unwrap(), before);
    assert_eq!(shop.ours.notes(&shapes[0], 0, 9).unwrap(), []);
    let shapes = rearmed("ALTER TABLE t RENAME TO other");
    assert_eq!(shapes[0].name, "other");
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%log_t'"), 0);
}

#[test]
fn a_missing_or_altered_trigger_disarms() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(id INTEGER PRIMARY KEY)");
    shop.app.execute_batch("DROP TRIGGER _fieldpost_d_t").unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), [shop.shape("t").number]);
    shop.app.execute_batch("CREATE TRIGGER _fieldpost_d_t AFTER DELETE ON t BEGIN SELECT 1; END").unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), [shop.shape("t").number]);
    shop.app.execute_batch("DROP TABLE _fieldpost_log_u").unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap().len(), 2);
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.disarmed(&shop.survey.shapes).unwrap(), []);
    let version = shop.ours.schema_version().unwrap();
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert_eq!(shop.ours.schema_version().unwrap(), version, "arming twice changes nothing");
}

#[test]
fn a_newer_trigger_of_the_application_that_ends_a_statement_early_hides_nothing_from_the_next_arming_on() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(id INTEGER PRIMARY KEY, x)");
    let hides = "CREATE TRIGGER leaves AFTER INSERT ON T WHEN NEW.x > 100 BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER fails AFTER UPDATE ON t WHEN NEW.x > 100 BEGIN SELECT RAISE(FAIL, 'dear'); END";
    shop.app.execute_batch(hides).unwrap();
    assert_eq!(shop.noted("t", "INSERT INTO t(x) VALUES(500)"), said(&[]), "SQLite runs the newest trigger first");
    assert_eq!(shop.ours.overtaken().unwrap(), ["t".to_owned()].into());
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    assert!(shop.ours.overtaken().unwrap().is_empty());
    assert_eq!(shop.noted("t", "INSERT INTO t(x) VALUES(500)"), said(&["Insert 2"]));
    let before = shop.ours.last_note(shop.shape("t")).unwrap();
    shop.app.execute_batch("UPDATE t SET x = 600 WHERE id = 2").unwrap_err();
    assert_eq!(shop.asked::<i64>("SELECT x FROM t WHERE id = 2"), 600);
    assert_eq!(shop.notes_after("t", before), said(&["Update 2"]));
}
