//! Who refers to a record, and what becomes of that when the record goes or gets other values?
//!
//! A delete must not leave anybody referring to what is no more, and a value by which others refer to a record must not change away under
//! them. Our connection does neither cascade nor refuse, so whoever refers is looked for, here in the database and among what a site sent
//! that waits. The other end, what a row needs, is `references`.
//!
//! **Invariant**: what refers to a record by a value that the record gives up refers to the value that it has instead, or to one that
//! somebody has, or a person is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::put::Put;
use crate::database::{Reference, Refusal, Written};
use crate::ledger::{EntryKind, Held, HeldReason, NeighbourKind, Opinion, Record};
use crate::model::{
    Change, FieldNo, ForeignKey, Identity, Image, JournalNumber, Key, Row, Shape, SiteNo, Stamp, TableNo, Value, stands_for,
};
use crate::rules::Direction;
use crate::site::Role;
use crate::sync::apply::Applying;
use crate::sync::known::{self, Link};
use crate::sync::mend::{HeldPlace, MendError};
use crate::sync::tracking::evolve::Event;
use crate::sync::tracking::news;
use crate::sync::{Result, Session, SyncError};

impl Applying<'_> {
    /// A held change of a child gives its record other values than it came with (`before`): what is held of that child and refers to them
    /// refers to the new ones.
    pub(in crate::sync) fn refer_on(&mut self, record: &Record, site: SiteNo, before: &Held) -> Result<()> {
        let session = self.session;
        let Some(now) = record.extra.held.get(&site) else { return Ok(()) };
        for (child, reference, pairs) in session.leading_by_value(session.shape(record.table)) {
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
                if !moved.iter().any(|field| child.is_key(*field)) {
                    self.store_extra(&mut referring)?;
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

    /// A record is about to get other values: who refers to it by those that it has.
    pub(super) fn note_referring(&mut self, record: &Record, new: &Image, fields: &[FieldNo]) -> Result<()> {
        let session = self.session;
        let shape = session.shape(record.table);
        if !fields.iter().any(|field| self.referred.contains(&(record.table, *field)) && new.row.get(*field).is_stated()) {
            return Ok(());
        }
        for (child, reference, pairs) in session.leading_by_value(shape) {
            if !pairs.iter().any(|(_, theirs)| fields.contains(theirs)) {
                continue;
            }
            let alone = [Shape { references: vec![reference.clone()], ..child.clone() }];
            for (table, place) in session.database()?.dependants(&alone, shape, record.at(), i64::MAX as usize)? {
                let referring = session.load_at(child, &place)?;
                let Some(image) = &referring.current else { continue };
                let was = said_by(&pairs, &image.row);
                let there = self.speaker.map(|link| self.had(&referring, link)).transpose()?.flatten();
                let known = there.is_some_and(|there| pairs.iter().all(|(own, _)| there.row.get(*own) == was.get(*own)));
                let (to, site) = ((record.table, record.key.clone()), self.speaker.map(|link| link.site));
                self.following.push(Following { table, key: referring.key, pairs: pairs.clone(), was, to, site, known });
            }
        }
        Ok(())
    }

    /// A neighbour's row was written as it says: where a value in it is another record's here than it was for the neighbour, which had not heard of that, it
    /// is to follow the one that was meant.
    pub(super) fn note_meant(&mut self, record: &Record, row: &Row, fields: &[FieldNo]) -> Result<()> {
        let (session, Some(link)) = (self.session, self.speaker) else { return Ok(()) };
        let child = session.shape(record.table);
        for reference in &child.references {
            let Some((shape, pairs)) = session.by_value(child, reference) else { continue };
            let is_referred = |(_, theirs): &(FieldNo, FieldNo)| self.referred.contains(&(shape.number, *theirs));
            if !pairs.iter().any(|(own, _)| fields.contains(own)) || !pairs.iter().any(is_referred) {
                continue;
            }
            let Reference::Found(table, found) = session.database()?.referenced(&session.shapes, reference, row)? else { continue };
            let found = session.load_at(session.shape(table), &found)?;
            let is_same = |there: &Image, here: &Image| pairs.iter().all(|(_, theirs)| here.row.get(*theirs) == there.row.get(*theirs));
            if self.had(&found, link)?.zip(found.current.as_ref()).is_some_and(|(there, here)| is_same(&there, here)) {
                continue;
            }
            let is_said = |image: &Image| pairs.iter().all(|(own, theirs)| image.row.get(*theirs) == row.get(*own));
            for id in session.ledger.candidates(link.site, self.heard(link)?.cursor, false)? {
                let meant = session.ledger.load_id(id)?;
                if meant.table == table && meant.key != found.key && self.had(&meant, link)?.as_ref().is_some_and(is_said) {
                    let (key, to, site) = (record.key.clone(), (table, meant.key), Some(link.site));
                    let was = said_by(&pairs, row);
                    self.following.push(Following { table: record.table, key, pairs, was, to, site, known: false });
                    break;
                }
            }
        }
        Ok(())
    }

    /// What the parent says of values by which others refer.
    pub(super) fn note_spoken(&self, change: &Change) {
        let (Some(after), false) = (&change.after, self.referred.is_empty()) else { return };
        for field in change.fields.iter().filter(|field| self.referred.contains(&(change.table, **field))) {
            let mut spoken = self.session.spoken.borrow_mut();
            spoken.entry((change.table, change.key.clone())).or_default().set(*field, after.row.get(*field).clone());
        }
    }

    /// What a neighbour had of a record when it built what is being taken.
    fn had(&self, record: &Record, link: Link) -> Result<Option<Image>> {
        let Opinion::Known(Some(mut image)) = known::opinion(&self.session.ledger, record, self.heard(link)?)? else { return Ok(None) };
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

    /// At the end of a slice: what still refers to a value that its record gave up, and that nobody has, refers to the one which that record has
    /// instead: an edit of this site. Who changed it did not know of what refers to it here, or sent that along: so all that was built with
    /// the change comes first, and what waits of it.
    pub(in crate::sync) fn follow_values(&mut self) -> Result<()> {
        let session = self.session;
        let kept = session.ledger.notes(FOLLOWING)?;
        if kept.is_empty() && self.following.is_empty() {
            return Ok(());
        }
        self.look_what_comes()?;
        let sites: BTreeSet<Option<SiteNo>> =
            kept.keys().filter_map(|name| site_of(name)).map(Some).chain(self.following.iter().map(|one| one.site)).collect();
        for site in sites {
            let own: Vec<Following> = self.following.extract_if(.., |one| one.site == site).collect();
            let Some(site) = site.filter(|site| self.links.iter().any(|link| link.site == *site)) else {
                self.follow(own, None)?;
                continue;
            };
            let noted = || kept.iter().filter(|(name, _)| site_of(name) == Some(site));
            let mut waits = own;
            let mut slot = noted().count();
            if self.is_taken_whole(site)? {
                let mut due = Vec::new();
                for (name, text) in noted() {
                    let read = |line| serde_json::from_str(line).map_err(|_| SyncError::Bug("a note of what refers does not read"));
                    due.extend(text.lines().map(read).collect::<Result<Vec<Following>>>()?);
                    session.ledger.set_note(&format!("{FOLLOWING}{name}"), "")?;
                }
                due.append(&mut waits);
                (waits, slot) = (self.follow(due, Some(site))?, 0);
            }
            if !waits.is_empty() {
                let lines = waits.iter().map(serde_json::to_string).collect::<std::result::Result<Vec<_>, _>>();
                let lines = lines.map_err(|_| SyncError::Bug("what refers is not written"))?;
                session.ledger.set_note(&format!("{FOLLOWING}{}:{slot}", site.0), &lines.join("\n"))?;
            }
        }
        Ok(())
    }

    /// Lets all of these follow but those whose value is still to come from the site; gives them back.
    fn follow(&mut self, all: Vec<Following>, site: Option<SiteNo>) -> Result<Vec<Following>> {
        let session = self.session;
        self.speaker = None;
        let (mut all, mut waits) = (all, Vec::new());
        // Those first, at the end, of which it is certain what they mean.
        all.sort_by_key(|one| !one.known);
        while let Some(one) = all.pop() {
            let Following { table, key, pairs, was, to, known, .. } = &one;
            let shape = session.shape(*table);
            let mut record = session.load(*table, key)?;
            let is_as_it_was = |image: &Image| pairs.iter().all(|(own, _)| image.row.get(*own) == was.get(*own));
            let Some(image) = record.current.clone().filter(is_as_it_was) else { continue };
            // What the parent alone edits follows there.
            if session.policy(*table).direction == Direction::Down && session.settings.role != Role::Host {
                continue;
            }
            let fields: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).collect();
            let unmet = self.unmet(shape, &image.row, &fields, site)?;
            if unmet.iter().any(|one| one.coming.is_some()) {
                waits.push(one);
                continue;
            }
            // Whoever knows of the row says himself what becomes of it; of one that he cannot know nobody else has the value that it means.
            if *known && !unmet.iter().any(|one| one.wanted.is_some()) {
                continue;
            }
            let Some(now) = session.load(to.0, &to.1)?.current else { continue };
            let has_it = pairs.iter().all(|(own, theirs)| image.row.get(*own) == now.row.get(*theirs));
            if has_it || pairs.iter().any(|(_, theirs)| !now.row.get(*theirs).is_stated()) {
                continue;
            }
            let mut new = image;
            for (own, theirs) in pairs {
                new.row.set(*own, now.row.get(*theirs).clone());
                new.set_stamp(*own, Some(Stamp { time: self.now, site: SiteNo(0) }));
            }
            let is_empty = pairs.iter().any(|(_, theirs)| *now.row.get(*theirs) == Value::Null);
            let put = match is_empty {
                true => Put::Refused(HeldReason::Refused { message: "it was emptied".into() }),
                false if fields.iter().any(|field| shape.is_key(*field)) => self.make_anew(record.clone(), new.row)?,
                false => self.put(&mut record, Some(new), None)?,
            };
            if let Put::Refused(reason) = put {
                let key = session.shown_key(&record)?;
                let was = fields.iter().map(|field| was.get(*field).to_string()).collect::<Vec<_>>().join("/");
                let said = format!("{} {key} refers to {was}, which is no more: give it another value ({reason})", shape.name);
                news::add(session, &[Event::Said(said)])?;
            }
            all.append(&mut self.following);
        }
        Ok(waits)
    }

    /// A record under another key, with these values: the one that was ends and another begins, as where an application gives it the key, and what
    /// refers to it is to follow.
    fn make_anew(&mut self, record: Record, row: Row) -> Result<Put> {
        let session = self.session;
        let shape = session.shape(record.table);
        let key = session.key_by_meaning(shape, &row)?;
        let mut referring = Vec::new();
        for (child, reference, pairs) in session.leading_by_value(shape) {
            let alone = [Shape { references: vec![reference.clone()], ..child.clone() }];
            for (table, place) in session.database()?.dependants(&alone, shape, record.at(), i64::MAX as usize)? {
                let one = session.load_at(child, &place)?;
                let Some(was) = one.current.map(|image| said_by(&pairs, &image.row)) else { continue };
                let to = (record.table, key.clone());
                referring.push(Following { table, key: one.key, pairs: pairs.clone(), was, to, site: None, known: false });
            }
        }
        let mut refusal = None;
        let mut old = record;
        let done = self.attempt(|applying| {
            applying.put(&mut old, None, None)?;
            // Two sites gave the same record the same key: it is there already.
            let is_there = applying.load(shape.number, &key)?.current;
            let is_same = |there: &Image| shape.live_fields().all(|field| shape.is_key(field) || there.row.get(field) == row.get(field));
            if is_there.as_ref().is_some_and(is_same) {
                return Ok(true);
            }
            if let Put::Refused(reason) = applying.begin(shape, &key, row)? {
                refusal = Some(reason);
            }
            Ok(refusal.is_none())
        })?;
        if done {
            self.following.append(&mut referring);
        }
        Ok(refusal.map_or(Put::Done, Put::Refused))
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

    /// The references that lead to a record here, but for its own.
    pub(super) fn leading_to(&self, record: &Record) -> Result<Vec<Leading>> {
        let session = self.session;
        let shape = session.shape(record.table);
        let mut all = Vec::new();
        for child in &session.shapes {
            for reference in child.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)) {
                let alone = [Shape { references: vec![reference.clone()], ..child.clone() }];
                for (table, place) in session.database()?.dependants(&alone, shape, record.at(), i64::MAX as usize)? {
                    if (table, &place) != (record.table, record.at()) {
                        all.push(Leading { table, key: session.load_at(child, &place)?.key, reference: reference.clone() });
                    }
                }
            }
        }
        Ok(all)
    }

    /// Whether the parent has all rows that refer to a record just as they are here: where it deleted the record they lead nowhere there. What was
    /// made here or below, or was led to the record here, may wait at the parent: only what came from there counts.
    pub(super) fn all_lead_there(&self, record: &Record, parent: Link) -> Result<bool> {
        let session = self.session;
        // A number that the database may give again must not come to mean the next record.
        if let (Identity::Birth, Some(number)) = (session.shape(record.table).identity(), record.at().as_integer())
            && session.is_next(session.shape(record.table), number)?
        {
            return Ok(false);
        }
        for Leading { table, key, reference } in self.leading_to(record)? {
            let row = session.ledger.load(table, &key)?;
            let pending = session.ledger.pending(&row)?;
            let leads_elsewhere = |entry: &EntryKind| match entry {
                EntryKind::Update(_, fields) => fields.iter().any(|field| reference.fields.contains(field)),
                EntryKind::Insert | EntryKind::Delete(_) | EntryKind::Replace(_) | EntryKind::Rename(_) => true,
            };
            let chain = session.ledger.chain(&row, JournalNumber(0))?;
            let came = chain.iter().all(|entry| entry.known_to == Some(parent.site) || !leads_elsewhere(&entry.kind));
            let is_same = known::same(&known::opinion(&session.ledger, &row, parent)?, &Opinion::Known(row.current.clone()));
            let waits = pending.whole || !pending.fields.is_empty() || row.extra.held.contains_key(&parent.site);
            if !came || !is_same || waits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether one of the references that led to a record which went leads nowhere by now, or to nothing but its number.
    pub(super) fn any_leads_nowhere(&self, gone: &Record, leading: &[Leading]) -> Result<bool> {
        let session = self.session;
        for Leading { table, key, reference } in leading {
            let (shape, Some(image)) = (session.shape(*table), session.ledger.load(*table, key)?.current) else { continue };
            let nowhere = if self.looked_up(shape, reference, &image.row) {
                let numbers = shape.numbers.iter().filter(|numbers| reference.fields.contains(&numbers.field));
                numbers.flat_map(|numbers| numbers.numbers(&image.row)).any(|(_, number)| stands_for(number) == gone.id)
            } else {
                let row = session.numbered(shape, &image.row)?;
                matches!(session.database()?.referenced(&session.shapes, reference, &row)?, Reference::Missing { .. })
            };
            if nowhere {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A record here that refers to this one, in words.
    pub(in crate::sync) fn dependant(&self, record: &Record) -> Result<Option<(String, String)>> {
        if record.current.is_none() {
            return Ok(None);
        }
        if self.together.is_empty() {
            return self.session.dependant(self.session.shape(record.table), record.at());
        }
        self.dependant_outside(record, &self.together)
    }

    /// As [`Self::dependant`], but for one among `inside`.
    pub(in crate::sync) fn dependant_outside(
        &self,
        record: &Record,
        inside: &BTreeSet<(TableNo, Key)>,
    ) -> Result<Option<(String, String)>> {
        let session = self.session;
        let shape = session.shape(record.table);
        // Every record inside may be found once for each of its references.
        let declared = session.shapes.iter().flat_map(|shape| &shape.references);
        let references = declared.filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)).count();
        let most = (inside.len() + 1) * references + 1;
        for (table, key) in session.database()?.dependants(&session.shapes, shape, record.at(), most)? {
            let itself = (table, &key) == (record.table, record.at());
            if itself || inside.contains(&(table, session.load_at(session.shape(table), &key)?.key)) {
                continue;
            }
            return Ok(Some((session.shape(table).name.clone(), key.to_string())));
        }
        Ok(None)
    }
}

impl Session {
    /// The references that lead to a table by values, each with its fields and those there.
    fn leading_by_value(&self, shape: &Shape) -> Vec<(&Shape, &ForeignKey, Pairs)> {
        let mut leading = Vec::new();
        for child in &self.shapes {
            for reference in child.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)) {
                leading.extend(self.by_value(child, reference).map(|(_, pairs)| (child, reference, pairs)));
            }
        }
        leading
    }

    /// The table to which a reference leads by values, and the fields; none where it does so by a number, which leads by itself.
    fn by_value(&self, child: &Shape, reference: &ForeignKey) -> Option<(&Shape, Pairs)> {
        let shape = self.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table))?;
        let theirs = |column: &String| shape.live_fields().find(|field| shape.name_of(*field).eq_ignore_ascii_case(column));
        let pairs = reference.fields.iter().zip(&reference.columns).filter(|(own, _)| !child.concerns_numbers(**own));
        let pairs: Option<Pairs> = pairs.map(|(own, column)| Some((*own, theirs(column)?))).collect();
        pairs.filter(|pairs| !pairs.is_empty()).map(|pairs| (shape, pairs))
    }

    /// What refers to a record in the database by the value of a field refers to another value, and what refers to that likewise. Gives why not,
    /// where the database refuses one.
    pub(in crate::sync) fn lead_by_value(&self, shape: &Shape, place: &Key, field: FieldNo, value: &Value) -> Result<Option<Refusal>> {
        let database = self.database()?;
        for (child, reference, pairs) in self.leading_by_value(shape) {
            let Some((by, _)) = pairs.into_iter().find(|(_, theirs)| *theirs == field) else { continue };
            let alone = [Shape { references: vec![reference.clone()], ..child.clone() }];
            for (_, key) in database.dependants(&alone, shape, place, i64::MAX as usize)? {
                let mut row = Row::default();
                row.set(by, value.clone());
                let refused = match self.lead_by_value(child, &key, by, value)? {
                    None => database.update(child, &key, &[by], &row)?,
                    Some(refusal) => Written::Refused(refusal),
                };
                match refused {
                    Written::Done | Written::Missing => {}
                    Written::Refused(refusal) => return Ok(Some(refusal)),
                }
            }
        }
        Ok(None)
    }

    /// Another record that refers to the one of this key in the database, in words.
    pub(in crate::sync) fn dependant(&self, shape: &Shape, place: &Key) -> Result<Option<(String, String)>> {
        // One is enough to refuse, but the record itself is among them once for each reference to its own table.
        let itself = shape.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)).count();
        let found = self.database()?.dependants(&self.shapes, shape, place, 1 + itself)?;
        let other = found.into_iter().find(|(table, key)| (*table, key) != (shape.number, place));
        Ok(other.map(|(table, key)| (self.shape(table).name.clone(), key.to_string())))
    }
}

