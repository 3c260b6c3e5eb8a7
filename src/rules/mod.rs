//! What a person wrote into `rules.toml`: who wins a conflict, what travels where, what names a record, what refers to what.
//!
//! ```toml
//! default = ["owner", "newest"]    # what decides where a table says nothing: see `criteria`
//!
//! [sites]
//! priority = ["head", "sales"]     # for `site-priority`: names of sites or groups, the first one counts most
//!
//! [clocks]
//! future = "10m"                   # an edit dated further ahead than this does not win by its date
//!
//! [retries]
//! for = "4h"                       # how long a change may wait for what it needs before it wants a person
//! every = "1h"                     # and how often it is tried while nothing arrives
//!
//! [schema]
//! travels = false                  # every site's own application changes its database; else that of the main office goes to all sites
//!
//! [tables.countries]               # see `table`
//! conflict = "parent"
//! identity = ["code"]              # records that agree here are one record, whatever number each site gave them
//! key = ["a", "b"]                 # names the records of a table that has no usable key
//!
//! [references]                     # references that nobody declared as a foreign key: see `references`
//! "notes.customer" = "customers"
//! "notes.country" = false          # refers to nothing, whatever it looks like: `doctor` asks no more
//!
//! [triggers]                       # what a trigger does while packets are applied
//! films_ai = "still"
//!
//! [library]                        # which documents travel, and what is kept of two edits: see `library`
//! exclude = ["*.tmp"]
//! ```
//!
//! Pure: text in, [`Rules`] out, canonical text back. Whether a table, column or trigger exists is checked by whoever knows the database.

pub mod check;
mod criteria;
mod decide;
pub mod library;
mod merge;
mod nearest;
pub mod reading;
mod references;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use criteria::{Criteria, Criterion};
pub use decide::{Decided, Dispute, Edit, Verdict, adds_up, decide};
use library::LibraryRules;
pub use merge::Three;
pub use nearest::nearest;
use reading::{At, Fault, Reading};
pub use references::{JsonStep, ReferenceRule, json_path};
use references::{list, table_and_column};
pub use table::{DeleteRule, Deletes, Direction, Mark, Priority, Sending, TableRule, Unit};

/// The rules of a whole tree of sites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    default: Criteria,
    /// Names of sites and groups, the first one counts most.
    sites: Vec<String>,
    future_millis: Option<i64>,
    retries: Retries,
    tables: BTreeMap<String, TableRule>,
    /// By table and column.
    references: BTreeMap<(String, String), ReferenceRule>,
    /// Columns that refer to nothing, whatever they look like.
    plain: BTreeSet<(String, String)>,
    triggers: BTreeMap<String, TriggerRule>,
    library: LibraryRules,
    schema_stays: bool,
}

/// How a change that waits is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How long it may wait for what it needs; after that it wants a person.
    pub for_millis: i64,
    /// How often it is tried while nothing arrives that could help.
    pub every_millis: i64,
}

impl Default for Retries {
    fn default() -> Self {
        Self { for_millis: 4 * 3_600_000, every_millis: 3_600_000 }
    }
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
#[error("{}{fault}", if *.line > 0 { format!("line {line}: ") } else { String::new() })]
pub struct RulesError {
    /// Counted from 1; 0 for what is wrong with the whole file.
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

    /// How far ahead of our clock an edit may be dated and still win by its date.
    pub const FUTURE_MILLIS: i64 = 10 * 60 * 1000;

    /// The rules of a table; those of one that nobody wrote about are the defaults.
    #[must_use]
    pub fn table(&self, table: &str) -> &TableRule {
        static NONE: std::sync::LazyLock<TableRule> = std::sync::LazyLock::new(TableRule::default);
        self.tables.get(table).unwrap_or(&NONE)
    }

    /// What decides a conflict of `field` of `table`.
    #[must_use]
    pub fn criteria(&self, table: &str, field: &str) -> &Criteria {
        self.table(table).criteria(field, &self.default)
    }

    /// What decides a conflict of a field of `table` that has no rule of its own.
    #[must_use]
    pub fn table_criteria(&self, table: &str) -> &Criteria {
        self.table(table).conflict.as_ref().unwrap_or(&self.default)
    }

    /// What decides where a table has no rule of its own.
    #[must_use]
    pub const fn default_criteria(&self) -> &Criteria {
        &self.default
    }

    /// Names of sites and groups for `site-priority`, the first one counts most.
    #[must_use]
    pub fn sites(&self) -> &[String] {
        &self.sites
    }

