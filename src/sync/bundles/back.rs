//! What of a bundle goes out of the database again: rows and schema steps?
//!
//! All of it happens in the caller's transaction, the newest version first. A row that a record refers to does not go: its way back would leave
//! a reference to nothing, at every site. Our connection does not enforce references, so it is tried, and looked which lead nowhere then;
//! whoever insists keeps these rows.

use std::collections::{BTreeMap, BTreeSet};

use super::install::RowCounts;
use super::row::{Place, Restored, RowChange, RowKind, of_part, restore, shown};
use super::{Install, Refusal, Scope, Step, besides, rows_of, set_rows, steps};
use crate::bundle::{BundleName, Loss};
use crate::database::Dangling;
use crate::sync::{Result, Session};

/// What was done to the database on the way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Undone {
    pub rows: BTreeMap<String, RowCounts>,
    /// Rows that stay because they were changed since, or because records refer to them.
    pub kept: usize,
}

/// An install whose parts go.
struct Goes<'i> {
    rows: Vec<RowChange>,
    steps: &'i [Step],
}

/// Takes back what installs did, the newest first.
pub(super) fn undo(session: &Session, scope: Scope, name: &BundleName, installs: &[Install], loss: Loss) -> Result<Undone> {
    let database = session.database()?;
    let mut goes = Vec::new();
    for install in installs.iter().rev() {
        goes.push(Goes { rows: rows_of(session, scope, name, install.version)?, steps: &install.steps });
        set_rows(session, scope, name, install.version, &[])?;
    }
    let (dangling, mut stay) = (database.dangling_references()?, BTreeSet::new());
    // Each turn keeps at least one row more: those that the rows refer to which were kept.
    loop {
        database.begin_attempt()?;
        let undone = take_back(session, &goes, loss, &stay)?;
        if database.dangling_references()? <= dangling {
            database.keep_attempt()?;
            return Ok(undone);
        }
        let lost = database.dangling_records()?;
        database.undo_attempt()?;
        let referred = referred(session, &goes, &lost)?;
        let known = stay.len();
        if let Some(first) = referred.values().next()
            && loss == Loss::Refuse
        {
            return Err(Refusal::RowsReferred { count: referred.len(), first: first.clone() }.into());
        }
        stay.extend(referred.into_keys());
        if stay.len() == known {
            return Err(Refusal::Database { part: name.to_string(), words: super::DANGLING.to_owned() }.into());
        }
    }
}

/// One try, in which some rows stay.
fn take_back(session: &Session, goes: &[Goes<'_>], loss: Loss, stay: &BTreeSet<Place>) -> Result<Undone> {
    let (mut changed, mut undone) = (Vec::new(), Undone::default());
    for install in goes {
        if loss == Loss::Refuse
            && let Some(what) = besides::back_and_there(session, &install.rows)?
        {
            return Err(Refusal::RowsLose { what }.into());
        }
        for row in install.rows.iter().rev().filter(|row| !stay.contains(&row.place())) {
            match restore(session, row)? {
                Restored::Done => RowCounts::count(&mut undone.rows, row, row.kind().map(RowKind::back)),
                Restored::AsBefore => {}
                Restored::Changed => changed.push(format!("{} {}", row.table, shown(&row.key_values()))),
            }
        }
        for step in install.steps.iter().rev() {
            steps::take_back(session, step, loss == Loss::KeepBeside)?;
        }
    }
    match changed.first() {
        Some(first) if loss == Loss::Refuse => Err(Refusal::RowsChanged { count: changed.len(), first: first.clone() }.into()),
        Some(_) | None => Ok(Undone { kept: changed.len() + stay.len(), ..undone }),
    }
}

/// The rows that go, as they are there now, to which these references lead; each with what refers to it.
fn referred(session: &Session, goes: &[Goes<'_>], lost: &[Dangling]) -> Result<BTreeMap<Place, String>> {
    let (database, mut found) = (session.database()?, BTreeMap::new());
    for reference in lost {
        let into = |row: &&RowChange| row.table.eq_ignore_ascii_case(&reference.parent);
        for row in goes.iter().flat_map(|install| &install.rows).filter(into) {
            let there = of_part(&row.table, database.rows_of(&row.table, &row.columns, &reference.values, 1)?)?.pop();
            let Some(there) = there else { break };
            if row.has_key_of(&there) {
                let words = |values: &[crate::model::Value]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let to: Vec<_> = reference.values.iter().map(|(_, value)| value.clone()).collect();
                let line = format!(
                    "{} of `{}`, which refers to {} of `{}`",
                    words(&reference.first),
                    reference.table,
                    words(&to),
                    reference.parent
                );
                found.entry(row.place()).or_insert(line);
            }
        }
    }
    Ok(found)
}
