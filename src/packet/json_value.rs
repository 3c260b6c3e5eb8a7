//! Values as JSON, exactly: what goes in comes out, bit for bit, and every odd value says what it is.
//!
//! `null`, integers, floats with a point or an exponent, and strings stand for themselves. Everything else is an object:
//! `{"blob":"base64"}`, `{"text":"base64"}` for text that is not UTF-8, `{"real":"inf"}`, `{"real":"-inf"}`, `{"real":"1e300"}` and
//! `{"absent":true}`. Floats from 2^63 on are such objects because a reader of JSON cannot tell them from an integer that is too large,
//! and that must be refused. SQLite stores a NaN as NULL, and so does this.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::model::Value;

/// From here on floats and out-of-range integers look alike in JSON.
const INTEGER_END: f64 = 9_223_372_036_854_775_808.0;

/// Any JSON. Unlike `serde_json::Value` it refuses integers beyond 64 bits and members that are there twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// Appends a value.
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Absent => out.extend_from_slice(b"{\"absent\":true}"),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Real(number) => push_real(out, *number),
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => push_text(out, text),
            Err(_) => push_tagged(out, "text", &BASE64.encode(bytes)),
        },
        Value::Blob(bytes) => push_tagged(out, "blob", &BASE64.encode(bytes)),
    }
}

/// Appends a string.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("memory takes every string");
}

fn push_real(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        out.extend_from_slice(b"null");
    } else if number.is_infinite() {
        push_tagged(out, "real", if number > 0.0 { "inf" } else { "-inf" });
    } else if number.abs() >= INTEGER_END {
        push_tagged(out, "real", &format!("{number:e}"));
    } else {
        serde_json::to_writer(out, &number).expect("memory takes every finite number");
    }
}

fn push_tagged(out: &mut Vec<u8>, tag: &str, text: &str) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\":\"");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\"}");
}

impl Json {
    /// Reads what [`push_value`] wrote.
    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Integer(number) => Ok(Value::Integer(number)),
            Self::Real(number) => Ok(Value::Real(number)),
            Self::Text(text) => Ok(Value::Text(text.into_bytes())),
            Self::Object(members) => tagged(members),
            Self::Bool(_) | Self::List(_) => Err("a list or a truth value where a value should be".into()),
        }
    }
}

fn tagged(mut members: BTreeMap<String, Json>) -> Result<Value, String> {
    let only = if members.len() == 1 { members.pop_first() } else { None };
    match only {
        Some((tag, Json::Bool(true))) if tag == "absent" => Ok(Value::Absent),
        Some((tag, Json::Text(text))) => match tag.as_str() {
            "blob" => base64(&text).map(Value::Blob),
            "text" => base64(&text).map(Value::Text),
            "real" => real(&text).map(Value::Real),
            _ => Err(format!("an object `{tag}` where a value should be")),
        },
        Some(_) | None => Err("an object that is no value".into()),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text.as_bytes()).map_err(|error| format!("base64: {error}"))
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

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with 64-bit integers")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        i64::try_from(number).map(Json::Integer).map_err(|_| E::custom(format!("{number} is beyond 64 bits")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        if number.abs() < INTEGER_END { Ok(Json::Real(number)) } else { Err(E::custom(format!("{number:e} is beyond 64 bits"))) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
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
        let mut out = Vec::new();
        push_value(&mut out, value);
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
            (Value::Text(vec![0xff]), r#"{"text":"/w=="}"#),
            (Value::Blob(vec![]), r#"{"blob":""}"#),
        ];
        for (value, text) in spelled {
            assert_eq!(written(&value), text);
            assert_eq!(read(text.as_bytes()), Ok(value));
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
