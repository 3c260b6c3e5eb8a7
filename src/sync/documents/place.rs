//! What of the list is not in the folder yet?
//!
//! **States of a document that comes**: listed → complete (its recipe is known, every chunk is at hand) → in the folder → seen. **Crash points**:
//! after each arrow; a file that is in the folder and not noted as seen is found by the next look, and is what the list says.
//!
//! Order: what a conflict keeps under another name is listed first; then what only moved; then what overwrites nothing that another document
//! still needs; then the rest; removals last. Where two documents need each other's old content, one of the two is asked for again.
//!
//! **Invariant.** Nothing goes that only this site has: a file whose content is in no row of the list is replaced or removed only once
//! the parent has been sent it; one whose content another row needs, or which lost a conflict that is listed, only once that is in the store. Of a row
//! that this folder does not take (its name, its size) that is so where this site passes documents on: the main office, and offices.
//!
//! A name that differs from one that goes only in case is placed once that one is gone: on some systems the two are one file.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use fs_err as fs;

use super::look::wait_as_well;
use super::names::{Names, keep_copies, one_name, one_spelling};
use super::tell::Choices;
use super::{Chunks, Coming, DocumentCounts, Documents, Known, REFUSED, document};
use crate::database::DocumentRow;
use crate::ledger::{ContentHash, Missing, SiteThere};
use crate::library::{
    ChunkId, ChunkStore, ContentId, DocumentPath, Library, LibraryError, PackFault, PackWriter, Placed, Recipe, Removed, Renamed, Verdict,
};
use crate::model::Millis;
use crate::sync::report::Report;
use crate::sync::{Result, Session, SyncError};

/// Files placed per commit of the ledger.
const BATCH: usize = 100;

/// How long the recipe of a content is kept that no document has: it may have come before the list speaks of it.
const KEEP_RECIPES_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Makes the folder what the list says, as far as the contents are here.
pub(in crate::sync) fn place(session: &Session, documents: &mut Documents, report: &mut Report) -> Result<()> {
    // The parent may have ended it meanwhile.
    if !session.has_library() {
        return Ok(());
    }
    documents.counts.copies += keep_copies(session)? + one_spelling(session)? + one_name(session)?;
    documents.counts.coming = 0;
    // What came since is in it.
    documents.store = ChunkStore::open(&session.chunk_folder())?;
    let mut placed = place_all(session, documents)?;
    if placed.waits {
        documents.counts.coming = 0;
        let again = place_all(session, documents)?;
        placed = Pass { changed: placed.changed || again.changed, ..again };
    }
    let Pass { full, changed, mut troubles, .. } = placed;
    refusals(session, &mut troubles)?;
    if let Some(full) = full {
        wait_as_well(session, full, report)?;
    }
    if changed {
        super::switch::count(session, &documents.library)?;
        sweep(session, documents)?;
    }
    let before = session.ledger.document_troubles()?;
    if before != troubles {
        session.ledger.begin()?;
        session.ledger.set_document_troubles(&troubles)?;
        session.ledger.commit(&session.world, "commit troubles of documents")?;
    }
    let new = troubles.iter().filter(|(name, why)| before.get(*name) != Some(*why));
    documents.counts.refused.extend(new.map(|(name, why)| (name.clone(), why.clone())));
    report.documents = documents.counts.clone();
    Ok(())
}

/// What one time through the list did.
struct Pass {
    changed: bool,
    /// Documents wait for others that are gone now.
    waits: bool,
    /// The disk has no room, in words.
    full: Option<String>,
    /// Names that are not taken or placed.
    troubles: BTreeMap<String, String>,
}

fn place_all(session: &Session, documents: &mut Documents) -> Result<Pass> {
    let mut placing = Placing::new(session, documents)?;
    placing.run()?;
    let Placing { counts, troubles, changed, full, waits, .. } = placing;
    documents.counts = counts;
    Ok(Pass { changed, waits: !waits.is_empty(), full, troubles })
}

