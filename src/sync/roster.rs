//! Who else is there? The host's roster is the truth; an office keeps its own part (its children and theirs) and sends it up.

use std::collections::BTreeSet;

use super::{Result, Session, SyncError, retire};
use crate::ledger::{LedgerError, Neighbour, NeighbourKind};
use crate::model::{Born, SiteName, SiteNo};
use crate::site::{OfficePart, Role, Roster, RosterError, Site};

/// All sites as far as they are known here: what the parent said, with our own part as we know it. Of a site that is retired the parent says no more.
///
/// # Errors
/// As the ledger says.
pub fn known(session: &Session) -> Result<Roster> {
    let told = session.ledger.note("roster")?;
    let mut roster = match told {
        Some(text) => Roster::parse(text.as_bytes())?,
        None => first_roster(session)?,
    };
    if let Some(part) = session.ledger.note("part")? {
        let part: OfficePart = serde_json::from_str(&part).map_err(|_| SyncError::Bug("a noted part of the roster does not read"))?;
        // A name that another branch has as well: for us it means our own site, and for all others theirs.
        roster.make_room_for(&part);
        drop(roster.merge(&part));
    }
    if let Some(text) = session.ledger.note(retire::HEARD)? {
        let retired = serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted retirement does not read"))?;
        roster.retire(session.name(), &retired)?;
    }
    Ok(roster)
}

/// Before the parent's first packet: the host, the parent and we.
fn first_roster(session: &Session) -> Result<Roster> {
    let parent = session.ledger.parent()?.ok_or(SyncError::Bug("a host without a roster"))?;
    let settings = &session.settings;
    let bare = |name: &SiteName, role, above: Option<&SiteName>| Site {
        name: name.clone(),
        role,
        parent: above.cloned(),
        groups: BTreeSet::new(),
        signing: String::new(),
        sealing: String::new(),
        retired: None,
    };
    let mut roster = Roster::new(bare(&settings.host, Role::Host, None))?;
    if parent.card.name != settings.host {
        roster.add(bare(&parent.card.name, Role::Office, Some(&settings.host)))?;
    }
    roster.add(bare(&settings.name, settings.role, Some(&parent.card.name)))?;
    Ok(roster)
}

/// What became of a site's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regrouped {
    /// The site with its groups from now on.
    pub site: Site,
    /// Its groups until now.
    pub before: BTreeSet<String>,
}

/// Puts a site into groups and takes it out of others. Everybody hears of it with the roster: a child of this site and those below it with the
/// next packet, all others once it has gone up and down.
///
/// # Errors
/// [`SyncError::Roster`] for a site that is not there, [`SyncError::NotItsParent`] for another one's, [`SyncError::Retired`]; then nothing changed.
pub fn regroup(session: &Session, name: &SiteName, add: &BTreeSet<String>, remove: &BTreeSet<String>) -> Result<Regrouped> {
    let mut all = known(session)?;
    let site = all.find(name).ok_or_else(|| RosterError::Unknown(name.clone()))?;
    // An office's part is its own word: what anybody else wrote into it would be gone with its next one. The host has nobody above it.
    let writer = site.parent.as_ref().unwrap_or(&site.name);
    if writer != session.name() {
        return Err(SyncError::NotItsParent { site: name.clone(), parent: writer.clone() });
    }
    if let Some(retired) = &site.retired {
        return Err(SyncError::Retired { site: name.clone(), retired: retired.clone(), here: session.name().clone() });
    }
    let before = site.groups.clone();
    let groups: BTreeSet<String> = before.difference(remove).chain(add).cloned().collect();
    let site = Site { groups: groups.clone(), ..site.clone() };
    if groups != before {
        all.set_groups(name, groups)?;
        session.ledger.begin()?;
        let done = keep(session, &all).and_then(|()| Ok(session.ledger.commit(&session.world, "commit groups")?));
        if let Err(error) = done {
            if !error.is_crash() {
                session.ledger.rollback()?;
            }
            return Err(error);
        }
    }
    Ok(Regrouped { site, before })
}

/// Writes the roster down: the host's whole, an office's own part.
pub(super) fn keep(session: &Session, roster: &Roster) -> Result<()> {
    if session.settings.role == Role::Host {
        session.ledger.set_note("roster", &String::from_utf8_lossy(&roster.to_bytes()))?;
    } else {
        let part = serde_json::to_string(&roster.part_of(session.name())).map_err(|_| SyncError::Bug("a roster does not write"))?;
        session.ledger.set_note("part", &part)?;
    }
    Ok(())
}

