//! What becomes of the rows of a list whose table or columns are called otherwise by now?

use fieldpost::bundle::Loss;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, look, undo};

use crate::rows::list;
use crate::{ALL, Folder, LISTS, four, named, publish, refusal};

/// What users changed, added and deleted stays so, as if nothing were called otherwise.
#[test]
fn the_main_office_calls_a_list_otherwise() {
    for (renaming, table, key, value) in [
        ("", "colours", "code", "name"),
        ("ALTER TABLE colours RENAME TO tints", "tints", "code", "name"),
        ("ALTER TABLE colours RENAME COLUMN name TO label", "colours", "code", "label"),
        ("ALTER TABLE colours RENAME COLUMN code TO id", "colours", "id", "name"),
        (
            "ALTER TABLE colours RENAME COLUMN name TO was; ALTER TABLE colours RENAME COLUMN code TO name; ALTER TABLE colours RENAME TO c",
            "c",
            "name",
            "was",
        ),
    ] {
        let tree = four();
        publish(&tree, &list(&tree, "l", "1.0.0", "colours", "code", "replace", "code,name\nr,red\nb,blue\ny,yellow\nw,white\n"), &[]);
        tree.settle(&ALL);
        tree.edit(
            "anna",
            "UPDATE colours SET name = 'mine' WHERE code = 'b'; DELETE FROM colours WHERE code = 'y'; INSERT INTO colours VALUES ('own', 'o')",
        );
        tree.settle(&ALL);
        tree.edit("head", renaming);
        tree.settle(&ALL);
        let two = format!("{key},{value}\nr,red 2\nb,blue 2\ny,yellow 2\n");
        let effects = publish(&tree, &list(&tree, "l", "2.0.0", table, key, "replace", &two), &[]);
        assert_eq!((effects.kept_rows, effects.rows[table]), (3, install::RowCounts { added: 0, changed: 1, removed: 1 }), "{renaming}");
        tree.settle(&ALL);
        tree.assert_same(&ALL);
        let all = format!("SELECT {key}, {value} FROM {table} ORDER BY 1");
        tree.assert_rows(&ALL, &all, &["b|mine", "own|o", "r|red 2"]);
        let withdrawing = |loss| bundles::withdraw(&tree.session("head"), &named("l"), loss);
        withdrawing(Loss::Refuse).unwrap();
        assert_eq!(tree.rows("head", &all), ["b|mine", "own|o", "r|red", "w|white"], "{renaming}");
        let why = refusal(withdrawing(Loss::Refuse));
        assert!(matches!(&why, Refusal::RowsChanged { count: 1, first } if *first == format!("{table} b")), "{renaming}: {why}");
        withdrawing(Loss::KeepBeside).unwrap();
        tree.settle(&ALL);
        tree.assert_same(&ALL);
        tree.assert_rows(&ALL, &all, &["b|mine", "g|green", "own|o", "r|red"]);
    }
}

/// Where only a person can say that it is the same column, the list follows with the answer.
#[test]
fn a_hint_calls_a_list_otherwise() {
    let tree = four();
    tree.edit("head", "INSERT INTO countries VALUES ('W', 'w', 1), ('Y', 'y', 1), ('Z', 'z', 1)");
    publish(&tree, &list(&tree, "l", "1.0.0", "countries", "code", "upsert", "code,name\nCH,Switzerland\nDE,Germany\nFR,France\n"), &[]);
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE countries SET name = 'mine' WHERE code = 'DE'");
    tree.settle(&ALL);
    tree.edit(
        "head",
        "BEGIN; CREATE TABLE n (code TEXT PRIMARY KEY, label TEXT, rate REAL);
         INSERT INTO n SELECT code, CASE WHEN rate = 1 OR code = 'XX' THEN 'converted ' || name ELSE name END, rate FROM countries;
         DROP TABLE countries; ALTER TABLE n RENAME TO countries; COMMIT",
    );
    tree.sync("head");
    let mut session = tree.session("head");
    fieldpost::sync::schema::hints::is_renamed(&mut session, "countries", "name", "label").unwrap();
    drop(session);
    tree.settle(&ALL);
    let two = list(&tree, "l", "2.0.0", "countries", "code", "upsert", "code,label\nCH,Suisse\nDE,Allemagne\nFR,la France\n");
    assert_eq!(publish(&tree, &two, &[]).kept_rows, 1);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(
        &ALL,
        "SELECT code, label FROM countries WHERE rate IS NOT 1 ORDER BY 1",
        &["CH|Suisse", "DE|mine", "FR|la France", "XX|converted Nowhere"],
    );
}

