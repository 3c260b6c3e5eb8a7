//! Which statements of a trigger keep only what does not travel?
//!
//! A trigger may do both: note the time in the record, which arrives by itself, and keep a full-text index, which does not.
//! While packets are applied only the statements of the second sort are left in it, and what ends it early before them. A text that is not understood is left alone
//! by whoever asks; what is made of one is tried in an empty database first.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::sql::{Token, bare, tokens};
use super::{quote, quote_text};
use crate::model::Shape;
use crate::rules::Rules;

/// What is written: rows of a table or, where it is an update, a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Write {
    pub table: String,
    pub column: Option<String>,
}

/// What travels: the columns of each tracked table, all in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Travelling(BTreeMap<String, BTreeSet<String>>);

impl Travelling {
    pub fn of(shapes: &[Shape]) -> Self {
        let fields = |shape: &Shape| shape.live_fields().map(|field| shape.name_of(field).to_ascii_lowercase()).collect();
        Self(shapes.iter().map(|shape| (shape.name.to_ascii_lowercase(), fields(shape))).collect())
    }

    pub fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(&table.to_ascii_lowercase())
    }

    /// Whether what is written arrives by itself. `ROWID` is what SQLite says where no column is named.
    pub fn has(&self, write: &Write) -> bool {
        let is_field = |fields: &BTreeSet<String>, column: &String| column == "ROWID" || fields.contains(&column.to_ascii_lowercase());
        let fields = self.0.get(&write.table.to_ascii_lowercase());
        fields.is_some_and(|fields| write.column.as_ref().is_none_or(|column| is_field(fields, column)))
    }

    /// What does not travel, as it is told to a person.
    fn said(&self, write: &Write) -> String {
        match &write.column {
            Some(column) if self.has_table(&write.table) => format!("{}.{column}", write.table),
            Some(_) | None => write.table.clone(),
        }
    }
}

/// What the triggers of each view write, by its name in lower case.
pub(super) type Views = BTreeMap<String, BTreeSet<Write>>;

/// What is known of all triggers when one of them is judged.
pub(super) struct Known<'r> {
    pub tracked: Travelling,
    pub views: Views,
    pub rules: &'r Rules,
}

impl Known<'_> {
    /// What is written where this is: it itself, or what the triggers of a view write. A view of which nothing is known stands
    /// for itself.
    pub fn written_through(&self, write: &Write) -> BTreeSet<Write> {
        let (mut written, mut seen, mut due) = (BTreeSet::new(), BTreeSet::new(), vec![write.clone()]);
        while let Some(next) = due.pop() {
            if !seen.insert(next.clone()) {
                continue;
            }
            match self.views.get(&next.table.to_ascii_lowercase()).filter(|writes| !writes.is_empty()) {
                Some(writes) => due.extend(writes.iter().cloned()),
                None => drop(written.insert(next)),
            }
        }
        written
    }

    /// What of it does not travel, as it is told to a person.
    pub fn local(&self, writes: &BTreeSet<Write>) -> BTreeSet<String> {
        writes.iter().filter(|write| !self.tracked.has(write)).map(|write| self.tracked.said(write)).collect()
    }

    /// Whether a statement of a trigger that does all this runs here, and what it writes that does not travel. Where it writes a view, the
    /// triggers of that are cut as well.
    pub fn keeps<'w>(&self, written: impl Iterator<Item = &'w Write>, target: &Target) -> (bool, BTreeSet<String>) {
        let there = written.filter(|write| write.table.eq_ignore_ascii_case(&target.table));
        if !self.tracked.has_table(&target.table) {
            let local = self.local(&there.flat_map(|write| self.written_through(write)).collect());
            return (!local.is_empty(), local);
        }
        // What SQLite names a column is one: `oid` may be.
        let is_set =
            |write: &&Write| write.column.as_ref().is_some_and(|column| target.columns.iter().any(|set| set.eq_ignore_ascii_case(column)));
        let set: BTreeSet<Write> = there.filter(is_set).cloned().collect();
        let is_local = |column: &String| {
            set.iter()
                .any(|write| !self.tracked.has(write) && write.column.as_ref().is_some_and(|named| named.eq_ignore_ascii_case(column)))
        };
        (!target.columns.is_empty() && target.columns.iter().all(is_local), self.local(&set))
    }
}

/// What a statement of a trigger writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The table.
    pub table: String,
    /// Where only columns are set, those.
    pub columns: Vec<String>,
}

/// What `RAISE(IGNORE)` does in a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignore {
    /// It leaves the record out.
    LeavesOut,
    /// The record is written already, or another one than ours: it only returns.
    Returns,
}

