//! Whom did its site mean by a value that another record has by now?

use fieldpost::model::Value;
use fieldpost::sync::mend::Choice;

use super::support::Tree;
use super::{THREE, TWO, ended, open, resolve, tree};

fn enforced(tree: &Tree, site: &str, sql: &str) {
    tree.edit(site, &format!("PRAGMA foreign_keys = on; BEGIN; PRAGMA defer_foreign_keys = on; {sql}; COMMIT"));
}

const HANDED_ON: &str = "UPDATE persons SET code = 'X' WHERE id = 1; UPDATE persons SET code = 'A' WHERE id = 2";
const SWAPPED: &str =
    "UPDATE persons SET code = '_' WHERE id = 2; UPDATE persons SET code = 'B' WHERE id = 1; UPDATE persons SET code = 'A' WHERE id = 2";

#[test]
fn a_value_may_be_the_number_of_a_third_record() {
    let codes = "
        CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE wares (id INTEGER PRIMARY KEY, kind INTEGER REFERENCES kinds(id), code TEXT, of TEXT, UNIQUE (kind, code));
        CREATE TABLE sales (id TEXT PRIMARY KEY, kind INTEGER REFERENCES kinds(id), code TEXT, of TEXT,
            FOREIGN KEY (kind, code) REFERENCES wares(kind, code) ON UPDATE CASCADE);
        INSERT INTO kinds VALUES (1, 'k1'), (2, 'k2'), (3, 'k3');
        INSERT INTO wares VALUES (1, 1, 'A', 'w1'), (2, 2, 'A', 'w2'); INSERT INTO sales VALUES ('first', 1, 'A', 'w1'), ('second', 2, 'A', 'w2');";
    let alone = "
        CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE wares (id INTEGER PRIMARY KEY, kind INTEGER UNIQUE REFERENCES kinds(id), of TEXT);
        CREATE TABLE sales (id TEXT PRIMARY KEY, kind INTEGER REFERENCES wares(kind) ON UPDATE CASCADE, of TEXT);
        INSERT INTO kinds VALUES (1, 'k1'), (2, 'k2'), (3, 'k3');
        INSERT INTO wares VALUES (1, 1, 'w1'), (2, 2, 'w2'); INSERT INTO sales VALUES ('first', 1, 'w1'), ('second', 2, 'w2');";
    for (schema, typed, on) in [
        (codes, "INSERT INTO sales VALUES ('typed', 1, 'A', 'w1')", "w.kind = s.kind AND w.code = s.code"),
        (alone, "INSERT INTO sales VALUES ('typed', 1, 'w1')", "w.kind = s.kind"),
    ] {
        for sql in
            ["UPDATE wares SET kind = 3 WHERE id = 1", "UPDATE wares SET kind = 3 WHERE id = 1; UPDATE wares SET kind = 1 WHERE id = 2"]
        {
            for (there, here) in [("anna", "head"), ("head", "anna")] {
                let tree = tree(schema, &TWO);
                enforced(&tree, there, sql);
                enforced(&tree, here, typed);
                tree.sync(there);
                ended(&tree, &TWO);
                tree.assert_same(&TWO);
                let all = format!("SELECT s.id, w.of FROM sales s JOIN wares w ON {on} WHERE w.of = s.of ORDER BY 1");
                tree.assert_rows(&TWO, &all, &["first|w1", "second|w2", "typed|w1"]);
            }
        }
    }
}

