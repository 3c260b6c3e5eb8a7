//! How badly a simulated exchange behaves: all that shares, mirrors and servers were seen to do.

/// Rates per thousand operations (per file for [`Unruly::hide`]). With all of them 0 nothing is odd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unruly {
    /// Start of the dice; the same seed and the same calls behave the same.
    pub seed: u64,
    /// It cannot be reached; nothing happened.
    pub unreachable: u16,
    /// It did what was asked, and says it cannot be reached.
    pub answer_lost: u16,
    /// What is put or renamed is listed only some operations later. With several files: out of order.
    pub delay: u16,
    /// What is deleted comes back later.
    pub repeat: u16,
    /// Listings come in another order.
    pub reorder: u16,
    /// A put or get brings only a part and says it was all.
    pub truncate: u16,
    /// A file is gone, before any operation.
    pub lose: u16,
    /// A listing leaves a file out.
    pub hide: u16,
    /// A listing is the one of an earlier time.
    pub old_listing: u16,
}

impl Unruly {
    /// Longest delay, in operations.
    pub const LONGEST_DELAY: usize = 50;

    /// Nothing is odd.
    #[must_use]
    pub fn calm() -> Self {
        Self::default()
    }

    /// Everything is, often enough to meet each within some hundred operations.
    #[must_use]
    pub const fn stormy(seed: u64) -> Self {
        Self {
            seed,
            unreachable: 60,
            answer_lost: 30,
            delay: 200,
            repeat: 100,
            reorder: 500,
            truncate: 30,
            lose: 10,
            hide: 60,
            old_listing: 60,
        }
    }

    pub(super) fn is_calm(&self) -> bool {
        *self == Self { seed: self.seed, ..Self::calm() }
    }
}

/// Numbers that look random and repeat for a seed (splitmix64, Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end` - 1; `end` is at least 1. The slight unevenness of the remainder does not matter here.
    pub(super) const fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// Whether a thing that happens `rate` times in a thousand happens now. A rate of 0 rolls nothing.
    pub(super) const fn hit(&mut self, rate: u16) -> bool {
        rate > 0 && self.roll() % 1000 < rate as u64
    }
}
