//! What of a bundle goes out of the database again: rows and schema steps?
//!
//! All of it happens in the caller's transaction, the newest version first. A row that a record refers to does not go: its way back would leave
//! a reference to nothing, at every site. Our connection does not enforce references, so it is tried, and looked which lead nowhere then;
//! whoever insists keeps these rows.

use std::collections::{BTreeMap, BTreeSet};

use super::install::RowCounts;
use super::parts::{Claim, Claims, Others};
use super::row::{Besides, Columns, Place, Restored, RowChange, RowKind, of_part, restore, restore_noting, shown, texts};
use super::steps::{self, TakenBack};
use super::{Install, Refusal, Scope, Step, besides, rows_of, set_rows, set_state, state};
use crate::bundle::{BundleName, Loss, Version};
use crate::database::{Dangling, Renamed};
use crate::sync::{Result, Session};

/// What was done to the database on the way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Undone {
    pub rows: BTreeMap<String, RowCounts>,
    /// Rows that stay: they were changed since, records refer to them, or another bundle lists them.
    pub kept: usize,
    /// Rows that stay because another bundle lists them: its from now on.
    handed: Vec<(Claim, RowChange)>,
    /// What was there before rows that are another bundle's by now.
    bequests: Vec<Bequest>,
    /// What triggers wrote into rows because they were taken back, by row.
    besides: BTreeMap<Place, Besides>,
    /// Schema steps that were taken back.
    pub steps: Vec<String>,
    /// Schema steps, and tables with rows, that are everybody's by now and stay.
    pub everybodys: Vec<String>,
    /// Schema steps whose way back fails, with why.
    pub failed: Vec<String>,
}

/// An install whose parts go.
struct Goes<'i> {
    rows: Vec<RowChange>,
    steps: &'i [Step],
}

