//! What of the list that a bundle brings along? Everybody has the same rows, people edit them, and nothing that somebody typed is lost.
//!
//! It is carried out at the main office and travels from there. Values are known by themselves: each is written once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::super::Simulation;
use super::super::application::CANARY;
use super::super::history::Dice;
use super::super::referee::Evidence;

/// The table of the list, with what is in it before any bundle.
pub const LIST: &str =
    "CREATE TABLE list (id TEXT PRIMARY KEY, title TEXT, note TEXT); INSERT INTO list VALUES ('k0', 'canary-begin.', NULL)";

const KEYS: [&str; 5] = ["k0", "k1", "k2", "k3", "k4"];

/// What people typed into the list.
#[derive(Debug, Default)]
pub struct Deeds {
    next: u64,
    /// Site, key and value.
    written: Vec<(usize, String, String)>,
    /// Values that somebody wrote over or deleted at a site that had them.
    superseded: BTreeSet<String>,
}

impl Deeds {
    /// Whether anybody changed a row.
    pub fn is_touched(&self) -> bool {
        self.next > 0
    }
}

/// The rows of a version, as the bundle has them, and how they are taken.
pub fn csv(version: u64) -> (String, &'static str) {
    let mut text = "id,title\n".to_owned();
    for (place, key) in (0_u64..).zip(KEYS) {
        let mut dice = Dice::new(version * 1_000 + place);
        if dice.hit(60) {
            // Some are in several versions and never differ.
            let value = if dice.hit(30) { 0 } else { version };
            text += &format!("{key},{CANARY}listed-{key}-{value}.\n");
        }
    }
    let mode = Dice::new(version ^ 0x115).pick(&["upsert", "upsert", "insert", "replace"]);
    (text, mode)
}

/// Title and note by key.
type Rows = BTreeMap<String, [Option<String>; 2]>;

fn read(path: &Path) -> Rows {
    let read = |connection: Connection| {
        let mut statement = connection.prepare("SELECT id, title, note FROM list")?;
        statement.query_map([], |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?])))?.collect()
    };
    Connection::open(path).and_then(read).unwrap_or_default()
}

fn values(rows: &Rows) -> BTreeSet<String> {
    rows.values().flatten().flatten().cloned().collect()
}

impl Simulation {
    /// Somebody changes the list at a site.
    pub(super) fn edit_list(&mut self, site: usize, dice: &mut Dice) {
        let path = self.sites.home(site).join("shop.db");
        if let Err(error) = self.sites.start_application(site) {
            return self.fail(format!("APPLICATION {error}"));
        }
        let deeds = &mut self.deeds.bundles.rows;
        deeds.next += 1;
        let (key, value) = (dice.pick(&KEYS), format!("{CANARY}typed-{}.", deeds.next));
        let sql = match dice.below(8) {
            0..=3 => format!("UPDATE list SET title = '{value}' WHERE id = '{key}'"),
            4 => format!("UPDATE list SET note = '{value}' WHERE id = '{key}'"),
            5..=6 => format!("INSERT OR IGNORE INTO list VALUES ('{key}', '{value}', NULL)"),
            _ => format!("DELETE FROM list WHERE id = '{key}'"),
        };
        let before = values(&read(&path));
        let had = read(&path).contains_key(key);
        let done = self.sites.applications[site].as_ref().is_some_and(|application| application.execute(&sql).is_ok());
        let (after, deeds) = (values(&read(&path)), &mut self.deeds.bundles.rows);
        // Whoever deletes the record means all of it, also what they typed before a list wrote over it.
        if had && done && sql.starts_with("DELETE") {
            let own = deeds.written.iter().filter(|(by, of, _)| *by == site && of == key);
            deeds.superseded.extend(own.map(|(_, _, value)| value.clone()));
        }
        deeds.superseded.extend(before.difference(&after).cloned());
        deeds.written.extend(after.difference(&before).map(|value| (site, key.to_owned(), value.clone())));
        self.say(format!("{} {}: {sql}", self.sites.name(site), if done { "edits" } else { "(refused)" }));
    }

    fn lists(&self) -> Vec<Rows> {
        (0..self.sites.setting.tree.sites.len()).map(|site| read(&self.sites.home(site).join("shop.db"))).collect()
    }

    /// Everything of the list that is not as promised while the bundle is there.
    pub(in super::super) fn judge_lists(&self, evidence: &Evidence<'_>) -> Vec<String> {
        let lists = self.lists();
        let held = |key: &String| evidence.held.iter().any(|held| held.table == "list" && held.key == *key);
        let mut wrong = Vec::new();
        for (site, list) in lists.iter().enumerate() {
            let (name, keys) = (self.sites.name(site), list.keys().chain(lists[0].keys()).collect::<BTreeSet<_>>());
            let differs = keys.into_iter().filter(|key| list.get(*key) != lists[0].get(*key) && !held(key));
            wrong.extend(differs.map(|key| format!("LIST {key} at {name} is {:?} and not {:?}", list.get(key), lists[0].get(key))));
        }
        let typed = |value: &String| self.deeds.bundles.rows.written.iter().any(|(_, _, other)| other == value);
        let strange = values(&lists[0]).into_iter().filter(|value| !value.contains("listed-") && !value.contains("begin") && !typed(value));
        wrong.extend(strange.map(|value| format!("LIST {value} is of nobody")));
        wrong
    }

    /// Everything of the list that is not as promised once the bundle is gone: nothing that somebody typed is lost, and where nobody typed
    /// anything all is as it was.
    pub(super) fn judge_lists_afterwards(&self, losers: &BTreeSet<String>) -> Vec<String> {
        let lists = self.lists();
        let deeds = &self.deeds.bundles.rows;
        let there = values(&lists[0]);
        let listed = |value: &String| losers.iter().any(|loser| loser.contains(value.as_str()));
        let lost =
            deeds.written.iter().filter(|(_, _, value)| !there.contains(value) && !deeds.superseded.contains(value) && !listed(value));
        let mut wrong: Vec<String> =
            lost.map(|(site, _, value)| format!("LIST LOST {value} typed at {}", self.sites.name(*site))).collect();
        for (site, list) in lists.iter().enumerate() {
            if *list != lists[0] {
                wrong.push(format!("LIST at {} is {list:?} and not {:?}", self.sites.name(site), lists[0]));
            }
        }
        let begin: Rows = BTreeMap::from([("k0".to_owned(), [Some(format!("{CANARY}begin.")), None])]);
        if !deeds.is_touched() && lists[0] != begin {
            wrong.push(format!("LIST is left as {:?}", lists[0]));
        }
        wrong
    }
}
