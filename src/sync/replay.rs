//! What would other rules have made of the conflicts that were decided here?
//!
//! Only reads. Every conflict that this site decided is put to the other rules once more, with the values, sites and times it was listed
//! with; fields that win together are decided by what was listed of the same change. Who owns a record is asked of the record as it
//! is now. A conflict that only the other rules would have met (a field that nobody disputed, but whose group was) is not foreseen.

use std::collections::BTreeMap;

use super::deciding::policy::Policy;
use super::{Result, Session, mend, roster};
use crate::ledger::{Conflict, ConflictKind, ConflictState};
use crate::model::{FieldNo, Millis, Shape, SiteName, Value};
use crate::rules::{Criteria, Criterion, Decided, DeleteRule, Direction, Dispute, Edit, Rules, Three, Verdict, decide};

/// A conflict under other rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Its number here.
    pub number: i64,
    /// As it was decided.
    pub conflict: Conflict,
    /// What the other rules say.
    pub answer: Answer,
    /// Whether that is something else.
    pub differs: bool,
}

/// What rules say of a conflict.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What would stand.
    pub stands: Value,
    /// The site whose value that is; none for a merged one.
    pub site: Option<SiteName>,
    /// The rule that says so, in words.
    pub why: String,
    /// Whether a person would be asked.
    pub open: bool,
}

/// One side of a conflict as it was listed.
#[derive(Clone, Debug)]
struct Side {
    value: Value,
    site: Option<SiteName>,
    time: Option<Millis>,
}

/// Puts the conflicts that were decided here since then to other rules. Those that rules say nothing of are left out.
///
/// # Errors
/// As database and ledger say.
pub fn replay(session: &Session, rules: &Rules, since: Millis) -> Result<Vec<Replayed>> {
    let mut all = Vec::new();
    session.ledger.conflicts(0, &mut |number, _, _, conflict| {
        if conflict.time >= since && conflict.decider == *session.name() {
            all.push((number, conflict));
        }
        Ok(())
    })?;
    let mut changes: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, (_, conflict)) in all.iter().enumerate() {
        let packet = conflict.packet.as_ref().map(|(from, number)| (from.clone(), number.0));
        changes.entry((conflict.table.clone(), conflict.key.clone(), packet, conflict.time)).or_default().push(place);
    }
    let mut replayed = Vec::new();
    for places in changes.values() {
        let change: Vec<&Conflict> = places.iter().map(|place| &all[*place].1).collect();
        let Some(shape) = session.shapes.iter().find(|shape| shape.name == change[0].table) else { continue };
        let replaying = Replaying { session, rules, shape, policy: Policy::of(shape, rules), change: &change };
        for place in places {
            let (number, conflict) = &all[*place];
            let Some(answer) = replaying.answer(conflict)? else { continue };
            let was_open = conflict.state == ConflictState::Open;
            let differs = replaying.stood(conflict) != answer.stands || was_open != answer.open;
            replayed.push(Replayed { number: *number, conflict: conflict.clone(), answer, differs });
        }
    }
    replayed.sort_by_key(|one| one.number);
    Ok(replayed)
}

/// One change with everything that was listed of it.
struct Replaying<'r> {
    session: &'r Session,
    rules: &'r Rules,
    shape: &'r Shape,
    policy: Policy,
    change: &'r [&'r Conflict],
}

