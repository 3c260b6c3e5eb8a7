//! Walks the folder and tells what differs from what was seen the last time.
//!
//! Invariants:
//! - Absence means nothing unless the walk was whole: what is below a folder that could not be read, or below a name that is refused, is not
//!   gone; and nothing is gone at all where the library is no longer there at the end of the walk.
//! - What looks as it did is not read: length, modification time, time of the last change. What changes while it is read, or was modified a
//!   moment ago, is busy and keeps what was known of it.
//! - No link is followed, nothing but plain files is opened, every name is told or counted.
//!
//! The walk writes nothing and has no crash points. Folders without documents are not told: they do not travel.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;

use super::chunk::Cutter;
use super::folder::Way;
use super::inside::{Inside, Kind, Look};
use super::path::HIDDEN;
use super::{Cut, Document, DocumentPath, Library, LibraryError, Patterns, Recipe, Refusal, Seen, Verdict};
use crate::model::{NameFault, collision_key, composed};
use crate::world::World;

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its row is to say.
    pub document: Document,
    /// What to know of it the next time.
    pub seen: Seen,
    /// Of which chunks it is made.
    pub recipe: Recipe,
}

/// What the walk tells of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The file looks as it did and was not read.
    Same(DocumentPath),
    /// It looks different and is the same document: what was seen wants renewing, the row does not.
    Touched(DocumentPath, Seen),
    /// It was not known.
    New(Found),
    /// Content, modification time or executable bit are others.
    Changed(Found),
    /// It was known and is not there.
    Gone(DocumentPath),
    /// It was known, is not taken any more, and is not there: somebody cleared away what is left out here. That says nothing of the document.
    Cleared(DocumentPath),
    /// It is being written: left for the next round.
    Busy(DocumentPath),
    /// It is not taken. A known document of that name, or below it, is neither gone nor changed.
    Refused {
        /// As people read it, relative to the library.
        name: String,
        /// Why.
        refusal: Refusal,
    },
}

/// What a walk that reads nothing finds otherwise than it was seen the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// Files that are new, look different or are gone: name and how they look. The same again where nothing happened since.
    pub differ: BTreeSet<String>,
    /// Whether a file is being written.
    pub busy: bool,
}

/// What a walk met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that are documents.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose content was read.
    pub read: u64,
    /// Files and whole folders that the patterns exclude.
    pub excluded: u64,
}

impl Library {
    /// Walks the folder in the order of the paths' bytes and tells of every name in it, and last of what is gone. `known`: what was seen
    /// the last time.
    ///
    /// # Errors
    /// What `found` says, or [`LibraryError`].
    pub fn scan<E: From<LibraryError>>(
        &self,
        world: &World,
        patterns: &Patterns,
        known: &BTreeMap<DocumentPath, Seen>,
        found: &mut dyn FnMut(Finding) -> Result<(), E>,
    ) -> Result<Totals, E> {
        self.check()?;
        let mut walk = Walk::new(self, world, patterns, known, found);
        walk.folder(&self.root()?, None)?;
        walk.gone()?;
        Ok(walk.totals)
    }

    /// Walks the folder without reading anything.
    ///
    /// # Errors
    /// As [`Library::scan`].
    pub fn glance(&self, world: &World, patterns: &Patterns, known: &BTreeMap<DocumentPath, Seen>) -> Result<Glance, LibraryError> {
        self.check()?;
        let (mut gone, mut busy) = (BTreeSet::new(), false);
        let mut found = |finding| {
            match finding {
                Finding::Busy(_) => busy = true,
                Finding::Gone(path) | Finding::Cleared(path) => drop(gone.insert(format!("{path} gone"))),
                Finding::Same(_) | Finding::Touched(..) | Finding::New(_) | Finding::Changed(_) | Finding::Refused { .. } => {}
            }
            Ok::<(), LibraryError>(())
        };
        let mut walk = Walk::new(self, world, patterns, known, &mut found);
        walk.unread = Some(BTreeSet::new());
        walk.folder(&self.root()?, None)?;
        walk.gone()?;
        let mut differ = walk.unread.take().unwrap_or_default();
        differ.append(&mut gone);
        Ok(Glance { differ, busy })
    }

    /// How many documents a folder would have that is not walked; what cannot be looked at counts for none.
    #[must_use]
    pub fn documents_in(&self, patterns: &Patterns, path: &DocumentPath) -> usize {
        let Ok(Way::Open(above)) = self.way_to(path) else { return 0 };
        above.enter(OsStr::new(path.split().1)).map_or(0, |folder| documents_in(patterns, &folder, path))
    }

