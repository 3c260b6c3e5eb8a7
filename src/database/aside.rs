//! What does a record hold beside its shape: in columns that only this site has, or that the rules keep at home?
//!
//! Nobody else knows it. Whoever takes a record out of the database for a moment reads it first, and puts it back with the record.

use super::Database;
use super::customs::Said;
use super::error::Result;
use crate::model::{Key, Shape, Value};

/// Values by the names of their columns; NULL is left out.
pub type Aside = Vec<(String, Value)>;

impl Database {
    /// What a record holds beside its shape.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn aside(&self, shape: &Shape, key: &Key) -> Result<Aside> {
        let mut columns = self.writable_columns(&shape.name)?.unwrap_or_default();
        columns.retain(|column| !shape.live_fields().any(|field| shape.name_of(field).eq_ignore_ascii_case(column)));
        let named = named(shape, key);
        if columns.is_empty() || named.is_empty() {
            return Ok(Aside::new());
        }
        // Words of SQLite's: a generated column or a view in the way; then the record is not one that can be taken out either.
        let rows = self.rows_of(&shape.name, &columns, &named, 1)?.unwrap_or_default();
        let values = rows.into_iter().next().unwrap_or_default();
        Ok(columns.into_iter().zip(values).filter(|(_, value)| *value != Value::Null).collect())
    }

    /// Puts it back into a record that is there again.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn put_aside(&self, shape: &Shape, key: &Key, aside: &Aside) -> Result<Said<()>> {
        let named = named(shape, key);
        if aside.is_empty() || named.is_empty() {
            return Ok(Ok(()));
        }
        let (columns, values): (Vec<String>, Vec<Value>) = aside.iter().cloned().unzip();
        self.set_row(&shape.name, &columns, &values, &named)
    }
}

/// The key by the names of its columns; empty where the bytes are no key, and then nothing may be done with it.
fn named(shape: &Shape, key: &Key) -> Vec<(String, Value)> {
    let names = shape.key.iter().map(|field| shape.name_of(*field).to_owned());
    names.zip(key.values().unwrap_or_default()).collect()
}
