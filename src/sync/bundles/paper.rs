//! What does the main office publish, to whom, and what do sites report?
//!
//! The main office's [`Paper`] goes down to every site like the roster: whose keys may sign, which bundles there are for which groups and
//! from when, which were withdrawn. Reports go up: each office adds those of the sites below it to its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::carry::{self, Concerns};
use super::install::{Effects, install_with, plan};
use super::undo::{By, Depth, Undone, undo_with};
use super::{Refusal, Scope, State, file, states, steps, stored, told, travel};
use crate::bundle::{BundleName, Loss, Manifest, Opened, Runs, StepEntry, Version};
use crate::keys::{Fingerprint, VerifyingKey};
use crate::ledger::{Neighbour, NeighbourKind};
use crate::model::{Millis, SiteName, collision_key};
use crate::packet::{self, ContentHash};
use crate::site::{Role, Site};
use crate::sync::{Result, Session, SyncError, roster};
use crate::world::files::{self, Existing, Privacy};

/// What the main office says of bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// [`Paper::FORMAT`].
    pub format: u32,
    /// Larger than that of every paper before: the time when it was written, in milliseconds, or one more than the last.
    #[serde(default)]
    pub serial: i64,
    /// Whose keys may sign, besides the main office's.
    pub publishers: Vec<Publisher>,
    /// Bundles in the order in which they were published, withdrawn ones too.
    pub bundles: Vec<Published>,
}

/// Somebody who may sign bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// For people.
    pub name: String,
    /// The key.
    pub key: VerifyingKey,
}

/// A bundle that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its id.
    pub id: ContentHash,
    /// Its name.
    pub name: BundleName,
    /// Its version.
    pub version: Version,
    /// For people.
    pub title: String,
    /// For which groups; none: for every site.
    pub groups: BTreeSet<String>,
    /// Not installed before.
    pub from: Option<Millis>,
    /// When.
    pub published: Millis,
    /// It was taken back.
    pub withdrawn: bool,
}

impl Published {
    /// Whether its day has come.
    #[must_use]
    pub fn is_due(&self, now: Millis) -> bool {
        self.from.is_none_or(|from| from <= now)
    }

    /// Whether a site can get it that is in some of these groups; none: any site.
    fn meets(&self, groups: &BTreeSet<String>) -> bool {
        groups.is_empty() || self.groups.is_empty() || !self.groups.is_disjoint(groups)
    }
}

/// How bundles stand at a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteReport {
    /// The site.
    pub site: SiteName,
    /// By name.
    pub bundles: Vec<Standing>,
    /// Files that it should have and has not.
    pub wants: BTreeSet<ContentHash>,
}

/// How a bundle stands at a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The bundle.
    pub name: BundleName,
    /// The version that is installed, and since when.
    pub installed: Option<At>,
    /// The version that is not installed although it is published, or not gone although it is withdrawn.
    pub waits: Option<Wait>,
}

/// What is not done with a version yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The version.
    pub version: Version,
    /// Why.
    pub why: String,
    /// What ends it.
    pub until: Until,
}

/// What ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// A later round, by itself.
    Later,
    /// A person, who mends what is in the way.
    Person,
    /// Nothing: a person took it back here.
    Declined,
}

impl Until {
    /// After a try that failed.
    pub(super) const fn after(passes: bool) -> Self {
        if passes { Self::Later } else { Self::Person }
    }
}

/// A version and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The version.
    pub version: Version,
    /// When it was installed.
    pub since: Millis,
}

pub(super) const PAPER: &str = "bundles";
pub(in crate::sync) const PAPER_PART: &str = "bundles.json";
const SIGNATURE_PART: &str = "bundles.json.sig";
pub(in crate::sync) const REPORT_PART: &str = "bundle-report.json";
const REPORTS: &str = "bundle report:";
/// What is published and not installed here, by name.
pub(super) const WAITS: &str = "bundle waits";

