//! What do people do in their folders? Plain files; remembered for the referee.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::application::CANARY;
use super::super::history::Dice;

/// Names that documents get: few, so that two sites choose the same.
const NAMES: [&str; 8] =
    ["plan.txt", "prices.csv", "notes", "visits/monday.txt", "visits/tuesday.txt", "visits/old/1", "pictures/a.png", "b"];
/// Folders that a folder may be called next.
const FOLDERS: [&str; 3] = ["visits", "pictures", "archive"];
/// What all sites begin with.
const FIRST: [&str; 4] = ["plan.txt", "notes", "visits/monday.txt", "visits/old/1"];
/// A document that goes in several chunks.
const LARGE: usize = 30_000;

/// A content that somebody put somewhere.
#[derive(Clone, Debug)]
pub struct Put {
    pub site: usize,
    pub path: String,
    pub content: u64,
}

/// All that people did to documents.
#[derive(Debug, Default)]
pub struct Deeds {
    next: u64,
    pub put: Vec<Put>,
    /// Contents that somebody wrote over, or deleted, where they were.
    pub superseded: BTreeSet<u64>,
    pub deleted: Vec<Put>,
    /// Sites whose last run died before it noted what it had put into the folder: it puts that there once more.
    pub unnoted: BTreeSet<usize>,
    /// Contents by number, as long as somebody may write the same again.
    known: BTreeMap<u64, Vec<u8>>,
}

/// Everything in a folder: path, bytes, time of modification.
pub type Files = BTreeMap<String, (Vec<u8>, std::time::SystemTime)>;

/// What the person at a site sees in the folder.
pub fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut left = vec![folder.to_owned()];
    while let Some(below) = left.pop() {
        let Ok(entries) = std::fs::read_dir(below) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).expect("it is below").to_string_lossy().replace('\\', "/");
            if name.starts_with(".fieldpost") {
                continue;
            }
            if path.is_dir() {
                left.push(path);
            } else if let (Ok(bytes), Ok(modified)) = (std::fs::read(&path), entry.metadata().and_then(|metadata| metadata.modified())) {
                found.insert(name, (bytes, modified));
            }
        }
    }
    found
}

/// The number of a content: it begins with it.
pub fn number(bytes: &[u8]) -> Option<u64> {
    let text = bytes.strip_prefix(CANARY.as_bytes())?.strip_prefix(b"document-")?;
    let end = text.iter().position(|byte| *byte == b'.')?;
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

impl Deeds {
    /// What all sites begin with.
    pub fn begin(&mut self, folder: &Path) {
        for (path, (bytes, _)) in files(folder) {
            let content = number(&bytes).expect("it was made here");
            self.next = self.next.max(content + 1);
            self.known.insert(content, bytes);
            self.put.push(Put { site: 0, path, content });
        }
    }

    /// A content that nobody wrote before, or that somebody wrote elsewhere.
    fn content(&mut self, dice: &mut Dice) -> (u64, Vec<u8>) {
        if dice.hit(15) && !self.known.is_empty() {
            let known: Vec<u64> = self.known.keys().copied().collect();
            let number = dice.pick(&known);
            return (number, self.known[&number].clone());
        }
        self.next += 1;
        let mut bytes = format!("{CANARY}document-{}. ", self.next).into_bytes();
        match dice.below(10) {
            0 => bytes.extend(std::iter::from_fn(|| Some(dice.roll().to_le_bytes())).take(LARGE / 8).flatten()),
            // Always the same length: only the time tells that it is another one.
            1..=4 => bytes.resize(100, b'='),
            _ => {
                let length = bytes.len() + usize::try_from(dice.below(3_000)).expect("a small number");
                bytes.resize(length, b'-');
            }
        }
        self.known.insert(self.next, bytes.clone());
        (self.next, bytes)
    }
}

/// A person's hand in one folder.
pub struct Hand<'a> {
    pub site: usize,
    pub folder: PathBuf,
    pub deeds: &'a mut Deeds,
    /// When it is, by the site's clock.
    pub millis: i64,
}

