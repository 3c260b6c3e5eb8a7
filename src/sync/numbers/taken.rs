//! What if a number went from one record to another between two seals?
//!
//! The mirror has numbers, so all that was sealed with the number means the new record from the moment that one is in
//! the ledger: old values must be read before, whatever table they are in. So sealing looks at everything that is noted
//! first, and lets a record begin under a number that another one had only then. Rows that hold the number all the while
//! mean the new record from now on, though nothing in them changed: that is an edit of them, and said as one.
//!
//! And what if it went and came back to the same record? A program saves what it shows by deleting it and writing it anew.

use std::collections::BTreeMap;

use crate::ledger::{EntryKind, Record};
use crate::model::{FieldNo, Identity, Image, Key, Millis, NumberField, Row, Shape, Stamp, TableNo, Value};
use crate::sync::seal::Sealing;
use crate::sync::{Result, Session, SyncError};

/// A record that has yet to begin.
#[derive(Debug)]
pub(in crate::sync) struct Taken {
    pub table: TableNo,
    /// Its key in the database.
    pub place: Key,
    /// When it was last edited.
    pub time: Millis,
}

/// A row that comes to mean another record: what it said until now.
pub(in crate::sync) struct Retold {
    record: Record,
    old: Image,
    fields: Vec<FieldNo>,
}

/// The record under whose number somebody wrote a row, as it is or was.
pub(super) enum Former {
    /// It is there, under the number that it has now.
    Lives(Row),
    /// It was deleted, or put out of the way.
    Ended(Row),
}

impl Session {
    /// Whether a row that somebody wrote under a number of a record is that record, edited. Where it is there, at least half of what is in the row is as
    /// it was. Under the number of one that ended a program that looks for free numbers itself may write another record: there most of what tells
    /// records apart is as it was. What columns hold by default, and what records refer to, is the same in many; a value that only one record can have
    /// is enough.
    pub(super) fn is_edited(&self, shape: &Shape, former: &Former, row: &Row) -> Result<bool> {
        let (Former::Lives(was) | Former::Ended(was)) = former;
        let mut telling = Vec::new();
        for field in shape.live_fields().filter(|field| !shape.is_key(*field) && *row.get(*field) != Value::Null) {
            let refers = shape.concerns_numbers(field) || shape.references.iter().any(|reference| reference.fields.contains(&field));
            let tells = match former {
                Former::Lives(_) => true,
                Former::Ended(_) => !refers && !self.database()?.has_default(shape, field)?,
            };
            telling.extend(tells.then_some(field));
        }
        let is_same = |field: &FieldNo| was.get(*field) == row.get(*field);
        let same = telling.iter().filter(|field| is_same(field)).count();
        let has_its_value = shape.uniques.iter().any(|set| set.fields.iter().all(|field| telling.contains(field) && is_same(field)));
        Ok(match former {
            Former::Lives(_) => !telling.is_empty() && same * 2 >= telling.len(),
            Former::Ended(_) => has_its_value || same * 2 > telling.len(),
        })
    }
}

