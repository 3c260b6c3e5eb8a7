//! A real database: a new column, a renamed one, a dropped table and a new table with data, while two sites edit offline.

use std::path::Path;

use fieldpost::site::Role;

use super::support::Tree;
use super::{assert_one, conflicts};

const SITES: [&str; 3] = ["head", "anna", "ben"];

#[test]
fn chinook_changes_while_two_sites_edit_offline() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/chinook.db");
    if !path.is_file() {
        println!("not run: there is no {}", path.display());
        return;
    }
    let tree = Tree::on_copy(&path);
    for site in ["anna", "ben"] {
        tree.add("head", site, Role::Remote);
    }
    tree.settle(&["anna", "ben", "head"]);
    tree.assert_same(&SITES);
    let count = |site: &str, table: &str| tree.rows(site, &format!("SELECT count(*) FROM {table}")).join("");
    let lines = count("head", "PlaylistTrack");
    assert!(lines.parse::<u64>().unwrap() > 1_000, "this is Chinook");
    // The sites are away while the main office changes its schema, in two steps, and they go on editing what is changed.
    tree.edit("anna", "UPDATE Customer SET Phone = 'anna', City = 'Annaberg' WHERE CustomerId = 1; INSERT INTO Customer(FirstName, LastName, Email, Phone) VALUES ('Anna''s', 'New', 'a@x', '77');
        INSERT INTO Invoice(CustomerId, InvoiceDate, Total) SELECT max(CustomerId), '2026-01-01', 1 FROM Customer UNION ALL SELECT 2, '2026-01-02', 2; DELETE FROM PlaylistTrack WHERE PlaylistId = 1 AND TrackId < 50; UPDATE Genre SET Name = 'Rock''n''Roll' WHERE GenreId = 1");
    tree.edit("ben", "UPDATE Customer SET Phone = 'ben' WHERE CustomerId = 2; UPDATE Track SET UnitPrice = 5 WHERE TrackId = 7; UPDATE PlaylistTrack SET PlaylistId = 2 WHERE PlaylistId = 1 AND TrackId = 60; INSERT INTO Genre(Name) VALUES ('Ben''s')");
    tree.edit("head", "ALTER TABLE Customer ADD COLUMN Level INTEGER NOT NULL DEFAULT 1; ALTER TABLE Customer RENAME COLUMN Phone TO Telephone; UPDATE Customer SET Level = 3 WHERE CustomerId = 5");
    tree.sync("head");
    tree.edit("head", "DROP TABLE PlaylistTrack; CREATE TABLE Shop (ShopId INTEGER PRIMARY KEY, CustomerId INTEGER NOT NULL REFERENCES Customer(CustomerId), Name TEXT UNIQUE);
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO Shop SELECT i, 1 + i % 59, 'shop ' || i FROM n; UPDATE Customer SET Telephone = 'head' WHERE CustomerId = 3; PRAGMA user_version = 2");
    tree.sync("head");
    tree.edit("anna", "UPDATE Customer SET Fax = 'fax' WHERE CustomerId = 5");
    tree.settle(&["anna", "ben", "head"]);
    assert_one(&tree, &SITES);
    tree.assert_rows(
        &SITES,
        "SELECT CustomerId, City, Telephone, Fax, Level FROM Customer WHERE CustomerId IN (1, 2, 3, 5) ORDER BY 1",
        &tree
            .rows("head", "SELECT CustomerId, City, Telephone, Fax, Level FROM Customer WHERE CustomerId IN (1, 2, 3, 5) ORDER BY 1")
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    tree.assert_rows(&SITES, "SELECT City, Telephone FROM Customer WHERE CustomerId = 1", &["Annaberg|anna"]);
    tree.assert_rows(&SITES, "SELECT Telephone FROM Customer WHERE CustomerId IN (2, 3) ORDER BY CustomerId", &["ben", "head"]);
    tree.assert_rows(&SITES, "SELECT Fax, Level FROM Customer WHERE CustomerId = 5", &["fax|3"]);
    tree.assert_rows(&SITES, "SELECT Telephone, Level FROM Customer WHERE LastName = 'New'", &["77|1"]);
    tree.assert_rows(
        &SITES,
        "SELECT count(*) FROM Invoice i JOIN Customer c USING (CustomerId) WHERE c.LastName = 'New' OR i.Total = 2 AND i.CustomerId = 2",
        &["2"],
    );
    tree.assert_rows(&SITES, "SELECT Name FROM Genre WHERE GenreId = 1 OR Name LIKE 'Ben%' ORDER BY 1", &["Ben's", "Rock'n'Roll"]);
    tree.assert_rows(&SITES, "SELECT UnitPrice FROM Track WHERE TrackId = 7", &["5"]);
    tree.assert_rows(&SITES, "SELECT count(*) FROM Shop JOIN Customer USING (CustomerId)", &["200"]);
    tree.assert_rows(&SITES, "SELECT count(*) FROM sqlite_schema WHERE name = 'PlaylistTrack'", &["0"]);
    assert_eq!(conflicts(&tree, "head"), [""; 0]);
    // What is new goes both ways.
    tree.edit(
        "ben",
        "UPDATE Shop SET Name = 'ben''s' WHERE ShopId = 1; UPDATE Customer SET Level = 9, Telephone = 'b2' WHERE CustomerId = 1",
    );
    tree.settle(&["ben", "head", "anna"]);
    tree.assert_rows(&SITES, "SELECT Name, Level, Telephone FROM Shop, Customer c WHERE ShopId = 1 AND c.CustomerId = 1", &["ben's|9|b2"]);
    assert_one(&tree, &SITES);
}
