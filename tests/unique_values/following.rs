//! A record that others refer to by a unique value gets another one: what refers to it goes on meaning it, and what its site leads elsewhere goes there.

use fieldpost::exchange::{Exchange, FileName, Folder};
use fieldpost::site::Role;
use fieldpost::sync::Limits;

use super::support::{Tree, name};
use super::{TWO, ended, open, tree};

const CODES: &str = "
    CREATE TABLE persons (id TEXT PRIMARY KEY, code TEXT UNIQUE);
    CREATE TABLE visits (id INTEGER PRIMARY KEY, code TEXT REFERENCES persons(code) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, meant TEXT);
    CREATE TABLE others (id INTEGER PRIMARY KEY, n INTEGER);
    INSERT INTO persons VALUES ('p1', 'C'), ('p2', 'A'), ('p3', 'X');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) INSERT INTO visits SELECT i, 'A', 'p2' FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) INSERT INTO others SELECT i, 0 FROM n;";

fn enforced(tree: &Tree, site: &str, sql: &str) {
    tree.edit(site, &format!("PRAGMA foreign_keys = on; BEGIN; {sql}; COMMIT"));
}

/// Every visit is of whom it is meant for.
fn assert_meant(tree: &Tree, sites: &[&str]) {
    for site in sites {
        let other =
            tree.rows(site, "SELECT v.id, p.id, v.meant FROM visits v LEFT JOIN persons p ON p.code = v.code WHERE p.id IS NOT v.meant");
        assert!(other.is_empty(), "{site}: {other:?}");
    }
}

#[test]
fn what_its_site_does_with_a_value_in_one_go_is_so_everywhere_also_where_it_comes_in_parts() {
    let handed = "UPDATE persons SET code = 'B' WHERE id = 'p2'; UPDATE visits SET code = 'A', meant = 'p1'; UPDATE persons SET code = 'A' WHERE id = 'p1'";
    let new =
        "UPDATE persons SET code = 'B' WHERE id = 'p2'; INSERT INTO persons VALUES ('p4', 'A'); UPDATE visits SET code = 'A', meant = 'p4'";
    let but_one = "UPDATE persons SET code = 'B' WHERE id = 'p2'; UPDATE visits SET code = 'X', meant = 'p3' WHERE id = 12;
        UPDATE visits SET code = NULL, meant = NULL WHERE id = 11";
    for sql in [handed, new, but_one] {
        for from in TWO {
            for several_packets in [false, true] {
                let mut tree = tree(CODES, &TWO);
                tree.limits = Limits { slice_changes: 2, packet_bytes: if several_packets { 700 } else { u64::MAX }, ..Limits::default() };
                let to = if from == "head" { "anna" } else { "head" };
                enforced(&tree, from, &format!("{sql}; UPDATE others SET n = 1"));
                let built = tree.sync(from).built.len();
                assert_eq!(built > 2, several_packets, "{built}");
                // The last ones come later.
                let folder = Folder::between(&name(to), &name(from));
                let prefix = format!("{to}/{from}/");
                let lying: Vec<String> =
                    tree.exchange.everything().keys().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect();
                for file in lying.iter().skip(1) {
                    tree.exchange.clone().delete(&tree.world(from), &folder, &FileName::new(file).unwrap()).unwrap();
                }
                tree.sync(to);
                tree.tick(2 * 60 * 60 * 1000);
                assert_eq!(tree.sync(to).sealed, 0, "nobody typed anything there");
                ended(&tree, &TWO);
                assert_meant(&tree, &TWO);
                tree.assert_rows(&TWO, "SELECT count(*) FROM visits WHERE code IS NULL", &[if sql == but_one { "1" } else { "0" }]);
                let told: u64 = tree.session("head").ledger.last_conflict().unwrap().cast_unsigned();
                assert_eq!(told, 0, "nothing lost");
            }
        }
    }
}

