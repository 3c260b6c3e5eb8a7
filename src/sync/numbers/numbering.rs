//! Which fields hold handed-out numbers of records? Declared foreign keys tell, and the rules name the rest.
//!
//! A foreign key to a lone `INTEGER PRIMARY KEY` holds numbers of that table. One to other columns holds them where those
//! columns do: a composite key that begins with the number of an order makes the same of every column that refers to it.
//! Where a table's own number is that of another record (multi-table inheritance), whoever refers to it refers to that one.

use std::collections::BTreeMap;

use super::early::note_all_nobodys;
use super::reword::{name_held, rename_absent, to_numbers, to_stand_ins};
use crate::model::{FieldNo, ForeignKey, Identity, KeyKind, NumberField, NumberForm, Shape, TableNo};
use crate::rules::{ReferenceRule, Rules};
use crate::sync::{Result, Session, SyncError};

/// Works it out again for rules or tables that changed since, puts what is kept into the new words, and gives records the keys they go by from now on.
pub(in crate::sync) fn relink(session: &mut Session) -> Result<()> {
    let before = session.shapes.clone();
    if !link(&mut session.shapes, &session.rules) {
        return Ok(());
    }
    let session = &*session;
    session.ledger.begin()?;
    let relinked = take_over(session, &before);
    let relinked = relinked.and_then(|()| Ok(session.ledger.commit(&session.world, "commit references")?));
    if relinked.as_ref().is_err_and(|error| !error.is_crash()) {
        session.ledger.rollback()?;
    }
    relinked
}

/// From the shapes `before` to those that the session has.
fn take_over(session: &Session, before: &[Shape]) -> Result<()> {
    let all = || session.shapes.iter().zip(before);
    all().try_for_each(|(shape, before)| to_numbers(session, before, shape))?;
    session.shapes.iter().try_for_each(|shape| session.ledger.set_shape(shape))?;
    let is_otherwise = |shape: &Shape, before: &Shape| {
        shape.identity() != before.identity() || (shape.identity() == Identity::Meaning && shape.numbers != before.numbers)
    };
    // A key by meaning has the keys of others in it.
    for by_meaning in [false, true] {
        for (shape, before) in all().filter(|(shape, _)| (shape.identity() == Identity::Meaning) == by_meaning) {
            if is_otherwise(shape, before) {
                rename(session, shape)?;
            }
        }
    }
    all().try_for_each(|(shape, before)| to_stand_ins(session, before, shape))?;
    for (shape, before) in all() {
        if is_otherwise(shape, before) {
            rename_absent(session, shape)?;
        }
        if shape.numbers != before.numbers {
            note_what_is_nobodys(session, shape)?;
        }
    }
    Ok(())
}

/// Gives every living record of a table its key anew.
fn rename(session: &Session, shape: &Shape) -> Result<()> {
    for id in session.ledger.living(shape.number)? {
        let mut record = session.ledger.load_id(id)?;
        let Some(image) = &record.current else { continue };
        let place = shape.key_of(&image.row).map_err(|_| SyncError::Bug("a record without a key is not tracked"))?;
        let key = match shape.identity() {
            Identity::Key => place.clone(),
            Identity::Birth => crate::model::Key::of_birth(image.born),
            Identity::Meaning => {
                let mut row = image.row.clone();
                session.mean(shape, &mut row)?;
                session.key_by_meaning(shape, &row)?
            }
        };
        record.key = key;
        record.place = (shape.identity() != Identity::Key).then_some(place);
        session.ledger.store_names(&mut record)?;
        if !record.extra.held.is_empty() {
            name_held(session, &mut record)?;
        }
    }
    Ok(())
}

/// What fields hold of which nobody knew that they are numbers of records.
fn note_what_is_nobodys(session: &Session, shape: &Shape) -> Result<()> {
    for id in session.ledger.living(shape.number)? {
        if let Some(image) = session.ledger.load_id(id)?.current {
            note_all_nobodys(&session.ledger, shape, id, &image.row)?;
        }
    }
    Ok(())
}

/// Works out [`Shape::numbers`] and [`Shape::identity_fields`] of all tables. Says whether anything changed.
pub(in crate::sync) fn link(shapes: &mut [Shape], rules: &Rules) -> bool {
    let before: Vec<_> = shapes.iter().map(|shape| (shape.numbers.clone(), shape.identity_fields.clone(), shape.key_kind)).collect();
    for shape in shapes.iter_mut() {
        identify(shape, rules);
    }
    let mut found = declared(shapes);
    named(shapes, rules, &mut found);
    for shape in shapes.iter_mut() {
        let of_table = found.range((shape.number, FieldNo(0))..=(shape.number, FieldNo(u16::MAX)));
        shape.numbers = of_table.map(|((_, field), form)| NumberField { field: *field, form: form.clone() }).collect();
    }
    let after = shapes.iter().map(|shape| (shape.numbers.clone(), shape.identity_fields.clone(), shape.key_kind));
    !after.eq(before)
}

