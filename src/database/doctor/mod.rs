//! What is this database, what becomes of it here, what could hurt, and what should a person write into `rules.toml`?
//!
//! Everything only reads. Guesses ([`Suggestion`]) are made from names and believed only when the content agrees; nobody acts
//! on them but a person.

mod identities;
mod likely;
mod names;
mod portrait;
mod suggestions;
mod troubles;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::error::Result;
use super::{Database, TriggerPlan, Untracked, Warning};
use crate::model::{LIBRARY, Shape};
use crate::rules::Rules;

pub use portrait::Portrait;
pub use suggestions::{Suggestion, Wish};
pub use troubles::Trouble;
pub use written::RuleFault;

/// Everything that was found.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The file.
    pub portrait: Portrait,
    /// What is or would be tracked, with the number of records, by name.
    pub tracked: Vec<(Shape, u64)>,
    /// Everything else, by name.
    pub untracked: Vec<Untracked>,
    /// The application's triggers.
    pub triggers: Vec<TriggerPlan>,
    /// What a person should know of the tracked tables.
    pub warnings: Vec<Warning>,
    /// What could hurt.
    pub troubles: Vec<Trouble>,
    /// What could be written into `rules.toml`.
    pub suggestions: Vec<Suggestion>,
}

impl Database {
    /// Looks at everything, in one read. `tracked` are the tables of a site that has begun; none before `init`. `stage` is told
    /// what is being looked at.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn examine(&self, rules: &Rules, tracked: Option<&[Shape]>, stage: &mut dyn FnMut(&str)) -> Result<Examination> {
        self.begin_read()?;
        let examined = self.examine_at_once(rules, tracked, stage);
        let ended = self.end_read();
        let examined = examined?;
        ended.map(|()| examined)
    }

    fn examine_at_once(&self, rules: &Rules, tracked: Option<&[Shape]>, stage: &mut dyn FnMut(&str)) -> Result<Examination> {
        stage("looking at the tables");
        let survey = self.survey(rules)?;
        let (shapes, mut untracked) = match tracked {
            None => (survey.shapes, survey.untracked),
            Some(tracked) => {
                let is_tracked = |name: &str| tracked.iter().any(|shape| shape.name == name);
                (tracked.to_vec(), survey.untracked.into_iter().filter(|one| !is_tracked(&one.name)).collect())
            }
        };
        // What the doctor says is about the application's tables.
        let shapes: Vec<Shape> = shapes.into_iter().filter(|shape| shape.name != LIBRARY).collect();
        untracked.retain(|one| one.reason != super::UntrackedReason::Internal);
        let triggers = self.trigger_plan(&shapes, rules)?;
        stage("looking for damage");
        let mut troubles = self.damage()?;
        stage("following foreign keys");
        troubles.extend(self.orphans()?);
        troubles.extend(self.rule_faults(&shapes, rules)?.into_iter().map(|fault| fault.trouble));
        troubles.extend(self.slow_references(&shapes, rules)?);
        troubles.extend(self.reused_numbers(&shapes)?);
        troubles.extend(self.counted_numbers(&shapes)?);
        let writes: BTreeMap<String, Vec<String>> = triggers.iter().map(|plan| (plan.name.clone(), plan.writes.clone())).collect();
        troubles.extend(self.unkept(&writes)?);
        stage("looking for references");
        let mut suggestions = self.likely_references(&shapes, rules)?;
        suggestions.extend(self.likely_identities(&shapes, rules)?);
        suggestions.extend(self.likely_keys(&untracked)?);
        stage("counting records");
        let mut tracked: Vec<(Shape, u64)> = Vec::new();
        for shape in shapes {
            let records = self.count(&shape)?;
            tracked.push((shape, records));
        }
        tracked.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        Ok(Examination { portrait: self.portrait()?, tracked, untracked, triggers, warnings: survey.warnings, troubles, suggestions })
    }
}
