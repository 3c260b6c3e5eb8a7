//! What do triggers of the application do besides, when rows of a list come and go, and does it come right again?
//!
//! A list says which rows it writes; where triggers write others because of it, that is tried first, there and back, in the same
//! transaction: every row that was there is to be there again. What is there besides (a line in a log) may stay, and so may what triggers
//! write into other columns of the rows of the list (the time of a change). Going back is tried back and there in the same manner: what
//! would be gone then was written since, and would be lost. Where no trigger writes anything, nothing is tried.

use std::collections::{BTreeMap, BTreeSet};

use super::row::{Columns, Restored, RowChange, of_part, restore, shown, texts};
use crate::model::{Row, Value};
use crate::sync::{Result, Session};

/// Rows of tables, by table: how often each is there, by its hash.
type Held = BTreeMap<String, BTreeMap<[u8; 32], usize>>;

/// What is lost after `write`, which gives the rows of a list of `table` that it changed, and their way back; none where nothing is. Nothing is
/// changed.
pub(super) fn there_and_back(session: &Session, table: &str, write: impl FnOnce() -> Result<Vec<RowChange>>) -> Result<Option<String>> {
    let tables = session.database()?.written_by_triggers(table)?;
    if tables.is_empty() {
        return Ok(None);
    }
    lost(session, &tables, || {
        let (rows, columns) = (write()?, Columns::default());
        for row in rows.iter().rev() {
            restore(session, &columns, row)?;
        }
        for row in &rows {
            if !row.is_back(session)? {
                let what = format!("the row {} of `{}`", shown(&row.key_values()), row.table);
                return Ok((rows, Some(what)));
            }
        }
        Ok((rows, None))
    })
}

/// What would be lost by taking back rows; none where nothing is. Nothing is changed.
pub(super) fn back_and_there(session: &Session, rows: &[RowChange]) -> Result<Option<String>> {
    let mut tables = BTreeSet::new();
    for table in rows.iter().map(|row| &row.table).collect::<BTreeSet<_>>() {
        tables.extend(session.database()?.written_by_triggers(table)?);
    }
    if tables.is_empty() {
        return Ok(None);
    }
    lost(session, &tables, || {
        let (mut back, columns) = (Vec::new(), Columns::default());
        for row in rows.iter().rev() {
            if restore(session, &columns, row)? == Restored::Done {
                back.push(row.turned());
            }
        }
        for row in back.iter().rev() {
            restore(session, &columns, row)?;
        }
        // What the bundle itself put is no loss.
        Ok((back, None))
    })
}

/// The rows that were changed, and what of them is already known not to be as it was.
type Tried = (Vec<RowChange>, Option<String>);

/// What is not as it was after `work`, which goes somewhere and back.
fn lost(session: &Session, tables: &BTreeSet<String>, work: impl FnOnce() -> Result<Tried>) -> Result<Option<String>> {
    let database = session.database()?;
    database.begin_attempt()?;
    let tried = work().and_then(|(rows, first)| Ok((held(session, tables, &rows)?, rows, first)));
    database.undo_attempt()?;
    let (after, rows, first) = tried?;
    if first.is_some() {
        return Ok(first);
    }
    let before = held(session, tables, &rows)?;
    let fewer = |table: &str, hash, count: usize| after.get(table).and_then(|rows| rows.get(hash)).is_none_or(|left| *left < count);
    let mut gone = before.iter().filter(|(table, rows)| rows.iter().any(|(hash, count)| fewer(table, hash, *count)));
    Ok(gone.next().map(|(table, _)| format!("what `{table}` holds")))
}

/// What these tables hold but for these rows.
fn held(session: &Session, tables: &BTreeSet<String>, but: &[RowChange]) -> Result<Held> {
    let (database, mut found) = (session.database()?, Held::new());
    for table in tables {
        let Some(columns) = database.writable_columns(table)? else { continue };
        let own: Vec<&RowChange> = but.iter().filter(|row| row.alike == 0 && row.table.eq_ignore_ascii_case(table)).collect();
        // The lists of a table need not have the same key.
        let mut keys: BTreeMap<&[String], BTreeSet<Vec<String>>> = BTreeMap::new();
        for row in own {
            keys.entry(&row.key).or_default().insert(texts(&row.key_values()));
        }
        let place = |name: &String| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let keys: Vec<(Vec<usize>, BTreeSet<Vec<String>>)> =
            keys.into_iter().map(|(key, rows)| (key.iter().filter_map(place).collect(), rows)).collect();
        let mut rows = BTreeMap::new();
        let mut add = |values: Vec<Value>| {
            let listed = |(key, rows): &(Vec<usize>, BTreeSet<Vec<String>>)| {
                rows.contains(&key.iter().map(|place| values[*place].to_string()).collect::<Vec<_>>())
            };
            if !keys.iter().any(listed) {
                *rows.entry(*blake3::hash(&Row(values).to_bytes()).as_bytes()).or_default() += 1;
            }
        };
        of_part(table, database.each_row(table, &columns, &mut add)?)?;
        found.insert(table.clone(), rows);
    }
    Ok(found)
}
