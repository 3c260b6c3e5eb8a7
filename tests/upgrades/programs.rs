//! Other programs at the database: bulk loads, cleaners, VACUUM, long transactions, another SQLite.

use fieldpost::database::DatabaseError;
use fieldpost::site::{Home, Role};
use fieldpost::sync::recover::Mode;
use fieldpost::sync::{Session, SyncError};

use super::files::{recovered, replace_database};
use super::support::Tree;
use super::{all, changes_sent, two};

#[test]
fn a_bulk_load_that_takes_the_triggers_away_and_puts_them_back_is_found() {
    let tree = two();
    let connection = tree.application("anna");
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid").unwrap();
    let triggers: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(triggers.len() >= 6);
    triggers.iter().for_each(|(name, _)| connection.execute_batch(&format!("DROP TRIGGER \"{name}\"")).unwrap());
    connection
        .execute_batch("UPDATE customers SET phone = 'loaded' WHERE id = 'ACME'; INSERT INTO customers VALUES ('LOAD', 'Loaded', NULL, NULL); DELETE FROM customers WHERE id = 'CORE'")
        .unwrap();
    triggers.iter().for_each(|(_, sql)| connection.execute_batch(sql).unwrap());
    drop(statement);
    drop(connection);
    let report = tree.sync("anna");
    assert_eq!((report.found, report.rearmed.len()), (3, 0), "{report:?}");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "id, phone"), "ACME loaded; BOLT 2; LOAD -");
}

#[test]
fn triggers_and_logs_of_ours_that_somebody_cleaned_away_come_back() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'noted' WHERE id = 'ACME'");
    tree.edit("anna", "DROP TRIGGER _fieldpost_u_customers; DROP TABLE _fieldpost_log_notes; DROP TRIGGER _fieldpost_i_notes; DROP TRIGGER _fieldpost_u_notes; DROP TRIGGER _fieldpost_d_notes");
    tree.edit("anna", "UPDATE customers SET phone = 'missed' WHERE id = 'BOLT'; UPDATE notes SET body = 'missed'");
    let report = tree.sync("anna");
    assert_eq!(report.rearmed, ["customers", "notes"]);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "phone"), "noted; missed; 3");
}

