//! Other programs at the database: bulk loads, cleaners, VACUUM, long transactions, another SQLite.

use fieldpost::database::DatabaseError;
use fieldpost::site::{Home, Role};
use fieldpost::sync::recover::{Mode, recover};
use fieldpost::sync::start::restored;
use fieldpost::sync::{Session, SyncError};

use super::files::{backup, recovered, replace_database};
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

const SITES: [&str; 2] = ["anna", "head"];

fn open(tree: &Tree, site: &str) -> Result<Session, SyncError> {
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    Session::open(tree.world(site), home, tree.limits.clone())
}

/// Two sites with many records and some with numbers that are handed out; `site` writes a log.
fn with_log(site: &str) -> Tree {
    const RECORDS: &str = "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT, w TEXT); CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT);
        CREATE TABLE o (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT, n INTEGER REFERENCES n); INSERT INTO n VALUES (1, 'a'), (2, 'b');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO t SELECT printf('%03d', i), 'old', hex(zeroblob(200)) FROM n";
    let tree = Tree::new(RECORDS);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&SITES);
    tree.edit(site, "PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE)");
    tree
}

/// The file of `site` as it is now; nothing is beside it.
fn night(tree: &Tree, site: &str) -> std::path::PathBuf {
    let night = tree.folder.path().join("night.db");
    std::fs::copy(tree.home(site).join("shop.db"), &night).unwrap();
    night
}

/// What comes to be at both sites after the night.
fn day(tree: &Tree, site: &str) {
    let other = if site == "head" { "anna" } else { "head" };
    tree.edit(other, "UPDATE t SET v = 'other' WHERE k LIKE '%1'; INSERT INTO n(v) VALUES ('theirs'); INSERT INTO o(v, n) VALUES ('theirs', last_insert_rowid())");
    tree.edit(site, "INSERT INTO n(v) VALUES ('ours'); INSERT INTO o(v, n) VALUES ('ours', last_insert_rowid())");
    tree.settle(&SITES);
}

/// The computer goes down while a program has the database open, after it did this and a round was over, and this; the file of the night is put in the
/// place of the database, beside the log that is still there.
fn put_beside_log(tree: &Tree, site: &str, night: &std::path::Path, [sealed, typed]: [&str; 2]) {
    let (log, left) = (tree.home(site).join("shop.db-wal"), tree.folder.path().join("night.db-wal"));
    let program = tree.application(site);
    program.execute_batch(sealed).unwrap();
    tree.sync(site);
    program.execute_batch(typed).unwrap();
    std::fs::copy(&log, &left).unwrap();
    drop(program);
    replace_database(tree, site, Some(night));
    std::fs::copy(&left, &log).unwrap();
}

/// Both hold what came in the day, each record once.
fn assert_day(tree: &Tree) {
    tree.settle(&SITES);
    tree.assert_same(&SITES);
    tree.assert_rows(&SITES, "SELECT v || count(*) FROM t GROUP BY v ORDER BY v", &["last1", "old179", "other20"]);
    tree.assert_rows(&SITES, "SELECT v FROM n ORDER BY v", &["a", "b", "ours", "theirs"]);
    tree.assert_rows(&SITES, "SELECT o.v || n.v FROM o JOIN n ON n.id = o.n ORDER BY 1", &["oursours", "theirstheirs"]);
    assert_eq!(tree.text("head", "PRAGMA integrity_check"), "ok");
}

const LAST: &str = "UPDATE t SET v = 'last' WHERE k = '200'";

#[test]
fn what_the_former_file_left_beside_a_backup_does_not_make_that_the_newest() {
    for site in SITES {
        let tree = with_log(site);
        let night = night(&tree, site);
        day(&tree, site);
        put_beside_log(&tree, site, &night, [LAST, ""]);
        let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
        let looked = Session::look(tree.world(site), home, tree.limits.clone()).unwrap();
        assert!(matches!(restored(&looked), Ok(Some(SyncError::DatabaseRestored))), "{site}: whoever only looks sees it too");
        drop(looked);
        for _ in 0..2 {
            assert!(matches!(open(&tree, site), Err(SyncError::DatabaseRestored)), "{site}: by itself it says that it is the newest");
            assert_eq!(tree.text(site, "SELECT group_concat(DISTINCT v) FROM t"), "old", "it is what the file is, whatever is beside that");
        }
        tree.edit(site, "UPDATE t SET w = 'typed' WHERE k = '041'");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(done.tables.iter().map(|table| table.kept.len()).sum::<usize>(), 1, "{done:?}");
        assert!(done.tables.iter().all(|table| table.renumbered.is_empty() && table.listed.is_empty()), "{done:?}");
        assert_day(&tree);
        tree.assert_rows(&SITES, "SELECT v FROM t WHERE w = 'typed'", &["other"]);
    }
}

