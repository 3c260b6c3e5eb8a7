//! What is installed or taken back at the end of a round?
//!
//! What the main office withdrew is taken back first; then whatever is published for this site and not installed is tried, again and
//! again until nothing more goes in: a bundle may need one that comes after it. What does not go in says why, and is tried in every round.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::install::{Effects, install};
use super::paper::{Paper, Published, Until, WAITS, Wait, noted_waits, paper};
use super::undo::{By, Depth, undo_with};
use super::{Install, Refusal, Scope, carry, placed, state, states, stored, told, travel};
use crate::bundle::{BundleName, Fate, Loss};
use crate::packet::ContentHash;
use crate::sync::{Result, Session, SyncError, roster};

/// What a round did with bundles.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// What happened, a line each.
    pub notes: Vec<String>,
    /// What did not: the bundle, why, and whether it comes right by itself.
    pub waits: Vec<(String, String, bool)>,
    /// What it comes to.
    pub customized: Customized,
}

/// What a round did with bundles, for somebody who wants to know no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Customized {
    /// How many were installed or taken back.
    pub done: usize,
    /// Files of theirs that stay as they were changed here, beside which the new ones lie.
    pub kept: Vec<String>,
}

/// Follows what the main office publishes.
///
/// # Errors
/// What stops the whole site; everything else is in what it gives.
pub fn follow(session: &Session) -> Result<Followed> {
    let mut followed = Followed::default();
    match refused(placed::settle(session))? {
        Ok(said) => followed.notes.extend(said),
        Err(why) => {
            followed.waits.push(("the folder for customizations".to_owned(), why.to_string(), why.passes()));
            return Ok(followed);
        }
    }
    match refused(carry::take_back(session))? {
        Ok(laid) => followed.notes.extend(laid.iter().map(rescued)),
        Err(why) => {
            followed.waits.push(("a bundle that was being installed".to_owned(), why.to_string(), false));
            return Ok(followed);
        }
    }
    if let Some(why) = told::refused(session)? {
        followed.waits.push(("bundles".to_owned(), why, false));
    }
    let paper = match refused(paper(session))? {
        Ok(paper) => paper,
        Err(why) => {
            followed.waits.push(("bundles".to_owned(), why.to_string(), false));
            return Ok(followed);
        }
    };
    if paper.bundles.is_empty() {
        return Ok(followed);
    }
    let mut waits: BTreeMap<BundleName, Wait> = BTreeMap::new();
    withdrawn(session, &paper, &mut followed, &mut waits)?;
    install_all(session, &paper, &mut followed, &mut waits)?;
    unsendable(session, &paper, &mut followed, &mut waits)?;
    let text = noted_waits(&waits)?;
    if session.ledger.note(WAITS)?.unwrap_or_default() != text {
        session.set_note(WAITS, &text)?;
    }
    travel::tidy(session)?;
    Ok(followed)
}

