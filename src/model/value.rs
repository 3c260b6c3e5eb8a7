//! One value of one field, exactly as SQLite stores it.

use std::fmt;
use std::sync::Arc;

/// A value as SQLite stores it, or the statement that none is known.
///
/// Equality is exact: `1`, `1.0`, `'1'` and `x'31'` differ, `0.0` and `-0.0` differ, a NaN equals itself.
/// Bytes are shared: a clone of a value costs nothing, so that a large one is in memory once however many images hold it.
#[derive(Clone, Default)]
pub enum Value {
    /// Nothing is said of this field: a partial row, or a field the table got later. Never stored in a database.
    #[default]
    Absent,
    /// SQL NULL.
    Null,
    /// 64-bit integer.
    Integer(i64),
    /// 64-bit float, bit for bit.
    Real(f64),
    /// Text as bytes: SQLite does not promise UTF-8, nor freedom from NUL.
    Text(Arc<[u8]>),
    /// Bytes.
    Blob(Arc<[u8]>),
}

impl Value {
    /// Text from a Rust string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().into())
    }

    /// Whether anything is said.
    #[must_use]
    pub const fn is_stated(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Whether one is what a column of another type makes of the other: the same number or the same text, stored otherwise.
    /// Such a pair is no edit of anybody: `'1'` written into an INTEGER column is `1`.
    #[must_use]
    pub fn converts_to(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent | Self::Null | Self::Blob(_), _) | (_, Self::Absent | Self::Null | Self::Blob(_)) => self == other,
            // No column makes one text of another: `+1` and `1` are two telephone numbers.
            (Self::Text(_), Self::Text(_)) => self == other,
            (Self::Integer(_) | Self::Real(_) | Self::Text(_), _) => {
                self == other || self.number().is_some_and(|one| other.number() == Some(one))
            }
        }
    }

    /// The number it is or reads as.
    fn number(&self) -> Option<f64> {
        match self {
            Self::Absent | Self::Null | Self::Blob(_) => None,
            #[expect(clippy::cast_precision_loss, reason = "integers beyond 2^53 are compared as the floats a column makes of them")]
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        }
    }

    /// Bytes this value takes in memory and about what it takes in a file.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Absent | Self::Null => 1,
            Self::Integer(_) | Self::Real(_) => 9,
            Self::Text(bytes) | Self::Blob(bytes) => 5 + bytes.len(),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) | (Self::Null, Self::Null) => true,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) | (Self::Blob(a), Self::Blob(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Absent | Self::Null | Self::Integer(_) | Self::Real(_) | Self::Text(_) | Self::Blob(_), _) => false,
        }
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Text(_) | Self::Blob(_) => fmt::Display::fmt(self, f),
        }
    }
}

/// As a person would read it in a table: text bare and shortened by nobody, blobs as a count of bytes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("—"),
            Self::Null => f.write_str("NULL"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number:?}"),
            Self::Text(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Blob(bytes) => write!(f, "blob of {} bytes", bytes.len()),
        }
    }
}
