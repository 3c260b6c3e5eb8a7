//! What a person wrote in `[tables.NAME]`.
//!
//! ```toml
//! [tables.customers]
//! conflict = ["owner", "newest"]       # a word, or several asked in turn: see `criteria`
//! owner = "account_site"               # for `owner`: a column or SQL expression that gives the name of a site or group
//! groups = [["street", "city", "zip"]] # win or lose together
//! unit = "record"                      # instead of groups: the whole record wins or loses
//! deletes = "delete-wins"              # or edit-wins, review, origin-only, or a mark: { set = "status", to = "deleted" }
//! direction = "down"                   # or up, both; none: it stays where it is
//! fixed = ["company_id"]               # may be set when a record is made; a later change by a child is refused
//! required = ["company_id"]            # what these refer to must be there
//! ready_when = "submitted = 1"         # SQL; until then the record stays home
//! send = "manual"                      # records travel when somebody sends them
//! priority = "critical"                # or low; goes before the others where not all fit into one packet
//! local = ["last_seen"]                # columns that never travel; true: the whole table
//!
//! [tables.customers.fields]            # single fields, or groups by any of their fields
//! notes = "text"
//! ```

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::criteria::Criteria;
use super::reading::{At, Fault, Reading, quoted};
use super::references::list;
use crate::model::Value;

/// The rules of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRule {
    /// What decides a conflict; the default of all tables where there is none.
    pub conflict: Option<Criteria>,
    /// What decides a conflict of single fields.
    pub fields: BTreeMap<String, Criteria>,
    /// SQL over the record that gives the name of the site or group which owns it.
    pub owner: Option<String>,
    /// Fields that win or lose together.
    pub groups: Vec<Vec<String>>,
    /// What wins or loses as one.
    pub unit: Unit,
    /// What becomes of deletes.
    pub deletes: Deletes,
    /// Which way its records travel.
    pub direction: Direction,
    /// Fields that a child may set when it makes a record and not change later.
    pub fixed: Vec<String>,
    /// Fields whose records must be there before the record travels.
    pub required: Vec<String>,
    /// SQL over the record; it stays home until this is true.
    pub ready_when: Option<String>,
    /// Whether its records travel by themselves.
    pub send: Sending,
    /// Which tables go first.
    pub priority: Priority,
    /// Columns that never travel.
    pub local: Vec<String>,
    /// Records that agree here are one record.
    pub identity: Vec<String>,
    /// What names a record of a table that has no key.
    pub key: Vec<String>,
}

/// What wins or loses as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Each field for itself, or its group.
    #[default]
    Field,
    /// The whole record.
    Record,
}

/// Which way the records of a table travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// From children to parents: a parent tells a child nothing of them but their numbers.
    Up,
    /// From parents to children: what a child changes is refused.
    Down,
    /// Nowhere: the table is not tracked.
    None,
}

/// Whether records travel by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sending {
    /// With the next round.
    #[default]
    Automatic,
    /// When somebody sends them.
    Manual,
}

/// Which tables go first. The first one is the most urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before all others.
    Critical,
    /// As every table that says nothing.
    #[default]
    Normal,
    /// After all others.
    Low,
}

/// What becomes of deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletes {
    /// Of a child's, at the parent, and of an edit by a child that meets a delete by the parent.
    pub up: DeleteRule,
    /// Of the parent's, at a child: a mark in the place of the delete.
    pub down: Option<Mark>,
}

/// What becomes of a delete that a child sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeleteRule {
    /// An edit that the other side did not know of keeps the record, whoever made it.
    #[default]
    EditWins,
    /// The record goes, whoever edited it.
    DeleteWins,
    /// What the parent has stands until a person decides.
    Review,
    /// Only the site that made a record may delete it; else as `edit-wins`.
    OriginOnly,
    /// A field is set instead.
    Mark(Mark),
}

/// A field that is set in the place of a delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: Value,
}

impl Direction {
    const WORDS: [(&'static str, Self); 4] = [("both", Self::Both), ("up", Self::Up), ("down", Self::Down), ("none", Self::None)];

    /// The word that stands for it in `rules.toml` and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Up => "up",
            Self::Down => "down",
            Self::None => "none",
        }
    }
}

