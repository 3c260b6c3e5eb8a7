//! Numbers that no record has: those that records gave up, with what they once meant, and those that rows hold and that are nobody's.

use rusqlite::{OptionalExtension, Row as SqlRow};

use super::statements::{Parameter, Statement};
use super::{Ledger, Result};
use crate::model::{Millis, TableNo};

/// A number that a record gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// The table.
    pub table: TableNo,
    /// The number.
    pub number: i64,
    /// The record, as a row of the ledger.
    pub record: i64,
    /// The number it got instead; none where the record ended.
    pub became: Option<i64>,
    /// Whether the parent said so; else it only made room, and the parent will say which number it gets.
    pub told: bool,
    /// When, by our clock.
    pub time: Millis,
}

impl Ledger {
    /// Notes that a record gave up its number.
    pub fn add_former(&self, former: &Former) -> Result<()> {
        self.write(
            Statement::AddFormer,
            &[
                Parameter::Integer(former.table.0.into()),
                Parameter::Integer(former.number),
                Parameter::Integer(former.record),
                former.became.map_or(Parameter::Null, Parameter::Integer),
                Parameter::Integer(former.told.into()),
                Parameter::Integer(former.time.0),
            ],
        )
        .map(drop)
    }

    /// Notes that the parent said the number that a record got only to make room.
    pub fn tell_former(&self, record: i64, became: i64, now: Millis) -> Result<()> {
        self.write(Statement::TellFormer, &[Parameter::Integer(record), Parameter::Integer(became), Parameter::Integer(now.0)]).map(drop)
    }

    /// The records that had a number before, the last one first.
    pub fn formerly(&self, table: TableNo, number: i64) -> Result<Vec<i64>> {
        let sql = "SELECT record FROM former WHERE table_no = ? AND number = ? ORDER BY id DESC";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((table.0, number), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The last row of numbers that records gave up; 0 where there is none.
    pub fn last_former(&self) -> Result<i64> {
        Ok(self.connection.prepare_cached("SELECT ifnull(max(id), 0) FROM former")?.query_row([], |row| row.get(0))?)
    }

    /// Numbers that records gave up after a row of them, oldest first.
    pub fn given_up_after(&self, row: i64) -> Result<Vec<Former>> {
        let sql = "SELECT table_no, number, record, became, told, time FROM former WHERE id > ? ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([row], read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The last record that ended under a number. Who had it after that and moved on took along what referred to it.
    pub fn ended_under(&self, table: TableNo, number: i64) -> Result<Option<i64>> {
        let sql = "SELECT record FROM former WHERE table_no = ? AND number = ? AND became IS NULL ORDER BY id DESC LIMIT 1";
        Ok(self.connection.prepare_cached(sql)?.query_row((table.0, number), |row| row.get(0)).optional()?)
    }

    /// The number that a record had last, where it has none now.
    pub fn last_number(&self, record: i64) -> Result<Option<i64>> {
        let sql = "SELECT number FROM former WHERE record = ? AND became IS NULL ORDER BY id DESC LIMIT 1";
        Ok(self.connection.prepare_cached(sql)?.query_row([record], |row| row.get(0)).optional()?)
    }

    /// Every number under which a record ended.
    pub fn last_numbers(&self, record: i64) -> Result<Vec<i64>> {
        let sql = "SELECT DISTINCT number FROM former WHERE record = ? AND became IS NULL ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([record], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The number under which people knew a record that has none now: its last one that was not only given to it for a while.
    pub fn known_number(&self, record: i64) -> Result<Option<i64>> {
        let sql = "SELECT number FROM former f WHERE record = ?1 ORDER BY \
            EXISTS (SELECT 1 FROM former g WHERE g.record = ?1 AND g.became = f.number AND g.told = 0), id DESC LIMIT 1";
        let ended = self.last_number(record)?;
        let known = self.connection.prepare_cached(sql)?.query_row([record], |row| row.get(0)).optional()?;
        Ok(ended.and(known))
    }

    /// The highest number below `limit` that any record of a table gave up.
    pub fn highest_former(&self, table: TableNo, limit: i64) -> Result<Option<i64>> {
        let sql = "SELECT max(number) FROM former WHERE table_no = ? AND number < ?";
        Ok(self.connection.prepare_cached(sql)?.query_row((table.0, limit), |row| row.get(0))?)
    }

    /// Notes that a row holds a number which is nobody's.
    pub fn add_nobodys(&self, table: TableNo, number: i64, holder: i64) -> Result<()> {
        let parameters = [Parameter::Integer(table.0.into()), Parameter::Integer(number), Parameter::Integer(holder)];
        self.write(Statement::AddNobodys, &parameters).map(drop)
    }

    /// Rows that hold, or held, a number while it was nobody's.
    pub fn holders_of_nobodys(&self, table: TableNo, number: i64) -> Result<Vec<i64>> {
        let sql = "SELECT record FROM nobodys WHERE table_no = ? AND number = ? ORDER BY record";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((table.0, number), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every number that is noted as nobody's.
    pub fn nobodys(&self) -> Result<Vec<(TableNo, i64)>> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT table_no, number FROM nobodys ORDER BY table_no, number")?;
        let rows = statement.query_map([], |row| Ok((TableNo(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The numbers of a table that are noted as nobody's, from one on.
    pub fn nobodys_from(&self, table: TableNo, from: i64) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT number FROM nobodys WHERE table_no = ? AND number >= ?")?;
        let rows = statement.query_map((table.0, from), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A number is somebody's from now on.
    pub fn drop_nobodys(&self, table: TableNo, number: i64) -> Result<()> {
        self.write(Statement::DropNobodys, &[Parameter::Integer(table.0.into()), Parameter::Integer(number)]).map(drop)
    }

    /// Records that changed their number since `since`, oldest first.
    pub fn renumbered(&self, since: Millis) -> Result<Vec<Former>> {
        let sql = "SELECT table_no, number, record, became, told, time FROM former WHERE became IS NOT NULL AND time >= ? ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([since.0], read)?.collect::<rusqlite::Result<_>>()?)
    }
}

fn read(row: &SqlRow<'_>) -> rusqlite::Result<Former> {
    Ok(Former {
        table: TableNo(row.get(0)?),
        number: row.get(1)?,
        record: row.get(2)?,
        became: row.get(3)?,
        told: row.get(4)?,
        time: Millis(row.get(5)?),
    })
}
