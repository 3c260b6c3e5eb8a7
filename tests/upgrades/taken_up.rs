//! A database that was put back: what was typed in it is taken up once, and goes on meaning whom it meant.

use fieldpost::site::Role;
use fieldpost::sync::recover::{Mode, Recovered};

use super::files::{backup, recovered, replace_database};
use super::put_back::of_before;
use super::support::Tree;

const TABLES: [&str; 3] = ["n", "t", "l"];
const THINGS: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, w TEXT); CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT);
    CREATE TABLE l (n INTEGER REFERENCES n, pos INTEGER, v TEXT, PRIMARY KEY (n, pos));
    INSERT INTO n VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c'); INSERT INTO t VALUES ('x', 'a'), ('y', 'b'), ('z', 'c');
    INSERT INTO l VALUES (1, 1, 'l1'), (2, 1, 'l2')";

fn pair(sql: &str) -> Tree {
    let tree = Tree::new(sql);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree
}

fn other(site: &str) -> &str {
    if site == "head" { "anna" } else { "head" }
}

/// Everything that there is at both sites, which are in step.
fn agreed(tree: &Tree) -> Vec<Vec<String>> {
    tree.settle(&["anna", "head"]);
    tree.assert_sound(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    TABLES.iter().map(|table| tree.rows("head", &format!("SELECT * FROM {table} ORDER BY 1, 2"))).collect()
}

fn listed(done: &Recovered) -> Vec<String> {
    let of_table = |table: &fieldpost::sync::recover::Brought| -> Vec<String> {
        table.listed.iter().map(|(key, what)| format!("{} {key} {what}", table.table)).collect()
    };
    done.tables.iter().flat_map(of_table).collect()
}

/// A backup is put back and typed in; of that a backup is made before anybody says `recover`, and that one is put back later.
#[test]
fn what_was_taken_up_of_a_restored_database_is_not_taken_up_again_from_a_backup_of_that() {
    for site in ["anna", "head"] {
        for sealed in ["", "UPDATE n SET w = 'own' WHERE id = 2; UPDATE t SET v = 'own' WHERE k = 'z'; UPDATE l SET v = 'own' WHERE n = 2"]
        {
            let tree = pair(THINGS);
            tree.edit(site, "UPDATE n SET w = w; UPDATE t SET v = v; UPDATE l SET v = v");
            agreed(&tree);
            let first = backup(&tree, site);
            tree.edit(other(site), "UPDATE n SET v = 'other' WHERE id = 1");
            agreed(&tree);
            tree.edit(site, sealed);
            agreed(&tree);
            replace_database(&tree, site, Some(&first));
            tree.edit(
                site,
                "UPDATE n SET v = 'typed' WHERE id = 3; INSERT INTO n VALUES (7, 'seven', 's'); INSERT INTO t VALUES ('new', 'typed');
                 UPDATE t SET v = 'typed' WHERE k = 'y'; DELETE FROM t WHERE k = 'x'; DELETE FROM l WHERE n = 1",
            );
            let second = backup(&tree, site);
            let third = {
                tree.edit(site, "UPDATE t SET v = 'typed last' WHERE k = 'z'");
                backup(&tree, site)
            };
            recovered(&tree, site, Mode::Do).unwrap();
            agreed(&tree);
            tree.assert_rows(&["head"], "SELECT k, v FROM t ORDER BY k", &["new|typed", "y|typed", "z|typed last"]);
            tree.edit(
                other(site),
                "UPDATE n SET v = 'later' WHERE id = 3; DELETE FROM n WHERE id = 7; UPDATE t SET v = 'later'; DELETE FROM t WHERE k = 'new';
                 INSERT INTO t VALUES ('x', 'mended'); INSERT INTO l VALUES (1, 1, 'mended')",
            );
            let before = agreed(&tree);
            for backup in [&second, &third] {
                replace_database(&tree, site, Some(backup));
                let done = recovered(&tree, site, Mode::Do).unwrap();
                assert!(
                    done.tables.iter().all(|table| table.kept.is_empty() && table.renumbered.is_empty()),
                    "nothing was typed: {done:?}"
                );
                // The last thing in the log was a delete, of which nobody can tell when it was.
                let all = listed(&done);
                assert!(all.iter().all(|what| what.ends_with("before or after the database was put back: it is back")), "{all:?}");
                assert_eq!(agreed(&tree), before);
            }
            // What is typed after that is an edit all the same; in what was typed before that too, somebody is to look.
            replace_database(&tree, site, Some(&second));
            tree.edit(site, "UPDATE n SET w = 'again' WHERE id = 3; UPDATE t SET v = 'again' WHERE k = 'y'; DELETE FROM t WHERE k = 'z'");
            let done = recovered(&tree, site, Mode::Do).unwrap();
            let said = "t y is as this site knew it: `v` was again in the restored database, and nobody can tell when that was typed";
            assert!(listed(&done).contains(&said.to_owned()), "{done:?}");
            let after = agreed(&tree);
            assert_eq!(after[0][2], "3|later|again", "at {site}");
            assert_eq!((&after[1][..], &after[2]), (&before[1][..2], &before[2]));
        }
    }
}

/// Nothing is sent between recovering and the backup.
#[test]
fn a_backup_of_right_after_recovering_takes_nobody_back_to_what_that_kept() {
    for site in ["anna", "head"] {
        let tree = pair(THINGS);
        tree.edit(site, "UPDATE n SET w = w; UPDATE t SET v = v");
        agreed(&tree);
        let first = backup(&tree, site);
        tree.edit(other(site), "UPDATE n SET v = 'other' WHERE id = 2");
        agreed(&tree);
        replace_database(&tree, site, Some(&first));
        tree.edit(
            site,
            "UPDATE n SET v = 'typed' WHERE id = 1; UPDATE t SET v = 'typed' WHERE k = 'x'; INSERT INTO t VALUES ('new', 'n'), ('newer', 'n');
             INSERT INTO n VALUES (7, 'wrong', '')",
        );
        recovered(&tree, site, Mode::Do).unwrap();
        let second = backup(&tree, site);
        tree.edit(
            site,
            "UPDATE n SET v = 'final' WHERE id = 1; UPDATE t SET v = 'final' WHERE k = 'x'; DELETE FROM n WHERE id = 7;
             DELETE FROM t WHERE k = 'new'",
        );
        let before = agreed(&tree);
        replace_database(&tree, site, Some(&second));
        let done = recovered(&tree, site, Mode::Do).unwrap();
        assert!(done.tables.iter().all(|table| table.kept.is_empty() && table.renumbered.is_empty()), "nothing was typed: {done:?}");
        assert_eq!(agreed(&tree), before, "at {site}");
        replace_database(&tree, site, Some(&second));
        tree.edit(site, "DELETE FROM t WHERE k = 'newer'");
        recovered(&tree, site, Mode::Do).unwrap();
        assert_eq!(agreed(&tree)[1], ["x|final", "y|b", "z|c"], "at {site}");
    }
}

#[test]
fn a_delete_that_looks_like_the_one_that_was_sealed_first_is_named_where_the_record_is_back() {
    for site in ["anna", "head"] {
        for (again, first) in [(site, ""), (other(site), ""), (site, "UPDATE t SET v = 'typed' WHERE k = 'y'")] {
            let tree = pair(THINGS);
            let old = backup(&tree, site);
            tree.edit(site, "DELETE FROM t WHERE k = 'x'");
            agreed(&tree);
            tree.edit(again, "INSERT INTO t VALUES ('x', 'again')");
            agreed(&tree);
            replace_database(&tree, site, Some(&old));
            tree.edit(site, first);
            tree.edit(site, "DELETE FROM t WHERE k = 'x'");
            let done = recovered(&tree, site, Mode::Do).unwrap();
            let (said, is) = if first.is_empty() {
                ("t x was deleted, and nobody can tell whether before or after the database was put back: it is back", "x|again")
            } else {
                ("t x is deleted, though it was changed after the backup", "y|typed")
            };
            assert_eq!(listed(&done), [said], "at {site}");
            assert_eq!(agreed(&tree)[1][0], is);
        }
    }
}

const REFERRING: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, v TEXT);
    CREATE TABLE n (id INTEGER PRIMARY KEY, u TEXT REFERENCES t (u), v TEXT); CREATE TABLE l (n INTEGER, u TEXT REFERENCES t (u), v TEXT, PRIMARY KEY (n, u));
    INSERT INTO t VALUES (1, 'U1', 'a'), (2, 'U2', 'b'), (3, 'U3', 'c'); INSERT INTO n VALUES (1, 'U1', 'n1'), (2, 'U2', 'n2')";

