//! Carries a plan out, in the open transaction: everything, or nothing and why.

use std::collections::BTreeMap;

use super::super::error::{Doing, Result};
use super::super::expressions::words_of;
use super::super::facts::Facts;
use super::super::migrations::with_next_number;
use super::super::silence::missing_function;
use super::super::sql::{same_text, tokens};
use super::super::{Database, DatabaseError, is_ours, quote};
use super::inventory::{Inventory, Kind, Other, named};
use super::own_things::{views_and_triggers, words};
use super::plan::{How, Plan, REMADE, TablePlan, alterations, plan, renames};
use super::{Refused, Wish, comes_empty, same_name};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conformed {
    /// The steps.
    pub plan: Plan,
    /// Indexes that could not be made yet, each with why.
    pub late: Vec<String>,
    /// What was only here and could not stay as it was, each with why.
    pub lost: Vec<String>,
    /// Columns that were empty in some record and must not be from now on: table and column.
    filled: Vec<(String, String)>,
}

/// Either way of a step; outside it an error of SQLite that has nothing to do with the schema.
pub(super) type Step<T = ()> = std::result::Result<T, Stop>;

pub(super) enum Stop {
    Refused(Refused),
    Failed(DatabaseError),
}

/// What refers to what before anything is done.
#[derive(Default)]
struct Referring {
    /// How many records of a table refer to nothing, by the table that they should refer to.
    dangling: BTreeMap<(String, String), u64>,
    columns: Vec<Reference>,
}

/// A column that refers to a table.
struct Reference {
    table: String,
    column: String,
    parent: String,
}

impl From<DatabaseError> for Stop {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error)
    }
}

/// Whether an index, view or trigger is one that was told, now or before.
fn is_told(told: &Inventory, before: Option<&Inventory>, other: &Other) -> bool {
    told.other(other).is_some() || before.is_some_and(|before| before.other(other).is_some())
}

/// Whether it is the statement or the records that SQLite does not like, and not the disk.
pub(super) fn is_about_the_schema(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TypeMismatch, Unknown};
    matches!(code_of(error), Some(Unknown | ConstraintViolation | TypeMismatch))
}

/// Also of an error that says where in the statement it is.
fn code_of(error: &rusqlite::Error) -> Option<rusqlite::ErrorCode> {
    if let rusqlite::Error::SqlInputError { error, .. } = error { Some(error.code) } else { error.sqlite_error_code() }
}

impl Conformed {
    /// Tables here that went, by their name here.
    pub fn dropped(&self) -> impl Iterator<Item = &str> {
        self.plan.dropped.iter().map(String::as_str)
    }

    /// Tables that came.
    pub fn made(&self) -> impl Iterator<Item = &str> {
        self.plan.made.iter().map(|table| table.name.as_str())
    }

    /// Tables that are otherwise: the name before, the name now.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.plan.tables.iter().map(|table| (table.from.as_str(), table.name.as_str()))
    }

    /// What a person should know of what stands in columns from now on, a sentence each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let is_filled = |table: &TablePlan, column: &str| self.filled.iter().any(|(t, c)| *t == table.name && c == column);
        let tables = self.plan.tables.iter().flat_map(|table| table.remarks(|column| is_filled(table, column)));
        let empty = self.plan.made.iter().filter(|table| table.keeps_content()).map(|table| comes_empty(&table.name));
        tables.chain(self.plan.stays.iter().cloned()).chain(empty).collect()
    }

    /// Columns that came to such a table, by its name before.
    #[must_use]
    pub fn new_columns(&self, table: &str) -> &[String] {
        self.plan.tables.iter().find(|plan| plan.from == table).map_or(&[], |plan| &plan.made)
    }

    /// Columns of such a table, by its name before: renamed ones with both names, those that went, those whose content nobody wrote.
    #[must_use]
    pub fn columns(&self, table: &str) -> (Vec<(String, String)>, Vec<String>, Vec<String>) {
        let Some(plan) = self.plan.tables.iter().find(|plan| plan.from == table) else { return Default::default() };
        // What is in a column of this site's own somebody wrote, and it is told.
        let filled = plan.filled.iter().filter(|column| !plan.adopted.contains(column)).cloned();
        (plan.renamed.clone(), plan.dropped.clone(), plan.made.iter().cloned().chain(filled).collect())
    }
}