/// What the rules say about what makes two records of the table the same one.
pub(in crate::sync) fn identify(shape: &mut Shape, rules: &Rules) {
    shape.identity_fields = rules.identity(&shape.name).iter().filter_map(|name| shape.field(name)).collect();
    // Numbers that mean something by themselves, such as years, are nobody's to change.
    if shape.key_kind == KeyKind::Assigned && shape.identity_fields == shape.key {
        shape.key_kind = KeyKind::Natural;
    }
}

type Found = BTreeMap<(TableNo, FieldNo), NumberForm>;

/// Where a foreign key leads: the table and the columns there, as fields.
fn parents<'s>(shapes: &'s [Shape], reference: &ForeignKey) -> Option<(&'s Shape, Vec<FieldNo>)> {
    let parent = shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(&reference.table))?;
    let field = |name: &String| parent.live_fields().find(|field| parent.name_of(*field).eq_ignore_ascii_case(name));
    Some((parent, reference.columns.iter().map(field).collect::<Option<_>>()?))
}

/// The table whose numbers a table's own numbers are: itself, or where its number is that of another record, that one's.
fn root<'s>(shapes: &'s [Shape], shape: &'s Shape) -> &'s Shape {
    let mut root = shape;
    // As many steps as there are tables: a circle ends somewhere, and then nobody follows.
    for _ in shapes {
        let above = root.references.iter().filter(|reference| reference.fields == root.key).find_map(|reference| {
            let (parent, fields) = parents(shapes, reference)?;
            (parent.number != root.number && parent.key_kind == KeyKind::Assigned && parent.key == fields).then_some(parent)
        });
        match above {
            Some(above) => root = above,
            None => return root,
        }
    }
    shape
}

fn declared(shapes: &[Shape]) -> Found {
    let mut found = Found::new();
    loop {
        let before = found.len();
        for shape in shapes {
            for reference in &shape.references {
                let Some((parent, fields)) = parents(shapes, reference) else { continue };
                for (field, theirs) in reference.fields.iter().zip(fields) {
                    let form = if parent.key_kind == KeyKind::Assigned && parent.key == [theirs] {
                        Some(NumberForm::Number { table: root(shapes, parent).number })
                    } else {
                        found.get(&(parent.number, theirs)).cloned()
                    };
                    // A table whose own number it is refers to nobody by it.
                    let own = shape.key_kind == KeyKind::Assigned && shape.key == [*field] && root(shapes, shape).number == shape.number;
                    if let Some(form) = form
                        && !own
                    {
                        found.entry((shape.number, *field)).or_insert(form);
                    }
                }
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn named(shapes: &[Shape], rules: &Rules, found: &mut Found) {
    let number = |name: &str| {
        let shape = shapes.iter().find(|shape| shape.name == name && shape.key_kind == KeyKind::Assigned)?;
        Some(root(shapes, shape).number)
    };
    let all = |tables: &BTreeMap<String, String>| -> BTreeMap<String, TableNo> {
        tables.iter().filter_map(|(word, table)| Some((word.clone(), number(table)?))).collect()
    };
    for (table, column, rule) in rules.references() {
        let Some(shape) = shapes.iter().find(|shape| shape.name == table) else { continue };
        let Some(field) = shape.field(column) else { continue };
        let form = match rule {
            ReferenceRule::Column { table } => number(table).map(|table| NumberForm::Number { table }),
            ReferenceRule::Typed { type_column, tables } => {
                shape.field(type_column).map(|kind| NumberForm::Typed { kind, tables: all(tables) })
            }
            ReferenceRule::Text { separator, tables } => Some(NumberForm::Text { separator: separator.clone(), tables: all(tables) }),
            ReferenceRule::Json { paths } => {
                let paths = paths.iter().filter_map(|(path, table)| Some((path.clone(), number(table)?))).collect();
                Some(NumberForm::Json { paths })
            }
        };
        // A number that is its own record's cannot be another's as well, unless the database says so.
        if let Some(form) = form
            && shape.key != [field]
        {
            found.entry((shape.number, field)).or_insert(form);
        }
    }
}
