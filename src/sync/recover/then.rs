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

use crate::database::{Database, NoteKind, Reached};
use crate::ledger::{EntryKind, Former, Record};
use crate::model::{FieldNo, Identity, Image, JournalNumber, Key, Millis, Row, Shape, SiteNo, TableNo, stand_in};
use crate::sync::numbers::meaning::{key_row, number_key, replace_numbers};
use crate::sync::{Result, Session, SyncError};

/// Notes read per table.
const NOTES: usize = 1_000_000;

/// What a restored table's log tells that the ledger had not sealed when the backup was made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// Keys noted after everything that the state knows of.
    pub edited: BTreeSet<Key>,
    /// Those of them under which a record came.
    pub made: BTreeSet<Key>,
    /// Keys of records that went, nobody knows when.
    pub went: BTreeSet<Key>,
    /// Keys noted before the last thing that the state knows of: the state may have sealed that since.
    pub before: BTreeSet<Key>,
    /// Those of them under which a record came.
    pub made_before: BTreeSet<Key>,
    /// Keys of records that went, whenever that was: a record that is put in the place of another one of its key does not make that go.
    pub ended: BTreeSet<Key>,
}

impl Noted {
    pub fn read(database: &Database, shape: &Shape, since: Millis) -> Result<Self> {
        let mut noted = Self::default();
        if !database.has_log(shape)? {
            return Ok(noted);
        }
        let sealed = database.reached()?.and_then(|reached| reached.sealed.get(&shape.number).copied());
        // A record's end is noted without a time; it is of the time of what was noted before, or of a later one.
        let mut time = since;
        for note in database.notes(shape, sealed.unwrap_or_default(), NOTES)? {
            time = note.time.unwrap_or(time);
            let Ok(key) = note.key else { continue };
            let is_made = note.kind == NoteKind::Insert;
            if note.kind == NoteKind::Delete {
                noted.ended.insert(key.clone());
            }
            if time > since {
                if is_made {
                    noted.made.insert(key.clone());
                }
                noted.edited.insert(key);
                continue;
            }
            match note.kind {
                NoteKind::Delete => drop(noted.went.insert(key.clone())),
                NoteKind::Insert => drop(noted.made_before.insert(key.clone())),
                NoteKind::Update | NoteKind::Displaced => {}
            }
            noted.before.insert(key);
        }
        Ok(noted)
    }

    /// Whether it tells of anything that may have been done since the database was put back.
    pub fn tells_of_since(&self) -> bool {
        !self.edited.is_empty() || !self.went.is_empty()
    }
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
}

impl<'s> Then<'s> {
    pub fn of(session: &'s Session, database: &'s Database, noted: BTreeMap<TableNo, Noted>) -> Result<Self> {
        let reached = database.reached()?;
        let mut then = Self { session, database, noted, reached, first: BTreeMap::new(), holders: BTreeMap::new() };
        let Some(reached) = &then.reached else { return Ok(then) };
        for former in session.ledger.given_up_after(reached.former)? {
            then.first.entry(former.record).or_insert(former);
            for number in std::iter::once(former.number).chain(former.became) {
                then.holders.insert((former.table, number), None);
            }
        }
        let places: Vec<(TableNo, i64)> = then.holders.keys().copied().collect();
        for (table, number) in places {
            let holder = then.find_holder(table, number)?;
            then.holders.insert((table, number), holder);
        }
        Ok(then)
    }

    fn find_holder(&self, table: TableNo, number: i64) -> Result<Option<i64>> {
        let is_it = |former: &&Former| (former.table, former.number) == (table, number);
        let gave_up = self.first.values().filter(is_it).map(|former| former.record);
        let has = self.session.ledger.id_at(table, &number_key(number))?.filter(|id| !self.first.contains_key(id));
        let mut made = None;
        for id in gave_up.chain(has) {
            let record = self.session.load_id(id)?;
            if self.base(&record)? != Base::Was(None) {
                return Ok(Some(id));
            }
            if made.is_none() && self.was_made_here(&record)? && self.holds_as_made(table, number, &record)? {
                made = Some(id);
            }
        }
        Ok(made)
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

    /// Whether the row under a number may be what a record was when it came to be: it was made before the backup was put back; or a clock says that
    /// it was not, and it holds what that record held.
    fn holds_as_made(&self, table: TableNo, number: i64, record: &Record) -> Result<bool> {
        let (noted, key) = (self.noted(table), number_key(number));
        let Some(shape) = self.session.shapes.iter().find(|shape| shape.number == table) else { return Ok(false) };
        let mut buffer = Vec::new();
        if noted.made_before.contains(&key) || !noted.made.contains(&key) || !self.database.read(shape, &key, &mut buffer)? {
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
            went: BTreeSet::new(),
            before: BTreeSet::new(),
            made_before: BTreeSet::new(),
            ended: BTreeSet::new(),
        };
        self.noted.get(&table).unwrap_or(&NOTHING)
    }

    /// The last entry of the journal that was there; the one before the first where nobody knows.
    fn journal(&self) -> JournalNumber {
        self.reached.as_ref().map_or(JournalNumber(0), |reached| reached.journal)
    }

    pub fn base(&self, record: &Record) -> Result<Base> {
        if self.reached.is_none() {
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

    /// Whether every entry of a record is remembered that [`Then::states`] wants.
    pub fn remembers(&self, record: &Record) -> Result<bool> {
        let chain = self.session.ledger.chain(record, self.journal())?;
        Ok(chain.last().map_or(record.version, |oldest| oldest.previous) <= self.journal())
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

    /// Whether any number did.
    pub fn any_passed_on(&self) -> bool {
        !self.holders.is_empty()
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
            (Identity::Meaning, _) if self.any_passed_on() => {
                let mut row = row.clone();
                self.mean(shape, &mut row, &|_, _| false)?;
                self.session.load(shape.number, &self.session.key_by_meaning(shape, &row)?)
            }
            (Identity::Birth | Identity::Key | Identity::Meaning, _) => self.session.load_at(shape, place),
        }
    }

    /// The key under which the backup has a record, or would have it; none where it was not there.
    pub fn place_of(&self, shape: &Shape, record: &Record) -> Result<Option<Key>> {
        match (shape.identity(), record.id) {
            (Identity::Birth, Some(id)) => Ok(self.number_of(id)?.map(number_key)),
            (Identity::Meaning, Some(_)) if self.any_passed_on() && !record.key.is_birth() => {
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
