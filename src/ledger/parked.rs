//! What has no place in the database (any more, or not yet): changes for unknown tables and fields, last values of dropped ones.
//!
//! Both name fields by number. A table or field that only a neighbour has gets a number too, in a shape that is `gone` or a field
//! that is `dropped`; the number becomes good when the application makes the thing.

use rusqlite::{OptionalExtension, Row as SqlRow};

use super::statements::{Parameter, Statement};
use super::{Ledger, LedgerError, Record, Result};
use crate::model::{Change, FieldNo, Key, Millis, PacketNumber, Rope, SiteNo, TableNo, Value, cells};

/// A neighbour's change that has no place here, composed of all that came for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Who sent it.
    pub site: SiteNo,
    /// The packet it came in last.
    pub packet: PacketNumber,
    /// When it was parked first.
    pub since: Millis,
    /// The change: of a table that is here only the fields that are not.
    pub change: Change,
}

/// What a field of a record held when it was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastValue {
    /// The field.
    pub field: FieldNo,
    /// The value.
    pub value: Value,
    /// When the drop was noticed.
    pub time: Millis,
}

impl Ledger {
    /// Parks a change, in the place of what was parked of the same neighbour for the same record.
    pub fn put_parked(&self, parked: &Parked) -> Result<()> {
        let content = serde_json::to_vec(&parked.change).map_err(|_| LedgerError::Damaged("parked change"))?;
        let [site, table, key] = place(parked.site, parked.change.table, &parked.change.key);
        let packet = Parameter::Integer(parked.packet.0.cast_signed());
        self.write(Statement::PutParked, &[site, table, key, packet, Parameter::Integer(parked.since.0), Parameter::Text(&content)])
            .map(drop)
    }

    /// Forgets what is parked of a neighbour for a record.
    pub fn drop_parked(&self, site: SiteNo, table: TableNo, key: &Key) -> Result<()> {
        self.write(Statement::DropParked, &place(site, table, key)).map(drop)
    }

    /// What is parked of a neighbour for a record.
    pub fn parked_of(&self, site: SiteNo, table: TableNo, key: &Key) -> Result<Option<Parked>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT site, packet, since, content FROM parked WHERE site = ? AND table_no = ? AND key = ?")?;
        statement.query_row((site.0, table.0, key.as_bytes()), |row| Ok(read(row))).optional()?.transpose()
    }

    /// Everything that is parked for a table, by key and neighbour.
    pub fn parked_in(&self, table: TableNo) -> Result<Vec<Parked>> {
        let mut statement =
            self.connection.prepare_cached("SELECT site, packet, since, content FROM parked WHERE table_no = ? ORDER BY key, site")?;
        statement.query_map([table.0], |row| Ok(read(row)))?.map(|row| row?).collect()
    }

    /// The tables for which anything is parked.
    pub fn parked_tables(&self) -> Result<Vec<TableNo>> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT table_no FROM parked ORDER BY table_no")?;
        Ok(statement.query_map([], |row| row.get(0).map(TableNo))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether anything of a neighbour is parked.
    pub fn any_parked(&self, site: SiteNo) -> Result<bool> {
        let mut statement = self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM parked WHERE site = ?)")?;
        Ok(statement.query_row([site.0], |row| row.get(0))?)
    }

    /// Makes the mirror what it would be if the schema had always been as it is now: no entry of the journal tells of it,
    /// because nobody edited anything.
    pub fn fill_mirror(&self, record: &Record) -> Result<()> {
        let Some(image) = &record.current else { return Err(LedgerError::Damaged("record")) };
        self.write_row(record, image, Parameter::Cells(&Rope::from(&image.row)))
    }

    /// Keeps what a field of a record held, beside what others had in it.
    pub fn put_past_value(&self, record: i64, past: &PastValue) -> Result<()> {
        let number = i64::from(past.field.0);
        let known = "SELECT value FROM past_value WHERE record = ? AND field = ?";
        let known: Option<Vec<u8>> = self.connection.prepare_cached(known)?.query_row([record, number], |row| row.get(0)).optional()?;
        let (mut all, mut cell) = (known.unwrap_or_default(), Vec::new());
        cells::push(&mut cell, &past.value);
        if !cells::split(&all).any(|known| known.is_ok_and(|known| known == cell)) {
            all.append(&mut cell);
        }
        let (record, field, time) = (Parameter::Integer(record), Parameter::Integer(number), Parameter::Integer(past.time.0));
        self.write(Statement::PutPastValue, &[record, field, Parameter::Blob(&all), time]).map(drop)
    }

    /// What [`Ledger::put_past_value`] kept of a record, by field, oldest first.
    pub fn past_values(&self, record: &Record) -> Result<Vec<PastValue>> {
        let Some(id) = record.id else { return Ok(Vec::new()) };
        let mut statement = self.connection.prepare_cached("SELECT field, value, time FROM past_value WHERE record = ? ORDER BY field")?;
        let mut rows = statement.query([id])?;
        let mut found = Vec::new();
        let damaged = |_| LedgerError::Damaged("past value");
        while let Some(row) = rows.next()? {
            let all = row.get_ref(1)?.as_blob().map_err(|_| LedgerError::Damaged("past value"))?;
            for cell in cells::split(all) {
                let value = cell.and_then(cells::value).map_err(damaged)?;
                found.push(PastValue { field: FieldNo(row.get(0)?), value, time: Millis(row.get(2)?) });
            }
        }
        Ok(found)
    }
}

fn place(site: SiteNo, table: TableNo, key: &Key) -> [Parameter<'_>; 3] {
    [Parameter::Integer(site.0.into()), Parameter::Integer(table.0.into()), Parameter::Blob(key.as_bytes())]
}

fn read(row: &SqlRow<'_>) -> Result<Parked> {
    let content: String = row.get(3)?;
    Ok(Parked {
        site: SiteNo(row.get(0)?),
        packet: PacketNumber(row.get::<_, i64>(1)?.cast_unsigned()),
        since: Millis(row.get(2)?),
        change: serde_json::from_str(&content).map_err(|_| LedgerError::Damaged("parked change"))?,
    })
}
