//! Writing records, following references, the commit point, and the application's triggers meanwhile.

use super::*;
use crate::model::{JournalNumber, PacketNumber, Rope, SiteName, StreamId};

fn row(values: &[Value]) -> Row {
    Row(values.to_vec())
}

#[test]
fn values_survive_exactly() {
    let shop = shop("CREATE TABLE t(k BLOB PRIMARY KEY, v)");
    let odd = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(1.0),
        Value::Real(-0.0),
        Value::Real(f64::INFINITY),
        Value::text("1"),
        Value::Text(b"a\0b".as_slice().into()),
        Value::Text([0xff, 0xfe, 0x41].into()),
        Value::Blob([].into()),
        Value::Blob(b"1".as_slice().into()),
    ];
    for (n, value) in (1..).zip(odd) {
        let record = row(&[Value::Integer(n), value]);
        assert_eq!(shop.ours.insert(shop.shape("t"), &record).unwrap(), Written::Done);
        assert_eq!(shop.row("t", &number(n)), Some(record));
    }
    let records: Vec<Row> = (1..=10).map(|n| shop.row("t", &number(n)).unwrap()).collect();
    for (n, record) in (1..).zip(&records) {
        let holds = |row: &Row| shop.ours.holds(shop.shape("t"), &number(n), row).unwrap();
        for (m, other) in (1..).zip(&records) {
            let other = row(&[Value::Integer(n), other.get(FieldNo(1)).clone()]);
            assert_eq!(holds(&other), n == m, "{record:?} against {other:?}");
        }
        assert!(!holds(&row(&[Value::Integer(n)])) && !holds(&row(&[Value::Integer(n), record.get(FieldNo(1)).clone(), Value::Absent])));
    }
    assert!(!shop.ours.holds(shop.shape("t"), &number(11), &records[0]).unwrap());
    assert_eq!(shop.notes_after("t", 0).len(), 10, "our own writes are noted");
}

#[test]
fn keys_of_every_type_find_their_record_and_only_that() {
    let shop = shop("CREATE TABLE t(k BLOB PRIMARY KEY, v)");
    let keys = [
        Value::Integer(1),
        Value::text("1"),
        Value::Blob(b"1".as_slice().into()),
        Value::Text(b"1\0".as_slice().into()),
        Value::Real(1.5),
        Value::text(""),
    ];
    for (n, value) in (0..).zip(&keys) {
        shop.ours.insert(shop.shape("t"), &row(&[value.clone(), Value::Integer(n)])).unwrap();
    }
    for (n, value) in (0..).zip(&keys) {
        assert_eq!(shop.row("t", &key(std::slice::from_ref(value))).unwrap().get(FieldNo(1)), &Value::Integer(n));
    }
    let mut found = Vec::new();
    let mut after = None;
    while shop.ours.scan(shop.shape("t"), after.clone().as_ref(), 2, &mut |key, _| found.push(key)).unwrap() > 0 {
        after = found.last().cloned();
    }
    assert_eq!(found.len(), keys.len());
}

#[test]
fn a_scan_in_chunks_sees_every_record_with_a_key_once() {
    let shop = shop(
        r#"CREATE TABLE t(a TEXT COLLATE NOCASE, b, c, PRIMARY KEY(a, b DESC));
        INSERT INTO t VALUES('x', NULL, 0), (NULL, 1, 0), ('X', 1, 0), ('a', x'00', 0), ('B', 'q', 0), ('b', 2, 0), ('b', 1.5, 0)"#,
    );
    for limit in 1..8 {
        let mut found = Vec::new();
        let mut after: Option<Key> = None;
        while shop.ours.scan(shop.shape("t"), after.clone().as_ref(), limit, &mut |key, _| found.push(key)).unwrap() == limit {
            after = found.last().cloned();
        }
        let once: BTreeSet<&Key> = found.iter().collect();
        assert_eq!((once.len(), found.len()), (5, 5), "in chunks of {limit}");
    }
    assert_eq!(shop.ours.keyless(shop.shape("t")).unwrap(), 2);
}

#[test]
fn reading_and_walking_use_the_index_of_the_key() {
    let shop = shop(
        "CREATE TABLE t(a TEXT COLLATE NOCASE, b, c, PRIMARY KEY(a, b)); CREATE TABLE w(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID; CREATE TABLE i(id INTEGER PRIMARY KEY)",
    );
    for shape in &shop.survey.shapes {
        let plan = shop.ours.plan(shape).unwrap();
        for sql in [&plan.read, &plan.scan_on, &plan.delete, &*plan.update(&[FieldNo(0)])] {
            let mut statement = shop.app.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let parameters = vec![Value::Integer(1); statement.parameter_count()];
            plan::bind(&mut statement, 1, &parameters).unwrap();
            let mut rows = statement.raw_query();
            while let Some(line) = rows.next().unwrap() {
                let detail: String = line.get(3).unwrap();
                assert!(detail.starts_with("SEARCH") && !detail.contains("a>NULL"), "{detail} in {sql}");
            }
        }
    }
}

