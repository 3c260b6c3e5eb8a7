//! What did the state know when a backup of the database was made: whose row was which, and what was in it?
//!
//! The database says how far the ledger was ([`Reached`]). What the journal and the numbers that records gave up say beyond that is undone, and gives
//! every record as it was: the backup differs from that only by what its log notes and the state had not sealed, and by what was done in it since it
//! was put back.
//!
//! | what is known | a record was | under a number was |
//! |---|---|---|
//! | how far the ledger was, and every entry since | what the journal gives back | the record that had it last before it gave it up, else the one that has it |
//! | the same, but older entries were forgotten | any of the states that are remembered | likewise |
//! | nothing: a backup of before this was kept | any of the states that are remembered | the record that has it now |
//!
//! A record that was made in the database before the backup, and sealed after it, had nobody's number then, as far as the ledger goes: where the log
//! notes one, it is the first of this site's own that got the number afterwards.
//!
//! **Invariant**: nothing is written here.

use std::collections::{BTreeMap, BTreeSet};

use super::schema;
use crate::database::{Database, Note, NoteKind, Reached};
use crate::ledger::{CauseKind, EntryKind, Former, Record};
use crate::model::{FieldNo, Identity, Image, JournalNumber, Key, Millis, Row, Shape, SiteNo, TableNo, stand_in};
use crate::sync::noticed::SealedNotes;
use crate::sync::numbers::meaning::{key_row, number_key, replace_numbers};
use crate::sync::{Result, Session, SyncError};

/// Records read at a stretch.
const CHUNK: usize = 2_000;

/// Notes read per table.
const NOTES: usize = 1_000_000;

/// What a restored table's log tells that the ledger had not sealed when the backup was made.
///
/// The notes that the state sealed since were in the backup, and say nothing: the mirror is what came of them. All others are of after it was put
/// back, or were never sealed, and are edits. Which is which the ledger knows from what it sealed first after each seal. Where it does not any more,
/// a note's number tells more than its time: above what was sealed last it was never sealed; up to that, and with a time that is not after the
/// last thing which the state knows of, it was sealed, and all before it too. A record's end has no time: where it may be either it says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// Keys noted since the database was put back, or never sealed.
    pub edited: BTreeSet<Key>,
    /// Those of them under which a record came.
    pub made: BTreeSet<Key>,
    /// Keys of which what the backup holds was sealed since, or is on the way to what was: with the time of the last note of that.
    pub before: BTreeMap<Key, Option<Millis>>,
    /// Those of them under which a record came.
    pub made_before: BTreeSet<Key>,
    /// Those of them under which one came after another one had ended.
    pub reborn: BTreeSet<Key>,
    /// Keys of records that went, whenever that was: a record that is put in the place of another one of its key does not make that go.
    pub ended: BTreeSet<Key>,
    /// Keys of records that went of which nobody can tell whether that was before: as much was sealed first, or what was is not known any more, and
    /// their notes have no time.
    pub either: BTreeSet<Key>,
    /// Whether it is known that what was noted before was sealed since.
    pub is_sure: bool,
    /// The last note.
    pub last: i64,
    /// Whether what is done in the table is noted: a program that makes it anew takes our triggers away.
    pub is_armed: bool,
    /// Something was noted of which nobody can tell whether it was before the backup was made: records went, or it is of another key.
    is_unclear: bool,
}

