//! Which of the application's triggers run while we apply, and how the others are kept still.
//!
//! Rows that arrive have met the application's triggers where they were made; their effects arrive too. So a trigger
//! that writes tracked tables, or writes nothing (it only raises errors), must not run again. One that writes only untracked
//! tables (a full-text index, a local log) must.
//!
//! **How.** Inside the apply transaction the text of a still trigger in `sqlite_schema` is replaced by one that does
//! nothing, and put back byte for byte before the commit. Nobody else ever sees it: it is one uncommitted page; a crash
//! takes it back; name, order and the schema's version stay, so the application prepares nothing anew. Rejected: `SQLITE_IGNORE` from an
//! authorizer (a `DELETE` goes on regardless, an `UPDATE` still touches its rows), switching triggers off on our
//! connection (capture would be off too), dropping and making them anew (they would fire in another order).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::error::{DatabaseError, Doing, Result};
use super::facts::Facts;
use super::{Database, is_ours, quote, quote_text};
use crate::model::Shape;

/// Functions of the application that one statement may lack; more is a schema we give up on.
const UNKNOWN_FUNCTIONS: usize = 64;

/// What becomes of one of the application's triggers while we apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerPlan {
    /// The table it is on.
    pub table: String,
    /// Its name.
    pub name: String,
    /// It runs while we apply.
    pub runs: bool,
    /// The tables it writes by itself, by name.
    pub writes: Vec<String>,
    /// Functions it calls that only the application has.
    pub unknown: Vec<String>,
}

/// What a trigger does, told by SQLite while it prepares a statement.
#[derive(Debug)]
struct Act {
    trigger: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Writes(String),
    Calls(String),
}

/// Shared with the authorizer: what triggers do, while somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Gate {
    acts: Option<Vec<Act>>,
}

/// A trigger that was made still, with the text to put back.
#[derive(Debug)]
pub(super) struct Stilled {
    name: String,
    sql: String,
}

/// Installs the recording authorizer.
pub(super) fn install(connection: &mut Connection, gate: &Arc<Mutex<Gate>>) -> Result<()> {
    let gate = Arc::clone(gate);
    let hook = move |context: AuthContext<'_>| {
        if let Some(trigger) = context.accessor
            && let Some(acts) = &mut gate.lock().unwrap_or_else(PoisonError::into_inner).acts
            && let Some(what) = what(&context.action)
        {
            acts.push(Act { trigger: trigger.to_owned(), what });
        }
        Authorization::Allow
    };
    connection.authorizer(Some(hook)).doing("watch what triggers do")
}

fn what(action: &AuthAction<'_>) -> Option<What> {
    if let AuthAction::Insert { table_name } | AuthAction::Update { table_name, .. } | AuthAction::Delete { table_name } = action {
        return Some(What::Writes((*table_name).to_owned()));
    }
    if let AuthAction::Function { function_name } = action {
        return Some(What::Calls((*function_name).to_owned()));
    }
    None
}

