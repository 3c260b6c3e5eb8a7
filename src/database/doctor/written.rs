//! Which rules mean nothing in this database? A slip that would go unnoticed for years: rules about columns, tables and triggers that are
//! not there, and SQL that does not run.

use super::super::Database;
use super::super::error::Result;
use super::super::references::same_name;
use super::troubles::Trouble;
use crate::model::Shape;
use crate::rules::{Direction, ReferenceRule, Rules, nearest};

/// A rule that means nothing in this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// Where it stands in `rules.toml`: the keys that lead to it, outermost first.
    pub place: Vec<String>,
    /// What is wrong with it.
    pub trouble: Trouble,
}

impl Database {
    /// Rules that name what is not there or not tracked, and SQL in them that does not run.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn rule_faults(&self, shapes: &[Shape], rules: &Rules) -> Result<Vec<RuleFault>> {
        let mut found = unknown_fields(shapes, rules);
        let tracked = |table: &str| shapes.iter().any(|shape| shape.name == table);
        let names = self.texts("list tables", "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
        for (table, rule) in rules.tables() {
            let columns = self.columns_of(table)?;
            if !tracked(table) && (columns.is_empty() || rule.direction != Direction::None) {
                found.push(unknown_table(table, columns.is_empty(), place(&["tables", table]), &names));
                continue;
            }
            let strangers = rule.local.iter().filter(|column| !columns.iter().any(|one| same_name(one, column)));
            let known = || columns.iter().map(String::as_str);
            found.extend(strangers.map(|column| unknown_field(table, column, place(&["tables", table, "local"]), known())));
            let Some(shape) = shapes.iter().find(|shape| shape.name == table) else { continue };
            for (name, criteria) in &rule.fields {
                let field = shape.field(name).filter(|field| shape.concerns_numbers(*field));
                if let (Some(_), Some(merge)) = (field, criteria.iter().find(|criterion| criterion.is_merge())) {
                    let trouble = Trouble::NoQuantity { table: table.to_owned(), field: name.clone(), word: merge.word() };
                    found.push(RuleFault { place: place(&["tables", table, "fields", name]), trouble });
                }
            }
            for (key, sql) in rule.expressions() {
                if let Some(why) = self.expression_fault(shape, sql)? {
                    let trouble = Trouble::BadSql { table: table.to_owned(), key: key.to_owned(), why };
                    found.push(RuleFault { place: place(&["tables", table, key]), trouble });
                }
            }
        }
        for (table, column, rule) in rules.references() {
            for named in std::iter::once(table).chain(rule.tables()).filter(|named| !tracked(named)) {
                let absent = self.columns_of(named)?.is_empty();
                found.push(unknown_table(named, absent, place(&["references", &format!("{table}.{column}")]), &names));
            }
        }
        found.extend(self.unknown_triggers(rules)?);
        Ok(found)
    }

    fn unknown_triggers(&self, rules: &Rules) -> Result<Vec<RuleFault>> {
        let known = self.texts("list triggers", "SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY name")?;
        let strangers = rules.triggers().filter(|(trigger, _)| !known.iter().any(|name| name == trigger));
        let fault = |trigger: &str| RuleFault {
            place: place(&["triggers", trigger]),
            trouble: Trouble::UnknownRule {
                what: format!("a trigger `{trigger}`"),
                meant: near(trigger, known.iter().map(String::as_str)),
            },
        };
        Ok(strangers.map(|(trigger, _)| fault(trigger)).collect())
    }
}

/// Rules about fields that their tables do not have.
fn unknown_fields(shapes: &[Shape], rules: &Rules) -> Vec<RuleFault> {
    // What is local is no field, and looked for in the table itself.
    let named = rules.tables().flat_map(|(table, rule)| {
        let columns = rule.columns().into_iter().filter(|(key, _)| *key != "local");
        let of = move |(key, column): (&str, &str)| {
            let inner: &[&str] = if key == "fields" { &[key, column] } else { &[key] };
            (table.to_owned(), column.to_owned(), place(&[&["tables", table], inner].concat()))
        };
        columns.map(of).collect::<Vec<_>>()
    });
    let references = rules.references().flat_map(|(table, column, rule)| {
        let kind = match rule {
            ReferenceRule::Typed { type_column, .. } => Some(type_column.as_str()),
            ReferenceRule::Column { .. } | ReferenceRule::Text { .. } | ReferenceRule::Json { .. } => None,
        };
        let at = place(&["references", &format!("{table}.{column}")]);
        std::iter::once(column).chain(kind).map(move |column| (table.to_owned(), column.to_owned(), at.clone())).collect::<Vec<_>>()
    });
    let plain =
        rules.plain().map(|(table, column)| (table.to_owned(), column.to_owned(), place(&["references", &format!("{table}.{column}")])));
    let mut unknown: Vec<RuleFault> = Vec::new();
    for (table, column, at) in named.chain(references).chain(plain) {
        let Some(shape) = shapes.iter().find(|shape| shape.name == table) else { continue };
        if shape.field(&column).is_none() {
            let fault = unknown_field(&table, &column, at, shape.live_fields().map(|field| shape.name_of(field)));
            if !unknown.iter().any(|other| other.trouble == fault.trouble) {
                unknown.push(fault);
            }
        }
    }
    unknown
}

fn unknown_table(table: &str, absent: bool, place: Vec<String>, known: &[String]) -> RuleFault {
    let what = if absent { format!("a table `{table}`") } else { format!("a tracked table `{table}`") };
    let meant = if absent { near(table, known.iter().map(String::as_str)) } else { None };
    RuleFault { place, trouble: Trouble::UnknownRule { what, meant } }
}

fn unknown_field<'k>(table: &str, column: &str, place: Vec<String>, known: impl Iterator<Item = &'k str>) -> RuleFault {
    RuleFault { place, trouble: Trouble::UnknownRule { what: format!("a field `{column}` of `{table}`"), meant: near(column, known) } }
}

fn near<'k>(typed: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    nearest(typed, known).map(str::to_owned)
}

fn place(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}
