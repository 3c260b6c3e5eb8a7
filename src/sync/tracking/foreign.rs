//! By which numbers are names kept that have no place here? A block of a packet read so that nothing of it is lost, and parked changes
//! moved to the numbers they get when their place is made.

use std::collections::BTreeMap;

use super::parked::split;
use super::vocabulary::Words;
use crate::ledger::Parked;
use crate::model::{Change, Field, FieldNo, Image, Key, KeyKind, Meant, Past, Row, Shape, SiteName, SiteNo, TableNo, Told};
use crate::packet::{Block, Vocabulary};
use crate::sync::deciding::{from_child, from_parent};
use crate::sync::{Result, Session};

/// Names of one block, some of which have no place here, with the numbers they are parked under.
pub(in crate::sync) struct Foreign<'s> {
    words: Words<'s>,
    /// As if everything that the block names were here.
    shape: Shape,
    /// What is here of it.
    here: Shape,
    /// The fields that the block names.
    fields: BTreeMap<String, FieldNo>,
}

impl Vocabulary for Foreign<'_> {
    fn shape(&self, _: TableNo) -> &Shape {
        &self.shape
    }

    fn table(&self, _: &str, _: Option<TableNo>) -> Option<TableNo> {
        Some(self.shape.number)
    }

    fn field(&self, _: TableNo, name: &str, _: Option<FieldNo>) -> Option<FieldNo> {
        self.fields.get(name).copied()
    }

    fn says_numbers(&self) -> bool {
        self.words.says_numbers()
    }

    fn site_name(&self, site: SiteNo) -> SiteName {
        self.words.site_name(site)
    }

    fn site_number(&mut self, name: &SiteName) -> SiteNo {
        self.words.site_number(name)
    }
}

impl<'s> Foreign<'s> {
    /// Gives every name of the block a number, in the open transaction of the ledger.
    pub(in crate::sync) fn of(session: &'s Session, block: &Block) -> Result<Self> {
        let ledger = &session.ledger;
        let words = Words(session);
        let all = ledger.shapes_ever()?;
        let says = words.says_numbers();
        let (told, number) = (block.told_table().filter(|_| says), |name: &str| block.told_field(name).filter(|_| says));
        let has_key = |shape: &Shape| {
            let names = block.key();
            shape.key.len() == names.len()
                && names.iter().zip(&shape.key).all(|(name, field)| shape.spoken_field_ever(name, number(name)) == Some(*field))
        };
        let live = words.table(block.table(), told).and_then(|number| all.iter().find(|shape| shape.number == number));
        let is_meant = |shape: &Shape| match (told, &shape.past.told) {
            (Some(number), Some(told)) => number == told.table,
            (Some(_) | None, None) | (None, Some(_)) => shape.name == block.table(),
        };
        let gone = || all.iter().rev().find(|shape| shape.past.gone && is_meant(shape) && has_key(shape));
        let mut here = live
            .filter(|shape| has_key(shape))
            .or_else(gone)
            .cloned()
            .unwrap_or_else(|| phantom(TableNo(u32::try_from(all.len()).expect("SQLite has fewer tables")), block, told));
        let before = all.iter().find(|shape| shape.number == here.number);
        let mut fields = BTreeMap::new();
        for name in block.key().iter().chain(block.fields()).chain(block.stated()) {
            let field = here.spoken_field_ever(name, number(name)).unwrap_or_else(|| add_field(&mut here, name));
            if let (Some(number), Some(told)) = (number(name), &mut here.past.told) {
                told.fields.entry(number).or_insert(field);
            }
            fields.insert(name.clone(), field);
        }
        if before != Some(&here) {
            ledger.put_shape(&here, session.rank(here.number))?;
        }
        let mut shape = here.clone();
        fields.values().for_each(|field| shape.fields[field.index()].dropped = false);
        Ok(Self { words, shape, here, fields })
    }

    /// The parts of a decoded change: what has its place here, and what is to be parked.
    pub(in crate::sync) fn split(&self, change: Change) -> (Option<Change>, Option<Change>) {
        split(&self.here, change)
    }
}

/// Adds a field that is not here.
fn add_field(shape: &mut Shape, name: &str) -> FieldNo {
    shape.fields.push(Field { name: name.to_owned(), dropped: true });
    FieldNo(u16::try_from(shape.fields.len() - 1).unwrap_or(u16::MAX))
}

