//! Two sites hand out the same number offline: both records live, under numbers of their own, and every reference follows.
//!
//! | module | answers |
//! |---|---|
//! | (here) | which records live under which number, and for how long is a number provisional? |
//! | `references` | does every kind of reference follow? |
//! | `early` | what of a row that is told before the record it refers to? |
//! | `reuse` | what does a number mean that is given again? |
//! | `twins` | what of a record that two sites made, each under a number of its own? |
//! | `words` | what of a column that begins, or ceases, to hold numbers of records? |
//! | `chinook` | does all of it hold in a real database that is edited at four sites? |
//!
//! Records are told apart by a text nobody edits (a name, a token), never by number.

mod support;

#[path = "handed_out_keys/chinook.rs"]
mod chinook;
#[path = "handed_out_keys/early.rs"]
mod early;
#[path = "handed_out_keys/references.rs"]
mod references;
#[path = "handed_out_keys/reuse.rs"]
mod reuse;
#[path = "handed_out_keys/twins.rs"]
mod twins;
#[path = "handed_out_keys/words.rs"]
mod words;

use fieldpost::exchange::Unruly;
use fieldpost::site::Role;
use fieldpost::sync::round;
use support::Tree;

/// Numbers from here on are provisional where the table is AUTOINCREMENT.
const ZONE: i64 = 1_500_000_000;

const TWO: [&str; 2] = ["head", "anna"];
const THREE: [&str; 3] = ["head", "north", "rosa"];

/// Customers and what they ordered, both under handed-out numbers; one of each is everywhere.
const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, phone TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT, customer INTEGER REFERENCES customers, city TEXT);
    INSERT INTO customers VALUES (1, 'shared', '0'); INSERT INTO orders VALUES (1, 'first', 1, NULL);";

/// Whom each order is for, by content alone.
const OWNERS: &str = "SELECT o.token, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer ORDER BY o.token";
const CUSTOMERS: &str = "SELECT id, name FROM customers ORDER BY id";

/// A customer and an order of this customer, as an application makes them.
fn order_of(name: &str) -> String {
    format!(
        "INSERT INTO customers (name) VALUES ('{name}');
         INSERT INTO orders (token, customer) SELECT 'of {name}', id FROM customers WHERE name = '{name}';"
    )
}

/// A host and one remote, the same.
fn two(sql: &str, rules: &str) -> Tree {
    let tree = Tree::with_rules(sql, rules);
    tree.add("head", "anna", Role::Remote);
    loaded(&tree, &TWO);
    tree
}

/// Rounds until who joined has everything.
fn loaded(tree: &Tree, sites: &[&str]) {
    // The first round of a new site only asks: nothing moves yet.
    sites.iter().for_each(|site| drop(tree.sync(site)));
    tree.settle(sites);
    tree.assert_same(sites);
}

/// A host, its office and the office's remote, the same.
fn three(sql: &str, rules: &str) -> Tree {
    let tree = Tree::with_rules(sql, rules);
    tree.add("head", "north", Role::Office);
    loaded(&tree, &["head", "north"]);
    tree.add("north", "rosa", Role::Remote);
    loaded(&tree, &THREE);
    tree
}

fn settled(tree: &Tree, sites: &[&str]) {
    tree.settle(sites);
    tree.assert_sound(sites);
}

fn half(tree: &Tree, site: &str, halves: round::Halves) {
    tree.tick(1_000);
    round::run(&mut tree.session(site), &mut [&mut tree.exchange.clone()], halves, &mut |_| {}).unwrap();
}

// ---- which number a record gets

#[test]
fn a_number_that_is_free_at_the_parent_is_kept() {
    let tree = two(SHOP, "");
    tree.edit("anna", &order_of("anna"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|anna"]);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of anna|anna"]);
}

#[test]
fn of_two_records_under_one_number_the_parents_keeps_it_and_the_childs_gets_the_next() {
    let tree = two(SHOP, "");
    tree.edit("anna", &order_of("anna"));
    tree.edit("head", &order_of("head"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|head", "3|anna"]);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of anna|anna", "of head|head"]);
}

