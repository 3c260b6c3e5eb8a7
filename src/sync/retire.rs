//! A site that is retired: the laptop was stolen, the colleague has left, the home was deleted. What becomes of what it sent, and who waits no more?
//!
//! Its parent says so, once, for good: the site and all below it are cut off. What it made and what was taken of it stays; its name stays
//! taken, because records, conflicts and the history name it.
//!
//! **States** of a child: neighbour → *given up* (what waited of it was tried once more, and else is listed with its values) → **retired**: in ONE
//! commit of the ledger it is no neighbour any more, the roster says so of it and of all below it, what was on its way to it is forgotten, and one
//! packet is made: the last word → *swept*, on every exchange: what it left lying is set aside, ours is taken back, the word lies there.
//! **Crash points**: given up and not retired, it is a neighbour as before, and what was given up is listed; retired and not swept, every round
//! goes on sweeping from what it finds. Made and not committed, the word is a file that no number knows, thrown away as ever.
//!
//! **Invariants.** Nothing that it sent goes without a word: whoever retires it looks at every exchange first ([`look`]), takes what can be taken, and
//! is told how much is left; what comes later is set aside with the reason beside it, never deleted, and said. And nothing is forgotten
//! that another site needs: who is no neighbour is asked for nothing ([`super::forget`]), and each of the others goes on being asked as before.
//!
//! **The last word** ([`PacketKind::Retired`]) is signed by the parent as every packet is, and no part of what is applied in order: packets before it
//! may be gone. It is put on each exchange once, and again when something of the site comes, for then it has not heard. A site that heard
//! makes no more packets for its parent and says so in every round; an office says it to those below it with its roster.

use std::collections::BTreeSet;

use super::apply;
use super::deciding::held::Try;
use super::documents::place::coming;
use super::mend::HeldPlace;
use super::report::{Report, Waiting};
use super::roster;
use super::streams::places::{self, Place};
use super::streams::{inbox, outbox, stops};
use super::{Result, Session, SyncError};
use crate::exchange::Exchange;
use crate::ledger::{CauseKind, Direction, Neighbour, NeighbourKind, PacketRow, Parked, SentState};
use crate::model::{Millis, PacketNumber, SiteName, SiteNo};
use crate::packet::{Draft, Envelope, PacketKind};
use crate::site::{Retired, RosterError};

/// Note: that this site is retired, and by whom.
pub(super) const HEARD: &str = "retired";
/// Note: that people were told that something of a retired site was set aside.
const SAID: &str = "said of retired:";

/// What a site leaves behind that is to be retired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The site.
    pub site: SiteName,
    /// Sites below it, which go with it.
    pub below: Vec<SiteName>,
    /// The last of its packets that was taken; none where none was.
    pub received: PacketNumber,
    /// When, as far as that is remembered.
    pub received_at: Option<Millis>,
    /// Packets of it that lie on the exchanges and cannot be taken.
    pub lying: u64,
    /// Changes of it that wait here.
    pub held: u64,
    /// Packets for it that it never confirmed.
    pub unconfirmed: u64,
    /// Changes in them.
    pub unconfirmed_changes: u64,
    /// Records that it was not told of yet.
    pub untold: u64,
    /// Documents that are not here whole: what only it has of them never comes.
    pub documents_coming: u64,
}

/// What was done with what a site left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Changes that waited, and are listed now.
    pub given_up: u64,
    /// Packets that were set aside.
    pub set_aside: u64,
}

/// Takes back the invitation of a name that never joined. Says whether there was one.
///
/// # Errors
/// As the ledger says.
pub fn withdraw(session: &Session, name: &SiteName) -> Result<bool> {
    session.ledger.begin()?;
    let withdrawn = session.ledger.withdraw(name)?;
    session.ledger.commit(&session.world, "commit withdrawal")?;
    Ok(withdrawn)
}

/// The child of that name, where this site is the one to retire it.
///
/// # Errors
/// [`SyncError::Retired`] where it is already, [`SyncError::RetiredElsewhere`], [`SyncError::Roster`] for the host or a name that nobody has.
pub fn child(session: &Session, name: &SiteName) -> Result<Neighbour> {
    let all = roster::known(session)?;
    let site = all.find(name).ok_or_else(|| RosterError::Unknown(name.clone()))?;
    if let Some(retired) = &site.retired {
        return Err(SyncError::Retired { site: name.clone(), retired: retired.clone(), here: session.name().clone() });
    }
    let parent = site.parent.as_ref().ok_or_else(|| RosterError::Host(name.clone()))?;
    let children = session.ledger.neighbours()?.into_iter().filter(|one| one.kind == NeighbourKind::Child);
    let child = children.into_iter().find(|one| one.card.name == *name && parent == session.name());
    child.ok_or_else(|| SyncError::RetiredElsewhere { site: name.clone(), parent: parent.clone() })
}

