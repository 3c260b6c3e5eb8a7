//! What goes back of rows and steps that others built on since?

use fieldpost::bundle::Loss;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, look, undo};

use crate::rows::list;
use crate::steps::{stepping, with_customers};
use crate::support::Tree;
use crate::{ALL, LISTS, SCHEMA, four, named, publish, refusal};

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
    // What leads to a column that is not unique keeps SQLite from checking anything.
    tree.edit("head", "CREATE TABLE mistaken (id TEXT PRIMARY KEY, item TEXT REFERENCES items (country))");
    tree.edit("anna", "INSERT INTO items VALUES ('i2', 'DE'), ('i3', 'DE')");
    tree.edit("head", "PRAGMA foreign_keys = off; INSERT INTO items VALUES ('i1', 'FR')");
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
        assert!(tree.rows(site, "SELECT * FROM pragma_foreign_key_check('items')").is_empty(), "at {site}");
        assert!(tree.held(site).is_empty(), "at {site}");
    }
}

fn undo_counts(added: usize, changed: usize, removed: usize) -> bundles::install::RowCounts {
    bundles::install::RowCounts { added, changed, removed }
}

/// As with most applications: nothing is declared, and the rules say what refers to what.
#[test]
fn rows_that_records_refer_to_by_the_rules_do_not_go() {
    let rules = "[references]\n'items.colour' = 'colours'\n'items.of' = { type = 'kind', tables = { c = 'colours', t = 'titles' } }\n\
        'items.text' = { separator = ':', tables = { c = 'colours' } }\n'items.lines' = { json = ['$.lines[*].colour'], tables = ['colours'] }\n";
    let tree = Tree::with_rules(&format!("{SCHEMA} CREATE TABLE items (id TEXT PRIMARY KEY, colour, kind, of, text, lines)"), rules);
    let lists = |version: &str, mode: &str, csv: &str| {
        let (session, file) = (tree.session("head"), list(&tree, "l", version, "colours", "code", mode, csv));
        bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &[].into(), None).map(|(_, effects)| effects)
    };
    lists("1.0.0", "replace", "code,name\na,1\nb,2\nc,3\nd,4\ne,5\n").unwrap();
    // What stands for nothing, and what never led anywhere, is in nobody's way.
    tree.edit(
        "head",
        r#"INSERT INTO items (id, colour) VALUES ('1', 'a'), ('0', ''), ('00', 'never');
           INSERT INTO items (id, kind, of) VALUES ('2', 'c', 'b'), ('22', 't', 'e');
           INSERT INTO items (id, text) VALUES ('3', 'c:c'), ('33', 'x:e'), ('333', 'e');
           INSERT INTO items (id, lines) VALUES ('4', '{"lines": [7, {"colour": "d"}, {"colour": 0}]}'), ('44', '{"colour": "e"}'), ('444', '{');"#,
    );
    let before = tree.rows("head", LISTS[1]);
    let all = ["a", "b", "c", "d", "e"];
    for (number, gone) in ["1", "2", "3", "4"].iter().zip(all) {
        let rest: String = all.iter().filter(|code| **code != gone).map(|code| format!("{code},x\n")).collect();
        let why = refusal(lists("2.0.0", "replace", &format!("code,name\n{rest}")));
        let line = format!("records refer to 1 of its rows, the first is {number} of `items`, which refers to {gone} of `colours`");
        assert_eq!(why.to_string(), line);
        assert_eq!(tree.rows("head", LISTS[1]), before);
    }
    assert_eq!(lists("2.0.0", "replace", "code,name\na,1\nb,2\nc,3\nd,4\n").unwrap().rows["colours"].removed, 1);
    let withdrawing = |loss| bundles::withdraw(&tree.session("head"), &named("l"), loss);
    withdrawing(Loss::Refuse).unwrap();
    let why = refusal(withdrawing(Loss::Refuse));
    assert_eq!(why.to_string(), "records refer to 4 of its rows, the first is 1 of `items`, which refers to a of `colours`");
    assert_eq!(withdrawing(Loss::KeepBeside).unwrap().kept_rows, 4);
    assert_eq!(tree.rows("head", LISTS[1]), ["a|1", "b|2", "c|3", "d|4", "g|green", "r|red"]);
    // Rows that refer to nothing go and come back.
    for (version, csv) in [("3.0.0", "id,colour\n9,\"\"\n8,none\n"), ("4.0.0", "id,colour\n9,nil\n")] {
        publish(&tree, &list(&tree, "i", version, "items", "id", "replace", csv), &[]);
    }
    for _ in 0..2 {
        bundles::withdraw(&tree.session("head"), &named("i"), Loss::Refuse).unwrap();
    }
    assert_eq!(tree.rows("head", "SELECT count(*) FROM items"), ["11"]);
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