#[test]
fn numbers_that_move_into_each_others_place_all_arrive() {
    let tree = two(SHOP, "");
    for name in ["a1", "a2", "a3"] {
        tree.edit("anna", &order_of(name));
    }
    tree.edit("head", &order_of("head"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT name FROM customers ORDER BY name", &["a1", "a2", "a3", "head", "shared"]);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of a1|a1", "of a2|a2", "of a3|a3", "of head|head"]);
    tree.assert_rows(&TWO, "SELECT name FROM customers WHERE id = 2", &["head"]);
}

#[test]
fn two_remotes_and_the_host_give_out_one_number() {
    let tree = two(SHOP, "");
    tree.add("head", "ben", Role::Remote);
    let sites = ["head", "anna", "ben"];
    loaded(&tree, &sites);
    for name in sites {
        tree.edit(name, &order_of(name));
    }
    settled(&tree, &sites);
    tree.assert_rows(&sites, OWNERS, &["first|shared", "of anna|anna", "of ben|ben", "of head|head"]);
    tree.assert_rows(&sites, "SELECT name FROM customers WHERE id = 2", &["head"]);
}

#[test]
fn over_three_levels_all_sites_end_with_the_same_numbers() {
    for order in [["rosa", "north", "head"], ["head", "north", "rosa"], ["north", "rosa", "head"]] {
        let tree = three(SHOP, "");
        for name in THREE {
            tree.edit(name, &order_of(name));
        }
        settled(&tree, &order);
        tree.assert_rows(&THREE, OWNERS, &["first|shared", "of head|head", "of north|north", "of rosa|rosa"]);
        tree.assert_rows(&THREE, "SELECT name FROM customers WHERE id = 2", &["head"]);
    }
}

#[test]
fn an_office_that_told_its_remote_a_number_takes_it_back_when_the_host_says_so() {
    let tree = three(SHOP, "");
    tree.edit("rosa", &order_of("rosa"));
    tree.settle(&["rosa", "north"]);
    tree.edit("head", &order_of("head"));
    tree.edit("rosa", "UPDATE customers SET phone = 'edited' WHERE name = 'rosa'");
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, OWNERS, &["first|shared", "of head|head", "of rosa|rosa"]);
    tree.assert_rows(&THREE, "SELECT name, phone FROM customers WHERE name <> 'shared' ORDER BY id", &["head|-", "rosa|edited"]);
}

#[test]
fn a_new_number_is_nobodys_edit() {
    let tree = two(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, touched INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT, customer INTEGER REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE,
             touched INTEGER NOT NULL DEFAULT 0);
         CREATE TRIGGER customers_touched AFTER UPDATE ON customers WHEN new.touched = old.touched
             BEGIN UPDATE customers SET touched = touched + 1 WHERE id = new.id; END;
         CREATE TRIGGER orders_touched AFTER UPDATE ON orders WHEN new.touched = old.touched
             BEGIN UPDATE orders SET touched = touched + 1 WHERE id = new.id; END;",
        "",
    );
    tree.edit("anna", &order_of("anna"));
    tree.edit("head", &order_of("head"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["of anna|anna", "of head|head"]);
    tree.assert_rows(
        &TWO,
        "SELECT name, touched FROM customers UNION ALL SELECT token, touched FROM orders ORDER BY 1",
        &["anna|0", "head|0", "of anna|0", "of head|0"],
    );
}

#[test]
fn unique_values_and_strict_tables_are_in_nobodys_way() {
    let tree = two(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, customer INTEGER NOT NULL UNIQUE REFERENCES customers) STRICT;
         CREATE UNIQUE INDEX lower_token ON orders (lower(token)) WHERE customer IS NOT NULL;",
        "",
    );
    for name in ["a1", "a2"] {
        tree.edit("anna", &order_of(name));
    }
    for name in ["h1", "h2", "h3"] {
        tree.edit("head", &order_of(name));
    }
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["of a1|a1", "of a2|a2", "of h1|h1", "of h2|h2", "of h3|h3"]);
}

// ---- what happens while a number is provisional

