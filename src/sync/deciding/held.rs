//! Changes that wait: how they are kept, and when they are tried again.
//!
//! After every packet, and after every seal that found edits, all held changes go through the ordinary decision once more, again and
//! again while that makes progress; where nothing happened, as often as the rules say (`[retries]`). Records that wait for nothing but each
//! other, in a circle or one for the next, are applied together, so are deletes of records that refer to each other, and `knot` sees to both at once. What a child deleted and others need
//! is refused when nothing of all that helped. And then what dangles at the parent itself dangles here too: it would wait for ever, and with it all that
//! refers to it.
//!
//! **Invariant**: what is done together is done as a whole or not at all ([`Applying::attempt`]). A number that was given to a record which
//! then did not come is in no row: the next record that is made here gets it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::database::Written;
use crate::ledger::{Held, HeldReason, NeighbourKind, Record};
use crate::model::{Change, FieldNo, Identity, Image, Key, SiteNo, TableNo};
use crate::sync::Result;
use crate::sync::apply::{Applying, Incoming};

/// Passes over the held changes in one go: each but the last makes progress, so this only guards against a bug.
const MOST_PASSES: usize = 1_000;

/// Which held changes are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Try {
    /// All: something arrived or was edited that may be what they wait for.
    All,
    /// All, once the time has come for any.
    Due,
}

