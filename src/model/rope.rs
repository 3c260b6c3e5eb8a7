//! Bytes in the making that do not copy what is large.
//!
//! A row with a large value passes through several hands on its way into a file: its cells, the statement that stores them, the commit
//! record that repeats the statement. Each would hold the value once more; a rope shares it with the value it comes from.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Row, Value, cells};

/// Bytes, some of which are somebody else's.
#[derive(Clone, Debug, Default)]
pub struct Rope {
    bytes: Vec<u8>,
    /// What lies between the bytes, and before which of them.
    large: Vec<(usize, Arc<[u8]>)>,
}

/// How long a [`Rope`] was at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct RopeEnd {
    bytes: usize,
    large: usize,
}

impl Rope {
    /// From this many bytes on a value is shared and not copied.
    pub const LARGE: usize = 64 << 10;

    /// The bytes that are not shared, to append to.
    pub const fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends one value as a cell.
    pub fn push(&mut self, value: &Value) {
        match value {
            Value::Text(content) | Value::Blob(content) if content.len() >= Self::LARGE => {
                cells::push_head(&mut self.bytes, value);
                self.large.push((self.bytes.len(), Arc::clone(content)));
            }
            Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
                cells::push(&mut self.bytes, value);
            }
        }
    }

    /// Appends the canonical bytes of a row.
    pub fn push_row(&mut self, row: &Row) {
        row.0.iter().for_each(|value| self.push(value));
    }

    /// Appends another rope.
    pub fn append(&mut self, other: &Self) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.large.extend(other.large.iter().map(|(place, large)| (start + place, Arc::clone(large))));
    }

    /// Appends another rope as one cell, a blob.
    pub fn push_blob(&mut self, other: &Self) {
        cells::push_blob_head(&mut self.bytes, other.len());
        self.append(other);
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() + self.large.iter().map(|(_, large)| large.len()).sum::<usize>()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it shares anything.
    #[must_use]
    pub const fn is_large(&self) -> bool {
        !self.large.is_empty()
    }

    /// Its end now.
    #[must_use]
    pub const fn end(&self) -> RopeEnd {
        RopeEnd { bytes: self.bytes.len(), large: self.large.len() }
    }

    /// Takes back what was appended since.
    pub fn truncate(&mut self, end: RopeEnd) {
        self.bytes.truncate(end.bytes);
        self.large.truncate(end.large);
    }

    /// Its bytes, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.large.iter().map(|(place, _)| *place));
        let ends = self.large.iter().map(|(place, _)| *place).chain([self.bytes.len()]);
        let own = starts.zip(ends).map(|(start, end)| &self.bytes[start..end]);
        let shared = self.large.iter().map(|(_, large)| &large[..]).chain([&[][..]]);
        own.zip(shared).flat_map(|(own, shared)| [own, shared])
    }

    /// Its bytes in parts of `most` bytes, the last one of less.
    ///
    /// # Errors
    /// As `each` says.
    pub fn in_parts<E>(&self, most: usize, mut each: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut part = Vec::new();
        for mut piece in self.pieces() {
            while let Some((head, tail)) = piece.split_at_checked(most - part.len()) {
                part.extend_from_slice(head);
                each(&part)?;
                part.clear();
                piece = tail;
            }
            part.extend_from_slice(piece);
        }
        if part.is_empty() { Ok(()) } else { each(&part) }
    }

    /// Its bytes in one piece.
    #[must_use]
    pub fn joined(&self) -> Cow<'_, [u8]> {
        if self.large.is_empty() {
            return Cow::Borrowed(&self.bytes);
        }
        let mut joined = Vec::with_capacity(self.len());
        self.pieces().for_each(|piece| joined.extend_from_slice(piece));
        Cow::Owned(joined)
    }
}

impl From<&Row> for Rope {
    fn from(row: &Row) -> Self {
        let mut rope = Self::default();
        rope.push_row(row);
        rope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = Rope::LARGE;

    fn row() -> Row {
        let large = |byte: u8, more: usize| Value::Blob(vec![byte; LARGE + more].into());
        Row(vec![Value::Integer(-7), large(1, 0), large(2, 3), Value::text("between"), Value::Null, large(3, 1)])
    }

    #[test]
    fn a_rope_of_a_row_has_the_bytes_of_the_row() {
        let (row, rope) = (row(), Rope::from(&row()));
        assert!(rope.is_large());
        assert_eq!(rope.joined(), row.to_bytes());
        assert_eq!(rope.len(), row.to_bytes().len());
        for most in [1, 1000, LARGE, 1 << 20] {
            let mut bytes = Vec::new();
            let mut parts = 0;
            let each = |part: &[u8]| -> Result<(), ()> {
                assert!(part.len() <= most);
                parts += 1;
                bytes.extend_from_slice(part);
                Ok(())
            };
            rope.in_parts(most, each).unwrap();
            assert_eq!((bytes, parts), (row.to_bytes(), rope.len().div_ceil(most)));
        }
    }

    #[test]
    fn what_was_appended_is_taken_back() {
        let mut rope = Rope::default();
        rope.push_row(&row());
        let (end, before) = (rope.end(), rope.joined().into_owned());
        rope.push_blob(&Rope::from(&row()));
        rope.push(&Value::text("more"));
        assert_eq!(rope.joined()[before.len()..before.len() + 1], [5]);
        rope.truncate(end);
        assert_eq!(rope.joined(), before);
    }

    #[test]
    fn large_values_are_shared_and_not_copied() {
        let value = Value::Blob(vec![0; LARGE].into());
        let Value::Blob(content) = &value else { unreachable!() };
        let mut rope = Rope::default();
        rope.push(&value);
        assert_eq!(Arc::strong_count(content), 2);
    }
}
