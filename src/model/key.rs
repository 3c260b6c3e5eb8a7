//! The key of a record: canonical bytes that are equal exactly when SQLite's BINARY comparison says so.
//!
//! Order of the bytes is order of the values (integers and reals by number, then text, then blob; composite keys
//! field by field), so a `BTreeMap` or an index over keys walks a table in a useful order. A real with an integral
//! value is written as that integer, because SQLite takes `1` and `1.0` for the same key; the exact value is in the row.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Born, SiteNo, Value};

/// A key as canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// Why values are no key, or bytes no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// NULL or nothing where a key value should be: SQLite allows several such records, nobody can tell them apart.
    #[error("an empty value in the key")]
    Null,
    /// Bytes that no key has.
    #[error("the bytes are no key")]
    Damaged,
}

/// Names no values but an incarnation.
const BIRTH: u8 = 0x01;
const INTEGER: u8 = 0x10;
const REAL: u8 = 0x11;
const TEXT: u8 = 0x20;
const BLOB: u8 = 0x30;
const ESCAPE: u8 = 0xff;

/// As hex of its bytes: exact, and only ever read by us.
impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HEXLOWER.decode(String::deserialize(deserializer)?.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

impl Key {
    /// Canonical key of `values`, one per key field.
    ///
    /// # Errors
    /// [`KeyError::Null`] where a value is NULL or absent.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v Value>) -> Result<Self, KeyError> {
        let mut bytes = Vec::with_capacity(9);
        for value in values {
            match value {
                Value::Absent | Value::Null => return Err(KeyError::Null),
                Value::Integer(number) => push_integer(&mut bytes, *number),
                Value::Real(number) => push_real(&mut bytes, *number),
                Value::Text(text) => push_bytes(&mut bytes, TEXT, text),
                Value::Blob(blob) => push_bytes(&mut bytes, BLOB, blob),
            }
        }
        Ok(Self(bytes))
    }

    /// Takes bytes that [`Key::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key of a record that is named by its incarnation, because its number in the database may change. Only the ledger
    /// has such keys; they have no values.
    #[must_use]
    pub fn of_birth(born: Born) -> Self {
        let mut bytes = Vec::with_capacity(13);
        bytes.push(BIRTH);
        bytes.extend_from_slice(&born.site.0.to_be_bytes());
        bytes.extend_from_slice(&born.sequence.to_be_bytes());
        Self(bytes)
    }

    /// Whether [`Key::of_birth`] made it.
    #[must_use]
    pub fn is_birth(&self) -> bool {
        self.0.first() == Some(&BIRTH)
    }

    /// What [`Key::of_birth`] was made of.
    #[must_use]
    pub fn birth(&self) -> Option<Born> {
        let (&BIRTH, rest) = self.0.split_first()? else { return None };
        let (site, sequence) = rest.split_first_chunk::<4>()?;
        let site = SiteNo(u32::from_be_bytes(*site));
        Some(Born { site, sequence: u64::from_be_bytes(sequence.try_into().ok()?) })
    }

    /// The number, for a key of one integer.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self.values().ok()?.as_slice() {
            [Value::Integer(number)] => Some(*number),
            _ => None,
        }
    }

    /// The values; a real with an integral value comes back as an integer, which finds the same record.
    ///
    /// # Errors
    /// [`KeyError::Damaged`] where the bytes are not of [`Key::new`].
    pub fn values(&self) -> Result<Vec<Value>, KeyError> {
        self.each_value().collect()
    }

    /// As [`Key::values`], one after the other; ends after the first damaged one.
    pub fn each_value(&self) -> impl Iterator<Item = Result<Value, KeyError>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (tag, tail) = rest.split_first()?;
            let read = read_value(*tag, tail);
            rest = read.as_ref().map_or(&[], |(_, next)| next);
            Some(read.map(|(value, _)| value))
        })
    }
}

/// The value behind its tag, and what comes behind it.
fn read_value(tag: u8, tail: &[u8]) -> Result<(Value, &[u8]), KeyError> {
    match tag {
        INTEGER | REAL => {
            let (number, next) = tail.split_first_chunk::<8>().ok_or(KeyError::Damaged)?;
            Ok((read_number(tag, *number), next))
        }
        TEXT | BLOB => {
            let (bytes, next) = read_bytes(tail)?;
            Ok((if tag == TEXT { Value::Text(bytes.into()) } else { Value::Blob(bytes.into()) }, next))
        }
        _ => Err(KeyError::Damaged),
    }
}

