//! Where do we stand with one neighbour?

use serde::Serialize;

use super::super::page::{Moment, duration};
use crate::ledger::{Direction, Neighbour};
use crate::model::{Millis, SiteName};
use crate::site::Role;
use crate::sync::streams::{clocks, stops};
use crate::sync::{Session, SyncError, forget, round, standing};

/// Where we stand with one neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeighbourStatus {
    /// The neighbour.
    pub name: SiteName,
    /// Its place.
    pub role: Role,
    /// Number of the last packet made for it.
    pub sent: u64,
    /// Of those, packets that are not on the exchange yet.
    pub not_deposited: u64,
    /// Number of the last packet it says it has applied.
    pub acknowledged: u64,
    /// Packets for it that bring something and that it has not confirmed yet.
    pub unconfirmed: u64,
    /// Number of its last packet applied here.
    pub received: u64,
    /// Packets of it that it was asked for, because later ones have come; those wait.
    pub missing: Vec<u64>,
    /// Records that the next packets tell it.
    pub waiting: u64,
    /// When the last packet was made for it.
    pub last_sent: Option<Moment>,
    /// When its last packet was applied.
    pub last_received: Option<Moment>,
    /// How many milliseconds ago that was.
    pub silence: Option<i64>,
    /// Whether that is longer than `alarm_after` allows.
    pub alarm: bool,
    /// Changes that are kept for it alone: old ones that it has not said to need no more.
    pub kept: u64,
    /// Which fieldpost made its last packet.
    pub version: Option<String>,
    /// By how many milliseconds its clock is ahead of ours at least; negative where it is behind, 0 where it may be right.
    pub clock_ahead: i64,
    /// What keeps the two apart and wants a person.
    pub problem: Option<String>,
}

impl NeighbourStatus {
    /// Looks. `waiting`: the records that the next packets tell it.
    pub(super) fn of(session: &Session, neighbour: &Neighbour, waiting: u64) -> Result<Self, SyncError> {
        let ledger = &session.ledger;
        let packets = ledger.all_packets(neighbour.site)?;
        let last = |direction: Direction| {
            let times = packets.iter().filter(|row| row.direction == direction).map(|row| match direction {
                Direction::Out => row.deposited,
                Direction::In => Some(row.time),
            });
            times.flatten().max().map(|time: Millis| Moment(time))
        };
        let received = last(Direction::In);
        let on_exchange = packets.iter().filter(|row| row.direction == Direction::Out && row.deposited.is_none()).count();
        let silence = received.map(|received| (session.world.now().0 - received.0.0).max(0));
        Ok(Self {
            name: neighbour.card.name.clone(),
            role: Role::WORDS.iter().find(|(word, _)| *word == neighbour.card.role).map_or(Role::Remote, |(_, role)| *role),
            sent: neighbour.sent.0,
            not_deposited: on_exchange as u64,
            acknowledged: neighbour.acknowledged.0,
            unconfirmed: standing::unconfirmed(session, neighbour)?,
            received: neighbour.received.0,
            missing: round::missing(session, neighbour)?,
            waiting,
            last_sent: last(Direction::Out),
            last_received: received,
            silence,
            alarm: silence.is_some_and(|silence| silence > session.settings.alarm_after),
            kept: forget::kept_for(session, neighbour)?,
            version: standing::program(session, neighbour)?,
            clock_ahead: clocks::skew(session, neighbour)?.map_or(0, clocks::Skew::certain),
            problem: stops::problem(session, neighbour)?,
        })
    }

    /// How far its clock is from ours, at least.
    pub(super) fn clock(&self) -> String {
        match self.clock_ahead {
            off if off.abs() < 1_000 => "right".to_owned(),
            off if off > 0 => format!("{} ahead", duration(off)),
            off => format!("{} behind", duration(-off)),
        }
    }
}
