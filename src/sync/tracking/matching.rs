//! Which table of the database is which known one, and which column? What is the same keeps its number, what is another one gets the next.
//!
//! In this order: what the parent told ([`schema::Change`]), what a table shows that was only altered ([`super::guess`]), the name, what
//! the records show. One thing goes before what our triggers tell: where a table was made anew under the name of a known one and holds its
//! records, the name goes on, and what our triggers are on is the copy that was set aside, or was the new one while it was being filled. So what
//! others have not sent yet is never told into a copy. Nothing is written here: a run that dies before the one commit looks again.
//!
//! Where the schema of the main office travels every table and column then has the main office's number beside our own
//! ([`Told`]): by that it is known in packets, whatever was called so before or will be. What the main office does not number is this
//! site's own and stays untracked ([`own`]).

use std::collections::{BTreeMap, BTreeSet};

use super::evolve::{Event, field_events, gaps, merged, same_name};
use super::guess::{
    Guess, SAMPLE, guess, held_otherwise, holds_others, holds_the_same, is_same_table, key_renames, likeness, noted, taken_over,
};
use super::upgrade::{TakenOver, as_armed, captured};
use crate::ledger::CauseKind;
use crate::model::{FieldNo, JournalNumber, LIBRARY, Shape, TableNo, Told};
use crate::rules::{Direction, Rules, TableRule};
use crate::site::Role;
use crate::sync::numbers::numbering;
use crate::sync::report::Waiting;
use crate::sync::schema::home::{self, Knows, Look, Tracked};
use crate::sync::schema::{self, Identity, SentSchema, own};
use crate::sync::{Result, Session};

/// Finds for every table of the database the one it was.
pub(in crate::sync) struct Taking<'s> {
    session: &'s Session,
    found: Vec<Shape>,
    /// The known table that a found one is, by its name.
    same: BTreeMap<String, TableNo>,
    /// Known tables that have the name of one which is not tracked: by that name.
    moved: BTreeMap<String, TableNo>,
    pub untracked: Vec<(String, String)>,
    /// Every table that ever was, by number, as it is to be from now on.
    pub all: Vec<Shape>,
    pub events: Vec<Event>,
    pub taken: TakenOver,
    /// What became of names with a told schema.
    change: schema::Change,
    /// What the parent told; none at the host, and where schemas do not travel.
    told: Option<SentSchema>,
    /// What stays home, whatever it is called.
    pub home: Look,
}

impl<'s> Taking<'s> {
    pub(in crate::sync) fn new(session: &'s Session, surveyed: i64) -> Result<Self> {
        let change = schema::change(session)?;
        let told = if schema::words(session)?.is_some() { schema::told(session)? } else { None };
        let keys = keys(session, &change)?;
        let keyed = |rules: Rules| keys.iter().fold(rules, |rules, (table, key)| rules.with_key(table, key));
        let there = session.database()?.ordinary_tables()?;
        let rules = keyed(session.rules.clone());
        // Where it was told what travels, whatever is not told is this site's own.
        let rules = if told.is_some() { rules } else { schema::home::with_columns_of_gone(session, &there, rules)? };
        let survey = session.database()?.survey(&rules)?;
        let mut taking = Self {
            session,
            found: survey.shapes,
            same: BTreeMap::new(),
            moved: BTreeMap::new(),
            untracked: survey.untracked.into_iter().map(|one| (one.name, one.reason.to_string())).collect(),
            all: session.ledger.shapes_ever()?,
            events: Vec::new(),
            taken: TakenOver { surveyed, ..TakenOver::default() },
            change,
            told,
            home: Look::default(),
        };
        (taking.same, taking.moved) = taking.pair(&there)?;
        let own = taking.own_columns()?;
        taking.home = if taking.told.is_some() { Look::of_told(there) } else { Look::of(session, there, &taking)? };
        let before = rules;
        let rules = keyed(taking.home.rules(&session.written_rules));
        if rules != before || !own.is_empty() {
            let local = |rules: Rules, (table, own): (&String, &Vec<String>)| {
                let all = [rules.table(table).local.clone(), own.clone()].concat();
                rules.with_local(table, &all)
            };
            let survey = session.database()?.survey(&own.iter().fold(rules, local))?;
            taking.found = survey.shapes;
            taking.untracked = survey.untracked.into_iter().map(|one| (one.name, one.reason.to_string())).collect();
            // What the main office keeps home is not only here.
            let is_local = |table: &str, column: &str| {
                let told = taking.told.as_ref().zip(taking.identity(table)).and_then(|(told, (_, one))| told.local.get(&one.name));
                told.is_some_and(|local| local.iter().any(|local| same_name(local, column)))
            };
            let columns = own.iter().flat_map(|(table, own)| own.iter().map(move |column| (table, column)));
            let columns = columns.filter(|(table, column)| !is_local(table, column)).map(|(table, column)| format!("{table}.{column}"));
            let columns: Vec<String> = columns.collect();
            taking.untracked.extend(columns.into_iter().map(|column| (column, own::WHY.to_owned())));
            let kept = taking.untracked.iter_mut().filter(|(name, _)| taking.home.keeps(name));
            kept.for_each(|(_, why)| home::WHY.clone_into(why));
        }
        taking.found.iter_mut().for_each(|shape| numbering::identify(shape, &session.rules));
        Ok(taking)
    }

