//! `fieldpost conflicts show`: what was before, what stands, what lost, and what is there now, side by side.

use clap::Args;
use serde::Serialize;

use super::{About, Conflict, all, by};
use crate::cli::page::{Moment, Page, alert, heading, one_line, paragraphs, size};
use crate::cli::printer::Report;
use crate::cli::shown::{self, Shown};
use crate::cli::{Context, Exit, Failure};
use crate::ledger::Conflict as Listed;
use crate::model::Value;
use crate::sync::documents::lost::{Whereabouts, content_lost};
use crate::sync::mend::{self, MendError};
use crate::sync::{Session, SyncError};

/// Arguments of `conflicts show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Numbers of conflicts, as 'fieldpost conflicts' lists them
    #[arg(required = true, value_name = "NUMBER")]
    pub numbers: Vec<i64>,
}

/// Conflicts side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShowReport {
    /// One by one, in the order they were named.
    pub conflicts: Vec<SideBySide>,
}

/// One conflict and the record as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideBySide {
    /// The conflict.
    #[serde(flatten)]
    pub conflict: Conflict,
    /// What it is about, field by field.
    pub fields: Vec<FieldSides>,
    /// Whether there is such a record now.
    pub there: bool,
    /// Of a document, where the content is that lost, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Whether somebody is known to have that content.
    #[serde(skip)]
    pub can_come_back: bool,
}

/// One field from all sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldSides {
    /// Its name.
    pub field: String,
    /// What both had before.
    pub before: Shown,
    /// What stands.
    pub standing: Shown,
    /// What lost.
    pub lost: Shown,
    /// What is there now.
    pub now: Shown,
}

/// Runs the command.
///
/// # Errors
/// [`MendError::NoConflict`]; else as the ledger says.
pub fn run(arguments: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let known = all(&session, 0)?;
    let mut conflicts = Vec::new();
    for number in &arguments.numbers {
        let conflict = known.iter().find(|conflict| conflict.number == *number);
        let conflict = conflict.ok_or_else(|| SyncError::from(MendError::NoConflict(*number)))?;
        conflicts.push(side_by_side(&session, conflict)?);
    }
    Ok(context.printer.report(&ShowReport { conflicts }))
}

/// A conflict beside the record as it is now.
///
/// # Errors
/// As the ledger says.
pub fn side_by_side(session: &Session, conflict: &Conflict) -> Result<SideBySide, SyncError> {
    let (_, listed) = mend::find(session, conflict.number)?;
    let absent = || Shown(Value::Absent);
    let record = session.shapes.iter().find(|shape| shape.name == listed.table);
    let record = record.map(|shape| Ok::<_, SyncError>((shape, mend::record_of(session, shape, &listed)?))).transpose()?;
    let image = record.as_ref().and_then(|(_, record)| record.as_ref()?.current.as_ref());
    let row = match (&record, image) {
        (Some((shape, _)), Some(image)) => Some(session.numbered(shape, &image.row)?),
        (Some(_) | None, Some(_) | None) => None,
    };
    let now = |name: &str| {
        let field = record.as_ref().and_then(|(shape, _)| shape.field(name));
        row.as_ref().zip(field).map_or_else(absent, |(row, field)| Shown(row.get(field).clone()))
    };
    let field = conflict.about.field().filter(|_| !matches!(conflict.about, About::Taken(_)));
    let fields = match field {
        Some(field) => vec![FieldSides {
            field: field.to_owned(),
            before: conflict.base.clone(),
            standing: conflict.winner.clone(),
            lost: conflict.loser.clone(),
            now: now(field),
        }],
        None => whole_record(&listed, &conflict.about, record.as_ref().map(|(shape, _)| *shape), now),
    };
    let found = content_lost(&listed).map(|content| session.whereabouts(&content)).transpose()?;
    Ok(SideBySide {
        conflict: conflict.clone(),
        fields,
        there: row.is_some(),
        content: found.as_ref().map(whereabouts),
        can_come_back: found.is_some_and(|found| found != Whereabouts::Nowhere),
    })
}

/// Where the content is that lost.
fn whereabouts(found: &Whereabouts) -> String {
    match found {
        Whereabouts::File(path) => format!("the content that lost is the document {path}"),
        Whereabouts::Kept { bytes } => format!("the content that lost is kept here ({}) as long as this conflict is listed", size(*bytes)),
        Whereabouts::At(site) => format!("the content that lost is not here, '{site}' has it and is asked for it"),
        Whereabouts::Nowhere => "the content that lost is not here, and no neighbour is known to have it".to_owned(),
    }
}

/// What a record that two sites made said at the site that lost, beside what it says now.
fn whole_record(listed: &Listed, about: &About, shape: Option<&crate::model::Shape>, now: impl Fn(&str) -> Shown) -> Vec<FieldSides> {
    let (About::Twin, Some(shape)) = (about, shape) else { return Vec::new() };
    let field = |field| {
        let name = shape.name_of(field);
        let lost = listed.exact.get(field);
        let (lost, now) = (Shown(lost.clone()), now(name));
        (lost != now).then(|| FieldSides { field: name.to_owned(), before: Shown(Value::Absent), standing: now.clone(), lost, now })
    };
    shape.live_fields().filter_map(field).collect()
}

impl Report for ShowReport {
    fn text(&self, page: &Page) -> String {
        paragraphs(self.conflicts.iter().map(|conflict| {
            let next = conflict.next();
            if next.is_empty() { conflict.text(page) } else { format!("{}\n{next}", conflict.text(page)) }
        }))
    }
}