impl Replaying<'_> {
    fn answer(&self, conflict: &Conflict) -> Result<Option<Answer>> {
        let field = conflict.field.as_ref().and_then(|name| self.shape.field(name));
        Ok(match (conflict.kind, field) {
            (ConflictKind::Field | ConflictKind::Merged | ConflictKind::Refused, Some(field)) => self.of_field(conflict, field)?,
            (ConflictKind::Delete, _) => self.of_delete(conflict),
            (
                ConflictKind::Field
                | ConflictKind::Merged
                | ConflictKind::Refused
                | ConflictKind::Twin
                | ConflictKind::Gone
                | ConflictKind::Dependants
                | ConflictKind::Held
                | ConflictKind::Taken
                | ConflictKind::Dropped
                | ConflictKind::Settled,
                _,
            ) => None,
        })
    }

    /// What stood after the conflict.
    fn stood(&self, conflict: &Conflict) -> Value {
        match conflict.kind {
            ConflictKind::Delete => Value::text(if was_deleted(conflict) { DELETED } else { KEPT }),
            ConflictKind::Field
            | ConflictKind::Merged
            | ConflictKind::Refused
            | ConflictKind::Twin
            | ConflictKind::Gone
            | ConflictKind::Dependants
            | ConflictKind::Held
            | ConflictKind::Taken
            | ConflictKind::Dropped
            | ConflictKind::Settled => conflict.exact.get(FieldNo(1)).clone(),
        }
    }

    fn of_field(&self, conflict: &Conflict, field: FieldNo) -> Result<Option<Answer>> {
        let Some((parent, child)) = sides(conflict) else { return Ok(None) };
        let keep = |why: String, open: bool| Answer { stands: parent.value.clone(), site: parent.site.clone(), why, open };
        if self.policy.direction == Direction::Down {
            return Ok(Some(keep("the table only goes down".into(), false)));
        }
        let live: Vec<FieldNo> = self.shape.live_fields().collect();
        let unit = self.policy.units(&live).into_iter().find(|unit| unit.contains(&field)).unwrap_or_else(|| vec![field]);
        if unit.iter().any(|field| self.policy.fixed.contains(field)) && conflict.exact.get(FieldNo(0)).is_stated() {
            return Ok(Some(keep("fixed".into(), false)));
        }
        let together = self.change.iter().filter(|other| {
            let field = other.field.as_ref().and_then(|name| self.shape.field(name));
            field.is_some_and(|field| unit.contains(&field))
        });
        let both: Vec<(Side, Side)> = together.filter_map(|other| sides(other)).collect();
        let criteria = self.rules.criteria(&self.shape.name, self.shape.name_of(unit[0]));
        let dispute = self.dispute(conflict, criteria, &both)?;
        let three = Three { base: conflict.exact.get(FieldNo(0)), parent: &parent.value, child: &child.value };
        let merges = unit.len() == 1 && !self.shape.concerns_numbers(field);
        let Decided { verdict, why } = decide(criteria, &dispute, merges.then_some(three));
        Ok(Some(match verdict {
            Verdict::Child => Answer { stands: child.value, site: child.site, why, open: false },
            Verdict::Parent => keep(why, false),
            Verdict::Review => keep(why, true),
            Verdict::Merged(value) => Answer { stands: value, site: None, why, open: false },
        }))
    }

    fn dispute(&self, conflict: &Conflict, criteria: &Criteria, both: &[(Side, Side)]) -> Result<Dispute> {
        let owner = if criteria.asks(&Criterion::Owner) { self.owner(conflict)? } else { None };
        let known = roster::known(self.session)?;
        let edit = |sides: &[&Side]| {
            let newest = sides.iter().max_by_key(|side| side.time);
            let site = newest.and_then(|side| side.site.as_ref());
            let names = |name: &String| {
                site.is_some_and(|site| {
                    *name == site.as_str() || known.find(site).is_some_and(|known| known.groups.contains(name.as_str()))
                })
            };
            Edit {
                time: newest.and_then(|side| side.time),
                owner: owner.as_ref().is_some_and(names),
                priority: self.rules.sites().iter().position(names),
            }
        };
        let parent: Vec<&Side> = both.iter().map(|(parent, _)| parent).collect();
        let child: Vec<&Side> = both.iter().map(|(_, child)| child).collect();
        let believed_until = Millis(conflict.time.0.saturating_add(self.rules.future_millis()));
        Ok(Dispute { parent: edit(&parent), child: edit(&child), believed_until })
    }

    fn owner(&self, conflict: &Conflict) -> Result<Option<String>> {
        let Some(sql) = &self.policy.owner else { return Ok(None) };
        let Some(record) = mend::record_of(self.session, self.shape, conflict)? else { return Ok(None) };
        Ok(match self.session.database()?.evaluate(self.shape, record.at(), sql)? {
            Ok(Value::Text(name)) => std::str::from_utf8(&name).ok().map(str::to_owned),
            Ok(Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_)) | Err(_) => None,
        })
    }

    /// A delete that met an edit.
    fn of_delete(&self, conflict: &Conflict) -> Option<Answer> {
        let rule = &self.rules.table(&self.shape.name).deletes.up;
        let (stands, open) = match rule {
            DeleteRule::EditWins => (KEPT, false),
            DeleteRule::DeleteWins => (DELETED, false),
            DeleteRule::Review => (KEPT, true),
            // Who made the record is not in the list; and a mark is another kind of end.
            DeleteRule::OriginOnly | DeleteRule::Mark(_) => return None,
        };
        let same = (stands == DELETED) == was_deleted(conflict);
        let site = if same { conflict.winner_site.clone() } else { conflict.loser_site.clone() };
        Some(Answer { stands: Value::text(stands), site, why: rule.word().to_owned(), open })
    }
}

const KEPT: &str = "kept";
const DELETED: &str = "deleted";

fn was_deleted(conflict: &Conflict) -> bool {
    conflict.winner.as_deref() == Some(DELETED)
}

/// What the parent had and what the child sent; none where nobody can tell which was which.
fn sides(conflict: &Conflict) -> Option<(Side, Side)> {
    let value = |place: u16| conflict.exact.get(FieldNo(place)).clone();
    let winner = Side { value: value(1), site: conflict.winner_site.clone(), time: conflict.winner_time };
    let loser = Side { value: value(2), site: conflict.loser_site.clone(), time: conflict.loser_time };
    match conflict.kind {
        // The value that came of both is neither's.
        ConflictKind::Merged => Some((Side { value: value(3), ..winner }, loser)),
        ConflictKind::Refused => Some((winner, loser)),
        ConflictKind::Field => match conflict.child_won? {
            true => Some((loser, winner)),
            false => Some((winner, loser)),
        },
        ConflictKind::Delete
        | ConflictKind::Twin
        | ConflictKind::Gone
        | ConflictKind::Dependants
        | ConflictKind::Held
        | ConflictKind::Taken
        | ConflictKind::Dropped
        | ConflictKind::Settled => None,
    }
}
