//! What becomes of a change that a child sent? The parent decides (`DESIGN` section 4, rules 3, 4, 7 to 12).
//!
//! First the shadow moves to what the child now holds, whatever comes out. Then: a report is no edit; a change whose
//! old values are still current applies; a field edited on both sides goes to the rules; a delete never wins over an
//! edit; a change of an incarnation that is gone revives it or is listed; what cannot be decided yet is held. Whatever
//! differs from the shadow afterwards is told by the next build.
//!
//! A packet has its changes in no order of time. So what another change of it can turn into something else waits for its end: a delete of a
//! record to which others refer, and an insert of what seems to be here already (`numbers::twins`).

use super::by_value::overlaid;
use super::ends::{Ends, UNHEARD};
use super::held::continued;
use super::losses::TakenBack;
use super::merge::Standing;
use super::put::Put;
use super::rekeyed::Edited;
use super::revive::{Gone, Meeting};
use crate::database::conform::Required;
use crate::ledger::{ConflictKind, Held, HeldReason, Opinion, Record};
use crate::model::{Born, Change, ChangeKind, FieldNo, Image, LIBRARY, Meant, Row, Side, Value};
use crate::rules::{DeleteRule, Direction};
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::documents::dispute::Disputed;
use crate::sync::known;
use crate::sync::numbers::twins::Made;

/// What deciding came to.
enum Decision {
    /// This is the record from now on, after these losses are listed.
    Become(Option<Image>),
    /// It waits.
    Hold(HeldReason),
}

