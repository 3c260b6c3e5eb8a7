//! What does a parent hand over so that a new site can join, and so that the parent knows who asks?
//!
//! A text file: one line for people, then the signed document in base64. The receiver checks the signature against
//! [`Invitation::inviter_signing`] (trust comes from how the file was handed over), makes its own keys and proves with
//! the secret that it got this file. Signing and checking are done by the caller over [`InvitationFile::signed_bytes`]:
//! the very bytes that were signed are the bytes that are parsed.

use std::collections::BTreeSet;
use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::Role;
use crate::model::{Millis, SiteName};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// [`Invitation::FORMAT`].
    pub format: u32,
    /// Names the invitation; no secret.
    pub id: InvitationId,
    /// Proves that the request comes from who got the file.
    pub secret: InvitationSecret,
    /// Who invites; becomes the parent.
    pub inviter: SiteName,
    /// The inviter's public signing key, as an OpenSSH public key line.
    pub inviter_signing: String,
    /// The inviter's public sealing key, as an age recipient.
    pub inviter_sealing: String,
    /// The root of the tree.
    pub host: SiteName,
    /// The name the new site gets.
    pub name: SiteName,
    /// The place it gets; never the host's.
    pub role: Role,
    /// The groups it will be in.
    pub groups: BTreeSet<String>,
    /// File name of the host's database: what a new site calls its own where it says nothing else.
    pub database: String,
    /// When it was made, by the inviter's clock.
    pub created: Millis,
    /// When it stops being taken, by the inviter's clock.
    pub expires: Millis,
}

/// Eight random bytes; sixteen hex digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvitationId(pub [u8; 8]);

/// 32 random bytes; 64 hex digits in JSON, and never shown.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvitationSecret(pub [u8; 32]);

/// A document with its signature, as it is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationFile {
    document: String,
    invitation: Invitation,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    document: String,
    signature: String,
}

/// Why a text is no invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not the three parts an invitation has, or changed on the way.
    #[error("this is no whole invitation: {0}")]
    Form(String),
    /// Made by another version.
    #[error("the invitation has format {found}, this fieldpost knows {known}", known = Invitation::FORMAT)]
    Format {
        /// As it says.
        found: u32,
    },
    /// Too late.
    #[error("the invitation for '{name}' from '{inviter}' has expired")]
    Expired {
        /// Who was invited.
        name: SiteName,
        /// Who can invite again.
        inviter: SiteName,
        /// Since when.
        expired: Millis,
    },
}

impl Invitation {
    /// The format written and read here.
    pub const FORMAT: u32 = 1;
    /// The namespace of its signature.
    pub const NAMESPACE: &str = "invitation@fieldpost";

    /// The bytes to sign.
    #[must_use]
    pub fn to_document(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// Refuses an invitation whose time is over.
    ///
    /// # Errors
    /// [`InvitationError::Expired`].
    pub fn check_time(&self, now: Millis) -> Result<(), InvitationError> {
        if now < self.expires {
            return Ok(());
        }
        Err(InvitationError::Expired { name: self.name.clone(), inviter: self.inviter.clone(), expired: self.expires })
    }
}

impl InvitationFile {
    /// Largest file, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;
    const BEGIN: &str = "-----BEGIN FIELDPOST INVITATION-----";
    const END: &str = "-----END FIELDPOST INVITATION-----";
    const COLUMNS: usize = 76;

    /// Puts a document and the signature over [`Invitation::to_document`] together.
    #[must_use]
    pub fn new(invitation: Invitation, signature: String) -> Self {
        Self { document: invitation.to_document(), invitation, signature }
    }

    /// Reads the text of a file. Checks neither the signature nor the time.
    ///
    /// # Errors
    /// [`InvitationError::Form`] for anything but what [`fmt::Display`] writes (line ends may be a mail program's).
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        let form = |why: &str| InvitationError::Form(why.to_owned());
        if text.len() > Self::MAX_BYTES {
            return Err(form("it is too long"));
        }
        let text = text.replace("\r\n", "\n");
        let (_, rest) = text.split_once(&format!("\n{}\n", Self::BEGIN)).ok_or_else(|| form("it has no beginning"))?;
        let (armour, _) = rest.split_once(&format!("\n{}", Self::END)).ok_or_else(|| form("it has no end"))?;
        let bytes = BASE64.decode(armour.replace('\n', "").as_bytes()).map_err(|_| form("the middle is damaged"))?;
        let envelope: Envelope = serde_json::from_slice(&bytes).map_err(|_| form("the middle is damaged"))?;
        let invitation = read_document(&envelope.document)?;
        let file = Self { document: envelope.document, invitation, signature: envelope.signature };
        // One text per invitation: nothing can ride along before, after or between.
        if file.to_string().trim_end() == text.trim_end() { Ok(file) } else { Err(form("something was added or changed")) }
    }

