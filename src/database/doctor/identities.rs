//! What makes a record the same record at every site, and what could name the records of a table without a key?

use super::super::error::{Doing, Result};
use super::super::facts::Facts;
use super::super::plan::{column, join};
use super::super::{Database, Untracked, UntrackedReason, quote};
use super::names::{speaks_of, words};
use super::suggestions::{Suggestion, Wish};
use crate::model::{FieldNo, KeyKind, Shape};
use crate::rules::Rules;

/// Words in the names of fields that are made to tell things apart, best first.
const TELLING: [&str; 9] = ["uuid", "guid", "gid", "code", "iso", "slug", "sku", "barcode", "name"];
/// Of those the ones that are made for it in the whole world.
const GLOBAL: [&str; 5] = ["uuid", "guid", "gid", "sku", "barcode"];
/// A table with more records is no list that people look things up in.
const LOOKUP_RECORDS: u64 = 500;
/// Most columns of a table without a key that are tried in pairs.
const COLUMNS: usize = 10;
/// Most records that are compared for it.
const RECORDS: u64 = 2_000_000;

impl Database {
    /// For tables with handed-out keys the fields that tell records apart beside the number.
    ///
    /// # Errors
    /// As SQLite says.
    pub(super) fn likely_identities(&self, shapes: &[Shape], rules: &Rules) -> Result<Vec<Suggestion>> {
        let mut found = Vec::new();
        for shape in shapes.iter().filter(|shape| shape.key_kind == KeyKind::Assigned && rules.identity(&shape.name).is_empty()) {
            if let Some((columns, because)) = self.identity_of(shape, shapes)? {
                found.push(Suggestion { what: Wish::Identity { table: shape.name.clone(), columns }, because });
            }
        }
        Ok(found)
    }

    fn identity_of(&self, shape: &Shape, shapes: &[Shape]) -> Result<Option<(Vec<String>, String)>> {
        let refers = |field: &FieldNo| shape.references.iter().any(|reference| reference.fields.contains(field));
        let names = |fields: &[FieldNo]| fields.iter().map(|field| shape.name_of(*field).to_owned()).collect::<Vec<_>>();
        let mut sets: Vec<&[FieldNo]> = shape.uniques.iter().map(|set| set.fields.as_slice()).collect();
        sets.retain(|fields| !fields.iter().any(|field| refers(field) || shape.is_key(*field)));
        sets.sort_by_key(|fields| (fields.len(), telling(shape.name_of(fields[0]), &shape.name)));
        for fields in sets {
            if self.are_filled(shape, fields)? {
                let because = "no two records agree there, and all are filled".to_owned();
                return Ok(Some((names(fields), because)));
            }
        }
        let is_lookup = shapes.iter().flat_map(|child| &child.references).any(|reference| reference.table == shape.name);
        let mut fields: Vec<FieldNo> = shape.live_fields().filter(|field| !shape.is_key(*field) && !refers(field)).collect();
        fields.sort_by_key(|field| telling(shape.name_of(*field), &shape.name));
        for field in fields {
            let name = shape.name_of(field);
            let place = telling(name, &shape.name);
            // Two people may well have one name: only what others look up is told apart by it.
            if place == TELLING.len() || (TELLING[place] == "name" && !is_lookup) {
                continue;
            }
            let (records, values) = self.distinct(shape, name)?;
            if records > 1 && records == values && (TELLING[place] != "name" || records <= LOOKUP_RECORDS) {
                let because = format!("its {records} values differ, though no index keeps them so");
                return Ok(Some((names(&[field]), because)));
            }
        }
        Ok(None)
    }

    fn are_filled(&self, shape: &Shape, fields: &[FieldNo]) -> Result<bool> {
        let empty = join(" OR ", fields.iter().map(|field| format!("{} IS NULL", column(shape.name_of(*field)))));
        let sql = format!("SELECT NOT EXISTS(SELECT 1 FROM {} AS r WHERE {empty})", quote(&shape.name));
        self.connection.query_row(&sql, [], |row| row.get(0)).doing("look for empty values")
    }

    /// Records, and different texts in a field.
    fn distinct(&self, shape: &Shape, name: &str) -> Result<(u64, u64)> {
        let sql = format!(
            "SELECT count(*), count(DISTINCT CASE WHEN typeof(r.{0}) = 'text' AND r.{0} <> '' THEN r.{0} END) FROM {1} AS r",
            quote(name),
            quote(&shape.name)
        );
        let read = self.connection.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        read.doing("count different values").map(|(records, values)| (records.cast_unsigned(), values.cast_unsigned()))
    }

    /// For tables without a key the fewest columns that tell their records apart.
    ///
    /// # Errors
    /// As SQLite says.
    pub(super) fn likely_keys(&self, untracked: &[Untracked]) -> Result<Vec<Suggestion>> {
        let mut found = Vec::new();
        for table in untracked.iter().filter(|table| table.reason == UntrackedReason::NoKey) {
            if let Some(columns) = self.key_of(&table.name)? {
                let because = "no two of its records agree there, and all are filled".to_owned();
                found.push(Suggestion { what: Wish::Key { table: table.name.clone(), columns }, because });
            }
        }
        Ok(found)
    }

    fn key_of(&self, table: &str) -> Result<Option<Vec<String>>> {
        let doing = "look for a key";
        let facts = Facts::read(&self.connection, table)?;
        let records: i64 =
            self.connection.query_row(&format!("SELECT count(*) FROM {}", quote(table)), [], |row| row.get(0)).doing(doing)?;
        if records < 2 || records.cast_unsigned() > RECORDS {
            return Ok(None);
        }
        let of_index =
            facts.uniques.iter().filter_map(|index| index.plain(&facts)).map(|names| names.into_iter().map(str::to_owned).collect());
        let mut sets: Vec<Vec<String>> = of_index.collect();
        let mut columns: Vec<&str> =
            facts.columns.iter().filter(|column| !column.generated && !column.is_real).map(|column| column.name.as_str()).collect();
        columns.truncate(COLUMNS);
        sets.extend(columns.iter().map(|name| vec![(*name).to_owned()]));
        let pairs =
            columns.iter().enumerate().flat_map(|(at, a)| columns[at + 1..].iter().map(move |b| vec![(*a).to_owned(), (*b).to_owned()]));
        sets.extend(pairs);
        for set in sets {
            let filled = join(" AND ", set.iter().map(|name| format!("typeof({0}) IN ('integer', 'text')", column(name))));
            let names = join(", ", set.iter().map(|name| format!("{} COLLATE BINARY", column(name))));
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} AS r WHERE {filled} GROUP BY {names})", quote(table));
            let different: i64 = self.connection.query_row(&sql, [], |row| row.get(0)).doing(doing)?;
            if different == records {
                return Ok(Some(set));
            }
        }
        Ok(None)
    }
}

/// Place of a field's name among those that tell records of `table` apart; their number where it is none. `code` and
/// `country_code` tell countries apart, `postal_code` does not.
fn telling(name: &str, table: &str) -> usize {
    let mut words = words(name);
    let last = words.pop().unwrap_or_default();
    let place = TELLING.iter().position(|word| last == *word || (GLOBAL.contains(word) && last.ends_with(word)));
    let own = words.is_empty() || speaks_of(&words, table).is_some();
    place.filter(|place| own || GLOBAL.contains(&TELLING[*place])).unwrap_or(TELLING.len())
}
