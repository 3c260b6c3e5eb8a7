//! Many sites, one process, one seed: the real engine on real files, an exchange that misbehaves, death at any step.
//!
//! | module | answers |
//! |---|---|
//! | `history` | what happens, and in which tree of sites? |
//! | `application` | what do applications do to their databases? |
//! | `sites` | how do homes, sessions and the exchange of a history live and die? |
//! | `evidence` | what can be seen of the sites when all is quiet? |
//! | `sweep` | does a fixed history end the same, wherever it is killed? |
//! | `referee` | is what came out what was promised? |
//! | `invented` | the same three of databases that are drawn from a seed, with handed-out numbers and all kinds of references |
//! | `bundles` | what does the main office publish, and is it at all sites that it is for? |
//! | `changing` | the same of a database whose schema the main office changes |
//! | `documents` | what do people do in their folders, and is the same in all of them at the end? |
//! | `exchanges` | how do the files of a history travel? |
//! | `leftovers` | does anything remain in the state files that nobody needs? |
//! | `ruling` | which rules are drawn, and what do they promise? |
//!
//! `tests/simulation.rs` runs the first seeds, `examples/simulate.rs` as many as wanted and replays one.
#![allow(dead_code, reason = "the test and the example each use a part of it")]

pub mod application;
pub mod bundles;
pub mod changing;
pub mod documents;
mod evidence;
mod exchanges;
pub mod history;
pub mod invented;
mod leftovers;
pub mod referee;
pub mod ruling;
pub mod sites;
pub mod sweep;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use fieldpost::exchange::{FileName, Folder, Unruly};
use fieldpost::sync::documents::DocumentCounts;
use fieldpost::sync::round;
use rusqlite::Connection;

use application::Deeds;
use evidence::key_word;
use history::{Dice, Halves, Kind, Op, Setting};
use sites::{REDEPOSIT_MILLIS, Sites, Stopped};

/// Rounds at every site until nothing moves; more is a failure.
const MOST_ROUNDS: usize = 40;

/// Rounds at every site in which nothing but questions for a document moves; the largest one comes in fewer parts.
const AWAITED: usize = 16;

/// What came of one history.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Everything that is not as promised; empty is good.
    pub wrong: Vec<String>,
    /// What happened, in order.
    pub trace: Vec<String>,
}

/// Runs the history of a seed.
pub fn run_seed(seed: u64, kind: Kind) -> Outcome {
    let (setting, ops) = history::history(seed, kind);
    run(&setting, &ops)
}

/// Runs operations in a setting, calms the exchange, waits until all is quiet and asks the referee.
pub fn run(setting: &Setting, ops: &[Op]) -> Outcome {
    run_seen(setting, ops, false)
}

/// As [`run`]; `closely`: the trace also has every record that a round or an edit changed.
pub fn run_seen(setting: &Setting, ops: &[Op], closely: bool) -> Outcome {
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut simulation = Simulation::new(Sites::joined(setting));
        simulation.seen = closely.then(|| vec![BTreeMap::new(); setting.tree.sites.len()]);
        simulation.run(ops);
        simulation.outcome
    }));
    ran.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Outcome { wrong: vec![format!("PANIC {}", said.unwrap_or_default())], trace: Vec::new() }
    })
}

/// Runs seeds on all processors; gives those that failed.
pub fn run_many(seeds: std::ops::Range<u64>, kind: Kind, threads: usize, done: &(dyn Fn(u64, &Outcome) + Sync)) {
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    done(seed, &run_seed(seed, kind));
                }
            });
        }
    });
}

/// The first word of the first thing that is wrong.
fn class(outcome: &Outcome) -> Option<&str> {
    outcome.wrong.first().map(|wrong| wrong.split_whitespace().next().unwrap_or_default())
}

