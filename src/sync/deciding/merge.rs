//! What becomes of fields that a child changed in a record that is here? Rule 4 of `DESIGN` section 4.
//!
//! Fields are decided in units: a group of the rules as one, a number with the word that says of which table, everything else alone. What only one side changed is taken; what both
//! changed goes to the criteria; `sum` adds up whatever was edited here. What refers to records by their numbers is never merged, whatever the
//! criteria: the next one decides. A field that is `fixed` never changes at a child's word,
//! nor does what wins or loses with it where it would change with it. Of documents `document` decides.
//!
//! Where the record was deleted here, and the child's edit brings it back, the edit wins over the delete in every field that it changes: what the
//! field held when the record was deleted is no edit against it. Merges merge with it all the same.
//!
//! Where a child typed the same as others did, its next edit goes on from its own: what the others typed is no value that it knew, and counts as edited here
//! until the child has heard of it ([`Applying::unheard`]). Else the same two edits would end otherwise in two packets than in one.
//!
//! **Invariant**: every value that does not become the record, of whichever side, is listed.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::ledger::{ConflictKind, ConflictState, Entry, EntryKind, OurEdit, Record};
use crate::model::{FieldNo, Image, JournalNumber, LIBRARY, Millis, Row, SiteNo, Stamp, Value};
use crate::rules::{Criteria, Criterion, Decided, DeleteRule, Dispute, Edit, Three, Verdict, adds_up, decide};
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::known;
use crate::sync::roster::is_below;

/// Why what a child changed is refused.
pub(super) const FIXED: &str = "fixed: it may not be changed once the record is made";

/// How the record stands here that a change is merged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Standing {
    /// It is here.
    Alive,
    /// It was deleted here, and comes back with the change.
    Deleted,
}

impl Standing {
    /// What becomes of an edit that the rules `decided` against, or for.
    pub(super) fn decide(self, decided: Decided) -> Decided {
        match (self, &decided.verdict) {
            (Self::Alive, _) | (Self::Deleted, Verdict::Merged(_)) => decided,
            (Self::Deleted, Verdict::Parent | Verdict::Child | Verdict::Review) => {
                Decided { verdict: Verdict::Child, why: DeleteRule::EditWins.word().into() }
            }
        }
    }
}

/// What a child has heard of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Seen {
    /// Before it sent its packet.
    ByTheSite,
    /// Before the edits in its packet were made.
    WhenEdited,
}

/// One change being merged into a record.
pub(super) struct Merging<'c> {
    pub(super) standing: Standing,
    pub(super) record: &'c Record,
    pub(super) incoming: &'c Incoming,
    base: Option<&'c Image>,
    pub(super) theirs: &'c Image,
    /// Fields that hold here what the child believes by edits of which it has not heard, with the newest of them.
    unheard: BTreeMap<FieldNo, Stamp>,
    /// Who owns the record, once somebody asked.
    owner: OnceCell<Option<String>>,
}

impl Merging<'_> {
    fn believed(&self, field: FieldNo) -> &Value {
        static ABSENT: Value = Value::Absent;
        self.base.map_or(&ABSENT, |base| base.row.get(field))
    }

    pub(super) fn sent(&self, field: FieldNo) -> &Value {
        self.theirs.row.get(field)
    }

    /// Whether the child changed it.
    pub(super) fn is_edited(&self, field: FieldNo) -> bool {
        self.sent(field).is_stated() && self.sent(field) != self.believed(field)
    }

    /// Whether it has it by an edit of which it says something new, be it that this came along with its unit.
    fn is_news(&self, field: FieldNo) -> bool {
        self.sent(field).is_stated() && self.base.and_then(|base| base.stamp(field)) != self.theirs.stamp(field)
    }

    /// Whether it is otherwise here than the child believed, or by an edit that it does not know.
    pub(super) fn is_edited_here(&self, field: FieldNo, ours: &Image) -> bool {
        ours.row.get(field).is_stated() && (ours.row.get(field) != self.believed(field) || self.unheard.contains_key(&field))
    }

    /// When and where it was edited here last, for the child.
    pub(super) fn our_stamp(&self, field: FieldNo, ours: &Image) -> Option<Stamp> {
        self.unheard.get(&field).copied().or_else(|| ours.stamp(field))
    }
}

