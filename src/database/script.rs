//! How does SQL that a publisher wrote run: in the caller's transaction, on this database's own tables, and not for ever?
//!
//! SQLite tells everything that a statement would do while it prepares it ([`Watch`]), and what may not be is refused there. Rejected:
//! looking at the first word of a statement. `EXPLAIN PRAGMA writable_schema = ON` takes effect although nothing is carried out, and
//! settings take effect when a statement is prepared, before anybody can look at it.
//!
//! What is ours is named nowhere in such SQL: names are never made at run time, so a look at the text tells. Only our own triggers
//! write our tables.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Batch, Connection, OptionalExtension as _};

use super::customs::{Said, said};
use super::error::{Doing, Result};
use super::silence::Gate;
use super::{Database, PREFIX, is_ours};

/// The only settings that are part of the database and of its transaction.
const SETTINGS: [&str; 2] = ["user_version", "application_id"];
/// What only looks; SQLite itself asks so while it changes a table.
const LOOKS: [&str; 9] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_xinfo",
];
/// Functions that reach out of the database.
const FUNCTIONS: [&str; 5] = ["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"];
/// SQLite's own pages as a table.
const PAGES: &str = "sqlite_dbpage";

/// So many steps of SQLite's machine are one tick.
const TICK: i32 = 1_000_000;
/// Most ticks of one script: some minutes, and some hundred million rows.
const MOST_TICKS: u32 = 10_000;

/// What a script did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Tables of whose rows it wrote some itself, be it by a trigger that it made, or that it dropped.
    pub written: BTreeSet<String>,
    /// Tables that it, or a trigger of the application because of it, changed in any way.
    pub touched: BTreeSet<String>,
    /// What it called otherwise, one after the other.
    pub renamed: Vec<Renamed>,
}

/// A table that is called otherwise, or has columns that are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renamed {
    /// Its name before.
    pub before: String,
    /// Its name now.
    pub now: String,
    /// Names of columns before, with those that they have now.
    pub columns: Vec<(String, String)>,
}

enum Table<'n> {
    Called(&'n str),
    /// A table that is called otherwise stays where it begins.
    At(i64),
}

#[derive(Debug)]
struct Named {
    page: i64,
    name: String,
    columns: Vec<String>,
}

impl Named {
    /// What one statement called otherwise: one column at most, in its place.
    fn became(self, now: Self) -> Option<Renamed> {
        let differ = || self.columns.iter().zip(&now.columns).filter(|(before, now)| before != now);
        let is_one = self.columns.len() == now.columns.len() && differ().count() == 1;
        let columns = differ().filter(|_| is_one).map(|(before, now)| (before.clone(), now.clone())).collect::<Vec<_>>();
        let renamed = Renamed { before: self.name.clone(), now: now.name.clone(), columns };
        (renamed.before != renamed.now || !renamed.columns.is_empty()).then_some(renamed)
    }
}

/// Looks at every statement of a script.
#[derive(Debug)]
pub(super) struct Watch {
    did: Script,
    /// The table that the statement alters.
    alters: Option<String>,
    /// Triggers that it made.
    made: BTreeSet<String>,
    /// Why it was stopped.
    why: Option<String>,
    ticks_left: u32,
}

impl Watch {
    const fn new(ticks: u32) -> Self {
        let did = Script { written: BTreeSet::new(), touched: BTreeSet::new(), renamed: Vec::new() };
        Self { did, alters: None, made: BTreeSet::new(), why: None, ticks_left: ticks }
    }

    pub(super) fn judge(&mut self, context: &AuthContext<'_>) -> Authorization {
        if let Some(why) = refused(context) {
            self.why.get_or_insert(why);
            return Authorization::Deny;
        }
        if let AuthAction::AlterTable { table_name, .. } = context.action {
            self.alters = Some(table_name.to_owned());
        }
        if let AuthAction::CreateTrigger { trigger_name, .. } = context.action {
            self.made.insert(trigger_name.to_lowercase());
        }
        if let Some((table, rows)) = changed(&context.action)
            && !is_ours(table)
            && !table.starts_with("sqlite_")
        {
            self.did.touched.insert(table.to_owned());
            if rows && context.accessor.is_none_or(|by| self.made.contains(&by.to_lowercase())) {
                self.did.written.insert(table.to_owned());
            }
        }
        Authorization::Allow
    }

