//! What does a table need that only the application has: functions, collations, modules?
//!
//! An application may teach its own connection functions (`REGEXP` is one) and collations. Ours does not know them:
//!
//! | the application's own … | in | so |
//! |---|---|---|
//! | function | CHECK | we stand in with NULL, which passes: arriving records are not checked |
//! | function | default | we stand in with NULL: it is asked only for fields that a record comes without |
//! | function | index, generated column, WHERE of an index | the table cannot be written, nor tracked |
//! | collation | index, key, CHECK, generated column | likewise; a wrong order would damage the index |
//! | collation | column without an index | nothing: we compare exactly |
//!
//! Found out by preparing statements on a connection of its own that has no stand-ins. Nothing is run.

use std::cell::OnceCell;
use std::rc::Rc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{Doing, Result};
use super::facts::Facts;
use super::silence::{missing_function, stub};
use super::{Database, UntrackedReason, is_ours, quote};

/// Functions of the application that one table may lack; more is a schema we give up on.
pub(super) const MOST_FUNCTIONS: usize = 64;

/// What we can do with a table, its triggers aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ability {
    /// Why it cannot be written at all.
    pub refusal: Option<UntrackedReason>,
    /// Functions that only its CHECKs lack.
    pub checks: Vec<String>,
    /// Functions that only its defaults lack.
    pub defaults: Vec<String>,
}

/// Looks at tables one after another; opens its connection when the first one is not known yet.
pub(super) struct Tester<'d> {
    database: &'d Database,
    plain: OnceCell<Connection>,
}

impl Database {
    pub(super) const fn tester(&self) -> Tester<'_> {
        Tester { database: self, plain: OnceCell::new() }
    }

    /// Makes a function that says NULL; without it not even a statement with good values could be prepared.
    pub(super) fn stand_in(&self, function: &str) -> rusqlite::Result<()> {
        if self.stubs.borrow_mut().insert(function.to_ascii_lowercase()) { stub(&self.connection, function) } else { Ok(()) }
    }

    /// A second connection without stand-ins, foreign keys and triggers.
    fn bare_connection(&self) -> Result<Connection> {
        let doing = "open the database a second time";
        let connection = Connection::open_with_flags(&self.path, self.opened.flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).doing(doing)?;
        connection.busy_timeout(self.wait).doing(doing)?;
        connection.pragma_update(None, "foreign_keys", false).doing(doing)?;
        connection.pragma_update(None, "query_only", true).doing(doing)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).doing(doing)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, self.opened.keeps_wal).doing(doing)?;
        Ok(connection)
    }
}

impl Tester<'_> {
    /// What we can do with a table; found out once per schema. Stand-ins it needs are there afterwards.
    pub(super) fn ability(&self, table: &str, facts: &Facts) -> Result<Rc<Ability>> {
        // Ours lacks nothing, and where it was made in the open transaction no second connection sees it.
        if is_ours(table) {
            return Ok(Rc::default());
        }
        if let Some(known) = self.database.abilities.borrow().get(table) {
            return Ok(Rc::clone(known));
        }
        let ability = Rc::new(self.test(table, facts)?);
        for function in ability.checks.iter().chain(&ability.defaults) {
            self.database.stand_in(function).doing("stand in for a function")?;
        }
        self.database.abilities.borrow_mut().insert(table.to_owned(), Rc::clone(&ability));
        Ok(ability)
    }

    fn test(&self, table: &str, facts: &Facts) -> Result<Ability> {
        if self.plain.get().is_none() {
            // Nobody else sets it: this is not shared.
            drop(self.plain.set(self.database.bare_connection()?));
        }
        let plain = self.plain.get().expect("it was just set");
        let all = statements(table, facts);
        let default = format!("INSERT INTO {} DEFAULT VALUES", quote(table));
        if prepare(plain, all.iter().chain([&default])).is_ok() {
            return Ok(Ability::default());
        }
        let doing = "turn checks off";
        plain.pragma_update(None, "ignore_check_constraints", true).doing(doing)?;
        let without_checks = prepare(plain, &all);
        plain.pragma_update(None, "ignore_check_constraints", false).doing(doing)?;
        if let Err(error) = without_checks {
            return Ok(Ability { refusal: Some(reason(error)), ..Ability::default() });
        }
        let stubbed = self.database.bare_connection()?;
        let mut ability = Ability::default();
        for (sql, lacks) in [(&all[..], &mut ability.checks), (std::slice::from_ref(&default), &mut ability.defaults)] {
            while let Err(error) = prepare(&stubbed, sql) {
                let Some(function) = missing_function(&error).filter(|_| lacks.len() < MOST_FUNCTIONS) else {
                    return Ok(Ability { refusal: Some(reason(error)), ..Ability::default() });
                };
                stub(&stubbed, &function).doing("stand in for a function")?;
                lacks.push(function);
            }
        }
        Ok(ability)
    }
}

fn prepare<'s>(connection: &Connection, all: impl IntoIterator<Item = &'s String>) -> std::result::Result<(), String> {
    all.into_iter().try_for_each(|sql| connection.prepare(sql).map(drop).map_err(|error| error.to_string()))
}

fn reason(error: String) -> UntrackedReason {
    if let Some(function) = missing_function(&error) {
        return UntrackedReason::UnknownFunction(function);
    }
    missing_collation(&error).map_or(UntrackedReason::Unwritable(error), UntrackedReason::UnknownCollation)
}

/// The name in `no such collation sequence: x`.
pub(super) fn missing_collation(message: &str) -> Option<String> {
    let (_, name) = message.split_once("no such collation sequence: ")?;
    Some(name.split(" in ").next().unwrap_or(name).to_owned())
}

/// One statement of each kind. The insert and the update name every column, so that no default is asked and every `UPDATE OF` is.
pub(super) fn statements(table: &str, facts: &Facts) -> Vec<String> {
    let table = quote(table);
    let stored: Vec<String> = facts.columns.iter().filter(|column| !column.generated).map(|column| quote(&column.name)).collect();
    let nulls = vec!["NULL"; stored.len()].join(", ");
    let sets: Vec<String> = stored.iter().map(|name| format!("{name} = NULL")).collect();
    vec![
        format!("INSERT INTO {table}({}) VALUES({nulls})", stored.join(", ")),
        format!("UPDATE {table} SET {}", sets.join(", ")),
        format!("DELETE FROM {table}"),
    ]
}
