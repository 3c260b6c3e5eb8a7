//! Does a held change go on by itself, or has it failed?

use crate::ledger::{Held, HeldReason};
use crate::model::Millis;
use crate::rules::Retries;

/// What becomes of a held change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// It is tried again by itself.
    Retried,
    /// The record is taken out of the exchange: it goes on when that ends.
    Deactivated,
    /// Only a person can help.
    Failed,
}

/// What becomes of a held change, as seen at `now`.
#[must_use]
pub const fn waits(held: &Held, now: Millis, retries: Retries) -> Waits {
    match &held.reason {
        HeldReason::Taken { .. } if held.listed.is_some() => Waits::Failed,
        // What should have come by now: somebody must look why it has not. It is tried all the same. A value of the parent's that ours
        // has: that is listed there once ours is told.
        HeldReason::Missing { .. } | HeldReason::Dependants { .. } | HeldReason::Twin { .. } | HeldReason::Taken { .. } => {
            if now.0 - held.since.0 >= retries.for_millis { Waits::Failed } else { Waits::Retried }
        }
        HeldReason::OtherRecord { .. } | HeldReason::Refused { .. } => Waits::Failed,
        HeldReason::Deactivated => Waits::Deactivated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Key, PacketNumber, TableNo};

    #[test]
    fn what_has_waited_longer_than_the_rules_say_has_failed() {
        let change = Change {
            table: TableNo(1),
            key: Key::from_bytes(Vec::new()),
            before: None,
            after: None,
            fields: Vec::new(),
            whole: false,
            shared: None,
            aliases: Vec::new(),
            meant: Vec::new(),
        };
        let held = |reason| Held {
            change: change.clone(),
            reason,
            packet: PacketNumber(1),
            since: Millis(0),
            attempts: 0,
            tried: Millis(0),
            listed: None,
            means: Vec::new(),
        };
        let missing = || HeldReason::Missing { table: "t".into(), key: "1".into() };
        let retries = Retries { for_millis: 10, every_millis: 1 };
        assert_eq!([9, 10].map(|now| waits(&held(missing()), Millis(now), retries)), [Waits::Retried, Waits::Failed]);
        assert_eq!(waits(&held(HeldReason::Deactivated), Millis(99), retries), Waits::Deactivated);
        assert_eq!(waits(&held(HeldReason::Refused { message: String::new() }), Millis(0), retries), Waits::Failed);
    }
}
