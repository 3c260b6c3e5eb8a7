//! A number that is given again means another record, and what meant the old one goes on meaning it.

use fieldpost::sync::round;

use super::{CUSTOMERS, OWNERS, SHOP, THREE, TWO, half, order_of, settled, three, two};

/// As [`SHOP`], but only the rules know what an order's customer is.
const LOOSE: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, phone TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT, customer INTEGER, city TEXT);
    INSERT INTO customers VALUES (1, 'shared', '0'); INSERT INTO orders VALUES (1, 'first', 1, NULL);";
const LOOSE_RULES: &str = "[references]\n\"orders.customer\" = \"customers\"\n";

#[test]
fn a_record_deleted_with_what_it_referred_to_is_gone_though_the_number_is_anothers_already() {
    for site in TWO {
        let tree = two(SHOP, "");
        tree.edit("head", &order_of("old"));
        tree.edit("head", &order_of("other"));
        settled(&tree, &TWO);
        tree.edit(
            site,
            "DELETE FROM orders WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'; INSERT INTO customers VALUES (2, 'new', NULL)",
        );
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, OWNERS, &["first|shared", "of other|other"]);
        tree.assert_rows(&TWO, "SELECT name FROM customers ORDER BY 1", &["new", "other", "shared"]);
        for at in TWO {
            assert!(tree.listed(at).is_empty(), "{:?}", tree.listed(at));
        }
    }
}

#[test]
fn a_reference_led_elsewhere_before_its_number_is_given_again_is_an_ordinary_edit() {
    for site in TWO {
        let tree = two(SHOP, "");
        tree.edit("head", &order_of("old"));
        settled(&tree, &TWO);
        tree.edit(
            site,
            "UPDATE orders SET customer = 1 WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'; INSERT INTO customers VALUES (2, 'new', NULL)",
        );
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, OWNERS, &["first|shared", "of old|shared"]);
        for at in TWO {
            assert!(tree.listed(at).is_empty(), "{:?}", tree.listed(at));
        }
    }
}

#[test]
fn a_junction_deleted_with_what_it_joins_is_gone_though_the_number_is_anothers_already() {
    for site in TWO {
        let tree = two(
            "CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT);
             CREATE TABLE tags (film INTEGER REFERENCES films, tag TEXT, note TEXT, PRIMARY KEY (film, tag));
             INSERT INTO films VALUES (1, 'old'); INSERT INTO tags VALUES (1, 'a', 'x'), (1, 'b', 'y');",
            "",
        );
        tree.edit(
            site,
            "DELETE FROM tags; DELETE FROM films; INSERT INTO films VALUES (1, 'new'); INSERT INTO tags VALUES (1, 'a', 'new x')",
        );
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT f.title, t.tag, t.note FROM films f LEFT JOIN tags t ON t.film = f.id", &["new|a|new x"]);
        for at in TWO {
            assert!(tree.listed(at).is_empty(), "{:?}", tree.listed(at));
        }
    }
}

#[test]
fn a_reference_that_nobody_declared_and_that_dangles_never_comes_to_mean_another_record_at_one_site_only() {
    let tree = two(LOOSE, LOOSE_RULES);
    tree.edit("head", &order_of("old"));
    settled(&tree, &TWO);
    tree.edit("anna", "DELETE FROM customers WHERE name = 'old'");
    settled(&tree, &TWO);
    tree.edit("anna", "INSERT INTO customers (name) VALUES ('anna')");
    tree.edit("head", "INSERT INTO customers (name) VALUES ('head')");
    settled(&tree, &TWO);
    tree.assert_same(&TWO);
}

#[test]
fn a_delete_with_a_number_given_again_passes_through_an_office() {
    let tree = three(SHOP, "");
    tree.edit("head", &order_of("old"));
    settled(&tree, &THREE);
    tree.edit(
        "rosa",
        "DELETE FROM orders WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'; INSERT INTO customers VALUES (2, 'new', NULL)",
    );
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, OWNERS, &["first|shared"]);
}
#[test]
fn a_reference_that_nobody_declared_is_not_written_where_its_number_means_another_record_by_now() {
    let tree = two(LOOSE, LOOSE_RULES);
    tree.edit("head", "INSERT INTO customers (name) VALUES ('old')");
    settled(&tree, &TWO);
    tree.edit("anna", "DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'new', NULL)");
    tree.edit("head", "INSERT INTO orders (token, customer) VALUES ('for old', 2)");
    tree.sync("head");
    tree.sync("anna");
    let mixed_up = tree.rows("anna", OWNERS);
    assert!(!mixed_up.contains(&"for old|new".to_owned()), "{mixed_up:?}");
    settled(&tree, &TWO);
    let mixed_up = tree.rows("anna", OWNERS);
    assert!(!mixed_up.contains(&"for old|new".to_owned()), "{mixed_up:?}");
    tree.assert_same(&TWO);
}

