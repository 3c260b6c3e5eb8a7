//! What happens here when the application changes its schema? Tracking follows, and nothing the migration did is taken for an edit.
//!
//! The application (a migration tool) adds, drops, renames and retypes columns, adds, drops, renames and remakes tables, adds
//! unique indexes and foreign keys, at every site on its own day. What both ends of a link know goes on travelling meanwhile; what only
//! one knows is parked at the other ([`super::parked`]).
//!
//! **States of a schema change**: made (by the application, between two runs or during one) → noticed: `PRAGMA schema_version` is
//! not the noted one → *taken over*: shapes, mirror and the list of tables to compare, in ONE ledger commit → *armed*: triggers and
//! logs as the shapes want them, one commit of the database, which gives the version to note → *compared*: what capture
//! missed is sealed, what new columns hold too → *noted*: the version. **Crash points**: after each arrow. Every step finds what is done by
//! looking, so the next [`Session::open`] begins at "noticed" again and does what is left. A schema that moves on between survey and
//! arming is surveyed again. A schema that moved makes every table due, not only those that look otherwise: a bulk load that takes all
//! triggers away and puts them back leaves no other trace.
//!
//! **Invariants.** A shape in the ledger and its mirror are of one commit: the mirror is what it would be if the schema had always been
//! like this. So the default in a new column is nobody's edit and is not told: every site's own migration fills it. What a new
//! column holds beyond its default at the first look is told, but without a time: it never wins over an edit. A value that a column of another
//! type merely stores otherwise keeps the time of its edit. **Worst mistake this is built against**: a laptop that migrates weeks
//! after the office sends what its migration filled in as brand-new edits and overwrites what people typed at the office.
//!
//! Which new name is an old table or field under another one, [`super::guess`] says.
//!
//! Where the schema was changed because the parent told it ([`crate::sync::schema`]) nothing is guessed: what became of names is told, and what
//! the change itself wrote is in the mirror at once. At a site with a parent what nobody told stays untracked ([`crate::sync::schema::own`]).

use std::collections::{BTreeMap, BTreeSet};

use super::evolve::{Event, same_name};
use super::guess::noted;
use super::matching::Taking;
use super::parked::split;
use super::{foreign, news};
use crate::database::{DatabaseError, Renamed};
use crate::ledger::{NeighbourKind, Opinion, Parked, PastValue, Pending, Record};
use crate::model::{FieldNo, Image, Key, Row, Shape, SiteNo, TableNo, Value};
use crate::rules::Direction;
use crate::sync::schema::home::Look;
use crate::sync::{Result, Session, SyncError, bundles, schema};

/// Note of the schema version, and of the rules of what is local, that the shapes were made for.
const VERSION: &str = "schema version";

/// Note of the tables that were there and cannot be tracked, a line each.
const UNTRACKED: &str = "untracked tables";

/// Note of the tables whose triggers and logs are still under an earlier name, with that name: from taking over until all is settled.
const ARMED: &str = "armed names";

/// What was taken over in one look.
#[derive(Debug, Default)]
pub(in crate::sync) struct TakenOver {
    /// The version that was surveyed.
    pub surveyed: i64,
    /// Tables whose shape is new or otherwise, each with the fields whose content nobody edited.
    pub tables: BTreeMap<TableNo, BTreeSet<FieldNo>>,
    /// Tables that were not there before, nor did anybody speak of them.
    pub new: BTreeSet<TableNo>,
    /// The schema was known before: what is otherwise happened since.
    pub again: bool,
    /// Shapes are otherwise.
    pub reshaped: bool,
    /// A table or a column came back without what it held: the parent is asked for everything.
    pub wants_all: bool,
    /// Tables that came back.
    pub back: BTreeSet<TableNo>,
    /// Fields whose content the told schema wrote, and nobody else.
    pub made: BTreeMap<TableNo, BTreeSet<FieldNo>>,
}