/// Something is in the way of a document. What is there may not be taken either.
fn add_trouble(troubles: &mut BTreeMap<String, String>, name: String, why: String) {
    let all = troubles.entry(name).or_default();
    if !all.contains(&why) {
        let before = if all.is_empty() { "" } else { "; the one of the list: " };
        all.push_str(&format!("{before}{why}"));
    }
}

/// Adds what was not taken of contents that came: under the documents that wait for them, or under the packet. Of the past it is once the
/// content is here.
fn refusals(session: &Session, troubles: &mut BTreeMap<String, String>) -> Result<()> {
    let refused = session.ledger.notes(REFUSED)?;
    if refused.is_empty() {
        return Ok(());
    }
    let (missing, listed) = (session.ledger.missing()?, session.listed(&mut BTreeMap::new())?);
    let mut past = Vec::new();
    for (what, why) in refused {
        match ContentId::try_from(what.clone()) {
            Err(_) => drop(troubles.insert(what, why)),
            Ok(content) if missing.contains_key(&content.0) => {
                let of_it = listed.values().filter(|row| row.content == content.0);
                troubles.extend(of_it.map(|row| (row.path.clone(), format!("its content is asked for again: {why}"))));
            }
            Ok(_) => past.push(what),
        }
    }
    session.forget_refused(&past)
}

/// Forgets recipes and chunks that nothing needs any more.
fn sweep(session: &Session, documents: &mut Documents) -> Result<()> {
    let (rows, files) = (session.listed(&mut BTreeMap::new())?, session.all_known()?);
    let listed: BTreeSet<ContentHash> = rows.values().map(|row| row.content).collect();
    let known: BTreeSet<ContentHash> = files.values().map(|known| known.seen.content.0).collect();
    let lost = session.lost_contents()?;
    let old = session.ledger.recipes_before(Millis(session.world.now().0 - KEEP_RECIPES_MILLIS))?;
    let going: Vec<ContentHash> =
        old.into_iter().filter(|content| ![&listed, &known, &lost].iter().any(|kept| kept.contains(content))).collect();
    if !going.is_empty() {
        session.ledger.begin()?;
        going.iter().try_for_each(|content| session.ledger.drop_recipe(content))?;
        session.ledger.commit(&session.world, "commit recipes forgotten")?;
    }
    // Of a content that is in the folder no chunk is needed from the store. Not so of one that lost a conflict, or of a document that is not placed: they
    // are kept whatever becomes of the file. Nor of a file that nobody looks at, or that is not what was seen any more.
    let unplaced = rows.iter().filter(|(path, row)| files.get(*path).is_none_or(|known| !known.has_content_of(row)));
    let kept: BTreeSet<ContentHash> = unplaced.map(|(_, row)| row.content).chain(lost).collect();
    let (library, patterns) = (&documents.library, &documents.patterns);
    let is_there = |(path, known): (&DocumentPath, &Known)| {
        patterns.takes(path, known.seen.bytes) == Verdict::Take && library.is_unchanged(path, &known.seen)
    };
    // Each content has many chunks, and its file is looked at once.
    let looked: RefCell<BTreeMap<ContentHash, bool>> = RefCell::default();
    let look = |content: &ContentHash| !kept.contains(content) && session.known_with(content).is_ok_and(|known| known.iter().any(is_there));
    let in_folder = |content: &ContentHash| *looked.borrow_mut().entry(*content).or_insert_with(|| look(content));
    let needed = |chunk: &ChunkId| match session.ledger.contents_with(&chunk.0) {
        Ok(contents) => !contents.iter().all(in_folder),
        Err(_) => true,
    };
    Ok(documents.store.sweep(&session.world, &needed)?)
}

