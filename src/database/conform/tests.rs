//! Ways from one schema to another, on databases with records; the host's is migrated by plain SQL.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::*;

mod computed;
mod only_here;

const BASE: &str = "
    CREATE TABLE firms (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, firm INTEGER REFERENCES firms, name TEXT, phone TEXT);
    CREATE INDEX people_phone ON people(phone);
    CREATE VIEW names AS SELECT name, phone FROM people;
    CREATE TABLE log (line TEXT);
    CREATE TRIGGER people_log AFTER UPDATE ON people BEGIN INSERT INTO log VALUES (NEW.phone); END;
    INSERT INTO firms VALUES (1, 'Acme'), (2, 'Bolt');
    INSERT INTO people VALUES (7, 1, 'Ann', '1'), (8, 2, 'Bob', NULL); DELETE FROM people WHERE id = 9;
    PRAGMA user_version = 3;";

struct Two {
    folder: tempfile::TempDir,
    before: SchemaDump,
    names: Wish<'static>,
}

impl Two {
    fn new() -> Self {
        Self::of(BASE)
    }

    fn of(base: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let empty = Box::leak(Box::new(SchemaDump::default()));
        let names = Wish { schema: empty, before: None, tables: BTreeMap::new(), ended: BTreeSet::new() };
        let two = Self { folder, before: SchemaDump::default(), names };
        ["host", "child"].iter().for_each(|site| two.run(site, base));
        Self { before: two.open("host").dump_schema().unwrap(), ..two }
    }

    fn path(&self, site: &str) -> PathBuf {
        self.folder.path().join(site)
    }

    fn run(&self, site: &str, sql: &str) {
        Connection::open(self.path(site)).unwrap().execute_batch(sql).unwrap();
    }

    fn open(&self, site: &str) -> Database {
        Database::open(&self.path(site), Duration::from_millis(50)).unwrap()
    }

    fn named(mut self, table: &str, here: &str, columns: &[(&str, &str)], ended: &[&str]) -> Self {
        let columns = columns.iter().map(|(there, here)| ((*there).to_owned(), (*here).to_owned())).collect();
        let ended = ended.iter().map(|name| (*name).to_owned()).collect();
        self.names.tables.insert(table.to_owned(), Names { here: here.to_owned(), columns, ended, left: BTreeSet::new() });
        self
    }

    /// Once more, as in the next round: the schema is the one told before, and no name is another one.
    fn again(&self) -> Conformed {
        let schema = self.open("host").dump_schema().unwrap();
        let wish = Wish { schema: &schema, before: Some(&schema), tables: BTreeMap::new(), ended: BTreeSet::new() };
        let child = self.open("child");
        child.begin_write().unwrap();
        let done = child.conform(&wish).unwrap().unwrap();
        child.execute("undo", "ROLLBACK").unwrap();
        done
    }

    fn conform(&self) -> std::result::Result<Conformed, Refused> {
        let schema = self.open("host").dump_schema().unwrap();
        let wish = Wish { schema: &schema, before: Some(&self.before), ..self.names.clone() };
        let child = self.open("child");
        child.begin_write().unwrap();
        let done = child.conform(&wish).unwrap();
        child.execute("commit", "COMMIT").unwrap();
        done
    }

    /// The child has the host's schema; every table by the texts of its columns.
    fn assert_same_schema(&self) {
        let (host, child) = (self.open("host").inventory().unwrap(), self.open("child").inventory().unwrap());
        let wish = Wish { schema: &self.before, before: None, tables: BTreeMap::new(), ended: BTreeSet::new() };
        let plan = plan::plan(&child, &host, None, &wish).unwrap().unwrap();
        assert!(plan.is_empty(), "{:?}", plan.sentences());
        assert_eq!(self.rows("child", "PRAGMA integrity_check"), ["ok"]);
    }

    /// As [`Self::assert_same_schema`], but for what is only at the child.
    fn assert_as_told(&self) {
        let again = self.again().plan;
        assert!(again.is_empty(), "{:?}", again.sentences());
        assert_eq!(self.rows("child", "PRAGMA integrity_check"), ["ok"]);
    }

    fn rows(&self, site: &str, sql: &str) -> Vec<String> {
        let connection = Connection::open(self.path(site)).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let cell = |row: &rusqlite::Row<'_>, at: usize| match row.get::<_, rusqlite::types::Value>(at).unwrap() {
            rusqlite::types::Value::Null => "-".to_owned(),
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Real(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Blob(_) => "blob".to_owned(),
        };
        let row = |row: &rusqlite::Row<'_>| Ok((0..columns).map(|at| cell(row, at)).collect::<Vec<_>>().join("|"));
        statement.query_map([], row).unwrap().map(std::result::Result::unwrap).collect()
    }
}

#[test]
fn a_schema_that_is_here_already_is_an_empty_plan() {
    let two = Two::new();
    let done = two.conform().unwrap();
    assert!(done.plan.is_empty(), "{:?}", done.plan.sentences());
}