impl Paper {
    /// The format written and read here.
    pub const FORMAT: u32 = 1;

    /// For a site in these groups: of each bundle the newest that is meant for it and whose day has come, then the newest whose day is
    /// still to come, if there is a newer one.
    #[must_use]
    pub fn current(&self, groups: &BTreeSet<String>, now: Millis) -> Vec<&Published> {
        let mut newest: BTreeMap<&BundleName, [Option<&Published>; 2]> = BTreeMap::new();
        for bundle in self.bundles.iter().filter(|bundle| !bundle.withdrawn) {
            if bundle.groups.is_empty() || !bundle.groups.is_disjoint(groups) {
                let of = newest.entry(&bundle.name).or_default();
                if bundle.is_due(now) { *of = [Some(bundle), None] } else { of[1] = Some(bundle) }
            }
        }
        newest.into_values().flatten().flatten().collect()
    }
}

/// What the main office says; nothing where it never said anything.
///
/// # Errors
/// [`Refusal::NewerPaper`].
pub fn paper(session: &Session) -> Result<Paper> {
    let Some(text) = session.ledger.note(PAPER)? else {
        return Ok(Paper { format: Paper::FORMAT, serial: 0, publishers: Vec::new(), bundles: Vec::new() });
    };
    let paper: Paper = serde_json::from_str(&text).map_err(|_| Refusal::NewerPaper)?;
    if paper.format == Paper::FORMAT { Ok(paper) } else { Err(Refusal::NewerPaper.into()) }
}

/// Inside the open transaction of the ledger.
fn set_paper(session: &Session, said: &Paper) -> Result<()> {
    let before = paper(session)?;
    if (&said.publishers, &said.bundles) == (&before.publishers, &before.bundles) {
        return Ok(());
    }
    // By the clock, so that a main office that was put back from a backup does not say old numbers again.
    let serial = session.world.now().0.max(before.serial + 1);
    let text =
        serde_json::to_string(&Paper { serial, ..said.clone() }).map_err(|_| SyncError::Bug("the list of bundles does not write"))?;
    Ok(session.ledger.set_note(PAPER, &text)?)
}

fn at_host(session: &Session) -> Result<Paper> {
    match session.settings.role {
        Role::Host => paper(session),
        role @ (Role::Office | Role::Remote) => Err(Refusal::NotHost(role).into()),
    }
}