/// What is on its way, by path.
///
/// # Errors
/// As database and ledger say.
pub fn coming(session: &Session) -> Result<Vec<Coming>> {
    if !session.has_library() || !session.ledger.has_documents()? || !session.database()?.has_library()? {
        return Ok(Vec::new());
    }
    let choices = Choices::of(session, session.chosen()?)?;
    let known = session.all_known()?;
    let (missing, troubles) = (session.ledger.missing()?, session.ledger.document_troubles()?);
    let mut coming = Vec::new();
    for (path, row) in session.listed(&mut BTreeMap::new())? {
        let file = known.get(&path);
        let here = file.is_some_and(|known| known.has_content_of(&row));
        // What is refused by its name comes no nearer.
        let refused = troubles.contains_key(path.as_str()) && !missing.contains_key(&row.content);
        if here || refused || choices.say(&path, &row, file) != Verdict::Take {
            continue;
        }
        // What is not missing is here, and waits for something else; or it was never looked for yet.
        let here = match missing.get(&row.content) {
            Some(missing) => missing.here,
            None => bytes_here(session, &row.content)?,
        };
        coming.push(Coming { path: row.path, bytes: row.bytes, here });
    }
    Ok(coming)
}

/// How many bytes of a content are at hand.
pub(super) fn bytes_here(session: &Session, content: &ContentHash) -> Result<u64> {
    let (Some(recipe), Ok(library)) = (session.recipe(content)?, Library::look(&session.library_folder())) else { return Ok(0) };
    let mut store = ChunkStore::look(&session.chunk_folder())?;
    let (mut chunks, mut here) = (Chunks::new(session, &library, &mut store), 0);
    for (chunk, length) in &recipe.chunks {
        here += if chunks.has(chunk)? { u64::from(*length) } else { 0 };
    }
    Ok(here)
}

struct Placing<'d> {
    session: &'d Session,
    chunks: Chunks<'d>,
    known: BTreeMap<DocumentPath, Known>,
    listed: BTreeMap<DocumentPath, DocumentRow>,
    /// Documents of the list that are not for this folder: their files are neither placed nor removed.
    left_alone: BTreeSet<DocumentPath>,
    /// Something was placed, renamed or removed.
    changed: bool,
    /// Contents that documents of the list have, or that lost a conflict.
    contents: BTreeSet<ContentHash>,
    /// Those that lost a conflict.
    lost: BTreeSet<ContentHash>,
    /// Contents of documents that are not for this folder, where this site passes them on: whoever is below may want them.
    passed_on: BTreeSet<ContentHash>,
    /// Documents that are placed once another one is gone, whose name is the same on some system.
    waits: BTreeSet<DocumentPath>,
    /// Contents, with their bytes, of documents to which the main office will give names of their own, once it has them ([`super::names::one_name`]).
    apart: BTreeMap<ContentHash, u64>,
    /// What the parent has; none where there is no parent.
    parent: Option<SiteThere>,
    busy: BTreeSet<String>,
    counts: DocumentCounts,
    troubles: BTreeMap<String, String>,
    /// The disk has no room, in words.
    full: Option<String>,
    /// Files accounted for and not yet noted.
    noted: Vec<(DocumentPath, Option<Known>)>,
    /// Contents of which something is not here, and how many bytes are.
    missing: BTreeMap<ContentHash, u64>,
}

