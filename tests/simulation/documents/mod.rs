//! Histories in which every site has a folder of documents.
//!
//! | module | answers |
//! |---|---|
//! | `folder` | what do people do in their folders? |
//! | `referee` | is what came out what was promised? |

pub mod folder;
pub mod referee;

use super::history::Dice;

/// How the sites of a history keep documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Bytes of contents to each neighbour in a round.
    pub budget: u64,
    /// Bytes of contents in a packet.
    pub packet_bytes: u64,
    /// Whether documents go before the records.
    pub before_rows: bool,
}

impl Keeping {
    /// Everything at once.
    pub const PLAIN: Self = Self { budget: 64 << 20, packet_bytes: 32 << 20, before_rows: false };

    pub fn drawn(dice: &mut Dice) -> Self {
        Self { budget: dice.pick(&[4_000, 20_000, 64 << 20]), packet_bytes: dice.pick(&[1, 10_000, 32 << 20]), before_rows: dice.hit(30) }
    }
}
