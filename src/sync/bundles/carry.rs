//! How is all of an install done, or nothing?
//!
//! States and crash points: see the module above. The journal is a note of the ledger. Whoever takes back compares each path first:
//! one that holds neither what was put nor what was before was changed by somebody meanwhile, and stays as that left it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Refusal, Scope, folder, states, store};
use crate::bundle::Move;
use crate::packet::ContentHash;
use crate::sync::{Result, Session, SyncError, apply};

const JOURNAL: &str = "bundle journal";

/// What is being moved.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    moves: Vec<Move>,
}

/// Whether rows or the schema are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concerns {
    /// Only files.
    Files,
    /// The application's database as well: both become durable together.
    Database,
}

/// Moves files and does `work`, all or nothing. Every content that `moves` names is in the store. `work` runs inside the transactions of
/// ledger and, where it is concerned, database; first on trial, so that files are not moved for something that cannot be done.
pub(super) fn carry_out<T>(session: &Session, moves: &[Move], concerns: Concerns, work: &dyn Fn() -> Result<T>) -> Result<T> {
    if concerns == Concerns::Database && !moves.is_empty() {
        try_out(session, work)?;
    }
    if !moves.is_empty() {
        let journal = serde_json::to_string(&Journal { moves: moves.to_vec() });
        session.set_note(JOURNAL, &journal.map_err(|_| SyncError::Bug("a journal does not write"))?)?;
    }
    let done = move_files(session, moves).and_then(|()| {
        commit(session, concerns, || {
            let done = work()?;
            session.ledger.set_note(JOURNAL, "")?;
            Ok(done)
        })
    });
    match done {
        Ok(done) => match sweep(session) {
            Err(error) if error.is_crash() => Err(error),
            // What cannot be thrown away now goes after the next bundle.
            Ok(()) | Err(_) => Ok(done),
        },
        Err(error) if error.is_crash() => Err(error),
        Err(error) => {
            take_back(session)?;
            Err(error)
        }
    }
}

/// Does `work` in the transaction of the database, and takes it back.
pub(super) fn try_out<T>(session: &Session, work: &dyn Fn() -> Result<T>) -> Result<T> {
    let database = session.database()?;
    database.begin_write()?;
    let done = session.ledger.begin().map_err(SyncError::from).and_then(|()| work());
    session.ledger.rollback()?;
    database.rollback()?;
    done
}

/// Takes back what a run left that died, or that could not go on.
///
/// # Errors
/// [`Refusal::Obstacle`]; then it is tried again by the next run.
pub(crate) fn take_back(session: &Session) -> Result<()> {
    let Some(text) = session.ledger.note(JOURNAL)?.filter(|text| !text.is_empty()) else { return Ok(()) };
    let journal: Journal = serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted journal does not read"))?;
    let (folder, store) = (folder(session)?, store(session));
    for moved in journal.moves.iter().rev() {
        if folder.filed(&moved.path).map_err(Refusal::from)? == moved.after {
            let back = Move { path: moved.path.clone(), before: moved.after, after: moved.before };
            folder.carry_out(&session.world, &back, &store).map_err(Refusal::from)?;
        }
    }
    session.set_note(JOURNAL, "")?;
    sweep(session)
}

fn move_files(session: &Session, moves: &[Move]) -> Result<()> {
    let (folder, store) = (folder(session)?, store(session));
    for moved in moves {
        folder.carry_out(&session.world, moved, &store).map_err(Refusal::from)?;
    }
    Ok(())
}

/// One commit of the ledger, together with one of the database where that is concerned.
pub(super) fn commit<T>(session: &Session, concerns: Concerns, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let with = match concerns {
        Concerns::Files => None,
        Concerns::Database => Some(session.database()?),
    };
    if let Some(database) = with {
        database.begin_write()?;
    }
    let done = session.ledger.begin().map_err(SyncError::from).and_then(|()| {
        if let Some(database) = with {
            session.ledger.record();
            let done = work()?;
            apply::note_commit(session)?;
            database.commit(&session.world)?;
            session.ledger.commit(&session.world, "commit bundle after rows")?;
            Ok(done)
        } else {
            let done = work()?;
            session.ledger.commit(&session.world, "commit bundle")?;
            Ok(done)
        }
    });
    if let Err(error) = &done
        && !error.is_crash()
    {
        if let Some(database) = with {
            database.rollback()?;
        }
        session.ledger.rollback()?;
    }
    done
}

/// Contents that no way back needs are thrown away.
fn sweep(session: &Session) -> Result<()> {
    let mut needed: BTreeSet<ContentHash> = BTreeSet::new();
    for scope in [Scope::Site, Scope::Shared] {
        for state in states(session, scope)?.values() {
            needed.extend(state.installs.iter().flat_map(|install| &install.moves).filter_map(|moved| Some(moved.before?.content)));
        }
    }
    Ok(store(session).sweep(&session.world, &needed).map_err(Refusal::from)?)
}
