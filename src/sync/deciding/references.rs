//! Are the records that a row refers to here, and are they the ones that were meant?
//!
//! Our connection does not enforce foreign keys: a record whose parent is not here yet must wait, not fail, and a
//! delete must not cascade behind our back. So every reference is looked up before a row is written. A number that
//! means no record at the sender is never written where it would mean one here.

use std::collections::BTreeSet;

use crate::database::Reference;
use crate::ledger::Record;
use crate::model::{FieldNo, ForeignKey, Identity, Image, Key, NumberField, Row, Shape, TableNo, stands_for};
use crate::sync::apply::Applying;
use crate::sync::numbers::meaning::number_key;
use crate::sync::{Result, Session};

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
    /// The first reference among `fields` of `after` that is not met.
    pub(in crate::sync) fn need(&self, record: &Record, after: &Image, fields: &[FieldNo]) -> Result<Need> {
        let shape = self.session.shape(record.table);
        let requires = self.session.policy(record.table).requires(fields);
        if shape.references.is_empty() && shape.numbers.is_empty() && !requires {
            return Ok(Need::Met);
        }
        let mut row = record.current.as_ref().map_or_else(Row::default, |image| image.row.clone());
        fields.iter().for_each(|field| row.set(*field, after.row.get(*field).clone()));
        let itself = |target: &(TableNo, Key)| *target == (record.table, record.key.clone());
        for missing in self.unmet(shape, &row, fields)? {
            let fine = missing.target.as_ref().is_some_and(|target| itself(target) || self.comes_along(target));
            if missing.other || !fine {
                return Ok(missing.need());
            }
        }
        if requires && let Some((table, key)) = self.session.lacks_required(record.table, &row, fields)? {
            return Ok(Need::Missing { table, key, target: None });
        }
        Ok(Need::Met)
    }

    /// The references among `fields` of a row that lead nowhere, or to a record that was not meant.
    fn unmet(&self, shape: &Shape, row: &Row, fields: &[FieldNo]) -> Result<Vec<Unmet>> {
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
                        unmet.push(Unmet { table: name, key: number.to_string(), target: None, other: true });
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
                    unmet.push(Unmet { table: name, key: words, target: Some((table, key)), other: false });
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
            if let Reference::Missing { .. } = session.database()?.referenced(&session.shapes, reference, &row)? {
                let values: Vec<String> = reference.fields.iter().map(|field| row.get(*field).to_string()).collect();
                let target = self.target(reference, &row)?;
                unmet.push(Unmet { table: reference.table.clone(), key: values.join("/"), target, other: false });
            }
        }
        Ok(unmet)
    }

    /// Whether a reference was looked up as a number already: it is a single field that stands for a record of the very table
    /// referred to. Where that table's own number is another record's, that one can be here and the record itself not.
    fn looked_up(&self, shape: &Shape, reference: &ForeignKey, meant: &Row) -> bool {
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
        for (column, field) in reference.columns.iter().zip(&reference.fields) {
            let Some(own) = shape.key.iter().find(|own| shape.name_of(**own).eq_ignore_ascii_case(column)) else { return Ok(None) };
            key.set(*own, row.get(*field).clone());
        }
        match shape.identity() {
            Identity::Key => {}
            Identity::Meaning => session.mean(shape, &mut key)?,
            // It would have been missed as a number.
            Identity::Birth => return Ok(None),
        }
        Ok(shape.key_of(&key).ok().map(|key| (shape.number, key)))
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
        circle: &BTreeSet<(TableNo, Key)>,
    ) -> Result<bool> {
        let unmet = self.unmet(self.session.shape(table), row, fields)?;
        Ok(unmet.iter().all(|one| !one.other && one.target.as_ref().is_some_and(|target| circle.contains(target))))
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

/// A reference that leads nowhere, or to a record that was not meant.
struct Unmet {
    table: String,
    key: String,
    target: Option<(TableNo, Key)>,
    other: bool,
}

impl Unmet {
    fn need(self) -> Need {
        if self.other {
            return Need::Other { table: self.table, key: self.key };
        }
        Need::Missing { table: self.table, key: self.key, target: self.target }
    }
}
