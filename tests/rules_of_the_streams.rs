//! Who knows what: each rule of `DESIGN` section 4 as the shortest history that goes wrong without it.
//!
//! The histories are those of the executable model with the rule switched off; what the simulation found since stands below.

#[path = "rules_of_the_streams/deletes.rs"]
mod deletes;
#[path = "rules_of_the_streams/forgetting.rs"]
mod forgetting;
#[path = "rules_of_the_streams/same.rs"]
mod same;
mod support;

use fieldpost::ledger::ConflictKind;
use fieldpost::site::Role;
use fieldpost::sync::{report::Report, round};
use support::Tree;

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, city TEXT, phone TEXT);
    CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, above TEXT REFERENCES notes, body TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', 'Bern', '1'), ('BOLT', 'Bolt AG', 'Basel', '2');
    INSERT INTO notes VALUES ('N1', 'ACME', NULL, 'first'), ('N2', NULL, 'N1', 'second');";

const TWO: [&str; 2] = ["head", "anna"];
const THREE: [&str; 3] = ["head", "north", "anna"];

fn two_levels() -> Tree {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "anna", Role::Remote);
    for _ in 0..3 {
        TWO.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.assert_same(&TWO);
    tree
}

fn three_levels() -> Tree {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "north", Role::Office);
    for _ in 0..3 {
        ["head", "north"].iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.add("north", "anna", Role::Remote);
    for _ in 0..4 {
        THREE.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.assert_same(&THREE);
    tree
}

fn half(tree: &Tree, site: &str, halves: round::Halves) -> Report {
    tree.tick(1_000);
    round::run(&mut tree.session(site), &mut [&mut tree.exchange.clone()], halves, &mut |_| {}).unwrap()
}

/// Seals and sends without looking at what came.
fn send(tree: &Tree, site: &str) -> Report {
    half(tree, site, round::Halves::Send)
}

/// Takes what came and sends nothing.
fn receive(tree: &Tree, site: &str) -> Report {
    half(tree, site, round::Halves::Receive)
}

fn settled(tree: &Tree, sites: &[&str]) {
    tree.settle(sites);
    tree.assert_same(sites);
}

/// The losers in a site's list of conflicts, with what kind of conflict.
fn losers(tree: &Tree, site: &str) -> Vec<(ConflictKind, String)> {
    let mut losers = Vec::new();
    let session = tree.session(site);
    let each = &mut |_, _, _, conflict: fieldpost::ledger::Conflict| {
        losers.push((conflict.kind, conflict.loser.clone().unwrap_or_default()));
        Ok(())
    };
    session.ledger.conflicts(0, each).unwrap();
    losers
}

fn phone(tree: &Tree, site: &str, id: &str) -> String {
    tree.text(site, &format!("SELECT ifnull((SELECT phone FROM customers WHERE id = '{id}'), 'no record')"))
}

// ---- rules 1 to 3: what a neighbour holds

#[test]
fn rule_1_a_value_that_was_ignored_never_becomes_the_base() {
    let tree = two_levels();
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    send(&tree, "head");
    receive(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "ACME"), "anna");
    assert!(losers(&tree, "head").contains(&(ConflictKind::Field, "head".into())), "the edit at the head is overwritten unlisted");
}

#[test]
fn rule_2_what_was_ignored_is_reported_even_if_the_edit_is_taken_back() {
    let tree = two_levels();
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    send(&tree, "head");
    receive(&tree, "anna");
    tree.edit("anna", "UPDATE customers SET phone = '1' WHERE id = 'ACME'");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "ACME"), "head");
}

#[test]
fn rule_3_a_child_that_loses_is_told_although_nothing_changed_at_the_parent() {
    let tree = two_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    send(&tree, "anna");
    send(&tree, "head");
    receive(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "ACME"), "head");
    assert!(losers(&tree, "anna").contains(&(ConflictKind::Field, "anna".into())));
}

// ---- rules 4 to 6: deciding, taking, sealing

#[test]
fn rule_4_the_time_of_an_edit_is_not_refreshed_on_its_way() {
    let tree = three_levels();
    // The triggers read the real clock; a stamp that the office made anew would be later than both edits.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    tree.time.store(i64::try_from(now).unwrap() + 60_000, std::sync::atomic::Ordering::Relaxed);
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    send(&tree, "anna");
    std::thread::sleep(std::time::Duration::from_millis(5));
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    tree.sync("north");
    tree.sync("head");
    settled(&tree, &THREE);
    assert_eq!(phone(&tree, "head", "ACME"), "head", "the later edit wins, not the one that arrived later");
}

