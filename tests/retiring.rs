//! A site that is retired: what it sent before counts, what it sends later is set aside, nobody waits for it, and everybody hears of it.

mod binary;
#[path = "simulation/exchanges.rs"]
mod exchanges;
mod support;

use binary::Office;
use exchanges::{FIRST, SECOND, Way};
use fieldpost::exchange::{Exchange, FileName, Folder};
use fieldpost::ledger::Direction;
use fieldpost::model::SiteName;
use fieldpost::site::{Home, Role};
use fieldpost::sync::join::{INVITATION_MILLIS, invite};
use fieldpost::sync::retire::{self, Done, Farewell};
use fieldpost::sync::{Session, SyncError, roster, round};
use support::{SHOP, Tree, name};

const DAY: i64 = 86_400_000;

fn grown(children: &[(&str, &str, Role)]) -> Tree {
    planted(Tree::new(SHOP), children)
}

fn planted(tree: Tree, children: &[(&str, &str, Role)]) -> Tree {
    let mut all = vec!["head"];
    for (parent, child, role) in children {
        tree.add(parent, child, *role);
        all.push(child);
        come_in(&tree, &all);
    }
    tree.assert_same(&all);
    tree
}

fn come_in(tree: &Tree, all: &[&str]) {
    for _ in 0..5 {
        all.iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.settle(all);
}

fn join(tree: &Tree, parent: &str, child: &str, all: &[&str]) {
    tree.add(parent, child, Role::Remote);
    come_in(tree, all);
}

fn two() -> Tree {
    grown(&[("head", "anna", Role::Remote), ("head", "bert", Role::Remote)])
}

/// A host, an office below it, a remote below each.
fn three_levels() -> Tree {
    grown(&[("head", "anna", Role::Remote), ("head", "north", Role::Office), ("north", "bert", Role::Remote)])
}

fn look(tree: &Tree, at: &str, site: &str) -> Farewell {
    tree.half(at, round::Halves::Receive);
    retire::look(&tree.session(at), &mut [&mut tree.exchange.clone()], &name(site)).unwrap()
}

/// As the command does it.
fn retire(tree: &Tree, at: &str, site: &str) -> Done {
    look(tree, at, site);
    let done = retire::retire(&tree.session(at), &mut [&mut tree.exchange.clone()], &name(site)).unwrap();
    tree.half(at, round::Halves::Send);
    done
}

/// Names of the packets that lie for `to` from `from`.
fn lying(tree: &Tree, to: &str, from: &str) -> Vec<String> {
    let prefix = format!("{to}/{from}/");
    tree.exchange.everything().keys().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect()
}

fn lose(tree: &Tree, to: &str, from: &str) {
    for file in lying(tree, to, from) {
        let folder = Folder::between(&name(to), &name(from));
        tree.exchange.clone().delete(&tree.world("thief"), &folder, &FileName::new(&file).unwrap()).unwrap();
    }
}

fn set_aside(tree: &Tree, site: &str) -> usize {
    std::fs::read_dir(tree.home(site).join(".fieldpost/quarantine")).unwrap().count() / 2
}

fn retired(tree: &Tree, at: &str) -> Vec<SiteName> {
    let known = roster::known(&tree.session(at)).unwrap();
    known.sites().iter().filter(|site| site.retired.is_some()).map(|site| site.name.clone()).collect()
}

fn rows(tree: &Tree, site: &str, table: &str) -> i64 {
    let state = rusqlite::Connection::open(tree.home(site).join(".fieldpost/state.db")).unwrap();
    state.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn waits_as_retired(report: &fieldpost::sync::report::Report) -> bool {
    report.waiting.iter().any(|waiting| waiting.why.contains("retired"))
}

#[test]
fn what_it_sent_before_is_taken_first_and_what_cannot_be_taken_is_counted_and_set_aside() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'lost on the way' WHERE id = 'ACME'");
    tree.sync("anna");
    lose(&tree, "head", "anna");
    tree.edit("anna", "UPDATE customers SET phone = 'came too early' WHERE id = 'BOLT'");
    tree.sync("anna");
    let left = look(&tree, "head", "anna");
    assert_eq!((left.lying, left.held, left.below.len()), (1, 0, 0), "{left:?}");
    assert_eq!(retire(&tree, "head", "anna"), Done { given_up: 0, set_aside: 1 });
    assert_eq!((set_aside(&tree, "head"), lying(&tree, "head", "anna").len()), (1, 0));

    tree.edit("bert", "UPDATE customers SET phone = 'from bert' WHERE id = 'CORE'");
    tree.sync("bert");
    let left = look(&tree, "head", "bert");
    assert_eq!((left.lying, tree.text("head", "SELECT phone FROM customers WHERE id = 'CORE'")), (0, "from bert".to_owned()));
    assert!(left.received.0 > 1 && left.received_at.is_some());
    retire(&tree, "head", "bert");
    assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'CORE'"), "from bert");
}

#[test]
fn an_exchange_that_is_away_keeps_a_site_from_being_retired() {
    let tree = two();
    let mut away = fieldpost::exchange::Memory::default();
    let refused = retire::retire(&tree.session("head"), &mut [&mut away], &name("anna"));
    assert!(matches!(refused, Err(SyncError::Uncollected { .. })), "{refused:?}");
    assert_eq!(retired(&tree, "head"), [] as [SiteName; 0]);
    tree.settle(&["head", "anna", "bert"]);
}

#[test]
fn a_retired_site_hears_it_and_what_it_sends_all_the_same_is_set_aside_and_is_an_alarm_once() {
    let tree = two();
    tree.edit("head", "UPDATE customers SET city = 'never told to anna' WHERE id = 'ACME'");
    tree.sync("head");
    retire(&tree, "head", "anna");
    assert_eq!(lying(&tree, "anna", "head").len(), 1, "nothing but the last word");
    let outbox = || std::fs::read_dir(tree.home("head").join(".fieldpost/outbox/anna")).unwrap().count();
    assert_eq!(outbox(), 1);

    // A copy of it that looks only for what it has to send.
    for (turn, alarm) in [(1, true), (2, false), (3, false)] {
        tree.edit("anna", &format!("UPDATE customers SET phone = 'late {turn}' WHERE id = 'ACME'"));
        tree.half("anna", round::Halves::Send);
        let report = tree.sync("head");
        assert_eq!(waits_as_retired(&report), alarm, "{turn}: {:?}", report.waiting);
        assert!(alarm || support::says(&report, "'anna': this site was retired on 2023-11-1"), "{:?}", report.notes);
        assert_eq!(set_aside(&tree, "head"), turn);
    }
    let reason = std::fs::read_dir(tree.home("head").join(".fieldpost/quarantine")).unwrap();
    let reason = reason.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|is| is == "txt")).unwrap();
    assert!(std::fs::read_to_string(reason).unwrap().starts_with("this site was retired on 2023-11-1"));

    // It took the word away, and did not live to tell: the word comes again with what it sends.
    lose(&tree, "anna", "head");
    assert!(!waits_as_retired(&tree.sync("anna")));
    tree.edit("anna", "UPDATE customers SET phone = 'late 4' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.sync("head");
    let report = tree.sync("anna");
    let said = report.waiting.iter().map(|waiting| waiting.why.as_str()).collect::<Vec<_>>().join("\n");
    assert!(said.contains("this site was retired by 'head' on 2023-11-1") && said.contains("'fieldpost detach --force'"), "{said}");
    assert_eq!(retired(&tree, "anna"), [name("anna")]);
    tree.edit("anna", "UPDATE customers SET phone = 'late 5' WHERE id = 'ACME'");
    let report = tree.sync("anna");
    assert!(waits_as_retired(&report) && report.built.is_empty() && report.deposited.is_empty());
    for _ in 0..3 {
        let report = tree.sync("head");
        assert!(!waits_as_retired(&report) && !support::says(&report, "retired"), "{:?} {:?}", report.waiting, report.notes);
    }
    assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'ACME'"), "1");
    tree.settle(&["head", "bert"]);
    tree.assert_same(&["head", "bert"]);
}

