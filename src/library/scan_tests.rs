//! What a walk of the folder tells, and what it must not conclude.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fs_err as fs;

use super::{ContentId, DocumentPath, Finding, Library, LibraryError, Patterns, Seen, Totals};
use crate::model::Millis;
use crate::world::{Faults, SkewedClock, World};

/// A library with what was seen in it, and a clock.
struct Site {
    folder: tempfile::TempDir,
    library: Library,
    world: World,
    now: Arc<AtomicI64>,
    known: BTreeMap<DocumentPath, Seen>,
    patterns: Patterns,
}

/// When the files of these tests were modified, unless they say something else.
const LONG_AGO: i64 = 1_700_000_000_000;

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(LONG_AGO + 1_000_000));
        let clock = SkewedClock { base: now.clone(), skew: 0 };
        let world = World::simulated(Box::new(clock), 1, Faults::none());
        let library = Library::create(&world, folder.path()).unwrap();
        Self { folder, library, world, now, known: BTreeMap::new(), patterns: Patterns::default() }
    }

    fn write(&self, path: &str, content: &str) {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        self.modify(path, LONG_AGO);
    }

    fn modify(&self, path: &str, millis: i64) {
        let file = std::fs::File::options().append(true).open(self.folder.path().join(path)).unwrap();
        super::inside::set_modified(&file, Millis(millis)).unwrap();
    }

    fn try_scan(&self) -> Result<(Vec<Finding>, Totals), LibraryError> {
        let mut findings = Vec::new();
        let totals = self.library.scan(&self.world, &self.patterns, &self.known, &mut |finding| {
            findings.push(finding);
            Ok::<_, LibraryError>(())
        })?;
        Ok((findings, totals))
    }

    /// One word per finding, and what was seen is kept.
    fn scan(&mut self) -> Vec<String> {
        let (findings, _) = self.try_scan().unwrap();
        findings.into_iter().map(|finding| self.keep(finding)).collect()
    }

    fn keep(&mut self, finding: Finding) -> String {
        match finding {
            Finding::Same(path) => format!("same {path}"),
            Finding::Touched(path, seen) => {
                let word = format!("touched {path}");
                self.known.insert(path, seen);
                word
            }
            Finding::New(found) => {
                self.known.insert(found.document.path.clone(), found.seen);
                format!("new {}", found.document.path)
            }
            Finding::Changed(found) => {
                self.known.insert(found.document.path.clone(), found.seen);
                format!("changed {}", found.document.path)
            }
            Finding::Gone(path) => {
                self.known.remove(&path);
                format!("gone {path}")
            }
            Finding::Cleared(path) => {
                self.known.remove(&path);
                format!("cleared {path}")
            }
            Finding::Busy(path) => format!("busy {path}"),
            Finding::Refused { name, refusal } => format!("refused {name}: {refusal:?}"),
        }
    }
}

fn path(text: &str) -> DocumentPath {
    DocumentPath::new(text).unwrap()
}

#[test]
fn new_same_changed_moved_and_gone_in_the_order_of_the_paths() {
    let mut site = Site::new();
    for name in ["a.txt", "a/b", "a/c/d", "a-", "b"] {
        site.write(name, name);
    }
    assert_eq!(site.scan(), ["new a-", "new a.txt", "new a/b", "new a/c/d", "new b"]);
    assert_eq!(site.scan(), ["same a-", "same a.txt", "same a/b", "same a/c/d", "same b"]);
    site.write("a.txt", "longer than before");
    fs::rename(site.folder.path().join("a/c"), site.folder.path().join("c")).unwrap();
    fs::remove_file(site.folder.path().join("b")).unwrap();
    assert_eq!(site.scan(), ["same a-", "changed a.txt", "same a/b", "new c/d", "gone a/c/d", "gone b"]);
}

