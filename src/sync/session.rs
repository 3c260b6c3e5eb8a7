//! One run's open files: home, ledger and database, brought back to one state.
//!
//! Opening is where crashes are mended. In this order: commit records that the ledger has not executed are replayed;
//! then database and ledger must agree on how far they are (a restored backup of either is noticed here and stops the
//! run); then capture is compared with what it should be, and a table that lost its triggers is compared whole.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use fs_err as fs;

use super::{Result, SyncError, news, numbering, seal};
use crate::database::Database;
use crate::keys::{SealingKey, SigningKey};
use crate::ledger::Ledger;
use crate::model::{Shape, SiteName, TableNo};
use crate::packet;
use crate::rules::Rules;
use crate::site::{Home, Role, Settings};
use crate::world::World;

/// Note of the tables whose capture was lost and that are not compared yet.
const DUE: &str = "due for comparison";

/// How much is done at a stretch. Named so that tests can make everything small.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most changes in one slice.
    pub slice_changes: u64,
    /// Longest time a slice holds the database's write lock, about.
    pub slice_millis: i64,
    /// Most bytes of changes in one packet, before compression.
    pub packet_bytes: u64,
    /// How long to wait for another program's lock on the database.
    pub lock_wait: Duration,
    /// After how long an unacknowledged packet that is gone from the exchange is put there again.
    pub redeposit_millis: i64,
    /// Most bytes of a part that is read whole: roster, rules, schema, outcomes.
    pub document_bytes: u64,
    /// What a packet may contain.
    pub packet: packet::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slice_changes: 5_000,
            slice_millis: 60,
            packet_bytes: 32 << 20,
            lock_wait: Duration::from_secs(10),
            redeposit_millis: 60 * 60 * 1000,
            document_bytes: 64 << 20,
            packet: packet::Limits::default(),
        }
    }
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
    /// What decides conflicts.
    pub rules: Rules,
    /// Signs what we send.
    pub signing: SigningKey,
    /// Opens what we receive.
    pub sealing: SealingKey,
    /// How much at a stretch.
    pub limits: Limits,
    /// Tables whose capture was repaired while opening, with how many changes had been missed.
    pub repaired: Vec<(String, u64)>,
}

impl Session {
    /// Opens a home and brings it back to one state.
    ///
    /// # Errors
    /// [`SyncError::OtherPair`], [`SyncError::DatabaseRestored`], [`SyncError::StateRestored`]: a person must decide.
    /// Everything else as the parts say.
    pub fn open(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::open_ledger(world, home, limits)?;
        session.clear_scratch()?;
        if !session.shapes.is_empty() {

            session.open_database()?;
        }
        Ok(session)
    }

    fn open_ledger(world: World, home: Home, limits: Limits) -> Result<Self> {
        let settings = home.settings()?;
        let ledger = Ledger::open(&world, &home.state(), &settings.name)?;
        let rules = match settings.role {
            Role::Host => home.rules_text()?,
            Role::Office | Role::Remote => ledger.note("rules")?.unwrap_or_default(),
        };
        let signing = SigningKey::load(&home.signing_key())?;
        let sealing = SealingKey::load(&home.sealing_key())?;
        Ok(Self {
            rules: Rules::parse(&rules)?,
            shapes: ledger.shapes()?,
            database: None,
            repaired: Vec::new(),
            world,
            home,
            settings,
            ledger,
            signing,
            sealing,
            limits,
        })
    }

    /// Opens a home to read what is there, without its lock: nothing is mended, so it may be used while another run
    /// works in it. What that run has not committed is not seen. The ledger is read at one moment until the end.
    ///
    /// # Errors
    /// As the parts say. A database that is not there is not opened.
    pub fn look(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::look_at_ledger(world, home, limits)?;
        if !session.shapes.is_empty() && session.database_path().is_file() {
            session.database = Some(Database::open(&session.database_path(), session.limits.lock_wait)?);
        }
        Ok(session)
    }

    /// As [`Session::look`], without touching the database.
    ///
    /// # Errors
    /// As the parts say.
    pub fn look_at_ledger(world: World, home: Home, limits: Limits) -> Result<Self> {
        let mut session = Self::open_ledger(world, home, limits)?;
        session.ledger.begin_read()?;
        session.shapes = session.ledger.shapes()?;
        Ok(session)
    }

