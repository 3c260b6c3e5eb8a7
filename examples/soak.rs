//! Many sites, each with a watch of its own, random edits, and an exchange that goes away now and then: for as long as you like.
//!
//! `cargo build --release && cargo run --release --example soak -- --minutes 60 --sites 20`
//!
//! Makes a host, offices and remotes in a temporary folder, starts `fieldpost watch` at each, edits at random, takes the exchange away for
//! some seconds at random and kills a watch now and then. At the end it lets everything settle, compares the digests of all sites, and prints
//! what memory the watches had after a tenth of the time and have now, and how many files lie where. Ends with 1 where anything differs or grew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Memory may differ by this much: allocators keep what they had once.
const GROWTH: f64 = 1.3;
/// Files that may lie on the exchange when all is quiet: the marker, and the last packet of each link, which nobody has to answer.
const FILES_PER_LINK: usize = 4;

struct Soak {
    folder: tempfile::TempDir,
    program: PathBuf,
    sites: Vec<String>,
    watches: BTreeMap<String, Child>,
    dice: u64,
}

impl Soak {
    /// From 0 to `end` - 1.
    fn roll(&mut self, end: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % end
    }

    fn any_site(&mut self) -> String {
        let at = self.roll(self.sites.len() as u64) as usize;
        self.sites[at].clone()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, line: &str) -> String {
        let output =
            Command::new(&self.program).args(line.split(' ')).current_dir(self.folder.path()).output().expect("fieldpost is built");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn begin(&mut self, sites: usize) {
        for folder in ["share", "head"] {
            std::fs::create_dir(self.path(folder)).expect("a folder");
        }
        let database = Connection::open(self.path("head/shop.db")).expect("a database");
        let schema = "PRAGMA journal_mode = WAL;
            CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, phone TEXT, city TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT REFERENCES customers(id), amount INTEGER);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
            INSERT INTO customers SELECT 'C' || i, 'Customer ' || i, i, 'Bern' FROM n;";
        database.execute_batch(schema).expect("a schema");
        self.run("init --home head --name head --database head/shop.db --exchange share");
        self.sites.push("head".to_owned());
        for number in 1..sites {
            // Every fifth site is an office, and those after it are its remotes.
            let (name, office) = (format!("s{number}"), number % 5 == 1);
            let parent = if office { "head".to_owned() } else { format!("s{}", number - (number - 1) % 5) };
            let role = if office { "office" } else { "remote" };
            self.run(&format!("invite {name} --role {role} --home {parent} --out {name}.invite"));
            self.run(&format!("join {name}.invite --home {name} --exchange share"));
            for site in [&parent, &name, &parent] {
                self.run(&format!("sync --home {site}"));
            }
            self.sites.push(name);
        }
        for site in self.sites.clone() {
            let settings = self.path(&site).join("fieldpost.toml");
            let text = std::fs::read_to_string(&settings).expect("settings");
            std::fs::write(&settings, format!("{text}\n[watch]\nevery = \"5m\"\npoll = \"5s\"\nsettle = \"2s\"\n")).expect("settings");
            self.watch(&site);
        }
    }