/// Publishes a verified bundle: carries out what everybody shares, and tells the sites of these groups (none: all) to install it. Groups for
/// which it is published already stay; gives all of them.
///
/// # Errors
/// [`Refusal`]; then nothing is published.
pub fn publish(
    session: &Session,
    opened: &Opened,
    path: &std::path::Path,
    groups: &BTreeSet<String>,
    from: Option<Millis>,
) -> Result<(BTreeSet<String>, Effects)> {
    let mut paper = at_host(session)?;
    let manifest = &opened.manifest;
    if !manifest.groups.is_empty() && (groups.is_empty() || !groups.is_subset(&manifest.groups)) {
        let words = |groups: &BTreeSet<String>| groups.iter().cloned().collect::<Vec<_>>().join(", ");
        let asked = if groups.is_empty() { "all sites".to_owned() } else { words(groups) };
        return Err(Refusal::OtherGroups { meant: words(&manifest.groups), asked }.into());
    }
    let here = groups.is_empty() || !groups.is_disjoint(&roster::known(session)?.host().groups);
    for step in manifest.steps.iter().filter(|_| here) {
        steps::check_place(session, step.runs, &step.file)?;
    }
    match plan(session, opened, Scope::Shared) {
        // What everybody shares is installed by being published.
        Err(SyncError::Bundle(Refusal::Downgrade { name, installed: published, offered })) => {
            return Err(Refusal::OlderThanPublished { name, published, offered }.into());
        }
        planned => drop(planned?),
    }
    for other in paper.bundles.iter().filter(|other| other.name == manifest.name && !other.withdrawn && other.meets(groups)) {
        let Ok(Some(other)) = stored(session, other.id) else { continue };
        let is_other =
            |step: &&StepEntry| other.manifest.steps.iter().any(|before| before.file == step.file && before.up.hash != step.up.hash);
        if let Some(step) = manifest.steps.iter().find(is_other) {
            return Err(Refusal::StepChanged(step.file.clone()).into());
        }
    }
    if let Some((path, by)) = owned(session, &paper, manifest, groups) {
        return Err(Refusal::Owned { path, by }.into());
    }
    let place = file(session, opened.id);
    fs_err::create_dir_all(place.parent().unwrap_or(&place))?;
    files::publish_with(&session.world, &place, Existing::Replace, Privacy::Secret, |file| {
        Ok::<_, SyncError>(io::copy(&mut fs_err::File::open(path)?, file).map(drop)?)
    })?;
    let earlier = paper.bundles.iter().position(|bundle| bundle.id == opened.id).map(|place| paper.bundles.remove(place));
    let earlier = earlier.filter(|earlier| !earlier.withdrawn);
    let all = groups.is_empty() || earlier.as_ref().is_some_and(|earlier| earlier.groups.is_empty());
    let more = earlier.iter().flat_map(|earlier| &earlier.groups);
    let from = match &earlier {
        // Who has it in view for a day is neither put off nor hurried by others who get it too.
        Some(earlier) if from.is_none() => earlier.from,
        Some(earlier)
            if from != earlier.from && !earlier.groups.is_empty() && (groups.is_empty() || !groups.is_subset(&earlier.groups)) =>
        {
            return Err(Refusal::OtherDay.into());
        }
        Some(_) | None => from,
    };
    let groups: BTreeSet<String> = if all { BTreeSet::new() } else { groups.iter().chain(more).cloned().collect() };
    let published = earlier.map_or_else(|| session.world.now(), |earlier| earlier.published);
    paper.bundles.push(Published {
        id: opened.id,
        name: manifest.name.clone(),
        version: manifest.version,
        title: manifest.title.clone(),
        groups: groups.clone(),
        from,
        published,
        withdrawn: false,
    });
    let effects = install_with(session, opened, Scope::Shared, &|| set_paper(session, &paper))?;
    if effects.already {
        carry::commit(session, Concerns::Files, || set_paper(session, &paper))?;
    }
    Ok((groups, effects))
}

/// A path that another bundle has which some of the same sites get: they would refuse them one by one.
fn owned(session: &Session, paper: &Paper, manifest: &Manifest, groups: &BTreeSet<String>) -> Option<(String, BundleName)> {
    let ours: BTreeSet<String> = manifest.files.iter().map(|file| collision_key(&file.path)).collect();
    let mut newest: BTreeMap<&BundleName, &Published> = BTreeMap::new();
    for other in paper.bundles.iter().filter(|other| !other.withdrawn && other.name != manifest.name && other.meets(groups)) {
        newest.insert(&other.name, other);
    }
    for (name, other) in newest {
        // What has no file here, or a damaged one, is told where it is needed.
        let Ok(Some(other)) = stored(session, other.id) else { continue };
        if let Some(file) = other.manifest.files.iter().find(|file| ours.contains(&collision_key(&file.path))) {
            return Some((file.path.clone(), name.clone()));
        }
    }
    None
}

