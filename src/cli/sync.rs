//! `fieldpost sync`, `send` and `receive`: what came, what was decided, what went, and what waits and why?

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::conflicts::{self, About, Conflict};
use super::held::{self, HeldChange, Needs};
use super::page::{Page, alert, count, heading, number, paragraphs, size};
use super::printer::Report;
use super::rehearsal::Rehearsal;
use super::{Context, Exit, Failure, place, shown};
use crate::exchange::{DryRun, Exchange};
use crate::ledger::Direction;
use crate::model::SiteName;
use crate::rules::nearest;
use crate::site::Role;
use crate::sync::report::{self, Report as Round};
use crate::sync::round::{self, Halves};
use crate::sync::{Session, SyncError};

/// Collect, apply, send: everything, in one go
///
/// Collects the packets of the others, applies them, and sends what was edited here. May be killed at any moment and run
/// again; the program that owns the database may stay open. A dry run does all of it on copies of home and database, and
/// needs room for them.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  fieldpost sync
  fieldpost sync --dry-run -v      tell what would happen, change nothing
  fieldpost sync --full            ask the parent for everything anew; edits made here are sent first
  */15 * * * *  fieldpost --home /srv/shop sync --quiet      in a crontab")]
pub struct SyncArgs {
    /// Ask the parent for all data anew
    #[arg(long, conflicts_with = "dry_run")]
    pub full: bool,
    /// Tell what would happen, predicted conflicts included, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Only send: what was edited here since the last time
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  fieldpost send\n  fieldpost send --dry-run")]
pub struct SendArgs {
    /// Tell what would be sent, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Only receive: collect and apply what the others sent
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  fieldpost receive\n  fieldpost receive --dry-run")]
pub struct ReceiveArgs {
    /// Tell what would be applied, predicted conflicts included, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

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
    /// What is not where it should be yet.
    pub waiting: Vec<Waiting>,
    /// What else happened: a request accepted, a database built.
    pub notes: Vec<String>,
}

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

/// Runs `sync`.
///
/// # Errors
/// What stops the whole site; everything else is in the report.
pub fn run(arguments: &SyncArgs, context: &Context) -> Result<Exit, Failure> {
    let full = if arguments.full { Full::Ask } else { Full::No };
    go(context, Halves::Both, mode(arguments.dry_run), full)
}

/// Runs `send`.
///
/// # Errors
/// As [`run`].
pub fn run_send(arguments: &SendArgs, context: &Context) -> Result<Exit, Failure> {
    go(context, Halves::Send, mode(arguments.dry_run), Full::No)
}

/// Runs `receive`.
///
/// # Errors
/// As [`run`].
pub fn run_receive(arguments: &ReceiveArgs, context: &Context) -> Result<Exit, Failure> {
    go(context, Halves::Receive, mode(arguments.dry_run), Full::No)
}

const fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Done }
}

/// Whether everything is asked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    Ask,
    No,
}

fn go(context: &Context, halves: Halves, mode: Mode, full: Full) -> Result<Exit, Failure> {
    let report = match mode {
        Mode::Done => {
            let (_lock, mut session) = context.work()?;
            if full == Full::Ask {
                round::full(&session)?;
            }
            let mut exchange = place::open(&session.settings, &session.home)?;
            one_round(context, &mut session, &mut exchange, halves, mode)?
        }
        Mode::DryRun => {
            let rehearsal = Rehearsal::new(context)?;
            let mut session = rehearsal.session(context)?;
            let mut exchange = DryRun::new(place::open(&rehearsal.settings, &rehearsal.home)?);
            one_round(context, &mut session, &mut exchange, halves, mode)?
        }
    };
    Ok(context.printer.report(&report))
}

/// Runs a round and tells of it.
fn one_round(
    context: &Context,
    session: &mut Session,
    exchange: &mut dyn Exchange,
    halves: Halves,
    mode: Mode,
) -> Result<SyncReport, Failure> {
    let before = Before { database: session.has_database(), conflicts: session.ledger.last_conflict()? };
    let progress = context.printer.progress("opening");
    let round = round::run(session, exchange, halves, &mut |what| {
        progress.stage(what, None);
        context.printer.step(what);
    })?;
    drop(progress);
    Ok(SyncReport::of(session, &round, &before, mode)?)
}

/// What was there before a round.
struct Before {
    database: bool,
    conflicts: i64,
}