impl Noted {
    pub fn read(session: &Session, database: &Database, shape: &Shape) -> Result<Self> {
        let mut noted = Self::default();
        if !database.has_log(shape)? {
            return Ok(noted);
        }
        if !database.log_fits(shape)? || schema::had_another_key(session, shape)? {
            // It names records of a table that was called so then.
            return Ok(Self { is_unclear: database.has_notes(shape)?, ..noted });
        }
        let since = session.ledger.last_activity()?;
        // A clock that was put back since tells nothing.
        let since = if since > session.world.now() { Millis(0) } else { since };
        let then = database.reached()?.and_then(|reached| reached.sealed.get(&shape.number).copied());
        let sealed = session.ledger.sealed(shape.number)?;
        let notes = database.notes(shape, then.unwrap_or_default(), NOTES)?;
        let (first, is_sure) = match then {
            Some(then) => first_typed(session, shape, &notes, then)?,
            None => (0, false),
        };
        let is_typed = |note: &Note| note.number > sealed || note.time.is_some_and(|time| time > since);
        let later = if is_sure { None } else { notes[first..].iter().position(is_typed) };
        let first = if is_sure { first } else { later.map_or(notes.len(), |later| first + later) };
        noted.is_sure = is_sure;
        noted.is_unclear = !is_sure && first > 0 && notes[first - 1].time.is_none();
        noted.last = notes.last().map_or(0, |note| note.number);
        // Nor has what may have been pushed out by what was written next.
        let is_untimed = |note: &&Note| matches!(note.kind, NoteKind::Delete | NoteKind::Displaced) && note.time.is_none();
        let went = notes[..first].iter().rev().take_while(is_untimed).filter(|note| note.kind == NoteKind::Delete);
        noted.either = went.filter_map(|note| note.key.clone().ok()).collect();
        for (place, note) in notes.into_iter().enumerate() {
            let Ok(key) = note.key else { continue };
            let (is_made, is_end) = (note.kind == NoteKind::Insert, note.kind == NoteKind::Delete);
            let had_ended = noted.ended.contains(&key);
            if is_end {
                noted.ended.insert(key.clone());
            }
            if place >= first {
                if is_made {
                    noted.made.insert(key.clone());
                }
                noted.edited.insert(key);
                continue;
            }
            if is_made {
                noted.made_before.insert(key.clone());
                if had_ended {
                    noted.reborn.insert(key.clone());
                }
            }
            let last = noted.before.entry(key).or_default();
            if note.kind != NoteKind::Displaced {
                *last = note.time;
            }
        }
        Ok(noted)
    }

    /// Whether it tells of anything that may have been done since the database was put back.
    pub fn tells_of_since(&self) -> bool {
        !self.edited.is_empty() || self.is_unclear
    }
}

/// The place of the first note that is none of those which were sealed, or taken up by recovering, after `from`, and whether that is known; else all
/// before it are.
fn first_typed(session: &Session, shape: &Shape, notes: &[Note], from: i64) -> Result<(usize, bool)> {
    let mut furthest = first_other(session, shape, notes, from, SealedNotes::after(session, shape, from)?)?;
    for taken in SealedNotes::taken_up(session, shape, from)? {
        let other = first_other(session, shape, notes, from, Some(taken))?;
        if other.0 > furthest.0 {
            furthest = other;
        }
    }
    Ok(furthest)
}

/// The same for what was sealed with one seal, and those after it.
fn first_other(session: &Session, shape: &Shape, notes: &[Note], mut from: i64, mut seal: Option<SealedNotes>) -> Result<(usize, bool)> {
    for (place, note) in notes.iter().enumerate() {
        while let Some(known) = seal.as_ref().filter(|seal| seal.until < note.number && seal.until > from) {
            from = known.until;
            seal = SealedNotes::after(session, shape, from)?;
        }
        let Some(seal) = &seal else { return Ok((place, from == session.ledger.sealed(shape.number)?)) };
        match seal.has(session, shape, note.number)? {
            Some(true) => {}
            Some(false) => return Ok((place, true)),
            None => return Ok((place, false)),
        }
    }
    Ok((notes.len(), true))
}

/// What a record was when the backup was made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Base {
    /// Nobody can tell.
    Unknown,
    /// This; or it was not there.
    Was(Option<Image>),
}

/// Whose a row of the backup is, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of the record which has the number now, if any: the number went to nobody else.
    Same,
    /// That of this record.
    Of(i64),
    /// Nobody's whom the state knows.
    Nobodys,
}

/// The state as it was when the backup was made.
pub(super) struct Then<'s> {
    pub session: &'s Session,
    pub database: &'s Database,
    noted: BTreeMap<TableNo, Noted>,
    reached: Option<Reached>,
    /// What each record gave up first since.
    first: BTreeMap<i64, Former>,
    /// Numbers that went from one record to another since, or to none, with who had them.
    holders: BTreeMap<(TableNo, i64), Option<i64>>,
    /// The fields that each table had, where the state knew others than it knows; none where nobody can tell.
    fields: Option<BTreeMap<TableNo, BTreeSet<FieldNo>>>,
}

