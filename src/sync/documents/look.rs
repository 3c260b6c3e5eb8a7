//! What changed in the folder since the last time? The list is told.
//!
//! **States of a file that changed**: found → noted as being told (one commit of the ledger per batch) → in the list (one of the database) → seen
//! (one of the ledger). **Crash points**: after each arrow. What a look that died told the list and did not note as seen is taken back by the next
//! one, which finds what is in the folder then: the file may have changed again, or be gone, and nobody else has what it was.
//!
//! A file was edited *on* what was seen there. Where the list says something else by now (another site's edit that is not placed yet), the
//! file is no newer version of that: it gets a name of its own, and the other edit its place. Rule 5 of `DESIGN` section 4 for files. One that
//! holds what was seen there was only touched, and makes room for the other edit.
//!
//! **States of a document that is gone**: off the list → not seen any more; or *asked about*, where so many are gone at once, or all, or where a name turned up
//! that is not taken (a folder that got one looks as if it was deleted). **Invariant**: what was asked about is told to nobody before it
//! is answered with `--allow-deletions`, whatever else comes and goes meanwhile; or it is back, there or under another name. What this site leaves
//! out (by name or size) and somebody cleared away is not gone: it is as if it had never been placed here. So is what its groups do not get, but for
//! what was made here. Where nobody else is known to have it, that is asked about as well.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::lost::Whereabouts;
use super::names::Names;
use super::tell::Choices;
use super::{DocumentCounts, Documents, Freedom, Known, REFUSED, row_of};
use crate::database::DocumentRow;
use crate::ledger::WHOLE;
use crate::library::{
    ChunkStore, ContentId, Document, DocumentPath, Finding, Found, Glance, Library, LibraryError, Patterns, Refusal, Renamed, Seen, Totals,
};
use crate::model::Millis;
use crate::sync::report::{Report, Waiting};
use crate::sync::{Result, Session, SyncError};

/// Files taken into the list at a stretch.
const BATCH: usize = 200;

/// So many deletions within an hour are never asked about.
const FEW_DELETIONS: usize = 10;

/// Names that are tried for a copy.
const MOST_NAMES: usize = 100;

/// More than this part of all documents, in percent and within an hour, is asked about.
const SHARE: usize = 30;

