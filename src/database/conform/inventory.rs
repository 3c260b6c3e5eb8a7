//! What does a database have? The application's tables, indexes, views and triggers, as data that two databases can be compared by.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::error::{Doing, Result};
use super::super::sql::{Token, tokens};
use super::super::{Database, is_ours, migrations};
use super::same_name;
use crate::database::SchemaDump;

/// Everything an application made in a database, but the records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// In the order of their making.
    pub(super) tables: Vec<Table>,
    /// Indexes, views and triggers, in the order of their making.
    pub(super) others: Vec<Other>,
    /// What fills the tables of migration tools.
    pub(super) history: Vec<String>,
    pub(super) user_version: i32,
    pub(super) application_id: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub name: String,
    pub sql: String,
    /// Computed ones too; none for a virtual table.
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    /// The type as declared.
    pub declared: String,
    pub not_null: bool,
    /// As SQL; none also where it is NULL.
    pub default: Option<String>,
    /// Computed by SQLite.
    pub generated: bool,
    /// A unique index or the key is on it alone.
    pub unique: bool,
    /// Place in the key from 1; 0: not in it.
    pub key_place: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Index,
    View,
    Trigger,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Other {
    pub kind: Kind,
    pub name: String,
    /// What it is on; its own name for a view.
    pub table: String,
    pub sql: String,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
}

impl Other {
    pub fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && same_name(&self.name, &other.name)
    }
}

impl Inventory {
    /// Of a schema that was read elsewhere: it is built in memory, with stand-ins for what only the application has.
    ///
    /// # Errors
    /// [`super::super::DatabaseError::Schema`] where a statement does not run.
    pub fn of(schema: &SchemaDump) -> Result<Self> {
        let scratch = Database::scratch()?;
        // What fills migration tools' tables comes last.
        let (history, made): (Vec<_>, Vec<_>) = schema.statements.iter().partition(|sql| sql.starts_with("INSERT INTO "));
        made.into_iter().try_for_each(|sql| scratch.build_or_say(sql))?;
        let inventory = read(&scratch.connection)?;
        Ok(Self {
            history: history.into_iter().cloned().collect(),
            user_version: schema.user_version,
            application_id: schema.application_id,
            ..inventory
        })
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| same_name(&table.name, name))
    }

    pub(super) fn other(&self, like: &Other) -> Option<&Other> {
        self.others.iter().find(|other| other.is(like))
    }

    /// Names of all tables, virtual ones too.
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// The default of a column, as SQL; none where it has none, or is not there.
    #[must_use]
    pub fn default_of(&self, table: &str, column: &str) -> Option<&str> {
        self.table(table)?.column(column)?.default.as_deref()
    }

    /// Names of a table's stored columns.
    pub fn columns(&self, table: &str) -> impl Iterator<Item = &str> {
        let columns = self.table(table).into_iter().flat_map(|table| &table.columns);
        columns.filter(|column| !column.generated).map(|column| column.name.as_str())
    }
}

impl Database {
    /// What the application made here.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn inventory(&self) -> Result<Inventory> {
        let inventory = read(&self.connection)?;
        let dump = self.dump_schema()?;
        Ok(Inventory {
            history: self.migration_history()?,
            user_version: dump.user_version,
            application_id: dump.application_id,
            ..inventory
        })
    }
}

