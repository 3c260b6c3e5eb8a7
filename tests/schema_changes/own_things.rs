//! Tables and columns that only a child has: they are allowed, and stay where they are.

use super::{FOUR, SCHEMA, assert_one, conflicts, four, says, schema_of, two, two_of};

#[test]
fn tables_and_columns_of_a_childs_own_stay_at_home_and_are_said() {
    let tree = four();
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN private TEXT; CREATE TABLE diary (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO diary VALUES (1, 'secret'); UPDATE customers SET private = 'mine', phone = 'p' WHERE id = 'ACME'");
    let report = tree.sync("anna");
    assert!(says(&report, "what is in `customers.private` does not travel: only this site has it"), "{:?}", report.notes);
    assert!(says(&report, "what is in `diary` does not travel: only this site has it"), "{:?}", report.notes);
    assert!(!says(&tree.sync("anna"), "private"), "it is said once");
    tree.settle(&FOUR);
    tree.assert_rows(&["head", "north", "ben"], "SELECT * FROM customers WHERE id = 'ACME'", &["ACME|Acme Ltd|Bern|p"]);
    let session = tree.session("north");
    assert_eq!(fieldpost::sync::tracking::parked::waiting(&session).unwrap(), [], "nothing of it came here");
    drop(session);
    // A change of the host's goes around them.
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, level INTEGER DEFAULT 2); INSERT INTO n (id, name, phone) SELECT id, name, phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.settle(&FOUR);
    tree.assert_rows(&["anna"], "SELECT id, name, phone, level, private FROM customers WHERE id = 'ACME'", &["ACME|Acme Ltd|p|2|mine"]);
    tree.assert_rows(&["anna"], "SELECT * FROM diary", &["1|secret"]);
    tree.edit("head", "ALTER TABLE customers ADD COLUMN more TEXT DEFAULT 'm'");
    tree.edit("anna", "UPDATE customers SET private = 'mine too', level = 5 WHERE id = 'BOLT'");
    tree.settle(&FOUR);
    tree.assert_rows(&FOUR, "SELECT level, more FROM customers WHERE id = 'BOLT'", &["5|m"]);
    tree.assert_rows(&["anna"], "SELECT private FROM customers WHERE id IN ('ACME', 'BOLT') ORDER BY id", &["mine", "mine too"]);
    tree.assert_same(&["head", "north", "ben", "anna"]);
    assert_eq!(schema_of(&tree, "north"), schema_of(&tree, "head"));
}

#[test]
fn what_a_child_had_first_travels_once_the_host_has_it_too() {
    let tree = two();
    let change = "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 0; CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT)";
    tree.edit("anna", change);
    tree.edit("anna", "UPDATE customers SET level = 5 WHERE id = 'ACME'; INSERT INTO tags VALUES ('anna', 'red')");
    tree.settle(&["anna", "head"]);
    tree.edit("head", change);
    tree.edit("head", "UPDATE customers SET level = 6 WHERE id = 'BOLT'; INSERT INTO tags VALUES ('head', 'blue')");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT level FROM customers ORDER BY id", &["5", "6", "0"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM tags ORDER BY 1", &["anna|red", "head|blue"]);
    tree.assert_same(&["head", "anna"]);
}