#[test]
fn edits_made_while_the_number_is_provisional_stay_with_their_record() {
    let tree = two(SHOP, "");
    tree.edit("anna", &order_of("anna"));
    tree.edit("head", &order_of("head"));
    half(&tree, "anna", round::Halves::Send);
    tree.edit(
        "anna",
        "UPDATE customers SET phone = 'sent, not answered' WHERE name = 'anna'; UPDATE orders SET city = 'Bern' WHERE token = 'of anna'",
    );
    half(&tree, "head", round::Halves::Both);
    tree.edit("anna", "UPDATE orders SET customer = (SELECT id FROM customers WHERE name = 'anna') WHERE token = 'first'");
    half(&tree, "anna", round::Halves::Receive);
    tree.edit("anna", "INSERT INTO orders (token, customer) SELECT 'late', id FROM customers WHERE name = 'anna'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|anna", "late|anna", "of anna|anna", "of head|head"]);
    tree.assert_rows(&TWO, "SELECT name, phone FROM customers ORDER BY name", &["anna|sent, not answered", "head|-", "shared|0"]);
    tree.assert_rows(&TWO, "SELECT city FROM orders WHERE token = 'of anna'", &["Bern"]);
}

#[test]
fn a_record_deleted_while_its_number_is_provisional_takes_nobody_with_it() {
    let tree = two(SHOP, "");
    tree.edit("anna", &order_of("anna"));
    tree.edit("head", &order_of("head"));
    half(&tree, "anna", round::Halves::Send);
    tree.edit("anna", "DELETE FROM orders WHERE token = 'of anna'; DELETE FROM customers WHERE name = 'anna'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of head|head"]);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|head"]);
}

#[test]
fn a_record_made_and_deleted_before_any_round_leaves_nothing() {
    let tree = two(SHOP, "");
    tree.edit("anna", &order_of("anna"));
    tree.edit("anna", "DELETE FROM orders WHERE token = 'of anna'; DELETE FROM customers WHERE name = 'anna'");
    tree.edit("anna", &order_of("second"));
    tree.edit("head", &order_of("head"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of head|head", "of second|second"]);
}

#[test]
fn a_deleted_number_given_again_is_a_new_record() {
    let tree = two(SHOP, "");
    tree.edit("head", &order_of("old"));
    tree.settle(&TWO);
    tree.edit("anna", "DELETE FROM orders WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'");
    tree.edit("anna", &order_of("new"));
    tree.assert_rows(&["anna"], CUSTOMERS, &["1|shared", "2|new"]);
    tree.edit(
        "head",
        "UPDATE customers SET phone = 'for the old one' WHERE name = 'old'; INSERT INTO orders (token, customer) VALUES ('for old', 2)",
    );
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT name, phone FROM customers ORDER BY name", &["new|-", "old|for the old one", "shared|0"]);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "for old|old", "of new|new"]);
}

#[test]
fn a_deleted_number_given_again_at_the_parent_is_a_new_record_too() {
    let tree = two(SHOP, "");
    tree.edit("head", &order_of("old"));
    tree.settle(&TWO);
    tree.edit("head", "DELETE FROM orders WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'");
    tree.edit("head", &order_of("new"));
    tree.edit("anna", "UPDATE customers SET phone = 'for the old one' WHERE name = 'old'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT name, phone FROM customers WHERE name <> 'old' ORDER BY name", &["new|-", "shared|0"]);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of new|new"]);
    let kept = tree.rows("head", "SELECT phone FROM customers WHERE name = 'old'");
    let listed = tree.listed("anna");
    assert!(kept == ["for the old one"] || listed.iter().any(|loser| loser.contains("for the old one")), "{kept:?} {listed:?}");
}

#[test]
fn a_reference_to_a_record_that_ended_never_means_the_one_that_got_its_number() {
    let tree = two(SHOP, "");
    tree.edit("head", "INSERT INTO customers (name) VALUES ('old')");
    tree.settle(&TWO);
    tree.edit("anna", "DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'new', NULL)");
    tree.edit("head", "INSERT INTO orders (token, customer) VALUES ('for old', 2)");
    tree.sync("head");
    tree.sync("anna");
    let mixed_up = tree.rows("anna", OWNERS);
    assert!(!mixed_up.contains(&"for old|new".to_owned()), "{mixed_up:?}");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "for old|old"]);
    tree.assert_rows(&TWO, "SELECT name FROM customers ORDER BY name", &["new", "old", "shared"]);
}