/// Takes the newest version of a bundle back: what everybody shares here and now, and each site takes back its own.
///
/// # Errors
/// [`Refusal`]; then nothing is changed.
pub fn withdraw(session: &Session, name: &BundleName, loss: Loss) -> Result<Undone> {
    let mut paper = at_host(session)?;
    let published = paper.bundles.iter().filter(|bundle| bundle.name == *name && !bundle.withdrawn);
    if let Some(file) = without_way_back(session, &published.collect::<Vec<_>>())? {
        return Err(Refusal::NoWayBack(file).into());
    }
    let newest = paper.bundles.iter_mut().rfind(|bundle| bundle.name == *name && !bundle.withdrawn);
    let newest = newest.ok_or_else(|| Refusal::NotPublished(name.clone()))?;
    newest.withdrawn = true;
    let groups = newest.groups.clone();
    // The version that sites would go back to.
    let below = paper.bundles.iter().rfind(|bundle| bundle.name == *name && !bundle.withdrawn && bundle.meets(&groups));
    if let Some(below) = below
        && let Ok(Some(opened)) = stored(session, below.id)
        && let Some((path, by)) = owned(session, &paper, &opened.manifest, &below.groups)
    {
        return Err(Refusal::BelowOwned { name: name.clone(), version: below.version, what: format!("`{path}`"), by }.into());
    }
    undo_with(session, Scope::Shared, name, Depth::One, loss, By::MainOffice, &|| set_paper(session, &paper))
}

/// A step without a way back that sites carry out for the newest of these versions of a bundle: none of them could take it back, and each would say
/// so for ever. One that a version before has too is that one's.
fn without_way_back(session: &Session, versions: &[&Published]) -> Result<Option<String>> {
    let Some((newest, before)) = versions.split_last() else { return Ok(None) };
    // What has no file here, or a damaged one, says nothing of its steps.
    let steps = |bundle: &&Published| stored(session, bundle.id).ok().flatten().map(|opened| opened.manifest.steps).unwrap_or_default();
    let before: BTreeSet<String> = before.iter().flat_map(steps).map(|step| step.file).collect();
    let bad = steps(newest).into_iter().find(|step| step.runs == Runs::AtEach && step.down.is_none() && !before.contains(&step.file));
    Ok(bad.map(|step| step.file))
}

/// Lets a key sign bundles; without a name it may not any more. Gives whether that changes anything.
///
/// # Errors
/// [`Refusal::NotHost`].
pub fn trust(session: &Session, key: &VerifyingKey, name: Option<&str>) -> Result<bool> {
    let before = at_host(session)?;
    let mut paper = before.clone();
    let print: Fingerprint = key.fingerprint();
    paper.publishers.retain(|publisher| publisher.key.fingerprint() != print);
    paper.publishers.extend(name.map(|name| Publisher { name: name.to_owned(), key: key.clone() }));
    if paper != before {
        carry::commit(session, Concerns::Files, || set_paper(session, &paper))?;
    }
    Ok(paper != before)
}

/// Reports of this site and of those below it.
///
/// # Errors
/// As the ledger says.
pub fn reports(session: &Session) -> Result<Vec<SiteReport>> {
    let mut all = vec![own_report(session)?];
    for text in session.ledger.notes(REPORTS)?.values() {
        // One that a newer site wrote differently says nothing here.
        all.extend(serde_json::from_str::<Vec<SiteReport>>(text).unwrap_or_default());
    }
    let known = roster::known(session)?;
    all.retain(|report| report.site == *session.name() || known.find(&report.site).is_none_or(|site| site.retired.is_none()));
    Ok(all)
}

fn own_report(session: &Session) -> Result<SiteReport> {
    let waits = session.ledger.note(WAITS)?.unwrap_or_default();
    let mut waits: BTreeMap<BundleName, Wait> = serde_json::from_str(&waits).unwrap_or_default();
    let mut bundles = Vec::new();
    for (name, state) in states(session, Scope::Site)? {
        let installed = State::top(&state).map(|top| At { version: top.version, since: top.time });
        let waiting = waits.remove(&name);
        if installed.is_some() || waiting.is_some() {
            bundles.push(Standing { name, installed, waits: waiting });
        }
    }
    bundles.extend(waits.into_iter().map(|(name, waits)| Standing { name, installed: None, waits: Some(waits) }));
    bundles.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(SiteReport { site: session.name().clone(), bundles, wants: travel::missing(session)? })
}