/// The text of a trigger with only those statements for whose target `keeps` says yes, and those that return early; none where that is not possible.
/// `on_view` is where an INSTEAD OF trigger is.
pub(super) fn only(sql: &str, table: &str, on_view: bool, ignore: Ignore, mut keeps: impl FnMut(&Target) -> bool) -> Option<String> {
    let tokens = tokens(sql);
    let after_dot = |at: usize| at > 0 && tokens[at - 1].text == ".";
    let begin = (0..tokens.len()).find(|at| tokens[*at].text.eq_ignore_ascii_case("begin") && !after_dot(*at))?;
    let end = tokens.iter().rposition(|token| token.text.eq_ignore_ascii_case("end"))?;
    let body = tokens.get(begin + 1..end)?;
    let mut text = format!("{} ", &sql[..tokens[begin].start + tokens[begin].text.len()]);
    let mut kept = 0;
    for statement in body.split(|token| token.text == ";").filter(|statement| !statement.is_empty()) {
        let target = target(statement);
        let returns = ignore == Ignore::Returns && raised(statement).any(|how| how.is("ignore"));
        if target.as_ref().is_some_and(&mut keeps) {
            text.push_str(&sql[statement[0].start..statement[statement.len() - 1].end()]);
            kept += 1;
        } else if !returns {
            continue;
        } else if target.is_none() {
            text.push_str(&without_errors(sql, statement));
        } else {
            // What follows would be done also where the application returns.
            return None;
        }
        text.push_str("; ");
    }
    text.push_str("END");
    (kept > 0 && is_trigger(&text, table, on_view)).then_some(text)
}

