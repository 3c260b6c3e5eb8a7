//! Columns: the same thing of every record of a block, written short where the records agree.
//!
//! - Values: `[…]` one per record; `{"all":v}`; `{"steps":[…]}` integers as the first and then differences; `{"same":[…],"rest":[…]}`
//!   texts by how many characters each begins with of the one before, and what follows; `null` nothing is said in any record;
//!   `"key"` the value in the key; `"old"` the old value.
//! - Numbers: one number for all, or a list of the first and then differences (wrapping at 64 bits).
//! - Sites: one name for all, or `{"of":[names],"at":[…]}` with a place among the names per record.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::json_value::{Json, Line};
use crate::model::{SiteName, Value};

/// Values of one field, or of one part of the key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    Absent,
    Key,
    Old,
    All(Value),
    Each(Vec<Value>),
}

/// A site per record.
#[derive(Clone, Debug)]
pub(super) struct Sites {
    pub names: Vec<SiteName>,
    /// Per record a place in `names`.
    pub at: Vec<usize>,
}

/// An incarnation per record.
#[derive(Clone, Debug)]
pub(super) struct Borns {
    pub sites: Sites,
    pub sequences: Vec<i64>,
}

/// Appends `{`, members, `}`.
pub(super) struct ObjectWriter<'o> {
    out: &'o mut Line,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    pub fn new(out: &'o mut Line) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Begins a member; the caller appends its value.
    pub fn member(&mut self, name: &str) -> &mut Line {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push_text(name);
        self.out.push(b':');
        self.out
    }

    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends `[`, the elements, `]`.
pub(super) fn push_list<T>(out: &mut Line, elements: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut Line, T)) {
    out.push(b'[');
    for (place, element) in elements.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push(out, element);
    }
    out.push(b']');
}

/// Appends a column of values that is neither the key's nor the old one.
pub(super) fn push_values(out: &mut Line, values: &[&Value]) {
    match values {
        [first, _, ..] if values.iter().all(|value| value == first) => {
            if first.is_stated() {
                let mut object = ObjectWriter::new(out);
                object.member("all").push_value(first);
                object.end();
            } else {
                out.push_str("null");
            }
        }
        [Value::Absent] => out.push_str("null"),
        _ => push_list(out, values, |out, value| out.push_value(value)),
    }
}

/// Texts that are told by what they share with the one before are never more than this many bytes in a column, or a small
/// file could fill the memory.
const TEXT_BYTES: usize = 16 << 20;
/// Characters that texts have to share on the average: what is not random shares more, and `same` takes a byte or two.
const SHARED_CHARACTERS: usize = 2;

/// Appends a column of the key: sorted, so that differences are short.
pub(super) fn push_key_values(out: &mut Line, values: &[&Value]) {
    if values.len() <= 2 || values.first() == values.last() {
        return push_values(out, values);
    }
    let integers: Option<Vec<i64>> =
        values.iter().map(|value| if let Value::Integer(number) = value { Some(*number) } else { None }).collect();
    if let Some(integers) = integers {
        let mut object = ObjectWriter::new(out);
        push_steps(object.member("steps"), &integers);
        return object.end();
    }
    let texts: Option<Vec<&str>> = values.iter().map(|value| as_text(value)).collect();
    match texts {
        Some(texts) if texts.iter().map(|text| text.len()).sum::<usize>() <= TEXT_BYTES => push_texts(out, values, &texts),
        Some(_) | None => push_values(out, values),
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
        Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => None,
    }
}

/// Texts by what they share with the one before, where that pays.
fn push_texts(out: &mut Line, values: &[&Value], texts: &[&str]) {
    let befores = std::iter::once("").chain(texts.iter().copied());
    let shared: Vec<(usize, &str)> = befores.zip(texts).map(|(before, text)| split_shared(before, text)).collect();
    if shared.iter().map(|(same, _)| same).sum::<usize>() < SHARED_CHARACTERS * texts.len() {
        return push_values(out, values);
    }
    let mut object = ObjectWriter::new(out);
    push_list(object.member("same"), &shared, |out, (same, _)| out.push_str(&same.to_string()));
    push_list(object.member("rest"), &shared, |out, (_, rest)| out.push_text(rest));
    object.end();
}

/// How many characters `text` begins with of `before`, and what follows.
fn split_shared<'t>(before: &str, text: &'t str) -> (usize, &'t str) {
    let same = before.chars().zip(text.chars()).take_while(|(a, b)| a == b).count();
    (same, text.char_indices().nth(same).map_or("", |(place, _)| &text[place..]))
}

/// Appends the first number and then the differences.
pub(super) fn push_steps(out: &mut Line, numbers: &[i64]) {
    let mut last = 0i64;
    push_list(out, numbers, |out, number| {
        out.push_str(&number.wrapping_sub(last).to_string());
        last = *number;
    });
}

/// Appends a column of numbers.
pub(super) fn push_numbers(out: &mut Line, numbers: &[i64]) {
    match numbers {
        [first, rest @ ..] if rest.iter().all(|number| number == first) => out.push_str(&first.to_string()),
        _ => push_steps(out, numbers),
    }
}

