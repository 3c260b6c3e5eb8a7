//! The text of a `CREATE TABLE`, taken apart as far as columns can be moved from one text into another.

use super::super::quote;
use super::super::sql::{Token, bare, same_text, tokens};

/// A `CREATE TABLE` with its columns in a list; those made by `AS SELECT` are kept by SQLite with a list too.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Created<'t> {
    text: &'t str,
    /// Where the name stands.
    name: (usize, usize),
    /// Column definitions: name and text, in order.
    pub columns: Vec<(String, &'t str)>,
    /// Constraints of the table, in order.
    pub constraints: Vec<&'t str>,
    /// What follows the list: `STRICT`, `WITHOUT ROWID`.
    tail: &'t str,
}

impl<'t> Created<'t> {
    /// None for what is no such text, a virtual table say.
    pub fn of(text: &'t str) -> Option<Self> {
        let all = tokens(text);
        let name = all.iter().position(|token| token.is("table")).filter(|at| *at <= 2)? + 1;
        if all.iter().take(name).any(|token| token.is("virtual")) || all.get(name + 1)?.text != "(" {
            return None;
        }
        let list = all.get(name + 2..)?;
        let (mut depth, mut parts, mut begun) = (0_usize, Vec::new(), 0);
        for (at, token) in list.iter().enumerate() {
            match token.text {
                "(" => depth += 1,
                ")" if depth > 0 => depth -= 1,
                "," | ")" if depth == 0 => {
                    parts.push(list.get(begun..at).filter(|part| !part.is_empty())?);
                    begun = at + 1;
                    if token.text == ")" {
                        let span = (all[name].start, all[name].end());
                        return Some(Self::made(text, span, &parts, &list[begun..]));
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn made(text: &'t str, name: (usize, usize), parts: &[&[Token<'t>]], tail: &[Token<'t>]) -> Self {
        let whole = |part: &[Token<'t>]| part.first().zip(part.last()).map_or("", |(first, last)| &text[first.start..last.end()]);
        let is_constraint =
            |part: &[Token<'t>]| ["constraint", "primary", "unique", "check", "foreign"].iter().any(|word| part[0].is(word));
        let (constraints, columns): (Vec<_>, Vec<_>) = parts.iter().partition(|part| is_constraint(part));
        Self {
            text,
            name,
            columns: columns.into_iter().map(|part: &&[Token<'t>]| (bare(part[0].text), whole(part))).collect(),
            constraints: constraints.into_iter().map(|part: &&[Token<'t>]| whole(part)).collect(),
            tail: whole(tail),
        }
    }

    /// The definition of a column.
    pub fn column(&self, name: &str) -> Option<&'t str> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, text)| *text)
    }

    /// Whether it is the `told` one, but for columns for which `own` says yes.
    pub fn is_but_for(&self, told: &Self, own: impl Fn(&str) -> bool) -> bool {
        let same = |ours: &[&str], theirs: &[&str]| ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same_text(a, b));
        let ours: Vec<&str> = self.columns.iter().filter(|(name, _)| !own(name)).map(|(_, text)| *text).collect();
        let theirs: Vec<&str> = told.columns.iter().map(|(_, text)| *text).collect();
        same(&ours, &theirs) && same(&self.constraints, &told.constraints) && same_text(self.tail, told.tail)
    }

    /// The text under another name, with `more` columns behind its own.
    pub fn with(&self, name: &str, more: &[&str]) -> String {
        if more.is_empty() {
            return format!("{}{}{}", &self.text[..self.name.0], quote(name), &self.text[self.name.1..]);
        }
        let columns = self.columns.iter().map(|(_, text)| *text);
        let parts: Vec<&str> = columns.chain(more.iter().copied()).chain(self.constraints.iter().copied()).collect();
        // A comment at the end of a line is no part of a piece, so none swallows what follows.
        format!("CREATE TABLE {}(\n  {}\n) {}", quote(name), parts.join(",\n  "), self.tail).trim_end().to_owned()
    }
}

/// The definition of a column without what forbids it to be empty: `NOT NULL`, and that it is the key.
pub(super) fn may_be_empty(definition: &str) -> String {
    let all = tokens(definition);
    let word = |at: usize, word: &str| all.get(at).is_some_and(|token| token.is(word));
    let (mut kept, mut begun, mut depth, mut at) = (String::new(), 0, 0_usize, 0);
    while at < all.len() {
        match all[at].text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let from = if word(at, "constraint") { at + 2 } else { at };
        let is_it = (word(from, "not") && word(from + 1, "null")) || (word(from, "primary") && word(from + 1, "key"));
        if depth > 0 || !is_it {
            at += 1;
            continue;
        }
        kept.push_str(&definition[begun..all[at].start]);
        at = from + 2;
        if word(at, "asc") || word(at, "desc") {
            at += 1;
        }
        if word(at, "on") && word(at + 1, "conflict") {
            at += 3;
        }
        if word(at, "autoincrement") {
            at += 1;
        }
        begun = all.get(at).map_or(definition.len(), |token| token.start);
    }
    kept.push_str(&definition[begun..]);
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "CREATE TABLE [a b] (id INTEGER PRIMARY KEY, -- the , key\n \"primary\" DECIMAL(10, 2) DEFAULT (1 + (2)), \
        unique_no TEXT CHECK (unique_no <> ','), CONSTRAINT x CHECK (id > 0), FOREIGN KEY (\"primary\") REFERENCES c(d)) STRICT, WITHOUT ROWID";

    #[test]
    fn columns_are_told_from_constraints_whatever_they_are_called() {
        let created = Created::of(TEXT).unwrap();
        let names: Vec<&str> = created.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "primary", "unique_no"]);
        assert_eq!(created.column("primary"), Some("\"primary\" DECIMAL(10, 2) DEFAULT (1 + (2))"));
        assert_eq!(created.constraints.len(), 2);
        assert_eq!(created.tail, "STRICT, WITHOUT ROWID");
    }

    #[test]
    fn another_name_leaves_the_rest_as_it_stands_and_more_columns_come_before_the_constraints() {
        let created = Created::of(TEXT).unwrap();
        assert_eq!(created.with("n", &[]), TEXT.replace("[a b]", "\"n\""));
        let more = created.with("n", &["extra TEXT"]);
        assert_eq!(Created::of(&more).unwrap().columns.last().unwrap().0, "extra");
        assert!(more.ends_with(") STRICT, WITHOUT ROWID"), "{more}");
    }

    #[test]
    fn what_may_be_empty_keeps_everything_else() {
        for (text, loose) in [
            ("a TEXT NOT NULL", "a TEXT"),
            ("a TEXT NOT NULL CHECK (a IS NOT NULL OR (1 NOT NULL))", "a TEXT CHECK (a IS NOT NULL OR (1 NOT NULL))"),
            ("\"not\" TEXT CONSTRAINT \"null\" NOT NULL ON CONFLICT IGNORE COLLATE NOCASE", "\"not\" TEXT COLLATE NOCASE"),
            ("id INTEGER PRIMARY KEY DESC ON CONFLICT ABORT AUTOINCREMENT NOT NULL DEFAULT 7", "id INTEGER DEFAULT 7"),
            ("a DEFAULT 'NOT NULL'", "a DEFAULT 'NOT NULL'"),
        ] {
            assert_eq!(may_be_empty(text), loose);
        }
    }

    #[test]
    fn what_has_no_list_of_columns_is_left_alone() {
        assert_eq!(Created::of("CREATE VIRTUAL TABLE t USING fts5(a, b)"), None);
        assert_eq!(Created::of("CREATE VIEW v AS SELECT 1"), None);
        assert_eq!(Created::of("CREATE TABLE t (a"), None);
    }
}