#[test]
fn rule_5_an_edit_that_is_sent_and_not_acknowledged_keeps_its_field() {
    let tree = two_levels();
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    std::thread::sleep(std::time::Duration::from_millis(5));
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    send(&tree, "head");
    send(&tree, "anna");
    receive(&tree, "anna");
    assert_eq!(phone(&tree, "anna", "ACME"), "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "ACME"), "anna");
}

#[test]
fn rule_6_what_was_edited_a_moment_ago_is_an_edit_and_not_drift() {
    let tree = two_levels();
    tree.edit("head", "UPDATE customers SET city = 'Bonn' WHERE id = 'ACME'");
    send(&tree, "head");
    tree.edit("anna", "UPDATE customers SET phone = 'anna'");
    let report = receive(&tree, "anna");
    assert_eq!(report.found, 0);
    settled(&tree, &TWO);
    assert_eq!((phone(&tree, "head", "ACME").as_str(), phone(&tree, "head", "BOLT").as_str()), ("anna", "anna"));
}

// ---- rules 7 to 10: records that end and begin

#[test]
fn rule_7_an_edit_of_a_record_that_ended_never_touches_the_next_one_under_its_key() {
    let tree = two_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    send(&tree, "anna");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'; INSERT INTO customers VALUES ('BOLT', 'Other', 'Basel', '2')");
    send(&tree, "head");
    receive(&tree, "anna");
    // Rule 9: the head cannot know what Anna made of its replace, and tells the whole record.
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "BOLT"), "2");
    assert!(losers(&tree, "head").contains(&(ConflictKind::Gone, "anna".into())));
    assert!(losers(&tree, "anna").contains(&(ConflictKind::Gone, "anna".into())));
}

#[test]
fn rule_7_a_delete_that_meets_an_edit_is_ignored_whole_and_the_edit_wins() {
    let tree = two_levels();
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "head");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    receive(&tree, "anna");
    assert_eq!(phone(&tree, "anna", "BOLT"), "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "BOLT"), "anna");
    assert!(losers(&tree, "head").contains(&(ConflictKind::Delete, "deleted".into())));
}

#[test]
fn rule_8_a_record_that_comes_back_has_the_last_values_of_the_one_who_decides() {
    let tree = two_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    tree.edit("head", "UPDATE customers SET city = 'Bonn' WHERE id = 'BOLT'");
    send(&tree, "head");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "head");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(tree.text("anna", "SELECT city || phone FROM customers WHERE id = 'BOLT'"), "Bonnanna");
}

#[test]
fn rule_8_what_a_deleted_record_held_last_is_no_edit_against_the_one_that_revives_it() {
    let tree = two_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    tree.edit("head", "UPDATE customers SET phone = 'later' WHERE id = 'BOLT'");
    send(&tree, "head");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "head");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "BOLT"), "anna");
    // It stands in the list all the same, should somebody want it.
    assert!(losers(&tree, "head").contains(&(ConflictKind::Field, "later".into())), "{:?}", losers(&tree, "head"));
}

#[test]
fn rule_8_a_record_revived_by_an_office_travels_as_an_edit_of_what_both_shared() {
    let tree = three_levels();
    tree.edit("north", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "north");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    send(&tree, "anna");
    tree.edit("head", "UPDATE customers SET city = 'Bonn' WHERE id = 'BOLT'");
    receive(&tree, "head");
    tree.sync("north");
    settled(&tree, &THREE);
    assert_eq!(tree.text("head", "SELECT city || phone FROM customers WHERE id = 'BOLT'"), "Bonnanna");
    let fields: Vec<_> = losers(&tree, "head").into_iter().filter(|(kind, _)| *kind == ConflictKind::Field).collect();
    assert!(fields.is_empty(), "nobody edited the same field: {fields:?}");
}

#[test]
fn rule_9_a_child_that_may_have_ignored_a_replace_is_told_the_whole_record() {
    let tree = two_levels();
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'; INSERT INTO customers VALUES ('BOLT', 'Other', 'Ulm', '9')");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    send(&tree, "head");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(tree.text("anna", "SELECT name || city || phone FROM customers WHERE id = 'BOLT'"), "OtherUlm9");
}