#[test]
fn absent_fields_get_defaults_and_are_left_alone_by_updates() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, a DEFAULT 'd', b)");
    let shape = shop.shape("t");
    shop.ours.insert(shape, &row(&[Value::Integer(1), Value::Absent, Value::Integer(2)])).unwrap();
    assert_eq!(shop.row("t", &number(1)), Some(row(&[Value::Integer(1), Value::text("d"), Value::Integer(2)])));
    let change = row(&[Value::Integer(8), Value::Absent, Value::Null]);
    assert_eq!(shop.ours.update(shape, &number(1), &[FieldNo(0), FieldNo(1), FieldNo(2)], &change).unwrap(), Written::Done);
    assert_eq!(shop.row("t", &number(8)), Some(row(&[Value::Integer(8), Value::text("d"), Value::Null])));
    assert_eq!(shop.ours.update(shape, &number(1), &[FieldNo(2)], &change).unwrap(), Written::Missing);
    assert_eq!(shop.ours.update(shape, &number(1), &[], &change).unwrap(), Written::Missing);
    assert_eq!(shop.ours.delete(shape, &number(1)).unwrap(), Written::Missing);
    assert_eq!(shop.ours.delete(shape, &number(8)).unwrap(), Written::Done);
}

#[test]
fn dropped_fields_are_absent_and_never_written() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, b)");
    let mut shape = shop.shape("t").clone();
    shape.fields.insert(1, crate::model::Field { name: "gone".into(), dropped: true });
    shop.ours.insert(&shape, &row(&[Value::Integer(1), Value::text("x"), Value::Integer(2)])).unwrap();
    let mut bytes = Vec::new();
    assert!(shop.ours.read(&shape, &number(1), &mut bytes).unwrap());
    assert_eq!(Row::decode(&bytes).unwrap(), row(&[Value::Integer(1), Value::Absent, Value::Integer(2)]));
    shape.fields[1].dropped = false;
    assert!(matches!(shop.ours.read(&shape, &number(1), &mut bytes), Err(DatabaseError::ShapeMoved { .. })));
}

#[test]
fn refusals_say_why_and_leave_the_transaction_usable() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u, v, n NOT NULL DEFAULT 0, c CHECK(c > 0), UNIQUE(u, v) ON CONFLICT REPLACE);
        CREATE TABLE s(k TEXT PRIMARY KEY, i INTEGER) STRICT; INSERT INTO t(id, u, v) VALUES(1, 1, 1)",
    );
    let (t, s) = (shop.shape("t"), shop.shape("s"));
    let refused = |written: Written| match written {
        Written::Refused(refusal) => (refusal.kind, refusal.fields.iter().map(|field| field.0).collect::<Vec<_>>()),
        Written::Done | Written::Missing => panic!("it should be refused"),
    };
    shop.ours.begin_write().unwrap();
    let insert = |shape, values: &[Value]| refused(shop.ours.insert(shape, &row(values)).unwrap());
    let one = Value::Integer(1);
    assert_eq!(insert(t, std::slice::from_ref(&one)), (RefusalKind::Unique, vec![0]));
    assert_eq!(
        insert(t, &[Value::Integer(2), one.clone(), one.clone()]),
        (RefusalKind::Unique, vec![1, 2]),
        "nobody is deleted to make room"
    );
    assert_eq!(insert(t, &[Value::Integer(2), one.clone(), Value::Null, Value::Null]), (RefusalKind::NotNull, vec![3]));
    assert_eq!(insert(t, &[Value::Integer(2), Value::Null, Value::Null, one.clone(), Value::Integer(-1)]).0, RefusalKind::Check);
    assert_eq!(insert(t, &[Value::text("x")]).0, RefusalKind::Type);
    assert_eq!(insert(s, &[Value::text("x"), Value::text("y")]).0, RefusalKind::Type);
    assert_eq!(shop.ours.insert(t, &row(&[Value::Integer(2), one])).unwrap(), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(shop.ours.count(t).unwrap(), 2);
    assert_eq!(shop.notes_after("t", 0), said(&["Insert 2"]));
}

fn rope(bytes: &[u8]) -> Rope {
    let mut rope = Rope::default();
    rope.bytes_mut().extend_from_slice(bytes);
    rope
}

#[test]
fn a_crash_before_the_commit_leaves_nothing() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    shop.ours.begin_write().unwrap();
    shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(1)])).unwrap();
    shop.ours.put_commit(1, &rope(b"x")).unwrap();
    shop.world.faults().kill_before(Some(1));
    assert!(matches!(shop.ours.commit(&shop.world), Err(DatabaseError::Crash(_))));
    let path = shop.ours.path().to_owned();
    drop(shop.ours);
    let again = Database::open(&path, WAIT).unwrap();
    assert_eq!(again.count(&shop.survey.shapes[0]).unwrap(), 0);
    assert_eq!(again.counters().unwrap().unwrap().commits, 0);
}

