//! What of a child's record that refers to one which is not here? `DESIGN` section 4, rule 11.
//!
//! A record that was here and was deleted comes back because it is needed (edit wins), and first whatever it refers to itself. Where
//! the rules say that deletes win, or that the record was never to be, it stays gone, as does what cannot come back without it, and
//! whoever refers to it is told so. A record that nobody here has seen is waited for. One that a person let go of before it ever was here comes
//! only by an edit of its own: whoever refers to it wants a person.
//!
//! **Invariant**: what comes back because of a change comes with it: where the change waits in the end, or goes on without the reference,
//! database, ledger and lists are as they were before anything came back ([`Along`]).

use super::losses::TakenBack;
use super::put::Put;
use super::references::Need;
use super::rekeyed::Edited;
use crate::ledger::{Attempt, HeldReason, Record};
use crate::model::{FieldNo, Identity, Image, Key, SiteNo, TableNo};
use crate::rules::{DeleteRule, Direction};
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::report::Tally;

/// Deleted records that one change can bring back, each needed by the one before.
const LONGEST_CHAIN: usize = 64;

/// What came of looking for the records that a row refers to.
pub(in crate::sync) enum Meeting {
    /// All are here.
    Met,
    /// One is not here yet.
    Waits(HeldReason),
    /// One is gone for good.
    Gone(Gone),
}

/// A reference to a record that does not come back.
pub(in crate::sync) struct Gone {
    /// The fields that refer to it, and those of their groups.
    pub fields: Vec<FieldNo>,
    /// Which record, as a list of conflicts has it.
    pub why: String,
    /// A person is to look.
    pub review: bool,
}

/// What came of bringing a record back.
enum Revived {
    Yes,
    /// Not now: it was never here, or waits for something itself.
    No,
    /// It would, but for what the database says.
    Refused(String),
    /// What it refers to does not come back either.
    Never {
        review: bool,
    },
}

/// Where the database and the ledger were before anything came back because of one change.
#[derive(Debug)]
pub(in crate::sync) struct Along {
    attempt: Attempt,
    before: Record,
    tally: Tally,
    losses: usize,
}

