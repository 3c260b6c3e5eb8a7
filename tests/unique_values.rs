//! What of a unique value that two sites give to two records? It goes on by itself, or is one open conflict with one way out.
//!
//! `following` is what refers to such a value when it goes to another record, `rekeyed` what has it in its key, `meant` whom its site meant; `histories` draws many short ones.

#[path = "unique_values/following.rs"]
mod following;
#[path = "unique_values/histories.rs"]
mod histories;
#[path = "unique_values/meant.rs"]
mod meant;
#[path = "unique_values/rekeyed.rs"]
mod rekeyed;
mod support;

use fieldpost::ledger::{Conflict, ConflictKind};
use fieldpost::model::Value;
use fieldpost::site::Role;
use fieldpost::sync::mend::{self, Choice, HeldPlace, Since};
use support::Tree;

const TWO: [&str; 2] = ["head", "anna"];
const THREE: [&str; 3] = ["head", "north", "rosa"];

const PEOPLE: &str = "
    CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, email TEXT UNIQUE, phone TEXT);
    INSERT INTO people VALUES ('P1', 'Paul', 'p1', '1'), ('P2', 'Pia', 'p2', '2'), ('P3', 'Per', 'p3', '3');";
const EMAILS: &str = "SELECT id, email FROM people ORDER BY id";

fn tree(schema: &str, sites: &[&str]) -> Tree {
    let tree = Tree::new(schema);
    for pair in sites.windows(2) {
        let role = if pair[1] == *sites.last().unwrap() { Role::Remote } else { Role::Office };
        tree.add(pair[0], pair[1], role);
        (0..2).for_each(|_| sites.iter().take_while(|site| tree.home(site).exists()).for_each(|site| drop(tree.sync(site))));
    }
    tree.settle(sites);
    tree.assert_same(sites);
    tree
}

/// The conflicts about unique values that nobody settled, with their numbers here.
fn open(tree: &Tree, site: &str) -> Vec<(i64, Conflict)> {
    let session = tree.session(site);
    let settled = session.ledger.settled().unwrap();
    let mut open = Vec::new();
    session
        .ledger
        .conflicts(0, &mut |number, there, _, conflict| {
            if conflict.kind == ConflictKind::Taken && !settled.contains_key(&(conflict.decider.clone(), there)) {
                open.push((number, conflict));
            }
            Ok(())
        })
        .unwrap();
    open
}

fn ended(tree: &Tree, sites: &[&str]) {
    tree.settle(sites);
    tree.assert_sound(sites);
    for site in sites {
        assert!(open(tree, site).is_empty() && tree.held(site).is_empty(), "{site}: {:?} {:?}", open(tree, site), tree.held(site));
    }
}

fn resolve(tree: &Tree, site: &str, number: i64, choice: Choice) {
    tree.tick(10);
    mend::settle(&tree.session(site), number, &choice, Since::Ask).unwrap();
}

// ---- what goes on by itself

#[test]
fn a_value_that_is_free_once_both_sides_have_arrived_is_no_conflict() {
    for (head, anna, expected) in [
        // Freed by an edit here, taken there by one that had freed it there by another.
        (
            "UPDATE people SET email = 'new' WHERE id = 'P1'",
            "UPDATE people SET email = 'own' WHERE id = 'P1'; UPDATE people SET email = 'p1' WHERE id = 'P2'",
            "P2|p1",
        ),
        // Deleted here with a new one in its place; the old one has another value there.
        (
            "DELETE FROM people WHERE id = 'P1'; INSERT INTO people VALUES ('P4', 'Pam', 'p1', '4')",
            "UPDATE people SET email = 'own' WHERE id = 'P1'",
            "P1|own",
        ),
        (
            "UPDATE people SET email = 'own' WHERE id = 'P1'",
            "DELETE FROM people WHERE id = 'P1'; INSERT INTO people VALUES ('P4', 'Pam', 'p1', '4')",
            "P1|own",
        ),
        // A swap here, an edit of one of the two there.
        (
            "UPDATE people SET email = NULL WHERE id = 'P1'; UPDATE people SET email = 'p1' WHERE id = 'P2'; UPDATE people SET email = 'p2' WHERE id = 'P1'",
            "UPDATE people SET phone = 'own' WHERE id = 'P1'",
            "P2|p1",
        ),
        // The same swap at both.
        (
            "UPDATE people SET email = NULL WHERE id = 'P1'; UPDATE people SET email = 'p1' WHERE id = 'P2'; UPDATE people SET email = 'p2' WHERE id = 'P1'",
            "UPDATE people SET email = NULL WHERE id = 'P1'; UPDATE people SET email = 'p1' WHERE id = 'P2'; UPDATE people SET email = 'p2' WHERE id = 'P1'",
            "P2|p1",
        ),
        // A rotation, and a new record that takes the value that it frees.
        (
            "UPDATE people SET email = 'free' WHERE id = 'P3'; UPDATE people SET email = 'p3' WHERE id = 'P2'; UPDATE people SET email = 'p2' WHERE id = 'P1'; INSERT INTO people VALUES ('P4', 'Pam', 'p1', '4')",
            "UPDATE people SET phone = 'own'",
            "P4|p1",
        ),
    ] {
        for first in TWO {
            let tree = tree(PEOPLE, &TWO);
            tree.edit("head", head);
            tree.edit("anna", anna);
            tree.sync(first);
            ended(&tree, &TWO);
            assert!(tree.rows("head", EMAILS).contains(&expected.to_owned()), "{head} / {anna}: {:?}", tree.rows("head", EMAILS));
        }
    }
}