/// A table that only a neighbour has.
fn phantom(number: TableNo, block: &Block, told: Option<TableNo>) -> Shape {
    let fields: Vec<Field> = block.key().iter().map(|name| Field { name: name.clone(), dropped: true }).collect();
    let key: Vec<FieldNo> = (0u16..).take(fields.len()).map(FieldNo).collect();
    let numbers = || block.key().iter().zip(&key).filter_map(|(name, field)| Some((block.told_field(name)?, *field))).collect();
    let told = told.map(|table| Told { table, fields: numbers() });
    Shape {
        number,
        name: block.table().to_owned(),
        fields,
        key_kind: KeyKind::Natural,
        references: Vec::new(),
        uniques: Vec::new(),
        without_rowid: false,
        numbers: Vec::new(),
        identity_fields: Vec::new(),
        past: Past { gone: true, told, ..Past::default() },
        key,
    }
}

/// Moves what is parked for the table, under this number or another one, to the numbers of its new shape.
pub(in crate::sync) fn gather(session: &Session, new: &Shape, before: &BTreeMap<TableNo, Shape>) -> Result<()> {
    let ledger = &session.ledger;
    let mut shape = new.clone();
    let table = |shape: &Shape| shape.past.told.as_ref().map(|told| told.table);
    let is_source = |old: &&Shape| {
        let same = match (table(old), table(new)) {
            (Some(old), Some(new)) => old == new,
            (Some(_), None) | (None, Some(_) | None) => old.name == new.name,
        };
        old.number == new.number || (old.past.gone && same)
    };
    let mut found: BTreeMap<(SiteNo, Key), Vec<Parked>> = BTreeMap::new();
    for old in before.values().filter(is_source) {
        let same_key = old.key.len() == new.key.len() && old.key.iter().zip(&new.key).all(|(a, b)| field_in(old, *a, new) == Some(*b));
        if !same_key {
            continue;
        }
        for parked in ledger.parked_in(old.number)? {
            ledger.drop_parked(parked.site, old.number, &parked.change.key)?;
            let change = renumbered(&parked.change, old, &mut shape);
            found.entry((parked.site, change.key.clone())).or_default().push(Parked { change, ..parked });
        }
    }
    let parent = ledger.parent()?.map(|parent| parent.site);
    for ((site, _), mut parked) in found {
        // What came under an old name and under a new one is one change after the other.
        parked.sort_by_key(|parked| parked.packet);
        let compose = if Some(site) == parent { from_parent::compose_parent } else { from_child::compose_child };
        let one = |earlier: Parked, later: Parked| Parked { since: earlier.since, change: compose(&earlier.change, later.change), ..later };
        parked.into_iter().reduce(one).map_or(Ok(()), |parked| ledger.put_parked(&parked))?;
    }
    if shape != *new {
        ledger.put_shape(&shape, session.rank(shape.number))?;
    }
    Ok(())
}

/// The field of another shape that this one's is: the main office's numbers tell, and names where it has none.
fn field_in(from: &Shape, field: FieldNo, to: &Shape) -> Option<FieldNo> {
    let number = from.past.told.as_ref().and_then(|told| told.number(field));
    if number.is_some() && from.number == to.number {
        return to.past.told.as_ref().and_then(|told| told.fields.get(&number?)).copied().or(Some(field));
    }
    to.spoken_field_ever(from.name_of(field), number)
}

/// A change in the numbers of another shape; names that it lacks are added to it as fields that are not here.
fn renumbered(change: &Change, from: &Shape, to: &mut Shape) -> Change {
    let numbers: Vec<FieldNo> = (0u16..)
        .take(from.fields.len())
        .map(FieldNo)
        .map(|field| field_in(from, field, to).unwrap_or_else(|| add_field(to, from.name_of(field))))
        .collect();
    let number = |field: FieldNo| numbers.get(field.index()).copied().unwrap_or(field);
    let row = |row: &Row| {
        let mut new = Row::default();
        for (place, value) in (0u16..).zip(&row.0) {
            if value.is_stated() {
                new.set(number(FieldNo(place)), value.clone());
            }
        }
        new
    };
    let image = |image: &Image| {
        let mut new = Image { born: image.born, row: row(&image.row), stamps: Vec::new() };
        for (place, stamp) in (0u16..).zip(&image.stamps) {
            if stamp.is_some() {
                new.set_stamp(number(FieldNo(place)), *stamp);
            }
        }
        new
    };
    let mut fields: Vec<FieldNo> = change.fields.iter().map(|field| number(*field)).collect();
    fields.sort_unstable();
    Change {
        table: to.number,
        key: change.key.clone(),
        before: change.before.as_ref().map(image),
        after: change.after.as_ref().map(image),
        fields,
        whole: change.whole,
        shared: change.shared.as_ref().map(row),
        aliases: change.aliases.clone(),
        meant: change.meant.iter().map(|meant| Meant { field: number(meant.field), ..*meant }).collect(),
    }
}