    /// Whether it has run for too long.
    const fn tick(&mut self) -> bool {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        self.ticks_left == 0
    }
}

/// Lets somebody stop what runs for too long.
pub(super) fn install(connection: &mut Connection, gate: std::sync::Arc<std::sync::Mutex<Gate>>) -> Result<()> {
    let handler = move || gate.lock().unwrap_or_else(PoisonError::into_inner).script.as_mut().is_some_and(Watch::tick);
    connection.progress_handler(TICK, Some(handler)).doing("watch how long statements run")
}

fn refused(context: &AuthContext<'_>) -> Option<String> {
    let action = &context.action;
    if matches!(action, AuthAction::Transaction { .. } | AuthAction::Savepoint { .. }) {
        return Some("BEGIN, COMMIT, ROLLBACK and SAVEPOINT are not allowed: all steps are one transaction".to_owned());
    }
    if matches!(action, AuthAction::Attach { .. } | AuthAction::Detach { .. }) {
        return Some("ATTACH, DETACH and VACUUM are not allowed: a step changes one database, from inside".to_owned());
    }
    if is_temporary(action) {
        return Some("TEMP is not allowed: make a table and drop it again".to_owned());
    }
    if let AuthAction::Pragma { pragma_name, .. } = action {
        let name = pragma_name.to_ascii_lowercase();
        let known = SETTINGS.contains(&name.as_str()) || LOOKS.contains(&name.as_str());
        return (!known).then(|| format!("PRAGMA {name} is no schema step"));
    }
    if let AuthAction::Function { function_name } = action {
        let reaches = FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(function_name));
        return reaches.then(|| format!("the function {function_name} is not allowed: a step changes one database, from inside"));
    }
    let (table, _) = changed(action)?;
    if table.eq_ignore_ascii_case(PAGES) {
        return Some(format!("{PAGES} is not allowed"));
    }
    (is_ours(table) && !context.accessor.is_some_and(is_ours)).then(ours)
}

const fn is_temporary(action: &AuthAction<'_>) -> bool {
    matches!(
        action,
        AuthAction::CreateTempIndex { .. }
            | AuthAction::CreateTempTable { .. }
            | AuthAction::CreateTempTrigger { .. }
            | AuthAction::CreateTempView { .. }
            | AuthAction::DropTempIndex { .. }
            | AuthAction::DropTempTable { .. }
            | AuthAction::DropTempTrigger { .. }
            | AuthAction::DropTempView { .. }
    )
}

/// The table that something changes, and whether it changes rows.
const fn changed<'c>(action: &AuthAction<'c>) -> Option<(&'c str, bool)> {
    if let AuthAction::Insert { table_name } | AuthAction::Update { table_name, .. } | AuthAction::Delete { table_name } = *action {
        return Some((table_name, true));
    }
    if let AuthAction::CreateTable { table_name }
    | AuthAction::DropTable { table_name }
    | AuthAction::AlterTable { table_name, .. }
    | AuthAction::CreateVtable { table_name, .. }
    | AuthAction::DropVtable { table_name, .. } = *action
    {
        return Some((table_name, false));
    }
    None
}

fn ours() -> String {
    format!("names that begin with {PREFIX} are fieldpost's own")
}

impl Database {
    /// Runs SQL that somebody wrote, statement by statement, in the open transaction.
    ///
    /// # Errors
    /// As SQLite says of the file; inside, its words about a statement, or ours where a statement is not allowed.
    pub fn run_script(&self, sql: &str) -> Result<Said<Script>> {
        self.run_script_for(sql, MOST_TICKS)
    }

