//! What does a site have in a column that it makes when the column's default has changed meanwhile? The last default, where we have the first one.
//!
//! Every site fills a new column alike, so nobody tells what is filled ([`crate::sync::tracking::upgrade`]). A child that was not told the
//! version in which the column came makes it as the later one says. So where a default changes, what such a child holds there counts as
//! unknown, and it is told every value of the column: at most once per record and change, and only to children that are behind.

use super::{SentSchema, cannot_be_had, known_by, told_to};
use crate::database::conform::Inventory;
use crate::ledger::{NeighbourKind, Opinion};
use crate::model::{FieldNo, Value};
use crate::sync::known::{self, Link};
use crate::sync::{Result, Session};

/// Forgets what children that were not told `before` hold in columns whose default is another one in `now`; in the open transaction of the
/// ledger, before tracking follows.
pub(super) fn forget_unlike(session: &Session, before: &SentSchema, now: &SentSchema) -> Result<()> {
    let ledger = &session.ledger;
    let neighbours = ledger.neighbours()?;
    let is_behind = |one: &&crate::ledger::Neighbour| one.kind == NeighbourKind::Child && told_to(one) != Some(before.version);
    let behind: Vec<Link> = neighbours.iter().filter(is_behind).map(Link::from).collect();
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
        if fields.is_empty() {
            continue;
        }
        for id in ledger.living(shape.number)? {
            let mut record = ledger.load_id(id)?;
            let before = record.extra.clone();
            for link in &behind {
                if let Opinion::Known(Some(mut image)) = known::opinion(ledger, &record, *link)? {
                    fields.iter().for_each(|field| image.row.set(*field, Value::Absent));
                    known::set_opinion(ledger, &mut record, *link, Opinion::Known(Some(image)))?;
                }
            }
            if record.extra != before {
                ledger.store_extra(&mut record)?;
            }
        }
    }
    Ok(())
}
