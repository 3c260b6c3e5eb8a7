//! Who made the same edit as somebody else hears that it lost, and nobody else does.

use super::*;
use fieldpost::ledger::Conflict;
use fieldpost::sync::mend::{self, Choice, Since};

const SIX: [&str; 6] = ["head", "olga", "north", "ben", "bea", "carl"];

/// A main office with a remote (olga) and an office (north); below that an office (ben, with carl below) and a remote (bea).
fn four_levels() -> Tree {
    grown(Tree::new(SCHEMA))
}

fn grown(tree: Tree) -> Tree {
    for (parent, child, role) in [
        ("head", "olga", Role::Remote),
        ("head", "north", Role::Office),
        ("north", "ben", Role::Office),
        ("north", "bea", Role::Remote),
        ("ben", "carl", Role::Remote),
    ] {
        tree.add(parent, child, role);
        (0..4).for_each(|_| SIX.iter().filter(|site| tree.home(site).exists()).for_each(|site| drop(tree.sync(site))));
    }
    tree.assert_same(&SIX);
    tree
}

/// What a site lists of one kind: the value that lost and the sites that made that edit.
fn told(tree: &Tree, site: &str, kind: ConflictKind) -> Vec<String> {
    let mut told = Vec::new();
    let each = &mut |_, _, _, conflict: Conflict| {
        if conflict.kind == kind && conflict.settles.is_none() {
            let mut sites: Vec<String> = conflict.losing_sites().map(ToString::to_string).collect();
            sites.sort();
            told.push(format!("{} of {}", conflict.loser.as_deref().unwrap_or_default(), sites.join(", ")));
        }
        Ok(())
    };
    tree.session(site).ledger.conflicts(0, each).unwrap();
    told
}

fn at_each(tree: &Tree, kind: ConflictKind) -> [Vec<String>; 6] {
    for site in SIX {
        let ledger = tree.session(site).ledger;
        let counted: u64 = ledger.conflicts_by_day(fieldpost::model::Millis(0), 0).unwrap().into_iter().map(|(_, count)| count).sum();
        let mut listed = 0;
        let each = &mut |_, _, _, conflict: Conflict| {
            listed += u64::from(conflict.settles.is_none());
            Ok(())
        };
        ledger.conflicts(0, each).unwrap();
        assert_eq!(counted, listed, "what is not listed at {site} is not counted");
    }
    SIX.map(|site| told(tree, site, kind))
}

/// Each of `first` does `same`, in this order and a moment apart; olga does `other` after that, and sends it last.
fn all_do(tree: &Tree, first: &[&str], same: &str, other: &str) {
    for site in first {
        tree.edit(site, same);
        tree.tick(10);
    }
    tree.edit("olga", other);
    for site in first.iter().rev() {
        send(tree, site);
    }
    ["north", "ben", "north"].iter().for_each(|site| drop(tree.sync(site)));
    settled(tree, &SIX);
}

const SAME: &str = "UPDATE customers SET phone = 'same' WHERE id = 'ACME'";
const OTHER: &str = "UPDATE customers SET phone = 'other' WHERE id = 'ACME'";

#[test]
fn who_typed_the_same_as_the_office_is_told_that_it_lost() {
    let tree = four_levels();
    all_do(&tree, &["north", "ben"], SAME, OTHER);
    assert_eq!(phone(&tree, "ben", "ACME"), "other");
    let of = |sites: &str| vec![format!("same of {sites}")];
    // Who typed nothing hears nothing, and the main office knows of one.
    assert_eq!(at_each(&tree, ConflictKind::Field), [of("north"), vec![], of("ben, north"), of("ben, north"), vec![], vec![]]);
    // Settling it is told where it is listed.
    mend::settle(&tree.session("head"), 1, &Choice::Standing, Since::Ask).unwrap();
    settled(&tree, &SIX);
    assert_eq!(SIX.map(|site| tree.session(site).ledger.settled().unwrap().len()), [1, 0, 1, 1, 0, 0]);
}

