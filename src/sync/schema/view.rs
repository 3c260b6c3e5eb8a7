//! What is there to say of the schema: which version is where, what waits and why. Reads only.

use super::{LATE, take};
use crate::sync::{Result, Session};

/// What is not done yet at this site, a line each.
pub(in crate::sync) fn lines(session: &Session) -> Result<Vec<String>> {
    Ok(late(session)?)
}

/// Indexes that records are in the way of, a sentence each.
///
/// # Errors
/// As the ledger says.
pub fn late(session: &Session) -> Result<Vec<String>> {
    Ok(session.ledger.note(LATE)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

/// The version that the parent told and that cannot be had here, with why.
#[must_use]
pub fn refused(session: &Session) -> Option<(u64, String)> {
    take::refused(session)
}
