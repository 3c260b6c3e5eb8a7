//! Whole rounds between sites, on the lowest door that shows them: the library.

mod support;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fieldpost::model::Millis;
use fieldpost::site::{Home, Role};
use fieldpost::sync::{Session, round};
use fieldpost::world::{Clock, Faults, World};
use rusqlite::Connection;
use support::Tree;

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT);
    CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', 'Bern', '1'), ('BOLT', 'Bolt AG', 'Basel', '2');
    INSERT INTO notes VALUES ('N1', 'ACME', 'first');";

fn three_levels() -> Tree {
    three_levels_of(SCHEMA)
}

fn three_levels_of(schema: &str) -> Tree {
    let tree = Tree::new(schema);
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&["head", "north", "anna"]);
    tree.assert_same(&["head", "north", "anna"]);
    tree
}

#[test]
fn a_remote_joins_gets_everything_and_edits_travel_both_ways() {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "anna", Role::Remote);
    tree.sync("anna");
    tree.sync("head");
    tree.sync("anna");
    tree.assert_same(&["head", "anna"]);
    tree.edit("anna", "UPDATE customers SET phone = '99' WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET city = 'Bonn' WHERE id = 'ACME'; DELETE FROM customers WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT group_concat(id || city || phone) FROM customers"), "ACMEBonn99");
    let conflicts = tree.session("head").ledger.last_conflict().unwrap();
    assert_eq!(conflicts, 0, "different fields of one record are no conflict");
}

#[test]
fn the_newer_edit_wins_and_the_loser_is_listed_at_both_sites() {
    let tree = three_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&["head", "north", "anna"]);
    assert_eq!(tree.text("anna", "SELECT phone FROM customers WHERE id = 'ACME'"), "head");
    let mut listed = Vec::new();
    for site in ["head", "north", "anna"] {
        let session = tree.session(site);
        session
            .ledger
            .conflicts(0, &mut |_, _, _, conflict| {
                listed.push((site, conflict.loser.clone().unwrap(), conflict.winner.clone().unwrap()));
                Ok(())
            })
            .unwrap();
    }
    assert!(listed.contains(&("head", "anna".into(), "head".into())), "{listed:?}");
    assert!(listed.contains(&("anna", "anna".into(), "head".into())), "{listed:?}");
}

#[test]
fn a_delete_never_wins_over_an_edit() {
    let tree = three_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'edited' WHERE id = 'BOLT'");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&["head", "north", "anna"]);
    assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'BOLT'"), "edited");
}

#[test]
fn unique_values_that_were_swapped_or_rotated_arrive() {
    let tree = Tree::new(
        "CREATE TABLE seats (id TEXT PRIMARY KEY, place INTEGER UNIQUE NOT NULL, who TEXT);
         INSERT INTO seats VALUES ('a', 1, 'x'), ('b', 2, 'y'), ('c', 3, 'z'), ('d', 4, 'w');",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit(
        "anna",
        "UPDATE seats SET place = place + 100; UPDATE seats SET place = CASE id WHEN 'a' THEN 2 WHEN 'b' THEN 3 WHEN 'c' THEN 1 ELSE 4 END",
    );
    tree.edit("head", "UPDATE seats SET who = 'head' WHERE id = 'b'");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    let order = "SELECT group_concat(id || place || who) FROM (SELECT * FROM seats ORDER BY id)";
    assert_eq!(tree.text("head", order), "a2x,b3head,c1z,d4w");
    tree.edit("head", "UPDATE seats SET place = -place; UPDATE seats SET place = CASE id WHEN 'a' THEN 4 WHEN 'd' THEN 2 ELSE -place END");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("anna", order), "a4x,b3head,c1z,d2w");
}

#[test]
fn records_that_refer_to_each_other_in_a_circle_arrive() {
    let tree = Tree::new(
        "CREATE TABLE people (id TEXT PRIMARY KEY, boss TEXT REFERENCES people, partner TEXT REFERENCES people);
         INSERT INTO people VALUES ('root', NULL, NULL);",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "INSERT INTO people VALUES ('p', 'root', 'q'), ('q', 'p', 'p'), ('self', 'self', NULL)");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT count(*) || '' FROM people"), "4");
}