#[test]
fn whichever_gives_the_value_up_the_other_goes_on_by_itself() {
    for (site, sql) in [
        ("head", "UPDATE people SET email = 'other' WHERE id = 'P1'"),
        ("anna", "UPDATE people SET email = 'other' WHERE id = 'P2'"),
        ("head", "DELETE FROM people WHERE id = 'P1'"),
    ] {
        let tree = tree(PEOPLE, &TWO);
        tree.edit("head", "UPDATE people SET email = 'x' WHERE id = 'P1'");
        tree.edit("anna", "UPDATE people SET email = 'x' WHERE id = 'P2'");
        tree.settle(&TWO);
        assert_eq!([open(&tree, "head").len(), open(&tree, "anna").len()], [1, 1]);
        tree.edit(site, sql);
        ended(&tree, &TWO);
    }
}

/// Swapping takes both records out of the database for a moment: nobody else knows what they hold in a column that stays at home.
#[test]
fn a_list_of_which_every_entry_moves_by_one_goes_through_at_once() {
    let schema = "CREATE TABLE tracks (id INTEGER PRIMARY KEY, place INTEGER UNIQUE, name TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO tracks SELECT i, i, 'track ' || i FROM n;";
    for (there, by) in [("anna", "+ 1"), ("head", "+ 1"), ("anna", "- 1")] {
        let tree = tree(schema, &TWO);
        tree.edit(there, &format!("UPDATE tracks SET place = -place; UPDATE tracks SET place = -place {by}"));
        ended(&tree, &TWO);
        tree.assert_rows(&TWO, &format!("SELECT count(*) FROM tracks WHERE place = id {by}"), &["400"]);
    }
}

#[test]
fn a_swap_leaves_alone_what_the_rules_keep_at_a_site() {
    let people = PEOPLE.replace("phone TEXT", "phone TEXT DEFAULT 'none'");
    let tree = Tree::with_rules(&people, "[tables.people]\nlocal = ['phone']\n");
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "UPDATE people SET phone = 'of anna ' || id; UPDATE people SET phone = NULL WHERE id = 'P2'");
    tree.settle(&["anna", "head"]);
    tree.edit("head", "UPDATE people SET email = '' WHERE id = 'P1'; UPDATE people SET email = 'p1' WHERE id = 'P2'");
    tree.edit("head", "UPDATE people SET email = 'p2' WHERE id = 'P1'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&TWO, EMAILS, &["P1|p2", "P2|p1", "P3|p3"]);
    tree.assert_rows(&["anna"], "SELECT id, phone FROM people ORDER BY id", &["P1|of anna P1", "P2|-", "P3|of anna P3"]);
}

#[test]
fn a_swap_does_not_wait_for_a_chain_that_a_person_has_to_end() {
    let tree = tree(&format!("{PEOPLE} INSERT INTO people VALUES ('P4', 'Pam', 'p4', '4'), ('P5', 'Pit', 'p5', '5');"), &TWO);
    tree.edit("head", "UPDATE people SET email = 'x' WHERE id = 'P3'");
    tree.edit(
        "anna",
        "UPDATE people SET email = NULL WHERE id IN ('P1', 'P4'); UPDATE people SET email = 'x' WHERE id = 'P2'; UPDATE people SET email = 'p2' WHERE id = 'P1';
         UPDATE people SET email = 'p4' WHERE id = 'P5'; UPDATE people SET email = 'p5' WHERE id = 'P4'",
    );
    tree.settle(&TWO);
    tree.assert_rows(&["head"], EMAILS, &["P1|p1", "P2|p2", "P3|x", "P4|p5", "P5|p4"]);
    // Of the chain the end is listed, and the rest goes on with it.
    assert_eq!([open(&tree, "head").len(), open(&tree, "anna").len()], [1, 1]);
    resolve(&tree, "anna", open(&tree, "anna")[0].0, Choice::Other(Value::text("another")));
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, EMAILS, &["P1|p2", "P2|another", "P3|x", "P4|p5", "P5|p4"]);
}

// ---- what refers to a value

