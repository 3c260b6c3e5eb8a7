//! Field sales: a main office, and two who travel.

use super::Case;

const ALL: [&str; 3] = ["head", "anna", "bert"];

fn case() -> Case {
    Case::new("field-sales", "rules.toml", "shop.db", &ALL)
}

#[test]
fn products_and_prices_only_go_down() {
    let case = case();
    case.edit("head", "INSERT INTO products VALUES ('BOLT', 'Bolts, a box'); INSERT INTO prices VALUES ('BOLT', 900)");
    case.edit("head", "UPDATE prices SET cents = 260 WHERE article = 'NAIL'");
    case.edit("anna", "UPDATE prices SET cents = 1 WHERE article = 'SCREW'; DELETE FROM prices WHERE article = 'NAIL'");
    case.edit("bert", "INSERT INTO products VALUES ('GLUE', 'Glue'); UPDATE products SET name = 'Tacks' WHERE article = 'NAIL'");
    case.settle();
    case.assert_rows(&ALL, "SELECT * FROM prices ORDER BY article", &["BOLT|900", "NAIL|260", "SCREW|400"]);
    case.assert_rows(&ALL, "SELECT * FROM products ORDER BY article", &["BOLT|Bolts, a box", "NAIL|Nails, a box", "SCREW|Screws, a box"]);
    case.assert_same("products prices");
    // What was taken back is listed where it was edited, with its value.
    let cents = case.conflict("anna", "cents");
    assert_eq!((&cents["loser"], &cents["winner"], &cents["about"]["what"]), (&1.into(), &400.into(), &"refused".into()));
    let lost: Vec<String> = case.conflicts("bert").iter().map(|conflict| conflict["loser"].to_string()).collect();
    assert!(lost.contains(&"\"Tacks\"".to_owned()) && lost.contains(&"\"Glue\"".to_owned()), "{lost:?}");
}

#[test]
fn an_order_goes_up_with_the_next_sync_once_it_is_submitted_and_never_down() {
    let case = case();
    case.edit("head", "INSERT INTO orders VALUES (1, 'BOLT', 'head', 1); INSERT INTO order_lines VALUES (1, 1, 'NAIL', 9)");
    case.edit("anna", "INSERT INTO orders (customer, taken_by) VALUES ('ACME', 'anna')");
    case.edit("anna", "INSERT INTO order_lines (\"order\", article, pieces) SELECT id, 'NAIL', 3 FROM orders");
    let stays = Case::stays(&case.sync("anna"));
    assert!(stays.contains(&("orders".to_owned(), 1, "it is not ready yet".to_owned())), "{stays:?}");
    case.settle();
    case.assert_rows(&["head"], "SELECT taken_by FROM orders", &["head"]);
    case.assert_rows(&["head"], "SELECT pieces FROM order_lines", &["9"]);

    case.edit("anna", "UPDATE orders SET submitted = 1");
    let sent = case.sync("anna");
    assert_eq!(sent["sent"][0]["tables"]["orders"]["inserted"], 1, "{sent}");
    case.sync("head");
    let lines = "SELECT taken_by, article, pieces FROM orders JOIN order_lines ON \"order\" = orders.id ORDER BY pieces";
    case.assert_rows(&["head"], lines, &["anna|NAIL|3", "head|NAIL|9"]);

    case.edit("bert", "INSERT INTO orders (customer, taken_by, submitted) VALUES ('BOLT', 'bert', 1)");
    case.edit("head", "UPDATE orders SET customer = 'BOLT'");
    case.settle();
    case.assert_rows(&["head"], "SELECT taken_by FROM orders ORDER BY 1", &["anna", "bert", "head"]);
    case.assert_rows(&["anna"], "SELECT taken_by, customer FROM orders", &["anna|ACME"]);
    case.assert_rows(&["bert"], "SELECT taken_by FROM orders", &["bert"]);
    // Each has its orders under the number that they have at the office.
    for site in ["anna", "bert"] {
        let number = |at: &str| case.rows(at, &format!("SELECT id FROM orders WHERE taken_by = '{site}'"));
        assert_eq!(number(site), number("head"), "{site}");
    }
}

