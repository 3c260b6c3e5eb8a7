//! What kind of database is this? Its settings, its size, and which of SQLite's features it uses.

use serde::Serialize;

use super::super::error::{Doing, Result};
use super::super::{Database, PREFIX};

/// The file and its schema, our own parts left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Portrait {
    /// `PRAGMA application_id`; 0 where the application sets none.
    pub application_id: i32,
    /// `PRAGMA user_version`, where applications keep the version of their schema.
    pub user_version: i32,
    /// `UTF-8`, `UTF-16le` or `UTF-16be`.
    pub encoding: String,
    /// `wal`, `delete` or another.
    pub journal_mode: String,
    /// Bytes per page.
    pub page_size: u64,
    /// Pages in the file, with those that wait in a write-ahead log.
    pub pages: u64,
    /// Pages that hold nothing.
    pub free_pages: u64,
    /// Features in use, with how often, in words.
    pub features: Vec<String>,
}

impl Portrait {
    /// Size of the database in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.pages * self.page_size
    }
}

/// What is counted: one, many, and the query.
const FEATURES: [(&str, &str, &str); 12] = [
    ("table", "tables", "SELECT count(*) FROM theirs WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"),
    ("view", "views", "SELECT count(*) FROM theirs WHERE type = 'view'"),
    ("trigger", "triggers", "SELECT count(*) FROM theirs WHERE type = 'trigger'"),
    ("index", "indexes", "SELECT count(*) FROM theirs WHERE type = 'index'"),
    (
        "foreign key",
        "foreign keys",
        "SELECT count(*) FROM theirs, pragma_foreign_key_list(theirs.name) AS f WHERE theirs.type = 'table' AND f.seq = 0",
    ),
    ("table without rowid", "tables without rowid", "SELECT count(*) FROM listed WHERE wr"),
    ("strict table", "strict tables", "SELECT count(*) FROM listed WHERE strict"),
    ("AUTOINCREMENT", "AUTOINCREMENT", "SELECT count(*) FROM theirs WHERE type = 'table' AND instr(upper(sql), 'AUTOINCREMENT')"),
    (
        "generated column",
        "generated columns",
        "SELECT count(*) FROM theirs, pragma_table_xinfo(theirs.name) AS c WHERE theirs.type = 'table' AND c.hidden IN (2, 3)",
    ),
    (
        "partial index",
        "partial indexes",
        "SELECT count(*) FROM theirs, pragma_index_list(theirs.name) AS i WHERE theirs.type = 'table' AND i.partial",
    ),
    (
        "index over expressions",
        "indexes over expressions",
        "SELECT count(DISTINCT i.name) FROM theirs, pragma_index_list(theirs.name) AS i, pragma_index_xinfo(i.name) AS x
        WHERE theirs.type = 'table' AND x.key AND x.cid = -2",
    ),
    ("virtual table", "virtual tables", "SELECT count(*) FROM listed WHERE type = 'virtual'"),
];

impl Database {
    /// What kind of database this is.
    ///
    /// # Errors
    /// As SQLite says.
    pub(super) fn portrait(&self) -> Result<Portrait> {
        let doing = "read what kind of database this is";
        let number = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).doing(doing);
        let text = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, String>(0)).doing(doing);
        let mut features = Vec::new();
        for (one, many, sql) in FEATURES {
            let sql = format!(
                "WITH theirs AS (SELECT * FROM sqlite_schema WHERE sql IS NOT NULL AND substr(name, 1, {0}) <> '{PREFIX}' AND substr(name, 1, 7) <> 'sqlite_'
                    AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('shadow', 'virtual') AND sqlite_schema.type <> 'table')
                    AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')),
                listed AS (SELECT * FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND substr(name, 1, 7) <> 'sqlite_') {sql}",
                PREFIX.len()
            );
            let count: i64 = self.connection.query_row(&sql, [], |row| row.get(0)).doing(doing)?;
            match count {
                0 => {}
                1 => features.push(format!("1 {one}")),
                _ => features.push(format!("{count} {many}")),
            }
        }
        Ok(Portrait {
            application_id: i32::try_from(number("application_id")?).unwrap_or_default(),
            user_version: i32::try_from(number("user_version")?).unwrap_or_default(),
            encoding: text("encoding")?,
            journal_mode: text("journal_mode")?,
            page_size: number("page_size")?.cast_unsigned(),
            pages: number("page_count")?.cast_unsigned(),
            free_pages: number("freelist_count")?.cast_unsigned(),
            features,
        })
    }
}