impl Table {
    pub fn is_virtual(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether it is a full-text index of what another table holds: it can be made anew from that.
    pub fn is_index_of_content(&self) -> bool {
        let tokens = tokens(&self.sql);
        let is_module = tokens.windows(2).any(|two| two[0].is("using") && ["fts4", "fts5"].iter().any(|module| two[1].is(module)));
        let of_content = |three: &[Token<'_>]| three[0].is("content") && three[1].text == "=" && three[2].text.len() > 2;
        self.is_virtual() && is_module && tokens.windows(3).any(of_content)
    }

    /// Whether it is virtual and keeps what is in it by itself: that is nowhere else.
    pub fn keeps_content(&self) -> bool {
        let tokens = tokens(&self.sql);
        let module = tokens.windows(2).find(|two| two[0].is("using")).map(|two| two[1]);
        let keeps = |module: Token<'_>| ["fts3", "fts4", "fts5", "rtree", "rtree_i32", "geopoly"].iter().any(|one| module.is(one));
        self.is_virtual() && module.is_some_and(keeps) && !self.is_index_of_content()
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same_name(&column.name, name))
    }

    /// Whether its records have handed-out numbers.
    pub fn is_numbered(&self) -> bool {
        let mut key = self.columns.iter().filter(|column| column.key_place > 0);
        key.next().is_some_and(|first| first.declared.eq_ignore_ascii_case("INTEGER")) && key.next().is_none()
    }

    /// The columns of its key, in its order and in lower case.
    pub fn key(&self) -> Vec<String> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key_place > 0).collect();
        key.sort_by_key(|column| column.key_place);
        key.into_iter().map(|column| column.name.to_ascii_lowercase()).collect()
    }

    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }
}

fn read(connection: &Connection) -> Result<Inventory> {
    let doing = "read the schema";
    let sql = "SELECT s.type, s.name, s.tbl_name, s.sql, l.type FROM sqlite_schema s LEFT JOIN pragma_table_list l \
        ON l.schema = 'main' AND l.name = s.name WHERE s.sql IS NOT NULL AND substr(s.name, 1, 7) <> 'sqlite_' AND l.type IS NOT 'shadow' \
        AND s.tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow') ORDER BY s.rowid";
    let mut statement = connection.prepare(sql).doing(doing)?;
    type Listed = (String, String, String, String, Option<String>);
    let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    let all: Vec<Listed> = all.and_then(Iterator::collect).doing(doing)?;
    let mut inventory = Inventory::default();
    for (kind, name, table, sql, list) in
        all.into_iter().filter(|(_, name, table, ..)| !is_ours(name) && !is_ours(table) && !migrations::is_scratch(table))
    {
        let kind = match kind.as_str() {
            "index" => Kind::Index,
            "view" => Kind::View,
            "trigger" => Kind::Trigger,
            _ => {
                let columns = if list.as_deref() == Some("virtual") { Vec::new() } else { read_columns(connection, &name)? };
                inventory.tables.push(Table { name, sql, columns });
                continue;
            }
        };
        inventory.others.push(Other { kind, name, table, sql });
    }
    Ok(inventory)
}

pub(super) fn read_columns(connection: &Connection, table: &str) -> Result<Vec<Column>> {
    let doing = "read the columns of a table";
    let alone = "SELECT (SELECT name FROM pragma_index_info(i.name)) FROM pragma_index_list(?1) i WHERE i.\"unique\" AND NOT i.partial \
        AND (SELECT count(*) FROM pragma_index_info(i.name)) = 1";
    let mut statement = connection.prepare_cached(alone).doing(doing)?;
    let unique = statement.query_map([table], |row| row.get(0)).and_then(Iterator::collect);
    let unique: Vec<Option<String>> = unique.doing(doing)?;
    let sql = "SELECT name, type, \"notnull\", dflt_value, hidden, pk FROM pragma_table_xinfo(?1) ORDER BY cid";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let columns = statement.query_map([table], |row| {
        let name: String = row.get(0)?;
        Ok(Column {
            declared: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get::<_, Option<String>>(3)?.filter(|default| !default.eq_ignore_ascii_case("null")),
            generated: row.get::<_, i64>(4)? != 0,
            key_place: row.get(5)?,
            unique: unique.iter().flatten().any(|one| *one == name),
            name,
        })
    });
    columns.and_then(Iterator::collect).doing(doing)
}

/// The names in lower case of what is there, by kind, for lists.
pub(super) fn named(others: &[Other]) -> BTreeMap<(Kind, String), &Other> {
    others.iter().map(|other| ((other.kind, other.name.to_ascii_lowercase()), other)).collect()
}
