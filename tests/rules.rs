//! What the rules say is what happens: one short history per rule, read from databases and lists.

#[path = "rules/lifted.rs"]
mod lifted;
#[path = "rules/mending.rs"]
mod mending;
mod support;
#[path = "rules/travel.rs"]
mod travel;

use std::collections::BTreeSet;

use fieldpost::cli;
use fieldpost::cli::conflicts::About;
use fieldpost::cli::held::Needs;
use fieldpost::cli::shown::Shown;
use fieldpost::exchange::{FileName, Folder};
use fieldpost::ledger::ConflictKind;
use fieldpost::model::{Key, Value};
use fieldpost::site::Role;
use fieldpost::sync::mend::{self, Choice, HeldPlace, MendError, Since};
use fieldpost::sync::round::Halves;
use fieldpost::sync::{SyncError, round, seal};
use support::Tree;

const SCHEMA: &str = "
    CREATE TABLE companies (id TEXT PRIMARY KEY, name TEXT, site TEXT);
    CREATE TABLE contacts (id TEXT PRIMARY KEY, company TEXT REFERENCES companies, name TEXT, street TEXT, city TEXT, notes TEXT,
      tags TEXT, stock INTEGER, status TEXT, seen TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, contact TEXT REFERENCES contacts, submitted INTEGER DEFAULT 0, total INTEGER);
    CREATE TABLE lines (id INTEGER PRIMARY KEY, \"order\" INTEGER REFERENCES orders, article TEXT);
    CREATE TABLE prices (article TEXT PRIMARY KEY, price INTEGER);
    CREATE TABLE scratch (id TEXT PRIMARY KEY, x TEXT);
    INSERT INTO companies VALUES ('ACME', 'Acme', 'anna'), ('BOLT', 'Bolt', 'head');
    INSERT INTO contacts VALUES ('C1', 'ACME', 'Ann', 'Old Road 1', 'Bern', 'a' || char(10) || 'b' || char(10) || 'c', 'x;y', 10, 'active', NULL);
    INSERT INTO prices VALUES ('nail', 5);
    INSERT INTO scratch VALUES ('1', 'head');";

const TWO: [&str; 2] = ["head", "anna"];

fn tree(rules: &str) -> Tree {
    joined(Tree::with_rules(SCHEMA, rules))
}

fn joined(tree: Tree) -> Tree {
    tree.add("head", "anna", Role::Remote);
    for _ in 0..3 {
        TWO.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree
}

/// Both edit, then all travels; Anna's edit is the later one.
fn both(tree: &Tree, head: &str, anna: &str) {
    tree.edit("head", head);
    std::thread::sleep(std::time::Duration::from_millis(5));
    tree.edit("anna", anna);
    tree.sync("anna");
    tree.settle(&TWO);
}

fn contact(tree: &Tree, site: &str, column: &str) -> String {
    tree.text(site, &format!("SELECT ifnull((SELECT {column} FROM contacts WHERE id = 'C1'), 'nothing') || ''"))
}

fn kinds(tree: &Tree, site: &str) -> Vec<ConflictKind> {
    let mut kinds = Vec::new();
    let session = tree.session(site);
    session
        .ledger
        .conflicts(0, &mut |_, _, _, conflict| {
            kinds.push(conflict.kind);
            Ok(())
        })
        .unwrap();
    kinds
}

fn mend_error<T: std::fmt::Debug>(done: Result<T, SyncError>) -> MendError {
    match done {
        Err(SyncError::Mend(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// What is held at the head, as `held` numbers it.
fn held_at_head(tree: &Tree) -> Vec<HeldPlace> {
    let session = tree.session("head");
    let mut places = Vec::new();
    session
        .ledger
        .exceptional(&mut |record| {
            places.extend(record.extra.held.keys().map(|site| HeldPlace { number: record.id.unwrap(), site: *site }));
            Ok(())
        })
        .unwrap();
    places
}

#[test]
fn differences_add_up_lists_unite_and_text_merges_by_lines() {
    let tree = tree("[tables.contacts.fields]\nstock = 'sum'\ntags = { union = ';' }\nnotes = 'text'\n");
    both(
        &tree,
        "UPDATE contacts SET stock = stock - 2, tags = 'x;y;z', notes = replace(notes, 'a', 'A')",
        "UPDATE contacts SET stock = stock - 2, tags = 'y;w', notes = replace(notes, 'c', 'C')",
    );
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "anna", "stock"), "6");
    assert_eq!(contact(&tree, "anna", "tags"), "y;z;w");
    assert_eq!(contact(&tree, "head", "notes"), "A\nb\nC");
    assert_eq!(kinds(&tree, "anna"), vec![ConflictKind::Merged; 3]);
}

#[test]
fn what_belongs_together_wins_together() {
    let tree = tree("[tables.contacts]\ngroups = [['street', 'city']]\n");
    both(&tree, "UPDATE contacts SET street = 'Head Street 2', name = 'Anne'", "UPDATE contacts SET city = 'Chur'");
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "head", "street || ', ' || city"), "Old Road 1, Chur");
    assert_eq!(contact(&tree, "anna", "name"), "Anne");
    assert!(tree.listed("head").iter().any(|lost| lost.contains("Head Street 2")), "{:?}", tree.listed("head"));
}

#[test]
fn what_comes_along_as_it_was_brings_its_time() {
    let tree = tree("[tables.contacts]\ngroups = [['street', 'city']]\n");
    for edit in ["street = 'New Road 1'", "street = 'Old Road 1'", "city = 'Chur'"] {
        tree.edit("anna", &format!("UPDATE contacts SET {edit}"));
        seal::seal(&tree.session("anna")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    tree.settle(&TWO);
    let times = |site: &str| {
        let session = tree.session(site);
        let shape = session.shapes.iter().find(|shape| shape.name == "contacts").unwrap();
        let record = session.ledger.load(shape.number, &Key::new([&Value::text("C1")]).unwrap()).unwrap();
        let image = record.current.unwrap();
        ["street", "city"].map(|field| image.stamp(shape.field(field).unwrap()).map(|stamp| stamp.time))
    };
    assert!(times("anna").iter().all(Option::is_some), "{:?}", times("anna"));
    assert_eq!(times("head"), times("anna"));
}

#[test]
fn the_owner_wins_whoever_was_later() {
    let rules = "[tables.contacts]\nconflict = ['owner', 'newest']\nowner = '(SELECT site FROM companies WHERE companies.id = company)'\n";
    let anna = tree(rules);
    both(&anna, "UPDATE contacts SET name = 'head'", "UPDATE contacts SET name = 'anna'");
    assert_eq!(contact(&anna, "head", "name"), "anna");
    let head = tree(rules);
    head.edit("head", "UPDATE companies SET site = 'head'");
    head.settle(&TWO);
    both(&head, "UPDATE contacts SET name = 'head'", "UPDATE contacts SET name = 'anna'");
    assert_eq!(contact(&head, "anna", "name"), "head");
}

#[test]
fn a_group_owns_what_the_sites_in_it_edit_from_the_day_they_are_in_it() {
    let tree = tree("[tables.contacts]\nconflict = ['owner', 'parent']\nowner = \"'sales'\"\n");
    both(&tree, "UPDATE contacts SET name = 'head'", "UPDATE contacts SET name = 'anna'");
    assert_eq!(contact(&tree, "anna", "name"), "head");
    let (sales, none) = (["sales".to_owned()].into(), [].into());
    fieldpost::sync::roster::regroup(&tree.session("head"), &support::name("anna"), &sales, &none).unwrap();
    both(&tree, "UPDATE contacts SET name = 'head 2'", "UPDATE contacts SET name = 'anna 2'");
    assert_eq!(contact(&tree, "head", "name"), "anna 2");
    fieldpost::sync::roster::regroup(&tree.session("head"), &support::name("anna"), &none, &sales).unwrap();
    both(&tree, "UPDATE contacts SET name = 'head 3'", "UPDATE contacts SET name = 'anna 3'");
    assert_eq!(contact(&tree, "anna", "name"), "head 3");
}

#[test]
fn a_fixed_field_and_a_table_that_goes_down_are_not_changed_by_a_child() {
    let tree = tree("[tables.contacts]\nfixed = ['company']\n[tables.prices]\ndirection = 'down'\n");
    tree.edit(
        "anna",
        "UPDATE contacts SET company = 'BOLT', name = 'Annie'; UPDATE prices SET price = 1; INSERT INTO prices VALUES ('screw', 7)",
    );
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "anna", "company || name"), "ACMEAnnie");
    tree.assert_rows(&TWO, "SELECT article, price FROM prices ORDER BY article", &["nail|5"]);
    assert!(kinds(&tree, "anna").iter().all(|kind| *kind == ConflictKind::Refused));
    for lost in ["BOLT", "1", "screw", "7"] {
        assert!(tree.listed("anna").iter().any(|listed| listed == lost), "{lost} is not listed: {:?}", tree.listed("anna"));
    }
    tree.edit("head", "UPDATE prices SET price = 6");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT article, price FROM prices ORDER BY article", &["nail|6"]);
}

#[test]
fn an_edit_of_something_else_in_its_group_brings_no_fixed_field_back() {
    // Seed 101190.
    let tree = tree("[tables.contacts]\nfixed = ['company']\ngroups = [['company', 'name']]\n");
    both(&tree, "UPDATE contacts SET company = 'BOLT'", "UPDATE contacts SET name = 'Annie'");
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "head", "company || name"), "BOLTAnn");
    assert_eq!(kinds(&tree, "anna"), [ConflictKind::Refused]);
    assert_eq!(tree.listed("anna"), ["Annie"]);
}

