//! Which records stay home, although a neighbour does not hold what is here?
//!
//! Those that the rules or a person keep: not ready, sent by hand only, taken out of the exchange, marked as deleted by the parent,
//! missing what they require; and those that refer to a record which itself was never told, or never is because its table only goes up,
//! because without it they would only wait at the other end. **Invariant**: what stays home is neither told nor forgotten. What the neighbour holds is pinned
//! ([`crate::ledger::Extra::opinions`]), so the record is looked at in every build, and travels in the first one that lets it.

use std::collections::BTreeSet;

use super::known::{self, Link};
use super::mend::MendError;
use super::{Result, Session, SyncError, roster};
use crate::ledger::{NeighbourKind, Opinion, Record};
use crate::model::{FieldNo, Identity, Key, LIBRARY, NumberField, Row, Shape, TableNo, Value, stands_for};
use crate::rules::{Direction, ReferenceRule, Sending};

/// How far references are followed to a record that stays home.
const DEEPEST: usize = 16;

/// Why a record stays home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stays {
    /// `ready_when` is not true of it.
    NotReady,
    /// `ready_when` cannot be asked: SQLite's words.
    Unclear(String),
    /// It was edited while this was looked at.
    Edited,
    /// Its table is sent by hand.
    Manual,
    /// A person took it out of the exchange.
    Deactivated,
    /// The parent deleted it, and it is only marked here.
    Marked,
    /// A document that the groups of the neighbour do not get.
    OtherGroup,
    /// What would have to be told of it is more than a packet takes.
    TooLarge {
        /// Megabytes.
        megabytes: u64,
    },
    /// A required field is empty.
    Empty {
        /// The field.
        field: String,
    },
    /// A record that it requires is not here.
    Missing {
        /// The field that refers to it.
        field: String,
        /// Table referred to.
        table: String,
        /// Key referred to, as a person reads it.
        key: String,
    },
    /// A record to which it refers stays home.
    With {
        /// Table referred to.
        table: String,
        /// Its key.
        key: String,
    },
}

impl std::fmt::Display for Stays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotReady => f.write_str("it is not ready yet"),
            Self::Unclear(words) => write!(f, "the rule `ready_when` does not run here: {words}"),
            Self::Edited => f.write_str("it is being edited"),
            Self::Manual => f.write_str("it is sent by hand"),
            Self::Deactivated => f.write_str("it is taken out of the exchange"),
            Self::Marked => f.write_str("it is deleted at the parent and marked here"),
            Self::OtherGroup => f.write_str("its groups do not get it"),
            Self::TooLarge { megabytes } => {
                write!(f, "what changed in it is too large for a packet: {megabytes} MB, old and new values together")
            }
            Self::Empty { field } => write!(f, "`{field}` is required and empty"),
            Self::Missing { field, table, key } => write!(f, "its `{field}` requires {table} {key}, which is not here"),
            Self::With { table, key } => write!(f, "it refers to {table} {key}, which stays here"),
        }
    }
}

impl Stays {
    /// The reason without the record it is about: what a report counts by.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotReady => "not ready",
            Self::Unclear(_) => "unclear",
            Self::Edited => "edited",
            Self::Manual => "manual",
            Self::Deactivated => "deactivated",
            Self::Marked => "marked",
            Self::OtherGroup => "other group",
            Self::TooLarge { .. } => "too large",
            Self::Empty { .. } => "empty",
            Self::Missing { .. } => "missing",
            Self::With { .. } => "with another",
        }
    }

    /// The field that is wrong, where it is about one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Empty { field } | Self::Missing { field, .. } => Some(field),
            Self::NotReady
            | Self::Unclear(_)
            | Self::Edited
            | Self::Manual
            | Self::Deactivated
            | Self::Marked
            | Self::OtherGroup
            | Self::TooLarge { .. }
            | Self::With { .. } => None,
        }
    }

    /// Whether something is wrong with the record: else it stays because somebody wants it to.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        match self {
            Self::Unclear(_) | Self::TooLarge { .. } | Self::Empty { .. } | Self::Missing { .. } => true,
            Self::NotReady | Self::Edited | Self::Manual | Self::Deactivated | Self::Marked | Self::OtherGroup | Self::With { .. } => false,
        }
    }
}

/// Where a field leads.
enum Leads {
    /// It is empty, or nobody knows what it refers to.
    Nowhere,
    /// To a record that is here.
    Here(Box<Record>),
    /// To none that is here.
    Missing { table: String, key: String },
}

impl Session {
    /// Whether any rule, or a person, keeps anything home; a record that is marked aside.
    pub(super) fn may_keep(&self) -> Result<bool> {
        let documents = self.has_library() && !self.rules.library().groups.is_empty();
        Ok(documents || self.shapes.iter().any(|shape| self.policy(shape.number).keeps_home()) || self.ledger.any_deactivated()?)
    }

    /// Why a record that a neighbour holds otherwise is not told to it; none where it is.
    pub(super) fn stays_home(&self, record: &Record, link: Link) -> Result<Option<Stays>> {
        self.keeps(record, link, 0)
    }