#[test]
fn a_database_can_be_told_that_it_is_as_old_as_its_file_also_one_of_before_it_kept_how_far_the_state_was() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    let is = || InFile::of(&shop.ours, &PAIR).unwrap();
    let now = Reached { journal: JournalNumber(9), ..Reached::default() };
    shop.ours.put_commit(3, &rope(b"c")).unwrap();
    shop.ours.set_reached(&now).unwrap();
    assert!(is().age() == (3, 9) && is().is_before((3, 10)) && is().is_before((4, 0)) && !is().is_before((3, 9)));
    let old = InFile { commits: 2, reached: Some(Reached { journal: JournalNumber(4), ..Reached::default() }) };
    shop.ours.say_age(&shop.world, &old).unwrap();
    assert_eq!(is(), old);
    let older = InFile { commits: 1, reached: None };
    for _ in 0..2 {
        shop.ours.say_age(&shop.world, &older).unwrap();
        assert!(is() == older && is().is_before((2, 0)) && !is().is_before((1, 9)), "it does not say how far it was");
    }
    assert_eq!(InFile::of(&shop.ours, &PairId([1; 16])), None);
}

#[test]
fn a_log_has_every_page_or_not() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    let path = shop.ours.path().to_owned();
    let run = |sql: &str| shop.app.execute_batch(sql).unwrap();
    run("PRAGMA wal_autocheckpoint = 0; PRAGMA wal_checkpoint(TRUNCATE)");
    assert!(!log_has_all(&path), "nothing is in it");
    run("INSERT INTO t VALUES(1, zeroblob(99999)), (2, 'b')");
    assert!(!log_has_all(&path), "pages of the file were not written");
    run("PRAGMA wal_checkpoint(TRUNCATE); VACUUM");
    assert!(log_has_all(&path), "every page was written");
    run("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES(3, zeroblob(999999))");
    assert!(log_has_all(&path), "it stays so until the log is begun anew");
    let log = fs_err::read(path.with_file_name("shop.db-wal")).unwrap_or_else(|_| panic!("{}", path.display()));
    let other = path.with_file_name("other.db");
    for (cut, has) in [(log.len() - 1, true), (40_000, false), (60, false), (10, false)] {
        fs_err::write(path.with_file_name("other.db-wal"), &log[..cut]).unwrap();
        assert_eq!(log_has_all(&other), has, "the first {cut} bytes");
    }
    let mut damaged = log.clone();
    damaged[5_000] ^= 1;
    fs_err::write(path.with_file_name("other.db-wal"), &damaged).unwrap();
    assert!(!log_has_all(&other), "nothing after the damage is read");
    run("PRAGMA wal_checkpoint(RESTART); UPDATE t SET x = 'c' WHERE id = 2");
    assert!(!log_has_all(&path), "what is left of the log before says nothing");
}

#[test]
fn the_commit_point_keeps_what_is_applied_and_the_commits() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    let head = SiteName::new("head").unwrap();
    assert_eq!(shop.ours.applied(&head).unwrap(), None);
    let applied = Applied { stream: StreamId(u64::MAX), number: PacketNumber(4), packet: "abc".into(), slice: 2 };
    shop.ours.set_applied(&head, &applied).unwrap();
    assert_eq!(shop.ours.applied(&head).unwrap(), Some(applied));
    let long: Vec<u8> = (0..3_000_000u32).map(|number| number.to_le_bytes()[1]).collect();
    shop.ours.put_commit(2, &rope(&long)).unwrap();
    shop.ours.put_commit(3, &rope(b"c")).unwrap();
    assert_eq!(shop.ours.commits_after(1).unwrap(), [(2, long), (3, b"c".to_vec())]);
    shop.ours.forget_commits(3).unwrap();
    shop.ours.set_generation(9).unwrap();
    assert_eq!(shop.ours.commits_after(0).unwrap(), []);
    assert_eq!(shop.ours.counters().unwrap(), Some(Counters { pair: PAIR, generation: 9, commits: 3 }));
    let other = PairId([1; 16]);
    assert!(matches!(shop.ours.arm(&shop.world, &shop.survey.shapes, &other), Err(DatabaseError::PairedElsewhere(PAIR))));
}

