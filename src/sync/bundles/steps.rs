//! Which schema steps may be carried out, and taken back?
//!
//! A step with a way back promises that going back brings back what was there. So it is tried before it is done: there and back, in the
//! same transaction, and nothing may be otherwise then ([`Picture`](crate::database::Picture)). The way back is tried in the same manner,
//! back and there: what would be otherwise then was written since, and would be lost.
//!
//! A table that travels has one shape, that of the main office, and its rows travel as edits do. A step that each site carries out for
//! itself may neither write such rows nor take away or rename such fields; a field that it adds stays at its site, as everything does
//! that only one site has. At the main office it may not even add one: that would go to all sites.
//!
//! Counters of AUTOINCREMENT tables are not turned back, neither by a way back nor for rows that go: a number that was given out may stand
//! somewhere else, and must not come to mean another record. They are not turned back by accident either: [`run`].

use std::collections::{BTreeMap, BTreeSet};

use super::{Refusal, Scope, Step};
use crate::bundle::Runs;
use crate::database::{Said, Script};
use crate::rules::Direction;
use crate::site::Role;
use crate::sync::{Result, Session};

/// Refuses steps that each site carries out at the main office, whose schema goes to all.
pub(super) fn check_place(session: &Session, runs: Runs, file: &str) -> Result<()> {
    match (session.settings.role, runs) {
        (Role::Host, Runs::AtEach) if session.rules.schema_travels() => Err(Refusal::StepAtHost(file.to_owned()).into()),
        (Role::Host | Role::Office | Role::Remote, Runs::AtHost | Runs::AtEach) => Ok(()),
    }
}

/// Carries out a step.
pub(super) fn carry_out(session: &Session, scope: Scope, step: &Step) -> Result<()> {
    check_place(session, scope.runs(), &step.file)?;
    if let Some(down) = &step.down
        && let Some(what) = there_and_back(session, &step.file, &step.up, down)?
    {
        return Err(Refusal::WayBack { file: step.file.clone(), what }.into());
    }
    let before = Own::of(session, scope)?;
    let did = of_part(&step.file, run(session, &step.up)?)?;
    before.check(session, &step.file, &did.written)
}

/// Takes a step back. `lost`: what was written since may go.
pub(super) fn take_back(session: &Session, step: &Step, lost: bool) -> Result<()> {
    let down = step.down.as_ref().ok_or_else(|| Refusal::NoWayBack(step.file.clone()))?;
    if !lost && let Some(what) = there_and_back(session, &step.file, down, &step.up)? {
        return Err(Refusal::StepLoses { file: step.file.clone(), what }.into());
    }
    of_part(&step.file, run(session, down)?).map(drop)
}

/// Runs a script for good. A table that it makes anew counts on from the largest number in it: one that was given out and is vacant would be
/// given again, and come to mean another record.
fn run(session: &Session, script: &str) -> Result<Said<Script>> {
    let database = session.database()?;
    let given = database.sequences()?;
    let said = database.run_script(script)?;
    database.set_sequences(&given)?;
    Ok(said)
}

/// What is otherwise after going there and back; none where nothing is. Nothing is changed.
fn there_and_back(session: &Session, file: &str, there: &str, back: &str) -> Result<Option<String>> {
    let database = session.database()?;
    database.begin_attempt()?;
    let tried = database.run_script(there).and_then(|first| {
        let Ok(first) = first else { return Ok(first.map(|_| None)) };
        let second = match database.run_script(back)? {
            Ok(second) => second,
            Err(words) => return Ok(Err(format!("its way back fails: {words}"))),
        };
        let touched: BTreeSet<String> = first.touched.union(&second.touched).cloned().collect();
        Ok(database.picture(&touched)?.map(|after| Some((touched, after))))
    });
    database.undo_attempt()?;
    let Some((touched, after)) = of_part(file, tried?)? else { return Ok(None) };
    Ok(after.differs_from(&of_part(file, database.picture(&touched)?)?))
}

/// What a site may not change by itself: the fields of tables that travel.
struct Own {
    scope: Scope,
    tables: BTreeSet<String>,
    fields: BTreeMap<String, Vec<String>>,
}

impl Own {
    fn of(session: &Session, scope: Scope) -> Result<Self> {
        let database = session.database()?;
        let tables = database.table_names()?.into_iter().collect();
        let mut fields = BTreeMap::new();
        if scope == Scope::Site {
            for shape in &session.shapes {
                fields.insert(shape.name.clone(), database.writable_columns(&shape.name)?.unwrap_or_default());
            }
        }
        Ok(Self { scope, tables, fields })
    }

    fn check(&self, session: &Session, file: &str, written: &BTreeSet<String>) -> Result<()> {
        if self.scope == Scope::Shared {
            return Ok(());
        }
        let database = session.database()?;
        let refuse = |table: &str| Refusal::StepTravels { file: file.to_owned(), table: table.to_owned() };
        for (table, before) in &self.fields {
            let there = database.writable_columns(table)?.unwrap_or_default();
            // With `[schema] travels = false` every site changes its own.
            let shape_moved = session.rules.schema_travels() && !before.iter().all(|field| there.contains(field));
            if shape_moved || written.iter().any(|name| name.eq_ignore_ascii_case(table)) {
                return Err(refuse(table).into());
            }
        }
        let travels = |table: &&String| !self.tables.contains(*table) && session.rules.table(table).direction != Direction::None;
        match database.table_names()?.iter().find(travels) {
            Some(table) => Err(Refusal::WouldTravel(table.clone()).into()),
            None => Ok(()),
        }
    }
}

fn of_part<T>(part: &str, said: Said<T>) -> Result<T> {
    Ok(said.map_err(|words| Refusal::Database { part: part.to_owned(), words })?)
}
