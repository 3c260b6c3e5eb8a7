//! What of a row that is told before the record it refers to is there? Applications that enforce no foreign keys write such rows.

use fieldpost::site::Role;
use fieldpost::sync::round;

use super::{THREE, TWO, half, settled, three, two};
use crate::support::Tree;

/// Films and actors under handed-out numbers, and who plays in what: a key of two of them.
const FILMS: &str = "
    CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE actors (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE cast_of (film INTEGER REFERENCES films, actor INTEGER REFERENCES actors, fee TEXT, PRIMARY KEY (film, actor));
    CREATE TABLE posters (token TEXT PRIMARY KEY, film INTEGER REFERENCES films);
    INSERT INTO films VALUES (1, 'old film'); INSERT INTO actors VALUES (1, 'old actor');";
const CAST: &str =
    "SELECT f.title, a.name, c.fee FROM cast_of c LEFT JOIN films f ON f.id = c.film LEFT JOIN actors a ON a.id = c.actor ORDER BY 1";
const POSTERS: &str = "SELECT p.token, f.title FROM posters p LEFT JOIN films f ON f.id = p.film ORDER BY 1";

/// As an application does it that enforces no foreign keys.
fn loosely(tree: &Tree, site: &str, sql: &str) {
    tree.edit(site, &format!("PRAGMA foreign_keys = OFF; {sql}"));
}

/// Nothing is held, and nothing lost: that a row waited for a while, or became another one at both sites alike, is all that is listed.
fn nothing_waits(tree: &Tree, sites: &[&str]) {
    for site in sites {
        let lost: Vec<String> = tree.listed(site).into_iter().filter(|loser| loser != "waits" && loser != "created twice").collect();
        assert!(tree.held(site).is_empty() && lost.is_empty(), "{site}: {:?} {lost:?}", tree.held(site));
    }
}

const EARLY: &str = "INSERT INTO cast_of VALUES (2, 1, 'early'); INSERT INTO posters VALUES ('early', 2)";

#[test]
fn the_record_comes_in_a_later_round_under_the_number_that_was_written() {
    for maker in TWO {
        let tree = two(FILMS, "");
        loosely(&tree, maker, EARLY);
        tree.settle(&TWO);
        tree.edit(maker, "INSERT INTO films VALUES (2, 'new film')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, CAST, &["new film|old actor|early"]);
        tree.assert_rows(&TWO, POSTERS, &["early|new film"]);
        nothing_waits(&tree, &TWO);
    }
}

#[test]
fn the_record_comes_in_a_later_round_and_gets_another_number_at_the_parent() {
    for late in [false, true] {
        let tree = two(FILMS, "");
        loosely(&tree, "anna", EARLY);
        if late {
            tree.settle(&TWO);
        } else {
            half(&tree, "anna", round::Halves::Send);
        }
        tree.edit("head", "INSERT INTO films VALUES (2, 'film of head')");
        tree.edit("anna", "INSERT INTO films VALUES (2, 'new film')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, CAST, &["new film|old actor|early"]);
        tree.assert_rows(&TWO, POSTERS, &["early|new film"]);
        tree.assert_rows(&TWO, "SELECT title FROM films WHERE id = 2", &["film of head"]);
        nothing_waits(&tree, &TWO);
    }
}

#[test]
fn a_row_comes_to_mean_the_record_that_gets_the_number_where_the_row_is_whoever_made_that() {
    for (writer, maker) in [("anna", "head"), ("head", "anna")] {
        let tree = two(FILMS, "");
        loosely(&tree, writer, EARLY);
        tree.settle(&TWO);
        tree.edit(maker, "INSERT INTO films VALUES (2, 'new film')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, CAST, &["new film|old actor|early"]);
        tree.assert_rows(&TWO, POSTERS, &["early|new film"]);
        nothing_waits(&tree, &TWO);
    }
}

#[test]
fn rows_of_three_levels_wait_for_the_record_and_follow_it() {
    for maker in THREE {
        let tree = three(FILMS, "");
        loosely(&tree, maker, EARLY);
        tree.settle(&THREE);
        for site in THREE {
            tree.edit(site, &format!("INSERT INTO films VALUES (2, 'film of {site}')"));
        }
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, CAST, &[&format!("film of {maker}|old actor|early")]);
        tree.assert_rows(&THREE, POSTERS, &[&format!("early|film of {maker}")]);
        nothing_waits(&tree, &THREE);
    }
}

#[test]
fn both_ends_of_a_junction_come_later_one_after_the_other() {
    let tree = two(FILMS, "");
    loosely(&tree, "anna", "INSERT INTO cast_of VALUES (2, 2, 'early')");
    for (own, of_head) in [
        ("INSERT INTO actors VALUES (2, 'new actor')", "INSERT INTO actors VALUES (2, 'actor of head')"),
        ("INSERT INTO films VALUES (2, 'new film')", "INSERT INTO films VALUES (2, 'film of head')"),
    ] {
        tree.settle(&TWO);
        tree.edit("anna", own);
        tree.edit("head", of_head);
    }
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CAST, &["new film|new actor|early"]);
    nothing_waits(&tree, &TWO);
}

#[test]
fn a_row_that_is_edited_or_deleted_while_it_waits_is_as_it_was_left() {
    for (sql, expected) in [
        ("UPDATE cast_of SET fee = 'edited'", &["new film|old actor|edited"][..]),
        ("DELETE FROM cast_of", &[]),
        ("UPDATE cast_of SET film = 1", &["old film|old actor|early"]),
    ] {
        let tree = two(FILMS, "");
        loosely(&tree, "anna", EARLY);
        tree.settle(&TWO);
        loosely(&tree, "anna", sql);
        tree.edit("head", "INSERT INTO films VALUES (2, 'film of head'), (3, 'other film of head')");
        tree.edit("anna", "INSERT INTO films VALUES (2, 'new film')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, CAST, expected);
        nothing_waits(&tree, &TWO);
    }
}

#[test]
fn rows_that_were_there_before_the_site_wait_for_their_record_too() {
    let tree = Tree::new(&format!("PRAGMA foreign_keys = OFF; {FILMS} {EARLY};"));
    tree.add("head", "anna", Role::Remote);
    TWO.iter().for_each(|site| drop(tree.sync(site)));
    tree.settle(&TWO);
    assert_eq!(tree.held("anna").len(), 2);
    tree.edit("head", "INSERT INTO films VALUES (2, 'new film')");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, CAST, &["new film|old actor|early"]);
    tree.assert_rows(&TWO, POSTERS, &["early|new film"]);
    nothing_waits(&tree, &TWO);
}

#[test]
fn rows_that_only_new_rules_call_references_wait_for_their_record_too() {
    let tree = two(
        "CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE posters (token TEXT PRIMARY KEY, film INTEGER);
         CREATE TABLE tags (film INTEGER, tag TEXT, PRIMARY KEY (film, tag));",
        "",
    );
    tree.edit("anna", "INSERT INTO posters VALUES ('early', 1); INSERT INTO tags VALUES (1, 'early')");
    tree.settle(&TWO);
    let rules = "[references]\n\"posters.film\" = \"films\"\n\"tags.film\" = \"films\"\n\n[clocks]\nfuture = \"36500d\"\n";
    std::fs::write(tree.home("head").join("rules.toml"), rules).unwrap();
    tree.settle(&TWO);
    tree.edit("anna", "INSERT INTO films VALUES (1, 'new film')");
    tree.edit("head", "INSERT INTO films VALUES (7, 'film of head')");
    tree.sync("anna");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, POSTERS, &["early|new film"]);
    tree.assert_rows(&TWO, "SELECT t.tag, f.title FROM tags t LEFT JOIN films f ON f.id = t.film", &["early|new film"]);
    nothing_waits(&tree, &TWO);
}

#[test]
fn killed_before_any_durable_step_an_early_row_follows_all_the_same() {
    for dying in TWO {
        for kill in 1.. {
            let tree = two(FILMS, "");
            loosely(&tree, "anna", EARLY);
            tree.settle(&TWO);
            tree.edit("head", "INSERT INTO films VALUES (2, 'film of head')");
            tree.edit("anna", "INSERT INTO films VALUES (2, 'new film')");
            if dying == "head" {
                tree.sync("anna");
            }
            let died = tree.sync_dying(dying, kill);
            settled(&tree, &TWO);
            tree.assert_rows(&TWO, CAST, &["new film|old actor|early"]);
            tree.assert_rows(&TWO, POSTERS, &["early|new film"]);
            if died.is_none() {
                break;
            }
        }
    }
}

#[test]
fn a_number_made_by_chance_that_nobody_has_is_that_number() {
    // Programs that make numbers by chance take them from all 64 bits.
    for number in ["-4000000000000000000", "-4611000000000000000", "-9223372036854775808"] {
        for maker in TWO {
            let tree = two(FILMS, "");
            loosely(&tree, maker, &format!("INSERT INTO posters VALUES ('early', {number})"));
            tree.settle(&TWO);
            let held: Vec<String> = TWO.iter().flat_map(|site| tree.held(site)).collect();
            assert!(held.len() == 1 && held[0].contains(&format!("it refers to films {number}, which has not come yet")), "{held:?}");
            tree.assert_rows(&[maker], "SELECT film || '' FROM posters", &[number]);
            tree.edit(maker, &format!("INSERT INTO films VALUES ({number}, 'by chance')"));
            settled(&tree, &TWO);
            tree.assert_rows(&TWO, POSTERS, &["early|by chance"]);
            nothing_waits(&tree, &TWO);
        }
    }
}

const LOOSE: &str = "
    CREATE TABLE films (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT); CREATE TABLE posters (token TEXT PRIMARY KEY, film INTEGER);
    INSERT INTO films VALUES (1, 'old film');";
const LOOSE_RULES: &str = "[references]\n\"posters.film\" = \"films\"\n";

#[test]
fn what_dangles_on_a_record_that_ended_while_its_number_was_provisional_dangles_on_one_number_everywhere() {
    const NEW: &str = "INSERT INTO films (title) VALUES ('new')";
    const DANGLES: &str = "INSERT INTO posters SELECT 'early', id FROM films WHERE title = 'new'; DELETE FROM films WHERE title = 'new'";
    // Who makes the record, who takes it before it ends, who ends it, and who takes first what that left behind.
    for (maker, before, ends, first) in [
        ("rosa", &["rosa"][..], "rosa", "north"),
        ("rosa", &["rosa", "north"], "rosa", "rosa"),
        ("rosa", &["rosa", "north"], "north", "north"),
        ("rosa", &["rosa", "north", "head"], "north", "rosa"),
        ("rosa", &["rosa", "north", "head"], "north", "north"),
        ("north", &["north"], "north", "north"),
        ("north", &["north", "rosa"], "north", "rosa"),
        ("north", &["north", "rosa", "head"], "head", "head"),
        ("rosa", &["rosa", "north", "head"], "head", "rosa"),
        ("rosa", &["rosa", "north", "head", "north"], "head", "head"),
    ] {
        let tree = three(LOOSE, LOOSE_RULES);
        tree.edit("head", "INSERT INTO films (title) VALUES ('of head')");
        tree.edit(maker, NEW);
        before.iter().for_each(|site| drop(tree.sync(site)));
        tree.edit(ends, DANGLES);
        tree.sync(first);
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, POSTERS, &["early|-"]);
        tree.assert_rows(&THREE, "SELECT film || '' FROM posters", &["3"]);
        nothing_waits(&tree, &THREE);
        // Nor does it come to mean a record that is made later.
        THREE.iter().for_each(|site| tree.edit(site, &format!("INSERT INTO films (title) VALUES ('later at {site}')")));
        settled(&tree, &THREE);
        tree.assert_rows(&THREE, POSTERS, &["early|-"]);
    }
}