fn withdrawn(session: &Session, paper: &Paper, followed: &mut Followed, waits: &mut BTreeMap<BundleName, Wait>) -> Result<()> {
    let withdrawn: BTreeSet<ContentHash> = paper.bundles.iter().filter(|bundle| bundle.withdrawn).map(|bundle| bundle.id).collect();
    let mut troubles = Vec::new();
    // One that another one needs goes after that: whoever goes makes it worth trying the others again.
    loop {
        let before = followed.notes.len();
        troubles.clear();
        for (name, state) in states(session, Scope::Site)? {
            for install in state.installs.iter().rev().take_while(|install| withdrawn.contains(&install.id)) {
                match refused(undo_with(session, Scope::Site, &name, Depth::One, Loss::Refuse, By::MainOffice, &|| Ok(())))? {
                    Ok(undone) => {
                        followed.customized.done += 1;
                        let stays = everybodys(&undone.everybodys);
                        followed.notes.push(match undone.to {
                            Some(to) => format!("bundle {name} {} was withdrawn by the main office: {to} is back{stays}", undone.from),
                            None => format!("bundle {name} {} was withdrawn by the main office and is gone{stays}", undone.from),
                        });
                    }
                    Err(why) => {
                        troubles.push((name, install.version, why));
                        break;
                    }
                }
            }
        }
        if troubles.is_empty() || followed.notes.len() == before {
            break;
        }
    }
    for (name, version, why) in troubles {
        let passes = why.passes();
        // What lies below is still for this site.
        let back = if state(session, Scope::Site, &name)?.installs.len() > 1 { "rollback" } else { "remove" };
        let way_out = if matches!(why, Refusal::Blocked(_) | Refusal::RowsChanged { .. }) {
            format!("; 'fieldpost bundle {back} {name} --force' does it, and keeps changed files beside")
        } else if matches!(why, Refusal::NoWayBack(_)) {
            "; it stays until the main office publishes a newer version".to_owned()
        } else if matches!(why, Refusal::RowsReferred { .. }) {
            format!("; 'fieldpost bundle {back} {name} --force' does it, and leaves these rows")
        } else if matches!(why, Refusal::Database { .. }) {
            format!("; 'fieldpost bundle {back} {name} --force' does it, and leaves what cannot be taken back")
        } else if matches!(why, Refusal::StepLoses { .. } | Refusal::RowsLose { .. }) {
            format!("; copy it elsewhere first: 'fieldpost bundle {back} {name} --force' does it, and it is lost")
        } else {
            String::new()
        };
        let why = format!("it was withdrawn by the main office and cannot be taken back: {why}{way_out}");
        followed.waits.push((format!("bundle {name} {version}"), why.clone(), passes));
        waits.insert(name, Wait { version, why, until: Until::after(passes) });
    }
    Ok(())
}

fn install_all(session: &Session, paper: &Paper, followed: &mut Followed, waits: &mut BTreeMap<BundleName, Wait>) -> Result<()> {
    let known = roster::known(session)?;
    let Some(site) = known.find(session.name()) else { return Ok(()) };
    let current = paper.current(&site.groups, session.world.now());
    let mut left = current.clone();
    let mut troubles = Vec::new();
    loop {
        let before = left.len();
        troubles.clear();
        let mut later = Vec::new();
        for bundle in left {
            match try_one(session, bundle, &current)? {
                Tried::There => {}
                Tried::Declined => {
                    let wait = Wait { version: bundle.version, why: "it was taken back here".to_owned(), until: Until::Declined };
                    waits.insert(bundle.name.clone(), wait);
                }
                Tried::Done { line, kept } => {
                    followed.notes.push(line);
                    followed.customized.done += 1;
                    followed.customized.kept.extend(kept);
                }
                Tried::Waits { why, passes } => {
                    troubles.push((bundle, why, passes));
                    later.push(bundle);
                }
            }
        }
        left = later;
        if left.len() == before || left.is_empty() {
            break;
        }
    }
    for (bundle, why, passes) in troubles {
        let wait = Wait { version: bundle.version, why: why.clone(), until: Until::after(passes) };
        waits.entry(bundle.name.clone()).or_insert(wait);
        followed.waits.push((format!("bundle {} {}", bundle.name, bundle.version), why, passes));
    }
    Ok(())
}

/// What the main office cannot send, because its copy of the file is gone or damaged: nobody has another, and who waits for it waits for ever.
fn unsendable(session: &Session, paper: &Paper, followed: &mut Followed, waits: &mut BTreeMap<BundleName, Wait>) -> Result<()> {
    for (id, how) in travel::unsendable(session)? {
        let Some(bundle) = paper.bundles.iter().find(|bundle| bundle.id == id) else { continue };
        let title = format!("bundle {} {}", bundle.name, bundle.version);
        let why = format!("its file is {how} here, and no site gets it that has not got it yet: publish it again, or a newer version");
        // It is why it is not installed here either.
        followed.waits.retain(|(what, _, _)| *what != title);
        followed.waits.push((title, why.clone(), false));
        waits.insert(bundle.name.clone(), Wait { version: bundle.version, why, until: Until::Person });
    }
    Ok(())
}

enum Tried {
    There,
    /// A person took it back: no trouble, and worth a word to the main office.
    Declined,
    Done {
        line: String,
        /// Files that stay as they were changed here.
        kept: Vec<String>,
    },
    Waits {
        why: String,
        passes: bool,
    },
}

