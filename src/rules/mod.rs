//! What decides a conflict in which table, as a person wrote it into `rules.toml`.
//!
//! ```toml
//! default = "newest"
//!
//! [tables.customers]
//! conflict = "parent"
//! ```
//!
//! Pure: text in, [`Rules`] out, canonical text back. Whether a table exists is checked by whoever knows the database.

mod decide;
mod nearest;
pub mod reading;

use std::collections::BTreeMap;
use std::fmt;

pub use decide::{Verdict, decide};
pub use nearest::nearest;
use reading::{Fault, Reading};

/// Which side a conflict goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// The later edit, by the clocks of the sites of the edits; the parent's where both are of the same time.
    #[default]
    Newest,
    /// What the parent holds.
    Parent,
    /// What the child sent.
    Child,
    /// A person decides; the parent's value stands meanwhile.
    Review,
}

/// The rules of a whole tree of sites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    default: Criterion,
    tables: BTreeMap<String, Criterion>,
}

/// Why a text is no rules file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct RulesError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl Rules {
    /// Largest rules file, in bytes: they travel with the roster.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// Reads the text of a `rules.toml`; an empty text gives the defaults.
    ///
    /// # Errors
    /// [`RulesError`] with the line for bad TOML, an unknown key, a value of the wrong kind or an unknown criterion.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        Self::read(text).map_err(|(line, fault)| RulesError { line, fault })
    }

    /// What decides a conflict in `table`.
    #[must_use]
    pub fn criterion(&self, table: &str) -> Criterion {
        self.tables.get(table).copied().unwrap_or(self.default)
    }

    /// What decides where a table has no rule of its own.
    #[must_use]
    pub const fn default_criterion(&self) -> Criterion {
        self.default
    }

    /// The tables that have a rule of their own, by name, for the caller to check against the database.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Criterion)> {
        self.tables.iter().map(|(table, criterion)| (table.as_str(), *criterion))
    }

    fn read(text: &str) -> Result<Self, (usize, Fault)> {
        if text.len() > Self::MAX_BYTES {
            return Err((1, Fault::TooLarge { bytes: text.len(), max: Self::MAX_BYTES }));
        }
        let root = Reading::parse(text)?;
        root.only(&["default", "tables"])?;
        let default = root.word("default", &Criterion::WORDS)?.unwrap_or_default();
        let mut tables = BTreeMap::new();
        if let Some(all) = root.table("tables")? {
            for name in all.keys() {
                let table = all.table(name)?.expect("the name was just listed");
                table.only(&["conflict"])?;
                let criterion = table.word("conflict", &Criterion::WORDS)?;
                tables.insert(name.to_owned(), criterion.unwrap_or(default));
            }
        }
        Ok(Self { default, tables })
    }
}

/// The canonical text: the same rules give the same bytes, and [`Rules::parse`] reads it back.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "default = \"{}\"", self.default)?;
        for (table, criterion) in &self.tables {
            writeln!(f, "\n[tables.{}]\nconflict = \"{criterion}\"", reading::quoted(table))?;
        }
        Ok(())
    }
}

impl Criterion {
    const WORDS: [(&'static str, Self); 4] =
        [("newest", Self::Newest), ("parent", Self::Parent), ("child", Self::Child), ("review", Self::Review)];

    /// The word that stands for it in `rules.toml`, in reports and in packets.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::Review => "review",
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_follows_its_own_rule_and_all_others_the_default() {
        let rules = Rules::parse("default = \"parent\"\n[tables.notes]\nconflict = \"review\"\n[tables.\"order lines\"]\n").unwrap();
        assert_eq!(rules.criterion("notes"), Criterion::Review);
        assert_eq!(rules.criterion("order lines"), Criterion::Parent);
        assert_eq!(rules.criterion("never heard of"), Criterion::Parent);
        assert_eq!(Rules::parse("").unwrap().criterion("x"), Criterion::Newest);
    }

    #[test]
    fn the_canonical_text_reads_back_whatever_the_tables_are_called() {
        let text = "[tables.\"a \\\"b\\\"\\u0007\"]\nconflict = \"child\"\n[tables.\"\"]\nconflict=\"newest\"\n[tables.Ünï]\n"
            .replace("Ünï", "\"Ünï\"");
        let rules = Rules::parse(&text).unwrap();
        let canonical = rules.to_string();
        assert_eq!(Rules::parse(&canonical).unwrap(), rules);
        assert_eq!(Rules::parse(&canonical).unwrap().to_string(), canonical);
    }

    #[test]
    fn every_fault_is_named_with_its_line() {
        let cases = [
            ("default = newest\n", "line 1: "),
            ("\ndefault = \"newst\"", "line 2: `default` is `newst`, but may only be newest, parent, child or review"),
            ("default = 3", "line 1: `default` takes a text, found integer"),
            ("[tables.notes]\nconfict = \"child\"\n", "line 2: unknown key `confict`"),
            ("[table.notes]\n", "line 1: unknown key `table`"),
            ("tables = 1", "line 1: `tables` takes a table, found integer"),
            ("[tables.a]\n[tables.a]\n", "line 2: duplicate key"),
        ];
        for (text, expected) in cases {
            let error = Rules::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?} gives {error:?}");
        }
        let Fault::UnknownKey { meant, .. } = Rules::parse("[table.notes]\n").unwrap_err().fault else { panic!() };
        assert_eq!(meant.as_deref(), Some("tables"));
    }

    #[test]
    fn a_file_at_the_cap_is_read_and_one_byte_more_is_not() {
        let mut text = "#".repeat(Rules::MAX_BYTES);
        Rules::parse(&text).unwrap();
        text.push('#');
        assert!(matches!(Rules::parse(&text).unwrap_err().fault, Fault::TooLarge { .. }));
    }
}
