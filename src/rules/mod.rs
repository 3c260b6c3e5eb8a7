//! What a person wrote into `rules.toml`: what decides a conflict in which table, what names a record, what refers to what.
//!
//! ```toml
//! default = "newest"
//!
//! [tables.countries]
//! conflict = "parent"
//! identity = ["code"]              # records that agree here are one record, whatever number each site gave them
//! key = ["a", "b"]                 # names the records of a table that has no usable key
//!
//! [references]                     # references that nobody declared as a foreign key: see `references`
//! "notes.customer" = "customers"
//!
//! [triggers]                       # what a trigger does while packets are applied
//! films_ai = "still"
//! ```
//!
//! Pure: text in, [`Rules`] out, canonical text back. Whether a table, column or trigger exists is checked by whoever knows the database.

mod decide;
mod nearest;
pub mod reading;
mod references;

use std::collections::BTreeMap;
use std::fmt;

pub use decide::{Verdict, decide};
pub use nearest::nearest;
use reading::{At, Fault, Reading};
pub use references::{JsonStep, ReferenceRule, json_path};
use references::{list, table_and_column};

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
    tables: BTreeMap<String, TableRule>,
    /// By table and column.
    references: BTreeMap<(String, String), ReferenceRule>,
    triggers: BTreeMap<String, TriggerRule>,
}

/// The rules of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TableRule {
    conflict: Criterion,
    identity: Vec<String>,
    key: Vec<String>,
}

/// What a trigger of the application does while packets are applied, whatever is found out about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriggerRule {
    /// It runs.
    Run,
    /// It does nothing.
    Still,
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
        self.tables.get(table).map_or(self.default, |rule| rule.conflict)
    }

    /// What decides where a table has no rule of its own.
    #[must_use]
    pub const fn default_criterion(&self) -> Criterion {
        self.default
    }

    /// The tables that have a rule of their own, by name, for the caller to check against the database.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Criterion)> {
        self.tables.iter().map(|(table, rule)| (table.as_str(), rule.conflict))
    }

    /// The columns whose values make a record of `table` the same record at every site, whatever integer key each site gave it;
    /// none where the key alone does.
    #[must_use]
    pub fn identity(&self, table: &str) -> &[String] {
        self.tables.get(table).map_or(&[], |rule| &rule.identity)
    }

    /// The columns that name a record of `table`, which has no usable key of its own; none where nobody said so.
    #[must_use]
    pub fn key(&self, table: &str) -> &[String] {
        self.tables.get(table).map_or(&[], |rule| &rule.key)
    }

    /// The same rules, with these columns naming the records of `table`.
    #[must_use]
    pub fn with_key(mut self, table: &str, key: &[String]) -> Self {
        let conflict = self.default;
        let rule = self.tables.entry(table.to_owned()).or_insert_with(|| TableRule { conflict, ..TableRule::default() });
        rule.key = key.to_vec();
        self
    }

    /// References nobody declared as a foreign key: table, column and what the column holds, by name.
    pub fn references(&self) -> impl Iterator<Item = (&str, &str, &ReferenceRule)> {
        self.references.iter().map(|((table, column), rule)| (table.as_str(), column.as_str(), rule))
    }

    /// What this trigger does while packets are applied; none where it is found out automatically.
    #[must_use]
    pub fn trigger(&self, name: &str) -> Option<TriggerRule> {
        self.triggers.get(name).copied()
    }

    /// The triggers that have a rule, by name.
    pub fn triggers(&self) -> impl Iterator<Item = (&str, TriggerRule)> {
        self.triggers.iter().map(|(trigger, rule)| (trigger.as_str(), *rule))
    }

    fn read(text: &str) -> Result<Self, (usize, Fault)> {
        if text.len() > Self::MAX_BYTES {
            return Err((1, Fault::TooLarge { bytes: text.len(), max: Self::MAX_BYTES }));
        }
        let root = Reading::parse(text)?;
        root.only(&["default", "tables", "references", "triggers"])?;
        let default = root.word("default", &Criterion::WORDS)?.unwrap_or_default();
        Ok(Self { default, tables: read_tables(&root, default)?, references: read_references(&root)?, triggers: read_triggers(&root)? })
    }
}

