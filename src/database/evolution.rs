//! What a schema change needs of the database: what new columns were filled with, and logs that follow their tables.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::capture::{insert_trigger, log_table};
use super::error::{Doing, Result};
use super::facts::{Affinity, Facts};
use super::plan::key_columns;
use super::sql::tokens;
use super::{Database, PREFIX, quote};
use crate::model::{FieldNo, PairId, Shape, Value};
use crate::world::World;

impl Database {
    /// What SQLite fills a column with that is added to a table with records: the same in each. None where that is no constant.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn constant_default(&self, shape: &Shape, field: FieldNo) -> Result<Option<Value>> {
        self.constant_default_of(&shape.name, shape.name_of(field))
    }

    /// The same for a column that is there, by its name as it is written.
    pub(super) fn constant_default_of(&self, table: &str, column: &str) -> Result<Option<Value>> {
        let doing = "read the default of a column";
        let sql = "SELECT type, dflt_value FROM pragma_table_xinfo(?1) WHERE name = ?2";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let found = statement.query_row([table, column], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)));
        let (declared, default) = found.doing(doing)?;
        let Some(default) = default else { return Ok(Some(Value::Null)) };
        if !is_literal(&default) {
            return Ok(None);
        }
        Ok(evaluate(&declared, &default).ok())
    }

    /// Whether a column stores one value as another one, of another kind.
    ///
    /// # Errors
    /// [`super::DatabaseError::ShapeMoved`], or as SQLite says.
    pub fn stores_as(&self, shape: &Shape, field: FieldNo, value: &Value, stored: &Value) -> Result<bool> {
        // Large integers that differ may agree as floating-point numbers: only another kind is another way to store the same.
        let wanted = match (value, stored) {
            (Value::Text(_), Value::Integer(_) | Value::Real(_))
            | (Value::Integer(_), Value::Real(_))
            | (Value::Real(_), Value::Integer(_)) => Affinity::Numeric,
            (Value::Integer(_) | Value::Real(_), Value::Text(_)) => Affinity::Text,
            _ => return Ok(false),
        };
        let same = match (value, stored) {
            // '01' is no way to store 1.
            (Value::Integer(number), Value::Text(text)) => number.to_string().as_bytes() == &**text,
            _ => value.converts_to(stored),
        };
        Ok(same && self.plan(shape)?.facts.column(shape.name_of(field)).is_some_and(|column| column.affinity == wanted))
    }

    /// Whether the table's log is there.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn has_log(&self, shape: &Shape) -> Result<bool> {
        let doing = "look for a log";
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        statement.query_row([log_table(&shape.name)], |row| row.get(0)).doing(doing)
    }

    /// As [`Database::arm`], in one transaction with moving the logs of renamed tables along, so that nothing noted is lost. `moved` are the
    /// names of tables when they were armed last, and those that they have now. Gives the schema's version afterwards; none, with nothing done, where it was not `surveyed` any more.
    ///
    /// # Errors
    /// As [`Database::arm`].
    pub fn rearm(&self, world: &World, shapes: &[Shape], pair: &PairId, surveyed: i64, moved: &[(String, String)]) -> Result<Option<i64>> {
        self.begin_write()?;
        let armed = self.rearm_begun(world, shapes, pair, surveyed, moved).and_then(|version| {
            if version.is_some() {
                self.commit(world)?;
            } else {
                self.rollback()?;
            }
            Ok(version)
        });
        if let Err(error) = &armed
            && !matches!(error, super::DatabaseError::Crash(_))
        {
            self.rollback()?;
        }
        armed
    }

    /// Gives logs the new names of their tables, inside the open write: before, now.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn move_logs(&self, moved: &[(String, String)]) -> Result<()> {
        let doing = "move a log along";
        let logs = self.ours("table")?;
        // Two tables may have exchanged their names. The views of the application are not SQLite's business here.
        self.execute(doing, "PRAGMA legacy_alter_table = ON")?;
        let rename = |from: &str, to: &str| self.execute(doing, &format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to)));
        let there = moved.iter().enumerate().filter(|(_, (from, _))| logs.contains_key(&log_table(from)));
        let aside = |n: usize| format!("{PREFIX}aside_{n}");
        let renamed = there.clone().try_for_each(|(n, (from, _))| rename(&log_table(from), &aside(n)));
        let settle = |n: usize, to: &str| {
            // That of a table which had the name and is gone.
            self.execute(doing, &format!("DROP TABLE IF EXISTS {}", quote(&log_table(to))))?;
            rename(&aside(n), &log_table(to))
        };
        let renamed = renamed.and_then(|()| there.clone().try_for_each(|(n, (_, to))| settle(n, to)));
        self.execute(doing, "PRAGMA legacy_alter_table = OFF")?;
        renamed
    }

    /// As [`Database::arm`] for tables that were given a new schema, inside the open write: those that are named otherwise now are left
    /// to whoever takes them in.
    ///
    /// # Errors
    /// As [`Database::arm`].
    pub fn arm_renamed(&self, world: &World, shapes: &[Shape], pair: &PairId) -> Result<()> {
        let mut same = Vec::new();
        for shape in shapes {
            if key_columns(shape, &Facts::read(&self.connection, &shape.name)?).is_ok() {
                same.push(shape.clone());
            }
        }
        self.arm(world, &same, pair)
    }

    fn rearm_begun(
        &self,
        world: &World,
        shapes: &[Shape],
        pair: &PairId,
        surveyed: i64,
        moved: &[(String, String)],
    ) -> Result<Option<i64>> {
        if self.schema_version()? != surveyed {
            return Ok(None);
        }
        // Where a run died after this, triggers and logs are under the new names already.
        let (logs, triggers) = (self.ours("table")?, self.our_triggers()?);
        let is_due = |(before, now): &(String, String)| {
            let astray = |(table, trigger, _): &(String, String, String)| table == now && *trigger == insert_trigger(before);
            triggers.iter().any(astray) || !logs.contains_key(&log_table(now))
        };
        let due: Vec<(String, String)> = moved.iter().filter(|moved| is_due(moved)).cloned().collect();
        self.move_logs(&due)?;
        self.arm(world, shapes, pair)?;
        self.schema_version().map(Some)
    }
}

