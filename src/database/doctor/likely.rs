//! Which fields hold numbers of records, although nobody declared a foreign key? Found by name, believed by content.
//!
//! Only references to handed-out keys are looked for: those numbers may change, and whoever holds one must be told.
//! A reference is believed where nearly all of its values are found in the key it seems to speak of. Of large tables a part is read.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::ValueRef;

use super::super::error::{Doing, Result};
use super::super::plan::{column, join};
use super::super::{Database, quote};
use super::names::{is_marked, kind_of_what, subject, table_named, table_of, words};
use super::suggestions::{Suggestion, Wish};
use crate::model::{FieldNo, KeyKind, Shape};
use crate::rules::{ReferenceRule, Rules};

/// Most values read per field.
const VALUES: u32 = 20_000;
/// Most JSON documents read per field: taking them apart costs more.
const DOCUMENTS: u32 = 1_000;
/// Most kinds of things that one field refers to.
const KINDS: usize = 64;
/// Deepest JSON that is looked into.
const DEPTH: usize = 6;
/// Most paths of one field.
const PATHS: usize = 200;

/// How many values there were, and how many of them the key has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    values: u64,
    there: u64,
}

impl Found {
    /// Nearly all: a few may be of deleted records.
    const fn nearly_all(self) -> bool {
        self.values > 0 && self.there * 20 >= self.values * 19
    }
}

/// Looks through the tables of one database.
struct Looking<'d> {
    database: &'d Database,
    shapes: &'d [Shape],
    rules: &'d Rules,
}

impl Database {
    /// References into handed-out keys that neither the schema nor `rules` name, by table and field.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn likely_references(&self, shapes: &[Shape], rules: &Rules) -> Result<Vec<Suggestion>> {
        let looking = Looking { database: self, shapes, rules };
        let mut found = Vec::new();
        if shapes.iter().any(|shape| shape.key_kind == KeyKind::Assigned) {
            for shape in shapes {
                looking.at(shape, &mut found)?;
            }
        }
        Ok(found)
    }
}