impl Database {
    /// Gives this database the told schema, inside the open write. The connection may have stand-ins afterwards that must not be there
    /// when records are written: close it after the commit.
    ///
    /// # Errors
    /// As SQLite says. What the schema or the records here do not allow is in the inner result, and nothing is changed.
    pub fn conform(&self, wish: &Wish<'_>) -> Result<std::result::Result<Conformed, Refused>> {
        let told = Inventory::of(wish.schema)?;
        let before = wish.before.map(Inventory::of).transpose()?;
        let plan = match plan(&self.inventory()?, &told, before.as_ref(), wish)? {
            Ok(plan) => plan,
            Err(refused) => return Ok(Err(refused)),
        };
        self.begin_attempt()?;
        match self.carry_out(plan, &told, before.as_ref(), wish) {
            Ok(done) => {
                self.keep_attempt()?;
                self.notice_schema()?;
                Ok(Ok(done))
            }
            Err(stop) => {
                self.undo_attempt()?;
                self.notice_schema()?;
                match stop {
                    Stop::Refused(refused) => Ok(Err(refused)),
                    Stop::Failed(error) => Err(error),
                }
            }
        }
    }

    fn carry_out(&self, plan: Plan, told: &Inventory, before: Option<&Inventory>, wish: &Wish<'_>) -> Step<Conformed> {
        let unable = self.unable(&plan)?;
        let refuse = |plan: &Plan| match plan.tables.iter().filter(|table| table.is_remade()).find_map(|table| unable.get(&table.name)) {
            Some(refused) => Err(Stop::Refused(refused.clone())),
            None => Ok(()),
        };
        refuse(&plan)?;
        let puts_names = plan.has_other_letters();
        let mut done = self.carry_out_once(plan, told, before)?;
        let mut left = self.left(told, before, wish, &done)?;
        // SQLite has put a new name into what refers to it, where the told text has the same name in other letters.
        if let Some(texts) = left.take_if(|left| puts_names && left.is_about_texts()) {
            refuse(&texts)?;
            let again = self.carry_out_once(texts, told, before)?;
            done.lost.extend(again.lost);
            done.late = again.late;
            left = self.left(told, before, wish, &done)?;
        }
        match left {
            None => Ok(done),
            Some(left) => Err(Stop::Refused(Refused::Otherwise(left.sentences().join(", ")))),
        }
    }

    /// Tables that cannot be remade, by their names from now on; only those of which that may come to be done. Asked before anything is
    /// done, of what is committed.
    fn unable(&self, plan: &Plan) -> Step<BTreeMap<String, Refused>> {
        let mut unable = BTreeMap::new();
        for table in self.inventory()?.tables.iter().filter(|table| !table.is_virtual()) {
            let planned = plan.tables.iter().find(|planned| planned.from == table.name);
            if !plan.has_other_letters() && !planned.is_some_and(TablePlan::is_remade) {
                continue;
            }
            let ability = self.tester().ability(&table.name, &Facts::read(&self.connection, &table.name)?)?;
            if let Some(why) = &ability.refusal {
                let name = planned.map_or(&table.name, |planned| &planned.name).clone();
                unable.insert(name.clone(), Refused::Statement { what: format!("the new table `{name}`"), message: why.to_string() });
            }
        }
        Ok(unable)
    }

