//! Takes on the schema that the parent tells: the one commit, and what the ledger is to note with it.

use super::{
    CHANGE, COMING, Change, Columns, Here, LATE, LOST, PART, REFUSED, SentSchema, TOLD, add_version, ages, cannot_be_had, fills, overtake,
    told, wish,
};
use crate::database::conform::{Conformed, Refused};
use crate::ledger::{Neighbour, NeighbourKind};
use crate::model::Shape;
use crate::packet::{Envelope, Opened};
use crate::sync::tracking::evolve::Event;
use crate::sync::tracking::news;
use crate::sync::{Result, Session, SyncError, apply, build, seal};

impl Session {
    /// Takes on the schema that a packet of the parent brings. After the rules, before everything else of it: its changes need what the
    /// schema has.
    ///
    /// # Errors
    /// [`SyncError::SchemaBrought`] where it cannot be had; then nothing was done.
    pub(in crate::sync) fn take_schema(&mut self, from: &Neighbour, opened: &Opened) -> Result<()> {
        if from.kind != NeighbourKind::Parent || !self.rules.schema_travels() || !self.has_database() {
            return Ok(());
        }
        let Some(sent) = brought(self, opened)? else { return Ok(()) };
        if sent.version == 0 || overtake::is_overtaken(self, &opened.envelope)? || told(self)?.as_ref() == Some(&sent) {
            return Ok(());
        }
        match have(self, &sent, None) {
            Err(SyncError::SchemaBrought(refused)) => {
                note_refusal(self, &sent, &refused)?;
                Err(SyncError::SchemaBrought(refused))
            }
            done => done,
        }
    }
}

/// The schema in a packet.
pub(super) fn brought(session: &Session, opened: &Opened) -> Result<Option<SentSchema>> {
    let Some(bytes) = opened.bytes(PART, session.limits.document_bytes)? else { return Ok(None) };
    let sent: SentSchema = serde_json::from_slice(&bytes).map_err(|_| SyncError::BadPart(PART))?;
    Ok(Some(sent.without_sequences()))
}

/// Tries in the open write whether a schema can be had with the records that are here, and says why not.
pub(super) fn refuses(session: &Session, sent: &SentSchema) -> Result<Option<Refused>> {
    let old = told(session)?;
    let wish = wish(sent, old.as_ref(), Here::At(session))?;
    Ok(session.database()?.conform(&wish).map_err(cannot_be_had)?.err())
}

/// Writes down why a schema cannot be had.
pub(super) fn note_refusal(session: &Session, sent: &SentSchema, refused: &Refused) -> Result<()> {
    session.set_note(REFUSED, &format!("{} {refused}", sent.version))?;
    session.set_note(COMING, &sent.text()?)
}

/// Makes indexes that records were in the way of.
pub(in crate::sync) fn retry_late(session: &mut Session) -> Result<()> {
    if session.ledger.note(LATE)?.is_none_or(|late| late.is_empty()) {
        return Ok(());
    }
    match told(session)? {
        Some(told) => have(session, &told, None),
        None => Ok(()),
    }
}

/// Notes the indexes that records are in the way of, a sentence each.
pub(in crate::sync) fn note_late(session: &Session, late: &[String]) -> Result<()> {
    session.set_note(LATE, &late.join("\n"))
}

