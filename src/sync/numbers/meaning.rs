//! From handed-out numbers to the records they mean, and back.
//!
//! Three ways to name a record that a row refers to: its **number**, in the database and its mirror; its **incarnation**, in
//! packets; its **stand-in** ([`crate::model::stand_in`]), everywhere else in here: in what is decided, in the journal, in what
//! a neighbour is believed to hold, in what is held. Stand-ins stay when numbers change, so a number that moves is
//! nobody's edit: only database and mirror are rewritten (`renumber`).
//!
//! | way | from | to |
//! |---|---|---|
//! | [`Session::load`] | number | stand-in |
//! | [`Session::numbered`] | stand-in | number |
//! | [`Session::inward`] | number and incarnation, of the sender | stand-in |
//! | [`Outward`] | stand-in | number and incarnation, ours |
//!
//! A number that no record has now means the record that had it when it ended. One that never was anybody's stays a number.
//! A record that was only ever heard of has a row in the ledger too: what refers to it waits for it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::ledger::{Entry, EntryKind, Former, Ledger, MadeAs, NeighbourKind, Record};
use crate::model::{
    Born, Change, FieldNo, Identity, Key, Meant, NumberField, Row, Shape, Side, SiteNo, TableNo, Value, stand_in, stands_for,
};
use crate::sync::known::{self, Link};
use crate::sync::papers;
use crate::sync::{Result, Session, SyncError};

/// Records that children made under numbers that are others here, by table and number: of children that did not know yet, when they built what
/// we take now, which fields hold numbers of records.
#[derive(Debug)]
pub(in crate::sync) struct MadeByChildren(BTreeMap<SiteNo, BTreeMap<(TableNo, i64), i64>>);

impl MadeByChildren {
    fn of(session: &Session) -> Result<Self> {
        let mut all = BTreeMap::new();
        for child in session.ledger.neighbours()?.iter().filter(|neighbour| neighbour.kind == NeighbourKind::Child) {
            if !papers::knows_references(session, child)? {
                all.insert(child.site, BTreeMap::new());
            }
        }
        if !all.is_empty() {
            session.ledger.exceptional(&mut |record| {
                for (site, made_as) in &record.extra.made_as {
                    let of_child = all.get_mut(site).zip(record.id);
                    of_child.map(|(of_child, id)| of_child.insert((record.table, made_as.number), id));
                }
                Ok(())
            })?;
        }
        Ok(Self(all))
    }
}

/// Records remembered while building: bounds memory, costs only time.
const REMEMBERED: usize = 100_000;

/// The key of a table with handed-out numbers.
pub(in crate::sync) fn number_key(number: i64) -> Key {
    Key::new([&Value::Integer(number)]).unwrap_or_else(|_| unreachable!("an integer is a key"))
}

/// The record that a table's number means.
pub(in crate::sync) fn id_of_number(ledger: &Ledger, table: TableNo, number: i64) -> Result<Option<i64>> {
    if let Some(id) = ledger.id_at(table, &number_key(number))? {
        return Ok(Some(id));
    }
    Ok(ledger.ended_under(table, number)?)
}

fn mean(ledger: &Ledger, shape: &Shape, row: &mut Row) -> Result<()> {
    replace(shape, row, Fields::All, &mut |_, _, table, number| Ok(id_of_number(ledger, table, number)?.map_or(number, stand_in)))
}

/// Puts stand-ins into a row that has numbers, but for one that was nobody's until now.
pub(in crate::sync) fn meaning_but(ledger: &Ledger, shape: &Shape, row: &mut Row, nobodys: (TableNo, i64)) -> Result<()> {
    replace(shape, row, Fields::All, &mut |_, _, table, number| {
        let id = if (table, number) == nobodys { None } else { id_of_number(ledger, table, number)? };
        Ok(id.map_or(number, stand_in))
    })
}

/// The key by meaning of a row with numbers.
pub(in crate::sync) fn meaning_key(ledger: &Ledger, shape: &Shape, mut row: Row) -> Result<Key> {
    mean(ledger, shape, &mut row)?;
    shape.key_of(&row).map_err(|_| SyncError::Bug("a record without a key is not tracked"))
}

