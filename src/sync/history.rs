//! Who changed which field of a record, when, from what to what, and in which packet did it travel?

use super::{Result, Session};
use crate::ledger::{CauseKind, Direction, EntryKind, Record};
use crate::model::{FieldNo, Identity, Image, JournalNumber, Key, Millis, PacketNumber, Row, Shape, SiteName, Value};

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
    let neighbours = [ledger.neighbours()?, ledger.retired()?].concat();
    let mut packets = Vec::new();
    for neighbour in &neighbours {
        let mut sent = ledger.all_packets(neighbour.site)?;
        // A clock that was set back says nothing about what went first.
        sent.sort_by_key(|row| row.number);
        packets.push((neighbour.card.name.clone(), neighbour.site, sent));
    }
    let values = |row: &Row| -> Vec<(String, Value)> {
        if row.0.is_empty() {
            return Vec::new();
        }
        shape.live_fields().map(|field| (shape.name_of(field).to_owned(), row.get(field).clone())).collect()
    };
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
        let name = |field: FieldNo| shape.name_of(field).to_owned();
        let numbered =
            |image: &Option<Image>| image.as_ref().map_or_else(|| Ok(Row::default()), |image| session.numbered(shape, &image.row));
        let (now, was) = (numbered(&after)?, numbered(&before)?);
        let what = match &entry.kind {
            EntryKind::Insert if chain[place..].iter().any(|earlier| ended(&earlier.kind, after.as_ref())) => What::Returned(values(&now)),
            EntryKind::Insert => What::Created(values(&now)),
            EntryKind::Delete(_) => What::Deleted(values(&was)),
            EntryKind::Replace(_) => What::Replaced(values(&now)),
            EntryKind::Rename(_) => What::Joined,
            EntryKind::Update(old, fields) => {
                // What follows another record to its new number says the new one on both sides; the record did not change.
                let old_of = |field: FieldNo| {
                    if shape.concerns_numbers(field) && before.is_some() { was.get(field) } else { old.row.get(field) }
                };
                What::Changed(fields.iter().map(|field| (name(*field), old_of(*field).clone(), now.get(*field).clone())).collect())
            }
        };
        let came = match cause.kind {
            CauseKind::Packet(site, number) => Some((ledger.site_name(site)?, number)),
            CauseKind::Seal | CauseKind::Found | CauseKind::Retry => None,
        };
        let mut went = Vec::new();
        for (name, site, sent) in &packets {
            let mut kept = sent.iter().filter(|row| row.direction == Direction::Out).peekable();
            let first = kept.peek().map(|row| row.number);
            let told = kept.find(|row| row.journal >= entry.number && row.changes > 0);
            // The first one that is left may not be the first one that told it.
            if let Some(row) = told
                && (row.number.0 == 1 || first != Some(row.number))
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

/// Whether an entry says that this very record ended.
fn ended(kind: &EntryKind, record: Option<&Image>) -> bool {
    match kind {
        EntryKind::Delete(was) | EntryKind::Replace(was) => record.is_some_and(|record| record.born == was.born),
        EntryKind::Insert | EntryKind::Update(..) | EntryKind::Rename(_) => false,
    }
}