#[test]
fn what_is_corrected_in_a_submitted_order_goes_up_too() {
    let case = case();
    case.edit("anna", "INSERT INTO orders (customer, taken_by, submitted) VALUES ('ACME', 'anna', 1)");
    case.settle();
    case.edit("anna", "INSERT INTO order_lines (\"order\", article, pieces) SELECT id, 'SCREW', 4 FROM orders");
    case.edit("anna", "UPDATE orders SET customer = 'BOLT'");
    case.settle();
    let order = "SELECT customer, pieces FROM orders JOIN order_lines ON \"order\" = orders.id";
    case.assert_rows(&["head", "anna"], order, &["BOLT|4"]);
    case.edit("anna", "DELETE FROM order_lines; DELETE FROM orders");
    case.settle();
    case.assert_rows(&["head", "anna"], "SELECT count(*) FROM orders", &["0"]);
}

#[test]
fn customers_travel_both_ways_and_the_accounts_owner_wins() {
    let case = case();
    case.edit("head", "INSERT INTO customers VALUES ('DEAN', 'Dean & Co', '4', 'Chur', 'bert')");
    case.edit("anna", "INSERT INTO customers VALUES ('CARL', 'Carl Ltd', '3', 'Genf', 'anna')");
    case.settle();
    case.assert_rows(&ALL, "SELECT id FROM customers ORDER BY id", &["ACME", "BOLT", "CARL", "DEAN"]);

    // Bert and the office are later, but the account is Anna's.
    case.edit("anna", "UPDATE customers SET phone = 'anna', city = 'Biel' WHERE id = 'ACME'");
    case.edit("bert", "UPDATE customers SET phone = 'bert', name = 'Acme AG' WHERE id = 'ACME'");
    case.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'ACME'");
    case.sync("bert");
    case.settle();
    case.assert_rows(&ALL, "SELECT name, phone, city FROM customers WHERE id = 'ACME'", &["Acme AG|anna|Biel"]);
    // Nobody of them owns Bolt's account but Bert, who did not edit: the later edit stands.
    case.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    case.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'");
    case.settle();
    case.assert_rows(&ALL, "SELECT phone FROM customers WHERE id = 'BOLT'", &["anna"]);
    case.assert_same("customers");
    let rules: Vec<String> = case.conflicts("head").iter().map(|conflict| format!("{} {}", conflict["rule"], conflict["loser"])).collect();
    assert!(rules.contains(&"\"owner\" \"head\"".to_owned()), "{rules:?}");
    assert!(rules.contains(&"\"newest\" \"head\"".to_owned()), "{rules:?}");
    let history = case.report("head", "history customers ACME").to_string();
    assert!(["\"anna\"", "\"bert\"", "\"head\""].iter().all(|value| history.contains(value)), "{history}");
}

#[test]
fn stock_merges_by_differences() {
    let case = case();
    case.edit("head", "UPDATE stock SET pieces = pieces + 50 WHERE article = 'NAIL'");
    case.edit("anna", "UPDATE stock SET pieces = pieces - 3 WHERE article = 'NAIL'");
    case.edit("bert", "UPDATE stock SET pieces = pieces - 3 WHERE article = 'NAIL'");
    case.settle();
    case.assert_rows(&ALL, "SELECT pieces FROM stock ORDER BY article", &["144", "60"]);
    case.assert_same("stock");
}

#[test]
fn a_visit_note_merges_as_text() {
    let case = case();
    case.edit("head", "UPDATE visits SET note = replace(note, 'price list', 'price list and a sample')");
    case.edit("anna", "UPDATE visits SET note = replace(note, 'December', 'January')");
    case.edit("bert", "UPDATE visits SET note = 'By telephone.' || char(10) || note");
    case.settle();
    let note = "By telephone.\nMet Ms Keller.\nWants a price list and a sample.\nHas a new warehouse.\nNext visit in January.";
    case.assert_rows(&ALL, "SELECT note FROM visits", &[note]);
    // One line, edited by both: the account is Anna's.
    case.edit("anna", "UPDATE visits SET note = replace(note, 'January', 'March')");
    case.edit("bert", "UPDATE visits SET note = replace(note, 'January', 'May')");
    case.settle();
    case.assert_rows(&ALL, "SELECT note LIKE '%March%' FROM visits", &["1"]);
    let lost: Vec<String> = case.conflicts("bert").iter().map(|conflict| conflict["loser"].to_string()).collect();
    assert!(lost.iter().any(|lost| lost.contains("May")), "{lost:?}");
    case.assert_same("visits");
}
