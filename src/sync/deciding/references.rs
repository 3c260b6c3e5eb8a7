//! Are the records that a row refers to here, and are they the ones that were meant?
//!
//! Our connection does not enforce foreign keys: a record whose parent is not here yet must wait, not fail. So every reference is looked up
//! before a row is written. A number that means no record at the sender is never written where it would mean one here. The other end, who
//! refers to a record, is `referring`.
//!
//! A value is the sender's too: where a record of the sender waits because another one here has its value (`unique`), what refers to that
//! value means the one that waits, and waits with it. Records that refer to each other by such values, in a circle, come together as those
//! do that refer by their keys.
//! **Invariant**: no reference comes to lead to another site's record because both took one value.

use std::collections::{BTreeMap, BTreeSet};

use super::by_value::referred_by_value;
use super::meant::LONGEST_CHAIN;
use crate::database::Reference;
use crate::ledger::{Held, Opinion, Record};
use crate::model::{FieldNo, ForeignKey, Identity, Image, Key, NumberField, Row, Shape, SiteNo, TableNo, Value, stands_for};
use crate::sync::apply::Applying;
use crate::sync::known::{self, Link};
use crate::sync::numbers::meaning::{key_row, number_key};
use crate::sync::{Result, SyncError};

/// Records for which something is held, by who sent it and table. What is held no more may still be among them.
pub(in crate::sync) type Waiting = BTreeMap<(SiteNo, TableNo), BTreeSet<Key>>;

/// Records for which something is held, by who sent it, table, columns that are not its key, and what they are to hold.
pub(in crate::sync) type Coming = BTreeMap<(SiteNo, TableNo, Vec<FieldNo>), BTreeMap<Key, Key>>;

/// Records that are no more, by table and columns, and what they held there last.
pub(in crate::sync) type Ended = BTreeMap<(TableNo, Vec<FieldNo>), BTreeMap<Key, Key>>;

/// What a row needs before it can be written.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sync) enum Need {
    /// Nothing: everything it refers to is here.
    Met,
    /// A record that is not here.
    Missing { table: String, key: String, target: Option<(TableNo, Key)> },
    /// The number is here but names another record.
    Other { table: String, key: String },
}

