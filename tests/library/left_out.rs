//! What a site leaves out, by pattern or by size: clearing it away at that site says nothing to anybody, and nobody gives the last copy away.

use std::path::Path;

use fieldpost::site::Role;
use fieldpost::sync::documents::place::coming;
use fieldpost::sync::roster::regroup;

use crate::folders::{SITES, library, noise};
use crate::support::Tree;

/// Films and notes, known at all sites.
fn with_films() -> Tree {
    let tree = library("");
    for number in 0..4 {
        tree.write("head", &format!("note {number}"), format!("note {number}"));
    }
    for number in 0..2 {
        tree.write("head", &format!("films/{number}.mp4"), noise(50_000, number + 7));
    }
    tree.settle(&SITES);
    tree
}

fn names(tree: &Tree, site: &str) -> Vec<String> {
    tree.folder(site).into_keys().collect()
}

/// Every site has all of them.
fn assert_all(tree: &Tree) {
    SITES.iter().for_each(|site| assert_eq!(names(tree, site), ALL, "at {site}"));
}

const ALL: [&str; 6] = ["films/0.mp4", "films/1.mp4", "note 0", "note 1", "note 2", "note 3"];

#[test]
fn what_is_left_out_and_cleared_away_comes_back_once_it_is_wanted_again() {
    let tree = with_films();
    tree.set_library("anna", |library| library.choice.exclude = vec!["films/**".into()]);
    tree.settle(&SITES);
    tree.delete("anna", "films/0.mp4");
    tree.delete("anna", "films/1.mp4");
    tree.settle(&SITES);
    tree.set_library("anna", |library| library.choice.exclude.clear());
    assert_eq!(tree.sync("anna").documents.deleted, 0);
    tree.settle(&SITES);
    assert_all(&tree);
}

#[test]
fn what_is_too_large_and_cleared_away_is_deleted_nowhere_else() {
    let tree = with_films();
    tree.set_library("anna", |library| library.choice.largest = Some(10_000));
    tree.settle(&SITES);
    tree.delete("anna", "films/0.mp4");
    assert_eq!(tree.sync("anna").documents.deleted, 0);
    tree.settle(&SITES);
    assert_eq!(names(&tree, "head"), ALL);
    // It is not wanted again before it is small enough.
    assert_eq!(names(&tree, "anna"), &ALL[1..]);
    tree.set_library("anna", |library| library.choice.largest = None);
    tree.settle(&SITES);
    tree.settle(&SITES);
    assert_eq!(names(&tree, "anna"), ALL);
}

#[test]
fn what_the_rules_leave_out_and_a_site_clears_away_comes_back_when_they_want_it() {
    let tree = with_films();
    let rules =
        |text: &str| std::fs::write(tree.home("head").join("rules.toml"), format!("{text}\n[clocks]\nfuture = \"36500d\"\n")).unwrap();
    rules("[library]\nexclude = ['films']\n");
    tree.settle(&SITES);
    std::fs::remove_dir_all(tree.document("anna", "films")).unwrap();
    tree.settle(&SITES);
    rules("");
    tree.settle(&SITES);
    tree.settle(&SITES);
    assert_all(&tree);
}

#[test]
fn a_file_that_is_left_alone_stays_when_the_document_is_deleted_elsewhere() {
    let tree = with_films();
    tree.set_library("anna", |library| library.choice.exclude = vec!["films/**".into()]);
    tree.settle(&SITES);
    tree.delete("head", "films/0.mp4");
    tree.settle(&SITES);
    assert_eq!(names(&tree, "north"), &ALL[1..]);
    assert_eq!(names(&tree, "anna"), ALL, "it is neither looked at nor placed there");
    tree.set_library("anna", |library| library.choice.exclude.clear());
    tree.settle(&SITES);
    assert_eq!((names(&tree, "anna"), names(&tree, "head")), (names(&tree, "north"), names(&tree, "north")));
}