#[test]
fn what_stays_is_led_as_a_cascade_leads_it() {
    // Without a key nothing of a table travels.
    let sql = "CREATE TABLE p(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b INTEGER, code TEXT UNIQUE, UNIQUE (a, b));
        CREATE TABLE l1(x, y, FOREIGN KEY (x, y) REFERENCES P(A, B) ON UPDATE CASCADE, UNIQUE (x, y));
        CREATE TABLE l2(u, v, w, FOREIGN KEY (u, v) REFERENCES l1(x, y) ON UPDATE CASCADE);
        CREATE TABLE l3(me TEXT UNIQUE REFERENCES p(code) ON UPDATE CASCADE, up TEXT REFERENCES l3(me) ON UPDATE CASCADE);
        INSERT INTO p VALUES (1, 'Abc', 7, 'C'), (2, 'Abc', 8, 'c'); INSERT INTO l1 VALUES ('aBC', 7), ('ABC', 8), (NULL, 7);
        INSERT INTO l2 VALUES ('aBC', 7, 1), ('ABC', 8, 2); INSERT INTO l3 VALUES ('C', 'C'), ('c', 'C')";
    let dump = |shop: &Shop| {
        ["id, a, b, code FROM p", "x, y FROM l1", "u, v, w FROM l2", "me, up FROM l3"].map(|what| {
            let (columns, table) = what.split_once(" FROM ").unwrap();
            let quoted = columns.split(", ").map(|column| format!("quote({column})")).collect::<Vec<_>>().join(" || ',' || ");
            let sql = format!("SELECT group_concat({quoted}, ' ') FROM {table}");
            shop.app.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
        })
    };
    for set in ["a = 'New'", "a = 'New', b = 9", "code = 'D'", "a = 'New', code = 'D'", "a = NULL"] {
        let (cascades, led) = (shop(sql), shop(sql));
        cascades.app.execute(&format!("UPDATE p SET {set} WHERE id = 1"), []).unwrap();
        let (p, becomes) = (led.shape("p"), cascades.row("p", &number(1)).unwrap());
        let fields: Vec<FieldNo> = led.row("p", &number(1)).unwrap().differing(&becomes).collect();
        let staying = led.ours.what_stays(&led.survey.shapes).unwrap();
        assert_eq!(led.ours.lead_what_stays(&staying, p, &number(1), &fields, &becomes).unwrap(), Ok(()));
        assert_eq!(led.ours.update(p, &number(1), &fields, &becomes).unwrap(), Written::Done);
        assert_eq!(dump(&led), dump(&cascades), "{set}");
    }
}

#[test]
fn references_are_followed_with_the_parents_affinity_and_collation() {
    let shop = shop("PRAGMA foreign_keys = OFF; CREATE TABLE p(k TEXT PRIMARY KEY COLLATE NOCASE); CREATE TABLE u(id INTEGER PRIMARY KEY, code TEXT UNIQUE);
        CREATE TABLE bare(x); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p, u REFERENCES U(code) ON DELETE CASCADE, b REFERENCES bare(x),
        self REFERENCES c ON DELETE SET NULL, nowhere REFERENCES nowhere);
        INSERT INTO p VALUES('Abc'); INSERT INTO u VALUES(5, '7'); INSERT INTO c VALUES(1, 'aBC', 7, 1, 1, 1), (2, NULL, 8, NULL, 9, NULL)");
    let c = shop.shape("c");
    assert_eq!(c.references.len(), 5);
    let follow =
        |id, place: usize| shop.ours.referenced(&shop.survey.shapes, &c.references[place], &shop.row("c", &number(id)).unwrap()).unwrap();
    let missing = |table: &str| Reference::Missing { table: table.into() };
    let mut all: Vec<(Vec<String>, Reference, Reference)> =
        (0..5).map(|place| (vec![c.name_of(c.references[place].fields[0]).to_owned()], follow(1, place), follow(2, place))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let found: Vec<(Reference, Reference)> = all.into_iter().map(|(_, a, b)| (a, b)).collect();
    assert_eq!(
        found,
        [
            (Reference::Elsewhere, Reference::None),
            (Reference::Elsewhere, Reference::None),
            (Reference::Found(shop.shape("p").number, text("Abc")), Reference::None),
            (Reference::Found(c.number, number(1)), missing("c")),
            (Reference::Found(shop.shape("u").number, number(5)), missing("u")),
        ]
    );
    let dependants = |table: &str, key: &Key, limit| shop.ours.dependants(&shop.survey.shapes, shop.shape(table), key, limit).unwrap();
    assert_eq!(dependants("p", &text("Abc"), 9), [(c.number, number(1))]);
    assert_eq!(dependants("u", &number(5), 9), [(c.number, number(1))]);
    assert_eq!(dependants("c", &number(1), 9), [(c.number, number(1))]);
    assert_eq!(dependants("c", &number(2), 9), []);
    assert_eq!(dependants("p", &text("Abc"), 0), []);
    // The same once the records are no more.
    let still = |column: &str, ended: &[&Value]| {
        let reference = c.references.iter().find(|one| c.name_of(one.fields[0]) == column).unwrap();
        let shape = shop.survey.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table)).unwrap();
        let ended: Vec<Vec<&Value>> = ended.iter().map(|value| vec![*value]).collect();
        shop.ours.referring_still(shape, c, reference, &ended).unwrap()
    };
    let (abc, seven, other) = (Value::text("ABC"), Value::text("7"), Value::text("x"));
    assert_eq!(still("p", &[&other, &abc]), [(1, number(1), 1)]);
    assert_eq!(still("u", &[&Value::Null, &other, &seven, &Value::text("8")]), [(2, number(1), 1), (3, number(2), 1)]);
    assert_eq!(still("self", &[&Value::Integer(1), &Value::Integer(8), &Value::Real(9.0)]), [(0, number(1), 1), (2, number(2), 1)]);
    let many: Vec<Value> = (0..25_001).map(|n| Value::Integer(25_001 - n)).collect();
    assert_eq!(still("self", &many.iter().collect::<Vec<_>>()), [(24_992, number(2), 1), (25_000, number(1), 1)]);
    assert_eq!(still("self", &[]), []);
}

