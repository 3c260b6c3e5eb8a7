//! What was edited under a key that another site changed goes where?
//!
//! A record with a value in its key by which it refers is another one where that value changes: its site ends it and begins one under the new key. Who edited
//! it meanwhile meant the record that goes on under the new key, so there the edit goes, field by field as any other edit.
//!
//! **Cases**: the parent has the edit, and a build of a child brings the new key ([`Applying::note_outlived`], then [`Applying::go_on_in`] once the
//! build is whole); the same at a child with an edit on its way, where the parent decides about fields that both edited: it is told of them with what they were before
//! ([`Applying::go_on_in`]); or the parent has the new key already, and the edit comes from a child that has not heard of it
//! ([`Applying::under_its_new_key`]).
//! **Crash points**: what outlived its end is noted in the slice in which it did, beside what is to follow (`following`).
//! **Invariant**: without a base, what the record was where its key changed, nothing is merged: two records under one key stay two, and a person is told.

use serde::{Deserialize, Serialize};

use super::by_value::led;
use super::following::{Anew, Following};
use super::meant::{LONGEST_CHAIN, Led};
use super::put::Put;
use crate::database::Aside;
use crate::ledger::{Entry, EntryKind, NeighbourKind, Opinion, Record};
use crate::model::{Change, FieldNo, Image, JournalNumber, Key, PacketNumber, Row, Shape, SiteNo, TableNo, Value};
use crate::rules::adds_up;
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};
use crate::sync::known;
use crate::sync::tracking::evolve::Event;
use crate::sync::tracking::news;

/// A record that ended at a neighbour, or for it, and stays here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sync) struct Outlived {
    pub(super) table: TableNo,
    pub(super) key: Key,
    /// What it was for both.
    was: Image,
    pub(super) site: SiteNo,
    packet: PacketNumber,
    whose: Edited,
    /// What the parent was told of it that it had not heard yet when it ended the record.
    #[serde(default)]
    told: Option<Image>,
}

/// What a record holds beside its shape: columns and what is in them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::sync) struct Beside {
    columns: Vec<String>,
    values: Row,
}

/// Where what outlived its end was edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Edited {
    /// Here, and the neighbour ended it.
    Here,
    /// At the neighbour, and it had ended here.
    There,
}

