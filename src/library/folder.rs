//! The folder itself: is it there, is it the right one, and reading from it.
//!
//! A folder that is not there or empty says nothing of the documents (invariant 8): a library is known by its marker, a file in the hidden
//! folder [`HIDDEN`], and everything is refused without it. The hidden folder is also where documents are put together, so that they
//! get their names by a rename on one file system. What a run that died left there:
//! - `….part`: a document that was not complete. Deleted.
//! - `<standing>-<new>.swap`: a document on its way in or out, named by the two contents it may have. With one of them it is deleted. With
//!   another it is an edit that was made in the very moment before the exchange: it goes back into the library under a name of its own.

use std::ffi::OsStr;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::inside::{Inside, Kind};
use super::path::HIDDEN;
use super::{ChunkId, ContentId, DocumentPath, Refusal, Seen};
use crate::world::files::{Existing, FileError, Privacy, TEMPORARY, publish};
use crate::world::{Crash, World};

/// The file by which a library is known.
const MARKER: &str = "marker";
const MARKER_WORDS: &str = "fieldpost library ";
/// The file that says how often somebody accounted for what is in the library: one that was put back from a backup says less than before.
const COUNT: &str = "count";
/// Ending of what is being exchanged.
pub(super) const SWAP: &str = ".swap";

/// A documents folder that was found and is the right one.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    id: String,
    pub(super) settle_millis: i64,
    pub(super) spare_bytes: u64,
}

/// Why the library cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// No such folder: unmounted, renamed. Says nothing of the documents.
    #[error("there is no folder `{0}`")]
    Missing(PathBuf),
    /// Something else has its name.
    #[error("`{0}` is not a folder")]
    NotAFolder(PathBuf),
    /// The folder has no marker: an empty mount point, another folder. Says nothing of the documents.
    #[error("`{0}` is not marked as a library")]
    NoMarker(PathBuf),
    /// The disk has no room for the document.
    #[error("the disk has no room for `{path}`: it needs {}{}", megabytes(*needed), free.map_or_else(String::new, |free| format!(", {} are free", megabytes(free))))]
    Full {
        /// The document.
        path: DocumentPath,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that are free, where the system says.
        free: Option<u64>,
    },
    /// A file is no longer what it was.
    #[error("`{0}` is no longer what it was when it was last looked at")]
    Changed(DocumentPath),
    /// A chunk that the recipe names is not at hand.
    #[error("chunk {chunk} of `{path}` is not here")]
    ChunkMissing {
        /// The document.
        path: DocumentPath,
        /// The chunk.
        chunk: ChunkId,
    },
    /// Chunks that are right one by one do not make the document that was announced.
    #[error("the chunks of `{0}` do not make the document that was announced")]
    Content(DocumentPath),
    /// As the operating system says, with the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl LibraryError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Missing(_) | Self::Full { .. } | Self::Changed(_) | Self::ChunkMissing { .. } | Self::Io(_) => true,
            Self::NotAFolder(_) | Self::NoMarker(_) | Self::Content(_) | Self::Crash(_) => false,
        }
    }
}

impl From<FileError> for LibraryError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// The way to a document's folder.
pub(super) enum Way {
    /// Here it is.
    Open(Inside),
    /// A folder on the way is not there.
    Absent,
    /// Something else is on the way.
    Blocked(Refusal),
}

impl Library {
    /// A file that was modified less than this long ago is being written.
    pub const SETTLE_MILLIS: i64 = 2000;

    /// Room on the disk that is left alone.
    pub const SPARE_BYTES: u64 = 16 << 20;

