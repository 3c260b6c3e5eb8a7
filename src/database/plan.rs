//! The SQL for one tracked table, made once.
//!
//! Where no index keeps keys apart (a person named the columns), the record with the lowest rowid has the key: what is
//! read, written and counted is that one, whatever else agrees with it.
//!
//! Every column in an expression is qualified (`r."name"`): SQLite takes a bare `"name"` that no column has for a text.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row as SqlRow, Statement};

use super::error::{DatabaseError, Doing, Result};
use super::facts::{Affinity, Facts, KeyColumns, is_binary};
use super::lacking::Ability;
use super::{Database, is_ours, quote};
use crate::model::{FieldNo, Key, KeyError, Row, Shape, Value, cells};

/// Most statements kept per table for different sets of fields.
const FIELD_SETS: usize = 64;

#[derive(Debug)]
pub(super) struct Plan {
    /// What the SQL was made for; another shape under the same number makes it anew.
    shape: Shape,
    /// Per field of the shape, up to the last one that is in the table, the column of the result it comes in; none for a dropped one.
    places: Vec<Option<usize>>,
    /// Columns of the result that make the key.
    key_places: Vec<usize>,
    pub facts: Facts,
    /// The application has triggers on the table.
    pub is_triggered: bool,
    /// Found out before the first write.
    pub ability: OnceCell<Rc<Ability>>,
    /// Once somebody asked.
    pub required: OnceCell<Rc<BTreeMap<FieldNo, super::conform::Required>>>,
    pub table: String,
    /// `r."k" = ?1 AND …`, exact.
    pub matches_key: String,
    pub read: String,
    pub scan: String,
    pub scan_on: String,
    pub walk: String,
    pub count: String,
    pub keyless: String,
    pub delete: String,
    /// What overrides conflict clauses of the table, which could delete somebody's record to make room. Empty where it has none: it would override
    /// those inside the application's triggers too, which keep what does not travel.
    or_abort: &'static str,
    /// Per field what its column makes of values, with whether it makes reals of integers. None where the application
    /// has triggers on the table: they may write anything.
    columns: Option<Vec<Option<(Affinity, bool)>>>,
    inserts: RefCell<BTreeMap<Vec<FieldNo>, Rc<str>>>,
    updates: RefCell<BTreeMap<Vec<FieldNo>, Rc<str>>>,
    guarded: RefCell<BTreeMap<Vec<FieldNo>, Rc<str>>>,
}

impl Database {
    /// The plan for a table.
    pub(super) fn plan(&self, shape: &Shape) -> Result<Rc<Plan>> {
        if let Some(plan) = self.plans.borrow().get(&shape.number)
            && plan.shape == *shape
        {
            return Ok(Rc::clone(plan));
        }
        let mut plan = Plan::new(shape, Facts::read(&self.connection, &shape.name)?)?;
        let doing = "list the triggers of a table";
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let triggers: Vec<String> = statement.query_map([&shape.name], |row| row.get(0)).and_then(Iterator::collect).doing(doing)?;
        plan.is_triggered = triggers.iter().any(|name| !is_ours(name));
        if plan.is_triggered {
            plan.columns = None;
        }
        plan.or_abort = self.or_abort(&shape.name)?;
        let plan = Rc::new(plan);
        self.plans.borrow_mut().insert(shape.number, Rc::clone(&plan));
        Ok(plan)
    }
}

/// The key columns of a table, where they are still those of the shape: its own key or, where it has none, the one that a
/// person named when the table was taken in.
pub(super) fn key_columns(shape: &Shape, facts: &Facts) -> Result<KeyColumns> {
    let names = shape.key.iter().map(|field| shape.name_of(*field));
    let key = match facts.key() {
        Some(key) => Some(key).filter(|key| key.columns.iter().map(|(name, _)| name.as_str()).eq(names)),
        None => facts.named_key(names).ok(),
    };
    key.ok_or_else(|| DatabaseError::ShapeMoved { table: shape.name.clone() })
}

/// `r.rowid = (the first record of that key)`.
fn first_of(key: &KeyColumns, table: &str, rowid: &str) -> String {
    let agrees =
        join(" AND ", (1..).zip(&key.columns).map(|(n, (name, _)): (usize, _)| format!("o.{} = ?{n} COLLATE BINARY", quote(name))));
    format!("r.{rowid} = (SELECT min(o.{rowid}) FROM {table} AS o WHERE {agrees})")
}

/// Whether a record is the first of its key.
fn is_first(key: &KeyColumns, table: &str, rowid: &str) -> String {
    let names = join(", ", key.columns.iter().map(|(name, _)| format!("o.{} COLLATE BINARY", quote(name))));
    format!("r.{rowid} IN (SELECT min(o.{rowid}) FROM {table} AS o GROUP BY {names})")
}

