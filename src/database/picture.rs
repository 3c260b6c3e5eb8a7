//! How is a database made, and what do some of its tables hold? To be compared before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::customs::{Said, said};
use super::digest::sum_rows;
use super::error::Result;
use super::{Database, is_ours, quote, sql};

/// A database at one moment, as far as somebody wants to compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// By kind and name everything that is made, as words.
    made: BTreeMap<(String, String), Vec<String>>,
    /// What the tables hold, by name.
    held: BTreeMap<String, [u8; 32]>,
}

impl Database {
    /// How everything is made that is neither ours nor SQLite's, and what these tables hold, as far as they are there.
    ///
    /// # Errors
    /// As SQLite says; inside, its words about a table that cannot be read.
    pub fn picture(&self, tables: &BTreeSet<String>) -> Result<Said<Picture>> {
        let doing = "look at the schema";
        let read = self.connection.prepare_cached("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").and_then(|mut all| {
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
            all.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let mut picture = Picture { made: BTreeMap::new(), held: BTreeMap::new() };
        let all = match said(read, doing)? {
            Ok(all) => all,
            Err(words) => return Ok(Err(words)),
        };
        for (kind, name, text) in all.into_iter().filter(|(_, name, _)| !is_ours(name) && !name.starts_with("sqlite_")) {
            picture.made.insert((kind, name), sql::words(&text));
        }
        for table in tables {
            let Some(mut columns) = self.writable_columns(table)? else { continue };
            columns.sort_unstable();
            let listed: Vec<String> = columns.iter().map(|column| quote(column)).collect();
            let select = format!("SELECT {} FROM {}", listed.join(", "), quote(table));
            let summed = self.connection.prepare(&select).and_then(|mut statement| sum_rows(&mut statement, &columns));
            match said(summed, "read a table to compare it")? {
                Ok(sum) => drop(picture.held.insert(table.clone(), sum)),
                Err(words) => return Ok(Err(words)),
            }
        }
        Ok(Ok(picture))
    }
}

impl Picture {
    /// What is otherwise in another picture of the same tables, in words; none where nothing is.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> Option<String> {
        let names: BTreeSet<_> = self.made.keys().chain(other.made.keys()).collect();
        if let Some((kind, name)) = names.into_iter().find(|key| self.made.get(key) != other.made.get(key)) {
            return Some(format!("the {kind} `{name}`"));
        }
        let tables: BTreeSet<_> = self.held.keys().chain(other.held.keys()).collect();
        let table = tables.into_iter().find(|table| self.held.get(*table) != other.held.get(*table));
        table.map(|table| format!("what `{table}` holds"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_differs_is_named_and_how_it_is_written_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let outside = rusqlite::Connection::open(&path).unwrap();
        outside.execute_batch("CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 'p'), (2, 'q'); CREATE TABLE b (z)").unwrap();
        let database = Database::open(&path, Duration::from_secs(1)).unwrap();
        let tables = BTreeSet::from(["a".to_owned(), "none".to_owned()]);
        let first = database.picture(&tables).unwrap().unwrap();
        let then = |sql: &str| {
            outside.execute_batch(sql).unwrap();
            database.picture(&tables).unwrap().unwrap().differs_from(&first)
        };
        assert_eq!(then("INSERT INTO b VALUES (1)"), None, "nobody asked about it");
        assert_eq!(then("DROP TABLE a; CREATE TABLE \"a\" ( x,\n  y ); INSERT INTO a VALUES (2, 'q'), (1, 'p')"), None);
        assert_eq!(then("UPDATE a SET x = '1' WHERE x = 1"), Some("what `a` holds".to_owned()), "types count");
        assert_eq!(then("UPDATE a SET x = 1 WHERE x = '1'; CREATE INDEX i ON a (x)"), Some("the index `i`".to_owned()));
        assert_eq!(then("DROP INDEX i; ALTER TABLE a ADD COLUMN k"), Some("the table `a`".to_owned()));
        assert_eq!(then("ALTER TABLE a DROP COLUMN k"), None);
        assert_eq!(then("DELETE FROM a; INSERT INTO a VALUES (1, 'q'), (2, 'p')"), Some("what `a` holds".to_owned()));
        assert_eq!(then("DROP TABLE a"), Some("the table `a`".to_owned()));
    }
}
