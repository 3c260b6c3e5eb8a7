//! What stands in a column that must not be empty, for a record of a site that has not heard of that yet? What every site puts there.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::Database;
use super::super::error::{Doing, Result};
use super::super::evolution::is_literal;
use super::fillers::filler;
use super::inventory::read_columns;
use super::text::Created;
use crate::model::{FieldNo, Key, Shape, Value};

/// A column that must not be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// What stands in it where nothing is said; none where no two records may have the same.
    value: Option<Value>,
    /// Every site that fills it comes to this value: no clock and no dice are in it.
    alike: bool,
    /// The column takes texts.
    is_text: bool,
    /// SQLite fills it by itself where nothing is said at all.
    pub has_default: bool,
}

impl Required {
    /// Whether every site puts the same there.
    #[must_use]
    pub const fn is_alike(&self) -> bool {
        self.alike
    }

    /// What stands in it for the record of this key.
    #[must_use]
    pub fn stand_in(&self, key: &Key) -> Value {
        let number = || i64::from_le_bytes(blake3::hash(key.as_bytes()).as_bytes()[..8].try_into().expect("a hash has 32 bytes")) >> 33;
        match &self.value {
            Some(value) => value.clone(),
            None if self.is_text => Value::text(&format!("#{:x}", number().unsigned_abs())),
            None => Value::Integer(-number().abs() - 1),
        }
    }
}

impl Database {
    /// The columns that must not be empty, but for keys and references: there only a person can say what it is.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn required(&self, shape: &Shape) -> Result<Rc<BTreeMap<FieldNo, Required>>> {
        let plan = self.plan(shape)?;
        if let Some(known) = plan.required.get() {
            return Ok(Rc::clone(known));
        }
        let mut all = BTreeMap::new();
        let refers = |field: &FieldNo| shape.references.iter().any(|reference| reference.fields.contains(field));
        let columns = read_columns(&self.connection, &shape.name)?;
        let scratch = Database::scratch()?;
        let text = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let text: String = self.connection.query_row(text, [&shape.name], |row| row.get(0)).doing("read the text of a table")?;
        let created = Created::of(&text);
        for field in shape.live_fields().filter(|field| !shape.is_key(*field) && !refers(field) && !shape.concerns_numbers(*field)) {
            let Some(column) = columns.iter().find(|column| column.name == shape.name_of(field) && column.not_null) else { continue };
            let filler = filler(column, created.as_ref());
            let made =
                format!("DROP TABLE IF EXISTS t; CREATE TABLE t (v {}); INSERT INTO t(rowid, v) SELECT 1, {}", column.declared, filler);
            // A default that only the application can compute stands in for nothing.
            if !column.unique && scratch.connection.execute_batch(&made).is_err() {
                continue;
            }
            let value = || scratch.connection.query_row("SELECT v FROM t", [], |row| row.get_ref(0).map(super::super::plan::value));
            let value = if column.unique { None } else { Some(value().doing("read what fills a column")?) };
            let is_text = filler.contains('#');
            let alike = !column.unique && column.default.as_deref().is_none_or(is_literal);
            all.insert(field, Required { value, alike, is_text, has_default: column.default.is_some() });
        }
        let all = Rc::new(all);
        Ok(Rc::clone(plan.required.get_or_init(|| all)))
    }
}