#[test]
fn what_only_the_log_beside_a_backup_has_is_saved_and_named() {
    let tree = with_log("anna");
    let night = night(&tree, "anna");
    day(&tree, "anna");
    let typed = "UPDATE t SET w = 'typed' WHERE k = '100'; DELETE FROM n WHERE id = 2; INSERT INTO n VALUES (9, 'late')";
    put_beside_log(&tree, "anna", &night, [LAST, typed]);
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
    let looked = recovered(&tree, "anna", Mode::Look).unwrap();
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(looked.tables, done.tables);
    let left = |table: &str| -> Vec<(String, String)> {
        let brought = done.tables.iter().find(|brought| brought.table == table).unwrap();
        brought.listed.iter().map(|(key, what)| (format!("{:?}", key.values().unwrap()), what.clone())).collect()
    };
    let [(_, of_t)] = &left("t")[..] else { panic!("{done:?}") };
    let [written, deleted] = &left("n")[..] else { panic!("{done:?}") };
    assert!(of_t.starts_with("was written in the log of the former database"), "{of_t}");
    assert!(written.0.contains('9') && deleted.0.contains('2') && deleted.1.starts_with("was deleted in the log"), "{done:?}");
    let saved = std::path::Path::new(of_t.strip_suffix(" only").unwrap().rsplit_once(" in ").unwrap().1);
    let saved = rusqlite::Connection::open(saved).unwrap();
    assert_eq!(
        saved.query_row("SELECT w || (SELECT v FROM n WHERE id = 9) FROM t WHERE k = '100'", [], |row| row.get::<_, String>(0)).unwrap(),
        "typedlate"
    );
    assert_day(&tree);
}

/// As SQLite's own `.restore` does it: into the log, where another program has the database open.
fn restore(tree: &Tree, site: &str, from: &std::path::Path) {
    let (from, mut to) = (rusqlite::Connection::open(from).unwrap(), tree.application(site));
    rusqlite::backup::Backup::new(&from, &mut to).unwrap().run_to_completion(99_999, std::time::Duration::ZERO, None).unwrap();
}

#[test]
fn the_newest_database_is_known_also_where_it_was_restored_into_the_log_of_an_older_file() {
    for site in SITES {
        let tree = with_log(site);
        let night = night(&tree, site);
        day(&tree, site);
        tree.edit(site, LAST);
        tree.settle(&SITES);
        let newest = backup(&tree, site);
        for look in [true, false] {
            restore(&tree, site, &night);
            if look {
                assert!(matches!(open(&tree, site), Err(SyncError::DatabaseRestored)));
            }
            let program = tree.application(site);
            assert_eq!(program.query_row("SELECT count(*) FROM o", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
            restore(&tree, site, &newest);
            open(&tree, site).unwrap();
            assert_eq!(recovered(&tree, site, Mode::Do), None);
            assert_day(&tree);
        }
    }
}

#[test]
fn recovering_that_is_cut_off_goes_on_where_what_it_did_lies_in_a_log() {
    for kill in 1.. {
        let tree = with_log("anna");
        let night = night(&tree, "anna");
        day(&tree, "anna");
        tree.edit("anna", LAST);
        tree.settle(&SITES);
        replace_database(&tree, "anna", Some(&night));
        assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
        // While somebody has the database open what is in the log stays there, as it does where nobody is left to move it.
        let program = tree.application("anna");
        assert_eq!(program.query_row("SELECT count(*) FROM o", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
        let mortal = tree.world("anna");
        mortal.faults().kill_before(Some(kill));
        let died = match recover(mortal, home, tree.limits.clone(), Mode::Do) {
            Err(error) if error.is_crash() => true,
            done => done.unwrap().is_none_or(|done| !done.done),
        };
        let done = recovered(&tree, "anna", Mode::Do);
        assert!(
            !died
                || done.as_ref().is_some_and(|done| done.tables.iter().all(|table| table.renumbered.is_empty() && table.listed.is_empty())),
            "step {kill}: {done:?}"
        );
        assert_day(&tree);
        if !died {
            assert!(kill > 3);
            break;
        }
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