#[test]
fn a_record_that_something_undeclared_needs_comes_back_where_its_number_is_anothers() {
    let tree = two(LOOSE, LOOSE_RULES);
    tree.edit("head", "INSERT INTO customers (name) VALUES ('old')");
    settled(&tree, &TWO);
    tree.edit("head", "DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'new', NULL)");
    tree.edit("anna", "INSERT INTO orders (token, customer) VALUES ('for old', 2)");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "for old|old"]);
}

#[test]
fn records_of_a_circle_that_come_back_are_each_others_though_their_numbers_were_given_again() {
    let tree = two(
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT, leader INTEGER REFERENCES people DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, team INTEGER REFERENCES teams DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE notes (id TEXT PRIMARY KEY, team INTEGER REFERENCES teams);
         BEGIN; INSERT INTO teams VALUES (1, 'team', 1); INSERT INTO people VALUES (1, 'leader', 1); COMMIT;",
        "",
    );
    tree.edit(
        "head",
        "BEGIN; DELETE FROM teams; DELETE FROM people; INSERT INTO teams VALUES (1, 'new team', NULL); INSERT INTO people VALUES (1, 'new one', NULL); COMMIT;",
    );
    tree.edit("anna", "INSERT INTO notes VALUES ('n', 1)");
    settled(&tree, &TWO);
    tree.assert_rows(
        &TWO,
        "SELECT n.id, t.name, l.name, u.name FROM notes n LEFT JOIN teams t ON t.id = n.team LEFT JOIN people l ON l.id = t.leader LEFT JOIN teams u ON u.id = l.team",
        &["n|team|leader|team"],
    );
}

#[test]
fn what_refers_to_a_record_that_comes_later_follows_it() {
    let tree = two(LOOSE, LOOSE_RULES);
    tree.edit("head", "INSERT INTO customers (name) VALUES ('head')");
    tree.edit("anna", "INSERT INTO orders (token, customer) VALUES ('early', 2)");
    half(&tree, "anna", round::Halves::Send);
    tree.edit("anna", "INSERT INTO customers VALUES (2, 'anna', NULL)");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["early|anna", "first|shared"]);
    tree.assert_rows(&TWO, CUSTOMERS, &["1|shared", "2|head", "3|anna"]);
}

#[test]
fn a_rule_that_names_references_later_takes_along_what_was_sent_before() {
    let tree = two(LOOSE, "");
    tree.edit(
        "anna",
        "INSERT INTO orders (token, customer) VALUES ('sent before', 1); UPDATE orders SET customer = NULL WHERE token = 'first'",
    );
    half(&tree, "anna", round::Halves::Send);
    std::fs::write(tree.home("head").join("rules.toml"), LOOSE_RULES).unwrap();
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|-", "sent before|shared"]);
    for at in TWO {
        assert!(tree.listed(at).is_empty() && tree.held(at).is_empty(), "{:?} {:?}", tree.listed(at), tree.held(at));
    }
}

#[test]
fn killed_before_any_durable_step_a_number_given_again_means_the_new_record_alone() {
    for dying in TWO {
        for kill in 1.. {
            let tree = two(SHOP, "");
            tree.edit("head", &order_of("old"));
            settled(&tree, &TWO);
            tree.edit(
                "anna",
                "DELETE FROM orders WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'; INSERT INTO customers VALUES (2, 'new', NULL)",
            );
            if dying == "head" {
                tree.sync("anna");
            }
            let died = tree.sync_dying(dying, kill);
            TWO.iter().for_each(|site| drop(tree.sync(site)));
            settled(&tree, &TWO);
            tree.assert_rows(&TWO, OWNERS, &["first|shared"]);
            assert!(tree.listed("head").is_empty());
            if died.is_none() {
                break;
            }
        }
    }
}

