//! Rule 13: what may be forgotten when, each condition as the shortest history that goes wrong without it.
//!
//! All sites forget at once what the rule lets go, and have many rounds for it.

use fieldpost::ledger::ConflictKind;
use fieldpost::site::Role;

use super::support::Tree;
use super::{SCHEMA, THREE, TWO, losers, phone, receive, send, settled, three_levels, two_levels};

/// Rounds at a site in which nothing comes and nothing goes: time enough to forget.
fn time_passes(tree: &Tree, site: &str) {
    for _ in 0..6 {
        receive(tree, site);
    }
}

fn forgetful(mut tree: Tree) -> Tree {
    tree.limits.history_millis = Some(0);
    tree
}

/// A host under these rules with these children: parent, name, role.
fn grown(rules: &str, children: &[(&str, &str, Role)]) -> Tree {
    let tree = Tree::with_rules(SCHEMA, rules);
    let mut all = vec!["head"];
    for (parent, child, role) in children {
        tree.add(parent, child, *role);
        all.push(child);
        for _ in 0..5 {
            all.iter().for_each(|site| drop(tree.sync(site)));
        }
    }
    tree.assert_same(&all);
    forgetful(tree)
}

/// A host and Anna under these rules.
fn under(rules: &str) -> Tree {
    grown(rules, &[("head", "anna", Role::Remote)])
}

const DELETES_WIN: &str = "[tables.customers]\ndeletes = \"delete-wins\"\n";

#[test]
fn rule_13_a_tombstone_lives_until_the_child_has_settled_the_delete() {
    let tree = forgetful(two_levels());
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    tree.edit("head", "UPDATE customers SET city = 'Bonn' WHERE id = 'BOLT'");
    send(&tree, "head");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "head");
    time_passes(&tree, "head");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(tree.text("anna", "SELECT city || phone FROM customers WHERE id = 'BOLT'"), "Bonnanna");
}

/// Anna edits BOLT, the head deletes it; she ignores the delete, because her edit is on its way, and says that she is settled all the same.
/// At the end the head has her edit, knows that she holds what it does not, and has told her nothing about it yet.
fn a_child_that_settles_a_delete_which_it_ignored(tree: &Tree) {
    tree.edit("anna", "UPDATE customers SET phone = '3' WHERE id = 'BOLT'");
    send(tree, "anna");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    send(tree, "head");
    receive(tree, "anna");
    tree.edit("anna", "UPDATE customers SET phone = '4' WHERE id = 'ACME'");
    send(tree, "anna");
    receive(tree, "head");
}

#[test]
fn rule_13_a_tombstone_lives_while_a_child_holds_what_is_not_here() {
    let tree = under(DELETES_WIN);
    a_child_that_settles_a_delete_which_it_ignored(&tree);
    time_passes(&tree, "head");
    tree.edit("anna", "UPDATE customers SET phone = '5' WHERE id = 'BOLT'");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "BOLT"), "no record", "the delete wins over both edits");
    assert!(losers(&tree, "head").contains(&(ConflictKind::Delete, "5".into())), "{:?}", losers(&tree, "head"));
}

