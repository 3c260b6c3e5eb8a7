//! Files that were put back, exchanged or emptied: each has its named error, and nothing is done.

use fieldpost::database::DatabaseError;
use fieldpost::site::{Home, Role};
use fieldpost::sync::recover::{Mode, Recovered, recover, said};
use fieldpost::sync::round::Halves;
use fieldpost::sync::{Session, SyncError};

use super::support::Tree;
use super::two;

fn files(tree: &Tree, site: &str) -> Vec<std::path::PathBuf> {
    ["", "-wal", "-shm", "-journal"].iter().map(|suffix| tree.home(site).join(format!("shop.db{suffix}"))).collect()
}

pub(super) fn replace_database(tree: &Tree, site: &str, with: Option<&std::path::Path>) {
    files(tree, site).iter().for_each(|file| drop(std::fs::remove_file(file)));
    if let Some(with) = with {
        std::fs::copy(with, tree.home(site).join("shop.db")).unwrap();
    }
}

pub(super) fn backup(tree: &Tree, site: &str) -> std::path::PathBuf {
    tree.tick(1);
    let path = tree.folder.path().join(format!("{site}-{}.db", tree.time.load(std::sync::atomic::Ordering::Relaxed)));
    tree.application(site).execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    path
}

fn open(tree: &Tree, site: &str) -> Result<Session, SyncError> {
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    Session::open(tree.world(site), home, tree.limits.clone())
}

#[test]
fn every_exchanged_file_has_its_name() {
    let tree = two();
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["ben", "head", "anna"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'later'");
    tree.settle(&["head", "anna"]);
    let new = backup(&tree, "anna");

    replace_database(&tree, "anna", Some(&old));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
    let of_ben = backup(&tree, "ben");
    replace_database(&tree, "anna", Some(&of_ben));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::OtherPair)));
    replace_database(&tree, "anna", None);
    assert!(matches!(open(&tree, "anna"), Err(SyncError::Database(DatabaseError::Missing(_)))));
    std::fs::write(tree.home("anna").join("shop.db"), b"").unwrap();
    assert!(matches!(open(&tree, "anna"), Err(SyncError::OtherPair)));
    std::fs::write(tree.home("anna").join("shop.db"), b"no database at all, but long enough to be looked at as one").unwrap();
    assert!(matches!(open(&tree, "anna"), Err(SyncError::Database(DatabaseError::NotADatabase(_)))));
    replace_database(&tree, "anna", Some(&new));
    tree.edit("anna", "UPDATE customers SET phone = 'goes on' WHERE id = 'ACME'");
    tree.settle(&["anna", "head", "ben"]);
    tree.assert_same(&["head", "anna", "ben"]);
}

#[test]
fn an_older_database_is_never_followed_backwards_whatever_its_schema() {
    let tree = two();
    let old = backup(&tree, "anna");
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1; DROP TABLE notes; UPDATE customers SET level = 2");
    tree.sync("anna");
    replace_database(&tree, "anna", Some(&old));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)), "no packet was applied since, only the schema moved");
}

pub(super) fn recovered(tree: &Tree, site: &str, mode: Mode) -> Option<Recovered> {
    tree.tick(1_000);
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    let done = recover(tree.world(site), home, tree.limits.clone(), mode).unwrap();
    if done.as_ref().is_some_and(|done| done.done) {
        said(&open(tree, site).unwrap()).unwrap();
    }
    done
}

/// Anna's database is put back as it was before everything below; gives the tree.
fn restored() -> Tree {
    let tree = two();
    tree.edit("anna", "INSERT INTO customers VALUES ('GONE', 'Gone', NULL, NULL)");
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'; INSERT INTO customers VALUES ('HEAD', 'Head', NULL, NULL)");
    tree.edit("anna", "UPDATE customers SET phone = 'sent' WHERE id = 'BOLT'; DELETE FROM customers WHERE id = 'GONE'");
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE customers SET city = 'sealed' WHERE id = 'BOLT'; INSERT INTO notes VALUES ('N2', 'BOLT', 'sealed')");
    fieldpost::sync::seal::seal(&tree.session("anna")).unwrap();
    replace_database(&tree, "anna", Some(&old));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
    tree
}

const EVERYTHING: &str =
    "SELECT group_concat(id || ' ' || ifnull(city, '-') || ' ' || ifnull(phone, '-'), '; ') FROM (SELECT * FROM customers ORDER BY id)";