/// Appends a column of sites.
pub(super) fn push_sites(out: &mut Line, sites: &[SiteName]) {
    match sites {
        [first, rest @ ..] if rest.iter().all(|site| site == first) => out.push_text(first.as_str()),
        _ => {
            let mut places: BTreeMap<&SiteName, usize> = sites.iter().map(|site| (site, 0)).collect();
            places.values_mut().enumerate().for_each(|(place, at)| *at = place);
            let mut object = ObjectWriter::new(out);
            push_list(object.member("of"), places.keys(), |out, name| out.push_text(name.as_str()));
            push_list(object.member("at"), sites, |out, site| out.push_str(&places[site].to_string()));
            object.end();
        }
    }
}

/// The members of a JSON object, taken one by one.
pub(super) struct Members<'j>(BTreeMap<Cow<'j, str>, Json<'j>>);

impl<'j> Members<'j> {
    pub fn of(json: Json<'j>, what: &str) -> Result<Self, String> {
        match json {
            Json::Object(members) => Ok(Self(members)),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::Text(_) | Json::List(_) => {
                Err(format!("{what} is no object"))
            }
        }
    }

    pub fn take(&mut self, name: &str) -> Option<Json<'j>> {
        self.0.remove(name)
    }

    pub fn need(&mut self, name: &str) -> Result<Json<'j>, String> {
        self.take(name).ok_or_else(|| format!("`{name}` is missing"))
    }
}

impl Column {
    /// Reads a column of `count` values.
    pub fn read(json: Json, count: usize) -> Result<Self, String> {
        let column = match json {
            Json::Null => return Ok(Self::Absent),
            Json::Text(text) if text == "key" => return Ok(Self::Key),
            Json::Text(text) if text == "old" => return Ok(Self::Old),
            Json::List(list) => list.into_iter().map(Json::into_value).collect::<Result<Vec<_>, _>>()?,
            Json::Object(mut members) => {
                match (members.remove("all"), members.remove("steps"), members.remove("same"), members.remove("rest")) {
                    (Some(value), None, None, None) => return Ok(Self::All(value.into_value()?)),
                    (None, Some(steps), None, None) => read_steps(steps)?.into_iter().map(Value::Integer).collect(),
                    (None, None, Some(same), Some(rest)) => read_texts(same, rest)?,
                    _ => return Err("an object that is no column".into()),
                }
            }
            Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::Text(_) => {
                return Err("a single value where a column should be".into());
            }
        };
        if column.len() == count { Ok(Self::Each(column)) } else { Err(format!("a column of {} values, not {count}", column.len())) }
    }

    /// The value of a record where the column has values of its own.
    pub fn own(&self, record: usize) -> &Value {
        match self {
            Self::Absent | Self::Key | Self::Old => &Value::Absent,
            Self::All(value) => value,
            Self::Each(values) => &values[record],
        }
    }
}

/// Reads texts that say what they share with the one before.
fn read_texts(same: Json, rest: Json) -> Result<Vec<Value>, String> {
    let (same, rest) = (list(same)?, texts(rest)?);
    if same.len() != rest.len() {
        return Err(format!("{} beginnings of {} texts", same.len(), rest.len()));
    }
    let mut text = String::new();
    let mut bytes = 0;
    let next = |(same, rest): (Json, Cow<'_, str>)| {
        let same = usize::try_from(integer(&same)?).map_err(|_| "a negative number of characters")?;
        let end = text.char_indices().map(|(place, _)| place).chain([text.len()]).nth(same);
        text.truncate(end.ok_or("more characters than the text before has")?);
        text.push_str(&rest);
        bytes += text.len();
        if bytes > TEXT_BYTES { Err("a column of too many texts".into()) } else { Ok(Value::text(&text)) }
    };
    same.into_iter().zip(rest).map(next).collect()
}

/// Reads the first number and then the differences.
pub(super) fn read_steps(json: Json) -> Result<Vec<i64>, String> {
    let mut last = 0i64;
    list(json)?
        .into_iter()
        .map(|step| {
            last = last.wrapping_add(integer(&step)?);
            Ok(last)
        })
        .collect()
}

/// Reads a column of `count` numbers.
pub(super) fn read_numbers(json: Json, count: usize) -> Result<Vec<i64>, String> {
    if let Json::Integer(number) = json {
        return Ok(vec![number; count]);
    }
    let numbers = read_steps(json)?;
    if numbers.len() == count { Ok(numbers) } else { Err(format!("{} numbers, not {count}", numbers.len())) }
}

/// Reads ascending places of records below `count`.
pub(super) fn read_places(json: Json, count: usize) -> Result<Vec<usize>, String> {
    let places: Vec<usize> = read_steps(json)?.into_iter().map(|place| place_below(place, count)).collect::<Result<_, _>>()?;
    if places.is_sorted_by(|a, b| a < b) { Ok(places) } else { Err("places of records that do not ascend".into()) }
}

pub(super) fn place_below(place: i64, count: usize) -> Result<usize, String> {
    usize::try_from(place).ok().filter(|place| *place < count).ok_or_else(|| format!("{place} is no place among {count}"))
}

