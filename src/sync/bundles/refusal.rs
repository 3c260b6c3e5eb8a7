//! Why is a bundle not installed, not taken back, or not published?

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::bundle::{Blocked, BundleName, Obstacle, OpenError, Version};
use crate::database::DatabaseError;
use crate::packet::{ArchiveError, ContentHash};
use crate::site::Role;

/// Why something is not done with a bundle. Nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The file.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file in the folder for customizations, or the store.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// A folder for customizations that has the home in it.
    #[error("`{}` cannot be the folder for customizations: the home of this site or its documents lie in it, or it lies among them or in what is fieldpost's own", .0.display())]
    BadFolder(PathBuf),
    /// A file in the place of the database.
    #[error("its file `{0}` would take the place of the database of this site, or of what SQLite keeps beside it")]
    OverDatabase(String),
    /// A file that came under the id of another one.
    #[error("the file that came is not the bundle {0}")]
    OtherBundle(ContentHash),
    /// Going back would lose changes.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// An older version.
    #[error("{name} {installed} is installed, and {offered} is older: only a newer version is installed over another")]
    Downgrade {
        /// The bundle.
        name: BundleName,
        /// As installed.
        installed: Version,
        /// As offered.
        offered: Version,
    },
    /// An older version than one that is published.
    #[error("{name} {published} is published, and {offered} is older: only a newer version is published after another")]
    OlderThanPublished {
        /// The bundle.
        name: BundleName,
        /// As published.
        published: Version,
        /// As offered.
        offered: Version,
    },
    /// Another file of the same version.
    #[error("{name} {version} is installed from another file: a version is made only once")]
    SameVersion {
        /// The bundle.
        name: BundleName,
        /// The version.
        version: Version,
    },
    /// A step of an earlier version has another text now.
    #[error("the schema step {0} was carried out by an earlier version with another text")]
    StepChanged(String),
    /// Something that it needs is not there.
    #[error("it needs {0}")]
    Needs(String),
    /// The version below lacks what it needs.
    #[error("{name} {version}, which would be back, needs {lacks}")]
    BelowNeeds {
        /// The bundle.
        name: BundleName,
        /// The version that would be back.
        version: Version,
        /// What it lacks.
        lacks: String,
    },
    /// Another bundle has something that the version below has.
    #[error("{name} {version}, which would be back, has {what}, and so has the bundle {by}")]
    BelowOwned {
        /// The bundle.
        name: BundleName,
        /// The version that would be back.
        version: Version,
        /// A file, a row or a table, in words.
        what: String,
        /// The other bundle.
        by: BundleName,
    },
    /// Another day than the one for which it is published.
    #[error("it is published already, from another day: a version has one day for all its sites")]
    OtherDay,
    /// Another bundle has the path.
    #[error("`{path}` is a file of the bundle {by}")]
    Owned {
        /// The path.
        path: String,
        /// The other bundle.
        by: BundleName,
    },
    /// Another bundle has the row.
    #[error("{file} would write the row {key} of `{table}`, which is a row of the bundle {by}")]
    RowOwned {
        /// The file.
        file: String,
        /// The table.
        table: String,
        /// Which row.
        key: String,
        /// The other bundle.
        by: BundleName,
    },
    /// Nothing of that name.
    #[error("{0} is not installed here")]
    NotInstalled(BundleName),
    /// Nothing of that name was published.
    #[error("{0} is not published")]
    NotPublished(BundleName),
    /// Another bundle would lack it.
    #[error("{by} needs {name}{}", version.map(|version| format!(" {version}")).unwrap_or_default())]
    NeededBy {
        /// The bundle that would go.
        name: BundleName,
        /// The version that is needed.
        version: Option<Version>,
        /// Who needs it.
        by: BundleName,
    },
    /// A step without a way back.
    #[error("its schema step {0} has no way back")]
    NoWayBack(String),
    /// A step whose way back does not lead back.
    #[error("the schema step {file} and its way back would leave {what} otherwise than it is now")]
    WayBack {
        /// The file.
        file: String,
        /// What would be otherwise.
        what: String,
    },
    /// A step whose way back would lose what was written since.
    #[error("going back over the schema step {file} would lose {what}")]
    StepLoses {
        /// The file.
        file: String,
        /// What would be lost.
        what: String,
    },
    /// A list because of which triggers write what does not come back.
    #[error(
        "the rows of {file} and their way back would not leave {what} as it is now: triggers of the application write more than the list says"
    )]
    RowsWayBack {
        /// The file.
        file: String,
        /// What would be otherwise.
        what: String,
    },
    /// Rows whose way back would lose what was written since, by triggers.
    #[error("going back over its rows would lose {what}, by triggers of the application")]
    RowsLose {
        /// What would be lost.
        what: String,
    },
    /// A step that a site would carry out for itself on what all share.
    #[error("the schema step {file} changes `{table}`, which travels: it runs at the main office, once")]
    StepTravels {
        /// The file.
        file: String,
        /// The table.
        table: String,
    },
    /// A step for each site, at the main office.
    #[error("the schema step {0} runs at each site, and what it changes at the main office would go to all sites")]
    StepAtHost(String),
    /// A step for everybody that nobody else would get.
    #[error("the schema step {0} would change only the main office: by its rules every site changes its own schema")]
    StepHere(String),
    /// A step that a site would carry out for itself on what its application goes by.
    #[error("the schema step {0} sets user_version or application_id, which come from the main office")]
    StepNumbers(String),
    /// The folder for customizations is away.
    #[error("the folder for customizations `{}` is not there, or empty, and bundles have files in it", .0.display())]
    FolderAway(PathBuf),
    /// Rows of everybody in a table that does not travel any more.
    #[error("its rows in `{0}` went to all sites, and would go at the main office alone: that table does not travel any more")]
    RowsOfAll(String),
    /// The database refused.
    #[error("{part}: {words}")]
    Database {
        /// Which file of the bundle.
        part: String,
        /// The database's words.
        words: String,
    },
    /// Rows that were changed since.
    #[error("{count} of its rows were changed here since, the first is {first}")]
    RowsChanged {
        /// How many.
        count: usize,
        /// Table and key of one.
        first: String,
    },
    /// Rows that records refer to.
    #[error("records refer to {count} of its rows, the first is {first}")]
    RowsReferred {
        /// How many rows.
        count: usize,
        /// Which record refers to which of them.
        first: String,
    },
    /// A table whose rows travel by themselves.
    #[error("the rows of {file} are for `{table}`, which travels by itself: they run at the main office, once")]
    Travels {
        /// The file.
        file: String,
        /// The table.
        table: String,
    },
    /// A table that would begin to travel.
    #[error("the table `{0}` that it makes would travel: rules.toml of the main office must say direction = \"none\" for it first")]
    WouldTravel(String),
    /// A table that stays at the main office.
    #[error("the rows of {file} are for `{table}`, which does not travel: with runs = \"at-each\" every site gets them")]
    Stays {
        /// The file.
        file: String,
        /// The table.
        table: String,
    },
    /// A column that stays at the main office.
    #[error("the rows of {file} give `{column}` of `{table}`, which does not travel: no other site would get it")]
    ColumnStays {
        /// The file.
        file: String,
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A table whose rows only go up.
    #[error("the rows of {file} are for `{table}`, whose records only go up: what the main office writes there reaches no site")]
    GoesUp {
        /// The file.
        file: String,
        /// The table.
        table: String,
    },
    /// Only the main office publishes.
    #[error("only the main office does that, and this is the site of a {}", .0.word())]
    NotHost(Role),
    /// Groups that a bundle is not for.
    #[error("it is meant for {meant}, not for {asked}")]
    OtherGroups {
        /// As `bundle.toml` says.
        meant: String,
        /// As typed.
        asked: String,
    },
    /// What the main office publishes is written in a way that is not known here.
    #[error("what the main office publishes is written by a newer fieldpost")]
    NewerPaper,
    /// The database has not come yet.
    #[error("the database has not come yet")]
    NoDatabase,
    /// Another program keeps the database, or the disk is full.
    #[error("{0}")]
    NotNow(DatabaseError),
}

