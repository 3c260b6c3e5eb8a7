//! What does a database say once every number in it is replaced by what it means?

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::super::application::text_of;
use super::schema::{Invented, Key, Part, Refers, Target};

/// All records of a database, as they are.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Per table of the schema.
    pub tables: Vec<Vec<Row>>,
}

/// One record.
#[derive(Clone, Debug)]
pub struct Row {
    pub key: Vec<Value>,
    /// Per reference of the table, per column.
    pub references: Vec<Vec<Value>>,
    pub token: String,
    /// Texts and the unique code, by column.
    pub texts: BTreeMap<&'static str, Value>,
}

/// A record by what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub table: usize,
    /// As it stands in the list of conflicts.
    pub key: String,
    pub token: String,
    pub texts: BTreeMap<&'static str, String>,
    /// By last column, the identity of the record referred to; `-` for none.
    pub references: BTreeMap<String, String>,
}

/// Records by identity: the token where the database hands out the key, else the key with every number replaced.
pub type Content = BTreeMap<String, Record>;

/// A reference to nobody.
pub const NOBODY: &str = "-";

impl Snapshot {
    pub fn read(invented: &Invented, connection: &Connection) -> rusqlite::Result<Self> {
        let mut tables = Vec::new();
        for table in &invented.tables {
            let key = table.key_columns();
            let texts: Vec<&'static str> = table.texts.iter().copied().chain(table.unique.then_some("code")).collect();
            let mut columns = key.clone();
            columns.extend(table.references.iter().flat_map(|reference| reference.columns.iter().cloned()));
            columns.push("token".into());
            columns.extend(texts.iter().map(|name| (*name).to_owned()));
            let mut statement =
                connection.prepare_cached(&format!("SELECT {} FROM {} ORDER BY {}", columns.join(", "), table.name, key.join(", ")))?;
            let rows = statement.query_map([], |row| {
                let mut place = 0;
                let mut next = || {
                    place += 1;
                    row.get::<_, Value>(place - 1)
                };
                let mut some = |count: usize| -> rusqlite::Result<Vec<Value>> { (0..count).map(|_| next()).collect() };
                Ok(Row {
                    key: some(key.len())?,
                    references: table.references.iter().map(|reference| some(reference.columns.len())).collect::<rusqlite::Result<_>>()?,
                    token: text_of(&some(1)?[0]),
                    texts: texts.iter().copied().zip(some(texts.len())?).collect(),
                })
            })?;
            tables.push(rows.collect::<rusqlite::Result<_>>()?);
        }
        Ok(Self { tables })
    }

    fn find(&self, table: usize, key: &[Value]) -> Option<&Row> {
        self.tables[table].iter().find(|row| row.key == key)
    }

    /// Who a record is.
    pub fn identity(&self, invented: &Invented, table: usize, row: &Row) -> String {
        let name = &invented.tables[table].name;
        let Key::Parts(parts) = &invented.tables[table].key else { return format!("{name}:{}", row.token) };
        let mut places = row.key.iter();
        let words: Vec<String> = parts
            .iter()
            .map(|part| match part {
                Part::Text(_) | Part::Integer(_) => places.next().map(text_of).unwrap_or_default(),
                Part::Refers(reference) => {
                    places.by_ref().take(row.references[*reference].len()).for_each(drop);
                    self.meaning(invented, &invented.tables[table].references[*reference], &row.references[*reference])
                }
            })
            .collect();
        format!("{name}({})", words.join(" & "))
    }

    /// Whom a reference means.
    pub fn meaning(&self, invented: &Invented, reference: &Refers, values: &[Value]) -> String {
        let Some((table, key)) = goal(reference, values) else { return NOBODY.into() };
        match self.find(table, &key) {
            Some(row) => self.identity(invented, table, row),
            None => format!("{}? {}", invented.tables[table].name, words(&key)),
        }
    }

    /// Everything by what it means, and what is there twice.
    pub fn content(&self, invented: &Invented) -> (Content, Vec<String>) {
        let (mut content, mut twice) = (Content::new(), Vec::new());
        for (table, rows) in self.tables.iter().enumerate() {
            for row in rows {
                let references = invented.tables[table].references.iter().zip(&row.references);
                let record = Record {
                    table,
                    key: words(&row.key),
                    token: row.token.clone(),
                    texts: row.texts.iter().map(|(name, value)| (*name, text_of(value))).collect(),
                    references: references
                        .map(|(reference, values)| (name_of(reference), self.meaning(invented, reference, values)))
                        .collect(),
                };
                let identity = self.identity(invented, table, row);
                if content.insert(identity.clone(), record).is_some() {
                    twice.push(identity);
                }
            }
        }
        (content, twice)
    }

    /// Whether something refers to a record.
    pub fn is_referred_to(&self, invented: &Invented, table: usize, row: &Row) -> bool {
        let refers = |(other, rows): (usize, &Vec<Row>)| {
            rows.iter().any(|from| {
                let mut goals = invented.tables[other].references.iter().zip(&from.references);
                goals.any(|(reference, values)| goal(reference, values).is_some_and(|goal| goal == (table, row.key.clone())))
            })
        };
        self.tables.iter().enumerate().any(refers)
    }
}

/// The name a reference has in the list of conflicts: its last column.
pub fn name_of(reference: &Refers) -> String {
    reference.columns.last().expect("a reference has columns").clone()
}

/// A key in words, as the lists have it.
pub fn words(key: &[Value]) -> String {
    key.iter().map(text_of).collect::<Vec<_>>().join("/")
}

/// The table and key that the values of a reference say.
fn goal(reference: &Refers, values: &[Value]) -> Option<(usize, Vec<Value>)> {
    if values.contains(&Value::Null) {
        return None;
    }
    let named = |tables: &[(&str, usize)], word: &str| tables.iter().find(|table| table.0 == word).map(|table| table.1);
    match (&reference.target, values) {
        (Target::Declared(table) | Target::Plain(table), values) => Some((*table, values.to_vec())),
        (Target::Typed(tables), [Value::Text(word), number]) => Some((named(tables, word)?, vec![number.clone()])),
        (Target::Separated(tables), [Value::Text(text)]) => {
            let (word, number) = text.split_once(',')?;
            Some((named(tables, word)?, vec![Value::Integer(number.parse().ok()?)]))
        }
        (Target::Json(table), [Value::Text(text)]) => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            Some((*table, vec![Value::Integer(json.get("to")?.as_i64()?)]))
        }
        (Target::Typed(_) | Target::Separated(_) | Target::Json(_), _) => None,
    }
}

/// The values that make a reference mean this key.
pub fn saying(reference: &Refers, word: &str, key: &[Value]) -> Vec<Value> {
    match &reference.target {
        Target::Declared(_) | Target::Plain(_) => key.to_vec(),
        Target::Typed(_) => vec![Value::Text(word.into()), key[0].clone()],
        Target::Separated(_) => vec![Value::Text(format!("{word},{}", number(key)))],
        Target::Json(_) => vec![Value::Text(format!("{{\"n\": 1, \"to\": {}}}", number(key)))],
    }
}

fn number(key: &[Value]) -> i64 {
    match key {
        [Value::Integer(number)] => *number,
        other => unreachable!("undeclared references are to numbers, not {other:?}"),
    }
}