impl Sending {
    const WORDS: [(&'static str, Self); 2] = [("automatic", Self::Automatic), ("manual", Self::Manual)];

    /// The word that stands for it in `rules.toml` and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

impl Priority {
    const WORDS: [(&'static str, Self); 3] = [("critical", Self::Critical), ("normal", Self::Normal), ("low", Self::Low)];

    /// The word that stands for it in `rules.toml` and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl Unit {
    const WORDS: [(&'static str, Self); 2] = [("field", Self::Field), ("record", Self::Record)];
}

impl DeleteRule {
    const WORDS: [(&'static str, Self); 4] =
        [("edit-wins", Self::EditWins), ("delete-wins", Self::DeleteWins), ("review", Self::Review), ("origin-only", Self::OriginOnly)];

    /// The word that stands for it in reports.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::EditWins => "edit wins over delete",
            Self::DeleteWins => "delete wins over edit",
            Self::Review => "review",
            Self::OriginOnly => "only the site that made it may delete it",
            Self::Mark(_) => "a delete only marks",
        }
    }

    fn read(from: &Reading<'_>, key: &str) -> At<Self> {
        match from.text(key) {
            Ok(Some(word)) => super::reading::known_word(from.line(key), key, word, &Self::WORDS, &[]).cloned(),
            Ok(None) => Ok(Self::default()),
            Err(_) => Ok(from.table(key)?.map_or(Ok(Self::default()), |table| Mark::read(&table).map(Self::Mark))?),
        }
    }

    fn toml(&self) -> String {
        match self {
            Self::EditWins => quoted("edit-wins"),
            Self::DeleteWins => quoted("delete-wins"),
            Self::Review => quoted("review"),
            Self::OriginOnly => quoted("origin-only"),
            Self::Mark(mark) => mark.toml(),
        }
    }
}

impl Mark {
    fn read(table: &Reading<'_>) -> At<Self> {
        table.only(&["set", "to"])?;
        let field = table.required("set")?.to_owned();
        let value = table.scalar("to")?.ok_or_else(|| table.missing("to"))?;
        Ok(Self { field, value })
    }

    fn toml(&self) -> String {
        let to = match &self.value {
            Value::Integer(number) => number.to_string(),
            other @ (Value::Absent | Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_)) => quoted(&other.to_string()),
        };
        format!("{{ set = {}, to = {to} }}", quoted(&self.field))
    }
}

impl Deletes {
    fn read(table: &Reading<'_>) -> At<Self> {
        let inner = if table.has("deletes") && table.text("deletes").is_err() { table.table("deletes")? } else { None };
        match inner {
            Some(inner) if inner.has("up") || inner.has("down") => {
                inner.only(&["up", "down"])?;
                let down = inner.table("down")?.map(|down| Mark::read(&down)).transpose()?;
                Ok(Self { up: DeleteRule::read(&inner, "up")?, down })
            }
            Some(inner) => {
                let mark = Mark::read(&inner)?;
                Ok(Self { up: DeleteRule::Mark(mark.clone()), down: Some(mark) })
            }
            None => Ok(Self { up: DeleteRule::read(table, "deletes")?, down: None }),
        }
    }

    fn toml(&self) -> Option<String> {
        match (&self.up, &self.down) {
            (DeleteRule::EditWins, None) => None,
            (DeleteRule::Mark(up), Some(down)) if up == down => Some(up.toml()),
            (up, None) if !matches!(up, DeleteRule::Mark(_)) => Some(up.toml()),
            (up, None) => Some(format!("{{ up = {} }}", up.toml())),
            (up, Some(down)) => Some(format!("{{ up = {}, down = {} }}", up.toml(), down.toml())),
        }
    }
}

impl TableRule {
    const KEYS: [&'static str; 15] = [
        "conflict",
        "fields",
        "owner",
        "groups",
        "unit",
        "deletes",
        "direction",
        "fixed",
        "required",
        "ready_when",
        "send",
        "priority",
        "local",
        "identity",
        "key",
    ];

    pub(super) fn read(table: &Reading<'_>, default: &Criteria) -> At<Self> {
        table.only(&Self::KEYS)?;
        let (whole, local) = read_local(table)?;
        let direction = table.word("direction", &Direction::WORDS)?;
        if whole && direction.is_some_and(|direction| direction != Direction::None) {
            return Err(table.refuse("direction", "`local = true` says that the table travels nowhere"));
        }
        let rule = Self {
            conflict: Criteria::read(table, "conflict")?,
            fields: read_fields(table)?,
            owner: filled(table, "owner")?,
            groups: read_groups(table)?,
            unit: table.word("unit", &Unit::WORDS)?.unwrap_or_default(),
            deletes: Deletes::read(table)?,
            direction: if whole { Direction::None } else { direction.unwrap_or_default() },
            fixed: columns(table, "fixed")?,
            required: columns(table, "required")?,
            ready_when: filled(table, "ready_when")?,
            send: table.word("send", &Sending::WORDS)?.unwrap_or_default(),
            priority: table.word("priority", &Priority::WORDS)?.unwrap_or_default(),
            local,
            identity: columns(table, "identity")?,
            key: columns(table, "key")?,
        };
        rule.consistent(table, default)?;
        Ok(rule)
    }

    /// What contradicts itself without a look at the database.
    fn consistent(&self, table: &Reading<'_>, default: &Criteria) -> At<()> {
        if self.unit == Unit::Record && !self.groups.is_empty() {
            return Err(table.refuse("groups", "`unit = \"record\"` makes one group of all fields already"));
        }
        if let (Unit::Record, Some((field, _))) = (self.unit, self.fields.first_key_value()) {
            return Err(
                table.refuse("fields", format!("`unit = \"record\"` decides the whole record by `conflict`, so `{field}` has no say"))
            );
        }
        for group in &self.groups {
            let mut rules = group.iter().filter_map(|field| self.fields.get(field).map(|rule| (field, rule)));
            if let Some((first, rule)) = rules.next()
                && let Some((other, _)) = rules.find(|(_, other)| *other != rule)
            {
                return Err(table.refuse("fields", format!("`{first}` and `{other}` win or lose together, but have different rules")));
            }
        }
        let merged = |field: &String| self.fields.get(field).is_some_and(|rule| rule.iter().any(super::Criterion::is_merge));
        if let Some(field) = self.groups.iter().flatten().find(|field| merged(field)) {
            return Err(table.refuse("fields", format!("`{field}` wins or loses with its group, so it cannot be merged by itself")));
        }
        let both = |these: &[String], those: &[String]| these.iter().find(|field| those.contains(field)).cloned();
        for (key, those) in [("fixed", &self.fixed), ("required", &self.required), ("identity", &self.identity), ("key", &self.key)] {
            if let Some(field) = both(&self.local, those) {
                return Err(table.refuse(key, format!("`{field}` is local, so nobody else hears of it")));
            }
        }
        if self.direction == Direction::Down && !self.fixed.is_empty() {
            return Err(table.refuse("fixed", "a child changes nothing in a table that only goes down, so it has no say"));
        }
        let asked = self.conflict.iter().chain(self.fields.values());
        if self.owner.is_some() && !asked.clone().chain([default]).any(|rule| rule.asks(&super::Criterion::Owner)) {
            return Err(table.refuse("owner", "no rule of this table asks `owner`: say conflict = [\"owner\", \"newest\"]"));
        }
        if self.owner.is_none() && asked.clone().any(|rule| rule.asks(&super::Criterion::Owner)) {
            return Err(table.refuse("conflict", "it asks `owner`, so say which: owner = \"a column or SQL\""));
        }
        Ok(())
    }

    /// What decides a conflict of a field.
    #[must_use]
    pub fn criteria<'r>(&'r self, field: &str, default: &'r Criteria) -> &'r Criteria {
        let group = self.groups.iter().find(|group| group.iter().any(|member| member == field));
        let own = match group {
            Some(group) => group.iter().find_map(|member| self.fields.get(member)),
            None => self.fields.get(field),
        };
        own.or(self.conflict.as_ref()).unwrap_or(default)
    }

    /// Every column named, with the key under which it stands.
    #[must_use]
    pub fn columns(&self) -> Vec<(&'static str, &str)> {
        let up = if let DeleteRule::Mark(mark) = &self.deletes.up { Some(mark) } else { None };
        let marks = up.into_iter().chain(&self.deletes.down).map(|mark| ("deletes", mark.field.as_str()));
        let lists = [
            ("fixed", &self.fixed),
            ("required", &self.required),
            ("local", &self.local),
            ("identity", &self.identity),
            ("key", &self.key),
        ];
        let listed = lists.into_iter().flat_map(|(key, columns)| columns.iter().map(move |column| (key, column.as_str())));
        let fields = self.fields.keys().map(|field| ("fields", field.as_str()));
        let groups = self.groups.iter().flatten().map(|field| ("groups", field.as_str()));
        fields.chain(groups).chain(marks).chain(listed).collect()
    }

    /// Every piece of SQL, with the key under which it stands.
    #[must_use]
    pub fn expressions(&self) -> Vec<(&'static str, &str)> {
        let named = [("owner", &self.owner), ("ready_when", &self.ready_when)];
        named.into_iter().filter_map(|(key, sql)| Some((key, sql.as_deref()?))).collect()
    }
}

fn read_fields(table: &Reading<'_>) -> At<BTreeMap<String, Criteria>> {
    let Some(fields) = table.table("fields")? else { return Ok(BTreeMap::new()) };
    let read = |name: &str| Ok((name.to_owned(), Criteria::read(&fields, name)?.expect("the name was just listed")));
    fields.keys().map(read).collect()
}

fn read_groups(table: &Reading<'_>) -> At<Vec<Vec<String>>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for (line, group) in table.lists("groups")? {
        let refuse = |why: String| Err((line, Fault::Value { key: "groups".into(), why }));
        if group.len() < 2 {
            return refuse("a group has at least two fields".into());
        }
        for (at, field) in group.iter().enumerate() {
            if group[..at].contains(field) || groups.iter().flatten().any(|other| other == field) {
                return refuse(format!("`{field}` is in a group already"));
            }
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Whether the whole table is local, and else which columns are.
fn read_local(table: &Reading<'_>) -> At<(bool, Vec<String>)> {
    if let Ok(Some(whole)) = table.flag("local") {
        return Ok((whole, Vec::new()));
    }
    Ok((false, columns(table, "local")?))
}

/// A text that says something, where the key is there.
fn filled(table: &Reading<'_>, key: &str) -> At<Option<String>> {
    match table.text(key)? {
        Some(text) if text.trim().is_empty() => Err(table.refuse(key, "it is empty")),
        text => Ok(text.map(str::to_owned)),
    }
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

/// The lines below `[tables.NAME]`: what is as it is without a rule is not written.
impl fmt::Display for TableRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(&str, String)> = Vec::new();
        let mut line = |key, value: Option<String>| lines.extend(value.map(|value| (key, value)));
        let columns = |columns: &Vec<String>| (!columns.is_empty()).then(|| list(columns));
        line("conflict", self.conflict.as_ref().map(Criteria::toml));
        line("owner", self.owner.as_deref().map(quoted));
        let groups: Vec<String> = self.groups.iter().map(|group| list(group)).collect();
        line("groups", (!groups.is_empty()).then(|| format!("[{}]", groups.join(", "))));
        line("unit", (self.unit == Unit::Record).then(|| quoted("record")));
        line("deletes", self.deletes.toml());
        line("direction", (self.direction != Direction::Both).then(|| quoted(self.direction.word())));
        line("fixed", columns(&self.fixed));
        line("required", columns(&self.required));
        line("ready_when", self.ready_when.as_deref().map(quoted));
        line("send", (self.send == Sending::Manual).then(|| quoted(self.send.word())));
        line("priority", (self.priority != Priority::Normal).then(|| quoted(self.priority.word())));
        line("local", columns(&self.local));
        line("identity", columns(&self.identity));
        line("key", columns(&self.key));
        let mut text = String::new();
        lines.iter().try_for_each(|(key, value)| writeln!(text, "{key} = {value}"))?;
        if !self.fields.is_empty() {
            let each = |(field, rule): (&String, &Criteria)| format!("{} = {}", quoted(field), rule.toml());
            writeln!(text, "fields = {{ {} }}", self.fields.iter().map(each).collect::<Vec<_>>().join(", "))?;
        }
        f.write_str(&text)
    }
}
