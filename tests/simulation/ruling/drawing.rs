//! How is a rules file drawn? Every second number gives one under which all sites end the same; the others also keep things home.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::application::TABLES;
use super::super::history::Dice;
use super::{Drawn, MARK, Travels, ready_sql};

/// The sites of all trees, as `[sites] priority` names them.
const SITES: [&str; 5] = ["head", "anna", "berta", "north", "rosa"];
/// Whoever owns a record, by its key: SQL that gives a name.
const OWNER: &str = "CASE id WHEN 'a' THEN 'anna' WHEN 'b' THEN 'head' WHEN 'n' THEN 'north' WHEN 'g' THEN 'rosa' ELSE 'anna' END";

pub struct Drawing {
    dice: Dice,
    /// Whether some rules keep things home, or let them travel one way only.
    homely: bool,
    pub text: String,
    pub tables: BTreeMap<&'static str, Drawn>,
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

/// The column that a table's deletes set where they only mark, or that says whether a record is ready.
fn marked(table: &str) -> Option<&'static str> {
    match table {
        "customers" => Some("city"),
        "notes" => Some("body"),
        "goods" => Some("status"),
        _ => None,
    }
}

/// Columns that a rule may fix.
fn fixed(table: &str) -> &'static [&'static str] {
    match table {
        "customers" => &["name", "extra"],
        "notes" => &["body", "customer"],
        "items" => &["label"],
        "lines" => &["note"],
        _ => &["seen"],
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
    pub fn of(number: u64) -> Self {
        let dice = Dice::new(number ^ 0x0ca5_ade5);
        let mut drawing = Self { dice, homely: number % 2 == 1, text: String::new(), tables: BTreeMap::new() };
        let default = if drawing.dice.hit(20) { None } else { Some(drawing.criteria(None)) };
        let owned = default.as_ref().is_some_and(|default| default.contains("owner"));
        if let Some(default) = default {
            let _ = writeln!(drawing.text, "default = {default}");
        }
        let mut sites: Vec<&str> = SITES.iter().copied().filter(|_| drawing.dice.hit(60)).collect();
        if sites.len() > 1 && drawing.dice.hit(50) {
            sites.rotate_left(1);
        }
        let _ = writeln!(drawing.text, "[sites]\npriority = {sites:?}");
        for table in &TABLES {
            drawing.table(table.name, table.columns, owned);
        }
        drawing
    }

    fn table(&mut self, name: &'static str, columns: &'static [&'static str], owned: bool) {
        let mut lines: Vec<String> = Vec::new();
        let mut drawn = if self.homely { self.travelling(name) } else { Drawn::default() };
        let conflict = if self.dice.hit(40) { Some(self.criteria(None)) } else { None };
        lines.extend(conflict.iter().map(|conflict| format!("conflict = {conflict}")));
        let mut fields: Vec<String> = Vec::new();
        if self.dice.hit(15) {
            lines.push("unit = \"record\"".into());
        } else {
            let group = if self.dice.hit(35) { self.dice.pick(groups(name)) } else { &[] };
            let group = if group.iter().any(|column| drawn.local == Some(column)) { &[] } else { group };
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
        lines.extend(self.deletes(name, &mut drawn));
        if self.dice.hit(20) {
            let fixed = self.dice.pick(fixed(name));
            if drawn.travels != Travels::Down && drawn.local != Some(fixed) {
                lines.push(format!("fixed = [\"{fixed}\"]"));
            }
        }
        lines.extend(drawn.lines());
        if !fields.is_empty() {
            lines.push(format!("fields = {{ {} }}", fields.join(", ")));
        }
        if !lines.is_empty() {
            let _ = writeln!(self.text, "[tables.{name}]\n{}", lines.join("\n"));
        }
        self.tables.insert(name, drawn);
    }

    /// Which way the records of a table travel, and what keeps them home.
    fn travelling(&mut self, table: &'static str) -> Drawn {
        let mut drawn = Drawn::default();
        // What goes up only, or nowhere, is referred to by nothing: at the other end it would be missing for good.
        let leaf = ["items", "lines", "goods"].contains(&table);
        drawn.travels = match self.dice.below(10) {
            0 if leaf => Travels::Up,
            1 => Travels::Down,
            // Not lines: a delete that arrives does not look at who refers to the record from a table that is not tracked.
            2 if table == "goods" => Travels::Nowhere,
            _ => Travels::Both,
        };
        if drawn.travels != Travels::Both {
            return drawn;
        }
        if self.dice.hit(25) {
            drawn.local = match table {
                "customers" | "notes" => Some("extra"),
                "goods" => Some("seen"),
                _ => None,
            };
        }
        match self.dice.below(6) {
            0 | 1 => drawn.ready = marked(table),
            2 => drawn.manual = true,
            3 if table == "notes" => drawn.required = Some("customer"),
            _ => {}
        }
        drawn
    }

    fn deletes(&mut self, table: &str, drawn: &mut Drawn) -> Option<String> {
        let mark = marked(table).filter(|_| drawn.ready.is_none() && drawn.travels == Travels::Both);
        let set = |column: &str| format!("{{ set = \"{column}\", to = \"{MARK}\" }}");
        let up = match self.dice.below(8) {
            0..=2 => "\"edit-wins\"".to_owned(),
            3 | 4 => "\"delete-wins\"".into(),
            5 => "\"review\"".into(),
            6 => "\"origin-only\"".into(),
            _ => set(mark?),
        };
        if self.homely && self.dice.hit(30) {
            drawn.marked = mark;
        }
        Some(match drawn.marked {
            Some(column) => format!("deletes = {{ up = {up}, down = {} }}", set(column)),
            None if up.contains("set") => format!("deletes = {{ up = {up} }}"),
            None => format!("deletes = {up}"),
        })
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

impl Drawn {
    /// The lines of a rules file that say where records travel.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match self.travels {
            Travels::Both => {}
            Travels::Up => lines.push("direction = \"up\"".into()),
            Travels::Down => lines.push("direction = \"down\"".into()),
            Travels::Nowhere => lines.push("local = true".into()),
        }
        lines.extend(self.local.map(|column| format!("local = [\"{column}\"]")));
        lines.extend(self.ready.map(|column| format!("ready_when = \"{}\"", ready_sql(column))));
        lines.extend(self.required.map(|column| format!("required = [\"{column}\"]")));
        lines.extend(self.manual.then(|| "send = \"manual\"".to_owned()));
        lines
    }
}
