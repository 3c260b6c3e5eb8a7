//! Lost and repeated packets, and death before every durable step: documents arrive whole, once, and nothing goes.

use fieldpost::exchange::{Exchange as _, Folder, Unruly};
use fieldpost::sync::documents::switch;
use fieldpost::sync::recover;

use crate::folders::{SITES, library, noise};
use crate::support::Tree;

/// Edits of every kind at all sites.
fn edit_everywhere(tree: &Tree, large: &[u8]) {
    tree.write("head", "large", large);
    tree.write("head", "both", "of head");
    tree.write("anna", "both", "of anna");
    tree.rename("north", "moved", "to/moved");
    tree.delete("anna", "gone");
    tree.write("anna", "from anna", "x");
}

fn beginning() -> (Tree, Vec<u8>) {
    let tree = library("");
    let mut large = noise(600_000, 21);
    tree.write("head", "large", &large);
    for path in ["both", "moved", "gone", "kept 1", "kept 2", "kept 3"] {
        tree.write("head", path, path);
    }
    tree.settle(&SITES);
    large.splice(300_000..300_010, noise(500, 22));
    (tree, large)
}

fn check(tree: &Tree, large: &[u8], what: &str) {
    for site in SITES {
        let folder = tree.folder(site);
        let names: Vec<&str> = folder.keys().map(String::as_str).collect();
        let expected = ["both", "both (anna 2023-11-14)", "from anna", "kept 1", "kept 2", "kept 3", "large", "to/moved"];
        assert_eq!(names, expected, "{what}: at {site}");
        assert!(folder["large"] == large, "{what}: at {site}");
        assert_eq!(folder["both"], b"of head", "{what}: at {site}");
        assert_eq!(folder["both (anna 2023-11-14)"], b"of anna", "{what}: at {site}");
        assert_eq!(folder["to/moved"], b"moved", "{what}: at {site}");
        assert_eq!(folder["from anna"], b"x", "{what}: at {site}");
    }
    tree.assert_same(&SITES);
}

#[test]
fn a_round_that_dies_before_any_durable_step_is_done_by_the_next() {
    // Every site in turn dies at every seventh step, from another one on each time; at each with FIELDPOST_EVERY_STEP set.
    let stride = if std::env::var_os("FIELDPOST_EVERY_STEP").is_some() { 1 } else { 7 };
    for (at, site) in SITES.into_iter().enumerate() {
        let mut kill = 1 + at as u64;
        loop {
            let (tree, large) = beginning();
            edit_everywhere(&tree, &large);
            let mut died = None;
            // In the first round of the site it looks and sends, in the second what came is placed.
            for _ in 0..2 {
                for other in SITES {
                    if other == site {
                        died = died.or(tree.sync_dying(site, kill));
                    } else {
                        tree.sync(other);
                    }
                }
            }
            // What was made and not put on the exchange yet counts for no news.
            tree.sync(site);
            tree.settle(&SITES);
            check(&tree, &large, &format!("{site} died before step {kill}, {died:?}"));
            if died.is_none() {
                break;
            }
            kill += stride;
        }
        assert!(kill > 15, "{site} took only {kill} steps");
    }
}

#[test]
fn what_a_look_that_died_found_and_is_no_more_is_in_no_list() {
    for kill in 1.. {
        let tree = library("");
        for path in ["edited", "gone", "stays"] {
            tree.write("head", path, "first");
        }
        tree.settle(&SITES);
        for path in ["edited", "gone", "new"] {
            tree.write("head", path, "seen once");
        }
        let died = tree.sync_dying("head", kill);
        if died.is_none_or(|step| step.contains("packet") || step.contains("seal")) {
            assert!(kill > 4, "{kill}");
            return;
        }
        tree.write("head", "edited", "in its place");
        tree.delete("head", "gone");
        tree.delete("head", "new");
        tree.settle(&SITES);
        for site in SITES {
            let names: Vec<String> = tree.folder(site).into_keys().collect();
            assert_eq!(names, ["edited", "stays"], "at {site}, died before {died:?}");
            assert_eq!(tree.read(site, "edited"), "in its place", "at {site}, died before {died:?}");
            assert_eq!(tree.rows(site, "SELECT path FROM _fieldpost_library ORDER BY path"), names, "at {site}, died before {died:?}");
        }
    }
}

#[test]
fn lost_late_and_repeated_packets_change_nothing() {
    for seed in 0..4 {
        let (tree, large) = beginning();
        edit_everywhere(&tree, &large);
        tree.exchange.behave(Unruly::stormy(seed));
        for _ in 0..6 {
            tree.tick(2 * 60 * 60 * 1000);
            for site in SITES {
                tree.sync(site);
            }
        }
        tree.exchange.behave(Unruly::calm());
        // What is missing is asked for, and what is unacknowledged put there again, once an hour has gone.
        for _ in 0..4 {
            tree.tick(2 * 60 * 60 * 1000);
            for site in SITES {
                tree.sync(site);
            }
        }
        tree.settle(&SITES);
        check(&tree, &large, &format!("seed {seed}"));
    }
}

