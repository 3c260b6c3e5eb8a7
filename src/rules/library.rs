//! What do the rules say of documents: which ones travel, to whom, and which of two edits is kept? The table `[library]` of `rules.toml`.
//!
//! ```toml
//! [library]
//! exclude = ["*.bak", "drafts"]            # these are no documents, at no site, nor is what programs leave behind (`USUAL_EXCLUDES`)
//! usual_excludes = false                   # unless that is wanted
//! largest = "200 MB"
//! conflict = { "*.xlsx" = "newest", "price lists/**" = "parent" }   # all others: "both"
//!
//! [library.groups.sales]                   # what sites of this group get; sites of no such group get everything
//! include = ["sales/**", "templates/**"]
//! ```
//!
//! An office gets everything, whatever its groups: the sites below it have groups of their own. Of several patterns in `conflict` that fit a
//! document the longest decides.

use std::collections::BTreeMap;
use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::reading::{At, Reading, byte_text, quoted};
use super::references::list;

/// What programs and systems leave in folders, and nobody means by a document: of the desktop, of office programs, editors and browsers
/// at work.
pub const USUAL_EXCLUDES: [&str; 21] = [
    ".DS_Store",
    "._*",
    ".Spotlight-V100",
    ".fseventsd",
    ".Trashes",
    ".Trash-*",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    "~$*",
    ".~lock.*#",
    "*.tmp",
    "*~",
    "#*#",
    ".#*",
    ".*.sw?",
    ".nfs*",
    "*.crdownload",
    "*.part",
];

/// Which documents: any that `include` fits (all where there is none), that no `exclude` fits and that is not larger than `largest` bytes.
///
/// A site also says of itself what it leaves out, in a packet: `{"exclude": ["films"]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Patterns, one of which must fit; none: all do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Patterns, none of which may fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<u64>,
}

/// What becomes of a document that was edited at two sites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keep {
    /// The parent's stays under its name, the child's is kept under another one.
    #[default]
    Both,
    /// The one that was edited later.
    Newest,
    /// The parent's.
    Parent,
    /// The child's.
    Child,
}

/// The rules of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibraryRules {
    /// Which documents there are at all, without [`USUAL_EXCLUDES`].
    pub choice: Choice,
    /// [`USUAL_EXCLUDES`] are documents like any other.
    pub takes_usual: bool,
    /// What sites of a group get, by group.
    pub groups: BTreeMap<String, Choice>,
    /// By pattern what is kept of two edits.
    conflict: BTreeMap<String, Keep>,
}

impl Choice {
    /// The keys it reads.
    pub const KEYS: [&'static str; 3] = ["include", "exclude", "largest"];

    /// Reads it from the keys of a table.
    ///
    /// # Errors
    /// The fault and its line.
    pub fn read(table: &Reading<'_>) -> At<Self> {
        let patterns = |key: &'static str| {
            let patterns = table.texts(key)?.unwrap_or_default();
            match patterns.iter().find_map(|pattern| matcher(pattern).err()) {
                Some(why) => Err(table.refuse(key, why)),
                None => Ok(patterns),
            }
        };
        Ok(Self { include: patterns("include")?, exclude: patterns("exclude")?, largest: table.bytes("largest")? })
    }
}

/// The keys as `rules.toml` and the settings have them.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, patterns) in [("include", &self.include), ("exclude", &self.exclude)] {
            if !patterns.is_empty() {
                writeln!(f, "{key} = {}", list(patterns))?;
            }
        }
        match self.largest {
            Some(largest) => writeln!(f, "largest = {}", quoted(&byte_text(largest))),
            None => Ok(()),
        }
    }
}

impl Keep {
    const WORDS: [(&'static str, Self); 4] =
        [("both", Self::Both), ("newest", Self::Newest), ("parent", Self::Parent), ("child", Self::Child)];

    /// The word that stands for it in `rules.toml` and in lists of conflicts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Newest => "newest",
            Self::Parent => "parent",
            Self::Child => "child",
        }
    }
}

impl LibraryRules {
    pub(super) fn read(root: &Reading<'_>) -> At<Self> {
        let Some(table) = root.table("library")? else { return Ok(Self::default()) };
        table.only(&[&["usual_excludes", "conflict", "groups"][..], &Choice::KEYS].concat())?;
        let mut conflict = BTreeMap::new();
        if let Some(all) = table.table("conflict")? {
            for pattern in all.keys() {
                matcher(pattern).map_err(|why| all.refuse(pattern, why))?;
                conflict.insert(pattern.to_owned(), all.word(pattern, &Keep::WORDS)?.unwrap_or_default());
            }
        }
        let mut groups = BTreeMap::new();
        if let Some(all) = table.table("groups")? {
            for group in all.keys() {
                let Some(one) = all.table(group)? else { continue };
                one.only(&Choice::KEYS)?;
                groups.insert(group.to_owned(), Choice::read(&one)?);
            }
        }
        let takes_usual = !table.flag("usual_excludes")?.unwrap_or(true);
        Ok(Self { choice: Choice::read(&table)?, takes_usual, groups, conflict })
    }