#[test]
fn a_restored_database_is_brought_forward_and_edits_made_in_it_since_stay() {
    let tree = restored();
    // Capture takes its time from the machine; the state's is the simulation's, which is long ago: all of this is younger.
    tree.edit("anna", "DELETE FROM _fieldpost_log_customers WHERE n < (SELECT max(n) FROM _fieldpost_log_customers)");
    tree.edit(
        "anna",
        "UPDATE customers SET name = 'edited since' WHERE id = 'CORE'; INSERT INTO customers VALUES ('LATE', 'Late', NULL, '7')",
    );
    let before = tree.text("anna", EVERYTHING);
    let looked = recovered(&tree, "anna", Mode::Look).unwrap();
    assert_eq!((tree.text("anna", EVERYTHING), looked.saved.as_deref()), (before, None), "looking changes nothing");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(looked.tables, done.tables);
    let of = |table: &str| done.tables.iter().find(|brought| brought.table == table).unwrap().clone();
    assert_eq!((of("customers").back, of("customers").removed, of("customers").kept.len()), (1, 1, 2), "{done:?}");
    assert_eq!(of("notes").back, 1);
    assert!(done.saved.unwrap().is_file());
    assert_eq!(tree.text("anna", EVERYTHING), "ACME Bern head; BOLT sealed sent; CORE Chur 3; HEAD - -; LATE - 7");
    assert_eq!(recovered(&tree, "anna", Mode::Do), None, "there is nothing left to mend");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT name FROM customers WHERE id = 'CORE'"), "edited since");
    assert_eq!(tree.text("head", EVERYTHING), "ACME Bern head; BOLT sealed sent; CORE Chur 3; HEAD - -; LATE - 7");
}

#[test]
fn a_backup_from_before_a_schema_of_the_main_office_gets_that_and_is_brought_forward() {
    let tree = Tree::new(super::SCHEMA);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit(
        "head",
        "CREATE TABLE gone (id TEXT PRIMARY KEY); INSERT INTO gone VALUES ('g'); CREATE TABLE tags (id TEXT PRIMARY KEY, level TEXT)",
    );
    tree.edit("head", "INSERT INTO tags VALUES ('old', '7'); ALTER TABLE customers ADD COLUMN fax TEXT DEFAULT 'no fax'");
    tree.settle(&["head", "anna"]);
    let old = backup(&tree, "anna");
    for step in [
        "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE notes RENAME TO remarks",
        "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'new'; CREATE TABLE things (id TEXT PRIMARY KEY); INSERT INTO things VALUES ('t')",
        "ALTER TABLE customers DROP COLUMN fax; DROP TABLE gone; CREATE INDEX by_city ON customers (city); PRAGMA user_version = 5",
    ] {
        tree.edit("head", step);
        tree.sync("head");
    }
    tree.edit("head", "CREATE TABLE n (id TEXT PRIMARY KEY, level INTEGER); INSERT INTO n SELECT * FROM tags; DROP TABLE tags; ALTER TABLE n RENAME TO tags");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE customers SET telephone = 'sent', level = 'sent' WHERE id = 'BOLT'; INSERT INTO things VALUES ('of anna')");
    tree.edit("head", "UPDATE customers SET telephone = 'head' WHERE id = 'ACME'; INSERT INTO remarks VALUES ('N2', 'BOLT', 'head')");
    tree.settle(&["anna", "head"]);
    replace_database(&tree, "anna", Some(&old));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
    tree.edit("anna", "DELETE FROM _fieldpost_log_customers WHERE n < (SELECT max(n) FROM _fieldpost_log_customers)");
    // By the names that it had then, before anybody noticed.
    tree.edit("anna", "UPDATE customers SET phone = 'edited since' WHERE id = 'CORE'");
    let before = tree.rows("anna", "SELECT sql FROM sqlite_schema ORDER BY 1");
    let looked = recovered(&tree, "anna", Mode::Look).unwrap();
    assert_eq!(tree.rows("anna", "SELECT sql FROM sqlite_schema ORDER BY 1"), before, "looking changes nothing");
    assert!(looked.schema.iter().any(|what| what.contains("`telephone`")), "{looked:?}");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(looked.schema, done.schema);
    let customers = "SELECT id, telephone, level FROM customers ORDER BY id";
    let expected = ["ACME|head|new", "BOLT|sent|sent", "CORE|edited since|new"];
    tree.assert_rows(&["anna"], customers, &expected);
    let kept: Vec<_> = done.tables.iter().filter(|brought| !brought.kept.is_empty()).map(|brought| brought.table.as_str()).collect();
    assert_eq!(kept, ["customers"], "{done:?}");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], customers, &expected);
    tree.assert_rows(&["head", "anna"], "SELECT id FROM things ORDER BY id", &["of anna", "t"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, body FROM remarks ORDER BY id", &["N1|first", "N2|head"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, typeof(level) FROM tags", &["old|integer"]);
    tree.assert_rows(&["head", "anna"], "PRAGMA user_version", &["5"]);
}