/// Customers that others refer to by a value of theirs, which is unique, or the key but for the case of its letters.
const BY_VALUE: [&str; 2] = [
    "CREATE TABLE customers (id TEXT PRIMARY KEY, code TEXT UNIQUE, of TEXT);
     CREATE TABLE orders (id TEXT PRIMARY KEY, code TEXT REFERENCES customers(code), of TEXT);",
    "CREATE TABLE customers (code TEXT PRIMARY KEY COLLATE NOCASE, id TEXT, of TEXT);
     CREATE TABLE orders (id TEXT PRIMARY KEY, code TEXT REFERENCES customers(code), of TEXT);",
];

/// A customer of a site, and an order of this customer.
fn ordered(tree: &Tree, site: &str, code: &str) {
    tree.edit(site, &format!("INSERT INTO customers (id, code, of) VALUES ('c-{site}', '{code}', '{site}'); INSERT INTO orders VALUES ('o-{site}', '{code}', '{site}')"));
}

/// Whose customer each order is for.
const WHOSE: &str = "SELECT o.of, c.of, c.code FROM orders o JOIN customers c ON c.code = o.code ORDER BY 1";

fn assert_nothing_mixed(tree: &Tree, sites: &[&str]) {
    for site in sites {
        let mixed = tree.rows(site, "SELECT o.of, c.of FROM orders o JOIN customers c ON c.code = o.code WHERE o.of <> c.of");
        assert!(mixed.is_empty(), "{site}: {mixed:?}");
    }
}

#[test]
fn what_refers_to_a_value_that_two_sites_took_waits_with_the_record_that_is_meant_and_follows_it() {
    for schema in BY_VALUE {
        for (sites, first) in [(&TWO[..], "head"), (&TWO[..], "anna"), (&THREE[..], "rosa")] {
            for at in [sites[0], sites[sites.len() - 1]] {
                let tree = tree(schema, sites);
                let last = sites[sites.len() - 1];
                ordered(&tree, "head", "abc");
                ordered(&tree, last, if schema.contains("NOCASE") { "ABC" } else { "abc" });
                tree.sync(first);
                tree.settle(sites);
                assert_nothing_mixed(&tree, sites);
                // One more that refers to it while it waits.
                tree.edit(last, &format!("INSERT INTO orders SELECT 'later', code, of FROM orders WHERE of = '{last}'"));
                tree.settle(sites);
                assert_nothing_mixed(&tree, sites);
                // An office may be the one that has it first.
                let at = if open(&tree, at).is_empty() { sites[1] } else { at };
                resolve(&tree, at, open(&tree, at)[0].0, Choice::Other(Value::text("another")));
                ended(&tree, sites);
                assert_nothing_mixed(&tree, sites);
                let whose = tree.rows("head", WHOSE);
                assert_eq!(whose.len(), 3, "{whose:?}");
                sites.iter().for_each(|site| assert_eq!(tree.rows(site, WHOSE), whose, "{site}"));
                assert!(whose.iter().any(|row| row.ends_with("|another")), "{whose:?}");
            }
        }
    }
}

// ---- one conflict, one way out

#[test]
fn a_value_taken_at_two_sites_is_one_conflict_at_both_and_another_value_settles_it_from_either() {
    for (head, anna) in [
        ("UPDATE people SET email = 'x' WHERE id = 'P1'", "UPDATE people SET email = 'x' WHERE id = 'P2'"),
        ("INSERT INTO people VALUES ('P1x', 'Paul', 'x', '4')", "INSERT INTO people VALUES ('P2x', 'Pia', 'x', '5')"),
        ("UPDATE people SET email = 'x' WHERE id = 'P1'", "INSERT INTO people VALUES ('P2x', 'Pia', 'x', '5')"),
        ("INSERT INTO people VALUES ('P1x', 'Paul', 'x', '4')", "UPDATE people SET email = 'x' WHERE id = 'P2'"),
        // Deleted with a new one in its place at one, edited at the other: the edit brings the old one back.
        (
            "DELETE FROM people WHERE id = 'P1'; INSERT INTO people VALUES ('P1x', 'Paul', 'p1', '4')",
            "UPDATE people SET phone = 'edited', name = 'Pia' WHERE id = 'P1'",
        ),
        (
            "UPDATE people SET phone = 'edited', name = 'Paul' WHERE id = 'P1'",
            "DELETE FROM people WHERE id = 'P1'; INSERT INTO people VALUES ('P1x', 'Pia', 'p1', '4')",
        ),
        // Of a swap at one site, one half is edited at the other, and wins there.
        (
            "UPDATE people SET email = 'x', name = 'Paul' WHERE id = 'P3'",
            "UPDATE people SET email = NULL WHERE id = 'P1'; UPDATE people SET email = 'x', name = 'Pia' WHERE id = 'P2'; UPDATE people SET email = 'p2' WHERE id = 'P1'",
        ),
    ] {
        for at in TWO {
            for first in TWO {
                let tree = tree(PEOPLE, &TWO);
                tree.edit("head", head);
                tree.edit("anna", anna);
                tree.sync(first);
                tree.settle(&TWO);
                for site in TWO {
                    let open = open(&tree, site);
                    assert_eq!(open.len(), 1, "{site}: {head} / {anna}: {open:?} {:?}", tree.held(site));
                    let (_, conflict) = &open[0];
                    assert_eq!((conflict.decider.as_str(), conflict.field.as_deref()), ("head", Some("email")));
                    assert_eq!(conflict.called.as_deref(), Some("Pia"), "{conflict:?}");
                    assert!(conflict.winner.as_ref().unwrap().contains("'Paul'"), "{conflict:?}");
                }
                let (number, conflict) = open(&tree, at).remove(0);
                resolve(&tree, at, number, Choice::Other(Value::text("another")));
                ended(&tree, &TWO);
                let key = conflict.key.values().unwrap();
                let expected = format!("{}|another", key[0]);
                assert!(tree.rows("head", EMAILS).contains(&expected), "{expected}: {:?}", tree.rows("head", EMAILS));
            }
        }
    }
}

