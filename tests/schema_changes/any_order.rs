//! The host migrates step by step while four sites edit and exchange in any order: in the end all hold the same, under the last schema.

use fieldpost::sync::schema::hints;

use super::support::{Dice, Tree};
use super::{FOUR, assert_schema, four};

/// What the host's database becomes, step by step; `user_version` counts, and tells every site's application what it finds.
const VERSIONS: &[&str] = &[
    "ALTER TABLE customers ADD COLUMN level INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('standard', 'grey')",
    "ALTER TABLE customers RENAME COLUMN phone TO telephone",
    "ALTER TABLE customers DROP COLUMN city",
    "ALTER TABLE customers ADD COLUMN label TEXT; UPDATE customers SET label = id || '!'",
    "ALTER TABLE customers RENAME TO clients",
    "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE new (stars INTEGER DEFAULT 3, id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES clients, body TEXT NOT NULL);
     INSERT INTO new (id, customer, body) SELECT id, customer, ifnull(body, '') FROM notes; DROP TABLE notes; ALTER TABLE new RENAME TO notes; COMMIT",
    "CREATE VIEW named AS SELECT c.name, n.body FROM notes n JOIN clients c ON c.id = n.customer; CREATE INDEX bodies ON notes(body)",
    "DROP TABLE tags; CREATE TABLE marks (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT REFERENCES clients, mark TEXT); INSERT INTO marks (client, mark) SELECT id, 'm' FROM clients",
];

/// An edit that the application can make in the schema it finds.
fn random_edit(dice: &mut Dice, version: usize, site: &str, step: usize) -> String {
    let table = if version >= 6 { "clients" } else { "customers" };
    let mut columns = vec!["name", if version >= 3 { "telephone" } else { "phone" }];
    columns.extend((version < 4).then_some("city"));
    columns.extend((version >= 1).then_some("level"));
    columns.extend((version >= 5).then_some("label"));
    let id = ["ACME", "BOLT", "CORE", "DUNE", "ECHO"][dice.roll(5)];
    let column = columns[dice.roll(columns.len())];
    let value = if column == "level" { step.to_string() } else { format!("'{site}{step}'") };
    match dice.roll(9) {
        0 if version < 9 => format!("DELETE FROM {table} WHERE id = '{id}' AND id NOT IN (SELECT customer FROM notes)"),
        1 if column != "name" => format!("INSERT OR IGNORE INTO {table} (id, name, {column}) VALUES ('{id}', 'new', {value})"),
        2 if (2..9).contains(&version) => {
            format!("INSERT OR REPLACE INTO tags VALUES ('{}', '{site}{step}')", ["standard", "a", "b"][dice.roll(3)])
        }
        2 if version >= 9 => format!("INSERT INTO marks (client, mark) SELECT id, '{site}{step}' FROM clients WHERE id = '{id}'"),
        3 => format!("INSERT INTO notes (id, customer, body) SELECT '{site}{step}', id, 'x' FROM {table} WHERE id = '{id}'"),
        4 if version >= 7 => format!("UPDATE notes SET stars = {step}"),
        4 => format!("UPDATE notes SET body = '{site}{step}'"),
        5 if version >= 9 => format!("UPDATE marks SET mark = '{site}{step}' WHERE client = '{id}'"),
        _ => format!("UPDATE {table} SET {column} = {value} WHERE id = '{id}'"),
    }
}

fn version_at(tree: &Tree, site: &str) -> usize {
    tree.rows(site, "PRAGMA user_version")[0].parse().unwrap()
}

/// No step of the host's is a rename that nothing shows.
fn answer(tree: &Tree) {
    let session = tree.session("head");
    if !hints::unclear(&session).unwrap().is_empty() {
        hints::is_another(&session, None).unwrap();
    }
}

fn any_order(seed: u64) {
    let tree = four();
    let mut dice = Dice::new(seed);
    let mut done = 0;
    for step in 0..90 {
        let site = FOUR[dice.roll(4)];
        match dice.roll(7) {
            0 if done < VERSIONS.len() => {
                done += 1;
                tree.edit("head", &format!("{}; PRAGMA user_version = {done}", VERSIONS[done - 1]));
            }
            0..=2 => {
                tree.sync(site);
                // A person answers on another day.
                if site == "head" && dice.roll(3) == 0 {
                    answer(&tree);
                }
            }
            _ => {
                let edit = random_edit(&mut dice, version_at(&tree, site), site, step);
                tree.edit(site, &edit);
            }
        }
    }
    for (before, version) in VERSIONS.iter().enumerate().skip(done) {
        tree.edit("head", &format!("{version}; PRAGMA user_version = {}", before + 1));
        tree.sync("head");
    }
    answer(&tree);
    tree.settle(&FOUR);
    for site in FOUR {
        let waiting = tree.sync(site).waiting;
        assert_eq!(waiting, [], "seed {seed}, {site}");
    }
    let held: Vec<String> = FOUR.iter().flat_map(|site| tree.held(site)).collect();
    if held.is_empty() {
        tree.assert_sound(&FOUR);
    }
    assert_schema(&tree, &FOUR);
    for site in FOUR {
        assert_eq!(version_at(&tree, site), VERSIONS.len(), "seed {seed}, {site}");
        assert_eq!(fieldpost::sync::tracking::parked::waiting(&tree.session(site)).unwrap(), [], "seed {seed}, {site}");
    }
}

#[test]
fn a_host_that_migrates_step_by_step_in_any_order_with_edits_everywhere() {
    let seeds = std::env::var("SCHEMA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4);
    let first = std::env::var("SCHEMA_FIRST").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + seeds {
        println!("seed {seed}");
        any_order(seed);
    }
}