#[test]
fn what_is_refused_is_listed_with_what_stands_and_under_the_number_it_has_where_it_was_made() {
    let tree = tree("[tables.orders]\ndirection = 'down'\n[tables.prices]\ndirection = 'down'\n");
    tree.edit("anna", "UPDATE prices SET price = 1; INSERT INTO orders (id, total) VALUES (7, 70)");
    tree.settle(&TWO);
    for site in TWO {
        let all = cli::conflicts::all(&tree.session(site), 0).unwrap();
        let of = |field: &str| all.iter().find(|conflict| conflict.about == About::Refused(Some(field.to_owned()))).unwrap();
        assert_eq!((&of("price").winner.0, &of("price").loser.0), (&Value::Integer(5), &Value::Integer(1)), "{site}");
        assert_eq!((&of("total").winner.0, &of("total").key), (&Value::Absent, &vec![Shown(Value::Integer(7))]), "{site}");
    }
}

#[test]
fn a_group_of_which_one_field_was_edited_is_as_new_as_that_edit() {
    let tree = tree("[tables.contacts]\ngroups = [['street', 'city']]\n");
    tree.edit("head", "UPDATE contacts SET street = 'Head Street 2'");
    tree.settle(&TWO);
    // The head's street is older than Anna's city, and comes along with it; then both are as new.
    tree.edit("anna", "UPDATE contacts SET city = 'Chur'");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert!(kinds(&tree, "head").is_empty());
    both(&tree, "UPDATE contacts SET street = 'Head Street 3'", "UPDATE contacts SET city = 'Davos', name = 'Annie'");
    tree.assert_same(&TWO);
    assert_eq!(contact(&tree, "head", "street || ', ' || city || ', ' || name"), "Head Street 2, Davos, Annie");
    assert_eq!(kinds(&tree, "head"), [ConflictKind::Field]);
}