    /// Reads one document: its content, how it looks, its recipe. `None` where no plain file is there, or it changes while it is read.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn read(&self, world: &World, path: &DocumentPath, before: Option<&Seen>) -> Result<Option<Found>, LibraryError> {
        let Way::Open(folder) = self.way_to(path)? else { return Ok(None) };
        let name = OsStr::new(path.split().1);
        let Some(look) = folder.look(name)?.filter(|look| look.kind == Kind::File) else { return Ok(None) };
        read(world, &mut Cutter::default(), &folder, name, path, &look, before)
    }
}

/// Reads a file that looks like `look`; `None` where it did not look so all the time.
pub(super) fn read(
    world: &World,
    cutter: &mut Cutter,
    folder: &Inside,
    name: &OsStr,
    path: &DocumentPath,
    look: &Look,
    before: Option<&Seen>,
) -> Result<Option<Found>, LibraryError> {
    let mut file = folder.open(name)?;
    if Inside::look_at(&file)? != *look {
        return Ok(None);
    }
    let cut = Cut::of(look.bytes, before.map(|before| before.cut));
    let recipe = cutter.read(&mut file, cut, &mut || world.go_on().map_err(LibraryError::from))?;
    if Inside::look_at(&file)? != *look || recipe.bytes() != look.bytes {
        return Ok(None);
    }
    let executable = look.executable().unwrap_or_else(|| before.is_some_and(|before| before.executable));
    let Look { bytes, modified_ns, changed_ns, .. } = *look;
    let content = recipe.content;
    let seen = Seen { bytes, modified_ns, changed_ns, executable, content, cut };
    let document = Document { path: path.clone(), content, bytes, modified: look.modified(), executable };
    Ok(Some(Found { document, seen, recipe }))
}

/// One walk.
struct Walk<'a, E> {
    library: &'a Library,
    world: &'a World,
    patterns: &'a Patterns,
    known: &'a BTreeMap<DocumentPath, Seen>,
    cutter: Cutter,
    /// Known documents that are there.
    met: BTreeSet<&'a DocumentPath>,
    /// Names of which nothing is known now: refused, unreadable. Known documents there are not gone.
    untold: Vec<String>,
    totals: Totals,
    /// In a glance, what would be read.
    unread: Option<BTreeSet<String>>,
    found: &'a mut dyn FnMut(Finding) -> Result<(), E>,
}

/// An entry of a folder whose name can be a document's or a folder's.
struct Entry {
    path: DocumentPath,
    /// As the file system has it.
    name: OsString,
    kind: Kind,
}

impl Entry {
    /// What the paths at or below it begin with, for the order of the walk: `a.txt` comes before `a/b`.
    fn sort_key(&self) -> String {
        if self.kind == Kind::Folder { format!("{}/", self.path) } else { self.path.to_string() }
    }
}

impl<'a, E: From<LibraryError>> Walk<'a, E> {
    fn new(
        library: &'a Library,
        world: &'a World,
        patterns: &'a Patterns,
        known: &'a BTreeMap<DocumentPath, Seen>,
        found: &'a mut dyn FnMut(Finding) -> Result<(), E>,
    ) -> Self {
        let (met, untold, totals) = (BTreeSet::new(), Vec::new(), Totals::default());
        Self { library, world, patterns, known, cutter: Cutter::default(), met, untold, totals, unread: None, found }
    }

    /// Tells of everything in a folder.
    fn folder(&mut self, folder: &Inside, path: Option<&DocumentPath>) -> Result<(), E> {
        self.world.go_on().map_err(LibraryError::from)?;
        let listed = match folder.list() {
            Ok(listed) => listed,
            Err(error) => match path {
                Some(path) => return self.refuse(path.to_string(), Refusal::Unreadable(error.to_string())),
                None => return Err(LibraryError::from(error).into()),
            },
        };
        for entry in self.entries(folder, path, listed)? {
            match entry.kind {
                Kind::Folder if self.patterns.excludes(&entry.path) => self.totals.excluded += 1,
                Kind::Folder => match folder.enter(&entry.name) {
                    Ok(inside) => self.folder(&inside, Some(&entry.path))?,
                    Err(error) => self.refuse(entry.path.to_string(), Refusal::Unreadable(error.to_string()))?,
                },
                Kind::File => self.file(folder, &entry)?,
                Kind::Link => self.refuse(entry.path.to_string(), Refusal::Link)?,
                Kind::Special => self.refuse(entry.path.to_string(), Refusal::Special)?,
            }
        }
        Ok(())
    }

