//! How does a round become a report, and lines of the log? Runs `sync`, `send` and `receive`, for real or as a rehearsal.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;

use super::conflicts::{self, About, Conflict};
use super::held::{self, HeldChange, Needs};
use super::logged::{Line, Looked};
use super::page::{Moment, Page, count, size};
use super::place::Opened;
use super::printer::Progress;
use super::rehearsal::Rehearsal;
use super::summary::{Here, Summary};
use super::sync::{Counts, Kept, KeptRecord, Mode, PacketIn, PacketOut, SyncReport, Waiting};
use super::watch::WatchReport;
use super::{Context, Exit, Failure, explain};
use crate::database::doctor::{RuleFault, Trouble};
use crate::exchange::Exchange;
use crate::ledger::Direction;
use crate::model::{SiteName, shown_table};
use crate::rules::check;
use crate::site::{HomeLock, Level, Role};
use crate::status::open;
use crate::sync::documents::Freedom;
use crate::sync::forget::Forgotten;
use crate::sync::join::Unanswered;
use crate::sync::report::{self, Report as Round};
use crate::sync::round::{self, Halves};
use crate::sync::streams::places;
use crate::sync::{Session, SyncError, join, standing};

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
  fieldpost sync --window          what 'fieldpost shortcut' runs
  */15 * * * *  fieldpost --home /srv/shop sync --quiet      in a crontab")]
