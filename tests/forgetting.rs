//! Forgetting as people see it: what stays for how long, what `history` says of the rest, and that nothing grows for ever.

mod support;

use std::collections::BTreeMap;

use fieldpost::ledger::{Conflict, ConflictKind, ConflictState};
use fieldpost::model::{Key, Millis, Row, Value};
use fieldpost::site::Role;
use fieldpost::sync::{forget, history, mend, round};
use rusqlite::Connection;
use support::{Tree, name};

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, phone TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', '1'), ('BOLT', 'Bolt AG', '2');";
const DAY: i64 = 86_400_000;
const TWO: [&str; 2] = ["head", "anna"];

fn grown(children: &[(&str, &str, Role)]) -> Tree {
    let tree = Tree::new(SCHEMA);
    let mut all = vec!["head"];
    for (parent, child, role) in children {
        tree.add(parent, child, *role);
        all.push(child);
        for _ in 0..5 {
            all.iter().for_each(|site| drop(tree.sync(site)));
        }
    }
    all.iter().for_each(|site| remember(&tree, site, 30));
    tree
}

fn two() -> Tree {
    grown(&[("head", "anna", Role::Remote)])
}

/// Sets for how many days a site keeps history.
fn remember(tree: &Tree, site: &str, days: u32) {
    let path = tree.home(site).join("fieldpost.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("history = ")).unwrap();
    std::fs::write(&path, text.replace(line, &format!("history = \"{days}d\""))).unwrap();
}

fn state(tree: &Tree, site: &str) -> Connection {
    Connection::open(tree.home(site).join(".fieldpost/state.db")).unwrap()
}

fn rows(tree: &Tree, site: &str, table: &str) -> i64 {
    state(tree, site).query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Edits of another record go to and fro, so that both sites know what the other knows.
fn exchange_news(tree: &Tree) {
    for _ in 0..2 {
        for site in TWO {
            tree.edit(site, "UPDATE customers SET phone = phone + 1 WHERE id = 'ACME'");
            tree.settle(&TWO);
        }
    }
}

fn events(tree: &Tree, site: &str, key: &str) -> (usize, bool) {
    let session = tree.session(site);
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let records = history::under(&session, shape, &Key::new([&Value::text(key)]).unwrap()).unwrap();
    let Some(record) = records.first() else { return (0, false) };
    (history::of(&session, record).unwrap().len(), history::is_cut(&session, record).unwrap())
}

#[test]
fn history_is_kept_for_as_long_as_the_settings_say_and_then_says_that_there_was_more() {
    let tree = two();
    tree.edit("head", "UPDATE customers SET phone = '3' WHERE id = 'BOLT'");
    tree.settle(&TWO);
    tree.tick(20 * DAY);
    tree.edit("head", "UPDATE customers SET phone = '4' WHERE id = 'BOLT'");
    tree.settle(&TWO);
    exchange_news(&tree);
    assert_eq!(events(&tree, "head", "BOLT"), (2, false), "nothing is old yet");
    assert_eq!(forget::last_forgotten(&tree.session("head")).unwrap(), None);
    tree.tick(15 * DAY);
    let forgotten = tree.sync("head").forgotten;
    assert_eq!((forgotten.changes, forgotten.records), (1, 0));
    assert_eq!(events(&tree, "head", "BOLT"), (1, true), "the first edit is older than 30 days");
    assert!(forget::last_forgotten(&tree.session("head")).unwrap().is_some());
    tree.edit("anna", "UPDATE customers SET phone = '5' WHERE id = 'BOLT'");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'BOLT'"), "5");
}

#[test]
fn of_a_deleted_record_nothing_stays_once_it_is_old() {
    let tree = two();
    let before = rows(&tree, "head", "record");
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'New', '3')");
    tree.settle(&TWO);
    tree.edit("head", "DELETE FROM customers WHERE id = 'NEW'");
    tree.settle(&TWO);
    tree.tick(31 * DAY);
    exchange_news(&tree);
    TWO.iter().for_each(|site| assert_eq!(rows(&tree, site, "record"), before, "at {site}"));
    assert_eq!(events(&tree, "head", "NEW"), (0, false));
    // The key can be used again.
    tree.edit("anna", "INSERT INTO customers VALUES ('NEW', 'Newer', '4')");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
}

#[test]
fn a_child_that_is_away_keeps_everything_from_being_forgotten_and_status_counts_it() {
    let tree = grown(&[("head", "anna", Role::Remote), ("head", "bert", Role::Remote)]);
    let kept = |tree: &Tree, site: &str| {
        let session = tree.session("head");
        let neighbour = session.ledger.neighbours().unwrap().into_iter().find(|one| one.card.name == name(site)).unwrap();
        forget::kept_for(&session, &neighbour).unwrap()
    };
    let entries = rows(&tree, "head", "journal");
    for phone in 10..20 {
        tree.edit("head", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'BOLT'"));
        ["head", "bert", "head", "bert"].iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.tick(45 * DAY);
    tree.edit("bert", "UPDATE customers SET phone = '9' WHERE id = 'ACME'");
    ["bert", "head", "bert", "head"].iter().for_each(|site| drop(tree.sync(site)));
    assert_eq!(rows(&tree, "head", "journal"), entries + 11);
    assert_eq!((kept(&tree, "anna"), kept(&tree, "bert")), (10, 0), "what is younger is kept for people");
    let all = ["anna", "head", "bert"];
    tree.settle(&all);
    tree.edit("anna", "UPDATE customers SET phone = '8' WHERE id = 'ACME'");
    tree.settle(&all);
    assert_eq!(kept(&tree, "anna"), 0);
    assert!(rows(&tree, "head", "journal") <= 3);
}

/// Of each event of a record at the head office: to whom it went, and with which packet; `old` for one that is not in the list any more.
fn went(tree: &Tree, key: &str) -> Vec<String> {
    let session = tree.session("head");
    let shape = session.shapes.iter().find(|shape| shape.name == "customers").unwrap();
    let record = history::under(&session, shape, &Key::new([&Value::text(key)]).unwrap()).unwrap().remove(0);
    let events = history::of(&session, &record).unwrap().into_iter();
    let packet = |number: Option<fieldpost::model::PacketNumber>| number.map_or("old".to_owned(), |number| number.0.to_string());
    events
        .map(|event| event.went.into_iter().map(|(to, number)| format!("{to} {}", packet(number))).collect::<Vec<_>>().join(", "))
        .collect()
}

#[test]
fn what_went_in_a_packet_that_is_not_in_the_list_any_more_is_not_said_to_wait() {
    let tree = grown(&[("head", "anna", Role::Remote), ("head", "bert", Role::Remote)]);
    for phone in ["8", "9"] {
        tree.edit("head", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'BOLT'"));
        ["head", "bert", "head", "bert"].iter().for_each(|site| drop(tree.sync(site)));
        tree.tick(20 * DAY);
    }
    let known = went(&tree, "BOLT");
    let number = |event: usize, to: usize| known[event].split(", ").nth(to).unwrap().to_owned();
    assert!(known.iter().all(|event| event.starts_with("anna ") && event.contains(", bert ") && !event.contains("old")), "{known:?}");
    let edit_and_sync = || {
        tree.edit("bert", "UPDATE customers SET phone = phone || '0' WHERE id = 'ACME'");
        ["bert", "head", "bert", "head"].iter().for_each(|site| drop(tree.sync(site)));
    };
    edit_and_sync();
    edit_and_sync();
    let sql = "SELECT min(packet.number) FROM packet JOIN site ON site.number = packet.site WHERE direction = 'out' AND site.name = 'bert'";
    let first: i64 = state(&tree, "head").query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(number(1, 1), format!("bert {first}"), "the first that is left is the one that told the second edit");
    // Anna is away, so the entries stay, and the packets to her.
    assert_eq!(went(&tree, "BOLT"), [format!("{}, bert old", number(0, 0)), known[1].clone()]);
}

#[test]
fn numbers_go_on_where_they_were_although_everything_is_forgotten() {
    let mut tree = two();
    tree.limits.history_millis = Some(0);
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'New', '3')");
    tree.settle(&TWO);
    tree.edit("head", "DELETE FROM customers WHERE id = 'NEW'");
    tree.settle(&TWO);
    let ends = |tree: &Tree| TWO.map(|site| tree.session(site).ledger.journal_end());
    for _ in 0..3 {
        exchange_news(&tree);
    }
    let before = ends(&tree);
    // What is left is what the last exchange brought.
    TWO.iter().for_each(|site| {
        let session = tree.session(site);
        for neighbour in session.ledger.neighbours().unwrap() {
            session.ledger.begin().unwrap();
            session.ledger.set_owes(neighbour.site).unwrap();
            session.ledger.commit(&session.world, "owe").unwrap();
        }
    });
    (0..4).for_each(|_| TWO.iter().for_each(|site| drop(tree.sync(site))));
    assert_eq!(rows(&tree, "head", "journal"), 0);
    assert_eq!(ends(&tree), before);
    let last: i64 = state(&tree, "head").query_row("SELECT max(id) FROM record", [], |row| row.get(0)).unwrap();
    tree.edit("head", "INSERT INTO customers VALUES ('NEW', 'Newer', '4')");
    tree.settle(&TWO);
    tree.assert_same(&TWO);
    assert!(ends(&tree)[0] > before[0]);
    let next: i64 = state(&tree, "head").query_row("SELECT max(id) FROM record", [], |row| row.get(0)).unwrap();
    assert!(next > last + 1, "the number of the record that was forgotten is given again");
}

#[test]
fn conflicts_go_when_they_are_old_and_settled_with_what_settled_them() {
    let tree = two();
    let conflict = |state| Conflict {
        kind: ConflictKind::Field,
        table: "customers".into(),
        key: Key::new([&Value::text("BOLT")]).unwrap(),
        born: None,
        field: Some("phone".into()),
        exact: Row(vec![Value::text("1"), Value::text("2"), Value::text("3")]),
        base: None,
        called: None,
        winner: Some("2".into()),
        loser: Some("3".into()),
        winner_site: None,
        loser_site: None,
        also: Vec::new(),
        winner_time: None,
        loser_time: None,
        child_won: None,
        settles: None,
        passing: false,
        rule: "newest".into(),
        decider: name("head"),
        packet: None,
        time: Millis(tree.time.load(std::sync::atomic::Ordering::Relaxed)),
        state,
        listed_at: None,
    };
    {
        let session = tree.session("head");
        session.ledger.begin().unwrap();
        for state in [ConflictState::Decided, ConflictState::Open, ConflictState::Open] {
            session.ledger.add_conflict(&conflict(state), None).unwrap();
        }
        session.ledger.commit(&session.world, "conflicts").unwrap();
        mend::settle(&session, 2, &mend::Choice::Standing, mend::Since::Ask).unwrap();
    }
    let numbers = |tree: &Tree| -> Vec<i64> {
        let state = state(tree, "head");
        let mut statement = state.prepare("SELECT number FROM conflict ORDER BY number").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    exchange_news(&tree);
    assert_eq!(numbers(&tree), [1, 2, 3, 4]);
    tree.tick(31 * DAY);
    {
        let session = tree.session("head");
        let late = Conflict { time: session.world.now(), ..conflict(ConflictState::Decided) };
        session.ledger.begin().unwrap();
        session.ledger.add_conflict(&late, None).unwrap();
        session.ledger.commit(&session.world, "conflicts").unwrap();
    }
    exchange_news(&tree);
    assert_eq!(numbers(&tree), [3, 5], "one still waits for a person, one is young");
}

/// Numbers that look random and repeat.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Rows that grow with what is done, and not with what there is.
fn transport(tree: &Tree, site: &str) -> BTreeMap<&'static str, i64> {
    let tables = ["journal", "cause", "packet", "grave", "alias", "conflict", "pending", "past_value", "former", "parked"];
    let mut counts: BTreeMap<&str, i64> = tables.into_iter().map(|table| (table, rows(tree, site, table))).collect();
    counts.insert("ended", rows(tree, site, "record WHERE row IS NULL"));
    let pages: i64 = state(tree, site).query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    counts.insert("pages", pages);
    counts
}

#[test]
fn three_sites_that_edit_and_delete_for_a_year_remember_no_more_at_its_end_than_in_its_middle() {
    const ALL: [&str; 3] = ["head", "north", "anna"];
    const ROUNDS: usize = 300;
    let tree = grown(&[("head", "north", Role::Office), ("north", "anna", Role::Remote)]);
    let mut dice = Dice(0x5eed_f00d);
    let mut middle = Vec::new();
    for round in 0..ROUNDS {
        tree.tick(DAY);
        for site in ALL {
            let mut edits = String::new();
            for _ in 0..4 {
                let (key, value) = (dice.below(30), dice.below(1_000_000));
                // Some keys come and go at several sites at once, some are used once and never again.
                edits += &match dice.below(10) {
                    0..=4 => format!("UPDATE customers SET phone = '{value}' WHERE id = 'K{key}'"),
                    5..=6 => format!("INSERT OR IGNORE INTO customers VALUES ('K{key}', 'name {value}', '{value}')"),
                    7 => format!("DELETE FROM customers WHERE id = 'K{key}'"),
                    8 => format!("INSERT INTO customers VALUES ('{site} {round} {value}', 'once', '{value}')"),
                    _ => "DELETE FROM customers WHERE name = 'once'".to_owned(),
                };
                edits += ";";
            }
            tree.edit(site, &edits);
            tree.tick(1_000);
            let mut session = tree.session(site);
            session.ledger.relax_durability().unwrap();
            round::run(&mut session, &mut [&mut tree.exchange.clone()], round::Halves::Both, &mut |_| {}).unwrap();
        }
        if round == ROUNDS / 2 {
            middle = ALL.iter().map(|site| transport(&tree, site)).collect();
        }
    }
    for (site, middle) in ALL.iter().zip(&middle) {
        let end = transport(&tree, site);
        for (table, count) in &end {
            let most = middle[table] * 13 / 10 + 40;
            assert!(*count <= most, "{site} has {count} of {table}, after {} in the middle\n{middle:?}\n{end:?}", middle[table]);
        }
        assert!(end["journal"] < 2_000 && end["packet"] < 400, "{site}: {end:?}");
    }
    tree.settle(&ALL);
    tree.assert_same(&ALL);
}
