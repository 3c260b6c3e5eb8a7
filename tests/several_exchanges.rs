//! A site with several exchanges: whatever way a packet comes, it takes effect once, and nobody answers answers.

mod support;

use std::path::Path;

use fieldpost::exchange::{Content, Entry, Exchange, ExchangeError, FileName, Folder, Memory, Probe, Trouble, mark, reach};
use fieldpost::site::{Exchanges, Home, Role, Settings};
use fieldpost::sync::streams::places;
use fieldpost::sync::{report::Report, round};
use fieldpost::world::World;
use support::{Tree, name};

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', '1'), ('BOLT', 'Bolt AG', '2');";

/// One way to an exchange. The one called `bad line` takes nothing: it breaks when something is put. The one called `kept` lets nobody delete
/// what is there for anna.
#[derive(Clone, Debug)]
struct Way(&'static str, Memory);

impl Exchange for Way {
    fn place(&self) -> String {
        self.0.to_owned()
    }
    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        self.1.probe(world)
    }
    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        self.1.list(world, folder)
    }
    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        self.1.get(world, folder, entry, to)
    }
    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        if self.0 == "bad line" {
            return Err(ExchangeError::Unreachable { place: self.place(), reason: "it broke off".to_owned() });
        }
        self.1.put(world, folder, name, content)
    }
    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        self.1.rename(world, folder, from, to)
    }
    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        if self.0 == "kept" && folder.to_string().starts_with("anna/") {
            return Err(ExchangeError::ReadOnly { place: self.place(), reason: "no right to delete".to_owned() });
        }
        self.1.delete(world, folder, name)
    }
}

/// A host and its sites, the share in the office and the server on the road.
struct World2 {
    tree: Tree,
    share: Way,
    server: Way,
}

impl World2 {
    fn new() -> Self {
        let tree = Tree::new(SCHEMA);
        let share = Way("share", tree.exchange.clone());
        let server = Way("server", Memory::default());
        mark(&tree.world("other"), &mut server.clone()).unwrap();
        Self { tree, share, server }
    }

    fn both(&self) -> Vec<Way> {
        vec![self.share.clone(), self.server.clone()]
    }

    fn sync(&self, site: &str, ways: &[Way]) -> Report {
        self.tree.tick(1_000);
        let settings = Settings {
            exchanges: Exchanges::at(ways.iter().map(|way| way.0.to_owned())),
            ..Home::discover(Some(&self.tree.home(site)), &self.tree.home(site)).unwrap().settings().unwrap()
        };
        std::fs::write(self.tree.home(site).join("fieldpost.toml"), settings.to_string()).unwrap();
        let mut ways = ways.to_vec();
        let mut all: Vec<&mut dyn Exchange> = ways.iter_mut().map(|way| way as &mut dyn Exchange).collect();
        round::run(&mut self.tree.session(site), &mut all, round::Halves::Both, &mut |_| {}).unwrap()
    }

    /// Rounds until a whole one moves nothing.
    fn settle(&self, sites: &[(&str, &[Way])]) {
        for _ in 0..12 {
            let reports: Vec<Report> = sites.iter().map(|(site, ways)| self.sync(site, ways)).collect();
            if reports.iter().all(|report| report.applied.is_empty() && report.built.is_empty()) {
                return;
            }
        }
        panic!("never quiet: {:?} {:?}", self.share.1.everything().keys(), self.server.1.everything().keys());
    }

