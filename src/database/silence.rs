//! Which of the application's triggers run while we apply, and how the others are kept still.
//!
//! Rows that arrive have met the application's triggers where they were made; their effects arrive too. So a trigger
//! that writes tracked tables, or writes nothing (it only raises errors), must not run again. One that writes only untracked
//! tables (a full-text index, a local log), or columns of tracked ones that do not travel, must. Of one that does both, only the statements that write nothing tracked are
//! left ([`mixed`]); likewise of one that also raises errors, of which a record that arrives hears nothing: it passed them where it was made. A view counts for what its own triggers write.
//! Whatever runs can refuse a record, and nothing more: `RAISE(ROLLBACK)`, `RAISE(FAIL)` and, where a record would be left out silently,
//! `RAISE(IGNORE)` are `RAISE(ABORT)` meanwhile. Once the record is written `RAISE(IGNORE)` is but the way to return early, and stays. `[triggers]` in the rules says otherwise by name; but a trigger that cannot
//! do here what it does for the application, for want of a function, say, stays still whatever the rules say.
//!
//! **How.** Where none of them runs and what is written goes into the ledger with it, all triggers are off on our connection until the transaction ends,
//! capture's too: its notes would be thrown away before the commit. Nothing cascades meanwhile, for foreign keys are off as well.
//!
//! Else those that stay still are replaced: inside the apply transaction, before its first record is written, the text of such a trigger in `sqlite_schema` is replaced by one that does nothing, or less, and put back byte for byte before the commit. What writes no
//! record leaves the schema alone: reading it anew, twice, and preparing everything again is most of what a small packet costs. Nobody else ever sees it: it is one uncommitted page; a crash
//! takes it back; name, order and the schema's version stay, so the application prepares nothing anew. Rejected: `SQLITE_IGNORE` from an
//! authorizer (a `DELETE` goes on regardless, an `UPDATE` still touches its rows), dropping and making them anew (they would fire in
//! another order).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::error::{DatabaseError, Doing, Result};
use super::facts::Facts;
use super::lacking::{MOST_FUNCTIONS, statements};
use super::mixed::{self, Ignore, Known, Travelling, Views, Write};
use super::plan::Plan;
use super::script::Watch;
use super::{Database, is_ours, quote, quote_text};
use crate::model::{Shape, TableNo};
use crate::rules::reading::quoted;
use crate::rules::{Rules, TriggerRule};

/// What becomes of one of the application's triggers while we apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerPlan {
    /// The table it is on.
    pub table: String,
    /// Its name.
    pub name: String,
    /// It runs while we apply.
    pub runs: bool,
    /// Why it runs or stays still.
    pub reason: TriggerReason,
    /// The tables it writes by itself, by name.
    pub writes: Vec<String>,
    /// Where it runs in part, or with `RAISE(ABORT)` for what would reach further, that text.
    partial: Option<String>,
}

/// Why a trigger runs or stays still while we apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TriggerReason {
    /// The rules say so.
    #[error("rules.toml says so")]
    Rule,
    /// It writes these tracked tables: what it wrote arrives by itself.
    #[error("it writes {}, which arrives by itself", listed(.0))]
    WritesTracked(Vec<String>),
    /// It writes tracked tables, and what does not travel along with them.
    #[error("it writes {}, which arrives by itself{unkept}", listed(.arrives))]
    NotKept {
        /// The tracked tables.
        arrives: Vec<String>,
        /// The rest.
        unkept: Unkept,
    },
    /// It only raises errors or computes: the records passed it where they were made.
    #[error("it writes nothing, and records passed it where they were made")]
    WritesNothing,
    /// It writes only these tables, or columns of tables, which are not tracked: nobody else keeps them.
    #[error("it keeps {}, which does not travel", listed(.0))]
    Local(Vec<String>),
    /// It does both, and runs in part.
    #[error("of what it does, only what keeps {}; {} arrives by itself{unkept}", listed(.local), listed(.arrives))]
    Partly {
        /// Tables and columns it writes that are not tracked.
        local: Vec<String>,
        /// Tables it writes that are.
        arrives: Vec<String>,
        /// What of it does not run, and does not arrive.
        unkept: Unkept,
    },
    /// It calls functions that only the application has.
    #[error("it calls {}, which only the application has", listed(.0))]
    UnknownFunctions(Vec<String>),
    /// It writes a table that we cannot write.
    #[error("it writes `{table}`, and that cannot be done here: {why}")]
    Unwritable {
        /// The table.
        table: String,
        /// What is in the way.
        why: String,
    },
    /// What it does cannot be found out.
    #[error("it cannot be run here: {0}")]
    Unreadable(String),
}