/// Opens the library and tells the list what changed in the folder. None where there is nothing to work with: no library, or one that is
/// not there, which the report says.
pub(in crate::sync) fn look(session: &Session, report: &mut Report) -> Result<Option<Documents>> {
    if !session.has_library() {
        return Ok(None);
    }
    if session.freedom == Freedom::Rehearsal {
        report
            .notes
            .push("The documents folder is not looked at: what changed in it, and what that would meet, only a real run tells.".into());
        return Ok(None);
    }
    if !session.ledger.has_documents()? {
        super::switch::begin(session)?;
    }
    if let Err(error) = super::switch::check_place(session) {
        wait_for_person(session, Some(error.to_string()), report)?;
        return Ok(None);
    }
    let folder = session.library_folder();
    let library = match Library::look(&folder) {
        Ok(library) => library,
        Err(error @ (LibraryError::Missing(_) | LibraryError::NotAFolder(_) | LibraryError::NoMarker(_))) => {
            let why = format!("{error}: nothing of it is taken for deleted. 'fieldpost library on' says where it is");
            wait_for_person(session, Some(why), report)?;
            return Ok(None);
        }
        Err(error) => return away(error, report),
    };
    if !super::switch::may_see_in(session, &library)? {
        let why = match super::switch::is_older(session, &library)? {
            true => format!(
                "`{}` is older than what this site knows of it, as if it was put back from a backup: nothing in it is taken, and nothing that is not in \
                 it is taken for deleted. Put the newer one back, if there is one; else 'fieldpost library on' says that this is it from now on: what is \
                 newer elsewhere is placed again, and what is otherwise in it is kept beside it",
                folder.display()
            ),
            false => format!(
                "`{}` is another library than the one in which the documents were: nothing in it is taken, and nothing that is not in it is taken for \
             deleted. Put the other one back; where this is meant, 'fieldpost library on' says so",
                folder.display()
            ),
        };
        wait_for_person(session, Some(why), report)?;
        return Ok(None);
    }
    let library = match library.tidied() {
        Ok(library) => {
            library.with_settle_millis(session.limits.document_settle_millis).with_spare_bytes(session.limits.document_spare_bytes)
        }
        Err(error) => return away(error, report),
    };
    // What was not taken of a packet was said, and is of no interest once nothing is missing.
    if session.ledger.missing()?.is_empty() {
        session.forget_refused(&session.ledger.notes(REFUSED)?.into_keys().collect::<Vec<_>>())?;
    }
    let mut documents = Documents {
        library,
        store: ChunkStore::open(&session.chunk_folder())?,
        patterns: session.chosen()?,
        busy: BTreeSet::new(),
        troubles: BTreeMap::new(),
        counts: DocumentCounts::default(),
    };
    take_back(session)?;
    follow_names(session, &documents.library)?;
    let mut looking = Looking::new(session, &documents.library)?;
    let totals = match looking.scan(&documents.patterns) {
        Err(SyncError::Library(error)) => return away(error, report),
        totals => totals?,
    };
    let asks = looking.delete(totals)?;
    wait_for_person(session, asks, report)?;
    let Looking { counts, busy, troubles, .. } = looking;
    (documents.counts, documents.busy, documents.troubles) = (counts, busy, troubles);
    documents.counts.busy = documents.busy.len() as u64;
    let DocumentCounts { found, moved, deleted, copies, .. } = documents.counts;
    if found + moved + deleted + copies > 0 {
        super::switch::count(session, &documents.library)?;
    }
    Ok(Some(documents))
}

/// Looks at the folder and reads nothing: what the next [`look`] would find, as far as names, sizes and times tell. Nothing where there is no
/// library, or one that is not there.
///
/// # Errors
/// As ledger and folder say.
pub fn glance(session: &Session) -> Result<Glance> {
    if !session.has_library() || !session.ledger.has_documents()? {
        return Ok(Glance::default());
    }
    let Ok(library) = Library::look(&session.library_folder()) else { return Ok(Glance::default()) };
    if !super::switch::is_ours(session, &library)? {
        return Ok(Glance::default());
    }
    let library = library.with_settle_millis(session.limits.document_settle_millis);
    let patterns = session.chosen()?;
    let seen: BTreeMap<DocumentPath, Seen> = session.all_known()?.into_iter().map(|(path, known)| (path, known.seen)).collect();
    Ok(library.glance(&session.world, &patterns, &seen)?)
}

/// The folder went, or cannot be read: everything else goes on.
fn away(error: LibraryError, report: &mut Report) -> Result<Option<Documents>> {
    if matches!(error, LibraryError::Crash(_)) {
        return Err(error.into());
    }
    report.waiting.push(wait(error.to_string(), error.retry_helps()));
    Ok(None)
}

/// Note of what waits for a person.
const WAITING: &str = "documents waiting";

/// What of the documents waits for a person since the last run.
///
/// # Errors
/// As the ledger says.
pub fn waiting(session: &Session) -> Result<Option<String>> {
    if !session.has_library() {
        return Ok(None);
    }
    Ok(session.ledger.note(WAITING)?.filter(|why| !why.is_empty()))
}

/// Nothing waits any more, as far as is known.
pub(super) fn nothing_waits(session: &Session) -> Result<()> {
    if session.ledger.note(WAITING)?.is_some_and(|why| !why.is_empty()) { session.set_note(WAITING, "") } else { Ok(()) }
}

/// Reports what waits for a person, and keeps it for whoever asks later; nothing waits any more where there is none.
fn wait_for_person(session: &Session, why: Option<String>, report: &mut Report) -> Result<()> {
    if session.ledger.note(WAITING)?.filter(|why| !why.is_empty()) != why {
        session.set_note(WAITING, why.as_deref().unwrap_or_default())?;
    }
    report.waiting.extend(why.map(|why| wait(why, false)));
    Ok(())
}