    fn run_script_for(&self, sql: &str, ticks: u32) -> Result<Said<Script>> {
        if sql.to_ascii_lowercase().contains(PREFIX) {
            return Ok(Err(ours()));
        }
        self.gate().script = Some(Watch::new(ticks));
        let ran = self.run_statements(sql);
        let watch = self.gate().script.take().unwrap_or_else(|| Watch::new(0));
        if let Some(why) = watch.why {
            return Ok(Err(why));
        }
        if ran.is_err() && watch.ticks_left == 0 {
            return Ok(Err("it does not come to an end".to_owned()));
        }
        Ok(said(ran, "run a schema step")?.map(|()| watch.did))
    }

    fn run_statements(&self, sql: &str) -> rusqlite::Result<()> {
        let mut batch = Batch::new(&self.connection, sql);
        while let Some(mut statement) = batch.next()? {
            let alters = self.gate().script.as_mut().and_then(|watch| watch.alters.take());
            let before = alters.map(|table| self.called(Table::Called(&table))).transpose()?.flatten();
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            drop(rows);
            if let Some(before) = before
                && let Some(now) = self.called(Table::At(before.page))?
                && let Some(renamed) = before.became(now)
                && let Some(watch) = self.gate().script.as_mut()
            {
                watch.did.renamed.push(renamed);
            }
        }
        Ok(())
    }