/// What of a trigger neither runs nor arrives, for it is not written apart from what does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unkept {
    /// The trigger.
    pub trigger: String,
    /// Tables and columns; none, mostly.
    pub what: Vec<String>,
}

impl fmt::Display for Unkept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what.is_empty() {
            return Ok(());
        }
        let (what, rule) = (listed(&self.what), quoted(&self.trigger));
        write!(
            f,
            "; {what} does not travel and is not kept here, for it is not written apart from that: let a statement of its own write it, \
            or `{rule} = \"run\"` below `[triggers]` in rules.toml runs all of it"
        )
    }
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What a trigger, or a view or subquery that it reads, does, told by SQLite while it prepares a statement.
#[derive(Debug)]
struct Act {
    by: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Writes(Write),
    Calls(String),
}

/// Shared with the authorizer: what triggers or a script do, while somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Gate {
    acts: Option<Vec<Act>>,
    /// Looks at what a publisher's SQL does, while it runs.
    pub script: Option<Watch>,
}

/// How far the application's triggers are kept still in this transaction.
#[derive(Debug, Default)]
pub(super) enum Stillness {
    /// They run.
    #[default]
    Running,
    /// They are to be still from the first write on.
    Due(Rc<Quiet>, Capture),
    /// All are off, capture's too; these tables were written.
    Off(BTreeSet<TableNo>),
    /// These do nothing, or less.
    Still(Vec<Stilled>),
}

/// Whether capture notes what we write while the application's triggers are still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// As what the application writes.
    Notes,
    /// It need not: what is written goes into the ledger with it.
    MayRest,
}

/// A trigger that was made still, with the text to put back.
#[derive(Debug)]
pub(super) struct Stilled {
    name: String,
    sql: String,
}

/// What is found out of the triggers of one schema, and from what else.
#[derive(Debug)]
pub(super) struct Quiet {
    tracked: Travelling,
    rules: Rules,
    /// Those that are kept still, each with the part of it that runs.
    texts: BTreeMap<String, Option<String>>,
    /// Tables, in lower case, on which triggers run, wholly or in part.
    running: BTreeSet<String>,
}

impl Quiet {
    /// Whether triggers are switched off, all of them.
    fn all_rest(&self, capture: Capture) -> bool {
        capture == Capture::MayRest && self.running.is_empty()
    }
}

/// Installs the recording authorizer.
pub(super) fn install(connection: &mut Connection, gate: &Arc<Mutex<Gate>>) -> Result<()> {
    let gate = Arc::clone(gate);
    let hook = move |context: AuthContext<'_>| {
        let mut gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(script) = &mut gate.script {
            return script.judge(&context);
        }
        if let Some(trigger) = context.accessor
            && let Some(acts) = &mut gate.acts
            && let Some(what) = what(&context.action)
        {
            acts.push(Act { by: trigger.to_owned(), what });
        }
        Authorization::Allow
    };
    connection.authorizer(Some(hook)).doing("watch what triggers do")
}

