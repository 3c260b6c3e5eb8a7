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
pub(super) use paper::{PAPER_PART, REPORT_PART, document, take};
pub use parts::RowName;
pub use refusal::Refusal;
pub use row::RowChange;
pub use told::host_key;

use super::{Result, Session, SyncError, roster};
use crate::bundle::{Base, BundleName, Done, Filed, Folder, Move, Opened, Store, Version, open};
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

    /// The base of an upgrade to a version that has `put`. What the version before did not have, it has nothing to say of; but a file that it
    /// left as somebody changed it is still theirs.
    fn base_of(&self, put: &BTreeMap<String, Filed>, is_there: impl Fn(&str) -> bool) -> BTreeMap<String, Base> {
        let top = |path: &String| self.top().is_some_and(|top| top.put.contains_key(path));
        let left = |path: &String| put.contains_key(path) && is_there(path);
        self.base().into_iter().filter(|(path, _)| top(path) || left(path)).collect()
    }
}

impl Install {
    fn done(&self) -> Done<'_> {
        Done { put: &self.put, moves: &self.moves }
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::bundle::{Loss, Moves, undo, upgrade};

    type Disk = BTreeMap<String, Filed>;

    fn filed(text: &str) -> Filed {
        Filed { content: ContentHash::of(text.as_bytes()), executable: false }
    }

    /// What a person does with a file.
    #[derive(Clone, Copy, Debug)]
    enum Hand {
        Leaves,
        Writes,
        Deletes,
        /// As the newest version has it.
        WritesTheSame,
    }

    /// A site with one bundle, of whose one file there are versions with and without; and on a computer where case does not matter.
    #[derive(Clone, Debug, Default)]
    struct Place {
        disk: Disk,
        state: State,
        /// What a person wrote and did not throw away or write over: it must be somewhere.
        owned: BTreeSet<Filed>,
        steps: Vec<String>,
        is_insensitive: bool,
    }

    impl Place {
        /// Under which name a path stands.
        fn name(&self, path: &str) -> Option<String> {
            let is_it = |there: &&String| *there == path || (self.is_insensitive && collision_key(there) == collision_key(path));
            self.disk.keys().find(is_it).cloned()
        }

        fn ours(&self, path: &str) -> Option<Filed> {
            self.disk.get(&self.name(path)?).copied()
        }

        fn is_one(&self, one: &str, other: &str) -> bool {
            self.is_insensitive && collision_key(one) == collision_key(other)
        }

        fn carry_out(&mut self, moves: &[Move]) {
            for moved in moves {
                assert_eq!(self.ours(&moved.path), moved.before, "{} after {:?}", moved.path, self.steps);
                if let Some(name) = self.name(&moved.path) {
                    self.disk.remove(&name);
                }
                self.disk.extend(moved.after.map(|after| (moved.path.clone(), after)));
            }
        }

        fn hand(&mut self, hand: Hand) {
            let number = self.steps.len();
            self.steps.push(format!("{hand:?}"));
            let put = self.state.top().and_then(|top| top.put.iter().next()).map(|(path, put)| (path.clone(), *put));
            let name = self.name("a").unwrap_or_else(|| put.as_ref().map_or_else(|| "a".to_owned(), |(path, _)| path.clone()));
            let now = match hand {
                Hand::Leaves => return,
                Hand::Writes => Some(filed(&format!("somebody's {number}"))),
                Hand::Deletes => None,
                Hand::WritesTheSame => put.map(|(_, put)| put),
            };
            if let Some(before) = self.disk.remove(&name) {
                self.owned.remove(&before);
            }
            if let Some(now) = now {
                self.disk.insert(name, now);
                self.owned.extend(Some(now).filter(|_| matches!(hand, Hand::Writes)));
            }
        }

        fn install(&mut self, path: Option<&str>) {
            let number = u32::try_from(self.state.installs.len()).unwrap() + 1;
            let version: Version = format!("{number}.0.0").parse().unwrap();
            self.steps.push(format!("{version} has {path:?}"));
            let put: BTreeMap<String, Filed> = path.map(|path| (path.to_owned(), filed(&version.to_string()))).into_iter().collect();
            let base = self.state.base_of(&put, |path| self.ours(path).is_some());
            let ours = |path: &str| Ok::<_, Infallible>(self.ours(path));
            let moves = upgrade(&base, &put, version, ours, |one, other| self.is_one(one, other)).unwrap().moves;
            self.carry_out(&moves);
            self.state.installs.push(Install {
                id: ContentHash::of(version.to_string().as_bytes()),
                version,
                title: String::new(),
                time: Millis(0),
                needs: BTreeMap::new(),
                put,
                moves,
                replaced: BTreeSet::new(),
                steps: Vec::new(),
                schema: None,
                rows: 0,
            });
        }

