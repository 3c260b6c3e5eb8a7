//! Which conflicts wait for a person?

use crate::ledger::{Conflict, ConflictKind, ConflictState};
use crate::sync::{Session, SyncError, mend};

/// Whether a conflict waits for a person. `settled`: whether one settled it ([`crate::ledger::Ledger::settled`]).
///
/// # Errors
/// As the ledger says.
pub fn is_open(session: &Session, conflict: &Conflict, settled: bool) -> Result<bool, SyncError> {
    let open = conflict.state == ConflictState::Open && !settled;
    // A change that waits for a unique value waits until the site that decides says otherwise.
    Ok(open && (conflict.kind == ConflictKind::Taken || !edited_since(session, conflict)?))
}

/// Whether somebody edited the field after it was parked for review: that edit is the decision.
fn edited_since(session: &Session, conflict: &Conflict) -> Result<bool, SyncError> {
    let Some(shape) = session.shapes.iter().find(|shape| shape.name == conflict.table) else { return Ok(false) };
    let Some(record) = mend::record_of(session, shape, conflict)? else { return Ok(false) };
    // A record that is gone answers for itself, except where its end is what a person is to look at.
    let about_its_end = matches!(conflict.kind, ConflictKind::Delete | ConflictKind::Gone) && conflict.field.is_some();
    let Some(image) = record.current else { return Ok(!about_its_end) };
    let field = conflict.field.as_ref().and_then(|name| shape.field(name));
    Ok(field.is_some_and(|field| image.stamp(field).is_some_and(|stamp| stamp.time > conflict.time)))
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