impl Looking<'_> {
    fn at(&self, shape: &Shape, found: &mut Vec<Suggestion>) -> Result<()> {
        let unknown: Vec<FieldNo> = shape.live_fields().filter(|field| !self.is_known(shape, *field)).collect();
        let mut pairs = BTreeSet::new();
        for id in &unknown {
            for kind in shape.live_fields().filter(|kind| kind != id && belong_together(shape.name_of(*kind), shape.name_of(*id))) {
                if let Some(suggestion) = self.pair(shape, kind, *id)? {
                    found.push(suggestion);
                    pairs.insert(*id);
                    break;
                }
            }
        }
        for field in unknown.iter().filter(|field| !pairs.contains(field)) {
            let suggestion = match self.plain(shape, *field)? {
                Some(plain) => Some(plain),
                None => match self.text(shape, *field)? {
                    Some(text) => Some(text),
                    None => self.json(shape, *field)?,
                },
            };
            found.extend(suggestion);
        }
        Ok(())
    }

    /// Whether schema or rules say what a field refers to, or it is itself what others refer to.
    fn is_known(&self, shape: &Shape, field: FieldNo) -> bool {
        let name = shape.name_of(field);
        if self.rules.is_plain(&shape.name, name) {
            return true;
        }
        let own_key = shape.key_kind == KeyKind::Assigned && shape.is_key(field);
        (own_key && self.speaks_of_another(shape, name).is_none())
            || shape.references.iter().any(|reference| reference.fields.contains(&field))
            || self.rules.references().any(|(table, column, _)| table == shape.name && column == name)
    }

    fn assigned(&self) -> impl Iterator<Item = &str> + Clone {
        self.shapes.iter().filter(|shape| shape.key_kind == KeyKind::Assigned).map(|shape| shape.name.as_str())
    }

    fn speaks_of_another(&self, shape: &Shape, column: &str) -> Option<&str> {
        table_of(&subject(column), self.assigned()).filter(|table| *table != shape.name)
    }

    /// `customer_id`, `CustomerId`, `customer`; `parent` and `parent_id` of the table itself.
    fn plain(&self, shape: &Shape, field: FieldNo) -> Result<Option<Suggestion>> {
        let name = shape.name_of(field);
        let own = || (subject(name) == ["parent"] && shape.key_kind == KeyKind::Assigned).then_some(shape.name.as_str());
        let Some(target) = table_of(&subject(name), self.assigned()).or_else(own) else { return Ok(None) };
        if target == shape.name && shape.is_key(field) {
            return Ok(None);
        }
        let target = self.shape(target);
        let of = format!("{} IS NOT NULL", column(name));
        let filled = self.count(shape, &of)?;
        let found = self.found(shape, name, target, "1")?;
        let mostly_numbers = found.values * 20 >= filled * 19;
        let because = if found.nearly_all() && mostly_numbers {
            format!("{} of {} values are numbers of `{}`", found.there, found.values, target.name)
        } else if filled == 0 && is_marked(name) && self.is_declared_integer(shape, name)? {
            format!("its name says so; it has no values yet, so look whether it holds numbers of `{}`", target.name)
        } else {
            return Ok(None);
        };
        Ok(Some(reference(shape, name, ReferenceRule::Column { table: target.name.clone() }, because)))
    }

    /// `object_type` and `object_id`, `content_type_id` and `object_id`.
    fn pair(&self, shape: &Shape, kind: FieldNo, id: FieldNo) -> Result<Option<Suggestion>> {
        let (kind, id) = (shape.name_of(kind), shape.name_of(id));
        let sql = format!(
            "SELECT CAST(r.{0} AS TEXT), typeof(r.{0}) FROM {1} AS r WHERE r.{0} IS NOT NULL AND r.{2} IS NOT NULL GROUP BY r.{0} LIMIT {3}",
            quote(kind),
            quote(&shape.name),
            quote(id),
            KINDS + 1
        );
        let kinds: Vec<(String, String)> = self.rows(&sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if kinds.is_empty() || kinds.len() > KINDS {
            return Ok(None);
        }
        let mut tables = BTreeMap::new();
        let mut sum = Found::default();
        let mut strange = 0;
        for (word, stored) in kinds {
            let table =
                if stored == "integer" { self.content_type(&word)? } else { table_named(&word, self.assigned()).map(str::to_owned) };
            let Some(table) = table else {
                strange += 1;
                continue;
            };
            let of = format!("CAST(r.{} AS TEXT) = {}", quote(kind), super::super::quote_text(&word));
            let found = self.found(shape, id, self.shape(&table), &of)?;
            if found.nearly_all() {
                sum = Found { values: sum.values + found.values, there: sum.there + found.there };
                tables.insert(word, table);
            }
        }
        if tables.is_empty() {
            return Ok(None);
        }
        let others =
            if strange > 0 { format!("; {strange} other values of `{kind}` name no table with handed-out numbers") } else { String::new() };
        let because = format!("`{kind}` names tables, and {} of {} values are numbers of theirs{others}", sum.there, sum.values);
        Ok(Some(reference(shape, id, ReferenceRule::Typed { type_column: kind.to_owned(), tables }, because)))
    }

    /// The table that a number stands for in a table of types, as Django keeps one: id, app_label, model.
    fn content_type(&self, number: &str) -> Result<Option<String>> {
        for types in self.shapes {
            if types.key_kind != KeyKind::Assigned || !words(&types.name).iter().any(|word| word.starts_with("type")) {
                continue;
            }
            let Some(model) = ["model", "name", "class"].into_iter().find(|name| types.field(name).is_some()) else { continue };
            let label = types.field("app_label").map_or_else(|| quote(model), |_| format!("app_label || '.' || {}", quote(model)));
            let key = quote(types.name_of(types.key[0]));
            let sql = format!("SELECT CAST({label} AS TEXT) FROM {} WHERE CAST({key} AS TEXT) = ?1", quote(&types.name));
            let doing = "read a table of types";
            let mut statement = self.database.connection.prepare_cached(&sql).doing(doing)?;
            let named: Vec<Option<String>> = statement.query_map([number], |row| row.get(0)).and_then(Iterator::collect).doing(doing)?;
            if let Some(table) = named.into_iter().flatten().find_map(|name| table_named(&name, self.assigned())) {
                return Ok(Some(table.to_owned()));
            }
        }
        Ok(None)
    }

    /// `customer,17`.
    fn text(&self, shape: &Shape, field: FieldNo) -> Result<Option<Suggestion>> {
        let name = shape.name_of(field);
        let mut seen: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        let mut strange = 0u64;
        let mut all = 0u64;
        self.each(shape, name, VALUES, &mut |value| {
            all += 1;
            match value.as_str().ok().and_then(word_and_number) {
                Some((word, separator, number)) => seen.entry((separator.to_owned(), word.to_owned())).or_default().push(number),
                None => strange += 1,
            }
        })?;
        let separators: BTreeSet<&String> = seen.keys().map(|(separator, _)| separator).collect();
        if separators.len() != 1 || strange * 20 > all || seen.len() > KINDS {
            return Ok(None);
        }
        let separator = (*separators.first().expect("there is one")).clone();
        let mut tables = BTreeMap::new();
        let mut sum = Found::default();
        for ((_, word), numbers) in seen {
            let Some(table) = table_named(&word, self.assigned()) else { continue };
            let found = self.among(self.shape(table), &numbers)?;
            if found.nearly_all() {
                sum = Found { values: sum.values + found.values, there: sum.there + found.there };
                tables.insert(word, table.to_owned());
            }
        }
        if tables.is_empty() {
            return Ok(None);
        }
        let because = format!("its texts name tables, and {} of {} numbers in them are theirs", sum.there, sum.values);
        Ok(Some(reference(shape, name, ReferenceRule::Text { separator, tables }, because)))
    }

    /// Ids inside JSON.
    fn json(&self, shape: &Shape, field: FieldNo) -> Result<Option<Suggestion>> {
        let name = shape.name_of(field);
        let mut numbers: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        let (mut all, mut strange) = (0u64, 0u64);
        self.each(shape, name, DOCUMENTS, &mut |value| {
            all += 1;
            let document = value.as_str().ok().filter(|text| text.trim_start().starts_with(['{', '[']));
            match document.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()) {
                Some(document) => walk(&document, "$", &[], 0, &mut |path, subject, number| {
                    if let Some(table) = table_of(subject, self.assigned())
                        && (numbers.len() < PATHS || numbers.contains_key(&(path.to_owned(), table.to_owned())))
                    {
                        numbers.entry((path.to_owned(), table.to_owned())).or_default().push(number);
                    }
                }),
                None => strange += 1,
            }
        })?;
        if all == 0 || strange * 20 > all {
            return Ok(None);
        }
        let mut paths = Vec::new();
        let mut sum = Found::default();
        for ((path, table), numbers) in numbers {
            let found = self.among(self.shape(&table), &numbers)?;
            if found.nearly_all() {
                sum = Found { values: sum.values + found.values, there: sum.there + found.there };
                paths.push((path, table));
            }
        }
        if paths.is_empty() {
            return Ok(None);
        }
        let because = format!("it holds JSON, and {} of {} numbers at these places are keys", sum.there, sum.values);
        Ok(Some(reference(shape, name, ReferenceRule::Json { paths }, because)))
    }

    fn shape(&self, table: &str) -> &Shape {
        self.shapes.iter().find(|shape| shape.name == table).expect("the name is of one of them")
    }

    fn is_declared_integer(&self, shape: &Shape, name: &str) -> Result<bool> {
        let sql = "SELECT instr(upper(type), 'INT') > 0 FROM pragma_table_xinfo(?1) WHERE name = ?2";
        let doing = "read the type of a column";
        let mut statement = self.database.connection.prepare_cached(sql).doing(doing)?;
        statement.query_row([&shape.name, name], |row| row.get(0)).doing(doing)
    }

    fn count(&self, shape: &Shape, condition: &str) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} AS r WHERE {condition} LIMIT {VALUES})", quote(&shape.name));
        self.database.connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).doing("count values").map(i64::cast_unsigned)
    }

    /// Whole numbers in a field, and how many of them are keys. 0 often stands for none and is passed over.
    fn found(&self, shape: &Shape, name: &str, target: &Shape, condition: &str) -> Result<Found> {
        let sql = format!(
            "SELECT count(*), coalesce(sum(EXISTS(SELECT 1 FROM {2} AS t WHERE t.{3} = v.n)), 0) FROM
                (SELECT CAST(r.{0} AS INTEGER) AS n FROM {1} AS r WHERE {condition} AND r.{0} IS NOT NULL AND r.{0} <> 0
                AND CAST(CAST(r.{0} AS INTEGER) AS TEXT) = CAST(r.{0} AS TEXT) LIMIT {VALUES}) AS v",
            quote(name),
            quote(&shape.name),
            quote(&target.name),
            quote(target.name_of(target.key[0]))
        );
        let read = self.database.connection.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        read.doing("compare values with keys").map(|(values, there)| Found { values: values.cast_unsigned(), there: there.cast_unsigned() })
    }

    fn among(&self, target: &Shape, numbers: &[i64]) -> Result<Found> {
        let doing = "compare numbers with keys";
        let sql = format!("SELECT EXISTS(SELECT 1 FROM {} WHERE {} = ?1)", quote(&target.name), quote(target.name_of(target.key[0])));
        let mut statement = self.database.connection.prepare_cached(&sql).doing(doing)?;
        let mut found = Found::default();
        for number in numbers {
            found.values += 1;
            found.there += u64::from(statement.query_row([number], |row| row.get::<_, bool>(0)).doing(doing)?);
        }
        Ok(found)
    }

    /// Calls `each` for up to `most` values of a field that are texts.
    fn each(&self, shape: &Shape, name: &str, most: u32, each: &mut dyn FnMut(ValueRef<'_>)) -> Result<()> {
        let doing = "read the values of a field";
        let sql = format!("SELECT r.{0} FROM {1} AS r WHERE typeof(r.{0}) = 'text' LIMIT {most}", quote(name), quote(&shape.name));
        let mut statement = self.database.connection.prepare(&sql).doing(doing)?;
        let mut rows = statement.query([]).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            each(row.get_ref(0).doing(doing)?);
        }
        Ok(())
    }

    fn rows<T>(&self, sql: &str, read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let doing = "read the values of a field";
        let mut statement = self.database.connection.prepare(sql).doing(doing)?;
        statement.query_map([], |row| read(row)).and_then(Iterator::collect).doing(doing)
    }
}

