//! What becomes of a change that the parent sent? It is taken, except where an edit of ours is still on its way (`DESIGN` section 4, rule 5).
//!
//! A field with a pending edit (unsent, or sent and not acknowledged) keeps our value; all else is written. What was
//! ignored because of an *unsent* edit is reported with the next change set, so that the parent knows what we hold.
//! A pending insert, delete or replace keeps the whole record. The packet's old values are never looked at. A record that stands marked as
//! deleted has nothing on its way: where it comes back at the parent, what was edited in it meanwhile is written over, and listed. What only such
//! records refer to stays with them.
//!
//! Where a child typed what was here already, that went no further up. So the parent's word may write over it without knowing of it, and which of the two came here first
//! is chance: what the child typed is decided as if it came after the parent's word, and may be what is told up then ([`Applying::come_late`]).
//!
//! What waits for a record that is not here waits for a packet. Where the parent itself has no such record none will bring it: its application enforces no
//! foreign keys. Then the row is taken as it is there ([`Applying::dangles_there`]), and a delete is carried out though rows refer to the record, where the
//! parent has these very rows.

use std::collections::BTreeSet;

use super::from_child::both_meant;
use super::held::continued;
use super::merge::Seen;
use super::put::Put;
use super::references::Need;
use crate::ledger::{Conflict, ConflictKind, ConflictState, EntryKind, Held, HeldReason, NeighbourKind, Opinion, OurEdit, Record};
use crate::model::{Born, Change, ChangeKind, FieldNo, Image, JournalNumber, LIBRARY, Row, SiteNo, Stamp, Value};
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::known::{self, Link};
use crate::sync::roster::is_below;
use crate::sync::tracking::evolve::Event;
use crate::sync::tracking::news;

/// What of a record of ours is on its way to the parent.
struct OurEdits {
    /// Insert, delete or replace: sent or not.
    whole: bool,
    /// Insert, delete or replace that was not sent.
    whole_unsent: bool,
    /// Fields, sent or not.
    fields: BTreeSet<FieldNo>,
    /// Fields that were not sent.
    unsent: BTreeSet<FieldNo>,
}

/// An edit of a child's that was here already when it came.
struct Late {
    /// The child that sent it.
    child: Link,
    /// The field.
    field: FieldNo,
    /// What was typed, of that field alone.
    typed: Image,
}