#[test]
fn who_typed_the_same_is_told_at_every_level_and_at_both_sites_of_one_office() {
    let tree = four_levels();
    all_do(&tree, &["north", "bea", "ben", "carl"], SAME, OTHER);
    let of = |sites: &str| vec![format!("same of {sites}")];
    let below = "bea, ben, north";
    assert_eq!(
        at_each(&tree, ConflictKind::Field),
        [of("north"), vec![], of(below), of("bea, ben, carl, north"), of(below), of("bea, ben, carl, north")]
    );
    // Typed anew it is another edit, of whoever typed it.
    tree.edit("north", SAME);
    send(&tree, "north");
    tree.tick(10);
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    settled(&tree, &SIX);
    assert_eq!(told(&tree, "north", ConflictKind::Field)[1..], of("north"));
    assert_eq!(told(&tree, "ben", ConflictKind::Field), of("bea, ben, carl, north"));
}

#[test]
fn two_below_an_office_that_typed_nothing_are_both_told() {
    let tree = four_levels();
    all_do(&tree, &["carl", "bea"], SAME, OTHER);
    let of = |sites: &str| vec![format!("same of {sites}")];
    assert_eq!(at_each(&tree, ConflictKind::Field), [of("bea"), vec![], of("bea"), of("bea, carl"), of("bea"), of("bea, carl")]);
}

#[test]
fn who_typed_the_same_is_told_also_where_that_came_when_the_office_had_sent_its_own_or_when_all_was_decided() {
    for decided in [false, true] {
        let tree = four_levels();
        tree.edit("north", SAME);
        tree.edit("ben", SAME);
        send(&tree, "north");
        tree.edit("olga", OTHER);
        send(&tree, "olga");
        if decided {
            ["head", "north"].iter().for_each(|site| drop(tree.sync(site)));
        }
        send(&tree, "ben");
        receive(&tree, "north");
        settled(&tree, &SIX);
        let of = if decided { "same of ben" } else { "same of ben, north" };
        assert_eq!(told(&tree, "ben", ConflictKind::Field), [of]);
        assert_eq!(told(&tree, "bea", ConflictKind::Field), [""; 0]);
    }
}

#[test]
fn who_typed_the_same_is_told_where_the_office_itself_decides() {
    let tree = four_levels();
    for site in ["north", "ben"] {
        tree.edit(site, SAME);
    }
    tree.tick(10);
    tree.edit("bea", OTHER);
    send(&tree, "ben");
    receive(&tree, "north");
    settled(&tree, &SIX);
    let of = |sites: &str| vec![format!("same of {sites}")];
    assert_eq!(at_each(&tree, ConflictKind::Field), [vec![], vec![], of("ben, north"), of("ben, north"), vec![], vec![]]);
}

#[test]
fn who_typed_what_an_office_above_did_is_told_where_only_his_own_office_knows_of_it() {
    let tree = four_levels();
    let of = |sites: &str| vec![format!("same of {sites}")];
    // Ben has it from north, or from the head, when carl's comes.
    for (number, maker) in ["north", "head"].into_iter().enumerate() {
        let typed = |value: &str| format!("UPDATE customers SET phone = '{value}' WHERE id = '{}'", ["ACME", "BOLT"][number]);
        tree.edit("carl", &typed("same"));
        tree.edit(maker, &typed("same"));
        tree.tick(10);
        tree.edit("olga", &typed("other"));
        [maker, "north", "ben"].iter().for_each(|site| drop(tree.sync(site)));
        send(&tree, "carl");
        settled(&tree, &SIX);
        let listed = SIX.map(|site| told(&tree, site, ConflictKind::Field));
        let last = listed.map(|all| all.into_iter().filter(|one| one.contains(maker)).collect::<Vec<_>>());
        let (above, with) = (if maker == "head" { vec![] } else { of("north") }, of(&format!("carl, {maker}")));
        // In between it is listed where it is known to concern somebody.
        assert_eq!(last, [of(maker), vec![], above, with.clone(), vec![], with], "{maker}");
    }
}

