//! Two sites edit, delete and make the same document: nothing is lost. Names and rows that are none are listed and never followed.

use fieldpost::sync::documents::lost::{self, GivenUp, NotGivenUp};
use fieldpost::sync::documents::place;
use fieldpost::sync::retire;

use crate::folders::{SITES, library, noise};

const RULES: &str = "[library]\nconflict = { '*.new' = 'newest', '*.up' = 'parent', '*.down' = 'child' }\n";

#[test]
fn both_edits_are_kept_and_the_copy_is_named_after_its_site() {
    let tree = library("");
    tree.write("head", "plan.txt", "first");
    tree.settle(&SITES);
    tree.write("head", "plan.txt", "of head");
    tree.write("anna", "plan.txt", "of anna");
    tree.settle(&["anna", "north", "head"]);
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("plan.txt", "of head"), ("plan (anna 2023-11-14).txt", "of anna")]);
    // A copy that conflicts again is no copy of a copy.
    let copy = "plan (anna 2023-11-14).txt";
    tree.write("head", copy, "again of head");
    tree.write("anna", copy, "again of anna");
    tree.settle(&SITES);
    let names: Vec<String> = tree.folder("head").into_keys().collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| name.matches('(').count() <= 1), "{names:?}");
    for site in SITES {
        assert_eq!(tree.folder(site), tree.folder("head"), "at {site}");
    }
    let contents: Vec<Vec<u8>> = tree.folder("head").into_values().collect();
    assert!(contents.contains(&b"again of head".to_vec()) && contents.contains(&b"again of anna".to_vec()));
}

#[test]
fn the_same_document_made_at_two_sites_is_kept_twice_unless_it_is_the_same() {
    let tree = library("");
    tree.write("head", "new.txt", "of head");
    tree.write("anna", "new.txt", "of anna");
    tree.write("head", "same.txt", "same");
    tree.write("anna", "same.txt", "same");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("new.txt", "of head"), ("new (anna 2023-11-14).txt", "of anna"), ("same.txt", "same")]);
    for site in ["north", "anna"] {
        assert_eq!(tree.listed(site).len(), 1, "one conflict, and none about what is the same: {:?}", tree.listed(site));
    }
}

#[test]
fn a_folder_around_the_site_itself_is_refused() {
    let tree = library("");
    for folder in [".", "..", ".fieldpost/library", ".fieldpost"] {
        let mut session = tree.session("head");
        session.settings.library.folder = Some(folder.into());
        assert!(
            fieldpost::sync::documents::switch::on(&mut session).unwrap_err().to_string().contains("cannot be the library"),
            "{folder}"
        );
        // Also where the settings were changed by hand.
        session.home.write_settings(&tree.world("head"), &session.settings).unwrap();
        drop(session);
        let report = tree.sync("head");
        assert!(report.waiting.iter().any(|waiting| waiting.why.contains("cannot be the library")), "{folder}: {:?}", report.waiting);
    }
    // Packets are no documents either.
    let mut session = tree.session("north");
    session.settings.exchanges.addresses = vec![tree.document("north", "share").to_str().unwrap().to_owned()];
    let refused = fieldpost::sync::documents::switch::on(&mut session).unwrap_err().to_string();
    assert!(refused.contains("or an exchange is in it"), "{refused}");
}

#[test]
fn the_rules_say_by_pattern_which_edit_stands() {
    let tree = library(RULES);
    for path in ["a.new", "b.new", "a.up", "a.down"] {
        tree.write("head", path, "first");
    }
    tree.settle(&SITES);
    tree.write("anna", "b.new", "of anna");
    for path in ["a.new", "b.new", "a.up", "a.down"] {
        tree.write("head", path, "of head");
    }
    for path in ["a.new", "a.up", "a.down"] {
        tree.write("anna", path, "of anna");
    }
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("a.new", "of anna"), ("b.new", "of head"), ("a.up", "of head"), ("a.down", "of anna")]);
}