    /// What the signature is over.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        self.document.as_bytes()
    }

    /// The signature, as the caller gave it.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The document. Not to be trusted before the signature is checked.
    #[must_use]
    pub const fn invitation(&self) -> &Invitation {
        &self.invitation
    }
}

fn read_document(document: &str) -> Result<Invitation, InvitationError> {
    #[derive(Deserialize)]
    struct AnyFormat {
        format: u32,
    }
    let form = |error: serde_json::Error| InvitationError::Form(error.to_string());
    let AnyFormat { format } = serde_json::from_str(document).map_err(form)?;
    if format != Invitation::FORMAT {
        return Err(InvitationError::Format { found: format });
    }
    let invitation: Invitation = serde_json::from_str(document).map_err(form)?;
    if invitation.role == Role::Host {
        return Err(InvitationError::Form("nobody is invited to be the host".to_owned()));
    }
    Ok(invitation)
}

/// The file.
impl fmt::Display for InvitationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Invitation { name, inviter, .. } = &self.invitation;
        writeln!(f, "fieldpost invitation for '{name}' from '{inviter}'. Keep it secret, hand it over once.")?;
        writeln!(f, "{}", Self::BEGIN)?;
        let envelope = Envelope { document: self.document.clone(), signature: self.signature.clone() };
        let armour = BASE64.encode(&serde_json::to_vec(&envelope).expect("two texts are JSON"));
        for line in armour.as_bytes().chunks(Self::COLUMNS) {
            writeln!(f, "{}", str::from_utf8(line).expect("base64 is ASCII"))?;
        }
        writeln!(f, "{}", Self::END)
    }
}

fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| format!("{} lower-case hex digits expected", 2 * N))
}

impl TryFrom<String> for InvitationId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        from_hex(&text).map(Self)
    }
}

impl From<InvitationId> for String {
    fn from(id: InvitationId) -> Self {
        HEXLOWER.encode(&id.0)
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for InvitationSecret {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        from_hex(&text).map(Self)
    }
}

impl From<InvitationSecret> for String {
    fn from(secret: InvitationSecret) -> Self {
        HEXLOWER.encode(&secret.0)
    }
}

impl fmt::Debug for InvitationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            format: Invitation::FORMAT,
            id: InvitationId([1; 8]),
            secret: InvitationSecret([0xab; 32]),
            inviter: SiteName::new("head").unwrap(),
            inviter_signing: "ssh-ed25519 AAAA head".to_owned(),
            inviter_sealing: "age1head".to_owned(),
            host: SiteName::new("head").unwrap(),
            name: SiteName::new("anna").unwrap(),
            role: Role::Remote,
            groups: BTreeSet::from(["sales".to_owned()]),
            database: "shop.db".to_owned(),
            created: Millis(1_000),
            expires: Millis(2_000),
        }
    }

    #[test]
    fn a_file_reads_back_also_after_a_mail_program_had_it() {
        let file = InvitationFile::new(invitation(), "signature".to_owned());
        let text = file.to_string();
        assert!(text.starts_with("fieldpost invitation for 'anna' from 'head'. Keep it secret, hand it over once.\n-----BEGIN"));
        assert!(text.lines().all(|line| line.len() <= 80));
        assert_eq!(InvitationFile::parse(&text).unwrap(), file);
        assert_eq!(InvitationFile::parse(&(text.replace('\n', "\r\n") + "\r\n")).unwrap(), file);
        assert_eq!(file.signed_bytes(), invitation().to_document().as_bytes());
    }

    #[test]
    fn anything_else_is_refused() {
        let text = InvitationFile::new(invitation(), "signature".to_owned()).to_string();
        let broken = [
            String::new(),
            text.replace("'anna'", "'bert'"),
            format!("hello\n{text}"),
            format!("{text}hello\n"),
            text.replace("-----END", "----END"),
            text.replacen("eyJ", "eyK", 1),
            text[..text.len() / 2].to_owned(),
            "x".repeat(InvitationFile::MAX_BYTES + 1),
        ];
        for text in broken {
            assert!(matches!(InvitationFile::parse(&text), Err(InvitationError::Form(_))), "{text}");
        }
        let other = |change: fn(&mut Invitation)| {
            let mut invitation = invitation();
            change(&mut invitation);
            InvitationFile::parse(&InvitationFile::new(invitation, String::new()).to_string()).unwrap_err()
        };
        assert_eq!(other(|invitation| invitation.format = 2), InvitationError::Format { found: 2 });
        assert!(matches!(other(|invitation| invitation.role = Role::Host), InvitationError::Form(_)));
    }

    #[test]
    fn an_invitation_ends_at_its_time() {
        invitation().check_time(Millis(1_999)).unwrap();
        assert!(matches!(invitation().check_time(Millis(2_000)), Err(InvitationError::Expired { .. })));
    }

    #[test]
    fn the_secret_is_not_in_what_a_log_would_show() {
        assert!(!format!("{:?}", invitation()).contains("abab"));
    }
}
