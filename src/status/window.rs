//! How does each record of a table stand: in conflict, new here or there, on its way, kept, or the same everywhere?
//!
//! Only what is not ordinary is looked at one by one: what the next packets tell, what was told and not confirmed, what is held, open or
//! noted since the last run. Every other record that is here stands as the table does ([`Window::rest`]): the same at the neighbours, or
//! part of a first load. With several neighbours a record stands as it does with the one that needs most ([`State`], in this order).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::open::open;
use super::waits::{Waits, waits};
use crate::ledger::{Conflict, ConflictKind, Direction, Held, HeldReason, Neighbour, PacketRow, Record};
use crate::model::{JournalNumber, Key, PacketNumber, Shape, SiteName, SiteNo, TableNo};
use crate::sync::standing::{Standing, standing};
use crate::sync::stays::Stays;
use crate::sync::tracking::parked;
use crate::sync::{Session, SyncError, mend};

/// How a record stands. The first ones need most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Two edits met, and a person is to decide.
    Conflict,
    /// A record of a neighbour that could not be applied here.
    NewThere,
    /// A change of a neighbour that could not be applied here.
    ChangedThere,
    /// A delete of a neighbour that could not be applied here.
    DeletedThere,
    /// A person took it out of the exchange.
    Deactivated,
    /// The rules keep it here.
    Inactive,
    /// Made here; the next packet tells it.
    NewHere,
    /// Changed here; the next packet tells it.
    ChangedHere,
    /// Deleted here; the next packet tells it.
    DeletedHere,
    /// Told, and not confirmed yet.
    Waiting,
    /// Deleted here and told; the other side has yet to confirm it.
    DeletedWaiting,
    /// The same on both sides.
    Synchronized,
}

/// One record that is not ordinary, as it stands with one neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusual {
    /// How it stands.
    pub state: State,
    /// With whom; none where that is no matter of a neighbour.
    pub with: Option<SiteName>,
    /// Why, as a sentence has it after "because"; none where the state says it all.
    pub why: Option<String>,
    /// What becomes of it, where a change of it is held.
    pub waits: Option<Waits>,
    /// Whether it is here, as far as was sealed.
    pub sealed: bool,
}

/// How the records of the tables stand.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Records that are not ordinary: by table and key, as it stands with each neighbour.
    pub unusual: BTreeMap<(TableNo, Key), Vec<Unusual>>,
    /// How all others stand that are here.
    pub rest: Rest,
    /// How many records the next packets tell each neighbour, as far as was sealed.
    pub to_tell: BTreeMap<SiteNo, u64>,
}

/// How the records stand that are ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// The same everywhere.
    #[default]
    Same,
    /// Told as part of a first load that is not confirmed yet.
    Told,
    /// Part of a first load that is still to be sent.
    ToTell,
}

impl Rest {
    /// As the state of a record.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Same => State::Synchronized,
            Self::Told => State::Waiting,
            Self::ToTell => State::NewHere,
        }
    }
}

impl State {
    /// All of them, the most needy first.
    pub const ALL: [Self; 12] = [
        Self::Conflict,
        Self::NewThere,
        Self::ChangedThere,
        Self::DeletedThere,
        Self::Deactivated,
        Self::Inactive,
        Self::NewHere,
        Self::ChangedHere,
        Self::DeletedHere,
        Self::Waiting,
        Self::DeletedWaiting,
        Self::Synchronized,
    ];
}

/// Most notes of edits since the last run that are looked at per table: more are a matter of the next run.
const MOST_NOTES: usize = 100_000;

impl Window {
    /// Looks. `table`: only this one. `with`: only as records stand with this neighbour.
    ///
    /// # Errors
    /// As database and ledger say.
    pub fn look(session: &Session, table: Option<TableNo>, with: Option<SiteNo>) -> Result<Self, SyncError> {
        let mut looking = Looking { session, table, window: Self::default() };
        if !session.has_database() {
            return Ok(looking.window);
        }
        looking.conflicts()?;
        for neighbour in session.ledger.neighbours()? {
            if with.is_none_or(|with| neighbour.site == with) {
                looking.neighbour(&neighbour)?;
            }
        }
        looking.parked(with)?;
        looking.notes()?;
        for stands in looking.window.unusual.values_mut() {
            stands.sort_by_key(|unusual| unusual.state);
        }
        Ok(looking.window)
    }