/// The same of something that was found out since the folder was looked at.
pub(super) fn wait_as_well(session: &Session, why: String, report: &mut Report) -> Result<()> {
    let known = waiting(session)?.unwrap_or_default();
    if !known.contains(&why) {
        let all = if known.is_empty() { why.clone() } else { format!("{known}; {why}") };
        session.set_note(WAITING, &all)?;
    }
    report.waiting.push(wait(why, false));
    Ok(())
}

fn wait(why: String, retried: bool) -> Waiting {
    Waiting { neighbour: None, what: "documents".into(), why, retried, unreachable: false }
}

/// Note of what is being told to the list: path and content.
const TELLING: &str = "documents being told";

/// Notes what the list is told next.
fn note_telling(session: &Session, rows: &[DocumentRow]) -> Result<()> {
    let telling: BTreeMap<&str, ContentId> = rows.iter().map(|row| (row.path.as_str(), ContentId(row.content))).collect();
    let text = serde_json::to_string(&telling).map_err(|_| SyncError::Bug("what is told to the list does not write"))?;
    session.ledger.begin()?;
    session.ledger.set_note(TELLING, &text)?;
    Ok(session.ledger.commit(&session.world, "commit documents being told")?)
}

/// Takes back what a look that died told the list and did not note as seen, as far as it is not sealed.
fn take_back(session: &Session) -> Result<()> {
    let Some(text) = session.ledger.note(TELLING)?.filter(|text| !text.is_empty()) else { return Ok(()) };
    let told: BTreeMap<String, ContentId> =
        serde_json::from_str(&text).map_err(|_| SyncError::Bug("what was told to the list does not read"))?;
    let mut sealed = Vec::new();
    for (path, content) in told {
        if session.database()?.document(&path)?.is_some_and(|row| row.content == content.0) {
            sealed.push((session.sealed_document(&path)?, path));
        }
    }
    write(session, |database| {
        sealed.iter().try_for_each(|(row, path)| match row {
            Some(row) => database.put_document(row),
            None => database.remove_document(path),
        })
    })?;
    session.ledger.begin()?;
    session.ledger.set_note(TELLING, "")?;
    Ok(session.ledger.commit(&session.world, "commit documents taken back")?)
}

/// Where the list has a document in other letters than the folder, because another site renamed it, what is in the folder follows, whatever was edited
/// in it since: an edit of it is one of the document. Left there, on a system that tells the two apart, it would be the second of two names that are one,
/// and never be taken. One that died in between is found as a file that was not seen.
fn follow_names(session: &Session, library: &Library) -> Result<()> {
    let (known, listed) = (session.all_known()?, session.listed(&mut BTreeMap::new())?);
    let former: Vec<(&DocumentPath, &Known)> = known.iter().filter(|(path, _)| !listed.contains_key(*path)).collect();
    if former.is_empty() {
        return Ok(());
    }
    let mut new: BTreeMap<String, Vec<&DocumentPath>> = BTreeMap::new();
    for path in listed.keys().filter(|path| !known.contains_key(*path)) {
        new.entry(path.collision_key()).or_default().push(path);
    }
    for (path, known) in former {
        let Some([to]) = new.get(&path.collision_key()).map(Vec::as_slice) else { continue };
        let renamed = match library.rename(&session.world, path, to, Some(&known.seen)) {
            Ok(Renamed::Edited) => library.rename(&session.world, path, to, None),
            renamed => renamed,
        };
        let seen = match renamed {
            Ok(Renamed::Done(seen)) => seen.unwrap_or(known.seen),
            Err(error @ LibraryError::Crash(_)) => return Err(error.into()),
            // Gone, held open, or something is in the way: the placing tells, and the next look tries again.
            Ok(Renamed::Absent | Renamed::Edited | Renamed::Blocked(_)) | Err(_) => continue,
        };
        session.ledger.begin()?;
        session.put_known(to, &Known { seen, ..*known })?;
        session.ledger.drop_seen(path.as_str())?;
        session.ledger.commit(&session.world, "commit document renamed along")?;
    }
    Ok(())
}

