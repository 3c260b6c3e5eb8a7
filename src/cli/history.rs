//! `fieldpost history`: who changed this record, when, and from what to what?

use clap::Args;
use serde::Serialize;

use super::page::{Column, Moment, NO_NUMBER, Page, count, heading};
use super::printer::Report;
use super::shown::{self, Shown};
use super::{Context, Exit, Failure, typable};
use crate::ledger::Record;
use crate::model::{Key, LIBRARY, Millis, PacketNumber, Shape, SiteName, Value, shown_table};
use crate::rules::nearest;
use crate::sync::history::{self, Event, What};
use crate::sync::{Session, forget};

/// Show who changed a record, when, and from what to what
///
/// Goes back as far as `history` in fieldpost.toml says: 400d, and 30d at least. Older entries are forgotten once no neighbour needs them.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost history customers ACME-0007
  fieldpost history order_lines O-17 3      a key of two fields

A table that ended, because it was dropped or made anew with another key, keeps its history: it is found by the name it had, beside what
another table of that name has today.")]
pub struct HistoryArgs {
    /// The table
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The key, one value per key field; whole numbers, 'text' and x'hex' where text and numbers could be mistaken
    #[arg(value_name = "KEY", required = true)]
    pub key: Vec<String>,
}

/// What happened to a record, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<Shown>,
    /// The table ended then: dropped, made anew with another key, or tracked no more. None where it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// Whether a table has that name today; it is another one where this one ended.
    #[serde(skip)]
    pub is_name_taken: bool,
    /// What happened.
    pub events: Vec<HistoryEvent>,
    /// Where older changes of it were forgotten: when any were forgotten here last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Moment>,
    /// Other records that had this number before, by the number they have now or had last.
    pub others: Vec<i64>,
    /// How many conflicts of it are listed under this key; what lost in them is no event.
    pub conflicts: u64,
    /// Records of that key in former tables of that name, the last one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Self>,
}

/// One thing that happened to a record here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEvent {
    /// When the edit was made, by the clock of its site.
    pub edited: Moment,
    /// The site of the edit; none of what was there before anybody was seen to edit it.
    pub site: Option<SiteName>,
    /// What kind.
    pub kind: HistoryKind,
    /// The fields; of an insert those that are not NULL.
    pub fields: Vec<HistoryField>,
    /// The packet that brought it; none where it was made here.
    pub packet: Option<HistoryPacket>,
    /// The first packet to each neighbour that told it.
    pub told: Vec<HistoryPacket>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    /// The record was made.
    Made,
    /// The record was there before edits were seen, and came whole with the first load.
    Loaded,
    /// The record had been deleted and came back.
    Returned,
    /// Fields were changed.
    Changed,
    /// The record was deleted.
    Deleted,
    /// The record was deleted and another one made with its key.
    Replaced,
    /// Two sites had made the same record; it is one from here on.
    Joined,
    /// The application dropped columns; this is what they held.
    Dropped,
    /// A neighbour wrote this, and it came when the table had gone.
    Late,
    /// The table went, or is tracked no more; this is what the record held last.
    Gone,
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryField {
    /// Its name.
    pub field: String,
    /// Before.
    pub before: Shown,
    /// After.
    pub after: Shown,
}

