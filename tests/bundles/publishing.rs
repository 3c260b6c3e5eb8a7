//! Who gets which version, when, and what of a file that was damaged or exchanged on the way?

use std::collections::BTreeSet;

use fieldpost::bundle::Loss;
use fieldpost::model::Millis;
use fieldpost::site::Role;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, undo};
use fieldpost::sync::roster;

use crate::support::Tree;
use crate::{ALL, Folder, LISTS, add, files, forms, four, named, publish, refusal, source_files, version_of};

/// A bundle with one file.
fn plain(tree: &Tree, version: &str) -> std::path::PathBuf {
    let folder = Folder::new(tree, &format!("name = 'x'\nversion = '{version}'\n")).with("files/x.txt", version);
    folder.build(&tree.session("head").signing)
}

#[test]
fn what_a_person_took_back_stays_away_version_by_version() {
    let tree = four();
    for version in ["1.0.0", "2.0.0"] {
        publish(&tree, &plain(&tree, version), &["sales"]);
        tree.settle(&ALL);
    }
    let back = |depth| undo::undo(&tree.session("anna"), Scope::Site, &named("x"), depth, Loss::Refuse).unwrap();
    back(undo::Depth::One);
    back(undo::Depth::All);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "anna", "x"), None);
    // The version before is not put in its place, were it the newest again.
    bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    assert_eq!((version_of(&tree, "anna", "x"), version_of(&tree, "bert", "x").as_deref()), (None, Some("1.0.0")));
    publish(&tree, &plain(&tree, "3.0.0"), &["sales"]);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "anna", "x").as_deref(), Some("3.0.0"), "a newer one is another thing");
}

#[test]
fn publishing_again_adds_groups_and_whoever_joins_later_gets_what_there_is() {
    let tree = four();
    let one = forms(&tree, "1.0.0");
    publish(&tree, &one, &["sales"]);
    tree.settle(&ALL);
    add(&tree, "head", "erna", Role::Remote, &["east"]);
    add(&tree, "head", "finn", Role::Remote, &["sales"]);
    let all = ["anna", "bert", "carl", "dora", "erna", "finn", "head"];
    tree.settle(&all);
    for site in ["erna", "finn"] {
        tree.edit(site, "CREATE TABLE IF NOT EXISTS shortcuts (key TEXT PRIMARY KEY, screen TEXT)");
    }
    tree.settle(&all);
    assert_eq!(files(&tree, "finn"), source_files(&one));
    assert_eq!((files(&tree, "erna").len(), tree.rows("erna", LISTS[1])), (0, vec!["b|blue".to_owned(), "r|red".to_owned()]));
    let session = tree.session("head");
    let opened = bundles::verified(&session, &one).unwrap();
    let (groups, effects) = bundles::publish(&session, &opened, &one, &["east".to_owned()].into(), None).unwrap();
    assert_eq!((groups, effects.already), (["east".to_owned(), "sales".to_owned()].into(), true));
    drop(session);
    tree.settle(&all);
    for site in ["anna", "bert", "carl", "erna", "finn"] {
        assert_eq!(files(&tree, site), source_files(&one), "at {site}");
    }
    tree.assert_same(&all);
}

#[test]
fn a_version_whose_day_is_to_come_hides_none_before_it() {
    let tree = four();
    publish(&tree, &plain(&tree, "1.0.0"), &["sales"]);
    let session = tree.session("head");
    let (file, day) = (plain(&tree, "2.0.0"), Millis(session.world.now().0 + 86_400_000));
    let opened = bundles::verified(&session, &file).unwrap();
    bundles::publish(&session, &opened, &file, &["sales".to_owned()].into(), Some(day)).unwrap();
    drop(session);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "anna", "x").as_deref(), Some("1.0.0"));
    // Whoever cannot wait may have it, and is left alone with it.
    let session = tree.session("bert");
    install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap();
    drop(session);
    assert!(tree.sync("bert").waiting.is_empty());
    assert_eq!(tree.sync("anna").waiting.len(), 1);
    tree.tick(86_400_000);
    tree.settle(&ALL);
    for site in ["anna", "bert", "carl"] {
        assert_eq!(version_of(&tree, site, "x").as_deref(), Some("2.0.0"), "at {site}");
    }
}

/// Puts a site into exactly these groups.
fn regroup(tree: &Tree, at: &str, site: &str, groups: &[&str]) {
    let (session, name) = (tree.session(at), crate::support::name(site));
    let before = roster::known(&session).unwrap().find(&name).unwrap().groups.clone();
    let now: BTreeSet<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let done = roster::regroup(&session, &name, &now, &before.difference(&now).cloned().collect()).unwrap();
    assert_eq!((&done.site.groups, &done.before), (&now, &before));
}

