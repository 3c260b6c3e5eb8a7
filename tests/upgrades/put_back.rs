//! A database that was put back from a backup: what it held is told from what was done in it since, and whose row is whose.

use std::path::PathBuf;

use fieldpost::site::Role;
use fieldpost::sync::recover::Mode;

use super::files::{backup, recovered, replace_database};
use super::support::{Tree, conflicts};

const ORDERS: &str = "SELECT m.v || ' of ' || ifnull(n.v, 'nobody') FROM m LEFT JOIN n ON n.id = m.n ORDER BY 1";
const CUSTOMERS: &str = "SELECT v || ' ' || ifnull(phone, '-') FROM n ORDER BY 1";

/// Customers with handed-out numbers and orders that refer to them, at the main office and at anna.
fn shop(order_key: &str) -> Tree {
    let tree = Tree::new(&format!(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, phone TEXT); CREATE TABLE m (k {order_key} PRIMARY KEY, n INTEGER REFERENCES n, v TEXT);
         CREATE TABLE tags (n INTEGER REFERENCES n, tag TEXT, note TEXT, PRIMARY KEY (n, tag));
         INSERT INTO n VALUES (1, 'one', '1'), (2, 'two', '2'); INSERT INTO m VALUES (1, 1, 'm1'); INSERT INTO tags VALUES (1, 't', 'one')"
    ));
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree
}

/// Anna's customer 3 becomes 4, because the main office made another 3; gives a backup of when hers was 3. `sealed`: the state knew it by then.
fn clashed(tree: &Tree, sealed: bool) -> PathBuf {
    tree.edit(
        "anna",
        "INSERT INTO n VALUES (3, 'annas', 'A'); INSERT INTO m VALUES (50, 3, 'hers'); INSERT INTO tags VALUES (3, 't', 'hers')",
    );
    let early = if sealed { backup(tree, "anna") } else { of_before(tree, "anna") };
    tree.edit(
        "head",
        "INSERT INTO n VALUES (3, 'heads', 'H'); INSERT INTO m VALUES (60, 3, 'his'); INSERT INTO tags VALUES (3, 't', 'his')",
    );
    tree.sync("anna");
    let late = backup(tree, "anna");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id FROM n WHERE v = 'annas'", &["4"]);
    if sealed { late } else { early }
}

/// Customer 3 'three' ends, and its number goes to a stranger; gives a backup of when it was there.
fn reused(tree: &Tree) -> PathBuf {
    tree.edit("head", "INSERT INTO n VALUES (3, 'three', '3')");
    tree.settle(&["head", "anna"]);
    let old = backup(tree, "anna");
    tree.edit("head", "DELETE FROM n WHERE id = 3");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "INSERT INTO n VALUES (3, 'stranger', '555')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT v FROM n WHERE id = 3", &["stranger"]);
    old
}

/// A backup whose log says of everything that it is of before what the state knows: the state's clock is years behind that of the triggers. The
/// note that was sealed last stays as it is where the site goes on; what it seals next is as in the backup.
pub(super) fn of_before(tree: &Tree, site: &str) -> PathBuf {
    shift_back(&tree.application(site), "n > (SELECT min(n) FROM main)");
    let old = backup(tree, site);
    shift_back(&rusqlite::Connection::open(&old).unwrap(), "true");
    old
}

/// Dates notes years back.
fn shift_back(database: &rusqlite::Connection, which: &str) {
    let logs = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_fieldpost\\_log\\_%' ESCAPE '\\'";
    let logs: Vec<String> = database.prepare(logs).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for log in logs {
        let sql = format!("UPDATE {log} SET note = (1600000000000 << 3) | (note & 7) WHERE note >> 3 <> 0 AND {which}");
        database.execute_batch(&sql.replace("main", &log)).unwrap();
    }
}

fn assert_all(tree: &Tree, customers: &[&str], orders: &[&str]) {
    assert_told(tree, customers, orders, &[]);
}

/// As [`assert_all`], with what head tells of.
fn assert_told(tree: &Tree, customers: &[&str], orders: &[&str], told: &[&str]) {
    tree.settle(&["anna", "head"]);
    tree.assert_sound(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], CUSTOMERS, customers);
    tree.assert_rows(&["anna", "head"], ORDERS, orders);
    assert_eq!(conflicts(tree, "head"), told);
}

