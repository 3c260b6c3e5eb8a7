//! Columns: the same thing of every record of a block, written short where the records agree.
//!
//! - Values: `[…]` one per record; `{"all":v}`; `{"steps":[…]}` integers as the first and then differences; `null` nothing
//!   is said in any record; `"key"` the value in the key; `"old"` the old value.
//! - Numbers: one number for all, or a list of the first and then differences (wrapping at 64 bits).
//! - Sites: one name for all, or `{"of":[names],"at":[…]}` with a place among the names per record.

use std::collections::BTreeMap;

use super::json_value::{Json, push_text, push_value};
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
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Begins a member; the caller appends its value.
    pub fn member(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        push_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends `[`, the elements, `]`.
pub(super) fn push_list<T>(out: &mut Vec<u8>, elements: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut Vec<u8>, T)) {
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
pub(super) fn push_values(out: &mut Vec<u8>, values: &[&Value]) {
    match values {
        [first, _, ..] if values.iter().all(|value| value == first) => {
            if first.is_stated() {
                let mut object = ObjectWriter::new(out);
                push_value(object.member("all"), first);
                object.end();
            } else {
                out.extend_from_slice(b"null");
            }
        }
        [Value::Absent] => out.extend_from_slice(b"null"),
        _ => push_list(out, values, |out, value| push_value(out, value)),
    }
}

/// Appends a column of the key: sorted, so that differences are short.
pub(super) fn push_key_values(out: &mut Vec<u8>, values: &[&Value]) {
    let integers: Option<Vec<i64>> =
        values.iter().map(|value| if let Value::Integer(number) = value { Some(*number) } else { None }).collect();
    match integers {
        Some(integers) if integers.len() > 2 && integers.first() != integers.last() => {
            let mut object = ObjectWriter::new(out);
            push_steps(object.member("steps"), &integers);
            object.end();
        }
        Some(_) | None => push_values(out, values),
    }
}

/// Appends the first number and then the differences.
pub(super) fn push_steps(out: &mut Vec<u8>, numbers: &[i64]) {
    let mut last = 0i64;
    push_list(out, numbers, |out, number| {
        out.extend_from_slice(number.wrapping_sub(last).to_string().as_bytes());
        last = *number;
    });
}

/// Appends a column of numbers.
pub(super) fn push_numbers(out: &mut Vec<u8>, numbers: &[i64]) {
    match numbers {
        [first, rest @ ..] if rest.iter().all(|number| number == first) => out.extend_from_slice(first.to_string().as_bytes()),
        _ => push_steps(out, numbers),
    }
}

/// Appends a column of sites.
pub(super) fn push_sites(out: &mut Vec<u8>, sites: &[SiteName]) {
    match sites {
        [first, rest @ ..] if rest.iter().all(|site| site == first) => push_text(out, first.as_str()),
        _ => {
            let mut places: BTreeMap<&SiteName, usize> = sites.iter().map(|site| (site, 0)).collect();
            places.values_mut().enumerate().for_each(|(place, at)| *at = place);
            let mut object = ObjectWriter::new(out);
            push_list(object.member("of"), places.keys(), |out, name| push_text(out, name.as_str()));
            push_list(object.member("at"), sites, |out, site| out.extend_from_slice(places[site].to_string().as_bytes()));
            object.end();
        }
    }
}

/// The members of a JSON object, taken one by one.
pub(super) struct Members(BTreeMap<String, Json>);

impl Members {
    pub fn of(json: Json, what: &str) -> Result<Self, String> {
        match json {
            Json::Object(members) => Ok(Self(members)),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::Text(_) | Json::List(_) => {
                Err(format!("{what} is no object"))
            }
        }
    }

    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name)
    }

    pub fn need(&mut self, name: &str) -> Result<Json, String> {
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
            Json::Object(mut members) => match (members.remove("all"), members.remove("steps")) {
                (Some(value), None) => return Ok(Self::All(value.into_value()?)),
                (None, Some(steps)) => read_steps(steps)?.into_iter().map(Value::Integer).collect(),
                (Some(_), Some(_)) | (None, None) => return Err("an object that is no column".into()),
            },
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

pub(super) fn list(json: Json) -> Result<Vec<Json>, String> {
    match json {
        Json::List(list) => Ok(list),
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::Text(_) | Json::Object(_) => {
            Err("no list where one should be".into())
        }
    }
}

pub(super) fn text(json: Json) -> Result<String, String> {
    match json {
        Json::Text(text) => Ok(text),
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Real(_) | Json::List(_) | Json::Object(_) => {
            Err("no text where one should be".into())
        }
    }
}

pub(super) fn texts(json: Json) -> Result<Vec<String>, String> {
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
