//! By which numbers are names kept that have no place here? A block of a packet read so that nothing of it is lost, and parked changes
//! moved to the numbers they get when their place is made.

use std::collections::BTreeMap;

use super::parked::split;
use super::vocabulary::Words;
use super::{Result, Session, from_child, from_parent};
use crate::ledger::Parked;
use crate::model::{Change, Field, FieldNo, Image, Key, KeyKind, Meant, Past, Row, Shape, SiteName, SiteNo, TableNo};
use crate::packet::{Block, Vocabulary};

/// Names of one block, some of which have no place here, with the numbers they are parked under.
pub(super) struct Foreign<'s> {
    words: Words<'s>,
    /// As if everything that the block names were here.
    shape: Shape,
    /// What is here of it.
    here: Shape,
}

impl Vocabulary for Foreign<'_> {
    fn shape(&self, _: TableNo) -> &Shape {
        &self.shape
    }

    fn table(&self, _: &str) -> Option<TableNo> {
        Some(self.shape.number)
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
    pub(super) fn of(session: &'s Session, block: &Block) -> Result<Self> {
        let ledger = &session.ledger;
        let words = Words(session);
        let all = ledger.shapes_ever()?;
        let live = words.table(block.table()).map(|number| session.shape(number)).filter(|shape| has_key(shape, block.key()));
        let live = live.and_then(|shape| all.iter().find(|one| one.number == shape.number)).cloned();
        let gone = || all.iter().rev().find(|shape| shape.past.gone && shape.name == block.table() && has_key(shape, block.key())).cloned();
        let number = TableNo(u32::try_from(all.len()).expect("SQLite has fewer tables"));
        let mut here = live.or_else(gone).unwrap_or_else(|| phantom(number, block));
        let before = all.iter().find(|shape| shape.number == here.number);
        for name in block.fields().iter().chain(block.stated()) {
            if here.field_ever(name).is_none() {
                here.fields.push(Field { name: name.clone(), dropped: true });
            }
        }
        if before != Some(&here) {
            ledger.put_shape(&here, session.rank(here.number))?;
        }
        let mut shape = here.clone();
        for name in block.key().iter().chain(block.fields()).chain(block.stated()) {
            if let Some(field) = here.field_ever(name) {
                shape.fields[field.index()].dropped = false;
            }
        }
        Ok(Self { words, shape, here })
    }

    /// The parts of a decoded change: what has its place here, and what is to be parked.
    pub(super) fn split(&self, change: Change) -> (Option<Change>, Option<Change>) {
        split(&self.here, change)
    }
}

/// A table that only a neighbour has.
fn phantom(number: TableNo, block: &Block) -> Shape {
    let fields: Vec<Field> = block.key().iter().map(|name| Field { name: name.clone(), dropped: true }).collect();
    Shape {
        number,
        name: block.table().to_owned(),
        key: (0u16..).take(fields.len()).map(FieldNo).collect(),
        fields,
        key_kind: KeyKind::Natural,
        references: Vec::new(),
        uniques: Vec::new(),
        without_rowid: false,
        numbers: Vec::new(),
        identity_fields: Vec::new(),
        past: Past { gone: true, ..Past::default() },
    }
}

fn has_key(shape: &Shape, names: &[String]) -> bool {
    shape.key.len() == names.len() && names.iter().zip(&shape.key).all(|(name, field)| shape.field_ever(name) == Some(*field))
}

/// Moves what is parked for the table, under this number or another one, to the numbers of its new shape.
pub(super) fn gather(session: &Session, new: &Shape, before: &BTreeMap<TableNo, Shape>) -> Result<()> {
    let ledger = &session.ledger;
    let mut shape = new.clone();
    let is_source = |old: &&Shape| old.number == new.number || (old.past.gone && old.name == new.name);
    let mut found: BTreeMap<(SiteNo, Key), Vec<Parked>> = BTreeMap::new();
    for old in before.values().filter(is_source) {
        let names: Vec<String> = old.key.iter().map(|field| old.name_of(*field).to_owned()).collect();
        if !has_key(new, &names) {
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

/// A change in the numbers of another shape; names that it lacks are added to it as fields that are not here.
fn renumbered(change: &Change, from: &Shape, to: &mut Shape) -> Change {
    let numbers: Vec<FieldNo> = from
        .fields
        .iter()
        .map(|field| {
            to.field_ever(&field.name).unwrap_or_else(|| {
                to.fields.push(Field { name: field.name.clone(), dropped: true });
                FieldNo(u16::try_from(to.fields.len() - 1).unwrap_or(u16::MAX))
            })
        })
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