/// A statement that returns early, without the errors that it may raise besides: the record passed them where it was made.
fn without_errors(sql: &str, statement: &[Token<'_>]) -> String {
    let (mut text, mut from) = (String::new(), statement[0].start);
    for at in 0..statement.len().saturating_sub(2) {
        let is_error = statement[at].is("raise") && statement[at + 1].text == "(" && !statement[at + 2].is("ignore");
        if is_error && statement[at].start >= from {
            let close = depths(&statement[at + 1..]).skip(1).find(|(_, depth)| *depth == 0).map(|(token, _)| token.end());
            text.push_str(&sql[from..statement[at].start]);
            text.push_str("NULL");
            from = close.unwrap_or_else(|| statement[statement.len() - 1].end());
        }
    }
    text + &sql[from..statement[statement.len() - 1].end()]
}

/// Each token with how many brackets are open after it.
fn depths<'s>(tokens: &'s [Token<'s>]) -> impl Iterator<Item = (&'s Token<'s>, i32)> {
    tokens.iter().scan(0, |depth, token| {
        *depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        Some((token, *depth))
    })
}

/// Whether a trigger raises errors, or leaves rows out.
pub(super) fn raises(sql: &str) -> bool {
    raised(&tokens(sql)).next().is_some()
}

/// The text of a trigger that can only refuse a record: no `RAISE(ROLLBACK)`, which takes everything else along, and no `RAISE(FAIL)`, which leaves
/// the record written; nor such conflict clauses. With `left_out`, that is the error in the place of `RAISE(IGNORE)`. None where there is nothing to change.
pub(super) fn refusing(sql: &str, left_out: Option<&str>) -> Option<String> {
    let tokens = tokens(sql);
    let (mut text, mut from) = (String::new(), 0);
    // `INSERT OR ROLLBACK` is the same; what we say instead of it does not reach into a trigger of a DELETE.
    let clauses = tokens.windows(2).filter(|all| all[0].is("or") && (all[1].is("rollback") || all[1].is("fail"))).map(|all| &all[1]);
    let mut found: Vec<&Token<'_>> = raised(&tokens).chain(clauses).collect();
    found.sort_by_key(|token| token.start);
    for how in found {
        let other = match left_out {
            _ if how.is("rollback") || how.is("fail") => "ABORT".to_owned(),
            Some(message) if how.is("ignore") => format!("ABORT, {}", quote_text(message)),
            Some(_) | None => continue,
        };
        text.push_str(&sql[from..how.start]);
        text.push_str(&other);
        from = how.end();
    }
    text.push_str(&sql[from..]);
    (from > 0).then_some(text)
}

/// What is said inside each `RAISE(…)`: `IGNORE`, `ROLLBACK`, `ABORT` or `FAIL`.
fn raised<'s>(tokens: &'s [Token<'s>]) -> impl Iterator<Item = &'s Token<'s>> {
    let is_raised = |all: &&[Token<'_>]| all[0].is("raise") && all[1].text == "(";
    tokens.windows(3).filter(is_raised).map(|all| &all[2])
}

/// What a trigger is for: `INSERT`, `DELETE`, `UPDATE` or `UPDATE OF …`.
pub(super) fn event(sql: &str) -> Option<&str> {
    let tokens = tokens(sql);
    let from = tokens.iter().find(|token| ["insert", "update", "delete"].iter().any(|event| token.is(event)))?.start;
    let until = tokens.iter().find(|token| token.start > from && token.is("on"))?.start;
    Some(sql[from..until].trim_end())
}

/// Whether a trigger runs once the record is written. One that says nothing of it runs before.
pub(super) fn is_after(sql: &str) -> bool {
    let tokens = tokens(sql);
    let event = tokens.iter().position(|token| ["insert", "update", "delete"].iter().any(|event| token.is(event)));
    // The name may be that word.
    event.is_some_and(|at| at > 3 && tokens[at - 1].is("after"))
}

/// What a statement writes; none for `SELECT`.
fn target(statement: &[Token<'_>]) -> Option<Target> {
    let is = |at: usize, word: &str| statement.get(at).is_some_and(|token| token.text.eq_ignore_ascii_case(word));
    let after = |word: &str| statement.iter().position(|token| token.text.eq_ignore_ascii_case(word)).map(|at| at + 1);
    let (at, columns) = if is(0, "insert") || is(0, "replace") {
        (after("into")?, Vec::new())
    } else if is(0, "update") {
        let at = if is(1, "or") { 3 } else { 1 };
        (at, set(statement.get(at + 2..)?))
    } else if is(0, "delete") {
        (after("from")?, Vec::new())
    } else {
        return None;
    };
    Some(Target { table: bare(statement.get(at)?.text), columns })
}

/// The columns that are set, by what follows `SET`: names, or lists of them in brackets, each before its `=`.
fn set(assignments: &[Token<'_>]) -> Vec<String> {
    let (mut columns, mut is_left, mut before) = (Vec::new(), true, None);
    for (token, depth) in depths(assignments) {
        match token.text {
            "(" | ")" => {}
            "=" if depth == 0 => is_left = false,
            "," if depth == 0 => is_left = true,
            "," if is_left => {}
            // `IS DISTINCT FROM` compares.
            _ if depth == 0
                && (token.is("where") || token.is("from") && !before.is_some_and(|before: &Token<'_>| before.is("distinct"))) =>
            {
                break;
            }
            name if is_left => columns.push(bare(name)),
            _ => {}
        }
        before = Some(token);
    }
    columns
}

/// Whether SQLite understands the text as a trigger.
fn is_trigger(text: &str, table: &str, on_view: bool) -> bool {
    let make = if on_view { format!("CREATE VIEW {} AS SELECT 1 AS x", quote(table)) } else { format!("CREATE TABLE {}(x)", quote(table)) };
    Connection::open_in_memory().is_ok_and(|empty| empty.execute_batch(&make).and_then(|()| empty.execute_batch(text)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sql: &str) -> Option<String> {
        only(sql, "t", false, Ignore::LeavesOut, |target| target.table.starts_with("local"))
    }

    #[test]
    fn only_statements_on_the_right_tables_are_kept() {
        let sql =
            "CREATE TRIGGER x AFTER UPDATE OF a ON t WHEN NEW.begin > 1 BEGIN /* ; END */ UPDATE t SET a = CASE WHEN 1 THEN ';' END; -- ;
            INSERT OR REPLACE INTO \"local one\"(a) VALUES('END;'); SELECT RAISE(ABORT, 'no'); DELETE FROM [local;two] WHERE a = NEW.a;
            update or ignore `local3` set a = (SELECT max(a) FROM t); REPLACE INTO other VALUES(1); END";
        let expected = "CREATE TRIGGER x AFTER UPDATE OF a ON t WHEN NEW.begin > 1 BEGIN INSERT OR REPLACE INTO \"local one\"(a) VALUES('END;'); \
            DELETE FROM [local;two] WHERE a = NEW.a; update or ignore `local3` set a = (SELECT max(a) FROM t); END";
        assert_eq!(kept(sql).as_deref(), Some(expected));
    }

    #[test]
    fn the_columns_that_an_update_sets_are_read() {
        let columns = |statement: &str| target(&tokens(statement)).map(|target| target.columns.join("|"));
        for (statement, expected) in [
            ("UPDATE t SET a = 1", "a"),
            (
                "update or rollback t set [a b] = CASE WHEN x = 1 THEN max(a, b) ELSE (SELECT c = 1 FROM d WHERE e) END, \"c\"\"\" = ',d='",
                "a b|c\"",
            ),
            ("UPDATE t SET (a, `b`) = (SELECT x, y FROM z), c = (1 = 2) FROM d, e WHERE f = 1", "a|b|c"),
            ("UPDATE t SET a = b IS NOT DISTINCT FROM c, d = (e, f) = (g, h) WHERE (i, j) = (k, l)", "a|d"),
            ("DELETE FROM t WHERE a = 1", ""),
            ("REPLACE INTO t(a) VALUES(1)", ""),
        ] {
            assert_eq!(columns(statement).as_deref(), Some(expected), "{statement}");
        }
        assert_eq!(columns("SELECT a = 1"), None);
    }

    #[test]
    fn what_returns_early_is_kept_without_its_errors() {
        let sql = "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT RAISE(ABORT, 'no'); SELECT CASE WHEN NEW.x THEN RAISE(FAIL, 'a)' || (b)) \
            WHEN 1 THEN RAISE(/* */ Ignore) ELSE raise(abort, '') END; DELETE FROM local; VALUES(RAISE(IGNORE)); SELECT 1; END";
        let expected = "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE WHEN NEW.x THEN NULL \
            WHEN 1 THEN RAISE(/* */ Ignore) ELSE NULL END; DELETE FROM local; VALUES(RAISE(IGNORE)); END";
        let only = |sql: &str, ignore| only(sql, "t", false, ignore, |target| target.table == "local");
        assert_eq!(only(sql, Ignore::Returns).as_deref(), Some(expected));
        assert_eq!(kept(sql).as_deref(), Some("CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM local; END"));
        let both = "CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = RAISE(IGNORE); DELETE FROM local; END";
        assert_eq!(only(both, Ignore::Returns), None);
        assert!(only(both, Ignore::LeavesOut).is_some());
    }

    #[test]
    fn a_trigger_runs_before_the_record_is_written_unless_it_says_otherwise() {
        for (head, after) in [
            ("x AFTER INSERT", true),
            ("after after UPDATE OF a", true),
            ("after INSERT", false),
            ("x DELETE", false),
            ("\"after\" BEFORE UPDATE", false),
            ("x INSTEAD OF INSERT", false),
        ] {
            assert_eq!(is_after(&format!("CREATE TRIGGER {head} ON t BEGIN SELECT 1; END")), after, "{head}");
        }
    }

    #[test]
    fn a_trigger_that_only_refuses_has_no_other_raise() {
        let sql = "CREATE TRIGGER x BEFORE INSERT ON t BEGIN SELECT raise ( RollBack , 'ROLLBACK'), \"raise\"(fail), RAISE(/* IGNORE */ FAIL, 'no'), RAISE(IGNORE), RAISE(ABORT, 'a'); END";
        let all = "CREATE TRIGGER x BEFORE INSERT ON t BEGIN SELECT raise ( ABORT , 'ROLLBACK'), \"raise\"(fail), RAISE(/* IGNORE */ ABORT, 'no'), RAISE(ABORT, 'it''s left out'), RAISE(ABORT, 'a'); END";
        assert_eq!(refusing(sql, Some("it's left out")).as_deref(), Some(all));
        let clause = "CREATE TRIGGER x AFTER DELETE ON t BEGIN INSERT OR Rollback INTO l VALUES(1); UPDATE OR FAIL l SET a = 'or fail'; REPLACE INTO l VALUES(2); END";
        let abort = clause.replace("Rollback", "ABORT").replace("OR FAIL l", "OR ABORT l");
        assert_eq!(refusing(clause, None), Some(abort));
        let kept = all.replace("RAISE(ABORT, 'it''s left out')", "RAISE(IGNORE)");
        assert_eq!(refusing(sql, None), Some(kept.clone()));
        assert_eq!(refusing(&kept, None), None);
        assert_eq!(refusing(all, Some("x")), None);
        assert!(raises(sql) && !raises("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT \"raise\"(1); END"));
    }

    #[test]
    fn the_event_of_a_trigger_is_read() {
        assert_eq!(
            event("CREATE TRIGGER \"insert\" /* delete */ INSTEAD OF UPDATE OF \"on\", b ON v BEGIN INSERT INTO t VALUES(1); END"),
            Some("UPDATE OF \"on\", b")
        );
        assert_eq!(event("create trigger x instead of delete on v begin select 1; end"), Some("delete"));
        assert_eq!(event("nonsense"), None);
    }

    #[test]
    fn nothing_is_made_of_what_has_nothing_to_keep_or_is_not_understood() {
        assert_eq!(kept("CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = 1; END"), None);
        assert_eq!(kept("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END"), None);
        assert_eq!(kept("CREATE TRIGGER x AFTER INSERT ON t WHEN begin BEGIN INSERT INTO local VALUES(1); END"), None);
        assert_eq!(kept("nonsense"), None);
        assert_eq!(kept(""), None);
        assert_eq!(kept("CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO local VALUES('open); END"), None);
    }
}