fn read_tables(root: &Reading<'_>, default: Criterion) -> At<BTreeMap<String, TableRule>> {
    let mut tables = BTreeMap::new();
    let Some(all) = root.table("tables")? else { return Ok(tables) };
    for name in all.keys() {
        let table = all.table(name)?.expect("the name was just listed");
        table.only(&["conflict", "identity", "key"])?;
        let conflict = table.word("conflict", &Criterion::WORDS)?.unwrap_or(default);
        let (identity, key) = (columns(&table, "identity")?, columns(&table, "key")?);
        tables.insert(name.to_owned(), TableRule { conflict, identity, key });
    }
    Ok(tables)
}

/// A list of columns: none where the key is missing, else at least one and none of them twice.
fn columns(table: &Reading<'_>, key: &str) -> At<Vec<String>> {
    let Some(names) = table.texts(key)? else { return Ok(Vec::new()) };
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(table.refuse(key, "it names no column"));
    }
    let twice = |(n, name): &(usize, &String)| names[..*n].contains(name);
    match names.iter().enumerate().find(twice) {
        Some((_, name)) => Err(table.refuse(key, format!("it names `{name}` twice"))),
        None => Ok(names),
    }
}

fn read_references(root: &Reading<'_>) -> At<BTreeMap<(String, String), ReferenceRule>> {
    let mut references = BTreeMap::new();
    let Some(all) = root.table("references")? else { return Ok(references) };
    for name in all.keys() {
        let Some((table, column)) = table_and_column(name) else {
            return Err(all.refuse(name, "name a column as \"table.column\", both in one pair of quotes"));
        };
        references.insert((table.to_owned(), column.to_owned()), ReferenceRule::read(&all, name)?);
    }
    Ok(references)
}

fn read_triggers(root: &Reading<'_>) -> At<BTreeMap<String, TriggerRule>> {
    let Some(all) = root.table("triggers")? else { return Ok(BTreeMap::new()) };
    let read = |name: &str| Ok((name.to_owned(), all.word(name, &TriggerRule::WORDS)?.expect("the name was just listed")));
    all.keys().map(read).collect()
}

/// The canonical text: the same rules give the same bytes, and [`Rules::parse`] reads it back.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "default = \"{}\"", self.default)?;
        for (table, rule) in &self.tables {
            writeln!(f, "\n[tables.{}]\nconflict = \"{}\"", reading::quoted(table), rule.conflict)?;
            for (key, columns) in [("identity", &rule.identity), ("key", &rule.key)] {
                if !columns.is_empty() {
                    writeln!(f, "{key} = {}", list(columns))?;
                }
            }
        }
        if !self.references.is_empty() {
            writeln!(f, "\n[references]")?;
        }
        for ((table, column), rule) in &self.references {
            writeln!(f, "{} = {rule}", reading::quoted(&format!("{table}.{column}")))?;
        }
        if !self.triggers.is_empty() {
            writeln!(f, "\n[triggers]")?;
        }
        for (trigger, rule) in &self.triggers {
            writeln!(f, "{} = \"{rule}\"", reading::quoted(trigger))?;
        }
        Ok(())
    }
}

impl TriggerRule {
    const WORDS: [(&'static str, Self); 2] = [("run", Self::Run), ("still", Self::Still)];

    /// The word that stands for it in `rules.toml` and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Still => "still",
        }
    }
}

impl fmt::Display for TriggerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
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

    const EVERYTHING: &str = r#"