    /// Finds the library in `folder`, and tidies what a run that died left there. For one user of the library at a time.
    ///
    /// # Errors
    /// [`LibraryError::Missing`], [`LibraryError::NotAFolder`], [`LibraryError::NoMarker`], or as the operating system says.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        Self::look(folder)?.tidied()
    }

    /// Tidies what a run that died left there.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn tidied(self) -> Result<Self, LibraryError> {
        self.tidy()?;
        Ok(self)
    }

    /// Finds the library in `folder` and touches nothing: for whoever looks while another works with it.
    ///
    /// # Errors
    /// As [`Library::open`].
    pub fn look(folder: &Path) -> Result<Self, LibraryError> {
        let id = read_marker(folder)?.ok_or_else(|| LibraryError::NoMarker(folder.into()))?;
        Ok(Self { folder: folder.into(), id, settle_millis: Self::SETTLE_MILLIS, spare_bytes: Self::SPARE_BYTES })
    }

    /// Makes the folder where it is not there, and marks it. What is in it stays; a folder that is marked keeps its marker.
    ///
    /// # Errors
    /// [`LibraryError::NotAFolder`], or as the operating system says.
    pub fn create(world: &World, folder: &Path) -> Result<Self, LibraryError> {
        world.step("make library")?;
        fs_err::create_dir_all(folder).or_else(|error| if folder.exists() { Ok(()) } else { Err(error) })?;
        if read_marker(folder)?.is_none() {
            let root = Inside::root(folder)?;
            root.make(OsStr::new(HIDDEN))?;
            // Refuses a link that has the name.
            root.enter(OsStr::new(HIDDEN))?;
            let id = data_encoding::HEXLOWER.encode(&world.random::<16>());
            let text = format!("{MARKER_WORDS}{id}\nFieldpost knows its documents by this folder. Leave it as it is.\n");
            publish(world, &folder.join(HIDDEN).join(MARKER), text.as_bytes(), Existing::Replace, Privacy::Ordinary)?;
            root.sync()?;
        }
        Self::open(folder)
    }

    /// With another time for files to settle than [`Self::SETTLE_MILLIS`]; 0: every file is taken at once.
    #[must_use]
    pub fn with_settle_millis(self, settle_millis: i64) -> Self {
        Self { settle_millis, ..self }
    }

    /// With another room on the disk to leave alone than [`Self::SPARE_BYTES`].
    #[must_use]
    pub fn with_spare_bytes(self, spare_bytes: u64) -> Self {
        Self { spare_bytes, ..self }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Drawn when the library was made, the same as long as its marker is there: another id is another library, mounted in its place.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How often somebody accounted for what is in it; 0 where nothing says so.
    #[must_use]
    pub fn count(&self) -> u64 {
        const MOST_BYTES: u64 = 20;
        let read = || -> io::Result<String> {
            let mut text = String::new();
            Inside::root(&self.folder)?.enter(OsStr::new(HIDDEN))?.open(OsStr::new(COUNT))?.take(MOST_BYTES).read_to_string(&mut text)?;
            Ok(text)
        };
        read().ok().and_then(|text| text.trim_end().parse().ok()).unwrap_or_default()
    }

    /// Says how often somebody accounted for what is in it.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn set_count(&self, world: &World, count: u64) -> Result<(), LibraryError> {
        // Refuses a link that has the name.
        self.hidden()?;
        Ok(publish(world, &self.folder.join(HIDDEN).join(COUNT), format!("{count}\n").as_bytes(), Existing::Replace, Privacy::Ordinary)?)
    }

    /// `length` bytes of a document from `offset`, where they still are the chunk `expect`.
    ///
    /// # Errors
    /// [`LibraryError::Changed`] where they are not, or as the operating system says.
    pub fn read_chunk(&self, path: &DocumentPath, offset: u64, length: u32, expect: ChunkId) -> Result<Vec<u8>, LibraryError> {
        let changed = || LibraryError::Changed(path.clone());
        let Way::Open(folder) = self.way_to(path)? else { return Err(changed()) };
        let name = OsStr::new(path.split().1);
        let mut file = match folder.look(name)? {
            Some(look) if look.kind == Kind::File => folder.open(name)?,
            Some(_) | None => return Err(changed()),
        };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(u64::from(length)).read_to_end(&mut bytes)?;
        if ChunkId::of(&bytes) == expect { Ok(bytes) } else { Err(changed()) }
    }

    /// Whether a document is there and nothing happened to it since it was seen. What cannot be looked at is not there.
    #[must_use]
    pub fn is_unchanged(&self, path: &DocumentPath, seen: &Seen) -> bool {
        match self.way_to(path) {
            Ok(Way::Open(folder)) => matches!(folder.look(OsStr::new(path.split().1)), Ok(Some(look)) if look.is(seen)),
            Ok(Way::Absent | Way::Blocked(_)) | Err(_) => false,
        }
    }

    /// Bytes that are free where the folder is; `None` where the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        Inside::root(&self.folder).ok()?.free_bytes()
    }

    /// Whether it still is the library that was opened: not unmounted, not another in its place.
    pub(super) fn check(&self) -> Result<(), LibraryError> {
        match read_marker(&self.folder)? {
            Some(id) if id == self.id => Ok(()),
            Some(_) | None => Err(LibraryError::NoMarker(self.folder.clone())),
        }
    }

    pub(super) fn root(&self) -> Result<Inside, LibraryError> {
        Ok(Inside::root(&self.folder)?)
    }

    pub(super) fn hidden(&self) -> Result<Inside, LibraryError> {
        Ok(self.root()?.enter(OsStr::new(HIDDEN))?)
    }

    /// The folder that a document is in.
    pub(super) fn way_to(&self, path: &DocumentPath) -> Result<Way, LibraryError> {
        self.walk_to(path, |_, _| Ok(false))
    }

    /// The folder that a document is to be in, made where it is not there.
    pub(super) fn make_way_to(&self, path: &DocumentPath) -> Result<Way, LibraryError> {
        self.walk_to(path, |folder, name| {
            folder.make(name)?;
            folder.sync()?;
            Ok(true)
        })
    }

    /// Goes folder by folder; `missing` may make one that is not there and says whether it did.
    fn walk_to(&self, path: &DocumentPath, missing: impl Fn(&Inside, &OsStr) -> io::Result<bool>) -> Result<Way, LibraryError> {
        let mut folder = self.root()?;
        let (above, _) = path.split();
        for part in above.map(|above| above.split('/')).into_iter().flatten() {
            let name = OsStr::new(part);
            folder = match folder.enter(name) {
                Ok(folder) => folder,
                Err(error) => match folder.look(name)?.map(|look| look.kind) {
                    None if missing(&folder, name)? => folder.enter(name)?,
                    None => return Ok(Way::Absent),
                    Some(Kind::Link) => return Ok(Way::Blocked(Refusal::Link)),
                    Some(Kind::File | Kind::Special) => return Ok(Way::Blocked(Refusal::NotAFolder(part.into()))),
                    Some(Kind::Folder) => return Err(error.into()),
                },
            };
        }
        Ok(Way::Open(folder))
    }

    /// Clears away what a run that died left behind.
    fn tidy(&self) -> Result<(), LibraryError> {
        let hidden = self.hidden()?;
        for (name, kind) in hidden.list()? {
            let Some(text) = name.to_str().filter(|_| kind == Kind::File) else { continue };
            if text.ends_with(TEMPORARY) {
                hidden.remove(&name)?;
            } else if let Some(known) = text.strip_suffix(SWAP) {
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(hidden.open(&name)?)?;
                let content = ContentId(hasher.finalize().into()).to_string();
                if known.split('-').any(|known| known == content) {
                    hidden.remove(&name)?;
                } else {
                    self.recover(&hidden, &name, &format!("recovered {}", &content[..16]))?;
                }
            }
        }
        Ok(())
    }
}