const SWAP: &str =
    "UPDATE n SET u = NULL; UPDATE t SET u = 'tmp' WHERE id = 1; UPDATE t SET u = 'U1' WHERE id = 2; UPDATE t SET u = 'U2' WHERE id = 1;
    UPDATE n SET u = 'U2' WHERE id = 1; UPDATE n SET u = 'U1' WHERE id = 2";

const AWAY: &str = "UPDATE n SET u = NULL WHERE id = 1; UPDATE t SET u = 'U9' WHERE id = 1; UPDATE n SET u = 'U9' WHERE id = 1";

/// A backup is put back from before what others did; whom the rows refer to after what was `typed`, and what is named.
fn referring(site: &str, others: &str, typed: &str) -> (Vec<String>, Vec<String>) {
    let tree = pair(REFERRING);
    tree.edit(site, "UPDATE n SET v = v; UPDATE t SET v = v; INSERT INTO l VALUES (1, 'U3', 'l')");
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, site);
    tree.edit(other(site), others);
    tree.settle(&["anna", "head"]);
    replace_database(&tree, site, Some(&old));
    tree.edit(site, typed);
    let done = recovered(&tree, site, Mode::Do).unwrap();
    tree.settle(&["anna", "head"]);
    // What leads nowhere is held where it arrives.
    if listed(&done).is_empty() {
        tree.assert_same(&["head", "anna"]);
    }
    let whom = "SELECT n.v || ' of ' || ifnull(t.v, 'nobody') FROM (SELECT v, u FROM n UNION ALL SELECT v, u FROM l) n LEFT JOIN t ON t.u = n.u ORDER BY 1";
    (tree.rows("head", whom), listed(&done))
}

