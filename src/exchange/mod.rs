//! Where packets are dropped and taken: named bytes elsewhere, in folders that each have one writer.
//!
//! It knows no packet. An [`Exchange`] is six operations (`probe`, `list`, `get`, `put`, `rename`, `delete`) that a plain
//! folder offers as well as any file server; the two protocols on top, [`deposit`] and [`waiting`] + [`fetch`], are
//! written once for all of them and need no lock and no index over there.
//!
//! States of a file: *temporary* (its name ends in `.part`; nobody lists it, its writer replaces it), *there* (its final
//! name; it never changes), *gone* (the recipient took and deleted it). Absence never means more than "not here now":
//! without the marker file ([`mark`]) nothing is created and no folder counts as empty.
//!
//! Crash points: each operation that changes something over there calls [`World::step`] before every durable part of
//! it: `make folder on exchange`, `create on exchange`, `fill on exchange`, `rename on exchange`, `delete on exchange`.
//! A run killed between any two leaves a temporary file or the whole one; the same deposit again ends with one whole file.
//! (Where the far side cannot rename, the final name may be there short; readers compare the size, the writer mends it.)
//!
//! Invariant: what is listed under a final name with the size its name promises is whole, or its hash tells.

mod access;
mod address;
mod child;
mod command;
#[doc(hidden)]
pub mod contract;
mod dry_run;
mod error;
mod folder;
#[cfg(feature = "ftp")]
mod ftp;
#[cfg(any(feature = "s3", feature = "webdav"))]
mod http;
mod marker;
mod memory;
mod meter;
mod name;
mod open;
mod protocol;
mod retrying;
#[cfg(feature = "s3")]
mod s3;
mod sftp;
mod transfer;
mod trial;
#[cfg(any(feature = "ftp", feature = "s3", feature = "webdav"))]
mod trust;
mod unruly;
#[cfg(feature = "webdav")]
mod webdav;

use std::fmt;
use std::path::Path;

pub use access::{Access, Secret};
pub use address::{Address, AddressError, Scheme, Server, words};
pub use command::CommandExchange;
pub use dry_run::{DryRun, Note};
pub use error::{ExchangeError, MarkerFault, advice_at_home};
pub use folder::FolderExchange;
#[cfg(feature = "ftp")]
pub use ftp::FtpExchange;
pub use marker::{ExchangeId, MARKER_NAME, Marker};
pub use memory::{Memory, Trouble};
pub use meter::Meter;
pub use name::{FileName, Folder, NameError};
pub use open::{OpenError, open_exchange};
pub use protocol::{Deposited, Marked, Reached, deposit, fetch, fetch_together, mark, reach, waiting};
pub use retrying::Retrying;
#[cfg(feature = "s3")]
pub use s3::S3Exchange;
pub use sftp::{ASKPASS_VARIABLE, SftpExchange, askpass_answer};
pub use transfer::Content;
pub use trial::{Finding, Tried, try_out};
pub use unruly::Unruly;
#[cfg(feature = "webdav")]
pub use webdav::WebDavExchange;

use crate::world::World;

/// More files than this in one folder is an error, not a list: something is wrong over there.
pub const MAX_LISTING: usize = 100_000;

/// A place that keeps named bytes. Folder and file names are made of characters every file server takes.
///
/// All operations may fail with [`ExchangeError::Unreachable`] although they took effect: an answer can be lost. Every
/// one can be repeated; what a repeat means is said at each.
pub trait Exchange: fmt::Debug + Send {
    /// What to call it in messages; holds no password.
    fn place(&self) -> String;

    /// A second connection to the same place, for transfers at the same time; none where that gains nothing.
    fn another(&self) -> Option<Box<dyn Exchange>> {
        None
    }

    /// Reaches the place, says what it can do and reads its marker. Changes nothing; a repeat asks anew.
    ///
    /// # Errors
    /// [`ExchangeError::Unreachable`] where the place itself is not there. A place without marker is no error here:
    /// [`reach`] is what callers use, and it makes one of it.
    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError>;

    /// The files of a folder in no particular order: no temporary, hidden or oddly named ones, no folders, no links.
    ///
    /// All or an error, never a part knowingly. Far sides lie, though: what was put a moment ago can be absent, what
    /// was deleted can still be listed, and a file that is being copied shows the size it has so far. A folder that is
    /// not there is empty, but only where the marker is.
    ///
    /// # Errors
    /// Also [`ExchangeError::Refused`] for more than [`MAX_LISTING`] files.
    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError>;

    /// Copies a listed file into the local file `to`, going on at its present length where it is a beginning.
    ///
    /// At most `entry.bytes + 1` bytes are written, so that a file which grew is seen and fills no disk. On an error `to` holds
    /// what came so far; the same call goes on from there. Success promises nothing about the content: [`fetch`] compares sizes.
    ///
    /// # Errors
    /// [`ExchangeError::Missing`] where it is gone; [`ExchangeError::Local`] where `to` cannot be written.
    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError>;

    /// Writes a file, through to the disk where the far side can, making its folder where needed.
    ///
    /// A file of that name is replaced, so a repeat after a cut-off call is right. After an error there is nothing, a beginning
    /// or all of it. Callers use [`deposit`], which never puts over a file that is whole.
    ///
    /// # Errors
    /// [`ExchangeError::Full`], [`ExchangeError::ReadOnly`]; [`ExchangeError::Local`] where the content cannot be read.
    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError>;

    /// Gives a file of a folder another name. A repeat after success fails with [`ExchangeError::Missing`].
    ///
    /// # Errors
    /// [`ExchangeError::Exists`] where `to` is taken and [`Rename::Refuses`] is promised.
    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError>;

    /// Deletes a file; one that is gone already is no error, so a repeat is harmless. It may come back after a power cut
    /// or from a mirror: that is a duplicate, which readers know to handle.
    ///
    /// # Errors
    /// [`ExchangeError::ReadOnly`] where it may be read only.
    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError>;
}

/// What a place answers when asked what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it promises.
    pub capabilities: Capabilities,
    /// The bytes of the marker file, at most [`Marker::MAX_BYTES`] + 1 of them; `None`: no marker there.
    pub marker: Option<Vec<u8>>,
}

/// What a place promises beyond the operations themselves. In doubt the weaker promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// How far a rename can be trusted.
    pub rename: Rename,
    /// How far a successful put can be trusted.
    pub put: Put,
}

/// What a rename does where the new name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// It fails and nothing changes.
    Refuses,
    /// It may replace what is there (ProFTPD).
    MayReplace,
    /// There is no rename, or none that can be relied on (object stores, some FTP servers).
    Unsupported,
}

/// What a put that reports success means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// All bytes are there.
    Whole,
    /// Servers were seen that call a cut-off upload a success: the size has to be looked up.
    MayBeShort,
}

/// A file as listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: FileName,
    /// Its size at the moment of listing.
    pub bytes: u64,
}

/// An exchange behind a box is one too, so that wrappers take either.
impl Exchange for Box<dyn Exchange> {
    fn place(&self) -> String {
        (**self).place()
    }

    fn another(&self) -> Option<Box<dyn Exchange>> {
        (**self).another()
    }

    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        (**self).probe(world)
    }

    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        (**self).list(world, folder)
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        (**self).get(world, folder, entry, to)
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        (**self).put(world, folder, name, content)
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        (**self).rename(world, folder, from, to)
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        (**self).delete(world, folder, name)
    }
}
