//! Histories under rules that somebody drew: which `rules.toml` does the host of a seed write?
//!
//! | module | answers |
//! |---|---|
//! | `goods` | what does an application do to records whose numbers add up, lists unite and texts merge? |
//! | `referee` | is what came out what these rules promise? |
//!
//! A rules file is drawn for several histories in a row: making its sites ready takes longer than a history.

pub mod goods;
pub mod referee;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::application::TABLES;
use super::history::Dice;

/// A rules file, and what the referee asks about it.
#[derive(Debug)]
pub struct Ruling {
    /// What it was drawn from.
    pub number: u64,
    /// As the host writes it.
    pub text: String,
    tables: BTreeMap<&'static str, Drawn>,
}

/// What the rules say of one table, as far as it shows from outside.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// Columns whose first criterion is `sum`.
    pub sums: Vec<&'static str>,
    /// Columns whose first criterion is `union`.
    pub unites: Vec<&'static str>,
}

/// The sites of all trees, as `[sites] priority` names them.
const SITES: [&str; 5] = ["head", "anna", "berta", "north", "rosa"];
/// Whoever owns a record, by its key: SQL that gives a name.
const OWNER: &str = "CASE id WHEN 'a' THEN 'anna' WHEN 'b' THEN 'head' WHEN 'n' THEN 'north' WHEN 'g' THEN 'rosa' ELSE 'anna' END";

impl Ruling {
    /// The rules of a number.
    pub fn new(number: u64) -> Self {
        let mut drawing = Drawing { dice: Dice::new(number ^ 0x0ca5_ade5), text: String::new(), tables: BTreeMap::new() };
        drawing.draw();
        Self { number, text: drawing.text, tables: drawing.tables }
    }

    /// Rules under which one column adds up, and nothing else is special.
    pub fn adding_up() -> Self {
        let drawn = Drawn { sums: vec!["stock"], ..Drawn::default() };
        let text = "[tables.goods]\nfields = { stock = \"sum\" }\n".to_owned();
        Self { number: u64::MAX, text, tables: [("goods", drawn)].into() }
    }

    /// What they say of a table.
    pub fn table(&self, name: &str) -> &Drawn {
        static NOTHING: Drawn = Drawn { sums: Vec::new(), unites: Vec::new() };
        self.tables.get(name).unwrap_or(&NOTHING)
    }
}

struct Drawing {
    dice: Dice,
    text: String,
    tables: BTreeMap<&'static str, Drawn>,
}

/// Groups that a table may have.
fn groups(table: &str) -> &'static [&'static [&'static str]] {
    match table {
        "customers" => &[&["name", "city"], &["city", "extra"], &["name", "city", "extra"]],
        "notes" => &[&["body", "extra"], &["body", "customer"], &["customer", "above"]],
        "items" => &[&["label", "customer"]],
        "lines" => &[&["text", "note"]],
        "goods" => &[&["status", "seen"], &["high", "status"]],
        other => unreachable!("{other} is no table"),
    }
}

/// The column that a table's deletes set, where they only mark.
fn marked(table: &str) -> Option<&'static str> {
    match table {
        "customers" => Some("city"),
        "notes" => Some("body"),
        "goods" => Some("status"),
        _ => None,
    }
}

/// Merges that make sense for a column.
fn merges(table: &str, column: &str) -> &'static [&'static str] {
    match (table, column) {
        ("goods", "stock") => &["\"sum\"", "\"sum\"", "\"sum\"", "\"max\""],
        ("goods", "list") => &["{ union = \";\" }", "{ union = \";\" }", "\"text\""],
        ("goods", "high") => &["\"max\"", "\"min\""],
        ("goods", "text") => &["\"text\""],
        (_, "extra") => &["\"sum\"", "\"max\"", "\"min\""],
        (_, "name" | "city" | "body" | "label" | "text") => &["{ union = \",\" }", "\"text\"", "\"max\""],
        _ => &[],
    }
}

