//! Real databases, edited at four sites by people who know nothing of Fieldpost, over an exchange that delays and repeats.

mod support;

use std::path::Path;

use fieldpost::exchange::Unruly;
use fieldpost::site::Role;
use support::{Tree, real_database};

const SITES: [&str; 4] = ["head", "north", "ben", "anna"];

/// Host, an office with a remote, and a second remote; all loaded.
fn tree(path: &Path) -> Tree {
    let tree = Tree::on_copy(path);
    tree.add("head", "north", Role::Office);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["head", "north", "anna"]);
    tree.add("north", "ben", Role::Remote);
    tree.settle(&SITES);
    tree.assert_same(&SITES);
    tree
}

/// Rounds on an exchange that delays, repeats and reorders, then calm ones until nothing moves.
fn travel(tree: &Tree) {
    tree.exchange.behave(Unruly { seed: 7, delay: 300, repeat: 300, reorder: 300, ..Unruly::calm() });
    for _ in 0..4 {
        for site in ["ben", "anna", "head", "north"] {
            tree.sync(site);
        }
    }
    tree.exchange.behave(Unruly::calm());
    tree.settle(&SITES);
    tree.assert_same(&SITES);
    for site in SITES {
        let application = tree.application(site);
        let wrong: i64 = application.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        assert_eq!(wrong, 0, "foreign keys at {site}");
        assert_eq!(tree.text(site, "PRAGMA integrity_check"), "ok");
        for (what, sql) in [("views", "view"), ("triggers", "trigger"), ("indexes", "index")] {
            let count = |site| {
                tree.text(
                    site,
                    &format!("SELECT count(*) || '' FROM sqlite_schema WHERE type = '{sql}' AND name NOT LIKE '\\_fieldpost%' ESCAPE '\\'"),
                )
            };
            assert_eq!(count(site), count("head"), "{what} at {site}");
        }
    }
}

/// Every losing value that a site lists, by site.
fn losers(tree: &Tree, site: &str) -> Vec<String> {
    let mut found = Vec::new();
    let session = tree.session(site);
    session
        .ledger
        .conflicts(0, &mut |_, _, _, conflict| {
            found.extend(conflict.loser);
            Ok(())
        })
        .unwrap();
    found
}

