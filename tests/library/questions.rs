//! A folder that is not what it was: what is a person asked before anything is deleted, and does the question stay until it is answered?

use fieldpost::library::Library;
use fieldpost::sync::documents::switch;
use fieldpost::sync::report::Report;

use crate::folders::{SITES, library};
use crate::support::{Tree, says};

/// A tree with so many documents.
fn with_documents(count: usize) -> Tree {
    let tree = library("");
    (0..count).for_each(|number| tree.write("head", &format!("proj/{number}"), format!("content {number}")));
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna").len(), count);
    tree
}

fn waits(report: &Report, words: &str) -> bool {
    report.waiting.iter().any(|waiting| waiting.what == "documents" && !waiting.retried && waiting.why.contains(words))
}

#[test]
fn another_library_in_the_place_of_ours_deletes_nothing_and_tells_nothing() {
    let tree = with_documents(3);
    let [place, away] = ["library", "away"].map(|name| tree.home("anna").join(name));
    std::fs::rename(&place, &away).unwrap();
    Library::create(&tree.world("anna"), &place).unwrap();
    tree.write("anna", "private.txt", "of another company");
    tree.write("anna", "proj/1", "of another company");
    tree.write("head", "proj/2", "edited");
    for _ in 0..2 {
        tree.sync("head");
        tree.sync("north");
        let report = tree.sync("anna");
        assert!(waits(&report, "is another library"), "{:?}", report.waiting);
        tree.sync("north");
    }
    assert_eq!(tree.folder("anna").len(), 2, "nothing is placed in it");
    assert_eq!(tree.folder("head").keys().collect::<Vec<_>>(), ["proj/0", "proj/1", "proj/2"]);
    // The one it was is put back.
    std::fs::rename(&place, tree.home("anna").join("another")).unwrap();
    std::fs::rename(&away, &place).unwrap();
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("proj/0", "content 0"), ("proj/1", "content 1"), ("proj/2", "edited")]);
    assert!(!says(&tree.sync("anna"), "another library"));
}

#[test]
fn a_library_that_moves_to_another_folder_gets_its_documents_there() {
    let tree = with_documents(3);
    let old = tree.folder("anna");
    // `library on DIR`: the folder of before is somewhere else, and is left alone.
    std::fs::rename(tree.home("anna").join("library"), tree.home("anna").join("old")).unwrap();
    tree.write("anna", "made there", "x");
    tree.write("anna", "proj/1", "otherwise there");
    switch::on(&mut tree.session("anna")).unwrap();
    // Nothing of them was looked for yet, and nothing is here.
    let coming = fieldpost::sync::documents::place::coming(&tree.session("anna")).unwrap();
    assert_eq!(
        coming.iter().map(|document| (document.path.as_str(), document.here)).collect::<Vec<_>>(),
        [("proj/0", 0), ("proj/1", 0), ("proj/2", 0)]
    );
    tree.settle(&SITES);
    let copy = "proj/1 (anna 2023-11-14)";
    let expected =
        [("proj/0", "content 0"), ("proj/1", "content 1"), (copy, "otherwise there"), ("proj/2", "content 2"), ("made there", "x")];
    tree.assert_documents(&SITES, &expected);
    for (path, content) in old {
        assert_eq!(std::fs::read(tree.home("anna").join("old").join(path)).unwrap(), content);
    }
    // One that is moved with its marker is the same.
    let place = tree.home("anna").join("moved");
    std::fs::rename(tree.home("anna").join("library"), &place).unwrap();
    tree.set_library("anna", |library| library.folder = Some(place.to_str().unwrap().into()));
    std::fs::remove_file(place.join("made there")).unwrap();
    switch::on(&mut tree.session("anna")).unwrap();
    assert_eq!(tree.sync("anna").documents.deleted, 1);
}

