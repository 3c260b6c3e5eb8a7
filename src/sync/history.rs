//! Who changed which field of a record, when, from what to what, and in which packet did it travel?
//!
//! A packet tells net changes, so what several people did to a record comes as one entry of the journal. Each field knows its own edit: an entry
//! becomes as many events as there were edits that it has fields of.

use std::collections::BTreeMap;

use super::{Result, Session};
use crate::ledger::{CauseKind, Direction, Entry, EntryKind, Record};
use crate::model::{FieldNo, Identity, Image, JournalNumber, Key, Millis, PacketNumber, Row, Shape, SiteName, Stamp, Value};
use crate::site::Settings;

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
    /// The first packet to each neighbour that told it; no number where that one is not in the list of packets any more.
    pub went: Vec<(SiteName, Option<PacketNumber>)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The record came to be, with these values.
    Created(Vec<(String, Value)>),
    /// The record had ended and is there again, with these values: its end was taken back.
    Returned(Vec<(String, Value)>),
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
    /// What a neighbour wrote came when the table had gone.
    Late(Vec<(String, Value)>),
    /// The table went (or is tracked no more); the record held this last.
    Gone(Vec<(String, Value)>),
}

/// The records that a key means or meant: the one that has it, and in a table of handed-out numbers those that had it
/// before, the last one first.
///
/// # Errors
/// As the ledger says.
pub fn under(session: &Session, shape: &Shape, place: &Key) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    let record = match shape.identity() {
        Identity::Key | Identity::Birth => session.load_at(shape, place)?,
        Identity::Meaning => {
            let mut row = super::numbers::meaning::key_row(shape, place)?;
            session.mean(shape, &mut row)?;
            session.load(shape.number, &session.key_by_meaning(shape, &row)?)?
        }
    };
    found.extend(record.id.is_some().then_some(record));
    if let (Identity::Birth, Some(number)) = (shape.identity(), place.as_integer()) {
        for id in session.ledger.formerly(shape.number, number)? {
            if found.iter().all(|record| record.id != Some(id)) {
                found.push(session.load_id(id)?);
            }
        }
    }
    Ok(found)
}

/// Whether older entries of a record were forgotten.
///
/// # Errors
/// As the ledger says.
pub fn is_cut(session: &Session, record: &Record) -> Result<bool> {
    let chain = session.ledger.chain(record, JournalNumber(0))?;
    Ok(chain.last().map_or(record.version, |oldest| oldest.previous) > JournalNumber(0))
}

