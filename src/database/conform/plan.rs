//! What must be done to a database so that it has the schema it is told? Pure: two inventories and who is who in, steps out.

use std::collections::BTreeSet;

use super::super::error::Result;
use super::super::migrations::{Step, step};
use super::super::quote;
use super::super::sql::same_text;
use super::comparing::Comparing;
use super::inventory::{Inventory, Kind, Other, Table, named};
use super::{Refused, Wish, same_name};

/// What is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Tables that go, by their name here.
    pub(super) dropped: Vec<String>,
    /// Tables that stay under another name, and columns of theirs, all by the names here.
    pub(super) tables: Vec<TablePlan>,
    /// Tables that are new.
    pub(super) made: Vec<Table>,
    /// Full-text indexes of other tables' content, by their name here, that go; one that is made otherwise is in `made` too.
    pub(super) indexes_dropped: Vec<String>,
    /// What is otherwise and stays, a sentence each.
    pub(super) stays: Vec<String>,
    /// Indexes, views and triggers that go; one that is made otherwise is in both lists.
    pub(super) others_dropped: Vec<Other>,
    pub(super) others_made: Vec<Other>,
    pub(super) history: bool,
    /// What this database's own migration tool noted and nobody told: it is noted again behind what is told.
    pub(super) noted_again: Vec<String>,
    pub(super) user_version: Option<i32>,
    pub(super) application_id: Option<i32>,
}

/// What becomes of a table that is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TablePlan {
    /// Its name here.
    pub from: String,
    /// Its name from now on.
    pub name: String,
    /// Columns that are called otherwise from now on: here, there.
    pub renamed: Vec<(String, String)>,
    /// Columns that go with what is in them, by the names here.
    pub dropped: Vec<String>,
    /// Computed columns that go or are made anew, by the names here, and those that come.
    pub computed: Vec<String>,
    pub computes: Vec<String>,
    /// Columns that are new, or begin anew.
    pub made: Vec<String>,
    /// Columns in which an empty value is filled from now on.
    pub filled: Vec<String>,
    /// Definitions of computed columns of this database's own that fit the table no more.
    pub lost: Vec<String>,
    /// Columns of this database's own that are told from now on.
    pub adopted: Vec<String>,
    /// Columns that were told and stay as this database's own, and may be empty from now on.
    pub loosened: Vec<String>,
    /// What stands in columns that must not be empty.
    pub stand_ins: Vec<StandIn>,
    pub how: How,
}

/// What stands in a column that must not be empty, as SQL: until its values come or, with `from`, where that is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StandIn {
    pub column: String,
    pub filler: String,
    pub from: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum How {
    /// Names only, or nothing.
    #[default]
    Nothing,
    /// Drops, then these definitions are added.
    Alter(Vec<String>),
    /// Text of the new table under [`REMADE`], and what fills its columns, in terms of the old one with the new names.
    Remake { sql: String, columns: Vec<(String, String)> },
}

/// The name of a table while it is filled.
pub(super) const REMADE: &str = "_fieldpost_remade";

/// The name of a table between two that differ only in the case of their letters.
const BETWEEN: &str = "_fieldpost_between";

impl TablePlan {
    fn is_empty(&self) -> bool {
        self.from == self.name && self.renamed.is_empty() && self.how == How::Nothing
    }

    /// Whether a column gets a name that another one has: then all get their names when the table is remade.
    pub fn crosses(&self) -> bool {
        let has = |name: &str, to: &(String, String)| same_name(name, &to.1);
        self.renamed.iter().any(|to| {
            let mut gone = self.dropped.iter().chain(&self.computed);
            self.renamed.iter().any(|other| other != to && has(&other.0, to)) || gone.any(|gone| has(gone, to))
        })
    }

    pub const fn is_remade(&self) -> bool {
        matches!(self.how, How::Remake { .. })
    }

    /// More than names.
    pub fn rebuilds(&self) -> bool {
        self.how != How::Nothing
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Self { stays: Vec::new(), ..self.clone() } == Self::default()
    }

    /// Whether only indexes are missing.
    #[must_use]
    pub fn only_indexes(&self) -> bool {
        let rest = Self { others_made: Vec::new(), ..self.clone() };
        rest.is_empty() && self.others_made.iter().all(|other| other.kind == Kind::Index)
    }

    /// Whether a table or a column gets the name that it has, in other letters.
    pub(super) fn has_other_letters(&self) -> bool {
        let is_other = |from: &str, to: &str| from != to && same_name(from, to);
        let columns = |table: &TablePlan| table.renamed.iter().any(|(from, to)| is_other(from, to));
        self.tables.iter().any(|table| is_other(&table.from, &table.name) || columns(table))
    }