#[test]
fn a_key_that_gets_another_value_is_the_key_everywhere_from_then_on() {
    let schema =
        "CREATE TABLE n (k TEXT PRIMARY KEY COLLATE NOCASE, a TEXT); CREATE TABLE lines (id TEXT PRIMARY KEY, n TEXT REFERENCES n, a TEXT)";
    for then in [
        "DELETE FROM lines; DELETE FROM n WHERE k = 'new'",
        "UPDATE n SET a = 'edited' WHERE k = 'new'",
        "INSERT INTO n VALUES ('ABC2', 'x')",
    ] {
        for site in TWO {
            let tree = tree(schema, &TWO);
            tree.edit("anna", "INSERT INTO n VALUES ('ABC', 'anna'); INSERT INTO lines VALUES ('L', 'ABC', 'of anna')");
            tree.edit("head", "INSERT INTO n VALUES ('abc', 'head')");
            tree.settle(&TWO);
            let (number, _) = open(&tree, site)[0].clone();
            resolve(&tree, site, number, Choice::Other(Value::text("new")));
            ended(&tree, &TWO);
            tree.assert_rows(&TWO, "SELECT k, a FROM n ORDER BY k", &["abc|head", "new|anna"]);
            tree.assert_rows(&TWO, "SELECT n, a FROM lines", &["new|of anna"]);
            tree.edit("anna", then);
            ended(&tree, &TWO);
            let rows: &[&str] = match &then[..6] {
                "DELETE" => &["abc|head"],
                "UPDATE" => &["abc|head", "new|edited"],
                _ => &["abc|head", "ABC2|x", "new|anna"],
            };
            tree.assert_rows(&TWO, "SELECT k, a FROM n ORDER BY k", rows);
            for site in TWO {
                let session = tree.session(site);
                let missed: u64 = session.shapes.iter().map(|shape| fieldpost::sync::seal::compare(&session, shape).unwrap()).sum();
                assert_eq!(missed, 0, "{site} after {then}");
            }
        }
    }
}

#[test]
fn a_key_that_refers_to_what_never_came_gets_another_value() {
    let schema = "CREATE TABLE orders (id TEXT PRIMARY KEY); INSERT INTO orders VALUES ('O1');
        CREATE TABLE lines (ord TEXT NOT NULL REFERENCES orders, pos INTEGER NOT NULL, a TEXT, PRIMARY KEY (ord, pos))";
    let tree = tree(schema, &TWO);
    tree.edit("anna", "PRAGMA foreign_keys = off; INSERT INTO lines VALUES ('O9', 1, 'of anna')");
    tree.settle(&TWO);
    let mut places = Vec::new();
    let note = |record: fieldpost::ledger::Record| {
        places.extend(record.extra.held.keys().map(|site| HeldPlace { number: record.id.unwrap(), site: *site }));
        Ok(())
    };
    tree.session("head").ledger.exceptional(&mut { note }).unwrap();
    let place = places[0];
    let edit = |value: &str| {
        mend::edit_held(&tree.session("head"), place, &std::collections::BTreeMap::from([("ord".into(), Value::text(value))]))
    };
    assert!(edit("O8").unwrap_err().to_string().contains("refers to orders O8"), "nothing was done");
    edit("O1").unwrap();
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT * FROM lines", &["O1|1|of anna"]);
    tree.edit("anna", "DELETE FROM lines");
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT * FROM lines", &[]);
}

#[test]
fn letting_go_of_it_keeps_the_record_that_has_the_value_and_lists_what_is_lost() {
    for anna in ["UPDATE people SET email = 'x' WHERE id = 'P2'", "INSERT INTO people VALUES ('P2x', 'Pia', 'x', '5')"] {
        let tree = tree(PEOPLE, &TWO);
        tree.edit("head", "UPDATE people SET email = 'x' WHERE id = 'P1'");
        tree.edit("anna", anna);
        tree.settle(&TWO);
        let number = open(&tree, "head")[0].0;
        resolve(&tree, "head", number, Choice::Standing);
        ended(&tree, &TWO);
        tree.assert_rows(&TWO, EMAILS, &["P1|x", "P2|p2", "P3|p3"]);
        assert!(tree.listed("anna").contains(&"x".to_owned()), "{:?}", tree.listed("anna"));
    }
}