#[test]
fn who_typed_the_same_above_the_office_that_decides_is_told_at_every_level() {
    for order in [["head", "north"], ["north", "head"]] {
        for below in [&["north"][..], &["north", "ben"]] {
            let tree = four_levels();
            // Olga's is the same as the head's, and that is what stands there.
            for site in ["head", "olga"].iter().chain(below) {
                tree.edit(site, SAME);
                tree.tick(10);
            }
            tree.edit("carl", OTHER);
            send(&tree, "olga");
            (0..2).for_each(|_| order.iter().chain(below).for_each(|site| drop(tree.sync(site))));
            settled(&tree, &SIX);
            assert_eq!(phone(&tree, "head", "ACME"), "other");
            for site in ["head", "olga"].iter().chain(below) {
                let all = told(&tree, site, ConflictKind::Field);
                let [one] = &all[..] else { panic!("once at {site}: {all:?}, {order:?} {below:?}") };
                assert!(one.contains(site), "{site}: {one}, {order:?} {below:?}");
            }
            assert_eq!([told(&tree, "bea", ConflictKind::Field), told(&tree, "carl", ConflictKind::Field)], [[""; 0]; 2]);
        }
    }
}

#[test]
fn who_typed_the_same_elsewhere_in_the_tree_is_told_where_an_office_decides() {
    let tree = four_levels();
    tree.edit("olga", SAME);
    tree.edit("north", SAME);
    tree.tick(10);
    tree.edit("bea", OTHER);
    ["north", "head"].iter().for_each(|site| drop(tree.sync(site)));
    send(&tree, "olga");
    tree.sync("head");
    settled(&tree, &SIX);
    let of = |sites: &str| vec![format!("same of {sites}")];
    let both = of("north, olga");
    assert_eq!(at_each(&tree, ConflictKind::Field), [both.clone(), both, of("north"), vec![], vec![], vec![]]);
}

#[test]
fn who_made_the_same_record_is_told_which_values_of_it_lost() {
    let tree = four_levels();
    let make = |phone: &str| format!("INSERT INTO customers VALUES ('COIL', 'Coil Inc', 'Chur', '{phone}')");
    all_do(&tree, &["north", "ben"], &make("same"), &make("other"));
    assert_eq!(phone(&tree, "ben", "COIL"), "other");
    let of = |sites: &str| vec![format!("same of {sites}")];
    assert_eq!(at_each(&tree, ConflictKind::Field), [of("north"), vec![], of("ben, north"), of("ben, north"), vec![], vec![]]);
    // That there were two ben hears once, from north.
    assert_eq!(told(&tree, "ben", ConflictKind::Twin), ["created twice of ben"]);
}

#[test]
fn who_made_the_same_record_is_told_whatever_numbers_the_sites_gave_it() {
    let rules = "[tables.countries]\nidentity = [\"code\"]\n";
    let tree = grown(Tree::with_rules("CREATE TABLE countries (id INTEGER PRIMARY KEY, code TEXT, name TEXT)", rules));
    let make = |name: &str| format!("INSERT INTO countries (code, name) VALUES ('de', '{name}')");
    // So that it has another number at each.
    tree.edit("ben", "INSERT INTO countries (code) VALUES ('at'), ('ch')");
    tree.edit("north", "INSERT INTO countries (code) VALUES ('it')");
    all_do(&tree, &["north", "ben"], &make("same"), &make("other"));
    tree.assert_rows(&SIX, "SELECT name FROM countries WHERE code = 'de'", &["other"]);
    let of = |sites: &str| vec![format!("same of {sites}")];
    assert_eq!(at_each(&tree, ConflictKind::Field), [of("north"), vec![], of("ben, north"), of("ben, north"), vec![], vec![]]);
}

#[test]
fn who_deleted_the_same_as_the_office_is_told_that_it_came_back_and_by_whose_edit() {
    let tree = four_levels();
    let delete = "DELETE FROM customers WHERE id = 'BOLT'";
    all_do(&tree, &["north", "ben", "carl"], delete, "UPDATE customers SET phone = 'olga' WHERE id = 'BOLT'");
    assert_eq!(phone(&tree, "carl", "BOLT"), "olga");
    let of = |sites: &str| vec![format!("deleted of {sites}")];
    // Whose delete it was carl's own office knows.
    assert_eq!(
        at_each(&tree, ConflictKind::Delete),
        [of("north"), vec![], of("ben, north"), of("ben, carl, north"), vec![], of("ben, carl, north")]
    );
    for site in ["head", "carl"] {
        let conflict = tree.session(site).ledger.conflict(1).unwrap().unwrap();
        assert_eq!(conflict.winner_site.unwrap().as_str(), "olga");
        assert!(conflict.winner_time.is_some());
    }
    // The same once more is another delete: of whoever made it.
    tree.edit("north", delete);
    send(&tree, "north");
    tree.edit("olga", "UPDATE customers SET phone = 'again' WHERE id = 'BOLT'");
    settled(&tree, &SIX);
    assert_eq!(told(&tree, "north", ConflictKind::Delete)[1..], of("north"));
    assert_eq!(told(&tree, "carl", ConflictKind::Delete).len(), 1);
}

