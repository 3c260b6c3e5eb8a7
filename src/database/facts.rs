//! What the schema says about one table, as far as a shape does not: collations, indexes, which column is the rowid.

use rusqlite::Connection;

use super::error::{Doing, Result};

/// A table as SQLite's pragmas tell it.
#[derive(Debug)]
pub(super) struct Facts {
    pub columns: Vec<Column>,
    /// Unique indexes only, by name; the primary key's index among them.
    pub uniques: Vec<Index>,
}

#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub affinity: Affinity,
    /// Of the numeric affinities the one that makes reals of integers.
    pub is_real: bool,
    pub not_null: bool,
    pub has_default: bool,
    /// Place in the primary key from 1; 0: not in it.
    pub key_place: i64,
    /// Computed by SQLite, so no field.
    pub generated: bool,
}

/// What SQLite does to values that come near a column, as far as comparisons care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    Numeric,
    Text,
    Blob,
}

impl Affinity {
    /// The rules of <https://sqlite.org/datatype3.html#determination_of_column_affinity>; integer, real and numeric compare alike.
    pub fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if says(&["INT"]) {
            Self::Numeric
        } else if says(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if declared.is_empty() || says(&["BLOB"]) {
            Self::Blob
        } else {
            Self::Numeric
        }
    }
}

/// Whether a column of a numeric affinity has that of REAL.
pub(super) fn is_real(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    ["REAL", "FLOA", "DOUB"].iter().any(|word| declared.contains(word)) && !declared.contains("INT")
}

#[derive(Debug)]
pub(super) struct Index {
    /// `pk`, `u` (a constraint) or `c` (a statement).
    pub origin: String,
    pub partial: bool,
    pub columns: Vec<IndexColumn>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexColumn {
    /// None for an expression.
    pub name: Option<String>,
    pub collation: String,
}

/// The columns that name a record, with the collation they are unique under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyColumns {
    pub columns: Vec<(String, String)>,
    /// The key is the rowid.
    pub is_rowid: bool,
    /// No index keeps two records from having this key. Then the one with the lowest rowid, which goes by this name
    /// here, has it; the others are nobody's until they get a key of their own.
    pub first_by: Option<&'static str>,
}

/// Why columns that a person named cannot name records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is no such column, or it is computed.
    #[error("`key` in rules.toml names `{0}`, which is no stored column of it")]
    NoColumn(String),
    /// Columns called `rowid`, `oid` and `_rowid_` hide what tells records apart.
    #[error("its columns hide the rowid, and no unique index is on the columns that `key` in rules.toml names")]
    HiddenRowid,
    /// Some records have nothing there.
    #[error("`key` in rules.toml names columns in which {0} of its records have an empty value")]
    Empty(u64),
    /// Some records agree there.
    #[error("`key` in rules.toml names columns in which {0} of its records agree with another one")]
    Shared(u64),
}

const BINARY: &str = "BINARY";