#[test]
fn a_record_that_comes_back_at_an_office_gets_the_number_that_the_host_has_for_it() {
    let tree = three(SHOP, "");
    tree.edit("head", "INSERT INTO customers VALUES (2, 'old', '1')");
    settled(&tree, &THREE);
    // The office deletes it and gives its number to another one, while a remote edits it: it comes back.
    tree.edit("north", "DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'new', NULL)");
    tree.edit("rosa", "UPDATE customers SET phone = '2' WHERE id = 2");
    tree.sync("rosa");
    tree.sync("north");
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, "SELECT name, ifnull(phone, '-') FROM customers ORDER BY 1", &["new|-", "old|2", "shared|0"]);
    tree.assert_rows(&THREE, "SELECT id FROM customers WHERE name = 'old'", &["2"]);
    let number = tree.text("head", "SELECT id || '' FROM customers WHERE name = 'new'");
    tree.assert_rows(&THREE, "SELECT id FROM customers WHERE name = 'new'", &[&number]);
}

/// Anna enforces no foreign keys: her order is for a customer whom she deletes before she sends anything, and whose number the head gives again.
fn for_a_deleted_one(sql: &str, rules: &str, first: &str) -> super::Tree {
    let tree = two(sql, rules);
    tree.edit("head", "INSERT INTO customers (name) VALUES ('old')");
    settled(&tree, &TWO);
    tree.edit("head", "DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'new', NULL)");
    tree.edit(
        "anna",
        "PRAGMA foreign_keys = OFF; INSERT INTO orders (token, customer) VALUES ('for old', 2); DELETE FROM customers WHERE id = 2",
    );
    tree.sync(first);
    settled(&tree, &TWO);
    tree
}

#[test]
fn what_dangles_on_a_number_follows_the_record_that_comes_back_under_another_one() {
    for first in TWO {
        let tree = for_a_deleted_one(SHOP, "", first);
        tree.assert_rows(&TWO, OWNERS, &["first|shared", "for old|old"]);
        tree.assert_same(&TWO);
    }
}

#[test]
fn what_dangles_on_a_number_never_means_whom_the_parent_gives_it_to() {
    for first in TWO {
        let tree = for_a_deleted_one(LOOSE, LOOSE_RULES, first);
        for site in TWO {
            let owners = tree.rows(site, OWNERS);
            assert!(!owners.contains(&"for old|new".to_owned()), "{first} first, at {site}: {owners:?}");
        }
        tree.assert_same(&TWO);
    }
}

#[test]
fn what_dangles_on_a_number_goes_out_of_the_way_where_it_is_in_the_key() {
    let tree = two(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE orders (token TEXT, customer INTEGER REFERENCES customers, PRIMARY KEY (token, customer)) WITHOUT ROWID;
         INSERT INTO customers VALUES (1, 'shared'), (2, 'old'); INSERT INTO orders VALUES ('first', 1);",
        "",
    );
    tree.edit("head", "DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'new')");
    tree.edit("anna", "PRAGMA foreign_keys = OFF; INSERT INTO orders VALUES ('for old', 2); DELETE FROM customers WHERE id = 2");
    tree.sync("head");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, OWNERS, &["first|shared", "for old|old"]);
    tree.assert_same(&TWO);
}

#[test]
fn a_row_of_the_parent_that_dangles_on_a_number_comes_also_where_that_is_anothers_by_now() {
    let tree = two(LOOSE, LOOSE_RULES);
    tree.edit("head", "INSERT INTO customers (name) VALUES ('new')");
    tree.edit("anna", &order_of("old"));
    half(&tree, "anna", round::Halves::Send);
    tree.sync("head");
    // Both had the number 2; before anna hears of another one for hers she deletes it with its order, which the head edited meanwhile.
    tree.edit("anna", "DELETE FROM orders WHERE token = 'of old'; DELETE FROM customers WHERE name = 'old'");
    tree.edit("head", "UPDATE orders SET city = 'Bern' WHERE token = 'of old'");
    settled(&tree, &TWO);
    TWO.iter().for_each(|at| assert!(tree.held(at).is_empty(), "at {at}: {:?}", tree.held(at)));
    for site in TWO {
        let owners = tree.rows(site, OWNERS);
        assert!(owners.len() == 2 && !owners.contains(&"of old|new".to_owned()), "at {site}: {owners:?}");
    }
    tree.assert_same(&TWO);
}

