//! The list of everything that did not simply become the record.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use super::statements::{Parameter, Statement};
use super::{Ledger, LedgerError, Result};
use crate::model::{FieldNo, JournalNumber, Key, Millis, PacketNumber, Row, SiteName, SiteNo, Stamp};

/// One decision with what lost.
///
/// It has names, not numbers, because it travels: to the site whose edit lost and along the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Which kind of disagreement.
    pub kind: ConflictKind,
    /// Table.
    pub table: String,
    /// Key as canonical bytes, as it was when this was decided: a handed-out number may be another record's by now.
    pub key: Key,
    /// Which record it is whatever its number, in a table of handed-out numbers: the site that made it, and that site's number of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<(SiteName, u64)>,
    /// Field; none where the whole record is meant.
    pub field: Option<String>,
    /// The three values below, exactly, and of [`ConflictKind::Merged`] what the parent had; of a whole record the one that lost.
    pub exact: Row,
    /// The value both had once, as far as known, in words.
    pub base: Option<String>,
    /// By what people know the record, besides its key, where somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// The value that stands, in words; of [`ConflictKind::Taken`] the record that has it.
    pub winner: Option<String>,
    /// The value that lost, in words.
    pub loser: Option<String>,
    /// The site whose value stands.
    pub winner_site: Option<SiteName>,
    /// The site whose value lost.
    pub loser_site: Option<SiteName>,
    /// The sites that made the same edit, as far as the way to them is known here, and when: it lost with that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<(SiteName, Option<Millis>)>,
    /// When the value that stands was edited, by the clock of its site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner_time: Option<Millis>,
    /// When the value that lost was edited, by the clock of its site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loser_time: Option<Millis>,
    /// Of a [`ConflictKind::Field`]: whether what the child sent won over what the parent had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_won: Option<bool>,
    /// Of a [`ConflictKind::Settled`]: whose conflict it settles, and under which number it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles: Option<(SiteName, i64)>,
    /// It is listed here for nobody, and only on its way to offices below which somebody may have made that edit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
    /// The rule that decided, in words.
    pub rule: String,
    /// The site that decided.
    pub decider: SiteName,
    /// The packet that brought the change, and from whom.
    pub packet: Option<(SiteName, PacketNumber)>,
    /// When it was decided.
    pub time: Millis,
    /// Whether a person is wanted.
    pub state: ConflictState,
    /// Where the journal of *this* site ended when it was listed here: what was done to the record since is behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<JournalNumber>,
}

impl Conflict {
    /// Every site whose edit lost.
    pub fn losing_sites(&self) -> impl Iterator<Item = &SiteName> {
        self.loser_site.iter().chain(self.also.iter().map(|(site, _)| site))
    }
}

/// An edit that is here, and which a child may have made as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OurEdit {
    /// Of a field, at this site and time.
    Field(FieldNo, Stamp),
    /// The delete that is this entry of the journal.
    Delete(JournalNumber),
}

impl OurEdit {
    /// The field, where and when, as the file has them.
    fn columns(self) -> [i64; 3] {
        match self {
            Self::Field(field, stamp) => [i64::from(field.0), i64::from(stamp.site.0), stamp.time.0],
            Self::Delete(entry) => [-1, 0, entry.0],
        }
    }
}

/// Which kind of disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// The same field was edited at two sites.
    Field,
    /// One site deleted what another edited.
    Delete,
    /// Two sites created a record under the same natural key; they are one record now.
    Twin,
    /// The record it spoke of is no more, or its key belongs to another record.
    Gone,
    /// A delete of a record that others here refer to.
    Dependants,
    /// Not decided: the change waits at the deciding site, for the reason given as the rule.
    Held,
    /// Not decided: the change waits at the deciding site for a unique value that another record has.
    Taken,
    /// Both edits are kept in one value.
    Merged,
    /// The rules do not allow a child this change: the parent refused it.
    Refused,
    /// A person let go of a change that was held, for the reason given as the rule.
    Dropped,
    /// A person settled an earlier conflict.
    Settled,
}

/// Whether a person is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictState {
    /// Decided by a rule.
    Decided,
    /// `review`: the parent's value stands until a person looks.
    Open,
}

/// What stands for the state of an entry that settles another one.
pub(super) const SETTLES: &str = "settles";
/// What stands for the state of an entry that is listed for nobody.
const PASSING: &str = "passing";
/// What stands for the state of one of ours about a unique value whose change waits.
const TAKEN: &str = "taken";

impl ConflictState {
    const fn word(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Open => "open",
        }
    }
}

