//! Where do migration tools note which schema a database has? Such a table is part of the schema, not of the data.
//!
//! Were it tracked, an upgrade of one site would tell every other site's tool that it has been upgraded too, and it never would be. So it
//! stays where it is, like `PRAGMA user_version`, and goes to a new site together with the schema it speaks of.

use rusqlite::types::ValueRef;

use super::error::{Doing, Result};
use super::facts::Facts;
use super::sql::{bare, tokens};
use super::{Database, quote, quote_text};

/// Names in lower case that mean nothing else, by tool: Django, Alembic, Rails and others, Entity Framework, Flyway, Knex, Sequelize,
/// Prisma, Drizzle, Liquibase, goose, sqlx, Diesel, refinery, Room, GRDB, Phinx, Doctrine, Kysely, `FluentMigrator`, `DbUp`, `SeaORM`, Atlas,
/// yoyo, Aerich, peewee, `MikroORM`.
const NAMES: &[&str] = &[
    "django_migrations",
    "alembic_version",
    "schema_migrations",
    "ar_internal_metadata",
    "__efmigrationshistory",
    "__efmigrationslock",
    "flyway_schema_history",
    "knex_migrations",
    "knex_migrations_lock",
    "sequelizemeta",
    "_prisma_migrations",
    "__drizzle_migrations",
    "databasechangelog",
    "databasechangeloglock",
    "goose_db_version",
    "_sqlx_migrations",
    "__diesel_schema_migrations",
    "refinery_schema_history",
    "room_master_table",
    "grdb_migrations",
    "phinxlog",
    "doctrine_migration_versions",
    "kysely_migration",
    "kysely_migration_lock",
    "versioninfo",
    "schemaversions",
    "seaql_migrations",
    "atlas_schema_revisions",
    "_yoyo_migration",
    "_yoyo_version",
    "yoyo_lock",
    "aerich",
    "migratehistory",
    "mikro_orm_migrations",
];

/// Whether a table is one that a migration tool fills to replace another one. Alembic does so in several transactions (`batch_alter_table` with
/// Python's `sqlite3`), so a run may come in between; others do it in one.
pub(super) fn is_scratch(table: &str) -> bool {
    table.to_ascii_lowercase().starts_with("_alembic_tmp_")
}

/// A step that a migration tool noted, by what names it: not by when, by whom or as the how manieth it was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    /// The table.
    pub table: String,
    name: Vec<String>,
}

/// Words in names of columns that say when, how long, by whom or as the how manieth.
const BESIDES: &[&str] = &[
    "applied",
    "batch",
    "by",
    "checksum",
    "content",
    "created",
    "date",
    "dateexecuted",
    "deployment",
    "end",
    "executed",
    "execution",
    "finished",
    "host",
    "hostname",
    "installed",
    "logs",
    "md5sum",
    "migrated",
    "on",
    "operator",
    "order",
    "orderexecuted",
    "product",
    "productversion",
    "rank",
    "rolled",
    "run",
    "start",
    "started",
    "time",
    "timestamp",
    "tstamp",
    "user",
    "username",
];

/// Columns that number what was noted.
const NUMBERS: &[&str] = &["id", "schemaversionid", "installed_rank", "orderexecuted"];

/// The step of a statement of [`Database::migration_history`].
pub(super) fn step(sql: &str) -> Option<Step> {
    let row = NotedRow::of(sql)?;
    let is_besides = |column: &str| {
        let lower = column.to_ascii_lowercase();
        // Liquibase names its steps by it.
        let number = lower == "id" && !row.table.eq_ignore_ascii_case("databasechangelog");
        number || lower == "schemaversionid" || lower == "appliedon" || lower.split('_').any(|word| BESIDES.contains(&word))
    };
    let named: Vec<String> = row.values.iter().filter(|(column, _)| !is_besides(column)).map(|(_, value)| value.clone()).collect();
    let name = if named.is_empty() { row.values.into_iter().map(|(_, value)| value).collect() } else { named };
    Some(Step { table: row.table.to_ascii_lowercase(), name })
}

