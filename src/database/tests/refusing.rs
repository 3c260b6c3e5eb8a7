//! One record that cannot be written: nothing of it stays, and the rest goes on.

use super::*;

fn values(values: &[Value]) -> Row {
    Row(values.to_vec())
}

impl Shop {
    /// In one write: each record in turn, and what was said of those that were refused.
    fn written(&self, table: &str, rows: &[Row]) -> Vec<(RefusalKind, String)> {
        self.ours.begin_write().unwrap();
        self.ours.silence_application_triggers(&self.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
        let mut refused = Vec::new();
        for row in rows {
            match self.ours.insert(self.shape(table), row).unwrap() {
                Written::Done => {}
                Written::Refused(refusal) => refused.push((refusal.kind, refusal.message)),
                Written::Missing => panic!("an insert misses nothing"),
            }
        }
        self.ours.commit(&self.world).unwrap();
        refused
    }
}

#[test]
fn what_cannot_be_computed_of_a_record_refuses_that_record() {
    for (schema, bad, words) in [
        ("CREATE TABLE t(id TEXT PRIMARY KEY, v); CREATE INDEX i ON t(json_extract(v, '$.a'))", Value::text("oops"), "malformed JSON"),
        ("CREATE TABLE t(id TEXT PRIMARY KEY, v, g AS (json_extract(v, '$.a')) STORED)", Value::text("oops"), "malformed JSON"),
        ("CREATE TABLE t(id TEXT PRIMARY KEY, v, CHECK(abs(v) > 0))", Value::Integer(i64::MIN), "integer overflow"),
        (
            "CREATE TABLE t(id TEXT PRIMARY KEY, v); CREATE TABLE log(id, x);
            CREATE TRIGGER l AFTER INSERT ON t BEGIN INSERT INTO log VALUES(NEW.id, 1); INSERT INTO log VALUES(NEW.id, abs(NEW.v)); END;
            CREATE TRIGGER m AFTER UPDATE ON t BEGIN INSERT INTO log VALUES(NEW.id, 1); INSERT INTO log VALUES(NEW.id, abs(NEW.v)); END",
            Value::Integer(i64::MIN),
            "integer overflow",
        ),
    ] {
        let shop = shop(schema);
        let row = |id: &str, value: &Value| values(&[Value::text(id), value.clone()]);
        let good = Value::text("17");
        let refused = shop.written("t", &[row("a", &good), row("bad", &bad), row("b", &good)]);
        assert_eq!(refused, [(RefusalKind::Other, words.to_owned())], "{schema}");
        assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM (SELECT id FROM t ORDER BY id)"), "a,b", "{schema}");
        // An update is refused as a whole too: its triggers wrote something before one of them failed.
        shop.ours.begin_write().unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
        let updated = shop.ours.update(shop.shape("t"), &text("a"), &[FieldNo(1)], &row("a", &bad)).unwrap();
        assert!(matches!(updated, Written::Refused(Refusal { message, .. }) if message == words), "{schema}");
        shop.ours.commit(&shop.world).unwrap();
        assert_eq!(shop.row("t", &text("a")), Some(row("a", &good)), "{schema}");
        if schema.contains("log") {
            assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM log"), "a,a,b,b");
        }
    }
}

#[test]
fn a_full_text_index_out_of_step_refuses_the_record_and_is_named() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES(1, 'alpha beta');
        CREATE VIRTUAL TABLE \"the f\" USING fts5(v, content='t', content_rowid='id');
        CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO \"the f\"(rowid, v) VALUES(NEW.id, NEW.v); END;
        CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO \"the f\"(\"the f\", rowid, v) VALUES('delete', OLD.id, OLD.v); END",
    );
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    let Written::Refused(refusal) = shop.ours.delete(shop.shape("t"), &number(1)).unwrap() else { panic!("nobody indexed it") };
    assert_eq!(refusal.kind, RefusalKind::Other);
    let words = "`the f` (a full-text index is mended by `INSERT INTO \"the f\"(\"the f\") VALUES('rebuild')`), kept by a trigger, is out of step with \
        the records: ";
    assert!(refusal.message.starts_with(words), "{}", refusal.message);
    assert_eq!(shop.ours.insert(shop.shape("t"), &values(&[Value::Integer(2), Value::text("gamma")])).unwrap(), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM t"), 2);
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM \"the f\" WHERE v MATCH 'gamma'"), 1);
    // What the words say does mend it.
    shop.app.execute_batch("INSERT INTO \"the f\"(\"the f\") VALUES('rebuild')").unwrap();
    shop.ours.begin_write().unwrap();
    assert_eq!(shop.ours.delete(shop.shape("t"), &number(1)).unwrap(), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
}

