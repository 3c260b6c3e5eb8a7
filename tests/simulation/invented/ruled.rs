//! Which rules do the tables of an invented database have? Half of the databases have some: criteria, groups, merges, deletes.

use std::fmt::Write as _;

use super::super::history::Dice;
use super::content::name_of;
use super::schema::{Invented, Table};

impl Invented {
    /// Lines of a rules file, one table after the other.
    pub fn table_rules(&self) -> String {
        let mut dice = Dice::new(self.seed ^ 0x00d0_57a7);
        let mut text = String::new();
        if dice.hit(50) {
            return text;
        }
        let _ = writeln!(text, "\n[sites]\npriority = [\"rosa\", \"head\", \"anna\"]");
        for table in &self.tables {
            let lines = lines(table, &mut dice);
            if !lines.is_empty() {
                let _ = writeln!(text, "[tables.{}]\n{}", table.name, lines.join("\n"));
            }
        }
        text
    }
}

fn lines(table: &Table, dice: &mut Dice) -> Vec<String> {
    let mut lines = Vec::new();
    if dice.hit(40) {
        let conflict =
            ["\"oldest\"", "[\"site-priority\", \"newest\"]", "[\"newest\", \"child\"]", "[\"site-priority\", \"oldest\", \"review\"]"];
        lines.push(format!("conflict = {}", dice.pick(&conflict)));
    }
    let apart = table.references.iter().enumerate().find(|(place, _)| !table.in_key(*place));
    match dice.below(5) {
        0 => lines.push("unit = \"record\"".into()),
        1 if table.texts.len() > 1 => lines.push("groups = [[\"text\", \"other\"]]".into()),
        2 if apart.is_some() => {
            let reference = apart.map(|(_, reference)| name_of(reference)).expect("there is one");
            lines.push(format!("groups = [[\"text\", \"{reference}\"]]"));
        }
        3 => lines.push("fields = { text = [{ union = \",\" }, \"newest\"] }".into()),
        _ => {}
    }
    match dice.below(8) {
        0 | 1 => lines.push("deletes = \"delete-wins\"".into()),
        2 => lines.push("deletes = \"review\"".into()),
        3 => lines.push("deletes = \"origin-only\"".into()),
        _ => {}
    }
    lines
}
