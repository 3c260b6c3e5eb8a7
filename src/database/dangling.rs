//! Which references lead nowhere? Our connection does not enforce them, so they are counted before and after.
//!
//! SQL itself says whether a reference leads somewhere: the column referred to brings its affinity and collation, as foreign keys do. What only the
//! rules name may hold what was never meant to lead anywhere (0, an empty text): those are told apart from the declared ones.

use std::collections::BTreeMap;

use super::customs::said;
use super::error::{Doing, Result};
use super::facts::Facts;
use super::plan::value;
use super::{Database, quote, quote_text};
use crate::model::{Shape, Value};
use crate::rules::{JsonStep, ReferenceRule, Rules, json_path};

/// Records of a table that refer to one record that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dangling {
    /// Their table.
    pub table: String,
    /// How many they are.
    pub count: u64,
    /// The key of the first of them.
    pub first: Vec<Value>,
    /// The table referred to.
    pub parent: String,
    /// What the record referred to would hold.
    pub values: Vec<(String, Value)>,
}

/// References of a table to another one.
#[derive(Debug, Default)]
struct References {
    parent: String,
    /// What refers, as SQL over the record `c`, and the column there where it is named.
    columns: Vec<(String, Option<String>)>,
    /// What is read beside the record: `, json_each(…) AS j0`.
    beside: String,
    /// Which records refer; nothing: all.
    only: Option<String>,
}

impl Database {
    /// All references that lead nowhere, those of a table to one record together. SQLite's own check says nothing of any of them where one leads to
    /// columns that are not unique.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn dangling_records(&self) -> Result<Vec<Dangling>> {
        let mut found = Vec::new();
        self.each_dangling(&mut |one| found.push(one))?;
        Ok(found)
    }

    /// The same for references that only the rules name. Of tables and columns that are not there it says nothing.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn dangling_by_rules(&self, rules: &Rules, shapes: &[Shape]) -> Result<Vec<Dangling>> {
        let mut found = Vec::new();
        for (table, column, rule) in rules.references() {
            for references in by_rule(column, rule) {
                let columns = Facts::read(&self.connection, &references.parent)?.columns;
                let key = match shapes.iter().find(|shape| shape.name == references.parent) {
                    Some(shape) => shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect::<Vec<_>>(),
                    None => columns.iter().filter(|column| column.key_place > 0).map(|column| column.name.clone()).collect(),
                };
                if let ([key], false) = (key.as_slice(), columns.is_empty()) {
                    let columns = references.columns.into_iter().map(|(from, _)| (from, Some(key.clone()))).collect();
                    self.dangling_of(table, &References { columns, ..references }, &mut |one| found.push(one))?;
                }
            }
        }
        Ok(found)
    }

    fn each_dangling(&self, each: &mut dyn FnMut(Dangling)) -> Result<()> {
        for table in self.table_names()? {
            for declared in self.declared(&table)?.into_values() {
                self.dangling_of(&table, &declared, each)?;
            }
        }
        Ok(())
    }

    fn declared(&self, table: &str) -> Result<BTreeMap<i64, References>> {
        let doing = "read foreign keys";
        let mut declared: BTreeMap<i64, References> = BTreeMap::new();
        let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let mut rows = statement.query([table]).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            let one = declared.entry(row.get(0).doing(doing)?).or_default();
            one.parent = row.get(1).doing(doing)?;
            let from: String = row.get(2).doing(doing)?;
            one.columns.push((own(&from), row.get(3).doing(doing)?));
        }
        Ok(declared)
    }

    fn dangling_of(&self, table: &str, references: &References, each: &mut dyn FnMut(Dangling)) -> Result<()> {
        let doing = "look for references that lead nowhere";
        let there = Facts::read(&self.connection, &references.parent)?;
        let primary = there.primary();
        let named = |(place, (_, to)): (usize, &(String, Option<String>))| to.clone().or_else(|| Some(primary.get(place)?.name.clone()));
        let theirs: Option<Vec<String>> = references.columns.iter().enumerate().map(named).collect();
        let ours: Vec<&str> = references.columns.iter().map(|(from, _)| from.as_str()).collect();
        let stated =
            ours.iter().map(|column| format!("{column} IS NOT NULL")).chain(references.only.clone()).collect::<Vec<_>>().join(" AND ");
        let leads = match &theirs {
            Some(theirs) if !there.columns.is_empty() => {
                let agrees: Vec<String> = theirs.iter().zip(&ours).map(|(theirs, ours)| format!("r.{} = {ours}", quote(theirs))).collect();
                format!("EXISTS (SELECT 1 FROM {} AS r WHERE {})", quote(&references.parent), agrees.join(" AND "))
            }
            // Into a table that is not there.
            Some(_) | None => "0".to_owned(),
        };
        let key = Facts::read(&self.connection, table)?.key().map(|key| key.columns).unwrap_or_default();
        let mut key: Vec<String> = key.iter().map(|(column, _)| format!("c.{}", quote(column))).collect();
        if key.is_empty() {
            key.push("c.rowid".to_owned());
        }
        // What stands beside a `min` is of the same row.
        key[0] = format!("min({})", key[0]);
        let (listed, named) = (ours.join(", "), key.join(", "));
        let sql = format!(
            "SELECT {listed}, {named}, count(*) FROM {} AS c{} WHERE {stated} AND NOT {leads} GROUP BY {listed}",
            quote(table),
            references.beside
        );
        // Into a column that is not there: nothing leads there, and SQLite does not mind.
        let Ok(mut statement) = said(self.connection.prepare(&sql), doing)? else { return Ok(()) };
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().doing(doing)? {
            let read =
                |places: std::ops::Range<usize>| places.map(|place| row.get_ref(place).map(value)).collect::<rusqlite::Result<Vec<_>>>();
            let values = read(0..ours.len()).doing(doing)?;
            let columns = theirs.clone().unwrap_or_else(|| references.columns.iter().map(|(from, _)| from.clone()).collect());
            let count: i64 = row.get(ours.len() + key.len()).doing(doing)?;
            each(Dangling {
                table: table.to_owned(),
                count: count.unsigned_abs(),
                first: read(ours.len()..ours.len() + key.len()).doing(doing)?,
                parent: references.parent.clone(),
                values: columns.into_iter().zip(values).collect(),
            });
        }
        Ok(())
    }
}

