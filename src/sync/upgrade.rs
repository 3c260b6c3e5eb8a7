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
//! Where the schema was changed because the parent told it ([`super::schema`]) nothing is guessed: what became of names is told, and what
//! the change itself wrote is in the mirror at once. At a site with a parent what nobody told stays untracked ([`super::schema::own`]).

use std::collections::{BTreeMap, BTreeSet};

use super::evolve::{Event, anywhere, field_events, gaps, merged, same_name};
use super::guess::{is_same_table, noted, renames};
use super::parked::split;
use super::schema::{self, SentSchema, own};
use super::{Result, Session, SyncError, foreign, news, numbering};
use crate::ledger::{Opinion, Parked, PastValue, Record};
use crate::model::{FieldNo, Image, Key, Row, Shape, TableNo, Value};
use crate::rules::{Direction, Rules};
use crate::site::Role;

/// Note of the schema version, and of the rules of what is local, that the shapes were made for.
const VERSION: &str = "schema version";

/// Note of the tables that were there and cannot be tracked, a line each.
const UNTRACKED: &str = "untracked tables";

/// What was taken over in one look.
#[derive(Debug, Default)]
pub(super) struct TakenOver {
    /// The version that was surveyed.
    pub surveyed: i64,
    /// Tables whose shape is new or otherwise, each with the fields whose content nobody edited.
    pub tables: BTreeMap<TableNo, BTreeSet<FieldNo>>,
    /// The schema was known before: what is otherwise happened since.
    pub again: bool,
    /// Shapes are otherwise.
    pub reshaped: bool,
    /// A table came back without its records: the parent is asked for everything.
    emptied: bool,
    /// Fields whose content the told schema wrote, and nobody else.
    made: BTreeMap<TableNo, BTreeSet<FieldNo>>,
}

/// Looks whether the schema moved since the last time, and takes over what is otherwise: the shapes, and the mirror with them.
/// `note` is told everything that must be noted in the same commit.
///
/// # Errors
/// As database and ledger say; then nothing was taken over.
pub(super) fn take_over(session: &mut Session, note: impl FnOnce(&Session, &TakenOver) -> Result<()>) -> Result<Option<TakenOver>> {
    let surveyed = session.database()?.schema_version()?;
    let before = session.ledger.note(VERSION)?;
    if before.as_deref() == Some(version_words(session, surveyed)?.as_str()) {
        return Ok(None);
    }
    let mut taking = Taking::new(session, surveyed)?;
    taking.match_tables()?;
    let Taking { all, mut events, mut taken, untracked, .. } = taking;
    let known = session.ledger.note(UNTRACKED)?;
    if let Some(known) = &known {
        let new = untracked.iter().filter(|(name, _)| known.lines().all(|line| line != name) && !name.starts_with("sqlite_"));
        let said = |name: &str| events.iter().any(|event| matches!(event, Event::Untracked(said, _) if said == name));
        let new: Vec<Event> = new.filter(|(name, _)| !said(name)).map(|(name, why)| Event::Untracked(name.clone(), why.clone())).collect();
        events.extend(new);
    }
    let names: Vec<&str> = untracked.iter().map(|(name, _)| name.as_str()).collect();
    let (changed, ranks) = changed(session, &all, &taken)?;
    taken.again = before.is_some();
    taken.reshaped = !changed.is_empty();
    session.ledger.begin()?;
    let done = write(session, &changed, &ranks, &events, &taken)
        .and_then(|()| Ok(session.ledger.set_note(UNTRACKED, &names.join("\n"))?))
        .and_then(|()| schema::forget_change(session))
        .and_then(|()| note(session, &taken));
    let done = done.and_then(|()| Ok(session.ledger.commit(&session.world, "commit schema")?));
    if let Err(error) = &done
        && !error.is_crash()
    {
        session.ledger.rollback()?;
    }
    done?;
    session.reload_shapes()?;
    Ok(Some(taken))
}

