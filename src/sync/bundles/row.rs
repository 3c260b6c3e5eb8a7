//! A row that a bundle put or took away: whose words are in it, how is it found again, and brought back?
//!
//! **Whose words** are in a row is asked column by column, by name. A version's are what it gave or changed; in any other column what was there
//! when the first version put the row ([`RowChange::over`]); in a column that came since, NULL or what SQLite filled it with, and what a
//! step of the version wrote there. Anything else is somebody's, also where a later version found it there: no version writes over it, and no row goes
//! with it in it.
//!
//! Found by the columns that the list says, with what their collations take for the same. Where these do not tell it from other rows, all its
//! columns do, and rows that are alike in all of them are counted.
//!
//! What the main office calls otherwise later, the notes of rows follow ([`RowChange::rename`]). Whatever is still not found under its name may
//! have been changed: never is it said to be as it was put, and it does not go.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::database::{Renamed, Said};
use crate::model::{Row, Value};
use crate::sync::{Result, Session, SyncError};

/// A row that a version put or took away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Its table.
    pub table: String,
    /// The columns that say which row it is.
    pub key: Vec<String>,
    /// The columns that the bundle gives; none where the row was taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) given: Vec<String>,
    /// The columns that are kept: all.
    pub(super) columns: Vec<String>,
    /// Their values before; none: there was no such row.
    pub(super) before: Option<Kept>,
    /// Their values afterwards; the same where the row was there already as it is to be.
    pub(super) after: Option<Kept>,
    /// Columns that steps of its version made: nobody else wrote into them before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) made: Vec<String>,
    /// The key says which row it is: 0. Else all columns do, and so many rows were the same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) alike: usize,
    /// It was there already, and a list that only adds has it too: the bundle's once nobody else's bundle has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) listed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Values of a row, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Kept(pub(super) Vec<Value>);

impl TryFrom<String> for Kept {
    type Error = String;
    fn try_from(text: String) -> std::result::Result<Self, String> {
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).map_err(|error| error.to_string())?;
        Row::decode(&bytes).map(|Row(values)| Self(values)).map_err(|error| error.to_string())
    }
}

impl From<Kept> for String {
    fn from(kept: Kept) -> Self {
        data_encoding::BASE64.encode(&Row(kept.0).to_bytes())
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    Added,
    Changed,
    TakenAway,
}

impl RowKind {
    /// What becomes of it on the way back.
    pub(super) const fn back(self) -> Self {
        match self {
            Self::Added => Self::TakenAway,
            Self::Changed => Self::Changed,
            Self::TakenAway => Self::Added,
        }
    }
}

/// A row among its like: where values of another type mean the same key.
pub(super) type Place = (String, Vec<String>);

/// What became of a row on the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// It is as it was before.
    Done,
    /// It was already, or nothing had been changed.
    AsBefore,
    /// Somebody changed it since.
    Changed,
    /// The database does not take it back, in its words: another row has its number by now.
    Refused(String),
}

/// The columns of tables as they are now, each with what SQLite fills it with where that is a constant; as long as no schema step comes between.
#[derive(Debug, Default)]
pub(super) struct Columns(RefCell<BTreeMap<String, Rc<Filled>>>);

type Filled = Vec<(String, Option<Value>)>;

impl Columns {
    fn of(&self, session: &Session, table: &str) -> Result<Rc<Filled>> {
        if let Some(known) = self.0.borrow().get(table) {
            return Ok(known.clone());
        }
        let found = Rc::new(session.database()?.filled_columns(table)?);
        self.0.borrow_mut().insert(table.to_owned(), found.clone());
        Ok(found)
    }