/// The same application upgrades itself at a site first, and names the records of a table otherwise from then on.
#[test]
fn a_table_that_got_another_key_at_a_child_first_travels_once_the_host_has_it_too() {
    let remade = |table: &str, columns: &str| {
        format!(
            "BEGIN; CREATE TABLE n ({table}); INSERT INTO n ({columns}) SELECT {columns} FROM tags; DROP TABLE tags; ALTER TABLE n RENAME TO tags; COMMIT"
        )
    };
    let longer = remade("name TEXT NOT NULL, lang TEXT NOT NULL DEFAULT 'en', color TEXT, PRIMARY KEY (name, lang)", "name, color");
    let number = remade("id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, lang TEXT DEFAULT 'en', color TEXT", "name, color");
    for change in [longer, number] {
        let tree = two_of("CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('blue', 'b'), ('red', 'r')");
        tree.edit("anna", "UPDATE tags SET color = 'typed before' WHERE name = 'blue'");
        tree.sync("anna");
        tree.edit("anna", "UPDATE tags SET color = 'not sent' WHERE name = 'red'");
        tree.edit("anna", &change);
        let report = tree.sync("anna");
        assert!(says(&report, "what is in `tags` does not travel: only this site has it"), "{:?}", report.notes);
        tree.edit("anna", "INSERT INTO tags (name, lang, color) VALUES ('green', 'de', 'typed after')");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head"], "SELECT name, color FROM tags ORDER BY 1", &["blue|typed before", "red|r"]);
        tree.edit("head", "INSERT INTO tags VALUES ('gray', 'by head')");
        tree.settle(&["head", "anna"]);
        tree.edit("head", &change);
        tree.settle(&["head", "anna"]);
        let all = ["blue|en|typed before", "gray|en|by head", "green|de|typed after"];
        tree.assert_rows(&["head", "anna"], "SELECT name, lang, color FROM tags WHERE name <> 'red' ORDER BY 1", &all);
        // What was edited a moment before the upgrade: one of two under a key that says so, else a record of its own.
        let red = tree.rows("head", "SELECT color FROM tags WHERE name = 'red' ORDER BY 1");
        let lost = conflicts(&tree, "head").iter().any(|one| one.contains("not sent"));
        assert!(red == ["not sent", "r"] || red == ["r"] && lost || red == ["not sent"], "{red:?}, {:?}", conflicts(&tree, "head"));
        tree.assert_same(&["head", "anna"]);
    }
}

#[test]
fn a_host_column_that_a_child_drops_comes_back_with_its_values_when_the_next_version_does() {
    let tree = two();
    tree.edit("anna", "ALTER TABLE customers DROP COLUMN city");
    let report = tree.sync("anna");
    assert!(says(&report, "column `city` of table `customers` is gone"), "{:?}", report.notes);
    tree.edit("head", "UPDATE customers SET city = 'Biel' WHERE id = 'BOLT'");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER");
    tree.settle(&["head", "anna"]);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city FROM customers ORDER BY id", &["Bern", "Biel", "Chur"]);
    tree.assert_same(&["head", "anna"]);
}

#[test]
fn a_host_column_that_a_child_renames_goes_on_by_both_names() {
    let tree = two();
    tree.edit("anna", "ALTER TABLE customers RENAME COLUMN phone TO mobile; UPDATE customers SET mobile = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head"], "SELECT phone FROM customers ORDER BY id", &["anna", "head", "3"]);
    tree.assert_rows(&["anna"], "SELECT mobile FROM customers ORDER BY id", &["anna", "head", "3"]);
    // The next version gives it the host's name again.
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT phone FROM customers ORDER BY id", &["anna", "head", "3"]);
    super::assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_local_table_whose_name_the_host_gives_to_another_one_is_kept_and_said() {
    local_table_is_kept("name");
    // The same name of the key, and what is handed out there is no text.
    local_table_is_kept("id");
}

fn local_table_is_kept(key: &str) {
    let tree = two();
    tree.edit("anna", &format!("CREATE TABLE tags ({key} TEXT PRIMARY KEY, color TEXT); INSERT INTO tags VALUES ('mine', 'red')"));
    tree.sync("anna");
    tree.edit("head", "CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT NOT NULL); INSERT INTO tags VALUES (1, 'host''s')");
    tree.sync("head");
    for _ in 0..2 {
        let report = tree.sync("anna");
        let why = report.waiting.first().map(|waiting| waiting.why.clone()).unwrap_or_default();
        assert!(
            why.contains(
                "table `tags` is new, and this site has a table `tags` of its own with another key: give that one another name here"
            ),
            "{why} {report:?}"
        );
        tree.assert_rows(&["anna"], "SELECT * FROM tags", &["mine|red"]);
    }
    tree.edit("anna", "ALTER TABLE tags RENAME TO my_tags");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], "SELECT * FROM my_tags", &["mine|red"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM tags", &["1|host's"]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn a_local_column_whose_name_the_host_adds_becomes_the_hosts_with_what_is_in_it() {
    let tree = two();
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN level TEXT; UPDATE customers SET level = '5' WHERE id = 'ACME'; UPDATE customers SET level = 'high' WHERE id = 'BOLT'");
    tree.settle(&["anna", "head"]);
    tree.edit(
        "head",
        "ALTER TABLE customers ADD COLUMN level INTEGER NOT NULL DEFAULT 0; UPDATE customers SET level = 8 WHERE id = 'CORE'",
    );
    tree.sync("head");
    let report = tree.sync("anna");
    assert!(says(&report, "column `level` of `customers` was this site's own and is the main office's from now on"), "{:?}", report.notes);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(
        &["head", "anna"],
        "SELECT id, level, typeof(level) FROM customers ORDER BY id",
        &["ACME|5|integer", "BOLT|high|text", "CORE|8|integer"],
    );
    super::assert_one(&tree, &["head", "anna"]);
}

