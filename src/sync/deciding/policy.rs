//! What do the rules say of one table, in the numbers of its fields?
//!
//! Rules name columns, the engine numbers them. A [`Policy`] is worked out once per table and rules, and forgotten where either
//! becomes otherwise. A rule for a column that is not here (yet) says nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::ledger::Record;
use crate::library::Patterns;
use crate::model::{FieldNo, LIBRARY, Row, Shape, SiteNo, TableNo, Value};
use crate::rules::{Criteria, DeleteRule, Direction, Mark, Rules, Sending, Unit};
use crate::sync::Session;

/// The rules of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sync) struct Policy {
    /// Fields that win or lose together; none is in two groups.
    groups: Vec<Group>,
    /// Fields that a child may not change once the record is made.
    pub fixed: BTreeSet<FieldNo>,
    /// Fields whose records must be there before the record travels.
    pub required: Vec<FieldNo>,
    /// SQL that names the site or group which owns a record.
    pub owner: Option<String>,
    /// SQL; a record stays home until it is true.
    pub ready_when: Option<String>,
    /// Which way records travel.
    pub direction: Direction,
    /// Whether they travel by themselves.
    pub send: Sending,
    /// What becomes of a child's delete.
    pub deletes: DeleteRule,
    /// What a child's delete sets instead.
    pub mark_up: Option<(FieldNo, Value)>,
    /// What the parent's delete sets instead, at a child.
    pub mark_down: Option<(FieldNo, Value)>,
}

/// Fields that win or lose together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    /// The field whose rule decides.
    lead: FieldNo,
    /// At least two, in order.
    fields: Vec<FieldNo>,
}

/// The policies that were asked for, and what neighbours get of documents.
#[derive(Debug, Default)]
pub(in crate::sync) struct Policies {
    tables: RefCell<BTreeMap<TableNo, Rc<Policy>>>,
    /// By child; none: everything.
    pub documents: RefCell<BTreeMap<SiteNo, Option<Vec<Patterns>>>>,
}

impl Policies {
    /// Rules or tables are otherwise now.
    pub(in crate::sync) fn forget(&self) {
        self.tables.borrow_mut().clear();
        self.documents.borrow_mut().clear();
    }
}

impl Session {
    /// The policy of a table.
    pub(in crate::sync) fn policy(&self, table: TableNo) -> Rc<Policy> {
        if let Some(policy) = self.policies.tables.borrow().get(&table) {
            return Rc::clone(policy);
        }
        let policy = Rc::new(Policy::of(self.shape(table), &self.rules));
        self.policies.tables.borrow_mut().insert(table, Rc::clone(&policy));
        policy
    }

    /// What decides a conflict of a field.
    pub(in crate::sync) fn criteria(&self, table: TableNo, field: FieldNo) -> &Criteria {
        let shape = self.shape(table);
        self.rules.criteria(&shape.name, shape.name_of(field))
    }
}

impl Policy {
    pub(in crate::sync) fn of(shape: &Shape, rules: &Rules) -> Self {
        let rule = rules.table(&shape.name);
        let fields = |names: &[String]| -> Vec<FieldNo> { names.iter().filter_map(|name| shape.field(name)).collect() };
        let mark = |mark: &Mark| shape.field(&mark.field).map(|field| (field, mark.value.clone()));
        let groups = match rule.unit {
            // What names a record is no part of what it says.
            Unit::Record => vec![shape.live_fields().filter(|field| !shape.is_key(*field)).collect()],
            Unit::Field if shape.name == LIBRARY => vec![shape.live_fields().filter(|field| !shape.is_key(*field)).collect()],
            Unit::Field => rule.groups.iter().map(|group| fields(group)).collect(),
        };
        let mark_up = if let DeleteRule::Mark(up) = &rule.deletes.up { mark(up) } else { None };
        Self {
            groups: Group::all(shape, groups),
            fixed: fields(&rule.fixed).into_iter().collect(),
            required: fields(&rule.required),
            owner: rule.owner.clone(),
            ready_when: rule.ready_when.clone(),
            direction: rule.direction,
            send: rule.send,
            deletes: rule.deletes.up.clone(),
            mark_up,
            mark_down: rule.deletes.down.as_ref().and_then(mark),
        }
    }

    /// Adds to `fields` what wins or loses with them.
    pub(in crate::sync) fn close(&self, fields: &mut Vec<FieldNo>) {
        let touched = self.groups.iter().filter(|group| group.fields.iter().any(|field| fields.contains(field)));
        let together: Vec<FieldNo> = touched.flat_map(|group| group.fields.iter().copied()).collect();
        if !together.is_empty() {
            fields.extend(together);
            fields.sort_unstable();
            fields.dedup();
        }
    }

