//! Reading and writing single records, value for value.

use rusqlite::{ErrorCode, Statement, ffi};

use super::error::{Doing, Result, is_out_of_step};
use super::lacking::Ability;
use super::plan::{Plan, bind, bind_key};
use super::{Database, quote};
use crate::model::{FieldNo, Key, Row, Shape, Value};

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the transaction. Column affinity may have changed values: read back where it matters.
    Done,
    /// There is no record of that key.
    Missing,
    /// The database's own rules refused it; the transaction goes on as if it had not been tried.
    Refused(Refusal),
}

/// Why a write was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which sort of rule.
    pub kind: RefusalKind,
    /// The fields it names, where it names fields of the shape.
    pub fields: Vec<FieldNo>,
    /// SQLite's words.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// Which rule of the database refused a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// Another record has the key or a unique value.
    Unique,
    /// A field that must not be empty.
    NotNull,
    /// A CHECK.
    Check,
    /// A value of the wrong type (STRICT tables, integer keys), or too large.
    Type,
    /// A trigger of the application raised an error.
    Trigger,
    /// Another constraint; or something that the database computes of the values cannot be computed.
    Other,
}

impl Database {
    /// Appends the canonical cells of a record in field order; false where there is none.
    /// Dropped fields are [`crate::model::Value::Absent`].
    ///
    /// # Errors
    /// [`super::DatabaseError::ShapeMoved`], or as SQLite says.
    pub fn read(&self, shape: &Shape, key: &Key, bytes: &mut Vec<u8>) -> Result<bool> {
        let doing = "read a record";
        let plan = self.plan(shape)?;
        let read = |statement: &mut Statement<'_>| {
            bind_key(statement, key)?;
            match statement.raw_query().next().doing(doing)? {
                Some(row) => plan.push_row(row, bytes).doing(doing).map(|()| true),
                None => Ok(false),
            }
        };
        self.connection.with(&plan.read, read).doing(doing)?
    }

    /// Whether the record of a key is there and [`Database::read`] would give exactly this row. Nothing is copied.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn holds(&self, shape: &Shape, key: &Key, row: &Row) -> Result<bool> {
        let doing = "compare a record";
        let plan = self.plan(shape)?;
        let compare = |statement: &mut Statement<'_>| {
            bind_key(statement, key)?;
            statement.raw_query().next().doing(doing)?.map_or(Ok(false), |there| plan.is_row(there, row).doing(doing))
        };
        self.connection.with(&plan.read, compare).doing(doing)?
    }

    /// Calls `each` for up to `limit` records whose key follows `after` in the order of the key's index; says how many.
    /// Records with an empty value in the key are passed over, see [`Database::keyless`].
    ///
    /// # Errors
    /// [`super::DatabaseError::ShapeMoved`], or as SQLite says.
    pub fn scan(&self, shape: &Shape, after: Option<&Key>, limit: usize, each: &mut dyn FnMut(Key, &[u8])) -> Result<usize> {
        let doing = "read a table";
        let plan = self.plan(shape)?;
        let mut statement = self.connection.prepare_cached(if after.is_some() { &plan.scan_on } else { &plan.scan }).doing(doing)?;
        let next = after.map_or(Ok(1), |key| bind_key(&mut statement, key))?;
        statement.raw_bind_parameter(next, i64::try_from(limit).unwrap_or(i64::MAX)).doing(doing)?;
        let mut rows = statement.raw_query();
        let mut bytes = Vec::new();
        let mut count = 0;
        while let Some(row) = rows.next().doing(doing)? {
            bytes.clear();
            plan.push_row(row, &mut bytes).doing(doing)?;
            let key = plan.key(row).doing(doing)?.expect("the statement asks for keys that are not NULL");
            each(key, &bytes);
            count += 1;
        }
        Ok(count)
    }

    /// How many records have a key.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn count(&self, shape: &Shape) -> Result<u64> {
        self.counted(&self.plan(shape)?.count)
    }

    /// How many records have an empty value in the key, or one that another record has, and are therefore nobody's: never
    /// captured, sent or counted.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn keyless(&self, shape: &Shape) -> Result<u64> {
        self.counted(&self.plan(shape)?.keyless)
    }

    fn counted(&self, sql: &str) -> Result<u64> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
            .doing("count records")
            .map(i64::cast_unsigned)
    }

    /// Inserts a record. Fields that are absent get what the table's default says.
    ///
    /// # Errors
    /// As for [`Database::read`]; what the database's rules refuse is no error but [`Written::Refused`].
    pub fn insert(&self, shape: &Shape, row: &Row) -> Result<Written> {
        let plan = self.plan(shape)?;
        let stated: Vec<FieldNo> = shape.live_fields().filter(|field| row.get(*field).is_stated()).collect();
        self.write(&plan, &plan.insert(&stated), None, stated.iter().map(|field| row.get(*field)))
    }

    /// Sets `fields` of a record to what `row` says; those that `row` leaves absent stay as they are. Key fields move the record.
    ///
    /// # Errors
    /// As for [`Database::insert`].
    pub fn update(&self, shape: &Shape, key: &Key, fields: &[FieldNo], row: &Row) -> Result<Written> {
        let plan: std::rc::Rc<Plan> = self.plan(shape)?;
        let stated: Vec<FieldNo> = fields.iter().copied().filter(|field| row.get(*field).is_stated()).collect();
        if stated.is_empty() {
            return Ok(if self.exists(&plan, key)? { Written::Done } else { Written::Missing });
        }
        self.write(&plan, &plan.update(&stated), Some(key), stated.iter().map(|field| row.get(*field)))
    }

    /// As [`Database::update`], but only where the record holds what `old` says in these fields; else it is
    /// [`Written::Missing`]. `1` and `1.0` are taken for the same here. All `fields` are stated in both rows.
    ///
    /// # Errors
    /// As for [`Database::insert`].
    pub fn update_from(&self, shape: &Shape, key: &Key, fields: &[FieldNo], old: &Row, new: &Row) -> Result<Written> {
        let plan = self.plan(shape)?;
        let values = fields.iter().map(|field| new.get(*field)).chain(fields.iter().map(|field| old.get(*field)));
        self.write(&plan, &plan.guarded_update(fields), Some(key), values)
    }

    /// Whether these fields read back exactly as they are written, so that nobody needs to look.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn keeps(&self, shape: &Shape, fields: &[FieldNo], row: &Row) -> Result<bool> {
        let plan = self.plan(shape)?;
        Ok(fields.iter().all(|field| plan.keeps(*field, row.get(*field))))
    }

    /// Whether a column is filled by itself where nobody says anything of it.
    ///
    /// # Errors
    /// As for [`Database::read`].
    pub fn has_default(&self, shape: &Shape, field: FieldNo) -> Result<bool> {
        Ok(self.plan(shape)?.facts.column(shape.name_of(field)).is_some_and(|column| column.has_default))
    }

    /// Deletes a record. Foreign-key actions do not run: they are off on this connection.
    ///
    /// # Errors
    /// As for [`Database::insert`].
    pub fn delete(&self, shape: &Shape, key: &Key) -> Result<Written> {
        let plan = self.plan(shape)?;
        self.write(&plan, &plan.delete, Some(key), [])
    }

    fn exists(&self, plan: &Plan, key: &Key) -> Result<bool> {
        let doing = "look for a record";
        let mut statement = self.connection.prepare_cached(&plan.read).doing(doing)?;
        bind_key(&mut statement, key)?;
        Ok(statement.raw_query().next().doing(doing)?.is_some())
    }

    /// Made known before the first write, and with it the stand-ins that the statements need.
    fn ability<'p>(&self, plan: &'p Plan) -> Result<&'p Ability> {
        if plan.ability.get().is_none() {
            // Nobody else sets it: this is not shared.
            drop(plan.ability.set(self.tester().ability(plan.name(), &plan.facts)?));
        }
        Ok(plan.ability.get().expect("it was just set"))
    }

    fn write<'v>(&self, plan: &Plan, sql: &str, key: Option<&Key>, values: impl IntoIterator<Item = &'v Value>) -> Result<Written> {
        let doing = "write a record";
        let shape = plan.shape();
        if let Some(reason) = &self.ability(plan)?.refusal {
            return Ok(Written::Refused(Refusal {
                kind: RefusalKind::Other,
                fields: Vec::new(),
                message: format!("table `{}` cannot be written here: {reason}", shape.name),
            }));
        }
        self.still()?;
        self.remember_written(shape.number);
        let write = |statement: &mut Statement<'_>| {
            let next = key.map_or(Ok(1), |key| bind_key(statement, key))?;
            bind(statement, next, values)?;
            self.write_bound(plan, statement)
        };
        self.connection.with(sql, write).doing(doing)?
    }

    /// Runs a write whose values are bound.
    fn write_bound(&self, plan: &Plan, statement: &mut Statement<'_>) -> Result<Written> {
        let (doing, shape) = ("write a record", plan.shape());
        let before = self.in_transaction();
        // The conflict clause of a table that a trigger keeps may leave what was done before it failed.
        let is_guarded = before && self.runs_triggers(plan);
        if is_guarded {
            self.execute(doing, "SAVEPOINT _fieldpost_write")?;
        }
        let done = statement.raw_execute();
        // A trigger's RAISE(ROLLBACK) took the whole transaction away: no refusal of one write.
        let is_open = self.in_transaction() == before;
        if is_guarded && is_open {
            self.execute(doing, if done.is_ok() { KEEP_WRITE } else { UNDO_WRITE })?;
        }
        match done {
            Ok(0) => Ok(Written::Missing),
            Ok(_) => Ok(Written::Done),
            Err(error) => match refusal(shape, &error).filter(|_| is_open) {
                Some(refusal) if is_out_of_step(&error) => {
                    Ok(Written::Refused(Refusal { message: self.out_of_step(shape, &refusal.message)?, ..refusal }))
                }
                Some(refusal) => Ok(Written::Refused(refusal)),
                None => Err(error).doing(doing),
            },
        }
    }

    /// Names the virtual tables that triggers keep along with a table: SQLite says only that one of them is damaged.
    fn out_of_step(&self, shape: &Shape, words: &str) -> Result<String> {
        let doing = "look for virtual tables";
        let sql = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual' AND name = ?1 COLLATE NOCASE";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let mut named = Vec::new();
        for table in self.written_by_triggers(&shape.name)? {
            if statement.query_row([&table], |row| row.get::<_, i64>(0)).doing(doing)? > 0 {
                let name = quoted_where_needed(&table);
                named.push(format!("`{table}` (a full-text index is mended by `INSERT INTO {name}({name}) VALUES('rebuild')`)"));
            }
        }
        let named = if named.is_empty() { "a virtual table".to_owned() } else { named.join(" or ") };
        Ok(format!("{named}, kept by a trigger, is out of step with the records: {words}"))
    }
}