#[test]
fn local_indexes_views_and_triggers_stay_and_one_that_fits_no_more_is_said_with_its_text() {
    let tree = two();
    tree.edit(
        "anna",
        "CREATE TABLE mine (n); CREATE INDEX my_phones ON customers(phone); CREATE INDEX my_cities ON customers(city);
        CREATE VIEW my_names AS SELECT id, phone FROM customers; CREATE VIEW my_places AS SELECT city FROM customers;
        CREATE TRIGGER my_moves AFTER UPDATE ON customers BEGIN INSERT INTO mine VALUES (OLD.city); END;
        CREATE TRIGGER my_notes AFTER INSERT ON notes BEGIN INSERT INTO mine SELECT phone FROM customers WHERE id = NEW.customer; END;
        CREATE VIEW my_list AS SELECT id FROM customers; CREATE TRIGGER my_entry INSTEAD OF INSERT ON my_list BEGIN INSERT INTO mine VALUES (NEW.id); END;
        CREATE TRIGGER my_call AFTER DELETE ON mine BEGIN SELECT of_the_application(OLD.n); END",
    );
    tree.sync("anna");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name VARCHAR(9) NOT NULL, telephone TEXT); INSERT INTO n SELECT id, name, phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers;
        CREATE TABLE o (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body VARCHAR(20)); INSERT INTO o SELECT * FROM notes; DROP TABLE notes; ALTER TABLE o RENAME TO notes; COMMIT");
    tree.sync("head");
    let report = tree.sync("anna");
    for name in ["index `my_cities`", "view `my_places`", "trigger `my_moves`"] {
        assert!(says(&report, &format!("{name} of this site does not fit the new schema and is gone")), "{name}: {:?}", report.notes);
    }
    assert!(says(&report, "it was: CREATE INDEX my_cities ON customers(city)"), "{:?}", report.notes);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(
        &["anna"],
        "SELECT name FROM sqlite_schema WHERE name LIKE 'my%' ORDER BY 1",
        &["my_call", "my_entry", "my_list", "my_names", "my_notes", "my_phones"],
    );
    tree.assert_rows(&["anna"], "SELECT * FROM my_names WHERE id = 'ACME'", &["ACME|1"]);
    tree.edit("anna", "INSERT INTO notes VALUES ('N9', 'BOLT', 'x')");
    tree.assert_rows(&["anna"], "SELECT n FROM mine", &["2"]);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
}

