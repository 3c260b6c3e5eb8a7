//! The whole life of a bundle at five sites of which three are meant: published, upgraded over local changes, rolled back, removed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fieldpost::bundle::{Fate, Loss};
use fieldpost::sync::bundles::{self, Refusal, Scope, install, look, undo};

use crate::support::Tree;
use crate::{ALL, Folder, LISTS, custom, everything, files, forms, four, named, publish, refusal, source_files, version_of, write};

#[test]
fn a_bundle_lives_from_its_publication_to_its_end_and_leaves_every_byte_as_it_was() {
    let tree = four();
    write(&tree, "anna", "Screens 0/form 0.xml", "what anna had before");
    write(&tree, "anna", "own.txt", "never touched");
    let first = ALL.map(|site| everything(&tree, site));

    let one = forms(&tree, "1.0.0");
    let effects = publish(&tree, &one, &["sales"]);
    assert_eq!(effects.steps, ["schema/1.sql"]);
    let counts = |added, changed, removed| install::RowCounts { added, changed, removed };
    let rows = [("colours".into(), counts(1, 0, 1)), ("countries".into(), counts(1, 1, 0)), ("titles".into(), counts(2, 0, 0))];
    assert_eq!(effects.rows, BTreeMap::from(rows));
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    let wanted = source_files(&one);
    assert_eq!(wanted.len(), 50);
    let installed = ALL.map(|site| everything(&tree, site));
    for site in ["anna", "bert", "carl"] {
        let mut there = files(&tree, site);
        there.remove("own.txt");
        assert_eq!(there, wanted, "at {site}");
        assert_eq!(tree.rows(site, LISTS[0]), ["CH|Switzerland|8.1", "DE|Germany 1.0.0|-", "XX|Nowhere|0"]);
        assert_eq!(tree.rows(site, LISTS[1]), ["b|blue", "r|red"]);
        assert_eq!(tree.rows(site, LISTS[3]), ["F1|help 1.0.0", "F2|search"]);
    }
    assert_eq!(files(&tree, "dora"), BTreeMap::new());
    assert_eq!(tree.rows("dora", LISTS[3]), ["F1|help"], "what sites have for themselves goes only to those that install");
    assert_eq!(tree.rows("dora", LISTS[1]), ["b|blue", "r|red"], "what everybody shares goes to everybody");
    let report = bundles::reports(&tree.session("head")).unwrap();
    let who: Vec<_> = report.iter().filter(|site| !site.bundles.is_empty()).map(|site| site.site.to_string()).collect();
    assert_eq!(who, ["anna", "bert", "carl"]);

    // An upgrade with changes in the way.
    write(&tree, "bert", "Screens 3/form 3.xml", "bert's own");
    write(&tree, "bert", "Screens 1/form 1.xml", "bert's too");
    tree.edit("bert", "UPDATE shortcuts SET screen = 'mine' WHERE key = 'F1'");
    let two = forms(&tree, "2.0.0");
    publish(&tree, &two, &["sales"]);
    tree.settle(&ALL);
    let mut wanted = source_files(&two);
    assert_eq!(files(&tree, "carl"), wanted);
    wanted.insert("Screens 3/form 3.xml.new-2.0.0".into(), wanted["Screens 3/form 3.xml"].clone());
    wanted.insert("Screens 3/form 3.xml".into(), "bert's own".into());
    wanted.insert("Screens 1/form 1.xml".into(), "bert's too".into());
    assert_eq!(files(&tree, "bert"), wanted);
    assert_eq!(tree.rows("bert", LISTS[3]), ["F1|mine", "F2|search"]);
    let drift = look::drift(&tree.session("bert")).unwrap().remove(0);
    assert_eq!(drift.changed, ["Screens 1/form 1.xml", "Screens 3/form 3.xml"]);
    assert_eq!(drift.rows, [bundles::RowName { table: "shortcuts".to_owned(), key: "F1".to_owned() }]);
    assert_eq!(look::drift(&tree.session("carl")).unwrap()[0].changed, [""; 0]);

    assert_eq!(tree.rows("dora", LISTS[0])[1], "DE|Germany 2.0.0|-");
    tree.assert_same(&ALL);

    // Back to the version before: what a person decided is not undone by the next round.
    for site in ["anna", "bert", "carl"] {
        undo::undo(&tree.session(site), Scope::Site, &named("forms"), undo::Depth::One, Loss::Refuse).unwrap();
    }
    tree.settle(&ALL);
    let reports = bundles::reports(&tree.session("head")).unwrap();
    let carl = reports.iter().find(|report| report.site.as_str() == "carl").unwrap();
    assert_eq!(
        carl.bundles[0].waits.as_ref().map(|wait| format!("{}: {}", wait.version, wait.why)).as_deref(),
        Some("2.0.0: it was taken back here")
    );
    bundles::withdraw(&tree.session("head"), &named("forms"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for (site, installed) in ALL.iter().zip(&installed) {
        let mut there = everything(&tree, site);
        if *site == "bert" {
            for (path, own) in [("Screens 3/form 3.xml", "bert's own"), ("Screens 1/form 1.xml", "bert's too")] {
                assert_eq!(there.files.insert(path.into(), installed.files[path].clone()).as_deref(), Some(own));
            }
            assert_eq!(std::mem::replace(&mut there.held.get_mut("shortcuts").unwrap()[0], "F1|help 1.0.0".into()), "F1|mine");
        }
        assert_eq!(there, *installed, "as it was with the first version, at {site}");
    }
    assert_eq!(version_of(&tree, "bert", "forms").as_deref(), Some("1.0.0"));

    // Away with it. Bert's changes are in the way, and are kept beside where he insists.
    let away = |site: &str, loss| undo::undo(&tree.session(site), Scope::Site, &named("forms"), undo::Depth::All, loss);
    let before = everything(&tree, "bert");
    assert!(matches!(refusal(away("bert", Loss::Refuse)), Refusal::Blocked(_)));
    assert_eq!(everything(&tree, "bert"), before, "nothing was done");
    for (site, loss) in [("anna", Loss::Refuse), ("bert", Loss::KeepBeside), ("carl", Loss::Refuse)] {
        away(site, loss).unwrap();
    }
    bundles::withdraw(&tree.session("head"), &named("forms"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for (site, mut first) in ALL.iter().zip(first) {
        if *site == "bert" {
            first.files.insert("Screens 3/form 3.xml.kept-1.0.0".to_owned(), "bert's own".to_owned());
            first.files.insert("Screens 1/form 1.xml.kept-1.0.0".to_owned(), "bert's too".to_owned());
            // A row that was changed since stays.
            first.held.insert("shortcuts".to_owned(), vec!["F1|mine".to_owned()]);
        }
        assert_eq!(everything(&tree, site), first, "at {site}");
    }
}

/// A bundle with files of these contents.
fn with_files(tree: &Tree, version: &str, contents: &[(&str, &str)]) -> PathBuf {
    let folder = Folder::new(tree, &format!("name = 'x'\nversion = '{version}'\n")).with("files/always.txt", "x");
    let folder = contents.iter().fold(folder, |folder, (path, text)| folder.with(&format!("files/{path}"), text));
    folder.build(&tree.session("head").signing)
}

#[test]
fn a_file_that_a_version_leaves_out_and_a_later_one_has_again_is_nobodys_to_replace() {
    let tree = four();
    let install = |version: &str, contents: &[(&str, &str)]| {
        let session = tree.session("anna");
        let file = with_files(&tree, version, contents);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
    };
    let there = |path: &str| files(&tree, "anna").remove(path);
    write(&tree, "anna", "own.xml", "what anna had");
    write(&tree, "anna", "same.xml", "1");
    let first = files(&tree, "anna");
    install("1.0.0", &[("a.xml", "1"), ("b.xml", "1"), ("own.xml", "1"), ("same.xml", "1")]);
    write(&tree, "anna", "a.xml", "changed by anna");
    write(&tree, "anna", "b.xml", "changed by anna");
    let two = install("2.0.0", &[]);
    // What was there before any version is there again as soon as none has the path.
    assert_eq!(two.files.iter().find(|(path, _)| path == "own.xml").map(|(_, fate)| fate), Some(&Fate::Restored));
    assert_eq!((there("own.xml").as_deref(), there("same.xml").as_deref()), (Some("what anna had"), Some("1")));
    assert_eq!(there("a.xml").as_deref(), Some("changed by anna"));
    std::fs::remove_file(custom(&tree, "anna").join("b.xml")).unwrap();
    let three = install("3.0.0", &[("a.xml", "3"), ("b.xml", "3"), ("own.xml", "3")]);
    let fate = |path: &str| three.files.iter().find(|(of, _)| of == path).map(|(_, fate)| fate.clone());
    assert_eq!(fate("a.xml"), Some(Fate::Kept { beside: Some("a.xml.new-3.0.0".to_owned()) }));
    assert_eq!((fate("b.xml"), fate("own.xml")), (Some(Fate::Added), Some(Fate::Replaced)));
    assert_eq!((there("a.xml").as_deref(), there("a.xml.new-3.0.0").as_deref()), (Some("changed by anna"), Some("3")));
    write(&tree, "anna", "a.xml", "1");
    undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::All, Loss::Refuse).unwrap();
    assert_eq!(files(&tree, "anna"), first);
}

/// What a person makes or goes on with where no version has a file is theirs, however often versions have it again and leave it out.
#[test]
fn a_file_of_the_site_that_versions_took_the_place_of_and_gave_back_stays_when_the_bundle_goes() {
    let tree = four();
    let session = tree.session("anna");
    let install = |version: &str, contents: &[(&str, &str)]| {
        let file = with_files(&tree, version, contents);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
    };
    let remove = |loss| undo::undo(&session, Scope::Site, &named("x"), undo::Depth::All, loss);
    let own = |contents: &[(&str, &str)]| contents.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    write(&tree, "anna", "menu.txt", "own 2024");
    write(&tree, "anna", "plan.txt", "plan 2024");
    install("1.0.0", &[("report.txt", "r1"), ("menu.txt", "m1"), ("plan.txt", "p1"), ("forms", "f1")]);
    install("1.1.0", &[]);
    write(&tree, "anna", "report.txt", "a day of work");
    write(&tree, "anna", "menu.txt", "own 2026");
    write(&tree, "anna", "plan.txt", "plan 2026");
    write(&tree, "anna", "forms/mine.txt", "mine");
    let theirs = own(&[("report.txt", "a day of work"), ("menu.txt", "own 2026"), ("plan.txt", "plan 2026"), ("forms/mine.txt", "mine")]);
    install("1.2.0", &[("report.txt", "r2"), ("menu.txt", "m2")]);
    install("1.3.0", &[]);
    let drift = look::drift(&session).unwrap().remove(0);
    assert!(drift.changed.is_empty() && drift.missing.is_empty() && drift.unreadable.is_empty(), "{drift:?}");
    remove(Loss::Refuse).unwrap();
    assert_eq!(files(&tree, "anna"), theirs);
    // And where the newest version has it again.
    install("2.0.0", &[("report.txt", "r1"), ("menu.txt", "m1")]);
    install("2.1.0", &[]);
    write(&tree, "anna", "menu.txt", "own 2027");
    install("2.2.0", &[("report.txt", "r2"), ("menu.txt", "m2")]);
    remove(Loss::Refuse).unwrap();
    let mut theirs: BTreeMap<String, String> = theirs;
    theirs.insert("menu.txt".to_owned(), "own 2027".to_owned());
    assert_eq!(files(&tree, "anna"), theirs);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_in_the_way_of_nothing_that_goes() {
    let tree = four();
    let session = tree.session("anna");
    let install = |version: &str, contents: &[(&str, &str)]| {
        let file = with_files(&tree, version, contents);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site)
    };
    let back = |depth| undo::undo(&session, Scope::Site, &named("x"), depth, Loss::Refuse);
    write(&tree, "anna", "menu", "own");
    install("1.0.0", &[("forms", "f1"), ("menu", "m1"), ("deep/a", "d1")]).unwrap();
    std::fs::remove_file(custom(&tree, "anna").join("forms")).unwrap();
    write(&tree, "anna", "forms/mine.txt", "mine");
    std::fs::remove_dir_all(custom(&tree, "anna").join("deep")).unwrap();
    write(&tree, "anna", "deep", "a file of anna's");
    // A version that has the file is refused, one that has it not goes in, and the way back to the one below is refused.
    assert!(refusal(install("1.1.0", &[("forms", "f2"), ("menu", "m1")])).to_string().contains("is a folder, a link or a device"));
    install("1.2.0", &[("menu", "m1")]).unwrap();
    back(undo::Depth::One).unwrap();
    install("1.2.0", &[("menu", "m1")]).unwrap();
    back(undo::Depth::All).unwrap();
    let expected = [("deep", "a file of anna's"), ("forms/mine.txt", "mine"), ("menu", "own")];
    assert_eq!(files(&tree, "anna"), BTreeMap::from(expected.map(|(path, text)| (path.to_owned(), text.to_owned()))));
    // What is to come back there is not put through it.
    install("2.0.0", &[("menu", "m2")]).unwrap();
    std::fs::remove_file(custom(&tree, "anna").join("menu")).unwrap();
    write(&tree, "anna", "menu/mine.txt", "mine");
    assert!(refusal(back(undo::Depth::All)).to_string().contains("is a folder, a link or a device"));
    assert_eq!(files(&tree, "anna")["menu/mine.txt"], "mine");
    assert_eq!(files(&tree, "anna")["always.txt"], "x", "nothing was changed");
    // An empty folder is nothing.
    std::fs::remove_file(custom(&tree, "anna").join("menu/mine.txt")).unwrap();
    back(undo::Depth::All).unwrap();
    assert_eq!(files(&tree, "anna")["menu"], "own");
}

/// Settings name another folder, with the files moved along, or left where they are, or gone.
#[test]
fn bundles_go_along_into_another_folder() {
    for what in ["left", "moved", "gone"] {
        let tree = four();
        publish(&tree, &with_files(&tree, "1.0.0", &[("a.xml", "1"), ("b.xml", "1"), ("c.xml", "1")]), &["sales"]);
        tree.settle(&ALL);
        write(&tree, "anna", "b.xml", "changed by anna");
        std::fs::remove_file(custom(&tree, "anna").join("c.xml")).unwrap();
        let session = tree.session("anna");
        let settings = fieldpost::site::Settings { bundles_folder: "elsewhere".to_owned(), ..session.settings.clone() };
        session.home.write_settings(&session.world, &settings).unwrap();
        drop(session);
        let there = tree.home("anna").join("elsewhere");
        match what {
            "moved" => std::fs::rename(custom(&tree, "anna"), &there).unwrap(),
            "gone" => std::fs::remove_dir_all(custom(&tree, "anna")).unwrap(),
            _ => {}
        }
        let said = format!("{:?}", tree.sync("anna"));
        assert_eq!(said.contains("is the folder for customizations now"), what != "moved", "{what}: {said}");
        publish(&tree, &with_files(&tree, "2.0.0", &[("a.xml", "2"), ("b.xml", "1"), ("c.xml", "1"), ("d.xml", "2")]), &["sales"]);
        tree.settle(&ALL);
        let mut expected = files(&tree, "bert");
        if what != "gone" {
            expected.insert("b.xml".to_owned(), "changed by anna".to_owned());
            expected.remove("c.xml");
        }
        assert_eq!(crate::files_in(&there), expected, "{what}");
        undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::All, Loss::KeepBeside).unwrap();
        assert!(crate::files_in(&there).into_keys().all(|path| path.starts_with("b.xml.kept")), "{what}");
    }
}

#[test]
fn a_round_says_what_of_a_site_gives_way() {
    let tree = four();
    write(&tree, "anna", "always.txt", "what anna had");
    publish(&tree, &with_files(&tree, "1.0.0", &[]), &["sales"]);
    tree.sync("head");
    let report = tree.sync("anna");
    let said = format!("{report:?}");
    assert!(
        said.contains("bundle x 1.0.0 is installed; `always.txt` was there: it is kept, and comes back when the bundle goes"),
        "{said}"
    );
}

/// A bundle of any name with these files.
fn of_name(tree: &Tree, name: &str, version: &str, contents: &[(&str, &str)]) -> PathBuf {
    let folder = Folder::new(tree, &format!("name = '{name}'\nversion = '{version}'\n")).with(&format!("files/{name}.txt"), version);
    let folder = contents.iter().fold(folder, |folder, (path, text)| folder.with(&format!("files/{path}"), text));
    folder.build(&tree.session("head").signing)
}

#[test]
fn a_file_that_moved_to_another_bundle_does_not_go_with_the_former() {
    let tree = four();
    write(&tree, "bert", "p.txt", "what bert had");
    for file in [
        of_name(&tree, "one", "1.0.0", &[("p.txt", "of one")]),
        of_name(&tree, "one", "2.0.0", &[]),
        of_name(&tree, "two", "1.0.0", &[("p.txt", "of two")]),
    ] {
        publish(&tree, &file, &["sales"]);
        tree.settle(&ALL);
    }
    let there = |site: &str| files(&tree, site).remove("p.txt");
    let back = |site: &str, name: &str, depth| undo::undo(&tree.session(site), Scope::Site, &named(name), depth, Loss::Refuse);
    let words = "one 1.0.0, which would be back, has `p.txt`, and so has the bundle two";
    assert_eq!(refusal(back("anna", "one", undo::Depth::One)).to_string(), words);
    assert_eq!(refusal(bundles::withdraw(&tree.session("head"), &named("one"), Loss::Refuse)).to_string(), words);
    for site in ["anna", "bert"] {
        back(site, "one", undo::Depth::All).unwrap();
        assert_eq!(there(site).as_deref(), Some("of two"), "at {site}");
        let drift = look::drift(&tree.session(site)).unwrap().remove(0);
        assert!(drift.name == named("two") && drift.changed.is_empty() && drift.missing.is_empty(), "{drift:?}");
    }
    back("anna", "two", undo::Depth::All).unwrap();
    back("bert", "two", undo::Depth::All).unwrap();
    assert_eq!((there("anna"), there("bert").as_deref()), (None, Some("what bert had")));
    // Without the other bundle it is as ever.
    bundles::withdraw(&tree.session("head"), &named("two"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    bundles::withdraw(&tree.session("head"), &named("one"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    assert_eq!(there("carl").as_deref(), Some("of one"));
}

/// A share that is not mounted for one round deletes nothing.
#[test]
fn a_folder_that_is_away_makes_no_file_somebodys() {
    let tree = four();
    write(&tree, "anna", "own.xml", "what anna had");
    let of = |version: &str, contents: &[(&str, &str)]| publish(&tree, &with_files(&tree, version, contents), &["sales"]);
    of("1.0.0", &[("a.xml", "1"), ("own.xml", "1")]);
    tree.settle(&ALL);
    let (there, away) = (custom(&tree, "anna"), tree.home("anna").join("away"));
    for mounted in [false, true] {
        std::fs::rename(&there, &away).unwrap();
        if mounted {
            std::fs::create_dir(&there).unwrap();
        }
        let version = if mounted { "3.0.0" } else { "2.0.0" };
        of(version, &[("a.xml", version)]);
        tree.sync("head");
        let report = tree.sync("anna");
        let why = format!("the folder for customizations `{}` is not there, or empty, and bundles have files in it", there.display());
        // A share may come back by itself, a lost folder does not: a person is to hear of it.
        assert!(report.waiting[0].why.starts_with(&why) && !report.waiting[0].retried, "{:?}", report.waiting);
        assert!(report.waiting[0].why.contains("'fieldpost bundle remove x --force', then 'fieldpost bundle install x'"));
        assert!(matches!(
            refusal(undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::All, Loss::Refuse)),
            Refusal::FolderAway(_)
        ));
        if mounted {
            std::fs::remove_dir(&there).unwrap();
        }
        std::fs::rename(&away, &there).unwrap();
        tree.settle(&ALL);
        assert_eq!(files(&tree, "anna")["a.xml"], version);
        assert_eq!(files(&tree, "anna")["own.xml"], "what anna had");
    }
}
