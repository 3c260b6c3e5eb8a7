//! Files that were put back, exchanged or emptied: each has its named error, and nothing is done.

use fieldpost::database::DatabaseError;
use fieldpost::site::{Home, Role};
use fieldpost::sync::recover::{Mode, Recovered, recover};
use fieldpost::sync::round::Halves;
use fieldpost::sync::{Session, SyncError};

use super::support::Tree;
use super::two;

fn files(tree: &Tree, site: &str) -> Vec<std::path::PathBuf> {
    ["", "-wal", "-shm", "-journal"].iter().map(|suffix| tree.home(site).join(format!("shop.db{suffix}"))).collect()
}

fn replace_database(tree: &Tree, site: &str, with: Option<&std::path::Path>) {
    files(tree, site).iter().for_each(|file| drop(std::fs::remove_file(file)));
    if let Some(with) = with {
        std::fs::copy(with, tree.home(site).join("shop.db")).unwrap();
    }
}

fn backup(tree: &Tree, site: &str) -> std::path::PathBuf {
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

fn recovered(tree: &Tree, site: &str, mode: Mode) -> Option<Recovered> {
    tree.tick(1_000);
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    recover(tree.world(site), home, tree.limits.clone(), mode).unwrap()
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
    if matches!(open(tree, "anna"), Err(SyncError::DatabaseRestored)) {
        recovered(tree, "anna", Mode::Do).unwrap();
    }
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
