//! What refers to a record by a value of it: whom does it go on meaning when that value changes, or another record takes it?
//!
//! A value by which others refer must not change away under them. Our connection does not cascade, and the site that changed the value cannot know of
//! rows that were typed elsewhere meanwhile: they follow here, as an edit of this site ([`Applying::follow_values`]). What its site did with the rows
//! that it knew came along with the change, perhaps in a later slice or packet of what was built together: so that is awaited.
//!
//! **States** of a row that may follow: noted (its record got another value, or was another one for the neighbour whose row it is) → kept, in a note of the
//! ledger, until the build is whole and nothing of it waits that has the value → followed, or said to a person, or left where its site led it.
//! **Crash points**: a note is written in the slice that makes it, and taken back in the one that follows.
//! **Invariant**: what refers to a record by a value that the record gives up refers to the value that it has instead, or to one that
//! somebody has and its site meant, or a person is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::by_value::{Pairs, Referrer, led, overlaid, said_by};
use super::meant::LONGEST_CHAIN;
use super::put::Put;
use super::rekeyed::{Beside, Outlived};
use crate::database::{Aside, Reference};
use crate::ledger::{Entry, EntryKind, Held, HeldReason, NeighbourKind, Opinion, Record};
use crate::model::{Born, FieldNo, ForeignKey, Identity, Image, JournalNumber, Key, Row, Shape, SiteNo, Stamp, TableNo, Value};
use crate::rules::Direction;
use crate::site::Role;
use crate::sync::apply::Applying;
use crate::sync::known::{self, Link};
use crate::sync::left_behind;
use crate::sync::mend::{HeldPlace, MendError};
use crate::sync::{Result, SyncError};