const VIEWS: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE total(k TEXT PRIMARY KEY, n); CREATE TABLE log(x);
    INSERT INTO total VALUES('all', 0); CREATE VIEW v AS SELECT k, n FROM total; CREATE VIEW w AS SELECT k, n FROM v;";

#[test]
fn a_trigger_that_writes_through_a_view_is_judged_by_what_the_view_writes() {
    for (event, write) in [
        ("UPDATE OF n", "UPDATE v SET n = n + 1 WHERE k = 'all'"),
        ("DELETE", "DELETE FROM v WHERE k = 'all'"),
        ("INSERT", "INSERT INTO v VALUES('all', 1)"),
    ] {
        for (does, total, log) in [
            ("UPDATE total SET n = n + 1", 0, 0),
            ("INSERT INTO log VALUES('seen')", 0, 1),
            ("UPDATE total SET n = n + 1; INSERT INTO log VALUES('seen')", 0, 1),
        ] {
            let shop = shop(&format!(
                "{VIEWS} CREATE TRIGGER \"on insert\" INSTEAD OF {event} ON v BEGIN {does}; END;
                CREATE TRIGGER chain INSTEAD OF {event} ON w BEGIN {write}; END;
                CREATE TRIGGER tr AFTER INSERT ON t BEGIN {}; END;
                CREATE TRIGGER also AFTER INSERT ON t BEGIN {}; INSERT INTO log VALUES('also'); END",
                write.replace(" v", " w"),
                write.replace(" v", " w"),
            ));
            assert_eq!(shop.written("t", &[values(&[Value::Integer(1)])]), [], "{event}: {does}");
            assert_eq!(shop.asked::<i64>("SELECT sum(n) FROM total"), total, "{event}: {does}");
            assert_eq!(shop.asked::<i64>("SELECT count(*) FROM log WHERE x = 'seen'"), 2 * log, "{event}: {does}");
            assert_eq!(shop.asked::<i64>("SELECT count(*) FROM log WHERE x = 'also'"), 1, "{event}: {does}");
            let plans = shop.ours.trigger_plan(&shop.survey.shapes, &Rules::default()).unwrap();
            let plan = plans.iter().find(|plan| plan.name == "tr").unwrap();
            assert!(!plan.writes.contains(&"w".to_owned()), "{:?}", plan.writes);
            assert_eq!(plan.runs, log == 1, "{event}: {does}");
        }
    }
}

#[test]
fn a_trigger_that_keeps_something_local_and_raises_an_error_only_keeps() {
    for raise in ["ROLLBACK, 'too much'", "FAIL, 'too much'", "ABORT, 'too much'", "IGNORE"] {
        for when in ["BEFORE", "AFTER"] {
            let shop = shop(&format!(
                "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE log(x);
                CREATE TRIGGER g {when} INSERT ON t BEGIN INSERT INTO log VALUES(NEW.id); SELECT RAISE({raise}) WHERE NEW.x > 9; END"
            ));
            let row = |id, x| values(&[Value::Integer(id), Value::Integer(x)]);
            assert_eq!(shop.written("t", &[row(1, 1), row(2, 10), row(3, 2)]), [], "{raise} {when}: it passed where it was made");
            assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM t"), "1,2,3");
            assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM log"), "1,2,3");
        }
    }
}

