//! Which documents a site takes part in.
//!
//! A pattern is a path with `*` (anything but `/`), `**` (anything), `?`, `[a-z]`, `{a,b}`. One without `/` is looked for in every folder; one
//! that names a folder means all that is in it; one that includes a document includes the copies of it that conflicts make. Upper and lower case are the same, as they are for names ([`DocumentPath::collision_key`]).

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::DocumentPath;

/// Included, not excluded, not too large.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    /// None: everything.
    include: Option<GlobSet>,
    exclude: GlobSet,
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
    pub fn new(include: &[String], exclude: &[String], largest: Option<u64>) -> Result<Self, PatternError> {
        let include = if include.is_empty() { None } else { Some(set(include)?) };
        Ok(Self { include, exclude: set(exclude)?, largest })
    }

    /// What they say of a document.
    #[must_use]
    pub fn takes(&self, path: &DocumentPath, bytes: u64) -> Verdict {
        if !self.names(path) {
            return Verdict::Excluded;
        }
        match self.largest {
            Some(largest) if bytes > largest => Verdict::TooLarge(largest),
            Some(_) | None => Verdict::Take,
        }
    }

    /// Whether a document of that name is taken if it is not too large.
    fn names(&self, path: &DocumentPath) -> bool {
        let includes = |include: &GlobSet| {
            include.is_match(path.as_str()) || path.original().is_some_and(|original| include.is_match(original.as_str()))
        };
        self.include.as_ref().is_none_or(includes) && !self.excludes(path)
    }

    /// Whether everything in a folder of that name is excluded.
    pub(super) fn excludes(&self, path: &DocumentPath) -> bool {
        !self.exclude.is_empty() && self.exclude.is_match(path.as_str())
    }
}

fn set(patterns: &[String]) -> Result<GlobSet, PatternError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let bad = |reason: String| PatternError { pattern: pattern.clone(), reason };
        let place = pattern.trim_end_matches('/');
        if place.is_empty() || pattern.contains('\\') {
            return Err(bad("a pattern names something, and its folders are separated by `/`".into()));
        }
        let anywhere = if place.contains('/') { place.trim_start_matches('/').to_owned() } else { format!("**/{place}") };
        for text in [format!("{anywhere}/**"), anywhere] {
            let glob = GlobBuilder::new(&text).literal_separator(true).case_insensitive(true).build();
            set.add(glob.map_err(|error| bad(error.kind().to_string()))?);
        }
    }
    set.build().map_err(|error| PatternError { pattern: patterns.join(", "), reason: error.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(include: &[&str], exclude: &[&str]) -> Patterns {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Patterns::new(&owned(include), &owned(exclude), Some(1000)).unwrap()
    }

    fn taken(patterns: &Patterns, path: &str) -> bool {
        patterns.takes(&DocumentPath::new(path).unwrap(), 1000) == Verdict::Take
    }

    #[test]
    fn without_patterns_everything_is_taken() {
        assert_eq!(Patterns::default().takes(&DocumentPath::new("a/b").unwrap(), u64::MAX), Verdict::Take);
    }

    #[test]
    fn a_pattern_matches_names_folders_and_places() {
        for (pattern, hits, misses) in [
            ("*.mp4", &["a.mp4", "x/y/A.MP4"][..], &["a.mp4x", "mp4"][..]),
            ("drafts", &["drafts", "drafts/a/b", "x/drafts/a"], &["draft", "drafts2/a"]),
            ("drafts/", &["drafts/a", "x/drafts/a/b"], &["a/draft"]),
            ("/drafts", &["drafts/a"], &["x/drafts/a"]),
            ("sales/*.pdf", &["sales/a.pdf"], &["sales/x/a.pdf", "x/sales/a.pdf"]),
            ("sales/**/*.pdf", &["sales/a.pdf", "sales/x/y/a.pdf"], &["a.pdf"]),
            ("{a,b}.txt", &["a.txt", "b.txt"], &["c.txt"]),
            ("~$*", &["~$offer.docx", "x/~$a"], &["a~$"]),
        ] {
            for path in hits {
                assert!(taken(&patterns(&[pattern], &[]), path), "{pattern} {path}");
                assert!(!taken(&patterns(&[], &[pattern]), path), "{pattern} {path}");
            }
            for path in misses {
                assert!(!taken(&patterns(&[pattern], &[]), path), "{pattern} {path}");
                assert!(taken(&patterns(&[], &[pattern]), path), "{pattern} {path}");
            }
        }
    }

    #[test]
    fn what_is_excluded_is_not_included_and_size_is_asked_last() {
        let both = patterns(&["docs"], &["*.tmp"]);
        assert!(taken(&both, "docs/a") && !taken(&both, "docs/a.tmp") && !taken(&both, "a"));
        assert_eq!(both.takes(&DocumentPath::new("docs/a").unwrap(), 1001), Verdict::TooLarge(1000));
        assert_eq!(both.takes(&DocumentPath::new("docs/a.tmp").unwrap(), 1001), Verdict::Excluded);
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        for bad in ["[a", "{a", "/", "", "a\\b"] {
            assert_eq!(Patterns::new(&[], &[bad.to_owned()], None).unwrap_err().pattern, bad);
        }
    }
}
