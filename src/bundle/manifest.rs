//! What is written in `bundle.json`: who made it, what it needs, and where each content goes.
//!
//! The bundle's id is the hash of the exact bytes of `bundle.json`, and those very bytes are signed and parsed. Members that are not
//! known are ignored within a format; what a reader must understand is listed in `requires`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::{BundleName, Version};
use super::paths::{PathFault, check_paths};
use crate::keys::Fingerprint;
use crate::packet::ContentHash;

/// The format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// `bundle.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Features that the reader must know, or leave the bundle alone.
    pub requires: Vec<String>,
    /// Its name.
    pub name: BundleName,
    /// Its version.
    pub version: Version,
    /// For people.
    pub title: String,
    /// Who made it, for people; who really did, `signer` says.
    pub publisher: String,
    /// The key it is signed with.
    pub signer: Fingerprint,
    /// Groups it is meant for; none: anybody.
    pub groups: BTreeSet<String>,
    /// What must be there first.
    pub needs: Needs,
    /// Files, by path.
    pub files: Vec<FileEntry>,
    /// Schema steps, in the order in which they are carried out.
    pub steps: Vec<StepEntry>,
    /// Rows, in order, after the steps.
    pub rows: Vec<RowsEntry>,
}

/// What must be there before a bundle is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// At least this fieldpost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fieldpost: Option<Version>,
    /// Other bundles, each at least of this version.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bundles: BTreeMap<BundleName, Version>,
    /// Tables (`orders`) and fields (`orders.region`) that the database must have.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub schema: BTreeSet<String>,
}

/// Bytes in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Content {
    /// Their hash: the entry is `content/HASH`.
    pub hash: ContentHash,
    /// How many.
    pub size: u64,
}

/// A file and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Below the folder for customizations, segments between `/`.
    pub path: String,
    /// What is in it.
    pub content: Content,
    /// It may be run, where a system has a bit for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// Rows for a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsEntry {
    /// The file in the publisher's folder, for messages.
    pub file: String,
    /// How it is written.
    pub form: Form,
    /// Where they are.
    pub content: Content,
    /// The table.
    pub table: String,
    /// The columns that say which row is meant.
    pub key: Vec<String>,
    /// What becomes of rows that are there.
    pub mode: Mode,
    /// Where it is carried out.
    pub runs: Runs,
}

/// A schema step: SQL that is carried out once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEntry {
    /// The file in the publisher's folder: a step of that name that was carried out by an earlier version is not carried out again.
    pub file: String,
    /// The SQL.
    pub up: Content,
    /// The SQL that takes it back; none: the bundle cannot be rolled back.
    pub down: Option<Content>,
    /// Where it is carried out.
    pub runs: Runs,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Comma-separated values with a line of column names; an empty cell is NULL.
    Csv,
    /// A list of objects.
    Json,
}

/// What becomes of rows that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// New rows are added, rows with the same key get these values.
    Upsert,
    /// New rows are added, others stay as they are.
    Insert,
    /// The table has exactly these rows afterwards.
    Replace,
}

/// Where a part that concerns the database is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// Once, at the main office, when the bundle is published: for data that everybody shares. It travels from there as edits do.
    #[default]
    AtHost,
    /// At each site that installs the bundle: for tables that stay at a site.
    AtEach,
}

/// Why a manifest is impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// A path that not every computer takes.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// Rows without a table, a key or a column name.
    #[error("the rows of {0} name no table or no key")]
    Rows(String),
    /// The same step twice.
    #[error("the schema step {0} is there twice")]
    StepTwice(String),
    /// It needs itself.
    #[error("it needs itself")]
    NeedsItself,
}

impl Manifest {
    /// Every content that it names.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<ContentHash, u64> {
        let files = self.files.iter().map(|file| file.content);
        let rows = self.rows.iter().map(|rows| rows.content);
        let steps = self.steps.iter().flat_map(|step| std::iter::once(step.up).chain(step.down));
        files.chain(rows).chain(steps).map(|content| (content.hash, content.size)).collect()
    }

    /// Whether anything of it is carried out there.
    #[must_use]
    pub fn runs(&self, runs: Runs) -> bool {
        self.steps.iter().any(|step| step.runs == runs) || self.rows.iter().any(|rows| rows.runs == runs)
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}.fpb", self.name, self.version)
    }

    /// Checks what its form does not say.
    ///
    /// # Errors
    /// [`Impossible`].
    pub fn check(&self) -> Result<(), Impossible> {
        check_paths(self.files.iter().map(|file| file.path.as_str()))?;
        if let Some(rows) =
            self.rows.iter().find(|rows| rows.table.is_empty() || rows.key.is_empty() || rows.key.iter().any(String::is_empty))
        {
            return Err(Impossible::Rows(rows.file.clone()));
        }
        let mut names = BTreeSet::new();
        if let Some(step) = self.steps.iter().find(|step| !names.insert(&step.file)) {
            return Err(Impossible::StepTwice(step.file.clone()));
        }
        if self.needs.bundles.contains_key(&self.name) { Err(Impossible::NeedsItself) } else { Ok(()) }
    }
}
