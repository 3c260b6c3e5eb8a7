//! Schema changes under way, rebuilt tables, other programs at the database, and files that were put back: what real life does to a site.

mod any_order;
mod crashes;
mod files;
mod new_things;
mod programs;
mod put_back;
mod remade;
#[path = "../support/mod.rs"]
mod support;
mod taken_up;

use fieldpost::site::Role;
use fieldpost::sync::report::Report;
use support::{SHOP as SCHEMA, Tree, conflicts, says};

/// Every site's application changes its own database, on its own day; how the main office's schema travels is another test's.
const OWN: &str = "[schema]\ntravels = false\n";

fn two() -> Tree {
    let tree = Tree::with_rules(SCHEMA, OWN);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree
}

fn all(tree: &Tree, site: &str, columns: &str) -> String {
    let joined = columns.split(", ").map(|column| format!("ifnull({column}, '-')")).collect::<Vec<_>>().join(" || ' ' || ");
    tree.text(site, &format!("SELECT group_concat({joined}, '; ') FROM (SELECT * FROM customers ORDER BY 1)"))
}

fn changes_sent(report: &Report) -> u64 {
    report.built.iter().flat_map(|packet| packet.tables.values()).map(|counts| counts.inserted + counts.updated + counts.deleted).sum()
}