/// As a step of the next version does it, and its way back.
#[test]
fn a_step_of_a_bundle_calls_its_list_otherwise() {
    let tree = four();
    publish(&tree, &list(&tree, "l", "1.0.0", "countries", "code", "upsert", "code,name\nCH,Switzerland\nDE,Germany\nFR,France\n"), &[]);
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE countries SET name = 'mine' WHERE code = 'DE'");
    tree.settle(&ALL);
    let toml = "name = 'l'\nversion = '2.0.0'\n[[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\n\
        [[rows]]\nfile = 'rows/a.csv'\ntable = 'lands'\nkey = ['code']\nmode = 'upsert'\n";
    let file = Folder::new(&tree, toml)
        .with("schema/1.sql", "ALTER TABLE countries RENAME COLUMN name TO label; ALTER TABLE countries RENAME TO lands")
        .with("schema/1-down.sql", "ALTER TABLE lands RENAME TO countries; ALTER TABLE countries RENAME COLUMN label TO name")
        .with("rows/a.csv", "code,label\nCH,Suisse\nDE,Allemagne\nFR,la France\n")
        .build(&tree.session("head").signing);
    assert_eq!(publish(&tree, &file, &[]).kept_rows, 1);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, "SELECT code, label FROM lands ORDER BY 1", &["CH|Suisse", "DE|mine", "FR|la France", "XX|Nowhere"]);
    // Both versions at once, as a site does that takes a bundle away.
    undo::undo(&tree.session("head"), Scope::Shared, &named("l"), undo::Depth::All, Loss::KeepBeside).unwrap();
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, LISTS[0], &["CH|Schweiz|8.1", "DE|mine|-", "XX|Nowhere|0"]);
}

/// Of a table that stays at a site nobody notes what is called otherwise: nothing is taken for as it was put.
#[test]
fn what_is_not_found_under_its_name_is_never_taken_for_unchanged() {
    for (renaming, table, key, value) in [
        ("ALTER TABLE favourites RENAME COLUMN customer TO client", "favourites", "id", "client"),
        ("ALTER TABLE favourites RENAME COLUMN id TO number", "favourites", "number", "customer"),
        ("ALTER TABLE favourites RENAME TO liked; CREATE VIEW favourites AS SELECT 1 AS one", "liked", "id", "customer"),
    ] {
        let tree = four();
        tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT); INSERT INTO favourites VALUES ('there', 'x')");
        let session = tree.session("anna");
        let installing = |version: &str, csv: &str| {
            let file = list(&tree, "f", version, "favourites", csv.split(',').next().unwrap(), "upsert", csv);
            install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site)
        };
        installing("1.0.0", "id,customer\na,A\nb,B\nthere,T\n").unwrap();
        tree.edit("anna", &format!("UPDATE favourites SET customer = 'mine' WHERE id = 'b'; {renaming}"));
        let all = format!("SELECT {key}, {value} FROM {table} ORDER BY 1");
        let drift = look::drift(&session).unwrap().remove(0);
        assert_eq!(drift.rows.len(), 3, "{renaming}: {drift:?}");
        if value == "client" {
            assert_eq!(installing("2.0.0", "id,client\na,A 2\nb,B 2\nthere,T 2\n").unwrap().kept_rows, 3);
        }
        let away = |loss| undo::undo(&session, Scope::Site, &named("f"), undo::Depth::All, loss);
        let why = refusal(away(Loss::Refuse));
        assert!(matches!(why, Refusal::RowsChanged { count: 3, .. }), "{renaming}: {why}");
        assert_eq!(away(Loss::KeepBeside).unwrap().kept_rows, 3, "{renaming}");
        assert_eq!(tree.rows("anna", &all), ["a|A", "b|mine", "there|T"], "{renaming}");
    }
}

/// A column that the list says nothing of is in nobody's way once it is gone; one that somebody filled in is.
#[test]
fn what_a_list_does_not_give_counts_where_a_row_would_go() {
    let tree = four();
    tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT, note TEXT, more TEXT)");
    crate::rows::installing(&tree, "upsert", "id,customer\na,A\nb,B\n").unwrap();
    tree.edit("anna", "ALTER TABLE favourites DROP COLUMN more; UPDATE favourites SET note = 'n' WHERE id = 'b'");
    let session = tree.session("anna");
    let drift = look::drift(&session).unwrap().remove(0);
    assert_eq!(drift.rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["b"]);
    let away = |loss| undo::undo(&session, Scope::Site, &named("f"), undo::Depth::All, loss);
    let why = refusal(away(Loss::Refuse));
    assert!(matches!(&why, Refusal::RowsChanged { count: 1, first } if first == "favourites b"), "{why}");
    away(Loss::KeepBeside).unwrap();
    assert_eq!(tree.rows("anna", "SELECT id, note FROM favourites"), ["b|n"]);
}