#[test]
fn a_document_that_is_deleted_here_and_edited_there_comes_back() {
    let tree = library("");
    for path in ["a", "b", "c"] {
        tree.write("head", path, "first");
    }
    tree.settle(&SITES);
    tree.delete("head", "a");
    tree.write("anna", "a", "edited at anna");
    tree.delete("anna", "b");
    tree.write("head", "b", "edited at head");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("a", "edited at anna"), ("b", "edited at head"), ("c", "first")]);
}

#[test]
fn what_a_deleted_document_held_last_is_no_edit_against_the_one_that_brings_it_back() {
    let tree = library(RULES);
    tree.write("head", "stays", "x");
    for (deletes, edits) in [("head", "anna"), ("head", "north"), ("north", "anna")] {
        let paths = ["new", "up", "down", "both"].map(|kind| format!("{deletes}-{edits}.{kind}"));
        let write = |site, content| paths.iter().for_each(|path| tree.write(site, path, content));
        write("head", "first");
        tree.settle(&SITES);
        write(edits, "edited");
        write(deletes, "written later, and deleted before anybody had it");
        tree.receive(deletes);
        paths.iter().for_each(|path| tree.delete(deletes, path));
        tree.settle(&SITES);
        for site in SITES {
            paths.iter().for_each(|path| assert_eq!(tree.read(site, path), "edited", "{path} at {site}"));
            let coming = fieldpost::sync::documents::place::coming(&tree.session(site)).unwrap();
            assert!(coming.is_empty(), "at {site}: {coming:?}");
        }
    }
    assert_eq!(tree.folder("anna").len(), 13, "and nothing else: {:?}", tree.folder("anna").keys());
    tree.assert_same(&SITES);
}

#[test]
fn an_edit_of_a_document_that_was_deleted_and_made_again_meanwhile_is_kept_beside_it() {
    let tree = library("");
    tree.write("head", "a", "first");
    tree.write("head", "b", "stays");
    tree.settle(&SITES);
    tree.delete("head", "a");
    tree.sync("head");
    tree.write("head", "a", "made again at head");
    tree.write("anna", "a", "edited at anna");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("a", "made again at head"), ("a (anna 2023-11-14)", "edited at anna"), ("b", "stays")]);
}

#[test]
fn a_document_that_was_made_again_where_it_was_deleted_is_kept_beside_the_edit_of_the_old_one() {
    let tree = library("");
    tree.write("head", "a", "first");
    tree.write("head", "b", "stays");
    tree.settle(&SITES);
    tree.delete("anna", "a");
    tree.receive("anna");
    tree.write("anna", "a", "made again at anna");
    tree.write("head", "a", "edited at head");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("a", "edited at head"), ("a (anna 2023-11-14)", "made again at anna"), ("b", "stays")]);
}

#[test]
fn a_file_that_was_edited_since_it_was_looked_at_is_never_overwritten() {
    let tree = library("");
    tree.write("head", "a", "first");
    tree.write("head", "b", "stays");
    tree.settle(&SITES);
    tree.write("head", "a", "of head");
    tree.sync("head");
    // North takes the row and the content while its folder says something else already.
    tree.sync("north");
    tree.write("anna", "a", "of anna");
    tree.settle(&SITES);
    let contents: Vec<Vec<u8>> = tree.folder("head").into_values().collect();
    assert!(contents.contains(&b"of head".to_vec()) && contents.contains(&b"of anna".to_vec()), "{:?}", tree.folder("head"));
    for site in SITES {
        assert_eq!(tree.folder(site), tree.folder("head"), "at {site}");
    }
}