/// The main office has by now what a step made for some sites: that is everybody's, and the way back does not take it away.
#[test]
fn a_field_of_a_step_that_became_everybodys_stays_with_what_is_in_it() {
    let tree = with_customers();
    let file = stepping(&tree, "at-each", "ALTER TABLE customers ADD COLUMN extra", Some("ALTER TABLE customers DROP COLUMN extra"));
    publish(&tree, &file, &["sales"]);
    tree.settle(&ALL);
    tree.edit("head", "ALTER TABLE customers ADD COLUMN extra; UPDATE customers SET extra = 'of head' WHERE id = 'A'");
    tree.settle(&ALL);
    tree.edit("dora", "UPDATE customers SET extra = 'of dora' WHERE id = 'B'");
    tree.settle(&ALL);
    bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
    tree.sync("head");
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    let said = "bundle x 1.0.0 was withdrawn by the main office and is gone; what is everybody's by now stays: schema/1.sql";
    assert!(format!("{report:?}").contains(said), "{report:?}");
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, "SELECT id, extra FROM customers ORDER BY 1", &["A|of head", "B|of dora", "C|-"]);
    assert!(ALL.iter().all(|site| crate::version_of(&tree, site, "x").is_none()));
    tree.edit("anna", "UPDATE customers SET extra = 'of anna' WHERE id = 'C'");
    tree.settle(&ALL);
    tree.assert_same(&ALL);
}

#[test]
fn a_table_of_a_step_that_became_everybodys_stays_with_its_rows() {
    let tree = four();
    let toml = "name = 'x'\nversion = '1.0.0'\n[[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\nruns = 'at-each'\n\
        [[rows]]\nfile = 'rows/f.csv'\ntable = 'favourites'\nkey = ['id']\nmode = 'upsert'\nruns = 'at-each'\n";
    let file = crate::Folder::new(&tree, toml)
        .with("schema/1.sql", "CREATE TABLE favourites (id TEXT PRIMARY KEY, what TEXT)")
        .with("schema/1-down.sql", "DROP TABLE favourites")
        .with("rows/f.csv", "id,what\nlisted,a\n")
        .build(&tree.session("head").signing);
    publish(&tree, &file, &["sales"]);
    tree.settle(&ALL);
    tree.edit("anna", "INSERT INTO favourites VALUES ('anna', 'own')");
    std::fs::write(tree.home("head").join("rules.toml"), "[tables.shortcuts]\ndirection = \"none\"\n").unwrap();
    tree.edit("head", "CREATE TABLE favourites (id TEXT PRIMARY KEY, what TEXT); INSERT INTO favourites VALUES ('head', 'h')");
    tree.settle(&ALL);
    tree.edit("dora", "INSERT INTO favourites VALUES ('dora', 'd')");
    tree.settle(&ALL);
    let before = tree.rows("anna", "SELECT * FROM favourites ORDER BY 1");
    assert!(before.len() >= 4, "{before:?}");
    bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    assert!(tree.sync("anna").waiting.is_empty());
    tree.assert_same(&ALL);
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    tree.assert_rows(&ALL, "SELECT * FROM favourites ORDER BY 1", &before);
}

