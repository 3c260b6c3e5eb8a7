//! What becomes of rows that a site changed, and of rows that two bundles want?

use std::path::PathBuf;

use fieldpost::bundle::Loss;
use fieldpost::model::{Key, Value};
use fieldpost::sync::bundles::{self, Refusal, Scope, install, look, undo};

use crate::support::Tree;
use crate::{ALL, Folder, LISTS, SCHEMA, four, named, publish, refusal};

/// A bundle with one list.
pub fn list(tree: &Tree, name: &str, version: &str, table: &str, keys: &str, mode: &str, csv: &str) -> PathBuf {
    let runs = if ["shortcuts", "favourites"].contains(&table) { "at-each" } else { "at-host" };
    let toml = format!(
        "name = '{name}'\nversion = '{version}'\n[[rows]]\nfile = 'rows/a.csv'\ntable = '{table}'\nkey = ['{keys}']\nmode = '{mode}'\nruns = '{runs}'\n"
    );
    let toml = format!("{toml}# {}\n", blake3::hash(csv.as_bytes()));
    Folder::new(tree, &toml).with("rows/a.csv", csv).build(&tree.session("head").signing)
}

#[test]
fn only_what_a_bundle_gives_counts_when_somebody_changed_a_row() {
    let tree = four();
    publish(&tree, &list(&tree, "c", "1.0.0", "countries", "code", "upsert", "code,name\nCH,Switzerland\nXX,Nowhere\n"), &[]);
    tree.settle(&ALL);
    // Another field of a row that was put, and a field of a row that was already as it was to be.
    tree.edit("anna", "UPDATE countries SET rate = 9.5 WHERE code = 'CH'; UPDATE countries SET name = 'mine' WHERE code = 'XX'");
    tree.settle(&ALL);
    let two = list(&tree, "c", "2.0.0", "countries", "code", "upsert", "code,name\nCH,Suisse\nXX,Erewhon\n");
    assert_eq!(publish(&tree, &two, &[]).kept_rows, 1);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    assert_eq!(tree.rows("dora", LISTS[0]), ["CH|Suisse|9.5", "XX|mine|0"]);
    for _ in 0..2 {
        bundles::withdraw(&tree.session("head"), &named("c"), Loss::Refuse).unwrap();
    }
    tree.settle(&ALL);
    assert_eq!(tree.rows("dora", LISTS[0]), ["CH|Schweiz|9.5", "XX|mine|0"]);
}

#[test]
fn rows_that_a_site_added_or_changed_stay_where_a_newer_version_replaces_the_list() {
    let tree = four();
    let install = |version: &str, csv: &str| {
        let session = tree.session("anna");
        let file = list(&tree, "s", version, "shortcuts", "key", "replace", csv);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
    };
    // What was there before the first version gives way, and comes back.
    let first = install("1.0.0", "key,screen\nF2,search\nF3,find\nF4,stop\n");
    assert_eq!(first.rows["shortcuts"], install::RowCounts { added: 3, changed: 0, removed: 1 });
    tree.edit("anna", "INSERT INTO shortcuts VALUES ('F9', 'own'); UPDATE shortcuts SET screen = 'mine' WHERE key = 'F3'");
    let second = install("2.0.0", "key,screen\nF2,look\n");
    assert_eq!((second.rows["shortcuts"], second.kept_rows), (install::RowCounts { added: 0, changed: 1, removed: 1 }, 2));
    assert_eq!(tree.rows("anna", LISTS[3]), ["F2|look", "F3|mine", "F9|own"]);
    let drift = look::drift(&tree.session("anna")).unwrap().remove(0);
    assert_eq!(drift.rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["F3"]);
    let back = |loss| undo::undo(&tree.session("anna"), Scope::Site, &named("s"), undo::Depth::All, loss);
    assert!(matches!(refusal(back(Loss::Refuse)), Refusal::RowsChanged { count: 1, .. }));
    assert_eq!(tree.rows("anna", LISTS[3]), ["F2|look", "F3|mine", "F9|own"]);
    back(Loss::KeepBeside).unwrap();
    assert_eq!(tree.rows("anna", LISTS[3]), ["F1|help", "F3|mine", "F9|own"]);
}