impl SyncReport {
    fn of(session: &Session, round: &Round, before: &Before, mode: Mode) -> Result<Self, SyncError> {
        let applied = round.applied.iter().map(|packet| PacketIn {
            from: packet.from.clone(),
            number: packet.number.0,
            changes: packet.tally.changes,
            tables: changed(&packet.tally.tables),
        });
        // What waits here is in the list of what is held.
        let elsewhere = |conflict: &Conflict| conflict.about != About::Held || conflict.decider != *session.name();
        let deposited = |to: &SiteName, number| round.deposited.iter().any(|(site, packet)| site == to && *packet == number);
        let (sent, kept): (Vec<_>, Vec<_>) = round.built.iter().partition(|packet| deposited(&packet.to, packet.number));
        let mut waiting: Vec<Waiting> = round.waiting.iter().map(Waiting::of).collect();
        waiting.extend(kept.into_iter().map(Waiting::in_outbox));
        Ok(Self {
            mode,
            applied: applied.collect(),
            conflicts: conflicts::all(session, before.conflicts)?.into_iter().filter(elsewhere).collect(),
            held: held::all(session)?,
            sent: sent.into_iter().map(PacketOut::of).collect(),
            waiting,
            notes: notes(session, round, before, mode)?,
        })
    }
}

/// What happened beside records.
fn notes(session: &Session, round: &Round, before: &Before, mode: Mode) -> Result<Vec<String>, SyncError> {
    let mut notes = round.notes.clone();
    let would = |done: &str, dry: &str| if mode == Mode::Done { done.to_owned() } else { dry.to_owned() };
    notes.extend(round.admitted.iter().map(|name| format!("'{name}' {}", would("has joined", "would join"))));
    for table in &round.rearmed {
        notes.push(format!("{table} had lost its triggers (was it rebuilt?): it was compared whole, and they are back"));
    }
    if round.found > 0 {
        let found = count(usize::try_from(round.found).unwrap_or(usize::MAX), "edit", "edits");
        notes.push(format!("{found} that the triggers had missed: found by comparing"));
    }
    if let (Role::Office | Role::Remote, Some(parent)) = (session.settings.role, session.ledger.parent()?) {
        let name = &parent.card.name;
        match (before.database, session.has_database()) {
            (false, true) => notes.push(match mode {
                Mode::Done => format!("'{name}' has taken us in; the database is {}", session.database_path().display()),
                Mode::DryRun => format!("'{name}' has taken us in; the database would be built"),
            }),
            (false, false) if round.deposited.is_empty() && round.waiting.iter().any(|waiting| waiting.unreachable) => {
                notes.push(format!("There is no database here yet: the request to join has not reached '{name}'."));
            }
            // Something of the parent's came and cannot be taken: the report says what and why.
            (false, false) if round.waiting.iter().any(|waiting| waiting.neighbour.as_ref() == Some(name)) => {
                notes.push("There is no database here yet.".to_owned());
            }
            (false, false) => {
                notes.push(format!("The request to join is on its way to '{name}'; there is no database here yet."));
                notes.push(format!("Next: 'fieldpost sync' at '{name}', then 'fieldpost sync' here builds it."));
            }
            (true, _) => {}
        }
    }
    let earlier = |(to, number): &&(SiteName, crate::model::PacketNumber)| {
        number.0 > 1 && round.built.iter().all(|packet| packet.to != *to || packet.number != *number)
    };
    for (to, number) in round.deposited.iter().filter(earlier) {
        let site = session.ledger.site_number(to)?;
        let bytes = session.ledger.packet(site, Direction::Out, *number)?.map_or(0, |row| row.bytes);
        let put = would("was put", "would be put");
        notes.push(format!("Packet {number} for '{to}', made earlier ({}), {put} on the exchange", size(bytes)));
    }
    notes.extend(unknown_rules(session));
    Ok(notes)
}

/// Tables in `rules.toml` that are not there: a slip that would go unnoticed for years.
fn unknown_rules(session: &Session) -> Vec<String> {
    let known = || session.shapes.iter().map(|shape| shape.name.as_str());
    if session.settings.role != Role::Host {
        return Vec::new();
    }
    let unknown = session.rules.tables().filter(|(table, _)| known().all(|name| name != *table));
    let line = |(table, _): (&str, _)| {
        let meant = nearest(table, known()).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        format!("rules.toml speaks of `{table}`, and there is no tracked table of that name{meant}")
    };
    unknown.map(line).collect()
}

/// Tables in which something changed.
fn changed(tables: &BTreeMap<String, report::Counts>) -> BTreeMap<String, Counts> {
    let counts = |counts: &report::Counts| Counts { inserted: counts.inserted, updated: counts.updated, deleted: counts.deleted };
    let all = tables.iter().map(|(table, of)| (table.clone(), counts(of)));
    all.filter(|(_, counts)| counts.total() > 0).collect()
}

impl PacketOut {
    fn of(packet: &report::PacketOut) -> Self {
        Self { to: packet.to.clone(), number: packet.number.0, bytes: packet.bytes, tables: changed(&packet.tables) }
    }
}