#[test]
fn a_value_that_is_taken_too_is_said_so_and_changes_nothing() {
    let tree = tree(PEOPLE, &TWO);
    tree.edit("head", "UPDATE people SET email = 'x' WHERE id = 'P1'");
    tree.edit("anna", "UPDATE people SET email = 'x' WHERE id = 'P2'");
    tree.settle(&TWO);
    for site in TWO {
        let number = open(&tree, site)[0].0;
        let refused = mend::settle(&tree.session(site), number, &Choice::Other(Value::text("p3")), Since::Ask).unwrap_err();
        assert!(refused.to_string().contains("the database refuses it"), "{refused}");
        let refused = mend::settle(&tree.session(site), number, &Choice::Lost, Since::Ask).unwrap_err();
        assert!(refused.to_string().contains("edit that one"), "{refused}");
    }
    tree.settle(&TWO);
    assert_eq!([open(&tree, "head").len(), open(&tree, "anna").len()], [1, 1]);
    resolve(&tree, "head", open(&tree, "head")[0].0, Choice::Before);
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, EMAILS, &["P1|x", "P2|p2", "P3|p3"]);
}

#[test]
fn over_three_levels_it_is_told_to_every_site_between_the_one_that_decides_and_the_one_that_waits() {
    let numbered = PEOPLE.replace("id TEXT", "id INTEGER").replace("'P1', ", "1, ").replace("'P2', ", "2, ").replace("'P3', ", "3, ");
    for (key, schema) in [("'P4'", PEOPLE), ("NULL", &numbered)] {
        // Who takes the value first at the office decides who decides.
        for (order, told) in [(THREE, &["north", "rosa"][..]), (["rosa", "north", "head"], &THREE)] {
            for at in told {
                let tree = tree(schema, &THREE);
                for (site, name) in [("head", "Paula"), ("rosa", "Rosa")] {
                    tree.edit(
                        site,
                        &format!("INSERT INTO people VALUES ({}, '{name}', 'x', '4')", key.replace('4', &name.len().to_string())),
                    );
                }
                tree.settle(&order);
                for site in told {
                    let open = open(&tree, site);
                    assert_eq!(open.len(), 1, "{site}: {open:?}");
                    assert_eq!(open[0].1.called.as_deref(), Some("Rosa"));
                    assert_eq!(open[0].1.loser_site.as_ref().map(|site| site.as_str()), Some("rosa"));
                }
                resolve(&tree, at, open(&tree, at)[0].0, Choice::Other(Value::text("another")));
                ended(&tree, &THREE);
                let found = "SELECT name, email FROM people WHERE email IN ('x', 'another') ORDER BY 1";
                tree.assert_rows(&THREE, found, &["Paula|x", "Rosa|another"]);
            }
        }
    }
}

#[test]
fn two_remotes_that_take_one_value_from_each_other_are_told_of_each_other() {
    let tree = Tree::new(PEOPLE);
    let sites = ["head", "anna", "ben"];
    ["anna", "ben"].iter().for_each(|site| tree.add("head", site, Role::Remote));
    (0..2).for_each(|_| sites.iter().for_each(|site| drop(tree.sync(site))));
    tree.settle(&sites);
    tree.edit("anna", "INSERT INTO people VALUES ('A', 'Ada', 'x', '4')");
    tree.edit("ben", "INSERT INTO people VALUES ('B', 'Bo', 'x', '5')");
    tree.settle(&sites);
    assert_eq!([open(&tree, "head").len(), open(&tree, "anna").len(), open(&tree, "ben").len()], [1, 0, 1]);
    let conflict = &open(&tree, "ben")[0].1;
    assert_eq!(conflict.winner_site.as_ref().map(|site| site.as_str()), Some("anna"));
    resolve(&tree, "ben", open(&tree, "ben")[0].0, Choice::Other(Value::text("another")));
    ended(&tree, &sites);
}

#[test]
fn fields_that_are_unique_together_are_named_together() {
    let tree = tree(
        "CREATE TABLE seats (id TEXT PRIMARY KEY, guest TEXT, room TEXT, place INTEGER, UNIQUE (room, place)); INSERT INTO seats VALUES ('S1', 'Al', 'hall', 1);",
        &TWO,
    );
    tree.edit("head", "INSERT INTO seats VALUES ('S2', 'Bea', 'hall', 2)");
    tree.edit("anna", "UPDATE seats SET place = 2");
    tree.settle(&TWO);
    let (number, conflict) = open(&tree, "anna").remove(0);
    assert_eq!((conflict.field.as_deref(), conflict.rule.as_str()), (Some("place"), "room and place together are one record's"));
    resolve(&tree, "anna", number, Choice::Other(Value::Integer(3)));
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT guest, place FROM seats ORDER BY 1", &["Al|3", "Bea|2"]);
}

// ---- what comes back because of it