#[test]
fn whatever_a_trigger_that_runs_raises_refuses_the_record_alone() {
    for (raise, words) in [
        ("ROLLBACK, 'too much'", "too much"),
        ("FAIL, 'too much'", "too much"),
        ("ABORT, 'too much'", "too much"),
        ("IGNORE", "trigger `g` leaves the record out"),
    ] {
        for when in ["BEFORE", "AFTER"] {
            // Here the error cannot be taken out of what keeps the log.
            let shop = shop(&format!(
                "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE log(x);
                CREATE TRIGGER g {when} INSERT ON t BEGIN INSERT INTO log VALUES(0); INSERT INTO log VALUES(CASE WHEN NEW.x > 9 THEN RAISE({raise}) ELSE NEW.id END); END"
            ));
            let row = |id, x| values(&[Value::Integer(id), Value::Integer(x)]);
            let refused = shop.written("t", &[row(1, 1), row(2, 10), row(3, 2)]);
            if raise == "IGNORE" && when == "AFTER" {
                // Nothing is left out but the rest of the trigger.
                assert_eq!(refused, []);
                assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM t"), "1,2,3");
                assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM log"), "0,1,0,0,3");
                assert_eq!(shop.notes_after("t", 0), said(&["Insert 1", "Insert 2", "Insert 3"]));
                continue;
            }
            assert_eq!(refused, [(RefusalKind::Trigger, words.to_owned())], "{raise} {when}");
            assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM t"), "1,3", "{raise} {when}");
            assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM log"), "0,1,0,3", "{raise} {when}");
            assert_eq!(shop.notes_after("t", 0), said(&["Insert 1", "Insert 3"]), "{raise} {when}");
        }
    }
}

#[test]
fn whatever_a_conflict_in_a_local_table_does_a_refused_delete_is_none() {
    for (table, insert) in [("x UNIQUE", "INSERT OR ROLLBACK"), ("x UNIQUE", "INSERT OR FAIL"), ("x UNIQUE ON CONFLICT FAIL", "INSERT")] {
        let shop = shop(&format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1), (2); CREATE TABLE log({table}); INSERT INTO log VALUES(2);
            CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO log VALUES(-OLD.id); {insert} INTO log VALUES(OLD.id); END"
        ));
        shop.ours.begin_write().unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
        assert_eq!(shop.ours.delete(shop.shape("t"), &number(1)).unwrap(), Written::Done);
        let refused = shop.ours.delete(shop.shape("t"), &number(2)).unwrap();
        assert!(matches!(refused, Written::Refused(Refusal { kind: RefusalKind::Unique, .. })), "{insert}: {refused:?}");
        shop.ours.commit(&shop.world).unwrap();
        assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM t"), "2", "{insert} into {table}");
        assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM (SELECT x FROM log ORDER BY x)"), "-1,1,2", "{insert} into {table}");
    }
}

#[test]
fn a_view_that_the_rules_keep_still_takes_what_is_written_to_it_and_does_nothing() {
    for (event, write) in
        [("UPDATE OF n", "UPDATE v SET n = 1 WHERE k = 'all'"), ("DELETE", "DELETE FROM v"), ("INSERT", "INSERT INTO v VALUES('x', 1)")]
    {
        let shop = shop(&format!(
            "{VIEWS} CREATE TRIGGER through INSTEAD OF {event} ON v BEGIN INSERT INTO log VALUES('seen'); END;
            CREATE TRIGGER tr AFTER INSERT ON t BEGIN {write}; INSERT INTO log VALUES('also'); END"
        ));
        let rules = Rules::parse("[triggers]\nthrough = 'still'\n").unwrap();
        shop.ours.begin_write().unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &rules, Capture::Notes).unwrap();
        assert_eq!(shop.ours.insert(shop.shape("t"), &values(&[Value::Integer(1)])).unwrap(), Written::Done, "{event}");
        shop.ours.commit(&shop.world).unwrap();
        assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM log"), "also", "{event}");
    }
}

#[test]
fn a_local_table_that_leaves_rows_out_goes_on_doing_so() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE seen(x, n);
        CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO seen VALUES(NEW.x, 1); END;
        CREATE TRIGGER once BEFORE INSERT ON seen WHEN EXISTS (SELECT 1 FROM seen WHERE x = NEW.x)
            BEGIN UPDATE seen SET n = n + 1 WHERE x = NEW.x; SELECT RAISE(IGNORE); END",
    );
    assert_eq!(shop.written("t", &[values(&[Value::Integer(1), Value::Integer(5)]), values(&[Value::Integer(2), Value::Integer(5)])]), []);
    assert_eq!(shop.asked::<String>("SELECT group_concat(x || ':' || n) FROM seen"), "5:2");
}