#[test]
fn what_refers_to_a_record_made_since_goes_along_where_only_that_gets_another_number() {
    for key in ["TEXT", "INTEGER"] {
        let tree = shop(key);
        let old = backup(&tree, "anna");
        tree.edit("head", "INSERT INTO n VALUES (3, 'heads', 'H')");
        tree.settle(&["head", "anna"]);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "INSERT INTO n VALUES (3, 'third', 'T'); INSERT INTO m VALUES (50, 3, 'order')");
        recovered(&tree, "anna", Mode::Do).unwrap();
        assert_all(&tree, &["heads H", "one 1", "third T", "two 2"], &["m1 of one", "order of third"]);
    }
}

#[test]
fn a_value_that_a_record_once_held_is_an_edit_too_where_it_was_typed_since() {
    for site in ["anna", "head"] {
        let tree = Tree::new(
            "CREATE TABLE t (k TEXT PRIMARY KEY, status TEXT, done INTEGER, note TEXT); INSERT INTO t VALUES ('x', 'new', 0, 'n'), ('y', 'new', 0, 'n')",
        );
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit(site, "UPDATE t SET status = 'open' WHERE k = 'x'");
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        for step in ["UPDATE t SET status = 'closed', done = 1", "UPDATE t SET done = 0, note = 'later'"] {
            tree.edit(site, step);
            tree.settle(&["anna", "head"]);
        }
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE t SET status = 'new', done = 1 WHERE k = 'x'");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(done.tables[0].kept.len(), 1, "{done:?}");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT * FROM t ORDER BY k", &["x|new|1|later", "y|closed|0|later"]);
    }
}

#[test]
fn what_was_sealed_since_a_backup_was_made_is_no_edit() {
    let tree = Tree::new(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT, w TEXT); INSERT INTO t VALUES ('x', 'a', 'a'), ('y', 'a', 'a'), ('z', 'a', 'a')",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    // The backup holds what no round has seen yet.
    tree.edit("anna", "UPDATE t SET v = 'b'; DELETE FROM t WHERE k = 'z'; INSERT INTO t VALUES ('new', 'b', 'b')");
    let old = of_before(&tree, "anna");
    tree.settle(&["anna", "head"]);
    tree.edit("head", "UPDATE t SET v = 'c'; INSERT INTO t VALUES ('z', 'again', 'c')");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE t SET w = 'typed' WHERE k = 'y'");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(done.tables[0].kept.len(), 1, "{done:?}");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM t ORDER BY k", &["new|c|b", "x|c|a", "y|c|typed", "z|again|c"]);
}

#[test]
fn a_row_of_a_backup_is_that_of_the_record_which_had_its_number_then() {
    for sealed in [true, false] {
        let tree = shop("INTEGER");
        let old = clashed(&tree, sealed);
        let before = ["m", "n", "tags"].map(|table| tree.rows("head", &format!("SELECT * FROM {table}")));
        replace_database(&tree, "anna", Some(&old));
        let done = recovered(&tree, "anna", Mode::Do).unwrap();
        assert!(done.tables.iter().all(|table| table.kept.is_empty() && table.renumbered.is_empty()), "nothing was typed: {done:?}");
        assert_all(&tree, &["annas A", "heads H", "one 1", "two 2"], &["hers of annas", "his of heads", "m1 of one"]);
        assert_eq!(["m", "n", "tags"].map(|table| tree.rows("head", &format!("SELECT * FROM {table}"))), before);

        let tree = shop("INTEGER");
        let old = reused(&tree);
        replace_database(&tree, "anna", Some(&old));
        recovered(&tree, "anna", Mode::Do).unwrap();
        assert_all(&tree, &["one 1", "stranger 555", "two 2"], &["m1 of one"]);
    }
}

#[test]
fn an_edit_of_a_record_whose_number_went_to_another_one_is_an_edit_of_that_record() {
    for sealed in [true, false] {
        let tree = shop("TEXT");
        let old = clashed(&tree, sealed);
        replace_database(&tree, "anna", Some(&old));
        tree.edit(
            "anna",
            "UPDATE n SET phone = 'edited' WHERE id = 3; UPDATE m SET v = 'edited' WHERE k = '50'; INSERT INTO m VALUES ('new', 3, 'new')",
        );
        tree.edit("anna", "UPDATE tags SET note = 'edited' WHERE n = 3; INSERT INTO tags VALUES (3, 'new', 'new')");
        recovered(&tree, "anna", Mode::Do).unwrap();
        let orders = ["edited of annas", "his of heads", "m1 of one", "new of annas"];
        assert_all(&tree, &["annas edited", "heads H", "one 1", "two 2"], &orders);
        let tags = "SELECT v, tag, note FROM tags JOIN n ON n.id = tags.n ORDER BY 1, 2";
        tree.assert_rows(&["anna", "head"], tags, &["annas|new|new", "annas|t|edited", "heads|t|his", "one|t|one"]);

        let tree = shop("TEXT");
        let old = clashed(&tree, sealed);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "DELETE FROM tags WHERE n = 3; DELETE FROM m WHERE n = 3; DELETE FROM n WHERE id = 3");
        recovered(&tree, "anna", Mode::Do).unwrap();
        assert_all(&tree, &["heads H", "one 1", "two 2"], &["his of heads", "m1 of one"]);
        tree.assert_rows(&["anna", "head"], "SELECT note FROM tags ORDER BY 1", &["his", "one"]);
    }
}

