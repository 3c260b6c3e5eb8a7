//! What did the application change since the last time? Noted keys become journal entries.
//!
//! **States of a noted key**: noted (in the application's log, number above `sealed`) → sealed (journal, mirror and
//! `sealed` moved, one ledger commit) → trimmed (gone from the log). **Crash points**: before the ledger commit the
//! note is simply read again; after it, its number is not above `sealed` and is never read again, trimmed or not.
//! **Invariant**: for every key that is not noted, the mirror is the record. After a seal the mirror is the database as it was at one moment: of what
//! an application writes in one transaction nothing is sent without the rest. A long read is in a writer's way, so what has gathered is sealed in
//! chunks first, and what was noted meanwhile in one read then. What is found by comparing is sealed in one read with what is noted.
//!
//! A key that was deleted and is there again is another incarnation; the kinds in the log tell (`DESIGN` section 3). What did not change in the
//! end leaves no trace, also where a program deleted it and wrote it anew: edits elsewhere would have no record to go to.

use super::left_behind::Deleted;
use super::noticed::{Noted, Noticed, has_what_was_sealed, note_first};
use super::numbers::early::{note_all_nobodys, note_nobodys};
use super::numbers::taken::Taken;
use super::{Result, Session, SyncError, apply};
use crate::database::Database;
use crate::ledger::{Cause, CauseKind, EntryKind, Record};
use crate::model::{Born, FieldNo, Identity, Image, Key, Millis, Row, RowError, Shape, SiteNo, Stamp, Value, cells};

/// Records read from the application's database at a stretch: a reader is in a writer's way where there is no WAL.
const CHUNK: usize = 2_000;

/// Bytes of a record whose room is kept for the next one.
const KEPT_BYTES: usize = 1 << 20;

/// Passes over what is noted while the application writes as fast as we read, before the rest is sealed in one read.
const MOST_PASSES: usize = 8;

/// Comparisons in one seal, where the application pushes records out unnoted all the while. What the last one misses is counted in the next round.
const MOST_COMPARISONS: usize = 4;

/// How much was sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Noted keys looked at.
    pub noted: u64,
    /// Records that had changed.
    pub changed: u64,
    /// Changes that left no note (`REPLACE` through an index over expressions), found by counting.
    pub found: u64,
}

impl Sealed {
    const fn add(&mut self, more: Self) {
        self.noted += more.noted;
        self.changed += more.changed;
        self.found += more.found;
    }
}

/// Seals everything that is noted, in chunks, without holding up the application. Where nobody wrote since the last time nothing is read.
///
/// # Errors
/// As database and ledger say; what was sealed before stays sealed.
pub fn seal(session: &Session) -> Result<Sealed> {
    let database = session.database()?;
    let moment = database.moment()?;
    if session.counted_at.get() == Some(moment) {
        return Ok(Sealed::default());
    }
    let mut sealed = seal_all(session)?;
    for _ in 0..MOST_COMPARISONS {
        if reading(database, || miscounted(session))?.is_empty() {
            break;
        }
        // What was only noted since is not counted for missed.
        let (rest, miscounted) = at_one_moment(session, "commit seal", || miscounted(session))?;
        sealed.add(rest);
        let before = sealed.found;
        miscounted.into_iter().try_for_each(|shape| compare_into(session, shape, &mut sealed))?;
        if sealed.found == before {
            break;
        }
    }
    trim(session)?;
    session.counted_at.set(Some(moment));
    Ok(sealed)
}

/// The tables of which records can go unnoted, and that have not as many as the mirror.
fn miscounted(session: &Session) -> Result<Vec<&Shape>> {
    let database = session.database()?;
    let mut miscounted = Vec::new();
    for shape in &session.shapes {
        if database.needs_counting(shape)? && database.count(shape)? != session.ledger.count(shape.number)? {
            miscounted.push(shape);
        }
    }
    Ok(miscounted)
}

