//! One round: collect, apply, seal, build, deposit. What one click does.
//!
//! Which exchanges there are, `places` finds out. A neighbour whose stream stopped, a packet that does not verify, an exchange that is gone: each is reported as
//! waiting and the round goes on with everything else. Sealing and building happen also without an exchange, so that
//! what was edited is safe in the outbox.

use std::collections::BTreeSet;

use super::apply;
use super::build;
use super::deciding::held::Try;
use super::documents;
use super::join;
use super::report::{Report, Waiting};
use super::retire;
use super::schema;
use super::seal;
use super::streams::outbox;
use super::{Result, Session};
use crate::exchange::Exchange;
use crate::ledger::{CauseKind, Direction, Neighbour, NeighbourKind};
use crate::model::{Millis, PacketNumber};
use crate::sync::streams::inbox::{self, Collected};
use crate::sync::streams::places::{self, Place};
use crate::sync::streams::stops;
use crate::sync::tracking::upgrade;

/// Which halves of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Halves {
    /// `sync`.
    #[default]
    Both,
    /// `receive`.
    Receive,
    /// `send`.
    Send,
}

impl Halves {
    const fn receives(self) -> bool {
        matches!(self, Self::Both | Self::Receive)
    }

    const fn sends(self) -> bool {
        matches!(self, Self::Both | Self::Send)
    }
}

/// Runs a round. `progress` is told in words what is being done.
///
/// # Errors
/// What stops the whole site: database, ledger, home. Everything else is in the report.
pub fn run(session: &mut Session, exchanges: &mut [&mut dyn Exchange], halves: Halves, progress: &mut dyn FnMut(&str)) -> Result<Report> {
    run_through(session, exchanges, halves, progress).map_err(|error| upgrade::or_moved(session, error))
}

fn run_through(
    session: &mut Session,
    exchanges: &mut [&mut dyn Exchange],
    halves: Halves,
    progress: &mut dyn FnMut(&str),
) -> Result<Report> {
    let began = session.world.now();
    let mut report = Report { found: session.missed, ..Report::default() };
    for (table, missed) in &session.repaired {
        report.rearmed.push(table.clone());
        report.found += missed;
    }
    if let Some(parent) = session.ledger.parent()? {
        join::request(session, &parent)?;
    }
    let mut documents = None;
    let had_library = session.has_library();
    if session.has_database() {
        // Before a change of the schema seals under its lock.
        session.lead_the_saved()?;
        progress("looking through the documents");
        documents = documents::look::look(session, &mut report)?;
    }
    progress("looking for the exchange");
    let mut places = places::reach_all(session, exchanges, &mut report)?;
    let mut collected = Vec::new();
    let mut unheard = BTreeSet::new();
    if halves.receives() && !places.is_empty() {
        progress("looking for packets");
        // An exchange that vanishes in the middle is waited for; what was applied is applied.
        for place in &mut places {
            place.attempt(&mut report, None, |place, report| inbox::admissions(session, place, report))?;
        }
        unheard = retire::refuse(session, &mut places, &mut report)?;
        for neighbour in session.ledger.neighbours()? {
            let mut got = Collected::default();
            for place in places.iter_mut().filter(|place| place.is_there()) {
                place.attempt(&mut report, Some(&neighbour), |place, report| {
                    outbox::stop_where_restored(session, place, neighbour.site)?;
                    let neighbour = session.ledger.neighbour(neighbour.site)?;
                    inbox::collect(session, place, &neighbour, &mut got, &mut documents, report, progress)
                })?;
            }
            if places.iter().all(Place::is_there) {
                stops::went_on(session, &neighbour)?;
            }
            inbox::gaps(session, &neighbour, &mut got, &mut report)?;
            collected.push((neighbour.card.name.clone(), got));
        }
    }
    // The parent may have told of its library just now: what it sent is placed at once.
    if !had_library && session.has_library() {
        documents = documents::look::look(session, &mut report)?;
    }
    if let Some(documents) = &mut documents {
        progress("placing documents");
        documents::place::place(session, documents, &mut report)?;
    }
    if session.has_database() {
        progress("looking for what changed");
        let mut sealed = seal::seal(session)?;
        session.keep_zone()?;
        let led = session.lead_the_remembered()?;
        if led.any {
            sealed.changed += seal::seal(session)?.changed;
        }
        let refused = led.refused.into_iter();
        report.waiting.extend(refused.map(|(what, why)| Waiting { neighbour: None, what, why, retried: false, unreachable: false }));
        report.sealed = sealed.changed;
        report.found += sealed.found;
        let news = sealed.changed + sealed.found > 0;
        retry_held(session, if news { Try::All } else { Try::Due })?;
        super::directions::follow(session)?;
        super::schema::retry_late(session)?;
        super::schema::archive(session)?;
    }
    if halves.receives() {
        progress("looking at bundles");
        let followed = super::bundles::follow::follow(session)?;
        report.notes.extend(followed.notes);
        report.customized = followed.customized;
        let waits = followed.waits.into_iter();
        report.waiting.extend(waits.map(|(what, why, retried)| Waiting { neighbour: None, what, why, retried, unreachable: false }));
    }
    if halves.sends() && !halves.receives() {
        for neighbour in session.ledger.neighbours()? {
            for place in places.iter_mut().filter(|place| place.is_there()) {
                place.attempt(&mut report, Some(&neighbour), |place, _| outbox::stop_where_restored(session, place, neighbour.site))?;
            }
        }
    }
    if halves.sends() {
        send(session, &mut places, &collected, &mut report, progress)?;
        retire::tell(session, &mut places, &unheard, &mut report)?;
    }
    if halves.sends() {
        places::note_refused(session, &report)?;
    }
    places::sum_up(&places, &mut report);
    report.forgotten = super::forget::forget(session)?;
    for neighbour in session.ledger.neighbours()? {
        if let Some(problem) = stops::problem(session, &neighbour)? {
            report.waiting.push(Waiting {
                neighbour: Some(neighbour.card.name.clone()),
                what: "everything".into(),
                why: problem,
                retried: false,
                unreachable: false,
            });
        }
    }
    let problems = super::roster::problems(session)?.into_iter();
    report.waiting.extend(problems.map(|why| Waiting {
        neighbour: None,
        what: "the list of sites".into(),
        why,
        retried: false,
        unreachable: false,
    }));
    report.notes.extend(super::tracking::news::came_empty(session)?);
    report.notes.extend(super::tracking::news::lines(session)?);
    report.notes.extend(super::schema::view::late(session)?);
    report.waiting.extend(super::schema::hints::waiting(session)?);
    report.waiting.extend(super::schema::home::waiting(session)?);
    report.waiting.extend(super::tracking::matching::unnamed_keys(session)?);
    report.waiting.extend(super::noticed::nameless(session)?);
    report.waiting.extend(super::left_behind::waiting(session)?);
    report.waiting.extend(super::recover::untold(session)?);
    report.waiting.extend(super::tracking::news::tell_what_wants_a_person(session)?);
    report.notes.extend(super::tracking::parked::lines(session)?);
    let settings = &session.settings;
    let moved = super::numbers::renumber::renumbered(session, began)?;
    report.notes.extend(moved.iter().map(|moved| moved.words(settings.parent.as_ref(), &settings.host)));
    super::tracking::news::said(session)?;
    if session.has_database()
        && let Err(error) = session.note_in_file()
        && error.is_crash()
    {
        // Where there is no room for it, the next round notes it.
        return Err(error);
    }
    Ok(report)
}

