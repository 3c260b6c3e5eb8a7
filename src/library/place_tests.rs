//! Placing, removing and renaming: what is done, what is left alone, and what a kill leaves behind.

use std::collections::BTreeMap;

use fs_err as fs;

use super::inside::{Inside, Look};
use super::place::take_out;
use super::{
    ChunkId, ContentId, Cut, Document, DocumentPath, Finding, Found, Library, LibraryError, Patterns, Placed, Recipe, Refusal, Removed,
    Renamed, Seen,
};
use crate::model::Millis;
use crate::world::{Faults, SystemClock, World};

struct Site {
    folder: tempfile::TempDir,
    library: Library,
    world: World,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        let library = Library::create(&world, folder.path()).unwrap().with_settle_millis(0);
        Self { folder, library, world }
    }

    fn place(&self, made: &Made, standing: Option<&Seen>) -> Result<Placed, LibraryError> {
        let mut chunk = |id: &ChunkId| made.chunks.get(id).cloned();
        self.library.place(&self.world, &made.document, &made.recipe, &mut chunk, standing)
    }

    fn placed(&self, made: &Made, standing: Option<&Seen>) -> Seen {
        match self.place(made, standing).unwrap() {
            Placed::Done(seen) => seen,
            other @ (Placed::Edited | Placed::Blocked(_)) => panic!("{other:?}"),
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join(path)).ok()
    }

    /// An edit of the application, which takes another time.
    fn edit(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }

    /// Nothing but the marker is in the hidden folder.
    fn is_tidy(&self) -> bool {
        fs::read_dir(self.folder.path().join(".fieldpost-library")).unwrap().count() == 1
    }

    fn scan(&self, known: &BTreeMap<DocumentPath, Seen>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let found = &mut |finding| {
            findings.push(finding);
            Ok::<_, LibraryError>(())
        };
        self.library.scan(&self.world, &Patterns::default(), known, found).unwrap();
        findings
    }
}

/// A document as another site sent it.
struct Made {
    document: Document,
    recipe: Recipe,
    chunks: BTreeMap<ChunkId, Vec<u8>>,
}

fn made(path: &str, text: &str) -> Made {
    let bytes = text.as_bytes();
    let pieces: Vec<&[u8]> = bytes.chunks(7).collect();
    let content = ContentId::of(bytes);
    let chunks = pieces.iter().map(|piece| (ChunkId::of(piece), u32::try_from(piece.len()).unwrap())).collect();
    Made {
        document: Document {
            path: DocumentPath::new(path).unwrap(),
            content,
            bytes: bytes.len() as u64,
            modified: Millis(1_600_000_000_123),
            executable: false,
        },
        recipe: Recipe { content, cut: Cut::of(0, None), chunks },
        chunks: pieces.iter().map(|piece| (ChunkId::of(piece), piece.to_vec())).collect(),
    }
}

const ONE: &str = "the first version of the offer";
const TWO: &str = "the second version, which is longer than that";

#[test]
fn a_document_is_placed_replaced_renamed_and_removed() {
    let site = Site::new();
    let one = made("a/b/offer.txt", ONE);
    let seen = site.placed(&one, None);
    assert_eq!(site.text("a/b/offer.txt").as_deref(), Some(ONE));
    let modified = fs::metadata(site.folder.path().join("a/b/offer.txt")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis(), 1_600_000_000_123);

    // What was placed is what the next walk sees.
    let known = BTreeMap::from([(one.document.path.clone(), seen)]);
    assert_eq!(site.scan(&known), [Finding::Same(one.document.path.clone())]);

    let two = made("a/b/offer.txt", TWO);
    let seen = site.placed(&two, Some(&seen));
    assert_eq!(site.text("a/b/offer.txt").as_deref(), Some(TWO));
    let to = DocumentPath::new("c/d.txt").unwrap();
    let renamed = site.library.rename(&site.world, &two.document.path, &to, Some(&seen)).unwrap();
    let Renamed::Done(Some(seen)) = renamed else { panic!("{renamed:?}") };
    assert!(!site.folder.path().join("a").exists(), "empty folders go");
    assert_eq!(site.scan(&BTreeMap::from([(to.clone(), seen)])), [Finding::Same(to.clone())]);
    assert_eq!(site.library.remove(&site.world, &to, &seen).unwrap(), Removed::Done);
    assert_eq!(fs::read_dir(site.folder.path()).unwrap().count(), 1);
    assert!(site.is_tidy());
}