    /// How a record stands, by its key here.
    #[must_use]
    pub fn of(&self, table: TableNo, key: &Key) -> (State, Option<&Unusual>) {
        match self.unusual.get(&(table, key.clone())).and_then(|stands| stands.first()) {
            Some(unusual) => (unusual.state, Some(unusual)),
            None => (self.rest.state(), None),
        }
    }

    /// The records of a table that are not ordinary, by key, each as it stands with who needs most.
    pub fn of_table(&self, table: TableNo) -> impl Iterator<Item = (&Key, &Unusual)> {
        let from = (table, Key::from_bytes(Vec::new()));
        let all = self.unusual.range(from..).take_while(move |((of, _), _)| *of == table);
        all.filter_map(|((_, key), stands)| Some((key, stands.first()?)))
    }

    /// How many records of a table stand how.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn counts(&self, session: &Session, table: TableNo) -> Result<BTreeMap<State, u64>, SyncError> {
        let mut counts = BTreeMap::new();
        let mut rest = session.ledger.count(table)?;
        for (_, unusual) in self.of_table(table) {
            *counts.entry(unusual.state).or_default() += 1;
            rest = rest.saturating_sub(u64::from(unusual.sealed));
        }
        *counts.entry(self.rest.state()).or_default() += rest;
        counts.retain(|_, count| *count > 0);
        Ok(counts)
    }
}

/// Why a record is in conflict.
fn why(conflict: &Conflict) -> Option<String> {
    let field = conflict.field.as_ref()?;
    if let (ConflictKind::Taken, Some(value), Some(other)) = (conflict.kind, &conflict.loser, &conflict.winner) {
        return Some(format!("its {field} {value} is taken by {other}"));
    }
    Some(format!("{field} was edited twice"))
}

struct Looking<'s> {
    session: &'s Session,
    table: Option<TableNo>,
    window: Window,
}

