//! An exchange in memory: many handles on one store, for simulations and tests, on demand badly behaved.
//!
//! A clone is another site's handle on the same place. What [`Unruly`] asks for happens with its own dice, so that a
//! seed repeats; [`Trouble`] is the plain kind of failure that lasts.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use super::transfer::{Listing, receive};
use super::unruly::Dice;
use super::{Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, Marker, Meter, Probe, Put, Rename, Unruly};
use crate::world::World;

/// A handle on a store of named bytes.
#[derive(Clone, Debug)]
pub struct Memory {
    store: Arc<Mutex<Store>>,
}

/// A failure that lasts until it is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// All is well.
    #[default]
    None,
    /// The place is not there.
    Unreachable,
    /// Nothing can be written.
    ReadOnly,
    /// There is no room.
    Full,
}

#[derive(Debug)]
struct Store {
    can: Capabilities,
    trouble: Trouble,
    unruly: Unruly,
    dice: Dice,
    /// Operations so far: the time that delays are counted in.
    tick: u64,
    folders: BTreeMap<Folder, BTreeMap<FileName, Stored>>,
    /// The folder as it was listed once, for listings that are old.
    remembered: BTreeMap<Folder, Vec<Entry>>,
    /// Deleted files that come back, with the tick when.
    returning: Vec<(u64, Folder, FileName, Arc<[u8]>)>,
}

#[derive(Clone, Debug)]
struct Stored {
    bytes: Arc<[u8]>,
    /// Listings show it from this tick on.
    shown_from: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Capabilities { rename: Rename::Refuses, put: Put::Whole })
    }
}

impl Memory {
    /// An empty store that promises, and does, what `can` says. It has no marker yet.
    #[must_use]
    pub fn new(can: Capabilities) -> Self {
        let store = Store {
            can,
            trouble: Trouble::None,
            unruly: Unruly::calm(),
            dice: Dice::new(0),
            tick: 0,
            folders: BTreeMap::new(),
            remembered: BTreeMap::new(),
            returning: Vec::new(),
        };
        Self { store: Arc::new(Mutex::new(store)) }
    }

    /// From now on it behaves like this; [`Unruly::calm`] also brings everything delayed.
    pub fn behave(&self, unruly: Unruly) {
        let mut store = self.store();
        store.dice = Dice::new(unruly.seed);
        store.unruly = unruly;
        if store.unruly.is_calm() {
            let tick = store.tick;
            store.remembered.clear();
            store.folders.values_mut().flat_map(BTreeMap::values_mut).for_each(|file| file.shown_from = tick);
            for (_, folder, name, bytes) in std::mem::take(&mut store.returning) {
                store.folders.entry(folder).or_default().entry(name).or_insert(Stored { bytes, shown_from: tick });
            }
        }
    }

    /// From now on it has this trouble.
    pub fn set_trouble(&self, trouble: Trouble) {
        self.store().trouble = trouble;
    }

    /// All files, temporary ones and the marker included, by `folder/name`: what somebody with the share in hand sees.
    #[must_use]
    pub fn everything(&self) -> BTreeMap<String, Arc<[u8]>> {
        let store = self.store();
        let files = store.folders.iter().flat_map(|(folder, files)| files.iter().map(move |(name, file)| (folder, name, file)));
        files.map(|(folder, name, file)| (format!("{folder}/{name}"), file.bytes.clone())).collect()
    }

    /// Changes the bytes of a file behind everybody's back; without effect where there is none.
    pub fn tamper(&self, folder: &Folder, name: &FileName, change: impl FnOnce(&mut Vec<u8>)) {
        let mut store = self.store();
        if let Some(file) = store.folders.get_mut(folder).and_then(|files| files.get_mut(name)) {
            let mut bytes = file.bytes.to_vec();
            change(&mut bytes);
            file.bytes = bytes.into();
        }
    }

    /// Locks the store for one operation, which may find it out of reach.
    fn begin(&self, doing: Doing) -> Result<MutexGuard<'_, Store>, ExchangeError> {
        let mut store = self.store();
        store.tick += 1;
        store.bring_back();
        store.lose_one();
        let place = self.place();
        match store.trouble {
            Trouble::None => {}
            Trouble::Unreachable => return Err(ExchangeError::Unreachable { place, reason: "unplugged".into() }),
            Trouble::ReadOnly if doing != Doing::Reading => return Err(ExchangeError::ReadOnly { place, reason: "told so".into() }),
            Trouble::ReadOnly | Trouble::Full => {}
        }
        let rate = store.unruly.unreachable;
        if store.dice.hit(rate) { Err(self.cut_off()) } else { Ok(store) }
    }

    /// The operation is done; its answer may be lost.
    fn answer<T>(&self, store: &mut Store, answer: T) -> Result<T, ExchangeError> {
        let rate = store.unruly.answer_lost;
        if store.dice.hit(rate) { Err(self.cut_off()) } else { Ok(answer) }
    }

    fn cut_off(&self) -> ExchangeError {
        ExchangeError::Unreachable { place: self.place(), reason: "cut off".into() }
    }

    fn require_marker(&self, store: &Store) -> Result<(), ExchangeError> {
        Marker::of(&self.place(), store.marker().as_deref()).map(drop)
    }

    /// Only the marker itself is made where there is none.
    fn require_marker_unless_root(&self, store: &Store, folder: &Folder) -> Result<(), ExchangeError> {
        if *folder == Folder::root() { Ok(()) } else { self.require_marker(store) }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no holder panics")
    }
}

