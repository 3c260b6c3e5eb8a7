//! `fieldpost sync`, `send` and `receive`: what came, what was decided, what went, and what waits and why?

use std::collections::BTreeMap;

use serde::Serialize;

use super::Exit;
use super::conflicts::Conflict;
use super::conflicts::tally::Tally;
use super::held::{HeldChange, Needs};
use super::logged::Line;
use super::packets::{Besides, records, sections};
use super::page::{Detail, Page, alert, count, heading, number, one_line, paragraphs, size};
use super::printer::Report;
use crate::exchange::Folder;
use crate::model::SiteName;
use crate::sync::bundles::follow::Customized;
use crate::sync::documents::DocumentCounts;
use crate::sync::forget::Forgotten;
use crate::sync::round::Halves;

/// What one run did, or with `--dry-run` would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// Whether it happened.
    pub mode: Mode,
    /// Packets applied, in order.
    pub applied: Vec<PacketIn>,
    /// Conflicts that were decided in this run, and outcomes the parent told.
    pub conflicts: Vec<Conflict>,
    /// Changes that could not be applied, earlier ones too.
    pub held: Vec<HeldChange>,
    /// Packets deposited, in order.
    pub sent: Vec<PacketOut>,
    /// Records that stay here, because the rules or a person want it or something is wrong with them.
    pub kept: Vec<Kept>,
    /// What is not where it should be yet.
    pub waiting: Vec<Waiting>,
    /// Whether an exchange could not be used for all of it.
    #[serde(skip)]
    pub troubled: bool,
    /// Packets that were taken away from the exchanges.
    #[serde(skip)]
    pub removed: Vec<(Folder, String)>,
    /// What is wrong in `rules.toml`.
    pub faults: Vec<String>,
    /// Whether one of the rules does not run here.
    #[serde(skip)]
    pub stuck: bool,
    /// What else happened: a request accepted, a database built.
    pub notes: Vec<String>,
    /// What happened to documents.
    pub documents: DocumentCounts,
    /// What happened to customizations.
    pub customized: Customized,
    /// What is not remembered any more.
    pub forgotten: Forgotten,
    /// How many packets that bring something a neighbour has not confirmed yet, where there are any.
    pub unconfirmed: BTreeMap<SiteName, u64>,
    /// How many conflicts wait for a person, where nothing else is to be told.
    #[serde(skip)]
    pub open: u64,
    /// What was to be done.
    #[serde(skip)]
    pub halves: Halves,
}

/// Above what a dry run tells: some of it is told as it will be, once it is done.
const REHEARSED: &str = "This is what a run would do now; nothing was changed.";

/// Whether a report tells of something that happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It happened.
    #[default]
    Done,
    /// It would happen.
    DryRun,
}

/// A packet that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketIn {
    /// Who sent it.
    pub from: SiteName,
    /// Its number.
    pub number: u64,
    /// Changes in it, also those that changed nothing here.
    pub changes: u64,
    /// What it changed here, by table.
    pub tables: BTreeMap<String, Counts>,
    /// Whether it brought contents of documents or bundles.
    pub contents: bool,
    /// What it said besides records: the rules, the list of sites.
    pub papers: Vec<&'static str>,
    /// Whether its sender wants to be told everything anew.
    pub wants_all: bool,
}

/// A packet that was deposited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketOut {
    /// Whom it is for.
    pub to: SiteName,
    /// Its number.
    pub number: u64,
    /// Its size.
    pub bytes: u64,
    /// The changes in it, by table.
    pub tables: BTreeMap<String, Counts>,
    /// Whether it has contents of documents or bundles.
    pub contents: bool,
    /// What it says besides records: the rules, the list of sites.
    pub papers: Vec<&'static str>,
    /// Whether it says that this site wants to be told everything anew.
    pub wants_all: bool,
    /// Whether it is part of everything, told anew to a site that had been told.
    pub again: bool,
}

