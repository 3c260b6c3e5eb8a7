//! Customizations: published by the main office, installed by the sites, taken back exactly.
//!
//! | module | answers |
//! |---|---|
//! | `paper` | what does the main office publish, to whom, and what do sites report? |
//! | `told` | whose word is that, and is it the newest? |
//! | `travel` | which files of bundles does a child still need, and where does one that came go? |
//! | [`follow`] | what is installed or taken back at the end of a round? |
//! | [`install`], [`undo`] | how does a version get in, and out again? |
//! | `parts`, `back` | what of it concerns the database, on the way in and out? |
//! | `row` | how is a row found again, and brought back? |
//! | `besides` | what do triggers do because of a list, and does it come right again? |
//! | `steps` | which schema steps may be carried out, and taken back? |
//! | `placed` | is the folder for the files another one than it was? |
//! | `carry` | how is all of it done or nothing? |
//! | [`look`] | what is installed, and what was changed here since? |
//!
//! **Two scopes.** What everybody shares (rows of tables that travel, schema steps) is carried out once, at the main office, when a
//! bundle is published ([`Scope::Shared`]); it travels from there as edits and schema changes do. Files, and rows and steps for tables
//! that stay at a site, are carried out at each site that installs ([`Scope::Site`]). Each scope has its own stack of installs.
//!
//! **States of a site and a bundle**: nothing → version 1 → version 2 …, each on top of the one before ([`State`]); going back takes the
//! topmost off. **States of one step between them**: looked at → staged (every content that will be put or replaced is kept) → begun
//! (the journal names the moves; one commit of the ledger) → moved → done (rows, schema and the new [`State`] in one commit of the
//! database, or of the ledger where no row is concerned). **Crash points**: before "begun" nothing happened; between "begun" and
//! "done" the next round, or the next command that changes bundles, takes the moves back first, and a published bundle is tried again; after "done" nothing is left to do.
//! **Invariant**: outside of begun steps every file that the stack put is as it was put, or was changed by somebody here; and what
//! was there before the stack is kept as contents, until it is there again: when the stack goes, when no version has the path any more, or
//! beside, where a step died and somebody went on with the file. No file that somebody wrote is replaced without being kept.

mod back;
mod besides;
pub(super) mod carry;
pub mod follow;
pub mod install;
pub mod look;
mod paper;
mod parts;
mod placed;
mod refusal;
mod row;
mod steps;
mod told;
pub(super) mod travel;
pub mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use paper::{At, Paper, Published, Publisher, SiteReport, Standing, Until, Wait, paper, publish, reached, reports, trust, withdraw};
pub(super) use paper::{document, take};
pub use parts::RowName;
pub use refusal::Refusal;
pub use row::RowChange;
pub use told::host_key;

use super::{Result, Session, SyncError, roster};
use crate::bundle::{Base, BundleName, Filed, Folder, Move, Opened, Store, Version, open};
use crate::database::Renamed;
use crate::keys::VerifyingKey;
use crate::model::{Millis, collision_key};
use crate::packet::ContentHash;
use crate::site::Home;

/// Which part of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What everybody shares; at the main office.
    Shared,
    /// What each site has for itself.
    Site,
}

impl Scope {
    const fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Site => "site",
        }
    }
}

/// How a bundle stands at this site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The versions that were installed one on top of the other, the newest last.
    pub installs: Vec<Install>,
    /// Versions that a person took back: they are not installed by themselves again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub declined: BTreeSet<ContentHash>,
}

/// One version as it was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Its id.
    pub id: ContentHash,
    /// Its version.
    pub version: Version,
    /// For people.
    pub title: String,
    /// When.
    pub time: Millis,
    /// Which other bundles it needs.
    pub needs: BTreeMap<BundleName, Version>,
    /// What it has at each path: the base of the next upgrade.
    pub put: BTreeMap<String, Filed>,
    /// What was moved for it.
    pub moves: Vec<Move>,
    /// Tables that have exactly its rows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<String>,
    /// Schema steps that were carried out for it, in order.
    pub steps: Vec<Step>,
    /// The version of the database's schema whose names its rows are noted by; none where no row or step is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
    /// How many rows it put; what they were is kept apart, because lists are long and seldom asked for.
    pub rows: usize,
}

/// A schema step that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its file in the publisher's folder.
    pub file: String,
    /// Its SQL.
    pub up: String,
    /// The SQL that takes it back.
    pub down: Option<String>,
}

impl State {
    /// The version that is installed.
    #[must_use]
    pub fn top(&self) -> Option<&Install> {
        self.installs.last()
    }