const TEAMS: &str = "
    CREATE TABLE teams (id TEXT PRIMARY KEY, leader TEXT REFERENCES people DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT UNIQUE, phone TEXT, team TEXT REFERENCES teams DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE notes (id TEXT PRIMARY KEY, slot INTEGER UNIQUE, team TEXT REFERENCES teams, person TEXT REFERENCES people);
    INSERT INTO teams VALUES ('T', NULL); INSERT INTO people VALUES ('P', 'Pia', '1', 'T'); INSERT INTO notes VALUES ('N', 1, NULL, NULL);";

#[test]
fn a_circle_whose_record_is_refused_comes_back_with_it_and_not_before() {
    let tree = tree(&format!("{TEAMS} UPDATE teams SET leader = 'P';"), &TWO);
    tree.edit("head", "BEGIN; DELETE FROM teams; DELETE FROM people; COMMIT; INSERT INTO people VALUES ('Q', 'Pia', '2', NULL)");
    tree.edit("anna", "UPDATE people SET phone = 'edited'");
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT id FROM teams UNION ALL SELECT id FROM people", &["Q"]);
    tree.assert_rows(&["head"], "PRAGMA foreign_key_check", &[]);
    let number = open(&tree, "head")[0].0;
    resolve(&tree, "head", number, Choice::Other(Value::text("Pia the first")));
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT name, phone, team FROM people ORDER BY id", &["Pia the first|edited|T", "Pia|2|-"]);
    tree.assert_rows(&TWO, "SELECT leader FROM teams", &["P"]);
}

/// Departments and who heads them; the head office and anna name a department alike.
const DEPARTMENTS: &str = "
    CREATE TABLE departments (id INTEGER PRIMARY KEY, name TEXT UNIQUE, head INTEGER REFERENCES staff);
    CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, department INTEGER REFERENCES departments);
    CREATE TABLE budgets (id TEXT PRIMARY KEY, department INTEGER REFERENCES departments);
    INSERT INTO departments VALUES (1, 'Sales', NULL);";

#[test]
fn of_a_circle_that_refers_to_a_refused_record_nothing_comes_and_its_number_is_nobodys() {
    for anna in [
        // Somebody who heads it; with a row that only waits for it; a whole circle beside it that can come.
        "INSERT INTO staff VALUES (1, 'Bob', 2); UPDATE departments SET head = 1 WHERE id = 2;",
        "INSERT INTO staff VALUES (1, 'Bob', 2); UPDATE departments SET head = 1 WHERE id = 2; INSERT INTO budgets VALUES ('B', 2);",
        "INSERT INTO departments VALUES (3, 'Law', NULL); INSERT INTO staff VALUES (1, 'Bob', 2), (2, 'Kim', 3);
         UPDATE departments SET head = id - 1 WHERE id > 1;",
    ] {
        let tree = tree(DEPARTMENTS, &TWO);
        tree.edit("head", "INSERT INTO departments VALUES (2, 'Marketing', NULL)");
        tree.edit("anna", &format!("BEGIN; INSERT INTO departments VALUES (2, 'Marketing', NULL); {anna} COMMIT"));
        tree.sync("anna");
        tree.sync("head");
        tree.assert_rows(&["head"], "PRAGMA foreign_key_check", &[]);
        // Made with whatever number is free.
        tree.edit("head", "INSERT INTO departments (name) VALUES ('newest')");
        let who = "SELECT s.name, d.name FROM staff s JOIN departments d ON d.id = s.department WHERE d.name <> 'Law'";
        tree.assert_rows(&["head"], who, &[]);
        tree.settle(&TWO);
        tree.assert_rows(&["head"], who, &[]);
        let law = "SELECT s.name FROM staff s JOIN departments d ON d.id = s.department AND d.head = s.id WHERE d.name = 'Law'";
        tree.assert_rows(&["head"], law, if anna.contains("Law") { &["Kim"] } else { &[] });
        resolve(&tree, "anna", open(&tree, "anna")[0].0, Choice::Other(Value::text("Markets")));
        ended(&tree, &TWO);
        tree.assert_rows(&TWO, who, &["Bob|Markets"]);
    }
}

#[test]
fn an_edited_record_does_not_come_back_before_what_it_referred_to() {
    let clients = "
        CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT UNIQUE, boss INTEGER REFERENCES clients);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, client INTEGER REFERENCES clients, memo TEXT);
        INSERT INTO clients VALUES (1, 'ann', NULL), (2, 'bob', 1), (9, 'zed', NULL); INSERT INTO orders VALUES (1, 2, '');";
    let tree = tree(clients, &TWO);
    // The order needs bob, bob needs ann, and ann's name is another one's.
    tree.edit("head", "BEGIN; DELETE FROM orders; DELETE FROM clients WHERE id < 3; INSERT INTO clients VALUES (7, 'ann', NULL); COMMIT");
    tree.edit("anna", "UPDATE orders SET memo = 'edited'; UPDATE clients SET name = 'bobby' WHERE id = 2");
    tree.sync("anna");
    tree.sync("head");
    tree.assert_rows(&["head"], "SELECT memo FROM orders", &[]);
    tree.edit("head", "INSERT INTO clients (name) VALUES ('newest')");
    tree.assert_rows(&["head"], "SELECT c.name FROM orders o JOIN clients c ON c.id = o.client", &[]);
    tree.edit("head", "UPDATE clients SET name = 'anne' WHERE id = 7");
    ended(&tree, &TWO);
    tree.assert_rows(
        &TWO,
        "SELECT o.memo, c.name, b.name FROM orders o JOIN clients c ON c.id = o.client JOIN clients b ON b.id = c.boss",
        &["edited|bobby|ann"],
    );
}

