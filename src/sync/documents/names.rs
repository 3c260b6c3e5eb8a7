//! Which names of documents are one on some systems, and which name does a copy get?
//!
//! Windows and macOS do not tell upper from lower case, and see some accents as one: a document has no name there that is another one's, nor is its
//! folder spelled in two ways, and nowhere the name of a folder in which others lie. What loses a conflict and is kept is listed under a name of its own; at
//! the main office a folder that is spelled in two ways under one of them, and of documents whose names are one all but one under names of their own; as
//! edits of this site like any other. **Crash points**: the write of the list; done again it finds nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use super::look::write;
use super::place::bytes_here;
use crate::database::DocumentRow;
use crate::ledger::CopyDue;
use crate::library::DocumentPath;
use crate::model::{SiteName, collision_key};
use crate::sync::{Result, Session};

/// The names of documents and of the folders they are in, as the systems see them that do not tell upper from lower case.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl<'p> FromIterator<&'p DocumentPath> for Names {
    fn from_iter<I: IntoIterator<Item = &'p DocumentPath>>(paths: I) -> Self {
        let mut names = Self::default();
        paths.into_iter().for_each(|path| names.take(path));
        names
    }
}

impl Names {
    /// The names of the folders on the way to a document.
    fn folders(path: &DocumentPath) -> impl DoubleEndedIterator<Item = &str> {
        let text = path.as_str();
        text.match_indices('/').map(|(end, _)| &text[..end])
    }

    /// The same, and its own.
    fn levels(path: &DocumentPath) -> impl Iterator<Item = &str> {
        Self::folders(path).chain([path.as_str()])
    }

    /// The name there is already that would be the same.
    pub(super) fn clash(&self, path: &DocumentPath) -> Option<&str> {
        Self::levels(path).find_map(|level| self.0.get(&collision_key(level)).filter(|first| *first != level).map(String::as_str))
    }

    /// Whether a document or a folder has this name on some system.
    pub(super) fn has(&self, path: &DocumentPath) -> bool {
        self.0.contains_key(&path.collision_key())
    }

    pub(super) fn take(&mut self, path: &DocumentPath) {
        for level in Self::levels(path) {
            self.0.entry(collision_key(level)).or_insert_with(|| level.to_owned());
        }
    }
}

/// Lists what lost a conflict under a name of its own, as an edit of this site. A run that died in between finds it listed.
pub(super) fn keep_copies(session: &Session) -> Result<u64> {
    let due = session.ledger.copies_due()?;
    if due.is_empty() {
        return Ok(0);
    }
    let mut listed = session.listed(&mut BTreeMap::new())?;
    let known = session.all_known()?;
    let mut names: Names = listed.keys().chain(known.keys()).collect();
    let mut rows = Vec::new();
    for copy in &due {
        let Ok(path) = DocumentPath::new(&copy.path) else { continue };
        let CopyDue { content, bytes, modified, executable, .. } = *copy;
        // The same content under a name that this copy could have: it is kept already.
        let is_kept = std::cell::Cell::new(false);
        let name = path.copy_name(&copy.site, &modified.date(), &|name| {
            is_kept.set(is_kept.get() || listed.get(name).is_some_and(|row| row.content == content));
            names.has(name)
        });
        if !is_kept.get() {
            let row = DocumentRow { path: name.as_str().to_owned(), content, bytes, modified, executable };
            names.take(&name);
            listed.insert(name, row.clone());
            rows.push(row);
        }
    }
    write(session, |database| rows.iter().try_for_each(|row| database.put_document(row)))?;
    session.ledger.begin()?;
    due.iter().try_for_each(|copy| session.ledger.drop_copy(copy.id))?;
    session.ledger.commit(&session.world, "commit copies of documents")?;
    Ok(rows.len() as u64)
}