#[test]
fn a_delete_may_win_wait_for_a_person_or_only_mark() {
    let wins = tree("[tables.contacts]\ndeletes = 'delete-wins'\n");
    both(&wins, "UPDATE contacts SET name = 'edited'", "DELETE FROM contacts");
    wins.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["0"]);
    assert!(wins.listed("head").iter().any(|lost| lost == "edited"), "{:?}", wins.listed("head"));

    let review = tree("[tables.contacts]\ndeletes = 'review'\n");
    both(&review, "DELETE FROM contacts", "UPDATE contacts SET name = 'edited'");
    review.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["0"]);
    let open = |tree: &Tree| cli::conflicts::all(&tree.session("head"), 0).unwrap().iter().filter(|conflict| conflict.open).count();
    assert_eq!(open(&review), 1);
    mend::settle(&review.session("head"), 1, &Choice::Lost, Since::Ask).unwrap();
    assert_eq!(open(&review), 0);
    assert_eq!(mend_error(mend::settle(&review.session("head"), 1, &Choice::Lost, Since::Ask)), MendError::Settled(1));
    review.settle(&TWO);
    review.assert_rows(&TWO, "SELECT name, city FROM contacts", &["edited|Bern"]);

    let mark = tree("[tables.contacts]\ndeletes = { up = 'origin-only', down = { set = 'status', to = 'deleted' } }\n");
    mark.edit("anna", "DELETE FROM contacts; INSERT INTO contacts (id, name) VALUES ('MINE', 'Mia')");
    mark.settle(&TWO);
    mark.assert_rows(&TWO, "SELECT id FROM contacts ORDER BY id", &["C1", "MINE"]);
    mark.edit("anna", "DELETE FROM contacts WHERE id = 'MINE'");
    mark.edit("head", "DELETE FROM contacts WHERE id = 'C1'");
    mark.settle(&TWO);
    mark.assert_rows(&["head"], "SELECT count(*) FROM contacts", &["0"]);
    mark.assert_rows(&["anna"], "SELECT id, status FROM contacts", &["C1|deleted"]);
}

