//! Makes this database have the schema that another site tells, with its records, and whatever else is only here.
//!
//! **States**: told → *planned* ([`plan`]: what is here against what is told) → *carried out*, all of it inside the caller's one
//! transaction, or refused with nothing done. **Crash points**: none of its own: the caller's commit is the only one.
//! **Invariants.** No record and no value goes that the caller did not name as ended. Tables and columns that nobody told stay, also
//! when their table is remade. Afterwards the plan is made again, and is empty but for indexes that records are in the way of: else it is refused.
//! **Worst mistake this is built against**: a rename that is carried out as a drop and an add. So nothing is guessed here:
//! which table and column of this database is which told one, the caller says ([`Wish`]); what is not said goes by its name.
//!
//! The order is that of <https://sqlite.org/lang_altertable.html#otheralter>: foreign keys are off on our connection, views and triggers
//! are out of the way while tables change, and what refers to nothing is counted before and after.
//!
//! An empty value in a column that must have one from now on, and a new such column without a default, are filled ([`fillers`]). Refusing would wait for ever: the values come with the records that follow. For the same reason a unique index that
//! records are in the way of is left out and *late*: what makes them unique may follow too.

mod carry_out;
mod comparing;
mod culprits;
mod fillers;
mod inventory;
mod own_things;
mod plan;
mod renamed;
mod required;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use carry_out::Conformed;
pub use inventory::Inventory;
pub use plan::Plan;
pub use required::Required;

use super::{Database, Result, SchemaDump, UntrackedReason};
use crate::rules::Rules;

/// The schema to reach, and who is who.
#[derive(Clone, Debug)]
pub struct Wish<'w> {
    /// As it is told.
    pub schema: &'w SchemaDump,
    /// As it was told the time before: an index, a view or a trigger that was in it and is told no more goes. None the first time.
    pub before: Option<&'w SchemaDump>,
    /// Told tables that are here, by their told name. One that is not listed is the table of that name here, or new.
    pub tables: BTreeMap<String, Names>,
    /// Tables here that go.
    pub ended: BTreeSet<String>,
}

/// What a told table is called here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The table.
    pub here: String,
    /// Its columns by their told names. One that is not listed is the column of that name here, or new.
    pub columns: BTreeMap<String, String>,
    /// Columns here that go.
    pub ended: BTreeSet<String>,
    /// Columns here that were told and are told no more, and stay with what is in them. They may be empty from now on.
    pub left: BTreeSet<String>,
}

/// Why a schema cannot be had here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A table is to get a name that a table of this site's own has.
    #[error(
        "table `{table}` is called `{name}` from now on, and this site has a table `{name}` of its own: give that one another name here"
    )]
    TableInTheWay {
        /// Its name here.
        table: String,
        /// Its name from now on.
        name: String,
    },
    /// A new table has the name of one of this site's own that is another one.
    #[error("table `{table}` is new, and this site has a table `{table}` of its own with another key: give that one another name here")]
    OtherTable {
        /// The name of both.
        table: String,
    },
    /// A column is to get a name that a column of this site's own has.
    #[error("column `{column}` of `{table}` is this site's own, and another one gets its name: give it another name here")]
    ColumnInTheWay {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Records here are not what the new schema allows.
    #[error("records of `{table}` here are not what its new schema allows ({message}): change {named} here")]
    Records {
        /// The table.
        table: String,
        /// Some of them by their keys, as words.
        named: String,
        /// SQLite's words.
        message: String,
    },
    /// Records would refer to nothing.
    #[error("records of `{table}` would refer to records of `{parent}` that are not here: change {named} here")]
    References {
        /// Some of them by their keys, as words.
        named: String,
        /// The table.
        table: String,
        /// The table they refer to.
        parent: String,
    },
    /// A statement does not run here.
    #[error("{what} cannot be made here: {message}")]
    Statement {
        /// What it makes.
        what: String,
        /// SQLite's words.
        message: String,
    },
    /// All steps were done, and it is not what it should be.
    #[error("what was made is not what was told: {0}")]
    Otherwise(String),
}

impl Refused {
    /// Whether other records would do: those that come with the schema, or somebody's edits.
    #[must_use]
    pub const fn is_about_records(&self) -> bool {
        match self {
            Self::Records { .. } | Self::References { .. } => true,
            Self::TableInTheWay { .. }
            | Self::OtherTable { .. }
            | Self::ColumnInTheWay { .. }
            | Self::Statement { .. }
            | Self::Otherwise(_) => false,
        }
    }
}

impl Database {
    /// What would have to be done here.
    ///
    /// # Errors
    /// [`super::DatabaseError::Schema`] where the told schema cannot be built, and as SQLite says.
    pub fn plan_to(&self, wish: &Wish<'_>) -> Result<std::result::Result<Plan, Refused>> {
        let told = Inventory::of(wish.schema)?;
        let before = wish.before.map(Inventory::of).transpose()?;
        plan::plan(&self.inventory()?, &told, before.as_ref(), wish)
    }

