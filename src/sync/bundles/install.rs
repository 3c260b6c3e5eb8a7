//! How does a version get in?

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::carry::{self, Concerns};
use super::row::{RowChange, RowKind};
use super::{
    Install, Refusal, Scope, State, check_database, check_there, folder, parts, placed, set_rows, set_state, state, states, store,
};
use crate::bundle::{BundleName, Fate, FileEntry, Filed, Moves, Opened, Version, upgrade};
use crate::model::collision_key;
use crate::packet::ContentHash;
use crate::sync::{Result, Session};

/// What an install does, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effects {
    /// What becomes of files, by path.
    #[serde(serialize_with = "crate::bundle::by_path")]
    pub files: Vec<(String, Fate)>,
    /// Schema steps that are carried out, in order.
    pub steps: Vec<String>,
    /// What becomes of rows, by table.
    pub rows: BTreeMap<String, RowCounts>,
    /// Rows that stay as they were changed here.
    pub kept_rows: usize,
    /// It is installed already, and nothing is done.
    pub already: bool,
}

/// What becomes of the rows of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    /// New ones.
    pub added: usize,
    /// Those that get other values.
    pub changed: usize,
    /// Those that go.
    pub removed: usize,
}

impl RowCounts {
    pub(super) fn count(tables: &mut BTreeMap<String, Self>, row: &RowChange, kind: Option<RowKind>) {
        let Some(kind) = kind else { return };
        let counts = tables.entry(row.table.clone()).or_default();
        match kind {
            RowKind::Added => counts.added += row.count(),
            RowKind::Changed => counts.changed += row.count(),
            RowKind::TakenAway => counts.removed += row.count(),
        }
    }
}

/// Installs one scope of a verified bundle over what is there; nothing where it is installed already.
///
/// # Errors
/// [`Refusal`]; then nothing is changed.
pub fn install(session: &Session, opened: &Opened, scope: Scope) -> Result<Effects> {
    install_with(session, opened, scope, &|| Ok(()))
}

/// As [`install`], with more to be written into the ledger in the same commit.
pub(super) fn install_with(session: &Session, opened: &Opened, scope: Scope, more: &dyn Fn() -> Result<()>) -> Result<Effects> {
    let laid = carry::take_back(session)?;
    let name = &opened.manifest.name;
    let before = state(session, scope, name)?;
    if before.top().is_some_and(|top| top.id == opened.id) {
        if before.declined.contains(&opened.id) {
            carry::commit(session, Concerns::Files, || set_state(session, scope, name, &wanted(&before, opened.id)))?;
        }
        return Ok(Effects { already: true, files: laid, ..Effects::default() });
    }
    let (mut moves, put) = prepare(session, opened, scope, &before)?;
    moves.fates.splice(..0, laid);
    stage(session, opened, &moves)?;
    let work = || {
        let done = parts::carry_out(session, opened, scope, &before.installs)?;
        let effects = effects(&moves, &done);
        let mut after = wanted(&before, opened.id);
        after.installs.push(Install {
            id: opened.id,
            version: opened.manifest.version,
            title: opened.manifest.title.clone(),
            time: session.world.now(),
            needs: opened.manifest.needs.bundles.clone(),
            put: put.clone(),
            moves: moves.moves.clone(),
            replaced: done.replaced,
            steps: done.steps,
            schema: done.schema,
            rows: done.rows.len(),
        });
        set_state(session, scope, name, &after)?;
        placed::note(session)?;
        set_rows(session, scope, name, opened.manifest.version, &done.rows)?;
        more()?;
        Ok(effects)
    };
    carry::carry_out(session, &moves.moves, concerns(opened, scope), &work)
}

/// A person who installs a version that was taken back wants it again.
fn wanted(before: &State, id: ContentHash) -> State {
    let mut after = before.clone();
    after.declined.remove(&id);
    after
}

/// Says what [`install`] would do, and does nothing.
///
/// # Errors
/// [`Refusal`], as the install would.
pub fn plan(session: &Session, opened: &Opened, scope: Scope) -> Result<Effects> {
    let laid = carry::take_back(session)?;
    let before = state(session, scope, &opened.manifest.name)?;
    if before.top().is_some_and(|top| top.id == opened.id) {
        return Ok(Effects { already: true, files: laid, ..Effects::default() });
    }
    let (mut moves, _) = prepare(session, opened, scope, &before)?;
    moves.fates.splice(..0, laid);
    let done = match concerns(opened, scope) {
        Concerns::Files => parts::Done::default(),
        Concerns::Database => carry::try_out(session, &|| parts::carry_out(session, opened, scope, &before.installs))?,
    };
    Ok(effects(&moves, &done))
}

fn concerns(opened: &Opened, scope: Scope) -> Concerns {
    if opened.manifest.runs(scope.runs()) { Concerns::Database } else { Concerns::Files }
}

