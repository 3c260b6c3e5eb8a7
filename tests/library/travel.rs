//! What is new, changed, moved and deleted travels, costs about what was edited, and leaves no byte of it in clear.

use fieldpost::site::Role;

use crate::folders::{SITES, library, noise};
use crate::support::Tree;

#[test]
fn new_changed_moved_and_deleted_documents_travel_through_three_levels() {
    let tree = library("");
    tree.write("head", "prices.txt", "one");
    tree.write("anna", "visits/monday.txt", "two");
    tree.write("north", "empty", "");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("prices.txt", "one"), ("visits/monday.txt", "two"), ("empty", "")]);
    tree.write("anna", "prices.txt", "one and a half");
    tree.rename("head", "visits/monday.txt", "archive/monday.txt");
    tree.delete("north", "empty");
    tree.settle(&SITES);
    tree.assert_documents(&SITES, &[("prices.txt", "one and a half"), ("archive/monday.txt", "two")]);
    assert!(!tree.document("anna", "visits").exists(), "a folder goes with its last document");
}

#[test]
fn a_round_without_edits_says_and_sends_nothing() {
    let tree = library("");
    tree.write("head", "a", "one");
    tree.settle(&SITES);
    for site in SITES {
        let report = tree.sync(site);
        assert!(report.built.is_empty(), "{site}: {:?}", report.built);
        assert_eq!(report.documents, fieldpost::sync::documents::DocumentCounts::default(), "{site}");
    }
}

#[test]
fn times_and_the_executable_bit_travel() {
    let tree = library("");
    tree.write("head", "tool", "#!/bin/sh");
    let modified = |site: &str| std::fs::metadata(tree.document(site, "tool")).unwrap().modified().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(tree.document("head", "tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
        tree.settle(&SITES);
        assert_eq!(std::fs::metadata(tree.document("anna", "tool")).unwrap().permissions().mode() & 0o111, 0o111);
        assert_eq!(modified("head"), modified("anna"));
        std::fs::set_permissions(tree.document("anna", "tool"), std::fs::Permissions::from_mode(0o644)).unwrap();
        tree.settle(&SITES);
        assert_eq!(std::fs::metadata(tree.document("head", "tool")).unwrap().permissions().mode() & 0o111, 0);
    }
    // The same content, written again later.
    tree.write("anna", "tool", "#!/bin/sh");
    tree.settle(&SITES);
    assert_eq!(modified("head"), modified("anna"));
    assert_eq!(tree.folder("head").len(), 1, "no copy was made of the same content");
}

#[test]
fn a_small_edit_in_a_large_document_costs_about_the_edit_and_a_move_nothing() {
    let tree = library("");
    let mut large = noise(8 << 20, 7);
    tree.write("head", "large.bin", &large);
    let whole = tree.sent("head");
    assert!(whole > 8 << 20, "{whole}");
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["large.bin"], large);
    large.splice((4 << 20)..(4 << 20) + 100, noise(150, 9));
    tree.write("head", "large.bin", &large);
    let edit = tree.sent("head");
    assert!(edit < 400_000, "{edit} bytes for an edit of 150");
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["large.bin"], large);
    tree.rename("head", "large.bin", "moved/large.bin");
    let moved = tree.sent("head");
    assert!(moved < 10_000, "{moved} bytes for a move");
    // And the other way, over two levels.
    large.truncate(7 << 20);
    tree.settle(&SITES);
    tree.write("anna", "moved/large.bin", &large);
    let up = tree.sent("anna");
    assert!(up < 400_000, "{up} bytes for cutting off the end");
    tree.settle(&SITES);
    assert_eq!(tree.folder("head")["moved/large.bin"], large);
    tree.assert_same(&SITES);
}

#[test]
fn a_copy_of_a_document_costs_nothing_and_swapped_names_arrive() {
    let tree = library("");
    let (one, two) = (noise(300_000, 1), noise(300_000, 2));
    tree.write("head", "one", &one);
    tree.write("head", "two", &two);
    tree.settle(&SITES);
    tree.write("anna", "copy of one", &one);
    assert!(tree.sent("anna") < 10_000);
    tree.settle(&SITES);
    assert_eq!(tree.folder("head")["copy of one"], one);
    tree.delete("anna", "copy of one");
    tree.rename("anna", "one", "x");
    tree.rename("anna", "two", "one");
    tree.rename("anna", "x", "two");
    let mut sent = 0;
    for _ in 0..4 {
        sent += SITES.into_iter().map(|site| tree.sent(site)).sum::<u64>();
    }
    assert!(sent < 40_000, "{sent} bytes for two names: what one still needs of the other is kept");
    tree.settle(&SITES);
    for site in SITES {
        let folder = tree.folder(site);
        assert!(folder["one"] == two && folder["two"] == one && folder.len() == 2, "at {site}");
    }
}