impl<'d> Placing<'d> {
    fn new(session: &'d Session, documents: &'d mut Documents) -> Result<Self> {
        let mut unread = BTreeMap::new();
        let all = session.listed(&mut unread)?;
        let known = session.all_known()?;
        let lost = session.lost_contents()?;
        let mut contents = lost.clone();
        // A row that does not read says nothing of its document, and not that it is gone.
        let mut left_alone: BTreeSet<DocumentPath> = unread.keys().filter_map(|path| DocumentPath::new(path).ok()).collect();
        let mut troubles = documents.troubles.clone();
        troubles.append(&mut unread);
        let (mut listed, mut waits, mut apart) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let (stays, goes): (Vec<&DocumentPath>, Vec<&DocumentPath>) =
            known.keys().partition(|path| all.contains_key(*path) || left_alone.contains(*path));
        let mut names: Names = stays.into_iter().collect();
        let going: BTreeSet<String> = goes.into_iter().map(DocumentPath::collision_key).collect();
        let passes_on = session.passes_on();
        let mut passed_on = BTreeSet::new();
        let choices = Choices::of(session, documents.patterns.clone())?;
        for (path, row) in all {
            let verdict = choices.say(&path, &row, known.get(&path));
            if verdict != Verdict::Take {
                passed_on.extend(passes_on.then_some(row.content));
                if let Verdict::TooLarge(largest) = verdict
                    && known.get(&path).is_some_and(|known| !known.has_content_of(&row))
                {
                    let why = format!("an older version is here: the newest has {} bytes, and `largest` is {largest}", row.bytes);
                    add_trouble(&mut troubles, row.path, why);
                }
                left_alone.insert(path);
                continue;
            }
            if let Some(first) = names.clash(&path) {
                let why = format!("it is not placed: `{first}` is the same name on systems that do not tell upper from lower case");
                add_trouble(&mut troubles, row.path, why);
                passed_on.extend(passes_on.then_some(row.content));
                if session.settings.parent.is_none() {
                    contents.insert(row.content);
                    apart.insert(row.content, row.bytes);
                }
                left_alone.insert(path);
                continue;
            }
            names.take(&path);
            contents.insert(row.content);
            if going.contains(&path.collision_key()) {
                waits.insert(path.clone());
                left_alone.insert(path);
            } else {
                listed.insert(path, row);
            }
        }
        // What is off the list and not taken here is none of this folder's.
        let is_untaken = |(path, known): &(&DocumentPath, &Known)| {
            !listed.contains_key(*path) && documents.patterns.takes(path, known.seen.bytes) != Verdict::Take
        };
        left_alone.extend(known.iter().filter(is_untaken).map(|(path, _)| path.clone()));
        let parent = session.ledger.parent()?.map(|parent| session.ledger.there(parent.site)).transpose()?;
        Ok(Self {
            session,
            contents,
            lost,
            passed_on,
            waits,
            apart,
            chunks: Chunks::new(session, &documents.library, &mut documents.store),
            known,
            listed,
            left_alone,
            changed: false,
            parent,
            busy: documents.busy.clone(),
            counts: documents.counts.clone(),
            troubles,
            full: None,
            noted: Vec::new(),
            missing: BTreeMap::new(),
        })
    }

    fn run(&mut self) -> Result<()> {
        let free = |path: &DocumentPath| !self.busy.contains(path.as_str());
        let is_due = |(path, row): &(&DocumentPath, &DocumentRow)| free(path) && self.known.get(*path).is_none_or(|known| !known.is(row));
        let mut due: Vec<DocumentPath> = self.listed.iter().filter(is_due).map(|(path, _)| path.clone()).collect();
        let going = |path: &&DocumentPath| free(path) && !self.listed.contains_key(*path) && !self.left_alone.contains(*path);
        let mut going: Vec<DocumentPath> = self.known.keys().filter(going).cloned().collect();
        self.move_along(&mut due, &mut going)?;
        // What another document still needs is overwritten after that one is placed.
        let needed: BTreeSet<ContentHash> = due.iter().filter_map(|path| self.listed.get(path)).map(|row| row.content).collect();
        let takes_away = |path: &DocumentPath| {
            let content = self.known.get(path).map(|known| known.seen.content.0);
            content.is_some_and(|content| needed.contains(&content) && self.listed.get(path).is_some_and(|row| row.content != content))
        };
        let (last, first): (Vec<DocumentPath>, Vec<DocumentPath>) = due.into_iter().partition(takes_away);
        for path in first.into_iter().chain(last) {
            self.place(&path)?;
        }
        for path in going {
            self.remove(&path)?;
        }
        for (content, bytes) in std::mem::take(&mut self.apart) {
            let here = bytes_here(self.session, &content)?;
            if here < bytes {
                self.missing.insert(content, here);
            }
        }
        self.note()?;
        self.note_missing()
    }