impl Waiting {
    fn of(waiting: &report::Waiting) -> Self {
        let needs = match (waiting.unreachable, waiting.retried) {
            (true, _) => Needs::Exchange,
            (false, true) => Needs::Packet,
            (false, false) => Needs::Person,
        };
        Self { neighbour: waiting.neighbour.clone(), what: waiting.what.clone(), why: waiting.why.clone(), needs }
    }

    fn in_outbox(packet: &report::PacketOut) -> Self {
        let records: u64 = changed(&packet.tables).values().map(Counts::total).sum();
        let records = count(usize::try_from(records).unwrap_or(usize::MAX), "record", "records");
        let what = format!("packet {} ({records}, {})", packet.number, size(packet.bytes));
        let why = "it is made and safe here, but not on the exchange yet".to_owned();
        Self { neighbour: Some(packet.to.clone()), what, why, needs: Needs::Exchange }
    }
}

impl Report for SyncReport {
    fn text(&self, page: &Page) -> String {
        let parts = [self.notes.join("\n"), self.came(page), self.conflicts(page), self.held(page), self.went(page), self.waiting(page)];
        let text = paragraphs(parts);
        match (text.is_empty(), self.mode) {
            (false, _) => text,
            (true, Mode::Done) => "All in step: nothing came, nothing to send.".to_owned(),
            (true, Mode::DryRun) => "All in step: nothing would come, nothing would be sent.".to_owned(),
        }
    }

    /// A person before an exchange: what wants a person does not go away by waiting.
    fn exit(&self) -> Exit {
        let needs = self.held.iter().map(|held| held.needs).chain(self.waiting.iter().map(|waiting| waiting.needs));
        let open = self.conflicts.iter().filter(|conflict| conflict.open).map(|_| Needs::Person);
        needs.chain(open).max().map_or(Exit::Done, Needs::exit)
    }
}

impl SyncReport {
    fn came(&self, page: &Page) -> String {
        let verb = self.verb("Received", "Would receive");
        let packets = self.applied.iter().map(|packet| (&packet.from, packet.number, packet.changes, &packet.tables));
        sections(page, packets, |from, numbers, counts, changes| {
            let what = match (counts.total(), changes) {
                (0, 1) => "1 change, which changed nothing here".to_owned(),
                (0, 2..) => format!("{} changes, which changed nothing here", number(changes)),
                _ => records(counts),
            };
            format!("{verb} {numbers} from '{from}': {what}")
        })
    }

    fn went(&self, page: &Page) -> String {
        let verb = self.verb("Sent", "Would send");
        let packets = self.sent.iter().map(|packet| (&packet.to, packet.number, packet.bytes, &packet.tables));
        sections(page, packets, |to, numbers, counts, bytes| {
            let size = if bytes > 0 { format!(", {}", size(bytes)) } else { String::new() };
            format!("{verb} {numbers} to '{to}': {}{size}", records(counts))
        })
    }

    fn conflicts(&self, page: &Page) -> String {
        if self.conflicts.is_empty() {
            return String::new();
        }
        let open = self.conflicts.iter().filter(|conflict| conflict.open).count();
        let decided = match open {
            0 => "decided by the rules; what lost is kept".to_owned(),
            open => alert(&format!("{} you; what lost is kept", count(open, "wants", "want"))),
        };
        let lines: Vec<String> = self.conflicts.iter().map(Conflict::sentence).collect();
        let title = heading(&count(self.conflicts.len(), "conflict", "conflicts"));
        format!("{title}, {decided}: 'fieldpost conflicts'\n{}", page.list(&lines, "'fieldpost conflicts' lists all"))
    }

    fn held(&self, page: &Page) -> String {
        if self.held.is_empty() {
            return String::new();
        }
        let line = |held: &HeldChange| {
            let key = shown::key(&held.key);
            format!("{} {key} from '{}': {}; {}", held.table, held.from, held.why, held.needs.words())
        };
        let lines: Vec<String> = self.held.iter().map(line).collect();
        let title = heading(&format!("{} held", count(self.held.len(), "change", "changes")));
        format!("{title}: 'fieldpost held'\n{}", page.list(&lines, "'fieldpost held' lists all"))
    }

    fn waiting(&self, page: &Page) -> String {
        if self.waiting.is_empty() {
            return String::new();
        }
        let line = |waiting: &Waiting| {
            let needs = match waiting.needs {
                Needs::Packet | Needs::Exchange => waiting.needs.words().to_owned(),
                Needs::Person => alert(waiting.needs.words()),
            };
            let with = waiting.neighbour.as_ref().map_or_else(String::new, |neighbour| format!("'{neighbour}', "));
            format!("{with}{}: {}; {needs}", waiting.what, waiting.why)
        };
        let lines: Vec<String> = self.waiting.iter().map(line).collect();
        format!("{}\n{}", heading("Waiting"), page.list(&lines, "'fieldpost status' lists all"))
    }

    const fn verb(&self, done: &'static str, dry: &'static str) -> &'static str {
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

    fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }

    fn text(&self) -> String {
        let parts = [(self.inserted, "new"), (self.updated, "changed"), (self.deleted, "deleted")];
        let parts = parts.into_iter().filter(|(amount, _)| *amount > 0).map(|(amount, word)| format!("{} {word}", number(amount)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// What all packets of one neighbour add up to.
#[derive(Default)]
struct Sum {
    numbers: Vec<u64>,
    /// Bytes of what went, changes of what came.
    amount: u64,
    tables: BTreeMap<String, Counts>,
}

type OnePacket<'r> = (&'r SiteName, u64, u64, &'r BTreeMap<String, Counts>);

/// One paragraph per neighbour: a title, then what changed by table.
fn sections<'r>(
    page: &Page,
    packets: impl Iterator<Item = OnePacket<'r>>,
    title: impl Fn(&SiteName, &str, Counts, u64) -> String,
) -> String {
    let mut sums: BTreeMap<&SiteName, Sum> = BTreeMap::new();
    for (neighbour, number, amount, tables) in packets {
        let sum = sums.entry(neighbour).or_default();
        sum.numbers.push(number);
        sum.amount += amount;
        tables.iter().for_each(|(table, counts)| sum.tables.entry(table.clone()).or_default().add(*counts));
    }
    let paragraph = |(neighbour, sum): (&SiteName, Sum)| {
        let mut counts = Counts::default();
        sum.tables.values().for_each(|table| counts.add(*table));
        let width = sum.tables.keys().map(|table| table.chars().count()).max().unwrap_or(0).min(30);
        let lines: Vec<String> = sum.tables.iter().map(|(table, counts)| format!("{table:width$}  {}", counts.text())).collect();
        let title = heading(&title(neighbour, &packet_numbers(&sum.numbers), counts, sum.amount));
        if lines.is_empty() { title } else { format!("{title}\n{}", page.list(&lines, "-v lists all")) }
    };
    sums.into_iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

fn records(counts: Counts) -> String {
    match counts.total() {
        0 => "no records, only word of what arrived".to_owned(),
        total => count(usize::try_from(total).unwrap_or(usize::MAX), "record", "records"),
    }
}

/// "packet 7", "packets 7 to 9": the packets of a stream are applied and made in order.
fn packet_numbers(numbers: &[u64]) -> String {
    match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) if first != last => format!("packets {} to {}", number(*first), number(*last)),
        (first, _) => format!("packet {}", number(first.copied().unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            about: About::Field("phone".to_owned()),
            base: Shown(Value::Null),
            winner: text("555-0199"),
            winner_site: Some(name("anna")),
            loser: text("555-0100"),
            loser_site: Some(name("head")),
            rule: "newest".to_owned(),
            decider: name("head"),
            packet: None,
            decided: at(0),
            open: false,
        }
    }

    fn held(needs: Needs) -> HeldChange {
        let why = "its customer is not here yet".to_owned();
        HeldChange { table: "orders".to_owned(), key: vec![text("O-17")], from: name("head"), packet: 41, why, since: at(0), needs }
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
                },
                PacketIn { from: name("head"), number: 42, changes: 3, tables: tables(&[("customers", [0, 2, 1])]) },
                PacketIn { from: name("bert"), number: 1, changes: 0, tables: BTreeMap::new() },
            ],
            conflicts: vec![conflict()],
            held: vec![held(Needs::Packet)],
            sent: vec![PacketOut { to: name("head"), number: 12, bytes: 3_140, tables: tables(&[("customers", [0, 1, 0])]) }],
            waiting: vec![waiting(Needs::Exchange)],
            notes: vec!["'bert' has joined".to_owned()],
        }
    }

    #[test]
    fn the_summary_tells_what_came_who_won_what_went_and_what_waits() {
        assert_eq!(
            plain(&report()),
            "\
'bert' has joined

Received packet 1 from 'bert': no records, only word of what arrived
Received packets 41 to 42 from 'head': 18 records
  customers  3 new, 12 changed, 1 deleted
  notes      2 new

1 conflict, decided by the rules; what lost is kept: 'fieldpost conflicts'
  customers ACME-0007, phone: '555-0199' of 'anna' stands (newest), '555-0100' of 'head' lost

1 change held: 'fieldpost held'
  orders O-17 from 'head': its customer is not here yet; goes on by itself with a later packet

Sent packet 12 to 'head': 1 record, 3.1 kB
  customers  1 changed

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
    }

    #[test]
    fn a_dry_run_never_claims_that_it_happened() {
        let dry = plain(&SyncReport { mode: Mode::DryRun, ..report() });
        assert!(dry.contains("\nWould receive packets 41 to 42 ") && dry.contains("\nWould send packet 12 "));
        assert!(!dry.contains("Received") && !dry.contains("Sent"));
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
