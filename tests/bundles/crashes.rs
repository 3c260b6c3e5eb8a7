//! What is left when a site or the main office dies at any moment while it works on a bundle?

use std::collections::BTreeSet;
use std::path::Path;

use fieldpost::bundle::Loss;
use fieldpost::site::Home;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, undo};
use fieldpost::sync::{Session, SyncError};

use crate::support::Tree;
use crate::{ALL, LISTS, everything, files, forms, four, named, publish, small, source_files, write};

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Runs `work` at a copy of a site, dying before step 1, 2, 3 …; after each death the next run leads to the same end as a life without.
fn sweep(tree: &Tree, site: &str, work: &dyn Fn(&Session) -> Result<(), SyncError>) -> usize {
    let scratch = tempfile::tempdir_in(tree.folder.path()).unwrap();
    let end = |home: &Path| {
        let copy = Tree {
            folder: tempfile::tempdir_in(tree.folder.path()).unwrap(),
            exchange: tree.exchange.clone(),
            time: tree.time.clone(),
            limits: tree.limits.clone(),
        };
        self::copy(home, &copy.home(site));
        let session = copy.session(site);
        let states = [Scope::Site, Scope::Shared].map(|scope| bundles::states(&session, scope).unwrap());
        (everything(&copy, site), bundles::paper(&session).unwrap(), states)
    };
    let start = end(&tree.home(site));
    let mut ends = Vec::new();
    for kill in 1.. {
        let home = scratch.path().join(kill.to_string());
        copy(&tree.home(site), &home);
        let open = |kill| {
            let world = tree.world(site);
            world.faults().kill_before(kill);
            Session::open(world, Home::discover(Some(&home), &home).unwrap(), tree.limits.clone())
        };
        let died = match open(Some(kill)) {
            Ok(session) => {
                let done = work(&session);
                let died = session.world.faults().died_at();
                assert!(died.is_some() || done.is_ok(), "{done:?}");
                died
            }
            Err(error) if error.is_crash() => Some("opening"),
            Err(error) => panic!("{error}"),
        };
        let Some(step) = died else {
            assert!(end(&home) == ends[0], "a life without death ends otherwise");
            return ends.len();
        };
        // Looked at right after a death and the next opening: all or nothing.
        let session = open(None).unwrap();
        bundles::follow::follow(&session).unwrap();
        drop(session);
        let here = end(&home);
        let session = open(None).unwrap();
        match work(&session) {
            Ok(()) | Err(SyncError::Bundle(Refusal::NotInstalled(_) | Refusal::NotPublished(_))) => {}
            Err(error) => panic!("after a death before '{step}': {error}"),
        }
        drop(session);
        ends.push(end(&home));
        let last = ends.last().unwrap();
        assert!(*last == ends[0], "another end after a death before '{step}' ({kill})");
        assert!(here == start || here == *last, "half done after a death before '{step}' ({kill})");
        std::fs::remove_dir_all(home).unwrap();
    }
    unreachable!("some life ends without death")
}

#[test]
fn killed_anywhere_an_install_an_upgrade_and_every_way_back_are_done_or_taken_back() {
    let tree = four();
    let versions = [small(&tree, "1.0.0"), small(&tree, "2.0.0")];
    write(&tree, "anna", "b.txt", "what was there");
    let first = everything(&tree, "anna");
    let mut ends = Vec::new();
    for file in &versions {
        let installing = |session: &Session| {
            let opened = bundles::verified(session, file)?;
            install::install(session, &opened, Scope::Site).map(drop)
        };
        let steps = sweep(&tree, "anna", &installing);
        assert!(steps > 8, "{steps}");
        installing(&tree.session("anna")).unwrap();
        ends.push(everything(&tree, "anna"));
    }
    assert!(ends[1].made.contains_key("favourites") && !ends[0].made.contains_key("favourites"));
    let going = |session: &Session, depth| undo::undo(session, Scope::Site, &named("small"), depth, Loss::Refuse).map(drop);
    // Whoever goes back once more after a death that came too late would go back twice.
    let back = |session: &Session| {
        let there = bundles::states(session, Scope::Site)?.remove(&named("small")).and_then(|state| Some(state.top()?.version));
        if there == Some("2.0.0".parse().unwrap()) { going(session, undo::Depth::One) } else { Ok(()) }
    };
    let away = |session: &Session| going(session, undo::Depth::All);
    for (work, end) in [(&back as &dyn Fn(&Session) -> Result<(), SyncError>, &ends[0]), (&away, &first)] {
        let steps = sweep(&tree, "anna", work);
        assert!(steps > 5, "{steps}");
        let copied = tree.folder.path().join("before");
        copy(&tree.home("anna"), &copied);
        work(&tree.session("anna")).unwrap();
        assert_eq!(everything(&tree, "anna"), *end);
        std::fs::remove_dir_all(tree.home("anna")).unwrap();
        std::fs::rename(copied, tree.home("anna")).unwrap();
    }
}

