//! Which exchanges are there in this round? A site may have several: the share in the office, a server on the road.
//!
//! **States of an address**: never reached → known by the id of its marker → out of reach, or there with another id. An exchange that
//! this site never used is somebody else's until a person says otherwise ([`accept`]): something else is mounted there, or the address
//! is wrong. Nothing is taken from it and nothing put there. Only a site that begins takes what it was told to use.
//! Two addresses with one id are two ways to one exchange: the first that is reached is gone, the others are not asked.
//! Exchanges with different ids are all used: what is put is put on each, what comes is taken from each.
//!
//! So a packet may come twice, once over each. **Invariant**: that creates no duty to answer, or two sites with two exchanges would answer
//! each other for ever. Only a packet that comes again over the same exchange does: its sender has not had our answer. The ledger's
//! notes hold, per exchange and neighbour, the last number that was put there and the last that was taken. Where there is one
//! exchange, whatever was taken came from it and no note is needed. A packet that is acknowledged is taken back from where it lies still, for its recipient may only ever look at another.
//!
//! An exchange that fails in the middle is left alone for the rest of the round: every neighbour would wait for it anew.

use std::collections::BTreeSet;

use crate::exchange::{Exchange, ExchangeError, ExchangeId, Folder, MarkerFault, Reached, reach};
use crate::ledger::Neighbour;
use crate::model::{PacketNumber, SiteName};
use crate::sync::report::{Report, Waiting};
use crate::sync::{Result, Session, SyncError};

/// Note with the ids of all exchanges that this site ever used.
const USED: &str = "exchange";

/// An exchange that was reached in this round.
pub(in crate::sync) struct Place<'a> {
    /// The exchange.
    pub exchange: &'a mut dyn Exchange,
    /// Proof that it was reached.
    pub reached: Reached,
    /// Whether it failed since.
    gone: bool,
    /// Whether the site has others.
    one_of_several: bool,
    /// Why something that was taken from here lies here still.
    stuck: Option<String>,
    /// What was taken away from here.
    removed: Vec<(Folder, String)>,
}

