//! Why a run failed.

use std::io;
use std::path::PathBuf;

use crate::database::DatabaseError;
use crate::exchange::ExchangeError;
use crate::keys::KeyError;
use crate::ledger::LedgerError;
use crate::library::LibraryError;
use crate::model::SiteName;
use crate::packet::{CodecError, OpenError, SealError};
use crate::rules::RulesError;
use crate::site::{HomeError, InvitationError, Retired, RosterError};
use crate::world::Crash;
use crate::world::files::FileError;

/// Why a run failed; everything that was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The application's database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Our own state.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The exchange.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A name that no file on an exchange has.
    #[error(transparent)]
    ExchangeName(#[from] crate::exchange::NameError),
    /// A packet that does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A packet that cannot be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Changes that do not read or write.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The documents folder.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The documents folder would have the site itself in it, or packets.
    #[error(
        "`{0}` cannot be the library: this site's home, its database or an exchange is in it, or it is inside '.fieldpost' or an exchange"
    )]
    LibraryPlace(PathBuf),
    /// A pattern for documents that cannot be read.
    #[error("{0}")]
    Pattern(String),
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The rules file.
    #[error("rules.toml: {0}")]
    Rules(#[from] RulesError),
    /// Rules that a packet brings: mostly those of a newer version.
    #[error("the rules that it brings cannot be read by this fieldpost ({0}): install the newest one here, the packet waits")]
    RulesBrought(RulesError),
    /// A schema that a packet brings and that cannot be had here.
    #[error("the schema that it brings cannot be had here: {0}; the packet waits and is tried again in every round")]
    SchemaBrought(crate::database::conform::Refused),
    /// The roster.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// An invitation.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// A file of the home.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// This site has no database yet: the first packets of the parent bring it.
    #[error("the database has not come yet: the first packets of '{parent}' bring it")]
    NoDatabase {
        /// Whom they come from.
        parent: SiteName,
    },
    /// A record moved although we hold the write lock.
    #[error("record {key} of {table} changed under our hands")]
    Moved {
        /// Table.
        table: String,
        /// Key.
        key: String,
    },
    /// A record must get another number, and the database's own rules refuse it.
    #[error("{table} {key} cannot change its number: {message}")]
    CannotRenumber {
        /// Table.
        table: String,
        /// Key.
        key: String,
        /// The database's words.
        message: String,
    },
    /// The parent tracks a table that cannot be tracked in the database that was built from its schema.
    #[error("it brings records of table `{table}`, which cannot be tracked here")]
    UnknownTable {
        /// Table.
        table: String,
    },
    /// The application changes its schema faster than it can be looked at.
    #[error("the schema of the database is being changed right now")]
    SchemaMoves,
    /// A part of a packet that verified but does not read.
    #[error("its part `{0}` does not read")]
    BadPart(&'static str),
    /// The application's database and the state file do not belong together.
    #[error("the database and the state in this home do not belong together")]
    OtherPair,
    /// The settings give the site another name than the one it joined with.
    #[error("fieldpost.toml calls this site '{settings}', and it is '{known}'")]
    OtherName {
        /// In the settings.
        settings: SiteName,
        /// What everybody knows it by.
        known: SiteName,
    },
    /// The database is older than the state: it was restored from a backup.
    #[error("the database is older than what this home knows: it was restored from a backup")]
    DatabaseRestored,
    /// A restored database has another schema than the state knows.
    #[error("the restored database has another schema than it had last{}", .table.as_ref().map(|table| format!(": table `{table}` is not what it was")).unwrap_or_default())]
    OlderSchema {
        /// A table that differs or may; none where it is something else of the schema.
        table: Option<String>,
    },
    /// The state is older than the database: the home was restored from a backup.
    #[error("the state of this home is older than its database: it was restored from a backup")]
    StateRestored,
    /// A name that is taken.
    #[error("the name '{0}' is taken")]
    NameTaken(SiteName),
    /// Only sites with children invite.
    #[error("'{0}' is a remote: only the host and offices invite")]
    NotAnOffice(SiteName),
    /// What a site's parent alone may say of it.
    #[error("the groups of '{site}' are changed at '{parent}'")]
    NotItsParent {
        /// The site.
        site: SiteName,
        /// Its parent; the site itself where it is the host.
        parent: SiteName,
    },
    /// A site that is none any more.
    #[error("'{site}' was {retired}")]
    Retired {
        /// The site.
        site: SiteName,
        /// By whom, and when.
        retired: Retired,
        /// Who was asked.
        here: SiteName,
    },
    /// A site is retired at its parent.
    #[error("'{site}' is no site of this one, but of '{parent}'")]
    RetiredElsewhere {
        /// The site.
        site: SiteName,
        /// Its parent; the site itself where it is the host.
        parent: SiteName,
    },
    /// What a site sent before it is retired cannot be looked for everywhere.
    #[error("packets of '{site}' may lie where nobody can look now: {why}")]
    Uncollected {
        /// The site.
        site: SiteName,
        /// What keeps from looking.
        why: String,
    },
    /// A file that lies where the database is to come.
    #[error("`{0}` is there already, where the database is to come: move it away, or name another file as database in fieldpost.toml")]
    Exists(String),
    /// A database without anything to track.
    #[error("the database has no table that can be tracked")]
    NothingToTrack,
    /// What a person asked for cannot be done like that.
    #[error(transparent)]
    Mend(#[from] super::mend::MendError),
    /// A bundle of customizations.
    #[error(transparent)]
    Bundle(#[from] super::bundles::Refusal),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
    /// Something that cannot be.
    #[error("this should not happen: {0}")]
    Bug(&'static str),
}

impl SyncError {
    /// Whether the simulation killed the process: then nothing may be cleaned up.
    #[must_use]
    pub const fn is_crash(&self) -> bool {
        if let Self::Bundle(refusal) = self {
            return refusal.is_crash();
        }
        matches!(
            self,
            Self::Crash(_)
                | Self::Database(DatabaseError::Crash(_))
                | Self::Ledger(LedgerError::Crash(_))
                | Self::Exchange(ExchangeError::Crash(_))
                | Self::Open(OpenError::Crash(_))
                | Self::Seal(SealError::Crash(_))
                | Self::Home(HomeError::Crash(_))
                | Self::Library(LibraryError::Crash(_))
                | Self::Key(KeyError::Crash(_))
        )
    }

    /// Whether running again later can help without anybody doing anything.
    #[must_use]
    pub fn retry_helps(&self) -> bool {
        match self {
            Self::Database(error) => error.retry_helps(),
            Self::Exchange(error) => error.retry_helps(),
            Self::Open(error) => error.retry_helps(),
            Self::Library(error) => error.retry_helps(),
            Self::NoDatabase { .. } | Self::SchemaMoves => true,
            Self::Home(HomeError::Busy { .. }) => true,
            Self::Ledger(_)
            | Self::Seal(_)
            | Self::ExchangeName(_)
            | Self::Codec(_)
            | Self::Home(_)
            | Self::Pattern(_)
            | Self::LibraryPlace(_)
            | Self::Key(_)
            | Self::Rules(_)
            | Self::RulesBrought(_)
            | Self::SchemaBrought(_)
            | Self::Roster(_)
            | Self::Invitation(_)
            | Self::Io(_)
            | Self::Moved { .. }
            | Self::CannotRenumber { .. }
            | Self::UnknownTable { .. }
            | Self::BadPart(_)
            | Self::OtherPair
            | Self::OtherName { .. }
            | Self::DatabaseRestored
            | Self::OlderSchema { .. }
            | Self::StateRestored
            | Self::NameTaken(_)
            | Self::NotAnOffice(_)
            | Self::NotItsParent { .. }
            | Self::Retired { .. }
            | Self::RetiredElsewhere { .. }
            | Self::Uncollected { .. }
            | Self::Exists(_)
            | Self::NothingToTrack
            | Self::Mend(_)
            | Self::Bundle(_)
            | Self::Crash(_)
            | Self::Bug(_) => false,
        }
    }
}

impl From<FileError> for SyncError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}