/// People who have a desk each, a boss, and a team that somebody leads.
const DESKS: &str = "
    CREATE TABLE people (id KIND PRIMARY KEY, name TEXT, desk TEXT UNIQUE, boss KIND REFERENCES people, team KIND REFERENCES teams);
    CREATE TABLE teams (id KIND PRIMARY KEY, name TEXT UNIQUE, lead KIND REFERENCES people);
    INSERT INTO people VALUES (1, 'ann', 'd1', NULL, NULL), (2, 'bob', 'd2', NULL, NULL), (3, 'cid', 'd3', NULL, NULL);";
const SEATED: &str = "SELECT p.name, p.desk, b.name, t.name, l.name FROM people p LEFT JOIN people b ON b.id = p.boss
    LEFT JOIN teams t ON t.id = p.team LEFT JOIN people l ON l.id = t.lead ORDER BY p.name";
/// A new boss takes the desk of somebody who refers to it from now on.
const NEW_BOSS: &str = "UPDATE people SET desk = 'd9' WHERE id = 1; INSERT INTO people VALUES (4, 'new', 'd1', NULL, NULL); UPDATE people SET boss = 4 WHERE id = 1";

#[test]
fn a_new_record_that_takes_the_unique_value_of_one_that_refers_to_it_arrives_with_that() {
    for (edits, expected) in [
        (NEW_BOSS, &["ann|d9|new|-|-", "bob|d2|-|-|-", "cid|d3|-|-|-", "new|d1|-|-|-"][..]),
        // Each is the other one's boss.
        (
            "UPDATE people SET desk = 'd9' WHERE id = 1; INSERT INTO people VALUES (4, 'new', 'd1', 1, NULL); UPDATE people SET boss = 4 WHERE id = 1",
            &["ann|d9|new|-|-", "bob|d2|-|-|-", "cid|d3|-|-|-", "new|d1|ann|-|-"],
        ),
        // It refers to the new one through another new record.
        (
            "UPDATE people SET desk = NULL WHERE id = 2; INSERT INTO people VALUES (4, 'new', 'd2', NULL, NULL);
             INSERT INTO teams VALUES (1, 'team', 4); UPDATE people SET team = 1 WHERE id = 2",
            &["ann|d1|-|-|-", "bob|-|-|team|new", "cid|d3|-|-|-", "new|d2|-|-|-"],
        ),
        // And the new one to that: of it nothing but its team is missed at first.
        (
            "UPDATE people SET desk = NULL WHERE id = 2; INSERT INTO people VALUES (4, 'new', 'd2', NULL, NULL);
             INSERT INTO teams VALUES (1, 'team', 4); UPDATE people SET team = 1 WHERE id IN (2, 4)",
            &["ann|d1|-|-|-", "bob|-|-|team|new", "cid|d3|-|-|-", "new|d2|-|team|new"],
        ),
        // Desks go round, and everybody has the new one as boss: none of them can be written before it, nor it before them.
        (
            "UPDATE people SET desk = -id; INSERT INTO people VALUES (4, 'new', 'd1', NULL, NULL); UPDATE people SET boss = 4 WHERE id < 4;
             UPDATE people SET desk = 'd' || (id + 1) WHERE id < 3",
            &["ann|d2|new|-|-", "bob|d3|new|-|-", "cid|-3|new|-|-", "new|d1|-|-|-"],
        ),
        // Two that go round between themselves, and a new one each.
        (
            "UPDATE people SET desk = -id; UPDATE people SET desk = 'd2' WHERE id = 1; INSERT INTO people VALUES (4, 'new', 'd1', NULL, NULL);
             INSERT INTO people VALUES (5, 'other', 'd3', 3, NULL); UPDATE people SET boss = 4 WHERE id = 1; UPDATE people SET boss = 5 WHERE id IN (2, 3)",
            &["ann|d2|new|-|-", "bob|-2|other|-|-", "cid|-3|other|-|-", "new|d1|-|-|-", "other|d3|cid|-|-"],
        ),
    ] {
        for kind in ["INTEGER", "TEXT"] {
            for maker in ["head", "north", "anna"] {
                println!("{kind}, made at {maker}: {edits}");
                let tree = three_levels_of(&DESKS.replace("KIND", kind));
                tree.edit(maker, &format!("BEGIN; {edits}; COMMIT"));
                tree.settle(&["anna", "north", "head"]);
                tree.assert_rows(&["head", "north", "anna"], SEATED, expected);
                tree.assert_sound(&["head", "north", "anna"]);
                ["head", "north", "anna"].iter().for_each(|site| assert!(tree.listed(site).is_empty(), "{site}: {:?}", tree.listed(site)));
            }
        }
    }
}