impl Applying<'_> {
    /// Merges a child's change of `fields` from `base` to `theirs` into `ours`, which is here.
    pub(in crate::sync) fn merge(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        ours: Image,
        base: Option<&Image>,
        theirs: &Image,
        fields: &[FieldNo],
    ) -> Result<Image> {
        self.merge_as(Standing::Alive, record, incoming, ours, base, theirs, fields)
    }

    /// Merges a child's change of `fields` from `base` to `theirs` into `ours`, or into what that was when it was deleted.
    #[expect(clippy::too_many_arguments, reason = "the parts of one change, and what it meets")]
    pub(in crate::sync) fn merge_as(
        &mut self,
        standing: Standing,
        record: &Record,
        incoming: &Incoming,
        ours: Image,
        base: Option<&Image>,
        theirs: &Image,
        fields: &[FieldNo],
    ) -> Result<Image> {
        let policy = self.session.policy(record.table);
        let mut unheard = BTreeMap::new();
        // What was made anew has nothing of what it replaced but what is said here.
        if let (Standing::Alive, Some(base)) = (standing, base.filter(|base| base.born == theirs.born)) {
            for unit in policy.units(fields) {
                // What came along with an edit of its unit is as old as it was: the child knew what it did when it edited.
                let edited = |field: &FieldNo| theirs.row.get(*field).is_stated() && theirs.row.get(*field) != base.row.get(*field);
                let at = unit.iter().copied().filter(edited).filter_map(|field| theirs.stamp(field)).max();
                for field in unit.iter().copied().filter(|field| ours.row.get(*field) == base.row.get(*field)) {
                    unheard.extend(self.unheard(record, incoming, (&ours, base), field, at)?.map(|stamp| (field, stamp)));
                }
            }
        }
        let change = Merging { standing, record, incoming, base, theirs, unheard, owner: OnceCell::new() };
        let mut merged = ours;
        for unit in policy.units(fields) {
            let edited: Vec<FieldNo> = unit.iter().copied().filter(|field| change.is_edited(*field)).collect();
            if edited.is_empty() {
                continue;
            }
            // A unit goes to one side whole: what is fixed in it must not come back with an edit of something else in it.
            let changes = |field: &FieldNo| {
                edited.contains(field) || (change.sent(*field).is_stated() && change.sent(*field) != merged.row.get(*field))
            };
            if base.is_some() && unit.iter().any(|field| policy.fixed.contains(field) && changes(field)) {
                self.refuse_fixed(&change, &merged, &edited)?;
            } else if let [field] = unit[..] {
                self.merge_field(&change, &mut merged, field)?;
            } else if self.session.shape(record.table).name == LIBRARY {
                self.merge_document(&change, &mut merged, &unit, &edited)?;
            } else {
                self.merge_group(&change, &mut merged, &unit, &edited)?;
            }
        }
        Ok(merged)
    }

    /// A child changed what may only be set when a record is made, or something that wins or loses with it.
    fn refuse_fixed(&mut self, change: &Merging<'_>, ours: &Image, edited: &[FieldNo]) -> Result<()> {
        let decided = Decided { verdict: Verdict::Parent, why: FIXED.into() };
        self.meets_same(change, ours, edited);
        for field in edited.iter().copied().filter(|field| change.sent(*field) != ours.row.get(*field)) {
            self.disagree(change, ours, field, &decided, ConflictKind::Refused)?;
        }
        Ok(())
    }

    fn merge_field(&mut self, change: &Merging<'_>, merged: &mut Image, field: FieldNo) -> Result<()> {
        let session = self.session;
        let criteria = session.criteria(change.record.table, field);
        if !change.is_edited_here(field, merged) {
            merged.take(field, change.theirs);
            return Ok(());
        }
        // A number of a record is no quantity: there is nothing between two of them, and what is decided here are stand-ins.
        let merges = !session.shape(change.record.table).concerns_numbers(field);
        // Two who both sold one piece sold two, although they wrote the same number.
        if change.sent(field) == merged.row.get(field) && !(merges && adds_up(criteria) && change.believed(field).is_stated()) {
            self.meets_same(change, merged, &[field]);
            return Ok(());
        }
        let dispute = self.dispute(change, criteria, change.our_stamp(field, merged), change.theirs.stamp(field))?;
        let three = Three { base: change.believed(field), parent: merged.row.get(field), child: change.sent(field) };
        let decided = change.standing.decide(decide(criteria, &dispute, merges.then_some(three)));
        match &decided.verdict {
            Verdict::Merged(value) => {
                let value = value.clone();
                let stamp = merged.stamp(field).max(change.theirs.stamp(field));
                self.list_merged(change, merged, field, &value, &decided.why)?;
                merged.row.set(field, value);
                merged.set_stamp(field, stamp);
            }
            Verdict::Child => {
                self.disagree(change, merged, field, &decided, ConflictKind::Field)?;
                merged.take(field, change.theirs);
            }
            Verdict::Parent | Verdict::Review => self.disagree(change, merged, field, &decided, ConflictKind::Field)?,
        }
        Ok(())
    }

    /// A group is as new as the newest edit in it, and goes to one side whole.
    pub(super) fn merge_group(&mut self, change: &Merging<'_>, merged: &mut Image, unit: &[FieldNo], edited: &[FieldNo]) -> Result<()> {
        let here: Vec<FieldNo> = unit.iter().copied().filter(|field| change.is_edited_here(*field, merged)).collect();
        let stated = || unit.iter().copied().filter(|field| change.sent(*field).is_stated());
        let news: Vec<FieldNo> = unit.iter().copied().filter(|field| change.is_news(*field)).collect();
        self.meets_same(change, merged, &news);
        if here.is_empty() {
            stated().for_each(|field| merged.take_edit(field, change.theirs));
            return Ok(());
        }
        if stated().all(|field| change.sent(field) == merged.row.get(field)) {
            return Ok(());
        }
        let session = self.session;
        let lead = session.policy(change.record.table).lead(unit).unwrap_or(unit[0]);
        let criteria = session.criteria(change.record.table, lead);
        let ours = here.iter().filter_map(|field| change.our_stamp(*field, merged)).max();
        let theirs = edited.iter().filter_map(|field| change.theirs.stamp(*field)).max();
        let dispute = self.dispute(change, criteria, ours, theirs)?;
        let mut decided = change.standing.decide(decide(criteria, &dispute, None));
        decided.why = format!("{}, with the fields that belong to it", decided.why);
        let differs = |field: &FieldNo| change.sent(*field) != merged.row.get(*field);
        let losing: Vec<FieldNo> = match decided.verdict {
            Verdict::Child => here.into_iter().filter(differs).collect(),
            Verdict::Parent | Verdict::Review | Verdict::Merged(_) => edited.iter().copied().filter(differs).collect(),
        };
        for field in losing {
            self.disagree(change, merged, field, &decided, ConflictKind::Field)?;
        }
        if decided.verdict == Verdict::Child {
            stated().for_each(|field| merged.take_edit(field, change.theirs));
        }
        Ok(())
    }

    /// Notes which of these fields of a record, `ours` here, somebody edited just as it is here by another edit.
    pub(super) fn note_same(&mut self, record: i64, ours: &Image, theirs: &Image, fields: impl IntoIterator<Item = FieldNo>) {
        for field in fields.into_iter().filter(|field| theirs.row.get(*field) == ours.row.get(*field)) {
            if let (Some(our), Some(their)) = (ours.stamp(field), theirs.stamp(field))
                && our != their
            {
                self.same.push((record, OurEdit::Field(field, our), their.site, Some(their.time)));
            }
        }
    }

    /// The same of a change of a record that is here.
    pub(super) fn meets_same(&mut self, change: &Merging<'_>, ours: &Image, fields: &[FieldNo]) {
        if let Some(record) = change.record.id.filter(|_| change.standing == Standing::Alive) {
            self.note_same(record, ours, change.theirs, fields.iter().copied());
        }
    }

    /// The newest edit by which a field holds what a child believes, of those that it did not know: it typed the same itself, and goes on from that, with
    /// the stamp `at`. Its packet says from whose edit it goes on. Of another one it knows once it has heard of it, but where it went on
    /// before we had that ourselves.
    pub(super) fn unheard(
        &self,
        record: &Record,
        incoming: &Incoming,
        (ours, base): (&Image, &Image),
        field: FieldNo,
        at: Option<Stamp>,
    ) -> Result<Option<Stamp>> {
        let (ledger, child) = (&self.session.ledger, incoming.link.site);
        // Where another one's edit was changed, that may have been decided below, and who else made that one is told with what is told of it.
        let changes_its_own = at.is_none_or(|at| base.stamp(field).is_some_and(|before| before.site == at.site));
        let seen = if changes_its_own { Seen::WhenEdited } else { Seen::ByTheSite };
        let (Some(id), Some(our), false) = (record.id, ours.stamp(field), self.follows_others(record, field)) else { return Ok(None) };
        let mut unheard = None;
        if base.stamp(field) != Some(our)
            && !is_below(self.session, our.site, child)?
            && let Some(entry) = self.written_by(record, field)?.filter(|entry| entry.known_to != Some(child))
            && self.is_unheard_by(child, entry.number, our.time.max(ledger.cause(entry.cause)?.time), at, seen)?
        {
            unheard = Some(our);
        }
        if self.any_same {
            for same in ledger.same_edits_met(id, OurEdit::Field(field, our))? {
                let Some(stamp) = same.time.map(|time| Stamp { time, site: same.site }) else { continue };
                if base.stamp(field) != Some(stamp)
                    && !is_below(self.session, same.site, child)?
                    && self.is_unheard_by(child, same.journal, stamp.time.max(same.noted), at, seen)?
                {
                    unheard = unheard.max(Some(stamp));
                }
            }
        }
        Ok(unheard)
    }

    /// Whether a child has not heard of what we have known since then, or whoever made its edit `at` that time cannot have.
    pub(super) fn is_unheard_by(&self, child: SiteNo, known: JournalNumber, since: Millis, at: Option<Stamp>, seen: Seen) -> Result<bool> {
        Ok(at.is_some_and(|at| at.time < since) || self.heard_whole(child, seen)? < known)
    }

    /// The edit by which a field got what it holds, where it is in the journal.
    fn written_by(&self, record: &Record, field: FieldNo) -> Result<Option<Entry>> {
        let writes = |entry: &Entry| match &entry.kind {
            EntryKind::Update(_, fields) => fields.contains(&field),
            EntryKind::Insert | EntryKind::Replace(_) => true,
            EntryKind::Delete(_) | EntryKind::Rename(_) => false,
        };
        Ok(self.session.ledger.latest_entry(record, writes)?)
    }

    /// Whether a field gets another value where one that the record refers to does, which is no edit: [`Applying::as_meant_here`] sees to such.
    pub(super) fn follows_others(&self, record: &Record, field: FieldNo) -> bool {
        let session = self.session;
        let shape = session.shape(record.table);
        // Whose key does begins anew with each.
        session.refers_by_its_key(shape)
            || shape.references.iter().any(|reference| reference.fields.contains(&field) && session.by_value(reference).is_some())
    }

    /// How far a child has heard us; no more of it comes within a slice.
    pub(super) fn heard_whole(&self, child: SiteNo, seen: Seen) -> Result<JournalNumber> {
        if let Some((.., heard)) = self.heard.get().filter(|(site, of, _)| (*site, *of) == (child, seen)) {
            return Ok(heard);
        }
        let taken = match seen {
            Seen::ByTheSite => self.session.ledger.neighbour(child)?.acknowledged,
            Seen::WhenEdited => self.taken_before(child)?,
        };
        let heard = known::heard_whole(&self.session.ledger, child, taken)?;
        self.heard.set(Some((child, seen, heard)));
        Ok(heard)
    }

    /// The two edits as criteria see them.
    pub(super) fn dispute(&self, change: &Merging<'_>, criteria: &Criteria, ours: Option<Stamp>, theirs: Option<Stamp>) -> Result<Dispute> {
        let owner = if criteria.asks(&Criterion::Owner) { self.owner(change)? } else { None };
        let edit = |stamp: Option<Stamp>, incoming: Option<&Incoming>| -> Result<Edit> {
            let site = self.site_of(stamp, incoming)?;
            let roster = self.roster()?;
            let names =
                |name: &String| *name == site.as_str() || roster.find(&site).is_some_and(|known| known.groups.contains(name.as_str()));
            Ok(Edit {
                time: stamp.map(|stamp| stamp.time),
                owner: owner.is_some_and(names),
                priority: self.session.rules.sites().iter().position(names),
            })
        };
        let believed_until = Millis(self.now.0.saturating_add(self.session.rules.future_millis()));
        Ok(Dispute { parent: edit(ours, None)?, child: edit(theirs, Some(change.incoming))?, believed_until })
    }

    /// The name of the site or group that owns the record, where the rules say who does. Nothing is written while a change is
    /// merged, so it is asked once for all of its fields.
    fn owner<'m>(&self, change: &'m Merging<'_>) -> Result<Option<&'m String>> {
        if change.owner.get().is_none() {
            let owner = self.owner_of(change.record)?;
            return Ok(change.owner.get_or_init(|| owner).as_ref());
        }
        Ok(change.owner.get().and_then(Option::as_ref))
    }

    fn owner_of(&self, record: &Record) -> Result<Option<String>> {
        let session = self.session;
        let Some(sql) = &session.policy(record.table).owner else { return Ok(None) };
        let shape = session.shape(record.table);
        if self.lifted.contains_key(&(record.table, record.key.clone())) || record.current.is_none() {
            return Ok(None);
        }
        // SQL that does not run here owns nothing: the next criterion decides, and `rules check` says so.
        Ok(match session.database()?.evaluate(shape, record.at(), sql)? {
            Ok(Value::Text(name)) => std::str::from_utf8(&name).ok().map(str::to_owned),
            Ok(Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_)) | Err(_) => None,
        })
    }

    /// Lists one field that is otherwise on both sides, with the side that lost.
    pub(super) fn disagree(
        &mut self,
        change: &Merging<'_>,
        ours: &Image,
        field: FieldNo,
        decided: &Decided,
        kind: ConflictKind,
    ) -> Result<()> {
        let Merging { record, incoming, base, theirs, .. } = *change;
        let state = if decided.verdict == Verdict::Review { ConflictState::Open } else { ConflictState::Decided };
        let mut conflict = self.conflict(record, kind, Some(field), &decided.why, state, incoming);
        let old = base.map_or(Ok(Value::Absent), |base| self.shown(record, field, &base.row))?;
        let (current, new) = (self.shown(record, field, &ours.row)?, self.shown(record, field, &theirs.row)?);
        let our_stamp = change.our_stamp(field, ours);
        let parent = (current, self.site_of(our_stamp, None)?, our_stamp);
        let child = (new, self.site_of(theirs.stamp(field), Some(incoming))?, theirs.stamp(field));
        let (winner, loser) = if decided.verdict == Verdict::Child { (child, parent) } else { (parent, child) };
        conflict.child_won = Some(decided.verdict == Verdict::Child);
        conflict.base = old.is_stated().then(|| old.to_string());
        (conflict.winner, conflict.loser) = (Some(winner.0.to_string()), Some(loser.0.to_string()));
        conflict.exact = Row(vec![old, winner.0, loser.0]);
        (conflict.winner_site, conflict.loser_site) = (Some(winner.1), Some(loser.1));
        (conflict.winner_time, conflict.loser_time) = (winner.2.map(|stamp| stamp.time), loser.2.map(|stamp| stamp.time));
        self.losses.push(conflict);
        Ok(())
    }

    /// Lists that two edits became one value.
    fn list_merged(&mut self, change: &Merging<'_>, ours: &Image, field: FieldNo, value: &Value, why: &str) -> Result<()> {
        let Merging { record, incoming, theirs, .. } = *change;
        let mut conflict = self.conflict(record, ConflictKind::Merged, Some(field), why, ConflictState::Decided, incoming);
        conflict.base = change.believed(field).is_stated().then(|| change.believed(field).to_string());
        (conflict.winner, conflict.loser) = (Some(value.to_string()), Some(change.sent(field).to_string()));
        conflict.exact = Row(vec![change.believed(field).clone(), value.clone(), change.sent(field).clone(), ours.row.get(field).clone()]);
        conflict.winner_site = Some(self.site_of(ours.stamp(field), None)?);
        conflict.loser_site = Some(self.site_of(theirs.stamp(field), Some(incoming))?);
        (conflict.winner_time, conflict.loser_time) =
            (ours.stamp(field).map(|stamp| stamp.time), theirs.stamp(field).map(|stamp| stamp.time));
        self.losses.push(conflict);
        Ok(())
    }
}