/// Anna's recovery dies before its `kill`-th durable step, and whoever comes after it goes on. Says whether it died.
fn recover_dying(tree: &Tree, kill: u64) -> bool {
    let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
    let mortal = tree.world("anna");
    mortal.faults().kill_before(Some(kill));
    let died = recover(mortal, home, tree.limits.clone(), Mode::Do).is_err();
    if open(tree, "anna").is_ok() {
        let told = tree.sync("anna").waiting.into_iter().any(|one| one.why.contains("'fieldpost recover' says it"));
        assert!(told, "nobody was told yet: step {kill}");
    }
    assert!(recovered(tree, "anna", Mode::Do).is_some_and(|done| done.done && !done.tables.is_empty()), "step {kill}");
    assert_eq!(recovered(tree, "anna", Mode::Do), None, "once");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    died
}

#[test]
fn a_recovery_that_dies_is_begun_again_or_finished_by_the_next_run() {
    for kill in 1.. {
        let tree = restored();
        let died = recover_dying(&tree, kill);
        assert_eq!(tree.text("head", EVERYTHING), "ACME Bern head; BOLT sealed sent; CORE Chur 3; HEAD - -", "step {kill}");
        if !died {
            return;
        }
    }
}

#[test]
fn a_recovery_that_dies_while_it_takes_the_schema_of_the_main_office_loses_nothing_either() {
    for kill in 1.. {
        let tree = Tree::new(super::SCHEMA);
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, "anna");
        tree.edit(
            "head",
            "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'new'",
        );
        tree.settle(&["head", "anna"]);
        tree.edit("anna", "UPDATE customers SET level = 'high', telephone = '7'");
        tree.settle(&["anna", "head"]);
        replace_database(&tree, "anna", Some(&old));
        let died = recover_dying(&tree, kill);
        tree.assert_rows(&["head", "anna"], "SELECT DISTINCT level, telephone FROM customers", &["high|7"]);
        if !died {
            assert!(kill > 4, "it dies before either commit, and between the two");
            return;
        }
    }
}

#[test]
fn what_was_applied_of_a_packet_is_not_applied_again_to_a_restored_database() {
    const STOCKS: &str = "SELECT id || n FROM stock ORDER BY id";
    for first in [true, false] {
        let mut partly = 0;
        for kill in 1.. {
            let mut tree = Tree::with_rules(
                "CREATE TABLE stock (id TEXT PRIMARY KEY, n INTEGER); INSERT INTO stock VALUES ('a', 10), ('b', 10), ('c', 10)",
                "[tables.stock.fields]\nn = 'sum'\n",
            );
            tree.add("head", "anna", Role::Remote);
            tree.sync("anna");
            tree.sync("head");
            tree.half("anna", Halves::Receive);
            if !first {
                tree.settle(&["anna", "head"]);
            }
            tree.limits.slice_changes = 1;
            tree.edit("anna", "UPDATE stock SET n = n + 1");
            tree.sync("anna");
            let old = backup(&tree, "head");
            let died = tree.sync_dying("head", kill).is_some();
            replace_database(&tree, "head", Some(&old));
            match open(&tree, "head") {
                Ok(_) => {}
                Err(SyncError::DatabaseRestored) => {
                    let brought = recovered(&tree, "head", Mode::Do).unwrap();
                    let forward: u64 = brought.tables.iter().map(|table| table.forward).sum();
                    partly += u64::from((1..3).contains(&forward));
                }
                Err(other) => panic!("{other}"),
            }
            tree.settle(&["anna", "head"]);
            tree.assert_same(&["head", "anna"]);
            tree.assert_rows(&["head"], STOCKS, &["a11", "b11", "c11"]);
            if !died {
                break;
            }
        }
        assert!(partly > 0, "it died before or behind the packet only");
    }
}

