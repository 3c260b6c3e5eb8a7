//! Makes documents that are the same on every machine, and changes to them.
//!
//! Half of the bytes are text that shrinks to a third, half are as good as random (pictures, archives). Most documents are small; one has
//! a tenth of all bytes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// How many documents, and how large the one is that is larger than all.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    pub documents: usize,
    pub largest_bytes: usize,
}

impl Amount {
    /// 2.2 GB.
    pub const FULL: Self = Self { documents: 10_000, largest_bytes: 200 << 20 };
    /// 0.4 GB.
    pub const SMALL: Self = Self { documents: 2_000, largest_bytes: 40 << 20 };

    /// The full one where the command line has `--full`.
    pub fn wanted() -> Self {
        if std::env::args().any(|word| word == "--full") { Self::FULL } else { Self::SMALL }
    }
}

/// When they were modified, seconds since 1970: long ago, so that none counts as being written.
const MODIFIED: u64 = 1_700_000_000;

/// Numbers that repeat themselves for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }
}

/// Where a document is.
pub fn place(folder: &Path, number: usize) -> PathBuf {
    let ending = ["txt", "jpg", "docx", "csv"][number % 4];
    folder
        .join(format!("department {}", number % 7))
        .join(format!("year {}", 2000 + number % 23))
        .join(format!("document {number:05}.{ending}"))
}

/// How many bytes it has: 20 kB to 1.2 MB, the small ones more often, 180 kB on average.
fn length(number: usize, amount: Amount) -> usize {
    if number == 0 {
        return amount.largest_bytes;
    }
    let mut dice = Dice(number as u64);
    let lowest = (0..4).map(|_| dice.below(1000)).min().expect("four");
    20_000 + lowest * 900
}

/// Makes them all; the bytes they have together.
pub fn generate(folder: &Path, amount: Amount) -> u64 {
    let mut total = 0;
    for number in 0..amount.documents {
        let path = place(folder, number);
        fs::create_dir_all(path.parent().expect("it is in a folder")).unwrap();
        let length = length(number, amount);
        let mut content = Vec::with_capacity(length);
        fill(&mut content, length, Dice(number as u64 ^ 0xd0c5), number % 2 == 1);
        total += content.len() as u64;
        fs::write(&path, content).unwrap();
        set_modified(&path, 0);
    }
    total
}

fn fill(content: &mut Vec<u8>, length: usize, mut dice: Dice, noise: bool) {
    let words: Vec<Vec<u8>> = (0..2048).map(|_| (0..3 + dice.below(7)).map(|_| b'a' + (dice.next() % 26) as u8).collect()).collect();
    while content.len() < length {
        if noise {
            content.extend(dice.next().to_le_bytes());
        } else {
            content.extend(&words[dice.below(words.len())]);
            content.push(if dice.below(12) == 0 { b'\n' } else { b' ' });
        }
    }
    content.truncate(length);
}

fn set_modified(path: &Path, later: u64) {
    let file = fs::File::options().append(true).open(path).unwrap();
    let time = UNIX_EPOCH + Duration::from_secs(MODIFIED + later);
    file.set_times(fs::FileTimes::new().set_modified(time)).unwrap();
}

/// 120 edits, the largest document among them: words inserted, replaced, added at the end. The bytes that were written.
pub fn edit(folder: &Path, amount: Amount) -> u64 {
    let mut dice = Dice(1);
    let mut written = 0;
    let stride = amount.documents / 125;
    for (turn, number) in std::iter::once(0).chain((0..119).map(|turn| 1 + turn * stride)).enumerate() {
        let path = place(folder, number);
        let mut content = fs::read(&path).unwrap();
        let mut words = Vec::new();
        fill(&mut words, 50 + dice.below(400), Dice(dice.next()), false);
        let at = dice.below(content.len() - words.len());
        match turn % 3 {
            0 => drop(content.splice(at..at, words.iter().copied())),
            1 => content[at..at + words.len()].copy_from_slice(&words),
            _ => content.extend(&words),
        }
        written += words.len() as u64;
        fs::File::create(&path).unwrap().write_all(&content).unwrap();
        set_modified(&path, 100 + turn as u64);
    }
    written
}

/// 40 documents get other names or folders, 40 are deleted.
pub fn move_and_delete(folder: &Path, amount: Amount) {
    let stride = amount.documents / 50;
    for turn in 0..40 {
        let to = folder.join(format!("moved {}", turn % 3));
        fs::create_dir_all(&to).unwrap();
        fs::rename(place(folder, 33 + turn * stride), to.join(format!("renamed {turn}"))).unwrap();
        fs::remove_file(place(folder, 51 + turn * stride)).unwrap();
    }
}
