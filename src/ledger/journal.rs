//! The journal: sealed changes in order, each with what is needed to undo it.
//!
//! An entry keeps only the *old* state of what it changed. New states come from the mirror: walking a record's chain
//! from its newest entry back and undoing one entry after the other gives every state it ever had. That is how what a
//! neighbour holds is derived from how far it was told, and how history is read.

use rusqlite::{OptionalExtension, Row as SqlRow};
use serde::{Deserialize, Serialize};

use super::records::stamps_bytes;
use super::statements::{Parameter, Statement};
use super::{Ledger, LedgerError, Record, Result};
use crate::model::{Born, FieldNo, Image, JournalNumber, Millis, PacketNumber, Rope, Row, SiteNo, Stamp, TableNo, Value};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub number: JournalNumber,
    /// The entry of the same record before it; 0 where there is none.
    pub previous: JournalNumber,
    /// What it did, with the old state.
    pub kind: EntryKind,
    /// The neighbour it came from and that holds the new state because of that.
    pub known_to: Option<SiteNo>,
    /// Why it came to be: row of the cause table.
    pub cause: i64,
    /// When and where the edit was made, where known.
    pub stamp: Option<Stamp>,
}

/// What an entry did, with the state it replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// The record came to be.
    Insert,
    /// Fields changed; these are the old values.
    Update(Image, Vec<FieldNo>),
    /// The record ended; this was it.
    Delete(Image),
    /// Another incarnation took the key; this was the old one.
    Replace(Image),
    /// The same record goes by another incarnation now (rule 10); this was the old one.
    Rename(Born),
}

impl EntryKind {
    const fn number(&self) -> i64 {
        match self {
            Self::Insert => 1,
            Self::Update(..) => 2,
            Self::Delete(_) => 3,
            Self::Replace(_) => 4,
            Self::Rename(_) => 5,
        }
    }

    /// Whether it spoke of `from`; it speaks of `to` in its place then.
    fn renumber_field(&mut self, from: FieldNo, to: FieldNo) -> bool {
        match self {
            Self::Insert | Self::Rename(_) => false,
            Self::Delete(image) | Self::Replace(image) => image.renumber(from, to),
            Self::Update(image, fields) => {
                let Some(place) = fields.iter().position(|field| *field == from) else { return false };
                fields[place] = to;
                fields.sort_unstable();
                fields.dedup();
                image.renumber(from, to);
                true
            }
        }
    }

    /// The state before the entry, given the state after it.
    #[must_use]
    pub fn undo(&self, after: Option<Image>) -> Option<Image> {
        match self {
            Self::Insert => None,
            Self::Delete(before) | Self::Replace(before) => Some(before.clone()),
            Self::Rename(born) => after.map(|image| Image { born: *born, ..image }),
            Self::Update(old, fields) => after.map(|mut image| {
                for field in fields {
                    image.row.set(*field, old.row.get(*field).clone());
                    image.set_stamp(*field, old.stamp(*field));
                }
                image
            }),
        }
    }
}

/// Why entries came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What happened.
    pub kind: CauseKind,
    /// When, by our clock.
    pub time: Millis,
}

/// All records there are, and what ended since.
const EVERYTHING: &str = "SELECT record.id FROM record JOIN shape ON shape.number = table_no \
    WHERE rank >= 0 AND (row IS NOT NULL OR extra IS NOT NULL OR version > ?1) ORDER BY rank, key";

/// Left to itself SQLite walks through all records to find those with exceptions in the order of their numbers.
const CANDIDATES: &str = "SELECT record.id FROM record JOIN shape ON shape.number = table_no WHERE record.id IN \
    (SELECT record FROM journal WHERE number > ?1 AND known_to IS NOT ?2 \
    UNION ALL SELECT id FROM record INDEXED BY record_extra WHERE extra IS NOT NULL) ORDER BY rank, key";

/// What made entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseKind {
    /// The application's edits were sealed.
    Seal,
    /// What capture had missed was found by comparing.
    Found,
    /// A packet was applied.
    Packet(SiteNo, PacketNumber),
    /// Held changes were tried again.
    Retry,
}