#[test]
fn a_site_that_comes_into_a_group_gets_what_is_for_it_also_below_an_office() {
    let tree = four();
    add(&tree, "head", "north", Role::Office, &[]);
    tree.settle(&["head", "north"]);
    add(&tree, "north", "erna", Role::Remote, &[]);
    let all = ["anna", "bert", "erna", "north", "head"];
    publish(&tree, &plain(&tree, "1.0.0"), &["sales"]);
    tree.settle(&all);
    let versions = || ["anna", "bert", "erna"].map(|site| version_of(&tree, site, "x"));
    let has = |version: &str| Some(version.to_owned());
    assert_eq!(versions(), [has("1.0.0"), has("1.0.0"), None]);
    // Whoever is not its parent may not: what the host wrote would be gone with the office's next word.
    for (at, site, parent) in [("head", "erna", "north"), ("north", "anna", "head"), ("anna", "anna", "head")] {
        let denied = roster::regroup(&tree.session(at), &crate::support::name(site), &["sales".to_owned()].into(), &BTreeSet::new());
        assert_eq!(denied.unwrap_err().to_string(), format!("the groups of '{site}' are changed at '{parent}'"));
    }
    regroup(&tree, "head", "anna", &["east"]);
    regroup(&tree, "north", "erna", &["sales"]);
    tree.settle(&all);
    assert_eq!(versions(), [has("1.0.0"), has("1.0.0"), has("1.0.0")], "what is published already comes");
    publish(&tree, &plain(&tree, "2.0.0"), &["sales"]);
    tree.settle(&all);
    assert_eq!(versions(), [has("1.0.0"), has("2.0.0"), has("2.0.0")]);
    for site in all {
        let known = roster::known(&tree.session(site)).unwrap();
        let groups = ["anna", "erna"].map(|of| known.find(&crate::support::name(of)).unwrap().groups.iter().cloned().collect::<Vec<_>>());
        assert_eq!(groups, [["east"], ["sales"]], "as {site} knows it");
    }
    regroup(&tree, "head", "anna", &["sales"]);
    tree.settle(&all);
    assert_eq!(versions(), [has("2.0.0"), has("2.0.0"), has("2.0.0")]);
    assert!(tree.sync("anna").built.is_empty());
}

/// Nobody takes anything away from a site because a list of groups has changed.
#[test]
fn a_site_that_leaves_its_group_keeps_what_it_has_and_gets_no_newer_version() {
    let tree = four();
    let in_groups = |groups: &[&str]| {
        regroup(&tree, "head", "head", groups);
    };
    in_groups(&["sales"]);
    publish(&tree, &plain(&tree, "1.0.0"), &["sales"]);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "head", "x").as_deref(), Some("1.0.0"));
    in_groups(&[]);
    publish(&tree, &plain(&tree, "2.0.0"), &["sales"]);
    tree.settle(&ALL);
    assert_eq!((version_of(&tree, "head", "x").as_deref(), version_of(&tree, "anna", "x").as_deref()), (Some("1.0.0"), Some("2.0.0")));
    undo::undo(&tree.session("head"), Scope::Site, &named("x"), undo::Depth::All, Loss::Refuse).unwrap();
    assert!(files(&tree, "head").is_empty());
}

#[test]
fn a_file_that_is_not_what_it_came_as_is_asked_for_again() {
    let tree = four();
    let (one, two) = (plain(&tree, "1.0.0"), plain(&tree, "2.0.0"));
    let session = tree.session("head");
    let id = bundles::verified(&session, &one).unwrap().id;
    let day = Millis(session.world.now().0 + 86_400_000);
    bundles::publish(&session, &bundles::verified(&session, &one).unwrap(), &one, &["sales".to_owned()].into(), Some(day)).unwrap();
    drop(session);
    tree.settle(&ALL);
    let kept = |site: &str| tree.home(site).join(format!(".fieldpost/bundles/files/{id}.fpb"));
    // Cut off at one, exchanged for another good bundle at the other, by the same publisher.
    let whole = std::fs::read(kept("anna")).unwrap();
    std::fs::write(kept("anna"), &whole[..whole.len() / 2]).unwrap();
    std::fs::copy(&two, kept("bert")).unwrap();
    tree.tick(86_400_000);
    let report = tree.sync("bert");
    assert_eq!(report.waiting[0].why, "its file was damaged here, and comes again");
    assert!(report.waiting[0].retried);
    tree.settle(&ALL);
    for site in ["anna", "bert", "carl"] {
        assert_eq!(version_of(&tree, site, "x").as_deref(), Some("1.0.0"), "at {site}");
        assert_eq!(files(&tree, site)["x.txt"], "1.0.0", "at {site}");
    }
}