struct Looking<'s> {
    session: &'s Session,
    library: &'s Library,
    known: BTreeMap<DocumentPath, Known>,
    listed: BTreeMap<DocumentPath, DocumentRow>,
    found: Vec<Found>,
    touched: Vec<(DocumentPath, Seen)>,
    gone: Vec<DocumentPath>,
    choices: Choices,
    /// Gone, and not taken here any more.
    cleared: Vec<DocumentPath>,
    /// Contents that were found under a new name, and under how many: so many of those that are gone with one of them only moved.
    moved: BTreeMap<[u8; 32], usize>,
    busy: BTreeSet<String>,
    troubles: BTreeMap<String, String>,
    /// Names that are not taken.
    refused: BTreeSet<String>,
    /// Those that are one with another name, which is taken.
    second: Vec<String>,
    counts: DocumentCounts,
}

impl<'s> Looking<'s> {
    fn new(session: &'s Session, library: &'s Library) -> Result<Self> {
        let mut troubles = BTreeMap::new();
        Ok(Self {
            session,
            library,
            known: session.all_known()?,
            listed: session.listed(&mut troubles)?,
            found: Vec::new(),
            touched: Vec::new(),
            gone: Vec::new(),
            choices: Choices::of(session, session.chosen()?)?,
            cleared: Vec::new(),
            moved: BTreeMap::new(),
            busy: BTreeSet::new(),
            troubles,
            refused: BTreeSet::new(),
            second: Vec::new(),
            counts: DocumentCounts::default(),
        })
    }

    fn scan(&mut self, patterns: &Patterns) -> Result<Totals> {
        let seen: BTreeMap<DocumentPath, Seen> = self.known.iter().map(|(path, known)| (path.clone(), known.seen)).collect();
        let library = self.library;
        let totals = library.scan(&self.session.world, patterns, &seen, &mut |finding| self.take(finding))?;
        self.flush()?;
        // Whatever is made in such a folder later is one more that does not travel, and is told again.
        for name in std::mem::take(&mut self.second) {
            let Ok(path) = DocumentPath::new(&name) else { continue };
            let inside = match library.documents_in(patterns, &path) {
                0 => continue,
                1 => "; 1 document in it does not travel".to_owned(),
                more => format!("; {more} documents in it do not travel"),
            };
            self.troubles.entry(name).or_default().push_str(&inside);
        }
        Ok(totals)
    }

