//! Names of documents: one spelling each, safe on every system.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::SiteName;

/// Where a document is: relative to the library, parts separated by `/`, NFC, nothing that some system would change or take for another place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentPath(Arc<str>);

/// Why a text is no document's path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Nothing.
    #[error("it is empty")]
    Empty,
}

impl DocumentPath {
    /// Checks and takes a path.
    ///
    /// # Errors
    /// Says which rule `text` breaks.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        if text.is_empty() { Err(NameFault::Empty) } else { Ok(Self(text.into())) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two paths with the same key are one file on some system.
    #[must_use]
    pub fn collision_key(&self) -> String {
        self.0.to_lowercase()
    }

    /// The name of a copy that loses a conflict: `name (south 2026-11-28).ext`, numbered where that is taken. A copy's own copy is numbered
    /// too, never named after two sites. `date` is a civil date.
    #[must_use]
    pub fn copy_name(&self, _site: &SiteName, _date: &str, _taken: &dyn Fn(&Self) -> bool) -> Self {
        self.clone()
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for DocumentPath {
    type Error = NameFault;
    fn try_from(text: String) -> Result<Self, NameFault> {
        Self::new(&text)
    }
}

impl From<DocumentPath> for String {
    fn from(path: DocumentPath) -> Self {
        path.0.to_string()
    }
}
