//! Does all of it hold in a real database, edited at four sites that know nothing of each other for a while?
//!
//! Every record that is made carries a token in a text (of invoice lines: a quantity nobody else has), the ground truth
//! by which all is checked. What refers to what is noted when it is made and read back through joins.

use std::collections::{BTreeMap, BTreeSet};

use fieldpost::exchange::Unruly;
use fieldpost::site::Role;

use super::support::real_database;
use super::{Tree, ZONE, loaded};

const SITES: [&str; 4] = ["head", "north", "ben", "anna"];

/// What was made and meant, by whichever site.
#[derive(Default)]
struct Truth {
    /// Per table the tokens that must each be there once.
    made: BTreeMap<&'static str, BTreeSet<String>>,
    /// Per kind of reference and token whom it may mean in the end; several where sites disagreed.
    meant: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

/// The column with the token, by table.
const TOKENS: [(&str, &str); 5] = [
    ("Customer", "Company"),
    ("Employee", "Title"),
    ("Invoice", "BillingPostalCode"),
    ("InvoiceLine", "'line ' || Quantity"),
    ("Playlist", "Name"),
];

/// Kinds of references: who refers, to whom, by content.
const REFERENCES: [(&str, &str); 5] = [
    ("invoice", "SELECT i.BillingPostalCode, c.Company FROM Invoice i LEFT JOIN Customer c USING (CustomerId)"),
    ("line", "SELECT 'line ' || l.Quantity, i.BillingPostalCode FROM InvoiceLine l LEFT JOIN Invoice i USING (InvoiceId)"),
    ("track", "SELECT 'line ' || l.Quantity, t.Name FROM InvoiceLine l LEFT JOIN Track t USING (TrackId)"),
    ("boss", "SELECT e.LastName, b.LastName FROM Employee e LEFT JOIN Employee b ON b.EmployeeId = e.ReportsTo"),
    ("support", "SELECT c.Company, e.LastName FROM Customer c LEFT JOIN Employee e ON e.EmployeeId = c.SupportRepId"),
];

/// The tracks of a playlist, by content.
const TRACKS: &str = "SELECT p.Name, group_concat(t.Name, ' + ') FROM Playlist p
    LEFT JOIN (SELECT * FROM PlaylistTrack JOIN Track USING (TrackId) ORDER BY TrackId) t USING (PlaylistId) WHERE p.Name LIKE 'tok%' GROUP BY p.PlaylistId";

impl Truth {
    fn made(&mut self, table: &'static str, token: &str) {
        self.made.entry(table).or_default().insert(token.to_owned());
    }

    /// From here on this reference means `target`, whatever it meant.
    fn means(&mut self, kind: &'static str, token: &str, target: &str) {
        self.meant.insert((kind, token.to_owned()), BTreeSet::from([target.to_owned()]));
    }