#[test]
fn rule_10_an_edit_of_an_absorbed_record_reaches_the_one_that_lives_on() {
    let tree = two_levels();
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'Head', NULL, '7')");
    tree.edit("anna", "INSERT INTO customers VALUES ('NEW', 'Anna', NULL, '7')");
    send(&tree, "anna");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'NEW'");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "NEW"), "anna");
    assert!(losers(&tree, "head").iter().any(|(kind, _)| *kind == ConflictKind::Twin));
}

#[test]
fn rule_10_every_receiver_learns_which_records_became_one() {
    let tree = three_levels();
    tree.edit("anna", "INSERT INTO customers VALUES ('NEW', 'Anna', NULL, '7')");
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'Head', NULL, '7')");
    tree.sync("anna");
    tree.sync("north");
    tree.sync("head");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'NEW'");
    send(&tree, "anna");
    tree.sync("north");
    settled(&tree, &THREE);
    assert_eq!(phone(&tree, "head", "NEW"), "anna");
}

// ---- rules 11 and 12: references, held changes

#[test]
fn rule_11_a_deleted_record_comes_back_if_a_child_needs_it() {
    let tree = two_levels();
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.edit("anna", "INSERT INTO notes VALUES ('N3', 'BOLT', NULL, 'anna')");
    send(&tree, "head");
    // At Anna the delete would orphan her note: it waits there until the head has decided.
    receive(&tree, "anna");
    assert_eq!(phone(&tree, "anna", "BOLT"), "2");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "BOLT"), "2");
    assert_eq!(tree.text("head", "SELECT body FROM notes WHERE id = 'N3'"), "anna");
    assert!(losers(&tree, "head").contains(&(ConflictKind::Delete, "deleted".into())));
}

#[test]
fn rule_11_a_delete_of_a_record_that_others_need_is_refused_and_listed() {
    let tree = two_levels();
    tree.edit("anna", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.edit("head", "INSERT INTO notes VALUES ('N3', 'BOLT', NULL, 'head')");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "BOLT"), "2");
    assert!(losers(&tree, "anna").contains(&(ConflictKind::Dependants, "deleted".into())));
}

#[test]
fn rule_11_a_tree_is_deleted_from_its_leaves_on_and_a_circle_as_a_whole() {
    let tree = two_levels();
    let rows = "INSERT INTO notes VALUES ('A', NULL, NULL, ''), ('B', NULL, 'A', ''), ('C', NULL, 'B', ''),
        ('Z', NULL, NULL, ''), ('Y', NULL, 'Z', ''), ('O', NULL, NULL, ''), ('P', NULL, 'O', '')";
    tree.edit("head", &format!("{rows}; UPDATE notes SET above = 'P' WHERE id = 'O'"));
    settled(&tree, &TWO);
    tree.edit("anna", "DELETE FROM notes WHERE id NOT IN ('N1', 'N2')");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT id FROM notes ORDER BY id", &["N1", "N2"]);
    assert_eq!(losers(&tree, "head"), []);
}

#[test]
fn rule_11_of_a_tree_that_grew_elsewhere_what_is_needed_stays_and_is_listed() {
    let tree = two_levels();
    tree.edit("head", "INSERT INTO notes VALUES ('A', NULL, NULL, ''), ('B', NULL, 'A', ''), ('C', NULL, 'B', ''), ('D', NULL, 'B', '')");
    settled(&tree, &TWO);
    tree.edit("head", "INSERT INTO notes VALUES ('E', NULL, 'C', '')");
    tree.edit("anna", "DELETE FROM notes WHERE id IN ('A', 'B', 'C', 'D')");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT id FROM notes ORDER BY id", &["A", "B", "C", "E", "N1", "N2"]);
    assert_eq!(losers(&tree, "head"), vec![(ConflictKind::Dependants, "deleted".into()); 3]);
    assert_eq!(tree.held("head"), Vec::<String>::new());
}

#[test]
fn rule_11_a_record_that_comes_back_brings_what_it_refers_to() {
    // Seed 1748.
    let tree = two_levels();
    tree.edit("anna", "UPDATE notes SET body = 'anna' WHERE id = 'N2'");
    tree.edit("head", "DELETE FROM notes WHERE id = 'N2'; DELETE FROM notes WHERE id = 'N1'; DELETE FROM customers WHERE id = 'ACME'");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(tree.text("head", "SELECT group_concat(id || body, ' ') FROM notes"), "N1first N2anna");
    assert_eq!(phone(&tree, "head", "ACME"), "1");
}

