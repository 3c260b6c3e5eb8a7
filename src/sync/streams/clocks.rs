//! How far is a neighbour's clock ahead of ours? Packets tell, without asking anybody.
//!
//! A packet says when it was made by its sender's clock. It was made before it arrived here, and after the packet of ours which it
//! acknowledges: so the sender's clock is ahead by at least `sent - arrived` and at most `sent - made` of that packet of ours.
//! Every packet narrows the two bounds (Marzullo's intersection, as in NTP). Where a new packet contradicts what was
//! known, somebody set a clock, and only the new packet counts. All in UTC milliseconds: time zones and summer time play no role.

use serde::{Deserialize, Serialize};

use crate::ledger::{Direction, Neighbour};
use crate::model::Millis;
use crate::packet::Envelope;
use crate::sync::{Result, Session};

/// How far a neighbour's clock is ahead of ours, in milliseconds; negative where it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// At least this.
    pub at_least: i64,
    /// At most this; none before it answered a packet of ours.
    pub at_most: Option<i64>,
}

impl Skew {
    /// What one packet tells. `answered`: when we made the packet that it acknowledges.
    const fn told(sent: Millis, arrived: Millis, answered: Option<Millis>) -> Self {
        let at_most = match answered {
            Some(made) => Some(sent.0 - made.0),
            None => None,
        };
        Self { at_least: sent.0 - arrived.0, at_most }
    }

    /// What both tell; the later one where they contradict each other.
    fn narrowed(self, later: Self) -> Self {
        let at_least = self.at_least.max(later.at_least);
        let at_most = match (self.at_most, later.at_most) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if at_most.is_some_and(|most| most < at_least) { later } else { Self { at_least, at_most } }
    }

    /// How wrong the clock is for certain: 0 where it may be right.
    #[must_use]
    pub const fn certain(self) -> i64 {
        match self.at_most {
            _ if self.at_least > 0 => self.at_least,
            Some(most) if most < 0 => most,
            Some(_) | None => 0,
        }
    }
}

/// Takes in what a packet that is applied now tells of its sender's clock, inside the open transaction.
pub(in crate::sync) fn heard(session: &Session, from: &Neighbour, envelope: &Envelope, now: Millis) -> Result<()> {
    let answered = match &envelope.acknowledges {
        Some(acknowledged) => session.ledger.packet(from.site, Direction::Out, acknowledged.number)?.map(|row| row.time),
        None => None,
    };
    let told = Skew::told(envelope.sent, now, answered);
    let skew = skew(session, from)?.map_or(told, |known| known.narrowed(told));
    let text = serde_json::to_string(&skew).map_err(|_| crate::sync::SyncError::Bug("a clock does not write"))?;
    Ok(session.ledger.set_note(&note(from), &text)?)
}

/// What is known of a neighbour's clock.
///
/// # Errors
/// As the ledger says.
pub fn skew(session: &Session, of: &Neighbour) -> Result<Option<Skew>> {
    Ok(session.ledger.note(&note(of))?.and_then(|text| serde_json::from_str(&text).ok()))
}

fn note(of: &Neighbour) -> String {
    format!("clock:{}", of.card.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_narrow_what_is_known_until_one_contradicts() {
        // Ahead by 100; packets travel for 30 and 5.
        let first = Skew::told(Millis(1_100), Millis(1_030), Some(Millis(900)));
        assert_eq!(first, Skew { at_least: 70, at_most: Some(200) });
        let second = first.narrowed(Skew::told(Millis(2_100), Millis(2_005), Some(Millis(1_950))));
        assert_eq!(second, Skew { at_least: 95, at_most: Some(150) });
        assert_eq!(second.certain(), 95);
        let set_back = Skew::told(Millis(3_000), Millis(3_010), Some(Millis(2_990)));
        assert_eq!(second.narrowed(set_back), set_back);
        assert_eq!(set_back.certain(), 0);
        assert_eq!(Skew { at_least: -500, at_most: Some(-60) }.certain(), -60);
    }
}
