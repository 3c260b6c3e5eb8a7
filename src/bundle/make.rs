//! How does a folder become a file? The same folder and key give the same bytes.
//!
//! Crash point: publishing the finished file; before it there is none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::manifest::{Content, FORMAT, FileEntry, Manifest, RowsEntry, StepEntry};
use super::source::{Source, SourceError};
use crate::keys::{Namespace, SigningKey};
use crate::packet::{ContentHash, Limits, PartSource, write_archive};
use crate::world::World;
use crate::world::files::{self, Existing, Privacy};

/// The first two entries of a bundle.
pub(super) const HEAD: [&str; 2] = ["bundle.json", "bundle.json.sig"];

/// What a bundle may have: it travels as a part of one packet, and contents are held in memory one at a time.
pub(super) const LIMITS: Limits = Limits { packet_bytes: 512 << 20, entry_bytes: 512 << 20, ..Limits::STANDARD };

/// The entry of a content.
pub(super) fn entry_name(hash: ContentHash) -> String {
    format!("content/{hash}")
}

/// A finished bundle.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it is.
    pub file: PathBuf,
    /// What it is.
    pub manifest: Manifest,
    /// Its id.
    pub id: ContentHash,
    /// Length of the file.
    pub bytes: u64,
}

/// Makes the file of a bundle in `folder`; one of that name is replaced.
///
/// # Errors
/// [`SourceError`]; then there is no new file.
pub fn build(world: &World, source: &Source, key: &SigningKey, folder: &Path) -> Result<Built, SourceError> {
    let mut contents: BTreeMap<ContentHash, PartSource> = BTreeMap::new();
    let mut keep = |part: PartSource, bytes: &[u8]| {
        let hash = ContentHash::of(bytes);
        contents.entry(hash).or_insert(part);
        Content { hash, size: bytes.len() as u64 }
    };
    let mut manifest = Manifest {
        format: FORMAT,
        requires: Vec::new(),
        name: source.head.name.clone(),
        version: source.head.version,
        title: source.head.title.clone(),
        publisher: source.head.publisher.clone(),
        signer: key.verifying_key().fingerprint(),
        groups: source.head.groups.clone(),
        needs: source.head.needs.clone(),
        files: Vec::new(),
        steps: Vec::new(),
        rows: Vec::new(),
    };
    for (path, file) in &source.files {
        let bytes = fs::read(file)?;
        manifest.files.push(FileEntry { path: path.clone(), content: keep(PartSource::File(file.clone()), &bytes) });
    }
    let mut small = |file: &str| -> Result<Content, SourceError> {
        let bytes = source.content(file)?;
        Ok(keep(PartSource::Bytes(bytes.clone()), &bytes))
    };
    for step in &source.head.schema {
        let down = step.down.as_deref().map(&mut small).transpose()?;
        manifest.steps.push(StepEntry { file: step.up.clone(), up: small(&step.up)?, down, runs: step.runs });
    }
    for rows in &source.head.rows {
        manifest.rows.push(RowsEntry {
            file: rows.file.clone(),
            form: source.form(&rows.file)?,
            content: small(&rows.file)?,
            table: rows.table.clone(),
            key: rows.key.clone(),
            mode: rows.mode,
            runs: rows.runs,
        });
    }
    manifest.check()?;
    let mut json = serde_json::to_vec(&manifest).map_err(|error| crate::packet::SealError::Library(error.to_string()))?;
    json.push(b'\n');
    let signature = key.sign(Namespace::Bundle, &json);
    let id = ContentHash::of(&json);
    let [head, signed] = HEAD;
    let mut entries = vec![(head.to_owned(), PartSource::Bytes(json)), (signed.to_owned(), PartSource::Bytes(signature.into_bytes()))];
    entries.extend(contents.into_iter().map(|(hash, part)| (entry_name(hash), part)));
    fs::create_dir_all(folder)?;
    let mut bytes = Vec::new();
    write_archive(&entries, &LIMITS, folder, &mut bytes)?;
    let file = folder.join(manifest.file_name());
    files::publish(world, &file, &bytes, Existing::Replace, Privacy::Ordinary)?;
    Ok(Built { file, manifest, id, bytes: bytes.len() as u64 })
}
