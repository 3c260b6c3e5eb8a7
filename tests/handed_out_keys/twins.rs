//! The same thing of the world made at two sites: by the identity that the rules name the two become one record.

use super::*;

const RULES: &str = "[tables.countries]\nidentity = [\"code\"]\n";

fn shop(unique: &str) -> String {
    format!(
        "CREATE TABLE countries (id INTEGER PRIMARY KEY, code TEXT {unique}, name TEXT);
         CREATE TABLE people (id INTEGER PRIMARY KEY, token TEXT, country INTEGER REFERENCES countries);
         INSERT INTO countries VALUES (1, 'ch', 'Switzerland');"
    )
}

/// A country and somebody who lives there.
fn made_at(site: &str, name: &str) -> String {
    format!(
        "INSERT INTO countries (code, name) VALUES ('de', '{name}');
         INSERT INTO people (token, country) SELECT 'of {site}', id FROM countries WHERE code = 'de';"
    )
}

const HOMES: &str = "SELECT p.token, c.code FROM people p LEFT JOIN countries c ON c.id = p.country ORDER BY p.token";
const COUNTRIES: &str = "SELECT code FROM countries ORDER BY code";

#[test]
fn made_at_two_sites_they_are_one_record_and_everybody_refers_to_it() {
    for unique in ["UNIQUE", ""] {
        let tree = two(&shop(unique), RULES);
        // So that the two have different numbers.
        tree.edit("head", "INSERT INTO countries (code) VALUES ('at')");
        tree.edit("head", &made_at("head", "Germany"));
        tree.edit("anna", &made_at("anna", "Germany"));
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, COUNTRIES, &["at", "ch", "de"]);
        tree.assert_rows(&TWO, HOMES, &["of anna|de", "of head|de"]);
        assert_eq!(tree.held("anna"), Vec::<String>::new());
        assert_eq!(tree.held("head"), Vec::<String>::new());
    }
}

#[test]
fn what_differs_between_the_two_is_decided_and_listed() {
    let tree = two(&shop("UNIQUE"), RULES);
    tree.edit("head", &made_at("head", "Germany"));
    tree.edit("anna", &made_at("anna", "Deutschland"));
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, COUNTRIES, &["ch", "de"]);
    let name = tree.text("head", "SELECT name FROM countries WHERE code = 'de'");
    let loser = if name == "Germany" { "Deutschland" } else { "Germany" };
    let listed = tree.listed("head");
    assert!(listed.iter().any(|value| value.contains(loser)), "{name}: {listed:?}");
}

#[test]
fn over_three_levels_and_in_any_order_of_rounds() {
    for order in [["rosa", "north", "head"], ["head", "north", "rosa"], ["north", "head", "rosa"]] {
        let tree = three(&shop("UNIQUE"), RULES);
        for site in THREE {
            tree.edit(site, &made_at(site, "Germany"));
            tree.edit(site, &format!("INSERT INTO countries (code, name) VALUES ('{site}', 'only there')"));
        }
        settled(&tree, &order);
        tree.assert_same(&THREE);
        tree.assert_rows(&THREE, COUNTRIES, &["ch", "de", "head", "north", "rosa"]);
        tree.assert_rows(&THREE, HOMES, &["of head|de", "of north|de", "of rosa|de"]);
    }
}

#[test]
fn an_edit_made_before_the_parent_has_spoken_is_not_lost() {
    let tree = two(&shop("UNIQUE"), RULES);
    tree.edit("head", &made_at("head", "Germany"));
    tree.edit("anna", &made_at("anna", "Germany"));
    half(&tree, "anna", round::Halves::Send);
    tree.edit("anna", "UPDATE countries SET name = 'D' WHERE code = 'de'");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT name FROM countries WHERE code = 'de'", &["D"]);
    tree.assert_rows(&TWO, HOMES, &["of anna|de", "of head|de"]);
}

#[test]
fn numbers_that_mean_something_by_themselves_are_nobodys_to_change() {
    let tree = two(
        "CREATE TABLE years (year INTEGER PRIMARY KEY, note TEXT); INSERT INTO years VALUES (2025, '');",
        "[tables.years]\nidentity = [\"year\"]\n",
    );
    for site in TWO {
        tree.edit(site, &format!("INSERT INTO years VALUES (2026, 'of {site}')"));
    }
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT year FROM years ORDER BY year", &["2025", "2026"]);
}

const SWISS: &str = "INSERT INTO people VALUES (1, 'swiss', 1);";

