//! What is in the application's database: which tables can be tracked, which cannot and why.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::error::{Doing, Result};
use super::facts::{Facts, Index, KeyColumns, KeyFault};
use super::lacking::Tester;
use super::plan::{column, join};
use super::references::same_name;
use super::silence::TriggerReason;
use super::{Database, is_ours, migrations, quote, quote_text};
use crate::model::{Field, FieldNo, ForeignKey, KeyKind, LIBRARY, OnDelete, Past, Shape, TableNo, UniqueSet};
use crate::rules::{Direction, Rules};

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
    /// What a person named as its key is none.
    #[error("{0}")]
    BadKey(KeyFault),
    /// A virtual table: its content belongs to its module.
    #[error("it is a virtual table")]
    Virtual,
    /// A virtual table of a module that only the application has.
    #[error("it is a virtual table of a module that only the application has")]
    UnknownModule,
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
    /// A migration tool fills it, and gives it the name of the table that it replaces.
    #[error("a migration tool is about to put it in the place of another table")]
    MigrationScratch,
    /// An index or a generated column calls a function that only the application has.
    #[error("it needs the function `{0}` that only the application has")]
    UnknownFunction(String),
    /// A key, an index, a CHECK or a generated column compares by a collation that only the application has.
    #[error("it needs the collation `{0}` that only the application has")]
    UnknownCollation(String),
    /// The rules say that it travels nowhere.
    #[error("the rules say that it stays where it is")]
    Local,
    /// SQLite cannot write it here.
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
    /// A default calls a function that only the application has: it is not asked when records arrive.
    #[error("a default of `{table}` calls `{function}`, which only the application has: a field that a record comes without stays empty")]
    EmptyDefault {
        /// The table.
        table: String,
        /// The function.
        function: String,
    },
    /// A trigger would have to run when records arrive, and cannot.
    #[error("trigger `{trigger}` of `{table}` stays still when records arrive: {why}")]
    CannotRun {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
        /// What is in the way.
        why: String,
    },
    /// A person named a key for a table that has one.
    #[error("`{table}` has a key of its own: what `key` in rules.toml says of it is not used")]
    KeyNotUsed {
        /// The table.
        table: String,
    },
    /// Each record is looked for through the whole table.
    #[error("no unique index is on the key of `{table}` that rules.toml names: nothing keeps it unique, and every record is searched for")]
    KeyNotEnforced {
        /// The table.
        table: String,
    },
    /// A virtual table that new sites will not have.
    #[error("virtual table `{table}` needs a module that only the application has: new sites are built without it")]
    LeftOut {
        /// The table.
        table: String,
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
    /// A column that names records cannot stay home.
    #[error("column `{column}` of `{table}` is part of its key: what `local` in rules.toml says of it is not used")]
    LocalKey {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Records that arrive say nothing of a local column.
    #[error("local column `{column}` of `{table}` must be filled and has no default: no record that arrives can be inserted")]
    LocalNotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
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
    /// Looks at everything in the database; `rules` may name keys and say what triggers do. Reads only the schema, and the
    /// keys of tables that may have empty ones or others than unique ones.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn survey(&self, rules: &Rules) -> Result<Survey> {
        let tester = self.tester();
        let mut survey = Survey { shapes: Vec::new(), untracked: Vec::new(), warnings: Vec::new() };
        let listed = self.tables()?;
        let foreign = self.foreign_modules(&listed)?;
        for listed in listed {
            match self.look_at(&tester, &listed, &foreign, rules, &mut survey.warnings)? {
                Ok(shape) => survey.shapes.push(shape),
                Err(reason) => survey.untracked.push(Untracked { name: listed.name, reason }),
            }
        }
        name_parents(&mut survey.shapes);
        survey.shapes = parents_first(survey.shapes);
        self.warn(&mut survey, rules)?;
        Ok(survey)
    }

    fn look_at(
        &self,
        tester: &Tester<'_>,
        listed: &Listed,
        foreign: &BTreeSet<String>,
        rules: &Rules,
        warnings: &mut Vec<Warning>,
    ) -> Result<std::result::Result<Shape, UntrackedReason>> {
        let table = || listed.name.clone();
        if foreign.contains(&listed.name) {
            warnings.push(Warning::LeftOut { table: table() });
            return Ok(Err(UntrackedReason::UnknownModule));
        }
        if let Some(reason) = listed.reason(foreign) {
            return Ok(Err(reason));
        }
        if self.is_migration_history(&listed.name)? {
            return Ok(Err(UntrackedReason::MigrationHistory));
        }
        if migrations::is_scratch(&listed.name) {
            return Ok(Err(UntrackedReason::MigrationScratch));
        }
        let rule = rules.table(&listed.name);
        if rule.direction == Direction::None {
            return Ok(Err(UntrackedReason::Local));
        }
        let facts = Facts::read(&self.connection, &listed.name)?;
        let key = match (facts.key(), rules.key(&listed.name)) {
            (None, []) => return Ok(Err(UntrackedReason::NoKey)),
            (Some(key), named) => {
                warnings.extend((!named.is_empty()).then(|| Warning::KeyNotUsed { table: table() }));
                key
            }
            (None, named) => match facts.named_key(named.iter().map(String::as_str)) {
                Err(fault) => return Ok(Err(UntrackedReason::BadKey(fault))),
                Ok(key) => key,
            },
        };
        let ability = tester.ability(&listed.name, &facts)?;
        if let Some(reason) = &ability.refusal {
            return Ok(Err(reason.clone()));
        }
        if key.first_by.is_some() {
            if let Some(fault) = self.key_fault(&listed.name, &key)? {
                return Ok(Err(UntrackedReason::BadKey(fault)));
            }
            warnings.push(Warning::KeyNotEnforced { table: table() });
        }
        let unchecked = |function: &String| Warning::UncheckedFunction { table: table(), function: function.clone() };
        warnings.extend(ability.checks.iter().map(unchecked));
        warnings.extend(ability.defaults.iter().map(|function| Warning::EmptyDefault { table: table(), function: function.clone() }));
        let names_records = |name: &&String| key.columns.iter().any(|(column, _)| same_name(column, name));
        let (kept, local): (Vec<&String>, Vec<&String>) = rule.local.iter().partition(names_records);
        warnings.extend(kept.into_iter().map(|column| Warning::LocalKey { table: table(), column: column.clone() }));
        let must_be_filled = |name: &&&String| facts.column(name).is_some_and(|column| column.not_null && !column.has_default);
        let unfilled = local.iter().filter(must_be_filled);
        warnings.extend(unfilled.map(|column| Warning::LocalNotNull { table: table(), column: (*column).clone() }));
        Ok(Ok(shape(listed, &facts, &key, &local, self.foreign_keys(&listed.name)?)))
    }

    /// Whether the records themselves say that these columns are no key.
    fn key_fault(&self, table: &str, key: &KeyColumns) -> Result<Option<KeyFault>> {
        let doing = "look whether a named key is one";
        let table = quote(table);
        let has_key = join(" AND ", key.columns.iter().map(|(name, _)| format!("{} IS NOT NULL", column(name))));
        let names = join(", ", key.columns.iter().map(|(name, _)| format!("{} COLLATE BINARY", column(name))));
        let ask = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).doing(doing).map(i64::cast_unsigned);
        let empty = ask(&format!("SELECT count(*) FROM {table} AS r WHERE NOT ({has_key})"))?;
        if empty > 0 {
            return Ok(Some(KeyFault::Empty(empty)));
        }
        let shared =
            ask(&format!("SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {table} AS r GROUP BY {names} HAVING n > 1)"))?;
        Ok((shared > 0).then_some(KeyFault::Shared(shared)))
    }

    fn warn(&self, survey: &mut Survey, rules: &Rules) -> Result<()> {
        for plan in self.trigger_plan(&survey.shapes, rules)? {
            let (table, trigger) = (plan.table, plan.name);
            match plan.reason {
                TriggerReason::UnknownFunctions(functions) => {
                    let warning = |function| Warning::StillTrigger { table: table.clone(), trigger: trigger.clone(), function };
                    survey.warnings.extend(functions.into_iter().map(warning));
                }
                TriggerReason::Unreadable(_) | TriggerReason::Unwritable { .. } => {
                    survey.warnings.push(Warning::CannotRun { table, trigger, why: plan.reason.to_string() });
                }
                TriggerReason::Rule
                | TriggerReason::WritesTracked(_)
                | TriggerReason::NotKept { .. }
                | TriggerReason::WritesNothing
                | TriggerReason::Local(_)
                | TriggerReason::Partly { .. } => {}
            }
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

    /// Virtual tables whose module only the application has, and the tables in which those seem to keep their content.
    pub(super) fn foreign_tables(&self) -> Result<BTreeSet<String>> {
        let listed = self.tables()?;
        let foreign = self.foreign_modules(&listed)?;
        let is = |listed: &Listed| foreign.contains(&listed.name) || listed.reason(&foreign) == Some(UntrackedReason::ShadowOfVirtual);
        Ok(listed.into_iter().filter(is).map(|listed| listed.name).collect())
    }

    /// Virtual tables whose module only the application has, or whose module needs something only the application has: those
    /// that cannot be made in an empty database.
    fn foreign_modules(&self, listed: &[Listed]) -> Result<BTreeSet<String>> {
        let doing = "try a virtual table";
        let mut foreign = BTreeSet::new();
        for listed in listed.iter().filter(|listed| listed.kind == "virtual") {
            let sql = format!("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = {}", quote_text(&listed.name));
            let empty = Connection::open_in_memory().doing(doing)?;
            // Whatever else is wrong with it is the application's business: its content does not travel.
            let is_foreign = |sql: &String| empty.execute_batch(sql).is_err_and(|error| is_foreign(&error.to_string()));
            if self.texts(doing, &sql)?.iter().any(is_foreign) {
                foreign.insert(listed.name.clone());
            }
        }
        Ok(foreign)
    }

    fn tables(&self) -> Result<Vec<Listed>> {
        let doing = "list the tables";
        let sql = "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name <> 'sqlite_schema' ORDER BY name";
        let mut statement = self.connection.prepare(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok(Listed { name: row.get(0)?, kind: row.get(1)?, without_rowid: row.get(2)? }));
        let all: Vec<Listed> = all.and_then(Iterator::collect).doing(doing)?;
        Ok(all.into_iter().filter(|listed| !is_ours(&listed.name) || listed.name == LIBRARY).collect())
    }

    pub(super) fn foreign_keys(&self, table: &str) -> Result<Vec<DeclaredKey>> {
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
    fn reason(&self, foreign: &BTreeSet<String>) -> Option<UntrackedReason> {
        // SQLite asks the module which tables are its own; one that is not here cannot say.
        let is_shadow = |of: &String| self.name.strip_prefix(of.as_str()).is_some_and(|rest| rest.starts_with('_'));
        match self.kind.as_str() {
            "view" => Some(UntrackedReason::View),
            "virtual" => Some(UntrackedReason::Virtual),
            "shadow" => Some(UntrackedReason::ShadowOfVirtual),
            _ if self.name.starts_with("sqlite_") => Some(UntrackedReason::Internal),
            _ if foreign.iter().any(is_shadow) => Some(UntrackedReason::ShadowOfVirtual),
            _ => None,
        }
    }
}

/// Whether SQLite says that a virtual table needs a module, or a tokenizer of one, that is not here.
fn is_foreign(message: &str) -> bool {
    ["no such module", "unknown tokenizer", "no such tokenizer"].iter().any(|words| message.contains(words))
}

pub(super) struct DeclaredKey {
    pub parent: String,
    on_delete: OnDelete,
    pub from: Vec<String>,
    /// Empty where the declaration names no columns.
    pub to: Vec<String>,
}

/// `local`: columns that stay where they are, and are no more fields than generated ones.
fn shape(listed: &Listed, facts: &Facts, key: &KeyColumns, local: &[&String], declared: Vec<DeclaredKey>) -> Shape {
    let stays = |name: &str| local.iter().any(|local| same_name(local, name));
    let stored = facts.columns.iter().filter(|column| !column.generated && !stays(&column.name));
    let stored: Vec<&str> = stored.map(|column| column.name.as_str()).collect();
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
        numbers: Vec::new(),
        identity_fields: Vec::new(),
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
