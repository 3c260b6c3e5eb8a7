//! A column that went and one that came in its place: nothing shows that it is the same, so a person is asked before anybody is told.

use fieldpost::sync::schema::{hints, view};

use super::{assert_one, support, two, two_of};

/// Renamed and converted at once: no value is what it was.
const CONVERTED: &str =
    "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, mobile TEXT);
    INSERT INTO n SELECT id, name, city, '+41 ' || phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT";

#[test]
fn what_may_be_a_rename_waits_and_a_hint_makes_it_one() {
    let tree = two();
    tree.edit("head", CONVERTED);
    tree.edit("head", "UPDATE customers SET city = 'Biel' WHERE id = 'BOLT'");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('ECHO', 'Echo', NULL, '5')");
    for _ in 0..2 {
        let report = tree.sync("head");
        let why: Vec<&str> = report.waiting.iter().map(|waiting| waiting.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "is `mobile` of `customers` another name of its column `phone`, or another column? 'fieldpost schema hint' tells, then it goes to all sites"
            ]
        );
        tree.sync("anna");
    }
    tree.settle(&["anna", "head"]);
    tree.assert_rows(
        &["anna"],
        "SELECT id, city, phone FROM customers ORDER BY id",
        &["ACME|Bern|anna", "BOLT|Biel|2", "CORE|Chur|3", "ECHO|-|5"],
    );
    let mut session = tree.session("head");
    assert!(hints::is_renamed(&mut session, "customers", "city", "mobile").is_err(), "nobody asked that");
    hints::is_renamed(&mut session, "customers", "phone", "mobile").unwrap();
    assert_eq!(view::standing(&session).unwrap().unclear, []);
    drop(session);
    tree.settle(&["head", "anna"]);
    let rows = tree.rows("head", "SELECT id, city, mobile FROM customers ORDER BY id");
    assert_eq!(rows, ["ACME|Bern|anna", "BOLT|Biel|+41 2", "CORE|Chur|+41 3", "ECHO|-|5"]);
    assert_one(&tree, &["head", "anna"]);
    assert_eq!(fieldpost::sync::tracking::parked::waiting(&tree.session("anna")).unwrap(), []);
}

