//! What is in the application's database: which tables can be tracked, which cannot and why.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{Doing, Result};
use super::facts::{Facts, Index, KeyColumns};
use super::references::same_name;
use super::silence::{missing_function, statements, stub};
use super::{Database, is_ours};
use crate::model::{Field, FieldNo, ForeignKey, KeyKind, OnDelete, Past, Shape, TableNo, UniqueSet};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The tables that can be tracked: numbered from 0 in this order, parents before children as far as references form no circle.
    pub shapes: Vec<Shape>,
    /// Everything else, by name.
    pub untracked: Vec<Untracked>,
    /// What a person should know of the tables that can.
    pub warnings: Vec<Warning>,
}

/// A table that cannot be tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untracked {
    /// Its name.
    pub name: String,
    /// Why not.
    pub reason: UntrackedReason,
}

/// Why a table cannot be tracked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UntrackedReason {
    /// Neither a primary key nor a unique set of NOT NULL columns: nothing names a record.
    #[error("it has no primary key and no unique columns that are never empty")]
    NoKey,
    /// A virtual table: its content belongs to its module.
    #[error("it is a virtual table")]
    Virtual,
    /// A table in which a virtual table keeps its content.
    #[error("a virtual table keeps its content in it")]
    ShadowOfVirtual,
    /// A view.
    #[error("it is a view")]
    View,
    /// A table of SQLite's own.
    #[error("it is SQLite's own")]
    Internal,
    /// A migration tool notes in it what it did to this database.
    #[error("a migration tool notes in it which schema this database has")]
    MigrationHistory,
    /// An index, a generated column or a default calls a function that only the application has.
    #[error("it needs the function `{0}` that only the application has")]
    UnknownFunction(String),
    /// SQLite cannot write it here, for a collation or module that only the application has, say.
    #[error("it cannot be written: {0}")]
    Unwritable(String),
}

/// What a person should know of a tracked table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A CHECK calls a function that only the application has: it is not checked when records arrive.
    #[error("a CHECK of `{table}` calls `{function}`, which only the application has: arriving records are not checked")]
    UncheckedFunction {
        /// The table.
        table: String,
        /// The function.
        function: String,
    },
    /// A trigger calls a function that only the application has: it does not run when records arrive.
    #[error("trigger `{trigger}` of `{table}` calls `{function}`, which only the application has: it stays still when records arrive")]
    StillTrigger {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
        /// The function.
        function: String,
    },
    /// Records with an empty value in the key are nobody's.
    #[error("`{table}` has {count} records with an empty value in the key: they stay here")]
    Keyless {
        /// The table.
        table: String,
        /// How many.
        count: u64,
    },
}

