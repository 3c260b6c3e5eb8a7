//! What does a run mean to somebody who sells, and knows nothing of how it works?
//!
//! Says what came, what went, whether anything of theirs was not kept, and what they can do or whom they can ask: in words that need no
//! explanation. Whatever a report names only in words of the trade is told as a state ("still on its way"), and whoever looks after
//! Fieldpost finds the rest with the command that is named.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Exit;
use super::conflicts::{About, Conflict};
use super::explain::Explanation;
use super::held::{HeldChange, Needs};
use super::page::{Page, count, number};
use super::printer::Report;
use super::shown;
use super::sync::{Counts, Kept, SyncReport, Waiting};
use crate::model::SiteName;

/// A run in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Sentences, each a paragraph.
    pub lines: Vec<String>,
    /// Whether it wants to be read before it goes away.
    pub attention: bool,
    #[serde(skip)]
    exit: Exit,
}

/// Where a run took place.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// This site.
    pub site: &'a SiteName,
    /// The main office.
    pub host: &'a SiteName,
    /// Whether there is a database.
    pub database: bool,
}

/// Most sentences of one kind; the rest is counted.
const MOST: usize = 5;
const ASK: &str = "whoever looks after Fieldpost";
const DONE: &str = "Everything is done.";

impl Summary {
    /// Of a run that ended.
    #[must_use]
    pub fn of(report: &SyncReport, here: Here<'_>) -> Self {
        let mut told = Told { lines: Vec::new(), attention: report.exit() != Exit::Done };
        told.moved(report, here);
        told.conflicts(&report.conflicts, here);
        told.held(&report.held);
        told.kept(&report.kept);
        told.waiting(&report.waiting, here);
        if !report.faults.is_empty() {
            told.wants(format!("Some of the rules mean nothing. Ask {ASK} to type 'fieldpost rules check'."));
        }
        if !here.database {
            told.wants(format!("Your data is not here yet: {} has to let this computer in first. Try again later.", office(here)));
        }
        let Told { mut lines, attention } = told;
        if !attention {
            match lines.last_mut() {
                None if report.notes.is_empty() => lines.push(format!("Nothing new came, and there was nothing to send. {DONE}")),
                Some(only) if report.is_only_moved() => *only = format!("{only} {DONE}"),
                None | Some(_) => lines.push(DONE.to_owned()),
            }
        }
        Self { lines, attention, exit: report.exit() }
    }

    /// Of a run that failed.
    #[must_use]
    pub fn failed(explanation: &Explanation) -> Self {
        let lines = match explanation.exit {
            Exit::Busy => vec!["Fieldpost is at work here already. Wait a minute, then try again.".to_owned()],
            Exit::Unreachable => vec![away("The office")],
            Exit::Done | Exit::Failed | Exit::Usage | Exit::Attention => {
                let words = explanation.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
                vec![
                    format!("Fieldpost could not finish. Your data is safe. Show this to {ASK}:"),
                    format!("{}{words}", explanation.message),
                ]
            }
        };
        Self { lines, attention: true, exit: explanation.exit }
    }
}

impl SyncReport {
    fn is_only_moved(&self) -> bool {
        self.conflicts.is_empty() && self.held.is_empty() && self.kept.is_empty() && self.waiting.is_empty()
    }
}

impl Report for Summary {
    fn text(&self, page: &Page) -> String {
        let lines = self.lines.iter().map(|line| page.wrapped(line).trim_start().replace("\n    ", "\n"));
        lines.collect::<Vec<_>>().join("\n\n")
    }

    fn exit(&self) -> Exit {
        self.exit
    }
}

/// What is told so far.
struct Told {
    lines: Vec<String>,
    attention: bool,
}

impl Told {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn wants(&mut self, line: String) {
        self.attention = true;
        self.lines.push(line);
    }

    /// What came and what went, in one sentence.
    fn moved(&mut self, report: &SyncReport, here: Here<'_>) {
        let mut came: BTreeMap<&SiteName, BTreeMap<&str, u64>> = BTreeMap::new();
        for packet in &report.applied {
            for (table, counts) in &packet.tables {
                *came.entry(&packet.from).or_default().entry(table).or_default() += counts.total();
            }
        }
        let mut parts: Vec<String> =
            came.into_iter().map(|(from, tables)| format!("{} came from {}", records(&tables), who(from, here))).collect();
        let mut sent: BTreeMap<&SiteName, u64> = BTreeMap::new();
        for packet in &report.sent {
            *sent.entry(&packet.to).or_default() += packet.tables.values().map(Counts::total).sum::<u64>();
        }
        for (to, amount) in sent.into_iter().filter(|(_, amount)| *amount > 0) {
            parts.push(match (to == here.host, amount) {
                (true, 1) => "1 of your changes was sent".to_owned(),
                (true, _) => format!("{} of your changes were sent", number(amount)),
                (false, 1) => format!("1 record was sent to {}", who(to, here)),
                (false, _) => format!("{} records were sent to {}", number(amount), who(to, here)),
            });
        }
        if !parts.is_empty() {
            self.say(format!("{}.", parts.join(", ")));
        }
    }