#[test]
fn a_row_has_one_bundle() {
    let tree = four();
    publish(&tree, &list(&tree, "one", "1.0.0", "countries", "code", "upsert", "code,name\nCH,Switzerland\nDE,Germany\n"), &[]);
    let session = tree.session("head");
    let publishing = |file: &PathBuf| {
        let opened = bundles::verified(&session, file).unwrap();
        bundles::publish(&session, &opened, file, &std::collections::BTreeSet::new(), None)
    };
    let before = tree.rows("head", LISTS[0]);
    for file in [
        list(&tree, "two", "1.0.0", "countries", "code", "upsert", "code,name\nAT,Austria\nCH,Suisse\n"),
        list(&tree, "two", "1.0.0", "countries", "name", "upsert", "name,rate\nGermany,19\n"),
        list(&tree, "two", "1.0.0", "Countries", "code", "replace", "code,name\nAT,Austria\n"),
    ] {
        let why = refusal(publishing(&file)).to_string();
        assert!(why.starts_with("rows/a.csv would write the row ") && why.ends_with("which is a row of the bundle one"), "{why}");
        assert!(refusal(install::plan(&session, &bundles::verified(&session, &file).unwrap(), Scope::Shared)).to_string() == why);
        assert_eq!(tree.rows("head", LISTS[0]), before);
    }
    // Rows beside it, and rows that it only would have added, are in nobody's way.
    publishing(&list(&tree, "two", "1.0.0", "countries", "code", "insert", "code,name\nAT,Austria\nCH,Suisse\n")).unwrap();
    assert_eq!(tree.rows("head", LISTS[0]), ["AT|Austria|-", "CH|Switzerland|8.1", "DE|Germany|-", "XX|Nowhere|0"]);
    // A list that is the whole table has its rows to itself.
    publishing(&list(&tree, "red", "1.0.0", "colours", "code", "replace", "code,name\nr,red\n")).unwrap();
    let why = refusal(publishing(&list(&tree, "blue", "1.0.0", "colours", "code", "insert", "code,name\nb,blue\n")));
    assert!(matches!(&why, Refusal::RowOwned { by, .. } if *by == named("red")), "{why}");
    // Once the other one is gone, it may.
    bundles::withdraw(&session, &named("red"), Loss::Refuse).unwrap();
    publishing(&list(&tree, "blue", "1.0.0", "colours", "code", "insert", "code,name\nb,blue\n")).unwrap();
    drop(session);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    // The same for what each site has for itself.
    let session = tree.session("anna");
    let installing = |file: &PathBuf| install::install(&session, &bundles::verified(&session, file).unwrap(), Scope::Site);
    installing(&list(&tree, "keys", "1.0.0", "shortcuts", "key", "upsert", "key,screen\nF1,help me\n")).unwrap();
    let why = refusal(installing(&list(&tree, "more", "1.0.0", "shortcuts", "key", "upsert", "key,screen\nF1,help you\n")));
    assert_eq!(why.to_string(), "rows/a.csv would write the row F1 of `shortcuts`, which is a row of the bundle keys");
}

/// What stands in a list is values, whatever it looks like; names of tables are names.
#[test]
fn a_list_is_nothing_but_values_for_a_table_of_the_application() {
    let tree = four();
    let session = tree.session("anna");
    let installing = |table: &str, csv: &str| {
        let toml = format!(
            "name = 'x'\nversion = '1.0.0'\n[[rows]]\nfile = 'rows/a.csv'\ntable = {table:?}\nkey = ['key']\nmode = 'upsert'\nruns = 'at-each'\n# {}\n",
            csv.len()
        );
        let file = Folder::new(&tree, &toml).with("rows/a.csv", csv).build(&tree.session("head").signing);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site)
    };
    let before = tree.rows("anna", "SELECT name, sql FROM sqlite_schema ORDER BY 1");
    let own = tree.rows("anna", "SELECT name FROM sqlite_schema WHERE name LIKE '\\_fieldpost%' ESCAPE '\\' AND type = 'table' ORDER BY 1");
    for table in ["sqlite_schema", "SQLITE_sequence", "shortcuts\"; DROP TABLE shortcuts; --", "none", own[0].as_str()] {
        let why = refusal(installing(table, "key,screen\na,b\n")).to_string();
        assert!(why.contains("there is no table"), "{table}: {why}");
    }
    for (csv, expected) in [
        ("key,screen\na,b\na,c\n", "has the key a twice"),
        ("key,nothing\na,b\n", "no column named nothing"),
        ("key,\"screen\"\" = 1; --\"\na,b\n", "no column named"),
        ("key,screen,SCREEN\na,b,c\n", "twice"),
        ("key,screen\n,b\n", "without a key"),
    ] {
        // A list that says nothing sensible is found when it is built, too.
        let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| installing("shortcuts", csv)));
        if let Ok(done) = built {
            let why = refusal(done).to_string();
            assert!(why.contains(expected), "{csv}: {why}");
        }
    }
    assert_eq!(tree.rows("anna", "SELECT name, sql FROM sqlite_schema ORDER BY 1"), before);
    let formula = "=cmd|' /C calc'!A1";
    let long = "x".repeat(1 << 20);
    installing("shortcuts", &format!("key,screen\n{formula},'; DROP TABLE customers; --\nlong,{long}\n")).unwrap();
    let there = tree.rows("anna", "SELECT key, screen FROM shortcuts WHERE key <> 'F1' ORDER BY 1");
    assert_eq!(there, [format!("{formula}|'; DROP TABLE customers; --"), format!("long|{long}")]);
}

/// Installs a list of `favourites` at anna.
pub fn installing(tree: &Tree, mode: &str, csv: &str) -> Result<install::Effects, fieldpost::sync::SyncError> {
    let session = tree.session("anna");
    let opened = bundles::verified(&session, &list(tree, "f", "1.0.0", "favourites", "id", mode, csv)).unwrap();
    let planned = install::plan(&session, &opened, Scope::Site);
    let done = install::install(&session, &opened, Scope::Site);
    assert_eq!(format!("{planned:?}"), format!("{done:?}"));
    done
}

