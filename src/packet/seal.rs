//! Makes a packet of named parts.
//!
//! States: draft → plain payload in a scratch file → sealed payload in a scratch file → the packet at its place, flushed. Each
//! part is read twice (hash first, because the manifest comes first) and never held in memory. Crash point: `seal packet`, before
//! the flush; what is found under the name after a kill has no entry in any ledger and is written anew.

use std::collections::BTreeSet;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::envelope::{
    Acknowledgement, ContentHash, Envelope, FORMAT, KeyIds, Manifest, ManifestEntry, PacketId, PacketKind, PayloadId, SenderKeys,
};
use super::error::SealError;
use super::limits::{Limit, Limits};
use super::name::{PacketFileName, check_part_name};
use super::structure;
use crate::keys::{Namespace, SealingRecipient, SigningKey};
use crate::model::{Millis, PacketNumber, SiteName, StreamId};
use crate::world::World;

/// The three entries of a packet, in order.
pub(super) const ENTRIES: [&str; 3] = ["packet.json", "packet.json.sig", "payload.age"];
/// The first entry of a payload.
pub(super) const MANIFEST: &str = "manifest.json";

/// What is to be sent: the envelope without what sealing computes, and the parts.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is for.
    pub kind: PacketKind,
    /// The sender.
    pub from: SiteName,
    /// The recipient.
    pub to: SiteName,
    /// The direction between the two.
    pub stream: StreamId,
    /// Place in the stream.
    pub number: PacketNumber,
    /// The packet before.
    pub previous: Option<PacketId>,
    /// The time now.
    pub sent: Millis,
    /// Features the recipient must know.
    pub requires: Vec<String>,
    /// See [`Envelope::acknowledges`].
    pub acknowledges: Option<Acknowledgement>,
    /// See [`Envelope::settled`].
    pub settled: Option<PacketNumber>,
    /// See [`Envelope::more`].
    pub more: bool,
    /// See [`Envelope::asks`].
    pub asks: Vec<PacketNumber>,
    /// See [`Envelope::stopped`].
    pub stopped: bool,
    /// See [`Envelope::sender`].
    pub sender: Option<SenderKeys>,
    /// The content, in the order in which it is to be read.
    pub parts: Vec<Part>,
}

/// One named part.
#[derive(Clone, Debug)]
pub struct Part {
    /// Canonical name ([`check_part_name`]).
    pub name: String,
    /// Its bytes.
    pub source: PartSource,
}

/// Where the bytes of a part are.
#[derive(Clone, Debug)]
pub enum PartSource {
    /// Here.
    Bytes(Vec<u8>),
    /// In a file that nobody changes meanwhile.
    File(PathBuf),
}

/// A finished packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its id.
    pub id: PacketId,
    /// What its file is to be called.
    pub name: PacketFileName,
    /// Length of the file.
    pub bytes: u64,
    /// Its envelope.
    pub envelope: Envelope,
}

/// Seals a draft into the file `out` (replaced if there) and flushes it to disk. Scratch files are made in `scratch` and removed.
///
/// # Errors
/// [`SealError`]; what is then at `out` is of no use.
pub fn seal(
    world: &World,
    draft: &Draft,
    key: &SigningKey,
    recipients: &[SealingRecipient],
    out: &Path,
    scratch: &Path,
) -> Result<Sealed, SealError> {
    let limits = Limits::STANDARD;
    check(draft, recipients, &limits)?;
    let manifest = manifest(draft, &limits)?;
    let manifest_json = json_line(&manifest)?;
    Limits::hold(Limit::ManifestBytes, limits.manifest_bytes, manifest_json.len() as u64)?;
    let first = PartSource::Bytes(manifest_json.clone());
    let mut packing = vec![Packing::of(MANIFEST, &first)?];
    let parts = draft.parts.iter().zip(&manifest.entries);
    packing.extend(parts.map(|(part, entry)| Packing { name: &part.name, source: &part.source, size: entry.size, hash: entry.hash }));
    let plain = pack(&packing, &limits, scratch)?;
    let mut sealed = temporary(scratch)?;
    let payload = encrypt(plain, recipients, &mut sealed)?;

    let envelope = envelope(draft, key, recipients, payload, ContentHash::of(&manifest_json));
    let packet_json = json_line(&envelope)?;
    Limits::hold(Limit::EnvelopeBytes, limits.envelope_bytes, packet_json.len() as u64)?;
    let signature = key.sign(Namespace::Packet, &packet_json);
    let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(out)?;
    write_packet(&mut file, &packet_json, &signature, &mut sealed)?;
    world.step("seal packet")?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let name = PacketFileName::of_file(draft.stream, draft.number, &mut file)?;
    let most = if draft.kind == PacketKind::Join { limits.join_packet_bytes } else { limits.packet_bytes };
    Limits::hold(Limit::PacketBytes, most, name.bytes)?;
    Ok(Sealed { id: PacketId::of(&packet_json), name, bytes: name.bytes, envelope })
}

