//! Contacts of two systems: the ledger is the host, the sales system its child.

use clap::Parser as _;
use fieldpost::cli::{Cli, Command};

use serde_json::Value;

use super::Case;

const BOTH: [&str; 2] = ["ledger", "sales"];

fn case() -> Case {
    Case::new("two-systems", "rules.toml", "contacts.db", &BOTH)
}

#[test]
fn both_synchronize_every_quarter_of_an_hour_in_both_directions() {
    let case = case();
    let crontab = case.file("crontab");
    let lines: Vec<&str> = crontab.lines().filter(|line| !line.starts_with('#')).collect();
    let [line] = lines[..] else { panic!("{crontab}") };
    let (when, call) = line.split_once("fieldpost").unwrap();
    assert_eq!(when.split_whitespace().collect::<Vec<_>>(), ["*/15", "*", "*", "*", "*"]);
    let cli = Cli::try_parse_from(format!("fieldpost{call}").split_whitespace()).unwrap();
    assert!(cli.globals.quiet && matches!(cli.command, Command::Sync(_)));

    case.edit("ledger", "UPDATE contacts SET phone = 'ledger' WHERE id = 'C-1'");
    case.edit("sales", "UPDATE contacts SET phone = 'sales' WHERE id = 'C-2'");
    case.edit("sales", "INSERT INTO contacts (id, company, name) VALUES ('C-9', 'BOLT', 'Nina Roth')");
    // As cron calls it: three quarters of an hour.
    for site in ["ledger", "sales", "ledger", "sales", "ledger", "sales"] {
        let ran = case.office.ok(&format!("sync --quiet --home {site}"));
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "cron would send mail");
    }
    case.assert_rows(
        &BOTH,
        "SELECT id, company, phone FROM contacts ORDER BY id",
        &["C-1|ACME|ledger", "C-2|ACME|sales", "C-3|BOLT|3", "C-9|BOLT|-"],
    );
    case.assert_same("");
}

