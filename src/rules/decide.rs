//! Who wins when a field was edited on both sides.

use super::Criterion;
use crate::model::Stamp;

/// What a rule says of one field that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The child's value becomes the record.
    Child,
    /// The parent's value stays.
    Parent,
    /// The parent's value stays until a person looks.
    Review,
}

/// Decides at the parent. A missing stamp is older than any: the value was there before anybody edited.
///
/// A tie goes to the parent, so that every site that repeats the decision comes to the same end.
#[must_use]
pub fn decide(criterion: Criterion, parent: Option<Stamp>, child: Option<Stamp>) -> Verdict {
    match criterion {
        Criterion::Parent => Verdict::Parent,
        Criterion::Child => Verdict::Child,
        Criterion::Review => Verdict::Review,
        Criterion::Newest if child.map(|stamp| stamp.time) > parent.map(|stamp| stamp.time) => Verdict::Child,
        Criterion::Newest => Verdict::Parent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Millis, SiteNo};

    const fn at(time: i64) -> Option<Stamp> {
        Some(Stamp { time: Millis(time), site: SiteNo(1) })
    }

    #[test]
    fn the_newer_edit_wins_and_a_tie_goes_to_the_parent() {
        assert_eq!(decide(Criterion::Newest, at(1), at(2)), Verdict::Child);
        assert_eq!(decide(Criterion::Newest, at(2), at(1)), Verdict::Parent);
        assert_eq!(decide(Criterion::Newest, at(1), at(1)), Verdict::Parent);
        assert_eq!(decide(Criterion::Newest, None, at(1)), Verdict::Child);
        assert_eq!(decide(Criterion::Newest, None, None), Verdict::Parent);
    }

    #[test]
    fn review_never_decides_by_itself() {
        assert_eq!(decide(Criterion::Review, at(1), at(2)), Verdict::Review);
    }
}
