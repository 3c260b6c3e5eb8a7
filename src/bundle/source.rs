//! What does the publisher's folder say, and what is doubtful in it?
//!
//! ```text
//! sales-forms/
//!   bundle.toml       what it is, what it needs, which rows and steps
//!   files/            goes into the folder for customizations, as it lies here
//!   rows/             CSV or JSON files that `[[rows]]` names
//!   schema/           SQL files that `[[schema]]` names
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::manifest::{Form, Mode, Needs, Runs};
use super::names::{BundleName, NameError, Version};
use super::paths::{PathFault, check_path, check_paths};
use super::rows::read_rows;
use crate::world::World;
use crate::world::files::{self, Existing, FileError, Privacy};

/// What a folder says, read and checked as far as one file tells.
#[derive(Clone, Debug)]
pub struct Source {
    /// What stands in `bundle.toml`.
    pub(super) head: Head,
    /// Files by path, and where they lie.
    pub(super) files: Vec<(String, PathBuf)>,
    folder: PathBuf,
}

/// `bundle.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub name: BundleName,
    pub version: Version,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub publisher: String,
    #[serde(default)]
    pub groups: BTreeSet<String>,
    #[serde(default)]
    pub needs: Needs,
    #[serde(default)]
    pub rows: Vec<RowsHead>,
    #[serde(default)]
    pub schema: Vec<StepHead>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsHead {
    pub file: String,
    pub table: String,
    pub key: Vec<String>,
    pub mode: Mode,
    #[serde(default)]
    pub runs: Runs,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepHead {
    pub up: String,
    pub down: Option<String>,
    #[serde(default)]
    pub runs: Runs,
}

/// Something to know before building.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// It does nothing.
    #[error("there is nothing in it: no file, no rows, no schema step")]
    Empty,
    /// It cannot be rolled back.
    #[error("the schema step {0} has no `down`: this version cannot be rolled back")]
    NoWayBack(String),
    /// A file that nobody names.
    #[error("{0} is named by nothing in {toml}", toml = Source::TOML)]
    Unused(String),
    /// No title.
    #[error("there is no `title`: people see only the name")]
    NoTitle,
}

/// Why a folder cannot become a bundle.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// `bundle.toml` does not read.
    #[error("{}, line {line}: {why}", file.display())]
    Toml {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A folder without one.
    #[error("`{}` is no bundle's folder: there is no {toml} in it", .0.display(), toml = Source::TOML)]
    NoBundle(PathBuf),
    /// A path that not every computer takes.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// A link, or something that is no ordinary file.
    #[error("`{}` is no ordinary file: links and devices do not go into a bundle", .0.display())]
    NoFile(PathBuf),
    /// A name that is no text.
    #[error("the name of `{}` is no text", .0.display())]
    NotText(PathBuf),
    /// A file of rows that does not read.
    #[error("{file} {why}")]
    Rows {
        /// The file.
        file: String,
        /// What is wrong, as the sentence goes on.
        why: String,
    },
    /// A name for a new bundle that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something is there already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// What was read is impossible.
    #[error(transparent)]
    Impossible(#[from] super::manifest::Impossible),
    /// The file cannot be made.
    #[error(transparent)]
    Seal(#[from] crate::packet::SealError),
    /// The operating system refused; its message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] crate::world::Crash),
}

impl From<FileError> for SourceError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}

/// Files that systems leave in folders on their own.
const LEFT_BY_SYSTEMS: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];
const FILES: &str = "files";

impl Source {
    /// Name of the file that says what a bundle is.
    pub const TOML: &str = "bundle.toml";

