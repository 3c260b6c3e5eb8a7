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
use crate::sync::bundles::follow::Customized;

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
    /// Whether it waits in vain to be taken in.
    pub in_vain: bool,
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
        told.customized(&report.customized);
        told.waiting(&report.waiting, here);
        if !report.faults.is_empty() {
            told.wants(format!("Some of the rules mean nothing. Ask {ASK} to type 'fieldpost rules check'."));
        }
        if !here.database && here.in_vain {
            told.wants(format!(
                "Your data is not here: the invitation of this computer has expired, or another one has used it. Ask {} for a new one.",
                office(here)
            ));
        } else if !here.database {
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
        self.customized.done == 0 && self.conflicts.is_empty() && self.held.is_empty() && self.kept.is_empty() && self.waiting.is_empty()
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

    fn customized(&mut self, customized: &Customized) {
        if customized.done > 0 {
            self.say("Forms, lists or other things that the main office sent were put in their places.".to_owned());
        }
        for path in customized.kept.iter().take(MOST) {
            self.wants(format!("{path} stays as you changed it; the new one lies beside it. Ask {ASK} to put the two together."));
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
    let stands = if conflict.decider == *here.site { "what is there stands".to_owned() } else { format!("what {decider} has stands") };
    let winner = match &conflict.winner_site {
        Some(site) if site == here.host => "the main office's value".to_owned(),
        Some(site) => format!("the value of '{site}'"),
        None => "another value".to_owned(),
    };
    let ask = if conflict.decider == *here.site && conflict.loser_is_number {
        "If yours is right, enter it again.".to_owned()
    } else if conflict.decider == *here.site {
        format!("If yours is right: 'fieldpost conflicts resolve {} --take lost'.", conflict.number)
    } else {
        format!("If yours is right, tell {decider}; 'fieldpost conflicts show {}' has both.", conflict.number)
    };
    let what = match &conflict.about {
        About::Field(field) => {
            format!("Your {field} {} for {record} was not kept: {winner} {} stands.", conflict.loser, conflict.winner)
        }
        About::Gone(field) => format!("Your {field} {} for {record} was not kept: it is no longer there.", conflict.loser),
        About::Refused(Some(field)) | About::Dropped(Some(field)) => {
            format!("Your {field} {} for {record} was not kept: {stands}.", conflict.loser)
        }
        About::Delete | About::Dependants | About::Refused(None) | About::Dropped(None) => {
            format!("Your deletion of {record} was not kept: {stands}.")
        }
        About::Twin => format!("{record} was entered twice, here and elsewhere. It is one record now: please look at it."),
        About::Taken(field) => {
            format!("Your {field} {} for {record} waits: another record has it already, and it can be only in one.", conflict.loser)
        }
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
        parts.push(format!("{} in other tables", count(rest, "record", "records")));
    }
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::Moment;
    use crate::cli::page::tests::plain;
    use crate::cli::shown::Shown;
    use crate::cli::sync::{KeptRecord, PacketIn, PacketOut};
    use crate::model::Value;

    fn name(text: &str) -> SiteName {
        SiteName::new(text).unwrap()
    }

    fn tables(all: &[(&str, u64)]) -> BTreeMap<String, Counts> {
        all.iter().map(|(table, updated)| ((*table).to_owned(), Counts { inserted: 0, updated: *updated, deleted: 0 })).collect()
    }

    fn came(from: &str, all: &[(&str, u64)]) -> PacketIn {
        PacketIn { from: name(from), number: 7, changes: 9, tables: tables(all), contents: false, papers: Vec::new(), wants_all: false }
    }

    fn sent(to: &str, all: &[(&str, u64)]) -> PacketOut {
        PacketOut {
            to: name(to),
            number: 7,
            bytes: 9,
            tables: tables(all),
            contents: false,
            papers: Vec::new(),
            wants_all: false,
            again: false,
        }
    }

    fn lost(about: About, winner: &str) -> Conflict {
        Conflict {
            number: 4,
            table: "customers".to_owned(),
            key: vec![Shown(Value::text("ACME-0007"))],
            about,
            base: Shown(Value::Null),
            called: None,
            winner: Shown(Value::text("555-0199")),
            winner_site: Some(name(winner)),
            winner_time: None,
            loser: Shown(Value::text("555-0100")),
            loser_is_number: false,
            loser_site: Some(name("anna")),
            loser_time: None,
            also: Vec::new(),
            mine: true,
            rule: "newest".to_owned(),
            decider: name("head"),
            packet: None,
            decided: Moment::default(),
            open: false,
            settled: false,
            settlement: None,
        }
    }

    fn phone(winner: &str) -> Conflict {
        lost(About::Field("phone".to_owned()), winner)
    }

    fn held(needs: Needs) -> HeldChange {
        HeldChange {
            number: Some(17),
            table: "orders".to_owned(),
            key: vec![Shown(Value::text("O-17"))],
            from: name("head"),
            packet: 41,
            why: "packet 40 of the stream is not here".to_owned(),
            since: Moment::default(),
            attempts: 0,
            next: None,
            needs,
        }
    }

    fn waiting(needs: Needs) -> Waiting {
        let why = "the exchange is out of reach".to_owned();
        Waiting { neighbour: Some(name("head")), what: "packet 12 (3.1 kB)".to_owned(), why, needs }
    }

    fn kept(records: u64, wrong: bool) -> Kept {
        let named = vec![KeptRecord { key: "O-18".to_owned(), field: None, why: "`customer` is required and empty".to_owned() }];
        Kept { to: name("head"), table: "orders".to_owned(), records, wrong, named }
    }

    fn at<'a>(site: &'a SiteName, host: &'a SiteName) -> Here<'a> {
        Here { site, host, database: true, in_vain: false }
    }

    /// As Anna reads it, and whether the window stays.
    fn told(report: &SyncReport) -> (String, bool) {
        let (anna, head) = (name("anna"), name("head"));
        let summary = Summary::of(report, at(&anna, &head));
        assert_eq!(summary.exit(), report.exit(), "scripts and people are told the same");
        (plain(&summary), summary.attention)
    }

    fn moved() -> SyncReport {
        SyncReport {
            applied: vec![came("head", &[("customers", 1)]), came("head", &[("customers", 2)])],
            sent: vec![sent("head", &[("customers", 1), ("notes", 1)])],
            ..SyncReport::default()
        }
    }

    #[test]
    fn what_came_for_the_program_itself_is_said_and_what_they_changed_is_not_lost() {
        let done = Customized { done: 1, kept: Vec::new() };
        let lines = told(&SyncReport { customized: done, ..SyncReport::default() });
        let said = "Forms, lists or other things that the main office sent were put in their places. Everything is done.";
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!((words(&lines.0).as_str(), lines.1), (said, false));
        let kept = Customized { done: 1, kept: vec!["Letters/Welcome.txt".to_owned()] };
        let lines = told(&SyncReport { customized: kept, ..SyncReport::default() });
        let said = words(&lines.0);
        assert!(said.contains("Letters/Welcome.txt stays as you changed it; the new one lies beside it.") && lines.1, "{said}");
    }

    #[test]
    fn a_run_in_which_all_is_well_is_two_sentences() {
        assert_eq!(
            told(&moved()),
            ("3 customers came from the main office, 2 of your changes were sent. Everything is done.\n".to_owned(), false)
        );
        let nothing = "Nothing new came, and there was nothing to send. Everything is done.\n";
        assert_eq!(told(&SyncReport::default()), (nothing.to_owned(), false));
        let word_only = SyncReport { applied: vec![came("head", &[])], sent: vec![sent("head", &[])], ..SyncReport::default() };
        assert_eq!(told(&word_only), (nothing.to_owned(), false));
        let earlier =
            SyncReport { notes: vec!["Packet 7 for 'head', made earlier, was put on the exchange".to_owned()], ..SyncReport::default() };
        assert_eq!(told(&earlier).0, "Everything is done.\n", "there was something to send");
        let one = SyncReport {
            applied: vec![came("head", &[("customers", 1), ("notes", 1200), ("orders", 2)])],
            sent: vec![sent("head", &[("customers", 1)])],
            ..SyncReport::default()
        };
        assert_eq!(
            told(&one).0.replace('\n', " "),
            "1 record of customers, 1,200 notes and 2 orders came from the main office, 1 of your changes was sent. Everything is done. "
        );
    }

    #[test]
    fn whoever_lost_reads_which_record_what_stands_and_whom_to_ask() {
        let report = SyncReport { conflicts: vec![phone("head")], ..moved() };
        let (text, attention) = told(&report);
        assert!(attention, "it must be read");
        assert_eq!(
            text.replace("\n\n", "|").replace('\n', " ").replace('|', "\n"),
            "3 customers came from the main office, 2 of your changes were sent.\n\
             Your phone '555-0100' for customers ACME-0007 was not kept: the main office's value '555-0199' stands. If yours is right, tell the \
             main office; 'fieldpost conflicts show 4' has both. "
        );
        assert!(told(&SyncReport { conflicts: vec![phone("bert")], ..moved() }).0.contains("the value of 'bert' '555-0199' stands"));
        let others = Conflict { mine: false, ..phone("head") };
        assert!(!told(&SyncReport { conflicts: vec![others], ..moved() }).0.contains("555-0100"), "it is not theirs");
        let head = name("head");
        let here = |conflict| Summary::of(&SyncReport { conflicts: vec![conflict], ..moved() }, at(&head, &head)).lines.join(" ");
        assert!(here(phone("bert")).contains("If yours is right: 'fieldpost conflicts resolve 4 --take lost'."));
        let number = here(Conflict { loser_is_number: true, ..phone("bert") });
        assert!(number.contains("If yours is right, enter it again.") && !number.contains("--take lost"), "{number}");
        let merged = lost(About::Merged("notes".to_owned()), "head");
        assert!(!told(&SyncReport { conflicts: vec![merged], ..moved() }).1, "nothing was lost");
        let many = told(&SyncReport { conflicts: vec![phone("head"); MOST + 2], ..moved() }).0;
        assert_eq!(many.matches("was not kept").count(), MOST);
        assert!(many.contains("the same with 2 other changes of yours"), "{many}");
    }

    #[test]
    fn an_office_that_cannot_be_reached_is_no_reason_to_worry() {
        let (text, attention) =
            told(&SyncReport { waiting: vec![waiting(Needs::Exchange), waiting(Needs::Exchange)], ..SyncReport::default() });
        assert_eq!(text, "The office cannot be reached just now; your changes are safe and go out next time.\n");
        assert!(attention);
    }

    #[test]
    fn what_goes_on_by_itself_lets_the_window_close_and_what_wants_somebody_does_not() {
        let of = |report: SyncReport| told(&report).1;
        assert!(!of(SyncReport { held: vec![held(Needs::Packet)], ..moved() }));
        assert!(!of(SyncReport { kept: vec![kept(2, false)], ..moved() }));
        assert!(!of(SyncReport { waiting: vec![waiting(Needs::Packet)], ..moved() }));
        assert!(of(SyncReport { held: vec![held(Needs::Person)], ..moved() }));
        assert!(of(SyncReport { kept: vec![kept(2, true)], ..moved() }));
        assert!(of(SyncReport { waiting: vec![waiting(Needs::Person)], ..moved() }));
        assert!(of(SyncReport { faults: vec!["x".to_owned()], ..moved() }));
        let (anna, head) = (name("anna"), name("head"));
        let new = Summary::of(&SyncReport::default(), Here { database: false, ..at(&anna, &head) });
        assert!(new.attention && plain(&new).starts_with("Your data is not here yet: the main office has to"), "{new:?}");
        let open = Conflict { open: true, mine: false, decider: head.clone(), ..phone("anna") };
        let office = Summary::of(&SyncReport { conflicts: vec![open], ..moved() }, at(&head, &head));
        assert!(office.attention && plain(&office).contains("1 record was changed in two places and waits for you"), "{office:?}");
    }

    #[test]
    fn a_run_that_failed_says_whom_to_show_it() {
        let explanation = |exit| Explanation { message: "disk full".to_owned(), hint: Some("make room".to_owned()), exit };
        let failed = |exit| {
            let summary = Summary::failed(&explanation(exit));
            assert!(summary.attention && summary.exit() == exit);
            plain(&summary)
        };
        assert!(failed(Exit::Failed).contains("Your data is safe.") && failed(Exit::Failed).contains("\n\ndisk full (make room)"));
        assert!(failed(Exit::Busy).contains("at work here already"));
        assert!(failed(Exit::Unreachable).starts_with("The office cannot be reached"));
    }

    /// Nobody who sells has to know how it works.
    #[test]
    fn no_word_of_the_trade_is_in_a_summary() {
        let abouts = [
            About::Field("phone".to_owned()),
            About::Gone("phone".to_owned()),
            About::Delete,
            About::Twin,
            About::Dependants,
            About::Held,
            About::Merged("phone".to_owned()),
            About::Refused(Some("phone".to_owned())),
            About::Refused(None),
            About::Dropped(Some("phone".to_owned())),
            About::Dropped(None),
        ];
        let all_needs = [Needs::Schema, Needs::Packet, Needs::Exchange, Needs::Activation, Needs::Person];
        let mut reports = vec![moved(), SyncReport::default()];
        reports.extend(abouts.map(|about| SyncReport { conflicts: vec![lost(about, "head")], ..moved() }));
        reports.extend(all_needs.map(|needs| SyncReport { held: vec![held(needs)], waiting: vec![waiting(needs)], ..moved() }));
        reports.extend(
            [(1, false), (2, false), (1, true), (3, true)]
                .map(|(records, wrong)| SyncReport { kept: vec![kept(records, wrong)], ..moved() }),
        );
        reports.push(SyncReport { faults: vec!["x".to_owned()], notes: vec!["packet 7 was put on the exchange".to_owned()], ..moved() });
        let (anna, head) = (name("anna"), name("head"));
        for report in &reports {
            for here in [at(&anna, &head), at(&head, &head), Here { database: false, ..at(&anna, &head) }] {
                let text = Summary::of(report, here).lines.join("\n");
                assert!(!text.is_empty() && !text.contains("you has"), "{text}");
                // What is to be typed is typed, and commands have their names.
                let read: String = text.split('\'').filter(|part| !part.starts_with("fieldpost ")).collect();
                for word in ["packet", "stream", "exchange", "seal", "conflict", "ledger", "journal", "sync", "database", "schema", "null"]
                {
                    assert!(!read.to_lowercase().contains(word), "{word}: {text}");
                }
            }
        }
    }
}
