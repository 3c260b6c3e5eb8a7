//! How does the main office's schema get to all sites? It is a paper, like the roster and the rules.
//!
//! The host counts the versions of its schema ([`notice`]); a child is told one that it was not told yet in the first packet of the next
//! build, before the records that need it. An office passes on what it was told, once it has it.
//!
//! **States at a child**: brought (by a packet; nothing else of the packet is done yet) → *had*: the database has it, in ONE transaction with
//! the record of what the ledger is to note (the paper itself, and what became of names: [`Change`]) → *noted* in the ledger → *followed* as
//! if the application had migrated ([`super::tracking::upgrade`]), with the told names instead of guesses → the packet's records are applied.
//! **Crash points**: after each arrow. Before the database's commit nothing happened, and the packet comes again; after it the next
//! [`Session::open`] replays what the ledger is to note, then follows. A paper that is noted is not carried out again: a database in which
//! two tables exchanged their names looks as before, so looking at it could not tell.
//!
//! **Invariants.** What a child's people edited before the change is sealed under the old names, in the same transaction. Which table and column
//! is which is told by the host's numbers for them, which are never given to another name ([`Identity`]); nothing is guessed. What the change
//! itself writes (defaults, fillers) is in the mirror when tracking follows: nobody's edit, and told to nobody. What the host does not have
//! and no neighbour ever told stays, and does not travel ([`own`]). A dropped column is in the history, a dropped table's records too (their
//! mirror stays, so the history tells what each held last, edited or not); no delete is sent.
//!
//! **Worst mistake this is built against**: a rename at the host that drops the column at a child, with what was typed there and not sent.
//!
//! A schema that cannot be had stops the stream that brings it ([`SyncError::SchemaBrought`]): its records need it. It is tried again in every
//! round; a later one that can be had takes its place ([`overtake`]).
//! Where it only needs the records that come with it, those are applied first ([`trial`]); what has no place yet is parked meanwhile. An index that records are in the way of is made later, and does not stop anything.
//!
//! With `[schema] travels = false` in the rules nothing of this happens: each site's application changes its own database.

pub(super) mod ages;
mod archive;
mod at_home;
pub(super) mod fills;
pub mod hints;
pub mod home;
mod notice;
pub(super) mod overtake;
pub mod own;
pub mod refusals;
mod take;
mod trial;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(super) use archive::archive;
pub(super) use notice::{columns_noticed, notice};
pub(super) use take::{change, forget_change, note_late, retry_late};

use self::at_home::AtHome;
use super::tracking::evolve::same_name;
use super::{Result, Session, SyncError};
use crate::database::conform::{Inventory, Names, Wish};
use crate::database::{DatabaseError, SchemaDump};
use crate::ledger::Neighbour;
use crate::model::{FieldNo, LIBRARY, Millis, Shape, TableNo};
use crate::site::Role;

/// The part of a packet with a schema.
pub(super) const PART: &str = "schema.json";

/// The packet in which a child was told the last one, among what is noted of a neighbour.
pub(super) const TOLD_IN: &str = "schema packet";

/// Note of the schema that is told to children: the host's own, or what the parent told and this site has.
const TOLD: &str = "schema";
/// Note of what became of names with the last told schema, until tracking has followed.
const CHANGE: &str = "schema change";
/// Note of why the last told schema cannot be had.
const REFUSED: &str = "schema refused";
/// Note of that schema.
const COMING: &str = "schema coming";
/// Note of what of this site's own did not fit the last version, a sentence each.
const LOST: &str = "schema lost";

/// Note of the indexes that are still to be made, a line each.
const LATE: &str = "schema late";
/// Note of the versions that were.
const LOG: &str = "schema log";

/// Versions kept for people to read.
const MOST_VERSIONS: usize = 500;

/// A schema as a child is told it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentSchema {
    /// Everything but the records.
    pub schema: SchemaDump,
    /// The tables that travel.
    pub tracked: Vec<String>,
    /// Their keys: a child cannot find out by itself what a person named at the host.
    #[serde(default)]
    pub keys: BTreeMap<String, Vec<String>>,
    /// Columns that never travel, by table: they are known before the first rules are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub local: BTreeMap<String, Vec<String>>,
    /// Which schema of the host this is, counted from 1; 0 from a program that did not count.
    #[serde(default)]
    pub version: u64,
    /// The tables that travel by the host's numbers for them.
    #[serde(default)]
    pub names: BTreeMap<TableNo, Identity>,
    /// What does not travel, by numbers too; empty from a program that did not number it.
    #[serde(default, skip_serializing_if = "AtHome::is_empty")]
    pub at_home: AtHome,
}

/// A table as the host knows it: numbers that go on whatever the names become.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub name: String,
    pub fields: BTreeMap<FieldNo, String>,
    /// Numbers that meant another of its columns until a person said that it is this one under a new name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub same: BTreeMap<FieldNo, FieldNo>,
}