#[test]
fn edits_made_since_it_was_put_back_stay_also_where_the_clock_is_behind() {
    let tree = two();
    let old = backup(&tree, "anna");
    // Her clock was ahead of the machine's, by which the triggers date, when she sent this.
    let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
    let mut settings = home.settings().unwrap();
    settings.history_millis = 200 * 365 * 24 * 60 * 60 * 1000;
    home.write_settings(&tree.world("anna"), &settings).unwrap();
    tree.time.store(4_000_000_000_000, std::sync::atomic::Ordering::Relaxed);
    tree.edit("anna", "UPDATE customers SET phone = 'sent' WHERE id IN ('ACME', 'BOLT')");
    tree.settle(&["anna", "head"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE customers SET phone = 'since' WHERE id = 'ACME'; UPDATE customers SET city = 'since' WHERE id = 'CORE'");
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT phone, city FROM customers ORDER BY id", &["since|Bern", "sent|Basel", "3|since"]);
}

#[test]
fn what_was_deleted_since_it_was_put_back_stays_deleted() {
    let tree = two();
    let old = backup(&tree, "anna");
    tree.edit("anna", "UPDATE customers SET phone = 'sent' WHERE id = 'CORE'");
    tree.settle(&["anna", "head"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "DELETE FROM notes; DELETE FROM customers WHERE id = 'ACME'; UPDATE customers SET phone = 'since' WHERE id = 'BOLT'");
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT id, phone FROM customers ORDER BY id", &["BOLT|since", "CORE|sent"]);
}

#[test]
fn a_record_made_since_it_was_put_back_is_no_other_one_whose_number_it_has() {
    for (key, settled) in
        [("INTEGER PRIMARY KEY", true), ("INTEGER PRIMARY KEY AUTOINCREMENT", true), ("INTEGER PRIMARY KEY AUTOINCREMENT", false)]
    {
        let tree = Tree::new(&format!(
            "CREATE TABLE c (id {key}, a TEXT, b TEXT, s TEXT DEFAULT 'open'); CREATE TABLE l (id {key}, c INTEGER REFERENCES c, a TEXT);
             INSERT INTO c(a, b) VALUES ('x', 'x'), ('y', 'y'); INSERT INTO l(c, a) VALUES (1, 'of x')"
        ));
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, "anna");
        tree.edit("anna", "INSERT INTO c(a, b) VALUES ('first', 'f'); INSERT INTO l(c, a) SELECT max(id), 'of first' FROM c");
        if settled {
            tree.settle(&["anna", "head"]);
        } else {
            tree.sync("anna");
        }
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "INSERT INTO c(a, b) VALUES ('second', 's'); INSERT INTO l(c, a) SELECT max(id), 'of second' FROM c; INSERT INTO l(c, a) VALUES (1, 'of x since')");
        // A program that saves by putting a new record in the place of one.
        tree.edit("anna", "INSERT OR REPLACE INTO c(id, a, b) VALUES (2, 'y', 'saved')");
        let done = recovered(&tree, "anna", Mode::Do).unwrap();
        let renumbered: usize = done.tables.iter().map(|table| table.renumbered.len()).sum();
        // A number that was handed out for a while is free once the main office has said another one.
        assert_eq!(renumbered > 0, !settled || !key.ends_with("AUTOINCREMENT"), "{done:?}");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT a, b FROM c ORDER BY a", &["first|f", "second|s", "x|x", "y|saved"]);
        let of = "SELECT l.a, c.a FROM l JOIN c ON c.id = l.c ORDER BY l.a";
        tree.assert_rows(&["anna", "head"], of, &["of first|first", "of second|second", "of x|x", "of x since|x"]);
        tree.assert_same(&["anna", "head"]);
    }
}

#[test]
fn of_what_adds_up_nobody_takes_the_sum_of_a_backup() {
    let tree = Tree::with_rules(
        "CREATE TABLE stock (id TEXT PRIMARY KEY, n INTEGER, name TEXT); INSERT INTO stock VALUES ('a', 10, 'x'), ('b', 10, 'x')",
        "[tables.stock.fields]\nn = ['sum', 'newest']\n",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "UPDATE stock SET n = n + 5");
    tree.edit("anna", "UPDATE stock SET n = n + 5");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT n FROM stock", &["20", "20"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE stock SET n = n + 2, name = 'since' WHERE id = 'a'");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(done.tables[0].unsure.len(), 1, "{done:?}");
    assert_eq!(done.tables[0].unsure[0].1, "`n` was 12");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT n, name FROM stock ORDER BY id", &["20|since", "20|x"]);
}