#[test]
fn rule_12_a_held_change_brings_back_nothing_that_was_ignored_when_it_came() {
    // Seed 165.
    let tree = two_levels();
    tree.edit("head", "UPDATE notes SET body = 'head', customer = 'BOLT' WHERE id = 'N1'");
    std::thread::sleep(std::time::Duration::from_millis(5));
    tree.edit("anna", "UPDATE notes SET body = 'anna' WHERE id = 'N1'; DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "anna");
    send(&tree, "head");
    receive(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(tree.text("anna", "SELECT body || customer FROM notes WHERE id = 'N1'"), "annaBOLT");
}

// ---- streams

#[test]
fn two_sites_with_nothing_to_say_fall_silent_whatever_time_goes_by() {
    let tree = two_levels();
    tree.edit("anna", "UPDATE customers SET phone = 'anna'");
    settled(&tree, &TWO);
    for _ in 0..3 {
        tree.tick(tree.limits.redeposit_millis);
        for site in TWO {
            let report = tree.sync(site);
            assert!(report.built.is_empty() && report.deposited.is_empty(), "{site} repeats an acknowledgement: {report:?}");
        }
    }
}

#[test]
fn an_answer_that_fills_several_packets_is_taken_from_the_first_on() {
    // Seed 6.
    let mut tree = two_levels();
    tree.limits.packet_bytes = 1;
    tree.edit("anna", "UPDATE customers SET phone = 'anna'");
    std::thread::sleep(std::time::Duration::from_millis(5));
    tree.edit("head", "UPDATE customers SET phone = 'head'");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "ACME"), "head");
}

#[test]
fn nothing_is_told_to_a_neighbour_whose_packet_is_applied_in_part() {
    // Seed 1714.
    let mut tree = two_levels();
    tree.limits.slice_changes = 1;
    tree.edit("anna", "UPDATE customers SET phone = 'anna'");
    tree.sync("anna");
    tree.tick(1_000);
    let mut session = tree.session("head");
    session.world.faults().kill_before(Some(4));
    let died = round::run(&mut session, &mut [&mut tree.exchange.clone()], round::Halves::Both, &mut |_| {});
    assert!(died.unwrap_err().is_crash());
    drop(session);
    assert_eq!(phone(&tree, "head", "ACME"), "anna", "the first of two changes is applied");
    assert_eq!(phone(&tree, "head", "BOLT"), "2");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    let report = send(&tree, "head");
    assert!(report.built.is_empty() && report.waiting.iter().any(|waiting| waiting.why.contains("in part")), "{report:?}");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "ACME"), "head");
}

#[test]
fn asking_for_everything_again_loses_no_delete_that_was_not_told_yet() {
    // Seed 20008.
    let tree = two_levels();
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    round::full(&tree.session("head")).unwrap();
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "BOLT"), "no record");
}

// ---- references to a unique column that is not the key