#[test]
fn what_was_asked_about_stays_asked_whatever_else_comes() {
    let tree = with_documents(12);
    let gone = |number: usize| tree.delete("anna", &format!("proj/{number}"));
    // All of them, then one of another site: not all are gone any more.
    (0..12).for_each(gone);
    assert!(waits(&tree.sync("anna"), "12 of 12 documents are gone"));
    (0..40).for_each(|number| tree.write("head", &format!("new/{number}"), format!("new {number}")));
    for _ in 0..2 {
        tree.sync("head");
        tree.sync("north");
        let report = tree.sync("anna");
        assert!(waits(&report, "12 of "), "{:?}", report.waiting);
        assert_eq!(report.documents.deleted, 0);
    }
    assert_eq!(tree.folder("anna").len(), 40);
    // What goes now and is not much is no question.
    tree.delete("anna", "new/1");
    let report = tree.sync("anna");
    assert!(waits(&report, "12 of 52") && report.documents.deleted == 1, "{report:?}");
    // Some are put back, and go once more: that was not asked about. One is moved.
    tree.write("anna", "proj/3", "content 3");
    tree.write("anna", "moved", "content 4");
    let report = tree.sync("anna");
    assert!(waits(&report, "10 of ") && report.documents.moved == 1, "{report:?}");
    tree.delete("anna", "proj/3");
    let report = tree.sync("anna");
    assert!(waits(&report, "10 of ") && report.documents.deleted == 1, "{report:?}");
    assert_eq!(tree.sync_allowing_deletions("anna").documents.deleted, 10);
    tree.settle(&SITES);
    assert_eq!(tree.folder("head"), tree.folder("anna"));
    assert_eq!(tree.folder("head").len(), 40, "39 new ones and the one that moved");
    assert!(tree.sync("anna").waiting.is_empty());
}

#[test]
fn documents_whose_folder_got_a_name_that_is_not_taken_are_asked_about() {
    let tree = with_documents(3);
    tree.write("head", "stays", "x");
    tree.write("head", "goes", "y");
    tree.settle(&SITES);
    let name = if cfg!(windows) { "proj.." } else { "proj: neu" };
    tree.rename("anna", "proj", name);
    for _ in 0..3 {
        let report = tree.sync("anna");
        assert!(waits(&report, "3 of 5 documents are gone") && waits(&report, "names that are not taken"), "{:?}", report.waiting);
    }
    tree.sync("north");
    assert_eq!(tree.folder("north").len(), 5);
    // Not every later deletion is asked about because there is a name that is not taken.
    tree.delete("anna", "goes");
    assert_eq!(tree.sync("anna").documents.deleted, 1);
    tree.rename("anna", name, "project");
    let report = tree.sync("anna");
    assert!(report.documents.moved == 3 && report.waiting.is_empty(), "{report:?}");
    tree.settle(&SITES);
    assert_eq!(tree.folder("head").keys().collect::<Vec<_>>(), ["project/0", "project/1", "project/2", "stays"]);
}

/// As a program does that holds a file open on Windows.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_renamed_keeps_no_other_from_travelling() {
    use std::os::unix::fs::PermissionsExt as _;
    let tree = with_documents(2);
    let (folder, file) = (tree.document("anna", "proj"), tree.document("anna", "proj/0"));
    let chattr =
        |flag: &str| std::process::Command::new("chattr").arg(flag).arg(&file).output().is_ok_and(|output| output.status.success());
    let mode = |mode| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    let edit = tree.edit_on_its_way("proj/0");
    tree.write("anna", "proj/0", "edited at anna");
    mode(0o555);
    if std::fs::write(folder.join("probe"), "").is_ok() {
        mode(0o755);
        std::fs::remove_file(folder.join("probe")).unwrap();
        if !chattr("+i") {
            return crate::support::skipped("this user may rename everything");
        }
    }
    tree.write("anna", "other", "x");
    for _ in 0..3 {
        tree.sync("anna");
        tree.sync("north");
    }
    let troubles = tree.session("anna").ledger.document_troubles().unwrap();
    let other = tree.document("north", "other").exists();
    chattr("-i");
    mode(0o755);
    assert!(other && troubles["proj/0"].contains("cannot get a name of its own"), "{other}: {troubles:?}");
    tree.let_it_come();
    tree.settle(&SITES);
    assert_eq!(tree.folder("head"), tree.folder("anna"));
    assert_eq!(tree.folder("head")["proj/0"], edit);
    assert_eq!(tree.read("head", "proj/0 (anna 2023-11-14)"), "edited at anna");
}

