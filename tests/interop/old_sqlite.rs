//! Two applications at once: one linked with SQLite 3.31, the oldest that may write to a captured database, one with the bundled version.
//!
//! Both write to one database while rounds run at its site. `old_sqlite/` is the old one, a package of its own because one program
//! cannot hold two versions.

#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fieldpost::site::Role;
use fieldpost::sync::seal;
use support::Tree;

/// Where `.ci/run` builds it.
const OLD: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/old_sqlite/release/old_sqlite");
const SITES: [&str; 2] = ["head", "anna"];
/// Turns of each application.
const TURNS: usize = 80;
/// Between two turns, so that rounds fall among them.
const PAUSE: Duration = Duration::from_millis(20);

/// Keys of every kind, unique values that push others out, and triggers of the application's own.
const SCHEMA: &str = "
    CREATE TABLE items (id TEXT PRIMARY KEY COLLATE NOCASE, place INTEGER UNIQUE, note TEXT, changes INTEGER NOT NULL DEFAULT 0);
    CREATE TRIGGER items_changed AFTER UPDATE OF note ON items BEGIN UPDATE items SET changes = changes + 1 WHERE id = new.id; END;
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, boss INTEGER REFERENCES people);
    CREATE TABLE lines (item TEXT NOT NULL, line INTEGER NOT NULL, body, PRIMARY KEY (item, line)) WITHOUT ROWID;
    CREATE TABLE log (number INTEGER PRIMARY KEY AUTOINCREMENT, said TEXT);
    INSERT INTO items (id, place) VALUES ('both', 0);";

/// A transaction per line: inserts, updates, deletes, REPLACE over a unique value, UPSERT, changed keys. `who` writes to rows of its
/// own, but for the item that both edit.
fn turns(who: &str, first_place: usize) -> Vec<String> {
    let turn = |turn: usize| {
        let place = first_place + turn % 10;
        format!(
            "INSERT INTO items (id, place, note) VALUES ('{who} {turn}', NULL, 'new') ON CONFLICT (id) DO NOTHING; \
             REPLACE INTO items (id, place, note) VALUES ('{who} at {place} of {turn}', {place}, 'replaces'); \
             INSERT INTO items (id, note) VALUES ('{who} {turn}', 'upserted') ON CONFLICT (id) DO UPDATE SET note = excluded.note; \
             UPDATE items SET id = upper(id) WHERE id = '{who} {turn}'; \
             UPDATE items SET note = '{who} ' || {turn} WHERE id = 'both'; \
             INSERT INTO people (name, boss) VALUES ('{who} {turn}', (SELECT id FROM people WHERE name = '{who} ' || {turn} / 2)); \
             INSERT INTO lines VALUES ('{who}', {turn}, x'00ff'), ('{who}', -{turn} - 1, 0.1); \
             UPDATE lines SET line = line + 1000 WHERE item = '{who}' AND line = {turn}; \
             DELETE FROM lines WHERE item = '{who}' AND line < 0 AND line % 2; \
             INSERT INTO log (said) VALUES ('{who} {turn}'); DELETE FROM log WHERE said = '{who} ' || ({turn} - 3);"
        )
    };
    (0..TURNS).map(turn).collect()
}

/// The old application at work, with its first line of output still to be read.
fn old(database: &Path, lines: &[String]) -> Child {
    let mut child = Command::new(OLD)
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{OLD}: {error}; `.ci/run` builds it"));
    let (mut input, lines) = (child.stdin.take().unwrap(), lines.to_vec());
    std::thread::spawn(move || {
        lines.iter().all(|line| {
            std::thread::sleep(PAUSE);
            writeln!(input, "{line}").is_ok()
        })
    });
    child
}