#[test]
fn an_empty_document_and_one_that_is_placed_again() {
    let site = Site::new();
    let empty = made("empty", "");
    let seen = site.placed(&empty, None);
    assert_eq!(site.text("empty").as_deref(), Some(""));
    // A run that died before it could write down what it did does it again: standing is still the old one, or none.
    assert_eq!(site.placed(&empty, None), seen);
    assert_eq!(site.placed(&empty, Some(&seen)), seen);
    assert_eq!(site.library.remove(&site.world, &empty.document.path, &seen).unwrap(), Removed::Done);
    assert_eq!(site.library.remove(&site.world, &empty.document.path, &seen).unwrap(), Removed::Done);
    // Somebody removed what was seen: an update brings it back.
    assert_eq!(site.placed(&made("empty", "no longer"), Some(&seen)).bytes, 9);
}

#[cfg(unix)]
#[test]
fn the_executable_bit_travels_and_other_rights_stay() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let mode = || fs::metadata(site.folder.path().join("run")).unwrap().permissions().mode() & 0o777;
    let mut one = made("run", ONE);
    one.document.executable = true;
    let seen = site.placed(&one, None);
    assert!(seen.executable && mode() & 0o100 != 0);
    let mut two = made("run", TWO);
    fs::set_permissions(site.folder.path().join("run"), std::fs::Permissions::from_mode(0o750)).unwrap();
    let seen = site.placed(&two, Some(&seen));
    assert_eq!((seen.executable, mode()), (false, 0o640));
    (two.document.executable, two.document.modified) = (true, Millis(5000));
    let dressed = site.library.dress(&site.world, &two.document, &seen).unwrap();
    let Placed::Done(seen) = dressed else { panic!("{dressed:?}") };
    assert_eq!((seen.executable, mode(), seen.modified_ns), (true, 0o750, 5_000_000_000));
    assert_eq!(site.scan(&BTreeMap::from([(two.document.path.clone(), seen)])), [Finding::Same(two.document.path)]);
}

#[test]
fn what_was_edited_since_is_left_alone() {
    let site = Site::new();
    let (one, two) = (made("offer", ONE), made("offer", TWO));
    let seen = site.placed(&one, None);
    for (edit, standing) in [("edited", Some(&seen)), ("made here", None), (&ONE.to_uppercase(), Some(&seen))] {
        site.edit("offer", edit);
        assert_eq!(site.place(&two, standing).unwrap(), Placed::Edited);
        assert_eq!(site.text("offer").as_deref(), Some(edit));
        if let Some(standing) = standing {
            assert_eq!(site.library.remove(&site.world, &one.document.path, standing).unwrap(), Removed::Edited);
            let to = DocumentPath::new("elsewhere").unwrap();
            assert_eq!(site.library.rename(&site.world, &one.document.path, &to, Some(standing)).unwrap(), Renamed::Edited);
            assert_eq!(site.library.dress(&site.world, &one.document, standing).unwrap(), Placed::Edited);
        }
        assert_eq!(site.text("offer").as_deref(), Some(edit));
    }
    // Saved again with the same bytes it is not edited.
    site.edit("offer", ONE);
    site.placed(&two, Some(&seen));
    // The same edit was made here: nothing to do but the time.
    site.edit("offer", ONE);
    let seen = site.placed(&one, None);
    assert_eq!(seen.modified_ns / 1_000_000, one.document.modified.0);
    // Set aside under a copy's name, whatever it is.
    site.edit("offer", "edited");
    let copy = DocumentPath::new("offer (south 2026-11-28)").unwrap();
    assert_eq!(site.library.rename(&site.world, &one.document.path, &copy, None).unwrap(), Renamed::Done(None));
    assert_eq!(site.text(copy.as_str()).as_deref(), Some("edited"));
    assert_eq!(site.library.rename(&site.world, &one.document.path, &copy, None).unwrap(), Renamed::Absent);
    site.placed(&one, Some(&seen));
    let taken = site.library.rename(&site.world, &one.document.path, &copy, None).unwrap();
    assert_eq!(taken, Renamed::Blocked(Refusal::Taken));
    assert_eq!(site.text(copy.as_str()).as_deref(), Some("edited"));
    assert!(site.is_tidy());
}

