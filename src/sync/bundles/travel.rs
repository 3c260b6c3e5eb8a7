//! Which files of bundles does a child still need, and where does one that came go?
//!
//! A file travels as a part `bundles/ID.fpb` of a packet of its own, after the packets with records, so many bytes in one round as the
//! limits say. That it was sent is noted with the packet's number in the build's commit; from then on the stream answers for it. A child
//! that lacks a file although it has applied that packet was restored: it reports what it wants, and gets it once more.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use fs_err as fs;

use super::paper::paper;
use super::{Refusal, file, stored};
use crate::bundle::Opened;
use crate::ledger::{Neighbour, NeighbourKind};
use crate::model::PacketNumber;
use crate::packet::{self, ContentHash, Part, PartSource};
use crate::site::Role;
use crate::sync::{Result, Session, SyncError, roster};
use crate::world::files::{self, Existing, Privacy};

/// What the names of parts with bundles begin with.
pub(crate) const PART: &str = "bundles/";
const TOLD: &str = "bundle:";

/// A file for a child's packet.
#[derive(Debug)]
pub(crate) struct Due {
    /// Under which name is noted that it was sent.
    pub told: String,
    /// The part.
    pub part: Part,
}

/// The files that a child gets in this build.
pub(crate) fn due(session: &Session, to: &Neighbour) -> Result<Vec<Due>> {
    let mut due = Vec::new();
    let mut left = session.limits.bundle_bytes;
    if to.kind == NeighbourKind::Parent {
        return Ok(due);
    }
    for id in needed(session, Some(to))? {
        let (told, path) = (format!("{TOLD}{id}"), file(session, id));
        let Ok(found) = fs::metadata(&path) else { continue };
        if to.told_documents.contains_key(&told) {
            continue;
        }
        // A damaged one would be asked for again and again; and whoever is not meant for it would never see that it is.
        let opened = stored(session, id);
        if drop_damaged(session, id, &opened)? || matches!(&opened, Err(SyncError::Bundle(refusal)) if refusal.is_damage()) {
            continue;
        }
        // The first one goes whatever its size, or a large one would never go.
        if found.len() > left && !due.is_empty() {
            break;
        }
        left = left.saturating_sub(found.len());
        due.push(Due { told, part: Part { name: format!("{PART}{id}.fpb"), source: PartSource::File(path) } });
    }
    Ok(due)
}

/// Forgets that bundles were sent which nobody below a child is to have any more.
pub(crate) fn forget_told(session: &Session, to: &Neighbour, told: &mut BTreeMap<String, String>) -> Result<()> {
    if to.kind == NeighbourKind::Child && told.keys().any(|name| name.starts_with(TOLD)) {
        let needed = needed(session, Some(to))?;
        let is_needed = |name: &str| needed.iter().any(|id| name.ends_with(&id.to_string()));
        told.retain(|name, _| !name.starts_with(TOLD) || is_needed(name));
    }
    Ok(())
}

/// Files that a packet brings.
pub(super) fn files_in(opened: &packet::Opened) -> impl Iterator<Item = (ContentHash, &str)> {
    opened.entry_names().filter_map(|name| {
        let id = name.strip_prefix(PART)?.strip_suffix(".fpb")?;
        Some((ContentHash::try_from(id.to_owned()).ok()?, name))
    })
}

/// Puts the files that a packet of the parent brings where installing finds them; before the packet is applied, so that one that is
/// applied has brought them. Whether they are what they say is asked when they are installed.
pub(crate) fn keep(session: &Session, from: &Neighbour, opened: &packet::Opened) -> Result<()> {
    if from.kind == NeighbourKind::Child {
        return Ok(());
    }
    for (id, name) in files_in(opened) {
        let path = file(session, id);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        files::publish_with(&session.world, &path, Existing::Replace, Privacy::Secret, |file| {
            Ok::<_, SyncError>(io::copy(&mut opened.read(name)?, file).map(drop)?)
        })?;
    }
    Ok(())
}