/// Bundles that need each other cannot be published, so that no site waits for ever.
#[test]
fn two_bundles_that_need_each_other_are_not_published() {
    let tree = four();
    let session = tree.session("head");
    for (name, other) in [("one", "two"), ("two", "one")] {
        let toml = format!("name = '{name}'\nversion = '1.0.0'\n[needs]\nbundles = {{ {other} = '1.0.0' }}\n");
        let file = Folder::new(&tree, &toml).with(&format!("files/{name}"), "x").build(&session.signing);
        let opened = bundles::verified(&session, &file).unwrap();
        let why = refusal(bundles::publish(&session, &opened, &file, &[].into(), None));
        assert!(matches!(why, Refusal::Needs(_)), "{why}");
    }
}

#[test]
fn two_bundles_with_one_path_are_not_published_for_the_same_sites() {
    let tree = four();
    add(&tree, "head", "both", Role::Remote, &["sales", "east"]);
    let all = ["anna", "both", "head"];
    tree.settle(&all);
    let session = tree.session("head");
    let make = |name: &str, path: &str| {
        Folder::new(&tree, &format!("name = '{name}'\nversion = '1.0.0'\n")).with(path, name).build(&session.signing)
    };
    let publishing = |file: &std::path::Path, groups: &[&str]| {
        let opened = bundles::verified(&session, file).unwrap();
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        bundles::publish(&session, &opened, file, &groups, None)
    };
    let (one, two) = (make("one", "files/Screens/a.xml"), make("two", "files/screens/A.xml"));
    publishing(&one, &["sales"]).unwrap();
    for groups in [&["sales"][..], &["north", "sales"], &[]] {
        let why = refusal(publishing(&two, groups));
        assert_eq!(why.to_string(), "`Screens/a.xml` is a file of the bundle one", "{groups:?}");
    }
    // A site that is in groups of both says so.
    publishing(&two, &["east"]).unwrap();
    drop(session);
    tree.settle(&all);
    assert_eq!(files(&tree, "both").keys().collect::<Vec<_>>(), ["Screens/a.xml"]);
    let waits = tree.sync("both").waiting;
    assert_eq!((waits[0].what.as_str(), waits[0].why.as_str()), ("bundle two 1.0.0", "`screens/A.xml` is a file of the bundle one"));
    // Once the other one is gone it goes in by itself.
    bundles::withdraw(&tree.session("head"), &named("one"), Loss::Refuse).unwrap();
    tree.settle(&all);
    assert_eq!(files(&tree, "both").keys().collect::<Vec<_>>(), ["screens/A.xml"]);
}

/// Whoever works in the database just then keeps neither the round from going on nor the bundle from coming later.
#[test]
fn a_database_that_is_in_use_keeps_a_bundle_waiting_and_nothing_else() {
    let mut tree = four();
    tree.limits.lock_wait = std::time::Duration::from_millis(50);
    let session = tree.session("head");
    let (file, day) = (crate::small(&tree, "2.0.0"), Millis(session.world.now().0 + 86_400_000));
    let opened = bundles::verified(&session, &file).unwrap();
    bundles::publish(&session, &opened, &file, &["sales".to_owned()].into(), Some(day)).unwrap();
    drop(session);
    tree.settle(&ALL);
    tree.tick(86_400_000);
    let application = tree.application("anna");
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    let report = tree.sync("anna");
    assert_eq!(report.waiting.len(), 1, "{:?}", report.waiting);
    assert_eq!((report.waiting[0].why.as_str(), report.waiting[0].retried), ("the database is locked by another program", true));
    assert!(files(&tree, "anna").is_empty());
    application.execute_batch("COMMIT").unwrap();
    tree.settle(&ALL);
    assert_eq!((version_of(&tree, "anna", "small").as_deref(), files(&tree, "anna")), (Some("2.0.0"), source_files(&file)));
}

