//! A record has a value in its key by which it refers, and gets another key where that changes: what was edited under the old one elsewhere is edited in it.

use fieldpost::sync::Limits;

use super::support::Tree;
use super::{THREE, ended, tree};

const LINES: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
    CREATE TABLE lines (code TEXT REFERENCES orders(code) ON UPDATE CASCADE, n INTEGER, note TEXT, pieces INTEGER, PRIMARY KEY (code, n));
    CREATE TABLE lots (code TEXT, n INTEGER, k INTEGER, note TEXT, PRIMARY KEY (code, n, k),
        FOREIGN KEY (code, n) REFERENCES lines (code, n) ON UPDATE CASCADE);
    INSERT INTO orders VALUES (1, 'A', 'o1'), (2, 'C', 'o2');
    INSERT INTO lines VALUES ('A', 1, 'one', 1), ('A', 2, 'two', 2), ('C', 7, 'seven', 7);
    INSERT INTO lots VALUES ('A', 1, 1, 'one'), ('A', 2, 1, 'two'), ('C', 7, 1, 'seven');";

const ALL: &str = "SELECT o.of, l.n, l.note, l.pieces, group_concat(m.note, '+') FROM orders o JOIN lines l ON l.code = o.code
    LEFT JOIN (SELECT * FROM lots ORDER BY code, n, k) m ON m.code = l.code AND m.n = l.n GROUP BY o.id, l.n ORDER BY o.id, l.n";

/// Who changes the code, who edits, and who of the two has its packets taken first.
fn cases() -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let pairs = THREE.iter().flat_map(|there| THREE.iter().filter(move |here| here != &there).map(move |here| (*there, *here)));
    pairs.flat_map(|(there, here)| [true, false].map(|first| (there, here, first)))
}

fn run(there: &str, here: &str, first: bool, changes: &str, edits: &str) -> Tree {
    let mut tree = tree(LINES, &THREE);
    tree.limits = Limits { slice_changes: 2, ..Limits::default() };
    println!("{there} {here} {first}: {changes}; {edits}");
    tree.edit(there, &format!("PRAGMA foreign_keys = on; BEGIN; PRAGMA defer_foreign_keys = on; {changes}; COMMIT"));
    tree.tick(1000);
    tree.edit(here, &format!("PRAGMA foreign_keys = on; BEGIN; {edits}; COMMIT"));
    let (one, other) = if first { (there, here) } else { (here, there) };
    tree.sync(one);
    tree.sync(other);
    ended(&tree, &THREE);
    tree
}

const RENAMED: &str = "UPDATE orders SET code = 'B' WHERE id = 1";

#[test]
fn an_edit_of_it_and_of_what_has_its_key_in_its_own_is_in_it() {
    let edits = [
        ("UPDATE lines SET note = 'edited' WHERE n = 1", ["o1|1|edited|1|one", "o1|2|two|2|two"]),
        ("UPDATE lots SET note = 'edited' WHERE n = 1", ["o1|1|one|1|edited", "o1|2|two|2|two"]),
        (
            "UPDATE lines SET pieces = 9 WHERE n = 1; UPDATE lots SET note = 'edited' WHERE n = 1; INSERT INTO lots VALUES ('A', 1, 2, 'new')",
            ["o1|1|one|9|edited+new", "o1|2|two|2|two"],
        ),
    ];
    let handed_on = format!("{RENAMED}; UPDATE orders SET code = 'A' WHERE id = 2");
    for (turn, (there, here, first)) in cases().enumerate() {
        for (changes, (edits, one)) in [(RENAMED, &edits[turn % 3]), (&handed_on, &edits[(turn + 1) % 3]), (&handed_on, &edits[2])] {
            let tree = run(there, here, first, changes, edits);
            tree.assert_same(&THREE);
            tree.assert_rows(&THREE, ALL, &[one[0], one[1], "o2|7|seven|7|seven"]);
            tree.assert_rows(&THREE, "SELECT count(*) FROM lines", &["3"]);
        }
    }
}