/// What an operation does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Reading,
    Writing,
}

impl Store {
    fn marker(&self) -> Option<Vec<u8>> {
        Some(self.folders.get(&Folder::root())?.get(&Marker::name())?.bytes.to_vec())
    }

    fn bring_back(&mut self) {
        let tick = self.tick;
        for (_, folder, name, bytes) in self.returning.extract_if(.., |(due, ..)| *due <= tick) {
            self.folders.entry(folder).or_default().entry(name).or_insert(Stored { bytes, shown_from: tick });
        }
    }

    /// The marker stays: a place that loses it is [`Trouble`], not a lost file.
    fn lose_one(&mut self) {
        if !self.dice.hit(self.unruly.lose) {
            return;
        }
        let root = Folder::root();
        let mut all: Vec<_> = self.folders.iter_mut().filter(|(folder, _)| **folder != root).map(|(_, files)| files).collect();
        all.retain(|files| !files.is_empty());
        if !all.is_empty() {
            let at = self.dice.below(all.len());
            let files = &mut all[at];
            let name = files.keys().nth(self.dice.below(files.len())).cloned();
            name.and_then(|name| files.remove(&name));
        }
    }

    fn delay(&mut self) -> u64 {
        if self.dice.hit(self.unruly.delay) { self.tick + self.dice.below(Unruly::LONGEST_DELAY) as u64 } else { self.tick }
    }
}

impl Exchange for Memory {
    fn place(&self) -> String {
        "memory".into()
    }

    fn probe(&mut self, _: &World) -> Result<Probe, ExchangeError> {
        let mut store = self.begin(Doing::Reading)?;
        let probe = Probe { capabilities: store.can, marker: store.marker() };
        self.answer(&mut store, probe)
    }

