//! How do the files of a history travel? Over one place in memory, or over two of which one may be away.

use std::path::Path;

use fieldpost::exchange::{Content, Entry, Exchange, ExchangeError, FileName, Folder, Memory, Probe};
use fieldpost::world::World;

/// The first of them, over which all sites joined.
pub const FIRST: &str = "memory";
/// The second one.
pub const SECOND: &str = "server";

/// A place under a name of its own.
#[derive(Clone, Debug)]
pub struct Way(pub &'static str, pub Memory);

impl Exchange for Way {
    fn place(&self) -> String {
        self.0.to_owned()
    }
    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        self.1.probe(world)
    }
    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        self.1.list(world, folder)
    }
    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        self.1.get(world, folder, entry, to)
    }
    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        self.1.put(world, folder, name, content)
    }
    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        self.1.rename(world, folder, from, to)
    }
    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        self.1.delete(world, folder, name)
    }
}