    /// Whether tables are only to get other texts, with the columns that they have, and indexes may be missing.
    pub(super) fn is_about_texts(&self) -> bool {
        // A column that came a moment ago is not known to have been told.
        let is_text = |table: &TablePlan| {
            let TablePlan { name, adopted, how, .. } = table.clone();
            *table == TablePlan { from: name.clone(), name, adopted, how, ..TablePlan::default() }
        };
        self.tables.iter().all(is_text) && Self { tables: Vec::new(), ..self.clone() }.only_indexes()
    }

    /// What is otherwise and stays, a sentence each.
    #[must_use]
    pub fn stays(&self) -> &[String] {
        &self.stays
    }

    /// Whether a table is copied.
    pub(super) fn remakes(&self) -> bool {
        self.tables.iter().any(TablePlan::is_remade)
    }

    pub(super) fn touches_tables(&self) -> bool {
        !self.dropped.is_empty() || !self.tables.is_empty()
    }

    /// Every step as a sentence for people.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut all: Vec<String> = self.dropped.iter().map(|name| format!("table `{name}` goes")).collect();
        all.extend(self.tables.iter().flat_map(TablePlan::sentences));
        let again = |name: &&String| self.made.iter().any(|made| same_name(&made.name, name));
        all.extend(self.indexes_dropped.iter().filter(|name| !again(name)).map(|name| format!("full-text index `{name}` goes")));
        let made = |table: &Table| match self.indexes_dropped.contains(&table.name) {
            true => format!("full-text index `{}` is made anew", table.name),
            false => format!("table `{}` comes", table.name),
        };
        all.extend(self.made.iter().map(made));
        let words = |other: &Other| format!("{} `{}`", other.kind.word(), other.name);
        let again = |other: &&Other| self.others_made.iter().any(|made| made.is(other));
        all.extend(self.others_dropped.iter().filter(|other| !again(other)).map(|other| format!("{} goes", words(other))));
        let before = |other: &Other| self.others_dropped.iter().any(|dropped| dropped.is(other));
        let comes = |other: &Other| if before(other) { "is made anew" } else { "comes" };
        all.extend(self.others_made.iter().map(|other| format!("{} {}", words(other), comes(other))));
        all.extend(self.stays.iter().cloned());
        if self.history {
            all.push("what migration tools noted".to_owned());
        }
        all.extend(self.user_version.map(|version| format!("user_version becomes {version}")));
        all.extend(self.application_id.map(|id| format!("application_id becomes {id}")));
        all
    }
}

impl TablePlan {
    /// What a person should know of what stands in columns from now on, a sentence each. `is_filled`: whether a column was empty anywhere.
    pub fn remarks(&self, is_filled: impl Fn(&str) -> bool) -> Vec<String> {
        let own = |column: &String| {
            format!("column `{column}` of `{}` was this site's own and is the main office's from now on: what is in it travels", self.name)
        };
        let stands = |one: &&StandIn| one.from.is_none() || is_filled(&one.column);
        let sentence = |one: &StandIn| {
            let bare = one.filler.strip_prefix('(').and_then(|filler| filler.strip_suffix(')')).unwrap_or(&one.filler);
            let what = if one.filler.contains("rowid") { "something made up, in each record something else," } else { bare };
            let until = if one.from.is_some() { "where it was empty" } else { "until its values come" };
            format!("column `{}` of `{}` must not be empty: {what} stands in it {until}", one.column, self.name)
        };
        let loosened = |column: &String| {
            format!(
                "column `{column}` of `{}` is not at the main office any more: what is in it stays here, and it may be empty from now on",
                self.name
            )
        };
        self.adopted
            .iter()
            .map(own)
            .chain(self.loosened.iter().map(loosened))
            .chain(self.stand_ins.iter().filter(stands).map(sentence))
            .collect()
    }

