//! What is written on the outside of a packet: `packet.json`, and the manifest that repeats it inside.
//!
//! The packet's id is the hash of the exact bytes of `packet.json`, and those very bytes are signed and parsed: nothing is ever
//! serialized again to compare. Members that are not known are ignored within a major version; what a reader must understand is
//! listed in `requires`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::{Layer, OpenError, StructureFault};
use crate::keys::{Fingerprint, SealingRecipient, VerifyingKey};
use crate::model::{Millis, PacketNumber, SiteName, StreamId};

/// The format that this version writes.
pub const FORMAT: Format = Format { major: 1, minor: 0 };

/// What a packet can require and this version understands.
pub const FEATURES: &[&str] = &[];

/// Version of the format. Readers take any minor version of the majors they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Changes when old readers would go wrong.
    pub major: u32,
    /// Changes when something was added that old readers can leave alone.
    pub minor: u32,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PacketKind {
    /// Asks to become a site: carries the sender's public keys and is signed with them.
    Join,
    /// Carries changes and acknowledgements.
    Changes,
    /// The parent's last word to a child that is retired since the time of the packet. It is no part of what is applied in order.
    Retired,
}

/// A blake3 hash, as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(pub [u8; 32]);

/// Names a packet: the blake3 hash of the exact bytes of its `packet.json`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PacketId(pub ContentHash);

/// `packet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Version of the format.
    pub format: Format,
    /// Features that the reader must know, or leave the packet alone.
    pub requires: Vec<String>,
    /// What it is for.
    pub kind: PacketKind,
    /// The sender.
    pub from: SiteName,
    /// The only recipient.
    pub to: SiteName,
    /// The direction between the two.
    pub stream: StreamId,
    /// Place in the stream, from 1.
    pub number: PacketNumber,
    /// The packet of the number before; none for the first.
    pub previous: Option<PacketId>,
    /// Clock of the sender.
    pub sent: Millis,
    /// The keys it was made with.
    pub keys: KeyIds,
    /// The last packet of the recipient's stream that is applied at the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledges: Option<Acknowledgement>,
    /// Child only: the last parent packet after which it kept nothing back, nor any child of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<PacketNumber>,
    /// Parent only: further packets follow that were built together with this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Packets of the recipient's stream that are missing and wanted again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<PacketNumber>,
    /// The sender reads the recipient's stream no more: what came last did not follow what was applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// `payload.age`.
    pub payload: PayloadId,
    /// Hash of `manifest.json` inside.
    pub manifest: ContentHash,
    /// `join` only: the keys the sender wants to be known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderKeys>,
}

/// The keys a packet was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyIds {
    /// Fingerprint of the signing key.
    pub signer: Fingerprint,
    /// Whom the payload is sealed for.
    pub recipients: Vec<SealingRecipient>,
}

/// How far the neighbour's stream is applied. Cumulative: everything before is applied too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The neighbour's stream.
    pub stream: StreamId,
    /// Last applied number.
    pub number: PacketNumber,
    /// Id of that packet.
    pub id: PacketId,
}

/// The sealed payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadId {
    /// Length.
    pub bytes: u64,
    /// Hash of the ciphertext.
    pub hash: ContentHash,
}

/// The public keys of somebody who wants to join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderKeys {
    /// Verifies what it signs.
    pub signing: VerifyingKey,
    /// Seals for it.
    pub sealing: SealingRecipient,
}

/// An envelope that nobody has vouched for: to show, never to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// What the file claims.
    pub envelope: Envelope,
    /// Its id.
    pub id: PacketId,
}

/// `manifest.json`: the envelope's address once more, under the seal, and every other entry in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub from: SiteName,
    pub to: SiteName,
    pub stream: StreamId,
    pub number: PacketNumber,
    /// Which fieldpost made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    pub entries: Vec<ManifestEntry>,
}

/// One part of the payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ManifestEntry {
    pub name: String,
    pub size: u64,
    pub hash: ContentHash,
}

impl Envelope {
    /// Reads the bytes of `packet.json`. Whether the version is known is decided before anything else is.
    ///
    /// # Errors
    /// [`OpenError::NewerVersion`], or [`OpenError::Structure`] where a known version is not kept to.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        #[derive(Deserialize)]
        struct Version {
            format: Format,
            #[serde(default)]
            requires: Vec<String>,
        }
        let unreadable = |reason: String| OpenError::Structure { layer: Layer::Packet, fault: StructureFault::Unreadable(reason) };
        let version: Version = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        let unknown: Vec<String> = version.requires.into_iter().filter(|name| !FEATURES.contains(&name.as_str())).collect();
        if version.format.major != FORMAT.major || !unknown.is_empty() {
            return Err(OpenError::NewerVersion { format: version.format, unknown });
        }
        let envelope: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if envelope.number == PacketNumber(0) || (envelope.number == PacketNumber(1)) != envelope.previous.is_none() {
            return Err(unreadable("exactly the first packet has no previous one".into()));
        }
        if (envelope.kind == PacketKind::Join) != envelope.sender.is_some() {
            return Err(unreadable("exactly a join carries keys".into()));
        }
        Ok(envelope)
    }
}

impl PacketId {
    /// The id of the packet with these bytes of `packet.json`.
    #[must_use]
    pub fn of(packet_json: &[u8]) -> Self {
        Self(ContentHash::of(packet_json))
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for PacketId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        ContentHash::try_from(text).map(Self)
    }
}

impl ContentHash {
    /// The hash of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        blake3::hash(bytes).into()
    }
}

impl From<blake3::Hash> for ContentHash {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| format!("`{text}` is no hash"))
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}
