//! A document that was touched, and holds what it did, was not edited: it wins against no edit, and no copy of it is kept.

use std::time::{Duration, SystemTime};

use crate::folders::{SITES, library};
use crate::support::Tree;

const RULES: &str = "[library]\nconflict = { '*.new' = 'newest', '*.up' = 'parent', '*.down' = 'child' }\n";
const PATHS: [&str; 4] = ["a.new", "a.up", "a.down", "a.both"];

fn touch(tree: &Tree, site: &str, path: &str) {
    tree.tick(10);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(tree.time.load(std::sync::atomic::Ordering::Relaxed).unsigned_abs());
    std::fs::File::options().write(true).open(tree.document(site, path)).unwrap().set_modified(modified).unwrap();
}

/// Makes it a program. Where systems have no such thing, nothing.
fn run(tree: &Tree, site: &str, path: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(tree.document(site, path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    #[cfg(not(unix))]
    drop((tree, site, path));
}

fn assert_runs(tree: &Tree, path: &str) {
    #[cfg(unix)]
    for site in SITES {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(tree.document(site, path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{path} at {site}");
    }
    #[cfg(not(unix))]
    drop((tree, path));
}

fn assert_edited(tree: &Tree, listed: usize) {
    tree.assert_documents(&SITES, &PATHS.map(|path| (path, "edited")));
    for site in SITES {
        assert_eq!(tree.listed(site).len(), listed, "at {site}: {:?}", tree.listed(site));
    }
}

#[test]
fn a_later_touch_wins_against_no_edit_and_is_kept_nowhere() {
    for (edits, touches) in [("head", "anna"), ("anna", "head"), ("north", "anna"), ("head", "north")] {
        let tree = library(RULES);
        PATHS.iter().for_each(|path| tree.write("head", path, "first"));
        tree.settle(&SITES);
        PATHS.iter().for_each(|path| tree.write(edits, path, "edited"));
        PATHS.iter().for_each(|path| touch(&tree, touches, path));
        tree.settle(&SITES);
        assert_edited(&tree, 0);
    }
}

#[test]
fn what_one_makes_a_program_and_another_edits_is_both() {
    for (edits, runs) in [("head", "anna"), ("anna", "head")] {
        let tree = library(RULES);
        PATHS.iter().for_each(|path| tree.write("head", path, "first"));
        tree.settle(&SITES);
        PATHS.iter().for_each(|path| run(&tree, runs, path));
        PATHS.iter().for_each(|path| tree.write(edits, path, "edited"));
        tree.settle(&SITES);
        assert_edited(&tree, 0);
        PATHS.iter().for_each(|path| assert_runs(&tree, path));
    }
}

#[test]
fn an_edit_that_wins_keeps_what_the_other_side_says_of_running_it() {
    let tree = library(RULES);
    tree.write("head", "a.new", "first");
    tree.settle(&SITES);
    tree.write("head", "a.new", "of head");
    run(&tree, "head", "a.new");
    tree.write("anna", "a.new", "of anna");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("a.new", "of anna")]);
    assert_runs(&tree, "a.new");
}

/// The next version is in the list, and its content has not come yet.
#[test]
fn a_document_that_is_touched_while_its_next_version_is_awaited_makes_room_for_it() {
    let tree = library("");
    tree.write("head", "a", "first");
    tree.settle(&SITES);
    let edit = tree.edit_on_its_way("a");
    touch(&tree, "anna", "a");
    run(&tree, "anna", "a");
    tree.sync("anna");
    tree.let_it_come();
    tree.settle(&SITES);
    for site in SITES {
        let folder = tree.folder(site);
        assert!(folder.len() == 1 && folder["a"] == edit, "at {site}: {:?}", folder.keys());
    }
    assert_runs(&tree, "a");
    assert!(tree.listed("anna").is_empty());
}
