//! Where do migration tools note which schema a database has? Such a table is part of the schema, not of the data.
//!
//! Were it tracked, an upgrade of one site would tell every other site's tool that it has been upgraded too, and it never would be. So it
//! stays where it is, like `PRAGMA user_version`, and goes to a new site together with the schema it speaks of.

use rusqlite::types::ValueRef;

use super::error::{Doing, Result};
use super::facts::Facts;
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
