//! What a person mends: held changes, conflicts, records taken out of the exchange.

use super::*;

#[test]
fn a_record_that_is_taken_out_of_the_exchange_comes_back_with_both_sides() {
    let tree = tree("");
    let key = Key::new([&Value::text("C1")]).unwrap();
    let table = |tree: &Tree, site: &str| tree.session(site).shapes.iter().find(|shape| shape.name == "contacts").unwrap().number;
    mend::deactivate(&tree.session("anna"), table(&tree, "anna"), &key).unwrap();
    both(&tree, "UPDATE contacts SET city = 'Biel'", "UPDATE contacts SET name = 'Anja'");
    assert_eq!(contact(&tree, "head", "name || city"), "AnnBiel");
    assert_eq!(contact(&tree, "anna", "name || city"), "AnjaBern");
    mend::activate(&tree.session("anna"), table(&tree, "anna"), &key).unwrap();
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "head", "name || city"), "AnjaBiel");
}

#[test]
fn a_held_change_that_is_edited_keeps_what_it_refers_to() {
    let tree = tree("");
    tree.edit("anna", "INSERT INTO orders (id, total) VALUES (1, 70); INSERT INTO lines VALUES (2, 1, 'screw')");
    // The line has come and its order waits: then another order gets the number at the head.
    tree.edit("anna", "PRAGMA foreign_keys = off; UPDATE orders SET contact = 'C9'");
    tree.settle(&TWO);
    let held = held_at_head(&tree);
    assert_eq!(held.len(), 2, "{:?}", tree.held("head"));
    let line = held
        .iter()
        .find(|place| mend::edit_held(&tree.session("head"), **place, &[("article".to_owned(), Value::text("bolt"))].into()).is_ok());
    assert!(line.is_some(), "the line is held");
    tree.edit("head", "INSERT INTO orders (id, total) VALUES (1, 5)");
    tree.settle(&TWO);
    assert_eq!(held_at_head(&tree).len(), 2, "what they wait for has not come");
    tree.edit("anna", "INSERT INTO contacts (id, name) VALUES ('C9', 'Nina')");
    tree.settle(&TWO);
    let lines = "SELECT total, article FROM lines LEFT JOIN orders ON orders.id = \"order\"";
    tree.assert_rows(&TWO, lines, &["70|bolt"]);
    assert!(held_at_head(&tree).is_empty());
}

#[test]
fn a_held_change_that_is_dropped_is_listed_with_the_reason_and_the_child_follows() {
    let tree = tree("");
    tree.edit("anna", "PRAGMA foreign_keys = off; INSERT INTO contacts (id, company, name) VALUES ('C9', 'NOWHERE', 'Nils')");
    tree.settle(&TWO);
    let [place] = held_at_head(&tree)[..] else { panic!("{:?}", tree.held("head")) };
    let nothing = HeldPlace { number: place.number + 1_000, ..place };
    assert!(mend::drop_held(&tree.session("head"), nothing, "x").is_err());
    mend::drop_held(&tree.session("head"), place, "entered twice").unwrap();
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["1"]);
    let conflicts = cli::conflicts::all(&tree.session("anna"), 0).unwrap();
    assert!(conflicts.iter().any(|conflict| conflict.rule == "entered twice"), "{conflicts:?}");
    assert!(tree.listed("anna").iter().any(|lost| lost == "Nils"), "{:?}", tree.listed("anna"));
}

#[test]
fn a_conflict_is_settled_in_the_record_it_was_about_whatever_has_its_number_now() {
    let tree = tree("[tables.orders]\nconflict = 'review'\n");
    tree.edit("head", "INSERT INTO orders (id, contact, total) VALUES (1, 'C1', 1)");
    tree.settle(&TWO);
    both(&tree, "UPDATE orders SET total = 2", "UPDATE orders SET total = 3");
    // The order ends, and its number is given to another one that happens to hold what stood.
    tree.edit("head", "DELETE FROM orders; INSERT INTO orders (id, contact, total) VALUES (1, NULL, 2)");
    tree.settle(&TWO);
    mend_error(mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Ask));
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT total FROM orders", &["2"]);
}

#[test]
fn what_was_edited_since_is_overwritten_only_if_somebody_insists() {
    let tree = tree("");
    both(&tree, "UPDATE contacts SET name = 'head'", "UPDATE contacts SET name = 'anna'");
    tree.edit("head", "UPDATE contacts SET name = 'newer'");
    let ask = mend_error(mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Ask));
    assert!(matches!(ask, MendError::MovedOn { now, .. } if now == [("name".to_owned(), "newer".to_owned())]));
    mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Overwrite).unwrap();
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT name FROM contacts", &["head"]);
}

#[test]
fn a_delete_that_lost_is_made_up_for_only_where_nobody_edited_the_record_since() {
    let tree = tree("");
    both(&tree, "UPDATE contacts SET name = 'head'", "DELETE FROM contacts");
    assert_eq!(kinds(&tree, "anna"), [ConflictKind::Delete]);
    tree.edit("head", "UPDATE contacts SET city = 'Biel', tags = NULL");
    let ask = mend_error(mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Ask));
    let words = "contacts C1 has changed since: its city is Biel now, its tags is NULL now";
    assert_eq!(ask.to_string(), words);
    tree.settle(&TWO);
    let ask = mend_error(mend::settle(&tree.session("anna"), 1, &Choice::Lost, Since::Ask));
    assert_eq!(ask.to_string(), words, "where the delete was made");
    tree.assert_rows(&TWO, "SELECT city FROM contacts", &["Biel"]);
    mend::settle(&tree.session("anna"), 1, &Choice::Lost, Since::Overwrite).unwrap();
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["0"]);
}