const KEEP_WRITE: &str = "RELEASE _fieldpost_write";
const UNDO_WRITE: &str = "ROLLBACK TO _fieldpost_write; RELEASE _fieldpost_write";

/// A name as a person types it.
fn quoted_where_needed(name: &str) -> String {
    let is_plain =
        name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric()) && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain { name.to_owned() } else { quote(name) }
}

fn refusal(shape: &Shape, error: &rusqlite::Error) -> Option<Refusal> {
    let failure = error.sqlite_error()?;
    let kind = match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => RefusalKind::Unique,
        ffi::SQLITE_CONSTRAINT_NOTNULL => RefusalKind::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => RefusalKind::Check,
        ffi::SQLITE_CONSTRAINT_DATATYPE => RefusalKind::Type,
        ffi::SQLITE_CONSTRAINT_TRIGGER => RefusalKind::Trigger,
        _ if failure.code == ErrorCode::ConstraintViolation => RefusalKind::Other,
        _ if failure.code == ErrorCode::TypeMismatch || failure.code == ErrorCode::TooBig => RefusalKind::Type,
        _ if is_out_of_step(error) => RefusalKind::Other,
        // The statement could be prepared: what fails is computing something of these values, for an index, a generated column, a CHECK
        // or a trigger.
        _ if matches!(failure.extended_code & PRIMARY, ffi::SQLITE_ERROR | ffi::SQLITE_RANGE) => RefusalKind::Other,
        _ => return None,
    };
    let message = error.to_string();
    Some(Refusal { kind, fields: named_fields(shape, &message), message })
}

/// The part of SQLite's result codes that says which sort of failure it is.
const PRIMARY: i32 = 0xff;

/// The fields that a message like `UNIQUE constraint failed: t.a, t.b` names. Names may hold anything, so the message is
/// compared with what it would be for each set the shape knows.
fn named_fields(shape: &Shape, message: &str) -> Vec<FieldNo> {
    let Some((_, named)) = message.split_once(" constraint failed: ") else { return Vec::new() };
    let said = |fields: &[FieldNo]| {
        let names: Vec<String> = fields.iter().map(|field| format!("{}.{}", shape.name, shape.name_of(*field))).collect();
        names.join(", ") == named
    };
    let sets = std::iter::once(&shape.key).chain(shape.uniques.iter().map(|set| &set.fields));
    if let Some(set) = sets.into_iter().find(|set| said(set)) {
        return set.clone();
    }
    shape.live_fields().filter(|field| said(&[*field])).collect()
}