    fn edit(&self, site: &str, phone: &str) {
        self.tree.edit(site, &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
    }
}

#[test]
fn sites_on_different_exchanges_meet_at_the_one_that_has_both_and_nothing_is_left_lying() {
    let all = World2::new();
    let (share, server) = ([all.share.clone()], [all.server.clone()]);
    let both = all.both();
    all.tree.add("head", "anna", Role::Remote);
    all.tree.add("head", "ben", Role::Remote);
    let sites: [(&str, &[Way]); 3] = [("anna", &server), ("ben", &share), ("head", &both)];
    all.settle(&sites);
    all.tree.assert_same(&["head", "anna", "ben"]);
    all.edit("anna", "from the road");
    all.settle(&sites);
    all.tree.assert_same(&["head", "anna", "ben"]);
    assert_eq!(all.tree.text("ben", "SELECT phone FROM customers WHERE id = 'ACME'"), "from the road");
    // What the host put for Anna on the share, where she never looks, is gone; what nobody has acknowledged yet lies there.
    all.edit("head", "more");
    all.settle(&sites);
    for way in [&all.share, &all.server] {
        let lying: Vec<String> = way.1.everything().into_keys().filter(|path| path.contains(".fpk")).collect();
        assert!(lying.len() <= 2, "{lying:?}");
    }
}

#[test]
fn two_sites_with_two_exchanges_do_not_answer_each_other_for_ever() {
    let all = World2::new();
    let both = all.both();
    all.tree.add("head", "anna", Role::Remote);
    let sites: [(&str, &[Way]); 2] = [("anna", &both), ("head", &both)];
    all.settle(&sites);
    for turn in 0..5 {
        all.edit("anna", &format!("anna {turn}"));
        all.edit("head", &format!("head {turn}"));
        all.settle(&sites);
        all.tree.assert_same(&["head", "anna"]);
    }
}

#[test]
fn what_one_exchange_loses_comes_over_the_other_and_is_not_asked_for() {
    let all = World2::new();
    let both = all.both();
    all.tree.add("head", "anna", Role::Remote);
    let sites: [(&str, &[Way]); 2] = [("anna", &both), ("head", &both)];
    all.settle(&sites);
    for phone in ["first", "second"] {
        all.edit("anna", phone);
        all.sync("anna", &both);
        if phone == "first" {
            let (folder, lost) = lying(&all.share.1, "head", "anna");
            all.share.clone().delete(&all.tree.world("thief"), &folder, &lost).unwrap();
        }
    }
    let report = all.sync("head", &both);
    assert_eq!(report.applied.len(), 2, "{report:?}");
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    all.settle(&sites);
    all.tree.assert_same(&["head", "anna"]);
}

fn lying(memory: &Memory, to: &str, from: &str) -> (Folder, FileName) {
    let folder = Folder::between(&name(to), &name(from));
    let prefix = format!("{folder}/");
    let file = memory.everything().into_keys().find_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).unwrap();
    (folder, FileName::new(&file).unwrap())
}

#[test]
fn one_that_is_away_is_a_line_while_another_is_open_and_catches_up_when_it_is_back() {
    let all = World2::new();
    let both = all.both();
    all.tree.add("head", "anna", Role::Remote);
    let sites: [(&str, &[Way]); 2] = [("anna", &both), ("head", &both)];
    all.settle(&sites);
    all.share.1.set_trouble(Trouble::Unreachable);
    all.edit("anna", "while the share is away");
    let report = all.sync("anna", &both);
    assert!(report.waiting.is_empty() && report.notes.iter().any(|note| note.contains("the others were used")), "{report:?}");
    assert_eq!(report.deposited.len(), 1);
    all.settle(&sites);
    all.tree.assert_same(&["head", "anna"]);
    all.server.1.set_trouble(Trouble::Unreachable);
    let report = all.sync("anna", &both);
    assert!(report.waiting.len() == 2 && report.waiting.iter().all(|waiting| waiting.unreachable), "{report:?}");
    all.share.1.set_trouble(Trouble::None);
    all.server.1.set_trouble(Trouble::None);
    all.settle(&sites);
    all.tree.assert_same(&["head", "anna"]);
}

#[test]
fn one_that_breaks_in_the_middle_of_a_round_is_a_line_too() {
    let all = World2::new();
    let share = [all.share.clone()];
    all.tree.add("head", "anna", Role::Remote);
    all.settle(&[("anna", &share), ("head", &share)]);
    let bad = Way("bad line", all.server.1.clone());
    let id = reach(&all.tree.world("other"), &mut bad.clone()).unwrap().id;
    places::accept(&all.tree.session("anna"), "bad line", id).unwrap();
    all.edit("anna", "while the line is bad");
    let report = all.sync("anna", &[bad.clone(), all.share.clone()]);
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    assert!(report.notes.iter().any(|note| note.contains("it broke off; the others were used")), "{:?}", report.notes);
    assert_eq!(report.deposited.len(), 1, "it went over the share");
    all.edit("anna", "with the bad line alone");
    let alone = all.sync("anna", &[bad]);
    assert!(alone.waiting.iter().any(|waiting| waiting.unreachable), "{:?}", alone.waiting);
    all.settle(&[("anna", &share), ("head", &share)]);
    all.tree.assert_same(&["head", "anna"]);
}

