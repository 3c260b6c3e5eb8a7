//! What may a schema step change, at whom, and does its way back lead back?

use std::collections::BTreeSet;
use std::path::PathBuf;

use fieldpost::bundle::Loss;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, undo};

use crate::support::Tree;
use crate::{ALL, Folder, everything, files, four, named, publish, refusal, version_of};

/// A bundle with one step, which runs there.
pub fn stepping(tree: &Tree, runs: &str, up: &str, down: Option<&str>) -> PathBuf {
    let way_back = if down.is_some() { "down = 'schema/1-down.sql'\n" } else { "" };
    let toml = format!("name = 'x'\nversion = '1.0.0'\n[[schema]]\nup = 'schema/1.sql'\nruns = '{runs}'\n{way_back}");
    // Folders are told apart by what stands in them.
    let toml = format!("{toml}# {}\n", blake3::hash(format!("{up} {down:?}").as_bytes()));
    let folder = Folder::new(tree, &toml).with("schema/1.sql", up).with("schema/1-down.sql", down.unwrap_or_default());
    folder.with("files/x.txt", "x").build(&tree.session("head").signing)
}

/// A field and a table for everybody, with rows in both, and a file for some.
fn regions(tree: &Tree) -> PathBuf {
    let toml = "name = 'regions'\nversion = '1.0.0'\n\
        [needs]\nschema = ['customers.region', 'regions.code']\n\
        [[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\n\
        [[rows]]\nfile = 'rows/regions.csv'\ntable = 'regions'\nkey = ['code']\nmode = 'upsert'\n\
        [[rows]]\nfile = 'rows/customers.csv'\ntable = 'customers'\nkey = ['id']\nmode = 'upsert'\n";
    Folder::new(tree, toml)
        .with("schema/1.sql", "ALTER TABLE customers ADD COLUMN region TEXT; CREATE TABLE regions (code TEXT PRIMARY KEY, name TEXT);")
        .with("schema/1-down.sql", "DROP TABLE regions; ALTER TABLE customers DROP COLUMN region;")
        .with("rows/regions.csv", "code,name\nEU,Europe\nUS,America\n")
        .with("rows/customers.csv", "id,region\nA,EU\n")
        .with("files/Screens/Regions.xml", "<regions/>")
        .build(&tree.session("head").signing)
}

const CUSTOMERS: &str = "SELECT id, name, region FROM customers ORDER BY id";

/// Four sites with three customers.
pub fn with_customers() -> Tree {
    let tree = four();
    tree.edit("head", "INSERT INTO customers VALUES ('A', 'Acme'), ('B', 'Bolt'), ('C', 'Cask')");
    tree.settle(&ALL);
    tree
}

