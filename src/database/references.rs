//! Who refers to whom: declared foreign keys, followed by asking SQL, which knows affinities and collations.

use rusqlite::Row as SqlRow;

use super::customs::{Said, said};
use super::error::{Doing, Result};
use super::facts::{Affinity, Facts};
use super::plan::{bind, bind_key, column, join, key_at};
use super::survey::DeclaredKey;
use super::{Database, quote};
use crate::model::{FieldNo, ForeignKey, Key, Row, Shape, TableNo, Value};

/// Most values that one question asks for: SQLite binds no more than 32,766.
const VALUES: usize = 10_000;

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
        if values.iter().any(|value| !value.is_stated() || **value == Value::Null) {
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
        let (keys, agrees) = (keys_of(child), self.agrees(shape, child, reference)?);
        let exact = &self.plan(shape)?.matches_key;
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

    /// Which of the records that are no more others refer to still, by what they had in the columns of a reference: the place in the list, one of
    /// those that refer, and how many they are. Many are asked for at once: where no index helps, each question reads the whole table. A value
    /// that is not of its column's type (a text in a column of numbers) is not asked for.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn referring_still(
        &self,
        shape: &Shape,
        child: &Shape,
        reference: &ForeignKey,
        ended: &[Vec<&Value>],
    ) -> Result<Vec<(usize, Key, u64)>> {
        let doing = "look for records that refer to deleted ones";
        let (keys, agrees) = (keys_of(child), self.agrees(shape, child, reference)?);
        let facts = &self.plan(shape)?.facts;
        let affinities: Vec<Option<Affinity>> = reference.columns.iter().map(|name| affinity(facts, name)).collect();
        let fits = |(value, affinity): (&&Value, &Option<Affinity>)| match affinity {
            Some(Affinity::Numeric) => matches!(value, Value::Integer(_) | Value::Real(_)),
            Some(Affinity::Text) => matches!(value, Value::Text(_)),
            Some(Affinity::Blob) | None => !matches!(value, Value::Absent | Value::Null),
        };
        let asked: Vec<(usize, &Vec<&Value>)> =
            ended.iter().enumerate().filter(|(_, values)| values.iter().zip(&affinities).all(fits)).collect();
        let columns = join(", ", reference.columns.iter().map(|name| quote(name)));
        // The table itself gives the columns of `r` their affinities and collations, as foreign keys do, where all that is in them is of that type.
        let typed = join(
            ", ",
            (2..).zip(&affinities).map(|(n, affinity): (usize, _)| match affinity {
                Some(Affinity::Numeric) => format!("CAST(column{n} AS NUMERIC)"),
                Some(Affinity::Text) => format!("CAST(column{n} AS TEXT)"),
                Some(Affinity::Blob) | None => format!("column{n}"),
            }),
        );
        let (table, of_child) = (quote(&shape.name), quote(&child.name));
        let mut found = Vec::new();
        for asked in asked.chunks(VALUES / affinities.len().max(1)) {
            let each = join(", ", asked.iter().map(|(place, values)| format!("({place}{})", ", ?".repeat(values.len()))));
            let sql = format!(
                "WITH r(_fieldpost_n, {columns}) AS MATERIALIZED
                     (SELECT -1, {columns} FROM {table} WHERE 0 UNION ALL SELECT column1, {typed} FROM (VALUES {each}))
                 SELECT r._fieldpost_n, count(*), {keys} FROM r CROSS JOIN {of_child} AS c ON {agrees} GROUP BY r._fieldpost_n"
            );
            let mut statement = self.connection.prepare(&sql).doing(doing)?;
            bind(&mut statement, 1, asked.iter().flat_map(|(_, values)| values.iter().copied()))?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().doing(doing)? {
                let key = key_at(row, 2..2 + child.key.len()).doing(doing)?;
                let (place, count): (i64, i64) = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
                let place = usize::try_from(place).expect("the places in the list were given");
                found.extend(key.ok().map(|key| (place, key, count.cast_unsigned())));
            }
        }
        Ok(found)
    }

    /// The foreign keys of all tables, for [`Self::lead_what_stays`]; none where those of `shapes` are all there are.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn what_stays(&self, shapes: &[Shape]) -> Result<Vec<Staying>> {
        let mut all = Vec::new();
        for table in self.table_names()? {
            for DeclaredKey { parent, from, mut to, .. } in self.foreign_keys(&table)? {
                if to.is_empty() {
                    to = Facts::read(&self.connection, &parent)?.primary().into_iter().map(|column| column.name.clone()).collect();
                }
                let travels = travels(shapes, &parent, &table, &from);
                all.push(Staying { table: table.clone(), parent, pairs: from.into_iter().zip(to).collect(), travels });
            }
        }
        Ok(if all.iter().all(|one| one.travels) { Vec::new() } else { all })
    }

    /// What refers to a record and does not travel refers to what `row` has in `fields`, and what refers to that likewise: as `ON UPDATE CASCADE` does. The
    /// record itself is as it was.
    ///
    /// # Errors
    /// As SQLite says; inside, its words.
    pub fn lead_what_stays(&self, staying: &[Staying], shape: &Shape, key: &Key, fields: &[FieldNo], row: &Row) -> Result<Said<()>> {
        let key = key.values().unwrap_or_default();
        if staying.is_empty() || key.is_empty() {
            return Ok(Ok(()));
        }
        let set = fields.iter().map(|field| (shape.name_of(*field).to_owned(), row.get(*field).clone())).collect();
        let leading = Leading { table: &shape.name, alias: "r", which: &self.plan(shape)?.matches_key, set };
        self.lead_below(staying, &leading, &key, &mut Vec::new())
    }

    /// `by`: the references that led here.
    fn lead_below<'s>(&self, staying: &'s [Staying], leading: &Leading<'_>, key: &[Value], by: &mut Vec<&'s Staying>) -> Result<Said<()>> {
        for one in staying.iter().filter(|one| same_name(&one.parent, leading.table)) {
            // What travels its own shape leads, but not by way of what stays.
            if by.is_empty() && one.travels || by.contains(&one) {
                continue;
            }
            let value = |to: &String| leading.set.iter().find(|(column, _)| same_name(column, to)).map(|(_, value)| value.clone());
            let set: Vec<(String, Value)> = one.pairs.iter().filter_map(|(from, to)| Some((from.clone(), value(to)?))).collect();
            let (table, alias) = (quote(&one.table), format!("c{}", by.len()));
            // The parent's affinity and collation, as above.
            let agree = |(from, to): &(String, String)| format!("{}.{} = +{alias}.{}", leading.alias, quote(to), quote(from));
            let agrees = join(" AND ", one.pairs.iter().map(agree));
            let (parent, above) = (quote(leading.table), leading.which);
            let which = format!("EXISTS (SELECT 1 FROM {parent} AS {} WHERE ({above}) AND {agrees})", leading.alias);
            if set.is_empty() || !self.is_any(&format!("SELECT EXISTS (SELECT 1 FROM {table} AS {alias} WHERE {which})"), key)? {
                continue;
            }
            by.push(one);
            let below =
                self.lead_below(staying, &Leading { table: &one.table, alias: &alias, which: &which, set: set.clone() }, key, by)?;
            by.pop();
            if below.is_err() {
                return Ok(below);
            }
            let sets = join(", ", (key.len() + 1..).zip(&set).map(|(n, (column, _))| format!("{} = ?{n}", quote(column))));
            let values: Vec<Value> = key.iter().cloned().chain(set.into_iter().map(|(_, value)| value)).collect();
            let sql = format!("UPDATE{} {table} AS {alias} SET {sets} WHERE {which}", self.or_abort(&one.table)?);
            if let Err(message) = self.write_row(&one.table, &sql, &values)? {
                return Ok(Err(format!("`{}` refers to it: {message}", one.table)));
            }
        }
        Ok(Ok(()))
    }

    /// Into a column that is not there nothing leads.
    fn is_any(&self, sql: &str, key: &[Value]) -> Result<bool> {
        let doing = "look for what refers to a record and stays here";
        let Ok(mut statement) = said(self.connection.prepare(sql), doing)? else { return Ok(false) };
        bind(&mut statement, 1, key)?;
        let mut rows = statement.raw_query();
        rows.next().doing(doing)?.map_or(Ok(false), |row| row.get(0)).doing(doing)
    }

    /// That a record `c` of `child` refers to `r` of `shape`.
    fn agrees(&self, shape: &Shape, child: &Shape, reference: &ForeignKey) -> Result<String> {
        let (parents, children) = (self.plan(shape)?, self.plan(child)?);
        let pair = |(theirs, field): (&String, &FieldNo)| {
            let name = child.name_of(*field);
            let parent = affinity(&parents.facts, theirs);
            // A foreign key gives the parent's affinity to the child's value. A comparison does so too where the parent is
            // numeric or both are alike; else the child's own affinity must be taken away, at the price of its index.
            let alike = parent == Some(Affinity::Numeric) || parent == affinity(&children.facts, name);
            format!("{} = {}c.{}", column(theirs), if alike { "" } else { "+" }, quote(name))
        };
        Ok(join(" AND ", reference.columns.iter().zip(&reference.fields).map(pair)))
    }
}

