//! What the rules keep at home by its name is called otherwise: it stays home, and a person is asked.

use fieldpost::site::Role;
use fieldpost::sync::schema::{hints, home, view};

use super::support::Tree;

const SCHEMA: &str = "
    CREATE TABLE c (id TEXT PRIMARY KEY, name TEXT, secret TEXT);
    CREATE TABLE prefs (id TEXT PRIMARY KEY, v TEXT);
    CREATE TABLE other (id TEXT PRIMARY KEY, x TEXT);
    INSERT INTO c VALUES ('A', 'Acme', 'private'), ('B', 'Bolt', 'private too');
    INSERT INTO prefs VALUES ('colour', 'private');
    INSERT INTO other VALUES ('O', 'open');";
const RULES: &str = "[tables.c]\nlocal = ['secret']\n[tables.prefs]\nlocal = true\n";
const STAYS: &str = "[schema]\ntravels = false\n";

const REMADE: &str = "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, hidden TEXT, name TEXT); INSERT INTO n SELECT id, secret, name FROM c;
    DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT";
const EXCHANGED: &str =
    "ALTER TABLE c RENAME COLUMN secret TO t; ALTER TABLE c RENAME COLUMN name TO secret; ALTER TABLE c RENAME COLUMN t TO name";
const ANOTHER_KEY: &str =
    "BEGIN; CREATE TABLE d (key TEXT PRIMARY KEY, name TEXT, secret TEXT); INSERT INTO d SELECT id || '.', name, secret FROM c;
    DROP TABLE c; COMMIT";

fn tree(rules: &str) -> Tree {
    let tree = Tree::with_rules(SCHEMA, rules);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree
}