#[test]
fn what_was_cleared_away_is_not_at_hand_for_a_copy_of_it() {
    let tree = with_films();
    tree.set_library("anna", |library| library.choice.exclude = vec!["films/**".into()]);
    tree.settle(&SITES);
    tree.delete("anna", "films/0.mp4");
    tree.delete("anna", "films/1.mp4");
    tree.settle(&SITES);
    tree.rename("head", "films/0.mp4", "shown/0.mp4");
    tree.write("head", "shown/1.mp4", noise(50_000, 8));
    for _ in 0..3 {
        tree.tick(3_700_000);
        tree.settle(&SITES);
    }
    assert_eq!(coming(&tree.session("anna")).unwrap(), []);
    assert_eq!(tree.folder("anna")["shown/0.mp4"], noise(50_000, 7));
    assert_eq!(tree.folder("anna")["shown/1.mp4"], noise(50_000, 8));
}

#[test]
fn nobody_who_passes_documents_on_gives_one_away_because_of_its_name() {
    let tree = with_films();
    for site in ["head", "north"] {
        tree.set_library(site, |library| library.choice.exclude = vec!["private/**".into()]);
    }
    tree.settle(&SITES);
    tree.rename("anna", "note 1", "private/1");
    tree.settle(&["anna", "north", "head"]);
    assert!(!names(&tree, "head").contains(&"note 1".to_owned()));
    // Who joins gets it, although anna's computer is away for good.
    tree.add("north", "bert", Role::Remote);
    tree.settle(&["bert", "north", "head"]);
    assert_eq!(tree.read("bert", "private/1"), "note 1");
    for site in ["head", "north"] {
        tree.set_library(site, |library| library.choice.exclude.clear());
    }
    tree.settle(&["head", "north"]);
    assert_eq!(tree.read("head", "private/1"), "note 1");
    assert_eq!(tree.read("north", "private/1"), "note 1");
}

#[test]
fn a_folder_whose_case_changes_while_something_new_comes_into_it_loses_nothing() {
    let tree = with_films();
    let (from, to) = (tree.document("anna", "films"), tree.document("anna", "Films"));
    std::fs::rename(from, to).unwrap();
    tree.write("head", "films/new.mp4", "new");
    for site in ["anna", "head", "north", "head", "anna"] {
        tree.sync(site);
    }
    tree.settle(&SITES);
    tree.add("north", "carl", Role::Remote);
    tree.settle(&["carl", "north", "head"]);
    // Of names that are one on some systems one is placed; whichever it is, each content can be had.
    let listed = tree.rows("head", "SELECT path, hex(content) FROM _fieldpost_library WHERE path LIKE '%.mp4'");
    assert_eq!(listed.len(), 3, "{listed:?}");
    for film in [noise(50_000, 7), noise(50_000, 8), b"new".to_vec()] {
        let kept = tree.session("head").whereabouts(&fieldpost::library::ContentId::of(&film).0).unwrap();
        assert!(
            !matches!(kept, fieldpost::sync::documents::lost::Whereabouts::Nowhere | fieldpost::sync::documents::lost::Whereabouts::At(_)),
            "{kept:?}"
        );
    }
    assert_eq!(coming(&tree.session("carl")).unwrap(), [], "{:?}", names(&tree, "carl"));
}

#[test]
fn a_folder_whose_case_changes_while_another_site_edits_in_it_is_one_folder_at_every_site() {
    for rename in ["anna", "head"] {
        let edit = if rename == "anna" { "head" } else { "anna" };
        let tree = with_films();
        let (from, to) = (tree.document(rename, "films"), tree.document(rename, "Films"));
        std::fs::rename(from, to).unwrap();
        tree.write(edit, "films/0.mp4", "edited");
        for site in ["anna", "head", "north", "head", "anna"] {
            tree.sync(site);
        }
        (0..3).for_each(|_| tree.settle(&SITES));
        for site in SITES {
            let folder = tree.folder(site);
            assert!(folder.values().any(|content| content == b"edited"), "at {site}: {:?}", folder.keys());
            for number in 0..2 {
                assert!(folder.values().any(|content| *content == noise(50_000, number + 7)), "{number} at {site}: {:?}", folder.keys());
            }
            let folders: std::collections::BTreeSet<&str> =
                folder.keys().filter_map(|path| path.split_once('/')).map(|(folder, _)| folder).collect();
            assert_eq!((folder.len(), folders.len()), (7, 1), "at {site}: {:?}", folder.keys());
            assert_eq!(tree.session(site).ledger.document_troubles().unwrap().len(), 0, "at {site}");
        }
        tree.assert_same(&SITES);
    }
}

