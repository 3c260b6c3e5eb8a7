//! What goes which way, what stays home and until when, and what goes first.

use super::*;

#[test]
fn an_order_goes_up_once_it_is_ready_with_its_lines_and_gets_its_number() {
    let tree = tree("[tables.orders]\ndirection = 'up'\nready_when = 'submitted = 1'\n[tables.lines]\ndirection = 'up'\n");
    tree.edit("head", "INSERT INTO orders VALUES (1, 'C1', 1, 50)");
    tree.edit("anna", "INSERT INTO orders VALUES (1, 'C1', 0, 70); INSERT INTO lines VALUES (1, 1, 'nail')");
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT total FROM orders", &["50"]);
    tree.assert_rows(&["head"], "SELECT count(*) FROM lines", &["0"]);
    tree.edit("anna", "UPDATE orders SET submitted = 1");
    tree.settle(&TWO);
    tree.assert_rows(
        &["head"],
        "SELECT total, article FROM orders LEFT JOIN lines ON \"order\" = orders.id ORDER BY 1",
        &["50|-", "70|nail"],
    );
    // What others ordered stays at the head; its own number is told.
    let number = tree.text("head", "SELECT id || '' FROM orders WHERE total = 70");
    tree.assert_rows(&["anna"], "SELECT id || '' , total FROM orders", &[&format!("{number}|70")]);
    tree.edit("head", "UPDATE orders SET total = 0");
    tree.settle(&TWO);
    tree.assert_rows(&["anna"], "SELECT total FROM orders", &["70"]);
}

#[test]
fn a_record_waits_for_what_it_requires() {
    let tree = tree("[tables.contacts]\nrequired = ['company']\n");
    tree.edit(
        "anna",
        "PRAGMA foreign_keys = off; INSERT INTO contacts (id, company, name) VALUES ('C2', 'NEW', 'Nora'), ('C3', NULL, 'Nick')",
    );
    let report = tree.sync("anna");
    assert_eq!(report.kept.len(), 2);
    assert!(report.kept.iter().all(|kept| kept.named.iter().all(|(_, why)| why.is_error()) && kept.table == "contacts"));
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT count(*) FROM contacts", &["1"]);
    tree.edit("anna", "INSERT INTO companies VALUES ('NEW', 'New', NULL)");
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT id FROM contacts ORDER BY id", &["C1", "C2"]);
}

#[test]
fn a_record_that_lacks_what_it_requires_takes_every_other_edit() {
    let tree = tree("[tables.contacts]\nrequired = ['company']\n");
    tree.edit("head", "PRAGMA foreign_keys = off; UPDATE contacts SET company = 'NEW'");
    tree.edit("anna", "UPDATE contacts SET name = 'Anja'");
    tree.settle(&TWO);
    assert!(held_at_head(&tree).is_empty(), "{:?}", tree.held("head"));
    assert_eq!(contact(&tree, "head", "company || name"), "NEWAnja");
    assert_eq!(contact(&tree, "anna", "company || name"), "ACMEAnja");
    tree.edit("anna", "INSERT INTO companies VALUES ('NEW', 'New', NULL)");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "anna", "company || name"), "NEWAnja");
}

#[test]
fn a_site_whose_first_load_is_not_whole_yet_knows_the_rules() {
    let mut tree = Tree::with_rules(SCHEMA, "[tables.contacts]\nlocal = ['seen']\n[tables.companies]\nsend = 'manual'\n");
    tree.limits.packet_bytes = 1;
    tree.add("head", "anna", Role::Remote);
    TWO.iter().rev().for_each(|site| drop(tree.sync(site)));
    let last = tree.exchange.everything().into_keys().filter(|name| name.ends_with(".fpk") && name.starts_with("anna/")).max().unwrap();
    let (folder, name) = last.rsplit_once('/').unwrap();
    tree.exchange.tamper(&Folder::new(folder).unwrap(), &FileName::new(name).unwrap(), |bytes| bytes[0] ^= 1);
    tree.sync("anna");
    tree.edit("anna", "UPDATE contacts SET seen = 'anna'; INSERT INTO companies VALUES ('MINE', 'Mine', NULL)");
    TWO.iter().rev().for_each(|site| drop(tree.sync(site)));
    tree.assert_rows(&["head"], "SELECT seen FROM contacts", &["-"]);
    tree.assert_rows(&["head"], "SELECT id FROM companies ORDER BY id", &["ACME", "BOLT"]);
}