#[test]
fn an_application_that_makes_the_same_change_at_both_sites_is_one_change() {
    let change = "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN phone TEXT; ALTER TABLE customers DROP COLUMN city;
        CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO kinds VALUES (1, 'lead'), (2, 'client');
        CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT); INSERT INTO settings VALUES ('theme', 'light'), ('rows', '20');
        ALTER TABLE customers ADD COLUMN kind INTEGER REFERENCES kinds; UPDATE customers SET kind = 2; PRAGMA user_version = 7";
    for early in ["head", "anna"] {
        let tree = two();
        tree.edit("head", "INSERT INTO customers SELECT 'C' || value, 'Customer', 'city ' || value, 'phone ' || value FROM json_each('[1, 2, 3, 4, 5, 6]')");
        tree.settle(&["head", "anna"]);
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
        tree.edit("head", "UPDATE customers SET phone = 'head' WHERE id = 'BOLT'");
        tree.edit(early, change);
        let late = if early == "head" { "anna" } else { "head" };
        tree.edit(early, "UPDATE customers SET telephone = 't', kind = 1 WHERE id = 'CORE'; INSERT INTO settings VALUES ('x', 'y')");
        tree.sync(early);
        tree.edit(late, "UPDATE customers SET name = 'late' WHERE id = 'CORE'");
        tree.edit(late, change);
        let report = tree.sync(late);
        assert_eq!(report.waiting, []);
        tree.edit(late, "UPDATE settings SET value = '30' WHERE name = 'rows'");
        for _ in 0..2 {
            for site in [late, early] {
                let report = tree.sync(site);
                assert_eq!(report.waiting, []);
                assert!(!says(&report, "another record now"), "no number moved: {:?}", report.notes);
            }
        }
        tree.settle(&["anna", "head"]);
        // A column that the main office does not have yet is a site's own, and nobody knows when somebody typed into it: what the main
        // office's upgrade puts there stands, and the other value is listed.
        let core = if early == "head" { "CORE|late|t|-|1" } else { "CORE|late|t|-|2" };
        tree.assert_rows(
            &["head", "anna"],
            "SELECT id, name, telephone, phone, kind FROM customers WHERE id < 'C1' OR id = 'CORE' ORDER BY id",
            &["ACME|Acme Ltd|anna|-|2", "BOLT|Bolt AG|head|-|2", core],
        );
        tree.assert_rows(&["head", "anna"], "SELECT name, value FROM settings ORDER BY name", &["rows|30", "theme|light", "x|y"]);
        tree.assert_rows(&["head", "anna"], "SELECT id, name FROM kinds ORDER BY id", &["1|lead", "2|client"]);
        // What both had from the start is one record for good.
        tree.edit("anna", "UPDATE kinds SET name = 'prospect' WHERE id = 1; DELETE FROM settings WHERE name = 'theme'");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head", "anna"], "SELECT name FROM kinds ORDER BY id", &["prospect", "client"]);
        tree.assert_rows(&["head", "anna"], "SELECT name FROM settings ORDER BY name", &["rows", "x"]);
        // What a migration filled in is nobody's edit and wins over none; that it gave way is listed.
        let listed = super::conflicts(&tree, "head");
        let kind = if early == "head" {
            r#"CORE Some("kind"): Some("1") over Some("2")"#
        } else {
            r#"CORE Some("kind"): Some("2") over Some("1")"#
        };
        let known = [kind, r#"rows Some("value"): Some("30") over Some("20")"#];
        assert!(listed.iter().all(|line| known.contains(&line.as_str())), "{early}: {listed:?}");
        super::assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn what_a_child_has_in_a_column_of_its_own_stays_where_the_table_goes() {
    let tree = two();
    tree.edit(
        "anna",
        "ALTER TABLE notes ADD COLUMN private TEXT; INSERT INTO notes VALUES ('N2', 'BOLT', 'b', NULL), ('N3', 'BOLT', 'c', 'mine')",
    );
    tree.settle(&["anna", "head"]);
    tree.edit("head", "DROP TABLE notes");
    tree.sync("head");
    let report = tree.sync("anna");
    assert!(says(&report, "what this site has in columns of its own there is in table `notes_own` now"), "{:?}", report.notes);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["anna"], "SELECT * FROM notes_own", &["N3|mine"]);
    assert_eq!(tree.rows("head", "SELECT name FROM sqlite_schema WHERE name LIKE 'notes%'"), [""; 0]);
    tree.assert_sound(&["anna", "head"]);
}

#[test]
fn a_site_that_upgraded_itself_first_is_not_told_to_do_it_once_more() {
    let tree = two_of(&format!(
        "{SCHEMA}; CREATE TABLE django_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT, name TEXT, applied TEXT);
        INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0001', 'monday'); PRAGMA user_version = 2"
    ));
    let upgrade = "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'new'; INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002', 'today'); PRAGMA user_version = 3";
    tree.edit("anna", upgrade);
    tree.edit("head", "CREATE INDEX by_city ON customers (city)");
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.rows("anna", "PRAGMA user_version"), ["3"]);
    assert_eq!(tree.rows("anna", "SELECT name FROM django_migrations"), ["0001", "0002"]);
    tree.edit("head", upgrade);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT name FROM django_migrations", &["0001", "0002"]);
    assert_one(&tree, &["head", "anna"]);
    tree.edit("head", "PRAGMA user_version = 1; DELETE FROM django_migrations WHERE name = '0002'");
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.rows("anna", "PRAGMA user_version"), ["1"], "what the main office takes back goes");
    tree.assert_rows(&["head", "anna"], "SELECT name FROM django_migrations", &["0001"]);
}

