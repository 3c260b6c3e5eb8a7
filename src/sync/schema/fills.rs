//! What does a site have in a column that it makes when the column's default has changed meanwhile? The last default, where we have the first one.
//!
//! Every site fills a new column alike, so nobody tells what is filled ([`crate::sync::tracking::upgrade`]). A child that was not told the
//! version in which the column came makes it as the later one says. So where a default changes, what such a child holds there counts as
//! unknown, and it is told every value of the column: at most once per record and change, and only to children that are behind. Where a run
//! dies between following a change here and telling it, and the default is another one by the next run, that is every child: so what was
//! filled is noted in the commit that follows, until that of the telling.

use std::collections::BTreeMap;

use super::{SentSchema, cannot_be_had, known_by, told_to};
use crate::database::conform::Inventory;
use crate::ledger::{Neighbour, NeighbourKind, Opinion};
use crate::model::{FieldNo, Row, Shape, TableNo, Value};
use crate::site::Role;
use crate::sync::known::{self, Link};
use crate::sync::{Result, Session, SyncError};

/// Note of what new columns were filled with here since the schema was told last: a row with those fields for each table.
const FILLED: &str = "schema filled";

fn noted(session: &Session) -> Result<BTreeMap<TableNo, Row>> {
    let Some(text) = session.ledger.note(FILLED)?.filter(|text| !text.is_empty()) else { return Ok(BTreeMap::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("what was filled does not read"))
}

/// Notes what new columns of a table are filled with, in the open transaction of the ledger.
pub(in crate::sync) fn note(session: &Session, table: TableNo, filled: &[(FieldNo, Value)]) -> Result<()> {
    if filled.is_empty() || session.settings.role != Role::Host || !session.rules.schema_travels() {
        return Ok(());
    }
    let mut all = noted(session)?;
    let row = all.entry(table).or_default();
    filled.iter().for_each(|(field, value)| row.set(*field, value.clone()));
    let text = serde_json::to_string(&all).map_err(|_| SyncError::Bug("what was filled does not write"))?;
    Ok(session.ledger.set_note(FILLED, &text)?)
}

/// Forgets what children that were not told `before` hold in columns whose default is another one in `now`; in the open transaction of the
/// ledger, before tracking follows.
pub(super) fn forget_unlike(session: &Session, before: &SentSchema, now: &SentSchema) -> Result<()> {
    let ledger = &session.ledger;
    let all = children(session)?;
    for (table, row) in noted(session)? {
        let Some(shape) = session.shapes.iter().find(|shape| shape.number == table) else { continue };
        let mut unlike = Vec::new();
        for field in shape.live_fields().filter(|field| row.get(*field).is_stated()) {
            if session.database()?.constant_default(shape, field)?.unwrap_or_default() != *row.get(field) {
                unlike.push(field);
            }
        }
        forget(session, shape, &unlike, &all)?;
    }
    ledger.set_note(FILLED, "")?;
    let is_behind = |one: &&Neighbour| one.kind == NeighbourKind::Child && told_to(one) != Some(before.version);
    let behind: Vec<Link> = ledger.neighbours()?.iter().filter(is_behind).map(Link::from).collect();
    if behind.is_empty() {
        return Ok(());
    }
    let was = Inventory::of(&before.schema).map_err(cannot_be_had)?;
    let is = Inventory::of(&now.schema).map_err(cannot_be_had)?;
    for (number, table) in &now.names {
        let (Some(old), Some(shape)) = (before.names.get(number), known_by(session, *number)) else { continue };
        let Some(told) = &shape.past.told else { continue };
        let changes = |(field, name): &(&FieldNo, &String)| {
            old.fields.get(field).is_some_and(|former| was.default_of(&old.name, former) != is.default_of(&table.name, name))
        };
        let fields = table.fields.iter().filter(changes).filter_map(|(field, _)| told.fields.get(field)).copied();
        let fields: Vec<FieldNo> = fields.filter(|field| shape.is_live(*field)).collect();
        forget(session, shape, &fields, &behind)?;
    }
    Ok(())
}

/// All children.
pub(in crate::sync) fn children(session: &Session) -> Result<Vec<Link>> {
    let neighbours = session.ledger.neighbours()?;
    Ok(neighbours.iter().filter(|one| one.kind == NeighbourKind::Child).map(Link::from).collect())
}

/// Forgets what these hold in fields of a table, in the open transaction of the ledger.
pub(in crate::sync) fn forget(session: &Session, shape: &Shape, fields: &[FieldNo], links: &[Link]) -> Result<()> {
    let ledger = &session.ledger;
    let ids = if fields.is_empty() { Vec::new() } else { ledger.living(shape.number)? };
    for id in ids {
        let mut record = ledger.load_id(id)?;
        let before = record.extra.clone();
        for link in links {
            if let Opinion::Known(Some(mut image)) = known::opinion(ledger, &record, *link)? {
                fields.iter().for_each(|field| image.row.set(*field, Value::Absent));
                known::set_opinion(ledger, &mut record, *link, Opinion::Known(Some(image)))?;
            }
        }
        if record.extra != before {
            ledger.store_extra(&mut record)?;
        }
    }
    Ok(())
}