    /// Which found table is which known one, and which known one has the name of one of those `there` that the rules keep home.
    fn pair(&self, there: &schema::home::There) -> Result<(BTreeMap<String, TableNo>, BTreeMap<String, TableNo>)> {
        let live = || self.all.iter().filter(|shape| !shape.past.gone && !self.change.ended.contains(&shape.name));
        let is_found = |name: &str| self.found.iter().find(|found| same_name(&found.name, name)).map(|found| found.name.clone());
        // Two tables may have exchanged their names, so what our triggers tell comes before any name.
        let mut captures: Vec<(&Shape, Option<String>)> = Vec::new();
        for old in live() {
            let now = match self.change.tables.get(&old.name) {
                Some(now) => Some(now.clone()),
                None => captured(self.session, old)?.filter(|table| *table != old.name),
            };
            captures.push((old, now));
        }
        let keeping = self.keeping_names(&captures)?;
        let mut same = keeping.clone();
        let rules = &self.session.rules;
        let mut moved: BTreeMap<String, TableNo> = BTreeMap::new();
        let mut left: Vec<&Shape> = Vec::new();
        for (old, now) in captures.into_iter().filter(|(old, _)| keeping.values().all(|kept| *kept != old.number)) {
            match now.as_ref().and_then(|now| is_found(now)) {
                // It was only the new one of that, under the name that it had while it was being filled.
                Some(found) if keeping.contains_key(&found) => {}
                Some(found) => drop(same.insert(found, old.number)),
                None => match now.filter(|now| there.contains_key(now) && rules.table(now).direction == Direction::None) {
                    // What has its own name is another one.
                    Some(now) => drop(moved.insert(now, old.number)),
                    None => left.push(old),
                },
            }
        }
        left.retain(|old| match is_found(&old.name).filter(|found| !same.contains_key(found)) {
            Some(found) => same.insert(found, old.number).is_some(),
            None => true,
        });
        // What others still refer to under its old name is in the middle of being remade.
        left.retain(|old| self.found.iter().flat_map(|found| &found.references).all(|reference| !same_name(&reference.table, &old.name)));
        for old in left {
            let mut alike = Vec::new();
            for found in self.found.iter().filter(|found| !same.contains_key(&found.name)) {
                if is_same_table(self.session, old, found)? {
                    alike.push(found.name.clone());
                }
            }
            // Of several copies nothing tells which one goes on.
            if let [one] = alike.as_slice() {
                same.insert(one.clone(), old.number);
            }
        }
        Ok((same, moved))
    }

