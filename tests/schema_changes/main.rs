//! The main office changes its schema: it travels with the data, in order, to sites that go on editing.

mod any_order;
mod at_home;
mod chinook;
mod crashes;
mod former_names;
mod had_at_once;
mod hints;
mod meanwhile;
mod names;
mod not_travelling;
mod overtaken;
mod own_things;
mod refusals;
mod set_aside;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use fieldpost::site::Role;
use support::{SHOP as SCHEMA, Tree, conflicts, says};

const CUSTOMERS: &str = "SELECT * FROM customers ORDER BY id";

fn two() -> Tree {
    two_of(SCHEMA)
}

fn two_of(schema: &str) -> Tree {
    let tree = Tree::new(schema);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree
}

/// The host, an office, and a remote of each.
fn four() -> Tree {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "north", Role::Office);
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["head", "north", "ben"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&FOUR);
    tree
}

const FOUR: [&str; 4] = ["head", "north", "ben", "anna"];

/// Everything the application made, in one spelling.
fn schema_of(tree: &Tree, site: &str) -> Vec<String> {
    let sql = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' \
        AND tbl_name NOT LIKE '\\_fieldpost%' ESCAPE '\\' AND name NOT LIKE '\\_fieldpost%' ESCAPE '\\' ORDER BY type, name";
    let words = |text: String| {
        text.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")").replace(" (", "(")
    };
    let version = tree.rows(site, "PRAGMA user_version").join("");
    tree.rows(site, sql).into_iter().map(words).chain([format!("version {version}")]).collect()
}

/// Same schema, same records, nothing held, parked or refused.
fn assert_one(tree: &Tree, sites: &[&str]) {
    tree.assert_sound(sites);
    assert_schema(tree, sites);
    for site in sites {
        assert_eq!(tree.held(site), [""; 0], "held at {site}");
    }
}

fn assert_schema(tree: &Tree, sites: &[&str]) {
    let schema = schema_of(tree, sites[0]);
    sites.iter().for_each(|site| assert_eq!(schema_of(tree, site), schema, "the schema at {site}"));
}