#[test]
fn what_refers_to_a_record_by_its_key_goes_with_it_where_a_value_in_that_is_given_on() {
    let schema = "
        CREATE TABLE persons (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
        CREATE TABLE lines (code TEXT REFERENCES persons(code) ON UPDATE CASCADE, n INTEGER, of TEXT, PRIMARY KEY (code, n));
        CREATE TABLE marks (id TEXT PRIMARY KEY, code TEXT, n INTEGER, of TEXT, FOREIGN KEY (code, n) REFERENCES lines(code, n) ON UPDATE CASCADE);
        INSERT INTO persons VALUES (1, 'A', 'p1'), (2, 'B', 'p2'); INSERT INTO lines VALUES ('A', 1, 'p1'), ('B', 1, 'p2');
        INSERT INTO marks VALUES ('first', 'A', 1, 'p1'), ('second', 'B', 1, 'p2');";
    // Lines that hold the same stay the records of their keys, and nothing says that they changed places.
    for schema in [
        schema.to_owned(),
        schema.replace(
            "('A', 1, 'p1'), ('B', 1, 'p2');\n        INSERT INTO marks",
            "('A', 1, ''), ('B', 1, '');\n        INSERT INTO marks",
        ),
    ] {
        for sql in [HANDED_ON, SWAPPED] {
            for (there, here) in [("anna", "head"), ("head", "anna")] {
                for first in [there, here] {
                    let tree = tree(&schema, &TWO);
                    enforced(&tree, there, sql);
                    enforced(&tree, here, "INSERT INTO marks VALUES ('typed', 'A', 1, 'p1')");
                    tree.sync(first);
                    ended(&tree, &TWO);
                    tree.assert_same(&TWO);
                    let all = "SELECT m.id, p.of FROM marks m JOIN persons p ON p.code = m.code JOIN lines l ON l.code = m.code AND l.n = m.n ORDER BY 1";
                    tree.assert_rows(&TWO, all, &["first|p1", "second|p2", "typed|p1"]);
                }
            }
        }
    }
}

/// A person has one number that nobody else has, and refers to another one by a code.
const CALLS: &str = "
    CREATE TABLE persons (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
    CREATE TABLE calls (id TEXT PRIMARY KEY, number TEXT UNIQUE, code TEXT REFERENCES persons(code) ON UPDATE CASCADE, of TEXT);
    INSERT INTO persons VALUES (1, 'A', 'p1'), (2, 'B', 'p2'), (3, 'Z', 'p3'); INSERT INTO calls VALUES ('first', '1', 'A', 'p1'), ('second', '2', 'B', 'p2');";

#[test]
fn what_waits_means_whom_it_meant_when_it_came_whoever_has_the_value_by_the_time_it_is_taken() {
    for sql in [HANDED_ON, SWAPPED] {
        for there in TWO {
            for by in TWO {
                for resolver in TWO {
                    let (tree, other) = (tree(CALLS, &TWO), if by == "head" { "anna" } else { "head" });
                    enforced(&tree, by, "INSERT INTO calls VALUES ('waits', '7', 'A', 'p1')");
                    enforced(&tree, other, "INSERT INTO calls VALUES ('in its way', '7', 'Z', 'p3')");
                    tree.settle(&TWO);
                    enforced(&tree, there, sql);
                    tree.settle(&TWO);
                    let [(number, _)] = &open(&tree, resolver)[..] else { panic!("one conflict: {:?}", open(&tree, resolver)) };
                    resolve(&tree, resolver, *number, Choice::Other(Value::text("8")));
                    ended(&tree, &TWO);
                    tree.assert_same(&TWO);
                    let all = "SELECT c.id, p.of FROM calls c JOIN persons p ON p.code = c.code WHERE p.of = c.of ORDER BY 1";
                    tree.assert_rows(&TWO, all, &["first|p1", "in its way|p3", "second|p2", "waits|p1"]);
                }
            }
        }
    }
}

#[test]
fn a_row_that_is_deleted_and_entered_again_while_the_value_is_given_on_means_whom_its_site_meant() {
    for sql in [HANDED_ON, SWAPPED] {
        for (there, here) in [("anna", "head"), ("head", "anna")] {
            for first in TWO {
                let tree = tree(CALLS, &TWO);
                enforced(&tree, there, sql);
                enforced(&tree, here, "DELETE FROM calls WHERE id = 'first'; INSERT INTO calls VALUES ('first', '9', 'A', 'p1')");
                tree.sync(first);
                ended(&tree, &TWO);
                tree.assert_same(&TWO);
                let all = "SELECT c.id, p.of FROM calls c JOIN persons p ON p.code = c.code ORDER BY 1";
                tree.assert_rows(&TWO, all, &["first|p1", "second|p2"]);
            }
        }
    }
}

#[test]
fn a_row_that_a_person_moves_stays_with_whom_it_was_moved_to_whatever_becomes_of_the_values_meanwhile() {
    let renamed = "UPDATE persons SET code = 'X' WHERE id = 2";
    let handed_on = "UPDATE persons SET code = 'X' WHERE id = 1; UPDATE persons SET code = 'A' WHERE id = 2";
    let all = ["head", "anna", "bert"];
    for sql in [renamed, handed_on, SWAPPED] {
        for (there, here) in [("anna", "head"), ("head", "anna"), ("anna", "bert")] {
            for first in [there, here] {
                for moved_last in [true, false] {
                    println!("{there} {here} {first} {moved_last}: {sql}");
                    let tree = Tree::new(CALLS);
                    all[1..].iter().for_each(|site| tree.add("head", site, fieldpost::site::Role::Remote));
                    (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
                    let edits = [(there, sql), (here, "UPDATE calls SET code = 'A', of = 'p1' WHERE id = 'second'")];
                    for (site, sql) in if moved_last { edits } else { [edits[1], edits[0]] } {
                        enforced(&tree, site, sql);
                        tree.tick(1000);
                    }
                    tree.sync(first);
                    tree.sync(if first == there { here } else { there });
                    ended(&tree, &all);
                    tree.assert_same(&all);
                    let whose = "SELECT c.id, p.of FROM calls c JOIN persons p ON p.code = c.code ORDER BY 1";
                    tree.assert_rows(&all, whose, &["first|p1", "second|p1"]);
                }
            }
        }
    }
}

#[test]
fn a_row_that_a_person_moves_stays_also_where_the_one_it_was_moved_to_got_another_value_there_and_the_rows_own_here() {
    let given_on = "UPDATE persons SET code = 'X' WHERE id = 2; UPDATE persons SET code = 'B' WHERE id = 1";
    let named = "UPDATE persons SET code = 'H' WHERE id = 1";
    let moved = "UPDATE calls SET code = (SELECT code FROM persons WHERE id = 1), of = 'p1' WHERE id = 'second'";
    // One of two values that are unique together.
    let by_two = CALLS
        .replace("code TEXT UNIQUE, of TEXT", "code TEXT, of TEXT, land INTEGER DEFAULT 1, UNIQUE (land, code)")
        .replace(
            "code TEXT REFERENCES persons(code) ON UPDATE CASCADE, of TEXT",
            "code TEXT, of TEXT, land INTEGER DEFAULT 1, FOREIGN KEY (land, code) REFERENCES persons(land, code) ON UPDATE CASCADE",
        )
        .replace("INTO persons VALUES", "INTO persons (id, code, of) VALUES")
        .replace("INTO calls VALUES", "INTO calls (id, number, code, of) VALUES");
    for (there, here) in [("head", "anna"), ("anna", "head")] {
        for [one, other] in [[named, moved], [moved, named]] {
            for first in TWO {
                for schema in [CALLS, &by_two] {
                    println!("{there} {here} {first}: {one}");
                    let tree = tree(schema, &TWO);
                    for (site, sql) in [(there, given_on), (here, one), (here, other)] {
                        enforced(&tree, site, sql);
                        tree.tick(1000);
                    }
                    tree.sync(first);
                    ended(&tree, &TWO);
                    tree.assert_same(&TWO);
                    let whose = "SELECT c.id, p.of, p.code FROM calls c JOIN persons p ON p.code = c.code ORDER BY 1";
                    tree.assert_rows(&TWO, whose, &["first|p1|H", "second|p1|H"]);
                }
            }
        }
    }
}

#[test]
fn a_row_that_the_office_moves_stays_also_where_it_hears_first_of_the_value_given_on_and_then_of_another_one_from_below() {
    let given_on = "UPDATE persons SET code = 'X' WHERE id = 2; UPDATE persons SET code = 'B' WHERE id = 1";
    let moved = "UPDATE calls SET code = 'A', of = 'p1' WHERE id = 'second'";
    for order in [["head", "rosa", "north"], ["head", "north", "rosa"], ["north", "rosa", "head"], ["rosa", "north", "head"]] {
        println!("{order:?}");
        let tree = tree(CALLS, &super::THREE);
        for (site, sql) in [("head", given_on), ("rosa", "UPDATE persons SET code = 'H' WHERE id = 1"), ("north", moved)] {
            enforced(&tree, site, sql);
            tree.tick(1000);
        }
        order.iter().for_each(|site| drop(tree.sync(site)));
        tree.sync("north");
        ended(&tree, &super::THREE);
        tree.assert_same(&super::THREE);
        let whose = "SELECT c.id, p.of, p.code FROM calls c JOIN persons p ON p.code = c.code ORDER BY 1";
        tree.assert_rows(&super::THREE, whose, &["first|p1|H", "second|p1|H"]);
    }
}

#[test]
fn a_row_that_a_person_moves_stays_also_where_its_neighbour_gave_its_value_on_to_the_other_one_and_lost() {
    // Two and one: what 'B' means there before, and whom it means there after the same build.
    let here = "UPDATE persons SET code = 'Y' WHERE id = 1; UPDATE persons SET code = 'W' WHERE id = 2";
    let there = "UPDATE persons SET code = 'X' WHERE id = 2; UPDATE persons SET code = 'B' WHERE id = 1";
    for site in ["head", "bert"] {
        let all = ["head", "anna", "bert"];
        let tree = Tree::new(CALLS);
        all[1..].iter().for_each(|site| tree.add("head", site, fieldpost::site::Role::Remote));
        (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
        enforced(&tree, "anna", there);
        tree.tick(1000);
        enforced(&tree, site, here);
        tree.tick(1000);
        enforced(&tree, site, "UPDATE calls SET code = 'Y', of = 'p1' WHERE id = 'second'");
        [site, "head", "anna"].iter().for_each(|site| drop(tree.sync(site)));
        ended(&tree, &all);
        tree.assert_same(&all);
        let whose = "SELECT c.id, p.of, p.code FROM calls c JOIN persons p ON p.code = c.code ORDER BY 1";
        tree.assert_rows(&all, whose, &["first|p1|Y", "second|p1|Y"]);
    }
}

#[test]
fn what_refers_to_a_record_that_comes_back_and_waits_for_its_value_waits_with_it() {
    let schema = "
        CREATE TABLE persons (id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT, of TEXT);
        CREATE TABLE calls (id TEXT PRIMARY KEY, code TEXT REFERENCES persons(code) ON UPDATE CASCADE, of TEXT);
        INSERT INTO persons VALUES (1, 'A', 'Al', 'p1'), (2, 'B', 'Bo', 'p2');";
    let all = ["head", "anna", "bert"];
    for (there, here) in [("head", "anna"), ("anna", "bert")] {
        let tree = Tree::new(schema);
        all[1..].iter().for_each(|site| tree.add("head", site, fieldpost::site::Role::Remote));
        (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
        enforced(&tree, there, "DELETE FROM persons WHERE id = 1; UPDATE persons SET code = 'A' WHERE id = 2");
        enforced(&tree, here, "UPDATE persons SET name = 'edited' WHERE id = 1; INSERT INTO calls VALUES ('typed', 'A', 'p1')");
        tree.sync(here);
        tree.sync(there);
        let mixed = "SELECT c.id FROM calls c JOIN persons p ON p.code = c.code WHERE p.of <> c.of";
        for _ in 0..4 {
            all.iter().for_each(|site| drop(tree.sync(site)));
            all.iter().for_each(|site| assert_eq!(tree.rows(site, mixed), [""; 0], "{there} {here}, at {site}"));
        }
        resolve(&tree, "head", open(&tree, "head")[0].0, Choice::Other(Value::text("G")));
        ended(&tree, &all);
        tree.assert_same(&all);
        let whose = "SELECT p.of, p.code, p.name FROM calls c JOIN persons p ON p.code = c.code";
        tree.assert_rows(&all, whose, &["p1|G|edited"]);
    }
}

/// A price has the code of its product in its key, and discounts refer to prices.
const PRICES: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
    CREATE TABLE prices (code TEXT REFERENCES products(code) ON UPDATE CASCADE, region TEXT, of TEXT, PRIMARY KEY (code, region));
    CREATE TABLE discounts (id INTEGER PRIMARY KEY, code TEXT, region TEXT, of TEXT,
        FOREIGN KEY (code, region) REFERENCES prices(code, region) ON UPDATE CASCADE);
    INSERT INTO products VALUES (1, 'A', 'p1'), (2, 'B', 'p2'); INSERT INTO prices VALUES ('A', 'eu', 'p1'), ('B', 'eu', 'p2');
    INSERT INTO discounts VALUES (1, 'A', 'eu', 'p1'), (2, 'B', 'eu', 'p2');";

/// What refers to another product's.
const MIXED: &str = "SELECT d.id FROM discounts d JOIN prices p ON p.code = d.code AND p.region = d.region WHERE p.of <> d.of
    UNION ALL SELECT p.code FROM prices p JOIN products o ON o.code = p.code WHERE o.of <> p.of";

#[test]
fn what_refers_to_prices_of_two_products_that_got_one_code_means_the_one_of_its_product_before_and_after_that_is_settled() {
    let all = ["head", "anna", "bert"];
    for (one, other) in [("head", "anna"), ("anna", "head"), ("anna", "bert")] {
        for way in ["resolved", "freed here", "freed there"] {
            let tree = Tree::new(PRICES);
            all[1..].iter().for_each(|site| tree.add("head", site, fieldpost::site::Role::Remote));
            (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
            enforced(&tree, one, "UPDATE products SET code = 'F' WHERE id = 1");
            enforced(&tree, other, "UPDATE products SET code = 'F' WHERE id = 2; INSERT INTO discounts VALUES (50, 'F', 'eu', 'p2')");
            tree.sync(one);
            tree.sync(other);
            for _ in 0..4 {
                all.iter().for_each(|site| drop(tree.sync(site)));
                all.iter().for_each(|site| assert_eq!(tree.rows(site, MIXED), [""; 0], "{one} {other}, at {site}"));
                tree.tick(60 * 60 * 1000);
            }
            let [(number, _)] = &open(&tree, "head")[..] else { panic!("one conflict: {:?}", open(&tree, "head")) };
            match way {
                "resolved" => resolve(&tree, "head", *number, Choice::Other(Value::text("G"))),
                "freed here" => enforced(&tree, "head", "UPDATE products SET code = 'G' WHERE code = 'F'"),
                _ => enforced(&tree, other, "UPDATE products SET code = 'G' WHERE code = 'F'"),
            }
            ended(&tree, &all);
            tree.assert_same(&all);
            let whose = "SELECT d.id, p.of, o.of FROM discounts d JOIN prices p ON p.code = d.code AND p.region = d.region
                JOIN products o ON o.code = p.code WHERE d.of = o.of ORDER BY d.of, d.id > 2";
            let [first, second, typed] = ["1|p1|p1", "2|p2|p2", "50|p2|p2"];
            tree.assert_rows(&all, whose, &[first, second, typed]);
            tree.assert_rows(&all, "SELECT count(*) FROM prices", &["2"]);
            for site in all {
                assert_eq!(fieldpost::sync::left_behind::told(&tree.session(site)).unwrap(), [], "{one} {other} {way}, at {site}");
            }
        }
    }
}

#[test]
fn a_site_whose_new_value_lost_means_its_record_by_it_where_another_one_has_just_that_here() {
    let schema = format!(
        "{PRICES} CREATE TABLE calls (id TEXT PRIMARY KEY, code TEXT REFERENCES products(code) ON UPDATE CASCADE, of TEXT);
         INSERT INTO calls VALUES ('first', 'A', 'p1'), ('second', 'B', 'p2');"
    );
    let all = ["head", "anna", "bert"];
    let (taken, other) = ("UPDATE products SET code = 'F' WHERE id = 2", "UPDATE products SET code = 'X' WHERE id = 1");
    for here in ["head", "anna"] {
        for later in [[taken, other], [other, taken]] {
            // Bert builds before he hears of anything, between, and once he heard of all.
            for order in [["bert", here, "head"], [here, "bert", "head"], [here, "head", "bert"]] {
                println!("{here} {later:?} {order:?}");
                let tree = Tree::new(&schema);
                all[1..].iter().for_each(|site| tree.add("head", site, fieldpost::site::Role::Remote));
                (0..3).for_each(|_| all.iter().for_each(|site| drop(tree.sync(site))));
                enforced(&tree, "bert", "UPDATE products SET code = 'F' WHERE id = 1; INSERT INTO calls VALUES ('typed', 'F', 'p1')");
                for sql in later {
                    tree.tick(1000);
                    enforced(&tree, here, sql);
                }
                order.iter().for_each(|site| drop(tree.sync(site)));
                ended(&tree, &all);
                tree.assert_same(&all);
                let calls = "SELECT c.id, o.of, o.code FROM calls c JOIN products o ON o.code = c.code ORDER BY 1";
                tree.assert_rows(&all, calls, &["first|p1|X", "second|p2|F", "typed|p1|X"]);
                tree.assert_rows(&all, "SELECT p.of, p.code FROM prices p ORDER BY 1", &["p1|X", "p2|F"]);
                all.iter().for_each(|site| assert_eq!(tree.rows(site, MIXED), [""; 0], "{site}"));
            }
        }
    }
}

#[test]
fn where_the_one_that_was_meant_is_deleted_and_its_value_given_on_somebody_hears_of_it() {
    for (there, here) in [("anna", "head"), ("head", "anna")] {
        let tree = tree(CALLS, &TWO);
        enforced(
            &tree,
            there,
            "DELETE FROM calls WHERE id = 'first'; DELETE FROM persons WHERE id = 1; UPDATE persons SET code = 'A' WHERE id = 2",
        );
        enforced(&tree, here, "INSERT INTO calls VALUES ('typed', '7', 'A', 'p1')");
        let told = [there, here, there, here].map(|site| tree.sync(site).waiting);
        let wants = |waiting: &&fieldpost::sync::report::Waiting| waiting.what == "calls typed" && !waiting.retried;
        assert!(told.iter().flatten().any(|waiting| wants(&waiting)), "{there} deleted it: {told:?}");
        // One that is new under the value took the place of the one that was meant, as where a table is written anew.
        let tree = super::tree(CALLS, &TWO);
        enforced(
            &tree,
            there,
            "DELETE FROM calls WHERE id = 'first'; DELETE FROM persons WHERE id = 1; INSERT INTO persons VALUES (9, 'A', 'p1')",
        );
        enforced(&tree, here, "INSERT INTO calls VALUES ('typed', '7', 'A', 'p1')");
        let told = [there, here, there, here].map(|site| tree.sync(site).waiting);
        assert!(!told.iter().flatten().any(|waiting| wants(&waiting)), "{told:?}");
        ended(&tree, &TWO);
    }
}

#[test]
fn a_table_that_goes_while_what_refers_in_it_is_to_follow_stops_nobody() {
    let schema = CALLS
        .replace("code TEXT UNIQUE,", "code TEXT UNIQUE, mail TEXT UNIQUE,")
        .replace("1, 'A', 'p1'), (2, 'B', 'p2'), (3, 'Z', 'p3')", "1, 'A', 'a', 'p1'), (2, 'B', 'b', 'p2')");
    let tree = tree(&schema, &TWO);
    // Who has the code by now waits at Anna for a person: so what refers by it is not led on yet.
    enforced(&tree, "anna", "INSERT INTO persons VALUES (10, 'Q', 'taken', 'of anna'); INSERT INTO calls VALUES ('typed', '7', 'A', 'p1')");
    enforced(&tree, "head", "UPDATE persons SET code = 'C' WHERE id = 1; INSERT INTO persons VALUES (11, 'A', 'taken', 'of head')");
    (0..2).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
    let noted = tree.session("anna").ledger.notes("following:").unwrap();
    assert!(noted.values().any(|text| !text.is_empty()), "what follows is kept until all has come: {noted:?}");
    tree.edit("head", "DROP TABLE calls");
    tree.settle(&TWO);
    resolve(&tree, "head", open(&tree, "head")[0].0, Choice::Other(Value::text("free")));
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT code, mail FROM persons ORDER BY of", &["Q|free", "A|taken", "C|a", "B|b"]);
}

#[test]
fn what_waits_and_is_given_to_another_one_at_its_site_is_that_ones() {
    let tree = tree(CALLS, &TWO);
    enforced(&tree, "anna", "INSERT INTO calls VALUES ('waits', '7', 'A', 'p1')");
    enforced(&tree, "head", "INSERT INTO calls VALUES ('in its way', '7', 'Z', 'p3')");
    tree.settle(&TWO);
    // By the time that Anna hears of it her correction has the value that her row came with, and means another one by it.
    enforced(&tree, "head", HANDED_ON);
    tree.sync("head");
    enforced(&tree, "anna", "UPDATE calls SET code = 'B', of = 'p2' WHERE id = 'waits'");
    tree.settle(&TWO);
    resolve(&tree, "head", open(&tree, "head")[0].0, Choice::Other(Value::text("8")));
    ended(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT p.of FROM calls c JOIN persons p ON p.code = c.code WHERE c.id = 'waits'", &["p2"]);
}

#[test]
fn where_a_line_is_deleted_with_its_order_and_its_key_given_on_who_refers_to_it_is_said() {
    let schema = "
        CREATE TABLE persons (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
        CREATE TABLE lines (code TEXT REFERENCES persons(code) ON UPDATE CASCADE, n INTEGER, of TEXT, PRIMARY KEY (code, n));
        CREATE TABLE marks (id TEXT PRIMARY KEY, code TEXT, n INTEGER, of TEXT, FOREIGN KEY (code, n) REFERENCES lines(code, n) ON UPDATE CASCADE);
        INSERT INTO persons VALUES (1, 'A', 'p1'), (2, 'B', 'p2'); INSERT INTO lines VALUES ('A', 1, 'p1'), ('B', 1, 'p2');";
    for (there, here) in [("anna", "head"), ("head", "anna")] {
        let tree = tree(schema, &TWO);
        enforced(
            &tree,
            there,
            "DELETE FROM lines WHERE code = 'A'; DELETE FROM persons WHERE id = 1; UPDATE persons SET code = 'A' WHERE id = 2",
        );
        enforced(&tree, here, "INSERT INTO marks VALUES ('typed', 'A', 1, 'p1')");
        let told = [there, here, there, here].map(|site| tree.sync(site).waiting);
        let wants = |waiting: &&fieldpost::sync::report::Waiting| waiting.what == "marks typed" && !waiting.retried;
        assert!(told.iter().flatten().any(|waiting| wants(&waiting)), "{there} deleted it: {told:?}");
    }
}

#[test]
fn a_new_row_that_refers_by_a_value_which_its_packet_gives_on_means_who_has_it_at_its_site() {
    let itself = "UPDATE people SET code = 'Z' WHERE id = 1; INSERT INTO people VALUES (3, 'X', 'X', 'new')";
    let round =
        "UPDATE people SET code = '_' WHERE id = 2; UPDATE people SET code = 'Z' WHERE id = 1; UPDATE people SET code = 'X' WHERE id = 2;
        INSERT INTO people VALUES (3, 'Y', 'X', 'new')";
    for (edits, boss) in [(itself, "new:new"), (round, "new:bob")] {
        for kind in ["TEXT", "INTEGER"] {
            for maker in THREE {
                let people = format!(
                    "CREATE TABLE people (id {kind} PRIMARY KEY, code TEXT UNIQUE, boss TEXT REFERENCES people(code), name TEXT);
                    INSERT INTO people VALUES (1, 'X', NULL, 'ann'), (2, 'Y', NULL, 'bob')"
                );
                let tree = tree(&people, &THREE);
                enforced(&tree, maker, edits);
                ended(&tree, &THREE);
                let bosses = "SELECT p.name || ':' || b.name FROM people p JOIN people b ON b.code = p.boss";
                tree.assert_rows(&THREE, bosses, &[boss]);
            }
        }
    }
}