#[test]
fn one_field_set_at_two_sites_to_one_number_that_means_two_records_is_a_conflict() {
    let tree = two(SHOP, "");
    for name in TWO {
        tree.edit(name, &order_of(name));
        tree.edit(name, &format!("UPDATE orders SET customer = (SELECT id FROM customers WHERE name = '{name}') WHERE token = 'first'"));
        // Times are noted in milliseconds: two edits of one millisecond have no later one.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    settled(&tree, &TWO);
    // The later edit wins.
    tree.assert_rows(&TWO, OWNERS, &["first|anna", "of anna|anna", "of head|head"]);
    assert!(!tree.listed("head").is_empty(), "the edit at the head is overwritten unlisted");
}

#[test]
fn a_provisional_number_changed_by_hand_is_still_one_record() {
    let tree = two(SHOP, "");
    tree.edit("anna", &order_of("anna"));
    tree.edit("head", &order_of("head"));
    tree.edit("anna", "UPDATE orders SET customer = NULL WHERE token = 'of anna'; UPDATE customers SET id = 70 WHERE name = 'anna'; UPDATE orders SET customer = 70 WHERE token = 'of anna'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of anna|anna", "of head|head"]);
}

// ---- AUTOINCREMENT: a zone for provisional numbers

const ZONED: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, phone TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT, customer INTEGER REFERENCES customers, city TEXT);
    INSERT INTO customers VALUES (1, 'shared', '0'); INSERT INTO orders VALUES (1, 'first', 1, NULL);";

fn number(tree: &Tree, site: &str, name: &str) -> i64 {
    tree.rows(site, &format!("SELECT id FROM customers WHERE name = '{name}'"))[0].parse().unwrap()
}

#[test]
fn a_database_that_is_detached_goes_on_behind_its_last_final_number() {
    let tree = two(ZONED, "");
    tree.edit("head", "INSERT INTO customers VALUES (7, 'gone', '7'); DELETE FROM customers WHERE id = 7");
    tree.edit("anna", "INSERT INTO customers (name) VALUES ('annas')");
    tree.settle(&TWO);
    assert_eq!(number(&tree, "anna", "annas"), 8, "7 was another one's");
    // Nobody says the final number of this one any more.
    tree.edit("anna", "INSERT INTO orders (token, customer) VALUES ('unsent', 8)");
    let detached = fieldpost::sync::start::detach(tree.session("anna"), fieldpost::model::Millis(1)).unwrap();
    assert_eq!(detached.provisional, ["orders"]);
    tree.edit("anna", "INSERT INTO customers (name) VALUES ('later'); INSERT INTO orders (token, customer) VALUES ('later', 9)");
    assert_eq!(number(&tree, "anna", "later"), 9);
    tree.assert_rows(&["anna"], "SELECT id FROM orders WHERE token = 'later'", &[&(ZONE + 1).to_string()]);
    // Nor does one in which nobody made anything.
    let tree = two(ZONED, "");
    assert!(fieldpost::sync::start::detach(tree.session("anna"), fieldpost::model::Millis(1)).unwrap().provisional.is_empty());
    tree.edit("anna", "INSERT INTO customers (name) VALUES ('first')");
    assert_eq!(number(&tree, "anna", "first"), 2);
}

