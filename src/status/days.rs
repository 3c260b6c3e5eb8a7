//! How much happened on which day?

use serde::Serialize;

use crate::model::Millis;
use crate::sync::{Session, SyncError};

/// One day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Days since 1970-01-01, in the zone that was asked for.
    pub day: i64,
    /// Changes of records, made here or brought by packets.
    pub changes: u64,
    /// Conflicts that were decided, here or by a neighbour who told us.
    pub conflicts: u64,
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The last `days` days up to now, oldest first, those without anything too. `offset`: by how many milliseconds the zone is ahead of UTC.
///
/// # Errors
/// As the ledger says.
pub fn days(session: &Session, days: u16, offset: i64) -> Result<Vec<Day>, SyncError> {
    let today = (session.world.now().0 + offset).div_euclid(DAY_MILLIS);
    let first = today - i64::from(days) + 1;
    let since = Millis(first * DAY_MILLIS - offset);
    let mut all: Vec<Day> = (first..=today).map(|day| Day { day, changes: 0, conflicts: 0 }).collect();
    let mut place = |found: Vec<(i64, u64)>, put: fn(&mut Day, u64)| {
        for (day, count) in found {
            if let Some(day) = usize::try_from(day - first).ok().and_then(|place| all.get_mut(place)) {
                put(day, count);
            }
        }
    };
    place(session.ledger.changes_by_day(since, offset)?, |day, count| day.changes = count);
    place(session.ledger.conflicts_by_day(since, offset)?, |day, count| day.conflicts = count);
    Ok(all)
}
