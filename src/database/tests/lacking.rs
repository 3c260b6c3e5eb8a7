//! What only the application has: found before anything is changed, worked around where that is safe, said where it is not.

use std::cmp::Ordering;

use super::*;
use rusqlite::functions::FunctionFlags;

/// An application with a function `secret` (1), the operator REGEXP and a collation `backwards`.
fn knowing(path: &Path) -> Connection {
    let app = application(path);
    for name in ["secret", "other", "regexp"] {
        let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
        app.create_scalar_function(name, -1, flags, |_| Ok(1)).unwrap();
    }
    app.create_collation("backwards", |a: &str, b: &str| -> Ordering { b.cmp(a) }).unwrap();
    app
}

/// A shop whose application knows more than we do.
fn knowing_shop(sql: &str) -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let app = knowing(&path);
    app.execute_batch(sql).unwrap();
    let ours = Database::open(&path, WAIT).unwrap();
    let survey = ours.survey(&Rules::default()).unwrap();
    Shop { folder, app, ours, world: World::simulated(Box::new(SystemClock), 1, Faults::none()), survey }
}

impl Shop {
    fn why(&self, table: &str) -> Option<UntrackedReason> {
        self.survey.untracked.iter().find(|one| one.name == table).map(|one| one.reason.clone())
    }

    fn tracked(&self) -> Vec<&str> {
        self.survey.shapes.iter().map(|shape| shape.name.as_str()).collect()
    }

    fn warned(&self) -> Vec<String> {
        self.survey.warnings.iter().map(ToString::to_string).collect()
    }

    /// A child's database built from this one's schema tells the same of itself, and takes a record of every table.
    fn assert_a_child_can_be_built(&self) {
        let dump = self.ours.dump_schema().unwrap();
        let child = Database::create(&self.world, &self.folder.path().join("child.db"), &dump, WAIT).unwrap();
        assert_eq!(child.dump_schema().unwrap(), dump);
        let survey = child.survey(&Rules::default()).unwrap();
        assert_eq!(survey.shapes, self.survey.shapes);
        child.arm(&self.world, &survey.shapes, &PAIR).unwrap();
        child.begin_write().unwrap();
        child.silence_application_triggers(&survey.shapes, &Rules::default(), Capture::Notes).unwrap();
        for shape in &survey.shapes {
            let row = Row(shape.fields.iter().map(|_| Value::Integer(1)).collect());
            assert_eq!(child.insert(shape, &row).unwrap(), Written::Done, "{}", shape.name);
        }
        child.commit(&self.world).unwrap();
    }
}