/// Notes that everything is as the schema of this version wants it.
pub(super) fn settle(session: &Session, version: i64) -> Result<()> {
    let version = version_words(session, version)?;
    if session.ledger.note(VERSION)?.as_ref() != Some(&version) {
        session.set_note(VERSION, &version)?;
    }
    Ok(())
}

/// What the shapes were made for: the schema, what the rules say stays where it is, and what the parent told.
fn version_words(session: &Session, schema: i64) -> Result<String> {
    let mut local = schema::words(session)?.unwrap_or_default();
    for (table, rule) in session.rules.tables() {
        if rule.direction == Direction::None || !rule.local.is_empty() {
            local.push_str(&format!("{table:?} {:?} {:?};", rule.direction, rule.local));
        }
    }
    Ok(if local.is_empty() { schema.to_string() } else { format!("{schema} {}", blake3::hash(local.as_bytes()).to_hex()) })
}

/// Finds for every table of the database the one it was.
struct Taking<'s> {
    session: &'s Session,
    found: Vec<Shape>,
    untracked: Vec<(String, String)>,
    /// Every table that ever was, by number, as it is to be from now on.
    all: Vec<Shape>,
    events: Vec<Event>,
    taken: TakenOver,
    /// What became of names with a told schema.
    change: schema::Change,
    /// What the parent told; none at the host, and where schemas do not travel.
    told: Option<SentSchema>,
}

impl<'s> Taking<'s> {
    fn new(session: &'s Session, surveyed: i64) -> Result<Self> {
        // A table that has no key of its own keeps the one it was taken in with, whatever the rules have come to say.
        let with_key = |rules: Rules, shape: &Shape| {
            let key: Vec<String> = shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect();
            rules.with_key(&shape.name, &key)
        };
        let rules = session.shapes.iter().fold(session.rules.clone(), with_key);
        let (change, told) = (schema::change(session)?, if schema::words(session)?.is_some() { schema::told(session)? } else { None });
        let mut survey = session.database()?.survey(&rules)?;
        let own = own_columns(session, &survey.shapes, told.as_ref(), &change)?;
        if !own.is_empty() {
            let local = |rules: Rules, (table, own): (&String, &Vec<String>)| {
                let all = [rules.table(table).local.clone(), own.clone()].concat();
                rules.with_local(table, &all)
            };
            survey = session.database()?.survey(&own.iter().fold(rules, local))?;
        }
        survey.shapes.iter_mut().for_each(|shape| numbering::identify(shape, &session.rules));
        let all = session.ledger.shapes_ever()?;
        let mut untracked: Vec<(String, String)> = survey.untracked.into_iter().map(|one| (one.name, one.reason.to_string())).collect();
        untracked
            .extend(own.iter().flat_map(|(table, own)| own.iter().map(move |column| (format!("{table}.{column}"), own::WHY.to_owned()))));
        let taken = TakenOver { surveyed, ..TakenOver::default() };
        Ok(Self { session, found: survey.shapes, untracked, all, events: Vec::new(), taken, change, told })
    }