#[test]
fn a_question_that_an_office_left_unanswered_keeps_no_document_from_the_sites_below() {
    let tree = library("");
    for number in 0..20 {
        tree.write("head", &format!("docs/{number}"), format!("document {number}"));
    }
    tree.settle(&["head", "north"]);
    std::fs::remove_dir_all(tree.document("north", "docs")).unwrap();
    std::fs::create_dir_all(tree.document("north", "")).unwrap();
    assert!(tree.sync("north").waiting.iter().any(|waiting| waiting.why.contains("20 of 20")));
    tree.add("north", "bert", Role::Remote);
    for _ in 0..4 {
        tree.tick(3_700_000);
        for site in ["bert", "north", "head", "north", "bert"] {
            tree.sync(site);
        }
    }
    assert_eq!(names(&tree, "bert").len(), 20);
    assert!(!Path::new(&tree.document("north", "docs")).exists(), "the question stands");
}

#[test]
fn an_older_version_that_stays_because_the_newer_one_is_too_large_is_listed() {
    let tree = with_films();
    tree.set_library("anna", |library| library.choice.largest = Some(60_000));
    tree.settle(&SITES);
    tree.write("head", "films/0.mp4", noise(70_000, 9));
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["films/0.mp4"], noise(50_000, 7));
    let troubles = tree.session("anna").ledger.document_troubles().unwrap();
    assert!(troubles["films/0.mp4"].contains("an older version"), "{troubles:?}");
}

#[test]
fn a_copy_is_taken_where_its_original_is() {
    let tree = library("");
    tree.set_library("anna", |library| library.choice.include = vec!["plan.txt".into()]);
    tree.write("head", "plan.txt", "first");
    tree.settle(&SITES);
    tree.write("head", "plan.txt", "of head");
    tree.write("anna", "plan.txt", "of anna");
    tree.settle(&["anna", "north", "head"]);
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("plan.txt", "of head"), ("plan (anna 2023-11-14).txt", "of anna")]);
}

#[test]
fn what_is_too_large_for_a_group_is_listed_where_an_older_version_is() {
    let tree = library("[library.groups.sales]\ninclude = ['sales']\nlargest = '1 kB'\n[library.groups.films]\ninclude = ['*.mp4']\n");
    tree.add_in("north", "sally", &["sales", "films"]);
    let all = ["head", "north", "anna", "sally"];
    ["sally", "north", "head"].iter().for_each(|site| drop(tree.sync(site)));
    tree.settle(&all);
    for path in ["sales/a", "sales/b.mp4", "other"] {
        tree.write("head", path, "first");
    }
    tree.settle(&all);
    assert_eq!(names(&tree, "sally"), ["sales/a", "sales/b.mp4"]);
    for path in ["sales/a", "sales/b.mp4", "sales/new"] {
        tree.write("head", path, noise(1_001, 3));
    }
    // What she makes herself is hers, whatever its size.
    tree.write("sally", "sales/hers", noise(1_001, 4));
    tree.settle(&all);
    let session = tree.session("sally");
    assert_eq!((tree.read("sally", "sales/a"), names(&tree, "sally").len()), ("first".into(), 3));
    assert_eq!(tree.folder("sally")["sales/b.mp4"], noise(1_001, 3), "another group of hers gets it");
    let troubles = session.ledger.document_troubles().unwrap();
    assert!(troubles.len() == 1 && troubles["sales/a"].contains("an older version"), "{troubles:?}");
    assert_eq!((coming(&session).unwrap(), session.ledger.missing().unwrap().len()), (vec![], 0), "nobody waits for it");
    assert_eq!(names(&tree, "north"), names(&tree, "head"));
    // Her edit of the older version is no newer version of what is too large.
    tree.write("sally", "sales/a", "by sally");
    tree.settle(&all);
    for site in ["head", "sally"] {
        let folder = tree.folder(site);
        let copy = folder.iter().find(|(path, _)| path.starts_with("sales/a (sally"));
        assert_eq!(copy.map(|(_, content)| &content[..]), Some(&b"by sally"[..]), "at {site}");
    }
    assert_eq!(tree.folder("head")["sales/a"], noise(1_001, 3));
    // Nor is it what the main office waits for an hour.
    let copy = names(&tree, "sally").into_iter().find(|name| name.starts_with("sales/a (sally")).unwrap();
    tree.delete("sally", &copy);
    tree.write("sally", "sales/moved", "first");
    tree.settle(&all);
    assert_eq!(tree.read("head", "sales/moved"), "first");
    tree.write("head", "sales/a", "small again");
    tree.delete("head", "sales/hers");
    tree.settle(&all);
    assert_eq!(tree.read("sally", "sales/a"), "small again");
    assert!(!names(&tree, "sally").contains(&"sales/hers".to_owned()));
    assert_eq!(tree.session("sally").ledger.document_troubles().unwrap().len(), 0);
}