/// Where one folder is spelled in two ways that are one on some systems, because one site renamed it while another one edited in it: the main
/// office lists everything under the name that most of it has, as an edit of its own. Else all of it but a document could be placed nowhere. Gives how
/// many got another name because theirs was taken there.
pub(super) fn one_spelling(session: &Session) -> Result<u64> {
    if session.settings.parent.is_some() {
        return Ok(0);
    }
    let listed = session.listed(&mut BTreeMap::new())?;
    let mut spellings: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for folder in listed.keys().flat_map(Names::folders) {
        *spellings.entry(collision_key(folder)).or_default().entry(folder).or_default() += 1;
    }
    spellings.retain(|_, spellings| spellings.len() > 1);
    let most = |folder: &str| {
        // Of two that have as much one must be the one.
        let (spelling, _) = spellings.get(&collision_key(folder))?.iter().rev().max_by_key(|(_, count)| **count)?;
        // Nothing moves into what is a document.
        (*spelling != folder && !listed.contains_key(*spelling)).then_some(*spelling)
    };
    let respelled = |path: &DocumentPath| {
        let (folder, spelling) = Names::folders(path).rev().find_map(|folder| Some((folder, most(folder)?)))?;
        DocumentPath::new(&format!("{spelling}{}", &path.as_str()[folder.len()..])).ok()
    };
    let others: Vec<(&DocumentPath, DocumentPath)> = listed.keys().filter_map(|path| Some((path, respelled(path)?))).collect();
    if others.is_empty() {
        return Ok(0);
    }
    let mut names: Names = listed.keys().filter(|path| respelled(path).is_none()).collect();
    let (mut moved, mut copies) = (Vec::new(), 0);
    for (path, mut to) in others {
        let row = &listed[path];
        let is_same = listed.get(&to).is_some_and(|there| there.content == row.content);
        if !is_same && names.has(&to) {
            to = to.copy_name(session.name(), &row.modified.date(), &|name| names.has(name));
            copies += 1;
        }
        names.take(&to);
        moved.push((path, (!is_same).then(|| DocumentRow { path: to.as_str().to_owned(), ..row.clone() })));
    }
    relist(session, &moved)?;
    Ok(copies)
}

/// Where documents have names that are one on some systems, or one has that of a folder, because two sites made them at once, or one renamed what another
/// one edited: the main office lists all but one under a name of their own. Else every site would go on with another one of them. The one that its folder
/// has already stays; of a document and a folder the folder does, many may lie in it. Gives how many got another name.
pub(super) fn one_name(session: &Session) -> Result<u64> {
    if session.settings.parent.is_some() {
        return Ok(0);
    }
    let listed = session.listed(&mut BTreeMap::new())?;
    let folders: BTreeSet<String> = listed.keys().flat_map(Names::folders).map(collision_key).collect();
    let mut alike: BTreeMap<String, Vec<&DocumentPath>> = BTreeMap::new();
    for path in listed.keys() {
        alike.entry(path.collision_key()).or_default().push(path);
    }
    alike.retain(|name, paths| paths.len() > 1 || folders.contains(name));
    if alike.is_empty() {
        return Ok(0);
    }
    let known = session.all_known()?;
    let mut names: Names = listed.keys().chain(known.keys()).collect();
    let (mut moved, mut copies) = (Vec::new(), 0);
    for (name, mut paths) in alike {
        let first = paths.iter().position(|path| known.contains_key(*path)).unwrap_or(0);
        let stays = (!folders.contains(&name)).then(|| listed[paths.remove(first)].content);
        for path in paths {
            let row = &listed[path];
            if stays == Some(row.content) {
                moved.push((path, None));
                continue;
            }
            // Its site may delete it before it is sent: under a name of ours it would be on its way for ever.
            if bytes_here(session, &row.content)? < row.bytes {
                continue;
            }
            let to = path.copy_name(&maker(session, path)?, &row.modified.date(), &|name| names.has(name));
            names.take(&to);
            copies += 1;
            moved.push((path, Some(DocumentRow { path: to.as_str().to_owned(), ..row.clone() })));
        }
    }
    relist(session, &moved)?;
    Ok(copies)
}

/// At which site a document was first in the list.
fn maker(session: &Session, path: &DocumentPath) -> Result<SiteName> {
    match session.sealed_row(path.as_str())? {
        Some((_, image)) => Ok(session.ledger.site_name(image.born.site)?),
        None => Ok(session.name().clone()),
    }
}

/// Lists documents under other names; those without one not any more.
fn relist(session: &Session, moved: &[(&DocumentPath, Option<DocumentRow>)]) -> Result<()> {
    write(session, |database| {
        moved.iter().try_for_each(|(path, row)| {
            database.remove_document(path.as_str())?;
            row.as_ref().map_or(Ok(()), |row| database.put_document(row))
        })
    })
}
