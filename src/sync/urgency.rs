//! Which records go first where not all fit into one packet?
//!
//! Those of tables that the rules call critical, then the ordinary ones, then the low ones. **Invariant**: a record never goes before
//! one that it refers to: a table is as urgent as the most urgent one that refers to it, and within one urgency the order is that of
//! references.

use std::collections::BTreeMap;

use super::{Result, Session};
use crate::model::TableNo;
use crate::rules::Priority;

/// Puts candidates, which come in the order of references, into the order in which they go.
pub(super) fn in_order(session: &Session, candidates: Vec<i64>) -> Result<Vec<i64>> {
    if session.rules.tables().all(|(_, rule)| rule.priority == Priority::Normal) {
        return Ok(candidates);
    }
    let urgency = urgency(session);
    let mut classes: BTreeMap<Priority, Vec<i64>> = BTreeMap::new();
    for id in candidates {
        let table = session.ledger.names(id)?.map(|(table, _, _)| table);
        let class = table.and_then(|table| urgency.get(&table).copied()).unwrap_or_default();
        classes.entry(class).or_default().push(id);
    }
    Ok(classes.into_values().flatten().collect())
}

/// What was edited since the last seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsealed {
    /// Nothing.
    Nothing,
    /// Nothing that could not wait.
    Ordinary,
    /// Something in a table that the rules call critical.
    Critical,
}

/// Looks at what the triggers noted since the last seal, for whoever decides when a round runs. What they missed is not seen here.
///
/// # Errors
/// As the database says.
pub fn unsealed(session: &Session) -> Result<Unsealed> {
    let mut found = Unsealed::Nothing;
    if !session.has_database() {
        return Ok(found);
    }
    let database = session.database()?;
    for shape in &session.shapes {
        if !database.has_log(shape)? || database.notes(shape, session.ledger.sealed(shape.number)?, 1)?.is_empty() {
            continue;
        }
        if session.rules.table(&shape.name).priority == Priority::Critical {
            return Ok(Unsealed::Critical);
        }
        found = Unsealed::Ordinary;
    }
    Ok(found)
}

/// Whether the rules call any table critical.
#[must_use]
pub fn any_critical(session: &Session) -> bool {
    session.shapes.iter().any(|shape| session.rules.table(&shape.name).priority == Priority::Critical)
}

/// How urgent every table is, by itself and for those that refer to it.
fn urgency(session: &Session) -> BTreeMap<TableNo, Priority> {
    let mut urgency: BTreeMap<TableNo, Priority> =
        session.shapes.iter().map(|shape| (shape.number, session.rules.table(&shape.name).priority)).collect();
    let number = |name: &str| session.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(name)).map(|shape| shape.number);
    let declared = session.shapes.iter().flat_map(|shape| {
        let targets = shape.references.iter().filter_map(|reference| number(&reference.table));
        targets.map(|target| (shape.number, target)).collect::<Vec<_>>()
    });
    let ruled = session.rules.references().flat_map(|(table, _, rule)| {
        let targets =
            number(table).map(|from| rule.tables().into_iter().filter_map(number).map(move |target| (from, target)).collect::<Vec<_>>());
        targets.unwrap_or_default()
    });
    let refers: Vec<(TableNo, TableNo)> = declared.chain(ruled).collect();
    // Along a chain of references it takes as many passes as the chain is long.
    for _ in 0..session.shapes.len() {
        let mut changed = false;
        for (from, target) in &refers {
            let (wanted, now) = (urgency[from], urgency[target]);
            if wanted < now {
                urgency.insert(*target, wanted);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    urgency
}
