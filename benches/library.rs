//! What documents cost: to look at, to look at again, and to keep the same elsewhere.
//!
//! `cargo bench --bench library`, or a part of it: `-- scan`, `-- travel`, `-- memory`; `-- --full` with 10,000 documents (2.2 GB) instead of 2,000
//! (0.4 GB). What travels is counted as the bytes of the packets that two sites put on an exchange, the list of documents, envelope and
//! sealing included. It is compared with what `rsync` counts as literal data (without checksums and names) and as all that goes to and fro,
//! and with what `restic` stores, in the same run; where one of them is not installed, it is said. A move is a new file for rsync.

mod support;

#[path = "support/documents.rs"]
mod documents;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use documents::Amount;
use fieldpost::library::{ChunkId, DocumentPath, Finding, Found, Library, LibraryError, Patterns, Seen};
use fieldpost::sync::documents::{place::coming, switch};
use fieldpost::sync::round::Halves;
use fieldpost::world::World;
use support::{Goal, Keys, Samples, Sites, Taken, report, timed, wanted};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, step, folder] = &words[..]
        && step == "film"
    {
        return film(Path::new(folder));
    }
    if wanted("memory") {
        memory(&words[0]);
    }
    if wanted("scan") {
        scan(Amount::wanted());
    }
    if wanted("travel") {
        travel(Amount::wanted());
    }
}

/// Walks the library and keeps what it tells; how many documents are new.
fn walk_library(library: &Library, seen: &mut BTreeMap<DocumentPath, Seen>) -> usize {
    let mut news = Vec::new();
    let mut found = |finding| {
        match finding {
            Finding::Same(_) => {}
            Finding::New(found) => news.push(found),
            other @ (Finding::Changed(_)
            | Finding::Gone(_)
            | Finding::Cleared(_)
            | Finding::Touched(..)
            | Finding::Busy(_)
            | Finding::Refused { .. }) => {
                panic!("{other:?}")
            }
        }
        Ok::<_, LibraryError>(())
    };
    library.scan(&World::real(), &Patterns::default(), seen, &mut found).unwrap();
    let count = news.len();
    seen.extend(news.into_iter().map(|Found { document, seen, .. }| (document.path, seen)));
    count
}

/// Processor time of the first walk against hashing every byte once, and of a walk that finds nothing against asking for every file's size.
fn scan(amount: Amount) {
    let folder = tempfile::tempdir().unwrap();
    let bytes = documents::generate(folder.path(), amount);
    println!("{} documents, {:.2} GB", amount.documents, bytes as f64 / 1e9);
    let library = Library::create(&World::real(), folder.path()).unwrap();
    let (mut first, mut hashing, mut again, mut walking) = (Samples::default(), Samples::default(), Samples::default(), Samples::default());
    let mut seen = BTreeMap::new();
    hash_all(library.folder());
    for _ in 0..3 {
        hashing.0.push(timed(|| hash_all(library.folder())).0);
        seen.clear();
        first.0.push(timed(|| assert_eq!(walk_library(&library, &mut seen), amount.documents)).0);
    }
    for _ in 0..9 {
        walking.0.push(timed(|| assert_eq!(walk(library.folder()), amount.documents + 1)).0);
        again.0.push(timed(|| assert_eq!(walk_library(&library, &mut seen), 0)).0);
    }
    println!("first walk {:.1} s, hashing {:.1} s (processor time)", first.cpu(), hashing.cpu());
    report("first walk, against hashing every byte", first.cpu() / hashing.cpu(), "×", Goal::AtMost(6.0));
    println!("walk without changes {:.0} ms, sizes alone {:.0} ms (processor time)", again.cpu() * 1e3, walking.cpu() * 1e3);
    report("walk that finds nothing, against asking for every size", again.cpu() / walking.cpu(), "×", Goal::AtMost(3.0));
}

fn hash_all(folder: &Path) {
    let mut buffer = vec![0; 1 << 20];
    each_file(folder, &mut |path| {
        let mut file = std::fs::File::open(path).unwrap();
        let mut hasher = blake3::Hasher::new();
        loop {
            match file.read(&mut buffer).unwrap() {
                0 => break,
                read => hasher.update(&buffer[..read]),
            };
        }
        std::hint::black_box(hasher.finalize());
    });
}

fn walk(folder: &Path) -> usize {
    let mut files = 0;
    each_file(folder, &mut |path| files += usize::from(std::fs::symlink_metadata(path).unwrap().is_file()));
    files
}

fn each_file(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() { each_file(&entry.path(), each) } else { each(&entry.path()) }
    }
}