/// What became of names here with a told schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// Tables that are otherwise: name before, name now.
    pub tables: BTreeMap<String, String>,
    /// Tables that went, by their name before.
    pub ended: BTreeSet<String>,
    /// By the table's name before.
    pub columns: BTreeMap<String, Columns>,
}

/// What became of the columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Columns {
    /// Name before, name now.
    pub renamed: BTreeMap<String, String>,
    /// Those that went, by their name before.
    pub ended: BTreeSet<String>,
    /// Those whose content nobody wrote.
    pub made: BTreeSet<String>,
}

/// A version of the host's schema, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Counted from 1.
    pub version: u64,
    /// When this site noticed or got it.
    pub time: Millis,
    /// What became otherwise, a sentence each.
    pub what: Vec<String>,
}

impl SentSchema {
    /// What a new child is told: with the numbers that AUTOINCREMENT tables gave out.
    pub fn of(session: &Session) -> Result<Self> {
        let database = session.database()?;
        match told(session)?.filter(|_| session.rules.schema_travels()) {
            Some(told) => Ok(Self { schema: SchemaDump { sequences: database.sequences()?, ..told.schema }, ..told }),
            None => {
                let names = told(session)?.map(|told| (told.version, told.names)).unwrap_or_default();
                Ok(Self { version: names.0, names: names.1, ..Self::made_of(session, database.dump_schema()?) })
            }
        }
    }

    /// The session's tables, as this schema has them.
    fn made_of(session: &Session, schema: SchemaDump) -> Self {
        let name = |shape: &Shape, field: FieldNo| shape.name_of(field).to_owned();
        let key = |shape: &Shape| shape.key.iter().map(|field| name(shape, *field)).collect();
        let fields = |shape: &Shape| shape.live_fields().map(|field| (field, name(shape, field))).collect();
        let same = |shape: &Shape| {
            let told = shape.past.told.iter().flat_map(|told| &told.fields).filter(|(number, field)| number != field);
            told.map(|(number, field)| (*number, *field)).collect()
        };
        let identity = |shape: &Shape| Identity { name: shape.name.clone(), fields: fields(shape), same: same(shape) };
        // Of the list of documents a child hears in a paper of its own.
        let shapes = || session.shapes.iter().filter(|shape| shape.name != LIBRARY);
        Self {
            schema,
            tracked: shapes().map(|shape| shape.name.clone()).collect(),
            keys: shapes().map(|shape| (shape.name.clone(), key(shape))).collect(),
            local: session
                .rules
                .tables()
                .filter(|(_, rule)| !rule.local.is_empty())
                .map(|(table, rule)| (table.to_owned(), rule.local.clone()))
                .collect(),
            version: 0,
            at_home: AtHome::default(),
            names: shapes().map(|shape| (shape.number, identity(shape))).collect(),
        }
    }

    /// Without what changes with every record.
    fn without_sequences(mut self) -> Self {
        self.schema.sequences.clear();
        self
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|_| SyncError::Bug("a schema does not write"))
    }
}

/// The schema that children are told, with its text; none before there is one.
pub(super) fn told(session: &Session) -> Result<Option<SentSchema>> {
    let text = session.ledger.note(TOLD)?.filter(|text| !text.is_empty());
    text.map(|text| serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted schema does not read"))).transpose()
}

/// Notes what the database was built from, in the open transaction of the ledger.
pub(super) fn keep(session: &Session, sent: &SentSchema) -> Result<()> {
    if sent.version == 0 {
        return Ok(());
    }
    add_version(session, sent.version, vec!["this site began with it".to_owned()])?;
    Ok(session.ledger.set_note(TOLD, &sent.clone().without_sequences().text()?)?)
}

/// What a neighbour is to be told of the schema: its version and text. None where nothing.
pub(super) fn paper(session: &Session) -> Result<Option<(u64, String)>> {
    if !session.rules.schema_travels() {
        return Ok(None);
    }
    let Some(text) = session.ledger.note(TOLD)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    // A child that dropped a column could not be told that it was only called otherwise.
    if hints::waits(session)? {
        return Ok(None);
    }
    Ok(told(session)?.map(|told| (told.version, text)))
}

/// The version that a child was told last.
fn told_to(neighbour: &Neighbour) -> Option<u64> {
    neighbour.told_documents.get(PART).and_then(|number| number.parse().ok())
}

/// Adds to the log, in the open transaction of the ledger.
fn add_version(session: &Session, version: u64, what: Vec<String>) -> Result<()> {
    let mut all = versions(session)?;
    all.push(Version { version, time: session.world.now(), what });
    let from = all.len().saturating_sub(MOST_VERSIONS);
    let text = serde_json::to_string(&all[from..]).map_err(|_| SyncError::Bug("versions do not write"))?;
    Ok(session.ledger.set_note(LOG, &text)?)
}

/// The versions of the schema that this site had, oldest first.
///
/// # Errors
/// As the ledger says.
pub fn versions(session: &Session) -> Result<Vec<Version>> {
    let Some(text) = session.ledger.note(LOG)?.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("noted versions do not read"))
}