#[test]
fn a_field_that_all_share_goes_to_everybody_while_all_keep_editing_and_goes_again() {
    let tree = with_customers();
    let first = ALL.map(|site| everything(&tree, site));
    // Edits under the old shape, which the main office hears of after it has the new one.
    tree.edit("anna", "UPDATE customers SET name = 'Acme of anna' WHERE id = 'A'; INSERT INTO customers VALUES ('N', 'new at anna')");
    tree.edit("dora", "UPDATE customers SET name = 'Bolt of dora' WHERE id = 'B'; DELETE FROM customers WHERE id = 'C'");
    publish(&tree, &regions(&tree), &["sales"]);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for site in ALL {
        assert_eq!(tree.rows(site, CUSTOMERS), ["A|Acme of anna|EU", "B|Bolt of dora|-", "N|new at anna|-"], "at {site}");
        assert_eq!(tree.rows(site, "SELECT code FROM regions ORDER BY 1"), ["EU", "US"], "at {site}");
        let expected = if ["anna", "bert", "carl"].contains(&site) { Some("1.0.0".to_owned()) } else { None };
        assert_eq!(version_of(&tree, site, "regions"), expected, "at {site}");
        assert_eq!(files(&tree, site).len(), usize::from(expected.is_some()), "at {site}");
    }

    // What people wrote into the new field and the new table is not thrown away in passing.
    tree.edit("carl", "UPDATE customers SET region = 'US' WHERE id = 'B'");
    tree.settle(&ALL);
    let there = everything(&tree, "head");
    let withdrawing = |loss| bundles::withdraw(&tree.session("head"), &named("regions"), loss);
    let why = refusal(withdrawing(Loss::Refuse));
    assert_eq!(why.to_string(), "going back over the schema step schema/1.sql would lose what `customers` holds");
    assert_eq!(everything(&tree, "head"), there);
    tree.edit("dora", "UPDATE customers SET region = NULL WHERE id = 'B'; INSERT INTO regions VALUES ('AF', 'Africa')");
    tree.settle(&ALL);
    let why = refusal(withdrawing(Loss::Refuse));
    assert_eq!(why.to_string(), "going back over the schema step schema/1.sql would lose what `regions` holds");
    tree.edit("dora", "DELETE FROM regions WHERE code = 'AF'");
    tree.settle(&ALL);

    // Edits under way while it goes: a name stays, what was written into the field that is gone is in the history.
    tree.edit("bert", "UPDATE customers SET name = 'Acme of bert', region = 'US' WHERE id = 'A'");
    withdrawing(Loss::Refuse).unwrap();
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for (site, first) in ALL.iter().zip(&first) {
        let there = everything(&tree, site);
        assert_eq!((&there.files, &there.made), (&first.files, &first.made), "at {site}");
        assert_eq!(there.held["customers"], ["A|Acme of bert", "B|Bolt of dora", "N|new at anna"], "at {site}");
    }
    // And once more, with everything in the field: whoever insists loses it, and only it.
    publish(&tree, &regions(&tree), &["sales"]);
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE customers SET region = 'EU', name = 'again'");
    tree.settle(&ALL);
    refusal(withdrawing(Loss::Refuse));
    withdrawing(Loss::KeepBeside).unwrap();
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for (site, first) in ALL.iter().zip(&first) {
        let there = everything(&tree, site);
        assert_eq!((&there.files, &there.made), (&first.files, &first.made), "at {site}");
        assert_eq!(there.held["customers"], ["A|again", "B|again", "N|again"], "at {site}");
    }
}

#[test]
fn a_field_that_each_site_adds_for_itself_stays_there() {
    let tree = with_customers();
    let first = ALL.map(|site| everything(&tree, site));
    let up = "ALTER TABLE customers ADD COLUMN shelf TEXT; CREATE INDEX by_shelf ON customers (shelf)";
    let file = stepping(&tree, "at-each", up, Some("DROP INDEX by_shelf; ALTER TABLE customers DROP COLUMN shelf"));
    publish(&tree, &file, &["sales"]);
    tree.edit("anna", "UPDATE customers SET name = 'before' WHERE id = 'A'");
    tree.settle(&ALL);
    tree.edit("anna", "UPDATE customers SET name = 'Acme of anna', shelf = '7' WHERE id = 'A'");
    tree.edit("bert", "INSERT INTO customers (id, name, shelf) VALUES ('N', 'new at bert', '8')");
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    let shelves = |site: &str| tree.rows(site, "SELECT id, name, shelf FROM customers WHERE id IN ('A', 'N')");
    assert_eq!(shelves("anna"), ["A|Acme of anna|7", "N|new at bert|-"]);
    assert_eq!(shelves("bert"), ["A|Acme of anna|-", "N|new at bert|8"]);
    for site in ["head", "dora"] {
        assert_eq!(tree.rows(site, "SELECT * FROM customers WHERE id IN ('A', 'N')"), ["A|Acme of anna", "N|new at bert"], "at {site}");
    }
    let away = |site: &str, loss| undo::undo(&tree.session(site), Scope::Site, &named("x"), undo::Depth::All, loss);
    let why = refusal(away("anna", Loss::Refuse));
    assert!(matches!(why, Refusal::StepLoses { .. }), "{why}");
    for (site, loss) in [("anna", Loss::KeepBeside), ("bert", Loss::KeepBeside), ("carl", Loss::Refuse)] {
        away(site, loss).unwrap();
    }
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for (site, first) in ALL.iter().zip(&first) {
        assert_eq!(everything(&tree, site).made, first.made, "at {site}");
    }
}