/// Two sites with a library each, and what they put on the exchange.
struct Pair {
    sites: Sites,
}

impl Pair {
    fn new(amount: Amount) -> Self {
        let sites = Sites::both_narrow(Keys::Text, 100, "wal");
        let bytes = documents::generate(&sites.home("head").join("library"), amount);
        println!("{} documents, {:.2} GB", amount.documents, bytes as f64 / 1e9);
        switch::on(&mut sites.session("head")).unwrap();
        Self { sites }
    }

    fn folder(&self, site: &str) -> PathBuf {
        self.sites.home(site).join("library")
    }

    /// Rounds at both sites until all is where it belongs: bytes of all packets, rounds, and what each site took for it.
    fn settle(&self) -> (f64, usize, [Taken; 2]) {
        let (mut bytes, mut rounds, mut taken) = (0, 0, [Taken::default(); 2]);
        loop {
            rounds += 1;
            assert!(rounds < 100, "never quiet");
            let mut busy = false;
            for (site, taken) in ["head", "south"].into_iter().zip(&mut taken) {
                let (took, report) = timed(|| self.sites.run(&mut self.sites.session(site), Halves::Both));
                (taken.cpu, taken.wall) = (taken.cpu + took.cpu, taken.wall + took.wall);
                assert!(report.waiting.is_empty(), "{:?}", report.waiting);
                bytes += report.built.iter().map(|packet| packet.bytes).sum::<u64>();
                busy |= !report.built.is_empty();
            }
            if !busy && coming(&self.sites.session("south")).unwrap().is_empty() {
                return (bytes as f64, rounds, taken);
            }
        }
    }

    fn assert_same(&self) {
        let all = |site: &str| {
            let folder = self.folder(site);
            let mut found = BTreeMap::new();
            each_file(&folder, &mut |path| {
                let name = path.strip_prefix(&folder).unwrap().to_owned();
                if !name.starts_with(fieldpost::library::HIDDEN) {
                    found.insert(name, blake3::hash(&std::fs::read(path).unwrap()));
                }
            });
            found
        };
        assert!(all("head") == all("south"), "the folders differ");
    }
}

/// Bytes of packets that 200 edits, moves and deletions cost, against the edits themselves, rsync and restic.
fn travel(amount: Amount) {
    let pair = Pair::new(amount);
    let source = pair.folder("head");
    let (sent, rounds, [head, south]) = pair.settle();
    pair.assert_same();
    println!(
        "first load {:.0} MB in {rounds} rounds; head {:.0} s ({:.0} s processor time), south {:.0} s ({:.0} s)",
        sent / 1e6,
        head.wall,
        head.cpu,
        south.wall,
        south.cpu
    );
    let folder = tempfile::tempdir().unwrap();
    let mut rsync = Rsync::begin(folder.path(), &source);
    let restic = Restic::begin(folder.path(), &source);

    let written = documents::edit(&source, amount) as f64;
    let (edits, ..) = pair.settle();
    println!("120 edits: {:.1} kB written, {:.1} kB of packets", written / 1e3, edits / 1e3);
    report("120 edits: bytes of packets, for each edit", edits / 120.0 / 1e3, " kB", Goal::AtMost(8.0));
    let (for_edits, stored_edits) = (rsync.as_mut().map(Rsync::run), restic.as_ref().map(Restic::stored));
    compare("120 edits", edits, for_edits, Goal::AtMost(4.0), stored_edits);

    documents::move_and_delete(&source, amount);
    let (moves, ..) = pair.settle();
    pair.assert_same();
    report("40 moves and 40 deletions: bytes of packets, for each", moves / 80.0, " bytes", Goal::AtMost(250.0));
    let (for_moves, stored_moves) = (rsync.as_mut().map(Rsync::run), restic.as_ref().map(Restic::stored));
    compare("80 moves and deletions", moves, for_moves, Goal::AtMost(0.1), stored_moves);
    let sent = for_edits.zip(for_moves).map(|(one, other)| Sent { literal: one.literal + other.literal, all: one.all + other.all });
    let stored = stored_edits.zip(stored_moves).map(|(one, other)| one + other);
    compare("all 200", edits + moves, sent, Goal::AtMost(0.1), stored);
    report("all 200: bytes of packets, against the bytes that were written", (edits + moves) / written, " ×", Goal::AtMost(20.0));
}