#[test]
fn who_joins_gets_a_row_that_dangles_on_a_deleted_record_once_it_waited_long_enough() {
    let tree = super::Tree::with_rules(LOOSE, LOOSE_RULES);
    tree.edit("head", &order_of("old"));
    tree.sync("head");
    tree.edit("head", "DELETE FROM customers WHERE name = 'old'");
    tree.sync("head");
    tree.add("head", "anna", super::Role::Remote);
    (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
    assert_eq!(tree.held("anna").len(), 1, "{:?}", tree.held("anna"));
    tree.tick(5 * 3_600_000);
    settled(&tree, &TWO);
    assert!(tree.held("anna").is_empty(), "{:?}", tree.held("anna"));
    tree.assert_same(&TWO);
    // It comes back under the number that it had.
    tree.edit("head", "INSERT INTO customers VALUES (2, 'next', NULL); UPDATE orders SET city = 'Bern' WHERE token = 'of old'");
    tree.edit("anna", "UPDATE orders SET city = 'Basel' WHERE token = 'of old'");
    settled(&tree, &TWO);
    tree.assert_same(&TWO);
    assert_eq!(tree.rows("anna", OWNERS), ["first|shared", "of old|next"]);
}

/// Customers with enough in them to tell one from another, and who refers to the second.
fn with_customers(counted: &str) -> super::Tree {
    three(
        &format!(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY {counted}, name TEXT, phone TEXT, mail TEXT);
             CREATE TABLE visits (id TEXT PRIMARY KEY, customer INTEGER REFERENCES customers);
             INSERT INTO customers VALUES (1, 'Acme', '1', 'a'), (2, 'Bolt', '2', 'b'), (3, 'Cord', '3', 'c'); INSERT INTO visits VALUES ('at Bolt', 2);"
        ),
        "",
    )
}

#[test]
fn a_record_that_is_saved_by_writing_it_anew_with_something_edited_is_the_same_one() {
    let save = |phone: &str, mail: &str| {
        format!(
            "BEGIN; PRAGMA defer_foreign_keys = on; DELETE FROM customers WHERE id = 2; INSERT INTO customers VALUES (2, 'Bolt', '{phone}', '{mail}'); COMMIT"
        )
    };
    for counted in ["", "AUTOINCREMENT"] {
        for other in ["UPDATE customers SET mail = 'head''s' WHERE id = 2".to_owned(), save("2", "head''s")] {
            let tree = with_customers(counted);
            tree.edit("rosa", &save("rosa''s", "b"));
            tree.edit("head", &format!("{other}; INSERT INTO visits VALUES ('again', 2)"));
            settled(&tree, &THREE);
            tree.assert_rows(&THREE, "SELECT * FROM customers ORDER BY id", &["1|Acme|1|a", "2|Bolt|rosa's|head's", "3|Cord|3|c"]);
            tree.assert_rows(&THREE, "SELECT * FROM visits ORDER BY id", &["again|2", "at Bolt|2"]);
            THREE.iter().for_each(|site| assert_eq!(tree.listed(site), [""; 0], "{site}"));
        }
    }
    // The newest one too, where no number is given twice.
    let tree = with_customers("AUTOINCREMENT");
    tree.edit("rosa", "DELETE FROM customers WHERE id = 3; INSERT INTO customers VALUES (3, 'Cord', 'rosa''s', 'c')");
    tree.edit("head", "UPDATE customers SET mail = 'head''s' WHERE id = 3");
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, "SELECT * FROM customers WHERE id > 2", &["3|Cord|rosa's|head's"]);
}

#[test]
fn a_number_that_was_handed_out_again_is_another_record_however_alike_the_two_are() {
    let alike = "INSERT INTO customers (name, phone, mail) VALUES ('New', '3', 'c')";
    let reset = format!("DELETE FROM visits; DELETE FROM customers; DELETE FROM sqlite_sequence; {alike}; {alike}; {alike}");
    let free = "INSERT INTO customers VALUES (2, 'Dust', '4', 'b')";
    for (counted, sql, number, name) in [
        ("", format!("DELETE FROM customers WHERE id = 3; {alike}"), 3, "New"),
        ("", format!("DELETE FROM visits; DELETE FROM customers WHERE id IN (2, 3); {alike}; {alike}"), 3, "New"),
        ("AUTOINCREMENT", reset, 3, "New"),
        // Whoever looks for a free number.
        ("", format!("DELETE FROM visits; DELETE FROM customers WHERE id = 2; {free}"), 2, "Dust"),
    ] {
        let tree = with_customers(counted);
        let shown = format!("SELECT id || name FROM customers WHERE name = '{name}' ORDER BY id");
        tree.edit("rosa", &sql);
        tree.edit("head", &format!("UPDATE customers SET phone = 'head''s' WHERE id = {number}"));
        settled(&tree, &THREE);
        // The edit is of the old one, which stays for it.
        let old = if number == 2 { "Bolt" } else { "Cord" };
        tree.assert_rows(&THREE, &format!("SELECT name FROM customers WHERE phone = 'head''s' /* {sql} */"), &[old]);
        assert!(!tree.rows("head", &shown).is_empty(), "{sql}");
    }
}