/// Everything that can be said without changing anything: whether it may be, and what is moved.
fn prepare(session: &Session, opened: &Opened, scope: Scope, before: &State) -> Result<(Moves, BTreeMap<String, Filed>)> {
    let manifest = &opened.manifest;
    if let Some(top) = before.top() {
        let (name, installed, offered) = (manifest.name.clone(), top.version, manifest.version);
        if offered == installed {
            return Err(Refusal::SameVersion { name, version: offered }.into());
        }
        if offered < installed {
            return Err(Refusal::Downgrade { name, installed, offered }.into());
        }
    }
    if concerns(opened, scope) == Concerns::Database && !session.has_database() {
        return Err(Refusal::NoDatabase.into());
    }
    let others = states(session, scope)?;
    needs(session, opened, scope, &others)?;
    let files = if scope == Scope::Site { manifest.files.as_slice() } else { &[] };
    // Where no file has such a bit, none that is looked at will have it.
    let filed = |file: &FileEntry| Filed { content: file.content.hash, executable: file.executable && cfg!(unix) };
    let put: BTreeMap<String, Filed> = files.iter().map(|file| (file.path.clone(), filed(file))).collect();
    for (name, other) in others.iter().filter(|(name, _)| **name != manifest.name) {
        let taken: BTreeSet<String> = other.top().into_iter().flat_map(|top| top.put.keys()).map(|path| collision_key(path)).collect();
        if let Some(path) = put.keys().find(|path| taken.contains(&collision_key(path))) {
            return Err(Refusal::Owned { path: path.clone(), by: name.clone() }.into());
        }
    }
    let folder = folder(session)?;
    check_there(session, &folder)?;
    check_database(session, &folder, put.keys())?;
    let base = before.base_of(&put, |path| folder.filed(path).map_or(true, |there| there.is_some()));
    let is_one = |one: &str, other: &str| folder.is_one(one, other);
    // Where the new version has nothing, nothing is in its way.
    let goes = |path: &str| base.contains_key(path) && !put.contains_key(path);
    let ours = |path: &str| if goes(path) { folder.filed_if_any(path) } else { folder.filed(path) };
    let moves = upgrade(&base, &put, manifest.version, ours, is_one).map_err(Refusal::from)?;
    Ok((moves, put))
}

/// What must be there first.
fn needs(session: &Session, opened: &Opened, scope: Scope, others: &BTreeMap<BundleName, State>) -> Result<()> {
    let needs = &opened.manifest.needs;
    let ours: Option<Version> = env!("CARGO_PKG_VERSION").parse().ok();
    if let Some(wanted) = needs.fieldpost
        && ours.is_some_and(|ours| ours < wanted)
    {
        return Err(Refusal::Needs(format!("fieldpost {wanted}, this is {}", env!("CARGO_PKG_VERSION"))).into());
    }
    if let Some(lacks) = lacking(&needs.bundles, others) {
        return Err(Refusal::Needs(lacks).into());
    }
    // What the bundle's own shared steps make comes to each site from the main office, and is asked for there.
    if scope == Scope::Site && !needs.schema.is_empty() {
        if !session.has_database() {
            return Err(Refusal::NoDatabase.into());
        }
        for wanted in &needs.schema {
            let (table, field) = wanted.split_once('.').map_or((wanted.as_str(), None), |(table, field)| (table, Some(field)));
            let columns = session.database()?.writable_columns(table)?;
            let has = |field: &str| columns.iter().flatten().any(|column| column.eq_ignore_ascii_case(field));
            if columns.is_none() || field.is_some_and(|field| !has(field)) {
                let what = if field.is_some() { "field" } else { "table" };
                return Err(Refusal::Needs(format!("the {what} `{wanted}` in the database")).into());
            }
        }
    }
    Ok(())
}

/// The first of these bundles that is not there, or is too old, in words.
pub(super) fn lacking(needs: &BTreeMap<BundleName, Version>, others: &BTreeMap<BundleName, State>) -> Option<String> {
    needs.iter().find_map(|(name, wanted)| {
        let there = others.get(name).and_then(State::top).map(|top| top.version);
        let found = there.map_or_else(|| "is not there".to_owned(), |there| format!("is {there}"));
        there.is_none_or(|there| there < *wanted).then(|| format!("the bundle {name} {wanted}, which {found}"))
    })
}

/// Keeps everything that will be replaced and everything that will be put.
fn stage(session: &Session, opened: &Opened, moves: &Moves) -> Result<()> {
    let (folder, store) = (folder(session)?, store(session));
    let contents = opened.manifest.files.iter().map(|file| (file.content.hash, file.content)).collect::<BTreeMap<_, _>>();
    for moved in &moves.moves {
        if let Some(before) = moved.before {
            folder.keep(&session.world, &moved.path, before, &store).map_err(Refusal::from)?;
        }
        if let Some(content) = moved.after.and_then(|after| contents.get(&after.content)) {
            store.keep(&session.world, content.hash, &mut opened.reader(*content)?).map_err(Refusal::from)?;
        }
    }
    Ok(())
}

fn effects(moves: &Moves, done: &parts::Done) -> Effects {
    let mut rows: BTreeMap<String, RowCounts> = BTreeMap::new();
    for row in &done.rows {
        RowCounts::count(&mut rows, row, row.kind());
    }
    let steps = done.steps.iter().map(|step| step.file.clone()).collect();
    Effects { files: moves.fates.clone(), steps, rows, kept_rows: done.kept, already: false }
}