fn reference(shape: &Shape, name: &str, rule: ReferenceRule, because: String) -> Suggestion {
    Suggestion { what: Wish::Reference { table: shape.name.clone(), column: name.to_owned(), rule }, because }
}

/// `object_type` and `object_id` begin alike; `content_type` goes with `object_id`, as Django has it.
fn belong_together(kind: &str, id: &str) -> bool {
    let Some(of) = kind_of_what(kind) else { return false };
    let subject = subject(id);
    subject == of
        || (of == ["content"] && subject == ["object"])
        || (of.is_empty() && (subject == ["object"] || words(id) == ["ref", "id"]))
}

/// Word, what stands between, number: `customer,17`.
fn word_and_number(text: &str) -> Option<(&str, &str, i64)> {
    let digits = text.len() - text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (front, number) = text.split_at(digits);
    let separator = front.char_indices().next_back().filter(|(_, c)| !c.is_alphanumeric() && *c != '_')?.0;
    let (word, separator) = front.split_at(separator);
    let named = !word.is_empty() && word.chars().next_back().is_some_and(char::is_alphanumeric);
    (named && !number.is_empty()).then_some(())?;
    Some((word, separator, number.parse().ok()?))
}

/// Every whole number in a document, with its path and the words that its name, or for `id` that of what holds it, says.
fn walk(value: &serde_json::Value, path: &str, above: &[String], depth: usize, each: &mut dyn FnMut(&str, &[String], i64)) {
    if depth > DEPTH {
        return;
    }
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                // A path cannot name everything.
                if name.is_empty() || name.contains('"') {
                    continue;
                }
                let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
                let path = if plain { format!("{path}.{name}") } else { format!("{path}.\"{name}\"") };
                let own = subject(name);
                let subject = if own == ["id"] || own == ["pk"] { above.to_vec() } else { own };
                walk(member, &path, &subject, depth + 1, each);
            }
        }
        serde_json::Value::Array(elements) => {
            let path = format!("{path}[*]");
            elements.iter().for_each(|element| walk(element, &path, above, depth + 1, each));
        }
        serde_json::Value::Number(number) => {
            if let Some(number) = number.as_i64().filter(|number| *number != 0) {
                each(path, above, number);
            }
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {}
    }
}

