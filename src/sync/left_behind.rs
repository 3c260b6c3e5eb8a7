//! Which records did somebody delete here although others refer to them, and which refer to a value that the record which they meant gave up?
//!
//! A program that enforces no foreign keys leaves rows that lead nowhere. Somebody is to hear of that where it was done, as long as it is so. Which
//! records those are is noted with the seal ([`Sealing::note_left_behind`]), by what others refer to them by, so that what led nowhere ever since is
//! no matter of it. Who could not follow a value that a record gave up ([`note_astray`]) is beside them.
//!
//! **Invariant**: a record is in the note from the seal of its delete until nothing here refers to it any more; one that did not follow from then on
//! until it refers to something else, to whom it meant, or to a record that was not there when it was first told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::database::{DatabaseError, Reference};
use crate::ledger::Record;
use crate::model::{FieldNo, ForeignKey, Key, Row, Shape, TableNo, Value, shown_table};
use crate::rules::Direction;
use crate::sync::report::Waiting;
use crate::sync::seal::Sealing;
use crate::sync::{Result, Session, SyncError};

impl Session {
    /// The fields by which others refer to the records of a table, and its key; none where nobody does, or where the table is no other site's matter.
    fn needed_by(&self, shape: &Shape) -> Result<Vec<FieldNo>> {
        let leading = self.leading_here(shape);
        let stays = self.policy(shape.number).direction == Direction::None;
        if stays || leading.is_empty() || self.ledger.neighbours()?.is_empty() {
            return Ok(Vec::new());
        }
        let mut fields: BTreeSet<FieldNo> = shape.key.iter().copied().collect();
        fields.extend(leading.into_iter().flat_map(|(.., theirs)| theirs));
        Ok(fields.into_iter().collect())
    }

    /// The references that lead to a table and travel, each with the fields there.
    fn leading_here(&self, shape: &Shape) -> Vec<(&Shape, &ForeignKey, Vec<FieldNo>)> {
        let mut leading = Vec::new();
        for child in self.shapes.iter().filter(|child| self.policy(child.number).direction != Direction::None) {
            for reference in child.references.iter().filter(|reference| reference.table.eq_ignore_ascii_case(&shape.name)) {
                let own = |column: &String| shape.live_fields().find(|field| shape.name_of(*field).eq_ignore_ascii_case(column));
                let theirs: Option<Vec<FieldNo>> = reference.columns.iter().map(own).collect();
                leading.extend(theirs.map(|theirs| (child, reference, theirs)));
            }
        }
        leading
    }

    /// Which of these rows, whose records are no more, others refer to in the database: by place, with who does.
    fn still_needed(&self, shape: &Shape, rows: &[Row]) -> Result<BTreeMap<usize, Needed>> {
        let database = self.database()?;
        let mut needed: BTreeMap<usize, Needed> = BTreeMap::new();
        for (child, reference, theirs) in self.leading_here(shape) {
            let ended: Vec<Vec<&Value>> = rows.iter().map(|row| theirs.iter().map(|field| row.get(*field)).collect()).collect();
            for (n, key, count) in database.referring_still(shape, child, reference, &ended)? {
                let mut row = Row::default();
                reference.fields.iter().zip(&ended[n]).for_each(|(field, value)| row.set(*field, (*value).clone()));
                // Another record has the value by now.
                if !matches!(database.referenced(&self.shapes, reference, &row)?, Reference::Missing { .. }) {
                    continue;
                }
                let first = || Needed { table: shown_table(&child.name).to_owned(), key: key.to_string(), count: 0 };
                needed.entry(n).or_insert_with(first).count += count;
            }
        }
        Ok(needed)
    }
}

/// Records that were sealed as deleted, by table: what they had in the columns by which others may refer to them, and in their keys.
#[derive(Debug, Default)]
pub(in crate::sync) struct Deleted {
    fields: BTreeMap<TableNo, Vec<FieldNo>>,
    rows: BTreeMap<TableNo, Vec<Row>>,
}

impl Sealing<'_> {
    /// A record ended that had this row in the database.
    pub(in crate::sync) fn note_deleted(&mut self, shape: &Shape, row: &Row) -> Result<()> {
        let fields = match self.deleted.fields.get(&shape.number) {
            Some(fields) => fields,
            None => self.deleted.fields.entry(shape.number).or_insert(self.session.needed_by(shape)?),
        };
        if !fields.is_empty() {
            let mut needed = Row::default();
            fields.iter().for_each(|field| needed.set(*field, row.get(*field).clone()));
            self.deleted.rows.entry(shape.number).or_default().push(needed);
        }
        Ok(())
    }

    /// Notes which of those others refer to now.
    pub(in crate::sync) fn note_left_behind(&mut self) -> Result<()> {
        let (session, mut noted) = (self.session, String::new());
        for (table, rows) in std::mem::take(&mut self.deleted.rows) {
            for place in session.still_needed(session.shape(table), &rows)?.into_keys() {
                noted += &left_line(table, &rows[place])?;
            }
        }
        if noted.is_empty() {
            return Ok(());
        }
        let known = session.ledger.note(LEFT_BEHIND)?.unwrap_or_default();
        Ok(session.ledger.set_note(LEFT_BEHIND, &(known + &noted))?)
    }
}