#[test]
fn what_one_site_makes_anew_under_another_number_is_nobodys_twin() {
    for (unique, anew) in [
        ("UNIQUE", "INSERT OR REPLACE INTO countries (id, code, name) VALUES (5, 'ch', 'Switzerland')"),
        ("UNIQUE", "DELETE FROM countries; INSERT INTO countries VALUES (5, 'ch', 'Switzerland')"),
        ("UNIQUE", "UPDATE countries SET id = 5"),
        ("", "DELETE FROM countries; INSERT INTO countries VALUES (5, 'ch', 'Suisse')"),
    ] {
        let tree = two(&shop(unique), RULES);
        tree.edit("anna", anew);
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, COUNTRIES, &["ch"]);
        assert_eq!(tree.listed("head"), Vec::<String>::new(), "{anew}");
    }
    // With somebody who refers to it, and moves along or is made anew too.
    for anew in [
        "PRAGMA foreign_keys = OFF; UPDATE countries SET id = 5; UPDATE people SET country = 5",
        "DELETE FROM people; DELETE FROM countries; INSERT INTO countries VALUES (5, 'ch', 'Switzerland'); INSERT INTO people VALUES (5, 'swiss', 5)",
    ] {
        let tree = two(&format!("{} {SWISS}", shop("UNIQUE")), RULES);
        tree.edit("anna", anew);
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, HOMES, &["swiss|ch"]);
    }
}

#[test]
fn a_record_that_leaves_its_identity_to_a_new_one_stays_another() {
    for unique in ["UNIQUE", ""] {
        let tree = two(&format!("{} {SWISS}", shop(unique)), RULES);
        tree.edit(
            "anna",
            "UPDATE countries SET code = 'ch-old'; INSERT INTO countries VALUES (2, 'ch', 'new'); INSERT INTO people VALUES (2, 'newest', 2)",
        );
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, "SELECT code, name FROM countries ORDER BY code", &["ch|new", "ch-old|Switzerland"]);
        tree.assert_rows(&TWO, HOMES, &["newest|ch", "swiss|ch-old"]);
    }
}

#[test]
fn the_end_of_the_one_that_went_into_another_is_not_the_others() {
    for refers in ["", "INSERT INTO people VALUES (9, 'of north', last_insert_rowid())"] {
        let tree = Tree::with_rules(&shop("UNIQUE"), RULES);
        tree.add("head", "anna", Role::Remote);
        tree.add("head", "north", Role::Office);
        loaded(&tree, &["head", "anna", "north"]);
        tree.add("north", "rosa", Role::Remote);
        let all = ["head", "anna", "north", "rosa"];
        loaded(&tree, &all);
        tree.edit("anna", "INSERT INTO countries (code) VALUES ('dd')");
        settled(&tree, &all);
        // Rosa hears of the office's, and the office then that it went into anna's.
        tree.edit("north", &format!("INSERT INTO countries (code) VALUES ('de'); {refers}"));
        tree.sync("north");
        tree.sync("rosa");
        tree.edit("anna", "UPDATE countries SET code = 'de' WHERE code = 'dd'");
        tree.sync("anna");
        settled(&tree, &all);
        tree.assert_rows(&all, COUNTRIES, &["ch", "de"]);
        tree.assert_rows(&all, HOMES, if refers.is_empty() { &[] } else { &["of north|de"] });
        all.iter().for_each(|site| assert_eq!(tree.held(site), Vec::<String>::new()));
    }
}

#[test]
fn one_that_comes_in_a_circle_is_the_one_that_is_here() {
    let sql = "CREATE TABLE countries (id INTEGER PRIMARY KEY, code TEXT UNIQUE, capital INTEGER REFERENCES cities);
         CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT, country INTEGER NOT NULL REFERENCES countries);
         INSERT INTO countries VALUES (1, 'ch', NULL);";
    let tree = two(sql, RULES);
    tree.edit("head", "INSERT INTO countries VALUES (2, 'at', NULL), (3, 'de', NULL)");
    tree.edit(
        "anna",
        "INSERT INTO countries VALUES (2, 'de', NULL); INSERT INTO cities VALUES (1, 'Berlin', 2); UPDATE countries SET capital = 1 WHERE id = 2",
    );
    settled(&tree, &TWO);
    TWO.iter().for_each(|site| assert_eq!(tree.held(site), Vec::<String>::new()));
    let capitals = "SELECT c.code, t.name, b.code FROM countries c JOIN cities t ON t.id = c.capital JOIN countries b ON b.id = t.country";
    tree.assert_rows(&TWO, capitals, &["de|Berlin|de"]);
}

