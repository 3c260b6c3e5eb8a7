//! Which exchanges are there in this round? A site may have several: the share in the office, a server on the road.
//!
//! **States of an address**: never reached → known by the id of its marker → out of reach, or there with another id (somebody
//! mounted something else there: nothing is taken from it and nothing put there until a person says so, [`accept`]).
//! Two addresses with one id are two ways to one exchange: the first that is reached is gone, the others are not asked.
//! Exchanges with different ids are all used: what is put is put on each, what comes is taken from each.
//!
//! So a packet may come twice, once over each. **Invariant**: that creates no duty to answer, or two sites with two exchanges would answer
//! each other for ever. Only a packet that comes again over the same exchange does: its sender has not had our answer. The ledger's
//! notes hold, per exchange and neighbour, the last number that was put there and the last that was taken. Where there is one
//! exchange, whatever was taken came from it and no note is needed.
//!
//! An exchange that fails in the middle is left alone for the rest of the round: every neighbour would wait for it anew.

use super::report::{Report, Waiting};
use super::{Result, Session, SyncError};
use crate::exchange::{Exchange, ExchangeError, ExchangeId, MarkerFault, Reached, reach};
use crate::ledger::Neighbour;
use crate::model::{PacketNumber, SiteName};

/// Note of the versions that knew one exchange only.
const ONLY: &str = "exchange";

/// An exchange that was reached in this round.
pub(super) struct Place<'a> {
    /// The exchange.
    pub exchange: &'a mut dyn Exchange,
    /// Proof that it was reached.
    pub reached: Reached,
    /// Whether it failed since.
    gone: bool,
    /// Whether the site has others.
    one_of_several: bool,
}

impl Place<'_> {
    /// Whether it is still to be asked.
    pub(super) const fn is_there(&self) -> bool {
        !self.gone
    }

    /// Runs a part that needs it; where it fails, says so in the report and goes on.
    pub(super) fn attempt<T>(
        &mut self,
        report: &mut Report,
        with: Option<&Neighbour>,
        work: impl FnOnce(&mut Self, &mut Report) -> Result<T>,
    ) -> Result<Option<T>> {
        match work(self, report) {
            Ok(done) => Ok(Some(done)),
            Err(SyncError::Exchange(error)) => {
                // With others there, what this one keeps from happening happens over them.
                let alone = !self.one_of_several;
                self.gone = matches!(error, ExchangeError::Unreachable { .. });
                report.waiting.push(failed(error, with, alone)?);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The last packet that was put here for a neighbour.
    pub(super) fn last_put(&self, session: &Session, to: &SiteName) -> Result<PacketNumber> {
        number(session, &put_note(self.reached.id, to))
    }

    /// Notes that a packet was put here. In the transaction of the caller.
    pub(super) fn set_put(&self, session: &Session, to: &SiteName, packet: PacketNumber) -> Result<()> {
        Ok(session.ledger.set_note(&put_note(self.reached.id, to), &packet.to_string())?)
    }

    /// Notes that a packet was taken from here; says whether it was here before.
    pub(super) fn is_repeat(&self, session: &Session, from: &SiteName, packet: PacketNumber) -> Result<bool> {
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

fn put_note(exchange: ExchangeId, to: &SiteName) -> String {
    format!("put:{exchange}:{to}")
}

fn number(session: &Session, note: &str) -> Result<PacketNumber> {
    Ok(PacketNumber(session.ledger.note(note)?.and_then(|number| number.parse().ok()).unwrap_or_default()))
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
        why: error.to_string(),
        retried: passing,
        unreachable: passing,
    })
}

/// Reaches the exchanges, in their order. What cannot be reached is in the report.
pub(super) fn reach_all<'a>(session: &Session, exchanges: &'a mut [&mut dyn Exchange], report: &mut Report) -> Result<Vec<Place<'a>>> {
    let one_of_several = exchanges.len() > 1;
    let mut places: Vec<Place<'a>> = Vec::new();
    let mut away = Vec::new();
    for exchange in exchanges {
        let note = format!("exchange:{}", exchange.place());
        let known = known(session, &exchange.place())?;
        let is_open = |id: &str| places.iter().any(|place| place.reached.id.to_string() == id);
        if known.as_deref().is_some_and(is_open) {
            continue;
        }
        let reached = match reach(&session.world, &mut **exchange) {
            Ok(reached) => reached,
            Err(error) => {
                away.push(failed(error, None, !one_of_several)?);
                continue;
            }
        };
        let id = reached.id.to_string();
        match known {
            Some(known) if known != id => {
                away.push(Waiting {
                    neighbour: None,
                    what: if one_of_several { "what goes over this exchange".into() } else { "everything".into() },
                    why: format!("`{}` is an exchange, but not the one this site used before", exchange.place()),
                    retried: false,
                    unreachable: false,
                });
                continue;
            }
            Some(_) => {}
            None => {
                session.ledger.begin()?;
                session.ledger.set_note(&note, &id)?;
                session.ledger.commit(&session.world, "commit exchange")?;
            }
        }
        if !is_open(&id) {
            places.push(Place { exchange: &mut **exchange, reached, gone: false, one_of_several });
        }
    }
    // One that is away while another way is open is worth a line, and nothing to be called for at night.
    if places.is_empty() {
        report.waiting.extend(away);
    } else {
        let (lines, wrong): (Vec<_>, Vec<_>) = away.into_iter().partition(|waiting| waiting.unreachable);
        report.notes.extend(lines.into_iter().map(|waiting| format!("{}; the others were used", waiting.why)));
        report.waiting.extend(wrong);
    }
    Ok(places)
}

/// The id of the exchange that this site used at a place.
///
/// # Errors
/// As the ledger says.
pub fn known(session: &Session, place: &str) -> Result<Option<String>> {
    let note = session.ledger.note(&format!("exchange:{place}"))?;
    let only = session.ledger.note(ONLY)?.filter(|_| session.settings.exchanges.addresses.len() == 1);
    Ok(note.or(only))
}

/// Takes what is at an address now for the exchange that belongs there, whatever was there before.
///
/// # Errors
/// As the ledger says.
pub fn accept(session: &Session, place: &str, id: ExchangeId) -> Result<()> {
    session.ledger.begin()?;
    session.ledger.set_note(&format!("exchange:{place}"), &id.to_string())?;
    session.ledger.commit(&session.world, "commit exchange")?;
    Ok(())
}
