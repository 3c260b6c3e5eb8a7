//! Whom did its site mean by a value, where others may have it by now?
//!
//! What a neighbour wrote it wrote as far as it had heard of us: by a value it means the record that had it then. A change that has to wait means whom it meant when it
//! came ([`Means`]); the parent's, what it has said since in the same build. A value that was edited on both sides is compared by whom it means, not
//! by its text ([`Applying::as_meant_here`]): what only followed a record that got another value is no edit.
//!
//! **Invariant**: who is meant is told from what the neighbour had, never from what is here, except where both are the same.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::by_value::{Pairs, led, said_by};
use super::put::Put;
use crate::database::Reference;
use crate::ledger::{CauseKind, Entry, EntryKind, Held, Means, NeighbourKind, Opinion, Record};
use crate::model::{Change, FieldNo, ForeignKey, Image, JournalNumber, Key, Row, Shape, SiteNo, TableNo, Value};
use crate::sync::apply::Applying;
use crate::sync::known::{self, Link};
use crate::sync::{Result, Session};

/// Tables of which each refers to the next one by its key.
pub(super) const LONGEST_CHAIN: usize = 16;

/// Records with what they were for a neighbour, by that one and their table.
pub(in crate::sync) type Moved = BTreeMap<(SiteNo, TableNo, Which), Rc<Vec<(Record, Image)>>>;

/// Of the records by whose values others refer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sync) enum Which {
    /// Those that got other values here, or ended, since the neighbour heard of us.
    Moved,
    /// Those of which it says otherwise itself than it heard.
    Otherwise,
}

/// Where the key of a row leads by the values in it.
pub(super) enum Led {
    /// Where it says.
    Alike,
    /// To other values: this is the row with them.
    To(Row),
    /// To this record, which ended.
    Nowhere((TableNo, Key)),
}