/// An edit that came when it was here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SameEdit {
    /// Who made it.
    pub site: SiteNo,
    /// When, by its clock; nobody knows when a record was deleted.
    pub time: Option<Millis>,
    /// Where our journal ended when it came.
    pub journal: JournalNumber,
    /// When it came, by our clock.
    pub noted: Millis,
}

impl Ledger {
    /// Adds a conflict decided here, or one that travelled (`decider_number` is then the decider's number of it).
    /// One that is here already is not added again.
    pub fn add_conflict(&self, conflict: &Conflict, decider_number: Option<i64>) -> Result<()> {
        let number = self.last_conflict()? + 1;
        let decider = self.site_number(&conflict.decider)?;
        let loser = conflict.loser_site.as_ref().map(|name| self.site_number(name)).transpose()?;
        let content = serde_json::to_vec(&Conflict { listed_at: Some(self.journal_end()), ..conflict.clone() })
            .map_err(|_| LedgerError::Damaged("conflict"))?;
        let state = match (&conflict.settles, conflict.kind, decider_number) {
            _ if conflict.passing => PASSING,
            (Some(_), ..) => SETTLES,
            (None, ConflictKind::Taken, None) => TAKEN,
            (None, ..) => conflict.state.word(),
        };
        self.write(
            Statement::AddConflict,
            &[
                Parameter::Integer(number),
                Parameter::Integer(decider.0.into()),
                Parameter::Integer(decider_number.unwrap_or(number)),
                loser.map_or(Parameter::Null, |site| Parameter::Integer(site.0.into())),
                Parameter::text(&conflict.table),
                Parameter::Blob(conflict.key.as_bytes()),
                Parameter::text(state),
                Parameter::Integer(conflict.time.0),
                Parameter::Text(&content),
            ],
        )
        .map(drop)
    }

    /// Records of which a neighbour said that a change waits there, at some time: their tables and the keys that people know.
    pub fn waiting_elsewhere(&self) -> Result<BTreeSet<(String, Key)>> {
        let sql = "SELECT table_name, key FROM conflict WHERE decider <> 0 AND json_extract(content, '$.kind') IN ('held', 'taken')";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut waiting = BTreeSet::new();
        while let Some(row) = rows.next()? {
            waiting.insert((row.get(0)?, Key::from_bytes(row.get(1)?)));
        }
        Ok(waiting)
    }

    /// The conflict that has a number at its decider, where it is here.
    pub fn conflict_at(&self, decider: &SiteName, number: i64) -> Result<Option<Conflict>> {
        let sql = "SELECT content FROM conflict JOIN site ON site.number = decider WHERE name = ? AND decider_number = ?";
        let content: Option<String> =
            self.connection.prepare_cached(sql)?.query_row((decider.as_str(), number), |row| row.get(0)).optional()?;
        content.map(|content| serde_json::from_str(&content).map_err(|_| LedgerError::Damaged("conflict"))).transpose()
    }

    /// Notes that `site` made an edit that was here already, at `time` by its clock.
    pub fn note_same_edit(&self, record: i64, ours: OurEdit, site: SiteNo, time: Option<Millis>, now: Millis) -> Result<()> {
        let [field, our_site, our_place] = ours.columns().map(Parameter::Integer);
        let time = time.map_or(Parameter::Null, |time| Parameter::Integer(time.0));
        let [record, journal, now] = [record, self.journal_end().0, now.0].map(Parameter::Integer);
        let site = Parameter::Integer(site.0.into());
        self.write(Statement::AddSameEdit, &[record, field, our_site, our_place, site, time, journal, now]).map(drop)
    }