#[test]
fn what_a_mark_writes_over_is_listed() {
    let tree = tree("[tables.contacts]\ndeletes = { up = { set = 'status', to = 'deleted' } }\n");
    both(&tree, "UPDATE contacts SET status = 'on hold'", "DELETE FROM contacts");
    tree.assert_rows(&TWO, "SELECT status FROM contacts", &["deleted"]);
    assert!(tree.listed("head").iter().any(|lost| lost == "on hold"), "{:?}", tree.listed("head"));
}

#[test]
fn a_delete_that_made_room_for_a_record_which_is_refused_is_listed_with_it() {
    let down = tree("[tables.prices]\ndirection = 'down'\n");
    down.edit("anna", "DELETE FROM prices; INSERT INTO prices VALUES ('nail', 7)");
    down.settle(&TWO);
    down.assert_rows(&TWO, "SELECT price FROM prices", &["5"]);
    assert!(down.listed("head").iter().any(|lost| lost == "deleted"), "{:?}", down.listed("head"));

    let gone = tree("[tables.companies]\ndeletes = 'delete-wins'\n");
    gone.edit("head", "DELETE FROM companies WHERE id = 'BOLT'");
    gone.edit("anna", "DELETE FROM contacts; INSERT INTO contacts (id, company, name) VALUES ('C1', 'BOLT', 'new')");
    gone.settle(&TWO);
    gone.assert_rows(&TWO, "SELECT name FROM contacts", &["Ann"]);
    assert_eq!(kinds(&gone, "anna").iter().filter(|kind| **kind == ConflictKind::Delete).count(), 1);
}

#[test]
fn a_child_that_is_told_everything_hears_that_what_it_edited_is_gone() {
    let tree = tree("[tables.contacts]\ndeletes = 'delete-wins'\n");
    tree.edit("head", "DELETE FROM contacts");
    tree.edit("anna", "UPDATE contacts SET name = 'edited'");
    TWO.iter().for_each(|site| drop(tree.sync(site)));
    round::full(&tree.session("head")).unwrap();
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT count(*) FROM contacts", &["0"]);
}

#[test]
fn a_record_that_refers_to_itself_stays_where_others_refer_to_it() {
    let schema = "CREATE TABLE notes (id TEXT PRIMARY KEY, above TEXT REFERENCES notes (id)); INSERT INTO notes VALUES ('n', 'n')";
    let tree = joined(Tree::new(schema));
    tree.edit("head", "INSERT INTO notes VALUES ('m', 'n')");
    tree.edit("anna", "DELETE FROM notes");
    tree.sync("anna");
    tree.settle(&TWO);
    tree.assert_sound(&TWO);
    tree.assert_rows(&TWO, "SELECT id FROM notes ORDER BY id", &["m", "n"]);
    assert_eq!(kinds(&tree, "anna"), [ConflictKind::Dependants]);
}