#[test]
fn what_a_record_needs_comes_back_with_it_and_not_before_whether_it_is_new_or_was_there() {
    for anna in ["INSERT INTO notes VALUES ('M', 2, 'T', NULL)", "UPDATE notes SET slot = 2, team = 'T'"] {
        let tree = tree(TEAMS, &TWO);
        tree.edit("head", "BEGIN; DELETE FROM people; DELETE FROM teams; COMMIT; INSERT INTO notes VALUES ('O', 2, NULL, NULL)");
        tree.edit("anna", anna);
        tree.settle(&TWO);
        tree.assert_rows(&["head"], "SELECT id FROM teams", &[]);
        assert!(!tree.listed("head").contains(&"deleted".to_owned()), "{anna}: {:?}", tree.listed("head"));
        resolve(&tree, "anna", open(&tree, "anna")[0].0, Choice::Other(Value::Integer(3)));
        ended(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT t.id FROM notes n JOIN teams t ON t.id = n.team WHERE n.slot = 3", &["T"]);
    }
}

#[test]
fn of_two_records_that_one_needs_none_comes_back_where_the_other_cannot() {
    for anna in ["INSERT INTO notes VALUES ('M', 2, 'T', 'later')", "UPDATE notes SET team = 'T', person = 'later'"] {
        let tree = tree(TEAMS, &TWO);
        tree.edit("head", "BEGIN; DELETE FROM people; DELETE FROM teams; COMMIT");
        // The team is gone and could come back; the person has never been anywhere.
        tree.edit("anna", &format!("PRAGMA foreign_keys = OFF; {anna}"));
        tree.settle(&TWO);
        tree.assert_rows(&["head"], "SELECT id FROM teams", &[]);
        assert_eq!(tree.held("head").len(), 1, "{anna}: {:?}", tree.held("head"));
        tree.edit("anna", "INSERT INTO people VALUES ('later', 'Lea', NULL, NULL)");
        ended(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT n.team, p.name FROM notes n JOIN people p ON p.id = n.person", &["T|Lea"]);
    }
}

#[test]
fn a_chain_whose_end_stays_gone_comes_back_nowhere() {
    let schema = "CREATE TABLE firms (id TEXT PRIMARY KEY); CREATE TABLE teams (id TEXT PRIMARY KEY, firm TEXT REFERENCES firms);
        CREATE TABLE rooms (id TEXT PRIMARY KEY); CREATE TABLE notes (id TEXT PRIMARY KEY, room TEXT REFERENCES rooms, team TEXT REFERENCES teams);
        INSERT INTO firms VALUES ('F'); INSERT INTO teams VALUES ('T', 'F'); INSERT INTO rooms VALUES ('R'); INSERT INTO notes VALUES ('N', NULL, NULL);";
    for (anna, room) in [("INSERT INTO notes VALUES ('M', 'R', 'T')", &[][..]), ("UPDATE notes SET room = 'R', team = 'T'", &["R"])] {
        let tree = Tree::with_rules(schema, "[tables.firms]\ndeletes = \"delete-wins\"\n");
        tree.add("head", "anna", Role::Remote);
        (0..2).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
        tree.settle(&TWO);
        tree.edit("head", "DELETE FROM teams; DELETE FROM firms; DELETE FROM rooms");
        tree.edit("anna", anna);
        ended(&tree, &TWO);
        // An edit goes on without the reference that leads nowhere, and then needs the room.
        tree.assert_rows(&TWO, "SELECT id FROM rooms", room);
        tree.assert_rows(&TWO, "SELECT id FROM teams UNION ALL SELECT id FROM firms", &[]);
    }
}

/// A customer is put in the place of another one: it gets the unique code, what referred to the other one, and the other one goes.
const TAKEN_OVER: &str = "INSERT INTO customers VALUES (2, 'new'); UPDATE orders SET customer = 2; DELETE FROM customers WHERE id = 1;
    UPDATE customers SET code = 'X' WHERE id = 2";

#[test]
fn a_record_that_takes_over_from_another_one_comes_with_all_that_referred_to_that() {
    for kind in ["INTEGER", "TEXT"] {
        let schema = format!(
            "CREATE TABLE customers (id {kind} PRIMARY KEY, code TEXT UNIQUE);
             CREATE TABLE orders (id {kind} PRIMARY KEY, customer {kind} REFERENCES customers);
             CREATE TABLE lines (token TEXT PRIMARY KEY, \"order\" {kind} REFERENCES orders);
             INSERT INTO customers VALUES (1, 'X'); INSERT INTO orders VALUES (1, 1), (2, 1); INSERT INTO lines VALUES ('a', 1), ('b', 2);"
        );
        for maker in THREE {
            let tree = tree(&schema, &THREE);
            tree.edit(maker, TAKEN_OVER);
            tree.settle(&THREE);
            tree.assert_same(&THREE);
            let orders = "SELECT code, count(*) FROM customers JOIN orders ON customer = customers.id GROUP BY 1";
            tree.assert_rows(&THREE, orders, &["X|2"]);
            tree.assert_sound(&THREE);
            THREE.iter().for_each(|site| assert!(tree.listed(site).is_empty(), "{kind}, made at {maker}: {:?}", tree.listed(site)));
        }
    }
}

#[test]
fn records_that_get_other_numbers_at_the_main_office_do_so_everywhere_whatever_refers_to_them_and_is_unique() {
    let tree = tree(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT UNIQUE, boss INTEGER REFERENCES customers ON UPDATE CASCADE);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers ON UPDATE CASCADE);
         INSERT INTO customers VALUES (1, 'ann', NULL), (2, 'bob', 1); INSERT INTO orders VALUES (1, 1), (2, 2);",
        &THREE,
    );
    tree.edit("head", "PRAGMA foreign_keys = on; UPDATE customers SET id = 5 WHERE id = 2; UPDATE customers SET id = 3 WHERE id = 1");
    tree.settle(&THREE);
    tree.assert_same(&THREE);
    tree.assert_rows(&THREE, "SELECT id, name, boss FROM customers ORDER BY id", &["3|ann|-", "5|bob|3"]);
    tree.assert_rows(&THREE, "SELECT id, customer FROM orders ORDER BY id", &["1|3", "2|5"]);
}

#[test]
fn a_knot_of_which_a_part_was_edited_elsewhere_is_untied_as_far_as_it_goes() {
    let tree = tree(
        "CREATE TABLE customers (id TEXT PRIMARY KEY, code TEXT UNIQUE, phone TEXT);
         CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers);
         INSERT INTO customers VALUES ('1', 'X', '0'); INSERT INTO orders VALUES ('1', '1');",
        &TWO,
    );
    tree.edit("head", "UPDATE customers SET phone = '7'");
    tree.edit("anna", &TAKEN_OVER.replace("(2, 'new')", "(2, 'new', NULL)"));
    tree.sync("anna");
    tree.settle(&TWO);
    // The edit wins over the delete, and so the code is not free: nothing of it is done by halves, and it is one conflict.
    tree.assert_rows(&["head"], "SELECT id, code, phone FROM customers", &["1|X|7"]);
    tree.assert_rows(&["head"], "SELECT customer FROM orders", &["1"]);
    let (number, conflict) = &open(&tree, "head")[0];
    assert_eq!((conflict.kind, conflict.field.as_deref()), (ConflictKind::Taken, Some("code")));
    resolve(&tree, "head", *number, Choice::Other(Value::text("Y")));
    tree.settle(&TWO);
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT customer FROM orders", &["2"]);
    tree.assert_rows(&TWO, "SELECT id, code FROM customers ORDER BY id", &["1|X", "2|Y"]);
}

