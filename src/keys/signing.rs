//! Who signed it: ed25519 keys and signatures as OpenSSH writes them (PROTOCOL.key, PROTOCOL.sshsig).

use std::fmt;
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use super::{KeyError, Namespace};
use crate::model::SiteName;
use crate::world::World;
use crate::world::files::{self, Existing, Privacy};

/// The private half: signs.
#[derive(Clone)]
pub struct SigningKey(PrivateKey);

/// The public half: says whether a signature holds. Written as OpenSSH's public line, without a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifyingKey(Ed25519PublicKey);

/// Short name of a public key: `SHA256:` and 43 characters, as `ssh-keygen -l` prints it. Two people compare it by phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl SigningKey {
    /// A new key from the world's dice.
    #[must_use]
    pub fn generate(world: &World) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(&world.random())))
    }

    /// The public half.
    ///
    /// # Panics
    /// Never: [`SigningKey::generate`] and [`SigningKey::load`] take only ed25519.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(*self.0.public_key().key_data().ed25519().expect("only ed25519 keys are taken"))
    }

    /// Signs as `ssh-keygen -Y sign -n NAMESPACE` does; gives the armored text. The same input gives the same text.
    ///
    /// # Panics
    /// Never: an unencrypted ed25519 key signs any message.
    #[must_use]
    pub fn sign(&self, namespace: Namespace, message: &[u8]) -> String {
        let signature = self.0.sign(namespace.as_str(), HashAlg::Sha512, message).expect("an ed25519 key signs");
        signature.to_pem(LineEnding::LF).expect("a signature of 64 bytes has a text")
    }

    /// Writes the private key file, mode 0600; never over an existing file.
    ///
    /// # Errors
    /// [`KeyError::Io`] where the file cannot be written or is there already.
    pub fn save(&self, world: &World, path: &Path) -> Result<(), KeyError> {
        let text = self.0.to_openssh(LineEnding::LF).map_err(|_| KeyError::NoSigningKey)?;
        Ok(files::publish(world, path, text.as_bytes(), Existing::Keep, Privacy::Secret)?)
    }

    /// Reads a private key file of OpenSSH.
    ///
    /// # Errors
    /// [`KeyError::NoSigningKey`] where the file is not an ed25519 key without a passphrase.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let key = PrivateKey::from_openssh(fs::read(path)?).map_err(|_| KeyError::NoSigningKey)?;
        if key.is_encrypted() || key.public_key().key_data().ed25519().is_none() {
            return Err(KeyError::NoSigningKey);
        }
        Ok(Self(key))
    }
}

/// Says whose key it is and nothing of the private half.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().fingerprint())
    }
}

impl VerifyingKey {
    /// Reads a public line: `ssh-ed25519 AAAA…`; a comment after it is ignored.
    ///
    /// # Errors
    /// [`KeyError::NoSigningKey`] for anything else.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let key = PublicKey::from_openssh(line).map_err(|_| KeyError::NoSigningKey)?;
        key.key_data().ed25519().map(|key| Self(*key)).ok_or(KeyError::NoSigningKey)
    }

    /// Whether `armored` is this key's signature of `message` for `namespace`.
    ///
    /// # Errors
    /// [`KeyError::NoSignature`] for a text that is none, [`KeyError::BadSignature`] where it does not hold.
    pub fn verify(&self, namespace: Namespace, message: &[u8], armored: &str) -> Result<(), KeyError> {
        let signature = SshSig::from_pem(armored).map_err(|_| KeyError::NoSignature)?;
        let key = PublicKey::from(KeyData::from(self.0));
        key.verify(namespace.as_str(), message, &signature).map_err(|_| KeyError::BadSignature)
    }

    /// The short name of this key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let print = KeyData::from(self.0).fingerprint(HashAlg::Sha256);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(print.as_bytes());
        Fingerprint(bytes)
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = PublicKey::from(KeyData::from(self.0)).to_openssh().map_err(|_| fmt::Error)?;
        f.pad(line.trim_end())
    }
}