#[test]
fn a_delete_that_lost_is_made_up_for_where_the_record_is_as_it_was_again() {
    let tree = tree("");
    both(&tree, "UPDATE contacts SET name = 'head'", "DELETE FROM contacts");
    tree.edit("head", "UPDATE contacts SET city = 'Biel'");
    tree.sync("head");
    tree.edit("head", "UPDATE contacts SET city = 'Bern'");
    mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Ask).unwrap();
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["0"]);
}

#[test]
fn what_lost_is_not_written_into_another_record_that_has_its_key_now() {
    let tree = tree("");
    both(&tree, "UPDATE contacts SET name = 'head'", "UPDATE contacts SET name = 'anna'");
    both(&tree, "UPDATE prices SET price = 6", "DELETE FROM prices");
    tree.edit("head", "DELETE FROM contacts; DELETE FROM prices");
    tree.settle(&TWO);
    // Another one, which happens to hold what stood.
    tree.edit("head", "INSERT INTO contacts (id, name) VALUES ('C1', 'anna'); INSERT INTO prices VALUES ('nail', 6)");
    tree.settle(&TWO);
    for (site, number) in [("head", 1), ("head", 2), ("anna", 1)] {
        let ask = mend_error(mend::settle(&tree.session(site), number, &Choice::Lost, Since::Ask));
        assert!(matches!(&ask, MendError::OtherRecord { .. }), "{site}: {ask}");
    }
    tree.assert_rows(&TWO, "SELECT name, price FROM contacts, prices", &["anna|6"]);
    mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Overwrite).unwrap();
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT name FROM contacts", &["head"]);
}

#[test]
fn an_edit_that_lost_against_a_delete_is_not_written_into_a_record_that_was_made_since() {
    let tree = tree("[tables.prices]\ndeletes = 'delete-wins'\n");
    both(&tree, "UPDATE prices SET price = 6", "DELETE FROM prices");
    tree.assert_rows(&TWO, "SELECT count(*) FROM prices", &["0"]);
    tree.edit("head", "INSERT INTO prices VALUES ('nail', 70)");
    let ask = mend_error(mend::settle(&tree.session("head"), 1, &Choice::Lost, Since::Ask));
    assert!(matches!(&ask, MendError::OtherRecord { .. }), "{ask}");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT price FROM prices", &["70"]);
}

#[test]
fn a_record_that_was_deleted_outside_the_exchange_can_come_back_into_it() {
    let tree = tree("");
    let key = Key::new([&Value::text("C1")]).unwrap();
    let table = |session: &fieldpost::sync::Session| session.shapes.iter().find(|shape| shape.name == "contacts").unwrap().number;
    let session = tree.session("anna");
    mend::deactivate(&session, table(&session), &key).unwrap();
    drop(session);
    tree.edit("anna", "DELETE FROM contacts");
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT count(*) FROM contacts", &["1"]);
    let session = tree.session("anna");
    mend::activate(&session, table(&session), &key).unwrap();
    drop(session);
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["0"]);
}

#[test]
fn what_waits_is_tried_again_as_often_as_the_rules_say_and_then_wants_a_person() {
    const HOUR: i64 = 3_600_000;
    let tree = tree("[retries]\nfor = '4h'\nevery = '1h'\n");
    tree.edit("anna", "PRAGMA foreign_keys = off; INSERT INTO contacts (id, company, name) VALUES ('C9', 'NOWHERE', 'Nils')");
    tree.settle(&TWO);
    let tries = || {
        let mut tries = 0;
        let mut count = |record: fieldpost::ledger::Record| {
            tries += record.extra.held.values().map(|held| held.attempts).sum::<u32>();
            Ok(())
        };
        tree.session("head").ledger.exceptional(&mut count).unwrap();
        tries
    };
    let needs = || cli::held::all(&tree.session("head")).unwrap()[0].needs;
    let first = tries();
    tree.sync("head");
    assert_eq!(tries(), first, "nothing came and no hour has passed");
    for hour in 1..=4 {
        assert_eq!(needs(), Needs::Packet, "hour {hour}");
        tree.tick(HOUR);
        tree.sync("head");
        assert_eq!(tries(), first + hour);
    }
    assert_eq!(needs(), Needs::Person);
    tree.edit("head", "INSERT INTO companies VALUES ('NOWHERE', 'Nowhere', NULL)");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT name FROM contacts WHERE id = 'C9'", &["Nils"]);
}

#[test]
fn an_order_that_was_dropped_stays_where_it_was_made_and_is_a_new_try_when_it_is_corrected_there() {
    let tree = tree("[tables.orders]\ndirection = 'up'\n[tables.lines]\ndirection = 'up'\n");
    tree.edit("anna", "PRAGMA foreign_keys = off; INSERT INTO orders (id, contact, total) VALUES (1, 'C9', 70)");
    tree.edit("anna", "INSERT INTO lines VALUES (1, 1, 'nail')");
    tree.settle(&TWO);
    let order = cli::held::all(&tree.session("head")).unwrap().into_iter().find(|held| held.table == "orders").unwrap().number;
    let place = held_at_head(&tree).into_iter().find(|place| Some(place.number) == order).unwrap();
    mend::drop_held(&tree.session("head"), place, "no such contact").unwrap();
    // Neither its line nor the contact brings back what a person let go of.
    tree.edit("head", "INSERT INTO contacts (id, name) VALUES ('C9', 'Nina')");
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT count(*) FROM orders", &["0"]);
    tree.assert_rows(&["anna"], "SELECT total FROM orders", &["70"]);
    tree.edit("anna", "UPDATE orders SET total = 80");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT contact, total, article FROM orders LEFT JOIN lines ON \"order\" = orders.id", &["C9|80|nail"]);
    assert!(held_at_head(&tree).is_empty(), "{:?}", tree.held("head"));
}
