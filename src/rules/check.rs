//! Which rules can be read and still do nothing, or say two things at once?
//!
//! What contradicts itself outright is refused when the file is read. Here is what only looks as if it did something, for whoever writes
//! it: criteria that are never asked, rules of a table that cannot come into play, names of sites that nobody has.

use std::collections::BTreeSet;

use super::criteria::{Criteria, Criterion};
use super::reading::Reading;
use super::table::{Deletes, Direction, TableRule, Unit};
use super::{Rules, nearest};

/// A rule that does not do what it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Where it stands: the keys that lead to it, outermost first.
    pub place: Vec<String>,
    /// What about it, as a sentence without a full stop.
    pub what: String,
}

/// The line in a rules file of the innermost of these keys that is there, counted from 1; none where the text is no TOML.
#[must_use]
pub fn line(text: &str, place: &[String]) -> Option<usize> {
    let mut reading = Reading::parse(text).ok()?;
    let (last, outer) = place.split_last()?;
    for key in outer {
        match reading.table(key) {
            Ok(Some(inner)) => reading = inner,
            Ok(None) | Err(_) => return Some(reading.line(key)),
        }
    }
    Some(reading.line(last))
}

/// Everything that does not do what it looks like, in the order of the tables. `sites`: the names of sites and groups there are.
#[must_use]
pub fn suspicions(rules: &Rules, sites: &BTreeSet<String>) -> Vec<Suspicion> {
    let mut found = Found(Vec::new());
    let root = |key: &str| vec![key.to_owned()];
    found.criteria(&rules.default, &root("default"), rules);
    for (table, rule) in rules.tables() {
        found.table(table, rule, rules);
    }
    let priority = vec!["sites".to_owned(), "priority".to_owned()];
    for name in rules.sites().iter().filter(|name| !sites.contains(*name)) {
        let meant = nearest(name, sites.iter().map(String::as_str)).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        found.add(&priority, format!("there is no site and no group `{name}`{meant}"));
    }
    let mut asked =
        std::iter::once(&rules.default).chain(rules.tables().flat_map(|(_, rule)| rule.conflict.iter().chain(rule.fields.values())));
    if !rules.sites().is_empty() && !asked.any(|criteria| criteria.asks(&Criterion::SitePriority)) {
        found.add(&priority, "no rule asks `site-priority`, so the order of the sites says nothing");
    }
    found.0
}

struct Found(Vec<Suspicion>);

impl Found {
    fn add(&mut self, place: &[String], what: impl Into<String>) {
        self.0.push(Suspicion { place: place.to_vec(), what: what.into() });
    }

    fn criteria(&mut self, criteria: &Criteria, place: &[String], rules: &Rules) {
        if criteria.asks(&Criterion::SitePriority) && rules.sites().is_empty() {
            self.add(place, "it asks `site-priority`, and [sites] priority names no site: it is always a tie");
        }
        let timed: Vec<&Criterion> = criteria.iter().filter(|one| matches!(one, Criterion::Newest | Criterion::Oldest)).collect();
        if let [first, second] = timed[..] {
            let (first, second) = (first.word(), second.word());
            self.add(place, format!("`{second}` never decides: `{first}` before it ties only where both edits are of the same moment"));
        }
    }

    fn table(&mut self, table: &str, rule: &TableRule, rules: &Rules) {
        let at = |key: &str| vec!["tables".to_owned(), table.to_owned(), key.to_owned()];
        for (criteria, place) in rule.conflict.iter().map(|criteria| (criteria, at("conflict"))) {
            self.criteria(criteria, &place, rules);
        }
        for (field, criteria) in &rule.fields {
            let mut place = at("fields");
            place.push(field.clone());
            self.criteria(criteria, &place, rules);
        }
        let whole = rule.conflict.as_ref().unwrap_or(&rules.default);
        if let Some(merge) = whole.iter().find(|criterion| criterion.is_merge()) {
            let word = merge.word();
            if rule.unit == Unit::Record {
                self.add(&at("unit"), format!("the record wins or loses as one, so `{word}` in its rule never decides"));
            } else if rule.groups.iter().any(|group| group.iter().all(|field| !rule.fields.contains_key(field))) {
                self.add(
                    &at("groups"),
                    format!("a group wins or loses as one, so `{word}` in its rule never decides: give it one of its own"),
                );
            }
        }
        self.idle(rule, &at);
    }