    /// How far ahead of our clock an edit may be dated and still win by its date, in milliseconds.
    #[must_use]
    pub fn future_millis(&self) -> i64 {
        self.future_millis.unwrap_or(Self::FUTURE_MILLIS)
    }

    /// Whether the schema of the main office goes to all sites; else every site's own application changes its database.
    #[must_use]
    pub const fn schema_travels(&self) -> bool {
        !self.schema_stays
    }

    /// How a change that waits is tried again.
    #[must_use]
    pub const fn retries(&self) -> Retries {
        self.retries
    }

    /// The tables that have rules of their own, by name, for the caller to check against the database.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &TableRule)> {
        self.tables.iter().map(|(table, rule)| (table.as_str(), rule))
    }

    /// The columns whose values make a record of `table` the same record at every site, whatever integer key each site gave it;
    /// none where the key alone does.
    #[must_use]
    pub fn identity(&self, table: &str) -> &[String] {
        &self.table(table).identity
    }

    /// The columns that name a record of `table`, which has no usable key of its own; none where nobody said so.
    #[must_use]
    pub fn key(&self, table: &str) -> &[String] {
        &self.table(table).key
    }

    /// The same rules, with these columns naming the records of `table`.
    #[must_use]
    pub fn with_key(mut self, table: &str, key: &[String]) -> Self {
        self.tables.entry(table.to_owned()).or_default().key = key.to_vec();
        self
    }

    /// The same rules, with these columns of `table` never travelling.
    #[must_use]
    pub fn with_local(mut self, table: &str, columns: &[String]) -> Self {
        self.tables.entry(table.to_owned()).or_default().local = columns.to_vec();
        self
    }

    /// The same rules, with `table` travelling nowhere.
    #[must_use]
    pub fn with_home(mut self, table: &str) -> Self {
        self.tables.entry(table.to_owned()).or_default().direction = Direction::None;
        self
    }

    /// References nobody declared as a foreign key: table, column and what the column holds, by name.
    pub fn references(&self) -> impl Iterator<Item = (&str, &str, &ReferenceRule)> {
        self.references.iter().map(|((table, column), rule)| (table.as_str(), column.as_str(), rule))
    }

    /// Whether somebody said that a column refers to nothing, whatever it looks like.
    #[must_use]
    pub fn is_plain(&self, table: &str, column: &str) -> bool {
        self.plain.contains(&(table.to_owned(), column.to_owned()))
    }

    /// The columns of which somebody said so: table and column.
    pub fn plain(&self) -> impl Iterator<Item = (&str, &str)> {
        self.plain.iter().map(|(table, column)| (table.as_str(), column.as_str()))
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

    /// What the rules say of documents.
    #[must_use]
    pub const fn library(&self) -> &LibraryRules {
        &self.library
    }

    fn read(text: &str) -> Result<Self, (usize, Fault)> {
        if text.len() > Self::MAX_BYTES {
            return Err((1, Fault::TooLarge { bytes: text.len(), max: Self::MAX_BYTES }));
        }
        let root = Reading::parse(text)?;
        root.only(&["default", "sites", "clocks", "retries", "schema", "tables", "references", "triggers", "library"])?;
        let default = Criteria::read(&root, "default")?.unwrap_or_default();
        let tables = read_tables(&root, &default)?;
        let (references, plain) = read_references(&root)?;
        Ok(Self {
            sites: read_sites(&root)?,
            future_millis: read_clocks(&root)?,
            retries: read_retries(&root)?,
            schema_stays: read_schema(&root)?,
            tables,
            library: LibraryRules::read(&root)?,
            references,
            plain,
            triggers: read_triggers(&root)?,
            default,
        })
    }
}

fn read_tables(root: &Reading<'_>, default: &Criteria) -> At<BTreeMap<String, TableRule>> {
    let Some(all) = root.table("tables")? else { return Ok(BTreeMap::new()) };
    let read = |name: &str| {
        let table = all.table(name)?.expect("the name was just listed");
        Ok((name.to_owned(), TableRule::read(&table, default)?))
    };
    all.keys().map(read).collect()
}

fn read_sites(root: &Reading<'_>) -> At<Vec<String>> {
    let Some(sites) = root.table("sites")? else { return Ok(Vec::new()) };
    sites.only(&["priority"])?;
    let names = sites.texts("priority")?.unwrap_or_default();
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, name)) => Err(sites.refuse("priority", format!("it names `{name}` twice"))),
        None => Ok(names),
    }
}

