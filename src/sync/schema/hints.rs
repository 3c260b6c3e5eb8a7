//! Was a column that went, where another one came, only called otherwise? At the host, where nothing shows it, a person says so.
//!
//! **States**: noticed, in the commit that takes the change over as a drop and an add → *waits*: the schema is told to no child, said in
//! every round → *hinted*: "another one", and the schema goes; or "the same", and the new column becomes the old one under a new name, in ONE
//! commit of the ledger, before the schema goes. Records travel meanwhile; what they say of the new column is parked at the children.
//! **Invariant**: no child drops a column that a person may still call the same. **Crash points**: none beside the two commits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::home;
use crate::database::Renamed;
use crate::ledger::{Neighbour, NeighbourKind, Opinion};
use crate::model::{FieldNo, PacketNumber, Shape, Value};
use crate::site::Role;
use crate::sync::mend::MendError;
use crate::sync::report::Waiting;
use crate::sync::tracking::evolve::{Event, Names, same_name};
use crate::sync::{Result, Session, SyncError, bundles};

/// Note of what waits for a hint.
const WAITS: &str = "schema waits";

/// Something that went, with what came in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unclear {
    /// The table; the one that went, where a table went.
    pub table: String,
    /// The column that went; none where the table itself did.
    pub column: Option<String>,
    /// What came.
    pub came: Vec<String>,
    /// What came was there before, and meant another column.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub took_over: bool,
    /// Columns that came in the same go: where what `took_over` a name is the one that went, each may be the column that had the name before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// What it was called that came, or may have been, before it was called otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
}

impl Unclear {
    /// Asks whether what came is the one that went.
    pub(super) const fn new(table: String, column: Option<String>, came: Vec<String>) -> Self {
        Self { table, column, came, took_over: false, beside: Vec::new(), through: Vec::new() }
    }
}

impl std::fmt::Display for Unclear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (table, came) = (&self.table, self.came.join("` or `"));
        match &self.column {
            Some(column) if self.came == [column.as_str()] => {
                write!(f, "is `{came}` of `{table}` the column of that name that went before, or another column?")
            }
            Some(column) => write!(f, "is `{came}` of `{table}` another name of its column `{column}`, or another column?"),
            None => write!(f, "is `{came}` another name of table `{table}`, or another table?"),
        }
    }
}

/// What waits for a hint.
///
/// # Errors
/// As the ledger says.
pub fn unclear(session: &Session) -> Result<Vec<Unclear>> {
    let Some(text) = session.ledger.note(WAITS)?.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("what waits for a hint does not read"))
}

fn set_unclear(session: &Session, all: &[Unclear]) -> Result<()> {
    let text = serde_json::to_string(all).map_err(|_| SyncError::Bug("what waits for a hint does not write"))?;
    Ok(session.ledger.set_note(WAITS, if all.is_empty() { "" } else { &text })?)
}

/// Whether a child that may have the tables is to be told everything: with a schema beside which it would drop what somebody may still call the same.
pub(in crate::sync) fn holds_up(session: &Session, to: &Neighbour) -> Result<bool> {
    Ok(to.kind == NeighbourKind::Child && to.fresh && to.sent > PacketNumber(0) && waits(session)?)
}

/// Whether the schema goes to nobody before somebody answers.
pub(super) fn waits(session: &Session) -> Result<bool> {
    Ok(!unclear(session)?.is_empty() || home::holds_up(session)?)
}

