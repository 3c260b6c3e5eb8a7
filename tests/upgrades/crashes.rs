//! Runs that die while they follow the schema, park what has no place, or bring a restored database forward.

use fieldpost::site::Home;
use fieldpost::sync::Session;
use fieldpost::sync::recover::{Mode, Recovered, recover};
use fieldpost::sync::tracking::parked;

use super::files::{backup, recovered, replace_database};
use super::support::Tree;
use super::{all, two};

/// Runs a site's round with a world that dies before step `kill`. Whether it died.
fn dies(tree: &Tree, site: &str, kill: u64) -> bool {
    tree.tick(1_000);
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    let mortal = tree.world(site);
    mortal.faults().kill_before(Some(kill));
    let died = Session::open(mortal, home, tree.limits.clone()).and_then(|mut session| {
        fieldpost::sync::round::run(&mut session, &mut [&mut tree.exchange.clone()], fieldpost::sync::round::Halves::Both, &mut |_| {})
    });
    match died {
        Ok(_) => false,
        Err(error) if error.is_crash() => true,
        Err(error) => panic!("step {kill}: {error}"),
    }
}

#[test]
fn a_run_that_dies_while_it_follows_the_schema_is_finished_by_the_next() {
    let migration = "ALTER TABLE customers RENAME TO clients; ALTER TABLE clients RENAME COLUMN phone TO telephone; ALTER TABLE clients DROP COLUMN city;
        ALTER TABLE clients ADD COLUMN level INTEGER DEFAULT 3; ALTER TABLE clients ADD COLUMN label TEXT; UPDATE clients SET label = id || '!';
        CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT);";
    for kill in 1.. {
        let tree = two();
        tree.edit("head", migration);
        tree.edit("head", "INSERT INTO tags VALUES ('head', 'red'); UPDATE clients SET level = 4, telephone = 'head' WHERE id = 'ACME'");
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'BOLT'; DELETE FROM customers WHERE id = 'CORE'");
        tree.settle(&["head", "anna"]);
        tree.edit("head", "UPDATE clients SET level = 5 WHERE id = 'ACME'");
        tree.edit("anna", migration);
        let died = dies(&tree, "anna", kill);
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
        assert_eq!(
            tree.text("anna", "SELECT group_concat(id || level || label || telephone) FROM (SELECT * FROM clients ORDER BY id)"),
            "ACME5ACME!head,BOLT3BOLT!anna",
            "step {kill}"
        );
        assert_eq!(tree.text("anna", "SELECT color FROM tags"), "red");
        if !died {
            assert!(kill > 10, "the sweep is over after {kill} steps");
            return;
        }
    }
}

#[test]
fn a_run_that_dies_while_it_parks_parks_once() {
    for kill in 1.. {
        let tree = two();
        tree.edit("head", "CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('a', 'red'); ALTER TABLE customers ADD COLUMN level INTEGER;
            INSERT INTO customers VALUES ('DUNE', 'Dune', NULL, NULL, 9)");
        tree.sync("head");
        let died = dies(&tree, "anna", kill);
        tree.settle(&["anna", "head"]);
        assert_eq!(parked::waiting(&tree.session("anna")).unwrap().len(), 2, "step {kill}");
        assert_eq!(tree.text("anna", "SELECT name FROM customers WHERE id = 'DUNE'"), "Dune");
        if !died {
            return;
        }
    }
}

#[test]
fn what_recovering_did_before_it_was_cut_off_is_said_also_after_another_backup_was_put_back() {
    let tree = two();
    let old = backup(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'later'");
    tree.settle(&["head", "anna"]);
    replace_database(&tree, "anna", Some(&old));
    tree.edit("anna", "UPDATE customers SET phone = 'typed' WHERE id = 'CORE'; INSERT INTO notes VALUES ('N7', 'CORE', 'typed')");
    let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
    let untold = recover(tree.world("anna"), home, tree.limits.clone(), Mode::Do).unwrap().unwrap();
    let names = |done: &Recovered| -> Vec<(String, usize, usize)> {
        done.tables.iter().map(|table| (table.table.clone(), table.kept.len(), table.listed.len())).collect()
    };
    let [customers, notes] = ["customers", "notes"].map(str::to_owned);
    assert_eq!(names(&untold), [(customers.clone(), 1, 1), (notes.clone(), 1, 0)]);
    replace_database(&tree, "anna", Some(&old));
    let told = recovered(&tree, "anna", Mode::Do).unwrap();
    assert_eq!(names(&told), [(customers, 1, 1), (notes, 1, 0)], "nobody heard of it: {told:?}");
    assert_eq!((told.tables[0].forward, told.tables[1].back), (3, 1), "what was done now is counted");
    assert_eq!(recovered(&tree, "anna", Mode::Do), None);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(all(&tree, "head", "phone"), "later; later; typed");
}
