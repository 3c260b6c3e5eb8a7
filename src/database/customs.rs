//! How do the rows of customizations get into the database: single rows, named by columns that a publisher chose?
//!
//! Unlike [`rows`](super::rows), which writes records that arrive, this writes as the application does: its triggers run and capture
//! notes what was written. A conflict clause in the schema that would delete another row, or leave one out, refuses instead. Everything happens in the open transaction of the caller. What the database's own rules refuse is no
//! error of ours: it comes back as SQLite's words ([`Said`]).

use std::collections::BTreeMap;

use super::error::{Doing, Result};
use super::facts::Facts;
use super::plan::{bind, value};
use super::sql::words;
use super::{Database, DatabaseError, is_ours, quote, quote_text};
use crate::model::Value;

/// A result, or the words in which the database refused.
pub type Said<T> = std::result::Result<T, String>;

impl Database {
    /// Names of all tables but SQLite's and ours.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn table_names(&self) -> Result<Vec<String>> {
        let names = self
            .texts("list the tables", "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
        Ok(names.into_iter().filter(|name| !is_ours(name)).collect())
    }

    /// All tables but SQLite's, ours and virtual ones, with their columns, without computed ones, in their order.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn ordinary_tables(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let doing = "list the columns of all tables";
        let sql = "SELECT list.name, info.name FROM pragma_table_list AS list, pragma_table_xinfo(list.name) AS info \
            WHERE list.schema = 'main' AND list.type = 'table' AND list.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND info.hidden = 0 \
            ORDER BY list.name, info.cid";
        let mut statement = self.connection.prepare(sql).doing(doing)?;
        let mut rows = statement.query([]).doing(doing)?;
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(row) = rows.next().doing(doing)? {
            let table: String = row.get(0).doing(doing)?;
            if !is_ours(&table) {
                all.entry(table).or_default().push(row.get(1).doing(doing)?);
            }
        }
        Ok(all)
    }

    /// Whether no record has a value in a column.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn is_empty_column(&self, table: &str, column: &str) -> Result<bool> {
        let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {} WHERE {} IS NOT NULL)", quote(table), quote(column));
        self.connection.query_row(&sql, [], |row| row.get(0)).doing("look whether a column is empty")
    }

    /// The columns of a table that can be written; none where there is no such table. What is ours or SQLite's is nobody's table.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn writable_columns(&self, table: &str) -> Result<Option<Vec<String>>> {
        if is_ours(table) || table.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_")) {
            return Ok(None);
        }
        let facts = Facts::read(&self.connection, table)?;
        let columns: Vec<String> = facts.columns.into_iter().filter(|column| !column.generated).map(|column| column.name).collect();
        Ok((!columns.is_empty()).then_some(columns))
    }

    /// The columns of a table that can be written, each with what SQLite fills it with; none where that is no constant.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn filled_columns(&self, table: &str) -> Result<Vec<(String, Option<Value>)>> {
        let columns = self.writable_columns(table)?.unwrap_or_default();
        let mut filled = Vec::new();
        for column in columns {
            let fill = self.constant_default_of(table, &column)?;
            filled.push((column, fill));
        }
        Ok(filled)
    }

    /// Whether a table has a key by which its records travel: of its own, or these columns.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn has_key(&self, table: &str, named: &[String]) -> Result<bool> {
        let facts = Facts::read(&self.connection, table)?;
        Ok(facts.key().is_some() || (!named.is_empty() && facts.named_key(named.iter().map(String::as_str)).is_ok()))
    }

    /// Whether a table is there and has these columns.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn has_columns(&self, table: &str, columns: &[String]) -> Result<bool> {
        Ok(self.walk(table, columns, "LIMIT 0", &[], &mut drop)?.is_ok())
    }

    /// At most `most` rows of a table whose key columns hold these values, each as the values of `columns`; all rows for an empty key.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn rows_of(&self, table: &str, columns: &[String], key: &[(String, Value)], most: usize) -> Result<Said<Vec<Vec<Value>>>> {
        let mut found = Vec::new();
        let end = format!("WHERE {} LIMIT {most}", condition(key));
        Ok(self.walk(table, columns, &end, key, &mut |values| found.push(values))?.map(|()| found))
    }

    /// Gives each row of a table to `with`, as the values of `columns`.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn each_row(&self, table: &str, columns: &[String], with: &mut dyn FnMut(Vec<Value>)) -> Result<Said<()>> {
        self.walk(table, columns, "", &[], with)
    }

    fn walk(
        &self,
        table: &str,
        columns: &[String],
        end: &str,
        key: &[(String, Value)],
        with: &mut dyn FnMut(Vec<Value>),
    ) -> Result<Said<()>> {
        // A name in quotes that is no column is a text to SQLite, unless a table stands before it.
        let listed: Vec<String> = columns.iter().map(|column| format!("r.{}", quote(column))).collect();
        let listed = if listed.is_empty() { "1".to_owned() } else { listed.join(", ") };
        let sql = format!("SELECT {listed} FROM {} AS r {end}", quote(table));
        let doing = "read rows of a list";
        let mut statement = match said(self.connection.prepare_cached(&sql), doing)? {
            Ok(statement) => statement,
            Err(words) => return Ok(Err(words)),
        };
        bind(&mut statement, 1, key.iter().map(|(_, value)| value))?;
        let mut rows = statement.raw_query();
        loop {
            // Only now is a statement that was prepared before compared with a schema that has moved on.
            let row = match said(rows.next(), doing)? {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok(())),
                Err(words) => return Ok(Err(words)),
            };
            let values = (0..columns.len()).map(|place| row.get_ref(place).map(value));
            with(values.collect::<rusqlite::Result<_>>().doing(doing)?);
        }
    }

    /// How many rows of a table are exactly this one, also in the case of letters.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn count_alike(&self, table: &str, columns: &[String], values: &[Value]) -> Result<Said<usize>> {
        let mut count = 0;
        Ok(self.walk(table, &[], &format!("WHERE {}", alike(columns)), &zip(columns, values), &mut |_| count += 1)?.map(|()| count))
    }

    /// Whether a row of a key is exactly this one in these columns, also in the case of letters.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn row_holds(&self, table: &str, key: &[(String, Value)], columns: &[String], values: &[Value]) -> Result<Said<bool>> {
        let (mut count, all) = (0, [key, &zip(columns, values)].concat());
        let end = format!("WHERE {} AND {}", condition(key), alike(columns));
        Ok(self.walk(table, &[], &end, &all, &mut |_| count += 1)?.map(|()| count > 0))
    }

    /// Adds a row.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn add_row(&self, table: &str, columns: &[String], values: &[Value]) -> Result<Said<()>> {
        let listed: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let or = self.or_abort(table)?;
        self.write_row(table, &format!("INSERT{or} INTO {} ({}) VALUES ({places})", quote(table), listed.join(", ")), values)
    }

    /// Sets columns of the rows of a key.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn set_row(&self, table: &str, columns: &[String], values: &[Value], key: &[(String, Value)]) -> Result<Said<()>> {
        let set: Vec<String> = columns.iter().map(|column| format!("{} = ?", quote(column))).collect();
        let all: Vec<Value> = values.iter().chain(key.iter().map(|(_, value)| value)).cloned().collect();
        let or = self.or_abort(table)?;
        self.write_row(table, &format!("UPDATE{or} {} AS r SET {} WHERE {}", quote(table), set.join(", "), condition(key)), &all)
    }

    /// Deletes the rows of a key, which is not empty.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn delete_row(&self, table: &str, key: &[(String, Value)]) -> Result<Said<()>> {
        let values: Vec<Value> = key.iter().map(|(_, value)| value.clone()).collect();
        self.write_row(table, &format!("DELETE FROM {} AS r WHERE {}", quote(table), condition(key)), &values)
    }

    /// Deletes all rows that are exactly this one.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn delete_alike(&self, table: &str, columns: &[String], values: &[Value]) -> Result<Said<()>> {
        self.write_row(table, &format!("DELETE FROM {} AS r WHERE {}", quote(table), alike(columns)), values)
    }

    /// What overrides conflict clauses of a table, which could delete somebody's record to make room, where it has any; and those of any other
    /// that a trigger may write, where they would take back everything that was done. Not everywhere: it would override those inside triggers as well, which
    /// are the application's way to count and to remember.
    pub(super) fn or_abort(&self, table: &str) -> Result<&'static str> {
        let doing = "look for conflict clauses";
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%conflict%'";
        let own = format!("{sql} AND name = {} COLLATE NOCASE", quote_text(table));
        let is = |word: &String, text: &str| word.eq_ignore_ascii_case(text);
        let is_clause = |pair: &[String]| is(&pair[0], "on") && is(&pair[1], "conflict");
        let takes_all_back = |three: &[String]| is_clause(three) && is(&three[2], "rollback");
        let overrides = self.texts(doing, &own)?.iter().any(|text| words(text).windows(2).any(is_clause))
            || self.texts(doing, sql)?.iter().any(|text| words(text).windows(3).any(takes_all_back));
        Ok(if overrides { " OR ABORT" } else { "" })
    }

    /// Where nothing is written, a trigger said `RAISE(IGNORE)`: whoever writes a row of a table knows that it is there, or is not.
    pub(super) fn write_row(&self, table: &str, sql: &str, values: &[Value]) -> Result<Said<()>> {
        let doing = "write a row of a list";
        self.still()?;
        match said(self.connection.prepare_cached(sql), doing)? {
            Ok(mut statement) => {
                bind(&mut statement, 1, values)?;
                let written = said(statement.raw_execute(), doing)?;
                // What is written into a view counts nowhere.
                let is_left_out = written == Ok(0) && self.table_names()?.iter().any(|name| name.eq_ignore_ascii_case(table));
                Ok(if is_left_out { Err("a trigger of the application leaves it out".to_owned()) } else { written.map(drop) })
            }
            Err(words) => Ok(Err(words)),
        }
    }
}