[references]
"tags.object_id" = { type = "object_type", tables = { customer = "customers", "7" = "orders" } }
"notes.customer" = "customers"
"log.target" = { separator = ",", tables = { customer = "customers" } }
"docs.data" = { json = ["$.customer.id", "$.lines[*].product"], tables = ["customers", "products"] }
[triggers]
films_ai = "still"
"films \"x\"" = "run"
[tables.countries]
conflict = "parent"
identity = ["code"]
[tables.log]
key = ["a", "b.c"]
"#;

    #[test]
    fn what_names_records_and_refers_to_them_is_given_to_whoever_asks() {
        let rules = Rules::parse(EVERYTHING).unwrap();
        assert_eq!(rules.identity("countries"), ["code"]);
        assert_eq!(rules.key("log"), ["a", "b.c"]);
        assert!(rules.identity("log").is_empty() && rules.key("countries").is_empty() && rules.key("never heard of").is_empty());
        assert_eq!(rules.trigger("films_ai"), Some(TriggerRule::Still));
        assert_eq!(rules.trigger("films \"x\""), Some(TriggerRule::Run));
        assert_eq!(rules.trigger("films_ad"), None);
        let tables = |of: &[(&str, &str)]| of.iter().map(|(word, table)| ((*word).to_owned(), (*table).to_owned())).collect();
        let paths = [("$.customer.id", "customers"), ("$.lines[*].product", "products")];
        let expected = [
            ("docs", "data", ReferenceRule::Json { paths: paths.map(|(path, table)| (path.to_owned(), table.to_owned())).to_vec() }),
            ("log", "target", ReferenceRule::Text { separator: ",".into(), tables: tables(&[("customer", "customers")]) }),
            ("notes", "customer", ReferenceRule::Column { table: "customers".into() }),
            (
                "tags",
                "object_id",
                ReferenceRule::Typed { type_column: "object_type".into(), tables: tables(&[("customer", "customers"), ("7", "orders")]) },
            ),
        ];
        let found: Vec<_> = rules.references().map(|(table, column, rule)| (table, column, rule.clone())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_canonical_text_of_everything_reads_back() {
        let rules = Rules::parse(EVERYTHING).unwrap();
        let canonical = rules.to_string();
        assert_eq!(Rules::parse(&canonical).unwrap(), rules);
        assert!(canonical.contains("\"log.target\" = { separator = \",\", tables = { \"customer\" = \"customers\" } }\n"), "{canonical}");
        assert!(canonical.contains("\n[tables.\"countries\"]\nconflict = \"parent\"\nidentity = [\"code\"]\n"), "{canonical}");
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
            ("[tables.a]\nidentty = ['x']", "line 2: unknown key `identty`"),
            ("[tables.a]\nidentity = 'x'", "line 2: `identity` takes a list, found text"),
            ("[tables.a]\nidentity = []", "line 2: `identity`: it names no column"),
            ("[tables.a]\nkey = ['x', 'y', 'x']", "line 2: `key`: it names `x` twice"),
            ("[tables.a]\nkey = ['x', 3]", "line 2: `key` takes a list of texts, found integer"),
            ("[references]\nnotes.customer = 'customers'", "line 2: `notes`: name a column as"),
            ("[references]\n'notes.customer' = 3", "line 2: `notes.customer` takes a text or table, found integer"),
            ("[references]\n'notes.customer' = ''", "line 2: `notes.customer`: it is empty"),
            ("[references]\n'a.b' = { tables = { x = 'y' } }", "line 2: `a.b`: say how it refers"),
            ("[references]\n'a.b' = { typ = 'k', tables = { x = 'y' } }", "line 2: unknown key `typ`"),
            ("[references]\n'a.b' = { type = 'k' }", "line 2: `tables` is missing"),
            ("[references]\n'a.b' = { type = 'k', tables = {} }", "line 2: `tables`: it names no table"),
            ("[references]\n'a.b' = { type = 'k', tables = ['x'] }", "line 2: `tables` takes a table, found array"),
            ("[references]\n'a.b' = { type = 'k', tables = { x = 7 } }", "line 2: `x` takes a text, found integer"),
            ("[references]\n'a.b' = { separator = '', tables = { x = 'y' } }", "line 2: `separator`: it is empty"),
            ("[references]\n'a.b' = { separator = ',', type = 'k', tables = { x = 'y' } }", "line 2: `separator`: only one of"),
            ("[references]\n'a.b' = { json = ['$.x', '$.y'], tables = ['t'] }", "line 2: `tables`: 2 paths need as many tables, found 1"),
            ("[references]\n'a.b' = { json = ['x'], tables = ['t'] }", "line 2: `json`: `x` is no path such as"),
            ("[references]\n'a.b' = { json = [], tables = [] }", "line 2: `json`: it names no path"),
            ("[triggers]\nfilms_ai = 'stil'", "line 2: `films_ai` is `stil`, but may only be run or still"),
            ("[triggers]\nfilms_ai = true", "line 2: `films_ai` takes a text, found boolean"),
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