    fn sentences(&self) -> Vec<String> {
        let table = &self.name;
        let mut all = Vec::new();
        if self.from != self.name {
            all.push(format!("table `{}` is called `{table}` from then on", self.from));
        }
        all.extend(self.renamed.iter().map(|(from, to)| format!("column `{from}` of `{table}` is called `{to}` from then on")));
        all.extend(self.dropped.iter().map(|column| format!("column `{column}` of `{table}` goes")));
        all.extend(self.made.iter().map(|column| format!("column `{column}` of `{table}` comes")));
        let among = |names: &[String], name: &String| names.iter().any(|one| same_name(one, name));
        let gone = self.computed.iter().filter(|column| !among(&self.computes, column));
        all.extend(gone.map(|column| format!("computed column `{column}` of `{table}` goes")));
        let comes = |column: &String| if among(&self.computed, column) { "is another one" } else { "comes" };
        all.extend(self.computes.iter().map(|column| format!("computed column `{column}` of `{table}` {}", comes(column))));
        all.extend(self.remarks(|_| true));
        let columns = [&self.dropped, &self.made, &self.computed, &self.computes, &self.loosened];
        if matches!(self.how, How::Remake { .. }) && columns.iter().all(|columns| columns.is_empty()) {
            all.push(format!("table `{table}` is remade with other types, constraints or another order of its columns"));
        }
        all
    }
}

/// Finds out what must be done to `own`.
pub(super) fn plan(
    own: &Inventory,
    told: &Inventory,
    before: Option<&Inventory>,
    wish: &Wish<'_>,
) -> Result<std::result::Result<Plan, Refused>> {
    let mut plan = Plan::default();
    let ended = |name: &str| wish.ended.iter().any(|ended| same_name(ended, name));
    plan.dropped.extend(own.tables.iter().filter(|table| ended(&table.name)).map(|table| table.name.clone()));
    let mut taken = BTreeSet::new();
    for table in &told.tables {
        let names = wish.tables.get(&table.name);
        let here = names.map_or(table.name.as_str(), |names| names.here.as_str());
        // One that is another told table from now on only had the name.
        let goes_on_as =
            |(told_as, other): (&String, &super::Names), name: &str| same_name(&other.here, name) && told.table(told_as).is_some();
        let is_other = |name: &str| names.is_none() && wish.tables.iter().any(|other| goes_on_as(other, name));
        let Some(ours) = own.table(here).filter(|ours| !ended(&ours.name) && !is_other(&ours.name)) else {
            plan.made.push(table.clone());
            continue;
        };
        taken.insert(ours.name.to_ascii_lowercase());
        if table.is_virtual() || ours.is_virtual() {
            if same_text(&ours.sql, &table.sql) {
            } else if ours.is_index_of_content() && table.is_index_of_content() {
                plan.indexes_dropped.push(ours.name.clone());
                plan.made.push(table.clone());
            } else {
                plan.stays.push(stays(&ours.name, "otherwise"));
            }
            continue;
        }
        let was_told = before.is_some_and(|before| before.table(here).is_some());
        if names.is_none() && !was_told && (ours.key(), ours.is_numbered()) != (table.key(), table.is_numbered()) {
            return Ok(Err(Refused::OtherTable { table: table.name.clone() }));
        }
        let former = before.and_then(|before| before.table(here).or_else(|| before.table(&table.name)));
        match Comparing::new(ours, table, former, wish).plan()? {
            Ok(one) if one.is_empty() => {}
            Ok(one) => plan.tables.push(one),
            Err(refused) => return Ok(Err(refused)),
        }
    }
    for one in plan.tables.iter().filter(|one| !same_name(&one.from, &one.name)) {
        if own.table(&one.name).is_some_and(|there| !ended(&there.name) && !taken.contains(&there.name.to_ascii_lowercase())) {
            return Ok(Err(Refused::TableInTheWay { table: one.from.clone(), name: one.name.clone() }));
        }
    }
    // Nobody else has what is in a virtual table, but for a full-text index that is made of another table's content.
    let told_before = |table: &&Table| before.is_some_and(|before| before.table(&table.name).is_some());
    for gone in own.tables.iter().filter(|ours| ours.is_virtual() && told.table(&ours.name).is_none()).filter(told_before) {
        match gone.is_index_of_content() {
            true => plan.indexes_dropped.push(gone.name.clone()),
            false => plan.stays.push(stays(&gone.name, "gone")),
        }
    }
    others(own, told, before, &mut plan);
    // What it did and what is undone here it has to do once more.
    let stays = !undoes(&plan, before);
    plan.history = own.history != told.history && !(stays && is_ahead(own, told, before));
    if plan.history && stays {
        plan.noted_again = only_here(own, told, before);
    }
    let is_newer = stays && is_newer(own, told, before);
    plan.user_version = (own.user_version != told.user_version && !is_newer).then_some(told.user_version);
    plan.application_id = (own.application_id != told.application_id).then_some(told.application_id);
    Ok(Ok(plan))
}