    /// The entries with good names, sorted; tells of the other ones.
    fn entries(&mut self, folder: &Inside, path: Option<&DocumentPath>, listed: Vec<(OsString, Kind)>) -> Result<Vec<Entry>, E> {
        let mut entries = Vec::with_capacity(listed.len());
        for (name, kind) in &listed {
            if path.is_none() && name == HIDDEN {
                continue;
            }
            match named(folder, path, name, &listed) {
                Ok(path) => entries.push(Entry { path, name: name.clone(), kind: *kind }),
                Err(fault) => {
                    let name = name.to_string_lossy();
                    self.refuse(path.map_or_else(|| name.to_string(), |path| format!("{path}/{name}")), fault.into())?;
                }
            }
        }
        entries.sort_by_cached_key(Entry::sort_key);
        self.without_collisions(entries)
    }

    /// Of names that are one name on some system the known one stays, else the first; tells of the other ones.
    fn without_collisions(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, E> {
        let key = |place: usize| collision_key(entries[place].path.split().1);
        let mut stays: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        for (place, entry) in entries.iter().enumerate() {
            let stay = stays.entry(key(place)).or_insert(place);
            if *stay != place && self.is_known(entry) && !self.is_known(&entries[*stay]) {
                *stay = place;
            }
        }
        if stays.len() == entries.len() {
            return Ok(entries);
        }
        let winner: Vec<usize> = (0..entries.len()).map(|place| stays[&key(place)]).collect();
        for (place, with) in winner.iter().enumerate().filter(|(place, with)| place != *with) {
            self.refuse(entries[place].path.to_string(), Refusal::Collides(entries[*with].path.to_string()))?;
        }
        Ok(entries.into_iter().enumerate().filter(|(place, _)| winner[*place] == *place).map(|(_, entry)| entry).collect())
    }

    /// Whether it is a known document or holds one.
    fn is_known(&self, entry: &Entry) -> bool {
        match entry.kind {
            Kind::Folder => below(self.known, entry.path.as_str()).next().is_some(),
            Kind::File | Kind::Link | Kind::Special => self.known.contains_key(&entry.path),
        }
    }

    /// Tells of one file.
    fn file(&mut self, folder: &Inside, entry: &Entry) -> Result<(), E> {
        let path = &entry.path;
        let look = match folder.look(&entry.name) {
            Ok(Some(look)) if look.kind == Kind::File => look,
            // Gone or replaced since it was listed: the next walk tells.
            Ok(_) => return self.busy(path),
            Err(error) => return self.refuse(path.to_string(), Refusal::Unreadable(error.to_string())),
        };
        match self.patterns.takes(path, look.bytes) {
            Verdict::Take if look.bytes > Recipe::LARGEST_DOCUMENT => {
                let refusal = Refusal::TooLarge { bytes: look.bytes, largest: Recipe::LARGEST_DOCUMENT };
                return self.refuse(path.to_string(), refusal);
            }
            Verdict::Take => {}
            Verdict::TooLarge(largest) => return self.refuse(path.to_string(), Refusal::TooLarge { bytes: look.bytes, largest }),
            Verdict::Excluded => {
                self.totals.excluded += 1;
                return Ok(());
            }
        }
        let known = self.known.get_key_value(path);
        self.met.extend(known.map(|(path, _)| path));
        self.totals.documents += 1;
        self.totals.bytes += look.bytes;
        let before = known.map(|(_, seen)| seen);
        if before.is_some_and(|seen| look.is(seen)) {
            return (self.found)(Finding::Same(path.clone()));
        }
        let age = self.world.now().0.saturating_sub(look.modified().0);
        if age.unsigned_abs() < self.library.settle_millis.unsigned_abs() {
            return (self.found)(Finding::Busy(path.clone()));
        }
        if let Some(unread) = &mut self.unread {
            unread.insert(format!("{path} {} {} {}", look.bytes, look.modified_ns, look.changed_ns));
            return Ok(());
        }
        self.totals.read += 1;
        match read(self.world, &mut self.cutter, folder, &entry.name, path, &look, before) {
            Ok(Some(found)) => (self.found)(told(found, before)),
            Ok(None) => (self.found)(Finding::Busy(path.clone())),
            Err(LibraryError::Crash(crash)) => Err(LibraryError::Crash(crash).into()),
            Err(error) if is_locked(&error) => (self.found)(Finding::Busy(path.clone())),
            Err(error) => self.refuse(path.to_string(), Refusal::Unreadable(error.to_string())),
        }
    }

    /// Tells of what was known and not met.
    fn gone(&mut self) -> Result<(), E> {
        self.library.check()?;
        let mut untold: BTreeSet<&DocumentPath> = BTreeSet::new();
        for name in &self.untold {
            untold.extend(self.known.get_key_value(name.as_str()).map(|(path, _)| path));
            untold.extend(below(self.known, name));
        }
        for (path, seen) in self.known {
            if self.met.contains(path) || untold.contains(path) {
                continue;
            }
            match self.patterns.takes(path, seen.bytes) {
                Verdict::Take => (self.found)(Finding::Gone(path.clone()))?,
                Verdict::Excluded | Verdict::TooLarge(_) if self.is_cleared(path)? => (self.found)(Finding::Cleared(path.clone()))?,
                Verdict::Excluded | Verdict::TooLarge(_) => {}
            }
        }
        Ok(())
    }

    /// Whether nothing is there under a path that is not walked.
    fn is_cleared(&self, path: &DocumentPath) -> Result<bool, LibraryError> {
        Ok(match self.library.way_to(path)? {
            Way::Open(folder) => folder.look(OsStr::new(path.split().1))?.is_none(),
            Way::Absent => true,
            Way::Blocked(_) => false,
        })
    }

    fn busy(&mut self, path: &DocumentPath) -> Result<(), E> {
        self.met.extend(self.known.get_key_value(path).map(|(path, _)| path));
        (self.found)(Finding::Busy(path.clone()))
    }

    fn refuse(&mut self, name: String, refusal: Refusal) -> Result<(), E> {
        self.untold.push(name.clone());
        (self.found)(Finding::Refused { name, refusal })
    }
}

fn documents_in(patterns: &Patterns, folder: &Inside, path: &DocumentPath) -> usize {
    let mut count = 0;
    for (name, kind) in folder.list().unwrap_or_default() {
        let Ok(path) = named(folder, Some(path), &name, &[]) else { continue };
        count += match kind {
            Kind::Folder if patterns.excludes(&path) => 0,
            Kind::Folder => folder.enter(&name).map_or(0, |inside| documents_in(patterns, &inside, &path)),
            Kind::File => {
                let bytes = folder.look(&name).ok().flatten().map_or(0, |look| look.bytes);
                usize::from(patterns.takes(&path, bytes) == Verdict::Take)
            }
            Kind::Link | Kind::Special => 0,
        };
    }
    count
}

/// What a file that was read is, against what was known of it.
fn told(found: Found, before: Option<&Seen>) -> Finding {
    let Some(before) = before else { return Finding::New(found) };
    let Seen { bytes, modified_ns, changed_ns: _, executable, content, cut: _ } = found.seen;
    let same = (bytes, modified_ns, executable, content) == (before.bytes, before.modified_ns, before.executable, before.content);
    if same { Finding::Touched(found.document.path, found.seen) } else { Finding::Changed(found) }
}

/// The known documents in a folder, at any depth.
fn below<'a>(known: &'a BTreeMap<DocumentPath, Seen>, folder: &str) -> impl Iterator<Item = &'a DocumentPath> {
    let prefix = format!("{folder}/");
    let from = known.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
    from.map(|(path, _)| path).take_while(move |path| path.as_str().starts_with(&prefix))
}

/// The path of an entry. A file system that does not tell composed from separate accents lists the spelling that a name was made with:
/// there the composed one is the same file, without being listed itself, and is the document's.
fn named(folder: &Inside, path: Option<&DocumentPath>, name: &OsStr, listed: &[(OsString, Kind)]) -> Result<DocumentPath, NameFault> {
    let text = name.to_str().ok_or(NameFault::NotUnicode)?;
    let is_same = |composed: &String| {
        let composed = OsStr::new(composed);
        folder.look(composed).is_ok_and(|look| look.is_some()) && listed.iter().all(|(other, _)| other != composed)
    };
    let composed = composed(text).filter(is_same);
    DocumentPath::below(path, composed.as_deref().unwrap_or(text))
}

/// Some systems let a program keep others from reading a file while it writes.
fn is_locked(error: &LibraryError) -> bool {
    matches!(error, LibraryError::Io(error) if error.kind() == std::io::ErrorKind::ResourceBusy)
}