/// Four tables of which names come to mean others.
const EXCHANGES: &str = "
    CREATE TABLE \"c\" (id TEXT PRIMARY KEY, name TEXT, city TEXT, phone TEXT);
    INSERT INTO c VALUES ('A', 'Ann', 'x', '1'), ('B', 'Bo', 'y', '2'), ('C', 'Cy', 'z', '3');
    CREATE TABLE \"a\" (k TEXT PRIMARY KEY, v TEXT); INSERT INTO a VALUES ('1', 'a one'), ('2', 'a two');
    CREATE TABLE \"b\" (k TEXT PRIMARY KEY, v TEXT); INSERT INTO b VALUES ('1', 'b one'), ('3', 'b three');";

/// What makes a name mean another table or column while the text of the schema becomes what it was, version by version.
const EXCHANGING: [&[&str]; 4] = [
    &["ALTER TABLE c DROP COLUMN phone", "ALTER TABLE c ADD COLUMN phone TEXT; UPDATE c SET phone = 'new ' || id"],
    &["ALTER TABLE a RENAME TO t; ALTER TABLE b RENAME TO a; ALTER TABLE t RENAME TO b"],
    &["DROP TABLE a", "CREATE TABLE \"a\" (k TEXT PRIMARY KEY, v TEXT); INSERT INTO a VALUES ('1', 'fresh')"],
    &["CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT, city TEXT, phone TEXT); INSERT INTO n SELECT id, name, phone, city FROM c;
       DROP TABLE c; ALTER TABLE n RENAME TO c"],
];

/// Everything that is in the tables of [`EXCHANGES`].
fn exchanged(tree: &Tree, site: &str) -> Vec<String> {
    ["SELECT 'c', * FROM c ORDER BY id", "SELECT 'a', * FROM a ORDER BY k", "SELECT 'b', * FROM b ORDER BY k"]
        .iter()
        .flat_map(|sql| tree.rows(site, sql))
        .collect()
}

/// A main office and anna, with a backup of `site` from before `versions` of the schema came and something more.
fn put_back_from_before(site: &str, rules: &str, versions: &[&str]) -> Tree {
    let tree = Tree::with_rules(EXCHANGES, rules);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, site);
    for version in versions {
        tree.edit("head", version);
        tree.sync("head");
        tree.settle(&["anna", "head"]);
    }
    tree.edit("anna", "INSERT INTO c(id, name) VALUES ('Z', 'came since')");
    tree.settle(&["anna", "head"]);
    std::fs::rename(backup(&tree, site), tree.folder.path().join(format!("{site}-of-today.db"))).unwrap();
    replace_database(&tree, site, Some(&old));
    tree
}

fn refused(tree: &Tree, site: &str) -> SyncError {
    tree.tick(1_000);
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    recover(tree.world(site), home, tree.limits.clone(), Mode::Do).unwrap_err()
}

#[test]
fn nothing_of_a_backup_goes_out_under_a_name_that_meant_another_one_then() {
    for versions in EXCHANGING {
        for edited in [false, true] {
            let tree = put_back_from_before("anna", "", versions);
            let expected = exchanged(&tree, "head");
            if edited {
                tree.edit("anna", "UPDATE c SET name = 'since' WHERE id = 'A'");
            }
            let done = recovered(&tree, "anna", Mode::Do).unwrap();
            let kept: usize = done.tables.iter().map(|table| table.kept.len()).sum();
            assert_eq!(kept, usize::from(edited), "{versions:?}: {done:?}");
            tree.settle(&["anna", "head"]);
            let expected: Vec<String> = expected.into_iter().map(|row| if edited { row.replace("Ann", "since") } else { row }).collect();
            assert_eq!(exchanged(&tree, "head"), expected, "{versions:?}");
            assert_eq!(exchanged(&tree, "anna"), expected, "{versions:?}");
            tree.assert_same(&["head", "anna"]);
        }
    }
}

#[test]
fn what_was_edited_in_a_backup_under_a_name_goes_where_that_name_went() {
    let tree = put_back_from_before("anna", "", EXCHANGING[1]);
    tree.edit("anna", "UPDATE a SET v = 'since' WHERE k = '2'; INSERT INTO b VALUES ('4', 'since')");
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM a ORDER BY k", &["1|b one", "3|b three", "4|since"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM b ORDER BY k", &["1|a one", "2|since"]);
}