    /// What versions made of each path that the newest one has; and of others, where one before it left them as they were changed here.
    fn base(&self) -> BTreeMap<String, Base> {
        let mut found: BTreeMap<String, Base> = BTreeMap::new();
        for install in &self.installs {
            let moved: BTreeMap<&str, &Move> = install.moves.iter().map(|moved| (moved.path.as_str(), moved)).collect();
            found.retain(|path, _| install.put.contains_key(path) || !moved.contains_key(path.as_str()));
            for (path, put) in &install.put {
                // Where nothing was moved, the same was there already.
                let own = moved.get(path.as_str()).map_or(Some(*put), |moved| moved.before);
                found.entry(path.clone()).and_modify(|base| base.put = *put).or_insert(Base { put: *put, own });
            }
        }
        found
    }
}

const STATE: &str = "bundle:";
const DANGLING: &str = "references to records that are not there would be left";

/// All bundles that are or were installed in a scope, by name.
///
/// # Errors
/// As the ledger says.
pub fn states(session: &Session, scope: Scope) -> Result<BTreeMap<BundleName, State>> {
    let notes = session.ledger.notes(&format!("{STATE}{}:", scope.word()))?;
    let damaged = || SyncError::Bug("a noted bundle does not read");
    let read = |(name, text): (String, String)| {
        Ok((BundleName::new(&name).map_err(|_| damaged())?, serde_json::from_str(&text).map_err(|_| damaged())?))
    };
    notes.into_iter().map(read).collect()
}

