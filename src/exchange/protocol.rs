//! How a file gets onto an exchange whole, and from it whole, whatever the far side is like.
//!
//! Deposit: temporary name in the same folder, write, flush, rename without overwrite. Where the far side cannot rename:
//! final name, then the size by listing. Collect: list, keep what the caller's pattern and size say, fetch to the inbox.
//! Steps that can be killed are those of the [`Exchange`] and, at home, the rename into the inbox (`rename file`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err as fs;

use super::{Capabilities, Content, Entry, Exchange, ExchangeError, ExchangeId, FileName, Folder, Marker, Probe, Put, Rename};
use crate::world::{World, files};

/// Proof that a place was reached and is an exchange. Good for one round: ask again in the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Which exchange it is; the caller compares it with the one it knows.
    pub id: ExchangeId,
    capabilities: Capabilities,
}

impl Reached {
    /// What the place promises.
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

/// Reaches an exchange. Changes nothing, and without it nothing may be concluded from what is not there.
///
/// # Errors
/// [`ExchangeError::Unreachable`] where the place is not there, [`ExchangeError::NotAnExchange`] where its marker is not.
pub fn reach(world: &World, exchange: &mut dyn Exchange) -> Result<Reached, ExchangeError> {
    let Probe { capabilities, marker } = exchange.probe(world)?;
    let marker = Marker::of(&exchange.place(), marker.as_deref())?;
    Ok(Reached { id: marker.id, capabilities })
}

/// What [`mark`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The place is an exchange now.
    New(Reached),
    /// It was one before: perhaps another tree's.
    Already(Reached),
}

/// Makes a place an exchange; only the host does, once. The place itself must be there: a missing share is not made.
///
/// # Errors
/// As [`reach`] and [`Exchange::put`]; a marker that is there and cannot be read stays as it is.
pub fn mark(world: &World, exchange: &mut dyn Exchange) -> Result<Marked, ExchangeError> {
    let Probe { capabilities, marker } = exchange.probe(world)?;
    let fresh = Marker::new(ExchangeId(world.random()));
    let (root, name) = (Folder::root(), Marker::name());
    if let Some(found) = marker {
        if !fresh.may_have_begun_as(&found) {
            let marker = Marker::of(&exchange.place(), Some(&found))?;
            return Ok(Marked::Already(Reached { id: marker.id, capabilities }));
        }
        // In the way of a rename, where the one that was killed found out late that there is none.
        exchange.delete(world, &root, &name)?;
    }
    let bytes = fresh.to_bytes();
    match write(world, exchange, capabilities.rename, &root, &name, Content::Bytes(&bytes)) {
        // Somebody else marked it, or our own first attempt did and the answer was lost.
        Err(ExchangeError::Exists { .. } | ExchangeError::Missing { .. }) => reach(world, exchange).map(Marked::Already),
        Err(error) => Err(error),
        Ok(()) => {
            let reached = reach(world, exchange)?;
            Ok(if reached.id == fresh.id { Marked::New(reached) } else { Marked::Already(reached) })
        }
    }
}

/// What [`deposit`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deposited {
    /// It is there now.
    Done,
    /// A file of that name and size was there.
    AlreadyThere,
    /// A file of that name was there with another size, a damaged or unfinished copy: it was taken away and written anew.
    Mended {
        /// The size of what was there.
        found: u64,
    },
}

/// Puts a file on the exchange under its final name, whole. Repeats are harmless: a second one finds the first.
///
/// The folder is the caller's own and the name says the content (size, hash), so a file of that name is either
/// this file or a damaged copy of it. A whole one is never overwritten.
///
/// # Errors
/// [`ExchangeError::SizeDiffers`] or [`ExchangeError::Missing`] where success was reported and the listing says otherwise: deposit again.
/// [`ExchangeError::Refused`] where a folder or a link has the name: no other deposit gets there before somebody takes it away.
pub fn deposit(
    world: &World,
    exchange: &mut dyn Exchange,
    reached: &Reached,
    folder: &Folder,
    name: &FileName,
    content: Content<'_>,
) -> Result<Deposited, ExchangeError> {
    let bytes = content.bytes()?;
    let done = match listed(world, exchange, folder, name)? {
        Some(found) if found == bytes => return Ok(Deposited::AlreadyThere),
        Some(found) => {
            exchange.delete(world, folder, name)?;
            Deposited::Mended { found }
        }
        None => Deposited::Done,
    };
    let written = write(world, exchange, reached.capabilities.rename, folder, name, content);
    let taken = matches!(written, Err(ExchangeError::Exists { .. }));
    match written {
        Ok(()) => match reached.capabilities.put {
            Put::Whole => return Ok(done),
            Put::MayBeShort => {}
        },
        // The listing was old, or an earlier rename took effect and its answer was lost.
        Err(ExchangeError::Exists { .. }) => exchange.delete(world, folder, &name.temporary())?,
        Err(ExchangeError::Missing { .. }) => {}
        Err(error) => return Err(error),
    }
    match listed(world, exchange, folder, name)? {
        Some(found) if found == bytes => Ok(done),
        Some(found) => Err(ExchangeError::SizeDiffers { folder: folder.clone(), name: name.clone(), expected: bytes, found }),
        None if taken => {
            let reason = format!("`{folder}/{name}` is there and is no file; take it away there");
            Err(ExchangeError::Refused { place: exchange.place(), reason })
        }
        None => Err(ExchangeError::Missing { folder: folder.clone(), name: name.clone() }),
    }
}

