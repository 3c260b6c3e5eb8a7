//! How does a record get its number, and how does it change it?
//!
//! A number is the parent's to give (`DESIGN` section 5, "Keys"). Where a child inserts a record its number is
//! **provisional**: the parent takes the record under that number where it is free there, under the next free one where it
//! is not, and always tells which. The child then moves its record, in the transaction that applies the parent's word, with
//! every reference to it. Whoever stands in the way there moves to a provisional number and will be told another. So the parent's
//! word on numbers always wins, and nothing is asked of pending edits: a number is nobody's edit.
//!
//! **Invariant**: after each step here every reference in the database leads to the record it led to before, and no two
//! records had to share a number. A number that a record gave up is remembered and given to nobody again by us.
//!
//! What refers to a record that is no more goes on meaning it: it follows where the record comes back under another number, and goes to a number
//! of its own where the parent gives the one on which it dangles to another record.
//!
//! An AUTOINCREMENT table below the host hands out numbers of a [`Zone`]: one for each level of the tree. A record that comes from below with a
//! number of a lower level's zone gets one of our own, so no site ever has a number that another one on its level, or below, hands out too: there a
//! number that was shown to somebody can vanish, but it never comes to mean another record. Deeper than [`LEVELS`] all share the last zone.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::meaning::number_key;
use crate::database::Written;
use crate::ledger::{CauseKind, EntryKind, Former, MadeAs, NeighbourKind, Opinion, Record};
use crate::model::{Change, FieldNo, Identity, Image, Key, Millis, NumberForm, Row, Shape, SiteName, SiteNo, TableNo, Value, stands_for};
use crate::site::Role;
use crate::sync::apply::Applying;
use crate::sync::known;
use crate::sync::roster;
use crate::sync::seal::Sealing;
use crate::sync::{Result, Session, SyncError};

/// Where provisional numbers of AUTOINCREMENT tables begin: far above what people reach, and still 32 bits with half a
/// milliard to go.
pub const ZONE: i64 = 1_500_000_000;
/// Numbers of a zone.
const ZONE_NUMBERS: i64 = 100_000_000;
/// Numbers that a table gives out in no time.
const FAR: i64 = 1_000_000;
/// Levels below the host that have a zone of their own.
const LEVELS: i64 = 6;

/// The numbers that AUTOINCREMENT tables hand out at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Zone {
    /// The first.
    from: i64,
    /// The first that only sites below hand out.
    until: i64,
}

impl Zone {
    /// `level`: how many sites are above.
    fn of(level: i64) -> Self {
        let first = |level: i64| ZONE + (level - 1) * ZONE_NUMBERS;
        match level {
            0 => Self { from: 1, until: ZONE },
            level if level < LEVELS => Self { from: first(level), until: first(level + 1) },
            _ => Self { from: first(LEVELS), until: i64::MAX },
        }
    }
}

/// A record that has another number than it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renumbered {
    /// Its table.
    pub table: String,
    /// The number it had before all this.
    pub from: i64,
    /// The number it has now.
    pub to: i64,
    /// Whether that is the parent's word; else the parent has yet to say.
    pub told: bool,
    /// Whether the number it had is another record's now.
    pub taken: bool,
    /// When it changed last, by our clock.
    pub time: Millis,
}

/// Records that changed their number since `since` and are still there, in the order of their last change.
///
/// # Errors
/// As the ledger says.
pub fn renumbered(session: &Session, since: Millis) -> Result<Vec<Renumbered>> {
    let mut all: Vec<(i64, Renumbered)> = Vec::new();
    for former in session.ledger.renumbered(since)? {
        let Some(to) = former.became else { continue };
        let before = all.iter().position(|(record, _)| *record == former.record).map(|place| all.remove(place).1);
        let from = before.map_or(former.number, |before| before.from);
        let table = session.shape(former.table).name.clone();
        let taken = session.ledger.id_at(former.table, &number_key(from))?.is_some();
        all.push((former.record, Renumbered { table, from, to, told: former.told, taken, time: former.time }));
    }
    let mut there = Vec::new();
    for (record, renumbered) in all {
        let place = session.ledger.names(record)?.and_then(|(_, _, place)| place);
        if renumbered.from != renumbered.to && place == Some(number_key(renumbered.to)) {
            there.push(renumbered);
        }
    }
    Ok(there)
}

