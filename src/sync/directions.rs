//! A table that only went up goes down as well from now on: who was never told of its records is told now.
//!
//! Of a table that only goes up a child is told numbers alone, and the journal does not know what it was not told. So when the rules
//! lift that, what each child does not hold is said outright, once; and so is what became meanwhile of what was made there.
//!
//! **States**: the tables that only go up as last noted → as the rules have them now; one commit of the ledger says what children lack and
//! notes the new state. **Crash point**: before it nothing happened, and the next round does it. **Invariant**: no packet is built between the
//! rules becoming otherwise and this.

use std::collections::{BTreeMap, BTreeSet};

use super::{Result, Session, roster};
use crate::ledger::{Neighbour, NeighbourKind, Opinion};
use crate::model::{SiteNo, TableNo};
use crate::rules::Direction;

/// Note with the names of the tables that only went up.
const UP: &str = "only-up";

/// Says what children lack of tables that only went up until now.
pub(super) fn follow(session: &Session) -> Result<()> {
    let only_up = |name: &String| session.rules.table(name).direction == Direction::Up;
    let now: BTreeSet<&String> = session.shapes.iter().map(|shape| &shape.name).filter(|name| only_up(name)).collect();
    let noted = session.ledger.note(UP)?.unwrap_or_default();
    let before: BTreeSet<String> = serde_json::from_str(&noted).unwrap_or_default();
    if before.iter().collect::<BTreeSet<_>>() == now {
        return Ok(());
    }
    let lifted = session.shapes.iter().filter(|shape| before.contains(&shape.name) && !now.contains(&shape.name));
    let tables: Vec<TableNo> = lifted.map(|shape| shape.number).collect();
    let text = serde_json::to_string(&now).map_err(|_| super::SyncError::Bug("a list of names does not write"))?;
    session.ledger.begin()?;
    let done = tables.iter().try_for_each(|table| say_what_children_lack(session, *table)).and_then(|()| {
        session.ledger.set_note(UP, &text)?;
        Ok(session.ledger.commit(&session.world, "commit directions")?)
    });
    if done.as_ref().is_err_and(|error| !error.is_crash()) {
        session.ledger.rollback()?;
    }
    done
}

fn say_what_children_lack(session: &Session, table: TableNo) -> Result<()> {
    let neighbours = session.ledger.neighbours()?;
    // A fresh one is told everything anyhow.
    let children: Vec<&Neighbour> = neighbours.iter().filter(|one| one.kind == NeighbourKind::Child && !one.fresh).collect();
    let mut below: BTreeMap<(SiteNo, SiteNo), bool> = BTreeMap::new();
    for id in session.ledger.living(table)? {
        let mut record = session.ledger.load_id(id)?;
        let Some(born) = record.current.as_ref().map(|image| image.born) else { continue };
        let had = record.extra.opinions.len();
        for child in &children {
            let made_there = match below.get(&(born.site, child.site)) {
                Some(known) => *known,
                None => roster::made_below(session, born, child.site)?,
            };
            below.insert((born.site, child.site), made_there);
            // Of what was made there nobody knows which edits it was not told.
            let opinion = if made_there { Opinion::Unknown } else { Opinion::Known(None) };
            record.extra.opinions.entry(child.site).or_insert(opinion);
        }
        if record.extra.opinions.len() != had {
            session.ledger.store_extra(&mut record)?;
        }
    }
    // That a record ended was not told either, whoever made it.
    for id in session.ledger.gone_from(table)? {
        let mut record = session.ledger.load_id(id)?;
        for child in &children {
            record.extra.opinions.entry(child.site).or_insert(Opinion::Unknown);
        }
        session.ledger.store_extra(&mut record)?;
    }
    Ok(())
}
