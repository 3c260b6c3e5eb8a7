//! Reads for real and only notes what would be written: a wrapper around any exchange.

use std::path::Path;

use super::{Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, Probe, Put, Rename};
use crate::world::World;

/// What would have been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A file would have been put there, under its final name.
    Put {
        /// Its folder.
        folder: Folder,
        /// Its name.
        name: FileName,
        /// Its size.
        bytes: u64,
    },
    /// A file would have been deleted.
    Delete {
        /// Its folder.
        folder: Folder,
        /// Its name.
        name: FileName,
    },
}

/// Passes `probe`, `list` and `get` on; turns everything else into [`Note`]s.
#[derive(Debug)]
pub struct DryRun<E> {
    inner: E,
    notes: Vec<Note>,
}

impl<E: Exchange> DryRun<E> {
    /// Wraps an exchange; no notes yet.
    #[must_use]
    pub const fn new(inner: E) -> Self {
        Self { inner, notes: Vec::new() }
    }

    /// What would have been written, in order.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

impl<E: Exchange> Exchange for DryRun<E> {
    fn place(&self) -> String {
        self.inner.place()
    }

    /// Promises what a note does: nobody has to look whether it arrived.
    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        let capabilities = Capabilities { rename: Rename::Unsupported, put: Put::Whole };
        Ok(Probe { capabilities, ..self.inner.probe(world)? })
    }

    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        self.inner.list(world, folder)
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        self.inner.get(world, folder, entry, to)
    }

    fn put(&mut self, _: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        self.notes.push(Note::Put { folder: folder.clone(), name: name.clone(), bytes: content.bytes()? });
        Ok(())
    }

    fn rename(&mut self, _: &World, _: &Folder, _: &FileName, _: &FileName) -> Result<(), ExchangeError> {
        Err(ExchangeError::Refused { place: self.place(), reason: "a dry run does not rename".into() })
    }

    fn delete(&mut self, _: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        self.notes.push(Note::Delete { folder: folder.clone(), name: name.clone() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Deposited, Memory, deposit, mark, reach};
    use crate::world::{Faults, SystemClock};

    #[test]
    fn a_dry_deposit_is_noted_and_nothing_is_written() {
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        let memory = Memory::default();
        mark(&world, &mut memory.clone()).unwrap();
        let before = memory.everything();
        let mut dry = DryRun::new(memory.clone());
        let reached = reach(&world, &mut dry).unwrap();
        let (folder, name) = (Folder::new("a/b").unwrap(), FileName::new("x").unwrap());
        assert_eq!(deposit(&world, &mut dry, &reached, &folder, &name, Content::Bytes(b"abc")).unwrap(), Deposited::Done);
        dry.delete(&world, &folder, &name).unwrap();
        let delete = Note::Delete { folder: folder.clone(), name: name.clone() };
        assert_eq!(dry.notes(), [Note::Put { folder, name, bytes: 3 }, delete]);
        assert_eq!(memory.everything(), before);
    }
}