#[test]
fn where_numbers_are_never_given_again_a_childs_new_ones_come_from_a_zone_until_the_parent_told_the_final_one() {
    let tree = two(ZONED, "");
    tree.edit("anna", &order_of("anna"));
    tree.edit("head", &order_of("head"));
    assert!(number(&tree, "anna", "anna") >= ZONE, "{}", number(&tree, "anna", "anna"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|head", "3|anna"]);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "of anna|anna", "of head|head"]);
    let before = tree.rows("anna", "SELECT seq FROM sqlite_sequence WHERE name = 'customers'");
    tree.edit("anna", &order_of("next"));
    assert!(number(&tree, "anna", "next") > before[0].parse::<i64>().unwrap() && number(&tree, "anna", "next") > ZONE);
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|head", "3|anna", "4|next"]);
}

#[test]
fn a_vacated_number_of_the_zone_is_never_given_again() {
    let tree = two(ZONED, "");
    let mut given = Vec::new();
    for name in ["a", "b", "c"] {
        tree.edit("anna", &order_of(name));
        given.push(number(&tree, "anna", name));
        tree.settle(&TWO);
    }
    assert!(ZONE <= given[0] && given[0] < given[1] && given[1] < given[2], "{given:?}");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|a", "3|b", "4|c"]);
}

#[test]
fn the_numbers_of_an_office_are_provisional_too() {
    let tree = three(ZONED, "");
    for name in THREE {
        tree.edit(name, &order_of(name));
    }
    assert!(number(&tree, "north", "north") >= ZONE && number(&tree, "rosa", "rosa") >= ZONE);
    tree.settle(&["rosa", "north"]);
    tree.assert_rows(&["rosa", "north"], OWNERS, &["first|shared", "of north|north", "of rosa|rosa"]);
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, OWNERS, &["first|shared", "of head|head", "of north|north", "of rosa|rosa"]);
    tree.assert_rows(&THREE, "SELECT id FROM customers ORDER BY id", &["1", "2", "3", "4"]);
}

#[test]
fn no_number_that_was_shown_at_a_site_comes_to_mean_another_record_at_any_level() {
    let tree = three(ZONED, "");
    tree.add("north", "carl", Role::Remote);
    tree.add("north", "south", Role::Office);
    loaded(&tree, &["head", "north", "rosa", "carl", "south"]);
    tree.add("south", "dora", Role::Remote);
    let sites = ["head", "north", "rosa", "carl", "south", "dora"];
    loaded(&tree, &sites);
    let mut shown: std::collections::BTreeMap<(&str, String), String> = std::collections::BTreeMap::new();
    let mut look = |tree: &Tree| {
        for site in sites {
            for row in tree.rows(site, CUSTOMERS) {
                let (number, name) = row.split_once('|').unwrap();
                let before = shown.insert((site, number.to_owned()), name.to_owned());
                assert!(before.as_ref().is_none_or(|before| before == name), "{number} was {before:?} at {site} and is {name}");
            }
        }
    };
    for turn in 0..3 {
        for site in sites {
            tree.edit(site, &order_of(&format!("{site}{turn}")));
            tree.edit(site, &order_of(&format!("{site}{turn} again")));
        }
        look(&tree);
        // From below and from above, and only a part of them.
        for site in [&["dora", "rosa", "north", "carl", "south"][..], &["head", "carl", "north"], &["south", "dora", "rosa"]][turn] {
            tree.sync(site);
            look(&tree);
        }
    }
    for _ in 0..4 {
        for site in sites.iter().rev().chain(&sites) {
            tree.sync(site);
            look(&tree);
        }
    }
    settled(&tree, &sites);
    look(&tree);
}

#[test]
fn a_table_that_the_application_makes_anew_or_begins_to_count_again_goes_on_in_its_zone() {
    const NUMBERS: &str =
        "CREATE TABLE parts (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT); INSERT INTO parts (name) VALUES ('first');";
    let anew = "CREATE TABLE made (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, colour TEXT); INSERT INTO made (id, name) SELECT id, name FROM parts;
        DROP TABLE parts; ALTER TABLE made RENAME TO parts;";
    for (rules, upgrade) in [("[schema]\ntravels = false\n", anew), ("", anew), ("", "DELETE FROM sqlite_sequence;")] {
        let tree = three(NUMBERS, rules);
        let sites = ["head", "north", "rosa"];
        sites.iter().for_each(|site| tree.edit(site, upgrade));
        settled(&tree, &sites);
        let numbers = sites.map(|site| {
            tree.edit(site, &format!("INSERT INTO parts (name) VALUES ('{site}')"));
            tree.text(site, &format!("SELECT id || '' FROM parts WHERE name = '{site}'"))
        });
        assert_eq!(numbers, ["2", "1500000000", "1600000000"], "{upgrade}");
        settled(&tree, &sites);
        tree.assert_rows(&sites, "SELECT count(*), count(DISTINCT name) FROM parts", &["4|4"]);
    }
}

#[test]
fn what_a_program_writes_with_a_number_that_it_still_has_in_memory_goes_to_the_record_that_had_it() {
    let schema = format!(
        "{ZONED} CREATE TABLE lines (\"order\" INTEGER REFERENCES orders, product TEXT, amount INTEGER, PRIMARY KEY (\"order\", product));
         CREATE TABLE visits (id TEXT PRIMARY KEY, \"order\" INTEGER REFERENCES orders);"
    );
    let tree = three(&schema, "");
    let lines = "SELECT token, product, amount FROM lines JOIN orders ON id = \"order\" ORDER BY 1, 2";
    tree.edit("rosa", &order_of("rosa"));
    let shown = tree.text("rosa", "SELECT id || '' FROM orders WHERE token = 'of rosa'");
    tree.edit("rosa", &format!("INSERT INTO lines VALUES ({shown}, 'nail', 1)"));
    settled(&tree, &THREE);
    // The order is open in a window of her application all the while.
    tree.edit(
        "rosa",
        &format!("PRAGMA foreign_keys = off; INSERT INTO lines VALUES ({shown}, 'saw', 2); INSERT INTO visits VALUES ('v', {shown})"),
    );
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, lines, &["of rosa|nail|1", "of rosa|saw|2"]);
    tree.assert_rows(&THREE, "SELECT token FROM visits JOIN orders ON orders.id = \"order\"", &["of rosa"]);
    assert_eq!(tree.listed("head"), [""; 0]);
    // What is there already cannot be there twice: it stays what it is, and waits.
    tree.edit("rosa", &format!("PRAGMA foreign_keys = off; INSERT INTO lines VALUES ({shown}, 'nail', 7)"));
    let report = tree.sync("rosa");
    let said = format!("it refers to orders {shown}, which is 2 now, and cannot refer to that");
    assert!(report.waiting.iter().any(|waiting| waiting.what.starts_with("lines ") && waiting.why.starts_with(&said)), "{report:?}");
    tree.settle(&THREE);
    tree.assert_rows(&["head"], lines, &["of rosa|nail|1", "of rosa|saw|2"]);
    assert_eq!(tree.held("north").len(), 1, "{:?}", tree.held("north"));
}

/// As an ORM saves a form: by the number that it has in memory, and as a new row where there is none.
fn save(tree: &Tree, site: &str, number: &str, verb: &str, values: [&str; 3]) {
    let [name, phone, mail] = values;
    tree.edit(
        site,
        &format!(
            "PRAGMA foreign_keys = off; UPDATE people SET name = '{name}', phone = '{phone}', mail = '{mail}' WHERE id = {number};
             {verb} INTO people SELECT {number}, '{name}', '{phone}', '{mail}' WHERE NOT EXISTS (SELECT 1 FROM people WHERE id = {number});"
        ),
    );
}

const PEOPLE: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, phone TEXT, mail TEXT UNIQUE);
    CREATE TABLE visits (token TEXT PRIMARY KEY, who INTEGER REFERENCES people);
    INSERT INTO people VALUES (1, 'shared', '0', 'shared@x');";