#[test]
fn a_film_does_not_hold_up_records_and_goes_in_parts() {
    let tree = library("");
    for site in SITES {
        tree.set_library(site, |library| library.budget = 1 << 20);
    }
    let film = noise(5 << 20, 3);
    tree.write("head", "film", &film);
    tree.write("head", "note", "small");
    tree.edit("head", "UPDATE t SET x = 2");
    tree.sync("head");
    let report = tree.sync("north");
    assert_eq!(tree.text("north", "SELECT x || '' FROM t"), "2");
    assert!(tree.document("north", "note").exists(), "what is small comes first");
    assert!(!tree.document("north", "film").exists());
    assert_eq!(report.documents.coming, 1);
    let first = report.applied.iter().find(|packet| !packet.tally.tables.is_empty()).unwrap();
    assert_eq!(first.number, report.applied[0].number, "records are in the first packet");
    let coming = fieldpost::sync::documents::place::coming(&tree.session("north")).unwrap();
    assert!(coming[0].path == "film" && coming[0].here > 0 && coming[0].here < coming[0].bytes, "{coming:?}");
    let mut rounds = 1;
    while !tree.document("north", "film").exists() {
        rounds += 1;
        assert!(rounds < 10);
        let sent = tree.sent("head");
        assert!(sent < 3 << 20, "{sent} bytes in a round with a budget of 1 MiB");
        tree.sync("north");
    }
    assert!(rounds > 3, "{rounds}");
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["film"], film);
}

#[test]
fn a_site_that_joins_an_office_with_documents_gets_them_all() {
    let tree = library("");
    for number in 0..30 {
        tree.write("head", &format!("folder {}/document {number}.txt", number % 3), format!("content {number}"));
    }
    tree.settle(&SITES);
    tree.add("north", "bert", Role::Remote);
    tree.sync("bert");
    tree.settle(&["north", "bert", "head", "anna"]);
    assert_eq!(tree.folder("bert"), tree.folder("head"));
    assert_eq!(tree.folder("bert").len(), 30);
}

/// One click is enough also where it is the first that hears of documents.
#[test]
fn what_comes_with_the_library_itself_is_placed_in_the_same_round() {
    let mut tree = Tree::new("CREATE TABLE t (id TEXT PRIMARY KEY);");
    tree.limits.document_settle_millis = 0;
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["head", "anna"]);
    fieldpost::sync::documents::switch::on(&mut tree.session("head")).unwrap();
    tree.write("head", "a", "one");
    tree.sync("head");
    tree.sync("anna");
    assert_eq!(tree.read("anna", "a"), "one");
}

#[test]
fn a_library_that_begins_later_and_ends_deletes_nothing() {
    let tree = library("");
    tree.write("head", "a", "one");
    tree.settle(&SITES);
    fieldpost::sync::documents::switch::off(&mut tree.session("head")).unwrap();
    tree.settle(&SITES);
    for site in SITES {
        assert!(!tree.session(site).has_library(), "{site}");
        assert_eq!(tree.read(site, "a"), "one");
    }
    tree.write("anna", "a", "edited meanwhile");
    tree.write("head", "b", "made meanwhile");
    fieldpost::sync::documents::switch::on(&mut tree.session("head")).unwrap();
    tree.settle(&SITES);
    let names: Vec<String> = tree.folder("anna").into_keys().collect();
    assert_eq!(tree.read("head", "b"), "made meanwhile");
    assert_eq!(names.len(), 3, "both contents of `a` are kept: {names:?}");
    assert_eq!(tree.folder("head"), tree.folder("anna"));
}

#[test]
fn groups_get_what_is_for_them_and_an_office_everything() {
    let tree = library(
        "[library]\nexclude = ['*.tmp']\nlargest = '1 kB'\n[library.groups.sales]\ninclude = ['sales/**']\n[library.groups.tech]\ninclude = ['tech/**']\n",
    );
    tree.add_in("north", "sally", &["sales"]);
    tree.add_in("north", "boss", &["sales", "tech"]);
    let all = ["head", "north", "anna", "sally", "boss"];
    all.iter().for_each(|site| drop(tree.sync(site)));
    tree.settle(&all);
    for path in ["sales/a", "tech/b", "c", "sales/x.tmp"] {
        tree.write("head", path, path);
    }
    tree.write("head", "sales/large", "x".repeat(1_001));
    tree.settle(&all);
    let names = |site: &str| tree.folder(site).into_keys().collect::<Vec<_>>();
    assert_eq!(names("north"), ["c", "sales/a", "tech/b"]);
    assert_eq!(names("anna"), ["c", "sales/a", "tech/b"], "a site of no such group gets everything");
    assert_eq!(names("sally"), ["sales/a"]);
    assert_eq!(names("boss"), ["sales/a", "tech/b"]);
    // What it makes itself goes up all the same.
    tree.write("sally", "tech/from sally", "x");
    tree.settle(&all);
    assert!(names("head").contains(&"tech/from sally".to_owned()));
    assert!(names("boss").contains(&"tech/from sally".to_owned()));

    // One that changes its group keeps what it has and gets what is for the other one, also what was there before.
    let group = |name: &str| [name.to_owned()].into();
    fieldpost::sync::roster::regroup(&tree.session("north"), &crate::support::name("sally"), &group("tech"), &group("sales")).unwrap();
    tree.settle(&all);
    assert_eq!(names("sally"), ["sales/a", "tech/b", "tech/from sally"]);
    tree.write("head", "sales/a", "newer");
    tree.write("head", "tech/b", "newer");
    tree.settle(&all);
    assert_eq!([tree.read("sally", "sales/a"), tree.read("sally", "tech/b")], ["sales/a", "newer"]);
    assert_eq!(names("boss"), ["sales/a", "tech/b", "tech/from sally"]);
}