#[test]
fn a_number_of_the_zone_on_which_a_row_of_another_site_dangles_is_given_to_no_record() {
    const FOUR: [&str; 4] = ["head", "north", "rosa", "ben"];
    for maker in ["north", "rosa"] {
        let tree = three(LOOSE, LOOSE_RULES);
        tree.add("head", "ben", Role::Remote);
        super::loaded(&tree, &FOUR);
        // The record never was anybody else's: it was made and deleted in one go.
        tree.edit("ben", "INSERT INTO films (title) VALUES ('gone'); INSERT INTO posters SELECT 'early', id FROM films WHERE title = 'gone'; DELETE FROM films WHERE title = 'gone'");
        ["ben", "head", "north", "rosa"].iter().for_each(|site| drop(tree.sync(site)));
        tree.edit(maker, "INSERT INTO films (title) VALUES ('new')");
        settled(&tree, &FOUR);
        tree.assert_rows(&FOUR, POSTERS, &["early|-"]);
        tree.assert_rows(&FOUR, "SELECT id, title FROM films WHERE id > 1", &["2|new"]);
        // Nor at who joins later.
        let five = ["head", "north", "rosa", "ben", "carl"];
        tree.add("head", "carl", Role::Remote);
        super::loaded(&tree, &five);
        tree.edit("carl", "INSERT INTO films (title) VALUES ('of carl')");
        settled(&tree, &five);
        tree.assert_rows(&five, POSTERS, &["early|-"]);
        // A slip far away uses no zone up.
        tree.edit("head", "INSERT INTO posters VALUES ('slip', 1599999999)");
        settled(&tree, &five);
        tree.edit("north", "INSERT INTO films (title) VALUES ('of north')");
        assert!(tree.text("north", "SELECT max(id) || '' FROM films").starts_with("15000000"));
    }
}