impl Applying<'_> {
    /// A record that was `was` for both ended on one side, and stays, for it was edited or is needed on the other.
    pub(super) fn note_outlived(&mut self, record: &Record, incoming: &Incoming, was: &Image, whose: Edited) {
        if self.session.refers_by_its_key(self.session.shape(record.table)) {
            let (table, key, was) = (record.table, record.key.clone(), was.clone());
            self.outlived.push(Outlived { table, key, was, site: incoming.link.site, packet: incoming.number, whose, told: None });
        }
    }

    /// The same of one that the parent ended, who may not have heard all that it was `told`.
    pub(super) fn note_outlived_there(&mut self, record: &Record, incoming: &Incoming, told: Option<&Image>) -> Result<()> {
        if self.session.refers_by_its_key(self.session.shape(record.table))
            && let Some(was) = self.held_by(record, incoming.link)?.as_ref().or(told)
        {
            self.note_outlived(record, incoming, was, Edited::Here);
            self.outlived.last_mut().into_iter().for_each(|outlived| outlived.told = told.cloned());
        }
        Ok(())
    }

    /// The record that `one` is to become is `there` already: takes in what was edited here since its site ended `one`, and what it holds beside its shape.
    /// Gives why not.
    pub(super) fn go_on_in(&mut self, one: &Anew, key: &Key, aside: &Aside) -> Result<Option<String>> {
        let session = self.session;
        let shape = session.shape(one.record.table);
        let outlived = self.outlived.iter().find(|outlived| (outlived.table, &outlived.key) == (shape.number, &one.record.key));
        let outlived = outlived.map_or_else(|| self.common(one, key), |outlived| Ok(Some(outlived.clone())))?;
        let Some(Outlived { was, site, packet, whose, told, .. }) = outlived else {
            return Ok(Some("another record has that key".into()));
        };
        let mut target = self.load(shape.number, key)?;
        let (Some(there), Some(link)) = (target.current.clone(), self.links.iter().copied().find(|link| link.site == site)) else {
            return Ok(Some("another record has that key".into()));
        };
        let fields: Vec<FieldNo> = shape.live_fields().filter(|field| !shape.is_key(*field)).collect();
        let mut base = Image { born: there.born, ..one.new.clone() };
        fields.iter().for_each(|field| base.take(*field, &was));
        let ours = Image { born: there.born, ..one.new.clone() };
        let edited = |field: &&FieldNo| ours.row.get(**field) != base.row.get(**field);
        let losses = self.losses.len();
        let merged = match link.kind {
            NeighbourKind::Child => {
                let incoming = Incoming { link, name: session.ledger.site_name(site)?, number: packet };
                let (here, theirs) = match whose {
                    Edited::Here => (ours.clone(), &there),
                    Edited::There => (there.clone(), &ours),
                };
                self.merge(&target, &incoming, here, Some(&base), theirs, &fields)?
            }
            // What both edited the parent decides.
            NeighbourKind::Parent => {
                let mut merged = there.clone();
                let is_taken = |field: &&FieldNo| whose == Edited::Here || there.row.get(**field) == base.row.get(**field);
                fields.iter().filter(edited).filter(is_taken).for_each(|field| merged.take(*field, &ours));
                merged
            }
        };
        if let Put::Refused(reason) = self.put(&mut target, Some(merged), None)? {
            self.losses.truncate(losses);
            return Ok(Some(reason.to_string()));
        }
        self.list_losses(losses)?;
        if link.kind == NeighbourKind::Parent && whose == Edited::Here {
            let mut believed = there;
            // What adds up is not to be added twice: the parent adds what it was told by itself.
            let is_told = |field: FieldNo| {
                let told = told.as_ref().is_some_and(|told| told.row.get(field) == ours.row.get(field));
                told && adds_up(session.criteria(shape.number, field))
            };
            fields.iter().filter(edited).for_each(|field| believed.take(*field, if is_told(*field) { &ours } else { &base }));
            known::set_opinion(&session.ledger, &mut target, link, Opinion::Known(Some(believed)))?;
        }
        self.store_extra(&mut target)?;
        let refused = self.put_beside(shape, key, aside)?;
        if refused.is_none() {
            self.say_it_went_on(&one.record, &target)?;
        }
        Ok(refused)
    }

    /// Both sites gave a record another key: what it was before, where it ended as `one` or the record under `key` began.
    fn common(&self, one: &Anew, key: &Key) -> Result<Option<Outlived>> {
        let session = self.session;
        let shape = session.shape(one.record.table);
        let Some(link) = self.links.iter().find(|link| Some(link.site) == one.site) else { return Ok(None) };
        let began = |key: &Key| -> Result<Option<Entry>> {
            let record = session.load(shape.number, key)?;
            let begins = |entry: &Entry| matches!(entry.kind, EntryKind::Insert | EntryKind::Replace(_));
            Ok(session.ledger.latest_entry(&record, begins)?)
        };
        let (Some(one_began), Some(target_began)) = (began(&one.record.key)?, began(key)?) else { return Ok(None) };
        for before in &one.before {
            let former = session.load(shape.number, &session.key_by_meaning(shape, before)?)?;
            if former.current.is_some() || former.key == one.record.key {
                continue;
            }
            let Some(Entry { kind: EntryKind::Delete(was), cause, .. }) =
                session.ledger.chain(&former, JournalNumber(0))?.into_iter().next()
            else {
                continue;
            };
            if cause == one_began.cause || cause == target_began.cause {
                let whose = if target_began.known_to == Some(link.site) { Edited::Here } else { Edited::There };
                let packet = session.ledger.neighbour(link.site)?.received;
                return Ok(Some(Outlived { table: shape.number, key: former.key, was, site: link.site, packet, whose, told: None }));
            }
        }
        Ok(None)
    }

    /// What a record held beside its shape is held by the one that it became, where it is not empty. Gives why not.
    pub(super) fn put_beside(&self, shape: &Shape, key: &Key, aside: &Aside) -> Result<Option<String>> {
        let mut aside = aside.clone();
        aside.retain(|(_, value)| *value != Value::Null);
        let became = self.session.load(shape.number, key)?;
        Ok(self.session.database()?.put_aside(shape, became.at(), &aside)?.err())
    }

    /// What a record holds beside its shape.
    pub(super) fn what_stays(&self, shape: &Shape, record: &Record) -> Result<Beside> {
        let mut aside = self.session.database()?.aside(shape, record.at())?;
        aside.retain(|(_, value)| *value != Value::Null);
        let (columns, values) = aside.into_iter().unzip();
        Ok(Beside { columns, values: Row(values) })
    }

    /// A record to which its site gave another key by a value is here under that by now: what it holds beside its shape goes along, and away from under a
    /// key that another one has.
    pub(super) fn carry_what_stays(&self, all: &[Following]) -> Result<()> {
        let (session, mut left, mut carried) = (self.session, Vec::<(&Shape, Record, Aside)>::new(), Vec::new());
        for Following { table, key, pairs, to, beside, .. } in all.iter().filter(|one| !one.beside.columns.is_empty()) {
            let Some(shape) = session.shapes.iter().find(|shape| shape.number == *table) else { continue };
            let record = session.load(*table, key)?;
            let was = record.current.clone().or(session.ledger.former(&record)?.into_iter().next());
            let (Some(was), Some(target)) = (was, session.load(to.0, &to.1)?.current) else { continue };
            let next = session.load(*table, &session.key_by_meaning(shape, &led(&was.row, pairs, &target.row))?)?;
            if next.current.is_none() || next.key == record.key {
                continue;
            }
            if record.current.is_some() {
                left.push((shape, record, beside.columns.iter().map(|column| (column.clone(), Value::Null)).collect()));
            }
            carried.push((shape, next, beside.columns.iter().cloned().zip(beside.values.0.clone()).collect()));
        }
        for (shape, record, aside) in left.into_iter().chain(carried) {
            if let Err(message) = session.database()?.put_aside(shape, record.at(), &aside)? {
                let said = format!("{} {}: what stays at this site could not go along: {message}", shape.name, session.shown_key(&record)?);
                news::add(session, &[Event::Said(said)])?;
            }
        }
        Ok(())
    }

    /// A child edited a record that has another key here since, which it has not heard: the record that it is now, and the edit as one of that.
    pub(super) fn under_its_new_key(&mut self, record: &Record, incoming: &Incoming, change: &Change) -> Result<Option<(Record, Change)>> {
        let session = self.session;
        let shape = session.shape(record.table);
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(None) };
        if before.born != after.born || !session.refers_by_its_key(shape) {
            return Ok(None);
        }
        let is_here = record.current.as_ref().map(|ours| session.ledger.same(ours.born, before.born)).transpose()?;
        let Some(last) = session.ledger.last_of(record, before.born)?.filter(|_| is_here != Some(true)) else { return Ok(None) };
        let Led::To(now) = self.as_it_leads_now(shape, &last.row, incoming.link, LONGEST_CHAIN)? else { return Ok(None) };
        let target = self.load(shape.number, &session.key_by_meaning(shape, &now)?)?;
        let Some(there) = &target.current else { return Ok(None) };
        let as_there = |image: &Image| {
            let mut image = Image { born: there.born, ..image.clone() };
            shape.live_fields().filter(|field| shape.is_key(*field)).for_each(|field| image.row.set(field, now.get(field).clone()));
            image
        };
        let fields = change.fields.iter().copied().filter(|field| !shape.is_key(*field)).collect();
        let (before, after) = (Some(as_there(before)), Some(as_there(after)));
        let change = Change { key: target.key.clone(), before, after, fields, shared: None, aliases: Vec::new(), ..change.clone() };
        Ok(Some((target, change)))
    }

    /// Takes the edit of a child as one of the record that goes on under another key.
    pub(super) fn take_under_its_new_key(
        &mut self,
        mut record: Record,
        incoming: &Incoming,
        change: &Change,
        elsewhere: (Record, Change),
    ) -> Result<()> {
        let session = self.session;
        let (target, elsewhere) = elsewhere;
        // Under the old key the child holds it still, and is told.
        let opinion = self.moved_shadow(&record, incoming, change, None)?;
        record.extra.held.remove(&incoming.link.site);
        known::set_opinion(&session.ledger, &mut record, incoming.link, opinion)?;
        self.store_extra(&mut record)?;
        let believed = known::opinion(&session.ledger, &target, incoming.link)?;
        let (table, key) = (target.table, target.key.clone());
        self.take_from_child(incoming, elsewhere, None)?;
        let mut target = self.load(table, &key)?;
        known::set_opinion(&session.ledger, &mut target, incoming.link, believed)?;
        self.store_extra(&mut target)?;
        self.say_it_went_on(&record, &target)
    }

    fn say_it_went_on(&self, record: &Record, target: &Record) -> Result<()> {
        let session = self.session;
        let (name, was) = (&session.shape(record.table).name, session.shown_key(record)?);
        let said = format!("{name} {was} was edited while its key changed: the edit is in {name} {}", session.shown_key(target)?);
        news::add(session, &[Event::Said(said)])
    }
}