#[test]
fn northwind_edited_at_four_sites_ends_the_same() {
    let Some(path) = real_database("northwind.db") else { return };
    let tree = tree(&path);
    tree.edit("ben", "PRAGMA foreign_keys = ON;
        UPDATE Customers SET Phone = 'ben-1', City = 'Bern' WHERE CustomerID = 'ALFKI';
        INSERT INTO Customers (CustomerID, CompanyName, Country) VALUES ('BENCO', 'Ben & Co', 'CH');
        INSERT OR REPLACE INTO Customers SELECT CustomerID, CompanyName, 'Replaced', ContactTitle, Address, City, Region, PostalCode, Country, Phone, Fax
          FROM Customers WHERE CustomerID = 'ANATR';
        UPDATE Orders SET CustomerID = 'BENCO' WHERE OrderID = 10248;
        DELETE FROM \"Order Details\" WHERE OrderID = 10250;
        DELETE FROM Orders WHERE OrderID = 10250;");
    tree.edit(
        "anna",
        "PRAGMA foreign_keys = ON;
        UPDATE Customers SET Phone = 'anna-1' WHERE CustomerID = 'ALFKI';
        UPDATE Employees SET Photo = x'00ff00ff', Notes = NULL WHERE EmployeeID = 1;
        INSERT INTO Customers (CustomerID, CompanyName, Country) VALUES ('ANNAC', 'Anna Corp', NULL);
        UPDATE \"Order Details\" SET Discount = 0.1 + 0.2 WHERE OrderID = 10251;
        UPDATE Orders SET Freight = 77 WHERE OrderID = 10250;",
    );
    tree.edit("north", "UPDATE Products SET UnitPrice = UnitPrice * 1.1; UPDATE Customers SET Region = lower(Country);");
    tree.edit("head", "PRAGMA foreign_keys = ON;
        UPDATE Customers SET Phone = 'head-1' WHERE CustomerID = 'ALFKI';
        UPDATE Products SET UnitPrice = 99.5 WHERE ProductID = 1;
        UPDATE Customers SET CustomerID = 'BOLID2' WHERE CustomerID = 'BOLID' AND NOT EXISTS (SELECT 1 FROM Orders WHERE Orders.CustomerID = 'BOLID');
        INSERT INTO Orders (CustomerID, Freight) VALUES ('ALFKI', 12.25);
        DELETE FROM CustomerDemographics;");
    travel(&tree);
    assert_eq!(tree.text("anna", "SELECT Phone FROM Customers WHERE CustomerID = 'ALFKI'"), "head-1");
    assert_eq!(tree.text("anna", "SELECT CustomerID FROM Orders WHERE OrderID = 10248"), "BENCO");
    assert_eq!(tree.text("ben", "SELECT hex(Photo) FROM Employees WHERE EmployeeID = 1"), "00FF00FF");
    assert_eq!(tree.text("ben", "SELECT Freight || '' FROM Orders WHERE OrderID = 10250"), "77", "an edit is not lost to a delete");
    // The office decides about its remote's edit where that of the main office came first.
    let decided = [losers(&tree, "head"), losers(&tree, "north")].concat();
    assert!(decided.contains(&"ben-1".to_owned()), "{decided:?}");
    assert!(losers(&tree, "head").contains(&"anna-1".to_owned()));
    assert!(losers(&tree, "anna").contains(&"anna-1".to_owned()));
    assert!(losers(&tree, "ben").contains(&"ben-1".to_owned()));
}

#[test]
fn chinook_edited_at_four_sites_ends_the_same() {
    let Some(path) = real_database("chinook.db") else { return };
    let tree = tree(&path);
    tree.edit(
        "ben",
        "PRAGMA foreign_keys = ON;
        UPDATE Customer SET SupportRepId = 4 WHERE CustomerId < 20;
        DELETE FROM PlaylistTrack WHERE PlaylistId = 1 AND TrackId % 7 = 0;
        UPDATE Track SET Composer = NULL WHERE TrackId % 10 = 3;
        INSERT OR REPLACE INTO Genre VALUES (1, 'Rock''n''Roll');",
    );
    tree.edit("anna", "PRAGMA foreign_keys = ON;
        UPDATE Customer SET Email = 'anna@' || CustomerId WHERE CustomerId BETWEEN 10 AND 30;
        UPDATE Employee SET ReportsTo = 2 WHERE EmployeeId = 7;
        INSERT INTO PlaylistTrack SELECT 3, TrackId FROM Track WHERE TrackId BETWEEN 1 AND 50 EXCEPT SELECT PlaylistId, TrackId FROM PlaylistTrack;
        DELETE FROM InvoiceLine WHERE InvoiceId = 5; DELETE FROM Invoice WHERE InvoiceId = 5;");
    tree.edit(
        "north",
        "UPDATE Track SET UnitPrice = 1.29 WHERE GenreId = 2; INSERT INTO Genre (Name) VALUES ('Yodel');
        UPDATE Track SET GenreId = (SELECT max(GenreId) FROM Genre) WHERE TrackId = 9;",
    );
    tree.edit(
        "head",
        "PRAGMA foreign_keys = ON;
        UPDATE Customer SET Email = 'head@' || CustomerId WHERE CustomerId BETWEEN 25 AND 40;
        UPDATE Track SET Milliseconds = Milliseconds + 1;
        INSERT INTO Artist (Name) VALUES ('New Artist');
        INSERT INTO Album (Title, ArtistId) SELECT 'New Album', max(ArtistId) FROM Artist;",
    );
    travel(&tree);
    assert_eq!(tree.text("ben", "SELECT Name FROM Genre WHERE GenreId = 1"), "Rock'n'Roll");
    assert_eq!(tree.text("anna", "SELECT g.Name FROM Track t JOIN Genre g USING (GenreId) WHERE TrackId = 9"), "Yodel");
    let listed = losers(&tree, "head");
    for customer in 25..=30 {
        assert!(listed.contains(&format!("anna@{customer}")), "{customer}: {listed:?}");
    }
    for site in SITES {
        // Below the host AUTOINCREMENT tables hand out provisional numbers, from a zone that the host never uses.
        let provisional = tree.text(site, "SELECT (seq >= 1499999999) || '' FROM sqlite_sequence WHERE name = 'Artist'");
        assert_eq!(provisional, if site == "head" { "0" } else { "1" }, "{site}");
        assert_eq!(tree.text(site, "SELECT count(*) || '' FROM Artist WHERE ArtistId >= 1500000000"), "0", "{site}");
    }
}

#[test]
fn two_records_under_one_handed_out_number_live_on_under_two() {
    let Some(path) = real_database("chinook.db") else { return };
    let tree = tree(&path);
    tree.edit(
        "anna",
        "INSERT INTO Customer (FirstName, LastName, Email) VALUES ('Anna', 'New', 'a@x');
        INSERT INTO Invoice (CustomerId, InvoiceDate, Total) SELECT max(CustomerId), '2026-01-01', 1 FROM Customer;",
    );
    tree.edit(
        "head",
        "INSERT INTO Customer (FirstName, LastName, Email) VALUES ('Head', 'New', 'h@x');
        INSERT INTO Invoice (CustomerId, InvoiceDate, Total) SELECT max(CustomerId), '2026-01-02', 2 FROM Customer;",
    );
    for _ in 0..4 {
        for site in ["anna", "head", "north", "ben"] {
            tree.sync(site);
        }
    }
    let owners = "SELECT group_concat(c.FirstName || ' ' || i.Total, ', ') FROM Invoice i JOIN Customer c USING (CustomerId) \
         WHERE i.InvoiceDate IN ('2026-01-01', '2026-01-02') ORDER BY i.InvoiceId";
    let expected = tree.text("head", owners);
    assert!(expected.contains("Head 2") && expected.contains("Anna "), "each invoice belongs to whom it was written for: {expected}");
    for site in ["anna", "north", "ben"] {
        assert_eq!(tree.text(site, owners), expected, "{site}");
    }
    let mut held = Vec::new();
    let session = tree.session("head");
    session
        .ledger
        .exceptional(&mut |record| {
            held.extend(record.extra.held.values().map(|held| (session.shape(record.table).name.clone(), format!("{:?}", held.reason))));
            Ok(())
        })
        .unwrap();
    assert!(held.is_empty(), "nothing waits for a person: {held:?}");
}
