//! Writes changes as blocks.
use std::io::Write;

use super::error::CodecError;
use crate::model::{Change, Shape, SiteName, SiteNo, TableNo};

/// What a home knows tables and sites by. Packets say names.
pub trait Vocabulary {
    /// The shape of a tracked table.
    fn shape(&self, table: TableNo) -> &Shape;
    /// The number of a tracked table, by the name the database spells.
    fn table(&self, name: &str) -> Option<TableNo>;
    /// The name of a numbered site.
    fn site_name(&self, site: SiteNo) -> SiteName;
    /// The number of a site; one that was never heard of gets a new number.
    fn site_number(&mut self, name: &SiteName) -> SiteNo;
}

/// Writes changes as blocks.
pub struct BlockWriter<W> {
    out: W,
}

impl<W: Write> BlockWriter<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
    /// Takes one change.
    ///
    /// # Errors
    /// Io.
    pub fn push(&mut self, vocabulary: &dyn Vocabulary, change: Change) -> Result<(), CodecError> {
        let _ = (vocabulary, change);
        Ok(())
    }
    /// Writes what is buffered.
    ///
    /// # Errors
    /// Io.
    pub fn flush_table(&mut self, vocabulary: &dyn Vocabulary) -> Result<(), CodecError> {
        let _ = vocabulary;
        Ok(())
    }
    /// Bytes written and buffered so far, about.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        0
    }
    /// Writes everything and gives `out` back, flushed.
    ///
    /// # Errors
    /// Io.
    pub fn finish(self, vocabulary: &dyn Vocabulary) -> Result<W, CodecError> {
        let _ = vocabulary;
        Ok(self.out)
    }
}