/// Columns that are no key and to which foreign keys lead, by table.
pub(in crate::sync) fn referred_by_value(shapes: &[Shape]) -> BTreeSet<(TableNo, Vec<FieldNo>)> {
    let mut found = BTreeSet::new();
    for reference in shapes.iter().flat_map(|shape| &shape.references) {
        let Some(parent) = shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table)) else { continue };
        let own = |column: &String| parent.live_fields().find(|field| parent.name_of(*field).eq_ignore_ascii_case(column));
        let fields: Option<Vec<FieldNo>> = reference.columns.iter().map(own).collect();
        found.extend(fields.filter(|fields| *fields != parent.key).map(|fields| (parent.number, fields)));
    }
    found
}

/// Fields that refer, and those to which they do.
type Pairs = Vec<(FieldNo, FieldNo)>;

/// What a row says in the fields that refer.
fn said_by(pairs: &Pairs, row: &Row) -> Row {
    let mut said = Row::default();
    pairs.iter().for_each(|(own, _)| said.set(*own, row.get(*own).clone()));
    said
}

/// Notes of what may have to follow once all of a build has come: behind it the site and a number.
const FOLLOWING: &str = "following:";

fn site_of(rest: &str) -> Option<SiteNo> {
    rest.split_once(':')?.0.parse().ok().map(SiteNo)
}

/// A record that referred to another one by values which that one gave up.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sync) struct Following {
    table: TableNo,
    key: Key,
    /// By which fields it did, and to which.
    pairs: Pairs,
    was: Row,
    /// To which record.
    to: (TableNo, Key),
    /// Whose change that was.
    site: Option<SiteNo>,
    /// That site knew that it referred to it.
    known: bool,
}

/// A reference that leads to a record which is to go.
pub(super) struct Leading {
    table: TableNo,
    key: Key,
    reference: ForeignKey,
}

impl Leading {
    pub(super) fn place(&self) -> (TableNo, Key) {
        (self.table, self.key.clone())
    }
}
