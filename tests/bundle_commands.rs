//! The commands for bundles, as people type them: the example is walked through, and what goes wrong is said in words.

mod binary;

use std::path::Path;

use binary::{Office, commands, words};
use rusqlite::Connection;

const PAGE: &str = include_str!("../examples/bundle/README.md");

/// A copy of the example.
fn example() -> Office {
    let office = Office::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bundle"), &office.path(""));
    office
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &place) } else { std::fs::copy(entry.path(), place).map(drop).unwrap() }
    }
}

/// Walks through the page up to the line that begins like this; gives what each line said.
fn walk(office: &Office, until: &str) -> Vec<(String, binary::Ran)> {
    let mut told = Vec::new();
    for line in commands(PAGE) {
        if line.starts_with(until) {
            return told;
        }
        let words = words(line);
        match words[0].as_str() {
            "mkdir" => words[1..].iter().for_each(|name| office.make(name)),
            "cp" => office.write(&words[2], &office.read(&words[1])),
            "sqlite3" => {
                let sql = office.read(words[2].strip_prefix(".read ").unwrap());
                Connection::open(office.path(&words[1])).unwrap().execute_batch(&sql).unwrap();
            }
            "fieldpost" => told.push((line.to_owned(), office.run(line.strip_prefix("fieldpost ").unwrap()))),
            other => panic!("the page uses `{other}`"),
        }
    }
    assert_eq!(until, "the end", "the page has no such line");
    told
}

/// Who must explain on Monday who has the new forms wants to read of those too that were away.
#[test]
fn a_site_that_has_not_answered_is_not_left_out() {
    let office = example();
    walk(&office, "fieldpost bundle publish");
    office.run("bundle publish sales-forms-1.0.0.fpb --group sales --home head");
    let status = office.run("bundle status --home head").flat();
    assert!(status.contains("sales-forms anna – 1.0.0: it has not answered yet"), "{status}");
    assert!(!status.contains("bert"), "it is not for bert: {status}");
    // One that is retired never will.
    office.ok("sites retire anna --yes --home head");
    assert!(!office.run("bundle status --home head").flat().contains("it has not answered yet"));
}

#[test]
fn groups_are_changed_at_the_site_that_invited_and_it_is_said_what_follows() {
    let office = example();
    walk(&office, "fieldpost bundle publish");
    office.run("bundle publish sales-forms-1.0.0.fpb --group sales --home head");
    ["head", "anna", "bert", "head"].iter().for_each(|site| drop(office.run(&format!("sync --home {site}"))));
    let into = office.ok("sites groups bert --add sales --home head").flat();
    assert!(
        into.starts_with("'bert' is in sales from now on, and was in no group.")
            && into.contains("bundle sales-forms 1.0.0 is for it from now on"),
        "{into}"
    );
    let out = office.json("sites groups anna --remove sales --add field --home head --json");
    assert_eq!((&out["groups"][0], &out["bundles_no_more"][0]["name"]), (&"field".into(), &"sales-forms".into()));
    assert!(office.ok("sites groups anna --add field --home head").out.contains("'anna' is in field as before."));
    ["head", "anna", "bert", "head"].iter().for_each(|site| drop(office.run(&format!("sync --home {site}"))));
    for site in ["head", "anna"] {
        let status = office.run(&format!("bundle status --home {site}")).flat();
        assert!(status.contains("not for its groups: it stays, and gets no newer version"), "{status}");
    }
    assert!(office.path("bert/custom/Screens/Customer.xml").exists() && office.path("anna/custom/Screens/Customer.xml").exists());
    let sites = office.json("sites --home bert --json");
    let groups: Vec<_> = sites["sites"].as_array().unwrap().iter().map(|site| (&site["name"], site["groups"].to_string())).collect();
    assert_eq!(groups, [(&"head".into(), "[]".into()), (&"anna".into(), "[\"field\"]".into()), (&"bert".into(), "[\"sales\"]".into())]);
    let denied = office.run("sites groups anna --add sales --home bert");
    assert!(denied.code == 1 && denied.err.contains("the groups of 'anna' are changed at 'head'"), "{denied:?}");
    let unknown = office.run("sites groups nobody --add sales --home head");
    assert!(unknown.code == 1 && unknown.err.contains("'fieldpost --home head sites' lists"), "{unknown:?}");
    assert_eq!(office.run("sites groups anna --home head").code, 2);
    assert_eq!(office.run("sites groups anna --add x --remove x --home head").code, 2);
}

