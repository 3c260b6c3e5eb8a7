//! Tries again where that can help: a wrapper around any exchange.
//!
//! A repeat of an operation whose answer was lost can fail in another way than the first (a rename that took effect is
//! [`ExchangeError::Missing`] afterwards); [`super::deposit`] looks and sorts that out.

use std::path::Path;
use std::time::Duration;

use super::{Content, Entry, Exchange, ExchangeError, FileName, Folder, Probe};
use crate::world::World;

/// Repeats an operation of `inner` up to [`Self::ATTEMPTS`] times in all, while its errors say that trying again can help.
#[derive(Debug)]
pub struct Retrying<E> {
    inner: E,
}

impl<E: Exchange> Retrying<E> {
    /// Tries per operation, the first one included.
    pub const ATTEMPTS: u32 = 4;
    /// Longest wait before the second try; it doubles with each further one.
    pub const FIRST_WAIT: Duration = Duration::from_millis(500);

    /// Wraps an exchange.
    #[must_use]
    pub const fn new(inner: E) -> Self {
        Self { inner }
    }

    /// The exchange itself, for who does not want to wait.
    pub const fn once(&mut self) -> &mut E {
        &mut self.inner
    }

    fn again<T>(&mut self, world: &World, mut operation: impl FnMut(&mut E) -> Result<T, ExchangeError>) -> Result<T, ExchangeError> {
        for attempt in 1..Self::ATTEMPTS {
            match operation(&mut self.inner) {
                Err(error) if error.retry_helps() => world.sleep(wait(world, attempt)),
                done => return done,
            }
        }
        operation(&mut self.inner)
    }
}

/// Half to all of the full wait, so that sites which lost a server at the same moment do not come back at the same moment.
fn wait(world: &World, attempt: u32) -> Duration {
    let full = Retrying::<Box<dyn Exchange>>::FIRST_WAIT * 2_u32.pow(attempt - 1);
    let [jitter] = world.random::<1>();
    full / 2 + full / 2 * u32::from(jitter) / 255
}

impl<E: Exchange> Exchange for Retrying<E> {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn another(&self) -> Option<Box<dyn Exchange>> {
        let inner = self.inner.another()?;
        Some(Box::new(Retrying::new(inner)))
    }

    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        self.again(world, |inner| inner.probe(world))
    }

    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        self.again(world, |inner| inner.list(world, folder))
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        self.again(world, |inner| inner.get(world, folder, entry, to))
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        self.again(world, |inner| inner.put(world, folder, name, content))
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        self.again(world, |inner| inner.rename(world, folder, from, to))
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        self.again(world, |inner| inner.delete(world, folder, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Deposited, Memory, Trouble, Unruly, contract, deposit, mark, reach};
    use crate::world::{Faults, SystemClock};

    fn world() -> World {
        World::simulated(Box::new(SystemClock), 1, Faults::none())
    }

    #[test]
    fn retrying_keeps_the_contract() {
        contract::contract(|| Box::new(Retrying::new(Memory::default())));
    }

    #[test]
    fn waits_double_and_stay_between_half_and_all() {
        for attempt in 1..Retrying::<Memory>::ATTEMPTS {
            let full = Retrying::<Memory>::FIRST_WAIT * 2_u32.pow(attempt - 1);
            let world = world();
            assert!((0..100).all(|_| (full / 2..=full).contains(&wait(&world, attempt))));
        }
    }

    #[test]
    fn it_gives_up_after_the_cap_and_asks_once_where_trying_again_cannot_help() {
        let mut calls = 0;
        let mut retrying = Retrying::new(Memory::default());
        let away = || ExchangeError::Unreachable { place: "x".into(), reason: "x".into() };
        let result: Result<(), _> = retrying.again(&world(), |_| {
            calls += 1;
            Err(away())
        });
        assert!(matches!(result, Err(ExchangeError::Unreachable { .. })));
        assert_eq!(calls, Retrying::<Memory>::ATTEMPTS);
        calls = 0;
        let result: Result<(), _> = retrying.again(&world(), |_| {
            calls += 1;
            Err(ExchangeError::Full { place: "x".into(), reason: "x".into() })
        });
        assert!(matches!(result, Err(ExchangeError::Full { .. })));
        assert_eq!(calls, 1);
    }

    #[test]
    fn a_deposit_gets_through_where_every_fifth_answer_is_lost() {
        let (world, folder) = (world(), Folder::new("a/b").unwrap());
        let memory = Memory::default();
        let mut exchange = Retrying::new(memory.clone());
        mark(&world, &mut exchange).unwrap();
        let reached = reach(&world, &mut exchange).unwrap();
        memory.behave(Unruly { seed: 7, answer_lost: 100, unreachable: 100, ..Unruly::calm() });
        for n in 0..50 {
            let name = FileName::new(&format!("f{n}")).unwrap();
            assert_eq!(deposit(&world, &mut exchange, &reached, &folder, &name, Content::Bytes(b"whole")).unwrap(), Deposited::Done);
        }
        memory.behave(Unruly::calm());
        let everything = memory.everything();
        assert!((0..50).all(|n| everything[&format!("a/b/f{n}")][..] == *b"whole"));
        assert_eq!(everything.len(), 51, "no temporary file is left");
        memory.set_trouble(Trouble::Unreachable);
        assert!(reach(&world, &mut exchange).is_err());
    }
}
