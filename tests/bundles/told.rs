//! Whose word do sites below an office follow? An office that is in other hands passes on what it likes.

use std::path::Path;

use fieldpost::bundle::Loss;
use fieldpost::keys::Namespace;
use fieldpost::site::Role;
use fieldpost::sync::bundles;

use crate::support::Tree;
use crate::{Folder, add, files, four, named, publish, version_of};

/// A note as it lies in the state of a site.
fn note(tree: &Tree, site: &str, name: &str) -> String {
    let state = rusqlite::Connection::open(tree.home(site).join(".fieldpost/state.db")).unwrap();
    state.query_row("SELECT value FROM meta WHERE name = ?1", [format!("note:{name}")], |row| row.get(0)).unwrap()
}

fn set_note(tree: &Tree, site: &str, name: &str, value: &str) {
    let state = rusqlite::Connection::open(tree.home(site).join(".fieldpost/state.db")).unwrap();
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
    assert_eq!(state.execute(sql, [format!("note:{name}"), value.to_owned()]).unwrap(), 1);
}

fn make(tree: &Tree, name: &str, version: &str, signer: &str) -> std::path::PathBuf {
    let folder = Folder::new(tree, &format!("name = '{name}'\nversion = '{version}'\n")).with(&format!("files/{name}.txt"), version);
    folder.build(&tree.session(signer).signing)
}

/// Puts a bundle that the office signed into its own list, with its own key among those that may sign.
fn usurp(tree: &Tree, evil: &Path) {
    let mut paper: serde_json::Value = serde_json::from_str(&note(tree, "north", "bundles")).unwrap();
    let key = tree.session("north").signing.verifying_key().to_string();
    paper["publishers"].as_array_mut().unwrap().push(serde_json::json!({ "name": "main office", "key": key }));
    set_note(tree, "north", "bundles", &paper.to_string());
    let session = tree.session("north");
    let id = serde_json::to_value(bundles::verified(&session, evil).unwrap().id).unwrap();
    std::fs::copy(evil, tree.home("north").join(format!(".fieldpost/bundles/files/{}.fpb", id.as_str().unwrap()))).unwrap();
    let mut published = paper["bundles"][0].clone();
    (published["id"], published["name"]) = (id, "evil".into());
    paper["bundles"].as_array_mut().unwrap().push(published);
    drop(session);
    set_note(tree, "north", "bundles", &paper.to_string());
}

const WAY: [&str; 3] = ["head", "north", "erna"];

fn below_an_office() -> Tree {
    let tree = four();
    add(&tree, "head", "north", Role::Office, &["sales"]);
    tree.settle(&["head", "north"]);
    add(&tree, "north", "erna", Role::Remote, &["sales"]);
    tree.settle(&WAY);
    tree
}

#[test]
fn only_the_main_office_says_what_is_published() {
    let tree = below_an_office();
    publish(&tree, &make(&tree, "good", "1.0.0", "head"), &["sales"]);
    tree.settle(&WAY);
    assert_eq!(version_of(&tree, "erna", "good").as_deref(), Some("1.0.0"));
    let evil = make(&tree, "evil", "1.0.0", "north");
    usurp(&tree, &evil);
    let refused = || {
        for site in ["north", "erna", "north", "erna"] {
            tree.sync(site);
        }
        let waiting = tree.sync("erna").waiting;
        let said =
            waiting.iter().any(|wait| wait.what == "bundles" && wait.why.contains("'north' passed on is not signed by the main office"));
        assert!(said, "{waiting:?}");
        assert_eq!(files(&tree, "erna").into_keys().collect::<Vec<_>>(), ["good.txt"]);
    };
    refused();
    // It signs the list itself, and says that its key is the main office's.
    let own = tree.session("north").signing.sign(Namespace::Paper, note(&tree, "north", "bundles").as_bytes());
    set_note(&tree, "north", "bundles signature", &own);
    refused();
    let (head, key) = (tree.session("head").signing.verifying_key(), tree.session("north").signing.verifying_key());
    let roster = note(&tree, "north", "roster");
    assert!(roster.contains(&head.to_string()));
    set_note(&tree, "north", "roster", &roster.replace(&head.to_string(), &key.to_string()));
    refused();
    // The next word of the main office goes through, and everything is well again.
    publish(&tree, &make(&tree, "good", "2.0.0", "head"), &["sales"]);
    tree.settle(&WAY);
    assert_eq!(files(&tree, "erna")["good.txt"], "2.0.0");
    assert!(tree.sync("erna").waiting.is_empty());
}

#[test]
fn an_office_does_not_bring_back_what_was_published_before() {
    let tree = below_an_office();
    publish(&tree, &make(&tree, "good", "1.0.0", "head"), &["sales"]);
    tree.settle(&WAY);
    let before = ["bundles", "bundles signature"].map(|name| note(&tree, "north", name));
    bundles::withdraw(&tree.session("head"), &named("good"), Loss::Refuse).unwrap();
    tree.settle(&WAY);
    assert_eq!(version_of(&tree, "erna", "good"), None);
    for (name, value) in ["bundles", "bundles signature"].iter().zip(&before) {
        set_note(&tree, "north", name, value);
    }
    for site in ["north", "erna"] {
        tree.sync(site);
    }
    let waiting = tree.sync("erna").waiting;
    assert!(waiting.iter().any(|wait| wait.why.contains("is older than the one that is here")), "{waiting:?}");
    assert_eq!(version_of(&tree, "erna", "good"), None);
}

/// A list from before lists were signed is followed until a signed one comes.
#[test]
fn a_list_from_before_lists_were_signed_goes_on_and_is_overtaken_by_a_signed_one() {
    let tree = below_an_office();
    publish(&tree, &make(&tree, "good", "1.0.0", "head"), &["sales"]);
    tree.settle(&WAY);
    for site in ["north", "erna"] {
        let mut paper: serde_json::Value = serde_json::from_str(&note(&tree, site, "bundles")).unwrap();
        paper.as_object_mut().unwrap().remove("serial").unwrap();
        set_note(&tree, site, "bundles", &paper.to_string());
        set_note(&tree, site, "bundles signature", "");
        set_note(&tree, site, "host key", "");
    }
    let state = rusqlite::Connection::open(tree.home("erna").join(".fieldpost/state.db")).unwrap();
    state.execute("DELETE FROM meta WHERE name = 'note:host key'", []).unwrap();
    drop(state);
    tree.settle(&WAY);
    assert!(tree.sync("erna").waiting.is_empty());
    assert_eq!(version_of(&tree, "erna", "good").as_deref(), Some("1.0.0"));
    publish(&tree, &make(&tree, "good", "2.0.0", "head"), &["sales"]);
    tree.settle(&WAY);
    assert_eq!(version_of(&tree, "erna", "good").as_deref(), Some("2.0.0"));
    assert_eq!(note(&tree, "erna", "bundles signature"), note(&tree, "north", "bundles signature"));
}
