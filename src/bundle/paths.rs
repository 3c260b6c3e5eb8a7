//! Which names of files are safe and mean the same file on every computer?

use std::collections::BTreeMap;

use crate::model::{NameFault, check_part, collision_key};

/// Why a path is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It leads out of a folder, or some computer would write it differently.
    #[error("`{0}`: {1}")]
    Name(String, NameFault),
    /// Two names for one file somewhere.
    #[error("`{0}` and `{1}` are the same file on Windows or macOS")]
    Collision(String, String),
    /// A file where another name has a folder.
    #[error("`{0}` is a file, and `{1}` would lie in it")]
    FileAsFolder(String, String),
}

/// Longest path of a bundle, in bytes: with a folder before it, it must fit where 260 characters are the most.
const MOST_BYTES: usize = 160;
/// Most bytes that a name beside one of them is longer: `.new-` or `.kept-`, a version, and `-before` with a number.
const BESIDE_BYTES: usize = 60;

/// Checks one path: segments between single `/`.
///
/// # Errors
/// [`PathFault`] for anything that leads out of a folder, or that some computer would write differently.
pub fn check_path(path: &str) -> Result<(), PathFault> {
    check_up_to(path, MOST_BYTES)
}

/// As [`check_path`], with room for the end of a name beside.
pub(super) fn check_place(path: &str) -> Result<(), PathFault> {
    check_up_to(path, MOST_BYTES + BESIDE_BYTES)
}

fn check_up_to(path: &str, most: usize) -> Result<(), PathFault> {
    let long = if path.len() > most { Err(NameFault::Long(path.len(), most)) } else { Ok(()) };
    long.and_then(|()| path.split('/').try_for_each(check_part)).map_err(|fault| PathFault::Name(path.to_owned(), fault))
}

/// Checks paths that are to lie in one folder together.
///
/// # Errors
/// [`PathFault`], also where two of them meet somewhere.
pub fn check_paths<'p>(paths: impl IntoIterator<Item = &'p str>) -> Result<(), PathFault> {
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        check_path(path)?;
        if let Some(other) = folded.insert(collision_key(path), path) {
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
            let known = folders.entry(collision_key(folder)).or_insert(folder);
            if *known != folder {
                return Err(PathFault::Collision((*known).to_owned(), folder.to_owned()));
            }
        }
    }
    Ok(())
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
            ("", "empty"),
            ("/a", "empty"),
            ("a/", "empty"),
            ("a//b", "empty"),
            ("../a", "another folder"),
            ("a/../b", "another folder"),
            ("./a", "another folder"),
            ("a\\b", "on Windows"),
            ("c:x", "on Windows"),
            ("a\u{0}b", "character"),
            ("a\nb", "character"),
            ("a?", "on Windows"),
            ("a.", "ends in"),
            ("a /b", "ends in"),
            ("NUL", "device"),
            ("x/Com1.txt", "device"),
            ("lpt².log", "device"),
            ("e\u{301}.txt", "accents"),
            ("x/.FieldPost/keys/signing", "kept for fieldpost"),
            ("FIELDP~1/keys/signing", "kept for fieldpost"),
            ("FI3A2B~1/keys/signing", "kept for fieldpost"),
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