#[test]
fn what_is_called_otherwise_while_it_waits_is_still_asked_about() {
    let called = [
        ("ALTER TABLE customers RENAME TO clients", "clients", "mobile"),
        ("ALTER TABLE customers RENAME COLUMN mobile TO cell", "customers", "cell"),
        ("ALTER TABLE customers RENAME COLUMN mobile TO cell; ALTER TABLE customers RENAME TO clients", "clients", "cell"),
        (
            "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, cell TEXT); INSERT INTO n SELECT id, name, city, mobile || '.' FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT",
            "customers",
            "cell",
        ),
    ];
    for (otherwise, table, column) in called {
        let tree = two();
        tree.edit("head", CONVERTED);
        tree.sync("head");
        tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
        tree.edit("head", otherwise);
        tree.settle(&["anna", "head"]);
        let mut session = tree.session("head");
        let asked = view::standing(&session).unwrap().unclear;
        assert!(asked.iter().any(|one| one.table == table && one.column.as_deref() == Some("phone") && one.came == [column]), "{asked:?}");
        hints::is_renamed(&mut session, table, "phone", column).unwrap();
        for one in view::standing(&session).unwrap().unclear {
            hints::is_renamed(&mut session, table, &one.column.unwrap(), column).unwrap();
        }
        drop(session);
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], &format!("SELECT {column} FROM {table} WHERE id = 'ACME'"), &["anna"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_site_that_is_sent_everything_while_a_column_waits_keeps_its_columns() {
    let tree = two();
    tree.edit("head", CONVERTED);
    tree.sync("head");
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'; INSERT INTO customers VALUES ('DORA', 'Dora', NULL, '4')");
    fieldpost::sync::round::full(&tree.session("head")).unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["anna"], "SELECT id, phone FROM customers ORDER BY id", &["ACME|anna", "BOLT|2", "CORE|3", "DORA|4"]);
    hints::is_renamed(&mut tree.session("head"), "customers", "phone", "mobile").unwrap();
    tree.settle(&["head", "anna"]);
    let all = ["ACME|anna", "BOLT|+41 2", "CORE|+41 3", "DORA|4"];
    tree.assert_rows(&["head", "anna"], "SELECT id, mobile FROM customers ORDER BY id", &all);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_record_that_ended_while_a_column_waited_comes_back_with_what_was_in_it() {
    let tree = two();
    tree.edit("head", CONVERTED);
    tree.sync("head");
    tree.edit("head", "UPDATE customers SET mobile = 'new' WHERE id = 'CORE'");
    tree.sync("head");
    tree.edit("head", "DELETE FROM customers WHERE id = 'CORE'");
    tree.sync("head");
    hints::is_renamed(&mut tree.session("head"), "customers", "phone", "mobile").unwrap();
    tree.edit("anna", "UPDATE customers SET city = 'Biel' WHERE id = 'CORE'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT city, mobile FROM customers WHERE id = 'CORE'", &["Biel|new"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_record_that_ended_before_anybody_looked_comes_back_with_what_was_in_the_column() {
    let tree = two();
    tree.edit("head", CONVERTED);
    tree.edit("head", "DELETE FROM customers WHERE id = 'CORE'");
    tree.sync("head");
    hints::is_renamed(&mut tree.session("head"), "customers", "phone", "mobile").unwrap();
    tree.edit("anna", "UPDATE customers SET city = 'Biel' WHERE id = 'CORE'");
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT city, mobile FROM customers WHERE id = 'CORE'", &["Biel|3"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_person_may_say_that_it_is_another_column() {
    let tree = two();
    tree.edit("head", CONVERTED);
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.rows("anna", "SELECT phone FROM customers WHERE id = 'ACME'"), ["1"]);
    assert!(hints::is_another(&tree.session("head"), Some("notes")).is_err());
    assert_eq!(hints::is_another(&tree.session("head"), None).unwrap(), 1);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, mobile FROM customers ORDER BY id", &["ACME|+41 1", "BOLT|+41 2", "CORE|+41 3"]);
    assert_one(&tree, &["head", "anna"]);
    let session = tree.session("anna");
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let key = fieldpost::model::Key::new([&fieldpost::model::Value::text("CORE")]).unwrap();
    let events = fieldpost::sync::history::of(&session, &session.load_at(shape, &key).unwrap()).unwrap();
    assert!(events.iter().any(|event| format!("{:?}", event.what).contains("phone")), "{events:?}");
}

/// In a table that is made anew, a column gets the former name of one that goes.
const TAKEN_OVER: &str = "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
    INSERT INTO n SELECT id, name, city FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT";

#[test]
fn a_column_that_took_over_a_name_in_a_table_made_anew_is_asked_about() {
    for same in [true, false] {
        let tree = two();
        tree.edit("head", TAKEN_OVER);
        tree.edit("anna", "UPDATE customers SET city = 'anna' WHERE id = 'ACME'");
        let report = tree.sync("head");
        let said = "column `phone` of table `customers` holds now what `city` held, which is gone";
        assert!(report.notes.iter().any(|note| note.starts_with(said)), "{:?}", report.notes);
        let question = "is `phone` of `customers` another name of its column `city`, or another column? 'fieldpost schema hint' tells, then it goes to all sites";
        assert_eq!(report.waiting.iter().map(|waiting| waiting.why.as_str()).collect::<Vec<_>>(), [question]);
        tree.settle(&["anna", "head"]);
        assert_eq!(tree.rows("anna", "SELECT city FROM customers WHERE id = 'ACME'"), ["anna"], "nothing goes before that is known");
        let mut session = tree.session("head");
        match same {
            true => hints::is_renamed(&mut session, "customers", "city", "phone").unwrap(),
            false => assert_eq!(hints::is_another(&session, None).unwrap(), 1),
        }
        drop(session);
        tree.settle(&["head", "anna"]);
        let first = if same { "ACME|anna" } else { "ACME|Bern" };
        tree.assert_rows(&["head", "anna"], "SELECT id, phone FROM customers ORDER BY id", &[first, "BOLT|Basel", "CORE|Chur"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_table_made_anew_whose_columns_only_went_or_were_converted_asks_nothing() {
    for values in ["phone", "'+41 ' || phone", "coalesce(phone, city)"] {
        let tree = two();
        tree.edit("head", &TAKEN_OVER.replace("id, name, city FROM", &format!("id, name, {values} FROM")));
        let report = tree.sync("head");
        assert!(report.waiting.is_empty(), "{values}: {:?}", report.waiting);
        tree.settle(&["head", "anna"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_table_that_may_be_another_one_under_a_new_name_waits_too() {
    let tree = two();
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE remarks (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT, stars INTEGER);
        INSERT INTO remarks SELECT 'R' || id, customer, body, 1 FROM notes; DROP TABLE notes; COMMIT");
    let report = tree.sync("head");
    assert!(report.waiting[0].why.starts_with("is `remarks` another name of table `notes`, or another table?"), "{:?}", report.waiting);
    let mut session = tree.session("head");
    let refused = hints::is_renamed(&mut session, "notes", "notes", "remarks").unwrap_err().to_string();
    assert!(refused.contains("`remarks` was taken in as a new one"), "{refused}");
    hints::is_another(&session, None).unwrap();
    drop(session);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, stars FROM remarks", &["RN1|1"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn what_went_for_good_beside_something_quite_different_asks_nothing() {
    let tree = two();
    tree.edit("head", "DROP TABLE notes; CREATE TABLE tags (name TEXT PRIMARY KEY, color TEXT); ALTER TABLE customers DROP COLUMN city; ALTER TABLE customers ADD COLUMN level INTEGER");
    assert_eq!(tree.sync("head").waiting, []);
    tree.settle(&["head", "anna"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_column_that_came_parked_under_the_number_that_a_hint_ended_takes_what_comes_under_the_one_that_goes_on() {
    for now in ["gamma", "delta"] {
        let tree = two();
        tree.edit("head", "CREATE TABLE visits (id TEXT PRIMARY KEY, refers TEXT); INSERT INTO visits VALUES ('V1', NULL), ('V2', NULL)");
        // Taken in, and told to nobody yet.
        drop(tree.session("head"));
        tree.edit("head", "ALTER TABLE visits RENAME COLUMN refers TO gamma; ALTER TABLE visits ADD COLUMN label TEXT");
        tree.edit("head", "UPDATE visits SET gamma = 'parked' WHERE id = 'V1'");
        let report = tree.sync("head");
        assert!(report.waiting[0].why.starts_with("is `gamma` or `label` of `visits` another name of"), "{:?}", report.waiting);
        tree.settle(&["anna", "head"]);
        let parked = fieldpost::sync::tracking::parked::waiting(&tree.session("anna")).unwrap();
        assert_eq!(parked.len(), 2, "{parked:?}");
        hints::is_renamed(&mut tree.session("head"), "visits", "refers", "gamma").unwrap();
        if now != "gamma" {
            tree.edit("head", &format!("ALTER TABLE visits RENAME COLUMN gamma TO {now}"));
        }
        tree.edit("head", &format!("UPDATE visits SET {now} = 'later' WHERE id = 'V2'"));
        tree.settle(&["head", "anna"]);
        assert_eq!(fieldpost::sync::tracking::parked::waiting(&tree.session("anna")).unwrap(), [], "as `{now}`");
        tree.assert_rows(&["head", "anna"], &format!("SELECT id, {now} FROM visits ORDER BY id"), &["V1|parked", "V2|later"]);
        tree.edit("anna", &format!("UPDATE visits SET {now} = 'anna'"));
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["head"], &format!("SELECT DISTINCT {now} FROM visits"), &["anna"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_column_of_an_empty_table_may_be_another_one_under_a_new_name_and_is_asked_about() {
    let tree = two();
    tree.edit("anna", "INSERT INTO notes VALUES ('N2', 'BOLT', 'late')");
    tree.edit("head", "DELETE FROM notes");
    tree.sync("head");
    tree.edit("head", "ALTER TABLE notes RENAME COLUMN body TO text");
    let report = tree.sync("head");
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("is `text` of `notes` another name")), "{:?}", report.waiting);
    hints::is_renamed(&mut tree.session("head"), "notes", "body", "text").unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, text FROM notes", &["N2|late"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_name_that_a_hint_gave_to_one_column_is_no_answer_for_another_one() {
    let tree = two_of("CREATE TABLE c (id TEXT PRIMARY KEY, a TEXT, b TEXT); INSERT INTO c VALUES ('x', NULL, NULL), ('y', NULL, NULL)");
    tree.edit("anna", "UPDATE c SET a = 'a of anna', b = 'b of anna' WHERE id = 'x'");
    tree.edit(
        "head",
        "BEGIN; CREATE TABLE d (id TEXT PRIMARY KEY, a1 TEXT, b1 TEXT); INSERT INTO d SELECT * FROM c; DROP TABLE c; ALTER TABLE d RENAME TO c; COMMIT",
    );
    assert_eq!(tree.sync("head").waiting.len(), 2);
    let mut session = tree.session("head");
    hints::is_renamed(&mut session, "c", "a", "a1").unwrap();
    let left: Vec<String> = hints::unclear(&session).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(left, ["is `b1` of `c` another name of its column `b`, or another column?"]);
    let refused = hints::is_renamed(&mut session, "c", "b", "a1").unwrap_err().to_string();
    assert!(refused.contains("nothing like that waits"), "{refused}");
    hints::is_renamed(&mut session, "c", "b", "b1").unwrap();
    drop(session);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT a1, b1 FROM c ORDER BY id", &["a of anna|b of anna", "-|-"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_column_that_lost_its_values_before_its_table_was_made_anew_is_asked_about() {
    let tree = two();
    tree.edit("head", "UPDATE customers SET city = NULL WHERE id <> 'BOLT'");
    tree.settle(&["head", "anna"]);
    tree.edit("anna", "UPDATE customers SET city = 'anna' WHERE id = 'BOLT'");
    tree.edit("head", "INSERT OR REPLACE INTO customers(id, name) VALUES ('BOLT', 'Another')");
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, town TEXT, phone TEXT); INSERT INTO n SELECT * FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.sync("head");
    let asked = hints::unclear(&tree.session("head")).unwrap();
    assert_eq!(asked.len(), 1, "{asked:?}");
    hints::is_renamed(&mut tree.session("head"), "customers", "city", "town").unwrap();
    tree.settle(&["head", "anna"]);
    assert_one(&tree, &["head", "anna"]);
    // The edit is of the record that another one has taken the place of: it stands, and what it took the place of is listed.
    tree.assert_rows(&["head", "anna"], "SELECT name, town FROM customers WHERE id = 'BOLT'", &["Another|anna"]);
    assert_eq!(super::conflicts(&tree, "head"), ["BOLT Some(\"town\"): Some(\"anna\") over Some(\"NULL\")"]);
}

#[test]
fn a_name_that_another_column_took_over_while_it_waited_is_no_answer() {
    let tree = two_of(
        "CREATE TABLE d (id TEXT PRIMARY KEY, a TEXT, b TEXT DEFAULT 'r'); INSERT INTO d (id, a) VALUES ('x', 'of x'), ('y', 'of y')",
    );
    tree.edit("anna", "UPDATE d SET b = 'b of anna', a = 'a of anna' WHERE id = 'x'");
    tree.edit("head", "BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, a TEXT, c TEXT DEFAULT 'r'); INSERT INTO n SELECT * FROM d; DROP TABLE d; ALTER TABLE n RENAME TO d; COMMIT");
    assert_eq!(tree.sync("head").waiting.len(), 1);
    tree.edit("head", "ALTER TABLE d RENAME COLUMN a TO t; ALTER TABLE d RENAME COLUMN c TO a; ALTER TABLE d RENAME COLUMN t TO c");
    let report = tree.sync("head");
    let mut session = tree.session("head");
    let asked: Vec<String> = hints::unclear(&session).unwrap().iter().map(ToString::to_string).collect();
    let of = |column: &str| format!("is `a` of `d` another name of its column `{column}`, or another column?");
    assert_eq!(asked, [of("b"), of("c")], "{:?}", report.notes);
    let refused = hints::is_renamed(&mut session, "d", "b", "c").unwrap_err().to_string();
    assert!(refused.contains("nothing like that waits"), "{refused}");
    hints::is_renamed(&mut session, "d", "b", "a").unwrap();
    assert_eq!(hints::unclear(&session).unwrap(), [], "that it is `c`, which went nowhere, is answered too");
    drop(session);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT a, c FROM d ORDER BY id", &["b of anna|a of anna", "r|of y"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn of_a_name_that_an_older_column_had_the_number_of_the_one_that_took_it_over_goes_on() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET city = 'anna', phone = 'of anna' WHERE id = 'ACME'");
    // The city gets another name, and its own one is the phone's from now on.
    tree.edit("head", "PRAGMA foreign_keys = off; BEGIN; CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT NOT NULL, town TEXT, city TEXT); INSERT INTO n SELECT id, name, city, phone FROM customers; DROP TABLE customers; ALTER TABLE n RENAME TO customers; COMMIT");
    tree.sync("head");
    let asked = hints::unclear(&tree.session("head")).unwrap();
    assert!(asked.iter().any(|one| one.column.as_deref() == Some("phone") && one.came.iter().any(|came| came == "city")), "{asked:?}");
    hints::is_renamed(&mut tree.session("head"), "customers", "phone", "city").unwrap();
    // And what became of the one that had the name?
    assert_eq!(questions(&tree), ["is `town` of `customers` another name of its column `city`, or another column?"]);
    hints::is_renamed(&mut tree.session("head"), "customers", "city", "town").unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT city, town FROM customers ORDER BY id", &["of anna|anna", "2|Basel", "3|Chur"]);
    assert_one(&tree, &["head", "anna"]);
}

/// What the main office asks.
fn questions(tree: &support::Tree) -> Vec<String> {
    hints::unclear(&tree.session("head")).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_column_whose_name_another_one_has_now_is_asked_about() {
    // Two that exchange their names; one that gives its name to the next; one that gets the name of the next.
    let exchanged = "ALTER TABLE t RENAME COLUMN b TO z; ALTER TABLE t RENAME COLUMN h TO b; ALTER TABLE t RENAME COLUMN z TO h";
    let passed_on = "ALTER TABLE t RENAME COLUMN b TO k; ALTER TABLE t RENAME COLUMN h TO b";
    let took = "ALTER TABLE t RENAME COLUMN h TO k; ALTER TABLE t RENAME COLUMN b TO h";
    for (change, empty, full) in [(exchanged, "b", "h"), (passed_on, "b", "k"), (took, "k", "h")] {
        for same in [true, false] {
            let tree =
                two_of("CREATE TABLE t (id TEXT PRIMARY KEY, b TEXT, h TEXT); INSERT INTO t VALUES ('1', 'b1', NULL), ('2', 'b2', NULL)");
            tree.edit("anna", "UPDATE t SET h = 'typed', b = 'b of anna' WHERE id = '1'");
            tree.edit("head", change);
            tree.sync("head");
            assert_eq!(questions(&tree), [format!("is `{empty}` of `t` another name of its column `h`, or another column?")], "{change}");
            tree.settle(&["anna", "head"]);
            match same {
                true => hints::is_renamed(&mut tree.session("head"), "T", "H", &empty.to_uppercase()).unwrap(),
                false => assert_eq!(hints::is_another(&tree.session("head"), None).unwrap(), 1),
            }
            tree.settle(&["head", "anna"]);
            let typed = if same { "typed" } else { "-" };
            let rows = [format!("{typed}|b of anna"), "-|b2".to_owned()];
            tree.assert_rows(
                &["head", "anna"],
                &format!("SELECT {empty}, {full} FROM t ORDER BY id"),
                &rows.each_ref().map(String::as_str),
            );
            assert_one(&tree, &["head", "anna"]);
        }
    }
}

#[test]
fn a_column_that_was_full_and_is_made_again_under_the_name_of_another_one_asks_nothing() {
    let tree = two_of("CREATE TABLE t (id TEXT PRIMARY KEY, b TEXT, h TEXT); INSERT INTO t VALUES ('1', 'b1', 'h1'), ('2', 'b2', 'h2')");
    tree.edit("head", "ALTER TABLE t DROP COLUMN h; ALTER TABLE t RENAME COLUMN b TO h; ALTER TABLE t ADD COLUMN b TEXT");
    assert_eq!(tree.sync("head").waiting, []);
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT h, b FROM t ORDER BY id", &["b1|-", "b2|-"]);
    assert_one(&tree, &["head", "anna"]);
}

#[test]
fn a_column_renamed_twice_between_two_answers_keeps_both_questions() {
    for now in ["m", "h"] {
        let tree =
            two_of("CREATE TABLE t (id TEXT PRIMARY KEY, b TEXT, h TEXT); INSERT INTO t VALUES ('1', 'b1', NULL), ('2', 'b2', NULL)");
        tree.edit("anna", "UPDATE t SET h = 'typed' WHERE id = '1'");
        tree.edit("head", "ALTER TABLE t RENAME COLUMN h TO k");
        tree.sync("head");
        tree.edit("head", &format!("ALTER TABLE t RENAME COLUMN k TO {now}"));
        tree.sync("head");
        let of_h = match now {
            "h" => "is `h` of `t` the column of that name that went before, or another column?".to_owned(),
            now => format!("is `{now}` of `t` another name of its column `h`, or another column?"),
        };
        assert_eq!(questions(&tree), [of_h.clone(), format!("is `{now}` of `t` another name of its column `k`, or another column?")]);
        hints::is_renamed(&mut tree.session("head"), "t", "k", now).unwrap();
        assert_eq!(questions(&tree), [of_h]);
        hints::is_renamed(&mut tree.session("head"), "t", "h", now).unwrap();
        tree.settle(&["head", "anna"]);
        tree.assert_rows(&["head", "anna"], &format!("SELECT {now} FROM t ORDER BY id"), &["typed", "-"]);
        assert_one(&tree, &["head", "anna"]);
    }
}

#[test]
fn a_column_whose_name_reads_like_two_is_asked_about() {
    let tree = two_of("CREATE TABLE t (id TEXT PRIMARY KEY, \"p`, `q\" TEXT); INSERT INTO t VALUES ('1', NULL)");
    tree.edit("anna", "UPDATE t SET \"p`, `q\" = 'typed'");
    tree.edit("head", "ALTER TABLE t RENAME COLUMN \"p`, `q\" TO \"r`, `s\"");
    tree.sync("head");
    assert_eq!(questions(&tree).len(), 1);
    hints::is_renamed(&mut tree.session("head"), "t", "p`, `q", "r`, `s").unwrap();
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT \"r`, `s\" FROM t", &["typed"]);
}