    fn watch(&mut self, site: &str) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path(&format!("{site}.log"))).expect("a log");
        let mut command = Command::new(&self.program);
        command.args(["--home", site, "watch", "--quiet"]).current_dir(self.folder.path()).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().expect("a log")).stderr(log).spawn().expect("a watch");
        self.watches.insert(site.to_owned(), child);
    }

    fn edit(&mut self) {
        let site = self.any_site();
        let (customer, value) = (self.roll(500) + 1, self.roll(1_000_000));
        let sql = match self.roll(10) {
            0..=5 => format!("UPDATE customers SET phone = '{value}' WHERE id = 'C{customer}'"),
            6 => format!("UPDATE customers SET city = 'City {value}' WHERE id = 'C{customer}'"),
            7 | 8 => format!("INSERT INTO orders (customer, amount) SELECT id, {value} FROM customers WHERE id = 'C{customer}'"),
            _ => format!("DELETE FROM orders WHERE id = (SELECT max(id) FROM orders WHERE id % 7 = {})", value % 7),
        };
        let database = Connection::open(self.path(&site).join("shop.db")).expect("a database");
        database.busy_timeout(Duration::from_secs(30)).expect("a timeout");
        database.execute_batch(&sql).expect("the application may always write");
    }

    /// The exchange goes away for some seconds, as a share does.
    fn trouble(&mut self) {
        let seconds = 2 + self.roll(20);
        std::fs::rename(self.path("share"), self.path("away")).expect("the share goes");
        std::thread::sleep(Duration::from_secs(seconds));
        std::fs::rename(self.path("away"), self.path("share")).expect("the share comes back");
    }

    fn kill_one(&mut self) {
        let site = self.any_site();
        if let Some(mut child) = self.watches.remove(&site) {
            child.kill().expect("a watch can be killed");
            child.wait().expect("and is gone");
        }
        self.watch(&site);
    }

    fn digests(&self) -> Vec<String> {
        self.sites
            .iter()
            .map(|site| self.run(&format!("digest --home {site}")).split_whitespace().last().unwrap_or_default().to_owned())
            .collect()
    }

    /// Resident memory of all watches, in kB; none where the system does not tell.
    fn memory(&self) -> Option<u64> {
        let of = |child: &Child| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        self.watches.values().map(of).sum()
    }
}

impl Drop for Soak {
    fn drop(&mut self) {
        for child in self.watches.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

fn option(name: &str, default: u64) -> u64 {
    let mut words = std::env::args().skip_while(|word| word != name).skip(1);
    words.next().and_then(|word| word.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let (minutes, sites, seed) = (option("--minutes", 60), option("--sites", 20), option("--seed", 1));
    let target = std::env::current_exe().expect("this program").ancestors().nth(2).expect("the target folder").to_owned();
    let mut soak = Soak {
        folder: tempfile::tempdir().expect("a temporary folder"),
        program: target.join(format!("fieldpost{}", std::env::consts::EXE_SUFFIX)),
        sites: Vec::new(),
        watches: BTreeMap::new(),
        dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
    };
    println!("{sites} sites for {minutes} minutes, seed {seed}, in {}", soak.folder.path().display());
    soak.begin(sites as usize);
    let (began, length) = (Instant::now(), Duration::from_secs(minutes * 60));
    let (mut early, mut edits, mut troubles) = (None, 0, 0);
    while began.elapsed() < length {
        soak.edit();
        edits += 1;
        match soak.roll(400) {
            0..=3 => {
                soak.trouble();
                troubles += 1;
            }
            4 => soak.kill_one(),
            _ => {}
        }
        if early.is_none() && began.elapsed() > length / 10 {
            early = soak.memory();
        }
        let pause = 50 + soak.roll(400);
        std::thread::sleep(Duration::from_millis(pause));
    }
    let late = soak.memory();
    println!("{edits} edits, the exchange was away {troubles} times; settling");
    let quiet = Instant::now();
    let mut digests = soak.digests();
    while digests.iter().any(|digest| *digest != digests[0]) && quiet.elapsed() < Duration::from_secs(600) {
        std::thread::sleep(Duration::from_secs(5));
        digests = soak.digests();
    }
    let converged = digests.iter().all(|digest| *digest == digests[0]);
    println!("{} after {} s of quiet", if converged { "all the same" } else { "DIFFERENT" }, quiet.elapsed().as_secs());
    let (lying, homes) = (files(&soak.path("share")), soak.sites.iter().map(|site| files(&soak.path(site))).sum::<usize>());
    println!("files: {lying} on the exchange, {homes} in {sites} homes");
    let few = lying <= 1 + FILES_PER_LINK * (soak.sites.len() - 1);
    let steady = match (early, late) {
        (Some(early), Some(late)) => {
            println!("memory of all watches: {} MB after a tenth of the time, {} MB at the end", early / 1000, late / 1000);
            late as f64 <= early as f64 * GROWTH
        }
        _ => true,
    };
    if !converged {
        for (site, digest) in soak.sites.iter().zip(&digests) {
            println!("  {site} {digest}");
        }
    }
    if converged && few && steady { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