impl Applying<'_> {
    /// The entry for a change that cannot be applied now.
    pub(in crate::sync) fn hold(&self, incoming: &Incoming, change: Change, reason: HeldReason, earlier: Option<Held>) -> Result<Held> {
        let means = self.means(incoming.link, &change, earlier.as_ref())?;
        if let Some(waiting) = &mut *self.waiting.borrow_mut() {
            waiting.entry((incoming.link.site, change.table)).or_default().insert(change.key.clone());
        }
        Ok(match earlier {
            Some(earlier) => Held { change, reason, attempts: earlier.attempts.saturating_add(1), tried: self.now, means, ..earlier },
            None => Held { change, reason, packet: incoming.number, since: self.now, attempts: 0, tried: self.now, listed: None, means },
        })
    }

    /// Tries held changes again, as long as that helps, and lists what waits for a person then.
    pub(in crate::sync) fn retry_held(&mut self, which: Try) -> Result<()> {
        self.retry_while_it_helps(which)?;
        self.list_taken()
    }

    fn retry_while_it_helps(&mut self, which: Try) -> Result<()> {
        let mut waiting = self.held()?;
        if which == Try::Due && !self.any_due()? {
            return Ok(());
        }
        for _ in 0..MOST_PASSES {
            if waiting.is_empty() {
                return Ok(());
            }
            self.try_all_again(&waiting)?;
            // Of a long row in which each waits for the next one, another pass would help only one more.
            let left = self.held()?;
            self.apply_together(&left)?;
            self.delete_together(&left)?;
            let mut after = self.held()?;
            if after.len() == waiting.len() {
                self.rotate(&after)?;
                after = self.held()?;
            }
            if after.len() == waiting.len() {
                self.untie(&after)?;
                after = self.held()?;
            }
            if after.len() == waiting.len() {
                self.refuse_deletes(&after)?;
                after = self.held()?;
            }
            if after.len() == waiting.len() {
                self.follow_the_parent(&after)?;
                after = self.held()?;
            }
            if after.len() == waiting.len() {
                return Ok(());
            }
            waiting = after;
        }
        Ok(())
    }

    /// Whether a held change was not tried for as long as the rules say.
    fn any_due(&self) -> Result<bool> {
        let (mut due, every) = (false, self.session.rules.retries().every_millis);
        self.session.ledger.exceptional(&mut |record| {
            due |= record.extra.held.values().any(|held| held.tried.is_past(every, self.now));
            Ok(())
        })?;
        Ok(due)
    }

    /// Tries these again. Where one goes on, who waits for its unique value is next: of a row in which each takes the value of the next one (a list of which every
    /// entry moves down by one) all go on at once.
    fn try_all_again(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        let session = self.session;
        let mut behind: BTreeMap<i64, Vec<(SiteNo, TableNo, Key)>> = BTreeMap::new();
        session.ledger.exceptional(&mut |record| {
            for (site, held) in &record.extra.held {
                if let HeldReason::Taken { record: holder, .. } = &held.reason {
                    behind.entry(*holder).or_default().push((*site, record.table, record.key.clone()));
                }
            }
            Ok(())
        })?;
        for first in waiting {
            let mut next = vec![first.clone()];
            while let Some((site, table, key)) = next.pop() {
                self.try_again(site, table, &key)?;
                if behind.is_empty() {
                    continue;
                }
                let record = session.ledger.load(table, &key)?;
                if !record.extra.held.contains_key(&site) {
                    next.extend(record.id.and_then(|id| behind.remove(&id)).into_iter().flatten());
                }
            }
        }
        Ok(())
    }

    pub(super) fn try_again(&mut self, site: SiteNo, table: TableNo, key: &Key) -> Result<()> {
        let record = self.session.ledger.load(table, key)?;
        let Some(held) = record.extra.held.get(&site).cloned() else { return Ok(()) };
        if record.extra.deactivated {
            return Ok(());
        }
        let Some(link) = self.links.iter().find(|link| link.site == site).copied() else { return Ok(()) };
        let incoming = Incoming { link, name: self.session.ledger.site_name(site)?, number: held.packet };
        match link.kind {
            NeighbourKind::Child => {
                let change = self.session.mean_since(held.change.clone(), link)?;
                self.take_from_child(&incoming, change, Some(&held))
            }
            NeighbourKind::Parent => {
                let waited = held.since.is_past(self.session.rules.retries().for_millis, self.now);
                if waited && matches!(held.reason, HeldReason::Missing { .. }) {
                    self.let_dangle(&held.change, site, false)?;
                }
                self.take_from_parent(&incoming, held.change.clone(), Some(&held))
            }
        }
    }

    /// Does something that may come to nothing: where it says so, nothing happened.
    pub(super) fn attempt(&mut self, work: impl FnOnce(&mut Self) -> Result<bool>) -> Result<bool> {
        let session = self.session;
        let (tally, losses, stood_in) = (self.tally.clone(), self.losses.len(), self.stood_in.clone());
        session.database()?.begin_attempt()?;
        let attempt = session.ledger.begin_attempt()?;
        let done = work(self)?;
        if done {
            session.ledger.keep_attempt(attempt)?;
            session.database()?.keep_attempt()?;
        } else {
            (self.tally, self.stood_in) = (tally, stood_in);
            self.losses.truncate(losses);
            session.ledger.undo_attempt(attempt)?;
            session.database()?.undo_attempt()?;
        }
        Ok(done)
    }

    /// Records that wait for nothing but each other: all come, or none does. Who does not come after all, because it is refused or was
    /// deleted here, is left out at the next attempt, and with it whoever waits for it.
    fn apply_together(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        let mut left_out = BTreeSet::new();
        // Each turn but the last leaves out one more.
        for _ in 0..=waiting.len() {
            let circle = self.circle(&left_out)?;
            if circle.is_empty() {
                return Ok(());
            }
            let mut absent = Vec::new();
            let done = self.attempt(|applying| {
                applying.together.clone_from(&circle);
                applying.reserve()?;
                for (site, table, key) in waiting.iter().filter(|(_, table, key)| circle.contains(&(*table, key.clone()))) {
                    applying.try_again(*site, *table, key)?;
                }
                applying.together.clear();
                for (table, key) in &circle {
                    let record = applying.session.ledger.load(*table, key)?;
                    let is_here = record.current.is_some() || (record.place.is_none() && applying.survivor(*table, key)?.is_some());
                    if !is_here {
                        absent.push(record);
                    }
                }
                Ok(absent.is_empty())
            })?;
            if done {
                return Ok(());
            }
            for record in absent {
                self.say_why(&record)?;
                left_out.insert((record.table, record.key));
            }
        }
        Ok(())
    }

    /// What keeps a record from coming with those that it waits for is what a person needs to know. `tried`: as it was when that was found.
    pub(super) fn say_why(&self, tried: &Record) -> Result<()> {
        let mut record = self.session.ledger.load(tried.table, &tried.key)?;
        for (site, held) in &mut record.extra.held {
            let why = tried.extra.held.get(site).map(|tried| &tried.reason);
            if let Some(why @ (HeldReason::Taken { .. } | HeldReason::Refused { .. })) = why {
                held.reason.clone_from(why);
            }
        }
        self.store_extra(&mut record)
    }

    /// Records that were refused because of each other's unique values (a swap, a rotation): all are lifted out of the
    /// database first and then written one after the other. Who cannot be written then, nor put back as it was because another one
    /// has its value by now, stays in its place at the next attempt. Where nothing helps, nothing happened.
    fn rotate(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        let mut stay = BTreeSet::new();
        // Each turn but the last leaves one more in its place.
        for _ in 0..=waiting.len() {
            let stuck = self.rotate_but(waiting, &stay)?;
            if stuck.is_empty() {
                return Ok(());
            }
            stay.extend(stuck);
        }
        Ok(())
    }

    /// One attempt, without those that `stay`. Gives who could not be put back; then nothing happened.
    fn rotate_but(&mut self, waiting: &[(SiteNo, TableNo, Key)], stay: &BTreeSet<(TableNo, Key)>) -> Result<BTreeSet<(TableNo, Key)>> {
        let session = self.session;
        let mut refused = Vec::new();
        for (site, table, key) in waiting.iter().filter(|(_, table, key)| !stay.contains(&(*table, key.clone()))) {
            let record = session.load(*table, key)?;
            let Some(held) = record.extra.held.get(site) else { continue };
            let place = record.at().clone();
            if let (HeldReason::Refused { .. } | HeldReason::Taken { .. }, Some(_), Some(_)) =
                (&held.reason, &held.change.after, &record.current)
            {
                refused.push((*site, *table, key.clone(), place));
            }
        }
        let mut stuck = BTreeSet::new();
        if refused.is_empty() {
            return Ok(stuck);
        }
        self.attempt(|applying| {
            for (_, table, key, place) in &refused {
                applying.lift(*table, key, place)?;
            }
            for (site, table, key, ..) in &refused {
                applying.try_again(*site, *table, key)?;
            }
            stuck = applying.put_all_back()?;
            Ok(stuck.is_empty() && applying.held()?.len() < waiting.len())
        })?;
        Ok(stuck)
    }

    /// Takes a record out of the database for the moment.
    pub(super) fn lift(&mut self, table: TableNo, key: &Key, place: &Key) -> Result<()> {
        let (database, shape) = (self.session.database()?, self.session.shape(table));
        if let Entry::Vacant(out) = self.lifted.entry((table, key.clone())) {
            out.insert(database.aside(shape, place)?);
            database.delete(shape, place)?;
        }
        Ok(())
    }

    /// Puts what is still lifted back as it was. Gives who could not be put back.
    pub(super) fn put_all_back(&mut self) -> Result<BTreeSet<(TableNo, Key)>> {
        let mut stuck = BTreeSet::new();
        for (table, key) in self.lifted.keys().cloned().collect::<Vec<_>>() {
            // Their numbers may have moved meanwhile, and those that they refer to: only the mirror knows.
            let back = match self.session.ledger.load(table, &key)?.current {
                Some(image) => matches!(self.put_back(table, &key, &image.row)?, Written::Done),
                None => false,
            };
            if !back {
                stuck.insert((table, key));
            }
        }
        self.lifted.clear();
        Ok(stuck)
    }

    /// Deletes that wait for nothing but each other: all happen, or none does.
    fn delete_together(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        let doomed = self.doomed()?;
        if doomed.is_empty() {
            return Ok(());
        }
        self.attempt(|applying| {
            applying.together.clone_from(&doomed);
            for (site, table, key) in waiting.iter().filter(|(_, table, key)| doomed.contains(&(*table, key.clone()))) {
                applying.try_again(*site, *table, key)?;
            }
            applying.together.clear();
            let mut gone = true;
            for (table, key) in &doomed {
                gone &= applying.session.ledger.load(*table, key)?.current.is_none();
            }
            Ok(gone)
        })?;
        Ok(())
    }

    /// A child's deletes of records that others need are refused once everything else was tried (`DESIGN` section 4, rule 11).
    fn refuse_deletes(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        self.is_last_try = true;
        for (site, table, key) in waiting {
            let record = self.session.ledger.load(*table, key)?;
            let reason = record.extra.held.get(site).map(|held| &held.reason);
            let from_child = self.links.iter().any(|link| link.site == *site && link.kind == NeighbourKind::Child);
            if from_child
                && matches!(reason, Some(HeldReason::Dependants { .. }))
                && self.is_taken_whole(*site)?
                && !self.all_are_led_elsewhere(&record, *site)?
            {
                self.try_again(*site, *table, key)?;
            }
        }
        self.is_last_try = false;
        Ok(())
    }

    /// What the parent has leads nowhere there either, once nothing of what it built is on its way any more.
    fn follow_the_parent(&mut self, waiting: &[(SiteNo, TableNo, Key)]) -> Result<()> {
        self.look_what_comes()?;
        self.may_dangle = true;
        for (site, table, key) in waiting {
            let record = self.session.ledger.load(*table, key)?;
            let reason = record.extra.held.get(site).map(|held| &held.reason);
            let from_parent = self.links.iter().any(|link| link.site == *site && link.kind == NeighbourKind::Parent);
            let leads = matches!(reason, Some(HeldReason::Dependants { .. } | HeldReason::Missing { .. }));
            if from_parent && leads && self.is_taken_whole(*site)? {
                self.try_again(*site, *table, key)?;
            }
        }
        self.may_dangle = false;
        Ok(())
    }

    /// Records whose held deletes wait for nothing but each other: the largest such set.
    fn doomed(&self) -> Result<BTreeSet<(TableNo, Key)>> {
        let mut held = Vec::new();
        self.session.ledger.exceptional(&mut |record| {
            let waits = |held: &Held| held.change.after.is_none() && matches!(held.reason, HeldReason::Dependants { .. });
            let doomed = record.current.is_some() && record.extra.held.values().any(waits);
            held.extend(doomed.then_some(record));
            Ok(())
        })?;
        let place = |record: &Record| (record.table, record.key.clone());
        largest(&held, &BTreeSet::new(), place, |record, doomed| Ok(self.dependant_outside(record, doomed)?.is_none()))
    }

    /// Records that come together refer to each other by number: each gets one before any is written.
    pub(super) fn reserve(&mut self) -> Result<()> {
        let session = self.session;
        for (table, key) in self.together.clone() {
            let shape = session.shape(table);
            let mut record = session.ledger.load(table, &key)?;
            let waiting = record.extra.held.iter().find_map(|(site, held)| Some((*site, held.change.after.clone()?)));
            if shape.identity() != Identity::Birth || record.current.is_some() {
                continue;
            }
            let Some((site, mut image)) = waiting else { continue };
            self.speaker = self.links.iter().copied().find(|link| link.site == site);
            // Who cannot have one does not come, and so nobody does.
            let _refused = self.try_moving(|applying| applying.take_place(&mut record, &mut image))?;
        }
        Ok(())
    }

    /// What waits: first what is to come, then what is to go, the newest first, for old records seldom refer to newer ones.
    fn held(&self) -> Result<Vec<(SiteNo, TableNo, Key)>> {
        let (mut found, mut deletes) = (Vec::new(), Vec::new());
        self.session.ledger.exceptional(&mut |record| {
            for (site, held) in &record.extra.held {
                let list = if held.change.after.is_some() { &mut found } else { &mut deletes };
                list.push((*site, record.table, record.key.clone()));
            }
            Ok(())
        })?;
        found.extend(deletes.into_iter().rev());
        Ok(found)
    }

    /// Held records that miss nothing but each other: the largest such set without those `left_out`.
    fn circle(&self, left_out: &BTreeSet<(TableNo, Key)>) -> Result<BTreeSet<(TableNo, Key)>> {
        self.look_what_comes()?;
        let mut missing = Vec::new();
        self.session.ledger.exceptional(&mut |record| {
            for (site, held) in &record.extra.held {
                if let (HeldReason::Missing { .. }, Some(after)) = (&held.reason, &held.change.after) {
                    missing.push((record.table, record.key.clone(), after.clone(), held.change.fields.clone(), *site));
                }
            }
            Ok(())
        })?;
        let place = |(table, key, ..): &(TableNo, Key, Image, Vec<FieldNo>, SiteNo)| (*table, key.clone());
        largest(&missing, left_out, place, |(table, _, after, fields, site), circle| {
            self.missing_only(*table, &after.row, fields, *site, circle)
        })
    }
}

