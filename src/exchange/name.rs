//! Which folder and file names can be used on every far side.
//!
//! Lower-case only, because some fold case; no leading dot, because some hide those; no device names, because Windows
//! keeps them. A name that is not of this kind was not made by us and is never listed.

use std::fmt;
use std::sync::Arc;

use crate::model::SiteName;
use crate::world::files::TEMPORARY;

/// Why a text is no name for the exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty or too long.
    #[error("a name on the exchange has 1 to {max} characters, `{name}` has {length}", length = .name.len())]
    Length {
        /// The text.
        name: String,
        /// Most characters.
        max: usize,
    },
    /// A character or a first or last character that is not allowed.
    #[error("`{0}` has characters that not every file server takes")]
    Character(String),
    /// A name Windows keeps for a device, or an ending we keep for unfinished files.
    #[error("`{0}` is a reserved name")]
    Reserved(String),
    /// A folder path of more than two levels.
    #[error("folders on the exchange have one or two levels, `{0}` has not")]
    Levels(String),
}

/// A folder on the exchange: `<recipient>` or `<recipient>/<sender>`.
///
/// Each level has 1 to 40 of `a-z`, `0-9`, `-`, `_`. One that starts with `_` can be no site's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(Arc<str>);

impl Folder {
    /// Longest level, in bytes.
    pub const MAX_LEVEL_BYTES: usize = SiteName::MAX_BYTES;

    /// Checks and takes a path of one or two levels.
    ///
    /// # Errors
    /// Says which rule `path` breaks.
    pub fn new(path: &str) -> Result<Self, NameError> {
        if path.split('/').count() > 2 {
            return Err(NameError::Levels(path.into()));
        }
        for level in path.split('/') {
            if level.is_empty() || level.len() > Self::MAX_LEVEL_BYTES {
                return Err(NameError::Length { name: level.into(), max: Self::MAX_LEVEL_BYTES });
            }
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if !level.chars().all(good) || level.starts_with('-') {
                return Err(NameError::Character(level.into()));
            }
            if is_device(level) {
                return Err(NameError::Reserved(level.into()));
            }
        }
        Ok(Self(path.into()))
    }

    /// Where `sender` drops what is for `recipient`. Only `sender` writes there, only `recipient` deletes.
    #[must_use]
    pub fn between(recipient: &SiteName, sender: &SiteName) -> Self {
        Self(format!("{recipient}/{sender}").into())
    }

    /// Where the marker lies. Not for callers: nothing else is ever put or deleted there.
    pub(super) fn root() -> Self {
        Self("".into())
    }

    /// The names of the folders on the way, outermost first.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|level| !level.is_empty())
    }

    /// As text, levels separated by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A file on the exchange: 1 to 200 of `a-z`, `0-9`, `-`, `_`, `.`; starts with a letter or digit, does not end in `.` or `.part`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Arc<str>);

impl FileName {
    /// Longest name, in bytes. With the temporary ending it is below the 255 of every file system.
    pub const MAX_BYTES: usize = 200;
    /// All characters a name may have.
    pub const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

    /// Checks and takes a name.
    ///
    /// # Errors
    /// Says which rule `name` breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > Self::MAX_BYTES {
            return Err(NameError::Length { name: name.into(), max: Self::MAX_BYTES });
        }
        if !name.chars().all(|c| Self::CHARACTERS.contains(c)) || name.starts_with(['-', '_', '.']) || name.ends_with('.') {
            return Err(NameError::Character(name.into()));
        }
        if name.ends_with(TEMPORARY) || is_device(name.split('.').next().unwrap_or(name)) {
            return Err(NameError::Reserved(name.into()));
        }
        Ok(Self(name.into()))
    }

    /// The name it has while it is being written. Always the same one, so that the next attempt replaces what a run that
    /// died left behind.
    #[must_use]
    pub fn temporary(&self) -> Self {
        Self(format!("{self}{TEMPORARY}").into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Windows reserves these with any ending: `nul.txt` is the device too.
fn is_device(stem: &str) -> bool {
    let numbered = stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) && stem.ends_with(|c: char| c.is_ascii_digit());
    numbered || ["con", "prn", "aux", "nul"].contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_far_side_would_change_are_refused() {
        for bad in ["", ".hidden", "-x", "a/b", "A", "a b", "ä", "a.", "..", "a\\b", "a:b", "a\0"] {
            assert!(FileName::new(bad).is_err(), "{bad:?}");
        }
        for reserved in ["nul", "com1.fpk", "a.part"] {
            assert!(matches!(FileName::new(reserved), Err(NameError::Reserved(_))), "{reserved:?}");
        }
        assert!(FileName::new(&"a".repeat(FileName::MAX_BYTES)).is_ok());
        assert!(FileName::new(&"a".repeat(FileName::MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn folders_have_one_or_two_levels_and_stay_inside() {
        for bad in ["", "/", "a/", "/a", "a/b/c", "..", "a/..", "a.b", "aux", "-a"] {
            assert!(Folder::new(bad).is_err(), "{bad:?}");
        }
        let between = Folder::between(&SiteName::new("head").unwrap(), &SiteName::new("anna").unwrap());
        assert_eq!(between, Folder::new("head/anna").unwrap());
        assert_eq!(Folder::new("head/_requests").unwrap().levels().collect::<Vec<_>>(), ["head", "_requests"]);
    }
}
