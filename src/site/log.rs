//! What did every run here do? Lines of JSON in the home's folder `log`, oldest first, for people.
//!
//! `log.jsonl` is written, `log.1.jsonl` is the one before, and so on up to [`Log::FILES`]; each is closed at
//! [`Log::FILE_BYTES`]. `standing.json` has the troubles that the last round met, so that each is logged when it comes and
//! when it goes, not every quarter of an hour between.
//!
//! **States of a line**: not there → whole. **Crash point**: in the midst of a line; whoever writes next ends it first, and
//! whoever reads counts it and goes on. **Invariants**: no data hangs on the log, and a run never fails because it cannot be
//! written; a whole line is never changed; only the holder of the home's lock renames files.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{Home, HomeLock};
use crate::model::Millis;

/// The log of a home.
#[derive(Clone, Debug)]
pub struct Log {
    folder: PathBuf,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in UTC.
    #[serde(with = "rfc3339")]
    pub time: Millis,
    /// Which run: all lines of one have the same.
    pub run: String,
    /// The command that ran.
    pub command: String,
    /// How much it matters.
    pub level: Level,
    /// The table it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The key of the record it is about, as a person types it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The field it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The other site it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What happened, in one line.
    pub text: String,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It happened as it should.
    Info,
    /// It goes on by itself, or was decided by a rule.
    Warning,
    /// It failed, or waits for a person.
    Error,
}

/// Troubles by their text, each with the line that told of it first.
pub type Standing = BTreeMap<String, Entry>;

impl Level {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Home {
    /// The log.
    #[must_use]
    pub fn log(&self) -> Log {
        Log { folder: self.inside().join("log") }
    }
}

impl Log {
    /// A file is closed when it is longer than this.
    pub const FILE_BYTES: u64 = 4 << 20;
    /// Files that are kept, the open one included.
    pub const FILES: u32 = 8;
    /// A line that is longer is nobody's and not read.
    const LINE_BYTES: u64 = 1 << 20;

    /// Writes lines at the end, in one write. Makes the folder where it is gone, in a home that is not.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn append(&self, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        // Of a home that is lost nothing is made anew.
        if !self.folder.parent().is_some_and(std::path::Path::is_dir) {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let mut file = fs::OpenOptions::new().read(true).append(true).create(true).open(self.file(0))?;
        let mut lines = Vec::new();
        if ends_torn(&mut file)? {
            lines.push(b'\n');
        }
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        file.write_all(&lines)
    }