#[test]
fn vacuum_and_other_journal_modes_change_nothing() {
    let tree = Tree::new(
        "CREATE TABLE parts (code TEXT PRIMARY KEY, name TEXT); INSERT INTO parts VALUES ('a', '1'), ('b', '2'), ('c', '3'); DELETE FROM parts WHERE code = 'a';",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    for (turn, mode) in ["DELETE", "WAL", "DELETE", "WAL"].into_iter().enumerate() {
        tree.edit("anna", &format!("DELETE FROM parts WHERE code = '{mode}'; INSERT INTO parts VALUES ('{mode}', '{turn}')"));
        tree.edit("anna", &format!("PRAGMA journal_mode = {mode}; VACUUM;"));
        tree.edit("anna", &format!("UPDATE parts SET name = '{mode}' WHERE code = 'b'"));
        let report = tree.sync("anna");
        assert_eq!((report.found, changes_sent(&report)), (0, 2), "{mode}");
        tree.edit("head", &format!("UPDATE parts SET name = 'from head, {mode}' WHERE code = 'c'"));
        tree.settle(&["head", "anna"]);
        tree.assert_same(&["head", "anna"]);
        assert_eq!(tree.text("anna", "PRAGMA journal_mode").to_uppercase(), mode, "the application's choice stays");
    }
}

/// The computer goes down while a program has the database open, and the file of last night is put in its place, beside the log that is still there.
#[test]
fn what_the_former_file_left_beside_a_backup_does_not_make_that_the_newest() {
    const RECORDS: &str = "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT, w TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO t SELECT i, 'old', hex(zeroblob(200)) FROM n";
    const SITES: [&str; 2] = ["anna", "head"];
    for site in SITES {
        let tree = Tree::new(RECORDS);
        tree.add("head", "anna", Role::Remote);
        tree.settle(&SITES);
        tree.edit(site, "PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE)");
        let (file, log) = (tree.home(site).join("shop.db"), tree.home(site).join("shop.db-wal"));
        let [night, left] = ["night.db", "night.db-wal"].map(|name| tree.folder.path().join(name));
        std::fs::copy(&file, &night).unwrap();
        tree.edit(if site == "head" { "anna" } else { "head" }, "UPDATE t SET v = 'other' WHERE k % 20 = 1");
        tree.settle(&SITES);
        let program = tree.application(site);
        program.execute("UPDATE t SET v = 'last' WHERE k = 200", []).unwrap();
        tree.sync(site);
        std::fs::copy(&log, &left).unwrap();
        drop(program);
        replace_database(&tree, site, Some(&night));
        std::fs::copy(&left, &log).unwrap();
        let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
        for _ in 0..2 {
            let opened = Session::open(tree.world(site), home.clone(), tree.limits.clone());
            assert!(matches!(opened, Err(SyncError::DatabaseRestored)), "{site}: by itself it says that it is the newest");
        }
        assert_eq!(tree.text(site, "SELECT v FROM t WHERE k = 21") + &tree.text(site, "SELECT v FROM t WHERE k = 200"), "oldlast");
        tree.edit(site, "UPDATE t SET w = 'typed' WHERE k = 41");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(done.tables.iter().map(|table| table.kept.len()).sum::<usize>(), 1, "{done:?}");
        tree.settle(&SITES);
        tree.assert_same(&SITES);
        let now = "SELECT count(*) || v || min(k) FROM t GROUP BY v ORDER BY v";
        tree.assert_rows(&SITES, now, &["1last200", "189old2", "10other1"]);
        tree.assert_rows(&SITES, "SELECT v FROM t WHERE w = 'typed'", &["other"]);
    }
}

#[test]
fn a_program_that_holds_the_database_makes_a_round_wait_and_nothing_is_half_done() {
    let mut tree = two();
    tree.limits.lock_wait = std::time::Duration::from_millis(20);
    for mode in ["WAL", "DELETE"] {
        tree.edit("anna", &format!("PRAGMA journal_mode = {mode}"));
        tree.edit(
            "head",
            &format!(
                "UPDATE customers SET phone = 'head {mode}' WHERE id = 'ACME'; INSERT INTO customers VALUES ('{mode}', 'x', NULL, NULL)"
            ),
        );
        tree.edit("anna", &format!("UPDATE customers SET city = 'anna {mode}' WHERE id = 'BOLT'"));
        tree.sync("head");
        let other = tree.application("anna");
        for hold in ["BEGIN IMMEDIATE; INSERT INTO notes VALUES ('N9', 'ACME', 'unfinished')", "BEGIN; SELECT count(*) FROM customers"] {
            other.execute_batch(hold).unwrap();
            tree.tick(1_000);
            let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
            let ran = Session::open(tree.world("anna"), home, tree.limits.clone()).and_then(|mut session| {
                fieldpost::sync::round::run(
                    &mut session,
                    &mut [&mut tree.exchange.clone()],
                    fieldpost::sync::round::Halves::Both,
                    &mut |_| {},
                )
            });
            let reads = hold.ends_with("customers");
            match ran {
                Ok(_) => assert!(reads && mode == "WAL", "{mode}: {hold}"),
                Err(error) => {
                    assert!(matches!(error, SyncError::Database(DatabaseError::Busy)) && error.retry_helps(), "{mode}: {hold}: {error}");
                    assert!(!reads || mode == "DELETE");
                }
            }
            other.execute_batch("ROLLBACK").unwrap();
        }
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
        assert_eq!(tree.text("head", "SELECT city FROM customers WHERE id = 'BOLT'"), format!("anna {mode}"));
        assert_eq!(tree.text("anna", "SELECT phone FROM customers WHERE id = 'ACME'"), format!("head {mode}"));
    }
}

#[test]
fn an_application_with_another_sqlite_migrates_and_edits() {
    let tree = two();
    let shell = |site: &str, sql: &str| {
        let output = std::process::Command::new("sqlite3").arg("-bail").arg(tree.home(site).join("shop.db")).arg(sql).output();
        output.map(|output| assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)))
    };
    if shell("head", "SELECT sqlite_version()").is_err() {
        return crate::support::skipped("no sqlite3 on this machine");
    }
    let migration = "PRAGMA foreign_keys = on; ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1; ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers DROP COLUMN city;";
    shell("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'").unwrap();
    shell("anna", migration).unwrap();
    shell("anna", "INSERT INTO customers VALUES ('DUNE', 'Dune', '4', 4); VACUUM").unwrap();
    shell("head", "REPLACE INTO customers VALUES ('BOLT', 'Bolt', 'Bonn', 'head')").unwrap();
    tree.settle(&["anna", "head"]);
    shell("head", migration).unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "id, name, telephone, level"), "ACME Acme Ltd anna 1; BOLT Bolt head 1; CORE Core 3 1; DUNE Dune 4 4");
}
