//! Names of documents: one spelling each, safe on every system.
//!
//! A name that comes from elsewhere becomes a file here, and a file here goes to systems that read names differently. So a path is taken
//! only where Windows, macOS and Unix agree on what it means: no way out of the folder, no device, no second stream of a file, nothing that
//! is cut off or folded silently, composed characters (NFC). What differs only in case is one name ([`DocumentPath::collision_key`]).

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::model::{NameFault, SiteName, check_part, collision_key};
use serde::{Deserialize, Serialize};

/// Our own folder in the library: marker and scratch files. Nothing in it is a document.
pub const HIDDEN: &str = ".fieldpost-library";

/// Where a document is: relative to the library, parts separated by `/`, NFC, nothing that some system would change or take for another place.
///
/// Ordered by bytes, as SQLite orders text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentPath(Arc<str>);

impl DocumentPath {
    /// Longest path.
    pub const MAX_BYTES: usize = 1024;
    /// Most parts.
    pub const MAX_LEVELS: usize = 64;

    /// Checks and takes a path.
    ///
    /// # Errors
    /// Says which rule `text` breaks.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        if text.starts_with('/') {
            return Err(NameFault::Absolute);
        }
        text.split('/').try_for_each(check_part)?;
        Self::of_checked(text.into())
    }

    /// The path of `part` in `folder` (`None`: the library itself), whose parts are checked already.
    pub(super) fn below(folder: Option<&Self>, part: &str) -> Result<Self, NameFault> {
        check_part(part)?;
        Self::of_checked(folder.map_or_else(|| part.into(), |folder| format!("{folder}/{part}").into()))
    }

    fn of_checked(text: Arc<str>) -> Result<Self, NameFault> {
        if text.len() > Self::MAX_BYTES {
            return Err(NameFault::Long(text.len(), Self::MAX_BYTES));
        }
        let levels = text.split('/').count();
        if levels > Self::MAX_LEVELS {
            return Err(NameFault::Deep(levels, Self::MAX_LEVELS));
        }
        Ok(Self(text))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it is in, `None` for the library itself, and the name.
    pub(super) fn split(&self) -> (Option<&str>, &str) {
        self.0.rsplit_once('/').map_or((None, &*self.0), |(folder, name)| (Some(folder), name))
    }

    /// Where this is the name of a copy: the name of what it is a copy of, if that one was not too long for its copy.
    #[must_use]
    pub fn original(&self) -> Option<Self> {
        let (folder, name) = self.split();
        let (stem, ending) = split_ending(name);
        let (stem, _) = copy_mark(stem)?;
        let folder = folder.map_or_else(String::new, |folder| format!("{folder}/"));
        Some(Self(format!("{folder}{stem}{ending}").into()))
    }

    /// Two paths with the same key are one file on some system: case folded, accents composed.
    #[must_use]
    pub fn collision_key(&self) -> String {
        collision_key(&self.0)
    }

    /// The name of a copy that loses a conflict: `name (south 2026-11-28).ext`, then `name (south 2026-11-28 2).ext` … where that is taken.
    ///
    /// A copy of a copy gets the next number and never a second site. What gets too long is shortened, and moves to the folder above
    /// where even that does not do. `date` is a civil date, `YYYY-MM-DD`.
    #[must_use]
    pub fn copy_name(&self, site: &SiteName, date: &str, taken: &dyn Fn(&Self) -> bool) -> Self {
        let (folder, name) = self.split();
        let (stem, ending) = split_ending(name);
        let (stem, of, first) = match copy_mark(stem) {
            Some((stem, of)) => (stem, of.to_owned(), 2),
            None => (stem, format!("{site} {date}"), 1),
        };
        let named = |number: u64| {
            let mark = if number == 1 { format!(" ({of})") } else { format!(" ({of} {number})") };
            fitting(folder, stem, &mark, ending)
        };
        (first..).map(named).find(|path| !taken(path)).expect("not every number is taken")
    }
}

/// Name and ending (with its dot). What has spaces or is long is no ending, and a name is not all ending.
fn split_ending(name: &str) -> (&str, &str) {
    const LONGEST_ENDING: usize = 16;
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= LONGEST_ENDING && !name[dot..].contains([' ', ')']) => name.split_at(dot),
        Some(_) | None => (name, ""),
    }
}

