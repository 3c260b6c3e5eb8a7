//! How does a site get a library, and lose it?
//!
//! The host decides: `fieldpost library on`. Everybody below hears it in a paper beside roster and rules, and gets the list before the first
//! change of it is applied. **States**: none → the folder is there and marked → the ledger has its tables → the list is in the database, and
//! tracked. **Crash points**: after each arrow; every step finds what is done.
//!
//! **Another folder.** The ledger notes the id of the library in which it has seen what it has seen, before it sees anything there. **Invariant**: that
//! something is not in a library with another id says nothing of it, and nothing in that one is taken, before somebody says that it is the one (`library on`). Then
//! what was seen is forgotten, in the commit that notes the new id: the documents are placed there, as at a site that just joined, and what is there is new.
//!
//! **An older state of it.** Whoever accounts for what changed in the folder counts it there and in the ledger, the folder first. One that counted
//! less than the ledger was put back from a backup, and is as another one.
//!
//! Without a library again the list goes, and nobody is told to delete a document: files stay where they are, at all sites. So does in the home what lost
//! a conflict that is listed.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::Freedom;
use crate::exchange::Address;
use crate::ledger::{Neighbour, NeighbourKind};
use crate::library::{ChunkId, ChunkStore, Library, LibraryError};
use crate::packet::Opened;
use crate::sync::{Result, Session, SyncError};

/// The part that says it, and the note of what a child was told.
pub(in crate::sync) const PAPER: &str = "documents/library.json";

/// Note of the id of the library in which documents were seen.
const SEEN_IN: &str = "documents seen in";

/// Note of how often what is in it was accounted for.
const COUNTED: &str = "documents counted";

/// Whether the sender has a library.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Paper {
    library: bool,
}

/// Begins a library in the folder of the settings. Gives how many documents were seen in another one.
///
/// # Errors
/// As folder, database and ledger say; doing it again goes on.
pub fn on(session: &mut Session) -> Result<usize> {
    let elsewhere = prepare(session)?;
    list(session)?;
    Ok(elsewhere)
}

/// Makes the list, and has it tracked. What was seen under an earlier one says nothing of this one.
fn list(session: &mut Session) -> Result<()> {
    if !session.database()?.has_library()? {
        forget(session)?;
    }
    begin(session)?;
    session.database()?.make_library(&session.world)?;
    session.follow().map(drop)
}

/// Makes the folder of the settings ready: it is there, and marked. Gives how many documents were seen in another one.
///
/// # Errors
/// As the folder says.
pub fn prepare(session: &Session) -> Result<usize> {
    check_place(session)?;
    if session.freedom == Freedom::Rehearsal {
        return Ok(0);
    }
    let library = Library::create(&session.world, &session.library_folder())?;
    let elsewhere = settle_in(session, &library)?;
    super::look::nothing_waits(session)?;
    Ok(elsewhere)
}

/// Somebody says that this is the library: what was seen in another one says nothing of it.
fn settle_in(session: &Session, library: &Library) -> Result<usize> {
    let ledger = &session.ledger;
    let is_same = ledger.note(SEEN_IN)?.is_some_and(|id| id == library.id());
    if is_same && !is_older(session, library)? {
        return Ok(0);
    }
    let seen = if ledger.has_documents()? { ledger.all_seen()? } else { Vec::new() };
    ledger.begin()?;
    seen.iter().try_for_each(|(path, _)| ledger.drop_seen(path))?;
    ledger.set_note(SEEN_IN, library.id())?;
    ledger.set_note(COUNTED, &library.count().to_string())?;
    ledger.commit(&session.world, "commit another library")?;
    Ok(if is_same { 0 } else { seen.len() })
}

/// Whether the library is as it was before something in it was accounted for.
pub(super) fn is_older(session: &Session, library: &Library) -> Result<bool> {
    let is_same = session.ledger.note(SEEN_IN)?.is_some_and(|id| id == library.id());
    Ok(is_same && library.count() < counted(session)?)
}

fn counted(session: &Session) -> Result<u64> {
    Ok(session.ledger.note(COUNTED)?.and_then(|count| count.parse().ok()).unwrap_or_default())
}