/// Records of one table that stay here for one kind of reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Who is not told of them.
    pub to: SiteName,
    /// Their table.
    pub table: String,
    /// How many.
    pub records: u64,
    /// Whether something is wrong with them; else somebody wants it so.
    pub wrong: bool,
    /// Some of them.
    pub named: Vec<KeptRecord>,
}

/// A record that stays here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptRecord {
    /// Its key, as people read it.
    pub key: String,
    /// The field that is wrong, where it is about one.
    pub field: Option<String>,
    /// Why, as a sentence has it after "because".
    pub why: String,
}

/// How many records were made, changed, deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Made.
    pub inserted: u64,
    /// Changed.
    pub updated: u64,
    /// Deleted.
    pub deleted: u64,
}

/// Something that is not where it should be yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// With whom; none where the whole site waits.
    pub neighbour: Option<SiteName>,
    /// What: "packet 7 (2.1 kB)", "packets after 41".
    pub what: String,
    /// Why, as a sentence has it after a colon.
    pub why: String,
    /// What helps.
    pub needs: Needs,
}

impl Report for SyncReport {
    fn text(&self, page: &Page) -> String {
        let lines =
            |lines: &[String], style: fn(&str) -> String| lines.iter().map(|line| style(&one_line(line))).collect::<Vec<_>>().join("\n");
        let (notes, faults) = (lines(&self.notes, str::to_owned), lines(&self.faults, alert));
        let came = [notes, faults, self.came(page), self.conflicts(page), self.held(page)];
        let forgotten = if page.detail == Detail::Full { self.forgotten() } else { String::new() };
        let text =
            paragraphs(came.into_iter().chain([self.documents(page), self.went(page), self.kept(page), self.waiting(page), forgotten]));
        match (text.is_empty(), self.mode) {
            (false, Mode::Done) => text,
            (false, Mode::DryRun) => format!("{REHEARSED}\n\n{text}"),
            (true, _) => self.quiet(),
        }
    }

    /// Where the exchange is away, that and nothing else, in a line.
    fn brief(&self, page: &Page) -> String {
        match self.waiting.iter().find(|waiting| waiting.needs == Needs::Exchange) {
            Some(waiting) if self.exit() == Exit::Unreachable => format!("{}; {}", one_line(&waiting.why), waiting.needs.words()),
            Some(_) | None => self.text(page),
        }
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        self.log_lines(page)
    }

    /// A person before an exchange: what wants a person does not go away by waiting.
    fn exit(&self) -> Exit {
        let needs = self.held.iter().map(|held| held.needs).chain(self.waiting.iter().map(|waiting| waiting.needs));
        let open = self.conflicts.iter().filter(|conflict| conflict.open).map(|_| Needs::Person);
        let stuck = self.stuck.then_some(Needs::Person);
        needs.chain(open).chain(stuck).max().map_or(Exit::Done, Needs::exit)
    }
}