/// One reference that a version mends hides none that it makes.
#[test]
fn references_are_told_one_from_another() {
    let tree = with_items();
    let lists = |version: &str, csv: &str| {
        let (session, file) = (tree.session("head"), list(&tree, "c", version, "countries", "code", "replace", csv));
        bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &[].into(), None).map(|(_, effects)| effects)
    };
    lists("1.0.0", "code,name\nCH,Schweiz\nA,a\n").unwrap();
    tree.edit("head", "PRAGMA foreign_keys = off; INSERT INTO items VALUES ('1', 'A'), ('2', 'Z')");
    let before = tree.rows("head", LISTS[0]);
    let why = refusal(lists("2.0.0", "code,name\nCH,Schweiz\nZ,z\n")).to_string();
    assert!(why.ends_with("would be left, the first is 1 of `items`, which refers to A of `countries`"), "{why}");
    assert_eq!(tree.rows("head", LISTS[0]), before);
    // What went leads nowhere when it is back, as it did before.
    publish(&tree, &list(&tree, "i", "1.0.0", "items", "id", "replace", "id,country\nold,CH\n1,A\n"), &[]);
    bundles::withdraw(&tree.session("head"), &named("i"), Loss::Refuse).unwrap();
    assert_eq!(tree.rows("head", "SELECT * FROM items ORDER BY 1"), ["1|A", "2|Z", "old|CH"]);
    // And on the way back: Z comes again, A goes.
    lists("2.0.0", "code,name\nCH,Schweiz\nA,a\nZ,z\n").unwrap();
    tree.edit("head", "PRAGMA foreign_keys = off; INSERT INTO items VALUES ('3', 'Y')");
    lists("3.0.0", "code,name\nCH,Schweiz\nA,a\nZ,z\nX,x\n").unwrap();
    tree.edit("head", "UPDATE items SET country = 'X' WHERE id = '3'");
    let why = refusal(bundles::withdraw(&tree.session("head"), &named("c"), Loss::Refuse)).to_string();
    assert_eq!(why, "records refer to 1 of its rows, the first is 3 of `items`, which refers to X of `countries`");
}

/// As most tables have it that note the time of a change.
#[test]
fn the_time_of_a_change_that_a_trigger_notes_is_nobodys_word() {
    let tree = four();
    tree.edit(
        "anna",
        "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT, at TEXT);
         INSERT INTO favourites VALUES ('there', 'T', 'then');
         CREATE TRIGGER touch AFTER UPDATE ON favourites BEGIN UPDATE favourites SET at = hex(randomblob(8)) WHERE id = new.id; END;",
    );
    let session = tree.session("anna");
    let installing = |version: &str, csv: &str| {
        let file = list(&tree, "f", version, "favourites", "id", "replace", csv);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
    };
    installing("1.0.0", "id,customer\na,A\nb,B\nthere,T\n");
    installing("2.0.0", "id,customer\na,A 2\nb,B\nthere,T 2\n");
    installing("3.0.0", "id,customer\na,A 3\nb,B\nthere,T\n");
    let (drift, there) =
        (|| look::drift(&session).unwrap().remove(0).rows, || tree.rows("anna", "SELECT id, customer FROM favourites ORDER BY 1"));
    let back = |depth| undo::undo(&session, Scope::Site, &named("f"), depth, Loss::Refuse).unwrap();
    assert!(drift().is_empty(), "{:?}", drift());
    back(undo::Depth::One);
    assert!(drift().is_empty(), "{:?}", drift());
    assert_eq!(there(), ["a|A 2", "b|B", "there|T 2"]);
    let effects = installing("3.0.0", "id,customer\na,A 3\nthere,T\n");
    assert_eq!((effects.kept_rows, effects.rows["favourites"].removed), (0, 1));
    back(undo::Depth::All);
    assert_eq!(there(), ["there|T"]);
    // What somebody wrote there is.
    installing("1.0.0", "id,customer\na,A\nthere,T\n");
    installing("2.0.0", "id,customer\na,A 2\nthere,T\n");
    tree.edit("anna", "DROP TRIGGER touch; UPDATE favourites SET at = 'mine' WHERE id = 'a'");
    let why = refusal(undo::undo(&session, Scope::Site, &named("f"), undo::Depth::All, Loss::Refuse));
    assert!(matches!(&why, Refusal::RowsChanged { first, .. } if first == "favourites a"), "{why}");
}

#[test]
fn a_row_that_the_database_does_not_take_back_stays_away_where_somebody_insists() {
    let tree = four();
    tree.edit("anna", "CREATE TABLE favourites (id INTEGER PRIMARY KEY, customer TEXT UNIQUE)");
    let session = tree.session("anna");
    let installing = |version: &str, csv: &str| {
        let file = list(&tree, "f", version, "favourites", "customer", "replace", csv);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
    };
    installing("1.0.0", "customer\nA\nB\nC\n");
    installing("2.0.0", "customer\nA\nB\n");
    tree.edit("anna", "INSERT INTO favourites (customer) VALUES ('mine')");
    let back = |loss| undo::undo(&session, Scope::Site, &named("f"), undo::Depth::One, loss);
    let why = refusal(back(Loss::Refuse)).to_string();
    assert_eq!(why, "favourites: the row C does not come back: UNIQUE constraint failed: favourites.id");
    assert_eq!(back(Loss::KeepBeside).unwrap().kept_rows, 1);
    assert_eq!(tree.rows("anna", "SELECT * FROM favourites"), ["1|A", "2|B", "3|mine"]);
}
