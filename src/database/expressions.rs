//! What does a piece of SQL that a person wrote into the rules say of a record?
//!
//! It is an expression over the columns of one table and may look into others; whatever would write is refused. Where it does not
//! run, the answer is SQLite's words: a rule that cannot be read must never stop a round.

use super::error::Result;
use super::plan::{Plan, bind_key, value};
use super::{Database, quote};
use crate::model::{Key, Shape, Value};

impl Database {
    /// What a piece of SQL over the columns of a record says of it; NULL where there is no such record. Inside are SQLite's words
    /// where the SQL does not run here, or would write.
    ///
    /// # Errors
    /// [`super::DatabaseError::ShapeMoved`].
    pub fn evaluate(&self, shape: &Shape, key: &Key, sql: &str) -> Result<std::result::Result<Value, String>> {
        let plan = self.plan(shape)?;
        // The line ends before the bracket, so that a comment in the SQL does not swallow it.
        let text = format!("SELECT ({sql}\n) FROM {} AS r WHERE {}", plan.table, plan.matches_key);
        let mut statement = match self.connection.prepare_cached(&text) {
            Ok(statement) if statement.readonly() && statement.column_count() == 1 => statement,
            Ok(_) => return Ok(Err("it is no expression".to_owned())),
            Err(error) => return Ok(Err(words_of(&error))),
        };
        bind_key(&mut statement, key)?;
        let mut rows = statement.raw_query();
        Ok(match rows.next() {
            Ok(Some(row)) => row.get_ref(0).map(value).map_err(|error| words_of(&error)),
            Ok(None) => Ok(Value::Null),
            Err(error) => Err(words_of(&error)),
        })
    }

    /// Why a piece of SQL over the columns of a table does not run here; none where it does.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn expression_fault(&self, shape: &Shape, sql: &str) -> Result<Option<String>> {
        let plan = self.plan(shape)?;
        let text = format!("SELECT ({sql}\n) FROM {} AS r", plan.table);
        Ok(match self.connection.prepare(&text) {
            Ok(statement) if statement.readonly() && statement.column_count() == 1 => None,
            Ok(_) => Some("it is no expression".to_owned()),
            Err(error) => Some(self.words_alone(&plan, sql, &error)),
        })
    }

    /// SQLite's words on a piece of SQL with nothing of ours behind it; else those of `error`.
    fn words_alone(&self, plan: &Plan, sql: &str, error: &rusqlite::Error) -> String {
        let alone = self.connection.prepare(&format!("SELECT 1 FROM {} AS r WHERE {sql}", plan.table));
        alone.map_or_else(|alone| words_of(&alone), |_| words_of(error))
    }

    /// The keys of the records for which a piece of SQL is true, in the order of the table, up to `limit`. Inside are SQLite's words
    /// where it does not run here.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn keys_where(&self, shape: &Shape, sql: &str, limit: usize) -> Result<std::result::Result<Vec<Key>, String>> {
        let plan = self.plan(shape)?;
        let names: Vec<String> = shape.key.iter().map(|field| format!("r.{}", quote(shape.name_of(*field)))).collect();
        let text = format!("SELECT {} FROM {} AS r WHERE ({sql}\n) LIMIT {limit}", names.join(", "), plan.table);
        let mut statement = match self.connection.prepare(&text) {
            Ok(statement) if statement.readonly() => statement,
            Ok(_) => return Ok(Err("it is no expression".to_owned())),
            Err(error) => return Ok(Err(self.words_alone(&plan, sql, &error))),
        };
        let mut keys = Vec::new();
        let mut rows = statement.raw_query();
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let values: rusqlite::Result<Vec<Value>> = (0..names.len()).map(|at| row.get_ref(at).map(value)).collect();
                    match values {
                        // A record without a key is nobody's.
                        Ok(values) => keys.extend(Key::new(values.iter()).ok()),
                        Err(error) => return Ok(Err(words_of(&error))),
                    }
                }
                Ok(None) => return Ok(Ok(keys)),
                Err(error) => return Ok(Err(words_of(&error))),
            }
        }
    }
}

/// SQLite's words without the statement around what they are about.
pub(super) fn words_of(error: &rusqlite::Error) -> String {
    if let rusqlite::Error::SqlInputError { msg, .. } = error { msg.clone() } else { error.to_string() }
}
