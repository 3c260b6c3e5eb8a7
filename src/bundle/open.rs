//! Is a file a bundle, whole, by a publisher who is trusted, and possible?
//!
//! Order: zip structure → format → signature over the bytes of `bundle.json` by a trusted key → the set of contents → every content
//! to its last byte → names and keys. Before the end of that nothing leaves this module.

use std::io;
use std::path::Path;

use serde::Deserialize;

use super::make::{HEAD, LIMITS, entry_name};
use super::manifest::{Content, FORMAT, Impossible, Manifest};
use crate::keys::{Fingerprint, Namespace, VerifyingKey};
use crate::packet::{Archive, ArchiveError, ContentHash, EntryReader};

/// A verified bundle.
#[derive(Debug)]
pub struct Opened {
    /// What it is.
    pub manifest: Manifest,
    /// Its id.
    pub id: ContentHash,
    archive: Archive,
}

/// Why a file is not taken. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its zip structure, its sizes, or the bytes of a content.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// `bundle.json` does not read.
    #[error("its bundle.json does not read: {0}")]
    Unreadable(String),
    /// Made by a newer fieldpost in a way that must be understood.
    #[error("it needs a newer fieldpost (format {format}, features: {})", unknown.join(", "))]
    NewerFormat {
        /// As it says.
        format: u32,
        /// Required features that are not known here.
        unknown: Vec<String>,
    },
    /// Signed, it says, by somebody who is no publisher here.
    #[error("it is signed by a key that no publisher here has: {0}")]
    UnknownPublisher(Fingerprint),
    /// The signature is not that key's over these bytes.
    #[error("its signature does not hold")]
    BadSignature,
    /// Other entries than its contents.
    #[error("it has other entries than its bundle.json names")]
    Entries,
    /// Signed, and still nothing that can be installed.
    #[error(transparent)]
    Impossible(#[from] Impossible),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Archive(error.into())
    }
}

impl OpenError {
    /// The class in one word, as `tests/vectors/README.md` has it.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Archive(ArchiveError::Truncated) => "truncated",
            Self::Archive(ArchiveError::NotAZip) => "not-a-zip",
            Self::Archive(ArchiveError::Structure(_)) => "structure",
            Self::Archive(ArchiveError::Limit { .. }) => "limit",
            Self::Archive(ArchiveError::EntryHash(_)) => "entry-hash",
            Self::Archive(ArchiveError::Io(_)) => "io",
            Self::Unreadable(_) => "unreadable",
            Self::NewerFormat { .. } => "newer-format",
            Self::UnknownPublisher(_) => "unknown-publisher",
            Self::BadSignature => "bad-signature",
            Self::Entries => "entries",
            Self::Impossible(_) => "impossible",
        }
    }
}

/// Verifies all of a file. `trusted` are the keys of publishers.
///
/// # Errors
/// [`OpenError`].
pub fn open(file: &Path, trusted: &[VerifyingKey]) -> Result<Opened, OpenError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
        #[serde(default)]
        requires: Vec<String>,
    }
    let limits = LIMITS;
    let archive = Archive::open(file, &limits)?;
    if !archive.names().take(HEAD.len()).eq(HEAD) {
        return Err(OpenError::Entries);
    }
    let [head, signed] = HEAD;
    let json = archive.bytes(head, limits.manifest_bytes)?.ok_or(OpenError::Entries)?;
    let signature = archive.bytes(signed, limits.signature_bytes)?.ok_or(OpenError::Entries)?;
    let unreadable = |error: serde_json::Error| OpenError::Unreadable(error.to_string());
    let version: Version = serde_json::from_slice(&json).map_err(unreadable)?;
    if version.format != FORMAT || !version.requires.is_empty() {
        return Err(OpenError::NewerFormat { format: version.format, unknown: version.requires });
    }
    let manifest: Manifest = serde_json::from_slice(&json).map_err(unreadable)?;
    let signer = trusted.iter().find(|key| key.fingerprint() == manifest.signer);
    let signer = signer.ok_or(OpenError::UnknownPublisher(manifest.signer))?;
    let signature = String::from_utf8(signature).map_err(|_| OpenError::BadSignature)?;
    signer.verify(Namespace::Bundle, &json, &signature).map_err(|_| OpenError::BadSignature)?;
    archive.verify(head, ContentHash::of(&json))?;
    archive.verify(signed, ContentHash::of(signature.as_bytes()))?;
    let contents = manifest.contents();
    if !archive.names().skip(HEAD.len()).eq(contents.keys().map(|hash| entry_name(*hash))) {
        return Err(OpenError::Entries);
    }
    for (hash, size) in contents {
        let name = entry_name(hash);
        if archive.size(&name) != Some(size) {
            return Err(ArchiveError::EntryHash(name).into());
        }
        archive.verify(&name, hash)?;
    }
    manifest.check()?;
    Ok(Opened { id: ContentHash::of(&json), manifest, archive })
}

impl Opened {
    /// Reads a content.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn reader(&self, content: Content) -> io::Result<EntryReader> {
        self.archive.reader(&entry_name(content.hash))
    }

    /// A whole content in memory: rows and SQL.
    ///
    /// # Errors
    /// [`ArchiveError::Limit`] for one that is too long for that.
    pub fn bytes(&self, content: Content) -> Result<Vec<u8>, OpenError> {
        /// More is no list and no SQL.
        const MOST: u64 = 64 << 20;
        let name = entry_name(content.hash);
        let bytes = self.archive.bytes(&name, MOST)?.unwrap_or_default();
        // The file may have been exchanged since it was verified.
        if ContentHash::of(&bytes) == content.hash { Ok(bytes) } else { Err(ArchiveError::EntryHash(name).into()) }
    }
}
