//! The application is a Django project: its own ORM and its own migrations write, offline, at three sites.
//!
//! `django/` has one of every kind of relation. Every record says in words whom its references were meant for, so what
//! the ORM finds can be checked without a number.

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use fieldpost::site::Role;
use support::Tree;

const SITES: [&str; 3] = ["head", "north", "rosa"];
/// Where `.ci/run` installs Django.
const PYTHON: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/django/bin/python");

/// Runs `work.py` on a database, with the models before or after the second migration.
fn work(database: &Path, version: u32, arguments: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/django");
    let mut command = Command::new(PYTHON);
    command.arg("work.py").args(arguments).current_dir(folder);
    command.env("SHOP_DATABASE", database).env("SHOP_VERSION", version.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap_or_else(|error| panic!("{PYTHON}: {error}; `.ci/run` installs it"));
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn at(tree: &Tree, site: &str, version: u32, arguments: &[&str]) -> String {
    work(&tree.home(site).join("shop.db"), version, arguments)
}

/// Everything is the same in the eyes of the ORM, means what it was meant to mean, and is all there.
fn check(tree: &Tree, version: u32, turns: usize) {
    let dump = at(tree, "head", version, &["dump"]);
    assert!(!dump.contains("WRONG"), "{}", dump.lines().filter(|line| line.contains("WRONG")).collect::<Vec<_>>().join("\n"));
    for site in &SITES[1..] {
        let other = at(tree, site, version, &["dump"]);
        let only: Vec<&str> = other.lines().filter(|line| !dump.lines().any(|known| known == *line)).collect();
        let missing: Vec<&str> = dump.lines().filter(|line| !other.lines().any(|known| known == *line)).collect();
        let held: Vec<Vec<String>> = SITES.iter().map(|site| tree.held(site)).collect();
        assert!(other == dump, "only at {site}: {only:#?}\nonly at head: {missing:#?}\nheld {held:#?}");
    }
    let count = |kind: &str| dump.lines().filter(|line| line.starts_with(&format!("{kind} "))).count();
    let written = SITES.len() * turns;
    assert_eq!(count("customer"), 1 + 2 * written, "{dump}");
    assert_eq!((count("company"), count("profile"), count("product")), (written, written, written), "{dump}");
    // Of each turn but the last one order was deleted again, with its lines and its note.
    let orders = 2 * written - SITES.len() * (turns - 1);
    assert_eq!((count("order"), count("line"), count("note")), (1 + orders, 2 * orders, 2 * written + orders), "{dump}");
    for line in dump.lines() {
        assert_eq!(dump.lines().filter(|other| *other == line).count(), 1, "twice: {line}");
    }
    tree.assert_sound(&SITES);
}

#[test]
#[ignore = "needs Django: run by .ci/run"]
fn three_sites_of_a_django_project_write_and_migrate_offline_and_end_the_same() {
    let begin = tempfile::tempdir().unwrap();
    let database = begin.path().join("shop.db");
    work(&database, 1, &["migrate"]);
    work(&database, 1, &["fill"]);
    let rules = work(&database, 1, &["rules"]);
    // Django itself changes the database of every site, on its own day.
    let rules = format!("{rules}\n[schema]\ntravels = false\n");
    let tree = Tree::made_by(&rules, |path| assert!(std::fs::copy(&database, path).is_ok()));
    tree.add("head", "north", Role::Office);
    for _ in 0..3 {
        ["north", "head"].iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.add("north", "rosa", Role::Remote);
    for _ in 0..4 {
        SITES.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.settle(&SITES);
    tree.assert_sound(&SITES);

    for site in SITES {
        at(&tree, site, 1, &["write", site, "1"]);
    }
    // Two have met when the next turn is written.
    tree.sync("rosa");
    tree.sync("north");
    tree.sync("rosa");
    for site in SITES {
        at(&tree, site, 1, &["write", site, "2"]);
    }
    tree.settle(&SITES);
    check(&tree, 1, 2);

    // The office is the first to have the new version; everybody goes on working meanwhile.
    at(&tree, "north", 2, &["migrate"]);
    at(&tree, "north", 2, &["write", "north", "3"]);
    for site in ["head", "rosa"] {
        at(&tree, site, 1, &["write", site, "3"]);
    }
    for _ in 0..3 {
        SITES.iter().for_each(|site| drop(tree.sync(site)));
    }
    for site in ["rosa", "head"] {
        at(&tree, site, 2, &["migrate"]);
    }
    for site in SITES {
        at(&tree, site, 2, &["write", site, "4"]);
    }
    tree.settle(&SITES);
    check(&tree, 2, 4);
    let dump = at(&tree, "rosa", 2, &["dump"]);
    for site in SITES {
        assert!(dump.contains(&format!("nickname {site}-4-customer: nick {site}-4\n")), "{dump}");
        assert!(dump.contains(&format!("coupon {site}-4: {site}-4-customer\n")), "{dump}");
    }
    assert!(dump.contains("coupon north-3: north-3-customer\n") && dump.contains("nickname north-3-customer: nick north-3\n"), "{dump}");
}
