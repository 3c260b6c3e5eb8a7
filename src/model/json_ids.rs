//! Numbers at named places inside JSON text, replaced without touching any other byte.
//!
//! Paths are `$`, then members `.name` and `[*]` for every item of a list. What has no such place is left alone.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{TableNo, Value};

/// The JSON with every number at one of the paths replaced, in the order of the text; none where there is none.
pub(super) fn replaced(value: &Value, paths: &[(String, TableNo)], with: &mut dyn FnMut(TableNo, i64) -> i64) -> Option<Value> {
    let Value::Text(bytes) = value else { return None };
    let text = std::str::from_utf8(bytes).ok()?;
    let root: &RawValue = serde_json::from_str(text).ok()?;
    let mut places = Vec::new();
    for (path, table) in paths {
        find(root, path.strip_prefix('$')?, *table, &mut places);
    }
    if places.is_empty() {
        return None;
    }
    let offset = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let mut places: Vec<(usize, &str, TableNo)> = places.into_iter().map(|(part, table)| (offset(part), part, table)).collect();
    places.sort_unstable_by_key(|(start, ..)| *start);
    places.dedup_by_key(|(start, ..)| *start);
    let mut new = String::with_capacity(text.len());
    let mut done = 0;
    for (start, part, table) in places {
        let digits = part.trim_matches('"');
        let Some(number) = digits.parse().ok().filter(|number: &i64| number.to_string() == digits) else { continue };
        new.push_str(&text[done..start]);
        new.push_str(&part.replace(digits, &with(table, number).to_string()));
        done = start + part.len();
    }
    new.push_str(&text[done..]);
    Some(Value::text(&new))
}

/// Every value at a path, as the part of the text that it is.
fn find<'t>(value: &'t RawValue, path: &str, table: TableNo, places: &mut Vec<(&'t str, TableNo)>) {
    let text = value.get();
    if path.is_empty() {
        return places.push((text, table));
    }
    if let Some(rest) = path.strip_prefix("[*]") {
        if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
            items.into_iter().for_each(|item| find(item, rest, table, places));
        }
    } else if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        // Of members of one name SQLite reads the first and most others the last: all of them follow.
        if let Ok(Members(members)) = serde_json::from_str(text) {
            members.into_iter().filter(|(one, _)| one == name).for_each(|(_, member)| find(member, rest, table, places));
        }
    }
}

/// Every member of an object, in order, also several of one name.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'t> Visitor<'t> for All {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, paths: &[&str]) -> Option<String> {
        let paths: Vec<_> = paths.iter().map(|path| ((*path).to_owned(), TableNo(1))).collect();
        replaced(&Value::text(text), &paths, &mut |_, number| number + 100).map(|value| value.to_string())
    }

    #[test]
    fn only_the_numbers_at_the_places_change() {
        let text = "{ \"customer\": {\"id\": 7,\n \"n\":7}, \"lines\" : [ {\"product\":\"8\"}, {\"product\": 9.0}, {} ] }";
        let new = after(text, &["$.customer.id", "$.lines[*].product"]).unwrap();
        assert_eq!(new, text.replace("\"id\": 7", "\"id\": 107").replace("\"8\"", "\"108\""));
        assert_eq!(after("7", &["$"]).unwrap(), "107");
        assert_eq!(after("[1, 2]", &["$[*]"]).unwrap(), "[101, 102]");
        assert_eq!(after("{\"a\":1,\"a\":1}", &["$.a"]).unwrap(), "{\"a\":101,\"a\":101}");
    }

    #[test]
    fn what_is_no_json_or_has_no_such_place_is_left_alone() {
        assert_eq!(after("{", &["$.a"]), None);
        assert_eq!(after("{\"b\": 1}", &["$.a"]), None);
    }
}