#[test]
fn two_below_an_office_that_deleted_the_same_are_both_told() {
    let tree = four_levels();
    let delete = "DELETE FROM customers WHERE id = 'BOLT'";
    all_do(&tree, &["carl", "bea"], delete, "UPDATE customers SET phone = 'olga' WHERE id = 'BOLT'");
    let of = |sites: &str| vec![format!("deleted of {sites}")];
    assert_eq!(at_each(&tree, ConflictKind::Delete), [of("north"), vec![], of("bea"), of("bea, carl"), of("bea"), of("bea, carl")]);
}

#[test]
fn who_deleted_what_an_office_above_did_is_told_where_only_his_own_office_knows_of_it() {
    let tree = four_levels();
    let of = |sites: &str| vec![format!("deleted of {sites}")];
    let delete = "DELETE FROM customers WHERE id = 'BOLT'";
    for edit in ["one", "two"] {
        tree.edit("olga", &format!("UPDATE customers SET phone = '{edit}' WHERE id = 'BOLT'"));
        tree.edit("north", delete);
        if edit == "one" {
            tree.edit("carl", delete);
            ["north", "ben"].iter().for_each(|site| drop(tree.sync(site)));
            send(&tree, "carl");
            tree.sync("ben");
        } else {
            // Ben hears nothing of this one: the delete that he knows of is not meant.
            send(&tree, "olga");
            tree.sync("head");
            send(&tree, "north");
        }
        settled(&tree, &SIX);
        assert_eq!(phone(&tree, "carl", "BOLT"), edit);
    }
    let (two, with) = ([of("north"), of("north")].concat(), of("carl, north"));
    assert_eq!(at_each(&tree, ConflictKind::Delete), [two.clone(), vec![], two, with.clone(), vec![], with]);
}

#[test]
fn who_deleted_the_same_as_the_office_is_told_where_the_edit_of_another_remote_takes_it_back() {
    let tree = four_levels();
    tree.edit("bea", "UPDATE customers SET phone = 'bea' WHERE id = 'BOLT'");
    for site in ["north", "ben"] {
        tree.edit(site, "DELETE FROM customers WHERE id = 'BOLT'");
    }
    send(&tree, "ben");
    receive(&tree, "north");
    settled(&tree, &SIX);
    assert_eq!(phone(&tree, "ben", "BOLT"), "bea");
    let of = |sites: &str| vec![format!("deleted of {sites}")];
    let below = &at_each(&tree, ConflictKind::Delete)[1..];
    assert_eq!(below, [vec![], of("ben, north"), of("ben, north"), vec![], vec![]]);
}

#[test]
fn who_only_heard_of_a_delete_that_is_taken_back_is_not_said_to_have_made_it() {
    let tree = four_levels();
    tree.edit("north", "DELETE FROM customers WHERE id = 'BOLT'");
    ["north", "head", "ben"].iter().for_each(|site| drop(tree.sync(site)));
    tree.edit("carl", "UPDATE customers SET phone = 'carl' WHERE id = 'BOLT'");
    send(&tree, "carl");
    settled(&tree, &SIX);
    assert_eq!(phone(&tree, "olga", "BOLT"), "carl");
    let (of, nobodys) = (vec!["deleted of north".to_owned()], vec!["deleted of ".to_owned()]);
    assert_eq!(at_each(&tree, ConflictKind::Delete), [nobodys.clone(), vec![], of, nobodys, vec![], vec![]]);
}