impl SyncReport {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { mode, halves, open, .. } = *self;
        *self == Self { mode, halves, open, unconfirmed: self.unconfirmed.clone(), ..Self::default() }
    }

    /// What is known where nothing happened: only what the others have confirmed is there.
    fn quiet(&self) -> String {
        let nothing = match (self.halves, self.mode) {
            (Halves::Both, Mode::Done) => "nothing came, nothing to send",
            (Halves::Both, Mode::DryRun) => "nothing would come, nothing would be sent",
            (Halves::Receive, Mode::Done) => "nothing came",
            (Halves::Receive, Mode::DryRun) => "nothing would come",
            (Halves::Send, Mode::Done) => "nothing to send",
            (Halves::Send, Mode::DryRun) => "nothing would be sent",
        };
        let amount = |amount: u64, one, many| count(amount, one, many);
        let unconfirmed = self.unconfirmed.iter();
        let mut open: Vec<String> =
            unconfirmed.map(|(to, packets)| format!("'{to}' has not confirmed {} yet", amount(*packets, "packet", "packets"))).collect();
        if self.open > 0 {
            open.push(format!("{} a decision: 'fieldpost conflicts --open'", amount(self.open, "conflict wants", "conflicts want")));
        }
        match open.as_slice() {
            [] if self.halves == Halves::Both => format!("All in step: {nothing}."),
            open => [&[format!("Nothing new: {nothing}.")], open].concat().join("\n"),
        }
    }

    fn came(&self, page: &Page) -> String {
        let (verb, changed) = (self.verb("Received", "Would receive"), self.verb("changed", "would change"));
        let besides = |packet: &PacketIn| Besides::of(packet.contents, &packet.papers, packet.wants_all, false);
        let packets = self.applied.iter().map(|packet| (&packet.from, packet.number, packet.changes, &packet.tables, besides(packet)));
        sections(page, packets, |from, numbers, counts, sum| {
            let what = match (counts.total(), sum.amount) {
                (0, 1) => format!("1 change, which {changed} nothing here"),
                (0, changes @ 2..) => format!("{} changes, which {changed} nothing here", number(changes)),
                (here, told) if told > 0 && told != here => {
                    let told = Counts { updated: told, ..Counts::default() };
                    format!("{}, which {changed} {} here", records(told, &sum.besides), number(here))
                }
                _ => records(counts, &sum.besides),
            };
            format!("{verb} {numbers} from '{from}': {what}")
        })
    }

    fn went(&self, page: &Page) -> String {
        let verb = self.verb("Sent", "Would send");
        let besides = |packet: &PacketOut| Besides::of(packet.contents, &packet.papers, packet.wants_all, packet.again);
        let packets = self.sent.iter().map(|packet| (&packet.to, packet.number, packet.bytes, &packet.tables, besides(packet)));
        sections(page, packets, |to, numbers, counts, sum| {
            let size = if sum.amount > 0 { format!(", {}", size(sum.amount)) } else { String::new() };
            format!("{verb} {numbers} to '{to}': {}{size}", records(counts, &sum.besides))
        })
    }

    fn conflicts(&self, page: &Page) -> String {
        if self.conflicts.is_empty() {
            return String::new();
        }
        if self.mode == Mode::DryRun {
            return self.foretold_conflicts(page);
        }
        let tally = Tally::of(&self.conflicts);
        let decided = match tally.open {
            0 if tally.conflicts == 0 => "by the rules; nothing lost".to_owned(),
            0 => "decided by the rules; what lost is kept".to_owned(),
            open => alert(&format!("{} you; what lost is kept", count(open, "wants", "want"))),
        };
        let lines: Vec<String> = self.conflicts.iter().map(|conflict| conflict.sentence(page)).collect();
        let title = heading(&tally.words());
        format!("{title}, {decided}: 'fieldpost conflicts'\n{}", page.list(&lines, "'fieldpost conflicts' lists all"))
    }

    fn held(&self, page: &Page) -> String {
        if self.held.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = self.held.iter().map(HeldChange::sentence).collect();
        let changes = count(self.held.len(), "change", "changes");
        match self.mode {
            Mode::Done => {
                format!("{}: 'fieldpost held'\n{}", heading(&format!("{changes} held")), page.list(&lines, "'fieldpost held' lists all"))
            }
            Mode::DryRun => format!("{}\n{}", heading(&format!("{changes} would be held")), page.list(&lines, "-v lists all")),
        }
    }

    fn kept(&self, page: &Page) -> String {
        if self.kept.is_empty() {
            return String::new();
        }
        let line = |kept: &Kept| {
            let records = count(kept.records, "record", "records");
            let first = kept.named.first().map_or_else(String::new, |first| format!("{}: {}", first.key, first.why));
            let others = if kept.records == 1 { "" } else { ", and the others like it" };
            let line = format!("{}, {records} for '{}': {first}{others}", kept.table, kept.to);
            if kept.wrong { alert(&line) } else { line }
        };
        let lines: Vec<String> = self.kept.iter().map(line).collect();
        let title = heading(self.verb("Stays here", "Would stay here"));
        let command = self.verb(": 'fieldpost records'", "");
        format!("{title}{command}\n{}", page.list(&lines, "-v lists all"))
    }

    fn documents(&self, page: &Page) -> String {
        let all = &self.documents;
        let parts = [
            (all.found, "new or changed here"),
            (all.moved, "moved here"),
            (all.deleted, "deleted here"),
            (all.placed, self.verb("put into the folder", "to be put into the folder")),
            (all.removed, self.verb("removed from the folder", "to be removed from the folder")),
            (all.copies, "kept under another name, because two sites edited it"),
            (all.busy, "being written: left for the next run"),
            (all.coming, "on the way"),
        ];
        let mut lines: Vec<String> =
            parts.into_iter().filter(|(amount, _)| *amount > 0).map(|(amount, words)| format!("{} {words}", number(amount))).collect();
        if !all.refused.is_empty() {
            let names = count(all.refused.len(), "name is", "names are");
            let why = self.verb(": 'fieldpost library' says why", "");
            lines.push(alert(&format!("{names} not taken or not placed{why}")));
        }
        if lines.is_empty() { String::new() } else { format!("{}\n{}", heading("Documents"), page.list(&lines, "-v lists all")) }
    }

    fn waiting(&self, page: &Page) -> String {
        if self.waiting.is_empty() {
            return String::new();
        }
        let line = |waiting: &Waiting| {
            let needs = match waiting.needs {
                Needs::Schema | Needs::Packet | Needs::Exchange | Needs::Activation => waiting.needs.words().to_owned(),
                Needs::Person => alert(waiting.needs.words()),
            };
            let with = waiting.neighbour.as_ref().map_or_else(String::new, |neighbour| format!("'{neighbour}', "));
            format!("{with}{}: {}; {needs}", waiting.what, waiting.why)
        };
        let lines: Vec<String> = self.waiting.iter().map(line).collect();
        format!("{}\n{}", heading("Waiting"), page.list(&lines, "-v lists all"))
    }

    pub(super) const fn verb(&self, done: &'static str, dry: &'static str) -> &'static str {
        match self.mode {
            Mode::Done => done,
            Mode::DryRun => dry,
        }
    }
}