#[test]
fn an_edit_on_a_version_that_was_still_coming_becomes_a_document_of_its_own() {
    let tree = library("");
    tree.write("head", "a", "first");
    tree.write("head", "other", "x");
    tree.settle(&SITES);
    // The row arrives, the content does not: it is too large for the budget of this round.
    tree.set_library("head", |library| library.budget = 1);
    let large = crate::folders::noise(2 << 20, 5);
    tree.write("head", "a", &large);
    tree.sync("head");
    let report = tree.sync("north");
    assert_eq!(report.documents.coming, 1);
    assert_eq!(tree.read("north", "a"), "first");
    tree.write("north", "a", "of north");
    let report = tree.sync("north");
    assert_eq!(report.documents.copies, 1);
    tree.set_library("head", |library| library.budget = 64 << 20);
    tree.settle(&SITES);
    for site in SITES {
        assert_eq!(tree.folder(site)["a"], large, "at {site}");
        assert_eq!(tree.read(site, "a (north 2023-11-14)"), "of north");
        assert_eq!(tree.folder(site).len(), 3, "at {site}");
    }
}

#[test]
fn a_copy_gets_a_name_that_is_free_in_the_folder() {
    let tree = library("");
    tree.write("head", "a.txt", "first");
    tree.settle(&SITES);
    tree.put_in_the_way("anna", "a (anna 2023-11-14).txt");
    let edit = tree.edit_on_its_way("a.txt");
    tree.write("anna", "a.txt", "of anna");
    tree.sync("anna");
    tree.let_it_come();
    tree.settle(&SITES);
    assert_eq!(tree.read("anna", "a (anna 2023-11-14 2).txt"), "of anna");
    for site in SITES {
        let folder = tree.folder(site);
        assert_eq!((&folder["a.txt"], &folder["a (anna 2023-11-14 2).txt"][..]), (&edit, &b"of anna"[..]), "at {site}");
    }
}

#[test]
fn a_copy_gets_no_name_that_is_another_one_but_for_its_case() {
    let tree = library("");
    let other = "PLAN (Anna 2023-11-14).TXT";
    tree.write("head", "plan.txt", "first");
    tree.write("head", other, "of another one");
    tree.write("head", "Folder/plan.txt", "first");
    tree.settle(&SITES);
    for path in ["plan.txt", "Folder/plan.txt"] {
        tree.write("head", path, "of head");
        tree.write("anna", path, "of anna");
    }
    tree.settle(&["anna", "north", "head"]);
    tree.settle(&SITES);
    let expected = [
        ("plan.txt", "of head"),
        (other, "of another one"),
        ("plan (anna 2023-11-14 2).txt", "of anna"),
        ("Folder/plan.txt", "of head"),
        ("Folder/plan (anna 2023-11-14).txt", "of anna"),
    ];
    tree.assert_documents(&SITES, &expected);
}

#[test]
fn an_empty_a_missing_and_an_unmarked_folder_delete_nothing() {
    let tree = library("");
    for number in 0..5 {
        tree.write("head", &format!("{number}"), "x");
    }
    tree.settle(&SITES);
    let folder = tree.home("anna").join("library");
    let away = tree.home("anna").join("away");
    std::fs::rename(&folder, &away).unwrap();
    let wants_a_person =
        |report: &fieldpost::sync::report::Report| report.waiting.iter().any(|waiting| waiting.what == "documents" && !waiting.retried);
    assert!(wants_a_person(&tree.sync("anna")), "missing");
    std::fs::create_dir(&folder).unwrap();
    assert!(wants_a_person(&tree.sync("anna")), "not marked");
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    for number in 0..5 {
        tree.delete("anna", &format!("{number}"));
    }
    assert!(wants_a_person(&tree.sync("anna")), "empty");
    tree.settle(&["north", "head"]);
    assert_eq!(tree.folder("head").len(), 5);
    tree.sync_allowing_deletions("anna");
    tree.settle(&SITES);
    assert_eq!(tree.folder("head").len(), 0);
}

