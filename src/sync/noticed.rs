//! What does the application's log say of one table?
//!
//! A note has a key, a kind and mostly a time, and there may be many of one key. What becomes of the record is looked up in the database: the notes
//! only say which keys are worth a look, and whether what is there now is what was there before.
//!
//! The ledger keeps marks of the first notes that were sealed after each seal of a table: a copy of the database that comes back says by its own
//! notes which of them were in it, and which were written since ([`SealedNotes`]). What was typed in a copy that was put back, and recovering took
//! up, is marked likewise, beside what was sealed in its place: copies of that may come back too.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers::meaning::number_key;
use super::report::Waiting;
use super::seal::{said_of_nameless, sealed_up_to};
use super::{Result, Session};
use crate::database::{Database, NoteKind};
use crate::model::{Identity, Key, Millis, Shape};

/// Noted keys sealed in one ledger transaction: many, because they are sealed in the order of their keys, and each page of
/// the mirror is then written once. Memory stays below some ten megabytes.
const NOTES: usize = 50_000;

/// What the log says of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    /// The record ended in between, whatever is there now.
    pub ended: bool,
    displaced: bool,
    /// When it was last edited; nobody knows when a record ended, see `database::capture`.
    pub last: Option<Millis>,
}

/// What the log says of one table, as far as it was read.
pub(super) struct Noticed {
    pub keys: BTreeMap<Key, Noted>,
    pub notes: u64,
    last: i64,
    /// Records were written that cannot be named.
    nameless: bool,
}

impl Noticed {
    /// The next notes of a table; `None` where there are none.
    pub fn read(session: &Session, shape: &Shape) -> Result<Option<Self>> {
        let notes = session.database()?.notes(shape, session.ledger.sealed(shape.number)?, NOTES)?;
        let Some(last) = notes.last().map(|note| note.number) else { return Ok(None) };
        let count = notes.len() as u64;
        let mut keys: BTreeMap<Key, Noted> = BTreeMap::new();
        // Keys that the next written record may push out. The written key itself is not among them: replacing a record
        // by one of the same key is an edit of it.
        let mut in_the_way: Vec<Key> = Vec::new();
        let mut nameless = false;
        for note in notes {
            // Records with an empty value in the key cannot be told apart and do not travel.
            let Ok(key) = note.key else {
                nameless |= matches!(note.kind, NoteKind::Insert | NoteKind::Update);
                continue;
            };
            let noted = keys.entry(key.clone()).or_insert(Noted { ended: false, displaced: false, last: None });
            // A hint that it may have been displaced says nothing about when it was edited.
            if note.kind != NoteKind::Displaced {
                noted.last = note.time;
            }
            match note.kind {
                NoteKind::Delete => noted.ended = true,
                NoteKind::Displaced => in_the_way.push(key),
                NoteKind::Insert | NoteKind::Update => {
                    // A key that was pushed out and then inserted is another record.
                    noted.ended |= note.kind == NoteKind::Insert && noted.displaced;
                    for other in in_the_way.drain(..).filter(|other| *other != key) {
                        if let Some(noted) = keys.get_mut(&other) {
                            noted.displaced = true;
                            noted.last = noted.last.or(note.time);
                        }
                    }
                }
            }
        }
        Ok(Some(Self { keys, notes: count, last, nameless }))
    }

    /// The highest number in the database that a record had all the while: no lower one was handed out meanwhile. None where nothing ended, or where
    /// more is noted than was read.
    pub fn stayed(&self, session: &Session, shape: &Shape) -> Result<Option<i64>> {
        let ended: BTreeSet<i64> = self.keys.iter().filter(|(_, noted)| noted.ended).filter_map(|(key, _)| key.as_integer()).collect();
        if shape.identity() != Identity::Birth || ended.is_empty() || self.is_cut_off() {
            return Ok(None);
        }
        let mut limit = number_key(i64::MAX);
        while let Some(place) = session.ledger.last_place(shape.number, &limit)? {
            let number = place.as_integer().filter(|number| !ended.contains(number));
            if number.is_some() && session.database()?.read(shape, &place, &mut Vec::new())? {
                return Ok(number);
            }
            limit = place;
        }
        Ok(None)
    }

    /// Whether more may be noted than was read.
    pub const fn is_cut_off(&self) -> bool {
        self.notes >= NOTES as u64
    }

    /// All of it is sealed.
    pub fn are_sealed(&self, session: &Session, shape: &Shape) -> Result<()> {
        if self.nameless {
            note_nameless(session, shape)?;
        }
        sealed_up_to(session, shape, self.last)
    }
}

/// Notes of which the ledger keeps marks, from one seal of a table to the next.
const FIRST: usize = 64;

/// Seals of a table of which it does: the last ones, mostly.
const SEALS: i64 = 256;

fn first_note(shape: &Shape, from: i64) -> String {
    format!("first sealed of {} {}", shape.number.0, from.rem_euclid(SEALS))
}

/// Notes in the ledger which notes are sealed with this seal of a table: a backup tells by that which of its notes were made before it.
pub(super) fn note_first(session: &Session, shape: &Shape, until: i64) -> Result<()> {
    let (database, from) = (session.database()?, session.ledger.sealed(shape.number)?);
    if until <= from {
        return Ok(());
    }
    Ok(session.ledger.set_note(&first_note(shape, from), &marks(database, shape, from, until)?)?)
}