#[test]
fn what_refers_by_a_value_refers_to_the_record_that_had_it_in_the_restored_database() {
    for site in ["anna", "head"] {
        for others in [SWAP, AWAY] {
            for (typed, rows) in [
                ("INSERT INTO n VALUES (7, 'U1', 'typed')", &["l of c", "n1 of a", "n2 of b", "typed of a"][..]),
                ("UPDATE n SET u = 'U1' WHERE id = 2", &["l of c", "n1 of a", "n2 of a"]),
                ("UPDATE n SET v = 'typed' WHERE id = 1", &["l of c", "n2 of b", "typed of a"]),
                // What got another value here as well has that.
                ("DELETE FROM l; UPDATE t SET u = 'U5' WHERE id = 3; INSERT INTO n VALUES (7, 'U5', 'typed')", &[]),
            ] {
                let (found, named) = referring(site, others, typed);
                if rows.is_empty() {
                    assert!(found.contains(&"typed of c".to_owned()), "{found:?}");
                    continue;
                }
                let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
                // The others wrote that field too.
                let both = others == SWAP && typed.ends_with("WHERE id = 2");
                let said = both.then(|| "n 2 has what was typed in `u` in place of what came after the backup".to_owned());
                assert_eq!((found, named), (rows, said.into_iter().collect()), "{typed}; {others} at {site}");
            }
        }
    }
}