/// What is typed refers to the typed customer 3, what others made since the backup to theirs, whether or not the two look alike.
#[test]
fn what_is_known_by_a_number_that_another_record_has_by_now_is_not_that_ones() {
    let tags = "SELECT v, tag, note FROM tags JOIN n ON n.id = tags.n ORDER BY 1, 2";
    for site in ["anna", "head"] {
        let other = if site == "head" { "anna" } else { "head" };
        for note in ["typed", "others"] {
            let tree = shop("TEXT");
            let old = backup(&tree, site);
            tree.edit(
                other,
                "INSERT INTO n VALUES (3, 'others', 'O'); INSERT INTO tags VALUES (3, 't', 'others'); UPDATE m SET n = 3 WHERE k = '1'",
            );
            tree.settle(&["anna", "head"]);
            tree.assert_rows(&["anna", "head"], "SELECT v FROM n WHERE id = 3", &["others"]);
            replace_database(&tree, site, Some(&old));
            tree.edit(
                site,
                &format!(
                    "INSERT INTO n VALUES (3, 'typed', 'T'); INSERT INTO tags VALUES (3, 't', '{note}'); UPDATE m SET n = 3 WHERE k = '1'"
                ),
            );
            let done = recovered(&tree, site, Mode::Do).unwrap();
            let listed: Vec<String> =
                done.tables.iter().flat_map(|table| &table.listed).map(|(key, what)| format!("{key} {what}")).collect();
            assert_eq!(listed, ["1 has what was typed in `n` in place of what came after the backup"]);
            assert_all(&tree, &["one 1", "others O", "two 2", "typed T"], &["m1 of typed"]);
            tree.assert_rows(&["anna", "head"], tags, &["one|t|one", "others|t|others", &format!("typed|t|{note}")]);
        }
    }
    for sealed in [true, false] {
        let tree = shop("TEXT");
        let old = clashed(&tree, sealed);
        tree.edit("head", "INSERT INTO tags VALUES (3, 'new', 'new')");
        tree.settle(&["head", "anna"]);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "INSERT INTO tags VALUES (3, 'new', 'new')");
        recovered(&tree, "anna", Mode::Do).unwrap();
        tree.settle(&["anna", "head"]);
        let all = ["annas|new|new", "annas|t|hers", "heads|new|new", "heads|t|his", "one|t|one"];
        tree.assert_rows(&["anna", "head"], tags, &all);
    }
}

#[test]
fn what_is_typed_and_deleted_again_deletes_nothing_that_others_made_since() {
    for site in ["anna", "head"] {
        let tree = shop("TEXT");
        let old = backup(&tree, site);
        let made =
            "INSERT INTO n VALUES (3, 'others', 'O'); INSERT INTO tags VALUES (3, 't', 'others'); INSERT INTO m VALUES ('2', 3, 'm2')";
        tree.edit(if site == "head" { "anna" } else { "head" }, made);
        tree.settle(&["anna", "head"]);
        replace_database(&tree, site, Some(&old));
        tree.edit(
            site,
            "INSERT INTO n VALUES (3, 'typed', 'T'); INSERT INTO tags VALUES (3, 't', 'typed'); INSERT INTO m VALUES ('2', 3, 'typed')",
        );
        tree.edit(site, "DELETE FROM m WHERE k = '2'; DELETE FROM tags WHERE n = 3; DELETE FROM n WHERE id = 3");
        recovered(&tree, site, Mode::Do).unwrap();
        assert_all(&tree, &["one 1", "others O", "two 2"], &["m1 of one", "m2 of others"]);
        tree.assert_rows(&["anna", "head"], "SELECT note FROM tags ORDER BY 1", &["one", "others"]);
    }
}