    /// A second site says something else offline.
    fn or_means(&mut self, kind: &'static str, token: &str, target: &str) {
        self.meant.entry((kind, token.to_owned())).or_default().insert(target.to_owned());
    }
}

/// One site's day: customers, invoices with lines, employees and playlists, all new, referring to each other and to what was there.
fn day(tree: &Tree, truth: &mut Truth, site: &'static str, day: usize) {
    let token = |what: &str| format!("tok-{site}-{day}-{what}");
    let mut sql = String::from("PRAGMA foreign_keys = ON; BEGIN;");
    for place in 0..2 {
        let (name, boss) = (token(&format!("employee{place}")), token("employee0"));
        let boss = if place == 0 { "Adams".to_owned() } else { boss };
        sql += &format!(
            "INSERT INTO Employee (LastName, FirstName, Title, ReportsTo) SELECT '{name}', 'x', '{name}', EmployeeId FROM Employee WHERE LastName = '{boss}';"
        );
        truth.made("Employee", &name);
        truth.means("boss", &name, &boss);
    }
    for place in 0..3_usize {
        let customer = token(&format!("customer{place}"));
        let support = token("employee1");
        sql += &format!(
            "INSERT INTO Customer (FirstName, LastName, Email, Company, SupportRepId)
             SELECT 'x', 'y', 'z', '{customer}', EmployeeId FROM Employee WHERE LastName = '{support}';"
        );
        truth.made("Customer", &customer);
        truth.means("support", &customer, &support);
        let invoice = token(&format!("invoice{place}"));
        sql += &format!(
            "INSERT INTO Invoice (CustomerId, InvoiceDate, BillingPostalCode, Total)
             SELECT CustomerId, '2026-01-0{day}', '{invoice}', {place} FROM Customer WHERE Company = '{customer}';"
        );
        truth.made("Invoice", &invoice);
        truth.means("invoice", &invoice, &customer);
        for line in 0..2 {
            let (track, quantity) =
                (10 * place + line + 1, 1_000_000 + usize::from(site.as_bytes()[0]) * 1_000 + day * 100 + place * 10 + line);
            sql += &format!(
                "INSERT INTO InvoiceLine (InvoiceId, TrackId, UnitPrice, Quantity)
                 SELECT InvoiceId, {track}, 0.99, {quantity} FROM Invoice WHERE BillingPostalCode = '{invoice}';"
            );
            let token = format!("line {quantity}");
            truth.made("InvoiceLine", &token);
            truth.means("line", &token, &invoice);
            truth.means("track", &token, &tree.text(site, &format!("SELECT Name FROM Track WHERE TrackId = {track}")));
        }
    }
    for (place, tracks) in [("a", "1, 2, 3"), ("b", "3, 4")] {
        let playlist = token(place);
        sql += &format!(
            "INSERT INTO Playlist (Name) VALUES ('{playlist}');
             INSERT INTO PlaylistTrack SELECT PlaylistId, TrackId FROM Playlist, Track WHERE Playlist.Name = '{playlist}' AND TrackId IN ({tracks});"
        );
        truth.made("Playlist", &playlist);
    }
    tree.edit(site, &(sql + "COMMIT;"));
}

/// Lets a reference of `kind` by content mean another record.
fn point(
    tree: &Tree,
    site: &str,
    table: &str,
    column: &str,
    (token_column, token): (&str, &str),
    (target, target_column, to): (&str, &str, &str),
) {
    let key = format!("{target}Id");
    let sql = format!(
        "UPDATE {table} SET {column} = (SELECT {key} FROM {target} WHERE {target_column} = '{to}') WHERE {token_column} = '{token}'"
    );
    tree.edit(site, &format!("PRAGMA foreign_keys = ON; {sql}"));
    assert_eq!(
        tree.rows(site, &format!("SELECT count(*) FROM {table} WHERE {token_column} = '{token}' AND {column} IS NOT NULL")),
        ["1"],
        "{sql}"
    );
}

fn check(tree: &Tree, truth: &Truth) {
    tree.assert_sound(&SITES);
    for site in SITES {
        for (table, column) in TOKENS {
            let found = tree.rows(
                site,
                &format!("SELECT {column} FROM {table} WHERE {column} LIKE 'tok%' OR Quantity > 1000000 ORDER BY 1")
                    .replace(if table == "InvoiceLine" { "\0" } else { "OR Quantity > 1000000 " }, ""),
            );
            let expected: Vec<&String> = truth.made.get(table).into_iter().flatten().collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{table} at {site}");
        }
        for (kind, sql) in REFERENCES {
            let found: BTreeMap<String, String> = tree
                .rows(site, sql)
                .iter()
                .filter_map(|row| row.split_once('|'))
                .map(|(token, target)| (token.into(), target.into()))
                .collect();
            for ((_, token), targets) in truth.meant.iter().filter(|((of, _), _)| *of == kind) {
                let target = found.get(token);
                assert!(
                    target.is_some_and(|target| targets.contains(target)),
                    "{kind} of {token} at {site} is {target:?}, not one of {targets:?}"
                );
            }
        }
    }
}

#[test]
fn chinook_grown_at_four_sites_at_once_ends_the_same_and_nothing_is_mixed_up() {
    let Some(path) = real_database("chinook.db") else { return };
    let tree = Tree::on_copy(&path);
    tree.add("head", "north", Role::Office);
    tree.add("head", "anna", Role::Remote);
    loaded(&tree, &["head", "north", "anna"]);
    tree.add("north", "ben", Role::Remote);
    loaded(&tree, &SITES);
    let mut truth = Truth::default();

    // The first day, everybody offline.
    for site in SITES {
        day(&tree, &mut truth, site, 1);
        // Of two lists of its own the names change places.
        tree.edit(site, &format!(
            "UPDATE Playlist SET Name = CASE Name WHEN 'tok-{site}-1-a' THEN 'tok-{site}-1-b' ELSE 'tok-{site}-1-a' END WHERE Name LIKE 'tok-{site}-1-%'"
        ));
        point(&tree, site, "Employee", "ReportsTo", ("LastName", "Callahan"), ("Employee", "LastName", &format!("tok-{site}-1-employee1")));
        truth.or_means("boss", "Callahan", &format!("tok-{site}-1-employee1"));
    }
    // Names change places between sites.
    tree.edit("anna", "UPDATE Playlist SET Name = 'Classical' WHERE Name = 'Grunge'");
    tree.edit("ben", "UPDATE Playlist SET Name = 'Grunge' WHERE Name = 'Classical'");
    // One edits what the other deletes.
    tree.edit("anna", "PRAGMA foreign_keys = ON; DELETE FROM InvoiceLine WHERE InvoiceId = 7; DELETE FROM Invoice WHERE InvoiceId = 7");
    tree.edit("ben", "UPDATE Invoice SET Total = 77 WHERE InvoiceId = 7");
    // Half of them hear of each other over an exchange that delays, repeats and reorders, and go on while numbers are provisional.
    tree.exchange.behave(Unruly { seed: 3, delay: 300, repeat: 300, reorder: 300, ..Unruly::calm() });
    for site in ["ben", "anna", "north", "head", "ben"] {
        tree.sync(site);
    }
    for site in SITES {
        day(&tree, &mut truth, site, 2);
        let (customer, invoice) = (format!("tok-{site}-1-customer0"), format!("tok-{site}-1-invoice1"));
        point(&tree, site, "Invoice", "CustomerId", ("BillingPostalCode", &invoice), ("Customer", "Company", &customer));
        truth.means("invoice", &invoice, &customer);
        // Gone before its number was final at some sites.
        tree.edit(site, &format!(
            "PRAGMA foreign_keys = ON; DELETE FROM InvoiceLine WHERE InvoiceId = (SELECT InvoiceId FROM Invoice WHERE BillingPostalCode = 'tok-{site}-1-invoice2');
             DELETE FROM Invoice WHERE BillingPostalCode = 'tok-{site}-1-invoice2'"
        ));
        truth.made.get_mut("Invoice").unwrap().remove(&format!("tok-{site}-1-invoice2"));
        truth.meant.remove(&("invoice", format!("tok-{site}-1-invoice2")));
        for line in 20..22 {
            let token = format!("line {}", 1_000_000 + usize::from(site.as_bytes()[0]) * 1_000 + 100 + line);
            truth.made.get_mut("InvoiceLine").unwrap().remove(&token);
            truth.meant.remove(&("line", token.clone()));
            truth.meant.remove(&("track", token));
        }
    }
    for site in ["anna", "ben", "head", "north"] {
        tree.sync(site);
    }
    tree.exchange.behave(Unruly::calm());
    tree.settle(&SITES);
    check(&tree, &truth);
    for (table, _) in TOKENS {
        tree.assert_rows(&SITES, &format!("SELECT count(*) FROM {table} WHERE {table}Id >= {ZONE}"), &["0"]);
    }
    tree.assert_rows(
        &SITES,
        "SELECT Name FROM Playlist WHERE Name IN ('Classical', 'Grunge') ORDER BY PlaylistId",
        &["Grunge", "Classical"],
    );
    tree.assert_rows(&SITES, "SELECT Total FROM Invoice WHERE InvoiceId = 7", &["77"]);
    let tracks = |ids: &str| {
        tree.rows(
            "head",
            &format!("SELECT group_concat(Name, ' + ') FROM (SELECT Name FROM Track WHERE TrackId IN ({ids}) ORDER BY TrackId)"),
        )[0]
        .clone()
    };
    let (three, two) = (tracks("1, 2, 3"), tracks("3, 4"));
    let mut expected: Vec<String> = SITES
        .iter()
        .flat_map(|site| {
            [
                format!("tok-{site}-1-b|{three}"),
                format!("tok-{site}-1-a|{two}"),
                format!("tok-{site}-2-a|{three}"),
                format!("tok-{site}-2-b|{two}"),
            ]
        })
        .collect();
    expected.sort();
    for site in SITES {
        let mut found = tree.rows(site, TRACKS);
        found.sort();
        assert_eq!(found, expected, "playlists at {site}");
    }

    // The third day: everybody refers to what others made.
    for (site, other) in [("head", "ben"), ("north", "anna"), ("ben", "head"), ("anna", "north")] {
        let (invoice, customer) = (format!("tok-{other}-2-invoice0"), format!("tok-{site}-1-customer1"));
        point(&tree, site, "Invoice", "CustomerId", ("BillingPostalCode", &invoice), ("Customer", "Company", &customer));
        truth.means("invoice", &invoice, &customer);
        let (employee, boss) = (format!("tok-{other}-2-employee1"), format!("tok-{site}-3-employee0"));
        day(&tree, &mut truth, site, 3);
        point(&tree, site, "Employee", "ReportsTo", ("LastName", &employee), ("Employee", "LastName", &boss));
        truth.means("boss", &employee, &boss);
    }
    // A customer that one deletes gets an invoice at another.
    tree.edit(
        "anna",
        "PRAGMA foreign_keys = ON; INSERT INTO Customer (FirstName, LastName, Email, Company) VALUES ('x', 'y', 'z', 'tok-last')",
    );
    truth.made("Customer", "tok-last");
    tree.settle(&SITES);
    tree.edit("anna", "PRAGMA foreign_keys = ON; DELETE FROM Customer WHERE Company = 'tok-last'");
    tree.edit("ben", "INSERT INTO Invoice (CustomerId, InvoiceDate, BillingPostalCode, Total) SELECT CustomerId, 'x', 'tok-last', 1 FROM Customer WHERE Company = 'tok-last'");
    truth.made("Invoice", "tok-last");
    truth.means("invoice", "tok-last", "tok-last");
    tree.settle(&SITES);
    check(&tree, &truth);
}
