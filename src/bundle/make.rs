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

/// What a bundle may have: it travels as a part of one packet.
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
        let mut open = fs::File::open(file)?;
        let (executable, mut hasher) = (files::rights(open.file())? & 0o100 != 0, blake3::Hasher::new());
        hasher.update_reader(&mut open)?;
        let content = Content { hash: hasher.finalize().into(), size: hasher.count() };
        contents.entry(content.hash).or_insert_with(|| PartSource::File(file.clone()));
        manifest.files.push(FileEntry { path: path.clone(), content, executable });
    }
    let mut small = |file: &str| -> Result<Content, SourceError> {
        let bytes = source.content(file)?;
        let content = Content { hash: ContentHash::of(&bytes), size: bytes.len() as u64 };
        contents.entry(content.hash).or_insert(PartSource::Bytes(bytes));
        Ok(content)
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
    let file = folder.join(manifest.file_name());
    files::publish_with(world, &file, Existing::Replace, Privacy::Ordinary, |out| {
        Ok::<_, SourceError>(write_archive(&entries, &LIMITS, folder, out)?)
    })?;
    let bytes = fs::metadata(&file)?.len();
    Ok(Built { file, manifest, id, bytes })
}