    fn carry_out_once(&self, plan: Plan, told: &Inventory, before: Option<&Inventory>) -> Step<Conformed> {
        let mut done = Conformed::default();
        let (mut local, mut aside) = (Vec::new(), Vec::new());
        // Every reference is looked up, and the application waits meanwhile.
        let referring =
            if plan.remakes() { Referring { dangling: self.dangling()?, columns: self.references()? } } else { Referring::default() };
        for index in &plan.indexes_dropped {
            self.step(&format!("full-text index `{index}`"), self.connection.execute_batch(&format!("DROP TABLE {}", quote(index))))?;
        }
        let is_told = |other: &Other| is_told(told, before, other);
        Self::say_replaced(&plan, before, &mut done);
        self.make_room(&plan, is_told, &mut aside)?;
        // A table may get the name of one that goes.
        plan.others_dropped.iter().filter(|other| other.kind == Kind::Index).try_for_each(|index| self.drop_other(index))?;
        if plan.touches_tables() || plan.others_dropped.iter().any(|other| other.kind != Kind::Index) {
            for other in views_and_triggers(self.inventory()?).filter(is_told) {
                self.drop_other(&other)?;
            }
            self.drop_our_triggers(&plan)?;
            self.keep_own(&plan, before, &mut done)?;
            // They go with their table; where another one gets its name they may fit that.
            let goes = |other: &Other| other.kind != Kind::View && plan.dropped.iter().any(|table| same_name(table, &other.table));
            aside.extend(self.inventory()?.others.into_iter().filter(|other| goes(other) && !is_told(other)));
            self.rename(&plan, &mut aside)?;
            // Renaming has put the new names into what is this database's own.
            local.extend(views_and_triggers(self.inventory()?));
            for other in local.iter().rev() {
                self.drop_other(other)?;
            }
            self.change_tables(&plan, &mut local, &mut done)?;
        }
        for table in &plan.made {
            self.step(&format!("table `{}`", table.name), self.build(&table.sql))?;
            if table.is_index_of_content() {
                // Its triggers see to what comes; what is here they never saw.
                let name = quote(&table.name);
                let sql = format!("INSERT INTO {name}({name}) VALUES('rebuild')");
                self.step(&format!("full-text index `{}`", table.name), self.connection.execute_batch(&sql))?;
            }
        }
        self.make_others(told, before, &mut done)?;
        local.retain(|other| !is_told(other));
        aside.append(&mut local);
        self.keep_local(&aside, &mut done)?;
        self.rest(&plan, told, &mut done)?;
        self.check(&plan, &referring)?;
        done.plan = plan;
        Ok(done)
    }

    pub(super) fn step<T>(&self, what: &str, result: rusqlite::Result<T>) -> Step<T> {
        let refused = |error: rusqlite::Error| Stop::Refused(Refused::Statement { what: what.to_owned(), message: words_of(&error) });
        match result {
            Ok(done) => Ok(done),
            // A full disk or a damaged file is not the schema's fault.
            Err(error) if is_about_the_schema(&error) => Err(refused(error)),
            Err(error) => Ok(Err(error).doing("change the schema")?),
        }
    }

    pub(super) fn drop_other(&self, other: &Other) -> Step {
        let sql = format!("DROP {} IF EXISTS {}", other.kind.word(), quote(&other.name));
        self.step(&words(other), self.connection.execute_batch(&sql))
    }

    /// Ours come back with the new names; until then they would be in the way.
    fn drop_our_triggers(&self, plan: &Plan) -> Step {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
        for table in plan.tables.iter().map(|table| &table.from).chain(&plan.dropped) {
            let doing = "list our triggers";
            let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
            let names = statement.query_map([table], |row| row.get(0)).and_then(Iterator::collect);
            let names: Vec<String> = names.doing(doing)?;
            for name in names.iter().filter(|name| is_ours(name)) {
                self.execute("remove a trigger", &format!("DROP TRIGGER {}", quote(name)))?;
            }
        }
        Ok(())
    }

