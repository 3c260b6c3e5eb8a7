//! Who refers to whom: declared foreign keys, followed by asking SQL, which knows affinities and collations.

use rusqlite::Row as SqlRow;

use super::error::{Doing, Result};
use super::facts::{Affinity, Facts};
use super::plan::{bind, bind_key, column, join, key_at};
use super::{Database, quote};
use crate::model::{FieldNo, ForeignKey, Key, Row, Shape, TableNo};

/// What a record's foreign key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Nothing: a field of it is NULL (or not stated).
    None,
    /// This record.
    Found(TableNo, Key),
    /// The record referred to is not there.
    Missing {
        /// Where it should be.
        table: String,
    },
    /// Into a table that is not tracked or not there at all, or to a record without a usable key: nothing we can say. SQLite lets a program
    /// declare what it never makes, and where nobody enforces foreign keys nobody misses it.
    Elsewhere,
}

impl Database {
    /// Follows one reference of a record.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn referenced(&self, shapes: &[Shape], reference: &ForeignKey, row: &Row) -> Result<Reference> {
        let doing = "follow a reference";
        let values: Vec<_> = reference.fields.iter().map(|field| row.get(*field)).collect();
        if values.iter().any(|value| !value.is_stated() || **value == crate::model::Value::Null) {
            return Ok(Reference::None);
        }
        let missing = || Reference::Missing { table: reference.table.clone() };
        let Some(parent) = named(shapes, &reference.table) else { return Ok(Reference::Elsewhere) };
        let keys = join(", ", parent.key.iter().map(|field| column(parent.name_of(*field))));
        // The column on the left brings its affinity and collation, as foreign keys do.
        let agrees = join(" AND ", (1..).zip(&reference.columns).map(|(n, name): (usize, _)| format!("{} = ?{n}", column(name))));
        let sql = format!("SELECT {keys} FROM {} AS r WHERE {agrees}", quote(&parent.name));
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        bind(&mut statement, 1, values)?;
        let mut rows = statement.raw_query();
        let Some(found) = rows.next().doing(doing)? else { return Ok(missing()) };
        let key = key_at(found, 0..parent.key.len()).doing(doing)?;
        Ok(key.map_or(Reference::Elsewhere, |key| Reference::Found(parent.number, key)))
    }

    /// Up to `limit` records whose declared foreign keys lead to this one, by table and reference. A record that refers
    /// twice is there once per reference; one that refers to itself is there too.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn dependants(&self, shapes: &[Shape], shape: &Shape, key: &Key, limit: usize) -> Result<Vec<(TableNo, Key)>> {
        let mut found = Vec::new();
        for child in shapes {
            for reference in child.references.iter().filter(|reference| same_name(&reference.table, &shape.name)) {
                self.referring(shape, key, child, reference, limit, &mut found)?;
                if found.len() >= limit {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    fn referring(
        &self,
        shape: &Shape,
        key: &Key,
        child: &Shape,
        reference: &ForeignKey,
        limit: usize,
        found: &mut Vec<(TableNo, Key)>,
    ) -> Result<()> {
        let doing = "look for records that refer to one";
        let of_child = |name: &str| format!("c.{}", quote(name));
        let keys = join(", ", child.key.iter().map(|field| of_child(child.name_of(*field))));
        let (parents, children) = (self.plan(shape)?, self.plan(child)?);
        let pair = |(theirs, field): (&String, &FieldNo)| {
            let name = child.name_of(*field);
            let affinity =
                |facts: &Facts, name: &str| facts.columns.iter().find(|column| same_name(&column.name, name)).map(|column| column.affinity);
            let parent = affinity(&parents.facts, theirs);
            // A foreign key gives the parent's affinity to the child's value. A comparison does so too where the parent is
            // numeric or both are alike; else the child's own affinity must be taken away, at the price of its index.
            let alike = parent == Some(Affinity::Numeric) || parent == affinity(&children.facts, name);
            format!("{} = {}{}", column(theirs), if alike { "" } else { "+" }, of_child(name))
        };
        let agrees = join(" AND ", reference.columns.iter().zip(&reference.fields).map(pair));
        let exact = &parents.matches_key;
        let limited = shape.key.len() + 1;
        // CROSS JOIN keeps the one record outside and the index of the child inside.
        let sql = format!(
            "SELECT {keys} FROM {} AS r CROSS JOIN {} AS c ON {agrees} WHERE {exact} LIMIT ?{limited}",
            quote(&shape.name),
            quote(&child.name)
        );
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        let next = bind_key(&mut statement, key)?;
        let room = limit.saturating_sub(found.len());
        statement.raw_bind_parameter(next, i64::try_from(room).unwrap_or(i64::MAX)).doing(doing)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().doing(doing)? {
            // A record without a usable key is nobody's: it can be neither named nor held.
            found.extend(child_key(row, child).doing(doing)?.map(|key| (child.number, key)));
        }
        Ok(())
    }
}

fn child_key(row: &SqlRow<'_>, child: &Shape) -> rusqlite::Result<Option<Key>> {
    Ok(key_at(row, 0..child.key.len())?.ok())
}

fn named<'s>(shapes: &'s [Shape], name: &str) -> Option<&'s Shape> {
    shapes.iter().find(|shape| same_name(&shape.name, name))
}

/// SQLite compares names of tables without ASCII case.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