fn check(draft: &Draft, recipients: &[SealingRecipient], limits: &Limits) -> Result<(), SealError> {
    if (draft.kind == PacketKind::Join) != draft.sender.is_some() {
        return Err(SealError::SenderKeys);
    }
    if draft.number == PacketNumber(0) || (draft.number == PacketNumber(1)) != draft.previous.is_none() {
        return Err(SealError::Previous(draft.number));
    }
    Limits::hold(Limit::Asks, Limits::ASKS as u64, draft.asks.len() as u64)?;
    Limits::hold(Limit::Recipients, Limits::RECIPIENTS as u64, recipients.len() as u64)?;
    Limits::hold(Limit::Entries, limits.entries, draft.parts.len() as u64)?;
    let mut names = BTreeSet::from([MANIFEST]);
    for part in &draft.parts {
        check_part_name(&part.name)?;
        if !names.insert(&part.name) {
            return Err(SealError::Duplicate(part.name.clone()));
        }
    }
    Ok(())
}

fn manifest(draft: &Draft, limits: &Limits) -> Result<Manifest, SealError> {
    let mut entries = Vec::with_capacity(draft.parts.len());
    let mut total = 0;
    for part in &draft.parts {
        let (size, hash) = structure::hash_file(&mut part.source.reader()?)?;
        total += size;
        Limits::hold(Limit::EntryBytes, limits.entry_bytes, size)?;
        Limits::hold(Limit::UnpackedBytes, limits.unpacked_bytes, total)?;
        entries.push(ManifestEntry { name: part.name.clone(), size, hash: hash.into() });
    }
    Ok(Manifest {
        from: draft.from.clone(),
        to: draft.to.clone(),
        stream: draft.stream,
        number: draft.number,
        program: Some(env!("CARGO_PKG_VERSION").to_owned()),
        entries,
    })
}

/// One entry of a zip file that is to be written.
pub(super) struct Packing<'a> {
    name: &'a str,
    source: &'a PartSource,
    size: u64,
    hash: ContentHash,
}

impl<'a> Packing<'a> {
    /// Reads the source once, for its size and hash.
    pub(super) fn of(name: &'a str, source: &'a PartSource) -> io::Result<Self> {
        let (size, hash) = structure::hash_file(&mut source.reader()?)?;
        Ok(Self { name, source, size, hash: hash.into() })
    }
}