impl Plan {
    fn new(shape: &Shape, facts: Facts) -> Result<Self> {
        let key = key_columns(shape, &facts)?;
        if shape.live_fields().any(|field| facts.column(shape.name_of(field)).is_none_or(|column| column.generated)) {
            return Err(DatabaseError::ShapeMoved { table: shape.name.clone() });
        }
        let live: Vec<FieldNo> = shape.live_fields().collect();
        let place = |field: FieldNo| live.iter().position(|one| *one == field);
        let list = join(", ", live.iter().map(|field| column(shape.name_of(*field))));
        let table = quote(&shape.name);
        let mut matches_key = matches(&key.columns);
        let mut has_key = join(" AND ", key.columns.iter().map(|(name, _)| format!("{} IS NOT NULL", column(name))));
        if let Some(rowid) = key.first_by {
            matches_key = first_of(&key, &table, rowid);
            has_key = format!("{has_key} AND {}", is_first(&key, &table, rowid));
        }
        let names = join(", ", key.columns.iter().map(|(name, _)| column(name)));
        let collate = |collation: &str| if key.is_rowid { String::new() } else { format!(" COLLATE {}", quote(collation)) };
        let order = join(", ", key.columns.iter().map(|(name, collation)| column(name) + &collate(collation)));
        // On the left of the comparison a collation would keep the index out.
        let parameters = join(", ", (1..).zip(&key.columns).map(|(n, (_, collation)): (usize, _)| format!("?{n}{}", collate(collation))));
        let limit = key.columns.len() + 1;
        let select = format!("SELECT {list} FROM {table} AS r WHERE");
        Ok(Self {
            places: (0u16..).take(shape.width()).map(|number| place(FieldNo(number))).collect(),
            key_places: shape.key.iter().filter_map(|field| place(*field)).collect(),
            read: format!("{select} {matches_key}"),
            scan: format!("{select} {has_key} ORDER BY {order} LIMIT ?1"),
            scan_on: format!("{select} {has_key} AND ({names}) > ({parameters}) ORDER BY {order} LIMIT ?{limit}"),
            walk: format!("{select} {has_key}"),
            count: format!("SELECT count(*) FROM {table} AS r WHERE {has_key}"),
            keyless: format!("SELECT count(*) FROM {table} AS r WHERE NOT ({has_key})"),
            delete: format!("DELETE FROM {table} AS r WHERE {matches_key}"),
            columns: Some(
                shape.fields.iter().map(|field| facts.column(&field.name).map(|column| (column.affinity, column.is_real))).collect(),
            ),
            or_abort: "",
            shape: shape.clone(),
            facts,
            is_triggered: false,
            ability: OnceCell::new(),
            required: OnceCell::new(),
            table,
            matches_key,
            inserts: RefCell::default(),
            updates: RefCell::default(),
            guarded: RefCell::default(),
        })
    }

