//! Which sites cannot have the schema, and why? A paper goes up: each office adds those of the sites below it to its own.
//!
//! The stream that brings the schema stands still there, so nothing else tells the main office. The paper is told when it becomes otherwise;
//! the packet that first acknowledges the schema brings the one without it.

use serde::{Deserialize, Serialize};

use super::take;
use crate::ledger::{Neighbour, NeighbourKind};
use crate::model::SiteName;
use crate::packet::Opened;
use crate::sync::{Result, Session, SyncError, roster};

/// The part of a packet, and the note of what was told.
pub(in crate::sync) const PART: &str = "schema-refusals.json";
const BELOW: &str = "schema refusals:";

/// A site that cannot have a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The site.
    pub site: SiteName,
    /// The version.
    pub version: u64,
    /// Why, and what to do there.
    pub why: String,
}

/// What sites below this one cannot have, as far as they said so.
///
/// # Errors
/// As the ledger says.
pub fn below(session: &Session) -> Result<Vec<Refusal>> {
    let mut all = Vec::new();
    if !session.rules.schema_travels() {
        return Ok(all);
    }
    let known = roster::known(session)?;
    let is_retired = |site: &SiteName| known.find(site).is_some_and(|site| site.retired.is_some());
    for (child, text) in session.ledger.notes(BELOW)? {
        // One that a newer site wrote differently says nothing here.
        for refusal in serde_json::from_str::<Vec<Refusal>>(&text).unwrap_or_default() {
            // Nobody speaks of sites that are not below it.
            if !is_retired(&refusal.site) && roster::way_down(session, &refusal.site)?.is_some_and(|way| way.as_str() == child) {
                all.push(refusal);
            }
        }
    }
    all.sort_by(|a, b| a.site.cmp(&b.site));
    Ok(all)
}

/// What the parent is to be told; none where there never was anything to tell.
pub(in crate::sync) fn paper(session: &Session, to: &Neighbour) -> Result<Option<String>> {
    if to.kind == NeighbourKind::Child {
        return Ok(None);
    }
    let mut all = below(session)?;
    all.extend(take::refused(session)?.map(|(version, why)| Refusal { site: session.name().clone(), version, why }));
    if all.is_empty() && !to.told_documents.contains_key(PART) {
        return Ok(None);
    }
    serde_json::to_string(&all).map(Some).map_err(|_| SyncError::Bug("refusals do not write"))
}

/// Takes what a child says, inside the transaction that applies its packet. Gives whether it said anything.
pub(in crate::sync) fn hear(session: &Session, from: &Neighbour, opened: &Opened) -> Result<bool> {
    let bytes = if from.kind == NeighbourKind::Child { opened.bytes(PART, session.limits.document_bytes)? } else { None };
    let Some(bytes) = bytes else { return Ok(false) };
    let text = String::from_utf8(bytes).map_err(|_| SyncError::BadPart(PART))?;
    session.ledger.set_note(&format!("{BELOW}{}", from.card.name), &text)?;
    Ok(true)
}