fn remove(tree: &Tree, loss: Loss) -> Result<undo::Undone, fieldpost::sync::SyncError> {
    undo::undo(&tree.session("anna"), Scope::Site, &named("f"), undo::Depth::All, loss)
}

const FAVOURITES: &str = "SELECT * FROM favourites ORDER BY 1 COLLATE BINARY, 2";

#[test]
fn rows_that_their_key_does_not_tell_apart_go_one_by_one_and_come_back_all() {
    let tree = four();
    tree.edit(
        "anna",
        "CREATE TABLE favourites (id NUMERIC COLLATE NOCASE, customer TEXT);
         INSERT INTO favourites VALUES (NULL, 'a'), (NULL, 'a'), (NULL, 'b'), (1, 'c'), (1, 'd'), (2, 'x'), ('k', 'p'), ('K', 'q'), ('K', 'p')",
    );
    let first = tree.rows("anna", FAVOURITES);
    let effects = installing(&tree, "replace", "id,customer\n2,y\n7,z\n").unwrap();
    assert_eq!(effects.rows["favourites"], install::RowCounts { added: 1, changed: 1, removed: 8 });
    assert_eq!(tree.rows("anna", FAVOURITES), ["2|y", "7|z"]);
    let undone = remove(&tree, Loss::Refuse).unwrap();
    assert_eq!(undone.rows["favourites"], install::RowCounts { added: 8, changed: 1, removed: 1 });
    assert_eq!(tree.rows("anna", FAVOURITES), first);
    // A row that somebody gave the key of one of the bundle's does not go for it.
    installing(&tree, "insert", "id,customer\n7,z\n").unwrap();
    tree.edit("anna", "INSERT INTO favourites VALUES ('7', 'mine')");
    assert!(matches!(refusal(remove(&tree, Loss::Refuse)), Refusal::RowsChanged { count: 1, .. }));
    assert_eq!(remove(&tree, Loss::KeepBeside).unwrap().kept_rows, 1);
    let there = tree.rows("anna", FAVOURITES);
    assert_eq!(there.len(), first.len() + 2, "{there:?}");
}

#[test]
fn what_triggers_would_lose_because_of_a_list_is_refused_and_what_they_add_is_not() {
    let tree = four();
    tree.edit(
        "anna",
        "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT, at REAL);
         INSERT INTO favourites VALUES ('old', 'A', 0), ('changes', 'A', 0); INSERT INTO shortcuts VALUES ('F7', 'old');
         CREATE TRIGGER cascade AFTER DELETE ON favourites BEGIN DELETE FROM shortcuts WHERE screen = old.id; END;
         CREATE TRIGGER log AFTER INSERT ON favourites BEGIN INSERT INTO shortcuts VALUES (hex(randomblob(8)), 'log'); END;
         CREATE TRIGGER time AFTER UPDATE OF customer ON favourites BEGIN UPDATE favourites SET at = random() WHERE id = new.id; END;",
    );
    let own = || (tree.rows("anna", FAVOURITES), tree.rows("anna", "SELECT * FROM shortcuts WHERE screen <> 'log' ORDER BY 1"));
    let first = own();
    let why = refusal(installing(&tree, "replace", "id,customer\nnew,B\n"));
    assert!(matches!(&why, Refusal::RowsWayBack { what, .. } if what == "what `shortcuts` holds"), "{why}");
    assert_eq!(own(), first);
    // A log and the time of a change are no loss.
    installing(&tree, "upsert", "id,customer\nnew,B\nchanges,B\n").unwrap();
    tree.edit("anna", "INSERT INTO shortcuts VALUES ('F8', 'new')");
    let there = own();
    let why = refusal(remove(&tree, Loss::Refuse));
    assert!(matches!(&why, Refusal::RowsLose { what } if what == "what `shortcuts` holds"), "{why}");
    assert_eq!(own(), there);
    tree.edit("anna", "DELETE FROM shortcuts WHERE key = 'F8'");
    remove(&tree, Loss::Refuse).unwrap();
    assert_eq!(own().1, first.1);
    assert_eq!(tree.rows("anna", "SELECT id, customer FROM favourites ORDER BY 1"), ["changes|A", "old|A"]);
}

#[test]
fn a_conflict_clause_of_the_schema_deletes_nobodys_row() {
    let tree = four();
    tree.edit(
        "anna",
        "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT UNIQUE ON CONFLICT REPLACE);
         INSERT INTO favourites VALUES ('mine', 'A'), ('other', 'B')",
    );
    for csv in ["id,customer\nnew,A\n", "id,customer\nother,A\n"] {
        let why = refusal(installing(&tree, "upsert", csv)).to_string();
        assert!(why.contains("UNIQUE constraint failed"), "{why}");
        assert_eq!(tree.rows("anna", FAVOURITES), ["mine|A", "other|B"]);
    }
}