impl Applying<'_> {
    /// Takes one change of the parent. `again`: a held one that is tried again.
    pub(in crate::sync) fn take_from_parent(&mut self, incoming: &Incoming, mut change: Change, again: Option<&Held>) -> Result<()> {
        self.speaker = Some(incoming.link);
        self.stated = if again.is_none() { change.fields.clone() } else { Vec::new() };
        self.note_spoken(&change);
        self.follow_aliases(incoming, &change)?;
        let immovable = self.try_moving(|applying| applying.settle_number(&change))?.err();
        let mut record = self.load(change.table, &change.key)?;
        record.current.iter().for_each(|ours| change.share(&ours.row));
        if let Some(message) = immovable {
            let earlier = record.extra.held.remove(&incoming.link.site);
            let change = match &earlier {
                Some(earlier) if again.is_none() => compose_parent(&earlier.change, change),
                Some(_) | None => change,
            };
            let base = known::opinion(&self.session.ledger, &record, incoming.link)?;
            let held = self.hold(incoming, change, HeldReason::Refused { message }, earlier)?;
            record.extra.held.insert(incoming.link.site, held);
            known::set_opinion(&self.session.ledger, &mut record, incoming.link, base)?;
            return self.store_extra(&mut record);
        }
        let base = self.rename(&mut record, incoming, &change)?;
        let edits = self.our_edits(&record, base.as_ref())?;
        let earlier = record.extra.held.remove(&incoming.link.site);
        if record.extra.deactivated {
            let change = match &earlier {
                Some(earlier) if again.is_none() => compose_parent(&earlier.change, change),
                Some(_) | None => change,
            };
            let base = self.hold_here(&mut record, incoming, change, HeldReason::Deactivated, earlier, base)?;
            known::set_opinion(&self.session.ledger, &mut record, incoming.link, Opinion::Known(base))?;
            return self.store_extra(&mut record);
        }
        let base = if edits.whole {
            if earlier.is_some() && again.is_none() {
                record.extra.report_whole = true;
            }
            ignore(&mut record, &edits, None);
            self.unseen(&change, base)?
        } else {
            let (change, held) = match earlier {
                Some(earlier) if again.is_none() => (compose_parent(&earlier.change, change), Some(earlier)),
                earlier => (change, earlier),
            };
            self.take(&mut record, incoming, change, held, base, &edits)?
        };
        known::set_opinion(&self.session.ledger, &mut record, incoming.link, Opinion::Known(base))?;
        self.store_extra(&mut record)
    }

    /// The base of a record that was deleted or replaced here before it had a column: of that one it saw what the column begins with. Else
    /// the parent would take for seen what is ignored here, and a value that was typed there meanwhile would go unsaid.
    fn unseen(&self, change: &Change, mut base: Option<Image>) -> Result<Option<Image>> {
        let shape = self.session.shape(change.table);
        let Some(image) = &mut base else { return Ok(base) };
        for field in change.fields.iter().copied().filter(|field| shape.is_live(*field)) {
            if !image.row.get(field).is_stated() {
                image.row.set(field, self.session.database()?.constant_default(shape, field)?.unwrap_or(Value::Null));
            }
        }
        Ok(base)
    }

    /// Takes what no edit of ours keeps out, and gives the base afterwards.
    fn take(
        &mut self,
        record: &mut Record,
        incoming: &Incoming,
        change: Change,
        held: Option<Held>,
        base: Option<Image>,
        edits: &OurEdits,
    ) -> Result<Option<Image>> {
        let known_to = Some(incoming.link.site);
        let Some(after) = change.after.clone() else {
            if record.current.is_none() {
                return Ok(base);
            }
            if !edits.fields.is_empty() {
                self.note_outlived_there(record, incoming, base.as_ref())?;
                ignore(record, edits, None);
                return Ok(base);
            }
            if let Some((field, value)) = &self.session.policy(record.table).mark_down {
                return self.mark(record, incoming, Some((*field, value)), change, held, base);
            }
            if let Some((table, key)) = self.dependant(record)?
                && !(self.may_dangle && self.all_lead_there(record, incoming.link)?)
            {
                // Those stay for good: nobody hears of them any more.
                if self.is_needed_by_marked_only(record)? {
                    self.say_it_stays(record, incoming, &format!("{table} {key}"))?;
                    return self.mark(record, incoming, None, change, held, base);
                }
                record.extra.full = true;
                self.note_outlived_there(record, incoming, base.as_ref())?;
                return self.hold_here(record, incoming, change, HeldReason::Dependants { table, key }, held, base);
            }
            self.bury_base(record, base.as_ref())?;
            return Ok(match self.put(record, None, known_to)? {
                Put::Done => None,
                Put::Refused(reason) => self.hold_here(record, incoming, change, reason, held, base)?,
            });
        };
        let same = record.current.as_ref().is_some_and(|ours| ours.born == after.born);
        if !same && !edits.fields.is_empty() {
            ignore(record, edits, None);
            return Ok(base);
        }
        if !same && !is_whole(&change) {
            // It speaks of a record that it believes us to hold: say what we hold, and be told everything.
            record.extra.full = true;
            record.extra.report_whole = true;
            return Ok(base);
        }
        let marked = record.current.clone().filter(|_| record.extra.marked);
        let meanwhile = if marked.is_some() { self.edited_since_marked(record, incoming)? } else { BTreeSet::new() };
        let (ignored, taken): (Vec<FieldNo>, Vec<FieldNo>) = change.fields.iter().partition(|field| edits.fields.contains(field));
        if !ignored.is_empty() {
            ignore(record, edits, Some(&ignored));
            self.apart.extend(ignored.iter().map(|field| (record.table, record.key.clone(), *field)));
        }
        // What is ignored now is ignored for good: a held change must not bring it once our edit is acknowledged.
        let change = Change { fields: taken.clone(), ..change };
        if let Some(reason) = self.waits_for_twin(record, &after)? {
            return self.hold_here(record, incoming, change, reason, held, base);
        }
        match self.need(record, &after, &taken, known_to)? {
            Need::Met => {}
            Need::Missing { .. } if self.may_dangle && self.dangles_there(record, &after, &taken, incoming.link)? => {
                self.let_dangle(&change, incoming.link.site, true)?;
            }
            Need::Missing { table, key, .. } => {
                return self.hold_here(record, incoming, change, HeldReason::Missing { table, key }, held, base);
            }
            Need::Other { table, key } => {
                return self.hold_here(record, incoming, change, HeldReason::OtherRecord { table, key }, held, base);
            }
        }
        let (mut new, mut new_base) = match (&record.current, &base) {
            (Some(ours), Some(base)) if same => (ours.clone(), base.clone()),
            _ => (Image { born: after.born, ..Image::default() }, Image { born: after.born, ..Image::default() }),
        };
        let losses = self.losses.len();
        let late = if same { self.late_edits(record, incoming, base.as_ref(), &after, &taken)? } else { Vec::new() };
        if let (true, Some(ours), Some(base), Some(id)) = (same, &record.current, &base, record.id) {
            let news = taken.iter().copied().filter(|field| base.stamp(*field) != after.stamp(*field));
            self.note_same(id, ours, &after, news);
        }
        for field in &taken {
            new.take_edit(*field, &after);
            new_base.take(*field, &after);
        }
        let unchanged = same && record.current.as_ref().is_some_and(|ours| ours.same_data(&new));
        if !unchanged {
            if !same {
                self.bury_base(record, base.as_ref())?;
            }
            if let Put::Refused(reason) = self.put_as_meant(record, Some(new), known_to, (&change, held.as_ref()), Vec::new())? {
                self.losses.truncate(losses);
                self.same.clear();
                return self.hold_here(record, incoming, change, reason, held, base);
            }
        }
        self.list_losses(losses)?;
        for late in late {
            self.come_late(record, incoming, &after, late)?;
        }
        if !same {
            record.extra.full = false;
            record.extra.made_as.remove(&incoming.link.site);
        }
        record.extra.unmark();
        if let Some(marked) = marked {
            self.lose_marked(record, incoming, &marked, &after, &meanwhile)?;
        }
        // What a column of another type here made of the parent's value is nobody's edit: told back it would go to and fro for ever.
        if let Some(ours) = &record.current {
            taken
                .iter()
                .filter(|field| ours.row.get(**field).converts_to(after.row.get(**field)))
                .for_each(|field| new_base.take(*field, ours));
        }
        Ok(Some(new_base))
    }

    /// The parent deleted the record; here a field is set instead, where the rules name one, and it is told no more.
    fn mark(
        &mut self,
        record: &mut Record,
        incoming: &Incoming,
        set: Option<(FieldNo, &Value)>,
        change: Change,
        held: Option<Held>,
        base: Option<Image>,
    ) -> Result<Option<Image>> {
        let Some(mut image) = record.current.clone() else { return Ok(base) };
        self.bury_base(record, base.as_ref())?;
        if let Some((field, value)) = set
            && image.row.get(field) != value
        {
            image.row.set(field, value.clone());
            image.set_stamp(field, Some(Stamp { time: self.now, site: incoming.link.site }));
            if let Put::Refused(reason) = self.put(record, Some(image), Some(incoming.link.site))? {
                return self.hold_here(record, incoming, change, reason, held, base);
            }
        }
        let mut mark = Row::default();
        set.into_iter().for_each(|(field, value)| mark.set(field, value.clone()));
        (record.extra.marked, record.extra.mark) = (true, Some(mark));
        Ok(None)
    }

    /// Whether all that refers to a record stands marked as deleted.
    fn is_needed_by_marked_only(&self, record: &Record) -> Result<bool> {
        let session = self.session;
        let shape = session.shape(record.table);
        for (table, place) in session.database()?.dependants(&session.shapes, shape, record.at(), i64::MAX as usize)? {
            let other = session.load_at(session.shape(table), &place)?;
            let is_itself = (other.table, &other.key) == (record.table, &record.key);
            let is_marked = other.current.as_ref().is_some_and(|image| session.policy(table).is_marked(&other, &image.row));
            if !is_itself && !is_marked {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn say_it_stays(&self, record: &Record, incoming: &Incoming, needed_by: &str) -> Result<()> {
        let (name, key) = (&self.session.shape(record.table).name, self.session.shown_key(record)?);
        let said = format!(
            "{name} {key} was deleted at '{}' and stays here: {needed_by} refers to it, which is only marked as deleted",
            incoming.name
        );
        news::add(self.session, &[Event::Said(said)])
    }

    /// What was edited here of a record since the parent spoke of it last: while it stands marked as deleted.
    fn edited_since_marked(&self, record: &Record, incoming: &Incoming) -> Result<BTreeSet<FieldNo>> {
        let chain = self.session.ledger.chain(record, JournalNumber(0))?;
        let ours = chain.into_iter().take_while(|entry| entry.known_to != Some(incoming.link.site));
        Ok(ours.flat_map(|entry| if let EntryKind::Update(_, fields) = entry.kind { fields } else { Vec::new() }).collect())
    }

    /// What was edited in a record while it stood marked as deleted, and is written over because it came back.
    fn lose_marked(
        &mut self,
        record: &Record,
        incoming: &Incoming,
        marked: &Image,
        after: &Image,
        meanwhile: &BTreeSet<FieldNo>,
    ) -> Result<()> {
        let losses = self.losses.len();
        for field in meanwhile.iter().copied().filter(|field| after.row.get(*field).is_stated()) {
            let (stands, lost) = (self.shown(record, field, &after.row)?, self.shown(record, field, &marked.row)?);
            if stands == lost {
                continue;
            }
            const WHY: &str = "it stood as deleted here and came back from the parent";
            let conflict = self.written_over(record, incoming, field, after, marked, WHY)?;
            self.losses.push(conflict);
        }
        self.list_losses(losses)
    }

    /// A field of `lost` in whose place the parent's stands.
    fn written_over(
        &self,
        record: &Record,
        incoming: &Incoming,
        field: FieldNo,
        after: &Image,
        lost: &Image,
        why: &str,
    ) -> Result<Conflict> {
        let (stands, lies) = (self.shown(record, field, &after.row)?, self.shown(record, field, &lost.row)?);
        let mut conflict = self.conflict(record, ConflictKind::Field, Some(field), why, ConflictState::Decided, incoming);
        (conflict.winner, conflict.loser) = (Some(stands.to_string()), Some(lies.to_string()));
        conflict.exact = Row(vec![Value::Absent, stands, lies]);
        conflict.winner_site = Some(self.site_of(after.stamp(field), Some(incoming))?);
        conflict.loser_site = Some(self.site_of(lost.stamp(field), None)?);
        conflict.winner_time = after.stamp(field).map(|stamp| stamp.time);
        conflict.loser_time = lost.stamp(field).map(|stamp| stamp.time);
        Ok(conflict)
    }

    /// Of the fields that the parent writes over: what children typed that was here already, and of which whoever made the parent's edit cannot have known.
    fn late_edits(
        &self,
        record: &Record,
        incoming: &Incoming,
        base: Option<&Image>,
        after: &Image,
        fields: &[FieldNo],
    ) -> Result<Vec<Late>> {
        let (Some(id), Some(ours), true) = (record.id, &record.current, self.any_same) else { return Ok(Vec::new()) };
        if self.session.shape(record.table).name == LIBRARY {
            return Ok(Vec::new());
        }
        let mut late = Vec::new();
        for field in fields.iter().copied().filter(|field| ours.row.get(*field) != after.row.get(*field)) {
            let (Some(our), Some(at)) = (ours.stamp(field), after.stamp(field)) else { continue };
            if self.follows_others(record, field) {
                continue;
            }
            for same in self.session.ledger.same_edits_met(id, OurEdit::Field(field, our))? {
                let Some(stamp) = same.time.map(|time| Stamp { time, site: same.site }) else { continue };
                if let Some(child) = self.child_above(same.site)?
                    && base.and_then(|base| base.stamp(field)) != Some(stamp)
                    && self.is_unheard_by(incoming.link.site, same.journal, stamp.time.max(same.noted), Some(at), Seen::ByTheSite)?
                {
                    let mut typed = Image { born: ours.born, ..Image::default() };
                    typed.row.set(field, ours.row.get(field).clone());
                    typed.set_stamp(field, Some(stamp));
                    late.push(Late { child, field, typed });
                }
            }
        }
        Ok(late)
    }

    /// The child that a site is, or below which it is.
    fn child_above(&self, site: SiteNo) -> Result<Option<Link>> {
        for link in self.links.iter().filter(|link| link.kind == NeighbourKind::Child) {
            if is_below(self.session, site, link.site)? {
                return Ok(Some(*link));
            }
        }
        Ok(None)
    }

    /// What a child typed comes after the parent's word, `after`. What wins or loses together with other fields is not here any more: it loses.
    fn come_late(&mut self, record: &mut Record, incoming: &Incoming, after: &Image, Late { child, field, typed }: Late) -> Result<()> {
        let session = self.session;
        let neighbour = session.ledger.neighbour(child.site)?;
        let from = Incoming { link: child, name: neighbour.card.name, number: neighbour.received };
        let mut unit = vec![field];
        session.policy(record.table).close(&mut unit);
        let losses = self.losses.len();
        let mut is_decided = false;
        if let ([_], Some(ours)) = (&unit[..], record.current.clone()) {
            let nothing = Image { born: ours.born, ..Image::default() };
            let merged = self.merge(record, &from, ours.clone(), Some(&nothing), &typed, &[field])?;
            is_decided = merged.same_data(&ours) || matches!(self.put(record, Some(merged), None)?, Put::Done);
        }
        if !is_decided {
            self.losses.truncate(losses);
            const WHY: &str = "the same was here already, and the parent has something else since";
            let conflict = self.written_over(record, incoming, field, after, &typed, WHY)?;
            self.losses.push(conflict);
        }
        self.losses[losses..].iter_mut().for_each(|conflict| conflict.packet = Some((incoming.name.clone(), incoming.number)));
        // Whoever typed it first may have been known to who made the parent's.
        self.list_as_they_are(losses)
    }

    fn hold_here(
        &mut self,
        record: &mut Record,
        incoming: &Incoming,
        change: Change,
        reason: HeldReason,
        held: Option<Held>,
        base: Option<Image>,
    ) -> Result<Option<Image>> {
        let held = self.hold(incoming, change, reason, held)?;
        record.extra.held.insert(incoming.link.site, held);
        Ok(base)
    }

    /// Follows the parent in what absorbed what (rule 10): our record goes by the surviving incarnation from now on.
    fn rename(&mut self, record: &mut Record, incoming: &Incoming, change: &Change) -> Result<Option<Image>> {
        let ledger = &self.session.ledger;
        let base = known_base(known::opinion(ledger, record, incoming.link)?);
        let Some(after) = &change.after else { return Ok(base) };
        for absorbed in &change.aliases {
            if *absorbed != after.born && !ledger.same(*absorbed, after.born)? {
                ledger.absorb(record, *absorbed, after.born)?;
            }
        }
        match (record.current.clone(), base) {
            (Some(ours), Some(base)) if ours.born == base.born && ours.born != after.born && change.aliases.contains(&ours.born) => {
                let renamed = Image { born: after.born, ..ours };
                let row = self.session.numbered(self.session.shape(record.table), &renamed.row)?;
                self.journal(record, Some(renamed), Some(&row), Some(incoming.link.site))?;
                Ok(Some(Image { born: after.born, ..base }))
            }
            (_, base) => Ok(base),
        }
    }

    fn our_edits(&self, record: &Record, base: Option<&Image>) -> Result<OurEdits> {
        let shape = self.session.shape(record.table);
        let policy = self.session.policy(record.table);
        let pending = self.session.ledger.pending(record)?;
        let mut edits =
            OurEdits { whole: pending.whole, whole_unsent: false, fields: pending.fields.into_iter().collect(), unsent: BTreeSet::new() };
        match (&record.current, base) {
            (Some(ours), Some(base)) if ours.born == base.born => {
                let mut unsent: Vec<FieldNo> = ours.row.differing(&base.row).filter(|field| shape.is_live(*field)).collect();
                policy.close(&mut unsent);
                edits.unsent = unsent.into_iter().collect();
            }
            (None, None) => {}
            (Some(ours), None) if policy.is_marked(record, &ours.row) => {}
            (Some(_) | None, Some(_)) | (Some(_), None) => edits.whole_unsent = true,
        }
        edits.whole |= edits.whole_unsent;
        edits.fields.extend(&edits.unsent);
        // What wins or loses together is kept together.
        let mut kept: Vec<FieldNo> = edits.fields.iter().copied().collect();
        policy.close(&mut kept);
        edits.fields.extend(kept);
        Ok(edits)
    }

    /// An office keeps what it and the parent last shared of an ended incarnation, in case a child of it revives the record.
    fn bury_base(&self, record: &mut Record, base: Option<&Image>) -> Result<()> {
        if let Some(base) = base
            && self.has_children
        {
            self.session.ledger.bury_shared(record, base.born, &base.row)?;
        }
        Ok(())
    }
}

/// Notes that a change was not taken: `None` the whole of it, else these fields.
fn ignore(record: &mut Record, edits: &OurEdits, fields: Option<&[FieldNo]>) {
    match fields {
        None => {
            record.extra.full = true;
            if edits.whole_unsent || !edits.unsent.is_empty() {
                record.extra.report_whole = true;
            }
        }
        Some(fields) if fields.iter().any(|field| edits.unsent.contains(field)) => record.extra.report.extend(fields),
        Some(_) => {}
    }
}

/// Whether `after` holds every field.
fn is_whole(change: &Change) -> bool {
    change.whole || change.kind() != ChangeKind::Update
}

fn known_base(opinion: Opinion) -> Option<Image> {
    match opinion {
        Opinion::Known(image) => image,
        Opinion::Unknown => None,
    }
}

/// A held change of the parent and the next one of the same record as one: the last word in everything.
pub(in crate::sync) fn compose_parent(earlier: &Change, later: Change) -> Change {
    let born = |image: &Option<Image>| image.as_ref().map(|image| image.born);
    let continues = |a: Option<Born>, b: Option<Born>| a.is_some() && a == b;
    if continues(born(&later.before), born(&later.after)) && continues(born(&later.after), born(&earlier.after)) {
        let (after, fields) = continued(earlier, &later);
        return Change { before: earlier.before.clone(), after: Some(after), fields, meant: both_meant(earlier, &later), ..later };
    }
    later
}