#[test]
fn a_contact_without_its_company_stays_is_told_as_an_error_and_comes_along_with_the_company() {
    let case = case();
    case.edit("sales", "INSERT INTO contacts (id, company, name) VALUES ('C-7', 'NEW', 'Nora'), ('C-8', NULL, 'Nick')");
    case.edit("ledger", "INSERT INTO contacts (id, company, name) VALUES ('C-5', 'LATER', 'Lea')");
    for (site, key, company) in [("sales", "C-7", "NEW"), ("ledger", "C-5", "LATER")] {
        case.sync(site);
        let errors = case.errors(site).join("\n");
        assert!(errors.contains(key) && errors.contains(&format!("requires companies {company}, which is not here")), "{errors}");
    }
    case.settle();
    // Once, however many rounds meet it.
    assert_eq!(case.errors("ledger").len(), 1);
    let stands = case.report("sales", "records contacts --state inactive");
    let keys: Vec<&Value> = stands["tables"][0]["records"].as_array().unwrap().iter().map(|record| &record["key"][0]).collect();
    assert_eq!(keys, ["C-7", "C-8"]);
    case.assert_rows(&["ledger"], "SELECT id FROM contacts WHERE id > 'C-3' ORDER BY id", &["C-5"]);
    case.assert_rows(&["sales"], "SELECT id FROM contacts WHERE id > 'C-3' ORDER BY id", &["C-7", "C-8"]);

    // One company is made where its contact is, the other one at the other side.
    case.edit("ledger", "INSERT INTO companies VALUES ('NEW', 'New Ltd'), ('LATER', 'Later Ltd')");
    case.settle();
    case.assert_rows(&["ledger"], "SELECT id, company FROM contacts WHERE id > 'C-3' ORDER BY id", &["C-5|LATER", "C-7|NEW"]);
    case.assert_rows(&["sales"], "SELECT id FROM contacts WHERE id > 'C-3' ORDER BY id", &["C-5", "C-7", "C-8"]);
    case.edit("sales", "UPDATE contacts SET company = 'BOLT' WHERE id = 'C-8'");
    case.settle();
    case.assert_same("");
    assert_eq!(case.rows("ledger", "SELECT company FROM contacts WHERE id = 'C-8'"), ["BOLT"]);
    assert!(case.conflicts("ledger").is_empty() && case.held("ledger").is_empty());
    let told = case.report("sales", "log contacts C-7");
    let last = told["lines"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap();
    assert!(last.starts_with("over: contacts C-7 stays here"), "{last}");
}

#[test]
fn a_contact_that_loses_its_company_keeps_what_the_other_side_has_until_it_has_one() {
    let case = case();
    case.edit("ledger", "UPDATE contacts SET company = 'LATER', phone = '33' WHERE id = 'C-3'");
    case.sync("ledger");
    let errors = case.errors("ledger").join("\n");
    assert!(errors.contains("C-3") && errors.contains("requires companies LATER"), "{errors}");
    case.settle();
    case.assert_rows(&["sales"], "SELECT company, phone FROM contacts WHERE id = 'C-3'", &["BOLT|3"]);
    case.edit("ledger", "INSERT INTO companies VALUES ('LATER', 'Later Ltd')");
    case.settle();
    case.assert_rows(&["sales"], "SELECT company, phone FROM contacts WHERE id = 'C-3'", &["LATER|33"]);
    case.assert_same("");
}

#[test]
fn the_sales_side_cannot_change_the_company_of_a_contact() {
    let case = case();
    case.edit("sales", "UPDATE contacts SET company = 'BOLT', phone = '11' WHERE id = 'C-1'");
    case.edit("sales", "INSERT INTO contacts (id, company, name) VALUES ('C-9', 'BOLT', 'Nina Roth')");
    case.settle();
    let contacts = "SELECT id, company, phone FROM contacts WHERE id IN ('C-1', 'C-9') ORDER BY id";
    case.assert_rows(&BOTH, contacts, &["C-1|ACME|11", "C-9|BOLT|-"]);
    for site in BOTH {
        let refused = case.conflict(site, "company");
        assert_eq!((&refused["loser"], &refused["winner"]), (&"BOLT".into(), &"ACME".into()), "{refused}");
        assert_eq!(refused["about"]["what"], "refused");
        assert!(refused["rule"].as_str().unwrap().contains("fixed"), "{refused}");
    }
    // Of a contact that the sales side made itself neither, once the ledger has it; the ledger may.
    case.edit("sales", "UPDATE contacts SET company = 'ACME' WHERE id = 'C-9'");
    case.settle();
    case.assert_rows(&BOTH, contacts, &["C-1|ACME|11", "C-9|BOLT|-"]);
    case.edit("ledger", "UPDATE contacts SET company = 'ACME' WHERE id = 'C-9'");
    case.settle();
    case.assert_rows(&BOTH, contacts, &["C-1|ACME|11", "C-9|ACME|-"]);
    case.assert_same("");
}

#[test]
fn the_sales_side_deletes_only_contacts_that_it_made() {
    let case = case();
    case.edit("sales", "INSERT INTO contacts (id, company, name) VALUES ('C-9', 'BOLT', 'Nina Roth')");
    case.settle();
    case.edit("sales", "DELETE FROM contacts WHERE id IN ('C-2', 'C-9')");
    case.settle();
    case.assert_rows(&BOTH, "SELECT id, status FROM contacts ORDER BY id", &["C-1|active", "C-2|active", "C-3|active"]);
    for site in BOTH {
        let all = case.conflicts(site);
        let [refused] = &all[..] else { panic!("{all:#?}") };
        assert_eq!((&refused["key"][0], &refused["about"]["what"]), (&"C-2".into(), &"refused".into()));
        assert_eq!((&refused["loser_site"], &refused["rule"]), (&"sales".into(), &"only the site that made it may delete it".into()));
    }
    case.assert_same("");
}

#[test]
fn what_the_ledger_deletes_is_marked_at_the_sales_side() {
    let case = case();
    case.edit("sales", "INSERT INTO contacts (id, company, name) VALUES ('C-9', 'BOLT', 'Nina Roth')");
    case.settle();
    case.edit("ledger", "DELETE FROM contacts WHERE id IN ('C-1', 'C-9')");
    case.settle();
    case.assert_rows(&["ledger"], "SELECT id FROM contacts ORDER BY id", &["C-2", "C-3"]);
    let marked = ["C-1|deleted", "C-2|active", "C-3|active", "C-9|deleted"];
    case.assert_rows(&["sales"], "SELECT id, status FROM contacts ORDER BY id", &marked);
    // What is marked stays here whatever is edited in it, and may be cleared away.
    case.edit("sales", "UPDATE contacts SET phone = '0' WHERE id = 'C-1'; DELETE FROM contacts WHERE id = 'C-9'");
    case.settle();
    case.assert_rows(&["ledger"], "SELECT id FROM contacts ORDER BY id", &["C-2", "C-3"]);
    case.assert_rows(&["sales"], "SELECT id, status FROM contacts ORDER BY id", &marked[..3]);
    assert!(case.held("sales").is_empty() && case.held("ledger").is_empty());
}

#[test]
fn a_contact_that_is_marked_as_deleted_comes_back_when_the_sales_side_says_so() {
    let case = case();
    case.edit("ledger", "DELETE FROM contacts WHERE id = 'C-1'");
    case.settle();
    case.edit("sales", "UPDATE contacts SET status = 'active', phone = '5' WHERE id = 'C-1'");
    case.settle();
    case.assert_rows(&BOTH, "SELECT company, name, phone, status FROM contacts WHERE id = 'C-1'", &["ACME|Ann Keller|5|active"]);
    case.assert_same("");
}
