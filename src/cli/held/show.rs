//! `fieldpost held show`: what a held change wants, why it waits, and what is here.

use serde::Serialize;

use super::{HeldChange, HeldShowArgs, Needs, all};
use crate::cli::page::{Column, Page, count, heading, paragraphs};
use crate::cli::printer::Report;
use crate::cli::shown::{self, Shown};
use crate::cli::{Context, Exit, Failure};
use crate::ledger::HeldReason;
use crate::model::{FieldNo, Row, SiteName, Value, shown_table};
use crate::sync::mend::MendError;
use crate::sync::{Session, SyncError};

/// The changes that are held for one record: one, but for an office whose parent and child both sent one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ShowReport {
    held: Vec<Shows>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Shows {
    #[serde(flatten)]
    change: HeldChange,
    /// Whether it is a delete.
    delete: bool,
    /// What it changes.
    fields: Vec<Wanted>,
    /// What a person can do; nothing where it goes on by itself.
    advice: Option<String>,
}

/// One field of a held change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Wanted {
    field: String,
    /// What the sender had before.
    before: Shown,
    /// What it shall be.
    wanted: Shown,
    /// What is here.
    here: Shown,
}

pub(super) fn run(arguments: &HeldShowArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let held: Vec<HeldChange> = all(&session)?.into_iter().filter(|held| held.number == Some(arguments.number)).collect();
    if held.is_empty() {
        return Err(SyncError::from(MendError::NotHeld(arguments.number)).into());
    }
    let held = held.into_iter().map(|change| shows(&session, arguments.number, change)).collect::<Result<_, _>>()?;
    Ok(context.printer.report(&ShowReport { held }))
}

fn shows(session: &Session, number: i64, change: HeldChange) -> Result<Shows, SyncError> {
    let record = session.load_id(number)?;
    let shape = session.shape(record.table);
    let site = session.ledger.site_number(&change.from)?;
    let held = record.extra.held.get(&site).ok_or(MendError::NotHeld(number))?;
    let shown = |row: Option<&Row>| row.map(|row| session.shown_row(shape, row)).transpose();
    let [before, wanted, here] =
        [&held.change.before, &held.change.after, &record.current].map(|image| image.as_ref().map(|image| &image.row));
    let [before, wanted, here] = [shown(before)?, shown(wanted)?, shown(here)?];
    let value = |row: &Option<Row>, field: FieldNo| Shown(row.as_ref().map_or(Value::Absent, |row| row.get(field).clone()));
    let field = |field: &FieldNo| Wanted {
        field: shape.name_of(*field).to_owned(),
        before: value(&before, *field),
        wanted: value(&wanted, *field),
        here: value(&here, *field),
    };
    let fields = if wanted.is_some() { held.change.fields.iter().map(field).collect() } else { Vec::new() };
    let parent = session.ledger.parent()?.is_some_and(|parent| parent.card.name == change.from);
    let advice = (change.needs == Needs::Person).then(|| advice(&change.from, parent, number, &held.reason));
    Ok(Shows { change, delete: wanted.is_none(), fields, advice })
}

/// What the parent sent is neither edited nor dropped here: the next packets would tell it again.
fn advice(from: &SiteName, parent: bool, number: i64, reason: &HeldReason) -> String {
    if !parent {
        return format!("'fieldpost held edit {number} FIELD=VALUE' mends it, 'fieldpost held drop {number} --reason WHY' lets go of it");
    }
    if let HeldReason::Dependants { table, key } = reason {
        let table = shown_table(table);
        return format!("edit or delete {table} {key}, here or at '{from}': with that it goes on by itself");
    }
    format!("'{from}' decides: edit the record here as it should be, or ask whoever looks after '{from}'")
}

impl Report for ShowReport {
    fn text(&self, page: &Page) -> String {
        paragraphs(self.held.iter().map(|held| held.text(page)))
    }

    fn exit(&self) -> Exit {
        self.held.iter().map(|held| held.change.needs).max().map_or(Exit::Done, Needs::exit)
    }
}

impl Shows {
    fn text(&self, page: &Page) -> String {
        let HeldChange { table, key, from, packet, why, since, attempts, next, needs, .. } = &self.change;
        let title = heading(&format!("{table} {}, from '{from}', packet {packet}", shown::key(key)));
        let mut lines = vec![title, page.wrapped(&format!("held since {}, because {why}", page.moment(*since)))];
        let again = next.map_or_else(|| needs.words().to_owned(), |next| format!("again {}, or with what it waits for", page.moment(next)));
        lines.push(format!("  tried {} since; {again}", count(*attempts, "time", "times")));
        if self.delete {
            lines.push("  it deletes the record".to_owned());
        } else {
            let columns = [Column::Words("field"), Column::Words("before there"), Column::Words("wanted"), Column::Words("here")];
            let row =
                |field: &Wanted| vec![field.field.clone(), field.before.to_string(), field.wanted.to_string(), field.here.to_string()];
            lines.push(page.table(&columns, self.fields.iter().map(row)));
        }
        lines.extend(self.advice.as_ref().map(|advice| page.wrapped(advice)));
        lines.join("\n")
    }
}