    /// Gives tables and columns their names. Views and triggers of this database's own follow.
    fn rename(&self, plan: &Plan, aside: &mut Vec<Other>) -> Step {
        for table in &plan.dropped {
            self.execute("drop a table", &format!("DROP TABLE {}", quote(table)))?;
        }
        // One may take the name that another one gives up.
        let crossing = |table: &&TablePlan| plan.tables.iter().any(|other| other.from != table.from && same_name(&other.from, &table.name));
        let (crossing, straight): (Vec<_>, Vec<_>) = plan.tables.iter().partition(|table| crossing(table) && table.from != table.name);
        let mut all = Vec::new();
        let between = |n: usize| format!("_fieldpost_aside_{n}");
        for (n, table) in crossing.iter().enumerate() {
            all.push((&table.from, vec![format!("ALTER TABLE {} RENAME TO {}", quote(&table.from), quote(&between(n)))]));
        }
        all.extend(straight.into_iter().map(|table| (&table.from, renames(table))));
        for (n, table) in crossing.iter().enumerate() {
            all.push((&table.from, renames(&TablePlan { from: between(n), ..(*table).clone() })));
        }
        for (table, statements) in all {
            for sql in statements {
                self.rename_around(&sql, &format!("the new name of table `{table}` or of its columns"), aside)?;
            }
        }
        Ok(())
    }