impl Looking<'_> {
    fn wants(&self, table: TableNo) -> bool {
        self.table.is_none_or(|wanted| wanted == table)
    }

    fn add(&mut self, table: TableNo, key: Key, unusual: Unusual) {
        self.window.unusual.entry((table, key)).or_default().push(unusual);
    }

    fn add_record(&mut self, record: &Record, with: Option<SiteName>, state: State, why: Option<String>) -> Result<(), SyncError> {
        let key = self.session.shown_key(record)?;
        self.add(record.table, key, Unusual { state, with, why, waits: None, sealed: record.current.is_some() });
        Ok(())
    }

    fn conflicts(&mut self) -> Result<(), SyncError> {
        for conflict in open(self.session)? {
            let Some(shape) = self.session.shapes.iter().find(|shape| shape.name == conflict.table) else { continue };
            if !self.wants(shape.number) {
                continue;
            }
            if let Some(record) = mend::record_of(self.session, shape, &conflict)? {
                self.add_record(&record, None, State::Conflict, why(&conflict))?;
            }
        }
        Ok(())
    }

    fn neighbour(&mut self, neighbour: &Neighbour) -> Result<(), SyncError> {
        let ledger = &self.session.ledger;
        if neighbour.fresh {
            self.window.rest = Rest::ToTell;
            let all = ledger.candidates(neighbour.site, neighbour.cursor, true)?.len();
            self.window.to_tell.insert(neighbour.site, all as u64);
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        for id in ledger.candidates(neighbour.site, neighbour.cursor, false)? {
            let record = self.session.load_id(id)?;
            if self.wants(record.table) && self.differs(neighbour, &record)? {
                seen.insert(id);
            }
        }
        // What brings no records is never confirmed, however much of the journal came of what the neighbour brought.
        let under_way: Vec<PacketRow> = ledger.outbox(neighbour.site)?.into_iter().filter(|packet| packet.changes > 0).collect();
        let (Some(first), Some(last)) = (under_way.first(), under_way.last()) else { return Ok(()) };
        let confirmed = match neighbour.acknowledged {
            PacketNumber(0) => {
                self.window.rest = self.window.rest.max(Rest::Told);
                last.journal
            }
            PacketNumber(_) => {
                let before = ledger.packet(neighbour.site, Direction::Out, PacketNumber(first.number.0 - 1))?;
                before.map_or(JournalNumber(0), |packet| packet.journal)
            }
        };
        for id in ledger.told_between(neighbour.site, confirmed, last.journal)? {
            if seen.contains(&id) {
                continue;
            }
            let record = self.session.load_id(id)?;
            if self.wants(record.table) {
                let state = if record.current.is_some() { State::Waiting } else { State::DeletedWaiting };
                self.add_record(&record, Some(neighbour.card.name.clone()), state, None)?;
            }
        }
        Ok(())
    }

    /// Adds a record that a neighbour holds otherwise; false where it holds the same.
    fn differs(&mut self, neighbour: &Neighbour, record: &Record) -> Result<bool, SyncError> {
        let with = Some(neighbour.card.name.clone());
        let here = record.current.is_some();
        let told = |there: bool| match (here, there) {
            (true, true) => Some(State::ChangedHere),
            (true, false) => Some(State::NewHere),
            (false, true) => Some(State::DeletedHere),
            (false, false) => None,
        };
        let (state, why) = match standing(self.session, record, neighbour)? {
            Standing::Held(held) => {
                self.held(record, with, &held)?;
                return Ok(true);
            }
            _ if record.extra.deactivated => (Some(State::Deactivated), None),
            Standing::Same => (None, None),
            Standing::ToTell { there } => {
                *self.window.to_tell.entry(neighbour.site).or_default() += 1;
                (told(there), None)
            }
            Standing::Stays { why: why @ Stays::Manual, there } => (told(there), Some(why.to_string())),
            Standing::Stays { why, there: _ } => (Some(State::Inactive), Some(why.to_string())),
        };
        if let Some(state) = state {
            self.add_record(record, with, state, why)?;
        }
        Ok(state.is_some())
    }

    fn held(&mut self, record: &Record, with: Option<SiteName>, held: &Held) -> Result<(), SyncError> {
        let here = record.current.is_some();
        let state = match (&held.reason, &held.change.after) {
            (HeldReason::Deactivated, _) => State::Deactivated,
            (_, None) => State::DeletedThere,
            (_, Some(_)) if here => State::ChangedThere,
            (_, Some(_)) => State::NewThere,
        };
        let waits = waits(held, self.session.world.now(), self.session.rules.retries());
        let key = self.session.shown_key(record)?;
        let why = Some(held.reason.to_string());
        self.add(record.table, key, Unusual { state, with, why, waits: Some(waits), sealed: here });
        Ok(())
    }

    /// What waits for a column that is not here.
    fn parked(&mut self, with: Option<SiteNo>) -> Result<(), SyncError> {
        let with = with.map(|with| self.session.ledger.site_name(with)).transpose()?;
        for parked in parked::waiting(self.session)? {
            let shape = self.session.shapes.iter().find(|shape| shape.name == parked.table);
            let Some(shape) = shape.filter(|shape| self.wants(shape.number)) else { continue };
            if with.as_ref().is_some_and(|with| *with != parked.site) {
                continue;
            }
            let sealed = self.session.ledger.peek(shape, &parked.key, |mirror| mirror.is_some())?;
            let state = if sealed { State::ChangedThere } else { State::NewThere };
            let (why, with) = (Some(parked.to_string()), Some(parked.site.clone()));
            self.add(shape.number, parked.key, Unusual { state, with, why, waits: Some(Waits::Retried), sealed });
        }
        Ok(())
    }

    /// What was edited since the last run.
    fn notes(&mut self) -> Result<(), SyncError> {
        let session = self.session;
        let only = self.table;
        for shape in session.shapes.iter().filter(|shape| only.is_none_or(|wanted| wanted == shape.number)) {
            for key in noted(session, shape)? {
                let sealed = session.ledger.peek(shape, &key, |mirror| mirror.is_some())?;
                let there = session.database()?.read(shape, &key, &mut Vec::new())?;
                let state = match (sealed, there) {
                    (true, true) => State::ChangedHere,
                    (false, true) => State::NewHere,
                    (true, false) => State::DeletedHere,
                    (false, false) => continue,
                };
                let why = Some("it was edited since the last run".to_owned());
                self.add(shape.number, key, Unusual { state, with: None, why, waits: None, sealed });
            }
        }
        Ok(())
    }
}

/// Keys that capture noted in a table and no seal has seen.
///
/// # Errors
/// As the ledger says.
pub fn noted(session: &Session, shape: &Shape) -> Result<BTreeSet<Key>, SyncError> {
    let sealed = session.ledger.sealed(shape.number)?;
    // A table whose log is gone (rebuilt by the application) is compared whole by the next run.
    let Ok(notes) = session.database()?.notes(shape, sealed, MOST_NOTES) else { return Ok(BTreeSet::new()) };
    Ok(notes.into_iter().filter_map(|note| note.key.ok()).collect())
}