impl Drawing {
    fn draw(&mut self) {
        let default = if self.dice.hit(20) { None } else { Some(self.criteria(None)) };
        let owned = default.as_ref().is_some_and(|default| default.contains("owner"));
        if let Some(default) = default {
            let _ = writeln!(self.text, "default = {default}");
        }
        let mut sites: Vec<&str> = SITES.iter().copied().filter(|_| self.dice.hit(60)).collect();
        if sites.len() > 1 && self.dice.hit(50) {
            sites.rotate_left(1);
        }
        let _ = writeln!(self.text, "[sites]\npriority = {sites:?}");
        for table in &TABLES {
            self.table(table.name, table.columns, owned);
        }
    }

    fn table(&mut self, name: &'static str, columns: &'static [&'static str], owned: bool) {
        let mut lines: Vec<String> = Vec::new();
        let mut drawn = Drawn::default();
        let conflict = if self.dice.hit(40) { Some(self.criteria(None)) } else { None };
        lines.extend(conflict.iter().map(|conflict| format!("conflict = {conflict}")));
        let mut fields: Vec<String> = Vec::new();
        if self.dice.hit(15) {
            lines.push("unit = \"record\"".into());
        } else {
            let group = if self.dice.hit(35) { self.dice.pick(groups(name)) } else { &[] };
            if !group.is_empty() {
                lines.push(format!("groups = [{group:?}]"));
            }
            for column in columns.iter().copied().filter(|column| !["id", "tag"].contains(column) && !group.contains(column)) {
                if !self.dice.hit(if name == "goods" { 80 } else { 30 }) {
                    continue;
                }
                let merges = merges(name, column);
                let merge = if merges.is_empty() || !self.dice.hit(70) { None } else { Some(self.dice.pick(merges)) };
                match merge {
                    Some("\"sum\"") => drawn.sums.push(column),
                    Some(union) if union.contains("union") => drawn.unites.push(column),
                    Some(_) | None => {}
                }
                fields.push(format!("{column} = {}", self.criteria(merge)));
            }
        }
        let asked = conflict.iter().chain(&fields).any(|rule| rule.contains("owner"));
        if asked || (owned && self.dice.hit(70)) {
            lines.push(format!("owner = \"{OWNER}\""));
        }
        lines.extend(self.deletes(name));
        if self.dice.hit(20) {
            let fixed: &[&str] = match name {
                "customers" => &["name", "extra"],
                "notes" => &["body", "customer"],
                "items" => &["label"],
                "lines" => &["note"],
                _ => &["seen"],
            };
            lines.push(format!("fixed = [\"{}\"]", self.dice.pick(fixed)));
        }
        if !fields.is_empty() {
            lines.push(format!("fields = {{ {} }}", fields.join(", ")));
        }
        if !lines.is_empty() {
            let _ = writeln!(self.text, "[tables.{name}]\n{}", lines.join("\n"));
        }
        self.tables.insert(name, drawn);
    }

    fn deletes(&mut self, table: &str) -> Option<String> {
        match self.dice.below(8) {
            0..=2 => None,
            3 | 4 => Some("deletes = \"delete-wins\"".into()),
            5 => Some("deletes = \"review\"".into()),
            6 => Some("deletes = \"origin-only\"".into()),
            _ => marked(table).map(|column| format!("deletes = {{ up = {{ set = \"{column}\", to = \"deleted\" }} }}")),
        }
    }

    /// A rule: `first` where it is given, then some that may tie, then perhaps one that never does.
    fn criteria(&mut self, first: Option<&str>) -> String {
        let mut asked: Vec<String> = first.map(str::to_owned).into_iter().collect();
        for criterion in ["\"owner\"", "\"site-priority\"", "\"newest\"", "\"oldest\""] {
            if self.dice.hit(30) {
                asked.push(criterion.to_owned());
            }
        }
        if self.dice.hit(30) && asked.len() > 1 {
            let from = usize::from(first.is_some());
            asked[from..].reverse();
        }
        if asked.is_empty() || self.dice.hit(40) {
            asked.push(self.dice.pick(&["\"parent\"", "\"child\"", "\"review\""]).to_owned());
        }
        if asked.len() == 1 { asked.remove(0) } else { format!("[{}]", asked.join(", ")) }
    }
}
