//! What travels of one record: its state before and after, as far as it must be said.

use serde::{Deserialize, Serialize};

use super::{Born, FieldNo, Image, Key, Row, TableNo};

/// The net change of one record, as one neighbour tells another.
///
/// `before` and `after` say whether the record exists and which incarnation it is; their rows are partial
/// ([`super::Value::Absent`] where nothing is said): of an update they hold the stated fields, of everything else `after` is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The table.
    pub table: TableNo,
    /// The key.
    pub key: Key,
    /// What the sender holds the receiver's opinion to be; none where it holds the record to be unknown there.
    pub before: Option<Image>,
    /// What the sender has now; none for a delete.
    pub after: Option<Image>,
    /// The fields that are stated, ascending. All live fields unless before and after are the same incarnation.
    pub fields: Vec<FieldNo>,
    /// `after` holds every field although only `fields` are stated.
    pub whole: bool,
    /// For a record that comes back after a delete: its row as both sides last shared it (DESIGN section 4, rule 8).
    pub shared: Option<Row>,
    /// Other incarnations that this record absorbed (rule 10).
    pub aliases: Vec<Born>,
    /// In a packet, where numbers are the sender's: which records the numbers in it mean, in the order of [`Meant`].
    /// Inside a home the values themselves say it ([`super::stand_in`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meant: Vec<Meant>,
}

/// Which record a number in a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Meant {
    /// Where the number stands.
    pub side: Side,
    /// In which field.
    pub field: FieldNo,
    /// Which of the field's numbers, from 0 in the order of [`super::NumberField::numbers`].
    pub at: u16,
    /// The incarnation meant.
    pub born: Born,
}

/// A part of a change that holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The key.
    Key,
    /// The state before.
    Old,
    /// The state after.
    New,
    /// The shared row.
    Shared,
}

/// What can happen to a record, and the statement that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It did not exist.
    Insert,
    /// The same incarnation, other values.
    Update,
    /// It exists no more.
    Delete,
    /// The key went to another incarnation: a delete and an insert in one.
    Replace,
    /// A statement, no edit: the sender has no such record.
    Absent,
}

impl Change {
    /// Has large values that `row` has as well in memory once only.
    pub fn share(&mut self, row: &Row) {
        for image in [&mut self.before, &mut self.after].into_iter().flatten() {
            image.row.share(row);
        }
    }

    /// The rows it has, each with the side that it is.
    pub fn rows(&mut self) -> impl Iterator<Item = (Side, &mut Row)> {
        let before = self.before.as_mut().map(|image| (Side::Old, &mut image.row));
        let after = self.after.as_mut().map(|image| (Side::New, &mut image.row));
        before.into_iter().chain(after).chain(self.shared.as_mut().map(|row| (Side::Shared, row)))
    }

    /// Which of these it is.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, Some(_)) => ChangeKind::Insert,
            (Some(before), Some(after)) if before.born == after.born => ChangeKind::Update,
            (Some(_), Some(_)) => ChangeKind::Replace,
            (Some(_), None) => ChangeKind::Delete,
            (None, None) => ChangeKind::Absent,
        }
    }
}