    fn match_tables(&mut self) -> Result<()> {
        let live: Vec<Shape> = self.all.iter().filter(|shape| !shape.past.gone).cloned().collect();
        let mut left = self.found.clone();
        let mut missing = Vec::new();
        for old in live {
            if self.change.ended.contains(&old.name) {
                self.events.push(Event::TableGone(old.name.clone()));
                self.all[old.number.0 as usize].past.gone = true;
                continue;
            }
            let name = self.change.tables.get(&old.name).unwrap_or(&old.name);
            match left.iter().position(|found| same_name(&found.name, name)) {
                Some(at) => {
                    let found = left.remove(at);
                    if !self.go_on(&old, &found)? {
                        self.events.push(Event::OtherKey(old.name.clone()));
                        self.all[old.number.0 as usize].past.gone = true;
                        left.push(found);
                    } else if self.change.tables.contains_key(&old.name) && old.name != found.name {
                        self.events.push(Event::TableRenamed(old.name.clone(), found.name.clone()));
                    }
                }
                None => missing.push(old),
            }
        }
        for old in missing {
            let mut same = None;
            for (at, found) in left.iter().enumerate() {
                if is_same_table(self.session, &old, found)? {
                    same = Some(at);
                    break;
                }
            }
            match same {
                Some(at) => {
                    let found = left.remove(at);
                    if self.go_on(&old, &found)? {
                        self.events.push(Event::TableRenamed(old.name.clone(), found.name.clone()));
                    } else {
                        self.events.push(Event::OtherKey(old.name.clone()));
                        self.all[old.number.0 as usize].past.gone = true;
                        left.push(found);
                    }
                }
                None => {
                    match self.untracked.iter().find(|(name, _)| same_name(name, &old.name)) {
                        Some((name, why)) => self.events.push(Event::Untracked(name.clone(), why.clone())),
                        None => self.events.push(Event::TableGone(old.name.clone())),
                    }
                    self.all[old.number.0 as usize].past.gone = true;
                }
            }
        }
        let (ours, own): (Vec<Shape>, Vec<Shape>) = left.into_iter().partition(|found| match &self.told {
            Some(told) => own::is_told(self.session, told, &found.name),
            None => true,
        });
        self.untracked.extend(own.into_iter().map(|found| (found.name, own::WHY.to_owned())));
        ours.iter().try_for_each(|found| self.begin(found))
    }

    /// The table goes on, perhaps with other fields. False where its records are named otherwise: then it is another one.
    fn go_on(&mut self, old: &Shape, found: &Shape) -> Result<bool> {
        let columns = self.change.columns.get(&old.name);
        // Where the schema travels a drop cannot be taken back, so the host looks further, and asks where nothing tells.
        let asks = self.session.settings.role == Role::Host && self.session.rules.schema_travels();
        let mut gaps = match columns {
            Some(_) => Vec::new(),
            None if asks => anywhere(old, found),
            None => gaps(old, found),
        };
        let renames = match columns {
            Some(columns) => told_renames(old, found, columns),
            None => renames(self.session, old, found, &mut gaps)?,
        };
        let new = merged(old, found, &renames, &self.anew(old, found, &renames));
        if new.key != old.key || new.key_kind != old.key_kind {
            return Ok(false);
        }
        if new != *old {
            self.events.extend(field_events(old, &new, &renames, &gaps));
            let fresh = new.live_fields().filter(|field| !old.is_live(*field)).collect();
            self.taken.tables.insert(new.number, fresh);
        }
        if let Some(columns) = columns {
            let made = columns.made.iter().filter_map(|name| new.field(name)).collect();
            self.taken.made.insert(new.number, made);
            self.taken.tables.entry(new.number).or_default();
        }
        let at = new.number.0 as usize;
        self.all[at] = new;
        Ok(true)
    }

    /// Names that are other fields than those which have or had them: where schemas travel, numbers tell what is the same.
    fn anew(&self, old: &Shape, found: &Shape, renames: &[(FieldNo, String)]) -> BTreeSet<String> {
        if !self.session.rules.schema_travels() {
            return BTreeSet::new();
        }
        let is_here = |name: &str| old.live_fields().any(|field| same_name(old.name_of(field), name));
        let is_back = |name: &&str| !is_here(name) && renames.iter().all(|(_, to)| to != name);
        let back = found.live_fields().map(|field| found.name_of(field)).filter(is_back).map(str::to_owned);
        let ended = self.change.columns.get(&old.name).into_iter().flat_map(|columns| columns.ended.intersection(&columns.made)).cloned();
        back.chain(ended).collect()
    }