impl Sealing<'_> {
    /// Whether the record that is under a key now begins only once everything else was looked at. `replaces`: another one
    /// was under that key until now.
    pub(in crate::sync) fn waits(&self, shape: &Shape, place: &Key, replaces: bool) -> Result<bool> {
        Ok(!self.finishing
            && match shape.identity() {
                Identity::Key => false,
                Identity::Birth => replaces || self.former(shape, place)?.is_some(),
                // The number in its key may be one of those.
                Identity::Meaning => !self.taken.is_empty(),
            })
    }

    /// Lets begin what waited: the records whose numbers those are first, then those that have such numbers in their keys. What others refer to
    /// although it ended is noted.
    pub(in crate::sync) fn finish(&mut self) -> Result<()> {
        self.finishing = true;
        let own = |session: &Session, taken: &Taken| session.shape(taken.table).identity() == Identity::Birth;
        for births in [true, false] {
            let (now, later): (Vec<Taken>, Vec<Taken>) =
                std::mem::take(&mut self.taken).into_iter().partition(|taken| own(self.session, taken) == births);
            self.taken = later;
            for Taken { table, place, time } in now {
                self.look(self.session.shape(table), &place, false, Some(time))?;
            }
        }
        self.finishing = false;
        self.note_left_behind()
    }

    /// Whether what was deleted is there again, and is the same record.
    pub(in crate::sync) fn is_the_same(&self, shape: &Shape, place: &Key, row: Option<&[u8]>) -> Result<bool> {
        let Some(row) = row else { return Ok(false) };
        Ok(self.is_copied(shape, place, row)? || self.is_as_it_was(shape, place, row)? || self.is_saved_anew(shape, place, row)?)
    }

    /// Whether what was deleted is there again with something edited, under a number that was not handed out again.
    fn is_saved_anew(&self, shape: &Shape, place: &Key, row: &[u8]) -> Result<bool> {
        let session = self.session;
        let Some(number) = place.as_integer().filter(|_| shape.identity() == Identity::Birth) else { return Ok(false) };
        if self.stayed.is_none_or(|stayed| stayed < number) && !session.is_never_handed_out_again(shape, number)? {
            return Ok(false);
        }
        let Some((mirror, row)) = self.mirror_and(shape, place, row)? else { return Ok(false) };
        session.is_edited(shape, &Former::Ended(mirror), &row)
    }

    /// What the mirror has under a key, and a row of the database; none where it has nothing.
    fn mirror_and(&self, shape: &Shape, place: &Key, row: &[u8]) -> Result<Option<(Row, Row)>> {
        let damaged = |_| SyncError::Bug("a row of the mirror does not decode");
        let Some(mirror) = self.session.ledger.peek(shape, place, |mirror| mirror.map(Row::decode))? else { return Ok(None) };
        Ok(Some((mirror.map_err(damaged)?, Row::decode(row).map_err(damaged)?)))
    }

    /// Whether what was deleted is there again as it was, and is the same record. Where a table can give a number again, which is the highest, that may
    /// be another record of the same values: of two empty ones nobody can tell.
    fn is_as_it_was(&self, shape: &Shape, place: &Key, row: &[u8]) -> Result<bool> {
        let session = self.session;
        if !session.ledger.peek(shape, place, |mirror| mirror == Some(row))? {
            return Ok(false);
        }
        Ok(match shape.identity() {
            Identity::Key | Identity::Meaning => true,
            Identity::Birth => {
                let database = session.database()?;
                let is_below = |number| Ok::<_, SyncError>(number < database.highest_number(shape, i64::MAX)?);
                database.is_autoincrement(shape)? || place.as_integer().map_or(Ok(false), is_below)?
            }
        })
    }

    /// Whether a record that was deleted is there as it was, in a table that may have been made anew: it was deleted of the former one, of which
    /// this is a copy.
    fn is_copied(&self, shape: &Shape, place: &Key, row: &[u8]) -> Result<bool> {
        let session = self.session;
        if !session.made_anew.contains(&shape.number) {
            return Ok(false);
        }
        let Some((mirror, row)) = self.mirror_and(shape, place, row)? else { return Ok(false) };
        let is_filled = |field: FieldNo| session.filled.get(&shape.number).is_some_and(|filled| filled.contains(&field));
        let mut fields = shape.live_fields().filter(|field| !is_filled(*field) && *mirror.get(*field) != Value::Null);
        Ok(fields.all(|field| mirror.get(field).converts_to(row.get(field))))
    }

    /// The record that ended under a number.
    fn former(&self, shape: &Shape, place: &Key) -> Result<Option<i64>> {
        Ok(place.as_integer().map(|number| self.session.ledger.ended_under(shape.number, number)).transpose()?.flatten())
    }

    /// What rows say by a number that the record under `place` takes over. Those that have it in their keys end.
    pub(in crate::sync) fn hold_the_number(&mut self, shape: &Shape, place: &Key, stamp: Stamp) -> Result<Vec<Retold>> {
        let session = self.session;
        let (Some(number), Some(_)) = (place.as_integer(), self.former(shape, place)?) else { return Ok(Vec::new()) };
        let mut holders: BTreeMap<(TableNo, Key), Vec<&NumberField>> = BTreeMap::new();
        for child in &session.shapes {
            for numbers in child.numbers.iter().filter(|numbers| numbers.leads_to(shape.number)) {
                for key in session.database()?.referring_to(child, numbers, shape.number, number)? {
                    holders.entry((child.number, key)).or_default().push(numbers);
                }
            }
        }
        let mut retold = Vec::new();
        for ((table, key), numbers) in holders {
            let child = session.shape(table);
            let record = session.ledger.load_at(child, &key)?;
            let Some(image) = record.current.clone() else { continue };
            let holds = |numbers: &&NumberField| numbers.numbers(&image.row).contains(&(shape.number, number));
            let mut fields: Vec<FieldNo> = numbers.into_iter().filter(holds).map(|numbers| numbers.field).collect();
            if fields.iter().any(|field| child.is_key(*field)) {
                self.end(child, record, image, stamp)?;
                self.taken.push(Taken { table, place: key, time: stamp.time });
            } else if !fields.is_empty() {
                child.close(&mut fields);
                let mut old = Image { born: image.born, ..Image::default() };
                let mut was = image;
                session.mean(child, &mut was.row)?;
                fields.iter().for_each(|field| old.take(*field, &was));
                retold.push(Retold { record, old, fields });
            }
        }
        Ok(retold)
    }

    /// Says that rows mean another record than they said.
    pub(in crate::sync) fn retell(&mut self, retold: Vec<Retold>, stamp: Stamp) -> Result<()> {
        for Retold { mut record, old, fields } in retold {
            self.append(&mut record, &EntryKind::Update(old, fields), Some(stamp))?;
            self.session.ledger.store_mirror(&mut record, None)?;
        }
        Ok(())
    }
}