    fn take(&mut self, finding: Finding) -> Result<()> {
        match finding {
            // It was gone, and is back.
            Finding::Same(path) => self.touched.extend(self.known.get(&path).filter(|known| known.asked).map(|known| (path, known.seen))),
            Finding::Touched(path, seen) => self.touched.push((path, seen)),
            Finding::New(found) | Finding::Changed(found) => self.found.push(found),
            Finding::Gone(path) if self.is_for_others(&path)? => self.cleared.push(path),
            Finding::Gone(path) => self.gone.push(path),
            Finding::Cleared(path) => self.cleared.push(path),
            Finding::Busy(path) => drop(self.busy.insert(path.as_str().to_owned())),
            Finding::Refused { name, refusal } => {
                self.troubles.insert(name.clone(), format!("it is not taken: {refusal}"));
                if matches!(refusal, Refusal::Collides(_)) {
                    self.second.push(name.clone());
                }
                self.refused.insert(name);
            }
        }
        if self.found.len() + self.touched.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Whether a document is none that the groups of this site get, and was made elsewhere.
    fn is_for_others(&self, path: &DocumentPath) -> Result<bool> {
        let leaves_out = self.known.get(path).is_some_and(|known| self.choices.groups_leave_out(path, known.seen.bytes));
        Ok(leaves_out && !self.session.made_here(path.as_str())?)
    }

    /// Tells the list of what was found so far, and notes it as seen.
    fn flush(&mut self) -> Result<()> {
        let (found, touched) = (std::mem::take(&mut self.found), std::mem::take(&mut self.touched));
        if found.is_empty() && touched.is_empty() {
            return Ok(());
        }
        let session = self.session;
        let mut rows = Vec::new();
        let mut accounted: Vec<(DocumentPath, Known)> = Vec::new();
        let mut apart = Vec::new();
        for found in &found {
            let path = &found.document.path;
            let row = row_of(&found.document);
            let before = self.known.get(path);
            let known = Known::of(found.seen, &row);
            if let (Some(before), Some(listed)) = (before, self.listed.get(path))
                && before.seen.content.0 == row.content
                && listed.content != row.content
            {
                if before.executable != row.executable {
                    rows.push(DocumentRow { executable: row.executable, ..listed.clone() });
                }
                accounted.push((path.clone(), Known { seen: found.seen, asked: false, ..*before }));
                continue;
            }
            let edited = match self.listed.get(path) {
                None => true,
                Some(listed) if before.is_some_and(|before| before.has_content_of(listed)) => true,
                Some(listed) if listed.content == row.content => false,
                Some(_) => {
                    apart.push(found);
                    continue;
                }
            };
            accounted.push((path.clone(), known));
            if edited {
                if before.is_none() {
                    *self.moved.entry(row.content).or_default() += 1;
                }
                rows.push(row);
            }
        }
        for (found, path) in self.set_apart(&apart)? {
            let row = row_of(&Document { path: path.clone(), ..found.0.document.clone() });
            accounted.push((path, Known::of(found.1, &row)));
            rows.push(row);
            self.counts.copies += 1;
        }
        if !rows.is_empty() {
            note_telling(session, &rows)?;
        }
        write(session, |database| rows.iter().try_for_each(|row| database.put_document(row)))?;
        session.ledger.begin()?;
        if !rows.is_empty() {
            session.ledger.set_note(TELLING, "")?;
        }
        for (path, known) in &accounted {
            session.put_known(path, known)?;
        }
        for found in &found {
            session.put_recipe(&found.recipe)?;
        }
        for found in &apart {
            session.ledger.drop_seen(found.document.path.as_str())?;
        }
        for (path, seen) in touched {
            if let Some(known) = self.known.get(&path) {
                session.put_known(&path, &Known { seen, asked: false, ..*known })?;
            }
        }
        session.ledger.commit(&session.world, "commit documents seen")?;
        self.counts.found += rows.len() as u64;
        for row in rows {
            if let Ok(path) = DocumentPath::new(&row.path) {
                self.listed.insert(path, row);
            }
        }
        Ok(())
    }

    /// Gives files that were edited on something else than what the list says now another name.
    fn set_apart<'f>(&mut self, apart: &[&'f Found]) -> Result<Vec<((&'f Found, Seen), DocumentPath)>> {
        let mut done = Vec::new();
        if apart.is_empty() {
            return Ok(done);
        }
        let mut names: Names = self.listed.keys().chain(self.known.keys()).collect();
        for found in apart {
            let path = &found.document.path;
            let (copy, renamed) = self.rename_apart(found, &mut names);
            let why = match renamed {
                Ok(Renamed::Done(Some(seen))) => {
                    done.push(((*found, seen), copy));
                    continue;
                }
                // Edited again, or gone: the next look finds what is there then.
                Ok(Renamed::Done(None) | Renamed::Absent | Renamed::Edited) => continue,
                Err(error @ LibraryError::Crash(_)) => return Err(error.into()),
                // A program holds it open: the next look tries again, and nothing else waits for it.
                Err(error) => error.to_string(),
                Ok(Renamed::Blocked(refusal)) => format!("`{copy}`: {refusal}"),
            };
            let why = format!("another site edited it as well, and it cannot get a name of its own: {why}");
            self.troubles.insert(path.as_str().to_owned(), why);
        }
        Ok(done)
    }

    /// Gives a file the first name of a copy that nothing has: no document, and nothing in the folder that is none.
    fn rename_apart(&self, found: &Found, names: &mut Names) -> (DocumentPath, std::result::Result<Renamed, LibraryError>) {
        let Document { path, modified, .. } = &found.document;
        let mut left = MOST_NAMES;
        loop {
            let copy = path.copy_name(self.session.name(), &modified.date(), &|name| names.has(name));
            names.take(&copy);
            left -= 1;
            match self.library.rename(&self.session.world, path, &copy, Some(&found.seen)) {
                Ok(Renamed::Blocked(Refusal::Taken)) if left > 0 => {}
                renamed => return (copy, renamed),
            }
        }
    }

    /// Whether the content of a document that is left out here, and cleared away, is not known to be anywhere else.
    fn is_last(&self, path: &DocumentPath) -> Result<bool> {
        let (Some(known), Some(listed)) = (self.known.get(path), self.listed.get(path)) else { return Ok(false) };
        if !known.has_content_of(listed) {
            return Ok(false);
        }
        for neighbour in self.session.ledger.neighbours()? {
            if self.session.ledger.place_there(neighbour.site, &listed.content)? == Some(WHOLE) {
                return Ok(false);
            }
        }
        // Who was asked for it may not have it.
        Ok(match self.session.whereabouts(&listed.content)? {
            Whereabouts::File(_) | Whereabouts::Kept { .. } => false,
            Whereabouts::At(_) | Whereabouts::Nowhere => true,
        })
    }

    /// Takes what is gone off the list. Says why not, where it is too much to be meant.
    fn delete(&mut self, totals: Totals) -> Result<Option<String>> {
        let session = self.session;
        // What the list says otherwise by now was edited elsewhere, and an edit wins over a delete.
        let as_seen = |path: &&DocumentPath| {
            let known = self.known.get(*path);
            self.listed.get(*path).is_some_and(|listed| known.is_some_and(|known| known.has_content_of(listed)))
        };
        let (ours, others): (Vec<&DocumentPath>, Vec<&DocumentPath>) = self.gone.iter().partition(as_seen);
        let mut names = self.moved.clone();
        let is_moved = |path: &&DocumentPath| {
            let left = self.known.get(*path).and_then(|known| names.get_mut(&known.seen.content.0)).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_some()
        };
        let (moved, deleted): (Vec<&DocumentPath>, Vec<&DocumentPath>) = ours.into_iter().partition(is_moved);
        let mut lately = Lately::of(session)?;
        let (mut last, mut cleared) = (Vec::new(), Vec::new());
        for path in &self.cleared {
            if self.is_last(path)? { last.push(path) } else { cleared.push(path) }
        }
        let all = self.known.len() - cleared.len();
        let (more, all_lately) = (deleted.len() + lately.count(), all + lately.count());
        let many = more > FEW_DELETIONS && more * 100 > all_lately * SHARE;
        let empty = totals.documents == 0 && self.busy.is_empty() && !deleted.is_empty();
        let elsewhere = !deleted.is_empty() && !self.refused.is_empty() && {
            let known = session.ledger.document_troubles()?;
            self.refused.iter().any(|name| !known.contains_key(name))
        };
        let is_asked = |path: &&DocumentPath| self.known.get(*path).is_some_and(|known| known.asked);
        let (mut asks, mut deleted): (Vec<&DocumentPath>, Vec<&DocumentPath>) = match session.freedom {
            Freedom::AllowDeletions => (Vec::new(), deleted),
            Freedom::Usual | Freedom::Rehearsal if many || empty || elsewhere => (deleted, Vec::new()),
            Freedom::Usual | Freedom::Rehearsal => deleted.into_iter().partition(is_asked),
        };
        match session.freedom {
            Freedom::AllowDeletions => deleted.extend(&last),
            Freedom::Usual | Freedom::Rehearsal => asks.extend(&last),
        }
        let going: Vec<&DocumentPath> = moved.iter().copied().chain(deleted).collect();
        write(session, |database| going.iter().try_for_each(|path| database.remove_document(path.as_str())))?;
        let new = asks.iter().filter_map(|path| self.known.get_key_value(*path)).filter(|(_, known)| !known.asked).collect::<Vec<_>>();
        if !going.is_empty() || !others.is_empty() || !new.is_empty() || !cleared.is_empty() {
            session.ledger.begin()?;
            let past = going.iter().chain(&others).chain(&cleared).copied();
            past.into_iter().try_for_each(|path| session.ledger.drop_seen(path.as_str()))?;
            lately.add(session, going.len() - moved.len())?;
            new.into_iter().try_for_each(|(path, known)| session.put_known(path, &Known { asked: true, ..*known }))?;
            session.ledger.commit(&session.world, "commit documents gone")?;
        }
        let gone = moved.len() as u64;
        self.counts.deleted = going.len() as u64 - gone;
        // Each was found under its new name as well.
        (self.counts.moved, self.counts.found) = (gone, self.counts.found.saturating_sub(gone));
        if asks.is_empty() {
            return Ok(None);
        }
        let last = match last.len() {
            0 => String::new(),
            some => format!("; {some} of them, left out by this site, {} nowhere else", if some == 1 { "is" } else { "are" }),
        };
        let names = if self.refused.is_empty() { "" } else { "; 'fieldpost library' lists names that are not taken: they may be there" };
        Ok(Some(format!(
            "{} of {all} documents are gone from `{}`, and nobody is told: where they are meant to be deleted everywhere, run 'fieldpost \
             sync --allow-deletions'; else put them back{last}{names}",
            asks.len(),
            self.library.folder().display()
        )))
    }
}

