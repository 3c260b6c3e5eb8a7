//! Verifies a packet, all of it, and only then hands out its parts.
//!
//! Order: zip structure → version → addressee → signature over the bytes of `packet.json` → hash of the ciphertext → every age
//! chunk to the last → structure of the payload → manifest → size, hash and check sum of every part. Until the end of that
//! nothing leaves this module. The decrypted payload is a scratch file, deleted when [`Opened`] is dropped; what a killed run leaves in the
//! scratch folder ends in [`TEMPORARY`] and has no owner.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Take, Write};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use fs_err as fs;

use super::envelope::{ContentHash, Envelope, Manifest, PacketId, PacketKind, Unverified};
use super::error::{Layer, OpenError, StructureFault};
use super::limits::{Exceeded, Limit, Limits};
use super::name::PacketFileName;
use super::seal::{ENTRIES, MANIFEST};
use super::structure::{self, Entry, Method, WalkError};
use crate::keys::{Namespace, SealingKey, VerifyingKey};
use crate::model::SiteName;
use crate::world::files::TEMPORARY;

/// What the opener knows from elsewhere.
pub struct Expectation<'a> {
    /// Who we are.
    pub to: SiteName,
    /// The key a site signs with, where it is known. Not asked for a `join`, which is signed with the key it carries:
    /// such a packet proves only that one hand made all of it, and the invitation inside must prove the rest.
    pub trusted: &'a dyn Fn(&SiteName) -> Option<VerifyingKey>,
    /// The name under which the file lay on the exchange, where it came from there; its bytes and its place in the stream must agree.
    pub name: Option<PacketFileName>,
}

/// A verified packet.
#[derive(Debug)]
pub struct Opened {
    /// What is written outside.
    pub envelope: Envelope,
    /// Its id.
    pub id: PacketId,
    /// The key that signed it.
    pub signer: VerifyingKey,
    /// Which fieldpost made it; none where it did not say.
    pub program: Option<String>,
    entries: Vec<Entry>,
    plain: tempfile::NamedTempFile,
}

/// Reads one part.
pub struct EntryReader(Source);

enum Source {
    Stored(Take<BufReader<fs::File>>),
    Deflated(Box<DeflateDecoder<Take<BufReader<fs::File>>>>),
}

/// Shows the envelope of a packet and verifies nothing but its structure. No key is needed.
///
/// # Errors
/// [`OpenError`] where there is no envelope to be shown.
pub fn inspect(file: &Path) -> Result<Unverified, OpenError> {
    let mut file = BufReader::new(fs::File::open(file)?);
    let outside = Outside::read(&mut file, &Limits::STANDARD)?;
    Ok(Unverified { envelope: Envelope::parse(&outside.packet_json)?, id: PacketId::of(&outside.packet_json) })
}

/// Verifies the packet in `file` and opens it. The decrypted payload goes to `scratch`.
///
/// # Errors
/// [`OpenError`]; [`OpenError::retry_helps`] says whether the file may still be on its way.
pub fn open(file: &Path, expected: &Expectation<'_>, key: &SealingKey, scratch: &Path, limits: &Limits) -> Result<Opened, OpenError> {
    if let Some(name) = &expected.name {
        name.check(file)?;
    }
    let mut file = BufReader::new(fs::File::open(file)?);
    let outside = Outside::read(&mut file, limits)?;
    let envelope = Envelope::parse(&outside.packet_json)?;
    check_address(&envelope, expected, &outside, limits)?;
    let signer = check_signature(&envelope, expected, &outside)?;
    check_sum(&outside.packet_json, &outside.envelope_entry)?;
    check_sum(outside.signature.as_bytes(), &outside.signature_entry)?;
    check_payload_hash(&mut file, &outside.payload, &envelope)?;
    let plain = decrypt(&mut file, &outside.payload, key, scratch)?;
    let (entries, program) = check_payload(&plain, &envelope, limits)?;
    let id = PacketId::of(&outside.packet_json);
    Ok(Opened { envelope, id, signer, program, entries, plain })
}