/// Every value of every table of the application.
fn values(tree: &Tree, site: &str) -> Vec<String> {
    let tables = tree.rows(site, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_fieldpost%' ESCAPE '\\'");
    tables.iter().flat_map(|table| tree.rows(site, &format!("SELECT * FROM \"{table}\""))).collect()
}

/// What of a site is at another one.
fn at(tree: &Tree, site: &str, word: &str) -> Vec<String> {
    values(tree, site).into_iter().filter(|row| row.contains(word)).map(|row| format!("at {site}: {row}")).collect()
}

fn asked(tree: &Tree, site: &str) -> Vec<String> {
    home::asked(&tree.session(site)).unwrap().iter().map(ToString::to_string).collect()
}

fn set_rules(tree: &Tree, rules: &str) {
    std::fs::write(tree.home("head").join("rules.toml"), format!("{rules}[clocks]\nfuture = '36500d'\n")).unwrap();
}

/// Rounds with edits of what is private in between; both sites know the schema afterwards.
fn rounds(tree: &Tree, edit: &str) {
    for _ in 0..2 {
        tree.settle(&["head", "anna"]);
        tree.edit("head", edit);
    }
    tree.settle(&["head", "anna"]);
}

#[test]
fn what_is_at_home_stays_there_whatever_it_is_called() {
    let ways = [
        ("ALTER TABLE c RENAME COLUMN secret TO hidden", "UPDATE c SET hidden = 'private, edited'"),
        (
            "ALTER TABLE c ADD COLUMN hidden TEXT; UPDATE c SET hidden = secret; ALTER TABLE c DROP COLUMN secret",
            "UPDATE c SET hidden = 'private again'",
        ),
        (REMADE, "UPDATE c SET hidden = 'private, edited'"),
        ("ALTER TABLE c RENAME TO d", "UPDATE d SET secret = 'private, edited'; INSERT INTO d VALUES (random(), 'Name', 'private')"),
        ("ALTER TABLE c RENAME TO t; ALTER TABLE t RENAME TO C", "UPDATE c SET secret = 'private, edited'"),
        ("ALTER TABLE c RENAME TO d; ALTER TABLE d RENAME COLUMN secret TO hidden", "UPDATE d SET hidden = 'private, edited'"),
        (
            "BEGIN; CREATE TABLE d AS SELECT * FROM c; DROP TABLE c; CREATE UNIQUE INDEX k ON d (id); COMMIT",
            "UPDATE d SET secret = 'private, edited'",
        ),
        (
            "BEGIN; CREATE TABLE d (id TEXT PRIMARY KEY, name TEXT, secret TEXT); INSERT INTO d SELECT * FROM c; DROP TABLE c; COMMIT",
            "UPDATE d SET secret = 'private, edited'",
        ),
        (
            "BEGIN; CREATE TABLE d (id TEXT PRIMARY KEY, name TEXT, hidden TEXT); INSERT INTO d SELECT * FROM c; DROP TABLE c; COMMIT",
            "UPDATE d SET hidden = 'private, edited'",
        ),
        (ANOTHER_KEY, "UPDATE d SET secret = 'private, edited'"),
        (
            "BEGIN; CREATE TABLE s (id TEXT PRIMARY KEY, secret TEXT); INSERT INTO s SELECT id, secret FROM c; ALTER TABLE c DROP COLUMN secret; COMMIT",
            "UPDATE s SET secret = 'private, edited'",
        ),
        ("ALTER TABLE prefs RENAME TO settings", "UPDATE settings SET v = 'private, edited'"),
        ("ALTER TABLE prefs RENAME TO t; ALTER TABLE t RENAME TO Prefs", "UPDATE prefs SET v = 'private, edited'"),
        (
            "BEGIN; CREATE TABLE settings (k TEXT PRIMARY KEY, w TEXT); INSERT INTO settings SELECT * FROM prefs; DROP TABLE prefs; COMMIT",
            "UPDATE settings SET w = 'private, edited'",
        ),
        (
            "ALTER TABLE c RENAME TO t; ALTER TABLE other RENAME TO c; ALTER TABLE t RENAME TO other",
            "UPDATE other SET secret = 'private, edited'",
        ),
        (
            "ALTER TABLE prefs RENAME TO t; ALTER TABLE other RENAME TO prefs; ALTER TABLE t RENAME TO other",
            "UPDATE other SET v = 'private, edited'",
        ),
        (
            "ALTER TABLE c RENAME TO old; CREATE TABLE c (id TEXT PRIMARY KEY, name TEXT, hidden TEXT); INSERT INTO c SELECT * FROM old",
            "UPDATE c SET hidden = 'private, edited'",
        ),
        (
            "ALTER TABLE c RENAME TO old; CREATE TABLE c (id TEXT PRIMARY KEY, name TEXT, secret TEXT); INSERT INTO c SELECT * FROM old",
            "UPDATE old SET secret = 'private, edited'",
        ),
        (
            "CREATE TABLE copy (id TEXT PRIMARY KEY, secret TEXT, name TEXT); INSERT INTO copy SELECT id, secret, name FROM c",
            "UPDATE copy SET secret = 'private, edited'",
        ),
        (EXCHANGED, "UPDATE c SET name = 'private, edited'"),
        (
            "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT, secret TEXT); INSERT INTO n SELECT id, secret, name FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT",
            "UPDATE c SET name = 'private, edited'",
        ),
        ("ALTER TABLE c DROP COLUMN name; ALTER TABLE c RENAME COLUMN secret TO name", "UPDATE c SET name = 'private, edited'"),
        (
            "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT); INSERT INTO n SELECT id, secret FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT",
            "UPDATE c SET name = 'private, edited'",
        ),
        (
            "UPDATE c SET name = 'x'; ALTER TABLE c DROP COLUMN name; ALTER TABLE c RENAME COLUMN secret TO name",
            "UPDATE c SET name = 'private, edited'",
        ),
        ("DROP TABLE other; ALTER TABLE prefs RENAME TO other", "UPDATE other SET v = 'private, edited'"),
        (
            "DROP TABLE other; ALTER TABLE prefs RENAME TO other; ALTER TABLE other RENAME COLUMN v TO x",
            "UPDATE other SET x = 'private, edited'",
        ),
    ];
    let mut wrong = Vec::new();
    for (otherwise, edit) in ways {
        for rules in [RULES.to_owned(), format!("{STAYS}{RULES}")] {
            let tree = tree(&rules);
            tree.edit("anna", "UPDATE c SET secret = 'hers'");
            tree.edit("head", otherwise);
            rounds(&tree, edit);
            let found = [at(&tree, "anna", "private"), at(&tree, "head", "hers")].concat();
            let (asked, waiting) = (asked(&tree, "head"), tree.sync("head").waiting);
            if !found.is_empty()
                || asked.is_empty()
                || waiting.iter().filter(|one| one.why.contains("rules.toml keeps")).count() != asked.len()
            {
                wrong.push(format!("{rules}\n{otherwise}: {found:?} {asked:?} {waiting:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn naming_what_it_is_called_now_is_an_answer_and_the_rest_travels() {
    for schema in ["", STAYS] {
        let tree = tree(&format!("{schema}{RULES}"));
        let otherwise = "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE c ADD COLUMN phone TEXT; UPDATE c SET phone = '1' || id;
            ALTER TABLE prefs RENAME TO settings; CREATE TABLE prices (id TEXT PRIMARY KEY, price); INSERT INTO prices VALUES ('P', 7)";
        tree.edit("head", otherwise);
        if !schema.is_empty() {
            tree.edit("anna", "ALTER TABLE c ADD COLUMN phone TEXT; CREATE TABLE prices (id TEXT PRIMARY KEY, price)");
        }
        rounds(&tree, "UPDATE c SET name = name || '!'");
        assert_eq!(
            asked(&tree, "head"),
            [
                "rules.toml keeps `secret` of `c` at home, which may have another name: `hidden` of `c` and `phone` of `c` stay home too, until you say which it is: \
                 name it in rules.toml ([tables.c] local = [\"hidden\"]), or 'fieldpost schema hint --new c hidden' lets it travel",
                "rules.toml keeps table `prefs` at home, which may have another name: table `prices` and table `settings` stay home too, until you say which it is: \
                 name it in rules.toml ([tables.prices] local = true), or 'fieldpost schema hint --new prices' lets it travel",
            ]
        );
        assert_eq!(tree.session("head").shapes.iter().map(|shape| shape.name.as_str()).collect::<Vec<_>>(), ["c", "other"]);
        set_rules(&tree, &format!("{schema}[tables.c]\nlocal = ['secret', 'hidden']\n[tables.settings]\nlocal = true\n"));
        rounds(&tree, "UPDATE c SET hidden = 'private, edited'");
        assert_eq!(asked(&tree, "head"), [""; 0]);
        tree.assert_rows(&["anna"], "SELECT name, phone FROM c ORDER BY id", &["Acme!!|1A", "Bolt!!|1B"]);
        tree.assert_rows(&["anna"], "SELECT * FROM prices", &["P|7"]);
        assert_eq!(at(&tree, "anna", "private"), [""; 0]);
        // Once it is answered, what comes is new.
        tree.edit("head", "ALTER TABLE c ADD COLUMN fax TEXT; UPDATE c SET fax = '2'");
        if !schema.is_empty() {
            tree.edit("anna", "ALTER TABLE c ADD COLUMN fax TEXT");
        }
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["anna"], "SELECT fax FROM c", &["2", "2"]);
        tree.assert_sound(&["head", "anna"]);
    }
}

#[test]
fn what_a_person_says_is_something_else_travels_and_nothing_else_does() {
    let tree = tree(RULES);
    tree.edit("head", "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE c ADD COLUMN phone TEXT; UPDATE c SET phone = '1' || id");
    tree.edit("head", "DROP TABLE prefs; CREATE TABLE prices (id TEXT PRIMARY KEY, price); INSERT INTO prices VALUES ('P', 7)");
    tree.settle(&["head", "anna"]);
    let mut session = tree.session("head");
    assert!(hints::is_another(&session, None).is_err(), "that answers no such question");
    assert!(home::free(&mut session, "c", Some("name")).is_err() && home::free(&mut session, "c", None).is_err());
    home::free(&mut session, "c", Some("Phone")).unwrap();
    home::free(&mut session, "prices", None).unwrap();
    drop(session);
    rounds(&tree, "UPDATE c SET hidden = 'private, edited'");
    tree.assert_rows(&["anna"], "SELECT name, phone, hidden FROM c ORDER BY id", &["Acme|1A|-", "Bolt|1B|-"]);
    tree.assert_rows(&["anna"], "SELECT * FROM prices", &["P|7"]);
    assert_eq!(asked(&tree, "head").len(), 1);
    home::free(&mut tree.session("head"), "c", Some("hidden")).unwrap();
    rounds(&tree, "UPDATE c SET hidden = 'open'");
    tree.assert_rows(&["anna"], "SELECT hidden FROM c", &["open", "open"]);
    assert_eq!(asked(&tree, "head"), [""; 0]);
    super::assert_one(&tree, &["head"]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn a_site_whose_own_application_renames_it_keeps_it_too() {
    let tree = tree(&format!("{STAYS}{RULES}"));
    tree.edit("anna", "UPDATE c SET secret = 'hers'; INSERT INTO prefs VALUES ('mine', 'hers')");
    tree.edit("anna", "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE prefs RENAME TO settings");
    tree.edit("head", "ALTER TABLE c ADD COLUMN hidden TEXT; CREATE TABLE settings (id TEXT PRIMARY KEY, v TEXT)");
    rounds(&tree, "UPDATE c SET name = name || '!'");
    tree.edit("anna", "UPDATE c SET hidden = 'hers, edited'; UPDATE settings SET v = 'hers, edited'");
    tree.settle(&["head", "anna"]);
    assert_eq!(at(&tree, "head", "hers"), [""; 0]);
    assert_eq!(asked(&tree, "anna").len(), 2);
    // It may be told beforehand, or before every site has it.
    let tree = self::tree(&format!("{STAYS}{RULES}"));
    tree.edit("anna", "UPDATE c SET secret = 'hers'; INSERT INTO prefs VALUES ('mine', 'hers')");
    set_rules(&tree, &format!("{STAYS}[tables.c]\nlocal = ['hidden']\n[tables.settings]\nlocal = true\n"));
    tree.settle(&["head", "anna"]);
    tree.edit("head", "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE prefs RENAME TO settings");
    rounds(&tree, "UPDATE c SET name = name || '!'");
    assert_eq!(asked(&tree, "head"), [""; 0]);
    tree.edit("anna", "UPDATE c SET secret = 'hers, edited'; UPDATE prefs SET v = 'hers, edited'");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE prefs RENAME TO settings");
    tree.settle(&["head", "anna"]);
    assert_eq!(asked(&tree, "anna"), [""; 0]);
    assert_eq!([at(&tree, "head", "hers"), at(&tree, "anna", "private")].concat(), [""; 0]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn a_slip_in_the_rules_lets_nothing_go() {
    let tree = tree(RULES);
    set_rules(&tree, "[tables.c]\nlocal = ['sceret']\n[tables.perfs]\nlocal = true\n");
    rounds(&tree, "UPDATE c SET secret = 'private, edited'");
    assert_eq!(at(&tree, "anna", "private"), [""; 0]);
    assert_eq!(asked(&tree, "head").len(), 2);
    set_rules(&tree, RULES);
    tree.settle(&["head", "anna"]);
    assert_eq!(asked(&tree, "head"), [""; 0]);
    // Who takes it off the list wants it to travel.
    set_rules(&tree, "");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["anna"], "SELECT secret FROM c", &["private, edited", "private, edited"]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn what_is_called_otherwise_again_and_again_stays_home() {
    let tree = tree(RULES);
    for (from, to) in [("secret", "s1"), ("s1", "s2"), ("s2", "s3")] {
        tree.edit(
            "head",
            &format!("ALTER TABLE c RENAME COLUMN {from} TO {to}; ALTER TABLE c RENAME TO c_{to}; ALTER TABLE c_{to} RENAME TO c"),
        );
        tree.edit("head", "ALTER TABLE c ADD COLUMN note TEXT; UPDATE c SET note = 'x'; ALTER TABLE c DROP COLUMN note");
        rounds(&tree, &format!("UPDATE c SET {to} = 'private, as {to}'"));
        assert_eq!(at(&tree, "anna", "private"), [""; 0], "{to}");
        let [asked] = &asked(&tree, "head")[..] else { panic!("{to}") };
        assert!(
            asked.starts_with(&format!(
                "rules.toml keeps `secret` of `c` at home, which may have another name: `{to}` of `c` stays home too"
            )),
            "{asked}"
        );
    }
    tree.edit("head", "ALTER TABLE c RENAME COLUMN s3 TO secret");
    rounds(&tree, "UPDATE c SET secret = 'private once more'");
    assert_eq!([asked(&tree, "head"), at(&tree, "anna", "private")].concat(), [""; 0]);
}

#[test]
fn a_column_that_travels_and_is_renamed_along_with_one_at_home_loses_nothing() {
    // The records show it.
    let tree = tree(RULES);
    tree.edit("anna", "UPDATE c SET name = 'Anna' WHERE id = 'A'");
    tree.edit("head", "ALTER TABLE c RENAME COLUMN name TO title; ALTER TABLE c RENAME COLUMN secret TO hidden");
    rounds(&tree, "UPDATE c SET hidden = 'private'");
    tree.assert_rows(&["head", "anna"], "SELECT title FROM c ORDER BY id", &["Anna", "Bolt"]);
    assert_eq!(at(&tree, "anna", "private"), [""; 0]);
    // Nothing shows it, so nobody drops anything before a person has told both.
    let tree = self::tree(RULES);
    tree.edit("anna", "UPDATE c SET name = 'Anna' WHERE id = 'A'");
    tree.edit(
        "head",
        "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, title TEXT, hidden TEXT); INSERT INTO n SELECT id, name || '!', secret FROM c; DROP TABLE c;
            ALTER TABLE n RENAME TO c; COMMIT",
    );
    rounds(&tree, "UPDATE c SET hidden = 'private'");
    tree.assert_rows(&["anna"], "SELECT name FROM c ORDER BY id", &["Anna", "Bolt"]);
    set_rules(&tree, "[tables.c]\nlocal = ['hidden']\n[tables.prefs]\nlocal = true\n");
    tree.settle(&["head", "anna"]);
    let unclear = view::standing(&tree.session("head")).unwrap().unclear;
    assert_eq!(
        unclear.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["is `title` of `c` another name of its column `name`, or another column?"]
    );
    hints::is_renamed(&mut tree.session("head"), "c", "name", "title").unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT title FROM c ORDER BY id", &["Anna", "Bolt!"]);
    assert_eq!(at(&tree, "anna", "private"), [""; 0]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn a_run_that_dies_anywhere_keeps_it_home() {
    let mut kill = 1;
    loop {
        let tree = tree(RULES);
        tree.edit("head", "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE prefs RENAME TO settings");
        let died = tree.sync_dying("head", kill);
        rounds(&tree, "UPDATE c SET hidden = 'private, edited'; UPDATE settings SET v = 'private, edited'");
        assert_eq!(at(&tree, "anna", "private"), [""; 0], "it died before step {kill}");
        assert_eq!(asked(&tree, "head").len(), 2, "it died before step {kill}");
        if died.is_none() {
            break;
        }
        kill += 1;
    }
    assert!(kill > 5, "it died nowhere");
}

#[test]
fn what_is_called_otherwise_before_the_first_round_stays_home() {
    for rules in [RULES.to_owned(), format!("{STAYS}{RULES}")] {
        let tree = Tree::with_rules(SCHEMA, &rules);
        tree.edit("head", "ALTER TABLE c RENAME COLUMN secret TO hidden; ALTER TABLE prefs RENAME TO settings");
        tree.add("head", "anna", Role::Remote);
        tree.settle(&["anna", "head"]);
        assert_eq!((asked(&tree, "head").len(), at(&tree, "anna", "private")), (2, Vec::new()));
        // And again, along with the table.
        tree.edit("head", "ALTER TABLE c RENAME TO d; ALTER TABLE settings RENAME TO prefs2");
        rounds(&tree, "UPDATE d SET hidden = 'private, edited'; UPDATE prefs2 SET v = 'private, edited'");
        assert_eq!((asked(&tree, "head").len(), at(&tree, "anna", "private")), (2, Vec::new()));
        tree.edit("head", "ALTER TABLE d RENAME COLUMN hidden TO veiled");
        rounds(&tree, "UPDATE d SET veiled = 'private, edited'");
        assert_eq!((asked(&tree, "head").len(), at(&tree, "anna", "private")), (2, Vec::new()));
        set_rules(&tree, &format!("{}[tables.d]\nlocal = ['veiled']\n[tables.prefs2]\nlocal = true\n", rules.strip_suffix(RULES).unwrap()));
        rounds(&tree, "UPDATE d SET veiled = 'private, edited'");
        assert_eq!((asked(&tree, "head"), at(&tree, "anna", "private")), (Vec::new(), Vec::new()));
    }
}

#[test]
fn a_column_that_was_kept_without_need_travels_again_as_before() {
    for schema in ["", STAYS] {
        let tree = tree(&format!("{schema}{RULES}"));
        tree.edit("head", "ALTER TABLE c DROP COLUMN secret; UPDATE c SET name = 'x' || id");
        tree.edit("anna", "UPDATE c SET name = 'Anna' WHERE id = 'A'");
        tree.settle(&["head", "anna"]);
        assert_eq!(asked(&tree, "head").len(), 1);
        tree.assert_rows(&["anna"], "SELECT name FROM c ORDER BY id", &["Anna", "Bolt"]);
        tree.edit("head", "UPDATE c SET name = NULL WHERE id = 'B'");
        home::free(&mut tree.session("head"), "c", Some("name")).unwrap();
        tree.edit("head", "INSERT INTO c (id, name) VALUES ('C', 'Core')");
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT name FROM c WHERE id <> 'A' ORDER BY id", &["-", "Core"]);
        tree.assert_sound(&["head", "anna"]);
        tree.edit("anna", "UPDATE c SET name = 'hers' WHERE id = 'B'");
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT name FROM c WHERE id = 'B'", &["hers"]);
    }
}

#[test]
fn a_column_that_the_rules_keep_home_for_a_while_travels_again_afterwards() {
    for schema in ["", STAYS] {
        let tree = tree(schema);
        set_rules(&tree, &format!("{schema}[tables.c]\nlocal = ['name']\n"));
        for site in ["head", "anna"] {
            let said: Vec<String> = tree.sync(site).notes.into_iter().filter(|note| note.contains("`name`")).collect();
            assert_eq!(
                said,
                ["column `name` of table `c` stays at home from now on, as the rules say: it does not travel, and is there as it was"]
            );
        }
        tree.settle(&["head", "anna"]);
        let edit =
            "UPDATE c SET name = 'head' WHERE id = 'A'; UPDATE c SET name = NULL WHERE id = 'B'; INSERT INTO c VALUES ('C', 'Core', NULL)";
        tree.edit("head", edit);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["anna"], "SELECT name FROM c ORDER BY id", &["Acme", "Bolt", "-"]);
        set_rules(&tree, schema);
        tree.settle(&["head", "anna"]);
        // What one has is more than nothing.
        tree.assert_rows(&["head", "anna"], "SELECT name FROM c ORDER BY id", &["head", "Bolt", "Core"]);
        tree.edit("anna", "UPDATE c SET name = 'hers' WHERE id = 'B'");
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT name FROM c ORDER BY id", &["head", "hers", "Core"]);
        tree.assert_sound(&["head", "anna"]);
    }
}

#[test]
fn a_column_that_may_have_exchanged_its_name_with_one_at_home_waits_for_an_answer() {
    let question = "rules.toml keeps `secret` of `c` at home, which may have another name: `name` of `c` stays home too, until you say which it is: \
        name it in rules.toml ([tables.c] local = [\"name\"]), or 'fieldpost schema hint --new c name' lets it travel";
    for exchanged in [true, false] {
        let tree = tree(RULES);
        // Converted in a table made anew it holds nothing of what it held, either.
        let converted = "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT, secret TEXT); INSERT INTO n SELECT id, 'Mr ' || name, secret FROM c; DROP TABLE c; ALTER TABLE n RENAME TO c; COMMIT";
        tree.edit("head", if exchanged { EXCHANGED } else { converted });
        rounds(&tree, "UPDATE prefs SET v = 'x'");
        assert_eq!(asked(&tree, "head"), [question]);
        tree.assert_rows(&["anna"], "SELECT name FROM c ORDER BY id", &["Acme", "Bolt"]);
        match exchanged {
            true => set_rules(&tree, &RULES.replace("secret", "name")),
            false => home::free(&mut tree.session("head"), "c", Some("name")).unwrap(),
        }
        rounds(&tree, "UPDATE prefs SET v = 'y'");
        assert_eq!((asked(&tree, "head"), hints::unclear(&tree.session("head")).unwrap()), (Vec::new(), Vec::new()));
        assert_eq!(at(&tree, "anna", "private"), [""; 0]);
        let (column, rows) = if exchanged { ("secret", ["Acme", "Bolt"]) } else { ("name", ["Mr Acme", "Mr Bolt"]) };
        tree.assert_rows(&["head", "anna"], &format!("SELECT {column} FROM c ORDER BY id"), &rows);
        tree.assert_same(&["head", "anna"]);
    }
}

#[test]
fn what_a_site_has_in_a_column_at_home_stays_there_when_its_table_is_called_otherwise() {
    let tree = tree(RULES);
    tree.add("head", "office", Role::Office);
    tree.settle(&["head", "anna", "office"]);
    tree.add("office", "ben", Role::Remote);
    let all = ["head", "anna", "office", "ben"];
    tree.settle(&all);
    for site in ["anna", "ben"] {
        tree.edit(site, "UPDATE c SET secret = 'hers' WHERE id = 'A'");
    }
    tree.edit("head", "ALTER TABLE c RENAME TO d");
    for edit in ["INSERT INTO d VALUES ('N', 'Neu', 'hers')", "UPDATE d SET secret = 'hers', name = 'Anna' WHERE id = 'B'"] {
        tree.settle(&all);
        tree.edit("anna", edit);
    }
    tree.settle(&all);
    assert_eq!([at(&tree, "head", "hers"), at(&tree, "office", "hers")].concat(), [""; 0]);
    tree.assert_rows(&["anna"], "SELECT name, secret FROM d ORDER BY id", &["Acme|hers", "Anna|hers", "Neu|hers"]);
    tree.assert_rows(&["head", "ben"], "SELECT name FROM d ORDER BY id", &["Acme", "Anna", "Neu"]);
}

#[test]
fn rules_that_name_a_table_as_it_will_be_called_let_nothing_go() {
    let tree = tree(RULES);
    set_rules(&tree, &RULES.replace("tables.c", "tables.d"));
    rounds(&tree, "UPDATE c SET secret = 'private still'");
    assert_eq!(at(&tree, "anna", "private"), [""; 0]);
    tree.edit("head", "ALTER TABLE c RENAME TO d");
    rounds(&tree, "UPDATE d SET secret = 'private, edited'");
    assert_eq!((at(&tree, "anna", "private"), asked(&tree, "head")), (Vec::new(), Vec::new()));
}
