//! How do documents travel? The list of them is a tracked table like any other; this is how folder and list become the same, and how the
//! content comes along.
//!
//! | module | answers |
//! |---|---|
//! | `look` | what changed in the folder since the last time? The list is told, as an application would |
//! | `take` | what of a packet is about documents? Chunks go to the store, before the packet's changes are applied |
//! | [`place`] | what of the list is not in the folder yet? |
//! | `tell` | which contents does a neighbour lack? |
//! | `dispute` | which of two edits is kept? |
//! | `names` | which names are one on some systems, and which name does a copy get? |
//! | [`lost`] | where is the content that lost a conflict, and how does it come back? |
//! | [`switch`] | how does a site get a library, and lose it? |
//!
//! **States of a document that was edited here**: in the folder → in the list, and accounted for in the ledger (*seen*) → sealed, told → its
//! chunks are in packets. **Of one that comes**: in the list → its recipe is known, its chunks are in the store or in files that are here
//! → in the folder → seen. **Crash points**: after each arrow. A file in the folder that is what the list says is accounted for by the next
//! look, whoever put it there; a list that says something else than what was seen waits for the next placing.
//!
//! **Invariants.**
//! - What is in the folder and was not seen is never written over or removed: it becomes a document of its own under another name, or comes back.
//! - A file is not replaced or removed before the parent has its content, if it is one of this site's own; one whose content lost a
//!   conflict that is listed, only once that is in the store.
//! - That the folder is not there, or empty, or not marked as ours, says nothing of any document.
//! - A row of the list is a stranger's word: what is no safe name is listed as a trouble and never becomes a path.
//!
//! **Order in the stream**: the list first, the contents in packets after it, small ones first, as many as the budget of a round allows;
//! the rest in the next rounds. So a film holds nothing up. Each packet says whether more is to come (`documents/state.json`): only where none is,
//! what lacks is asked for.

pub(super) mod dispute;
pub mod look;
pub mod lost;
mod names;
pub mod place;
pub mod switch;
pub(super) mod take;
pub(super) mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Result, Session, SyncError};
use crate::database::DocumentRow;
use crate::ledger::ContentHash;
use crate::library::{ChunkId, ChunkStore, ContentId, Document, DocumentPath, Library, LibraryError, Patterns, Recipe, Seen};
use crate::model::{Image, Key, LIBRARY, Millis, Shape, SiteNo, Value};
use crate::rules::library::{Choice, LibraryRules};
use crate::site::Role;

/// What may be done with the folder in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freedom {
    /// Everything, but to take very many deletions for meant.
    #[default]
    Usual,
    /// Everything: somebody said that the deletions are meant.
    AllowDeletions,
    /// Nothing: it is a rehearsal.
    Rehearsal,
}

/// What happened to documents in a round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DocumentCounts {
    /// New or changed in the folder.
    pub found: u64,
    /// Moved in the folder.
    pub moved: u64,
    /// Deleted from the folder.
    pub deleted: u64,
    /// Put into the folder.
    pub placed: u64,
    /// Removed from the folder.
    pub removed: u64,
    /// Kept under another name, because two sites edited them.
    pub copies: u64,
    /// In the list, and their content has not come yet.
    pub coming: u64,
    /// Being written: left for the next round.
    pub busy: u64,
    /// Names that are not taken or not placed, each with the reason; as far as it was not said before.
    pub refused: BTreeMap<String, String>,
}

/// A document on its way: in the list, and not in the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coming {
    /// Where it will be.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Bytes that are here already.
    pub here: u64,
}

/// The library in one round.
#[derive(Debug)]
pub(super) struct Documents {
    library: Library,
    store: ChunkStore,
    patterns: Patterns,
    /// Files that are being written.
    busy: BTreeSet<String>,
    /// Names that are not taken.
    troubles: BTreeMap<String, String>,
    counts: DocumentCounts,
}

/// What the ledger keeps of a file that is accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// How it looked.
    seen: Seen,
    /// What the list said then: file systems keep times less exactly.
    modified: Millis,
    executable: bool,
    /// It is gone, and a person was asked whether that is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    asked: bool,
}

impl Known {
    fn of(seen: Seen, row: &DocumentRow) -> Self {
        Self { seen, modified: row.modified, executable: row.executable, asked: false }
    }

    /// Whether it is what the list says.
    fn is(&self, row: &DocumentRow) -> bool {
        self.has_content_of(row) && self.modified == row.modified && self.executable == row.executable
    }

    fn has_content_of(&self, row: &DocumentRow) -> bool {
        self.seen.content.0 == row.content
    }
}

