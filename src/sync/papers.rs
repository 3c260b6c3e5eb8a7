//! Which papers go with the next packet: roster, rules, what is published, whether there is a library, the schema and who cannot have it?
//!
//! Each is told once in every version: what a neighbour was told is kept with its stream, in the commit of the build.

use std::collections::BTreeMap;

use super::session::RULES_PART;
use super::{Result, Session, SyncError, bundles, documents, roster, schema};
use crate::ledger::{Neighbour, NeighbourKind};
use crate::packet::{Part, PartSource};

/// Which fields hold numbers of records, by the rules and the schema that a child was told, and the packet since which it knows.
const REFERENCES: &str = "references";
const REFERENCES_TOLD_IN: &str = "references packet";

/// What a neighbour was not told yet, and what it was told then.
pub(super) fn papers(session: &Session, to: &Neighbour) -> Result<(Vec<Part>, BTreeMap<String, String>)> {
    let (mut parts, mut told) = (Vec::new(), to.told_documents.clone());
    for (note, part) in [("roster", "roster.json"), ("rules", RULES_PART)] {
        let Some(text) = roster::document(session, to, note)? else { continue };
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        if told.get(note) != Some(&hash) {
            parts.push(Part { name: part.into(), source: PartSource::Bytes(text.into_bytes()) });
            told.insert(note.to_owned(), hash);
        }
    }
    if let Some(text) = documents::switch::paper(session, to)?
        && told.get(documents::switch::PAPER) != Some(&text)
    {
        parts.push(Part { name: documents::switch::PAPER.into(), source: PartSource::Bytes(text.clone().into_bytes()) });
        told.insert(documents::switch::PAPER.into(), text);
    }
    bundles::travel::forget_told(session, to, &mut told)?;
    if let Some((note, said)) = bundles::document(session, to)? {
        let all: Vec<u8> = said.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let hash = blake3::hash(&all).to_hex().to_string();
        if told.get(note) != Some(&hash) {
            parts.extend(said.into_iter().map(|(name, bytes)| Part { name: name.into(), source: PartSource::Bytes(bytes) }));
            told.insert(note.to_owned(), hash);
        }
    }
    if let Some(text) = schema::refusals::paper(session, to)? {
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        if told.get(schema::refusals::PART) != Some(&hash) {
            parts.push(Part { name: schema::refusals::PART.into(), source: PartSource::Bytes(text.into_bytes()) });
            told.insert(schema::refusals::PART.to_owned(), hash);
        }
    }
    if let Some((version, text)) = schema::paper(session)?.filter(|_| to.kind == NeighbourKind::Child)
        && told.get(schema::PART) != Some(&version.to_string())
    {
        // A new child gets it with what it needs beside it.
        if !to.fresh {
            parts.push(Part { name: schema::PART.into(), source: PartSource::Bytes(text.into_bytes()) });
        }
        told.insert(schema::PART.to_owned(), version.to_string());
        told.insert(schema::TOLD_IN.to_owned(), to.sent.next().to_string());
    }
    // A schema that waits for a hint is told to nobody.
    let version = if session.rules.schema_travels() { schema::told(session)?.map(|told| told.version.to_string()) } else { None };
    if to.kind == NeighbourKind::Child && version.is_none_or(|version| told.get(schema::PART) == Some(&version)) {
        let references = references(session)?;
        if told.get(REFERENCES) != Some(&references) {
            told.insert(REFERENCES.to_owned(), references);
            told.insert(REFERENCES_TOLD_IN.to_owned(), to.sent.next().to_string());
        }
    }
    Ok((parts, told))
}

fn references(session: &Session) -> Result<String> {
    let all: Vec<_> = session.shapes.iter().map(|shape| (shape.number, &shape.numbers)).collect();
    let text = serde_json::to_vec(&all).map_err(|_| SyncError::Bug("references do not write"))?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

/// Whether a child had heard which fields hold numbers of records, when it built what we take now: then a number beside which it says nobody is nobody's.
pub(super) fn knows_references(session: &Session, child: &Neighbour) -> Result<bool> {
    let told_in = child.told_documents.get(REFERENCES_TOLD_IN).and_then(|packet| packet.parse().ok());
    Ok(told_in.is_some_and(|packet: u64| packet <= child.acknowledged.0)
        && child.told_documents.get(REFERENCES) == Some(&references(session)?))
}
