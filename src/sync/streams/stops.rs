//! A stream that stopped: who is told, and how does it go on?
//!
//! A site stops reading a neighbour whose packets do not follow what was applied ([`plan`](super::plan)), and then tells it nothing either:
//! whatever it would say would answer packets of one copy, and the other would take it for its own. But the people there must hear of it,
//! at every copy of that site, or they go on editing what nobody takes.
//!
//! **States** of a stopped stream: stopped (the neighbour has a problem) → told: one packet of the next number whose envelope says `stopped`.
//! It brings nothing, acknowledges what the last one did, and moves no cursor, so that whatever is untold stays untold. It lies on the
//! exchange until the stream goes on: who hears it leaves it there for the other copies, and it is put there again where one took it away. The
//! neighbour says so in every round, until a packet of a higher number does not say it → going on (a person ran `recover --neighbour`): in the next round packets that do not
//! follow are set aside, and what follows is applied as ever. Where nothing comes that follows, the packets that were taken are those of another copy:
//! a person is told until something does. **Crash points**: the word is built as every packet is, in one ledger commit.
//! **Invariant**: nothing is applied that does not follow, and no number is used that we may have used in another life: a site that was
//! restored itself ([`Stop::WeWereRestored`], [`Stop::UnknownOfOurs`]) tells nobody.

use super::outbox;
use super::plan::Stop;
use crate::ledger::{Direction, Neighbour, NeighbourKind, PacketRow, SentState};
use crate::model::{PacketNumber, SiteName};
use crate::packet::{Acknowledgement, Draft, Envelope, PacketId, PacketKind};
use crate::sync::mend::MendError;
use crate::sync::retire;
use crate::sync::{Result, Session, SyncError};

/// Note: the problem that the neighbour was told of last.
const TOLD: &str = "told stop:";
/// Note: the number of the packet in which the neighbour said that it stopped.
const HEARD: &str = "heard stop:";
/// Note: a person wants the stream to go on.
const GO_ON: &str = "go on:";
/// Note: the number of the packet that was set aside then, until one comes that follows.
const ASIDE: &str = "set aside:";

/// What a site says of a neighbour that stopped reading it.
pub const STOPPED_THERE: &str = "it takes nothing from this site any more, because this one was restored from a backup or exists twice: what is edited here \
     stays here. Whoever looks after it sees more there; the newest home of this site goes on, any other copy must not be used";

/// Builds the packet that tells a neighbour that we stopped reading it, once.
///
/// # Errors
/// As ledger and files say; then nothing was built.
pub(in crate::sync) fn tell(session: &Session, to: &Neighbour) -> Result<()> {
    let ledger = &session.ledger;
    let Some(problem) = &to.problem else { return Ok(()) };
    let Some(previous) = packet_id(to.sent_id.as_ref())? else { return Ok(()) };
    let told = noted(TOLD, &to.card.name);
    if !may_tell(to) || ledger.note(&told)?.as_ref() == Some(problem) {
        return Ok(());
    }
    outbox::finish_renames(session, to)?;
    let acknowledged = ledger.packet(to.site, Direction::In, to.confirmed)?;
    let acknowledged = packet_id(acknowledged.map(|row| row.id).as_ref())?;
    let number = to.sent.next();
    let draft = Draft {
        kind: PacketKind::Changes,
        from: session.name().clone(),
        to: to.card.name.clone(),
        stream: to.stream_out,
        number,
        previous: Some(previous),
        sent: session.world.now(),
        requires: Vec::new(),
        acknowledges: to.stream_in.zip(acknowledged).map(|(stream, id)| Acknowledgement { stream, number: to.confirmed, id }),
        settled: None,
        more: false,
        asks: Vec::new(),
        stopped: true,
        sender: None,
        parts: Vec::new(),
    };
    let sealed = outbox::seal_into_outbox(session, to, &draft)?;
    ledger.begin()?;
    ledger.set_sent(
        to.site,
        &SentState {
            sent: number,
            id: &sealed.id.to_string(),
            cursor: to.cursor,
            told_outcomes: to.told_outcomes,
            told_documents: &to.told_documents,
            confirmed: to.confirmed,
            settled_here: to.settled_here,
        },
    )?;
    if to.fresh {
        ledger.set_fresh(to.site)?;
    }
    if to.owes {
        ledger.set_owes(to.site)?;
    }
    ledger.add_packet(&PacketRow {
        site: to.site,
        direction: Direction::Out,
        number,
        id: sealed.id.to_string(),
        name: sealed.name.to_string(),
        bytes: sealed.bytes,
        changes: 0,
        journal: to.cursor,
        time: session.world.now(),
        deposited: None,
        acknowledged: None,
        // One copy may take it away from the other: it is put there again until it is acknowledged.
        wants_answer: true,
    })?;
    ledger.set_note(&told, problem)?;
    ledger.commit(&session.world, "commit word of a stop")?;
    outbox::finish_renames(session, to)
}