    /// The names of a table and its columns.
    fn called(&self, which: Table<'_>) -> rusqlite::Result<Option<Named>> {
        let (column, value) = match which {
            Table::Called(name) => ("name COLLATE NOCASE", rusqlite::types::Value::Text(name.to_owned())),
            Table::At(page) => ("rootpage", rusqlite::types::Value::Integer(page)),
        };
        let sql = format!("SELECT rootpage, name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND {column} = ?1");
        let found = self.connection.query_row(&sql, [value], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).optional()?;
        let Some((page, name)) = found else { return Ok(None) };
        let mut statement = self.connection.prepare_cached("SELECT name FROM pragma_table_xinfo(?1) ORDER BY cid")?;
        let columns = statement.query_map([&name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Some(Named { page, name, columns }))
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn database(sql: &str) -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let database = Database::open(&path, Duration::from_secs(1)).unwrap();
        (folder, database)
    }

    #[test]
    fn a_script_says_which_tables_it_changed() {
        let (_folder, database) = database(
            "CREATE TABLE a (x); CREATE TABLE b (y); CREATE TABLE c (z); CREATE TABLE d (z);
             CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (new.x); END",
        );
        database.begin_write().unwrap();
        let good =
            "-- first\nINSERT INTO a VALUES (1); SELECT * FROM d; /* then */ ALTER TABLE c ADD COLUMN k NOT NULL DEFAULT 1 CHECK (k > 0);
            CREATE TABLE e AS SELECT 1 AS q; PRAGMA user_version = 7; PRAGMA table_info(a);";
        let did = database.run_script(good).unwrap().unwrap();
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!((names(&did.written), names(&did.touched)), ("a".to_owned(), "a b c e".to_owned()));
        let renaming = "ALTER TABLE c RENAME COLUMN z TO \"new z\"; ALTER TABLE c RENAME TO cc; ALTER TABLE cc DROP COLUMN k;
            CREATE TABLE n (\"new z\", more); DROP TABLE cc; ALTER TABLE n RENAME TO cc";
        let said = database.run_script(renaming).unwrap().unwrap().renamed;
        let said: Vec<String> = said.iter().map(|one| format!("{} {} {:?}", one.before, one.now, one.columns)).collect();
        assert_eq!(said, [r#"c c [("z", "new z")]"#, "c cc []", "n cc []"]);
        let dropped = database.run_script("DROP TABLE d").unwrap().unwrap();
        assert_eq!((names(&dropped.written), names(&dropped.touched)), ("d".to_owned(), "d".to_owned()));
        database.rollback().unwrap();
        assert_eq!(database.table_names().unwrap(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_script_stays_in_its_transaction_and_in_its_database() {
        let (folder, database) = database("CREATE TABLE a (x); INSERT INTO a VALUES (1)");
        let outside = folder.path().join("outside.db");
        database.begin_write().unwrap();
        for (sql, expected) in [
            ("INSERT INTO a VALUES (2); COMMIT", "COMMIT, ROLLBACK and SAVEPOINT are not allowed"),
            ("-- x\n /* y */ ; rollback", "are not allowed"),
            ("EXPLAIN COMMIT", "are not allowed"),
            ("SAVEPOINT x", "are not allowed"),
            ("RELEASE x", "are not allowed"),
            (&format!("ATTACH '{}' AS x", outside.display()), "ATTACH, DETACH"),
            ("DETACH main", "ATTACH, DETACH"),
            ("VACUUM", "VACUUM"),
            (&format!("VACUUM INTO '{}'", outside.display()), "VACUUM"),
            ("PRAGMA journal_mode = delete", "PRAGMA journal_mode"),
            ("PRAGMA writable_schema = ON", "PRAGMA writable_schema"),
            ("EXPLAIN PRAGMA writable_schema = ON", "PRAGMA writable_schema"),
            ("EXPLAIN QUERY PLAN PRAGMA foreign_keys = ON", "PRAGMA foreign_keys"),
            ("PRAGMA main . trusted_schema (0)", "PRAGMA trusted_schema"),
            ("DELETE FROM sqlite_schema WHERE name LIKE '%' || 'field' || '%'", "may not be modified"),
            ("DELETE FROM sqlite_schema", "may not be modified"),
            ("UPDATE sqlite_dbpage SET data = zeroblob(4096)", "sqlite_dbpage"),
            ("CREATE TEMP TABLE a (x)", "TEMP is not allowed"),
            ("CREATE TEMP TRIGGER t AFTER INSERT ON main.a BEGIN DELETE FROM a; END", "TEMP is not allowed"),
            ("CREATE TEMP VIEW a AS SELECT 1", "TEMP is not allowed"),
            ("SELECT load_extension('x')", "load_extension"),
            ("SELECT Load_Extension('x', 'y')", "not allowed"),
            ("DROP TABLE \"_FieldPost_state\"", "fieldpost's own"),
            ("CREATE VIEW v AS SELECT * FROM [_fieldpost_log]", "fieldpost's own"),
            ("CREATE TABLE a (x)", "already exists"),
            ("nonsense", "syntax error"),
        ] {
            let words = database.run_script(sql).unwrap().expect_err(sql);
            assert!(words.contains(expected), "{sql}: {words}");
            assert!(database.in_transaction(), "{sql}");
        }
        // Nothing of what was refused took effect: SQLite's own tables are as safe as before.
        for setting in ["writable_schema", "foreign_keys"] {
            assert_eq!(
                database.texts("ask", &format!("SELECT {setting} || '' FROM pragma_{setting}")).unwrap_or_default(),
                ["0"],
                "{setting}"
            );
        }
        database.rollback().unwrap();
        assert_eq!(database.table_names().unwrap(), ["a"]);
        assert!(!outside.exists());
    }

    #[test]
    fn a_script_that_does_not_end_is_ended() {
        let (_folder, database) = database("CREATE TABLE a (x)");
        database.begin_write().unwrap();
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let words = database.run_script_for(endless, 3).unwrap().unwrap_err();
        assert_eq!(words, "it does not come to an end");
        assert!(database.in_transaction());
        database.run_script("INSERT INTO a VALUES (1)").unwrap().unwrap();
    }

    /// What our own triggers write is capture, and is written all the same.
    #[test]
    fn what_a_script_writes_is_noted() {
        let (_folder, database) = database(
            "CREATE TABLE \"_fieldpost_log\" (x); CREATE TABLE a (x);
            CREATE TRIGGER \"_fieldpost_insert\" AFTER INSERT ON a BEGIN INSERT INTO \"_fieldpost_log\" VALUES (new.x); END;
            CREATE TRIGGER sly AFTER DELETE ON a BEGIN DELETE FROM \"_fieldpost_log\"; END",
        );
        database.begin_write().unwrap();
        let did = database.run_script("INSERT INTO a VALUES (1)").unwrap().unwrap();
        assert_eq!(did.touched, BTreeSet::from(["a".to_owned()]));
        assert_eq!(database.texts("ask", "SELECT x || '' FROM \"_fieldpost_log\"").unwrap(), ["1"]);
        assert!(database.run_script("DELETE FROM a").unwrap().unwrap_err().contains("fieldpost's own"));
    }
}