#[test]
fn what_stays_at_home_is_not_on_what_looks_like_its_record_and_is_another_ones() {
    for site in ["anna", "head"] {
        let tree = Tree::with_rules(
            "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE tags (n INTEGER REFERENCES n, tag TEXT, own TEXT, PRIMARY KEY (n, tag));
             INSERT INTO n VALUES (1, 'one')",
            "[tables.tags]\nlocal = ['own']\n",
        );
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(
            if site == "head" { "anna" } else { "head" },
            "INSERT INTO n VALUES (2, 'others'); INSERT INTO tags VALUES (2, 't', 'others')",
        );
        tree.settle(&["anna", "head"]);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "INSERT INTO n VALUES (2, 'typed'); INSERT INTO tags VALUES (2, 't', 'typed')");
        recovered(&tree, site, Mode::Do).unwrap();
        tree.settle(&["anna", "head"]);
        tree.assert_rows(
            &[site],
            "SELECT v, ifnull(own, 'empty') FROM n JOIN tags ON tags.n = n.id ORDER BY 1",
            &["others|empty", "typed|typed"],
        );
    }
}

#[test]
fn a_record_that_ended_comes_back_under_the_next_number_where_it_or_an_order_of_it_was_edited_and_another_one_has_its_number() {
    for (edit, phone, order) in [
        ("UPDATE n SET phone = 'edited' WHERE id = 3", "edited", None),
        ("INSERT INTO m VALUES ('new', 3, 'new')", "3", Some("new of three")),
        ("UPDATE n SET phone = 'edited' WHERE id = 3; INSERT INTO m VALUES ('new', 3, 'new')", "edited", Some("new of three")),
    ] {
        let tree = shop("TEXT");
        let old = reused(&tree);
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", edit);
        let done = recovered(&tree, "anna", Mode::Do).unwrap();
        let renumbered: usize = done.tables.iter().map(|table| table.renumbered.len()).sum();
        assert_eq!(renumbered, 1, "{done:?}");
        let orders: Vec<&str> = std::iter::once("m1 of one").chain(order).collect();
        let kept = ["3 None: Some(\"kept\") over Some(\"deleted\")"];
        assert_told(&tree, &["one 1", "stranger 555", &format!("three {phone}"), "two 2"], &orders, &kept);
    }
}

#[test]
fn what_is_put_in_the_place_of_a_record_is_an_edit_of_it_and_what_is_made_under_a_number_that_was_free_is_another_one() {
    let columns = "(id INTEGER PRIMARY KEY, v TEXT, phone TEXT, status TEXT DEFAULT 'new', land TEXT DEFAULT 'FI', vip INTEGER DEFAULT 0)";
    for site in ["anna", "head"] {
        let tree = Tree::new(&format!(
            "CREATE TABLE n {columns}; CREATE TABLE m (k TEXT PRIMARY KEY, n INTEGER REFERENCES n, v TEXT); INSERT INTO n(v) VALUES ('one'), ('two');
             INSERT INTO m VALUES ('a', 2, 'his'), ('b', 1, 'hers')"
        ));
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(if site == "head" { "anna" } else { "head" }, "INSERT INTO n(v) VALUES ('others')");
        tree.settle(&["head", "anna"]);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "INSERT INTO n(v) VALUES ('third')");
        tree.edit(site, "INSERT OR REPLACE INTO n VALUES (2, 'TWO', '22', 'old', 'SE', 7)");
        recovered(&tree, site, Mode::Do).unwrap();
        assert_all(&tree, &["TWO 22", "one -", "others -", "third -"], &["hers of one", "his of TWO"]);
    }
}

#[test]
fn a_record_that_is_deleted_and_whose_number_another_one_gets_at_once_stays_deleted() {
    let tree = shop("TEXT");
    tree.edit("anna", "INSERT INTO n VALUES (3, 'three', '3')");
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "INSERT INTO n VALUES (4, 'heads', 'H')");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "DELETE FROM n WHERE id = 3; INSERT INTO n VALUES (3, 'fresh', 'F'); INSERT INTO m VALUES ('f', 3, 'order')");
    recovered(&tree, "anna", Mode::Do).unwrap();
    assert_all(&tree, &["fresh F", "heads H", "one 1", "two 2"], &["m1 of one", "order of fresh"]);
}