#[test]
fn what_a_site_gets_no_more_by_its_groups_can_be_cleared_away_there() {
    let tree = library("[library.groups.sales]\ninclude = ['sales']\n[library.groups.tech]\ninclude = ['tech']\nlargest = '1 kB'\n");
    tree.add_in("north", "sally", &[]);
    let all = ["head", "north", "anna", "sally"];
    ["sally", "north", "head"].iter().for_each(|site| drop(tree.sync(site)));
    tree.settle(&all);
    for path in ["sales/a", "sales/b", "tech/a", "other/a", "other/b"] {
        tree.write("head", path, path);
    }
    tree.write("head", "tech/large", noise(1_001, 3));
    tree.write("sally", "other/hers", "hers");
    tree.settle(&all);
    assert_eq!(names(&tree, "sally").len(), 7);
    let group = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let sally = crate::support::name("sally");
    regroup(&tree.session("north"), &sally, &group(&["tech"]), &group(&[])).unwrap();
    tree.settle(&all);
    for path in ["sales/a", "sales/b", "other/a", "tech/large"] {
        tree.delete("sally", path);
    }
    let report = tree.sync("sally");
    assert_eq!((report.documents.deleted, report.waiting.len(), report.documents.coming), (0, 0, 0));
    tree.settle(&all);
    let at_head = ["other/a", "other/b", "other/hers", "sales/a", "sales/b", "tech/a", "tech/large"];
    assert_eq!((names(&tree, "head"), names(&tree, "anna")), (at_head.map(str::to_owned).to_vec(), at_head.map(str::to_owned).to_vec()));
    assert_eq!((names(&tree, "sally").len(), coming(&tree.session("sally")).unwrap()), (3, vec![]));
    // What is for its groups, and what it made itself, it deletes everywhere.
    tree.delete("sally", "tech/a");
    tree.delete("sally", "other/hers");
    tree.settle(&all);
    assert_eq!(names(&tree, "head"), ["other/a", "other/b", "sales/a", "sales/b", "tech/large"]);
    regroup(&tree.session("north"), &sally, &group(&["sales"]), &group(&["tech"])).unwrap();
    (0..2).for_each(|_| tree.settle(&all));
    assert_eq!(names(&tree, "sally"), ["other/b", "sales/a", "sales/b"]);
    regroup(&tree.session("north"), &sally, &group(&[]), &group(&["sales"])).unwrap();
    (0..2).for_each(|_| tree.settle(&all));
    assert_eq!(names(&tree, "sally"), names(&tree, "head"));
}