impl Database {
    /// Looks at everything in the database. Reads only the schema, and the keys of tables that may have empty ones.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn survey(&self) -> Result<Survey> {
        let tester = Tester::new(self)?;
        let mut survey = Survey { shapes: Vec::new(), untracked: Vec::new(), warnings: Vec::new() };
        for listed in self.tables()? {
            match self.look(&tester, &listed, &mut survey.warnings)? {
                Ok(shape) => survey.shapes.push(shape),
                Err(reason) => survey.untracked.push(Untracked { name: listed.name, reason }),
            }
        }
        name_parents(&mut survey.shapes);
        survey.shapes = parents_first(survey.shapes);
        self.warn(&mut survey)?;
        Ok(survey)
    }

    fn look(&self, tester: &Tester, listed: &Listed, warnings: &mut Vec<Warning>) -> Result<std::result::Result<Shape, UntrackedReason>> {
        if let Some(reason) = listed.reason() {
            return Ok(Err(reason));
        }
        if self.is_migration_history(&listed.name)? {
            return Ok(Err(UntrackedReason::MigrationHistory));
        }
        let facts = Facts::read(&self.connection, &listed.name)?;
        let Some(key) = facts.key() else { return Ok(Err(UntrackedReason::NoKey)) };
        match tester.test(&listed.name, &facts) {
            Err(reason) => return Ok(Err(reason)),
            Ok(unchecked) => {
                for function in unchecked {
                    // Without the stub not even a statement with good values could be prepared.
                    if self.stubs.borrow_mut().insert(function.to_ascii_lowercase()) {
                        stub(&self.connection, &function).doing("stand in for a function")?;
                    }
                    warnings.push(Warning::UncheckedFunction { table: listed.name.clone(), function });
                }
            }
        }
        Ok(Ok(shape(listed, &facts, &key, self.foreign_keys(&listed.name)?)))
    }

    fn warn(&self, survey: &mut Survey) -> Result<()> {
        for plan in self.trigger_plan(&survey.shapes)? {
            let warning = |function| Warning::StillTrigger { table: plan.table.clone(), trigger: plan.name.clone(), function };
            survey.warnings.extend(plan.unknown.iter().cloned().map(warning));
        }
        for shape in &survey.shapes {
            let facts = Facts::read(&self.connection, &shape.name)?;
            let may_be_empty = |field: &FieldNo| facts.column(shape.name_of(*field)).is_some_and(|column| !column.not_null);
            if shape.key_kind == KeyKind::Assigned || shape.without_rowid || !shape.key.iter().any(may_be_empty) {
                continue;
            }
            let count = self.keyless(shape)?;
            if count > 0 {
                survey.warnings.push(Warning::Keyless { table: shape.name.clone(), count });
            }
        }
        Ok(())
    }

    fn tables(&self) -> Result<Vec<Listed>> {
        let doing = "list the tables";
        let sql = "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name <> 'sqlite_schema' ORDER BY name";
        let mut statement = self.connection.prepare(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok(Listed { name: row.get(0)?, kind: row.get(1)?, without_rowid: row.get(2)? }));
        let all: Vec<Listed> = all.and_then(Iterator::collect).doing(doing)?;
        Ok(all.into_iter().filter(|listed| !is_ours(&listed.name)).collect())
    }

    fn foreign_keys(&self, table: &str) -> Result<Vec<DeclaredKey>> {
        let doing = "read the foreign keys of a table";
        let sql = "SELECT id, \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let mut rows = statement.query([table]).doing(doing)?;
        let mut keys: BTreeMap<std::cmp::Reverse<i64>, DeclaredKey> = BTreeMap::new();
        while let Some(row) = rows.next().doing(doing)? {
            let action: String = row.get(4).doing(doing)?;
            let parent: String = row.get(1).doing(doing)?;
            let on_delete = match action.as_str() {
                "CASCADE" => OnDelete::Cascade,
                "SET NULL" => OnDelete::SetNull,
                "SET DEFAULT" => OnDelete::SetDefault,
                _ => OnDelete::Refuse,
            };
            let id = std::cmp::Reverse(row.get(0).doing(doing)?);
            let key = keys.entry(id).or_insert_with(|| DeclaredKey { parent, on_delete, from: Vec::new(), to: Vec::new() });
            key.from.push(row.get(2).doing(doing)?);
            key.to.extend(row.get::<_, Option<String>>(3).doing(doing)?);
        }
        Ok(keys.into_values().collect())
    }
}

/// One line of `PRAGMA table_list`.
struct Listed {
    name: String,
    kind: String,
    without_rowid: bool,
}

impl Listed {
    fn reason(&self) -> Option<UntrackedReason> {
        match self.kind.as_str() {
            "view" => Some(UntrackedReason::View),
            "virtual" => Some(UntrackedReason::Virtual),
            "shadow" => Some(UntrackedReason::ShadowOfVirtual),
            _ if self.name.starts_with("sqlite_") => Some(UntrackedReason::Internal),
            _ => None,
        }
    }
}

struct DeclaredKey {
    parent: String,
    on_delete: OnDelete,
    from: Vec<String>,
    /// Empty where the declaration names no columns.
    to: Vec<String>,
}