    /// Opens the database that belongs to the ledger, catches up and repairs capture.
    pub(super) fn open_database(&mut self) -> Result<()> {
        let database = Database::open(&self.database_path(), self.limits.lock_wait)?;
        if database.pair()? != Some(self.ledger.pair()?) {
            return Err(SyncError::OtherPair);
        }
        self.catch_up(&database)?;
        numbering::relink(self)?;
        let due = self.due_for_comparison(&database)?;
        self.check_age(&database, &due)?;
        if !due.is_empty() {
            database.arm(&self.world, &self.shapes, &self.ledger.pair()?)?;
        }
        self.database = Some(database);
        for table in &due {
            let shape = self.shape(*table).clone();
            self.restart_log(&shape)?;
            // What is noted keeps its time; the comparison would give it that of now.
            seal::seal(self)?;
            let missed = seal::compare(self, &shape)?;
            self.repaired.push((shape.name, missed));
        }
        if !due.is_empty() {
            self.set_note(DUE, "")?;
        }
        news::look(self)
    }

    /// Tables whose capture was lost, also those that a run which died did not get to compare. Written down before capture
    /// is put back: from then on nothing else tells that something was missed.
    fn due_for_comparison(&self, database: &Database) -> Result<BTreeSet<TableNo>> {
        let noted = self.ledger.note(DUE)?.unwrap_or_default();
        let mut due: BTreeSet<TableNo> = noted.split_whitespace().filter_map(|number| number.parse().ok().map(TableNo)).collect();
        let before = due.len();
        due.extend(database.disarmed(&self.shapes)?);
        if due.len() > before {
            let numbers: Vec<String> = due.iter().map(|table| table.0.to_string()).collect();
            self.set_note(DUE, &numbers.join(" "))?;
        }
        Ok(due)
    }

    pub(super) fn set_note(&self, name: &str, text: &str) -> Result<()> {
        self.ledger.begin()?;
        self.ledger.set_note(name, text)?;
        Ok(self.ledger.commit(&self.world, "commit note")?)
    }

    /// Executes what the database committed and the ledger did not.
    fn catch_up(&self, database: &Database) -> Result<()> {
        let known = self.ledger.commits()?;
        for (commit, bytes) in database.commits_after(known)? {
            if commit != self.ledger.commits()? + 1 {
                return Err(SyncError::StateRestored);
            }
            self.ledger.replay(&self.world, commit, &bytes)?;
        }
        Ok(())
    }

    fn check_age(&self, database: &Database, due: &BTreeSet<TableNo>) -> Result<()> {
        let there = database.counters()?.map_or(0, |counters| counters.commits);
        let here = self.ledger.commits()?;
        if there > here {
            return Err(SyncError::StateRestored);
        }
        if there < here {
            return Err(SyncError::DatabaseRestored);
        }
        for shape in self.shapes.iter().filter(|shape| !due.contains(&shape.number)) {
            if database.last_note(shape)? < self.ledger.sealed(shape.number)? {
                return Err(SyncError::DatabaseRestored);
            }
        }
        Ok(())
    }

    /// A log table that was made anew must not give numbers again that were sealed.
    fn restart_log(&self, shape: &Shape) -> Result<()> {
        let database = self.database()?;
        database.begin_write()?;
        database.raise_log(shape, self.ledger.sealed(shape.number)?)?;
        Ok(database.commit(&self.world)?)
    }

    fn clear_scratch(&self) -> Result<()> {
        for entry in fs::read_dir(self.home.scratch())? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
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

    /// Our name.
    #[must_use]
    pub const fn name(&self) -> &SiteName {
        &self.settings.name
    }

    /// A tracked table.
    ///
    /// # Panics
    /// Where the number was not given by this ledger.
    #[must_use]
    pub fn shape(&self, table: TableNo) -> &Shape {
        &self.shapes[table.0 as usize]
    }

    /// Closes ledger and database, and gives back what outlives them.
    #[must_use]
    pub fn close(self) -> (World, Home) {
        (self.world, self.home)
    }
}