fn try_one(session: &Session, bundle: &Published, current: &[&Published]) -> Result<Tried> {
    let state = state(session, Scope::Site, &bundle.name)?;
    // Somebody may have installed a version whose day is still to come.
    let is_current = |top: &Install| current.iter().any(|other| other.id == top.id && other.version >= bundle.version);
    // Or a newer one than any that is published, by hand: to go back is theirs to decide.
    let has = |top: &Install| top.version > bundle.version || is_current(top);
    if state.top().is_some_and(has) {
        return Ok(Tried::There);
    }
    if state.declined.contains(&bundle.id) {
        return Ok(Tried::Declined);
    }
    if !bundle.is_due(session.world.now()) {
        return Ok(Tried::Waits { why: "its day has not come".to_owned(), passes: true });
    }
    let opened = stored(session, bundle.id);
    if travel::drop_damaged(session, bundle.id, &opened)? {
        return Ok(Tried::Waits { why: "its file was damaged here, and comes again".to_owned(), passes: true });
    }
    let installed = opened.and_then(|opened| opened.map(|opened| install(session, &opened, Scope::Site)).transpose());
    Ok(match refused(installed)? {
        Ok(None) => Tried::Waits { why: "its file has not come yet".to_owned(), passes: true },
        Ok(Some(effects)) => {
            let kept_files = effects.files.iter().filter(|(_, fate)| matches!(fate, Fate::Kept { beside: Some(_) }));
            Tried::Done {
                line: format!("bundle {} {} is installed{}", bundle.name, bundle.version, kept(&effects)),
                kept: kept_files.map(|(path, _)| path.clone()).collect(),
            }
        }
        Err(why @ Refusal::FolderAway(_)) => {
            let name = &bundle.name;
            let way_out = format!(
                "mount it, or bring it back; where its files are gone for good, 'fieldpost bundle remove {name} --force', then 'fieldpost bundle install {name}'"
            );
            Tried::Waits { why: format!("{why}: {way_out}"), passes: why.passes() }
        }
        Err(why) => Tried::Waits { why: why.to_string(), passes: why.passes() },
    })
}

fn everybodys(stays: &[String]) -> String {
    if stays.is_empty() { String::new() } else { format!("; what is everybody's by now stays: {}", stays.join(", ")) }
}

fn rescued((path, _): &(String, Fate)) -> String {
    format!("a file was changed after an install that did not come to its end; what was there before lies beside as `{path}`")
}

/// What a person must know at once: what was changed here and stays, and what of theirs gives way.
fn kept(effects: &Effects) -> String {
    // Of a content that the new version has not changed there is no copy.
    let (mut beside, mut alone, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    for (path, fate) in &effects.files {
        match fate {
            Fate::Kept { beside: Some(_) } => beside.push(path),
            Fate::Kept { beside: None } => alone.push(path),
            Fate::Replaced => replaced.push(path),
            Fate::Added | Fate::Changed | Fate::Removed | Fate::Restored | Fate::TakenBack { .. } | Fate::Rescued { .. } => {}
        }
    }
    let files = |paths: &[&String], end: &str| match paths {
        [] => String::new(),
        [path] => format!("; `{path}` stays as it was changed here{end}"),
        [path, more @ ..] => format!("; `{path}` and {} more stay as they were changed here{end}", more.len()),
    };
    let replaced = match replaced.as_slice() {
        [] => String::new(),
        [path] => format!("; `{path}` was there: it is kept, and comes back when the bundle goes"),
        [path, more @ ..] => format!("; `{path}` and {} more were there: they are kept, and come back when the bundle goes", more.len()),
    };
    let rows = match effects.kept_rows {
        0 => String::new(),
        1 => "; 1 row stays as it was changed here".to_owned(),
        rows => format!("; {rows} rows stay as they were changed here"),
    };
    files(&beside, ", what is new lies beside") + &files(&alone, "") + &replaced + &rows
}

/// Takes a refusal out of what stops the whole site.
fn refused<T>(result: Result<T>) -> Result<std::result::Result<T, Refusal>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(SyncError::Bundle(refusal)) if !refusal.is_crash() => Ok(Err(refusal)),
        // The rest of the round may need no lock, or get it.
        Err(SyncError::Database(error)) if error.retry_helps() => Ok(Err(Refusal::NotNow(error))),
        Err(error) => Err(error),
    }
}
