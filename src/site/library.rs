//! What has a person said of the documents folder of this site? The table `[library]` of the settings.

use std::fmt;

use crate::rules::library::Choice;
use crate::rules::reading::{At, Reading, byte_text, quoted};

/// The settings of the library. What the rules of the host say comes before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibrarySettings {
    /// The folder, seen from the home; none: `library` in the home, where the parent has a library.
    pub folder: Option<String>,
    /// Which documents of the folder are looked at and placed.
    pub choice: Choice,
    /// Bytes of content, about, that one round sends to a neighbour.
    pub budget: u64,
    /// Content goes before the records, so that no record points to a document that has not come.
    pub before_rows: bool,
}

impl Default for LibrarySettings {
    fn default() -> Self {
        Self { folder: None, choice: Choice::default(), budget: Self::BUDGET, before_rows: false }
    }
}

impl LibrarySettings {
    /// Of [`LibrarySettings::budget`], where nothing is set.
    pub const BUDGET: u64 = 256 << 20;
    /// Of [`LibrarySettings::folder`], where nothing is set.
    pub const FOLDER: &'static str = "library";

    /// The folder, seen from the home.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.folder.as_deref().unwrap_or(Self::FOLDER)
    }

    pub(super) fn read(root: &Reading<'_>) -> At<Self> {
        let Some(table) = root.table("library")? else { return Ok(Self::default()) };
        table.only(&[&["folder", "budget", "before_rows"][..], &Choice::KEYS].concat())?;
        let folder = match table.text("folder")? {
            Some("") => return Err(table.refuse("folder", "may not be empty")),
            folder => folder.map(str::to_owned),
        };
        Ok(Self {
            folder,
            choice: Choice::read(&table)?,
            budget: table.bytes("budget")?.unwrap_or(Self::BUDGET),
            before_rows: table.flag("before_rows")?.unwrap_or_default(),
        })
    }

    /// The table as we write it; nothing where all is as it is without.
    pub(super) fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        writeln!(f, "\n[library]")?;
        if let Some(folder) = &self.folder {
            writeln!(f, "folder = {}", quoted(folder))?;
        }
        write!(f, "{}", self.choice)?;
        if self.budget != Self::BUDGET {
            writeln!(f, "budget = {}", quoted(&byte_text(self.budget)))?;
        }
        if self.before_rows {
            writeln!(f, "before_rows = true")?;
        }
        Ok(())
    }
}