/// Through a temporary name where the far side can rename. One that may replace does no harm after the caller has looked: nobody
/// else writes here, and readers never see a half file, as they would under the final name.
fn write(
    world: &World,
    exchange: &mut dyn Exchange,
    rename: Rename,
    folder: &Folder,
    name: &FileName,
    content: Content<'_>,
) -> Result<(), ExchangeError> {
    match rename {
        Rename::Unsupported => put(world, exchange, folder, name, content),
        Rename::Refuses | Rename::MayReplace => {
            let temporary = name.temporary();
            put(world, exchange, folder, &temporary, content)?;
            match exchange.rename(world, folder, &temporary, name) {
                // It renames in general, and not here, or only said so.
                Err(ExchangeError::Refused { .. }) => {
                    exchange.delete(world, folder, &temporary)?;
                    put(world, exchange, folder, name, content)
                }
                done => done,
            }
        }
    }
}

/// What finds no room is taken away again: a half of it would keep out all that is smaller.
fn put(world: &World, exchange: &mut dyn Exchange, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
    match exchange.put(world, folder, name, content) {
        Err(full @ ExchangeError::Full { .. }) => match exchange.delete(world, folder, name) {
            Err(crash @ ExchangeError::Crash(_)) => Err(crash),
            // It is written anew by the next round, from the beginning.
            Ok(()) | Err(_) => Err(full),
        },
        done => done,
    }
}

fn listed(world: &World, exchange: &mut dyn Exchange, folder: &Folder, name: &FileName) -> Result<Option<u64>, ExchangeError> {
    let found = exchange.list(world, folder)?;
    Ok(found.into_iter().find(|entry| entry.name == *name).map(|entry| entry.bytes))
}

/// What lies in a folder for the caller, sorted by name. `wanted` compares name pattern and size; the rest stays untouched.
///
/// # Errors
/// As [`Exchange::list`].
pub fn waiting(
    world: &World,
    exchange: &mut dyn Exchange,
    folder: &Folder,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<Vec<Entry>, ExchangeError> {
    let mut found = exchange.list(world, folder)?;
    found.retain(wanted);
    found.sort();
    found.dedup_by(|a, b| a.name == b.name);
    Ok(found)
}

/// Brings a listed file into the local folder `inbox` under its name, whole by size; says where it is.
///
/// One that is there already with that size is not brought again. A cut-off fetch goes on where it stopped. The caller
/// checks the hash; where that fails it deletes the local file, and the next fetch starts from nothing.
///
/// # Errors
/// [`ExchangeError::SizeDiffers`] where fewer or more bytes came than were listed; [`ExchangeError::Missing`] where it is gone.
pub fn fetch(world: &World, exchange: &mut dyn Exchange, folder: &Folder, entry: &Entry, inbox: &Path) -> Result<PathBuf, ExchangeError> {
    let local = inbox.join(entry.name.as_str());
    if fs::symlink_metadata(&local).is_ok_and(|data| data.is_file() && data.len() == entry.bytes) {
        return Ok(local);
    }
    let temporary = inbox.join(entry.name.temporary().as_str());
    exchange.get(world, folder, entry, &temporary)?;
    let file = fs::OpenOptions::new().write(true).open(&temporary).map_err(ExchangeError::Local)?;
    let found = file.metadata().map_err(ExchangeError::Local)?.len();
    if found != entry.bytes {
        if found > entry.bytes {
            files::remove(world, &temporary)?;
        }
        return Err(ExchangeError::SizeDiffers { folder: folder.clone(), name: entry.name.clone(), expected: entry.bytes, found });
    }
    file.sync_all().map_err(ExchangeError::Local)?;
    drop(file);
    files::rename(world, &temporary, &local)?;
    Ok(local)
}
/// Connections that one site has to a server at the most.
const CONNECTIONS: usize = 4;

/// Brings several files at the same time, where the place knows [`Exchange::another`] and it is worth the logins. What does not come
/// here, for whatever reason, is left to [`fetch`], which says why.
pub fn fetch_together(world: &World, exchange: &mut dyn Exchange, folder: &Folder, entries: &[&Entry], inbox: &Path) {
    if entries.len() < CONNECTIONS {
        return;
    }
    let others: Vec<Box<dyn Exchange>> = (1..CONNECTIONS).map_while(|_| exchange.another()).collect();
    if others.is_empty() {
        return;
    }
    let next = AtomicUsize::new(0);
    let work = |exchange: &mut dyn Exchange| {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            if fetch(world, exchange, folder, entry, inbox).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        others.into_iter().for_each(|mut other| drop(scope.spawn(move || work(&mut *other))));
        work(exchange);
    });
}