/// Deletions that were told without asking, a short while ago: whoever deletes a folder slowly, with a watch looking on, deletes it all the same.
#[derive(Default, Serialize, Deserialize)]
struct Lately(Vec<(Millis, usize)>);

impl Lately {
    const NOTE: &str = "documents deleted lately";
    const MILLIS: i64 = 60 * 60 * 1000;

    fn of(session: &Session) -> Result<Self> {
        let Some(text) = session.ledger.note(Self::NOTE)?.filter(|text| !text.is_empty()) else { return Ok(Self::default()) };
        let Self(mut all) = serde_json::from_str(&text).map_err(|_| SyncError::Bug("noted deletions do not read"))?;
        let now = session.world.now();
        // A clock that was set back makes nothing late.
        all.retain(|(time, _)| now.0.abs_diff(time.0) < Self::MILLIS.unsigned_abs());
        Ok(Self(all))
    }

    fn count(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// So many more are told, in the open transaction of the ledger. What a person allowed counts for nothing.
    fn add(&mut self, session: &Session, count: usize) -> Result<()> {
        match session.freedom {
            Freedom::AllowDeletions => self.0.clear(),
            Freedom::Usual | Freedom::Rehearsal if count == 0 => return Ok(()),
            Freedom::Usual | Freedom::Rehearsal => self.0.push((session.world.now(), count)),
        }
        let text = serde_json::to_string(self).map_err(|_| SyncError::Bug("deletions do not write"))?;
        Ok(session.ledger.set_note(Self::NOTE, &text)?)
    }
}

/// Writes to the list as an application would, in one commit; nothing where there is nothing to write.
pub(super) fn write(session: &Session, work: impl FnOnce(&crate::database::Database) -> crate::database::Result<()>) -> Result<()> {
    let database = session.database()?;
    database.begin_write()?;
    let done = work(database).and_then(|()| database.commit(&session.world)).map_err(SyncError::from);
    if let Err(error) = &done
        && !error.is_crash()
    {
        database.rollback()?;
    }
    done
}