/// Adds what a change of the host's schema left unclear, in the open transaction of the ledger. `shapes` are the tables as they are now, `more`
/// is what is asked besides.
pub(in crate::sync) fn add_unclear(session: &Session, events: &[Event], shapes: &[Shape], more: &[Unclear]) -> Result<()> {
    if session.settings.role != Role::Host || !session.rules.schema_travels() {
        return Ok(());
    }
    let before = unclear(session)?;
    let mut all = before.clone();
    follow(&mut all, events);
    all.extend(more.iter().cloned());
    for event in events {
        if let Event::FieldReplaced(table, column, Names(came)) = event {
            all.push(Unclear::new(table.clone(), Some(column.clone()), came.clone()));
        }
        if let Event::FieldTakenOver(table, column, came) = event {
            let beside = new_fields(events, table);
            all.push(Unclear { took_over: true, beside, ..Unclear::new(table.clone(), Some(column.clone()), vec![came.clone()]) });
        }
    }
    let named = |name: &str| shapes.iter().rev().find(|shape| same_name(&shape.name, name));
    for gone in events.iter().filter_map(|event| if let Event::TableGone(name) = event { named(name) } else { None }) {
        let new = events.iter().filter_map(|event| if let Event::NewTable(name) = event { named(name) } else { None });
        let came: Vec<String> = new.filter(|new| is_alike(gone, new)).map(|new| new.name.clone()).collect();
        if !came.is_empty() {
            all.push(Unclear::new(gone.name.clone(), None, came));
        }
    }
    // What is not there any more asks nothing.
    let is_there = |one: &Unclear| match &one.column {
        Some(_) => named(&one.table).is_some_and(|table| !table.past.gone && one.came.iter().any(|came| table.field(came).is_some())),
        None => one.came.iter().any(|came| named(came).is_some_and(|table| !table.past.gone)),
    };
    all.retain(is_there);
    if all == before { Ok(()) } else { set_unclear(session, &all) }
}

/// What is called otherwise, or may be, before anybody answered is asked about by the name that it has now.
fn follow(all: &mut [Unclear], events: &[Event]) {
    let table_now = |name: &str| {
        let renamed = |event: &Event| if let Event::TableRenamed(was, now) = event { Some((was.clone(), now.clone())) } else { None };
        let found = events.iter().filter_map(renamed).find(|(was, _)| same_name(was, name));
        found.map_or_else(|| name.to_owned(), |(_, now)| now)
    };
    for one in all {
        if one.column.is_none() {
            one.came.iter_mut().for_each(|came| *came = table_now(came));
            continue;
        }
        one.table = table_now(&one.table);
        let column_now = |name: &String| {
            let now = events.iter().find_map(|event| {
                let (table, was, now) = if let Event::FieldRenamed(table, was, now) | Event::FieldTakenOver(table, was, now) = event {
                    (table, was, std::slice::from_ref(now))
                } else if let Event::FieldReplaced(table, was, Names(now)) = event {
                    (table, was, now.as_slice())
                } else {
                    return None;
                };
                (same_name(table, &one.table) && same_name(was, name)).then(|| now.to_vec())
            });
            // One that another column took the name of may be any that came since.
            let goes =
                |event: &Event| matches!(event, Event::FieldGone(table, gone) if same_name(table, &one.table) && same_name(gone, name));
            now.unwrap_or_else(|| if events.iter().any(goes) { new_fields(events, &one.table) } else { vec![name.clone()] })
        };
        let all_now = |names: &[String]| {
            let now: Vec<String> = names.iter().flat_map(column_now).collect();
            let is_first = |(at, name): &(usize, &String)| !now[..*at].contains(name);
            now.iter().enumerate().filter(is_first).map(|(_, name)| name.clone()).collect::<Vec<_>>()
        };
        let (came, beside) = (all_now(&one.came), all_now(&one.beside));
        let before = std::mem::replace(&mut one.came, came);
        one.through.extend(before.into_iter().filter(|name| !one.came.contains(name)));
        one.beside = beside;
    }
}

/// Columns of a table that are new.
fn new_fields(events: &[Event], table: &str) -> Vec<String> {
    let new = |event: &Event| if let Event::NewField(of, new) = event { same_name(of, table).then(|| new.clone()) } else { None };
    events.iter().filter_map(new).collect()
}

