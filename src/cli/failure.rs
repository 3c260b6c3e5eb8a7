//! What can end a command? One variant per thing that can fail; [`super::explain`] says what to do about it.

use std::io;
use std::path::PathBuf;

use super::page;
use crate::bundle::SourceError;
use crate::database::DatabaseError;
use crate::exchange::OpenError as ExchangeOpenError;
use crate::keys::KeyError;
use crate::ledger::LedgerError;
use crate::model::SiteName;
use crate::packet::OpenError;
use crate::rules::RulesError;
use crate::site::{Home, HomeError, InvitationError, RosterError};
use crate::sync::SyncError;
use crate::sync::bundles::Refusal;
use crate::sync::mend::MendError;

/// One of the two files of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHalf {
    /// That which signs, and is kept secret.
    Private,
    /// That which everybody may have.
    Public,
}

impl KeyHalf {
    /// Says which file it is that is no key.
    pub(super) fn of(self, file: &std::path::Path) -> impl FnOnce(KeyError) -> Failure {
        let file = file.to_owned();
        move |error| match error {
            KeyError::NoSigningKey => Failure::PublisherKey { file, half: self },
            KeyError::Io(_)
            | KeyError::NoSealingKey
            | KeyError::NoFingerprint(_)
            | KeyError::NoSignature
            | KeyError::BadSignature
            | KeyError::Crash(_) => error.into(),
        }
    }
}