impl TryFrom<String> for VerifyingKey {
    type Error = KeyError;
    fn try_from(line: String) -> Result<Self, KeyError> {
        Self::parse(&line)
    }
}

impl From<VerifyingKey> for String {
    fn from(key: VerifyingKey) -> Self {
        key.to_string()
    }
}

impl Fingerprint {
    /// Reads what [`Display`](fmt::Display) and `ssh-keygen -l` write.
    ///
    /// # Errors
    /// [`KeyError::NoFingerprint`] for anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::NoFingerprint(text.into());
        let base64 = text.strip_prefix("SHA256:").ok_or_else(wrong)?;
        let bytes = data_encoding::BASE64_NOPAD.decode(base64.as_bytes()).map_err(|_| wrong())?;
        bytes.try_into().map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", data_encoding::BASE64_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::parse(&text)
    }
}

impl From<Fingerprint> for String {
    fn from(print: Fingerprint) -> Self {
        print.to_string()
    }
}

/// The text of an `allowed_signers` file for `ssh-keygen -Y verify`: one line per site, good for our namespaces only.
#[must_use]
pub fn allowed_signers<'k>(signers: impl IntoIterator<Item = (&'k SiteName, &'k VerifyingKey)>) -> String {
    let namespaces =
        [Namespace::Packet, Namespace::Roster, Namespace::Invitation, Namespace::Bundle, Namespace::Paper].map(Namespace::as_str).join(",");
    signers.into_iter().map(|(name, key)| format!("{name} namespaces=\"{namespaces}\" {key}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Faults, SystemClock};

    fn key(seed: u64) -> SigningKey {
        SigningKey::generate(&World::simulated(Box::new(SystemClock), seed, Faults::none()))
    }

    #[test]
    fn a_signature_holds_for_its_key_message_and_namespace_only() {
        let signed = key(1).sign(Namespace::Packet, b"message");
        let public = key(1).verifying_key();
        public.verify(Namespace::Packet, b"message", &signed).unwrap();
        assert!(matches!(public.verify(Namespace::Roster, b"message", &signed), Err(KeyError::BadSignature)));
        assert!(matches!(public.verify(Namespace::Packet, b"massage", &signed), Err(KeyError::BadSignature)));
        assert!(matches!(key(2).verifying_key().verify(Namespace::Packet, b"message", &signed), Err(KeyError::BadSignature)));
        assert!(matches!(public.verify(Namespace::Packet, b"message", "no"), Err(KeyError::NoSignature)));
    }

    #[test]
    fn a_saved_key_comes_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing");
        let world = World::real();
        let key = SigningKey::generate(&world);
        key.save(&world, &path).unwrap();
        assert_eq!(SigningKey::load(&path).unwrap().verifying_key(), key.verifying_key());
        assert!(matches!(SigningKey::generate(&world).save(&world, &path), Err(KeyError::Io(_))));
        assert_eq!(SigningKey::load(&path).unwrap().verifying_key(), key.verifying_key());
    }

    #[test]
    fn texts_of_keys_and_fingerprints_come_back() {
        let public = key(1).verifying_key();
        assert_eq!(VerifyingKey::parse(&format!("{public} anna@laptop")).unwrap(), public);
        assert_eq!(Fingerprint::parse(&public.fingerprint().to_string()).unwrap(), public.fingerprint());
        assert!(matches!(VerifyingKey::parse("ssh-rsa AAAA"), Err(KeyError::NoSigningKey)));
        assert!(matches!(Fingerprint::parse("MD5:00"), Err(KeyError::NoFingerprint(_))));
    }

    #[test]
    fn the_debug_text_shows_no_secret() {
        assert_eq!(format!("{:?}", key(1)), format!("SigningKey({})", key(1).verifying_key().fingerprint()));
    }
}