impl Ledger {
    /// Begins a group of entries and gives the number to append them under.
    pub fn add_cause(&self, cause: &Cause) -> Result<i64> {
        let id = self.next_cause()?;
        let (kind, site, packet) = match cause.kind {
            CauseKind::Seal => ("seal", Parameter::Null, Parameter::Null),
            CauseKind::Found => ("found", Parameter::Null, Parameter::Null),
            CauseKind::Packet(site, number) => ("packet", Parameter::Integer(site.0.into()), Parameter::Integer(number.0.cast_signed())),
            CauseKind::Retry => ("retry", Parameter::Null, Parameter::Null),
        };
        self.write(Statement::AddCause, &[Parameter::Integer(id), Parameter::text(kind), site, packet, Parameter::Integer(cause.time.0)])?;
        Ok(id)
    }

    /// When anything was sealed or applied last.
    pub fn last_activity(&self) -> Result<Millis> {
        Ok(Millis(self.connection.prepare_cached("SELECT ifnull(max(time), 0) FROM cause")?.query_row([], |row| row.get(0))?))
    }

    fn next_cause(&self) -> Result<i64> {
        Ok(self.connection.prepare_cached("SELECT ifnull(max(id), 0) + 1 FROM cause")?.query_row([], |row| row.get(0))?)
    }

    /// What [`Ledger::add_cause`] wrote.
    pub fn cause(&self, id: i64) -> Result<Cause> {
        let mut statement = self.connection.prepare_cached("SELECT kind, neighbour, packet, time FROM cause WHERE id = ?")?;
        let (kind, site, packet, time): (String, Option<u32>, Option<i64>, i64) =
            statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let kind = match (kind.as_str(), site, packet) {
            ("seal", ..) => CauseKind::Seal,
            ("found", ..) => CauseKind::Found,
            ("retry", ..) => CauseKind::Retry,
            ("packet", Some(site), Some(packet)) => CauseKind::Packet(SiteNo(site), PacketNumber(packet.cast_unsigned())),
            _ => return Err(LedgerError::Damaged("cause")),
        };
        Ok(Cause { kind, time: Millis(time) })
    }

    /// Appends an entry for a record and moves its `version`; the caller stores the mirror afterwards.
    pub fn append(&self, record: &mut Record, kind: &EntryKind, known_to: Option<SiteNo>, cause: i64, stamp: Option<Stamp>) -> Result<()> {
        let id = self.anchor(record)?;
        let number = self.journal.get() + 1;
        self.journal.set(number);
        let undo = encode_undo(kind);
        let site = |site: SiteNo| Parameter::Integer(site.0.into());
        self.write(
            Statement::AddJournal,
            &[
                Parameter::Integer(number),
                Parameter::Integer(id),
                Parameter::Integer(record.version.0),
                Parameter::Integer(kind.number()),
                known_to.map_or(Parameter::Null, site),
                Parameter::Integer(cause),
                stamp.map_or(Parameter::Null, |stamp| Parameter::Integer(stamp.time.0)),
                stamp.map_or(Parameter::Null, |stamp| site(stamp.site)),
                undo.as_ref().map_or(Parameter::Null, Parameter::Cells),
            ],
        )?;
        record.version = JournalNumber(number);
        Ok(())
    }