#[test]
fn what_both_edited_in_it_is_decided_as_any_field_is() {
    let changes = format!("{RENAMED}; UPDATE lines SET note = 'theirs' WHERE n = 1");
    for (there, here, first) in cases() {
        let tree = run(there, here, first, &changes, "UPDATE lines SET note = 'edited', pieces = 9 WHERE n = 1");
        tree.assert_same(&THREE);
        tree.assert_rows(&THREE, ALL, &["o1|1|edited|9|one", "o1|2|two|2|two", "o2|7|seven|7|seven"]);
        let lost = |site: &str| {
            let mut lost = Vec::new();
            let listed = |_, _, _, conflict: fieldpost::ledger::Conflict| {
                if conflict.field.as_deref() == Some("note") {
                    lost.push([conflict.key.to_string(), conflict.winner.unwrap(), conflict.loser.unwrap(), conflict.base.unwrap()]);
                }
                Ok(())
            };
            tree.session(site).ledger.conflicts(0, &mut { listed }).unwrap();
            lost
        };
        let all: Vec<_> = THREE.iter().flat_map(|site| lost(site)).collect();
        assert!(!all.is_empty(), "{there} {here} {first}");
        let wanted = ["B/1", "edited", "theirs", "one"].map(str::to_owned);
        assert!(all.iter().all(|one| *one == wanted), "{there} {here} {first}: {all:?}");
    }
}

#[test]
fn a_line_that_its_site_deleted_goes_with_its_order_all_the_same() {
    for (there, here, first) in cases() {
        let edit = "UPDATE lines SET note = 'edited' WHERE n = 1";
        let deleted = format!("DELETE FROM lots WHERE n = 1; DELETE FROM lines WHERE n = 1; {RENAMED}");
        let tree = run(there, here, first, &deleted, edit);
        tree.assert_same(&THREE);
        tree.assert_rows(&THREE, "SELECT o.of, l.note FROM orders o JOIN lines l ON l.code = o.code WHERE l.n = 1", &["o1|edited"]);
    }
}

#[test]
fn one_that_both_typed_alike_keeps_what_stays_at_its_site() {
    let schema = LINES
        .replace("pieces INTEGER", "pieces INTEGER, memo TEXT")
        .replace(", 1), ('A', 2, 'two', 2), ('C', 7, 'seven', 7)", ", 1, NULL)");
    let schema = schema.replace("INSERT INTO lots VALUES ('A', 1, 1, 'one'), ('A', 2, 1, 'two'), ('C', 7, 1, 'seven');", "");
    for (there, here) in [("head", "rosa"), ("rosa", "head")] {
        let tree = Tree::with_rules(&schema, "[tables.lines]\nlocal = [\"memo\"]\n");
        tree.add("head", "rosa", fieldpost::site::Role::Remote);
        let two = ["head", "rosa"];
        (0..3).for_each(|_| two.iter().for_each(|site| drop(tree.sync(site))));
        tree.edit(there, &format!("PRAGMA foreign_keys = on; INSERT INTO lines VALUES ('A', 5, 'same', 5, NULL); {RENAMED}"));
        tree.edit(here, "INSERT INTO lines VALUES ('A', 5, 'same', 5, 'typed here')");
        tree.sync(there);
        ended(&tree, &two);
        assert_eq!(tree.rows(here, "SELECT code, memo FROM lines WHERE n = 5"), ["B|typed here"], "{here}");
    }
}

