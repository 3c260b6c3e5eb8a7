//! Former incarnations of a key: what a record last was, for whoever still speaks of it.
//!
//! What was here is in the journal, whose entries keep the old state; a grave only adds what the journal cannot know.

use rusqlite::OptionalExtension;

use super::statements::{Parameter, Statement};
use super::{EntryKind, Ledger, LedgerError, Record, Result};
use crate::model::{Born, Image, JournalNumber, Rope, Row, SiteNo, TableNo};

/// Record, incarnation, the record as it was refused, its row as the parent and we shared it.
type Grave = (i64, Born, Option<Image>, Option<Row>);

impl Ledger {
    /// The record as it last was under an incarnation (or one that absorbed it): of the journal, else as it was refused.
    pub fn last_of(&self, record: &Record, born: Born) -> Result<Option<Image>> {
        for image in self.former(record)? {
            if self.same(image.born, born)? {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// Every former incarnation, the latest first; those that were refused and never were here come last.
    pub fn former(&self, record: &Record) -> Result<Vec<Image>> {
        let Some(id) = record.id else { return Ok(Vec::new()) };
        let mut images = self.ended(record)?;
        let mut statement = self.connection.prepare_cached("SELECT last FROM grave WHERE record = ? AND last IS NOT NULL")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            images.push(serde_json::from_str(&text).map_err(|_| LedgerError::Damaged("grave"))?);
        }
        Ok(images)
    }

    /// Every former incarnation that was here, the latest first.
    pub fn ended(&self, record: &Record) -> Result<Vec<Image>> {
        let mut images = Vec::new();
        for entry in self.chain(record, JournalNumber(0))? {
            match entry.kind {
                EntryKind::Delete(image) | EntryKind::Replace(image) => images.push(image),
                EntryKind::Insert | EntryKind::Update(..) | EntryKind::Rename(_) => {}
            }
        }
        Ok(images)
    }

    /// Keeps a record that was refused and never was here.
    pub fn bury_refused(&self, record: &mut Record, image: &Image) -> Result<()> {
        let id = self.anchor(record)?;
        let text = serde_json::to_vec(image).map_err(|_| LedgerError::Damaged("grave"))?;
        self.write(Statement::PutGraveLast, &[Parameter::Integer(id), site(image.born), sequence(image.born), Parameter::Text(&text)])
            .map(drop)
    }

    /// Keeps the row of an ended incarnation as the parent and we last shared it.
    pub fn bury_shared(&self, record: &mut Record, born: Born, row: &Row) -> Result<()> {
        let id = self.anchor(record)?;
        self.write(Statement::PutGraveShared, &[Parameter::Integer(id), site(born), sequence(born), Parameter::Cells(&Rope::from(row))])
            .map(drop)
    }

    /// Has `each` rewrite every row that graves of a table's records keep.
    pub(super) fn reword_graves<E: From<LedgerError>>(
        &self,
        table: TableNo,
        each: &mut dyn FnMut(&mut Row) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for (record, born, last, shared) in self.graves_of(table)? {
            let mut parameters = [Parameter::Integer(record), site(born), sequence(born), Parameter::Null];
            if let Some(mut last) = last {
                each(&mut last.row)?;
                let text = serde_json::to_vec(&last).map_err(|_| LedgerError::Damaged("grave"))?;
                parameters[3] = Parameter::Text(&text);
                self.write(Statement::PutGraveLast, &parameters)?;
            }
            if let Some(mut shared) = shared {
                each(&mut shared)?;
                self.bury_shared(&mut self.load_id(record)?, born, &shared)?;
            }
        }
        Ok(())
    }

    /// Every grave of a table's records.
    fn graves_of(&self, table: TableNo) -> Result<Vec<Grave>> {
        let sql = "SELECT record, site, sequence, last, shared FROM grave WHERE record IN (SELECT id FROM record WHERE table_no = ?)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([table.0])?;
        let mut graves = Vec::new();
        while let Some(row) = rows.next()? {
            let last = row.get::<_, Option<String>>(3)?.map(|text| serde_json::from_str(&text)).transpose();
            let shared = row.get::<_, Option<Vec<u8>>>(4)?.map(|bytes| Row::decode(&bytes)).transpose();
            graves.push((
                row.get(0)?,
                Born { site: SiteNo(row.get(1)?), sequence: row.get::<_, i64>(2)?.cast_unsigned() },
                last.map_err(|_| LedgerError::Damaged("grave"))?,
                shared.map_err(|_| LedgerError::Damaged("grave"))?,
            ));
        }
        Ok(graves)
    }

    /// What [`Ledger::bury_shared`] kept.
    pub fn shared(&self, record: &Record, born: Born) -> Result<Option<Row>> {
        let Some(id) = record.id else { return Ok(None) };
        let mut statement = self.connection.prepare_cached("SELECT shared FROM grave WHERE record = ? AND site = ? AND sequence = ?")?;
        let bytes: Option<Option<Vec<u8>>> =
            statement.query_row((id, born.site.0, born.sequence.cast_signed()), |row| row.get(0)).optional()?;
        bytes.flatten().map(|bytes| Row::decode(&bytes).map_err(|_| LedgerError::Damaged("grave"))).transpose()
    }
}

fn site(born: Born) -> Parameter<'static> {
    Parameter::Integer(born.site.0.into())
}

fn sequence(born: Born) -> Parameter<'static> {
    Parameter::Integer(born.sequence.cast_signed())
}
