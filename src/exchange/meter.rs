//! How much goes over the line: told to whoever shows it, and slowed down where a person wants that.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::World;

/// Told of every piece that went over the line, in bytes.
type Listener = Box<dyn Fn(u64) + Send + Sync>;

/// Shared by everything that is opened with it: the limit holds for all together.
#[derive(Clone, Default)]
pub struct Meter(Option<Arc<Inner>>);

struct Inner {
    limit: Option<NonZeroU64>,
    listener: Option<Listener>,
    pace: Mutex<Pace>,
}

/// Bytes since a moment; begins anew after a pause, so that a pause saves up nothing.
#[derive(Default)]
struct Pace {
    since: i64,
    bytes: u64,
}

impl Meter {
    /// A pause longer than this starts the count anew.
    const PAUSE_MILLIS: i64 = 1_000;

    /// `limit`: bytes a second, none for no limit. `listener` is told of every piece.
    #[must_use]
    pub fn new(limit: Option<NonZeroU64>, listener: Option<Box<dyn Fn(u64) + Send + Sync>>) -> Self {
        Self(Some(Arc::new(Inner { limit, listener, pace: Mutex::default() })))
    }

    /// Called after `bytes` went over the line; waits as long as the limit wants.
    pub(super) fn passed(&self, world: &World, bytes: u64) {
        let Some(inner) = &self.0 else { return };
        if let Some(listener) = &inner.listener {
            listener(bytes);
        }
        if let Some(limit) = inner.limit {
            let wait = inner.pace.lock().expect("no holder panics").wait(world.now().0, bytes, limit.get());
            world.sleep(wait);
        }
    }
}

impl Pace {
    fn wait(&mut self, now: i64, bytes: u64, limit: u64) -> Duration {
        let due = |pace: &Self| pace.since.saturating_add_unsigned(pace.bytes.saturating_mul(1000) / limit);
        // A clock that was set back starts the count anew, too.
        if now - due(self) > Meter::PAUSE_MILLIS || now < self.since {
            *self = Self { since: now, bytes: 0 };
        }
        self.bytes = self.bytes.saturating_add(bytes);
        Duration::from_millis(u64::try_from(due(self) - now).unwrap_or_default())
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("limit", &self.0.as_ref().and_then(|inner| inner.limit)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_to_the_limit_and_a_pause_saves_up_nothing() {
        let mut pace = Pace::default();
        let mut now = 1_000_000;
        for _ in 0..10 {
            let wait = pace.wait(now, 500, 1000);
            assert_eq!(wait, Duration::from_millis(500));
            now += 500;
        }
        now += 60_000;
        assert_eq!(pace.wait(now, 500, 1000), Duration::from_millis(500), "after a pause");
        assert_eq!(pace.wait(now - 90_000, 500, 1000), Duration::from_millis(500), "after the clock was set back");
    }
}
