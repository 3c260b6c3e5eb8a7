//! Which rules mean nothing in this database? A slip that would go unnoticed for years: rules about columns, tables and triggers that are
//! not there, and SQL that does not run.

use super::super::Database;
use super::super::error::Result;
use super::super::references::same_name;
use super::troubles::Trouble;
use crate::model::Shape;
use crate::rules::{Direction, ReferenceRule, Rules, nearest};

impl Database {
    /// Rules of tracked tables, and of what is local, that name what is not there or do not run.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn rule_faults(&self, shapes: &[Shape], rules: &Rules) -> Result<Vec<Trouble>> {
        let mut found = unknown_fields(shapes, rules);
        for (table, rule) in rules.tables() {
            let columns = self.columns_of(table)?;
            if rule.direction == Direction::None && columns.is_empty() {
                found.push(Trouble::UnknownRule { what: format!("a table `{table}`"), meant: None });
                continue;
            }
            let strangers = rule.local.iter().filter(|column| !columns.iter().any(|one| same_name(one, column)));
            found.extend(strangers.map(|column| unknown_field(table, column, columns.iter().map(String::as_str))));
            let Some(shape) = shapes.iter().find(|shape| shape.name == table) else { continue };
            for (key, sql) in rule.expressions() {
                if let Some(why) = self.expression_fault(shape, sql)? {
                    found.push(Trouble::BadSql { table: table.to_owned(), key: key.to_owned(), why });
                }
            }
        }
        Ok(found)
    }
}

/// Rules about fields that their tables do not have.
fn unknown_fields(shapes: &[Shape], rules: &Rules) -> Vec<Trouble> {
    // What is local is no field, and looked for in the table itself.
    let named = rules.tables().flat_map(|(table, rule)| {
        let columns = rule.columns().into_iter().filter(|(key, _)| *key != "local");
        columns.map(move |(_, column)| (table, column)).collect::<Vec<_>>()
    });
    let references = rules.references().flat_map(|(table, column, rule)| {
        let kind = match rule {
            ReferenceRule::Typed { type_column, .. } => Some((table, type_column.as_str())),
            ReferenceRule::Column { .. } | ReferenceRule::Text { .. } | ReferenceRule::Json { .. } => None,
        };
        std::iter::once((table, column)).chain(kind)
    });
    let mut unknown: Vec<Trouble> = Vec::new();
    for (table, column) in named.chain(references) {
        let Some(shape) = shapes.iter().find(|shape| shape.name == table) else { continue };
        if shape.field(column).is_none() {
            let trouble = unknown_field(table, column, shape.live_fields().map(|field| shape.name_of(field)));
            if !unknown.contains(&trouble) {
                unknown.push(trouble);
            }
        }
    }
    unknown
}

fn unknown_field<'k>(table: &str, column: &str, known: impl Iterator<Item = &'k str>) -> Trouble {
    let meant = nearest(column, known).map(str::to_owned);
    Trouble::UnknownRule { what: format!("a field `{column}` of `{table}`"), meant }
}

/// Rules about tables and triggers that are not there.
pub(super) fn unknown_rules(shapes: &[Shape], untracked: &[String], triggers: &[&str], rules: &Rules) -> Vec<Trouble> {
    let tables: Vec<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
    let mut named: Vec<&str> = rules.tables().map(|(table, _)| table).collect();
    named.extend(rules.references().flat_map(|(table, _, rule)| std::iter::once(table).chain(rule.tables())));
    named.sort_unstable();
    named.dedup();
    let unknown = named.into_iter().filter(|table| !tables.contains(table) && !untracked.iter().any(|other| other == table));
    let complain = |kind: &str, typed: &str, known: &[&str]| {
        let meant = nearest(typed, known.iter().copied()).map(str::to_owned);
        Trouble::UnknownRule { what: format!("a {kind} `{typed}`"), meant }
    };
    let mut found: Vec<Trouble> = unknown.map(|table| complain("table", table, &tables)).collect();
    let strangers = rules.triggers().filter(|(trigger, _)| !triggers.contains(trigger));
    found.extend(strangers.map(|(trigger, _)| complain("trigger", trigger, triggers)));
    found
}
