//! All that can surprise us: the clock, randomness, the file system's durability, and death at any moment.
//!
//! Everything above takes a [`World`] and asks it, so that a simulation can skew the clock, repeat the dice and kill
//! the process between any two durable steps. A **durable step** is whatever a later run will find: a commit, a
//! published file, a deleted file. Code calls [`World::step`] right before each; in a real world that is free.

mod clock;
mod faults;
pub mod files;
mod prepared;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use clock::{Clock, SkewedClock, SystemClock};
pub use faults::{Crash, Faults};
pub use prepared::Prepared;

use crate::model::Millis;

/// Time, dice and death, passed to whoever needs them.
#[derive(Debug)]
pub struct World {
    clock: Box<dyn Clock>,
    dice: Dice,
    faults: Arc<Faults>,
}

#[derive(Debug)]
enum Dice {
    System,
    /// A counter under blake3: repeatable, for tests and simulations only.
    Seeded(Mutex<blake3::OutputReader>),
}

impl World {
    /// The operating system's clock and randomness; nothing fails on purpose.
    #[must_use]
    pub fn real() -> Self {
        Self { clock: Box::new(SystemClock), dice: Dice::System, faults: Arc::default() }
    }

    /// A world that repeats itself for the same seed.
    #[must_use]
    pub fn simulated(clock: Box<dyn Clock>, seed: u64, faults: Faults) -> Self {
        let reader = blake3::Hasher::new_derive_key("fieldpost simulated world").update(&seed.to_le_bytes()).finalize_xof();
        Self { clock, dice: Dice::Seeded(Mutex::new(reader)), faults: Arc::new(faults) }
    }

    /// The operating system's clock and randomness again, stopped together with this one: [`World::stopper`].
    #[must_use]
    pub fn another(&self) -> Self {
        Self { faults: self.faults.clone(), ..Self::real() }
    }

    /// Stops, from any thread, whatever goes on in this world: the next durable step fails, as if the process had died there.
    pub fn stopper(&self) -> impl Fn() + Send + 'static {
        let faults = self.faults.clone();
        move || faults.stop()
    }

    /// Asked now and then between durable steps by what may take long.
    ///
    /// # Errors
    /// [`Crash`] where a stop was asked for.
    pub fn go_on(&self) -> Result<(), Crash> {
        self.faults.go_on()
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Fresh random bytes; keys and nonces are made from these.
    ///
    /// # Panics
    /// Where the operating system has no randomness: nothing sensible can be done without.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.dice {
            Dice::System => getrandom::fill(&mut bytes).expect("the operating system gives random bytes"),
            Dice::Seeded(reader) => reader.lock().expect("no holder panics").fill(&mut bytes),
        }
        bytes
    }

    /// Waits. A simulated world does not: its clock is moved by whoever runs the simulation.
    pub fn sleep(&self, time: Duration) {
        match &self.dice {
            Dice::System => std::thread::sleep(time),
            Dice::Seeded(_) => {}
        }
    }

    /// Told right before a durable step; `name` says which, for the fault sweep's report.
    ///
    /// # Errors
    /// [`Crash`] where the simulation wants the process dead here. Whoever gets it stops at once and cleans nothing up.
    pub fn step(&self, name: &'static str) -> Result<(), Crash> {
        self.faults.step(name)
    }

    /// The fault plan, for a simulation to read and set.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}