#[test]
fn nothing_is_kept_for_a_retired_site_and_everything_for_one_that_is_away() {
    let mut tree = two();
    tree.limits.history_millis = Some(0);
    tree.settle(&["head", "anna", "bert"]);
    tree.edit("head", "INSERT INTO customers VALUES ('GONE', 'Gone', 'Zug', '4')");
    tree.settle(&["head", "anna", "bert"]);
    let entries = rows(&tree, "head", "journal");
    // Both are away.
    tree.edit("head", "DELETE FROM customers WHERE id = 'GONE'; UPDATE customers SET phone = '7'");
    tree.sync("head");
    tree.tick(40 * DAY);
    (0..3).for_each(|_| drop(tree.sync("head")));
    assert_eq!(rows(&tree, "head", "journal"), entries + 4);
    // Anna loses, and will not be told: what she holds is of no interest any more.
    tree.edit("anna", "UPDATE customers SET name = 'of anna' WHERE id = 'CORE'");
    tree.edit("head", "UPDATE customers SET name = 'of head' WHERE id = 'CORE'");
    tree.half("anna", round::Halves::Send);
    tree.half("head", round::Halves::Receive);
    let exceptions = |tree: &Tree| rows(tree, "head", "record WHERE extra IS NOT NULL");
    let before = exceptions(&tree);
    retire(&tree, "head", "anna");
    assert!(exceptions(&tree) < before, "{before}");
    (0..3).for_each(|_| drop(tree.sync("head")));
    assert!(rows(&tree, "head", "journal") >= 4, "bert has not heard yet");
    // What bert did meanwhile meets what is remembered for him.
    tree.edit("bert", "UPDATE customers SET phone = 'bert' WHERE id = 'GONE'");
    for _ in 0..4 {
        ["bert", "head"].iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.assert_same(&["head", "bert"]);
    assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'GONE'"), "bert", "an edit wins over a delete");
    tree.edit("bert", "DELETE FROM customers WHERE id = 'GONE'");
    for turn in 0..4 {
        tree.edit("bert", &format!("UPDATE customers SET city = '{turn}' WHERE id = 'CORE'"));
        tree.settle(&["bert", "head"]);
        tree.edit("head", &format!("UPDATE customers SET city = 'head {turn}' WHERE id = 'CORE'"));
        tree.settle(&["bert", "head"]);
    }
    assert!(rows(&tree, "head", "journal") <= 2, "{}", rows(&tree, "head", "journal"));
    assert_eq!(exceptions(&tree), 0);
}

#[test]
fn through_three_levels_everybody_hears_of_it_and_what_is_below_an_office_is_cut_off_with_it() {
    let tree = three_levels();
    let all = ["head", "anna", "north", "bert"];
    // An office retires its own, and the roster takes it everywhere.
    join(&tree, "north", "carl", &["head", "anna", "north", "bert", "carl"]);
    tree.edit("carl", "INSERT INTO customers VALUES ('CARL', 'made by carl', 'Zug', '5')");
    tree.sync("carl");
    assert!(
        matches!(retire::child(&tree.session("head"), &name("carl")), Err(SyncError::RetiredElsewhere { parent, .. }) if parent == name("north"))
    );
    retire(&tree, "north", "carl");
    tree.settle(&all);
    for site in all {
        assert_eq!(retired(&tree, site), [name("carl")], "at {site}");
        assert_eq!(tree.text(site, "SELECT name FROM customers WHERE id = 'CARL'"), "made by carl", "at {site}");
    }
    assert!(waits_as_retired(&tree.sync("carl")));

    // The office goes, with whoever is below it.
    tree.edit("bert", "UPDATE customers SET phone = 'by bert' WHERE id = 'BOLT'");
    ["bert", "north"].iter().for_each(|site| drop(tree.sync(site)));
    let left = look(&tree, "head", "north");
    assert_eq!((left.below, tree.text("head", "SELECT phone FROM customers WHERE id = 'BOLT'")), (vec![name("bert")], "by bert".into()));
    retire(&tree, "head", "north");
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    for site in ["head", "anna"] {
        assert_eq!(retired(&tree, site), ["bert", "carl", "north"].map(name), "at {site}");
    }
    let since = |site: &str| roster::known(&tree.session("anna")).unwrap().find(&name(site)).unwrap().retired.clone().unwrap();
    assert_eq!((since("carl").by, since("bert").by), (name("north"), name("head")));
    assert!(waits_as_retired(&tree.sync("north")), "the office hears it");
    assert!(waits_as_retired(&tree.sync("bert")), "and says it to whoever is below it");
    // An island of its own.
    tree.edit("bert", "UPDATE customers SET phone = 'late' WHERE id = 'BOLT'");
    tree.settle(&["bert", "north"]);
    tree.settle(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'BOLT'"), "by bert");
    assert!(matches!(retire::child(&tree.session("head"), &name("north")), Err(SyncError::Retired { .. })));
    let refused = invite(&tree.session("north"), &name("dora"), Role::Remote, &[], INVITATION_MILLIS);
    assert!(matches!(refused, Err(SyncError::Retired { .. })), "nobody joins an island: {refused:?}");
}

/// Anna's note of a customer that never came to the head office.
fn held_at_head() -> Tree {
    let tree = two();
    tree.edit(
        "anna",
        "PRAGMA foreign_keys = OFF; INSERT INTO notes VALUES ('N9', 'NOBODY', 'kept for later'); DELETE FROM notes WHERE id = 'N1'",
    );
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'New', 'Zug', '1')");
    tree.settle(&["anna", "head", "bert"]);
    assert_eq!(tree.held("head").len(), 1, "{:?}", tree.held("head"));
    tree
}

#[test]
fn what_waited_of_it_is_listed_and_keeps_nothing_from_being_forgotten() {
    let tree = held_at_head();
    assert_eq!(look(&tree, "head", "anna").held, 1);
    assert_eq!(retire(&tree, "head", "anna"), Done { given_up: 1, set_aside: 0 });
    assert_eq!(tree.held("head"), [] as [String; 0]);
    assert!(tree.listed("head").contains(&"kept for later".to_owned()), "{:?}", tree.listed("head"));
    tree.settle(&["head", "bert"]);
    tree.assert_same(&["head", "bert"]);
}

#[test]
fn a_record_that_waits_for_a_unique_value_is_listed_and_nothing_is_open_any_more() {
    let sql = "CREATE TABLE cards (id TEXT PRIMARY KEY, number TEXT UNIQUE); INSERT INTO cards VALUES ('1', 'a')";
    let tree = planted(Tree::new(sql), &[("head", "anna", Role::Remote)]);
    tree.edit("head", "INSERT INTO cards VALUES ('2', 'same')");
    tree.edit("anna", "INSERT INTO cards VALUES ('3', 'same')");
    tree.settle(&["head", "anna"]);
    let open = |tree: &Tree| {
        let state = rusqlite::Connection::open(tree.home("head").join(".fieldpost/state.db")).unwrap();
        state.query_row("SELECT count(*) FROM conflict WHERE state IN ('open', 'taken')", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((open(&tree), tree.held("head").len()), (1, 1));
    assert_eq!(retire(&tree, "head", "anna").given_up, 1);
    assert_eq!((open(&tree), tree.held("head").len()), (0, 0));
    assert!(tree.listed("head").iter().filter(|value| *value == "3").count() >= 1, "{:?}", tree.listed("head"));
}

#[test]
fn on_every_exchange_lies_the_last_word_and_nothing_else() {
    let tree = Tree::new(SHOP);
    let mut places = [tree.exchange.clone(), fieldpost::exchange::Memory::default()];
    fieldpost::exchange::mark(&tree.world("other"), &mut places[1]).unwrap();
    let mut both = places.clone().into_iter().zip([FIRST, SECOND]).map(|(memory, at)| Way(at, memory)).collect::<Vec<_>>();
    let mut sync = |site: &str, halves| {
        tree.tick(1_000);
        let mut session = tree.session(site);
        let mut all: Vec<&mut dyn Exchange> = both.iter_mut().map(|way| way as &mut dyn Exchange).collect();
        round::run(&mut session, &mut all, halves, &mut |_| {}).unwrap()
    };
    tree.add("head", "anna", Role::Remote);
    (0..4).for_each(|_| ["anna", "head"].iter().for_each(|site| drop(sync(site, round::Halves::Both))));
    tree.edit("head", "UPDATE customers SET phone = 'for nobody'");
    sync("head", round::Halves::Both);
    tree.edit("anna", "UPDATE customers SET city = 'too late'");
    sync("anna", round::Halves::Send);
    let mut ways = places.clone().into_iter().zip([FIRST, SECOND]).map(|(memory, at)| Way(at, memory)).collect::<Vec<_>>();
    let mut all: Vec<&mut dyn Exchange> = ways.iter_mut().map(|way| way as &mut dyn Exchange).collect();
    assert_eq!(retire::retire(&tree.session("head"), &mut all, &name("anna")).unwrap().set_aside, 1, "the same packet on both");
    sync("head", round::Halves::Send);
    for place in places {
        let all: Vec<String> = place.everything().into_keys().filter(|path| path.contains(".fpk")).collect();
        assert!(all.len() == 1 && all[0].starts_with("anna/head/"), "{all:?}");
    }
}

#[test]
fn what_waits_for_a_column_is_listed_too() {
    let children = [("head", "anna", Role::Remote), ("head", "bert", Role::Remote)];
    let tree = planted(Tree::with_rules(SHOP, "[schema]\ntravels = false\n"), &children);
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN vat TEXT; CREATE TABLE visits (id TEXT PRIMARY KEY, what TEXT)");
    tree.edit("anna", "UPDATE customers SET vat = 'CHE-1' WHERE id = 'ACME'; INSERT INTO visits VALUES ('V1', 'long talk')");
    tree.settle(&["anna", "head", "bert"]);
    let left = look(&tree, "head", "anna");
    assert_eq!(left.held, 2, "{left:?}");
    assert_eq!(retire(&tree, "head", "anna").given_up, 2);
    let listed = tree.listed("head");
    assert!(["CHE-1", "long talk"].iter().all(|value| listed.contains(&(*value).to_owned())), "{listed:?}");
    assert_eq!(rows(&tree, "head", "parked"), 0);
    ["head", "bert"].iter().for_each(|site| tree.edit(site, "ALTER TABLE customers ADD COLUMN vat TEXT"));
    tree.settle(&["head", "bert"]);
    tree.assert_same(&["head", "bert"]);
}

#[test]
fn dying_anywhere_leaves_a_neighbour_or_a_retired_site_and_no_edit_is_lost() {
    let mut steps = std::collections::BTreeSet::new();
    for kill in 1.. {
        let tree = held_at_head();
        tree.edit("anna", "UPDATE customers SET phone = 'first' WHERE id = 'ACME'");
        tree.sync("anna");
        lose(&tree, "head", "anna");
        tree.edit("anna", "UPDATE customers SET phone = 'second' WHERE id = 'ACME'");
        tree.sync("anna");
        tree.half("head", round::Halves::Receive);
        let mortal = tree.world("head");
        mortal.faults().kill_before(Some(kill));
        let home = Home::discover(Some(&tree.home("head")), &tree.home("head")).unwrap();
        let died = (|| {
            let mut session = Session::open(mortal, home, tree.limits.clone())?;
            retire::retire(&session, &mut [&mut tree.exchange.clone()], &name("anna"))?;
            round::run(&mut session, &mut [&mut tree.exchange.clone()], round::Halves::Send, &mut |_| {})
        })();
        match &died {
            Ok(_) => {}
            Err(error) => assert!(error.is_crash(), "{kill}: {error}"),
        }
        if let Err(SyncError::Crash(crash)) = &died {
            steps.insert(format!("{crash:?}"));
        }
        let is_neighbour = tree.session("head").ledger.neighbours().unwrap().iter().any(|one| one.card.name == name("anna"));
        assert_ne!(is_neighbour, retired(&tree, "head").contains(&name("anna")), "{kill}: the roster says the same");
        if is_neighbour {
            retire(&tree, "head", "anna");
        }
        (0..2).for_each(|_| drop(tree.sync("head")));
        assert!(tree.listed("head").contains(&"kept for later".to_owned()), "{kill}");
        assert_eq!(tree.held("head"), [] as [String; 0], "{kill}");
        assert_eq!(set_aside(&tree, "head"), 1, "{kill}: 'second' came without 'first'");
        assert_eq!((lying(&tree, "anna", "head").len(), lying(&tree, "head", "anna").len()), (1, 0), "{kill}");
        assert!(waits_as_retired(&tree.sync("anna")), "{kill}");
        tree.settle(&["head", "bert"]);
        tree.assert_same(&["head", "bert"]);
        if died.is_ok() {
            assert!(kill > 10, "{kill} steps");
            return;
        }
    }
}

#[test]
fn its_name_stays_taken_and_what_is_known_of_it_stays() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.settle(&["anna", "head", "bert"]);
    retire(&tree, "head", "anna");
    let session = tree.session("head");
    let refused = invite(&session, &name("anna"), Role::Remote, &[], INVITATION_MILLIS);
    assert!(matches!(refused, Err(SyncError::Retired { .. })), "{refused:?}");
    assert!(matches!(roster::regroup(&session, &name("anna"), &Default::default(), &Default::default()), Err(SyncError::Retired { .. })));
    let site = session.ledger.site_number(&name("anna")).unwrap();
    assert!(session.ledger.all_packets(site).unwrap().iter().any(|row| row.direction == Direction::In));
    drop(session);
    tree.settle(&["head", "bert"]);
    join(&tree, "head", "anna2", &["head", "bert", "anna2"]);
    tree.assert_same(&["head", "bert", "anna2"]);
}

#[test]
fn an_admin_sees_what_is_left_behind_before_anything_is_done() {
    let office = Office::pair("CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT); INSERT INTO t VALUES ('1', 'x')", "");
    office.sql("anna", "UPDATE t SET a = 'sent and not collected'");
    office.ok("sync --home anna");
    let asked = office.run("sites retire anna --home head");
    assert_eq!(asked.code, 2, "{asked:?}");
    for words in [
        "'anna' would be retired for good",
        "1 packet of it had not been taken yet: done",
        "'fieldpost --home head sites retire anna --yes' does it",
    ] {
        assert!(asked.flat().contains(words), "{words}: {}", asked.out);
    }
    let retired = |site: &str| office.json(&format!("sites --json --home {site}"))["sites"].to_string().contains("\"retired_by\":\"head\"");
    assert!(!retired("head"));
    assert!(office.ok("log --home head -n 50").out.contains("received packet"), "what was taken is in the log");
    let done = office.ok("sites retire anna --home head --yes");
    assert!(done.flat().contains("'anna' is retired: nothing is made for it"), "{}", done.out);
    assert!(retired("head") && office.ok("sites --home head").out.contains("retired 20"));
    assert!(office.ok("status --home head").out.contains("No neighbours yet"));
    let told = office.run("sync --home anna");
    assert!(told.code == 3 && told.flat().contains("this site was retired by 'head' on 20"), "{told:?}");
    let told = office.run("status --home anna");
    assert!(told.code == 3 && told.flat().contains("this site was retired by 'head' on 20"), "{told:?}");
    assert!(retired("anna"));
    office.ok("sync --home head");
    let log = office.ok("log --home head -n 50").out;
    assert!(log.contains("'anna' is retired") && log.contains("sites retire"), "{log}");
    // Once is for good, and the host is no site to be retired.
    for (line, words) in [
        ("sites retire anna --yes --home head", "'anna' was retired by 'head' on 20"),
        ("sites retire head --yes --home head", "'head' is the main office"),
        ("sites retire nobody --yes --home head", "there is no site 'nobody'"),
        ("invite anna --home head --out again.invite", "'anna' was retired by 'head' on 20"),
        ("sites groups anna --add sales --home head", "'anna' was retired by 'head' on 20"),
    ] {
        let refused = office.run(line);
        assert!(refused.code == 1 && refused.err.contains(words), "{line}: {refused:?}");
    }
    let again = office.run("invite anna --home head --out again.invite").err;
    assert!(again.contains("under another one: 'fieldpost --home head invite NAME'\n"), "{again}");
    office.ok("invite ben --home head --out ben.invite");
    assert!(office.ok("sites retire ben --home head").out.contains("'ben' had not joined: its invitation is withdrawn"));
    assert!(!office.ok("status --home head").out.contains("ben"));
    office.ok("join ben.invite --home ben --exchange share");
    office.ok("sync --home ben");
    assert!(!office.ok("sync --home head").out.contains("has joined"));
}