fn state(session: &Session, scope: Scope, name: &BundleName) -> Result<State> {
    let text = session.ledger.note(&format!("{STATE}{}:{name}", scope.word()))?.filter(|text| !text.is_empty());
    let state = text.map(|text| serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted bundle does not read")));
    Ok(state.transpose()?.unwrap_or_default())
}

/// Rows that were changed for a version of a bundle, in order.
fn rows_of(session: &Session, scope: Scope, name: &BundleName, version: Version) -> Result<Vec<RowChange>> {
    let text = session.ledger.note(&rows_note(scope, name, version))?.filter(|text| !text.is_empty());
    let rows = text.map(|text| serde_json::from_str(&text).map_err(|_| SyncError::Bug("noted rows of a bundle do not read")));
    Ok(rows.transpose()?.unwrap_or_default())
}

/// Inside the open transaction of the ledger.
fn set_rows(session: &Session, scope: Scope, name: &BundleName, version: Version, rows: &[RowChange]) -> Result<()> {
    let text = if rows.is_empty() {
        String::new()
    } else {
        serde_json::to_string(rows).map_err(|_| SyncError::Bug("rows of a bundle do not write"))?
    };
    Ok(session.ledger.set_note(&rows_note(scope, name, version), &text)?)
}

fn rows_note(scope: Scope, name: &BundleName, version: Version) -> String {
    format!("bundle rows:{}:{name}:{version}", scope.word())
}

/// Inside the open transaction of the ledger.
fn set_state(session: &Session, scope: Scope, name: &BundleName, state: &State) -> Result<()> {
    let text = if *state == State::default() {
        String::new()
    } else {
        serde_json::to_string(state).map_err(|_| SyncError::Bug("a bundle's state does not write"))?
    };
    Ok(session.ledger.set_note(&format!("{STATE}{}:{name}", scope.word()), &text)?)
}

/// Follows, in the notes of rows, what is called otherwise by now; all of it at once, inside the open transaction of the ledger. `before` is the
/// version of the schema until which the former names were true: what was noted later has names of its own.
pub(super) fn rename(session: &Session, renamed: &[Renamed], before: Option<i64>) -> Result<()> {
    if renamed.is_empty() {
        return Ok(());
    }
    for scope in [Scope::Shared, Scope::Site] {
        for (name, mut state) in states(session, scope)? {
            for install in
                state.installs.iter_mut().filter(|install| install.schema.is_none_or(|of| before.is_none_or(|before| of <= before)))
            {
                parts::rename_tables(&mut install.replaced, renamed);
                let mut rows = rows_of(session, scope, &name, install.version)?;
                rows.iter_mut().for_each(|row| row.rename(renamed));
                set_rows(session, scope, &name, install.version, &rows)?;
            }
            set_state(session, scope, &name, &state)?;
        }
    }
    Ok(())
}

/// The folder for customizations. Never one that the home lies in, nor one inside what is ours: a bundle could bring settings, rules or keys.
///
/// # Errors
/// [`Refusal::BadFolder`].
pub fn folder(session: &Session) -> Result<Folder> {
    let path = session.settings.bundles_path(session.home.folder());
    let documents = session.has_library().then(|| whole(&session.settings.library_path(session.home.folder())));
    // What is put into the library is everybody's document.
    let is_document = documents.is_some_and(|documents| whole(&path).starts_with(&documents) || documents.starts_with(whole(&path)));
    if may_hold_customs(&session.home, &path) && !is_document { Ok(Folder::at(path)) } else { Err(Refusal::BadFolder(path).into()) }
}

/// Refuses to look into a folder that is away: every file of a bundle would count as deleted by somebody.
fn check_there(session: &Session, folder: &Folder) -> Result<()> {
    let has_files = states(session, Scope::Site)?.values().filter_map(State::top).any(|top| !top.put.is_empty());
    let is_there = || fs_err::read_dir(folder.root()).is_ok_and(|mut entries| entries.next().is_some());
    if has_files && !is_there() { Err(Refusal::FolderAway(folder.root().to_owned()).into()) } else { Ok(()) }
}

/// Whether a folder neither has the home in it nor lies inside what is ours.
#[must_use]
pub fn may_hold_customs(home: &Home, path: &Path) -> bool {
    let (there, home) = (whole(path), whole(home.folder()));
    !home.starts_with(&there) && !there.starts_with(home.join(Home::INSIDE))
}

/// A path without links. One that is not there yet has nothing in it.
fn whole(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What `SQLite` writes beside a database.
const BESIDE_DATABASE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Refuses files that would take the place of the database, or of what `SQLite` keeps beside it: the folder for customizations may be where
/// the application lies.
fn check_database<'p>(session: &Session, folder: &Folder, paths: impl Iterator<Item = &'p String>) -> Result<()> {
    let (database, root) = (session.database_path(), whole(folder.root()));
    // Where it seems to lie, and where it does.
    let seems = database.file_name().and_then(|name| Some(whole(database.parent()?).join(name)));
    let places: Vec<PathBuf> = seems.into_iter().chain([whole(&database)]).collect();
    let key = |path: &Path| collision_key(&path.to_string_lossy());
    let ours = |place: &PathBuf| BESIDE_DATABASE.map(|end| key(Path::new(&format!("{}{end}", place.to_string_lossy()))));
    let ours: BTreeSet<String> = places.iter().flat_map(ours).collect();
    for path in paths {
        if ours.contains(&key(&path.split('/').fold(root.clone(), |place, segment| place.join(segment)))) {
            return Err(Refusal::OverDatabase(path.clone()).into());
        }
    }
    Ok(())
}

fn store(session: &Session) -> Store {
    Store::at(session.home.bundles().join("kept"))
}

/// Where the file of a published bundle lies.
fn file(session: &Session, id: ContentHash) -> PathBuf {
    session.home.bundles().join("files").join(format!("{id}.fpb"))
}

/// Keys that may sign bundles: the main office's, and those that it trusts.
///
/// # Errors
/// As the ledger says.
pub fn trusted(session: &Session) -> Result<Vec<VerifyingKey>> {
    let mut keys: Vec<VerifyingKey> = host_key(session)?.into_iter().collect();
    keys.extend(paper(session)?.publishers.into_iter().map(|publisher| publisher.key));
    Ok(keys)
}

/// The verified bundle of that name that is published for this site.
///
/// # Errors
/// [`Refusal::NotPublished`]; [`Refusal::Needs`] where its file has not come yet.
pub fn published(session: &Session, name: &BundleName) -> Result<Opened> {
    let known = roster::known(session)?;
    let groups = known.find(session.name()).map(|site| site.groups.clone()).unwrap_or_default();
    let paper = paper(session)?;
    // One whose day has come before one that is to come.
    let found = paper.current(&groups, session.world.now()).into_iter().find(|bundle| bundle.name == *name);
    let id = found.ok_or_else(|| Refusal::NotPublished(name.clone()))?.id;
    stored(session, id)?.ok_or_else(|| Refusal::Needs("its file, which has not come yet".to_owned()).into())
}

/// Whether the version of a bundle that is installed here is published and has rows or schema steps for everybody; not known, and so not, where
/// its file is gone.
///
/// # Errors
/// As the ledger says.
pub fn installed_shares(session: &Session, name: &BundleName) -> Result<bool> {
    let Some(id) = state(session, Scope::Site, name)?.top().map(|top| top.id) else { return Ok(false) };
    let is_published = paper(session)?.bundles.iter().any(|bundle| bundle.id == id && !bundle.withdrawn);
    let opened = stored(session, id).ok().flatten().filter(|_| is_published);
    Ok(opened.is_some_and(|opened| opened.manifest.runs(Scope::Shared.runs())))
}

/// The verified bundle of an id; none where its file has not come.
fn stored(session: &Session, id: ContentHash) -> Result<Option<Opened>> {
    let path = file(session, id);
    if !path.is_file() {
        return Ok(None);
    }
    let opened = verified(session, &path)?;
    if opened.id == id { Ok(Some(opened)) } else { Err(Refusal::OtherBundle(id).into()) }
}

/// Verifies the file of a bundle.
///
/// # Errors
/// [`Refusal::Open`].
pub fn verified(session: &Session, path: &Path) -> Result<Opened> {
    let trusted = trusted(session)?;
    Ok(open(path, &trusted).map_err(Refusal::Open)?)
}
