//! Names and numbers that must not be mistaken for one another.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC, as the triggers write them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millis(pub i64);

impl Millis {
    /// Whether this is at least so long ago; or so far ahead, as a clock wrote it that was ahead itself: what waits for that moment waits no more.
    #[must_use]
    pub const fn is_past(self, millis: i64, now: Self) -> bool {
        now.0.abs_diff(self.0) >= millis.unsigned_abs()
    }

    /// The civil date in UTC, as 2026-11-28.
    #[must_use]
    pub fn date(self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
    }
}

/// The name of a site, unique in the whole tree: 1 to 40 of `a-z`, `0-9`, `-`, `_`, starting with a letter or digit.
///
/// Only characters that every file system and every file server takes as they are, because names become folders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteName(Arc<str>);

/// Why a text is no site name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SiteNameError {
    /// Empty, or longer than [`SiteName::MAX_BYTES`].
    #[error("a site name has 1 to {max} characters, `{0}` has {length}", max = SiteName::MAX_BYTES, length = .0.len())]
    Length(String),
    /// A character outside the allowed ones, or a bad first one.
    #[error("a site name has only a-z, 0-9, `-` and `_` and starts with a letter or digit, `{0}` does not")]
    Character(String),
    /// A device name that Windows does not allow as a folder.
    #[error("`{0}` cannot be a site name: Windows keeps it for a device")]
    Reserved(String),
}

impl SiteName {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 40;
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

    /// Checks and takes a name.
    ///
    /// # Errors
    /// Says which rule `text` breaks.
    pub fn new(text: &str) -> Result<Self, SiteNameError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(SiteNameError::Length(text.into()));
        }
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !text.chars().all(good) || text.starts_with(['-', '_']) {
            return Err(SiteNameError::Character(text.into()));
        }
        let numbered =
            text.len() == 4 && (text.starts_with("com") || text.starts_with("lpt")) && text.ends_with(|c: char| c.is_ascii_digit());
        if numbered || Self::RESERVED.contains(&text) {
            return Err(SiteNameError::Reserved(text.into()));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for SiteName {
    type Error = SiteNameError;
    fn try_from(text: String) -> Result<Self, SiteNameError> {
        Self::new(&text)
    }
}

impl From<SiteName> for String {
    fn from(name: SiteName) -> Self {
        name.0.to_string()
    }
}

/// A site as this home's ledger numbers it. Never leaves the home: packets say names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SiteNo(pub u32);

/// A tracked table as this home's ledger numbers it. Never leaves the home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableNo(pub u32);

/// A field of a table by its place in [`super::Shape::fields`]; never given again after a drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldNo(pub u16);

impl FieldNo {
    /// As an index into a [`super::Row`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Place of a packet in its stream: 1, 2, 3 …; 0 is "none yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PacketNumber(pub u64);

impl PacketNumber {
    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for PacketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Place of an entry in the journal: 1, 2, 3 …; 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JournalNumber(pub i64);

/// Names one direction between two neighbours, drawn when the two became neighbours: 16 lower-case hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(pub u64);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl TryFrom<String> for StreamId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match u64::from_str_radix(&text, 16) {
            Ok(id) if hex => Ok(Self(id)),
            Ok(_) | Err(_) => Err(format!("`{text}` is no stream id")),
        }
    }
}

impl From<StreamId> for String {
    fn from(id: StreamId) -> Self {
        id.to_string()
    }
}

/// The incarnation of a record: who inserted it, and a number that site never gives twice.
///
/// The upper bits of `sequence` are drawn at random when a home is made, so that a site that is set up again under
/// its old name does not repeat numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Born {
    /// The site that inserted the record.
    pub site: SiteNo,
    /// Unique at that site; below 2^63.
    pub sequence: u64,
}

/// When and where a field got its value. Set by the edit, never refreshed by a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Clock of the site of the edit.
    pub time: Millis,
    /// The site of the edit.
    pub site: SiteNo,
}

/// Says that an application's database and a ledger belong together: drawn when they first meet, kept in both. 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PairId(pub [u8; 16]);

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<String> for PairId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| format!("`{text}` is no pair id"))
    }
}

impl From<PairId> for String {
    fn from(id: PairId) -> Self {
        id.to_string()
    }
}