/// A number, text, blob, NULL or truth value and nothing else: the same whenever it is evaluated.
pub(super) fn is_literal(default: &str) -> bool {
    let value = default.trim_start_matches(['+', '-', ' ']);
    let begins_number = value.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match tokens(value).as_slice() {
        [one] => one.text.starts_with(['\'', '"']) || begins_number || ["null", "true", "false"].iter().any(|word| one.is(word)),
        [x, text] if x.is("x") => text.text.starts_with('\''),
        _ => begins_number && value.parse::<f64>().is_ok(),
    }
}

/// What a column of this type makes of its default.
fn evaluate(declared: &str, default: &str) -> rusqlite::Result<Value> {
    let scratch = Connection::open_in_memory()?;
    scratch.execute_batch(&format!("CREATE TABLE d(k INTEGER PRIMARY KEY, c {declared} DEFAULT {default}); INSERT INTO d(k) VALUES(1)"))?;
    scratch.query_row("SELECT c FROM d", [], |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::Blob(blob) => Value::Blob(blob.into()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literals_are_the_same_in_every_record() {
        for literal in ["0", "-1.5", "1e-5", ".5", "0x1F", "'a(b)'", "'it''s'", "x'00'", "X''", "NULL", "true", "\"word\""] {
            assert!(is_literal(literal), "{literal}");
        }
        for other in [
            "CURRENT_TIMESTAMP",
            "random()",
            "(1 + 1)",
            "datetime('now')",
            "'t' || random()",
            "0 + random()",
            "x'00' || random()",
            "1 + 1",
            "-random()",
            "",
        ] {
            assert!(!is_literal(other), "{other}");
        }
    }

    #[test]
    fn a_default_is_what_the_column_makes_of_it() {
        assert_eq!(evaluate("INTEGER", "'7'").unwrap(), Value::Integer(7));
        assert_eq!(evaluate("VARCHAR(10)", "7").unwrap(), Value::text("7"));
        assert_eq!(evaluate("", "x'00'").unwrap(), Value::Blob([0].into()));
    }
}
