//! What could hurt: damage, references that lead nowhere, changes of numbers that would be slow, rules that mean nothing.

use std::collections::BTreeMap;

use super::super::error::{Doing, Result};
use super::super::references::same_name;
use super::super::{Database, quote, quote_text};
use super::likely::listed;
use crate::model::{FieldNo, KeyKind, Shape};
use crate::rules::{ReferenceRule, Rules};

/// Most lines of an integrity check.
const LINES: usize = 20;

/// What could hurt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// SQLite finds the file damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A record that its own table would refuse today.
    #[error("a record breaks a constraint of its own table: {0}")]
    Unlawful(String),
    /// SQLite cannot say whether it is.
    #[error("`{table}` could not be checked for damage: {why}")]
    Unchecked {
        /// The table.
        table: String,
        /// What is in the way.
        why: String,
    },
    /// Records whose parent is not there.
    #[error("`{table}` refers to records of `{parent}` that are not there, {count} × (PRAGMA foreign_key_check)")]
    Orphans {
        /// The table.
        table: String,
        /// What they refer to.
        parent: String,
        /// How many.
        count: u64,
    },
    /// A foreign key that SQLite cannot follow.
    #[error("a foreign key of `{table}` cannot be followed: {why}")]
    BadForeignKey {
        /// The table.
        table: String,
        /// SQLite's words.
        why: String,
    },
    /// A rule about something that is not there.
    #[error("rules.toml speaks of {what}, and there is none{}", meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")))]
    UnknownRule {
        /// What it names.
        what: String,
        /// What may be meant.
        meant: Option<String>,
    },
    /// A rule that merges what cannot be merged.
    #[error("`{word}` never decides about `{field}` of `{table}`: it holds the number of a record, and nothing lies between two records")]
    NoQuantity {
        /// The table.
        table: String,
        /// Its field.
        field: String,
        /// The criterion.
        word: &'static str,
    },
    /// SQL in the rules that does not run.
    #[error("`{key}` of `{table}` in rules.toml does not run here: {why}")]
    BadSql {
        /// The table.
        table: String,
        /// The rule.
        key: String,
        /// SQLite's words.
        why: String,
    },
    /// Following a change of a number means reading the whole table.
    #[error("no index begins with {fields} of `{table}`: when a number of `{parent}` changes, all of `{table}` is read")]
    NoIndex {
        /// The table.
        table: String,
        /// Its fields.
        fields: String,
        /// What they refer to.
        parent: String,
    },
    /// A number can come to mean another record.
    #[error("without AUTOINCREMENT the application may give the number of a deleted record again: {}", names(.0))]
    Reused(Vec<String>),
    /// Numbers that the application counts itself.
    #[error("the application seems to count the records of {} itself, for the key is a whole number and no INTEGER PRIMARY KEY: records of two sites \
        that get the same number become one, with a conflict", names(.0))]
    Counted(Vec<String>),
    /// An index for searching texts that nobody keeps.
    #[error("no trigger keeps the virtual table `{0}`: at other sites it does not hear of records that arrive")]
    Unkept(String),
}

fn names(tables: &[String]) -> String {
    let quoted: Vec<String> = tables.iter().map(|table| format!("`{table}`")).collect();
    quoted.join(", ")
}

impl Trouble {
    /// What a line of `PRAGMA integrity_check` means: constraints that were not enforced when a record was written, or a file whose
    /// pages do not fit together.
    fn of_check(line: String) -> Option<Self> {
        const OF_RECORDS: [&str; 2] = ["CHECK constraint failed in ", "NULL value in "];
        match line.as_str() {
            "ok" => None,
            text if OF_RECORDS.iter().any(|start| text.starts_with(start)) => Some(Self::Unlawful(line)),
            // STRICT tables: `non-INTEGER value in t.c`, `TEXT value in t.c`.
            text if text.contains(" value in ") => Some(Self::Unlawful(line)),
            _ => Some(Self::Damaged(line)),
        }
    }

    /// Whether a person must do something, rather than know it.
    #[must_use]
    pub const fn wants_a_person(&self) -> bool {
        match self {
            Self::Damaged(_)
            | Self::Orphans { .. }
            | Self::BadForeignKey { .. }
            | Self::UnknownRule { .. }
            | Self::NoQuantity { .. }
            | Self::BadSql { .. } => true,
            Self::Unlawful(_) | Self::Unchecked { .. } | Self::NoIndex { .. } | Self::Reused(_) | Self::Counted(_) | Self::Unkept(_) => {
                false
            }
        }
    }
}

impl Database {
    /// What `PRAGMA integrity_check` finds.
    ///
    /// # Errors
    /// Where the database cannot be read at all.
    pub fn damage(&self) -> Result<Vec<Trouble>> {
        let check = |sql: &str| -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        if let Ok(lines) = check(&format!("PRAGMA integrity_check({LINES})")) {
            return Ok(lines.into_iter().filter_map(Trouble::of_check).collect());
        }
        // A function or collation of the application is in the way somewhere: table by table.
        let mut troubles = Vec::new();
        for table in self.plain_tables()? {
            match check(&format!("PRAGMA integrity_check({})", quote_text(&table))) {
                Ok(lines) => troubles.extend(lines.into_iter().filter_map(Trouble::of_check)),
                Err(error) => troubles.push(Trouble::Unchecked { table, why: error.to_string() }),
            }
        }
        Ok(troubles)
    }

