//! Which keys the triggers noted: read in order, trimmed when sealed.

use std::ops::Range;

use rusqlite::Row as SqlRow;
use rusqlite::types::ValueRef;

use super::capture::{TIME, log_table};
use super::error::{Doing, Result};
use super::plan::key_at;
use super::{Database, quote};
use crate::model::{Key, KeyError, Millis, Shape};

/// One noted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Place in the table's log: ascending, never given twice. The two notes of a record that moved share one.
    pub number: i64,
    /// What happened.
    pub kind: NoteKind,
    /// When, by the clock of the machine the application ran on. Noted where a record came or was updated, not where one only
    /// went: see [`super::capture`] for what that would cost.
    pub time: Option<Millis>,
    /// To which record. [`KeyError::Null`] where the record had an empty value in its key.
    pub key: std::result::Result<Key, KeyError>,
}

/// What a trigger saw happen to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// A record of that key came: an insert, or an update that moved a record to the key.
    Insert,
    /// A record of that key was updated and kept its key.
    Update,
    /// A record of that key went: a delete, or an update that moved it away.
    Delete,
    /// A record of that key may have been replaced through a unique index, without a trigger firing for it. Only a hint: look.
    Displaced,
}

impl NoteKind {
    const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Displaced];

    /// As the log has it, in three bits. A row without a note only keeps the numbers from starting again.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Insert => 1,
            Self::Update => 2,
            Self::Delete => 3,
            Self::Displaced => 4,
        }
    }
}

/// Place of the first key column in a log, after number and note.
pub(super) const FIRST_KEY: usize = 2;

impl Database {
    /// The notes of up to `limit` numbers above `after`, ascending; of a record that moved, the old key comes first.
    ///
    /// # Errors
    /// As SQLite says, also where the table was never armed.
    pub fn notes(&self, shape: &Shape, after: i64, limit: usize) -> Result<Vec<Note>> {
        let doing = "read noted keys";
        let sql = format!("SELECT * FROM {} WHERE n > ?1 AND note IS NOT NULL ORDER BY n LIMIT ?2", quote(&log_table(&shape.name)));
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        let mut rows = statement.query((after, i64::try_from(limit).unwrap_or(i64::MAX))).doing(doing)?;
        let new = FIRST_KEY..FIRST_KEY + shape.key.len();
        let old = new.end..new.end + shape.key.len();
        let mut notes = Vec::new();
        while let Some(row) = rows.next().doing(doing)? {
            let number = row.get(0).doing(doing)?;
            let note: i64 = row.get(1).doing(doing)?;
            // A kind that is not ours was written by a stranger; a hint to look is always safe.
            let kind = NoteKind::ALL.into_iter().find(|kind| i64::from(kind.code()) == note & 7).unwrap_or(NoteKind::Displaced);
            let time = (note >> 3 != 0).then_some(Millis(note >> 3));
            if kind == NoteKind::Insert && any_stated(row, old.clone()).doing(doing)? {
                notes.push(Note { number, kind: NoteKind::Delete, time, key: key_at(row, old.clone()).doing(doing)? });
            }
            notes.push(Note { number, kind, time, key: key_at(row, new.clone()).doing(doing)? });
        }
        Ok(notes)
    }

