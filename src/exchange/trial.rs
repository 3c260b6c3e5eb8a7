//! Does an exchange do what will be asked of it? Tries every operation with a small file of our own and takes it away again.
//!
//! The file's name is no packet's, so no reader takes it. A trial that is killed leaves at most two such files, each of some kilobytes.

use std::path::Path;

use fs_err as fs;

use super::{Content, Exchange, ExchangeError, FileName, Folder, Reached, Rename, fetch, waiting};
use crate::world::World;

/// An operation that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A file was put there.
    Write,
    /// It was listed with its size.
    List,
    /// It came back byte for byte.
    Read,
    /// It got another name.
    Rename,
    /// A second one did not get the name of the first; only where that is promised.
    KeepOnRename,
    /// It was deleted, and is listed no more.
    Delete,
}

/// What came of the trial of an operation.
#[derive(Debug)]
pub struct Finding {
    /// The operation.
    pub tried: Tried,
    /// Why it failed; none: it works.
    pub error: Option<ExchangeError>,
}

/// Tries every operation in a folder that is the caller's own, using the local folder `scratch`. After a failure what builds on it
/// is not tried; what was put there is deleted in any case, as far as that works.
pub fn try_out(world: &World, exchange: &mut dyn Exchange, reached: &Reached, folder: &Folder, scratch: &Path) -> Vec<Finding> {
    let mark = u64::from_be_bytes(world.random());
    let name = |end: &str| FileName::new(&format!("check-{mark:016x}{end}")).expect("letters, digits and a dash");
    let mut trial = Trial { world, exchange, folder, scratch, file: name(""), other: name("-2"), findings: Vec::new() };
    let whole = trial.note(Tried::Write, Trial::write) && trial.note(Tried::List, Trial::list) && trial.note(Tried::Read, Trial::read);
    if whole && reached.capabilities().rename != Rename::Unsupported && trial.note(Tried::Rename, Trial::rename) {
        match reached.capabilities().rename {
            Rename::Refuses => drop(trial.note(Tried::KeepOnRename, Trial::keep_on_rename)),
            Rename::MayReplace | Rename::Unsupported => {}
        }
    }
    trial.note(Tried::Delete, Trial::delete);
    trial.findings
}

struct Trial<'a> {
    world: &'a World,
    exchange: &'a mut dyn Exchange,
    folder: &'a Folder,
    scratch: &'a Path,
    file: FileName,
    other: FileName,
    findings: Vec<Finding>,
}

impl Trial<'_> {
    fn note(&mut self, tried: Tried, work: impl FnOnce(&mut Self) -> Result<(), ExchangeError>) -> bool {
        let error = work(self).err();
        let works = error.is_none();
        self.findings.push(Finding { tried, error });
        works
    }

    /// Every byte there is, in lines that some servers would change.
    fn content() -> Vec<u8> {
        (0..=255_u8).cycle().take(20_000).chain(*b"\r\n\n\r\x1a").collect()
    }

    fn write(&mut self) -> Result<(), ExchangeError> {
        self.exchange.put(self.world, self.folder, &self.file, Content::Bytes(&Self::content()))
    }

    fn size_of(&mut self, name: &FileName) -> Result<Option<u64>, ExchangeError> {
        let found = waiting(self.world, self.exchange, self.folder, |entry| entry.name == *name)?;
        Ok(found.first().map(|entry| entry.bytes))
    }

    fn list(&mut self) -> Result<(), ExchangeError> {
        let (name, expected) = (self.file.clone(), Self::content().len() as u64);
        match self.size_of(&name)? {
            Some(found) if found == expected => Ok(()),
            Some(found) => Err(ExchangeError::SizeDiffers { folder: self.folder.clone(), name, expected, found }),
            None => Err(ExchangeError::Missing { folder: self.folder.clone(), name }),
        }
    }

    fn read(&mut self) -> Result<(), ExchangeError> {
        let entry = super::Entry { name: self.file.clone(), bytes: Self::content().len() as u64 };
        let inbox = tempfile::tempdir_in(self.scratch).map_err(ExchangeError::Local)?;
        let path = fetch(self.world, self.exchange, self.folder, &entry, inbox.path())?;
        if fs::read(path).map_err(ExchangeError::Local)? == Self::content() {
            return Ok(());
        }
        Err(ExchangeError::Refused { place: self.exchange.place(), reason: "what was written comes back changed".to_owned() })
    }

    fn rename(&mut self) -> Result<(), ExchangeError> {
        self.exchange.rename(self.world, self.folder, &self.file, &self.other)
    }

    fn keep_on_rename(&mut self) -> Result<(), ExchangeError> {
        self.write()?;
        match self.rename() {
            Err(ExchangeError::Exists { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(ExchangeError::Refused { place: self.exchange.place(), reason: "a rename put one file over another".to_owned() }),
        }
    }

    fn delete(&mut self) -> Result<(), ExchangeError> {
        for name in [self.other.clone(), self.file.clone()] {
            self.exchange.delete(self.world, self.folder, &name)?;
            if self.size_of(&name)?.is_some() {
                let reason = format!("it says that `{}/{name}` is deleted, and lists it still", self.folder);
                return Err(ExchangeError::Refused { place: self.exchange.place(), reason });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Memory, Trouble, mark, reach};
    use crate::world::{Faults, SystemClock};

    fn trial(trouble: Option<Trouble>) -> (Vec<(Tried, bool)>, usize) {
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        let memory = Memory::default();
        mark(&world, &mut memory.clone()).unwrap();
        let reached = reach(&world, &mut memory.clone()).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        if let Some(trouble) = trouble {
            memory.set_trouble(trouble);
        }
        let found = try_out(&world, &mut memory.clone(), &reached, &Folder::new("head/anna").unwrap(), scratch.path());
        (found.into_iter().map(|finding| (finding.tried, finding.error.is_none())).collect(), memory.everything().len())
    }

    #[test]
    fn a_good_exchange_passes_and_is_left_as_it_was() {
        let (found, files) = trial(None);
        let all = [Tried::Write, Tried::List, Tried::Read, Tried::Rename, Tried::KeepOnRename, Tried::Delete];
        assert_eq!(found, all.map(|tried| (tried, true)));
        assert_eq!(files, 1, "only the marker is there");
    }

    #[test]
    fn where_nothing_can_be_written_nothing_more_is_tried() {
        let (found, _) = trial(Some(Trouble::ReadOnly));
        assert_eq!(found[0], (Tried::Write, false));
        assert!(found.iter().all(|(tried, _)| matches!(tried, Tried::Write | Tried::Delete)));
    }
}