    /// What `PRAGMA foreign_key_check` finds, per table and parent.
    pub(super) fn orphans(&self) -> Result<Vec<Trouble>> {
        let mut troubles = Vec::new();
        for table in self.plain_tables()? {
            let sql = format!("SELECT parent, count(*) FROM pragma_foreign_key_check({}) GROUP BY parent", quote_text(&table));
            let read = self.connection.prepare(&sql).and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?.collect::<rusqlite::Result<Vec<_>>>()
            });
            match read {
                Ok(found) => troubles.extend(found.into_iter().map(|(parent, count)| {
                    let (table, count) = (table.clone(), count.cast_unsigned());
                    Trouble::Orphans { table, parent, count }
                })),
                Err(error) => troubles.push(Trouble::BadForeignKey { table, why: error.to_string() }),
            }
        }
        Ok(troubles)
    }

    fn plain_tables(&self) -> Result<Vec<String>> {
        let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) <> 'sqlite_' \
            AND substr(name, 1, 11) <> '_fieldpost_' ORDER BY name";
        self.texts("list the tables", sql)
    }

    /// References to handed-out keys whose fields no index begins with; declared ones and those of the rules.
    pub(super) fn slow_references(&self, shapes: &[Shape], rules: &Rules) -> Result<Vec<Trouble>> {
        let mut slow = Vec::new();
        let assigned = |table: &str| shapes.iter().find(|shape| same_name(&shape.name, table) && shape.key_kind == KeyKind::Assigned);
        for shape in shapes {
            let mut all: Vec<(Vec<FieldNo>, String)> = Vec::new();
            for reference in &shape.references {
                all.extend(assigned(&reference.table).map(|parent| (reference.fields.clone(), parent.name.clone())));
            }
            for (_, column, rule) in rules.references().filter(|(table, _, _)| *table == shape.name) {
                if let (ReferenceRule::Column { table }, Some(field)) = (rule, shape.field(column)) {
                    all.extend(assigned(table).map(|parent| (vec![field], parent.name.clone())));
                }
            }
            for (fields, parent) in all {
                if !self.has_index(shape, &fields)? {
                    slow.push(Trouble::NoIndex { table: shape.name.clone(), fields: listed(shape, &fields), parent });
                }
            }
        }
        slow.sort_by_key(ToString::to_string);
        slow.dedup();
        Ok(slow)
    }

    /// Whether the first field of a reference is the first of an index or of the key.
    fn has_index(&self, shape: &Shape, fields: &[FieldNo]) -> Result<bool> {
        if shape.key.first() == fields.first() && fields.len() == 1 {
            return Ok(true);
        }
        let sql = "SELECT count(*) FROM pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS x WHERE x.seqno = 0 AND x.name = ?2 AND NOT i.partial";
        let first = fields.first().map_or("", |field| shape.name_of(*field));
        let mut statement = self.connection.prepare_cached(sql).doing("look for an index")?;
        statement.query_row([&shape.name, first], |row| row.get::<_, i64>(0)).doing("look for an index").map(|count| count > 0)
    }

    /// Handed-out keys that can be given twice.
    pub(super) fn reused_numbers(&self, shapes: &[Shape]) -> Result<Option<Trouble>> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND instr(upper(sql), 'AUTOINCREMENT') > 0";
        let safe = self.texts("look for AUTOINCREMENT", sql)?;
        let reused = shapes.iter().filter(|shape| shape.key_kind == KeyKind::Assigned && !safe.contains(&shape.name));
        let mut reused: Vec<String> = reused.map(|shape| shape.name.clone()).collect();
        reused.sort();
        Ok((!reused.is_empty()).then_some(Trouble::Reused(reused)))
    }

    /// Keys that are no handed-out numbers and look like numbers that somebody counts: from somewhere on, with few gaps.
    pub(super) fn counted_numbers(&self, shapes: &[Shape]) -> Result<Option<Trouble>> {
        let doing = "look for numbers that somebody counts";
        let mut counted = Vec::new();
        for shape in shapes.iter().filter(|shape| shape.key_kind == KeyKind::Natural) {
            let [key] = shape.key[..] else { continue };
            if shape.references.iter().any(|reference| reference.fields.contains(&key)) {
                continue;
            }
            let (key, table) = (quote(shape.name_of(key)), quote(&shape.name));
            let sql = format!(
                "SELECT count(*) > 1 AND min(typeof({key}) = 'integer') AND max({key}) - min({key}) < 4 * count(*) FROM {table} HAVING count(*) > 0"
            );
            let mut statement = self.connection.prepare(&sql).doing(doing)?;
            let mut rows = statement.query([]).doing(doing)?;
            if rows.next().doing(doing)?.map(|row| row.get(0)).transpose().doing(doing)? == Some(true) {
                counted.push(shape.name.clone());
            }
        }
        counted.sort();
        Ok((!counted.is_empty()).then_some(Trouble::Counted(counted)))
    }

    /// Virtual tables that no trigger writes.
    pub(super) fn unkept(&self, writes: &BTreeMap<String, Vec<String>>) -> Result<Vec<Trouble>> {
        let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual' ORDER BY name";
        let all = self.texts("list virtual tables", sql)?;
        let kept = |table: &String| writes.values().flatten().any(|written| same_name(written, table));
        // Some only show what is elsewhere: the words of an index, say.
        let writable = |table: &String| {
            let facts = super::super::facts::Facts::read(&self.connection, table);
            let columns = facts
                .map(|facts| facts.columns.iter().filter(|column| !column.generated).map(|column| quote(&column.name)).collect::<Vec<_>>());
            let sql = columns.map(|columns| {
                format!("INSERT INTO {}({}) VALUES({})", quote(table), columns.join(", "), vec!["NULL"; columns.len()].join(", "))
            });
            sql.is_ok_and(|sql| self.connection.prepare(&sql).is_ok())
        };
        Ok(all.into_iter().filter(|table| !kept(table) && writable(table)).map(Trouble::Unkept).collect())
    }
}