impl Session {
    /// The number of a record here; the last one where it is no more, none where it never had one.
    pub(in crate::sync) fn number_of_id(&self, id: i64) -> Result<Option<i64>> {
        let Some((table, key, place)) = self.ledger.names(id)? else { return Ok(None) };
        if let Some(place) = place {
            return Ok(place.as_integer());
        }
        if let Some(born) = key.birth()
            && let Some(root) = Some(self.ledger.root(born)?).filter(|root| *root != born)
            && let Some((_, _, Some(place))) =
                self.ledger.id_of(table, &Key::of_birth(root))?.map(|id| self.ledger.names(id)).transpose()?.flatten()
        {
            return Ok(place.as_integer());
        }
        Ok(self.ledger.last_number(id)?)
    }

    /// The record that a table's number means here.
    pub(in crate::sync) fn id_of_number(&self, table: TableNo, number: i64) -> Result<Option<i64>> {
        id_of_number(&self.ledger, table, number)
    }

    /// Puts stand-ins into a row that has numbers.
    pub(in crate::sync) fn mean(&self, shape: &Shape, row: &mut Row) -> Result<()> {
        mean(&self.ledger, shape, row)
    }

    /// A row with numbers instead of stand-ins.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn numbered(&self, shape: &Shape, row: &Row) -> Result<Row> {
        let mut row = row.clone();
        unfold(shape, &mut row, &mut |_, _, _, number| self.number_for(number))?;
        Ok(row)
    }

    /// As [`Self::numbered`], for people: a record that never was here goes by the number that it has where it was made.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn shown_row(&self, shape: &Shape, row: &Row) -> Result<Row> {
        let mut row = row.clone();
        unfold(shape, &mut row, &mut |_, _, _, number| {
            let Some(id) = stands_for(number) else { return Ok(number) };
            match self.number_of_id(id)? {
                Some(number) => Ok(number),
                None => self.foreign_number(id),
            }
        })?;
        Ok(row)
    }

    /// The number that a record without one here has at its site: of one that waits, or was refused. 0 where nobody knows.
    fn foreign_number(&self, id: i64) -> Result<i64> {
        Ok(self.shown_key(&self.load_id(id)?)?.as_integer().unwrap_or_default())
    }

    /// A row with numbers in fields that are nothing but a number: what the other fields are is read with their help.
    pub(in crate::sync) fn half_numbered(&self, shape: &Shape, row: &Row) -> Result<Row> {
        let mut row = row.clone();
        replace(shape, &mut row, Fields::Plain, &mut |_, _, _, number| self.number_for(number))?;
        Ok(row)
    }

    fn number_for(&self, number: i64) -> Result<i64> {
        match stands_for(number) {
            Some(id) => Ok(self.number_of_id(id)?.unwrap_or_default()),
            None => Ok(number),
        }
    }

    /// The record of a key, with stand-ins.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn load(&self, table: TableNo, key: &Key) -> Result<Record> {
        self.lifted(self.ledger.load(table, key)?)
    }

    /// The record of a ledger row, with stand-ins.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn load_id(&self, id: i64) -> Result<Record> {
        self.lifted(self.ledger.load_id(id)?)
    }

    /// The record that the database has under a key, with stand-ins.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn load_at(&self, shape: &Shape, place: &Key) -> Result<Record> {
        self.lifted(self.ledger.load_at(shape, place)?)
    }

    fn lifted(&self, mut record: Record) -> Result<Record> {
        if let Some(image) = &mut record.current {
            self.mean(self.shape(record.table), &mut image.row)?;
        }
        Ok(record)
    }

    /// A record ended: the database has it under no key any more.
    pub(in crate::sync) fn vacate(&self, record: &mut Record) -> Result<()> {
        let Some(place) = record.place.take() else { return Ok(()) };
        self.ledger.store_names(record)?;
        if let (Identity::Birth, Some(number), Some(id)) = (self.shape(record.table).identity(), place.as_integer(), record.id) {
            let time = self.world.now();
            self.ledger.add_former(&Former { table: record.table, number, record: id, became: None, told: false, time })?;
        }
        Ok(())
    }

    /// The key that a record goes by in the ledger, given its row with stand-ins. For tables where it is not its incarnation.
    pub(in crate::sync) fn key_by_meaning(&self, shape: &Shape, row: &Row) -> Result<Key> {
        shape.key_of(row).map_err(|_| SyncError::Bug("a record without a key is not tracked"))
    }

    /// The key under which the database has, or would have, a record: none where it has no number yet.
    pub(in crate::sync) fn place(&self, record: &Record) -> Result<Option<Key>> {
        let shape = self.shape(record.table);
        match shape.identity() {
            Identity::Key => Ok(Some(record.key.clone())),
            Identity::Birth => Ok(record.place.clone()),
            Identity::Meaning if record.place.is_some() || record.key.is_birth() => Ok(record.place.clone()),
            Identity::Meaning => self.place_by_meaning(shape, &record.key),
        }
    }

    fn place_by_meaning(&self, shape: &Shape, key: &Key) -> Result<Option<Key>> {
        let row = self.numbered(shape, &key_row(shape, key)?)?;
        Ok(shape.key_of(&row).ok())
    }

    /// The key of a record as people know it: in the database, else as it was there last, else as it would be, else as it was refused.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn shown_key(&self, record: &Record) -> Result<Key> {
        let shape = self.shape(record.table);
        if shape.identity() == Identity::Meaning && record.place.is_none() && !record.key.is_birth() {
            let row = self.shown_row(shape, &key_row(shape, &record.key)?)?;
            return Ok(shape.key_of(&row).unwrap_or_else(|_| record.key.clone()));
        }
        if let Some(place) = self.place(record)? {
            return Ok(place);
        }
        if let Some(id) = record.id
            && let Some(number) = self.ledger.known_number(id)?
        {
            return Ok(number_key(number));
        }
        let waiting = record.extra.held.values().find_map(|held| held.change.after.clone());
        let refused = || Ok::<_, SyncError>(self.ledger.former(record)?.into_iter().next());
        let image = waiting.map_or_else(refused, |image| Ok(Some(image)))?;
        let row = image.map(|image| self.numbered(shape, &image.row)).transpose()?;
        let key = row.and_then(|row| shape.key_of(&row).ok());
        Ok(key.unwrap_or_else(|| record.key.clone()))
    }

    /// The key that an incarnation goes by here: its own, or that of the one that absorbed it.
    pub(in crate::sync) fn key_of_born(&self, table: TableNo, born: Born) -> Result<Key> {
        let root = self.ledger.root(born)?;
        let own = Key::of_birth(born);
        if root == born {
            return Ok(own);
        }
        let there = |key: &Key| -> Result<bool> { Ok(self.ledger.load(table, key)?.current.is_some()) };
        let root = Key::of_birth(root);
        Ok(if !there(&root)? && there(&own)? { own } else { root })
    }

    /// The ledger's row of an incarnation; a record that was never met gets one.
    pub(super) fn id_of_born(&self, table: TableNo, born: Born) -> Result<i64> {
        let key = self.key_of_born(table, born)?;
        match self.ledger.id_of(table, &key)? {
            Some(id) => Ok(id),
            None => Ok(self.ledger.anchor(&mut Record::unmet(table, &key))?),
        }
    }

    /// A change as a packet has it, in this home's words: stand-ins for numbers, and the key that the record goes by here.
    /// What a field that has no place here means stays said beside it, so that this can be done again when it has one.
    /// A child that did not know yet that a field holds numbers says nothing beside it: there it means the record that we told it.
    pub(in crate::sync) fn inward(&self, mut change: Change, from: Link) -> Result<Change> {
        let born = change.after.as_ref().or(change.before.as_ref()).map(|image| image.born);
        let Some(shape) = self.shapes.iter().find(|shape| shape.number == change.table) else {
            // Of a table that is not here the numbers of two records can meet in one key, one after the other.
            if let (Some(born), Some(_)) = (born, change.key.as_integer()) {
                change.key = Key::of_birth(born);
            }
            return Ok(change);
        };
        let meant = std::mem::take(&mut change.meant);
        if !shape.numbers.is_empty() {
            for (side, row) in change.rows() {
                self.mean_by(shape, row, side, &meant, from)?;
            }
        }
        match shape.identity() {
            Identity::Key if change.key.is_birth() => {
                let image = change.after.as_ref().or(change.before.as_ref());
                change.key = image.and_then(|image| shape.key_of(&image.row).ok()).ok_or(SyncError::BadPart("changes"))?;
            }
            Identity::Key => {}
            Identity::Birth => {
                let own = meant.iter().find(|meant| meant.side == Side::Key).map(|meant| meant.born);
                match born.or(own) {
                    // Where the parent has no such record any more because it went into another one, that one is meant with no word.
                    Some(born) if change.after.is_none() && from.kind == NeighbourKind::Parent => change.key = Key::of_birth(born),
                    Some(born) => change.key = self.key_of_born(change.table, born)?,
                    None if change.key.is_birth() => {}
                    None => return Err(SyncError::BadPart("changes")),
                }
            }
            Identity::Meaning => {
                let mut row = if change.key.is_birth() {
                    let image = change.after.as_ref().or(change.before.as_ref());
                    image.map(|image| image.row.clone()).unwrap_or_default()
                } else {
                    key_row(shape, &change.key)?
                };
                self.mean_by(shape, &mut row, Side::Key, &meant, from)?;
                change.key = self.key_by_meaning(shape, &row)?;
            }
        }
        let settled = |meant: &Meant| meant.side == Side::Key || shape.numbers.iter().any(|numbers| numbers.field == meant.field);
        change.meant = meant.into_iter().filter(|meant| !settled(meant)).collect();
        Ok(change)
    }

    pub(super) fn mean_by(&self, shape: &Shape, row: &mut Row, side: Side, meant: &[Meant], from: Link) -> Result<()> {
        replace(shape, row, Fields::All, &mut |field, at, table, number| {
            let found = meant.iter().find(|meant| (meant.side, meant.field, meant.at) == (side, field, at));
            match found {
                Some(meant) => Ok(stand_in(self.id_of_born(table, meant.born)?)),
                None => Ok(self.record_at_child(table, number, from)?.map_or(number, stand_in)),
            }
        })
    }

    /// A held change of a child that did not know yet that a field holds numbers: who had the number there may have come since. A key stays.
    pub(in crate::sync) fn mean_since(&self, mut change: Change, from: Link) -> Result<Change> {
        let Some(shape) = self.shapes.iter().find(|shape| shape.number == change.table && !shape.numbers.is_empty()) else {
            return Ok(change);
        };
        for (_, row) in change.rows() {
            replace(shape, row, Fields::All, &mut |field, _, table, number| {
                let known = stands_for(number).is_some() || shape.is_key(field);
                let meant = if known { None } else { self.record_at_child(table, number, from)? };
                Ok(meant.map_or(number, stand_in))
            })?;
        }
        Ok(change)
    }

    /// The record that a child has under a number: one that it was told, or one of its own, of whose number here it has not heard yet.
    fn record_at_child(&self, table: TableNo, number: i64, child: Link) -> Result<Option<i64>> {
        if child.kind != NeighbourKind::Child {
            return Ok(None);
        }
        match self.told_as(table, number, child)? {
            Some(id) => Ok(Some(id)),
            None => self.made_as(table, number, child.site),
        }
    }

    /// The record that a child made under a number, as far as it could not say so because it did not know that the field holds numbers.
    fn made_as(&self, table: TableNo, number: i64, child: SiteNo) -> Result<Option<i64>> {
        let mut made = self.made_as.borrow_mut();
        let made = match &mut *made {
            Some(made) => made,
            none @ None => none.insert(MadeByChildren::of(self)?),
        };
        let Some(of_child) = made.0.get(&child) else { return Ok(None) };
        if let Some(id) = of_child.get(&(table, number)) {
            return Ok(Some(*id));
        }
        let Some(id) = self.ledger.id_at(table, &number_key(number))? else { return Ok(None) };
        let record = self.ledger.load_id(id)?;
        // Taken as it came it has the number here that it has there.
        let begins = |entry: &Entry| matches!(entry.kind, EntryKind::Insert | EntryKind::Replace(_) | EntryKind::Delete(_));
        let began = self.ledger.latest_entry(&record, begins)?;
        let is_its_own = began.is_some_and(|began| began.known_to == Some(child) && !matches!(began.kind, EntryKind::Delete(_)));
        Ok((is_its_own && !record.extra.made_as.contains_key(&child)).then_some(id))
    }

    /// Keeps under which number a child made a record that comes.
    pub(in crate::sync) fn note_made_as(&self, record: &mut Record, change: &Change, child: SiteNo) {
        let own = self.shape(record.table).number_field();
        let (Some(own), Some(after)) = (own, &change.after) else { return };
        let begins = change.whole || change.before.as_ref().is_none_or(|before| before.born != after.born);
        if let (true, Value::Integer(number)) = (begins, after.row.get(own)) {
            record.extra.made_as.insert(child, MadeAs { number: *number, told: None });
        }
    }

    /// Forgets that where the number is no other one here; else the record is known by it from now on.
    pub(in crate::sync) fn settle_made_as(&self, record: &mut Record, child: SiteNo) -> Result<()> {
        let Some(made_as) = record.extra.made_as.get(&child).copied() else { return Ok(()) };
        if record.place.as_ref().and_then(Key::as_integer) == Some(made_as.number) {
            record.extra.made_as.remove(&child);
            return Ok(());
        }
        let id = self.ledger.anchor(record)?;
        if let Some(of_child) = self.made_as.borrow_mut().as_mut().and_then(|made| made.0.get_mut(&child)) {
            of_child.insert((record.table, made_as.number), id);
        }
        Ok(())
    }

    /// The record that a child has under a number since it took all we told it.
    fn told_as(&self, table: TableNo, number: i64, child: Link) -> Result<Option<i64>> {
        if child.fresh {
            return Ok(None);
        }
        let Some(id) = self.ledger.id_at(table, &number_key(number))? else { return Ok(None) };
        let settled = self.ledger.neighbour(child.site)?.settled_there;
        let Some(heard) = known::heard(&self.ledger, child.site, settled)? else { return Ok(None) };
        let record = self.ledger.load_id(id)?;
        let own = self.shape(table).number_field();
        let later = self.ledger.chain(&record, heard)?;
        let numbered_later = later.iter().any(|entry| match &entry.kind {
            EntryKind::Insert | EntryKind::Delete(_) | EntryKind::Replace(_) => true,
            EntryKind::Update(_, fields) => own.is_some_and(|own| fields.contains(&own)),
            EntryKind::Rename(_) => false,
        });
        Ok((record.current.is_some() && !numbered_later).then_some(id))
    }
}