/// A record that goes on referring to a value which the record that it meant gave up.
#[derive(Debug, Serialize, Deserialize)]
struct Astray {
    table: TableNo,
    key: Key,
    /// What it says where it refers.
    was: Row,
    /// Whom it meant.
    meant: (TableNo, Key),
    /// Why it did not follow.
    why: String,
    /// Who has the value, once somebody looked at the end of a round.
    whose: Option<Whose>,
}

/// Who has a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Whose {
    Nobodys,
    Its(TableNo, Key),
}

impl Astray {
    /// What is to be said where it is so still, with the record: then whose the value is is in it as well.
    fn look(&mut self, session: &Session) -> Result<Option<(String, String)>> {
        let tracked = |table: TableNo| session.shapes.iter().find(|shape| shape.number == table);
        let (Some(shape), Some(parent)) = (tracked(self.table), tracked(self.meant.0)) else { return Ok(None) };
        let own: Vec<FieldNo> = shape.live_fields().filter(|field| self.was.get(*field).is_stated()).collect();
        // Whom it meant may be the one to which the record that is referred to belongs by its key.
        let by = |reference: &&ForeignKey| own.iter().all(|field| reference.fields.contains(field));
        let to_it = |reference: &&ForeignKey| by(reference) && reference.table.eq_ignore_ascii_case(&parent.name);
        let record = session.load(self.table, &self.key)?;
        let reference = shape.references.iter().find(to_it).or_else(|| shape.references.iter().find(by));
        let (Some(reference), Some(_), database) = (reference, &record.current, session.database()?) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        if !database.read(shape, record.at(), &mut bytes)? {
            return Ok(None);
        }
        let (row, was) = (
            Row::decode(&bytes).map_err(|_| SyncError::Bug("a row that was just read does not decode"))?,
            session.shown_row(shape, &self.was)?,
        );
        if own.iter().any(|field| row.get(*field) != was.get(*field)) {
            return Ok(None);
        }
        let whose = match database.referenced(&session.shapes, reference, &row)? {
            Reference::Found(table, place) => Whose::Its(table, session.load_at(session.shape(table), &place)?.key),
            Reference::Missing { .. } => Whose::Nobodys,
            Reference::None | Reference::Elsewhere => return Ok(None),
        };
        let is_meant = whose == Whose::Its(self.meant.0, self.meant.1.clone());
        let is_other = whose != Whose::Nobodys && self.whose.as_ref().is_some_and(|first| *first != whose);
        if is_meant || is_other {
            return Ok(None);
        }
        let values = own.iter().map(|field| was.get(*field).to_string()).collect::<Vec<_>>().join("/");
        let called = |table: TableNo, key: &Key| -> Result<String> {
            let key = session.shown_key(&session.load(table, key)?)?;
            Ok(format!("{} {key}", shown_table(&session.shape(table).name)))
        };
        let now = match &whose {
            Whose::Nobodys => "nobody".to_owned(),
            Whose::Its(table, key) => called(*table, key)?,
        };
        let meant = called(self.meant.0, &self.meant.1)?;
        let why = format!("it refers to {values}, which was the value of {meant} and is {now}'s now: give it another value ({})", self.why);
        self.whose.get_or_insert(whose);
        Ok(Some((called(self.table, &self.key)?, why)))
    }

    fn line(&self) -> Result<String> {
        let line = serde_json::to_string(self).map_err(|_| SyncError::Bug("a record that did not follow is not written"))?;
        Ok(format!("{ASTRAY} {line}\n"))
    }
}

/// Notes that a record goes on referring to what it `was`, though the record that it meant has that no more, inside the open transaction of the ledger.
///
/// # Errors
/// As the ledger says.
pub(in crate::sync) fn note_astray(session: &Session, record: &Record, was: &Row, meant: &(TableNo, Key), why: &str) -> Result<()> {
    let (key, was, meant) = (record.key.clone(), was.clone(), meant.clone());
    let astray = Astray { table: record.table, key, was, meant, why: why.to_owned(), whose: None };
    let known = session.ledger.note(LEFT_BEHIND)?.unwrap_or_default();
    Ok(session.ledger.set_note(LEFT_BEHIND, &(known + &astray.line()?))?)
}

/// Begins the line of a record that did not follow.
const ASTRAY: &str = "astray";

/// The note of records that were deleted here and that others here referred to then, and of those that did not follow: a line each.
const LEFT_BEHIND: &str = "left behind";

/// Most of them that are told one by one.
const MOST_LEFT: usize = 100;

fn left_line(table: TableNo, row: &Row) -> Result<String> {
    let row = serde_json::to_string(row).map_err(|_| SyncError::Bug("a row is not written"))?;
    Ok(format!("{} {row}\n", table.0))
}

/// Records that others refer to although they were deleted here, and such that did not follow.
struct LeftBehind {
    /// What to do about each, with the record.
    told: Vec<(String, String)>,
    /// How many more there are.
    more: usize,
    /// The note of them.
    note: String,
}