#[test]
fn a_document_is_told_with_its_content_time_rights_and_recipe() {
    let site = Site::new();
    site.write("a", "hello");
    site.modify("a", -1500);
    let (findings, totals) = site.try_scan().unwrap();
    let [Finding::New(found)] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((found.document.content, found.document.bytes, found.document.modified), (ContentId::of(b"hello"), 5, Millis(-1500)));
    assert_eq!((found.recipe.content, found.recipe.bytes(), found.seen.content), (ContentId::of(b"hello"), 5, ContentId::of(b"hello")));
    assert_eq!(totals, Totals { documents: 1, bytes: 5, read: 1, excluded: 0 });
    assert_eq!(site.library.read(&site.world, &path("a"), None).unwrap().as_ref(), Some(found));
    assert_eq!(site.library.read(&site.world, &path("b"), None).unwrap(), None);
}

#[test]
fn nothing_unchanged_is_read_twice() {
    let mut site = Site::new();
    site.write("a", "hello");
    site.scan();
    assert_eq!(site.try_scan().unwrap().1.read, 0);
    site.modify("a", LONG_AGO + 5000);
    let (findings, totals) = site.try_scan().unwrap();
    assert!(matches!(&findings[..], [Finding::Changed(found)] if found.document.modified == Millis(LONG_AGO + 5000)), "{findings:?}");
    assert_eq!(totals.read, 1);
}