#[test]
fn a_collation_of_the_application_matters_only_where_something_is_ordered_by_it() {
    let shop = knowing_shop(
        "CREATE TABLE plain(id INTEGER PRIMARY KEY, x TEXT COLLATE backwards);
        CREATE TABLE keyed(k TEXT COLLATE backwards PRIMARY KEY, x); CREATE TABLE keyed_wr(k TEXT COLLATE backwards PRIMARY KEY, x) WITHOUT ROWID;
        CREATE TABLE indexed(id INTEGER PRIMARY KEY, x); CREATE INDEX indexed_x ON indexed(x COLLATE backwards);
        CREATE TABLE uniqued(id INTEGER PRIMARY KEY, x TEXT COLLATE backwards UNIQUE);
        CREATE TABLE checked(id INTEGER PRIMARY KEY, x CHECK(x < 'm' COLLATE backwards));
        CREATE TABLE computed(id INTEGER PRIMARY KEY, x, y AS (x < 'm' COLLATE backwards) STORED);
        INSERT INTO plain VALUES(1, 'a'), (2, 'A'); INSERT INTO keyed VALUES('a', 1)",
    );
    assert_eq!(shop.tracked(), ["plain"]);
    for table in ["keyed", "keyed_wr", "indexed", "uniqued", "checked", "computed"] {
        assert_eq!(shop.why(table), Some(UntrackedReason::UnknownCollation("backwards".into())), "{table}");
    }
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    let (plain, row) = (shop.shape("plain"), |id, x: &str| Row(vec![Value::Integer(id), Value::text(x)]));
    shop.ours.begin_write().unwrap();
    assert_eq!(shop.ours.insert(plain, &row(3, "z")).unwrap(), Written::Done);
    assert_eq!(shop.ours.update_from(plain, &number(1), &[FieldNo(1)], &row(1, "a"), &row(1, "b")).unwrap(), Written::Done);
    assert_eq!(shop.ours.update_from(plain, &number(2), &[FieldNo(1)], &row(2, "a"), &row(2, "c")).unwrap(), Written::Missing);
    assert_eq!(shop.ours.delete(plain, &number(2)).unwrap(), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(shop.asked::<String>("SELECT group_concat(id || x) FROM plain"), "1b,3z");
    shop.assert_a_child_can_be_built();
}

#[test]
fn every_function_of_a_check_is_stood_in_for() {
    let shop = knowing_shop(
        "CREATE TABLE c(id INTEGER PRIMARY KEY, x CHECK(secret(x) AND other(x)), y CHECK(y REGEXP 'a' AND y > 0));
        CREATE TABLE d(id INTEGER PRIMARY KEY, x DEFAULT (secret(1)), y NOT NULL DEFAULT (other()))",
    );
    assert_eq!(shop.tracked(), ["c", "d"]);
    let warned = shop.warned();
    assert_eq!(warned.len(), 5, "{warned:?}");
    assert!(warned[..3].iter().all(|one| one.contains("CHECK of `c`")) && warned[3..].iter().all(|one| one.contains("default of `d`")));
    let (c, d) = (shop.shape("c").clone(), shop.shape("d").clone());
    // A connection that never made the survey writes too.
    let ours = Database::open(&shop.ours.path, WAIT).unwrap();
    let row = |x, y| Row(vec![Value::Integer(1), x, y]);
    assert_eq!(ours.insert(&c, &row(Value::Integer(1), Value::Integer(5))).unwrap(), Written::Done);
    let refused = ours.update(&c, &number(1), &[FieldNo(2)], &row(Value::Absent, Value::Integer(-1))).unwrap();
    assert!(matches!(refused, Written::Refused(Refusal { kind: RefusalKind::Check, .. })), "the rest of a check is still checked");
    assert_eq!(ours.insert(&d, &row(Value::Absent, Value::Integer(2))).unwrap(), Written::Done);
    assert_eq!(shop.asked::<Option<i64>>("SELECT x FROM d"), None);
    let refused = ours.insert(&d, &Row(vec![Value::Integer(2), Value::Null, Value::Absent])).unwrap();
    assert!(matches!(refused, Written::Refused(Refusal { kind: RefusalKind::NotNull, .. })));
    shop.assert_a_child_can_be_built();
}

#[test]
fn indexes_and_generated_columns_that_call_the_application_keep_a_table_out() {
    let shop = knowing_shop(
        "CREATE TABLE i(id INTEGER PRIMARY KEY, x); CREATE INDEX ix ON i(secret(x)); CREATE TABLE w(id INTEGER PRIMARY KEY, x);
        CREATE INDEX wx ON w(x) WHERE secret(x); CREATE TABLE s(id INTEGER PRIMARY KEY, x, y AS (secret(x)) STORED);
        CREATE TABLE v(id INTEGER PRIMARY KEY, x, y AS (secret(x))); CREATE TABLE both(id INTEGER PRIMARY KEY, x CHECK(other(x)));
        CREATE INDEX bothx ON both(secret(x)); CREATE TABLE fine(id INTEGER PRIMARY KEY, x); CREATE INDEX finex ON fine(lower(x))",
    );
    for table in ["i", "w", "s", "v", "both"] {
        assert_eq!(shop.why(table), Some(UntrackedReason::UnknownFunction("secret".into())), "{table}");
    }
    assert!(shop.tracked().contains(&"fine"), "{:?}", shop.survey);
    shop.assert_a_child_can_be_built();
}

#[test]
fn an_index_that_comes_later_stops_writes_to_its_table_and_nothing_else() {
    let shop = knowing_shop("CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(id INTEGER PRIMARY KEY, x CHECK(secret(x)))");
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    shop.app.execute_batch("CREATE INDEX tx ON t(secret(x)); INSERT INTO t VALUES(1, 'a')").unwrap();
    let ours = Database::open(&shop.ours.path, WAIT).unwrap();
    ours.begin_write().unwrap();
    ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    let row = Row(vec![Value::Integer(2), Value::text("b")]);
    let Written::Refused(refusal) = ours.insert(shop.shape("t"), &row).unwrap() else { panic!("it cannot be written") };
    assert_eq!(refusal.message, "table `t` cannot be written here: it needs the function `secret` that only the application has");
    assert_eq!(ours.insert(shop.shape("u"), &row).unwrap(), Written::Done);
    let mut bytes = Vec::new();
    assert!(ours.read(shop.shape("t"), &number(1), &mut bytes).unwrap(), "reading goes on, so that capture does");
    ours.commit(&shop.world).unwrap();
    assert_eq!(shop.asked::<String>("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_trigger_stays_still_where_we_could_not_do_what_it_does() {
    let shop = knowing_shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE l(x); CREATE TABLE li(x); CREATE INDEX lix ON li(secret(x));
        CREATE TABLE lc(x CHECK(secret(x))); CREATE TABLE u(id INTEGER PRIMARY KEY, x); CREATE TABLE w(id INTEGER PRIMARY KEY, x);
        CREATE VIEW v AS SELECT id, secret(x) AS x FROM t; CREATE VIEW broken AS SELECT some FROM nowhere;
        CREATE TRIGGER calls AFTER INSERT ON t BEGIN INSERT INTO l VALUES(secret(NEW.x)); END;
        CREATE TRIGGER called_when AFTER INSERT ON t WHEN NEW.x REGEXP 'a' BEGIN INSERT INTO l VALUES(1); END;
        CREATE TRIGGER into_index AFTER INSERT ON t BEGIN INSERT INTO li VALUES(NEW.x); END;
        CREATE TRIGGER into_check AFTER INSERT ON t BEGIN INSERT INTO lc VALUES(NEW.x); END;
        CREATE TRIGGER through_view AFTER INSERT ON u BEGIN INSERT INTO l SELECT x FROM v; END;
        CREATE TRIGGER collates AFTER INSERT ON w BEGIN INSERT INTO l SELECT NEW.x WHERE NEW.x < 'm' COLLATE backwards; END;
        CREATE TRIGGER instead INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES(NEW.id, NEW.x); END",
    );
    let plans = shop.ours.trigger_plan(&shop.survey.shapes, &Rules::default()).unwrap();
    let reason = |name: &str| plans.iter().find(|plan| plan.name == name).map(|plan| plan.reason.clone()).unwrap();
    let unknown = |function: &str| TriggerReason::UnknownFunctions(vec![function.into()]);
    assert_eq!(reason("calls"), unknown("secret"));
    assert_eq!(reason("called_when"), unknown("regexp"));
    assert!(matches!(reason("into_index"), TriggerReason::Unwritable { table, .. } if table == "li"));
    assert_eq!(reason("into_check"), TriggerReason::Local(vec!["lc".into()]));
    assert_eq!(reason("through_view"), unknown("secret"));
    assert!(matches!(reason("collates"), TriggerReason::Unreadable(why) if why.contains("backwards")));
    assert_eq!(reason("instead"), TriggerReason::WritesTracked(vec!["t".into()]));
    let runs: Vec<&str> = plans.iter().filter(|plan| plan.runs).map(|plan| plan.name.as_str()).collect();
    assert_eq!(runs, ["into_check"]);
    assert_eq!(shop.tracked(), ["t", "u", "w"]);
    let text = "[triggers]\ncalls = 'run'\ninto_check = 'still'\ncollates = 'run'";
    let ruled = shop.ours.trigger_plan(&shop.survey.shapes, &Rules::parse(text).unwrap()).unwrap();
    assert!(ruled.iter().all(|plan| !plan.runs), "what cannot run does not, whatever the rules say: {ruled:?}");
    shop.assert_a_child_can_be_built();
    shop.ours.arm(&shop.world, &shop.survey.shapes, &PAIR).unwrap();
    let before = schema_of(&shop.app);
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &Rules::default(), Capture::Notes).unwrap();
    for table in ["t", "u", "w"] {
        let row = Row(vec![Value::Integer(1), Value::text("b")]);
        assert_eq!(shop.ours.insert(shop.shape(table), &row).unwrap(), Written::Done, "{table}");
    }
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(schema_of(&shop.app), before);
    assert_eq!(shop.asked::<String>("SELECT (SELECT count(*) FROM l) || (SELECT count(*) FROM li) || (SELECT count(*) FROM lc)"), "001");
}

#[test]
fn the_rules_say_which_trigger_runs() {
    let shop = shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE stamps(id INTEGER PRIMARY KEY, n); CREATE TABLE l(x);
        CREATE TRIGGER stamps AFTER INSERT ON t BEGIN INSERT INTO stamps(n) VALUES(NEW.id); END;
        CREATE TRIGGER logs AFTER INSERT ON t BEGIN INSERT INTO l VALUES(NEW.id); END",
    );
    let rules = Rules::parse("[triggers]\nstamps = 'run'\nlogs = 'still'").unwrap();
    let plans = shop.ours.trigger_plan(&shop.survey.shapes, &rules).unwrap();
    assert!(plans.iter().all(|plan| plan.reason == TriggerReason::Rule && plan.runs == (plan.name == "stamps")), "{plans:?}");
    shop.ours.begin_write().unwrap();
    shop.ours.silence_application_triggers(&shop.survey.shapes, &rules, Capture::Notes).unwrap();
    let row = Row(vec![Value::Integer(1), Value::text("x")]);
    assert_eq!(shop.ours.insert(shop.shape("t"), &row).unwrap(), Written::Done);
    shop.ours.commit(&shop.world).unwrap();
    assert_eq!(shop.asked::<String>("SELECT (SELECT count(*) FROM stamps) || (SELECT count(*) FROM l)"), "10");
}