/// Notes of what was not taken of contents that came: by content in hex, or by packet in words, each with the reason.
const REFUSED: &str = "documents refused:";

impl Session {
    /// Remembers why something of contents that came is not taken. `what`: a content in hex, or a packet in words. Inside the open
    /// transaction of the ledger.
    fn refuse(&self, what: &str, why: &str) -> Result<()> {
        Ok(self.ledger.set_note(&format!("{REFUSED}{what}"), why)?)
    }

    /// What was not taken of these is of the past.
    fn forget_refused(&self, what: &[String]) -> Result<()> {
        if what.is_empty() {
            return Ok(());
        }
        self.ledger.begin()?;
        what.iter().try_for_each(|what| self.ledger.set_note(&format!("{REFUSED}{what}"), ""))?;
        Ok(self.ledger.commit(&self.world, "commit refusals of the past")?)
    }

    /// Whether this site has a library.
    #[must_use]
    pub fn has_library(&self) -> bool {
        self.shapes.iter().any(|shape| shape.name == LIBRARY)
    }

    /// The documents folder, whether it is there or not.
    #[must_use]
    pub fn library_folder(&self) -> PathBuf {
        self.settings.library_path(self.home.folder())
    }

    /// Which documents this site takes part in.
    fn chosen(&self) -> Result<Patterns> {
        chosen(self.rules.library(), &self.settings.library.choice)
    }

    /// Whether others get documents from this site, or may come to.
    fn passes_on(&self) -> bool {
        self.settings.role != Role::Remote
    }

    fn chunk_folder(&self) -> PathBuf {
        self.home.inside().join("library")
    }

    /// Everything the list says, as far as it can be said of a document; the rest goes to `troubles`.
    fn listed(&self, troubles: &mut BTreeMap<String, String>) -> Result<BTreeMap<DocumentPath, DocumentRow>> {
        let mut listed = BTreeMap::new();
        for row in self.database()?.documents()? {
            match row {
                Ok(row) => match DocumentPath::new(&row.path) {
                    Ok(path) => drop(listed.insert(path, row)),
                    Err(fault) => drop(troubles.insert(row.path, format!("it is never placed: {fault}"))),
                },
                Err(path) => drop(troubles.insert(path, "it is never placed: what the list says of it is no document".into())),
            }
        }
        Ok(listed)
    }

    /// What the list said of a document when it was last sealed.
    fn sealed_document(&self, path: &str) -> Result<Option<DocumentRow>> {
        let sealed = self.sealed_row(path)?;
        Ok(sealed.and_then(|(shape, image)| dispute::State::of(shape, &image.row)).map(|state| state.at(path)))
    }

    /// Whether this site is where a document was first in the list. One that is not sealed yet was made here.
    fn made_here(&self, path: &str) -> Result<bool> {
        const HERE: SiteNo = SiteNo(0);
        Ok(self.sealed_row(path)?.is_none_or(|(_, image)| image.born.site == HERE))
    }

    fn sealed_row(&self, path: &str) -> Result<Option<(&Shape, Image)>> {
        let Some(shape) = self.shapes.iter().find(|shape| shape.name == LIBRARY) else { return Ok(None) };
        let Ok(key) = Key::new([&Value::text(path)]) else { return Ok(None) };
        Ok(self.load(shape.number, &key)?.current.map(|image| (shape, image)))
    }

    fn all_known(&self) -> Result<BTreeMap<DocumentPath, Known>> {
        self.ledger.all_seen()?.into_iter().map(read_known).collect()
    }

    /// The files that had this content when they were seen: whether they still have it is another question.
    fn known_with(&self, content: &ContentHash) -> Result<BTreeMap<DocumentPath, Known>> {
        self.ledger.seen_with(content)?.into_iter().map(read_known).collect()
    }

    fn put_known(&self, path: &DocumentPath, known: &Known) -> Result<()> {
        let look = serde_json::to_string(known).map_err(|_| SyncError::Bug("how a file looks does not write"))?;
        Ok(self.ledger.put_seen(path.as_str(), &known.seen.content.0, &look)?)
    }

    fn recipe(&self, content: &ContentHash) -> Result<Option<Recipe>> {
        let Some(bytes) = self.ledger.recipe(content)? else { return Ok(None) };
        Recipe::from_bytes(ContentId(*content), &bytes).map(Some).ok_or(SyncError::Bug("a noted recipe does not read"))
    }

    fn put_recipe(&self, recipe: &Recipe) -> Result<()> {
        let chunks = recipe.chunks.iter().map(|(chunk, _)| chunk.0);
        Ok(self.ledger.put_recipe(&recipe.content.0, &recipe.to_bytes(), chunks, self.world.now())?)
    }
}