const TRIGGERS: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE total(k TEXT PRIMARY KEY, n); CREATE TABLE local(x);
    CREATE VIEW v AS SELECT * FROM total; CREATE VIRTUAL TABLE f USING fts5(x, content='t', content_rowid='id');
    INSERT INTO total VALUES('n', 0); INSERT INTO local VALUES('first');
    CREATE TRIGGER counts AFTER INSERT ON t BEGIN UPDATE total SET n = n + 1; END;
    CREATE TRIGGER empties AFTER INSERT ON t WHEN (SELECT count(*) FROM total) > 0 BEGIN DELETE FROM total WHERE k = 'x'; DELETE FROM total; END;
    CREATE TRIGGER through_view INSTEAD OF INSERT ON v BEGIN INSERT INTO total VALUES(NEW.k, NEW.n); END;
    CREATE TRIGGER uses_view AFTER INSERT ON t BEGIN INSERT INTO v VALUES('v' || NEW.id, 0); END;
    CREATE TRIGGER refuses BEFORE INSERT ON t WHEN NEW.x = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END;
    CREATE TRIGGER Notes AFTER INSERT ON T BEGIN INSERT INTO local VALUES(NEW.x); END;
    CREATE TRIGGER chained AFTER INSERT ON local BEGIN DELETE FROM total; END;
    CREATE TRIGGER fi AFTER INSERT ON t BEGIN INSERT INTO f(rowid, x) VALUES(NEW.id, NEW.x); END";

#[test]
fn application_triggers_stay_still_while_we_apply_unless_they_keep_local_things() {
    let shop = shop(TRIGGERS);
    let plans = shop.ours.trigger_plan(&shop.survey.shapes, &Rules::default()).unwrap();
    let runs: BTreeSet<&str> = plans.iter().filter(|plan| plan.runs).map(|plan| plan.name.as_str()).collect();
    assert_eq!(runs, ["Notes", "fi"].into(), "what is written through the view arrives");
    let before = schema_of(&shop.app);
    let version = shop.ours.schema_version().unwrap();
    for (id, commit) in [(1, true), (2, false), (3, true)] {
        shop.ours.begin_write().unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
        assert_eq!(shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(id), Value::text("bad")])).unwrap(), Written::Done);
        assert_eq!(schema_of(&shop.app), before, "nobody else sees it");
        if commit { shop.ours.commit(&shop.world).unwrap() } else { shop.ours.rollback().unwrap() }
    }
    assert_eq!((schema_of(&shop.app), shop.ours.schema_version().unwrap()), (before, version));
    assert_eq!(shop.asked::<String>("SELECT group_concat(k || n) FROM total"), "n0");
    assert_eq!(shop.asked::<String>("SELECT group_concat(x) FROM local"), "first,bad,bad");
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM f WHERE f MATCH 'bad'"), 2);
    assert_eq!(shop.notes_after("t", 0), said(&["Insert 1", "Insert 3"]));
    // The application's triggers work again, for it and for us.
    assert!(shop.app.execute_batch("INSERT INTO t VALUES(7, 'bad')").is_err());
    let refused = shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(7), Value::text("bad")])).unwrap();
    assert!(matches!(refused, Written::Refused(Refusal { kind: RefusalKind::Trigger, message, .. }) if message == "no"));
    shop.app.execute_batch("INSERT INTO t VALUES(8, 'fine')").unwrap();
    assert_eq!(shop.asked::<i64>("SELECT count(*) FROM total WHERE k = 'n'"), 0);
}

#[test]
fn a_write_without_records_leaves_the_schema_alone() {
    let shop = shop(TRIGGERS);
    let before = shop.ours.moment().unwrap();
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    assert_eq!(shop.ours.commit_at(&shop.world).unwrap(), before);
    let refused = shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(1), Value::text("bad")])).unwrap();
    assert!(matches!(refused, Written::Refused(Refusal { kind: RefusalKind::Trigger, .. })), "what was to be still then runs now");
}

#[test]
fn triggers_are_still_until_the_end_whatever_attempts_are_undone() {
    let shop = shop(TRIGGERS);
    let before = schema_of(&shop.app);
    let insert = |id| shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(id), Value::text("bad")])).unwrap();
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    shop.ours.begin_attempt().unwrap();
    assert_eq!(insert(1), Written::Done);
    // Undoing this makes SQLite read the schema again.
    shop.ours.connection.execute_batch("CREATE TABLE other(x)").unwrap();
    shop.ours.undo_attempt().unwrap();
    assert_eq!(insert(2), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(schema_of(&shop.app), before);
    assert_eq!(shop.asked::<String>("SELECT group_concat(k || n) FROM total"), "n0");
    assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM t"), "2");
}

