//! What becomes of what refers to a record of a restored database, where that is not what it was?
//!
//! | a row that stays refers to a record by a value of it, and that | becomes |
//! |---|---|
//! | has another value now | refers to that value, where it is not in its key |
//! | has another value now, or none, or is gone, and another one has the value | stays, and is named |
//! | is gone, and nobody has the value | stays: what is gone comes back, and is named |
//! | cannot come back | stays, and is named |
//!
//! Numbers lead by themselves, and so does a key that is not handed out: it is the record. Where that is another one by now, it is named.
//!
//! **Invariant**: what was typed refers to the record to which it referred in the restored database, or is named.

use std::collections::{BTreeMap, BTreeSet};

use super::Brought;
use super::forward::{Back, Forward, Item, Target};
use super::schema::same;
use super::then::Base;
use crate::database::{Dangling, Reference, Written};
use crate::ledger::Record;
use crate::model::{FieldNo, ForeignKey, Key, Row, Shape, TableNo, Value};
use crate::sync::Result;

/// A record that is not there any more.
pub(super) struct Gone {
    pub key: Key,
    /// What it would hold, as the mirror has it or else as the backup had it.
    pub row: Row,
    pub table: TableNo,
    /// Somebody deleted it since the database was put back; else it ended since the backup.
    pub deleted: bool,
    /// The record that ended.
    pub ended: Option<i64>,
}

/// Whom a row of the restored database meant by a value, with the keys of both that they are to have.
pub(super) struct Meant<'s> {
    shape: &'s Shape,
    key: Key,
    reference: &'s ForeignKey,
    to: (&'s Shape, Key),
    /// That one ended since, and another one has its key.
    anew: bool,
}

/// Which fields refer, and to which.
type Pairs = [(FieldNo, FieldNo)];

fn is_by_key(parent: &Shape, pairs: &Pairs) -> bool {
    pairs.iter().all(|(_, theirs)| parent.is_key(*theirs))
}

/// What a reference that leads nowhere says: of which table, of which one, and what.
type Nowhere = (String, String, Vec<String>);

fn nowhere(one: &Dangling) -> Nowhere {
    (one.table.to_lowercase(), one.parent.to_lowercase(), one.values.iter().map(|(column, value)| format!("{column} {value:?}")).collect())
}

