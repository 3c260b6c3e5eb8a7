//! Which statements of a trigger keep only what does not travel?
//!
//! A trigger may do both: note the time in the record, which arrives by itself, and keep a full-text index, which does not.
//! While packets are applied only the statements of the second sort are left in it. A text that is not understood is left alone
//! by whoever asks; what is made of one is tried in an empty database first.

use rusqlite::Connection;

use super::sql::{Token, bare, tokens};
use super::{quote, quote_text};

/// The text of a trigger with only those statements for whose table `keeps` says yes; none where that is not possible.
/// `on_view` is where an INSTEAD OF trigger is.
pub(super) fn only(sql: &str, table: &str, on_view: bool, keeps: impl Fn(&str) -> bool) -> Option<String> {
    let tokens = tokens(sql);
    let after_dot = |at: usize| at > 0 && tokens[at - 1].text == ".";
    let begin = (0..tokens.len()).find(|at| tokens[*at].text.eq_ignore_ascii_case("begin") && !after_dot(*at))?;
    let end = tokens.iter().rposition(|token| token.text.eq_ignore_ascii_case("end"))?;
    let body = tokens.get(begin + 1..end)?;
    let mut text = format!("{} ", &sql[..tokens[begin].start + tokens[begin].text.len()]);
    let mut kept = 0;
    for statement in body.split(|token| token.text == ";").filter(|statement| !statement.is_empty()) {
        if target(statement).is_some_and(|table| keeps(&table)) {
            let last = statement[statement.len() - 1];
            text.push_str(&sql[statement[0].start..last.start + last.text.len()]);
            text.push_str("; ");
            kept += 1;
        }
    }
    text.push_str("END");
    (kept > 0 && is_trigger(&text, table, on_view)).then_some(text)
}

/// Whether a trigger raises errors, or leaves rows out.
pub(super) fn raises(sql: &str) -> bool {
    raised(&tokens(sql)).next().is_some()
}

/// The text of a trigger that can only refuse a record: no `RAISE(ROLLBACK)`, which takes everything else along, and no `RAISE(FAIL)`, which leaves
/// the record written. With `left_out`, that is the error in the place of `RAISE(IGNORE)`. None where there is nothing to change.
pub(super) fn refusing(sql: &str, left_out: Option<&str>) -> Option<String> {
    let tokens = tokens(sql);
    let (mut text, mut from) = (String::new(), 0);
    for how in raised(&tokens) {
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

/// The table that a statement writes; none for `SELECT`.
fn target(statement: &[Token<'_>]) -> Option<String> {
    let is = |at: usize, word: &str| statement.get(at).is_some_and(|token| token.text.eq_ignore_ascii_case(word));
    let after = |word: &str| statement.iter().position(|token| token.text.eq_ignore_ascii_case(word)).map(|at| at + 1);
    let at = if is(0, "insert") || is(0, "replace") {
        after("into")?
    } else if is(0, "update") {
        if is(1, "or") { 3 } else { 1 }
    } else if is(0, "delete") {
        after("from")?
    } else {
        return None;
    };
    Some(bare(statement.get(at)?.text))
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
        only(sql, "t", false, |table| table.starts_with("local"))
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
    fn a_trigger_that_only_refuses_has_no_other_raise() {
        let sql = "CREATE TRIGGER x BEFORE INSERT ON t BEGIN SELECT raise ( RollBack , 'ROLLBACK'), \"raise\"(fail), RAISE(/* IGNORE */ FAIL, 'no'), RAISE(IGNORE), RAISE(ABORT, 'a'); END";
        let all = "CREATE TRIGGER x BEFORE INSERT ON t BEGIN SELECT raise ( ABORT , 'ROLLBACK'), \"raise\"(fail), RAISE(/* IGNORE */ ABORT, 'no'), RAISE(ABORT, 'it''s left out'), RAISE(ABORT, 'a'); END";
        assert_eq!(refusing(sql, Some("it's left out")).as_deref(), Some(all));
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
