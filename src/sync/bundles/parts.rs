//! What of a bundle concerns the database: schema steps and rows, and their way back?
//!
//! All of it happens in the caller's transaction. What each row was before is kept with what it became, so that going back is exact, and
//! a row that was changed since is seen: an upgrade keeps it, going back refuses.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Install, Refusal, Scope, Step, rows_of, set_rows};
use crate::bundle::{BundleName, Loss, Mode, Opened, RowsEntry, Runs, read_rows};
use crate::database::Said;
use crate::model::{Row, Value};
use crate::rules::Direction;
use crate::sync::{Result, Session, SyncError};

/// A row that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Its table.
    pub table: String,
    /// The columns that say which row it is.
    pub key: Vec<String>,
    /// The columns that are kept.
    columns: Vec<String>,
    /// Their values before; none: there was no such row.
    before: Option<Kept>,
    /// Their values afterwards.
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
    for step in manifest.steps.iter().filter(|step| step.runs == scope.runs()) {
        match before.iter().flat_map(|install| &install.steps).find(|carried| carried.file == step.file) {
            Some(carried) if carried.up == step.up.hash => continue,
            Some(_) => return Err(Refusal::StepChanged(step.file.clone()).into()),
            None => {}
        }
        let text = |content| -> Result<String> {
            let bytes = opened.bytes(content).map_err(Refusal::from)?;
            Ok(String::from_utf8(bytes).map_err(|_| Refusal::Database { part: step.file.clone(), words: "it is no text".to_owned() })?)
        };
        of_part(&step.file, database.run_script(&text(step.up)?)?)?;
        done.steps.push(Step { file: step.file.clone(), up: step.up.hash, down: step.down.map(text).transpose()? });
    }
    if scope == Scope::Site {
        let travels = |table: &&String| !tables.contains(*table) && session.rules.table(table).direction != Direction::None;
        if let Some(table) = database.table_names()?.iter().find(travels) {
            return Err(Refusal::WouldTravel(table.clone()).into());
        }
    }
    let mut earlier = Vec::new();
    for install in before {
        earlier.extend(rows_of(session, scope, &manifest.name, install.version)?);
    }
    let put: BTreeMap<Place, &RowChange> = earlier.iter().map(|change| (change.place(), change)).collect();
    for entry in manifest.rows.iter().filter(|entry| entry.runs == scope.runs()) {
        let tracked = session.shapes.iter().any(|shape| shape.name.eq_ignore_ascii_case(&entry.table));
        let (file, table) = (entry.file.clone(), entry.table.clone());
        match scope {
            Scope::Site if tracked => return Err(Refusal::Travels { file, table }.into()),
            Scope::Shared if !tracked && tables.contains(&entry.table) => return Err(Refusal::Stays { file, table }.into()),
            Scope::Site | Scope::Shared => {}
        }
        rows(session, opened, entry, &put, &mut done)?;
    }
    if database.dangling_references()? > dangling {
        let words = "references to records that are not there would be left".to_owned();
        return Err(Refusal::Database { part: manifest.name.to_string(), words }.into());
    }
    Ok(done)
}

fn rows(session: &Session, opened: &Opened, entry: &RowsEntry, put: &BTreeMap<Place, &RowChange>, done: &mut Done) -> Result<()> {
    let database = session.database()?;
    let refuse = |words: String| SyncError::from(Refusal::Database { part: entry.file.clone(), words });
    let bytes = opened.bytes(entry.content).map_err(Refusal::from)?;
    let list = read_rows(entry.form, &bytes, &entry.key).map_err(&refuse)?;
    let columns = database.writable_columns(&entry.table)?.ok_or_else(|| refuse(format!("there is no table `{}`", entry.table)))?;
    let change = |before: Option<Vec<Value>>, after: Option<Vec<Value>>| RowChange {
        table: entry.table.clone(),
        key: entry.key.clone(),
        columns: columns.clone(),
        before: before.map(Kept),
        after: after.map(Kept),
    };
    let mut listed: BTreeSet<Vec<String>> = BTreeSet::new();
    for values in &list.rows {
        let key: Vec<(String, Value)> = entry
            .key
            .iter()
            .filter_map(|name| list.columns.iter().position(|column| column == name).map(|place| (name.clone(), values[place].clone())))
            .collect();
        let find = || -> Result<Option<Vec<Value>>> {
            let mut found = of_part(&entry.file, database.rows_of(&entry.table, &columns, &key, 2)?)?;
            let one = found.pop();
            if found.is_empty() { Ok(one) } else { Err(refuse(format!("several rows of `{}` have the key {}", entry.table, shown(&key)))) }
        };
        let before = find()?;
        let place: Vec<String> = key.iter().map(|(_, value)| value.to_string()).collect();
        listed.insert(place.clone());
        if let Some(last) = put.get(&(entry.table.clone(), place))
            && !last.is_as_put(&columns, before.as_deref())
        {
            done.kept += 1;
            continue;
        }
        match (&before, entry.mode) {
            (Some(_), Mode::Insert) => continue,
            (Some(_), Mode::Upsert | Mode::Replace) => of_part(&entry.file, database.set_row(&entry.table, &list.columns, values, &key)?)?,
            (None, Mode::Insert | Mode::Upsert | Mode::Replace) => {
                of_part(&entry.file, database.add_row(&entry.table, &list.columns, values)?)?;
            }
        }
        let after = find()?;
        if after != before {
            done.rows.push(change(before, after));
        }
    }
    if entry.mode == Mode::Replace {
        for row in of_part(&entry.file, database.rows_of(&entry.table, &columns, &[], ALL)?)? {
            let gone = change(Some(row), None);
            if !listed.contains(&gone.place().1) {
                of_part(&entry.file, database.delete_row(&entry.table, &gone.key_values())?)?;
                done.rows.push(gone);
            }
        }
    }
    Ok(())
}