    fn keeps(&self, record: &Record, link: Link, depth: usize) -> Result<Option<Stays>> {
        if record.extra.deactivated {
            return Ok(Some(Stays::Deactivated));
        }
        // What is gone can only be told.
        let Some(image) = &record.current else { return Ok(None) };
        let policy = self.policy(record.table);
        if link.kind == NeighbourKind::Parent && policy.is_marked(record, &image.row) {
            return Ok(Some(Stays::Marked));
        }
        if let Some(sql) = &policy.ready_when
            && let Some(stays) = self.is_unready(record, sql)?
        {
            return Ok(Some(stays));
        }
        if self.shape(record.table).name == LIBRARY && !self.gets_document(link, &image.row)? {
            return Ok(Some(Stays::OtherGroup));
        }
        let first_load = link.fresh && link.kind == NeighbourKind::Child;
        if policy.send == Sending::Manual && !first_load && !record.extra.released.contains(&link.site) {
            return Ok(Some(Stays::Manual));
        }
        let shape = self.shape(record.table);
        for field in &policy.required {
            match self.leads(shape, &image.row, *field)? {
                Leads::Missing { table, key } => {
                    return Ok(Some(Stays::Missing { field: shape.name_of(*field).to_owned(), table, key }));
                }
                Leads::Nowhere if matches!(image.row.get(*field), Value::Null) => {
                    return Ok(Some(Stays::Empty { field: shape.name_of(*field).to_owned() }));
                }
                Leads::Nowhere | Leads::Here(_) => {}
            }
        }
        if depth >= DEEPEST {
            return Ok(None);
        }
        for field in shape.live_fields() {
            let Leads::Here(target) = self.leads(shape, &image.row, field)? else { continue };
            if (target.table, &target.key) == (record.table, &record.key) {
                continue;
            }
            let comes_along = |stays: &Stays| matches!(stays, Stays::Marked) && target.extra.stays_for_others();
            let stays = || Ok::<_, SyncError>(self.keeps(&target, link, depth + 1)?.is_some_and(|stays| !comes_along(&stays)));
            if self.never_comes(&target, link)? || (!self.was_told(&target, link)? && stays()?) {
                return Ok(Some(Stays::With { table: self.shape(target.table).name.clone(), key: self.shown_key(&target)?.to_string() }));
            }
        }
        Ok(None)
    }

    /// Whether a child may keep a deleted record of a table because one that is only marked there refers to it, be it by way of others.
    pub(super) fn may_stay_for_marked(&self, table: TableNo) -> bool {
        let mut tables: BTreeSet<TableNo> =
            self.shapes.iter().filter(|shape| self.policy(shape.number).mark_down.is_some()).map(|shape| shape.number).collect();
        let mut before = 0;
        while tables.len() > before {
            before = tables.len();
            let referring = self.shapes.iter().filter(|shape| tables.contains(&shape.number));
            let names: Vec<&String> = referring.flat_map(|shape| &shape.references).map(|reference| &reference.table).collect();
            let named = self.shapes.iter().filter(|shape| names.iter().any(|name| name.eq_ignore_ascii_case(&shape.name)));
            let named: Vec<TableNo> = named.map(|shape| shape.number).collect();
            tables.extend(named);
        }
        tables.contains(&table)
    }

    /// Whether a neighbour is known to have a record in some state. Where nobody knows, it has not.
    fn was_told(&self, record: &Record, link: Link) -> Result<bool> {
        Ok(matches!(known::opinion(&self.ledger, record, link)?, Opinion::Known(Some(_))))
    }

    /// Whether a child never hears of a record: its table only goes up, and it was made elsewhere.
    fn never_comes(&self, record: &Record, link: Link) -> Result<bool> {
        let Some(image) = &record.current else { return Ok(false) };
        if link.kind == NeighbourKind::Parent || self.policy(record.table).direction != Direction::Up {
            return Ok(false);
        }
        Ok(!roster::made_below(self, image.born, link.site)?)
    }