#[test]
fn a_virtual_table_of_an_unknown_module_is_left_out_with_what_belongs_to_it() {
    let shop = plain_shop(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE map_cells(id INTEGER PRIMARY KEY, x); CREATE INDEX map_x ON map_cells(x);
        CREATE TABLE mapping(id INTEGER PRIMARY KEY); PRAGMA writable_schema = ON;
        INSERT INTO sqlite_schema VALUES('table', 'map', 'map', 0, 'CREATE VIRTUAL TABLE map USING cartography(x)');
        INSERT INTO sqlite_schema VALUES('table', 'words', 'words', 0, 'CREATE VIRTUAL TABLE words USING fts5(x, tokenize = ''klingon'')');
        PRAGMA writable_schema = RESET; CREATE TRIGGER charts AFTER INSERT ON t BEGIN INSERT INTO map VALUES(NEW.x); END",
    );
    assert_eq!(shop.tracked(), ["mapping", "t"]);
    assert_eq!(shop.why("map"), Some(UntrackedReason::UnknownModule));
    assert_eq!(shop.why("words"), Some(UntrackedReason::UnknownModule));
    assert_eq!(shop.why("map_cells"), Some(UntrackedReason::ShadowOfVirtual));
    let warned = shop.warned();
    assert_eq!(warned.len(), 3, "{warned:?}");
    assert!(warned[2].starts_with("trigger `charts` of `t` stays still") && warned[2].contains("cartography"), "{warned:?}");
    shop.assert_a_child_can_be_built();
}