const VISITS: &str = "SELECT token, name FROM visits LEFT JOIN people ON id = who ORDER BY 1";

/// A person of rosa's, whose number her form still has when it is another one everywhere.
fn saved_later(tree: &Tree) -> String {
    tree.edit("rosa", "INSERT INTO people (name, phone, mail) VALUES ('new', '1', 'new@x'); INSERT INTO visits SELECT 'first', id FROM people WHERE name = 'new'");
    let shown = tree.text("rosa", "SELECT id || '' FROM people WHERE name = 'new'");
    settled(tree, &THREE);
    tree.assert_rows(&THREE, "SELECT id, name FROM people ORDER BY id", &["1|shared", "2|new"]);
    shown
}

#[test]
fn a_record_that_is_saved_under_a_number_that_a_program_still_has_in_memory_is_the_record_that_had_it() {
    for (verb, mail) in [("INSERT", "changed@x"), ("INSERT OR REPLACE", "changed@x"), ("INSERT OR REPLACE", "new@x")] {
        let tree = three(PEOPLE, "");
        let shown = saved_later(&tree);
        tree.edit("head", "UPDATE people SET phone = 'of head' WHERE id = 2");
        save(&tree, "rosa", &shown, verb, ["new", "1", mail]);
        tree.edit("rosa", &format!("INSERT INTO visits VALUES ('second', {shown})"));
        tree.sync("rosa");
        tree.assert_rows(&["rosa"], "SELECT id, name, mail FROM people WHERE id > 1", &[&format!("2|new|{mail}")]);
        tree.assert_rows(&["rosa"], VISITS, &["first|new", "second|new"]);
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, "SELECT id, name, phone, mail FROM people WHERE id > 1", &[&format!("2|new|of head|{mail}")]);
        tree.assert_rows(&THREE, VISITS, &["first|new", "second|new"]);
        assert_eq!(tree.listed("head"), [""; 0], "{verb} {mail}");
    }
}

