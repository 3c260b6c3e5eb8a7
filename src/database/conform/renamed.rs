//! Was a table or a column only called otherwise, as far as the texts of two schemas tell? For what does not travel: nobody compares its records.

use std::collections::BTreeMap;

use super::super::sql::words;
use super::inventory::{Inventory, Table};
use super::same_name;
use super::text::Created;

impl Inventory {
    /// Columns of a table that are called otherwise in `now`, where the table may be called otherwise too: name before, name now. Each
    /// stands where the one before stood and is defined alike. `known` says of columns that travel what became of them.
    #[must_use]
    pub fn renamed_columns(&self, table: &str, now: &Self, table_now: &str, known: &BTreeMap<&str, &str>) -> Vec<(String, String)> {
        let (Some(was), Some(is)) = (self.table(table), now.table(table_now)) else { return Vec::new() };
        let goes_on = |name: &str| {
            let name = known.get(name).copied().unwrap_or(name);
            is.stored().position(|column| same_name(&column.name, name))
        };
        let is_new = |name: &str| was.column(name).is_none() && known.values().all(|known| !same_name(known, name));
        let names: Vec<&str> = is.stored().map(|column| column.name.as_str()).collect();
        let mut found = Vec::new();
        let mut pair = |gone: &mut Vec<&str>, from: usize, to: usize| {
            let mut new = names.get(from..to).unwrap_or_default().iter().copied().filter(|name| is_new(name)).peekable();
            for before in gone.drain(..) {
                if let Some(now) = new.next_if(|now| is_alike(was, before, is, now)) {
                    found.push((before.to_owned(), now.to_owned()));
                }
            }
        };
        let (mut gone, mut next) = (Vec::new(), 0);
        for column in was.stored() {
            match goes_on(&column.name) {
                None if known.contains_key(column.name.as_str()) => {}
                None => gone.push(column.name.as_str()),
                Some(at) if at >= next => {
                    pair(&mut gone, next, at);
                    next = at + 1;
                }
                // It was moved, and bounds nothing.
                Some(_) => {}
            }
        }
        pair(&mut gone, next, names.len());
        found
    }

    /// Whether a table may be one of `now` under another name: its columns are defined alike one by one, and most have the same names.
    #[must_use]
    pub fn may_be(&self, table: &str, now: &Self, table_now: &str) -> bool {
        let (Some(was), Some(is)) = (self.table(table), now.table(table_now)) else { return false };
        let both = || was.stored().zip(is.stored());
        let same = both().filter(|(before, now)| same_name(&before.name, &now.name)).count();
        let all = was.stored().count();
        all == is.stored().count() && same * 2 > all && both().all(|(before, now)| is_alike(was, &before.name, is, &now.name))
    }
}

/// Whether a column is defined as another one, but for their names.
fn is_alike(was: &Table, before: &str, is: &Table, now: &str) -> bool {
    let definition = |table: &Table, name: &str| -> Option<Vec<String>> {
        let text = Created::of(&table.sql)?.column(name)?.to_owned();
        let word = |word: String| if same_name(&word, name) { String::new() } else { word.to_ascii_lowercase() };
        Some(words(&text).into_iter().map(word).collect())
    };
    definition(was, before).is_some_and(|definition_before| definition(is, now) == Some(definition_before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::SchemaDump;

    fn of(sql: &str) -> Inventory {
        Inventory::of(&SchemaDump { statements: vec![sql.to_owned()], ..SchemaDump::default() }).unwrap()
    }

    fn renamed(before: &str, now: &str) -> Vec<String> {
        let found = of(before).renamed_columns("t", &of(now), "t", &BTreeMap::new());
        found.into_iter().map(|(before, now)| format!("{before} {now}")).collect()
    }

    #[test]
    fn a_column_that_stands_where_another_one_stood_and_is_defined_alike_is_that_one() {
        let before = "CREATE TABLE t (id TEXT, a TEXT CHECK (a <> ''), b INT NOT NULL, c TEXT)";
        assert_eq!(renamed(before, "CREATE TABLE t (id TEXT, x TEXT CHECK (\"x\" <> ''), b INT NOT NULL, c TEXT)"), ["a x"]);
        assert_eq!(renamed(before, "CREATE TABLE t (id TEXT, x TEXT CHECK (x <> ''), y INT NOT NULL)"), ["a x", "b y"]);
        assert_eq!(renamed(before, "CREATE TABLE t (id TEXT, y INT NOT NULL, c TEXT)"), ["b y"]);
        assert_eq!(renamed(before, "CREATE TABLE t (id TEXT, x INT, b INT NOT NULL, c TEXT)"), [""; 0], "defined otherwise");
        assert_eq!(renamed(before, "CREATE TABLE t (id TEXT, b INT NOT NULL, c TEXT, x TEXT CHECK (x <> ''))"), [""; 0], "elsewhere");
        let known = BTreeMap::from([("id", "id"), ("a", "x")]);
        let now = of("CREATE TABLE t (id TEXT, x TEXT CHECK (x <> ''), b INT NOT NULL, y TEXT)");
        assert_eq!(of(before).renamed_columns("t", &now, "t", &known), [("c".to_owned(), "y".to_owned())]);
    }

    #[test]
    fn a_table_that_is_defined_alike_column_by_column_may_be_another_one() {
        let may_be = |now: &str| of("CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v TEXT)").may_be("t", &of(now), "n");
        assert!(may_be("CREATE TABLE n (id INTEGER PRIMARY KEY, k TEXT, val TEXT)"));
        assert!(!may_be("CREATE TABLE n (id INTEGER PRIMARY KEY, key TEXT, val TEXT)"), "most have other names");
        assert!(!may_be("CREATE TABLE n (id INTEGER PRIMARY KEY, k TEXT, v INT)"));
        assert!(!may_be("CREATE TABLE n (id INTEGER PRIMARY KEY, k TEXT, v TEXT, w TEXT)"));
    }
}
