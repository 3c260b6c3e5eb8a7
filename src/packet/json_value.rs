//! Values as JSON, exactly: what goes in comes out, bit for bit, and every odd value says what it is.
//!
//! `null`, integers, floats with a point or an exponent, and strings stand for themselves. Everything else is an object:
//! `{"blob":"base64"}`, `{"text":"base64"}` for text that is not UTF-8, `{"real":"inf"}`, `{"real":"-inf"}`, `{"real":"1e300"}` and
//! `{"absent":true}`. Floats from 2^63 on are such objects because a reader of JSON cannot tell them from an integer that is too large,
//! and that must be refused. SQLite stores a NaN as NULL, and so does this.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::model::Value;

/// From here on floats and out-of-range integers look alike in JSON.
const INTEGER_END: f64 = 9_223_372_036_854_775_808.0;

/// A value that weighs this much is not copied into a line but written when the line is.
const LARGE: usize = 64 << 10;

/// Bytes that become base64 at a stretch: a multiple of 3, so that the stretches join.
const STRETCH: usize = 12 << 10;

/// Any JSON, with the texts of what it was read from. Unlike `serde_json::Value` it refuses integers beyond 64 bits and members that are
/// there twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'j> {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(Cow<'j, str>),
    List(Vec<Json<'j>>),
    Object(BTreeMap<Cow<'j, str>, Json<'j>>),
}

/// A line of JSON on its way to a file.
#[derive(Debug, Default)]
pub(super) struct Line {
    bytes: Vec<u8>,
    /// What is to be written between the bytes, and before which of them.
    large: Vec<(usize, Value)>,
}

impl Line {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.large.clear();
    }

    pub fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Appends what is JSON already.
    pub fn push_str(&mut self, json: &str) {
        self.bytes.extend_from_slice(json.as_bytes());
    }

    /// Appends a string.
    pub fn push_text(&mut self, text: &str) {
        write_text(&mut self.bytes, text).expect("memory takes every string");
    }

    /// Appends a value.
    pub fn push_value(&mut self, value: &Value) {
        if value.weight() < LARGE {
            write_value(&mut self.bytes, value).expect("memory takes every value");
        } else {
            self.large.push((self.bytes.len(), value.clone()));
        }
    }

    /// Writes the line; says how many bytes it had.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<u64> {
        let mut out = Counted { out, count: 0 };
        let mut done = 0;
        for (place, value) in &self.large {
            out.write_all(&self.bytes[done..*place])?;
            write_value(&mut out, value)?;
            done = *place;
        }
        out.write_all(&self.bytes[done..])?;
        Ok(out.count)
    }
}

struct Counted<W> {
    out: W,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a value.
pub(super) fn write_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Absent => out.write_all(b"{\"absent\":true}"),
        Value::Null => out.write_all(b"null"),
        Value::Integer(number) => write!(out, "{number}"),
        Value::Real(number) => write_real(out, *number),
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => write_text(out, text),
            Err(_) => write_tagged(out, "text", |out| write_base64(out, bytes)),
        },
        Value::Blob(bytes) => write_tagged(out, "blob", |out| write_base64(out, bytes)),
    }
}

fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}

fn write_real(out: &mut impl Write, number: f64) -> io::Result<()> {
    if number.is_nan() {
        out.write_all(b"null")
    } else if number.is_infinite() {
        write_tagged(out, "real", |out| out.write_all(if number > 0.0 { b"inf" } else { b"-inf" }))
    } else if number.abs() >= INTEGER_END {
        write_tagged(out, "real", |out| write!(out, "{number:e}"))
    } else {
        Ok(serde_json::to_writer(out, &number)?)
    }
}

fn write_tagged<W: Write>(out: &mut W, tag: &str, text: impl FnOnce(&mut W) -> io::Result<()>) -> io::Result<()> {
    write!(out, "{{\"{tag}\":\"")?;
    text(out)?;
    out.write_all(b"\"}")
}

fn write_base64(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut text = [0; STRETCH / 3 * 4];
    bytes.chunks(STRETCH).try_for_each(|stretch| {
        let text = &mut text[..BASE64.encode_len(stretch.len())];
        BASE64.encode_mut(stretch, text);
        out.write_all(text)
    })
}

impl Json<'_> {
    /// Reads what [`write_value`] wrote.
    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Integer(number) => Ok(Value::Integer(number)),
            Self::Real(number) => Ok(Value::Real(number)),
            Self::Text(text) => Ok(Value::text(&text)),
            Self::Object(members) => tagged(members),
            Self::Bool(_) | Self::List(_) => Err("a list or a truth value where a value should be".into()),
        }
    }
}

fn tagged(mut members: BTreeMap<Cow<'_, str>, Json<'_>>) -> Result<Value, String> {
    let only = if members.len() == 1 { members.pop_first() } else { None };
    match only {
        Some((tag, Json::Bool(true))) if tag == "absent" => Ok(Value::Absent),
        Some((tag, Json::Text(text))) => match &*tag {
            "blob" => base64(&text).map(Value::Blob),
            "text" => base64(&text).map(Value::Text),
            "real" => real(&text).map(Value::Real),
            _ => Err(format!("an object `{tag}` where a value should be")),
        },
        Some(_) | None => Err("an object that is no value".into()),
    }
}