/// What others added since is theirs, whatever becomes of the list.
#[test]
fn a_list_that_becomes_the_whole_table_takes_away_what_versions_put_and_no_more() {
    let tree = four();
    publish(&tree, &list(&tree, "l", "1.0.0", "colours", "code", "upsert", "code,name\nb,blue\nr,rouge\ny,yellow\n"), &[]);
    tree.settle(&ALL);
    tree.edit("anna", "INSERT INTO colours VALUES ('own', 'o'); UPDATE colours SET name = 'mine' WHERE code = 'y'");
    tree.settle(&ALL);
    let effects = publish(&tree, &list(&tree, "l", "2.0.0", "colours", "code", "replace", "code,name\nr,red\n"), &[]);
    assert_eq!((effects.kept_rows, effects.rows["colours"].removed), (3, 1));
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, LISTS[1], &["g|green", "own|o", "r|red", "y|mine"]);
    // A first list of a table takes its place, also where the bundle had other things before.
    publish(&tree, &list(&tree, "l", "3.0.0", "titles", "text", "replace", "text\nDr.\n"), &[]);
    publish(&tree, &list(&tree, "m", "1.0.0", "countries", "code", "insert", "code\nCH\n"), &[]);
    let effects = publish(&tree, &list(&tree, "m", "2.0.0", "countries", "code", "replace", "code\nCH\n"), &[]);
    assert_eq!(effects.kept_rows, 1, "a list that only adds is one as well");
}

/// Of a row that is not there nobody sees that the list means it, unless the column's type and collation are asked.
#[test]
fn a_row_that_somebody_deleted_stays_deleted_however_the_list_writes_its_key() {
    for (column, first, second) in [
        ("INTEGER PRIMARY KEY", "01", "01"),
        ("REAL PRIMARY KEY", "1.50", "1.5"),
        ("TEXT PRIMARY KEY COLLATE NOCASE", "Abc", "ABC"),
        ("TEXT PRIMARY KEY COLLATE RTRIM", "a", "a  "),
        ("PRIMARY KEY", "01", "01"),
    ] {
        let tree = four();
        tree.edit("anna", &format!("CREATE TABLE favourites (id {column}, customer TEXT)"));
        let session = tree.session("anna");
        let installing = |version: &str, csv: &str| {
            let file = list(&tree, "f", version, "favourites", "id", "upsert", csv);
            install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
        };
        installing("1.0.0", &format!("id,customer\n{first},A\n2,B\n"));
        tree.edit("anna", "DELETE FROM favourites WHERE customer = 'A'");
        assert_eq!(installing("2.0.0", &format!("id,customer\n{second},A 2\n2,B 2\n3,C\n")).kept_rows, 1, "{column}");
        assert_eq!(tree.rows("anna", "SELECT customer FROM favourites ORDER BY 1"), ["B 2", "C"], "{column}");
    }
}

#[test]
fn a_row_that_another_bundle_lists_too_goes_with_the_last_one() {
    let tree = four();
    for (name, csv) in [
        ("one", "code,name\nDE,Germany\nFR,France\n"),
        ("two", "name,code\nGermany,DE\nItaly,IT\n"),
        ("three", "code,name\nDE,Deutschland\n"),
    ] {
        publish(&tree, &list(&tree, name, "1.0.0", "countries", "code", "insert", csv), &[]);
    }
    let upgraded = publish(&tree, &list(&tree, "two", "2.0.0", "countries", "code", "insert", "code,name\nDE,Germany\n"), &[]);
    assert!(upgraded.rows.is_empty(), "{upgraded:?}");
    tree.settle(&ALL);
    let withdraw = |name: &str| bundles::withdraw(&tree.session("head"), &named(name), Loss::Refuse).unwrap();
    let undone = withdraw("one");
    assert_eq!((undone.kept_rows, undone.rows["countries"].removed), (1, 1));
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, "SELECT code, name FROM countries WHERE code <> 'XX' ORDER BY 1", &["CH|Schweiz", "DE|Germany", "IT|Italy"]);
    withdraw("three");
    withdraw("two");
    tree.assert_rows(&["head"], "SELECT code FROM countries WHERE code <> 'XX' ORDER BY 1", &["CH", "DE", "IT"]);
    withdraw("two");
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, LISTS[0], &["CH|Schweiz|8.1", "XX|Nowhere|0"]);
}

/// Nobody's column when the rows came; what somebody writes into it is no less theirs.
#[test]
fn a_column_that_came_after_a_list_counts_where_its_rows_would_go() {
    let tree = four();
    publish(&tree, &list(&tree, "l", "1.0.0", "colours", "code", "upsert", "code,name\nb,blue\ny,yellow\n"), &[]);
    tree.settle(&ALL);
    tree.edit("head", "ALTER TABLE colours ADD COLUMN note TEXT; ALTER TABLE colours ADD COLUMN rank INTEGER NOT NULL DEFAULT '7'");
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE colours SET note = 'a day of work' WHERE code = 'b'");
    tree.settle(&ALL);
    let withdrawing = |loss| bundles::withdraw(&tree.session("head"), &named("l"), loss);
    let why = refusal(withdrawing(Loss::Refuse));
    assert!(matches!(&why, Refusal::RowsChanged { count: 1, first } if first == "colours b"), "{why}");
    assert_eq!(withdrawing(Loss::KeepBeside).unwrap().kept_rows, 1);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, LISTS[1], &["b|blue|a day of work|7", "g|green|-|7", "r|red|-|7"]);
    // The same at a site, where it is said beforehand; a default is nobody's word, another value is.
    let session = tree.session("dora");
    tree.edit("dora", "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT)");
    let file = list(&tree, "f", "1.0.0", "favourites", "id", "insert", "id,customer\na,A\nb,B\nc,C\n");
    install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap();
    tree.edit("dora", "ALTER TABLE favourites ADD COLUMN size REAL DEFAULT 1; UPDATE favourites SET size = 2 WHERE id = 'b'");
    let drift = look::drift(&session).unwrap().remove(0);
    assert_eq!(drift.rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["b"]);
    undo::undo(&session, Scope::Site, &named("f"), undo::Depth::All, Loss::KeepBeside).unwrap();
    assert_eq!(tree.rows("dora", "SELECT id, size FROM favourites"), ["b|2"]);
}