#[test]
fn where_somebody_else_has_one_of_the_values_both_wait_for_that_one_and_go_on_with_it() {
    for (head, stays, waits, asked, gives_up, expected) in [
        // The value that the new one takes.
        (
            "UPDATE people SET desk = 'dx' WHERE id = 1; UPDATE people SET desk = 'd1' WHERE id = 2",
            ["ann|dx|-|-|-", "bob|d1|-|-|-", "cid|d3|-|-|-"],
            "its desk d1 is taken by people 2 'bob'",
            "4",
            "UPDATE people SET desk = 'd7' WHERE id = 2",
            ["ann|dx|new|-|-", "bob|d7|-|-|-", "cid|d3|-|-|-", "new|d1|-|-|-"],
        ),
        // The one that the other gets in its place: nobody has to find the new one another one, for it goes on with that.
        (
            "UPDATE people SET desk = 'd9' WHERE id = 3",
            ["ann|d1|-|-|-", "bob|d2|-|-|-", "cid|d9|-|-|-"],
            "its desk d9 is taken by people 3 'cid'",
            "1",
            "UPDATE people SET desk = 'd7' WHERE id = 3",
            ["ann|d9|new|-|-", "bob|d2|-|-|-", "cid|d7|-|-|-", "new|d1|-|-|-"],
        ),
    ] {
        for kind in ["INTEGER", "TEXT"] {
            let tree = three_levels_of(&DESKS.replace("KIND", kind));
            tree.edit("anna", &format!("BEGIN; {NEW_BOSS}; COMMIT"));
            tree.edit("head", head);
            tree.settle(&["anna", "north", "head"]);
            tree.assert_rows(&["head"], SEATED, &stays);
            assert!(
                tree.held("head").len() == 2 && tree.held("head").iter().any(|one| one.contains(waits)),
                "{kind}: {:?}",
                tree.held("head")
            );
            let session = tree.session("head");
            let listed = |number: i64| session.ledger.conflict(number).unwrap().unwrap().key.to_string();
            assert_eq!(session.ledger.taken().unwrap().into_iter().map(listed).collect::<Vec<_>>(), [asked]);
            drop(session);
            tree.edit("head", gives_up);
            tree.settle(&["anna", "north", "head"]);
            tree.assert_rows(&["head", "north", "anna"], SEATED, &expected);
            tree.assert_sound(&["head", "north", "anna"]);
        }
    }
}

/// Written at once with the record whose code it takes, the new one came to have that one as boss, at all sites.
#[test]
fn where_they_refer_by_the_value_itself_both_wait_and_mean_at_their_site_whom_they_meant() {
    let tree = three_levels_of(
        "CREATE TABLE people (id TEXT PRIMARY KEY, code TEXT UNIQUE, boss TEXT REFERENCES people(code));
         INSERT INTO people VALUES ('ann', 'A', NULL);",
    );
    tree.edit("anna", "BEGIN; UPDATE people SET code = 'B'; INSERT INTO people VALUES ('new', 'A', 'A'); UPDATE people SET boss = 'A' WHERE id = 'ann'; COMMIT");
    tree.settle(&["anna", "north", "head"]);
    tree.assert_rows(&["anna"], "SELECT * FROM people ORDER BY id", &["ann|B|A", "new|A|A"]);
    tree.assert_rows(&["head", "north"], "SELECT * FROM people ORDER BY id", &["ann|A|-"]);
}

