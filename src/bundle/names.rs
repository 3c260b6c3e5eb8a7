//! What may a bundle be called, and which of two versions is the newer one?

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Name of a bundle: 1 to 64 of `a-z`, `0-9`, `-`, `_`, starting with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundleName(String);

/// Three numbers, compared one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version([u32; 3]);

/// A name or version that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a bundle's name.
    #[error("`{0}` is no name of a bundle: 1 to 64 of a-z, 0-9, `-` and `_`, a letter or digit first")]
    Name(String),
    /// Not a version.
    #[error("`{0}` is no version: three numbers such as 1.4.0")]
    Version(String),
}

impl BundleName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`NameError::Name`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let fits = (1..=64).contains(&text.len()) && text.chars().all(good) && !text.starts_with(['-', '_']);
        // It becomes part of file names.
        if fits && super::paths::check_path(text).is_ok() { Ok(Self(text.to_owned())) } else { Err(NameError::Name(text.to_owned())) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::Version(text.to_owned());
        let numbers: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let version = Self(numbers.try_into().map_err(|_| wrong())?);
        // One spelling only.
        if version.to_string() == text { Ok(version) } else { Err(wrong()) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        f.pad(&format!("{major}.{minor}.{patch}"))
    }
}

impl fmt::Display for BundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for BundleName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for BundleName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<BundleName> for String {
    fn from(name: BundleName) -> Self {
        name.0
    }
}

impl TryFrom<String> for Version {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers_and_have_one_spelling() {
        let version = |text: &str| text.parse::<Version>();
        assert!(version("1.10.0").unwrap() > version("1.9.7").unwrap());
        for wrong in ["", "1", "1.2", "1.2.3.4", "01.2.3", "+1.2.3", "1.2.x", "1.2.-3", "1..2", "1.2.4294967296"] {
            assert!(version(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_file_names_everywhere() {
        for good in ["sales-forms", "a", "7_x"] {
            BundleName::new(good).unwrap();
        }
        for wrong in ["", "Sales", "-a", "_a", "a b", "a/b", "con", "nul", "com1", "é", &"a".repeat(65)] {
            assert!(BundleName::new(wrong).is_err(), "{wrong}");
        }
    }
}