#[test]
fn where_no_trigger_runs_all_are_off_until_the_transaction_ends() {
    let sql = "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE total(n INTEGER PRIMARY KEY); INSERT INTO total VALUES(0);
        CREATE TRIGGER counts AFTER INSERT ON t BEGIN UPDATE total SET n = n + 1; END";
    for sql in [sql, "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE total(n INTEGER PRIMARY KEY); INSERT INTO total VALUES(0)"] {
        let counts = i64::from(sql.contains("TRIGGER"));
        let shop = shop(sql);
        let insert = |id| assert_eq!(shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(id), Value::Null])).unwrap(), Written::Done);
        for (id, commit) in [(1, true), (2, false)] {
            shop.ours.begin_write().unwrap();
            shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::MayRest).unwrap();
            insert(id);
            shop.ours.begin_attempt().unwrap();
            insert(id + 10);
            shop.ours.undo_attempt().unwrap();
            if commit {
                shop.ours.commit(&shop.world).unwrap()
            } else {
                shop.ours.rollback().unwrap()
            }
            assert_eq!(shop.asked::<i64>("SELECT n FROM total"), 0);
            assert!(shop.notes_after("t", 0).is_empty(), "what is applied is in the ledger and need not be noted");
            // Whatever is written outside is noted, and triggers see it.
            shop.ours.begin_write().unwrap();
            insert(id + 20);
            assert_eq!(shop.notes_after("t", 0).len(), 1);
            assert_eq!(shop.ours.connection.query_row("SELECT n FROM total", [], |row| row.get::<_, i64>(0)).unwrap(), counts);
            shop.ours.rollback().unwrap();
        }
    }
}

#[test]
fn a_moment_is_another_one_after_any_write_and_the_same_after_none() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    let mut last = shop.ours.moment().unwrap();
    let mut is_another = |now| std::mem::replace(&mut last, now) != now;
    assert!(!is_another(shop.ours.moment().unwrap()));
    assert!(shop.notes_after("t", 0).is_empty());
    assert!(!is_another(shop.ours.moment().unwrap()), "reading is no write");
    shop.app.execute_batch("INSERT INTO t VALUES(1, 'a')").unwrap();
    assert!(is_another(shop.ours.moment().unwrap()), "another program wrote");
    shop.ours.begin_write().unwrap();
    assert!(!is_another(shop.ours.moment().unwrap()));
    shop.ours.update(shop.shape("t"), &number(1), &[FieldNo(1)], &row(&[Value::Absent, Value::text("b")])).unwrap();
    assert!(is_another(shop.ours.commit_at(&shop.world).unwrap()), "we wrote");
    assert!(!is_another(shop.ours.moment().unwrap()), "a commit of ours is known to us");
}

#[test]
fn a_crash_while_triggers_are_still_leaves_them_as_they_were() {
    let shop = shop(TRIGGERS);
    let before = schema_of(&shop.app);
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(1), Value::text("x")])).unwrap();
    drop(shop.ours);
    assert_eq!(schema_of(&shop.app), before);
}

#[test]
fn functions_that_only_the_application_has_do_not_stop_us() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let app = application(&path);
    for name in ["secret", "regexp"] {
        let flags = rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
        app.create_scalar_function(name, -1, flags, |_| Ok(1)).unwrap();
    }
    app.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE l(x); CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO l VALUES(secret(NEW.x)); END;
        CREATE TABLE c(id INTEGER PRIMARY KEY, x CHECK(x REGEXP 'a')); CREATE TABLE i(id INTEGER PRIMARY KEY, x); CREATE INDEX ix ON i(secret(x));
        CREATE TABLE g(id INTEGER PRIMARY KEY, x, y AS (secret(x)))").unwrap();
    let ours = Database::open(&path, WAIT).unwrap();
    let survey = ours.survey(&Rules::default()).unwrap();
    let names: Vec<&str> = survey.shapes.iter().map(|shape| shape.name.as_str()).collect();
    assert_eq!(names, ["c", "t"]);
    let unknown =
        |name: &str| survey.untracked.contains(&Untracked { name: name.into(), reason: UntrackedReason::UnknownFunction("secret".into()) });
    assert!(unknown("i"), "{:?}", survey.untracked);
    assert_eq!(
        survey.warnings,
        [
            Warning::UncheckedFunction { table: "c".into(), function: "REGEXP".into() },
            Warning::StillTrigger { table: "t".into(), trigger: "tr".into(), function: "secret".into() }
        ]
    );
    assert_eq!(ours.survey(&Rules::default()).unwrap(), survey);
    let world = World::real();
    ours.arm(&world, &survey.shapes, &PAIR).unwrap();
    ours.begin_write().unwrap();
    ours.silence_application_triggers(&survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    for shape in &survey.shapes {
        assert_eq!(ours.insert(shape, &row(&[Value::Integer(1), Value::text("x")])).unwrap(), Written::Done);
    }
    ours.commit(&world).unwrap();
    let counts: i64 = app.query_row("SELECT count(*) FROM l", [], |row| row.get(0)).unwrap();
    assert_eq!(counts, 0);
}

