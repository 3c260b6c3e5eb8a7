//! What becomes of a child's edit of a document that was edited here as well?
//!
//! A document is what it holds: that somebody wrote the same once more, or gave it another time, is no edit against one of the content. So where
//! only one side changed the content, that one stands, with its length and time; where both did, the rules of documents decide
//! ([`crate::sync::documents::dispute`]); where neither did, the later time stands. Whether it may be run is apart: what only one
//! side changed of that is taken, whoever's content stands.
//!
//! What a document held when it was deleted here, `merge` says, is no edit against the one that brings it back.
//!
//! **Invariant**: a content that does not become the record is listed, or is the one that both edits began with.

use super::merge::{Merging, Standing};
use crate::ledger::ConflictKind;
use crate::model::{FieldNo, Image};
use crate::rules::{Verdict, decide};
use crate::sync::Result;
use crate::sync::apply::Applying;
use crate::sync::documents::dispute::Disputed;

/// Which sides changed a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changed {
    Nowhere,
    Here,
    There,
    Both,
}

impl Changed {
    fn of(field: FieldNo, change: &Merging<'_>, ours: &Image) -> Self {
        match (change.is_edited_here(field, ours), change.is_edited(field)) {
            (false, false) => Self::Nowhere,
            (true, false) => Self::Here,
            (false, true) => Self::There,
            (true, true) => Self::Both,
        }
    }
}

impl Applying<'_> {
    /// Merges a child's change of a document. `unit`: its fields without the path, `edited` those that the child changed.
    pub(super) fn merge_document(&mut self, change: &Merging<'_>, merged: &mut Image, unit: &[FieldNo], edited: &[FieldNo]) -> Result<()> {
        let shape = self.session.shape(change.record.table);
        let named = |name: &str| unit.iter().copied().find(|field| shape.name_of(*field) == name);
        let (Some(content), Some(modified), Some(rights)) = (named("content"), named("modified"), named("executable")) else {
            return self.merge_group(change, merged, unit, edited);
        };
        let of = |field| Changed::of(field, change, merged);
        let takes_rights = of(rights);
        let theirs_stands = match (change.standing, of(content), of(modified)) {
            (_, Changed::There, _) | (Standing::Alive, Changed::Nowhere, Changed::There) => true,
            (Standing::Alive, Changed::Here, _) | (Standing::Alive, Changed::Nowhere, Changed::Nowhere | Changed::Here) => false,
            (Standing::Alive, Changed::Both, _)
            | (Standing::Alive, Changed::Nowhere, Changed::Both)
            | (Standing::Deleted, Changed::Nowhere | Changed::Here | Changed::Both, _) => {
                self.dispute_contents(change, merged, unit, content)?
            }
        };
        let takes_rights = match takes_rights {
            Changed::There => true,
            Changed::Both => theirs_stands,
            Changed::Nowhere | Changed::Here => false,
        };
        let takes = |field: &FieldNo| if *field == rights { takes_rights } else { theirs_stands };
        let stated = unit.iter().copied().filter(|field| change.sent(*field).is_stated());
        stated.filter(takes).for_each(|field| merged.take(field, change.theirs));
        Ok(())
    }

    /// Both sides changed what it holds, or neither did, and both its time: whether the child's stands. The other content is listed.
    fn dispute_contents(&mut self, change: &Merging<'_>, ours: &Image, unit: &[FieldNo], content: FieldNo) -> Result<bool> {
        let session = self.session;
        let shape = session.shape(change.record.table);
        let lead = session.policy(change.record.table).lead(unit).unwrap_or(content);
        let criteria = session.criteria(change.record.table, lead);
        let dispute = self.dispute(change, criteria, change.our_stamp(content, ours), change.theirs.stamp(content))?;
        let document = Disputed::of(shape, change.record, ours, change.theirs);
        let decided = match &document {
            Some(document) => document.decide(session, dispute.believed_until),
            None => decide(criteria, &dispute, None),
        };
        let decided = change.standing.decide(decided);
        let child = decided.verdict == Verdict::Child;
        if change.sent(content) == ours.row.get(content) || !change.sent(content).is_stated() {
            if !child && change.is_edited(content) {
                self.meets_same(change, ours, &[content]);
            }
            return Ok(child);
        }
        if let Some(document) = &document
            && document.is_kept(session)
            && change.standing == Standing::Alive
        {
            let site = self.site_of(change.theirs.stamp(content), Some(change.incoming))?;
            session.ledger.add_copy(&document.copy(site, self.now))?;
        }
        self.disagree(change, ours, content, &decided, ConflictKind::Field)?;
        if let (Some(document), Some(conflict)) = (&document, self.losses.last_mut()) {
            let [parent, theirs] = document.written();
            let (winner, loser) = if child { (theirs, parent) } else { (parent, theirs) };
            (conflict.winner_time, conflict.loser_time) = (Some(winner), Some(loser));
        }
        Ok(child)
    }
}