/// What stands in a column when a version finds a row is not its own for that.
#[test]
fn what_somebody_filled_in_is_theirs_whatever_versions_come_between() {
    for between in [false, true] {
        let tree = four();
        let lists = |version: &str, mode: &str, csv: &str| publish(&tree, &list(&tree, "c", version, "countries", "code", mode, csv), &[]);
        tree.edit("head", "DELETE FROM countries");
        lists("1.0.0", "replace", "code,name\nA,a\nB,b\nC,c\nD,d\n");
        tree.settle(&ALL);
        tree.edit("head", "ALTER TABLE countries ADD COLUMN note TEXT");
        tree.settle(&ALL);
        tree.edit("anna", "UPDATE countries SET rate = 1 WHERE code IN ('A', 'B'); UPDATE countries SET note = 'n' WHERE code = 'C'");
        tree.settle(&ALL);
        if between {
            lists("1.5.0", "replace", "code,name\nA,a 2\nB,b 2\nC,c 2\nD,d 2\nE,e\n");
        }
        // A is left out; of the others a version gives for the first time what somebody filled in, or did not.
        let effects = lists("2.0.0", "replace", "code,name,rate,note\nB,b 3,9,x\nC,c 3,9,x\nD,d 3,9,x\n");
        let added = usize::from(between);
        assert_eq!((effects.kept_rows, effects.rows["countries"]), (3, install::RowCounts { added: 0, changed: 1, removed: added }));
        tree.settle(&ALL);
        tree.assert_same(&ALL);
        let two = if between { " 2" } else { "" };
        let stay = ["A|a", "B|b", "C|c"].map(|start| format!("{start}{two}|"));
        let there = [format!("{}1|-", stay[0]), format!("{}1|-", stay[1]), format!("{}-|n", stay[2]), "D|d 3|9|x".to_owned()];
        assert_eq!(tree.rows("dora", LISTS[0]), there, "{between}");
        bundles::withdraw(&tree.session("head"), &named("c"), Loss::Refuse).unwrap();
        assert_eq!(tree.rows("head", "SELECT * FROM countries WHERE code = 'D'"), [format!("D|d{two}|-|-")]);
    }
}

#[test]
fn a_list_goes_on_where_its_table_got_lost_or_turned_round_columns() {
    for change in [
        "ALTER TABLE countries ADD COLUMN note TEXT; ALTER TABLE countries ADD COLUMN rank INTEGER DEFAULT 0",
        "ALTER TABLE countries DROP COLUMN rate",
        "BEGIN; CREATE TABLE n (rate REAL, name TEXT, code TEXT PRIMARY KEY); INSERT INTO n SELECT rate, name, code FROM countries;
         DROP TABLE countries; ALTER TABLE n RENAME TO countries; COMMIT",
    ] {
        let tree = four();
        let lists = |version: &str, csv: &str| publish(&tree, &list(&tree, "c", version, "countries", "code", "replace", csv), &[]);
        tree.edit("head", "DELETE FROM countries WHERE code = 'XX'");
        lists("1.0.0", "code,name\nCH,Switzerland\nDE,Germany\nFR,France\n");
        tree.settle(&ALL);
        tree.edit("head", change);
        tree.settle(&ALL);
        let effects = lists("2.0.0", "code,name\nDE,Deutschland\n");
        // CH was there before the first list.
        assert_eq!(
            (effects.kept_rows, effects.rows["countries"]),
            (0, install::RowCounts { added: 0, changed: 1, removed: 2 }),
            "{change}"
        );
        tree.settle(&ALL);
        tree.assert_same(&ALL);
        for _ in 0..2 {
            bundles::withdraw(&tree.session("head"), &named("c"), Loss::Refuse).unwrap();
        }
        tree.settle(&ALL);
        tree.assert_rows(&ALL, "SELECT code, name FROM countries ORDER BY 1", &["CH|Schweiz"]);
    }
}