impl Library {
    /// Brings an edit back into the library, under the first of its names that nothing has: `as_what`, `as_what 2` …
    fn recover(&self, hidden: &Inside, name: &OsStr, as_what: &str) -> Result<(), LibraryError> {
        let root = self.root()?;
        for number in 1u32.. {
            let free = if number == 1 { as_what.to_owned() } else { format!("{as_what} {number}") };
            match hidden.rename_free(name, &root, OsStr::new(&free)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                renamed => return Ok(renamed?),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
    }
}

/// The id in the marker; `None` without a marker.
fn read_marker(folder: &Path) -> Result<Option<String>, LibraryError> {
    const MOST_BYTES: u64 = 1024;
    match fs_err::metadata(folder) {
        Ok(data) if data.is_dir() => {}
        Ok(_) => return Err(LibraryError::NotAFolder(folder.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LibraryError::Missing(folder.into())),
        Err(error) => return Err(error.into()),
    }
    let root = Inside::root(folder)?;
    let is = |inside: &Inside, name: &str, kind| inside.look(OsStr::new(name)).map(|look| look.is_some_and(|look| look.kind == kind));
    if !is(&root, HIDDEN, Kind::Folder)? {
        return Ok(None);
    }
    let hidden = root.enter(OsStr::new(HIDDEN))?;
    if !is(&hidden, MARKER, Kind::File)? {
        return Ok(None);
    }
    let mut text = Vec::new();
    hidden.open(OsStr::new(MARKER))?.take(MOST_BYTES).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let id = text.strip_prefix(MARKER_WORDS).and_then(|rest| rest.lines().next());
    Ok(id.filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).map(Into::into))
}