    /// Drops, adds and remakes; `local` gets the indexes of this database's own that went with a table.
    fn change_tables(&self, plan: &Plan, local: &mut Vec<Other>, done: &mut Conformed) -> Step {
        let sequences = self.sequences()?;
        let mut again = BTreeMap::new();
        for table in plan.tables.iter().filter(|table| table.rebuilds()) {
            let what = format!("the new table `{}`", table.name);
            let indexes = self.inventory()?.others;
            let indexes: Vec<Other> =
                indexes.into_iter().filter(|other| other.kind == Kind::Index && same_name(&other.table, &table.name)).collect();
            for index in &indexes {
                self.drop_other(index)?;
            }
            local.extend(indexes);
            let lost = table.lost.iter().map(|column| {
                format!(
                    "a computed column of this site's own in `{}` does not fit the new schema and is gone; it was: {column}",
                    table.name
                )
            });
            done.lost.extend(lost);
            match &table.how {
                How::Nothing => {}
                How::Alter(added) => {
                    for sql in alterations(table, added) {
                        self.step(&what, self.connection.execute_batch(&sql))?;
                    }
                }
                How::Remake { sql, columns } => {
                    for stand_in in &table.stand_ins {
                        let Some(from) = &stand_in.from else { continue };
                        let empty = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {from} IS NULL)", quote(&table.name));
                        if self.connection.query_row(&empty, [], |row| row.get(0)).doing("look for empty values")? {
                            done.filled.push((table.name.clone(), stand_in.column.clone()));
                        }
                    }
                    self.remake(table, sql, columns)?;
                    if let Some(last) = sequences.get(&table.from) {
                        again.insert(table.name.clone(), *last);
                    }
                }
            }
        }
        Ok(self.set_sequences(&again)?)
    }

    fn remake(&self, table: &TablePlan, sql: &str, columns: &[(String, String)]) -> Step {
        let what = format!("the new table `{}`", table.name);
        let (old, new) = (quote(&table.name), quote(REMADE));
        self.step(&what, self.build(sql))?;
        let (mut into, mut from): (Vec<String>, Vec<String>) = columns.iter().map(|(name, filler)| (quote(name), filler.clone())).unzip();
        // Full-text indexes and the like know records by it.
        if let Some(rowid) = self.hidden_rowid(&table.name)?.filter(|name| self.has_rowid_named(REMADE, name)) {
            into.push(rowid.to_owned());
            from.push(rowid.to_owned());
        }
        let fill = format!("INSERT INTO {new}({}) SELECT {} FROM {old}", into.join(", "), from.join(", "));
        match self.connection.execute_batch(&fill) {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                let message = error.to_string().replace(REMADE, &table.name);
                let named = self.left_out(&table.name, REMADE, &fill)?;
                return Err(Stop::Refused(Refused::Records { table: table.name.clone(), named, message }));
            }
            filled => self.step(&what, filled)?,
        }
        self.execute("drop the old table", &format!("DROP TABLE {old}"))?;
        // References of other tables are by name, and must stay as they are.
        self.execute("rename a table", "PRAGMA legacy_alter_table = ON")?;
        let renamed = self.connection.execute_batch(&format!("ALTER TABLE {new} RENAME TO {old}"));
        self.execute("rename a table", "PRAGMA legacy_alter_table = OFF")?;
        self.step(&what, renamed)
    }

    /// A name of the rowid where no column has or is it.
    fn hidden_rowid(&self, table: &str) -> Result<Option<&'static str>> {
        let names = ["rowid", "_rowid_", "oid"];
        let columns = self
            .texts("read the columns of a table", &format!("SELECT name FROM pragma_table_xinfo({})", super::super::quote_text(table)))?;
        let name = names.into_iter().find(|name| columns.iter().all(|column| !same_name(column, name)));
        Ok(name.filter(|name| self.has_rowid_named(table, name)))
    }

    fn has_rowid_named(&self, table: &str, name: &str) -> bool {
        let key = "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE pk > 0 AND upper(type) = 'INTEGER' AND \
            (SELECT count(*) FROM pragma_table_xinfo(?1) WHERE pk > 0) = 1";
        let is_key = self.connection.query_row(key, [table], |row| row.get::<_, i64>(0)).unwrap_or(1) > 0;
        !is_key && self.connection.prepare(&format!("SELECT {name} FROM {}", quote(table))).is_ok()
    }

    /// Indexes, views and triggers as they are told.
    fn make_others(&self, told: &Inventory, before: Option<&Inventory>, done: &mut Conformed) -> Step {
        let own = self.inventory()?;
        let (theirs, before) = (named(&told.others), before.map(|before| named(&before.others)).unwrap_or_default());
        let mut there = named(&own.others);
        for (place, other) in named(&own.others) {
            let otherwise = theirs.get(&place).is_some_and(|told| !same_text(&told.sql, &other.sql));
            if otherwise || (!theirs.contains_key(&place) && before.contains_key(&place)) {
                self.drop_other(other)?;
                there.remove(&place);
            }
        }
        for other in told.others.iter().filter(|other| !there.contains_key(&(other.kind, other.name.to_ascii_lowercase()))) {
            let what = words(other);
            match other.kind {
                Kind::View | Kind::Trigger => self.step(&what, self.build(&other.sql))?,
                Kind::Index => match self.index(other) {
                    Ok(()) => {}
                    Err(why) if why.starts_with("UNIQUE constraint failed") => {
                        let named = self.in_the_way_of(other)?;
                        done.late.push(format!("{what} of `{}` is not made yet: {why}; change {named} here", other.table));
                    }
                    Err(why) => done.late.push(format!("{what} of `{}` is not made yet: {why}", other.table)),
                },
            }
        }
        Ok(())
    }

    /// An index over records needs the application's functions and collations themselves: a stand-in would fill it wrongly.
    pub(super) fn index(&self, index: &Other) -> std::result::Result<(), String> {
        let stubs = self.stubs.borrow();
        if let Some(word) = tokens(&index.sql).into_iter().find(|token| stubs.contains(&token.text.to_ascii_lowercase())) {
            return Err(format!("no such function: {}", word.text));
        }
        drop(stubs);
        let said = |message: String| missing_function(&message).map_or(message, |name| format!("no such function: {name}"));
        self.connection.execute_batch(&index.sql).map_err(|error| said(error.to_string()))
    }

    /// What migration tools noted, and the numbers where applications keep the version of their schema.
    fn rest(&self, plan: &Plan, told: &Inventory, done: &mut Conformed) -> Step {
        if plan.history {
            for table in &told.tables {
                if self.is_migration_history(&table.name)? {
                    self.execute("write what migration tools noted", &format!("DELETE FROM {}", quote(&table.name)))?;
                }
            }
            for sql in &told.history {
                self.step("what migration tools noted", self.connection.execute_batch(sql))?;
            }
            for sql in &plan.noted_again {
                let again = match self.connection.execute_batch(sql) {
                    // Its number is another step's at the main office.
                    Err(error) if code_of(&error) == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                        with_next_number(sql).map_or(Err(error), |sql| self.connection.execute_batch(&sql))
                    }
                    again => again,
                };
                if let Err(error) = again {
                    let why = words_of(&error);
                    done.lost.push(format!(
                        "what a migration tool noted at this site before the main office did is not noted any more ({why}); it was: {sql}"
                    ));
                }
            }
        }
        if let Some(version) = plan.user_version {
            self.execute("set the version", &format!("PRAGMA user_version = {version}"))?;
        }
        if let Some(id) = plan.application_id {
            self.execute("set the application", &format!("PRAGMA application_id = {id}"))?;
        }
        Ok(())
    }

    /// No more records refer to nothing than before, but by columns that wait for their values.
    fn check(&self, plan: &Plan, before: &Referring) -> Step {
        if !plan.remakes() {
            return Ok(());
        }
        let references = self.references()?;
        let former =
            |name: &str| plan.tables.iter().find(|one| same_name(&one.name, name)).map_or(name, |one| one.from.as_str()).to_owned();
        for ((table, parent), now) in self.dangling()? {
            let planned = plan.tables.iter().find(|one| one.name == table);
            let waits = planned.is_some_and(|one| !one.made.is_empty() || !one.filled.is_empty());
            // What a new table holds comes behind the schema, and so does what refers to it from now on.
            let comes = plan.made.iter().any(|made| same_name(&made.name, &parent));
            let column_was = |column: &str| {
                let renamed = planned.and_then(|one| one.renamed.iter().find(|(_, now)| same_name(now, column)));
                renamed.map_or(column, |(was, _)| was).to_owned()
            };
            let led_elsewhere = |one: &Reference| {
                let was = before
                    .columns
                    .iter()
                    .filter(|was| same_name(&was.table, &former(&table)) && same_name(&was.column, &column_was(&one.column)));
                let mut was = was.peekable();
                was.peek().is_some() && was.all(|was| !same_name(&was.parent, &former(&parent)))
            };
            let leads = |one: &&Reference| same_name(&one.table, &table) && same_name(&one.parent, &parent);
            let was = before.dangling.get(&(former(&table), former(&parent))).copied().unwrap_or_default();
            if now > was && !waits && !comes && !references.iter().filter(leads).any(led_elsewhere) {
                let named = self.referring_to_nothing(&table, &parent)?;
                return Err(Stop::Refused(Refused::References { named, table, parent }));
            }
        }
        Ok(())
    }

    /// Which columns refer to which tables.
    fn references(&self) -> Result<Vec<Reference>> {
        let doing = "read the references";
        let sql = "SELECT t.name, f.\"from\", f.\"table\" FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'";
        let mut statement = self.connection.prepare(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok(Reference { table: row.get(0)?, column: row.get(1)?, parent: row.get(2)? }));
        all.and_then(Iterator::collect).doing(doing)
    }

    /// Records that refer to nothing, by table and the table they refer to, where that one is here.
    fn dangling(&self) -> Result<BTreeMap<(String, String), u64>> {
        let sql = "SELECT c.\"table\", c.parent, count(*) FROM pragma_foreign_key_check c \
            WHERE c.parent IN (SELECT name FROM sqlite_schema WHERE type = 'table') GROUP BY 1, 2";
        // A reference to columns that are not unique is the application's mistake, and SQLite checks nothing then.
        let Ok(mut statement) = self.connection.prepare(sql) else { return Ok(BTreeMap::new()) };
        let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)?.unsigned_abs())));
        Ok(rows.and_then(Iterator::collect).unwrap_or_default())
    }

    /// The plan made again; none where that is empty, but for what is late.
    fn left(&self, told: &Inventory, before: Option<&Inventory>, wish: &Wish<'_>, done: &Conformed) -> Step<Option<Plan>> {
        let now = Wish { schema: wish.schema, before: wish.before, tables: BTreeMap::new(), ended: std::collections::BTreeSet::new() };
        let left = plan(&self.inventory()?, told, before, &now)?.map_err(Stop::Refused)?;
        let is_had = left.is_empty() || (left.only_indexes() && !done.late.is_empty());
        Ok(Some(left).filter(|_| !is_had))
    }
}