/// Seals what is noted now, and leaves the notes in the application's log.
pub(super) fn seal_all(session: &Session) -> Result<Sealed> {
    let database = session.database()?;
    let mut sealed = Sealed::default();
    if session.sealed_at.get() == Some(database.moment()?) {
        return Ok(sealed);
    }
    for _ in 0..MOST_PASSES {
        session.check_age()?;
        session.lead_the_saved()?;
        let moment = database.moment()?;
        let mut open = None;
        let pass = seal_tables(session, &mut open);
        if open.is_some() {
            session.ledger.rollback()?;
        }
        let pass = pass?;
        sealed.add(pass);
        // Else each table was read at another moment.
        if database.moment()? == moment {
            session.sealed_at.set(Some(moment));
            return Ok(sealed);
        }
        if pass.noted <= CHUNK as u64 {
            break;
        }
    }
    sealed.add(at_one_moment(session, "commit seal", || Ok(()))?.0);
    Ok(sealed)
}

/// Seals what is noted, and does what else is to be done, all of it as the database is at one moment. Nothing is left to the next seal.
fn at_one_moment<T>(session: &Session, step: &'static str, also: impl FnOnce() -> Result<T>) -> Result<(Sealed, T)> {
    let database = session.database()?;
    session.check_age()?;
    session.lead_the_saved()?;
    let moment = database.moment()?;
    session.ledger.begin()?;
    let done = reading(database, || Ok((seal_noted(session, |noted| noted.ended)?, also()?)));
    let done = done.and_then(|done| commit_sealed(session, step).map(|()| done));
    if done.is_err() {
        session.ledger.rollback()?;
    }
    let done = done?;
    session.sealed_at.set(Some(moment));
    Ok(done)
}

/// Commits what was sealed if it was read from the database of this ledger to the end: of a copy that was put in its place meanwhile deletes and edits would be
/// sealed.
fn commit_sealed(session: &Session, step: &'static str) -> Result<()> {
    reading(session.database()?, || session.check_commits())?;
    Ok(session.ledger.commit(&session.world, step)?)
}

/// `open` is there while a transaction of the ledger is: one per chunk, but one to the end of all tables once a number went to
/// another record.
fn seal_tables<'s>(session: &'s Session, open: &mut Option<Sealing<'s>>) -> Result<Sealed> {
    let database = session.database()?;
    let mut sealed = Sealed::default();
    if !reading(database, || any_noted(session))? {
        return Ok(sealed);
    }
    // All of them: what an edit that comes meanwhile did in a table before goes with what it did in this one.
    for shape in &session.shapes {
        loop {
            let Some(noted) = reading(database, || Noticed::read(session, shape))? else { break };
            if open.is_none() {
                session.ledger.begin()?;
            }
            let sealing = open.get_or_insert_with(|| Sealing::new(session, CauseKind::Seal));
            sealing.stayed = noted.stayed(session, shape)?;
            let keys: Vec<(&Key, &Noted)> = noted.keys.iter().collect();
            // A record that is edited between two of these reads is noted again with a higher number, and looked at again.
            keys.chunks(CHUNK).try_for_each(|chunk| {
                reading(database, || chunk.iter().try_for_each(|(key, noted)| sealing.look(shape, key, noted.ended, noted.last)))
            })?;
            noted.are_sealed(session, shape)?;
            sealed.noted += noted.notes;
            if sealing.taken.is_empty() {
                reading(database, || sealing.finish())?;
                commit_sealed(session, "commit seal")?;
                sealed.changed += sealing.changed;
                *open = None;
            }
            // What is noted from here on is there for the next pass.
            if !noted.is_cut_off() {
                break;
            }
        }
    }
    if let Some(sealing) = open {
        reading(database, || sealing.finish())?;
        commit_sealed(session, "commit seal")?;
        sealed.changed += sealing.changed;
        *open = None;
    }
    Ok(sealed)
}

