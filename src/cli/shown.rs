//! How does a value of a record look in a report?

use std::fmt;

use data_encoding::HEXLOWER;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::page::one_line;
use crate::model::{Key, Value};

/// A value for people and programs.
///
/// In text: text in quotes, long ones cut with an ellipsis, everything else as SQL writes it. In JSON: null, number or
/// text where JSON has it exactly; else an object that says what it is: `{"blob": hex}`, `{"text": hex}` for text that
/// is no UTF-8, `{"real": "inf"}`, `{"absent": true}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub Value);

/// Longest text of a value on the page, in characters.
const MAX_CHARS: usize = 40;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Text(bytes) => {
                let text = one_line(&String::from_utf8_lossy(bytes));
                match text.char_indices().nth(MAX_CHARS) {
                    Some((end, _)) => write!(f, "'{}…'", &text[..end]),
                    None => write!(f, "'{text}'"),
                }
            }
            Value::Absent => f.write_str("nothing"),
            other @ (Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_)) => other.fmt(f),
        }
    }
}

impl Shown {
    /// As [`fmt::Display`], but words without quotes.
    #[must_use]
    pub fn plain(&self) -> String {
        match &self.0 {
            Value::Text(bytes) => one_line(&String::from_utf8_lossy(bytes)),
            Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => self.to_string(),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let odd = |serializer: S, kind: &str, text: &str| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(kind, text)?;
            map.end()
        };
        match &self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Real(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Real(number) => odd(serializer, "real", &number.to_string()),
            Value::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => odd(serializer, "text", &HEXLOWER.encode(bytes)),
            },
            Value::Blob(bytes) => odd(serializer, "blob", &HEXLOWER.encode(bytes)),
            Value::Absent => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("absent", &true)?;
                map.end()
            }
        }
    }
}

/// The content of a document, which is named by its hash: the beginning of that.
#[must_use]
pub fn content(value: &Shown) -> String {
    match &value.0 {
        Value::Blob(hash) => {
            let hex = HEXLOWER.encode(hash);
            hex.get(..12).unwrap_or(&hex).to_owned()
        }
        Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => value.to_string(),
    }
}

/// A key as people type it: the values of its fields, blank between them.
#[must_use]
pub fn key(values: &[Shown]) -> String {
    let part = |value: &Shown| match &value.0 {
        Value::Text(bytes) if bytes.is_empty() => "''".to_owned(),
        Value::Text(bytes) => one_line(&String::from_utf8_lossy(bytes)),
        Value::Blob(bytes) => format!("x'{}'", HEXLOWER.encode(bytes)),
        other @ (Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_)) => other.to_string(),
    };
    values.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// The words somebody typed for a key, as [`key`] says it: an empty word is the empty text.
#[must_use]
pub fn typed_key(words: &[String]) -> String {
    words.iter().map(|word| if word.is_empty() { "''" } else { word }).collect::<Vec<_>>().join(" ")
}

/// The values of a stored key.
#[must_use]
pub fn of_key(key: &Key) -> Vec<Shown> {
    // A key that does not read is one of a damaged ledger; its bytes say more than nothing.
    key.values().unwrap_or_else(|_| vec![Value::Blob(key.as_bytes().into())]).into_iter().map(Shown).collect()
}

/// What somebody may mean who types one value of a key, likeliest first.
///
/// `'…'` is text, `x'…'` a blob, always. A number is a number, or the text of it where the key is text.
#[must_use]
pub fn meanings(typed: &str) -> Vec<Value> {
    let inside = |prefix: &str| typed.strip_prefix(prefix)?.strip_suffix('\'');
    if let Some(blob) = inside("x'").and_then(|hex| HEXLOWER.decode(hex.to_lowercase().as_bytes()).ok()) {
        return vec![Value::Blob(blob.into())];
    }
    if let Some(text) = inside("'") {
        return vec![Value::text(text)];
    }
    let number =
        typed.parse().map(Value::Integer).ok().or_else(|| typed.parse().ok().filter(|real: &f64| real.is_finite()).map(Value::Real));
    number.into_iter().chain([Value::text(typed)]).collect()
}

/// The value somebody means who types a new one: as [`meanings`], but a number only where it is written as SQLite would write it. So
/// `0222` stays a telephone number, and `222` becomes text by itself in a column of text.
#[must_use]
pub fn typed(typed: &str) -> Value {
    let mut meanings = meanings(typed);
    let first = meanings.swap_remove(0);
    let quoted = typed.ends_with('\'') && matches!(first, Value::Text(_) | Value::Blob(_));
    if quoted || first.to_string() == typed { first } else { Value::text(typed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_value_is_a_number_only_where_it_reads_back_the_same() {
        assert_eq!(typed("222"), Value::Integer(222));
        assert_eq!(typed("0222"), Value::text("0222"));
        assert_eq!(typed("1.5"), Value::Real(1.5));
        assert_eq!(typed("1.50"), Value::text("1.50"));
        assert_eq!(typed("'222'"), Value::text("222"));
        assert_eq!(typed("x'00ff'"), Value::Blob([0, 0xff].into()));
        assert_eq!(typed(""), Value::text(""));
    }

    #[test]
    fn a_typed_key_may_mean_a_number_or_its_text_and_quotes_settle_it() {
        assert_eq!(meanings("ACME-0007"), [Value::text("ACME-0007")]);
        assert_eq!(meanings("17"), [Value::Integer(17), Value::text("17")]);
        assert_eq!(meanings("1.5"), [Value::Real(1.5), Value::text("1.5")]);
        assert_eq!(meanings("nan"), [Value::text("nan")]);
        assert_eq!(meanings("'17'"), [Value::text("17")]);
        assert_eq!(meanings("x'00Ff'"), [Value::Blob([0, 0xff].into())]);
        assert_eq!(meanings("x'0'"), [Value::text("x'0'")]);
        assert_eq!(meanings("'"), [Value::text("'")]);
        assert_eq!(key(&[Value::text("A"), Value::text(""), Value::Integer(2)].map(Shown)), "A '' 2");
        assert_eq!(typed_key(&["A", "", "2"].map(str::to_owned)), "A '' 2");
    }

    #[test]
    fn one_as_integer_real_text_and_blob_look_different() {
        let ones = [Value::Integer(1), Value::Real(1.0), Value::text("1"), Value::Blob(b"1".as_slice().into())].map(Shown);
        assert_eq!(ones.each_ref().map(ToString::to_string), ["1", "1.0", "'1'", "blob of 1 bytes"]);
        assert_eq!(ones.map(|one| serde_json::to_string(&one).unwrap()), ["1", "1.0", "\"1\"", "{\"blob\":\"31\"}"]);
    }

    #[test]
    fn long_and_wild_text_is_tamed() {
        assert_eq!(Shown(Value::text(&"ä".repeat(41))).to_string(), format!("'{}…'", "ä".repeat(40)));
        assert_eq!(Shown(Value::text("a\u{1b}b")).to_string(), "'a\u{fffd}b'");
        assert_eq!(serde_json::to_string(&Shown(Value::Text([0xff].into()))).unwrap(), "{\"text\":\"ff\"}");
        assert_eq!(serde_json::to_string(&Shown(Value::Real(f64::INFINITY))).unwrap(), "{\"real\":\"inf\"}");
    }
}