#[test]
fn a_folder_or_a_file_in_the_way_is_told_and_left() {
    let site = Site::new();
    let (inside, outside) = (made("a/b", ONE), made("a", ONE));
    let seen = site.placed(&inside, None);
    assert_eq!(site.place(&outside, None).unwrap(), Placed::Blocked(Refusal::Folder));
    assert_eq!(site.library.remove(&site.world, &outside.document.path, &seen).unwrap(), Removed::Blocked(Refusal::Folder));
    site.library.remove(&site.world, &inside.document.path, &seen).unwrap();
    site.placed(&outside, None);
    assert_eq!(site.place(&inside, None).unwrap(), Placed::Blocked(Refusal::NotAFolder("a".into())));
    assert_eq!(site.text("a").as_deref(), Some(ONE));
    // One with nothing in it is nothing.
    std::fs::create_dir(site.library.folder().join("c")).unwrap();
    site.placed(&made("c", ONE), None);
    assert_eq!(site.text("c").as_deref(), Some(ONE));
    assert!(site.is_tidy());
}

#[cfg(unix)]
#[test]
fn links_at_the_name_or_on_the_way_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let site = Site::new();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, ONE).unwrap();
    let root = site.folder.path();
    symlink(outside.path(), root.join("folder")).unwrap();
    symlink(&secret, root.join("file")).unwrap();
    symlink(outside.path().join("not there"), root.join("dangling")).unwrap();
    let at_home = site.placed(&made("seen", ONE), None);
    for path in ["folder/secret", "folder/new/new", "file", "dangling"] {
        let made = made(path, TWO);
        let blocked = Refusal::Link;
        assert_eq!(site.place(&made, None).unwrap(), Placed::Blocked(blocked.clone()), "{path}");
        assert_eq!(site.place(&made, Some(&at_home)).unwrap(), Placed::Blocked(blocked.clone()), "{path}");
        assert_eq!(site.library.dress(&site.world, &Document { content: at_home.content, ..made.document.clone() }, &at_home).unwrap(), {
            Placed::Blocked(blocked.clone())
        });
        assert_eq!(site.library.remove(&site.world, &made.document.path, &at_home).unwrap(), Removed::Blocked(blocked.clone()), "{path}");
        let to = DocumentPath::new("stolen").unwrap();
        assert_eq!(site.library.rename(&site.world, &made.document.path, &to, None).unwrap(), Renamed::Blocked(blocked.clone()), "{path}");
        let from = DocumentPath::new("seen").unwrap();
        let renamed = site.library.rename(&site.world, &from, &made.document.path, Some(&at_home)).unwrap();
        assert!(matches!(renamed, Renamed::Blocked(Refusal::Link | Refusal::Taken)), "{path}: {renamed:?}");
        let read = site.library.read_chunk(&made.document.path, 0, 5, ChunkId::of(&ONE.as_bytes()[..5]));
        assert!(matches!(read, Err(LibraryError::Changed(_))), "{path}");
        assert!(site.library.read(&site.world, &made.document.path, None).unwrap().is_none(), "{path}");
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), ONE);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert!(!root.join("stolen").exists());
}

#[test]
fn chunks_that_are_missing_or_make_something_else_place_nothing() {
    let site = Site::new();
    let one = made("offer", ONE);
    let seen = site.placed(&one, None);
    let mut two = made("offer", TWO);
    let missing = two.recipe.chunks[2].0;
    let removed = two.chunks.remove(&missing).unwrap();
    assert!(matches!(site.place(&two, Some(&seen)), Err(LibraryError::ChunkMissing { chunk, .. }) if chunk == missing));
    two.chunks.insert(missing, b"short".to_vec());
    assert!(matches!(site.place(&two, Some(&seen)), Err(LibraryError::Content(_))));
    two.chunks.insert(missing, removed.to_ascii_uppercase());
    assert!(matches!(site.place(&two, Some(&seen)), Err(LibraryError::Content(_))));
    two.chunks.insert(missing, removed);
    two.document.bytes += 1;
    assert!(matches!(site.place(&two, Some(&seen)), Err(LibraryError::Content(_))));
    assert_eq!(site.text("offer").as_deref(), Some(ONE));
    assert!(site.is_tidy());
}