#[test]
fn a_lock_of_the_application_is_busy_and_helps_to_retry() {
    let shop = shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    shop.app.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = shop.ours.begin_write().unwrap_err();
    assert!(matches!(error, DatabaseError::Busy) && error.retry_helps());
    shop.app.execute_batch("COMMIT").unwrap();
    shop.ours.begin_write().unwrap();
    shop.ours.rollback().unwrap();
}

#[test]
fn a_missing_file_and_a_file_of_another_kind_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    assert!(matches!(Database::open(&path, WAIT), Err(DatabaseError::Missing(_))));
    assert!(!path.exists());
    fs_err::write(&path, [b'x'; 5000]).unwrap();
    assert!(matches!(Database::open(&path, WAIT), Err(DatabaseError::NotADatabase(_))));
}

#[test]
fn what_a_trigger_says_of_conflicts_in_a_local_table_holds_here_too() {
    let counts = [
        "INSERT OR IGNORE INTO local VALUES('t', 0); UPDATE local SET n = n + 1 WHERE name = 't'",
        "INSERT OR REPLACE INTO local VALUES('t', (SELECT count(*) FROM t))",
        "REPLACE INTO local SELECT 't', count(*) FROM t",
    ];
    for (counts, event) in counts.into_iter().flat_map(|counts| [(counts, "INSERT"), (counts, "UPDATE")]) {
        let shop = shop(&format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE local(name TEXT UNIQUE, n);
            INSERT INTO t SELECT value, 0 FROM json_each('[10, 20]') WHERE '{event}' = 'UPDATE';
            CREATE TRIGGER l AFTER {event} ON t BEGIN {counts}; END"
        ));
        shop.ours.begin_write().unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::MayRest).unwrap();
        for id in [10, 20] {
            let record = row(&[Value::Integer(id), Value::Integer(1)]);
            let written = match event {
                "INSERT" => shop.ours.insert(shop.shape("t"), &record),
                _ => shop.ours.update(shop.shape("t"), &number(id), &[FieldNo(1)], &record),
            };
            assert_eq!(written.unwrap(), Written::Done, "{event}: {counts}");
        }
        shop.ours.commit(&shop.world).unwrap();
        assert_eq!(shop.asked::<i64>("SELECT n FROM local"), 2, "{event}: {counts}");
    }
}

#[test]
fn a_conflict_in_a_local_table_that_takes_back_everything_refuses_one_record() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE local(x UNIQUE ON CONFLICT ROLLBACK);
        CREATE TRIGGER l AFTER INSERT ON t BEGIN INSERT INTO local VALUES(NEW.x); END",
    );
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::MayRest).unwrap();
    let put = |id, x| shop.ours.insert(shop.shape("t"), &row(&[Value::Integer(id), Value::Integer(x)])).unwrap();
    assert_eq!(put(1, 5), Written::Done);
    assert!(matches!(put(2, 5), Written::Refused(_)));
    assert_eq!(put(3, 6), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(shop.asked::<String>("SELECT group_concat(id) FROM t"), "1,3");
}

const HALF_LOCAL: &str = "CREATE TABLE items(id TEXT PRIMARY KEY, name TEXT, stamp TEXT, Search TEXT, up AS (upper(Search)), other);
    CREATE TABLE log(x); CREATE VIEW v AS SELECT id, Search AS s, stamp FROM items; INSERT INTO items(id, name) VALUES('a', 'A');
    CREATE TRIGGER logs AFTER UPDATE OF search ON items BEGIN INSERT INTO log VALUES(NEW.search); END;
    CREATE TRIGGER through INSTEAD OF UPDATE ON v BEGIN UPDATE items SET search = NEW.s WHERE id = OLD.id; END;";

/// A record of `items` arrives, and then another name of it: what its columns that do not travel hold then, its time, and what is said of the
/// trigger.
fn half_local(triggers: &str) -> (String, String, TriggerReason) {
    let rules = Rules::parse("[tables.items]\nlocal = ['Search', 'other']\n").unwrap();
    let shop = ruled_shop(&rules, &format!("{HALF_LOCAL}{triggers}"));
    let (items, before) = (shop.shape("items"), schema_of(&shop.app));
    let values = |name: &str| row(&[Value::text("b"), Value::text(name), Value::text("there")]);
    let fields = ["id", "name", "stamp"].map(|name| items.field(name).unwrap());
    for write in ["insert", "update"] {
        shop.ours.begin_write().unwrap();
        shop.ours.silence_application_triggers(&shop.survey.shapes, &rules, Capture::MayRest).unwrap();
        let written = match write {
            "insert" => shop.ours.insert(items, &values("New")),
            _ => shop.ours.update(items, &text("b"), &fields[1..2], &values("Newer")),
        };
        assert_eq!(written.unwrap(), Written::Done, "{write}: {triggers}");
        shop.ours.commit(&shop.world).unwrap();
    }
    let there = shop.row("items", &text("b")).unwrap();
    assert_eq!(fields.map(|field| there.get(field).clone()).to_vec(), values("Newer").0, "{triggers}");
    assert_eq!(schema_of(&shop.app), before);
    let plans = shop.ours.trigger_plan(&shop.survey.shapes, &rules).unwrap();
    let reason = plans.into_iter().find(|plan| plan.name == "fills").unwrap().reason;
    let kept = "SELECT coalesce(search, '-') || coalesce(up, '-') || coalesce(other, '-') FROM items WHERE id = 'b'";
    (shop.asked(kept), shop.asked("SELECT coalesce(group_concat(x), '') FROM log"), reason)
}