/// Whether a stopped neighbour may be sent anything: not where our own numbers are in doubt.
#[must_use]
pub(in crate::sync) fn may_tell(to: &Neighbour) -> bool {
    match to.problem.as_deref().and_then(Stop::of) {
        Some(Stop::WeWereRestored | Stop::UnknownOfOurs) => false,
        Some(Stop::Fork | Stop::OtherStream | Stop::NeighbourRestored) | None => true,
    }
}

/// Notes whether the sender of a verified packet of its stream has stopped reading us.
///
/// # Errors
/// As the ledger says.
pub(in crate::sync) fn hear(session: &Session, from: &Neighbour, envelope: &Envelope) -> Result<()> {
    // One that comes again says what was so then.
    if envelope.number <= from.received {
        return Ok(());
    }
    let note = noted(HEARD, &from.card.name);
    let before = session.ledger.note(&note)?.unwrap_or_default();
    let last: u64 = before.parse().unwrap_or_default();
    let now = match envelope.stopped {
        true if envelope.number.0 > last => envelope.number.to_string(),
        false if !before.is_empty() && envelope.number.0 > last => String::new(),
        true | false => return Ok(()),
    };
    session.ledger.begin()?;
    session.ledger.set_note(&note, &now)?;
    if now.is_empty() {
        // A person let it go on: with this home, which shows by the next packet.
        session.ledger.set_owes(from.site)?;
        if only_hears(from) {
            session.ledger.set_problem(from.site, None)?;
        }
    }
    Ok(session.ledger.commit(&session.world, "commit hearing of a stop")?)
}

/// Whether we stopped towards a neighbour for what lies there of another copy of this home: should this be the one that is to go on, it says so.
#[must_use]
pub(in crate::sync) fn only_hears(from: &Neighbour) -> bool {
    from.problem.as_deref().and_then(Stop::of) == Some(Stop::UnknownOfOurs)
}

/// Notes that a packet was set aside so that the stream of its sender goes on.
///
/// # Errors
/// As the ledger says.
pub(in crate::sync) fn wait_for_what_follows(session: &Session, from: &Neighbour, aside: PacketNumber) -> Result<()> {
    session.set_note(&noted(ASIDE, &from.card.name), &aside.to_string())
}

/// A packet came that follows.
///
/// # Errors
/// As the ledger says.
pub(in crate::sync) fn follows(session: &Session, from: &Neighbour) -> Result<()> {
    let note = noted(ASIDE, &from.card.name);
    if session.ledger.note(&note)?.is_some_and(|aside| !aside.is_empty()) { session.set_note(&note, "") } else { Ok(()) }
}

/// What is to be known of a neighbour whose packet was set aside and that has sent none since that follows.
fn aside(session: &Session, of: &Neighbour) -> Result<Option<String>> {
    let noted = session.ledger.note(&noted(ASIDE, &of.card.name))?.filter(|aside| !aside.is_empty());
    let anew = match of.kind {
        NeighbourKind::Child => "invite it anew",
        NeighbourKind::Parent => "this site has to be invited anew",
    };
    Ok(noted.map(|aside| {
        format!(
            "packet {aside} was set aside, and nothing has come since that follows what was taken. Where its newest home is back and nothing comes \
             of it, packets of another copy of that home were taken, and it cannot go on: {anew}, under another name; what did not arrive is in its \
             database"
        )
    }))
}

