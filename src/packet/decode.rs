//! Reads blocks back as changes.
use std::io::BufRead;

use super::changes::Vocabulary;
use super::error::CodecError;
use super::limits::Limits;
use crate::model::{Change, ChangeKind, Value};

/// Reads blocks.
pub struct BlockReader<R> {
    input: R,
}

/// One block.
#[derive(Debug)]
pub struct Block {
    table: String,
}

/// The changes of one block, and what of it has no place here.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The changes.
    pub changes: Vec<Change>,
    /// The table, where it is not tracked here or has another key: then there are no changes.
    pub unknown_table: Option<String>,
    /// Fields that the table does not have here.
    pub unknown_fields: Vec<String>,
    /// References that the table does not have here, as `fields → table`.
    pub unknown_references: Vec<String>,
}

impl<R: BufRead> BlockReader<R> {
    /// Reads from `input`.
    pub fn new(input: R, limits: &Limits) -> Self {
        let _ = limits;
        Self { input }
    }
}

impl<R: BufRead> Iterator for BlockReader<R> {
    type Item = Result<Block, CodecError>;
    fn next(&mut self) -> Option<Self::Item> {
        let _ = &self.input;
        None
    }
}

impl Block {
    /// Name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }
    /// What happened to its records.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        ChangeKind::Insert
    }
    /// Number of records.
    #[must_use]
    pub fn count(&self) -> usize {
        0
    }
    /// The key of a record as values.
    #[must_use]
    pub fn key_values(&self, record: usize) -> Vec<Value> {
        let _ = record;
        Vec::new()
    }
    /// Old and new value of a field of a record, known here or not.
    #[must_use]
    pub fn values(&self, record: usize, field: &str) -> (Value, Value) {
        let _ = (record, field);
        (Value::Absent, Value::Absent)
    }
    /// The changes.
    ///
    /// # Errors
    /// Block.
    pub fn changes(&self, vocabulary: &mut dyn Vocabulary) -> Result<Decoded, CodecError> {
        let _ = vocabulary;
        Ok(Decoded::default())
    }
}