/// Anna's record went into one of the head office, which she has not heard when she does this to it, a packet each.
fn before_she_hears(unique: &str, anna: &[&str]) -> Tree {
    let tree = two(&format!("{} INSERT INTO countries VALUES (2, 'dd', 'h');", shop(unique)), RULES);
    tree.edit("anna", "INSERT INTO countries (code, name) VALUES ('de', 'first')");
    tree.sync("anna");
    tree.edit("head", "UPDATE countries SET code = 'de' WHERE code = 'dd'");
    tree.sync("head");
    for sql in anna {
        tree.edit("anna", sql);
        half(&tree, "anna", round::Halves::Send);
    }
    tree.sync("head");
    tree.sync("anna");
    settled(&tree, &TWO);
    assert_eq!(tree.held("anna"), Vec::<String>::new());
    assert_eq!(tree.held("head"), Vec::<String>::new());
    tree
}

#[test]
fn an_edit_of_a_record_that_went_into_another_arrives_there() {
    for unique in ["UNIQUE", ""] {
        let tree = before_she_hears(unique, &["UPDATE countries SET name = 'second' WHERE code = 'de'"]);
        tree.assert_rows(&TWO, "SELECT code, name FROM countries ORDER BY id", &["ch|Switzerland", "de|second"]);
    }
}

#[test]
fn a_delete_of_a_record_that_went_into_another_leaves_that_one_at_both_sites() {
    let delete = "DELETE FROM countries WHERE code = 'de'";
    for anna in [&[delete][..], &["UPDATE countries SET name = 'second' WHERE code = 'de'", delete]] {
        for unique in ["UNIQUE", ""] {
            let tree = before_she_hears(unique, anna);
            tree.assert_rows(&TWO, COUNTRIES, &["ch", "de"]);
            assert_eq!(kept(&tree, "anna"), 1);
        }
    }
}

// ---- what one site deletes before it has heard that another one has it too

const ITEMS: &str = "CREATE TABLE items (code TEXT PRIMARY KEY, name TEXT); INSERT INTO items VALUES ('Q', 'q');";
const MADE: &str = "INSERT INTO countries (code, name) VALUES ('de', 'Germany')";
const UNMADE: &str = "DELETE FROM countries WHERE code = 'de'";

/// The lists of a site that say that a delete did not happen.
fn kept(tree: &Tree, site: &str) -> usize {
    tree.listed(site).iter().filter(|loser| *loser == "deleted").count()
}

#[test]
fn a_site_that_takes_its_own_back_takes_away_nobody_elses() {
    let countries = shop("");
    for (sql, rules, made, unmade, all) in [
        (ITEMS, "", "INSERT INTO items VALUES ('X', 'Ltd')", "DELETE FROM items WHERE code = 'X'", "SELECT code FROM items"),
        (countries.as_str(), RULES, MADE, UNMADE, "SELECT code FROM countries"),
    ] {
        // Told of hers in the round that takes his away, or not at all before.
        for hears in [false, true] {
            let tree = Tree::with_rules(sql, rules);
            let sites = ["head", "anna", "carl"];
            tree.add("head", "anna", Role::Remote);
            tree.add("head", "carl", Role::Remote);
            loaded(&tree, &sites);
            tree.edit("anna", made);
            tree.sync("anna");
            tree.sync("head");
            tree.edit("carl", made);
            half(&tree, "carl", round::Halves::Send);
            if hears {
                tree.sync("head");
            }
            tree.edit("carl", unmade);
            if hears {
                tree.sync("carl");
            } else {
                half(&tree, "carl", round::Halves::Send);
            }
            settled(&tree, &sites);
            assert_eq!(tree.rows("head", all).len(), 2, "{all}, hears: {hears}");
            assert_eq!(kept(&tree, "head"), 1, "{all}, hears: {hears}");
            assert_eq!(kept(&tree, "carl"), 1, "{all}, hears: {hears}");
            // Now it is one record, which everybody knows.
            tree.edit("carl", unmade);
            settled(&tree, &sites);
            assert_eq!(tree.rows("head", all).len(), 1, "{all}, hears: {hears}");
        }
    }
}

#[test]
fn below_an_office_too_who_takes_his_own_back_takes_away_nobody_elses() {
    let tree = Tree::new(ITEMS);
    let sites = ["head", "north", "anna", "rosa"];
    tree.add("head", "north", Role::Office);
    tree.add("head", "anna", Role::Remote);
    loaded(&tree, &sites[..3]);
    tree.add("north", "rosa", Role::Remote);
    loaded(&tree, &sites);
    tree.edit("anna", "INSERT INTO items VALUES ('X', 'Ltd')");
    tree.sync("anna");
    tree.sync("head");
    tree.edit("rosa", "INSERT INTO items VALUES ('X', 'Ltd')");
    half(&tree, "rosa", round::Halves::Send);
    tree.sync("north");
    tree.edit("rosa", "DELETE FROM items WHERE code = 'X'");
    half(&tree, "rosa", round::Halves::Send);
    settled(&tree, &sites);
    tree.assert_rows(&sites, "SELECT code FROM items ORDER BY code", &["Q", "X"]);
    assert_eq!(kept(&tree, "rosa"), 1);
}