/// `IS` takes NULL for a value; a column's type is brought to bear on what is bound.
pub(super) fn condition(key: &[(String, Value)]) -> String {
    let parts: Vec<String> = key.iter().map(|(column, _)| format!("r.{} IS ?", quote(column))).collect();
    if parts.is_empty() { "1".to_owned() } else { parts.join(" AND ") }
}

/// Every column, in the case of letters too.
fn alike(columns: &[String]) -> String {
    let parts: Vec<String> = columns.iter().map(|column| format!("r.{} IS ? COLLATE BINARY", quote(column))).collect();
    parts.join(" AND ")
}

fn zip(columns: &[String], values: &[Value]) -> Vec<(String, Value)> {
    columns.iter().cloned().zip(values.iter().cloned()).collect()
}

/// What is about the statement is said, what is about the file is an error.
pub(super) fn said<T>(result: rusqlite::Result<T>, doing: &'static str) -> Result<Said<T>> {
    match result.doing(doing) {
        Ok(done) => Ok(Ok(done)),
        Err(DatabaseError::Sqlite { source, .. }) => Ok(Err(source.to_string())),
        Err(error @ DatabaseError::OutOfStep { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn database(sql: &str) -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let database = Database::open(&path, Duration::from_secs(1)).unwrap();
        (folder, database)
    }

    #[test]
    fn a_row_is_found_by_what_its_columns_make_of_a_text() {
        let (_folder, database) =
            database("CREATE TABLE a (id INTEGER, part TEXT, name, twice AS (id * 2)); INSERT INTO a VALUES (1, '2', NULL)");
        let columns = database.writable_columns("a").unwrap().unwrap();
        assert_eq!(columns, ["id", "part", "name"]);
        assert_eq!(database.writable_columns("none").unwrap(), None);
        let key = [("id".to_owned(), Value::text("1")), ("part".to_owned(), Value::Integer(2))];
        let row = |key: &[(String, Value)]| database.rows_of("a", &columns, key, 2).unwrap().unwrap();
        assert_eq!(row(&key), [[Value::Integer(1), Value::text("2"), Value::Null]]);
        database.set_row("a", &columns[2..], &[Value::text("x")], &key).unwrap().unwrap();
        database.add_row("a", &columns, &[Value::Integer(3), Value::Null, Value::Null]).unwrap().unwrap();
        assert_eq!(row(&[]).len(), 2);
        database.delete_row("a", &key).unwrap().unwrap();
        assert_eq!(row(&[]), [[Value::Integer(3), Value::Null, Value::Null]]);
        assert!(database.add_row("a", &["nothing".to_owned()], &[Value::Null]).unwrap().is_err());
    }

    #[test]
    fn clauses_inside_triggers_stay_what_they_are_where_the_table_has_none() {
        let schema = |column: &str| {
            format!(
                "CREATE TABLE a (id INTEGER PRIMARY KEY, on_conflict TEXT /* conflict */ {column});
                 CREATE TABLE last (one INTEGER PRIMARY KEY, id); INSERT INTO last VALUES (1, 0);
                 CREATE TRIGGER remember AFTER INSERT ON a BEGIN INSERT OR REPLACE INTO last VALUES (1, new.id); END"
            )
        };
        let add = |database: &Database| database.add_row("a", &["id".to_owned()], &[Value::Integer(7)]).unwrap();
        let (_folder, database) = database(&schema(""));
        add(&database).unwrap();
        assert_eq!(database.rows_of("last", &["id".to_owned()], &[], 2).unwrap().unwrap(), [[Value::Integer(7)]]);
        let (_folder, database) = self::database(&schema("UNIQUE ON CONFLICT REPLACE"));
        assert!(add(&database).is_err(), "a clause of the table is overridden, and with it the trigger's");
    }

    #[test]
    fn references_that_lead_nowhere_are_counted() {
        let (_folder, database) = database(
            "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)",
        );
        assert_eq!(database.dangling_records().unwrap().len(), 0);
        database.delete_row("a", &[("id".to_owned(), Value::Integer(1))]).unwrap().unwrap();
        assert_eq!(database.dangling_records().unwrap().len(), 1);
    }
}