fn read_known((path, look): (String, String)) -> Result<(DocumentPath, Known)> {
    let path = DocumentPath::new(&path).map_err(|_| SyncError::Bug("a file was seen under no name"))?;
    Ok((path, serde_json::from_str(&look).map_err(|_| SyncError::Bug("how a file looked does not read"))?))
}

/// Patterns as the door reads them.
fn patterns(choice: &Choice) -> Result<Patterns> {
    Patterns::new(&choice.include, &choice.exclude, choice.largest).map_err(|error| SyncError::Pattern(error.to_string()))
}

/// What a site takes part in: what the rules let it, without what it excludes itself. Its own `include` stands in the place of the rules'.
fn chosen(rules: &LibraryRules, own: &Choice) -> Result<Patterns> {
    let include = if own.include.is_empty() { &rules.choice.include } else { &own.include };
    let largest = [rules.choice.largest, own.largest].into_iter().flatten().min();
    patterns(&Choice { include: include.clone(), exclude: [rules.excludes(), own.exclude.clone()].concat(), largest })
}

/// Where chunks are: in the store, or in files that are here.
struct Chunks<'d> {
    session: &'d Session,
    library: &'d Library,
    store: &'d mut ChunkStore,
    /// Where the chunks of some contents begin: looked up again and again while one document is put together.
    places: BTreeMap<ContentHash, BTreeMap<ChunkId, (u64, u32)>>,
}

/// Contents whose chunks are kept in mind at a time.
const PLACES: usize = 8;

impl<'d> Chunks<'d> {
    fn new(session: &'d Session, library: &'d Library, store: &'d mut ChunkStore) -> Self {
        Self { session, library, store, places: BTreeMap::new() }
    }

    /// Whether a chunk can be given. It is read only where the file that has it is not what was seen any more: gone, a link, edited where
    /// this site leaves it out.
    fn has(&mut self, chunk: &ChunkId) -> Result<bool> {
        if self.store.has(chunk) {
            return Ok(true);
        }
        for content in self.session.ledger.contents_with(&chunk.0)? {
            for (path, known) in self.session.known_with(&content)? {
                if self.library.is_unchanged(&path, &known.seen) || self.read(&path, &content, chunk)?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The chunks that cannot be given although all of them seem to be here, and their lengths: every one is read.
    fn unreadable(&mut self, recipe: &Recipe) -> Result<BTreeMap<ChunkId, u32>> {
        let mut lost = BTreeMap::new();
        for (chunk, length) in &recipe.chunks {
            if !lost.contains_key(chunk) && self.get(chunk)?.is_none() {
                lost.insert(*chunk, *length);
            }
        }
        Ok(lost)
    }

    /// A chunk; none where it is not here, or the file that has it was edited since.
    fn get(&mut self, chunk: &ChunkId) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.store.get(chunk)? {
            return Ok(Some(bytes));
        }
        for content in self.session.ledger.contents_with(&chunk.0)? {
            for (path, _) in self.session.known_with(&content)? {
                if let Some(bytes) = self.read(&path, &content, chunk)? {
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }

    /// A chunk of a file that had this content when it was seen; none where it is not there any more.
    fn read(&mut self, path: &DocumentPath, content: &ContentHash, chunk: &ChunkId) -> Result<Option<Vec<u8>>> {
        let Some((offset, length)) = self.place(content, chunk)? else { return Ok(None) };
        match self.library.read_chunk(path, offset, length, *chunk) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(LibraryError::Changed(_) | LibraryError::Io(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn place(&mut self, content: &ContentHash, chunk: &ChunkId) -> Result<Option<(u64, u32)>> {
        if !self.places.contains_key(content) {
            let Some(recipe) = self.session.recipe(content)? else { return Ok(None) };
            if self.places.len() >= PLACES {
                self.places.pop_first();
            }
            let mut offset = 0;
            let mut places = BTreeMap::new();
            for (chunk, length) in recipe.chunks {
                places.entry(chunk).or_insert((offset, length));
                offset += u64::from(length);
            }
            self.places.insert(*content, places);
        }
        Ok(self.places.get(content).and_then(|places| places.get(chunk)).copied())
    }
}

fn document(path: &DocumentPath, row: &DocumentRow) -> Document {
    Document { path: path.clone(), content: ContentId(row.content), bytes: row.bytes, modified: row.modified, executable: row.executable }
}

fn row_of(document: &Document) -> DocumentRow {
    DocumentRow {
        path: document.path.as_str().to_owned(),
        content: document.content.0,
        bytes: document.bytes,
        modified: document.modified,
        executable: document.executable,
    }
}