/// Parts of a packet by name, and the note under which is remembered that they were told.
type Papers = (&'static str, Vec<(&'static str, Vec<u8>)>);

/// What a neighbour is to be told: the note under which is remembered that it was, and the parts.
pub(crate) fn document(session: &Session, to: &Neighbour) -> Result<Option<Papers>> {
    let said = session.ledger.note(PAPER)?;
    Ok(match (to.kind, said) {
        (NeighbourKind::Child, None) => None,
        (NeighbourKind::Child, Some(text)) => {
            let signature = told::signature(session, &text)?.map(|signature| (SIGNATURE_PART, signature.into_bytes()));
            Some((PAPER, [(PAPER_PART, text.into_bytes())].into_iter().chain(signature).collect()))
        }
        (NeighbourKind::Parent, None) if states(session, Scope::Site)?.is_empty() => None,
        (NeighbourKind::Parent, _) => {
            let bytes = serde_json::to_vec(&reports(session)?).map_err(|_| SyncError::Bug("reports do not write"))?;
            Some(("bundle report", vec![(REPORT_PART, bytes)]))
        }
    })
}

/// Takes what a packet says of bundles, inside the transaction that applies it. Gives whether it said anything.
pub(crate) fn take(session: &Session, from: &Neighbour, opened: &packet::Opened) -> Result<bool> {
    let most = session.limits.document_bytes;
    let text = |part: &'static str| -> Result<Option<String>> {
        let Some(bytes) = opened.bytes(part, most)? else { return Ok(None) };
        Ok(Some(String::from_utf8(bytes).map_err(|_| SyncError::BadPart(part))?))
    };
    let mut brought = travel::files_in(opened).next().is_some();
    match from.kind {
        NeighbourKind::Parent => {
            told::pin(session, opened)?;
            if let Some(paper) = text(PAPER_PART)? {
                told::take(session, from, &paper, text(SIGNATURE_PART)?.as_deref())?;
                brought = true;
            }
        }
        NeighbourKind::Child => {
            if let Some(text) = text(REPORT_PART)? {
                session.ledger.set_note(&format!("{REPORTS}{}", from.card.name), &text)?;
                let said: Vec<SiteReport> = serde_json::from_str(&text).unwrap_or_default();
                if let Some(own) = said.iter().find(|report| report.site == from.card.name) {
                    travel::send_again(session, from, &own.wants)?;
                }
                brought = true;
            }
        }
    }
    Ok(brought)
}

/// The note of what waits; empty where nothing does.
pub(super) fn noted_waits(waits: &BTreeMap<BundleName, Wait>) -> Result<String> {
    if waits.is_empty() { Ok(String::new()) } else { serde_json::to_string(waits).map_err(|_| SyncError::Bug("waits do not write")) }
}

/// Forgets why a version of a bundle waits: a person did something about it. The next round looks anew.
pub(super) fn forget_wait(session: &Session, name: &BundleName) -> Result<()> {
    let noted = session.ledger.note(WAITS)?.unwrap_or_default();
    let mut waits: BTreeMap<BundleName, Wait> = serde_json::from_str(&noted).unwrap_or_default();
    if waits.remove(name).is_some() {
        session.ledger.set_note(WAITS, &noted_waits(&waits)?)?;
    }
    Ok(())
}

/// How many other sites are in the given groups, for a word about a publication that reaches nobody.
///
/// # Errors
/// As the ledger says.
pub fn reached(session: &Session, groups: &BTreeSet<String>) -> Result<usize> {
    let known = roster::known(session)?;
    let in_groups = |site: &Site| groups.is_empty() || !groups.is_disjoint(&site.groups);
    let meant = |site: &&Site| site.name != *session.name() && in_groups(site);
    Ok(known.sites().iter().filter(|site| site.retired.is_none()).filter(meant).count())
}