#[test]
fn very_many_deletions_are_asked_about_and_moves_are_not() {
    let tree = library("");
    for number in 0..40 {
        tree.write("head", &format!("folder/{number}"), format!("content {number}"));
    }
    tree.settle(&SITES);
    tree.rename("anna", "folder", "renamed");
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    tree.settle(&SITES);
    assert_eq!(tree.read("head", "renamed/7"), "content 7");
    for number in 0..13 {
        tree.delete("anna", &format!("renamed/{number}"));
    }
    let report = tree.sync("anna");
    assert!(
        report.waiting.iter().any(|waiting| waiting.why.contains("13 of 40") && waiting.why.contains("--allow-deletions")),
        "{report:?}"
    );
    tree.settle(&["north", "head"]);
    assert_eq!(tree.folder("head").len(), 40);
    tree.sync_allowing_deletions("anna");
    tree.settle(&SITES);
    assert_eq!(tree.folder("head").len(), 27);
}

#[test]
fn names_that_are_not_safe_everywhere_are_listed_and_left_alone() {
    let tree = library("");
    tree.write("head", "good", "x");
    #[cfg(unix)]
    {
        tree.write("head", "con", "reserved");
        tree.write("head", "ends with dot.", "x");
        tree.write("head", "Case", "one");
        tree.write("head", "case", "two");
        std::os::unix::fs::symlink("/etc/passwd", tree.document("head", "link")).unwrap();
    }
    let report = tree.sync("head");
    tree.settle(&SITES);
    assert!(tree.folder("anna").contains_key("good"));
    #[cfg(unix)]
    {
        assert_eq!(tree.folder("anna").len(), 2, "one of the two that are the same name without case");
        for name in ["con", "ends with dot.", "link"] {
            assert!(report.documents.refused.contains_key(name), "{name}: {:?}", report.documents.refused);
            assert!(tree.document("head", name).symlink_metadata().is_ok());
        }
        let troubles = tree.session("head").ledger.document_troubles().unwrap();
        assert_eq!(troubles.len(), 4, "{troubles:?}");
    }
    let _ = report;
}

#[test]
fn a_row_that_is_no_document_is_listed_and_never_placed() {
    let tree = library("");
    tree.write("head", "good", "x");
    tree.settle(&SITES);
    // As a neighbour with a key of its own would forge them: signed, and well formed for every table but this one.
    let content = "x'".to_owned() + &tree.rows("anna", "SELECT hex(content) FROM _fieldpost_library")[0] + "'";
    for path in
        ["../outside", "/tmp/fieldpost-outside", "C:\\outside", "a/../../outside", ".fieldpost-library", "con", "nul\u{1}", "x:stream"]
    {
        tree.edit("anna", &format!("INSERT INTO _fieldpost_library VALUES ('{path}', {content}, 1, 1, 0)"));
    }
    tree.edit("anna", "INSERT INTO _fieldpost_library VALUES ('no hash', 'x', 1, 1, 0), ('no size', zeroblob(32), 'many', 1, 0)");
    tree.settle(&SITES);
    for site in ["north", "head"] {
        assert_eq!(tree.folder(site).into_keys().collect::<Vec<_>>(), ["good"], "at {site}");
        assert!(!tree.home(site).join("outside").exists() && !tree.folder.path().join("outside").exists());
        let troubles = tree.session(site).ledger.document_troubles().unwrap();
        assert_eq!(troubles.len(), 10, "at {site}: {troubles:?}");
    }
    assert!(!std::path::Path::new("/tmp/fieldpost-outside").exists());
}

#[test]
fn a_content_that_nobody_can_give_is_asked_for_and_comes_once_somebody_has_it() {
    let tree = library("");
    let content = crate::folders::noise(200_000, 11);
    tree.write("head", "a", &content);
    tree.settle(&SITES);
    // Anna's file goes, and with it what north thinks she has; then the document comes back under another name.
    tree.write("anna", "a", "short");
    tree.settle(&SITES);
    tree.write("head", "b", &content);
    tree.settle(&SITES);
    tree.tick(2 * 60 * 60 * 1000);
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["b"], content);
    assert_eq!(tree.folder("head"), tree.folder("anna"));
}