/// The largest set of records without those `left_out` of which each `holds` with no other than the set itself. They are looked at from both
/// ends in turn: of a long row each may fall only once the next one has.
pub(super) fn largest<T>(
    all: &[T],
    left_out: &BTreeSet<(TableNo, Key)>,
    place: impl Fn(&T) -> (TableNo, Key),
    holds: impl Fn(&T, &BTreeSet<(TableNo, Key)>) -> Result<bool>,
) -> Result<BTreeSet<(TableNo, Key)>> {
    let mut set: BTreeSet<(TableNo, Key)> = all.iter().map(&place).filter(|place| !left_out.contains(place)).collect();
    let mut look = |one: &T| -> Result<usize> {
        let place = place(one);
        if set.contains(&place) && !holds(one, &set)? {
            set.remove(&place);
        }
        Ok(set.len())
    };
    let mut left = usize::MAX;
    loop {
        let before = left;
        for one in all {
            left = look(one)?;
        }
        for one in all.iter().rev() {
            left = look(one)?;
        }
        if left == before || all.is_empty() {
            return Ok(set);
        }
    }
}

/// The state after a held change and the next one of the same incarnation, and the fields that either states.
pub(in crate::sync) fn continued(earlier: &Change, later: &Change) -> (Image, Vec<FieldNo>) {
    let mut after = earlier.after.clone().unwrap_or_default();
    if let Some(new) = &later.after {
        later.fields.iter().for_each(|field| after.take(*field, new));
    }
    let mut fields = earlier.fields.clone();
    fields.extend(&later.fields);
    fields.sort_unstable();
    fields.dedup();
    (after, fields)
}
