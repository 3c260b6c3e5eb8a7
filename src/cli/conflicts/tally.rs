//! How many conflicts are there, as a person counts?
//!
//! Two sites that made the same record are one matter, however many fields they filled differently: what lost in those is listed with it,
//! and counts where a person is to decide about it. Two edits that were merged into one value are none: nothing lost.

use std::collections::BTreeSet;

use super::{About, Conflict};
use crate::cli::page::count;
use crate::cli::shown;

/// How many of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Edits that met and of which one lost, or would.
    pub conflicts: usize,
    /// Edits that were merged into one value.
    pub merged: usize,
    /// Of the conflicts, those that wait for a person.
    pub open: usize,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn of(conflicts: &[Conflict]) -> Self {
        let matter =
            |conflict: &Conflict| (conflict.table.clone(), shown::key(&conflict.key), conflict.decider.clone(), conflict.decided.0);
        let twins: BTreeSet<_> = conflicts.iter().filter(|conflict| conflict.about == About::Twin).map(matter).collect();
        let mut tally = Self::default();
        for conflict in conflicts {
            match conflict.about {
                About::Merged(_) => tally.merged += 1,
                About::Field(_) if !conflict.open && twins.contains(&matter(conflict)) => {}
                About::Field(_)
                | About::Gone(_)
                | About::Delete
                | About::Twin
                | About::Dependants
                | About::Held
                | About::Taken(_)
                | About::Refused(_)
                | About::Dropped(_) => tally.conflicts += 1,
            }
            tally.open += usize::from(conflict.open);
        }
        tally
    }

    /// "2 conflicts and 1 merged edit".
    #[must_use]
    pub fn words(&self) -> String {
        let conflicts = count(self.conflicts, "conflict", "conflicts");
        match (self.conflicts, self.merged) {
            (_, 0) => conflicts,
            (0, merged) => count(merged, "merged edit", "merged edits"),
            (_, merged) => format!("{conflicts} and {}", count(merged, "merged edit", "merged edits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::conflict;
    use super::*;

    #[test]
    fn a_record_that_two_sites_made_is_one_matter_and_a_merged_edit_is_none() {
        let twin = Conflict { about: About::Twin, ..conflict() };
        let merged = Conflict { about: About::Merged("stock".to_owned()), ..conflict() };
        let open = Conflict { open: true, ..conflict() };
        let words = |conflicts: &[Conflict]| Tally::of(conflicts).words();
        assert_eq!(words(&[twin.clone(), conflict(), conflict()]), "1 conflict");
        assert_eq!(Tally::of(&[twin, conflict(), open]), Tally { conflicts: 2, merged: 0, open: 1 });
        assert_eq!(words(&[conflict(), conflict()]), "2 conflicts");
        assert_eq!(words(std::slice::from_ref(&merged)), "1 merged edit");
        assert_eq!(words(&[merged.clone(), conflict(), merged]), "1 conflict and 2 merged edits");
    }
}