impl Renumbered {
    /// As a sentence has it, for a site with this parent.
    #[must_use]
    pub fn words(&self, parent: Option<&SiteName>, host: &SiteName) -> String {
        let Self { table, from, to, told, taken, .. } = self;
        let now = match (told, parent) {
            (true, Some(parent)) if parent != host => format!("{table} {from} is now {to}, as '{parent}' says"),
            (true, _) => format!("{table} {from} is now {to} everywhere"),
            (false, Some(parent)) => format!("{table} {from} is {to} until '{parent}' says its number"),
            (false, None) => format!("{table} {from} is {to}"),
        };
        if *taken { format!("{now}; {from} is another record now") } else { now }
    }
}

impl Session {
    /// The numbers that AUTOINCREMENT tables hand out here.
    fn zone(&self) -> Result<Zone> {
        if let Some(zone) = self.zone.get() {
            return Ok(*zone);
        }
        let mut level = 0;
        if self.settings.role != Role::Host {
            let roster = roster::known(self)?;
            let above = std::iter::successors(roster.find(self.name()), |site| roster.find(site.parent.as_ref()?));
            level = above.skip(1).take(roster.sites().len()).count().max(1);
        }
        Ok(*self.zone.get_or_init(|| Zone::of(i64::try_from(level).unwrap_or(LEVELS))))
    }

    /// Sees to it that the AUTOINCREMENT tables go on in the zone of this site's level: who joins knows only the parent, and not what is above that;
    /// and a program that makes a table anew, or empties SQLite's list of these numbers, begins again behind the highest one.
    pub(in crate::sync) fn keep_zone(&mut self) -> Result<()> {
        // Who is above may have been told just now.
        self.zone.take();
        self.begin_zone()
    }

    /// Lets the AUTOINCREMENT tables of a child's database go on as the main office's would: nobody says final numbers here from now on. Where that stops before the rest
    /// is done, the next round takes it back. Gives the tables that have records with provisional numbers, which go on behind those.
    pub(in crate::sync) fn leave_zone(&self) -> Result<Vec<String>> {
        let database = self.database()?;
        let (mut sequences, mut provisional) = (BTreeMap::new(), Vec::new());
        if self.settings.role == Role::Host {
            return Ok(provisional);
        }
        let reached = database.sequences()?;
        for shape in self.shapes.iter().filter(|shape| shape.identity() == Identity::Birth) {
            if reached.get(&shape.name).is_none_or(|reached| *reached < ZONE - 1) || !database.is_autoincrement(shape)? {
                continue;
            }
            if database.highest_number(shape, i64::MAX)? >= ZONE {
                provisional.push(shape.name.clone());
                continue;
            }
            // What a table says that has given no number of the zone yet is no number of a record.
            let final_ones = Zone { until: ZONE - 1, ..Zone::of(0) };
            sequences.insert(shape.name.clone(), self.next_in(final_ones, shape, true)? - 1);
        }
        database.restart_sequences(&self.world, &sequences)?;
        Ok(provisional)
    }

    /// Lets the AUTOINCREMENT tables of a child's database hand out provisional numbers.
    pub(in crate::sync) fn begin_zone(&self) -> Result<()> {
        let (database, before) = (self.database()?, self.zone()?.from - 1);
        if self.settings.role == Role::Host {
            return Ok(());
        }
        let reached = database.sequences()?;
        let mut behind = Vec::new();
        for shape in self.shapes.iter().filter(|shape| shape.identity() == Identity::Birth) {
            if reached.get(&shape.name).is_none_or(|reached| *reached < before) && database.is_autoincrement(shape)? {
                behind.push(shape);
            }
        }
        if behind.is_empty() {
            return Ok(());
        }
        database.begin_write()?;
        let raised = behind.into_iter().try_for_each(|shape| database.raise_sequence(shape, before));
        let raised = raised.and_then(|()| database.commit(&self.world));
        if raised.is_err() {
            database.rollback()?;
        }
        Ok(raised?)
    }