/// What a step of the version writes into a column that it makes is nobody else's.
#[test]
fn a_column_that_a_step_makes_and_fills_keeps_no_row_from_going_on() {
    let tree = four();
    publish(&tree, &list(&tree, "l", "1.0.0", "colours", "code", "replace", "code,name\nr,red\nb,blue\ny,yellow\n"), &[]);
    tree.settle(&ALL);
    let with_step = |version: &str, csv: &str| {
        let toml = format!(
            "name = 'l'\nversion = '{version}'\n[[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\n\
             [[rows]]\nfile = 'rows/a.csv'\ntable = 'tints'\nkey = ['code']\nmode = 'replace'\n"
        );
        let up = "ALTER TABLE colours RENAME TO tints; ALTER TABLE tints ADD COLUMN kind TEXT; UPDATE tints SET kind = 'plain ' || code";
        let folder = Folder::new(&tree, &toml).with("schema/1.sql", up).with("rows/a.csv", csv);
        let folder = folder.with("schema/1-down.sql", "ALTER TABLE tints DROP COLUMN kind; ALTER TABLE tints RENAME TO colours");
        publish(&tree, &folder.build(&tree.session("head").signing), &[])
    };
    let effects = with_step("2.0.0", "code,kind\nr,warm\nb,cold\n");
    assert_eq!((effects.kept_rows, effects.rows["tints"]), (0, install::RowCounts { added: 0, changed: 2, removed: 1 }));
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE tints SET kind = 'mine' WHERE code = 'b'");
    tree.settle(&ALL);
    let effects = with_step("3.0.0", "code,kind\nr,hot\n");
    assert_eq!((effects.kept_rows, effects.rows["tints"]), (1, install::RowCounts { added: 0, changed: 1, removed: 0 }));
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, "SELECT * FROM tints ORDER BY 1", &["b|blue|mine", "r|red|hot"]);
    let undone = undo::undo(&tree.session("head"), Scope::Shared, &named("l"), undo::Depth::All, Loss::KeepBeside).unwrap();
    assert_eq!(undone.kept_rows, 1);
}

/// As a file that somebody made what the next version has.
#[test]
fn a_row_that_is_already_as_the_next_version_has_it_goes_on_with_the_versions() {
    let tree = four();
    let lists = |version: &str, rate: &str| {
        publish(&tree, &list(&tree, "c", version, "countries", "code", "upsert", &format!("code,rate\nDE,{rate}\nFR,{rate}\n")), &[])
    };
    lists("1.0.0", "10");
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE countries SET rate = 12.0, name = 'mine' WHERE code = 'DE'");
    tree.settle(&ALL);
    let rates = |effects: install::Effects| (effects.kept_rows, effects.rows["countries"].changed);
    assert_eq!(rates(lists("2.0.0", "12")), (0, 1));
    assert_eq!(rates(lists("3.0.0", "13")), (0, 2));
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    let there = || tree.rows("head", "SELECT code, name, rate FROM countries WHERE code IN ('DE', 'FR') ORDER BY 1");
    assert_eq!(there(), ["DE|mine|13", "FR|-|13"]);
    let withdrawing = || bundles::withdraw(&tree.session("head"), &named("c"), Loss::Refuse);
    withdrawing().unwrap();
    withdrawing().unwrap();
    assert_eq!(there(), ["DE|mine|12", "FR|-|10"], "what she wrote is hers");
    let why = refusal(withdrawing());
    assert!(matches!(&why, Refusal::RowsChanged { count: 1, first } if first == "countries DE"), "{why}");
}

#[test]
fn a_row_that_moved_to_another_bundle_does_not_go_with_the_former() {
    let tree = four();
    publish(&tree, &list(&tree, "one", "1.0.0", "countries", "code", "upsert", "code,name\nDE,Germany\nFR,France\n"), &[]);
    publish(&tree, &list(&tree, "one", "2.0.0", "countries", "code", "replace", "code,name\nFR,France\n"), &[]);
    let upsert = |version: &str| list(&tree, "one", version, "countries", "code", "upsert", "code,name\nFR,France\n");
    publish(&tree, &upsert("3.0.0"), &[]);
    let two = |version: &str, name: &str| list(&tree, "two", version, "countries", "code", "upsert", &format!("code,name\nDE,{name}\n"));
    publish(&tree, &two("1.0.0", "Deutschland"), &[]);
    tree.settle(&ALL);
    let withdrawing = |name: &str| bundles::withdraw(&tree.session("head"), &named(name), Loss::Refuse);
    let words = "one 2.0.0, which would be back, has the whole table `countries`, and so has the bundle two";
    assert_eq!(refusal(withdrawing("one")).to_string(), words);
    publish(&tree, &two("2.0.0", "Allemagne"), &[]);
    let away = undo::undo(&tree.session("head"), Scope::Shared, &named("one"), undo::Depth::All, Loss::Refuse).unwrap();
    assert_eq!(away.rows["countries"].removed, 1);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    tree.assert_rows(&ALL, LISTS[0], &["CH|Schweiz|8.1", "DE|Allemagne|-", "XX|Nowhere|0"]);
    withdrawing("two").unwrap();
    withdrawing("two").unwrap();
    tree.settle(&ALL);
    tree.assert_rows(&ALL, LISTS[0], &["CH|Schweiz|8.1", "XX|Nowhere|0"]);
}