/// Looks whether the schema moved since the last time, and takes over what is otherwise: the shapes, and the mirror with them.
/// `note` is told everything that must be noted in the same commit.
///
/// # Errors
/// As database and ledger say; then nothing was taken over.
pub(in crate::sync) fn take_over(
    session: &mut Session,
    note: impl FnOnce(&Session, &TakenOver) -> Result<()>,
) -> Result<Option<TakenOver>> {
    let surveyed = session.database()?.schema_version()?;
    let before = session.ledger.note(VERSION)?;
    if before.as_deref() == Some(version_words(session, surveyed)?.as_str()) {
        return Ok(None);
    }
    let mut taking = Taking::new(session, surveyed)?;
    taking.match_tables()?;
    let Taking { all, mut events, mut taken, untracked, home, .. } = taking;
    let known = session.ledger.note(UNTRACKED)?;
    if let Some(known) = &known {
        // Where a virtual table keeps its content is no table of the application's.
        let inner = crate::database::UntrackedReason::ShadowOfVirtual.to_string();
        let is_new = |name: &String| known.lines().all(|line| line != name) && !name.starts_with("sqlite_");
        let new = untracked.iter().filter(|(name, why)| is_new(name) && *why != inner);
        let said = |name: &str| events.iter().any(|event| matches!(event, Event::Untracked(said, _) if said == name));
        let new: Vec<Event> = new.filter(|(name, _)| !said(name)).map(|(name, why)| Event::Untracked(name.clone(), why.clone())).collect();
        events.extend(new);
    }
    let names: Vec<&str> = untracked.iter().map(|(name, _)| name.as_str()).collect();
    let armed = renamed_since_armed(session, &all)?;
    let (changed, ranks) = changed(session, &all, &taken)?;
    taken.again = before.is_some();
    taken.reshaped = !changed.is_empty();
    session.ledger.begin()?;
    let done = write(session, &changed, &ranks, &events, &taken, &home)
        .and_then(|()| home.note(session))
        .and_then(|()| Ok(session.ledger.set_note(UNTRACKED, &names.join("\n"))?))
        .and_then(|()| schema::forget_change(session))
        .and_then(|()| set_armed(session, &armed))
        .and_then(|()| note(session, &taken));
    let done = done.and_then(|()| Ok(session.ledger.commit(&session.world, "commit schema")?));
    if let Err(error) = &done
        && !error.is_crash()
    {
        session.ledger.rollback()?;
    }
    done?;
    session.keep_home()?;
    session.reload_shapes()?;
    Ok(Some(taken))
}

/// Notes that everything is as the schema of this version wants it.
pub(in crate::sync) fn settle(session: &Session, version: i64) -> Result<()> {
    let version = version_words(session, version)?;
    if !armed(session)?.is_empty() {
        session.set_note(ARMED, "")?;
    }
    if session.ledger.note(VERSION)?.as_ref() != Some(&version) {
        session.set_note(VERSION, &version)?;
    }
    Ok(())
}

/// What [`settle`] noted last.
pub(in crate::sync) fn settled(session: &Session) -> Result<Option<String>> {
    Ok(session.ledger.note(VERSION)?)
}

/// What SQLite refuses because the application changed the schema in the middle of a run is no fault: the next run looks at it anew.
pub(in crate::sync) fn or_moved(session: &Session, error: SyncError) -> SyncError {
    let is_refused = matches!(&error, SyncError::Database(DatabaseError::Sqlite { .. }));
    let moved = || {
        let version = version_words(session, session.database()?.schema_version()?)?;
        Ok::<bool, SyncError>(session.ledger.note(VERSION)?.is_some_and(|noted| noted != version))
    };
    if is_refused && moved().unwrap_or(false) { SyncError::SchemaMoves } else { error }
}

