//! Whatever rule decides between two edits of a document: the content that lost is kept, and comes back when a person wants it.

use fieldpost::ledger::Conflict;
use fieldpost::sync::documents::lost::{Whereabouts, content_lost};
use fieldpost::sync::mend::{self, Choice, MendError, Since};
use fieldpost::sync::{Session, SyncError};

use crate::folders::{SITES, library, noise};
use crate::support::Tree;

const RULES: &str = "[library]\nconflict = { '*.new' = 'newest', '*.up' = 'parent', '*.down' = 'child' }\n";

/// The conflicts about contents that a site lists: number, conflict, content that lost.
fn lost(session: &Session) -> Vec<(i64, Conflict, [u8; 32])> {
    let mut found = Vec::new();
    let mut each = |number, _, _, conflict: Conflict| {
        if let Some(content) = content_lost(&conflict).filter(|_| conflict.settles.is_none()) {
            found.push((number, conflict, content));
        }
        Ok(())
    };
    session.ledger.conflicts(0, &mut each).unwrap();
    found
}

fn hash(text: impl AsRef<[u8]>) -> [u8; 32] {
    fieldpost::library::ContentId::of(text.as_ref()).0
}

fn whereabouts(tree: &Tree, site: &str, content: impl AsRef<[u8]>) -> Whereabouts {
    tree.session(site).whereabouts(&hash(content)).unwrap()
}

/// Head and anna edit a document of each kind; `first` is edited first, so that `newest` takes the other one's.
fn disputed(first: &str, second: &str, order: &[&str]) -> Tree {
    let tree = library(RULES);
    for kind in ["new", "up", "down"] {
        tree.write("head", &format!("a.{kind}"), format!("first {kind}"));
    }
    tree.settle(&SITES);
    for site in [first, second] {
        for kind in ["new", "up", "down"] {
            tree.write(site, &format!("a.{kind}"), format!("of {site} {kind}"));
        }
    }
    tree.settle(order);
    tree.settle(&SITES);
    tree.assert_same(&SITES);
    tree
}

#[test]
fn the_loser_is_kept_under_every_rule_and_wherever_it_is_decided() {
    // The two edits meet at north, who decides for anna, or at head, who decides for north.
    for (order, decider) in [(["head", "north", "anna"], "north"), (["anna", "north", "head"], "head")] {
        for (first, second) in [("head", "anna"), ("anna", "head")] {
            let tree = disputed(first, second, &order);
            let losers = [("new", first), ("up", "anna"), ("down", "head")];
            for (kind, loser) in losers {
                let what = format!("a.{kind}, {first} before {second}, decided at {decider}");
                let content = format!("of {loser} {kind}");
                assert_ne!(tree.read("head", &format!("a.{kind}")), content, "{what}");
                let listed = lost(&tree.session(decider));
                assert!(listed.iter().any(|(_, _, lost)| *lost == hash(&content)), "{what}: {listed:?}");
                let bytes = content.len() as u64;
                assert_eq!(whereabouts(&tree, decider, &content), Whereabouts::Kept { bytes }, "{what}");
                if loser == "anna" {
                    assert!(lost(&tree.session("anna")).iter().any(|(_, _, lost)| *lost == hash(&content)), "{what}");
                    assert_ne!(whereabouts(&tree, "anna", &content), Whereabouts::Nowhere, "{what}");
                }
            }
        }
    }
}

/// Takes what lost in the conflict about this path, at a site.
fn take_lost(tree: &Tree, site: &str, path: &str) -> Result<(), SyncError> {
    tree.tick(1_000);
    let session = tree.session(site);
    let is_it = |(_, conflict, _): &&(i64, Conflict, [u8; 32])| conflict.key.to_string().contains(path);
    let (number, ..) = *lost(&session).iter().find(is_it).unwrap_or_else(|| panic!("{path} at {site}"));
    mend::settle(&session, number, &Choice::Lost, Since::Ask)
}

#[test]
fn what_lost_comes_back_at_every_site_when_it_is_taken_at_any_that_lists_it() {
    for (order, decider) in [(["head", "north", "anna"], "north"), (["anna", "north", "head"], "head")] {
        for at in [decider, "anna"] {
            let tree = disputed("anna", "head", &order);
            let kinds: &[&str] = if at == "anna" { &["new", "up"] } else { &["new", "up", "down"] };
            for kind in kinds {
                take_lost(&tree, at, &format!("a.{kind}")).unwrap();
            }
            tree.settle(&SITES);
            tree.settle(&SITES);
            for site in SITES {
                for kind in kinds {
                    let loser = if *kind == "down" { "head" } else { "anna" };
                    assert_eq!(tree.read(site, &format!("a.{kind}")), format!("of {loser} {kind}"), "at {site}, taken at {at}");
                }
                assert_eq!(tree.folder(site).len(), 3, "at {site}");
            }
            tree.assert_same(&SITES);
        }
    }
}

#[test]
fn a_document_that_lost_and_was_deleted_since_comes_back_too() {
    let tree = disputed("anna", "head", &["head", "north", "anna"]);
    tree.delete("head", "a.up");
    tree.settle(&SITES);
    assert!(!tree.document("anna", "a.up").exists());
    let content = "of anna up";
    assert_eq!(whereabouts(&tree, "north", content), Whereabouts::Kept { bytes: content.len() as u64 });
    take_lost(&tree, "north", "a.up").unwrap();
    tree.settle(&SITES);
    for site in SITES {
        assert_eq!(tree.read(site, "a.up"), content, "at {site}");
    }
}

