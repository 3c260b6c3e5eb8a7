//! What can go wrong with the application's database, and whether trying again can help.

use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};

use crate::model::PairId;
use crate::world::Crash;

/// Why a call on the application's database failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no such file. Never created in passing: a missing share is not an empty database.
    #[error("there is no database `{}`", .0.display())]
    Missing(PathBuf),
    /// A new database was asked for where one with content is.
    #[error("there is a database `{}` already", .0.display())]
    Exists(PathBuf),
    /// The file is something else, or encrypted.
    #[error("`{}` is not an SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// Another process held a lock for longer than we wait.
    #[error("the database is locked by another program")]
    Busy,
    /// The file or its folder cannot be written.
    #[error("the database cannot be written")]
    ReadOnly,
    /// The file is not the one any more that was opened.
    #[error("another file was put in the place of the database while this ran")]
    Moved,
    /// No room on the disk.
    #[error("the disk of the database is full")]
    Full,
    /// SQLite found the file damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A virtual table, such as a full-text index, does not fit the records that it was made of; the file is sound.
    #[error("{doing}: a virtual table of the database, such as a full-text index, is out of step with the records: {message}")]
    OutOfStep {
        /// What was being done.
        doing: &'static str,
        /// SQLite's words.
        message: String,
    },
    /// A table is not what the shape says: the application changed it since the last survey.
    #[error("the table `{table}` has changed since it was surveyed")]
    ShapeMoved {
        /// The table.
        table: String,
    },
    /// Capture belongs to another home.
    #[error("the database belongs to another home (pair {0})")]
    PairedElsewhere(PairId),
    /// Our own bookkeeping tables hold something we never write.
    #[error("the bookkeeping in the database is damaged: {0}")]
    Bookkeeping(String),
    /// A statement of a stored schema does not run here.
    #[error("the schema cannot be built, `{statement}` fails: {message}")]
    Schema {
        /// The statement.
        statement: String,
        /// SQLite's words.
        message: String,
    },
    /// Anything else that SQLite said.
    #[error("{doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl DatabaseError {
    /// Whether the same call can succeed later without anybody repairing anything but a lock or a full disk.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            // The next run surveys it anew.
            Self::Busy | Self::Full | Self::ShapeMoved { .. } => true,
            Self::Missing(_)
            | Self::Exists(_)
            | Self::NotADatabase(_)
            | Self::ReadOnly
            | Self::Moved
            | Self::Damaged(_)
            | Self::OutOfStep { .. }
            | Self::PairedElsewhere(_)
            | Self::Bookkeeping(_)
            | Self::Schema { .. }
            | Self::Sqlite { .. }
            | Self::Crash(_) => false,
        }
    }
}

/// Short for results of this module.
pub type Result<T> = std::result::Result<T, DatabaseError>;

/// Says what was being done when SQLite refused.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| named(doing, source))
    }
}

/// Whether a virtual table says that it is damaged, which says nothing of the file.
pub(super) fn is_out_of_step(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|failure| failure.extended_code == ffi::SQLITE_CORRUPT_VTAB)
}

fn named(doing: &'static str, source: rusqlite::Error) -> DatabaseError {
    let code = source.sqlite_error_code();
    let is = |wanted: ErrorCode| code == Some(wanted);
    if is(ErrorCode::DatabaseBusy) || is(ErrorCode::DatabaseLocked) {
        DatabaseError::Busy
    } else if source.sqlite_error().is_some_and(|failure| failure.extended_code == ffi::SQLITE_READONLY_DBMOVED) {
        DatabaseError::Moved
    } else if is(ErrorCode::ReadOnly) {
        DatabaseError::ReadOnly
    } else if is(ErrorCode::DiskFull) {
        DatabaseError::Full
    } else if is_out_of_step(&source) {
        DatabaseError::OutOfStep { doing, message: source.to_string() }
    } else if is(ErrorCode::DatabaseCorrupt) {
        DatabaseError::Damaged(source.to_string())
    } else {
        DatabaseError::Sqlite { doing, source }
    }
}
