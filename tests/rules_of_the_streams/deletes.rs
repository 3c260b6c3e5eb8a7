//! Who hears of a delete that came to nothing: whoever made it. And how much goes at once.

use super::*;
use fieldpost::ledger::Conflict;
use fieldpost::sync::mend::{self, Choice, Since};

const FOUR: [&str; 4] = ["head", "north", "anna", "ben"];

/// Deletes that lost, in a site's list: kind and whose they were.
fn lost(tree: &Tree, site: &str) -> Vec<(ConflictKind, String)> {
    let mut lost = Vec::new();
    let session = tree.session(site);
    let each = &mut |_, _, _, conflict: Conflict| {
        if conflict.field.is_none() && conflict.settles.is_none() {
            lost.push((conflict.kind, conflict.loser_site.unwrap().to_string()));
        }
        Ok(())
    };
    session.ledger.conflicts(0, each).unwrap();
    lost
}

fn of(kind: ConflictKind, site: &str) -> Vec<(ConflictKind, String)> {
    vec![(kind, site.to_owned())]
}

/// A main office, an office, and two remotes below that.
fn with_ben() -> Tree {
    let tree = three_levels();
    tree.add("north", "ben", Role::Remote);
    for _ in 0..3 {
        FOUR.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.assert_same(&FOUR);
    tree
}

/// The remote deletes BOLT, and its office passes that on.
fn deletes(tree: &Tree, remote: &str) {
    tree.edit(remote, "DELETE FROM customers WHERE id = 'BOLT'");
    send(tree, remote);
    tree.sync("north");
}

#[test]
fn a_delete_that_the_main_office_overrules_is_told_to_the_remote_below_an_office_that_made_it() {
    let tree = with_ben();
    deletes(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    settled(&tree, &FOUR);
    assert_eq!(phone(&tree, "anna", "BOLT"), "head");
    // A delete does not carry who made it up to the head.
    assert_eq!(lost(&tree, "head"), of(ConflictKind::Delete, "north"));
    assert_eq!(lost(&tree, "north"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
    // She can insist on it.
    mend::settle(&tree.session("anna"), 1, &Choice::Lost, Since::Ask).unwrap();
    settled(&tree, &FOUR);
    assert_eq!(phone(&tree, "head", "BOLT"), "no record");
}

#[test]
fn how_such_a_conflict_was_settled_is_told_to_the_remote_too() {
    let tree = with_ben();
    deletes(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    settled(&tree, &FOUR);
    mend::settle(&tree.session("head"), 1, &Choice::Standing, Since::Ask).unwrap();
    settled(&tree, &FOUR);
    let settled_at = |site: &str| tree.session(site).ledger.settled().unwrap().len();
    assert_eq!(FOUR.map(settled_at), [1, 1, 1, 0]);
}

#[test]
fn a_delete_of_what_others_need_is_told_to_the_remote_that_made_it() {
    let tree = with_ben();
    deletes(&tree, "anna");
    tree.edit("head", "INSERT INTO notes VALUES ('N3', 'BOLT', NULL, 'head')");
    settled(&tree, &FOUR);
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Dependants, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
}

#[test]
fn a_delete_of_the_office_itself_stays_its_own() {
    let tree = with_ben();
    // Anna's delete of another record is no reason to take this one for hers.
    tree.edit("anna", "DELETE FROM notes WHERE id = 'N2'");
    tree.edit("north", "DELETE FROM customers WHERE id = 'BOLT'");
    send(&tree, "north");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    settled(&tree, &FOUR);
    assert_eq!(lost(&tree, "north"), of(ConflictKind::Delete, "north"));
    assert_eq!((lost(&tree, "anna"), lost(&tree, "ben")), (vec![], vec![]));
}

#[test]
fn a_delete_that_the_edit_of_another_remote_takes_back_is_told_to_the_one_that_made_it() {
    let tree = with_ben();
    tree.edit("ben", "UPDATE customers SET phone = 'ben' WHERE id = 'BOLT'");
    deletes(&tree, "anna");
    send(&tree, "ben");
    settled(&tree, &FOUR);
    assert_eq!(phone(&tree, "anna", "BOLT"), "ben");
    assert_eq!(lost(&tree, "north"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Delete, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
}

#[test]
fn a_delete_that_an_edit_at_another_office_takes_back_is_told_to_the_remote_that_made_it() {
    let tree = with_ben();
    tree.add("head", "south", Role::Office);
    let all = ["head", "north", "south", "anna", "ben"];
    for _ in 0..3 {
        all.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.edit("south", "UPDATE customers SET phone = 'south' WHERE id = 'BOLT'");
    deletes(&tree, "anna");
    tree.sync("head");
    send(&tree, "south");
    settled(&tree, &all);
    assert_eq!(phone(&tree, "anna", "BOLT"), "south");
    assert_eq!(lost(&tree, "head"), of(ConflictKind::Delete, "north"));
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Delete, "anna"));
    assert_eq!((lost(&tree, "south"), lost(&tree, "ben")), (vec![], vec![]));
}

#[test]
fn a_delete_is_told_to_whoever_made_it_whatever_numbers_name_the_record() {
    let tree = Tree::new(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT, note TEXT);
         CREATE TABLE lines (\"order\" INTEGER REFERENCES orders, place INTEGER, note TEXT, PRIMARY KEY (\"order\", place));
         INSERT INTO orders VALUES (1, 'first', '');",
    );
    for (parent, child, role) in [("head", "north", Role::Office), ("north", "anna", Role::Remote)] {
        tree.add(parent, child, role);
        (0..4).for_each(|_| THREE.iter().filter(|site| tree.home(site).exists()).for_each(|site| drop(tree.sync(site))));
    }
    // Two orders under one number: hers gets another one.
    tree.edit("head", "INSERT INTO orders VALUES (2, 'of head', '')");
    tree.edit(
        "anna",
        "INSERT INTO orders VALUES (2, 'of anna', ''), (3, 'kept', ''); INSERT INTO lines SELECT id, 1, '' FROM orders WHERE id = 3",
    );
    settled(&tree, &THREE);
    tree.edit("anna", "DELETE FROM orders WHERE token = 'of anna'; DELETE FROM lines");
    send(&tree, "anna");
    tree.sync("north");
    tree.edit("head", "UPDATE orders SET note = 'head'; UPDATE lines SET note = 'head'");
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, "SELECT count(*) FROM orders WHERE token = 'of anna'", &["1"]);
    tree.assert_rows(&THREE, "SELECT count(*) FROM lines", &["1"]);
    assert_eq!(lost(&tree, "anna"), [of(ConflictKind::Delete, "anna"), of(ConflictKind::Delete, "anna")].concat());
    assert_eq!(lost(&tree, "head"), [of(ConflictKind::Delete, "north"), of(ConflictKind::Delete, "north")].concat());
}

#[test]
fn a_delete_that_waits_at_the_main_office_is_told_to_the_remote_that_made_it() {
    let tree = with_ben();
    let session = tree.session("head");
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("BOLT")]).unwrap();
    mend::deactivate(&session, shape.number, &key).unwrap();
    drop(session);
    deletes(&tree, "anna");
    tree.settle(&FOUR);
    assert_eq!(lost(&tree, "anna"), of(ConflictKind::Held, "anna"));
    assert_eq!(lost(&tree, "ben"), []);
}

#[test]
fn a_long_row_of_records_each_of_which_refers_to_the_next_comes_and_goes_whole() {
    let tree = two_levels();
    // Whoever is written first needs the one that is written last.
    let row = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO notes SELECT printf('L%05d', i), NULL, iif(i < 1200, printf('L%05d', i + 1), NULL), 'x' FROM n";
    tree.edit("head", &format!("PRAGMA foreign_keys = off; {row}"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["1200"]);
    tree.edit("anna", "PRAGMA foreign_keys = off; DELETE FROM notes WHERE id LIKE 'L%'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["0"]);
    assert_eq!((losers(&tree, "head"), losers(&tree, "anna")), (vec![], vec![]));
    // Turned round.
    let row = row.replace("printf('L%05d', i + 1)", "printf('L%05d', i - 1)").replace("i < 1200, printf", "i > 1, printf");
    tree.edit("anna", &format!("PRAGMA foreign_keys = off; {row}"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE above LIKE 'L%'", &["1199"]);
    tree.edit("head", "PRAGMA foreign_keys = off; DELETE FROM notes WHERE id LIKE 'L%'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["0"]);
}

#[test]
fn a_long_row_of_records_of_which_the_last_is_needed_or_missing_stays_whole_or_waits_whole() {
    for turned in [false, true] {
        let tree = two_levels();
        let (next, end) = if turned { ("i - 1", "L00001") } else { ("i + 1", "L00600") };
        let row = format!(
            "PRAGMA foreign_keys = off; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO notes SELECT printf('L%05d', i), NULL, iif(printf('L%05d', i) = '{end}', 'MISSING', printf('L%05d', {next})), 'x' FROM n"
        );
        tree.edit("anna", &row);
        tree.settle(&TWO);
        tree.assert_rows(&["head"], "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["0"]);
        assert_eq!(tree.held("head").len(), 600);
        tree.edit("anna", "INSERT INTO notes VALUES ('MISSING', NULL, NULL, 'x')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["600"]);
        // The one that nobody of the row refers to is referred to at the head: nothing of it can go.
        let start = if turned { "L00600" } else { "L00001" };
        tree.edit("head", &format!("INSERT INTO notes VALUES ('NEW', NULL, '{start}', 'x')"));
        tree.edit("anna", "PRAGMA foreign_keys = off; DELETE FROM notes WHERE id LIKE 'L%'");
        send(&tree, "anna");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT count(*) FROM notes WHERE id LIKE 'L%'", &["600"]);
        assert_eq!(losers(&tree, "anna").iter().filter(|(kind, _)| *kind == ConflictKind::Dependants).count(), 600);
    }
}