impl Facts {
    /// Asks the database.
    pub fn read(connection: &Connection, table: &str) -> Result<Self> {
        let doing = "read what a table looks like";
        let mut statement = connection
            .prepare_cached("SELECT name, \"notnull\", dflt_value IS NOT NULL, pk, hidden, type FROM pragma_table_xinfo(?1) ORDER BY cid")
            .doing(doing)?;
        let columns = statement.query_map([table], |row| {
            let declared: String = row.get(5)?;
            Ok(Column {
                name: row.get(0)?,
                not_null: row.get(1)?,
                has_default: row.get(2)?,
                key_place: row.get(3)?,
                generated: row.get::<_, i64>(4)? != 0,
                affinity: Affinity::of(&declared),
                is_real: is_real(&declared),
            })
        });
        let columns: Vec<Column> = columns.and_then(Iterator::collect).doing(doing)?;
        Ok(Self { columns, uniques: read_uniques(connection, table)? })
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of the primary key, in its order.
    pub fn primary(&self) -> Vec<&Column> {
        let mut primary: Vec<&Column> = self.columns.iter().filter(|column| column.key_place > 0).collect();
        primary.sort_by_key(|column| column.key_place);
        primary
    }

    /// The primary key, else the first unique set of plain NOT NULL columns.
    pub fn key(&self) -> Option<KeyColumns> {
        let primary = self.primary();
        if !primary.is_empty() {
            let Some(index) = self.uniques.iter().find(|index| index.origin == "pk") else {
                // Without an index of its own the primary key is the rowid.
                let columns = primary.iter().map(|column| (column.name.clone(), BINARY.to_owned())).collect();
                return Some(KeyColumns { columns, is_rowid: true, first_by: None });
            };
            let collation = |name: &str| {
                let found = index.columns.iter().find(|column| column.name.as_deref() == Some(name));
                found.map_or(BINARY, |column| &column.collation).to_owned()
            };
            let columns = primary.iter().map(|column| (column.name.clone(), collation(&column.name))).collect();
            return Some(KeyColumns { columns, is_rowid: false, first_by: None });
        }
        let named = self.uniques.iter().find(|index| self.names_records(index))?;
        let columns = named.columns.iter().filter_map(|column| Some((column.name.clone()?, column.collation.clone()))).collect();
        Some(KeyColumns { columns, is_rowid: false, first_by: None })
    }

    /// The key made of columns that a person named, for a table that has none by itself.
    pub fn named_key<'n>(&self, names: impl Iterator<Item = &'n str> + Clone) -> std::result::Result<KeyColumns, KeyFault> {
        let stored = |name: &str| self.column(name).is_some_and(|column| !column.generated);
        if let Some(missing) = names.clone().find(|name| !stored(name)) {
            return Err(KeyFault::NoColumn(missing.to_owned()));
        }
        let same = |index: &&Index| {
            let plain = index.plain(self);
            plain.is_some_and(|plain| plain.len() == names.clone().count() && names.clone().all(|name| plain.contains(&name)))
        };
        let index = self.uniques.iter().find(same);
        let collation = |name: &str| {
            let column = index.and_then(|index| index.columns.iter().find(|column| column.name.as_deref() == Some(name)));
            column.map_or(BINARY, |column| &column.collation).to_owned()
        };
        let columns = names.map(|name| (name.to_owned(), collation(name))).collect();
        let first_by = match index {
            Some(_) => None,
            None => Some(self.rowid_name().ok_or(KeyFault::HiddenRowid)?),
        };
        Ok(KeyColumns { columns, is_rowid: false, first_by })
    }

    /// A name of the rowid that no column hides.
    fn rowid_name(&self) -> Option<&'static str> {
        let hidden = |name: &str| self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        ["rowid", "_rowid_", "oid"].into_iter().find(|name| !hidden(name))
    }

    fn names_records(&self, index: &Index) -> bool {
        let usable = |column: &Column| column.not_null && !column.generated;
        index.plain(self).is_some_and(|names| names.iter().all(|name| self.column(name).is_some_and(usable)))
    }
}

impl Index {
    /// The names of its columns, where it is no partial index and all are stored columns.
    pub fn plain(&self, facts: &Facts) -> Option<Vec<&str>> {
        if self.partial {
            return None;
        }
        let stored = |name: &str| facts.column(name).is_some_and(|column| !column.generated);
        self.columns.iter().map(|column| column.name.as_deref().filter(|name| stored(name))).collect()
    }

    /// Whether records that agree in this index have one key anyway, exactly.
    pub fn covers(&self, key: &KeyColumns) -> bool {
        key.columns.iter().all(|(name, _)| {
            self.columns.iter().any(|column| column.name.as_ref() == Some(name) && column.collation.eq_ignore_ascii_case(BINARY))
        })
    }

    /// Whether this is the index that makes the key unique.
    pub fn is_key(&self, key: &KeyColumns) -> bool {
        !self.partial
            && self.columns.len() == key.columns.len()
            && key.columns.iter().all(|(name, collation)| {
                self.columns.iter().any(|column| column.name.as_ref() == Some(name) && column.collation.eq_ignore_ascii_case(collation))
            })
    }
}

/// Whether a comparison under this collation is exact.
pub(super) fn is_binary(collation: &str) -> bool {
    collation.eq_ignore_ascii_case(BINARY)
}

fn read_uniques(connection: &Connection, table: &str) -> Result<Vec<Index>> {
    let doing = "read the indexes of a table";
    let sql = "SELECT name, origin, partial FROM pragma_index_list(?1) WHERE \"unique\" ORDER BY origin = 'c', name";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let indexes = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).and_then(Iterator::collect);
    let indexes: Vec<(String, String, bool)> = indexes.doing(doing)?;
    let mut columns = connection.prepare_cached("SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno").doing(doing)?;
    let mut read = |name: &str| {
        let found = columns.query_map([name], |row| Ok(IndexColumn { name: row.get(0)?, collation: row.get(1)? }));
        found.and_then(Iterator::collect).doing(doing)
    };
    let index = |(name, origin, partial): (String, String, bool)| Ok(Index { columns: read(&name)?, origin, partial });
    indexes.into_iter().map(index).collect()
}