    fn list(&mut self, _: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        let mut store = self.begin(Doing::Reading)?;
        let store = &mut *store;
        let Some(files) = store.folders.get(folder) else {
            self.require_marker(store)?;
            return self.answer(store, Vec::new());
        };
        let mut listing = Listing::default();
        for (name, file) in files.iter().filter(|(name, file)| file.shown_from <= store.tick && FileName::new(name.as_str()).is_ok()) {
            if !store.dice.hit(store.unruly.hide) {
                listing.push("memory", Entry { name: name.clone(), bytes: file.bytes.len() as u64 })?;
            }
        }
        let mut found = listing.done();
        if store.dice.hit(store.unruly.old_listing) {
            found = store.remembered.get(folder).cloned().unwrap_or_default();
        } else {
            store.remembered.insert(folder.clone(), found.clone());
        }
        if store.dice.hit(store.unruly.reorder) {
            for at in (1..found.len()).rev() {
                found.swap(at, store.dice.below(at + 1));
            }
        }
        self.answer(store, found)
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let mut store = self.begin(Doing::Reading)?;
        let Some(file) = store.folders.get(folder).and_then(|files| files.get(&entry.name)).cloned() else {
            self.require_marker(&store)?;
            return Err(ExchangeError::Missing { folder: folder.clone(), name: entry.name.clone() });
        };
        let rate = store.unruly.truncate;
        let there = if store.dice.hit(rate) { store.dice.below(file.bytes.len() + 1) } else { file.bytes.len() };
        let from = |offset: u64| {
            let start = usize::try_from(offset).map_or(there, |offset| offset.min(there));
            Ok(Cursor::new(&file.bytes[start..there]))
        };
        let io = |source| ExchangeError::Io { place: "memory".into(), source };
        receive(world, &Meter::default(), entry, file.bytes.len() as u64, to, from, io)?;
        self.answer(&mut store, ())
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        let mut bytes = Vec::new();
        content.write_to(world, &Meter::default(), &mut bytes, ExchangeError::Local)?;
        let mut store = self.begin(Doing::Writing)?;
        if *folder != Folder::root() && !store.folders.contains_key(folder) {
            self.require_marker(&store)?;
            world.step("make folder on exchange")?;
            store.folders.insert(folder.clone(), BTreeMap::new());
        }
        let rate = store.unruly.truncate;
        if *folder != Folder::root() && store.dice.hit(rate) {
            let short = store.dice.below(bytes.len() + 1);
            bytes.truncate(short);
        }
        let (shown_from, full) = (store.delay(), store.trouble == Trouble::Full);
        let files = store.folders.entry(folder.clone()).or_default();
        world.step("create on exchange")?;
        let half = bytes[..bytes.len() / 2].into();
        files.insert(name.clone(), Stored { bytes: half, shown_from });
        if full {
            return Err(ExchangeError::Full { place: self.place(), reason: "told so".into() });
        }
        world.step("fill on exchange")?;
        files.insert(name.clone(), Stored { bytes: bytes.into(), shown_from });
        self.answer(&mut store, ())
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        let mut store = self.begin(Doing::Writing)?;
        self.require_marker_unless_root(&store, folder)?;
        let shown_from = store.delay();
        let can = store.can;
        let files = store.folders.entry(folder.clone()).or_default();
        match can.rename {
            Rename::Unsupported => {
                return Err(ExchangeError::Refused { place: "memory".into(), reason: "it cannot rename".into() });
            }
            Rename::Refuses if files.contains_key(to) => {
                return Err(ExchangeError::Exists { folder: folder.clone(), name: to.clone() });
            }
            Rename::Refuses | Rename::MayReplace => {}
        }
        if !files.contains_key(from) {
            return Err(ExchangeError::Missing { folder: folder.clone(), name: from.clone() });
        }
        world.step("rename on exchange")?;
        if let Some(file) = files.remove(from) {
            files.insert(to.clone(), Stored { shown_from, ..file });
        }
        self.answer(&mut store, ())
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        let mut store = self.begin(Doing::Writing)?;
        self.require_marker_unless_root(&store, folder)?;
        world.step("delete on exchange")?;
        let gone = store.folders.get_mut(folder).and_then(|files| files.remove(name));
        let rate = store.unruly.repeat;
        if let Some(file) = gone
            && store.dice.hit(rate)
        {
            let due = store.tick + 1 + store.dice.below(Unruly::LONGEST_DELAY) as u64;
            store.returning.push((due, folder.clone(), name.clone(), file.bytes));
        }
        self.answer(&mut store, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Deposited, contract, deposit, mark, reach, waiting};
    use crate::world::{Faults, SystemClock};

    #[test]
    fn memory_keeps_the_contract_whatever_it_promises() {
        for rename in [Rename::Refuses, Rename::MayReplace, Rename::Unsupported] {
            for put in [Put::Whole, Put::MayBeShort] {
                contract::contract(|| Box::new(Memory::new(Capabilities { rename, put })));
            }
        }
    }

    #[test]
    fn lasting_troubles_are_told_apart_and_pass() {
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        let memory = Memory::default();
        let mut exchange = memory.clone();
        mark(&world, &mut exchange).unwrap();
        let reached = reach(&world, &mut exchange).unwrap();
        let (folder, name) = (Folder::new("a/b").unwrap(), FileName::new("x").unwrap());
        let mut put = || deposit(&world, &mut exchange, &reached, &folder, &name, Content::Bytes(b"x"));
        memory.set_trouble(Trouble::Unreachable);
        assert!(matches!(put(), Err(ExchangeError::Unreachable { .. })));
        memory.set_trouble(Trouble::ReadOnly);
        assert!(matches!(put(), Err(ExchangeError::ReadOnly { .. })));
        memory.set_trouble(Trouble::Full);
        let before = memory.everything();
        assert!(matches!(put(), Err(ExchangeError::Full { .. })));
        assert_eq!(memory.everything(), before, "a half that is left there keeps out what is smaller");
        memory.set_trouble(Trouble::None);
        assert_eq!(put().unwrap(), Deposited::Done);
    }

    /// 200 seeds of storm: whoever deposits until it is listed whole, and reads by size and content, loses nothing.
    #[test]
    fn in_a_storm_depositing_again_ends_with_every_file_whole() {
        let (folder, world) = (Folder::new("a/b").unwrap(), World::simulated(Box::new(SystemClock), 1, Faults::none()));
        for seed in 0..200 {
            let memory = Memory::default();
            let mut exchange = memory.clone();
            mark(&world, &mut exchange).unwrap();
            memory.behave(Unruly::stormy(seed));
            for round in 0..40 {
                if round == 35 {
                    memory.behave(Unruly::calm());
                }
                let Ok(reached) = reach(&world, &mut exchange) else { continue };
                for n in 0..5_u8 {
                    let name = FileName::new(&format!("f{n}")).unwrap();
                    drop(deposit(&world, &mut exchange, &reached, &folder, &name, Content::Bytes(&[n; 100])));
                }
            }
            let found = waiting(&world, &mut exchange, &folder, |entry| entry.bytes == 100).unwrap();
            assert_eq!(found.len(), 5, "seed {seed}");
            assert!((0..5).all(|n| memory.everything()[&format!("a/b/f{n}")][..] == [n; 100]), "seed {seed}");
        }
    }
}