#[test]
fn what_was_sent_and_not_heard_yet_where_the_key_changed_stays_at_its_site_and_comes() {
    let edits = "UPDATE lines SET note = 'edited', pieces = pieces + 10 WHERE n = 1; UPDATE lots SET note = 'edited' WHERE n = 1";
    for sums in [false, true] {
        let rules = if sums { "[tables.lines.fields]\npieces = [\"sum\", \"newest\"]\n" } else { "" };
        let tree = Tree::with_rules(LINES, rules);
        tree.add("head", "rosa", fieldpost::site::Role::Remote);
        let two = ["head", "rosa"];
        (0..3).for_each(|_| two.iter().for_each(|site| drop(tree.sync(site))));
        tree.edit("rosa", edits);
        tree.edit("head", &format!("PRAGMA foreign_keys = on; {RENAMED}"));
        // Rosa's packet is on its way while the head office builds, and the other way round.
        tree.half("rosa", fieldpost::sync::round::Halves::Send);
        tree.half("head", fieldpost::sync::round::Halves::Send);
        tree.half("rosa", fieldpost::sync::round::Halves::Receive);
        assert_eq!(tree.rows("rosa", "SELECT code, note, pieces FROM lines WHERE n = 1"), ["B|edited|11"], "sums: {sums}");
        tree.edit("rosa", "UPDATE lines SET pieces = pieces + 100 WHERE n = 1");
        ended(&tree, &two);
        tree.assert_same(&two);
        tree.assert_rows(&two, ALL, &["o1|1|edited|111|edited", "o1|2|two|2|two", "o2|7|seven|7|seven"]);
    }
}

#[test]
fn what_stays_at_a_site_goes_along_where_another_one_changes_the_value_in_a_key() {
    let schema = "
        CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, of TEXT);
        CREATE TABLE lines (code TEXT REFERENCES orders(code) ON UPDATE CASCADE, n INTEGER, memo TEXT, PRIMARY KEY (code, n));
        INSERT INTO orders VALUES (1, 'A', 'o1'), (2, 'C', 'o2'); INSERT INTO lines VALUES ('A', 1, NULL), ('A', 2, NULL), ('C', 1, NULL);";
    let swapped =
        "UPDATE orders SET code = '_' WHERE id = 1; UPDATE orders SET code = 'A' WHERE id = 2; UPDATE orders SET code = 'C' WHERE id = 1";
    for changes in [RENAMED, swapped] {
        for (there, here) in [("head", "rosa"), ("rosa", "head")] {
            let tree = Tree::with_rules(schema, "[tables.lines]\nlocal = [\"memo\"]\n");
            tree.add("head", "rosa", fieldpost::site::Role::Remote);
            let two = ["head", "rosa"];
            (0..3).for_each(|_| two.iter().for_each(|site| drop(tree.sync(site))));
            tree.edit(here, "UPDATE lines SET memo = 'of o1' WHERE code = 'A' AND n = 1");
            tree.edit(there, &format!("PRAGMA foreign_keys = on; BEGIN; PRAGMA defer_foreign_keys = on; {changes}; COMMIT"));
            tree.sync(there);
            ended(&tree, &two);
            let memos = "SELECT o.of, l.n, l.memo FROM lines l JOIN orders o ON o.code = l.code WHERE memo IS NOT NULL";
            assert_eq!(tree.rows(here, memos), ["o1|1|of o1"], "{changes}: {there}");
        }
    }
}

#[test]
fn an_edit_of_what_has_its_key_comes_also_where_another_one_has_that_key_at_once() {
    let schema =
        LINES.replace("('C', 7, 'seven', 7)", "('C', 1, 'first of C', 7)").replace("('C', 7, 1, 'seven')", "('C', 1, 1, 'lot of C')");
    for (there, here) in [("head", "north"), ("head", "rosa"), ("north", "rosa")] {
        let tree = tree(&schema, &THREE);
        tree.edit(there, &format!("PRAGMA foreign_keys = on; BEGIN; {RENAMED}; UPDATE orders SET code = 'A' WHERE id = 2; COMMIT"));
        tree.edit(here, "UPDATE lots SET note = 'edited' WHERE code = 'A' AND n = 1");
        // Its packet comes from a site that has not heard of the change.
        tree.sync(here);
        ended(&tree, &THREE);
        tree.assert_same(&THREE);
        tree.assert_rows(&THREE, ALL, &["o1|1|one|1|edited", "o1|2|two|2|two", "o2|1|first of C|7|lot of C"]);
    }
}
