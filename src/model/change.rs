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
    /// Whom the reference fields of `after` mean: per reference of the shape (by place) the incarnation referred to.
    pub meant: Vec<Option<Born>>,
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
