//! What of a bundle concerns the database: schema steps and rows, and their way back?
//!
//! All of it happens in the caller's transaction. What each row was before is kept with what it became, also where that is the same, so
//! that going back is exact, and a row that was changed since is seen: an upgrade keeps it, going back refuses. Only what the bundle gives
//! counts: whoever fills in another column of a row is in nobody's way. A row has one bundle, or each would take what the other writes
//! for a change made here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::install::RowCounts;
use super::{Install, Refusal, Scope, Step, rows_of, set_rows, states, steps};
use crate::bundle::{BundleName, Loss, Mode, Opened, RowsEntry, Runs, read_rows};
use crate::database::Said;
use crate::model::{Row, Value};
use crate::packet::ContentHash;
use crate::sync::{Result, Session, SyncError};

/// A row that a version put or took away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Its table.
    pub table: String,
    /// The columns that say which row it is.
    pub key: Vec<String>,
    /// The columns that the bundle gives; none where the row was taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given: Vec<String>,
    /// The columns that are kept: all.
    columns: Vec<String>,
    /// Their values before; none: there was no such row.
    before: Option<Kept>,
    /// Their values afterwards; the same where the row was there already as it is to be.
    after: Option<Kept>,
}

/// Values of a row, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Kept(Vec<Value>);

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

/// A row, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowName {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: String,
}

/// What was done to the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    pub steps: Vec<Step>,
    pub rows: Vec<RowChange>,
    /// Rows that stay as they were changed here.
    pub kept: usize,
    /// Tables that have exactly these rows.
    pub replaced: BTreeSet<String>,
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
    const fn back(self) -> Self {
        match self {
            Self::Added => Self::TakenAway,
            Self::Changed => Self::Changed,
            Self::TakenAway => Self::Added,
        }
    }
}

/// No list has so many rows.
const ALL: usize = 1 << 40;

/// A row among its like: where values of another type mean the same key.
type Place = (String, Vec<String>);

impl Scope {
    pub(super) const fn runs(self) -> Runs {
        match self {
            Self::Shared => Runs::AtHost,
            Self::Site => Runs::AtEach,
        }
    }
}

/// What earlier versions of a bundle put, and what is in the way of the new one.
struct Known {
    /// What was put or taken away last, by row.
    put: BTreeMap<Place, RowChange>,
    /// Tables that have exactly the rows of the version before.
    replaced: BTreeSet<String>,
    others: Vec<Other>,
}

/// Another bundle.
struct Other {
    name: BundleName,
    replaced: BTreeSet<String>,
    /// Its rows by table and key columns.
    rows: BTreeMap<(String, Vec<String>), BTreeSet<Vec<String>>>,
}

impl Known {
    fn of(session: &Session, opened: &Opened, scope: Scope, before: &[Install]) -> Result<Self> {
        let name = &opened.manifest.name;
        let put = latest(session, scope, name, before)?;
        let replaced = before.last().map(|top| top.replaced.clone()).unwrap_or_default();
        let tables: BTreeSet<String> = opened.manifest.rows.iter().map(|entry| entry.table.to_lowercase()).collect();
        let mut others = Vec::new();
        for (name, state) in states(session, scope)?.into_iter().filter(|(other, _)| other != name) {
            let replaced = state.top().map(|top| top.replaced.clone()).unwrap_or_default();
            let mut rows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
            for ((table, key), row) in latest(session, scope, &name, &state.installs)? {
                if row.after.is_some() && tables.contains(&table) {
                    rows.entry((table, row.key)).or_default().insert(key);
                }
            }
            others.push(Other { name, replaced, rows });
        }
        Ok(Self { put, replaced, others })
    }

    /// The other bundle that has a row, or the whole table.
    fn owner(&self, table: &str, row: &RowChange) -> Option<&BundleName> {
        let table = table.to_lowercase();
        let has = |other: &&Other| {
            let keys = other.rows.iter().filter(|((of, _), _)| *of == table);
            other.replaced.contains(&table) || keys.into_iter().any(|((_, key), rows)| rows.contains(&texts(&row.values_of(key))))
        };
        self.others.iter().find(has).map(|other| &other.name)
    }
}

