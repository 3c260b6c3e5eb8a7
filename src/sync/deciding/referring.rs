//! Who refers to a record, so that it may not go, or may?
//!
//! A delete must not leave anybody referring to what is no more, unless that is so where it comes from. Our connection does neither cascade nor
//! refuse, so whoever refers is looked for, here in the database and among what a site sent that waits. The other end, what a row needs, is
//! `references`; what becomes of those who refer by a value that changes is `following`.

use std::collections::BTreeSet;

use crate::database::Reference;
use crate::ledger::{EntryKind, HeldReason, Opinion, Record};
use crate::model::{ForeignKey, Identity, JournalNumber, Key, Shape, SiteNo, TableNo, stands_for};
use crate::sync::apply::Applying;
use crate::sync::known::{self, Link};
use crate::sync::{Result, Session};

impl Applying<'_> {
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

    /// Whether all that refers to a record by values refers to another one by a change of a site, which waits because a value is taken.
    pub(super) fn all_are_led_elsewhere(&self, record: &Record, site: SiteNo) -> Result<bool> {
        let mut waits_for_value = false;
        self.session.ledger.exceptional(&mut |record| {
            waits_for_value |= record.extra.held.get(&site).is_some_and(|held| matches!(held.reason, HeldReason::Taken { .. }));
            Ok(())
        })?;
        if !waits_for_value {
            return Ok(false);
        }
        let all = self.leading_to(record)?;
        for Leading { table, key, reference } in &all {
            let row = self.session.ledger.load(*table, key)?;
            let is_led =
                row.extra.held.get(&site).is_some_and(|held| {
                    held.change.after.is_some() && held.change.fields.iter().any(|field| reference.fields.contains(field))
                });
            if !is_led || self.session.by_value(reference).is_none() {
                return Ok(false);
            }
        }
        Ok(!all.is_empty())
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
    /// Another record that refers to the one of this key in the database, in words.
    pub(in crate::sync) fn dependant(&self, shape: &Shape, place: &Key) -> Result<Option<(String, String)>> {
        // One is enough to refuse, but the record itself is among them once for each reference to its own table.
        let itself = shape.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)).count();
        let found = self.database()?.dependants(&self.shapes, shape, place, 1 + itself)?;
        let other = found.into_iter().find(|(table, key)| (*table, key) != (shape.number, place));
        Ok(other.map(|(table, key)| (self.shape(table).name.clone(), key.to_string())))
    }
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