impl Hand<'_> {
    /// What all sites begin with.
    pub fn begin(&mut self) {
        let mut dice = Dice::new(1);
        for path in FIRST {
            let (_, bytes) = self.deeds.content(&mut dice);
            self.write(path, &bytes);
        }
    }

    /// Lays a content, told from its number, under a name.
    pub fn lay(&mut self, path: &str, content: u64, length: usize) {
        let mut bytes = format!("{CANARY}document-{content}. ").into_bytes();
        bytes.extend((0..length).map(|place| u8::try_from(place * place % 251).expect("it is below 251")));
        self.overwritten(path);
        self.write(path, &bytes);
        self.account(path, &bytes);
    }

    /// Deletes a document, or gives it another name.
    pub fn take_away(&mut self, from: &str, to: Option<&str>) {
        let there = files(&self.folder);
        match to {
            Some(to) => drop(self.rename(from, to, &there)),
            None => drop(self.delete(from, &there[from].0)),
        }
    }

    /// Does something. Gives what.
    pub fn act(&mut self, roll: u64) -> String {
        let mut dice = Dice::new(roll);
        let there = files(&self.folder);
        let paths: Vec<String> = there.keys().cloned().collect();
        let some = |dice: &mut Dice| paths[usize::try_from(dice.below(paths.len() as u64)).expect("a small number")].clone();
        let what = if paths.len() < 2 { 0 } else { dice.below(100) };
        match what {
            0..=29 => self.put(dice.pick(&NAMES), &mut dice),
            30..=54 => {
                let path = some(&mut dice);
                self.put(&path, &mut dice)
            }
            55..=69 => {
                let path = some(&mut dice);
                self.delete(&path, &there[&path].0)
            }
            70..=84 => {
                let (from, to) = (some(&mut dice), if dice.hit(30) { some(&mut dice) } else { dice.pick(&NAMES).to_owned() });
                self.rename(&from, &to, &there)
            }
            85..=91 => self.rename_folder(&mut dice, &there),
            92..=95 => {
                // The same again, later.
                let path = some(&mut dice);
                let bytes = there[&path].0.clone();
                self.write(&path, &bytes);
                self.account(&path, &bytes);
                format!("writes {path} again as it is")
            }
            _ => {
                let (from, to) = (some(&mut dice), dice.pick(&NAMES));
                let bytes = there[&from].0.clone();
                self.overwritten(to);
                if self.write(to, &bytes) {
                    self.account(to, &bytes);
                }
                format!("copies {from} to {to}")
            }
        }
    }

    fn put(&mut self, path: &str, dice: &mut Dice) -> String {
        let (content, bytes) = self.deeds.content(dice);
        self.overwritten(path);
        if !self.write(path, &bytes) {
            return format!("cannot write {path}");
        }
        self.account(path, &bytes);
        format!("writes {path} = {content} ({} bytes)", bytes.len())
    }

    /// Notes that what is at a place is gone by somebody's hand.
    fn overwritten(&mut self, path: &str) {
        if let Some(content) = std::fs::read(self.folder.join(path)).ok().as_deref().and_then(number) {
            self.deeds.superseded.insert(content);
        }
    }

    fn account(&mut self, path: &str, bytes: &[u8]) {
        if let Some(content) = number(bytes) {
            self.deeds.put.push(Put { site: self.site, path: path.to_owned(), content });
        }
    }

    /// False where something is in the way.
    fn write(&self, path: &str, bytes: &[u8]) -> bool {
        let file = self.folder.join(path);
        let made = file.parent().is_none_or(|folder| std::fs::create_dir_all(folder).is_ok());
        if !made || std::fs::write(&file, bytes).is_err() {
            return false;
        }
        let modified = std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.millis.unsigned_abs());
        let open = std::fs::File::options().write(true).open(&file);
        open.and_then(|file| file.set_modified(modified)).is_ok()
    }

    fn delete(&mut self, path: &str, bytes: &[u8]) -> String {
        if std::fs::remove_file(self.folder.join(path)).is_ok() {
            self.gone(path, bytes);
        }
        format!("deletes {path}")
    }

    fn gone(&mut self, path: &str, bytes: &[u8]) {
        if let Some(content) = number(bytes) {
            self.deeds.superseded.insert(content);
            let by_somebody = self.deeds.put.iter().any(|put| (put.path.as_str(), put.content) == (path, content));
            if by_somebody || !self.deeds.unnoted.contains(&self.site) {
                self.deeds.deleted.push(Put { site: self.site, path: path.to_owned(), content });
            }
        }
    }

    fn rename(&mut self, from: &str, to: &str, there: &Files) -> String {
        let target = self.folder.join(to);
        let made = target.parent().is_none_or(|folder| std::fs::create_dir_all(folder).is_ok());
        if from == to || !made || target.is_dir() {
            return "nothing".into();
        }
        self.overwritten(to);
        if std::fs::rename(self.folder.join(from), &target).is_err() {
            return "nothing".into();
        }
        self.moved(from, to, &there[from].0);
        format!("moves {from} to {to}")
    }

    fn moved(&mut self, from: &str, to: &str, bytes: &[u8]) {
        if let Some(content) = number(bytes) {
            self.deeds.deleted.push(Put { site: self.site, path: from.to_owned(), content });
        }
        self.account(to, bytes);
    }

    fn rename_folder(&mut self, dice: &mut Dice, there: &Files) -> String {
        let (from, to) = (dice.pick(&FOLDERS), dice.pick(&FOLDERS));
        let (source, target) = (self.folder.join(from), self.folder.join(to));
        if from == to || !source.is_dir() || target.exists() || std::fs::rename(source, target).is_err() {
            return "nothing".into();
        }
        let inside: Vec<(&String, &Vec<u8>)> =
            there.iter().filter(|(path, _)| path.starts_with(&format!("{from}/"))).map(|(path, (bytes, _))| (path, bytes)).collect();
        for (path, bytes) in inside {
            self.moved(path, &path.replacen(from, to, 1), bytes);
        }
        format!("moves folder {from} to {to}")
    }
}