    /// All patterns of what is no document at any site.
    #[must_use]
    pub fn excludes(&self) -> Vec<String> {
        let usual = USUAL_EXCLUDES.iter().filter(|_| !self.takes_usual).map(|pattern| (*pattern).to_owned());
        usual.chain(self.choice.exclude.iter().cloned()).collect()
    }

    /// What is kept of two edits of a document. A pattern that has no `/` fits the name in any folder.
    #[must_use]
    pub fn keep(&self, path: &str) -> Keep {
        let fits = |pattern: &&String| matcher(pattern).is_ok_and(|matcher| matcher.is_match(path));
        let longest = self.conflict.keys().filter(fits).max_by_key(|pattern| pattern.len());
        longest.and_then(|pattern| self.conflict.get(pattern)).copied().unwrap_or_default()
    }
}

impl fmt::Display for LibraryRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        write!(f, "\n[library]\n{}", self.choice)?;
        if self.takes_usual {
            writeln!(f, "usual_excludes = false")?;
        }
        if !self.conflict.is_empty() {
            let all: Vec<String> =
                self.conflict.iter().map(|(pattern, keep)| format!("{} = \"{}\"", quoted(pattern), keep.word())).collect();
            writeln!(f, "conflict = {{ {} }}", all.join(", "))?;
        }
        for (group, choice) in &self.groups {
            write!(f, "\n[library.groups.{}]\n{choice}", quoted(group))?;
        }
        Ok(())
    }
}

/// A pattern as the library reads it (`library::Patterns`): `*` stays within a folder, `**` does not, a folder means all that is in it, upper and
/// lower case are the same.
fn matcher(pattern: &str) -> Result<GlobSet, String> {
    let place = pattern.trim_end_matches('/');
    if place.is_empty() || pattern.contains('\\') {
        return Err(format!("`{pattern}`: a pattern names something, and its folders are separated by `/`"));
    }
    let anywhere = if place.contains('/') { place.trim_start_matches('/').to_owned() } else { format!("**/{place}") };
    let mut set = GlobSetBuilder::new();
    for text in [format!("{anywhere}/**"), anywhere] {
        let glob = GlobBuilder::new(&text).literal_separator(true).case_insensitive(true).build();
        set.add(glob.map_err(|error| format!("`{pattern}`: {}", error.kind()))?);
    }
    set.build().map_err(|error| format!("`{pattern}`: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    const TEXT: &str = "[library]\nexclude = ['~$*']\nlargest = '200 MB'\nconflict = { '*.xlsx' = 'newest', 'lists/*.xlsx' = 'parent', drafts = 'child', '/top/' = 'parent' }\n\
        [library.groups.sales]\ninclude = ['sales/**']\n";

    #[test]
    fn the_longest_pattern_that_fits_decides_and_the_text_reads_back() {
        let rules = Rules::parse(TEXT).unwrap();
        let keep = |path: &str| rules.library().keep(path);
        assert_eq!(keep("a/b.XLSX"), Keep::Newest);
        assert_eq!(keep("lists/b.xlsx"), Keep::Parent);
        assert_eq!(keep("lists/deep/b.xlsx"), Keep::Newest);
        assert_eq!(keep("a/b.doc"), Keep::Both);
        assert_eq!(keep("drafts/deep/b.doc"), Keep::Child);
        assert_eq!(keep("top/b.doc"), Keep::Parent);
        assert_eq!(keep("deep/top/b.doc"), Keep::Both);
        assert_eq!(rules.library().choice.largest, Some(200_000_000));
        assert_eq!(Rules::parse(&rules.to_string()).unwrap(), rules);
        assert_eq!(rules.library().excludes().len(), USUAL_EXCLUDES.len() + 1);
        let all = Rules::parse("[library]\nexclude = ['a']\nusual_excludes = false\n").unwrap();
        assert_eq!(all.library().excludes(), ["a"]);
        assert_eq!(Rules::parse(&all.to_string()).unwrap(), all);
        assert_eq!(Rules::default().library().excludes().len(), USUAL_EXCLUDES.len());
    }

    #[test]
    fn every_fault_is_named_with_its_line() {
        for (text, expected) in [
            ("[library]\nincude = []", "line 2: unknown key `incude`"),
            ("[library]\nexclude = ['a\\b']", "line 2: `exclude`: `a\\b`: a pattern names something"),
            ("[library]\ninclude = ['a[']", "line 2: `include`: `a[`"),
            ("[library]\nconflict = { 'a[' = 'both' }", "line 2: `a[`: `a[`"),
            ("[library]\nconflict = { a = 'oldest' }", "line 2: `a` is `oldest`, but may only be both, newest, parent or child"),
            ("[library]\nlargest = 'big'", "line 2: `largest`: it takes so many bytes"),
            ("[library.groups.x]\nconflict = {}", "line 2: unknown key `conflict`"),
        ] {
            let error = Rules::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?} gives {error:?}");
        }
    }
}