#[test]
fn a_trigger_that_fills_a_column_which_does_not_travel_fills_it_here_too() {
    let search = || vec!["items.Search".to_owned()];
    for fills in [
        "UPDATE items SET search = lower(NEW.name) WHERE id = NEW.id",
        "UPDATE OR REPLACE ITEMS SET \"SEARCH\" = lower(NEW.name) WHERE id = NEW.id",
        "UPDATE items SET Search = lower(NEW.name) WHERE id = NEW.id; SELECT RAISE(ABORT, 'no') WHERE NEW.stamp = 'there'",
        "UPDATE v SET s = lower(NEW.name) WHERE id = NEW.id",
    ] {
        for event in ["UPDATE", "UPDATE OF name"] {
            let all = format!(
                "CREATE TRIGGER fills AFTER INSERT ON items BEGIN {fills}; END; CREATE TRIGGER fills_too AFTER {event} ON items BEGIN {fills}; END"
            );
            let expected = ("newerNEWER-".to_owned(), "new,newer".to_owned(), TriggerReason::Local(search()));
            let (kept, log, reason) = half_local(&all);
            // The first one's update is an update: the second one does it again.
            assert_eq!((kept, log.replace("new,new,", "new,"), reason), expected, "{all}");
        }
    }
    let before =
        "CREATE TRIGGER fills BEFORE UPDATE OF name ON items BEGIN UPDATE items SET search = lower(NEW.name) WHERE id = OLD.id; END";
    assert_eq!(half_local(before), ("newerNEWER-".to_owned(), "newer".to_owned(), TriggerReason::Local(search())));
}

#[test]
fn of_a_trigger_that_fills_columns_of_both_sorts_the_statements_that_fill_only_local_ones_run() {
    let fills = |body: &str| half_local(&format!("CREATE TRIGGER fills AFTER UPDATE OF name ON items BEGIN {body}; END"));
    let arrives = vec!["items".to_owned()];
    let unkept = |what: &[&str]| Unkept { trigger: "fills".into(), what: what.iter().map(|what| (*what).to_owned()).collect() };
    for local in [
        "UPDATE items SET [search] = CASE WHEN NEW.name IS DISTINCT FROM 'x' THEN max(lower(NEW.name), 'a') END, other = 1 WHERE id = NEW.id",
        "UPDATE items SET (other, search) = (SELECT 1, lower(NEW.name)) FROM log AS l, (SELECT 1 AS stamp) WHERE id = NEW.id",
    ] {
        let (kept, log, reason) = fills(&format!("UPDATE items SET stamp = 'again', \"name\" = 'x'; INSERT INTO log VALUES('x'); {local}"));
        assert_eq!((kept.as_str(), log.as_str()), ("newerNEWER1", "x,newer"), "{local}");
        let local = ["items.Search", "items.other", "log"].map(str::to_owned).to_vec();
        assert_eq!(reason, TriggerReason::Partly { local, arrives: arrives.clone(), unkept: unkept(&[]) });
    }
    for both in [
        "UPDATE items SET search = 'x', stamp = 'again'",
        "UPDATE items SET (stamp, search) = (SELECT 'again', lower(NEW.name)) WHERE id = NEW.id",
        "UPDATE items SET search = 'x', rowid = rowid + 100 WHERE id = NEW.id",
        "INSERT INTO items(id) VALUES(NEW.id) ON CONFLICT DO UPDATE SET search = 'x'",
    ] {
        let (kept, log, reason) = fills(both);
        assert_eq!((kept.as_str(), log.as_str()), ("---", ""), "{both}");
        assert_eq!(reason, TriggerReason::NotKept { arrives: arrives.clone(), unkept: unkept(&["items.Search"]) }, "{both}");
        assert_eq!(
            reason.to_string(),
            "it writes `items`, which arrives by itself; `items.Search` does not travel and is not kept here, for it is not written apart from that: let a statement of its own write it, or `\"fills\" = \"run\"` below `[triggers]` in rules.toml runs all of it"
        );
        let (kept, _, reason) = fills(&format!("{both}; UPDATE items SET other = 1 WHERE id = NEW.id"));
        assert_eq!(kept, "--1", "{both}");
        let local = vec!["items.other".to_owned()];
        assert_eq!(reason, TriggerReason::Partly { local, arrives: arrives.clone(), unkept: unkept(&["items.Search"]) }, "{both}");
    }
    for arriving in ["UPDATE items SET oid = oid + 100", "UPDATE items SET ID = id", "DELETE FROM items WHERE id = 'x'"] {
        assert_eq!(fills(arriving), ("---".to_owned(), String::new(), TriggerReason::WritesTracked(arrives.clone())), "{arriving}");
    }
}
