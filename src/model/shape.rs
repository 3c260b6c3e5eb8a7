//! What a tracked table looks like: its fields, its key, and what its rows must agree with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FieldNo, Key, KeyError, Millis, NumberField, Row, TableNo, Value};

/// The table with the list of documents of a site that has a library. It is ours, not the application's, and tracked like any other.
pub const LIBRARY: &str = "_fieldpost_library";

/// What people call a table: its name, but for the list of documents.
#[must_use]
pub fn shown_table(name: &str) -> &str {
    if name == LIBRARY { "documents" } else { name }
}

/// A tracked table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// As the ledger numbers it.
    pub number: TableNo,
    /// Name as the database spells it.
    pub name: String,
    /// Every field that ever was, by [`FieldNo`]; dropped ones stay so that numbers keep their meaning.
    pub fields: Vec<Field>,
    /// The key fields, in key order.
    pub key: Vec<FieldNo>,
    /// Whether the same key at two sites is the same record.
    pub key_kind: KeyKind,
    /// Declared references to other tables.
    pub references: Vec<ForeignKey>,
    /// Sets of fields whose values no two records share, beside the key (plain columns only, no partial or expression index).
    pub uniques: Vec<UniqueSet>,
    /// Declared `WITHOUT ROWID`: the key is the only handle.
    pub without_rowid: bool,
    /// Fields that hold handed-out numbers of records, by field: declared references and those that the rules name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<NumberField>,
    /// Fields in which two records of one table agree only where they are the same record, whoever made it. From the rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity_fields: Vec<FieldNo>,
    /// What was otherwise before the application changed its schema.
    #[serde(default, skip_serializing_if = "Past::is_empty")]
    pub past: Past,
}

/// What makes two records of two sites the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The key as it stands in the database.
    Key,
    /// The incarnation: the key is a number that each database hands out.
    Birth,
    /// The key, but it has handed-out numbers of other records in it: the records meant count, not their numbers.
    Meaning,
}

/// What a table was before, and what others still call it by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Past {
    /// The table is not in the database (any more, or not yet): nothing of it is tracked, its number keeps its meaning.
    pub gone: bool,
    /// It went because a rule took it out of the exchange: as long as it stays in the database it is this one, whatever becomes of its records.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ruled_out: bool,
    /// When it was noticed that the table went; none where it is here or never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went: Option<Millis>,
    /// Names it had: a neighbour that has not renamed it still says them.
    pub names: Vec<String>,
    /// Names that fields had, for the same reason.
    pub fields: BTreeMap<String, FieldNo>,
    /// What all sites call it by, whatever its name becomes: where the schema of the main office travels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// The main office's numbers for a table and its columns. None is ever given to another one, so a packet that was written long before a name
/// changed its meaning is read as it was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The number of the table.
    pub table: TableNo,
    /// The fields here by the main office's numbers for them, also those that went. Two numbers may mean one field.
    #[serde(default)]
    pub fields: BTreeMap<FieldNo, FieldNo>,
}

impl Told {
    /// The number to say for a field.
    #[must_use]
    pub fn number(&self, field: FieldNo) -> Option<FieldNo> {
        self.fields.iter().find(|(_, here)| **here == field).map(|(number, _)| *number)
    }
}

impl Past {
    /// The table went: that was noticed at `time`.
    pub const fn end(&mut self, time: Millis) {
        (self.gone, self.went) = (true, Some(time));
    }

    /// The table is here.
    pub const fn begin(&mut self) {
        (self.gone, self.went, self.ruled_out) = (false, None, false);
    }

    /// Whether nothing was ever otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One stored column. Generated columns are not fields: every site computes its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name as the database spells it.
    pub name: String,
    /// Gone from the table; kept for its number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

/// Whether a key names a thing of the world or is handed out by each database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Text, UUID, composite: the same key is the same record everywhere.
    Natural,
    /// A lone `INTEGER PRIMARY KEY`: two sites hand out the same number for different records.
    Assigned,
}

/// A declared foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Fields here, in the order of the columns there.
    pub fields: Vec<FieldNo>,
    /// Table referred to, as the database spells it.
    pub table: String,
    /// Columns referred to; the key of that table where the declaration names none.
    pub columns: Vec<String>,
    /// What the database does with records here when theirs is deleted.
    pub on_delete: OnDelete,
}

/// The `ON DELETE` action of a foreign key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDelete {
    /// `NO ACTION` or `RESTRICT`.
    Refuse,
    /// `CASCADE`.
    Cascade,
    /// `SET NULL`.
    SetNull,
    /// `SET DEFAULT`.
    SetDefault,
}

/// Fields no two records agree in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueSet {
    /// The fields, in index order.
    pub fields: Vec<FieldNo>,
}