#[test]
fn a_told_rename_keeps_the_values_and_what_is_only_here_follows() {
    let two = Two::new().named("contacts", "people", &[("id", "id"), ("telephone", "phone")], &[]);
    two.run("host", "ALTER TABLE people RENAME COLUMN phone TO telephone; ALTER TABLE people RENAME TO contacts");
    two.run("child", "CREATE VIEW mine AS SELECT phone FROM people; CREATE INDEX own ON people(name, phone)");
    let done = two.conform().unwrap();
    assert_eq!(
        done.plan.sentences()[..2],
        ["table `people` is called `contacts` from then on", "column `phone` of `contacts` is called `telephone` from then on"]
    );
    assert_eq!(two.rows("child", "SELECT * FROM contacts"), ["7|1|Ann|1", "8|2|Bob|-"]);
    assert_eq!(two.rows("child", "SELECT * FROM mine ORDER BY 1 DESC"), ["1", "-"]);
    assert_eq!(two.rows("child", "SELECT name FROM sqlite_schema WHERE name = 'own'"), ["own"]);
    two.assert_same_schema();
}

#[test]
fn names_that_are_exchanged_take_their_values_along() {
    let two = Two::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x, y); CREATE TABLE b (id INTEGER PRIMARY KEY, x, y); INSERT INTO a VALUES (1, 'ax', 'ay'); INSERT INTO b VALUES (2, 'bx', 'by')",
    );
    let two = two.named("a", "b", &[("x", "y"), ("y", "x")], &[]).named("b", "a", &[], &[]);
    two.run(
        "host",
        "ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b;
        ALTER TABLE a RENAME COLUMN x TO z; ALTER TABLE a RENAME COLUMN y TO x; ALTER TABLE a RENAME COLUMN z TO y",
    );
    two.conform().unwrap();
    assert_eq!(two.rows("child", "SELECT x, y FROM a"), ["by|bx"]);
    assert_eq!(two.rows("child", "SELECT x, y FROM b"), ["ax|ay"]);
    two.assert_same_schema();
}

#[test]
fn columns_come_and_go_and_one_that_ended_begins_anew_under_its_old_name() {
    let two = Two::new().named("people", "people", &[("id", "id"), ("name", "name")], &["phone", "firm"]);
    two.run("host", "DROP TRIGGER people_log; DROP VIEW names; DROP INDEX people_phone; ALTER TABLE people DROP COLUMN phone; ALTER TABLE people DROP COLUMN firm;
        ALTER TABLE people ADD COLUMN phone TEXT; ALTER TABLE people ADD COLUMN level INTEGER NOT NULL DEFAULT 5");
    let done = two.conform().unwrap();
    assert!(matches!(done.plan.tables[0].how, plan::How::Alter(_)), "nothing is copied: {:?}", done.plan);
    assert_eq!(two.rows("child", "SELECT * FROM people"), ["7|Ann|-|5", "8|Bob|-|5"]);
    two.assert_same_schema();
}

#[test]
fn a_remade_table_keeps_references_numbers_rowids_and_what_is_only_here() {
    let two = Two::new();
    two.run("child", "ALTER TABLE firms ADD COLUMN mine TEXT DEFAULT 'm'; CREATE INDEX own ON firms(mine); CREATE TRIGGER local AFTER INSERT ON firms BEGIN SELECT 1; END;
        CREATE TABLE only_here (id INTEGER PRIMARY KEY, firm REFERENCES firms); INSERT INTO only_here VALUES (1, 2); INSERT INTO log(rowid, line) VALUES (77, 'l')");
    two.run("host", "PRAGMA foreign_keys = OFF; BEGIN;
        CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''), city TEXT NOT NULL); INSERT INTO n SELECT id, name, 'x' FROM firms; DROP TABLE firms; ALTER TABLE n RENAME TO firms;
        DROP VIEW names; CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, firm INTEGER NOT NULL REFERENCES firms, phone INTEGER NOT NULL DEFAULT 0);
        INSERT INTO p SELECT id, name, firm, ifnull(phone, 0) FROM people; DROP TABLE people; ALTER TABLE p RENAME TO people;
        CREATE TABLE l (line TEXT, more TEXT CHECK (more <> 'x')); DROP TABLE log; ALTER TABLE l RENAME TO log; COMMIT; PRAGMA user_version = 4");
    let done = two.conform().unwrap();
    assert_eq!(done.lost, [""; 0]);
    assert_eq!(two.rows("child", "SELECT id, name, city, mine FROM firms"), ["1|Acme||m", "2|Bolt||m"]);
    assert_eq!(two.rows("child", "SELECT id, name, firm, phone FROM people"), ["7|Ann|1|1", "8|Bob|2|0"]);
    assert_eq!(two.rows("child", "SELECT seq FROM sqlite_sequence WHERE name = 'people'"), ["8"]);
    assert_eq!(two.rows("child", "SELECT rowid FROM log"), ["77"]);
    assert_eq!(
        two.rows("child", "SELECT name FROM sqlite_schema WHERE name IN ('own', 'local', 'people_log', 'names') ORDER BY 1"),
        ["local", "own"]
    );
    assert_eq!(two.rows("child", "PRAGMA user_version"), ["4"]);
    assert_eq!(two.rows("child", "PRAGMA foreign_key_check"), [""; 0]);
    two.assert_same_schema();
}

