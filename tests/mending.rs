//! What can an admin see on Monday of what happened on Friday, and what can be mended? The real binary, its lists and its log.

mod binary;

use binary::{Office, Ran};

const SCHEMA: &str = "
    CREATE TABLE companies (id TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE contacts (id TEXT PRIMARY KEY, company TEXT REFERENCES companies, name TEXT, phone TEXT CHECK (phone <> 'bad'));
    INSERT INTO companies VALUES ('ACME', 'Acme');
    INSERT INTO contacts VALUES ('C1', 'ACME', 'Ann', '1'), ('C2', 'ACME', 'Bob', '2'), ('C3', 'ACME', 'Cid', '3');";

/// A host with these rules, and Anna, both with the same data.
fn two(rules: &str) -> Office {
    Office::pair(SCHEMA, rules)
}

fn exit(office: &Office, line: &str, code: i32) -> Ran {
    let ran = office.run(line);
    assert_eq!(ran.code, code, "{line}: {ran:?}");
    ran
}

/// Both edit the telephone numbers of three contacts; Anna's travel to the head office.
fn three_conflicts(office: &Office) {
    office.sql("anna", "UPDATE contacts SET phone = 'anna ' || id");
    office.sql("head", "UPDATE contacts SET phone = 'head ' || id");
    office.ok("sync --home anna");
    office.run("sync --home head");
}

fn phones(office: &Office, site: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(office.path(site).join("shop.db")).unwrap();
    let mut statement = connection.prepare("SELECT phone FROM contacts ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn many_conflicts_are_settled_by_table_site_and_date_and_the_decision_travels() {
    let office = two("default = 'review'\n");
    three_conflicts(&office);
    let shown = office.ok("conflicts show 1 --home head").out;
    for words in
        ["Conflict 1: contacts C1", "before  '1'", "stands  'head C1'  'head', ", "lost    'anna C1'  'anna', ", "now     'head C1'"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(shown.contains("it waits for you") && shown.contains("'fieldpost --home head conflicts resolve 1 --take lost'"), "{shown}");
    let json = office.json("conflicts show 1 --home head --json");
    assert_eq!(json["conflicts"][0]["fields"][0]["now"], "head C1");

    // Nobody is asked where nobody can answer.
    assert!(exit(&office, "conflicts resolve --home head", 2).err.contains("on a terminal you are asked"));
    assert!(exit(&office, "conflicts resolve --home head --take lost", 2).err.contains("name conflicts by number"));
    assert!(exit(&office, "conflicts list --home head --since tomorrowish", 2).err.contains("is no day and no time"));
    assert!(office.ok("conflicts resolve --home head --until yesterday --take lost").out.contains("0 conflicts are settled"));
    // A number and a selection at once would settle more than was named.
    for selection in ["--all", "--table contacts", "--site anna", "--since today", "--until today"] {
        exit(&office, &format!("conflicts resolve 3 {selection} --home head --take lost"), 2);
    }
    assert_eq!(office.run("conflicts --open --home head --json").out.matches("\"open\": true").count(), 3);
    let one = office.ok("conflicts resolve 3 --home head --value 'agreed'");
    assert!(one.out.contains("1 conflict is settled"), "{}", one.out);
    assert_eq!(office.json("conflicts contacts C3 --home head --json")["conflicts"][0]["settled"], true);
    let rest = office.ok("conflicts resolve --home head --table contacts --since today --take-of anna");
    assert!(rest.out.contains("2 conflicts are settled; 'fieldpost --home head sync' tells the others"), "{}", rest.out);
    for site in ["head", "anna", "head"] {
        office.ok(&format!("sync --home {site}"));
    }
    for site in ["head", "anna"] {
        assert_eq!(phones(&office, site), ["anna C1", "anna C2", "agreed"], "{site}");
        assert!(office.ok(&format!("conflicts --open --home {site}")).out.contains("None wants a decision; "));
    }
    let log = office.ok("log contacts C3 --home head").out;
    assert!(log.contains("conflict 3, contacts C3, phone: a person decided: 'agreed'"), "{log}");
    // One number that is settled already is a failure; among several it is told and the others go on.
    exit(&office, "conflicts resolve 3 --home head --take lost", 1);
    assert!(exit(&office, "conflicts resolve 2 3 --home head --take lost", 3).out.contains("3: conflict 3 is settled already"));
}

#[test]
fn whose_edit_lost_is_told_when_both_were_made_and_how_to_keep_it() {
    let office = two("");
    office.sql("anna", "UPDATE contacts SET phone = 'anna' WHERE id = 'C1'");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("head", "UPDATE contacts SET phone = 'head' WHERE id = 'C1'");
    office.ok("sync --home anna");
    office.ok("sync --home head");
    let told = office.ok("sync --home anna").flat();
    assert!(told.contains("contacts C1: your phone 'anna' lost to 'head' of 'head' (newest, "), "{told}");
    assert!(
        told.contains(" against ") && told.contains("keep it anyway: 'fieldpost --home anna conflicts resolve 1 --take lost'"),
        "{told}"
    );
    office.ok("conflicts resolve 1 --take lost --home anna");
    office.ok("sync --home anna");
    office.ok("sync --home head");
    assert_eq!(phones(&office, "head")[0], "anna");
}

#[test]
fn the_log_tells_of_every_run_and_of_a_trouble_once() {
    let office = two("[tables.contacts]\nrequired = ['company']\n");
    office.sql("anna", "PRAGMA foreign_keys = OFF; INSERT INTO contacts VALUES ('C7', 'NONE', 'Eve', '7')");
    for _ in 0..3 {
        office.ok("sync --home anna");
    }
    let errors = office.json("log --home anna --level error --json");
    let lines = errors["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{errors}");
    assert_eq!(lines[0]["text"], "contacts C7 stays here, not sent to 'head': its `company` requires companies NONE, which is not here");
    assert_eq!(lines[0]["field"], "company");
    assert_eq!((&lines[0]["table"], &lines[0]["key"], &lines[0]["site"]), (&"contacts".into(), &"C7".into(), &"head".into()));
    office.sql("anna", "INSERT INTO companies VALUES ('NONE', 'New one')");
    office.write("anna/rules.toml", "default = 'child'\n");
    let stray = office.ok("sync --home anna").out;
    assert!(stray.contains("rules.toml here says nothing: the rules are made at 'head', and travel"), "{stray}");
    let of_it = office.ok("log contacts C7 --home anna").out;
    assert!(of_it.contains("over: contacts C7 stays here"), "{of_it}");
    let all = office.ok("log --home anna -n 1000").out;
    for words in [
        "  sync   ",
        "received packet 1 from 'head': companies 1 new; contacts 3 new",
        "sent packet ",
        "ended after ",
        ": done (exit code 0)",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
    assert!(office.ok("log --home anna --site nobody").out.contains("No lines."));
    assert!(office.ok("log --home anna -n 1").out.contains("lines before: -n shows more"));
}

#[test]
fn a_run_that_fails_is_logged_and_a_log_that_was_cut_off_still_reads() {
    let office = two("");
    office.rename("anna/shop.db", "anna/away.db");
    exit(&office, "sync --home anna", 1);
    let failed = office.ok("log --home anna --level error").out;
    assert!(failed.contains("error: failed: ") && failed.contains("shop.db"), "{failed}");
    office.rename("anna/away.db", "anna/shop.db");
    let path = office.path("anna").join(".fieldpost/log/log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 20]).unwrap();
    office.ok("sync --home anna");
    let log = office.ok("log --home anna").out;
    assert!(log.contains("All in step") || log.contains("ended after"), "{log}");
    assert!(log.contains("1 of the log cannot be read"), "{log}");
    // Reading is no run.
    let before = std::fs::read(&path).unwrap();
    for line in ["status", "conflicts", "held", "log", "sync --dry-run"] {
        office.run(&format!("{line} --home anna"));
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_held_change_shows_what_it_wants_and_why_it_waits() {
    let office = two("");
    office.sql("anna", "PRAGMA ignore_check_constraints = ON; UPDATE contacts SET phone = 'bad' WHERE id = 'C2'");
    office.ok("sync --home anna");
    exit(&office, "sync --home head", 3);
    let number = office.run("held list --home head --json").out;
    let number: serde_json::Value = serde_json::from_str(&number).unwrap();
    let number = number["held"][0]["number"].as_i64().unwrap();
    let shown = exit(&office, &format!("held show {number} --home head"), 3).out;
    for words in [
        "contacts C2, from 'anna', packet",
        "CHECK constraint failed",
        "phone  '2'           'bad'   '2'",
        " since; wants you",
        "held edit",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    exit(&office, "held show 999 --home head", 1);
    let edited = office.ok(&format!("held edit {number} phone=22 --home head")).out;
    assert!(edited.contains("Nothing is held."), "{edited}");
    let log = office.ok("log contacts C2 --home head").out;
    assert!(
        log.contains("error: held: contacts C2 from 'anna': the database refused it") && log.contains("a person edited held change"),
        "{log}"
    );
    assert_eq!(phones(&office, "head")[1], "22");
}

/// The head office's application deletes a company and leaves its contacts, as one that has foreign keys switched off can.
#[test]
fn a_delete_that_leaves_others_behind_is_said_where_it_was_done_until_it_is_mended() {
    let office = two("");
    office.sql("head", "PRAGMA foreign_keys = OFF; DELETE FROM companies; UPDATE contacts SET company = NULL WHERE id <> 'C3'");
    let said = exit(&office, "sync --home head", 3).flat();
    let left = "it was deleted here, and contacts C3 still refers to it: delete or change that, or enter companies ACME again";
    assert!(said.contains(&format!("companies ACME: {left}; wants you")), "{said}");
    // What the main office has all have.
    office.ok("sync --home anna");
    assert!(office.ok("held --home anna").out.contains("Nothing is held"));
    // As long as it is so, in every round.
    exit(&office, "sync --home head", 3);
    let said = exit(&office, "status --home head", 3).flat();
    assert!(said.contains(&format!("companies ACME: {left}")), "{said}");
    office.sql("head", "ALTER TABLE contacts DROP COLUMN name");
    let said = exit(&office, "status --home head", 3).flat();
    assert!(said.contains("1 deleted record: others referred to it at the last run; the schema is another one since"), "{said}");
    let said = exit(&office, "sync --home head", 3).flat();
    assert!(said.contains(&format!("companies ACME: {left}; wants you")), "{said}");
    office.sql("head", "DELETE FROM contacts WHERE id = 'C3'");
    office.ok("sync --home head");
    office.ok("status --home head");
    office.ok("sync --home anna");
    let [head, anna] = ["head", "anna"].map(|site| office.ok(&format!("digest --home {site}")).out.replace(site, ""));
    assert_eq!(head, anna);
}

#[test]
fn a_delete_of_what_only_this_site_needs_says_what_helps() {
    let office = two("[retries]\nfor = '1s'\n\n[tables.contacts]\nready_when = \"name <> 'draft'\"\n");
    office.ok("sync --home anna");
    // The main office does not know of it.
    office.sql("anna", "INSERT INTO contacts SELECT 'C9', id, 'draft', NULL FROM companies LIMIT 1");
    office.sql("head", "DELETE FROM contacts; DELETE FROM companies");
    office.ok("sync --home head");
    office.ok("sync --home anna");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    exit(&office, "sync --home anna", 3);
    let shown = exit(&office, "held show 1 --home anna", 3).flat();
    assert!(shown.contains("edit or delete contacts C9, here or at 'head'") && !shown.contains("held edit"), "{shown}");
    office.sql("anna", "DELETE FROM contacts WHERE id = 'C9'");
    office.ok("sync --home anna");
    assert!(office.ok("held --home anna").out.contains("Nothing is held"));
    let [head, anna] = ["head", "anna"].map(|site| office.ok(&format!("digest --home {site}")).out.replace(site, ""));
    assert_eq!(head, anna);
}

#[test]
fn a_delete_that_is_taken_back_because_of_what_refers_to_the_record_says_so() {
    let office = two("");
    office.sql("head", "DELETE FROM contacts; DELETE FROM companies");
    office.sql("anna", "UPDATE contacts SET phone = '77' WHERE id = 'C2'; INSERT INTO contacts VALUES ('C4', 'ACME', 'Dan', '4')");
    office.ok("sync --home anna");
    let said = office.run("sync --home head").flat();
    assert!(said.contains("companies ACME: deleted at 'head'; it is kept (contacts C4 refers to it)"), "{said}");
    assert!(said.contains("contacts C2: deleted at 'head', but edited at 'anna'; it is kept (edit wins over delete)"), "{said}");
    assert!(!said.contains("companies ACME: deleted at 'head', but edited"), "{said}");
    let shown = office.run("conflicts companies --home head").flat();
    assert!(shown.contains("companies ACME: deleted at 'head'; it is kept (contacts C4 refers to it)"), "{shown}");
    let history = office.json("history companies ACME --json --home head");
    let kinds =
        |history: &serde_json::Value| history["events"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&history), ["deleted", "returned"]);
    assert_eq!(kinds(&office.json("history contacts C4 --json --home head")), ["made"]);
}

#[test]
fn rules_are_checked_with_their_lines_before_they_are_in_force() {
    let office = two("");
    assert!(office.ok("rules check --home head").out.contains("rules.toml: nothing to complain of. 0 tables have"));
    office.write(
        "new.toml",
        "default = 'newest'\n\n[tables.contacts]\nconflict = ['site-priority', 'newest']\nfixed = ['compny']\nready_when = 'dne = 1'\n\n\
         [tables.contcts]\ndirection = 'up'\n\n[sites]\npriority = ['haed']\n",
    );
    let told = exit(&office, "rules check new.toml --home head", 3).flat();
    for words in [
        "new.toml: 4 things to look at",
        "line 5: rules.toml speaks of a field `compny` of `contacts`, and there is none; did you mean `company`?",
        "line 6: `ready_when` of `contacts` in rules.toml does not run here: no such column: dne",
        "line 8: rules.toml speaks of a table `contcts`, and there is none; did you mean `contacts`?",
        "line 12: there is no site and no group `haed`; did you mean `head`?",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    office.write("new.toml", "[tables.contacts]\nconflict = ['parent', 'newest']\n");
    let refused = exit(&office, "rules check new.toml --home head", 1).err;
    assert!(
        refused.contains("new.toml, line 2: ") && refused.contains("`newest` is never asked: `parent` before it always decides"),
        "{refused}"
    );
}

#[test]
fn a_rule_that_would_merge_numbers_of_records_is_said_to_decide_nothing() {
    let people = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE visits (id TEXT PRIMARY KEY, who INTEGER REFERENCES people, hours INTEGER)";
    let office = Office::pair(people, "");
    office.write("new.toml", "[tables.visits.fields]\nhours = 'sum'\nwho = ['max', 'newest']\n");
    let told = exit(&office, "rules check new.toml --home head", 3).flat();
    let words =
        "line 3: `max` never decides about `who` of `visits`: it holds the number of a record, and nothing lies between two records";
    assert!(told.contains("new.toml: 1 thing to look at") && told.contains(words), "{told}");
}

#[test]
fn which_rule_applies_and_why_is_explained_at_every_site() {
    let rules = "default = 'parent'\n[tables.contacts]\nconflict = ['owner', 'newest']\nowner = 'company'\ngroups = [['name', 'phone']]\n\
                 [tables.companies]\nfields = { name = 'child' }\n";
    let office = two(rules);
    let phone = office.ok("rules explain contacts PHONE --home head").flat();
    for words in [
        "contacts, phone",
        "owner: the site, or a site of the group,",
        "newest: the later edit wins",
        "rules.toml, line 3: the table has a rule,",
        "together name, phone win or lose together rules.toml, line 5",
    ] {
        assert!(phone.contains(words), "{words}: {phone}");
    }
    let json = office.json("rules explain contacts phone --home head --json");
    assert_eq!((&json["rules"][0]["line"], &json["rules"][1]["says"][0]), (&3.into(), &"name, phone win or lose together".into()));
    let name = office.ok("rules explain companies name --home anna").flat();
    assert!(name.contains("child: what the child sent wins") && name.contains("the field has a rule of"), "{name}");
    let table = office.ok("rules explain companies --home head").flat();
    assert!(table.contains("parent: what the parent has wins") && table.contains("rules.toml, line 1: the table has no rule,"), "{table}");
    assert!(table.contains("deletes edit-wins") && table.contains("direction both") && table.contains("sending automatic"), "{table}");
    assert!(exit(&office, "rules explain companies nam --home head", 1).err.contains("did you mean `name`?"));
    let office = Office::pair("CREATE TABLE c (id TEXT PRIMARY KEY, note TEXT)", "[tables.c]\nlocal = ['note']\n");
    for (site, place) in [("head", "rules.toml, line 2"), ("anna", "line ")] {
        let local = office.ok(&format!("rules explain c NOTE --home {site}")).flat();
        assert!(local.contains("local it never travels") && local.contains(place) && !local.contains("wins"), "{local}");
    }
}

#[test]
fn other_rules_are_tried_on_what_was_in_conflict() {
    let office = two("");
    three_conflicts(&office);
    let unchanged = office.ok("rules try --home head").out;
    assert!(unchanged.contains("rules.toml: 3 conflicts of the last 7 days, none would come out differently."), "{unchanged}");
    office.write("new.toml", "[tables.contacts]\nconflict = 'child'\n");
    let child = office.ok("rules try new.toml --days 30 --home head").flat();
    assert!(child.contains("new.toml: 3 conflicts of the last 30 days, 3 would come out differently"), "{child}");
    assert!(child.contains("contacts C1, phone: 'head C1' stood (newest), 'anna C1' of 'anna' would stand (child)"), "{child}");
    office.write(
        "new.toml",
        "[tables.contacts]\nconflict = ['owner', 'review']\nowner = \"CASE id WHEN 'C2' THEN 'anna' ELSE 'nobody' END\"\n",
    );
    let owner = office.json("rules try new.toml --home head --json");
    let asks: Vec<_> = owner["different"].as_array().unwrap().iter().map(|one| (one["would"].clone(), one["would_ask"].clone())).collect();
    assert_eq!(asks, [("head C1".into(), true.into()), ("anna C2".into(), false.into()), ("head C3".into(), true.into())]);
    // Nothing was changed by trying.
    assert_eq!(phones(&office, "head")[0], "head C1");
}

#[test]
fn a_unique_value_taken_twice_is_one_conflict_at_both_sites_that_one_command_settles() {
    let schema = format!("{SCHEMA} CREATE UNIQUE INDEX phones ON contacts (phone);");
    for at in ["head", "anna"] {
        let office = Office::pair(&schema, "");
        office.sql("head", "UPDATE contacts SET phone = '040' WHERE id = 'C1'");
        office.sql("anna", "INSERT INTO contacts VALUES ('C9', 'ACME', 'Zoe', '040')");
        for site in ["anna", "head", "anna"] {
            office.run(&format!("sync --home {site}"));
        }
        for site in ["head", "anna"] {
            let listed = exit(&office, &format!("conflicts --open --home {site}"), 3).flat();
            let said = format!(
                "1 conflict, 1 to decide 1. contacts C9 'Zoe' of 'anna': its phone '040' is taken by contacts C1 'Ann' of 'head' \
                        (a unique value is one record's); give it another: 'fieldpost --home {site} conflicts resolve 1 --value VALUE'"
            );
            assert!(listed.starts_with(&said), "{site}: {listed}");
            let shown = office.run(&format!("conflicts show 1 --home {site}")).flat();
            assert!(shown.contains("it waits for you") && shown.contains("'--take standing' lets go of it"), "{site}: {shown}");
            let status = office.run(&format!("status --home {site}"));
            assert_eq!(status.code, 3, "{site}: {status:?}");
        }
        assert!(exit(&office, "held --json --home head", 3).out.contains("its phone 040 is taken by contacts C1 'Ann'"));
        // What is held at the child is the other half of the same conflict: it goes on by itself.
        let held = exit(&office, "held --json --home anna", 0).out;
        assert!(held.contains("its phone 040 is taken by contacts C9 'Zoe'") && held.contains("\"needs\": \"packet\""), "{held}");
        let taken = office.run(&format!("conflicts resolve 1 --value 3 --home {at}"));
        let said = format!("{}{}", taken.out, taken.err);
        assert!(taken.code != 0 && said.contains("the database refuses it"), "{taken:?}");
        assert!(office.ok(&format!("conflicts resolve 1 --value 050-1 --home {at}")).out.contains("1 conflict is settled"));
        for site in ["anna", "head", "anna", "head"] {
            office.run(&format!("sync --home {site}"));
        }
        for site in ["head", "anna"] {
            let listed = exit(&office, &format!("conflicts --home {site}"), 0).flat();
            assert!(listed.contains("1 conflict 1. contacts C9") && listed.contains("it waits no more, at 'head'"), "{site}: {listed}");
            assert_eq!(office.ok(&format!("held --home {site}")).out, "Nothing is held.\n");
            assert_eq!(phones(&office, site), ["040", "2", "3", "050-1"], "{site}");
        }
        let digests = ["head", "anna"].map(|site| office.json(&format!("digest --json --home {site}"))["tables"].clone());
        assert_eq!(digests[0], digests[1]);
    }
}

#[test]
fn a_record_that_meets_another_one_in_two_unique_fields_is_asked_about_one_after_the_other() {
    let schema =
        "CREATE TABLE users (id TEXT PRIMARY KEY, login TEXT UNIQUE, mail TEXT UNIQUE); INSERT INTO users VALUES ('1', 'root', 'root@x')";
    for at in ["head", "anna"] {
        let office = Office::pair(schema, "");
        let rounds = || ["anna", "head", "anna", "head"].iter().for_each(|site| drop(office.run(&format!("sync --home {site}"))));
        office.sql("head", "INSERT INTO users VALUES ('H', 'kim', 'kim@x')");
        office.sql("anna", "INSERT INTO users VALUES ('A', 'kim', 'kim@x')");
        rounds();
        let listed = exit(&office, &format!("conflicts --open --home {at}"), 3).flat();
        assert!(listed.contains("1. users A 'kim' of 'anna': its mail 'kim@x' is taken"), "{listed}");
        let asked = |number: &str| {
            format!(
                "{number}. users A 'kim2@x' of 'anna': its login 'kim' is taken by users H 'kim@x' of 'head' (a unique value is one record's)"
            )
        };
        let settled = office.run(&format!("conflicts resolve 1 --value kim2@x --home {at}"));
        if at == "head" {
            assert!(settled.flat().contains("1 conflict is settled") && settled.flat().contains(&asked("3")), "{settled:?}");
            assert_eq!(settled.code, 3, "it is not over");
        }
        rounds();
        for site in ["head", "anna"] {
            let listed = exit(&office, &format!("conflicts --open --home {site}"), 3).flat();
            assert!(listed.starts_with("1 conflict, 1 to decide") && listed.contains(&asked("3")), "{site}: {listed}");
            assert!(office.run(&format!("conflicts --home {site}")).flat().contains("it waits for its login now"), "{site}");
        }
        office.ok(&format!("conflicts resolve 3 --value kim2 --home {at}"));
        rounds();
        for site in ["head", "anna"] {
            exit(&office, &format!("conflicts --open --home {site}"), 0);
            assert_eq!(office.ok(&format!("held --home {site}")).out, "Nothing is held.\n");
        }
        let digests = ["head", "anna"].map(|site| office.json(&format!("digest --json --home {site}"))["tables"].clone());
        assert_eq!(digests[0], digests[1]);
    }
}

#[test]
fn a_unique_value_that_a_deleted_record_would_come_back_with_is_named() {
    let office = Office::pair(
        "CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT, z INTEGER UNIQUE); INSERT INTO t VALUES ('1', 'a', 7), ('2', 'b', 8)",
        "",
    );
    office.sql("head", "DELETE FROM t WHERE id = '1'; UPDATE t SET z = 7");
    office.sql("anna", "UPDATE t SET x = 'anna' WHERE id = '1'");
    for site in ["anna", "head", "anna"] {
        office.run(&format!("sync --home {site}"));
    }
    for site in ["head", "anna"] {
        let listed = exit(&office, &format!("conflicts --open --home {site}"), 3).flat();
        assert!(listed.contains("t 1 'anna' of 'anna': its z 7 is taken by t 2 'b' of 'head'"), "{site}: {listed}");
    }
}

/// Anna makes a customer whose code one of the head's has, with an order and a line of it; the head lets go of the customer.
fn let_go(kind: &str, of_head: &str, of_anna: &str) -> Office {
    let office = Office::pair(
        &format!(
            "CREATE TABLE customers (id {kind} PRIMARY KEY, name TEXT, code TEXT UNIQUE);
             CREATE TABLE orders (id {kind} PRIMARY KEY, customer {kind} REFERENCES customers);
             CREATE TABLE lines (\"order\" {kind} REFERENCES orders, place INTEGER, what TEXT, PRIMARY KEY (\"order\", place));"
        ),
        "",
    );
    office.sql("head", &format!("INSERT INTO customers VALUES ({of_head}, 'of head', 'x')"));
    office.sql(
        "anna",
        &format!(
            "INSERT INTO customers VALUES ({of_anna}, 'of anna', 'x'); INSERT INTO orders VALUES ({of_anna}, {of_anna});
             INSERT INTO lines VALUES ({of_anna}, 1, 'bolts')"
        ),
    );
    four_rounds(&office);
    drop_held(&office, "customers");
    four_rounds(&office);
    office
}

fn four_rounds(office: &Office) {
    ["anna", "head", "anna", "head"].iter().for_each(|site| drop(office.run(&format!("sync --home {site}"))));
}

/// The number under which the head holds the change of a table.
fn held_of(office: &Office, table: &str) -> String {
    let held: serde_json::Value = serde_json::from_str(&office.run("held --json --home head").out).unwrap();
    let all = held["held"].as_array().unwrap();
    all.iter().find(|held| held["table"] == table).unwrap_or_else(|| panic!("no {table} in {all:?}"))["number"].to_string()
}

fn drop_held(office: &Office, table: &str) -> String {
    office.run(&format!("held drop {} --reason twice --home head", held_of(office, table))).flat()
}

fn assert_nothing_is_held(office: &Office) {
    for site in ["head", "anna"] {
        assert_eq!(office.ok(&format!("held --home {site}")).out, "Nothing is held.\n");
    }
    let digests = ["head", "anna"].map(|site| office.json(&format!("digest --json --home {site}"))["tables"].clone());
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn what_refers_to_a_record_that_was_let_go_of_wants_a_person_and_can_be_given_another() {
    for (kind, of_head, of_anna) in [("TEXT", "'H'", "'N'"), ("INTEGER", "6", "5")] {
        let office = let_go(kind, of_head, of_anna);
        let (name, held) = (of_anna.trim_matches('\''), exit(&office, "held --home head", 3).flat());
        assert!(
            held.contains(&format!("orders {name}")) && held.contains(&format!("lines {name} 1")) && held.contains("wants you"),
            "{held}"
        );
        let orders = held_of(&office, "orders");
        let shown = office.run(&format!("held show {orders} --home head")).flat();
        let why = format!("customers {name}, which it needs, was refused here: give it another one, or drop this change");
        assert!(shown.contains(&why) && shown.contains(&format!("customer nothing {of_anna} nothing")), "{kind}: {shown}");
        exit(&office, "status --home head", 3);
        office.ok(&format!("held edit {orders} customer={} --home head", of_head.trim_matches('\'')));
        four_rounds(&office);
        assert_nothing_is_held(&office);
        for site in ["head", "anna"] {
            let connection = rusqlite::Connection::open(office.path(site).join("shop.db")).unwrap();
            let sql =
                "SELECT l.what || ' for ' || c.name FROM lines l JOIN orders o ON o.id = l.\"order\" JOIN customers c ON c.id = o.customer";
            assert_eq!(connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap(), "bolts for of head", "{kind} {site}");
        }
    }
}

#[test]
fn what_refers_to_a_record_that_was_let_go_of_is_let_go_of_with_the_number_that_it_said() {
    let office = let_go("INTEGER", "6", "5");
    let dropped = drop_held(&office, "orders");
    assert!(dropped.contains("orders 5, customer: 5 of 'anna' was dropped"), "{dropped}");
    let shown = office.run(&format!("held show {} --home head", held_of(&office, "lines"))).flat();
    assert!(shown.contains("lines 5 1") && shown.contains("orders 5, which it needs, was refused here"), "{shown}");
    let listed = office.run("conflicts orders --home head").flat();
    assert!(
        listed.contains("orders 5: the change of 'anna' waits at 'head'") && listed.contains("packet 3 from 'anna'; it was dropped, see "),
        "{listed}"
    );
    let dropped = drop_held(&office, "lines");
    assert!(dropped.contains("lines 5 1, what: 'bolts' of 'anna' was dropped") || dropped.contains("lines 5 1, what: bolts"), "{dropped}");
    four_rounds(&office);
    assert_nothing_is_held(&office);
}

#[test]
fn a_record_that_gets_an_empty_value_in_its_key_is_said_to_stay_here() {
    let office = Office::pair("CREATE TABLE m (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (a, b)); INSERT INTO m VALUES ('x', 1, 'one')", "");
    office.sql("anna", "INSERT INTO m VALUES ('y', NULL, 'new')");
    let said = exit(&office, "sync --home anna", 3).flat();
    let one = "1 record has an empty value in the key: it stays here, and no other site has it; give it a whole key";
    assert!(said.contains(&format!("`m`: {one}; wants you")), "{said}");
    // Said once: it may be meant.
    exit(&office, "sync --home anna", 0);
    office.sql("anna", "UPDATE m SET b = NULL WHERE a = 'x'");
    let said = exit(&office, "sync --home anna", 3).flat();
    assert!(said.contains("`m`: 2 records have an empty value in the key: they stay here"), "{said}");
    let verified = exit(&office, "verify --home anna", 0).flat();
    assert!(verified.contains("m: 2 records have an empty value in the key") && !verified.contains("knows every record"), "{verified}");
    office.sql("anna", "UPDATE m SET b = 2");
    exit(&office, "sync --home anna", 0);
    office.ok("sync --home head");
    let digests = ["head", "anna"].map(|site| office.json(&format!("digest --json --home {site}"))["tables"].clone());
    assert_eq!(digests[0], digests[1]);
    assert!(office.ok("verify --home anna").out.contains("knows every record"));
}

#[test]
fn of_two_people_who_settle_one_conflict_otherwise_the_list_says_whose_edit_came_since() {
    let office = two("default = 'review'\n");
    three_conflicts(&office);
    ["anna", "head", "anna"].iter().for_each(|site| drop(office.run(&format!("sync --home {site}"))));
    office.run("conflicts resolve 1 --take lost --home anna");
    office.run("conflicts resolve 1 --take standing --home head");
    four_rounds(&office);
    for site in ["head", "anna"] {
        assert_eq!(phones(&office, site)[0], "anna C1", "{site}");
        let listed = office.run(&format!("conflicts contacts C1 --home {site}")).flat();
        assert!(listed.contains("a person kept what stands, at 'head'; edited since, at 'anna'"), "{site}: {listed}");
        let listed = office.run(&format!("conflicts contacts C2 --home {site}")).flat();
        assert!(!listed.contains("edited since"), "{site}: {listed}");
    }
}

#[test]
fn what_lost_as_the_number_of_a_record_is_told_with_what_settles_it_and_not_with_what_is_refused() {
    let office = Office::pair(
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, what TEXT);
         CREATE TABLE calls (id INTEGER PRIMARY KEY, visit INTEGER REFERENCES visits, note TEXT);
         INSERT INTO visits VALUES (1, 'x'), (2, 'y'), (3, 'z'); INSERT INTO calls VALUES (1, 2, ''), (2, 2, '');",
        "default = 'parent'\n",
    );
    office.sql("anna", "UPDATE calls SET visit = CASE id WHEN 1 THEN 1 END, note = 'anna'");
    office.sql("head", "UPDATE calls SET visit = 3, note = 'head'");
    office.run("sync --home anna");
    office.run("sync --home head");
    // What is printed can be typed: what lost can be taken where it is no number, and where it is none at all.
    let told = office.run("sync -v --home anna").flat();
    let listed = office.json("conflicts --json --home anna");
    for conflict in listed["conflicts"].as_array().unwrap() {
        let (number, is_number) = (&conflict["number"], conflict["about"]["field"] == "visit" && conflict["loser"] == 1);
        let taking = format!("'fieldpost --home anna conflicts resolve {number} --take lost'");
        let setting = format!("'fieldpost --home anna conflicts resolve {number} --value NUMBER'");
        let shown = office.ok(&format!("conflicts show {number} --home anna")).flat();
        for text in [&told, &shown] {
            assert_eq!((text.contains(&taking), text.contains(&setting)), (!is_number, is_number), "{number}: {text}");
        }
        let took = office.run(&format!("conflicts resolve {number} --take lost --home anna"));
        assert_eq!(took.code, i32::from(is_number), "{number}: {took:?}");
        if is_number {
            assert!(took.err.contains("--value NUMBER"), "{took:?}");
            let nobodys = exit(&office, &format!("conflicts resolve {number} --value 99 --home anna"), 1);
            assert!(nobodys.err.contains("it refers to visits 99, which is not here"), "{nobodys:?}");
            office.ok(&format!("conflicts resolve {number} --value 1 --home anna"));
        }
    }
    four_rounds(&office);
    for site in ["head", "anna"] {
        let rows = rusqlite::Connection::open(office.path(site).join("shop.db")).unwrap();
        let rows: String = rows.query_row("SELECT group_concat(ifnull(visit, '-') || note) FROM calls", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, "1anna,-anna", "{site}");
    }
}

#[test]
fn a_conflict_about_a_record_with_a_handed_out_number_in_its_key_is_settled_as_long_as_that_is_the_same_records() {
    let office = Office::pair(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, who TEXT);
         CREATE TABLE lines (o INTEGER REFERENCES orders, product TEXT, n INT, PRIMARY KEY (o, product));
         INSERT INTO orders VALUES (1, 'x'), (2, 'y'); INSERT INTO lines VALUES (1, 'a', 1), (2, 'a', 1);",
        "default = 'parent'\n",
    );
    office.sql("anna", "UPDATE lines SET n = 50");
    office.sql("head", "UPDATE lines SET n = 70");
    four_rounds(&office);
    let shown = office.run("conflicts show 1 --home anna").flat();
    assert!(shown.contains("now 70") && !shown.contains("no such record"), "{shown}");
    office.ok("conflicts resolve 1 --take lost --home anna");
    office.sql("head", "DELETE FROM lines WHERE o = 2; DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (2, 'z'); INSERT INTO lines VALUES (2, 'a', 9)");
    four_rounds(&office);
    let refused = exit(&office, "conflicts resolve 2 --take lost --anyway --home head", 1);
    assert!(refused.err.contains("there is no lines 2/a here"), "{refused:?}");
    for site in ["head", "anna"] {
        let rows = rusqlite::Connection::open(office.path(site).join("shop.db")).unwrap();
        let rows: String = rows
            .query_row("SELECT group_concat(who || n) FROM (SELECT who, n FROM lines JOIN orders ON o = id ORDER BY o)", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(rows, "x50,z9", "{site}");
    }
}
