//! A version of the schema that cannot be had here, and a later one that can: must a site wait for ever for what the main office has taken
//! back? It goes on with the newest version that is in the packets behind.
//!
//! **States**: refused (the packet that brings a version waits, nothing of it is applied) → *looked for* (the packets behind it are opened, as far
//! as each follows the one before, and the newest schema in them is found; what was looked through is noted, so that none is opened twice) → *had*,
//! as any schema, in one transaction with the note of the packet that brings it → the packets up to that one are applied as they come, and the
//! schemas in them passed over. **Crash points**: none of its own; whether a version is passed over is told by the note.
//!
//! **Invariants.** Packets are applied in their order and none is left out: only which schema they find is otherwise. What their changes say of
//! tables and columns that this version has not is not kept: no later version will have them, or it is told anew. What a version in between made
//! of the records nobody can say here, so everything is told anew once (as by `sync --full`); an edit that is under way here stays
//! one.

use serde::{Deserialize, Serialize};

use super::SentSchema;
use super::take::{brought, have, note_refusal};
use crate::ledger::Neighbour;
use crate::model::{PacketNumber, StreamId};
use crate::packet::{Envelope, Opened, PacketId};
use crate::sync::report::Tally;
use crate::sync::{Result, Session, SyncError, apply};

/// Note of the packet that brings the schema which overtook those in the packets before it.
const OVERTOOK: &str = "schema overtook";
/// Note of how far the packets behind a refused one were looked through.
const LOOKED: &str = "schema looked for";

/// A packet, whatever lies on the exchange under its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    stream: StreamId,
    number: PacketNumber,
    id: String,
}

impl Place {
    fn of(opened: &Opened) -> Self {
        Self { stream: opened.envelope.stream, number: opened.envelope.number, id: opened.id.to_string() }
    }

    /// Whether the packet is the next one.
    fn is_followed_by(&self, envelope: &Envelope) -> bool {
        let previous = envelope.previous.map(|previous: PacketId| previous.to_string());
        envelope.stream == self.stream && envelope.number == self.number.next() && previous.as_ref() == Some(&self.id)
    }
}

/// How far the packets behind a refused one were looked through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sync) struct Looked {
    /// The refused one.
    behind: Place,
    /// The last one that was opened.
    last: Place,
    /// The last one that brings a schema.
    newest: Option<Place>,
}

impl Looked {
    /// What was looked through behind this packet.
    pub(in crate::sync) fn behind(session: &Session, refused: &Opened) -> Result<Self> {
        let behind = Place::of(refused);
        let noted = session.ledger.note(LOOKED)?.filter(|text| !text.is_empty());
        let noted: Option<Self> =
            noted.map(|text| serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted place does not read"))).transpose()?;
        Ok(noted.filter(|noted| noted.behind == behind).unwrap_or_else(|| Self { last: behind.clone(), behind, newest: None }))
    }

    /// Number of the next packet to look at.
    pub(in crate::sync) fn next(&self) -> PacketNumber {
        self.last.number.next()
    }

    /// Takes a verified packet, where it follows.
    pub(in crate::sync) fn take(&mut self, opened: &Opened) {
        if self.last.is_followed_by(&opened.envelope) {
            self.last = Place::of(opened);
            if opened.entry_bytes(super::PART).is_some() {
                self.newest = Some(self.last.clone());
            }
        }
    }

    /// Number of the packet with the newest schema; none where no packet brings any.
    pub(in crate::sync) fn newest(&self) -> Option<PacketNumber> {
        self.newest.as_ref().map(|newest| newest.number)
    }

    /// Whether a verified packet is that one.
    pub(in crate::sync) fn is_newest(&self, opened: &Opened) -> bool {
        self.newest == Some(Place::of(opened))
    }

    /// Notes it for the next round.
    pub(in crate::sync) fn note(&self, session: &Session) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|_| SyncError::Bug("a place does not write"))?;
        if session.ledger.note(LOOKED)?.as_ref() == Some(&text) { Ok(()) } else { session.set_note(LOOKED, &text) }
    }
}

impl Session {
    /// Takes on the schema of `newer`, a packet of the parent behind `refused`, whose own cannot be had. Gives what was applied of `refused`
    /// to make that possible.
    ///
    /// # Errors
    /// [`SyncError::SchemaBrought`] where the newer one cannot be had either.
    pub(in crate::sync) fn overtake(&mut self, from: &Neighbour, refused: &Opened, newer: &Opened) -> Result<Tally> {
        let Some(sent) = brought(self, newer)? else { return Err(SyncError::Bug("a packet without the schema that it was found with")) };
        let mut early = Tally::default();
        let mut done = have(self, &sent, Some((from, &newer.envelope)));
        if let Err(SyncError::SchemaBrought(why)) = &done
            && why.is_about_records()
            && self.refusal_after(from, refused, &sent)?.is_none()
        {
            early = apply::apply_changes(self, from, refused)?;
            done = have(self, &sent, Some((from, &newer.envelope)));
        }
        if let Err(SyncError::SchemaBrought(why)) = &done {
            note_refusal(self, &sent, why)?;
        }
        done.map(|()| early)
    }
}

/// Notes in the open transactions that the schema came in this packet, ahead of those before it.
pub(super) fn note(session: &Session, sent: &SentSchema, from: &Neighbour, envelope: &Envelope) -> Result<()> {
    let ledger = &session.ledger;
    let text = serde_json::to_string(&(envelope.stream, envelope.number)).map_err(|_| SyncError::Bug("a place does not write"))?;
    ledger.set_note(OVERTOOK, &text)?;
    ledger.set_note(LOOKED, "")?;
    ledger.set_note(crate::sync::build::WANT_FULL, "yes")?;
    for table in ledger.parked_tables()? {
        for parked in ledger.parked_in(table)?.into_iter().filter(|parked| parked.site == from.site) {
            ledger.drop_parked(parked.site, table, &parked.change.key)?;
        }
    }
    let words = format!(
        "version {} of the schema takes the place of one that could not be had here; '{}' tells everything anew",
        sent.version, from.card.name
    );
    crate::sync::tracking::news::add(session, &[crate::sync::tracking::evolve::Event::Said(words)])
}

/// Whether the schema of a packet was overtaken.
pub(in crate::sync) fn is_overtaken(session: &Session, envelope: &Envelope) -> Result<bool> {
    let Some(text) = session.ledger.note(OVERTOOK)?.filter(|text| !text.is_empty()) else { return Ok(false) };
    let (stream, number): (StreamId, PacketNumber) =
        serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted place does not read"))?;
    Ok(envelope.stream == stream && envelope.number < number)
}
