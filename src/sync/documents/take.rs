//! What of a packet is about documents? Kept before its changes are applied, so that a packet that counts as applied has left everything.
//!
//! **Crash points**: between any two things kept. All of it is kept again by the next run: taking twice is taking once.
//! What does not verify or read is not kept, and does not stop the packet: the content is asked for again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::tell::{MORE, RECIPES, WANTED};
use crate::ledger::{ContentHash, Missing, Neighbour, WHOLE, is_whole};
use crate::library::{ChunkId, ChunkStore, ContentId, PackFault, PackWriter, Told};
use crate::packet::Opened;
use crate::sync::{Result, Session, SyncError};

/// A content that is asked for: these chunks of it; without any all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub content: ContentId,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub chunks: BTreeSet<ChunkId>,
}

/// Whether contents are still to come that the list speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct More {
    pub more: bool,
}

/// Most contents that one packet asks for.
pub(super) const MOST_WANTED: usize = 1_000;

/// Keeps what a packet brings of documents.
pub(in crate::sync) fn take(session: &Session, from: &Neighbour, opened: &Opened) -> Result<()> {
    if !session.has_library() || opened.entry_names().all(|name| !name.starts_with("documents/")) {
        return Ok(());
    }
    if !session.ledger.has_documents()? {
        super::switch::begin(session)?;
    }
    take_chunks(session, opened)?;
    let most = session.limits.document_bytes;
    session.ledger.begin()?;
    let taken = (|| {
        if let Some(bytes) = opened.bytes(RECIPES, most)? {
            take_recipes(session, from, &bytes)?;
        }
        if let Some(bytes) = opened.bytes(WANTED, most)? {
            let wanted: Vec<Wanted> = serde_json::from_slice(&bytes).unwrap_or_default();
            let there = session.ledger.there(from.site)?;
            for wanted in wanted.into_iter().take(MOST_WANTED) {
                // What it was not sent yet comes by itself.
                if !is_whole(&there, &wanted.content.0) {
                    continue;
                }
                let chunks = wanted.chunks.into_iter().map(|chunk| chunk.0).collect();
                session.ledger.drop_there(from.site, &wanted.content.0)?;
                session.ledger.put_wanted(from.site, &wanted.content.0, &chunks)?;
            }
        }
        if let Some(bytes) = opened.bytes(MORE, most)? {
            let more = serde_json::from_slice(&bytes).is_ok_and(|More { more }| more);
            session.ledger.set_note(&more_note(from), if more { "yes" } else { "" })?;
        }
        Ok(session.ledger.commit(&session.world, "commit what came of documents")?)
    })();
    if let Err(error) = &taken
        && !SyncError::is_crash(error)
    {
        session.ledger.rollback()?;
    }
    taken
}

/// Whether a neighbour said that more is to come.
pub(super) fn more_comes(session: &Session, from: &Neighbour) -> Result<bool> {
    Ok(session.ledger.note(&more_note(from))?.is_some_and(|more| !more.is_empty()))
}

fn more_note(from: &Neighbour) -> String {
    format!("documents to come:{}", from.card.name)
}

fn take_chunks(session: &Session, opened: &Opened) -> Result<()> {
    if opened.entry_bytes(PackWriter::FRAMES).is_none() || opened.entry_bytes(PackWriter::INDEX).is_none() {
        return Ok(());
    }
    let mut store = ChunkStore::open(&session.chunk_folder())?;
    let (mut frames, mut index) = (opened.read(PackWriter::FRAMES)?, opened.read(PackWriter::INDEX)?);
    match store.take(&session.world, &mut frames, &mut index) {
        Ok(_) | Err(PackFault::Index { .. } | PackFault::Frame { .. }) => Ok(()),
        Err(PackFault::Io(error)) => Err(error.into()),
        Err(PackFault::Crash(crash)) => Err(crash.into()),
    }
}

/// A neighbour that tells of which chunks a content is made has it.
fn take_recipes(session: &Session, from: &Neighbour, bytes: &[u8]) -> Result<()> {
    let missing = session.ledger.missing()?;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(told) = serde_json::from_slice::<Told>(line) else { continue };
        let content: ContentHash = told.content.0;
        let base = told.base.map(|base| session.recipe(&base.0)).transpose()?.flatten();
        // One that cannot be read is missed when the document is to be placed, and asked for whole.
        if let Ok(recipe) = told.read(base.as_ref()) {
            session.put_recipe(&recipe)?;
            // Now it can be said which chunks are missing.
            if let Some(before) = missing.get(&content) {
                session.ledger.set_missing(&content, Missing { asked: None, ..*before })?;
            }
        }
        session.ledger.put_there(from.site, &content, WHOLE)?;
    }
    Ok(())
}