impl Refusal {
    /// Whether it can come right without anybody doing something here.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Needs(_) | Self::BelowNeeds { .. } | Self::NoDatabase | Self::NotNow(_) => true,
            // A file that is open elsewhere, a full disk, a share that is away; not what nobody here may write.
            Self::Obstacle(Obstacle::Io(error)) => !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem),
            Self::Obstacle(obstacle) => matches!(obstacle, Obstacle::Moved(_)),
            Self::Open(_)
            | Self::OtherBundle(_)
            | Self::BadFolder(_)
            | Self::OverDatabase(_)
            | Self::Blocked(_)
            | Self::FolderAway(_)
            | Self::Downgrade { .. }
            | Self::OlderThanPublished { .. }
            | Self::SameVersion { .. }
            | Self::StepChanged(_)
            | Self::BelowOwned { .. }
            | Self::OtherDay
            | Self::Owned { .. }
            | Self::RowOwned { .. }
            | Self::NotInstalled(_)
            | Self::NotPublished(_)
            | Self::NeededBy { .. }
            | Self::NoWayBack(_)
            | Self::WayBack { .. }
            | Self::StepLoses { .. }
            | Self::RowsWayBack { .. }
            | Self::RowsLose { .. }
            | Self::StepTravels { .. }
            | Self::StepAtHost(_)
            | Self::StepHere(_)
            | Self::StepNumbers(_)
            | Self::RowsOfAll(_)
            | Self::Database { .. }
            | Self::RowsChanged { .. }
            | Self::RowsReferred { .. }
            | Self::Travels { .. }
            | Self::WouldTravel(_)
            | Self::Stays { .. }
            | Self::ColumnStays { .. }
            | Self::GoesUp { .. }
            | Self::NotHost(_)
            | Self::OtherGroups { .. }
            | Self::NewerPaper => false,
        }
    }

    /// Whether a file is not what it was made as: another copy of it may be.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::OtherBundle(_) => true,
            Self::Open(error) => match error {
                OpenError::Archive(error) => !matches!(error, ArchiveError::Io(_)),
                OpenError::Unreadable(_) | OpenError::BadSignature | OpenError::Entries => true,
                OpenError::NewerFormat { .. } | OpenError::UnknownPublisher(_) | OpenError::Impossible(_) => false,
            },
            Self::Obstacle(_)
            | Self::BadFolder(_)
            | Self::OverDatabase(_)
            | Self::Blocked(_)
            | Self::Downgrade { .. }
            | Self::OlderThanPublished { .. }
            | Self::SameVersion { .. }
            | Self::StepChanged(_)
            | Self::Needs(_)
            | Self::BelowNeeds { .. }
            | Self::BelowOwned { .. }
            | Self::OtherDay
            | Self::Owned { .. }
            | Self::RowOwned { .. }
            | Self::NotInstalled(_)
            | Self::NotPublished(_)
            | Self::NeededBy { .. }
            | Self::NoWayBack(_)
            | Self::WayBack { .. }
            | Self::StepLoses { .. }
            | Self::RowsWayBack { .. }
            | Self::RowsLose { .. }
            | Self::StepTravels { .. }
            | Self::StepAtHost(_)
            | Self::StepHere(_)
            | Self::StepNumbers(_)
            | Self::RowsOfAll(_)
            | Self::Database { .. }
            | Self::RowsChanged { .. }
            | Self::RowsReferred { .. }
            | Self::Travels { .. }
            | Self::WouldTravel(_)
            | Self::Stays { .. }
            | Self::ColumnStays { .. }
            | Self::GoesUp { .. }
            | Self::NotHost(_)
            | Self::OtherGroups { .. }
            | Self::NewerPaper
            | Self::FolderAway(_)
            | Self::NoDatabase
            | Self::NotNow(_) => false,
        }
    }

    /// Whether the simulation killed the process.
    #[must_use]
    pub const fn is_crash(&self) -> bool {
        matches!(self, Self::Obstacle(Obstacle::Crash(_)))
    }
}