    /// Whether anybody made any edit of this site and time as well.
    pub fn has_same_edits(&self, stamp: Stamp) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM same_edit WHERE our_site = ? AND our_place = ?)";
        Ok(self.connection.prepare_cached(sql)?.query_row((stamp.site.0, stamp.time.0), |row| row.get(0))?)
    }

    /// Whether anybody made any edit that was here already.
    pub fn any_same_edits(&self) -> Result<bool> {
        Ok(self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM same_edit)")?.query_row([], |row| row.get(0))?)
    }

    /// Who made an edit of a record as well, and when.
    pub fn same_edits(&self, record: i64, ours: OurEdit) -> Result<Vec<(SiteNo, Option<Millis>)>> {
        Ok(self.same_edits_met(record, ours)?.into_iter().map(|same| (same.site, same.time)).collect())
    }

    /// As [`Self::same_edits`], with where and when the two met.
    pub fn same_edits_met(&self, record: i64, ours: OurEdit) -> Result<Vec<SameEdit>> {
        let sql = "SELECT site, time, journal, noted FROM same_edit WHERE record = ? AND field = ? AND our_site = ? AND our_place = ? ORDER BY id";
        let [field, our_site, our_place] = ours.columns();
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((record, field, our_site, our_place), |row| {
            let time = row.get::<_, Option<i64>>(1)?.map(Millis);
            Ok(SameEdit { site: SiteNo(row.get(0)?), time, journal: JournalNumber(row.get(2)?), noted: Millis(row.get(3)?) })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The number of the last conflict in the list; 0 for none.
    pub fn last_conflict(&self) -> Result<i64> {
        Ok(self.connection.prepare_cached("SELECT ifnull(max(number), 0) FROM conflict")?.query_row([], |row| row.get(0))?)
    }

    /// Conflicts after `after`, in order: number here, number at the decider, site of the losing edit, conflict.
    pub fn conflicts(&self, after: i64, each: &mut dyn FnMut(i64, i64, Option<SiteNo>, Conflict) -> Result<()>) -> Result<()> {
        self.outcomes(after, &mut |number, at_decider, loser, conflict| {
            if conflict.passing { Ok(()) } else { each(number, at_decider, loser, conflict) }
        })
    }

    /// The same with those that are listed for nobody here ([`Conflict::passing`]).
    pub fn outcomes(&self, after: i64, each: &mut dyn FnMut(i64, i64, Option<SiteNo>, Conflict) -> Result<()>) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, decider_number, loser_site, content FROM conflict WHERE number > ? ORDER BY number")?;
        let mut rows = statement.query([after])?;
        while let Some(row) = rows.next()? {
            let conflict = serde_json::from_str(&row.get::<_, String>(3)?).map_err(|_| LedgerError::Damaged("conflict"))?;
            each(row.get(0)?, row.get(1)?, row.get::<_, Option<u32>>(2)?.map(SiteNo), conflict)?;
        }
        Ok(())
    }

    /// A conflict by its number here.
    pub fn conflict(&self, number: i64) -> Result<Option<Conflict>> {
        let mut statement = self.connection.prepare_cached("SELECT content FROM conflict WHERE number = ?")?;
        let content: Option<String> = statement.query_row([number], |row| row.get(0)).optional()?;
        content.map(|content| serde_json::from_str(&content).map_err(|_| LedgerError::Damaged("conflict"))).transpose()
    }

    /// Every conflict of a table with its number here, in no order.
    pub fn conflicts_of(&self, table: &str, each: &mut dyn FnMut(i64, Conflict)) -> Result<()> {
        let mut statement = self.connection.prepare_cached("SELECT number, content FROM conflict WHERE table_name = ?")?;
        let mut rows = statement.query([table])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, serde_json::from_str(&row.get::<_, String>(1)?).map_err(|_| LedgerError::Damaged("conflict"))?);
        }
        Ok(())
    }

    /// How many are listed of the record that had this key when they were decided.
    pub fn conflicts_about(&self, table: &str, key: &Key) -> Result<u64> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*) FROM conflict WHERE table_name = ? AND key = ? AND state NOT IN (?, ?)")?;
        let amount: i64 = statement.query_row((table, key.as_bytes(), SETTLES, PASSING), |row| row.get(0))?;
        Ok(amount.unsigned_abs())
    }

    /// Numbers of the conflicts about unique values that were decided here and whose change still waits.
    pub fn taken(&self) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT decider_number FROM conflict WHERE state = 'taken' ORDER BY 1")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The change of one of [`Ledger::taken`] waits no more.
    pub fn close_taken(&self, number: i64) -> Result<()> {
        self.write(Statement::CloseTaken, &[Parameter::Integer(number)]).map(drop)
    }

    /// The conflicts that a person settled: who decided them, under which number they are there, and how they were settled, in words.
    pub fn settled(&self) -> Result<BTreeMap<(SiteName, i64), String>> {
        let mut statement = self.connection.prepare_cached("SELECT content FROM conflict WHERE state = ?")?;
        let mut rows = statement.query([SETTLES])?;
        let mut settled = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let conflict: Conflict = serde_json::from_str(&row.get::<_, String>(0)?).map_err(|_| LedgerError::Damaged("conflict"))?;
            let words = format!("{}, at '{}'", conflict.rule, conflict.decider);
            settled.extend(conflict.settles.map(|settles| (settles, words)));
        }
        Ok(settled)
    }
}