    /// Whether the log of a table, where it has one, has room for a key as the table has it by now. [`Database::notes`] reads no other one.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn log_fits(&self, shape: &Shape) -> Result<bool> {
        let columns = self.columns_of(&log_table(&shape.name))?.len();
        Ok(columns == 0 || columns == FIRST_KEY + 2 * shape.key.len())
    }

    /// Whether a log has any note, of whatever key.
    ///
    /// # Errors
    /// As SQLite says, also where the table was never armed.
    pub fn has_notes(&self, shape: &Shape) -> Result<bool> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE note IS NOT NULL)", quote(&log_table(&shape.name)));
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([], |row| row.get(0))).doing("look for notes")
    }

    /// The highest number given so far; 0 where none was.
    ///
    /// # Errors
    /// As SQLite says, also where the table was never armed.
    pub fn last_note(&self, shape: &Shape) -> Result<i64> {
        let doing = "read the last noted number";
        let sql = format!("SELECT coalesce(max(n), 0) FROM {}", quote(&log_table(&shape.name)));
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([], |row| row.get(0))).doing(doing)
    }

    /// What tells the row of a number from any other one that a log might have under it: a hash of all of it, in hexadecimal digits.
    /// None where there is no such row.
    ///
    /// # Errors
    /// As SQLite says, also where the table was never armed.
    pub fn note_mark(&self, shape: &Shape, number: i64) -> Result<Option<String>> {
        let doing = "read a noted number";
        let sql = format!("SELECT * FROM {} WHERE n = ?1", quote(&log_table(&shape.name)));
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        let columns = statement.column_count();
        let mut rows = statement.query([number]).doing(doing)?;
        let Some(row) = rows.next().doing(doing)? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        for place in 0..columns {
            let (kind, bytes): (u8, Vec<u8>) = match row.get_ref(place).doing(doing)? {
                ValueRef::Null => (0, Vec::new()),
                ValueRef::Integer(number) => (1, number.to_le_bytes().to_vec()),
                ValueRef::Real(number) => (2, number.to_bits().to_le_bytes().to_vec()),
                ValueRef::Text(text) => (3, text.to_vec()),
                ValueRef::Blob(bytes) => (4, bytes.to_vec()),
            };
            hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        }
        Ok(Some(hasher.finalize().to_hex()[..16].to_owned()))
    }

    /// The lowest number that a log still has; none where it is empty.
    ///
    /// # Errors
    /// As SQLite says, also where the table was never armed.
    pub fn first_note(&self, shape: &Shape) -> Result<Option<i64>> {
        let sql = format!("SELECT min(n) FROM {}", quote(&log_table(&shape.name)));
        let doing = "read the first noted number";
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([], |row| row.get(0))).doing(doing)
    }

    /// Deletes notes below `through`, but always keeps the highest: the next number is one above it. That of `through` stays for
    /// [`Database::note_mark`].
    ///
    /// # Errors
    /// As SQLite says.
    pub fn trim(&self, shape: &Shape, through: i64) -> Result<()> {
        let log = quote(&log_table(&shape.name));
        let sql = format!("DELETE FROM {log} WHERE n < min(?1, (SELECT max(n) FROM {log}))");
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.execute([through])).doing("trim noted keys")?;
        Ok(())
    }

    /// Whether [`Database::trim`] would remove anything.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn trimmable(&self, shape: &Shape, through: i64) -> Result<bool> {
        let log = quote(&log_table(&shape.name));
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {log} WHERE n < min(?1, (SELECT max(n) FROM {log})))");
        let doing = "look for sealed notes";
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([through], |row| row.get(0))).doing(doing)
    }

    /// Notes the time and no key: a hint to look nowhere.
    pub(super) fn note_nothing(&self, shape: &Shape) -> Result<()> {
        let sql = format!("INSERT INTO {}(note) VALUES ({TIME} | {})", quote(&log_table(&shape.name)), NoteKind::Displaced.code());
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.execute([])).map(drop).doing("note what was written")
    }

    /// Makes the next number higher than `number`: after a log was lost, so that a number already sealed is never given again.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn raise_log(&self, shape: &Shape, number: i64) -> Result<()> {
        self.go_on(&quote(&log_table(&shape.name)), number)
    }
}

/// Whether an old key was noted beside the new one; one of nothing but NULL named no record.
fn any_stated(row: &SqlRow<'_>, mut places: Range<usize>) -> rusqlite::Result<bool> {
    places.try_fold(false, |any, place| Ok(any || row.get_ref(place)? != ValueRef::Null))
}
