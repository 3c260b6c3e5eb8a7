//! How does a site begin? The host takes its database in; a child's database is built from the parent's schema.
//!
//! **States of a host's home**: draft → armed (our tables and triggers are in the database) → taken in (the mirror is
//! whole) → home (settings published). Capture is on before the first record is read, so an edit made meanwhile is noted
//! and sealed later. **Crash points**: everything before the settings are published is a draft; the next `init` sees by
//! the draft's pair id that the database was armed for it, detaches, and begins again.
//!
//! **States of a child's database**: none → built and armed beside its place → renamed to its place → tables in the
//! ledger. Each step is repeated until the next one is reached.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::numbers::early::{forget_who_came, note_all_nobodys};
use super::numbers::meaning::meaning_key;
use super::numbers::numbering;
use super::schema::{self, SentSchema};
use super::tracking::news::note_first_load;
use super::{Limits, Result, Session, SyncError};
use crate::database::doctor::{Suggestion, Wish};
use crate::database::{Database, DatabaseError, Untracked, Warning};
use crate::exchange::{Exchange, Marked, mark};
use crate::keys::{SealingKey, SigningKey};
use crate::ledger::Ledger;
use crate::model::{Identity, Millis, Row, Shape, SiteName, TableNo};
use crate::rules::Rules;
use crate::site::{Exchanges, Home, HomeError, LibrarySettings, Role, Roster, Settings, Site, WatchSettings};
use crate::world::{World, files};

/// Records taken in per ledger transaction.
const CHUNK: usize = 5_000;

/// What `init` found.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Tracked tables with their records.
    pub tracked: Vec<(Shape, u64)>,
    /// What is not tracked, and why.
    pub untracked: Vec<Untracked>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
    /// Records per table that have no usable key.
    pub keyless: Vec<(String, u64)>,
    /// Fields, as `table.field`, that look like references to handed-out keys and that neither schema nor rules name.
    pub undeclared: Vec<String>,
    /// Exchanges that were such before.
    pub were_marked: Vec<String>,
}

/// Makes a host's home in `folder` for an existing database. `taken` is told how many records are taken in so far.
///
/// # Errors
/// As the parts say; then there is no home, and the database is as it was.
#[expect(clippy::too_many_arguments, reason = "every one is a choice of the person who runs `init`")]
pub fn init(
    world: &World,
    folder: &Path,
    name: &SiteName,
    database: &str,
    addresses: Exchanges,
    exchanges: &mut [&mut dyn Exchange],
    limits: &Limits,
    taken: &mut dyn FnMut(&str, u64),
) -> Result<Begun> {
    if folder.join(Home::SETTINGS).exists() {
        return Err(HomeError::Exists { folder: folder.to_owned() }.into());
    }
    let path = folder.join(database);
    let database_text = database.to_owned();
    let database = Database::open(&path, limits.lock_wait)?;
    detach_from_draft(world, folder, &database, name)?;
    let rules = written_rules(folder)?;
    let mut survey = database.survey(&rules)?;
    numbering::link(&mut survey.shapes, &rules);
    if survey.shapes.is_empty() {
        return Err(SyncError::NothingToTrack);
    }
    if let Some(pair) = database.pair()? {
        return Err(DatabaseError::PairedElsewhere(pair).into());
    }
    let undeclared = undeclared(&database.likely_references(&survey.shapes, &rules)?);
    let mut were_marked = Vec::new();
    for exchange in exchanges {
        match mark(world, &mut **exchange)? {
            Marked::New(_) => {}
            Marked::Already(_) => were_marked.push(exchange.place()),
        }
    }
    let draft = Home::prepare(world, folder)?;
    let home = draft.home().clone();
    let filled = fill(world, &home, name, &database, &survey.shapes, &rules, taken);
    let (mut tracked, keyless) = match filled {
        Ok(filled) => filled,
        Err(error) => {
            if !error.is_crash() {
                database.rollback()?;
                // Where it was never armed nothing of us is in it, and whoever holds it may hold it still.
                if database.pair()?.is_some() {
                    database.detach(world)?;
                }
                draft.abandon()?;
            }
            return Err(error);
        }
    };
    let settings = Settings {
        name: name.clone(),
        role: Role::Host,
        host: name.clone(),
        parent: None,
        database: database_text,
        exchanges: addresses,
        watch: WatchSettings::default(),
        heartbeat: Settings::HEARTBEAT,
        alarm_after: Settings::ALARM_AFTER,
        bundles_folder: Settings::BUNDLES_FOLDER.to_owned(),
        history_millis: Settings::HISTORY_MILLIS,
        library: LibrarySettings::default(),
    };
    draft.finish(world, &settings)?;
    tracked.sort_by_key(|(shape, _)| shape.number);
    Ok(Begun { tracked, untracked: survey.untracked, warnings: survey.warnings, keyless, undeclared, were_marked })
}