impl Conflict {
    /// When the two edits were made, as far as both are known.
    pub(in crate::cli) fn times(&self, page: &Page) -> String {
        match (self.winner_time, self.loser_time) {
            (Some(winner), Some(loser)) => {
                let [winner, loser] = page.apart(winner, loser);
                format!(", {winner} against {loser}")
            }
            (Some(_) | None, Some(_) | None) => String::new(),
        }
    }

    /// How what lost is kept anyway.
    pub(super) fn keep_anyway(&self) -> String {
        let number = self.number;
        match self.loser_is_number {
            false => format!("keep it anyway: 'fieldpost conflicts resolve {number} --take lost'"),
            true => format!("set it anyway, with the number that record has now: 'fieldpost conflicts resolve {number} --value NUMBER'"),
        }
    }
}

impl SideBySide {
    /// The heading, what happened, and the fields.
    #[must_use]
    pub fn text(&self, page: &Page) -> String {
        let Conflict { number, table, key, rule, decider, decided, packet, open, settlement, .. } = &self.conflict;
        let title = heading(&format!("Conflict {number}: {table} {}", shown::key(key)));
        let packet = packet.as_ref().map_or_else(String::new, |packet| format!(", with packet {} from '{}'", packet.number, packet.from));
        let state = match (open, settlement) {
            (true, _) => alert("it waits for you"),
            (false, Some(settlement)) => one_line(settlement),
            (false, None) => "decided".to_owned(),
        };
        let met = format!("  met at '{decider}', {}{packet}; rule: {}; {state}", page.moment(*decided), one_line(rule));
        let what = if self.fields.is_empty() { page.wrapped(&self.conflict.sentence(page)) } else { self.fields_text(page) };
        let gone = if self.there { String::new() } else { "  There is no such record here now.".to_owned() };
        let content = self.content.as_ref().map_or_else(String::new, |content| format!("  {content}"));
        let lines = [title, met, what, gone, content];
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn fields_text(&self, page: &Page) -> String {
        let Conflict { winner_site, winner_time, loser_time, .. } = &self.conflict;
        let losers = self.conflict.losers();
        let side = |sites: &str, time: &Option<Moment>| match time {
            Some(time) => format!("{sites}, {}", page.moment(*time)),
            None => sites.to_owned(),
        };
        let [winner, loser] = self.conflict.labels();
        let standing_of = match self.conflict.is_merged() {
            true => format!("{} and {losers}", by(winner_site.as_ref())),
            false => side(&by(winner_site.as_ref()), winner_time),
        };
        let mut lines = Vec::new();
        for fields in &self.fields {
            let parts = [
                ("before", &fields.before, String::new()),
                (winner, &fields.standing, standing_of.clone()),
                (loser, &fields.lost, side(&losers, loser_time)),
                ("now", &fields.now, String::new()),
            ];
            lines.push(format!("  {}", fields.field));
            let width = parts.iter().map(|(_, value, _)| self.conflict.side(value).chars().count()).max().unwrap_or(0);
            lines.extend(parts.iter().map(|(label, value, side)| {
                let value = self.conflict.side(value);
                format!("    {label:6}  {value:width$}  {side}").trim_end().to_owned()
            }));
        }
        lines.join("\n")
    }

    fn next(&self) -> String {
        let number = self.conflict.number;
        if self.conflict.settled || (self.content.is_some() && !self.can_come_back) {
            return String::new();
        }
        if self.can_come_back {
            return format!("  'fieldpost conflicts resolve {number} --take lost' brings it back, at all sites");
        }
        match self.conflict.about {
            About::Merged(_) => {
                format!("  both edits are in the value; 'fieldpost conflicts resolve {number} --value VALUE' sets another one")
            }
            About::Field(_) | About::Refused(Some(_)) | About::Gone(_) | About::Dropped(Some(_)) if self.conflict.loser_is_number => {
                format!(
                    "  what lost is the number of a record, and may mean another one now;\n  \
                 'fieldpost conflicts resolve {number} --value NUMBER' sets it otherwise, to the record that has that number now"
                )
            }
            About::Field(_) | About::Refused(Some(_)) | About::Gone(_) | About::Dropped(Some(_)) => {
                format!("  'fieldpost conflicts resolve {number} --take lost', or before, or --value VALUE, sets it otherwise")
            }
            About::Delete | About::Dependants | About::Refused(None) => {
                format!("  'fieldpost conflicts resolve {number} --take lost' deletes it all the same")
            }
            About::Taken(_) => format!(
                "  'fieldpost conflicts resolve {number} --value VALUE' gives it another value, where '{}' is also '--take standing' lets go of it;\n  \
                 or edit the record that has the value",
                self.conflict.decider
            ),
            About::Twin | About::Held | About::Dropped(None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::conflicts::tests::conflict;
    use crate::cli::page::tests::plain;

    #[test]
    fn all_sides_stand_below_each_other() {
        let text = |text: &str| Shown(Value::text(text));
        let fields = FieldSides {
            field: "phone".to_owned(),
            before: Shown(Value::Null),
            standing: text("555-0199"),
            lost: text("555-0100"),
            now: text("555-0199"),
        };
        let report = ShowReport {
            conflicts: vec![SideBySide { conflict: conflict(), fields: vec![fields], there: true, content: None, can_come_back: false }],
        };
        assert_eq!(
            plain(&report),
            "\
Conflict 7: customers ACME-0007
  met at 'head', 2026-11-22 08:01, with packet 4 from 'anna'; rule: newest; decided
  phone
    before  NULL
    stands  '555-0199'  'anna'
    lost    '555-0100'  'head'
    now     '555-0199'
  'fieldpost conflicts resolve 7 --take lost', or before, or --value VALUE, sets it otherwise
"
        );
    }
}