impl Shape {
    /// The field of that name that is in the table now; one that had the name before, where none has it now.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<FieldNo> {
        let renamed = || self.past.fields.get(name).copied().filter(|field| self.is_live(*field));
        self.live_fields().find(|field| self.name_of(*field) == name).or_else(renamed)
    }

    /// The field of that name, in the table now or not.
    #[must_use]
    pub fn field_ever(&self, name: &str) -> Option<FieldNo> {
        self.field(name).or_else(|| self.numbered().find(|field| self.name_of(*field) == name))
    }

    /// The field in the table now that a neighbour speaks of by this name and, where it says one, the main office's number.
    #[must_use]
    pub fn spoken_field(&self, name: &str, number: Option<FieldNo>) -> Option<FieldNo> {
        match self.told_field(number) {
            Ok(field) => Some(field).filter(|field| self.is_live(*field)),
            Err(told) => self.field(name).filter(|field| told.is_none_or(|told| told.number(*field).is_none())),
        }
    }

    /// As [`Shape::spoken_field`], in the table now or not.
    #[must_use]
    pub fn spoken_field_ever(&self, name: &str, number: Option<FieldNo>) -> Option<FieldNo> {
        match self.told_field(number) {
            Ok(field) => Some(field),
            Err(None) => self.field_ever(name),
            Err(Some(told)) => {
                let is_it = |field: &FieldNo| self.name_of(*field) == name && told.number(*field).is_none();
                self.numbered().find(is_it)
            }
        }
    }

    /// The field of a number; as an error where the number does not tell: all that is told.
    fn told_field(&self, number: Option<FieldNo>) -> Result<FieldNo, Option<&Told>> {
        let (Some(number), Some(told)) = (number, self.past.told.as_ref()) else { return Err(None) };
        told.fields.get(&number).copied().ok_or(Some(told))
    }

    /// Every field that ever was.
    fn numbered(&self) -> impl Iterator<Item = FieldNo> {
        (0u16..).take(self.fields.len()).map(FieldNo)
    }

    /// Whether a field is in the table now.
    #[must_use]
    pub fn is_live(&self, field: FieldNo) -> bool {
        self.fields.get(field.index()).is_some_and(|field| !field.dropped)
    }

    /// How many cells a row of the database has: up to the last field that is in the table now.
    #[must_use]
    pub fn width(&self) -> usize {
        self.live_fields().last().map_or(0, |field| field.index() + 1)
    }

    /// The fields that are in the table now, by number.
    pub fn live_fields(&self) -> impl Iterator<Item = FieldNo> {
        let numbered = (0u16..).zip(&self.fields);
        numbered.filter(|(_, field)| !field.dropped).map(|(number, _)| FieldNo(number))
    }

    /// Name of a field.
    ///
    /// # Panics
    /// Where the number was not given by this shape.
    #[must_use]
    pub fn name_of(&self, field: FieldNo) -> &str {
        &self.fields[field.index()].name
    }

    /// The key of a row.
    ///
    /// # Errors
    /// [`KeyError::Null`] where a key field is NULL or not stated.
    pub fn key_of(&self, row: &Row) -> Result<Key, KeyError> {
        Key::new(self.key.iter().map(|field| row.get(*field)))
    }

    /// What makes two records the same one.
    #[must_use]
    pub fn identity(&self) -> Identity {
        // A record whose own number is that of another record, as in multi-table inheritance, is named by that one too.
        if self.numbers.iter().any(|number| self.is_key(number.field)) {
            return Identity::Meaning;
        }
        match self.key_kind {
            KeyKind::Assigned => Identity::Birth,
            KeyKind::Natural => Identity::Key,
        }
    }

    /// The field that holds the number which each database hands out to a record by itself.
    #[must_use]
    pub fn number_field(&self) -> Option<FieldNo> {
        if self.identity() == Identity::Birth { self.key.first().copied() } else { None }
    }

    /// Whether a field holds numbers of other records, or says what such a number means.
    #[must_use]
    pub fn concerns_numbers(&self, field: FieldNo) -> bool {
        self.numbers.iter().any(|number| number.field == field || number.kind() == Some(field))
    }

    /// Whether a value of a field is the number of a record, or says what such a number means: kept aside, it may come to mean another one.
    #[must_use]
    pub fn is_number(&self, field: FieldNo, value: &Value) -> bool {
        self.concerns_numbers(field) && !matches!(value, Value::Null)
    }

    /// Adds to `fields` what must be said together with them: a number and the word that says which table it is of.
    pub fn close(&self, fields: &mut Vec<FieldNo>) {
        for number in &self.numbers {
            let Some(kind) = number.kind() else { continue };
            match (fields.contains(&number.field), fields.contains(&kind)) {
                (true, false) => fields.push(kind),
                (false, true) => fields.push(number.field),
                (true, true) | (false, false) => {}
            }
        }
        fields.sort_unstable();
        fields.dedup();
    }

    /// Whether a field is part of the key.
    #[must_use]
    pub fn is_key(&self, field: FieldNo) -> bool {
        self.key.contains(&field)
    }
}