/// Takes back what installs did, the newest first; `stays` are those below.
pub(super) fn undo(
    session: &Session,
    scope: Scope,
    name: &BundleName,
    (stays, installs): (&[Install], &[Install]),
    loss: Loss,
) -> Result<Undone> {
    let mut goes = Vec::new();
    let mut everybodys = BTreeSet::new();
    for install in installs.iter().rev() {
        let mut rows = rows_of(session, scope, name, install.version)?;
        // What is in a table that travels by now is everybody's, whoever put it there.
        let travels = |row: &RowChange| session.shapes.iter().any(|shape| shape.name.eq_ignore_ascii_case(&row.table));
        if scope == Scope::Site {
            everybodys.extend(rows.iter().filter(|row| travels(row)).map(|row| row.table.clone()));
            rows.retain(|row| !travels(row));
        }
        if scope == Scope::Shared
            && loss == Loss::Refuse
            && let Some(row) = rows.iter().find(|row| !row.listed && !travels(row))
            && session.database()?.writable_columns(&row.table)?.is_some()
        {
            return Err(Refusal::RowsOfAll(row.table.clone()).into());
        }
        goes.push(Goes { rows, steps: &install.steps });
        set_rows(session, scope, name, install.version, &[])?;
    }
    let everybodys: Vec<String> = everybodys.iter().map(|table| format!("the rows of `{table}`")).collect();
    if goes.iter().all(|install| install.rows.is_empty() && install.steps.is_empty()) {
        return Ok(Undone { everybodys, ..Undone::default() });
    }
    let database = session.database()?;
    let claims = Claims::of(session, scope, name, &[])?;
    let tables = goes.iter().flat_map(|install| &install.rows).map(|row| row.table.to_lowercase()).collect();
    let others = Others::of(session, scope, name, &[], &tables)?;
    let (mut stay, mut nowhere) = (BTreeSet::new(), Nowhere::of(session)?);
    // Each turn keeps at least one row more: those that the rows refer to which were kept.
    loop {
        database.begin_attempt()?;
        let mut undone = take_back(session, scope, &goes, loss, (&stay, &claims, &others))?;
        let more = nowhere.more(session)?;
        if more.is_empty() {
            database.keep_attempt()?;
            note_besides(session, scope, name, stays, &undone.besides)?;
            undone.everybodys.extend(everybodys);
            hand_over(session, scope, &undone.handed)?;
            undone.bequests.iter().try_for_each(|bequest| bequest.leave(session, scope))?;
            return Ok(undone);
        }
        database.undo_attempt()?;
        let lost = nowhere.led(session, more)?;
        if lost.is_empty() {
            continue;
        }
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

/// References that lead nowhere, by what they refer to: declared ones, and those that the rules name. What a row that comes back refers to may never have
/// been there, and what only the rules name may not be meant to: what counts is what led somewhere before.
pub(super) struct Nowhere(BTreeSet<Place>);

impl Nowhere {
    pub(super) fn of(session: &Session) -> Result<Self> {
        Ok(Self(Self::all(session)?.iter().map(target).collect()))
    }

    fn all(session: &Session) -> Result<Vec<Dangling>> {
        let mut all = session.database()?.dangling_records()?;
        all.extend(session.database()?.dangling_by_rules(&session.rules, &session.shapes)?);
        Ok(all)
    }

    /// Those that are there besides.
    pub(super) fn more(&self, session: &Session) -> Result<Vec<Dangling>> {
        let mut all = Self::all(session)?;
        all.retain(|one| !self.0.contains(&target(one)));
        Ok(all)
    }

    /// Those of them that lead somewhere, now that what was done is undone; the others are known from now on.
    pub(super) fn led(&mut self, session: &Session, more: Vec<Dangling>) -> Result<Vec<Dangling>> {
        let mut led = Vec::new();
        for one in more {
            // Where there is no such table or column, nothing led there.
            match session.database()?.rows_of(&one.parent, &[], &one.values, 1)? {
                Ok(there) if !there.is_empty() => led.push(one),
                Ok(_) | Err(_) => drop(self.0.insert(target(&one))),
            }
        }
        Ok(led)
    }
}

pub(super) fn target(reference: &Dangling) -> Place {
    (reference.parent.to_lowercase(), texts(&reference.values))
}

/// Which record refers to what, in words.
pub(super) fn line(reference: &Dangling) -> String {
    let words = |values: &[crate::model::Value]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let to: Vec<_> = reference.values.iter().map(|(_, value)| value.clone()).collect();
    format!("{} of `{}`, which refers to {} of `{}`", words(&reference.first), reference.table, words(&to), reference.parent)
}

/// One try, in which some rows stay.
fn take_back(
    session: &Session,
    scope: Scope,
    goes: &[Goes<'_>],
    loss: Loss,
    (stay, claims, others): (&BTreeSet<Place>, &Claims, &Others),
) -> Result<Undone> {
    let (database, mut changed, mut undone) = (session.database()?, Vec::new(), Undone::default());
    // What the way back of a step calls otherwise, as rows of the versions before it were put.
    let mut renamed: Vec<Renamed> = Vec::new();
    for (place, install) in goes.iter().enumerate() {
        let mut rows = install.rows.clone();
        for one in &renamed {
            rows.iter_mut().for_each(|row| row.rename(std::slice::from_ref(one)));
        }
        for (row, noted) in rows.iter_mut().zip(&install.rows) {
            undone.besides.get(&noted.place()).into_iter().for_each(|besides| row.follow(besides));
        }
        if loss == Loss::Refuse
            && let Some(what) = besides::back_and_there(session, &rows)?
        {
            return Err(Refusal::RowsLose { what }.into());
        }
        let (columns, mut touched) = (Columns::default(), BTreeMap::new());
        for (row, noted) in rows.iter().zip(&install.rows).rev().filter(|(_, noted)| !stay.contains(&noted.place())) {
            if let Some(claim) = claims.on(noted)
                && noted.kind() == Some(RowKind::Added)
            {
                undone.handed.push((claim.clone(), row.clone()));
                continue;
            }
            if let Some(by) = others.owner(noted) {
                // Another bundle's by now: what was there before any version comes back with that one.
                let ours = || goes.iter().flat_map(|install| &install.rows).filter(|row| row.place() == noted.place());
                let is_first = !goes.iter().skip(place + 1).flat_map(|below| &below.rows).any(|row| row.place() == noted.place());
                if is_first && noted.before.is_some() && ours().any(|row| row.before != row.after) {
                    match Bequest::of(session, scope, by, noted, &ours().collect::<Vec<_>>())? {
                        Some(bequest) => undone.bequests.push(bequest),
                        None => changed.push(format!("{} {}", row.table, shown(&row.key_values()))),
                    }
                }
                continue;
            }
            let is_touched = match touched.get(&row.table) {
                Some(known) => *known,
                None => {
                    let by_itself = database.written_by_triggers(&row.table)?.iter().any(|table| table.eq_ignore_ascii_case(&row.table));
                    *touched.entry(&row.table).or_insert(by_itself)
                }
            };
            let restored = if is_touched {
                let besides = undone.besides.entry(noted.place()).or_default();
                let mut row = row.clone();
                row.follow(besides);
                restore_noting(session, &columns, &row, besides)?
            } else {
                restore(session, &columns, row)?
            };
            match restored {
                Restored::Refused(words) if loss == Loss::Refuse => {
                    let words = format!("the row {} does not come back: {words}", shown(&row.key_values()));
                    return Err(Refusal::Database { part: row.table.clone(), words }.into());
                }
                Restored::Done => RowCounts::count(&mut undone.rows, row, row.kind().map(RowKind::back)),
                Restored::AsBefore => {}
                Restored::Changed | Restored::Refused(_) => changed.push(format!("{} {}", row.table, shown(&row.key_values()))),
            }
        }
        for step in install.steps.iter().rev() {
            match steps::take_back(session, scope, step, loss == Loss::KeepBeside)? {
                TakenBack::Done(also) => {
                    undone.steps.push(step.file.clone());
                    renamed.extend(also);
                }
                TakenBack::Everybodys => undone.everybodys.push(step.file.clone()),
                TakenBack::Fails(words) => undone.failed.push(format!("{}: {words}", step.file)),
            }
        }
    }
    match changed.first() {
        Some(first) if loss == Loss::Refuse => Err(Refusal::RowsChanged { count: changed.len(), first: first.clone() }.into()),
        Some(_) | None => Ok(Undone { kept: changed.len() + stay.len() + undone.handed.len(), ..undone }),
    }
}

/// What triggers wrote because a later version was taken back is nobody's change of what the versions before it put.
fn note_besides(session: &Session, scope: Scope, name: &BundleName, stays: &[Install], besides: &BTreeMap<Place, Besides>) -> Result<()> {
    for install in stays.iter().filter(|install| install.rows > 0 && besides.values().any(|besides| !besides.is_empty())) {
        let mut rows = rows_of(session, scope, name, install.version)?;
        for row in &mut rows {
            besides.get(&row.place()).into_iter().for_each(|besides| row.follow(besides));
        }
        set_rows(session, scope, name, install.version, &rows)?;
    }
    Ok(())
}

/// What was there before a row, for the bundle that has its place now: it comes back when that one goes.
#[derive(Clone, Debug)]
struct Bequest {
    to: BundleName,
    version: Version,
    row: RowChange,
}

impl Bequest {
    /// None where that bundle found something else there, which is nobody's of `ours`: that comes back then.
    fn of(session: &Session, scope: Scope, to: &BundleName, first: &RowChange, ours: &[&RowChange]) -> Result<Option<Self>> {
        for install in state(session, scope, to)?.installs {
            let is_it = |row: &&RowChange| {
                !row.listed && row.table.eq_ignore_ascii_case(&first.table) && texts(&row.key_values()) == texts(&first.values_of(&row.key))
            };
            let row = match rows_of(session, scope, to, install.version)?.iter().find(is_it) {
                Some(row) if ours.iter().any(|one| one.left(row)) => row.with_before(first),
                Some(_) => return Ok(None),
                None if install.replaced.contains(&first.table.to_lowercase()) => {
                    RowChange { given: Vec::new(), after: None, made: Vec::new(), ..first.clone() }
                }
                None => continue,
            };
            return Ok(Some(Self { to: to.clone(), version: install.version, row }));
        }
        Ok(None)
    }

    /// Inside the open transaction of the ledger.
    fn leave(&self, session: &Session, scope: Scope) -> Result<()> {
        let mut rows = rows_of(session, scope, &self.to, self.version)?;
        match rows.iter_mut().find(|row| row.place() == self.row.place()) {
            Some(row) => row.clone_from(&self.row),
            None => rows.push(self.row.clone()),
        }
        let mut state = state(session, scope, &self.to)?;
        state.installs.iter_mut().filter(|install| install.version == self.version).for_each(|install| install.rows = rows.len());
        set_rows(session, scope, &self.to, self.version, &rows)?;
        set_state(session, scope, &self.to, &state)
    }
}

/// Makes rows those of the bundle that lists them besides, as they were put: they go with that one.
fn hand_over(session: &Session, scope: Scope, handed: &[(Claim, RowChange)]) -> Result<()> {
    let mut lists: BTreeMap<(&BundleName, Version), Vec<(&Place, &RowChange)>> = BTreeMap::new();
    for (claim, row) in handed {
        lists.entry((&claim.bundle, claim.version)).or_default().push((&claim.place, row));
    }
    for ((bundle, version), handed) in lists {
        let mut rows = rows_of(session, scope, bundle, version)?;
        let handed: BTreeMap<&Place, &RowChange> = handed.into_iter().collect();
        for claimed in rows.iter_mut().filter(|row| row.listed) {
            if let Some(row) = handed.get(&claimed.place()) {
                *claimed = RowChange { key: claimed.key.clone(), given: claimed.given.clone(), ..(*row).clone() };
            }
        }
        set_rows(session, scope, bundle, version, &rows)?;
    }
    Ok(())
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
                found.entry(row.place()).or_insert_with(|| line(reference));
            }
        }
    }
    Ok(found)
}