impl Opened {
    /// Names of the parts, in order.
    pub fn entry_names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Whether there is a part of that name, and its length.
    #[must_use]
    pub fn entry_bytes(&self, name: &str) -> Option<u64> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.size)
    }

    /// Reads a part from its start. Several can be read at the same time.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is no part of that name, or as the operating system says.
    pub fn read(&self, name: &str) -> io::Result<EntryReader> {
        let entry = self.entries.iter().find(|entry| entry.name == name);
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("the packet has no part `{name}`"));
        EntryReader::new(self.plain.path(), entry.ok_or_else(missing)?)
    }

    /// A whole part in memory; none where there is no part of that name.
    ///
    /// # Errors
    /// [`OpenError::Limit`] where it is longer than `most` bytes.
    pub fn bytes(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, OpenError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else { return Ok(None) };
        Limits::hold(Limit::Memory, most, entry.size)?;
        let mut bytes = Vec::new();
        EntryReader::new(self.plain.path(), entry)?.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

impl EntryReader {
    pub(super) fn new(zip: &Path, entry: &Entry) -> io::Result<Self> {
        let mut file = BufReader::new(fs::File::open(zip)?);
        file.seek(SeekFrom::Start(entry.start))?;
        let packed = file.take(entry.packed);
        Ok(Self(match entry.method {
            Method::Stored => Source::Stored(packed),
            Method::Deflated => Source::Deflated(Box::new(DeflateDecoder::new(packed))),
        }))
    }

    /// Packed bytes that were not needed: data hidden behind the end of the deflate stream.
    fn unread(&mut self) -> io::Result<bool> {
        match &mut self.0 {
            Source::Stored(packed) => Ok(!packed.fill_buf()?.is_empty()),
            Source::Deflated(decoder) => Ok(!decoder.get_mut().fill_buf()?.is_empty()),
        }
    }
}

impl Read for EntryReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Stored(packed) => packed.read(buffer),
            Source::Deflated(decoder) => decoder.read(buffer),
        }
    }
}

/// The three entries of a packet.
struct Outside {
    file_bytes: u64,
    packet_json: Vec<u8>,
    signature: String,
    envelope_entry: Entry,
    signature_entry: Entry,
    payload: Entry,
}

impl Outside {
    fn read(file: &mut (impl Read + Seek), limits: &Limits) -> Result<Self, OpenError> {
        let file_bytes = file.seek(SeekFrom::End(0))?;
        Limits::hold(Limit::PacketBytes, limits.packet_bytes, file_bytes)?;
        let entries = structure::walk(file, ENTRIES.len() as u64).map_err(of_packet)?;
        let fault = |fault| OpenError::Structure { layer: Layer::Packet, fault };
        if !entries.iter().map(|entry| entry.name.as_str()).eq(ENTRIES) {
            return Err(fault(StructureFault::Entries));
        }
        let [envelope_entry, signature_entry, payload] = <[Entry; 3]>::try_from(entries).map_err(|_| fault(StructureFault::Entries))?;
        for entry in [&envelope_entry, &signature_entry, &payload] {
            if entry.method != Method::Stored {
                return Err(fault(StructureFault::Compression(entry.name.clone())));
            }
        }
        Limits::hold(Limit::EnvelopeBytes, limits.envelope_bytes, envelope_entry.size)?;
        Limits::hold(Limit::SignatureBytes, limits.signature_bytes, signature_entry.size)?;
        let packet_json = read_stored(file, &envelope_entry)?;
        let signature = String::from_utf8(read_stored(file, &signature_entry)?).map_err(|_| OpenError::BadSignature)?;
        Ok(Self { file_bytes, packet_json, signature, envelope_entry, signature_entry, payload })
    }
}