    /// Whether nobody filled in a value of a column.
    fn is_blank(&self, session: &Session, table: &str, column: &str, value: &Value) -> Result<bool> {
        let is_it = |(name, fill): &(String, Option<Value>)| name.eq_ignore_ascii_case(column) && fill.as_ref() == Some(value);
        Ok(*value == Value::Null || self.of(session, table)?.iter().any(is_it))
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// Brings a row back to what it was before, as far as it was changed.
pub(super) fn restore(session: &Session, columns: &Columns, row: &RowChange) -> Result<Restored> {
    if row.before == row.after {
        return Ok(Restored::AsBefore);
    }
    let database = session.database()?;
    if row.alike > 0 {
        return restore_alike(session, row);
    }
    let Ok(mut found) = database.rows_of(&row.table, &row.columns, &row.key_values(), 2)? else {
        return row.as_left(session)?.map_or(Ok(Restored::Changed), |left| restore(session, columns, &left));
    };
    if found.len() > 1 {
        // Somebody gave another row the same key: neither may go for the other.
        return Ok(Restored::Changed);
    }
    let (there, moved) = (found.pop(), row.moved());
    if row.holds(&moved, row.before.as_ref(), there.as_deref()) {
        return Ok(Restored::AsBefore);
    }
    if !row.holds(&moved, row.after.as_ref(), there.as_deref()) || row.is_filled_in(session, columns)? {
        return Ok(Restored::Changed);
    }
    let key = row.key_values();
    let said = match (&row.before, there) {
        (Some(before), Some(_)) => {
            let values: Vec<Value> = moved.iter().filter_map(|column| row.value(before, column).cloned()).collect();
            database.set_row(&row.table, &moved, &values, &key)?
        }
        (Some(Kept(before)), None) => database.add_row(&row.table, &row.columns, before)?,
        (None, _) => database.delete_row(&row.table, &key)?,
    };
    Ok(said.map_or_else(Restored::Refused, |()| Restored::Done))
}

/// The same where the key does not say which row it is: nobody can have changed it, only added or taken away.
fn restore_alike(session: &Session, row: &RowChange) -> Result<Restored> {
    let database = session.database()?;
    let Some(there) = row.count_alike(session)? else { return Ok(Restored::Changed) };
    match &row.before {
        None if there == 0 => return Ok(Restored::AsBefore),
        None if there > row.alike => return Ok(Restored::Changed),
        None => {
            let Kept(values) = row.after.as_ref().ok_or(SyncError::Bug("a noted row without values"))?;
            of_part(&row.table, database.delete_alike(&row.table, &row.columns, values)?)?;
        }
        Some(_) if there >= row.alike => return Ok(Restored::AsBefore),
        Some(Kept(values)) => {
            for _ in there..row.alike {
                of_part(&row.table, database.add_row(&row.table, &row.columns, values)?)?;
            }
        }
    }
    Ok(Restored::Done)
}

pub(super) fn of_part<T>(part: &str, said: Said<T>) -> Result<T> {
    Ok(said.map_err(|words| Refusal::Database { part: part.to_owned(), words })?)
}

pub(super) fn shown(key: &[(String, Value)]) -> String {
    key.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// What tells rows apart, as text.
pub(super) fn texts(key: &[(String, Value)]) -> Vec<String> {
    key.iter().map(|(_, value)| value.to_string()).collect()
}

/// What triggers wrote into columns of a row on the way back, by column: what it would have been, and what it is.
pub(super) type Besides = BTreeMap<String, (Value, Value)>;

/// Restores, and notes in `besides` what triggers of the table write into the same row because of that.
pub(super) fn restore_noting(session: &Session, columns: &Columns, row: &RowChange, besides: &mut Besides) -> Result<Restored> {
    let there = |row: &RowChange| -> Result<Option<Vec<Value>>> {
        let there = session.database()?.rows_of(&row.table, &row.columns, &row.key_values(), 1)?;
        Ok(there.ok().and_then(|mut rows| rows.pop()))
    };
    let (first, done) = (there(row)?, restore(session, columns, row)?);
    if let (Restored::Done, Some(before), Some(first), Some(now)) = (&done, &row.before, first, there(row)?) {
        let moved = row.moved();
        for ((name, first), now) in row.columns.iter().zip(&first).zip(now) {
            let put = if has(&moved, name) { row.value(before, name).unwrap_or(first) } else { first };
            if *put != now {
                besides.insert(name.to_lowercase(), (put.clone(), now));
            }
        }
    }
    Ok(done)
}

impl RowChange {
    /// Follows what triggers wrote into the row while a later version was taken back: what stood there is what this one left.
    pub(super) fn follow(&mut self, besides: &Besides) {
        let Some(Kept(after)) = &mut self.after else { return };
        for (name, value) in self.columns.iter().zip(after) {
            if let Some((put, now)) = besides.get(&name.to_lowercase())
                && put == value
            {
                value.clone_from(now);
            }
        }
    }

    /// The same change the other way.
    pub(super) fn turned(&self) -> Self {
        Self { before: self.after.clone(), after: self.before.clone(), ..self.clone() }
    }

    /// Follows what is called otherwise by now, all of it at once.
    pub(super) fn rename(&mut self, renamed: &[Renamed]) {
        let Some(one) = renamed.iter().find(|one| one.before.eq_ignore_ascii_case(&self.table)) else { return };
        self.table.clone_from(&one.now);
        for name in self.key.iter_mut().chain(&mut self.given).chain(&mut self.columns).chain(&mut self.made) {
            if let Some((_, now)) = one.columns.iter().find(|(before, _)| before.eq_ignore_ascii_case(name)) {
                name.clone_from(now);
            }
        }
    }

    /// The same as far as its table still has the columns; none where it cannot be told any more whether somebody changed it, or
    /// be brought back: the table is gone, or a column that says which row it is or of which a value counts.
    fn as_left(&self, session: &Session) -> Result<Option<Self>> {
        let database = session.database()?;
        let mut left = Vec::new();
        for name in &self.columns {
            if database.has_columns(&self.table, std::slice::from_ref(name))? {
                left.push(name.clone());
            }
        }
        let is_left = |name: &String| left.iter().any(|column| column.eq_ignore_ascii_case(name));
        // A row that was added goes again, whatever was in it besides.
        let counts: Vec<String> = match (&self.before, &self.after) {
            (None, _) => self.given.clone(),
            (Some(_), None) => self.columns.clone(),
            (Some(_), Some(_)) => self.moved().into_iter().chain(self.given.clone()).collect(),
        };
        if left.len() == self.columns.len() || self.alike > 0 || !self.key.iter().chain(&counts).all(is_left) {
            return Ok(None);
        }
        let keep = |kept: &Kept| {
            let values = self.columns.iter().zip(&kept.0).filter(|(name, _)| is_left(name));
            Kept(values.map(|(_, value)| value.clone()).collect())
        };
        let (before, after) = (self.before.as_ref().map(keep), self.after.as_ref().map(keep));
        Ok(Some(Self { columns: left.clone(), before, after, ..self.clone() }))
    }

    /// Whether the row is as it was put or taken away: in what the bundle gives, and wholly where it was added. What is otherwise does not go
    /// back.
    pub(super) fn stands(&self, session: &Session, now: &Columns) -> Result<bool> {
        if self.alike > 0 {
            return Ok(match (self.count_alike(session)?, &self.after) {
                (Some(there), Some(_)) => there > 0,
                (Some(there), None) => there == 0,
                (None, _) => false,
            });
        }
        let Ok(mut found) = session.database()?.rows_of(&self.table, &self.columns, &self.key_values(), 2)? else {
            return self.as_left(session)?.map_or(Ok(false), |left| left.stands(session, now));
        };
        let there = found.pop();
        let columns = if self.before.is_none() { &self.columns } else { &self.given };
        let holds = found.is_empty() && self.holds(columns, self.after.as_ref(), there.as_deref());
        Ok(holds && !self.is_filled_in(session, now)?)
    }

    /// Whether somebody filled in a column of a row that was added, which came since.
    fn is_filled_in(&self, session: &Session, now: &Columns) -> Result<bool> {
        if self.before.is_some() {
            return Ok(false);
        }
        let came = now.of(session, &self.table)?;
        let came: Vec<String> = came.iter().map(|(name, _)| name).filter(|name| !has(&self.columns, name)).cloned().collect();
        if came.is_empty() {
            return Ok(false);
        }
        for row in of_part(&self.table, session.database()?.rows_of(&self.table, &came, &self.key_values(), 2)?)? {
            for (name, value) in came.iter().zip(&row) {
                if !now.is_blank(session, &self.table, name, value)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// How many rows it stands for.
    pub(super) fn count(&self) -> usize {
        self.alike.max(1)
    }

    /// All that is in the row.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let kept = self.before.as_ref().or(self.after.as_ref());
        kept.map(|Kept(values)| Row(values.clone()).to_bytes()).unwrap_or_default()
    }

    /// Deletes the row, or all that are the same.
    pub(super) fn take_away(&self, session: &Session) -> Result<Said<()>> {
        let database = session.database()?;
        match &self.before {
            Some(Kept(values)) if self.alike > 0 => Ok(database.delete_alike(&self.table, &self.columns, values)?),
            Some(_) | None => Ok(database.delete_row(&self.table, &self.key_values())?),
        }
    }

    /// How many rows are exactly this one; none where the table or a column is gone.
    fn count_alike(&self, session: &Session) -> Result<Option<usize>> {
        let Some(Kept(values)) = self.before.as_ref().or(self.after.as_ref()) else { return Ok(Some(0)) };
        Ok(session.database()?.count_alike(&self.table, &self.columns, values)?.ok())
    }

    /// Whether a change of another bundle found there what this one left, as far as both know the columns.
    pub(super) fn left(&self, other: &Self) -> bool {
        match (&self.after, &other.before) {
            (None, None) => true,
            (Some(left), Some(Kept(found))) => {
                let same = |(name, found): (&String, &Value)| self.value(left, name).is_none_or(|left| left == found);
                other.columns.iter().zip(found).all(same)
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// The same change over what another one found: in columns that are not told there, nothing changed.
    pub(super) fn with_before(&self, other: &Self) -> Self {
        let (Some(before), Some(Kept(after))) = (&other.before, &self.after) else { return self.clone() };
        let found = self.columns.iter().zip(after).map(|(name, after)| other.value(before, name).unwrap_or(after).clone());
        Self { before: Some(Kept(found.collect())), ..self.clone() }
    }

    /// Whether it is as it was before the change again, in what the bundle gives, or wholly where it took the row away.
    pub(super) fn is_back(&self, session: &Session) -> Result<bool> {
        if self.alike > 0 {
            let there = self.count_alike(session)?;
            return Ok(there.is_some_and(|there| if self.before.is_some() { there >= self.alike } else { there == 0 }));
        }
        let columns = if self.after.is_none() { &self.columns } else { &self.given };
        let Ok(mut found) = session.database()?.rows_of(&self.table, &self.columns, &self.key_values(), 1)? else { return Ok(false) };
        Ok(self.holds(columns, self.before.as_ref(), found.pop().as_deref()))
    }

    /// What became of the row.
    pub(super) fn kind(&self) -> Option<RowKind> {
        match (&self.before, &self.after) {
            (None, Some(_)) => Some(RowKind::Added),
            (Some(_), None) => Some(RowKind::TakenAway),
            (before, after) => (before != after).then_some(RowKind::Changed),
        }
    }

    /// The values by which the row is found, as they are stored.
    pub(super) fn key_values(&self) -> Vec<(String, Value)> {
        self.values_of(&self.key)
    }

    /// Whether these values of its columns are of the row that it put.
    pub(super) fn has_key_of(&self, there: &[Value]) -> bool {
        let columns = if self.alike > 0 { &self.columns } else { &self.key };
        let of_there = |name: &String| there.get(self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))?);
        self.after.as_ref().is_some_and(|after| columns.iter().all(|name| self.value(after, name) == of_there(name)))
    }

    pub(super) fn values_of(&self, columns: &[String]) -> Vec<(String, Value)> {
        let row = self.after.as_ref().or(self.before.as_ref());
        columns.iter().filter_map(|name| Some((name.clone(), self.value(row?, name)?.clone()))).collect()
    }

    pub(super) fn place(&self) -> Place {
        let which = if self.alike > 0 { self.values_of(&self.columns) } else { self.key_values() };
        (self.table.to_lowercase(), texts(&which))
    }

    pub(super) fn value<'k>(&self, kept: &'k Kept, name: &str) -> Option<&'k Value> {
        kept.0.get(self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))?)
    }

    /// The columns whose values are others than before; all where the row came or went.
    pub(super) fn moved(&self) -> Vec<String> {
        let (Some(Kept(before)), Some(Kept(after))) = (&self.before, &self.after) else { return self.columns.clone() };
        let pairs = self.columns.iter().zip(before.iter().zip(after));
        pairs.filter(|(_, (before, after))| before != after).map(|(column, _)| column.clone()).collect()
    }

    /// Whether a row that is there holds what is kept, in these columns.
    pub(super) fn holds(&self, columns: &[String], kept: Option<&Kept>, there: Option<&[Value]>) -> bool {
        match (kept, there) {
            (None, None) => true,
            (Some(kept), Some(there)) => {
                let pairs = self.columns.iter().zip(kept.0.iter().zip(there));
                pairs
                    .filter(|(name, _)| columns.iter().any(|column| column.eq_ignore_ascii_case(name)))
                    .all(|(_, (kept, there))| kept == there)
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// This change on top of what earlier versions made of the row: in each column what the newest of them put there.
    pub(super) fn over(self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let (Some(put), Some(before), Some(after)) = (&earlier.after, &self.before, &self.after) else { return self };
        let is_ours = |name: &str| has(&self.given, name) || has(&self.made, name) || self.value(before, name) != self.value(after, name);
        let put = |name: &String| if is_ours(name) { self.value(after, name) } else { earlier.value(put, name) };
        let (columns, put): (Vec<String>, Vec<Value>) =
            self.columns.iter().filter_map(|name| Some((name.clone(), put(name)?.clone()))).unzip();
        let was = |kept: &Kept| columns.iter().map(|name| earlier.value(kept, name).cloned().unwrap_or(Value::Null)).collect();
        let before = earlier.before.as_ref().map(|kept| Kept(was(kept)));
        Self { columns, before, after: Some(Kept(put)), ..self }
    }

    /// Whether a row that a newer version finds holds what this one put, and nobody's words besides, in the columns that count.
    pub(super) fn is_all_of(&self, session: &Session, now: &Columns, found: &Self, counts: impl Fn(&str) -> bool) -> Result<bool> {
        let (put, there) = match (&self.after, &found.before) {
            (None, None) => return Ok(true),
            (Some(put), Some(Kept(there))) => (put, there),
            (None, Some(_)) | (Some(_), None) => return Ok(false),
        };
        for (name, there) in found.columns.iter().zip(there).filter(|(name, _)| counts(name)) {
            let is_ours = match self.value(put, name) {
                Some(put) => put == there,
                None => has(&found.made, name) || now.is_blank(session, &found.table, name, there)?,
            };
            if !is_ours {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same in the columns that either gives. Of one that is gone nobody can say whether somebody changed it under the name of one that is
    /// new.
    pub(super) fn is_as_put(&self, session: &Session, now: &Columns, found: &Self) -> Result<bool> {
        if !self.given.iter().all(|name| has(&found.columns, name)) && !found.given.iter().all(|name| has(&self.columns, name)) {
            return Ok(false);
        }
        self.is_all_of(session, now, found, |name| has(&self.given, name) || has(&found.given, name))
    }
}