#[cfg(unix)]
#[test]
fn rights_travel_and_what_only_looks_different_does_not() {
    use std::os::unix::fs::PermissionsExt;
    let mut site = Site::new();
    site.write("a", "hello");
    site.write("b", "hello");
    site.scan();
    let chmod = |name: &str, mode| fs::set_permissions(site.folder.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    chmod("a", 0o755);
    chmod("b", 0o600);
    assert_eq!(site.scan(), ["changed a", "touched b"]);
    assert!(site.known[&path("a")].executable && !site.known[&path("b")].executable);
    // Hard links are files like others.
    fs::hard_link(site.folder.path().join("a"), site.folder.path().join("c")).unwrap();
    assert_eq!(site.scan(), ["touched a", "same b", "new c"]);
    assert_eq!(site.scan(), ["same a", "same b", "same c"]);
}

/// Same length, same time, other bytes: only the time of the last change tells.
#[cfg(unix)]
#[test]
fn an_edit_that_hides_its_time_is_seen() {
    let mut site = Site::new();
    site.write("a", "hello");
    site.scan();
    std::thread::sleep(std::time::Duration::from_millis(20));
    site.write("a", "jello");
    assert_eq!(site.scan(), ["changed a"]);
}

#[test]
fn what_was_modified_a_moment_ago_is_left_for_the_next_round() {
    let mut site = Site::new();
    site.write("a", "one");
    site.write("b", "one");
    site.scan();
    site.write("a", "longer");
    site.modify("a", LONG_AGO + 1_000_000 - 1999);
    assert_eq!(site.scan(), ["busy a", "same b"]);
    site.now.fetch_add(1, Ordering::Relaxed);
    assert_eq!(site.scan(), ["changed a", "same b"]);
    // A date in the future is a date.
    site.modify("b", LONG_AGO + 2_000_000);
    assert_eq!(site.scan(), ["same a", "changed b"]);
    site.modify("b", LONG_AGO + 1_000_000);
    site.library = site.library.clone().with_settle_millis(0);
    assert_eq!(site.scan(), ["same a", "changed b"]);
}

/// What is written while it is read is not told as if it were whole.
#[test]
fn a_file_that_changes_while_it_is_read_is_busy() {
    let site = Site::new();
    site.write("a", "hello");
    let folder = super::inside::Inside::root(site.folder.path()).unwrap();
    let name = std::ffi::OsStr::new("a");
    let look = folder.look(name).unwrap().unwrap();
    let read = |look| super::scan::read(&site.world, &mut super::chunk::Cutter::default(), &folder, name, &path("a"), &look, None);
    assert!(read(look).unwrap().is_some());
    for other in [
        super::inside::Look { bytes: 6, ..look },
        super::inside::Look { modified_ns: look.modified_ns + 1, ..look },
        super::inside::Look { changed_ns: look.changed_ns - 1, ..look },
    ] {
        assert_eq!(read(other).unwrap(), None);
    }
}

#[test]
fn a_library_that_is_not_there_says_nothing_of_its_documents() {
    let mut site = Site::new();
    site.write("a", "hello");
    site.scan();
    let (here, away) = (site.folder.path().to_owned(), site.folder.path().with_extension("away"));
    // Unmounted.
    fs::rename(&here, &away).unwrap();
    assert!(matches!(site.try_scan(), Err(LibraryError::Missing(_))));
    assert!(matches!(Library::open(&here), Err(LibraryError::Missing(_))));
    // An empty mount point.
    fs::create_dir(&here).unwrap();
    assert!(matches!(site.try_scan(), Err(LibraryError::NoMarker(_))));
    assert!(matches!(Library::open(&here), Err(LibraryError::NoMarker(_))));
    // Another library in its place.
    let other = Library::create(&site.world, &here).unwrap();
    assert_ne!(other.id(), site.library.id());
    assert!(matches!(site.try_scan(), Err(LibraryError::NoMarker(_))));
    fs::remove_dir_all(&here).unwrap();
    // A file.
    fs::write(&here, b"").unwrap();
    assert!(matches!(site.try_scan(), Err(LibraryError::NotAFolder(_))));
    assert!(matches!(Library::create(&site.world, &here), Err(LibraryError::NotAFolder(_))));
    fs::remove_file(&here).unwrap();
    fs::rename(&away, &here).unwrap();
    assert_eq!(site.scan(), ["same a"]);
    assert_eq!(Library::create(&site.world, &here).unwrap().id(), site.library.id(), "marked twice is marked once");
}

/// Documents vanish, and then the whole library does, before the walk is over.
#[test]
fn a_library_that_goes_during_the_walk_says_nothing_of_its_documents() {
    let mut site = Site::new();
    for name in ["a", "b"] {
        site.write(name, name);
    }
    site.scan();
    fs::remove_file(site.folder.path().join("b")).unwrap();
    let marker = site.folder.path().join(".fieldpost-library/marker");
    let mut told = Vec::new();
    let scanned = site.library.scan(&site.world, &site.patterns, &site.known, &mut |finding| {
        fs::remove_file(&marker).unwrap();
        told.push(finding);
        Ok::<_, LibraryError>(())
    });
    assert!(matches!(scanned, Err(LibraryError::NoMarker(_))));
    assert_eq!(told, [Finding::Same(path("a"))]);
}

#[test]
fn a_marker_that_is_none_marks_nothing() {
    let site = Site::new();
    let hidden = site.folder.path().join(".fieldpost-library");
    for text in ["", "fieldpost library ", "fieldpost library 0123\n", "something else"] {
        fs::write(hidden.join("marker"), text).unwrap();
        assert!(matches!(Library::open(site.folder.path()), Err(LibraryError::NoMarker(_))), "{text:?}");
    }
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        Library::create(&site.world, elsewhere.path()).unwrap();
        fs::remove_dir_all(&hidden).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join(".fieldpost-library"), &hidden).unwrap();
        assert!(matches!(Library::open(site.folder.path()), Err(LibraryError::NoMarker(_))));
        assert!(Library::create(&site.world, site.folder.path()).is_err());
    }
}

#[test]
fn our_own_folder_is_no_document_and_one_elsewhere_is_refused() {
    let mut site = Site::new();
    site.write(".fieldpost-library/x", "ours");
    site.write("copy/.fieldpost-library/marker", "of another library");
    site.write("copy/a", "a");
    assert_eq!(site.scan(), ["refused copy/.fieldpost-library: Name(Ours(\".fieldpost-library\"))", "new copy/a"]);
}