fn undeclared(suggestions: &[Suggestion]) -> Vec<String> {
    let field = |suggestion: &Suggestion| match &suggestion.what {
        Wish::Reference { table, column, .. } => Some(format!("{table}.{column}")),
        Wish::Identity { .. } | Wish::Key { .. } => None,
    };
    suggestions.iter().filter_map(field).collect()
}

/// What a person wrote into `rules.toml` before there was a home.
///
/// # Errors
/// As the file and its text say.
pub fn written_rules(folder: &Path) -> Result<Rules> {
    let path = folder.join(Home::RULES);
    let text = if path.is_file() { fs::read_to_string(path)? } else { String::new() };
    Ok(Rules::parse(&text)?)
}

type Filled = (Vec<(Shape, u64)>, Vec<(String, u64)>);

fn fill(
    world: &World,
    home: &Home,
    name: &SiteName,
    database: &Database,
    shapes: &[Shape],
    rules: &Rules,
    taken: &mut dyn FnMut(&str, u64),
) -> Result<Filled> {
    let (signing, sealing) = make_keys(world, home)?;
    let ledger = Ledger::open(world, &home.state(), name)?;
    ledger.begin()?;
    put_shapes(&ledger, shapes)?;
    schema::home::note_first(&ledger, database, rules)?;
    let site = Site {
        name: name.clone(),
        role: Role::Host,
        parent: None,
        groups: std::collections::BTreeSet::new(),
        signing: signing.verifying_key().to_string(),
        sealing: sealing.recipient().to_string(),
        retired: None,
    };
    let roster = Roster::new(site)?.to_bytes();
    ledger.set_note("roster", &String::from_utf8_lossy(&roster))?;
    ledger.commit(world, "commit tables")?;
    database.arm(world, shapes, &ledger.pair()?)?;
    let mut tracked = Vec::new();
    let mut keyless = Vec::new();
    // Records that are named by others come after all that can be named.
    let (later, first): (Vec<&Shape>, Vec<&Shape>) = shapes.iter().partition(|shape| shape.identity() == Identity::Meaning);
    for shape in first.into_iter().chain(later) {
        tracked.push((shape.clone(), take_in(world, &ledger, database, shape, taken)?));
        let without = database.keyless(shape)?;
        if without > 0 {
            keyless.push((shape.name.clone(), without));
        }
    }
    ledger.begin()?;
    forget_who_came(&ledger)?;
    ledger.commit(world, "commit records taken in")?;
    Ok((tracked, keyless))
}

fn take_in(world: &World, ledger: &Ledger, database: &Database, shape: &Shape, taken: &mut dyn FnMut(&str, u64)) -> Result<u64> {
    let mut after = None;
    let mut count = 0;
    loop {
        ledger.begin()?;
        database.begin_read()?;
        let mut failed = Ok(());
        let mut last = None;
        let scanned = database.scan(shape, after.as_ref(), CHUNK, &mut |key, row| {
            if failed.is_ok() {
                failed = take_in_record(ledger, shape, &key, row);
            }
            last = Some(key);
        });
        database.end_read()?;
        let scanned = scanned?;
        failed?;
        ledger.commit(world, "commit records taken in")?;
        count += scanned as u64;
        taken(&shape.name, count);
        match last {
            Some(key) => after = Some(key),
            None => return Ok(count),
        }
    }
}