fn what(action: &AuthAction<'_>) -> Option<What> {
    let writes =
        |table: &str, column: Option<&str>| Some(What::Writes(Write { table: table.to_owned(), column: column.map(str::to_owned) }));
    if let AuthAction::Insert { table_name } | AuthAction::Delete { table_name } = action {
        return writes(table_name, None);
    }
    if let AuthAction::Update { table_name, column_name } = action {
        return writes(table_name, Some(column_name));
    }
    if let AuthAction::Function { function_name } = action {
        return Some(What::Calls((*function_name).to_owned()));
    }
    None
}

impl Database {
    /// What would become of each of the application's triggers, by table and name, where `rules` may say otherwise.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn trigger_plan(&self, shapes: &[Shape], rules: &Rules) -> Result<Vec<TriggerPlan>> {
        let tracked = Travelling::of(shapes);
        let theirs = self.their_triggers()?;
        let names: BTreeSet<&str> = theirs.iter().map(|(_, name, _)| name.as_str()).collect();
        let mut probes: BTreeMap<&str, Probe> = BTreeMap::new();
        let mut views = Views::new();
        for (table, name, _) in &theirs {
            if !probes.contains_key(table.as_str()) {
                probes.insert(table, self.probe(table, &names)?);
            }
            if self.is_view(table)? {
                let writes = probes[table.as_str()].writes.get(name).into_iter().flatten().cloned();
                views.entry(table.to_ascii_lowercase()).or_default().extend(writes);
            }
        }
        let known = Known { tracked, views, rules };
        theirs.iter().map(|(table, name, sql)| self.plan_of(table, name, sql, &probes[table.as_str()], &known)).collect()
    }

    fn plan_of(&self, table: &str, name: &str, sql: &str, probe: &Probe, known: &Known<'_>) -> Result<TriggerPlan> {
        let (on_view, on_tracked) = (self.is_view(table)?, known.tracked.has_table(table));
        let ignore = if on_tracked && !mixed::is_after(sql) { Ignore::LeavesOut } else { Ignore::Returns };
        let (writes, mut found) = probe.judge(name, known);
        let (mut kept, mut unkept, mut partial) = (BTreeSet::new(), BTreeSet::new(), None);
        let mut only = || {
            mixed::only(sql, table, on_view, ignore, |target| {
                let (runs, local) = known.keeps(probe.written(name), target);
                if runs { &mut kept } else { &mut unkept }.extend(local);
                runs
            })
        };
        match &found {
            TriggerReason::WritesTracked(arrives) if writes.iter().any(|write| !known.tracked.has(write)) => {
                partial = only();
                let all = known.local(&writes);
                if partial.is_none() {
                    unkept.clone_from(&all);
                }
                unkept.extend(all.into_iter().filter(|name| !kept.contains(name)));
                let (arrives, local) = (arrives.clone(), kept.into_iter().collect());
                let unkept = Unkept { trigger: name.to_owned(), what: unkept.into_iter().collect() };
                found = if partial.is_some() {
                    TriggerReason::Partly { local, arrives, unkept }
                } else {
                    TriggerReason::NotKept { arrives, unkept }
                };
            }
            TriggerReason::Local(_) if on_tracked && mixed::raises(sql) => partial = only(),
            TriggerReason::Rule
            | TriggerReason::WritesTracked(_)
            | TriggerReason::NotKept { .. }
            | TriggerReason::WritesNothing
            | TriggerReason::Local(_)
            | TriggerReason::Partly { .. }
            | TriggerReason::UnknownFunctions(_)
            | TriggerReason::Unwritable { .. }
            | TriggerReason::Unreadable(_) => {}
        }
        let tables: BTreeSet<&String> = writes.iter().map(|write| &write.table).collect();
        if matches!(found, TriggerReason::Local(_) | TriggerReason::Partly { .. })
            && let Some(reason) = self.unwritable(tables.iter().copied().filter(|table| !known.tracked.has_table(table)))?
        {
            found = reason;
        }
        let (runs, reason) = decide(found, known.rules.trigger(name));
        partial = partial.filter(|_| matches!(reason, TriggerReason::Partly { .. } | TriggerReason::Local(_)));
        if runs {
            let left_out = (ignore == Ignore::LeavesOut).then(|| format!("trigger `{name}` leaves the record out"));
            partial = mixed::refusing(partial.as_deref().unwrap_or(sql), left_out.as_deref()).or(partial);
        }
        let writes = tables.into_iter().cloned().collect();
        Ok(TriggerPlan { table: table.to_owned(), name: name.to_owned(), runs, reason, writes, partial })
    }

    /// Whether a write of a table runs a trigger of the application now.
    pub(super) fn runs_triggers(&self, plan: &Plan) -> bool {
        if !plan.is_triggered {
            return false;
        }
        match (&*self.stillness.borrow(), &*self.quiet.borrow()) {
            (Stillness::Still(_), Some(quiet)) => quiet.running.contains(&plan.name().to_ascii_lowercase()),
            (Stillness::Off(_), _) => false,
            (Stillness::Running | Stillness::Due(..) | Stillness::Still(_), _) => true,
        }
    }

    /// Tables of which the application's triggers change rows when rows of a table are written. A statement that cannot be prepared says
    /// nothing here: whoever carries it out reads why.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn written_by_triggers(&self, table: &str) -> Result<BTreeSet<String>> {
        let facts = Facts::read(&self.connection, table)?;
        let acts = statements(table, &facts).into_iter().filter_map(|sql| self.listen(&sql).ok()).flatten();
        let written = acts.filter(|act| !is_ours(&act.by)).filter_map(|act| match act.what {
            What::Writes(write) => Some(write.table),
            What::Calls(_) => None,
        });
        Ok(written.filter(|table| !is_ours(table)).collect())
    }

    /// Whether one of these tables, which a trigger writes, is one that we cannot write.
    fn unwritable<'t>(&self, tables: impl Iterator<Item = &'t String>) -> Result<Option<TriggerReason>> {
        let tester = self.tester();
        for table in tables {
            // A view is written by triggers of its own, which are judged for themselves; a virtual table by its module.
            let sql = "SELECT type FROM pragma_table_list(?1) WHERE schema = 'main'";
            let kind = self.connection.prepare_cached(sql).and_then(|mut s| s.query_row([table], |row| row.get::<_, String>(0)));
            if !matches!(kind.as_deref(), Ok("table")) {
                continue;
            }
            let ability = tester.ability(table, &Facts::read(&self.connection, table)?)?;
            if let Some(why) = &ability.refusal {
                return Ok(Some(TriggerReason::Unwritable { table: table.clone(), why: why.to_string() }));
            }
        }
        Ok(None)
    }

    /// Keeps the application's triggers still, except those that maintain untracked tables and what `rules` say, until this
    /// transaction ends: from its first write of a record on. Capture may rest meanwhile where none of them runs. To be called after [`Database::begin_write`] and before that write: what tables
    /// need is found out with a second connection, which a large write would keep waiting. The commit puts everything back.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn silence_application_triggers(&self, shapes: &[Shape], rules: &Rules, capture: Capture) -> Result<()> {
        if !self.in_transaction() {
            return Err(DatabaseError::Bookkeeping("triggers are kept still only inside a transaction".into()));
        }
        // A second call would take the replaced texts for the application's.
        if matches!(*self.stillness.borrow(), Stillness::Off(_) | Stillness::Still(_)) {
            return Ok(());
        }
        let tester = self.tester();
        for shape in shapes {
            // A run has many slices, and this is found out once.
            if self.abilities.borrow().contains_key(&shape.name) {
                continue;
            }
            tester.ability(&shape.name, &Facts::read(&self.connection, &shape.name)?)?;
        }
        let quiet = self.quiet(shapes, rules)?;
        if quiet.all_rest(capture) || !quiet.texts.is_empty() {
            self.stillness.replace(Stillness::Due(quiet, capture));
        }
        Ok(())
    }

    /// A record of this table was written.
    pub(super) fn remember_written(&self, table: TableNo) {
        if let Stillness::Off(written) = &mut *self.stillness.borrow_mut() {
            written.insert(table);
        }
    }

    /// Where our writes are not noted, one note for all of them in a table: by the numbers of notes it is told which of two states of a database
    /// is the later one, and whether they are of one history. To be called before the commit.
    ///
    /// # Errors
    /// As SQLite says, also where a table was never armed.
    pub fn note_silent_writes(&self, shapes: &[Shape]) -> Result<()> {
        if let Stillness::Off(written) = &*self.stillness.borrow() {
            shapes.iter().filter(|shape| written.contains(&shape.number)).try_for_each(|shape| self.note_nothing(shape))?;
        }
        Ok(())
    }

    /// Before a write: makes still what is to be.
    pub(super) fn still(&self) -> Result<()> {
        let doing = "keep the application's triggers still";
        let (quiet, capture) = match &*self.stillness.borrow() {
            Stillness::Due(quiet, capture) => (Rc::clone(quiet), *capture),
            Stillness::Running | Stillness::Off(_) | Stillness::Still(_) => return Ok(()),
        };
        if quiet.all_rest(capture) {
            self.stillness.replace(Stillness::Off(BTreeSet::new()));
            return self.let_triggers_run(false);
        }
        let (mut stilled, mut texts) = (Vec::new(), Vec::new());
        for (table, name, sql) in self.their_triggers()? {
            let Some(partial) = quiet.texts.get(&name) else { continue };
            // On a view there is only INSTEAD OF; we write tables, and a trigger that runs may write the view: as the application does.
            let event = if self.is_view(&table)? {
                format!("INSTEAD OF {}", mixed::event(&sql).unwrap_or("INSERT"))
            } else {
                "AFTER INSERT".to_owned()
            };
            let nothing = || format!("CREATE TRIGGER {} {event} ON {} WHEN 0 BEGIN SELECT 1; END", quote(&name), quote(&table));
            texts.push((name.clone(), partial.clone().unwrap_or_else(nothing)));
            stilled.push(Stilled { name, sql });
        }
        self.stillness.replace(Stillness::Still(stilled));
        self.execute(doing, "PRAGMA writable_schema = ON")?;
        texts.iter().try_for_each(|(name, text)| self.rewrite(name, text))?;
        self.execute(doing, "PRAGMA writable_schema = RESET")
    }

    /// Which triggers stay still, wholly or in part. A run has many slices, and this is found out once for each schema.
    fn quiet(&self, shapes: &[Shape], rules: &Rules) -> Result<Rc<Quiet>> {
        let tracked = Travelling::of(shapes);
        if let Some(known) = &*self.quiet.borrow()
            && known.tracked == tracked
            && known.rules == *rules
        {
            return Ok(Rc::clone(known));
        }
        let plans = self.trigger_plan(shapes, rules)?;
        let running = plans.iter().filter(|plan| plan.runs).map(|plan| plan.table.to_ascii_lowercase()).collect();
        let changed = plans.into_iter().filter(|plan| !plan.runs || plan.partial.is_some());
        let texts = changed.map(|plan| (plan.name, plan.partial)).collect();
        let quiet = Rc::new(Quiet { tracked, rules: rules.clone(), texts, running });
        self.quiet.replace(Some(Rc::clone(&quiet)));
        Ok(quiet)
    }

    /// Puts the texts back, before a commit.
    pub(super) fn put_triggers_back(&self) -> Result<()> {
        let doing = "put the application's triggers back";
        match &*self.stillness.borrow() {
            Stillness::Running | Stillness::Due(..) => {}
            Stillness::Off(_) => self.let_triggers_run(true)?,
            Stillness::Still(stilled) => {
                self.execute(doing, "PRAGMA writable_schema = ON")?;
                stilled.iter().try_for_each(|trigger| self.rewrite(&trigger.name, &trigger.sql))?;
                self.execute(doing, "PRAGMA writable_schema = RESET")?;
            }
        }
        self.stillness.take();
        Ok(())
    }

    /// After a rollback, which put the texts back: makes this connection read them again.
    pub(super) fn reread_triggers(&self) -> Result<()> {
        match self.stillness.take() {
            Stillness::Running | Stillness::Due(..) => Ok(()),
            Stillness::Off(_) => self.let_triggers_run(true),
            Stillness::Still(_) => self.execute("read the schema again", "PRAGMA writable_schema = RESET"),
        }
    }

    /// What was prepared before is prepared anew.
    fn let_triggers_run(&self, run: bool) -> Result<()> {
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, run).map(drop).doing("switch triggers on or off")
    }

    fn rewrite(&self, name: &str, sql: &str) -> Result<()> {
        let update = "UPDATE sqlite_schema SET sql = ?2 WHERE type = 'trigger' AND name = ?1";
        let changed = self.connection.execute(update, (name, sql)).doing("rewrite a trigger")?;
        if changed == 1 { Ok(()) } else { Err(DatabaseError::Bookkeeping(format!("trigger `{name}` is there {changed} times"))) }
    }

    /// Table, name and text of the triggers that are not ours, in the order of their making.
    fn their_triggers(&self) -> Result<Vec<(String, String, String)>> {
        let doing = "list the application's triggers";
        let sql = "SELECT tbl_name, name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid";
        let mut statement = self.connection.prepare_cached(sql).doing(doing)?;
        let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).and_then(Iterator::collect);
        let all: Vec<(String, String, String)> = all.doing(doing)?;
        Ok(all.into_iter().filter(|(_, name, _)| !is_ours(name)).collect())
    }

    fn is_view(&self, table: &str) -> Result<bool> {
        let sql = format!("SELECT name FROM sqlite_schema WHERE type = 'view' AND name = {}", quote_text(table));
        Ok(!self.texts("look for a view", &sql)?.is_empty())
    }

    /// Prepares one statement of each kind on a table and listens to what its triggers would do.
    fn probe(&self, table: &str, triggers: &BTreeSet<&str>) -> Result<Probe> {
        let mut probe = Probe::default();
        // The columns of a view are known only when everything it asks is.
        let facts = match self.with_stand_ins(|| Facts::read(&self.connection, table).map_err(|error| error.to_string())) {
            Ok(facts) => facts,
            Err(error) => return Ok(Probe { failed: Some(error), ..probe }),
        };
        for sql in statements(table, &facts) {
            match self.with_stand_ins(|| self.listen(&sql)) {
                Ok(acts) => acts.into_iter().for_each(|act| self.note(act, triggers, &mut probe)),
                // A view takes only what there is an INSTEAD OF trigger for.
                Err(error) if error.starts_with("cannot modify ") => {}
                Err(error) => probe.failed = probe.failed.or(Some(error)),
            }
        }
        Ok(probe)
    }

    fn note(&self, act: Act, triggers: &BTreeSet<&str>, probe: &mut Probe) {
        match act.what {
            What::Writes(write) => {
                probe.writes.entry(act.by).or_default().insert(write);
            }
            What::Calls(function) if !self.stubs.borrow().contains(&function.to_ascii_lowercase()) => {}
            What::Calls(function) if triggers.contains(act.by.as_str()) => {
                probe.unknown.entry(act.by).or_default().insert(function);
            }
            // A view or a subquery calls it, for one of the triggers; which one SQLite does not say.
            What::Calls(function) => {
                probe.somewhere.insert(function);
            }
        }
    }

    /// Repeats what fails for want of a function, with a stand-in for it.
    pub(super) fn with_stand_ins<T>(&self, work: impl Fn() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
        for _ in 0..MOST_FUNCTIONS {
            let error = match work() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(name) = missing_function(&error) else { return Err(error) };
            self.stand_in(&name).map_err(|error| error.to_string())?;
        }
        work()
    }

    /// What triggers would do for a statement.
    fn listen(&self, sql: &str) -> std::result::Result<Vec<Act>, String> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).acts = Some(Vec::new());
        let prepared = self.connection.prepare(sql).map(drop);
        let acts = self.gate.lock().unwrap_or_else(PoisonError::into_inner).acts.take();
        prepared.map(|()| acts.unwrap_or_default()).map_err(|error| error.to_string())
    }
}