#[test]
fn what_cannot_refer_to_the_record_any_more_by_a_value_is_named() {
    for site in ["anna", "head"] {
        // The value is in a key.
        let (_, named) = referring(site, SWAP, "INSERT INTO l VALUES (7, 'U1', 'typed')");
        assert_eq!(named, ["l 7/U1 has `u` U1, which meant 1 of `t`: that is 2 by now"], "at {site}");
        let (_, named) = referring(site, AWAY, "INSERT INTO l VALUES (7, 'U1', 'typed')");
        assert_eq!(named, ["l 7/U1 refers to `u` U1 of `t`, which is not there"], "at {site}");
        // The record ended, and another one has the value.
        let ended = "UPDATE n SET u = NULL WHERE id = 1; DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (5, 'U1', 'e')";
        let (_, named) = referring(site, ended, "INSERT INTO n VALUES (7, 'U1', 'typed')");
        assert_eq!(named, ["n 7 has `u` U1, which meant 1 of `t`: that is 5 by now"], "at {site}");
        // It is empty now.
        let emptied = "UPDATE n SET u = NULL WHERE id = 1; UPDATE t SET u = NULL WHERE id = 1";
        let (_, named) = referring(site, emptied, "INSERT INTO n VALUES (7, 'U1', 'typed')");
        assert_eq!(named, ["n 7 refers to `u` U1 of `t`, which is not there"], "at {site}");
        // It got another value here, and others made what refers to it.
        let made = format!("{AWAY}; INSERT INTO n VALUES (8, 'U9', 'made')");
        let typed = "UPDATE n SET u = NULL WHERE id = 1; UPDATE t SET u = 'U5' WHERE id = 1; UPDATE n SET u = 'U5' WHERE id = 1";
        let (_, named) = referring(site, &made, typed);
        let said = "n 8 refers to `u` U9 of `t`, which is not there";
        assert!(named.iter().any(|named| named == said), "{named:?} at {site}");
        let (_, named) = referring(site, &made, &format!("{typed}; INSERT INTO t VALUES (6, 'U9', 'six')"));
        let said = "n 8 has `u` U9, which meant 1 of `t`: that is 6 by now";
        assert!(named.iter().any(|named| named == said), "{named:?} at {site}");
    }
}

#[test]
fn what_refers_by_a_key_that_another_record_has_by_now_is_named() {
    for site in ["anna", "head"] {
        let tree = pair(
            "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); CREATE TABLE n (id INTEGER PRIMARY KEY, k TEXT REFERENCES t, v TEXT);
             INSERT INTO t VALUES ('x', 'X'), ('y', 'Y'), ('z', 'Z'); INSERT INTO n VALUES (1, 'x', 'n1')",
        );
        tree.edit(site, "UPDATE n SET v = v");
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        tree.edit(
            other(site),
            "UPDATE n SET k = NULL; UPDATE t SET k = 'tmp' WHERE k = 'x'; UPDATE t SET k = 'x' WHERE k = 'y'; UPDATE t SET k = 'y' WHERE k = 'tmp';
             UPDATE n SET k = 'y'; DELETE FROM t WHERE k = 'z'; INSERT INTO t VALUES ('z', 'Z')",
        );
        tree.settle(&["anna", "head"]);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "INSERT INTO n VALUES (7, 'x', 'typed'), (8, 'z', 'typed')");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        let said = "n 7 has `k` x, which meant another record of `t`: that was deleted since, and x made anew";
        assert_eq!(listed(&done), [said], "at {site}");
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
    }
}

/// Nobody can tell it from another one that is alike: two are mended by deleting one, and what was one cannot be told apart any more.
#[test]
fn what_was_lost_and_is_entered_again_as_it_was_is_a_record_of_its_own_and_named() {
    for site in ["anna", "head"] {
        for (taken, since) in [
            ("", ""),
            ("INSERT INTO n VALUES (4, 'theirs', 't'); INSERT INTO l VALUES (4, 1, 'theirs')", ""),
            ("", "UPDATE n SET w = 'shipped' WHERE v = 'Miller'"),
        ] {
            let tree = pair(THINGS);
            tree.edit(site, "UPDATE n SET w = w; UPDATE l SET v = v");
            agreed(&tree);
            let old = backup(&tree, site);
            let work = "INSERT INTO n (v, w) VALUES ('Miller', 'street'); INSERT INTO l SELECT max(id), 1, 'bolt' FROM n";
            tree.edit(other(site), taken);
            tree.sync(other(site));
            tree.edit(site, work);
            agreed(&tree);
            tree.edit(other(site), since);
            let before = agreed(&tree);
            replace_database(&tree, site, Some(&old));
            tree.edit(site, &work.replace("bolt", "hammer"));
            let all = listed(&recovered(&tree, site, Mode::Do).unwrap());
            let (first, second) = if taken.is_empty() { (4, 5) } else { (5, 6) };
            let first = if taken.is_empty() || site == "anna" { first } else { 4 };
            let said =
                format!("n {second} is like {first}, which came after the backup: where it is the same, entered twice, delete one of them");
            assert_eq!(all, [said], "{taken} at {site}");
            let after = agreed(&tree);
            assert_eq!(after[0][..before[0].len()], before[0], "{taken} at {site}");
            assert_eq!(after[0][before[0].len()..], [format!("{second}|Miller|street")]);
            assert_eq!(after[2][before[2].len()..], [format!("{second}|1|hammer")]);
            assert_eq!(after[2][..before[2].len()], before[2]);
            // Another one is another one.
            replace_database(&tree, site, Some(&old));
            tree.edit(site, &work.replace("street", "road"));
            assert_eq!(listed(&recovered(&tree, site, Mode::Do).unwrap()), [""; 0]);
            assert_eq!(agreed(&tree)[0].len(), after[0].len() + 1);
        }
    }
}

