//! What the doctor finds, and what it leaves alone.

use std::time::Duration;

use super::*;
use crate::database::UntrackedReason;
use crate::rules::Rules;

/// What is found in a database that this SQL makes.
fn examined(sql: &str, rules: &str) -> Examination {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let before = fs_err::read(&path).unwrap();
    let database = Database::look(&path, Duration::from_millis(20)).unwrap();
    let examination = database.examine(&Rules::parse(rules).unwrap(), None, &mut |_| {}).unwrap();
    drop(database);
    assert_eq!(fs_err::read(&path).unwrap(), before, "not a byte of the database changes");
    examination
}

/// The suggested lines, in order.
fn lines(examination: &Examination) -> Vec<String> {
    examination.suggestions.iter().map(|suggestion| suggestion.what.lines()).map(|(heading, line)| format!("{heading} {line}")).collect()
}

const SHOP: &str =
    "CREATE TABLE customers(id INTEGER PRIMARY KEY, mail TEXT); CREATE TABLE orders(id INTEGER PRIMARY KEY AUTOINCREMENT, total INT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO customers SELECT i * 7, 'x' FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO orders SELECT i * 11, i FROM n;";

fn shop(more: &str) -> Examination {
    examined(&format!("{SHOP} {more}"), "")
}

#[test]
fn a_field_that_holds_numbers_of_a_table_is_found_by_name_and_content() {
    for (name, declared) in
        [("customer_id", "INTEGER"), ("customerid", "INT"), ("CustomerId", "BIGINT"), ("customer", ""), ("billing_customer", "TEXT")]
    {
        let found = shop(&format!(
            "CREATE TABLE notes(id TEXT PRIMARY KEY, {name} {declared}); INSERT INTO notes SELECT 'n' || id, id FROM customers; INSERT INTO notes VALUES('none', NULL), ('zero', 0)"
        ));
        assert_eq!(lines(&found), [format!("[references] \"notes.{name}\" = \"customers\"")]);
        assert_eq!(found.suggestions[0].because, "100 of 100 values are numbers of `customers`");
    }
}

#[test]
fn neither_the_name_nor_the_content_alone_is_believed() {
    let found = shop(
        "CREATE TABLE a(id TEXT PRIMARY KEY, amount INT, customer INT, orders TEXT, customer_count INT, order_date INT);
        INSERT INTO a SELECT 'a' || id, id, id + 1, 'x' || id, id, id FROM customers",
    );
    assert_eq!(lines(&found), [""; 0], "{:?}", found.suggestions);
}

#[test]
fn what_is_declared_or_in_the_rules_is_not_suggested() {
    let sql = format!(
        "{SHOP} CREATE TABLE notes(id TEXT PRIMARY KEY, customer_id INT REFERENCES customers(id), order_id INT, parent INT);
        INSERT INTO notes SELECT 'n' || id, id, NULL, NULL FROM customers; INSERT INTO notes SELECT 'o' || id, NULL, id, NULL FROM orders"
    );
    assert_eq!(lines(&examined(&sql, "")), ["[references] \"notes.order_id\" = \"orders\""]);
    let ruled = examined(&sql, "[references]\n\"notes.order_id\" = \"orders\"");
    assert_eq!(lines(&ruled), [""; 0]);
    let slow: Vec<String> =
        ruled.troubles.iter().filter(|trouble| matches!(trouble, Trouble::NoIndex { .. })).map(ToString::to_string).collect();
    assert_eq!(slow.len(), 2, "{slow:?}");
    assert_eq!(slow[0], "no index begins with `customer_id` of `notes`: when a number of `customers` changes, all of `notes` is read");
}

#[test]
fn an_empty_field_is_suggested_by_its_name_only_where_that_says_number() {
    let found = shop("CREATE TABLE notes(id TEXT PRIMARY KEY, customer_id INT, customer TEXT, order_no TEXT)");
    assert_eq!(lines(&found), ["[references] \"notes.customer_id\" = \"customers\""]);
    assert!(found.suggestions[0].because.contains("no values yet"));
}