#[test]
fn a_deletion_that_is_the_first_thing_done_stays_though_the_record_ended_once_before() {
    let tree = shop("TEXT");
    for step in ["DELETE FROM m", "INSERT INTO m VALUES ('1', 1, 'again')"] {
        tree.edit("head", step);
        tree.settle(&["head", "anna"]);
    }
    let old = of_before(&tree, "anna");
    tree.edit("head", "UPDATE n SET phone = 'later' WHERE id = 1");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "DELETE FROM m");
    recovered(&tree, "anna", Mode::Do).unwrap();
    assert_all(&tree, &["one later", "two 2"], &[]);
}

#[test]
fn what_does_not_travel_goes_by_the_numbers_that_records_have_now_too() {
    let tree = Tree::with_rules(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, phone TEXT); CREATE TABLE m (k TEXT PRIMARY KEY, n INTEGER REFERENCES n, v TEXT);
         CREATE TABLE tags (n INTEGER REFERENCES n, tag TEXT, note TEXT, PRIMARY KEY (n, tag));
         CREATE TABLE own (n INTEGER REFERENCES n, v TEXT); INSERT INTO n VALUES (1, 'one', '1')",
        "[tables.own]\ndirection = \"none\"\n",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "PRAGMA foreign_keys = off; INSERT INTO own VALUES (3, 'of annas')");
    let old = clashed(&tree, true);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "INSERT INTO n VALUES (5, 'fifth', 'F'); INSERT INTO own VALUES (5, 'of fifth')");
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], "SELECT own.v, n.v FROM own JOIN n ON n.id = own.n ORDER BY 1", &["of annas|annas", "of fifth|fifth"]);
    tree.assert_sound(&["anna", "head"]);
    // And brings nothing back that was deleted.
    tree.edit("anna", "INSERT INTO own VALUES (1, 'of one')");
    let old = backup(&tree, "anna");
    tree.edit("anna", "DELETE FROM own WHERE n = 1; DELETE FROM n WHERE id = 1");
    tree.settle(&["anna", "head"]);
    replace_database(&tree, "anna", Some(&old));
    recovered(&tree, "anna", Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT count(*) FROM n WHERE v = 'one'", &["0"]);
}

#[test]
fn what_is_referred_to_comes_back_and_is_listed_whoever_deleted_it() {
    for site in ["head", "anna"] {
        let other = if site == "head" { "anna" } else { "head" };
        for (since, typed, orders) in [
            ("INSERT INTO m VALUES (7, 1, 'new')", "DELETE FROM m; DELETE FROM n WHERE id = 1", &["new of one"][..]),
            ("DELETE FROM n WHERE id = 2", "INSERT INTO m VALUES (9, 2, 'new')", &["m1 of one", "new of two"]),
        ] {
            let tree = shop("INTEGER");
            tree.edit("head", "DELETE FROM tags");
            tree.settle(&["head", "anna"]);
            let old = backup(&tree, site);
            tree.edit(other, since);
            tree.settle(&["anna", "head", "anna"]);
            replace_database(&tree, site, Some(&old));
            tree.edit(site, typed);
            let done = recovered(&tree, site, Mode::Do).unwrap();
            assert_eq!(done.tables.iter().map(|table| table.listed.len()).sum::<usize>(), 1, "{done:?}");
            // Whoever deleted it hears that it is kept.
            let kept = ["2 None: Some(\"kept\") over Some(\"deleted\")"];
            let told = if site == "anna" && since.starts_with("DELETE") { &kept[..] } else { &[] };
            assert_told(&tree, &["one 1", "two 2"], orders, told);
        }
    }
}

#[test]
fn what_wins_over_what_others_did_since_is_listed() {
    let tree = Tree::new(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT, w TEXT); INSERT INTO t VALUES ('gone', 'a', 'a'), ('x', 'a', 'a'), ('y', 'a', 'a'), ('z', 'a', 'a'), ('zz', 'a', 'a')",
    );
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "DELETE FROM t WHERE k = 'zz'");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "INSERT INTO t VALUES ('zz', 'a', 'new'); UPDATE t SET v = 'other' WHERE k < 'z'; DELETE FROM t WHERE k = 'gone'; UPDATE t SET w = 'other' WHERE k = 'z'");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE t SET v = 'mine' WHERE k <> 'y'; DELETE FROM t WHERE k = 'y'");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    let mut listed: Vec<String> = done.tables[0].listed.iter().map(|(key, what)| format!("{key} {what}")).collect();
    listed.sort();
    let expected = [
        "gone is back, though it was deleted after the backup",
        "x has what was typed in `v` in place of what came after the backup",
        "y is deleted, though it was changed after the backup",
        "zz was deleted and made anew after the backup, and has what was typed in the one before",
    ];
    assert_eq!(listed, expected);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna", "head"], "SELECT * FROM t ORDER BY k", &["gone|mine|a", "x|mine|a", "z|mine|other", "zz|mine|new"]);
}

