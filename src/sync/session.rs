//! One run's open files: home, ledger and database, brought back to one state.
//!
//! Opening is where crashes are mended. In this order: commit records that the ledger has not executed are replayed;
//! then database and ledger must agree on how far they are (a restored backup of either is noticed here and stops the
//! run); then a schema that the application changed is followed ([`upgrade`]); then capture is compared with what it should be, and a
//! table that lost its triggers is compared whole; then changes that waited for a table or column are taken ([`parked`]).

use std::cell::{Cell, OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fs_err as fs;

use super::deciding::policy::Policies;
use super::documents::Freedom;
use super::numbers::meaning::MadeByChildren;
use super::numbers::numbering;
use super::numbers::renumber::Zone;
use super::tracking::{parked, upgrade};
use super::{Limits, Result, SyncError, recover, schema, seal};
use crate::database::{Database, InFile, Moment, has_journal, has_log, log_has_all};
use crate::keys::{SealingKey, SigningKey};
use crate::ledger::{Ledger, Neighbour, NeighbourKind};
use crate::model::{FieldNo, Key, Row, Shape, SiteName, SiteNo, TableNo};
use crate::packet::Opened;
use crate::rules::reading::Fault;
use crate::rules::{Rules, RulesError};
use crate::site::{Home, Lost, Role, Settings};
use crate::world::World;

/// Note of the tables whose capture was lost or whose shape moved and that are not compared yet.
const DUE: &str = "due for comparison";

/// Note of what the file of the database said by itself at the end of a round.
pub(super) const IN_FILE: &str = "in the file";

/// The part of a packet with the rules.
pub(super) const RULES_PART: &str = "rules.toml";

/// Note of the rules that are in force.
const RULES_NOTE: &str = "rules";

/// Surveys in one run, while the application goes on changing its schema.
const MOST_SURVEYS: usize = 10;

/// Tables to compare with their mirrors.
type Due = BTreeMap<TableNo, Why>;

/// Why a table is compared; what says more comes later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// The schema moved, of another table perhaps: somebody may have taken our triggers away for a while and put them back.
    Moved,
    /// The application made a trigger that runs before ours: it may have kept edits from being noted.
    Overtaken,
    /// Our triggers or its log are not what they should be.
    Disarmed,
    /// Its own shape moved: these fields hold what no edit brought.
    Reshaped(BTreeSet<FieldNo>),
    /// It was not there before: nobody but its maker wrote what nobody noted.
    New,
}

