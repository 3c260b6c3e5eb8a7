//! Which tables and columns that do not travel are which, from one version of the main office's schema to the next?
//!
//! The main office numbers them, apart from those that travel, and tells the numbers with the schema: so a site knows after any number of
//! versions what is only called otherwise, and guesses nothing. What became of a name the main office sees from the texts of two versions.
//! **Invariant**: a number is never given to another one. What the main office has no more goes elsewhere only where nothing is in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Here, SentSchema, cannot_be_had, home};
use crate::database::conform::{Inventory, Names, Wish};
use crate::model::TableNo;
use crate::sync::Result;
use crate::sync::tracking::evolve::same_name;

/// A number of the main office for what does not travel.
type Number = u32;

/// What of the main office's schema does not travel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sync) struct AtHome {
    /// The next number.
    next: Number,
    /// The others.
    tables: BTreeMap<Number, HomeTable>,
    /// Columns of tables that travel, by name.
    columns: BTreeMap<TableNo, BTreeMap<Number, String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct HomeTable {
    name: String,
    columns: BTreeMap<Number, String>,
}

impl AtHome {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it has a table of this name.
    pub fn has_table(&self, name: &str) -> bool {
        self.tables.values().any(|table| same_name(&table.name, name))
    }

    /// Of the schema as it is now: what was there before keeps its number.
    ///
    /// # Errors
    /// Where one of the schemas cannot be built.
    pub fn of(now: &SentSchema, before: Option<&SentSchema>) -> Result<Self> {
        let there = Inventory::of(&now.schema).map_err(cannot_be_had)?;
        let empty = SentSchema::default();
        let before = before.unwrap_or(&empty);
        let was = Inventory::of(&before.schema).map_err(cannot_be_had)?;
        let mut all = Self { next: before.at_home.next, ..Self::default() };
        let names: Vec<&str> = there.table_names().filter(|name| there.columns(name).next().is_some()).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !now.tracked.iter().any(|tracked| same_name(tracked, name))).collect();
        let former = &before.at_home.tables;
        let named = |name: &str| former.iter().find(|(_, table)| same_name(&table.name, name)).map(|(number, _)| *number);
        let gone: Vec<(Number, &str)> = former
            .iter()
            .filter(|(_, table)| there.table_names().all(|name| !same_name(name, &table.name)))
            .map(|(number, table)| (*number, table.name.as_str()))
            .collect();
        let came: Vec<&str> = names.iter().copied().filter(|name| was.table_names().all(|before| !same_name(before, name))).collect();
        let renamed = |name: &str| {
            let may_be = |one: &&(Number, &str)| was.may_be(one.1, &there, name);
            let only = |one: &(Number, &str)| came.iter().filter(|name| was.may_be(one.1, &there, name)).count() == 1;
            let mut found = gone.iter().filter(may_be);
            let first = found.next().filter(|one| came.contains(&name) && only(one))?;
            found.next().is_none().then_some(first.0)
        };
        let none = BTreeMap::new();
        for name in names {
            let number = named(name).or_else(|| renamed(name));
            let former = number.and_then(|number| former.get(&number));
            let known = BTreeMap::new();
            let columns = Columns { was: &was, there: &there, known: &known };
            let earlier = former.map_or((name, &none), |former| (former.name.as_str(), &former.columns));
            let columns = columns.number(earlier, name, |_| true, &mut all.next);
            let number = number.unwrap_or_else(|| all.number());
            all.tables.insert(number, HomeTable { name: name.to_owned(), columns });
        }
        for (number, table) in &now.names {
            let travels = |column: &str| table.fields.values().any(|field| same_name(field, column));
            let former = before.names.get(number);
            let known: BTreeMap<&str, &str> = former
                .into_iter()
                .flat_map(|former| &former.fields)
                .map(|(field, name)| (name.as_str(), table.fields.get(field).map_or("", String::as_str)))
                .collect();
            let columns = Columns { was: &was, there: &there, known: &known };
            let earlier = (former.map_or(table.name.as_str(), |former| &former.name), before.at_home.columns.get(number).unwrap_or(&none));
            let columns = columns.number(earlier, &table.name, |column| !travels(column), &mut all.next);
            if !columns.is_empty() {
                all.columns.insert(*number, columns);
            }
        }
        Ok(all)
    }

    fn number(&mut self) -> Number {
        take_next(&mut self.next)
    }
}

fn take_next(next: &mut Number) -> Number {
    *next += 1;
    *next - 1
}