/// Anybody can write into the list; a row that does not read is no deletion.
#[test]
fn a_row_of_the_list_that_does_not_read_removes_no_file() {
    let tree = with_documents(3);
    tree.edit("north", "UPDATE _fieldpost_library SET content = x'00' WHERE path = 'proj/1'");
    SITES.iter().cycle().take(9).for_each(|site| drop(tree.sync(site)));
    for site in SITES {
        assert_eq!(tree.read(site, "proj/1"), "content 1", "at {site}");
        let troubles = tree.session(site).ledger.document_troubles().unwrap();
        assert!(troubles["proj/1"].contains("no document"), "at {site}: {troubles:?}");
    }
    // An edit puts it right.
    tree.write("anna", "proj/1", "edited");
    tree.settle(&SITES);
    SITES.iter().for_each(|site| assert_eq!(tree.read(site, "proj/1"), "edited", "at {site}"));
}

#[test]
fn one_new_document_is_no_new_name_of_twenty() {
    let tree = library("");
    for number in 0..20 {
        tree.write("head", &format!("forms/{number}"), "blank form");
    }
    (0..10).for_each(|number| tree.write("head", &format!("doc {number}"), format!("document {number}")));
    tree.settle(&SITES);
    std::fs::remove_dir_all(tree.document("anna", "forms")).unwrap();
    tree.write("anna", "new form", "blank form");
    let report = tree.sync("anna");
    assert!(waits(&report, "19 of 30 documents are gone") && report.documents.moved == 1, "{report:?}");
    assert_eq!(report.documents.deleted, 0);
}

#[test]
fn many_deletions_a_few_at_a_time_are_asked_about_as_well() {
    let tree = with_documents(40);
    let mut deleted = 0;
    for (round, numbers) in [0..10, 10..20, 20..30].into_iter().enumerate() {
        numbers.for_each(|number| tree.delete("anna", &format!("proj/{number}")));
        let report = tree.sync("anna");
        deleted += report.documents.deleted;
        assert_eq!(waits(&report, "documents are gone"), round > 0, "{round}: {report:?}");
    }
    assert_eq!(deleted, 10);
    assert_eq!(tree.sync_allowing_deletions("anna").documents.deleted, 20);
    // What was allowed is not held against the next ones, and what was long ago neither.
    tree.delete("anna", "proj/30");
    assert_eq!(tree.sync("anna").documents.deleted, 1);
    tree.tick(3_700_000);
    (31..36).for_each(|number| tree.delete("anna", &format!("proj/{number}")));
    assert_eq!(tree.sync("anna").documents.deleted, 5);
}

#[test]
fn what_is_left_out_and_nobody_else_has_is_asked_about_when_it_is_cleared_away() {
    let tree = with_documents(3);
    tree.write("head", "films/sent", "the film that others have");
    tree.settle(&SITES);
    // It is listed, and nobody was sent it.
    tree.write("head", "films/only here", "the film");
    tree.receive("head");
    tree.set_library("head", |library| library.choice.exclude = vec!["films/**".into()]);
    tree.receive("head");
    std::fs::remove_dir_all(tree.document("head", "films")).unwrap();
    for _ in 0..2 {
        let report = tree.sync("head");
        assert!(waits(&report, "1 of 4 documents") && waits(&report, "nowhere else"), "{:?}", report.waiting);
    }
    tree.settle(&SITES);
    assert!(tree.folder("anna").contains_key("films/sent"), "that one is deleted nowhere else");
    tree.write("head", "films/only here", "the film");
    tree.settle(&SITES);
    assert_eq!(tree.read("anna", "films/only here"), "the film");
    assert!(!says(&tree.sync("head"), "nowhere else"));
}