    fn note_missing(&mut self) -> Result<()> {
        let ledger = &self.session.ledger;
        let before = ledger.missing()?;
        let now = self.session.world.now();
        let new = self.missing.iter().map(|(content, here)| match before.get(content) {
            Some(missing) => (*content, Missing { here: *here, ..*missing }),
            None => (*content, Missing { since: now, asked: None, here: *here }),
        });
        let new: Vec<(ContentHash, Missing)> = new.filter(|(content, missing)| before.get(content) != Some(missing)).collect();
        let mut past = Vec::new();
        for content in before.keys() {
            if self.missing.contains_key(content) {
                continue;
            }
            // What is for a site below, and not for this folder.
            let is_listed = self.passed_on.contains(content) || self.contents.contains(content);
            let is_here = match self.complete(content)? {
                Ok(recipe) => self.chunks.unreadable(&recipe)?.is_empty(),
                Err(_) => false,
            };
            if !is_listed || is_here {
                past.push(content);
            }
        }
        if new.is_empty() && past.is_empty() {
            return Ok(());
        }
        ledger.begin()?;
        new.iter().try_for_each(|(content, missing)| ledger.set_missing(content, *missing))?;
        past.into_iter().try_for_each(|content| ledger.drop_missing(content))?;
        Ok(ledger.commit(&self.session.world, "commit documents missing")?)
    }

    /// What went under one name and came under another is renamed.
    fn move_along(&mut self, due: &mut Vec<DocumentPath>, going: &mut Vec<DocumentPath>) -> Result<()> {
        let mut sources: BTreeMap<ContentHash, Vec<DocumentPath>> = BTreeMap::new();
        for path in going.iter() {
            if let Some(known) = self.known.get(path) {
                sources.entry(known.seen.content.0).or_default().push(path.clone());
            }
        }
        for to in due.iter().filter(|path| !self.known.contains_key(*path)).cloned().collect::<Vec<_>>() {
            let Some(row) = self.listed.get(&to).cloned() else { continue };
            let Some(from) = sources.get_mut(&row.content).and_then(Vec::pop) else { continue };
            let Some(known) = self.known.get(&from).copied() else { continue };
            let renamed = self.chunks.library.rename(&self.session.world, &from, &to, Some(&known.seen));
            let Some(renamed) = self.or_trouble(&to, "placed", renamed)? else { continue };
            match renamed {
                Renamed::Done(Some(seen)) => {
                    // The times are those of before; what the list says is looked at next.
                    let known = Known { seen, ..known };
                    self.account(&from, None)?;
                    self.account(&to, Some(known))?;
                    going.retain(|path| *path != from);
                    if known.is(&row) {
                        due.retain(|path| *path != to);
                        self.counts.placed += 1;
                    }
                }
                Renamed::Done(None) | Renamed::Absent | Renamed::Edited | Renamed::Blocked(_) => {}
            }
        }
        Ok(())
    }