#[test]
fn a_step_that_a_site_took_first_stays_noted_whenever_the_main_office_takes_the_one_before() {
    // What a tool notes: beside the step its time, and its number among all.
    let django = "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT, name TEXT, applied TEXT);
        INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '1', 'monday')";
    let flyway = "CREATE TABLE flyway_schema_history (installed_rank INT PRIMARY KEY, version TEXT, installed_on TEXT);
        INSERT INTO flyway_schema_history VALUES (1, '1', 'monday')";
    let noted = |tool: &str, step: &str, when: &str| match tool.contains("django") {
        true => format!("INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '{step}', '{when}')"),
        false => format!("INSERT INTO flyway_schema_history SELECT max(installed_rank) + 1, '{step}', '{when}' FROM flyway_schema_history"),
    };
    for tool in [django, flyway] {
        let names = if tool.contains("django") {
            "SELECT name FROM django_migrations ORDER BY 1"
        } else {
            "SELECT version FROM flyway_schema_history ORDER BY 1"
        };
        let tree = two_of(&format!("{SCHEMA}; {tool}"));
        let steps = [
            ("2", "ALTER TABLE customers ADD COLUMN two TEXT"),
            ("3", "ALTER TABLE customers ADD COLUMN three TEXT"),
            ("4", "ALTER TABLE customers ADD COLUMN four TEXT"),
        ];
        let take = |site: &str, at: usize| tree.edit(site, &format!("{}; {}", steps[at].1, noted(tool, steps[at].0, site)));
        // The site is a step ahead; then it is so with another step than the main office's next one.
        take("anna", 0);
        take("anna", 2);
        tree.sync("anna");
        take("head", 0);
        tree.settle(&["head", "anna"]);
        assert_eq!(tree.rows("anna", names), ["1", "2", "4"]);
        take("head", 1);
        tree.settle(&["head", "anna"]);
        assert_eq!(tree.rows("head", names), ["1", "2", "3"]);
        assert_eq!(tree.rows("anna", names), ["1", "2", "3", "4"], "its own step is not to be taken once more");
        take("head", 2);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], names, &["1", "2", "3", "4"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_site_whose_own_upgrade_is_undone_is_told_to_do_it_once_more() {
    let tree = two_of(&format!(
        "{SCHEMA}; CREATE TABLE schema_migrations (version TEXT PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1'); PRAGMA user_version = 1"
    ));
    let two =
        "ALTER TABLE customers ADD COLUMN level TEXT DEFAULT 'new'; INSERT INTO schema_migrations VALUES ('2'); PRAGMA user_version = 2";
    let three = "ALTER TABLE customers RENAME COLUMN city TO town; INSERT INTO schema_migrations VALUES ('3'); PRAGMA user_version = 3";
    for upgrade in [two, three] {
        tree.edit("anna", upgrade);
        tree.sync("anna");
    }
    tree.edit("anna", "UPDATE customers SET town = 'by anna' WHERE id = 'ACME'");
    tree.edit("head", two);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city FROM customers WHERE id = 'ACME'", &["by anna"]);
    assert_eq!(tree.rows("anna", "PRAGMA user_version"), ["2"]);
    assert_eq!(tree.rows("anna", "SELECT version FROM schema_migrations ORDER BY 1"), ["1", "2"]);
    // So its application can do it.
    ["anna", "head"].iter().for_each(|site| tree.edit(site, three));
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT town FROM customers WHERE id = 'ACME'", &["by anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_local_index_and_trigger_on_a_table_that_goes_come_back_on_the_next_one_of_its_name_or_are_said() {
    let tree = two_of(
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO c VALUES (1, 'x', 'b'); CREATE TABLE d (id TEXT PRIMARY KEY)",
    );
    tree.edit(
        "anna",
        "CREATE TABLE mine (n); CREATE INDEX my_a ON c(a); CREATE INDEX my_b ON c(b); CREATE INDEX my_d ON d(id);
        CREATE TRIGGER my_log AFTER UPDATE ON c BEGIN INSERT INTO mine VALUES (NEW.a); END;
        CREATE TRIGGER my_other AFTER UPDATE ON c BEGIN INSERT INTO mine VALUES (NEW.b); END",
    );
    tree.sync("anna");
    tree.edit("head", "BEGIN; CREATE TABLE e (id TEXT PRIMARY KEY, a TEXT); INSERT INTO e SELECT 'K' || id, a FROM c; DROP TABLE c; ALTER TABLE e RENAME TO c; DROP TABLE d; COMMIT");
    tree.sync("head");
    let report = tree.sync("anna");
    for name in ["index `my_b`", "trigger `my_other`", "index `my_d`"] {
        assert!(says(&report, &format!("{name} of this site does not fit the new schema and is gone")), "{name}: {:?}", report.notes);
    }
    assert!(says(&report, "it was: CREATE INDEX my_b ON c(b)"), "{:?}", report.notes);
    let log = fieldpost::sync::schema::versions(&tree.session("anna")).unwrap();
    assert!(log.last().unwrap().what.iter().any(|what| what.contains("CREATE INDEX my_d ON d(id)")), "{log:?}");
    let standing = fieldpost::sync::schema::view::standing(&tree.session("anna")).unwrap();
    assert!(standing.lost.iter().any(|lost| lost.contains("CREATE INDEX my_d ON d(id)")), "{:?}", standing.lost);
    tree.edit("anna", "DELETE FROM mine; UPDATE c SET a = 'y' WHERE id = 'K1'");
    tree.assert_rows(&["anna"], "SELECT name FROM sqlite_schema WHERE name LIKE 'my\\_%' ESCAPE '\\' ORDER BY 1", &["my_a", "my_log"]);
    tree.assert_rows(&["anna"], "SELECT * FROM mine", &["y"]);
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT * FROM c", &["K1|y"]);
    tree.assert_sound(&["head", "anna"]);
}

#[test]
fn a_name_that_a_site_gives_to_another_column_brings_back_nothing() {
    let tree = two();
    // An upgrade that comes first to the site, in two steps with a run between; then a step that has nothing to do with them.
    for step in ["DROP COLUMN city", "RENAME COLUMN phone TO city", "ADD COLUMN own TEXT"] {
        tree.edit("anna", &format!("ALTER TABLE customers {step}"));
        let notes = tree.sync("anna").notes;
        assert!(!notes.iter().any(|note| note.contains("column `city` of table `customers` is new")), "{notes:?}");
        tree.sync("head");
    }
    tree.edit("anna", "UPDATE customers SET city = 'phone of anna' WHERE id = 'ACME'");
    tree.edit(
        "head",
        "UPDATE customers SET city = 'city of head' WHERE id = 'BOLT'; UPDATE customers SET phone = 'phone of head' WHERE id = 'CORE'",
    );
    tree.settle(&["anna", "head"]);
    let rows = ["ACME|Bern|phone of anna", "BOLT|city of head|2", "CORE|Chur|phone of head"];
    tree.assert_rows(&["head"], "SELECT id, city, phone FROM customers ORDER BY id", &rows);
    let phones = ["phone of anna", "2", "phone of head"];
    tree.assert_rows(&["anna"], "SELECT city FROM customers ORDER BY id", &phones);
    for step in ["DROP COLUMN city", "RENAME COLUMN phone TO city"] {
        tree.edit("head", &format!("ALTER TABLE customers {step}"));
        tree.settle(&["head", "anna"]);
    }
    tree.assert_rows(&["head", "anna"], "SELECT city FROM customers ORDER BY id", &phones);
}

#[test]
fn what_a_site_drops_and_makes_again_comes_back_with_what_it_held() {
    let remade = "DROP TABLE notes; CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT)";
    let added = "ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers ADD COLUMN city TEXT DEFAULT 'nowhere'";
    for change in [remade, added] {
        for runs in [1, 2] {
            let tree = two();
            let (first, second) = change.split_once("; ").unwrap();
            tree.edit("anna", &format!("PRAGMA foreign_keys = off; {first}"));
            if runs == 2 {
                tree.sync("anna");
            }
            tree.edit("anna", second);
            tree.settle(&["anna", "head"]);
            tree.assert_rows(&["head", "anna"], "SELECT body FROM notes", &["first"]);
            tree.assert_rows(&["head", "anna"], "SELECT city FROM customers ORDER BY id", &["Bern", "Basel", "Chur"]);
            tree.assert_same(&["head", "anna"]);
            assert_eq!(conflicts(&tree, "head"), [""; 0], "{change} in {runs} runs");
        }
    }
}

#[test]
fn a_column_that_a_site_renames_first_goes_on_although_the_order_of_columns_is_another_since() {
    let tree = two();
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, city TEXT); INSERT INTO n SELECT id, name, phone, city FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "ALTER TABLE customers RENAME COLUMN city TO town");
    tree.sync("anna");
    tree.edit("anna", "UPDATE customers SET town = 'anna' WHERE id = 'ACME'");
    tree.edit("head", "CREATE INDEX phones ON customers(phone)");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head"], "SELECT city FROM customers ORDER BY id", &["anna", "Basel", "Chur"]);
    tree.edit("head", "ALTER TABLE customers RENAME COLUMN city TO town");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT town FROM customers ORDER BY id", &["anna", "Basel", "Chur"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
}