impl Place<'_> {
    /// Whether it is still to be asked.
    pub(in crate::sync) const fn is_there(&self) -> bool {
        !self.gone
    }

    /// Runs a part that needs it; where it fails, says so in the report and goes on.
    pub(in crate::sync) fn attempt<T>(
        &mut self,
        report: &mut Report,
        with: Option<&Neighbour>,
        work: impl FnOnce(&mut Self, &mut Report) -> Result<T>,
    ) -> Result<Option<T>> {
        let worked = work(self, report);
        report.removed.append(&mut self.removed);
        if let Some(error) = self.stuck.take() {
            report.waiting.push(Waiting {
                neighbour: with.map(|neighbour| neighbour.card.name.clone()),
                what: "packets that were taken".into(),
                why: format!("they lie on the exchange for ever, for this site may not delete there: {error}; whoever looks after the share gives it that right"),
                retried: false,
                unreachable: false,
            });
        }
        match worked {
            Ok(done) => Ok(Some(done)),
            Err(SyncError::Exchange(error)) => {
                note_refusal(report, &error);
                // With others there, what this one keeps from happening happens over them.
                let alone = !self.one_of_several;
                self.gone = matches!(error, ExchangeError::Unreachable { .. });
                report.waiting.push(failed(error, with, alone)?);
                report.troubled = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The last packet that was put here for a neighbour.
    pub(in crate::sync) fn last_put(&self, session: &Session, to: &SiteName) -> Result<PacketNumber> {
        number(session, &put_note(self.reached.id, to))
    }

    /// Notes that a packet was put here. In the transaction of the caller.
    pub(in crate::sync) fn set_put(&self, session: &Session, to: &SiteName, packet: PacketNumber) -> Result<()> {
        Ok(session.ledger.set_note(&put_note(self.reached.id, to), &packet.to_string())?)
    }

    /// Whether something of ours up to a packet may lie here that a neighbour needs no more since the last time: what is acknowledged it
    /// took from the only exchange itself.
    pub(in crate::sync) fn is_to_be_swept(&self, session: &Session, to: &Neighbour, until: PacketNumber) -> Result<bool> {
        Ok((self.one_of_several || to.retired.is_some()) && number(session, &self.swept_note(&to.card.name))? < until)
    }

    /// Notes that nothing up to a packet lies here any more.
    pub(in crate::sync) fn set_swept(&self, session: &Session, to: &SiteName, until: PacketNumber) -> Result<()> {
        session.ledger.begin()?;
        session.ledger.set_note(&self.swept_note(to), &until.to_string())?;
        session.ledger.commit(&session.world, "commit swept")?;
        Ok(())
    }

    fn swept_note(&self, to: &SiteName) -> String {
        format!("swept:{}:{to}", self.reached.id)
    }

    /// Notes that a packet that was taken cannot be deleted here, and has the report say so.
    pub(in crate::sync) fn lies_still(
        &mut self,
        session: &Session,
        folder: &Folder,
        packet: PacketNumber,
        error: &ExchangeError,
    ) -> Result<()> {
        self.stuck.get_or_insert_with(|| error.to_string());
        let note = self.lying_note(folder);
        if packet > number(session, &note)? { session.set_note(&note, &packet.to_string()) } else { Ok(()) }
    }

    /// The last packet that was taken and could not be deleted here: that one up to it is here says nothing new.
    pub(in crate::sync) fn lying(&self, session: &Session, folder: &Folder) -> Result<PacketNumber> {
        number(session, &self.lying_note(folder))
    }

    /// Notes that a packet was deleted here, and that packets can be: what comes again was put here again.
    pub(in crate::sync) fn lies_no_more(&mut self, session: &Session, folder: &Folder, packet: String) -> Result<()> {
        self.removed.push((folder.clone(), packet));
        let note = self.lying_note(folder);
        if number(session, &note)? > PacketNumber(0) { session.set_note(&note, &PacketNumber(0).to_string()) } else { Ok(()) }
    }

    fn lying_note(&self, folder: &Folder) -> String {
        lying_note(self.reached.id, folder.as_str())
    }

    /// Notes that a packet was taken from here; says whether it was here before.
    pub(in crate::sync) fn is_repeat(&self, session: &Session, from: &SiteName, packet: PacketNumber) -> Result<bool> {
        if !self.one_of_several {
            return Ok(true);
        }
        let note = format!("taken:{}:{from}", self.reached.id);
        if packet <= number(session, &note)? {
            return Ok(true);
        }
        session.ledger.begin()?;
        session.ledger.set_note(&note, &packet.to_string())?;
        session.ledger.commit(&session.world, "commit taken")?;
        Ok(false)
    }
}

fn lying_note(exchange: ExchangeId, folder: &str) -> String {
    format!("lies:{exchange}:{folder}")
}

/// The folders of an exchange in which this site could not delete what it had taken, when it last tried.
///
/// # Errors
/// As the ledger says.
pub fn undeletable(session: &Session, exchange: ExchangeId) -> Result<Vec<String>> {
    let notes = session.ledger.notes(&lying_note(exchange, ""))?;
    Ok(notes.into_iter().filter(|(_, number)| number != "0").map(|(folder, _)| folder).collect())
}

fn put_note(exchange: ExchangeId, to: &SiteName) -> String {
    format!("put:{exchange}:{to}")
}

fn number(session: &Session, note: &str) -> Result<PacketNumber> {
    Ok(PacketNumber(session.ledger.note(note)?.and_then(|number| number.parse().ok()).unwrap_or_default()))
}

/// Has the report say what an exchange does not do until a person has mended it there, and how: once, whatever file it was about.
fn note_refusal(report: &mut Report, error: &ExchangeError) {
    match error {
        ExchangeError::ReadOnly { .. } | ExchangeError::Full { .. } | ExchangeError::Refused { .. } => {
            let text = error.to_string();
            let what = text.split_once(": ").map_or(text.as_str(), |(what, _)| what);
            if report.refused.iter().all(|known| !known.starts_with(what)) {
                report.refused.push(format!("{text}{}", error.advice().map_or_else(String::new, |advice| format!("; {advice}"))));
            }
        }
        ExchangeError::Unreachable { .. }
        | ExchangeError::NotAnExchange { .. }
        | ExchangeError::Missing { .. }
        | ExchangeError::Exists { .. }
        | ExchangeError::SizeDiffers { .. }
        | ExchangeError::Io { .. }
        | ExchangeError::Local(_)
        | ExchangeError::Crash(_) => {}
    }
}

/// Note of what exchanges did not do when this site last sent.
const REFUSED: &str = "exchange refuses";

/// Notes what exchanges did not do, for those who only look: once more than nothing was tried there.
pub(in crate::sync) fn note_refused(session: &Session, report: &Report) -> Result<()> {
    let now = report.refused.iter().map(|line| line.replace('\n', " ")).collect::<Vec<_>>().join("\n");
    if session.ledger.note(REFUSED)?.unwrap_or_default() == now { Ok(()) } else { session.set_note(REFUSED, &now) }
}

/// What exchanges did not do when this site last sent, and what helps, a sentence each.
///
/// # Errors
/// As the ledger says.
pub fn refused(session: &Session) -> Result<Vec<String>> {
    Ok(session.ledger.note(REFUSED)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

fn failed(error: ExchangeError, with: Option<&Neighbour>, alone: bool) -> Result<Waiting> {
    if matches!(error, ExchangeError::Crash(_)) {
        return Err(error.into());
    }
    // An absent marker is mostly an unmounted share, and that passes. What the far side refuses wants a person; the next round tries all
    // the same, for somebody may have mended it there.
    let unmarked = matches!(error, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. });
    let passing = error.retry_helps() || unmarked || matches!(error, ExchangeError::Missing { .. } | ExchangeError::Exists { .. });
    Ok(Waiting {
        neighbour: with.map(|neighbour| neighbour.card.name.clone()),
        what: if alone { "everything".into() } else { "what goes over this exchange".into() },
        why: match error.advice() {
            _ if unmarked => {
                format!("{error} (is the share mounted?); where it is gone for good, 'fieldpost exchange check' says what to do")
            }
            Some(advice) => format!("{error}; {advice}"),
            None => error.to_string(),
        },
        retried: passing,
        unreachable: passing,
    })
}

/// Reaches the exchanges, in their order. What cannot be reached is in the report.
pub(in crate::sync) fn reach_all<'a>(
    session: &Session,
    exchanges: &'a mut [&mut dyn Exchange],
    report: &mut Report,
) -> Result<Vec<Place<'a>>> {
    let one_of_several = exchanges.len() > 1;
    let mut places: Vec<Place<'a>> = Vec::new();
    let mut away = Vec::new();
    // Whoever begins takes what it was told to use.
    let begins = used(session)?.is_empty();
    for exchange in exchanges {
        let place = exchange.place();
        let is_open = |id: &str| places.iter().any(|place| place.reached.id.to_string() == id);
        let before = at(session, &place)?;
        if before.as_deref().is_some_and(is_open) {
            continue;
        }
        let reached = match reach(&session.world, &mut **exchange) {
            Ok(reached) => reached,
            Err(error) => {
                note_refusal(report, &error);
                away.push(failed(error, None, !one_of_several)?);
                continue;
            }
        };
        match standing(session, &place, reached.id)? {
            Standing::Used => {}
            Standing::AnotherWay | Standing::First => accept(session, &place, reached.id)?,
            Standing::Unknown if begins => accept(session, &place, reached.id)?,
            Standing::Unknown | Standing::Exchanged => {
                away.push(Waiting {
                    neighbour: None,
                    what: if one_of_several { "what goes over this exchange".into() } else { "everything".into() },
                    why: format!(
                        "`{place}` is an exchange, but not the one this site used before; where it is meant, 'fieldpost exchange check --accept' takes it"
                    ),
                    retried: false,
                    unreachable: false,
                });
                continue;
            }
        }
        if !is_open(&reached.id.to_string()) {
            places.push(Place { exchange: &mut **exchange, reached, gone: false, one_of_several, stuck: None, removed: Vec::new() });
        }
    }
    report.troubled |= !away.is_empty();
    report.waiting.extend(away);
    Ok(places)
}

/// At the end of a round: an exchange that is away while another one works is worth a line, and nothing to be called for at night or to
/// wait for.
pub(in crate::sync) fn sum_up(places: &[Place<'_>], report: &mut Report) {
    if places.iter().all(|place| !place.is_there()) {
        return;
    }
    let (away, wrong) = std::mem::take(&mut report.waiting).into_iter().partition(|waiting| waiting.unreachable);
    report.waiting = wrong;
    let mut lines: Vec<String> = Vec::<Waiting>::into_iter(away).map(|waiting| format!("{}; the others were used", waiting.why)).collect();
    lines.dedup();
    report.notes.extend(lines);
}

/// What a site knows of the exchange that it finds at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the one that was there before.
    Used,
    /// It is one that the site uses, under another address.
    AnotherWay,
    /// Nothing, and this site used none so far.
    First,
    /// Nothing, and nothing was there before.
    Unknown,
    /// Nothing, and another one was there before.
    Exchanged,
}

/// Tells what a site knows of an exchange at an address.
///
/// # Errors
/// As the ledger says.
pub fn standing(session: &Session, place: &str, id: ExchangeId) -> Result<Standing> {
    let id = id.to_string();
    Ok(match at(session, place)? {
        Some(before) if before == id => Standing::Used,
        Some(_) => Standing::Exchanged,
        None => match used(session)? {
            used if used.is_empty() => Standing::First,
            used if used.contains(&id) => Standing::AnotherWay,
            _ => Standing::Unknown,
        },
    })
}

/// Whether an exchange was at an address when it was last reached.
///
/// # Errors
/// As the ledger says.
pub fn was_there(session: &Session, place: &str) -> Result<bool> {
    Ok(at(session, place)?.is_some())
}

/// Takes what is at an address now for an exchange of this site, whatever was there before.
///
/// # Errors
/// As the ledger says.
pub fn accept(session: &Session, place: &str, id: ExchangeId) -> Result<()> {
    let mut all = used(session)?;
    all.insert(id.to_string());
    session.ledger.begin()?;
    session.ledger.set_note(&format!("exchange:{place}"), &id.to_string())?;
    session.ledger.set_note(USED, &all.into_iter().collect::<Vec<_>>().join(" "))?;
    session.ledger.commit(&session.world, "commit exchange")?;
    Ok(())
}

/// The exchange that was at an address when it was last reached.
fn at(session: &Session, place: &str) -> Result<Option<String>> {
    Ok(session.ledger.note(&format!("exchange:{place}"))?)
}

/// All exchanges that this site ever used.
fn used(session: &Session) -> Result<BTreeSet<String>> {
    Ok(session.ledger.note(USED)?.unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}