/// What the triggers of one table do, by name.
#[derive(Default)]
struct Probe {
    writes: BTreeMap<String, BTreeSet<Write>>,
    /// Functions that only the application has.
    unknown: BTreeMap<String, BTreeSet<String>>,
    /// Such functions that one of the triggers calls, nobody knows which.
    somewhere: BTreeSet<String>,
    /// Why a statement could not be prepared: nothing is known of the rest.
    failed: Option<String>,
}

impl Probe {
    /// What a trigger writes by itself.
    fn written(&self, trigger: &str) -> impl Iterator<Item = &Write> {
        self.writes.get(trigger).into_iter().flatten()
    }

    /// What a trigger writes, and what follows.
    fn judge(&self, trigger: &str, known: &Known<'_>) -> (BTreeSet<Write>, TriggerReason) {
        let writes: BTreeSet<Write> = self.written(trigger).flat_map(|write| known.written_through(write)).collect();
        let unknown: BTreeSet<&String> = self.unknown.get(trigger).into_iter().flatten().chain(&self.somewhere).collect();
        let arrive: BTreeSet<&String> = writes.iter().filter(|write| known.tracked.has(write)).map(|write| &write.table).collect();
        let reason = if !unknown.is_empty() {
            TriggerReason::UnknownFunctions(unknown.into_iter().cloned().collect())
        } else if let Some(error) = &self.failed {
            TriggerReason::Unreadable(error.clone())
        } else if !arrive.is_empty() {
            TriggerReason::WritesTracked(arrive.into_iter().cloned().collect())
        } else if writes.is_empty() {
            TriggerReason::WritesNothing
        } else {
            TriggerReason::Local(known.local(&writes).into_iter().collect())
        };
        (writes, reason)
    }
}