#[test]
fn a_site_that_dies_anywhere_in_its_first_load_knows_the_rules_once_it_has_tables() {
    // Seed 301118.
    let mut tree = Tree::with_rules(SCHEMA, "[tables.companies]\nsend = 'manual'\n");
    tree.limits.slice_changes = 1;
    tree.add("head", "anna", Role::Remote);
    TWO.iter().rev().for_each(|site| drop(tree.sync(site)));
    let told = tree.session("head").rules.to_string();
    let (mut kill, mut with_tables) = (1, 0);
    while tree.sync_dying("anna", kill).is_some() {
        let session = tree.session("anna");
        if session.has_database() {
            assert_eq!(session.rules.to_string(), told, "once it died before step {kill}");
            with_tables += 1;
        }
        kill += 1;
    }
    assert!(with_tables > 0, "it died before it had tables only");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
}

#[test]
fn what_is_local_never_travels() {
    let tree = tree("[tables.scratch]\nlocal = true\n[tables.contacts]\nlocal = ['seen']\n");
    tree.assert_rows(&["anna"], "SELECT count(*) FROM scratch", &["0"]);
    tree.edit("head", "UPDATE contacts SET seen = 'head', name = 'both'; INSERT INTO scratch VALUES ('2', 'head')");
    tree.edit("anna", "UPDATE contacts SET seen = 'anna'; INSERT INTO scratch VALUES ('1', 'anna')");
    tree.settle(&TWO);
    assert_eq!(contact(&tree, "head", "seen || name"), "headboth");
    assert_eq!(contact(&tree, "anna", "seen || name"), "annaboth");
    tree.assert_rows(&["anna"], "SELECT x FROM scratch", &["anna"]);
}

#[test]
fn records_of_a_table_that_is_sent_by_hand_go_when_they_are_sent() {
    let tree = tree("[tables.companies]\nsend = 'manual'\n");
    tree.edit("anna", "INSERT INTO companies VALUES ('ONE', 'One', NULL), ('TWO', 'Two', NULL)");
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT count(*) FROM companies", &["2"]);
    let session = tree.session("anna");
    let table = session.shapes.iter().find(|shape| shape.name == "companies").unwrap().number;
    mend::release(&session, table, &[Key::new([&Value::text("TWO")]).unwrap()]).unwrap();
    drop(session);
    tree.settle(&TWO);
    tree.assert_rows(&["head"], "SELECT id FROM companies ORDER BY id", &["ACME", "BOLT", "TWO"]);
}

#[test]
fn what_refers_to_a_record_that_stays_home_stays_with_it_also_in_a_first_load() {
    let tree = tree("[tables.companies]\nready_when = \"id <> 'ACME'\"\n[tables.orders]\ndirection = 'up'\n");
    tree.assert_rows(&["anna"], "SELECT id FROM companies", &["BOLT"]);
    tree.assert_rows(&["anna"], "SELECT count(*) FROM contacts", &["0"]);
    // A line of the head's own order would only wait at Anna's: the order never comes.
    tree.edit("head", "INSERT INTO orders (id, total) VALUES (1, 5); INSERT INTO lines VALUES (1, 1, 'nail')");
    tree.edit("anna", "INSERT INTO orders (id, total) VALUES (1, 7); INSERT INTO lines VALUES (1, 1, 'screw')");
    tree.settle(&TWO);
    assert!(tree.held("anna").is_empty() && tree.held("head").is_empty(), "{:?} {:?}", tree.held("anna"), tree.held("head"));
    let lines = "SELECT total, article FROM orders JOIN lines ON orders.id = \"order\" ORDER BY article";
    tree.assert_rows(&["anna"], lines, &["7|screw"]);
    // What the head writes to Anna's order comes.
    tree.edit("head", "INSERT INTO lines SELECT 50, id, 'bolt' FROM orders WHERE total = 7");
    tree.settle(&TWO);
    tree.assert_rows(&["anna"], lines, &["7|bolt", "7|screw"]);
}

