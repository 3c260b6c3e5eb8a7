//! Which rows are in a CSV or JSON file?

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::manifest::Form;
use crate::model::Value;

/// Rows of one file, all with the same columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<String>,
    /// Their values, in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

/// Most rows of one file: they are written in one transaction, and what was before is kept.
const MOST_ROWS: usize = 100_000;

/// Reads rows and checks that each can be told from the others by its key.
///
/// In CSV an empty cell is NULL and everything else is text, of which a column makes what its type wants. JSON is a list of objects
/// with the same members; true and false are 1 and 0, and a whole number is one that 64 bits hold.
///
/// # Errors
/// What is wrong, in words that go on after the file's name.
pub fn read_rows(form: Form, bytes: &[u8], key: &[String]) -> Result<Rows, String> {
    let rows = match form {
        Form::Csv => read_csv(bytes)?,
        Form::Json => read_json(bytes)?,
    };
    if rows.rows.len() > MOST_ROWS {
        return Err(format!("has {} rows, at most {MOST_ROWS} are allowed", rows.rows.len()));
    }
    let mut places = Vec::new();
    for column in key {
        places.push(
            rows.columns.iter().position(|name| name == column).ok_or_else(|| format!("has no column `{column}`, which is in the key"))?,
        );
    }
    let mut sorted: Vec<String> = Vec::with_capacity(rows.rows.len());
    for row in &rows.rows {
        if places.iter().any(|place| matches!(row[*place], Value::Null)) {
            return Err("has a row without a key".to_owned());
        }
        sorted.push(places.iter().map(|place| row[*place].to_string()).collect::<Vec<_>>().join("\u{1f}"));
    }
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("has the key {} twice", pair[0].replace('\u{1f}', ", "))),
        None => Ok(rows),
    }
}

fn read_csv(bytes: &[u8]) -> Result<Rows, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let columns: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
    check_columns(&columns)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        rows.push(record.iter().map(|cell| if cell.is_empty() { Value::Null } else { Value::text(cell) }).collect());
    }
    Ok(Rows { columns, rows })
}

fn read_json(bytes: &[u8]) -> Result<Rows, String> {
    let list: Vec<Members> = serde_json::from_slice(bytes).map_err(|error| format!("is no list of objects: {error}"))?;
    let mut columns: Vec<String> =
        list.first().map(|Members(first)| first.iter().map(|(name, _)| name.clone()).collect()).unwrap_or_default();
    columns.sort();
    if !list.is_empty() {
        check_columns(&columns)?;
    }
    let mut rows = Vec::new();
    for (number, Members(mut object)) in list.into_iter().enumerate() {
        object.sort_by(|(one, _), (other, _)| one.cmp(other));
        if !object.iter().map(|(name, _)| name).eq(&columns) {
            return Err(format!("has other members in object {} than in the first one", number + 1));
        }
        rows.push(object.iter().map(|(_, raw)| value(raw)).collect::<Option<Vec<_>>>().ok_or_else(|| {
            format!("has a value in object {} that no column holds: texts, numbers of 64 bits, true, false and null do", number + 1)
        })?);
    }
    Ok(Rows { columns, rows })
}

/// The members of an object as they are written: also one that is there twice, and numbers to the last digit.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

fn value(raw: &RawValue) -> Option<Value> {
    match serde_json::from_str(raw.get()).ok()? {
        Json::Null => Some(Value::Null),
        Json::Bool(yes) => Some(Value::Integer(yes.into())),
        // A whole number that is too large would become another one.
        Json::Number(_) if !raw.get().contains(['.', 'e', 'E']) => raw.get().parse().ok().map(Value::Integer),
        Json::Number(number) => number.as_f64().map(Value::Real),
        Json::String(text) => Some(Value::text(&text)),
        Json::Array(_) | Json::Object(_) => None,
    }
}

fn check_columns(columns: &[String]) -> Result<(), String> {
    let mut sorted: Vec<String> = columns.iter().map(|column| column.to_lowercase()).collect();
    sorted.sort();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("has the column `{}` twice", pair[0]));
    }
    if sorted.iter().any(String::is_empty) { Err("has a column without a name".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form, text: &str, key: &str) -> Result<Rows, String> {
        read_rows(form, text.as_bytes(), &[key.to_owned()])
    }

    #[test]
    fn both_forms_give_the_same_rows() {
        let csv = read(Form::Csv, "\u{feff}code,name\nCH,\"Swiss, the\"\nDE,\n", "code").unwrap();
        let json = read(Form::Json, r#"[{"code": "CH", "name": "Swiss, the"}, {"code": "DE", "name": null}]"#, "code").unwrap();
        assert_eq!(csv, json);
        assert_eq!(csv.rows[1], [Value::text("DE"), Value::Null]);
        let largest = read(Form::Json, r#"[{"id": 9223372036854775807, "far": 1e20}]"#, "id").unwrap();
        assert_eq!(largest.rows[0], [Value::Real(1e20), Value::Integer(i64::MAX)]);
        let typed = read(Form::Json, r#"[{"id": 1, "rate": 2.5, "on": true}]"#, "id").unwrap();
        let value = |name: &str| typed.rows[0][typed.columns.iter().position(|column| column == name).unwrap()].clone();
        assert_eq!((value("id"), value("rate"), value("on")), (Value::Integer(1), Value::Real(2.5), Value::Integer(1)));
    }

    #[test]
    fn rows_that_cannot_be_told_apart_are_refused() {
        for (form, text, expected) in [
            (Form::Csv, "code,name\nCH,a\nCH,b\n", "has the key CH twice"),
            (Form::Csv, "code,name\n,a\n", "without a key"),
            (Form::Csv, "name\na\n", "has no column `code`"),
            (Form::Csv, "code,Code\na,b\n", "column `code` twice"),
            (Form::Csv, "code,name\nCH\n", "found record with 1 fields"),
            (Form::Json, "{}", "is no list of objects"),
            (Form::Json, r#"[{"code": "a"}, {"name": "b"}]"#, "other members in object 2"),
            (Form::Json, r#"[{"code": ["a"]}]"#, "that no column holds"),
            (Form::Json, r#"[{"code": 1}, {"code": 12345678901234567890}]"#, "object 2 that no column holds"),
            (Form::Json, r#"[{"code": -123456789012345678901234567890}]"#, "that no column holds"),
            (Form::Json, r#"[{"code": 1, "name": "a", "name": "b"}]"#, "column `name` twice"),
            (Form::Json, r#"[{"code": 1, "name": "a"}, {"code": 2, "name": "a", "name": "b"}]"#, "other members in object 2"),
        ] {
            let error = read(form, text, "code").unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
