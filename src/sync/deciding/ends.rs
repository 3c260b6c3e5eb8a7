//! What does a child end that deletes a record which is here? The record, or only one of two that became one.
//!
//! Two incarnations that became one (`DESIGN` section 4, rule 10) are two records to a child until it has heard of that. What it deletes then is
//! the one it knew: its own, which nobody else had. **Invariant**: no delete takes away a record that its maker never saw. So a delete that names
//! an absorbed incarnation takes that one alone, and one that names the survivor leaves it as long as the child may hold the other: it
//! has not acknowledged the packet that told it. The survivor is told again.
//!
//! A delete that makes room for another record under the same key asks the rules like any other. Where they refuse it, what was put there is an
//! edit of the record that stays.

use super::merge::FIXED;
use super::rekeyed::Edited;
use crate::ledger::{ConflictKind, Opinion, Record};
use crate::model::{Born, Change, FieldNo, Identity, Image, SiteNo, Stamp};
use crate::rules::DeleteRule;
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::roster::made_below;

/// Why a delete that names one of two incarnations leaves the record.
pub(super) const UNHEARD: &str = "it was made twice, and who deleted one had not heard that both are one record";

/// What a child's delete ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Another record, which is not here.
    Nothing,
    /// Only what the child made itself, or knew of: ours stays.
    ItsOwn,
    /// The record that is here.
    Ours,
}

impl Applying<'_> {
    /// Whether a change deletes the record that is here, alone or to put another one in its place.
    pub(super) fn ends_ours(&self, record: &Record, change: &Change) -> Result<bool> {
        match (&change.before, &record.current) {
            (Some(before), Some(ours)) => Ok(self.session.ledger.same(before.born, ours.born)?),
            (Some(_) | None, None) | (None, Some(_)) => Ok(false),
        }
    }

    /// What it ends that a child deletes `born`, where `ours` is here.
    pub(super) fn what_ends(&self, record: &Record, incoming: &Incoming, born: Born, ours: Born) -> Result<Ends> {
        Ok(if born == ours {
            if self.holds_another(record, incoming.link.site)? { Ends::ItsOwn } else { Ends::Ours }
        } else if self.session.ledger.same(born, ours)? {
            Ends::ItsOwn
        } else {
            Ends::Nothing
        })
    }

    /// Whether a child may hold a second row of a record: one that went into ours, which it has not heard, for it has not acknowledged the packet
    /// that tells it. Under one key it never has two.
    pub(super) fn holds_another(&self, record: &Record, child: SiteNo) -> Result<bool> {
        let (Some(ours), Identity::Birth) = (&record.current, self.session.shape(record.table).identity()) else { return Ok(false) };
        let ledger = &self.session.ledger;
        let unheard = match record.extra.opinions.get(&child) {
            Some(Opinion::Known(Some(theirs))) => theirs.born != ours.born,
            Some(Opinion::Known(None)) => false,
            Some(Opinion::Unknown) => true,
            None => match record.extra.told.get(&child) {
                Some(told) => *told > ledger.neighbour(child)?.acknowledged,
                None => false,
            },
        };
        Ok(unheard && !ledger.absorbed_by(ours.born)?.is_empty())
    }

    /// A child puts `after` in the place of the record that is here, where the rules do not let it go: gives what that becomes. None where
    /// it may go.
    pub(super) fn keep_replaced(
        &mut self,
        record: &mut Record,
        incoming: &Incoming,
        before: &Image,
        ours: &Image,
        after: &Image,
    ) -> Result<Option<Image>> {
        let policy = self.session.policy(record.table);
        let changes = |field: &FieldNo| after.row.get(*field).is_stated() && after.row.get(*field) != ours.row.get(*field);
        let mut is_fixed = false;
        if policy.deletes == DeleteRule::OriginOnly && !made_below(self.session, ours.born, incoming.link.site)? {
            self.lose_delete(record, incoming, ConflictKind::Refused, policy.deletes.word());
        } else if policy.mark_up.is_some() {
            self.lose_delete(record, incoming, ConflictKind::Delete, policy.deletes.word());
        } else if policy.fixed.iter().any(changes) {
            is_fixed = true;
        } else {
            return Ok(None);
        }
        let all: Vec<FieldNo> = self.session.shape(record.table).live_fields().collect();
        let kept = self.merge(record, incoming, ours.clone(), Some(before), after, &all)?;
        // Nothing of what was put there came to anything, nor did the delete.
        if is_fixed && kept.row == ours.row {
            self.lose_delete(record, incoming, ConflictKind::Refused, FIXED);
        }
        self.session.ledger.absorb(record, after.born, ours.born)?;
        Ok(Some(kept))
    }

    /// A child deleted `before`, the record that is here as `ours`. Gives whether it goes, and what is here then. `alone`: no other
    /// record comes in its place.
    pub(super) fn decide_delete(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        before: &Image,
        ours: Image,
        alone: bool,
    ) -> Result<(bool, Option<Image>)> {
        let policy = self.session.policy(record.table);
        // Before that it was held.
        if alone
            && self.is_last_try
            && let Some((table, key)) = self.dependant(record)?
        {
            self.lose_delete(record, incoming, ConflictKind::Dependants, &format!("{table} {key} refers to it"));
            self.note_outlived(record, incoming, before, Edited::Here);
            return Ok((false, Some(ours)));
        }
        if alone
            && policy.deletes == DeleteRule::OriginOnly
            && !crate::sync::roster::made_below(self.session, ours.born, incoming.link.site)?
        {
            self.lose_delete(record, incoming, ConflictKind::Refused, policy.deletes.word());
            return Ok((false, Some(ours)));
        }
        if alone && let Some((field, value)) = &policy.mark_up {
            self.lose_delete(record, incoming, ConflictKind::Delete, policy.deletes.word());
            let mut marked = ours;
            if marked.row.get(*field) != value {
                if marked.row.get(*field) != before.row.get(*field) {
                    self.lose_to_mark(record, incoming, (before, &marked), *field, value)?;
                }
                marked.row.set(*field, value.clone());
                marked.set_stamp(*field, Some(Stamp { time: self.now, site: incoming.link.site }));
            }
            return Ok((false, Some(marked)));
        }
        let shape = self.session.shape(record.table);
        let mut edited: Vec<(FieldNo, Option<Stamp>)> = Vec::new();
        for field in shape.live_fields() {
            if ours.row.get(field) != before.row.get(field) {
                edited.push((field, ours.stamp(field)));
            } else if let Some(unheard) = self.unheard(record, incoming, (&ours, before), field, None)? {
                edited.push((field, Some(unheard)));
            }
        }
        if edited.is_empty() {
            return Ok((true, None));
        }
        if policy.deletes == DeleteRule::DeleteWins {
            self.lose_edits_here(record, incoming, before, &ours, &edited, policy.deletes.word())?;
            return Ok((true, None));
        }
        let losses = self.losses.len();
        let review = policy.deletes == DeleteRule::Review;
        let why = if review { DeleteRule::Review.word() } else { DeleteRule::EditWins.word() };
        self.lose_delete_to(record, incoming, why, edited.iter().filter_map(|(_, stamp)| *stamp).max())?;
        if alone {
            self.note_outlived(record, incoming, before, Edited::Here);
        }
        if review {
            self.leave_open(losses);
        }
        Ok((false, Some(ours)))
    }
}