/// The films are left out and edited, and a link has the place of a note.
fn believed_to_be_here(tree: &Tree, site: &str) {
    tree.set_library(site, |library| library.choice.exclude = vec!["films/**".into()]);
    tree.settle(&SITES);
    (0..2).for_each(|number| tree.write(site, &format!("films/{number}.mp4"), "of my own"));
    tree.put_in_the_way(site, "note 1");
    tree.settle(&SITES);
}

#[test]
fn a_copy_of_what_is_only_believed_to_be_here_is_asked_for() {
    let tree = with_films();
    tree.write("head", "films/long.mp4", noise(1 << 20, 12));
    tree.settle(&SITES);
    believed_to_be_here(&tree, "anna");
    tree.write("anna", "films/long.mp4", "of my own");
    // A chunk in a round, and something is placed in each.
    tree.set_library("north", |library| library.budget = 1);
    tree.write("head", "copy of the film", noise(50_000, 7));
    tree.write("head", "copy of the note", "note 1");
    tree.write("head", "copy of the long one", noise(1 << 20, 12));
    for round in 0..40 {
        tree.write("head", "note 3", format!("{round}"));
        SITES.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.let_it_come();
    tree.settle(&SITES);
    assert_eq!(coming(&tree.session("anna")).unwrap(), []);
    let folder = tree.folder("anna");
    assert_eq!((&folder["copy of the note"][..], &folder["copy of the film"]), (&b"note 1"[..], &noise(50_000, 7)));
    assert_eq!(folder["copy of the long one"], noise(1 << 20, 12));
    assert_eq!(tree.read("anna", "films/0.mp4"), "of my own");
}

#[test]
fn an_office_passes_on_what_is_only_believed_to_be_in_its_folder() {
    let tree = with_films();
    believed_to_be_here(&tree, "north");
    tree.add("north", "bert", Role::Remote);
    for _ in 0..3 {
        tree.settle(&["bert", "north", "head"]);
    }
    assert_eq!(names(&tree, "bert"), ALL);
    assert_eq!(tree.folder("bert")["films/0.mp4"], noise(50_000, 7));
    assert_eq!(tree.read("north", "films/0.mp4"), "of my own");
}

/// Another content under a document, of a file that looks as it did when it was seen: a disk that forgets.
#[cfg(unix)]
fn rot(tree: &Tree, site: &str, path: &str) {
    use std::os::unix::fs::MetadataExt as _;
    let file = tree.document(site, path);
    let before = std::fs::read(&file).unwrap();
    std::fs::write(&file, noise(before.len(), 99)).unwrap();
    let is = std::fs::metadata(&file).unwrap();
    let content = fieldpost::library::ContentId::of(&before).0;
    let session = tree.session(site);
    let (_, look) = session.ledger.seen_with(&content).unwrap().remove(0);
    let mut look: serde_json::Value = serde_json::from_str(&look).unwrap();
    look["seen"]["modified_ns"] = (is.mtime() * 1_000_000_000 + is.mtime_nsec()).into();
    look["seen"]["changed_ns"] = (is.ctime() * 1_000_000_000 + is.ctime_nsec()).into();
    session.ledger.begin().unwrap();
    session.ledger.put_seen(path, &content, &look.to_string()).unwrap();
    session.ledger.commit(&tree.world(site), "test").unwrap();
}

#[cfg(unix)]
#[test]
fn what_a_disk_does_not_give_back_is_asked_for() {
    let tree = with_films();
    rot(&tree, "anna", "films/0.mp4");
    rot(&tree, "north", "films/1.mp4");
    tree.write("head", "copy", noise(50_000, 7));
    tree.add("north", "bert", Role::Remote);
    // Nobody is told again and again of what does not come.
    (0..3).for_each(|_| tree.settle(&["bert", "anna", "north", "head"]));
    for (site, path, seed) in [("anna", "copy", 7), ("bert", "copy", 7), ("bert", "films/1.mp4", 8)] {
        assert!(tree.folder(site).get(path) == Some(&noise(50_000, seed)), "{path} at {site}");
    }
}