/// A packet that brought it or took it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryPacket {
    /// The neighbour it came from or went to.
    pub with: SiteName,
    /// Its number; none where it is not in the list of packets any more.
    pub number: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::NoTable`], [`Failure::KeyLength`], [`Failure::NoRecord`], [`Failure::NoHistory`]; else as the ledger says.
pub fn run(arguments: &HistoryArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let (mut found, mut other_length) = (Vec::new(), None);
    let (tables, renamed) = tables_named(&session, &arguments.table)?;
    for shape in tables.iter().chain(&renamed).copied() {
        // What is called otherwise today is only meant where nothing else is.
        if !found.is_empty() && renamed.contains(&shape) {
            break;
        }
        match find(&session, shape, &arguments.key) {
            Ok(one) => found.extend(one.map(|one| (shape, one))),
            Err(failure @ Failure::KeyLength { .. }) => drop(other_length.get_or_insert(failure)),
            Err(failure) => return Err(failure),
        }
    }
    let mut reports = Vec::new();
    for (shape, one) in found {
        reports.push(report(&session, shape, one)?);
    }
    if reports.is_empty() {
        return Err(other_length.map_or_else(|| nothing_known(arguments, context, &session), Ok)?);
    }
    let mut first = reports.remove(0);
    // Conflicts go by name and key: they are said once.
    reports.iter_mut().filter(|former| former.table == first.table).for_each(|former| former.conflicts = 0);
    first.former = reports;
    Ok(context.printer.report(&first))
}

/// That no record has or had the key.
fn nothing_known(arguments: &HistoryArgs, context: &Context, session: &Session) -> Result<Failure, Failure> {
    let (tables, renamed) = tables_named(session, &arguments.table)?;
    let named = tables.iter().chain(&renamed).next().map_or(&arguments.table, |shape| &shape.name);
    let (table, key) = (named.clone(), shown::typed_key(&arguments.key));
    let day = forget::last_forgotten(session)?.map(|last| context.printer.page().moment(Moment(last)));
    Ok(day.map_or(Failure::NoRecord { table: table.clone(), key: key.clone() }, |day| Failure::NoHistory { table, key, day }))
}

/// What is to be said of a record.
fn report(session: &Session, shape: &Shape, (record, key, events, others): Found) -> Result<HistoryReport, Failure> {
    let forgotten = if history::is_cut(session, &record)? { forget::last_forgotten(session)?.map(Moment) } else { None };
    Ok(HistoryReport {
        table: shown_table(&shape.name).to_owned(),
        key: shown::of_key(&key),
        ended: shape.past.went.filter(|_| shape.past.gone).map(Moment),
        is_name_taken: session.shapes.iter().any(|live| live.name.eq_ignore_ascii_case(&shape.name)),
        events: events.into_iter().map(|event| tell(session, event)).collect(),
        forgotten,
        others,
        conflicts: session.ledger.conflicts_about(&shape.name, &key)?,
        former: Vec::new(),
    })
}

/// The tables somebody may mean, likeliest first: the tracked one and former ones of that name; then those that are called otherwise today.
///
/// # Errors
/// [`Failure::NoTable`].
fn tables_named<'s>(session: &'s Session, typed: &str) -> Result<(Vec<&'s Shape>, Vec<&'s Shape>), Failure> {
    let (former, live) = (session.former.iter().rev(), session.shapes.iter());
    let had_name = |shape: &&Shape| shape.past.names.iter().any(|name| name.eq_ignore_ascii_case(typed));
    let named = shape_named(session, typed);
    let mut tables: Vec<&Shape> = named.as_ref().ok().copied().into_iter().collect();
    tables.extend(former.filter(|shape| shape.name.eq_ignore_ascii_case(typed) || had_name(shape)));
    tables.dedup_by_key(|shape| shape.number);
    let renamed: Vec<&Shape> = live.filter(had_name).filter(|shape| tables.iter().all(|table| table.number != shape.number)).collect();
    match named {
        Err(failure) if tables.is_empty() && renamed.is_empty() => Err(failure),
        Ok(_) | Err(_) => Ok((tables, renamed)),
    }
}

/// The tracked table somebody means: as it is written, else in any case.
///
/// # Errors
/// [`Failure::NoTable`] with the name that may be meant.
pub fn shape_named<'s>(session: &'s Session, typed: &str) -> Result<&'s Shape, Failure> {
    let exact = session.shapes.iter().find(|shape| shape.name == typed);
    let folded = || session.shapes.iter().find(|shape| shape.name.to_lowercase() == typed.to_lowercase());
    // A table that is gone has a history too.
    let former = || session.former.iter().rev().find(|shape| shape.name == typed);
    // The list of documents goes by what it is called, where the application has no table of that name.
    let shown = || session.shapes.iter().find(|shape| shown_table(&shape.name) == typed);
    exact.or_else(folded).or_else(shown).or_else(former).ok_or_else(|| Failure::NoTable {
        typed: typed.to_owned(),
        meant: nearest(typed, session.shapes.iter().map(|shape| shape.name.as_str())).map(str::to_owned),
    })
}

/// The keys that somebody may mean by the words typed, likeliest first.
///
/// # Errors
/// [`Failure::KeyLength`].
pub fn keys_meant(shape: &Shape, typed: &[String]) -> Result<Vec<Key>, Failure> {
    if typed.len() != shape.key.len() {
        let fields = shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect();
        return Err(Failure::KeyLength { table: shown_table(&shape.name).to_owned(), fields });
    }
    let mut meant: Vec<Vec<Value>> = vec![Vec::new()];
    for word in typed {
        let values = shown::meanings(word);
        let longer =
            |key: &Vec<Value>| values.iter().map(|value| [key.as_slice(), std::slice::from_ref(value)].concat()).collect::<Vec<_>>();
        meant = meant.iter().flat_map(longer).collect();
    }
    Ok(meant.iter().filter_map(|values| Key::new(values).ok()).collect())
}

/// A record, its key, what happened to it, and the other records that had the number before.
type Found = (Record, Key, Vec<Event>, Vec<i64>);

/// The record whose key somebody typed.
fn find(session: &Session, shape: &Shape, typed: &[String]) -> Result<Option<Found>, Failure> {
    for key in keys_meant(shape, typed)? {
        let mut records = history::under(session, shape, &key)?.into_iter();
        while let Some(record) = records.next() {
            let events = history::of(session, &record)?;
            if !events.is_empty() || record.current.is_some() || history::is_cut(session, &record)? {
                let mut others = Vec::new();
                for other in records {
                    others.extend(session.shown_key(&other)?.as_integer());
                }
                let key = session.shown_key(&record)?;
                return Ok(Some((record, key, events, others)));
            }
        }
    }
    Ok(None)
}

fn tell(session: &Session, event: Event) -> HistoryEvent {
    let packet = |(with, number): (SiteName, Option<PacketNumber>)| HistoryPacket { with, number: number.map(|number| number.0) };
    let made = |values: Vec<(String, Value)>| values.into_iter().filter(|(_, value)| *value != Value::Null).collect::<Vec<_>>();
    let field = |field: String, before: Value, after: Value| HistoryField { field, before: Shown(before), after: Shown(after) };
    let (kind, fields) = match event.what {
        What::Created(values) => {
            let kind = if event.site.is_some() { HistoryKind::Made } else { HistoryKind::Loaded };
            (kind, made(values).into_iter().map(|(name, value)| field(name, Value::Absent, value)).collect())
        }
        What::Returned(values) => {
            (HistoryKind::Returned, made(values).into_iter().map(|(name, value)| field(name, Value::Absent, value)).collect())
        }
        What::Replaced(values) => {
            (HistoryKind::Replaced, made(values).into_iter().map(|(name, value)| field(name, Value::Absent, value)).collect())
        }
        What::Deleted(values) => {
            (HistoryKind::Deleted, made(values).into_iter().map(|(name, value)| field(name, value, Value::Absent)).collect())
        }
        What::Changed(values) => (HistoryKind::Changed, values.into_iter().map(|(name, old, new)| field(name, old, new)).collect()),
        What::Joined => (HistoryKind::Joined, Vec::new()),
        What::Gone(values) => {
            (HistoryKind::Gone, made(values).into_iter().map(|(name, value)| field(name, value, Value::Absent)).collect())
        }
        What::Late(values) => {
            (HistoryKind::Late, made(values).into_iter().map(|(name, value)| field(name, Value::Absent, value)).collect())
        }
        What::Dropped(values) => {
            (HistoryKind::Dropped, made(values).into_iter().map(|(name, value)| field(name, value, Value::Absent)).collect())
        }
    };
    let came = event.came.map(|(from, number)| packet((from, Some(number))));
    // Of an edit without a time, a delete say, who told it is known; of what was there before any edit that says nothing.
    let told_by = || came.as_ref().map_or_else(|| session.name().clone(), |packet| packet.with.clone());
    let site = event.site.or_else(|| (kind != HistoryKind::Loaded).then(told_by));
    HistoryEvent { edited: Moment(event.time), site, kind, fields, packet: came, told: event.went.into_iter().map(packet).collect() }
}

impl HistoryKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Loaded => "first load",
            Self::Returned => "came back",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
            Self::Joined => "joined",
            Self::Dropped => "column dropped",
            Self::Late => "came too late",
            Self::Gone => "table gone",
        }
    }
}

impl Report for HistoryReport {
    fn text(&self, page: &Page) -> String {
        std::iter::once(self).chain(&self.former).map(|one| one.alone(page)).collect::<Vec<_>>().join("\n\n")
    }
}

impl HistoryReport {
    /// Without what former tables have.
    fn alone(&self, page: &Page) -> String {
        let record = format!("{} {}", self.table, shown::key(&self.key));
        let before: Vec<String> = self
            .others
            .iter()
            .map(|other| match self.key.as_slice() {
                [Shown(Value::Integer(own))] if own == other => format!("\nAnother record that ended had the number {own} before."),
                _ => format!("\nThis number had another record before, which is {other} now: 'fieldpost history {} {other}'", self.table),
            })
            .collect();
        let before = before.concat();
        let older = self.forgotten.map_or_else(String::new, |last| {
            format!(
                "\nOlder entries were forgotten, on {} or before.\n'history' in fieldpost.toml says how long they are kept.",
                page.moment(last)
            )
        });
        let lost = match self.conflicts {
            0 => String::new(),
            some => {
                let some = count(some, "conflict", "conflicts");
                let words = std::iter::once(self.table.clone()).chain(self.key.iter().map(Shown::plain));
                let words: Vec<String> = words.map(|word| typable::word(&word)).collect();
                format!("\n{some} about it, with what lost: 'fieldpost conflicts {}'", words.join(" "))
            }
        };
        let before = format!("{}{older}{before}{lost}", self.ending(page));
        if self.events.is_empty() && self.forgotten.is_some() {
            return format!("{record}: nothing has happened to it lately.{before}");
        }
        if self.events.is_empty() {
            return format!("{record}: nothing has happened to it since the database was taken in.{before}");
        }
        let columns = ["edited", "by", "what", "field", "before", "after", "packet"].map(Column::Words);
        let title = heading(&format!("{record}: {}", count(self.events.len(), "event", "events")));
        format!("{title}\n{}{before}", page.table(&columns, self.events.iter().flat_map(|event| event.rows(page, &self.table))))
    }

    /// Of a former table: that it is one, and since when.
    fn ending(&self, page: &Page) -> String {
        let Some(ended) = self.ended else { return String::new() };
        let today = if self.is_name_taken { "today's table of that name is another one" } else { "none of that name is tracked today" };
        format!("\nThis is of the table {} that was here until {}; {today}.", self.table, page.moment(ended))
    }
}

impl HistoryEvent {
    /// One row per field; what they share stands only in the first.
    fn rows(&self, page: &Page, table: &str) -> Vec<Vec<String>> {
        let value = |field: &str, value: &Shown| match (table == shown_table(LIBRARY), field, &value.0) {
            (true, "content", _) => shown::content(value),
            (true, "modified", Value::Integer(millis)) => page.moment(Moment(Millis(*millis))),
            _ => value.to_string(),
        };
        let said = |packet: &HistoryPacket, way: &str| match packet.number {
            Some(number) => format!("{number} {way} {}", packet.with),
            None => format!("an old one {way} {}", packet.with),
        };
        let came = self.packet.iter().map(|packet| said(packet, "from"));
        let told = self.told.iter().map(|packet| said(packet, "to"));
        let packets: Vec<String> = came.chain(told).collect();
        let mut rows: Vec<Vec<String>> = vec![vec![String::new(); 7]; self.fields.len().max(1)];
        for (row, field) in rows.iter_mut().zip(&self.fields) {
            let HistoryField { field, before, after } = field;
            row[3..6].clone_from_slice(&[field.clone(), value(field, before), value(field, after)]);
        }
        let by = self.site.as_ref().map_or_else(|| NO_NUMBER.to_owned(), SiteName::to_string);
        rows[0][..3].clone_from_slice(&[page.moment(self.edited), by, self.kind.word().to_owned()]);
        rows[0][6] = match (self.kind, packets.is_empty()) {
            (HistoryKind::Dropped | HistoryKind::Late | HistoryKind::Gone, _) => String::new(),
            (_, true) => "none yet".to_owned(),
            (_, false) => packets.join(", "),
        };
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, plain};
    use crate::model::Value;

    #[test]
    fn each_event_says_who_when_and_from_what_to_what() {
        let field = |name: &str, before, after| HistoryField { field: name.to_owned(), before: Shown(before), after: Shown(after) };
        let report = HistoryReport {
            table: "customers".to_owned(),
            key: vec![Shown(Value::text("ACME-0007"))],
            ended: None,
            is_name_taken: true,
            former: Vec::new(),
            others: Vec::new(),
            conflicts: 0,
            forgotten: None,
            events: vec![
                HistoryEvent {
                    edited: at(0),
                    site: SiteName::new("anna").ok(),
                    kind: HistoryKind::Changed,
                    fields: vec![
                        field("phone", Value::Null, Value::text("555-0199")),
                        field("city", Value::text("Ulm"), Value::text("Bern")),
                    ],
                    packet: Some(HistoryPacket { with: SiteName::new("north").unwrap(), number: Some(41) }),
                    told: Vec::new(),
                },
                HistoryEvent {
                    edited: at(9),
                    site: SiteName::new("head").ok(),
                    kind: HistoryKind::Deleted,
                    fields: Vec::new(),
                    packet: None,
                    told: [("north", Some(12)), ("south", None)]
                        .map(|(with, number)| HistoryPacket { with: SiteName::new(with).unwrap(), number })
                        .to_vec(),
                },
            ],
        };
        assert_eq!(
            plain(&report),
            "\
customers ACME-0007: 2 events
  edited            by    what     field  before  after       packet
  2026-11-22 08:00  anna  changed  phone  NULL    '555-0199'  41 from north
                                   city   'Ulm'   'Bern'
  2026-11-22 08:09  head  deleted                             12 to north, an old one to south
"
        );
        let cut = HistoryReport { forgotten: Some(at(20)), conflicts: 1, events: report.events[1..].to_vec(), ..report };
        assert_eq!(
            plain(&cut),
            "\
customers ACME-0007: 1 event
  edited            by    what     field  before  after  packet
  2026-11-22 08:09  head  deleted                        12 to north, an old one to south
Older entries were forgotten, on 2026-11-22 08:20 or before.
'history' in fieldpost.toml says how long they are kept.
1 conflict about it, with what lost: 'fieldpost conflicts customers ACME-0007'
"
        );
    }
}