#[test]
fn in_a_backup_that_was_changed_since_an_edit_under_a_name_that_meant_another_one_is_not_guessed_at() {
    let tree = put_back_from_before("anna", "", EXCHANGING[1]);
    tree.edit("anna", "CREATE INDEX by_v ON a (v)");
    tree.edit("anna", "UPDATE a SET v = 'since' WHERE k = '2'");
    assert!(matches!(refused(&tree, "anna"), SyncError::OlderSchema { table: Some(_) }));
    let copies = std::fs::read_dir(tree.home("anna").join(".fieldpost")).unwrap().flatten();
    let copies = copies.filter(|file| file.file_name().to_string_lossy().starts_with("restored-")).count();
    assert_eq!(copies, 0, "nothing was done, and nothing needs a copy");
    tree.edit("anna", EXCHANGING[1][0]);
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM a ORDER BY k", &["1|b one", "3|b three"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM b ORDER BY k", &["1|a one", "2|since"]);
}

#[test]
fn the_main_office_takes_nothing_from_a_backup_under_a_name_that_meant_another_one_then() {
    for versions in EXCHANGING {
        let tree = put_back_from_before("head", "", versions);
        let expected = exchanged(&tree, "anna");
        let done = recovered(&tree, "head", Mode::Do).unwrap();
        assert!(done.tables.iter().all(|table| table.kept.is_empty()), "{versions:?}: {done:?}");
        tree.settle(&["head", "anna"]);
        assert_eq!(exchanged(&tree, "head"), expected, "{versions:?}");
        assert_eq!(exchanged(&tree, "anna"), expected, "{versions:?}");
        tree.assert_same(&["head", "anna"]);
    }
}

#[test]
fn at_the_main_office_an_edit_in_a_table_that_had_the_name_of_another_one_waits_for_the_application() {
    let tree = put_back_from_before("head", "", EXCHANGING[1]);
    tree.edit("head", "UPDATE a SET v = 'since' WHERE k = '2'");
    assert!(matches!(refused(&tree, "head"), SyncError::OlderSchema { .. }));
    tree.edit("head", EXCHANGING[1][0]);
    recovered(&tree, "head", Mode::Do).unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM a ORDER BY k", &["1|b one", "3|b three"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM b ORDER BY k", &["1|a one", "2|since"]);
}

/// Versions of the schema that leave every name where it was.
const NAMELESS: [&str; 6] = [
    "CREATE UNIQUE INDEX by_phone ON c (phone)",
    "CREATE VIEW all_c AS SELECT * FROM c",
    "PRAGMA user_version = 7",
    "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '-', city TEXT, phone INTEGER); INSERT INTO n SELECT * FROM c;
     DROP TABLE c; ALTER TABLE n RENAME TO c",
    "ALTER TABLE c ADD COLUMN both TEXT GENERATED ALWAYS AS (name || phone)",
    "CREATE TABLE keyless (x TEXT)",
];

const SCHEMA_TEXTS: &str =
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_fieldpost%' ESCAPE '\\' ORDER BY name";

#[test]
fn a_backup_from_before_a_schema_that_left_all_names_gets_that_schema_too() {
    for version in NAMELESS {
        let tree = put_back_from_before("anna", "", &[version]);
        let (expected, texts) = (exchanged(&tree, "head"), tree.rows("head", SCHEMA_TEXTS));
        let looked = recovered(&tree, "anna", Mode::Look).unwrap();
        assert!(!looked.schema.is_empty(), "{version}: {looked:?}");
        let done = recovered(&tree, "anna", Mode::Do).unwrap();
        assert!(done.tables.iter().all(|table| table.kept.is_empty()), "{version}: {done:?}");
        tree.settle(&["anna", "head"]);
        for site in ["head", "anna"] {
            assert_eq!(tree.rows(site, SCHEMA_TEXTS), texts, "{version}: {site}");
            assert_eq!(exchanged(&tree, site), expected, "{version}: {site}");
        }
        let types = "SELECT id, typeof(phone) FROM c ORDER BY id";
        assert_eq!(tree.rows("anna", types), tree.rows("head", types), "{version}");
        assert_eq!(tree.rows("anna", "PRAGMA user_version"), tree.rows("head", "PRAGMA user_version"));
    }
}