fn read_clocks(root: &Reading<'_>) -> At<Option<i64>> {
    let Some(clocks) = root.table("clocks")? else { return Ok(None) };
    clocks.only(&["future"])?;
    clocks.span("future")
}

fn read_retries(root: &Reading<'_>) -> At<Retries> {
    let Some(retries) = root.table("retries")? else { return Ok(Retries::default()) };
    retries.only(&["for", "every"])?;
    let usual = Retries::default();
    let every_millis = retries.span("every")?.unwrap_or(usual.every_millis);
    if every_millis == 0 {
        return Err(retries.refuse("every", "without a pause nothing else would ever be done"));
    }
    Ok(Retries { for_millis: retries.span("for")?.unwrap_or(usual.for_millis), every_millis })
}

fn read_schema(root: &Reading<'_>) -> At<bool> {
    let Some(schema) = root.table("schema")? else { return Ok(false) };
    schema.only(&["travels"])?;
    Ok(schema.flag("travels")? == Some(false))
}

type References = BTreeMap<(String, String), ReferenceRule>;

fn read_references(root: &Reading<'_>) -> At<(References, BTreeSet<(String, String)>)> {
    let (mut references, mut plain) = (BTreeMap::new(), BTreeSet::new());
    let Some(all) = root.table("references")? else { return Ok((references, plain)) };
    for name in all.keys() {
        let Some((table, column)) = table_and_column(name) else {
            return Err(all.refuse(name, "name a column as \"table.column\", both in one pair of quotes"));
        };
        let place = (table.to_owned(), column.to_owned());
        match all.flag(name) {
            Ok(Some(false)) => drop(plain.insert(place)),
            Ok(Some(true)) => return Err(all.refuse(name, "say to what it refers; false says that it refers to nothing")),
            Ok(None) | Err(_) => drop(references.insert(place, ReferenceRule::read(&all, name)?)),
        }
    }
    Ok((references, plain))
}

fn read_triggers(root: &Reading<'_>) -> At<BTreeMap<String, TriggerRule>> {
    let Some(all) = root.table("triggers")? else { return Ok(BTreeMap::new()) };
    let read = |name: &str| Ok((name.to_owned(), all.word(name, &TriggerRule::WORDS)?.expect("the name was just listed")));
    all.keys().map(read).collect()
}