#[test]
fn an_edit_of_a_record_that_was_refused_lists_what_it_changes_and_nothing_twice() {
    let tree = tree("[tables.companies]\ndeletes = 'delete-wins'\n");
    tree.edit("anna", "INSERT INTO contacts (id, company, name, city) VALUES ('C2', 'BOLT', 'Bea', 'Chur')");
    tree.edit("head", "DELETE FROM companies WHERE id = 'BOLT'");
    tree.sync("anna");
    tree.edit("anna", "UPDATE contacts SET name = 'Betty' WHERE id = 'C2'");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT id FROM contacts", &["C1"]);
    let lost = |value: &str| tree.listed("head").iter().filter(|lost| *lost == value).count();
    assert_eq!(["Bea", "Betty", "Chur"].map(lost), [1, 1, 1], "{:?}", tree.listed("head"));
}

#[test]
fn what_needs_a_record_that_cannot_come_back_is_refused_under_the_number_it_had() {
    let tree = tree("[tables.companies]\ndeletes = 'delete-wins'\n");
    tree.edit("head", "DELETE FROM contacts; DELETE FROM companies WHERE id = 'ACME'");
    // The contact would come back for the order, but not without its company.
    tree.edit("anna", "INSERT INTO orders (id, contact, total) VALUES (77, 'C1', 5); INSERT INTO lines VALUES (9, 77, 'nail')");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert!(held_at_head(&tree).is_empty(), "{:?}", tree.held("head"));
    let conflicts = cli::conflicts::all(&tree.session("anna"), 0).unwrap();
    let keys: BTreeSet<String> =
        conflicts.iter().map(|conflict| format!("{} {}", conflict.table, serde_json::to_string(&conflict.key).unwrap())).collect();
    assert_eq!(keys, ["lines [9]", "orders [77]"].map(str::to_owned).into());
    let lost = tree.listed("anna");
    assert_eq!(lost.iter().filter(|lost| *lost == "77").count(), 2, "the order, and what the line refers to: {lost:?}");
}

#[test]
fn a_refused_record_whose_key_is_a_reference_is_listed_by_the_number_that_its_site_knows() {
    let schema = "CREATE TABLE customers (id TEXT PRIMARY KEY); INSERT INTO customers VALUES ('c');
        CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT REFERENCES customers);
        CREATE TABLE bills (\"order\" INTEGER PRIMARY KEY REFERENCES orders, total INTEGER)";
    let tree = joined(Tree::with_rules(schema, "[tables.customers]\ndeletes = 'delete-wins'\n"));
    tree.edit("head", "DELETE FROM customers");
    tree.edit("anna", "INSERT INTO orders VALUES (77, 'c'); INSERT INTO bills VALUES (77, 5)");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    let conflicts = cli::conflicts::all(&tree.session("anna"), 0).unwrap();
    let tables: BTreeSet<&str> = conflicts.iter().map(|conflict| conflict.table.as_str()).collect();
    assert_eq!(tables, ["bills", "orders"].into());
    assert!(conflicts.iter().all(|conflict| serde_json::to_string(&conflict.key).unwrap() == "[77]"), "{conflicts:?}");
}