    /// What the direction of a table leaves without a say.
    fn idle(&mut self, rule: &TableRule, at: &dyn Fn(&str) -> Vec<String>) {
        let decides = [
            ("conflict", rule.conflict.is_some()),
            ("fields", !rule.fields.is_empty()),
            ("groups", !rule.groups.is_empty()),
            ("unit", rule.unit == Unit::Record),
        ];
        let sends = [
            ("deletes", rule.deletes != Deletes::default()),
            ("fixed", !rule.fixed.is_empty()),
            ("required", !rule.required.is_empty()),
            ("ready_when", rule.ready_when.is_some()),
            ("send", rule.send != super::Sending::default()),
            ("priority", rule.priority != super::Priority::default()),
        ];
        let idle: Vec<(&str, &str)> = match rule.direction {
            Direction::None => {
                let all = decides.into_iter().chain(sends).filter(|(_, said)| *said);
                all.map(|(key, _)| (key, "the table travels nowhere, so it says nothing")).collect()
            }
            Direction::Down => {
                let all = decides.into_iter().filter(|(_, said)| *said);
                all.map(|(key, _)| (key, "the table only goes down: what a child changes is refused, so there is nothing to decide"))
                    .collect()
            }
            Direction::Up if rule.deletes.down.is_some() => {
                vec![("deletes", "the table only goes up: no delete comes down that could mark")]
            }
            Direction::Up | Direction::Both => Vec::new(),
        };
        idle.into_iter().for_each(|(key, why)| self.add(&at(key), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let sites = ["head", "anna", "sales"].map(str::to_owned).into();
        let found = suspicions(&Rules::parse(text).unwrap(), &sites);
        found.into_iter().map(|one| format!("{}: {}", line(text, &one.place).unwrap(), one.what)).collect()
    }

    #[test]
    fn what_never_decides_is_told_with_its_line() {
        let text = "default = [\"newest\", \"oldest\"]\n[tables.a]\nconflict = \"site-priority\"\n[tables.b]\nunit = \"record\"\nconflict = [\"sum\", \"parent\"]\n\
            [tables.c]\ngroups = [[\"x\", \"y\"]]\nconflict = [\"max\", \"parent\"]\n";
        assert_eq!(
            told(text),
            [
                "1: `oldest` never decides: `newest` before it ties only where both edits are of the same moment",
                "3: it asks `site-priority`, and [sites] priority names no site: it is always a tie",
                "5: the record wins or loses as one, so `sum` in its rule never decides",
                "8: a group wins or loses as one, so `max` in its rule never decides: give it one of its own",
            ]
        );
    }

    #[test]
    fn what_the_direction_leaves_without_a_say_is_told() {
        let text = "[tables.a]\ndirection = \"down\"\nconflict = \"child\"\n[tables.a.fields]\nx = \"max\"\n[tables.b]\nlocal = true\nsend = \"manual\"\n\
            [tables.c]\ndirection = \"up\"\ndeletes = { set = \"s\", to = 1 }\n";
        let begins = [
            "3: the table only goes down",
            "4: the table only goes down",
            "8: the table travels nowhere",
            "11: the table only goes up: no delete comes down",
        ];
        let told = told(text);
        assert!(told.len() == begins.len() && told.iter().zip(begins).all(|(told, begin)| told.starts_with(begin)), "{told:#?}");
    }

    #[test]
    fn sites_that_nobody_has_are_told_with_what_may_be_meant() {
        let text = "default = \"site-priority\"\n[sites]\npriority = [\"head\", \"slaes\"]\n";
        assert_eq!(told(text), ["3: there is no site and no group `slaes`; did you mean `sales`?"]);
        assert_eq!(told("[sites]\npriority = [\"head\"]\n"), ["2: no rule asks `site-priority`, so the order of the sites says nothing"]);
        assert_eq!(told("[tables.a]\nconflict = [\"owner\", \"newest\"]\nowner = \"x\"\n"), Vec::<String>::new());
    }
}