#[test]
fn a_document_that_moved_onto_another_one_while_both_were_deleted_elsewhere_is_everywhere() {
    for (before_rows, small) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut tree = library("");
        tree.add("head", "berta", fieldpost::site::Role::Remote);
        let all = ["head", "north", "anna", "berta"];
        for path in ["old", "plan", "kept 1", "kept 2", "kept 3"] {
            tree.write("head", path, path);
        }
        tree.settle(&all);
        all.iter().for_each(|site| tree.set_library(site, |library| library.before_rows = before_rows));
        if small {
            (tree.limits.slice_changes, tree.limits.packet_bytes, tree.limits.document_packet_bytes) = (1, 1, 1);
        }
        tree.rename("berta", "old", "plan");
        tree.delete("north", "plan");
        tree.delete("north", "old");
        for _ in 0..6 {
            tree.tick(2 * 60 * 60 * 1000);
            ["north", "anna", "berta", "head"].iter().for_each(|site| drop(tree.sync(site)));
        }
        for site in all {
            let names: Vec<String> = tree.folder(site).into_keys().collect();
            assert_eq!(names, ["kept 1", "kept 2", "kept 3", "plan"], "at {site}, {before_rows} {small}");
            assert_eq!(tree.read(site, "plan"), "old", "at {site}, {before_rows} {small}");
        }
    }
}

#[test]
fn a_document_that_only_the_last_neighbour_has_is_not_asked_of_the_first_for_ever() {
    let tree = library("");
    tree.add("head", "berta", fieldpost::site::Role::Remote);
    let all = ["head", "north", "anna", "berta"];
    tree.write("head", "old", "one");
    tree.write("head", "other", "stays");
    tree.settle(&all);
    tree.delete("head", "old");
    tree.settle(&["head", "north", "anna"]);
    // Everybody hears of it from berta, who has it alone, and has more to send before anything of it would be asked of her.
    tree.set_library("berta", |library| library.budget = 1 << 18);
    tree.rename("berta", "old", "new");
    tree.write("berta", "film", crate::folders::noise(1 << 20, 3));
    tree.sync("berta");
    for _ in 0..12 {
        tree.settle(&["head", "north", "anna"]);
        tree.tick(tree.limits.redeposit_millis);
        tree.sync("berta");
    }
    tree.settle(&all);
    for site in all {
        assert!(tree.document(site, "new").exists(), "at {site}: {:?}", tree.folder(site).keys());
        assert_eq!(tree.read(site, "new"), "one", "at {site}");
    }
    tree.assert_same(&all);
}

#[test]
fn who_was_asked_and_has_it_all_the_same_is_not_sent_what_another_one_gave() {
    let tree = library("");
    tree.add("head", "berta", fieldpost::site::Role::Remote);
    let content = crate::folders::noise(300_000, 17);
    tree.write("head", "old", &content);
    tree.write("head", "other", "stays");
    tree.settle(&["head", "north", "anna", "berta"]);
    tree.delete("head", "old");
    tree.sync("head");
    // Two that have not heard of it yet move it to the same name; one is silent once it was asked.
    ["north", "berta"].iter().for_each(|site| tree.rename(site, "old", "new"));
    ["north", "berta"].iter().for_each(|site| drop(tree.sync(site)));
    let mut sent = tree.sent("head");
    for _ in 0..4 {
        tree.tick(tree.limits.redeposit_millis);
        tree.sync("berta");
        sent += tree.sent("head");
    }
    assert_eq!(tree.folder("head")["new"], content);
    assert!(sent < 100_000, "{sent} bytes");
    tree.settle(&["head", "north", "anna", "berta"]);
    tree.assert_same(&["head", "north", "anna", "berta"]);
}