/// What a bundle has for everybody keeps to no day, and neither comes nor goes with the site.
#[test]
fn what_is_for_everybody_is_said_where_it_is_done_and_where_it_is_not() {
    let office = example();
    walk(&office, "fieldpost bundle publish");
    let installed = office.run("bundle install sales-forms-1.0.0.fpb --home anna").flat();
    assert!(installed.contains("for everybody are not carried out: the main office does that when it publishes it."), "{installed}");
    office.run("bundle remove sales-forms --home anna");
    let published = office.run("bundle publish sales-forms-1.0.0.fpb --group sales --from 2199-01-01 --home head").flat();
    let now = "to be installed from 2199-01-01 00:00; its rows and schema steps for everybody are carried out now; 'fieldpost";
    assert!(published.contains(now), "{published}");
    ["head", "anna"].iter().for_each(|site| drop(office.run(&format!("sync --home {site}"))));
    let installed = office.ok("bundle install sales-forms --home anna").flat();
    assert!(!installed.contains("for everybody"), "{installed}");
    let removed = office.ok("bundle remove sales-forms --home anna").flat();
    assert!(removed.contains("Its rows and schema steps for everybody stay until the main office withdraws it."), "{removed}");
}

#[test]
fn the_example_can_be_walked_to_its_end() {
    let office = example();
    let told = walk(&office, "the end");
    let said = |line: &str| told.iter().filter(|(typed, _)| typed.starts_with(line)).map(|(_, ran)| ran).collect::<Vec<_>>();
    for (line, ran) in &told {
        assert!([0, 3].contains(&ran.code), "{line}: {ran:?}");
    }
    assert!(said("fieldpost bundle check")[0].out.contains("sales-forms 1.0.0: 2 files, 2 lists of rows, 1 schema step; nothing"));
    assert!(said("fieldpost bundle publish")[0].flat().contains("is published for sales; 'fieldpost --home head sync' sends it to 1 site"));
    let plan = &said("fieldpost bundle plan")[0].out;
    assert!(
        plan.contains("Screens/Customer.xml: new") && plan.contains("for everybody:\n  schema step schema/001-by-country.sql"),
        "{plan}"
    );
    let status = said("fieldpost bundle status")[0].flat();
    assert!(status.contains("sales-forms anna 1.0.0"), "{status}");
    assert!(said("fieldpost bundle drift")[0].out.contains("Welcome letter.txt: changed here"));
    let refused = said("fieldpost sync --home anna").into_iter().find(|ran| ran.out.contains("cannot be taken back")).expect("it is said");
    assert_eq!(refused.code, 3);
    assert_eq!(office.read("anna/custom/Letters/Welcome letter.txt.kept-1.0.0"), office.read("rules.toml"));
    assert!(!office.path("anna/custom/Screens").exists());
    assert!(!office.path("bert/custom").exists());
    let countries = |site: &str| -> Vec<String> {
        let database = Connection::open(office.path(site).join("crm.db")).unwrap();
        let mut statement = database.prepare("SELECT name FROM countries ORDER BY code").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(countries("head"), ["Schweiz"]);
    office.ok("sync --home bert");
    assert_eq!(countries("bert"), ["Schweiz"]);
}

#[test]
fn the_same_folder_and_key_give_the_same_bytes() {
    let office = example();
    walk(&office, "fieldpost bundle check");
    office.ok("bundle build sales-forms --home head");
    let first = std::fs::read(office.path("sales-forms-1.0.0.fpb")).unwrap();
    copy(&office.path("sales-forms"), &office.path("again"));
    office.make("out");
    office.ok("bundle build again --home head --out out");
    assert_eq!(std::fs::read(office.path("out/sales-forms-1.0.0.fpb")).unwrap(), first);
    office.write("again/files/Screens/Customer.xml", "other");
    office.ok("bundle build again --home head --out out");
    assert_ne!(std::fs::read(office.path("out/sales-forms-1.0.0.fpb")).unwrap(), first);
}

#[test]
fn what_is_refused_is_said_with_what_to_do() {
    let office = example();
    walk(&office, "fieldpost bundle check");
    let fails = |line: &str, expected: &[&str]| {
        let ran = office.run(line);
        assert_eq!(ran.code, 1, "{line}: {ran:?}");
        for words in expected {
            assert!(ran.err.contains(words), "{line}: {}", ran.err);
        }
    };
    office.ok("bundle new other");
    let checked = office.run("bundle check other");
    assert!(checked.code == 3 && checked.out.contains("nothing in it"), "{checked:?}");
    fails("bundle new other", &["is there already", "choose another name"]);
    office.write("other/bundle.toml", "name = 'other'\nversion = '1'\n");
    fails("bundle check other", &["line 2", "`1` is no version", "man 7 fieldpost-bundle"]);
    // By somebody who is no publisher, until the main office says so.
    office.ok("bundle build sales-forms --home anna");
    fails(
        "bundle publish sales-forms-1.0.0.fpb --group sales --home head",
        &["signed by a key that no publisher here has: SHA256:", "bundle trust"],
    );
    let key = "anna/.fieldpost/keys/signing.pub";
    fails(&format!("bundle trust {key} --home anna"), &["only the main office does that"]);
    assert!(office.ok(&format!("bundle trust {key} --name Anna --home head")).out.contains("Anna"));
    fails("bundle publish sales-forms-1.0.0.fpb --everyone --home head", &["it is meant for sales, not for all sites"]);
    assert_eq!(office.run("bundle publish sales-forms-1.0.0.fpb --home head").code, 2);
    let published = office.json("bundle publish sales-forms-1.0.0.fpb --group sales --home head --json");
    assert_eq!((&published["version"], &published["sites"]), (&"1.0.0".into(), &1.into()));
    fails("bundle rollback sales-forms --home head", &["sales-forms is not installed here", "bundle status"]);
    fails("bundle install nothing --home anna", &["nothing is not published"]);
    fails("bundle install No/Such.fpb --home anna", &["No such file"]);
    let signers = office.json("bundle trust --home head --json");
    assert_eq!(signers["publishers"].as_array().unwrap().len(), 2);
    // A stranger's file is as good as none, a changed one too.
    let mut bytes = std::fs::read(office.path("sales-forms-1.0.0.fpb")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(office.path("changed.fpb"), bytes).unwrap();
    fails("bundle plan changed.fpb --home head", &["get it again"]);
}

#[test]
fn a_dry_run_of_a_round_says_what_would_be_installed_and_installs_nothing() {
    let office = example();
    walk(&office, "fieldpost bundle publish");
    office.ok("bundle publish sales-forms-1.0.0.fpb --group sales --home head");
    office.ok("sync --home head");
    let unchanged = |expected: &str| {
        let before = office.everything();
        let said = office.run("sync --dry-run --home anna").flat();
        assert!(said.contains(expected), "{said}");
        assert!(office.everything() == before, "something was changed");
    };
    unchanged("bundle sales-forms 1.0.0 is installed");
    office.ok("sync --home anna");
    office.write("anna/custom/Screens/Customer.xml", "Anna's");
    office.write("sales-forms/files/Screens/Customer.xml", "another one");
    office.write("sales-forms/bundle.toml", &office.read("sales-forms/bundle.toml").replace("1.0.0", "1.1.0"));
    office.ok("bundle build sales-forms --home head");
    office.ok("bundle publish sales-forms-1.1.0.fpb --group sales --home head");
    office.ok("sync --home head");
    unchanged("bundle sales-forms 1.1.0 is installed; `Screens/Customer.xml` stays as it was changed here");
    office.ok("sync --home anna");
    assert_eq!(office.read("anna/custom/Screens/Customer.xml"), "Anna's");
    assert_eq!(office.read("anna/custom/Screens/Customer.xml.new-1.1.0"), "another one");
    // Also where the change is older than the version that kept it.
    assert_eq!(office.json("status --json --home anna")["bundles"]["changed"][0], "sales-forms");
}

#[test]
fn whoever_gives_the_wrong_file_reads_which_one_is_meant() {
    let office = example();
    walk(&office, "fieldpost bundle check");
    let fails = |line: &str, code: i32, expected: &[&str]| {
        let ran = office.run(line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        for words in expected {
            assert!(ran.err.contains(words), "{line}: {}", ran.err);
        }
    };
    fails("bundle check share", 1, &["there is no bundle.toml in it", "fieldpost bundle new NAME"]);
    for line in ["bundle publish ./sales-forms --group sales --home head", "bundle install ./sales-forms --home anna"] {
        fails(line, 2, &["`./sales-forms` is a folder: 'fieldpost", "bundle build ./sales-forms' makes the file of a bundle"]);
    }
    fails("bundle build sales-forms", 1, &["neither --key nor a home", "ssh-keygen -t ed25519"]);
    let keys = "anna/.fieldpost/keys";
    fails(&format!("bundle build sales-forms --key {keys}/signing.pub"), 1, &["signing.pub` is no ed25519 key", "without .pub"]);
    fails(&format!("bundle trust {keys}/signing --home head"), 1, &["is no ed25519 key", "ends in .pub"]);
    office.ok("bundle build sales-forms --home head");
    fails("bundle publish sales-forms-1.0.0.fpb --home head", 2, &["--group <GROUP>|--everyone"]);
    fails("bundle publish sales-forms-1.0.0.fpb --group sales --from 2020-01-31 --home head", 2, &["`2020-01-31` is over"]);
    fails(
        "bundle publish sales-forms-1.0.0.fpb --group slaes --home head",
        1,
        &["sales-forms 1.0.0: it is meant for sales, not for slaes"],
    );
}

/// Whoever looks only at the status learns that there is something, and where to read on.
#[test]
fn status_has_a_line_for_bundles() {
    let office = example();
    walk(&office, "fieldpost bundle publish");
    let last = |site: &str| office.run(&format!("status --home {site}")).out.lines().last().unwrap_or_default().to_owned();
    office.ok("bundle publish sales-forms-1.0.0.fpb --group sales --home head");
    office.ok("sync --home head");
    office.ok("sync --home anna");
    assert_eq!(last("anna"), "1 bundle installed: 'fieldpost --home anna bundle status' tells which");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.write("anna/custom/Screens/Customer.xml", "Anna's");
    assert_eq!(last("anna"), "1 bundle installed, 1 changed here: 'fieldpost --home anna bundle drift' lists what");
    let json = office.json("status --json --home anna");
    assert_eq!(json["bundles"]["installed"]["sales-forms"], "1.0.0");
    assert_eq!(json["bundles"]["changed"][0], "sales-forms");
    office.run("bundle withdraw sales-forms --home head");
    office.ok("sync --home head");
    assert_eq!(office.run("sync --home anna").code, 3);
    assert_eq!(office.run("status --home anna").code, 3);
    assert_eq!(last("anna"), "1 bundle installed, 1 in trouble, 1 changed here: 'fieldpost --home anna bundle status' tells which");
    office.ok("sync --home head");
    assert!(last("head").contains("trouble at 1 site"), "{}", last("head"));
    // What is to be typed at the other site has not this one's home in it.
    let theirs = office.run("bundle status --home head").flat();
    assert!(theirs.contains("'fieldpost bundle remove sales-forms --force' there does it"), "{theirs}");
    let own = office.run("bundle status --home anna").flat();
    assert!(own.contains("'fieldpost --home anna bundle remove sales-forms --force' does it"), "{own}");
    let page = office.path("status.html");
    office.run("status --html status.html --home anna");
    assert!(std::fs::read_to_string(page).unwrap().contains("1 in trouble"));
    // What a person did about it is not told to that person any more.
    let removed = office.ok("bundle remove sales-forms --force --home anna").flat();
    assert!(removed.contains("Screens/Customer.xml: taken back; what was changed here lies beside as"), "{removed}");
    let status = office.ok("bundle status --home anna");
    assert!(!status.out.contains("wants you"), "{}", status.out);
    assert_eq!(office.run("status --home anna").code, 0);
}

/// At the main office a plan shows what publishing does, also where only publishing makes what the files need.
#[test]
fn a_plan_at_the_main_office_shows_what_publishing_does() {
    let office = example();
    office.write(
        "sales-forms/bundle.toml",
        &office.read("sales-forms/bundle.toml").replace("\"customers.country\", \"countries\"", "\"customers.region\""),
    );
    office.write("sales-forms/schema/001-by-country.sql", "ALTER TABLE customers ADD COLUMN region TEXT");
    office.write("sales-forms/schema/001-by-country-down.sql", "ALTER TABLE customers DROP COLUMN region");
    walk(&office, "fieldpost bundle check");
    office.ok("bundle build sales-forms --home head");
    let said = office.ok("bundle plan sales-forms-1.0.0.fpb --home head").flat();
    assert!(said.starts_with("sales-forms 1.0.0 would be published; nothing was changed"), "{said}");
    assert!(said.contains("schema step schema/001-by-country.sql") && said.contains("countries: "), "{said}");
    assert!(said.contains("It would not be installed here as things are: it needs the field `customers.region` in the database"), "{said}");
    office.ok("bundle publish sales-forms-1.0.0.fpb --group sales --home head");
    let said = office.ok("bundle withdraw sales-forms --home head").flat();
    assert!(said.contains("schema step schema/001-by-country.sql: taken back") && said.contains("countries: "), "{said}");
}

/// The main office publishes; it is sent to the others.
#[test]
fn the_main_office_is_not_counted_among_those_that_get_a_bundle() {
    let office = example();
    walk(&office, "fieldpost bundle check");
    let meant = office.read("sales-forms/bundle.toml").replace("groups = [\"sales\"]", "");
    office.write("sales-forms/bundle.toml", &meant);
    office.ok("bundle build sales-forms --home head");
    let published = office.ok("bundle publish sales-forms-1.0.0.fpb --everyone --home head").flat();
    assert!(published.contains("is published for all sites; 'fieldpost --home head sync' sends it to 2 sites"), "{published}");
}