/// Anything that ends a command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The home folder or its settings.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// `rules.toml`.
    #[error("{}, {_0}", Home::RULES)]
    Rules(#[from] RulesError),
    /// A file that is no rules file.
    #[error("{file}, {error}")]
    RulesFile {
        /// The file.
        file: String,
        /// What is wrong in it.
        error: Box<RulesError>,
    },
    /// An invitation file.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// The list of sites.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The address of an exchange.
    #[error(transparent)]
    Address(#[from] ExchangeOpenError),
    /// A folder that cannot become a bundle.
    #[error(transparent)]
    Bundle(#[from] SourceError),
    /// A bundle with which something is not done.
    #[error("{what}: {refusal}")]
    Customization {
        /// Which: its name or its file.
        what: String,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// A file that a publisher's key should be in.
    #[error("`{}` is no ed25519 key as OpenSSH writes it", file.display())]
    PublisherKey {
        /// As typed.
        file: PathBuf,
        /// Which half of it is asked for.
        half: KeyHalf,
    },
    /// Nobody said whose key is to sign.
    #[error("a bundle is signed, and neither --key nor a home says with which key")]
    NoPublisherKey,
    /// A run.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A path that no settings file can hold.
    #[error("the path `{}` is no text, and settings are", .0.display())]
    NotText(PathBuf),
    /// A file that would be overwritten.
    #[error("`{}` is there already", .0.display())]
    FileExists(PathBuf),
    /// A file that is to be taken in and is not there.
    #[error("there is no database `{}`{}", typed.display(), if *folder { ": it is a folder" } else { "" })]
    NoDatabase {
        /// As typed.
        typed: PathBuf,
        /// Whether a folder is there.
        folder: bool,
    },
    /// A database that is to be cleaned without its home, which is there.
    #[error("`{}` belongs to the home `{}`, which is there", database.display(), home.display())]
    HasHome {
        /// The database.
        database: PathBuf,
        /// Its home.
        home: PathBuf,
    },
    /// An exchange in which everybody could read what is this site's alone.
    #[error("`{exchange}` cannot be the exchange: {why}, and everybody reads what is in an exchange")]
    Exposed {
        /// As the settings would have it.
        exchange: String,
        /// What could be read.
        why: String,
    },
    /// The library is turned on and off at the host only.
    #[error("the library comes from '{parent}'")]
    LibraryAbove {
        /// The parent.
        parent: SiteName,
    },
    /// A table that is not tracked.
    #[error("there is no tracked table `{typed}`")]
    NoTable {
        /// As typed.
        typed: String,
        /// What may be meant.
        meant: Option<String>,
    },
    /// A site that is no neighbour of this one.
    #[error("'{typed}' is no neighbour of this site")]
    NoNeighbour {
        /// As typed.
        typed: String,
    },
    /// A field that a table does not have.
    #[error("{table} has no field `{typed}`")]
    NoField {
        /// The table.
        table: String,
        /// As typed.
        typed: String,
        /// What may be meant.
        meant: Option<String>,
    },
    /// Another number of values than the key has fields.
    #[error("a record of {table} is named by {}", fields.join(", "))]
    KeyLength {
        /// The table.
        table: String,
        /// Its key fields.
        fields: Vec<String>,
    },
    /// A key that no record has or ever had here.
    #[error("{table} has no record {key}, and never had one since it is tracked")]
    NoRecord {
        /// The table.
        table: String,
        /// As typed.
        key: String,
    },
    /// No record has that key, and what was known of one may be forgotten.
    #[error(
        "there is no {table} {key} here, and nothing that it ever was is remembered; changes of long ago were forgotten here, last on {day}"
    )]
    NoHistory {
        /// The table.
        table: String,
        /// As typed.
        key: String,
        /// When changes were forgotten last.
        day: String,
    },
    /// Words that name no day and no time.
    #[error("`{typed}` is no day and no time")]
    NoMoment {
        /// As typed.
        typed: String,
    },
    /// A line that does not say what to do.
    #[error("{0}")]
    BadLine(String),
    /// A program of this computer that was run and failed.
    #[error("`{call}` failed: {words}")]
    Call {
        /// What was run.
        call: String,
        /// What it said.
        words: String,
    },
    /// A home that this computer runs by itself already.
    #[error("this site is run by {by} on this computer")]
    Served {
        /// What runs it.
        by: &'static str,
    },
    /// Edits that would reach nobody.
    #[error("{} not been sent", page::count(*records, "edited record has", "edited records have"))]
    Unsent {
        /// How many.
        records: u64,
        /// A neighbour that takes nothing any more, where there is one.
        stopped: Option<SiteName>,
    },
    /// The database to detach from is not there.
    #[error("{} `{}`", if *another { "this site does not belong to the database" } else { "there is no database" }, database.display())]
    LostDatabase {
        /// Where it should be.
        database: std::path::PathBuf,
        /// Whether another one is there.
        another: bool,
    },
    /// The demo ended with different data.
    #[error("the sites of the demo hold different data")]
    Differ,
    /// The demo could not play: SQLite refused an edit.
    #[error("an edit of the demo failed: {0}")]
    Demo(#[from] rusqlite::Error),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Sync(error.into())
    }
}

impl Failure {
    /// The table and the key of the record it is about, where it is about one.
    #[must_use]
    pub fn record(&self) -> Option<(&str, &str)> {
        match self {
            Self::NoRecord { table, key }
            | Self::NoHistory { table, key, .. }
            | Self::Sync(SyncError::Mend(
                MendError::NoRecord { table, key }
                | MendError::MovedOn { table, key, .. }
                | MendError::OtherRecord { table, key }
                | MendError::Missing { table, key },
            )) => Some((table, key)),
            Self::Home(_)
            | Self::Rules(_)
            | Self::RulesFile { .. }
            | Self::Invitation(_)
            | Self::Roster(_)
            | Self::Address(_)
            | Self::Bundle(_)
            | Self::Customization { .. }
            | Self::PublisherKey { .. }
            | Self::NoPublisherKey
            | Self::Sync(_)
            | Self::NotText(_)
            | Self::LibraryAbove { .. }
            | Self::FileExists(_)
            | Self::Exposed { .. }
            | Self::HasHome { .. }
            | Self::NoDatabase { .. }
            | Self::NoTable { .. }
            | Self::NoField { .. }
            | Self::NoNeighbour { .. }
            | Self::KeyLength { .. }
            | Self::NoMoment { .. }
            | Self::BadLine(_)
            | Self::Call { .. }
            | Self::Served { .. }
            | Self::Unsent { .. }
            | Self::LostDatabase { .. }
            | Self::Differ
            | Self::Demo(_)
            | Self::Io(_) => None,
        }
    }
}
