//! Do the cases of `examples/` come out word for word? Each folder's files, the real binary, and nothing but what a user can see:
//! the reports of the commands, and the application's own database.

mod binary;

#[path = "cases/employees.rs"]
mod employees;
#[path = "cases/field_sales.rs"]
mod field_sales;
#[path = "cases/survey.rs"]
mod survey;
#[path = "cases/two_systems.rs"]
mod two_systems;

use std::path::{Path, PathBuf};

use binary::Office;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

/// The sites of an example: a host, and its children.
struct Case {
    office: Office,
    example: PathBuf,
    database: &'static str,
    sites: Vec<&'static str>,
}

impl Case {
    /// Sets up what the folder `example` describes: the first site is the host.
    fn new(example: &str, rules: &str, database: &'static str, sites: &[&'static str]) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
        let case = Self { office: Office::new(), example, database, sites: sites.to_vec() };
        let host = sites[0];
        ["share", host].iter().for_each(|folder| case.office.make(folder));
        case.edit(host, &case.file("schema.sql"));
        case.rule(&case.file(rules));
        case.office.ok(&format!("init --home {host} --name {host} --database {host}/{database} --exchange share"));
        for child in &sites[1..] {
            case.office.ok(&format!("invite {child} --home {host} --out {child}.invite"));
            case.office.ok(&format!("join {child}.invite --home {child} --exchange share"));
        }
        case.settle();
        case
    }

    /// The text of a file of the example.
    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.example.join(name)).unwrap()
    }

    /// Makes this the host's rules.
    fn rule(&self, text: &str) {
        self.office.write(&format!("{}/rules.toml", self.sites[0]), text);
    }

    /// The database of a site, as its application has it open.
    fn application(&self, site: &str) -> Connection {
        let connection = Connection::open(self.office.path(site).join(self.database)).unwrap();
        // As many programs do: SQLite leaves foreign keys to whoever opens the database.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection
    }

    fn edit(&self, site: &str, sql: &str) {
        self.application(site).execute_batch(sql).unwrap();
        // The next edit is a later one for every clock.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }

    /// The rows of a query, each as one text.
    fn rows(&self, site: &str, sql: &str) -> Vec<String> {
        let application = self.application(site);
        let mut statement = application.prepare(sql).unwrap();
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            let value = |column| match row.get_ref_unwrap(column) {
                ValueRef::Null => "-".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other @ (ValueRef::Real(_) | ValueRef::Blob(_)) => panic!("{other:?}"),
            };
            Ok((0..columns).map(value).collect::<Vec<_>>().join("|"))
        };
        statement.query_map([], text).unwrap().map(Result::unwrap).collect()
    }

    #[track_caller]
    fn assert_rows(&self, sites: &[&str], sql: &str, expected: &[&str]) {
        sites.iter().for_each(|site| assert_eq!(self.rows(site, sql), expected, "{site}: {sql}"));
    }

    /// Runs a command at a site; it may say that something wants a person.
    fn report(&self, site: &str, line: &str) -> Value {
        let ran = self.office.run(&format!("{line} --json --home {site}"));
        assert!([0, 3].contains(&ran.code), "{line} at {site}: {ran:?}");
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Runs `fieldpost sync` at a site.
    fn sync(&self, site: &str) -> Value {
        self.report(site, "sync")
    }

    /// Rounds at all sites until nothing moves.
    fn settle(&self) {
        for _ in 0..20 {
            let quiet = |report: Value| ["applied", "sent"].iter().all(|part| report[part].as_array().is_some_and(Vec::is_empty));
            // Children first: what they send is answered in the same turn.
            let busy = self.sites.iter().rev().filter(|site| !quiet(self.sync(site))).count();
            if busy == 0 {
                return;
            }
        }
        panic!("never quiet");
    }

    /// The conflicts that a site lists, newest first.
    fn conflicts(&self, site: &str) -> Vec<Value> {
        self.report(site, "conflicts")["conflicts"].as_array().unwrap().clone()
    }

    /// The one conflict of a field, as a site lists it.
    #[track_caller]
    fn conflict(&self, site: &str, field: &str) -> Value {
        let all = self.conflicts(site);
        let of: Vec<&Value> = all.iter().filter(|conflict| conflict["about"]["field"] == field).collect();
        let [conflict] = of[..] else { panic!("{site}, {field}: {all:#?}") };
        conflict.clone()
    }

    /// What waits at a site, oldest first.
    fn held(&self, site: &str) -> Vec<Value> {
        self.report(site, "held")["held"].as_array().unwrap().clone()
    }

    /// What a `sync` said stays home: table, records, and why the first one does.
    fn stays(report: &Value) -> Vec<(String, u64, String)> {
        let kept = report["kept"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        kept.map(|kept| (text(&kept["table"]), kept["records"].as_u64().unwrap(), text(&kept["named"][0]["why"]))).collect()
    }

    /// The errors in the log of a site, oldest first.
    fn errors(&self, site: &str) -> Vec<String> {
        let log = self.report(site, "log --level error");
        log["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether these sites hold the same in some tables, by their digests.
    #[track_caller]
    fn assert_same(&self, tables: &str) {
        let digest = |site: &&str| self.report(site, &format!("digest {tables}"))["digest"].as_str().unwrap().to_owned();
        let all: Vec<String> = self.sites.iter().map(digest).collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{tables}: {all:?}");
    }
}