/// The fewest operations of a failing history that still fail in the same way.
pub fn shrink(setting: &Setting, ops: &[Op]) -> (Setting, Vec<Op>) {
    let (mut setting, mut ops) = (setting.clone(), ops.to_vec());
    let Some(wanted) = class(&run(&setting, &ops)).map(str::to_owned) else { return (setting, ops) };
    let fails = |setting: &Setting, ops: &[Op]| class(&run(setting, ops)) == Some(wanted.as_str());
    let plain = Setting { skews: vec![0; setting.skews.len()], slice_changes: 5_000, packet_bytes: 32 << 20, ..setting.clone() };
    if fails(&plain, &ops) {
        setting = plain;
    }
    loop {
        let before = ops.clone();
        let mut step = ops.len().div_ceil(2);
        while step > 0 {
            let mut at = 0;
            while at < ops.len() {
                let mut fewer = ops.clone();
                fewer.drain(at..(at + step).min(ops.len()));
                if fails(&setting, &fewer) { ops = fewer } else { at += step }
            }
            step /= 2;
        }
        for at in 0..ops.len() {
            for simpler in simpler(&ops[at]) {
                let mut other = ops.clone();
                other[at] = simpler;
                if fails(&setting, &other) {
                    ops = other;
                    break;
                }
            }
        }
        if ops == before {
            return (setting, ops);
        }
    }
}

/// Operations that do less.
fn simpler(op: &Op) -> Vec<Op> {
    match *op {
        Op::Round { site, halves, kill, kill_open, meanwhile } => {
            let mut simpler = Vec::new();
            let calm = Op::Round { site, halves: Halves::Both, kill: None, kill_open: None, meanwhile: None };
            let tamer = [
                calm,
                Op::Round { site, halves, kill: None, kill_open: None, meanwhile: None },
                Op::Round { site, halves, kill, kill_open: None, meanwhile: None },
                Op::Round { site, halves: Halves::Both, kill, kill_open, meanwhile },
            ];
            simpler.extend(tamer.into_iter().filter(|tamer| tamer != op));
            simpler
        }
        Op::Edit { .. }
        | Op::Answer
        | Op::Document { .. }
        | Op::Bundle { .. }
        | Op::Customize { .. }
        | Op::Away { .. }
        | Op::Full { .. }
        | Op::Release { .. }
        | Op::Tamper { .. }
        | Op::Restart { .. }
        | Op::Weather { .. } => Vec::new(),
    }
}

pub struct Simulation {
    pub sites: Sites,
    pub deeds: Deeds,
    pub outcome: Outcome,
    /// Per site the records when last looked at, for a close trace.
    seen: Option<Vec<BTreeMap<String, String>>>,
    /// Whether there is a reason for files to be set aside.
    tampered: bool,
    /// Rounds in a row that brought nothing, while documents were awaited.
    awaiting: usize,
}

impl Simulation {
    pub fn new(sites: Sites) -> Self {
        let mut deeds = Deeds::default();
        deeds.goods.start();
        Self { sites, deeds, outcome: Outcome::default(), seen: None, tampered: false, awaiting: 0 }
    }

    /// Puts what changed at a site since the last look into a close trace.
    fn look(&mut self, site: usize) {
        if self.seen.is_none() {
            return;
        }
        let now = self.records(site);
        let mut lines = Vec::new();
        if let Some(seen) = &mut self.seen {
            for (key, row) in &now {
                if seen[site].get(key) != Some(row) {
                    lines.push(format!("        {key} = {row}"));
                }
            }
            lines.extend(seen[site].keys().filter(|key| !now.contains_key(*key)).map(|key| format!("        {key} is gone")));
            seen[site] = now;
        }
        self.outcome.trace.extend(lines);
    }

    /// What a site holds, for reading.
    fn records(&self, site: usize) -> BTreeMap<String, String> {
        let path = self.sites.home(site).join("shop.db");
        if self.sites.setting.changing {
            return if path.is_file() { changing::referee::records(&self.deeds.changing, site, &path) } else { BTreeMap::new() };
        }
        match &self.sites.setting.invented {
            None => referee::records(&path),
            // Opening would make the file, and a site does not load its first records into a database that is there.
            Some(_) if !path.is_file() => BTreeMap::new(),
            Some(invented) => {
                let read = Connection::open(path).and_then(|connection| invented::referee::records(invented, &connection));
                read.unwrap_or_default()
            }
        }
    }