#[test]
fn what_does_not_travel_is_saved_under_such_a_number_too_and_refers_to_the_record_that_had_it() {
    let schema = format!(
        "{PEOPLE} ALTER TABLE people ADD COLUMN memo TEXT; CREATE TABLE drafts (id TEXT PRIMARY KEY, who INTEGER REFERENCES people);
         CREATE TABLE log (who INTEGER REFERENCES people, what TEXT);"
    );
    for verb in ["INSERT", "INSERT OR REPLACE"] {
        let tree = three(&schema, "[tables.people]\nlocal = [\"memo\"]\n[tables.drafts]\nlocal = true\n");
        let shown = saved_later(&tree);
        tree.edit("rosa", "UPDATE people SET memo = 'first' WHERE id = 2");
        let (phone, mail) = if verb == "INSERT" { (1, "changed@x") } else { (2, "new@x") };
        tree.edit(
            "rosa",
            &format!(
                "PRAGMA foreign_keys = off; {verb} INTO people (id, name, phone, mail, memo) VALUES ({shown}, 'new', '{phone}', '{mail}', 'second');
                 INSERT INTO drafts VALUES ('draft', {shown}); INSERT INTO log VALUES ({shown}, 'saved')"
            ),
        );
        settled(&tree, &THREE);
        tree.assert_rows(&["rosa"], "SELECT id, phone, memo FROM people WHERE id > 1", &[&format!("2|{phone}|second")]);
        tree.assert_rows(&["rosa"], "SELECT (SELECT who FROM drafts), (SELECT who FROM log)", &["2|2"]);
    }
}

#[test]
fn killed_before_any_durable_step_what_is_saved_under_such_a_number_is_one_record() {
    for kill in 1.. {
        let tree = three(PEOPLE, "");
        let shown = saved_later(&tree);
        save(&tree, "rosa", &shown, "INSERT OR REPLACE", ["new", "2", "new@x"]);
        let died = tree.sync_dying("rosa", kill);
        tree.sync("rosa");
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, "SELECT id, name, phone, mail FROM people WHERE id > 1", &["2|new|2|new@x"]);
        tree.assert_rows(&THREE, VISITS, &["first|new"]);
        if died.is_none() {
            break;
        }
    }
}

#[test]
fn a_record_under_such_a_number_that_is_hardly_the_same_or_whose_record_ended_is_a_new_one_and_is_told() {
    for (meanwhile, name, at) in [
        ("", "another", "a number that people 2 had, and hardly anything"),
        ("DELETE FROM visits; DELETE FROM people WHERE id = 2", "new", "a number that people 2 had, which was deleted"),
    ] {
        let tree = three(PEOPLE, "");
        let shown = saved_later(&tree);
        tree.edit("head", meanwhile);
        settled(&tree, &THREE);
        save(&tree, "rosa", &shown, "INSERT", [name, "5", "other@x"]);
        let report = tree.sync("rosa");
        let told: Vec<_> = report.waiting.iter().filter(|waiting| waiting.what == format!("people {shown}")).collect();
        assert!(told.len() == 1 && told[0].why.contains(at), "{report:?}");
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, "SELECT name FROM people WHERE mail = 'other@x'", &[name]);
        if meanwhile.is_empty() {
            tree.assert_rows(&THREE, "SELECT id, name, phone FROM people WHERE id = 2", &["2|new|1"]);
            tree.assert_rows(&THREE, VISITS, &["first|new"]);
        }
    }
}