fn own(column: &str) -> String {
    format!("c.{}", quote(column))
}

/// What a rule says of a column.
fn by_rule(column: &str, rule: &ReferenceRule) -> Vec<References> {
    let own = own(column);
    let of = |parent: &String, what: String, only| References {
        parent: parent.clone(),
        columns: vec![(what, None)],
        only,
        ..References::default()
    };
    match rule {
        ReferenceRule::Column { table } => vec![of(table, own, None)],
        ReferenceRule::Typed { type_column, tables } => {
            let is = |word: &String| Some(format!("CAST({} AS TEXT) = {} COLLATE BINARY", self::own(type_column), quote_text(word)));
            tables.iter().map(|(word, table)| of(table, own.clone(), is(word))).collect()
        }
        ReferenceRule::Text { separator, tables } => {
            let text = |(word, table): (&String, &String)| {
                let (start, length) = (format!("{word}{separator}"), word.chars().count() + separator.chars().count());
                let begins = format!("substr(CAST({own} AS TEXT), 1, {length}) = {} COLLATE BINARY", quote_text(&start));
                of(table, format!("substr(CAST({own} AS TEXT), {})", length + 1), Some(begins))
            };
            tables.iter().map(text).collect()
        }
        ReferenceRule::Json { paths } => paths.iter().filter_map(|(path, table)| json(&own, path, table)).collect(),
    }
}

fn json(own: &str, path: &str, parent: &str) -> Option<References> {
    // Not even asked of what is no JSON: SQLite would refuse the whole question.
    let (mut inside, mut beside) = (format!("CASE WHEN json_valid({own}) THEN {own} END"), String::new());
    let (mut steps, mut count) = ("$".to_owned(), 0);
    for step in json_path(path)? {
        match step {
            JsonStep::Member(name) => steps += &format!(".\"{name}\""),
            JsonStep::Element(number) => steps += &format!("[{number}]"),
            JsonStep::Each => {
                let at = quote_text(&steps);
                beside += &format!(", json_each(CASE WHEN json_type({inside}, {at}) = 'array' THEN {inside} END, {at}) AS j{count}");
                inside = format!("CASE WHEN j{count}.type IN ('object', 'array') THEN j{count}.value END");
                (steps, count) = ("$".to_owned(), count + 1);
            }
        }
    }
    let what = match (steps.as_str(), count) {
        ("$", 0) => format!("json_extract({inside}, '$')"),
        ("$", _) => format!("j{}.value", count - 1),
        (steps, _) => format!("json_extract({inside}, {})", quote_text(steps)),
    };
    Some(References { parent: parent.to_owned(), columns: vec![(what, None)], beside, only: None })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn references_that_lead_nowhere_are_named_as_foreign_keys_see_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let sql = "CREATE TABLE kinds (id TEXT PRIMARY KEY COLLATE NOCASE, a INTEGER, b TEXT, UNIQUE (a, b));
             CREATE TABLE items (id TEXT PRIMARY KEY, kind TEXT REFERENCES kinds) WITHOUT ROWID;
             CREATE TABLE pairs (n, x TEXT, y TEXT, FOREIGN KEY (x, y) REFERENCES kinds (a, b));
             CREATE TABLE lost (id INTEGER PRIMARY KEY, other TEXT REFERENCES nowhere (id));
             INSERT INTO kinds VALUES ('A', 1, 'p');
             INSERT INTO items VALUES ('1', 'a'), ('3', 'B'), ('2', 'B'), ('4', NULL);
             INSERT INTO pairs VALUES (1, '1', 'p'), (2, '2', 'p'), (3, '2', NULL); INSERT INTO lost VALUES (7, 'x')";
        rusqlite::Connection::open(&path).unwrap().execute_batch(&format!("PRAGMA foreign_keys = off; {sql}")).unwrap();
        let database = Database::open(&path, Duration::from_secs(1)).unwrap();
        let said: Vec<String> = database
            .dangling_records()
            .unwrap()
            .iter()
            .map(|one| {
                let values: Vec<String> = one.values.iter().map(|(column, value)| format!("{column}={value}")).collect();
                format!("{} {} -> {} {}", one.table, one.first[0], one.parent, values.join(","))
            })
            .collect();
        assert_eq!(said, ["items 2 -> kinds id=B", "pairs 2 -> kinds a=2,b=p", "lost 7 -> nowhere id=x"]);
        let count = || database.dangling_records().unwrap().iter().map(|one| one.count).sum::<u64>();
        assert_eq!(count(), 4, "the two items refer to one record");
        let mistaken = "CREATE TABLE wrong (x REFERENCES pairs (n), y REFERENCES pairs (none)); INSERT INTO wrong VALUES (9, 9)";
        rusqlite::Connection::open(&path).unwrap().execute_batch(&format!("PRAGMA foreign_keys = off; {mistaken}")).unwrap();
        assert_eq!(count(), 5, "nor does that keep the others from being counted");
        assert_eq!(database.dangling_records().unwrap().len(), 4);
    }
}