impl<'s> Forward<'_, 's, '_> {
    /// Finds the values to which rows of the restored database are led; gives whom those mean that stay, or that the state knows.
    pub(super) fn lead_by_value(&mut self) -> Result<Vec<Meant<'s>>> {
        let session = self.then.session;
        let mut rounds = session.shapes.len();
        loop {
            let (mut meant, mut led) = (Vec::new(), BTreeMap::new());
            for shape in &session.shapes {
                let by_value = |reference: &'s ForeignKey| Some((reference, session.by_value(reference)?));
                let references: Vec<_> = shape.references.iter().filter_map(by_value).collect();
                let items = if references.is_empty() { Vec::new() } else { self.targets(shape)? };
                for (reference, (parent, pairs)) in references.into_iter().filter(|_| !items.is_empty()) {
                    if is_by_key(parent, &pairs) {
                        self.look_by_key(shape, &items, reference, parent, &mut meant)?;
                    } else {
                        self.lead_reference(shape, &items, reference, (parent, &pairs), &mut led, &mut meant)?;
                    }
                }
            }
            // Who is led may be referred to by the value that it is led to; through each table once.
            if self.led == led || rounds == 0 {
                return Ok(meant);
            }
            self.led = led;
            rounds -= 1;
        }
    }

    /// What is there about each record of a table, and what becomes of it.
    fn targets(&self, shape: &Shape) -> Result<Vec<(Item, Target)>> {
        let with_target = |item: Item| self.target(shape, &item).map(|target| (item, target));
        self.find(shape)?.items.into_iter().map(with_target).collect()
    }

    /// A key that is not handed out is the record; but that may be another one by now, and hold other things.
    fn look_by_key(
        &self,
        shape: &'s Shape,
        items: &[(Item, Target)],
        reference: &'s ForeignKey,
        parent: &'s Shape,
        meant: &mut Vec<Meant<'s>>,
    ) -> Result<()> {
        for (item, Target { new, kept, .. }) in items {
            let (Some(key), Some(there)) = (item.place.clone().or_else(|| item.was.clone()), &item.there) else { continue };
            if !*kept || !reference.fields.iter().any(|field| new.contains(field)) {
                continue;
            }
            let Reference::Found(_, found) = self.database().referenced(&self.session().shapes, reference, there)? else { continue };
            let Some(row) = self.read(parent, &found)? else { continue };
            let record = self.then.record_of(parent, &found, &row)?;
            let (Base::Was(Some(base)), Some(current)) = (self.then.base(&record)?, &record.current) else { continue };
            let filled = parent.live_fields().filter(|field| !parent.is_key(*field) && *base.row.get(*field) != Value::Null);
            let (same, other): (Vec<FieldNo>, Vec<FieldNo>) = filled.partition(|field| base.row.get(*field) == current.row.get(*field));
            let ledger = &self.session().ledger;
            if same.len() <= other.len() && !other.is_empty() && ledger.root(base.born)? != ledger.root(current.born)? {
                meant.push(Meant { shape, key, reference, to: (parent, found), anew: true });
            }
        }
        Ok(())
    }

    fn lead_reference(
        &self,
        shape: &'s Shape,
        items: &[(Item, Target)],
        reference: &'s ForeignKey,
        (parent, pairs): (&'s Shape, &Pairs),
        led: &mut BTreeMap<(TableNo, Key), Vec<(FieldNo, Value)>>,
        meant: &mut Vec<Meant<'s>>,
    ) -> Result<()> {
        let (mut theirs, mut given_up) = (BTreeMap::new(), Vec::new());
        for (item, target) in self.targets(parent)? {
            given_up.extend(self.given_up(parent, &item, &target, pairs)?);
            if let (Some(was), Some(_)) = (item.was.clone(), &item.there) {
                theirs.insert(was, (item, target));
            }
        }
        for (item, Target { row, new, kept, .. }) in items {
            let Some(key) = item.place.clone().or_else(|| item.was.clone()) else { continue };
            let stays = *kept && pairs.iter().any(|(own, _)| new.contains(own));
            let mean = |to: Key| Meant { shape, key: key.clone(), reference, to: (parent, to), anew: false };
            if !stays && row.is_some() {
                meant.extend(self.meant_by_mirror(shape, item, &given_up, pairs)?.map(mean));
            }
            let (Some(was), Some(there)) = (item.was.clone(), &item.there) else { continue };
            let Reference::Found(_, found) = self.database().referenced(&self.session().shapes, reference, there)? else { continue };
            let Some((of, target)) = theirs.get(&found) else {
                // It is as it was.
                meant.extend(stays.then(|| mean(found)));
                continue;
            };
            meant.extend(stays.then(|| of.place.clone().unwrap_or(found)).map(mean));
            let (Some(before), Some(now)) = (&of.there, &target.row) else { continue };
            // Numbers lead by themselves.
            let own_now = self.now(shape, there)?;
            let is_other = |(own, theirs): &&(FieldNo, FieldNo)| own_now.get(*own) != now.get(*theirs);
            let changed = pairs.iter().filter(|(_, theirs)| before.get(*theirs) != now.get(*theirs)).filter(is_other);
            let to: Vec<(FieldNo, Value)> = changed.map(|(own, theirs)| (*own, now.get(*theirs).clone())).collect();
            if to.iter().all(|(own, value)| !shape.is_key(*own) && value.is_stated() && *value != Value::Null) {
                led.entry((shape.number, was)).or_default().extend(to);
            }
        }
        Ok(())
    }

    /// Whether a row refers by a value to a record that has another one now, or none.
    pub(super) fn means_another_by_value(&self, shape: &Shape, row: &Row) -> Result<bool> {
        let session = self.then.session;
        for reference in &shape.references {
            let Some((parent, pairs)) = session.by_value(reference).filter(|(parent, pairs)| !is_by_key(parent, pairs)) else { continue };
            let Reference::Found(_, key) = self.database().referenced(&session.shapes, reference, row)? else { continue };
            let Some(there) = self.read(parent, &key)? else { continue };
            let now = self.mirror(parent, &self.then.record_of(parent, &key, &there)?)?;
            if now.is_none_or(|now| pairs.iter().any(|(_, theirs)| now.get(*theirs) != there.get(*theirs))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the state knows of a record that gets another value by what was typed, and its key.
    fn given_up(&self, parent: &Shape, item: &Item, target: &Target, pairs: &Pairs) -> Result<Option<(Row, Key)>> {
        let (Some(now), Some(place), true) = (&target.row, &item.place, target.kept) else { return Ok(None) };
        let before = self.mirror(parent, &item.record)?;
        let differs = |before: &Row| pairs.iter().any(|(_, theirs)| now.get(*theirs) != before.get(*theirs));
        Ok(before.filter(differs).map(|before| (before, place.clone())))
    }

    /// The key of the one of these to which a record refers as the state knows it.
    fn meant_by_mirror(&self, shape: &Shape, item: &Item, given_up: &[(Row, Key)], pairs: &Pairs) -> Result<Option<Key>> {
        let Some(row) = (if given_up.is_empty() { None } else { self.mirror(shape, &item.record)? }) else { return Ok(None) };
        let is_it = |(before, _): &&(Row, Key)| pairs.iter().all(|(own, theirs)| row.get(*own) == before.get(*theirs));
        Ok(given_up.iter().find(is_it).map(|(_, key)| key.clone()))
    }

    fn mirror(&self, shape: &Shape, record: &Record) -> Result<Option<Row>> {
        record.current.as_ref().map(|image| self.session().numbered(shape, &image.row)).transpose()
    }

    /// Names what means another record by a value than it meant.
    pub(super) fn name_the_misled(&self, tables: &mut [Brought], meant: Vec<Meant<'_>>) -> Result<()> {
        for Meant { shape, key, reference, to: (parent, to), anew } in meant {
            let Some(row) = self.read(shape, &key)? else { continue };
            // What leads nowhere is named where that is looked for.
            let Reference::Found(_, found) = self.database().referenced(&self.session().shapes, reference, &row)? else { continue };
            let fields = reference.fields.iter().map(|field| format!("`{}` {}", shape.name_of(*field), row.get(*field)));
            let fields = fields.collect::<Vec<_>>().join(", ");
            let what = match (found == to, anew) {
                (true, false) => continue,
                (true, true) => {
                    format!("has {fields}, which meant another record of `{}`: that was deleted since, and {to} made anew", parent.name)
                }
                (false, _) => format!("has {fields}, which meant {to} of `{}`: that is {found} by now", parent.name),
            };
            let brought = tables.iter_mut().find(|brought| brought.table == shape.name);
            brought.into_iter().for_each(|brought| brought.listed.push((key.clone(), what.clone())));
        }
        Ok(())
    }

    /// What leads nowhere in what travels.
    fn all_dangling(&self) -> Result<Vec<Dangling>> {
        let (session, database) = (self.session(), self.database());
        let mut dangling = database.dangling_records()?;
        dangling.extend(database.dangling_by_rules(&session.rules, &session.shapes)?);
        // What stays at home is as old as the backup, and an arriving delete does not look at it either.
        dangling.retain(|one| session.shapes.iter().any(|shape| same(&shape.name, &one.table)));
        Ok(dangling)
    }

    /// What leads nowhere as the database is.
    pub(super) fn dangling(&self) -> Result<BTreeSet<Nowhere>> {
        Ok(self.all_dangling()?.iter().map(nowhere).collect())
    }

    /// Records that are gone come back where what is there refers to them, whoever deleted which: at the main office nobody else would decide it. What
    /// leads nowhere all the same is named, where it did lead somewhere and anything was typed in either table.
    pub(super) fn bring_back_what_is_needed(
        &self,
        tables: &mut [Brought],
        mut gone: Vec<Gone>,
        back: &mut Vec<Back>,
        led_nowhere: &BTreeSet<Nowhere>,
    ) -> Result<()> {
        let is_typed = |brought: &Brought| !brought.kept.is_empty() || !brought.renumbered.is_empty();
        let typed: BTreeSet<String> = tables.iter().filter(|brought| is_typed(brought)).map(|one| one.table.to_lowercase()).collect();
        let mut any = !gone.is_empty() || !typed.is_empty();
        while std::mem::take(&mut any) {
            let mut left = Vec::new();
            for one in self.all_dangling()? {
                match gone.iter().position(|gone| self.is_needed(&one, gone)) {
                    Some(place) => {
                        any = true;
                        self.bring_back(tables, gone.remove(place), &one, back)?;
                    }
                    None => left.push(one),
                }
            }
            if any {
                continue;
            }
            for one in left {
                let of = nowhere(&one);
                if led_nowhere.contains(&of) || !(typed.contains(&of.0) || typed.contains(&of.1)) {
                    continue;
                }
                let values = one.values.iter().map(|(column, value)| format!("`{column}` {value}")).collect::<Vec<_>>().join(", ");
                let others = if one.count > 1 { format!(", and so do {} others", one.count - 1) } else { String::new() };
                let what = format!("refers to {values} of `{}`, which is not there{others}", one.parent);
                let brought = tables.iter_mut().find(|brought| same(&brought.table, &one.table));
                brought.into_iter().zip(Key::new(&one.first)).for_each(|(brought, key)| brought.listed.push((key, what.clone())));
            }
        }
        Ok(())
    }

    /// Whether a record that is gone is the one to which these refer.
    fn is_needed(&self, one: &Dangling, gone: &Gone) -> bool {
        let shape = self.session().shape(gone.table);
        let holds = |(name, value): &(String, Value)| {
            let field = shape.live_fields().find(|field| same(shape.name_of(*field), name));
            field.is_some_and(|field| gone.row.get(field) == value || gone.row.get(field).to_string() == value.to_string())
        };
        same(&shape.name, &one.parent) && !one.values.is_empty() && one.values.iter().all(holds)
    }

    fn bring_back(&self, tables: &mut [Brought], gone: Gone, one: &Dangling, back: &mut Vec<Back>) -> Result<()> {
        let Gone { key, row, table, deleted, ended } = gone;
        let shape = self.session().shape(table);
        let Some(brought) = tables.iter_mut().find(|brought| brought.table == shape.name) else { return Ok(()) };
        let first = one.first.iter().map(ToString::to_string).collect::<Vec<_>>().join("/");
        match self.database().insert(shape, &row)? {
            Written::Refused(refusal) => brought.refused.push((key, format!("`{}` {first} refers to it: {refusal}", one.table))),
            Written::Done | Written::Missing => {
                back.extend(ended.zip(key.as_integer()));
                brought.kept.retain(|kept| *kept != key);
                brought.listed.retain(|(listed, _)| *listed != key);
                let when = if deleted { "since the database was put back" } else { "since the backup was made" };
                brought.listed.push((key.clone(), format!("was deleted {when}, but `{}` {first} refers to it: it is back", one.table)));
                if deleted {
                    brought.back += 1;
                } else {
                    brought.removed = brought.removed.saturating_sub(1);
                    brought.kept.push(key);
                }
            }
        }
        Ok(())
    }
}