    /// Virtual tables that the told schema does not have, nor the one that was told before, a sentence each: no plan touches them. Those
    /// of a module that only the application has are in no told schema, and in no such list.
    ///
    /// # Errors
    /// [`super::DatabaseError::Schema`] where the told schema cannot be built, and as SQLite says.
    pub fn virtual_only_here(&self, wish: &Wish<'_>) -> Result<Vec<String>> {
        let told = Inventory::of(wish.schema)?;
        let before = wish.before.map(Inventory::of).transpose()?;
        let foreign = self.foreign_tables()?;
        let is_told = |name: &str| told.table(name).is_some() || before.as_ref().is_some_and(|before| before.table(name).is_some());
        let own = self.inventory()?;
        let lone = own.tables.iter().filter(|table| table.is_virtual() && !is_told(&table.name) && !foreign.contains(&table.name));
        Ok(lone.map(|table| format!("virtual table `{}` is only here and not at the main office: it stays as it is", table.name)).collect())
    }

    /// Tables and columns that the told schema does not have and that stay, a sentence each; virtual tables left aside.
    ///
    /// # Errors
    /// [`super::DatabaseError::Schema`] where the told schema cannot be built, and as SQLite says.
    pub fn only_here(&self, wish: &Wish<'_>) -> Result<Vec<String>> {
        let told = Inventory::of(wish.schema)?;
        let has = |names: &BTreeSet<String>, name: &str| names.iter().any(|one| same_name(one, name));
        let stays = |what: String| format!("{what} is only here and not at the main office: it stays as it is");
        let mut all = Vec::new();
        for table in self.inventory()?.tables.iter().filter(|table| !table.is_virtual() && !has(&wish.ended, &table.name)) {
            let names = wish.tables.iter().find(|(_, names)| same_name(&names.here, &table.name));
            let Some(there) = told.table(names.map_or(&table.name, |(name, _)| name)) else {
                all.push(stays(format!("table `{}`", table.name)));
                continue;
            };
            let is_told = |name: &str| {
                let named =
                    names.is_some_and(|(_, names)| names.columns.values().any(|here| same_name(here, name)) || has(&names.ended, name));
                named || there.column(name).is_some()
            };
            let own = table.stored().filter(|column| !is_told(&column.name));
            all.extend(own.map(|column| stays(format!("column `{}` of `{}`", column.name, table.name))));
        }
        all.sort();
        Ok(all)
    }
}

impl Database {
    /// Virtual tables that keep what is in them by themselves, and are told and empty here, a sentence each.
    ///
    /// # Errors
    /// [`super::DatabaseError::Schema`] where the told schema cannot be built, and as SQLite says.
    pub fn virtual_empty(&self, wish: &Wish<'_>) -> Result<Vec<String>> {
        let (told, own) = (Inventory::of(wish.schema)?, self.inventory()?);
        let is_told_empty = |name: &str| told.table(name).is_some() && self.is_empty(name);
        let empty = own.tables.iter().filter(|table| table.keeps_content() && is_told_empty(&table.name));
        Ok(empty.map(|table| comes_empty(&table.name)).collect())
    }

    /// What is empty in a database that was just built, because it does not travel: virtual tables that keep what is in them by themselves,
    /// and tables in which nothing names a record, a sentence each.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn came_empty(&self, rules: &Rules) -> Result<Vec<String>> {
        let own = self.inventory()?;
        let kept = own.tables.iter().filter(|table| table.keeps_content() && self.is_empty(&table.name));
        let mut lines: Vec<String> = kept.map(|table| comes_empty(&table.name)).collect();
        let why = UntrackedReason::NoKey;
        let keyless = self.survey(rules)?.untracked.into_iter().filter(|one| one.reason == why && self.is_empty(&one.name));
        let mut names: Vec<String> = keyless.map(|one| one.name).collect();
        names.sort();
        lines.extend(match names.as_slice() {
            [] => None,
            [one] => Some(format!("table `{one}` is empty here: {why}, so what is in it at the main office does not travel")),
            [first @ .., last] => Some(format!(
                "tables `{}` and `{last}` are empty here: {}, so what is in them at the main office does not travel",
                first.join("`, `"),
                why.to_string().replacen("it has", "they have", 1)
            )),
        });
        Ok(lines)
    }

    /// Whether nothing is in a table. One that does not run here nobody can say anything of.
    fn is_empty(&self, table: &str) -> bool {
        let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", super::quote(table));
        self.connection.query_row(&sql, [], |row| row.get(0)).unwrap_or(false)
    }
}

/// What is to be said of a virtual table that comes with a schema.
fn comes_empty(table: &str) -> String {
    format!("virtual table `{table}` is empty here: what is in it at the main office does not travel, let the application fill it")
}

impl Wish<'_> {
    /// What would have to be done in a database that has the schema that was told before and nothing else.
    ///
    /// # Errors
    /// [`super::DatabaseError::Schema`] where a schema cannot be built.
    pub fn differences(&self) -> Result<std::result::Result<Plan, Refused>> {
        let before = Inventory::of(self.before.unwrap_or(&SchemaDump::default()))?;
        plan::plan(&before, &Inventory::of(self.schema)?, Some(&before), self)
    }
}

/// SQLite compares names without ASCII case.
fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