impl Applying<'_> {
    /// From here on what comes back because of `record`, and the place that it gets, can be taken back as a whole.
    fn begin_along(&mut self, record: &Record) -> Result<()> {
        if self.along.is_none() {
            self.session.database()?.begin_attempt()?;
            let attempt = self.session.ledger.begin_attempt()?;
            self.along = Some(Along { attempt, before: record.clone(), tally: self.tally.clone(), losses: self.losses.len() });
        }
        Ok(())
    }

    /// The change was carried out: what came back because of it stays.
    pub(in crate::sync) fn keep_along(&mut self) -> Result<()> {
        if let Some(along) = self.along.take() {
            self.session.ledger.keep_attempt(along.attempt)?;
            self.session.database()?.keep_attempt()?;
        }
        Ok(())
    }

    /// The change is not carried out, or not like that: nothing came back because of it.
    pub(in crate::sync) fn undo_along(&mut self, record: &mut Record) -> Result<()> {
        if let Some(along) = self.along.take() {
            self.session.ledger.undo_attempt(along.attempt)?;
            self.session.database()?.undo_attempt()?;
            self.losses.truncate(along.losses);
            (*record, self.tally) = (along.before, along.tally);
        }
        Ok(())
    }

    /// Sees to the records to which one refers that comes to be.
    pub(in crate::sync) fn bring_along(&mut self, record: &mut Record, incoming: &Incoming, new: &mut Image) -> Result<Meeting> {
        let shape = self.session.shape(record.table);
        let fields: Vec<FieldNo> = shape.live_fields().collect();
        let said_by = Some(incoming.link.site);
        if matches!(self.need(record, new, &fields, said_by)?, Need::Met) {
            return Ok(Meeting::Met);
        }
        self.begin_along(record)?;
        // What it refers to may refer to it: that finds it coming, under the number that it gets, and does not bring it back by itself.
        let place = (record.table, record.key.clone());
        let first = self.together.insert(place.clone());
        let numbered = record.place.is_none() && shape.identity() == Identity::Birth;
        let placed = !numbered || self.try_moving(|applying| applying.take_place(record, new))?.is_ok();
        let met = if placed { self.meet_references(record, incoming, new, &fields, said_by) } else { Ok(Meeting::Met) };
        if first {
            self.together.remove(&place);
        }
        met
    }

    /// Sees to the records that these fields of `after` refer to, as `said_by` means them.
    pub(in crate::sync) fn meet_references(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        after: &Image,
        fields: &[FieldNo],
        said_by: Option<SiteNo>,
    ) -> Result<Meeting> {
        // Each turn revives one record or ends.
        let shape = self.session.shape(record.table);
        for _ in 0..=shape.references.len() + shape.numbers.len() {
            match self.need(record, after, fields, said_by)? {
                Need::Met => return Ok(Meeting::Met),
                Need::Other { table, key } => return Ok(Meeting::Waits(HeldReason::OtherRecord { table, key })),
                Need::Missing { table, key, target } => {
                    if let Some((target, its_key)) = &target
                        && let Some(review) = self.stays_gone(*target, its_key)?
                    {
                        return Ok(Meeting::Gone(self.gone(record, *target, &table, &key, review)));
                    }
                    let Some((target, its_key)) = target else { return Ok(Meeting::Waits(HeldReason::Missing { table, key })) };
                    self.begin_along(record)?;
                    let needed_by = format!("{} {}", shape.name, self.key_said(record, after)?);
                    match self.revive(incoming, target, &its_key, &needed_by)? {
                        Revived::Yes => {}
                        Revived::No => return Ok(Meeting::Waits(HeldReason::Missing { table, key })),
                        Revived::Refused(message) => return Ok(Meeting::Waits(HeldReason::Refused { message })),
                        Revived::Never { review } => return Ok(Meeting::Gone(self.gone(record, target, &table, &key, review))),
                    }
                }
            }
        }
        Ok(Meeting::Met)
    }

    /// Whether a record that is not here may not come back because another one needs it; and then whether a person is to look.
    fn stays_gone(&self, table: TableNo, key: &Key) -> Result<Option<bool>> {
        let policy = self.session.policy(table);
        let record = self.session.load(table, key)?;
        if record.current.is_some() || self.session.ledger.former(&record)?.is_empty() {
            return Ok(None);
        }
        let never_here = self.session.ledger.ended(&record)?.is_empty();
        Ok(match policy.direction {
            // A child made it, and the rules refused it.
            Direction::Down if never_here => Some(false),
            Direction::Down | Direction::Both | Direction::Up | Direction::None if policy.lets_come_back() => None,
            Direction::Down | Direction::Both | Direction::Up | Direction::None => Some(policy.deletes == DeleteRule::Review),
        })
    }

    /// What of a record refers to one that is gone for good.
    fn gone(&self, record: &Record, target: TableNo, table: &str, key: &str, review: bool) -> Gone {
        let shape = self.session.shape(record.table);
        let declared = shape.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(table));
        let mut fields: Vec<FieldNo> = declared.flat_map(|reference| reference.fields.iter().copied()).collect();
        fields.extend(shape.numbers.iter().filter(|number| number.table().is_none_or(|one| one == target)).map(|number| number.field));
        shape.close(&mut fields);
        // What belongs to the reference is lost with it.
        self.session.policy(record.table).close(&mut fields);
        Gone { fields, why: format!("{table} {key}, to which it refers, is no more"), review }
    }

    /// Brings a deleted record back because a child's record needs it (rule 11, edit wins), and first whatever it refers to
    /// itself. Not where it never was here, or where a chain of references is longer than [`LONGEST_CHAIN`]. Where it does not come, the
    /// caller takes back what was done ([`Applying::undo_along`]).
    fn revive(&mut self, incoming: &Incoming, table: TableNo, key: &Key, needed_by: &str) -> Result<Revived> {
        let mut record = self.load(table, key)?;
        if record.current.is_some() {
            return Ok(Revived::No);
        }
        // A person let go of it: it comes when the child that has it corrects it.
        if self.session.policy(table).direction == Direction::Up && self.session.ledger.ended(&record)?.is_empty() {
            return Ok(Revived::No);
        }
        let Some(last) = self.session.ledger.former(&record)?.into_iter().next() else { return Ok(Revived::No) };
        let name = format!("{} {}", self.session.shape(table).name, self.session.shown_key(&record)?);
        let place = (table, key.clone());
        // Records that refer to each other in a circle come back together.
        if self.together.len() >= LONGEST_CHAIN || !self.together.insert(place.clone()) {
            return Ok(Revived::No);
        }
        // Whoever refers to it in such a circle is written first, with the number that it gets, which need not be the one it had.
        let mut last = last;
        let numbered = record.place.is_none() && self.session.shape(table).identity() == Identity::Birth;
        if numbered && self.try_moving(|applying| applying.take_place(&mut record, &mut last))?.is_err() {
            self.together.remove(&place);
            return Ok(Revived::No);
        }
        let fields: Vec<FieldNo> = self.session.shape(table).live_fields().collect();
        let met = self.meet_references(&record, incoming, &last, &fields, None);
        self.together.remove(&place);
        let waits = record.extra.held.values().any(|held| held.change.after.is_some());
        let was_refused = !waits && self.session.ledger.ended(&record)?.is_empty();
        match met? {
            Meeting::Gone(gone) => return Ok(Revived::Never { review: gone.review }),
            Meeting::Met | Meeting::Waits(_) if was_refused => {
                return Ok(Revived::Refused(format!("{name}, which it needs, was refused here: give it another one, or drop this change")));
            }
            Meeting::Met => {}
            Meeting::Waits(HeldReason::Refused { message }) => return Ok(Revived::Refused(message)),
            Meeting::Waits(_) => return Ok(Revived::No),
        }
        let (losses, was) = (self.losses.len(), last.clone());
        self.lose_deletion_here(&record, incoming, TakenBack::NeededBy(needed_by))?;
        match self.put(&mut record, Some(last), None)? {
            Put::Done => {
                self.list_losses(losses)?;
                self.store_extra(&mut record)?;
                self.note_outlived(&record, incoming, &was, Edited::There);
                Ok(Revived::Yes)
            }
            // A change of its own waits for the same, and says so.
            Put::Refused(_) if waits => Ok(Revived::No),
            Put::Refused(reason) => Ok(Revived::Refused(match reason {
                HeldReason::Taken { .. } => {
                    format!(
                        "{name}, which it needs, was deleted here and cannot come back: {reason}; give that one another value, or drop this change"
                    )
                }
                HeldReason::Missing { .. }
                | HeldReason::OtherRecord { .. }
                | HeldReason::Twin { .. }
                | HeldReason::Dependants { .. }
                | HeldReason::Deactivated
                | HeldReason::Refused { .. } => {
                    format!("{name}, which it needs, was deleted here and cannot come back: {reason}; edit or drop this change")
                }
            })),
        }
    }
}