/// What installs of a bundle put or took away last, by row.
fn latest(session: &Session, scope: Scope, name: &BundleName, installs: &[Install]) -> Result<BTreeMap<Place, RowChange>> {
    let mut latest = BTreeMap::new();
    for install in installs {
        latest.extend(rows_of(session, scope, name, install.version)?.into_iter().map(|row| (row.place(), row)));
    }
    Ok(latest)
}

/// Carries out steps and rows of a scope; `before` are the installs below.
pub(super) fn carry_out(session: &Session, opened: &Opened, scope: Scope, before: &[Install]) -> Result<Done> {
    let manifest = &opened.manifest;
    let mut done = Done::default();
    if !manifest.runs(scope.runs()) {
        return Ok(done);
    }
    let database = session.database()?;
    let dangling = database.dangling_references()?;
    let tables: BTreeSet<String> = database.table_names()?.into_iter().collect();
    for entry in manifest.steps.iter().filter(|step| step.runs == scope.runs()) {
        match before.iter().flat_map(|install| &install.steps).find(|carried| carried.file == entry.file) {
            Some(carried) if ContentHash::of(carried.up.as_bytes()) == entry.up.hash => continue,
            Some(_) => return Err(Refusal::StepChanged(entry.file.clone()).into()),
            None => {}
        }
        let text = |content| -> Result<String> {
            let bytes = opened.bytes(content).map_err(Refusal::from)?;
            Ok(String::from_utf8(bytes).map_err(|_| Refusal::Database { part: entry.file.clone(), words: "it is no text".to_owned() })?)
        };
        let step = Step { file: entry.file.clone(), up: text(entry.up)?, down: entry.down.map(text).transpose()? };
        steps::carry_out(session, scope, &step)?;
        done.steps.push(step);
    }
    let known = Known::of(session, opened, scope, before)?;
    for entry in manifest.rows.iter().filter(|entry| entry.runs == scope.runs()) {
        let tracked = session.shapes.iter().any(|shape| shape.name.eq_ignore_ascii_case(&entry.table));
        let (file, table) = (entry.file.clone(), entry.table.clone());
        match scope {
            Scope::Site if tracked => return Err(Refusal::Travels { file, table }.into()),
            Scope::Shared if !tracked && tables.contains(&entry.table) => return Err(Refusal::Stays { file, table }.into()),
            Scope::Site | Scope::Shared => {}
        }
        List { session, opened, entry, known: &known }.carry_out(&mut done)?;
    }
    if database.dangling_references()? > dangling {
        let words = "references to records that are not there would be left".to_owned();
        return Err(Refusal::Database { part: manifest.name.to_string(), words }.into());
    }
    Ok(done)
}

/// One list of rows on its way into the database.
struct List<'l> {
    session: &'l Session,
    opened: &'l Opened,
    entry: &'l RowsEntry,
    known: &'l Known,
}

