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

/// Two tables with some records.
pub const SHOP: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, phone TEXT);
    CREATE TABLE notes (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, body TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', 'Bern', '1'), ('BOLT', 'Bolt AG', 'Basel', '2'), ('CORE', 'Core', 'Chur', '3');
    INSERT INTO notes VALUES ('N1', 'ACME', 'first');";

/// A tree of sites in a temporary folder.
pub struct Tree {
    pub folder: tempfile::TempDir,
    pub exchange: Memory,
    pub time: Arc<AtomicI64>,
    pub limits: Limits,
}

/// Says why a test checks nothing here, past the harness, which keeps what a passing test prints to itself.
pub fn skipped(why: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {why}\n").as_bytes()).unwrap();
}

/// A real database that lies beside the project; not everywhere.
pub fn real_database(name: &str) -> Option<PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.is_file() {
        return Some(path);
    }
    skipped(&format!("{} is not there", path.display()));
    None
}

pub fn name(text: &str) -> SiteName {
    SiteName::new(text).unwrap()
}

impl Tree {
    /// A host called `head` on a database with this schema and content.
    pub fn new(sql: &str) -> Self {
        Self::with_rules(sql, "")
    }

    /// As [`Tree::new`], with this text as the host's `rules.toml`.
    pub fn with_rules(sql: &str, rules: &str) -> Self {
        Self::made_by(rules, |path| Connection::open(path).unwrap().execute_batch(sql).unwrap())
    }

    /// A host called `head` whose `rules.toml` was written before it began; `application` makes the database.
    pub fn of_application(rules: &str, application: impl FnOnce(&Connection)) -> Self {
        Self::made_by(rules, |path| application(&Connection::open(path).unwrap()))
    }

    /// A host called `head` on a copy of a database.
    pub fn on_copy(path: &std::path::Path) -> Self {
        Self::made_by("", |copy| assert!(std::fs::copy(path, copy).is_ok()))
    }

    /// A host called `head` on the database that `make` puts at the path it is given.
    pub fn made_by(rules: &str, make: impl FnOnce(&std::path::Path)) -> Self {
        // In memory where there is such a folder: most of the time of a test goes into waiting for the disk.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let tree =
            Self { folder, exchange: Memory::default(), time: Arc::new(AtomicI64::new(1_700_000_000_000)), limits: Limits::default() };
        let home = tree.home("head");
        std::fs::create_dir_all(&home).unwrap();
        make(&home.join("shop.db"));
        // Triggers read the real clock, sites a made one that is years behind: edits must be believed all the same.
        let clocks = if rules.contains("[clocks]") { "" } else { "\n[clocks]\nfuture = \"36500d\"\n" };
        std::fs::write(home.join("rules.toml"), format!("{rules}{clocks}")).unwrap();
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
            fieldpost::site::Exchanges::only("memory"),
            &mut [&mut exchange],
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
        join::join(&self.world(child), &self.home(child), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
    }

    pub fn sync(&self, site: &str) -> Report {
        self.half(site, round::Halves::Both)
    }

    /// A round, or only one half of it.
    pub fn half(&self, site: &str, halves: round::Halves) -> Report {
        self.tick(1_000);
        let mut session = self.session(site);
        round::run(&mut session, &mut [&mut self.exchange.clone()], halves, &mut |_| {}).unwrap()
    }

    /// One round, opening included, that dies before its `kill`-th durable step. Gives that step; none where it lived.
    pub fn sync_dying(&self, site: &str, kill: u64) -> Option<&'static str> {
        self.tick(1_000);
        let mortal = self.world(site);
        mortal.faults().kill_before(Some(kill));
        let home = Home::discover(Some(&self.home(site)), &self.home(site)).unwrap();
        let mut session = match Session::open(mortal, home, self.limits.clone()) {
            Ok(session) => session,
            Err(error) if error.is_crash() => return Some("opening"),
            Err(error) => panic!("{site}: {error}"),
        };
        let done = round::run(&mut session, &mut [&mut self.exchange.clone()], round::Halves::Both, &mut |_| {});
        let died = session.world.faults().died_at();
        assert!(died.is_some() || done.is_ok(), "{site}: {done:?}");
        died
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

    /// Edits at two sites never fall into one millisecond, by which the triggers date them.
    pub fn edit(&self, site: &str, sql: &str) {
        self.tick(10);
        std::thread::sleep(std::time::Duration::from_millis(2));
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
            if self.digests(site) != first {
                let held: Vec<String> =
                    sites.iter().flat_map(|at| self.held(at).into_iter().map(move |held| format!("held at {at}: {held}"))).collect();
                let said = [self.differences(site, sites[0]), held].concat();
                panic!("{site} differs from {}:\n  {}", sites[0], said.join("\n  "));
            }
        }
    }