/// Whether this packet is the neighbour's last word, and says that it stopped.
///
/// # Errors
/// As the ledger says.
pub(in crate::sync) fn is_heard(session: &Session, from: &Neighbour, number: PacketNumber) -> Result<bool> {
    Ok(session.ledger.note(&noted(HEARD, &from.card.name))?.is_some_and(|heard| heard == number.0.to_string()))
}

/// Why nothing goes to and fro between us and a neighbour, where a person must look: it stopped here, or there, or this site is retired.
///
/// # Errors
/// As the ledger says.
pub fn problem(session: &Session, of: &Neighbour) -> Result<Option<String>> {
    if of.kind == NeighbourKind::Parent
        && let Some(retired) = retire::here(session)?
    {
        return Ok(Some(retire::words(&retired)));
    }
    let there = session.ledger.note(&noted(HEARD, &of.card.name))?.is_some_and(|number| !number.is_empty());
    let here = stopped_here(session, of)?.or(aside(session, of)?);
    Ok(here.or_else(|| there.then(|| STOPPED_THERE.to_owned())))
}

/// Why we stopped reading a neighbour, and what can be done here; none where we did not.
///
/// # Errors
/// As the ledger says.
pub fn stopped_here(session: &Session, of: &Neighbour) -> Result<Option<String>> {
    let Some(problem) = &of.problem else { return Ok(None) };
    let at_main_office = session.ledger.parent()?.is_none();
    Ok(Some(match Stop::of(problem) {
        Some(stop) => format!("{stop}. {}", stop.advice(of, at_main_office)),
        None => problem.clone(),
    }))
}

/// What stopped a stream here that can go on once the newest home of the other site is back; none where nothing did.
///
/// # Errors
/// [`MendError::NotFromHere`] where it is this home that is not the newest, or where another site took the name; else as the ledger says.
pub fn may_go_on(session: &Session, with: &Neighbour) -> Result<Option<String>> {
    let Some(problem) = stopped_here(session, with)? else { return Ok(None) };
    match with.problem.as_deref().and_then(Stop::of) {
        Some(Stop::Fork | Stop::NeighbourRestored) => Ok(Some(problem)),
        Some(Stop::OtherStream | Stop::WeWereRestored | Stop::UnknownOfOurs) | None => {
            Err(MendError::NotFromHere { neighbour: with.card.name.clone(), problem }.into())
        }
    }
}

/// Lets the stream of a neighbour go on, for a person who put its newest home back. Gives what had stopped it; none where nothing had.
///
/// # Errors
/// As [`may_go_on`]; else as the ledger says.
pub fn go_on(session: &Session, with: &Neighbour) -> Result<Option<String>> {
    let Some(problem) = may_go_on(session, with)? else { return Ok(None) };
    session.ledger.begin()?;
    session.ledger.set_problem(with.site, None)?;
    session.ledger.set_note(&noted(TOLD, &with.card.name), "")?;
    session.ledger.set_note(&noted(GO_ON, &with.card.name), "yes")?;
    session.ledger.set_owes(with.site)?;
    session.ledger.commit(&session.world, "commit going on")?;
    Ok(Some(problem))
}

/// Whether a person wants the stream of a neighbour to go on: what does not follow is set aside in this round.
pub(in crate::sync) fn is_going_on(session: &Session, with: &Neighbour) -> Result<bool> {
    Ok(session.ledger.note(&noted(GO_ON, &with.card.name))?.is_some_and(|yes| !yes.is_empty()))
}

/// After that round: what does not follow stops the stream as ever.
pub(in crate::sync) fn went_on(session: &Session, with: &Neighbour) -> Result<()> {
    if !is_going_on(session, with)? {
        return Ok(());
    }
    session.ledger.begin()?;
    session.ledger.set_note(&noted(GO_ON, &with.card.name), "")?;
    Ok(session.ledger.commit(&session.world, "commit having gone on")?)
}

fn noted(note: &str, neighbour: &SiteName) -> String {
    format!("{note}{neighbour}")
}

/// A packet's id as the ledger has it.
pub(in crate::sync) fn packet_id(stored: Option<&String>) -> Result<Option<PacketId>> {
    let parsed = stored.map(|id| PacketId::try_from(id.clone()));
    parsed.transpose().map_err(|_| SyncError::Bug("a stored packet id does not read"))
}