#[test]
fn where_the_database_refuses_what_the_site_knows_nothing_is_done() {
    for site in ["anna", "head"] {
        let tree = Tree::new("CREATE TABLE t (k TEXT PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES ('x', 'x')");
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(if site == "head" { "anna" } else { "head" }, "INSERT INTO t VALUES ('others', 'one')");
        tree.settle(&["head", "anna", "head"]);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "INSERT INTO t VALUES ('typed', 'one')");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        let refused: Vec<String> = done.tables[0].refused.iter().map(|(key, why)| format!("{key}: {why}")).collect();
        assert_eq!(refused, ["others: UNIQUE constraint failed: t.u (`typed` has that)"]);
        assert_eq!((done.done, done.saved), (false, None));
        tree.assert_rows(&[site], "SELECT * FROM t ORDER BY k", &["typed|one", "x|x"]);
        tree.edit(site, "UPDATE t SET u = 'two' WHERE k = 'typed'");
        recovered(&tree, site, Mode::Do).unwrap();
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT * FROM t ORDER BY k", &["others|one", "typed|two", "x|x"]);
    }
}

#[test]
fn a_number_that_was_given_out_since_a_backup_is_given_to_nobody_else() {
    for site in ["anna", "head"] {
        let tree = Tree::new("CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO n(v) VALUES ('one')");
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(site, "INSERT INTO n(v) VALUES ('given')");
        let given = tree.text(site, "SELECT '' || id FROM n WHERE v = 'given'");
        tree.settle(&["anna", "head"]);
        tree.edit(site, "DELETE FROM n WHERE v = 'given'");
        tree.settle(&["anna", "head"]);
        replace_database(&tree, site, Some(&old));
        recovered(&tree, site, Mode::Do).unwrap();
        tree.edit(site, "INSERT INTO n(v) VALUES ('next')");
        assert_ne!(tree.text(site, "SELECT '' || id FROM n WHERE v = 'next'"), given, "at {site}");
    }
}

#[test]
fn a_database_of_an_earlier_version_says_how_far_the_state_is_from_the_next_round_on() {
    let tree = shop("TEXT");
    let reached = "SELECT count(*) FROM sqlite_schema WHERE name = '_fieldpost_reached'";
    tree.edit("anna", "DROP TABLE _fieldpost_reached");
    let old = of_before(&tree, "anna");
    tree.edit("anna", "UPDATE n SET phone = 'sealed' WHERE id = 1");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], reached, &["1"]);
    tree.assert_rows(&["anna"], "SELECT count(*) FROM _fieldpost_reached WHERE journal > 0", &["1"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE n SET v = 'since' WHERE id = 2");
    recovered(&tree, "anna", Mode::Do).unwrap();
    assert_all(&tree, &["one sealed", "since 2"], &["m1 of one"]);
    tree.assert_rows(&["anna"], reached, &["1"]);
}

const PAIRS: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, w TEXT); CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT, w TEXT);
    CREATE TABLE l (n INTEGER REFERENCES n, pos INTEGER, v TEXT, PRIMARY KEY (n, pos)); CREATE TABLE m (k TEXT PRIMARY KEY, n INTEGER REFERENCES n);
    INSERT INTO n VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c'); INSERT INTO t VALUES ('x', 'a', 'a'), ('y', 'b', 'b');
    INSERT INTO l VALUES (1, 1, 'l1'), (2, 1, 'l2')";

/// Everything that there is at both sites, which are in step.
fn everything(tree: &Tree) -> Vec<Vec<String>> {
    tree.settle(&["anna", "head"]);
    tree.assert_sound(&["anna", "head"]);
    ["n", "t", "l", "m"]
        .iter()
        .map(|table| {
            let all = tree.rows("head", &format!("SELECT * FROM {table} ORDER BY 1, 2"));
            assert_eq!(tree.rows("anna", &format!("SELECT * FROM {table} ORDER BY 1, 2")), all);
            all
        })
        .collect()
}

/// Whether the state still knows which notes it sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    Known,
    Forgotten,
}