/// The canonical text: the same rules give the same bytes, and [`Rules::parse`] reads it back.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "default = {}", self.default.toml())?;
        if !self.sites.is_empty() {
            writeln!(f, "\n[sites]\npriority = {}", list(&self.sites))?;
        }
        if let Some(millis) = self.future_millis {
            writeln!(f, "\n[clocks]\nfuture = \"{}\"", reading::span_text(millis))?;
        }
        if self.retries != Retries::default() {
            let (longest, every) = (reading::span_text(self.retries.for_millis), reading::span_text(self.retries.every_millis));
            writeln!(f, "\n[retries]\nfor = \"{longest}\"\nevery = \"{every}\"")?;
        }
        if self.schema_stays {
            writeln!(f, "\n[schema]\ntravels = false")?;
        }
        for (table, rule) in &self.tables {
            write!(f, "\n[tables.{}]\n{rule}", reading::quoted(table))?;
        }
        if !self.references.is_empty() || !self.plain.is_empty() {
            writeln!(f, "\n[references]")?;
        }
        for (table, column) in self.plain() {
            writeln!(f, "{} = false", reading::quoted(&format!("{table}.{column}")))?;
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
        write!(f, "{}", self.library)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(rules: &Rules, table: &str, field: &str) -> String {
        rules.criteria(table, field).to_string()
    }

    #[test]
    fn a_field_follows_its_rule_else_its_tables_and_all_others_the_default() {
        let text = "default = \"parent\"\n[tables.notes]\nconflict = \"review\"\nfields = { n = [\"sum\", \"child\"] }\n[tables.\"order lines\"]\n";
        let rules = Rules::parse(text).unwrap();
        assert_eq!(words(&rules, "notes", "x"), "review");
        assert_eq!(words(&rules, "notes", "n"), "sum, then child");
        assert_eq!(words(&rules, "order lines", "x"), "parent");
        assert_eq!(words(&rules, "never heard of", "x"), "parent");
        assert_eq!(words(&Rules::parse("").unwrap(), "x", "x"), "newest");
    }

    #[test]
    fn a_group_follows_the_rule_of_any_of_its_fields() {
        let rules = Rules::parse(EVERYTHING).unwrap();
        assert_eq!(words(&rules, "customers", "city"), "review");
        assert_eq!(words(&rules, "customers", "a"), "owner, then newest");
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
    fn the_schema_travels_unless_somebody_says_otherwise() {
        let travels = |text: &str| Rules::parse(text).map(|rules| rules.schema_travels()).ok();
        assert_eq!(
            ["", "[schema]", "[schema]\ntravels = true", "[schema]\ntravels = false"].map(travels),
            [true, true, true, false].map(Some)
        );
        assert_eq!(travels("[schema]\ntravel = false"), None);
        assert!(!Rules::parse(&Rules::parse(EVERYTHING).unwrap().to_string()).unwrap().schema_travels());
    }

    const EVERYTHING: &str = r#"
[schema]
travels = false
[references]
"tags.object_id" = { type = "object_type", tables = { customer = "customers", "7" = "orders" } }
"notes.customer" = "customers"
"notes.country" = false
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
[sites]
priority = ["head", "sales"]
[clocks]
future = "90s"
[retries]
for = "1d"
[tables.customers]
conflict = ["owner", "newest"]
owner = "account_site"
groups = [["street", "city"], ["a", "b"]]
deletes = { up = "origin-only", down = { set = "status", to = "deleted" } }
fixed = ["company"]
required = ["company"]
ready_when = "done = 1"
send = "manual"
local = ["seen"]
fields = { street = ["review"], stock = ["sum", "parent"], tags = { union = ";" }, note = ["text", { union = "," }] }
[tables.orders]
unit = "record"
direction = "up"
deletes = { set = "gone", to = 1 }
[tables.prices]
direction = "down"
priority = "critical"
deletes = { up = { set = "gone", to = "x" } }
[tables.scratch]
local = true
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
            ("\ndefault = \"newst\"", "line 2: `default` is `newst`, but may only be owner, newest, oldest, "),
            ("default = 3", "line 1: `default` takes a text, table or list of these, found integer"),
            ("default = []", "line 1: `default`: it names no criterion"),
            ("default = 'union'", "line 1: `default` is `union`, but may only be "),
            ("default = ['newest', 'newest']", "line 1: `default`: it asks `newest` twice"),
            ("default = [\n'parent',\n'newest']", "line 3: `default`: `newest` is never asked: `parent` before it always decides"),
            ("[tables.a]\nconflict = 'owner'", "line 2: `conflict`: it asks `owner`, so say which"),
            ("[tables.a]\nowner = 'x'", "line 2: `owner`: no rule of this table asks `owner`"),
            ("[tables.a]\ngroups = [['x']]", "line 2: `groups`: a group has at least two fields"),
            ("[tables.a]\ngroups = [['x', 'y'], ['z', 'x']]", "line 2: `groups`: `x` is in a group already"),
            ("[tables.a]\ngroups = [['x', 'y']]\nunit = 'record'", "line 2: `groups`: `unit = \"record\"` makes one group"),
            ("[tables.a]\ngroups = [['x', 'y']]\nfields = { x = 'child', y = 'parent' }", "line 3: `fields`: `x` and `y` win or lose"),
            ("[tables.a]\ngroups = [['x', 'y']]\nfields = { x = 'sum' }", "line 3: `fields`: `x` wins or loses with its group"),
            ("[tables.a]\nunit = 'record'\nfields = { x = 'child' }", "line 3: `fields`: `unit = \"record\"` decides the whole"),
            ("[tables.a]\nfields = { x = { union = '' } }", "line 2: `union`: say what stands between"),
            ("[tables.a]\ndeletes = 'edit'", "line 2: `deletes` is `edit`, but may only be edit-wins, "),
            ("[tables.a]\ndeletes = { set = 'x' }", "line 2: `to` is missing"),
            ("[tables.a]\ndeletes = { set = 'x', to = 1.5 }", "line 2: `to` takes a text or whole number, found float"),
            ("[tables.a]\nlocal = ['x']\nfixed = ['x']", "line 3: `fixed`: `x` is local"),
            ("[tables.a]\nlocal = true\ndirection = 'up'", "line 3: `direction`: `local = true` says"),
            ("[tables.a]\ndirection = 'down'\nfixed = ['x']", "line 3: `fixed`: a child changes nothing"),
            ("[clocks]\nfuture = '10'", "line 2: `future`: it takes a length of time"),
            ("[retries]\nevery = '0s'", "line 2: `every`: without a pause"),
            ("[sites]\npriority = ['a', 'a']", "line 2: `priority`: it names `a` twice"),
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