#[test]
fn the_main_office_never_takes_its_schema_back_with_a_backup() {
    for version in NAMELESS {
        let tree = put_back_from_before("head", "", &[version]);
        let (expected, texts) = (exchanged(&tree, "anna"), tree.rows("anna", SCHEMA_TEXTS));
        assert!(matches!(refused(&tree, "head"), SyncError::OlderSchema { .. }), "{version}");
        // What the application does when it is started.
        tree.edit("head", version);
        recovered(&tree, "head", Mode::Do).unwrap();
        tree.settle(&["head", "anna"]);
        for site in ["head", "anna"] {
            assert_eq!(tree.rows(site, SCHEMA_TEXTS), texts, "{version}: {site}");
            assert_eq!(exchanged(&tree, site), expected, "{version}: {site}");
        }
    }
}

#[test]
fn an_application_that_is_newer_by_now_does_not_keep_a_backup_from_being_brought_forward() {
    let tree = put_back_from_before("head", "", &[NAMELESS[0]]);
    tree.edit("head", &format!("{}; ALTER TABLE b ADD COLUMN more TEXT", NAMELESS[0]));
    recovered(&tree, "head", Mode::Do).unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["anna", "head"], "SELECT k, more FROM b ORDER BY k", &["1|-", "3|-"]);
    tree.assert_rows(&["anna", "head"], "SELECT name FROM c WHERE id = 'Z'", &["came since"]);
}

#[test]
fn a_main_office_from_before_its_own_schema_is_noticed_where_nothing_else_came_since() {
    let tree = Tree::new(EXCHANGES);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    for version in ["ALTER TABLE c RENAME COLUMN phone TO fax", NAMELESS[0].replace("phone", "fax").as_str(), "PRAGMA user_version = 3"] {
        let old = backup(&tree, "head");
        tree.edit("head", version);
        tree.settle(&["head", "anna"]);
        let new = backup(&tree, "head");
        replace_database(&tree, "head", Some(&old));
        assert!(matches!(open(&tree, "head"), Err(SyncError::DatabaseRestored)), "{version}");
        replace_database(&tree, "head", Some(&new));
        tree.settle(&["head", "anna"]);
    }
}

/// The home as a program left it that did not note what names meant before: whatever was backed up until now is of a time that it says nothing of.
fn forget_ages(tree: &Tree, site: &str) {
    let state = rusqlite::Connection::open(tree.home(site).join(".fieldpost/state.db")).unwrap();
    assert_eq!(state.execute("DELETE FROM meta WHERE name = 'note:schema ages'", []).unwrap(), 1);
}

#[test]
fn a_backup_of_which_nobody_noted_what_its_names_meant_brings_no_old_values_either() {
    let unchanged: &[&str] = &[];
    for versions in EXCHANGING.into_iter().chain([unchanged]) {
        for (site, opened) in [("anna", true), ("anna", false), ("head", true), ("head", false)] {
            let tree = put_back_from_before(site, "", versions);
            let other = if site == "anna" { "head" } else { "anna" };
            let expected = exchanged(&tree, other);
            forget_ages(&tree, site);
            if opened {
                // The database of today, by the new program, before the backup is put back.
                let old = tree.folder.path().join("old.db");
                std::fs::copy(tree.home(site).join("shop.db"), &old).unwrap();
                replace_database(&tree, site, Some(&tree.folder.path().join(format!("{site}-of-today.db"))));
                drop(tree.session(site));
                replace_database(&tree, site, Some(&old));
            }
            for table in ["a", "b", "c"] {
                tree.edit(site, &format!("DELETE FROM _fieldpost_log_{table}"));
            }
            let done = recovered(&tree, site, Mode::Do).unwrap();
            assert_eq!(done.schema, [""; 0], "{versions:?}: {done:?}");
            tree.settle(&["anna", "head"]);
            assert_eq!(exchanged(&tree, "head"), expected, "{versions:?} {site} {opened}");
            assert_eq!(exchanged(&tree, "anna"), expected, "{versions:?} {site} {opened}");
        }
    }
    for version in NAMELESS {
        let tree = put_back_from_before("head", "", &[version]);
        forget_ages(&tree, "head");
        assert!(matches!(refused(&tree, "head"), SyncError::OlderSchema { .. }), "{version}");
        let tree = put_back_from_before("anna", "", &[version]);
        forget_ages(&tree, "anna");
        assert!(!recovered(&tree, "anna", Mode::Do).unwrap().schema.is_empty(), "{version}");
    }
}