/// What a site leaves behind that is to be retired now. To be asked after a round that took what could be taken.
///
/// # Errors
/// As [`child`]; [`SyncError::Uncollected`] where an exchange cannot be looked at.
pub fn look(session: &Session, exchanges: &mut [&mut dyn Exchange], name: &SiteName) -> Result<Farewell> {
    let child = child(session, name)?;
    let mut lying = 0;
    for place in &mut reach(session, exchanges, name)? {
        lying += inbox::untaken(session, place, &child)?;
    }
    let ledger = &session.ledger;
    // What only acknowledges is never confirmed.
    let outbox: Vec<PacketRow> = ledger.outbox(child.site)?.into_iter().filter(|row| row.wants_answer).collect();
    let untold = if session.has_database() { ledger.candidates(child.site, child.cursor, child.fresh)?.len() } else { 0 };
    let known = roster::known(session)?;
    let below = known.below(name).into_iter().filter(|site| site.retired.is_none());
    Ok(Farewell {
        below: below.map(|site| site.name.clone()).collect(),
        received: child.received,
        received_at: ledger.packet(child.site, Direction::In, child.received)?.map(|row| row.time),
        lying,
        held: (held(session, child.site)?.len() + parked(session, child.site)?.len()) as u64,
        unconfirmed: outbox.len() as u64,
        unconfirmed_changes: outbox.iter().map(|row| row.changes).sum(),
        untold: untold as u64,
        documents_coming: if session.has_database() { coming(session)?.len() as u64 } else { 0 },
        site: child.card.name,
    })
}

fn reach<'a>(session: &Session, exchanges: &'a mut [&mut dyn Exchange], site: &SiteName) -> Result<Vec<Place<'a>>> {
    let mut report = Report::default();
    let places = places::reach_all(session, exchanges, &mut report)?;
    match report.waiting.into_iter().next() {
        Some(away) => Err(SyncError::Uncollected { site: site.clone(), why: away.why }),
        None => Ok(places),
    }
}

/// Retires a child. What it left lying is set aside at once; the next sending half of a round takes back what lies for it, puts the word there, and
/// tells all others.
///
/// # Errors
/// As [`look`]; then it is a neighbour as before.
pub fn retire(session: &Session, exchanges: &mut [&mut dyn Exchange], name: &SiteName) -> Result<Done> {
    let child = child(session, name)?;
    let mut places = reach(session, exchanges, name)?;
    let mut done = Done { given_up: give_up(session, child.site)?, set_aside: 0 };
    write_down(session, &child)?;
    // An exchange that breaks off now is met again by the next round.
    let mut later = Report::default();
    for place in &mut places {
        let (_, aside) = place.attempt(&mut later, Some(&child), |place, _| inbox::refuse(session, place, &child))?.unwrap_or_default();
        done.set_aside += aside;
    }
    Ok(done)
}

/// Records of which a change of a site is held.
fn held(session: &Session, site: SiteNo) -> Result<Vec<HeldPlace>> {
    let mut held = Vec::new();
    session.ledger.exceptional(&mut |record| {
        let number = record.id.filter(|_| record.extra.held.contains_key(&site));
        held.extend(number.map(|number| HeldPlace { number, site }));
        Ok(())
    })?;
    Ok(held)
}

/// Changes of a site that wait for a table or column.
fn parked(session: &Session, site: SiteNo) -> Result<Vec<Parked>> {
    let mut all = Vec::new();
    for table in session.ledger.parked_tables()? {
        all.extend(session.ledger.parked_in(table)?.into_iter().filter(|parked| parked.site == site));
    }
    Ok(all)
}

/// Tries what waits of a child once more, and lists what goes on waiting. Gives how much that is.
fn give_up(session: &Session, child: SiteNo) -> Result<u64> {
    if held(session, child)?.is_empty() && parked(session, child)?.is_empty() {
        return Ok(0);
    }
    let reason = format!("'{}' was retired while it waited", session.ledger.site_name(child)?);
    let (given_up, _) = apply::slice(session, CauseKind::Retry, |applying| {
        applying.retry_held(Try::All)?;
        let (held, parked) = (held(session, child)?, parked(session, child)?);
        held.iter().try_for_each(|place| applying.give_up(*place, &reason))?;
        parked.iter().try_for_each(|parked| applying.give_up_parked(parked, &reason))?;
        applying.retry_held(Try::All)?;
        Ok((held.len() + parked.len()) as u64)
    })?;
    Ok(given_up)
}