    /// `fields` in the units in which they are decided: groups whole, as far as they are among the fields, everything else alone.
    pub(in crate::sync) fn units(&self, fields: &[FieldNo]) -> Vec<Vec<FieldNo>> {
        let mut units: Vec<Vec<FieldNo>> = Vec::new();
        for field in fields {
            match self.groups.iter().find(|group| group.fields.contains(field)) {
                Some(group) if group.fields.iter().find(|member| fields.contains(member)) == Some(field) => {
                    units.push(group.fields.iter().copied().filter(|member| fields.contains(member)).collect());
                }
                Some(_) => {}
                None => units.push(vec![*field]),
            }
        }
        units
    }

    /// The field whose rule decides about a unit of several fields.
    pub(in crate::sync) fn lead(&self, unit: &[FieldNo]) -> Option<FieldNo> {
        self.groups.iter().find(|group| unit.iter().all(|field| group.fields.contains(field))).map(|group| group.lead)
    }

    /// Whether a record stands marked as deleted by the parent: as it was marked then, also where that rule is gone or marks otherwise by now.
    pub(in crate::sync) fn is_marked(&self, record: &Record, row: &Row) -> bool {
        let stands = |field: FieldNo, value: &Value| row.get(field) == value || !row.get(field).is_stated();
        let ruled = || self.mark_down.as_ref().is_some_and(|(field, value)| stands(*field, value));
        let marked = |mark: &Row| {
            let mut fields = (0u16..).map(FieldNo).zip(&mark.0).filter(|(_, value)| value.is_stated());
            fields.all(|(field, value)| stands(field, value))
        };
        record.extra.marked && record.extra.mark.as_ref().map_or_else(ruled, marked)
    }

    /// Whether one of these fields refers to a record that must be there.
    pub(in crate::sync) fn requires(&self, fields: &[FieldNo]) -> bool {
        self.required.iter().any(|field| fields.contains(field))
    }

    /// Whether a change by a child of these fields may be refused although nothing was edited here.
    pub(in crate::sync) fn guards(&self, fields: &[FieldNo]) -> bool {
        self.direction == Direction::Down || fields.iter().any(|field| self.fixed.contains(field))
    }

    /// Whether a record may stay home by what these rules say of it, or one that refers to it.
    pub(in crate::sync) fn keeps_home(&self) -> bool {
        self.direction == Direction::Up || self.ready_when.is_some() || self.send == Sending::Manual || !self.required.is_empty()
    }

    /// Whether something else than an edit can decide against a deleted record coming back.
    pub(in crate::sync) fn lets_come_back(&self) -> bool {
        match self.deletes {
            DeleteRule::EditWins | DeleteRule::OriginOnly | DeleteRule::Mark(_) => true,
            DeleteRule::DeleteWins | DeleteRule::Review => false,
        }
    }
}

impl Group {
    /// The groups that rules name, every number with the word that says which table it is of, and the fields of every foreign key:
    /// apart they would mean another record. What shares a field is one group, and the rule of the one named first decides.
    fn all(shape: &Shape, named: Vec<Vec<FieldNo>>) -> Vec<Self> {
        let pairs = shape.numbers.iter().filter_map(|number| Some(vec![number.field, number.kind()?]));
        let apart = pairs.filter(|pair| pair.iter().all(|field| !shape.is_key(*field)));
        // What names a record never changes: the rest of a reference says which of several is meant.
        let keys =
            shape.references.iter().map(|reference| reference.fields.iter().copied().filter(|field| !shape.is_key(*field)).collect());
        let mut groups: Vec<Self> = Vec::new();
        for fields in named.into_iter().chain(apart).chain(keys) {
            let [lead, _, ..] = fields[..] else { continue };
            let (touched, others): (Vec<Self>, Vec<Self>) =
                groups.into_iter().partition(|group| group.fields.iter().any(|field| fields.contains(field)));
            groups = others;
            let lead = touched.first().map_or(lead, |group| group.lead);
            let mut fields: Vec<FieldNo> = touched.into_iter().flat_map(|group| group.fields).chain(fields).collect();
            fields.sort_unstable();
            fields.dedup();
            groups.push(Self { lead, fields });
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(groups: &[&[u16]]) -> Policy {
        let group = |group: &&[u16]| Group { lead: FieldNo(group[0]), fields: group.iter().map(|field| FieldNo(*field)).collect() };
        Policy { groups: groups.iter().map(group).collect(), ..Policy::default() }
    }

    #[test]
    fn fields_of_a_group_come_together_and_once() {
        let policy = policy(&[&[1, 4], &[2, 5]]);
        let mut fields = vec![FieldNo(1), FieldNo(3)];
        policy.close(&mut fields);
        assert_eq!(fields, [1, 3, 4].map(FieldNo));
        assert_eq!(policy.units(&[0, 1, 3, 4].map(FieldNo)), [vec![FieldNo(0)], vec![FieldNo(1), FieldNo(4)], vec![FieldNo(3)]]);
        assert_eq!(policy.units(&[FieldNo(5)]), [vec![FieldNo(5)]]);
    }
}