    /// Notes who is who, before and between edits of an invented database, and of the one whose schema changes.
    fn observe(&mut self, site: usize, first: bool) {
        // The application has the database open, so that nobody has to read its schema every time.
        let started = self.sites.start_application(site);
        let Some(application) = self.sites.applications[site].as_ref().filter(|_| started.is_ok()) else { return };
        if self.sites.setting.changing {
            let deeds = &mut self.deeds.changing;
            let made = deeds.made(site);
            if let Ok(Ok(seen)) = changing::application::read(&deeds.versions, &made, application.connection()) {
                if first { deeds.begin(&seen.records) } else { deeds.observe(&seen.records) }
            }
            return;
        }
        let Some(invented) = self.sites.setting.invented.clone() else { return };
        match invented::content::Snapshot::read(&invented, application.connection()) {
            Ok(snapshot) if first => self.deeds.invented.begin(&snapshot.content(&invented).0),
            Ok(snapshot) => self.deeds.invented.observe(&snapshot.content(&invented).0),
            // A site that has no tables yet.
            Err(_) => {}
        }
    }

    fn run(&mut self, ops: &[Op]) {
        let setting = &self.sites.setting;
        let begin = format!(
            "tree {} rule {} skews {:?} slice {} packet {}",
            setting.tree.name, setting.rule, setting.skews, setting.slice_changes, setting.packet_bytes
        );
        self.say(begin);
        if let (Some(ruling), true) = (&self.sites.setting.ruling, self.seen.is_some()) {
            let text = ruling.text.clone();
            self.say(text);
        }
        if let Some(invented) = &self.sites.setting.invented
            && self.seen.is_some()
        {
            let sql = format!("{}{}", invented.sql(), invented.rules(self.sites.setting.rule));
            self.say(sql);
        }
        self.observe(0, true);
        if self.sites.setting.library.is_some() {
            self.deeds.documents.begin(&self.sites.library(0));
        }
        for op in ops {
            self.act(op);
            if !self.outcome.wrong.is_empty() {
                return;
            }
        }
        self.settle();
        self.judge();
        if self.outcome.wrong.is_empty() {
            self.release();
        }
        if self.outcome.wrong.is_empty() {
            self.remove_bundles();
        }
        if self.outcome.wrong.is_empty() && !self.sites.setting.remembers {
            self.leftovers();
        }
    }

    pub fn say(&mut self, line: String) {
        self.outcome.trace.push(line);
    }

    fn fail(&mut self, line: String) {
        self.say(format!("!! {line}"));
        self.outcome.wrong.push(line);
    }

    fn act(&mut self, op: &Op) {
        self.sites.tick(7);
        match *op {
            Op::Edit { site, edit } => self.edit(site, edit),
            Op::Round { site, halves, kill, kill_open, meanwhile } => self.round(site, halves, kill, kill_open, meanwhile).map_or((), drop),
            Op::Restart { site } => {
                self.sites.close(site);
                self.say(format!("{} restarts", self.sites.name(site)));
            }
            Op::Full { site } => match self.sites.session(site, None).map(|session| round::full(session)) {
                Ok(Ok(())) => self.say(format!("{} asks for everything again", self.sites.name(site))),
                failed => self.fail(format!("FAILED {failed:?}")),
            },
            Op::Release { site } => {
                self.say(format!("{} sends by hand", self.sites.name(site)));
                if let Err(stopped) = self.send_by_hand(site) {
                    self.fail(format!("FAILED {stopped:?}"));
                }
            }
            Op::Answer => self.answer(),
            Op::Document { site, roll } => self.touch(site, roll),
            Op::Bundle { roll } => self.bundle(roll),
            Op::Customize { site, roll } => self.customize(site, roll),
            Op::Away { place, away } => {
                self.sites.set_away(place, away);
                self.say(format!("exchange {place} is {}", if away { "away" } else { "there" }));
            }
            Op::Tamper { roll } => self.tamper(roll),
            Op::Weather { stormy, roll } => {
                self.sites.behave(&if stormy { Unruly::stormy(roll) } else { Unruly::calm() });
                self.say(format!("the exchange is {}", if stormy { "unruly" } else { "calm" }));
            }
        }
    }

