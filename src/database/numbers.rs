//! Numbers that the database hands out to its records: which come next, and who refers to one.

use std::collections::BTreeMap;

use rusqlite::ErrorCode;

use super::customs::Said;
use super::error::{Doing, Result};
use super::plan::{Bound, bind, column, join, key_at};
use super::{Database, quote};
use crate::model::{FieldNo, Key, NumberField, NumberForm, Row, Shape, TableNo, Value};

/// A table and a column of it.
pub type Column = (String, String);

impl Database {
    /// Whether the table never gives a number twice (`AUTOINCREMENT`).
    ///
    /// # Errors
    /// As SQLite says.
    pub fn is_autoincrement(&self, shape: &Shape) -> Result<bool> {
        let key = shape.name_of(shape.key[0]);
        match self.connection.column_metadata(Some("main"), shape.name.as_str(), key) {
            Ok((.., autoincrement)) => Ok(autoincrement),
            // There is no such column any more.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(false),
            Err(error) => Err(error).doing("look at how numbers are handed out"),
        }
    }

    /// The highest number below `limit` that a record of the table has; 0 for none.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn highest_number(&self, shape: &Shape, limit: i64) -> Result<i64> {
        let key = column(shape.name_of(shape.key[0]));
        let sql = format!("SELECT coalesce(max({key}), 0) FROM {} AS r WHERE {key} < ?1", quote(&shape.name));
        let mut statement = self.connection.prepare_cached(&sql).doing("look for the highest number")?;
        statement.query_row([limit], |row| row.get(0)).doing("look for the highest number")
    }

    /// The highest number that an AUTOINCREMENT table ever gave; 0 for none.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn sequence(&self, shape: &Shape) -> Result<i64> {
        Ok(self.sequences()?.get(&shape.name).copied().unwrap_or_default())
    }

    /// Makes an AUTOINCREMENT table go on after `number`, where it is not further already.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn raise_sequence(&self, shape: &Shape, number: i64) -> Result<()> {
        self.set_sequences(&BTreeMap::from([(shape.name.clone(), number)]))
    }

    /// Every column in a foreign key, as they are declared now, with the column that it refers to: tables and columns.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn declared_references(&self) -> Result<Vec<(Column, Column)>> {
        let doing = "look for foreign keys";
        let sql = "SELECT * FROM (SELECT m.name, f.\"from\", f.\"table\",
                coalesce(f.\"to\", (SELECT i.name FROM pragma_table_info(f.\"table\") AS i WHERE i.pk = f.seq + 1)) AS referred
            FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table') WHERE referred IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let found = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))));
        found.and_then(Iterator::collect).doing(doing)
    }

    /// Makes rows of a table that nobody tracks refer to another number. Says whether there are any.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn refer_to(&self, table: &str, column: &str, from: i64, to: i64) -> Result<Said<bool>> {
        let there = format!("SELECT EXISTS (SELECT 1 FROM {} AS r WHERE {} IS ?1)", quote(table), self::column(column));
        let is_there = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
        // Whoever sets a row knows that it is there.
        if let Ok(false) = self.connection.prepare_cached(&there).and_then(|mut statement| statement.query_row([from], is_there)) {
            return Ok(Ok(false));
        }
        let said = self.set_row(table, &[column.to_owned()], &[Value::Integer(to)], &[(column.to_owned(), Value::Integer(from))])?;
        Ok(said.map(|()| self.connection.changes() > 0))
    }

    /// The key of the first record that agrees with `row` in these fields, as the database compares them; none where one of
    /// them is empty in `row`.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn agreeing(&self, shape: &Shape, fields: &[FieldNo], row: &Row) -> Result<Option<Key>> {
        let doing = "look for the same record";
        let values: Vec<&Value> = fields.iter().map(|field| row.get(*field)).collect();
        if values.is_empty() || values.iter().any(|value| !value.is_stated() || **value == Value::Null) {
            return Ok(None);
        }
        let keys = join(", ", shape.key.iter().map(|field| column(shape.name_of(*field))));
        let agrees = join(" AND ", (1..).zip(fields).map(|(n, field): (usize, _)| format!("{} = ?{n}", column(shape.name_of(*field)))));
        let sql = format!("SELECT {keys} FROM {} AS r WHERE {agrees} ORDER BY {keys} LIMIT 1", quote(&shape.name));
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        bind(&mut statement, 1, values)?;
        let mut rows = statement.raw_query();
        let Some(found) = rows.next().doing(doing)? else { return Ok(None) };
        Ok(key_at(found, 0..shape.key.len()).doing(doing)?.ok())
    }

    /// Keys of the records whose field may hold this number of a record of `target`: at least those that do.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn referring_to(&self, shape: &Shape, numbers: &NumberField, target: TableNo, number: i64) -> Result<Vec<Key>> {
        let doing = "look for records that refer to a number";
        let keys = join(", ", shape.key.iter().map(|field| column(shape.name_of(*field))));
        let name = |field: FieldNo| column(shape.name_of(field));
        let field = name(numbers.field);
        let digits = Value::text(&number.to_string());
        let words = |tables: &BTreeMap<String, TableNo>| -> Vec<String> {
            tables.iter().filter(|(_, table)| **table == target).map(|(word, _)| word.clone()).collect()
        };
        let (test, values) = match &numbers.form {
            NumberForm::Number { .. } => (format!("{field} IN (?1, ?2)"), vec![Value::Integer(number), digits]),
            NumberForm::Typed { kind, tables } => {
                let mut values = vec![Value::Integer(number), digits];
                for word in words(tables) {
                    values.extend(word.parse().ok().map(Value::Integer));
                    values.push(Value::text(&word));
                }
                let list = join(", ", (3..=values.len()).map(|n| format!("?{n}")));
                (format!("{field} IN (?1, ?2) AND {} IN ({list})", name(*kind)), values)
            }
            NumberForm::Text { separator, tables } => {
                let values: Vec<Value> = words(tables).iter().map(|word| Value::text(&format!("{word}{separator}{number}"))).collect();
                let list = join(", ", (1..=values.len()).map(|n| format!("?{n}")));
                (format!("{field} IN ({list})"), values)
            }
            NumberForm::Json { .. } => (format!("instr({field}, ?1) > 0"), vec![digits]),
        };
        let sql = format!("SELECT {keys} FROM {} AS r WHERE {test}", quote(&shape.name));
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        for (place, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(place + 1, Bound(value)).doing(doing)?;
        }
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().doing(doing)? {
            // A record without a usable key does not travel; its references are the application's business.
            found.extend(key_at(row, 0..shape.key.len()).doing(doing)?);
        }
        Ok(found)
    }
}