#[test]
fn a_table_that_ended_goes_and_one_that_nobody_knows_stays() {
    let mut two = Two::new();
    two.names.ended.insert("people".into());
    two.run("child", "CREATE TABLE only_here (x)");
    two.run("host", "DROP VIEW names; DROP TABLE people; DROP TABLE log; CREATE TABLE people (code TEXT PRIMARY KEY)");
    two.conform().unwrap();
    assert_eq!(two.rows("child", "SELECT count(*) FROM people"), ["0"]);
    // `log` was not named as ended: what is in it nobody has kept.
    assert_eq!(
        two.rows("child", "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"),
        ["firms", "log", "only_here", "people"]
    );
}

#[test]
fn indexes_views_and_triggers_are_those_that_are_told() {
    let two = Two::new();
    two.run("host", "DROP INDEX people_phone; CREATE INDEX people_phone ON people(phone, name); DROP TRIGGER people_log; DROP VIEW names; CREATE VIEW names AS SELECT 1 AS one; CREATE UNIQUE INDEX u ON people(name)");
    two.run("child", "CREATE VIEW mine AS SELECT 2 AS two");
    two.conform().unwrap();
    assert_eq!(
        two.rows("child", "SELECT name FROM sqlite_schema WHERE type <> 'table' ORDER BY 1"),
        ["mine", "names", "people_phone", "u"]
    );
    two.assert_same_schema();
}

#[test]
fn a_unique_index_that_records_are_in_the_way_of_is_late_and_made_the_next_time() {
    let two = Two::new();
    two.run("host", "CREATE UNIQUE INDEX u ON people(name)");
    two.run("child", "INSERT INTO people(name) VALUES ('Ann')");
    let done = two.conform().unwrap();
    assert_eq!(done.late, ["index `u` of `people` is not made yet: UNIQUE constraint failed: people.name; change 7 and 9 here"]);
    two.run("child", "DELETE FROM people WHERE id = 9");
    assert_eq!(two.conform().unwrap().late, [""; 0]);
    two.assert_same_schema();
}

#[test]
fn what_cannot_be_done_is_refused_in_words_and_nothing_is_changed() {
    let cases: [(&str, &str, &str); 4] = [
        (
            "PRAGMA foreign_keys = OFF; CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE); INSERT INTO n SELECT * FROM firms; DROP TABLE firms; ALTER TABLE n RENAME TO firms; ALTER TABLE log ADD COLUMN x",
            "INSERT INTO firms VALUES (3, 'Acme')",
            "records of `firms` here are not what its new schema allows (UNIQUE constraint failed: firms.name): change 3 here",
        ),
        (
            "PRAGMA foreign_keys = OFF; DROP TRIGGER people_log; DROP VIEW names; CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE l (line TEXT REFERENCES firms(id)); DROP TABLE log; ALTER TABLE l RENAME TO log",
            "INSERT INTO log VALUES ('99')",
            "records of `log` would refer to records of `firms` that are not here: change 1 here",
        ),
        (
            "ALTER TABLE people RENAME TO persons",
            "CREATE TABLE persons (x)",
            "table `people` is called `persons` from now on, and this site has a table `persons` of its own: give that one another name here",
        ),
        (
            "ALTER TABLE firms RENAME COLUMN name TO title",
            "ALTER TABLE firms ADD COLUMN title TEXT",
            "column `title` of `firms` is this site's own, and another one gets its name: give it another name here",
        ),
    ];
    for (host, child, words) in cases {
        let two = Two::new().named("persons", "people", &[], &[]).named("firms", "firms", &[("title", "name"), ("name", "name")], &[]);
        two.run("host", host);
        two.run("child", child);
        let before = two.open("child").inventory().unwrap();
        assert_eq!(two.conform().unwrap_err().to_string(), words);
        assert_eq!(two.open("child").inventory().unwrap(), before, "{words}");
    }
}

#[test]
fn what_only_the_application_can_compute_is_not_filled_by_a_stand_in() {
    let two = Two::new();
    let host = Connection::open(two.path("host")).unwrap();
    let flags = rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC | rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    host.create_scalar_function("folded", 1, flags, |context| context.get::<Option<String>>(0)).unwrap();
    host.execute_batch("CREATE VIEW v AS SELECT folded(name) FROM people; CREATE INDEX f ON people(folded(name))").unwrap();
    let done = two.conform().unwrap();
    assert_eq!(done.late, ["index `f` of `people` is not made yet: no such function: folded"]);
    assert_eq!(two.rows("child", "SELECT name FROM sqlite_schema WHERE name IN ('f', 'v')"), ["v"]);
}
