//! Who alone can read it: age X25519 keys (<https://age-encryption.org/v1>), as `age-keygen` writes them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::KeyError;
use crate::world::World;
use crate::world::files::{self, Existing, Privacy};

/// The private half: opens what was sealed for it.
#[derive(Clone)]
pub struct SealingKey(x25519::Identity);

/// The public half, `age1…`: what is sealed for it only the private half opens.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SealingRecipient(x25519::Recipient);

const SECRET_PREFIX: bech32::Hrp = bech32::Hrp::parse_unchecked("AGE-SECRET-KEY-");

impl SealingKey {
    /// A new key from the world's dice.
    ///
    /// # Panics
    /// Never: any 32 bytes are an X25519 key.
    #[must_use]
    pub fn generate(world: &World) -> Self {
        // The age crate makes keys only from its own dice; its text form is the one way in for ours.
        let bytes: [u8; 32] = world.random();
        let text = bech32::encode_upper::<bech32::Bech32>(SECRET_PREFIX, &bytes).expect("32 bytes fit");
        Self(x25519::Identity::from_str(&text).expect("any 32 bytes are a key"))
    }

    /// The public half.
    #[must_use]
    pub fn recipient(&self) -> SealingRecipient {
        SealingRecipient(self.0.to_public())
    }

    /// Writes an identity file of age, mode 0600; never over an existing file.
    ///
    /// # Errors
    /// [`KeyError::Io`] where the file cannot be written or is there already.
    pub fn save(&self, world: &World, path: &Path) -> Result<(), KeyError> {
        let text = format!("# public key: {}\n{}\n", self.recipient(), self.0.to_string().expose_secret());
        Ok(files::publish(world, path, text.as_bytes(), Existing::Keep, Privacy::Secret)?)
    }

    /// Reads an identity file that holds exactly one X25519 identity.
    ///
    /// # Errors
    /// [`KeyError::NoSealingKey`] for any other file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path)?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(KeyError::NoSealingKey) };
        x25519::Identity::from_str(line).map(Self).map_err(|_| KeyError::NoSealingKey)
    }

    /// For the age crate.
    pub(crate) const fn identity(&self) -> &x25519::Identity {
        &self.0
    }
}

/// Says whose key it is and nothing of the private half.
impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.recipient())
    }
}

impl SealingRecipient {
    /// Reads `age1…`.
    ///
    /// # Errors
    /// [`KeyError::NoSealingKey`] for anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        x25519::Recipient::from_str(text).map(Self).map_err(|_| KeyError::NoSealingKey)
    }

    /// For the age crate.
    pub(crate) const fn recipient(&self) -> &x25519::Recipient {
        &self.0
    }
}

impl fmt::Display for SealingRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for SealingRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for SealingRecipient {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for SealingRecipient {}

impl TryFrom<String> for SealingRecipient {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::parse(&text)
    }
}

impl From<SealingRecipient> for String {
    fn from(recipient: SealingRecipient) -> Self {
        recipient.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Faults, SystemClock};

    #[test]
    fn the_same_seed_gives_the_same_key_and_another_seed_another() {
        let key = |seed| SealingKey::generate(&World::simulated(Box::new(SystemClock), seed, Faults::none())).recipient();
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }

    #[test]
    fn a_saved_key_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealing");
        let world = World::real();
        let key = SealingKey::generate(&world);
        key.save(&world, &path).unwrap();
        assert_eq!(SealingKey::load(&path).unwrap().recipient(), key.recipient());
        assert_eq!(SealingRecipient::parse(&key.recipient().to_string()).unwrap(), key.recipient());
    }

    #[test]
    fn a_file_with_two_keys_or_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealing");
        fs::write(&path, "# nothing\n").unwrap();
        assert!(matches!(SealingKey::load(&path), Err(KeyError::NoSealingKey)));
        let secret = SealingKey::generate(&World::real()).0.to_string();
        fs::write(&path, format!("{0}\n{0}\n", secret.expose_secret())).unwrap();
        assert!(matches!(SealingKey::load(&path), Err(KeyError::NoSealingKey)));
    }
}