    /// Whether a number is a record's, or may be the next one that the database, or a program by chance, gives to a record.
    /// `comes`: the number of one that is about to come.
    pub(in crate::sync) fn is_handed_out(&self, shape: &Shape, number: i64, comes: Option<i64>) -> Result<bool> {
        let is_next = || Ok::<_, SyncError>(comes.is_none_or(|comes| comes <= number) && self.is_next(shape, number)?);
        Ok(number <= 0 || self.ledger.id_at(shape.number, &number_key(number))?.is_some() || is_next()?)
    }

    /// Whether the database gave a number out before, and never does so again: the counter of a child that is in its zone was not reset.
    pub(in crate::sync) fn is_never_handed_out_again(&self, shape: &Shape, number: i64) -> Result<bool> {
        let database = self.database()?;
        Ok(self.settings.role != Role::Host
            && database.is_autoincrement(shape)?
            && database.sequence(shape)? >= number.max(self.zone()?.from - 1))
    }

    /// Whether the database may give a number to the next record, once no record has it.
    pub(in crate::sync) fn is_next(&self, shape: &Shape, number: i64) -> Result<bool> {
        let database = self.database()?;
        if database.is_autoincrement(shape)? {
            return Ok(number >= self.zone()?.from && number > database.sequence(shape)?);
        }
        Ok(database.highest_number(shape, i64::MAX)? <= number)
    }

    /// A row of another site refers to a number that is nobody's: of our zone it is one that vanished there, and no record here is to get it.
    pub(in crate::sync) fn keep_unused(&self, shape: &Shape, number: i64) -> Result<()> {
        let (database, zone) = (self.database()?, self.zone()?);
        let is_ours = self.settings.role != Role::Host && (zone.from..zone.until - FAR).contains(&number);
        if is_ours && database.is_autoincrement(shape)? {
            // One that is far away may be a slip of somebody, and must not use the zone up.
            let reached = database.sequence(shape)?.max(zone.from - 1);
            if reached < number && number <= reached + FAR {
                database.raise_sequence(shape, number)?;
            }
        }
        Ok(())
    }

    /// A number that no record of the table has or had.
    pub(in crate::sync) fn next_number(&self, shape: &Shape) -> Result<i64> {
        let zoned = self.database()?.is_autoincrement(shape)?;
        let zone = if zoned { self.zone()? } else { Zone { from: 1, until: i64::MAX } };
        self.next_in(zone, shape, zoned)
    }

    fn next_in(&self, zone: Zone, shape: &Shape, zoned: bool) -> Result<i64> {
        let database = self.database()?;
        let limit = zone.until;
        let sequence = if zoned { Some(database.sequence(shape)?).filter(|number| *number < limit) } else { None };
        let highest = [
            Some(database.highest_number(shape, limit)?),
            self.ledger.last_place(shape.number, &number_key(limit))?.and_then(|place| place.as_integer()),
            self.ledger.highest_former(shape.number, limit)?,
            sequence,
            Some(zone.from - 1),
        ];
        let mut number = highest.into_iter().flatten().max().unwrap_or_default();
        if number < limit - 1 {
            return Ok(number + 1);
        }
        // Somebody uses the very last number: SQLite itself draws lots then.
        while self.ledger.id_at(shape.number, &number_key(number))?.is_some() {
            number = i64::from_le_bytes(self.world.random()) >> 2 & (i64::MAX >> 2);
        }
        Ok(number)
    }
}