#[test]
fn an_edit_wins_over_a_delete_under_every_rule_and_nothing_is_lost() {
    for (deletes, edits) in [("head", "anna"), ("anna", "head"), ("north", "anna"), ("anna", "north")] {
        let tree = library(RULES);
        for kind in ["new", "up", "down", "both"] {
            tree.write("head", &format!("a.{kind}"), "first");
        }
        tree.write("head", "stays", "x");
        tree.settle(&SITES);
        for kind in ["new", "up", "down", "both"] {
            tree.delete(deletes, &format!("a.{kind}"));
            tree.write(edits, &format!("a.{kind}"), "edited");
        }
        tree.settle(&SITES);
        tree.assert_documents(
            &SITES,
            &[("a.new", "edited"), ("a.up", "edited"), ("a.down", "edited"), ("a.both", "edited"), ("stays", "x")],
        );
    }
}

#[test]
fn what_was_before_the_two_edits_is_gone_and_that_is_said() {
    let tree = disputed("anna", "head", &["head", "north", "anna"]);
    let session = tree.session("north");
    let (number, ..) = lost(&session)[0];
    let before = mend::settle(&session, number, &Choice::Before, Since::Ask);
    assert!(
        matches!(&before, Err(SyncError::Mend(MendError::NoSuchSide { why, .. })) if why.contains("no document of that content")),
        "{before:?}"
    );
}

#[test]
fn a_round_that_dies_anywhere_while_a_loser_is_replaced_keeps_it() {
    for kill in 1.. {
        let tree = library(RULES);
        let content = noise(50_000, 3);
        tree.write("head", "a.down", "first");
        tree.settle(&SITES);
        tree.write("head", "a.down", &content);
        tree.write("anna", "a.down", "of anna");
        for site in ["anna", "north"] {
            tree.sync(site);
        }
        let died = tree.sync_dying("head", kill);
        tree.sync("head");
        assert_eq!(tree.read("head", "a.down"), "of anna", "died before step {kill}, {died:?}");
        let bytes = content.len() as u64;
        assert_eq!(whereabouts(&tree, "head", &content), Whereabouts::Kept { bytes }, "died before step {kill}, {died:?}");
        if died.is_none() {
            assert!(kill > 5, "{kill}");
            return;
        }
    }
}

#[test]
fn a_loser_goes_with_its_entry_in_the_list_of_conflicts() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let tree = disputed("anna", "head", &["head", "north", "anna"]);
    for site in SITES {
        let home = fieldpost::site::Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
        let mut settings = home.settings().unwrap();
        settings.history_millis = 30 * DAY;
        home.write_settings(&tree.world(site), &settings).unwrap();
    }
    let kept = || whereabouts(&tree, "north", "of anna new");
    for day in [20, 40] {
        tree.tick(20 * DAY);
        for site in ["head", "anna", "head", "anna", "head"] {
            tree.write(site, "other", format!("{day} {site}"));
            tree.settle(&SITES);
        }
        assert_eq!(kept() != Whereabouts::Nowhere, day == 20, "after {day} days: {:?}", kept());
    }
    // The last entry stays, so that no number is given again.
    assert_eq!(lost(&tree.session("north")).len(), 1);
}

#[test]
fn a_library_that_ends_and_begins_again_keeps_what_lost() {
    let tree = disputed("head", "anna", &["head", "north", "anna"]);
    let kept = |site: &str| {
        let session = tree.session(site);
        let is_here = |content: &[u8; 32]| matches!(session.whereabouts(content).unwrap(), Whereabouts::Kept { .. } | Whereabouts::File(_));
        lost(&session).iter().filter(|(_, _, content)| is_here(content)).count()
    };
    let before: Vec<usize> = SITES.iter().map(|site| kept(site)).collect();
    assert_eq!(before[1], 3, "{before:?}");
    fieldpost::sync::documents::switch::off(&mut tree.session("head")).unwrap();
    tree.settle(&SITES);
    assert!(!tree.session("north").has_library());
    fieldpost::sync::documents::switch::on(&mut tree.session("head")).unwrap();
    tree.settle(&SITES);
    let after: Vec<usize> = SITES.iter().map(|site| kept(site)).collect();
    assert_eq!(after, before);
}

#[test]
fn a_loser_is_kept_where_another_document_is_only_believed_to_have_its_content() {
    for how in ["it grew", "it is left out", "a link has its place", "its deletion is asked about", "it is edited later"] {
        let tree = library("[library]\nlargest = '1 kB'\nconflict = { '*' = 'newest' }\n");
        let content = "of head ".repeat(100);
        for (path, content) in [("journal", &content[..]), ("report", "first"), ("other", "other")] {
            tree.write("head", path, content);
        }
        tree.settle(&SITES);
        tree.write("head", "report", &content);
        tree.write("anna", "report", "of anna");
        match how {
            "it grew" => tree.write("head", "journal", "x".repeat(1_001)),
            "it is left out" => {
                tree.set_library("head", |library| library.choice.exclude = vec!["journal".into()]);
                tree.write("head", "journal", "goes on");
            }
            "a link has its place" => tree.put_in_the_way("head", "journal"),
            "its deletion is asked about" => {
                tree.delete("head", "journal");
                tree.put_in_the_way("head", "a name that is not taken");
            }
            _ => {}
        }
        tree.settle(&["anna", "north", "head"]);
        if how == "it is edited later" {
            tree.write("head", "journal", "goes on");
            tree.settle(&SITES);
        }
        assert_eq!(tree.read("head", "report"), "of anna", "{how}");
        let bytes = content.len() as u64;
        assert_eq!(whereabouts(&tree, "head", &content), Whereabouts::Kept { bytes }, "{how}");
        take_lost(&tree, "head", "report").unwrap();
        tree.settle(&SITES);
        SITES.iter().for_each(|site| assert_eq!(tree.read(site, "report"), content, "{how}, at {site}"));
    }
}