#[test]
fn what_a_record_held_once_and_is_typed_again_is_named_where_the_journal_has_forgotten_what_the_backup_held() {
    for site in ["anna", "head"] {
        let tree = pair(THINGS);
        let old = backup(&tree, site);
        for value in ["v2", "v3", "v4"] {
            tree.edit(other(site), &format!("UPDATE t SET v = '{value}'"));
            tree.settle(&["anna", "head"]);
            if value != "v4" {
                tree.tick(500 * 24 * 60 * 60 * 1000);
                tree.settle(&["anna", "head"]);
            }
        }
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE t SET v = 'v3' WHERE k = 'x'");
        let done = recovered(&tree, site, Mode::Do).unwrap();
        let said = "t x is as this site knew it: `v` was v3 in the restored database, and nobody can tell when that was typed";
        assert_eq!(listed(&done), [said], "at {site}");
        assert_eq!(agreed(&tree)[1], ["x|v4", "y|v4", "z|v4"]);
    }
}

/// A backup may be older than what is remembered of a record that was deleted since: nobody made that now.
#[test]
fn what_was_deleted_and_forgotten_since_the_backup_stays_deleted_and_is_named() {
    for site in ["anna", "head"] {
        let tree = pair(THINGS);
        tree.edit(site, "UPDATE n SET v = v; UPDATE t SET v = v");
        agreed(&tree);
        let old = backup(&tree, site);
        tree.edit(other(site), "DELETE FROM t WHERE k = 'x'; DELETE FROM n WHERE id = 3");
        for _ in 0..3 {
            agreed(&tree);
            tree.tick(500 * 24 * 60 * 60 * 1000);
        }
        let before = agreed(&tree);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "INSERT INTO t VALUES ('new', 'n')");
        let said = "t x of the restored database is left out: nothing is noted of it since the backup was made, and this site knows no such record";
        assert_eq!(listed(&recovered(&tree, site, Mode::Do).unwrap()), [said], "at {site}");
        let after = agreed(&tree);
        assert_eq!((&after[0], &after[1][..]), (&before[0], &["new|n".to_owned(), "y|b".to_owned(), "z|c".to_owned()][..]));
    }
}

