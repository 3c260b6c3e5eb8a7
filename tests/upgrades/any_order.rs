//! Sites that edit, migrate and exchange in any order; in the end all have migrated, and all hold the same.

use fieldpost::site::Role;
use fieldpost::sync::recover::Mode;
use fieldpost::sync::tracking::parked;

use super::files::{backup, recovered, replace_database};
use super::support::{Dice, Tree};
use super::{OWN, SCHEMA};

/// What every site's application becomes, step by step.
const VERSIONS: &[&str] = &[
    "ALTER TABLE customers ADD COLUMN level INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('standard', 'grey')",
    "ALTER TABLE customers RENAME COLUMN phone TO telephone",
    "ALTER TABLE customers DROP COLUMN city",
    "ALTER TABLE customers ADD COLUMN label TEXT; UPDATE customers SET label = id || '!'",
    "ALTER TABLE customers RENAME TO clients",
    "BEGIN; CREATE TABLE new (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES clients, body TEXT, stars INTEGER DEFAULT 3);
     INSERT INTO new (id, customer, body) SELECT id, customer, body FROM notes; DROP TABLE notes; ALTER TABLE new RENAME TO notes; COMMIT",
];

/// An edit that the application of a version can make.
fn random_edit(dice: &mut Dice, version: usize, site: &str, step: usize) -> String {
    let table = if version >= 6 { "clients" } else { "customers" };
    let mut columns = vec!["name", if version >= 3 { "telephone" } else { "phone" }];
    columns.extend((version < 4).then_some("city"));
    columns.extend((version >= 1).then_some("level"));
    columns.extend((version >= 5).then_some("label"));
    let id = ["ACME", "BOLT", "CORE", "DUNE", "ECHO"][dice.roll(5)];
    let column = columns[dice.roll(columns.len())];
    let value = if column == "level" { step.to_string() } else { format!("'{site}{step}'") };
    match dice.roll(8) {
        0 => format!("DELETE FROM {table} WHERE id = '{id}' AND id NOT IN (SELECT customer FROM notes)"),
        1 => format!("INSERT OR IGNORE INTO {table} (id, name, {column}) VALUES ('{id}', 'new', {value})")
            .replace("(id, name, name)", "(id, city, name)"),
        2 if version >= 2 => format!("INSERT OR REPLACE INTO tags VALUES ('{}', '{site}{step}')", ["standard", "a", "b"][dice.roll(3)]),
        3 => format!("INSERT INTO notes (id, customer, body) SELECT '{site}{step}', id, 'x' FROM {table} WHERE id = '{id}'"),
        4 if version >= 7 => format!("UPDATE notes SET stars = {step}"),
        4 => format!("UPDATE notes SET body = '{site}{step}'"),
        _ => format!("UPDATE {table} SET {column} = {value} WHERE id = '{id}'"),
    }
}

fn any_order(seed: u64) {
    let tree = Tree::with_rules(SCHEMA, OWN);
    let sites = ["head", "north", "anna"];
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&sites);
    let mut dice = Dice::new(seed);
    let mut versions = [0usize; 3];
    for step in 0..60 {
        let at = dice.roll(3);
        match dice.roll(6) {
            0 if versions[at] < VERSIONS.len() => {
                tree.edit(sites[at], VERSIONS[versions[at]]);
                versions[at] += 1;
            }
            0 | 1 => drop(tree.sync(sites[at])),
            _ => {
                let edit = random_edit(&mut dice, versions[at], sites[at], step);
                if edit.contains("(id, city, name)") && versions[at] >= 4 {
                    continue;
                }
                tree.edit(sites[at], &edit);
            }
        }
    }
    for (at, site) in sites.iter().enumerate() {
        tree.sync(site);
        VERSIONS[versions[at]..].iter().for_each(|version| tree.edit(site, version));
        tree.sync(site);
    }
    tree.settle(&sites);
    let first = tree.digests("head");
    // What was sent for a column before everybody dropped it waits for ever; so does the old name of a rename that nothing showed to be one.
    let gone = |columns: &[String]| columns.iter().all(|column| column == "city" || column == "phone") && !columns.is_empty();
    for site in &sites {
        let waiting: Vec<_> = parked::waiting(&tree.session(site)).unwrap().into_iter().filter(|waits| !gone(&waits.columns)).collect();
        assert_eq!(waiting, [], "seed {seed}, {site}");
        let mut held = 0;
        tree.session(site)
            .ledger
            .exceptional(&mut |record| {
                held += record.extra.held.len();
                Ok(())
            })
            .unwrap();
        if tree.digests(site) != first && held == 0 {
            for site in sites {
                for sql in [
                    "SELECT group_concat(id || ' ' || name || ' ' || ifnull(telephone, '-') || ' ' || level || ' ' || ifnull(label, '-'), '; ') FROM (SELECT * FROM clients ORDER BY id)",
                    "SELECT group_concat(id || customer || body || ifnull(stars, '-')) FROM (SELECT * FROM notes ORDER BY id)",
                    "SELECT group_concat(name || color) FROM (SELECT * FROM tags ORDER BY name)",
                ] {
                    eprintln!("{site}: {}", tree.text(site, sql));
                }
            }
            panic!("seed {seed}: {site} differs");
        }
    }
}

#[test]
fn sites_that_migrate_step_by_step_in_any_order_end_the_same() {
    (1..=5).for_each(any_order);
    // Each found a bug once: a rename seen in few records, changes that waited under the old name and under the new one.
    [8, 11].into_iter().for_each(any_order);
}

/// Anna types in customer 1, whom head deleted since her backup, and who is back there because of ben's order.
#[test]
fn what_comes_back_here_and_elsewhere_is_one_record() {
    for is_first in [true, false] {
        let tree = Tree::new(
            "CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT, w TEXT); CREATE TABLE m (k TEXT PRIMARY KEY, n INTEGER REFERENCES n);
             INSERT INTO n VALUES (1, 'a', 'a'), (2, 'b', 'b')",
        );
        tree.add("head", "anna", Role::Remote);
        tree.add("head", "ben", Role::Remote);
        tree.settle(&["ben", "head", "anna"]);
        let old = backup(&tree, "anna");
        tree.edit("head", "DELETE FROM n WHERE id = 1");
        ["head", "anna"].iter().for_each(|site| drop(tree.sync(site)));
        tree.edit("ben", "INSERT INTO m VALUES ('ben', 1)");
        ["ben", "head"].iter().filter(|_| is_first).for_each(|site| drop(tree.sync(site)));
        replace_database(&tree, "anna", Some(&old));
        tree.edit("anna", "UPDATE n SET w = 'typed' WHERE id = 1");
        recovered(&tree, "anna", Mode::Do).unwrap();
        tree.settle(&["anna", "ben", "head"]);
        tree.assert_rows(&["anna", "ben", "head"], "SELECT n.v, w, k FROM n LEFT JOIN m ON m.n = n.id WHERE n.v = 'a'", &["a|typed|ben"]);
    }
}