#[test]
fn triggers_of_the_application_fire_once_and_local_indexes_are_maintained() {
    let tree = Tree::new(
        "CREATE TABLE films (id TEXT PRIMARY KEY, title TEXT, version INTEGER NOT NULL DEFAULT 0);
         CREATE TRIGGER films_version AFTER UPDATE OF title ON films BEGIN UPDATE films SET version = version + 1 WHERE id = new.id; END;
         CREATE TRIGGER films_check BEFORE UPDATE ON films WHEN new.title = '' BEGIN SELECT RAISE(ABORT, 'no title'); END;
         CREATE VIRTUAL TABLE search USING fts5(id UNINDEXED, title);
         CREATE TRIGGER films_in AFTER INSERT ON films BEGIN INSERT INTO search VALUES (new.id, new.title); END;
         CREATE TRIGGER films_up AFTER UPDATE ON films BEGIN UPDATE search SET title = new.title WHERE id = new.id; END;
         CREATE TRIGGER films_out AFTER DELETE ON films BEGIN DELETE FROM search WHERE id = old.id; END;
         INSERT INTO films (id, title) VALUES ('m', 'Metropolis'), ('n', 'Nosferatu');",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    let found = "SELECT ifnull(group_concat(id), '') FROM search WHERE search MATCH ";
    assert_eq!(tree.text("anna", &format!("{found}'metropolis'")), "m");
    tree.edit("anna", "UPDATE films SET title = 'Faust' WHERE id = 'm'; DELETE FROM films WHERE id = 'n'; INSERT INTO films (id, title) VALUES ('t', 'Tabu')");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT version || '' FROM films WHERE id = 'm'"), "1");
    for (word, ids) in [("faust", "m"), ("tabu", "t"), ("nosferatu", ""), ("metropolis", "")] {
        assert_eq!(tree.text("head", &format!("{found}'{word}'")), ids, "{word}");
    }
    assert!(tree.application("head").execute("UPDATE films SET title = '' WHERE id = 'm'", []).is_err(), "the application's check is back");
}

#[test]
fn exact_values_of_every_kind_survive_the_way() {
    let tree = Tree::new("CREATE TABLE odd (id BLOB PRIMARY KEY, a, b NUMERIC, c TEXT, d REAL) WITHOUT ROWID");
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit(
        "anna",
        "INSERT INTO odd VALUES
        (x'00', 1, 1, 1, 1), (x'01', 1.0, 1.0, 1.0, 1.0), (x'02', '1', '1', '1', '1'), (x'03', x'31', x'31', x'31', x'31'),
        (x'04', 9e999, -9e999, 'a' || char(0) || 'b', -0.0), (x'05', CAST(x'ff00fe' AS TEXT), 0.1 + 0.2, '', 5e-324),
        (x'06', x'', 9223372036854775807, NULL, -9223372036854775808.0), ('text', 1e300, 123456789012345678, 'ü€𝄞', 1.5)",
    );
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    let all = "SELECT hex(group_concat(quote(id) || typeof(a) || quote(a) || typeof(b) || quote(b) || hex(c) || typeof(c) || quote(d), ';')) FROM odd";
    assert_eq!(tree.text("head", all), tree.text("anna", all));
}

#[test]
fn the_first_load_brings_everything_that_a_schema_has() {
    let tree = Tree::new(
        "PRAGMA application_id = 77; PRAGMA user_version = 12;
         CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE, twice AS (name || name));
         CREATE INDEX by_name ON t (name); CREATE VIEW names AS SELECT name FROM t;
         INSERT INTO t (name) VALUES ('a'), ('b'), ('c'); DELETE FROM t WHERE id > 1;
         CREATE TABLE \"order\" (\"select from\" TEXT, [x y] TEXT, PRIMARY KEY (\"select from\", [x y])) WITHOUT ROWID;
         INSERT INTO \"order\" VALUES ('a''b', 'c\"d');
         CREATE TABLE keyless (a, b); INSERT INTO keyless VALUES (1, 2);",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    for sql in [
        "SELECT (SELECT user_version FROM pragma_user_version) || ' ' || (SELECT application_id FROM pragma_application_id)",
        "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE name NOT LIKE '\\_fieldpost%' ESCAPE '\\' ORDER BY name)",
        "SELECT group_concat(twice) FROM t",
        "SELECT group_concat(\"select from\" || [x y]) FROM \"order\"",
    ] {
        assert_eq!(tree.text("anna", sql), tree.text("head", sql), "{sql}");
    }
    // What the head handed out is never handed out again, here from a zone of its own.
    let sequence = "SELECT seq || '' FROM sqlite_sequence WHERE name = 't'";
    assert_eq!((tree.text("head", sequence), tree.text("anna", sequence)), ("3".into(), "1499999999".into()));
    assert_eq!(tree.text("anna", "SELECT count(*) || '' FROM keyless"), "0", "what cannot be tracked does not travel");
}