#[test]
fn a_list_for_everybody_that_would_reach_nobody_is_refused() {
    let rules = "[tables.shortcuts]\ndirection = 'none'\n[tables.ups]\ndirection = 'up'\n[tables.own]\nlocal = true\n[tables.future]\ndirection = 'none'\n";
    let made =
        "CREATE TABLE ups (key TEXT PRIMARY KEY, v); CREATE TABLE own (key TEXT PRIMARY KEY, v); CREATE TABLE keyless (key TEXT, v);";
    let tree = Tree::with_rules(&format!("{SCHEMA}{made}"), rules);
    let session = tree.session("head");
    let publishing = |table: &str, step: &str| {
        let toml = "name = 'x'\nversion = '1.0.0'\n";
        let schema = if step.is_empty() { "" } else { "[[schema]]\nup = 'schema/1.sql'\n" };
        let rows = format!("[[rows]]\nfile = 'rows/a.csv'\ntable = '{table}'\nkey = ['key']\nmode = 'upsert'\n");
        let folder = Folder::new(&tree, &format!("{toml}{schema}{rows}")).with("rows/a.csv", "key\na\n");
        let file = if step.is_empty() { folder } else { folder.with("schema/1.sql", step) }.build(&session.signing);
        bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &[].into(), None)
    };
    for (table, step) in [
        ("shortcuts", ""),
        ("Shortcuts", ""),
        ("own", ""),
        ("Keyless", ""),
        ("future", "CREATE TABLE future (key TEXT PRIMARY KEY, v)"),
        ("Without", "CREATE TABLE without (key TEXT, v)"),
    ] {
        let why = refusal(publishing(table, step));
        assert!(matches!(&why, Refusal::Stays { .. }), "{table}: {why}");
    }
    let why = refusal(publishing("UPS", "")).to_string();
    assert!(why.ends_with("whose records only go up: what the main office writes there reaches no site"), "{why}");
    publishing("travels", "CREATE TABLE Travels (key TEXT PRIMARY KEY, v)").unwrap();
}

#[test]
fn a_row_that_a_trigger_leaves_out_or_calls_otherwise_is_said() {
    for (trigger, expected) in [
        (
            "BEFORE INSERT ON favourites WHEN new.id = 'b' BEGIN SELECT RAISE(IGNORE); END",
            "b of `favourites`: a trigger of the application leaves it out",
        ),
        (
            "BEFORE UPDATE ON favourites WHEN new.id = 'a' BEGIN SELECT RAISE(IGNORE); END",
            "a of `favourites`: a trigger of the application leaves it out",
        ),
        (
            "AFTER INSERT ON favourites BEGIN UPDATE favourites SET id = upper(id) WHERE id = new.id; END",
            "b of `favourites`: once it is written it is not there",
        ),
    ] {
        let tree = four();
        tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT); INSERT INTO favourites VALUES ('a', 'A')");
        tree.edit("anna", &format!("CREATE TRIGGER ours {trigger}"));
        let why = refusal(installing(&tree, "upsert", "id,customer\na,A 2\nb,B\n")).to_string();
        assert!(why.contains(expected), "{trigger}: {why}");
        assert_eq!(tree.rows("anna", FAVOURITES), ["a|A"]);
    }
}

/// Each list of a table knows what the others of its bundle do.
#[test]
fn two_lists_of_one_table_are_one_bundles() {
    let tree = four();
    tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY COLLATE NOCASE, customer TEXT)");
    let session = tree.session("anna");
    let installing = |version: &str, lists: &[(&str, &str)]| {
        let mut toml = format!("name = 'f'\nversion = '{version}'\n");
        for (number, (mode, csv)) in lists.iter().enumerate() {
            toml += &format!(
                "[[rows]]\nfile = 'rows/{number}.csv'\ntable = 'favourites'\nkey = ['id']\nmode = '{mode}'\nruns = 'at-each'\n# {}\n",
                blake3::hash(csv.as_bytes())
            );
        }
        let folder = lists
            .iter()
            .enumerate()
            .fold(Folder::new(&tree, &toml), |folder, (number, (_, csv))| folder.with(&format!("rows/{number}.csv"), csv));
        let file = folder.build(&tree.session("head").signing);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site)
    };
    let first = ["old|x"];
    tree.edit("anna", "INSERT INTO favourites VALUES ('old', 'x')");
    for lists in [[1, 2], [2, 1]] {
        for version in ["1", "2", "3"] {
            let texts =
                [String::new(), format!("id,customer\na,{version}\nb,{version}\n"), format!("id,customer\nb,own {version}\nc,{version}\n")];
            let lists = lists.map(|number| (if number == 1 { "replace" } else { "upsert" }, texts[number].as_str()));
            let effects = installing(&format!("{version}.0.0"), &lists).unwrap();
            assert_eq!(effects.kept_rows, 0, "{effects:?}");
            let b = if lists[0].0 == "replace" { "own " } else { "" };
            assert_eq!(tree.rows("anna", FAVOURITES), [format!("a|{version}"), format!("b|{b}{version}"), format!("c|{version}")]);
            assert!(look::drift(&session).unwrap()[0].rows.is_empty());
        }
        remove(&tree, Loss::Refuse).unwrap();
        assert_eq!(tree.rows("anna", FAVOURITES), first);
    }
    let why = refusal(installing("1.0.0", &[("upsert", "id,customer\nch,1\nCH,2\n")])).to_string();
    assert_eq!(why, "rows/0.csv: has the key CH twice, as `favourites` sees it");
}