    /// One entry.
    pub fn entry(&self, number: JournalNumber) -> Result<Option<Entry>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, previous, kind, known_to, cause, time, site, undo FROM journal WHERE number = ?")?;
        statement.query_row([number.0], |row| Ok(read(row))).optional()?.transpose()
    }

    /// The entries of a record from its newest back to, but without, `after`.
    pub fn chain(&self, record: &Record, after: JournalNumber) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut number = record.version;
        while number > after {
            let Some(entry) = self.entry(number)? else { break };
            number = entry.previous;
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The latest entry of a record of which this is true.
    pub fn latest_entry(&self, record: &Record, is_it: impl Fn(&Entry) -> bool) -> Result<Option<Entry>> {
        let mut number = record.version;
        while let Some(entry) = self.entry(number)? {
            if is_it(&entry) {
                return Ok(Some(entry));
            }
            number = entry.previous;
        }
        Ok(None)
    }

    /// Has the entries of a table's records, of which none speaks of `to` later than of `from`, speak of `to` only.
    pub fn renumber_field(&self, table: TableNo, from: FieldNo, to: FieldNo) -> Result<()> {
        for number in self.entries_of(table)? {
            let Some(mut entry) = self.entry(JournalNumber(number))? else { continue };
            if entry.kind.renumber_field(from, to)
                && let Some(undo) = encode_undo(&entry.kind)
            {
                self.write(Statement::SetUndo, &[Parameter::Integer(number), Parameter::Cells(&undo)])?;
            }
        }
        Ok(())
    }

    /// Has `each` rewrite every row that the journal and the graves of a table's records keep, or the part of one.
    pub fn reword<E: From<LedgerError>>(
        &self,
        table: TableNo,
        each: &mut dyn FnMut(&mut Row) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for number in self.entries_of(table)? {
            let Some(mut entry) = self.entry(JournalNumber(number))? else { continue };
            let row = match &mut entry.kind {
                EntryKind::Insert | EntryKind::Rename(_) => continue,
                EntryKind::Update(image, _) | EntryKind::Delete(image) | EntryKind::Replace(image) => &mut image.row,
            };
            let before = row.clone();
            each(row)?;
            if *row != before
                && let Some(undo) = encode_undo(&entry.kind)
            {
                self.write(Statement::SetUndo, &[Parameter::Integer(number), Parameter::Cells(&undo)])?;
            }
        }
        self.reword_graves(table, each)
    }

    /// Entries of a table's records.
    fn entries_of(&self, table: TableNo) -> Result<Vec<i64>> {
        let sql = "SELECT number FROM journal WHERE record IN (SELECT id FROM record WHERE table_no = ?)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([table.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Rows of the ledger with the records of a table that are there no more.
    pub fn ended_of(&self, table: TableNo) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE table_no = ? AND row IS NULL ORDER BY id")?;
        let rows = statement.query_map([table.0], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Gives a record that ended a value in a field in which it had none that anybody wrote.
    pub fn fill_ended(&self, record: &Record, field: FieldNo, value: &Value) -> Result<()> {
        let Some(Entry { number, kind: EntryKind::Delete(mut image), .. }) = self.entry(record.version)? else { return Ok(()) };
        if image.stamp(field).is_none() && !matches!(value, Value::Absent | Value::Null) && *image.row.get(field) == Value::Null {
            image.row.set(field, value.clone());
            if let Some(undo) = encode_undo(&EntryKind::Delete(image)) {
                self.write(Statement::SetUndo, &[Parameter::Integer(number.0), Parameter::Cells(&undo)])?;
            }
        }
        Ok(())
    }

    /// Records with an entry after `after` that `neighbour` does not know already, and those with exceptions: by table rank and key.
    /// With `all`, every record there is, and what ended since.
    pub fn candidates(&self, neighbour: SiteNo, after: JournalNumber, all: bool) -> Result<Vec<i64>> {
        let sql = if all { EVERYTHING } else { CANDIDATES };
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &SqlRow<'_>| row.get(0);
        let rows = if all { statement.query_map([after.0], read)? } else { statement.query_map((after.0, neighbour.0), read)? };
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Ledger {
    /// As [`Self::candidates`], of one table.
    pub fn candidates_in(&self, table: TableNo, neighbour: SiteNo, after: JournalNumber) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached(&CANDIDATES.replace("ORDER BY", "AND table_no = ?3 ORDER BY"))?;
        let rows = statement.query_map((after.0, neighbour.0, table.0), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Records that were told to a neighbour by an entry after `after` up to `until`, by their rows.
    pub fn told_between(&self, neighbour: SiteNo, after: JournalNumber, until: JournalNumber) -> Result<Vec<i64>> {
        let sql = "SELECT DISTINCT record FROM journal WHERE number > ?1 AND number <= ?2 AND known_to IS NOT ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((after.0, until.0, neighbour.0), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many changes of records there were, by day of the zone that is `offset` milliseconds ahead of UTC: days since 1970.
    pub fn changes_by_day(&self, since: Millis, offset: i64) -> Result<Vec<(i64, u64)>> {
        let sql = "SELECT (c.time + ?2) / 86400000 AS day, count(*) FROM cause c JOIN journal j ON j.cause = c.id \
            WHERE c.time >= ?1 GROUP BY day ORDER BY day";
        self.by_day(sql, since, offset)
    }

    /// How many conflicts were decided, by day, as [`Ledger::changes_by_day`].
    pub fn conflicts_by_day(&self, since: Millis, offset: i64) -> Result<Vec<(i64, u64)>> {
        let sql = "SELECT (time + ?2) / 86400000 AS day, count(*) FROM conflict WHERE time >= ?1 AND state NOT IN ('settles', 'passing') GROUP BY day ORDER BY day";
        self.by_day(sql, since, offset)
    }

    fn by_day(&self, sql: &str, since: Millis, offset: i64) -> Result<Vec<(i64, u64)>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((since.0, offset), |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Row-level undo: born site, born sequence, then the row and the stamps as bytes; updates carry their fields first. An insert needs none.
fn encode_undo(kind: &EntryKind) -> Option<Rope> {
    use crate::model::cells::{push_integer, push_null};
    let mut undo = Rope::default();
    let born = |undo: &mut Rope, born: Born| {
        push_integer(undo.bytes_mut(), born.site.0.into());
        push_integer(undo.bytes_mut(), born.sequence.cast_signed());
    };
    match kind {
        EntryKind::Insert => return None,
        EntryKind::Rename(old) => born(&mut undo, *old),
        EntryKind::Delete(image) | EntryKind::Replace(image) => {
            born(&mut undo, image.born);
            undo.push_blob(&Rope::from(&image.row));
            match stamps_bytes(&image.stamps) {
                stamps if stamps.is_empty() => push_null(undo.bytes_mut()),
                stamps => crate::model::cells::push_blob(undo.bytes_mut(), &stamps),
            }
        }
        EntryKind::Update(image, fields) => undo = super::latest::encode(image, fields),
    }
    Some(undo)
}

fn read(row: &SqlRow<'_>) -> Result<Entry> {
    let damaged = || LedgerError::Damaged("journal");
    let undo = row.get_ref(7)?.as_bytes_or_null().map_err(|_| damaged())?.unwrap_or_default();
    let crate::model::Row(values) = crate::model::Row::decode(undo).map_err(|_| damaged())?;
    let site = |value: &Value| match value {
        Value::Integer(number) => u32::try_from(*number).map(SiteNo).map_err(|_| damaged()),
        Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => Err(damaged()),
    };
    let born = |values: &[Value]| match values {
        [number, Value::Integer(sequence), ..] => Ok(Born { site: site(number)?, sequence: sequence.cast_unsigned() }),
        _ => Err(damaged()),
    };
    let whole = |values: &[Value]| match values {
        [_, _, Value::Blob(bytes), stamps] => Ok(Image {
            born: born(values)?,
            row: crate::model::Row::decode(bytes).map_err(|_| damaged())?,
            stamps: match stamps {
                Value::Blob(bytes) => super::records::read_stamps(Some(bytes))?,
                Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => Vec::new(),
            },
        }),
        _ => Err(damaged()),
    };
    let kind = match row.get::<_, i64>(2)? {
        1 => EntryKind::Insert,
        2 => {
            let mut image = Image::default();
            let mut fields = Vec::new();
            for chunk in values.chunks(4) {
                let [Value::Integer(field), old, time, by] = chunk else { return Err(damaged()) };
                let field = FieldNo(u16::try_from(*field).map_err(|_| damaged())?);
                image.row.set(field, old.clone());
                if let Value::Integer(time) = time {
                    image.set_stamp(field, Some(Stamp { time: Millis(*time), site: site(by)? }));
                }
                fields.push(field);
            }
            EntryKind::Update(image, fields)
        }
        3 => EntryKind::Delete(whole(&values)?),
        4 => EntryKind::Replace(whole(&values)?),
        5 => EntryKind::Rename(born(&values)?),
        _ => return Err(damaged()),
    };
    let stamp = match (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<u32>>(6)?) {
        (Some(time), Some(site)) => Some(Stamp { time: Millis(time), site: SiteNo(site) }),
        (None | Some(_), None) | (None, Some(_)) => None,
    };
    Ok(Entry {
        number: JournalNumber(row.get(0)?),
        previous: JournalNumber(row.get(1)?),
        kind,
        known_to: row.get::<_, Option<u32>>(3)?.map(SiteNo),
        cause: row.get(4)?,
        stamp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_send_is_found_without_walking_through_all_records() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {CANDIDATES}")).unwrap();
        let plan = statement.query_map((1, 1), |row| row.get(3)).unwrap().collect::<rusqlite::Result<Vec<String>>>().unwrap();
        assert!(plan.iter().any(|step| step.contains("record_extra")), "{plan:?}");
        assert!(!plan.iter().any(|step| step == "SCAN record" || step == "SCAN journal"), "{plan:?}");
    }
}