fn read_stored(file: &mut (impl Read + Seek), entry: &Entry) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(entry.start))?;
    let mut bytes = Vec::new();
    file.by_ref().take(entry.size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file that is not whole may still be on its way.
fn of_packet(error: WalkError) -> OpenError {
    match error {
        WalkError::Truncated => OpenError::Truncated,
        WalkError::NotAZip => OpenError::NotAPacket,
        WalkError::Fault(fault) => OpenError::Structure { layer: Layer::Packet, fault },
        WalkError::Limit(_) => OpenError::Structure { layer: Layer::Packet, fault: StructureFault::Entries },
        WalkError::Io(error) => OpenError::Io(error),
    }
}

/// A payload was signed as it is: waiting does not make it better.
fn of_payload(error: WalkError) -> OpenError {
    let fault = |fault| OpenError::Structure { layer: Layer::Payload, fault };
    match error {
        WalkError::Truncated | WalkError::NotAZip => fault(StructureFault::NotWhole),
        WalkError::Fault(inner) => fault(inner),
        WalkError::Limit(exceeded) => exceeded.into(),
        WalkError::Io(error) => OpenError::Io(error),
    }
}

fn check_address(envelope: &Envelope, expected: &Expectation<'_>, outside: &Outside, limits: &Limits) -> Result<(), OpenError> {
    if envelope.to != expected.to {
        return Err(OpenError::NotForUs { to: envelope.to.clone() });
    }
    if expected.name.is_some_and(|name| (name.stream, name.number) != (envelope.stream, envelope.number)) {
        return Err(OpenError::NameMismatch);
    }
    if envelope.kind == PacketKind::Join {
        Limits::hold(Limit::PacketBytes, limits.join_packet_bytes, outside.file_bytes)?;
    }
    Limits::hold(Limit::Asks, Limits::ASKS as u64, envelope.asks.len() as u64)?;
    Limits::hold(Limit::Recipients, Limits::RECIPIENTS as u64, envelope.keys.recipients.len() as u64)?;
    Ok(())
}

fn check_signature(envelope: &Envelope, expected: &Expectation<'_>, outside: &Outside) -> Result<VerifyingKey, OpenError> {
    let known = match &envelope.sender {
        Some(keys) => Some(keys.signing.clone()),
        None => (expected.trusted)(&envelope.from),
    };
    let Some(signer) = known.filter(|known| known.fingerprint() == envelope.keys.signer) else {
        return Err(OpenError::UnknownSigner { from: envelope.from.clone(), fingerprint: envelope.keys.signer });
    };
    let verified = signer.verify(Namespace::Packet, &outside.packet_json, &outside.signature);
    verified.map_err(|_| OpenError::BadSignature)?;
    Ok(signer)
}

fn check_payload_hash(file: &mut (impl Read + Seek), payload: &Entry, envelope: &Envelope) -> Result<(), OpenError> {
    file.seek(SeekFrom::Start(payload.start))?;
    let mut summed = flate2::CrcReader::new(file.by_ref().take(payload.size));
    let (bytes, hash) = structure::hash_file(&mut summed)?;
    if bytes != envelope.payload.bytes || ContentHash::from(hash) != envelope.payload.hash {
        return Err(OpenError::PayloadHash);
    }
    if summed.crc().sum() == payload.crc { Ok(()) } else { Err(damaged(Layer::Packet, payload)) }
}

/// Zip's own sum adds nothing to a signature; a wrong one is refused because stock tools would stop at it.
fn check_sum(bytes: &[u8], entry: &Entry) -> Result<(), OpenError> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    if crc.sum() == entry.crc { Ok(()) } else { Err(damaged(Layer::Packet, entry)) }
}

/// Decrypts to a scratch file; reaching its end proves that no chunk is missing, age marks the last one.
fn decrypt(
    file: &mut (impl BufRead + Seek),
    payload: &Entry,
    key: &SealingKey,
    scratch: &Path,
) -> Result<tempfile::NamedTempFile, OpenError> {
    let failed = |error: &dyn std::fmt::Display| OpenError::Decrypt(error.to_string());
    file.seek(SeekFrom::Start(payload.start))?;
    let decryptor = age::Decryptor::new_buffered(file.by_ref().take(payload.size)).map_err(|error| failed(&error))?;
    let mut stream = decryptor.decrypt(std::iter::once(key.identity() as &dyn age::Identity)).map_err(|error| failed(&error))?;
    let plain = tempfile::Builder::new().prefix(".payload").suffix(TEMPORARY).tempfile_in(scratch)?;
    let mut out = BufWriter::new(plain.as_file());
    let mut buffer = vec![0; 64 << 10];
    loop {
        // A full disk is an error of the writer and not a damaged payload, so `io::copy` would mix up the two.
        match stream.read(&mut buffer).map_err(|error| failed(&error))? {
            0 => break,
            read => out.write_all(&buffer[..read])?,
        }
    }
    out.flush()?;
    drop(out);
    Ok(plain)
}