pub struct SyncArgs {
    /// Ask the parent for all data anew, and tell the sites below all of it anew
    #[arg(long, conflicts_with = "dry_run")]
    pub full: bool,
    /// Tell what would happen, predicted conflicts included, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take it for meant that very many documents are gone from the folder of documents, and tell the others
    #[arg(long, conflicts_with = "dry_run")]
    pub allow_deletions: bool,
    /// For a window that closes at the end: a short summary in plain words, which stays where something wants attention
    #[arg(long, conflicts_with = "dry_run")]
    pub window: bool,
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

/// Runs `sync`.
///
/// # Errors
/// What stops the whole site; everything else is in the report.
pub fn run(arguments: &SyncArgs, context: &Context) -> Result<Exit, Failure> {
    let full = if arguments.full { Full::Ask } else { Full::No };
    if arguments.window {
        return Ok(in_window(context, full));
    }
    let freedom = if arguments.allow_deletions { Freedom::AllowDeletions } else { Freedom::Usual };
    go(context, Halves::Both, mode(arguments.dry_run), full, freedom)
}

/// Runs `sync` for somebody who clicked on an icon. The window stays open after the home is free again.
fn in_window(context: &Context, full: Full) -> Exit {
    let summary = round_in_words(context, full).unwrap_or_else(|failure| {
        let explanation = explain::explain(&failure);
        context.failed(&failure, &explanation);
        Summary::failed(&explanation)
    });
    let exit = context.printer.report(&summary);
    if summary.attention {
        context.printer.wait_for_enter("Press Enter to close");
    } else if context.printer.can_ask() {
        let progress = context.printer.progress("closes");
        for left in (1..=CLOSES_AFTER_SECONDS).rev() {
            progress.stage(&format!("closes in {}", count(left, "second", "seconds")), None);
            context.world.sleep(Duration::from_secs(1));
        }
    }
    exit
}

/// Long enough to read two lines.
const CLOSES_AFTER_SECONDS: usize = 5;

fn round_in_words(context: &Context, full: Full) -> Result<Summary, Failure> {
    let (_lock, session, report) = real(context, Halves::Both, full, Freedom::Usual)?;
    let settings = &session.settings;
    let here = Here {
        site: &settings.name,
        host: &settings.host,
        database: session.has_database(),
        in_vain: join::unanswered(&session)?.is_some(),
    };
    context.done_silently(&session.home, &report);
    Ok(Summary::of(&report, here))
}

/// Runs `send`.
///
/// # Errors
/// As [`run`].
pub fn run_send(arguments: &SendArgs, context: &Context) -> Result<Exit, Failure> {
    go(context, Halves::Send, mode(arguments.dry_run), Full::No, Freedom::Usual)
}

/// Runs `receive`.
///
/// # Errors
/// As [`run`].
pub fn run_receive(arguments: &ReceiveArgs, context: &Context) -> Result<Exit, Failure> {
    go(context, Halves::Receive, mode(arguments.dry_run), Full::No, Freedom::Usual)
}

/// Runs a round of a watch: tells of it only where something happened.
///
/// # Errors
/// As [`run`].
pub fn run_watched(context: &Context, why: &'static str) -> Result<(Exit, SyncReport), Failure> {
    let (_lock, mut session) = context.work()?;
    let progress = context.printer.progress(why);
    let mut exchanges = Opened::of(&session.settings, &session.home, &progress)?;
    let report = one_round(context, &mut session, &mut exchanges.all(), Halves::Both, Mode::Done, progress)?;
    let exit = if report.is_empty() {
        context.done_silently(&session.home, &report)
    } else {
        context.printer.report(&WatchReport { when: Moment(context.world.now()), why });
        context.done_looking(&session.home, &report, Looked::Everywhere)
    };
    Ok((exit, report))
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

fn go(context: &Context, halves: Halves, mode: Mode, full: Full, freedom: Freedom) -> Result<Exit, Failure> {
    match mode {
        Mode::Done => {
            let (_lock, session, report) = real(context, halves, full, freedom)?;
            let looked = if halves == Halves::Both { Looked::Everywhere } else { Looked::Partly };
            Ok(context.done_looking(&session.home, &report, looked))
        }
        Mode::DryRun => {
            let rehearsal = Rehearsal::new(context)?;
            let mut session = rehearsal.session(context)?;
            session.freedom = Freedom::Rehearsal;
            let progress = context.printer.progress("opening");
            let mut exchanges = Opened::of(&rehearsal.settings, &rehearsal.home, &progress)?.dry();
            Ok(context.printer.report(&one_round(context, &mut session, &mut exchanges.all(), halves, mode, progress)?))
        }
    }
}

/// Runs a round for real. The home stays ours until the lock is dropped.
fn real(context: &Context, halves: Halves, full: Full, freedom: Freedom) -> Result<(HomeLock, Session, SyncReport), Failure> {
    let (lock, mut session) = context.work()?;
    session.freedom = freedom;
    if full == Full::Ask {
        round::full(&session)?;
    }
    let progress = context.printer.progress("opening");
    let mut exchanges = Opened::of(&session.settings, &session.home, &progress)?;
    let report = one_round(context, &mut session, &mut exchanges.all(), halves, Mode::Done, progress)?;
    Ok((lock, session, report))
}

/// Runs a round and tells of it.
pub(super) fn one_round(
    context: &Context,
    session: &mut Session,
    exchanges: &mut [&mut dyn Exchange],
    halves: Halves,
    mode: Mode,
    progress: Progress,
) -> Result<SyncReport, Failure> {
    let before =
        Before { database: session.has_database(), conflicts: session.ledger.last_conflict()?, refused: places::refused(session)? };
    let round = round::run(session, exchanges, halves, &mut |what| {
        let what = if mode == Mode::DryRun { format!("rehearsing: {what}") } else { what.to_owned() };
        progress.stage(&what, None);
        context.printer.step(&what);
    })?;
    drop(progress);
    Ok(SyncReport::of(session, &round, &before, (halves, mode), context.printer.page())?)
}

/// What was there before a round.
struct Before {
    database: bool,
    conflicts: i64,
    /// What an exchange did not let this site do when it last tried.
    refused: Vec<String>,
}

impl SyncReport {
    fn of(session: &Session, round: &Round, before: &Before, (halves, mode): (Halves, Mode), page: &Page) -> Result<Self, SyncError> {
        let applied = round.applied.iter().map(|packet| PacketIn {
            from: packet.from.clone(),
            number: packet.number.0,
            changes: packet.tally.changes,
            tables: changed(&packet.tally.tables),
            contents: packet.contents,
            papers: packet.papers.clone(),
            wants_all: packet.wants_all,
        });
        // What waits here is in the list of what is held.
        let elsewhere = |conflict: &Conflict| conflict.about != About::Held || conflict.decider != *session.name();
        let deposited = |to: &SiteName, number| round.deposited.iter().any(|(site, packet)| site == to && *packet == number);
        let (sent, kept): (Vec<_>, Vec<_>) = round.built.iter().partition(|packet| deposited(&packet.to, packet.number));
        let mut waiting: Vec<Waiting> = round.waiting.iter().map(Waiting::of).collect();
        waiting.extend(kept.into_iter().map(|packet| Waiting::in_outbox(packet, mode)));
        if mode == Mode::DryRun {
            // A rehearsal writes nowhere, and cannot see it.
            waiting.extend(before.refused.iter().map(|why| Waiting::refused(why)));
        }
        if let (Some(why), Some(parent)) = (join::unanswered(session)?, session.ledger.parent()?) {
            let (what, why) = ("the request to join".to_owned(), unanswered(session.name(), &parent.card.name, why, page));
            waiting.push(Waiting { neighbour: Some(parent.card.name), what, why, needs: Needs::Person });
        }
        let (faults, stuck) = faults(session)?;
        let mut report = Self {
            mode,
            halves,
            applied: applied.collect(),
            conflicts: conflicts::all(session, before.conflicts)?.into_iter().filter(elsewhere).collect(),
            held: held::all(session)?,
            sent: sent.into_iter().map(PacketOut::of).collect(),
            waiting,
            troubled: round.troubled,
            removed: round.removed.clone(),
            kept: round.kept.iter().map(Kept::of).collect(),
            faults,
            stuck,
            notes: notes(session, round, before, mode)?,
            documents: round.documents.clone(),
            customized: round.customized.clone(),
            forgotten: round.forgotten,
            unconfirmed: unconfirmed(session)?,
            open: 0,
        };
        if report.is_empty() {
            report.open = open::open(session)?.len() as u64;
        }
        Ok(report)
    }

    /// The lines of the log.
    pub(super) fn log_lines(&self, page: &Page) -> Vec<Line> {
        let mut lines: Vec<Line> = self.notes.iter().map(|note| Line::new(Level::Info, note)).collect();
        lines.extend(self.faults.iter().map(|fault| Line::new(Level::Error, fault).standing()));
        let by_table = |tables: &BTreeMap<String, Counts>| {
            let all: Vec<String> = tables.iter().map(|(table, counts)| format!("{table} {}", counts.text())).collect();
            if all.is_empty() { "no records".to_owned() } else { all.join("; ") }
        };
        lines.extend(self.applied.iter().map(|packet| {
            let wish = if packet.wants_all { "; it wants to be told everything anew" } else { "" };
            let text = format!("received packet {} from '{}': {}{wish}", packet.number, packet.from, by_table(&packet.tables));
            Line::new(Level::Info, text).of_site(Some(&packet.from))
        }));
        lines.extend(self.conflicts.iter().map(|conflict| conflict.log_line(page)));
        lines.extend(self.held.iter().map(HeldChange::log_line));
        lines.extend(self.kept.iter().flat_map(Kept::log_lines));
        lines.extend(self.sent.iter().map(|packet| {
            let (number, bytes) = (packet.number, size(packet.bytes));
            let again = if packet.again { "everything anew: " } else { "" };
            let wish = if packet.wants_all { "; with the wish to be told everything anew" } else { "" };
            let text = format!("sent packet {number} to '{}', {bytes}: {again}{}{wish}", packet.to, by_table(&packet.tables));
            Line::new(Level::Info, text).of_site(Some(&packet.to))
        }));
        lines.extend(self.waiting.iter().map(|waiting| {
            let level = if waiting.needs == Needs::Person { Level::Error } else { Level::Warning };
            let with = waiting.neighbour.as_ref().map_or_else(String::new, |neighbour| format!("'{neighbour}', "));
            let text = format!("waiting: {with}{}: {}; {}", waiting.what, waiting.why, waiting.needs.words());
            Line::new(level, text).of_site(waiting.neighbour.as_ref()).standing()
        }));
        lines.extend(Some(self.forgotten()).filter(|text| !text.is_empty()).map(|text| Line::new(Level::Info, text)));
        lines
    }

    /// What is not remembered any more, as a line; nothing where nothing was forgotten.
    pub(super) fn forgotten(&self) -> String {
        let Forgotten { changes, former, records, packets, conflicts } = self.forgotten;
        let kinds = [
            (changes, "change", "changes"),
            (former, "note of a former record", "notes of former records"),
            (records, "deleted record", "deleted records"),
            (packets, "packet in the list", "packets in the list"),
            (conflicts, "conflict", "conflicts"),
        ];
        let some = kinds.into_iter().filter(|(amount, ..)| *amount > 0);
        let words: Vec<String> = some.map(|(amount, one, many)| count(amount, one, many)).collect();
        if words.is_empty() { String::new() } else { format!("forgotten, because nobody needs it any more: {}", words.join(", ")) }
    }
}

impl Kept {
    fn of(kept: &report::Kept) -> Self {
        let named = kept.named.iter().map(|(key, why)| KeptRecord {
            key: key.clone(),
            field: why.field().map(str::to_owned),
            why: why.to_string(),
        });
        Self {
            to: kept.to.clone(),
            table: shown_table(&kept.table).to_owned(),
            records: kept.records,
            wrong: kept.named.iter().any(|(_, why)| why.is_error()),
            named: named.collect(),
        }
    }

    /// What is wrong with a record is an error of that record; what somebody wants to stay here is no news.
    fn log_lines(&self) -> impl Iterator<Item = Line> {
        let wrong = self.named.iter().filter(|_| self.wrong);
        wrong.map(|record| {
            let text = format!("{} {} stays here, not sent to '{}': {}", self.table, record.key, self.to, record.why);
            Line::new(Level::Error, text)
                .of_key(&self.table, &record.key)
                .of_field(record.field.as_deref())
                .of_site(Some(&self.to))
                .standing()
        })
    }
}

/// How many packets each neighbour has not confirmed, where there are any.
fn unconfirmed(session: &Session) -> Result<BTreeMap<SiteName, u64>, SyncError> {
    let mut found = BTreeMap::new();
    for neighbour in session.ledger.neighbours()? {
        match standing::unconfirmed(session, &neighbour)? {
            0 => {}
            packets => drop(found.insert(neighbour.card.name, packets)),
        }
    }
    Ok(found)
}

/// From here on it is odd that nobody answers a request to join: a day.
const LONG_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What happened beside records.
fn notes(session: &Session, round: &Round, before: &Before, mode: Mode) -> Result<Vec<String>, SyncError> {
    let mut notes = round.notes.clone();
    let would = |done: &str, dry: &str| if mode == Mode::Done { done.to_owned() } else { dry.to_owned() };
    notes.extend(round.admitted.iter().map(|name| format!("'{name}' {}", would("has joined", "would join"))));
    for table in &round.rearmed {
        notes.push(format!("{table} had lost its triggers (was it rebuilt?): it was compared whole, and they are back"));
    }
    if round.found > 0 {
        let found = count(round.found, "edit", "edits");
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
            (false, false) => match join::unanswered(session)? {
                Some(_) => notes.push("There is no database here yet.".to_owned()),
                None => {
                    notes.push(format!("The request to join is on its way to '{name}'; there is no database here yet."));
                    notes.push(format!("Next: 'fieldpost sync' at '{name}', then 'fieldpost sync' here builds it."));
                    if let Some(asked) = join::asked(session)?.filter(|asked| asked.0 + LONG_MILLIS < session.world.now().0) {
                        notes.push(format!(
                            "It asks since {}. Where '{name}' has run since then, another computer may have used this invitation: 'fieldpost status' at '{name}' says so.",
                            asked.date()
                        ));
                    }
                }
            },
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
    Ok(notes)
}

/// What a site reads that waits in vain to be taken in.
pub(super) fn unanswered(site: &SiteName, parent: &SiteName, why: Unanswered, page: &Page) -> String {
    let why = match why {
        Unanswered::Expired(expired) => {
            let expired = page.moment(Moment(expired));
            format!(
                "'{parent}' has not answered, and the invitation of '{site}' was good until {expired} only. Ask for a new one, 'fieldpost invite {site}' at '{parent}'"
            )
        }
        Unanswered::Taken => format!(
            "another computer joined as '{site}' with the same invitation, and '{parent}' has taken in that one: an invitation is good for one computer. \
             Ask for one under another name, 'fieldpost invite NAME' at '{parent}'"
        ),
    };
    format!("{why}; then 'fieldpost detach' here, and 'fieldpost join' with the new file")
}

/// Rules that mean nothing here: a slip that would go unnoticed for years. And whether one of them does not run, which wants a person: while
/// it does not, whatever it is asked about stays, or is decided by another rule.
fn faults(session: &Session) -> Result<(Vec<String>, bool), SyncError> {
    let mut faults = rule_faults(session)?;
    let is_stuck = faults.iter().any(does_not_run);
    let mut lines = Vec::new();
    if session.settings.role != Role::Host {
        let stray = session.home.rules_path().exists();
        lines.extend(stray.then(|| format!("rules.toml here says nothing: the rules are made at '{}', and travel", session.settings.host)));
        faults.retain(does_not_run);
    }
    lines.extend(fault_words(session, &faults)?);
    Ok((lines, is_stuck))
}

/// The rules whose SQL does not run here, in words.
pub(super) fn stuck_rules(session: &Session) -> Result<Vec<String>, SyncError> {
    let mut faults = rule_faults(session)?;
    faults.retain(does_not_run);
    fault_words(session, &faults)
}

fn rule_faults(session: &Session) -> Result<Vec<RuleFault>, SyncError> {
    if !session.has_database() {
        return Ok(Vec::new());
    }
    Ok(session.database()?.rule_faults(&session.shapes, &session.rules)?)
}

const fn does_not_run(fault: &RuleFault) -> bool {
    matches!(fault.trouble, Trouble::BadSql { .. })
}

/// Each with its place in the file, where the file is here.
fn fault_words(session: &Session, faults: &[RuleFault]) -> Result<Vec<String>, SyncError> {
    if session.settings.role != Role::Host {
        return Ok(faults.iter().map(|fault| format!("{}; the rules are made at '{}'", fault.trouble, session.settings.host)).collect());
    }
    let text = session.home.rules_text()?;
    let line = |place: &[String]| check::line(&text, place).map_or_else(String::new, |line| format!(" (line {line})"));
    Ok(faults.iter().map(|fault| format!("{}{}", fault.trouble, line(&fault.place))).collect())
}

/// Tables in which something changed.
fn changed(tables: &BTreeMap<String, report::Counts>) -> BTreeMap<String, Counts> {
    let counts = |counts: &report::Counts| Counts { inserted: counts.inserted, updated: counts.updated, deleted: counts.deleted };
    let all = tables.iter().map(|(table, of)| (shown_table(table).to_owned(), counts(of)));
    all.filter(|(_, counts)| counts.total() > 0).collect()
}

impl PacketOut {
    fn of(packet: &report::PacketOut) -> Self {
        Self {
            to: packet.to.clone(),
            number: packet.number.0,
            bytes: packet.bytes,
            tables: changed(&packet.tables),
            contents: packet.contents,
            papers: packet.papers.clone(),
            wants_all: packet.wants_all,
            again: packet.again,
        }
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

    fn refused(why: &str) -> Self {
        let why = format!("at the last run, {why}");
        Self { neighbour: None, what: "what goes over the exchange".to_owned(), why, needs: Needs::Person }
    }

    fn in_outbox(packet: &report::PacketOut, mode: Mode) -> Self {
        let records: u64 = changed(&packet.tables).values().map(Counts::total).sum();
        let records = count(records, "record", "records");
        let what = format!("packet {} ({records}, {})", packet.number, size(packet.bytes));
        let why = match mode {
            Mode::Done => "it is made and safe here, but not on the exchange yet",
            Mode::DryRun => "it would be made, and kept safe here until the exchange takes it",
        };
        Self { neighbour: Some(packet.to.clone()), what, why: why.to_owned(), needs: Needs::Exchange }
    }
}
