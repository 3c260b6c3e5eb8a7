//! What of a number that rows hold and no record has? Applications that enforce no foreign keys write such rows.
//!
//! It is nobody's and stays a number, here and in packets. Once a record gets it, the database has the rows refer to that
//! record, so they mean it from then on: that is an edit of them, said as one, because the neighbours were told a number that
//! was nobody's and may have it for another record by then. A row that has such a number in its key is another record then.
//!
//! The ledger keeps which rows hold a number that is nobody's, so that nothing is searched when a record begins.
//! **Invariant**: a row of the mirror that holds a number which no record has or had is noted.

use super::meaning::{id_of_number, meaning_but};
use super::taken::Taken;
use crate::ledger::{EntryKind, Ledger};
use crate::model::{FieldNo, Image, Millis, Row, Shape, TableNo};
use crate::sync::Result;
use crate::sync::seal::Sealing;

/// Notes which numbers in these fields of a record are nobody's. `row` is as the database has it.
pub(in crate::sync) fn note_nobodys(ledger: &Ledger, shape: &Shape, record: i64, row: &Row, fields: &[FieldNo]) -> Result<()> {
    for numbers in shape.numbers.iter().filter(|numbers| fields.contains(&numbers.field)) {
        for (table, number) in numbers.numbers(row) {
            if id_of_number(ledger, table, number)?.is_none() {
                ledger.add_nobodys(table, number, record)?;
            }
        }
    }
    Ok(())
}

/// As [`note_nobodys`], of every number in a record.
pub(in crate::sync) fn note_all_nobodys(ledger: &Ledger, shape: &Shape, record: i64, row: &Row) -> Result<()> {
    let all: Vec<FieldNo> = shape.numbers.iter().map(|numbers| numbers.field).collect();
    note_nobodys(ledger, shape, record, row, &all)
}

/// Forgets the notes of numbers that are somebody's: where records are taken in one after the other, many come after what refers to them.
pub(in crate::sync) fn forget_who_came(ledger: &Ledger) -> Result<()> {
    for (table, number) in ledger.nobodys()? {
        if id_of_number(ledger, table, number)?.is_some() {
            ledger.drop_nobodys(table, number)?;
        }
    }
    Ok(())
}

impl Sealing<'_> {
    /// A record of `table` has this number from now on: whoever held it before means that record.
    pub(in crate::sync) fn adopt(&mut self, table: TableNo, number: i64, time: Millis) -> Result<()> {
        let session = self.session;
        let holders = session.ledger.holders_of_nobodys(table, number)?;
        if holders.is_empty() {
            return Ok(());
        }
        session.ledger.drop_nobodys(table, number)?;
        for id in holders {
            let mut record = session.ledger.load_id(id)?;
            let shape = session.shape(record.table);
            let Some(mut was) = record.current.clone() else { continue };
            let holding = shape.numbers.iter().filter(|numbers| numbers.numbers(&was.row).contains(&(table, number)));
            let mut fields: Vec<FieldNo> = holding.map(|numbers| numbers.field).collect();
            if fields.is_empty() {
                continue;
            }
            meaning_but(&session.ledger, shape, &mut was.row, (table, number))?;
            if fields.iter().any(|field| shape.is_key(*field)) {
                let (table, place) = (record.table, record.at().clone());
                self.end_as(record, was, None)?;
                self.taken.push(Taken { table, place, time });
            } else {
                shape.close(&mut fields);
                let mut old = Image { born: was.born, ..Image::default() };
                fields.iter().for_each(|field| old.take(*field, &was));
                let stamp = fields.iter().filter_map(|field| was.stamp(*field)).max();
                self.append(&mut record, &EntryKind::Update(old, fields), stamp)?;
                session.ledger.store_mirror(&mut record, None)?;
            }
        }
        Ok(())
    }
}