fn take_in_record(ledger: &Ledger, shape: &Shape, key: &crate::model::Key, row: &[u8]) -> Result<()> {
    if shape.numbers.is_empty() {
        return Ok(ledger.take_in(shape, key, None, row).map(drop)?);
    }
    let read = Row::decode(row).map_err(|_| SyncError::Bug("a row that was just read does not decode"))?;
    let meaning = match shape.identity() {
        Identity::Key | Identity::Birth => None,
        Identity::Meaning => Some(meaning_key(ledger, shape, read.clone())?),
    };
    let id = ledger.take_in(shape, key, meaning.as_ref(), row)?;
    note_all_nobodys(ledger, shape, id, &read)
}

/// A run of `init` that died left its triggers; the draft it left proves that they are ours to remove.
fn detach_from_draft(world: &World, folder: &Path, database: &Database, name: &SiteName) -> Result<()> {
    let state = folder.join(Home::INSIDE).join("state.db");
    if folder.join(Home::SETTINGS).exists() || !state.is_file() {
        return Ok(());
    }
    let left = Ledger::open(world, &state, name)?.pair()?;
    if database.pair()? == Some(left) {
        database.detach(world)?;
    }
    Ok(())
}

/// Makes and saves both key pairs.
pub(super) fn make_keys(world: &World, home: &Home) -> Result<(SigningKey, SealingKey)> {
    let (signing, sealing) = (SigningKey::generate(world), SealingKey::generate(world));
    signing.save(world, &home.signing_key())?;
    sealing.save(world, &home.sealing_key())?;
    let publish = |path: PathBuf, text: String| {
        files::publish(world, &path, format!("{text}\n").as_bytes(), files::Existing::Replace, files::Privacy::Ordinary)
    };
    publish(home.signing_public(), signing.verifying_key().to_string())?;
    publish(home.sealing_public(), sealing.recipient().to_string())?;
    Ok((signing, sealing))
}

fn put_shapes(ledger: &Ledger, shapes: &[Shape]) -> Result<()> {
    for (rank, shape) in (0u32..).zip(shapes) {
        ledger.put_shape(shape, rank)?;
    }
    Ok(())
}

