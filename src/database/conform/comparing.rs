//! What becomes of one table that is here and told?
//!
//! It is altered where SQLite's `ALTER TABLE` makes the very text that was told (tried on a copy in memory with one record), else it is
//! remade: a new table is filled from the old one and takes its place. Columns of this database's own come along behind the told ones.
//! A computed column whose definition is the told one, after all names have changed, stays; any other that was told goes and comes anew.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{Doing, Result};
use super::super::sql::same_text;
use super::super::{Database, quote};
use super::fillers::{filler, least};
use super::inventory::{Column, Table, read_columns};
use super::plan::{How, REMADE, StandIn, TablePlan, alterations, renames};
use super::text::{Created, may_be_empty};
use super::{Refused, Wish, same_name};

/// One table as it is here and as it is told.
pub(super) struct Comparing<'p> {
    ours: &'p Table,
    told: &'p Table,
    /// Per told column the one here that it is.
    sources: BTreeMap<&'p str, &'p Column>,
    /// Columns that go with what is in them.
    dropped: Vec<&'p Column>,
    /// Computed columns that are the main office's: told now, or the time before. Nothing is lost with one.
    computed: Vec<&'p Column>,
    /// Columns of this database's own, which stay.
    local: Vec<&'p Column>,
    /// Columns of this database's own that are told from now on.
    adopted: Vec<String>,
    /// Columns among `local` that must not be empty, and that nobody fills any more.
    loosened: Vec<&'p Column>,
}

impl<'p> Comparing<'p> {
    pub fn new(ours: &'p Table, told: &'p Table, former: Option<&'p Table>, wish: &'p Wish<'_>) -> Self {
        let names = wish.tables.get(&told.name);
        let ends = |column: &Column| names.is_some_and(|names| names.ended.iter().any(|ended| same_name(ended, &column.name)));
        let told_as = |column: &str| names.and_then(|names| names.columns.get(column)).and_then(|here| ours.column(here));
        let mut sources: BTreeMap<&str, &Column> = BTreeMap::new();
        for column in told.stored() {
            if let Some(source) = told_as(&column.name) {
                sources.insert(&column.name, source);
            }
        }
        let used: BTreeSet<&str> = sources.values().map(|source| source.name.as_str()).collect();
        for column in told.stored().filter(|column| !sources.contains_key(column.name.as_str())).collect::<Vec<_>>() {
            let named = ours.column(&column.name).filter(|ours| !ours.generated && !ends(ours) && !used.contains(ours.name.as_str()));
            if let Some(source) = named {
                sources.insert(&column.name, source);
            }
        }
        // Without a schema that was told before, nobody knows what was whose.
        let is_own = |name: &&&str| former.is_some_and(|former| former.column(name).is_none());
        let adopted = |name: &&&str| told_as(name).is_none() && sources.get(*name).is_some_and(|source| is_own(&&source.name.as_str()));
        let adopted = sources.keys().filter(adopted).map(|name| (*name).to_owned()).collect();
        let used: BTreeSet<&str> = sources.values().map(|source| source.name.as_str()).collect();
        let was_told = |column: &Column| former.is_some_and(|former| former.column(&column.name).is_some_and(|former| former.generated));
        let is_theirs = |column: &Column| ends(column) || was_told(column) || told.column(&column.name).is_some();
        let unused = ours.columns.iter().filter(|column| !used.contains(column.name.as_str()));
        let (computed, rest): (Vec<&Column>, Vec<&Column>) = unused.partition(|column| column.generated && is_theirs(column));
        let (dropped, local): (Vec<&Column>, Vec<&Column>) = rest.into_iter().partition(|column| ends(column));
        let is_left = |column: &Column| names.is_some_and(|names| names.left.iter().any(|left| same_name(left, &column.name)));
        let is_required = |column: &Column| column.key_place > 0 || (column.not_null && column.default.is_none());
        let loosened = local.iter().copied().filter(|column| is_left(column) && is_required(column)).collect();
        Self { ours, told, sources, dropped, computed, local, adopted, loosened }
    }