#[test]
fn what_travels_is_changed_by_no_site_for_itself() {
    let tree = with_customers();
    for (up, table) in [
        ("UPDATE customers SET name = 'x'", "customers"),
        ("INSERT INTO customers VALUES ('X', 'x')", "customers"),
        ("DELETE FROM customers WHERE id = 'none'", "customers"),
        ("ALTER TABLE customers DROP COLUMN name", "customers"),
        ("ALTER TABLE customers RENAME COLUMN name TO label", "customers"),
        ("ALTER TABLE customers RENAME TO clients", "customers"),
        ("DROP TABLE customers", "customers"),
        ("CREATE TABLE clients AS SELECT * FROM customers", "clients"),
        ("CREATE TABLE more (id TEXT PRIMARY KEY)", "more"),
    ] {
        let file = stepping(&tree, "at-each", up, None);
        let session = tree.session("anna");
        let opened = bundles::verified(&session, &file).unwrap();
        let why = refusal(install::install(&session, &opened, Scope::Site)).to_string();
        assert!(why.contains("travel") && why.contains(&format!("`{table}`")), "{up}: {why}");
    }
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    assert!(files(&tree, "anna").is_empty());
    // What the main office has, all have: a step for each site is not for it, whatever it does.
    let file = stepping(&tree, "at-each", "CREATE INDEX by_name ON customers (name)", Some("DROP INDEX by_name"));
    let session = tree.session("head");
    let opened = bundles::verified(&session, &file).unwrap();
    for why in [
        refusal(bundles::publish(&session, &opened, &file, &BTreeSet::new(), None)),
        refusal(install::install(&session, &opened, Scope::Site)),
    ] {
        assert!(matches!(&why, Refusal::StepAtHost(step) if step == "schema/1.sql"), "{why}");
    }
    drop(session);
    publish(&tree, &file, &["sales"]);
    tree.settle(&ALL);
    let has = |site: &str| everything(&tree, site).made.contains_key("by_name");
    assert_eq!(ALL.map(has), [true, true, true, false, false]);
    tree.assert_same(&ALL);
}

#[test]
fn a_way_back_that_does_not_lead_back_is_not_promised() {
    let tree = with_customers();
    let session = tree.session("head");
    let first = everything(&tree, "head");
    let publishing = |up: &str, down: Option<&str>| {
        let file = stepping(&tree, "at-host", up, down);
        let opened = bundles::verified(&session, &file).unwrap();
        bundles::publish(&session, &opened, &file, &BTreeSet::new(), None)
    };
    for (up, down, expected) in [
        ("DROP TABLE colours", "CREATE TABLE colours (code TEXT PRIMARY KEY, name TEXT)", "what `colours` holds"),
        ("UPDATE countries SET name = upper(name)", "SELECT 1", "what `countries` holds"),
        ("DELETE FROM titles; INSERT INTO titles VALUES (1, 'a')", "DELETE FROM titles WHERE id = 2", "what `titles` holds"),
        ("CREATE INDEX i ON colours (name); CREATE INDEX j ON colours (code)", "DROP INDEX j", "the index `i`"),
        ("ALTER TABLE colours ADD COLUMN k", "SELECT 1", "the table `colours`"),
        ("CREATE TABLE more (id TEXT PRIMARY KEY)", "DROP TABLE mor", "its way back fails: no such table: mor"),
    ] {
        let why = refusal(publishing(up, Some(down)));
        assert!(matches!(why, Refusal::WayBack { .. } | Refusal::Database { .. }) && why.to_string().contains(expected), "{up}: {why}");
        assert_eq!(everything(&tree, "head"), first, "{up}");
    }
    // A rename leads back, and so does a table that is remade; what says that it has no way back may do more.
    publishing("ALTER TABLE colours RENAME COLUMN name TO label", Some("ALTER TABLE colours RENAME COLUMN label TO name")).unwrap();
    bundles::withdraw(&session, &named("x"), Loss::Refuse).unwrap();
    assert_eq!(everything(&tree, "head"), first);
    publishing("DROP TABLE colours", None).unwrap();
    let why = refusal(bundles::withdraw(&session, &named("x"), Loss::KeepBeside));
    assert!(matches!(why, Refusal::NoWayBack(_)), "{why}");
    drop(session);
    tree.settle(&ALL);
    tree.assert_same(&ALL);
}

