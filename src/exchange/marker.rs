//! How a place says that it is a Fieldpost exchange, and which one.
//!
//! One small JSON file at its root. An unmounted share is an empty folder; without the marker that would look like an
//! exchange from which everything was taken.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ExchangeError, FileName, MarkerFault};

/// Name of the marker file.
pub const MARKER_NAME: &str = "fieldpost-exchange.json";

/// What [`Marker::format`] says.
const FORMAT: &str = "fieldpost exchange";

/// Names an exchange for good: 32 lower-case hex digits, drawn when it was marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExchangeId(pub [u8; 16]);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl TryFrom<String> for ExchangeId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match u128::from_str_radix(&text, 16) {
            Ok(id) if hex => Ok(Self(id.to_be_bytes())),
            Ok(_) | Err(_) => Err(format!("`{text}` is no exchange id")),
        }
    }
}

impl From<ExchangeId> for String {
    fn from(id: ExchangeId) -> Self {
        id.to_string()
    }
}

/// The content of the marker file. Later versions may add fields; these three stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    format: String,
    version: u32,
    /// Which exchange it is.
    pub id: ExchangeId,
}

/// The part of every marker, past and future, that says how to read the rest.
#[derive(Deserialize)]
struct Heading {
    format: String,
    version: u32,
}

impl Marker {
    /// The format this version writes and the newest it reads.
    pub const VERSION: u32 = 1;
    /// A longer file is no marker.
    pub const MAX_BYTES: usize = 4096;

    pub(super) fn new(id: ExchangeId) -> Self {
        Self { format: FORMAT.into(), version: Self::VERSION, id }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("text and a number are always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Whether `found` is what a kill in the middle of writing such a marker leaves where the far side cannot rename.
    pub(super) fn may_have_begun_as(&self, found: &[u8]) -> bool {
        let whole = self.to_bytes();
        let same = |(a, b): (&u8, &u8)| a == b || a.is_ascii_hexdigit() && b.is_ascii_hexdigit();
        found.len() + 2 < whole.len() && found.iter().zip(&whole).all(same)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, MarkerFault> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(MarkerFault::Unreadable);
        }
        let heading: Heading = serde_json::from_slice(bytes).map_err(|_| MarkerFault::Unreadable)?;
        if heading.format != FORMAT {
            return Err(MarkerFault::Unreadable);
        }
        if heading.version > Self::VERSION {
            return Err(MarkerFault::Newer(heading.version));
        }
        serde_json::from_slice(bytes).map_err(|_| MarkerFault::Unreadable)
    }

    /// The marker of a place, where what was found there is one.
    pub(super) fn of(place: &str, found: Option<&[u8]>) -> Result<Self, ExchangeError> {
        let marker = found.ok_or(MarkerFault::Absent).and_then(Self::parse);
        marker.map_err(|why| ExchangeError::NotAnExchange { place: place.into(), why })
    }

    pub(super) fn name() -> FileName {
        FileName::new(MARKER_NAME).expect("the constant keeps the rules")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back_and_a_newer_one_is_named_as_newer() {
        let marker = Marker::new(ExchangeId([0xab; 16]));
        assert_eq!(Marker::parse(&marker.to_bytes()), Ok(marker));
        let newer = br#"{"format":"fieldpost exchange","version":2,"something":"else"}"#;
        assert_eq!(Marker::parse(newer), Err(MarkerFault::Newer(2)));
    }

    #[test]
    fn only_the_beginning_of_a_marker_is_written_anew() {
        let (one, other) = (Marker::new(ExchangeId([0x1a; 16])), Marker::new(ExchangeId([0xb2; 16])).to_bytes());
        assert!(one.may_have_begun_as(b"") && one.may_have_begun_as(&other[..other.len() - 5]));
        assert!(!one.may_have_begun_as(&other) && !one.may_have_begun_as(b"notes"));
    }

    #[test]
    fn other_files_of_that_name_are_no_markers() {
        let mut long = Marker::new(ExchangeId([1; 16])).to_bytes();
        long.resize(Marker::MAX_BYTES, b' ');
        assert!(Marker::parse(&long).is_ok());
        long.push(b' ');
        for bytes in
            [&b""[..], b"{", b"{}", br#"{"format":"x","version":1}"#, br#"{"format":"fieldpost exchange","version":1,"id":"AB"}"#, &long]
        {
            assert_eq!(Marker::parse(bytes), Err(MarkerFault::Unreadable));
        }
    }
}