/// Something in the library was accounted for. Where nothing can be written there, an older state of it will not be known.
pub(super) fn count(session: &Session, library: &Library) -> Result<()> {
    let count = counted(session)?.max(library.count()) + 1;
    match library.set_count(&session.world, count) {
        Ok(()) => session.set_note(COUNTED, &count.to_string()),
        Err(error @ LibraryError::Crash(_)) => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Whether it is the library in which documents were seen: no other in its place, and no older state of it.
pub(super) fn is_ours(session: &Session, library: &Library) -> Result<bool> {
    let is_same = session.ledger.note(SEEN_IN)?.is_none_or(|id| id.is_empty() || id == library.id());
    Ok(is_same && !is_older(session, library)?)
}

/// The same before documents are seen in it: the first library is the one.
pub(super) fn may_see_in(session: &Session, library: &Library) -> Result<bool> {
    if session.ledger.note(SEEN_IN)?.is_none_or(|id| id.is_empty()) {
        session.set_note(SEEN_IN, library.id())?;
    }
    is_ours(session, library)
}

/// Refuses a folder that has the home, the database or an exchange in it, or is inside what is ours: they would travel as documents. In an
/// exchange documents would lie in clear.
pub(super) fn check_place(session: &Session) -> Result<()> {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
    let folder = real(&session.library_folder());
    let ours = real(&session.home.inside());
    let inside = |path: PathBuf| real(&path).starts_with(&folder);
    let exchanges = session.settings.exchanges.addresses.iter().filter_map(|address| match Address::parse(address) {
        Ok(Address::Folder(folder)) => Some(folder),
        // What cannot be read is told where it is opened.
        Ok(Address::Server(_) | Address::Command(_)) | Err(_) => None,
    });
    let exchanges: Vec<PathBuf> = exchanges.map(|exchange| real(&exchange)).collect();
    let all = [session.home.folder().to_owned(), session.database_path()];
    let is_inside = exchanges.iter().chain([&ours]).any(|around| folder.starts_with(around));
    if is_inside || all.into_iter().chain(exchanges).any(inside) {
        return Err(SyncError::LibraryPlace(folder));
    }
    Ok(())
}

/// Makes the tables of the ledger, where they are not there.
pub(super) fn begin(session: &Session) -> Result<()> {
    session.ledger.begin()?;
    session.ledger.make_documents()?;
    Ok(session.ledger.commit(&session.world, "commit tables of documents")?)
}

/// Ends the library. The files stay.
///
/// # Errors
/// As database and ledger say; doing it again goes on.
pub fn off(session: &mut Session) -> Result<()> {
    // First: a list that is there without what was seen is as one that just began.
    forget(session)?;
    session.database()?.drop_library(&session.world)?;
    session.follow()?;
    let chunks = session.chunk_folder();
    if chunks.is_dir() && session.ledger.has_documents()? {
        // What lost a conflict that is listed.
        let ledger = &session.ledger;
        let is_needed = |chunk: &ChunkId| !ledger.contents_with(&chunk.0).is_ok_and(|contents| contents.is_empty());
        ChunkStore::open(&chunks)?.sweep(&session.world, &is_needed)?;
    } else if chunks.is_dir() {
        fs::remove_dir_all(chunks)?;
    }
    Ok(())
}

/// Forgets everything but of which chunks the contents are made that lost a conflict: those are kept as long as it is listed.
fn forget(session: &Session) -> Result<()> {
    let mut kept = Vec::new();
    if session.ledger.has_documents()? {
        for content in session.lost_contents()? {
            kept.extend(session.recipe(&content)?);
        }
    }
    session.ledger.begin()?;
    session.ledger.forget_documents()?;
    if !kept.is_empty() {
        session.ledger.make_documents()?;
        kept.iter().try_for_each(|recipe| session.put_recipe(recipe))?;
    }
    session.ledger.set_note(SEEN_IN, "")?;
    session.ledger.set_note(COUNTED, "")?;
    Ok(session.ledger.commit(&session.world, "commit documents forgotten")?)
}

/// What a neighbour is to hear; none where nothing.
pub(in crate::sync) fn paper(session: &Session, to: &Neighbour) -> Result<Option<String>> {
    let library = session.has_library();
    if to.kind == NeighbourKind::Parent || !(library || to.told_documents.contains_key(PAPER)) {
        return Ok(None);
    }
    serde_json::to_string(&Paper { library }).map(Some).map_err(|_| SyncError::Bug("a paper does not write"))
}

/// Does what the parent says of the library, before its changes are applied.
pub(in crate::sync) fn hear(session: &mut Session, from: &Neighbour, opened: &Opened) -> Result<()> {
    if from.kind == NeighbourKind::Child {
        return Ok(());
    }
    let Some(bytes) = opened.bytes(PAPER, session.limits.document_bytes)? else { return Ok(()) };
    let paper: Paper = serde_json::from_slice(&bytes).map_err(|_| SyncError::BadPart(PAPER))?;
    match (paper.library, session.has_library()) {
        (true, false) => {
            // A folder that cannot be made keeps no record from coming: every round says that it is not there.
            match prepare(session) {
                Err(error) if error.is_crash() => return Err(error),
                Ok(_) | Err(_) => {}
            }
            list(session)
        }
        (false, true) => off(session),
        (true, true) | (false, false) => Ok(()),
    }
}