#[test]
fn a_number_and_the_word_that_says_of_which_table_win_together() {
    let schema = "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER); CREATE TABLE lines (id INTEGER PRIMARY KEY, text TEXT);
        CREATE TABLE tags (id TEXT PRIMARY KEY, text TEXT, kind TEXT, about INTEGER);
        INSERT INTO orders VALUES (1, 10), (2, 20); INSERT INTO lines VALUES (1, 'one'), (3, 'three');
        INSERT INTO tags VALUES ('t', 'a tag', 'order', 1)";
    let references = "[references]\n'tags.about' = { type = 'kind', tables = { order = 'orders', line = 'lines' } }\n";
    let apart = joined(Tree::with_rules(schema, references));
    apart.edit("anna", "UPDATE tags SET kind = 'line'");
    std::thread::sleep(std::time::Duration::from_millis(5));
    apart.edit("head", "UPDATE tags SET about = 2");
    apart.settle(&TWO);
    apart.assert_rows(&TWO, "SELECT kind, about FROM tags", &["order|2"]);

    let rules = format!("[tables.tags]\nconflict = 'oldest'\ngroups = [['text', 'about']]\n{references}");
    let grouped = joined(Tree::with_rules(schema, &rules));
    grouped.edit("head", "UPDATE tags SET kind = NULL, about = NULL");
    std::thread::sleep(std::time::Duration::from_millis(5));
    grouped.edit("anna", "UPDATE tags SET text = 'edited'");
    grouped.settle(&TWO);
    grouped.assert_rows(&TWO, "SELECT text, kind, about FROM tags", &["a tag|-|-"]);
}

#[test]
fn a_rule_about_what_is_not_there_or_does_not_run_is_pointed_out() {
    let rules = "[tables.contacts]\nfixed = ['compny']\nready_when = 'dne = 1'\nlocal = ['seen', 'sen']\n[tables.scratsh]\nlocal = true\n\
        [tables.scratch]\nlocal = true\n";
    let tree = tree(rules);
    let session = tree.session("head");
    let faults = session.database().unwrap().rule_faults(&session.shapes, &session.rules).unwrap();
    let said: Vec<String> = faults.iter().map(|fault| fault.trouble.to_string()).collect();
    assert_eq!(
        said,
        [
            "rules.toml speaks of a field `compny` of `contacts`, and there is none; did you mean `company`?",
            "rules.toml speaks of a field `sen` of `contacts`, and there is none; did you mean `seen`?",
            "`ready_when` of `contacts` in rules.toml does not run here: no such column: dne",
            "rules.toml speaks of a table `scratsh`, and there is none; did you mean `scratch`?",
        ]
    );
}

#[test]
fn deletes_of_records_that_come_to_refer_to_each_other_happen_together() {
    const PAIRS: &str = "CREATE TABLE left (id TEXT PRIMARY KEY, other TEXT REFERENCES right, note TEXT);
        CREATE TABLE right (id TEXT PRIMARY KEY, other TEXT REFERENCES left, note TEXT);
        INSERT INTO left VALUES ('L', NULL, 'a'); INSERT INTO right VALUES ('R', 'L', 'a');";
    let tree = joined(Tree::with_rules(PAIRS, "[tables.left]\ndeletes = 'delete-wins'\n[tables.right]\ndeletes = 'delete-wins'\n"));
    tree.edit("anna", "UPDATE left SET other = 'R'");
    tree.sync("anna");
    tree.edit("head", "DELETE FROM right; DELETE FROM left");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT (SELECT count(*) FROM left) + (SELECT count(*) FROM right)", &["0"]);
    assert!(TWO.iter().all(|site| tree.held(site).is_empty()), "{:?}", tree.held("anna"));
    assert_eq!(kinds(&tree, "anna"), [ConflictKind::Delete]);
}

#[test]
fn a_record_that_was_only_marked_and_is_taken_up_again_lists_the_delete() {
    let tree = tree("[tables.contacts]\ndeletes = { up = 'edit-wins', down = { set = 'status', to = 'deleted' } }\n");
    tree.edit("head", "DELETE FROM contacts");
    tree.settle(&TWO);
    tree.edit("anna", "UPDATE contacts SET status = 'active'");
    tree.settle(&TWO);
    tree.assert_rows(&TWO, "SELECT id, status FROM contacts", &["C1|active"]);
    assert_eq!(kinds(&tree, "head"), [ConflictKind::Delete]);
}

