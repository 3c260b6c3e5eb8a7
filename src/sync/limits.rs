//! How much is done at a stretch, and how long is something waited for?

use std::time::Duration;

use crate::library::Library;
use crate::packet;

/// How much is done at a stretch. Named so that tests can make everything small.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most changes in one slice.
    pub slice_changes: u64,
    /// Longest time a slice holds the database's write lock, about.
    pub slice_millis: i64,
    /// Most bytes of changes in one packet, before compression.
    pub packet_bytes: u64,
    /// Most bytes of bundles for one neighbour in one round, so that they do not hold up records; at least one bundle goes.
    pub bundle_bytes: u64,
    /// How long to wait for another program's lock on the database.
    pub lock_wait: Duration,
    /// After how long an unacknowledged packet that is gone from the exchange is put there again.
    pub redeposit_millis: i64,
    /// Most bytes of a part that is read whole: roster, rules, schema, outcomes.
    pub document_bytes: u64,
    /// Most rows of each kind that one round looks at for forgetting.
    pub forget_rows: u64,
    /// How long the journal and the packets are kept for people, where that is not what the settings say. Tests forget at once.
    pub history_millis: Option<i64>,
    /// Most bytes of content of documents in one packet, about.
    pub document_packet_bytes: u64,
    /// Room on the disk that placing documents leaves alone.
    pub document_spare_bytes: u64,
    /// How long a file of the library must have been left alone before it is taken.
    pub document_settle_millis: i64,
    /// What a packet may contain.
    pub packet: packet::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // What 60 milliseconds took before changes became cheaper: the commit of more would keep the lock longer.
            slice_changes: 2_500,
            slice_millis: 60,
            packet_bytes: 32 << 20,
            bundle_bytes: 64 << 20,
            lock_wait: Duration::from_secs(10),
            redeposit_millis: 60 * 60 * 1000,
            document_bytes: 64 << 20,
            forget_rows: 2_000,
            history_millis: None,
            document_packet_bytes: 32 << 20,
            document_spare_bytes: Library::SPARE_BYTES,
            document_settle_millis: Library::SETTLE_MILLIS,
            packet: packet::Limits::default(),
        }
    }
}