/// The commit that retires a child.
fn write_down(session: &Session, child: &Neighbour) -> Result<()> {
    let (ledger, now) = (&session.ledger, session.world.now());
    let mut all = roster::known(session)?;
    all.retire(&child.card.name, &Retired { time: now, by: session.name().clone() })?;
    outbox::finish_renames(session, child)?;
    let draft = Draft {
        kind: PacketKind::Retired,
        from: session.name().clone(),
        to: child.card.name.clone(),
        stream: child.stream_out,
        number: child.sent.next(),
        previous: stops::packet_id(child.sent_id.as_ref())?,
        sent: now,
        requires: Vec::new(),
        acknowledges: None,
        settled: None,
        more: false,
        asks: Vec::new(),
        stopped: false,
        sender: None,
        parts: Vec::new(),
    };
    let word = outbox::seal_into_outbox(session, child, &draft)?;
    let id = word.id.to_string();
    ledger.begin()?;
    let done = (|| {
        ledger.retire(child.site, now)?;
        ledger.withdraw(&child.card.name)?;
        ledger.set_sent(
            child.site,
            &SentState {
                sent: draft.number,
                id: &id,
                cursor: child.cursor,
                told_outcomes: child.told_outcomes,
                told_documents: &child.told_documents,
                confirmed: child.confirmed,
                settled_here: child.settled_here,
            },
        )?;
        ledger.add_packet(&PacketRow {
            site: child.site,
            direction: Direction::Out,
            number: draft.number,
            id: id.clone(),
            name: word.name.to_string(),
            bytes: word.bytes,
            changes: 0,
            journal: child.cursor,
            time: now,
            deposited: None,
            acknowledged: None,
            wants_answer: false,
        })?;
        roster::keep(session, &all)?;
        Ok(ledger.commit(&session.world, "commit retirement")?)
    })();
    if done.as_ref().is_err_and(|error: &SyncError| !error.is_crash()) {
        ledger.rollback()?;
    }
    done
}

/// Sets aside what came of retired sites: people are told once as of something that wants them, and then as of what happened. Gives who sent anything.
pub(super) fn refuse(session: &Session, places: &mut [Place<'_>], report: &mut Report) -> Result<BTreeSet<SiteNo>> {
    let mut who = BTreeSet::new();
    for site in session.ledger.retired()? {
        let mut all = 0;
        for place in places.iter_mut().filter(|place| place.is_there()) {
            let (came, aside) = place.attempt(report, Some(&site), |place, _| inbox::refuse(session, place, &site))?.unwrap_or_default();
            all += aside;
            who.extend((came > 0).then_some(site.site));
        }
        if all == 0 {
            continue;
        }
        let (name, what) = (&site.card.name, if all == 1 { "1 packet".to_owned() } else { format!("{all} packets") });
        let note = format!("{SAID}{name}");
        if session.ledger.note(&note)?.is_some() {
            report.notes.push(format!("{what} of '{name}': {}", inbox::retired_words(&site)));
            continue;
        }
        session.set_note(&note, "yes")?;
        report.waiting.push(Waiting {
            neighbour: Some(name.clone()),
            what,
            why: inbox::retired_words(&site),
            retried: false,
            unreachable: false,
        });
    }
    Ok(who)
}

/// Takes back what lies for retired sites, and puts the last word there; again for those that sent anything in this round.
pub(super) fn tell(session: &Session, places: &mut [Place<'_>], again: &BTreeSet<SiteNo>, report: &mut Report) -> Result<()> {
    for site in session.ledger.retired()? {
        outbox::finish_renames(session, &site)?;
        outbox::tidy(session, &site)?;
        let word = session.ledger.outbox(site.site)?;
        let numbers = word.iter().map(|row| row.number).filter(|_| again.contains(&site.site));
        let (asked, mut done) = (numbers.collect(), BTreeSet::new());
        for place in places.iter_mut().filter(|place| place.is_there()) {
            place.attempt(report, Some(&site), |place, _| {
                outbox::take_back(session, place, &site)?;
                outbox::deposit_due(session, place, &word, &site, &asked, &mut done)
            })?;
        }
    }
    Ok(())
}

/// Hears the last word of the parent. Says whether it was one.
pub(super) fn hear(session: &Session, from: &Neighbour, envelope: &Envelope) -> Result<bool> {
    if envelope.kind != PacketKind::Retired || from.kind != NeighbourKind::Parent {
        return Ok(false);
    }
    let retired = Retired { time: envelope.sent, by: from.card.name.clone() };
    session.set_note(HEARD, &serde_json::to_string(&retired).map_err(|_| SyncError::Bug("a retirement does not write"))?)?;
    Ok(true)
}

/// Whether this site is retired, as far as it has heard.
///
/// # Errors
/// As the ledger says.
pub fn here(session: &Session) -> Result<Option<Retired>> {
    Ok(roster::known(session)?.find(session.name()).and_then(|site| site.retired.clone()))
}

/// What people at a retired site are told.
#[must_use]
pub fn words(retired: &Retired) -> String {
    format!(
        "this site was {retired}: nothing that is written here goes to the others any more, and nothing of theirs comes. 'fieldpost detach --force' takes \
         Fieldpost out of the database, which stays as it is; to work with the others again, have a new site invited under another name"
    )
}