    fn conflicts(&mut self, conflicts: &[Conflict], here: Here<'_>) {
        let ours = conflicts.iter().filter(|conflict| conflict.open && conflict.decider == *here.site).count();
        if ours > 0 {
            let what = count(ours, "record was changed in two places and waits", "records were changed in two places and wait");
            self.wants(format!("{what} for you to decide: 'fieldpost conflicts resolve' asks about each."));
        }
        let lost = conflicts.iter().filter(|conflict| conflict.mine && !(conflict.open && conflict.decider == *here.site));
        let lost: Vec<(bool, String)> = lost.filter_map(|conflict| lost_words(conflict, here)).collect();
        for (wants, line) in lost.iter().take(MOST) {
            if *wants { self.wants(line.clone()) } else { self.say(line.clone()) }
        }
        if lost.len() > MOST {
            let more = count(lost.len() - MOST, "other change", "other changes");
            self.wants(format!("It was the same with {more} of yours: 'fieldpost conflicts' lists them."));
        }
    }

    fn held(&mut self, held: &[HeldChange]) {
        let (stuck, waits): (Vec<_>, Vec<_>) = held.iter().partition(|held| held.needs == Needs::Person);
        for held in stuck.iter().take(MOST) {
            let record = format!("{} {}", held.table, shown::key(&held.key));
            self.wants(format!("What came for {record} could not be taken in here. Ask {ASK} to type 'fieldpost held'."));
        }
        let more = stuck.len().saturating_sub(MOST);
        let mut line = |amount: usize, rest: &str| {
            if amount > 0 {
                self.lines.push(format!("{} {rest}", count(amount, "change that came", "changes that came")));
            }
        };
        line(more, "more could not be taken in either.");
        line(waits.len(), "cannot be taken in yet; that goes on by itself.");
    }

    fn kept(&mut self, kept: &[Kept]) {
        for kept in kept {
            let records = amount(&kept.table, kept.records);
            match (kept.wrong, kept.named.first()) {
                (true, Some(first)) => {
                    let more = match kept.records.saturating_sub(1) {
                        0 => String::new(),
                        more => format!(" So it is with {} more.", number(more)),
                    };
                    self.wants(format!(
                        "{} {} was not sent: {}.{more} Mend it, and it goes out next time.",
                        kept.table, first.key, first.why
                    ));
                }
                (true, None) | (false, _) if kept.records == 1 => self.say(format!("{records} stays here for now, as it should.")),
                (true, None) | (false, _) => self.say(format!("{records} stay here for now, as they should.")),
            }
        }
    }

    fn waiting(&mut self, waiting: &[Waiting], here: Here<'_>) {
        let has = |needs: &[Needs]| waiting.iter().any(|waiting| needs.contains(&waiting.needs));
        if has(&[Needs::Exchange]) {
            self.wants(away(if here.site == here.host { "The place where you all meet" } else { "The office" }));
        }
        if has(&[Needs::Person]) {
            self.wants(format!("Something does not go on by itself. Your changes are safe. Ask {ASK} to type 'fieldpost status'."));
        }
        if has(&[Needs::Packet, Needs::Schema, Needs::Activation]) {
            self.say("A part is still on its way; it comes by itself.".to_owned());
        }
    }
}

/// What became of a change of theirs that was not kept as it was, and whether they want to know before the window goes away.
fn lost_words(conflict: &Conflict, here: Here<'_>) -> Option<(bool, String)> {
    let record = format!("{} {}", conflict.table, shown::key(&conflict.key));
    let decider = who(&conflict.decider, here);
    let winner = match &conflict.winner_site {
        Some(site) if site == here.host => "the main office's value".to_owned(),
        Some(site) => format!("the value of '{site}'"),
        None => "another value".to_owned(),
    };
    let ask = if conflict.decider == *here.site {
        format!("If yours is right: 'fieldpost conflicts resolve {} --take lost'.", conflict.number)
    } else {
        format!("If yours is right, tell {decider}; 'fieldpost conflicts show {}' has both.", conflict.number)
    };
    let what = match &conflict.about {
        About::Field(field) => {
            format!("Your {field} {} for {record} was not kept: {winner} {} stands.", conflict.loser, conflict.winner)
        }
        About::Gone(field) | About::Refused(Some(field)) | About::Dropped(Some(field)) => {
            format!("Your {field} {} for {record} was not kept: what {decider} has stands.", conflict.loser)
        }
        About::Delete | About::Dependants | About::Refused(None) | About::Dropped(None) => {
            format!("Your deletion of {record} was not kept: what {decider} has stands.")
        }
        About::Twin => format!("{record} was entered twice, here and elsewhere. It is one record now: please look at it."),
        About::Held => return Some((false, format!("Your change of {record} waits at {decider}; nothing is lost."))),
        // Both are in the value.
        About::Merged(_) => return None,
    };
    Some((true, if conflict.about == About::Twin { what } else { format!("{what} {ask}") }))
}

fn away(who: &str) -> String {
    format!("{who} cannot be reached just now; your changes are safe and go out next time.")
}

fn office(here: Here<'_>) -> String {
    who(here.host, here)
}

fn who(site: &SiteName, here: Here<'_>) -> String {
    if site == here.site {
        "you".to_owned()
    } else if site == here.host {
        "the main office".to_owned()
    } else {
        format!("'{site}'")
    }
}

/// "3 customers", "1 record of customers": what a table holds is its name, and that is of several.
fn amount(table: &str, records: u64) -> String {
    if records == 1 { format!("1 record of {table}") } else { format!("{} {table}", number(records)) }
}

fn records(tables: &BTreeMap<&str, u64>) -> String {
    let mut parts: Vec<String> = tables.iter().take(MOST).map(|(table, records)| amount(table, *records)).collect();
    let rest: u64 = tables.values().skip(MOST).sum();
    if rest > 0 {
        parts.push(format!("{} in other tables", count(usize::try_from(rest).unwrap_or(usize::MAX), "record", "records")));
    }
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}