#[test]
fn what_another_site_wrote_with_a_number_is_led_nowhere() {
    let schema = "CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT); CREATE TABLE note (id TEXT PRIMARY KEY, who INTEGER); CREATE TABLE loc (k, n REFERENCES n);
        INSERT INTO n VALUES (1, 'shared');";
    let tree =
        Tree::with_rules(schema, "[references]\n\"note.who\" = \"n\"\n\n[tables.loc]\nlocal = true\n\n[clocks]\nfuture = \"36500d\"\n");
    for site in ["anna", "ben"] {
        tree.add("head", site, Role::Remote);
        loaded(&tree, &["head", site]);
    }
    let sites = ["head", "anna", "ben"];
    loaded(&tree, &sites);
    tree.edit("anna", "INSERT INTO n (name) VALUES ('of anna')");
    // A local table that nobody wrote to keeps no number from changing.
    settled(&tree, &["anna", "head"]);
    tree.edit("ben", "INSERT INTO n (name) VALUES ('of ben'); INSERT INTO note SELECT 'q', id FROM n WHERE name = 'of ben'; DELETE FROM n WHERE name = 'of ben'");
    (0..4).for_each(|_| sites.iter().rev().for_each(|site| drop(tree.sync(site))));
    for site in sites {
        let names = tree.rows(site, "SELECT note.id, n.name FROM note LEFT JOIN n ON n.id = who");
        assert!(!names.contains(&"q|of anna".to_owned()), "{site}: {names:?}");
    }
}

#[test]
fn a_site_that_joins_late_begins_in_the_zone() {
    let tree = two(ZONED, "");
    tree.edit("anna", &order_of("anna"));
    tree.settle(&TWO);
    tree.add("head", "ben", Role::Remote);
    let sites = ["head", "anna", "ben"];
    loaded(&tree, &sites);
    for name in ["head", "ben"] {
        tree.edit(name, &order_of(name));
    }
    assert!(number(&tree, "ben", "ben") >= ZONE);
    settled(&tree, &sites);
    tree.assert_rows(&sites, OWNERS, &["first|shared", "of anna|anna", "of ben|ben", "of head|head"]);
}

// ---- on the way

#[test]
fn packets_that_are_lost_repeated_and_reordered_change_nothing() {
    for seed in 0..4 {
        let tree = three(SHOP, "");
        tree.exchange.behave(Unruly { seed, delay: 300, repeat: 300, reorder: 500, lose: 60, ..Unruly::calm() });
        for turn in 0..4 {
            for site in THREE {
                tree.edit(site, &order_of(&format!("{site}{turn}")));
                tree.sync(site);
            }
        }
        tree.exchange.behave(Unruly::calm());
        // What was lost is put on the exchange again.
        for _ in 0..3 {
            tree.tick(2 * 60 * 60 * 1000);
            THREE.iter().for_each(|site| drop(tree.sync(site)));
        }
        settled(&tree, &THREE);
        let mut expected = vec!["first|shared".to_owned()];
        expected.extend(THREE.iter().flat_map(|site| (0..4).map(move |turn| format!("of {site}{turn}|{site}{turn}"))));
        expected.sort();
        for site in THREE {
            assert_eq!(tree.rows(site, OWNERS), expected, "seed {seed}, {site}");
        }
    }
}

#[test]
fn killed_before_any_durable_step_the_numbers_end_the_same() {
    // At the parent, which gives numbers, and at the child, which takes them.
    for dying in TWO {
        for kill in 1.. {
            let tree = two(SHOP, "");
            tree.edit("anna", &order_of("anna"));
            tree.edit("head", &order_of("head"));
            tree.sync("anna");
            if dying == "anna" {
                tree.sync("head");
            }
            let died = tree.sync_dying(dying, kill);
            settled(&tree, &TWO);
            tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|head", "3|anna"]);
            tree.assert_rows(&TWO, OWNERS, &["first|shared", "of anna|anna", "of head|head"]);
            if died.is_none() {
                break;
            }
        }
    }
}