#[test]
fn rule_13_a_tombstone_lives_until_the_child_has_settled_what_it_was_told_without_an_edit() {
    let tree = grown(DELETES_WIN, &[("head", "anna", Role::Remote), ("head", "bert", Role::Remote)]);
    a_child_that_settles_a_delete_which_it_ignored(&tree);
    // The head says once more that the record is not there: nothing in its journal tells of that.
    for phone in ["6", "7"] {
        tree.edit("bert", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
        ["bert", "head", "bert"].iter().for_each(|site| drop(tree.sync(site)));
        time_passes(&tree, "head");
    }
    tree.edit("anna", "UPDATE customers SET phone = '5' WHERE id = 'BOLT'");
    send(&tree, "anna");
    settled(&tree, &["head", "anna", "bert"]);
    assert_eq!(phone(&tree, "head", "BOLT"), "no record", "the delete wins over both edits");
    assert!(losers(&tree, "head").contains(&(ConflictKind::Delete, "5".into())), "{:?}", losers(&tree, "head"));
}

#[test]
fn rule_13_an_entry_lives_until_it_is_confirmed() {
    let tree = forgetful(two_levels());
    tree.edit("head", "UPDATE customers SET phone = '3' WHERE id = 'BOLT'");
    send(&tree, "head");
    time_passes(&tree, "head");
    let session = tree.session("head");
    let window = fieldpost::status::window::Window::look(&session, None, None).unwrap();
    let states: Vec<_> = window.unusual.values().flatten().map(|unusual| unusual.state).collect();
    assert_eq!(states, [fieldpost::status::window::State::Waiting], "nobody can tell any more what is on its way");
}

#[test]
fn rule_13_an_office_keeps_what_it_shared_of_a_record_until_its_child_has_settled_the_delete() {
    const ALL: [&str; 4] = ["head", "north", "anna", "bert"];
    let tree = grown("", &[("head", "bert", Role::Remote), ("head", "north", Role::Office), ("north", "anna", Role::Remote)]);
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    tree.edit("bert", "UPDATE customers SET city = 'Bonn' WHERE id = 'BOLT'");
    tree.edit("north", "DELETE FROM customers WHERE id = 'BOLT'");
    for _ in 0..3 {
        ["north", "head"].iter().for_each(|site| drop(tree.sync(site)));
    }
    time_passes(&tree, "north");
    an_edit_at_each_end_of_a_deleted_record_is_no_conflict(&tree, &ALL, "Bonnanna", || {
        send(&tree, "anna");
        tree.sync("north");
    });
}

/// Bert's edit revives BOLT at the head, and the one that `comes_up` from deeper down reaches it by itself: they edited different fields.
fn an_edit_at_each_end_of_a_deleted_record_is_no_conflict(tree: &Tree, all: &[&str], expected: &str, comes_up: impl FnOnce()) {
    assert_eq!(phone(tree, "head", "BOLT"), "no record");
    send(tree, "bert");
    receive(tree, "head");
    assert_eq!(tree.text("head", "SELECT city FROM customers WHERE id = 'BOLT'"), "Bonn", "an edit revives it");
    comes_up();
    settled(tree, all);
    assert_eq!(tree.text("head", "SELECT city || phone FROM customers WHERE id = 'BOLT'"), expected);
    let fields: Vec<_> = losers(tree, "head").into_iter().filter(|(kind, _)| *kind == ConflictKind::Field).collect();
    assert!(fields.is_empty(), "nobody edited the same field: {fields:?}");
}

#[test]
fn rule_13_an_office_keeps_a_revived_records_tombstone_until_the_revival_is_sent_up() {
    let tree = forgetful(three_levels());
    tree.edit("north", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "north");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    send(&tree, "anna");
    tree.edit("head", "UPDATE customers SET city = 'Bonn' WHERE id = 'BOLT'");
    receive(&tree, "head");
    // It is revived here, and only here.
    receive(&tree, "north");
    time_passes(&tree, "north");
    settled(&tree, &THREE);
    assert_eq!(tree.text("head", "SELECT city || phone FROM customers WHERE id = 'BOLT'"), "Bonnanna");
    let fields: Vec<_> = losers(&tree, "head").into_iter().filter(|(kind, _)| *kind == ConflictKind::Field).collect();
    assert!(fields.is_empty(), "nobody edited the same field: {fields:?}");
}

#[test]
fn rule_13_an_office_is_settled_when_its_own_children_are() {
    const ALL: [&str; 5] = ["head", "north", "south", "rosa", "bert"];
    let children = [
        ("head", "bert", Role::Remote),
        ("head", "north", Role::Office),
        ("north", "south", Role::Office),
        ("south", "rosa", Role::Remote),
    ];
    let tree = grown("", &children);
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.edit("rosa", "UPDATE customers SET phone = 'rosa' WHERE id = 'BOLT'");
    tree.edit("bert", "UPDATE customers SET city = 'Bonn' WHERE id = 'BOLT'");
    for phone in ["3", "4", "5"] {
        tree.edit("head", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
        ["head", "north", "south"].iter().for_each(|site| drop(tree.sync(site)));
    }
    // South took the delete and says so. Rosa did not, and her edit comes all the way up.
    ["north", "south", "head"].iter().for_each(|site| time_passes(&tree, site));
    an_edit_at_each_end_of_a_deleted_record_is_no_conflict(&tree, &ALL, "Bonnrosa", || {
        send(&tree, "rosa");
        ["south", "north"].iter().for_each(|site| drop(tree.sync(site)));
    });
}

#[test]
fn rule_13_an_alias_lives_until_the_child_has_settled_its_new_name() {
    let tree = forgetful(two_levels());
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'Head', NULL, '7')");
    tree.edit("anna", "INSERT INTO customers VALUES ('NEW', 'Anna', NULL, '7')");
    send(&tree, "anna");
    tree.sync("head");
    time_passes(&tree, "head");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'NEW'");
    send(&tree, "anna");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "head", "NEW"), "anna");
    let gone: Vec<_> = losers(&tree, "head").into_iter().filter(|(kind, _)| *kind == ConflictKind::Gone).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn rule_13_where_children_only_mark_what_is_deleted_its_tombstone_stays() {
    let tree = under("[tables.customers]\ndeletes = { up = \"edit-wins\", down = { set = \"city\", to = \"gone\" } }\n");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.settle(&TWO);
    assert_eq!(tree.text("anna", "SELECT city FROM customers WHERE id = 'BOLT'"), "gone");
    // Something else goes to and fro, so that all know that all is settled.
    for phone in ["5", "6"] {
        for site in TWO {
            tree.edit(site, &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
            tree.settle(&TWO);
            time_passes(&tree, "head");
        }
    }
    tree.edit("anna", "UPDATE customers SET city = 'Basel' WHERE id = 'BOLT'");
    settled(&tree, &TWO);
    assert!(losers(&tree, "head").contains(&(ConflictKind::Delete, "deleted".into())), "the delete that was taken back is not listed");
}

#[test]
fn rule_13_the_tombstone_of_what_a_marked_record_refers_to_stays_too() {
    let tree = under("[tables.notes]\ndeletes = { up = \"edit-wins\", down = { set = \"body\", to = \"gone\" } }\n");
    tree.edit("head", "DELETE FROM notes; DELETE FROM customers WHERE id = 'ACME'");
    tree.settle(&TWO);
    assert_eq!(tree.text("anna", "SELECT body || name FROM notes JOIN customers ON customer = customers.id"), "goneAcme Ltd");
    for phone in ["5", "6"] {
        for site in TWO {
            tree.edit(site, &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'BOLT'"));
            tree.settle(&TWO);
            time_passes(&tree, "head");
        }
    }
    // A new one that refers to it brings it back as well as the one that is taken up again.
    tree.edit("anna", "INSERT INTO notes VALUES ('N9', 'ACME', NULL, 'new')");
    tree.settle(&TWO);
    assert_eq!(
        tree.text("head", "SELECT group_concat(notes.id || name) FROM notes JOIN customers ON customer = customers.id"),
        "N9Acme Ltd"
    );
    tree.edit("anna", "UPDATE notes SET body = 'back'");
    settled(&tree, &TWO);
    assert_eq!(tree.text("head", "SELECT group_concat(id || body) FROM (SELECT * FROM notes ORDER BY id)"), "N1back,N2back,N9back");
}

#[test]
fn rule_13_what_was_edited_in_a_marked_record_is_listed_when_it_comes_back_however_late() {
    let tree = under("[tables.customers]\ndeletes = { up = \"edit-wins\", down = { set = \"city\", to = \"gone\" } }\n");
    tree.edit("head", "DELETE FROM customers WHERE id = 'BOLT'");
    tree.settle(&TWO);
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    for phone in ["5", "6"] {
        for site in TWO {
            tree.edit(site, &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
            tree.settle(&TWO);
            time_passes(&tree, "anna");
        }
    }
    tree.edit("head", "INSERT INTO customers VALUES ('BOLT', 'Bolt AG', 'Basel', '9')");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "BOLT"), "9");
    assert!(losers(&tree, "anna").contains(&(ConflictKind::Field, "anna".into())), "{:?}", losers(&tree, "anna"));
}

#[test]
fn rule_13_a_packet_of_long_ago_that_comes_once_more_stops_nothing() {
    let tree = forgetful(two_levels());
    tree.edit("head", "UPDATE customers SET phone = 'old' WHERE id = 'BOLT'");
    send(&tree, "head");
    let early = tree.exchange.everything();
    for round in 0..5 {
        tree.edit("head", &format!("UPDATE customers SET phone = '{round}' WHERE id = 'BOLT'"));
        tree.settle(&TWO);
    }
    let world = tree.world("head");
    for (path, bytes) in early.iter().filter(|(path, _)| path.ends_with(".fpk")) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let (folder, name) = (fieldpost::exchange::Folder::new(folder).unwrap(), fieldpost::exchange::FileName::new(name).unwrap());
        let content = fieldpost::exchange::Content::Bytes(bytes);
        fieldpost::exchange::Exchange::put(&mut tree.exchange.clone(), &world, &folder, &name, content).unwrap();
    }
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty() && report.applied.is_empty(), "{report:?}");
    settled(&tree, &TWO);
    assert_eq!(phone(&tree, "anna", "BOLT"), "4");
}