#[test]
fn a_name_that_a_site_took_for_a_new_column_is_its_own_until_the_main_office_has_it_too() {
    let change = "ALTER TABLE customers RENAME COLUMN phone TO telephone; ALTER TABLE customers ADD COLUMN phone TEXT";
    for runs in [1, 2] {
        let tree = two();
        let (first, second) = change.split_once("; ").unwrap();
        tree.edit("anna", first);
        if runs == 2 {
            tree.sync("anna");
        }
        tree.edit("anna", second);
        tree.sync("anna");
        tree.edit("anna", "UPDATE customers SET telephone = 'anna', phone = 'new' WHERE id = 'ACME'");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head"], "SELECT phone FROM customers ORDER BY id", &["anna", "2", "3"]);
        tree.edit("head", change);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], "SELECT telephone FROM customers ORDER BY id", &["anna", "2", "3"]);
        assert_one(&tree, &["head", "anna"]);
        tree.assert_rows(&["anna"], "SELECT phone FROM customers ORDER BY id", &["new", "-", "-"]);
    }
}

#[test]
fn a_column_that_a_site_made_before_schemas_travelled_is_its_own_from_then_on() {
    let tree = super::Tree::with_rules(SCHEMA, "[schema]\ntravels = false\n");
    tree.add("head", "anna", fieldpost::site::Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN own TEXT; UPDATE customers SET own = 'hers'");
    tree.settle(&["anna", "head"]);
    std::fs::write(tree.home("head").join("rules.toml"), "[schema]\ntravels = true\n").unwrap();
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE customers SET own = 'edited', city = 'Biel' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.edit("head", "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1; UPDATE customers SET level = 2 WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city, level FROM customers ORDER BY id", &["Biel|2", "Basel|1", "Chur|1"]);
    tree.assert_rows(&["anna"], "SELECT own FROM customers ORDER BY id", &["edited", "hers", "hers"]);
    tree.assert_same(&["head", "anna"]);
    let said = super::former_names::history(&tree, "head", "customers", "ACME");
    assert!(!said.contains("edited"), "{said}");
}