/// Somebody goes on working on a file after the death and before the next run.
#[test]
fn what_was_there_before_an_install_that_died_is_kept_also_where_somebody_edits_since() {
    let tree = four();
    write(&tree, "anna", "b.txt", "what was there");
    let file = small(&tree, "1.0.0");
    let (mut rescued, scratch) = (0, tree.folder.path().join("untouched"));
    copy(&tree.home("anna"), &scratch);
    for kill in 1.. {
        let world = tree.world("anna");
        world.faults().kill_before(Some(kill));
        let open = Session::open(world, Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap(), tree.limits.clone());
        let Ok(session) = open else { continue };
        let done = bundles::verified(&session, &file);
        let done = done.and_then(|opened| install::install(&session, &opened, Scope::Site));
        drop(session);
        if done.is_ok() {
            break;
        }
        let half = files(&tree, "anna")["b.txt"] == "1.0.0";
        write(&tree, "anna", "deep/.aB3xY9.part", "half a content");
        write(&tree, "anna", ".own-file.part", "mine");
        if half {
            write(&tree, "anna", "b.txt", "1.0.0, and a line of mine");
        }
        let followed = bundles::follow::follow(&tree.session("anna")).unwrap();
        let there = files(&tree, "anna");
        if half && there.contains_key("b.txt.before") {
            rescued += 1;
            assert_eq!(there["b.txt.before"], "what was there");
            assert_eq!(there["b.txt"], "1.0.0, and a line of mine");
            assert!(followed.notes.iter().any(|note| note.contains("`b.txt.before`")), "{:?}", followed.notes);
            assert!(!there.contains_key("deep/.aB3xY9.part") && there.contains_key(".own-file.part"));
        } else if half {
            // It had come to its end: it comes back when the bundle goes.
            undo::undo(&tree.session("anna"), Scope::Site, &named("small"), undo::Depth::All, Loss::KeepBeside).unwrap();
            assert_eq!(files(&tree, "anna")["b.txt"], "what was there");
        }
        std::fs::remove_dir_all(tree.home("anna")).unwrap();
        copy(&scratch, &tree.home("anna"));
    }
    assert!(rescued >= 2, "{rescued}");
}

#[test]
fn killed_anywhere_publishing_and_withdrawing_are_done_or_not() {
    let tree = four();
    for version in ["1.0.0", "2.0.0"] {
        let file = forms(&tree, version);
        let publishing = |session: &Session| {
            let opened = bundles::verified(session, &file)?;
            bundles::publish(session, &opened, &file, &BTreeSet::from(["sales".to_owned()]), None).map(drop)
        };
        let steps = sweep(&tree, "head", &publishing);
        assert!(steps >= 3, "{steps}");
        publishing(&tree.session("head")).unwrap();
    }
    let withdrawing = |session: &Session| {
        let paper = bundles::paper(session)?;
        let left = paper.bundles.iter().filter(|bundle| !bundle.withdrawn).count();
        if left == 2 { bundles::withdraw(session, &named("forms"), Loss::Refuse).map(drop) } else { Ok(()) }
    };
    let steps = sweep(&tree, "head", &withdrawing);
    assert!(steps >= 2, "{steps}");
}

/// Every round at two sites dies at another step, while a bundle comes, a newer one, and both go.
#[test]
fn rounds_that_die_anywhere_with_bundles_on_their_way_are_made_good_by_the_next() {
    let tree = four();
    let first = ALL.map(|site| everything(&tree, site));
    let dying = |most: u64| {
        for kill in 1..most {
            for site in ["head", "anna"] {
                tree.sync_dying(site, kill);
            }
        }
        tree.settle(&ALL);
        tree.assert_same(&ALL);
    };
    for version in ["1.0.0", "2.0.0"] {
        let file = small(&tree, version);
        publish(&tree, &file, &["sales"]);
        dying(60);
        for site in ["anna", "bert", "carl"] {
            assert_eq!(files(&tree, site), source_files(&file), "at {site}");
            assert_eq!(tree.rows(site, LISTS[3]), [format!("F2|{version}")], "at {site}");
        }
    }
    for _ in 0..2 {
        bundles::withdraw(&tree.session("head"), &named("small"), Loss::Refuse).unwrap();
        dying(45);
    }
    for (site, first) in ALL.iter().zip(&first) {
        assert_eq!(everything(&tree, site), *first, "at {site}");
    }
}

