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