/// Writes a zip file. What deflates so well that opening would take it for a bomb is written again, stored.
pub(super) fn pack(entries: &[Packing<'_>], limits: &Limits, scratch: &Path) -> Result<std::fs::File, SealError> {
    let deflated = pack_as(entries, &BTreeSet::new(), temporary(scratch)?)?;
    let mut reader = BufReader::new(deflated);
    let walked = structure::walk(&mut reader, limits.entries + 1).map_err(|error| SealError::Library(format!("{error:?}")))?;
    let dense = walked.into_iter().filter(|entry| entry.size > limits.unpacked_most(entry.packed));
    let dense: BTreeSet<String> = dense.map(|entry| entry.name).collect();
    if dense.is_empty() { Ok(reader.into_inner()) } else { pack_as(entries, &dense, temporary(scratch)?) }
}

fn pack_as(entries: &[Packing<'_>], stored: &BTreeSet<String>, file: std::fs::File) -> Result<std::fs::File, SealError> {
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for entry in entries {
        let method = if stored.contains(entry.name) { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        zip.start_file(entry.name, options(method)).map_err(library)?;
        let mut hashed = Hashed { inner: entry.source.reader()?, hasher: blake3::Hasher::new() };
        // One byte more than announced is enough to see that a file grew.
        io::copy(&mut hashed.by_ref().take(entry.size + 1), &mut zip)?;
        if ContentHash::from(hashed.hasher.finalize()) != entry.hash {
            return Err(SealError::Changed(entry.name.to_owned()));
        }
    }
    let file = zip.finish().map_err(library)?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(file)
}

/// Encrypts the payload into `sealed` and leaves that at its start.
fn encrypt(mut plain: std::fs::File, recipients: &[SealingRecipient], sealed: &mut std::fs::File) -> Result<PayloadId, SealError> {
    plain.seek(SeekFrom::Start(0))?;
    let keys = recipients.iter().map(|recipient| recipient.recipient() as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys).map_err(|error| SealError::Library(error.to_string()))?;
    let out = Hashed { inner: BufWriter::new(sealed), hasher: blake3::Hasher::new() };
    let mut stream = encryptor.wrap_output(out)?;
    io::copy(&mut plain, &mut stream)?;
    let mut out = stream.finish()?;
    out.flush()?;
    let payload = PayloadId { bytes: out.hasher.count(), hash: out.hasher.finalize().into() };
    out.inner.get_mut().seek(SeekFrom::Start(0))?;
    Ok(payload)
}

fn envelope(draft: &Draft, key: &SigningKey, recipients: &[SealingRecipient], payload: PayloadId, manifest: ContentHash) -> Envelope {
    Envelope {
        format: FORMAT,
        requires: draft.requires.clone(),
        kind: draft.kind,
        from: draft.from.clone(),
        to: draft.to.clone(),
        stream: draft.stream,
        number: draft.number,
        previous: draft.previous,
        sent: draft.sent,
        keys: KeyIds { signer: key.verifying_key().fingerprint(), recipients: recipients.to_vec() },
        acknowledges: draft.acknowledges,
        settled: draft.settled,
        more: draft.more,
        asks: draft.asks.clone(),
        stopped: draft.stopped,
        payload,
        manifest,
        sender: draft.sender.clone(),
    }
}

fn write_packet(file: &mut fs::File, packet_json: &[u8], signature: &str, payload: &mut impl Read) -> Result<(), SealError> {
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let [envelope, signed, sealed] = ENTRIES;
    zip.start_file(envelope, options(CompressionMethod::Stored)).map_err(library)?;
    zip.write_all(packet_json)?;
    zip.start_file(signed, options(CompressionMethod::Stored)).map_err(library)?;
    zip.write_all(signature.as_bytes())?;
    zip.start_file(sealed, options(CompressionMethod::Stored)).map_err(library)?;
    io::copy(payload, &mut zip)?;
    zip.finish().map_err(library)?.flush()?;
    Ok(())
}

fn options(method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(method).last_modified_time(DateTime::default()).unix_permissions(0o644)
}

fn library(error: zip::result::ZipError) -> SealError {
    if let zip::result::ZipError::Io(error) = error { SealError::Io(error) } else { SealError::Library(error.to_string()) }
}

/// One line of JSON with its line feed, so that `cat` and `jq` both read it well.
fn json_line(value: &impl serde::Serialize) -> Result<Vec<u8>, SealError> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| SealError::Library(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A scratch file that is gone when it is dropped.
fn temporary(scratch: &Path) -> io::Result<std::fs::File> {
    tempfile::tempfile_in(scratch)
}

impl PartSource {
    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(bytes.as_slice()),
            Self::File(path) => Box::new(BufReader::new(fs::File::open(path)?)),
        })
    }
}

/// Hashes what passes.
struct Hashed<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
