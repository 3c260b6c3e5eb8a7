//! What goes back of rows and steps that others built on since?

use fieldpost::bundle::Loss;
use fieldpost::sync::bundles::{self, Refusal, Scope, undo};

use crate::rows::list;
use crate::support::Tree;
use crate::{ALL, LISTS, four, named, publish, refusal};

/// Items that refer to countries and to each other, at all sites.
fn with_items() -> Tree {
    let tree = four();
    tree.edit(
        "head",
        "CREATE TABLE items (id TEXT PRIMARY KEY, country TEXT REFERENCES countries (code)) WITHOUT ROWID;
         INSERT INTO items VALUES ('old', 'CH')",
    );
    tree.settle(&ALL);
    tree
}

#[test]
fn rows_that_records_refer_to_do_not_go() {
    let tree = with_items();
    publish(
        &tree,
        &list(&tree, "c", "1.0.0", "countries", "code", "upsert", "code,name\nCH,Switzerland\nDE,Germany\nFR,France\nIT,Italy\n"),
        &[],
    );
    tree.settle(&ALL);
    tree.edit("anna", "INSERT INTO items VALUES ('i2', 'DE'), ('i3', 'DE')");
    tree.edit("head", "INSERT INTO items VALUES ('i1', 'FR')");
    tree.settle(&ALL);
    let withdrawing = |loss| bundles::withdraw(&tree.session("head"), &named("c"), loss);
    let before = tree.rows("head", LISTS[0]);
    let why = refusal(withdrawing(Loss::Refuse));
    assert_eq!(why.to_string(), "records refer to 2 of its rows, the first is i2 of `items`, which refers to DE of `countries`");
    assert_eq!(tree.rows("head", LISTS[0]), before);
    let undone = withdrawing(Loss::KeepBeside).unwrap();
    assert_eq!((undone.kept_rows, undone.rows["countries"]), (2, undo_counts(0, 1, 1)));
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for site in ALL {
        assert_eq!(tree.rows(site, LISTS[0]), ["CH|Schweiz|8.1", "DE|Germany|-", "FR|France|-", "XX|Nowhere|0"], "at {site}");
        assert!(tree.rows(site, "SELECT * FROM pragma_foreign_key_check").is_empty(), "at {site}");
        assert!(tree.held(site).is_empty(), "at {site}");
    }
}

fn undo_counts(added: usize, changed: usize, removed: usize) -> bundles::install::RowCounts {
    bundles::install::RowCounts { added, changed, removed }
}

/// The same for what a site has for itself, with rows that refer to each other, and where a step takes away the whole table.
#[test]
fn a_list_of_a_site_that_refers_to_itself_goes_whole_and_what_others_need_of_it_stays() {
    let tree = four();
    tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY, up TEXT REFERENCES favourites)");
    let csv = "id,up\na,\nb,a\nc,b\nd,a\n";
    crate::rows::installing(&tree, "upsert", csv).unwrap();
    let favourites = || tree.rows("anna", "SELECT id FROM favourites ORDER BY 1");
    let away = |loss| undo::undo(&tree.session("anna"), Scope::Site, &named("f"), undo::Depth::All, loss);
    away(Loss::Refuse).unwrap();
    assert!(favourites().is_empty());
    crate::rows::installing(&tree, "upsert", csv).unwrap();
    tree.edit("anna", "INSERT INTO favourites VALUES ('mine', 'c')");
    let why = refusal(away(Loss::Refuse));
    assert!(matches!(&why, Refusal::RowsReferred { count: 1, .. }), "{why}");
    assert_eq!(away(Loss::KeepBeside).unwrap().kept_rows, 3);
    assert_eq!(favourites(), ["a", "b", "c", "mine"]);
}