/// No site could take it back, and each would say so after every round, for ever.
#[test]
fn what_no_site_can_take_back_is_not_withdrawn() {
    let tree = four();
    let make = |version: &str, text: &str| {
        let toml = format!("name = 'x'\nversion = '{version}'\n[[schema]]\nup = 'schema/1.sql'\nruns = 'at-each'\n");
        let folder = Folder::new(&tree, &toml).with("schema/1.sql", "CREATE INDEX by_name ON customers (name)").with("files/x.txt", text);
        folder.build(&tree.session("head").signing)
    };
    publish(&tree, &make("1.0.0", "1"), &["sales"]);
    tree.settle(&ALL);
    let withdrawing = |loss| bundles::withdraw(&tree.session("head"), &named("x"), loss);
    for loss in [Loss::Refuse, Loss::KeepBeside] {
        let why = refusal(withdrawing(loss));
        assert_eq!(why.to_string(), "its schema step schema/1.sql has no way back");
    }
    assert!(!bundles::paper(&tree.session("head")).unwrap().bundles[0].withdrawn);
    // A newer version may go: the step stays with the first.
    publish(&tree, &make("2.0.0", "2"), &["sales"]);
    tree.settle(&ALL);
    assert_eq!(files(&tree, "anna")["x.txt"], "2");
    withdrawing(Loss::Refuse).unwrap();
    tree.settle(&ALL);
    assert_eq!(files(&tree, "anna")["x.txt"], "1");
    assert!(tree.sync("anna").waiting.is_empty());
}

#[test]
fn a_file_that_is_damaged_at_an_office_comes_again_for_the_sites_below() {
    let tree = four();
    add(&tree, "head", "north", Role::Office, &[]);
    tree.settle(&["head", "north"]);
    add(&tree, "north", "erna", Role::Remote, &["sales"]);
    let all = ["anna", "erna", "head", "north"];
    publish(&tree, &plain(&tree, "1.0.0"), &["sales"]);
    tree.settle(&all);
    assert_eq!(files(&tree, "erna")["x.txt"], "1.0.0");
    let kept = tree.home("north").join(".fieldpost/bundles/files");
    let file = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 255;
    std::fs::write(&file, &bytes).unwrap();
    add(&tree, "north", "finn", Role::Remote, &["sales"]);
    tree.settle(&["anna", "erna", "finn", "head", "north"]);
    assert!(files(&tree, "north").is_empty());
    assert_eq!(files(&tree, "finn").get("x.txt").map(String::as_str), Some("1.0.0"));
}

#[test]
fn nothing_goes_back_to_a_version_that_lacks_what_it_needs() {
    let tree = four();
    let make = |name: &str, version: &str, needs: &str| {
        let toml = format!("name = '{name}'\nversion = '{version}'\n[needs]\n{needs}\n");
        Folder::new(&tree, &toml).with(&format!("files/{name}.txt"), version).build(&tree.session("head").signing)
    };
    let base = make("base", "1.0.0", "");
    publish(&tree, &base, &["sales"]);
    publish(&tree, &make("top", "1.0.0", "bundles = { base = '1.0.0' }"), &["sales"]);
    tree.settle(&ALL);
    publish(&tree, &make("top", "2.0.0", ""), &["sales"]);
    tree.settle(&ALL);
    let withdrawing = |name: &str| bundles::withdraw(&tree.session("head"), &named(name), Loss::Refuse);
    withdrawing("base").unwrap();
    tree.settle(&ALL);
    let why = refusal(withdrawing("top"));
    assert_eq!(why.to_string(), "top 1.0.0, which would be back, needs the bundle base 1.0.0, which is not there");
    let back = |depth| undo::undo(&tree.session("anna"), Scope::Site, &named("top"), depth, Loss::Refuse);
    assert!(matches!(refusal(back(undo::Depth::One)), Refusal::BelowNeeds { .. }));
    publish(&tree, &base, &["sales"]);
    withdrawing("top").unwrap();
    tree.settle(&ALL);
    let there = files(&tree, "anna");
    assert_eq!((there["base.txt"].as_str(), there["top.txt"].as_str()), ("1.0.0", "1.0.0"));
    back(undo::Depth::All).unwrap();
}

#[test]
fn a_version_that_is_published_once_more_keeps_its_day() {
    let tree = four();
    let (session, file) = (tree.session("head"), plain(&tree, "1.0.0"));
    let day = Millis(session.world.now().0 + 86_400_000);
    let publishing = |groups: &[&str], from| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &groups, from)
    };
    let noted = || bundles::paper(&session).unwrap().bundles[0].from;
    publishing(&["sales"], Some(day)).unwrap();
    publishing(&["field"], None).unwrap();
    assert_eq!(noted(), Some(day));
    for groups in [&["east"][..], &[]] {
        assert!(matches!(refusal(publishing(groups, Some(Millis(day.0 + 1)))), Refusal::OtherDay), "{groups:?}");
    }
    publishing(&["east"], Some(day)).unwrap();
    // For those that it is for the day is moved.
    publishing(&["east", "field", "sales"], Some(Millis(day.0 + 1))).unwrap();
    assert_eq!(noted(), Some(Millis(day.0 + 1)));
    drop(session);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "anna", "x"), None);
}