        /// Goes back until so many versions are left; whether it did.
        fn back(&mut self, left: usize, loss: Loss) -> bool {
            let goes = self.state.installs.split_off(left);
            let done: Vec<Done<'_>> = goes.iter().rev().map(Install::done).collect();
            let ours = |path: &str| Ok::<_, Infallible>(self.ours(path));
            let undone = undo(&done, loss, "kept", &BTreeMap::new(), ours, |one, other| self.is_one(one, other)).unwrap();
            match undone {
                Ok(Moves { moves, .. }) => self.carry_out(&moves),
                Err(_) => self.state.installs.extend(goes),
            }
            self.steps.push(format!("back to {left} of {}, {loss:?}", self.state.installs.len()));
            self.state.installs.len() == left
        }

        /// Everything that is a person's stands somewhere or comes back, and at the end it stands.
        fn check(&self) {
            let stands: BTreeSet<Filed> = self.disk.values().copied().collect();
            let moves = self.state.installs.iter().flat_map(|install| &install.moves);
            let kept: BTreeSet<Filed> = moves.filter_map(|moved| moved.before).collect();
            let lost = self.owned.iter().find(|owned| !stands.contains(owned) && !kept.contains(owned));
            assert!(lost.is_none(), "lost {lost:?} after {:?}: {:#?}", self.steps, self.disk);
        }

        /// All ways back from here.
        fn check_ways_back(&self) {
            let all = self.state.installs.len();
            let drifts = self.state.top().is_some_and(|top| top.put.iter().any(|(path, put)| self.ours(path) != Some(*put)));
            for loss in [Loss::Refuse, Loss::KeepBeside] {
                let mut removed = self.clone();
                assert!(removed.back(0, loss) || loss == Loss::Refuse);
                removed.check();
                for steps in 1..=all {
                    let mut stepwise = self.clone();
                    if (1..=steps).all(|step| stepwise.back(all - step, loss)) {
                        stepwise.check();
                        stepwise.back(0, Loss::Refuse);
                        stepwise.check();
                        stepwise.back(0, Loss::KeepBeside);
                        stepwise.check();
                    }
                }
            }
            // Where nothing differs, and nothing of a person's is to come to a place that they took since, there is nothing to refuse.
            let comes_back = self.owned.iter().any(|owned| !self.disk.values().any(|there| there == owned));
            assert!(drifts || comes_back || self.clone().back(0, Loss::Refuse), "refused after {:?}: {:#?}", self.steps, self.disk);
        }
    }

    /// Every short life of a file: versions that have it, in either case, or leave it out, and a person in between.
    #[test]
    fn nothing_that_a_person_wrote_is_nowhere_whatever_versions_come_and_go() {
        fn go_on(place: &Place, left: usize, goes_back: bool) {
            for hand in [Hand::Leaves, Hand::Writes, Hand::Deletes, Hand::WritesTheSame] {
                let mut next = place.clone();
                next.hand(hand);
                next.check_ways_back();
                for path in [Some("a"), None, Some("A")].into_iter().filter(|path| left > 0 && (*path != Some("A") || place.is_insensitive))
                {
                    let mut next = next.clone();
                    next.install(path);
                    next.check();
                    go_on(&next, left - 1, goes_back);
                }
                for loss in [Loss::Refuse, Loss::KeepBeside].into_iter().filter(|_| goes_back && left > 0) {
                    let mut next = next.clone();
                    let installed = next.state.installs.len();
                    if installed > 0 && next.back(installed - 1, loss) {
                        next.check();
                        go_on(&next, left - 1, goes_back);
                    }
                }
            }
        }
        go_on(&Place::default(), 4, false);
        go_on(&Place::default(), 3, true);
        go_on(&Place { is_insensitive: true, ..Place::default() }, 3, true);
    }
}