    /// Closes the open file where it is long enough, and drops the oldest.
    ///
    /// # Errors
    /// As the operating system says; the next call tries again.
    pub fn rotate(&self, _: &HomeLock) -> io::Result<()> {
        if fs::metadata(self.file(0)).map_or(0, |file| file.len()) < Self::FILE_BYTES {
            return Ok(());
        }
        for place in (0..Self::FILES - 1).rev() {
            match fs::rename(self.file(place), self.file(place + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Hands out every line, oldest first. Gives how many do not read: cut off by a crash, or of a newer fieldpost.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn read(&self, each: &mut dyn FnMut(Entry)) -> io::Result<u64> {
        let mut unread = 0;
        for place in (0..Self::FILES).rev() {
            let file = match fs::File::open(self.file(place)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            let mut lines = io::BufReader::new(file);
            let mut line = Vec::new();
            loop {
                line.clear();
                if lines.by_ref().take(Self::LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                match serde_json::from_slice(&line) {
                    Ok(entry) => each(entry),
                    Err(_) if line.trim_ascii().is_empty() => {}
                    Err(_) => unread += 1,
                }
            }
        }
        Ok(unread)
    }

    /// The troubles that the last round met; none where nobody knows.
    #[must_use]
    pub fn standing(&self) -> Standing {
        fs::read(self.standing_file()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes them down. Torn, they count as none: then they are logged once more.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn set_standing(&self, standing: &Standing) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.standing_file(), serde_json::to_vec(standing)?)
    }

    fn file(&self, place: u32) -> PathBuf {
        self.folder.join(if place == 0 { "log.jsonl".to_owned() } else { format!("log.{place}.jsonl") })
    }

    fn standing_file(&self) -> PathBuf {
        self.folder.join("standing.json")
    }
}

fn ends_torn(file: &mut fs::File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

mod rfc3339 {
    //! A moment as people and other programs write it.

    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::model::Millis;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it like this")]
    pub fn serialize<S: Serializer>(time: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
        let time = Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH);
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Timestamp>().map(|time| Millis(time.as_millisecond())).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(minute: i64) -> Entry {
        Entry {
            time: Millis(1_795_334_400_000 + minute * 60_000),
            run: "r".into(),
            command: "sync".into(),
            level: Level::Info,
            table: None,
            key: None,
            field: None,
            site: None,
            text: format!("minute {minute}"),
        }
    }

    fn log() -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log { folder: folder.path().join("log") };
        (folder, log)
    }

    fn all(log: &Log) -> (Vec<Entry>, u64) {
        let mut all = Vec::new();
        let unread = log.read(&mut |entry| all.push(entry)).unwrap();
        (all, unread)
    }

    #[test]
    fn what_is_written_is_read_in_order() {
        let (_folder, log) = log();
        assert_eq!(all(&log), (vec![], 0));
        log.append(&[entry(1), entry(2)]).unwrap();
        log.append(&[entry(3)]).unwrap();
        assert_eq!(all(&log), (vec![entry(1), entry(2), entry(3)], 0));
        let text = fs::read_to_string(log.file(0)).unwrap();
        assert!(text.starts_with(r#"{"time":"2026-11-22T08:01:00.000Z","run":"r","command":"sync","level":"info","text":"#), "{text}");
    }

    #[test]
    fn a_line_that_a_crash_cut_off_is_counted_and_spoils_no_other() {
        let (_folder, log) = log();
        log.append(&[entry(1), entry(2)]).unwrap();
        let whole = fs::read(log.file(0)).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in first..whole.len() {
            fs::write(log.file(0), &whole[..cut]).unwrap();
            log.append(&[entry(3)]).unwrap();
            let (entries, unread) = all(&log);
            let cut_off = u64::from(cut > first && cut < whole.len() - 1);
            assert_eq!(unread, cut_off, "cut at {cut}");
            assert_eq!((entries.first(), entries.last()), (Some(&entry(1)), Some(&entry(3))), "cut at {cut}");
        }
    }

    #[test]
    fn it_never_grows_beyond_its_files_and_drops_the_oldest() {
        let (folder, log) = log();
        let draft = Home::prepare(&crate::world::World::real(), folder.path()).unwrap();
        let lock = draft.home().lock(&crate::world::World::real()).unwrap();
        let long = |number: u32| Entry { text: format!("{number} {}", "x".repeat(Log::FILE_BYTES as usize)), ..entry(0) };
        for number in 0..Log::FILES + 3 {
            log.rotate(&lock).unwrap();
            // Longer than a line may be: read as unreadable, and still rotated.
            log.append(&[entry(number.into()), long(number)]).unwrap();
        }
        let (entries, unread) = all(&log);
        let minutes: Vec<Entry> = (3..Log::FILES + 3).map(|number| entry(number.into())).collect();
        assert_eq!(entries, minutes);
        assert!(unread > 0);
        assert_eq!(fs::read_dir(&log.folder).unwrap().count(), Log::FILES as usize);
    }

    #[test]
    fn troubles_that_stand_are_remembered_and_a_torn_memory_is_none() {
        let (_folder, log) = log();
        assert_eq!(log.standing(), Standing::new());
        let standing = Standing::from([("minute 1".to_owned(), entry(1))]);
        log.set_standing(&standing).unwrap();
        assert_eq!(log.standing(), standing);
        fs::write(log.standing_file(), b"{\"a\":").unwrap();
        assert_eq!(log.standing(), Standing::new());
    }
}