#[test]
fn what_a_record_that_waits_was_given_reaches_its_site_though_that_edits_it_meanwhile() {
    let tree = tree(&PEOPLE.replace("phone TEXT", "phone TEXT UNIQUE"), &TWO);
    tree.edit("head", "UPDATE people SET email = 'x' WHERE id = 'P1'; UPDATE people SET phone = '9' WHERE id = 'P2'");
    tree.edit("anna", "INSERT INTO people VALUES ('Q', 'Quinn', 'x', '9')");
    tree.settle(&TWO);
    let asked = |site| open(&tree, site).into_iter().map(|(number, one)| (number, one.field.unwrap())).collect::<Vec<_>>();
    let [(number, field)] = &asked("head")[..] else { panic!("{:?}", asked("head")) };
    let given = |field: &str| Choice::Other(Value::text(&format!("another {field}")));
    resolve(&tree, "head", *number, given(field));
    // It waits for the other one now, and nothing of it is told to Anna yet.
    tree.settle(&TWO);
    let [(number, field)] = &asked("anna")[..] else { panic!("{:?}", asked("anna")) };
    tree.edit("anna", "UPDATE people SET name = 'Quinn Anne' WHERE id = 'Q'");
    resolve(&tree, "anna", *number, given(field));
    ended(&tree, &TWO);
    tree.assert_same(&TWO);
    tree.assert_rows(&TWO, "SELECT name, email, phone FROM people WHERE id = 'Q'", &["Quinn Anne|another email|another phone"]);
}
