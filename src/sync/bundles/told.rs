//! Whose word is it what is published? The main office's alone, however many offices pass it on.
//!
//! The main office signs its paper in a namespace of its own, and each paper has a number that is larger than that of any before. A child of the
//! main office needs no signature: its packets have the main office's. Every other site takes a paper only with the signature of the key that it
//! knows as the main office's since its first list of sites, and none that is older than the one it has. A list of sites that names another key
//! later changes nothing of that. What a site had before papers were signed stays until a signed one comes.
//!
//! **Not covered**: an office that lies from the very beginning, to a site that it invites itself; and one that passes nothing on.

use serde::Deserialize;

use super::paper::PAPER;
use crate::keys::{Namespace, VerifyingKey};
use crate::ledger::Neighbour;
use crate::packet::Opened;
use crate::site::{Role, Roster};
use crate::sync::{Result, Session, roster};

const HOST_KEY: &str = "host key";
const SIGNATURE: &str = "bundles signature";
const REFUSED: &str = "bundles refused";

/// What of a paper every version reads.
#[derive(Deserialize)]
struct Numbered {
    #[serde(default)]
    serial: i64,
}

/// The main office's key, as this site knows it since it joined.
///
/// # Errors
/// As the ledger says.
pub fn host_key(session: &Session) -> Result<Option<VerifyingKey>> {
    if session.settings.role == Role::Host {
        return Ok(Some(session.signing.verifying_key()));
    }
    if let Some(parent) = session.ledger.parent()?
        && parent.card.name == session.settings.host
    {
        return Ok(VerifyingKey::parse(&parent.card.signing).ok());
    }
    let key = match session.ledger.note(HOST_KEY)? {
        Some(key) => key,
        None => roster::known(session)?.host().signing.clone(),
    };
    Ok(VerifyingKey::parse(&key).ok())
}

/// Notes the main office's key where it is not noted yet: from the list of sites that is here, else from the first that comes. Inside the open
/// transaction of the ledger, before anything of the packet is taken.
pub(super) fn pin(session: &Session, opened: &Opened) -> Result<()> {
    if session.ledger.note(HOST_KEY)?.is_some() {
        return Ok(());
    }
    let here = roster::known(session)?.host().signing.clone();
    let comes = || -> Result<Option<String>> {
        let Some(bytes) = opened.bytes("roster.json", session.limits.document_bytes)? else { return Ok(None) };
        Ok(Roster::parse(&bytes).ok().map(|roster| roster.host().signing.clone()))
    };
    let key = if VerifyingKey::parse(&here).is_ok() { Some(here) } else { comes()? };
    match key.filter(|key| VerifyingKey::parse(key).is_ok()) {
        Some(key) => Ok(session.ledger.set_note(HOST_KEY, &key)?),
        None => Ok(()),
    }
}

/// Takes a paper that the parent's packet brings, or notes why not. Inside the open transaction of the ledger.
pub(super) fn take(session: &Session, from: &Neighbour, text: &str, signature: Option<&str>) -> Result<()> {
    let ledger = &session.ledger;
    let noted = ledger.note(PAPER)?;
    let numbered = |text: &str| serde_json::from_str::<Numbered>(text).map_or(0, |paper| paper.serial);
    if from.card.name != session.settings.host {
        let key = host_key(session)?;
        let is_signed = |signature: &str| key.is_some_and(|key| key.verify(Namespace::Paper, text.as_bytes(), signature).is_ok());
        if !signature.is_some_and(is_signed) {
            if noted.as_deref() == Some(text) {
                return Ok(());
            }
            let why = format!(
                "the list of bundles that '{0}' passed on is not signed by the main office: it is not followed, and what was published before \
                 stays; ask the main office whether '{0}' is in the right hands and has the newest fieldpost",
                from.card.name
            );
            return Ok(ledger.set_note(REFUSED, &why)?);
        }
        if noted.as_deref().is_some_and(|noted| numbered(text) < numbered(noted)) {
            let why =
                format!("the list of bundles that '{}' passed on is older than the one that is here: it is not followed", from.card.name);
            return Ok(ledger.set_note(REFUSED, &why)?);
        }
    }
    ledger.set_note(PAPER, text)?;
    ledger.set_note(SIGNATURE, signature.unwrap_or_default())?;
    Ok(ledger.set_note(REFUSED, "")?)
}

/// The main office's signature of the noted paper, to be passed on; none where it never came.
pub(super) fn signature(session: &Session, text: &str) -> Result<Option<String>> {
    if session.settings.role == Role::Host {
        return Ok(Some(session.signing.sign(Namespace::Paper, text.as_bytes())));
    }
    Ok(session.ledger.note(SIGNATURE)?.filter(|signature| !signature.is_empty()))
}

/// Why the last paper that came is not followed.
pub(super) fn refused(session: &Session) -> Result<Option<String>> {
    Ok(session.ledger.note(REFUSED)?.filter(|why| !why.is_empty()))
}