/// The earlier names of tables whose triggers and logs may still be under them.
fn armed(session: &Session) -> Result<BTreeMap<TableNo, String>> {
    let Some(text) = session.ledger.note(ARMED)?.filter(|text| !text.is_empty()) else { return Ok(BTreeMap::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("noted names of triggers do not read"))
}

fn set_armed(session: &Session, armed: &BTreeMap<TableNo, String>) -> Result<()> {
    let text = serde_json::to_string(armed).map_err(|_| SyncError::Bug("names of triggers do not write"))?;
    Ok(session.ledger.set_note(ARMED, if armed.is_empty() { "" } else { &text })?)
}

/// A table as its triggers and its log know it.
pub(in crate::sync) fn as_armed(session: &Session, shape: &Shape) -> Result<Shape> {
    let name = armed(session)?.remove(&shape.number);
    Ok(Shape { name: name.unwrap_or_else(|| shape.name.clone()), ..shape.clone() })
}

/// The table that our triggers of a known one are on; none where they went with it.
pub(in crate::sync) fn captured(session: &Session, shape: &Shape) -> Result<Option<String>> {
    let before = as_armed(session, shape)?;
    let now = session.database()?.captured(&before)?;
    // Once capture was put in order it says nothing of a table that had another name.
    Ok(now.filter(|now| before.name == shape.name || *now != before.name))
}

/// Tables that get another name now, or got one and were not armed since.
fn renamed_since_armed(session: &Session, all: &[Shape]) -> Result<BTreeMap<TableNo, String>> {
    let mut names = armed(session)?;
    // A told schema moves what is ours itself, with its own commit.
    if schema::change(session)? == schema::Change::default() {
        for before in &session.shapes {
            if all[before.number.0 as usize].name != before.name {
                names.entry(before.number).or_insert_with(|| before.name.clone());
            }
        }
    }
    Ok(names)
}

/// Names of tables at their last arming, with those that they have now.
pub(in crate::sync) fn moved(session: &Session) -> Result<Vec<(String, String)>> {
    let name = |number: TableNo| session.shapes.iter().find(|shape| shape.number == number).map(|shape| shape.name.clone());
    let moved = armed(session)?.into_iter().filter_map(|(number, before)| Some((before, name(number)?)));
    Ok(moved.filter(|(before, now)| before != now).collect())
}

/// What the shapes were made for: the schema, what the rules say stays where it is, and what the parent told.
pub(in crate::sync) fn version_words(session: &Session, schema: i64) -> Result<String> {
    let mut local = schema::words(session)?.unwrap_or_default();
    if session.rules.schema_travels() {
        // Since packets say them.
        local.push_str("numbers;");
    }
    for (table, rule) in session.rules.tables() {
        if rule.direction == Direction::None || !rule.local.is_empty() {
            local.push_str(&format!("{table:?} {:?} {:?};", rule.direction, rule.local));
        }
        if !rule.key.is_empty() {
            local.push_str(&format!("{table:?} key {:?};", rule.key));
        }
    }
    Ok(if local.is_empty() { schema.to_string() } else { format!("{schema} {}", blake3::hash(local.as_bytes()).to_hex()) })
}

/// The shapes to write, and the rank of each table: parents before children.
fn changed(session: &Session, all: &[Shape], taken: &TakenOver) -> Result<(Vec<Shape>, BTreeMap<TableNo, u32>)> {
    let before: BTreeMap<TableNo, Shape> = session.ledger.shapes_ever()?.into_iter().map(|shape| (shape.number, shape)).collect();
    let otherwise = |shape: &&Shape| taken.tables.contains_key(&shape.number) || before.get(&shape.number) != Some(*shape);
    let changed: Vec<Shape> = all.iter().filter(otherwise).cloned().collect();
    // The survey gives them in this order; a circle has no right one.
    let mut ranks = BTreeMap::new();
    let mut left: Vec<&Shape> = all.iter().filter(|shape| !shape.past.gone).collect();
    while !left.is_empty() {
        let waits = |shape: &Shape| {
            let refers = |one: &&Shape| one.name != shape.name && shape.references.iter().any(|to| same_name(&to.table, &one.name));
            left.iter().any(refers)
        };
        let next = left.iter().position(|shape| !waits(shape)).unwrap_or(0);
        ranks.insert(left.remove(next).number, u32::try_from(ranks.len()).unwrap_or(u32::MAX));
    }
    Ok((changed, ranks))
}

fn write(
    session: &Session,
    changed: &[Shape],
    ranks: &BTreeMap<TableNo, u32>,
    events: &[Event],
    taken: &TakenOver,
    home: &Look,
) -> Result<()> {
    let ledger = &session.ledger;
    let before: BTreeMap<TableNo, Shape> = ledger.shapes_ever()?.into_iter().map(|shape| (shape.number, shape)).collect();
    let tables_change = changed.iter().any(|shape| before.get(&shape.number).is_none_or(|old| old.past.gone != shape.past.gone));
    let renamed: Vec<Renamed> = changed.iter().filter_map(|new| called_otherwise(before.get(&new.number)?, new)).collect();
    bundles::rename(session, &renamed, noted_schema(session)?)?;
    for new in changed {
        ledger.put_shape(new, ranks.get(&new.number).copied().unwrap_or_default())?;
        if let Some(old) = before.get(&new.number) {
            adapt(session, old, new, taken.made.get(&new.number).unwrap_or(&BTreeSet::new()))?;
        }
    }
    if tables_change {
        for shape in ledger.shapes()? {
            ledger.put_shape(&shape, ranks.get(&shape.number).copied().unwrap_or_default())?;
        }
    }
    for new in changed.iter().filter(|new| !new.past.gone) {
        // Children went on with what they had.
        let back: Vec<FieldNo> = home.back(&new.name).iter().map(|(field, _)| *field).collect();
        schema::fills::forget(session, new, &back, &schema::fills::children(session)?)?;
    }
    for table in taken.tables.keys() {
        let new = changed.iter().find(|shape| shape.number == *table);
        new.map_or(Ok(()), |new| foreign::gather(session, new, &before))?;
    }
    taken.back.iter().try_for_each(|table| say_it_all(session, *table))?;
    if taken.wants_all && ledger.parent()?.is_some() {
        ledger.set_note(crate::sync::build::WANT_FULL, "yes")?;
    }
    schema::hints::add_unclear(session, events, &ledger.shapes_ever()?, &home.unclear)?;
    news::add(session, events)
}

/// The version of the schema that was noted last.
fn noted_schema(session: &Session) -> Result<Option<i64>> {
    let noted = session.ledger.note(VERSION)?;
    Ok(noted.and_then(|words| words.split(' ').next()?.parse().ok()))
}

/// What of a table is called otherwise; none where nothing is.
fn called_otherwise(old: &Shape, new: &Shape) -> Option<Renamed> {
    let both = old.live_fields().filter(|field| !new.past.gone && new.is_live(*field));
    let pairs = both.map(|field| (old.name_of(field).to_owned(), new.name_of(field).to_owned()));
    let columns: Vec<(String, String)> = pairs.filter(|(before, now)| before != now).collect();
    let is_renamed = !old.past.gone && !new.past.gone && (old.name != new.name || !columns.is_empty());
    is_renamed.then(|| Renamed { before: old.name.clone(), now: new.name.clone(), columns })
}

/// Children are told all records of a table that was out of the exchange, whatever they were told of it before.
fn say_it_all(session: &Session, table: TableNo) -> Result<()> {
    let ledger = &session.ledger;
    let children = ledger.neighbours()?.into_iter().filter(|one| one.kind == NeighbourKind::Child && !one.fresh);
    let children: Vec<SiteNo> = children.map(|child| child.site).collect();
    if children.is_empty() {
        return Ok(());
    }
    for id in ledger.living(table)? {
        let mut record = ledger.load_id(id)?;
        record.extra.opinions.extend(children.iter().map(|child| (*child, Opinion::Unknown)));
        ledger.store_extra(&mut record)?;
    }
    Ok(())
}

/// Makes the mirror of a table what it would be if the shape had always been the new one, and keeps what has no place any more.
/// `made` are fields whose content the told schema wrote.
fn adapt(session: &Session, old: &Shape, new: &Shape, made: &BTreeSet<FieldNo>) -> Result<()> {
    unhold(session, new)?;
    if new.past.gone {
        return Ok(());
    }
    let dropped: Vec<FieldNo> = old.live_fields().filter(|field| !new.is_live(*field)).collect();
    let mut filled: Vec<(FieldNo, Value)> = Vec::new();
    for field in new.live_fields().filter(|field| !old.is_live(*field)) {
        let default = session.database()?.constant_default(new, field)?;
        filled.push((field, default.unwrap_or_default()));
    }
    schema::fills::note(session, new.number, &filled)?;
    if dropped.is_empty() && filled.is_empty() && made.is_empty() {
        return Ok(());
    }
    let noted = if made.is_empty() { BTreeSet::new() } else { noted(session, session.database()?, new)? };
    let (ledger, now) = (&session.ledger, session.world.now());
    let fit = |image: &mut Image| {
        dropped.iter().for_each(|field| {
            image.row.set(*field, Value::Absent);
            image.set_stamp(*field, None);
        });
        filled.iter().for_each(|(field, value)| image.row.set(*field, value.clone()));
        image.row.0.resize(new.width(), Value::Absent);
    };
    // Every site fills what it makes alike: so does a neighbour that has what we had. Where it had something else it is told, or tells.
    let refit = |record: &mut Record, was: &Row| {
        let ours = record.current.as_ref().map(|image| &image.row);
        for opinion in record.extra.opinions.values_mut() {
            let Opinion::Known(Some(image)) = opinion else { continue };
            let alike: Vec<FieldNo> = made.iter().copied().filter(|field| image.row.get(*field) == was.get(*field)).collect();
            fit(image);
            if let Some(ours) = ours {
                alike.into_iter().for_each(|field| image.row.set(field, ours.get(field).clone()));
            }
        }
    };
    for id in ledger.living(new.number)? {
        let mut record = ledger.load_id(id)?;
        let Some(image) = &mut record.current else { continue };
        let was = image.row.clone();
        for field in &dropped {
            let value = image.row.get(*field).clone();
            if value.is_stated() {
                ledger.put_past_value(id, &PastValue { field: *field, value, time: now })?;
            }
        }
        fit(image);
        if let Some(row) = written(session, new, &record, made, &noted)?
            && let Some(image) = &mut record.current
        {
            made.iter().for_each(|field| image.row.set(*field, row.get(*field).clone()));
        }
        ledger.fill_mirror(&record)?;
        let extra = record.extra.clone();
        refit(&mut record, &was);
        if let Some(ours) = &record.current {
            let mut otherwise = made.iter().filter(|field| ours.row.get(**field) != was.get(**field)).peekable();
            let under_way = if otherwise.peek().is_some() { ledger.pending(&record)? } else { Pending::default() };
            // What is under way as it was before may be taken where nothing fills it any more.
            record.extra.report.extend(otherwise.filter(|field| under_way.whole || under_way.fields.contains(field)));
        }
        if record.extra != extra {
            ledger.store_extra(&mut record)?;
        }
    }
    // What is gone here a neighbour may have.
    let mut gone = Vec::new();
    ledger.exceptional(&mut |record| {
        gone.extend((record.table == new.number && record.current.is_none()).then_some(record));
        Ok(())
    })?;
    for mut record in gone {
        refit(&mut record, &Row::default());
        ledger.store_extra(&mut record)?;
    }
    // What is calculated anew at every site, be it the day, is not the same everywhere.
    let mut calculated = Vec::new();
    for field in made {
        if session.database()?.constant_default(new, *field)?.is_none() {
            calculated.push(*field);
        }
    }
    schema::fills::forget(session, new, &calculated, &schema::fills::children(session)?)?;
    Ok(())
}

/// What a record holds now in fields that the told schema wrote; none where somebody edited it since.
fn written(session: &Session, new: &Shape, record: &Record, made: &BTreeSet<FieldNo>, noted: &BTreeSet<Key>) -> Result<Option<Row>> {
    let Some(place) = session.place(record)?.filter(|place| !made.is_empty() && !noted.contains(place)) else { return Ok(None) };
    let mut bytes = Vec::new();
    if !session.database()?.read(new, &place, &mut bytes)? {
        return Ok(None);
    }
    Row::decode(&bytes).map(Some).map_err(|_| SyncError::Bug("a row that was just read does not decode"))
}

/// Parks what held changes say of fields (or a table) that are no longer here.
fn unhold(session: &Session, new: &Shape) -> Result<()> {
    let mut holding = Vec::new();
    session.ledger.exceptional(&mut |record| {
        holding.extend((record.table == new.number && !record.extra.held.is_empty()).then_some(record));
        Ok(())
    })?;
    for mut record in holding {
        let held = std::mem::take(&mut record.extra.held);
        for (site, mut held) in held {
            let (here, rest) = split(new, held.change.clone());
            if let Some(change) = rest {
                session.ledger.put_parked(&Parked { site, packet: held.packet, since: held.since, change })?;
            }
            if let Some(change) = here {
                held.change = change;
                record.extra.held.insert(site, held);
            }
        }
        session.ledger.store_extra(&mut record)?;
    }
    Ok(())
}