/// As a person would type it: `42`, `ACME`, `7/12` for a composite key.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_birth() {
            return f.write_str("(no number)");
        }
        let Ok(values) = self.values() else { return f.write_str("(damaged key)") };
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                f.write_str("/")?;
            }
            match value {
                Value::Blob(bytes) => {
                    f.write_str("x'")?;
                    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    f.write_str("'")?;
                }
                Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => write!(f, "{value}")?,
            }
        }
        Ok(())
    }
}

fn push_integer(bytes: &mut Vec<u8>, number: i64) {
    bytes.push(INTEGER);
    bytes.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

fn push_real(bytes: &mut Vec<u8>, number: f64) {
    // 2^63 itself is no i64: the upper bound is exclusive, and both bounds are exact floats.
    if number.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "integral and in range")]
        return push_integer(bytes, number as i64);
    }
    let bits = number.to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits ^ (1 << 63) };
    bytes.push(REAL);
    bytes.extend_from_slice(&ordered.to_be_bytes());
}

fn read_number(tag: u8, bytes: [u8; 8]) -> Value {
    let ordered = u64::from_be_bytes(bytes);
    if tag == INTEGER {
        return Value::Integer((ordered ^ (1 << 63)).cast_signed());
    }
    Value::Real(f64::from_bits(if ordered >> 63 == 1 { ordered ^ (1 << 63) } else { !ordered }))
}

/// `00` inside is written `00 ff`, the end is `00 00`, so that shorter sorts before longer and composite keys nest.
fn push_bytes(bytes: &mut Vec<u8>, tag: u8, content: &[u8]) {
    bytes.push(tag);
    for &byte in content {
        bytes.push(byte);
        if byte == 0 {
            bytes.push(ESCAPE);
        }
    }
    bytes.extend_from_slice(&[0, 0]);
}

fn read_bytes(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), KeyError> {
    let mut content = Vec::new();
    loop {
        match rest {
            [0, 0, tail @ ..] => return Ok((content, tail)),
            [0, ESCAPE, tail @ ..] => {
                content.push(0);
                rest = tail;
            }
            [0, ..] | [] => return Err(KeyError::Damaged),
            [byte, tail @ ..] => {
                content.push(*byte);
                rest = tail;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("SQLite stores NaN as NULL", |n| !n.is_nan()).prop_map(Value::Real),
            proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| Value::Text(bytes.into())),
            proptest::collection::vec(0..2u8, 0..6).prop_map(|bytes| Value::Blob(bytes.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_key_comes_back_as_values_that_make_the_same_key(values in proptest::collection::vec(value(), 1..4)) {
            let key = Key::new(&values).unwrap();
            prop_assert_eq!(Key::new(&key.values().unwrap()).unwrap(), key);
        }

        #[test]
        fn text_keys_sort_like_their_bytes(a in proptest::collection::vec(any::<u8>(), 0..5), b in proptest::collection::vec(any::<u8>(), 0..5)) {
            let order = Key::new([&Value::Text(a.as_slice().into())]).unwrap().cmp(&Key::new([&Value::Text(b.as_slice().into())]).unwrap());
            prop_assert_eq!(order, a.cmp(&b));
        }

        #[test]
        fn integer_keys_sort_like_numbers(a in any::<i64>(), b in any::<i64>()) {
            let order = Key::new([&Value::Integer(a)]).unwrap().cmp(&Key::new([&Value::Integer(b)]).unwrap());
            prop_assert_eq!(order, a.cmp(&b));
        }
    }

    #[test]
    fn one_and_one_point_zero_are_one_key_and_the_text_is_another() {
        let key = |value| Key::new([&value]).unwrap();
        assert_eq!(key(Value::Integer(1)), key(Value::Real(1.0)));
        assert_ne!(key(Value::Integer(1)), key(Value::text("1")));
        assert_ne!(key(Value::text("1")), key(Value::Blob(b"1".as_slice().into())));
    }

    #[test]
    fn a_null_is_no_key() {
        assert_eq!(Key::new([&Value::Integer(1), &Value::Null]), Err(KeyError::Null));
    }
}
