//! Letting go of what nobody needs: what there is, in the order it came, and its removal.
//!
//! Nothing here judges: who may forget what, and when, is for the layer above. What is counted by the highest number that is
//! there (entries, records) goes on counting from the counters kept in `meta`.

use rusqlite::{OptionalExtension as _, Rows};

use super::statements::{Parameter, Statement};
use super::{Conflict, Direction, Ledger, LedgerError, Result};
use crate::model::{Born, JournalNumber, Millis, PacketNumber, SiteNo};

/// Entries of the journal that are looked at for the oldest cause that is still named. Causes are numbered in the order of their entries but
/// within one slice, which is shorter.
const CAUSES_MIX_WITHIN: i64 = 20_000;

/// An entry of the journal, as far as forgetting asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldEntry {
    /// Its place.
    pub number: JournalNumber,
    /// The record, as a row of the ledger.
    pub record: i64,
    /// When it was made, by our clock.
    pub time: Millis,
    /// Whether it keeps the last state of a record that ended.
    pub tombstone: bool,
    /// Whether an older entry of the record is there.
    pub follows: bool,
}

/// A conflict, as far as forgetting asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldConflict {
    /// Its number here.
    pub number: i64,
    /// When it was decided.
    pub time: Millis,
    /// The conflict that it settles, where that is here.
    pub settles: Option<i64>,
}