impl List<'_> {
    fn carry_out(&self, done: &mut Done) -> Result<()> {
        let (database, entry) = (self.session.database()?, self.entry);
        let bytes = self.opened.bytes(entry.content).map_err(Refusal::from)?;
        let list = read_rows(entry.form, &bytes, &entry.key).map_err(|words| self.refusal(words))?;
        let columns = database.writable_columns(&entry.table)?;
        let columns = columns.ok_or_else(|| self.refusal(format!("there is no table `{}`", entry.table)))?;
        let mut listed: BTreeSet<Place> = BTreeSet::new();
        for values in &list.rows {
            let place = |name: &String| list.columns.iter().position(|column| column == name);
            let key: Vec<(String, Value)> =
                entry.key.iter().filter_map(|name| Some((name.clone(), values[place(name)?].clone()))).collect();
            let before = self.find(&columns, &key)?;
            let mut row = RowChange {
                table: entry.table.clone(),
                key: entry.key.clone(),
                given: list.columns.clone(),
                columns: columns.clone(),
                before: before.map(Kept),
                after: None,
            };
            let stored = row.before.as_ref().map_or_else(|| (entry.table.to_lowercase(), texts(&key)), |_| row.place());
            if let Some(last) = self.known.put.get(&stored)
                && !last.is_as_put(&row)
            {
                listed.insert(stored);
                done.kept += 1;
                continue;
            }
            if row.before.is_some() && entry.mode == Mode::Insert {
                listed.insert(stored);
                continue;
            }
            let said = match &row.before {
                Some(_) => self.unowned(&row).map(|()| database.set_row(&entry.table, &list.columns, values, &key))?,
                None => database.add_row(&entry.table, &list.columns, values),
            };
            of_part(&entry.file, said?)?;
            row.after = self.find(&columns, &key)?.map(Kept);
            if row.before.is_none() {
                self.unowned(&row)?;
            }
            listed.insert(row.place());
            done.rows.push(row);
        }
        if entry.mode == Mode::Replace {
            self.take_away(&columns, &listed, done)?;
            done.replaced.insert(entry.table.to_lowercase());
        }
        Ok(())
    }

    /// Rows that the list does not have. What was added or changed here since the version before stays.
    fn take_away(&self, columns: &[String], listed: &BTreeSet<Place>, done: &mut Done) -> Result<()> {
        let (database, table) = (self.session.database()?, &self.entry.table);
        for values in of_part(&self.entry.file, database.rows_of(table, columns, &[], ALL)?)? {
            let gone = RowChange {
                table: table.clone(),
                key: self.entry.key.clone(),
                given: Vec::new(),
                columns: columns.to_vec(),
                before: Some(Kept(values)),
                after: None,
            };
            let place = gone.place();
            if listed.contains(&place) {
                continue;
            }
            self.unowned(&gone)?;
            let ours = match self.known.put.get(&place) {
                Some(last) => last.after == gone.before,
                None => !self.known.replaced.contains(&table.to_lowercase()),
            };
            if ours {
                of_part(&self.entry.file, database.delete_row(table, &gone.key_values())?)?;
                done.rows.push(gone);
            } else {
                done.kept += 1;
            }
        }
        Ok(())
    }

    /// The one row with a key, if there is one.
    fn find(&self, columns: &[String], key: &[(String, Value)]) -> Result<Option<Vec<Value>>> {
        let table = &self.entry.table;
        let mut found = of_part(&self.entry.file, self.session.database()?.rows_of(table, columns, key, 2)?)?;
        let one = found.pop();
        if found.is_empty() { Ok(one) } else { Err(self.refusal(format!("several rows of `{table}` have the key {}", shown(key)))) }
    }

    /// Two bundles would each take the other's row for a change made here.
    fn unowned(&self, row: &RowChange) -> Result<()> {
        let Some(by) = self.known.owner(&self.entry.table, row) else { return Ok(()) };
        let (file, table, key) = (self.entry.file.clone(), self.entry.table.clone(), shown(&row.key_values()));
        Err(Refusal::RowOwned { file, table, key, by: by.clone() }.into())
    }

    fn refusal(&self, words: String) -> SyncError {
        Refusal::Database { part: self.entry.file.clone(), words }.into()
    }
}

/// What was done to rows on the way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Undone {
    pub rows: BTreeMap<String, RowCounts>,
    /// Rows that stay because they were changed since.
    pub kept: usize,
}

/// Takes back what installs did, the newest first.
pub(super) fn undo(session: &Session, scope: Scope, name: &BundleName, installs: &[Install], loss: Loss) -> Result<Undone> {
    let (mut changed, mut undone) = (Vec::new(), Undone::default());
    for install in installs.iter().rev() {
        for row in rows_of(session, scope, name, install.version)?.iter().rev() {
            match restore(session, row)? {
                Restored::Done => RowCounts::count(&mut undone.rows, &row.table, row.kind().map(RowKind::back)),
                Restored::AsBefore => {}
                Restored::Changed => changed.push(format!("{} {}", row.table, shown(&row.key_values()))),
            }
        }
        for step in install.steps.iter().rev() {
            steps::take_back(session, step, loss == Loss::KeepBeside)?;
        }
        set_rows(session, scope, name, install.version, &[])?;
    }
    match changed.first() {
        Some(first) if loss == Loss::Refuse => Err(Refusal::RowsChanged { count: changed.len(), first: first.clone() }.into()),
        Some(_) | None => Ok(Undone { kept: changed.len(), ..undone }),
    }
}