impl Applying<'_> {
    /// Gives a record that is about to be inserted its place: the number it wishes where that is free, else another one.
    /// Where the parent says the number, whoever has it moves.
    pub(in crate::sync) fn take_place(&mut self, record: &mut Record, new: &mut Image) -> Result<()> {
        let session = self.session;
        let shape = session.shape(record.table);
        match (shape.identity(), shape.number_field()) {
            (Identity::Key, _) => return Ok(()),
            (Identity::Birth, Some(own)) => {
                let number = self.choose_number(record, shape, new.row.get(own))?;
                self.follow_back(record, number)?;
                new.row.set(own, Value::Integer(number));
                record.place = Some(number_key(number));
            }
            (Identity::Birth | Identity::Meaning, _) => {
                let place = shape.key_of(&session.numbered(shape, &new.row)?);
                record.place = Some(place.map_err(|_| SyncError::Bug("a record without a key is not tracked"))?);
            }
        }
        Ok(session.ledger.store_names(record)?)
    }

    /// Does something that may turn out to be impossible because a record cannot change its number; then nothing happened,
    /// and these are the database's words.
    pub(in crate::sync) fn try_moving<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<std::result::Result<T, String>> {
        let session = self.session;
        session.database()?.begin_attempt()?;
        let attempt = session.ledger.begin_attempt()?;
        match work(self) {
            Err(error @ SyncError::CannotRenumber { .. }) => {
                session.ledger.undo_attempt(attempt)?;
                session.database()?.undo_attempt()?;
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(error),
            Ok(done) => {
                session.ledger.keep_attempt(attempt)?;
                session.database()?.keep_attempt()?;
                Ok(Ok(done))
            }
        }
    }

    fn choose_number(&mut self, record: &Record, shape: &Shape, wish: &Value) -> Result<i64> {
        let session = self.session;
        if let Some(reserved) = record.place.as_ref().and_then(Key::as_integer) {
            return Ok(reserved);
        }
        let wish = match wish {
            Value::Integer(wish) => Some(*wish),
            Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => None,
        };
        let Some(wish) = wish else { return session.next_number(shape) };
        let place = number_key(wish);
        let occupant = session.ledger.id_at(shape.number, &place)?.filter(|id| Some(*id) != record.id);
        // A record that comes back and that the parent has under this number all the while would never be told another one.
        let of_parent = self.parent_speaks() || self.number_at_parent(record, shape)? == Some(wish);
        // It may have given it to another one since, which is here already.
        let stays = match occupant {
            Some(occupant) if of_parent && !self.parent_speaks() => {
                self.number_at_parent(&session.ledger.load_id(occupant)?, shape)? == Some(wish)
            }
            Some(_) | None => false,
        };
        match occupant {
            Some(occupant) if of_parent && !stays => {
                let aside = session.next_number(shape)?;
                self.move_number(shape.number, occupant, wish, aside, false).map(|()| wish)
            }
            Some(_) => session.next_number(shape),
            None if of_parent => self.clear(shape.number, wish, record.id).map(|()| wish),
            None if self.is_only_provisional(shape, wish)? => session.next_number(shape),
            // What refers to the record that ended under it must not come to mean this one.
            None => match session.ledger.ended_under(shape.number, wish)? {
                Some(ended) if Some(ended) != record.id => session.next_number(shape),
                Some(_) | None => Ok(wish),
            },
        }
    }

    /// A record comes back under a number: what dangles on one that it had follows it.
    fn follow_back(&mut self, record: &Record, number: i64) -> Result<()> {
        let session = self.session;
        let Some(id) = record.id else { return Ok(()) };
        for last in session.ledger.last_numbers(id)? {
            // Else what holds it means somebody else.
            let is_nobodys = session.ledger.id_at(record.table, &number_key(last))?.is_none();
            if last != number && is_nobodys && session.ledger.ended_under(record.table, last)? == Some(id) {
                self.lead_the_gone(record.table, id, last, number, self.parent_speaks())?;
            }
        }
        Ok(())
    }

    /// A record other than the one that ended under a number gets it: what dangles on it goes to a number of its own.
    fn clear(&mut self, table: TableNo, number: i64, whose: Option<i64>) -> Result<()> {
        let session = self.session;
        match session.ledger.ended_under(table, number)? {
            Some(ended) if Some(ended) != whose => {
                let aside = session.next_number(session.shape(table))?;
                self.lead_the_gone(table, ended, number, aside, false).map(drop)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A change of the parent is about to be taken that says which numbers it has for records. Those that ended here go by them too, where they are
    /// nobody's here: what dangles, which only what nobody declared may, does so on one number at all sites. Else a row waits until whoever has the
    /// number was told another. One that is still here has it from now on: of its end, which may come next, no number is told.
    pub(in crate::sync) fn settle_the_gone(&mut self, change: &Change) -> Result<()> {
        let session = self.session;
        let shape = session.shapes.iter().find(|shape| shape.number == change.table);
        let (Some(shape), Some(after)) = (shape, &change.after) else { return Ok(()) };
        if let (Some(own), Identity::Birth) = (shape.number_field(), shape.identity())
            && let (true, Value::Integer(said)) = (change.fields.contains(&own), after.row.get(own))
            && let Some(id) = session.ledger.id_of(shape.number, &session.key_of_born(shape.number, after.born)?)?
            && let (Some((_, _, None)), Some(last)) = (session.ledger.names(id)?, session.ledger.last_number(id)?)
        {
            drop(self.try_moving(|applying| applying.settle_gone(shape.number, id, last, *said))?);
        }
        for (field, table, id, said) in session.records_meant(change)? {
            let is_declared = shape.references.iter().any(|reference| reference.fields.contains(&field));
            let Some((_, _, place)) = session.ledger.names(id)? else { continue };
            if let Some(number) = place.as_ref().and_then(Key::as_integer) {
                // 0: the parent does not have it.
                if number != said && said != 0 {
                    drop(self.try_moving(|applying| applying.settle_on(table, id, number, said))?);
                }
                continue;
            }
            match session.ledger.last_number(id)? {
                Some(_) if is_declared => {}
                Some(last) => drop(self.try_moving(|applying| applying.settle_gone(table, id, last, said))?),
                None => self.note_number_there(id, said)?,
            }
        }
        Ok(())
    }

    fn settle_gone(&mut self, table: TableNo, id: i64, last: i64, said: i64) -> Result<()> {
        let session = self.session;
        let is_its = |number: i64, nobodys: bool| -> Result<bool> {
            let is_its = session.ledger.ended_under(table, number)?.map_or(nobodys, |ended| ended == id);
            Ok(is_its && session.ledger.id_at(table, &number_key(number))?.is_none())
        };
        let has_last = is_its(last, false)?;
        if (has_last && last == said) || !is_its(said, true)? || (has_last && self.lead_the_gone(table, id, last, said, true)?) {
            return Ok(());
        }
        self.note_gone(table, id, said)
    }

    /// Keeps the number that the parent has for a record which was never here: it may come, or be no more.
    fn note_number_there(&self, id: i64, number: i64) -> Result<()> {
        let (Some(parent), mut record) = (self.parent(), self.session.ledger.load_id(id)?) else { return Ok(()) };
        let made_as = MadeAs { number, told: None };
        if record.current.is_none() && record.extra.made_as.insert(parent, made_as) != Some(made_as) {
            self.session.ledger.store_extra(&mut record)?;
        }
        Ok(())
    }

    /// A row of the parent dangles there on what was never here, or waited long enough for what it refers to without a declaration: it may dangle here
    /// on the number that it has there. `declared`: where foreign keys say so, too.
    pub(in crate::sync) fn let_dangle(&self, change: &Change, parent: SiteNo, declared: bool) -> Result<()> {
        let session = self.session;
        let (shape, Some(after)) = (session.shape(change.table), &change.after) else { return Ok(()) };
        let is_declared = |field: FieldNo| shape.references.iter().any(|reference| reference.fields.contains(&field));
        let all = shape.numbers.iter().filter(|numbers| declared || !is_declared(numbers.field));
        for (table, number) in all.flat_map(|numbers| numbers.numbers(&after.row)) {
            let Some(id) = stands_for(number) else { continue };
            let record = session.ledger.load_id(id)?;
            let (None, None, Some(there)) = (&record.place, session.ledger.last_number(id)?, record.extra.made_as.get(&parent)) else {
                continue;
            };
            let is_nobodys = session.id_of_number(table, there.number)?.is_none();
            let number = if is_nobodys { there.number } else { session.next_number(session.shape(table))? };
            self.note_gone(table, id, number)?;
        }
        Ok(())
    }

    /// A record that is no more goes by this number.
    fn note_gone(&self, table: TableNo, id: i64, number: i64) -> Result<()> {
        let session = self.session;
        let (database, shape) = (session.database()?, session.shape(table));
        if database.is_autoincrement(shape)? {
            database.raise_sequence(shape, number)?;
        }
        Ok(session.ledger.add_former(&Former { table, number, record: id, became: None, told: false, time: self.now })?)
    }

    /// What refers to a record that is no more, by a number that is nobody's, refers to it by another one.
    /// Says whether anything does.
    fn lead_the_gone(&mut self, table: TableNo, id: i64, from: i64, to: i64, told: bool) -> Result<bool> {
        let any = self.lead_elsewhere(table, from, to)?;
        if any {
            // People know it by the number that it had, and what dangles means it by this one.
            self.session.ledger.add_former(&Former { table, number: from, record: id, became: Some(to), told, time: self.now })?;
            self.note_gone(table, id, to)?;
            self.tell_where_it_dangles(table, from, to)?;
        }
        Ok(any)
    }

    /// Under which number the parent has a record that is not here.
    fn number_at_parent(&self, record: &Record, shape: &Shape) -> Result<Option<i64>> {
        let parent = self.links.iter().find(|link| link.kind == NeighbourKind::Parent);
        let (Some(parent), Some(own), Some(_)) = (parent, shape.number_field(), record.id) else { return Ok(None) };
        match known::opinion(&self.session.ledger, record, *parent)? {
            Opinion::Known(Some(image)) => match image.row.get(own) {
                Value::Integer(number) => Ok(Some(*number)),
                Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => Ok(None),
            },
            Opinion::Known(None) | Opinion::Unknown => Ok(None),
        }
    }

    /// Whether the host, which gives final numbers, is asked for one that only means something at a child.
    fn is_only_provisional(&self, shape: &Shape, number: i64) -> Result<bool> {
        let session = self.session;
        Ok(number >= ZONE && session.database()?.is_autoincrement(shape)? && number >= session.zone()?.until)
    }

    /// The parent says which number a record has: it gets it here, and whoever has that number gets another one.
    pub(in crate::sync) fn settle_number(&mut self, change: &Change) -> Result<()> {
        let session = self.session;
        let shape = session.shape(change.table);
        let (Some(own), Some(after)) = (shape.number_field(), &change.after) else { return Ok(()) };
        if !change.fields.contains(&own) {
            return Ok(());
        }
        let Value::Integer(wanted) = after.row.get(own) else { return Ok(()) };
        let Some((_, _, Some(place))) =
            session.ledger.id_of(change.table, &change.key)?.map(|id| session.ledger.names(id)).transpose()?.flatten()
        else {
            return Ok(());
        };
        let (Some(number), Some(id)) = (place.as_integer(), session.ledger.id_of(change.table, &change.key)?) else { return Ok(()) };
        if number == *wanted {
            return Ok(session.ledger.tell_former(id, number, self.now)?);
        }
        self.settle_on(change.table, id, number, *wanted)
    }

    /// As the parent says a record has the number `said`, and not the one that it has here.
    fn settle_on(&mut self, table: TableNo, id: i64, number: i64, said: i64) -> Result<()> {
        let session = self.session;
        if let Some(occupant) = session.ledger.id_at(table, &number_key(said))? {
            let aside = session.next_number(session.shape(table))?;
            self.move_number(table, occupant, said, aside, false)?;
        }
        self.move_number(table, id, number, said, true)
    }

    /// Gives a record another number, and every reference to it with it.
    fn move_number(&mut self, table: TableNo, id: i64, from: i64, to: i64, told: bool) -> Result<()> {
        let session = self.session;
        let database = session.database()?;
        self.clear(table, to, Some(id))?;
        self.lead_elsewhere(table, from, to)?;
        let shape = session.shape(table);
        let own = shape.number_field().ok_or(SyncError::Bug("only handed-out numbers move"))?;
        let record = session.ledger.load_id(id)?;
        let born = record.current.as_ref().map(|image| image.born);
        let mut record = self.rewrite(shape, record, own, Value::Integer(to))?;
        if let (Some(born), Some(parent)) = (born, self.parent()) {
            // To the children this is news; towards the parent, whose word it is, it is none.
            let mut old = Image { born, ..Image::default() };
            old.row.set(own, Value::Integer(from));
            session.ledger.append(&mut record, &EntryKind::Update(old, vec![own]), Some(parent), self.cause, None)?;
            session.ledger.store_mirror(&mut record, None)?;
        }
        if database.is_autoincrement(shape)? {
            // SQLite does not count a number that an application gave a record by an update, and would give it to the next one.
            let given_up = Some(from).filter(|from| session.zone().is_ok_and(|zone| *from < zone.until));
            database.raise_sequence(shape, given_up.map_or(to, |from| from.max(to)))?;
        }
        session.ledger.add_former(&Former { table, number: from, record: id, became: Some(to), told, time: self.now })?;
        self.adopt(table, to)
    }

    /// Rewrites every reference to a number. Says whether there are any.
    pub(in crate::sync) fn lead_elsewhere(&mut self, table: TableNo, from: i64, to: i64) -> Result<bool> {
        let session = self.session;
        let database = session.database()?;
        let mut any = false;
        for (name, column) in self.untracked_references(table)?.iter() {
            match database.refer_to(name, column, from, to)? {
                Ok(some) => any |= some,
                Err(message) => {
                    let key = format!("{from}, to which `{name}` refers,");
                    return Err(SyncError::CannotRenumber { table: session.shape(table).name.clone(), key, message });
                }
            }
        }
        for child in &session.shapes {
            for numbers in child.numbers.iter().filter(|numbers| numbers.leads_to(table)) {
                let mut referring: Vec<Record> = Vec::new();
                for place in database.referring_to(child, numbers, table, from)? {
                    referring.push(session.ledger.load_at(child, &place)?);
                }
                // What is taken out of the database for the moment is not found there.
                for (of, key) in self.lifted.keys().filter(|(of, _)| *of == child.number) {
                    referring.push(session.ledger.load(*of, key)?);
                }
                for record in referring {
                    let Some(image) = &record.current else { continue };
                    let other = numbers.replaced(&image.row, &mut |one, number| if (one, number) == (table, from) { to } else { number });
                    let Some(value) = other.filter(|value| value != image.row.get(numbers.field)) else { continue };
                    self.rewrite(child, record, numbers.field, value)?;
                    any = true;
                }
            }
        }
        Ok(any)
    }

    /// As [`untracked_references`], looked for once a slice, in which the schema stays as it is.
    fn untracked_references(&mut self, table: TableNo) -> Result<Rc<[(String, String)]>> {
        if let Some(known) = self.untracked.get(&table) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[(String, String)]> = untracked_references(self.session, table)?.into();
        self.untracked.insert(table, Rc::clone(&found));
        Ok(found)
    }

    /// Writes one field of a record that only changes what it is called: database and mirror move, the journal does not.
    fn rewrite(&mut self, shape: &Shape, mut record: Record, field: FieldNo, value: Value) -> Result<Record> {
        let session = self.session;
        let mut row = Row::default();
        row.set(field, value.clone());
        let lifted = self.lifted.contains_key(&(record.table, record.key.clone()));
        if !lifted {
            match session.database()?.update(shape, record.at(), &[field], &row)? {
                Written::Done => {}
                Written::Refused(refusal) => return Err(self.cannot_move(shape, record.at(), &refusal.message)),
                Written::Missing => return Err(SyncError::Moved { table: shape.name.clone(), key: record.at().to_string() }),
            }
        }
        let Some(image) = &mut record.current else { return Ok(record) };
        image.row.set(field, value);
        if shape.is_key(field) {
            let place = shape.key_of(&image.row).map_err(|_| SyncError::Bug("a record without a key is not tracked"))?;
            record.place = Some(place);
            session.ledger.store_names(&mut record)?;
        }
        if !lifted {
            let row = self.read_back(record.table, &record.at().clone())?;
            if let Some(image) = &mut record.current {
                image.row = row;
            }
        }
        session.ledger.store_mirror(&mut record, None)?;
        Ok(record)
    }

    /// A record has this number from now on: rows that held it before, when it was nobody's, mean that record.
    pub(in crate::sync) fn adopt(&self, table: TableNo, number: i64) -> Result<()> {
        let mut sealing = Sealing::new(self.session, CauseKind::Found);
        sealing.adopt(table, number, self.now)?;
        sealing.finish()
    }

    fn cannot_move(&self, shape: &Shape, key: &Key, message: &str) -> SyncError {
        SyncError::CannotRenumber { table: shape.name.clone(), key: key.to_string(), message: message.to_owned() }
    }

    pub(super) fn parent(&self) -> Option<SiteNo> {
        self.links.iter().find(|link| link.kind == crate::ledger::NeighbourKind::Parent).map(|link| link.site)
    }
}

/// Foreign keys to the numbers of a table in what does not travel: local tables and columns, tables without a key.
pub(in crate::sync) fn untracked_references(session: &Session, table: TableNo) -> Result<Vec<(String, String)>> {
    let field = |name: &str, column: &str| {
        let shape = session.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(name))?;
        Some((shape, shape.live_fields().find(|field| shape.name_of(*field).eq_ignore_ascii_case(column))?))
    };
    let form = |shape: &Shape, field| shape.numbers.iter().find(|numbers| numbers.field == field).map(|numbers| numbers.form.clone());
    // What travels follows by itself.
    let follows = |name: &str, column: &str| field(name, column).is_some_and(|(shape, field)| form(shape, field).is_some());
    let holds_numbers = |name: &str, column: &str| {
        field(name, column).is_some_and(|(shape, field)| match form(shape, field) {
            Some(form) => form == NumberForm::Number { table },
            None => shape.number == table && shape.key == [field],
        })
    };
    let same = |a: &(String, String), b: &(String, String)| a.0.eq_ignore_ascii_case(&b.0) && a.1.eq_ignore_ascii_case(&b.1);
    let mut declared = session.database()?.declared_references()?;
    declared.retain(|(referring, _)| !follows(&referring.0, &referring.1));
    let mut found: Vec<(String, String)> = Vec::new();
    // By way of other tables too: each time one more step away.
    loop {
        let (leading, others): (Vec<_>, Vec<_>) = declared
            .into_iter()
            .partition(|(_, referred)| holds_numbers(&referred.0, &referred.1) || found.iter().any(|known| same(known, referred)));
        let before = found.len();
        for (referring, _) in leading {
            if !found.iter().any(|known| same(known, &referring)) {
                found.push(referring);
            }
        }
        if found.len() == before {
            break;
        }
        declared = others;
    }
    Ok(found)
}