#[test]
fn looking_changes_no_byte_of_the_database_and_leaves_nothing_beside_it() {
    for (journal, files) in [("DELETE", 1), ("WAL", 1)] {
        let shop = knowing_shop(&format!(
            "PRAGMA journal_mode = {journal}; CREATE TABLE t(id INTEGER PRIMARY KEY, x CHECK(x REGEXP 'a')); CREATE TABLE u(k TEXT PRIMARY KEY);
            CREATE TRIGGER tr AFTER INSERT ON u BEGIN INSERT INTO t(x) VALUES(NEW.k); END; INSERT INTO u SELECT 'x' WHERE 0"
        ));
        drop((shop.app, shop.ours));
        let path = shop.folder.path().join("shop.db");
        let before = fs_err::read(&path).unwrap();
        let looking = Database::look(&path, WAIT).unwrap();
        assert_eq!(looking.survey(&Rules::default()).unwrap(), shop.survey);
        assert!(looking.arm(&shop.world, &shop.survey.shapes, &PAIR).is_err());
        drop(looking);
        assert_eq!(fs_err::read(&path).unwrap(), before);
        assert_eq!(fs_err::read_dir(shop.folder.path()).unwrap().count(), files, "{journal}");
    }
}

#[test]
fn looking_repairs_nothing() {
    let shop = plain_shop(
        "PRAGMA journal_mode = DELETE; CREATE TABLE t(id INTEGER PRIMARY KEY, x); PRAGMA cache_size = 1; BEGIN; INSERT INTO t VALUES(0, 'a')",
    );
    shop.app
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, randomblob(500) FROM n",
        )
        .unwrap();
    let file = |name: &str| shop.folder.path().join(name);
    for end in ["", "-journal"] {
        fs_err::copy(file(&format!("shop.db{end}")), file(&format!("aside.db{end}"))).unwrap();
    }
    let before = (fs_err::read(file("aside.db")).unwrap(), fs_err::read(file("aside.db-journal")).unwrap());
    assert!(before.1.len() > 512, "a crash in a transaction leaves a journal");
    assert!(Database::look(&file("aside.db"), WAIT).is_err());
    assert_eq!((fs_err::read(file("aside.db")).unwrap(), fs_err::read(file("aside.db-journal")).unwrap()), before);
}

#[test]
fn looking_leaves_a_write_ahead_log_where_it_is() {
    let shop = plain_shop("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    let aside = shop.folder.path().join("aside.db");
    // As a crash leaves it: a log beside the database and nobody at work.
    for end in ["", "-wal"] {
        fs_err::copy(shop.folder.path().join(format!("shop.db{end}")), shop.folder.path().join(format!("aside.db{end}"))).unwrap();
    }
    let log = shop.folder.path().join("aside.db-wal");
    let before = (fs_err::read(&aside).unwrap(), fs_err::read(&log).unwrap());
    assert!(!before.1.is_empty());
    let looking = Database::look(&aside, WAIT).unwrap();
    assert_eq!(looking.survey(&Rules::default()).unwrap(), shop.survey);
    drop(looking);
    assert_eq!((fs_err::read(&aside).unwrap(), fs_err::read(&log).unwrap()), before);
}
