//! Death on purpose: the simulation's and the fault sweep's way to stop a site between two durable steps, and a person's way to end a watch.

use std::sync::Mutex;

/// The process is to be dead from here on. Not an error to report: whoever sees it returns it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("killed on purpose before step '{step}'")]
pub struct Crash {
    /// The durable step that did not happen.
    pub step: &'static str,
}

/// Which durable step kills.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Steps taken since the plan was set.
    taken: u64,
    /// The step (counted from 1) that kills; none in a real world.
    deadly: Option<u64>,
    /// Once dead, every further step fails too.
    dead: Option<&'static str>,
}

impl Faults {
    /// Nothing fails.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Kill before the `n`-th step from now, counted from 1; `None`: nothing fails.
    pub fn kill_before(&self, n: Option<u64>) {
        *self.lock() = Plan { taken: 0, deadly: n, dead: None };
    }

    /// Durable steps taken since the plan was set.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// The step that killed, where one did.
    #[must_use]
    pub fn died_at(&self) -> Option<&'static str> {
        self.lock().dead
    }

    /// Every step fails from now on: somebody asked for a stop.
    pub(super) fn stop(&self) {
        self.lock().dead.get_or_insert("the stop that was asked for");
    }

    pub(super) fn go_on(&self) -> Result<(), Crash> {
        self.lock().dead.map_or(Ok(()), |step| Err(Crash { step }))
    }

    pub(super) fn step(&self, name: &'static str) -> Result<(), Crash> {
        let mut plan = self.lock();
        if let Some(step) = plan.dead {
            return Err(Crash { step });
        }
        plan.taken += 1;
        if plan.deadly == Some(plan.taken) {
            plan.dead = Some(name);
            return Err(Crash { step: name });
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().expect("no holder panics")
    }
}