impl Counts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }

    pub(super) fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }

    pub(super) fn text(&self) -> String {
        let parts = [(self.inserted, "new"), (self.updated, "changed"), (self.deleted, "deleted")];
        let parts = parts.into_iter().filter(|(amount, _)| *amount > 0).map(|(amount, word)| format!("{} {word}", number(amount)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::conflicts::About;
    use crate::cli::page::tests::{at, json, plain};
    use crate::cli::shown::Shown;
    use crate::model::Value;

    fn name(text: &str) -> SiteName {
        SiteName::new(text).unwrap()
    }

    fn tables(all: &[(&str, [u64; 3])]) -> BTreeMap<String, Counts> {
        let counts = |[inserted, updated, deleted]: [u64; 3]| Counts { inserted, updated, deleted };
        all.iter().map(|(table, numbers)| ((*table).to_owned(), counts(*numbers))).collect()
    }

    fn text(text: &str) -> Shown {
        Shown(Value::text(text))
    }

    fn conflict() -> Conflict {
        Conflict {
            number: 1,
            table: "customers".to_owned(),
            key: vec![text("ACME-0007")],
            called: None,
            about: About::Field("phone".to_owned()),
            base: Shown(Value::Null),
            winner: text("555-0199"),
            winner_site: Some(name("anna")),
            winner_time: None,
            mine: false,
            loser: text("555-0100"),
            loser_is_number: false,
            loser_site: Some(name("head")),
            loser_time: None,
            also: Vec::new(),
            rule: "newest".to_owned(),
            decider: name("head"),
            packet: None,
            decided: at(0),
            open: false,
            settled: false,
            settlement: None,
        }
    }

    fn held(needs: Needs) -> HeldChange {
        let why = "its customer is not here yet".to_owned();
        HeldChange {
            number: None,
            table: "orders".to_owned(),
            key: vec![text("O-17")],
            from: name("head"),
            packet: 41,
            why,
            since: at(0),
            attempts: 0,
            next: None,
            needs,
        }
    }

    fn waiting(needs: Needs) -> Waiting {
        let why = "the exchange is out of reach".to_owned();
        Waiting { neighbour: Some(name("head")), what: "packet 12 (3.1 kB)".to_owned(), why, needs }
    }

    fn report() -> SyncReport {
        SyncReport {
            mode: Mode::Done,
            applied: vec![
                PacketIn {
                    from: name("head"),
                    number: 41,
                    changes: 15,
                    tables: tables(&[("customers", [3, 10, 0]), ("notes", [2, 0, 0])]),
                    contents: false,
                    papers: Vec::new(),
                    wants_all: false,
                },
                PacketIn {
                    from: name("head"),
                    number: 42,
                    changes: 3,
                    tables: tables(&[("customers", [0, 2, 1])]),
                    contents: false,
                    papers: Vec::new(),
                    wants_all: false,
                },
                PacketIn {
                    from: name("bert"),
                    number: 1,
                    changes: 0,
                    tables: BTreeMap::new(),
                    contents: false,
                    papers: Vec::new(),
                    wants_all: false,
                },
                PacketIn {
                    from: name("carl"),
                    number: 2,
                    changes: 0,
                    tables: BTreeMap::new(),
                    contents: false,
                    papers: vec!["the rules", "the list of sites"],
                    wants_all: false,
                },
            ],
            conflicts: vec![conflict()],
            held: vec![held(Needs::Packet)],
            sent: vec![PacketOut {
                to: name("head"),
                number: 12,
                bytes: 3_140,
                tables: tables(&[("customers", [0, 1, 0])]),
                contents: false,
                papers: Vec::new(),
                wants_all: false,
                again: false,
            }],
            kept: vec![Kept {
                to: name("head"),
                table: "orders".to_owned(),
                records: 2,
                wrong: false,
                named: vec![KeptRecord { key: "O-18".to_owned(), field: None, why: "it is not ready yet".to_owned() }],
            }],
            faults: vec!["rules.toml speaks of `x`".to_owned()],
            waiting: vec![waiting(Needs::Exchange)],
            notes: vec!["'bert' has joined".to_owned()],
            customized: Customized::default(),
            documents: DocumentCounts { found: 3, coming: 1, ..DocumentCounts::default() },
            forgotten: Forgotten::default(),
            ..SyncReport::default()
        }
    }

    #[test]
    fn the_summary_tells_what_came_who_won_what_went_and_what_waits() {
        assert_eq!(
            plain(&report()),
            "\
'bert' has joined

rules.toml speaks of `x`

Received packet 1 from 'bert': no records, only word of what arrived
Received packet 2 from 'carl': no records, but the list of sites and the rules
Received packets 41 to 42 from 'head': 18 records
  customers  3 new, 12 changed, 1 deleted
  notes      2 new

1 conflict, decided by the rules; what lost is kept: 'fieldpost conflicts'
  customers ACME-0007, phone: '555-0199' of 'anna' stands (newest), '555-0100' of 'head' lost

1 change held: 'fieldpost held'
  orders O-17 from 'head': its customer is not here yet; goes on by itself with a later packet

Documents
  3 new or changed here
  1 on the way

Sent packet 12 to 'head': 1 record, 3.1 kB
  customers  1 changed

Stays here: 'fieldpost records'
  orders, 2 records for 'head': O-18: it is not ready yet, and the others like it

Waiting
  'head', packet 12 (3.1 kB): the exchange is out of reach; tried again at the next run
"
        );
        assert_eq!(json(&report())["applied"][0]["tables"]["customers"]["updated"], 10);
        assert_eq!(json(&report())["waiting"][0]["needs"], "exchange");
    }

    #[test]
    fn a_run_with_nothing_to_do_says_so() {
        assert_eq!(plain(&SyncReport::default()), "All in step: nothing came, nothing to send.\n");
        let dry = SyncReport { mode: Mode::DryRun, ..SyncReport::default() };
        assert_eq!(plain(&dry), "All in step: nothing would come, nothing would be sent.\n");
        let half = |halves| plain(&SyncReport { halves, ..SyncReport::default() });
        assert_eq!([Halves::Send, Halves::Receive].map(half), ["Nothing new: nothing to send.\n", "Nothing new: nothing came.\n"]);
    }

    #[test]
    fn what_nobody_has_confirmed_is_not_said_to_be_in_step() {
        let unconfirmed = BTreeMap::from([(SiteName::new("anna").unwrap(), 2)]);
        let report = SyncReport { unconfirmed, open: 1, ..SyncReport::default() };
        assert!(report.is_empty(), "a watch tells of what happened");
        assert_eq!(
            plain(&report),
            "Nothing new: nothing came, nothing to send.\n'anna' has not confirmed 2 packets yet\n\
             1 conflict wants a decision: 'fieldpost conflicts --open'\n"
        );
    }

    #[test]
    fn a_dry_run_never_claims_that_it_happened() {
        let dry = plain(&SyncReport { mode: Mode::DryRun, ..report() });
        assert!(dry.contains("\nWould receive packets 41 to 42 ") && dry.contains("\nWould send packet 12 "));
        assert!(!dry.contains("Received") && !dry.contains("Sent"));
        // Nor names a command that knows nothing of it.
        assert!(dry.starts_with(REHEARSED) && !dry.contains("'fieldpost") && !dry.contains("lost"), "{dry}");
        assert!(dry.contains("\n1 conflict would be decided by the rules; what loses would be kept\n  customers ACME-0007, phone: '555-0199' of 'anna' would stand"), "{dry}");
    }

    #[test]
    fn the_exit_code_says_what_it_is_waiting_for() {
        let exit = |held: Vec<HeldChange>, waiting: Vec<Waiting>, conflicts| {
            SyncReport { held, waiting, conflicts, ..SyncReport::default() }.exit()
        };
        assert_eq!(exit(vec![], vec![], vec![]), Exit::Done);
        assert_eq!(exit(vec![held(Needs::Packet)], vec![], vec![conflict()]), Exit::Done);
        assert_eq!(exit(vec![held(Needs::Packet)], vec![waiting(Needs::Exchange)], vec![]), Exit::Unreachable);
        assert_eq!(exit(vec![held(Needs::Person)], vec![waiting(Needs::Exchange)], vec![]), Exit::Attention);
        assert_eq!(exit(vec![], vec![], vec![Conflict { open: true, ..conflict() }]), Exit::Attention);
    }

    #[test]
    fn a_quiet_run_without_the_exchange_is_a_line() {
        let page = crate::cli::conflicts::tests::page();
        assert_eq!(report().exit(), Exit::Unreachable);
        assert_eq!(report().brief(&page), "the exchange is out of reach; tried again at the next run");
        let asks = SyncReport { held: vec![held(Needs::Person)], ..report() };
        assert_eq!(asks.brief(&page), asks.text(&page), "what wants a person is told whole");
    }

    #[test]
    fn an_open_conflict_asks() {
        let report =
            SyncReport { conflicts: vec![Conflict { open: true, rule: "review".to_owned(), ..conflict() }], ..SyncReport::default() };
        assert_eq!(
            plain(&report),
            "\
1 conflict, 1 wants you; what lost is kept: 'fieldpost conflicts'
  customers ACME-0007, phone: '555-0199' of 'anna' or '555-0100' of 'head'? You decide (review)
"
        );
    }
}
