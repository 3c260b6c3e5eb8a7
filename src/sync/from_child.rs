//! What becomes of a change that a child sent? The parent decides (`DESIGN` section 4, rules 3, 4, 7 to 12).
//!
//! First the shadow moves to what the child now holds, whatever comes out. Then: a report is no edit; a change whose
//! old values are still current applies; a field edited on both sides goes to the rules; a delete never wins over an
//! edit; a change of an incarnation that is gone revives it or is listed; what cannot be decided yet is held. Whatever
//! differs from the shadow afterwards is told by the next build.

use super::Result;
use super::apply::{Applying, Incoming};
use super::held::continued;
use super::known;
use super::put::Put;
use super::references::Need;
use crate::ledger::{ConflictKind, ConflictState, Held, HeldReason, Opinion, Record};
use crate::model::{Born, Change, FieldNo, Identity, Image, Key, Meant, Row, Side, TableNo, Value};
use crate::rules::{Verdict, decide};

/// Deleted records that one change can bring back, each needed by the one before.
const LONGEST_CHAIN: usize = 64;

/// What deciding came to.
enum Decision {
    /// This is the record from now on, after these losses are listed.
    Become(Option<Image>),
    /// It waits.
    Hold(HeldReason),
}

impl Applying<'_> {
    /// Takes one change of a child. `again`: a held one that is tried again.
    pub(super) fn take_from_child(&mut self, incoming: &Incoming, change: Change, again: Option<&Held>) -> Result<()> {
        self.parent_speaks = false;
        let mut record = self.load(change.table, &change.key)?;
        let mut change = change;
        let mut twin = false;
        if let Some(key) = self.twin_of(&record, &change)? {
            // What waited of it waits no more: it is decided as that record now.
            if record.extra.held.remove(&incoming.link.site).is_some() {
                self.store_extra(&mut record)?;
            }
            change.key = key;
            record = self.load(change.table, &change.key)?;
            twin = true;
        }
        let mut change = self.without_number(&record, change);
        let mut held = again.cloned();
        if again.is_none()
            && let Some(earlier) = record.extra.held.remove(&incoming.link.site)
        {
            change = compose_child(&earlier.change, change);
            held = Some(earlier);
            if change.before.is_none() && change.after.is_none() {
                known::set_opinion(&self.session.ledger, &mut record, incoming.link, Opinion::Known(None))?;
                return Ok(self.session.ledger.store_extra(&mut record)?);
            }
        }
        let opinion = if again.is_some() && !twin {
            known::opinion(&self.session.ledger, &record, incoming.link)?
        } else {
            self.moved_shadow(&record, incoming, &change)?
        };
        let derived = known::derived(&self.session.ledger, &record, incoming.link)?;
        let clean =
            known::same(&derived, &Opinion::Known(record.current.clone())) && !record.extra.opinions.contains_key(&incoming.link.site);
        let known_to = clean.then_some(incoming.link.site);

        let losses = self.losses.len();
        let decision = match self.decide_whole(&mut record, incoming, &change)? {
            Decision::Become(new) if known::same_image(new.as_ref(), record.current.as_ref()) => None,
            Decision::Become(new) => match self.put(&mut record, new, known_to)? {
                Put::Done => None,
                Put::Refused(refusal) => Some(HeldReason::Refused { message: refusal.to_string() }),
            },
            Decision::Hold(reason) => Some(reason),
        };
        if let Some(reason) = decision {
            self.losses.truncate(losses);
            let held = self.hold(incoming, change, reason, held);
            record.extra.held.insert(incoming.link.site, held);
        } else if again.is_some() {
            record.extra.held.remove(&incoming.link.site);
        }
        self.list_losses(losses)?;
        known::set_opinion(&self.session.ledger, &mut record, incoming.link, opinion)?;
        self.store_extra(&mut record)
    }

    /// A child's word on a record's number is none, once we have the record.
    fn without_number(&self, record: &Record, mut change: Change) -> Change {
        let shape = self.session.shape(record.table);
        let Some(own) = shape.number_field() else { return change };
        let born = |image: &Option<Image>| image.as_ref().map(|image| image.born);
        if born(&change.before).is_some() && born(&change.before) == born(&change.after) && !change.whole {
            change.fields.retain(|field| *field != own);
        }
        if let Some(ours) = &record.current {
            for image in [&mut change.before, &mut change.after].into_iter().flatten() {
                image.row.set(own, ours.row.get(own).clone());
            }
        }
        change
    }

    /// What the child holds once it has taken all we sent, given this change of it (rules 3 and 9).
    fn moved_shadow(&self, record: &Record, incoming: &Incoming, change: &Change) -> Result<Opinion> {
        let Some(after) = &change.after else { return Ok(Opinion::Known(None)) };
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
            Opinion::Known(Some(mut shadow)) if self.session.ledger.same(shadow.born, after.born)? => {
                change.fields.iter().for_each(|field| shadow.take(*field, after));
                Ok(Opinion::Known(Some(shadow)))
            }
            Opinion::Known(_) | Opinion::Unknown => Ok(Opinion::Unknown),
        }
    }

    /// Decides, and sees to everything a record refers to that comes to be: one that is revived brings old references along.
    fn decide_whole(&mut self, record: &mut Record, incoming: &Incoming, change: &Change) -> Result<Decision> {
        let decision = self.decide_child(record, incoming, change)?;
        if let (Decision::Become(Some(new)), None) = (&decision, &record.current) {
            let fields: Vec<FieldNo> = self.session.shape(record.table).live_fields().collect();
            if let Some(reason) = self.meet_references(record, incoming, new, &fields)? {
                return Ok(Decision::Hold(reason));
            }
        }
        Ok(decision)
    }

    fn decide_child(&mut self, record: &mut Record, incoming: &Incoming, change: &Change) -> Result<Decision> {
        let current = record.current.clone();
        if let Some(after) = &change.after
            && let Some(reason) = self.meet_references(record, incoming, after, &change.fields)?
        {
            return Ok(Decision::Hold(reason));
        }
        let (before, after) = match (&change.before, &change.after) {
            (None, None) => return Ok(Decision::Become(current)),
            (Some(before), Some(after)) if before.born == after.born => {
                let report = change.fields.iter().all(|field| before.row.get(*field) == after.row.get(*field));
                let new =
                    if report { current } else { self.update(record, incoming, current, before, after, &change.fields, change.whole)? };
                return Ok(Decision::Become(new));
            }
            (before, after) => (before, after),
        };
        let all: Vec<FieldNo> = self.session.shape(record.table).live_fields().collect();
        let mut out = current;
        let mut deleted = true;
        if let (Some(before), Some(ours)) = (before, &out)
            && self.session.ledger.same(before.born, ours.born)?
        {
            let dependant = if after.is_none() { self.dependant(record)? } else { None };
            if let Some((table, key)) = dependant {
                deleted = false;
                self.lose_delete(record, incoming, ConflictKind::Dependants, &format!("{table} {key} refers to it"));
            } else if all.iter().all(|field| ours.row.get(*field) == before.row.get(*field)) {
                out = None;
            } else {
                deleted = false;
                self.lose_delete(record, incoming, ConflictKind::Delete, "edit wins over delete");
            }
        }
        let Some(after) = after else { return Ok(Decision::Become(out)) };
        let shared = change.shared.as_ref().map(|row| Image { born: after.born, row: row.clone(), stamps: Vec::new() });
        if !deleted {
            let same = match &out {
                Some(ours) => self.session.ledger.same(ours.born, after.born)?,
                None => false,
            };
            out = match (out, shared) {
                (Some(ours), Some(shared)) if same => Some(self.merge(record, incoming, ours, Some(&shared), after, &all)?),
                (out, shared) => {
                    self.lose(
                        record,
                        incoming,
                        shared.as_ref(),
                        after,
                        &all,
                        ConflictKind::Gone,
                        "the record it replaces was edited here",
                    )?;
                    self.session.ledger.bury_refused(record, after)?;
                    out
                }
            };
            return Ok(Decision::Become(out));
        }
        if let Some(shared) = shared {
            return Ok(Decision::Become(self.update(record, incoming, out, &shared, after, &all, true)?));
        }
        let Some(ours) = out else { return Ok(Decision::Become(Some(after.clone()))) };
        // Two inserts of one natural key: one record, and everything that differs is listed (rule 10).
        let survivor = ours.born;
        let twin = !self.session.ledger.same(survivor, after.born)?;
        if twin {
            self.lose_twin(record, incoming, after)?;
        }
        let merged = self.merge(record, incoming, ours, None, after, &all)?;
        if twin {
            self.session.ledger.absorb(after.born, survivor)?;
        }
        Ok(Decision::Become(Some(merged)))
    }

    /// An update of `before` meets `current`.
    #[expect(clippy::too_many_arguments, reason = "the parts of one change, taken apart by the caller")]
    fn update(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        current: Option<Image>,
        before: &Image,
        after: &Image,
        fields: &[FieldNo],
        whole: bool,
    ) -> Result<Option<Image>> {
        match current {
            Some(ours) if self.session.ledger.same(ours.born, before.born)? => {
                Ok(Some(self.merge(record, incoming, ours, Some(before), after, fields)?))
            }
            Some(ours) => {
                self.lose(record, incoming, Some(before), after, fields, ConflictKind::Gone, "its key belongs to another record now")?;
                Ok(Some(ours))
            }
            None => match self.session.ledger.last_of(record, before.born)? {
                Some(own) => {
                    self.lose_deletion_here(record, incoming, Some(after));
                    Ok(Some(self.merge(record, incoming, own, Some(before), after, fields)?))
                }
                None if whole => {
                    self.lose_deletion_here(record, incoming, Some(after));
                    Ok(Some(after.clone()))
                }
                None => {
                    self.lose(record, incoming, Some(before), after, fields, ConflictKind::Gone, "the record is not here")?;
                    Ok(None)
                }
            },
        }
    }

    /// Field by field: what only one side changed is taken, what both changed goes to the rules (rule 4).
    fn merge(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        ours: Image,
        base: Option<&Image>,
        theirs: &Image,
        fields: &[FieldNo],
    ) -> Result<Image> {
        let session = self.session;
        let criterion = session.rules.criterion(&session.shape(record.table).name);
        let mut merged = ours;
        for field in fields.iter().copied() {
            let absent = Value::Absent;
            let (old, current, new) = (base.map_or(&absent, |base| base.row.get(field)), merged.row.get(field), theirs.row.get(field));
            if new == old || new == current || !new.is_stated() {
                continue;
            }
            if current == old || !current.is_stated() {
                merged.take(field, theirs);
                continue;
            }
            let verdict = decide(criterion, merged.stamp(field), theirs.stamp(field));
            let base_row = base.map(|base| &base.row);
            let values = [
                base_row.map_or(Ok(Value::Absent), |row| self.shown(record, field, row))?,
                self.shown(record, field, &merged.row)?,
                self.shown(record, field, &theirs.row)?,
            ];
            let state = if verdict == Verdict::Review { ConflictState::Open } else { ConflictState::Decided };
            let mut conflict = self.conflict(record, ConflictKind::Field, Some(field), criterion.word(), state, incoming);
            let [old, current, new] = values;
            let (ours_by, theirs_by) = (self.site_of(merged.stamp(field), None)?, self.site_of(theirs.stamp(field), Some(incoming))?);
            conflict.base = old.is_stated().then(|| old.to_string());
            if verdict == Verdict::Child {
                conflict.exact = Row(vec![old, new.clone(), current.clone()]);
                (conflict.winner, conflict.loser) = (Some(new.to_string()), Some(current.to_string()));
                (conflict.winner_site, conflict.loser_site) = (Some(theirs_by), Some(ours_by));
                merged.take(field, theirs);
            } else {
                conflict.exact = Row(vec![old, current.clone(), new.clone()]);
                (conflict.winner, conflict.loser) = (Some(current.to_string()), Some(new.to_string()));
                (conflict.winner_site, conflict.loser_site) = (Some(ours_by), Some(theirs_by));
            }
            self.losses.push(conflict);
        }
        Ok(merged)
    }

    /// Sees to the records that these fields of `after` refer to. Gives why it waits, where they cannot all be here.
    fn meet_references(&mut self, record: &Record, incoming: &Incoming, after: &Image, fields: &[FieldNo]) -> Result<Option<HeldReason>> {
        // Each turn revives one record or ends.
        let shape = self.session.shape(record.table);
        for _ in 0..=shape.references.len() + shape.numbers.len() {
            match self.need(record, after, fields)? {
                Need::Met => return Ok(None),
                Need::Other { table, key } => return Ok(Some(HeldReason::OtherRecord { table, key })),
                Need::Missing { table, key, target } => {
                    let revived = match target {
                        Some((table, key)) => self.revive(incoming, table, &key)?,
                        None => false,
                    };
                    if !revived {
                        return Ok(Some(HeldReason::Missing { table, key }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Brings a deleted record back because a child's record needs it (rule 11, edit wins), and first whatever it refers to
    /// itself. False where it never was here, or where a chain of references is longer than [`LONGEST_CHAIN`].
    fn revive(&mut self, incoming: &Incoming, table: TableNo, key: &Key) -> Result<bool> {
        let mut record = self.load(table, key)?;
        let Some(last) = self.session.ledger.former(&record)?.into_iter().next() else { return Ok(false) };
        let place = (table, key.clone());
        // Records that refer to each other in a circle come back together.
        if self.together.len() >= LONGEST_CHAIN || !self.together.insert(place.clone()) {
            return Ok(false);
        }
        // Whoever refers to it in such a circle is written first, with the number that it gets, which need not be the one it had.
        let mut last = last;
        let numbered = record.place.is_none() && self.session.shape(table).identity() == Identity::Birth;
        if numbered && self.try_moving(|applying| applying.take_place(&mut record, &mut last))?.is_err() {
            self.together.remove(&place);
            return Ok(false);
        }
        let fields: Vec<FieldNo> = self.session.shape(table).live_fields().collect();
        let waits = self.meet_references(&record, incoming, &last, &fields);
        self.together.remove(&place);
        if waits?.is_some() {
            if numbered {
                self.release(&[place])?;
            }
            return Ok(false);
        }
        let losses = self.losses.len();
        self.lose_deletion_here(&record, incoming, None);
        match self.put(&mut record, Some(last), None)? {
            Put::Done => {
                self.list_losses(losses)?;
                self.store_extra(&mut record)?;
                Ok(true)
            }
            Put::Refused(_) => {
                self.losses.truncate(losses);
                if numbered {
                    self.release(&[place])?;
                }
                Ok(false)
            }
        }
    }
}

/// A held change and the next one of the same record as one: first base, last new (rule 12).
pub(super) fn compose_child(earlier: &Change, later: Change) -> Change {
    let born = |image: &Option<Image>| image.as_ref().map(|image| image.born);
    let same = |a: Option<Born>, b: Option<Born>| a.is_some() && a == b;
    let continues = same(born(&later.before), born(&earlier.after)) && same(born(&later.after), born(&earlier.after));
    if continues {
        let (after, fields) = continued(earlier, &later);
        let mut before = earlier.before.clone();
        if let (Some(before), Some(old)) = (&mut before, &later.before) {
            // A field the earlier change did not state has its base in the later one.
            later.fields.iter().filter(|field| !earlier.fields.contains(field)).for_each(|field| before.take(*field, old));
        }
        return Change {
            before,
            after: Some(after),
            fields,
            whole: earlier.whole || later.whole,
            shared: earlier.shared.clone(),
            meant: both_meant(earlier, &later),
            ..later
        };
    }
    let shared = match (&later.shared, &earlier.shared) {
        (Some(shared), _) => Some(shared.clone()),
        (None, Some(shared)) if same(born(&later.after), born(&earlier.after)) => Some(shared.clone()),
        (None, _) => None,
    };
    let mut before = earlier.before.clone();
    if let (Some(first), Some(last)) = (&mut before, &later.before)
        && first.born == last.born
    {
        // The later one states the whole old row, with values that the earlier one brought: those have their base there.
        let mut whole = last.clone();
        earlier.fields.iter().for_each(|field| whole.take(*field, first));
        *first = whole;
    }
    Change { before, shared, whole: true, ..later }
}

/// What is said beside two changes that are one now: of the old state by the first, of the new one by the last that states the field.
pub(super) fn both_meant(earlier: &Change, later: &Change) -> Vec<Meant> {
    let said = |meant: &Meant| (meant.side, meant.field, meant.at);
    let mut both: Vec<Meant> =
        earlier.meant.iter().copied().filter(|meant| meant.side == Side::Old || !later.fields.contains(&meant.field)).collect();
    for meant in &later.meant {
        if both.iter().all(|one| said(one) != said(meant)) {
            both.push(*meant);
        }
    }
    both.sort_unstable();
    both
}
