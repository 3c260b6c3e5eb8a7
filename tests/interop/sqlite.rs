//! The application is the `sqlite3` of the machine: another version of SQLite than ours writes through our triggers.

#[path = "../support/mod.rs"]
mod support;

use std::process::Command;

use fieldpost::site::Role;
use support::Tree;

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY COLLATE NOCASE, name TEXT NOT NULL, phone TEXT, logo BLOB);
    CREATE TABLE notes (customer TEXT NOT NULL REFERENCES customers ON DELETE CASCADE, line INTEGER, body TEXT, PRIMARY KEY (customer, line)) WITHOUT ROWID;
    CREATE TABLE seats (id TEXT PRIMARY KEY, place INTEGER UNIQUE);
    INSERT INTO customers VALUES ('ACME', 'Acme', '1', NULL), ('BOLT', 'Bolt', '2', x'00ff'), ('CORA', 'Cora', '3', NULL);
    INSERT INTO notes VALUES ('ACME', 1, 'first'), ('BOLT', 1, 'to go'), ('BOLT', 2, 'to go');
    INSERT INTO seats VALUES ('a', 1), ('b', 2);";

/// Runs SQL with the machine's `sqlite3`.
fn sqlite3(tree: &Tree, site: &str, sql: &str) -> String {
    let output = Command::new("sqlite3").arg("-bail").arg(tree.home(site).join("shop.db")).arg(sql).output().expect("sqlite3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs sqlite3: run by .ci/run"]
fn edits_made_with_the_stock_shell_travel_both_ways() {
    let tree = Tree::new(SCHEMA);
    let sites = ["head", "north", "ben", "anna"];
    tree.add("head", "north", Role::Office);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["head", "north", "anna"]);
    tree.add("north", "ben", Role::Remote);
    tree.settle(&sites);
    println!("sqlite3 {}", sqlite3(&tree, "head", "SELECT sqlite_version()"));
    sqlite3(
        &tree,
        "head",
        "PRAGMA foreign_keys = ON; DELETE FROM customers WHERE id = 'bolt'; UPDATE customers SET phone = 'head' WHERE id = 'ACME'",
    );
    tree.tick(1_000);
    sqlite3(&tree, "ben", "REPLACE INTO customers VALUES ('CORA', 'Cora AG', '3', x'cafe'); INSERT INTO customers VALUES ('DORA', 'Dora', NULL, NULL) ON CONFLICT DO NOTHING;
        INSERT INTO notes VALUES ('DORA', 1, 'by ben'); INSERT INTO customers VALUES ('DORA', 'x', 'upsert', NULL) ON CONFLICT (id) DO UPDATE SET phone = excluded.phone;");
    sqlite3(&tree, "anna", "UPDATE seats SET place = -place; UPDATE seats SET place = CASE id WHEN 'a' THEN 2 ELSE 1 END; UPDATE customers SET name = upper(name);
        UPDATE notes SET line = line + 10 WHERE customer = 'ACME';");
    tree.settle(&sites);
    tree.assert_same(&sites);
    for site in sites {
        assert_eq!(sqlite3(&tree, site, "PRAGMA foreign_key_check; PRAGMA integrity_check"), "ok\n", "{site}");
    }
    assert_eq!(sqlite3(&tree, "head", "SELECT group_concat(id || place) FROM (SELECT * FROM seats ORDER BY id)"), "a2,b1\n");
    assert_eq!(sqlite3(&tree, "anna", "SELECT phone FROM customers WHERE id = 'DORA'"), "upsert\n");
    assert_eq!(
        sqlite3(&tree, "ben", "SELECT name || hex(logo) FROM customers WHERE id = 'CORA'"),
        "CORACAFE\n",
        "replaced here, renamed there"
    );
}