impl<'s> Then<'s> {
    pub fn of(session: &'s Session, database: &'s Database, noted: BTreeMap<TableNo, Noted>) -> Result<Self> {
        let reached = database.reached()?;
        let fields = schema::former_fields(session)?;
        let mut then = Self { session, database, noted, reached, first: BTreeMap::new(), holders: BTreeMap::new(), fields };
        let Some(reached) = &then.reached else { return Ok(then) };
        for former in session.ledger.given_up_after(reached.former)? {
            then.first.entry(former.record).or_insert(former);
            for number in std::iter::once(former.number).chain(former.became) {
                then.holders.insert((former.table, number), None);
            }
        }
        for id in session.ledger.told_between(SiteNo(0), reached.journal, session.ledger.journal_end())? {
            then.doubt_holder(id)?;
        }
        let places: Vec<(TableNo, i64)> = then.holders.keys().copied().collect();
        for (table, number) in places {
            let holder = then.find_holder(table, number)?;
            then.holders.insert((table, number), holder);
        }
        Ok(then)
    }

    /// A record that came since was nobody in the backup: what has its number there is another one, or is it as it was made.
    fn doubt_holder(&mut self, id: i64) -> Result<()> {
        let Some((table, _, Some(place))) = self.session.ledger.names(id)? else { return Ok(()) };
        let (Some(shape), Some(number)) = (self.session.shapes.iter().find(|shape| shape.number == table), place.as_integer()) else {
            return Ok(());
        };
        let is_known = shape.identity() != Identity::Birth || shape.number_field().is_none() || self.holders.contains_key(&(table, number));
        if !is_known && self.base(&self.session.load_id(id)?)? == Base::Was(None) && self.database.read(shape, &place, &mut Vec::new())? {
            self.holders.insert((table, number), None);
        }
        Ok(())
    }

    fn find_holder(&self, table: TableNo, number: i64) -> Result<Option<i64>> {
        let is_it = |former: &&Former| (former.table, former.number) == (table, number);
        let gave_up = self.first.values().filter(is_it).map(|former| former.record);
        let has = self.session.ledger.id_at(table, &number_key(number))?.filter(|id| !self.first.contains_key(id));
        // Whoever ended before the backup was made, and the state saw that only afterwards, is not the one who has it there.
        let is_reborn = self.noted(table).reborn.contains(&number_key(number));
        let (mut had, mut made) = (None, None);
        for id in gave_up.chain(has) {
            let record = self.session.load_id(id)?;
            if self.base(&record)? != Base::Was(None) {
                had = had.or(Some(id));
            } else if made.is_none() && self.was_made_here(&record)? && self.holds_as_made(table, number, &record)? {
                made = Some(id);
            }
        }
        Ok(if is_reborn { made.or(had) } else { had.or(made) })
    }

    /// Whether a record came to be at this site; it may go by another site's incarnation since.
    pub fn was_made_here(&self, record: &Record) -> Result<bool> {
        let mut image = record.current.clone();
        let mut born = image.as_ref().map(|image| image.born);
        for entry in self.session.ledger.chain(record, self.journal())? {
            image = entry.kind.undo(image);
            born = image.as_ref().map(|image| image.born).or(born);
        }
        Ok(born.is_some_and(|born| born.site == SiteNo(0)))
    }

    /// Whether the row under a number may be what a record was when it came to be: it was made before the backup was put back; or it holds what that
    /// record held.
    fn holds_as_made(&self, table: TableNo, number: i64, record: &Record) -> Result<bool> {
        let (noted, key) = (self.noted(table), number_key(number));
        let Some(shape) = self.session.shapes.iter().find(|shape| shape.number == table) else { return Ok(false) };
        let mut buffer = Vec::new();
        if noted.made_before.contains(&key) || !self.database.read(shape, &key, &mut buffer)? {
            return Ok(noted.made_before.contains(&key));
        }
        let row = Row::decode(&buffer).map_err(|_| SyncError::Bug("a row that was just read does not decode"))?;
        // What its numbers mean is what is being found out.
        let told = |field: &FieldNo| shape.number_field() != Some(*field) && !shape.concerns_numbers(*field);
        Ok(self.states(record)?.iter().any(|state| shape.live_fields().filter(told).all(|field| state.get(field) == row.get(field))))
    }