/// Takes back what installs did, the newest first. Gives how many rows stay because they were changed since.
pub(super) fn undo(session: &Session, scope: Scope, name: &BundleName, installs: &[Install], loss: Loss) -> Result<usize> {
    let mut changed = Vec::new();
    for install in installs.iter().rev() {
        for row in rows_of(session, scope, name, install.version)?.iter().rev() {
            if !restore(session, row)? {
                changed.push(format!("{} {}", row.table, shown(&row.key_values())));
            }
        }
        for step in install.steps.iter().rev() {
            let down = step.down.as_ref().ok_or_else(|| Refusal::NoWayBack(step.file.clone()))?;
            of_part(&step.file, session.database()?.run_script(down)?)?;
        }
        set_rows(session, scope, name, install.version, &[])?;
    }
    match changed.first() {
        Some(first) if loss == Loss::Refuse => Err(Refusal::RowsChanged { count: changed.len(), first: first.clone() }.into()),
        Some(_) | None => Ok(changed.len()),
    }
}

/// Rows that were changed since installs put them, as table and key.
pub(super) fn changed(session: &Session, scope: Scope, name: &BundleName, installs: &[Install]) -> Result<Vec<RowName>> {
    let mut latest: BTreeMap<Place, RowChange> = BTreeMap::new();
    for install in installs {
        latest.extend(rows_of(session, scope, name, install.version)?.into_iter().map(|row| (row.place(), row)));
    }
    let mut found = Vec::new();
    for row in latest.into_values() {
        if current(session, &row)?.as_ref() != row.after.as_ref().map(|after| &after.0) {
            found.push(RowName { key: shown(&row.key_values()), table: row.table });
        }
    }
    Ok(found)
}

/// Whether the row is as it was before now; not where somebody changed it since.
fn restore(session: &Session, row: &RowChange) -> Result<bool> {
    let database = session.database()?;
    let there = current(session, row)?;
    let (before, after) = (row.before.as_ref().map(|kept| &kept.0), row.after.as_ref().map(|kept| &kept.0));
    if there.as_ref() == before {
        return Ok(true);
    }
    if there.as_ref() != after {
        return Ok(false);
    }
    let key = row.key_values();
    let said = match (before, there) {
        (Some(before), Some(_)) => database.set_row(&row.table, &row.columns, before, &key)?,
        (Some(before), None) => database.add_row(&row.table, &row.columns, before)?,
        (None, _) => database.delete_row(&row.table, &key)?,
    };
    of_part(&row.table, said)?;
    Ok(true)
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

impl RowChange {
    /// The values by which the row is found, as they are stored.
    fn key_values(&self) -> Vec<(String, Value)> {
        let row = self.after.as_ref().or(self.before.as_ref());
        let value = |name: &String| {
            let place = self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))?;
            Some((name.clone(), row?.0.get(place)?.clone()))
        };
        self.key.iter().filter_map(value).collect()
    }

    fn place(&self) -> Place {
        (self.table.clone(), self.key_values().into_iter().map(|(_, value)| value.to_string()).collect())
    }

    /// Whether a row holds what this change put, in the columns that both know.
    fn is_as_put(&self, columns: &[String], row: Option<&[Value]>) -> bool {
        match (&self.after, row) {
            (None, None) => true,
            (Some(Kept(after)), Some(row)) => {
                let there: BTreeMap<&String, &Value> = columns.iter().zip(row).collect();
                self.columns.iter().zip(after).all(|(column, value)| there.get(column).is_none_or(|there| *there == value))
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}