    /// A table that was not here: one that a neighbour spoke of, one that comes back, or one that is new.
    fn begin(&mut self, found: &Shape) -> Result<()> {
        let database = self.session.database()?;
        for old in self.all.iter().rev().filter(|old| old.past.gone && same_name(&old.name, &found.name)) {
            let new = merged(old, found, &[], &BTreeSet::new());
            let known = self.session.ledger.count(old.number)?;
            // An empty table does not say that all its records were deleted: somebody dropped it and made it again.
            let emptied = known > 0 && database.count(found)? == 0;
            self.taken.emptied |= emptied;
            if new.key != old.key || emptied || (known > 0 && new.key_kind != old.key_kind) {
                continue;
            }
            let name = new.name.clone();
            self.events.push(if known > 0 { Event::TableBack(name) } else { Event::NewTable(name) });
            let fresh = new.live_fields().filter(|field| !old.is_live(*field)).collect();
            self.taken.tables.insert(new.number, fresh);
            let at = old.number.0 as usize;
            self.all[at] = new;
            return Ok(());
        }
        let number = TableNo(u32::try_from(self.all.len()).expect("SQLite has fewer tables"));
        self.events.push(Event::NewTable(found.name.clone()));
        self.taken.tables.insert(number, BTreeSet::new());
        self.all.push(Shape { number, ..found.clone() });
        Ok(())
    }
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

fn write(session: &Session, changed: &[Shape], ranks: &BTreeMap<TableNo, u32>, events: &[Event], taken: &TakenOver) -> Result<()> {
    let ledger = &session.ledger;
    let before: BTreeMap<TableNo, Shape> = ledger.shapes_ever()?.into_iter().map(|shape| (shape.number, shape)).collect();
    let tables_change = changed.iter().any(|shape| before.get(&shape.number).is_none_or(|old| old.past.gone != shape.past.gone));
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
    for table in taken.tables.keys() {
        let new = changed.iter().find(|shape| shape.number == *table);
        new.map_or(Ok(()), |new| foreign::gather(session, new, &before))?;
    }
    if taken.emptied && ledger.parent()?.is_some() {
        ledger.set_note(super::build::WANT_FULL, "yes")?;
    }
    schema::hints::add_unclear(session, events, &ledger.shapes_ever()?)?;
    news::add(session, events)
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
    for id in ledger.living(new.number)? {
        let mut record = ledger.load_id(id)?;
        let Some(image) = &mut record.current else { continue };
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
    }
    let mut exceptional = Vec::new();
    ledger.exceptional(&mut |record| {
        exceptional.extend((record.table == new.number).then_some(record));
        Ok(())
    })?;
    for mut record in exceptional {
        for opinion in record.extra.opinions.values_mut() {
            if let Opinion::Known(Some(image)) = opinion {
                fit(image);
                // Every site fills them alike; where it did not, their values come from above.
                let filled = record.current.iter().flat_map(|ours| made.iter().map(|field| (*field, ours.row.get(*field).clone())));
                filled.for_each(|(field, value)| image.row.set(field, value));
            }
        }
        ledger.store_extra(&mut record)?;
    }
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

/// The names that the parent told.
fn told_renames(old: &Shape, found: &Shape, columns: &schema::Columns) -> Vec<(FieldNo, String)> {
    let named = |(from, to): (&String, &String)| Some((old.field(from)?, to.clone()));
    columns.renamed.iter().filter_map(named).filter(|(_, to)| found.field(to).is_some()).collect()
}

/// Columns by table that are this site's own.
fn own_columns(session: &Session, found: &[Shape], told: Option<&SentSchema>, change: &schema::Change) -> Result<own::Own> {
    let Some(told) = told else { return Ok(own::Own::new()) };
    let mut all = own::Own::new();
    for shape in found {
        let before = change.tables.iter().find(|(_, now)| same_name(now, &shape.name)).map_or(&shape.name, |(before, _)| before);
        let old = session.shapes.iter().find(|old| same_name(&old.name, before));
        let renamed = match (old, change.columns.get(before)) {
            (Some(old), None) => renames(session, old, shape, &mut gaps(old, shape))?,
            (Some(_) | None, Some(_)) | (None, None) => Vec::new(),
        };
        let own = own::columns(session, told, shape, old, &renamed);
        if !own.is_empty() {
            all.insert(shape.name.clone(), own);
        }
    }
    Ok(all)
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
