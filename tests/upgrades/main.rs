//! Schema changes under way, rebuilt tables, other programs at the database, and files that were put back: what real life does to a site.

mod any_order;
mod crashes;
mod files;
mod new_things;
mod programs;
mod remade;
#[path = "../support/mod.rs"]
mod support;

use fieldpost::site::Role;
use fieldpost::sync::report::Report;
use support::Tree;

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT);
    CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', 'Bern', '1'), ('BOLT', 'Bolt AG', 'Basel', '2'), ('CORE', 'Core', 'Chur', '3');
    INSERT INTO notes VALUES ('N1', 'ACME', 'first');";

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

fn says(report: &Report, words: &str) -> bool {
    report.notes.iter().any(|note| note.contains(words))
}

fn conflicts(tree: &Tree, site: &str) -> Vec<String> {
    let mut all = Vec::new();
    let session = tree.session(site);
    session
        .ledger
        .conflicts(0, &mut |_, _, _, conflict| {
            all.push(format!("{} {:?}: {:?} over {:?}", conflict.key, conflict.field, conflict.winner, conflict.loser));
            Ok(())
        })
        .unwrap();
    all
}
