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
//! What a site made for itself may be everybody's by now: the main office made a table or a field of that name since. Then it is the main
//! office's, and the way back is not gone: it would take from this site what all others have, and never be told.
//!
//! Counters of AUTOINCREMENT tables are not turned back, neither by a way back nor for rows that go: a number that was given out may stand
//! somewhere else, and must not come to mean another record. They are not turned back by accident either: [`run`].

use std::collections::{BTreeMap, BTreeSet};

use super::{Refusal, Scope, Step};
use crate::bundle::Runs;
use crate::database::{Renamed, Said, Script};
use crate::model::{LIBRARY, Row, Shape, Value};
use crate::rules::Direction;
use crate::site::Role;
use crate::sync::{Result, Session};

/// Refuses steps that each site carries out at the main office, whose schema goes to all.
pub(super) fn check_place(session: &Session, runs: Runs, file: &str) -> Result<()> {
    match (session.settings.role, runs) {
        (Role::Host, Runs::AtEach) if session.rules.schema_travels() => Err(Refusal::StepAtHost(file.to_owned()).into()),
        (Role::Host, Runs::AtHost) if !session.rules.schema_travels() => Err(Refusal::StepHere(file.to_owned()).into()),
        (Role::Host | Role::Office | Role::Remote, Runs::AtHost | Runs::AtEach) => Ok(()),
    }
}

/// Carries out a step; gives what it called otherwise.
pub(super) fn carry_out(session: &Session, scope: Scope, step: &Step) -> Result<Vec<Renamed>> {
    check_place(session, scope.runs(), &step.file)?;
    if let Some(down) = &step.down
        && let Some(what) = there_and_back(session, &step.file, &step.up, down)?
    {
        return Err(Refusal::WayBack { file: step.file.clone(), what }.into());
    }
    let before = Own::of(session, scope)?;
    let did = of_part(&step.file, run(session, &step.up)?)?;
    before.check(session, &step.file, &did)?;
    Ok(did.renamed)
}

/// What became of a step on the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TakenBack {
    /// It is; and what it called otherwise.
    Done(Vec<Renamed>),
    /// What it made is everybody's by now, and stays.
    Everybodys,
    /// Its way back fails, in the database's words: somebody took away what it made, and insists.
    Fails(String),
}

/// Takes a step back. `lost`: what was written since may go.
pub(super) fn take_back(session: &Session, scope: Scope, step: &Step, lost: bool) -> Result<TakenBack> {
    let down = step.down.as_ref().ok_or_else(|| Refusal::NoWayBack(step.file.clone()))?;
    if scope == Scope::Site && takes_from_all(session, down)? {
        return Ok(TakenBack::Everybodys);
    }
    if !lost && let Some(what) = there_and_back(session, &step.file, down, &step.up)? {
        return Err(Refusal::StepLoses { file: step.file.clone(), what }.into());
    }
    if !lost {
        return Ok(TakenBack::Done(of_part(&step.file, run(session, down)?)?.renamed));
    }
    let database = session.database()?;
    database.begin_attempt()?;
    match run(session, down)? {
        Ok(did) => {
            database.keep_attempt()?;
            Ok(TakenBack::Done(did.renamed))
        }
        Err(words) => {
            database.undo_attempt()?;
            Ok(TakenBack::Fails(words))
        }
    }
}

/// Whether a way back would take away tables, fields or rows that travel: the main office has made by now what the step made for this site.
fn takes_from_all(session: &Session, down: &str) -> Result<bool> {
    // With `[schema] travels = false` every site changes its own.
    if !session.rules.schema_travels() {
        return Ok(false);
    }
    let database = session.database()?;
    database.begin_attempt()?;
    let tried = left_of_all(session, down);
    database.undo_attempt()?;
    match tried? {
        Left::Untold => Ok(false),
        Left::Less => Ok(true),
        Left::All { written, held } => Ok(held_by(session, &written)? != held),
    }
}