#[test]
fn a_document_larger_than_the_disk_is_not_begun() {
    let site = Site::new();
    let Some(free) = site.library.free_bytes() else { return };
    let mut large = made("film", ONE);
    let chunk = large.recipe.chunks[0].0;
    large.recipe.chunks = vec![(chunk, u32::MAX); usize::try_from(free / u64::from(u32::MAX)).unwrap() + 2];
    large.document.bytes = large.recipe.bytes();
    let mut asked = |_: &ChunkId| panic!("no chunk is asked for");
    let placed = site.library.place(&site.world, &large.document, &large.recipe, &mut asked, None);
    assert!(matches!(placed, Err(LibraryError::Full { .. })), "{placed:?}");
    assert!(placed.unwrap_err().retry_helps());
    assert!(site.is_tidy());
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let one = made("a/offer", ONE);
    let seen = site.placed(&one, None);
    let folder = site.folder.path().join("a");
    fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    let writable = fs::write(folder.join("probe"), b"").is_ok();
    let placed = site.place(&made("a/offer", TWO), Some(&seen));
    let removed = site.library.remove(&site.world, &one.document.path, &seen);
    fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    if writable {
        return; // Who may do everything is not hindered by rights.
    }
    assert!(matches!(placed, Err(LibraryError::Io(_))), "{placed:?}");
    assert!(matches!(removed, Err(LibraryError::Io(_))), "{removed:?}");
    assert_eq!(site.text("a/offer").as_deref(), Some(ONE));
    Library::open(site.folder.path()).unwrap();
    assert!(site.is_tidy());
}

/// Kills before step 1, 2, 3 … until a run is clean; after each kill the file is the old or the new one, and another run completes the work.
fn sweep(doing: impl Fn(&Site, &Seen) -> Result<(), LibraryError>, states: &[&[(&str, Option<&str>)]]) {
    for step in 1.. {
        let site = Site::new();
        let seen = site.placed(&made("a/offer", ONE), None);
        site.world.faults().kill_before(Some(step));
        let done = doing(&site, &seen);
        site.world.faults().kill_before(None);
        let is = |state: &&[(&str, Option<&str>)]| state.iter().all(|(path, text)| site.text(path).as_deref() == *text);
        assert!(states.iter().any(is), "step {step}");
        Library::open(site.folder.path()).unwrap();
        assert!(site.is_tidy(), "step {step}");
        assert!(states.iter().any(is), "step {step}: tidying changed something");
        doing(&site, &seen).unwrap();
        assert!(is(states.last().unwrap()), "step {step}");
        match done {
            Ok(()) => {
                assert!(step > 1, "there is a step to kill before");
                return;
            }
            Err(LibraryError::Crash(_)) => {}
            Err(other) => panic!("step {step}: {other}"),
        }
    }
}

#[test]
fn a_kill_anywhere_leaves_the_old_document_or_the_new_one() {
    let is = |placed: Placed| assert!(matches!(placed, Placed::Done(_)), "{placed:?}");
    let (old, new) = (&[("a/offer", Some(ONE))][..], &[("a/offer", Some(TWO))][..]);
    sweep(|site, seen| site.place(&made("a/offer", TWO), Some(seen)).map(is), &[old, new]);
    sweep(|site, _| site.place(&made("b/c/new", TWO), None).map(is), &[&[("b/c/new", None)], &[("b/c/new", Some(TWO))]]);
    let offer = DocumentPath::new("a/offer").unwrap();
    sweep(|site, seen| site.library.remove(&site.world, &offer, seen).map(drop), &[old, &[("a/offer", None)]]);
    let to = DocumentPath::new("b/moved").unwrap();
    let moved = [("a/offer", None), ("b/moved", Some(ONE))];
    sweep(|site, seen| site.library.rename(&site.world, &offer, &to, Some(seen)).map(drop), &[old, &moved]);
    let mut dressed = made("a/offer", ONE).document;
    dressed.modified = Millis(77_000);
    sweep(|site, seen| site.library.dress(&site.world, &dressed, seen).map(drop), &[old]);
}