#[test]
fn what_was_edited_in_a_marked_record_is_listed_where_the_record_comes_back() {
    let tree = Tree::with_rules(SCHEMA, "[tables.contacts]\ndeletes = { up = 'edit-wins', down = { set = 'status', to = 'deleted' } }\n");
    let sites = ["head", "anna", "bert"];
    sites[1..].iter().for_each(|child| tree.add("head", child, Role::Remote));
    (0..3).for_each(|_| sites.iter().for_each(|site| drop(tree.sync(site))));
    tree.edit("bert", "UPDATE contacts SET city = 'Basel'");
    tree.edit("head", "DELETE FROM contacts");
    tree.sync("head");
    tree.sync("anna");
    tree.edit("anna", "UPDATE contacts SET name = 'Anna'");
    tree.sync("anna");
    assert_eq!(contact(&tree, "anna", "status || name"), "deletedAnna");
    tree.settle(&sites);
    tree.assert_rows(&sites, "SELECT name, city, status FROM contacts", &["Ann|Basel|active"]);
    let lost = cli::conflicts::all(&tree.session("anna"), 0).unwrap();
    assert!(lost.iter().any(|lost| lost.about == About::Field("name".into()) && lost.loser == Shown(Value::text("Anna"))), "{lost:#?}");
}

#[test]
fn the_fields_of_one_reference_win_together_whatever_each_side_changed() {
    const PLACES: &str = "CREATE TABLE places (row TEXT, seat TEXT, PRIMARY KEY (row, seat));
        CREATE TABLE guests (id TEXT PRIMARY KEY, row TEXT, seat TEXT, FOREIGN KEY (row, seat) REFERENCES places);
        INSERT INTO places VALUES ('A', '1'), ('A', '2'), ('B', '1'), ('B', '2');
        INSERT INTO guests VALUES ('Ann', 'A', '1');";
    let tree = joined(Tree::new(PLACES));
    both(&tree, "UPDATE guests SET row = 'B'", "UPDATE guests SET seat = '2'");
    // Nobody meant B 2.
    tree.assert_rows(&TWO, "SELECT row, seat FROM guests", &["A|2"]);
    assert_eq!(kinds(&tree, "head"), [ConflictKind::Field]);
}

#[test]
fn a_record_that_comes_back_brings_along_what_refers_to_it_in_a_circle_and_keeps_the_edit() {
    const ROUND: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, FOREIGN KEY (x, y) REFERENCES pairs);
        CREATE TABLE pairs (x INTEGER REFERENCES people, y INTEGER REFERENCES people, by INTEGER REFERENCES people, note TEXT,
          PRIMARY KEY (x, y));
        INSERT INTO people VALUES (1, NULL, NULL), (2, NULL, NULL); INSERT INTO pairs VALUES (2, 2, 1, 'a');
        UPDATE people SET x = 2, y = 2 WHERE id = 1;";
    let tree = joined(Tree::new(ROUND));
    tree.edit("anna", "UPDATE pairs SET note = 'edited'");
    tree.edit("head", "PRAGMA foreign_keys = OFF; DELETE FROM pairs; DELETE FROM people");
    tree.sync("anna");
    tree.settle(&TWO);
    tree.assert_sound(&TWO);
    tree.assert_rows(&TWO, "SELECT note, people.id FROM pairs JOIN people ON people.id = by AND people.x = pairs.x", &["edited|1"]);
    assert!(kinds(&tree, "head").iter().all(|kind| *kind == ConflictKind::Delete), "{:?}", kinds(&tree, "head"));
    // What the mirror has is what is there.
    assert_eq!(tree.sync("head").found, 0);
}

#[test]
fn a_record_that_cannot_come_back_keeps_no_number_from_others() {
    const CODES: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES people, code TEXT UNIQUE, note TEXT);
        INSERT INTO people VALUES (1, NULL, 'one', 'a'), (2, 1, 'two', 'a');";
    let tree = joined(Tree::new(CODES));
    tree.edit("anna", "UPDATE people SET note = 'edited' WHERE id = 2");
    tree.edit("head", "PRAGMA foreign_keys = OFF; DELETE FROM people; INSERT INTO people VALUES (9, NULL, 'two', 'other')");
    tree.sync("anna");
    tree.sync("head");
    assert_eq!(tree.held("head").len(), 1);
    // Whatever number the application gives next is its own.
    tree.edit("head", "INSERT INTO people (id, code) VALUES (2, 'a'), (10, 'b'), (11, 'c')");
    tree.sync("head");
    tree.assert_rows(&["head"], "SELECT id FROM people WHERE code IN ('a', 'b', 'c') ORDER BY id", &["2", "10", "11"]);
}