/// The range of notes and the marks of the first ones in it.
fn marks(database: &Database, shape: &Shape, from: i64, until: i64) -> Result<String> {
    let mut numbers: Vec<i64> = database.notes(shape, from, FIRST)?.iter().map(|note| note.number).collect();
    numbers.dedup();
    let mut text = format!("{from} {until}");
    for number in numbers.into_iter().take_while(|number| *number <= until) {
        text.push_str(&format!(" {number}:{}", database.note_mark(shape, number)?.unwrap_or_default()));
    }
    Ok(text)
}

/// Restored copies of one age of which the ledger knows what recovering took up: the last ones.
const TAKEN_UP: usize = 8;

fn taken_up_note(shape: &Shape, from: i64) -> String {
    format!("taken up of {} {}", shape.number.0, from.rem_euclid(SEALS))
}

/// Notes in the ledger that recovering takes up what a restored database has in a table's log, from what was sealed in it.
pub(super) fn note_taken_up(session: &Session, shape: &Shape, from: i64, until: i64) -> Result<()> {
    if until <= from {
        return Ok(());
    }
    let name = taken_up_note(shape, from);
    let text = session.ledger.note(&name)?.unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("{from} "))).collect();
    let line = marks(session.database()?, shape, from, until)?;
    lines.push(&line);
    Ok(session.ledger.set_note(&name, &lines[lines.len().saturating_sub(TAKEN_UP)..].join("\n"))?)
}

/// What was sealed of a table with one seal, or taken up with one recovery.
pub(super) struct SealedNotes {
    from: i64,
    /// The last note.
    pub until: i64,
    /// The first ones, with their marks.
    first: Vec<(i64, String)>,
}

impl SealedNotes {
    /// What was sealed next after a note; none where that is not known.
    pub fn after(session: &Session, shape: &Shape, from: i64) -> Result<Option<Self>> {
        Ok(session.ledger.note(&first_note(shape, from))?.and_then(|text| Self::read(&text, from)))
    }

    /// What was taken up of restored databases in which that note was the last one sealed. Nothing else was sealed after it in those: in
    /// a copy of one all that is another note was typed.
    pub fn taken_up(session: &Session, shape: &Shape, from: i64) -> Result<Vec<Self>> {
        let text = session.ledger.note(&taken_up_note(shape, from))?.unwrap_or_default();
        Ok(text.lines().filter_map(|line| Self::read(line, from)).map(|taken| Self { until: i64::MAX, ..taken }).collect())
    }

    fn read(text: &str, from: i64) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<i64>().ok());
        let (of, until) = (number()?, number()?);
        let one = |word: &str| word.split_once(':').and_then(|(number, mark)| Some((number.parse().ok()?, mark.to_owned())));
        let first = words.map(one).collect::<Option<_>>()?;
        Some(Self { from, until, first }).filter(|_| of == from)
    }

    /// Whether the note that a log has under a number is the one that was sealed; none where that is not known.
    pub fn has(&self, session: &Session, shape: &Shape, number: i64) -> Result<Option<bool>> {
        let last = self.first.last().map_or(i64::MIN, |(number, _)| *number);
        if number > last && self.first.len() >= FIRST {
            return Ok(None);
        }
        let mark = session.database()?.note_mark(shape, number)?;
        Ok(Some(self.first.iter().any(|(sealed, known)| *sealed == number && mark.as_ref() == Some(known))))
    }
}

/// Whether the notes that are sealed and not trimmed yet are those that were sealed: where somebody did as much again in a copy that was put back,
/// the last one may be the same.
pub(super) fn has_what_was_sealed(session: &Session, shape: &Shape) -> Result<bool> {
    let database = session.database()?;
    let from = database.reached()?.and_then(|reached| reached.sealed.get(&shape.number).copied());
    let Some(known) = from.map(|from| SealedNotes::after(session, shape, from)).transpose()?.flatten() else { return Ok(true) };
    for note in database.notes(shape, known.from, FIRST)? {
        let is_known = |(number, _): &&(i64, String)| *number == note.number;
        let Some((_, mark)) = known.first.iter().find(is_known) else { continue };
        if database.note_mark(shape, note.number)?.is_some_and(|there| there != *mark) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The note of tables in which records were written that cannot be named, until a round says so.
const NAMELESS: &str = "nameless";

/// Records with an empty value in the key were written: whoever gave a record one has it deleted elsewhere, and somebody is to hear that.
fn note_nameless(session: &Session, shape: &Shape) -> Result<()> {
    let known = session.ledger.note(NAMELESS)?.unwrap_or_default();
    let number = shape.number.0.to_string();
    if known.split(' ').any(|one| one == number) {
        return Ok(());
    }
    Ok(session.ledger.set_note(NAMELESS, format!("{known} {number}").trim())?)
}

/// Tables in which records were written since the last round that cannot be named, and how many there are now.
pub(super) fn nameless(session: &Session) -> Result<Vec<Waiting>> {
    let Some(noted) = session.ledger.note(NAMELESS)?.filter(|noted| !noted.is_empty()) else { return Ok(Vec::new()) };
    let mut waiting = Vec::new();
    for shape in session.shapes.iter().filter(|shape| noted.split(' ').any(|one| one == shape.number.0.to_string())) {
        let count = session.database()?.keyless(shape)?;
        if count > 0 {
            let (what, why) = (format!("`{}`", shape.name), said_of_nameless(count));
            waiting.push(Waiting { neighbour: None, what, why, retried: false, unreachable: false });
        }
    }
    session.set_note(NAMELESS, "")?;
    Ok(waiting)
}
