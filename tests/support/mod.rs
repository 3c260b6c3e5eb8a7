//! Several sites in one process, on one exchange in memory.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fieldpost::exchange::Memory;
use fieldpost::model::SiteName;
use fieldpost::site::{Home, Role};
use fieldpost::sync::{Limits, Session, join, report::Report, round, start};
use fieldpost::world::{Faults, SkewedClock, World};
use rusqlite::Connection;

/// A tree of sites in a temporary folder.
pub struct Tree {
    pub folder: tempfile::TempDir,
    pub exchange: Memory,
    pub time: Arc<AtomicI64>,
    pub limits: Limits,
}

pub fn name(text: &str) -> SiteName {
    SiteName::new(text).unwrap()
}

impl Tree {
    /// A host called `head` on a database with this schema and content.
    pub fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree =
            Self { folder, exchange: Memory::default(), time: Arc::new(AtomicI64::new(1_700_000_000_000)), limits: Limits::default() };
        let home = tree.home("head");
        std::fs::create_dir_all(&home).unwrap();
        Connection::open(home.join("shop.db")).unwrap().execute_batch(sql).unwrap();
        tree.init();
        tree
    }

    /// A host called `head` whose `rules.toml` was written before it began; `application` makes the database.
    pub fn with_rules(rules: &str, application: impl FnOnce(&Connection)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree =
            Self { folder, exchange: Memory::default(), time: Arc::new(AtomicI64::new(1_700_000_000_000)), limits: Limits::default() };
        let home = tree.home("head");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("rules.toml"), rules).unwrap();
        application(&Connection::open(home.join("shop.db")).unwrap());
        tree.init();
        tree
    }

    /// A host called `head` on a copy of a database.
    pub fn on_copy(path: &std::path::Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree =
            Self { folder, exchange: Memory::default(), time: Arc::new(AtomicI64::new(1_700_000_000_000)), limits: Limits::default() };
        let home = tree.home("head");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::copy(path, home.join("shop.db")).unwrap();
        tree.init();
        tree
    }

    fn init(&self) {
        let mut exchange = self.exchange.clone();
        start::init(
            &self.world("head"),
            &self.home("head"),
            &name("head"),
            "shop.db",
            "memory",
            &mut exchange,
            &self.limits,
            &mut |_, _| {},
        )
        .unwrap();
    }

    pub fn home(&self, site: &str) -> PathBuf {
        self.folder.path().join(site)
    }

    pub fn world(&self, site: &str) -> World {
        let clock = SkewedClock { base: self.time.clone(), skew: 0 };
        let seed = self.time.load(Ordering::Relaxed).unsigned_abs() ^ (site.len() as u64) << 50 ^ u64::from(site.as_bytes()[0]) << 40;
        World::simulated(Box::new(clock), seed, Faults::none())
    }

    pub fn tick(&self, millis: i64) {
        self.time.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn session(&self, site: &str) -> Session {
        let home = Home::discover(Some(&self.home(site)), &self.home(site)).unwrap();
        Session::open(self.world(site), home, self.limits.clone()).unwrap()
    }

    /// Invites and joins, without any round.
    pub fn add(&self, parent: &str, child: &str, role: Role) {
        self.tick(1);
        let text = join::invite(&self.session(parent), &name(child), role, &[], join::INVITATION_MILLIS).unwrap();
        join::join(&self.world(child), &self.home(child), &text, "memory", None).unwrap();
    }

    pub fn sync(&self, site: &str) -> Report {
        self.tick(1_000);
        let mut session = self.session(site);
        round::run(&mut session, &mut self.exchange.clone(), round::Halves::Both, &mut |_| {}).unwrap()
    }

    /// Rounds at all sites until nothing moves.
    pub fn settle(&self, sites: &[&str]) {
        for _ in 0..20 {
            let mut busy = false;
            for site in sites {
                let report = self.sync(site);
                busy |= !report.applied.is_empty() || !report.built.is_empty();
            }
            if !busy {
                return;
            }
        }
        panic!("never quiet");
    }

    /// The application of a site.
    pub fn application(&self, site: &str) -> Connection {
        let connection = Connection::open(self.home(site).join("shop.db")).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        connection
    }

    pub fn edit(&self, site: &str, sql: &str) {
        self.tick(10);
        self.application(site).execute_batch(sql).unwrap();
    }

    pub fn value(&self, site: &str, sql: &str) -> rusqlite::types::Value {
        self.application(site).query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub fn text(&self, site: &str, sql: &str) -> String {
        self.application(site).query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Digest of every tracked table.
    pub fn digests(&self, site: &str) -> Vec<(String, u64, [u8; 32])> {
        let session = self.session(site);
        let database = session.database().unwrap();
        let mut all: Vec<_> = session
            .shapes
            .iter()
            .map(|shape| {
                let digest = database.digest(shape).unwrap();
                (shape.name.clone(), digest.records, digest.hash)
            })
            .collect();
        all.sort();
        all
    }

    pub fn assert_same(&self, sites: &[&str]) {
        let first = self.digests(sites[0]);
        for site in &sites[1..] {
            assert_eq!(self.digests(site), first, "{site} differs from {}", sites[0]);
        }
    }
}
