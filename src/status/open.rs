//! Which conflicts wait for a person?

use crate::ledger::{Conflict, ConflictKind, ConflictState};
use crate::model::SiteName;
use crate::sync::{Session, SyncError, mend};

/// Whether a conflict waits for a person. `settled`: whether one settled it ([`crate::ledger::Ledger::settled`]).
///
/// # Errors
/// As the ledger says.
pub fn is_open(session: &Session, conflict: &Conflict, settled: bool) -> Result<bool, SyncError> {
    let open = conflict.state == ConflictState::Open && !settled;
    // A change that waits for a unique value waits until the site that decides says otherwise.
    Ok(open
        && (conflict.kind == ConflictKind::Taken || edited_since(session, conflict)?.is_none() && !answers_for_itself(session, conflict)?))
}

/// At which site somebody edited the field after it was parked for review: that edit is the decision.
///
/// # Errors
/// As the ledger says.
pub fn edited_since(session: &Session, conflict: &Conflict) -> Result<Option<SiteName>, SyncError> {
    let Some(shape) = session.shapes.iter().find(|shape| shape.name == conflict.table) else { return Ok(None) };
    let Some(image) = mend::record_of(session, shape, conflict)?.and_then(|record| record.current) else { return Ok(None) };
    let field = conflict.field.as_ref().and_then(|name| shape.field(name));
    let edit = field.and_then(|field| image.stamp(field)).filter(|stamp| stamp.time > conflict.time);
    Ok(edit.map(|stamp| session.ledger.site_name(stamp.site)).transpose()?)
}

/// Whether the record is gone, and its end is not what a person is to look at.
fn answers_for_itself(session: &Session, conflict: &Conflict) -> Result<bool, SyncError> {
    let Some(shape) = session.shapes.iter().find(|shape| shape.name == conflict.table) else { return Ok(false) };
    let about_its_end = matches!(conflict.kind, ConflictKind::Delete | ConflictKind::Gone) && conflict.field.is_some();
    let is_gone = mend::record_of(session, shape, conflict)?.is_some_and(|record| record.current.is_none());
    Ok(is_gone && !about_its_end)
}

/// The conflicts that wait for a person, oldest first.
///
/// # Errors
/// As the ledger says.
pub fn open(session: &Session) -> Result<Vec<Conflict>, SyncError> {
    let settled = session.ledger.settled()?;
    let mut found = Vec::new();
    session.ledger.conflicts(0, &mut |_, decider_number, _, conflict| {
        if conflict.kind != ConflictKind::Settled && conflict.state == ConflictState::Open {
            let settled = settled.contains_key(&(conflict.decider.clone(), decider_number));
            found.push((conflict, settled));
        }
        Ok(())
    })?;
    let mut open = Vec::new();
    for (conflict, settled) in found {
        if is_open(session, &conflict, settled)? {
            open.push(conflict);
        }
    }
    Ok(open)
}