    /// Known tables that are what was made anew under their names, although our triggers say otherwise. `moved` has the names that triggers tell.
    ///
    /// The triggers went with the former one, which was only set aside; or they came with the new one, where a run met it while it was being
    /// filled: then the known one may even have been missing in the meantime.
    fn keeping_names(&self, moved: &[(&Shape, Option<String>)]) -> Result<BTreeMap<String, TableNo>> {
        let mut keeping = BTreeMap::new();
        if self.change != schema::Change::default() {
            return Ok(keeping);
        }
        let gone = self.all.iter().rev().filter(|shape| shape.past.went.is_some() && shape.name != LIBRARY);
        for old in moved.iter().map(|(old, _)| *old).chain(gone) {
            let heir = self.found.iter().find(|found| same_name(&found.name, &old.name));
            if let Some(heir) = heir.filter(|heir| !keeping.contains_key(&heir.name))
                && self.keeps_its_name(old, heir, moved)?
            {
                keeping.insert(heir.name.clone(), old.number);
            }
        }
        Ok(keeping)
    }

    fn keeps_its_name(&self, old: &Shape, heir: &Shape, moved: &[(&Shape, Option<String>)]) -> Result<bool> {
        let is = |now: &Option<String>, name: &str| now.as_deref().is_some_and(|now| same_name(now, name));
        let aside = moved.iter().find(|(one, _)| one.number == old.number).and_then(|(_, now)| now.as_deref());
        let came = moved.iter().find(|(one, now)| one.number != old.number && is(now, &old.name)).map(|(one, _)| *one);
        if aside.is_none() && came.is_none() {
            return Ok(false);
        }
        // Two that exchanged their names.
        if aside
            .is_some_and(|aside| moved.iter().any(|(one, now)| now.is_some() && one.number != old.number && same_name(aside, &one.name)))
        {
            return Ok(false);
        }
        // What others refer to is no copy that was set aside.
        let others = self.found.iter().filter(|found| found.name != heir.name && !aside.is_some_and(|aside| same_name(aside, &found.name)));
        let mut references = others.flat_map(|found| &found.references);
        if aside.is_some_and(|aside| references.any(|reference| same_name(&reference.table, aside))) {
            return Ok(false);
        }
        match came {
            None => Ok(likeness(self.session, old, heir)?.are_most_there()),
            Some(came) => Ok(self.is_only_of_here(came)? && likeness(self.session, old, heir)?.is_half_there()),
        }
    }