#[test]
fn a_report_counts_what_stays_home_by_table_and_kind_of_reason() {
    let tree = tree("[tables.companies]\nready_when = \"name <> 'draft'\"\n");
    for number in 0..50 {
        tree.edit("anna", &format!("INSERT INTO companies VALUES ('N{number}', 'draft', NULL); INSERT INTO contacts (id, company) VALUES ('K{number}', 'N{number}')"));
    }
    let kept: Vec<(String, u64)> = tree.sync("anna").kept.into_iter().map(|kept| (kept.table, kept.records)).collect();
    assert_eq!(kept, [("companies".to_owned(), 50), ("contacts".to_owned(), 50)]);
}

#[test]
fn what_is_critical_goes_first_with_what_it_refers_to() {
    let mut tree = tree("[tables.lines]\npriority = 'critical'\n[tables.contacts]\npriority = 'low'\n");
    tree.limits.packet_bytes = 1;
    tree.edit("head", "INSERT INTO companies VALUES ('NEW', 'New', 'head')");
    tree.edit("head", "INSERT INTO contacts (id, company) VALUES ('C9', 'NEW')");
    tree.edit(
        "head",
        "INSERT INTO prices VALUES ('screw', 7); INSERT INTO orders VALUES (9, 'C9', 1, 3); INSERT INTO lines VALUES (1, 9, 'nail')",
    );
    tree.edit("head", "INSERT INTO contacts (id) VALUES ('C8')");
    let order: Vec<String> = tree.sync("head").built.into_iter().flat_map(|packet| packet.tables.into_keys()).collect();
    // Not even a low table comes after one that refers to it.
    assert_eq!(order, ["companies", "contacts", "contacts", "orders", "lines", "prices"]);
    tree.settle(&TWO);
    assert!(tree.held("anna").is_empty());
    tree.assert_rows(&["anna"], "SELECT article, contact FROM lines JOIN orders ON orders.id = \"order\"", &["nail|C9"]);
}

#[test]
fn a_table_that_only_went_up_and_goes_both_ways_from_now_on_is_told_to_all() {
    let tree = tree("[tables.prices]\ndirection = 'up'\n");
    tree.add("head", "bert", Role::Office);
    let sites = ["head", "anna", "bert", "cleo"];
    tree.settle(&sites[..3]);
    tree.add("bert", "cleo", Role::Remote);
    tree.settle(&sites);
    tree.edit("head", "INSERT INTO prices VALUES ('screw', 1)");
    tree.edit("anna", "INSERT INTO prices VALUES ('bolt', 2)");
    tree.edit("cleo", "INSERT INTO prices VALUES ('tack', 3)");
    tree.settle(&sites);
    tree.assert_rows(&["head"], "SELECT article FROM prices ORDER BY 1", &["bolt", "nail", "screw", "tack"]);
    tree.assert_rows(&["anna"], "SELECT article FROM prices ORDER BY 1", &["bolt"]);
    tree.assert_rows(&["bert", "cleo"], "SELECT article FROM prices ORDER BY 1", &["tack"]);
    let rules = tree.home("head").join("rules.toml");
    std::fs::write(&rules, "[clocks]\nfuture = '36500d'\n").unwrap();
    tree.edit("head", "UPDATE prices SET price = 9 WHERE article IN ('screw', 'tack')");
    tree.settle(&sites);
    tree.assert_rows(&sites, "SELECT article, price FROM prices ORDER BY 1", &["bolt|2", "nail|5", "screw|9", "tack|9"]);
    tree.edit("anna", "UPDATE prices SET price = 10 WHERE article = 'screw'; DELETE FROM prices WHERE article = 'nail'");
    tree.settle(&sites);
    tree.assert_rows(&sites, "SELECT article, price FROM prices ORDER BY 1", &["bolt|2", "screw|10", "tack|9"]);
    assert!(sites.iter().all(|site| tree.held(site).is_empty()));
}