/// A declared foreign key.
#[derive(Debug, PartialEq, Eq)]
pub struct Staying {
    table: String,
    parent: String,
    /// Its columns, and those to which they refer.
    pairs: Vec<(String, String)>,
    /// It is one of a tracked table to another.
    travels: bool,
}

/// Rows of a table that are about to get other values.
struct Leading<'a> {
    table: &'a str,
    alias: &'a str,
    /// Which they are, in SQL.
    which: &'a str,
    set: Vec<(String, Value)>,
}

fn travels(shapes: &[Shape], parent: &str, child: &str, from: &[String]) -> bool {
    let is_it = |shape: &Shape, reference: &ForeignKey| {
        let names = reference.fields.iter().map(|field| shape.name_of(*field));
        same_name(&reference.table, parent) && names.eq(from.iter().map(String::as_str))
    };
    let has_it = |shape: &Shape| shape.references.iter().any(|reference| is_it(shape, reference));
    named(shapes, parent).is_some() && named(shapes, child).is_some_and(has_it)
}

fn affinity(facts: &Facts, name: &str) -> Option<Affinity> {
    facts.columns.iter().find(|column| same_name(&column.name, name)).map(|column| column.affinity)
}

fn keys_of(child: &Shape) -> String {
    join(", ", child.key.iter().map(|field| format!("c.{}", quote(child.name_of(*field)))))
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