/// What became of names with the last told schema; nothing once tracking has followed.
pub(in crate::sync) fn change(session: &Session) -> Result<Change> {
    let Some(text) = session.ledger.note(CHANGE)?.filter(|text| !text.is_empty()) else { return Ok(Change::default()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted change of the schema does not read"))
}

/// Tracking has followed, says the open transaction of the ledger.
pub(in crate::sync) fn forget_change(session: &Session) -> Result<()> {
    if session.ledger.note(CHANGE)?.is_some_and(|text| !text.is_empty()) { Ok(session.ledger.set_note(CHANGE, "")?) } else { Ok(()) }
}

/// Gives the database the schema and lets tracking follow. `ahead`: the packet that brings it, where those before it are still to come.
pub(super) fn have(session: &mut Session, new: &SentSchema, ahead: Option<(&Neighbour, &Envelope)>) -> Result<()> {
    // Whatever the application did to the schema since the run began comes first: names here are those that tracking knows.
    let surveyed = session.follow()?;
    let database = session.database()?;
    database.begin_write()?;
    let done = session.ledger.begin().map_err(SyncError::from).and_then(|()| {
        session.ledger.record();
        have_begun(session, new, surveyed)?;
        ahead.map_or(Ok(()), |(from, envelope)| overtake::note(session, new, from, envelope))?;
        apply::note_commit(session)?;
        session.database()?.commit(&session.world)?;
        Ok(session.ledger.commit(&session.world, "commit ledger after schema")?)
    });
    if let Err(error) = done {
        if !error.is_crash() {
            database.rollback()?;
            session.ledger.rollback()?;
            session.open_database()?;
        }
        return Err(error);
    }
    // The connection may have stand-ins that must not be there when records are written.
    session.open_database()?;
    super::archive::archive_of_parent(session)?;
    session.begin_zone()
}

fn have_begun(session: &Session, new: &SentSchema, surveyed: i64) -> Result<()> {
    let (database, ledger) = (session.database()?, &session.ledger);
    if database.schema_version()? != surveyed {
        return Err(SyncError::SchemaMoves);
    }
    // The last moment of the old names: what was noted by them is sealed by them.
    seal::seal_under_lock(session)?;
    for shape in &session.shapes {
        let last = database.last_note(shape)?;
        seal::sealed_up_to(session, shape, last.max(ledger.sealed(shape.number)?))?;
        database.trim(shape, last)?;
    }
    let old = told(session)?;
    if let Some(old) = &old {
        fills::forget_unlike(session, old, new)?;
    }
    let wish = wish(new, old.as_ref(), Here::At(session))?;
    let done = database.conform(&wish).map_err(cannot_be_had)?.map_err(SyncError::SchemaBrought)?;
    let change = change_of(&done);
    let shapes = renamed(session, &change);
    let moved: Vec<(String, String)> = change.tables.iter().filter(|(from, to)| from != to).map(|(a, b)| (a.clone(), b.clone())).collect();
    database.move_logs(&moved)?;
    database.arm_renamed(&session.world, &shapes, &ledger.pair()?)?;
    let text = serde_json::to_string(&change).map_err(|_| SyncError::Bug("a change of the schema does not write"))?;
    ledger.set_note(CHANGE, &text)?;
    ages::note_coming(session)?;
    ledger.set_note(REFUSED, "")?;
    ledger.set_note(COMING, "")?;
    ledger.set_note(LATE, &done.late.join("\n"))?;
    if is_put_back(&done, new, old.as_ref()) {
        ledger.set_note(build::WANT_FULL, "yes")?;
    }
    let mut said: Vec<Event> = done.remarks().into_iter().chain(done.lost.iter().cloned()).map(Event::Said).collect();
    if old.as_ref() != Some(new) {
        said.insert(0, Event::SchemaHad(new.version));
        let mut what = [done.plan.sentences(), done.lost.clone()].concat();
        if what.is_empty() {
            what.push("nothing is otherwise here".to_owned());
        }
        add_version(session, new.version, what)?;
        ledger.set_note(TOLD, &new.text()?)?;
        ledger.set_note(LOST, &done.lost.iter().map(|one| one.replace('\n', " ")).collect::<Vec<_>>().join("\n"))?;
    }
    news::add(session, &said)
}

fn change_of(done: &Conformed) -> Change {
    let columns = |from: &str| {
        let (renamed, ended, made) = done.columns(from);
        Columns { renamed: renamed.into_iter().collect(), ended: ended.into_iter().collect(), made: made.into_iter().collect() }
    };
    Change {
        tables: done.changed().map(|(from, to)| (from.to_owned(), to.to_owned())).collect(),
        ended: done.dropped().map(str::to_owned).collect(),
        columns: done.changed().map(|(from, _)| (from.to_owned(), columns(from))).collect(),
    }
}

/// The tables of before under their new names, as far as capture names any.
fn renamed(session: &Session, change: &Change) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = session.shapes.iter().filter(|shape| !change.ended.contains(&shape.name)).cloned().collect();
    for shape in &mut shapes {
        let columns = change.columns.get(&shape.name).cloned().unwrap_or_default();
        for field in &mut shape.fields {
            if let Some(name) = columns.renamed.get(&field.name).filter(|_| !field.dropped) {
                field.name.clone_from(name);
            }
        }
        if let Some(name) = change.tables.get(&shape.name) {
            shape.name.clone_from(name);
        }
    }
    shapes
}

/// Whether something came that the parent told before: this site's application had dropped it, and the parent tells its values no more.
fn is_put_back(done: &Conformed, new: &SentSchema, old: Option<&SentSchema>) -> bool {
    let Some(old) = old else { return false };
    let both = |table: &str| new.names.iter().find(|(_, is)| is.name == table).and_then(|(number, is)| Some((is, old.names.get(number)?)));
    let tables = done.made().any(|table| both(table).is_some());
    let columns = done.changed().any(|(from, to)| {
        let told = |column: &String, (is, was): (&super::Identity, &super::Identity)| {
            is.fields.iter().any(|(field, name)| name == column && was.fields.contains_key(field))
        };
        both(to).is_some_and(|both| done.new_columns(from).iter().any(|column| told(column, both)))
    });
    tables || columns
}

/// The version that the parent told and that cannot be had here, with why.
pub(super) fn refused(session: &Session) -> Result<Option<(u64, String)>> {
    let Some(note) = session.ledger.note(REFUSED)?.filter(|_| session.rules.schema_travels()) else { return Ok(None) };
    let read = |(version, why): (&str, &str)| Some((version.parse().ok()?, why.to_owned()));
    Ok(note.split_once(' ').and_then(read))
}