/// Whether a trigger runs, after what was found out and what the rules say.
fn decide(found: TriggerReason, rule: Option<TriggerRule>) -> (bool, TriggerReason) {
    let can = match &found {
        TriggerReason::UnknownFunctions(_) | TriggerReason::Unwritable { .. } | TriggerReason::Unreadable(_) => false,
        TriggerReason::Rule
        | TriggerReason::WritesTracked(_)
        | TriggerReason::NotKept { .. }
        | TriggerReason::WritesNothing
        | TriggerReason::Local(_)
        | TriggerReason::Partly { .. } => true,
    };
    match rule {
        Some(TriggerRule::Still) => (false, TriggerReason::Rule),
        Some(TriggerRule::Run) if can => (true, TriggerReason::Rule),
        Some(TriggerRule::Run) | None => (matches!(found, TriggerReason::Local(_) | TriggerReason::Partly { .. }), found),
    }
}

/// The name in `no such function: x` and `unknown function: x()`.
pub(super) fn missing_function(message: &str) -> Option<String> {
    let (_, name) = message.split_once("no such function: ").or_else(|| message.split_once("unknown function: "))?;
    let name = name.split(" in ").next()?.trim_end_matches("()");
    (!name.is_empty()).then(|| name.to_owned())
}

/// A function that says NULL, so that statements around a still trigger, and checks we cannot make, can be prepared.
pub(super) fn stub(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(name, -1, flags, |_| Ok(rusqlite::types::Null))
}
