//! How does a decided state get into the record? The one place that writes records while a packet is applied.
//!
//! Database, mirror and journal move together: the row is written, read back where affinity, defaults or triggers may
//! have changed it, and what the record then holds becomes the mirror. A refused write changes nothing anywhere.

use super::apply::Applying;
use super::{Result, SyncError};
use crate::database::{Refusal, Written};
use crate::ledger::{EntryKind, Record};
use crate::model::{FieldNo, Image, Row, SiteNo, Stamp};

/// What came of a write.
#[derive(Debug)]
pub(super) enum Put {
    Done,
    Refused(Refusal),
}

impl Applying<'_> {
    /// Makes `new` the record. `known_to`: the neighbour the state came from.
    pub(super) fn put(&mut self, record: &mut Record, new: Option<Image>, known_to: Option<SiteNo>) -> Result<Put> {
        let session = self.session;
        let database = session.database()?;
        let shape = session.shape(record.table);
        let written = match (&record.current, &new) {
            (None, None) => return Ok(Put::Done),
            (None, Some(new)) => database.insert(shape, &new.row)?,
            (Some(_), None) => database.delete(shape, &record.key)?,
            (Some(old), Some(new)) if self.is_lifted(record) => {
                let mut row = old.row.clone();
                stated_differences(old, new).into_iter().for_each(|field| row.set(field, new.row.get(field).clone()));
                let written = database.insert(shape, &row)?;
                if matches!(written, Written::Done) {
                    self.lifted.remove(&(record.table, record.key.clone()));
                }
                written
            }
            (Some(old), Some(new)) => {
                let fields: Vec<FieldNo> = stated_differences(old, new);
                if fields.is_empty() { Written::Done } else { database.update(shape, &record.key, &fields, &new.row)? }
            }
        };
        match written {
            Written::Done => {}
            Written::Refused(refusal) => return Ok(Put::Refused(refusal)),
            // The record was compared with its mirror under the same write lock.
            Written::Missing => return Err(SyncError::Moved { table: shape.name.clone(), key: record.key.to_string() }),
        }
        let new = match new {
            None => None,
            Some(image) => Some(Image { row: self.stored(record, &image.row)?, ..image }),
        };
        self.tally.count(&shape.name, record.current.is_some(), new.is_some());
        self.journal(record, new, known_to)
    }

    /// What the record holds after `row` was written into it.
    fn stored(&mut self, record: &Record, row: &Row) -> Result<Row> {
        let session = self.session;
        let shape = session.shape(record.table);
        let live: Vec<FieldNo> = shape.live_fields().collect();
        // Every field is stated and comes back as it is: nobody needs to look. Dropped fields have their place all the same.
        if session.database()?.keeps(shape, &live, row)? && row.0.len() == shape.width() {
            return Ok(row.clone());
        }
        self.read_back(record)
    }

    fn is_lifted(&self, record: &Record) -> bool {
        !self.lifted.is_empty() && self.lifted.contains_key(&(record.table, record.key.clone()))
    }

    fn read_back(&mut self, record: &Record) -> Result<Row> {
        let session = self.session;
        let shape = session.shape(record.table);
        self.buffer.clear();
        if !session.database()?.read(shape, &record.key, &mut self.buffer)? {
            return Err(SyncError::Moved { table: shape.name.clone(), key: record.key.to_string() });
        }
        Row::decode(&self.buffer).map_err(|_| SyncError::Bug("a row that was just read does not decode"))
    }

    /// Moves the mirror to `new` and writes why.
    pub(super) fn journal(&mut self, record: &mut Record, new: Option<Image>, known_to: Option<SiteNo>) -> Result<Put> {
        let ledger = &self.session.ledger;
        let old = record.current.take();
        match (old, &new) {
            (None, None) => return Ok(Put::Done),
            (None, Some(new)) => {
                let stamp = newest(new, None);
                ledger.append(record, &EntryKind::Insert, known_to, self.cause, stamp)?;
            }
            (Some(old), None) => ledger.append(record, &EntryKind::Delete(old), known_to, self.cause, None)?,
            (Some(old), Some(new)) => {
                if !ledger.same(old.born, new.born)? {
                    let stamp = newest(new, None);
                    ledger.append(record, &EntryKind::Replace(old), known_to, self.cause, stamp)?;
                } else {
                    if old.born != new.born {
                        ledger.append(record, &EntryKind::Rename(old.born), known_to, self.cause, None)?;
                    }
                    let fields: Vec<FieldNo> = old.row.differing(&new.row).collect();
                    if !fields.is_empty() {
                        let stamp = newest(new, Some(&fields));
                        ledger.append(record, &EntryKind::Update(old, fields), known_to, self.cause, stamp)?;
                    }
                }
            }
        }
        record.current = new;
        ledger.store_mirror(record)?;
        Ok(Put::Done)
    }
}

/// Fields that `new` states and `old` has otherwise.
fn stated_differences(old: &Image, new: &Image) -> Vec<FieldNo> {
    old.row.differing(&new.row).filter(|field| new.row.get(*field).is_stated()).collect()
}

/// The latest edit among fields; of all fields where none are named.
fn newest(image: &Image, fields: Option<&[FieldNo]>) -> Option<Stamp> {
    match fields {
        Some(fields) => fields.iter().filter_map(|field| image.stamp(*field)).max(),
        None => image.stamps.iter().flatten().copied().max(),
    }
}
