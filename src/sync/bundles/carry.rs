//! How is all of an install done, or nothing?
//!
//! States and crash points: see the module above. The journal is a note of the ledger. Whoever takes back compares each path first:
//! one that holds neither what was put nor what was before was changed by somebody meanwhile, and stays as that left it; what was there
//! before is laid beside then, unless some bundle has it.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Refusal, Scope, folder, placed, states, store};
use crate::bundle::{Fate, Filed, Move, Obstacle, beside};
use crate::packet::ContentHash;
use crate::sync::{Result, Session, SyncError, apply, seal};

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
    let made = Cell::new(0);
    let done = move_files(session, moves, &made).and_then(|()| {
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
            put_back(session, moves, made.get())?;
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

/// Takes back what a run left that died, or that could not go on, and tells what it had to lay beside.
///
/// # Errors
/// [`Refusal::Obstacle`]; then it is tried again by the next run.
pub(crate) fn take_back(session: &Session) -> Result<Vec<(String, Fate)>> {
    placed::settle(session)?;
    let Some(text) = session.ledger.note(JOURNAL)?.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let journal: Journal = serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted journal does not read"))?;
    let folder = folder(session)?;
    for moved in journal.moves.iter().filter(|moved| moved.after.is_some()) {
        folder.clear_leftovers(&session.world, &moved.path).map_err(Refusal::from)?;
    }
    // How far it came nobody knows.
    put_back(session, &journal.moves, journal.moves.len())
}

/// Takes moves back, of which the first `made` were made.
fn put_back(session: &Session, moves: &[Move], made: usize) -> Result<Vec<(String, Fate)>> {
    let (folder, store) = (folder(session)?, store(session));
    let carry_out = |moved: &Move| folder.carry_out(&session.world, moved, &store).map_err(Refusal::from);
    let (mut laid, bundled) = (Vec::new(), bundled(session)?);
    for (number, moved) in moves.iter().enumerate().rev() {
        // Where a path becomes a folder, or the other way round, or a person made one of it, nothing is at the place that is not made yet.
        let is_ours = |way: &Obstacle| matches!(way, Obstacle::Way(_) | Obstacle::NoFile(_)) && moved.before.is_none();
        let there = match folder.filed(&moved.path) {
            Err(way) if is_ours(&way) => None,
            there => there.map_err(Refusal::from)?,
        };
        if there == moved.after {
            carry_out(&Move { path: moved.path.clone(), before: moved.after, after: moved.before })?;
        } else if let Some(before) = moved.before
            && number < made
            && there != moved.before
            && !bundled.contains(&before)
        {
            let taken = |place: &str| moves.iter().any(|other| other.path == place);
            let (place, lay) = beside(&moved.path, "before", before, taken, &mut |path| folder.filed(path)).map_err(Refusal::from)?;
            lay.iter().try_for_each(carry_out)?;
            laid.push((place, Fate::Rescued { of: moved.path.clone() }));
        }
    }
    session.set_note(JOURNAL, "")?;
    sweep(session)?;
    Ok(laid)
}

/// What bundles put: nobody misses it.
fn bundled(session: &Session) -> Result<BTreeSet<Filed>> {
    let states = states(session, Scope::Site)?;
    Ok(states.values().flat_map(|state| &state.installs).flat_map(|install| install.put.values().copied()).collect())
}

fn move_files(session: &Session, moves: &[Move], made: &Cell<usize>) -> Result<()> {
    let (folder, store) = (folder(session)?, store(session));
    for (number, moved) in moves.iter().enumerate() {
        folder.carry_out(&session.world, moved, &store).map_err(Refusal::from)?;
        made.set(number + 1);
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
            // What rows of the bundle overwrite was somebody's edit: unsealed it would be nowhere.
            seal::seal_under_lock(session)?;
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