#[test]
fn two_ways_to_one_exchange_are_tried_in_order() {
    let all = World2::new();
    let (mounted, remote) = (all.share.clone(), Way("sftp to the share", all.share.1.clone()));
    all.tree.add("head", "anna", Role::Remote);
    let ways = [mounted.clone(), remote.clone()];
    all.settle(&[("anna", &ways), ("head", std::slice::from_ref(&mounted))]);
    // Once both are known to be one exchange, the second is not asked: it may be anything.
    let elsewhere = Way("sftp to the share", Memory::default());
    all.edit("anna", "by the first");
    let report = all.sync("anna", &[mounted.clone(), elsewhere.clone()]);
    assert!(report.waiting.is_empty() && report.notes.is_empty(), "{report:?}");
    // The first is away: the second has to be it, and something else in its place is said.
    let away = Way("share", Memory::default());
    away.1.set_trouble(Trouble::Unreachable);
    all.edit("anna", "by the second");
    assert_eq!(all.sync("anna", &[away.clone(), remote]).deposited.len(), 1);
    all.sync("head", &[mounted]);
    assert_eq!(all.tree.text("head", "SELECT phone FROM customers WHERE id = 'ACME'"), "by the second");
    mark(&all.tree.world("other"), &mut elsewhere.clone()).unwrap();
    let report = all.sync("anna", &[away, elsewhere]);
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("not the one this site used before")), "{report:?}");
}

#[test]
fn another_exchange_in_the_place_of_the_old_one_waits_until_a_person_says_so() {
    let all = World2::new();
    let share = [all.share.clone()];
    all.tree.add("head", "anna", Role::Remote);
    all.settle(&[("anna", &share), ("head", &share)]);
    let other = [Way("share", Memory::default())];
    mark(&all.tree.world("other"), &mut other[0].clone()).unwrap();
    all.edit("anna", "elsewhere");
    let report = all.sync("anna", &other);
    assert!(report.deposited.is_empty() && report.waiting.iter().any(|waiting| !waiting.retried), "{report:?}");
    let id = fieldpost::exchange::reach(&all.tree.world("x"), &mut other[0].clone()).unwrap().id;
    for site in ["anna", "head"] {
        places::accept(&all.tree.session(site), "share", id).unwrap();
    }
    all.settle(&[("anna", &other), ("head", &other)]);
    assert_eq!(all.tree.text("head", "SELECT phone FROM customers WHERE id = 'ACME'"), "elsewhere");
}

#[test]
fn what_cannot_be_deleted_where_it_was_taken_wants_a_person_and_is_answered_once() {
    let all = World2::new();
    let (share, kept) = ([all.share.clone()], [Way("kept", all.share.1.clone())]);
    all.tree.add("head", "anna", Role::Remote);
    all.settle(&[("anna", &share), ("head", &share)]);
    all.edit("head", "stays lying");
    all.sync("head", &share);
    for round in 0..4 {
        let report = all.sync("anna", &kept);
        let told = report.waiting.iter().any(|waiting| !waiting.retried && !waiting.unreachable && waiting.why.contains("may not delete"));
        assert!(told, "{round}: {:?}", report.waiting);
        assert_eq!(report.built.len(), usize::from(round == 0), "{round}: {:?}", report.built);
        all.sync("head", &share);
    }
    let id = reach(&all.tree.world("other"), &mut all.share.clone()).unwrap().id;
    assert_eq!(places::undeletable(&all.tree.session("anna"), id).unwrap(), ["anna/head"]);
    all.edit("anna", "goes");
    all.sync("anna", &kept);
    all.sync("head", &share);
    all.settle(&[("anna", &share), ("head", &share)]);
    assert!(all.sync("anna", &share).waiting.is_empty());
    assert!(places::undeletable(&all.tree.session("anna"), id).unwrap().is_empty());
    all.tree.assert_same(&["head", "anna"]);
}