/// Whether something is noted that is not sealed.
fn any_noted(session: &Session) -> Result<bool> {
    for shape in &session.shapes {
        if !session.database()?.notes(shape, session.ledger.sealed(shape.number)?, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One read for many questions: each by itself would take and give back the locks of the file.
fn reading<T>(database: &Database, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    database.begin_read()?;
    let answer = ask();
    database.end_read()?;
    answer
}

/// Seals everything noted, inside transactions of database and ledger that are open already.
pub(super) fn seal_under_lock(session: &Session) -> Result<()> {
    if session.sealed_at.get() == Some(session.database()?.moment()?) {
        return Ok(());
    }
    session.check_age()?;
    seal_noted(session, |noted| noted.ended).map(drop)
}

/// Seals what the application's triggers wrote while a slice was applied, inside transactions of database and ledger that are open already.
/// What was applied is noted as well, and is what the mirror says; a record that we took out and put back has not ended.
pub(super) fn seal_what_triggers_wrote(session: &Session) -> Result<()> {
    seal_noted(session, |_| false).map(drop)
}

fn seal_noted(session: &Session, ended: impl Fn(&Noted) -> bool) -> Result<Sealed> {
    let mut sealing = Sealing::new(session, CauseKind::Seal);
    let mut sealed = Sealed::default();
    for shape in &session.shapes {
        while let Some(noted) = Noticed::read(session, shape)? {
            sealing.stayed = noted.stayed(session, shape)?;
            noted.keys.iter().try_for_each(|(key, noted)| sealing.look(shape, key, ended(noted), noted.last))?;
            noted.are_sealed(session, shape)?;
            sealed.noted += noted.notes;
        }
    }
    sealing.finish()?;
    Ok(Sealed { changed: sealing.changed, ..sealed })
}

/// Notes in the ledger that a table is sealed up to a number, and what its log has under it. A copy of the database that comes back later
/// gives the number to another note.
pub(super) fn sealed_up_to(session: &Session, shape: &Shape, number: i64) -> Result<()> {
    note_first(session, shape, number)?;
    session.ledger.set_sealed(shape.number, number)?;
    Ok(session.ledger.set_note(&mark_note(shape), &mark(session.database()?, shape, number)?.unwrap_or_default())?)
}

/// After a log may have been made anew, with nothing in it: what it has under the number that was sealed last.
pub(super) fn note_mark_anew(session: &Session, shape: &Shape) -> Result<()> {
    let mark = mark(session.database()?, shape, session.ledger.sealed(shape.number)?)?.unwrap_or_default();
    match session.ledger.note(&mark_note(shape))? {
        Some(known) if known == mark => Ok(()),
        Some(_) | None => session.set_note(&mark_note(shape), &mark),
    }
}

/// Whether the log of a table is the one that was sealed.
pub(super) fn check_log(session: &Session, shape: &Shape) -> Result<()> {
    let (database, sealed) = (session.database()?, session.ledger.sealed(shape.number)?);
    // A log that is gone says nothing.
    if sealed == 0 || !database.has_log(shape)? {
        return Ok(());
    }
    if database.last_note(shape)? < sealed {
        return Err(SyncError::DatabaseRestored);
    }
    if database.trimmable(shape, sealed)? && !has_what_was_sealed(session, shape)? {
        return Err(SyncError::DatabaseRestored);
    }
    match has_last_sealed(session, database, shape)? {
        None | Some(true) => Ok(()),
        // Whoever trimmed it had sealed more than we know.
        Some(false) if database.first_note(shape)?.is_some_and(|first| first > sealed) => Err(SyncError::StateRestored),
        Some(false) => Err(SyncError::DatabaseRestored),
    }
}

/// Whether a log has what was sealed last of a table; none where the mark of that is not known.
pub(super) fn has_last_sealed(session: &Session, database: &Database, shape: &Shape) -> Result<Option<bool>> {
    let sealed = session.ledger.sealed(shape.number)?;
    // One of another number was written before these marks were kept, or by a program that keeps none.
    let known = session.ledger.note(&mark_note(shape))?.filter(|mark| sealed > 0 && mark.starts_with(&format!("{sealed} ")));
    known.map(|known| Ok(mark(database, shape, sealed)? == Some(known))).transpose()
}

/// What a log has under a number, with the number.
fn mark(database: &Database, shape: &Shape, number: i64) -> Result<Option<String>> {
    Ok(database.note_mark(shape, number)?.map(|mark| format!("{number} {mark}")))
}

fn mark_note(shape: &Shape) -> String {
    format!("last sealed of {}", shape.number.0)
}

/// What is said of so many records that cannot be named.
pub fn said_of_nameless(count: u64) -> String {
    let (records, they, it) = if count == 1 { ("record has", "it stays here", "it") } else { ("records have", "they stay here", "them") };
    format!("{count} {records} an empty value in the key: {they}, and no other site has {it}; give {it} a whole key")
}

/// Removes sealed notes from the application's log, and says in the database how far the ledger is. A busy database is left for the next time: they are never read again anyway.
pub(super) fn trim(session: &Session) -> Result<()> {
    let database = session.database()?;
    let reached = apply::reached(session)?;
    let (due, told) = reading(database, || {
        let mut due = Vec::new();
        for shape in &session.shapes {
            let sealed = session.ledger.sealed(shape.number)?;
            if database.trimmable(shape, sealed)? {
                due.push((shape, sealed));
            }
        }
        Ok((due, database.reached()?))
    })?;
    if due.is_empty() && told.as_ref() == Some(&reached) {
        return Ok(());
    }
    match database.begin_write() {
        Err(error) if error.retry_helps() => return Ok(()),
        begun => begun?,
    }
    // Of a copy that was put in its place since nothing is said that only the database of this ledger is.
    let trimmed = session.check_age().and_then(|()| {
        due.iter().try_for_each(|(shape, sealed)| database.trim(shape, *sealed))?;
        database.make_reached()?;
        database.set_reached(&reached)?;
        Ok(database.commit(&session.world)?)
    });
    trimmed.or_else(|error| {
        database.rollback()?;
        Err(error)
    })
}

/// Compares a whole table with its mirror and seals every difference: what capture missed. Gives how many there were.
///
/// # Errors
/// As database and ledger say; what was found before stays sealed.
pub fn compare(session: &Session, shape: &Shape) -> Result<u64> {
    let mut sealed = Sealed::default();
    compare_into(session, shape, &mut sealed)?;
    Ok(sealed.found)
}

fn compare_into(session: &Session, shape: &Shape, sealed: &mut Sealed) -> Result<()> {
    let database = session.database()?;
    let mut after: Option<Key> = None;
    loop {
        let mut differing = Vec::new();
        let mut last = None;
        database.begin_read()?;
        let scanned = database.scan(shape, after.as_ref(), CHUNK, &mut |key, row| {
            let same = session.ledger.peek(shape, &key, |mirror| mirror == Some(row));
            if !matches!(same, Ok(true)) {
                differing.push(key.clone());
            }
            last = Some(key);
        });
        database.end_read()?;
        scanned?;
        sealed.add(seal_found(session, shape, &differing)?);
        match last {
            Some(key) => after = Some(key),
            None => break,
        }
    }
    let mut after: Option<Key> = None;
    loop {
        let keys = session.ledger.places(shape, after.as_ref(), CHUNK)?;
        let Some(last) = keys.last().cloned() else { break };
        let mut buffer = Vec::new();
        let mut gone = Vec::new();
        for key in keys {
            buffer.clear();
            if !database.read(shape, &key, &mut buffer)? {
                gone.push(key);
            }
        }
        sealed.add(seal_found(session, shape, &gone)?);
        after = Some(last);
    }
    Ok(())
}

/// Seals what was found by comparing, after what the application edited since: that is noted, and has its time.
fn seal_found(session: &Session, shape: &Shape, keys: &[Key]) -> Result<Sealed> {
    if keys.is_empty() {
        return Ok(Sealed::default());
    }
    let (noted, found) = at_one_moment(session, "commit comparison", || {
        let mut sealing = Sealing::new(session, CauseKind::Found);
        keys.iter().try_for_each(|key| sealing.look(shape, key, false, None)).and_then(|()| sealing.finish())?;
        Ok(sealing.changed)
    })?;
    Ok(Sealed { found, ..noted })
}

/// Seals keys under one cause, which is written with the first change.
pub(super) struct Sealing<'s> {
    pub(super) session: &'s Session,
    kind: CauseKind,
    cause: Option<i64>,
    buffer: Vec<u8>,
    pub(super) changed: u64,
    /// Records that begin under a number which another one had, and what must come after them (`taken`).
    pub(super) taken: Vec<Taken>,
    /// No more waiting: they begin now.
    pub(super) finishing: bool,
    /// What is looked at was in a new table when it was seen first, and nobody noted it.
    found_in_new: bool,
    /// The highest number of the table that a record had since the last seal ([`Noticed::stayed`]).
    pub(super) stayed: Option<i64>,
    /// Records that ended, until it was looked who refers to them.
    pub(super) deleted: Deleted,
}

impl<'s> Sealing<'s> {
    pub(super) fn new(session: &'s Session, kind: CauseKind) -> Self {
        Self {
            session,
            kind,
            cause: None,
            buffer: Vec::new(),
            changed: 0,
            taken: Vec::new(),
            finishing: false,
            found_in_new: false,
            stayed: None,
            deleted: Deleted::default(),
        }
    }

    /// Compares what the database has under a key with its mirror and journals the difference.
    pub(super) fn key(&mut self, shape: &Shape, place: &Key, ended: bool, time: Option<Millis>) -> Result<()> {
        self.look(shape, place, ended, time)?;
        self.finish()
    }

    /// As [`Sealing::key`] for one of many, after which comes [`Sealing::finish`]. `ended`: what was there was deleted in
    /// between.
    pub(super) fn look(&mut self, shape: &Shape, place: &Key, ended: bool, time: Option<Millis>) -> Result<()> {
        let ledger = &self.session.ledger;
        self.buffer.clear();
        let there = self.session.database()?.read(shape, place, &mut self.buffer)?;
        let row = there.then_some(self.buffer.as_slice());
        let ended = ended && !self.is_the_same(shape, place, row)?;
        let mut differing = cells::Difference::default();
        let mut fields = Vec::new();
        let mut plain = false;
        let found = ledger.load_part(shape, place, |mirror| match (mirror, row) {
            (None, None) => Ok(None),
            (Some(mirror), Some(row)) if !ended => {
                if mirror == row {
                    return Ok(None);
                }
                differing = cells::differing(mirror, row)?;
                fields = differing.fields.iter().map(|(field, _)| *field).collect();
                plain =
                    time.is_some() && shape.identity() != Identity::Meaning && !fields.iter().any(|field| shape.concerns_numbers(*field));
                let row = if plain { Row::decode_part(mirror, &fields)? } else { Row::decode(mirror)? };
                Ok(Some(row))
            }
            (Some(mirror), _) => Row::decode(mirror).map(Some),
            (None, Some(_)) => Ok(Some(Row::default())),
        })?;
        let Some(mut record) = found else { return Ok(()) };
        self.found_in_new = time.is_none() && self.session.new_tables.contains(&shape.number);
        let stamp = Stamp { time: time.unwrap_or_else(|| self.session.world.now()), site: SiteNo(0) };
        match (record.current.take(), row) {
            (None, None) => Ok(()),
            (Some(old), None) => self.end(shape, record, old, stamp),
            (Some(mut image), Some(row)) if !ended => {
                if shape.identity() == Identity::Meaning {
                    let row = Row::decode(row).map_err(damaged)?;
                    if self.means_another(shape, &record, &row)? {
                        self.end(shape, record, image, stamp)?;
                        return self.begin(shape, Record::unmet(shape.number, place), None, row, place, stamp);
                    }
                }
                let mut old = Image { born: image.born, ..Image::default() };
                if plain {
                    fields.iter().for_each(|field| old.take(*field, &image));
                } else {
                    shape.close(&mut fields);
                    let mut was = image.clone();
                    self.session.mean(shape, &mut was.row)?;
                    fields.iter().for_each(|field| old.take(*field, &was));
                }
                let mut newest = None;
                let changed: Vec<FieldNo> = differing.fields.iter().map(|(field, _)| *field).collect();
                for (field, cell) in differing.fields {
                    let value = cells::value(cell).map_err(damaged)?;
                    let stamp = self.stamp(shape, field, &image, &value, stamp, time.is_some());
                    newest = newest.max(stamp);
                    image.row.set(field, value);
                    image.set_stamp(field, stamp);
                }
                if !plain && let Some(id) = record.id {
                    note_nobodys(ledger, shape, id, &image.row, &fields)?;
                }
                if time.is_none() && self.is_converted(shape, &old, &image, &fields)? {
                    image.row.0.resize(differing.length, Value::Absent);
                    record.current = Some(image);
                    return Ok(ledger.fill_mirror(&record)?);
                }
                if differing.as_long && row.len() < KEPT_BYTES {
                    self.append(&mut record, &EntryKind::Update(old, fields), newest)?;
                    return Ok(ledger.store_fields(&record, &image, &changed)?);
                }
                // The row is in the buffer; nothing else needs to hold what may be large.
                image.row = Row::default();
                let row = std::mem::take(&mut self.buffer);
                self.append(&mut record, &EntryKind::Update(old, fields), newest)?;
                ledger.store_row(&record, &image, &row)?;
                self.buffer = row;
                give_back(&mut self.buffer);
                Ok(())
            }
            (old, Some(row)) => {
                let row = Row::decode(row).map_err(damaged)?;
                give_back(&mut self.buffer);
                if self.waits(shape, place, old.is_some())? {
                    self.taken.push(Taken { table: shape.number, place: place.clone(), time: stamp.time });
                    return old.map_or(Ok(()), |old| self.end(shape, record, old, stamp));
                }
                self.begin(shape, record, old, row, place, stamp)
            }
        }
    }

    pub(super) fn append(&mut self, record: &mut Record, kind: &EntryKind, stamp: Option<Stamp>) -> Result<()> {
        let ledger = &self.session.ledger;
        let cause = match self.cause {
            Some(cause) => cause,
            None => *self.cause.insert(ledger.add_cause(&Cause { kind: self.kind, time: self.session.world.now() })?),
        };
        self.changed += 1;
        Ok(ledger.append(record, kind, None, cause, stamp)?)
    }

    /// Whether the row under a record's key is another record by now: the number in its key means another one.
    fn means_another(&self, shape: &Shape, record: &Record, row: &Row) -> Result<bool> {
        if shape.identity() != Identity::Meaning {
            return Ok(false);
        }
        let mut row = row.clone();
        self.session.mean(shape, &mut row)?;
        Ok(self.session.key_by_meaning(shape, &row)? != record.key)
    }

    /// A record ended.
    pub(super) fn end(&mut self, shape: &Shape, record: Record, mut old: Image, stamp: Stamp) -> Result<()> {
        self.note_deleted(shape, &old.row)?;
        self.session.mean(shape, &mut old.row)?;
        self.end_as(record, old, Some(stamp))
    }

    /// A record ended, whose last row has stand-ins.
    pub(super) fn end_as(&mut self, mut record: Record, old: Image, stamp: Option<Stamp>) -> Result<()> {
        let ledger = &self.session.ledger;
        self.append(&mut record, &EntryKind::Delete(old), stamp)?;
        record.current = None;
        ledger.store_mirror(&mut record, None)?;
        self.session.vacate(&mut record)
    }

    /// A record began under a key that `record` has or last had; `old` is what was there until now.
    fn begin(&mut self, shape: &Shape, record: Record, old: Option<Image>, row: Row, place: &Key, stamp: Stamp) -> Result<()> {
        let ledger = &self.session.ledger;
        let seed = self.seed(shape, &row)?;
        let born = seed.unwrap_or_else(|| ledger.give_birth());
        let identity = shape.identity();
        let mut record = record;
        let mut old = old;
        let retold = if identity == Identity::Birth { self.hold_the_number(shape, place, stamp)? } else { Vec::new() };
        if identity != Identity::Key {
            let mut meant = row.clone();
            self.session.mean(shape, &mut meant)?;
            let key = if identity == Identity::Birth { Key::of_birth(born) } else { self.session.key_by_meaning(shape, &meant)? };
            if key != record.key {
                if let Some(old) = old.take() {
                    self.end(shape, record, old, stamp)?;
                }
                record = ledger.load(shape.number, &key)?;
                if let (Some(_), Some(other)) = (&record.current, record.place.clone()) {
                    // It was under another key until now, and that was not looked at yet.
                    self.look(shape, &other, false, Some(stamp.time))?;
                    record = ledger.load(shape.number, &key)?;
                    if record.current.is_some() {
                        return Err(SyncError::Bug("two records with one meaning"));
                    }
                }
            }
            record.place = Some(place.clone());
        }
        let mut image = Image { born, row, stamps: Vec::new() };
        if seed.is_none() {
            shape.live_fields().for_each(|field| image.set_stamp(field, Some(stamp)));
        }
        if let Some(old) = &mut old {
            self.session.mean(shape, &mut old.row)?;
        }
        self.append(&mut record, &old.map_or(EntryKind::Insert, EntryKind::Replace), Some(stamp))?;
        record.current = Some(image);
        ledger.store_mirror(&mut record, None)?;
        if identity != Identity::Key {
            ledger.store_names(&mut record)?;
        }
        self.retell(retold, stamp)?;
        if let (Some(id), Some(image)) = (record.id, &record.current) {
            note_all_nobodys(ledger, shape, id, &image.row)?;
        }
        match (identity, place.as_integer()) {
            (Identity::Birth, Some(number)) => self.adopt(shape.number, number, stamp.time),
            (Identity::Birth | Identity::Key | Identity::Meaning, _) => Ok(()),
        }
    }

    /// The incarnation of a record that the migration itself put into the table it made. Where the same application migrates at several
    /// sites each puts it there: one record, whose incarnation follows from what it is. None for what somebody typed, and for what
    /// refers to handed-out numbers, which can mean another record at each site.
    fn seed(&self, shape: &Shape, row: &Row) -> Result<Option<Born>> {
        let refers = shape.numbers.iter().any(|number| !matches!(row.get(number.field), Value::Absent | Value::Null));
        let Some(told) = shape.past.told.as_ref().filter(|_| self.found_in_new && !refers) else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&told.table.0.to_le_bytes());
        for (number, field) in told.fields.iter().filter(|(_, field)| shape.is_live(**field)) {
            hasher.update(&number.0.to_le_bytes());
            let mut cell = Vec::new();
            cells::push(&mut cell, row.get(*field));
            hasher.update(&cell);
        }
        let hash = hasher.finalize();
        let number = u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"));
        let site = self.session.ledger.site_number(&self.session.settings.host)?;
        Ok(Some(Born { site, sequence: number >> 1 }))
    }

    /// Whether nothing happened but that columns store what they hold otherwise from now on. Where schemas travel, they do so everywhere: nobody
    /// is told, and a delete by somebody who has the old schema meets no edit.
    fn is_converted(&self, shape: &Shape, old: &Image, new: &Image, fields: &[FieldNo]) -> Result<bool> {
        if !self.session.rules.schema_travels() || fields.is_empty() {
            return Ok(false);
        }
        for field in fields {
            if !self.session.database()?.stores_as(shape, *field, old.row.get(*field), new.row.get(*field))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// When a field got a value that is not the mirror's: what a migration filled in nobody edited, and what it only stored otherwise keeps
    /// the time of its edit.
    fn stamp(&self, shape: &Shape, field: FieldNo, mirror: &Image, value: &Value, edit: Stamp, noted: bool) -> Option<Stamp> {
        let moved = self.session.filled.get(&shape.number);
        if moved.is_some_and(|filled| filled.contains(&field)) {
            return None;
        }
        let converted = (!noted || moved.is_some()) && mirror.row.get(field).converts_to(value);
        if converted { mirror.stamp(field) } else { Some(edit) }
    }
}

/// Gives back the room that a large record took.
pub(super) fn give_back(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
}

fn damaged(_: RowError) -> SyncError {
    SyncError::Bug("a row that was just read does not decode")
}