    pub fn noted(&self, table: TableNo) -> &Noted {
        static NOTHING: Noted = Noted {
            edited: BTreeSet::new(),
            made: BTreeSet::new(),
            before: BTreeMap::new(),
            made_before: BTreeSet::new(),
            reborn: BTreeSet::new(),
            ended: BTreeSet::new(),
            either: BTreeSet::new(),
            is_sure: true,
            last: 0,
            is_armed: true,
            is_unclear: false,
        };
        self.noted.get(&table).unwrap_or(&NOTHING)
    }

    /// The last entry of the journal that was there; the one before the first where nobody knows.
    fn journal(&self) -> JournalNumber {
        self.reached.as_ref().map_or(JournalNumber(0), |reached| reached.journal)
    }

    pub fn base(&self, record: &Record) -> Result<Base> {
        if !self.was_tracked(record.table) || self.reached.is_none() {
            return Ok(Base::Unknown);
        }
        let chain = self.session.ledger.chain(record, self.journal())?;
        if chain.last().map_or(record.version, |oldest| oldest.previous) > self.journal() {
            return Ok(Base::Unknown);
        }
        Ok(Base::Was(chain.iter().fold(record.current.clone(), |image, entry| entry.kind.undo(image))))
    }

    /// What a record held since, as far as that is remembered; where nobody knows since when, whatever it held.
    pub fn states(&self, record: &Record) -> Result<Vec<Row>> {
        let mut states: Vec<Row> = record.current.iter().map(|image| image.row.clone()).collect();
        let mut image = record.current.clone();
        for entry in self.session.ledger.chain(record, self.journal())? {
            image = entry.kind.undo(image);
            if let (Some(image), false) = (&image, matches!(entry.kind, EntryKind::Rename(_))) {
                states.push(image.row.clone());
            }
        }
        Ok(states)
    }

    /// Whether the state did not know a field of a record that it knew.
    pub fn came_since(&self, table: TableNo, field: FieldNo, base: &Base) -> bool {
        match &self.fields {
            Some(fields) => fields.get(&table).is_some_and(|fields| !fields.contains(&field)),
            None => matches!(base, Base::Was(Some(base)) if !base.row.get(field).is_stated()),
        }
    }

    /// Whether the state knew of a table; as far as is known.
    pub fn was_tracked(&self, table: TableNo) -> bool {
        self.reached.as_ref().is_none_or(|reached| reached.sealed.contains_key(&table))
    }

    /// What the first seal made of a record that the backup has notes of, and whether the backup has it just so: nothing was noted in between.
    /// None where that seal found nothing new.
    pub fn sealed_first(&self, record: &Record, noted: Option<Millis>) -> Result<Option<(Row, bool)>> {
        let chain = self.session.ledger.chain(record, self.journal())?;
        let Some((oldest, later)) = chain.split_last() else { return Ok(None) };
        let is_ours = matches!(self.session.ledger.cause(oldest.cause)?.kind, CauseKind::Seal | CauseKind::Found);
        let image = later.iter().fold(record.current.clone(), |image, entry| entry.kind.undo(image));
        let is_last = noted.is_some() && oldest.stamp.map(|stamp| stamp.time) == noted;
        Ok(image.filter(|_| is_ours && !matches!(oldest.kind, EntryKind::Rename(_))).map(|image| (image.row, is_last)))
    }

    /// Whether a record was in a table already that was made since, with another key, in the place of one of that name: comparing found it there.
    pub fn came_with_table(&self, shape: &Shape, record: &Record) -> Result<bool> {
        if self.was_tracked(shape.number) || !schema::had_another_key(self.session, shape)? {
            return Ok(false);
        }
        let chain = self.session.ledger.chain(record, self.journal())?;
        let Some(oldest) = chain.last() else { return Ok(false) };
        Ok(self.session.ledger.cause(oldest.cause)?.kind == CauseKind::Found)
    }