/// Articles with a code, of which most says little, and lines under their numbers.
const ARTICLES: &str = "
    CREATE TABLE articles (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE, name TEXT, status TEXT DEFAULT 'open', country TEXT DEFAULT 'CH');
    CREATE TABLE visits (id TEXT PRIMARY KEY, article INTEGER REFERENCES articles);
    INSERT INTO articles VALUES (1, 'A', 'first', 'open', 'CH');";

/// An article of rosa's, whose number her program still has when it is another one everywhere.
fn article_of_rosa(tree: &super::Tree) -> String {
    tree.edit("rosa", "INSERT INTO articles (code, name) VALUES ('N', 'new')");
    let shown = tree.text("rosa", "SELECT id || '' FROM articles WHERE code = 'N'");
    tree.edit("head", "INSERT INTO articles (code, name) VALUES ('Q', 'next')");
    settled(tree, &THREE);
    tree.edit("head", "INSERT INTO visits SELECT 'at N', id FROM articles WHERE code = 'N'");
    shown
}

#[test]
fn a_record_that_is_replaced_under_a_number_that_a_program_still_has_is_the_one_whose_unique_value_it_has() {
    for (name, status) in [("edited", "open"), ("edited", "sold"), ("new", "sold")] {
        let tree = three(ARTICLES, "");
        let shown = article_of_rosa(&tree);
        let number = tree.text("head", "SELECT id || '' FROM articles WHERE code = 'N'");
        tree.edit("rosa", &format!("REPLACE INTO articles VALUES ({shown}, 'N', '{name}', '{status}', 'CH')"));
        let report = tree.sync("rosa");
        assert!(report.waiting.is_empty(), "{report:?}");
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, "SELECT id, name, status FROM articles WHERE code = 'N'", &[&format!("{number}|{name}|{status}")]);
        tree.assert_rows(&THREE, "SELECT article || '' FROM visits", &[&number]);
        THREE.iter().for_each(|site| assert_eq!(tree.listed(site), [""; 0], "{site}"));
    }
}

#[test]
fn a_record_that_is_deleted_and_written_anew_under_such_a_number_is_asked_about_as_under_its_own() {
    // Under either number what tells it apart is the same in half of it only.
    let tree = three(ARTICLES, "");
    let shown = article_of_rosa(&tree);
    tree.edit(
        "rosa",
        &format!("DELETE FROM articles WHERE code = 'N'; INSERT INTO articles VALUES ({shown}, 'N2', 'new', 'open', 'CH'); INSERT INTO visits VALUES ('anew', {shown})"),
    );
    let report = tree.sync("rosa");
    let told: Vec<_> = report.waiting.iter().filter(|waiting| waiting.what == format!("articles {shown}")).collect();
    assert!(
        told.len() == 1 && told[0].why.contains("which was deleted") && told[0].why.contains("not most of what is in both"),
        "{report:?}"
    );
    settled(&tree, &THREE);
    const WHOSE: &str = "SELECT visits.id, code FROM visits LEFT JOIN articles ON articles.id = article ORDER BY 1";
    tree.assert_rows(&THREE, WHOSE, &["anew|N2", "at N|N"]);
    tree.assert_same(&THREE);
}

/// Articles with a code by which others refer, some of which stays at its site.
const CODED: &str = "
    CREATE TABLE articles (id INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT, code TEXT, tag TEXT, name TEXT, UNIQUE (shop, code));
    CREATE TABLE visits (id TEXT PRIMARY KEY, shop TEXT, code TEXT, FOREIGN KEY (shop, code) REFERENCES articles (shop, code) ON UPDATE CASCADE);
    CREATE TABLE lines (shop TEXT, code TEXT, n INTEGER, memo TEXT, PRIMARY KEY (shop, code, n),
        FOREIGN KEY (shop, code) REFERENCES articles (shop, code) ON UPDATE CASCADE);
    CREATE TABLE drafts (id INTEGER PRIMARY KEY, shop TEXT, code TEXT UNIQUE, FOREIGN KEY (shop, code) REFERENCES articles (shop, code) ON UPDATE CASCADE);
    CREATE TABLE log (draft TEXT REFERENCES drafts (code) ON UPDATE CASCADE, shop TEXT, code TEXT, n INTEGER,
        FOREIGN KEY (shop, code, n) REFERENCES lines ON UPDATE CASCADE);
    INSERT INTO articles VALUES (1, 's', 'A', 'first', 'a'), (2, 't', 'N', 'other', 'b');";