/// Nobody typed what the application's own upgrade, or a column that was this site's alone, has in a restored database.
#[test]
fn what_is_in_a_column_that_came_since_the_backup_is_no_edit() {
    let upgrades = [
        ("ALTER TABLE t ADD COLUMN r TEXT; UPDATE t SET r = lower(v) || '!'", false),
        (
            "CREATE TABLE t2 (k TEXT PRIMARY KEY, v TEXT, r TEXT); INSERT INTO t2 SELECT k, v, lower(v) || '!' FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t",
            false,
        ),
        ("ALTER TABLE t ADD COLUMN r TEXT DEFAULT 'filled'", true),
    ];
    for (upgrade, is_known) in upgrades {
        for typed in ["", "UPDATE t SET r = 'typed' WHERE k = 'y'"] {
            let tree = pair("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES ('x', 'A'), ('y', 'B')");
            tree.edit("head", "UPDATE t SET v = v");
            tree.settle(&["anna", "head"]);
            let old = backup(&tree, "head");
            tree.edit("anna", "UPDATE t SET v = 'A2' WHERE k = 'x'");
            tree.settle(&["anna", "head"]);
            tree.edit("head", upgrade);
            tree.settle(&["head", "anna"]);
            let before = tree.rows("head", "SELECT * FROM t ORDER BY k");
            replace_database(&tree, "head", Some(&old));
            tree.edit("head", upgrade);
            tree.edit("head", typed);
            let done = recovered(&tree, "head", Mode::Do).unwrap();
            let said = |key: &str, was: &str| {
                format!("t {key} is as this site knew it: `r` was {was} in the restored database, and nobody can tell when that was typed")
            };
            // What is in place of nothing is kept.
            let upgraded = (!is_known).then(|| said("x", "a!"));
            let edited = (!typed.is_empty() && !is_known).then(|| said("y", "typed"));
            assert_eq!(listed(&done), upgraded.into_iter().chain(edited).collect::<Vec<_>>(), "{upgrade}; {typed}");
            tree.settle(&["anna", "head"]);
            tree.assert_same(&["head", "anna"]);
            let is_kept = is_known && !typed.is_empty();
            let after: Vec<String> =
                before.iter().map(|row| if is_kept { row.replace("y|B|filled", "y|B|typed") } else { row.clone() }).collect();
            assert_eq!(tree.rows("head", "SELECT * FROM t ORDER BY k"), after);
        }
    }
    for site in ["anna", "head"] {
        let tree = Tree::with_rules(THINGS, "[tables.t]\nlocal = ['v']\n");
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        tree.edit(site, "UPDATE n SET w = w; UPDATE t SET v = 'old'");
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        std::fs::write(tree.home("head").join("rules.toml"), "# none\n").unwrap();
        tree.settle(&["head", "anna"]);
        tree.edit(other(site), "UPDATE t SET v = 'later'");
        let before = agreed(&tree);
        replace_database(&tree, site, Some(&old));
        assert_eq!(listed(&recovered(&tree, site, Mode::Do).unwrap()), [""; 0], "at {site}");
        assert_eq!(agreed(&tree), before);
    }
}

/// Recovering gives the schema, and is refused; what is typed into a column that came with it stays where nobody else wrote, and is named else.
#[test]
fn what_is_typed_into_a_column_that_came_with_recovering_is_not_dropped() {
    let tree = pair(
        "CREATE TABLE t (k TEXT PRIMARY KEY, u TEXT UNIQUE); CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO n VALUES (1, 'a'), (2, 'b')",
    );
    tree.edit("anna", "UPDATE n SET v = v");
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "ALTER TABLE n ADD COLUMN r TEXT; INSERT INTO t VALUES ('h', 'taken'); UPDATE n SET r = 'r1' WHERE id = 1");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "INSERT INTO t VALUES ('mine', 'taken')");
    assert!(!recovered(&tree, "anna", Mode::Do).unwrap().done);
    tree.edit("anna", "UPDATE t SET u = 'free'; UPDATE n SET r = 'typed'");
    let done = recovered(&tree, "anna", Mode::Do).unwrap();
    let said = "n 1 is as this site knew it: `r` was typed in the restored database, and nobody can tell when that was typed";
    assert_eq!(listed(&done), [said]);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM n ORDER BY id", &["1|a|r1", "2|b|typed"]);
}

/// What somebody had typed before the backup, and went on with after it: nobody knows how far he was in the backup.
#[test]
fn what_is_set_back_to_what_it_was_before_an_unsent_edit_is_named() {
    for site in ["anna", "head"] {
        let tree = pair(THINGS);
        tree.edit(site, "UPDATE n SET w = w; UPDATE t SET v = v");
        agreed(&tree);
        tree.edit(site, "UPDATE n SET v = 'v1' WHERE id = 1");
        let old = backup(&tree, site);
        tree.edit(site, "UPDATE n SET w = 'w1' WHERE id = 1");
        agreed(&tree);
        tree.edit(other(site), "UPDATE n SET v = 'v2' WHERE id = 1");
        let before = agreed(&tree);
        replace_database(&tree, site, Some(&old));
        assert_eq!(listed(&recovered(&tree, site, Mode::Do).unwrap()), [""; 0], "nothing was typed at {site}");
        assert_eq!(agreed(&tree), before);
        replace_database(&tree, site, Some(&old));
        tree.edit(site, "UPDATE n SET v = 'a' WHERE id = 1");
        let said = "n 1 is as this site knew it: `v` was a, `w` was a in the restored database, and nobody can tell when that was typed";
        assert_eq!(listed(&recovered(&tree, site, Mode::Do).unwrap()), [said], "at {site}");
        assert_eq!(agreed(&tree), before);
    }
}

