//! Beginning and ending: `init`, `join` and `detach`, killed before every durable step and run again.

mod support;

use fieldpost::exchange::Memory;
use fieldpost::site::{Home, Role};
use fieldpost::sync::{Limits, Session, join, round, start};
use fieldpost::world::{Faults, SkewedClock, World};
use rusqlite::Connection;
use support::{Tree, name};

const SCHEMA: &str = "CREATE TABLE customers (id TEXT PRIMARY KEY, phone TEXT); INSERT INTO customers VALUES ('ACME', '1'), ('BOLT', '2');";

fn world(kill: Option<u64>) -> World {
    let world = World::simulated(Box::new(SkewedClock { base: Default::default(), skew: 1_700_000_000_000 }), 5, Faults::none());
    world.faults().kill_before(kill);
    world
}

fn schema_of(path: &std::path::Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT name || ifnull(sql, '') FROM sqlite_schema ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn init_killed_anywhere_can_be_run_again() {
    for kill in 1.. {
        let folder = tempfile::tempdir().unwrap();
        Connection::open(folder.path().join("shop.db")).unwrap().execute_batch(SCHEMA).unwrap();
        let exchange = Memory::default();
        let init = |world: &World| {
            start::init(
                world,
                folder.path(),
                &name("head"),
                "shop.db",
                fieldpost::site::Exchanges::only("memory"),
                &mut [&mut exchange.clone()],
                &Limits::default(),
                &mut |_, _| {},
            )
        };
        let mortal = world(Some(kill));
        let first = init(&mortal);
        let died = mortal.faults().died_at();
        assert_eq!(first.is_err(), died.is_some(), "step {kill}: {first:?}");
        let home = || Home::discover(Some(folder.path()), folder.path());
        if home().is_err() {
            init(&world(None)).unwrap_or_else(|error| panic!("after a death before '{}': {error}", died.unwrap_or_default()));
        }
        let mut session = Session::open(world(None), home().unwrap(), Limits::default()).unwrap();
        let report = round::run(&mut session, &mut [&mut exchange.clone()], round::Halves::Both, &mut |_| {}).unwrap();
        assert_eq!((report.sealed, report.found), (0, 0), "step {kill}");
        assert_eq!(session.ledger.count(session.shapes[0].number).unwrap(), 2);
        if died.is_none() {
            return;
        }
    }
}

#[test]
fn joining_killed_anywhere_can_be_run_again_and_loads_everything() {
    for kill in 1.. {
        let tree = Tree::new(SCHEMA);
        let text = join::invite(&tree.session("head"), &name("anna"), Role::Remote, &[], join::INVITATION_MILLIS).unwrap();
        let mortal = world(Some(kill));
        let first = join::join(&mortal, &tree.home("anna"), &text, fieldpost::site::Exchanges::only("memory"), None);
        let died = mortal.faults().died_at();
        assert_eq!(first.is_err(), died.is_some(), "step {kill}: {first:?}");
        if Home::discover(Some(&tree.home("anna")), &tree.home("anna")).is_err() {
            join::join(&world(None), &tree.home("anna"), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
        }
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
        if died.is_none() {
            return;
        }
    }
}

#[test]
fn an_invitation_admits_once_and_not_after_its_time() {
    let tree = Tree::new(SCHEMA);
    let text = join::invite(&tree.session("head"), &name("anna"), Role::Remote, &[], join::INVITATION_MILLIS).unwrap();
    join::join(&tree.world("anna"), &tree.home("anna"), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
    join::join(&tree.world("thief"), &tree.home("thief"), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
    tree.sync("anna");
    tree.sync("head");
    tree.sync("thief");
    let refused = tree.sync("head").waiting;
    assert!(refused.iter().any(|waiting| waiting.why.contains("used already")), "{refused:?}");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert!(!tree.session("thief").has_database(), "the second one to use it gets nothing");
    assert!(join::invite(&tree.session("head"), &name("anna"), Role::Remote, &[], 1).is_err(), "the name is taken");

    let late = join::invite(&tree.session("head"), &name("ben"), Role::Remote, &[], 1_000).unwrap();
    join::join(&tree.world("ben"), &tree.home("ben"), &late, fieldpost::site::Exchanges::only("memory"), None).unwrap();
    tree.sync("ben");
    tree.tick(10_000);
    tree.settle(&["head", "ben"]);
    assert!(!tree.session("ben").has_database());
    tree.tick(10_000);
    assert!(
        join::join(&tree.world("cora"), &tree.home("cora"), &late, fieldpost::site::Exchanges::only("memory"), None).is_err(),
        "too late even to try"
    );
    let forged = late.replace('A', "B");
    assert!(join::join(&tree.world("dora"), &tree.home("dora"), &forged, fieldpost::site::Exchanges::only("memory"), None).is_err());
    assert!(Home::discover(Some(&tree.home("dora")), &tree.home("dora")).is_err(), "nothing is left of a refused one");
}

#[test]
fn detach_leaves_the_database_as_if_we_had_never_been_there() {
    for kill in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        Connection::open(&path).unwrap().execute_batch(SCHEMA).unwrap();
        let before = schema_of(&path);
        let mut exchange = Memory::default();
        start::init(
            &world(None),
            folder.path(),
            &name("head"),
            "shop.db",
            fieldpost::site::Exchanges::only("memory"),
            &mut [&mut exchange],
            &Limits::default(),
            &mut |_, _| {},
        )
        .unwrap();
        assert_ne!(schema_of(&path), before);
        let home = || Home::discover(Some(folder.path()), folder.path());
        let session = Session::open(world(None), home().unwrap(), Limits::default()).unwrap();
        session.world.faults().kill_before(Some(kill));
        let first = start::detach(session, fieldpost::model::Millis(1));
        if first.is_err()
            && let Ok(home) = home()
        {
            // Before anything went there is nothing to finish; from then on the home says so until the end.
            assert_eq!(home.is_going().unwrap(), kill > 1, "step {kill}");
            start::finish_detach(&world(None), home, &Limits::default(), fieldpost::model::Millis(2)).unwrap();
        }
        assert_eq!(schema_of(&path), before, "step {kill}");
        assert!(home().is_err(), "step {kill}");
        let aside: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        assert_eq!(aside.len(), 1, "step {kill}: {aside:?}");
        for (name, is_there) in [("fieldpost.toml", true), ("state.db", true), ("keys", true), ("detaching", false)] {
            assert_eq!(aside[0].join(name).exists(), is_there, "step {kill}: {name}");
        }
        if first.is_ok() {
            return;
        }
    }
}

#[test]
fn a_name_that_two_parents_gave_out_is_said_at_both_and_keeps_nobody_else_out() {
    let tree = Tree::with_rules(
        "CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER); INSERT INTO t VALUES ('a', 1), ('b', 1)",
        "default = 'parent'\n[clocks]\nfuture = '36500d'\n",
    );
    tree.add("head", "off", Role::Office);
    tree.settle(&["off", "head"]);
    // The office is offline: its own bert, with carl beside, is not known at head when that one invites another bert.
    let join = |parent: &str, home: &str, site: &str, groups: &[&str]| {
        tree.tick(1);
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let text = fieldpost::sync::join::invite(
            &tree.session(parent),
            &support::name(site),
            Role::Remote,
            &groups,
            fieldpost::sync::join::INVITATION_MILLIS,
        )
        .unwrap();
        let exchanges = fieldpost::site::Exchanges::only("memory");
        fieldpost::sync::join::join(&tree.world(home), &tree.home(home), &text, exchanges, None).unwrap();
    };
    join("off", "bert-off", "bert", &[]);
    join("off", "carl", "carl", &["sales"]);
    join("head", "bert-head", "bert", &[]);
    for site in ["bert-head", "head", "bert-off", "carl", "off", "bert-off", "carl", "off", "head", "bert-head"] {
        tree.sync(site);
    }
    for _ in 0..3 {
        ["off", "head", "bert-head", "bert-off", "carl"].iter().for_each(|site| drop(tree.sync(site)));
    }
    for site in ["head", "off"] {
        let problems = fieldpost::sync::roster::problems(&tree.session(site)).unwrap();
        assert_eq!(problems.len(), 1, "{site}: {problems:?}");
        assert!(problems[0].contains("'head' and 'off' have each invited a site called 'bert'"), "{problems:?}");
        assert!(problems[0].contains("Retire that of 'off' ('fieldpost sites retire bert' at 'off', nowhere else)"), "{problems:?}");
        assert!(tree.sync(site).waiting.iter().any(|waiting| waiting.why == problems[0]), "{site}");
    }
    let known = |site: &str| fieldpost::sync::roster::known(&tree.session(site)).unwrap();
    let parent =
        |site: &str, of: &str| known(site).find(&support::name(of)).and_then(|one| one.parent.clone()).map(|name| name.to_string());
    assert_eq!([parent("head", "bert"), parent("head", "carl")], [Some("head".into()), Some("off".into())]);
    assert_eq!([parent("off", "bert"), parent("off", "carl")], [Some("off".into()), Some("off".into())]);
    assert_eq!(known("head").find(&support::name("carl")).unwrap().groups.len(), 1);
    // Carl hears what lost although the office's other site has a name that is taken.
    tree.edit("head", "UPDATE t SET n = 100 WHERE id = 'a'");
    tree.edit("carl", "UPDATE t SET n = 666 WHERE id = 'a'");
    for _ in 0..3 {
        ["head", "carl", "off", "head", "off", "carl", "bert-off", "bert-head"].iter().for_each(|site| drop(tree.sync(site)));
    }
    assert!(!support::conflicts(&tree, "carl").is_empty());
    tree.assert_rows(&["head", "off", "carl", "bert-off", "bert-head"], "SELECT n FROM t WHERE id = 'a'", &["100"]);
    // The one is retired where it was invited, and the other one goes on: that is the end of it.
    fieldpost::sync::retire::retire(&tree.session("off"), &mut [&mut tree.exchange.clone()], &support::name("bert")).unwrap();
    for _ in 0..3 {
        ["off", "head", "bert-head", "bert-off", "carl"].iter().for_each(|site| drop(tree.sync(site)));
    }
    for site in ["head", "off"] {
        assert_eq!(fieldpost::sync::roster::problems(&tree.session(site)).unwrap(), Vec::<String>::new(), "{site}");
    }
    assert_eq!(known("head").find(&support::name("bert")).unwrap().retired, None);
    tree.edit("bert-head", "UPDATE t SET n = 7 WHERE id = 'b'");
    for _ in 0..2 {
        ["bert-head", "head", "off", "carl"].iter().for_each(|site| drop(tree.sync(site)));
    }
    tree.assert_rows(&["head", "off", "carl", "bert-head"], "SELECT n FROM t WHERE id = 'b'", &["7"]);
    assert!(fieldpost::sync::retire::child(&tree.session("head"), &support::name("bert")).is_ok());
}

#[test]
fn a_site_joins_a_main_office_whose_rules_have_come_to_keep_every_table_at_home() {
    let tree = Tree::new("CREATE TABLE loc (id TEXT PRIMARY KEY, x TEXT); INSERT INTO loc VALUES ('A', 'a')");
    std::fs::write(tree.home("head").join("rules.toml"), "[tables.loc]\nlocal = true\n").unwrap();
    tree.sync("head");
    tree.add("head", "anna", Role::Remote);
    for _ in 0..4 {
        tree.sync("anna");
        tree.sync("head");
    }
    let report = tree.sync("anna");
    assert_eq!((report.waiting, tree.home("anna").join("shop.db").exists()), (Vec::new(), true));
}