/// The names of fields, for a sentence.
pub(super) fn listed(shape: &Shape, fields: &[FieldNo]) -> String {
    join(", ", fields.iter().map(|field| format!("`{}`", shape.name_of(*field))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_a_number_are_parted() {
        assert_eq!(word_and_number("customer,17"), Some(("customer", ",", 17)));
        assert_eq!(word_and_number("sale.order:3"), Some(("sale.order", ":", 3)));
        assert_eq!(word_and_number("App\\User#3"), Some(("App\\User", "#", 3)));
        for other in ["customer17", "17", ",17", "customer,", "customer, 17", "a,99999999999999999999", ""] {
            assert_eq!(word_and_number(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_in_json_are_found_with_what_they_are_called() {
        let document =
            serde_json::json!({"customer": {"id": 3, "n ame": 4}, "lines": [{"product_id": 5}, {"product_id": 6}], "tags": [7], "x": 0});
        let mut found = Vec::new();
        walk(&document, "$", &[], 0, &mut |path, subject, number| found.push(format!("{path} {} {number}", subject.join("+"))));
        let expected = [
            "$.customer.id customer 3",
            "$.customer.\"n ame\" n+ame 4",
            "$.lines[*].product_id product 5",
            "$.lines[*].product_id product 6",
            "$.tags[*] tags 7",
        ];
        assert_eq!(found, expected);
    }
}