#[test]
fn what_nobody_else_has_is_deleted_where_a_person_says_so() {
    let tree = with_documents(3);
    tree.write("head", "films/only here", "the film");
    tree.receive("head");
    tree.set_library("head", |library| library.choice.exclude = vec!["films/**".into()]);
    tree.delete("head", "films/only here");
    assert!(waits(&tree.sync("head"), "nowhere else"));
    assert_eq!(tree.sync_allowing_deletions("head").documents.deleted, 1);
    tree.settle(&SITES);
    assert!(!says(&tree.sync("head"), "nowhere else"));
    SITES.iter().for_each(|site| assert_eq!(tree.rows(site, "SELECT count(*) FROM _fieldpost_library"), ["3"], "at {site}"));
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
            let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
            std::fs::File::options().write(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }
}

#[test]
fn a_folder_that_is_put_back_from_a_backup_deletes_nothing_and_turns_nothing_back() {
    let tree = with_documents(5);
    let [place, backup] = ["library", "backup"].map(|name| tree.home("anna").join(name));
    copy_all(&place, &backup);
    tree.write("head", "proj/0", "edited since");
    tree.write("north", "made since", "x");
    tree.delete("head", "proj/1");
    tree.settle(&SITES);
    let now = tree.folder("head");
    std::fs::remove_dir_all(&place).unwrap();
    copy_all(&backup, &place);
    for _ in 0..2 {
        let report = tree.sync("anna");
        assert!(waits(&report, "put back from a backup"), "{:?}", report.waiting);
        tree.settle(&SITES);
        assert_eq!((&tree.folder("head"), &tree.folder("north")), (&now, &now));
    }
    // It is meant to be the library from now on: nothing in it is lost, and nothing elsewhere.
    assert_eq!(switch::on(&mut tree.session("anna")).unwrap(), 0);
    (0..2).for_each(|_| tree.settle(&SITES));
    let expected = [
        ("proj/0", "edited since"),
        ("proj/0 (anna 2023-11-14)", "content 0"),
        ("proj/1", "content 1"),
        ("proj/2", "content 2"),
        ("proj/3", "content 3"),
        ("proj/4", "content 4"),
        ("made since", "x"),
    ];
    tree.assert_documents(&SITES, &expected);
    assert!(!says(&tree.sync("anna"), "backup"));
    tree.write("anna", "proj/2", "goes on");
    tree.settle(&SITES);
    assert_eq!(tree.read("head", "proj/2"), "goes on");
}

#[test]
fn a_full_disk_is_known_to_whoever_asks_until_there_is_room() {
    let mut tree = with_documents(3);
    tree.limits.document_spare_bytes = 1 << 62;
    tree.write("head", "film", "new");
    for site in SITES {
        tree.sync(site);
    }
    let report = tree.sync("north");
    assert!(waits(&report, "no room"), "{:?}", report.waiting);
    let known = |tree: &Tree| fieldpost::sync::documents::look::waiting(&tree.session("north")).unwrap();
    assert!(known(&tree).is_some_and(|why| why.contains("no room for `film`")), "{:?}", known(&tree));
    tree.limits.document_spare_bytes = 0;
    tree.settle(&SITES);
    assert_eq!((tree.read("north", "film"), known(&tree)), ("new".into(), None));
}

#[cfg(unix)]
#[test]
fn a_name_that_is_neither_taken_nor_placed_is_listed_as_both() {
    let tree = with_documents(3);
    tree.put_in_the_way("anna", "proj/1");
    tree.write("head", "proj/1", "edited");
    tree.settle(&SITES);
    let troubles = tree.session("anna").ledger.document_troubles().unwrap();
    let why = &troubles["proj/1"];
    assert!(why.contains("it is not taken: links") && why.contains("it is not placed: links"), "{troubles:?}");
}