fn compare(what: &str, sent: f64, rsync: Option<Sent>, goal: Goal, restic: Option<f64>) {
    match rsync {
        Some(Sent { literal, all }) => {
            println!("{what}: rsync {:.1} kB of literal data, {:.1} kB to and fro in all", literal / 1e3, all / 1e3);
            report(&format!("{what}: against rsync's literal data"), sent / literal, "×", goal);
            report(&format!("{what}: against all that rsync sends to and fro"), sent / all, "×", Goal::AtMost(1.0));
        }
        None => println!("{what}: rsync is not installed, nothing to compare with (Debian: apt-get install rsync)"),
    }
    match restic {
        Some(stored) => {
            println!("{what}: restic stored {:.1} kB", stored / 1e3);
            report(&format!("{what}: against what restic stores"), sent / stored, "×", Goal::AtMost(0.1));
        }
        None => println!("{what}: restic is not installed, nothing to compare with (Debian: apt-get install restic)"),
    }
}

/// A copy of the documents that rsync keeps the same.
struct Rsync<'a> {
    from: &'a Path,
    to: std::path::PathBuf,
}

impl<'a> Rsync<'a> {
    fn begin(folder: &Path, from: &'a Path) -> Option<Self> {
        Command::new("rsync").arg("--version").output().ok()?;
        let mut rsync = Self { from, to: folder.join("rsync") };
        rsync.run();
        Some(rsync)
    }

    /// Makes the copy the same.
    fn run(&mut self) -> Sent {
        let mut command = Command::new("rsync");
        command.args(["-a", "--delete", "--no-whole-file", "--stats", "--exclude=.fieldpost-library", "--no-human-readable"]);
        let text = run(command.arg(self.from.join("")).arg(&self.to));
        let all = number(&text, "Total bytes sent:") + number(&text, "Total bytes received:");
        Sent { literal: number(&text, "Literal data:"), all }
    }
}

/// Bytes that rsync sent.
#[derive(Clone, Copy)]
struct Sent {
    /// Of documents.
    literal: f64,
    /// Checksums and names as well, both ways.
    all: f64,
}

/// A repository of restic.
struct Restic<'a> {
    from: &'a Path,
    to: std::path::PathBuf,
}

impl<'a> Restic<'a> {
    fn begin(folder: &Path, from: &'a Path) -> Option<Self> {
        Command::new("restic").arg("version").output().ok()?;
        let restic = Self { from, to: folder.join("restic") };
        run(restic.command().arg("init"));
        restic.stored();
        Some(restic)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("restic");
        command.env("RESTIC_PASSWORD", "measured").arg("--repo").arg(&self.to).args(["--no-cache", "--quiet"]);
        command
    }

    /// Backs up; the bytes by which the repository grew.
    fn stored(&self) -> f64 {
        let before = self.bytes();
        run(self.command().args(["backup", "--exclude=.fieldpost-library"]).arg(self.from));
        (self.bytes() - before) as f64
    }

    fn bytes(&self) -> u64 {
        let mut bytes = 0;
        each_file(&self.to, &mut |path| bytes += std::fs::metadata(path).unwrap().len());
        bytes
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn number(text: &str, after: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(after)).unwrap();
    line.trim().split(' ').next().unwrap().replace(',', "").parse().unwrap()
}

/// The most memory that reading and placing a document of 1 GB takes, in a process of its own.
fn memory(program: &str) {
    if !Path::new("/proc/self/status").exists() {
        println!("skipped: there is no /proc here to read the peak of a process from");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kilobytes: f64 = run(Command::new(program).arg("film").arg(folder.path())).trim().parse().unwrap();
    report("peak of reading and placing a document of 1 GB", kilobytes / 1024.0, " MiB", Goal::AtMost(32.0));
}

/// Reads a document of 1 GB and places it elsewhere; prints the peak of this process in KiB.
fn film(folder: &Path) {
    let world = World::real();
    let [from, to] = ["from", "to"].map(|name| Library::create(&world, &folder.join(name)).unwrap().with_settle_millis(0));
    let mut file = std::fs::File::create(from.folder().join("film")).unwrap();
    let mut dice = documents::Dice(1);
    for _ in 0..1024 {
        let piece: Vec<u8> = (0..1 << 17).flat_map(|_| dice.next().to_le_bytes()).collect();
        file.write_all(&piece).unwrap();
    }
    let path = DocumentPath::new("film").unwrap();
    let Found { document, recipe, .. } = from.read(&world, &path, None).unwrap().unwrap();
    let places: BTreeMap<ChunkId, (u64, u32)> = recipe.places().map(|(id, offset, length)| (id, (offset, length))).collect();
    let mut chunk = |id: &ChunkId| {
        let (offset, length) = places[id];
        Some(from.read_chunk(&path, offset, length, *id).unwrap())
    };
    to.place(&world, &document, &recipe, &mut chunk, None).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{}", peak.trim().trim_end_matches("kB").trim());
}
