//! The whole life of a bundle at five sites of which three are meant: published, upgraded over local changes, rolled back, removed.

use std::collections::BTreeMap;

use fieldpost::bundle::Loss;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, look, undo};

use crate::{ALL, LISTS, everything, files, forms, four, named, publish, refusal, source_files, version_of, write};

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