#[test]
fn a_table_that_refers_to_itself_and_one_that_shares_its_key() {
    let found = shop(
        "CREATE TABLE folders(id INTEGER PRIMARY KEY, parent_id INT); INSERT INTO folders VALUES(5, NULL), (6, 5), (7, 5), (8, 6);
        CREATE TABLE order_details(order_id INTEGER PRIMARY KEY, x); INSERT INTO order_details SELECT id, 'x' FROM orders",
    );
    assert_eq!(lines(&found), ["[references] \"folders.parent_id\" = \"folders\"", "[references] \"order_details.order_id\" = \"orders\""]);
}

#[test]
fn pairs_of_type_and_number() {
    let found = shop(
        "CREATE TABLE tags(id TEXT PRIMARY KEY, object_type TEXT, object_id INT);
        INSERT INTO tags SELECT 'c' || id, 'Customer', id FROM customers; INSERT INTO tags SELECT 'o' || id, 'App\\Order', id FROM orders;
        INSERT INTO tags VALUES('m', 'moon', 1)",
    );
    assert_eq!(
        lines(&found),
        [r#"[references] "tags.object_id" = { type = "object_type", tables = { "App\\Order" = "orders", "Customer" = "customers" } }"#]
    );
    assert!(found.suggestions[0].because.ends_with("; 1 other values of `object_type` name no table with handed-out numbers"));
}

#[test]
fn pairs_as_django_makes_them() {
    let found = shop(
        "CREATE TABLE shop_film(id INTEGER PRIMARY KEY); INSERT INTO shop_film VALUES(31), (32);
        CREATE TABLE django_content_type(id INTEGER PRIMARY KEY AUTOINCREMENT, app_label TEXT, model TEXT, UNIQUE(app_label, model));
        INSERT INTO django_content_type VALUES(7, 'shop', 'film'), (8, 'auth', 'customers');
        CREATE TABLE tagged(id INTEGER PRIMARY KEY, object_id INT UNSIGNED, content_type_id INT REFERENCES django_content_type(id));
        INSERT INTO tagged VALUES(1, 31, 7), (2, 32, 7), (3, 7, 8)",
    );
    assert_eq!(
        lines(&found),
        [
            r#"[references] "tagged.object_id" = { type = "content_type_id", tables = { "7" = "shop_film", "8" = "customers" } }"#,
            r#"[tables.django_content_type] identity = ["app_label", "model"]"#
        ]
    );
}

#[test]
fn texts_and_json_that_name_records() {
    let found = shop(
        r#"CREATE TABLE log(id TEXT PRIMARY KEY, target TEXT, data TEXT);
        INSERT INTO log SELECT 'c' || id, 'customer,' || id, '{"customer": {"id": ' || id || '}, "n": 3}' FROM customers;
        INSERT INTO log SELECT 'o' || id, 'sale.order,' || id, '{"lines": [{"order_id": ' || id || ', "amount": 5}]}' FROM orders"#,
    );
    assert_eq!(
        lines(&found),
        [
            r#"[references] "log.target" = { separator = ",", tables = { "customer" = "customers", "sale.order" = "orders" } }"#,
            r#"[references] "log.data" = { json = ["$.customer.id", "$.lines[*].order_id"], tables = ["customers", "orders"] }"#
        ]
    );
    let rules: String = lines(&found).iter().map(|line| line.replace("[references] ", "") + "\n").collect();
    Rules::parse(&format!("[references]\n{rules}")).unwrap();
}

#[test]
fn what_tells_lookup_records_apart_is_suggested_as_identity() {
    let found = examined(
        "CREATE TABLE countries(id INTEGER PRIMARY KEY, code TEXT, label TEXT); INSERT INTO countries VALUES(1, 'DE', 'x'), (2, 'FR', 'x');
        CREATE TABLE kinds(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO kinds VALUES(1, 'a'), (2, 'b');
        CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, kind INT REFERENCES kinds); INSERT INTO people VALUES(1, 'Anna', 1), (2, 'Bob', 1);
        CREATE TABLE films(id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, slug TEXT NOT NULL UNIQUE, UNIQUE(uuid)); INSERT INTO films VALUES(1, 'u', 's');
        CREATE TABLE twice(id INTEGER PRIMARY KEY, code TEXT); INSERT INTO twice VALUES(1, 'a'), (2, 'a'); CREATE TABLE gaps(id INTEGER PRIMARY KEY, code TEXT UNIQUE);
        INSERT INTO gaps VALUES(1, NULL), (2, 'a'); CREATE TABLE natural(code TEXT PRIMARY KEY);
        CREATE TABLE towns(id INTEGER PRIMARY KEY, postal_code TEXT, town_uuid TEXT); INSERT INTO towns VALUES(1, 'a', 'x'), (2, 'b', 'x');
        CREATE TABLE regions(id INTEGER PRIMARY KEY, region_code TEXT); INSERT INTO regions VALUES(1, 'n'), (2, 's')",
        "[tables.known]\nidentity = ['code']",
    );
    let expected = [
        "[tables.films] identity = [\"uuid\"]",
        "[tables.kinds] identity = [\"name\"]",
        "[tables.countries] identity = [\"code\"]",
        "[tables.regions] identity = [\"region_code\"]",
    ];
    let found: std::collections::BTreeSet<String> = lines(&found).into_iter().collect();
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn numbers_that_the_application_counts_itself_are_pointed_out() {
    let found = examined(
        "CREATE TABLE tickets(id BIGINT NOT NULL PRIMARY KEY, what TEXT); INSERT INTO tickets VALUES(1, 'a'), (2, 'b'), (4, 'c');
        CREATE TABLE codes(id INT PRIMARY KEY); INSERT INTO codes VALUES(1), (90210), (80331); CREATE TABLE words(id TEXT PRIMARY KEY); INSERT INTO words VALUES('1'), ('2');
        CREATE TABLE numbers(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO numbers VALUES(1), (2); CREATE TABLE none(id BIGINT PRIMARY KEY);
        CREATE TABLE details(id INT PRIMARY KEY REFERENCES tickets); INSERT INTO details VALUES(1), (2)",
        "",
    );
    let counted: Vec<String> = found.troubles.iter().map(ToString::to_string).filter(|line| line.contains("seems to count")).collect();
    assert_eq!(counted.len(), 1, "{:?}", found.troubles);
    assert!(counted[0].contains("the records of `tickets` itself, for"), "{counted:?}");
}

#[test]
fn a_key_is_looked_for_where_there_is_none() {
    let found = examined(
        "CREATE TABLE readings(meter TEXT, day TEXT, value REAL); INSERT INTO readings VALUES('a', 'mon', 1), ('a', 'tue', 2), ('b', 'mon', 3);
        CREATE TABLE \"no hope\"(a, b); INSERT INTO \"no hope\" VALUES(1, 1), (1, 1); CREATE TABLE codes(x, code TEXT UNIQUE); INSERT INTO codes VALUES(1, 'a'), (1, 'b');
        CREATE TABLE k(id TEXT PRIMARY KEY)",
        "",
    );
    assert_eq!(lines(&found), ["[tables.codes] key = [\"code\"]", "[tables.readings] key = [\"meter\", \"day\"]"]);
    assert!(found.untracked.iter().all(|one| one.reason == UntrackedReason::NoKey));
}

#[test]
fn records_that_break_their_constraints_are_no_damage_and_a_wrong_index_is() {
    let schema = "CREATE TABLE a(id TEXT PRIMARY KEY, n INT CHECK (n > 0)); CREATE TABLE s(id TEXT PRIMARY KEY NOT NULL, n INT) STRICT;
        PRAGMA ignore_check_constraints = ON; INSERT INTO a VALUES ('x', -1); PRAGMA ignore_check_constraints = OFF;";
    let unlawful = examined(schema, "");
    let said: Vec<String> = unlawful.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["a record breaks a constraint of its own table: CHECK constraint failed in a"]);
    assert!(!unlawful.troubles[0].wants_a_person());

    // An index that says of a record what is not so.
    let wrong = "CREATE TABLE a(id TEXT PRIMARY KEY, n INT, m INT); CREATE INDEX i ON a(n); INSERT INTO a VALUES ('x', 1, 2);
        PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON a(m)' WHERE name = 'i'; PRAGMA writable_schema = RESET;";
    let damaged = examined(wrong, "");
    assert!(
        damaged.troubles.iter().any(|trouble| matches!(trouble, Trouble::Damaged(_)) && trouble.wants_a_person()),
        "{:#?}",
        damaged.troubles
    );
}

#[test]
fn what_could_hurt_is_said() {
    let found = examined(
        "PRAGMA foreign_keys = OFF; CREATE TABLE customers(id INTEGER PRIMARY KEY); CREATE TABLE orders(id TEXT PRIMARY KEY, customer INT REFERENCES customers);
        CREATE TABLE lines(id TEXT PRIMARY KEY, o REFERENCES orders(absent)); CREATE VIRTUAL TABLE lonely USING fts5(x); CREATE VIRTUAL TABLE kept USING fts5(x);
        CREATE VIRTUAL TABLE vocabulary USING fts5vocab(lonely, row); CREATE TRIGGER keeps AFTER INSERT ON orders BEGIN INSERT INTO kept VALUES(NEW.id); END;
        INSERT INTO orders VALUES('a', 1), ('b', 2)",
        "[tables.custmers]\n[tables.orders]\nidentity = ['nr']\n[references]\n'orders.custmer' = 'clients'\n[triggers]\nkeep = 'run'\n",
    );
    let said: Vec<String> = found.troubles.iter().map(ToString::to_string).collect();
    let expected = [
        "a foreign key of `lines` cannot be followed: ",
        "`orders` refers to records of `customers` that are not there, 2 ×",
        "rules.toml speaks of a field `nr` of `orders`, and there is none",
        "rules.toml speaks of a field `custmer` of `orders`, and there is none; did you mean `customer`?",
        "rules.toml speaks of a table `custmers`, and there is none; did you mean `customers`?",
        "rules.toml speaks of a table `clients`, and there is none",
        "rules.toml speaks of a trigger `keep`, and there is none; did you mean `keeps`?",
        "no index begins with `customer` of `orders`",
        "without AUTOINCREMENT the application may give the number of a deleted record again: `customers`",
        "no trigger keeps the virtual table `lonely`",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said} is not {expected}");
    }
}

#[test]
fn the_portrait_says_what_the_database_is() {
    let portrait = examined(
        "PRAGMA application_id = 77; PRAGMA user_version = 12; PRAGMA encoding = 'UTF-16le'; CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, b AS (id + 1));
        CREATE TABLE s(k TEXT PRIMARY KEY, a INT REFERENCES a) STRICT, WITHOUT ROWID; CREATE INDEX si ON s(a) WHERE a > 1",
        "",
    );
    let portrait = portrait.portrait;
    assert_eq!(
        (portrait.application_id, portrait.user_version, portrait.encoding.as_str(), portrait.journal_mode.as_str()),
        (77, 12, "UTF-16le", "delete")
    );
    assert!(portrait.bytes() > 0);
    let features = [
        "2 tables",
        "1 index",
        "1 foreign key",
        "1 table without rowid",
        "1 strict table",
        "1 AUTOINCREMENT",
        "1 generated column",
        "1 partial index",
    ];
    assert_eq!(portrait.features, features);
}