#[test]
fn a_record_that_is_put_in_anothers_place_goes_past_no_rule_about_deletes_nor_what_is_fixed() {
    const ANEW: &str = "DELETE FROM prices; INSERT INTO prices (article, price) VALUES ('nail', 9)";
    let rules = |rule: &str| format!("[tables.prices]\n{rule}\n");
    let price = "SELECT article, price FROM prices";
    // Only who made it may delete it: what is put in its place is an edit of it, and it stays whose it was.
    let one = tree(&rules("deletes = 'origin-only'"));
    one.edit("anna", ANEW);
    one.settle(&TWO);
    one.assert_same(&TWO);
    one.assert_rows(&TWO, price, &["nail|9"]);
    assert_eq!(kinds(&one, "anna"), [ConflictKind::Refused]);
    one.edit("anna", "DELETE FROM prices");
    one.settle(&TWO);
    one.assert_rows(&TWO, price, &["nail|9"]);
    // The price is fixed.
    let one = tree(&rules("fixed = ['price']"));
    one.edit("anna", ANEW);
    one.settle(&TWO);
    one.assert_same(&TWO);
    one.assert_rows(&TWO, price, &["nail|5"]);
    // Nothing came of what was put there, nor of the delete.
    assert_eq!(one.listed("anna"), ["9", "deleted"]);
    one.edit("anna", "INSERT OR REPLACE INTO prices (article, price) VALUES ('nail', 9)");
    one.settle(&TWO);
    one.assert_rows(&TWO, price, &["nail|5"]);
    // A delete sets a field instead.
    let one = tree("[tables.contacts]\ndeletes = { set = 'status', to = 'gone' }\n");
    one.edit("head", "UPDATE contacts SET city = 'Chur'");
    one.edit("anna", "DELETE FROM contacts; INSERT INTO contacts (id, name, street, city, stock, status) VALUES ('C1', 'Anne', 'Old Road 1', 'Bern', 10, 'active')");
    one.settle(&TWO);
    one.assert_same(&TWO);
    one.assert_rows(&TWO, "SELECT name, city, status FROM contacts", &["Anne|Chur|active"]);
    assert_eq!(kinds(&one, "anna"), [ConflictKind::Delete]);
}

/// Seeds 40050 and 60593.
#[test]
fn one_of_two_twins_that_is_deleted_and_made_again_has_its_new_values_whatever_the_rule() {
    for rule in ["oldest", "newest", "child"] {
        let tree = tree(&format!("default = \"{rule}\""));
        let half = |site: &str, halves| {
            tree.tick(1_000);
            round::run(&mut tree.session(site), &mut [&mut tree.exchange.clone()], halves, &mut |_| {}).unwrap();
        };
        tree.edit("anna", "INSERT INTO contacts (id, name, city) VALUES ('C2', 'Anna', 'Ulm')");
        half("anna", Halves::Send);
        std::thread::sleep(std::time::Duration::from_millis(5));
        tree.edit("head", "INSERT INTO contacts (id, name, city, stock) VALUES ('C2', 'Head', 'Ulm', 7)");
        half("head", Halves::Receive);
        tree.edit("anna", "DELETE FROM contacts WHERE id = 'C2'; INSERT INTO contacts (id, name, city) VALUES ('C2', 'Anew', 'Bonn')");
        half("anna", Halves::Send);
        tree.settle(&TWO);
        tree.assert_same(&TWO);
        let is = tree.text("head", "SELECT name || ' ' || city || ' ' || ifnull(stock, '-') FROM contacts WHERE id = 'C2'");
        // What the main office put in where she had put nothing is no edit of hers.
        assert_eq!(is, if rule == "newest" { "Anew Bonn 7" } else { "Anew Bonn -" }, "{rule}");
    }
}