/// What a script leaves of what travels.
enum Left<'s> {
    /// The script fails.
    Untold,
    /// Not all tables and fields.
    Less,
    /// All tables and fields; and what those hold of whose rows it wrote some.
    All { written: Vec<&'s Shape>, held: Vec<[u8; 32]> },
}

fn left_of_all<'s>(session: &'s Session, script: &str) -> Result<Left<'s>> {
    let database = session.database()?;
    // What fails is said where it is carried out.
    let Ok(did) = database.run_script(script)? else { return Ok(Left::Untold) };
    let shapes = || session.shapes.iter().filter(|shape| shape.name != LIBRARY);
    for shape in shapes() {
        if !database.has_columns(&shape.name, &fields(shape))? {
            return Ok(Left::Less);
        }
    }
    let is_written = |shape: &&Shape| did.written.iter().any(|name| name.eq_ignore_ascii_case(&shape.name));
    let written: Vec<&Shape> = shapes().filter(is_written).collect();
    Ok(Left::All { held: held_by(session, &written)?, written })
}

/// The fields of a table that travel: at a site with a parent no others are known.
fn fields(shape: &Shape) -> Vec<String> {
    shape.live_fields().map(|field| shape.name_of(field).to_owned()).collect()
}

/// A sum over what tables hold that travels, in whatever order it lies there.
fn held_by(session: &Session, shapes: &[&Shape]) -> Result<Vec<[u8; 32]>> {
    let mut sums = Vec::new();
    for shape in shapes {
        let mut rows: Vec<[u8; 32]> = Vec::new();
        let mut add = |values: Vec<Value>| rows.push(*blake3::hash(&Row(values).to_bytes()).as_bytes());
        of_part(&shape.name, session.database()?.each_row(&shape.name, &fields(shape), &mut add)?)?;
        rows.sort_unstable();
        sums.push(*blake3::hash(rows.as_flattened()).as_bytes());
    }
    Ok(sums)
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

/// `user_version` and `application_id`.
fn numbers(session: &Session) -> Result<String> {
    let words = session.database()?.version_words()?;
    Ok(words.rsplit_once(' ').map(|(numbers, _)| numbers.to_owned()).unwrap_or(words))
}

/// What a site may not change by itself: the fields of tables that travel.
struct Own {
    scope: Scope,
    tables: BTreeSet<String>,
    fields: BTreeMap<String, Vec<String>>,
    numbers: String,
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
        Ok(Self { scope, tables, fields, numbers: numbers(session)? })
    }

    /// Whether a table that travels, or a field of one, is called otherwise, or something else like it.
    fn renames_fields(&self, one: &Renamed) -> bool {
        let of = |name: &str| self.fields.iter().find(|(table, _)| table.eq_ignore_ascii_case(name)).map(|(_, fields)| fields);
        let Some(fields) = of(&one.before).or_else(|| of(&one.now)) else { return false };
        let is_field = |name: &String| fields.iter().any(|field| field.eq_ignore_ascii_case(name));
        one.before != one.now || one.columns.iter().any(|(before, now)| is_field(before) || is_field(now))
    }

    fn check(&self, session: &Session, file: &str, did: &Script) -> Result<()> {
        if self.scope == Scope::Shared {
            return Ok(());
        }
        let database = session.database()?;
        let refuse = |table: &str| Refusal::StepTravels { file: file.to_owned(), table: table.to_owned() };
        for (table, before) in &self.fields {
            let there = database.writable_columns(table)?.unwrap_or_default();
            // With `[schema] travels = false` every site changes its own.
            let shape_moved = session.rules.schema_travels() && !before.iter().all(|field| there.contains(field));
            if shape_moved || did.written.iter().any(|name| name.eq_ignore_ascii_case(table)) {
                return Err(refuse(table).into());
            }
        }
        // Where names change hands, every field is still there, and is another one.
        if session.rules.schema_travels()
            && let Some(one) = did.renamed.iter().find(|one| self.renames_fields(one))
        {
            return Err(refuse(&one.before).into());
        }
        if session.rules.schema_travels() && self.numbers != numbers(session)? {
            return Err(Refusal::StepNumbers(file.to_owned()).into());
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