/// A row of nothing but the key.
pub(in crate::sync) fn key_row(shape: &Shape, key: &Key) -> Result<Row> {
    let values = key.values().map_err(|_| SyncError::Bug("a key that was stored does not read"))?;
    let mut row = Row::default();
    shape.key.iter().zip(values).for_each(|(field, value)| row.set(*field, value));
    Ok(row)
}

/// What stands in for a number, or the other way round: field, place in the value, table, number.
type With<'w> = dyn FnMut(FieldNo, u16, TableNo, i64) -> Result<i64> + 'w;

/// Which fields of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    All,
    /// Those that are nothing but a number.
    Plain,
    /// Those that are more.
    Others,
}

/// Replaces stand-ins by numbers: first in plain fields, for one of them can say what a number in another field means.
fn unfold(shape: &Shape, row: &mut Row, with: &mut With<'_>) -> Result<()> {
    replace(shape, row, Fields::Plain, with)?;
    replace(shape, row, Fields::Others, with)
}

/// Replaces every number of other records in a row, all at once.
fn replace(shape: &Shape, row: &mut Row, fields: Fields, with: &mut With<'_>) -> Result<()> {
    let mut new = Vec::new();
    let asked = |numbers: &&NumberField| fields == Fields::All || (fields == Fields::Plain) == numbers.table().is_some();
    for numbers in shape.numbers.iter().filter(asked) {
        let mut failed = None;
        let mut at = 0;
        let value = numbers.replaced(row, &mut |table, number| {
            let replaced = with(numbers.field, at, table, number);
            at += 1;
            replaced.unwrap_or_else(|error| {
                failed.get_or_insert(error);
                number
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        new.extend(value.map(|value| (numbers.field, value)));
    }
    new.into_iter().for_each(|(field, value)| row.set(field, value));
    Ok(())
}

/// Replaces every number of other records in a row, by table and number.
pub(in crate::sync) fn replace_numbers(shape: &Shape, row: &mut Row, with: &mut dyn FnMut(TableNo, i64) -> Result<i64>) -> Result<()> {
    replace(shape, row, Fields::All, &mut |_, _, table, number| with(table, number))
}

/// Makes changes ready for a packet, and remembers records that many others refer to.
#[derive(Default)]
pub(in crate::sync) struct Outward {
    known: RefCell<HashMap<i64, (i64, Option<Born>)>>,
}

impl Outward {
    /// The change of a record as a packet has it: our numbers, and whom they mean.
    pub(in crate::sync) fn change(&self, session: &Session, record: &Record, mut change: Change) -> Result<Change> {
        let shape = session.shape(change.table);
        let mut meant = Vec::new();
        let absent = change.before.is_none() && change.after.is_none();
        change.key = match shape.identity() {
            Identity::Key => change.key,
            Identity::Birth => {
                if let (true, Some(field), Some(born)) = (absent, shape.number_field(), record.key.birth()) {
                    meant.push(Meant { side: Side::Key, field, at: 0, born });
                }
                let told = change.before.as_ref().and_then(|image| Some((shape.number_field()?, &image.row)));
                let told = told.and_then(|(field, row)| Key::new([row.get(field)]).ok());
                match (&record.place, told) {
                    (Some(place), _) => place.clone(),
                    (None, Some(told)) => told,
                    (None, None) => session.shown_key(record)?,
                }
            }
            Identity::Meaning => {
                let mut row = key_row(shape, &change.key)?;
                self.say(session, shape, &mut row, Side::Key, &mut meant)?;
                session.key_by_meaning(shape, &row)?
            }
        };
        if change.key.is_birth() {
            // It never had a number anywhere we know of; whoever reads this goes by the incarnation.
            change.key = number_key(0);
        }
        if !shape.numbers.is_empty() {
            let sides = [
                (Side::Old, change.before.as_mut().map(|image| &mut image.row)),
                (Side::New, change.after.as_mut().map(|image| &mut image.row)),
                (Side::Shared, change.shared.as_mut()),
            ];
            for (side, row) in sides {
                let Some(row) = row else { continue };
                self.say(session, shape, row, side, &mut meant)?;
            }
        }
        meant.sort_unstable();
        change.meant = meant;
        Ok(change)
    }

    fn say(&self, session: &Session, shape: &Shape, row: &mut Row, side: Side, meant: &mut Vec<Meant>) -> Result<()> {
        unfold(shape, row, &mut |field, at, _, number| {
            let Some(id) = stands_for(number) else { return Ok(number) };
            let (number, born) = self.known(session, id)?;
            meant.extend(born.map(|born| Meant { side, field, at, born }));
            Ok(number)
        })
    }

    fn known(&self, session: &Session, id: i64) -> Result<(i64, Option<Born>)> {
        if let Some(known) = self.known.borrow().get(&id) {
            return Ok(*known);
        }
        let number = session.number_of_id(id)?.unwrap_or_default();
        let born = session.ledger.names(id)?.and_then(|(_, key, _)| key.birth());
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(id, (number, born));
        Ok((number, born))
    }
}