/// As the note has it: `3?`, `3!`, `3`, `3:7,8` or `3+` for the five reasons.
fn due_words(due: &Due) -> String {
    let word = |(table, why): (&TableNo, &Why)| match why {
        Why::Moved => format!("{}?", table.0),
        Why::Overtaken => format!("{}!", table.0),
        Why::Disarmed => table.0.to_string(),
        Why::New => format!("{}+", table.0),
        Why::Reshaped(filled) => format!("{}:{}", table.0, filled.iter().map(|field| field.0.to_string()).collect::<Vec<_>>().join(",")),
    };
    due.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn due_word(word: &str) -> Option<(TableNo, Why)> {
    let (table, why) = if let Some(table) = word.strip_suffix('?') {
        (table, Why::Moved)
    } else if let Some(table) = word.strip_suffix('!') {
        (table, Why::Overtaken)
    } else if let Some(table) = word.strip_suffix('+') {
        (table, Why::New)
    } else if let Some((table, fields)) = word.split_once(':') {
        (table, Why::Reshaped(fields.split(',').filter_map(|field| field.parse().ok().map(FieldNo)).collect()))
    } else {
        (word, Why::Disarmed)
    };
    Some((TableNo(table.parse().ok()?), why))
}

/// One run at one site. The caller holds the home's lock.
#[derive(Debug)]
pub struct Session {
    /// Time, dice and death.
    pub world: World,
    /// The folder.
    pub home: Home,
    /// `fieldpost.toml`.
    pub settings: Settings,
    /// `state.db`.
    pub ledger: Ledger,
    database: Option<Database>,
    /// The tracked tables, by number.
    pub shapes: Vec<Shape>,
    /// Tables that were tracked, or that neighbours speak of, and that are not in the database, by number.
    pub former: Vec<Shape>,
    /// While a schema change is taken over: per table the fields whose content no edit brought.
    pub(super) filled: BTreeMap<TableNo, BTreeSet<FieldNo>>,
    /// While a schema change is taken over: tables that were not there before.
    pub(super) new_tables: BTreeSet<TableNo>,
    /// While a schema change is taken over: tables that may have been made anew, so that what was deleted was deleted of the former one.
    pub(super) made_anew: BTreeSet<TableNo>,
    /// What decides conflicts: as the main office wrote it, with what this site keeps home beside that ([`schema::home`]).
    pub rules: Rules,
    /// As the main office wrote them.
    pub(super) written_rules: Rules,
    /// Why the rules are not those of the file, where they are those of the last run ([`Session::look_past_rules`]).
    pub rules_fault: Option<RulesError>,
    /// What the rules say of each table, as far as somebody asked.
    pub(super) policies: Policies,
    /// Signs what we send.
    pub signing: SigningKey,
    /// Opens what we receive.
    pub sealing: SealingKey,
    /// How much at a stretch.
    pub limits: Limits,
    /// Tables whose capture was repaired while opening, with how many changes had been missed.
    pub repaired: Vec<(String, u64)>,
    /// Changes that capture had missed in tables that looked well.
    pub missed: u64,
    /// What may be done with the documents folder.
    pub freedom: Freedom,
    /// The moment of the database at which everything noted was sealed, and nothing of it is read again.
    pub(super) sealed_at: Cell<Option<Moment>>,
    /// In a slice, once somebody asked: which records children made under numbers that are others here.
    pub(super) made_as: RefCell<Option<MadeByChildren>>,
    /// Values by which others refer, of the records of which the parent spoke in what is being taken of it: where ours stand, nothing else has them.
    pub(super) spoken: RefCell<BTreeMap<(TableNo, Key), Row>>,
    /// Which numbers AUTOINCREMENT tables hand out here, once somebody asked.
    pub(super) zone: OnceCell<Zone>,
    /// The moment at which, besides, nothing was left to trim or to find by counting.
    pub(super) counted_at: Cell<Option<Moment>>,
}

impl Session {
    /// Opens a home and brings it back to one state.
    ///
    /// # Errors
    /// [`SyncError::OtherPair`], [`SyncError::DatabaseRestored`], [`SyncError::StateRestored`]: a person must decide.
    /// Everything else as the parts say.
    pub fn open(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::open_ledger(world, home, limits)?;
        session.in_force()?;
        session.clear_scratch()?;
        if session.has_begun() {
            session.open_database()?;
        }
        Ok(session)
    }

    /// Opens home and database as they are, for [`super::recover`]: nothing is mended but what belongs together is.
    pub(super) fn open_unchecked(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::open_ledger(world, home, limits)?;
        session.in_force()?;
        session.clear_scratch()?;
        if !session.has_begun() {
            session.database()?;
        }
        let database = session.open_file()?;
        if database.pair()? != Some(session.ledger.pair()?) {
            return Err(SyncError::OtherPair);
        }
        session.database = Some(database);
        session.catch_up()?;
        session.reload_shapes()?;
        Ok(session)
    }

    fn open_ledger(world: World, home: Home, limits: Limits) -> Result<Self> {
        let settings = home.settings()?;
        home.whole()?;
        let ledger = Ledger::open(&world, &home.state(), &settings.name)?;
        // One that was made in place of a lost one: whoever has a home has a list of sites, or is invited.
        if ledger.note("roster")?.is_none() && ledger.parent()?.is_none() {
            return Err(home.has_lost(Lost::State)?.into());
        }
        let known = ledger.site_name(SiteNo(0))?;
        if known != settings.name {
            return Err(SyncError::OtherName { settings: settings.name, known });
        }
        let before = || ledger.note(RULES_NOTE).map(Option::unwrap_or_default);
        let text = match settings.role {
            Role::Host => home.rules_text()?,
            Role::Office | Role::Remote => before()?,
        };
        // An editor that saves by another name, or a home that was put back without it: nobody has lifted a rule by that.
        let had = |noted: &str| !noted.is_empty() && noted != Rules::default().to_string();
        let is_gone = text.trim().is_empty() && settings.role == Role::Host && had(&before()?);
        let read = if is_gone { Err(RulesError { line: 0, fault: Fault::Gone }) } else { Rules::parse(&text) };
        let (rules, rules_fault) = match read {
            Ok(rules) => (rules, None),
            Err(fault) => (Rules::parse(&before()?).unwrap_or_default(), Some(fault)),
        };
        let signing = SigningKey::load(&home.signing_key())?;
        let sealing = SealingKey::load(&home.sealing_key())?;
        let (former, shapes) = ledger.shapes_ever()?.into_iter().partition(|shape| shape.past.gone);
        Ok(Self {
            rules: schema::home::rules_over(&ledger, &rules)?,
            written_rules: rules,
            rules_fault,
            policies: Policies::default(),
            shapes,
            former,
            filled: BTreeMap::new(),
            new_tables: BTreeSet::new(),
            made_anew: BTreeSet::new(),
            database: None,
            repaired: Vec::new(),
            missed: 0,
            freedom: Freedom::default(),
            sealed_at: Cell::default(),
            made_as: RefCell::default(),
            spoken: RefCell::default(),
            zone: OnceCell::new(),
            counted_at: Cell::default(),
            world,
            home,
            settings,
            ledger,
            signing,
            sealing,
            limits,
        })
    }

    /// Refuses rules that do not read; the main office's are noted, for whoever looks while their file does not.
    fn in_force(&self) -> Result<()> {
        self.refuse_fault()?;
        let noted = self.ledger.note(RULES_NOTE)?.unwrap_or_else(|| Rules::default().to_string());
        let text = self.written_rules.to_string();
        if self.settings.role == Role::Host && noted != text {
            self.set_note(RULES_NOTE, &text)?;
        }
        Ok(())
    }

    fn refuse_fault(&self) -> Result<()> {
        self.rules_fault.clone().map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Opens a home to read what is there, without its lock: nothing is mended, so it may be used while another run
    /// works in it. What that run has not committed is not seen. The ledger is read at one moment until the end.
    ///
    /// # Errors
    /// As the parts say. A database that is not there is not opened.
    pub fn look(world: World, home: Home, limits: Limits) -> Result<Self> {
        let session = Self::look_past_rules(world, home, limits)?;
        session.refuse_fault()?;
        Ok(session)
    }

    /// As [`Session::look`], also where the rules do not read: then everything is seen as under those of the last run, and
    /// [`Session::rules_fault`] says why.
    ///
    /// # Errors
    /// As the parts say.
    pub fn look_past_rules(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::open_to_read(world, home, limits)?;
        if session.has_begun() && session.database_path().is_file() {
            session.database = Some(Database::open_to_read(&session.database_path(), session.limits.lock_wait)?);
        }
        Ok(session)
    }

    /// As [`Session::look`], without touching the database.
    ///
    /// # Errors
    /// As the parts say.
    pub fn look_at_ledger(world: World, home: Home, limits: Limits) -> Result<Self> {
        let session = Self::open_to_read(world, home, limits)?;
        session.refuse_fault()?;
        Ok(session)
    }

    fn open_to_read(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::open_ledger(world, home, limits)?;
        session.ledger.begin_read()?;
        session.reload_shapes()?;
        Ok(session)
    }

    /// Opens the file of the database, and before that sees to what SQLite would play into an older one that was put in its place.
    fn open_file(&mut self) -> Result<Database> {
        if let Some(file) = self.older_file()? {
            self.meet_older(&file)?;
        }
        Ok(Database::open(&self.database_path(), self.limits.lock_wait)?)
    }

    /// What the file says, where there is something beside it that SQLite plays into it, and it says less than it did.
    fn older_file(&self) -> Result<Option<InFile>> {
        let path = self.database_path();
        let Some(known) = self.known_in_file()?.filter(|_| has_log(&path) || has_journal(&path)) else { return Ok(None) };
        Ok(InFile::read(&path, &self.ledger.pair()?).filter(|file| file.is_before(known)))
    }

    /// Makes a mixture what its file alone says. What only the log has is kept.
    fn meet_older(&mut self, file: &InFile) -> Result<()> {
        let path = self.database_path();
        let has_journal = has_journal(&path);
        let database = Database::open_to_read(&path, self.limits.lock_wait)?;
        if database.pair()? != Some(self.ledger.pair()?) {
            return Ok(());
        }
        self.database = Some(database);
        // What brought an older file forward lies in its log until the file is written, and the commit with which it did says that to the ledger.
        self.catch_up()?;
        let is_mixture = self.is_mixture()?;
        let Some(database) = self.database.take().filter(|_| is_mixture) else { return Ok(()) };
        if has_journal {
            return Ok(database.say_age(&self.world, file)?);
        }
        let alone = Database::alone(&path)?;
        database.go_by(&self.world, &alone, || recover::note_left(self, &alone))
    }

    /// Whether the database is put together of an older file and what a former one left beside it. What is in a journal only whoever may write reads.
    ///
    /// # Errors
    /// As the ledger says.
    pub fn is_mixture(&self) -> Result<bool> {
        let (path, pair) = (self.database_path(), self.ledger.pair()?);
        let (Some(known), Some(file)) = (self.known_in_file()?, self.older_file()?) else { return Ok(false) };
        let says_more = |both: InFile| both.age().0 >= known.0.max(file.age().0 + 1) || both.age().1 >= known.1.max(file.age().1 + 1);
        let ledger = self.ledger.commits()?;
        let (both, alone) = (InFile::of(self.database()?, &pair).filter(|both| both.commits <= ledger), Database::alone(&path)?);
        // In a log that was begun since nothing is of the former database.
        let is_former = both.is_some_and(|both| says_more(both) || self.shapes.iter().any(|shape| self.is_of_former(&alone, shape)));
        Ok(has_journal(&path) || is_former && !log_has_all(&path))
    }

    /// Whether the database has what was sealed last of a table, and its file has it not. Pages of two databases need not make one that reads.
    fn is_of_former(&self, alone: &Database, shape: &Shape) -> bool {
        let has = |database| seal::has_last_sealed(self, database, shape).ok().flatten();
        self.database().is_ok_and(|both| has(both) == Some(true) && has(alone) == Some(false))
    }

    /// What the file of the database said by itself at the end of a round: commits and journal.
    fn known_in_file(&self) -> Result<Option<(u64, i64)>> {
        Ok(self.ledger.note(IN_FILE)?.and_then(|known| serde_json::from_str(&known).ok()))
    }

    /// Notes at the end of a round what the file of the database says by itself.
    pub(super) fn note_in_file(&self) -> Result<()> {
        let (database, pair, known) = (self.database()?, self.ledger.pair()?, self.known_in_file()?);
        if InFile::of(database, &pair).is_none_or(|is| Some(is.age()) == known) {
            return Ok(());
        }
        database.settle()?;
        let file = InFile::read(&self.database_path(), &pair).map(|file| file.age()).filter(|file| Some(*file) != known);
        file.map_or(Ok(()), |(commits, journal)| self.set_note(IN_FILE, &format!("[{commits},{journal}]")))
    }

    /// Opens the database that belongs to the ledger, catches up, follows the schema and repairs capture.
    pub(super) fn open_database(&mut self) -> Result<()> {
        let database = self.open_file()?;
        if database.pair()? != Some(self.ledger.pair()?) {
            return Err(SyncError::OtherPair);
        }
        self.database = Some(database);
        self.catch_up()?;
        self.reload_shapes()?;
        self.check_age()?;
        recover::forget_left(self)?;
        self.follow().map(drop)
    }

    /// Makes tracking what schema and rules want, and seals what was missed. Gives the schema's version that this is true for.
    pub(super) fn follow(&mut self) -> Result<i64> {
        let (version, due) = self.follow_schema()?;
        numbering::relink(self)?;
        for table in due.keys() {
            self.restart_log(self.shape(*table))?;
        }
        let filled = |(table, why): (&TableNo, &Why)| match why {
            Why::Reshaped(filled) => Some((*table, filled.clone())),
            Why::New => Some((*table, BTreeSet::new())),
            Why::Moved | Why::Overtaken | Why::Disarmed => None,
        };
        self.filled = due.iter().filter_map(filled).collect();
        self.new_tables = due.iter().filter(|(_, why)| **why == Why::New).map(|(table, _)| *table).collect();
        self.made_anew = due.iter().filter(|(_, why)| **why >= Why::Disarmed).map(|(table, _)| *table).collect();
        if !due.is_empty() {
            // What was noted has its time; comparing finds the rest.
            seal::seal_all(self)?;
        }
        for (table, why) in &due {
            let shape = self.shape(*table);
            let missed = seal::compare(self, shape)?;
            match why {
                Why::Moved | Why::Overtaken => self.missed += missed,
                Why::Disarmed => {
                    let name = shape.name.clone();
                    self.repaired.push((name, missed));
                }
                // What the migration filled in is no edit that capture missed.
                Why::Reshaped(_) | Why::New => {}
            }
        }
        if !due.is_empty() {
            self.set_note(DUE, "")?;
        }
        self.filled.clear();
        self.new_tables.clear();
        self.made_anew.clear();
        upgrade::settle(self, version)?;
        schema::notice(self, version)?;
        parked::retry(self)?;
        Ok(version)
    }

    /// Makes shapes and capture what the schema wants. Gives its version, and the tables to compare.
    fn follow_schema(&mut self) -> Result<(i64, Due)> {
        for _ in 0..MOST_SURVEYS {
            let taken = upgrade::take_over(self, Self::note_due)?;
            let surveyed = match &taken {
                Some(taken) => taken.surveyed,
                None => self.database()?.schema_version()?,
            };
            let due = self.due_for_comparison()?;
            let reshaped = taken.is_some_and(|taken| taken.reshaped);
            if !reshaped && !due.values().any(|why| *why > Why::Moved) {
                return Ok((surveyed, due));
            }
            let (pair, moved) = (self.ledger.pair()?, upgrade::moved(self)?);
            if let Some(version) = self.database()?.rearm(&self.world, &self.shapes, &pair, surveyed, &moved)? {
                return Ok((version, due));
            }
        }
        Err(SyncError::SchemaMoves)
    }

    /// Writes down what a schema change makes due, in the commit that takes it over.
    fn note_due(&self, taken: &upgrade::TakenOver) -> Result<()> {
        let mut due = self.noted_due()?;
        if taken.again {
            for shape in &self.shapes {
                due.entry(shape.number).or_insert(Why::Moved);
            }
        }
        for (table, filled) in &taken.tables {
            let mut all = filled.clone();
            if let Some(Why::Reshaped(earlier)) = due.get(table) {
                all.extend(earlier);
            }
            let is_new = taken.new.contains(table) || due.get(table) == Some(&Why::New);
            due.insert(*table, if is_new { Why::New } else { Why::Reshaped(all) });
        }
        Ok(self.ledger.set_note(DUE, &due_words(&due))?)
    }

    /// Makes every table due, in the open transaction of the ledger.
    pub(super) fn note_all_due(&self) -> Result<()> {
        let due = self.shapes.iter().map(|shape| (shape.number, Why::Moved)).collect();
        Ok(self.ledger.set_note(DUE, &due_words(&due))?)
    }

    /// What is due by the note.
    fn noted_due(&self) -> Result<Due> {
        Ok(self.ledger.note(DUE)?.unwrap_or_default().split_whitespace().filter_map(due_word).collect())
    }

    /// Tables whose capture was lost or whose shape moved, also those that a run which died did not get to compare. Written down
    /// before capture is put back: from then on nothing else tells that something was missed.
    fn due_for_comparison(&self) -> Result<Due> {
        let mut due = self.noted_due()?;
        due.retain(|table, _| self.shapes.iter().any(|shape| shape.number == *table));
        let before = due.clone();
        let overtaken = self.database()?.overtaken()?;
        let overtaken = self.shapes.iter().filter(|shape| overtaken.contains(&shape.name)).map(|shape| (shape.number, Why::Overtaken));
        let disarmed = self.database()?.disarmed(&self.shapes)?.into_iter().map(|table| (table, Why::Disarmed));
        for (table, more) in overtaken.chain(disarmed) {
            let why = due.entry(table).or_insert(Why::Moved);
            *why = why.clone().max(more);
        }
        if due != before {
            self.set_note(DUE, &due_words(&due))?;
        }
        Ok(due)
    }

    pub(super) fn set_note(&self, name: &str, text: &str) -> Result<()> {
        self.ledger.begin()?;
        self.ledger.set_note(name, text)?;
        Ok(self.ledger.commit(&self.world, "commit note")?)
    }

    /// Executes what the database committed and the ledger did not.
    fn catch_up(&self) -> Result<()> {
        let known = self.ledger.commits()?;
        for (commit, bytes) in self.database()?.commits_after(known)? {
            if commit != self.ledger.commits()? + 1 {
                return Err(SyncError::StateRestored);
            }
            self.ledger.replay(&self.world, commit, &bytes)?;
        }
        Ok(())
    }

    /// Before anything follows the schema: that of a restored database would be followed backwards. And whenever another program wrote while a run
    /// is under way: it may have put a copy in the place of the database.
    pub(super) fn check_age(&self) -> Result<()> {
        self.check_commits()?;
        let (known, is) = (self.known_in_file()?, InFile::of(self.database()?, &self.ledger.pair()?));
        if known.is_some_and(|known| is.is_some_and(|is| is.is_before(known))) {
            return Err(SyncError::DatabaseRestored);
        }
        let due = self.noted_due()?;
        let mut known = self.shapes.iter().filter(|shape| !due.contains_key(&shape.number));
        match known.try_for_each(|shape| seal::check_log(self, shape)) {
            // Logs have gone along with tables that tracking knows by other names yet; ours was the last commit.
            Err(_) if schema::change(self)? != schema::Change::default() => Ok(()),
            checked => checked,
        }
    }

    /// Whether database and ledger had the same commit last.
    pub(super) fn check_commits(&self) -> Result<()> {
        let there = self.database()?.counters()?.map_or(0, |counters| counters.commits);
        match there.cmp(&self.ledger.commits()?) {
            Ordering::Greater => Err(SyncError::StateRestored),
            Ordering::Less => Err(SyncError::DatabaseRestored),
            Ordering::Equal => Ok(()),
        }
    }

    /// Reads the shapes again after the ledger got other ones.
    pub(super) fn reload_shapes(&mut self) -> Result<()> {
        let (former, shapes) = self.ledger.shapes_ever()?.into_iter().partition(|shape| shape.past.gone);
        (self.former, self.shapes) = (former, shapes);
        self.policies.forget();
        // What was noted in a table that is new here was not read; and a database that was opened anew counts its moments anew.
        (self.sealed_at, self.counted_at) = (Cell::default(), Cell::default());
        Ok(())
    }

    /// A table's place among parents and children.
    pub(super) fn rank(&self, table: TableNo) -> u32 {
        self.ledger.rank(table).unwrap_or_default()
    }

    /// A log table that was made anew must not give numbers again that were sealed.
    fn restart_log(&self, shape: &Shape) -> Result<()> {
        let database = self.database()?;
        database.begin_write()?;
        database.raise_log(shape, self.ledger.sealed(shape.number)?)?;
        database.commit(&self.world)?;
        seal::note_mark_anew(self, shape)
    }

    fn clear_scratch(&self) -> Result<()> {
        for entry in fs::read_dir(self.home.scratch())? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    }

    /// Takes on the rules that a packet of the parent brings. Before anything else of it: its changes were told under these rules, and
    /// what only they name as a reference would come in as a mere number.
    pub(super) fn take_rules(&mut self, from: &Neighbour, opened: &Opened) -> Result<()> {
        let brought = if from.kind == NeighbourKind::Parent { opened.bytes(RULES_PART, self.limits.document_bytes)? } else { None };
        let Some(bytes) = brought else { return Ok(()) };
        let text = String::from_utf8(bytes).map_err(|_| SyncError::BadPart(RULES_PART))?;
        let rules = Rules::parse(&text).map_err(SyncError::RulesBrought)?;
        if self.ledger.note(RULES_NOTE)?.as_ref() != Some(&text) {
            self.set_note(RULES_NOTE, &text)?;
        }
        if rules != self.written_rules {
            self.written_rules = rules;
            self.keep_home()?;
            if self.has_database() {
                // What is local from now on must not be sealed any more, and what is no more local is compared.
                self.follow()?;
            }
        }
        Ok(())
    }

    /// Takes the rules anew after what is kept home beside them became otherwise.
    pub(super) fn keep_home(&mut self) -> Result<()> {
        self.rules = schema::home::rules_over(&self.ledger, &self.written_rules)?;
        self.policies.forget();
        Ok(())
    }

    /// The application's database.
    ///
    /// # Errors
    /// [`SyncError::NoDatabase`] at a site whose first load has not begun.
    pub fn database(&self) -> Result<&Database> {
        self.database
            .as_ref()
            .ok_or_else(|| SyncError::NoDatabase { parent: self.settings.parent.clone().unwrap_or_else(|| self.settings.host.clone()) })
    }

    /// Whether there ever was a database: the ledger has tables.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        !self.shapes.is_empty() || !self.former.is_empty()
    }

    /// Whether the database is there.
    #[must_use]
    pub const fn has_database(&self) -> bool {
        self.database.is_some()
    }

    /// Where the database is.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        self.settings.database_path(self.home.folder())
    }

    /// The rules as the main office wrote them.
    #[must_use]
    pub const fn written_rules(&self) -> &Rules {
        &self.written_rules
    }

    /// Our name.
    #[must_use]
    pub const fn name(&self) -> &SiteName {
        &self.settings.name
    }

    /// A table that is or was tracked.
    ///
    /// # Panics
    /// Where the number was not given by this ledger.
    #[must_use]
    pub fn shape(&self, table: TableNo) -> &Shape {
        let find = |shapes: &'_ [Shape]| shapes.binary_search_by_key(&table, |shape| shape.number).ok();
        match find(&self.shapes) {
            Some(place) => &self.shapes[place],
            None => &self.former[find(&self.former).expect("every number the ledger gave has a shape")],
        }
    }

    /// Closes ledger and database, and gives back what outlives them.
    #[must_use]
    pub fn close(self) -> (World, Home) {
        (self.world, self.home)
    }
}
