//! Which records are in the way? Some of them by their keys, for the person who has to change them.

use super::super::Database;
use super::super::error::Result;
use super::super::sql::{Token, tokens};
use super::super::{quote, quote_text};
use super::inventory::Other;

/// Records that a sentence names.
const NAMED: usize = 5;

impl Database {
    /// Those of `old` that `fill`, which makes a new table of them, leaves out where it may. The table must still be empty.
    pub(super) fn left_out(&self, old: &str, new: &str, fill: &str) -> Result<String> {
        let lenient = fill.replacen("INSERT INTO", "INSERT OR IGNORE INTO", 1);
        if self.connection.execute_batch(&lenient).is_err() && self.fill_one_by_one(old, &lenient).is_err() {
            return Ok("them".to_owned());
        }
        let key = self.quoted_key(new)?;
        let same: Vec<String> = key.iter().map(|name| format!("n.{name} IS o.{name} COLLATE BINARY")).collect();
        let left = format!("WHERE NOT EXISTS (SELECT 1 FROM {} n WHERE {})", quote(new), same.join(" AND "));
        self.named(&format!("SELECT {} FROM {} o {left}", words("o", &key), quote(old)))
    }

    /// What a `STRICT` table does not take for its type fails whatever the statement says of conflicts.
    fn fill_one_by_one(&self, old: &str, lenient: &str) -> rusqlite::Result<()> {
        let mut rowids = self.connection.prepare(&format!("SELECT rowid FROM {}", quote(old)))?;
        let rowids: Vec<i64> = rowids.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut one = self.connection.prepare(&format!("{lenient} WHERE rowid = ?1"))?;
        for rowid in rowids {
            // That it fails is the answer.
            drop(one.execute([rowid]));
        }
        Ok(())
    }

    /// Those that refer to nothing.
    pub(super) fn referring_to_nothing(&self, table: &str, parent: &str) -> Result<String> {
        let key = self.quoted_key(table)?;
        let rowids = format!("SELECT rowid FROM pragma_foreign_key_check({}) WHERE parent = {}", quote_text(table), quote_text(parent));
        self.named(&format!("SELECT {} FROM {} o WHERE o.rowid IN ({rowids})", words("o", &key), quote(table)))
    }

    /// Those that agree where a unique index wants them not to; a pair or more each.
    pub(super) fn in_the_way_of(&self, index: &Other) -> Result<String> {
        let Some((columns, condition)) = index_parts(&index.sql) else { return Ok("them".to_owned()) };
        let key = self.quoted_key(&index.table)?;
        let set: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let condition = condition.map_or_else(String::new, |condition| format!(" AND ({condition})"));
        self.named(&format!(
            "SELECT group_concat({}, ' and ') FROM {} WHERE {}{condition} GROUP BY {} HAVING count(*) > 1",
            words(&quote(&index.table), &key),
            quote(&index.table),
            set.join(" AND "),
            columns.join(", ")
        ))
    }

    /// The columns of a table's key, quoted; the rowid where it has none.
    fn quoted_key(&self, table: &str) -> Result<Vec<String>> {
        let sql = format!("SELECT name FROM pragma_table_info({}) WHERE pk > 0 ORDER BY pk", quote_text(table));
        let key: Vec<String> = self.texts("read the key of a table", &sql)?.iter().map(|name| quote(name)).collect();
        Ok(if key.is_empty() { vec!["rowid".to_owned()] } else { key })
    }

    /// What a query gives, as words; 'them' where it does not run: a reason is given all the same.
    fn named(&self, sql: &str) -> Result<String> {
        let Ok(mut all) = self.texts("name records", &format!("{sql} LIMIT {}", NAMED + 1)) else { return Ok("them".to_owned()) };
        let more = if all.len() > NAMED { " and others" } else { "" };
        all.truncate(NAMED);
        Ok(if all.is_empty() { "them".to_owned() } else { format!("{}{more}", all.join(", ")) })
    }
}

/// The key of a record as text, in SQL.
fn words(table: &str, key: &[String]) -> String {
    let column = |name: &String| format!("coalesce(CAST({table}.{name} AS TEXT), 'NULL')");
    key.iter().map(column).collect::<Vec<_>>().join(" || '/' || ")
}

/// What an index is over, each as an expression, and the condition of a partial one.
fn index_parts(sql: &str) -> Option<(Vec<&str>, Option<&str>)> {
    let all = tokens(sql);
    let on = all.iter().position(|token| token.is("on"))?;
    let open = on + 2;
    if all.get(open)?.text != "(" {
        return None;
    }
    let whole = |part: &[Token<'_>]| part.first().zip(part.last()).map(|(first, last)| &sql[first.start..last.end()]);
    let (mut depth, mut begun, mut columns) = (0_usize, open + 1, Vec::new());
    for (at, token) in all.iter().enumerate().skip(open + 1) {
        match token.text {
            "(" => depth += 1,
            ")" if depth > 0 => depth -= 1,
            "," | ")" if depth == 0 => {
                let mut part = all.get(begun..at)?;
                if part.last().is_some_and(|last| last.is("asc") || last.is("desc")) {
                    part = &part[..part.len() - 1];
                }
                columns.push(whole(part)?);
                begun = at + 1;
                if token.text == ")" {
                    let rest = all.get(begun..).filter(|rest| rest.first().is_some_and(|first| first.is("where")));
                    return Some((columns, rest.and_then(|rest| whole(&rest[1..]))));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_taken_apart() {
        let sql = "CREATE UNIQUE INDEX i ON \"t\"(a COLLATE NOCASE DESC, lower(b, ',')) WHERE c > (1)";
        assert_eq!(index_parts(sql), Some((vec!["a COLLATE NOCASE", "lower(b, ',')"], Some("c > (1)"))));
        assert_eq!(index_parts("CREATE INDEX i ON t(a)"), Some((vec!["a"], None)));
    }
}
