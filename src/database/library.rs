//! The list of documents of a site with a library: a table of ours that is tracked like one of the application.
//!
//! Whoever looks through the folder is "the application" of this table: triggers note what it writes, and everything else (streams,
//! conflicts, history) is as for any record. It never travels as a part of the application's schema, and goes with detach.
//!
//! **Invariant.** What is read here was perhaps written by a stranger: a row that cannot be one of ours is given as what it is called,
//! and nobody acts on it.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row as SqlRow};

use super::Database;
use super::error::{Doing, Result};
use crate::model::{LIBRARY, Millis};
use crate::world::World;

/// SQLite 3.31 knows no STRICT. No CHECK: a row that is wrong is listed by its path, and does not wait where nobody sees it.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS _fieldpost_library(path TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL, \
    bytes INTEGER NOT NULL, modified INTEGER NOT NULL, executable INTEGER NOT NULL) WITHOUT ROWID";

/// What the columns are called, but for the key.
const COLUMNS: &str = "content, bytes, modified, executable";

/// One document as the list has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentRow {
    /// Where it is in the folder. Whether it is a name at all is for others to say.
    pub path: String,
    /// Hash of the whole content.
    pub content: [u8; 32],
    /// Size.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Millis,
    /// Whether it can be run as a program.
    pub executable: bool,
}

impl Database {
    /// Makes the list of documents, where there is none.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn make_library(&self, world: &World) -> Result<()> {
        self.writing(world, || self.execute("make the list of documents", TABLE))?;
        self.notice_schema()
    }

    /// Takes the list of documents away, with its triggers.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn drop_library(&self, world: &World) -> Result<()> {
        self.writing(world, || self.execute("remove the list of documents", "DROP TABLE IF EXISTS _fieldpost_library"))?;
        self.notice_schema()
    }

    /// Whether there is a list of documents.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn has_library(&self) -> Result<bool> {
        Ok(self.ours("table")?.contains_key(LIBRARY))
    }

    /// Every document in the order of the paths' bytes. The path of a row that is none of ours comes as an error.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn documents(&self) -> Result<Vec<std::result::Result<DocumentRow, String>>> {
        let doing = "read the list of documents";
        let sql = format!("SELECT path, {COLUMNS} FROM {LIBRARY} ORDER BY path");
        let mut statement = self.connection.prepare_cached(&sql).doing(doing)?;
        statement.query_map([], read).and_then(Iterator::collect).doing(doing)
    }

    /// The document of a path; none where there is none, or a row that is none of ours.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn document(&self, path: &str) -> Result<Option<DocumentRow>> {
        let sql = format!("SELECT path, {COLUMNS} FROM {LIBRARY} WHERE path = ?1");
        let doing = "read the list of documents";
        let found = self.connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row([path], read).optional());
        Ok(found.doing(doing)?.and_then(std::result::Result::ok))
    }

    /// Lists a document under its path, in place of what was there. Inside an open write.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn put_document(&self, document: &DocumentRow) -> Result<()> {
        // No OR REPLACE: that would be another record under the path, and not an edit.
        let update = format!("UPDATE {LIBRARY} SET content = ?2, bytes = ?3, modified = ?4, executable = ?5 WHERE path = ?1");
        let insert = format!("INSERT INTO {LIBRARY}(path, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)");
        let DocumentRow { path, content, bytes, modified, executable } = document;
        let values = (path, content, bytes.cast_signed(), modified.0, executable);
        let run = |sql: &str| self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        let doing = "list a document";
        if run(&update).doing(doing)? == 0 {
            run(&insert).doing(doing)?;
        }
        Ok(())
    }

    /// Takes a document off the list. Inside an open write.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn remove_document(&self, path: &str) -> Result<()> {
        let sql = format!("DELETE FROM {LIBRARY} WHERE path = ?1");
        let doing = "take a document off the list";
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.execute([path])).doing(doing).map(drop)
    }
}

fn read(row: &SqlRow<'_>) -> rusqlite::Result<std::result::Result<DocumentRow, String>> {
    let name = match row.get_ref(0)? {
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Null => String::new(),
    };
    let (path, content) = (row.get_ref(0)?, row.get_ref(1)?);
    let (bytes, modified, executable) = (row.get_ref(2)?, row.get_ref(3)?, row.get_ref(4)?);
    let (
        ValueRef::Text(path),
        ValueRef::Blob(content),
        ValueRef::Integer(bytes),
        ValueRef::Integer(modified),
        ValueRef::Integer(executable),
    ) = (path, content, bytes, modified, executable)
    else {
        return Ok(Err(name));
    };
    let (Ok(path), Ok(content), Ok(bytes)) = (std::str::from_utf8(path), <[u8; 32]>::try_from(content), u64::try_from(bytes)) else {
        return Ok(Err(name));
    };
    Ok(Ok(DocumentRow { path: path.to_owned(), content, bytes, modified: Millis(modified), executable: executable != 0 }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rules::Rules;

    fn database() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (id TEXT PRIMARY KEY)").unwrap();
        let database = Database::open(&path, Duration::from_secs(1)).unwrap();
        (folder, database)
    }

    fn row(path: &str, content: u8) -> DocumentRow {
        DocumentRow { path: path.into(), content: [content; 32], bytes: 5, modified: Millis(7), executable: true }
    }

    #[test]
    fn the_list_is_surveyed_and_no_part_of_the_schema() {
        let (_folder, database) = database();
        let world = World::real();
        let tables = |database: &Database| -> Vec<String> {
            database.survey(&Rules::default()).unwrap().shapes.into_iter().map(|shape| shape.name).collect()
        };
        assert_eq!(tables(&database), ["t"]);
        let before = database.dump_schema().unwrap();
        database.make_library(&world).unwrap();
        assert!(database.has_library().unwrap());
        assert_eq!(tables(&database), [LIBRARY, "t"]);
        assert_eq!(database.dump_schema().unwrap(), before);
        database.detach(&world).unwrap();
        assert!(!database.has_library().unwrap());
    }

    #[test]
    fn what_is_listed_reads_back_and_a_strangers_row_is_named() {
        let (_folder, database) = database();
        database.make_library(&World::real()).unwrap();
        database.put_document(&row("b", 1)).unwrap();
        database.put_document(&row("a", 1)).unwrap();
        database.put_document(&row("b", 2)).unwrap();
        database.execute("test", "INSERT INTO _fieldpost_library VALUES ('c', 'short', 1, 1, 0), ('d', zeroblob(32), -1, 1, 0)").unwrap();
        assert_eq!(database.documents().unwrap(), [Ok(row("a", 1)), Ok(row("b", 2)), Err("c".to_owned()), Err("d".to_owned())]);
        database.remove_document("a").unwrap();
        assert_eq!((database.document("a").unwrap(), database.document("b").unwrap()), (None, Some(row("b", 2))));
        assert_eq!(database.document("c").unwrap(), None);
    }
}