#[test]
fn who_makes_a_record_again_and_then_deletes_the_first_keeps_one() {
    // The answer comes before both are sent, after the first, or in the round of the second.
    for (refers, hears) in [("", 0), ("", 1), ("", 2), (SWISS, 0), (SWISS, 1), (SWISS, 2)] {
        let tree = two(&format!("{} {refers}", shop("")), RULES);
        tree.add("head", "carl", Role::Remote);
        let sites = ["head", "carl", "anna"];
        loaded(&tree, &sites);
        tree.edit("anna", "INSERT INTO countries VALUES (50, 'ch', 'Switzerland'); UPDATE people SET country = 50");
        half(&tree, "anna", round::Halves::Send);
        if hears > 0 {
            tree.sync("head");
        }
        tree.edit("anna", "DELETE FROM countries WHERE id = 1");
        if hears == 2 {
            tree.sync("anna");
        } else {
            half(&tree, "anna", round::Halves::Send);
        }
        settled(&tree, &sites);
        tree.assert_rows(&sites, COUNTRIES, &["ch"]);
        tree.assert_rows(&sites, HOMES, if refers.is_empty() { &[] } else { &["swiss|ch"] });
        sites.iter().for_each(|site| assert_eq!(tree.held(site), Vec::<String>::new(), "{hears}"));
    }
}

#[test]
fn what_takes_many_packets_to_make_anew_is_nobodys_twin() {
    let mut tree = two(&shop("UNIQUE"), RULES);
    tree.edit("head", "INSERT INTO countries (code, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C')");
    settled(&tree, &TWO);
    tree.limits.packet_bytes = 1;
    tree.edit(
        "anna",
        "DELETE FROM countries; INSERT INTO countries VALUES (51, 'a', 'A'), (52, 'b', 'B2'), (53, 'c', 'C'), (54, 'ch', 'S')",
    );
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT code, name FROM countries ORDER BY code", &["a|A", "b|B2", "c|C", "ch|S"]);
    // Nothing of it was anybody's loss.
    assert_eq!(tree.listed("head"), Vec::<String>::new());
    TWO.iter().for_each(|site| assert_eq!(tree.held(site), Vec::<String>::new()));
}

#[test]
fn one_that_comes_back_is_no_twin_of_what_was_made_in_its_place() {
    let tree = three(&format!("{} INSERT INTO countries VALUES (3, 'C', 'c');", shop("")), RULES);
    tree.edit("head", "DELETE FROM countries WHERE id = 3; INSERT INTO countries VALUES (4, 'C', 'anew')");
    tree.edit("rosa", "UPDATE countries SET name = 'edited' WHERE id = 3");
    settled(&tree, &["head", "north", "rosa"]);
    tree.assert_rows(&THREE, "SELECT name FROM countries WHERE code = 'C' ORDER BY name", &["anew", "edited"]);
}

#[test]
fn what_an_office_made_again_is_one_below_it_too() {
    for refers in ["", "INSERT INTO people VALUES (9, 'of north', last_insert_rowid())"] {
        let tree = three(&shop(""), RULES);
        tree.edit("north", &format!("INSERT INTO countries (code, name) VALUES ('ch', 'Switzerland'); {refers}"));
        settled(&tree, &["north", "rosa", "head"]);
        tree.assert_rows(&THREE, COUNTRIES, &["ch"]);
        tree.assert_rows(&THREE, HOMES, if refers.is_empty() { &[] } else { &["of north|ch"] });
        THREE.iter().for_each(|site| assert_eq!(tree.held(site), Vec::<String>::new()));
    }
}

#[test]
fn one_that_comes_back_at_an_office_leaves_its_number_to_the_one_that_the_parent_gave_it_to() {
    let tree = three(&format!("{} INSERT INTO countries VALUES (3, 'C', 'c');", shop("")), RULES);
    tree.edit("north", "DELETE FROM countries WHERE id = 3");
    tree.edit("head", "DELETE FROM countries WHERE id = 3; INSERT INTO countries VALUES (3, 'C', 'anew')");
    tree.sync("head");
    half(&tree, "north", round::Halves::Receive);
    tree.edit("rosa", "UPDATE countries SET name = 'edited' WHERE id = 3");
    tree.sync("rosa");
    settled(&tree, &["north", "rosa", "head"]);
    tree.assert_rows(&THREE, "SELECT name FROM countries WHERE code = 'C' ORDER BY name", &["anew", "edited"]);
    tree.assert_rows(&THREE, "SELECT name FROM countries WHERE id = 3", &["anew"]);
}
