//! Who changed which field of a record, when, from what to what, and in which packet did it travel?

use super::{Result, Session};
use crate::ledger::{CauseKind, Direction, EntryKind};
use crate::model::{FieldNo, Key, Millis, PacketNumber, SiteName, TableNo, Value};

/// One thing that happened to a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the edit was made, by the clock of its site; else when it arrived here.
    pub time: Millis,
    /// The site of the edit, where known.
    pub site: Option<SiteName>,
    /// What happened.
    pub what: What,
    /// The packet it came in.
    pub came: Option<(SiteName, PacketNumber)>,
    /// The first packet to each neighbour that told it.
    pub went: Vec<(SiteName, PacketNumber)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The record came to be, with these values.
    Created(Vec<(String, Value)>),
    /// Fields changed: name, old, new.
    Changed(Vec<(String, Value, Value)>),
    /// The record ended with these values.
    Deleted(Vec<(String, Value)>),
    /// The record ended and another one took its key, with these values.
    Replaced(Vec<(String, Value)>),
    /// The same record was created at two sites; they are one from here on.
    Joined,
    /// The application dropped these columns, which held this.
    Dropped(Vec<(String, Value)>),
}

/// What happened to a record, oldest first.
///
/// # Errors
/// As the ledger says.
pub fn of(session: &Session, table: TableNo, key: &Key) -> Result<Vec<Event>> {
    let ledger = &session.ledger;
    let shape = session.shape(table);
    let record = ledger.load(table, key)?;
    let neighbours = ledger.neighbours()?;
    let mut packets = Vec::new();
    for neighbour in &neighbours {
        let sent = ledger.all_packets(neighbour.site)?;
        packets.push((neighbour.card.name.clone(), neighbour.site, sent));
    }
    let mut after = record.current.clone();
    let mut events = Vec::new();
    for entry in ledger.chain(&record, crate::model::JournalNumber(0))? {
        let before = entry.kind.undo(after.clone());
        let cause = ledger.cause(entry.cause)?;
        let name = |field: FieldNo| shape.name_of(field).to_owned();
        let values = |image: &Option<crate::model::Image>| -> Vec<(String, Value)> {
            let Some(image) = image else { return Vec::new() };
            shape.live_fields().map(|field| (name(field), image.row.get(field).clone())).collect()
        };
        let what = match &entry.kind {
            EntryKind::Insert => What::Created(values(&after)),
            EntryKind::Delete(_) => What::Deleted(values(&before)),
            EntryKind::Replace(_) => What::Replaced(values(&after)),
            EntryKind::Rename(_) => What::Joined,
            EntryKind::Update(old, fields) => {
                let new = |field: FieldNo| after.as_ref().map_or(Value::Absent, |image| image.row.get(field).clone());
                What::Changed(fields.iter().map(|field| (name(*field), old.row.get(*field).clone(), new(*field))).collect())
            }
        };
        let came = match cause.kind {
            CauseKind::Packet(site, number) => Some((ledger.site_name(site)?, number)),
            CauseKind::Seal | CauseKind::Found | CauseKind::Retry => None,
        };
        let mut went = Vec::new();
        for (name, site, sent) in &packets {
            let told = sent.iter().find(|row| row.direction == Direction::Out && row.journal >= entry.number && row.changes > 0);
            if let Some(row) = told
                && entry.known_to != Some(*site)
            {
                went.push((name.clone(), row.number));
            }
        }
        events.push(Event {
            time: entry.stamp.map_or(cause.time, |stamp| stamp.time),
            site: entry.stamp.map(|stamp| ledger.site_name(stamp.site)).transpose()?,
            what,
            came,
            went,
        });
        after = before;
    }
    events.reverse();
    for past in ledger.past_values(&record)? {
        let dropped = (shape.name_of(past.field).to_owned(), past.value);
        let at = events.iter().rposition(|event| event.time <= past.time).map_or(0, |place| place + 1);
        match at.checked_sub(1).map(|before| &mut events[before]) {
            Some(Event { time, what: What::Dropped(all), .. }) if *time == past.time => all.push(dropped),
            _ => {
                let event = Event { time: past.time, site: None, what: What::Dropped(vec![dropped]), came: None, went: Vec::new() };
                events.insert(at, event);
            }
        }
    }
    Ok(events)
}