struct Columns<'s> {
    was: &'s Inventory,
    there: &'s Inventory,
    /// What became of columns that travel.
    known: &'s BTreeMap<&'s str, &'s str>,
}

impl Columns<'_> {
    /// The numbers of those columns of a table that stay. `before`: its name then, and the numbers.
    fn number(
        &self,
        before: (&str, &BTreeMap<Number, String>),
        table: &str,
        stays: impl Fn(&str) -> bool,
        next: &mut Number,
    ) -> BTreeMap<Number, String> {
        let (former, numbers) = before;
        let renamed = self.was.renamed_columns(former, self.there, table, self.known);
        let number = |name: &str| {
            let before = renamed.iter().find(|(_, now)| now == name).map_or(name, |(before, _)| before);
            numbers.iter().find(|(_, column)| same_name(column, before)).map(|(number, _)| *number)
        };
        let columns = self.there.columns(table).filter(|name| stays(name));
        columns.map(|name| (number(name).unwrap_or_else(|| take_next(next)), name.to_owned())).collect()
    }
}

/// Adds to a wish what became of what does not travel.
pub(super) fn add(wish: &mut Wish<'_>, new: &SentSchema, old: &SentSchema, here: Here<'_>) -> Result<()> {
    let (was, is) = (&old.at_home, &new.at_home);
    if was.is_empty() || is.is_empty() {
        return Ok(());
    }
    let there = here.there(old)?;
    let find = |table: &str| there.iter().find(|(name, _)| same_name(name, table));
    for (number, before) in &was.tables {
        let (Some(now), Some((table, columns))) = (is.tables.get(number), find(&before.name)) else { continue };
        // Where this site has both there is nothing to call otherwise.
        if !same_name(&before.name, &now.name) && find(&now.name).is_some() {
            continue;
        }
        let mut names = Names { here: table.clone(), ..Names::default() };
        let home = Home { columns, travel: &BTreeSet::new(), here };
        home.add(&mut names, &before.columns, &now.columns)?;
        if names != (Names { here: now.name.clone(), ..Names::default() }) {
            wish.tables.insert(now.name.clone(), names);
        }
    }
    let none = BTreeMap::new();
    for (number, before) in &was.columns {
        let Some(identity) = new.names.get(number) else { continue };
        let Some(names) = wish.tables.get_mut(&identity.name) else { continue };
        let Some((_, columns)) = find(&names.here) else { continue };
        let travel: BTreeSet<&String> = identity.fields.values().collect();
        let home = Home { columns, travel: &travel, here };
        home.add(names, before, is.columns.get(number).unwrap_or(&none))?;
    }
    Ok(())
}

/// Columns of a table here that do not travel.
struct Home<'s> {
    columns: &'s [String],
    travel: &'s BTreeSet<&'s String>,
    here: Here<'s>,
}

impl Home<'_> {
    fn add(&self, names: &mut Names, before: &BTreeMap<Number, String>, now: &BTreeMap<Number, String>) -> Result<()> {
        let find = |name: &str| self.columns.iter().find(|column| same_name(column, name));
        for (number, was) in before {
            let Some(column) = find(was) else { continue };
            match now.get(number) {
                Some(is) if same_name(is, was) || find(is).is_none() => {
                    if is != column {
                        names.columns.insert(is.clone(), column.clone());
                    }
                }
                Some(_) => {}
                // Another one has its name, or it travels from now on.
                None if now.values().chain(self.travel.iter().copied()).any(|name| same_name(name, was)) => {}
                None if self.here.is_empty(&names.here, column)? => drop(names.ended.insert(column.clone())),
                None => drop(names.left.insert(column.clone())),
            }
        }
        Ok(())
    }
}

impl Here<'_> {
    fn there(self, old: &SentSchema) -> Result<home::There> {
        match self {
            Self::At(session) => Ok(session.database()?.ordinary_tables()?),
            Self::AsTold => {
                let inventory = Inventory::of(&old.schema).map_err(cannot_be_had)?;
                let columns = |table: &str| inventory.columns(table).map(str::to_owned).collect();
                Ok(inventory.table_names().map(|table| (table.to_owned(), columns(table))).collect())
            }
        }
    }

    /// Whether nothing is in a column.
    fn is_empty(self, table: &str, column: &str) -> Result<bool> {
        match self {
            Self::At(session) => Ok(session.database()?.is_empty_column(table, column)?),
            Self::AsTold => Ok(true),
        }
    }
}
