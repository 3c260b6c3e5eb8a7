//! Which fields of a row of a restored database hold what somebody typed since it was put back?
//!
//! | a field holds | the row is noted since | it was |
//! |---|---|---|
//! | what it held when the backup was made | | not typed |
//! | what it held later | no, or nobody knows what it held when the backup was made and it is what it holds now | not typed |
//! | the same | yes | typed; where nobody knows what it held when the backup was made, or how far an edit was then, nobody can tell |
//! | anything else | | typed; where that may have been before the backup was made, nobody can tell |
//!
//! A field that the state did not know then came with a schema or a rule. Whoever made its column filled it, and what a site had in one of its own
//! is as old as the backup: there nothing is typed but in a noted row, and where it is in place of anything, or of what somebody emptied, nobody can
//! tell. Nor can anybody where a program made the table anew, and with it took our triggers away.
//!
//! **Invariant**: what is in a field is the mirror's, is an edit, or is doubtful, and then the record is named.

use super::forward::{Because, Forward, Item};
use super::schema::same;
use super::then::Base;
use crate::ledger::PastValue;
use crate::model::{FieldNo, Identity, Row, Shape, Value};
use crate::rules::adds_up;
use crate::sync::Result;

/// The fields of a row that are not the mirror's.
pub(super) struct Typed {
    /// Those in which it stays, with what belongs to them.
    pub new: Vec<FieldNo>,
    /// Those that add up and were written to: how much was added since nobody can say, because what the backup held is not known.
    pub sums: Vec<FieldNo>,
    /// Those of which nobody can tell.
    pub doubtful: Vec<FieldNo>,
}

impl Forward<'_, '_, '_> {
    /// `there` as the backup has the record of `item`, `now` with the numbers of now.
    pub(super) fn typed(&self, shape: &Shape, item: &Item, there: &Row, now: &Row, mirror: Option<&Row>, base: &Base) -> Result<Typed> {
        let (session, then, record) = (self.session(), self.then, &item.record);
        let (noted, because) = (then.noted(shape.number), (self.because)(shape));
        let edited = item.was.as_ref().is_some_and(|was| noted.edited.contains(was));
        let is_told = edited || self.is_told(shape, item)?;
        let (states, untold) = then.known(shape, item.was.as_ref(), record, base)?;
        let (since, remembers) = (then.states(record)?, then.remembers(record)?);
        let before = item.was.as_ref().and_then(|was| noted.before.get(was).copied());
        let is_unwatched = !edited && !noted.is_armed && matches!(base, Base::Was(Some(_)));
        let unwritten = if is_unwatched { then.unwritten(record, before)? } else { Vec::new() };
        let meant = self.meant(shape, there)?;
        let past = session.ledger.past_values(record)?;
        let (mut new, mut doubtful) = (Vec::new(), Vec::new());
        // Nobody fills what had a value.
        let had = |field: &FieldNo| matches!(base, Base::Was(Some(base)) if !matches!(base.row.get(*field), Value::Null | Value::Absent));
        let is_made = |field: &FieldNo| matches!(because, Because::Reshaped(made) if made.contains(field)) && !had(field);
        let came = |field: &FieldNo| then.came_since(shape.number, *field, base);
        let is_own = |field: &FieldNo| shape.identity() == Identity::Birth && shape.number_field() == Some(*field);
        for field in shape.live_fields().filter(|field| !is_own(field)) {
            let value = meant.get(field);
            let (is_made, is_late) = (is_made(&field), came(&field));
            let states = if is_made || is_late { &since } else { &states };
            let went = |past: &PastValue| same(shape.name_of(past.field), shape.name_of(field)) && past.value == *value;
            let mut known = states.iter().any(|state| state.get(field) == value) || past.iter().any(went);
            for state in states.iter().filter(|_| because != Because::Older || is_late) {
                known = known || self.database().stores_as(shape, field, state.get(field), value)?;
            }
            if is_made || is_late {
                if self.is_filled(shape, field, value)? {
                    continue;
                }
                let mut is_empty = mirror.is_some() && remembers;
                for row in mirror.into_iter().chain(&since).filter(|_| edited && !known) {
                    is_empty = is_empty && self.is_filled(shape, field, row.get(field))?;
                }
                match (edited, known) {
                    // It is in place of nothing.
                    (true, false) if is_empty => new.push(field),
                    (true, _) => doubtful.push(field),
                    (false, false) if !(noted.is_armed && noted.is_sure) => doubtful.push(field),
                    (false, _) => {}
                }
                continue;
            }
            let mut is_typed = known && is_unwatched;
            for state in unwritten.iter().filter(|_| known) {
                is_typed = is_typed && state.get(field) != value && !self.database().stores_as(shape, field, state.get(field), value)?;
            }
            match (known, untold.contains(&field)) {
                (true, is_untold) if is_typed || edited && is_untold => doubtful.push(field),
                (true, _) => {}
                (false, false) if is_told => new.push(field),
                (false, _) => doubtful.push(field),
            }
        }
        let is_sum = |field: &FieldNo| mirror.is_some() && adds_up(session.criteria(shape.number, *field));
        let (sums, mut new): (Vec<FieldNo>, Vec<FieldNo>) = new.into_iter().partition(is_sum);
        let typed = new.clone();
        session.policy(shape.number).close(&mut new);
        new.retain(|field| typed.contains(field) || !(is_made(field) || came(field) || is_own(field) || is_sum(field)));
        doubtful.retain(|field| !new.contains(field) && mirror.is_none_or(|row| row.get(*field) != now.get(*field)));
        Ok(Typed { new, sums, doubtful })
    }

    /// Whether a value is what is in a column before anybody writes to it.
    fn is_filled(&self, shape: &Shape, field: FieldNo, value: &Value) -> Result<bool> {
        if matches!(value, Value::Null | Value::Absent) {
            return Ok(true);
        }
        let filled = self.database().constant_default(shape, field)?;
        Ok(filled.is_some_and(|filled| filled == *value))
    }
}