    fn place(&mut self, path: &DocumentPath) -> Result<()> {
        let Some(row) = self.listed.get(path).cloned() else { return Ok(()) };
        let world = &self.session.world;
        let standing = self.known.get(path).copied();
        let document = document(path, &row);
        let placed = match standing.filter(|known| known.has_content_of(&row)) {
            Some(known) => self.chunks.library.dress(world, &document, &known.seen),
            None => {
                let recipe = match self.complete(&row.content)? {
                    Ok(recipe) => recipe,
                    Err(here) => {
                        self.counts.coming += 1;
                        self.missing.insert(row.content, here);
                        return Ok(());
                    }
                };
                if let Some(known) = standing
                    && !self.may_go(path, &known)?
                {
                    self.counts.coming += 1;
                    return Ok(());
                }
                self.put(&document, &recipe, standing)
            }
        };
        match placed {
            Ok(Placed::Done(seen)) => {
                self.counts.placed += 1;
                self.account(path, Some(Known::of(seen, &row)))
            }
            // The next look sees what was done there.
            Ok(Placed::Edited) => {
                self.counts.coming += 1;
                Ok(())
            }
            Ok(Placed::Blocked(refusal)) => {
                add_trouble(&mut self.troubles, row.path, format!("it is not placed: {refusal}"));
                Ok(())
            }
            Err(error @ LibraryError::Full { .. }) => {
                add_trouble(&mut self.troubles, row.path, format!("it is not placed: {error}"));
                self.full.get_or_insert(format!("{error}; make room, the next run goes on"));
                Ok(())
            }
            // A neighbour told of chunks that do not make it: its word is forgotten, and the content asked for.
            Err(LibraryError::Content(_)) => {
                self.counts.coming += 1;
                self.session.ledger.begin()?;
                self.session.ledger.drop_recipe(&row.content)?;
                let why = "what came of it is not what the list announces: another size, or other bytes";
                self.session.refuse(&ContentId(row.content).to_string(), why)?;
                self.missing.insert(row.content, 0);
                Ok(self.session.ledger.commit(world, "commit recipe dropped")?)
            }
            // A file that looks as it did does not read any more.
            Err(LibraryError::ChunkMissing { .. }) => {
                self.counts.coming += 1;
                let lost =
                    self.session.recipe(&row.content)?.map(|recipe| self.chunks.unreadable(&recipe)).transpose()?.unwrap_or_default();
                self.missing.insert(row.content, row.bytes.saturating_sub(lost.values().map(|length| u64::from(*length)).sum()));
                Ok(())
            }
            failed => self.or_trouble(path, "placed", failed).map(drop),
        }
    }

    /// What the file system refuses for one document keeps no other from its place; the next round tries again.
    fn or_trouble<T>(&mut self, path: &DocumentPath, done: &str, outcome: std::result::Result<T, LibraryError>) -> Result<Option<T>> {
        match outcome {
            Ok(outcome) => Ok(Some(outcome)),
            Err(error @ LibraryError::Crash(_)) => Err(error.into()),
            Err(error) => {
                add_trouble(&mut self.troubles, path.as_str().to_owned(), format!("it is not {done}: {error}"));
                Ok(None)
            }
        }
    }