    pub fn plan(&self) -> Result<std::result::Result<TablePlan, Refused>> {
        if let Some(column) = self.local.iter().find(|local| self.told.column(&local.name).is_some()) {
            return Ok(Err(Refused::ColumnInTheWay { table: self.ours.name.clone(), column: column.name.clone() }));
        }
        let is_new = |column: &&Column| !self.sources.contains_key(column.name.as_str());
        let mut plan = TablePlan {
            from: self.ours.name.clone(),
            name: self.told.name.clone(),
            made: self.told.stored().filter(is_new).map(|column| column.name.clone()).collect(),
            adopted: self.adopted.clone(),
            dropped: self.dropped.iter().map(|column| column.name.clone()).collect(),
            loosened: self.loosened.iter().map(|column| column.name.clone()).collect(),
            ..TablePlan::default()
        };
        for (there, here) in self.sources.iter().filter(|(there, here)| **there != here.name) {
            plan.renamed.push((here.name.clone(), (*there).to_owned()));
        }
        self.set_computed(&self.ours.sql, &mut plan);
        let scratch = Database::scratch()?;
        // References lead to tables that are not there; SQLite asks for them only when records are written.
        let tried = scratch.build(&self.ours.sql).and_then(|()| {
            renames(&plan).iter().try_for_each(|sql| scratch.connection.execute_batch(sql))?;
            text_of(&scratch, &plan.name)
        });
        let renamed = match tried {
            Ok(renamed) if !plan.crosses() => renamed,
            Ok(_) | Err(_) => {
                plan.how = self.remake(&self.ours.sql, &mut plan);
                return Ok(Ok(plan));
            }
        };
        // Renaming goes into what is computed.
        self.set_computed(&renamed, &mut plan);
        if self.is_as_told(&renamed) && self.dropped.is_empty() && self.loosened.is_empty() {
            return Ok(Ok(plan));
        }
        plan.how = match self.definitions(&plan).filter(|_| self.loosened.is_empty()) {
            Some(added) if altered(&scratch, &plan, &added).is_ok_and(|made| self.is_as_told(&made)) => How::Alter(added),
            Some(_) | None => self.remake(&renamed, &mut plan),
        };
        Ok(Ok(plan))
    }

    /// Which computed columns go and come, from a table of this text.
    fn set_computed(&self, text: &str, plan: &mut TablePlan) {
        let (ours, told) = (Created::of(text), Created::of(&self.told.sql));
        let definition =
            |created: &Option<Created<'_>>, name: &str| created.as_ref().and_then(|created| created.column(name).map(str::to_owned));
        let stays = |column: &Column| {
            let same = |(here, there): (String, String)| same_text(&here, &there);
            definition(&ours, &column.name).zip(definition(&told, &column.name)).is_some_and(same)
        };
        let (stay, go): (Vec<&Column>, Vec<&Column>) = self.computed.iter().partition(|column| stays(column));
        let is_there = |column: &&Column| stay.iter().any(|here| here.name == column.name);
        let come = self.told.columns.iter().filter(|column| column.generated && !is_there(column));
        plan.computed = go.into_iter().map(|column| column.name.clone()).collect();
        plan.computes = come.map(|column| column.name.clone()).collect();
    }

    /// Whether a text is the told one, but for the columns of our own.
    fn is_as_told(&self, text: &str) -> bool {
        match (Created::of(text), Created::of(&self.told.sql)) {
            (Some(ours), Some(told)) if !self.local.is_empty() => {
                ours.is_but_for(&told, |name| self.local.iter().any(|local| local.name == name))
            }
            (Some(_) | None, Some(_) | None) => same_text(text, &self.told.sql),
        }
    }