#[test]
fn whoever_has_a_newer_version_than_any_that_is_published_wants_nobody() {
    let tree = four();
    let (one, two) = (plain(&tree, "1.0.0"), plain(&tree, "2.0.0"));
    let session = tree.session("anna");
    install::install(&session, &bundles::verified(&session, &two).unwrap(), Scope::Site).unwrap();
    drop(session);
    publish(&tree, &one, &["sales"]);
    tree.settle(&ALL);
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    assert_eq!(version_of(&tree, "anna", "x").as_deref(), Some("2.0.0"));
    publish(&tree, &plain(&tree, "3.0.0"), &["sales"]);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "anna", "x").as_deref(), Some("3.0.0"));
}

/// Nobody has another copy: who waits for it would wait for ever, and nobody would hear of it.
#[test]
fn what_the_main_office_cannot_send_any_more_is_said_there() {
    for (how, damage) in [("gone", None), ("damaged", Some("garbage"))] {
        let tree = four();
        let one = plain(&tree, "1.0.0");
        publish(&tree, &one, &["sales"]);
        let kept = tree.home("head").join(".fieldpost/bundles/files");
        let file = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
        damage.map_or_else(|| std::fs::remove_file(&file).unwrap(), |bytes| std::fs::write(&file, bytes).unwrap());
        tree.settle(&ALL);
        let waits = tree.sync("head").waiting;
        let why = format!("its file is {how} here, and no site gets it that has not got it yet: publish it again, or a newer version");
        assert_eq!(
            waits.iter().map(|wait| (wait.what.as_str(), wait.why.as_str(), wait.retried)).collect::<Vec<_>>(),
            [("bundle x 1.0.0", why.as_str(), false)]
        );
        let reports = bundles::reports(&tree.session("head")).unwrap();
        let own = reports.iter().find(|report| report.site.as_str() == "head").unwrap();
        assert_eq!(own.bundles[0].waits.as_ref().map(|wait| wait.until), Some(bundles::Until::Person));
        assert_eq!(version_of(&tree, "anna", "x"), None);
        publish(&tree, &one, &["sales"]);
        tree.settle(&ALL);
        assert!(tree.sync("head").waiting.is_empty());
        assert_eq!(version_of(&tree, "anna", "x").as_deref(), Some("1.0.0"));
    }
}

#[test]
fn an_older_version_than_the_published_one_is_not_published_after_it() {
    let tree = four();
    publish(&tree, &plain(&tree, "2.0.0"), &["sales"]);
    let (session, file) = (tree.session("head"), plain(&tree, "1.0.0"));
    let opened = bundles::verified(&session, &file).unwrap();
    let why = refusal(bundles::publish(&session, &opened, &file, &["east".to_owned()].into(), None));
    assert_eq!(why.to_string(), "x 2.0.0 is published, and 1.0.0 is older: only a newer version is published after another");
}

/// What lies below the withdrawn version is still for the site: it is not told to take that away as well.
#[test]
fn who_cannot_take_a_withdrawn_version_back_is_told_the_way_to_the_one_below() {
    let tree = four();
    let write = |text: &str| crate::write(&tree, "anna", "x.txt", text);
    for version in ["1.0.0", "2.0.0"] {
        publish(&tree, &plain(&tree, version), &["sales"]);
        tree.settle(&ALL);
    }
    for (round, back) in [("first", "rollback"), ("second", "remove")] {
        write(round);
        bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
        tree.settle(&ALL);
        let waits = tree.sync("anna").waiting;
        let words = format!("; 'fieldpost bundle {back} x --force' does it, and keeps changed files beside");
        assert!(waits.len() == 1 && waits[0].why.ends_with(&words), "{waits:?}");
        let depth = if back == "rollback" { undo::Depth::One } else { undo::Depth::All };
        undo::undo(&tree.session("anna"), Scope::Site, &named("x"), depth, Loss::KeepBeside).unwrap();
        assert!(tree.sync("anna").waiting.is_empty());
    }
    let all: Vec<String> = files(&tree, "anna").into_iter().map(|(path, text)| format!("{path}: {text}")).collect();
    assert_eq!(all, ["x.txt.kept-1.0.0: second", "x.txt.kept-2.0.0: first"]);
}
