//! How does a decided state get into the record? The one place that writes records while a packet is applied.
//!
//! Here stand-ins become numbers (`meaning`): database and mirror have numbers, everything else has stand-ins.
//! Database, mirror and journal move together: the row is written, read back where affinity, defaults or triggers may
//! have changed it, and what the record then holds becomes the mirror. A refused write changes nothing anywhere.

use crate::database::{Refusal, RefusalKind, Written};
use crate::ledger::{EntryKind, HeldReason, Record};
use crate::model::{FieldNo, Identity, Image, Key, Row, SiteNo, Stamp, TableNo};
use crate::sync::apply::Applying;
use crate::sync::seal::give_back;
use crate::sync::tracking::evolve::Event;
use crate::sync::tracking::news;
use crate::sync::{Result, SyncError};

/// What came of a write.
#[derive(Debug)]
pub(in crate::sync) enum Put {
    Done,
    /// Not, and why it waits.
    Refused(HeldReason),
}

impl Applying<'_> {
    /// Makes `new` the record. `known_to`: the neighbour the state came from.
    pub(in crate::sync) fn put(&mut self, record: &mut Record, new: Option<Image>, known_to: Option<SiteNo>) -> Result<Put> {
        let session = self.session;
        let database = session.database()?;
        let shape = session.shape(record.table);
        let mut new = new;
        if let Some(new) = &mut new {
            self.drop_stand_ins(record, new)?;
        }
        let before = record.place.clone();
        let mut changed = Vec::new();
        let written = match (&record.current, &mut new) {
            (None, None) => return Ok(Put::Done),
            (None, Some(new)) => {
                if shape.identity() != Identity::Key
                    && let Err(message) = self.try_moving(|applying| applying.take_place(record, new))?
                {
                    record.place = before;
                    return Ok(Put::Refused(HeldReason::Refused { message }));
                }
                let written = database.insert(shape, &session.numbered(shape, &new.row)?)?;
                if !matches!(written, Written::Done) && record.place != before {
                    record.place = before;
                    session.ledger.store_names(record)?;
                }
                changed.extend(shape.live_fields());
                written
            }
            (Some(_), None) => {
                self.note_referring_to_the_end(record)?;
                database.delete(shape, record.at())?
            }
            (Some(old), Some(new)) => {
                if let Some(own) = shape.number_field() {
                    new.row.set(own, old.row.get(own).clone());
                }
                let fields: Vec<FieldNo> = stated_differences(old, new);
                self.note_referring(record, new, &fields)?;
                changed.clone_from(&fields);
                if self.is_lifted(record) {
                    let mut row = old.row.clone();
                    fields.into_iter().for_each(|field| row.set(field, new.row.get(field).clone()));
                    self.put_back(record.table, &record.key, &session.numbered(shape, &row)?)?
                } else if fields.is_empty() {
                    Written::Done
                } else {
                    database.update(shape, record.at(), &fields, &session.numbered(shape, &new.row)?)?
                }
            }
        };
        match written {
            Written::Done => {}
            Written::Refused(refusal) => return Ok(Put::Refused(self.why_refused(record, new.as_ref(), refusal)?)),
            // The record was compared with its mirror under the same write lock.
            Written::Missing => return Err(SyncError::Moved { table: shape.name.clone(), key: record.at().to_string() }),
        }
        let (new, row) = match new {
            None => (None, None),
            Some(image) => {
                let row = self.stored(record, &session.numbered(shape, &image.row)?)?;
                let mut meant = row.clone();
                session.mean(shape, &mut meant)?;
                (Some(Image { row: meant, ..image }), Some(row))
            }
        };
        if let (Some(image), Some(row), false) = (&new, &row, self.referred.is_empty()) {
            self.note_meant(record, image, row, &changed)?;
        }
        let (began, ended) = (record.current.is_none(), new.is_none());
        self.tally.count(&shape.name, !began, !ended);
        if ended {
            self.tell_its_last_number(record)?;
        }
        let put = self.journal(record, new, row.as_ref(), known_to)?;
        if ended {
            self.ended.borrow_mut().clear();
            session.vacate(record)?;
        }
        if let (Some(id), Some(row)) = (record.id, &row) {
            self.note_nobodys_of_others(shape, id, row)?;
        }
        if began && let (Identity::Birth, Some(number)) = (shape.identity(), record.at().as_integer()) {
            self.adopt(record.table, number)?;
        }
        Ok(put)
    }

    /// No stand-in gets into a field that holds no numbers, whatever went wrong, and who would have had one is said.
    fn drop_stand_ins(&self, record: &Record, new: &mut Image) -> Result<()> {
        let session = self.session;
        let shape = session.shape(record.table);
        let found = session.without_stand_ins(shape, &new.row)?;
        if found.is_empty() {
            return Ok(());
        }
        let key = self.key_said(record, new)?;
        let said = found.iter().map(|(field, value)| {
            Event::Said(format!(
                "`{}` of `{}` {key} was told as a record, and holds no number of one here: it is {value} now, look whether that is right",
                shape.name_of(*field),
                shape.name
            ))
        });
        news::add(session, &said.collect::<Vec<_>>())?;
        found.into_iter().for_each(|(field, value)| new.row.set(field, value));
        Ok(())
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
        self.read_back(record.table, record.at())
    }

    /// Puts a record back that was taken out of the database for the moment, with what it holds beside its shape.
    pub(super) fn put_back(&mut self, table: TableNo, key: &Key, row: &Row) -> Result<Written> {
        let (database, shape) = (self.session.database()?, self.session.shape(table));
        let written = database.insert(shape, row)?;
        let which = (table, key.clone());
        if let (Written::Done, Some(aside)) = (&written, self.lifted.get(&which)) {
            let place = shape.key_of(row).map_err(|_| SyncError::Bug("a record without a key is not tracked"))?;
            if let Err(message) = database.put_aside(shape, &place, aside)? {
                // Without it the record is not back.
                database.delete(shape, &place)?;
                return Ok(Written::Refused(Refusal { kind: RefusalKind::Other, fields: Vec::new(), message }));
            }
            self.lifted.remove(&which);
        }
        Ok(written)
    }

    fn is_lifted(&self, record: &Record) -> bool {
        !self.lifted.is_empty() && self.lifted.contains_key(&(record.table, record.key.clone()))
    }

    pub(in crate::sync) fn read_back(&mut self, table: TableNo, place: &Key) -> Result<Row> {
        let session = self.session;
        let shape = session.shape(table);
        self.buffer.clear();
        if !session.database()?.read(shape, place, &mut self.buffer)? {
            return Err(SyncError::Moved { table: shape.name.clone(), key: place.to_string() });
        }
        let row = Row::decode(&self.buffer).map_err(|_| SyncError::Bug("a row that was just read does not decode"));
        give_back(&mut self.buffer);
        row
    }

    /// Moves the mirror to `new`, which the database has as `row`, and writes why.
    pub(in crate::sync) fn journal(
        &mut self,
        record: &mut Record,
        new: Option<Image>,
        row: Option<&Row>,
        known_to: Option<SiteNo>,
    ) -> Result<Put> {
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
        ledger.store_mirror(record, row)?;
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