/// The parts, in the order of the manifest, once each of them is what the manifest says; and which fieldpost made them.
fn check_payload(plain: &tempfile::NamedTempFile, envelope: &Envelope, limits: &Limits) -> Result<(Vec<Entry>, Option<String>), OpenError> {
    let mut file = BufReader::new(fs::File::open(plain.path())?);
    // The manifest is an entry too.
    let mut entries = structure::walk(&mut file, limits.entries + 1).map_err(of_payload)?;
    check_sizes(&entries, limits)?;
    if entries.first().is_none_or(|entry| entry.name != MANIFEST) {
        return Err(OpenError::Structure { layer: Layer::Payload, fault: StructureFault::Entries });
    }
    let first = entries.remove(0);
    Limits::hold(Limit::ManifestBytes, limits.manifest_bytes, first.size)?;
    let mut manifest_json = Vec::new();
    EntryReader::new(plain.path(), &first)?
        .take(first.size)
        .read_to_end(&mut manifest_json)
        .map_err(|error| unpacking_failed(error, &first))?;
    if ContentHash::of(&manifest_json) != envelope.manifest {
        return Err(OpenError::ManifestMismatch);
    }
    verify_entry(plain.path(), &first, envelope.manifest)?;
    let manifest: Manifest = serde_json::from_slice(&manifest_json).map_err(|error| {
        let fault = StructureFault::Unreadable(error.to_string());
        OpenError::Structure { layer: Layer::Payload, fault }
    })?;
    check_manifest(&manifest, envelope, &entries)?;
    let hashes: BTreeMap<&str, ContentHash> = manifest.entries.iter().map(|entry| (entry.name.as_str(), entry.hash)).collect();
    for entry in &entries {
        verify_entry(plain.path(), entry, hashes[entry.name.as_str()])?;
    }
    Ok((entries, manifest.program))
}

pub(super) fn check_sizes(entries: &[Entry], limits: &Limits) -> Result<(), Exceeded> {
    let mut total = 0;
    for entry in entries {
        total += entry.size;
        Limits::hold(Limit::EntryBytes, limits.entry_bytes, entry.size)?;
        Limits::hold(Limit::UnpackedBytes, limits.unpacked_bytes, total)?;
        Limits::hold(Limit::Ratio, limits.unpacked_most(entry.packed), entry.size)?;
    }
    Ok(())
}

fn check_manifest(manifest: &Manifest, envelope: &Envelope, entries: &[Entry]) -> Result<(), OpenError> {
    let same_packet = manifest.from == envelope.from
        && manifest.to == envelope.to
        && manifest.stream == envelope.stream
        && manifest.number == envelope.number;
    let listed = manifest.entries.iter().map(|entry| (entry.name.as_str(), entry.size));
    let present = entries.iter().map(|entry| (entry.name.as_str(), entry.size));
    if same_packet && listed.eq(present) { Ok(()) } else { Err(OpenError::ManifestMismatch) }
}

/// Reads a part to its end: its size, its hash, its check sum, and nothing behind it.
pub(super) fn verify_entry(zip: &Path, entry: &Entry, hash: ContentHash) -> Result<(), OpenError> {
    let mut reader = EntryReader::new(zip, entry)?;
    let mut hasher = blake3::Hasher::new();
    let mut crc = flate2::Crc::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = reader.read(&mut buffer).map_err(|error| unpacking_failed(error, entry))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        crc.update(&buffer[..read]);
        // The announced size was held to the limits, so it bounds the work.
        if hasher.count() > entry.size {
            return Err(damaged(Layer::Payload, entry));
        }
    }
    if hasher.count() != entry.size || ContentHash::from(hasher.finalize()) != hash {
        return Err(OpenError::EntryHash { name: entry.name.clone() });
    }
    if crc.sum() != entry.crc || reader.unread()? { Err(damaged(Layer::Payload, entry)) } else { Ok(()) }
}

/// What a broken deflate stream gives is no fault of the disk.
fn unpacking_failed(error: io::Error, entry: &Entry) -> OpenError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    if matches!(error.kind(), InvalidInput | InvalidData | UnexpectedEof) { damaged(Layer::Payload, entry) } else { error.into() }
}

fn damaged(layer: Layer, entry: &Entry) -> OpenError {
    OpenError::Structure { layer, fault: StructureFault::Damaged(entry.name.clone()) }
}