impl Applying<'_> {
    /// The first reference among `fields` of `after` that is not met. `said_by`: the neighbour whose words these are; none where they are ours.
    pub(in crate::sync) fn need(&self, record: &Record, after: &Image, fields: &[FieldNo], said_by: Option<SiteNo>) -> Result<Need> {
        let shape = self.session.shape(record.table);
        let requires = self.session.policy(record.table).requires(fields);
        if shape.references.is_empty() && shape.numbers.is_empty() && !requires {
            return Ok(Need::Met);
        }
        let mut row = record.current.as_ref().map_or_else(Row::default, |image| image.row.clone());
        fields.iter().for_each(|field| row.set(*field, after.row.get(*field).clone()));
        let itself = |target: &(TableNo, Key)| *target == (record.table, record.key.clone());
        for missing in self.unmet(shape, &row, fields, said_by)? {
            let comes = missing.coming.as_ref().is_some_and(|coming| self.comes_along(coming));
            let fine = comes || missing.target.as_ref().is_some_and(|target| itself(target) || self.comes_along(target));
            if missing.why == Why::Other || !fine {
                return self.with_ended(missing);
            }
        }
        if requires && let Some((table, key)) = self.session.lacks_required(record.table, &row, fields)? {
            return Ok(Need::Missing { table, key, target: None });
        }
        Ok(Need::Met)
    }

    /// The references among `fields` of a row that lead nowhere, or to a record that was not meant.
    pub(super) fn unmet(&self, shape: &Shape, row: &Row, fields: &[FieldNo], said_by: Option<SiteNo>) -> Result<Vec<Unmet>> {
        let session = self.session;
        let mut unmet = Vec::new();
        let mut seen = BTreeSet::new();
        let half = session.half_numbered(shape, row)?;
        for numbers in shape.numbers.iter().filter(|numbers| fields.contains(&numbers.field)) {
            let declared = shape.references.iter().any(|reference| reference.fields.contains(&numbers.field));
            let row = if numbers.table().is_some() { row } else { &half };
            for (table, number) in numbers.numbers(row) {
                let name = session.shape(table).name.clone();
                let Some(id) = stands_for(number) else {
                    // The sender has no record of that number; here it must not come to mean one.
                    if session.ledger.id_at(table, &number_key(number))?.is_some() {
                        unmet.push(Unmet {
                            table: name,
                            key: number.to_string(),
                            target: None,
                            coming: None,
                            wanted: None,
                            why: Why::Other,
                        });
                    }
                    continue;
                };
                let Some((table, key, place)) = session.ledger.names(id)? else { continue };
                // What nobody declared may dangle, where its number still means this record.
                let dangles = || -> Result<bool> {
                    let last = session.ledger.last_number(id)?;
                    last.map_or(Ok(false), |last| Ok(session.id_of_number(table, last)? == Some(id)))
                };
                let gone = place.is_none() && (declared || !dangles()?);
                if gone && self.survivor(table, &key)?.is_none() && seen.insert(id) {
                    let words = self.in_words(id, &key)?;
                    unmet.push(Unmet {
                        table: name,
                        key: words,
                        target: Some((table, key)),
                        coming: None,
                        wanted: None,
                        why: Why::Missing,
                    });
                }
            }
        }
        if !unmet.is_empty() {
            return Ok(unmet);
        }
        let meant = row;
        let row = session.numbered(shape, row)?;
        for reference in &shape.references {
            if self.looked_up(shape, reference, meant) || !reference.fields.iter().any(|field| fields.contains(field)) {
                continue;
            }
            let values = || reference.fields.iter().map(|field| row.get(*field).to_string()).collect::<Vec<_>>().join("/");
            match session.database()?.referenced(&session.shapes, reference, &row)? {
                Reference::Missing { .. } => {
                    let target = self.target(reference, &row)?;
                    let wanted = if target.is_none() { self.wanted(reference, &row)? } else { None };
                    let is_itself = |wanted: &Wanted| {
                        Ok::<_, SyncError>(wanted.table == shape.number && self.value_of(wanted, &row)?.as_ref() == Some(&wanted.value))
                    };
                    if wanted.as_ref().map_or(Ok(false), is_itself)? {
                        continue;
                    }
                    let coming = said_by.zip(wanted.as_ref()).and_then(|(site, wanted)| self.coming(site, wanted));
                    unmet.push(Unmet { table: reference.table.clone(), key: values(), target, coming, wanted, why: Why::Missing });
                }
                Reference::Found(table, found) => {
                    let Some(said_by) = said_by else { continue };
                    if let Some(target) = self.waits_for(said_by, reference, table, &found, LONGEST_CHAIN)? {
                        let key = format!("{} of '{}'", values(), session.ledger.site_name(said_by)?);
                        unmet.push(Unmet {
                            table: reference.table.clone(),
                            key,
                            target: Some(target),
                            coming: None,
                            wanted: None,
                            why: Why::Waits,
                        });
                    }
                }
                Reference::None | Reference::Elsewhere => {}
            }
        }
        Ok(unmet)
    }

    /// Whether what a row of the parent refers to, and is not here, is not there either.
    pub(super) fn dangles_there(&self, record: &Record, after: &Image, fields: &[FieldNo], parent: Link) -> Result<bool> {
        let session = self.session;
        let shape = session.shape(record.table);
        let mut row = record.current.as_ref().map_or_else(Row::default, |image| image.row.clone());
        fields.iter().for_each(|field| row.set(*field, after.row.get(*field).clone()));
        if self.session.policy(record.table).requires(fields) {
            return Ok(false);
        }
        let own = shape.number_field().and_then(|field| match after.row.get(field) {
            Value::Integer(number) => Some(*number),
            Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => None,
        });
        let mut nobodys = BTreeSet::new();
        let half = session.half_numbered(shape, &row)?;
        for numbers in shape.numbers.iter().filter(|numbers| fields.contains(&numbers.field)) {
            let row = if numbers.table().is_some() { &row } else { &half };
            for (table, number) in numbers.numbers(row) {
                match stands_for(number) {
                    // The parent says that it is nobody's there. Here it must not come to mean the next record.
                    None if session.is_handed_out(session.shape(table), number, own.filter(|_| table == record.table))? => {
                        return Ok(false);
                    }
                    None => drop(nobodys.insert(numbers.field)),
                    Some(id) => {
                        let Some((table, key, None)) = session.ledger.names(id)? else { continue };
                        if self.survivor(table, &key)?.is_some() {
                            continue;
                        }
                        // The number on which it is to dangle: its last one, or the one that it has there.
                        let there =
                            || Ok::<_, SyncError>(session.ledger.load_id(id)?.extra.made_as.get(&parent.site).map(|there| there.number));
                        let number = match session.ledger.last_number(id)? {
                            Some(last) => Some(last),
                            None => there()?,
                        };
                        let is_next = number.map(|number| session.is_next(session.shape(table), number)).transpose()?;
                        if is_next != Some(false) || !self.is_gone_there(table, &key, parent)? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        let meant = &row;
        let row = session.numbered(shape, &row)?;
        for reference in shape.references.iter().filter(|reference| reference.fields.iter().any(|field| fields.contains(field))) {
            if self.looked_up(shape, reference, meant) || reference.fields.iter().any(|field| nobodys.contains(field)) {
                continue;
            }
            let is_gone = match session.database()?.referenced(&session.shapes, reference, &row)? {
                Reference::Missing { .. } => match (self.target(reference, &row)?, self.wanted(reference, &row)?) {
                    (Some((table, key)), _) => self.is_gone_there(table, &key, parent)?,
                    // Who has which value there is known while nothing of ours is on its way.
                    (None, Some(wanted)) => {
                        let is_on_its_way = self.any_pending || self.coming(parent.site, &wanted).is_some();
                        let ended = self.ended_with(&wanted)?;
                        !is_on_its_way && ended.map_or(Ok(true), |(table, key)| self.is_gone_there(table, &key, parent))?
                    }
                    (None, None) => false,
                },
                Reference::Found(table, found) => self.waits_for(parent.site, reference, table, &found, LONGEST_CHAIN)?.is_none(),
                Reference::None | Reference::Elsewhere => true,
            };
            if !is_gone {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the parent has no such record, as far as it told us, and none of it waits here. Of one that ended here the parent may not have taken
    /// the end: it waits for something there.
    fn is_gone_there(&self, table: TableNo, key: &Key, parent: Link) -> Result<bool> {
        let record = self.session.ledger.load(table, key)?;
        let comes = record.extra.held.get(&parent.site).is_some_and(|held| held.change.after.is_some());
        let ledger = &self.session.ledger;
        let ended_here = || Ok::<_, SyncError>(ledger.entry(record.version)?.is_some_and(|last| last.known_to != Some(parent.site)));
        let is_ours = || Ok::<_, SyncError>(record.current.is_some() || ledger.pending(&record)?.whole || ended_here()?);
        Ok(!comes && !is_ours()? && known::opinion(&self.session.ledger, &record, parent)? == Opinion::Known(None))
    }

    /// What a reference to columns that are no key asks for. `row` has numbers.
    pub(super) fn wanted(&self, reference: &ForeignKey, row: &Row) -> Result<Option<Wanted>> {
        let Some(parent) = self.session.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table)) else {
            return Ok(None);
        };
        let own = |column: &String| parent.live_fields().find(|field| parent.name_of(*field).eq_ignore_ascii_case(column));
        let Some(fields) = reference.columns.iter().map(own).collect::<Option<Vec<FieldNo>>>() else { return Ok(None) };
        let asked = self.as_asked(reference, row)?;
        Ok(self.as_compared(parent, &fields, asked.iter())?.map(|value| Wanted { table: parent.number, fields, value }))
    }

    /// The values by which a row refers, as the columns referred to would have them.
    fn as_asked(&self, reference: &ForeignKey, row: &Row) -> Result<Vec<Value>> {
        let values: Vec<Value> = reference.fields.iter().map(|field| row.get(*field).clone()).collect();
        Ok(self.session.database()?.as_referred(&reference.table, &reference.columns, values)?)
    }

    /// What a row of the table asked for holds in these columns.
    pub(super) fn value_of(&self, wanted: &Wanted, row: &Row) -> Result<Option<Key>> {
        self.as_compared(self.session.shape(wanted.table), &wanted.fields, wanted.fields.iter().map(|field| row.get(*field)))
    }

    /// Values as unique columns compare them: none where one is empty.
    fn as_compared<'v>(&self, shape: &Shape, fields: &[FieldNo], values: impl Iterator<Item = &'v Value>) -> Result<Option<Key>> {
        let mut compared = Vec::new();
        for (field, value) in fields.iter().zip(values) {
            let same = |text: &str| {
                Ok::<_, SyncError>(Value::text(&self.session.database()?.same_text(&shape.name, shape.name_of(*field))?.of(text)))
            };
            compared.push(match value {
                Value::Text(text) => std::str::from_utf8(text).map_or_else(|_| Ok(value.clone()), same)?,
                Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => value.clone(),
            });
        }
        Ok(Key::new(&compared).ok())
    }

    /// The record with these values for which something of a neighbour is held.
    fn coming(&self, site: SiteNo, wanted: &Wanted) -> Option<(TableNo, Key)> {
        let coming = self.coming.borrow();
        Some((wanted.table, coming.get(&(site, wanted.table, wanted.fields.clone()))?.get(&wanted.value)?.clone()))
    }

    /// What a row needs that a child's change speaks of: what was deleted here is known by the values that it had last.
    fn with_ended(&self, missing: Unmet) -> Result<Need> {
        let target = match (&missing.wanted, missing.coming.is_none() && !self.parent_speaks()) {
            (Some(wanted), true) => self.ended_with(wanted)?,
            (Some(_), false) | (None, _) => None,
        };
        Ok(Unmet { target: missing.target.clone().or(target), ..missing }.need())
    }

    /// The record that ended last with these values. By its key, in which stand-ins are, also one that has yet to come.
    fn ended_with(&self, wanted: &Wanted) -> Result<Option<(TableNo, Key)>> {
        let session = self.session;
        let by = (wanted.table, wanted.fields.clone());
        if !self.ended.borrow().contains_key(&by) {
            let shape = session.shape(wanted.table);
            let mut ended = BTreeMap::new();
            let by_key = wanted.fields == shape.key && shape.identity() != Identity::Birth;
            for id in session.ledger.gone(wanted.table)? {
                let (key, value) = if by_key {
                    let Some((_, key, _)) = session.ledger.names(id)? else { continue };
                    let value = self.value_of(wanted, &key_row(shape, &key)?)?;
                    (key, value)
                } else {
                    let record = session.ledger.load_id(id)?;
                    let Some(last) = session.ledger.former(&record)?.into_iter().next() else { continue };
                    let value = self.value_of(wanted, &session.numbered(shape, &last.row)?)?;
                    (record.key, value)
                };
                ended.extend(value.map(|value| (value, key)));
            }
            self.ended.borrow_mut().insert(by.clone(), ended);
        }
        let ended = self.ended.borrow().get(&by).and_then(|ended| ended.get(&wanted.value)).cloned();
        Ok(ended.map(|key| (wanted.table, key)))
    }

    /// Looks by which values what is held can be referred to.
    pub(super) fn look_what_comes(&self) -> Result<()> {
        let session = self.session;
        let by = referred_by_value(&session.shapes);
        let mut coming = Coming::new();
        if !by.is_empty() {
            let mut held = Vec::new();
            session.ledger.exceptional(&mut |record| {
                held.extend((!record.extra.held.is_empty() && by.iter().any(|(table, _)| *table == record.table)).then_some(record));
                Ok(())
            })?;
            for record in held {
                let shape = session.shape(record.table);
                for (site, held) in &record.extra.held {
                    let Some(after) = &held.change.after else { continue };
                    let row = session.numbered(shape, &after.row)?;
                    for (table, fields) in by.iter().filter(|(table, _)| *table == record.table) {
                        let value = self.as_compared(shape, fields, fields.iter().map(|field| row.get(*field)))?;
                        let of = coming.entry((*site, *table, fields.clone())).or_default();
                        of.extend(value.map(|value| (value, record.key.clone())));
                    }
                }
            }
        }
        *self.coming.borrow_mut() = coming;
        Ok(())
    }

    /// The record that a neighbour means by a value which `found` has here, where that is another one: a change of it waits, by which it has
    /// that value too.
    pub(super) fn meant_by(&self, site: SiteNo, reference: &ForeignKey, table: TableNo, found: &Key) -> Result<Option<(TableNo, Key)>> {
        let session = self.session;
        for key in self.waiting_for(site, table)? {
            let record = session.load(table, &key)?;
            let Some(held) = record.extra.held.get(&site) else { continue };
            if record.at() == found && self.is_of_what_is_here(&record, held)? {
                continue;
            }
            let Some(said) = self.said_in(reference, &record, held)? else { continue };
            if matches!(session.database()?.referenced(&session.shapes, reference, &said)?, Reference::Found(_, there) if there == *found) {
                return Ok(Some((table, key)));
            }
        }
        Ok(None)
    }

    /// As [`Self::meant_by`], also where not `found` itself is another one's but the record to which it refers by a value in its key. Gives which one waits.
    fn waits_for(&self, site: SiteNo, reference: &ForeignKey, table: TableNo, found: &Key, most: usize) -> Result<Option<(TableNo, Key)>> {
        let (session, shape) = (self.session, self.session.shape(table));
        let meant = self.meant_by(site, reference, table, found)?;
        if meant.is_some() || most == 0 || !session.refers_by_its_key(shape) {
            return Ok(meant);
        }
        let Some(image) = session.load_at(shape, found)?.current else { return Ok(None) };
        let row = session.numbered(shape, &image.row)?;
        for further in &shape.references {
            let is_in_key = session.by_value(further).is_some_and(|(_, pairs)| pairs.iter().any(|(own, _)| shape.is_key(*own)));
            if is_in_key
                && let Reference::Found(table, found) = session.database()?.referenced(&session.shapes, further, &row)?
                && let Some(waits) = self.waits_for(site, further, table, &found, most - 1)?
            {
                return Ok(Some(waits));
            }
        }
        Ok(None)
    }

    /// Whether a held change is one of the record that is here, and not of another one under its key.
    fn is_of_what_is_here(&self, record: &Record, held: &Held) -> Result<bool> {
        match (&record.current, &held.change.after) {
            (Some(here), Some(after)) => Ok(self.session.ledger.same(here.born, after.born)?),
            (here, _) => Ok(here.is_some()),
        }
    }

    /// A row that refers to a record as it is to be by a held change.
    pub(super) fn said_in(&self, reference: &ForeignKey, record: &Record, held: &Held) -> Result<Option<Row>> {
        let session = self.session;
        let shape = session.shape(record.table);
        let Some(after) = &held.change.after else { return Ok(None) };
        // One that was deleted here comes back as it was.
        let is = match &record.current {
            Some(image) => Some(image.clone()),
            None => session.ledger.last_of(record, after.born)?,
        };
        let mut row = is.map_or_else(Row::default, |image| image.row);
        shape
            .live_fields()
            .filter(|field| after.row.get(*field).is_stated())
            .for_each(|field| row.set(field, after.row.get(field).clone()));
        let row = session.numbered(shape, &row)?;
        let mut said = Row::default();
        for (column, field) in reference.columns.iter().zip(&reference.fields) {
            let own = shape.live_fields().find(|own| shape.name_of(*own).eq_ignore_ascii_case(column));
            let Some(own) = own else { return Ok(None) };
            said.set(*field, row.get(own).clone());
        }
        Ok(Some(said))
    }

    /// Records of a table for which a change of a neighbour may be held.
    pub(super) fn waiting_for(&self, site: SiteNo, table: TableNo) -> Result<Vec<Key>> {
        let mut waiting = self.waiting.borrow_mut();
        let waiting = match &mut *waiting {
            Some(waiting) => waiting,
            none @ None => {
                let mut all = Waiting::new();
                self.session.ledger.exceptional(&mut |record| {
                    for site in record.extra.held.keys() {
                        all.entry((*site, record.table)).or_default().insert(record.key.clone());
                    }
                    Ok(())
                })?;
                none.insert(all)
            }
        };
        Ok(waiting.get(&(site, table)).into_iter().flatten().cloned().collect())
    }

    /// Whether two rows refer to the same by their values: the database compares where it has a record of that value.
    pub(super) fn agree(&self, reference: &ForeignKey, one: &Row, other: &Row) -> Result<bool> {
        if reference.fields.iter().any(|field| matches!(one.get(*field), Value::Absent | Value::Null)) {
            return Ok(false);
        }
        if reference.fields.iter().all(|field| one.get(*field) == other.get(*field)) {
            return Ok(true);
        }
        let (database, shapes) = (self.session.database()?, &self.session.shapes);
        Ok(match (database.referenced(shapes, reference, one)?, database.referenced(shapes, reference, other)?) {
            (Reference::Found(_, one), Reference::Found(_, other)) => one == other,
            (_, Reference::None | Reference::Missing { .. } | Reference::Elsewhere | Reference::Found(..)) => false,
        })
    }

    /// Whether a reference was looked up as a number already: it is a single field that stands for a record of the very table
    /// referred to. Where that table's own number is another record's, that one can be here and the record itself not.
    pub(super) fn looked_up(&self, shape: &Shape, reference: &ForeignKey, meant: &Row) -> bool {
        let [field] = reference.fields[..] else { return false };
        let numbers = shape.numbers.iter().find(|numbers| numbers.field == field);
        let stands = numbers.is_some_and(|numbers| numbers.numbers(meant).iter().any(|(_, number)| stands_for(*number).is_some()));
        stands
            && numbers
                .and_then(NumberField::table)
                .is_some_and(|table| self.session.shape(table).name.eq_ignore_ascii_case(&reference.table))
    }

    /// The record that absorbed one, where it is here.
    pub(in crate::sync) fn survivor(&self, table: TableNo, key: &Key) -> Result<Option<Key>> {
        let Some(born) = key.birth() else { return Ok(None) };
        let root = Key::of_birth(self.session.ledger.root(born)?);
        Ok(if root != *key && self.session.ledger.load(table, &root)?.current.is_some() { Some(root) } else { None })
    }

    /// A record without a number, for people.
    fn in_words(&self, id: i64, key: &Key) -> Result<String> {
        if let Some(number) = self.session.ledger.last_number(id)? {
            return Ok(number.to_string());
        }
        match key.birth() {
            Some(born) => Ok(format!("made at '{}'", self.session.ledger.site_name(born.site)?)),
            None => Ok(key.to_string()),
        }
    }

    /// The record that a reference by key names, where it names the key of a tracked table. `row` has numbers.
    fn target(&self, reference: &ForeignKey, row: &Row) -> Result<Option<(TableNo, Key)>> {
        let session = self.session;
        let Some(shape) = session.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table)) else { return Ok(None) };
        let mut key = Row::default();
        for (column, value) in reference.columns.iter().zip(self.as_asked(reference, row)?) {
            let Some(own) = shape.key.iter().find(|own| shape.name_of(**own).eq_ignore_ascii_case(column)) else { return Ok(None) };
            key.set(*own, value);
        }
        match shape.identity() {
            Identity::Key => {}
            Identity::Meaning => session.mean(shape, &mut key)?,
            // It would have been missed as a number.
            Identity::Birth => return Ok(None),
        }
        let Ok(named) = shape.key_of(&key) else { return Ok(None) };
        // Where no record was ever called so, one that is not here may be the same to the database: in other letters.
        let exact = |field: &FieldNo| -> Result<bool> {
            let is_text = matches!(key.get(*field), Value::Text(_));
            Ok(!is_text || session.database()?.same_text(&shape.name, shape.name_of(*field))? == crate::database::SameText::Exact)
        };
        let mut otherwise = None;
        if !shape.key.iter().map(exact).collect::<Result<Vec<bool>>>()?.into_iter().all(|exact| exact)
            && session.ledger.id_of(shape.number, &named)?.is_none()
            && let Some(value) = self.as_compared(shape, &shape.key, shape.key.iter().map(|field| key.get(*field)))?
        {
            otherwise = self.ended_with(&Wanted { table: shape.number, fields: shape.key.clone(), value })?;
        }
        Ok(Some(otherwise.unwrap_or((shape.number, named))))
    }

    /// Whether the record referred to is being applied together with this one (a cycle of held records).
    fn comes_along(&self, target: &(TableNo, Key)) -> bool {
        self.together.contains(target) || self.lifted.contains_key(target)
    }

    /// Whether everything a row refers to is here or in `circle`.
    pub(in crate::sync) fn missing_only(
        &self,
        table: TableNo,
        row: &Row,
        fields: &[FieldNo],
        said_by: SiteNo,
        circle: &BTreeSet<(TableNo, Key)>,
    ) -> Result<bool> {
        let unmet = self.unmet(self.session.shape(table), row, fields, Some(said_by))?;
        let comes = |one: &Unmet| [&one.target, &one.coming].into_iter().flatten().any(|target| circle.contains(target));
        Ok(unmet.iter().all(|one| one.why != Why::Other && comes(one)))
    }
}

/// A reference that leads nowhere, or to a record that was not meant.
pub(super) struct Unmet {
    table: String,
    key: String,
    target: Option<(TableNo, Key)>,
    /// Which record that waits has the values, where they are no key.
    pub(super) coming: Option<(TableNo, Key)>,
    /// What it asks for, where that is no key.
    pub(super) wanted: Option<Wanted>,
    why: Why,
}

/// What a reference by value asks for: these fields of that table are to hold this, as they compare it.
pub(super) struct Wanted {
    pub(super) table: TableNo,
    fields: Vec<FieldNo>,
    pub(super) value: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It leads nowhere.
    Missing,
    /// The number is another record's here.
    Other,
    /// The value is another record's here, and the one that is meant waits.
    Waits,
}

impl Unmet {
    fn need(self) -> Need {
        let Self { table, key, target, coming: _, wanted: _, why } = self;
        match why {
            Why::Other => Need::Other { table, key },
            Why::Missing => Need::Missing { table, key, target },
            // Nothing brings it but the end of its own waiting.
            Why::Waits => Need::Missing { table, key, target: None },
        }
    }
}