/// Builds a child's database, as far as that has not happened yet.
pub(super) fn build_database(session: &mut Session, sent: &SentSchema) -> Result<()> {
    let path = session.database_path();
    if in_the_way(session)? {
        return Err(SyncError::Exists(path.display().to_string()));
    }
    if !path.exists() {
        let loading = with_suffix(&path, ".loading");
        for leftover in [loading.clone(), with_suffix(&loading, "-wal"), with_suffix(&loading, "-shm"), with_suffix(&loading, "-journal")] {
            files::remove(&session.world, &leftover)?;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let database = Database::create(&session.world, &loading, &sent.schema, session.limits.lock_wait)?;
        database.arm(&session.world, &wanted(&database, sent)?, &session.ledger.pair()?)?;
        database.close()?;
        files::rename(&session.world, &loading, &path)?;
    }
    let mut shapes = wanted(&Database::open(&path, session.limits.lock_wait)?, sent)?;
    numbering::link(&mut shapes, &session.rules);
    session.ledger.begin()?;
    put_shapes(&session.ledger, &shapes)?;
    schema::home::note_first(&session.ledger, &Database::open(&path, session.limits.lock_wait)?, &session.rules)?;
    schema::keep(session, sent)?;
    note_first_load(session)?;
    session.ledger.commit(&session.world, "commit tables")?;
    session.shapes = shapes;
    session.policies.forget();
    session.open_database()?;
    session.begin_zone()
}

/// What a run would stop at because database or home was put back from a backup. Seen without the lock, and the home as it was a moment ago: a
/// run that works here at the same time is ahead of that, and trims what it has done.
///
/// # Errors
/// As database and ledger say.
pub fn restored(session: &Session) -> Result<Option<SyncError>> {
    let known = session.ledger.commits()?;
    let there = session.database()?.counters()?.map_or(0, |counters| counters.commits);
    let checked = if there > known {
        let next = session.database()?.commits_after(known)?.first().map(|(number, _)| *number);
        // What follows at once is executed by the next run, as after a crash.
        if next == Some(known + 1) { Ok(()) } else { Err(SyncError::StateRestored) }
    } else if session.is_mixture()? {
        Err(SyncError::DatabaseRestored)
    } else {
        session.check_age()
    };
    match checked {
        Ok(()) => Ok(None),
        Err(stop @ (SyncError::DatabaseRestored | SyncError::StateRestored)) => Ok((!session.home.is_held()?).then_some(stop)),
        Err(error) => Err(error),
    }
}

/// Whether a file lies where the database of a child is to come, and is not the one a run that died has built there.
///
/// # Errors
/// As the database says.
pub fn in_the_way(session: &Session) -> Result<bool> {
    let path = session.database_path();
    Ok(path.exists() && !is_ours(session, &path)?)
}

fn is_ours(session: &Session, path: &Path) -> Result<bool> {
    if !path.exists() {
        return Ok(false);
    }
    match Database::open(path, session.limits.lock_wait) {
        Ok(database) => Ok(database.pair()? == Some(session.ledger.pair()?)),
        Err(DatabaseError::NotADatabase(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The tables that travel, numbered in our order.
fn wanted(database: &Database, sent: &SentSchema) -> Result<Vec<Shape>> {
    let rules = sent.keys.iter().fold(Rules::default(), |rules, (table, key)| rules.with_key(table, key));
    let tracked = |table: &&String| sent.tracked.contains(table);
    let rules =
        sent.local.iter().filter(|(table, _)| tracked(table)).fold(rules, |rules, (table, columns)| rules.with_local(table, columns));
    let mut shapes = database.survey(&rules)?.shapes;
    shapes.retain(|shape| sent.tracked.contains(&shape.name));
    if let Some(missing) = sent.tracked.iter().find(|name| shapes.iter().all(|shape| shape.name != **name)) {
        return Err(SyncError::UnknownTable { table: missing.clone() });
    }
    for (number, shape) in (0..).zip(&mut shapes) {
        shape.number = TableNo(number);
    }
    Ok(shapes)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A child's database that has our triggers and of which the ledger does not know yet: the run that built it died.
///
/// # Errors
/// As the database says.
pub fn built(session: &Session) -> Result<Option<Database>> {
    let path = session.database_path();
    if session.has_database() || !is_ours(session, &path)? {
        return Ok(None);
    }
    Ok(Some(Database::open(&path, session.limits.lock_wait)?))
}

/// What [`detach`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached {
    /// Where the home is now.
    pub aside: PathBuf,
    /// Tables that have records with provisional numbers: nobody says their final ones any more.
    pub provisional: Vec<String>,
}

/// Takes every trace of us out of the database and sets the home aside, whole.
///
/// # Errors
/// As database and files say; [`finish_detach`] goes on where it stopped.
pub fn detach(session: Session, now: Millis) -> Result<Detached> {
    // Nobody takes it back once the home is aside: files of the site's own may have given way.
    super::bundles::carry::take_back(&session)?;
    let mut provisional = Vec::new();
    let built = built(&session)?;
    if session.has_database() || built.is_some() {
        let database = if let Some(built) = &built {
            built
        } else {
            provisional = session.leave_zone()?;
            session.database()?
        };
        session.home.begin_going(&session.world)?;
        if let Err(error) = database.detach(&session.world).map_err(SyncError::from) {
            if !error.is_crash() {
                session.home.stay(&session.world)?;
            }
            return Err(error);
        }
    }
    // Windows moves no folder with an open file in it.
    drop(built);
    let (world, home) = session.close();
    Ok(Detached { aside: home.set_aside(&world, now)?, provisional })
}

/// Sets a home aside whose database no session can open: a detach that stopped may have taken our traces out already, or it is lost, or
/// another one lies in its place. Only the one that belongs to the home is touched.
///
/// # Errors
/// As database and files say.
pub fn finish_detach(world: &World, home: Home, limits: &Limits, now: Millis) -> Result<PathBuf> {
    let path = home.settings()?.database_path(home.folder());
    if path.exists() && home.state().exists() {
        let ledger = Ledger::open(world, &home.state(), &home.settings()?.name)?;
        match Database::open(&path, limits.lock_wait) {
            Ok(database) if database.pair()? == Some(ledger.pair()?) => database.detach(world)?,
            // What is no database any more has nothing of ours in it.
            Ok(_) | Err(DatabaseError::NotADatabase(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(home.set_aside(world, now)?)
}