/// A child says that it lacks files: those that it has been sent and has acknowledged go once more.
pub(super) fn send_again(session: &Session, child: &Neighbour, wants: &BTreeSet<ContentHash>) -> Result<()> {
    let now = session.ledger.neighbour(child.site)?;
    let applied = |number: &str| number.parse().is_ok_and(|number| PacketNumber(number) <= now.acknowledged);
    let mut told: BTreeMap<String, String> = now.told_documents.clone();
    told.retain(|name, number| !wants.iter().any(|id| *name == format!("{TOLD}{id}")) || !applied(number));
    if told != now.told_documents {
        session.ledger.set_told(child.site, &told)?;
    }
    Ok(())
}

/// Throws away a file that could not be `opened` because it is not what it came as, so that it is asked for again; whether there was one. At
/// the main office it stays: nobody has another.
pub(super) fn drop_damaged(session: &Session, id: ContentHash, opened: &Result<Option<Opened>>) -> Result<bool> {
    match (session.settings.role, opened) {
        (Role::Office | Role::Remote, Err(SyncError::Bundle(refusal))) if refusal.is_damage() => {
            files::remove(&session.world, &file(session, id))?;
            Ok(true)
        }
        // Everything else is said by whoever needs it.
        (Role::Host | Role::Office | Role::Remote, _) => Ok(false),
    }
}

/// Files that should be here and are not.
pub(super) fn missing(session: &Session) -> Result<BTreeSet<ContentHash>> {
    let mut missing = needed(session, None)?;
    missing.retain(|id| !file(session, *id).is_file());
    Ok(missing)
}

/// At the main office: files that some site still needs, and that are gone or damaged, with which of the two.
pub(super) fn unsendable(session: &Session) -> Result<Vec<(ContentHash, &'static str)>> {
    let mut found = Vec::new();
    if session.settings.role != Role::Host {
        return Ok(found);
    }
    let children = session.ledger.neighbours()?;
    for id in needed(session, None)? {
        if !file(session, id).is_file() {
            found.push((id, "gone"));
            continue;
        }
        // All of it is read: only where it is to be sent.
        let told = format!("{TOLD}{id}");
        let mut is_due = false;
        for to in children.iter().filter(|to| !to.told_documents.contains_key(&told)) {
            is_due = is_due || needed(session, Some(to))?.contains(&id);
        }
        if is_due && matches!(stored(session, id), Err(SyncError::Bundle(refusal)) if refusal.is_damage()) {
            found.push((id, "damaged"));
        }
    }
    Ok(found)
}

/// Throws away files that nobody here or below needs.
pub(super) fn tidy(session: &Session) -> Result<()> {
    let folder = session.home.bundles().join("files");
    if !folder.is_dir() {
        return Ok(());
    }
    let needed = match session.settings.role {
        // Sites that join later get what is published.
        Role::Host => paper(session)?.bundles.into_iter().filter(|bundle| !bundle.withdrawn).map(|bundle| bundle.id).collect(),
        Role::Office | Role::Remote => needed(session, None)?,
    };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| ContentHash::try_from(stem.to_owned()).ok());
        if id.is_none_or(|id| !needed.contains(&id)) {
            files::remove(&session.world, &path)?;
        }
    }
    Ok(())
}

/// Bundles for a child and the sites below it, or for this site and those below it.
fn needed(session: &Session, child: Option<&Neighbour>) -> Result<BTreeSet<ContentHash>> {
    let paper = match paper(session) {
        // What cannot be read names no file.
        Err(SyncError::Bundle(Refusal::NewerPaper)) => return Ok(BTreeSet::new()),
        paper => paper?,
    };
    if paper.bundles.is_empty() {
        return Ok(BTreeSet::new());
    }
    let known = roster::known(session)?;
    let top = child.map_or_else(|| session.name().clone(), |child| child.card.name.clone());
    let sites = known.find(&top).into_iter().chain(known.below(&top));
    Ok(sites
        .filter(|site| site.retired.is_none())
        .flat_map(|site| paper.current(&site.groups, session.world.now()).into_iter().map(|bundle| bundle.id))
        .collect())
}