/// The same statement with the next number of the table where it has one; none where it has none.
pub(super) fn with_next_number(sql: &str) -> Option<String> {
    let row = NotedRow::of(sql)?;
    let (columns, values): (Vec<String>, Vec<String>) = row
        .values
        .iter()
        .map(|(column, value)| {
            let is_number = NUMBERS.contains(&column.to_ascii_lowercase().as_str()) && value.parse::<i64>().is_ok();
            let next = || format!("(SELECT coalesce(max({0}), 0) + 1 FROM {1})", quote(column), quote(&row.table));
            (quote(column), if is_number { next() } else { value.clone() })
        })
        .unzip();
    let again = format!("INSERT INTO {}({}) VALUES({})", quote(&row.table), columns.join(", "), values.join(", "));
    (again != sql).then_some(again)
}

/// A statement of [`Database::migration_history`], taken apart.
struct NotedRow {
    table: String,
    values: Vec<(String, String)>,
}

impl NotedRow {
    fn of(sql: &str) -> Option<Self> {
        let tokens = tokens(sql);
        let table = bare(tokens.get(2)?.text);
        let values = tokens.iter().position(|token| token.is("VALUES"))?;
        let columns = tokens.get(3..values)?.iter().filter(|token| !matches!(token.text, "(" | ")" | ",")).map(|token| bare(token.text));
        let (mut parts, mut depth, mut start) = (Vec::new(), 0, None);
        for token in &tokens[values + 1..] {
            match token.text {
                "(" if depth == 0 => start = Some(token.end()),
                ")" | "," if depth == 1 => {
                    parts.push(sql[start?..token.start].trim().to_owned());
                    start = Some(token.end());
                }
                _ => {}
            }
            depth += match token.text {
                "(" => 1,
                ")" => -1,
                _ => 0,
            };
        }
        let values: Vec<(String, String)> = columns.zip(parts).collect();
        (!values.is_empty()).then_some(Self { table, values })
    }
}

impl Database {
    /// Whether a table is a migration tool's note of what it did. `migrations` is a good word for other things too, so there the
    /// columns must be those of Laravel or `TypeORM`.
    pub(super) fn is_migration_history(&self, table: &str) -> Result<bool> {
        let name = table.to_ascii_lowercase();
        if name != "migrations" {
            return Ok(NAMES.contains(&name.as_str()));
        }
        let facts = Facts::read(&self.connection, table)?;
        let has = |column: &str| facts.column(column).is_some();
        Ok(has("migration") && has("batch") || has("timestamp") && has("name"))
    }

    /// Statements that fill the migration tools' tables as they are filled here.
    pub(super) fn migration_history(&self) -> Result<Vec<String>> {
        let doing = "read what migration tools noted";
        let mut statements = Vec::new();
        for table in self.texts(doing, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")? {
            if !self.is_migration_history(&table)? {
                continue;
            }
            let facts = Facts::read(&self.connection, &table)?;
            let stored: Vec<String> = facts.columns.iter().filter(|one| !one.generated).map(|one| quote(&one.name)).collect();
            let columns = stored.join(", ");
            let mut statement = self.connection.prepare(&format!("SELECT {columns} FROM {}", quote(&table))).doing(doing)?;
            let mut rows = statement.query([]).doing(doing)?;
            while let Some(row) = rows.next().doing(doing)? {
                let literals: rusqlite::Result<Vec<String>> = (0..stored.len()).map(|place| row.get_ref(place).map(literal)).collect();
                let values = literals.doing(doing)?.join(", ");
                statements.push(format!("INSERT INTO {}({columns}) VALUES({values})", quote(&table)));
            }
        }
        Ok(statements)
    }
}

/// A value as SQL takes it. Text that is no UTF-8 or has a NUL goes as a cast blob.
fn literal(value: ValueRef<'_>) -> String {
    let hex = |bytes: &[u8]| data_encoding::HEXUPPER.encode(bytes);
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Blob(bytes) => format!("x'{}'", hex(bytes)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => quote_text(text),
            Ok(_) | Err(_) => format!("CAST(x'{}' AS TEXT)", hex(bytes)),
        },
    }
}
