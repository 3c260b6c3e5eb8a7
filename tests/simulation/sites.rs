//! The sites of one history: homes in a temporary folder, one exchange, sessions that can die.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use fieldpost::database::DatabaseError;
use fieldpost::exchange::{Content, Exchange, FileName, Folder, Memory, Trouble, Unruly, mark, reach};
use fieldpost::model::SiteName;
use fieldpost::site::{Exchanges, Home, Role};
use fieldpost::sync::documents::{Freedom, switch};
use fieldpost::sync::report::Report;
use fieldpost::sync::streams::places::{self, Standing};
use fieldpost::sync::{Limits, Session, SyncError, join, round, start};
use fieldpost::world::{Faults, SkewedClock, World};
use rusqlite::Connection;

use super::application::{Application, Database, SCHEMA};
use super::bundles::rows::LIST;
use super::bundles::{GROUP, is_member};
use super::changing;
use super::documents::Keeping;
use super::documents::folder::{Deeds, Hand};
use super::exchanges::{FIRST, SECOND, Way};
use super::history::{Halves, Setting};
use super::invented;

/// The day every history begins.
const BEGIN: i64 = 1_700_000_000_000;
/// An unacknowledged packet is put on the exchange again after this long.
pub const REDEPOSIT_MILLIS: i64 = 5_000;
/// Rows that are looked at for forgetting in one round, in histories of small slices.
const FEWEST_FORGOTTEN: u64 = 5;
const ROUNDS_TO_JOIN: usize = 20;

/// A tree whose sites have all joined and are the same, kept to be copied.
struct Template {
    folder: tempfile::TempDir,
    /// What lies on each exchange.
    exchanges: Vec<BTreeMap<String, Arc<[u8]>>>,
}

/// All sites of a history.
pub struct Sites {
    pub folder: tempfile::TempDir,
    pub exchange: Memory,
    /// Another one, where there are two.
    second: Option<Memory>,
    pub time: Arc<AtomicI64>,
    pub setting: Setting,
    limits: Limits,
    sessions: Vec<Option<Session>>,
    pub applications: Vec<Option<Application>>,
    worlds: AtomicU64,
    /// Sites where a person was asked whether so many deletions are meant, and says so in the next round.
    freedoms: Vec<Freedom>,
}

/// Why a site did not do what it was told.
#[derive(Debug)]
pub enum Stopped {
    Died(&'static str),
    /// The schema moved in the middle of it; the next run looks at it anew.
    Moved,
    Failed(String),
}

/// Memory where there is some that looks like a folder: thousands of flushes are the point of a simulation, not disks.
pub fn temporary_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a temporary folder can be made")
}

impl Sites {
    /// Empty folders; nobody has begun.
    pub fn new(setting: &Setting) -> Self {
        let limits = Limits {
            slice_changes: setting.slice_changes,
            packet_bytes: setting.packet_bytes,
            redeposit_millis: REDEPOSIT_MILLIS,
            // Whatever is forgotten too early is missed the soonest like this.
            history_millis: (!setting.remembers).then_some(0),
            // A document is taken as soon as it is there: nobody writes while a round looks.
            document_settle_millis: 0,
            document_packet_bytes: setting.library.map_or(32 << 20, |keeping| keeping.packet_bytes),
            forget_rows: setting.slice_changes.clamp(FEWEST_FORGOTTEN, 2_000),
            lock_wait: std::time::Duration::ZERO,
            ..Limits::default()
        };
        let count = setting.tree.sites.len();
        let time = Arc::new(AtomicI64::new(BEGIN));
        let exchange = Memory::default();
        // The same dice every time: a template's sites know the exchange by its marker.
        let world = World::simulated(Box::new(SkewedClock { base: Arc::clone(&time), skew: 0 }), 1, Faults::none());
        mark(&world, &mut exchange.clone()).expect("memory takes a marker");
        let second = setting.two_ways.then(Memory::default);
        if let Some(second) = &second {
            mark(&world, &mut second.clone()).expect("memory takes a marker");
        }
        Self {
            folder: temporary_folder(),
            exchange,
            second,
            time,
            setting: setting.clone(),
            limits,
            sessions: (0..count).map(|_| None).collect(),
            applications: (0..count).map(|_| None).collect(),
            worlds: AtomicU64::new(0),
            freedoms: vec![Freedom::Usual; count],
        }
    }