/// Whether a table may be another one under another name: most columns of both are called alike, the key among them.
pub(in crate::sync) fn is_alike(gone: &Shape, new: &Shape) -> bool {
    let names = |shape: &Shape| shape.live_fields().map(|field| shape.name_of(field).to_ascii_lowercase()).collect::<Vec<_>>();
    let key = |shape: &Shape| shape.key.iter().map(|field| shape.name_of(*field).to_ascii_lowercase()).collect::<Vec<_>>();
    let (ours, theirs) = (names(gone), names(new));
    let both = ours.iter().filter(|name| theirs.contains(name)).count();
    key(gone) == key(new) && both * 2 > ours.len() && both * 2 > theirs.len()
}

/// What stands in a report as long as it waits.
pub(in crate::sync) fn waiting(session: &Session) -> Result<Vec<Waiting>> {
    let one = |one: Unclear| Waiting {
        neighbour: None,
        what: "the new schema".to_owned(),
        why: format!("{one} 'fieldpost schema hint' tells, then it goes to all sites"),
        retried: false,
        unreachable: false,
    };
    Ok(unclear(session)?.into_iter().map(one).collect())
}

/// A person says that what came is another one: of this table, or everywhere. Says how many questions that answers.
///
/// # Errors
/// [`MendError::NothingUnclear`]; else as the ledger says.
pub fn is_another(session: &Session, table: Option<&str>) -> Result<usize> {
    let (answered, left): (Vec<_>, Vec<_>) =
        unclear(session)?.into_iter().partition(|one| table.is_none_or(|table| same_name(&one.table, table)));
    if answered.is_empty() {
        return Err(MendError::NothingUnclear.into());
    }
    session.ledger.begin()?;
    set_unclear(session, &left)?;
    session.ledger.commit(&session.world, "commit hint")?;
    Ok(answered.len())
}

/// A person says that a column is another one under a new name.
///
/// # Errors
/// [`MendError::NothingUnclear`] where nobody asked that, [`MendError::RenamedTable`] for a table; else as the ledger says.
pub fn is_renamed(session: &mut Session, table: &str, before: &str, now: &str) -> Result<()> {
    let all = unclear(session)?;
    let asked = |one: &&Unclear| same_name(&one.table, table) && one.came.iter().any(|came| same_name(came, now));
    let Some(found) = all.iter().find(|one| asked(one) && one.column.as_ref().is_none_or(|column| same_name(column, before))) else {
        return Err(MendError::NothingUnclear.into());
    };
    let Some(column) = found.column.clone() else {
        return Err(MendError::RenamedTable { table: found.table.clone(), now: now.to_owned() }.into());
    };
    // That a column is called so answers whether it is called otherwise.
    let is_it = |one: &&Unclear| one.table == found.table && one.column == found.column;
    let mut left: Vec<Unclear> = all.iter().filter(|one| !is_it(one)).cloned().collect();
    // It is no other column's name then, if the one that went is not itself what may be that other one.
    let may_be_both = |one: &Unclear| one.through.iter().any(|name| same_name(name, &column));
    left.iter_mut()
        .filter(|one| one.table == found.table && one.column.is_some() && !may_be_both(one))
        .for_each(|one| one.came.retain(|came| !same_name(came, now)));
    left.retain(|one| !one.came.is_empty());
    // What had the name before went: it may be what came beside, if that is no column's that was told.
    if found.took_over && !found.beside.is_empty() {
        left.push(Unclear::new(found.table.clone(), Some(now.to_owned()), found.beside.clone()));
    }
    session.ledger.begin()?;
    let done = join(session, table, &column, now, found.took_over)
        .and_then(|()| set_unclear(session, &left))
        .and_then(|()| super::notice::look_again(session))
        .and_then(|()| Ok(session.ledger.commit(&session.world, "commit hint")?));
    if let Err(error) = done {
        if !error.is_crash() {
            session.ledger.rollback()?;
        }
        return Err(error);
    }
    session.reload_shapes()?;
    session.follow().map(drop)
}