/// Distinguishes what is told from what was told before, at a site that has a parent: what is its own depends on it.
pub(super) fn words(session: &Session) -> Result<Option<String>> {
    if session.settings.role == Role::Host || !session.rules.schema_travels() {
        return Ok(None);
    }
    Ok(session.ledger.note(TOLD)?.filter(|text| !text.is_empty()))
}

/// Tables that the application of this site called otherwise than it was told, or columns of theirs: by the told names.
pub(super) fn as_told(session: &Session) -> Result<BTreeMap<TableNo, Shape>> {
    let mut all = BTreeMap::new();
    let Some(told) = words(session)?.map_or(Ok(None), |_| told(session))? else { return Ok(all) };
    for before in &session.shapes {
        let Some(numbers) = &before.past.told else { continue };
        let Some(table) = told.names.get(&numbers.table) else { continue };
        let mut shape = before.clone();
        shape.name.clone_from(&table.name);
        for (number, name) in &table.fields {
            if let Some(field) = numbers.fields.get(number).filter(|field| before.is_live(**field)) {
                shape.fields[field.index()].name.clone_from(name);
            }
        }
        if shape != *before {
            all.insert(before.number, shape);
        }
    }
    Ok(all)
}

/// By which names things are known.
#[derive(Clone, Copy)]
enum Here<'s> {
    /// In the database of a site, whatever its application called them since.
    At(&'s Session),
    /// As the older schema has them.
    AsTold,
}

impl Here<'_> {
    /// Name of a table that was told as `name` by this number; none where it is not here.
    fn table(self, number: TableNo, name: &str) -> Option<String> {
        match self {
            Self::AsTold => Some(name.to_owned()),
            Self::At(session) => known_by(session, number).map(|shape| shape.name.clone()),
        }
    }

    fn field(self, table: TableNo, number: FieldNo, name: &str) -> Option<String> {
        match self {
            Self::AsTold => Some(name.to_owned()),
            Self::At(session) => {
                let shape = known_by(session, table)?;
                let field = shape.past.told.as_ref()?.fields.get(&number).filter(|field| shape.is_live(**field))?;
                Some(shape.name_of(*field).to_owned())
            }
        }
    }
}

/// The table here that has this number of the main office.
fn known_by(session: &Session, number: TableNo) -> Option<&Shape> {
    session.shapes.iter().find(|shape| shape.past.told.as_ref().is_some_and(|told| told.table == number))
}

/// Who is who, from one told schema to the next.
fn wish<'w>(new: &'w SentSchema, old: Option<&'w SentSchema>, here: Here<'_>) -> Result<Wish<'w>> {
    let mut wish = Wish { schema: &new.schema, before: old.map(|old| &old.schema), tables: BTreeMap::new(), ended: BTreeSet::new() };
    let Some(old) = old else { return Ok(wish) };
    let there = Inventory::of(&new.schema).map_err(cannot_be_had)?;
    for (number, was) in &old.names {
        let Some(table) = here.table(*number, &was.name) else { continue };
        let Some(is) = new.names.get(number) else {
            // Another one has the name now: a new one, or one that had another name.
            let taken = new.names.values().any(|is| same_name(&is.name, &was.name));
            // One that is only tracked no more stays.
            if taken || there.table_names().all(|name| !same_name(name, &was.name)) {
                wish.ended.insert(table);
            }
            continue;
        };
        let mut names = Names { here: table, ..Names::default() };
        for (field, before) in &was.fields {
            let Some(column) = here.field(*number, *field, before) else { continue };
            match is.fields.get(field).or_else(|| is.fields.get(is.same.get(field)?)) {
                Some(now) => drop(names.columns.insert(now.clone(), column)),
                None => {
                    let taken = is.fields.values().any(|now| same_name(now, before));
                    if taken || there.columns(&is.name).all(|name| !same_name(name, before)) {
                        names.ended.insert(column);
                    }
                }
            }
        }
        wish.tables.insert(is.name.clone(), names);
    }
    at_home::add(&mut wish, new, old, here)?;
    Ok(wish)
}

/// A told schema that cannot even be built in an empty database is refused like any other; the rest is the database's fault.
fn cannot_be_had(error: DatabaseError) -> SyncError {
    if let DatabaseError::Schema { statement, message } = error {
        let what = format!("`{statement}`");
        return SyncError::SchemaBrought(crate::database::conform::Refused::Statement { what, message });
    }
    error.into()
}
