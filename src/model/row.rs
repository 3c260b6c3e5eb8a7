//! A row: one value per field, and its compact bytes as the mirror and the journal keep it.
//!
//! The bytes are canonical: two rows are equal exactly when their bytes are, and the same holds for each cell, so
//! sealing compares bytes and decodes only what differs.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Born, FieldNo, Rope, Stamp, Value};

/// One value per field, by [`FieldNo`]. Shorter than the shape where fields were added later; those are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

/// A row with who inserted it and when each field got its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The incarnation.
    pub born: Born,
    /// The values.
    pub row: Row,
    /// Per field, by place; a missing place means "not edited since the database was taken in".
    pub stamps: Vec<Option<Stamp>>,
}

/// Bytes that are no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no row")]
pub struct RowError;

impl Row {
    /// The value of a field; absent where the row is shorter.
    #[must_use]
    pub fn get(&self, field: FieldNo) -> &Value {
        self.0.get(field.index()).unwrap_or(&Value::Absent)
    }

    /// Sets one field, growing the row where needed.
    pub fn set(&mut self, field: FieldNo, value: Value) {
        if self.0.len() <= field.index() {
            self.0.resize(field.index() + 1, Value::Absent);
        }
        self.0[field.index()] = value;
    }

    /// Has large values that the other row has as well in memory once only.
    pub fn share(&mut self, other: &Self) {
        for (mine, other) in self.0.iter_mut().zip(&other.0) {
            if mine.weight() >= Rope::LARGE && mine == other {
                *mine = other.clone();
            }
        }
    }

    /// Equal in every field; a field beyond the end is absent.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.differing(other).next().is_none()
    }

    /// The fields in which two rows differ, ascending.
    pub fn differing<'r>(&'r self, other: &'r Self) -> impl Iterator<Item = FieldNo> + 'r {
        let fields = u16::try_from(self.0.len().max(other.0.len())).unwrap_or(u16::MAX);
        (0..fields).map(FieldNo).filter(move |field| self.get(*field) != other.get(*field))
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.iter().for_each(|value| cells::push(bytes, value));
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.iter().map(Value::weight).sum());
        self.encode(&mut bytes);
        bytes
    }

    /// Reads what [`Row::encode`] wrote.
    ///
    /// # Errors
    /// [`RowError`] where the bytes were not written by it.
    pub fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        cells::split(bytes).map(|cell| cell.and_then(cells::value)).collect::<Result<_, _>>().map(Self)
    }
}

impl Row {
    /// As [`Row::decode`], but all fields other than these, which ascend, are absent.
    ///
    /// # Errors
    /// [`RowError`] where the bytes were not written by [`Row::encode`].
    pub fn decode_part(bytes: &[u8], fields: &[FieldNo]) -> Result<Self, RowError> {
        let mut row = Self(Vec::with_capacity(fields.last().map_or(0, |last| last.index() + 1)));
        let mut wanted = fields.iter().peekable();
        for (place, cell) in cells::split(bytes).enumerate() {
            let Some(next) = wanted.peek() else { break };
            row.0.push(if next.index() == place { cells::value(cell?)? } else { Value::Absent });
            if next.index() == place {
                wanted.next();
            }
        }
        Ok(row)
    }
}

/// As the base64 of its bytes: exact, and only ever read by us.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(de::Error::custom)?;
        Self::decode(&bytes).map_err(de::Error::custom)
    }
}

impl Image {
    /// The same incarnation with the same values, whenever they were edited.
    #[must_use]
    pub fn same_data(&self, other: &Self) -> bool {
        self.born == other.born && self.row.same(&other.row)
    }

    /// Takes one field of another image, value and stamp.
    pub fn take(&mut self, field: FieldNo, from: &Self) {
        self.row.set(field, from.row.get(field).clone());
        self.set_stamp(field, from.stamp(field));
    }

    /// As [`Image::take`], but what has the same value stays the edit that it is.
    pub fn take_edit(&mut self, field: FieldNo, from: &Self) {
        if self.row.get(field) != from.row.get(field) || self.stamp(field).is_none() {
            self.take(field, from);
        }
    }

    /// Gives what it says of `from`, value and stamp, to `to`. Whether it says anything.
    pub fn renumber(&mut self, from: FieldNo, to: FieldNo) -> bool {
        let says = self.row.get(from).is_stated() || self.stamp(from).is_some();
        if says {
            let (value, stamp) = (self.row.get(from).clone(), self.stamp(from));
            self.row.set(to, value);
            self.set_stamp(to, stamp);
            self.row.set(from, Value::Absent);
            self.set_stamp(from, None);
        }
        says
    }

    /// When and where a field was last edited, where known.
    #[must_use]
    pub fn stamp(&self, field: FieldNo) -> Option<Stamp> {
        self.stamps.get(field.index()).copied().flatten()
    }