    /// The text to reach: the told one, with those columns of our own that stay.
    fn target(&self, name: &str, renamed: &str, stays: impl Fn(&Column) -> bool) -> String {
        let (Some(told), Some(ours)) = (Created::of(&self.told.sql), Created::of(renamed)) else { return self.told.sql.clone() };
        let is_loosened = |column: &Column| self.loosened.iter().any(|loosened| loosened.name == column.name);
        let definition = |column: &&Column| {
            let text = ours.column(&column.name)?;
            Some(if is_loosened(column) { may_be_empty(text) } else { text.to_owned() })
        };
        let more: Vec<String> =
            self.local.iter().copied().filter(|column| stays(column)).filter_map(|column| definition(&column)).collect();
        told.with(name, &more.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Definitions of the columns that are new, in their order.
    fn definitions(&self, plan: &TablePlan) -> Option<Vec<String>> {
        let created = Created::of(&self.told.sql)?;
        let new = self.told.columns.iter().filter(|column| plan.made.contains(&column.name) || plan.computes.contains(&column.name));
        new.map(|column| created.column(&column.name).map(str::to_owned)).collect()
    }

    fn remake(&self, renamed: &str, plan: &mut TablePlan) -> How {
        let mut columns = Vec::new();
        let (crosses, created) = (plan.crosses(), Created::of(&self.told.sql));
        let filler = |column: &Column| filler(column, created.as_ref());
        for column in self.told.stored() {
            match self.sources.get(column.name.as_str()) {
                Some(source) => {
                    let from = quote(if crosses { &source.name } else { &column.name });
                    if column.not_null && !source.not_null {
                        plan.filled.push(column.name.clone());
                        columns.push((column.name.clone(), format!("coalesce({from}, {})", filler(column))));
                        plan.stand_ins.push(StandIn { column: column.name.clone(), filler: filler(column), from: Some(from) });
                    } else {
                        columns.push((column.name.clone(), from));
                    }
                }
                // Its default does the rest.
                None if !column.not_null || column.default.is_some() => {}
                None => {
                    plan.stand_ins.push(StandIn { column: column.name.clone(), filler: filler(column), from: None });
                    columns.push((column.name.clone(), filler(column)));
                }
            }
        }
        columns.extend(self.local.iter().filter(|local| !local.generated).map(|local| (local.name.clone(), quote(&local.name))));
        let mut sql = self.target(REMADE, renamed, |_| true);
        let is_computed = |column: &Column| column.generated;
        // What it is computed from may have gone.
        if self.local.iter().any(|column| is_computed(column)) && !Database::scratch().is_ok_and(|scratch| scratch.build(&sql).is_ok()) {
            let ours = Created::of(renamed);
            let definition = |column: &&Column| ours.as_ref().and_then(|ours| ours.column(&column.name)).map(str::to_owned);
            plan.lost = self.local.iter().copied().filter(|column| is_computed(column)).filter_map(|column| definition(&column)).collect();
            sql = self.target(REMADE, renamed, |column| !is_computed(column));
        }
        How::Remake { sql, columns }
    }
}

/// The text that altering makes of a table that stands in `scratch` under its new names.
fn altered(scratch: &Database, plan: &TablePlan, added: &[String]) -> Result<String> {
    let doing = "try to alter a table";
    // SQLite adds to an empty table what it refuses to add to one with records.
    let columns = read_columns(&scratch.connection, &plan.name)?;
    let (names, values): (Vec<String>, Vec<&str>) =
        columns.iter().filter(|column| !column.generated).map(|column| (quote(&column.name), least(column))).unzip();
    let record = format!("INSERT INTO {}({}) VALUES({})", quote(&plan.name), names.join(", "), values.join(", "));
    scratch.connection.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {record}")).doing(doing)?;
    alterations(plan, added).iter().try_for_each(|sql| scratch.connection.execute_batch(sql)).doing(doing)?;
    text_of(scratch, &plan.name).doing(doing)
}

fn text_of(scratch: &Database, table: &str) -> rusqlite::Result<String> {
    scratch.connection.query_row("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", [table], |row| row.get(0))
}