#[test]
fn no_name_and_no_byte_of_a_document_is_on_the_exchange_in_clear() {
    let tree = library("");
    let (name, content) = ("canary-NAME-71d1.txt", "canary-CONTENT-52aa ".repeat(50));
    tree.write("head", name, &content);
    tree.write("anna", "other", &content);
    let mut looked = 0;
    for _ in 0..3 {
        for site in SITES {
            tree.sync(site);
            for (name, bytes) in tree.exchange.everything() {
                looked += bytes.len();
                for canary in ["canary-NAME", "canary-CONTENT"] {
                    assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary} in {name}");
                    assert!(!name.contains(canary));
                }
            }
        }
    }
    assert!(looked > 1_000);
    tree.settle(&SITES);
    assert_eq!(tree.read("anna", name), content);
}

#[test]
fn no_record_arrives_before_its_document_where_the_settings_say_so() {
    for kill in 1.. {
        let tree = library("");
        tree.set_library("head", |library| (library.before_rows, library.budget) = (true, 1));
        tree.write("head", "new", noise(100_000, 4));
        tree.edit("head", "UPDATE t SET x = 'see new'");
        tree.sync("head");
        let died = tree.sync_dying("north", kill);
        let there = tree.document("north", "new").exists();
        assert!(there || tree.text("north", "SELECT x || '' FROM t") == "1", "died before step {kill}, {died:?}");
        if died.is_none() {
            assert!(there && kill > 5);
            return;
        }
    }
}

#[test]
fn what_programs_leave_behind_is_no_document_unless_the_rules_want_it() {
    let left = [".DS_Store", "Thumbs.db", "desktop.ini", "~$offer.docx", "x.tmp", ".~lock.offer.odt#", ".a.txt.swp", "a.txt~", "film.part"];
    for (rules, names) in [("", 2), ("[library]\nusual_excludes = false\n", 2 + left.len())] {
        let tree = library(rules);
        for name in left {
            tree.write("head", &format!("folder/{name}"), "x");
        }
        tree.write("head", "folder/offer.docx", "offer");
        tree.write("head", "folder/template.tmpl", "no temporary file");
        tree.settle(&SITES);
        assert_eq!(tree.folder("anna").len(), names, "{:?}", tree.folder("anna").keys());
        assert_eq!(tree.session("head").ledger.document_troubles().unwrap().len(), 0, "nobody need hear of them");
    }
}

#[test]
fn what_a_site_leaves_out_itself_is_not_sent_to_it_until_it_wants_it() {
    let tree = library("");
    tree.set_library("anna", |library| library.choice.exclude = vec!["films".into()]);
    tree.settle(&["anna", "north", "head"]);
    let film = noise(300_000, 5);
    tree.write("head", "films/a.mp4", &film);
    tree.write("head", "note", "small");
    tree.sync("head");
    assert!(tree.sent("north") < 20_000, "the film goes no further");
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna").into_keys().collect::<Vec<_>>(), ["note"]);
    assert_eq!(tree.folder("north")["films/a.mp4"], film);
    assert_eq!(fieldpost::sync::documents::place::coming(&tree.session("anna")).unwrap(), []);
    tree.assert_same(&SITES);
    tree.set_library("anna", |library| library.choice.exclude.clear());
    tree.settle(&["anna", "north", "head"]);
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["films/a.mp4"], film);
}

#[test]
fn an_office_that_leaves_something_out_passes_it_on() {
    let tree = library("");
    tree.set_library("north", |library| library.choice.exclude = vec!["films".into()]);
    tree.settle(&["anna", "north", "head"]);
    let film = noise(300_000, 6);
    tree.write("head", "films/a.mp4", &film);
    tree.settle(&SITES);
    assert_eq!(tree.folder("anna")["films/a.mp4"], film);
    assert_eq!(tree.folder("north").len(), 0);
}

#[test]
fn a_name_that_changes_only_its_case_costs_nothing_and_disturbs_nobody() {
    let tree = library("");
    let content = noise(300_000, 7);
    tree.write("head", "Plans/Plan.bin", &content);
    tree.write("head", "other", "x");
    tree.settle(&SITES);
    tree.rename("head", "Plans", "plans");
    let mut sent = 0;
    for _ in 0..3 {
        sent += SITES.into_iter().map(|site| tree.sent(site)).sum::<u64>();
    }
    assert!(sent < 20_000, "{sent} bytes for a name");
    tree.settle(&SITES);
    for site in SITES {
        let folder = tree.folder(site);
        assert!(folder["plans/Plan.bin"] == content && folder.len() == 2, "at {site}: {:?}", folder.keys());
        assert_eq!(tree.session(site).ledger.document_troubles().unwrap().len(), 0, "at {site}");
    }
}