/// A tree by a unique column, and two tables that refer to each other, one of them by one.
const BY_VALUE: &str = "
    CREATE TABLE nodes (id INTEGER PRIMARY KEY, guid TEXT NOT NULL UNIQUE COLLATE NOCASE, above TEXT REFERENCES nodes (guid) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE ships (id TEXT PRIMARY KEY, main TEXT REFERENCES ports (code) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE ports (id TEXT PRIMARY KEY, code TEXT UNIQUE, ship TEXT REFERENCES ships DEFERRABLE INITIALLY DEFERRED);";
const FILLED: &str = "
    BEGIN;
    INSERT INTO nodes (guid, above) VALUES ('leaf', 'MID'), ('mid', 'root'), ('root', 'root'), ('one', 'other'), ('other', 'one');
    INSERT INTO ships VALUES ('S', 'P1'); INSERT INTO ports VALUES ('P', 'P1', 'S');
    COMMIT;";
const ALL: [&str; 3] = ["SELECT guid, above FROM nodes ORDER BY 1", "SELECT * FROM ships", "SELECT * FROM ports"];

fn by_value(sql: &str) -> Tree {
    let tree = Tree::new(&format!("{BY_VALUE} {sql}"));
    tree.add("head", "anna", Role::Remote);
    (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
    tree
}

#[test]
fn what_refers_to_itself_or_in_a_circle_by_a_unique_value_arrives() {
    for site in ["before", "head", "anna"] {
        let tree = by_value(if site == "before" { FILLED } else { "" });
        if site != "before" {
            tree.edit(site, FILLED);
        }
        settled(&tree, &TWO);
        for at in TWO {
            assert!(tree.held(at).is_empty(), "{site}, at {at}: {:?}", tree.held(at));
            assert_eq!(ALL.map(|sql| tree.rows(at, sql).len()), [5, 1, 1], "{site}, at {at}");
        }
        // A value that changes together with what refers to it.
        tree.edit(
            "anna",
            "BEGIN; UPDATE nodes SET guid = 'trunk', above = 'trunk' WHERE guid = 'root'; UPDATE nodes SET above = 'trunk' WHERE guid = 'mid'; COMMIT",
        );
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT above FROM nodes WHERE guid IN ('mid', 'trunk')", &["trunk", "trunk"]);
    }
}

#[test]
fn rule_11_what_belongs_to_a_reference_is_lost_with_it() {
    let tree = two_levels();
    let rules = "[tables.customers]\ndeletes = 'delete-wins'\n[tables.notes]\ngroups = [['customer', 'body']]\n";
    std::fs::write(tree.home("head").join("rules.toml"), rules).unwrap();
    tree.settle(&TWO);
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.edit("anna", "UPDATE notes SET customer = 'BOLT', body = 'of Bolt', above = 'N2' WHERE id = 'N1'");
    tree.settle(&TWO);
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT customer, body, above FROM notes WHERE id = 'N1'", &["ACME|first|N2"]);
    let lost: Vec<String> = support::conflicts(&tree, "head");
    assert!(lost.iter().any(|one| one.contains("of Bolt")), "{lost:?}");
}

#[test]
fn rule_11_what_refers_by_a_unique_value_to_a_deleted_record_is_decided() {
    for deletes in ["edit-wins", "delete-wins"] {
        let tree = Tree::with_rules(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT);
             CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers (code), what TEXT);
             INSERT INTO customers VALUES (1, 'k1', 'one'), (2, 'k2', 'two');",
            &format!("[tables.customers]\ndeletes = \"{deletes}\"\n"),
        );
        tree.add("head", "anna", Role::Remote);
        (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
        tree.edit("head", "DELETE FROM customers WHERE code = 'k2'");
        tree.edit("anna", "INSERT INTO orders VALUES ('O1', 'K2', 'bolts'), ('O2', 'k1', 'nuts')");
        settled(&tree, &TWO);
        TWO.iter().for_each(|at| assert!(tree.held(at).is_empty(), "{deletes}, at {at}: {:?}", tree.held(at)));
        let sql = "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.code = o.customer ORDER BY 1";
        if deletes == "edit-wins" {
            tree.assert_rows(&TWO, sql, &["O1|two", "O2|one"]);
        } else {
            tree.assert_rows(&TWO, sql, &["O2|one"]);
            assert!(
                losers(&tree, "anna").iter().any(|(kind, lost)| *kind == ConflictKind::Gone && lost.contains("bolts")),
                "{:?}",
                losers(&tree, "anna")
            );
        }
    }
}

#[test]
fn what_refers_to_a_unique_value_that_was_changed_elsewhere_follows_its_record() {
    let schema = |action: &str| {
        format!(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT);
             CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers (code) ON UPDATE {action});
             INSERT INTO customers VALUES (1, 'k1', 'one'), (2, 'k2', 'two');"
        )
    };
    for (action, old) in [("NO ACTION", ""), ("CASCADE", "INSERT INTO orders VALUES ('O0', 'k2');")] {
        for (renames, orders) in [("head", "anna"), ("anna", "head")] {
            for first in TWO {
                let tree = Tree::new(&format!("{}{old}", schema(action)));
                tree.add("head", "anna", Role::Remote);
                (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
                tree.edit(renames, "UPDATE customers SET code = 'k9' WHERE code = 'k2'");
                tree.edit(orders, "INSERT INTO orders VALUES ('O1', 'k2')");
                tree.sync(first);
                settled(&tree, &TWO);
                let what = format!("{action}, {renames} renames, {first} first");
                TWO.iter().for_each(|at| assert!(tree.held(at).is_empty(), "{what}, at {at}: {:?}", tree.held(at)));
                for at in TWO {
                    let found = tree
                        .rows(at, "SELECT o.id, c.name, o.customer FROM orders o LEFT JOIN customers c ON c.code = o.customer ORDER BY 1");
                    assert_eq!(found.last().unwrap(), "O1|two|k9", "{what}, at {at}");
                    assert!(found.iter().all(|row| row.ends_with("|two|k9")), "{what}, at {at}: {found:?}");
                }
            }
        }
    }
}
