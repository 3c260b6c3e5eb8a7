//! How does a version get out again?

use std::collections::BTreeMap;

use serde::Serialize;

use super::carry::{self, Concerns};
use super::install::{self, RowCounts};
use super::{Install, Refusal, Scope, State, back, check_there, folder, paper, parts, set_state, state, states, store};
use crate::bundle::{self, BundleName, Done, Fate, Filed, Loss, Version};
use crate::model::collision_key;
use crate::sync::{Result, Session};

/// How far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// To the version before; to nothing where there is none.
    One,
    /// To what was there before any version.
    All,
}

/// What going back did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The version that was installed.
    pub from: Version,
    /// The version that is installed now; none where the bundle is gone.
    pub to: Option<Version>,
    /// What became of files, by path.
    #[serde(serialize_with = "crate::bundle::by_path")]
    pub files: Vec<(String, Fate)>,
    /// Schema steps that were taken back.
    pub steps: Vec<String>,
    /// What became of rows, by table.
    pub rows: BTreeMap<String, RowCounts>,
    /// Rows that stay: they were changed here since, records refer to them, or another bundle lists them.
    pub kept_rows: usize,
    /// Schema steps, and tables with rows, that are everybody's by now and stay.
    pub everybodys: Vec<String>,
    /// Schema steps whose way back fails, with why: what is left of what they made stays.
    pub failed_steps: Vec<String>,
}

/// Who takes a version back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Somebody here: it is not installed by itself again.
    Person,
    /// The main office, which may publish it again.
    MainOffice,
}

/// Takes the newest version of a bundle back, or all of them, exactly. It is not installed by itself again.
///
/// # Errors
/// [`Refusal`] where another bundle needs it, a schema step has no way back, or changes made since would be lost; then nothing is changed.
pub fn undo(session: &Session, scope: Scope, name: &BundleName, depth: Depth, loss: Loss) -> Result<Undone> {
    undo_with(session, scope, name, depth, loss, By::Person, &|| Ok(()))
}

/// As [`undo`], with more to be written into the ledger in the same commit.
pub(super) fn undo_with(
    session: &Session,
    scope: Scope,
    name: &BundleName,
    depth: Depth,
    loss: Loss,
    by: By,
    more: &dyn Fn() -> Result<()>,
) -> Result<Undone> {
    let laid = carry::take_back(session)?;
    let before = state(session, scope, name)?;
    let Some(top) = before.top() else { return Err(Refusal::NotInstalled(name.clone()).into()) };
    let left = match depth {
        Depth::One => before.installs.len() - 1,
        Depth::All => 0,
    };
    let (stays, goes) = before.installs.split_at(left);
    let to = stays.last().map(|install| install.version);
    needed(session, scope, name, to)?;
    let others = files_of_others(session, scope, name)?;
    if let Some(below) = stays.last() {
        still_there(session, scope, name, below)?;
        still_free(session, scope, name, (stays, below), &others)?;
    }
    if let Some(step) = goes.iter().flat_map(|install| &install.steps).find(|step| step.down.is_none()) {
        return Err(Refusal::NoWayBack(step.file.clone()).into());
    }
    let (folder, store) = (folder(session)?, store(session));
    if scope == Scope::Site && loss == Loss::Refuse {
        check_there(session, &folder)?;
    }
    let done: Vec<Done<'_>> = goes.iter().rev().map(Install::done).collect();
    let is_one = |one: &str, other: &str| folder.is_one(one, other);
    let own = others.into_iter().map(|(path, (_, own))| (path, own)).collect();
    let moves = bundle::undo(&done, loss, &format!("kept-{}", top.version), &own, |path| folder.filed_if_any(path), is_one);
    let mut moves = moves.map_err(Refusal::from)?.map_err(Refusal::from)?;
    moves.fates.splice(..0, laid);
    let goes_away = |path: &str| moves.moves.iter().any(|moved| moved.after.is_none() && bundle::is_inside(&moved.path, path));
    for moved in moves.moves.iter().filter(|moved| moved.before.is_none() && !goes_away(&moved.path)) {
        // Where no file can be, none is put.
        folder.filed(&moved.path).map_err(Refusal::from)?;
    }
    for moved in &moves.moves {
        if let Some(before) = moved.before {
            folder.keep(&session.world, &moved.path, before, &store).map_err(Refusal::from)?;
        }
    }
    let concerned = |install: &Install| !install.steps.is_empty() || install.rows > 0;
    let concerns = if goes.iter().any(concerned) { Concerns::Database } else { Concerns::Files };
    let mut declined = before.declined.clone();
    match by {
        By::Person => declined.extend(goes.iter().map(|install| install.id)),
        By::MainOffice => {}
    }
    let after = State { installs: stays.to_vec(), declined };
    let work = || {
        let parts = back::undo(session, scope, name, (stays, goes), loss)?;
        set_state(session, scope, name, &after)?;
        if by == By::Person {
            paper::forget_wait(session, name)?;
        }
        more()?;
        Ok(Undone {
            from: top.version,
            to,
            files: moves.fates.clone(),
            steps: parts.steps,
            rows: parts.rows,
            kept_rows: parts.kept,
            everybodys: parts.everybodys,
            failed_steps: parts.failed,
        })
    };
    carry::carry_out(session, &moves.moves, concerns, &work)
}

/// Refuses to go back to a version of which something that it needs is gone.
fn still_there(session: &Session, scope: Scope, name: &BundleName, below: &Install) -> Result<()> {
    let others = states(session, scope)?;
    if let Some(lacks) = install::lacking(&below.needs, &others) {
        return Err(Refusal::BelowNeeds { name: name.clone(), version: below.version, lacks }.into());
    }
    Ok(())
}

/// What other bundles have at each path, by what is one name: which one, and what was there before it.
type OfOthers = BTreeMap<String, (BundleName, Option<Filed>)>;

fn files_of_others(session: &Session, scope: Scope, name: &BundleName) -> Result<OfOthers> {
    let mut found = OfOthers::new();
    for (other, state) in states(session, scope)?.into_iter().filter(|(other, _)| other != name) {
        let base = state.base();
        for path in state.top().into_iter().flat_map(|top| top.put.keys()) {
            let own = base.get(path).and_then(|base| base.own);
            found.insert(collision_key(path), (other.clone(), own));
        }
    }
    Ok(found)
}

/// Refuses to go back to a version that has a file or a row which another bundle has by now: one would take the other's away.
fn still_free(session: &Session, scope: Scope, name: &BundleName, (stays, below): (&[Install], &Install), others: &OfOthers) -> Result<()> {
    let file = below.put.keys().find_map(|path| Some((format!("`{path}`"), others.get(&collision_key(path))?.0.clone())));
    let tables = parts::listed(session, scope, name, stays)?;
    let had = match file {
        Some(had) => Some(had),
        None => parts::Others::of(session, scope, name, &[], &tables)?.had(session, scope, name, stays)?,
    };
    match had {
        Some((what, by)) => Err(Refusal::BelowOwned { name: name.clone(), version: below.version, what, by }.into()),
        None => Ok(()),
    }
}

/// Refuses to take away what another bundle needs.
fn needed(session: &Session, scope: Scope, name: &BundleName, left: Option<Version>) -> Result<()> {
    for (by, other) in states(session, scope)? {
        if let Some(version) = other.top().and_then(|top| top.needs.get(name))
            && left.is_none_or(|left| left < *version)
        {
            return Err(Refusal::NeededBy { name: name.clone(), version: Some(*version), by }.into());
        }
    }
    Ok(())
}
