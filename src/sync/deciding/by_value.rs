//! Which references lead to a record by values of it, and who refers so?
//!
//! A reference to the number that a table hands out leads by itself, whatever number the record gets; every other one leads by values: to a unique column, to a key that
//! has a meaning, to several columns together.

use std::collections::BTreeSet;

use super::meant::LONGEST_CHAIN;
use crate::database::{Refusal, RefusalKind, Staying, Written};
use crate::ledger::Record;
use crate::model::{FieldNo, ForeignKey, Key, Row, Shape, TableNo};
use crate::sync::{Result, Session};

impl Session {
    /// What refers to a record by values: by these fields, or by any.
    pub(super) fn referrers(&self, shape: &Shape, place: &Key, fields: Option<&[FieldNo]>) -> Result<Vec<Referrer<'_>>> {
        let mut found = Vec::new();
        for (child, reference, pairs) in self.leading_by_value(shape) {
            if fields.is_some_and(|fields| !pairs.iter().any(|(_, theirs)| fields.contains(theirs))) {
                continue;
            }
            let alone = [Shape { references: vec![reference.clone()], ..child.clone() }];
            for (_, place) in self.database()?.dependants(&alone, shape, place, i64::MAX as usize)? {
                let record = self.load_at(child, &place)?;
                let Some(was) = record.current.as_ref().map(|image| said_by(&pairs, &image.row)) else { continue };
                found.push(Referrer { shape: child, record, pairs: pairs.clone(), was });
            }
        }
        Ok(found)
    }

    /// The references that lead to a table by values, each with its fields and those there.
    pub(super) fn leading_by_value(&self, shape: &Shape) -> Vec<(&Shape, &ForeignKey, Pairs)> {
        let mut leading = Vec::new();
        for child in &self.shapes {
            for reference in child.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)) {
                leading.extend(self.by_value(reference).map(|(_, pairs)| (child, reference, pairs)));
            }
        }
        leading
    }

    /// The table to which a reference leads by values, and the fields; none where it does so by the number that is handed out there, which leads by itself. A value may
    /// be a number of a third record.
    pub(in crate::sync) fn by_value(&self, reference: &ForeignKey) -> Option<(&Shape, Pairs)> {
        let shape = self.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table))?;
        let theirs = |column: &String| shape.live_fields().find(|field| shape.name_of(*field).eq_ignore_ascii_case(column));
        let pairs = reference.fields.iter().zip(&reference.columns);
        let mut pairs = pairs.map(|(own, column)| Some((*own, theirs(column)?))).collect::<Option<Pairs>>()?;
        pairs.retain(|(_, theirs)| shape.number_field() != Some(*theirs));
        (!pairs.is_empty()).then_some((shape, pairs))
    }

    /// What refers to a record in the database by the values of fields refers to those that `row` has, and what refers to that likewise; so does what stays
    /// here. Gives why not, where the database refuses one.
    pub(in crate::sync) fn lead_by_value(&self, shape: &Shape, place: &Key, fields: &[FieldNo], row: &Row) -> Result<Option<Refusal>> {
        let staying = self.database()?.what_stays(&self.shapes)?;
        self.lead_below(&staying, shape, place, (fields, row), LONGEST_CHAIN)
    }

    fn lead_below(
        &self,
        staying: &[Staying],
        shape: &Shape,
        place: &Key,
        (fields, row): (&[FieldNo], &Row),
        most: usize,
    ) -> Result<Option<Refusal>> {
        let database = self.database()?;
        if let Err(message) = database.lead_what_stays(staying, shape, place, fields, row)? {
            return Ok(Some(Refusal { kind: RefusalKind::Other, fields: fields.to_vec(), message }));
        }
        for (child, reference, mut pairs) in self.leading_by_value(shape) {
            pairs.retain(|(_, theirs)| fields.contains(theirs));
            if pairs.is_empty() || most == 0 {
                continue;
            }
            let own: Vec<FieldNo> = pairs.iter().map(|(own, _)| *own).collect();
            let mut led = Row::default();
            pairs.iter().for_each(|(own, theirs)| led.set(*own, row.get(*theirs).clone()));
            let alone = [Shape { references: vec![reference.clone()], ..child.clone() }];
            for (_, key) in database.dependants(&alone, shape, place, i64::MAX as usize)? {
                let written = match self.lead_below(staying, child, &key, (&own, &led), most - 1)? {
                    None => database.update(child, &key, &own, &led)?,
                    Some(refusal) => Written::Refused(refusal),
                };
                match written {
                    Written::Done | Written::Missing => {}
                    Written::Refused(refusal) => return Ok(Some(refusal)),
                }
            }
        }
        Ok(None)
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

/// A record that refers to another one by values.
pub(super) struct Referrer<'s> {
    pub(super) shape: &'s Shape,
    pub(super) record: Record,
    /// By which of its fields, and to which.
    pub(super) pairs: Pairs,
    /// What it says in them.
    pub(super) was: Row,
}

/// Fields that refer, and those to which they do.
pub(super) type Pairs = Vec<(FieldNo, FieldNo)>;

/// A row that refers to `target`.
pub(super) fn led(row: &Row, pairs: &Pairs, target: &Row) -> Row {
    let mut led = row.clone();
    pairs.iter().for_each(|(own, theirs)| led.set(*own, target.get(*theirs).clone()));
    led
}

/// A row with these fields of another one.
pub(super) fn overlaid(row: &Row, other: &Row, fields: &[FieldNo]) -> Row {
    let mut both = row.clone();
    fields.iter().for_each(|field| both.set(*field, other.get(*field).clone()));
    both
}

/// What a row says in the fields that refer.
pub(super) fn said_by(pairs: &Pairs, row: &Row) -> Row {
    let mut said = Row::default();
    pairs.iter().for_each(|(own, _)| said.set(*own, row.get(*own).clone()));
    said
}
