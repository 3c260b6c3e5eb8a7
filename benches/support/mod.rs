//! What the measurements share: a table of 21 columns, two sites on an exchange in memory, processor time, medians.
//!
//! Every goal is a ratio of two things measured in turns in one run, so that it means the same on every machine.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use fieldpost::exchange::Memory;
use fieldpost::model::SiteName;
use fieldpost::site::{Home, Role};
use fieldpost::sync::report::Report;
use fieldpost::sync::{Limits, Session, join, round, start};
use fieldpost::world::World;
use rusqlite::Connection;
use rusqlite::types::Value;

/// What kind of key the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    Integer,
    /// Twelve letters and digits, counted up, as SalesLogix hands them out.
    Text,
}

/// Columns beside the key.
pub const FIELDS: usize = 20;

/// Fields that an edit of a round changes.
pub const EDIT: &str = "UPDATE contact SET f03 = ?1, f17 = ?2 WHERE id = ?3";

impl Keys {
    pub const BOTH: [Self; 2] = [Self::Integer, Self::Text];

    pub fn key(self, number: u64) -> Value {
        match self {
            Self::Integer => Value::Integer(i64::try_from(number).unwrap()),
            Self::Text => {
                let digit =
                    |place| char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[usize::try_from(number / 36_u64.pow(place) % 36).unwrap()]);
                Value::Text(std::iter::once('C').chain("6UJ9A".chars()).chain((0..6).rev().map(digit)).collect())
            }
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer keys",
            Self::Text => "text keys",
        }
    }
}

const NAMES: [&str; 16] = [
    "Oak",
    "Springfield",
    "Smith",
    "Harbour",
    "Miller",
    "Weber",
    "Northern",
    "Green",
    "Hill",
    "Baker",
    "Stone",
    "River",
    "King",
    "Castle",
    "Young",
    "Fischer",
];