    fn put(
        &mut self,
        document: &crate::library::Document,
        recipe: &Recipe,
        standing: Option<Known>,
    ) -> std::result::Result<Placed, LibraryError> {
        let mut failed = None;
        let (library, world) = (self.chunks.library, &self.session.world);
        let mut chunk = |id: &ChunkId| match self.chunks.get(id) {
            Ok(bytes) => bytes,
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let placed = library.place(world, document, recipe, &mut chunk, standing.map(|known| known.seen).as_ref());
        match (placed, failed) {
            (Err(LibraryError::ChunkMissing { .. }), Some(SyncError::Library(error))) => Err(error),
            (placed, _) => placed,
        }
    }

    /// The recipe of a content of which every chunk is at hand; else how many bytes of it are.
    fn complete(&mut self, content: &ContentHash) -> Result<std::result::Result<Recipe, u64>> {
        let Some(recipe) = self.session.recipe(content)? else { return Ok(Err(0)) };
        let mut here = 0;
        for (chunk, length) in &recipe.chunks {
            if self.chunks.has(chunk)? {
                here += u64::from(*length);
            }
        }
        Ok(if here == recipe.bytes() { Ok(recipe) } else { Err(here) })
    }

    /// Whether a file may go. What a document of the list still needs of it, and no other file has, is kept in the store first.
    fn may_go(&mut self, path: &DocumentPath, known: &Known) -> Result<bool> {
        let content = known.seen.content.0;
        let is_kept = self.lost.contains(&content) || self.passed_on.contains(&content);
        if !is_kept && self.is_elsewhere(path, &content) {
            return Ok(true);
        }
        if self.contents.contains(&content) || self.passed_on.contains(&content) {
            return self.save(&content);
        }
        Ok(self.parent.as_ref().is_none_or(|there| crate::ledger::is_whole(there, &content)))
    }

    /// Whether another document has a content, by what the list says of it and by how its file looks: not one that nobody looks at here, nor
    /// one that is gone or edited.
    fn is_elsewhere(&self, path: &DocumentPath, content: &ContentHash) -> bool {
        self.known.iter().any(|(other, known)| {
            let is_listed = self.listed.get(other).is_some_and(|row| row.content == *content);
            other != path && is_listed && known.seen.content.0 == *content && self.chunks.library.is_unchanged(other, &known.seen)
        })
    }

    /// Keeps a content in the store. False where it is not what was seen any more.
    fn save(&mut self, content: &ContentHash) -> Result<bool> {
        let Some(recipe) = self.session.recipe(content)? else { return Ok(false) };
        let scratch = self.session.home.scratch();
        let (frames, index) = (scratch.join("saved-chunks"), scratch.join("saved-index"));
        let mut pack = PackWriter::create(&frames, &index)?;
        let mut put = BTreeSet::new();
        for (chunk, _) in &recipe.chunks {
            if self.chunks.store.has(chunk) || !put.insert(*chunk) {
                continue;
            }
            let Some(bytes) = self.chunks.get(chunk)? else { return Ok(false) };
            pack.put(*chunk, &bytes)?;
        }
        pack.finish()?;
        let (mut frames, mut index) = (fs::File::open(frames)?, fs::File::open(index)?);
        match self.chunks.store.take(&self.session.world, &mut frames, &mut index) {
            Ok(_) => Ok(true),
            Err(PackFault::Io(error)) => Err(error.into()),
            Err(PackFault::Crash(crash)) => Err(crash.into()),
            Err(PackFault::Index { .. } | PackFault::Frame { .. }) => Err(SyncError::Bug("a pack that was just made does not read")),
        }
    }

    fn remove(&mut self, path: &DocumentPath) -> Result<()> {
        let Some(known) = self.known.get(path).copied() else { return Ok(()) };
        if !self.may_go(path, &known)? {
            return Ok(());
        }
        let removed = self.chunks.library.remove(&self.session.world, path, &known.seen);
        let Some(removed) = self.or_trouble(path, "removed", removed)? else { return Ok(()) };
        match removed {
            Removed::Done => {
                self.counts.removed += 1;
                self.account(path, None)
            }
            // Edited meanwhile: the next look lists it again.
            Removed::Edited => Ok(()),
            Removed::Blocked(refusal) => {
                add_trouble(&mut self.troubles, path.as_str().to_owned(), format!("it is not removed: {refusal}"));
                Ok(())
            }
        }
    }

    /// What is under a path is accounted for; noted for good in batches.
    fn account(&mut self, path: &DocumentPath, known: Option<Known>) -> Result<()> {
        self.changed = true;
        match known {
            Some(known) => drop(self.known.insert(path.clone(), known)),
            None => drop(self.known.remove(path)),
        }
        self.noted.push((path.clone(), known));
        // Chunks are looked for where the ledger says that files are.
        if self.noted.len() >= BATCH { self.note() } else { Ok(()) }
    }

    fn note(&mut self) -> Result<()> {
        if self.noted.is_empty() {
            return Ok(());
        }
        let ledger = &self.session.ledger;
        ledger.begin()?;
        for (path, known) in self.noted.drain(..) {
            match known {
                Some(known) => self.session.put_known(&path, &known)?,
                None => ledger.drop_seen(path.as_str())?,
            }
        }
        Ok(ledger.commit(&self.session.world, "commit documents placed")?)
    }
}