    /// Reads a folder.
    ///
    /// # Errors
    /// [`SourceError`] for the first thing that is wrong.
    pub fn read(folder: &Path) -> Result<Self, SourceError> {
        let file = folder.join(Self::TOML);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SourceError::NoBundle(folder.to_owned())),
            read => read?,
        };
        let head: Head = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
            SourceError::Toml { file: file.clone(), line, why: error.message().to_owned() }
        })?;
        let mut files = Vec::new();
        let top = folder.join(FILES);
        if top.is_dir() {
            walk(&top, "", &mut files)?;
        }
        files.sort();
        check_paths(files.iter().map(|(path, _)| path.as_str()))?;
        let source = Self { head, files, folder: folder.to_owned() };
        for rows in &source.head.rows {
            let read = read_rows(source.form(&rows.file)?, &source.content(&rows.file)?, &rows.key);
            read.map_err(|why| SourceError::Rows { file: rows.file.clone(), why })?;
        }
        for step in &source.head.schema {
            for file in std::iter::once(&step.up).chain(&step.down) {
                if String::from_utf8(source.content(file)?).is_err() {
                    return Err(SourceError::Rows { file: file.clone(), why: "is no text".to_owned() });
                }
            }
        }
        Ok(source)
    }

    /// What is doubtful, in the order in which a person would mend it.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn findings(&self) -> Result<Vec<Finding>, SourceError> {
        let head = &self.head;
        let mut found = Vec::new();
        if self.files.is_empty() && head.rows.is_empty() && head.schema.is_empty() {
            found.push(Finding::Empty);
        }
        if head.title.is_empty() {
            found.push(Finding::NoTitle);
        }
        found.extend(head.schema.iter().filter(|step| step.down.is_none()).map(|step| Finding::NoWayBack(step.up.clone())));
        let named: BTreeSet<&str> = head
            .rows
            .iter()
            .map(|rows| rows.file.as_str())
            .chain(head.schema.iter().flat_map(|step| std::iter::once(step.up.as_str()).chain(step.down.as_deref())))
            .collect();
        for place in ["rows", "schema"] {
            let (folder, mut there) = (self.folder.join(place), Vec::new());
            if folder.is_dir() {
                walk(&folder, &format!("{place}/"), &mut there)?;
            }
            there.sort();
            found.extend(there.into_iter().filter(|(path, _)| !named.contains(path.as_str())).map(|(path, _)| Finding::Unused(path)));
        }
        Ok(found)
    }

    /// Its name, version and title.
    #[must_use]
    pub fn title(&self) -> (&BundleName, Version, &str) {
        (&self.head.name, self.head.version, &self.head.title)
    }

    /// How many files, lists of rows and schema steps.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        [self.files.len(), self.head.rows.len(), self.head.schema.len()]
    }

    /// The bytes of a file that `bundle.toml` names.
    pub(super) fn content(&self, file: &str) -> Result<Vec<u8>, SourceError> {
        check_path(file)?;
        let path = self.folder.join(file);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(SourceError::NoFile(path));
        }
        Ok(fs::read(path)?)
    }

    pub(super) fn form(&self, file: &str) -> Result<Form, SourceError> {
        match Path::new(file).extension().and_then(|end| end.to_str()) {
            Some("csv") => Ok(Form::Csv),
            Some("json") => Ok(Form::Json),
            Some(_) | None => Err(SourceError::Rows { file: file.to_owned(), why: "ends neither in .csv nor in .json".to_owned() }),
        }
    }
}

/// Makes the folder of a new bundle.
///
/// # Errors
/// [`SourceError::Exists`] where there is such a folder; [`SourceError::Name`].
pub fn begin(world: &World, folder: &Path, name: &BundleName) -> Result<(), SourceError> {
    if folder.exists() {
        return Err(SourceError::Exists(folder.to_owned()));
    }
    for inside in [FILES, "rows", "schema"] {
        fs::create_dir_all(folder.join(inside))?;
    }
    let text = TEMPLATE.replace("NAME", name.as_str());
    Ok(files::publish(world, &folder.join(Source::TOML), text.as_bytes(), Existing::Keep, Privacy::Ordinary)?)
}

const TEMPLATE: &str = r#"# A bundle of customizations. Lines that begin with # are examples: take the # away where one is of use.
# 'man 7 fieldpost-bundle' explains every line; 'fieldpost bundle check NAME' looks for slips.

name = "NAME"
# A newer version has a higher number, and no version is built twice: sites tell versions apart by it.
version = "1.0.0"
# What people read, and who made it. Who really did, the signature says.
title = ""
publisher = ""

# Groups of sites it is meant for; none: anybody. The main office decides when it publishes.
groups = []

# What must be there first; a site waits until it is.
#[needs]
#fieldpost = "0.1.0"
#bundles = { base-forms = "1.0.0" }
#schema = ["countries", "customers.region"]