/// What happened to a record, oldest first, as far as it is remembered.
///
/// # Errors
/// As the ledger says.
pub fn of(session: &Session, record: &Record) -> Result<Vec<Event>> {
    let ledger = &session.ledger;
    let shape = session.shape(record.table);
    // No packet that is younger was forgotten.
    let forgotten = Millis(session.world.now().0 - Settings::LEAST_HISTORY_MILLIS);
    let neighbours = [ledger.neighbours()?, ledger.retired()?].concat();
    let mut packets = Vec::new();
    for neighbour in &neighbours {
        let mut sent = ledger.all_packets(neighbour.site)?;
        // A clock that was set back says nothing about what went first.
        sent.sort_by_key(|row| row.number);
        sent.retain(|row| row.direction == Direction::Out);
        packets.push((neighbour, sent));
    }
    let name = |field: FieldNo| shape.name_of(field).to_owned();
    let some = |row: &Row, fields: &[FieldNo]| fields.iter().map(|field| (name(*field), row.get(*field).clone())).collect::<Vec<_>>();
    let live: Vec<FieldNo> = shape.live_fields().collect();
    let values = |row: &Row| if row.0.is_empty() { Vec::new() } else { some(row, &live) };
    let mut after = record.current.clone();
    let mut events = Vec::new();
    // The mirror of a table that went stays as it was: the journal does not know what nobody ever edited.
    if let (Some(image), Some(time)) = (&after, shape.past.went) {
        let what = What::Gone(values(&session.numbered(shape, &image.row)?));
        events.push(Event { time, site: None, what, came: None, went: Vec::new() });
    }
    let chain = ledger.chain(record, JournalNumber(0))?;
    for (place, entry) in chain.iter().enumerate() {
        let before = entry.kind.undo(after.clone());
        let cause = ledger.cause(entry.cause)?;
        let numbered =
            |image: &Option<Image>| image.as_ref().map_or_else(|| Ok(Row::default()), |image| session.numbered(shape, &image.row));
        let (now, was) = (numbered(&after)?, numbered(&before)?);
        let alone = |what: What| vec![(entry.stamp, what)];
        let begun = |what: fn(Vec<(String, Value)>) -> What| -> Vec<(Option<Stamp>, What)> {
            let mut edits = edits(entry, after.as_ref(), &live);
            let is_seen_made = shape.key.iter().all(|key| edits.iter().any(|(stamp, fields)| stamp.is_some() && fields.contains(key)));
            if is_seen_made && let [(None, _), (Some(_), _), ..] = edits.as_slice() {
                let (_, filled) = edits.remove(0);
                edits[0].1.extend(filled);
                edits[0].1.sort_unstable();
            }
            let mut edits = edits.into_iter();
            let first = edits.next().map(|(stamp, fields)| (stamp, what(if now.0.is_empty() { Vec::new() } else { some(&now, &fields) })));
            // What somebody changed before the record came here: from what, nobody here knows.
            let later = |fields: &[FieldNo]| some(&now, fields).into_iter().map(|(name, new)| (name, Value::Absent, new)).collect();
            first.into_iter().chain(edits.map(|(stamp, fields)| (stamp, What::Changed(later(&fields))))).collect()
        };
        let edits = match &entry.kind {
            EntryKind::Insert if chain[place..].iter().any(|earlier| ended(&earlier.kind, after.as_ref())) => {
                alone(What::Returned(values(&now)))
            }
            EntryKind::Insert => begun(What::Created),
            EntryKind::Delete(_) => alone(What::Deleted(values(&was))),
            EntryKind::Replace(_) => begun(What::Replaced),
            EntryKind::Rename(_) => alone(What::Joined),
            EntryKind::Update(old, fields) => {
                // What follows another record to its new number says the new one on both sides; the record did not change.
                let old_of = |field: FieldNo| {
                    if shape.concerns_numbers(field) && before.is_some() { was.get(field) } else { old.row.get(field) }
                };
                let one = |field: &FieldNo| (name(*field), old_of(*field).clone(), now.get(*field).clone());
                let mut edits = edits(entry, after.as_ref(), fields);
                // What nobody edited happened when it came.
                if edits[0].0.is_none() {
                    edits.rotate_left(1);
                }
                edits.into_iter().map(|(stamp, fields)| (stamp, What::Changed(fields.iter().map(one).collect()))).collect()
            }
        };
        let came = match cause.kind {
            CauseKind::Packet(site, number) => Some((ledger.site_name(site)?, number)),
            CauseKind::Seal | CauseKind::Found | CauseKind::Retry => None,
        };
        let mut went = Vec::new();
        for (neighbour, sent) in packets.iter().filter(|(neighbour, _)| entry.known_to != Some(neighbour.site)) {
            let told = sent.iter().find(|row| row.journal >= entry.number && row.changes > 0).map(|row| row.number);
            // The first one that is left is not the first one that told it, where one that is forgotten can have.
            let is_first = told.is_none_or(|told| sent.first().is_some_and(|row| row.number == told));
            let lacks = sent.first().map_or(neighbour.sent.0 > 0, |row| row.number.0 > 1);
            let went_before = is_first && lacks && cause.time <= forgotten && entry.number <= neighbour.cursor;
            if went_before || told.is_some() {
                went.push((neighbour.card.name.clone(), told.filter(|_| !went_before)));
            }
        }
        for (stamp, what) in edits.into_iter().rev() {
            events.push(Event {
                time: stamp.map_or(cause.time, |stamp| stamp.time),
                site: stamp.map(|stamp| ledger.site_name(stamp.site)).transpose()?,
                what,
                came: came.clone(),
                went: went.clone(),
            });
        }
        after = before;
    }
    events.reverse();
    for past in ledger.past_values(record)? {
        let one = (shape.name_of(past.field).to_owned(), past.value);
        let is_late = shape.past.gone && shape.past.went.is_none_or(|went| past.time > went);
        let at = events.iter().rposition(|event| event.time <= past.time).map_or(0, |place| place + 1);
        match at.checked_sub(1).map(|before| &mut events[before]) {
            Some(Event { time, what: What::Dropped(all) | What::Late(all), .. }) if *time == past.time => all.push(one),
            _ => {
                let what = if is_late { What::Late(vec![one]) } else { What::Dropped(vec![one]) };
                events.insert(at, Event { time: past.time, site: None, what, came: None, went: Vec::new() });
            }
        }
    }
    Ok(events)
}

/// The edits that an entry has fields of, oldest first; before them what nobody was seen to edit. An entry with a time of its own is what
/// happened to all of its fields then.
fn edits(entry: &Entry, after: Option<&Image>, fields: &[FieldNo]) -> Vec<(Option<Stamp>, Vec<FieldNo>)> {
    let mut edits: BTreeMap<Option<Stamp>, Vec<FieldNo>> = BTreeMap::new();
    for field in fields {
        edits.entry(after.and_then(|image| image.stamp(*field))).or_default().push(*field);
    }
    if edits.is_empty() || edits.keys().next_back().copied().flatten() != entry.stamp {
        return vec![(entry.stamp, fields.to_vec())];
    }
    edits.into_iter().collect()
}

/// Whether an entry says that this very record ended.
fn ended(kind: &EntryKind, record: Option<&Image>) -> bool {
    match kind {
        EntryKind::Delete(was) | EntryKind::Replace(was) => record.is_some_and(|record| record.born == was.born),
        EntryKind::Insert | EntryKind::Update(..) | EntryKind::Rename(_) => false,
    }
}