fn shape(listed: &Listed, facts: &Facts, key: &KeyColumns, declared: Vec<DeclaredKey>) -> Shape {
    let stored: Vec<&str> = facts.columns.iter().filter(|column| !column.generated).map(|column| column.name.as_str()).collect();
    let number = |name: &str| {
        let place = stored.iter().position(|stored| same_name(stored, name));
        place.map(|place| FieldNo(u16::try_from(place).expect("SQLite has at most 32767 columns")))
    };
    let unique = |index: &Index| {
        let fields = index.plain(facts)?.into_iter().map(number).collect::<Option<_>>()?;
        (!index.is_key(key)).then_some(UniqueSet { fields })
    };
    let reference = |declared: DeclaredKey| {
        let fields = declared.from.iter().map(|name| number(name)).collect::<Option<_>>()?;
        Some(ForeignKey { fields, table: declared.parent, columns: declared.to, on_delete: declared.on_delete })
    };
    Shape {
        number: TableNo(0),
        name: listed.name.clone(),
        fields: stored.iter().map(|name| Field { name: (*name).to_owned(), dropped: false }).collect(),
        key: key.columns.iter().filter_map(|(name, _)| number(name)).collect(),
        key_kind: if key.is_rowid { KeyKind::Assigned } else { KeyKind::Natural },
        references: declared.into_iter().filter_map(reference).collect(),
        uniques: facts.uniques.iter().filter_map(unique).collect(),
        without_rowid: listed.without_rowid,
        past: Past::default(),
    }
}

/// Spells the parents as the database does, and names the columns where a declaration means the parent's key.
fn name_parents(shapes: &mut [Shape]) {
    let keys: BTreeMap<String, (String, Vec<String>)> = shapes
        .iter()
        .map(|shape| {
            (
                shape.name.to_ascii_lowercase(),
                (shape.name.clone(), shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect()),
            )
        })
        .collect();
    for reference in shapes.iter_mut().flat_map(|shape| &mut shape.references) {
        if let Some((name, key)) = keys.get(&reference.table.to_ascii_lowercase()) {
            reference.table.clone_from(name);
            if reference.columns.is_empty() {
                reference.columns.clone_from(key);
            }
        }
    }
    // A declaration that does not fit its parent is an error at the application's first write; there is nothing to follow.
    for shape in shapes {
        shape.references.retain(|reference| reference.columns.is_empty() || reference.columns.len() == reference.fields.len());
    }
}

/// Orders tables so that a parent comes before its children; where references form a circle, by name.
fn parents_first(mut shapes: Vec<Shape>) -> Vec<Shape> {
    let mut ordered: Vec<Shape> = Vec::with_capacity(shapes.len());
    while !shapes.is_empty() {
        let waiting: BTreeSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        let ready = |shape: &Shape| {
            shape.references.iter().all(|reference| reference.table == shape.name || !waiting.contains(reference.table.as_str()))
        };
        let next = shapes.iter().position(ready).unwrap_or(0);
        let mut shape = shapes.remove(next);
        shape.number = TableNo(u32::try_from(ordered.len()).expect("SQLite has fewer tables"));
        ordered.push(shape);
    }
    ordered
}

/// A connection of its own without stand-ins, to find out what a table needs by itself, its triggers aside.
struct Tester(Connection);

impl Tester {
    fn new(database: &Database) -> Result<Self> {
        let doing = "open the database a second time";
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&database.path, flags).doing(doing)?;
        connection.busy_timeout(database.wait).doing(doing)?;
        connection.pragma_update(None, "foreign_keys", false).doing(doing)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).doing(doing)?;
        Ok(Self(connection))
    }

    /// The functions that only its checks lack, or why it cannot be written.
    fn test(&self, table: &str, facts: &Facts) -> std::result::Result<Vec<String>, UntrackedReason> {
        let Err(error) = self.prepare(table, facts) else { return Ok(Vec::new()) };
        let Some(function) = missing_function(&error) else { return Err(UntrackedReason::Unwritable(error)) };
        let without_checks = self.0.pragma_update(None, "ignore_check_constraints", true).map_err(|error| error.to_string());
        let prepared = without_checks.and_then(|()| self.prepare(table, facts));
        drop(self.0.pragma_update(None, "ignore_check_constraints", false));
        match prepared {
            Ok(()) => Ok(vec![function]),
            Err(error) => Err(missing_function(&error).map_or(UntrackedReason::Unwritable(error), UntrackedReason::UnknownFunction)),
        }
    }

    fn prepare(&self, table: &str, facts: &Facts) -> std::result::Result<(), String> {
        statements(table, facts).iter().try_for_each(|sql| self.0.prepare(sql).map(drop).map_err(|error| error.to_string()))
    }
}
