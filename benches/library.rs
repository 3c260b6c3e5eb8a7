//! What 10,000 documents (2 GB) cost: to look at, to look at again, and to keep the same elsewhere.
//!
//! `cargo bench --bench library`, or a part of it: `-- scan`, `-- travel`, `-- memory`. What travels is counted as the parts of a packet, the
//! JSON ones deflated as in a payload, without envelope and sealing (a few hundred bytes). It is compared with what `rsync` counts as
//! literal data (without checksums and names) and as all that goes to and fro, and with what `restic` stores, in the same run; where one of them is not
//! installed, it is said. A move is a new file for rsync.

mod support;

#[path = "support/documents.rs"]
mod documents;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use fieldpost::library::{ChunkId, ContentId, DocumentPath, Finding, Found, Library, LibraryError, PackWriter, Patterns, Recipe, Seen};
use fieldpost::world::World;
use support::{Goal, Samples, report, timed, wanted};

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
    if !wanted("scan") && !wanted("travel") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let bytes = documents::generate(&source);
    println!("{} documents, {:.2} GB", documents::DOCUMENTS, bytes as f64 / 1e9);
    let library = Library::create(&World::real(), &source).unwrap();
    if wanted("scan") {
        scan(&library);
    }
    if wanted("travel") {
        travel(folder.path(), &library);
    }
}

/// What a site keeps of its documents.
#[derive(Default)]
struct Known {
    seen: BTreeMap<DocumentPath, Seen>,
    recipes: BTreeMap<ContentId, Recipe>,
}

impl Known {
    /// Walks the library and keeps what it tells; what was new or changed.
    fn scan(&mut self, library: &Library) -> Vec<(Found, Option<ContentId>)> {
        let mut news = Vec::new();
        let mut gone = Vec::new();
        let mut found = |finding| {
            match finding {
                Finding::Same(_) => {}
                Finding::New(found) | Finding::Changed(found) => news.push(found),
                Finding::Gone(path) => gone.push(path),
                other @ (Finding::Touched(..) | Finding::Busy(_) | Finding::Refused { .. }) => panic!("{other:?}"),
            }
            Ok::<_, LibraryError>(())
        };
        library.scan(&World::real(), &Patterns::default(), &self.seen, &mut found).unwrap();
        for path in gone {
            self.seen.remove(&path);
        }
        let mut keep = |found: Found| {
            let before = self.seen.insert(found.document.path.clone(), found.seen).map(|seen| seen.content);
            (found, before)
        };
        news.into_iter().map(&mut keep).collect()
    }

    fn learn(&mut self, news: &[(Found, Option<ContentId>)]) {
        self.recipes.extend(news.iter().map(|(found, _)| (found.recipe.content, found.recipe.clone())));
    }
}

/// Processor time of the first walk against hashing every byte once, and of a walk that finds nothing against asking for every file's size.
fn scan(library: &Library) {
    let (mut first, mut hashing, mut again, mut walking) = (Samples::default(), Samples::default(), Samples::default(), Samples::default());
    let mut known = Known::default();
    hash_all(library.folder());
    for _ in 0..3 {
        hashing.0.push(timed(|| hash_all(library.folder())).0);
        known = Known::default();
        first.0.push(timed(|| assert_eq!(known.scan(library).len(), documents::DOCUMENTS)).0);
    }
    for _ in 0..9 {
        walking.0.push(timed(|| assert_eq!(walk(library.folder()), documents::DOCUMENTS + 1)).0);
        again.0.push(timed(|| assert!(known.scan(library).is_empty())).0);
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

/// Bytes that 200 changes cost, against the edits themselves, rsync and restic.
fn travel(folder: &Path, library: &Library) {
    let mut known = Known::default();
    let news = known.scan(library);
    let (sent, frames, recipes) = parts(folder, library, &known, &news);
    known.learn(&news);
    println!("first load {:.0} MB: chunks {:.0} MB, lists of them {:.1} MB", sent / 1e6, frames / 1e6, recipes / 1e6);
    let mut rsync = Rsync::begin(folder, library.folder());
    let restic = Restic::begin(folder, library.folder());

    let written = documents::edit(library.folder());
    let news = known.scan(library);
    assert_eq!(news.len(), 120);
    let (sent, frames, recipes) = parts(folder, library, &known, &news);
    known.learn(&news);
    println!(
        "120 edits: {:.1} kB written, {:.1} kB travel: chunks {:.1} kB, lists {:.1} kB",
        written as f64 / 1e3,
        sent / 1e3,
        frames / 1e3,
        recipes / 1e3
    );
    report("120 edits: bytes that travel, for each edit", sent / 120.0 / 1e3, " kB", Goal::AtMost(8.0));
    compare("120 edits", sent, rsync.as_mut().map(Rsync::run), Goal::AtMost(4.0), restic.as_ref().map(Restic::stored));

    documents::move_and_delete(library.folder());
    let before = known.seen.len();
    let news = known.scan(library);
    assert_eq!((news.len(), known.seen.len()), (40, before - 40));
    let (sent, ..) = parts(folder, library, &known, &news);
    report("40 moves and 40 deletions: bytes of documents that travel", sent, " bytes", Goal::AtMost(0.0));
    compare("80 moves and deletions", sent, rsync.as_mut().map(Rsync::run), Goal::AtMost(0.1), restic.as_ref().map(Restic::stored));
}

fn compare(what: &str, sent: f64, rsync: Option<Sent>, goal: Goal, restic: Option<f64>) {
    match rsync {
        Some(Sent { literal, all }) => {
            println!("{what}: rsync {:.1} kB of literal data, {:.1} kB to and fro in all", literal / 1e3, all / 1e3);
            report(&format!("{what}: against rsync's literal data"), sent / literal, "×", goal);
            report(&format!("{what}: against all that rsync sends to and fro"), sent / all, "×", Goal::AtMost(1.0));
        }
        None => println!("skipped: rsync is not installed"),
    }
    match restic {
        Some(stored) => {
            println!("{what}: restic stored {:.1} kB", stored / 1e3);
            report(&format!("{what}: against what restic stores"), sent / stored, "×", Goal::AtMost(0.1));
        }
        None => println!("skipped: restic is not installed"),
    }
}

/// Bytes of the parts that a neighbour gets who has what is known: all, those of chunks, those of the lists.
fn parts(folder: &Path, library: &Library, known: &Known, news: &[(Found, Option<ContentId>)]) -> (f64, f64, f64) {
    let mut had: BTreeSet<ChunkId> = known.recipes.values().flat_map(|recipe| recipe.chunks.iter().map(|(id, _)| *id)).collect();
    let (frames, index) = (folder.join("frames"), folder.join("index"));
    let mut pack = PackWriter::create(&frames, &index).unwrap();
    let mut recipes = Vec::new();
    for (Found { document, recipe, .. }, before) in news {
        if known.recipes.contains_key(&document.content) {
            continue;
        }
        let base = before.and_then(|before| known.recipes.get(&before));
        serde_json::to_writer(&mut recipes, &recipe.told(base)).unwrap();
        recipes.push(b'\n');
        for (id, offset, length) in recipe.places() {
            if had.insert(id) {
                pack.put(id, &library.read_chunk(&document.path, offset, length, id).unwrap()).unwrap();
            }
        }
    }
    let frames = pack.finish().unwrap() as f64;
    let lists = (deflated(&recipes) + deflated(&std::fs::read(index).unwrap())) as f64;
    (frames + lists, frames, lists)
}

/// As the zip of a payload packs a part; nothing for nothing.
fn deflated(bytes: &[u8]) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
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