#[test]
fn who_asked_and_was_given_it_by_another_one_is_not_sent_it_as_well() {
    let tree = library("");
    let content = crate::folders::noise(300_000, 19);
    tree.write("head", "old", &content);
    tree.write("head", "other", "stays");
    tree.settle(&SITES);
    tree.delete("head", "old");
    tree.settle(&["head", "north"]);
    // North asks above first, because more is to come from below.
    tree.set_library("anna", |library| library.budget = 1 << 18);
    tree.rename("anna", "old", "new");
    tree.write("anna", "film", crate::folders::noise(1 << 20, 3));
    tree.sync("anna");
    let mut sent = 0;
    for _ in 0..12 {
        tree.sync("north");
        sent += tree.sent("head");
        tree.tick(tree.limits.redeposit_millis);
        tree.sync("anna");
    }
    assert_eq!(tree.folder("head")["new"], content);
    assert!(sent < 100_000, "{sent} bytes");
}

/// On some systems the two are one file: every site would go on with another one of them, and none would ever see the other.
#[test]
fn names_that_are_one_on_some_systems_and_come_from_two_sites_are_two_documents_everywhere() {
    let tree = library("");
    tree.write("head", "Plan.txt", "first");
    tree.settle(&SITES);
    tree.write("north", "Neu.txt", "of north");
    tree.write("anna", "neu.txt", "of anna");
    tree.rename("anna", "Plan.txt", "plan.txt");
    tree.write("head", "Plan.txt", "edited at head");
    tree.settle(&["anna", "head", "north"]);
    tree.settle(&SITES);
    let expected = [
        ("Neu.txt", "of north"),
        ("neu (anna 2023-11-14).txt", "of anna"),
        ("Plan.txt", "edited at head"),
        ("plan (anna 2023-11-14).txt", "first"),
    ];
    tree.assert_documents(&SITES, &expected);
    for site in SITES {
        assert_eq!(tree.session(site).ledger.document_troubles().unwrap(), std::collections::BTreeMap::new(), "at {site}");
    }
}

/// The main office wrote over what the other name stands for: it asks for that, to give it a name of its own.
#[test]
fn what_the_main_office_wrote_over_under_one_name_comes_again_under_another() {
    let tree = library("");
    tree.write("head", "Plan.txt", "first");
    tree.settle(&SITES);
    tree.rename("north", "Plan.txt", "PLAN.TXT");
    tree.write("head", "Plan.txt", "edited at head");
    tree.sync("north");
    tree.sync("head");
    tree.settle(&SITES);
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("PLAN (north 2023-11-14).TXT", "first"), ("Plan.txt", "edited at head")]);
}

#[test]
fn a_document_that_became_a_folder_at_one_site_and_was_edited_at_another_keeps_both() {
    let tree = library("");
    tree.write("head", "plan", "first");
    tree.settle(&SITES);
    tree.delete("anna", "plan");
    tree.write("anna", "plan/x", "in the folder");
    tree.write("north", "plan", "edited at north");
    // And where the folders above are spelled in two ways besides.
    tree.write("head", "Projects/b.txt", "b");
    tree.write("head", "Projects/Plan", "of head");
    tree.write("anna", "projects/Plan/notes.txt", "a day of work");
    tree.settle(&["north", "anna", "head"]);
    tree.settle(&SITES);
    let expected = [
        ("plan/x", "in the folder"),
        ("plan (head 2023-11-14)", "edited at north"),
        ("Projects/b.txt", "b"),
        ("Projects/Plan (head 2023-11-14)", "of head"),
        ("Projects/Plan/notes.txt", "a day of work"),
    ];
    tree.assert_documents(&SITES, &expected);
}

