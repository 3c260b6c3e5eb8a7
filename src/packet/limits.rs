//! How much of everything a packet may have. A file beyond any of these is refused before the memory or the disk is spent.

/// Caps that opening and sealing hold to. Sealing never makes what opening would refuse.
///
/// All sizes are in bytes and stay below 4 GiB, so that no zip64 record is ever needed or taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole file.
    pub packet_bytes: u64,
    /// The whole file of a `join`, which anybody can write.
    pub join_packet_bytes: u64,
    /// `packet.json`.
    pub envelope_bytes: u64,
    /// `packet.json.sig`.
    pub signature_bytes: u64,
    /// `manifest.json`.
    pub manifest_bytes: u64,
    /// Parts in the payload, the manifest not counted.
    pub entries: u64,
    /// One part, unpacked.
    pub entry_bytes: u64,
    /// All parts together, unpacked.
    pub unpacked_bytes: u64,
    /// How many times larger than its packed bytes a part may unpack, beyond [`Limits::RATIO_FREE_BYTES`].
    pub ratio: u64,
    /// One line of a `changes` part: one block.
    pub block_bytes: u64,
    /// Records of one block.
    pub block_records: u64,
}

impl Limits {
    /// Any part may unpack to this size whatever its ratio: a small file cannot be a bomb.
    pub const RATIO_FREE_BYTES: u64 = 1 << 20;
    /// Name of a part.
    pub const NAME_BYTES: usize = 200;
    /// Packets asked for again in one envelope.
    pub const ASKS: usize = 1000;
    /// Keys that a payload is sealed for.
    pub const RECIPIENTS: usize = 4;

    /// The limits that every released Fieldpost keeps.
    pub const STANDARD: Self = Self {
        packet_bytes: 1 << 30,
        join_packet_bytes: 1 << 20,
        envelope_bytes: 64 << 10,
        signature_bytes: 4 << 10,
        manifest_bytes: 4 << 20,
        entries: 10_000,
        entry_bytes: 2 << 30,
        unpacked_bytes: 3 << 30,
        ratio: 200,
        // The largest record of SQLite, a thousand million bytes, in base64.
        block_bytes: 3 << 29,
        block_records: 10_000,
    };

    /// Checks `found` against a cap.
    pub(super) const fn hold(limit: Limit, most: u64, found: u64) -> Result<(), Exceeded> {
        if found > most { Err(Exceeded { limit, most, found }) } else { Ok(()) }
    }

    /// Most bytes that `packed` bytes may unpack to.
    pub(super) const fn unpacked_most(&self, packed: u64) -> u64 {
        let most = packed.saturating_mul(self.ratio);
        if most > Self::RATIO_FREE_BYTES { most } else { Self::RATIO_FREE_BYTES }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// Which cap was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::packet_bytes`] or [`Limits::join_packet_bytes`].
    PacketBytes,
    /// [`Limits::envelope_bytes`].
    EnvelopeBytes,
    /// [`Limits::signature_bytes`].
    SignatureBytes,
    /// [`Limits::manifest_bytes`].
    ManifestBytes,
    /// [`Limits::entries`].
    Entries,
    /// [`Limits::entry_bytes`].
    EntryBytes,
    /// [`Limits::unpacked_bytes`].
    UnpackedBytes,
    /// [`Limits::ratio`]; the numbers are bytes.
    Ratio,
    /// [`Limits::ASKS`].
    Asks,
    /// [`Limits::RECIPIENTS`].
    Recipients,
    /// [`Limits::block_bytes`].
    BlockBytes,
    /// [`Limits::block_records`].
    BlockRecords,
    /// What the caller was ready to take into memory.
    Memory,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PacketBytes => "bytes of a packet",
            Self::EnvelopeBytes => "bytes of packet.json",
            Self::SignatureBytes => "bytes of packet.json.sig",
            Self::ManifestBytes => "bytes of manifest.json",
            Self::Entries => "entries",
            Self::EntryBytes => "bytes of an entry",
            Self::UnpackedBytes => "unpacked bytes",
            Self::Ratio => "unpacked bytes for their packed size",
            Self::Asks => "packets asked for",
            Self::Recipients => "recipients",
            Self::BlockBytes => "bytes of a block",
            Self::BlockRecords => "records of a block",
            Self::Memory => "bytes to be held in memory",
        })
    }
}

/// A cap, and what was found instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    pub limit: Limit,
    pub most: u64,
    pub found: u64,
}
