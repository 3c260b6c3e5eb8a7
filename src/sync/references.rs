//! Are the records that a row refers to here, and are they the ones that were meant?
//!
//! Our connection does not enforce foreign keys: a record whose parent is not here yet must wait, not fail, and a
//! delete must not cascade behind our back. So every reference is looked up before a row is written. A number that
//! stands for another record here than at the sender is never followed: the sender says whom it meant by incarnation.

use std::collections::BTreeSet;

use super::Result;
use super::apply::Applying;
use crate::database::Reference;
use crate::ledger::Record;
use crate::model::{Born, FieldNo, Image, Key, KeyKind, Row, TableNo, Value};

/// What a row needs before it can be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: everything it refers to is here.
    Met,
    /// A record that is not here.
    Missing { table: String, key: String, target: Option<(TableNo, Key)> },
    /// The number is here but names another record.
    Other { table: String, key: String },
}

/// How many dependants are looked at: one is enough to refuse.
const DEPENDANTS: usize = 1;

impl Applying<'_> {
    /// The first reference among `fields` of `after` that is not met.
    pub(super) fn need(&self, record: &Record, after: &Image, fields: &[FieldNo], meant: &[Option<Born>]) -> Result<Need> {
        let session = self.session;
        let shape = session.shape(record.table);
        if shape.references.is_empty() {
            return Ok(Need::Met);
        }
        let mut row = record.current.as_ref().map_or_else(Row::default, |image| image.row.clone());
        fields.iter().for_each(|field| row.set(*field, after.row.get(*field).clone()));
        for (place, reference) in shape.references.iter().enumerate() {
            if !reference.fields.iter().any(|field| fields.contains(field)) {
                continue;
            }
            let words = || {
                let values: Vec<String> = reference.fields.iter().map(|field| row.get(*field).to_string()).collect();
                values.join("/")
            };
            match session.database()?.referenced(&session.shapes, reference, &row)? {
                Reference::None | Reference::Elsewhere => {}
                Reference::Found(table, key) => {
                    if let Some(Some(born)) = meant.get(place)
                        && session.shape(table).key_kind == KeyKind::Assigned
                    {
                        let there = session.ledger.born(table, &key)?;
                        let same = match there {
                            Some(there) => session.ledger.same(there, *born)?,
                            None => false,
                        };
                        if !same {
                            return Ok(Need::Other { table: reference.table.clone(), key: words() });
                        }
                    }
                }
                Reference::Missing { .. } => {
                    let target = self.target(reference, &row);
                    let itself = target.as_ref().is_some_and(|(table, key)| *table == record.table && *key == record.key);
                    if !itself && !self.comes_along(target.as_ref()) {
                        return Ok(Need::Missing { table: reference.table.clone(), key: words(), target });
                    }
                }
            }
        }
        Ok(Need::Met)
    }

    /// The key a reference names, where it names the key of a tracked table.
    fn target(&self, reference: &crate::model::ForeignKey, row: &Row) -> Option<(TableNo, Key)> {
        let session = self.session;
        let shape = session.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table))?;
        let mut values: Vec<(usize, &Value)> = Vec::new();
        for (column, field) in reference.columns.iter().zip(&reference.fields) {
            let place = shape.key.iter().position(|key| shape.name_of(*key).eq_ignore_ascii_case(column))?;
            values.push((place, row.get(*field)));
        }
        values.sort_by_key(|(place, _)| *place);
        let whole = values.len() == shape.key.len() && values.iter().enumerate().all(|(at, (place, _))| at == *place);
        let key = Key::new(values.iter().map(|(_, value)| *value)).ok()?;
        whole.then_some((shape.number, key))
    }

    /// Whether the record referred to is being applied together with this one (a cycle of held records).
    fn comes_along(&self, target: Option<&(TableNo, Key)>) -> bool {
        target.is_some_and(|target| self.together.contains(target) || self.lifted.contains_key(target))
    }

    /// Whether everything a row refers to is here or in `circle`.
    pub(super) fn missing_only(&self, table: TableNo, row: &Row, fields: &[FieldNo], circle: &BTreeSet<(TableNo, Key)>) -> Result<bool> {
        let session = self.session;
        for reference in &session.shape(table).references {
            if !reference.fields.iter().any(|field| fields.contains(field)) {
                continue;
            }
            if let Reference::Missing { .. } = session.database()?.referenced(&session.shapes, reference, row)? {
                let covered = self.target(reference, row).is_some_and(|target| circle.contains(&target));
                if !covered {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// A record here that refers to this one, in words.
    pub(super) fn dependant(&self, record: &Record) -> Result<Option<(String, String)>> {
        let session = self.session;
        if record.current.is_none() {
            return Ok(None);
        }
        let shape = session.shape(record.table);
        let found = session.database()?.dependants(&session.shapes, shape, &record.key, DEPENDANTS)?;
        let other = found.into_iter().find(|(table, key)| (*table, key) != (record.table, &record.key));
        Ok(other.map(|(table, key)| (session.shape(table).name.clone(), key.to_string())))
    }
}