/// A backup between what `before` and what `after` does, which are sealed together; whatever is typed after it was put back is `typed`.
fn between(marks: Marks, site: &str, before: &str, after: &str, others: &str, typed: &str) -> (Tree, Vec<Vec<String>>, Vec<String>) {
    let tree = Tree::new(PAIRS);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    // Every log has something that is sealed.
    tree.edit(site, "UPDATE n SET v = v; UPDATE t SET v = v; UPDATE l SET v = v; INSERT INTO m VALUES ('old', 1)");
    tree.settle(&["anna", "head"]);
    tree.edit(site, before);
    let old = of_before(&tree, site);
    tree.edit(site, after);
    tree.settle(&["anna", "head"]);
    tree.edit(if site == "head" { "anna" } else { "head" }, others);
    let agreed = everything(&tree);
    replace_database(&tree, site, Some(&old));
    tree.edit(site, typed);
    if marks == Marks::Forgotten {
        let state = rusqlite::Connection::open(tree.home(site).join(".fieldpost/state.db")).unwrap();
        assert_ne!(state.execute("DELETE FROM meta WHERE name LIKE '%first sealed of%'", []).unwrap(), 0);
    }
    let done = recovered(&tree, site, Mode::Do).unwrap();
    let kept = done.tables.iter().flat_map(|table| &table.kept).count();
    assert_eq!(kept > 0, !typed.is_empty(), "{done:?}");
    let listed = done.tables.iter().flat_map(|table| table.listed.iter().map(|(key, what)| format!("{} {key} {what}", table.table)));
    (tree, agreed, listed.collect())
}

#[test]
fn what_was_half_done_in_a_backup_and_sealed_since_wins_over_nothing() {
    let said_of =
        ["left out: it was made before the backup, and was gone again since", "before or after the database was put back: it is back"];
    for (site, marks) in ["anna", "head"].into_iter().flat_map(|site| [(site, Marks::Known), (site, Marks::Forgotten)]) {
        for (before, after, others, said) in [
            // Nothing: what others deleted since stays so, also what is known by a number.
            ("", "", "DELETE FROM l WHERE n = 2", 0),
            // A draft.
            ("UPDATE t SET v = 'draft'; UPDATE n SET v = 'draft'", "UPDATE t SET v = 'done'; UPDATE n SET v = 'done'", "", 0),
            ("INSERT INTO t VALUES ('new', 'draft', '')", "UPDATE t SET v = 'done' WHERE k = 'new'", "UPDATE t SET v = 'later'", 0),
            // Deleted, and entered again.
            ("DELETE FROM t WHERE k = 'x'", "INSERT INTO t VALUES ('x', 'a', 'a')", "", 1),
            ("DELETE FROM n WHERE id = 3", "INSERT INTO n VALUES (3, 'c', 'c')", "", 0),
            // Made, and deleted again.
            ("INSERT INTO t VALUES ('wrong', '', '')", "DELETE FROM t WHERE k = 'wrong'", "", 1),
            ("INSERT INTO n VALUES (4, 'wrong', '')", "DELETE FROM n WHERE id = 4", "", 1),
            (
                "INSERT INTO n VALUES (4, 'mine', '')",
                "DELETE FROM n WHERE id = 4",
                "INSERT INTO n VALUES (4, 'theirs', ''); INSERT INTO m VALUES ('t', 4)",
                1,
            ),
            // Two other keys, one after the other.
            ("UPDATE t SET k = 'x1' WHERE k = 'x'", "UPDATE t SET k = 'x2' WHERE k = 'x1'", "", 1),
            // A number that is given again at once.
            (
                "DELETE FROM n WHERE id = 3; INSERT INTO n VALUES (3, 'X', 'x'); INSERT INTO m VALUES ('mx', 3)",
                "",
                "UPDATE n SET v = 'X2' WHERE w = 'x'",
                0,
            ),
        ] {
            let (tree, agreed, listed) = between(marks, site, before, after, others, "");
            assert_eq!(everything(&tree), agreed, "{before}; {after}; {others} at {site}");
            let is_said = |what: &String| said_of.iter().any(|said| what.ends_with(said));
            let is_told = listed.len() == said && listed.iter().all(is_said);
            assert!(is_told || marks == Marks::Forgotten, "{before}: {listed:?}");
        }
    }
}