#[test]
fn a_row_of_which_its_site_cannot_know_goes_with_the_record_that_it_means_also_where_another_one_takes_the_value() {
    let swapped = "UPDATE persons SET code = 'aside' WHERE id = 'p1'; UPDATE persons SET code = 'C' WHERE id = 'p2';
        UPDATE persons SET code = 'A' WHERE id = 'p1'";
    let handed = "UPDATE persons SET code = 'B' WHERE id = 'p2'; UPDATE persons SET code = 'A' WHERE id = 'p1'";
    let gone = "UPDATE persons SET code = 'B' WHERE id = 'p2'";
    for sql in [swapped, handed, gone] {
        for sites in [["head", "anna", "bert"], ["anna", "head", "bert"], ["anna", "bert", "head"]] {
            let [there, here, third] = sites;
            for first in sites {
                let tree = Tree::new(CODES);
                tree.add("head", "anna", Role::Remote);
                tree.add("head", "bert", Role::Remote);
                let all = ["head", "anna", "bert"];
                (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
                enforced(&tree, there, sql);
                enforced(&tree, here, "INSERT INTO visits VALUES (100, 'A', 'p2'); INSERT INTO visits VALUES (101, 'C', 'p1')");
                enforced(&tree, third, "INSERT INTO visits VALUES (200, 'A', 'p2')");
                tree.sync(first);
                for _ in 0..3 {
                    all.iter().for_each(|site| drop(tree.sync(site)));
                    tree.tick(60 * 60 * 1000);
                }
                ended(&tree, &all);
                assert_meant(&tree, &all);
                tree.assert_rows(&all, "SELECT count(*) FROM visits", &["15"]);
            }
        }
    }
}

#[test]
fn values_that_are_unique_together_follow_together() {
    for (there, here) in [("anna", "head"), ("head", "anna")] {
        let tree = tree(
            "CREATE TABLE places (id TEXT PRIMARY KEY, land INTEGER, town TEXT, UNIQUE (land, town));
             CREATE TABLE visits (id TEXT PRIMARY KEY, land INTEGER, town TEXT, FOREIGN KEY (land, town) REFERENCES places (land, town) ON UPDATE CASCADE);
             INSERT INTO places VALUES ('p1', 1, 'x'), ('p2', 1, 'y'), ('p3', 4, 'y'); INSERT INTO visits VALUES ('of p2', 1, 'y');",
            &TWO,
        );
        enforced(&tree, there, "UPDATE places SET land = 4, town = 'x' WHERE id = 'p2'");
        enforced(&tree, here, "INSERT INTO visits VALUES ('of p2 too', 1, 'y')");
        tree.sync(there);
        tree.settle(&TWO);
        ended(&tree, &TWO);
        assert!(open(&tree, "head").is_empty());
        tree.assert_rows(&TWO, "SELECT * FROM visits ORDER BY id", &["of p2|4|x", "of p2 too|4|x"]);
    }
}

const LINES: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
    CREATE TABLE lines (code TEXT REFERENCES orders(code) ON UPDATE CASCADE, n INTEGER, note TEXT, of TEXT, PRIMARY KEY (code, n));
    CREATE TABLE marks (id TEXT PRIMARY KEY, code TEXT, n INTEGER, note TEXT, FOREIGN KEY (code, n) REFERENCES lines (code, n) ON UPDATE CASCADE);
    INSERT INTO orders VALUES (1, 'A', 'o1'), (2, 'C', 'o2'); INSERT INTO lines VALUES ('A', 1, 'one', 'o1'); INSERT INTO marks VALUES ('first', 'A', 1, 'one');";

/// Every line is of its order, and every mark of its line.
const ASTRAY: &str = "SELECT l.code, l.n FROM lines l LEFT JOIN orders o ON o.code = l.code WHERE o.of IS NOT l.of
    UNION ALL SELECT m.id, m.note FROM marks m LEFT JOIN lines l ON l.code = m.code AND l.n = m.n WHERE l.note IS NOT m.note";

#[test]
fn a_record_with_such_a_value_in_its_key_is_another_one_then_and_takes_along_what_refers_to_it() {
    for (there, here) in [("anna", "head"), ("head", "anna")] {
        for then in [
            "",
            "DELETE FROM marks WHERE id = 'new'; DELETE FROM lines WHERE n = 5",
            "UPDATE lines SET note = 'edited' WHERE n = 5; UPDATE marks SET note = 'edited' WHERE id = 'new'",
        ] {
            for who in TWO {
                let tree = tree(LINES, &TWO);
                enforced(&tree, there, "UPDATE orders SET code = 'B' WHERE id = 1");
                enforced(&tree, here, "INSERT INTO lines VALUES ('A', 5, 'five', 'o1'); INSERT INTO marks VALUES ('new', 'A', 5, 'five')");
                tree.sync(there);
                ended(&tree, &TWO);
                TWO.iter().for_each(|site| assert_eq!(tree.rows(site, ASTRAY), [""; 0], "{site} {there}"));
                enforced(&tree, who, then);
                ended(&tree, &TWO);
                TWO.iter().for_each(|site| assert_eq!(tree.rows(site, ASTRAY), [""; 0], "{site} {then}"));
                let five = if then.contains("DELETE") {
                    &["B|1|one"][..]
                } else if then.is_empty() {
                    &["B|1|one", "B|5|five"]
                } else {
                    &["B|1|one", "B|5|edited"]
                };
                tree.assert_rows(&TWO, "SELECT code, n, note FROM lines ORDER BY n", five);
                for site in TWO {
                    let session = tree.session(site);
                    let missed = session.shapes.iter().map(|shape| fieldpost::sync::seal::compare(&session, shape).unwrap()).sum::<u64>();
                    assert_eq!(missed, 0, "{site}: its state is its database");
                }
            }
        }
    }
}

#[test]
fn another_value_for_a_record_that_waits_is_in_the_keys_of_what_waits_with_it() {
    for same in [true, false] {
        for at in TWO {
            let tree = tree(LINES, &TWO);
            for site in TWO {
                let n = if same || site == "head" { 7 } else { 8 };
                enforced(
                    &tree,
                    site,
                    &format!(
                        "INSERT INTO orders (code, of) VALUES ('N', '{site}'); INSERT INTO lines VALUES ('N', {n}, 'of {site}', '{site}')"
                    ),
                );
            }
            tree.settle(&TWO);
            super::resolve(&tree, at, open(&tree, at)[0].0, super::Choice::Other(super::Value::text("W")));
            ended(&tree, &TWO);
            TWO.iter().for_each(|site| assert_eq!(tree.rows(site, ASTRAY), [""; 0], "{site}"));
            let notes = "SELECT note FROM lines WHERE n > 5 ORDER BY 1";
            tree.assert_rows(&TWO, notes, &["of anna", "of head"]);
        }
    }
}

/// What a site says of a visit, in a round and in its status.
fn said_of_100(tree: &Tree, site: &str) -> [Vec<String>; 2] {
    let status = fieldpost::sync::left_behind::told(&tree.session(site)).unwrap();
    let round = tree.sync(site).waiting.into_iter().filter(|waiting| !waiting.retried).map(|waiting| (waiting.what, waiting.why));
    let of_100 = |all: Vec<(String, String)>| all.into_iter().filter(|(what, _)| what == "visits 100").map(|(_, why)| why).collect();
    [of_100(status), of_100(round.collect())]
}

#[test]
fn what_refers_to_a_value_that_was_emptied_keeps_it_and_somebody_hears_of_it_until_it_leads_somewhere_again() {
    let nobody = ["SELECT 1", "UPDATE visits SET code = 'A' WHERE id = 100", "DELETE FROM visits WHERE id = 100"];
    let nobody = nobody.into_iter().chain(["INSERT INTO persons VALUES ('p9', 'X')", "UPDATE persons SET code = 'X' WHERE id = 'p3'"]);
    let other = ["SELECT 1", "UPDATE visits SET code = 'A' WHERE id = 100", "DELETE FROM visits WHERE id = 100"];
    let other = other.into_iter().chain(["UPDATE persons SET code = NULL WHERE id = 'p9'; UPDATE persons SET code = 'X' WHERE id = 'p3'"]);
    for (given, whose, ways) in [("", "nobody's", nobody.collect::<Vec<_>>()), ("'X'", "persons p9's", other.collect())] {
        for way in ways {
            let tree = tree(CODES, &TWO);
            let to_another = if given.is_empty() { String::new() } else { format!("; INSERT INTO persons VALUES ('p9', {given})") };
            enforced(&tree, "head", &format!("UPDATE persons SET code = NULL WHERE id = 'p3'{to_another}"));
            enforced(&tree, "anna", "INSERT INTO visits VALUES (100, 'X', 'p3')");
            tree.sync("head");
            let report = tree.sync("anna");
            assert_eq!(tree.text("anna", "SELECT code FROM visits WHERE id = 100"), "X");
            let said =
                format!("it refers to X, which was the value of persons p3 and is {whose} now: give it another value (it was emptied)");
            assert!(report.waiting.iter().any(|waiting| waiting.why == said && waiting.what == "visits 100"), "{:?}", report.waiting);
            // And as long as it is so, whatever else becomes of it.
            tree.settle(&TWO);
            tree.edit("anna", "UPDATE visits SET meant = 'somebody' WHERE id = 100");
            assert_eq!(said_of_100(&tree, "anna"), [[said.clone()], [said.clone()]]);
            tree.edit("anna", &format!("PRAGMA foreign_keys = off; {way}"));
            let now: &[String] = if way == "SELECT 1" { &[said] } else { &[] };
            assert_eq!(said_of_100(&tree, "anna"), [now, now], "{way}");
        }
    }
}

#[test]
fn records_whose_keys_change_places_all_stay_with_what_stays_at_their_site() {
    let schema = "
        CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
        CREATE TABLE lines (code TEXT REFERENCES orders(code) ON UPDATE CASCADE, n INTEGER, memo TEXT, PRIMARY KEY (code, n));
        INSERT INTO orders VALUES (1, 'A', 'o1'), (2, 'B', 'o2');";
    for (there, here) in [("anna", "head"), ("head", "anna")] {
        let tree = Tree::with_rules(schema, "[tables.lines]\nlocal = [\"memo\"]\n");
        tree.add("head", "anna", Role::Remote);
        (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
        enforced(
            &tree,
            there,
            "UPDATE orders SET code = 'x' WHERE id = 1; UPDATE orders SET code = 'A' WHERE id = 2; UPDATE orders SET code = 'B' WHERE id = 1",
        );
        enforced(&tree, here, "INSERT INTO lines VALUES ('A', 5, 'of o1'), ('B', 5, 'of o2'), ('A', 6, 'of o1')");
        tree.sync(there);
        ended(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT o.of, l.n FROM lines l JOIN orders o ON o.code = l.code ORDER BY 1, 2", &["o1|5", "o1|6", "o2|5"]);
        let memos = "SELECT l.memo FROM lines l JOIN orders o ON o.code = l.code WHERE l.memo <> 'of ' || o.of OR l.memo IS NULL";
        assert_eq!(tree.rows(here, memos), [""; 0], "{here}");
    }
}

#[test]
fn one_for_each_record_follows_though_each_is_in_the_way_of_the_other() {
    let schema = "
        CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
        CREATE TABLE bills (id TEXT PRIMARY KEY, code TEXT UNIQUE REFERENCES orders(code) ON UPDATE CASCADE, of TEXT);
        INSERT INTO orders VALUES (1, 'A', 'o1'), (2, 'B', 'o2');";
    let swapped =
        "UPDATE orders SET code = 'x' WHERE id = 1; UPDATE orders SET code = 'A' WHERE id = 2; UPDATE orders SET code = 'B' WHERE id = 1";
    let handed_on = "UPDATE orders SET code = 'C' WHERE id = 1; UPDATE orders SET code = 'A' WHERE id = 2";
    for sql in [swapped, handed_on] {
        for (there, here) in [("anna", "head"), ("head", "anna")] {
            let tree = tree(schema, &TWO);
            enforced(&tree, there, sql);
            enforced(&tree, here, "INSERT INTO bills VALUES ('b1', 'A', 'o1'), ('b2', 'B', 'o2')");
            tree.sync(there);
            ended(&tree, &TWO);
            tree.assert_rows(&TWO, "SELECT b.id, o.of FROM bills b JOIN orders o ON o.code = b.code ORDER BY 1", &["b1|o1", "b2|o2"]);
        }
    }
}

#[test]
fn which_one_is_meant_is_told_as_the_database_compares() {
    for (theirs, own, first, second, said) in [
        ("TEXT COLLATE NOCASE", "TEXT", "'Aa'", "'Bb'", "'AA'"),
        ("TEXT", "INTEGER", "'11'", "'12'", "11"),
        ("INTEGER", "TEXT", "11", "12", "'11'"),
    ] {
        for (there, here) in [("anna", "bert"), ("anna", "head"), ("head", "bert")] {
            let tree = Tree::new(&format!(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, code {theirs} UNIQUE, of TEXT);
                 CREATE TABLE visits (id TEXT PRIMARY KEY, code {own} REFERENCES orders(code) ON UPDATE CASCADE, of TEXT);
                 INSERT INTO orders VALUES (1, {first}, 'o1'), (2, {second}, 'o2');"
            ));
            let all = ["head", "anna", "bert"];
            all[1..].iter().for_each(|site| tree.add("head", site, Role::Remote));
            (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
            enforced(&tree, there, &format!("UPDATE orders SET code = '77' WHERE id = 1; UPDATE orders SET code = {first} WHERE id = 2"));
            enforced(&tree, here, &format!("INSERT INTO visits VALUES ('v', {said}, 'o1')"));
            tree.sync(there);
            ended(&tree, &all);
            tree.assert_rows(&all, "SELECT o.of FROM visits v JOIN orders o ON o.code = v.code", &["o1"]);
        }
    }
}

#[test]
fn where_the_word_of_a_site_is_not_taken_its_rows_follow_all_the_same() {
    let schema = "
        CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
        CREATE TABLE visits (id TEXT PRIMARY KEY, code TEXT REFERENCES orders(code) ON UPDATE CASCADE, of TEXT);
        INSERT INTO orders VALUES (1, 'A', 'o1'), (2, 'B', 'o2'); INSERT INTO visits VALUES ('first', 'A', 'o1');";
    for rules in ["direction = \"up\"", "direction = \"down\"", "fixed = [\"code\"]"] {
        for there in TWO {
            let tree = Tree::with_rules(schema, &format!("[tables.visits]\n{rules}\n"));
            tree.add("head", "anna", Role::Remote);
            (0..3).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
            if rules.contains("up") {
                enforced(&tree, "anna", "INSERT INTO visits VALUES ('annas', 'A', 'o1')");
                tree.settle(&TWO);
            }
            enforced(&tree, there, "UPDATE orders SET code = 'C' WHERE id = 1; UPDATE orders SET code = 'A' WHERE id = 2");
            tree.settle(&TWO);
            for site in TWO {
                let astray =
                    tree.rows(site, "SELECT v.id, o.of FROM visits v LEFT JOIN orders o ON o.code = v.code WHERE o.of IS NOT v.of");
                assert_eq!(astray, [""; 0], "{rules}: {there} handed it on, at {site}");
            }
        }
    }
}
