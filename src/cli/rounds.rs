//! How does a round become a report? Runs `sync`, `send` and `receive`, for real or as a rehearsal, and tells of it.

use std::collections::BTreeMap;

use super::conflicts::{self, About, Conflict};
use super::held::{self, Needs};
use super::page::{count, size};
use super::rehearsal::Rehearsal;
use super::sync::{Counts, Mode, PacketIn, PacketOut, ReceiveArgs, SendArgs, SyncArgs, SyncReport, Waiting};
use super::{Context, Exit, Failure, place};
use crate::exchange::{DryRun, Exchange};
use crate::ledger::Direction;
use crate::model::SiteName;
use crate::rules::{self, nearest};
use crate::site::Role;
use crate::sync::report::{self, Report as Round};
use crate::sync::round::{self, Halves};
use crate::sync::{Session, SyncError};

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
    for kept in &round.kept {
        let records = count(usize::try_from(kept.records).unwrap_or(usize::MAX), "record stays", "records stay");
        let others = if kept.records == 1 { "" } else { ", and the others like it" };
        notes.push(format!("{}: {records} here, not sent to '{}': {}, because {}{others}", kept.table, kept.to, kept.first, kept.why));
    }
    notes.extend(unknown_rules(session)?);
    Ok(notes)
}

/// Tables and fields in `rules.toml` that are not there: a slip that would go unnoticed for years.
fn unknown_rules(session: &Session) -> Result<Vec<String>, SyncError> {
    let known = || session.shapes.iter().map(|shape| shape.name.as_str());
    if session.settings.role != Role::Host {
        return Ok(Vec::new());
    }
    let referred = session.rules.references().flat_map(|(table, _, rule)| std::iter::once(table).chain(rule.tables()));
    let travelling = session.rules.tables().filter(|(_, rule)| rule.direction != rules::Direction::None);
    let named: std::collections::BTreeSet<&str> = travelling.map(|(table, _)| table).chain(referred).collect();
    let unknown = named.into_iter().filter(|table| known().all(|name| name != *table));
    let line = |table: &str| {
        let meant = nearest(table, known()).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        format!("rules.toml speaks of `{table}`, and there is no tracked table of that name{meant}")
    };
    let faults = session.database()?.rule_faults(&session.shapes, &session.rules)?;
    Ok(unknown.map(line).chain(faults.iter().map(ToString::to_string)).collect())
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