impl Applying<'_> {
    /// Whom a neighbour means by values that `found` has here, where those may be another one's for it: it had not heard what became of that here. `row` has numbers.
    pub(super) fn whom_it_means(&self, reference: &ForeignKey, row: &Row, found: &Record, link: Link) -> Result<Option<(TableNo, Key)>> {
        let (session, Some(here)) = (self.session, &found.current) else { return Ok(None) };
        let Some((shape, pairs)) = session.by_value(reference) else { return Ok(None) };
        if session.refers_by_its_key(shape) {
            match self.as_it_leads_now(shape, &here.row, link, LONGEST_CHAIN)? {
                Led::To(now) => return Ok(Some((shape.number, session.key_by_meaning(shape, &now)?))),
                // With that one the record that was meant ended, whoever has its key.
                Led::Nowhere(gone) => return Ok(Some(gone)),
                Led::Alike => {}
            }
        }
        let is_same = |there: &Image| pairs.iter().all(|(_, theirs)| here.row.get(*theirs) == there.row.get(*theirs));
        if !pairs.iter().any(|(_, theirs)| self.referred.contains(&(shape.number, *theirs))) {
            return Ok(None);
        }
        // What it says itself it has: one that was told the value as well cannot have it there.
        let led = match self.led_among(Which::Otherwise, reference, row, link)? {
            None if !self.had(found, link)?.is_some_and(|there| is_same(&there)) => self.led_among(Which::Moved, reference, row, link)?,
            led => led,
        };
        Ok(led.map(|(meant, _)| (meant.table, meant.key)))
    }

    /// As [`Self::put`], of a change that may have waited since: what it means by values is whom it meant then.
    pub(super) fn put_as_meant(
        &mut self,
        record: &mut Record,
        new: Option<Image>,
        known_to: Option<SiteNo>,
        (change, held): (&Change, Option<&Held>),
        means: Vec<Means>,
    ) -> Result<Put> {
        self.meant = means;
        if let (Some(held), Some(link)) = (held.filter(|held| !held.means.is_empty()), self.speaker) {
            let waited = self.means(link, change, Some(held))?;
            self.meant.extend(waited);
        }
        let put = self.put(record, new, known_to);
        self.meant.clear();
        put
    }

    /// A child's edit of a value by which a record refers, where it was edited here too: as it would say it if it had heard what became of those whom it means and meant. So what only
    /// followed a record that got another value is no edit, on either side. And whom it means.
    pub(super) fn as_meant_here(
        &mut self,
        record: &Record,
        link: Link,
        change: &Change,
        held: Option<&Held>,
    ) -> Result<Option<(Change, Vec<Means>)>> {
        let session = self.session;
        let (Some(ours), Some(before), Some(after)) = (&record.current, &change.before, &change.after) else { return Ok(None) };
        if before.born != after.born || !session.ledger.same(ours.born, before.born)? {
            return Ok(None);
        }
        let child = session.shape(record.table);
        let mut led_here: Option<(Change, Vec<Means>)> = None;
        for reference in &child.references {
            let Some((_, pairs)) = session.by_value(reference) else { continue };
            let is_stated = |own: &FieldNo| change.fields.contains(own);
            let is_here = |own: &FieldNo| before.row.get(*own) != ours.row.get(*own);
            let is_plain = |own: &FieldNo| !child.is_key(*own) && before.row.get(*own).is_stated();
            let all = || pairs.iter().map(|(own, _)| own);
            if !all().all(is_plain) || !all().any(is_stated) || !all().any(is_here) {
                continue;
            }
            let means = match held.is_some_and(|held| !held.means.is_empty()) {
                true => self.means(link, change, held)?,
                false => self.means(link, change, None)?,
            };
            let Some(to) = means.into_iter().find(|means| means.fields == reference.fields) else { continue };
            let target = session.load(to.to.0, &to.to.1)?;
            let Some(now) = target.current.as_ref().filter(|_| !target.extra.held.contains_key(&link.site)) else { continue };
            let meant = led(&Row::default(), &pairs, &now.row);
            if all().any(|own| matches!(meant.get(*own), Value::Absent | Value::Null)) {
                continue;
            }
            // Whom it meant before: the same one, which got another value since, or one that got it here.
            let was = said_by(&pairs, &before.row);
            let follows = self.whom_it_follows(record, ours, reference, (&pairs, &was))?;
            // What it was at the site says that one; what it was here may be only ours. A row that goes on meaning another one here meant that one by this before, whatever
            // its site heard since.
            let gives_up = match self.said.get(&to.to) {
                _ if follows.as_ref().is_some_and(|one| *one != to.to) => false,
                Some(before) => led(&Row::default(), &pairs, before) == was,
                None => self.gave_up(&target, &pairs, &was, |entry| entry.cause == self.cause)?,
            };
            let meant_before = if gives_up {
                self.apart.extend(all().map(|own| (record.table, record.key.clone(), *own)));
                Some(meant.clone())
            } else if follows.is_some() {
                Some(said_by(&pairs, &ours.row))
            } else {
                // What it gave another value in the same build it meant otherwise before.
                let of_it = self.led_to(reference, &session.numbered(child, &before.row)?, link)?;
                let of_it = of_it.filter(|(record, _)| !self.said.contains_key(&(record.table, record.key.clone())));
                of_it.and_then(|(record, _)| record.current).map(|image| led(&Row::default(), &pairs, &image.row))
            };
            if meant == said_by(&pairs, &after.row) && meant_before.as_ref().is_none_or(|before| *before == was) {
                continue;
            }
            let is_no_edit = meant_before.as_ref() == Some(&meant);
            let (change, means) = led_here.get_or_insert_with(|| (change.clone(), Vec::new()));
            for (image, row) in [(&mut change.before, meant_before), (&mut change.after, Some(meant))] {
                if let (Some(image), Some(row)) = (image, row) {
                    all().for_each(|own| image.row.set(*own, row.get(*own).clone()));
                }
            }
            if is_no_edit {
                change.fields.retain(|field| all().all(|own| own != field));
            }
            means.push(to);
        }
        Ok(led_here)
    }

    /// Whether a record had these values, to which `pairs` lead, until such an entry.
    fn gave_up(&self, record: &Record, pairs: &Pairs, was: &Row, by: impl Fn(&Entry) -> bool) -> Result<bool> {
        let chain = self.session.ledger.chain(record, JournalNumber(0))?;
        let gave = |kind: &EntryKind| matches!(kind, EntryKind::Update(old, _) if led(&Row::default(), pairs, &old.row) == *was);
        Ok(chain.iter().filter(|entry| by(entry)).any(|entry| gave(&entry.kind)))
    }

    /// Whom a record, that referred to another one by what it `was`, goes on meaning: that one, which got another value at once.
    fn whom_it_follows(
        &self,
        record: &Record,
        ours: &Image,
        reference: &ForeignKey,
        (pairs, was): (&Pairs, &Row),
    ) -> Result<Option<(TableNo, Key)>> {
        let session = self.session;
        let row = session.numbered(session.shape(record.table), &ours.row)?;
        let Reference::Found(table, place) = session.database()?.referenced(&session.shapes, reference, &row)? else { return Ok(None) };
        let chain = session.ledger.chain(record, JournalNumber(0))?;
        let last = chain.iter().find_map(|entry| match &entry.kind {
            EntryKind::Update(old, fields) if pairs.iter().any(|(own, _)| fields.contains(own)) => Some((old, entry.stamp)),
            EntryKind::Insert | EntryKind::Update(..) | EntryKind::Delete(_) | EntryKind::Replace(_) | EntryKind::Rename(_) => None,
        });
        // What a statement does in other tables along with its own has the time of that.
        let Some((_, Some(stamp))) = last.filter(|(old, _)| said_by(pairs, &old.row) == *was) else { return Ok(None) };
        let found = session.load_at(session.shape(table), &place)?;
        let gave_up = self.gave_up(&found, pairs, was, |entry| entry.stamp == Some(stamp))?;
        Ok(gave_up.then_some((table, found.key)))
    }

    /// Whom a change means by values, which is to wait; by those that it had before it waited it means who was meant then. While its packet is taken that is not
    /// known yet: what comes behind it may say who has them at its site.
    pub(super) fn means(&self, link: Link, change: &Change, earlier: Option<&Held>) -> Result<Vec<Means>> {
        let (session, Some(after)) = (self.session, &change.after) else { return Ok(Vec::new()) };
        let cause = session.ledger.cause(self.cause)?.kind;
        let earlier = earlier.filter(|held| cause != CauseKind::Packet(link.site, held.packet));
        let child = session.shape(change.table);
        let mut means = Vec::new();
        for reference in &child.references {
            let Some((shape, pairs)) = session.by_value(reference) else { continue };
            if !pairs.iter().all(|(own, _)| !matches!(after.row.get(*own), Value::Absent | Value::Null)) {
                continue;
            }
            let before =
                earlier.and_then(|held| held.change.after.as_ref().zip(held.means.iter().find(|one| one.fields == reference.fields)));
            if let Some((before, meant)) = before
                && pairs.iter().all(|(own, _)| before.row.get(*own) == after.row.get(*own) && !self.stated.contains(own))
            {
                means.push(meant.clone());
                continue;
            }
            // A value that its site gives it itself nobody else has there.
            let is_own =
                |(own, theirs): &(FieldNo, FieldNo)| change.fields.contains(theirs) && after.row.get(*own) == after.row.get(*theirs);
            if shape.number == change.table && pairs.iter().all(is_own) {
                means.push(Means { fields: reference.fields.clone(), to: (change.table, change.key.clone()) });
                continue;
            }
            let row = session.numbered(child, &after.row)?;
            let to = match session.database()?.referenced(&session.shapes, reference, &row)? {
                Reference::Found(table, found) => match self.meant_by(link.site, reference, table, &found)? {
                    Some(waits) => Some(waits),
                    None => {
                        let found = session.load_at(shape, &found)?;
                        self.whom_it_means(reference, &row, &found, link)?.or(Some((table, found.key)))
                    }
                },
                Reference::Missing { .. } => self.led_to(reference, &row, link)?.map(|(meant, _)| (meant.table, meant.key)),
                Reference::None | Reference::Elsewhere => None,
            };
            means.extend(to.map(|to| Means { fields: reference.fields.clone(), to }));
        }
        Ok(means)
    }

    /// Whom a site means by a value that its row has after its build as before, where it says itself who has that.
    pub(super) fn said_to_mean(&self, record: &Record, pairs: &Pairs, site: SiteNo) -> Result<Option<(TableNo, Key)>> {
        let session = self.session;
        let shape = session.shape(record.table);
        let link = self.links.iter().copied().find(|link| link.site == site && !record.extra.held.contains_key(&site));
        let reference = shape.references.iter().find(|reference| session.by_value(reference).is_some_and(|(_, by)| by == *pairs));
        let (Some(link), Some(reference), Some(image)) = (link, reference, &record.current) else { return Ok(None) };
        let row = session.numbered(shape, &image.row)?;
        Ok(self.led_among(Which::Otherwise, reference, &row, link)?.map(|(meant, _)| (meant.table, meant.key)))
    }

    /// Of the records that got other values here, or ended, since a neighbour heard of us, the one to which its row refers, and what that was for it: what it says
    /// itself first. `row` has numbers.
    fn led_to(&self, reference: &ForeignKey, row: &Row, link: Link) -> Result<Option<(Record, Image)>> {
        match self.led_among(Which::Otherwise, reference, row, link)? {
            None => self.led_among(Which::Moved, reference, row, link),
            led => Ok(led),
        }
    }

    /// The same among these.
    fn led_among(&self, which: Which, reference: &ForeignKey, row: &Row, link: Link) -> Result<Option<(Record, Image)>> {
        let session = self.session;
        let Some(wanted) = self.wanted(reference, row)? else { return Ok(None) };
        let shape = session.shape(wanted.table);
        for (meant, there) in self.moved(which, shape, link)?.iter() {
            if self.value_of(&wanted, &session.numbered(shape, &there.row)?)?.as_ref() == Some(&wanted.value) {
                return Ok(Some((session.load(meant.table, &meant.key)?, there.clone())));
            }
        }
        Ok(None)
    }

    /// Which records of a table these are, with what they were for a neighbour.
    fn moved(&self, which: Which, shape: &Shape, link: Link) -> Result<Rc<Vec<(Record, Image)>>> {
        let session = self.session;
        if let Some(moved) = self.moved.borrow().get(&(link.site, shape.number, which)) {
            return Ok(Rc::clone(moved));
        }
        let heard = self.heard(link)?;
        let is_other = |one: &Image, other: &Image| {
            let is_other = |field: FieldNo| one.row.get(field) != other.row.get(field);
            shape.live_fields().any(|field| self.referred.contains(&(shape.number, field)) && is_other(field))
        };
        let mut moved = Vec::new();
        for record in self.candidates(which, shape, heard)? {
            let Some(there) = self.had(&record, link)? else { continue };
            let than = match which {
                Which::Moved => record.current.clone(),
                Which::Otherwise => match known::derived(&session.ledger, &record, heard)? {
                    Opinion::Known(told) => told,
                    Opinion::Unknown => None,
                },
            };
            let stays = match than {
                Some(than) => session.ledger.same(than.born, there.born)? && !is_other(&than, &there),
                None => false,
            };
            if !stays {
                moved.push((record, there));
            }
        }
        let moved = Rc::new(moved);
        self.moved.borrow_mut().insert((link.site, shape.number, which), Rc::clone(&moved));
        Ok(moved)
    }

    /// Those that may be such.
    fn candidates(&self, which: Which, shape: &Shape, heard: Link) -> Result<Vec<Record>> {
        let session = self.session;
        if (which, heard.kind) == (Which::Otherwise, NeighbourKind::Parent) {
            let spoken = session.spoken.borrow();
            let of_table = spoken.keys().filter(|(table, _)| *table == shape.number);
            return of_table.map(|(table, key)| session.load(*table, key)).collect();
        }
        let after = match which {
            Which::Moved => heard.cursor,
            // What a child says otherwise is kept beside the record.
            Which::Otherwise => session.ledger.journal_end(),
        };
        let ids = session.ledger.candidates_in(shape.number, heard.site, after)?;
        ids.into_iter().map(|id| Ok(session.ledger.load_id(id)?)).collect()
    }

    /// What the parent says of values by which others refer.
    pub(super) fn note_spoken(&self, change: &Change) {
        let (Some(after), false) = (&change.after, self.referred.is_empty()) else { return };
        for field in change.fields.iter().filter(|field| self.referred.contains(&(change.table, **field))) {
            let mut spoken = self.session.spoken.borrow_mut();
            spoken.entry((change.table, change.key.clone())).or_default().set(*field, after.row.get(*field).clone());
        }
    }

    /// What a neighbour held of a record of what we had told it when it built what is being taken.
    pub(super) fn held_by(&self, record: &Record, link: Link) -> Result<Option<Image>> {
        let heard = self.heard(link)?;
        Ok(match known::opinion(&self.session.ledger, record, heard)? {
            Opinion::Known(image) => image,
            // It spoke of the record before it could hear what became of it here.
            Opinion::Unknown => match known::derived(&self.session.ledger, record, heard)? {
                Opinion::Known(image) => image,
                Opinion::Unknown => None,
            },
        })
    }

    /// What a neighbour had of a record when it built what is being taken.
    pub(super) fn had(&self, record: &Record, link: Link) -> Result<Option<Image>> {
        let Some(mut image) = self.held_by(record, link)? else { return Ok(None) };
        let spoken = self.session.spoken.borrow();
        if let Some(said) = spoken.get(&(record.table, record.key.clone())).filter(|_| link.kind == NeighbourKind::Parent) {
            let stated = self.session.shape(record.table).live_fields().filter(|field| said.get(*field).is_stated());
            stated.for_each(|field| image.row.set(field, said.get(field).clone()));
        }
        Ok(Some(image))
    }

    /// A neighbour, told no more than it had heard when it built what is being taken.
    fn heard(&self, link: Link) -> Result<Link> {
        let ledger = &self.session.ledger;
        let cursor = known::heard(ledger, link.site, ledger.neighbour(link.site)?.acknowledged)?;
        Ok(Link { cursor: cursor.map_or(link.cursor, |heard| heard.min(link.cursor)), ..link })
    }

    /// A row of a neighbour with the values by which its key refers as they are here now.
    pub(super) fn as_it_leads_now(&self, shape: &Shape, row: &Row, link: Link, most: usize) -> Result<Led> {
        let session = self.session;
        let (mut now, mut moved) = (row.clone(), false);
        for reference in &shape.references {
            let Some((target, pairs)) = session.by_value(reference) else { continue };
            if most == 0 || !pairs.iter().any(|(own, _)| shape.is_key(*own)) {
                continue;
            }
            let Some((meant, there)) = self.led_to(reference, &session.numbered(shape, row)?, link)? else { continue };
            // What its own site says of it has not come to be yet.
            if meant.extra.held.contains_key(&link.site) {
                continue;
            }
            let values = match &meant.current {
                Some(current) if session.ledger.same(current.born, there.born)? => current.row.clone(),
                Some(_) | None => match self.as_it_leads_now(target, &there.row, link, most - 1)? {
                    Led::To(row) => row,
                    Led::Nowhere(gone) => return Ok(Led::Nowhere(gone)),
                    Led::Alike => return Ok(Led::Nowhere((meant.table, meant.key))),
                },
            };
            for (own, theirs) in pairs.iter().filter(|(_, theirs)| values.get(*theirs).is_stated()) {
                moved |= now.get(*own) != values.get(*theirs);
                now.set(*own, values.get(*theirs).clone());
            }
        }
        Ok(if moved { Led::To(now) } else { Led::Alike })
    }
}

impl Session {
    /// Whether a value by which a table refers is in its key.
    pub(super) fn refers_by_its_key(&self, shape: &Shape) -> bool {
        let leads = |(_, pairs): (&Shape, Vec<(FieldNo, FieldNo)>)| pairs.iter().any(|(own, _)| shape.is_key(*own));
        shape.references.iter().any(|reference| self.by_value(reference).is_some_and(leads))
    }
}