impl Sites {
    /// Reads a column of `count` sites.
    pub fn read(json: Json, count: usize) -> Result<Self, String> {
        if let Json::Text(name) = json {
            return Ok(Self { names: vec![site(&name)?], at: vec![0; count] });
        }
        let mut members = Members::of(json, "a column of sites")?;
        let names: Vec<SiteName> = texts(members.need("of")?)?.iter().map(|name| site(name)).collect::<Result<_, _>>()?;
        let at = list(members.need("at")?)?;
        let at: Vec<usize> = at.iter().map(|place| place_below(integer(place)?, names.len())).collect::<Result<_, String>>()?;
        if at.len() == count { Ok(Self { names, at }) } else { Err(format!("{} sites, not {count}", at.len())) }
    }
}

impl Borns {
    /// Reads a column of `count` incarnations.
    pub fn read(json: Json, count: usize) -> Result<Self, String> {
        let mut members = Members::of(json, "an incarnation")?;
        let borns = Self { sites: Sites::read(members.need("site")?, count)?, sequences: read_numbers(members.need("sequence")?, count)? };
        if borns.sequences.iter().any(|sequence| *sequence < 0) { Err("a negative sequence".into()) } else { Ok(borns) }
    }
}

pub(super) fn site(name: &str) -> Result<SiteName, String> {
    SiteName::new(name).map_err(|error| error.to_string())
}

pub(super) fn list(json: Json<'_>) -> Result<Vec<Json<'_>>, String> {
    match json {
        Json::List(list) => Ok(list),
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::Text(_) | Json::Object(_) => {
            Err("no list where one should be".into())
        }
    }
}

pub(super) fn text(json: Json<'_>) -> Result<Cow<'_, str>, String> {
    match json {
        Json::Text(text) => Ok(text),
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::List(_) | Json::Object(_) => {
            Err("no text where one should be".into())
        }
    }
}

pub(super) fn texts(json: Json<'_>) -> Result<Vec<Cow<'_, str>>, String> {
    list(json)?.into_iter().map(text).collect()
}

pub(super) fn integer(json: &Json) -> Result<i64, String> {
    match json {
        Json::Integer(number) => Ok(*number),
        Json::Null | Json::Bool(_) | Json::Real(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
            Err("no integer where one should be".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(texts: &[String]) -> String {
        let values: Vec<Value> = texts.iter().map(|text| Value::text(text)).collect();
        let (mut line, mut out) = (Line::default(), Vec::new());
        push_key_values(&mut line, &values.iter().collect::<Vec<_>>());
        line.write_to(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(json: &str, count: usize) -> Result<Column, String> {
        Column::read(serde_json::from_str(json).unwrap(), count)
    }

    #[test]
    fn counted_up_keys_are_told_by_what_they_share() {
        let texts: Vec<String> = (8..=11).map(|number| format!("Köln-{number:04}")).collect();
        let json = r#"{"same":[0,8,7,8],"rest":["Köln-0008","9","10","1"]}"#;
        assert_eq!(written(&texts), json);
        assert_eq!(read(json, 4), Ok(Column::Each(texts.iter().map(|text| Value::text(text)).collect())));
    }

    #[test]
    fn what_shares_little_is_written_out() {
        assert_eq!(written(&["ab".into(), "ac".into(), "bc".into()]), r#"["ab","ac","bc"]"#);
    }

    #[test]
    fn texts_that_share_what_is_not_there_are_refused() {
        for json in [
            r#"{"same":[1],"rest":["a"]}"#,
            r#"{"same":[0,2],"rest":["a","b"]}"#,
            r#"{"same":[-1],"rest":["a"]}"#,
            r#"{"same":[0],"rest":["a","b"]}"#,
            r#"{"same":[0],"rest":[1]}"#,
            r#"{"same":[0]}"#,
            r#"{"rest":["a"]}"#,
            r#"{"same":[0],"rest":["a"],"all":"a"}"#,
        ] {
            assert!(read(json, 1).is_err(), "{json}");
        }
    }

    #[test]
    fn a_short_line_does_not_fill_the_memory() {
        let bomb = |count: usize| {
            let (same, rest) = (vec![",1048576"; count].concat(), vec![",\"\""; count].concat());
            read(&format!(r#"{{"same":[0{same}],"rest":["{}"{rest}]}}"#, "x".repeat(1 << 20)), count + 1)
        };
        assert!(bomb(15).is_ok());
        assert_eq!(bomb(16).unwrap_err(), "a column of too many texts");
        // Nobody writes what nobody reads.
        assert!(written(&vec!["x".repeat(1 << 20); 17].into_iter().chain(["y".into()]).collect::<Vec<_>>()).starts_with('['));
    }

    proptest! {
        #[test]
        fn texts_come_back_as_they_were(mut texts in prop::collection::vec("[aä日]{0,6}", 3..40), sorted in any::<bool>()) {
            if sorted {
                texts.sort();
            }
            let json = written(&texts);
            let column = read(&json, texts.len()).unwrap();
            for (record, text) in texts.iter().enumerate() {
                prop_assert_eq!(column.own(record), &Value::text(text), "{}", json);
            }
        }
    }
}