/// As migration tools do it: capture goes with the old table, and what the bundle writes into the new one travels all the same.
#[test]
fn a_table_that_a_step_remakes_is_tracked_on_with_the_rows_of_the_same_bundle() {
    let tree = with_customers();
    let first = ALL.map(|site| everything(&tree, site));
    let toml = "name = 'remade'\nversion = '1.0.0'\n[[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\n\
        [[rows]]\nfile = 'rows/customers.csv'\ntable = 'customers'\nkey = ['id']\nmode = 'upsert'\n\
        [[rows]]\nfile = 'rows/sizes.json'\ntable = 'sizes'\nkey = ['id']\nmode = 'replace'\n";
    let up = "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT, size INTEGER NOT NULL DEFAULT 0);
        INSERT INTO n (id, name) SELECT id, name FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers;
        CREATE TABLE sizes (id INTEGER PRIMARY KEY, name TEXT); CREATE VIEW big AS SELECT * FROM customers WHERE size > 1;";
    let down = "DROP VIEW big; DROP TABLE sizes; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT);
        INSERT INTO n SELECT id, name FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers;";
    let file = Folder::new(&tree, toml)
        .with("schema/1.sql", up)
        .with("schema/1-down.sql", down)
        .with("rows/customers.csv", "id,size\nA,2\nC,3\n")
        .with("rows/sizes.json", r#"[{"id": 2, "name": "large"}, {"id": 3, "name": "huge"}]"#)
        .build(&tree.session("head").signing);
    tree.edit("anna", "UPDATE customers SET name = 'Acme of anna' WHERE id = 'A'; INSERT INTO customers VALUES ('N', 'new at anna')");
    publish(&tree, &file, &["sales"]);
    tree.edit("carl", "UPDATE customers SET name = 'Bolt of carl' WHERE id = 'B'");
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for site in ALL {
        let rows = tree.rows(site, "SELECT * FROM customers ORDER BY 1");
        assert_eq!(rows, ["A|Acme of anna|2", "B|Bolt of carl|0", "C|Cask|3", "N|new at anna|0"], "at {site}");
        assert_eq!(tree.rows(site, "SELECT * FROM sizes"), ["2|large", "3|huge"], "at {site}");
        assert_eq!(tree.rows(site, "SELECT id FROM big ORDER BY 1"), ["A", "C"], "at {site}");
    }
    tree.edit("dora", "UPDATE customers SET name = 'Cask of dora' WHERE id = 'C'");
    tree.settle(&ALL);
    bundles::withdraw(&tree.session("head"), &named("remade"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    tree.assert_same(&ALL);
    for (site, first) in ALL.iter().zip(&first) {
        let there = everything(&tree, site);
        assert_eq!(there.made, first.made, "at {site}");
        assert_eq!(there.held["customers"], ["A|Acme of anna", "B|Bolt of carl", "C|Cask of dora", "N|new at anna"], "at {site}");
    }
}

/// A number that somebody noted elsewhere must not come to mean another record.
#[test]
fn no_step_and_no_way_back_turns_the_counter_of_a_table_back() {
    let tree = four();
    tree.edit("head", "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT); INSERT INTO jobs(what) VALUES ('a'), ('b'), ('c'); DELETE FROM jobs WHERE id > 1");
    tree.settle(&ALL);
    let remade = |columns: &str| {
        format!(
            "CREATE TABLE new (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns}); INSERT INTO new(id, what) SELECT id, what FROM jobs; DROP TABLE jobs; ALTER TABLE new RENAME TO jobs;"
        )
    };
    let counter = || tree.rows("head", "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'");
    assert_eq!(counter(), ["3"]);
    publish(&tree, &stepping(&tree, "at-host", &remade("what TEXT, who TEXT"), Some(&remade("what TEXT"))), &["sales"]);
    assert_eq!(counter(), ["3"], "after the step");
    bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
    assert_eq!(counter(), ["3"], "after its way back");
    tree.edit("head", "INSERT INTO jobs(what) VALUES ('d')");
    tree.settle(&ALL);
    tree.assert_rows(&["head", "anna"], "SELECT id, what FROM jobs ORDER BY id", &["1|a", "4|d"]);
    tree.assert_same(&ALL);
}

/// A field under another's name takes what is written there into the other one, at all sites.
#[test]
fn no_site_exchanges_names_of_what_travels_for_itself() {
    let tree = with_customers();
    tree.edit("head", "ALTER TABLE customers ADD COLUMN city TEXT; PRAGMA user_version = 3");
    tree.settle(&ALL);
    let exchange =
        "ALTER TABLE customers RENAME name TO x; ALTER TABLE customers RENAME city TO name; ALTER TABLE customers RENAME x TO city";
    let by_view = "CREATE VIEW v AS SELECT id FROM customers;
        CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM customers WHERE id = old.id; END; DELETE FROM v; DROP VIEW v";
    let session = tree.session("anna");
    let before = everything(&tree, "anna");
    for (up, expected) in [
        (exchange, "changes `customers`, which travels"),
        ("ALTER TABLE customers RENAME TO old; CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, city TEXT)", "which travels"),
        (by_view, "changes `customers`, which travels"),
        ("PRAGMA user_version = 7", "sets user_version or application_id, which come from the main office"),
    ] {
        let opened = bundles::verified(&session, &stepping(&tree, "at-each", up, None)).unwrap();
        let why = refusal(install::install(&session, &opened, Scope::Site)).to_string();
        assert!(why.contains(expected), "{up}: {why}");
        assert_eq!(everything(&tree, "anna"), before);
    }
    // What is only the site's may be called otherwise.
    let own =
        "ALTER TABLE customers ADD COLUMN own TEXT; ALTER TABLE customers RENAME own TO mine; ALTER TABLE shortcuts RENAME screen TO form";
    let opened = bundles::verified(&session, &stepping(&tree, "at-each", own, None)).unwrap();
    install::install(&session, &opened, Scope::Site).unwrap();
}

#[test]
fn a_step_for_everybody_is_refused_where_every_site_has_a_schema_of_its_own() {
    let tree = Tree::with_rules(crate::SCHEMA, "[schema]\ntravels = false\n");
    let (session, file) = (tree.session("head"), stepping(&tree, "at-host", "CREATE INDEX by_name ON customers (name)", None));
    let publishing = bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &BTreeSet::new(), None);
    let why = refusal(publishing);
    assert_eq!(
        why.to_string(),
        "the schema step schema/1.sql would change only the main office: by its rules every site changes its own schema"
    );
}

/// As after a backup was put back that is older than the bundle.
#[test]
fn a_bundle_goes_with_force_where_what_its_step_made_is_gone() {
    let tree = four();
    let file = stepping(&tree, "at-each", "CREATE TABLE favourites (id TEXT PRIMARY KEY)", Some("DROP TABLE favourites"));
    publish(&tree, &file, &["sales"]);
    tree.settle(&ALL);
    tree.edit("anna", "DROP TABLE favourites");
    let session = tree.session("anna");
    let away = |loss| undo::undo(&session, Scope::Site, &named("x"), undo::Depth::All, loss);
    assert!(matches!(refusal(away(Loss::Refuse)), Refusal::Database { .. }));
    assert_eq!(away(Loss::KeepBeside).unwrap().failed_steps, ["schema/1.sql: no such table: favourites"]);
    install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site).unwrap();
    assert!(tree.rows("anna", "SELECT * FROM favourites").is_empty());
}

#[test]
fn a_step_under_another_text_is_not_published() {
    let tree = four();
    let make = |version: &str, up: &str| {
        let toml = format!("name = 'x'\nversion = '{version}'\n[[schema]]\nup = 'schema/1.sql'\nruns = 'at-each'\n");
        Folder::new(&tree, &toml).with("schema/1.sql", up).build(&tree.session("head").signing)
    };
    publish(&tree, &make("1.0.0", "CREATE INDEX a ON customers (name)"), &["sales"]);
    let (session, file) = (tree.session("head"), make("2.0.0", "CREATE INDEX b ON customers (name)"));
    let publishing = |groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        bundles::publish(&session, &bundles::verified(&session, &file).unwrap(), &file, &groups, None)
    };
    assert!(matches!(refusal(publishing(&["sales"])), Refusal::StepChanged(_)));
    publishing(&["east"]).unwrap();
}

/// The way back of a step speaks of a name that is gone: the site is told what helps.
#[test]
fn a_step_whose_way_back_fails_is_told_with_the_way_out() {
    let tree = with_customers();
    let file = stepping(&tree, "at-each", "ALTER TABLE customers ADD COLUMN shelf TEXT", Some("ALTER TABLE customers DROP COLUMN shelf"));
    publish(&tree, &file, &["sales"]);
    tree.settle(&ALL);
    tree.edit("head", "ALTER TABLE customers RENAME TO clients");
    tree.settle(&ALL);
    bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
    tree.settle(&ALL);
    let waits = tree.sync("anna").waiting;
    let words = "; 'fieldpost bundle remove x --force' does it, and leaves what cannot be taken back";
    assert!(waits.len() == 1 && waits[0].why.contains("no such table: customers") && waits[0].why.ends_with(words), "{waits:?}");
    undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::All, Loss::KeepBeside).unwrap();
    assert!(tree.sync("anna").waiting.is_empty());
}
