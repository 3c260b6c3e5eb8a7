//! What of a packet is about documents? Kept before its changes are applied, so that a packet that counts as applied has left everything.
//!
//! **Crash points**: between any two things kept. All of it is kept again by the next run: taking twice is taking once.
//! What does not verify or read is not kept, and does not stop the packet: it is listed with its reason, under the packet or the document,
//! as long as contents are missing, and what is missing is asked for again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::tell::{CHOICE, MORE, MOST_TOLD_CHUNKS, RECIPES, WANTED, choice_note};
use super::{REFUSED, patterns};
use crate::ledger::{ContentHash, Missing, Neighbour, NeighbourKind, WHOLE, is_whole};
use crate::library::{ChunkId, ChunkStore, ContentId, PackFault, PackWriter, Told};
use crate::packet::{OpenError, Opened};
use crate::rules::library::Choice;
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
    let chunks = take_chunks(session, opened)?;
    session.ledger.begin()?;
    let mut taking = Taking { session, from, opened, faults: chunks.into_iter().collect() };
    let taken = taking.papers().and_then(|()| {
        if let Some(fault) = taking.faults.first() {
            let packet = format!("packet {} from '{}'", opened.envelope.number, from.card.name);
            session.refuse(&packet, &format!("what it says of contents of documents is not taken: {fault}"))?;
        }
        Ok(session.ledger.commit(&session.world, "commit what came of documents")?)
    });
    if let Err(error) = &taken
        && !SyncError::is_crash(error)
    {
        session.ledger.rollback()?;
    }
    taken
}

/// The small parts of one packet, in the open transaction.
struct Taking<'t> {
    session: &'t Session,
    from: &'t Neighbour,
    opened: &'t Opened,
    /// Why something was not taken.
    faults: Vec<String>,
}

impl Taking<'_> {
    fn papers(&mut self) -> Result<()> {
        if let Some(bytes) = self.part(RECIPES)? {
            self.recipes(&bytes)?;
        }
        if let Some(bytes) = self.part(WANTED)? {
            self.wanted(&bytes)?;
        }
        if self.from.kind == NeighbourKind::Child
            && let Some(bytes) = self.part(CHOICE)?
            && let Some(choice) = self.read::<Choice>(CHOICE, &bytes)
        {
            match (patterns(&choice), String::from_utf8(bytes)) {
                (Ok(_), Ok(text)) => self.session.ledger.set_note(&choice_note(self.from), &text)?,
                (Err(error), _) => self.faults.push(format!("`{CHOICE}`: {error}")),
                (Ok(_), Err(error)) => self.faults.push(format!("`{CHOICE}`: {error}")),
            }
        }
        if let Some(bytes) = self.part(MORE)? {
            let more = self.read(MORE, &bytes).is_some_and(|More { more }| more);
            self.session.ledger.set_note(&more_note(self.from), if more { "yes" } else { "" })?;
        }
        Ok(())
    }

    /// A part in memory; none where there is none, or one that is longer than we take.
    fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.opened.bytes(name, self.session.limits.document_bytes) {
            Err(error @ OpenError::Limit { .. }) => {
                self.faults.push(format!("`{name}`: {error}"));
                Ok(None)
            }
            bytes => Ok(bytes?),
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(&mut self, name: &str, bytes: &[u8]) -> Option<T> {
        serde_json::from_slice(bytes).map_err(|error| self.faults.push(format!("`{name}` does not read: {error}"))).ok()
    }

    fn wanted(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(wanted) = self.read::<Vec<Wanted>>(WANTED, bytes) else { return Ok(()) };
        if wanted.len() > MOST_WANTED {
            self.faults.push(format!("it asks for {} contents, the most is {MOST_WANTED}", wanted.len()));
        }
        let ledger = &self.session.ledger;
        let there = ledger.there(self.from.site)?;
        for wanted in wanted.into_iter().take(MOST_WANTED) {
            // What it was not sent yet comes by itself.
            if !is_whole(&there, &wanted.content.0) {
                continue;
            }
            let chunks = wanted.chunks.into_iter().map(|chunk| chunk.0).collect();
            ledger.drop_there(self.from.site, &wanted.content.0)?;
            ledger.put_wanted(self.from.site, &wanted.content.0, &chunks)?;
        }
        Ok(())
    }

    /// A neighbour that tells of which chunks a content is made has it, and wants it no more.
    fn recipes(&mut self, bytes: &[u8]) -> Result<()> {
        let (session, ledger) = (self.session, &self.session.ledger);
        let missing = ledger.missing()?;
        let mut room = MOST_TOLD_CHUNKS;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(told) = self.read::<Told>(RECIPES, line) else { continue };
            let content: ContentHash = told.content.0;
            let base = told.base.map(|base| session.recipe(&base.0)).transpose()?.flatten();
            match told.read(base.as_ref()) {
                Ok(recipe) if recipe.chunks.len() > room => {
                    self.faults.push(format!("its recipes have more than {MOST_TOLD_CHUNKS} chunks"));
                    return Ok(());
                }
                Ok(recipe) => {
                    room -= recipe.chunks.len();
                    session.put_recipe(&recipe)?;
                    // Now it can be said which chunks are missing. A neighbour that was wrong before is not asked in every round.
                    if let Some(before) = missing.get(&content)
                        && session.ledger.note(&format!("{REFUSED}{}", told.content))?.is_none_or(|why| why.is_empty())
                    {
                        ledger.set_missing(&content, Missing { asked: None, ..*before })?;
                    }
                }
                // It is missed when the document is to be placed, and asked for whole.
                Err(fault) => session.refuse(&told.content.to_string(), &format!("{fault}"))?,
            }
            ledger.put_there(self.from.site, &content, WHOLE)?;
            ledger.drop_wanted(self.from.site, &content)?;
        }
        Ok(())
    }
}

/// Whether a neighbour said that more is to come.
pub(super) fn more_comes(session: &Session, from: &Neighbour) -> Result<bool> {
    Ok(session.ledger.note(&more_note(from))?.is_some_and(|more| !more.is_empty()))
}

fn more_note(from: &Neighbour) -> String {
    format!("documents to come:{}", from.card.name)
}

/// Keeps the chunks of a packet. Says why not, where they are not what the packet says of them.
fn take_chunks(session: &Session, opened: &Opened) -> Result<Option<String>> {
    match (opened.entry_bytes(PackWriter::FRAMES), opened.entry_bytes(PackWriter::INDEX)) {
        (Some(_), Some(_)) => {}
        (None, None) => return Ok(None),
        (Some(_), None) | (None, Some(_)) => return Ok(Some("it has chunks without their index, or the index without them".into())),
    }
    let mut store = ChunkStore::open(&session.chunk_folder())?;
    let (mut frames, mut index) = (opened.read(PackWriter::FRAMES)?, opened.read(PackWriter::INDEX)?);
    match store.take(&session.world, &mut frames, &mut index) {
        Ok(_) => Ok(None),
        Err(fault @ (PackFault::Index { .. } | PackFault::Frame { .. })) => Ok(Some(fault.to_string())),
        Err(PackFault::Io(error)) => Err(error.into()),
        Err(PackFault::Crash(crash)) => Err(crash.into()),
    }
}