/// What each write of an event makes of three records: an ordinary one, one that is hidden, and one that an error would have refused.
fn early(event: &str, body: &str) -> Shop {
    let shop = shop(&format!(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x, hidden); CREATE TABLE found(x); CREATE TABLE total(k INTEGER PRIMARY KEY, n);
        INSERT INTO total VALUES(1, 0); INSERT INTO t SELECT value, 0, value = 2 FROM json_each('[1, 2, 3]') WHERE '{event}' <> 'INSERT';
        CREATE TRIGGER g AFTER {event} ON t BEGIN {body}; END"
    ));
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    let t = shop.shape("t");
    for id in 1..=3 {
        let row = values(&[Value::Integer(id), Value::Integer(if id == 3 { 10 } else { 1 }), Value::Integer((id == 2).into())]);
        let written = match event {
            "INSERT" => shop.ours.insert(t, &row),
            "UPDATE" => shop.ours.update(t, &number(id), &[FieldNo(1)], &row),
            _ => shop.ours.delete(t, &number(id)),
        };
        assert_eq!(written.unwrap(), Written::Done, "{event} {id}: {body}");
    }
    shop.ours.commit(&shop.world).unwrap();
    shop
}

#[test]
fn a_trigger_that_returns_early_once_the_record_is_written_does_so_here() {
    for (event, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
        for returns in [
            "SELECT RAISE(IGNORE) WHERE row.hidden",
            "SELECT CASE WHEN row.hidden THEN RAISE(IGNORE) END",
            "SELECT CASE WHEN row.x > 9 THEN RAISE(ROLLBACK, 'too (much') WHEN row.hidden THEN RAISE(IGNORE) END",
            "SELECT RAISE(ABORT, 'too much') WHERE row.x > 9; SELECT RAISE(IGNORE) WHERE row.hidden",
            "UPDATE total SET n = n + 1; SELECT RAISE(IGNORE) WHERE row.hidden",
            "INSERT INTO found SELECT CASE WHEN row.hidden THEN RAISE(IGNORE) END WHERE row.hidden",
        ] {
            let shop = early(event, &format!("{returns}; INSERT INTO found VALUES(row.id)").replace("row.", &format!("{row}.")));
            assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM found"), "1,3", "{event}: {returns}");
            assert_eq!(shop.asked::<i64>("SELECT n FROM total"), 0, "it arrives by itself");
            let records = "SELECT coalesce(group_concat(id || ':' || x), '') FROM t";
            assert_eq!(shop.asked::<String>(records), if event == "DELETE" { "" } else { "1:1,2:1,3:10" }, "{event}: {returns}");
            let noted = ["1", "2", "3"].map(|id| format!("{}{} {id}", &event[..1], event[1..].to_ascii_lowercase()));
            assert_eq!(shop.notes_after("t", 0), noted.into(), "{event}: {returns}");
        }
    }
    // Where it cannot be told apart from what arrives by itself, nothing is kept that the application would not keep.
    let shop =
        early("INSERT", "UPDATE total SET n = CASE WHEN NEW.hidden THEN RAISE(IGNORE) ELSE n + 1 END; INSERT INTO found VALUES(NEW.id)");
    assert_eq!(shop.asked::<i64>("SELECT (SELECT count(*) FROM found) + n FROM total"), 0);
}

#[test]
fn a_trigger_of_a_view_or_of_a_local_table_returns_early_as_it_does_for_the_application() {
    for on in ["INSTEAD OF INSERT ON through", "BEFORE INSERT ON kept"] {
        let shop = shop(&format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE kept(x); CREATE TABLE total(k INTEGER PRIMARY KEY, n);
            INSERT INTO total VALUES(1, 0); CREATE VIEW through AS SELECT x FROM kept; CREATE TABLE seen(x);
            CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO {} VALUES(NEW.x); END;
            CREATE TRIGGER g {on} BEGIN UPDATE total SET n = n + 1; SELECT RAISE(IGNORE) WHERE NEW.x > 9; INSERT INTO seen VALUES(NEW.x); END",
            on.rsplit(' ').next().unwrap()
        ));
        let row = |id, x| values(&[Value::Integer(id), Value::Integer(x)]);
        assert_eq!(shop.written("t", &[row(1, 1), row(2, 10), row(3, 2)]), [], "{on}");
        assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM seen"), "1,2", "{on}");
        if on.ends_with("kept") {
            assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM kept"), "1,2", "the row that it leaves out");
        }
    }
}
