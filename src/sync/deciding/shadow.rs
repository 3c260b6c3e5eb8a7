//! What does a child hold once it has taken all we sent, given a change of it? (`DESIGN` section 4, rules 3 and 9.)
//!
//! What it says it holds, where it speaks of what we believe it to hold; else nobody knows until it is told the whole.

use crate::ledger::{Opinion, Record};
use crate::model::{Born, Change, FieldNo, Identity, Image, Key, Value};
use crate::sync::apply::{Applying, Incoming};
use crate::sync::{Result, known};

impl Applying<'_> {
    /// What the child holds after this change. `said`: the fields that it sends now of one that waited; the others may have been given
    /// other values here meanwhile, by a person, which it does not hold.
    pub(in crate::sync) fn moved_shadow(
        &self,
        record: &Record,
        incoming: &Incoming,
        change: &Change,
        said: Option<&[FieldNo]>,
    ) -> Result<Opinion> {
        let Some(after) = &change.after else { return self.shadow_after_delete(record, incoming, change) };
        if let Some(said) = said
            && let Opinion::Known(Some(mut shadow)) = known::opinion(&self.session.ledger, record, incoming.link)?
            && shadow.born == after.born
        {
            self.take_said(record, change, &mut shadow, said, after);
            return Ok(Opinion::Known(Some(shadow)));
        }
        let whole = change.before.as_ref().is_none_or(|before| before.born != after.born);
        if whole {
            let mut shadow = after.clone();
            let shape = self.session.shape(record.table);
            if let Some(own) = shape.number_field() {
                // Its number there is provisional until it is told one, even where that is the same.
                shadow.row.set(own, Value::Absent);
            }
            return Ok(Opinion::Known(Some(shadow)));
        }
        match known::opinion(&self.session.ledger, record, incoming.link)? {
            Opinion::Known(Some(mut shadow)) if self.speaks_of(record, &shadow, after.born)? => {
                self.take_said(record, change, &mut shadow, &change.fields, after);
                Ok(Opinion::Known(Some(shadow)))
            }
            Opinion::Known(_) | Opinion::Unknown => Ok(Opinion::Unknown),
        }
    }

    fn take_said(&self, record: &Record, change: &Change, shadow: &mut Image, said: &[FieldNo], after: &Image) {
        said.iter().for_each(|field| shadow.take(*field, after));
        if change.whole
            && let Some(own) = self.session.shape(record.table).number_field()
        {
            // It took no word of ours on the record for a while, so none on its number.
            shadow.row.set(own, Value::Absent);
        }
    }

    /// What the child holds of a record that it deleted: nothing. But where two became one and it has yet to hear that, it may have deleted
    /// the one and hold the other.
    fn shadow_after_delete(&self, record: &Record, incoming: &Incoming, change: &Change) -> Result<Opinion> {
        let (Some(before), Identity::Birth) = (&change.before, self.session.shape(record.table).identity()) else {
            return Ok(Opinion::Known(None));
        };
        let believed = known::opinion(&self.session.ledger, record, incoming.link)?;
        let other = matches!(believed, Opinion::Known(Some(shadow)) if shadow.born != before.born);
        let other = other || Key::of_birth(before.born) != record.key || self.holds_another(record, incoming.link.site)?;
        Ok(if other { Opinion::Unknown } else { Opinion::Known(None) })
    }

    /// Whether a child that names this incarnation speaks of what we believe it to hold. Two that became one are two rows there until it hears
    /// of that, unless they have one key.
    fn speaks_of(&self, record: &Record, shadow: &Image, born: Born) -> Result<bool> {
        match self.session.shape(record.table).identity() {
            Identity::Birth => Ok(shadow.born == born),
            Identity::Key | Identity::Meaning => Ok(self.session.ledger.same(shadow.born, born)?),
        }
    }
}