/// What it said; it must have done all that it was told.
fn finished(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What a table holds, by content alone: numbers are whatever they are.
const CONTENT: [&str; 4] = [
    "SELECT id, place, note FROM items ORDER BY id COLLATE BINARY",
    "SELECT p.name, b.name FROM people p LEFT JOIN people b ON b.id = p.boss ORDER BY 1",
    "SELECT item, line, hex(body) FROM lines ORDER BY 1, 2",
    "SELECT said FROM log ORDER BY 1",
];

#[test]
#[ignore = "needs the old SQLite: run by .ci/run"]
fn applications_with_sqlite_3_31_and_the_bundled_version_write_at_the_same_time_and_nothing_is_missed() {
    for mode in ["wal", "delete"] {
        for site in SITES {
            let tree = Tree::new(SCHEMA);
            tree.add("head", "anna", Role::Remote);
            SITES.iter().for_each(|site| drop(tree.sync(site)));
            tree.settle(&SITES);
            assert_eq!(tree.text(site, &format!("PRAGMA journal_mode = {mode}")), mode);
            let (of_old, of_new) = (turns("old", 100), turns("new", 200));
            let child = old(&tree.home(site).join("shop.db"), &of_old);
            let writing = AtomicBool::new(true);
            let rounds = std::thread::scope(|scope| {
                scope.spawn(|| {
                    let application = tree.application(site);
                    application.busy_timeout(Duration::from_secs(20)).unwrap();
                    // Nothing here dies; waiting for the disk only takes long.
                    application.pragma_update(None, "synchronous", "off").unwrap();
                    for line in &of_new {
                        std::thread::sleep(PAUSE);
                        application.execute_batch(&format!("BEGIN IMMEDIATE; {line}; COMMIT")).unwrap();
                    }
                    writing.store(false, Ordering::Relaxed);
                });
                let mut rounds = 0;
                while writing.load(Ordering::Relaxed) {
                    SITES.iter().for_each(|site| drop(tree.sync(site)));
                    rounds += 1;
                }
                rounds
            });
            let said = finished(child);
            assert!(said[0].starts_with("3.31."), "{said:?}");
            println!("{mode}, {site}: {rounds} rounds while both wrote");
            assert!(rounds > 1, "nothing was done while they wrote");
            tree.settle(&SITES);
            tree.assert_sound(&SITES);
            for site in SITES {
                let session = tree.session(site);
                for shape in &session.shapes {
                    assert_eq!(seal::compare(&session, shape).unwrap(), 0, "{mode}: capture missed edits of {} at {site}", shape.name);
                }
            }
            check(&tree, mode, site);
        }
    }
}

/// All that they wrote is everywhere, as a database holds it in which nothing but these applications ever wrote.
fn check(tree: &Tree, mode: &str, site: &str) {
    let alone = Tree::new(SCHEMA);
    for (who, place) in [("old", 100), ("new", 200)] {
        alone.edit("head", &format!("BEGIN; {} COMMIT;", turns(who, place).concat()));
    }
    for sql in CONTENT {
        // Who edited last what both edited is chance.
        let sql = sql.replace("id, place, note", "id, place, iif(id = 'both', NULL, note) AS note");
        let expected = alone.rows("head", &sql);
        assert!(expected.len() > 5, "{sql}: {expected:?}");
        for at in SITES {
            assert_eq!(tree.rows(at, &sql), expected, "{mode}, written at {site}, read at {at}: {sql}");
        }
    }
    let both = tree.text(site, "SELECT note || ' ' || changes FROM items WHERE id = 'both'");
    assert!(both.ends_with(&format!(" {}", 2 * TURNS)), "{mode}: the application's own trigger ran {both}");
}

#[test]
#[ignore = "needs the old SQLite: run by .ci/run"]
fn what_rounds_bring_is_read_by_sqlite_3_31_and_its_edits_go_back() {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "anna", Role::Remote);
    SITES.iter().for_each(|site| drop(tree.sync(site)));
    tree.settle(&SITES);
    tree.edit("head", &format!("BEGIN; {} COMMIT;", turns("new", 200).concat()));
    tree.settle(&SITES);
    let lines = [
        "SELECT count(*) || ' items' FROM items".to_owned(),
        "UPDATE people SET name = 'edited' WHERE name = 'new 7'; DELETE FROM items WHERE id = 'both'".to_owned(),
        "SELECT integrity_check FROM pragma_integrity_check".to_owned(),
    ];
    let said = finished(old(&tree.home("anna").join("shop.db"), &lines));
    assert_eq!(said[1..], [format!("{} items", tree.rows("head", "SELECT 1 FROM items").len()), "ok".to_owned()], "{said:?}");
    tree.settle(&SITES);
    tree.assert_sound(&SITES);
    assert_eq!(tree.rows("head", "SELECT count(*) FROM people WHERE name = 'edited'"), ["1"]);
    assert_eq!(tree.rows("head", "SELECT count(*) FROM items WHERE id = 'both'"), ["0"]);
}