# FILES. Put screens, templates, reports, menus into files/, in folders as the program wants them: files/Screens/Customer.xml becomes
# Screens/Customer.xml in the folder for customizations of each site ('custom' in its home, or [bundles] folder in its fieldpost.toml).

# ROWS of lists, from a CSV or JSON file. 'key' says which row is meant.
# mode: "upsert" (add rows, and set those that are there), "insert" (only add), "replace" (exactly these rows).
# They are written once, at the main office, and travel from there to every site; runs = "at-each": at each site that installs, for
# tables that stay at a site (direction = "none" in rules.toml).
#[[rows]]
#file = "rows/countries.csv"
#table = "countries"
#key = ["code"]
#mode = "upsert"

# SCHEMA steps: SQL that is carried out once, in this order, before the rows. 'down' brings back everything; without it there is no way
# back from this version. At the main office, from where the change travels to every site; runs = "at-each" as for rows.
#[[schema]]
#up = "schema/001-region.sql"
#down = "schema/001-region-down.sql"
"#;

fn walk(folder: &Path, prefix: &str, found: &mut Vec<(String, PathBuf)>) -> Result<(), SourceError> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| SourceError::NotText(path.clone()))?;
        if LEFT_BY_SYSTEMS.contains(&name) {
            continue;
        }
        // macOS gives names with their accents apart.
        let name = format!("{prefix}{}", name.nfc());
        check_path(&name)?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&path, &format!("{name}/"), found)?;
        } else if kind.is_file() {
            found.push((name, path));
        } else {
            return Err(SourceError::NoFile(path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_reads_and_says_that_it_is_empty() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("forms");
        let name = BundleName::new("forms").unwrap();
        begin(&World::real(), &folder, &name).unwrap();
        let source = Source::read(&folder).unwrap();
        assert_eq!(source.title().0, &name);
        assert_eq!(source.findings().unwrap(), [Finding::Empty, Finding::NoTitle]);
        assert!(matches!(begin(&World::real(), &folder, &name), Err(SourceError::Exists(_))));
    }

    #[test]
    fn what_stands_commented_in_the_template_reads_when_it_is_meant() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("forms");
        begin(&World::real(), &folder, &BundleName::new("forms").unwrap()).unwrap();
        let lines = TEMPLATE.lines().map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
        fs::write(folder.join(Source::TOML), lines.collect::<Vec<_>>().join("\n").replace("NAME", "forms")).unwrap();
        for (file, text) in [("rows/countries.csv", "code,name\nCH,x\n"), ("schema/001-region.sql", ""), ("schema/001-region-down.sql", "")]
        {
            fs::write(folder.join(file), text).unwrap();
        }
        fs::write(folder.join("rows/more.csv"), "").unwrap();
        let source = Source::read(&folder).unwrap();
        assert_eq!(source.counts(), [0, 1, 1]);
        assert_eq!(source.findings().unwrap(), [Finding::NoTitle, Finding::Unused("rows/more.csv".to_owned())]);
    }

    #[test]
    fn a_slip_is_named_with_its_line() {
        let top = tempfile::tempdir().unwrap();
        // Names that are one file on some computer are a slip as well; on such a one there is only one of them.
        fs::create_dir_all(top.path().join(FILES)).unwrap();
        fs::write(top.path().join(Source::TOML), "name = 'x'\nversion = '1.0.0'\n").unwrap();
        ["a", "A"].iter().for_each(|name| fs::write(top.path().join(FILES).join(name), "x").unwrap());
        match Source::read(top.path()) {
            Err(error) => assert_eq!(error.to_string(), "`A` and `a` are the same file on Windows or macOS"),
            Ok(source) => assert_eq!(source.counts(), [1, 0, 0]),
        }
        for (text, expected) in [
            ("name = 'x'\nversion = '1.0'\n", "line 2: `1.0` is no version"),
            ("name = 'x'\nversion = '1.0.0'\ntitel = 'y'\n", "line 3: unknown field `titel`"),
            (
                "name = 'x'\nversion = '1.0.0'\n[[rows]]\nfile = 'a.csv'\ntable = 't'\nkey = ['k']\nmode = 'merge'\n",
                "line 7: unknown variant `merge`",
            ),
        ] {
            fs::write(top.path().join(Source::TOML), text).unwrap();
            let error = Source::read(top.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