/// A draft of the backup that was undone before it was sent is nobody's, and nobody can tell it from what was typed beside it.
#[test]
fn a_draft_that_was_undone_does_not_go_out_with_what_was_typed_beside_it() {
    for site in ["anna", "head"] {
        for later in ["", "UPDATE n SET v = 'v2' WHERE id = 1"] {
            let tree = pair(THINGS);
            tree.edit(site, "UPDATE n SET w = w; UPDATE t SET v = v");
            agreed(&tree);
            tree.edit(site, "UPDATE n SET v = 'draft' WHERE id = 1");
            let old = backup(&tree, site);
            tree.edit(site, "UPDATE n SET v = 'a' WHERE id = 1");
            agreed(&tree);
            tree.edit(other(site), later);
            let before = agreed(&tree);
            replace_database(&tree, site, Some(&old));
            tree.edit(site, "UPDATE n SET w = 'typed' WHERE id = 1; UPDATE n SET w = 'typed' WHERE id = 3");
            let said = "n 1 is as this site knew it: `v` was draft, `w` was typed in the restored database, and nobody can tell when that was typed";
            assert_eq!(listed(&recovered(&tree, site, Mode::Do).unwrap()), [said], "{later} at {site}");
            let after = agreed(&tree);
            assert_eq!((&after[0][..2], after[0][2].as_str()), (&before[0][..2], "3|c|typed"));
        }
    }
}

#[test]
fn what_a_site_emptied_since_the_upgrade_that_filled_it_is_not_filled_again() {
    let tree = pair("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES ('x', 'A'), ('y', 'B')");
    tree.edit("head", "UPDATE t SET v = v");
    tree.settle(&["anna", "head"]);
    let old = backup(&tree, "head");
    tree.edit("anna", "UPDATE t SET v = 'A2' WHERE k = 'x'");
    tree.settle(&["anna", "head"]);
    let upgrade = "ALTER TABLE t ADD COLUMN r TEXT; UPDATE t SET r = lower(v)";
    tree.edit("head", upgrade);
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE t SET r = NULL WHERE k = 'x'");
    tree.settle(&["anna", "head"]);
    replace_database(&tree, "head", Some(&old));
    tree.edit("head", upgrade);
    let said = "t x is as this site knew it: `r` was a in the restored database, and nobody can tell when that was typed";
    assert_eq!(listed(&recovered(&tree, "head", Mode::Do).unwrap()), [said]);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM t ORDER BY k", &["x|A2|-", "y|B|b"]);
}

/// The application makes the tables anew, and with that takes our triggers away.
#[test]
fn what_is_deleted_or_set_back_after_a_table_was_made_anew_is_named() {
    let upgrade = "PRAGMA foreign_keys = off; CREATE TABLE n2 (id INTEGER PRIMARY KEY, v TEXT, w TEXT, r TEXT);
        INSERT INTO n2 SELECT id, v, upper(w), NULL FROM n; DROP TABLE n;
        ALTER TABLE n2 RENAME TO n; CREATE TABLE t2 (k TEXT PRIMARY KEY, v TEXT, r TEXT); INSERT INTO t2 SELECT *, NULL FROM t;
        DROP TABLE t; ALTER TABLE t2 RENAME TO t";
    let back = "was deleted, and nobody can tell whether before or after the database was put back: it is back";
    let set = "is as this site knew it: `v` was v3 in the restored database, and nobody can tell when that was typed";
    for (typed, what) in [
        ("", vec![]),
        ("DELETE FROM n WHERE id = 3; DELETE FROM t WHERE k = 'z'", vec![format!("n 3 {back}"), format!("t z {back}")]),
        ("UPDATE n SET v = 'v3' WHERE id = 1; UPDATE t SET v = 'v3' WHERE k = 'x'", vec![format!("n 1 {set}"), format!("t x {set}")]),
    ] {
        let tree = pair(THINGS);
        tree.edit("head", "UPDATE n SET v = v; UPDATE t SET v = v");
        agreed(&tree);
        tree.edit("head", "UPDATE t SET v = 'draft' WHERE k = 'y'");
        let old = backup(&tree, "head");
        agreed(&tree);
        tree.edit("head", upgrade);
        agreed(&tree);
        for value in ["v3", "v4"] {
            tree.edit("anna", &format!("UPDATE n SET v = '{value}' WHERE id = 1; UPDATE t SET v = '{value}' WHERE k IN ('x', 'y')"));
            agreed(&tree);
        }
        tree.edit("anna", "UPDATE n SET w = 'later' WHERE id = 1; DELETE FROM l WHERE n = 2");
        tree.edit("anna", "INSERT INTO n VALUES (9, 'came', 'since', NULL); DELETE FROM n WHERE id = 2");
        let before = agreed(&tree);
        replace_database(&tree, "head", Some(&old));
        tree.edit("head", upgrade);
        tree.edit("head", typed);
        assert_eq!(listed(&recovered(&tree, "head", Mode::Do).unwrap()), what, "{typed}");
        assert_eq!(agreed(&tree), before);
    }
}