    /// What a record may hold where nothing was noted and nobody typed: what it was, what was made of what was noted before, and what comparing
    /// found since, as it finds what a program makes of all records at once.
    pub fn unwritten(&self, record: &Record, noted: Option<Option<Millis>>) -> Result<Vec<Row>> {
        let sealed = noted.map(|time| self.sealed_first(record, time)).transpose()?.flatten();
        let mut held: Vec<Row> = sealed.map(|(row, _)| row).into_iter().collect();
        let mut image = record.current.clone();
        for entry in self.session.ledger.chain(record, self.journal())? {
            let is_found = self.session.ledger.cause(entry.cause)?.kind == CauseKind::Found;
            held.extend(image.iter().filter(|_| is_found).map(|image| image.row.clone()));
            image = entry.kind.undo(image);
        }
        held.extend(image.map(|image| image.row));
        Ok(held)
    }

    /// Whether every entry of a record is remembered that [`Then::states`] wants.
    pub fn remembers(&self, record: &Record) -> Result<bool> {
        if !self.was_tracked(record.table) {
            return Ok(false);
        }
        let chain = self.session.ledger.chain(record, self.journal())?;
        Ok(chain.last().map_or(record.version, |oldest| oldest.previous) <= self.journal())
    }

    /// What a record may hold without that anybody typed it since the database was put back, and the fields in which it may hold something else
    /// nevertheless.
    pub fn known(&self, shape: &Shape, was: Option<&Key>, record: &Record, base: &Base) -> Result<(Vec<Row>, BTreeSet<FieldNo>)> {
        let (noted, remembers) = (self.noted(shape.number), self.remembers(record)?);
        let edited = was.is_some_and(|was| noted.edited.contains(was));
        let before = was.and_then(|was| noted.before.get(was));
        let was: Vec<Row> = match base {
            Base::Was(base) if edited && remembers => base.iter().map(|image| image.row.clone()).collect(),
            Base::Was(_) | Base::Unknown => {
                let is_untold = if edited { !remembers } else { before.is_some() || !self.was_tracked(shape.number) };
                return Ok((self.states(record)?, shape.live_fields().filter(|_| is_untold).collect()));
            }
        };
        // What was noted before may have been on the way from what it was to what was sealed.
        let sealed = before.map(|time| self.sealed_first(record, *time)).transpose()?.flatten();
        Ok(match sealed {
            // It may have been undone.
            None if before.is_some() => (was, shape.live_fields().collect()),
            None => (was, BTreeSet::new()),
            Some((row, true)) => (vec![row], BTreeSet::new()),
            Some((row, false)) => {
                let differs = |field: &FieldNo| was.first().is_none_or(|was| was.get(*field) != row.get(*field));
                let untold = shape.live_fields().filter(differs).collect();
                (was.into_iter().chain([row]).collect(), untold)
            }
        })
    }

    /// What is not as the mirror has it, by key.
    pub fn differing(&self, shape: &Shape) -> Result<BTreeMap<Key, Option<Row>>> {
        let mut found = BTreeMap::new();
        let mut after: Option<Key> = None;
        loop {
            let mut rows = Vec::new();
            self.database.scan(shape, after.as_ref(), CHUNK, &mut |key, row| rows.push((key, row.to_vec())))?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (key, row) in rows {
                if !self.session.ledger.peek(shape, &key, |mirror| mirror == Some(row.as_slice()))? {
                    found.insert(key, Some(Row::decode(&row).map_err(|_| SyncError::Bug("a row that was just read does not decode"))?));
                }
            }
        }
        let mut after: Option<Key> = None;
        let mut buffer = Vec::new();
        loop {
            let keys = self.session.ledger.places(shape, after.as_ref(), CHUNK)?;
            let Some(last) = keys.last().cloned() else { break };
            for key in keys {
                buffer.clear();
                if !self.database.read(shape, &key, &mut buffer)? {
                    found.insert(key, None);
                }
            }
            after = Some(last);
        }
        Ok(found)
    }