/// Whether this site's application upgraded itself before the main office's did, and says so by `user_version`: it would upgrade once more.
fn is_newer(own: &Inventory, told: &Inventory, before: Option<&Inventory>) -> bool {
    before.is_some_and(|before| before.user_version != own.user_version) && own.user_version > told.user_version
}

/// The same of what its migration tool noted: all that is told, and more that nobody told. Two sites note one step at different times.
fn is_ahead(own: &Inventory, told: &Inventory, before: Option<&Inventory>) -> bool {
    let Some(before) = before else { return false };
    let [ours, theirs, former] = [own, told, before].map(steps);
    ours.len() > theirs.len() && theirs.is_subset(&ours) && ours.difference(&theirs).all(|step| !former.contains(step))
}

/// What this database's own migration tool noted beside that, where it notes every step: a tool that notes only where it stands has one row.
fn only_here(own: &Inventory, told: &Inventory, before: Option<&Inventory>) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let (theirs, former) = (steps(told), steps(before));
    let known = |step: &Step| theirs.contains(step) || former.contains(step);
    let notes_all = |table: &str| own.history.iter().filter_map(|row| step(row)).any(|one| one.table == table && known(&one));
    let is_own = |row: &&String| step(row).is_some_and(|step| !known(&step) && notes_all(&step.table));
    own.history.iter().filter(is_own).cloned().collect()
}

fn steps(inventory: &Inventory) -> BTreeSet<Step> {
    inventory.history.iter().filter_map(|row| step(row)).collect()
}

/// Whether anything that was told before, and that this site's application called otherwise or dropped since, is as it was again.
fn undoes(plan: &Plan, before: Option<&Inventory>) -> bool {
    let Some(before) = before else { return false };
    let tables = plan.tables.iter().any(|table| {
        let put_back = before.table(&table.name).is_some() && before.table(&table.from).is_none();
        let Some(former) = before.table(&table.name).or_else(|| before.table(&table.from)) else { return put_back };
        let is_back = |(from, to): &(String, String)| former.column(to).is_some() && former.column(from).is_none();
        put_back || table.renamed.iter().any(is_back) || table.made.iter().any(|column| former.column(column).is_some())
    });
    tables || plan.made.iter().any(|table| !table.is_virtual() && before.table(&table.name).is_some())
}

fn stays(table: &str, how: &str) -> String {
    format!("virtual table `{table}` is {how} at the main office; only this site knows what is in it here, so it stays as it is")
}

/// Indexes, views and triggers: what was told before and is told no more goes, what nobody told stays.
fn others(own: &Inventory, told: &Inventory, before: Option<&Inventory>, plan: &mut Plan) {
    let (ours, theirs) = (named(&own.others), named(&told.others));
    let told_before = before.map(|before| named(&before.others)).unwrap_or_default();
    for (place, other) in &ours {
        let otherwise = theirs.get(place).is_some_and(|told| !same_text(&told.sql, &other.sql));
        if otherwise || (!theirs.contains_key(place) && told_before.contains_key(place)) {
            plan.others_dropped.push((*other).clone());
        }
    }
    let is_there = |other: &Other| own.other(other).is_some_and(|ours| same_text(&ours.sql, &other.sql));
    plan.others_made.extend(told.others.iter().filter(|other| !is_there(other)).cloned());
}

/// Statements that give a table and its columns other names.
pub(super) fn renames(plan: &TablePlan) -> Vec<String> {
    let mut all = Vec::new();
    if plan.from != plan.name {
        let mut rename = |from: &str, to: &str| all.push(format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to)));
        // SQLite takes the same name in other letters for one that is taken.
        if same_name(&plan.from, &plan.name) {
            rename(&plan.from, BETWEEN);
            rename(BETWEEN, &plan.name);
        } else {
            rename(&plan.from, &plan.name);
        }
    }
    let table = quote(&plan.name);
    let rename = |(from, to): &(String, String)| format!("ALTER TABLE {table} RENAME COLUMN {} TO {}", quote(from), quote(to));
    if !plan.crosses() {
        all.extend(plan.renamed.iter().map(rename));
    }
    all
}

/// Statements that drop and add columns.
pub(super) fn alterations(plan: &TablePlan, added: &[String]) -> Vec<String> {
    let table = quote(&plan.name);
    // One that is computed from another one goes before that.
    let dropped = plan.computed.iter().rev().chain(&plan.dropped);
    let drops = dropped.map(|column| format!("ALTER TABLE {table} DROP COLUMN {}", quote(column)));
    let adds = added.iter().map(|definition| format!("ALTER TABLE {table} ADD COLUMN {definition}"));
    drops.chain(adds).collect()
}
