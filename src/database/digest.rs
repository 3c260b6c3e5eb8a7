//! What a table holds, in 32 bytes: equal at all sites that hold the same data.
//!
//! The sum modulo 2^256 of blake3 over each record: table name, then name and canonical cell of each field in order of
//! the names. So neither the order of records nor that of columns matters, and types are exact. Records with an empty value in
//! the key are left out: they are nobody's and never travel.

use rusqlite::types::ValueRef;

use super::error::{Doing, Result};
use super::{Database, DatabaseError};
use crate::model::{Shape, cells};

/// The content of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableDigest {
    /// How many records.
    pub records: u64,
    /// Sum of their hashes, little-endian.
    pub hash: [u8; 32],
}

impl Database {
    /// The digest of one table.
    ///
    /// # Errors
    /// [`DatabaseError::ShapeMoved`], or as SQLite says.
    pub fn digest(&self, shape: &Shape) -> Result<TableDigest> {
        let doing = "read a table for its digest";
        let plan = self.plan(shape)?;
        let mut statement = self.connection.prepare_cached(&plan.walk).doing(doing)?;
        let mut names: Vec<(&str, usize)> = shape.live_fields().map(|field| shape.name_of(field)).zip(0..).collect();
        names.sort_unstable();
        let mut start = Vec::new();
        cells::push_text(&mut start, shape.name.as_bytes());
        let mut digest = TableDigest::default();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().doing(doing)? {
            add_row(&mut digest.hash, &start, &names, row).doing(doing)?;
            digest.records += 1;
        }
        Ok(digest)
    }

    /// What `PRAGMA integrity_check` finds; empty where all is well.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn integrity(&self) -> Result<Vec<String>> {
        let said = self.texts("check the integrity", "PRAGMA integrity_check")?;
        Ok(said.into_iter().filter(|line| line != "ok").collect())
    }

    /// What `PRAGMA foreign_key_check` finds, as `table -> parent`; empty where all is well.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn foreign_key_violations(&self) -> std::result::Result<Vec<String>, DatabaseError> {
        self.texts("check the foreign keys", "SELECT \"table\" || ' -> ' || \"parent\" FROM pragma_foreign_key_check")
    }
}

/// The sum over all rows of a statement, which gives these columns.
pub(super) fn sum_rows(statement: &mut rusqlite::Statement<'_>, columns: &[String]) -> rusqlite::Result<[u8; 32]> {
    let names: Vec<(&str, usize)> = columns.iter().map(String::as_str).zip(0..).collect();
    let (mut sum, mut rows) = ([0; 32], statement.raw_query());
    while let Some(row) = rows.next()? {
        add_row(&mut sum, &[], &names, row)?;
    }
    Ok(sum)
}

/// Adds the hash of `start` and of names and values of these columns, by their place in the row.
fn add_row(sum: &mut [u8; 32], start: &[u8], names: &[(&str, usize)], row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
    let mut bytes = start.to_vec();
    for (name, place) in names {
        cells::push_text(&mut bytes, name.as_bytes());
        match row.get_ref(*place)? {
            ValueRef::Null => cells::push_null(&mut bytes),
            ValueRef::Integer(number) => cells::push_integer(&mut bytes, number),
            ValueRef::Real(number) => cells::push_real(&mut bytes, number),
            ValueRef::Text(text) => cells::push_text(&mut bytes, text),
            ValueRef::Blob(blob) => cells::push_blob(&mut bytes, blob),
        }
    }
    add(sum, blake3::hash(&bytes).as_bytes());
    Ok(())
}

/// Adds modulo 2^256.
fn add(sum: &mut [u8; 32], hash: &[u8; 32]) {
    let mut carry = 0u16;
    for (place, byte) in sum.iter_mut().zip(hash) {
        let total = u16::from(*place) + u16::from(*byte) + carry;
        [*place, _] = total.to_le_bytes();
        carry = total >> 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_carries_through_and_wraps() {
        let mut sum = [0xff; 32];
        let mut one = [0; 32];
        one[0] = 1;
        add(&mut sum, &one);
        assert_eq!(sum, [0; 32]);
    }
}