#[test]
fn a_recovery_that_dies_while_names_are_exchanged_exchanges_them_once() {
    for kill in 1.. {
        let tree = put_back_from_before("anna", "", EXCHANGING[1]);
        let expected = exchanged(&tree, "head");
        let died = recover_dying(&tree, kill);
        assert_eq!(exchanged(&tree, "head"), expected, "step {kill}");
        assert_eq!(exchanged(&tree, "anna"), expected, "step {kill}");
        if !died {
            assert!(kill > 4, "it dies before either commit, and between the two");
            return;
        }
    }
}

#[test]
fn a_backup_made_between_a_migration_and_the_next_round_has_the_schema_already() {
    for (migration, edit) in [
        (EXCHANGING[1][0], "UPDATE b SET v = 'since' WHERE k = '2'"),
        (
            "ALTER TABLE a RENAME TO z; CREATE TABLE a (k TEXT PRIMARY KEY); INSERT INTO a VALUES ('new')",
            "UPDATE z SET v = 'since' WHERE k = '2'",
        ),
        (
            "ALTER TABLE c RENAME COLUMN phone TO x; ALTER TABLE c RENAME COLUMN city TO phone; ALTER TABLE c RENAME COLUMN x TO city",
            "UPDATE c SET city = 'since' WHERE id = 'B'",
        ),
    ] {
        let tree = Tree::new(EXCHANGES);
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit("head", migration);
        let old = backup(&tree, "head");
        tree.settle(&["head", "anna"]);
        tree.edit("anna", "INSERT INTO c(id, name) VALUES ('Z', 'came since')");
        tree.settle(&["anna", "head"]);
        replace_database(&tree, "head", Some(&old));
        tree.edit("head", edit);
        recovered(&tree, "head", Mode::Do).unwrap();
        tree.edit("anna", "INSERT INTO c(id, name) VALUES ('Y', 'and more')");
        tree.settle(&["head", "anna"]);
        tree.assert_same(&["head", "anna"]);
        tree.assert_rows(&["anna"], "SELECT name FROM c WHERE id IN ('Y', 'Z') ORDER BY id", &["and more", "came since"]);
        let since = edit.replace("UPDATE", "SELECT count(*) FROM").replace(" SET", " WHERE").replace("' WHERE ", "' AND ");
        tree.assert_rows(&["anna"], &since, &["1"]);
    }
}

#[test]
fn what_names_meant_before_a_backup_was_made_keeps_nothing_from_being_brought_forward() {
    let tree = Tree::new(EXCHANGES);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("head", EXCHANGING[1][0]);
    tree.settle(&["head", "anna"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "CREATE UNIQUE INDEX by_phone ON c (phone); ALTER TABLE c RENAME COLUMN city TO town");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "INSERT INTO a VALUES ('9', 'head')");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "CREATE INDEX own ON b (v); UPDATE c SET city = 'since' WHERE id = 'B'; INSERT INTO b VALUES ('8', 'since')");
    assert_eq!(recovered(&tree, "anna", Mode::Do).unwrap().schema.len(), 2);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    tree.assert_rows(&["head"], "SELECT town FROM c ORDER BY id", &["x", "since", "z"]);
    tree.assert_rows(&["head"], "SELECT k FROM b ORDER BY k", &["1", "2", "8"]);
}

#[test]
fn where_schemas_do_not_travel_a_backup_waits_for_the_application_of_its_site() {
    for version in
        ["CREATE INDEX by_phone ON customers (phone)", "ALTER TABLE customers RENAME COLUMN phone TO fax", "PRAGMA user_version = 4"]
    {
        let tree = two();
        let old = backup(&tree, "anna");
        tree.edit("anna", version);
        tree.sync("anna");
        tree.edit("head", "UPDATE customers SET city = 'head' WHERE id = 'ACME'");
        tree.settle(&["head", "anna"]);
        replace_database(&tree, "anna", Some(&old));
        assert!(matches!(refused(&tree, "anna"), SyncError::OlderSchema { .. }), "{version}");
        tree.edit("anna", version);
        recovered(&tree, "anna", Mode::Do).unwrap();
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT city FROM customers ORDER BY id", &["head", "Basel", "Chur"]);
    }
}