/// The value of a field: two thirds text, the rest numbers.
pub fn value(number: u64, field: usize, version: u64) -> Value {
    let mixed = (number << 20 ^ version << 8 ^ field as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    match field % 6 {
        0..=3 => {
            let name = |bits: u64| NAMES[usize::try_from(bits % 16).unwrap()];
            Value::Text(format!("{} {} {}", name(mixed >> 40), ["Street", "County", "Ltd.", "& Sons"][field % 4], mixed >> 56))
        }
        4 => Value::Integer(i64::try_from(mixed >> 44).unwrap()),
        _ => Value::Real(f64::from(u32::try_from(mixed >> 40).unwrap()) / 100.0),
    }
}

/// Fields of a table that only has to have many records: those of [`EDIT`].
pub const FEW: [usize; 2] = [3, 17];

pub fn field_names() -> Vec<String> {
    (1..=FIELDS).map(|field| format!("f{field:02}")).collect()
}

/// Makes the application's database with `records` records of all fields.
pub fn fill(path: &Path, keys: Keys, records: u64, journal: &str) {
    fill_with(path, keys, &(1..=FIELDS).collect::<Vec<_>>(), records, journal);
}

/// Makes the application's database with `records` records of some fields.
pub fn fill_with(path: &Path, keys: Keys, fields: &[usize], records: u64, journal: &str) {
    let connection = connect(path);
    connection.pragma_update(None, "journal_mode", journal).unwrap();
    let kind = match keys {
        Keys::Integer => "INTEGER",
        Keys::Text => "TEXT",
    };
    let kinds = ["TEXT", "TEXT", "TEXT", "TEXT", "INTEGER", "REAL"];
    let columns: Vec<String> = fields.iter().map(|field| format!("f{field:02} {}", kinds[field % 6])).collect();
    connection.execute_batch(&format!("CREATE TABLE contact (id {kind} PRIMARY KEY NOT NULL, {})", columns.join(", "))).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    let mut insert = connection.prepare(&insert_sql(fields.len())).unwrap();
    for number in 0..records {
        let row = std::iter::once(keys.key(number)).chain(fields.iter().map(|field| value(number, *field, 0)));
        insert.execute(rusqlite::params_from_iter(row)).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

pub fn insert_sql(fields: usize) -> String {
    let places: Vec<String> = (1..=fields + 1).map(|place| format!("?{place}")).collect();
    format!("INSERT INTO contact VALUES ({})", places.join(", "))
}

/// The key and all fields.
pub fn whole_row(keys: Keys, number: u64, version: u64) -> Vec<Value> {
    std::iter::once(keys.key(number)).chain((1..=FIELDS).map(|field| value(number, field, version))).collect()
}

/// `count` numbers below `records`, all different, in no order.
pub fn scattered(count: u64, records: u64) -> Vec<u64> {
    let step = records / count;
    // A prime that divides no table size used here walks through all places.
    (0..count).map(|place| (place * 7_368_787) % count * step).collect()
}

/// A connection as an application would have it: bundled SQLite, its defaults, WAL's usual `synchronous`.
pub fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.pragma_update(None, "synchronous", "normal").unwrap();
    connection
}

/// The edits of one round as the application makes them: one prepared statement, one transaction.
pub fn edit(connection: &Connection, keys: Keys, numbers: &[u64], version: u64) {
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut update = connection.prepare_cached(EDIT).unwrap();
    for number in numbers {
        update.execute((value(*number, 3, version), value(*number, 17, version), keys.key(*number))).unwrap();
    }
    drop(update);
    connection.execute_batch("COMMIT").unwrap();
}

/// A host `head` and a remote `south` with the same records, quiet.
pub struct Sites {
    pub folder: tempfile::TempDir,
    pub exchange: Memory,
    pub keys: Keys,
}

pub fn name(text: &str) -> SiteName {
    SiteName::new(text).unwrap()
}

impl Sites {
    /// The host alone, with a table filled by `fill`.
    fn host(keys: Keys, fill: impl FnOnce(&Path)) -> Self {
        let sites = Self { folder: tempfile::tempdir().unwrap(), exchange: Memory::default(), keys };
        let home = sites.home("head");
        std::fs::create_dir_all(&home).unwrap();
        fill(&home.join("shop.db"));
        let (world, mut exchange) = (World::real(), sites.exchange.clone());
        start::init(
            &world,
            &home,
            &name("head"),
            "shop.db",
            fieldpost::site::Exchanges::only("memory"),
            &mut [&mut exchange],
            &Limits::default(),
            &mut |_, _| {},
        )
        .unwrap();
        sites
    }

    /// Both, after the first load.
    pub fn both(keys: Keys, records: u64, journal: &str) -> Self {
        Self::joined(Self::host(keys, |path| fill(path, keys, records, journal)))
    }

    /// Both, after the first load, with these rules at the host, and with a table `company` that has a record for each value of `f13`.
    pub fn both_ruled(keys: Keys, records: u64, journal: &str, rules: &str) -> Self {
        Self::joined(Self::host(keys, |path| {
            fill(path, keys, records, journal);
            let companies = "CREATE TABLE company (id TEXT PRIMARY KEY NOT NULL); INSERT INTO company SELECT DISTINCT f13 FROM contact";
            connect(path).execute_batch(companies).unwrap();
            std::fs::write(path.with_file_name("rules.toml"), rules).unwrap();
        }))
    }

    /// Both, after the first load, with a table of [`FEW`] fields.
    pub fn both_narrow(keys: Keys, records: u64, journal: &str) -> Self {
        Self::joined(Self::host(keys, |path| fill_with(path, keys, &FEW, records, journal)))
    }

    fn joined(sites: Self) -> Self {
        sites.invite();
        sites.settle();
        sites
    }

    pub fn invite(&self) {
        let text = join::invite(&self.session("head"), &name("south"), Role::Remote, &[], join::INVITATION_MILLIS).unwrap();
        join::join(&World::real(), &self.home("south"), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
    }

    pub fn home(&self, site: &str) -> PathBuf {
        self.folder.path().join(site)
    }

    pub fn database(&self, site: &str) -> PathBuf {
        self.home(site).join("shop.db")
    }

    pub fn session(&self, site: &str) -> Session {
        let home = Home::discover(Some(&self.home(site)), &self.home(site)).unwrap();
        Session::open(World::real(), home, Limits::default()).unwrap()
    }

    pub fn run(&self, session: &mut Session, halves: round::Halves) -> Report {
        round::run(session, &mut [&mut self.exchange.clone()], halves, &mut |_| {}).unwrap()
    }

    /// Rounds until nobody has anything to say.
    pub fn settle(&self) {
        for _ in 0..10 {
            let mut busy = false;
            for site in ["south", "head"] {
                let report = self.run(&mut self.session(site), round::Halves::Both);
                busy |= !report.applied.is_empty() || !report.built.is_empty();
            }
            if !busy {
                return;
            }
        }
        panic!("never quiet");
    }
}

/// Whether the command line names this part of a bench, or none.
pub fn wanted(part: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| part.contains(&word))
}

/// User and system time of this process, and time on the wall, that `work` took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Taken, T) {
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let done = work();
    (Taken { cpu: cpu.elapsed().as_secs_f64(), wall: wall.elapsed().as_secs_f64() }, done)
}

/// Seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub cpu: f64,
    pub wall: f64,
}

/// Samples of one thing.
#[derive(Clone, Debug, Default)]
pub struct Samples(pub Vec<Taken>);

impl Samples {
    pub fn cpu(&self) -> f64 {
        median(self.0.iter().map(|taken| taken.cpu))
    }

    pub fn wall(&self) -> f64 {
        median(self.0.iter().map(|taken| taken.wall))
    }
}

pub fn median(samples: impl Iterator<Item = f64>) -> f64 {
    let mut samples: Vec<f64> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Which side of a goal is good.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// One line of result.
pub fn report(what: &str, measured: f64, unit: &str, goal: Goal) {
    let (sign, bound, met) = match goal {
        Goal::AtMost(bound) => ("≤", bound, measured <= bound),
        Goal::AtLeast(bound) => ("≥", bound, measured >= bound),
    };
    let word = if met { "met" } else { "MISSED" };
    println!("{what:<64} {measured:>8.2}{unit}   goal {sign} {bound}{unit}   {word}");
}