#[test]
fn patterns_leave_alone_what_they_exclude() {
    let mut site = Site::new();
    for name in ["a.txt", "a.tmp", "drafts/b.txt", "large.txt"] {
        site.write(name, name);
    }
    site.scan();
    site.patterns = Patterns::new(&[], &["*.tmp".into(), "drafts".into()], Some(8)).unwrap();
    site.write("c.tmp", "c");
    assert_eq!(site.scan(), ["same a.txt", "refused large.txt: TooLarge { bytes: 9, largest: 8 }"]);
    assert_eq!(site.try_scan().unwrap().1.excluded, 3);
    // What is left out and gone was cleared away, and is told once.
    for name in ["a.tmp", "drafts/b.txt", "large.txt", "a.txt"] {
        fs::remove_file(site.folder.path().join(name)).unwrap();
    }
    assert_eq!(site.scan(), ["cleared a.tmp", "gone a.txt", "cleared drafts/b.txt", "cleared large.txt"]);
    assert_eq!(site.scan(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn bad_names_links_and_special_files_are_refused_with_their_reason() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::Refusal;
    use crate::model::NameFault;
    let mut site = Site::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), b"s").unwrap();
    for name in ["nul.txt", "a:b", "x./inside", "e\u{301}", "tab\there", "ok"] {
        site.write(name, name);
    }
    let root = site.folder.path().to_owned();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"bad\xff")), b"").unwrap();
    symlink(outside.path(), root.join("folder-link")).unwrap();
    symlink(outside.path().join("secret"), root.join("link")).unwrap();
    symlink(&root, root.join("circle")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let mut told = site.scan();
    told.sort();
    let name = |name: &str, fault: NameFault| format!("refused {name}: {:?}", Refusal::Name(fault));
    let mut expected = vec![
        "new ok".to_owned(),
        "refused circle: Link".into(),
        "refused folder-link: Link".into(),
        "refused link: Link".into(),
        "refused pipe: Special".into(),
        "refused socket: Special".into(),
        name("a:b", NameFault::Character(':')),
        name("bad\u{fffd}", NameFault::NotUnicode),
        name("e\u{301}", NameFault::NotComposed("é".into())),
        name("nul.txt", NameFault::Device("nul.txt".into())),
        name("tab\there", NameFault::Invisible('\t')),
        name("x.", NameFault::Ending("x.".into())),
    ];
    expected.sort();
    assert_eq!(told, expected);
}

/// Only where the file system tells them apart: elsewhere there is no collision.
#[cfg(target_os = "linux")]
#[test]
fn of_names_that_collide_the_known_one_stays() {
    let mut site = Site::new();
    site.write("docs/a", "a");
    site.write("offer.txt", "known");
    site.scan();
    site.write("Docs/b", "b");
    site.write("DOCS/c", "c");
    site.write("Offer.TXT", "new");
    let expected = [
        "refused DOCS: Collides(\"docs\")",
        "refused Docs: Collides(\"docs\")",
        "refused Offer.TXT: Collides(\"offer.txt\")",
        "same docs/a",
        "same offer.txt",
    ];
    assert_eq!(sorted(site.scan()), expected);
    // Both new: the first. A folder and a file as well.
    site.write("é", "composed");
    site.write("e\u{301}", "separate");
    site.write("X/inside", "x");
    site.write("x", "x");
    let told = site.scan();
    for one in ["new X/inside", "new é", "refused e\u{301}: Name(NotComposed(\"é\"))", "refused x: Collides(\"X\")"] {
        assert!(told.contains(&one.to_owned()), "{one}: {told:?}");
    }
    assert_eq!(site.known[&path("é")].content, ContentId::of(b"composed"));
    // Renamed to another case it is another document.
    fs::rename(site.folder.path().join("é"), site.folder.path().join("É")).unwrap();
    let told = site.scan();
    assert!(told.contains(&"new É".to_owned()) && told.contains(&"gone é".to_owned()), "{told:?}");
}