    fn tamper(&mut self, roll: u64) {
        let mut dice = Dice::new(roll);
        let everything = self.sites.exchange.everything();
        let files: Vec<&String> = everything.keys().filter(|name| name.ends_with(".fpk")).collect();
        if files.is_empty() {
            return;
        }
        let path = dice.pick(&files);
        let (folder, name) = path.rsplit_once('/').expect("packets are in folders");
        let (folder, name) = (Folder::new(folder).expect("a listed folder"), FileName::new(name).expect("a listed name"));
        let place = dice.roll();
        self.sites.exchange.tamper(&folder, &name, |bytes| {
            let at = usize::try_from(place % bytes.len() as u64).expect("a small number");
            bytes[at] ^= 1;
        });
        self.tampered = true;
        self.say(format!("somebody changes a byte of {path}"));
    }

    /// A person's hand in the folder of a site.
    fn hand(&mut self, site: usize) -> documents::folder::Hand<'_> {
        let (folder, millis) = (self.sites.library(site), self.sites.now(site));
        documents::folder::Hand { site, folder, deeds: &mut self.deeds.documents, millis }
    }

    /// A person does something in a folder.
    fn touch(&mut self, site: usize, roll: u64) {
        let folder = self.sites.library(site);
        // A site that has not joined yet has none.
        if !folder.join(".fieldpost-library").exists() {
            return;
        }
        let said = self.hand(site).act(roll);
        self.say(format!("{} {said}", self.sites.name(site)));
    }

    pub fn edit(&mut self, site: usize, edit: history::Edit) {
        if let Err(error) = self.sites.start_application(site) {
            return self.fail(format!("APPLICATION {error}"));
        }
        let Some(application) = &mut self.sites.applications[site] else { return };
        let said = application.edit(edit, &mut self.deeds);
        self.say(format!("{} edits: {said}", self.sites.name(site)));
        self.look(site);
    }

    /// One round. Gives whether anything moved; none where it died or failed.
    pub fn round(
        &mut self,
        site: usize,
        halves: Halves,
        kill: Option<u64>,
        kill_open: Option<u64>,
        meanwhile: Option<(u64, history::Edit)>,
    ) -> Option<bool> {
        if let Err(error) = self.sites.start_application(site) {
            self.fail(format!("APPLICATION {error}"));
        }
        let deeds = &mut self.deeds;
        let begun = deeds.changing.now();
        let mut said = Vec::new();
        let done = self.sites.round(site, halves, kill, kill_open, &mut |call, application| {
            if let (Some((when, edit)), Some(application)) = (meanwhile, application)
                && when == call
            {
                said.push(application.edit(edit, deeds));
            }
        });
        let name = self.sites.name(site);
        for said in said {
            self.say(format!("{name} edits meanwhile: {said}"));
        }
        let moved = match done {
            Ok((report, _)) => {
                let applied: Vec<String> = report
                    .applied
                    .iter()
                    .map(|packet| {
                        let conflicts: Vec<String> = packet.tally.conflicts.iter().map(said_of).collect();
                        format!("{}#{} ({} changes{})", packet.from, packet.number, packet.tally.changes, conflicts.join(""))
                    })
                    .collect();
                let built: Vec<String> =
                    report.built.iter().map(|packet| format!("{}#{} {:?}", packet.to, packet.number, packet.tables)).collect();
                let put: Vec<String> = report.deposited.iter().map(|(to, number)| format!("{to}#{number}")).collect();
                let waits: Vec<String> = report.waiting.iter().map(|waiting| format!("{}: {}", waiting.what, waiting.why)).collect();
                self.say(format!(
                    "{name} {halves:?}: applied {applied:?} sealed {} built {built:?} put {put:?} waits {waits:?}",
                    report.sealed
                ));
                self.deeds.documents.unnoted.remove(&site);
                if report.documents != DocumentCounts::default() {
                    self.say(format!("{name} {:?}", report.documents));
                }
                let changes = report.applied.iter().any(|packet| packet.tally.changes > 0) || report.sealed > 0;
                let documents = DocumentCounts { coming: 0, ..report.documents.clone() } != DocumentCounts::default();
                let nothing = !changes && !documents && report.built.iter().all(|packet| packet.tables.is_empty());
                self.awaiting = if nothing && (report.documents.coming > 0 || self.awaiting > 0) { self.awaiting + 1 } else { 0 };
                // A table made anew has no triggers, and is compared.
                if (report.found > 0 || !report.rearmed.is_empty()) && !self.sites.setting.changing {
                    self.fail(format!("DRIFT {name} found {} differences that nobody noted", report.found));
                }
                if site == 0 {
                    self.deeds.changing.noticed(begun);
                }
                Some(!report.applied.is_empty() || !report.built.is_empty() || !report.deposited.is_empty() || report.sealed > 0)
            }
            Err(Stopped::Died(step)) => {
                self.say(format!("{name} {halves:?}: dies before '{step}' ({kill:?}, {kill_open:?})"));
                if step == "commit documents placed" {
                    self.deeds.documents.unnoted.insert(site);
                }
                None
            }
            Err(Stopped::Moved) if meanwhile.is_some_and(|(_, edit)| matches!(edit.what, history::What::Migrate | history::What::Own)) => {
                self.say(format!("{name} {halves:?}: the schema moved"));
                None
            }
            Err(Stopped::Moved) => {
                self.fail(format!("FAILED {name}: the schema moved, and nobody moved it"));
                None
            }
            Err(Stopped::Failed(error)) => {
                self.fail(format!("FAILED {error}"));
                None
            }
        };
        self.look(site);
        self.observe(site, false);
        moved
    }

    /// Calm rounds until nothing moves.
    pub fn settle(&mut self) {
        self.sites.calm();
        self.say("-- all is calm".into());
        if self.sites.setting.two_ways
            && let Err(stopped) = self.sites.accept_exchanges()
        {
            return self.fail(format!("FAILED {stopped:?}"));
        }
        for _ in 0..MOST_ROUNDS {
            let mut busy = false;
            self.answer();
            for site in 0..self.sites.setting.tree.sites.len() {
                self.sites.tick(REDEPOSIT_MILLIS + 1_000);
                busy |= self.round(site, Halves::Both, None, None, None).unwrap_or(true);
                if !self.outcome.wrong.is_empty() {
                    return;
                }
            }
            // README, honest limits: what was deleted before it was sent may be asked for when nobody has it any more.
            if !busy || self.awaiting > AWAITED * self.sites.setting.tree.sites.len() {
                return;
            }
        }
        self.fail("NEVER QUIET".into());
    }

    /// Hands what can be seen from outside to the referee.
    pub fn judge(&mut self) {
        match self.evidence(false) {
            Ok(wrong) => wrong.into_iter().for_each(|wrong| self.fail(wrong)),
            Err(error) => self.fail(format!("FAILED {error:?}")),
        }
    }

    /// What can be seen of every site: records and lists, for comparing two runs.
    pub fn end(&mut self) -> BTreeMap<String, String> {
        let mut end = BTreeMap::new();
        for site in 0..self.sites.setting.tree.sites.len() {
            let name = self.sites.name(site);
            let records = self.records(site);
            end.extend(records.into_iter().map(|(key, row)| (format!("{name} {key}"), row)));
            let mut listed = Vec::new();
            if let Ok(session) = self.sites.session(site, None) {
                let read = session.ledger.conflicts(0, &mut |_, _, _, conflict| {
                    listed.push(said_of(&conflict));
                    Ok(())
                });
                read.expect("the list can be read");
            }
            listed.sort();
            end.insert(format!("{name} conflicts"), listed.join("\n"));
        }
        end
    }
}

fn said_of(conflict: &fieldpost::ledger::Conflict) -> String {
    format!(
        ", {:?} {}[{}].{} '{}' over '{}'",
        conflict.kind,
        conflict.table,
        key_word(&conflict.key),
        conflict.field.as_deref().unwrap_or("*"),
        conflict.winner.as_deref().unwrap_or("-"),
        conflict.loser.as_deref().unwrap_or("-")
    )
}