/// Decodes into the one place where the bytes stay.
fn base64(text: &str) -> Result<Arc<[u8]>, String> {
    let wrong = |error: &dyn fmt::Display| format!("base64: {error}");
    let (body, end) = text.as_bytes().split_at(text.len().saturating_sub(4) / 4 * 4);
    let end = BASE64.decode(end).map_err(|error| wrong(&error))?;
    let length = body.len() / 4 * 3;
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, length + end.len()).collect();
    let place = Arc::get_mut(&mut bytes).expect("nobody else has it yet");
    let decoded = BASE64.decode_mut(body, &mut place[..length]).map_err(|error| wrong(&error.error))?;
    place[length..].copy_from_slice(&end);
    if decoded == length { Ok(bytes) } else { Err(wrong(&"an end in the middle")) }
}

fn real(text: &str) -> Result<f64, String> {
    match text {
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        // Rust reads `nan` and `infinity` too, and what is smaller has a plain spelling: both end here.
        _ => text.parse().ok().filter(|number: &f64| number.is_finite() && number.abs() >= INTEGER_END),
    }
    .ok_or_else(|| format!("`{text}` is no such float"))
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with 64-bit integers")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json<'de>, E> {
        i64::try_from(number).map(Json::Integer).map_err(|_| E::custom(format!("{number} is beyond 64 bits")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json<'de>, E> {
        if number.abs() < INTEGER_END { Ok(Json::Real(number)) } else { Err(E::custom(format!("{number:e} is beyond 64 bits"))) }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json<'de>, E> {
        Ok(Json::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = BTreeMap::new();
        // Read as JSON, a name stays where it is.
        while let Some((name, value)) = map.next_entry::<Json, Json>()? {
            let Json::Text(name) = name else { return Err(A::Error::custom("a name that is no text")) };
            if let Some(_twice) = members.insert(name.clone(), value) {
                return Err(A::Error::custom(format!("`{name}` is there twice")));
            }
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<Value, String> {
        serde_json::from_slice::<Json>(text).map_err(|error| error.to_string())?.into_value()
    }

    fn written(value: &Value) -> String {
        let (mut line, mut out) = (Line::default(), Vec::new());
        line.push_value(value);
        assert_eq!(line.write_to(&mut out).unwrap(), out.len() as u64);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_kind_of_value_has_its_own_spelling() {
        let spelled = [
            (Value::Absent, r#"{"absent":true}"#),
            (Value::Null, "null"),
            (Value::Integer(1), "1"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Real(1.0), "1.0"),
            (Value::Real(-0.0), "-0.0"),
            (Value::Real(5e-324), "5e-324"),
            (Value::Real(1e15), "1000000000000000.0"),
            (Value::Real(f64::INFINITY), r#"{"real":"inf"}"#),
            (Value::Real(f64::NEG_INFINITY), r#"{"real":"-inf"}"#),
            (Value::Real(f64::MAX), r#"{"real":"1.7976931348623157e308"}"#),
            (Value::text("a\0\n\"é"), r#""a\u0000\n\"é""#),
            (Value::Text([0xff].into()), r#"{"text":"/w=="}"#),
            (Value::Blob([].into()), r#"{"blob":""}"#),
        ];
        for (value, text) in spelled {
            assert_eq!(written(&value), text);
            assert_eq!(read(text.as_bytes()), Ok(value));
        }
    }

    #[test]
    fn large_values_are_written_in_stretches_and_come_back() {
        for length in [STRETCH - 1, STRETCH, STRETCH + 1, LARGE - 6, LARGE, 10 * STRETCH, 10 * STRETCH + 1, 10 * STRETCH + 2] {
            let bytes: Vec<u8> = (0..length).map(|place| (place % 251).to_le_bytes()[0]).collect();
            for value in [Value::Blob(bytes.clone().into()), Value::Text(bytes.into()), Value::text(&"\"\u{1}ä".repeat(length / 4))] {
                assert!(read(written(&value).as_bytes()) == Ok(value), "{length}");
            }
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let wrong = [
            "9223372036854775808",
            "-9223372036854775809",
            "100000000000000000000",
            "1e400",
            "NaN",
            "true",
            "[1]",
            "{}",
            r#"{"absent":false}"#,
            r#"{"blob":"x"}"#,
            r#"{"blob":"YQ==YQ=="}"#,
            r#"{"blob":"YWFhY"}"#,
            r#"{"blob":"YWFhYW=="}"#,
            r#"{"blob":1}"#,
            r#"{"real":"nan"}"#,
            r#"{"real":"1.5"}"#,
            r#"{"other":"1"}"#,
            r#"{"blob":"","blob":""}"#,
            r#"{"blob":"","text":""}"#,
        ];
        for text in wrong {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn every_float_comes_back_bit_for_bit(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(!number.is_nan());
            prop_assert_eq!(read(written(&Value::Real(number)).as_bytes()), Ok(Value::Real(number)));
        }
    }
}