fn send(
    session: &mut Session,
    places: &mut [Place<'_>],
    collected: &[(crate::model::SiteName, Collected)],
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    let retired = retire::here(session)?.is_some();
    for neighbour in session.ledger.neighbours()? {
        if !stops::may_tell(&neighbour) || (retired && neighbour.kind == NeighbourKind::Parent) {
            continue;
        }
        let nothing = Collected::default();
        let got = collected.iter().find(|(name, _)| *name == neighbour.card.name).map_or(&nothing, |(_, got)| got);
        // Before the first load there is nothing to say but the request.
        if neighbour.problem.is_some() {
            stops::tell(session, &neighbour)?;
        } else if session.has_database() && half_applied(session, &neighbour)? {
            report.waiting.push(Waiting {
                neighbour: Some(neighbour.card.name.clone()),
                what: "what changed here".into(),
                why: format!("packet {} is applied in part: it is told once all of it is", neighbour.received.next()),
                retried: true,
                unreachable: false,
            });
        } else if session.has_database() && schema::hints::holds_up(session, &neighbour)? {
            report.waiting.push(Waiting {
                neighbour: Some(neighbour.card.name.clone()),
                what: "everything".into(),
                why: "it is sent once 'fieldpost schema hint' has told what was only called otherwise".into(),
                retried: false,
                unreachable: false,
            });
        } else if session.has_database() {
            progress(&format!("making packets for '{}'", neighbour.card.name));
            let asks = new_asks(session, &neighbour, &got.missing)?;
            let neighbour = heartbeat(session, neighbour.clone())?;
            let built = build::build(session, &neighbour, &asks)?;
            let contents = built.packets.iter().any(|packet| packet.contents);
            report.notes.extend(documents::tell::rest(session, &neighbour, contents)?);
            report.built.extend(built.packets);
            report.kept.extend(built.kept);
        }
        outbox::tidy(session, &neighbour)?;
        let rows = session.ledger.outbox(neighbour.site)?;
        let mut done = BTreeSet::new();
        for place in places.iter_mut().filter(|place| place.is_there()) {
            progress(&format!("putting packets for '{}' on the exchange", neighbour.card.name));
            place.attempt(report, Some(&neighbour), |place, _| {
                outbox::deposit_due(session, place, &rows, &neighbour, &got.asked, &mut done)?;
                outbox::take_back(session, place, &neighbour)
            })?;
        }
        // That a stream stopped is told in words, in every round.
        if neighbour.problem.is_none() {
            report.deposited.extend(done.into_iter().map(|number| (neighbour.card.name.clone(), number)));
        }
    }
    Ok(())
}

/// Whether a run died in the middle of a neighbour's packet. What we hold now answers edits that we cannot acknowledge
/// yet: the neighbour would take its own for pending, ignore the answer, and never hear it again.
fn half_applied(session: &Session, neighbour: &Neighbour) -> Result<bool> {
    Ok(session.database()?.applied(&neighbour.card.name)?.is_some_and(|applied| applied.slice > 0))
}

/// A neighbour that was told nothing for long gets a packet even if there is nothing to tell, so that its alarm does not go off. Such a
/// packet creates no duty to answer.
fn heartbeat(session: &Session, to: Neighbour) -> Result<Neighbour> {
    let last = session.ledger.packet(to.site, Direction::Out, to.sent)?.map(|packet| packet.time);
    let silent = last.is_none_or(|last| last.is_past(session.settings.heartbeat, session.world.now()));
    if to.sent == PacketNumber(0) || to.owes || !silent {
        return Ok(to);
    }
    session.ledger.begin()?;
    session.ledger.set_owes(to.site)?;
    session.ledger.commit(&session.world, "commit heartbeat")?;
    Ok(session.ledger.neighbour(to.site)?)
}

/// What of the missing packets was not asked for lately: asking makes a packet, and waiting must not make one every round.
fn new_asks(session: &Session, of: &Neighbour, missing: &[PacketNumber]) -> Result<Vec<PacketNumber>> {
    let note = asked_note(of);
    let (since, before) = asked(session, of)?;
    let now = session.world.now();
    let again = Millis(since).is_past(session.limits.redeposit_millis, now);
    let asks: Vec<PacketNumber> = missing.iter().copied().filter(|number| again || !before.contains(&number.0)).collect();
    if !asks.is_empty() {
        let list: Vec<String> = missing.iter().map(PacketNumber::to_string).collect();
        session.ledger.begin()?;
        session.ledger.set_note(&note, &format!("{} {}", now.0, list.join(" ")))?;
        session.ledger.commit(&session.world, "commit asking")?;
    }
    Ok(asks)
}

fn asked_note(of: &Neighbour) -> String {
    format!("asked:{}", of.card.name)
}

/// When a neighbour was last asked for packets, and for which.
fn asked(session: &Session, of: &Neighbour) -> Result<(i64, BTreeSet<u64>)> {
    let asked = session.ledger.note(&asked_note(of))?.unwrap_or_default();
    let mut words = asked.split(' ');
    let since = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    Ok((since, words.filter_map(|word| word.parse().ok()).collect()))
}

/// Packets of a neighbour that it was asked for and that have not come.
///
/// # Errors
/// As the ledger says.
pub fn missing(session: &Session, of: &Neighbour) -> Result<Vec<u64>> {
    Ok(asked(session, of)?.1.into_iter().filter(|number| *number > of.received.0).collect())
}

/// Note of the schema under which held changes were tried last.
const TRIED_UNDER: &str = "held tried under";

/// After a seal held changes go through the ordinary decision again. What one was refused for may be gone with the schema of then.
fn retry_held(session: &Session, which: Try) -> Result<()> {
    let mut any = false;
    session.ledger.exceptional(&mut |record| {
        any |= !record.extra.held.is_empty();
        Ok(())
    })?;
    if !any {
        return Ok(());
    }
    let schema = session.database()?.schema_version()?.to_string();
    let is_other = session.ledger.note(TRIED_UNDER)?.as_ref() != Some(&schema);
    let which = if is_other { Try::All } else { which };
    apply::slice(session, CauseKind::Retry, |applying| applying.retry_held(which))?;
    if is_other { session.set_note(TRIED_UNDER, &schema) } else { Ok(()) }
}

/// Asks for everything again: towards children the next change set states every record; the parent is asked to do the same.
///
/// # Errors
/// As the ledger says.
pub fn full(session: &Session) -> Result<()> {
    session.ledger.begin()?;
    for neighbour in session.ledger.neighbours()? {
        match neighbour.kind {
            NeighbourKind::Child => session.ledger.set_fresh(neighbour.site)?,
            NeighbourKind::Parent => session.ledger.set_note(build::WANT_FULL, "yes")?,
        }
    }
    session.ledger.commit(&session.world, "commit full")?;
    Ok(())
}