/// A delete has no time: with what is noted beside it, it may look like the one with which the site went on after the backup.
#[test]
fn a_delete_of_which_nobody_can_tell_when_it_was_is_named_whatever_is_noted_beside_it() {
    let back = "t x was deleted, and nobody can tell whether before or after the database was put back: it is back";
    let pushed = "DELETE FROM t WHERE k = 'x'; INSERT OR REPLACE INTO t VALUES ('y', 'c')";
    let many: String = (0..70).map(|edit| format!("UPDATE t SET v = '{edit}' WHERE k = 'y';")).collect();
    for site in ["anna", "head"] {
        for (unsent, since, typed) in [
            // A record is pushed out by one that gets its unique value.
            ("", pushed, pushed.replace("'c')", "'c'); UPDATE t SET v = 'q' WHERE k = 'y'")),
            // More was unsent than is marked.
            (many.as_str(), "UPDATE t SET v = 'more' WHERE k = 'y'; DELETE FROM t WHERE k = 'x'", "DELETE FROM t WHERE k = 'x'".to_owned()),
            // It was made before the backup, and had not been sent.
            ("INSERT INTO t VALUES ('x', 'a')", "DELETE FROM t WHERE k = 'x'", "DELETE FROM t WHERE k = 'x'".to_owned()),
        ] {
            let tree = pair(&THINGS.replace("t (k TEXT PRIMARY KEY, v TEXT)", "t (k TEXT PRIMARY KEY, v TEXT UNIQUE)"));
            if unsent.contains("'x'") {
                tree.edit(site, "DELETE FROM t WHERE k = 'x'");
            }
            tree.edit(site, "UPDATE t SET v = v; UPDATE n SET v = v");
            agreed(&tree);
            tree.edit(site, unsent);
            let old = of_before(&tree, site);
            tree.edit(site, since);
            agreed(&tree);
            tree.edit(other(site), "INSERT INTO t VALUES ('x', 'again')");
            agreed(&tree);
            replace_database(&tree, site, Some(&old));
            tree.edit(site, &typed);
            let all = listed(&recovered(&tree, site, Mode::Do).unwrap());
            assert!(all.contains(&back.to_owned()), "{since}; {typed}: {all:?} at {site}");
            assert_eq!(agreed(&tree)[1][0], "x|again");
        }
    }
}

#[test]
fn a_new_record_of_a_backup_that_is_deleted_stays_deleted_where_another_one_gets_its_number() {
    for site in ["anna", "head"] {
        for since in ["", "UPDATE n SET w = 'lane' WHERE id = 4"] {
            let tree = pair(THINGS);
            tree.edit(site, "UPDATE n SET w = w");
            agreed(&tree);
            tree.edit(site, "INSERT INTO n VALUES (4, 'Miller', 'street')");
            let old = backup(&tree, site);
            tree.edit(site, since);
            agreed(&tree);
            replace_database(&tree, site, Some(&old));
            tree.edit(site, "DELETE FROM n WHERE id = 4");
            tree.edit(site, "INSERT INTO n (v, w) VALUES ('Smith', 'road')");
            recovered(&tree, site, Mode::Do).unwrap();
            assert_eq!(agreed(&tree)[0][3..], ["5|Smith|road"], "{since} at {site}");
        }
    }
}
