//! What is installed, and what was changed here since?

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{RowName, Scope, folder, parts, states};
use crate::bundle::{BundleName, Filed, Version};
use crate::model::Millis;
use crate::sync::{Result, Session};

/// What differs from what a bundle put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The bundle.
    pub name: BundleName,
    /// Its version.
    pub version: Version,
    /// Files whose content, or right to be run, is another one.
    pub changed: Vec<String>,
    /// Files that are gone.
    pub missing: Vec<String>,
    /// Files at whose place is something that is no file, or that cannot be read, with why.
    pub unreadable: BTreeMap<String, String>,
    /// Rows that are otherwise.
    pub rows: Vec<RowName>,
}

/// Rows of which more are not looked at in passing.
const MOST_ROWS: usize = 2_000;

/// Bundles of which something was changed here, as far as that shows at a glance: a file that was not written since is not read, and rows of
/// long lists are not compared. [`drift`] is exact.
///
/// # Errors
/// As [`drift`].
pub fn changed(session: &Session) -> Result<BTreeSet<BundleName>> {
    let (folder, mut found) = (folder(session)?, BTreeSet::new());
    for (name, state) in states(session, Scope::Site)? {
        let Some(top) = state.top() else { continue };
        let moves = state.installs.iter().flat_map(|install| install.moves.iter().map(|one| (one, install.time)));
        let moved: BTreeMap<&str, (Option<Filed>, Millis)> = moves.map(|(one, time)| (one.path.as_str(), (one.after, time))).collect();
        let files = top.put.iter().any(|(path, put)| match moved.get(path.as_str()) {
            Some((after, time)) if *after == Some(*put) => folder.differs_since(path, *put, *time).unwrap_or(true),
            // Nobody put that content there: the file was kept as it was changed here, or was there before.
            Some(_) | None => folder.filed(path).map_or(true, |there| there != Some(*put)),
        });
        let rows: usize = state.installs.iter().map(|install| install.rows).sum();
        let rows = || rows <= MOST_ROWS && session.has_database();
        if files || (rows() && !parts::changed(session, Scope::Site, &name, &state.installs)?.is_empty()) {
            found.insert(name);
        }
    }
    Ok(found)
}

/// Every bundle that is installed here, or at the main office carried out for everybody, with what differs.
///
/// # Errors
/// As the ledger and the database say.
pub fn drift(session: &Session) -> Result<Vec<Drift>> {
    let (folder, mut found) = (folder(session)?, Vec::new());
    for (name, state) in states(session, Scope::Site)? {
        let Some(top) = state.top() else { continue };
        let mut drift =
            Drift { name, version: top.version, changed: Vec::new(), missing: Vec::new(), unreadable: BTreeMap::new(), rows: Vec::new() };
        for (path, put) in &top.put {
            match folder.filed(path) {
                Ok(Some(there)) if there == *put => {}
                Ok(Some(_)) => drift.changed.push(path.clone()),
                Ok(None) => drift.missing.push(path.clone()),
                Err(error) => drop(drift.unreadable.insert(path.clone(), error.to_string())),
            }
        }
        if session.has_database() {
            drift.rows = parts::changed(session, Scope::Site, &drift.name, &state.installs)?;
        }
        found.push(drift);
    }
    // What everybody shares was put at the main office.
    for (name, state) in states(session, Scope::Shared)? {
        let Some(top) = state.top().filter(|_| session.has_database()) else { continue };
        let rows = parts::changed(session, Scope::Shared, &name, &state.installs)?;
        match found.iter_mut().find(|drift| drift.name == name) {
            Some(drift) => drift.rows.extend(rows),
            None => found.push(Drift {
                name,
                version: top.version,
                changed: Vec::new(),
                missing: Vec::new(),
                unreadable: BTreeMap::new(),
                rows,
            }),
        }
    }
    Ok(found)
}