    /// Whether no other site ever wrote into a table.
    fn is_only_of_here(&self, table: &Shape) -> Result<bool> {
        let ledger = &self.session.ledger;
        for id in ledger.living(table.number)?.into_iter().take(SAMPLE) {
            for entry in ledger.chain(&ledger.load_id(id)?, JournalNumber(0))? {
                if matches!(ledger.cause(entry.cause)?.kind, CauseKind::Packet(..)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The known table that a found one is.
    fn before(&self, found: &str) -> Option<&Shape> {
        self.same.get(found).map(|number| &self.all[number.0 as usize])
    }

    /// What the parent told of a found table, whatever this site's application calls it.
    fn identity(&self, found: &str) -> Option<(TableNo, &Identity)> {
        let names = &self.told.as_ref()?.names;
        let known = self.before(found).and_then(|old| old.past.told.as_ref());
        // A name that the application gave to another table says nothing.
        let is_taken = |number: TableNo| {
            let others = self.same.iter().filter(|(name, _)| *name != found).map(|(_, number)| &self.all[number.0 as usize]);
            others.filter_map(|other| other.past.told.as_ref()).any(|told| told.table == number)
        };
        let is_it =
            |number: TableNo, told: &Identity| same_name(&told.name, found) && !is_taken(number) && !self.has_other_key(found, number);
        let named = || names.iter().find(|(number, told)| is_it(**number, told));
        let found = known.and_then(|told| names.get_key_value(&told.table)).or_else(named);
        found.map(|(number, identity)| (*number, identity))
    }

    /// Whether a found table names its records otherwise than the one here that was told by a number did before it went.
    fn has_other_key(&self, found: &str, number: TableNo) -> bool {
        // One that a neighbour only spoke of was never here.
        let is_it = |shape: &&Shape| shape.past.went.is_some() && shape.past.told.as_ref().is_some_and(|told| told.table == number);
        let former = self.all.iter().rev().find(is_it);
        let found = self.found.iter().find(|shape| shape.name == found);
        former.zip(found).is_some_and(|(former, found)| {
            let names = |shape: &Shape| shape.key.iter().map(|field| shape.name_of(*field).to_ascii_lowercase()).collect::<Vec<_>>();
            former.key_kind != found.key_kind || names(former) != names(found)
        })
    }

    /// Columns by table that are this site's own.
    fn own_columns(&self) -> Result<own::Own> {
        let mut all = own::Own::new();
        for found in &self.found {
            let Some((_, identity)) = self.identity(&found.name) else { continue };
            let old = self.before(&found.name);
            let renamed = match old.map(|old| (old, self.change.columns.get(&old.name))) {
                Some((old, Some(columns))) => told_renames(old, found, columns),
                Some((old, None)) => {
                    guess(self.session, old, found, &key_renames(self.session, old, found)?, &mut gaps(old, found))?.renamed
                }
                None => Vec::new(),
            };
            let own = own::columns(identity, found, old, &renamed);
            if !own.is_empty() {
                all.insert(found.name.clone(), own);
            }
        }
        Ok(all)
    }

    pub(in crate::sync) fn match_tables(&mut self) -> Result<()> {
        let is_back = |shape: &Shape| self.same.values().any(|number| *number == shape.number);
        let live: Vec<Shape> = self.all.iter().filter(|shape| !shape.past.gone || is_back(shape)).cloned().collect();
        let now = self.session.world.now();
        let mut left = self.found.clone();
        let mut otherwise = BTreeSet::new();
        for old in live {
            let is_it = |found: &Shape| self.same.get(&found.name) == Some(&old.number);
            let Some(at) = left.iter().position(is_it) else {
                let stays = self.stays_untracked(&old);
                match &stays {
                    Some((name, why)) => self.events.push(Event::Untracked(name.clone(), why.clone())),
                    None => match captured(self.session, &old)?.filter(|now| self.same.contains_key(now)) {
                        Some(now) => self.events.push(Event::TableBecame(old.name.clone(), now)),
                        None => self.events.push(Event::TableGone(old.name.clone())),
                    },
                }
                let past = &mut self.all[old.number.0 as usize].past;
                past.end(now);
                past.ruled_out = stays.is_some();
                continue;
            };
            let found = left.remove(at);
            if self.is_emptied(&old, &found)? {
                self.events.push(Event::TableGone(old.name.clone()));
                self.all[old.number.0 as usize].past.end(now);
                left.push(found);
            } else if !self.go_on(&old, &found)? {
                self.events.push(Event::OtherKey(old.name.clone()));
                self.all[old.number.0 as usize].past.end(now);
                let told = old.past.told.as_ref().map(|told| told.table);
                if told.is_some() && self.identity(&found.name).map(|(number, _)| number) == told {
                    otherwise.insert(found.name.clone());
                }
                left.push(found);
            } else if old.past.gone {
                self.events.push(Event::TableBack(found.name.clone()));
            } else if !same_name(&old.name, &found.name) {
                self.events.push(Event::TableRenamed(old.name.clone(), found.name.clone()));
                if self.found.iter().any(|other| same_name(&other.name, &old.name) && !self.same.contains_key(&other.name)) {
                    self.events.push(Event::NameTaken(old.name.clone(), found.name.clone()));
                }
            }
        }
        // One that was out of the exchange and is gone from the database by now may come back as another one.
        for at in 0..self.all.len() {
            let old = &self.all[at];
            let is_here = self.stays_untracked(old).is_some() || left.iter().any(|found| same_name(&found.name, &old.name));
            self.all[at].past.ruled_out &= is_here;
        }
        // What this site's application gave another key before the main office's did is no more what was told, and not yet what will be.
        let is_told = |found: &Shape| self.identity(&found.name).is_some() && !otherwise.contains(&found.name);
        let (ours, own): (Vec<Shape>, Vec<Shape>) =
            left.into_iter().partition(|found| self.told.is_none() || found.name == LIBRARY || is_told(found));
        self.untracked.retain(|(name, _)| !own.iter().any(|own| name.split_once('.').is_some_and(|(table, _)| table == own.name)));
        let is_at_home = |table: &str| self.told.as_ref().is_some_and(|told| told.at_home.has_table(table));
        let why = |found: &Shape| if is_at_home(&found.name) { own::AT_HOME } else { own::WHY };
        self.untracked.extend(own.into_iter().map(|found| (found.name.clone(), why(&found).to_owned())));
        ours.iter().try_for_each(|found| self.begin(found))?;
        self.number();
        Ok(())
    }

    /// The table that is in the database under the name of a known one and does not travel, with why; none where there is none.
    fn stays_untracked(&self, old: &Shape) -> Option<(String, String)> {
        let is_it = |(name, _): &&(String, String)| same_name(name, &old.name) && !self.change.ended.contains(&old.name);
        self.untracked.iter().find(is_it).cloned()
    }

    /// Whether a site below dropped a table that had records and made it again: that says as little of its records as it does with a run between.
    fn is_emptied(&self, old: &Shape, found: &Shape) -> Result<bool> {
        if self.told.is_none() || self.change != schema::Change::default() || captured(self.session, old)?.is_some() {
            return Ok(false);
        }
        let deleted = noted(self.session, self.session.database()?, &as_armed(self.session, old)?)?.len() as u64;
        Ok(self.session.ledger.count(old.number)? > deleted && self.session.database()?.count(found)? == 0)
    }

    /// The table goes on, perhaps with other fields. False where its records are named otherwise: then it is another one.
    fn go_on(&mut self, before: &Shape, found: &Shape) -> Result<bool> {
        let old = &self.joined(before, found);
        let columns = self.change.columns.get(&old.name);
        // Where the schema travels a drop cannot be taken back, so the host looks further, and asks where nothing tells.
        let asks = self.session.settings.role == Role::Host && self.session.rules.schema_travels();
        let mut gaps = match columns {
            Some(_) => Vec::new(),
            None => gaps(old, found),
        };
        let guessed = match columns {
            Some(columns) => Guess { renamed: told_renames(old, found, columns), ..Guess::default() },
            None => guess(self.session, old, found, &key_renames(self.session, old, found)?, &mut gaps)?,
        };
        // A name that another field has or gets brings nothing back.
        let goes_on = |name: &str| old.live_fields().find(|field| same_name(old.name_of(*field), name));
        let is_renamed = |field: FieldNo| guessed.renamed.iter().any(|(renamed, _)| *renamed == field);
        let is_taken = |name: &str| {
            let stays = goes_on(name).is_some_and(|field| !is_renamed(field) && !guessed.anew.iter().any(|anew| same_name(anew, name)));
            stays || guessed.renamed.iter().any(|(_, to)| same_name(to, name))
        };
        let back: Vec<_> = self.back(old, found).into_iter().filter(|(_, name)| !is_taken(name)).collect();
        let named = [guessed.renamed.clone(), back].concat();
        let anew = [self.anew(old, found, &named), guessed.anew].concat();
        if asks {
            gaps.extend(guessed.unclear);
        }
        let new = merged(old, found, &named, &anew.into_iter().collect());
        if new.key != old.key || new.key_kind != old.key_kind {
            return Ok(false);
        }
        if new != *before {
            self.events.extend(field_events(old, &new, &guessed.renamed, &gaps));
            if asks && columns.is_none() {
                let gone = taken_over(self.session, old, found)?.into_iter().filter(|(field, _)| !new.is_live(*field));
                let event = |(field, name)| Event::FieldTakenOver(new.name.clone(), old.name_of(field).to_owned(), name);
                self.events.extend(gone.map(event));
            }
            let fresh: BTreeSet<FieldNo> = new.live_fields().filter(|field| !old.is_live(*field)).collect();
            // A column of the main office that this site's application dropped and made again holds nothing of what it held.
            self.taken.wants_all |= columns.is_none() && !fresh.is_empty() && self.told.is_some();
            self.taken.tables.insert(new.number, fresh);
        }
        if let Some(columns) = columns {
            let made = columns.made.iter().filter_map(|name| new.field(name)).collect();
            self.taken.made.insert(new.number, made);
            self.taken.tables.entry(new.number).or_default();
        }
        let at = new.number.0 as usize;
        self.all[at] = new;
        Ok(true)
    }

    /// A known table in which each number that ended means the same field as the one that goes on, where a neighbour spoke of the ended one
    /// first: what comes under either is for one column.
    fn joined(&self, old: &Shape, found: &Shape) -> Shape {
        let mut shape = old.clone();
        if let (Some((number, identity)), Some(told)) = (self.identity(&found.name), &mut shape.past.told)
            && told.table == number
        {
            for (ended, goes_on) in &identity.same {
                if let Some(field) = told.fields.get(ended).copied() {
                    told.fields.entry(*goes_on).or_insert(field);
                }
            }
        }
        shape
    }

    /// Fields that are not in the table and that the parent numbers as ones which are in it now: they went and came back here, or a
    /// neighbour spoke of them first. And those that stayed home for a while.
    fn back(&self, old: &Shape, found: &Shape) -> Vec<(FieldNo, String)> {
        if self.told.is_none() {
            let is_gone = |(field, name): &&(FieldNo, String)| !old.is_live(*field) && found.field(name).is_some();
            return self.home.back(&found.name).iter().filter(is_gone).cloned().collect();
        }
        let (Some((_, identity)), Some(told)) = (self.identity(&found.name), old.past.told.as_ref()) else { return Vec::new() };
        let is_back = |(number, name): (&FieldNo, &String)| {
            let field = told.fields.get(number).filter(|field| !old.is_live(**field))?;
            let there = found.live_fields().map(|field| found.name_of(field)).find(|there| same_name(there, name))?;
            Some((*field, there.to_owned()))
        };
        identity.fields.iter().filter_map(is_back).collect()
    }

    /// Names that are other fields than those which have or had them: where schemas travel, numbers tell what is the same.
    fn anew(&self, old: &Shape, found: &Shape, named: &[(FieldNo, String)]) -> Vec<String> {
        if !self.session.rules.schema_travels() {
            return Vec::new();
        }
        let is_renamed = |field: FieldNo| named.iter().any(|(renamed, _)| *renamed == field);
        let is_here = |name: &str| old.live_fields().any(|field| same_name(old.name_of(field), name) && !is_renamed(field));
        let is_back = |name: &&str| !is_here(name) && named.iter().all(|(_, to)| to != name);
        let back = found.live_fields().map(|field| found.name_of(field)).filter(is_back).map(str::to_owned);
        // Of one that went the name may be a new one's, or one's that took it over.
        let is_there = |name: &&String| found.live_fields().any(|field| same_name(found.name_of(field), name));
        let ended = self.change.columns.get(&old.name).into_iter().flat_map(|columns| &columns.ended).filter(is_there).cloned();
        back.chain(ended).collect()
    }

    /// A table that was not here: one that a neighbour spoke of, one that comes back, or one that is new.
    fn begin(&mut self, found: &Shape) -> Result<()> {
        let database = self.session.database()?;
        let identity = self.identity(&found.name).map(|(number, _)| number);
        let travels = self.session.rules.schema_travels();
        let is_it = |old: &Shape| match (&old.past.told, identity) {
            (Some(told), Some(number)) => told.table == number,
            (None, Some(_) | None) | (Some(_), None) => same_name(&old.name, &found.name),
        };
        for old in self.all.iter().rev().filter(|old| old.past.gone && is_it(old)) {
            let old = &self.joined(old, found);
            let new = merged(old, found, &self.back(old, found), &BTreeSet::new());
            let known = self.session.ledger.count(old.number)?;
            // An empty table does not say that all its records were deleted: somebody dropped it and made it again.
            let emptied = known > 0 && database.count(found)? == 0;
            self.taken.wants_all |= emptied;
            if new.key != old.key || emptied || (known > 0 && new.key_kind != old.key_kind) {
                continue;
            }
            // At the host nobody says what it is: only its records can tell that it is the one which everybody was told has gone.
            let is_it = old.past.ruled_out || identity.is_some() || old.past.told.is_none();
            if travels && !is_it && !holds_the_same(self.session, old, &new)? {
                continue;
            }
            let name = new.name.clone();
            self.events.push(if known > 0 { Event::TableBack(name) } else { Event::NewTable(name) });
            // Who joined meanwhile never heard of its records.
            self.taken.back.insert(new.number);
            let fresh = new.live_fields().filter(|field| !old.is_live(*field)).collect();
            self.taken.tables.insert(new.number, fresh);
            let at = old.number.0 as usize;
            self.all[at] = new;
            return Ok(());
        }
        let number = TableNo(u32::try_from(self.all.len()).expect("SQLite has fewer tables"));
        self.events.push(Event::NewTable(found.name.clone()));
        self.taken.tables.insert(number, BTreeSet::new());
        self.taken.new.insert(number);
        self.all.push(Shape { number, ..found.clone() });
        Ok(())
    }

    /// Writes down the main office's numbers: at the host they are its own.
    fn number(&mut self) {
        let live = |shape: &&Shape| !shape.past.gone && shape.name != LIBRARY;
        let host = self.session.settings.role == Role::Host && self.session.rules.schema_travels();
        for at in self.all.iter().filter(live).map(|shape| shape.number.0 as usize).collect::<Vec<_>>() {
            let shape = &self.all[at];
            let told =
                if host { Some(own_numbers(shape)) } else { self.identity(&shape.name).map(|(number, one)| numbers(shape, number, one)) };
            let Some(told) = told.filter(|told| shape.past.told.as_ref() != Some(told)) else { continue };
            // Another table took the place of the one that was told: the number is this one's from now on.
            let others = self.all.iter_mut().filter(|other| other.number.0 as usize != at);
            let former = others.filter(|other| other.past.told.as_ref().is_some_and(|one| one.table == told.table));
            former.for_each(|former| former.past.told = None);
            self.all[at].past.told = Some(told);
        }
    }
}

impl Knows for Taking<'_> {
    fn before(&self, table: &str) -> Option<&str> {
        let moved = || self.moved.get(table).map(|number| &self.all[number.0 as usize]);
        Taking::before(self, table).or_else(moved).map(|old| old.name.as_str())
    }

    fn has_left(&self, table: &str) -> bool {
        let mut known = self.same.iter().chain(&self.moved).map(|(now, number)| (now, &self.all[number.0 as usize].name));
        known.any(|(now, before)| before == table && now != table)
    }

    fn tracked(&self, table: &str) -> Result<Tracked> {
        let Some(found) = self.found.iter().find(|found| found.name == table) else { return Ok(Tracked::default()) };
        let mut travel: Vec<String> = found.key.iter().map(|field| found.name_of(*field).to_owned()).collect();
        let Some(old) = Taking::before(self, table) else { return Ok(Tracked { travel, ..Tracked::default() }) };
        let renamed = guess(self.session, old, found, &key_renames(self.session, old, found)?, &mut gaps(old, found))?.renamed;
        let others = held_otherwise(self.session, old, found)?;
        let is_here = |field: &FieldNo| found.field(old.name_of(*field)).is_some();
        travel.extend(old.live_fields().map(|field| old.name_of(field).to_owned()));
        let went = old.live_fields().filter(|field| !is_here(field) && renamed.iter().all(|(known, _)| known != field));
        let went = went.map(|field| old.name_of(field).to_owned()).collect();
        travel.extend(renamed.into_iter().map(|(_, name)| name));
        let untouched = others.iter().filter(|(_, untouched)| *untouched).map(|(name, _)| name.clone()).collect();
        Ok(Tracked { travel, went, others: others.into_iter().map(|(name, _)| name).collect(), untouched })
    }

    fn fields(&self, table: &str) -> BTreeMap<String, FieldNo> {
        let old = Taking::before(self, table);
        old.into_iter().flat_map(|old| old.live_fields().map(|field| (old.name_of(field).to_owned(), field))).collect()
    }

    fn is_other(&self, table: &str) -> Result<bool> {
        let found = self.found.iter().find(|found| found.name == table);
        let known = found.zip(Taking::before(self, table)).filter(|(found, old)| same_name(&found.name, &old.name));
        known.map_or(Ok(false), |(found, old)| holds_others(self.session, old, found))
    }
}

/// The keys of tables that have none of their own: such a table keeps the one it was taken in with, whatever the rules have come to say, and
/// whatever it or the key's columns are called by now.
fn keys(session: &Session, change: &schema::Change) -> Result<Vec<(String, Vec<String>)>> {
    let mut keys = Vec::new();
    for shape in &session.shapes {
        let key: Vec<String> = shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect();
        let told = change.columns.get(&shape.name);
        let table = change.tables.get(&shape.name).cloned();
        let (table, now) = if told.is_some() || table.is_some() {
            let now = |name: &String| told.and_then(|columns| columns.renamed.get(name)).unwrap_or(name).clone();
            (table, Some(key.iter().map(now).collect()))
        } else {
            (captured(session, shape)?, session.database()?.captured_key(&as_armed(session, shape)?)?)
        };
        keys.push((shape.name.clone(), key));
        keys.extend(now.map(|now| (table.unwrap_or_else(|| shape.name.clone()), now)));
    }
    Ok(keys)
}

/// Tables without a key of their own that the rules name a key for under former names: whoever joins knows it by the rules alone.
///
/// # Errors
/// As database and ledger say.
pub(in crate::sync) fn unnamed_keys(session: &Session) -> Result<Vec<Waiting>> {
    let key = |shape: &Shape| shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect::<Vec<_>>();
    let is_of = |shape: &Shape, table: &str, named: &[String]| same_name(&shape.name, table) && key(shape) == named;
    let named = || session.written_rules.tables().filter(|(_, rule)| !rule.key.is_empty());
    let is_former = |(table, rule): &(&str, &TableRule)| !session.shapes.iter().any(|shape| is_of(shape, table, &rule.key));
    if session.settings.role != Role::Host || !named().any(|one| is_former(&one)) {
        return Ok(Vec::new());
    }
    let mut waiting = Vec::new();
    for shape in session.shapes.iter().filter(|shape| !named().any(|(table, rule)| is_of(shape, table, &rule.key))) {
        if shape.name != LIBRARY && !session.database()?.has_key(&shape.name, &[])? {
            let (table, key) = (&shape.name, key(shape).join("\", \""));
            waiting.push(Waiting {
                neighbour: None,
                what: format!("the key of `{table}`"),
                why: format!(
                    "rules.toml names it as the table or its columns were called before: write [tables.{table}] key = [\"{key}\"] there; \
                     until then whoever joins does not get the table"
                ),
                retried: false,
                unreachable: false,
            });
        }
    }
    Ok(waiting)
}

/// The numbers that the host says.
fn own_numbers(shape: &Shape) -> Told {
    let mut told = shape.past.told.clone().unwrap_or_else(|| Told { table: shape.number, fields: BTreeMap::new() });
    for field in shape.live_fields() {
        told.fields.entry(field).or_insert(field);
    }
    told
}

/// The numbers that the parent says.
fn numbers(shape: &Shape, table: TableNo, identity: &Identity) -> Told {
    let known = shape.past.told.clone().filter(|told| told.table == table);
    let mut told = known.unwrap_or_else(|| Told { table, fields: BTreeMap::new() });
    for (number, name) in &identity.fields {
        let is_live = told.fields.get(number).is_some_and(|field| shape.is_live(*field));
        let named = shape.live_fields().find(|field| same_name(shape.name_of(*field), name));
        if let Some(field) = named.filter(|field| !is_live && told.number(*field).is_none()) {
            told.fields.insert(*number, field);
        }
    }
    for (number, same) in &identity.same {
        if let Some(field) = told.fields.get(same).copied() {
            told.fields.insert(*number, field);
        }
    }
    told
}

/// The names that the parent told.
fn told_renames(old: &Shape, found: &Shape, columns: &schema::Columns) -> Vec<(FieldNo, String)> {
    let named = |(from, to): (&String, &String)| Some((old.field(from)?, to.clone()));
    columns.renamed.iter().filter_map(named).filter(|(_, to)| found.field(to).is_some()).collect()
}
