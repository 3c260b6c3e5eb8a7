//! What does a column make of a value, and which texts are one to it?
//!
//! A list says `01` where the column holds 1, and `abc` where it holds the same row's `ABC`. Of a row that is there the database says so; of one
//! that somebody deleted it has to be known beforehand.

use rusqlite::Connection;

use super::Database;
use super::error::{Doing, Result};
use super::facts::{Affinity, Facts, is_real};
use super::plan::{bind, value};
use crate::model::Value;

/// Which texts are one to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameText {
    /// Only the same one.
    Exact,
    /// `COLLATE NOCASE`: without ASCII case.
    AnyCase,
    /// `COLLATE RTRIM`: without spaces at the end.
    AnySpaces,
}

impl SameText {
    /// The one for all of them.
    #[must_use]
    pub fn of(self, text: &str) -> String {
        match self {
            Self::Exact => text.to_owned(),
            Self::AnyCase => text.to_ascii_lowercase(),
            Self::AnySpaces => text.trim_end_matches(' ').to_owned(),
        }
    }
}

impl Database {
    /// Which texts are one to a column; the same one only where there is no such column, or its collation is the application's.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn same_text(&self, table: &str, column: &str) -> Result<SameText> {
        let Ok((_, collation, ..)) = self.connection.column_metadata(None, table, column) else { return Ok(SameText::Exact) };
        let is = |name: &str| collation.is_some_and(|collation| collation.to_bytes().eq_ignore_ascii_case(name.as_bytes()));
        Ok(if is("NOCASE") {
            SameText::AnyCase
        } else if is("RTRIM") {
            SameText::AnySpaces
        } else {
            SameText::Exact
        })
    }

    /// Whether two values are one to a column; what is not stated is not.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn are_one(&self, table: &str, column: &str, one: &Value, other: &Value) -> Result<bool> {
        if !one.is_stated() || !other.is_stated() {
            return Ok(false);
        }
        let texts = self.same_text(table, column)?;
        let text = |value: &Value| match value {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok().map(|text| texts.of(text)),
            Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => None,
        };
        let stored: Vec<Value> =
            self.as_stored(table, &[column.to_owned()], &[vec![one.clone()], vec![other.clone()]])?.into_iter().flatten().collect();
        let [one, other] = &stored[..] else { return Ok(false) };
        Ok(one == other || text(one).is_some_and(|one| Some(one) == text(other)))
    }

    /// What foreign keys that hold these values ask for: the columns referred to bring their affinities.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn as_referred(&self, table: &str, columns: &[String], values: Vec<Value>) -> Result<Vec<Value>> {
        // Mostly both are of one type, and nothing needs to be asked.
        let fits = |(column, value): (&String, &Value)| {
            let metadata = self.connection.column_metadata(None, table, column.as_str()).ok();
            let declared =
                metadata.and_then(|(declared, ..)| declared).map_or_else(String::new, |kind| kind.to_string_lossy().into_owned());
            let affinity = Affinity::of(&declared);
            match value {
                Value::Text(_) => affinity != Affinity::Numeric,
                Value::Integer(_) => affinity == Affinity::Blob || affinity == Affinity::Numeric && !is_real(&declared),
                Value::Real(_) => affinity == Affinity::Blob,
                Value::Absent | Value::Null | Value::Blob(_) => true,
            }
        };
        if columns.iter().zip(&values).all(fits) {
            return Ok(values);
        }
        Ok(self.as_stored(table, columns, std::slice::from_ref(&values))?.pop().unwrap_or(values))
    }

    /// What these columns would hold if rows with these values were written. Asked of an empty database: nothing that the application's table
    /// wants is in the way.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn as_stored(&self, table: &str, columns: &[String], rows: &[Vec<Value>]) -> Result<Vec<Vec<Value>>> {
        let doing = "see what columns make of values";
        let facts = Facts::read(&self.connection, table)?;
        let kind = |name: &String| {
            let found = facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
            found.map_or("BLOB", |column| match column.affinity {
                Affinity::Numeric if column.is_real => "REAL",
                Affinity::Numeric => "NUMERIC",
                Affinity::Text => "TEXT",
                Affinity::Blob => "BLOB",
            })
        };
        let declared: Vec<String> = columns.iter().enumerate().map(|(place, name)| format!("c{place} {}", kind(name))).collect();
        let scratch = Connection::open_in_memory().doing(doing)?;
        scratch.execute_batch(&format!("CREATE TABLE cells ({})", declared.join(", "))).doing(doing)?;
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert = scratch.prepare(&format!("INSERT INTO cells VALUES ({places})")).doing(doing)?;
        for row in rows {
            bind(&mut insert, 1, row)?;
            insert.raw_execute().doing(doing)?;
        }
        let mut all = scratch.prepare("SELECT * FROM cells ORDER BY rowid").doing(doing)?;
        let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|place| row.get_ref(place).map(value)).collect();
        all.query_map([], read).and_then(Iterator::collect).doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn cells_are_what_the_columns_make_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let sql =
            "CREATE TABLE a (i INTEGER PRIMARY KEY, r REAL, t VARCHAR(9) COLLATE NOCASE, n, s TEXT COLLATE RTRIM, \"two words\" NUMERIC)";
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let database = Database::open(&path, Duration::from_secs(1)).unwrap();
        let columns = ["i", "R", "t", "n", "s", "two words"].map(str::to_owned);
        let texts = |texts: [&str; 6]| texts.map(|text| Value::Text(text.as_bytes().into())).to_vec();
        let rows = [texts(["01", "1.50", "01", "01", "01", "1.0"]), texts(["x", "2", "A", "", " ", "9223372036854775808"])];
        let stored = database.as_stored("A", &columns, &rows).unwrap();
        let text = |text: &str| Value::Text(text.as_bytes().into());
        assert_eq!(stored[0], [Value::Integer(1), Value::Real(1.5), text("01"), text("01"), text("01"), Value::Integer(1)]);
        assert_eq!(stored[1][..3], [text("x"), Value::Real(2.0), text("A")]);
        let asked = |column: &str, value: Value| database.as_referred("a", &[column.to_owned()], vec![value]).unwrap().remove(0);
        assert_eq!(
            [asked("I", text("2")), asked("t", Value::Integer(2)), asked("n", Value::Integer(2))],
            [Value::Integer(2), text("2"), Value::Integer(2)]
        );
        assert_eq!(
            [asked("r", Value::Integer(2)), asked("i", Value::Real(2.0)), asked("i", text("x"))],
            [Value::Real(2.0), Value::Integer(2), text("x")]
        );
        let folded = columns.each_ref().map(|column| database.same_text("a", column).unwrap().of("Ab "));
        assert_eq!(folded, ["Ab ", "Ab ", "ab ", "Ab ", "Ab", "Ab "]);
        assert_eq!(database.same_text("none", "x").unwrap(), SameText::Exact);
    }
}
