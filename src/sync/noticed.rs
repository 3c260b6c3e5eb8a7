//! What does the application's log say of one table?
//!
//! A note has a key, a kind and mostly a time, and there may be many of one key. What becomes of the record is looked up in the database: the notes
//! only say which keys are worth a look, and whether what is there now is what was there before.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers::meaning::number_key;
use super::seal::{note_nameless, sealed_up_to};
use super::{Result, Session};
use crate::database::NoteKind;
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
        if shape.identity() != Identity::Birth || ended.is_empty() || self.notes >= NOTES as u64 {
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

    /// All of it is sealed.
    pub fn are_sealed(&self, session: &Session, shape: &Shape) -> Result<()> {
        if self.nameless {
            note_nameless(session, shape)?;
        }
        sealed_up_to(session, shape, self.last)
    }
}