    /// Sets the stamp of one field.
    pub fn set_stamp(&mut self, field: FieldNo, stamp: Option<Stamp>) {
        if self.stamps.len() <= field.index() {
            if stamp.is_none() {
                return;
            }
            self.stamps.resize(field.index() + 1, None);
        }
        self.stamps[field.index()] = stamp;
    }
}

/// Cells: the bytes of single values inside a row's bytes.
pub mod cells {
    use super::{FieldNo, RowError, Value};

    const ABSENT: u8 = 0;
    const NULL: u8 = 1;
    const INTEGER: u8 = 2;
    const REAL: u8 = 3;
    const TEXT: u8 = 4;
    const BLOB: u8 = 5;

    /// Appends one value.
    pub fn push(bytes: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Absent => bytes.push(ABSENT),
            Value::Null => push_null(bytes),
            Value::Integer(number) => push_integer(bytes, *number),
            Value::Real(number) => push_real(bytes, *number),
            Value::Text(text) => push_text(bytes, text),
            Value::Blob(blob) => push_blob(bytes, blob),
        }
    }

    /// Appends NULL.
    pub fn push_null(bytes: &mut Vec<u8>) {
        bytes.push(NULL);
    }

    /// Appends an integer.
    pub fn push_integer(bytes: &mut Vec<u8>, number: i64) {
        bytes.push(INTEGER);
        // Zigzag keeps small negative numbers short.
        push_varint(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// Appends a float.
    pub fn push_real(bytes: &mut Vec<u8>, number: f64) {
        bytes.push(REAL);
        bytes.extend_from_slice(&number.to_bits().to_le_bytes());
    }

    /// Appends text, valid UTF-8 or not.
    pub fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
        push_sized(bytes, TEXT, text.len());
        bytes.extend_from_slice(text);
    }

    /// Appends a blob.
    pub fn push_blob(bytes: &mut Vec<u8>, blob: &[u8]) {
        push_blob_head(bytes, blob.len());
        bytes.extend_from_slice(blob);
    }

    /// Appends all of a blob's cell but its content.
    pub fn push_blob_head(bytes: &mut Vec<u8>, length: usize) {
        push_sized(bytes, BLOB, length);
    }

    /// Appends all of a value's cell but its content, where it has any.
    pub fn push_head(bytes: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Text(text) => push_sized(bytes, TEXT, text.len()),
            Value::Blob(blob) => push_sized(bytes, BLOB, blob.len()),
            Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) => push(bytes, value),
        }
    }

    fn push_sized(bytes: &mut Vec<u8>, tag: u8, length: usize) {
        bytes.push(tag);
        push_varint(bytes, length as u64);
    }

    /// The cells of a row's bytes, in field order; ends after the first damaged one.
    pub fn split(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], RowError>> {
        let mut rest = bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let length = cell_length(rest);
            match length.and_then(|length| rest.split_at_checked(length)) {
                Some((cell, tail)) => {
                    rest = tail;
                    Some(Ok(cell))
                }
                None => {
                    rest = &[];
                    Some(Err(RowError))
                }
            }
        })
    }

    /// Where two rows' bytes differ.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Difference<'b> {
        /// The fields, ascending, each with its cell in the second row.
        pub fields: Vec<(FieldNo, &'b [u8])>,
        /// How many cells the second row has.
        pub length: usize,
        /// Whether the first one has as many: else these fields do not make the second one of it.
        pub as_long: bool,
    }

    /// Compares two rows' bytes.
    ///
    /// # Errors
    /// [`RowError`] where the bytes are no rows.
    pub fn differing<'b>(old: &[u8], new: &'b [u8]) -> Result<Difference<'b>, RowError> {
        let (mut before, mut after) = (split(old), split(new));
        let mut found = Difference { as_long: true, ..Difference::default() };
        for place in 0..=u16::MAX {
            let (before, after) = (before.next().transpose()?, after.next().transpose()?);
            if before.is_none() && after.is_none() {
                break;
            }
            found.length += usize::from(after.is_some());
            found.as_long &= before.is_some() == after.is_some();
            if before.unwrap_or(&[ABSENT]) != after.unwrap_or(&[ABSENT]) {
                found.fields.push((FieldNo(place), after.unwrap_or(&[ABSENT])));
            }
        }
        Ok(found)
    }

    /// A row's bytes with some cells replaced. `patch`: per field its number and its value, as cells.
    ///
    /// # Errors
    /// [`RowError`] where the bytes are no row or no patch.
    pub fn patched(row: &[u8], patch: &[u8]) -> Result<Vec<u8>, RowError> {
        let mut cells: Vec<&[u8]> = split(row).collect::<Result<_, _>>()?;
        let mut parts = split(patch);
        while let Some(number) = parts.next() {
            let Value::Integer(place) = value(number?)? else { return Err(RowError) };
            let place = usize::from(u16::try_from(place).map_err(|_| RowError)?);
            if cells.len() <= place {
                cells.resize(place + 1, &[ABSENT]);
            }
            cells[place] = parts.next().ok_or(RowError)??;
        }
        Ok(cells.concat())
    }

    /// The value of one cell.
    ///
    /// # Errors
    /// [`RowError`] where the bytes are no cell.
    pub fn value(cell: &[u8]) -> Result<Value, RowError> {
        let (tag, rest) = cell.split_first().ok_or(RowError)?;
        Ok(match *tag {
            ABSENT => Value::Absent,
            NULL => Value::Null,
            INTEGER => {
                let (zigzag, _) = read_varint(rest).ok_or(RowError)?;
                Value::Integer((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
            }
            REAL => Value::Real(f64::from_bits(u64::from_le_bytes(rest.try_into().map_err(|_| RowError)?))),
            TEXT | BLOB => {
                let (length, taken) = read_varint(rest).ok_or(RowError)?;
                let content = rest.get(taken..).ok_or(RowError)?;
                if content.len() as u64 != length {
                    return Err(RowError);
                }
                if *tag == TEXT { Value::Text(content.into()) } else { Value::Blob(content.into()) }
            }
            _ => return Err(RowError),
        })
    }

    /// Reads one cell that is an integer or NULL.
    ///
    /// # Errors
    /// As for [`value`], and where it is something else.
    pub fn integer(cell: &[u8]) -> Result<Option<i64>, RowError> {
        match cell.split_first() {
            Some((&NULL, [])) => Ok(None),
            Some((&INTEGER, _)) => match value(cell)? {
                Value::Integer(number) => Ok(Some(number)),
                Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => Err(RowError),
            },
            Some(_) | None => Err(RowError),
        }
    }

    fn cell_length(bytes: &[u8]) -> Option<usize> {
        let (tag, rest) = bytes.split_first()?;
        match *tag {
            ABSENT | NULL => Some(1),
            INTEGER => read_varint(rest).map(|(_, taken)| 1 + taken),
            REAL => Some(9),
            TEXT | BLOB => {
                let (length, taken) = read_varint(rest)?;
                usize::try_from(length).ok()?.checked_add(1 + taken)
            }
            _ => None,
        }
    }

    /// LEB128, as in protocol buffers.
    pub fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
        while number >= 0x80 {
            bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        bytes.push(number.to_le_bytes()[0]);
    }

    /// The number and how many bytes it took.
    #[must_use]
    pub fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
        let mut number = 0u64;
        for (place, &byte) in bytes.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Some((number, place + 1));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Absent),
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_map(Value::Real),
            proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Value::Text(bytes.into())),
            proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| Value::Blob(bytes.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_row_survives_its_bytes(values in proptest::collection::vec(value(), 0..8)) {
            let row = Row(values);
            prop_assert_eq!(Row::decode(&row.to_bytes()).unwrap(), row);
        }

        #[test]
        fn a_part_of_a_row_is_these_fields_and_nothing_else(values in proptest::collection::vec(value(), 0..8), fields in proptest::collection::btree_set(0u16..9, 0..9)) {
            let row = Row(values);
            let fields: Vec<FieldNo> = fields.into_iter().map(FieldNo).collect();
            let part = Row::decode_part(&row.to_bytes(), &fields).unwrap();
            for field in (0..9).map(FieldNo) {
                prop_assert_eq!(part.get(field), if fields.contains(&field) { row.get(field) } else { &Value::Absent });
            }
        }

        #[test]
        fn damaged_bytes_are_refused_or_read_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Row::decode(&bytes);
        }
    }

    proptest! {
        #[test]
        fn what_differs_between_two_rows_patches_one_into_the_other(a in proptest::collection::vec(value(), 0..8), b in proptest::collection::vec(value(), 0..8)) {
            let (old, new) = (Row(a), Row(b));
            let (old_bytes, new_bytes) = (old.to_bytes(), new.to_bytes());
            let cells::Difference { fields, length: count, as_long } = cells::differing(&old_bytes, &new_bytes).unwrap();
            prop_assert_eq!(count, new.0.len());
            prop_assert_eq!(as_long, old.0.len() == new.0.len());
            prop_assert_eq!(fields.iter().map(|(field, _)| *field).collect::<Vec<_>>(), old.differing(&new).collect::<Vec<_>>());
            let mut patch = Vec::new();
            for (field, cell) in fields {
                cells::push_integer(&mut patch, field.0.into());
                patch.extend_from_slice(cell);
            }
            prop_assert!(Row::decode(&cells::patched(&old_bytes, &patch).unwrap()).unwrap().same(&new));
        }
    }

    #[test]
    fn one_as_integer_real_text_and_blob_are_four_values() {
        let ones = [Value::Integer(1), Value::Real(1.0), Value::text("1"), Value::Blob(b"1".as_slice().into())];
        let bytes: std::collections::BTreeSet<_> = ones.iter().map(|one| Row(vec![one.clone()]).to_bytes()).collect();
        assert_eq!(bytes.len(), 4);
        assert_ne!(Value::Real(0.0), Value::Real(-0.0));
    }
}