/// Takes what an office says of the sites below it.
pub(super) fn take_part(session: &Session, from: &Neighbour, text: &str) -> Result<()> {
    let part: OfficePart = serde_json::from_str(text).map_err(|_| SyncError::BadPart("roster.json"))?;
    if part.office != from.card.name {
        return Err(SyncError::BadPart("roster.json"));
    }
    let mut all = known(session)?;
    let merged = all.merge_what_fits(&part);
    let problem = match &merged {
        Ok(left_out) => {
            // One that is retired stands in nobody's way.
            let two = left_out.iter().filter(|(name, _)| !is_retired(&part, name));
            two.map(|(name, parent)| two_of(name, parent, &part.office)).collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    };
    session.ledger.set_note(&format!("{PROBLEM}{}", part.office), &problem)?;
    if merged.is_ok() { keep(session, &all) } else { Ok(()) }
}

/// Note of what is wrong with what an office says of the sites below it.
const PROBLEM: &str = "roster-problem:";

/// Whether an office says of a site below it that it is retired.
fn is_retired(part: &OfficePart, name: &SiteName) -> bool {
    part.sites.iter().any(|site| site.name == *name && site.retired.is_some())
}

/// `one` has the name in the main office's list, so that of `other` is the one to go.
fn two_of(name: &SiteName, one: &SiteName, other: &SiteName) -> String {
    format!(
        "'{one}' and '{other}' have each invited a site called '{name}': what concerns the one of '{other}' is told to that of '{one}'. \
         Retire that of '{other}' ('fieldpost sites retire {name}' at '{other}', nowhere else) and invite it anew under a name that nobody has"
    )
}

/// What is wrong with who is there, a sentence each: two sites have one name.
///
/// # Errors
/// As the ledger says.
pub fn problems(session: &Session) -> Result<Vec<String>> {
    let mut all: Vec<String> = session.ledger.notes(PROBLEM)?.into_values().filter(|problem| !problem.is_empty()).collect();
    if let (Some(told), Some(part)) = (session.ledger.note("roster")?, session.ledger.note("part")?)
        && session.settings.role == Role::Office
    {
        let part: OfficePart = serde_json::from_str(&part).map_err(|_| SyncError::Bug("a noted part of the roster does not read"))?;
        let others = Roster::parse(told.as_bytes())?.make_room_for(&part);
        all.extend(others.iter().filter(|(name, _)| !is_retired(&part, name)).map(|(name, parent)| two_of(name, parent, session.name())));
    }
    Ok(all)
}

/// What a neighbour is to be told of the roster or the rules; `None` where nothing.
pub(super) fn document(session: &Session, to: &Neighbour, note: &str) -> Result<Option<String>> {
    let up = to.kind == NeighbourKind::Parent;
    Ok(match (note, session.settings.role) {
        ("roster", Role::Remote) => None,
        ("roster", Role::Office) if up => session.ledger.note("part")?,
        ("roster", _) => Some(String::from_utf8_lossy(&known(session)?.to_bytes()).into_owned()),
        ("rules", Role::Host) => Some(session.written_rules.to_string()),
        ("rules", _) if !up => session.ledger.note("rules")?,
        _ => None,
    })
}

/// Whether a record was made at a child or below it.
pub(super) fn made_below(session: &Session, born: Born, child: SiteNo) -> Result<bool> {
    is_below(session, born.site, child)
}

/// Whether a site is a child of ours or below it.
pub(super) fn is_below(session: &Session, site: SiteNo, child: SiteNo) -> Result<bool> {
    if site == child {
        return Ok(true);
    }
    let name = session.ledger.site_name(site)?;
    Ok(way_down(session, &name)?.is_some_and(|way| session.ledger.site_name(child).is_ok_and(|child| child == way)))
}

/// The child through which the way to a site leads; none where it lies above or beside.
pub(super) fn way_down(session: &Session, name: &SiteName) -> std::result::Result<Option<SiteName>, LedgerError> {
    let Ok(roster) = known(session) else { return Ok(None) };
    let mut at = roster.find(name);
    // The way up is never longer than the roster.
    for _ in 0..roster.sites().len() {
        let Some(site) = at else { break };
        match &site.parent {
            Some(parent) if parent == session.name() => return Ok(Some(site.name.clone())),
            Some(parent) => at = roster.find(parent),
            None => break,
        }
    }
    Ok(None)
}
