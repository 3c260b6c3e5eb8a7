//! What is installed, and what was changed here since?

use serde::Serialize;

use super::{Scope, folder, parts, states};
use crate::bundle::{BundleName, Version};
use crate::sync::{Result, Session};

/// What differs from what a bundle put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The bundle.
    pub name: BundleName,
    /// Its version.
    pub version: Version,
    /// Files whose content is another one.
    pub changed: Vec<String>,
    /// Files that are gone.
    pub missing: Vec<String>,
    /// Files at whose place is something that is no file, or that cannot be read, with why.
    pub unreadable: Vec<(String, String)>,
    /// Rows that are otherwise, by table and key.
    pub rows: Vec<(String, String)>,
}

/// Every bundle that is installed here, with what differs.
///
/// # Errors
/// As the ledger and the database say.
pub fn drift(session: &Session) -> Result<Vec<Drift>> {
    let (folder, mut found) = (folder(session), Vec::new());
    for (name, state) in states(session, Scope::Site)? {
        let Some(top) = state.top() else { continue };
        let mut drift =
            Drift { name, version: top.version, changed: Vec::new(), missing: Vec::new(), unreadable: Vec::new(), rows: Vec::new() };
        for (path, put) in &top.put {
            match folder.content(path) {
                Ok(Some(there)) if there == *put => {}
                Ok(Some(_)) => drift.changed.push(path.clone()),
                Ok(None) => drift.missing.push(path.clone()),
                Err(error) => drift.unreadable.push((path.clone(), error.to_string())),
            }
        }
        if session.has_database() {
            drift.rows = parts::changed(session, &state.installs)?;
        }
        found.push(drift);
    }
    Ok(found)
}
