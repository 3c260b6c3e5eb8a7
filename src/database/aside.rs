//! What does a record hold beside its shape: in columns that only this site has, or that the rules keep at home?
//!
//! Nobody else knows it. Whoever takes a record out of the database for a moment reads it first, and puts it back with the record.

use super::customs::{Said, condition};
use super::error::{Doing, Result};
use super::plan::{bind, value};
use super::{Database, quote};
use crate::model::{Key, Shape, Value};

/// Values by the names of their columns.
pub type Aside = Vec<(String, Value)>;

impl Database {
    /// What a record holds beside its shape.
    ///
    /// # Errors
    /// As SQLite says: what cannot be read must not be taken out.
    pub fn aside(&self, shape: &Shape, key: &Key) -> Result<Aside> {
        let mut columns = self.writable_columns(&shape.name)?.unwrap_or_default();
        columns.retain(|column| !shape.live_fields().any(|field| shape.name_of(field).eq_ignore_ascii_case(column)));
        let named = named(shape, key);
        if columns.is_empty() || named.is_empty() {
            return Ok(Aside::new());
        }
        let doing = "read what a record holds in columns that stay here";
        let listed = columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {listed} FROM {} AS r WHERE {}", quote(&shape.name), condition(&named));
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        bind(&mut statement, 1, named.iter().map(|(_, value)| value))?;
        let mut rows = statement.raw_query();
        let Some(row) = rows.next().doing(doing)? else { return Ok(Aside::new()) };
        let values =
            (0..columns.len()).map(|place| row.get_ref(place).map(value)).collect::<rusqlite::Result<Vec<Value>>>().doing(doing)?;
        Ok(columns.into_iter().zip(values).collect())
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