/// Where `stem` is that of a copy: what it is a copy of, and `site date`.
fn copy_mark(stem: &str) -> Option<(&str, &str)> {
    let (original, mark) = stem.strip_suffix(')')?.rsplit_once(" (")?;
    let mut words = mark.split(' ');
    let (site, date, number, end) = (words.next()?, words.next()?, words.next(), words.next());
    let numbered = number.is_none_or(|number| number.parse::<u64>().is_ok_and(|n| n > 1 && n.to_string() == number));
    let good = SiteName::new(site).is_ok() && is_date(date) && numbered && end.is_none() && !original.is_empty();
    good.then(|| (original, &mark[..site.len() + 1 + date.len()]))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

/// The path, with a stem as short as it must be and the nearest folder in which it has room.
fn fitting(folder: Option<&str>, stem: &str, mark: &str, ending: &str) -> DocumentPath {
    let mut folder = folder;
    loop {
        let before = folder.map_or(0, |folder| folder.len() + 1);
        let room = NameFault::MAX_PART_BYTES.min(DocumentPath::MAX_BYTES.saturating_sub(before));
        let room = room.saturating_sub(mark.len() + ending.len());
        let end = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or_default();
        let stem = &stem[..end];
        // A stem may end in what no name may end in: the mark follows.
        if let (false, Ok(path)) = (stem.is_empty(), DocumentPath::new(&join(folder, &format!("{stem}{mark}{ending}")))) {
            return path;
        }
        let above = folder.expect("a short name in the library itself is a path");
        folder = above.rsplit_once('/').map(|(above, _)| above);
    }
}

fn join(folder: Option<&str>, name: &str) -> String {
    folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"))
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for DocumentPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DocumentPath {
    type Error = NameFault;
    fn try_from(text: String) -> Result<Self, NameFault> {
        Self::new(&text)
    }
}

impl From<DocumentPath> for String {
    fn from(path: DocumentPath) -> Self {
        path.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn path(text: &str) -> DocumentPath {
        DocumentPath::new(text).unwrap()
    }

    /// One fault each, and the fault it must give.
    #[test]
    fn names_that_some_system_reads_differently_are_refused() {
        let dots = |text: &str| NameFault::Dots(text.into());
        let device = |text: &str| NameFault::Device(text.into());
        let ending = |text: &str| NameFault::Ending(text.into());
        let ours = |text: &str| NameFault::Ours(text.into());
        for (text, fault) in [
            ("", NameFault::Empty),
            ("a/", NameFault::Empty),
            ("a//b", NameFault::Empty),
            ("/a", NameFault::Absolute),
            ("//server/share/a", NameFault::Absolute),
            ("/", NameFault::Absolute),
            ("..", dots("..")),
            (".", dots(".")),
            ("a/../b", dots("..")),
            ("a/./b", dots(".")),
            ("../../etc/passwd", dots("..")),
            ("a/..", dots("..")),
            ("..\\a", NameFault::Character('\\')),
            ("\\\\server\\share\\a", NameFault::Character('\\')),
            ("\\\\?\\C:\\a", NameFault::Character('\\')),
            ("C:\\a", NameFault::Character(':')),
            ("C:", NameFault::Character(':')),
            ("c:a", NameFault::Character(':')),
            ("a.txt:hidden", NameFault::Character(':')),
            ("a::$DATA", NameFault::Character(':')),
            ("a?", NameFault::Character('?')),
            ("a*", NameFault::Character('*')),
            ("a|b", NameFault::Character('|')),
            ("<a", NameFault::Character('<')),
            ("a>", NameFault::Character('>')),
            ("\"a\"", NameFault::Character('"')),
            ("a\0", NameFault::Invisible('\0')),
            ("a\nb", NameFault::Invisible('\n')),
            ("a\u{1b}[2Jb", NameFault::Invisible('\u{1b}')),
            ("a\u{7f}", NameFault::Invisible('\u{7f}')),
            ("a\u{85}", NameFault::Invisible('\u{85}')),
            ("bill\u{202e}fdp.exe", NameFault::Invisible('\u{202e}')),
            ("a\u{2066}b", NameFault::Invisible('\u{2066}')),
            ("a\u{feff}", NameFault::Invisible('\u{feff}')),
            (".field\u{2060}post-library/marker", NameFault::Invisible('\u{2060}')),
            ("a.", ending("a.")),
            ("a ", ending("a ")),
            ("...", ending("...")),
            ("folder./a", ending("folder.")),
            ("folder /a", ending("folder ")),
            ("nul", device("nul")),
            ("NUL.txt", device("NUL.txt")),
            ("nul .txt", device("nul .txt")),
            ("a/CON/b", device("CON")),
            ("aux.tar.gz", device("aux.tar.gz")),
            ("Prn", device("Prn")),
            ("COM1", device("COM1")),
            ("com0.x", device("com0.x")),
            ("lpt9", device("lpt9")),
            ("COM¹", device("COM¹")),
            ("lpt³.txt", device("lpt³.txt")),
            ("CONIN$", device("CONIN$")),
            ("conout$.log", device("conout$.log")),
            (".fieldpost-library", ours(".fieldpost-library")),
            (".Fieldpost-LIBRARY/marker", ours(".Fieldpost-LIBRARY")),
            ("a/.fieldpoſt-library", ours(".fieldpoſt-library")),
            ("FIELDP~1/marker", ours("FIELDP~1")),
            ("fi12ab~1", ours("fi12ab~1")),
            ("e\u{301}.txt", NameFault::NotComposed("é.txt".into())),
            ("\u{212b}", NameFault::NotComposed("Å".into())),
            (&"a".repeat(256), NameFault::LongPart(256)),
            (&"é".repeat(128), NameFault::LongPart(256)),
            (&vec!["aaaaaaaaaaaaaaaaaaaa"; 50].join("/"), NameFault::Long(1049, 1024)),
            (&vec!["a"; 65].join("/"), NameFault::Deep(65, 64)),
        ] {
            assert_eq!(DocumentPath::new(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn names_that_people_give_are_taken() {
        for text in [
            "a",
            "Angebote/Müller & Söhne (2026).docx",
            ".hidden",
            "..a",
            "a..b",
            "...a",
            " a",
            "com",
            "com10",
            "console.txt",
            "nullable",
            "lpt",
            "a.nul",
            "日本語/文書.txt",
            "👩\u{200d}💻.png",
            "FIELDS~1",
            "fields/x",
            "fixture~1",
            "$Recycle",
            "it's, 100% [ok] {really} #1 ~backup~;=+@!^`",
            &"a".repeat(255),
            &vec!["a"; 64].join("/"),
        ] {
            assert_eq!(path(text).as_str(), text);
            let json = serde_json::to_string(&path(text)).unwrap();
            assert_eq!(serde_json::from_str::<DocumentPath>(&json).unwrap(), path(text));
        }
        assert!(serde_json::from_str::<DocumentPath>("\"../a\"").is_err());
    }

    #[test]
    fn names_that_differ_only_in_case_have_one_key() {
        for (one, other) in
            [("A/b.TXT", "a/B.txt"), ("ÄÉ", "äé"), ("ΣΑΣ", "σας"), ("straße", "STRASSE"), ("ǅ", "ǆ"), ("ﬁ", "FI"), ("ſ", "s")]
        {
            assert_eq!(path(one).collision_key(), path(other).collision_key(), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a", "ä"), ("a/b", "ab"), ("о", "o")] {
            assert_ne!(path(one).collision_key(), path(other).collision_key(), "{one} {other}");
        }
    }

    #[test]
    fn a_copy_is_named_after_site_and_date_and_never_after_two_sites() {
        let (south, north) = (SiteName::new("south").unwrap(), SiteName::new("north").unwrap());
        let copy = |from: &str, site, taken: &[&str]| {
            let taken: BTreeSet<DocumentPath> = taken.iter().map(|text| path(text)).collect();
            path(from).copy_name(site, "2026-11-28", &|path| taken.contains(path)).to_string()
        };
        assert_eq!(copy("a/offer.docx", &south, &[]), "a/offer (south 2026-11-28).docx");
        assert_eq!(copy("a/offer.docx", &south, &["a/offer (south 2026-11-28).docx"]), "a/offer (south 2026-11-28 2).docx");
        assert_eq!(copy("a/offer (south 2026-11-28).docx", &north, &[]), "a/offer (south 2026-11-28 2).docx");
        assert_eq!(
            copy("offer (south 2026-11-28 2).docx", &north, &["offer (south 2026-11-28 2).docx"]),
            "offer (south 2026-11-28 3).docx"
        );
        assert_eq!(copy("Makefile", &south, &[]), "Makefile (south 2026-11-28)");
        assert_eq!(copy(".profile", &south, &[]), ".profile (south 2026-11-28)");
        assert_eq!(copy("v 1. What is new", &south, &[]), "v 1. What is new (south 2026-11-28)");
        // Only looks like a copy.
        assert_eq!(copy("plan (final 2026).txt", &south, &[]), "plan (final 2026) (south 2026-11-28).txt");
        assert_eq!(copy("plan (a 2026-11-28 02).txt", &south, &[]), "plan (a 2026-11-28 02) (south 2026-11-28).txt");
    }

    #[test]
    fn a_copy_of_the_longest_name_is_a_name() {
        let site = SiteName::new(&"s".repeat(SiteName::MAX_BYTES)).unwrap();
        let folder = vec!["f".repeat(252); 4].join("/");
        let long = [
            "é".repeat(125) + ".docx",
            "x".repeat(255),
            format!("{folder}/{}", "n".repeat(12)),
            format!("{folder}/a.b"),
            format!("{}/a", vec!["a"; 63].join("/")),
        ];
        for name in long {
            let copy = path(&name).copy_name(&site, "2026-11-28", &|_| false);
            assert!(copy.as_str().contains(" 2026-11-28)"), "{copy}");
            assert_eq!(DocumentPath::new(copy.as_str()).as_ref(), Ok(&copy));
        }
    }
}