/// What was being written when the new name came is an edit of the document under its new name.
#[test]
fn what_somebody_writes_while_its_folder_gets_other_letters_travels() {
    let mut tree = library("");
    tree.write("head", "Plans/a.txt", "first");
    tree.write("head", "Plans/b.txt", "b");
    tree.write("head", "Single.txt", "first");
    tree.settle(&SITES);
    tree.rename("head", "Plans", "plans");
    tree.rename("head", "Single.txt", "single.txt");
    ["head", "north"].iter().for_each(|site| drop(tree.sync(site)));
    tree.write("anna", "Plans/a.txt", "a day of work");
    tree.write("anna", "Single.txt", "another one");
    tree.limits.document_settle_millis = 60_000;
    assert_eq!(tree.sync("anna").documents.busy, 2);
    tree.limits.document_settle_millis = 0;
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("plans/a.txt", "a day of work"), ("plans/b.txt", "b"), ("single.txt", "another one")]);
    tree.write("anna", "plans/a.txt", "and more");
    tree.settle(&SITES);
    assert_eq!(tree.read("head", "plans/a.txt"), "and more");
}

/// A program goes on making documents in a folder that another site has given other letters: that is told each time.
#[cfg(unix)]
#[test]
fn what_is_made_in_a_folder_that_is_not_taken_is_told_again() {
    let tree = library("");
    tree.write("head", "docs/a.txt", "a");
    tree.settle(&SITES);
    tree.write("anna", "docs/Thumbs.db", "of a program");
    tree.rename("head", "docs", "Docs");
    tree.settle(&SITES);
    assert!(tree.document("anna", "docs/Thumbs.db").exists() && tree.document("anna", "Docs/a.txt").exists());
    let told = || tree.sync("anna").documents.refused.get("docs").cloned();
    assert_eq!(told(), None);
    let same = "it is not taken: `Docs` is the same name on systems that do not tell upper from lower case";
    tree.write("anna", "docs/new.txt", "new");
    assert_eq!(told().unwrap(), format!("{same}; 1 document in it does not travel"));
    assert_eq!(told(), None);
    tree.write("anna", "docs/deep/er.txt", "new");
    assert_eq!(told().unwrap(), format!("{same}; 2 documents in it do not travel"));
}

/// Its only site is gone: nobody waits for it any more, and its name is free.
#[test]
fn a_content_that_nobody_has_can_be_given_up() {
    let tree = library("");
    tree.write("head", "f.bin", "first");
    tree.settle(&SITES);
    tree.set_library("anna", |library| library.budget = 1);
    tree.write("anna", "a.bin", noise(1 << 20, 5));
    tree.write("anna", "f.bin", noise(1 << 20, 6));
    tree.sync("anna");
    let both = ["north", "head"];
    tree.settle(&both);
    let give_up = |site: &str, path: &str| lost::give_up(&tree.session(site), path).unwrap();
    assert_eq!(give_up("north", "a.bin"), Err(NotGivenUp::Lately));
    assert_eq!(give_up("head", "nothing"), Err(NotGivenUp::Unlisted));
    retire::retire(&tree.session("north"), &mut [&mut tree.exchange.clone()], &crate::support::name("anna")).unwrap();
    tree.tick(tree.limits.redeposit_millis + 1);
    tree.settle(&both);
    assert_eq!(place::coming(&tree.session("head")).unwrap().len(), 2);
    assert_eq!((give_up("north", "f.bin"), give_up("north", "a.bin")), (Ok(GivenUp::Back), Ok(GivenUp::Gone)));
    tree.settle(&both);
    tree.assert_documents(&both, &[("f.bin", "first")]);
    assert_eq!(give_up("head", "f.bin"), Err(NotGivenUp::Here));
    tree.write("head", "a.bin", "another one");
    tree.settle(&both);
    tree.assert_documents(&both, &[("a.bin", "another one"), ("f.bin", "first")]);
    assert!(both.iter().all(|site| place::coming(&tree.session(site)).unwrap().is_empty()));
}