impl LeftBehind {
    /// The note, and what is true of it now.
    fn noted(session: &Session) -> Result<Option<(String, Self)>> {
        let noted = session.ledger.note(LEFT_BEHIND)?.filter(|noted| !noted.is_empty() && session.has_database());
        let Some(noted) = noted else { return Ok(None) };
        let left = match Self::look(session, &noted) {
            // Who only looks has the tables as the last run saw them.
            Err(SyncError::Database(DatabaseError::ShapeMoved { .. })) => {
                let (astray, deleted): (Vec<&str>, Vec<&str>) = noted.lines().partition(|line| line.starts_with(ASTRAY));
                let looks = "at the last run; the schema is another one since, 'fieldpost sync' looks again";
                let of = |lines: &[&str], kind: &str, one: &str, more: &str| {
                    let (records, why) = if lines.len() == 1 { ("record", one) } else { ("records", more) };
                    (!lines.is_empty()).then(|| (format!("{} {kind}{records}", lines.len()), format!("{why} {looks}")))
                };
                let deleted = of(&deleted, "deleted ", "others referred to it", "others referred to them");
                let astray = of(&astray, "", "it referred to what it did not mean", "they referred to what they did not mean");
                Self { told: deleted.into_iter().chain(astray).collect(), more: 0, note: noted.clone() }
            }
            left => left?,
        };
        Ok(Some((noted, left)))
    }

    fn look(session: &Session, noted: &str) -> Result<Self> {
        let mut tables: BTreeMap<TableNo, Vec<Row>> = BTreeMap::new();
        // One that came back and was deleted again is there twice.
        let lines: BTreeSet<&str> = noted.lines().collect();
        let mut astray = Vec::new();
        for (table, row) in lines.into_iter().filter_map(|line| line.split_once(' ')) {
            if table == ASTRAY {
                let one = serde_json::from_str::<Astray>(row);
                astray.push(one.map_err(|_| SyncError::Bug("a note of a record that did not follow does not read"))?);
                continue;
            }
            let (Ok(table), Ok(row)) = (table.parse().map(TableNo), serde_json::from_str(row)) else {
                return Err(SyncError::Bug("a note of a deleted record does not read"));
            };
            tables.entry(table).or_default().push(row);
        }
        let mut left = Self { told: Vec::new(), more: 0, note: String::new() };
        for mut one in astray {
            let Some(told) = one.look(session)? else { continue };
            left.note += &one.line()?;
            left.tell(told);
        }
        for (table, rows) in tables {
            let Some(shape) = session.shapes.iter().find(|shape| shape.number == table) else { continue };
            for (place, needed) in session.still_needed(shape, &rows)? {
                left.note += &left_line(table, &rows[place])?;
                let key = shape.key_of(&rows[place]).map_or_else(|_| String::new(), |key| key.to_string());
                let record = format!("{} {key}", shown_table(&shape.name));
                let why = needed.words(session, &record);
                left.tell((record, why));
            }
        }
        Ok(left)
    }

    fn tell(&mut self, told: (String, String)) {
        if self.told.len() == MOST_LEFT { self.more += 1 } else { self.told.push(told) }
    }

    fn sentences(self) -> impl Iterator<Item = (String, String)> {
        let more = (self.more > 0).then(|| {
            (
                format!("{} more records", self.more),
                "they were deleted here and others still refer to them, or it is as with these".to_owned(),
            )
        });
        self.told.into_iter().chain(more)
    }
}

/// What refers to a record that is no more: one of them, and how many there are.
struct Needed {
    table: String,
    key: String,
    count: u64,
}

impl Needed {
    fn words(&self, session: &Session, record: &str) -> String {
        let Self { table, key, count } = self;
        let (who, refers, that) = match count {
            1 => (format!("{table} {key}"), "refers", "that"),
            _ => (format!("{table} {key} and {} more", count - 1), "refer", "them"),
        };
        let begins = format!("it was deleted here, and {who} still {refers} to it: delete or change {that}");
        match &session.settings.parent {
            None => format!("{begins}, or enter {record} again"),
            Some(parent) => format!("{begins}; where '{parent}' has {that} too, {record} comes back"),
        }
    }
}

/// What is said of records that were deleted here although others refer to them, and of those that did not follow, each with the record: where there is something, somebody is to
/// look.
///
/// # Errors
/// As database and ledger say.
pub fn told(session: &Session) -> Result<Vec<(String, String)>> {
    Ok(LeftBehind::noted(session)?.map_or_else(Vec::new, |(_, left)| left.sentences().collect()))
}

/// As [`told`]; what is mended is forgotten.
pub(in crate::sync) fn waiting(session: &Session) -> Result<Vec<Waiting>> {
    let Some((noted, left)) = LeftBehind::noted(session)? else { return Ok(Vec::new()) };
    if left.note != noted {
        session.set_note(LEFT_BEHIND, &left.note)?;
    }
    let one = |(what, why)| Waiting { neighbour: None, what, why, retried: false, unreachable: false };
    Ok(left.sentences().map(one).collect())
}
