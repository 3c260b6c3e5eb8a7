//! Who wins when a field, a group of fields or a record was edited on both sides?
//!
//! Pure: the same sides under the same rule give the same answer, at every site that asks.

use super::criteria::{Criteria, Criterion};
use super::merge::{self, Three};
use crate::model::{Millis, Value};

/// One side of a conflict, as far as criteria ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// When the edit was made, by the clock of its site; none where the value was there before anybody edited.
    pub time: Option<Millis>,
    /// Whether the site of the edit owns the record, by name or group.
    pub owner: bool,
    /// Place of the site in `[sites] priority`, 0 first; none where it is not in the list.
    pub priority: Option<usize>,
}

/// Two edits of the same thing, and until when a time is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// What the parent has.
    pub parent: Edit,
    /// What the child sent.
    pub child: Edit,
    /// A later time is of a clock that is wrong: such an edit does not win by it.
    pub believed_until: Millis,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The child's value becomes the record.
    Child,
    /// The parent's value stays.
    Parent,
    /// The parent's value stays until a person looks.
    Review,
    /// Both are kept in this value.
    Merged(Value),
}

/// An answer and the criterion that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The answer.
    pub verdict: Verdict,
    /// Why, in words, as a list of conflicts has it in brackets.
    pub why: String,
}

/// Decides at the parent. `three`: the values, where it is a single field that may be merged.
///
/// Where every criterion ties, the parent's value stays, so that every site that repeats the decision comes to the same end.
#[must_use]
pub fn decide(criteria: &Criteria, dispute: &Dispute, three: Option<Three<'_>>) -> Decided {
    for criterion in criteria.iter() {
        if let Some(verdict) = ask(criterion, dispute, three) {
            return Decided { verdict, why: why(criterion, dispute) };
        }
    }
    let last = criteria.iter().last().map_or("parent", Criterion::word);
    Decided { verdict: Verdict::Parent, why: format!("{last}, and where that is equal the parent") }
}

/// The sum of both differences where the rule adds up, also where only one side changed anything.
#[must_use]
pub fn adds_up(criteria: &Criteria) -> bool {
    criteria.iter().next() == Some(&Criterion::Sum)
}

/// One criterion's answer; none for a tie.
fn ask(criterion: &Criterion, dispute: &Dispute, three: Option<Three<'_>>) -> Option<Verdict> {
    let Dispute { parent, child, .. } = dispute;
    match criterion {
        Criterion::Parent => Some(Verdict::Parent),
        Criterion::Child => Some(Verdict::Child),
        Criterion::Review => Some(Verdict::Review),
        Criterion::Owner => first(child.owner, parent.owner),
        Criterion::SitePriority => {
            // Whoever is not in the list stands behind all that are.
            let place = |edit: &Edit| edit.priority.unwrap_or(usize::MAX);
            first_by(place(child).cmp(&place(parent)).reverse())
        }
        Criterion::Newest | Criterion::Oldest => match (dispute.believed(child), dispute.believed(parent)) {
            (true, true) => {
                let order = child.time.cmp(&parent.time);
                first_by(if *criterion == Criterion::Newest { order } else { order.reverse() })
            }
            // An edit whose time nobody believes does not win by it.
            (child, parent) => first(child, parent),
        },
        Criterion::Sum => merge::sum(three?).map(Verdict::Merged),
        Criterion::Min => merge::least(three?).map(Verdict::Merged),
        Criterion::Max => merge::greatest(three?).map(Verdict::Merged),
        Criterion::Union { separator } => merge::union(three?, separator).map(Verdict::Merged),
        Criterion::Text => merge::text(three?).map(Verdict::Merged),
    }
}

impl Dispute {
    fn believed(&self, edit: &Edit) -> bool {
        edit.time.is_none_or(|time| time <= self.believed_until)
    }
}

fn why(criterion: &Criterion, dispute: &Dispute) -> String {
    let timed = matches!(criterion, Criterion::Newest | Criterion::Oldest);
    let doubted = !dispute.believed(&dispute.child) || !dispute.believed(&dispute.parent);
    if timed && doubted { format!("{}; a time in the future does not count", criterion.word()) } else { criterion.word().to_owned() }
}

const fn first(child: bool, parent: bool) -> Option<Verdict> {
    match (child, parent) {
        (true, false) => Some(Verdict::Child),
        (false, true) => Some(Verdict::Parent),
        (true, true) | (false, false) => None,
    }
}

const fn first_by(child_to_parent: std::cmp::Ordering) -> Option<Verdict> {
    match child_to_parent {
        std::cmp::Ordering::Greater => Some(Verdict::Child),
        std::cmp::Ordering::Less => Some(Verdict::Parent),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    const fn at(time: i64) -> Edit {
        Edit { time: Some(Millis(time)), owner: false, priority: None }
    }

    const NEVER: Edit = Edit { time: None, owner: false, priority: None };

    fn of(rule: &str, parent: Edit, child: Edit) -> Verdict {
        let rules = Rules::parse(&format!("default = {rule}")).unwrap();
        decide(rules.default_criteria(), &Dispute { parent, child, believed_until: Millis(100) }, None).verdict
    }

    #[test]
    fn the_newer_edit_wins_and_a_tie_goes_to_the_parent() {
        let newest = |parent, child| of("\"newest\"", parent, child);
        assert_eq!(newest(at(1), at(2)), Verdict::Child);
        assert_eq!(newest(at(2), at(1)), Verdict::Parent);
        assert_eq!(newest(at(1), at(1)), Verdict::Parent);
        assert_eq!(newest(NEVER, at(1)), Verdict::Child);
        assert_eq!(newest(NEVER, NEVER), Verdict::Parent);
        assert_eq!(of("\"oldest\"", at(1), at(2)), Verdict::Parent);
        assert_eq!(of("\"oldest\"", at(2), at(1)), Verdict::Child);
    }

    #[test]
    fn a_time_in_the_future_does_not_win_on_either_side() {
        assert_eq!(of("\"newest\"", at(1), at(101)), Verdict::Parent);
        assert_eq!(of("\"newest\"", at(101), at(2)), Verdict::Child);
        assert_eq!(of("[\"newest\", \"child\"]", at(101), at(102)), Verdict::Child);
        assert_eq!(of("\"oldest\"", at(101), at(100)), Verdict::Child);
        assert_eq!(of("\"oldest\"", at(1), at(101)), Verdict::Parent);
    }

    #[test]
    fn a_tie_goes_on_to_the_next_criterion() {
        let owner = |time| Edit { owner: true, ..at(time) };
        assert_eq!(of("[\"owner\", \"newest\"]", at(2), owner(1)), Verdict::Child);
        assert_eq!(of("[\"owner\", \"newest\"]", owner(1), at(2)), Verdict::Parent);
        assert_eq!(of("[\"owner\", \"newest\"]", at(1), at(2)), Verdict::Child);
        assert_eq!(of("[\"owner\", \"newest\"]", owner(1), owner(2)), Verdict::Child);
    }

    #[test]
    fn whoever_is_not_in_the_list_of_sites_stands_last() {
        let placed = |priority| Edit { priority, ..at(1) };
        assert_eq!(of("\"site-priority\"", placed(Some(1)), placed(Some(0))), Verdict::Child);
        assert_eq!(of("\"site-priority\"", placed(Some(1)), placed(None)), Verdict::Parent);
        assert_eq!(of("[\"site-priority\", \"child\"]", placed(None), placed(None)), Verdict::Child);
    }

    #[test]
    fn review_never_decides_by_itself() {
        assert_eq!(of("\"review\"", at(1), at(2)), Verdict::Review);
    }
}
