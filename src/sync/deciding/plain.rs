//! Which changes need no deciding? Updates of a record that both sides hold alike, and nobody waits for anything.
//!
//! Nearly all changes are of this kind, so they take a short way: no more is read than the mirror, and the write itself
//! looks whether the record still is what the mirror says (`UPDATE … WHERE key AND field IS old`). Wherever anything is
//! out of the ordinary the answer is no, nothing has happened, and `from_child` and `from_parent` decide.
//! **Invariant**: a change that is taken here leaves exactly what they would leave. A difference between record and mirror
//! in a field that the change does not touch (drift) is left to the next comparison. Large records take the long way, which holds less of
//! them at a time.

use crate::database::Written;
use crate::ledger::{EntryKind, NeighbourKind, Pending, Record};
use crate::model::{Change, FieldNo, Image, Row, Shape};
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};

/// Bytes of a record from which on it goes the ordinary way, which holds less of it at a time.
const LARGE: usize = 1 << 20;

impl Applying<'_> {
    /// Takes a change that needs no deciding. False, with nothing done, where it does.
    pub(in crate::sync) fn take_plainly(&mut self, incoming: &Incoming, change: &Change) -> Result<bool> {
        let session = self.session;
        let shape = session.shape(change.table);
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(false) };
        let is_large = |field: &FieldNo| after.row.get(*field).weight() >= LARGE;
        let is_referred_to = |field: &FieldNo| self.referred.contains(&(change.table, *field));
        if !is_simple(shape, change, before, after)
            || !self.lifted.is_empty()
            || change.fields.iter().any(|field| is_large(field) || is_referred_to(field))
        {
            return Ok(false);
        }
        let database = session.database()?;
        if !database.keeps(shape, &change.fields, &after.row)? {
            return Ok(false);
        }
        let found = session.ledger.load_part(shape, &change.key, |mirror| match mirror {
            Some(mirror) if mirror.len() < LARGE => Row::decode_part(mirror, &change.fields).map(Some),
            Some(_) | None => Ok(None),
        })?;
        let Some(mut record) = found else { return Ok(false) };
        let Some(mut image) = record.current.take() else { return Ok(false) };
        let Some((fields, taken)) = self.meets(incoming, &record, &image, change)? else { return Ok(false) };
        let mut old = Image { born: image.born, ..Image::default() };
        fields.iter().for_each(|field| old.take(*field, &image));
        taken.iter().for_each(|field| image.take(*field, after));
        let written = database.update_from(shape, record.at(), &fields, &old.row, &image.row)?;
        if !matches!(written, Written::Done) {
            return Ok(false);
        }
        self.tally.count(&shape.name, true, true);
        let stamp = fields.iter().filter_map(|field| image.stamp(*field)).max();
        let entry = EntryKind::Update(old, fields.clone());
        session.ledger.append(&mut record, &entry, Some(incoming.link.site), self.cause, stamp)?;
        session.ledger.store_fields(&record, &image, &taken)?;
        Ok(true)
    }

    /// The fields that become otherwise, and those that are taken with their times, where the record is what the change's sender
    /// believed and nothing of it is on its way.
    fn meets(&self, incoming: &Incoming, record: &Record, ours: &Image, change: &Change) -> Result<Option<(Vec<FieldNo>, Vec<FieldNo>)>> {
        let link = incoming.link;
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(None) };
        // The neighbour was told everything up to the cursor: it holds the mirror, and the mirror holds nothing unsent.
        let told = record.version <= link.cursor && record.extra.is_empty();
        if !told || ours.born != after.born {
            return Ok(None);
        }
        let differs = |field: &FieldNo| ours.row.get(*field) != after.row.get(*field);
        let fields: Vec<FieldNo> = change.fields.iter().copied().filter(differs).collect();
        if fields.is_empty() {
            return Ok(None);
        }
        let policy = self.session.policy(change.table);
        // The same by another edit stays the edit that it is.
        let is_made_twice = |field: &FieldNo| !differs(field) && ours.stamp(*field) != after.stamp(*field);
        if policy.requires(&change.fields) || change.fields.iter().any(is_made_twice) {
            return Ok(None);
        }
        let mut taken = change.fields.clone();
        let plain = match link.kind {
            NeighbourKind::Child => {
                if fields.len() < taken.len() {
                    // What is as it was came along with its group, or says nothing.
                    let mut edited = fields.clone();
                    policy.close(&mut edited);
                    taken.retain(|field| edited.contains(field));
                }
                !link.fresh
                    && !policy.guards(&fields)
                    && !self.is_unheard(ours, before, &change.fields)?
                    && change.fields.iter().all(|field| ours.row.get(*field) == before.row.get(*field))
            }
            NeighbourKind::Parent => {
                let pending = if self.any_pending { self.session.ledger.pending(record)? } else { Pending::default() };
                !pending.whole && pending.fields.is_empty() && !self.is_typed_twice(ours, &fields)?
            }
        };
        Ok(plain.then_some((fields, taken)))
    }
}

impl Applying<'_> {
    /// Whether a child may not know all edits by which these fields hold what they hold: it goes on from others.
    fn is_unheard(&self, ours: &Image, before: &Image, fields: &[FieldNo]) -> Result<bool> {
        Ok(fields.iter().any(|field| ours.stamp(*field) != before.stamp(*field)) || self.is_typed_twice(ours, fields)?)
    }

    /// Whether somebody else typed the same as one of these fields holds.
    fn is_typed_twice(&self, ours: &Image, fields: &[FieldNo]) -> Result<bool> {
        if self.any_same {
            for stamp in fields.iter().filter_map(|field| ours.stamp(*field)) {
                if self.session.ledger.has_same_edits(stamp)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// An update of one incarnation that touches neither key nor reference and says nothing else.
fn is_simple(shape: &Shape, change: &Change, before: &Image, after: &Image) -> bool {
    let refers =
        |field: &FieldNo| shape.concerns_numbers(*field) || shape.references.iter().any(|reference| reference.fields.contains(field));
    before.born == after.born
        && !change.whole
        && change.shared.is_none()
        && change.aliases.is_empty()
        && !change.fields.is_empty()
        && change.fields.iter().all(|field| after.row.get(*field).is_stated() && !shape.is_key(*field) && !refers(field))
}
