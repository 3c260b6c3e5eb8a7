//! Which names of files are safe and mean the same file on every computer?

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Empty, too long, or with an empty, `.` or `..` segment.
    #[error("`{0}` is no plain path below a folder")]
    Form(String),
    /// A character that some file system does not take, or takes for something else.
    #[error("`{0}` has a character that not every computer takes in a file name")]
    Character(String),
    /// Ends a segment in a dot or space, which Windows cuts off.
    #[error("`{0}` has a part that ends in a dot or a space, which Windows cuts off")]
    End(String),
    /// The name of a device.
    #[error("`{0}` has a part that Windows keeps for a device")]
    Device(String),
    /// Where fieldpost keeps what is its own.
    #[error("`{0}` leads into what is fieldpost's own")]
    Ours(String),
    /// Another spelling of letters than macOS and Windows would give back.
    #[error("`{0}` is not in the usual spelling of its accents (NFC)")]
    Spelling(String),
    /// Two names for one file somewhere.
    #[error("`{0}` and `{1}` are the same file on Windows or macOS")]
    Collision(String, String),
    /// A file where another name has a folder.
    #[error("`{0}` is a file, and `{1}` would lie in it")]
    FileAsFolder(String, String),
}

/// Longest path of a bundle, in bytes: with a folder before it, it must fit where 260 characters are the most.
const MOST_BYTES: usize = 160;
/// Most bytes that a name beside one of them is longer: `.new-` or `.kept-` and a version.
const BESIDE_BYTES: usize = 40;

/// Checks one path: segments between single `/`.
///
/// # Errors
/// [`PathFault`] for anything that leads out of a folder, or that some computer would write differently.
pub fn check_path(path: &str) -> Result<(), PathFault> {
    if path.len() > MOST_BYTES { Err(PathFault::Form(path.to_owned())) } else { check_place(path) }
}

/// As [`check_path`], with room for the end of a name beside.
pub(super) fn check_place(path: &str) -> Result<(), PathFault> {
    if path.is_empty() || path.len() > MOST_BYTES + BESIDE_BYTES || path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(PathFault::Form(path.to_owned()));
    }
    let bad = |c: char| c.is_control() || is_unseen(c) || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    if path.chars().any(bad) {
        return Err(PathFault::Character(path.to_owned()));
    }
    if path.split('/').any(|segment| segment.ends_with(['.', ' ']) || segment.starts_with(' ')) {
        return Err(PathFault::End(path.to_owned()));
    }
    if path.split('/').any(is_device) {
        return Err(PathFault::Device(path.to_owned()));
    }
    if path.split('/').any(|segment| is_ours(&segment.to_ascii_lowercase())) {
        return Err(PathFault::Ours(path.to_owned()));
    }
    if is_nfc(path) { Ok(()) } else { Err(PathFault::Spelling(path.to_owned())) }
}

/// Checks paths that are to lie in one folder together.
///
/// # Errors
/// [`PathFault`], also where two of them meet somewhere.
pub fn check_paths<'p>(paths: impl IntoIterator<Item = &'p str>) -> Result<(), PathFault> {
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        check_path(path)?;
        if let Some(other) = folded.insert(fold(path), path) {
            return Err(PathFault::Collision(other.to_owned(), path.to_owned()));
        }
    }
    for (fold, path) in &folded {
        let mut above = fold.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if let Some(file) = folded.get(folder) {
                return Err(PathFault::FileAsFolder((*file).to_owned(), (*path).to_owned()));
            }
            above = folder;
        }
    }
    // Folders that differ only in case are one folder on some computers and two on others.
    let mut folders: BTreeMap<String, &str> = BTreeMap::new();
    for path in folded.values() {
        for (at, _) in path.match_indices('/') {
            let folder = &path[..at];
            let known = folders.entry(self::fold(folder)).or_insert(folder);
            if *known != folder {
                return Err(PathFault::Collision((*known).to_owned(), folder.to_owned()));
            }
        }
    }
    Ok(())
}

/// Shows nothing, or turns the direction of reading: a name with it is not the one that people see.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Our folder, by its name or by a short one that Windows gives it (`FIELDP~1`, or `FI`, four digits and `~1`).
fn is_ours(segment: &str) -> bool {
    segment.starts_with(".fieldpost") || segment.starts_with("fi") && segment.contains('~')
}

/// The same for names that are the same file somewhere.
fn fold(path: &str) -> String {
    path.to_lowercase().to_uppercase().to_lowercase().nfc().collect()
}

fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_file_everywhere_or_is_refused() {
        for good in ["a", "Screens/Kunden Übersicht.xml", "a/.hidden", "x/console.txt", "..a/b..c", "日本.txt"] {
            check_path(good).unwrap();
        }
        for (bad, expected) in [
            ("", "plain"),
            ("/a", "plain"),
            ("a/", "plain"),
            ("a//b", "plain"),
            ("../a", "plain"),
            ("a/../b", "plain"),
            ("./a", "plain"),
            ("a\\b", "character"),
            ("c:x", "character"),
            ("a\u{0}b", "character"),
            ("a\nb", "character"),
            ("a?", "character"),
            ("a.", "ends in"),
            ("a /b", "ends in"),
            ("NUL", "device"),
            ("x/Com1.txt", "device"),
            ("lpt².log", "device"),
            ("e\u{301}.txt", "spelling"),
            ("x/.FieldPost/keys/signing", "fieldpost's own"),
            ("FIELDP~1/keys/signing", "fieldpost's own"),
            ("FI3A2B~1/keys/signing", "fieldpost's own"),
            ("form\u{202e}fdp.exe", "character"),
            ("a\u{200b}b", "character"),
        ] {
            let error = check_path(bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad:?}: {error}");
        }
        check_path(&"a".repeat(MOST_BYTES)).unwrap();
        assert!(check_path(&"a".repeat(MOST_BYTES + 1)).is_err());
    }

    #[test]
    fn two_paths_that_meet_on_some_computer_are_refused() {
        check_paths(["a/b", "a/c", "ab"]).unwrap();
        for (one, other) in [("a/B", "a/b"), ("é", "É"), ("a", "a/b"), ("a/b/c", "A"), ("straße", "STRASSE"), ("x/a", "X/b")] {
            assert!(check_paths([one, other]).is_err(), "{one} {other}");
            assert!(check_paths([other, one]).is_err(), "{other} {one}");
        }
    }
}
