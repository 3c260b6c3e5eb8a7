//! Time of day.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Millis;

/// Tells the time. Two calls may give the same answer or an earlier one: clocks are set back.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970 UTC.
    fn now(&self) -> Millis;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that a simulation moves, seen through a site's own skew.
#[derive(Clone, Debug)]
pub struct SkewedClock {
    /// Shared by all sites of a simulation, milliseconds.
    pub base: Arc<AtomicI64>,
    /// Added to it, milliseconds.
    pub skew: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Millis {
        Millis(self.base.load(Ordering::Relaxed) + self.skew)
    }
}
