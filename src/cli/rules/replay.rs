//! `fieldpost rules try`: what would other rules have made of the conflicts of the last days?

use serde::Serialize;

use super::{TryArgs, rules_in};
use crate::cli::conflicts::by;
use crate::cli::page::{Moment, Page, count, heading};
use crate::cli::printer::Report;
use crate::cli::shown::{self, Shown};
use crate::cli::{Context, Exit, Failure};
use crate::model::{Millis, SiteName};
use crate::sync::replay::{Replayed, replay};

/// What would come out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TryReport {
    /// The file with the other rules.
    file: String,
    /// How many days back.
    days: u32,
    /// Conflicts that were replayed.
    replayed: usize,
    /// Of those, the ones that would come out differently.
    different: Vec<Different>,
}

/// A conflict that would come out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Different {
    /// Its number here.
    number: i64,
    /// The table.
    table: String,
    /// The key.
    key: Vec<Shown>,
    /// The field, where it is about one.
    field: Option<String>,
    /// When it was decided.
    decided: Moment,
    /// What stood then, by which rule.
    then: Shown,
    /// That rule.
    then_rule: String,
    /// What would stand.
    would: Shown,
    /// The site whose value that is.
    would_site: Option<SiteName>,
    /// The rule that would say so.
    would_rule: String,
    /// Whether a person would be asked.
    would_ask: bool,
}

pub(super) fn run(arguments: &TryArgs, context: &Context) -> Result<Exit, Failure> {
    const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
    let session = context.look()?;
    let (rules, _, file) = rules_in(arguments.file.as_deref(), &session, context)?;
    let since = Millis(context.world.now().0 - i64::from(arguments.days) * DAY_MILLIS);
    let replayed = replay(&session, &rules, since)?;
    let amount = replayed.len();
    let different = replayed.into_iter().filter(|one| one.differs).map(Different::of).collect();
    Ok(context.printer.report(&TryReport { file, days: arguments.days, replayed: amount, different }))
}

impl Different {
    fn of(replayed: Replayed) -> Self {
        let Replayed { number, conflict, answer, .. } = replayed;
        let then = conflict.exact.0.get(1).filter(|value| value.is_stated()).cloned();
        let words = || crate::model::Value::text(conflict.winner.as_deref().unwrap_or("nothing"));
        Self {
            number,
            key: shown::of_key(&conflict.key),
            decided: Moment(conflict.time),
            then: Shown(then.unwrap_or_else(words)),
            then_rule: conflict.rule.clone(),
            would: Shown(answer.stands),
            would_site: answer.site,
            would_rule: answer.why,
            would_ask: answer.open,
            field: conflict.field,
            table: conflict.table,
        }
    }

    fn line(&self) -> String {
        let field = self.field.as_ref().map_or_else(String::new, |field| format!(", {field}"));
        let of = self.would_site.as_ref().map_or_else(String::new, |site| format!(" of {}", by(Some(site))));
        let ask = if self.would_ask { ", until a person decides" } else { "" };
        format!(
            "{}. {} {}{field}: {} stood ({}), {}{of} would stand{ask} ({})",
            self.number,
            self.table,
            shown::key(&self.key),
            self.then,
            self.then_rule,
            self.would,
            self.would_rule
        )
    }
}

impl Report for TryReport {
    fn text(&self, page: &Page) -> String {
        let days = count(self.days, "day", "days");
        let replayed = count(self.replayed, "conflict", "conflicts");
        if self.different.is_empty() {
            return format!("{}: {replayed} of the last {days}, none would come out differently.", self.file);
        }
        let title = format!("{}: {replayed} of the last {days}, {} would come out differently", self.file, self.different.len());
        let lines: Vec<String> = self.different.iter().map(Different::line).collect();
        format!("{}\n{}", heading(&title), page.list(&lines, "-v lists all"))
    }
}