impl Database {
    /// What would become of each of the application's triggers, by table and name.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn trigger_plan(&self, shapes: &[Shape]) -> Result<Vec<TriggerPlan>> {
        let tracked: BTreeSet<String> = shapes.iter().map(|shape| shape.name.to_ascii_lowercase()).collect();
        let mut plans: Vec<TriggerPlan> = Vec::new();
        for (table, name, _) in self.their_triggers()? {
            plans.push(TriggerPlan { table, name, runs: false, writes: Vec::new(), unknown: Vec::new() });
        }
        let tables: BTreeSet<String> = plans.iter().map(|plan| plan.table.clone()).collect();
        for table in tables {
            let probe = self.probe(&table)?;
            for plan in plans.iter_mut().filter(|plan| plan.table == table) {
                probe.judge(plan, &tracked, &self.stubs.borrow());
            }
        }
        Ok(plans)
    }

    /// Keeps the application's triggers still, except those that maintain untracked tables, until this transaction ends.
    /// To be called after [`Database::begin_write`]; the commit puts everything back.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn silence_application_triggers(&self, shapes: &[Shape]) -> Result<()> {
        let doing = "keep the application's triggers still";
        if !self.in_transaction() {
            return Err(DatabaseError::Bookkeeping("triggers are kept still only inside a transaction".into()));
        }
        // A second call would take the replaced texts for the application's.
        if !self.stilled.borrow().is_empty() {
            return Ok(());
        }
        let still: BTreeSet<String> = self.trigger_plan(shapes)?.into_iter().filter(|plan| !plan.runs).map(|plan| plan.name).collect();
        let mut stilled = Vec::new();
        for (table, name, sql) in self.their_triggers()?.into_iter().filter(|(_, name, _)| still.contains(name)) {
            // On a view there is only INSTEAD OF; we write tables, and a trigger that runs may write the view.
            let when = if self.is_view(&table)? { "INSTEAD OF" } else { "AFTER" };
            let text = format!("CREATE TRIGGER {} {when} INSERT ON {} WHEN 0 BEGIN SELECT 1; END", quote(&name), quote(&table));
            stilled.push((Stilled { name, sql }, text));
        }
        if stilled.is_empty() {
            return Ok(());
        }
        self.execute(doing, "PRAGMA writable_schema = ON")?;
        for (trigger, text) in stilled {
            self.rewrite(&trigger.name, &text)?;
            self.stilled.borrow_mut().push(trigger);
        }
        self.execute(doing, "PRAGMA writable_schema = RESET")
    }

    /// Puts the texts back, before a commit.
    pub(super) fn put_triggers_back(&self) -> Result<()> {
        let doing = "put the application's triggers back";
        if self.stilled.borrow().is_empty() {
            return Ok(());
        }
        self.execute(doing, "PRAGMA writable_schema = ON")?;
        self.stilled.borrow().iter().try_for_each(|trigger| self.rewrite(&trigger.name, &trigger.sql))?;
        self.stilled.borrow_mut().clear();
        self.execute(doing, "PRAGMA writable_schema = RESET")
    }

    /// After a rollback, which put the texts back: makes this connection read them again.
    pub(super) fn reread_triggers(&self) -> Result<()> {
        if self.stilled.borrow().is_empty() {
            return Ok(());
        }
        self.stilled.borrow_mut().clear();
        self.execute("read the schema again", "PRAGMA writable_schema = RESET")
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
    fn probe(&self, table: &str) -> Result<Probe> {
        let facts = Facts::read(&self.connection, table)?;
        let mut probe = Probe::default();
        for sql in statements(table, &facts) {
            match self.listen(&sql) {
                Some(acts) => probe.acts.extend(acts),
                None => probe.failed = true,
            }
        }
        Ok(probe)
    }

    /// What triggers would do for a statement; none where it cannot be prepared even with stand-ins for functions.
    fn listen(&self, sql: &str) -> Option<Vec<Act>> {
        for _ in 0..=UNKNOWN_FUNCTIONS {
            self.gate.lock().unwrap_or_else(PoisonError::into_inner).acts = Some(Vec::new());
            let prepared = self.connection.prepare(sql).map(drop);
            let acts = self.gate.lock().unwrap_or_else(PoisonError::into_inner).acts.take();
            let Err(error) = prepared else { return acts };
            let name = missing_function(&error.to_string())?;
            stub(&self.connection, &name).ok()?;
            self.stubs.borrow_mut().insert(name.to_ascii_lowercase());
        }
        None
    }
}

/// What the triggers of one table do.
#[derive(Default)]
struct Probe {
    acts: Vec<Act>,
    /// A statement could not be prepared: nothing is known of the rest.
    failed: bool,
}

impl Probe {
    fn judge(&self, plan: &mut TriggerPlan, tracked: &BTreeSet<String>, stubs: &BTreeSet<String>) {
        let mut writes = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        for act in self.acts.iter().filter(|act| act.trigger == plan.name) {
            match &act.what {
                What::Writes(table) => {
                    writes.insert(table.clone());
                }
                What::Calls(function) => {
                    unknown.extend(stubs.contains(&function.to_ascii_lowercase()).then(|| function.clone()));
                }
            }
        }
        let local = writes.iter().all(|table| !tracked.contains(&table.to_ascii_lowercase()));
        plan.runs = !self.failed && !writes.is_empty() && local && unknown.is_empty();
        plan.writes = writes.into_iter().collect();
        plan.unknown = unknown.into_iter().collect();
    }
}

/// One statement of each kind; the update names every column, so that every `UPDATE OF` is asked.
pub(super) fn statements(table: &str, facts: &Facts) -> Vec<String> {
    let table = quote(table);
    let sets: Vec<String> =
        facts.columns.iter().filter(|column| !column.generated).map(|column| format!("{0} = NULL", quote(&column.name))).collect();
    vec![format!("INSERT INTO {table} DEFAULT VALUES"), format!("UPDATE {table} SET {}", sets.join(", ")), format!("DELETE FROM {table}")]
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