/// A document that is no longer told is not gone.
#[cfg(unix)]
#[test]
fn what_is_below_a_name_that_is_refused_or_unreadable_is_not_gone() {
    use std::os::unix::fs::PermissionsExt;
    let mut site = Site::new();
    for name in ["a/x", "a.", "a/y/z", "b", "c"] {
        site.write(name, name);
    }
    site.scan();
    let root = site.folder.path().to_owned();
    let moved = tempfile::tempdir().unwrap();
    fs::rename(root.join("a"), moved.path().join("a")).unwrap();
    std::os::unix::fs::symlink(moved.path().join("a"), root.join("a")).unwrap();
    fs::remove_file(root.join("b")).unwrap();
    std::os::unix::fs::symlink(moved.path(), root.join("b")).unwrap();
    fs::remove_file(root.join("c")).unwrap();
    let told = sorted(site.scan());
    assert_eq!(told, ["gone c", "refused a.: Name(Ending(\"a.\"))", "refused a: Link", "refused b: Link"]);
    fs::remove_file(root.join("a")).unwrap();
    fs::rename(moved.path().join("a"), root.join("a")).unwrap();
    fs::set_permissions(root.join("a/y"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let told = site.scan();
    fs::set_permissions(root.join("a/y"), std::fs::Permissions::from_mode(0o755)).unwrap();
    // Who may read everything is not hindered by rights.
    let hindered = told.iter().any(|word| word.starts_with("refused a/y: Unreadable"));
    assert!(hindered || told.contains(&"same a/y/z".to_owned()), "{told:?}");
    assert!(!told.contains(&"gone a/y/z".to_owned()) && told.contains(&"same a/x".to_owned()), "{told:?}");
}

#[test]
fn a_path_that_is_too_deep_or_long_is_refused_where_it_begins_to_be() {
    let mut site = Site::new();
    site.write(&format!("{}/x", vec!["d"; 66].join("/")), "deep");
    let long = vec!["l".repeat(200); 6].join("/");
    site.write(&long, "long");
    let told = site.scan();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("Name(Deep(65, 64))") && told[1].ends_with("Name(Long(1205, 1024))"), "{told:?}");
}

/// Longer than any buffer, and cut more coarsely than a letter.
#[test]
fn a_large_document_is_read_piece_by_piece() {
    let site = Site::new();
    let file = fs::File::create(site.folder.path().join("film")).unwrap();
    file.file().set_len(80 << 20).unwrap();
    drop(file);
    site.modify("film", LONG_AGO);
    let (findings, _) = site.try_scan().unwrap();
    let [Finding::New(found)] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((found.recipe.bytes(), found.recipe.cut.average()), (80 << 20, 32 << 10));
    // A stop that was asked for is heard within a document.
    site.world.faults().kill_before(Some(1));
    assert!(site.world.step("die").is_err());
    assert!(matches!(site.try_scan(), Err(LibraryError::Crash(_))));
}

#[cfg(unix)]
fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

#[test]
fn a_glance_reads_nothing_and_says_the_same_as_long_as_nothing_happens() {
    let mut site = Site::new();
    site.write("a", "one");
    site.write("b", "two");
    site.scan();
    let glance = |site: &Site| site.library.glance(&site.world, &site.patterns, &site.known).unwrap();
    assert_eq!(glance(&site), super::Glance::default());
    site.write("c", "new");
    site.write("b", "edited");
    fs::remove_file(site.folder.path().join("a")).unwrap();
    // What cannot be read looks different all the same.
    let differ = glance(&site).differ;
    let names: Vec<&str> = differ.iter().map(|what| what.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"], "{differ:?}");
    assert_eq!(glance(&site).differ, differ);
    site.write("c", "newer");
    assert!(!glance(&site).differ.is_subset(&differ));
    site.now.store(LONG_AGO + 500, Ordering::Relaxed);
    site.modify("c", LONG_AGO + 400);
    let glance = glance(&site);
    assert!(glance.busy && glance.differ.iter().all(|what| !what.starts_with('c')), "{glance:?}");
}

#[test]
fn a_glance_leaves_alone_what_another_run_puts_together() {
    let site = Site::new();
    let half = site.folder.path().join(super::HIDDEN).join("x.part");
    fs::write(&half, "half").unwrap();
    Library::look(site.folder.path()).unwrap();
    assert!(half.exists());
    Library::open(site.folder.path()).unwrap();
    assert!(!half.exists());
}