    /// All sites joined and the same.
    pub fn joined(setting: &Setting) -> Self {
        let template = template(setting);
        let template = template.get().expect("it was just made");
        let sites = Self::new(setting);
        copy(template.folder.path(), sites.folder.path());
        let world = World::simulated(Box::new(SkewedClock { base: Arc::clone(&sites.time), skew: 0 }), setting.seed, Faults::none());
        for (way, files) in sites.ways().iter_mut().zip(&template.exchanges) {
            for (path, bytes) in files {
                // The marker is there already: it has no folder.
                let Some((folder, name)) = path.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) else { continue };
                let (folder, name) = (Folder::new(folder).expect("a listed folder"), FileName::new(name).expect("a listed name"));
                way.put(&world, &folder, &name, Content::Bytes(bytes)).expect("memory takes it");
            }
        }
        // Later than anything that happened in the template.
        sites.time.fetch_add(86_400_000, Ordering::Relaxed);
        (0..setting.tree.sites.len()).for_each(|site| sites.keep_documents(site));
        sites
    }

    /// Settles how a site keeps documents.
    fn keep_documents(&self, site: usize) {
        let Some(keeping) = self.setting.library else { return };
        let home = Home::discover(Some(&self.home(site)), &self.home(site)).expect("the home is there");
        let mut settings = home.settings().expect("the settings can be read");
        (settings.library.budget, settings.library.before_rows) = (keeping.budget, keeping.before_rows);
        home.write_settings(&self.world(site, None), &settings).expect("the settings can be written");
    }

    /// From now on the exchanges behave like this.
    pub fn behave(&self, unruly: &Unruly) {
        self.ways().iter().for_each(|way| way.1.behave(unruly.clone()));
    }

    /// The exchanges are there, and do what they say.
    pub fn calm(&self) {
        self.behave(&Unruly::calm());
        self.ways().iter().for_each(|way| way.1.set_trouble(Trouble::None));
    }

    /// People say that an exchange which was away when their site began is the right one: README, `exchange check --accept`.
    pub fn accept_exchanges(&mut self) -> Result<(), Stopped> {
        let mut ways = self.ways();
        for site in 0..self.sessions.len() {
            let session = self.session(site, None)?;
            for way in &mut ways {
                let reached = reach(&session.world, way).map_err(|error| Stopped::Failed(error.to_string()))?;
                let standing = places::standing(session, &way.place(), reached.id);
                if matches!(standing, Ok(Standing::Unknown)) {
                    places::accept(session, &way.place(), reached.id).map_err(|error| Stopped::Failed(error.to_string()))?;
                }
            }
        }
        Ok(())
    }

    /// One of two exchanges goes, or comes back.
    pub fn set_away(&self, place: usize, away: bool) {
        let memory = if place == 0 { Some(&self.exchange) } else { self.second.as_ref() };
        if let Some(memory) = memory {
            memory.set_trouble(if away { Trouble::Unreachable } else { Trouble::None });
        }
    }

    /// The ways to the exchanges.
    fn ways(&self) -> Vec<Way> {
        let second = self.second.iter().map(|memory| Way(SECOND, memory.clone()));
        std::iter::once(Way(FIRST, self.exchange.clone())).chain(second).collect()
    }

    /// The exchanges as a site's settings have them.
    fn addresses(&self) -> Exchanges {
        Exchanges::at(self.ways().iter().map(|way| way.0.to_owned()))
    }

    /// Everything that lies on the exchanges.
    pub fn lying(&self) -> Vec<(String, Arc<[u8]>)> {
        self.ways().iter().flat_map(|way| way.1.everything()).collect()
    }

    /// The folder of customizations of a site.
    pub fn customs(&self, site: usize) -> PathBuf {
        self.home(site).join("custom")
    }

    /// The folder of documents of a site.
    pub fn library(&self, site: usize) -> PathBuf {
        self.home(site).join("library")
    }

    /// When it is, by the clock of a site.
    pub fn now(&self, site: usize) -> i64 {
        self.time.load(Ordering::Relaxed) + self.setting.skews[site]
    }

    pub fn name(&self, site: usize) -> &'static str {
        self.setting.tree.sites[site].0
    }

    pub fn home(&self, site: usize) -> PathBuf {
        self.folder.path().join(self.name(site))
    }

    pub fn tick(&self, millis: i64) {
        self.time.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn world(&self, site: usize, kill: Option<u64>) -> World {
        let clock = SkewedClock { base: Arc::clone(&self.time), skew: self.setting.skews[site] };
        let number = self.worlds.fetch_add(1, Ordering::Relaxed);
        let world = World::simulated(Box::new(clock), self.setting.seed << 24 | number << 4 | site as u64, Faults::none());
        world.faults().kill_before(kill);
        world
    }

    /// The open session of a site; opened where it is not.
    pub fn session(&mut self, site: usize, kill: Option<u64>) -> Result<&mut Session, Stopped> {
        if self.sessions[site].is_none() {
            let home = Home::discover(Some(&self.home(site)), &self.home(site)).map_err(|error| Stopped::Failed(error.to_string()))?;
            let world = self.world(site, kill);
            let session = Session::open(world, home, self.limits.clone()).map_err(|error| stopped(&error, site, self.name(site)))?;
            session.world.faults().kill_before(None);
            session.ledger.relax_durability().map_err(|error| Stopped::Failed(error.to_string()))?;
            self.sessions[site] = Some(session);
        }
        Ok(self.sessions[site].as_mut().expect("it was just opened"))
    }

    /// Closes a site's session.
    pub fn close(&mut self, site: usize) {
        self.sessions[site] = None;
    }

    /// One round. `meanwhile` is called with the application and the number of the progress call.
    pub fn round(
        &mut self,
        site: usize,
        halves: Halves,
        kill: Option<u64>,
        kill_open: Option<u64>,
        meanwhile: &mut dyn FnMut(u64, Option<&mut Application>),
    ) -> Result<(Report, u64), Stopped> {
        let name = self.name(site);
        // As the program does: rules, and a schema that moved, are looked at when a home is opened.
        if kill_open.is_some() || self.setting.changing {
            self.close(site);
        }
        self.session(site, kill_open)?;
        let mut ways = self.ways();
        let mut ways: Vec<&mut dyn Exchange> = ways.iter_mut().map(|way| way as &mut dyn Exchange).collect();
        let halves = match halves {
            Halves::Both => round::Halves::Both,
            Halves::Receive => round::Halves::Receive,
            Halves::Send => round::Halves::Send,
        };
        let freedom = std::mem::take(&mut self.freedoms[site]);
        let session = self.sessions[site].as_mut().expect("it was just opened");
        session.freedom = freedom;
        session.world.faults().kill_before(kill);
        let mut calls = 0;
        let application = &mut self.applications[site];
        let done = round::run(session, &mut ways, halves, &mut |_| {
            meanwhile(calls, application.as_mut());
            calls += 1;
        });
        let taken = session.world.faults().taken();
        let died = session.world.faults().died_at();
        session.world.faults().kill_before(None);
        match (done, died) {
            (_, Some(step)) => {
                self.close(site);
                Err(Stopped::Died(step))
            }
            (Ok(report), None) => {
                if report.waiting.iter().any(|waiting| waiting.why.contains("--allow-deletions")) {
                    self.freedoms[site] = Freedom::AllowDeletions;
                }
                Ok((report, taken))
            }
            (Err(error), None) => {
                self.close(site);
                Err(stopped(&error, site, name))
            }
        }
    }

    /// Opens the site's home and does one round, dying before the `kill`-th durable step of both. Gives the steps taken.
    pub fn run(&mut self, site: usize, kill: Option<u64>) -> Result<u64, Stopped> {
        self.close(site);
        let failed = |error: &SyncError| stopped(error, site, "it");
        let home = Home::discover(Some(&self.home(site)), &self.home(site)).map_err(|error| Stopped::Failed(error.to_string()))?;
        let mut session = Session::open(self.world(site, kill), home, self.limits.clone()).map_err(|error| failed(&error))?;
        session.ledger.relax_durability().map_err(|error| Stopped::Failed(error.to_string()))?;
        let mut ways = self.ways();
        let mut ways: Vec<&mut dyn Exchange> = ways.iter_mut().map(|way| way as &mut dyn Exchange).collect();
        let done = round::run(&mut session, &mut ways, round::Halves::Both, &mut |_| {});
        match (done, session.world.faults().died_at()) {
            (_, Some(step)) => Err(Stopped::Died(step)),
            (Ok(_), None) => Ok(session.world.faults().taken()),
            (Err(error), None) => Err(failed(&error)),
        }
    }

    /// Ends what was done in an open session: alive or dead. Gives the steps taken.
    pub fn ended(&mut self, site: usize, done: Result<(), SyncError>) -> Result<u64, Stopped> {
        let name = self.name(site);
        let session = self.sessions[site].as_mut().expect("it is open");
        let (taken, died) = (session.world.faults().taken(), session.world.faults().died_at());
        session.world.faults().kill_before(None);
        match (done, died) {
            (_, Some(step)) => {
                self.close(site);
                Err(Stopped::Died(step))
            }
            (Ok(()), None) => Ok(taken),
            (Err(error), None) => {
                self.close(site);
                Err(stopped(&error, site, name))
            }
        }
    }

    /// Opens the application of a site whose database is there.
    pub fn start_application(&mut self, site: usize) -> Result<(), String> {
        let path = self.home(site).join("shop.db");
        if self.applications[site].is_none() && path.is_file() {
            let skew = self.setting.skews[site];
            let kind = match (&self.setting.invented, self.setting.changing) {
                (_, true) => Database::Changing,
                (Some(invented), false) => Database::Invented(Arc::clone(invented)),
                (None, false) => Database::Fixed,
            };
            self.applications[site] = Some(Application::open(site, &path, &self.time, skew, kind).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// The host begins.
    pub fn init(&self, kill: Option<u64>) -> Result<u64, Stopped> {
        let home = self.home(0);
        let path = home.join("shop.db");
        if !path.exists() {
            std::fs::create_dir_all(&home).expect("the folder can be made");
            let connection = Connection::open(&path).expect("a database can be made");
            let rules = match &self.setting.invented {
                None if self.setting.changing => {
                    changing::application::fill(&connection).expect("the schema is right");
                    format!("default = \"{}\"\n", self.setting.rule)
                }
                Some(invented) => {
                    invented::application::fill(&connection, invented).expect("the schema is right");
                    invented.rules(self.setting.rule)
                }
                None => {
                    connection.execute_batch(SCHEMA).expect("the schema is right");
                    if self.setting.bundles {
                        connection.execute_batch(LIST).expect("the schema is right");
                    }
                    let plain = || format!("default = \"{}\"\n", self.setting.rule);
                    self.setting.ruling.as_ref().map_or_else(plain, |ruling| ruling.text.clone())
                }
            };
            // Triggers read the real clock, sites a made one that is years behind: edits must be believed all the same.
            let drawn = match (&self.setting.invented, self.setting.rule) {
                _ if self.setting.changing => "",
                (None, "newest") => {
                    "[tables.customers]\ngroups = [[\"name\", \"city\"]]\n[tables.notes]\nfields = { body = [\"text\", \"oldest\"] }\n"
                }
                (None, "parent") => "[tables.items]\nunit = \"record\"\n[tables.lines]\nfields = { text = { union = \",\" } }\n",
                (None, "child") => "[tables.items]\ndeletes = \"delete-wins\"\n[tables.lines]\ndeletes = \"delete-wins\"\n",
                (None, "review") => "[tables.customers]\ndeletes = \"delete-wins\"\n[tables.notes]\ndeletes = \"review\"\n",
                (Some(_) | None, _) => "",
            };
            let rules = format!("{rules}\n[clocks]\nfuture = \"36500d\"\n{drawn}");
            std::fs::write(home.join("rules.toml"), rules).expect("the folder is ours");
        }
        let world = self.world(0, kill);
        let mut ways = self.ways();
        let mut ways: Vec<&mut dyn Exchange> = ways.iter_mut().map(|way| way as &mut dyn Exchange).collect();
        let done = start::init(&world, &home, &name(self.name(0)), "shop.db", self.addresses(), &mut ways, &self.limits, &mut |_, _| {});
        match done {
            Ok(_) => Ok(world.faults().taken()),
            Err(error) => Err(stopped(&error, 0, self.name(0))),
        }
    }

    /// Invites `child` at its parent.
    pub fn invite(&mut self, child: usize, kill: Option<u64>) -> Result<(String, u64), Stopped> {
        let tree = self.setting.tree;
        let parent = tree.sites[child].1.expect("a child has a parent");
        let office = tree.sites.iter().any(|(_, parent)| *parent == Some(child));
        let invited = name(self.name(child));
        let member = self.setting.bundles && is_member(child, tree.sites.len());
        let groups: Vec<String> = if member { vec![GROUP.to_owned()] } else { Vec::new() };
        self.close(parent);
        let parent_name = self.name(parent);
        let session = self.session(parent, None)?;
        session.world.faults().kill_before(kill);
        let role = if office { Role::Office } else { Role::Remote };
        let done = join::invite(session, &invited, role, &groups, join::INVITATION_MILLIS);
        let taken = session.world.faults().taken();
        self.close(parent);
        done.map(|text| (text, taken)).map_err(|error| stopped(&error, parent, parent_name))
    }

    /// Makes the home of `child`.
    pub fn join(&self, child: usize, text: &str, kill: Option<u64>) -> Result<u64, Stopped> {
        let world = self.world(child, kill);
        match join::join(&world, &self.home(child), text, self.addresses(), None) {
            Ok(_) => Ok(world.faults().taken()),
            Err(error) => Err(stopped(&error, child, self.name(child))),
        }
    }
}

fn stopped(error: &SyncError, site: usize, name: &str) -> Stopped {
    if error.is_crash() {
        return Stopped::Died("opening");
    }
    if matches!(error, SyncError::SchemaMoves | SyncError::Database(DatabaseError::ShapeMoved { .. })) {
        return Stopped::Moved;
    }
    Stopped::Failed(format!("{name} (site {site}) failed: {error} ({error:?})"))
}

fn name(text: &str) -> SiteName {
    SiteName::new(text).expect("the names of the trees are good")
}

/// Templates of drawn databases and rules that are kept: those of histories in a row.
const DRAWN_KEPT: usize = 8;

/// What a template was made of: an invented database, drawn rules, a tree, a rule, whether the last site is late, the schema changes, there are
/// documents, bundles, two exchanges.
type Name = (Option<(u64, bool)>, Option<u64>, &'static str, &'static str, [bool; 5]);

/// Whether only histories in a row need it.
const fn is_drawn(name: &Name) -> bool {
    name.0.is_some() || name.1.is_some()
}

/// The template of a database, a tree and a rule, made once while it is kept.
fn template(setting: &Setting) -> Arc<OnceLock<Template>> {
    type Made = VecDeque<(Name, Arc<OnceLock<Template>>)>;
    static MADE: OnceLock<Mutex<Made>> = OnceLock::new();
    let invented = setting.invented.as_ref().map(|invented| (invented.seed, invented.clashes));
    let ruling = setting.ruling.as_ref().map(|ruling| ruling.number);
    let more = [setting.late, setting.changing, setting.library.is_some(), setting.bundles, setting.two_ways];
    let name: Name = (invented, ruling, setting.tree.name, setting.rule, more);
    let place = {
        let mut made = MADE.get_or_init(Mutex::default).lock().expect("no holder panics");
        match made.iter().find(|made| made.0 == name) {
            Some((_, place)) => Arc::clone(place),
            None => {
                let place = Arc::default();
                made.push_back((name, Arc::clone(&place)));
                if made.iter().filter(|made| is_drawn(&made.0)).count() > DRAWN_KEPT {
                    let oldest = made.iter().position(|made| is_drawn(&made.0)).expect("there are several");
                    made.remove(oldest);
                }
                place
            }
        }
    };
    place.get_or_init(|| make_template(setting));
    place
}

fn make_template(setting: &Setting) -> Template {
    let (tree, late) = (setting.tree, setting.late);
    let setting = Setting {
        seed: 0,
        skews: vec![0; tree.sites.len()],
        slice_changes: 5_000,
        packet_bytes: 32 << 20,
        numbers: true,
        library: setting.library.map(|_| Keeping::PLAIN),
        ..setting.clone()
    };
    let mut sites = Sites::new(&setting);
    sites.init(None).expect("the host begins");
    if setting.library.is_some() {
        let session = sites.session(0, None).expect("the host opens");
        switch::on(session).expect("a library can begin");
        let folder = sites.library(0);
        Hand { site: 0, folder, deeds: &mut Deeds::default(), millis: BEGIN }.begin();
    }
    for child in 1..tree.sites.len() {
        sites.tick(1);
        let (text, _) = sites.invite(child, None).expect("it is invited");
        sites.join(child, &text, None).expect("it joins");
        if !late || child + 1 < tree.sites.len() {
            sites.settle_joining(child);
        }
    }
    for site in 0..tree.sites.len() {
        sites.close(site);
    }
    let exchanges = sites.ways().iter().map(|way| way.1.everything()).collect();
    Template { folder: sites.folder, exchanges }
}

impl Sites {
    fn settle_joining(&mut self, last: usize) {
        for _ in 0..ROUNDS_TO_JOIN {
            let mut busy = false;
            for site in 0..=last {
                self.tick(1_000);
                // Rules and the like are read when a session opens.
                self.close(site);
                let (report, _) = self.round(site, Halves::Both, None, None, &mut |_, _| {}).expect("a calm round");
                busy |= !report.applied.is_empty() || !report.built.is_empty() || !report.deposited.is_empty();
            }
            if !busy {
                return;
            }
        }
        panic!("joining never ends");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("the file can be copied");
            // A document is the same only with its time.
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).expect("a file has a time");
            let copied = std::fs::File::options().write(true).open(target).expect("the copy can be opened");
            copied.set_modified(modified).expect("a time can be set");
        }
    }
}
