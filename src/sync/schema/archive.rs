//! What becomes of what a neighbour wrote into a column or table that is gone? It is in the history of the record.
//!
//! Such a change is parked like any other that has no place ([`crate::sync::tracking::parked`]). Once the child has said that it has the same schema
//! it cannot speak of the column any more, and nobody else does: then it waits for nothing. One commit of the ledger for all of it.

use std::collections::BTreeSet;

use super::{told, view};
use crate::ledger::{Former, Parked, PastValue};
use crate::model::SiteName;
use crate::sync::tracking::evolve::Event;
use crate::sync::tracking::news;
use crate::sync::{Result, Session};

/// Moves into the history what children wrote, once they have the same schema.
pub(in crate::sync) fn archive(session: &mut Session) -> Result<()> {
    if session.ledger.parked_tables()?.is_empty() || !session.rules.schema_travels() {
        return Ok(());
    }
    let version = told(session)?.map(|told| told.version);
    let children = view::standing(session)?.children.into_iter();
    let settled: BTreeSet<_> = children.filter(|child| child.confirmed && child.told == version).map(|child| child.site).collect();
    archive_of(session, |site| settled.contains(site))
}

/// Moves into the history what the parent told before the schema that this site has just got, and what that has no place for: it went again
/// before it came.
pub(super) fn archive_of_parent(session: &mut Session) -> Result<()> {
    let Some(parent) = session.ledger.parent()? else { return Ok(()) };
    archive_of(session, |site| *site == parent.card.name)
}

fn archive_of(session: &mut Session, settled: impl Fn(&SiteName) -> bool) -> Result<()> {
    // What a neighbour spoke of in this round has its numbers in the ledger only.
    session.reload_shapes()?;
    let session = &*session;
    let mut all: Vec<Parked> = Vec::new();
    for table in session.ledger.parked_tables()? {
        for parked in session.ledger.parked_in(table)? {
            let shape = session.shape(table);
            let gone = shape.past.gone || parked.change.fields.iter().all(|field| !shape.is_live(*field));
            if gone && settled(&session.ledger.site_name(parked.site)?) {
                all.push(parked);
            }
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    session.ledger.begin()?;
    let done = all.iter().try_for_each(|parked| keep(session, parked)).and_then(|()| {
        let said: BTreeSet<String> = all.iter().map(|parked| said(session, parked)).collect::<Result<_>>()?;
        news::add(session, &said.into_iter().map(Event::Said).collect::<Vec<_>>())?;
        Ok(session.ledger.commit(&session.world, "commit archive")?)
    });
    if let Err(error) = &done
        && !error.is_crash()
    {
        session.ledger.rollback()?;
    }
    done
}

fn keep(session: &Session, parked: &Parked) -> Result<()> {
    let (ledger, change) = (&session.ledger, &parked.change);
    if let Some(after) = &change.after {
        let mut record = session.load(change.table, &change.key)?;
        let id = ledger.anchor(&mut record)?;
        let shape = session.shape(change.table);
        // A record of which nobody here ever heard goes by the number that its sender gave it.
        let number = parked.shown_key(shape).as_integer().filter(|_| change.key.is_birth() && shape.past.gone && record.current.is_none());
        if let Some(number) = number.filter(|_| ledger.known_number(id).is_ok_and(|known| known.is_none())) {
            let time = session.world.now();
            ledger.add_former(&Former { table: change.table, number, record: id, became: None, told: false, time })?;
        }
        for field in &change.fields {
            let value = after.row.get(*field).clone();
            if value.is_stated() {
                ledger.put_past_value(id, &PastValue { field: *field, value, time: session.world.now() })?;
            }
        }
    }
    Ok(ledger.drop_parked(parked.site, change.table, &change.key)?)
}

fn said(session: &Session, parked: &Parked) -> Result<String> {
    let (site, shape) = (session.ledger.site_name(parked.site)?, session.shape(parked.change.table));
    Ok(format!("what '{site}' wrote into a part of `{}` that is gone is in 'fieldpost history'", shape.name))
}