    /// What it was made for.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.shape.name
    }

    /// `INSERT` of these fields, bound in their order.
    pub fn insert(&self, fields: &[FieldNo]) -> Rc<str> {
        kept(&self.inserts, fields, || {
            if fields.is_empty() {
                return format!("INSERT{} INTO {} DEFAULT VALUES", self.or_abort, self.table);
            }
            let names = join(", ", fields.iter().map(|field| quote(self.shape.name_of(*field))));
            let values = join(", ", (1..=fields.len()).map(|n| format!("?{n}")));
            format!("INSERT{} INTO {}({names}) VALUES({values})", self.or_abort, self.table)
        })
    }

    /// `UPDATE` of these fields, bound after the key.
    pub fn update(&self, fields: &[FieldNo]) -> Rc<str> {
        kept(&self.updates, fields, || {
            let first = self.shape.key.len() + 1;
            let sets = join(", ", (first..).zip(fields).map(|(n, field)| format!("{} = ?{n}", quote(self.shape.name_of(*field)))));
            format!("UPDATE{} {} AS r SET {sets} WHERE {}", self.or_abort, self.table, self.matches_key)
        })
    }

    /// As [`Plan::update`], where the fields hold what is bound after the new values.
    pub fn guarded_update(&self, fields: &[FieldNo]) -> Rc<str> {
        kept(&self.guarded, fields, || {
            let first = self.shape.key.len() + 1 + fields.len();
            let guard = |(n, field): (usize, &FieldNo)| format!(" AND {} IS ?{n} COLLATE BINARY", column(self.shape.name_of(*field)));
            self.update(fields).to_string() + &join("", (first..).zip(fields).map(guard))
        })
    }

    /// Whether a value comes back from a field's column as it was written.
    pub fn keeps(&self, field: FieldNo, value: &Value) -> bool {
        let Some(Some((affinity, is_real))) = self.columns.as_ref().and_then(|columns| columns.get(field.index())) else { return false };
        match (value, affinity) {
            (Value::Absent, _) => false,
            (Value::Null | Value::Blob(_), _) | (Value::Text(_), Affinity::Text) => true,
            (Value::Integer(_), Affinity::Blob) => true,
            (Value::Integer(_), Affinity::Numeric) => !is_real,
            // A column of reals may store an integral one as an integer: -0.0 would come back as 0.0.
            (Value::Real(number), Affinity::Numeric) if *is_real => number.is_finite() && number.to_bits() != (-0.0_f64).to_bits(),
            (Value::Real(number), Affinity::Numeric | Affinity::Blob) => number.is_finite() && number.fract() != 0.0,
            (Value::Text(_), Affinity::Blob) => true,
            (Value::Text(_), Affinity::Numeric) | (Value::Integer(_) | Value::Real(_), Affinity::Text) => false,
        }
    }

    /// Appends the cells of a result row in field order.
    pub fn push_row(&self, row: &SqlRow<'_>, bytes: &mut Vec<u8>) -> rusqlite::Result<()> {
        for place in &self.places {
            match place {
                Some(place) => push_cell(row.get_ref(*place)?, bytes),
                None => cells::push(bytes, &Value::Absent),
            }
        }
        Ok(())
    }

    /// Whether a result row has exactly the values of `row`.
    pub fn is_row(&self, there: &SqlRow<'_>, row: &Row) -> rusqlite::Result<bool> {
        if row.0.len() != self.places.len() {
            return Ok(false);
        }
        for (place, value) in self.places.iter().zip(&row.0) {
            let same = match place {
                Some(place) => is_value(there.get_ref(*place)?, value),
                None => *value == Value::Absent,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The key of a result row that has the fields first.
    pub fn key(&self, row: &SqlRow<'_>) -> rusqlite::Result<std::result::Result<Key, KeyError>> {
        key_at(row, self.key_places.iter().copied())
    }
}

/// `r."name"`.
pub(super) fn column(name: &str) -> String {
    format!("r.{}", quote(name))
}

pub(super) fn join(between: &str, parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(between)
}

/// Finds by the index's collation, then demands the exact key: `'abc'` is not the record `'ABC'`.
fn matches(key: &[(String, String)]) -> String {
    let one = |(n, (name, collation)): (usize, &(String, String))| {
        let name = column(name);
        if is_binary(collation) {
            return format!("{name} = ?{n} COLLATE BINARY");
        }
        format!("{name} = ?{n} COLLATE {} AND {name} = ?{n} COLLATE BINARY", quote(collation))
    };
    join(" AND ", (1..).zip(key).map(one))
}

fn kept(cache: &RefCell<BTreeMap<Vec<FieldNo>, Rc<str>>>, fields: &[FieldNo], make: impl FnOnce() -> String) -> Rc<str> {
    let mut cache = cache.borrow_mut();
    if let Some(sql) = cache.get(fields) {
        return Rc::clone(sql);
    }
    if cache.len() >= FIELD_SETS {
        cache.clear();
    }
    let sql: Rc<str> = make().into();
    cache.insert(fields.to_vec(), Rc::clone(&sql));
    sql
}

fn push_cell(value: ValueRef<'_>, bytes: &mut Vec<u8>) {
    match value {
        ValueRef::Null => cells::push_null(bytes),
        ValueRef::Integer(number) => cells::push_integer(bytes, number),
        ValueRef::Real(number) => cells::push_real(bytes, number),
        ValueRef::Text(text) => cells::push_text(bytes, text),
        ValueRef::Blob(blob) => cells::push_blob(bytes, blob),
    }
}

fn is_value(there: ValueRef<'_>, value: &Value) -> bool {
    match (there, value) {
        (ValueRef::Null, Value::Null) => true,
        (ValueRef::Integer(a), Value::Integer(b)) => a == *b,
        (ValueRef::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        (ValueRef::Text(a), Value::Text(b)) | (ValueRef::Blob(a), Value::Blob(b)) => *a == **b,
        (ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_), _) => false,
    }
}

/// The key made of these columns of a result row.
pub(super) fn key_at(row: &SqlRow<'_>, places: impl Iterator<Item = usize>) -> rusqlite::Result<std::result::Result<Key, KeyError>> {
    let values = places.map(|place| row.get_ref(place).map(value)).collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Key::new(&values))
}

pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(text.into()),
        ValueRef::Blob(blob) => Value::Blob(blob.into()),
    }
}

/// A value as it is bound: text byte for byte, valid UTF-8 or not.
pub(super) struct Bound<'v>(pub &'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Absent | Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

/// Binds the values of a key from parameter 1 on; says the next free parameter.
pub(super) fn bind_key(statement: &mut Statement<'_>, key: &Key) -> Result<usize> {
    let mut next = 1;
    for value in key.each_value() {
        let value = value.map_err(|error| DatabaseError::Bookkeeping(error.to_string()))?;
        next = bind(statement, next, [&value])?;
    }
    Ok(next)
}

/// Binds values from parameter `first` on; says the next free parameter.
pub(super) fn bind<'v>(statement: &mut Statement<'_>, first: usize, values: impl IntoIterator<Item = &'v Value>) -> Result<usize> {
    let mut next = first;
    for value in values {
        statement.raw_bind_parameter(next, Bound(value)).doing("bind a value")?;
        next += 1;
    }
    Ok(next)
}