#[test]
fn an_edit_that_only_its_site_has_is_not_overwritten_before_it_is_sent() {
    let mut tree = library("");
    tree.write("head", "a", "first");
    tree.settle(&SITES);
    // Anna's content goes in many small parts; north's comes before the rows.
    tree.set_library("anna", |library| library.budget = 1);
    tree.set_library("north", |library| library.before_rows = true);
    let large = noise(2 << 20, 31);
    tree.write("anna", "a", &large);
    tree.write("north", "a", "of north");
    tree.sync("anna");
    // Each row in a packet of its own; the one which says that anna's is kept, and what follows it, are lost for a while.
    tree.limits.packet_bytes = 1;
    tree.sync("north");
    let folder = Folder::between(&crate::support::name("anna"), &crate::support::name("north"));
    let mut exchange = tree.exchange.clone();
    let world = tree.world("north");
    let mut entries = exchange.list(&world, &folder).unwrap();
    entries.sort_by_key(|entry| entry.name.as_str().parse::<fieldpost::packet::PacketFileName>().map(|name| name.number).ok());
    for entry in entries.split_off(entries.len() - 2) {
        exchange.delete(&world, &folder, &entry.name).unwrap();
    }
    let report = tree.sync("anna");
    assert!(report.applied.len() > 1 && report.documents.coming == 1, "{report:?}");
    assert_eq!(
        tree.rows("anna", "SELECT path || bytes FROM _fieldpost_library"),
        ["a8"],
        "the edit of north is listed, the copy is not yet"
    );
    assert!(tree.folder("anna")["a"] == large, "it is here alone");
    tree.limits.packet_bytes = 32 << 20;
    tree.set_library("anna", |library| library.budget = 64 << 20);
    for _ in 0..4 {
        tree.tick(2 * 60 * 60 * 1000);
        for site in SITES {
            tree.sync(site);
        }
    }
    tree.settle(&SITES);
    for site in SITES {
        assert_eq!(tree.read(site, "a"), "of north", "at {site}");
        assert!(tree.folder(site)["a (anna 2023-11-14)"] == large, "at {site}");
    }
}

/// The database of a site is put back as it was and brought forward.
fn put_back(tree: &Tree, site: &str, old: &std::path::Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        drop(std::fs::remove_file(tree.home(site).join(format!("shop.db{suffix}"))));
    }
    std::fs::copy(old, tree.home(site).join("shop.db")).unwrap();
    tree.tick(1_000);
    let home = fieldpost::site::Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    let done = recover::recover(tree.world(site), home, tree.limits.clone(), recover::Mode::Do).unwrap();
    assert!(
        done.is_some_and(|done| done.tables.iter().all(|table| table.kept.is_empty() && table.refused.is_empty())),
        "nobody typed anything"
    );
}

fn backup(tree: &Tree, site: &str) -> std::path::PathBuf {
    let path = tree.folder.path().join(format!("{site}.db"));
    drop(std::fs::remove_file(&path));
    tree.application(site).execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    path
}

#[test]
fn a_database_of_before_the_library_is_brought_forward_and_gets_the_list() {
    for site in ["anna", "head"] {
        let mut tree = Tree::new("CREATE TABLE t (id TEXT PRIMARY KEY, x); INSERT INTO t VALUES ('a', 1);");
        tree.limits.document_settle_millis = 0;
        tree.add("head", "anna", fieldpost::site::Role::Remote);
        tree.settle(&["anna", "head"]);
        let old = backup(&tree, site);
        switch::on(&mut tree.session("head")).unwrap();
        tree.settle(&["anna", "head"]);
        tree.write("head", "plan", "first");
        tree.settle(&["anna", "head"]);
        put_back(&tree, site, &old);
        tree.write("head", "plan", "second");
        tree.settle(&["anna", "head"]);
        tree.assert_documents(&["head", "anna"], &[("plan", "second")]);
    }
}

#[test]
fn a_database_of_another_library_brings_back_neither_that_nor_what_it_said() {
    for (site, on_again) in [("anna", false), ("head", false), ("anna", true), ("head", true)] {
        let tree = library("");
        tree.write("head", "plan", "first");
        tree.settle(&SITES);
        let old = backup(&tree, site);
        switch::off(&mut tree.session("head")).unwrap();
        tree.settle(&SITES);
        tree.write("head", "plan", "while it was off");
        if on_again {
            switch::on(&mut tree.session("head")).unwrap();
            tree.settle(&SITES);
        }
        let before = SITES.map(|site| tree.folder(site));
        assert_eq!(before[0]["plan"], b"while it was off");
        put_back(&tree, site, &old);
        tree.settle(&SITES);
        assert_eq!(SITES.map(|site| tree.folder(site)), before, "put back at {site}");
        assert!(SITES.iter().all(|site| tree.session(site).has_library() == on_again), "put back at {site}");
    }
}