#[test]
fn a_value_that_only_one_row_may_have_changes_hands_in_a_list() {
    let tree = four();
    tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT UNIQUE)");
    let session = tree.session("anna");
    let installing = |version: &str, csv: &str| {
        let file = list(&tree, "f", version, "favourites", "id", "replace", csv);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site)
    };
    installing("1.0.0", "id,customer\nUK,United Kingdom\na,1\nb,2\nc,3\n").unwrap();
    installing("2.0.0", "id,customer\nGB,United Kingdom\na,2\nb,3\nc,4\n").unwrap();
    assert_eq!(tree.rows("anna", FAVOURITES), ["GB|United Kingdom", "a|2", "b|3", "c|4"]);
    undo::undo(&session, Scope::Site, &named("f"), undo::Depth::One, Loss::Refuse).unwrap();
    assert_eq!(tree.rows("anna", FAVOURITES), ["UK|United Kingdom", "a|1", "b|2", "c|3"]);
    let why = refusal(installing("2.0.0", "id,customer\na,2\nb,1\n")).to_string();
    assert_eq!(why, "rows/a.csv: the row a of `favourites`: UNIQUE constraint failed: favourites.customer");
}

/// Typed at the main office and sent to nobody yet: it was somebody's edit all the same.
#[test]
fn what_a_list_writes_over_is_in_the_history() {
    let tree = four();
    tree.edit("head", "UPDATE countries SET name = 'typed' WHERE code = 'CH'");
    publish(&tree, &list(&tree, "c", "1.0.0", "countries", "code", "upsert", "code,name\nCH,Switzerland\n"), &[]);
    tree.settle(&ALL);
    let session = tree.session("head");
    let shape = session.shapes.iter().find(|shape| shape.name == "countries").unwrap();
    let record = session.load_at(shape, &Key::new([&Value::text("CH")]).unwrap()).unwrap();
    let told = format!("{:?}", fieldpost::sync::history::of(&session, &record).unwrap());
    assert!(told.contains("Schweiz, typed") && told.contains("typed, Switzerland"), "{told}");
}

#[test]
fn what_differs_of_everybodys_rows_is_listed_at_the_main_office() {
    let tree = four();
    publish(&tree, &list(&tree, "c", "1.0.0", "countries", "code", "upsert", "code,name\nDE,Germany\nFR,France\n"), &[]);
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE countries SET name = 'mine' WHERE code = 'DE'");
    tree.settle(&ALL);
    let drift = look::drift(&tree.session("head")).unwrap().remove(0);
    assert_eq!(drift.rows, [bundles::RowName { table: "countries".to_owned(), key: "DE".to_owned() }]);
    // A table that stays at home by now: the rows would go here alone.
    std::fs::write(tree.home("head").join("rules.toml"), format!("{}[tables.countries]\ndirection = 'none'\n", crate::RULES)).unwrap();
    tree.settle(&ALL);
    let why = refusal(bundles::withdraw(&tree.session("head"), &named("c"), Loss::Refuse));
    assert!(matches!(&why, Refusal::RowsOfAll(table) if table == "countries"), "{why}");
}

/// What a person had before any bundle, two of which had its place one after the other.
#[test]
fn what_was_there_before_a_row_that_moved_comes_back_with_the_last_bundle() {
    for remade in [false, true] {
        let tree = four();
        tree.edit("anna", "CREATE TABLE favourites (id TEXT PRIMARY KEY, customer TEXT); INSERT INTO favourites VALUES ('a', 'own')");
        let session = tree.session("anna");
        let installing = |name: &str, version: &str, mode: &str, csv: &str| {
            let file = list(&tree, name, version, "favourites", "id", mode, csv);
            install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap()
        };
        let away = |name: &str| undo::undo(&session, Scope::Site, &named(name), undo::Depth::All, Loss::Refuse).unwrap();
        installing("one", "1.0.0", "upsert", "id,customer\na,of one\nb,of one\n");
        installing("one", "2.0.0", "replace", "id,customer\nb,of one\n");
        installing("one", "3.0.0", "upsert", "id,customer\nb,of one\n");
        installing("two", "1.0.0", if remade { "insert" } else { "upsert" }, "id,customer\na,of two\n");
        away("one");
        assert_eq!(tree.rows("anna", FAVOURITES), ["a|of two"]);
        away("two");
        assert_eq!(tree.rows("anna", FAVOURITES), ["a|own"]);
    }
}

/// Every other site would get the row without what the list gives.
#[test]
fn no_list_for_everybody_gives_a_column_that_stays_at_each_site() {
    let tree = Tree::with_rules(SCHEMA, "[tables.countries]\nlocal = [\"rate\"]\n");
    let session = tree.session("head");
    let publishing = |table: &str, csv: &str| {
        let file = list(&tree, "c", "1.0.0", table, "code", "upsert", csv);
        bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &[].into(), None)
    };
    for (table, column) in [("countries", "rate"), ("Countries", "RATE")] {
        let why = refusal(publishing(table, &format!("code,{column}\nDE,7\n")));
        let words = format!("the rows of rows/a.csv give `{column}` of `{table}`, which does not travel: no other site would get it");
        assert_eq!(why.to_string(), words);
    }
    publishing("countries", "code,name\nDE,Germany\n").unwrap();
}