/// Rows that were changed since installs put them, as table and key.
pub(super) fn changed(session: &Session, scope: Scope, name: &BundleName, installs: &[Install]) -> Result<Vec<RowName>> {
    let mut found = Vec::new();
    for row in latest(session, scope, name, installs)?.into_values() {
        let there = current(session, &row)?;
        if !row.holds(&row.given, row.after.as_ref(), there.as_deref()) {
            found.push(RowName { key: shown(&row.key_values()), table: row.table });
        }
    }
    Ok(found)
}

/// What became of a row on the way back.
enum Restored {
    /// It is as it was before.
    Done,
    /// It was already, or nothing had been changed.
    AsBefore,
    /// Somebody changed it since.
    Changed,
}

/// Brings a row back to what it was before, as far as it was changed.
fn restore(session: &Session, row: &RowChange) -> Result<Restored> {
    if row.before == row.after {
        return Ok(Restored::AsBefore);
    }
    let database = session.database()?;
    let there = current(session, row)?;
    let moved = row.moved();
    if row.holds(&moved, row.before.as_ref(), there.as_deref()) {
        return Ok(Restored::AsBefore);
    }
    if !row.holds(&moved, row.after.as_ref(), there.as_deref()) {
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
    of_part(&row.table, said)?;
    Ok(Restored::Done)
}

fn current(session: &Session, row: &RowChange) -> Result<Option<Vec<Value>>> {
    let said = session.database()?.rows_of(&row.table, &row.columns, &row.key_values(), 1)?;
    // A table or column that is gone is a change too.
    Ok(said.map(|mut rows| rows.pop()).unwrap_or_default())
}

fn of_part<T>(part: &str, said: Said<T>) -> Result<T> {
    Ok(said.map_err(|words| Refusal::Database { part: part.to_owned(), words })?)
}

fn shown(key: &[(String, Value)]) -> String {
    key.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// What tells rows apart, as text.
fn texts(key: &[(String, Value)]) -> Vec<String> {
    key.iter().map(|(_, value)| value.to_string()).collect()
}

impl RowChange {
    /// What became of the row.
    pub(super) fn kind(&self) -> Option<RowKind> {
        match (&self.before, &self.after) {
            (None, Some(_)) => Some(RowKind::Added),
            (Some(_), None) => Some(RowKind::TakenAway),
            (before, after) => (before != after).then_some(RowKind::Changed),
        }
    }

    /// The values by which the row is found, as they are stored.
    fn key_values(&self) -> Vec<(String, Value)> {
        self.values_of(&self.key)
    }

    fn values_of(&self, columns: &[String]) -> Vec<(String, Value)> {
        let row = self.after.as_ref().or(self.before.as_ref());
        columns.iter().filter_map(|name| Some((name.clone(), self.value(row?, name)?.clone()))).collect()
    }

    fn place(&self) -> Place {
        (self.table.to_lowercase(), texts(&self.key_values()))
    }

    fn value<'k>(&self, kept: &'k Kept, name: &str) -> Option<&'k Value> {
        kept.0.get(self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))?)
    }

    /// The columns whose values are others than before; all where the row came or went.
    fn moved(&self) -> Vec<String> {
        let (Some(Kept(before)), Some(Kept(after))) = (&self.before, &self.after) else { return self.columns.clone() };
        let pairs = self.columns.iter().zip(before.iter().zip(after));
        pairs.filter(|(_, (before, after))| before != after).map(|(column, _)| column.clone()).collect()
    }

    /// Whether a row that is there holds what is kept, in these columns.
    fn holds(&self, columns: &[String], kept: Option<&Kept>, there: Option<&[Value]>) -> bool {
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

    /// Whether a row that a newer version finds still holds what this one put, in the columns that either gives.
    fn is_as_put(&self, found: &Self) -> bool {
        match (&self.after, &found.before) {
            (None, None) => true,
            (Some(after), Some(there)) => self.given.iter().chain(&found.given).all(|name| {
                let (put, there) = (self.value(after, name), found.value(there, name));
                put.is_none() || there.is_none() || put == there
            }),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}
