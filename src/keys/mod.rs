//! Who signed a thing, and who alone can read it: the two key pairs of a site.
//!
//! Both are what stock tools use. The [`SigningKey`] is an OpenSSH ed25519 key and signs as `ssh-keygen -Y sign` does; the
//! [`SealingKey`] is an age X25519 identity. A signature holds only for its [`Namespace`], so that a signed roster can
//! never pass for a packet. Private halves live in one file each in the home, mode 0600, published whole or not at
//! all (crash point: `publish file`), and never leave the machine they were made on.

mod sealing;
mod signing;

use std::io;

pub use sealing::{SealingKey, SealingRecipient};
pub use signing::{Fingerprint, SigningKey, VerifyingKey, allowed_signers};

use crate::world::Crash;
use crate::world::files::FileError;

/// What a signature is for. The text is part of what is signed, and what `ssh-keygen -Y verify -n` wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// A packet's `packet.json`.
    Packet,
    /// The list of sites, keys and groups.
    Roster,
    /// An invitation file.
    Invitation,
    /// A package of customizations.
    Bundle,
    /// What is published, and whose keys may sign.
    Paper,
}

impl Namespace {
    /// As it is signed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packet => "packet@fieldpost",
            Self::Roster => "roster@fieldpost",
            Self::Invitation => "invitation@fieldpost",
            Self::Bundle => "bundle@fieldpost",
            Self::Paper => "bundles@fieldpost",
        }
    }
}

/// What can be wrong with a key, a key file or a signature.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Not an unencrypted ed25519 key of OpenSSH, or not its public line.
    #[error("not an ed25519 key as OpenSSH writes it")]
    NoSigningKey,
    /// Not one `AGE-SECRET-KEY-1` line, or not an `age1` recipient.
    #[error("not an X25519 key as age writes it")]
    NoSealingKey,
    /// Not `SHA256:` and 43 characters of base64.
    #[error("`{0}` is no fingerprint")]
    NoFingerprint(String),
    /// Not an armored SSH signature.
    #[error("not a signature as ssh-keygen writes it")]
    NoSignature,
    /// Another key, another namespace, or another message.
    #[error("the signature does not hold")]
    BadSignature,
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl KeyError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Io(_) => true,
            Self::NoSigningKey | Self::NoSealingKey | Self::NoFingerprint(_) | Self::NoSignature | Self::BadSignature | Self::Crash(_) => {
                false
            }
        }
    }
}

impl From<FileError> for KeyError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Io(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}