#[test]
fn what_refers_by_a_value_that_is_edited_under_such_a_number_is_led_along_also_where_it_stays() {
    for (shop, code) in [("s", "N2"), ("u", "N2"), ("u", "N")] {
        let tree = three(CODED, "[tables.lines]\nlocal = [\"memo\"]\n[tables.drafts]\nlocal = true\n");
        tree.edit(
            "rosa",
            "INSERT INTO articles (shop, code, tag, name) VALUES ('s', 'N', 'new', 'c');
             INSERT INTO visits VALUES ('new', 's', 'N'), ('other', 't', 'N'); INSERT INTO lines VALUES ('s', 'N', 1, 'typed'), ('t', 'N', 1, 'of the other');
             INSERT INTO drafts VALUES (1, 's', 'N'); INSERT INTO log VALUES ('N', 's', 'N', 1), (NULL, 't', 'N', 1)",
        );
        let shown = tree.text("rosa", "SELECT id || '' FROM articles WHERE tag = 'new'");
        settled(&tree, &THREE);
        tree.edit(
            "rosa",
            &format!(
                "UPDATE articles SET shop = '{shop}', code = '{code}' WHERE id = {shown};
                 INSERT INTO articles SELECT {shown}, '{shop}', '{code}', 'new', 'c' WHERE NOT EXISTS (SELECT 1 FROM articles WHERE id = {shown})"
            ),
        );
        tree.sync("rosa");
        let led = format!("{shop}|{code}");
        for settles in [false, true] {
            let sites = if settles { &THREE[..] } else { &["rosa"] };
            if settles {
                tree.edit("rosa", "INSERT INTO articles (shop, code, tag) VALUES ('s', 'N', 'later')");
                settled(&tree, &THREE);
            }
            tree.assert_rows(sites, "SELECT id, shop, code FROM articles WHERE tag = 'new'", &[&format!("3|{led}")]);
            tree.assert_rows(sites, "SELECT id, shop, code FROM visits ORDER BY 1", &[&format!("new|{led}"), "other|t|N"]);
            tree.assert_rows(&["rosa"], "SELECT shop, code, memo FROM lines ORDER BY memo", &["t|N|of the other", &format!("{led}|typed")]);
            tree.assert_rows(&["rosa"], "SELECT shop, code FROM drafts", &[&led]);
            let log = ["-|t|N|1".to_owned(), format!("{code}|{led}|1")];
            tree.assert_rows(&["rosa"], "SELECT draft, shop, code, n FROM log ORDER BY draft", &log.each_ref().map(String::as_str));
            tree.assert_rows(sites, "SELECT \"table\" FROM pragma_foreign_key_check", &[]);
        }
        tree.assert_same(&THREE);
    }
}

/// SQLite gives the number of a record that an application moved by an update to the next one, where that one has another by then.
#[test]
fn a_number_that_an_application_gave_a_record_is_not_the_next_ones_after_the_parent_gave_that_another() {
    let tree = three(
        "CREATE TABLE parts (id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT, text TEXT, touched REAL, made INTEGER NOT NULL DEFAULT 0);
         INSERT INTO parts (id, token) VALUES (1, 'a'), (2, 'b')",
        "",
    );
    tree.edit(
        "rosa",
        "INSERT INTO parts (token, text) VALUES ('made', 'text'); UPDATE parts SET id = id + 1, token = 'moved' WHERE token = 'made'",
    );
    ["rosa", "north", "rosa"].iter().for_each(|site| drop(tree.sync(site)));
    tree.edit("rosa", "INSERT INTO parts (token) VALUES ('next')");
    ["head", "north", "rosa"].iter().for_each(|site| drop(tree.sync(site)));
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, "SELECT token, text FROM parts WHERE id > 2 ORDER BY token", &["moved|text", "next|-"]);
}