#[test]
fn what_is_typed_in_what_was_half_done_is_an_edit_and_the_rest_is_none() {
    for site in ["anna", "head"] {
        let draft = "UPDATE t SET v = 'draft' WHERE k = 'x'";
        // What it once held since is typed all the same, where the backup had it otherwise.
        let (tree, _, listed) = between(
            Marks::Known,
            site,
            "UPDATE t SET v = 'v1' WHERE k = 'x'",
            "",
            "UPDATE t SET w = 'w2' WHERE k = 'x'",
            "UPDATE t SET w = 'w3' WHERE k = 'x'",
        );
        assert_eq!(everything(&tree)[1][0], "x|v1|w3");
        assert_eq!(listed, ["t x has what was typed in `w` in place of what came after the backup"]);
        let (tree, _, listed) =
            between(Marks::Known, site, draft, "UPDATE t SET v = 'done' WHERE k = 'x'", "", "UPDATE t SET w = 'typed' WHERE k = 'x'");
        assert_eq!(everything(&tree)[1][0], "x|done|typed");
        assert_eq!(
            listed,
            ["t x is as this site knew it: `v` was draft in the restored database, and nobody can tell when that was typed"]
        );
        // Who refers to a record of before that is left out has it back, under the next number.
        let theirs = "INSERT INTO n VALUES (4, 'theirs', ''); INSERT INTO m VALUES ('t', 4)";
        let (tree, ..) = between(
            Marks::Known,
            site,
            "INSERT INTO n VALUES (4, 'mine', '')",
            "DELETE FROM n WHERE id = 4",
            theirs,
            "INSERT INTO m VALUES ('typed', 4)",
        );
        everything(&tree);
        tree.assert_rows(&["anna", "head"], "SELECT m.k, n.v FROM m JOIN n ON n.id = m.n ORDER BY 1", &["old|a", "t|theirs", "typed|mine"]);
        let (tree, ..) = between(
            Marks::Known,
            site,
            "DELETE FROM n WHERE id = 3; INSERT INTO n VALUES (3, 'X', 'x')",
            "",
            "UPDATE n SET v = 'X2' WHERE w = 'x'",
            "INSERT INTO m VALUES ('typed', 3)",
        );
        everything(&tree);
        tree.assert_rows(&["anna", "head"], "SELECT m.k, n.v FROM m JOIN n ON n.id = m.n ORDER BY 1", &["old|a", "typed|X2"]);
    }
}

#[test]
fn as_much_done_again_in_a_restored_database_does_not_hide_that_it_was_restored() {
    for site in ["anna", "head"] {
        let tree = Tree::new(PAIRS);
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(site, "UPDATE t SET v = 'first'; DELETE FROM t WHERE k = 'y'");
        fieldpost::sync::seal::seal(&tree.session(site)).unwrap();
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE t SET w = 'again' WHERE k = 'x'; UPDATE t SET w = 'again' WHERE k = 'x'; DELETE FROM t WHERE k = 'y'");
        recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(everything(&tree)[1], ["x|first|again"]);
    }
}

#[test]
fn what_belongs_together_is_typed_together() {
    for site in ["anna", "head"] {
        let tree = Tree::with_rules(
            "CREATE TABLE t (k TEXT PRIMARY KEY, street TEXT, city TEXT, w TEXT); INSERT INTO t VALUES ('x', 'a', 'a', 'a')",
            "[tables.t]\ngroups = [['street', 'city']]\n",
        );
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(if site == "head" { "anna" } else { "head" }, "UPDATE t SET street = 'b', city = 'b', w = 'b'");
        tree.settle(&["anna", "head"]);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE t SET city = 'typed'");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(done.tables[0].listed[0].1, "has what was typed in `street`, `city` in place of what came after the backup");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT * FROM t", &["x|a|typed|b"]);
    }
}

#[test]
fn what_the_journal_has_forgotten_is_overwritten_by_nothing_that_may_be_old() {
    for site in ["anna", "head"] {
        let tree = Tree::new(PAIRS);
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        for value in ["v2", "v3"] {
            tree.edit(if site == "head" { "anna" } else { "head" }, &format!("UPDATE t SET v = '{value}'"));
            tree.settle(&["anna", "head"]);
            tree.tick(500 * 24 * 60 * 60 * 1000);
            tree.settle(&["anna", "head"]);
        }
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE t SET w = 'typed' WHERE k = 'x'");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        let said = "is as this site knew it: `v` was a, `w` was typed in the restored database, and nobody can tell when that was typed";
        assert_eq!(done.tables[0].listed[0].1, said, "{done:?}");
        assert_eq!(everything(&tree)[1], ["x|v3|a", "y|v3|b"]);
    }
}