    /// Rows that only one of two sites has, with its name: what a person wants to see where digests differ.
    fn differences(&self, here: &str, there: &str) -> Vec<String> {
        let mut differences = Vec::new();
        for (table, ..) in self.digests(there) {
            let sql = format!("SELECT * FROM \"{table}\"");
            let (ours, theirs) = (self.rows(here, &sql), self.rows(there, &sql));
            let only = |site: &str, rows: &[String], other: &[String]| -> Vec<String> {
                rows.iter().filter(|row| !other.contains(row)).take(20).map(|row| format!("{site} only: {table} {row}")).collect()
            };
            differences.extend(only(here, &ours, &theirs));
            differences.extend(only(there, &theirs, &ours));
        }
        differences
    }

    /// Rows in the order of the query, their columns joined by `|`, NULL as `-`.
    pub fn rows(&self, site: &str, sql: &str) -> Vec<String> {
        let application = self.application(site);
        let mut statement = application.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let words: Vec<String> = (0..columns).map(|column| row.get_ref(column).map(word)).collect::<rusqlite::Result<_>>()?;
            Ok(words.join("|"))
        };
        statement.query_map([], row).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    /// Every site gives these rows.
    pub fn assert_rows(&self, sites: &[&str], sql: &str, expected: &[&str]) {
        for site in sites {
            assert_eq!(self.rows(site, sql), expected, "at {site}: {sql}");
        }
    }

    /// Every site holds the same, its file is whole, and every declared reference leads somewhere.
    pub fn assert_sound(&self, sites: &[&str]) {
        self.assert_same(sites);
        for site in sites {
            assert_eq!(self.rows(site, "PRAGMA foreign_key_check"), [""; 0], "foreign keys at {site}");
            assert_eq!(self.rows(site, "PRAGMA integrity_check"), ["ok"], "at {site}");
        }
    }

    /// What waits at a site, and why.
    pub fn held(&self, site: &str) -> Vec<String> {
        let session = self.session(site);
        let mut held = Vec::new();
        session
            .ledger
            .exceptional(&mut |record| {
                let table = &session.shape(record.table).name;
                held.extend(record.extra.held.values().map(|entry| format!("{table} {}: {}", record.key, entry.reason)));
                Ok(())
            })
            .unwrap();
        held
    }

    /// The values that lost, as a site's list of conflicts has them, and what is held there.
    pub fn listed(&self, site: &str) -> Vec<String> {
        let session = self.session(site);
        let mut listed = Vec::new();
        session
            .ledger
            .conflicts(0, &mut |_, _, _, conflict| {
                listed.extend(conflict.loser);
                Ok(())
            })
            .unwrap();
        session
            .ledger
            .exceptional(&mut |record| {
                let after = record.extra.held.values().filter_map(|held| held.change.after.as_ref());
                listed.extend(after.flat_map(|after| after.row.0.iter().map(ToString::to_string)));
                Ok(())
            })
            .unwrap();
        listed
    }
}

fn word(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "-".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => data_encoding::HEXLOWER.encode(bytes),
    }
}

/// Whether a round says these words.
pub fn says(report: &Report, words: &str) -> bool {
    report.notes.iter().any(|note| note.contains(words))
}

/// What was decided at a site, a line each.
pub fn conflicts(tree: &Tree, site: &str) -> Vec<String> {
    let mut all = Vec::new();
    let session = tree.session(site);
    session
        .ledger
        .conflicts(0, &mut |_, _, _, conflict| {
            all.push(format!("{} {:?}: {:?} over {:?}", conflict.key, conflict.field, conflict.winner, conflict.loser));
            Ok(())
        })
        .unwrap();
    all
}

/// The same throws for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below this one.
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// These seeds, or those of FIELDPOST_SEEDS (from-to).
pub fn seeds(usual: std::ops::RangeInclusive<u64>) -> std::ops::RangeInclusive<u64> {
    let named = std::env::var("FIELDPOST_SEEDS").ok();
    let named = named.and_then(|text| text.split_once('-').map(|(from, to)| (from.parse(), to.parse())));
    named.map_or(usual, |(from, to)| from.unwrap()..=to.unwrap())
}
