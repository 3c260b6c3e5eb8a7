//! What of changes of every kind that wait for each other? A new record waits for the unique value of one that is to go; that one cannot go
//! while others refer to it; and they are to refer to the new one, which is not there yet. Whoever puts one record in the place of another
//! makes such a knot. So does whoever gives a new record the value of one that is to refer to it: neither goes, and each waits for the other.
//!
//! A new record may also have the very values by which others refer to the one that goes (a key in other letters, a unique code): those stay as
//! they are, and refer to the new one.
//!
//! **Invariant**: a knot is untied as a whole or not at all ([`Applying::attempt`]), and nothing that is left refers to what went.

use std::collections::BTreeSet;

use super::held::largest;
use super::referring::Leading;
use crate::ledger::{Held, HeldReason, Record};
use crate::model::{FieldNo, Key, SiteNo, TableNo};
use crate::sync::Result;
use crate::sync::apply::Applying;

impl Applying<'_> {
    /// Unties what waits for nothing but each other. Who cannot be applied after all is left out at the next attempt, and with it whoever waits
    /// for it.
    pub(super) fn untie(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        let mut left_out = BTreeSet::new();
        // Each turn but the last leaves out one more.
        for _ in 0..=waiting.len() {
            let knot = self.knot(&left_out)?;
            if knot.is_empty() {
                return Ok(());
            }
            let failed = self.untie_all(waiting, &knot)?;
            if failed.is_empty() {
                return Ok(());
            }
            left_out.extend(failed);
        }
        Ok(())
    }

    /// Records whose held changes wait for nothing but each other, where some of them are to go and some to come or to change, or some wait for a
    /// value and some for a record: the largest such set without those `left_out`. Whatever is of one kind alone was tried before.
    fn knot(&self, left_out: &BTreeSet<(TableNo, Key)>) -> Result<BTreeSet<(TableNo, Key)>> {
        let mut held: Vec<(Record, SiteNo)> = Vec::new();
        let mut holders = BTreeSet::new();
        self.session.ledger.exceptional(&mut |record| {
            for held in record.extra.held.values() {
                if let HeldReason::Taken { record: holder, .. } = &held.reason {
                    holders.insert(*holder);
                }
            }
            let sites: Vec<SiteNo> = record.extra.held.keys().copied().collect();
            held.extend(sites.into_iter().map(|site| (record.clone(), site)));
            Ok(())
        })?;
        let place = |(record, _): &(Record, SiteNo)| (record.table, record.key.clone());
        let knot = largest(&held, left_out, place, |(record, site), knot| {
            record.extra.held.get(site).map_or(Ok(false), |held| self.waits_only_for(record, *site, held, knot, &holders))
        })?;
        let (mut go, mut come, mut refused, mut makes_room) = (false, false, BTreeSet::new(), BTreeSet::new());
        let mut gives_on = left_out.clone();
        for (record, site) in held.iter().filter(|one| knot.contains(&place(one))) {
            let Some(held) = record.extra.held.get(site) else { continue };
            let comes = held.change.after.is_some();
            (go, come) = (go || !comes, come || comes);
            gives_on.extend(self.changes_referred(record, held).then(|| (record.table, record.key.clone())));
            match &held.reason {
                HeldReason::Taken { .. } | HeldReason::Refused { .. } => refused.extend(comes.then_some(record.table)),
                HeldReason::Missing { .. } => makes_room.extend((comes && record.current.is_some()).then_some(record.table)),
                HeldReason::Dependants { .. } | HeldReason::Twin { .. } | HeldReason::OtherRecord { .. } | HeldReason::Deactivated => {}
            }
        }
        if !come || (!go && refused.is_disjoint(&makes_room)) {
            return Ok(BTreeSet::new());
        }
        // Whom those mean who refer to a value that is given on, nobody could tell while all is written at once.
        if !go && gives_on.len() > left_out.len() {
            return self.knot(&gives_on);
        }
        Ok(knot)
    }

    /// Whether a change gives what is here another value by which others refer to it.
    fn changes_referred(&self, record: &Record, held: &Held) -> bool {
        changes(record, held, |field| self.referred.contains(&(record.table, field)))
    }

    /// Whether a held change waits for nothing but what is held for the records of a knot. `holders`: who has a value that another one waits for;
    /// that one may be what others refer to then, which an attempt shows.
    fn waits_only_for(
        &self,
        record: &Record,
        site: SiteNo,
        held: &Held,
        knot: &BTreeSet<(TableNo, Key)>,
        holders: &BTreeSet<i64>,
    ) -> Result<bool> {
        let has_way = match &held.reason {
            HeldReason::Twin { .. } | HeldReason::OtherRecord { .. } | HeldReason::Deactivated => false,
            HeldReason::Missing { .. } | HeldReason::Dependants { .. } | HeldReason::Refused { .. } => true,
            HeldReason::Taken { record: by, .. } => {
                self.session.ledger.names(*by)?.is_some_and(|(table, key, _)| knot.contains(&(table, key)))
            }
        };
        Ok(has_way
            && match &held.change.after {
                Some(after) => self.missing_only(record.table, &after.row, &held.change.fields, site, knot)?,
                None => {
                    let is_waited_for = record.id.is_some_and(|id| holders.contains(&id));
                    record.current.is_some() && (is_waited_for || self.dependant_outside(record, knot)?.is_none())
                }
            })
    }

    /// One attempt. Gives who could not be applied; then nothing happened.
    fn untie_all(&mut self, waiting: &[(SiteNo, TableNo, Key)], knot: &BTreeSet<(TableNo, Key)>) -> Result<BTreeSet<(TableNo, Key)>> {
        let session = self.session;
        let (mut go, mut come, mut stuck, mut change) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (site, table, key) in waiting.iter().filter(|(_, table, key)| knot.contains(&(*table, key.clone()))) {
            let record = session.load(*table, key)?;
            let Some(held) = record.extra.held.get(site) else { continue };
            let taken = matches!(held.reason, HeldReason::Taken { .. } | HeldReason::Refused { .. });
            match (&held.change.after, &record.current) {
                (None, _) => go.push((*site, *table, key, self.leading_to(&record)?)),
                (Some(_), Some(_)) if taken || (self.changes_unique(&record, held) && !self.changes_referred(&record, held)) => {
                    stuck.push((*site, *table, key, record.at().clone()));
                }
                (Some(_), Some(_)) => change.push((*site, *table, key)),
                (Some(_), None) => come.push((*site, *table, key)),
            }
        }
        let (mut failed, mut tried) = (BTreeSet::new(), Vec::new());
        self.attempt(|applying| {
            applying.together.clone_from(knot);
            // What stays as it is holds no delete up: whether it refers to anything is seen to at the end.
            applying.together.extend(go.iter().flat_map(|(.., leading)| leading).map(Leading::place));
            // Their unique values are free then, and so are their numbers.
            for (site, table, key, _) in &go {
                applying.try_again(*site, *table, key)?;
            }
            applying.reserve()?;
            for (_, table, key, place) in &stuck {
                applying.lift(*table, key, place)?;
            }
            // What is here may have a value that a new one waits for.
            for (site, table, key) in stuck.iter().map(|(site, table, key, _)| (*site, *table, *key)).chain(change).chain(come) {
                applying.try_again(site, table, key)?;
            }
            failed = applying.put_all_back()?;
            applying.together.clear();
            for (site, table, key) in waiting.iter().filter(|(_, table, key)| knot.contains(&(*table, key.clone()))) {
                let record = session.ledger.load(*table, key)?;
                if record.extra.held.contains_key(site) {
                    failed.insert((*table, key.clone()));
                    tried.push(record);
                }
            }
            for (_, table, key, leading) in &go {
                let record = session.ledger.load(*table, key)?;
                if record.current.is_none() && applying.any_leads_nowhere(&record, leading)? {
                    failed.insert((*table, (*key).clone()));
                }
            }
            Ok(failed.is_empty())
        })?;
        tried.iter().try_for_each(|record| self.say_why(record))?;
        Ok(failed)
    }

    /// Whether a change gives what is here another value in a field that is unique.
    fn changes_unique(&self, record: &Record, held: &Held) -> bool {
        let shape = self.session.shape(record.table);
        changes(record, held, |field| shape.uniques.iter().any(|set| set.fields.contains(&field)))
    }
}

/// Whether a change gives what is here another value in a field of this kind.
fn changes(record: &Record, held: &Held, is_of_kind: impl Fn(FieldNo) -> bool) -> bool {
    let (Some(ours), Some(after)) = (&record.current, &held.change.after) else { return false };
    held.change.fields.iter().any(|field| is_of_kind(*field) && after.row.get(*field) != ours.row.get(*field))
}