impl Applying<'_> {
    /// A held change of a child gives its record other values than it came with (`before`): what is held of that child and refers to them
    /// refers to the new ones.
    pub(in crate::sync) fn refer_on(&mut self, record: &Record, site: SiteNo, before: &Held) -> Result<()> {
        let session = self.session;
        let Some(now) = record.extra.held.get(&site) else { return Ok(()) };
        let to = (record.table, self.key_of_held(record, before, now)?);
        for (child, reference, pairs) in session.leading_by_value(session.shape(record.table)) {
            // A number of a record stays the number of that one.
            let pairs: Pairs = pairs.into_iter().filter(|(own, _)| !child.concerns_numbers(*own)).collect();
            let (Some(was), Some(is)) = (self.said_in(reference, record, before)?, self.said_in(reference, record, now)?) else { continue };
            for key in self.waiting_for(site, child.number)? {
                let mut referring = session.load(child.number, &key)?;
                let current = referring.current.as_ref().map_or_else(Row::default, |image| image.row.clone());
                let Some(held) = referring.extra.held.get_mut(&site) else { continue };
                let was_held = held.clone();
                let Some(after) = &mut held.change.after else { continue };
                let mut row = current;
                let stated = child.live_fields().filter(|field| after.row.get(*field).is_stated());
                stated.for_each(|field| row.set(field, after.row.get(field).clone()));
                if !self.agree(reference, &session.numbered(child, &row)?, &was)? {
                    continue;
                }
                let is_other = |own: &FieldNo| is.get(*own).is_stated() && after.row.get(*own) != is.get(*own);
                let moved: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).filter(is_other).collect();
                for field in &moved {
                    after.row.set(*field, is.get(*field).clone());
                    after.set_stamp(*field, Some(Stamp { time: self.now, site: SiteNo(0) }));
                    if !held.change.fields.contains(field) {
                        held.change.fields.push(*field);
                        held.change.fields.sort_unstable();
                    }
                }
                if moved.is_empty() {
                    continue;
                }
                held.means.iter_mut().filter(|means| means.fields == reference.fields).for_each(|means| means.to.clone_from(&to));
                if !moved.iter().any(|field| child.is_key(*field)) {
                    self.store_extra(&mut referring)?;
                    self.refer_on(&referring, site, &was_held)?;
                    continue;
                }
                // It is another record by now, as where its site gives it the key.
                let row = after.row.clone();
                let number = referring.id.ok_or(SyncError::Bug("what is held has a row of the ledger"))?;
                self.refer_on(&referring, site, &was_held)?;
                self.give_up(HeldPlace { number, site }, "it refers to another value by its key now")?;
                if let Put::Refused(reason) = self.begin(child, &session.key_by_meaning(child, &row)?, row)? {
                    let key = session.shown_key(&referring)?;
                    return Err(MendError::Refused(format!("{} {key}: {reason}", child.name)).into());
                }
            }
        }
        Ok(())
    }

    /// The key of a record as a held change has it `now`: it may have come under another one.
    fn key_of_held(&self, record: &Record, before: &Held, now: &Held) -> Result<Key> {
        let shape = self.session.shape(record.table);
        let (Some(was), Some(is)) = (&before.change.after, &now.change.after) else { return Ok(record.key.clone()) };
        let gets_key = shape.live_fields().any(|field| shape.is_key(field) && was.row.get(field) != is.row.get(field));
        if gets_key { self.session.key_by_meaning(shape, &is.row) } else { Ok(record.key.clone()) }
    }

    /// A record is about to get other values: who refers to it by those that it has.
    pub(super) fn note_referring(&mut self, record: &Record, new: &Image, fields: &[FieldNo]) -> Result<()> {
        let shape = self.session.shape(record.table);
        if !fields.iter().any(|field| self.referred.contains(&(record.table, *field)) && new.row.get(*field).is_stated()) {
            return Ok(());
        }
        let before = self.formerly(record)?;
        let old = record.current.as_ref().map_or_else(Row::default, |image| overlaid(&Row::default(), &image.row, fields));
        let gives_up = GivesUp { table: record.table, key: record.key.clone(), old };
        let changed = Changed { row: &new.row, before: &before, gives_up: &gives_up };
        self.note_below(shape, record.at(), Some(fields), &changed, LONGEST_CHAIN)
    }

    /// A record is about to end: where another one takes the value at once, nothing dangles, and yet who referred to it by that meant this one.
    pub(super) fn note_referring_to_the_end(&mut self, record: &Record) -> Result<()> {
        let (session, shape) = (self.session, self.session.shape(record.table));
        if self.speaker.is_none() || !shape.live_fields().any(|field| self.referred.contains(&(record.table, field))) {
            return Ok(());
        }
        self.note_below_the_end(session.shape(record.table), record.at(), &(record.table, record.key.clone()), LONGEST_CHAIN)
    }

    /// Who refers to a record that ends with `to`, or to one that has that one's value in its key.
    fn note_below_the_end(&mut self, shape: &Shape, place: &Key, to: &(TableNo, Key), most: usize) -> Result<()> {
        for Referrer { shape: child, record, pairs, was } in self.session.referrers(shape, place, None)? {
            let known = self.is_known(child, &record, &pairs, &was)?;
            if known && most > 0 && pairs.iter().any(|(own, _)| child.is_key(*own)) {
                self.note_below_the_end(child, record.at(), to, most - 1)?;
            }
            let (to, site) = (to.clone(), self.speaker.map(|link| link.site));
            self.following.push(Following {
                table: child.number,
                key: record.key,
                pairs,
                was,
                before: Vec::new(),
                to,
                site,
                known,
                born: record.current.as_ref().map(|image| image.born),
                gives_up: None,
                beside: Beside::default(),
            });
        }
        Ok(())
    }

    /// Whether the neighbour that speaks knows that a record of ours refers so, and says himself what becomes of it.
    fn is_known(&self, child: &Shape, record: &Record, pairs: &Pairs, was: &Row) -> Result<bool> {
        let policy = self.session.policy(child.number);
        let own: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).collect();
        // Whose word of such rows is not taken here, or who is told none of them, does not say what becomes of them.
        let is_heard = |link: &Link| policy.direction != Direction::Up && (link.kind == NeighbourKind::Parent || !policy.guards(&own));
        let speaker = self.speaker.filter(is_heard);
        let (Some(link), Some(here)) = (speaker, &record.current) else { return Ok(false) };
        // It spoke of the record after it was told the end of it.
        if record.extra.opinions.get(&link.site) == Some(&Opinion::Unknown) {
            return Ok(!self.speaks_of_a_former(record, link.site)?);
        }
        let Some(there) = self.had(record, link)? else { return Ok(false) };
        // Or put another one in its place, which waits.
        let ended = record.extra.held.get(&link.site).and_then(|held| held.change.before.as_ref());
        let is_here = |image: &Image| self.session.ledger.same(image.born, here.born);
        let knows = is_here(&there)? || ended.map_or(Ok(false), is_here)?;
        Ok(knows && own.iter().all(|field| there.row.get(*field) == was.get(*field)))
    }

    /// Whether a site spoke of a former record under this key, though it was told of the one that is here.
    fn speaks_of_a_former(&self, record: &Record, site: SiteNo) -> Result<bool> {
        let Some(here) = record.current.as_ref().filter(|_| record.extra.opinions.get(&site) == Some(&Opinion::Unknown)) else {
            return Ok(false);
        };
        Ok(self.session.ledger.last_of(record, here.born)?.is_none())
    }

    /// What the neighbour that speaks held of a record before it built what is being taken, and what that was here before, the latest first.
    fn formerly(&self, record: &Record) -> Result<Vec<Row>> {
        let held = self.speaker.map(|link| self.held_by(record, link)).transpose()?.flatten();
        let mut before: Vec<Row> = held.into_iter().map(|image| image.row).collect();
        let is_referred = |field: &FieldNo| self.referred.contains(&(record.table, *field));
        for entry in self.session.ledger.chain(record, JournalNumber(0))? {
            match entry.kind {
                EntryKind::Update(old, fields) if before.len() < MOST_FORMER => {
                    before.extend(fields.iter().any(is_referred).then_some(old.row))
                }
                EntryKind::Update(..) | EntryKind::Insert | EntryKind::Delete(_) | EntryKind::Replace(_) | EntryKind::Rename(_) => {}
            }
        }
        Ok(before)
    }

    /// Who refers to a record by these fields, or any, that changes. What has the value in its key is another record then: where the neighbour knows of that
    /// one, and leads it itself, what refers to it here may still be nothing that it knows of.
    fn note_below(&mut self, shape: &Shape, place: &Key, fields: Option<&[FieldNo]>, changed: &Changed<'_>, most: usize) -> Result<()> {
        let session = self.session;
        let Changed { row, before, gives_up } = changed;
        let to = if fields.is_some() { session.load_at(shape, place)?.key } else { session.key_by_meaning(shape, row)? };
        for Referrer { shape: child, record, pairs, was } in session.referrers(shape, place, fields)? {
            let known = self.is_known(child, &record, &pairs, &was)?;
            let own: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).collect();
            let gets_key = known && own.iter().any(|field| child.is_key(*field));
            let beside = if gets_key { self.what_stays(child, &record)? } else { Beside::default() };
            if let Some(image) = record.current.as_ref().filter(|_| gets_key && most > 0) {
                let becomes = led(&image.row, &pairs, row);
                let before: Vec<Row> = before.iter().map(|before| led(&image.row, &pairs, before)).collect();
                if own.iter().all(|field| becomes.get(*field).is_stated()) {
                    self.note_below(child, record.at(), None, &Changed { row: &becomes, before: &before, gives_up }, most - 1)?;
                }
            }
            let (to, site) = ((shape.number, to.clone()), self.speaker.map(|link| link.site));
            let before = before.iter().map(|before| led(&Row::default(), &pairs, before)).collect();
            let gives_up = fields.is_none().then(|| (*gives_up).clone());
            let (table, born) = (child.number, record.current.as_ref().map(|image| image.born));
            self.following.push(Following { table, key: record.key, pairs, was, before, to, site, known, born, gives_up, beside });
        }
        Ok(())
    }

    /// A neighbour's row, which is `row` with numbers, was written as it says: where a value in it is another record's here than it was for the neighbour, which had not
    /// heard of that, or than it was when the change came that had to wait, it is to follow the one that was meant.
    pub(super) fn note_meant(&mut self, record: &Record, image: &Image, row: &Row, fields: &[FieldNo]) -> Result<()> {
        let (session, Some(link)) = (self.session, self.speaker) else { return Ok(()) };
        let child = session.shape(record.table);
        for reference in &child.references {
            let Some((_, pairs)) = session.by_value(reference).filter(|(_, pairs)| pairs.iter().any(|(own, _)| fields.contains(own)))
            else {
                continue;
            };
            let Reference::Found(table, found) = session.database()?.referenced(&session.shapes, reference, row)? else { continue };
            let found = session.load_at(session.shape(table), &found)?;
            // A value that its site gives it itself nobody else has there.
            if (table, &found.key) == (record.table, &record.key) && pairs.iter().all(|(_, theirs)| fields.contains(theirs)) {
                continue;
            }
            let waited = self.meant.iter().find(|means| means.fields == reference.fields).map(|means| means.to.clone());
            let meant = match waited {
                Some(meant) => Some(meant),
                None => self.whom_it_means(reference, row, &found, link)?,
            };
            if let Some(to) = meant.filter(|meant| *meant != (table, found.key)) {
                let (key, was, site) = (record.key.clone(), said_by(&pairs, &image.row), Some(link.site));
                let before =
                    self.formerly(&session.load(to.0, &to.1)?)?.iter().map(|before| led(&Row::default(), &pairs, before)).collect();
                self.following.push(Following {
                    table: record.table,
                    key,
                    pairs,
                    was,
                    before,
                    to,
                    site,
                    known: false,
                    born: Some(image.born),
                    gives_up: None,
                    beside: Beside::default(),
                });
            }
        }
        Ok(())
    }

    /// At the end of a slice: what still refers to a value that its record gave up, and that nobody has, refers to the one which that record has
    /// instead: an edit of this site. Who changed it did not know of what refers to it here, or sent that along: so all that was built with
    /// the change comes first, and what waits of it.
    pub(in crate::sync) fn follow_values(&mut self) -> Result<()> {
        let session = self.session;
        let kept = session.ledger.notes(FOLLOWING)?;
        if kept.is_empty() && self.following.is_empty() && self.outlived.is_empty() {
            return Ok(());
        }
        self.look_what_comes()?;
        let sites = kept.keys().filter_map(|name| site_of(name)).map(Some).chain(self.following.iter().map(|one| one.site));
        let sites: BTreeSet<Option<SiteNo>> = sites.chain(self.outlived.iter().map(|one| Some(one.site))).collect();
        let mut outlived = std::mem::take(&mut self.outlived);
        for site in sites {
            let own: Vec<Following> = self.following.extract_if(.., |one| one.site == site).collect();
            let Some(site) = site else {
                self.follow(own, None)?;
                continue;
            };
            // Of a site that is retired nothing comes any more.
            let is_whole = !self.links.iter().any(|link| link.site == site) || self.is_taken_whole(site)?;
            let noted = || kept.iter().filter(|(name, _)| site_of(name) == Some(site));
            let mut waits = own;
            let mut slot = noted().count();
            self.outlived.extend(outlived.extract_if(.., |one| one.site == site));
            if is_whole {
                let mut due = Vec::new();
                for (name, text) in noted() {
                    for line in text.lines() {
                        match serde_json::from_str(line).map_err(|_| SyncError::Bug("a note of what refers does not read"))? {
                            Noted::Refers(one) => due.push(one),
                            Noted::Outlived(one) => self.outlived.push(one),
                        }
                    }
                    session.ledger.set_note(&format!("{FOLLOWING}{name}"), "")?;
                }
                due.append(&mut waits);
                (waits, slot) = (self.follow(due, Some(site))?, 0);
            }
            let outlived = std::mem::take(&mut self.outlived);
            if !waits.is_empty() || !is_whole && !outlived.is_empty() {
                let noted = waits.into_iter().map(Noted::Refers).chain(outlived.into_iter().map(Noted::Outlived));
                let lines = noted.map(|one| serde_json::to_string(&one)).collect::<std::result::Result<Vec<_>, _>>();
                let lines = lines.map_err(|_| SyncError::Bug("what refers is not written"))?;
                session.ledger.set_note(&format!("{FOLLOWING}{}:{slot}", site.0), &lines.join("\n"))?;
            }
        }
        Ok(())
    }

    /// Lets all of these follow but those whose value is still to come from the site; gives them back.
    fn follow(&mut self, all: Vec<Following>, site: Option<SiteNo>) -> Result<Vec<Following>> {
        self.speaker = None;
        self.moved.borrow_mut().clear();
        let (mut all, mut waits) = (all, Vec::new());
        self.carry_what_stays(&all)?;
        // Those first, at the end, of which it is certain what they mean.
        all.sort_by_key(|one| !one.known);
        let (mut anew, mut waiting) = (Vec::new(), None);
        loop {
            while let Some(mut one) = all.pop() {
                match self.whither(&mut one, site, &mut waiting)? {
                    Whither::Stays => {}
                    Whither::Later => waits.push(one),
                    Whither::To(record, target) => {
                        self.lead(one, *record, &target, site, &mut anew)?;
                        all.append(&mut self.following);
                    }
                }
            }
            self.follow_together(std::mem::take(&mut anew))?;
            all.append(&mut self.following);
            if all.is_empty() {
                return Ok(waits);
            }
        }
    }

    /// Where a record is to go that referred to a value which its record gave up.
    fn whither(&self, one: &mut Following, site: Option<SiteNo>, waiting: &mut Option<BTreeSet<(String, Key)>>) -> Result<Whither> {
        let session = self.session;
        let Following { table, key, pairs, was, to, known, .. } = one;
        // A table may have gone since.
        let Some(shape) = session.shapes.iter().find(|shape| shape.number == *table) else { return Ok(Whither::Stays) };
        let record = session.load(*table, key)?;
        let is_as_it_was = |image: &&Image| pairs.iter().all(|(own, _)| image.row.get(*own) == was.get(*own));
        let Some(row) = record.current.as_ref().filter(is_as_it_was).map(|image| &image.row) else { return Ok(Whither::Stays) };
        // Another one was put in its place meanwhile, and says itself whom it means.
        let born = one.born.zip(record.current.as_ref());
        if !born.map_or(Ok(true), |(born, here)| session.ledger.same(born, here.born))? {
            return Ok(Whither::Stays);
        }
        // Nor does one follow that became one with a record which the neighbour has under its key and speaks of in the same build.
        let became_one = |entry: &Entry| entry.cause == self.cause && matches!(entry.kind, EntryKind::Rename(_) | EntryKind::Update(..));
        let speaks = one.site.is_some() && !*known && shape.identity() == Identity::Key;
        if speaks && session.ledger.entry(record.version)?.as_ref().is_some_and(became_one) {
            return Ok(Whither::Stays);
        }
        if one.gives_up.as_ref().map_or(Ok(false), |gives_up| self.has_it_still(gives_up))? {
            return Ok(Whither::Stays);
        }
        // What the parent alone edits follows there.
        if session.policy(*table).direction == Direction::Down && session.settings.role != Role::Host {
            return Ok(Whither::Stays);
        }
        let fields: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).collect();
        let unmet = self.unmet(shape, row, &fields, site)?;
        if unmet.iter().any(|one| one.coming.is_some()) {
            return Ok(Whither::Later);
        }
        // Whoever knows of the row says himself what becomes of it, if not that it ends; of one that he cannot know nobody else has the value that it
        // means.
        let outlived = || self.outlived.iter().any(|outlived| (outlived.table, &outlived.key) == (*table, key));
        let of_a_former = site.map_or(Ok(false), |site| self.speaks_of_a_former(&record, site))?;
        let is_apart = fields.iter().any(|field| self.apart.contains(&(*table, key.clone(), *field)));
        if *known && !of_a_former && !is_apart && !outlived() && !self.waits_elsewhere(&record, waiting)? {
            if !unmet.iter().any(|one| one.wanted.is_some()) {
                return Ok(Whither::Stays);
            }
            // It left the row as it was, and has another one by that.
            if let Some(meant) = site.map_or(Ok(None), |site| self.said_to_mean(&record, pairs, site))? {
                *to = meant;
            }
        }
        let Some(now) = session.load(to.0, &to.1)?.current else {
            if unmet.is_empty() && self.is_given_on(shape, row, pairs, LONGEST_CHAIN)? {
                self.say_it_does_not_follow(&record, was, to, "whom it meant is gone")?;
            }
            return Ok(Whither::Stays);
        };
        // What ended with a record that is here after all is seen to by itself.
        let refers_to_it =
            |reference: &ForeignKey| session.by_value(reference).is_some_and(|(shape, by)| shape.number == to.0 && by == *pairs);
        if !shape.references.iter().any(refers_to_it) {
            return Ok(Whither::Stays);
        }
        let has_it = pairs.iter().all(|(own, theirs)| row.get(*own) == now.row.get(*theirs));
        if has_it || pairs.iter().any(|(_, theirs)| !now.row.get(*theirs).is_stated()) {
            return Ok(Whither::Stays);
        }
        if pairs.iter().any(|(_, theirs)| *now.row.get(*theirs) == Value::Null) {
            self.say_it_does_not_follow(&record, was, to, "it was emptied")?;
            return Ok(Whither::Stays);
        }
        Ok(Whither::To(Box::new(record), now.row))
    }

    /// Whether a record has what it was to give up: its change waits, and what would have got another key by that has not.
    fn has_it_still(&self, GivesUp { table, key, old }: &GivesUp) -> Result<bool> {
        let Some(shape) = self.session.shapes.iter().find(|shape| shape.number == *table) else { return Ok(false) };
        let Some(now) = self.session.load(*table, key)?.current else { return Ok(false) };
        Ok(shape.live_fields().filter(|field| old.get(*field).is_stated()).all(|field| now.row.get(field) == old.get(field)))
    }

    /// Lets a record refer to `target`: an edit of this site. Where it gets a key by that, or something is in its way that may follow too, it is one of those that follow
    /// together.
    fn lead(&mut self, one: Following, mut record: Record, target: &Row, site: Option<SiteNo>, anew: &mut Vec<Anew>) -> Result<()> {
        let Following { table, key, pairs, was, before, to, .. } = one;
        let Some(mut new) = record.current.clone() else { return Ok(()) };
        let fields: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).collect();
        let before: Vec<Row> = before.iter().map(|before| overlaid(&new.row, before, &fields)).collect();
        for (own, theirs) in &pairs {
            new.row.set(*own, target.get(*theirs).clone());
            new.set_stamp(*own, Some(Stamp { time: self.now, site: SiteNo(0) }));
        }
        if let Some(other) = anew.iter_mut().find(|other| (other.record.table, &other.record.key) == (table, &key)) {
            // What was led before it is the more certain.
            let is_led = |field: &FieldNo| record.current.as_ref().is_some_and(|is| is.row.get(*field) != other.new.row.get(*field));
            if !fields.iter().any(is_led) {
                fields.iter().for_each(|field| other.new.take(*field, &new));
                let all = other.before.iter_mut().zip(before.iter());
                all.for_each(|(all, before)| *all = overlaid(all, before, &fields));
            }
            return Ok(());
        }
        let gets_key = fields.iter().any(|field| self.session.shape(table).is_key(*field));
        // Where it is what the parent was told before it may mean another one: that is told too.
        if let Some(parent) = self.links.iter().copied().find(|link| link.kind == NeighbourKind::Parent && !gets_key)
            && let Opinion::Known(Some(told)) = known::opinion(&self.session.ledger, &record, parent)?
            && fields.iter().all(|field| told.row.get(*field) == new.row.get(*field))
        {
            record.extra.report.extend(&fields);
            self.store_extra(&mut record)?;
        }
        if gets_key || !matches!(self.put(&mut record, Some(new.clone()), None)?, Put::Done) {
            anew.push(Anew { record, new, gets_key, was, to, before, site });
        }
        Ok(())
    }

    /// Whether the record to which a row refers had other values before, or the one to which that refers by its key. One that is new took the place of the one that was
    /// meant, as where a program writes a table anew.
    fn is_given_on(&self, shape: &Shape, row: &Row, pairs: &Pairs, most: usize) -> Result<bool> {
        let session = self.session;
        let by = |reference: &&ForeignKey| pairs.iter().all(|(own, _)| reference.fields.contains(own));
        let Some(reference) = shape.references.iter().find(by) else { return Ok(false) };
        let row = session.numbered(shape, row)?;
        let Reference::Found(table, place) = session.database()?.referenced(&session.shapes, reference, &row)? else { return Ok(false) };
        let parent = session.shape(table);
        let is_other =
            |entry: &Entry| matches!(&entry.kind, EntryKind::Update(_, fields) if pairs.iter().any(|(_, theirs)| fields.contains(theirs)));
        let owner = session.load_at(parent, &place)?;
        if session.ledger.chain(&owner, JournalNumber(0))?.iter().any(is_other) {
            return Ok(true);
        }
        for reference in &parent.references {
            let Some((_, by)) = session.by_value(reference) else { continue };
            if most > 0
                && by.iter().any(|(own, _)| parent.is_key(*own))
                && let Some(image) = &owner.current
                && self.is_given_on(parent, &image.row, &by, most - 1)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a change of this record was said to wait at a neighbour, who then does not know what becomes of it.
    fn waits_elsewhere(&self, record: &Record, waiting: &mut Option<BTreeSet<(String, Key)>>) -> Result<bool> {
        let waiting = match waiting {
            Some(waiting) => waiting,
            none => none.insert(self.session.ledger.waiting_elsewhere()?),
        };
        Ok(waiting.contains(&(self.session.shape(record.table).name.clone(), self.session.shown_key(record)?)))
    }

    fn say_it_does_not_follow(&self, record: &Record, was: &Row, meant: &(TableNo, Key), why: &str) -> Result<()> {
        left_behind::note_astray(self.session, record, was, meant, why)
    }

    /// Records that take each other's keys and unique values, all together; who cannot stays as it was, and is said. Under another key one ends and
    /// another begins, as where an application gives it that, and what refers to it is to follow.
    fn follow_together(&mut self, mut all: Vec<Anew>) -> Result<()> {
        while !all.is_empty() {
            let (mut refused, mut referring) = (None, Vec::new());
            let done = self.attempt(|applying| {
                refused = applying.try_together(&all, &mut referring)?;
                applying.lifted.clear();
                Ok(refused.is_none())
            })?;
            if done {
                self.following.append(&mut referring);
                return Ok(());
            }
            if let Some((place, why)) = refused {
                let one = all.remove(place);
                self.say_it_does_not_follow(&one.record, &one.was, &one.to, &why)?;
            }
        }
        Ok(())
    }

    /// Gives the place of one that cannot, and why.
    fn try_together(&mut self, all: &[Anew], referring: &mut Vec<Following>) -> Result<Option<(usize, String)>> {
        let session = self.session;
        let (mut asides, mut begun) = (Vec::new(), BTreeSet::new());
        for one in all {
            if one.gets_key {
                self.note_referring_anew(one, referring)?;
                asides.push(session.database()?.aside(session.shape(one.record.table), one.record.at())?);
            } else {
                self.lift(one.record.table, &one.record.key, one.record.at())?;
                asides.push(Aside::new());
            }
        }
        for one in all.iter().filter(|one| one.gets_key) {
            self.put(&mut one.record.clone(), None, None)?;
        }
        for (place, (one, aside)) in all.iter().zip(&asides).enumerate() {
            let shape = session.shape(one.record.table);
            if !one.gets_key {
                match self.put(&mut one.record.clone(), Some(one.new.clone()), None)? {
                    Put::Done => continue,
                    Put::Refused(reason) => return Ok(Some((place, reason.to_string()))),
                }
            }
            let key = session.key_by_meaning(shape, &one.new.row)?;
            // Two sites gave the same record the same key: it is there already.
            let is_there = self.load(shape.number, &key)?.current.filter(|_| !begun.contains(&(shape.number, key.clone())));
            let is_same =
                |there: &Image| shape.live_fields().all(|field| shape.is_key(field) || there.row.get(field) == one.new.row.get(field));
            if let Some(there) = &is_there {
                let refused = if is_same(there) { self.put_beside(shape, &key, aside)? } else { self.go_on_in(one, &key, aside)? };
                if let Some(why) = refused {
                    return Ok(Some((place, why)));
                }
                continue;
            }
            if let Put::Refused(reason) = self.begin(shape, &key, one.new.row.clone())? {
                return Ok(Some((place, reason.to_string())));
            }
            let begins = session.load(shape.number, &key)?;
            if let Err(message) = session.database()?.put_aside(shape, begins.at(), aside)? {
                return Ok(Some((place, message)));
            }
            begun.insert((shape.number, key));
        }
        Ok(None)
    }

    /// What refers to a record that gets another key is to follow.
    fn note_referring_anew(&self, one: &Anew, referring: &mut Vec<Following>) -> Result<()> {
        let session = self.session;
        let shape = session.shape(one.record.table);
        let to = (shape.number, session.key_by_meaning(shape, &one.new.row)?);
        for Referrer { shape: child, record, pairs, was } in session.referrers(shape, one.record.at(), None)? {
            let before = one.before.iter().map(|before| led(&Row::default(), &pairs, before)).collect();
            referring.push(Following {
                table: child.number,
                key: record.key,
                pairs,
                was,
                before,
                to: to.clone(),
                site: None,
                known: false,
                born: record.current.as_ref().map(|image| image.born),
                gives_up: None,
                beside: Beside::default(),
            });
        }
        Ok(())
    }

    /// A record begins here.
    fn begin(&mut self, shape: &Shape, key: &Key, row: Row) -> Result<Put> {
        let mut record = self.load(shape.number, key)?;
        if record.current.is_some() {
            return Ok(Put::Refused(HeldReason::Refused { message: "another record has that key".into() }));
        }
        let mut image = Image { born: self.session.ledger.give_birth(), row, stamps: Vec::new() };
        shape.live_fields().for_each(|field| image.set_stamp(field, Some(Stamp { time: self.now, site: SiteNo(0) })));
        self.put(&mut record, Some(image), None)
    }
}

/// What becomes of a record, and what it was.
struct Changed<'r> {
    row: &'r Row,
    before: &'r [Row],
    gives_up: &'r GivesUp,
}

