//! How does every record stand, and what does the page of the whole say? Read from `records` and `status` only.

mod binary;

use binary::Office;

const SCHEMA: &str = "
    CREATE TABLE companies (id TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE contacts (id TEXT PRIMARY KEY, company TEXT REFERENCES companies, name TEXT, phone TEXT CHECK (phone <> 'bad'), done INTEGER DEFAULT 1);
    CREATE TABLE answers (id TEXT PRIMARY KEY, text TEXT);
    INSERT INTO companies VALUES ('ACME', 'Acme');
    INSERT INTO contacts (id, company, name, phone) VALUES ('C1', 'ACME', 'Ann', '1'), ('C2', 'ACME', 'Bob', '2'), ('C3', 'ACME', 'Cid', '3'),
      ('C4', 'ACME', 'Dan', '4'), ('C5', 'ACME', 'Eve', '5');";

const RULES: &str =
    "[tables.contacts]\nconflict = 'review'\nready_when = 'done = 1'\n[tables.answers]\nsend = 'manual'\ndirection = 'up'\n";

fn two() -> Office {
    Office::pair(SCHEMA, RULES)
}

fn counts(office: &Office, line: &str) -> Vec<(String, u64)> {
    let report: serde_json::Value = serde_json::from_str(&office.run(&format!("{line} --json")).out).unwrap();
    let counts = report["tables"][0]["counts"].as_object().unwrap();
    counts.iter().map(|(state, count)| (state.clone(), count.as_u64().unwrap())).collect()
}

fn states(office: &Office, line: &str) -> Vec<(String, String)> {
    let report: serde_json::Value = serde_json::from_str(&office.run(&format!("{line} --json")).out).unwrap();
    let records = report["tables"][0]["records"].as_array().unwrap();
    records.iter().map(|one| (one["key"][0].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn every_record_stands_somewhere_and_is_listed_with_the_reason() {
    let office = two();
    assert_eq!(counts(&office, "records contacts --home anna"), [("synchronized".to_owned(), 5)]);
    assert!(states(&office, "records contacts --home anna").is_empty());
    office.sql(
        "anna",
        "UPDATE contacts SET phone = '11' WHERE id = 'C1'; DELETE FROM contacts WHERE id = 'C2'; \
         INSERT INTO contacts (id, company, name, phone, done) VALUES ('C6', 'ACME', 'Fay', '6', 1), ('C7', 'ACME', 'Gus', '7', 0)",
    );
    let edited = [("C1", "changed-here"), ("C2", "deleted-here"), ("C6", "new-here"), ("C7", "new-here")];
    assert_eq!(states(&office, "records contacts --home anna"), pairs(&edited));
    office.ok("sync --home anna");
    let told = [("C1", "waiting"), ("C2", "deleted-waiting"), ("C6", "waiting"), ("C7", "inactive")];
    assert_eq!(states(&office, "records contacts --home anna"), pairs(&told));
    assert!(office.ok("records contacts --home anna --state inactive").flat().contains("C7 inactive head it is not ready yet"));
    for site in ["head", "anna"] {
        office.ok(&format!("sync --home {site}"));
    }
    assert_eq!(states(&office, "records contacts --home anna"), pairs(&[("C7", "inactive")]));
    assert_eq!(counts(&office, "records contacts --home anna"), [("inactive".to_owned(), 1), ("synchronized".to_owned(), 5)]);
    let all = states(&office, "records contacts --home anna --state synchronized -n 2");
    assert_eq!(all, pairs(&[("C1", "synchronized"), ("C3", "synchronized")]));
    let somewhere = states(&office, "records contacts --home anna --where \"name IN ('Gus', 'Fay')\"");
    assert_eq!(somewhere, pairs(&[("C6", "synchronized"), ("C7", "inactive")]));
    assert!(office.ok("records contacts --home anna --state synchronized -n 2").out.contains("… and 3 more: -n lists more"));
    assert_eq!(office.run("records contacts --home anna --with nobody").code, 1);
}

#[test]
fn what_comes_in_conflict_or_cannot_be_applied_is_seen_at_the_site_that_decides() {
    let office = two();
    office.sql("anna", "PRAGMA ignore_check_constraints = ON; UPDATE contacts SET phone = 'bad' WHERE id = 'C3'; UPDATE contacts SET name = 'Anna' WHERE id = 'C1'");
    office.sql("head", "UPDATE contacts SET name = 'Hanna' WHERE id = 'C1'");
    office.ok("records deactivate contacts C5 --home head");
    office.ok("sync --home anna");
    office.run("sync --home head");
    let at_head = [("C1", "conflict"), ("C3", "changed-there"), ("C5", "deactivated")];
    assert_eq!(states(&office, "records contacts --home head"), pairs(&at_head));
    let status = office.run("status --home head --json");
    assert_eq!(status.code, 3);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let contacts = &status["tables"][2];
    let numbers = ["conflicts", "failures", "retries", "deactivated", "successful"].map(|name| contacts[name].as_u64().unwrap());
    assert_eq!((contacts["table"].as_str(), numbers), (Some("contacts"), [1, 1, 0, 1, 2]), "{contacts}");
    assert_eq!(status["totals"]["failures"], 1);
    assert_eq!(status["neighbours"][0]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_status_has_a_line_per_table_and_per_neighbour_and_fits_the_page() {
    let office = two();
    office.sql("anna", "INSERT INTO answers VALUES ('A1', 'yes'), ('A2', 'no'); UPDATE contacts SET phone = '9'");
    office.ok("sync --home anna");
    let status = office.ok("status --home anna").out;
    assert!(status.lines().all(|line| line.chars().count() <= 100 || line.starts_with("  home") || line.contains("share")), "{status}");
    let flat = status.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "answers · 2 · · · · · manual ↑ never",
        "companies · · · · · · 1 automatic",
        "contacts · · 5 · · · · automatic 0 s ago",
        "all · 2 5 · · · 1",
    ] {
        assert!(flat.contains(words), "{words}: {status}");
    }
    office.ok("records send answers --where \"id = 'A1'\" --home anna");
    office.ok("sync --home anna");
    assert_eq!(states(&office, "records answers --home anna"), pairs(&[("A1", "waiting"), ("A2", "new-here")]));
}

#[test]
fn the_page_for_a_browser_is_one_file_in_which_nothing_is_believed() {
    let office = two();
    office.sql("anna", "UPDATE contacts SET name = '<script>alert(1)</script>' WHERE id = 'C1'");
    office.sql("head", "UPDATE contacts SET name = 'Hanna' WHERE id = 'C1'");
    office.ok("sync --home anna");
    office.run("sync --home head");
    let written = office.run("status --home head --html page.html");
    assert_eq!(written.code, 3, "a conflict is open: {written:?}");
    let page = office.read("page.html");
    for words in [
        "<!doctype html>",
        "<title>Fieldpost: head</title>",
        "<svg",
        "<h2>The last 30 days</h2>",
        ", conflicts: 1</title>",
        "wants a decision",
        "</html>",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // Nothing is fetched, nothing runs.
    assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("@import"), "{page}");
    assert!(office.run("status --home head --html no/such/page.html").code == 1);
}

#[test]
fn the_page_takes_the_place_of_an_older_page_and_of_nothing_else() {
    let office = two();
    office.ok("status --home head --html page.html");
    office.write("page.html", &office.read("page.html").replace("</html>", "<!-- of yesterday --></html>"));
    office.ok("status --home head --html page.html");
    assert!(!office.read("page.html").contains("of yesterday"));
    office.write("index.html", "<!doctype html>\n<title>My own</title>\n");
    office.write("empty.html", "");
    let before = office.everything();
    for file in ["head/shop.db", "index.html", "empty.html", "head/fieldpost.toml", "head"] {
        let refused = office.run(&format!("status --home head --html {file}"));
        assert!(refused.code == 1 && refused.err.contains(&format!("`{file}` is there already")), "{file}: {refused:?}");
    }
    assert_eq!(office.everything(), before);
}

#[test]
fn a_status_that_is_watched_is_shown_again_until_it_is_stopped() {
    use std::io::BufRead as _;
    let office = two();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(["status", "--watch", "1", "--home", "anna"]).current_dir(office.path(""));
    let mut running = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufReader::new(running.stdout.take().unwrap()).lines();
    let titles = lines.map(Result::unwrap).filter(|line| line.starts_with("anna, a remote of 'head'")).take(2).count();
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(titles, 2);
    assert_eq!(office.run("status --home anna --watch --json").code, 2);
}