    /// Asks `ready_when`, of the record as it was sealed: what was edited since is looked at in the next round.
    fn is_unready(&self, record: &Record, sql: &str) -> Result<Option<Stays>> {
        let shape = self.shape(record.table);
        let mut there = Vec::new();
        let found = self.database()?.read(shape, record.at(), &mut there)?;
        if !self.ledger.peek(shape, record.at(), |mirror| mirror == found.then_some(there.as_slice()))? {
            return Ok(Some(Stays::Edited));
        }
        Ok(match self.database()?.evaluate(shape, record.at(), sql)? {
            Ok(Value::Integer(number)) if number != 0 => None,
            Ok(Value::Real(number)) if number != 0.0 => None,
            // As SQL does: what is no number is not true.
            Ok(Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_)) => Some(Stays::NotReady),
            Err(words) => Some(Stays::Unclear(words)),
        })
    }

    /// Where a field of a row with stand-ins leads: by a declared foreign key, or by what the rules say.
    fn leads(&self, shape: &Shape, row: &Row, field: FieldNo) -> Result<Leads> {
        if matches!(row.get(field), Value::Null | Value::Absent) {
            return Ok(Leads::Nowhere);
        }
        if let Some(numbers) = shape.numbers.iter().find(|numbers| numbers.field == field) {
            return self.leads_by_number(numbers, row);
        }
        let declared = shape.references.iter().find(|reference| reference.fields.contains(&field));
        let name = shape.name_of(field);
        let ruled = self.rules.references().find(|(table, column, _)| *table == shape.name && *column == name);
        if declared.is_none() && ruled.is_none() {
            return Ok(Leads::Nowhere);
        }
        let numbered = self.numbered(shape, row)?;
        if let Some(reference) = declared {
            let values = reference.columns.iter().zip(&reference.fields).map(|(column, field)| (column.as_str(), numbered.get(*field)));
            return self.leads_to(&reference.table, &values.collect::<Vec<_>>());
        }
        match ruled {
            Some((_, _, ReferenceRule::Column { table })) => {
                let Some(target) = self.shapes.iter().find(|shape| shape.name == *table) else { return Ok(Leads::Nowhere) };
                let [key] = target.key[..] else { return Ok(Leads::Nowhere) };
                self.leads_to(table, &[(target.name_of(key), numbered.get(field))])
            }
            Some((_, _, ReferenceRule::Typed { .. } | ReferenceRule::Text { .. } | ReferenceRule::Json { .. })) | None => {
                Ok(Leads::Nowhere)
            }
        }
    }

    fn leads_by_number(&self, numbers: &NumberField, row: &Row) -> Result<Leads> {
        let mut here = None;
        for (table, number) in numbers.numbers(row) {
            let name = self.shape(table).name.clone();
            let Some(id) = stands_for(number) else { return Ok(Leads::Missing { table: name, key: number.to_string() }) };
            let record = self.load_id(id)?;
            if record.current.is_none() {
                let key = self.ledger.last_number(id)?.map_or_else(|| record.key.to_string(), |number| number.to_string());
                return Ok(Leads::Missing { table: name, key });
            }
            here = here.or(Some(record));
        }
        Ok(here.map_or(Leads::Nowhere, |record| Leads::Here(Box::new(record))))
    }

    fn leads_to(&self, table: &str, values: &[(&str, &Value)]) -> Result<Leads> {
        if values.iter().any(|(_, value)| matches!(value, Value::Null | Value::Absent)) {
            return Ok(Leads::Nowhere);
        }
        let Some(target) = self.shapes.iter().find(|shape| shape.name.eq_ignore_ascii_case(table)) else { return Ok(Leads::Nowhere) };
        let of = |field: &FieldNo| {
            values.iter().find(|(column, _)| column.eq_ignore_ascii_case(target.name_of(*field))).map(|(_, value)| *value)
        };
        let Some(key) = target.key.iter().map(of).collect::<Option<Vec<&Value>>>() else { return Ok(Leads::Nowhere) };
        let Ok(key) = Key::new(key) else { return Ok(Leads::Nowhere) };
        let record = match target.identity() {
            Identity::Key | Identity::Birth => self.load_at(target, &key)?,
            Identity::Meaning => {
                let mut row = super::numbers::meaning::key_row(target, &key)?;
                self.mean(target, &mut row)?;
                self.load(target.number, &self.key_by_meaning(target, &row)?)?
            }
        };
        if record.current.is_some() {
            return Ok(Leads::Here(Box::new(record)));
        }
        let words: Vec<String> = values.iter().map(|(_, value)| value.to_string()).collect();
        Ok(Leads::Missing { table: target.name.clone(), key: words.join("/") })
    }

    /// The first record to which a row refers and that is not here.
    pub(super) fn leads_nowhere(&self, shape: &Shape, row: &Row) -> Result<Option<(String, String)>> {
        for field in shape.live_fields() {
            if let Leads::Missing { table, key } = self.leads(shape, row, field)? {
                return Ok(Some((table, key)));
            }
        }
        Ok(None)
    }

    /// Refuses a row as the database has it, or some fields of one, that refers to a record which is not here.
    pub(super) fn leads_somewhere(&self, shape: &Shape, row: &Row) -> Result<()> {
        let mut meant = row.clone();
        self.mean(shape, &mut meant)?;
        match self.leads_nowhere(shape, &meant)? {
            None => Ok(()),
            Some((table, key)) => Err(MendError::Missing { table, key }.into()),
        }
    }

    /// The first required record to which one of these fields of a row refers and that is not here. Of a record that is here, and
    /// lacks one already, everything else may change.
    pub(super) fn lacks_required(&self, table: TableNo, row: &Row, fields: &[FieldNo]) -> Result<Option<(String, String)>> {
        let policy = self.policy(table);
        for field in policy.required.iter().filter(|field| fields.contains(field)) {
            if let Leads::Missing { table, key } = self.leads(self.shape(table), row, *field)? {
                return Ok(Some((table, key)));
            }
        }
        Ok(None)
    }
}
