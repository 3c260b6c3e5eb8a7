//! What of a field that begins, or ceases, to hold numbers of records? A foreign key or a `[references]` rule comes or goes.
//!
//! Database and mirror have numbers either way. All else in here has stand-ins where a field holds numbers, and the bare value where it does
//! not (`meaning`): what is held, what neighbours are believed to hold, what the journal undoes and what graves keep. So all of that is
//! put into the words of the new shape, in the commit that makes it the shape ([`super::numbering::relink`]): before it everything is in the old
//! words, after it in the new ones. **Invariant**: a stand-in is only in fields that hold numbers.
//!
//! A stand-in becomes the number that its record has here, or had last; of a record that never was here, the number that it has where it was
//! made. A number becomes the record that has it here, unless the change says beside it whom it means.

use std::collections::BTreeMap;

use super::meaning::meaning_key;
use crate::ledger::{Opinion, Record};
use crate::model::{Change, FieldNo, Identity, Key, Row, Shape, Value, stands_for};
use crate::sync::known::Link;
use crate::sync::{Result, Session};

/// Puts numbers in the place of stand-ins in fields that hold none any more, or others. While records go by their old keys.
pub(super) fn to_numbers(session: &Session, before: &Shape, after: &Shape) -> Result<()> {
    reword(session, &Rewording { session, shape: before, fields: only(before, after), step: Step::ToNumbers })
}

/// Puts stand-ins in the place of numbers in fields that hold some now, or others. Once records go by their new keys.
pub(super) fn to_stand_ins(session: &Session, before: &Shape, after: &Shape) -> Result<()> {
    reword(session, &Rewording { session, shape: after, fields: only(after, before), step: Step::ToStandIns })
}

/// Fields that hold numbers by one shape of a table, and not so by another.
fn only(one: &Shape, other: &Shape) -> Vec<FieldNo> {
    one.numbers.iter().filter(|numbers| !other.numbers.contains(numbers)).map(|numbers| numbers.field).collect()
}

fn reword(session: &Session, rewording: &Rewording<'_>) -> Result<()> {
    if rewording.fields.is_empty() {
        return Ok(());
    }
    let table = rewording.shape.number;
    session.ledger.reword(table, &mut |row| rewording.row(row))?;
    let links: BTreeMap<_, Link> = session.ledger.neighbours()?.iter().map(|neighbour| (neighbour.site, Link::from(neighbour))).collect();
    let mut exceptional = Vec::new();
    session.ledger.exceptional(&mut |record| {
        exceptional.extend((record.table == table).then_some(record));
        Ok(())
    })?;
    for mut record in exceptional {
        for opinion in record.extra.opinions.values_mut() {
            match opinion {
                Opinion::Known(Some(image)) => rewording.row(&mut image.row)?,
                Opinion::Known(None) | Opinion::Unknown => {}
            }
        }
        for (site, held) in &mut record.extra.held {
            rewording.change(&mut held.change, links.get(site).copied())?;
        }
        session.ledger.store_extra(&mut record)?;
    }
    Ok(())
}

/// Gives records that are not here the keys they go by in the words of the new shape, where no other record has that: what waits is met under
/// it, and so is what ended.
pub(super) fn rename_absent(session: &Session, shape: &Shape) -> Result<()> {
    for id in session.ledger.ended_of(shape.number)? {
        let mut record = session.load_id(id)?;
        let waiting = record.extra.held.values().find_map(|held| held.change.after.clone());
        let Some(image) = waiting.or(session.ledger.former(&record)?.into_iter().next()) else { continue };
        let key = match shape.identity() {
            Identity::Birth => Some(Key::of_birth(image.born)),
            Identity::Key => shape.key_of(&image.row).ok(),
            Identity::Meaning => meaning_key(&session.ledger, shape, image.row).ok(),
        };
        let Some(key) = key.filter(|key| *key != record.key) else { continue };
        if session.ledger.id_of(shape.number, &key)?.is_none() {
            record.key = key;
            record.place = None;
            session.ledger.store_names(&mut record)?;
            name_held(session, &mut record)?;
        }
    }
    Ok(())
}

/// What waits for a record speaks of it by its key.
pub(super) fn name_held(session: &Session, record: &mut Record) -> Result<()> {
    let key = record.key.clone();
    record.extra.held.values_mut().for_each(|held| held.change.key = key.clone());
    Ok(session.ledger.store_extra(record)?)
}

/// Which words are put in the place of which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    ToNumbers,
    ToStandIns,
}

/// One step from the words of one shape of a table to those of another.
struct Rewording<'r> {
    session: &'r Session,
    /// The shape by which the fields hold numbers.
    shape: &'r Shape,
    fields: Vec<FieldNo>,
    step: Step,
}

impl Rewording<'_> {
    fn row(&self, row: &mut Row) -> Result<()> {
        self.take(row, |numbers| self.session.mean(self.shape, numbers))
    }

    /// Only the fields of which the words change; `mean` puts stand-ins into a row of numbers.
    fn take(&self, row: &mut Row, mean: impl FnOnce(&mut Row) -> Result<()>) -> Result<()> {
        let stated: Vec<FieldNo> = self.fields.iter().copied().filter(|field| row.get(*field).is_stated()).collect();
        if stated.is_empty() {
            return Ok(());
        }
        // What one field means may be said by another one.
        let mut new = self.session.shown_row(self.shape, row)?;
        if self.step == Step::ToStandIns {
            mean(&mut new)?;
        }
        stated.into_iter().for_each(|field| row.set(field, new.get(field).clone()));
        Ok(())
    }

    fn change(&self, change: &mut Change, from: Option<Link>) -> Result<()> {
        let meant = change.meant.clone();
        for (side, row) in change.rows() {
            self.take(row, |numbers| {
                if let Some(from) = from {
                    self.session.mean_by(self.shape, numbers, side, &meant, from)?;
                }
                self.session.mean(self.shape, numbers)
            })?;
        }
        if self.step == Step::ToStandIns {
            change.meant.retain(|meant| !self.fields.contains(&meant.field));
        }
        Ok(())
    }
}

impl Session {
    /// Whatever else went wrong, no stand-in gets into a field that holds no numbers: gives what is to be written, and which fields would have
    /// had one. A number takes its place where its record has one, else nothing.
    pub(in crate::sync) fn without_stand_ins(&self, shape: &Shape, row: &Row) -> Result<Vec<(FieldNo, Value)>> {
        let mut found = Vec::new();
        for field in shape.live_fields().filter(|field| !shape.concerns_numbers(*field)) {
            let Value::Integer(number) = row.get(field) else { continue };
            let Some(id) = stands_for(*number) else { continue };
            // Somebody may hold such a number by chance.
            if self.ledger.names(id)?.is_some() {
                found.push((field, self.number_of_id(id)?.map_or(Value::Null, Value::Integer)));
            }
        }
        Ok(found)
    }
}