    /// Whether a record never ended since: then a note that it went is of after the backup.
    pub fn never_ended(&self, record: &Record) -> Result<bool> {
        let ends = |kind: &EntryKind| matches!(kind, EntryKind::Delete(_) | EntryKind::Replace(_));
        Ok(self.remembers(record)? && self.session.ledger.chain(record, self.journal())?.iter().all(|entry| !ends(&entry.kind)))
    }

    pub fn whose(&self, table: TableNo, number: i64) -> Whose {
        match self.holders.get(&(table, number)) {
            None => Whose::Same,
            Some(Some(id)) => Whose::Of(*id),
            Some(None) => Whose::Nobodys,
        }
    }

    /// The numbers of a table that went from one record to another since, or to none.
    pub fn passed_on(&self, table: TableNo) -> impl Iterator<Item = i64> + '_ {
        self.holders.range((table, i64::MIN)..=(table, i64::MAX)).map(|((_, number), _)| *number)
    }

    /// The number that a record had.
    fn number_of(&self, id: i64) -> Result<Option<i64>> {
        let Some((table, _, place)) = self.session.ledger.names(id)? else { return Ok(None) };
        let number = self.first.get(&id).map(|former| former.number).or_else(|| place?.as_integer());
        Ok(number.filter(|number| matches!(self.whose(table, *number), Whose::Same) || self.whose(table, *number) == Whose::Of(id)))
    }

    /// The record that a number meant in the backup.
    pub fn meant(&self, table: TableNo, number: i64) -> Result<Option<i64>> {
        match self.whose(table, number) {
            Whose::Same => self.session.id_of_number(table, number),
            Whose::Of(id) => Ok(Some(id)),
            Whose::Nobodys => Ok(None),
        }
    }

    /// The record whose row in the backup this is.
    pub fn record_of(&self, shape: &Shape, place: &Key, row: &Row) -> Result<Record> {
        match (shape.identity(), place.as_integer()) {
            (Identity::Birth, Some(number)) => match self.whose(shape.number, number) {
                Whose::Same => self.session.load_at(shape, place),
                Whose::Of(id) => self.session.load_id(id),
                Whose::Nobodys => Ok(Record::unmet(shape.number, place)),
            },
            (Identity::Meaning, _) => {
                let mut row = row.clone();
                self.mean(shape, &mut row, &|_, _| false)?;
                self.session.load(shape.number, &self.session.key_by_meaning(shape, &row)?)
            }
            (Identity::Birth | Identity::Key, _) => self.session.load_at(shape, place),
        }
    }

    /// The key under which the backup has a record, or would have it; none where it was not there.
    pub fn place_of(&self, shape: &Shape, record: &Record) -> Result<Option<Key>> {
        match (shape.identity(), record.id) {
            (Identity::Birth, Some(id)) => Ok(self.number_of(id)?.map(number_key)),
            (Identity::Meaning, Some(_)) if !record.key.is_birth() => {
                let mut row = key_row(shape, &record.key)?;
                let mut is_there = true;
                replace_numbers(shape, &mut row, &mut |_, number| {
                    let Some(id) = crate::model::stands_for(number) else { return Ok(number) };
                    let number = self.number_of(id)?;
                    is_there &= number.is_some();
                    Ok(number.unwrap_or_default())
                })?;
                Ok(shape.key_of(&row).ok().filter(|_| is_there))
            }
            (Identity::Birth | Identity::Key | Identity::Meaning, _) => self.session.place(record),
        }
    }

    /// Puts stand-ins into a row of the backup, but for numbers of records that came since it was put back.
    pub fn mean(&self, shape: &Shape, row: &mut Row, is_new: &dyn Fn(TableNo, i64) -> bool) -> Result<()> {
        replace_numbers(shape, row, &mut |table, number| {
            let meant = if is_new(table, number) { None } else { self.meant(table, number)? };
            Ok(meant.map_or(number, stand_in))
        })
    }
}