/// Makes the field that came the one that went, in the open transaction of the ledger. Where it `took_over` a name, what had the name before
/// went: its number is not another one for this column.
fn join(session: &Session, table: &str, before: &str, now: &str, took_over: bool) -> Result<()> {
    let ledger = &session.ledger;
    let found = session.shapes.iter().find(|shape| same_name(&shape.name, table));
    let shape = found.ok_or(SyncError::Bug("a table that waits for a hint is not here"))?;
    // A number that ended with an earlier hint is another one's by now.
    let goes_on = |number: FieldNo| shape.past.told.as_ref().and_then(|told| told.fields.get(&number)).is_none_or(|is| *is == number);
    let dropped = (0u16..).zip(&shape.fields).filter(|(_, field)| field.dropped && same_name(&field.name, before));
    let dropped = dropped.filter(|(number, _)| goes_on(FieldNo(*number))).last();
    let there = shape.live_fields().find(|field| same_name(shape.name_of(*field), now));
    let (Some(old), Some(new)) = (dropped.map(|(number, _)| FieldNo(number)), there) else {
        return Err(MendError::NothingUnclear.into());
    };
    let now = shape.name_of(new);
    // The older number goes on: the children have it. Of a name that was taken over they have both, and that of the name means another column to them.
    let (kept, ended) = if took_over { (old, new) } else { (old.min(new), old.max(new)) };
    let mut joined = shape.clone();
    joined.fields[kept.index()] = shape.fields[new.index()].clone();
    joined.fields[ended.index()].dropped = true;
    joined.past.fields.insert(before.to_owned(), kept);
    if let Some(told) = joined.past.told.as_mut().filter(|_| !took_over) {
        told.fields.values_mut().for_each(|field| *field = if *field == ended { kept } else { *field });
    }
    let number = |field: &mut FieldNo| {
        if *field == ended {
            *field = kept;
        }
    };
    joined.key.iter_mut().for_each(number);
    joined.references.iter_mut().flat_map(|reference| &mut reference.fields).for_each(number);
    joined.uniques.iter_mut().flat_map(|unique| &mut unique.fields).for_each(number);
    joined.identity_fields.iter_mut().for_each(number);
    joined.numbers.iter_mut().for_each(|one| number(&mut one.field));
    ledger.set_shape(&joined)?;
    // Where another column has or had either name, a note by that name may mean either.
    if !took_over && shape.field(before).is_none() {
        let columns = vec![(before.to_owned(), now.to_owned())];
        bundles::rename(session, &[Renamed { before: table.to_owned(), now: table.to_owned(), columns }], None)?;
    }
    let children: Vec<_> = ledger.neighbours()?.into_iter().filter(|one| one.kind == NeighbourKind::Child).map(|one| one.site).collect();
    // What ended while it waited comes back with what it had.
    ledger.renumber_field(joined.number, ended, kept)?;
    for id in ledger.ended_of(joined.number)? {
        let record = ledger.load_id(id)?;
        // Where the record ended unseen, what the column held when it went is the last that is known.
        let past = ledger.past_values(&record)?.into_iter().rfind(|past| past.field == kept);
        past.map_or(Ok(()), |past| ledger.fill_ended(&record, kept, &past.value))?;
    }
    for id in ledger.living(joined.number)? {
        let mut record = ledger.load_id(id)?;
        let Some(image) = &mut record.current else { continue };
        image.renumber(ended, kept);
        image.row.0.resize(joined.width(), Value::Absent);
        ledger.fill_mirror(&record)?;
        // The journal has what was told under the number that is no more: every child is told the whole record.
        let unknown: BTreeMap<_, _> = children.iter().map(|site| (*site, Opinion::Unknown)).collect();
        record.extra.opinions.extend(unknown);
        ledger.store_extra(&mut record)?;
    }
    let mut gone = Vec::new();
    ledger.exceptional(&mut |record| {
        gone.extend((record.table == joined.number && record.current.is_none()).then_some(record));
        Ok(())
    })?;
    for mut record in gone {
        for opinion in record.extra.opinions.values_mut() {
            if let Opinion::Known(Some(image)) = opinion {
                image.renumber(ended, kept);
            }
        }
        ledger.store_extra(&mut record)?;
    }
    Ok(())
}