#[test]
fn replacing_a_record_under_its_own_key_is_an_edit_of_it() {
    let tree = Tree::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT, city TEXT);
         INSERT INTO people VALUES (1, 'a@x', 'Anna', 'Bern'), (2, 'b@x', 'Ben', 'Basel');",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "INSERT OR REPLACE INTO people VALUES (1, 'a@x', 'Anna B', 'Bern')");
    tree.edit("head", "UPDATE people SET city = 'Bonn' WHERE id = 1");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT name || city FROM people WHERE id = 1"), "Anna BBonn");
    assert_eq!(tree.session("head").ledger.last_conflict().unwrap(), 0);
    // Pushed out through the unique email by another key, then inserted again: that is another record.
    tree.edit(
        "anna",
        "INSERT OR REPLACE INTO people VALUES (3, 'b@x', 'Bea', 'Biel'); INSERT INTO people VALUES (2, 'c@x', 'Cora', 'Chur')",
    );
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    // Under which number is the head's to say: when the new ones come, Ben still has his.
    assert_eq!(tree.text("head", "SELECT group_concat(name) FROM (SELECT * FROM people ORDER BY email)"), "Anna B,Bea,Cora");
}

/// Programs save what they show by deleting its rows and writing them anew, and reload whole tables.
#[test]
fn rows_that_are_deleted_and_written_anew_just_as_they_were_are_the_same_records() {
    for key in ["INTEGER", "TEXT"] {
        let schema = format!(
            "CREATE TABLE orders (id {key} PRIMARY KEY, note TEXT);
             CREATE TABLE lines (\"order\" {key} REFERENCES orders ON DELETE CASCADE, product TEXT, amount INTEGER, PRIMARY KEY (\"order\", product));
             INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO lines VALUES (1, 'nail', 1), (1, 'saw', 2), (2, 'saw', 3);"
        );
        let tree = Tree::new(&schema);
        tree.add("head", "anna", Role::Remote);
        (0..3).for_each(|_| ["head", "anna"].iter().for_each(|site| drop(tree.sync(site))));
        tree.edit(
            "anna",
            "PRAGMA foreign_keys = on; BEGIN; CREATE TEMP TABLE o AS SELECT * FROM orders; CREATE TEMP TABLE l AS SELECT * FROM lines;
             DELETE FROM orders WHERE id < 3; INSERT INTO orders SELECT * FROM o WHERE id < 3; INSERT INTO lines SELECT * FROM l;
             UPDATE lines SET amount = 10 WHERE \"order\" = 1 AND product = 'nail'; COMMIT",
        );
        tree.edit(
            "head",
            "UPDATE lines SET amount = 20 WHERE \"order\" = 1 AND product = 'saw'; UPDATE orders SET note = 'edited' WHERE id = 2",
        );
        let sealed = tree.sync("anna").sealed;
        tree.settle(&["anna", "head"]);
        tree.assert_sound(&["head", "anna"]);
        tree.assert_rows(&["head"], "SELECT * FROM lines ORDER BY 1, 2", &["1|nail|10", "1|saw|20", "2|saw|3"]);
        tree.assert_rows(&["head"], "SELECT * FROM orders ORDER BY 1", &["1|a", "2|edited", "3|c"]);
        assert_eq!(sealed, 1, "the amount that changed");
        assert_eq!(tree.listed("head"), [""; 0]);
    }
}

/// A clock, and an application that writes when a round asks for the time: while that seals.
#[derive(Debug)]
struct Writing {
    /// How often the time is asked for until then; not yet where there is none.
    left: Arc<Mutex<Option<u32>>>,
    /// Writes every time from then on.
    on_and_on: bool,
    database: PathBuf,
    sql: &'static str,
}

impl Clock for Writing {
    fn now(&self) -> Millis {
        let mut left = self.left.lock().unwrap();
        if *left == Some(0) {
            Connection::open(&self.database).unwrap().execute_batch(self.sql).unwrap();
        }
        *left = left.and_then(|left| left.checked_sub(1).or(self.on_and_on.then_some(0)));
        Millis(1_700_000_000_000)
    }
}

/// A round that only sends, during which the application writes. Gives whether it came to that.
fn send_while_it_writes(tree: &Tree, site: &str, nth: u32, on_and_on: bool, sql: &'static str) -> bool {
    let left = Arc::new(Mutex::new(None));
    let clock = Writing { left: left.clone(), on_and_on, database: tree.home(site).join("shop.db"), sql };
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    let mut session = Session::open(World::simulated(Box::new(clock), 1, Faults::none()), home, tree.limits.clone()).unwrap();
    let mut came = false;
    let mut progress = |stage: &str| {
        let mut left = left.lock().unwrap();
        if stage == "looking for what changed" {
            *left = Some(nth);
        } else if stage.starts_with("making packets") {
            came = left.take().is_none_or(|left| on_and_on && left == 0);
        }
    };
    round::run(&mut session, &mut [&mut tree.exchange.clone()], round::Halves::Send, &mut progress).unwrap();
    came
}

#[test]
fn what_an_application_writes_at_once_goes_in_one_packet_whatever_is_sealed_meanwhile() {
    let schema = "PRAGMA journal_mode = WAL;
        CREATE TABLE regions (id TEXT PRIMARY KEY, code TEXT);
        CREATE TABLE customers (id TEXT PRIMARY KEY, code TEXT, region TEXT REFERENCES regions);
        CREATE TABLE articles (id TEXT PRIMARY KEY, code TEXT, customer TEXT REFERENCES customers ON DELETE CASCADE);
        CREATE TABLE bills (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers ON DELETE CASCADE);
        INSERT INTO regions VALUES ('R1', 'r1'), ('R2', 'r2'), ('R3', 'r3');
        INSERT INTO customers VALUES ('C1', 'c1', 'R2'), ('C2', 'c2', 'R1'), ('C3', 'c3', 'R2');
        INSERT INTO articles VALUES ('A1', 'a1', 'C1'), ('A2', 'a2', 'C2'); INSERT INTO bills VALUES ('B1', 'C1'), ('B2', 'C2');";
    let meanwhile = "PRAGMA foreign_keys = on; BEGIN IMMEDIATE; INSERT OR REPLACE INTO articles VALUES ('A4', 'A2', 'C1');
        DELETE FROM customers WHERE id = 'C2'; DELETE FROM regions WHERE id = 'R1'; COMMIT";
    // `REPLACE` pushes records out through these without a note.
    let indexes =
        "CREATE UNIQUE INDEX region_codes ON regions (lower(code)); CREATE UNIQUE INDEX customer_codes ON customers (lower(code));
        CREATE UNIQUE INDEX article_codes ON articles (lower(code))";
    let all = "SELECT group_concat(id) FROM (SELECT id FROM articles UNION SELECT id FROM bills UNION SELECT id FROM customers
        UNION SELECT id FROM regions ORDER BY id) WHERE id NOT IN ('C3', 'R3')";
    for (indexes, nth) in ["", indexes].into_iter().flat_map(|indexes| (0..10).map(move |nth| (indexes, nth))) {
        let tree = Tree::new(&format!("{schema} {indexes}"));
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit(
            "anna",
            "PRAGMA journal_mode = WAL; UPDATE articles SET code = 'a' WHERE id = 'A1'; UPDATE bills SET id = 'B3' WHERE id = 'B1';
             INSERT OR REPLACE INTO regions VALUES ('R4', 'R3'); INSERT OR REPLACE INTO customers VALUES ('C4', 'C3', 'R2')",
        );
        let came = send_while_it_writes(&tree, "anna", nth, false, meanwhile);
        tree.sync("head");
        let (with, without) = ("A1,A4,B3,C1,C4,R2,R4", "A1,A2,B2,B3,C1,C2,C4,R1,R2,R4");
        let is = tree.text("head", all);
        assert!(is == without || came && is == with, "written the {nth}th time: {is}, {:?}", tree.listed("head"));
        tree.settle(&["anna", "head"]);
        tree.assert_sound(&["head", "anna"]);
        tree.assert_rows(&["head"], all, &[if came { with } else { without }]);
        assert_eq!(tree.listed("head"), [""; 0], "written the {nth}th time");
        assert!(came || nth > 3, "the time is asked for {nth} times");
    }
}

#[test]
fn an_application_that_never_stops_writing_keeps_no_round_from_ending() {
    let tree = Tree::new(
        "PRAGMA journal_mode = WAL; CREATE TABLE clicks (id INTEGER PRIMARY KEY, code TEXT, n INTEGER DEFAULT 0); CREATE UNIQUE INDEX codes ON clicks (lower(code));
         WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000) INSERT INTO clicks (id, code) SELECT n, 'c' || n FROM c",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "PRAGMA journal_mode = WAL; UPDATE clicks SET n = 1");
    // More than is looked at in one go, and a record that goes without a note.
    let more =
        "UPDATE clicks SET n = n + 1; INSERT OR REPLACE INTO clicks SELECT max(id) + 1, upper(code), n FROM clicks ORDER BY id LIMIT 1";
    assert!(send_while_it_writes(&tree, "anna", 0, true, more));
    tree.settle(&["anna", "head"]);
    tree.assert_sound(&["head", "anna"]);
}