/// Of a file a version makes a folder, of a folder a file; and back again.
#[test]
fn a_path_becomes_a_folder_and_a_folder_a_path_killed_anywhere() {
    let tree = four();
    let make = |version: &str, contents: &[&str]| {
        let folder = crate::Folder::new(&tree, &format!("name = 'x'\nversion = '{version}'\n"));
        let folder = contents.iter().fold(folder, |folder, path| folder.with(&format!("files/{path}"), version));
        folder.build(&tree.session("head").signing)
    };
    let first = make("1.0.0", &["menu", "screens/main.xml", "screens/deep/a.xml", "same.txt"]);
    let second = make("2.0.0", &["menu/main", "menu/deep/b", "screens", "same.txt"]);
    let third = make("3.0.0", &["menu", "screens/main.xml", "same.txt"]);
    let mut ends = vec![files(&tree, "anna")];
    for file in [&first, &second, &third] {
        let installing = |session: &Session| install::install(session, &bundles::verified(session, file)?, Scope::Site).map(drop);
        sweep(&tree, "anna", &installing);
        installing(&tree.session("anna")).unwrap();
        assert_eq!(files(&tree, "anna"), source_files(file));
        ends.push(files(&tree, "anna"));
    }
    for end in ends.iter().rev().skip(1) {
        let versions = || bundles::states(&tree.session("anna"), Scope::Site).unwrap()[&named("x")].installs.len();
        let left = versions() - 1;
        let back = |session: &Session| {
            let there = bundles::states(session, Scope::Site)?.get(&named("x")).map_or(0, |state| state.installs.len());
            let going = || undo::undo(session, Scope::Site, &named("x"), undo::Depth::One, Loss::Refuse).map(drop);
            if there > left { going() } else { Ok(()) }
        };
        sweep(&tree, "anna", &back);
        back(&tree.session("anna")).unwrap();
        assert_eq!(files(&tree, "anna"), *end);
    }
    // All the way at once; and what somebody has in the way is not put aside.
    for file in [&first, &second] {
        let session = tree.session("anna");
        install::install(&session, &bundles::verified(&session, file).unwrap(), Scope::Site).unwrap();
    }
    undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::All, Loss::Refuse).unwrap();
    assert_eq!(files(&tree, "anna"), ends[0]);
    let session = tree.session("anna");
    install::install(&session, &bundles::verified(&session, &first).unwrap(), Scope::Site).unwrap();
    write(&tree, "anna", "screens/own.xml", "anna's");
    let before = files(&tree, "anna");
    let why = install::install(&session, &bundles::verified(&session, &second).unwrap(), Scope::Site).unwrap_err();
    assert!(why.to_string().contains("screens` is a folder"), "{why}");
    assert_eq!(files(&tree, "anna"), before);
}

/// Once the home is set aside, nobody takes back what was begun.
#[test]
fn a_site_that_is_detached_after_an_install_that_died_has_its_own_files() {
    let tree = four();
    write(&tree, "anna", "b.txt", "what was there");
    let (file, first, mut half) = (small(&tree, "1.0.0"), files(&tree, "anna"), 0);
    let scratch = tree.folder.path().join("untouched");
    copy(&tree.home("anna"), &scratch);
    for kill in 1.. {
        let world = tree.world("anna");
        world.faults().kill_before(Some(kill));
        let open = Session::open(world, Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap(), tree.limits.clone());
        let Ok(session) = open else { continue };
        let installing = bundles::verified(&session, &file).and_then(|opened| install::install(&session, &opened, Scope::Site));
        drop(session);
        let there = files(&tree, "anna");
        half += usize::from(there != first && there != source_files(&file));
        let session = tree.session("anna");
        let is_installed = !bundles::states(&session, Scope::Site).unwrap().is_empty();
        fieldpost::sync::start::detach(session, fieldpost::model::Millis(1)).unwrap();
        assert_eq!(files(&tree, "anna"), if is_installed { source_files(&file) } else { first.clone() }, "{kill}");
        if installing.is_ok() {
            break;
        }
        std::fs::remove_dir_all(tree.home("anna")).unwrap();
        copy(&scratch, &tree.home("anna"));
    }
    assert!(half > 0);
}