/// A record that is about to give up values, by which others refer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct GivesUp {
    table: TableNo,
    key: Key,
    old: Row,
}

/// Values that a record had one after the other, by which what refers to it is looked for under its former key.
const MOST_FORMER: usize = 4;

/// Notes of what may have to follow once all of a build has come: behind it the site and a number.
const FOLLOWING: &str = "following:";

fn site_of(rest: &str) -> Option<SiteNo> {
    rest.split_once(':')?.0.parse().ok().map(SiteNo)
}

/// What becomes of a record that referred to a value.
enum Whither {
    /// It is not to follow, or not any more.
    Stays,
    /// The value is still to come.
    Later,
    /// It is to refer to a record that has these values.
    To(Box<Record>, Row),
}

/// A record that is to have another key, or a value that another one has.
pub(super) struct Anew {
    pub(super) record: Record,
    /// As it is to be.
    pub(super) new: Image,
    gets_key: bool,
    /// What it said of the one that it follows.
    was: Row,
    /// That one.
    to: (TableNo, Key),
    /// As it may have been before, for the site that is followed and here.
    pub(super) before: Vec<Row>,
    pub(super) site: Option<SiteNo>,
}

/// What is noted until a build is whole.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Noted {
    Refers(Following),
    Outlived(Outlived),
}

/// A record that referred to another one by values which that one gave up.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sync) struct Following {
    pub(super) table: TableNo,
    pub(super) key: Key,
    /// By which fields it did, and to which.
    pub(super) pairs: Pairs,
    was: Row,
    /// What it may have said before.
    #[serde(default)]
    before: Vec<Row>,
    /// To which record.
    pub(super) to: (TableNo, Key),
    /// Whose change that was.
    site: Option<SiteNo>,
    /// That site knew that it referred to it.
    pub(super) known: bool,
    /// Which one it is of those under its key.
    #[serde(default)]
    born: Option<Born>,
    /// Whose change it comes from, where that is not the one to which it refers.
    #[serde(default)]
    gives_up: Option<GivesUp>,
    /// What it holds beside its shape, where that site gives it another key.
    #[serde(default)]
    pub(super) beside: Beside,
}