impl Ledger {
    /// Up to `most` entries after `after` and not beyond `until`, in order.
    pub fn old_entries(&self, after: JournalNumber, until: JournalNumber, most: u64) -> Result<Vec<OldEntry>> {
        let sql = "SELECT j.number, j.record, c.time, j.kind IN (3, 4), EXISTS (SELECT 1 FROM journal p WHERE p.number = j.previous) \
            FROM journal j CROSS JOIN cause c ON c.id = j.cause WHERE j.number > ?1 AND j.number <= ?2 ORDER BY j.number LIMIT ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((after.0, until.0, most.cast_signed()), |row| {
            Ok(OldEntry {
                number: JournalNumber(row.get(0)?),
                record: row.get(1)?,
                time: Millis(row.get(2)?),
                tombstone: row.get(3)?,
                follows: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether an entry of a record older than `number` is there. The chain is whole down to where it was forgotten.
    pub fn follows_another(&self, number: JournalNumber) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM journal p JOIN journal j ON p.number = j.previous WHERE j.number = ?)";
        Ok(self.connection.prepare_cached(sql)?.query_row([number.0], |row| row.get(0))?)
    }

    /// Forgets an entry of the journal: the oldest of its record.
    pub fn forget_entry(&self, number: JournalNumber) -> Result<()> {
        self.write(Statement::ForgetEntry, &[Parameter::Integer(number.0)]).map(drop)
    }

    /// Up to `most` graves after a record's, in order: the record and the incarnation.
    pub fn graves(&self, after: i64, most: u64) -> Result<Vec<(i64, Born)>> {
        let sql = "SELECT record, site, sequence FROM grave WHERE record > ? ORDER BY record LIMIT ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((after, most.cast_signed()), |row| {
            Ok((row.get(0)?, Born { site: SiteNo(row.get(1)?), sequence: row.get::<_, i64>(2)?.cast_unsigned() }))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets the graves of a record.
    pub fn forget_graves(&self, record: i64) -> Result<u64> {
        self.write(Statement::ForgetGraves, &[Parameter::Integer(record)]).map(|count| count as u64)
    }

    /// Up to `most` records after one under whose key others were absorbed, in order.
    pub fn absorbers(&self, after: i64, most: u64) -> Result<Vec<i64>> {
        let sql = "SELECT DISTINCT record FROM alias WHERE record > ? ORDER BY record LIMIT ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((after, most.cast_signed()), |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets who was absorbed under the key of a record.
    pub fn forget_aliases(&self, record: i64) -> Result<u64> {
        self.write(Statement::ForgetAliases, &[Parameter::Integer(record)]).map(|count| count as u64)
    }

    /// Forgets a record that is not here and of which nothing else is kept, with what its dropped fields held. Says whether it was such a one.
    pub fn forget_record(&self, record: i64) -> Result<bool> {
        let gone = self.write(Statement::ForgetRecord, &[Parameter::Integer(record)])? > 0;
        if gone {
            self.write(Statement::ForgetPastValues, &[Parameter::Integer(record)])?;
        }
        Ok(gone)
    }

    /// Notes which numbers are given next; whoever forgets entries or records does this in the same commit.
    pub fn keep_counters(&self) -> Result<()> {
        self.set_meta("journal", Parameter::Integer(self.journal.get()))?;
        self.set_meta("next_record", Parameter::Integer(self.next_record.get()))
    }

    /// Forgets up to `most` causes from before `cutoff` that no entry names. The last one stays: it says when anything happened last.
    pub fn forget_causes(&self, cutoff: Millis, most: u64) -> Result<u64> {
        let first = |sql| self.connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).optional();
        let (Some(oldest), Some(last)) =
            (first("SELECT id FROM cause ORDER BY id LIMIT 1")?, first("SELECT id FROM cause ORDER BY id DESC LIMIT 1")?)
        else {
            return Ok(0);
        };
        if first("SELECT cause FROM journal ORDER BY number LIMIT 1")?.is_some_and(|named| oldest >= named) {
            return Ok(0);
        }
        let named = "SELECT min(cause) FROM (SELECT cause FROM journal ORDER BY number LIMIT ?)";
        let named: Option<i64> = self.connection.prepare_cached(named)?.query_row([CAUSES_MIX_WITHIN], |row| row.get(0))?;
        let mut statement = self.connection.prepare_cached("SELECT id, time FROM cause WHERE id < ? ORDER BY id LIMIT ?")?;
        let mut rows = statement.query((named.unwrap_or(last).min(last), most.cast_signed()))?;
        let (until, count) = older(&mut rows, cutoff)?;
        drop(rows);
        until.map_or(Ok(()), |until| self.write(Statement::ForgetCauses, &[Parameter::Integer(until)]).map(drop))?;
        Ok(count)
    }

    /// Forgets up to `most` packets of a stream from before `cutoff` whose numbers are below `below`.
    pub fn forget_packets(&self, with: SiteNo, direction: Direction, below: PacketNumber, cutoff: Millis, most: u64) -> Result<u64> {
        let sql = "SELECT number, time FROM packet WHERE site = ? AND direction = ? AND number < ? ORDER BY number LIMIT ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((with.0, direction.word(), below.0.cast_signed(), most.cast_signed()))?;
        let (until, count) = older(&mut rows, cutoff)?;
        drop(rows);
        let parameters = |until| [Parameter::Integer(with.0.into()), Parameter::text(direction.word()), Parameter::Integer(until)];
        until.map_or(Ok(()), |until| self.write(Statement::ForgetPackets, &parameters(until)).map(drop))?;
        Ok(count)
    }

    /// Conflicts that wait for nobody, up to number `until`, the last one of all excepted, as long as `each` says to go on.
    pub fn old_conflicts(&self, until: i64, each: &mut dyn FnMut(OldConflict) -> bool) -> Result<()> {
        let sql = "SELECT number, time, state, content FROM conflict WHERE number <= ? AND number < (SELECT max(number) FROM conflict) \
            AND state NOT IN ('open', 'taken') ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([until])?;
        while let Some(row) = rows.next()? {
            let mut old = OldConflict { number: row.get(0)?, time: Millis(row.get(1)?), settles: None };
            if row.get::<_, String>(2)? == super::conflicts::SETTLES {
                let conflict: Conflict = serde_json::from_str(&row.get::<_, String>(3)?).map_err(|_| LedgerError::Damaged("conflict"))?;
                let settled = conflict.settles.map(|(decider, number)| self.conflict_of(decider.as_str(), number)).transpose()?;
                old.settles = settled.flatten();
            }
            if !each(old) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The number here of a conflict of another site.
    fn conflict_of(&self, decider: &str, number: i64) -> Result<Option<i64>> {
        let sql = "SELECT conflict.number FROM conflict JOIN site ON site.number = decider WHERE name = ? AND decider_number = ?";
        Ok(self.connection.prepare_cached(sql)?.query_row((decider, number), |row| row.get(0)).optional()?)
    }

    /// Forgets a conflict.
    pub fn forget_conflict(&self, number: i64) -> Result<()> {
        self.write(Statement::ForgetConflict, &[Parameter::Integer(number)]).map(drop)
    }

    /// Forgets up to `most` notes of edits that were made twice, from before `cutoff` and from when the journal was not longer than this.
    pub fn forget_same_edits(&self, journal: JournalNumber, cutoff: Millis, most: u64) -> Result<u64> {
        let parameters = [journal.0, cutoff.0, most.cast_signed()].map(Parameter::Integer);
        self.write(Statement::ForgetSameEdits, &parameters).map(|count| count as u64)
    }

    /// How far in the journal a neighbour was told everything by our packets up to `packet`. Of one that has none of them, how far
    /// the journal was before its first packet.
    pub fn told_up_to(&self, to: SiteNo, packet: PacketNumber) -> Result<JournalNumber> {
        let sent = |condition: &str, journal: i64| {
            let sql = format!("SELECT journal FROM packet WHERE site = ?1 AND direction = 'out' AND {condition} LIMIT 1");
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_row((to.0, packet.0.cast_signed(), journal), |row| row.get(0)).optional()
        };
        let Some(told) = sent("number = ?2 AND ?3 IS NOT NULL", 0)? else {
            let first = sent("number > ?2 AND ?3 IS NOT NULL ORDER BY number", 0)?;
            return Ok(first.map_or(self.neighbour(to)?.cursor, JournalNumber));
        };
        if sent("number > ?2 AND journal = ?3 AND changes > 0", told)?.is_none() {
            return Ok(JournalNumber(told));
        }
        let before = sent("number < ?2 AND journal < ?3 ORDER BY number DESC", told)?;
        Ok(JournalNumber(before.unwrap_or_default()))
    }

    /// The last packet of a neighbour that was applied when the journal was not longer than this.
    pub fn received_by(&self, from: SiteNo, journal: JournalNumber) -> Result<Option<PacketNumber>> {
        let sql = "SELECT number FROM packet WHERE site = ? AND direction = 'in' AND journal <= ? ORDER BY number DESC LIMIT 1";
        let number: Option<i64> = self.connection.prepare_cached(sql)?.query_row((from.0, journal.0), |row| row.get(0)).optional()?;
        Ok(number.map(|number| PacketNumber(number.cast_unsigned())))
    }

    /// Packets to a child that may have told it what no entry tells of, without that being noted: those from before this version.
    pub fn unnoted(&self, child: SiteNo) -> Result<PacketNumber> {
        Ok(PacketNumber(self.meta_number(&format!("unnoted:{}", child.0))?))
    }

    /// The last entry of the journal from before a time, by halving: entries are in the order of their time.
    pub fn last_entry_before(&self, time: Millis) -> Result<JournalNumber> {
        let sql = "SELECT j.number, c.time FROM journal j CROSS JOIN cause c ON c.id = j.cause WHERE j.number <= ? ORDER BY j.number DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (mut before, mut after) = (0, self.journal.get() + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let found = statement.query_row([middle], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?;
            match found {
                Some((number, at)) if at > time.0 && number > before => after = number,
                Some(_) | None => before = middle,
            }
        }
        Ok(JournalNumber(before))
    }
}

/// Of rows of a number and a time, in order: the last number before the first one that is younger, and how many there are.
fn older(rows: &mut Rows<'_>, cutoff: Millis) -> Result<(Option<i64>, u64)> {
    let (mut until, mut count) = (None, 0);
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? > cutoff.0 {
            break;
        }
        until = Some(row.get(0)?);
        count += 1;
    }
    Ok((until, count))
}