impl Applying<'_> {
    /// Takes one change of a child. `again`: a held one that is tried again.
    pub(in crate::sync) fn take_from_child(&mut self, incoming: &Incoming, change: Change, again: Option<&Held>) -> Result<()> {
        self.speaker = Some(incoming.link);
        self.stated = if again.is_none() { change.fields.clone() } else { Vec::new() };
        self.same.clear();
        let mut record = self.load(change.table, &change.key)?;
        if again.is_none() {
            if let Some(before) =
                change.before.as_ref().filter(|_| change.fields.iter().any(|field| self.referred.contains(&(change.table, *field))))
            {
                let had = self.had(&record, incoming.link)?.map_or_else(Row::default, |image| image.row);
                let was = overlaid(&had, &before.row, &change.fields);
                self.said.entry((change.table, record.key.clone())).or_insert(was);
            }
            self.session.note_made_as(&mut record, &change, incoming.link.site);
        }
        let mut change = self.shared_with(&record, change);
        let mut held = again.cloned();
        let mut said = None;
        if again.is_none()
            && let Some(earlier) = record.extra.held.remove(&incoming.link.site)
        {
            said = is_update(&change).then(|| change.fields.clone());
            change = compose_child(&earlier.change, change);
            held = Some(earlier);
            if change.before.is_none() && change.after.is_none() {
                known::set_opinion(&self.session.ledger, &mut record, incoming.link, Opinion::Known(None))?;
                return Ok(self.session.ledger.store_extra(&mut record)?);
            }
        }
        if let Some(elsewhere) = self.under_its_new_key(&record, incoming, &change)? {
            return self.take_under_its_new_key(record, incoming, &change, elsewhere);
        }
        let mut made = None;
        if let Some(twin) = self.twin_of(&record, &change)? {
            if again.is_none() || self.twin_waits(incoming, &twin)? {
                self.session.settle_made_as(&mut record, incoming.link.site)?;
                return self.hold_twin(record, incoming, change, held, &twin, said.as_deref());
            }
            made = Some(Made { record, change: change.clone() });
            change.key = twin.key.clone();
            record = twin;
            change = self.shared_with(&record, change);
        }
        let believed = made.as_ref().map(|_| known::opinion(&self.session.ledger, &record, incoming.link)).transpose()?;
        self.as_stored_here(&record, &mut change)?;
        if held.is_some() {
            self.complete_filled(&record, &mut change)?;
        }
        let mut stands_in = self.stand_in(&mut change, Required::is_alike)?;
        let mut opinion = if again.is_some() && made.is_none() {
            known::opinion(&self.session.ledger, &record, incoming.link)?
        } else {
            self.moved_shadow(&record, incoming, &change, said.as_deref())?
        };
        // What the child will hold there otherwise is told.
        stands_in.extend(self.stand_in(&mut change, |required| !required.is_alike())?);
        let derived = known::derived(&self.session.ledger, &record, incoming.link)?;
        let clean =
            known::same(&derived, &Opinion::Known(record.current.clone())) && !record.extra.opinions.contains_key(&incoming.link.site);
        let known_to = clean.then_some(incoming.link.site);

        let losses = self.losses.len();
        let led = self.as_meant_here(&record, incoming.link, &change, held.as_ref())?;
        let (as_led, means) = led.map_or((None, Vec::new()), |(change, means)| (Some(change), means));
        let as_led = as_led.as_ref().unwrap_or(&change);
        let decision = if record.extra.deactivated {
            Decision::Hold(HeldReason::Deactivated)
        } else {
            self.decide_whole(&mut record, incoming, as_led)?
        };
        let decision = match decision {
            Decision::Become(new) if known::same_image(new.as_ref(), record.current.as_ref()) => None,
            Decision::Become(new) => match self.put_as_meant(&mut record, new, known_to, (&change, held.as_ref()), means)? {
                Put::Done => None,
                Put::Refused(reason) => {
                    // A number that it was to get is free for others while it waits, but for those that come together with it.
                    let alone = !self.together.contains(&(record.table, record.key.clone()));
                    if alone && record.current.is_none() && record.place.take().is_some() {
                        self.session.ledger.store_names(&mut record)?;
                    }
                    Some(reason)
                }
            },
            Decision::Hold(reason) => Some(reason),
        };
        match decision {
            Some(reason) => {
                self.undo_along(&mut record)?;
                self.losses.truncate(losses);
                self.same.clear();
                if let Some(made) = made {
                    // Nothing is decided: it waits as what it was made.
                    return self.keep_apart(made, incoming, reason, held);
                }
                let held = self.hold(incoming, change, reason, held)?;
                record.extra.held.insert(incoming.link.site, held);
            }
            None => {
                self.keep_along()?;
                for field in stands_in {
                    self.stood_in.entry((record.table, field)).or_default().push(self.session.shown_key(&record)?.to_string());
                }
                match made.map(|made| self.let_go(made, incoming, &record)).transpose()? {
                    Some(true) => {}
                    Some(false) => opinion = believed.unwrap_or(opinion),
                    None if again.is_some() => drop(record.extra.held.remove(&incoming.link.site)),
                    None => {}
                }
            }
        }
        self.list_losses(losses)?;
        self.session.settle_made_as(&mut record, incoming.link.site)?;
        known::set_opinion(&self.session.ledger, &mut record, incoming.link, opinion)?;
        self.store_extra(&mut record)
    }

    /// A change of a record that is here as `record`: with its values where both sides have the same, and with its number.
    fn shared_with(&self, record: &Record, mut change: Change) -> Change {
        record.current.iter().for_each(|ours| change.share(&ours.row));
        self.without_number(record, change)
    }

    /// A child that has not heard that a column stores its values otherwise now speaks of the same value as we do.
    fn as_stored_here(&self, record: &Record, change: &mut Change) -> Result<()> {
        let (Some(ours), Some(before)) = (&record.current, &mut change.before) else { return Ok(()) };
        if !self.session.ledger.same(ours.born, before.born)? {
            return Ok(());
        }
        let shape = self.session.shape(change.table);
        for field in shape.live_fields() {
            let (is, said) = (ours.row.get(field), before.row.get(field));
            if is != said && !shape.concerns_numbers(field) && self.session.database()?.stores_as(shape, field, said, is)? {
                before.row.set(field, is.clone());
            }
        }
        Ok(())
    }

    /// A child that has not heard that a column must not be empty says nothing there. Once it has, it puts the same there as we do now, or
    /// is told. Gives the fields.
    fn stand_in(&self, change: &mut Change, which: impl Fn(&Required) -> bool) -> Result<Vec<FieldNo>> {
        let session = self.session;
        if !session.rules.schema_travels() {
            return Ok(Vec::new());
        }
        let whole = change.whole || matches!(change.kind(), ChangeKind::Insert | ChangeKind::Replace);
        let (key, Some(after)) = (change.key.clone(), change.after.as_mut()) else { return Ok(Vec::new()) };
        let all = session.database()?.required(session.shape(change.table))?;
        let lacks = |(field, required): &(&FieldNo, &Required)| match after.row.get(**field) {
            Value::Absent => whole && !required.has_default,
            Value::Null => true,
            Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => false,
        };
        let lacking: Vec<FieldNo> = all.iter().filter(|(_, required)| which(required)).filter(lacks).map(|(field, _)| *field).collect();
        lacking.iter().for_each(|field| after.row.set(*field, all[field].stand_in(&key)));
        change.fields.extend(&lacking);
        change.fields.sort_unstable();
        change.fields.dedup();
        Ok(lacking)
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

    /// Decides, and sees to everything a record refers to that comes to be: one that is revived brings old references along.
    fn decide_whole(&mut self, record: &mut Record, incoming: &Incoming, change: &Change) -> Result<Decision> {
        let losses = self.losses.len();
        let mut decision = self.decide_child(record, incoming, change)?;
        if let (Decision::Become(Some(new)), None) = (&mut decision, &record.current) {
            match self.bring_along(record, incoming, new)? {
                Meeting::Met => {}
                Meeting::Waits(reason) => return Ok(Decision::Hold(reason)),
                Meeting::Gone(gone) => {
                    self.undo_along(record)?;
                    self.losses.truncate(losses);
                    self.same.clear();
                    return self.lose_to_the_gone(record, incoming, change, &gone);
                }
            }
        }
        Ok(decision)
    }

    /// A change that refers to a record which the rules do not let come back: an update goes on without the reference, all else is lost.
    fn lose_to_the_gone(&mut self, record: &mut Record, incoming: &Incoming, change: &Change, gone: &Gone) -> Result<Decision> {
        let Some(after) = &change.after else { return Ok(Decision::Become(record.current.clone())) };
        let losses = self.losses.len();
        let update = change.before.as_ref().filter(|before| before.born == after.born && record.current.is_some());
        let decision = match update {
            Some(before) => {
                self.lose(record, incoming, Some(before), after, &gone.fields, ConflictKind::Gone, &gone.why)?;
                let fields: Vec<FieldNo> = change.fields.iter().copied().filter(|field| !gone.fields.contains(field)).collect();
                // Where nothing can be left out, nothing of it can be taken either.
                if fields.len() == change.fields.len() {
                    self.lose(record, incoming, Some(before), after, &fields, ConflictKind::Gone, &gone.why)?;
                }
                (!fields.is_empty() && fields.len() < change.fields.len()).then_some(fields)
            }
            None => {
                if self.ends_ours(record, change)? {
                    self.lose_delete(record, incoming, ConflictKind::Delete, &gone.why);
                }
                // Of an edit of a record that was refused before, what it does not change is listed already.
                let base = change.before.as_ref().filter(|before| before.born == after.born);
                self.lose(record, incoming, base, after, &change.fields, ConflictKind::Gone, &gone.why)?;
                if base.is_none() || change.whole {
                    self.session.ledger.bury_refused(record, after)?;
                }
                None
            }
        };
        if gone.review {
            self.leave_open(losses);
        }
        match decision {
            Some(fields) => self.decide_child(record, incoming, &Change { fields, ..change.clone() }),
            None => Ok(Decision::Become(record.current.clone())),
        }
    }

    /// A child changed a table that only goes down: what the parent has stands.
    fn refuse(&mut self, record: &mut Record, incoming: &Incoming, change: &Change) -> Result<Decision> {
        const WHY: &str = "this table is changed at the parent only";
        let ours = record.current.clone();
        let kind = ConflictKind::Refused;
        match (&change.before, &change.after) {
            (Some(before), Some(after)) if before.born == after.born => {
                self.lose(record, incoming, Some(before), after, &change.fields, kind, WHY)?;
            }
            (Some(_), None) if ours.is_some() => self.lose_delete(record, incoming, kind, WHY),
            (before, Some(after)) => {
                if self.ends_ours(record, change)? {
                    self.lose_delete(record, incoming, kind, WHY);
                }
                let all: Vec<FieldNo> = self.session.shape(record.table).live_fields().collect();
                self.lose(record, incoming, ours.as_ref(), after, &all, kind, WHY)?;
                match &ours {
                    // The same record made twice: the child's goes by the name of ours from now on.
                    Some(ours) if before.is_none() => {
                        if !self.session.ledger.same(ours.born, after.born)? {
                            self.session.ledger.absorb(record, after.born, ours.born)?;
                        }
                    }
                    Some(_) | None => self.session.ledger.bury_refused(record, after)?,
                }
            }
            (Some(_) | None, None) => {}
        }
        Ok(Decision::Become(ours))
    }

    fn decide_child(&mut self, record: &mut Record, incoming: &Incoming, change: &Change) -> Result<Decision> {
        let current = record.current.clone();
        let policy = self.session.policy(record.table);
        if policy.direction == Direction::Down {
            return if is_report(change) { Ok(Decision::Become(current)) } else { self.refuse(record, incoming, change) };
        }
        // What one that comes to be refers to is seen to once it is clear that it does: [`Self::decide_whole`].
        if let (Some(after), Some(_)) = (&change.after, &current) {
            match self.meet_references(record, incoming, after, &change.fields, Some(incoming.link.site))? {
                Meeting::Met if self.along.is_none() => {}
                // What came back may have another number, which this one has in its key.
                Meeting::Met => {
                    record.place = record.id.map(|id| self.session.ledger.names(id)).transpose()?.flatten().and_then(|names| names.2)
                }
                Meeting::Waits(reason) => return Ok(Decision::Hold(reason)),
                Meeting::Gone(gone) => {
                    self.undo_along(record)?;
                    return self.lose_to_the_gone(record, incoming, change, &gone);
                }
            }
        }
        let (before, after) = match (&change.before, &change.after) {
            (None, None) => return Ok(Decision::Become(current)),
            (Some(before), Some(after)) if before.born == after.born => {
                let new = if is_report(change) {
                    current
                } else {
                    self.update(record, incoming, current, before, after, &change.fields, change.whole)?
                };
                return Ok(Decision::Become(new));
            }
            (before, after) => (before, after),
        };
        let all: Vec<FieldNo> = self.session.shape(record.table).live_fields().collect();
        let mut out = current;
        let mut deleted = true;
        let ending = match (before, &out) {
            (Some(before), Some(ours)) => self.what_ends(record, incoming, before.born, ours.born)?,
            (Some(_), None) | (None, _) => Ends::Nothing,
        };
        if ending == Ends::ItsOwn && after.is_none() {
            self.lose_delete(record, incoming, ConflictKind::Delete, UNHEARD);
            return Ok(Decision::Become(out));
        }
        if let (Ends::Ours, Some(before), Some(ours)) = (ending, before, &out) {
            if let Some(after) = after
                && let Some(kept) = self.keep_replaced(record, incoming, before, ours, after)?
            {
                return Ok(Decision::Become(Some(kept)));
            }
            // What refers to it may be deleted further on in the packet.
            if after.is_none()
                && !self.is_last_try
                && let Some((table, key)) = self.dependant(record)?
            {
                return Ok(Decision::Hold(HeldReason::Dependants { table, key }));
            }
            let ours = ours.clone();
            (deleted, out) = self.decide_delete(record, incoming, before, ours, after.is_none())?;
        }
        let Some(after) = after else {
            if let (Some(before), None) = (before, &record.current) {
                self.note_same_delete(record, incoming, before.born)?;
            }
            return Ok(Decision::Become(out));
        };
        let shared = change.shared.as_ref().map(|row| Image { born: after.born, row: row.clone(), stamps: Vec::new() });
        if !deleted {
            let same = match &out {
                Some(ours) => self.session.ledger.same(ours.born, after.born)?,
                None => false,
            };
            out = match (out, shared) {
                (Some(ours), Some(shared)) if same => Some(self.merge(record, incoming, ours, Some(&shared), after, &all)?),
                (out, shared) => {
                    if let (Some(ours), Some(before)) = (&out, before) {
                        self.keep_document(record, incoming, ours, before, after, &all)?;
                    }
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
        let Some(ours) = out else {
            // Marked as deleted at the child, and taken up again there: that takes our delete back.
            if before.is_none() && self.session.ledger.last_of(record, after.born)?.is_some() {
                self.lose_deletion_here(record, incoming, TakenBack::Edited(after))?;
            }
            return Ok(Decision::Become(Some(after.clone())));
        };
        // Two inserts of one natural key: one record, and everything that differs is listed (rule 10).
        let survivor = ours.born;
        let twin = !self.session.ledger.same(survivor, after.born)?;
        // Of a document made twice what counts is whether it is the same one.
        if twin && self.session.shape(record.table).name != LIBRARY {
            self.lose_twin(record, incoming, survivor, after)?;
        }
        // Made anew in the place of one that went into ours: what that one held is what the child changed.
        let base = before.as_ref().filter(|_| ending == Ends::ItsOwn);
        let merged = self.merge(record, incoming, ours, base, after, &all)?;
        if twin {
            self.session.ledger.absorb(record, after.born, survivor)?;
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
                self.keep_document(record, incoming, &ours, before, after, fields)?;
                self.lose(record, incoming, Some(before), after, fields, ConflictKind::Gone, "its key belongs to another record now")?;
                Ok(Some(ours))
            }
            None => match self.session.ledger.last_of(record, before.born)? {
                Some(_) if !self.session.policy(record.table).lets_come_back() => {
                    let losses = self.losses.len();
                    let rule = self.session.policy(record.table).deletes.clone();
                    self.lose(record, incoming, Some(before), after, fields, ConflictKind::Delete, rule.word())?;
                    if rule == DeleteRule::Review {
                        self.leave_open(losses);
                    }
                    Ok(None)
                }
                Some(own) => {
                    self.lose_deletion_here(record, incoming, TakenBack::Edited(after))?;
                    let mut was = own.clone();
                    fields.iter().for_each(|field| was.take(*field, before));
                    self.note_outlived(record, incoming, &was, Edited::There);
                    Ok(Some(self.merge_as(Standing::Deleted, record, incoming, own, Some(before), after, fields)?))
                }
                None if whole => {
                    self.lose_deletion_here(record, incoming, TakenBack::Edited(after))?;
                    Ok(Some(after.clone()))
                }
                None => {
                    self.lose(record, incoming, Some(before), after, fields, ConflictKind::Gone, "the record is not here")?;
                    Ok(None)
                }
            },
        }
    }
}

impl Applying<'_> {
    /// Of a document that was deleted and made again under its name at one site, and edited at the other, both are kept, as of any two edits.
    fn keep_document(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        ours: &Image,
        before: &Image,
        after: &Image,
        fields: &[FieldNo],
    ) -> Result<()> {
        let session = self.session;
        let mut theirs = before.clone();
        fields.iter().for_each(|field| theirs.take(*field, after));
        let Some(document) = Disputed::of(session.shape(record.table), record, ours, &theirs) else { return Ok(()) };
        if document.is_kept(session) {
            let newest = fields.iter().filter_map(|field| after.stamp(*field)).max();
            let site = self.site_of(newest, Some(incoming))?;
            session.ledger.add_copy(&document.copy(site, self.now))?;
        }
        Ok(())
    }
}

/// One that goes on with the incarnation it speaks of.
fn is_update(change: &Change) -> bool {
    let born = |image: &Option<Image>| image.as_ref().map(|image| image.born);
    change.before.is_some() && born(&change.before) == born(&change.after)
}

/// A statement of what the child holds, no edit (rule 2).
fn is_report(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
    before.born == after.born && change.fields.iter().all(|field| before.row.get(*field) == after.row.get(*field))
}

/// A held change and the next one of the same record as one: first base, last new (rule 12).
pub(in crate::sync) fn compose_child(earlier: &Change, later: Change) -> Change {
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
pub(in crate::sync) fn both_meant(earlier: &Change, later: &Change) -> Vec<Meant> {
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