/// What a kill leaves between the exchange and the second look: nothing is deleted but what is known.
#[test]
fn what_lies_half_exchanged_is_cleared_away_and_an_edit_among_it_is_not() {
    let site = Site::new();
    let hidden = site.folder.path().join(".fieldpost-library");
    let (one, two) = (ContentId::of(ONE.as_bytes()), ContentId::of(TWO.as_bytes()));
    let swap = hidden.join(format!("{one}-{two}.swap"));
    for known in [ONE, TWO] {
        fs::write(&swap, known).unwrap();
        Library::open(site.folder.path()).unwrap();
        assert!(site.is_tidy());
    }
    fs::write(&swap, "an edit").unwrap();
    fs::write(hidden.join("0123.part"), "half a docu").unwrap();
    Library::open(site.folder.path()).unwrap();
    assert!(site.is_tidy());
    let findings = site.scan(&BTreeMap::new());
    let [Finding::New(Found { document, .. })] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(document.content, ContentId::of(b"an edit"));
    assert!(document.path.as_str().starts_with("recovered "));
    // Once more, where the name is taken.
    fs::write(site.folder.path().join(document.path.as_str()), "made of it").unwrap();
    fs::write(&swap, "an edit").unwrap();
    Library::open(site.folder.path()).unwrap();
    assert!(site.is_tidy());
    assert_eq!(site.text(document.path.as_str()).as_deref(), Some("made of it"));
    assert_eq!(site.text(&format!("{} 2", document.path)).as_deref(), Some("an edit"));
}

/// With the time of the document it would look as it was placed, and nobody would read it again.
#[test]
fn a_file_that_is_written_to_before_it_gets_its_time_keeps_its_own() {
    let site = Site::new();
    let seen = site.placed(&made("offer", ONE), None);
    let mut dressed = made("offer", ONE).document;
    dressed.modified = Millis(77_000);
    let folder = site.library.root().unwrap();
    let before = folder.look("offer".as_ref()).unwrap().unwrap();
    let edit = ONE.to_uppercase();
    assert_ne!(edit, ONE);
    site.edit("offer", &edit);
    let written = folder.look("offer".as_ref()).unwrap();
    let placed = super::place::dress(&site.world, &folder, &dressed, seen.cut, &before).unwrap();
    assert_eq!((placed, folder.look("offer".as_ref()).unwrap()), (Placed::Edited, written));
}

/// The last look at the old file is after it came out of its place: what happens before, also in that very moment, is seen.
#[test]
fn an_edit_in_the_moment_of_placing_is_not_lost() {
    let site = Site::new();
    let seen = site.placed(&made("offer", ONE), None);
    for (path, standing) in [("offer", Some(&seen)), ("made here", None)] {
        let two = made(path, TWO);
        let mut chunk = |id: &ChunkId| {
            // The application saves while the document is put together.
            site.edit(path, "edited in the last moment");
            two.chunks.get(id).cloned()
        };
        let placed = site.library.place(&site.world, &two.document, &two.recipe, &mut chunk, standing).unwrap();
        assert_eq!(placed, Placed::Edited);
        assert_eq!(site.text(path).as_deref(), Some("edited in the last moment"));
        assert!(site.is_tidy());
    }
    // And of removing.
    let folder = Inside::root(site.folder.path()).unwrap();
    let hidden = folder.enter(".fieldpost-library".as_ref()).unwrap();
    let name = std::ffi::OsStr::new("offer");
    let look = folder.look(name).unwrap().unwrap();
    let before = Look { modified_ns: look.modified_ns - 1, ..look };
    assert!(!take_out(&hidden, &folder, name, &before, &seen.content).unwrap());
    assert_eq!(site.text("offer").as_deref(), Some("edited in the last moment"));
    assert!(take_out(&hidden, &folder, name, &look, &seen.content).unwrap());
    assert_eq!(site.text("offer"), None);
    assert!(site.is_tidy());
}

#[test]
fn a_chunk_is_read_only_where_it_still_is_one() {
    let site = Site::new();
    let one = made("offer", ONE);
    site.placed(&one, None);
    let path = &one.document.path;
    for (id, offset, length) in one.recipe.places() {
        assert_eq!(site.library.read_chunk(path, offset, length, id).unwrap(), one.chunks[&id]);
        assert!(matches!(site.library.read_chunk(path, offset + 1, length, id), Err(LibraryError::Changed(_))));
        assert!(matches!(site.library.read_chunk(path, 1 << 40, length, id), Err(LibraryError::Changed(_))));
    }
    let absent = DocumentPath::new("x/y").unwrap();
    assert!(matches!(site.library.read_chunk(&absent, 0, 1, one.recipe.chunks[0].0), Err(LibraryError::Changed(_))));
}
