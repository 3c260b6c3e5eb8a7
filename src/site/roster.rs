//! Which sites are there, under whom, and by which keys are they known?
//!
//! The host writes the roster; an office writes the part for the sites below it and sends it up. Invariant: names are
//! unique in the whole tree, every site but the host has a parent in the roster, and the parents lead to the host.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Millis, SiteName};

/// A site's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The root.
    Host,
    /// A site that may have children.
    Office,
    /// A site of one person.
    Remote,
}

/// All sites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// [`Roster::FORMAT`].
    pub format: u32,
    /// The sites, by name.
    sites: Vec<Site>,
}

/// One site as all others know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its name.
    pub name: SiteName,
    /// Its place.
    pub role: Role,
    /// Its parent; none at the host, and only there.
    pub parent: Option<SiteName>,
    /// The groups it is in.
    pub groups: BTreeSet<String>,
    /// Public signing key, as an OpenSSH public key line.
    pub signing: String,
    /// Public sealing key, as an age recipient.
    pub sealing: String,
    /// Since when it is no site any more; its name stays taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
}

/// That a site is no site any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// Since when.
    pub time: Millis,
    /// Who said so: its parent, or that of an office above it.
    pub by: SiteName,
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "retired by '{}' on {}", self.by, self.time.date())
    }
}

/// What an office says of the sites below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficePart {
    /// [`Roster::FORMAT`].
    pub format: u32,
    /// The office.
    pub office: SiteName,
    /// Its children and theirs, by name.
    pub sites: Vec<Site>,
}

/// Why a roster, or a change of one, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// Not JSON of the right form.
    #[error("the roster cannot be read: {0}")]
    Form(String),
    /// Made by another version.
    #[error("the roster has format {found}, this fieldpost knows {known}", known = Roster::FORMAT)]
    Format {
        /// As it says.
        found: u32,
    },
    /// Two sites of one name.
    #[error("the name '{name}' belongs to a site of '{parent}' already")]
    NameTaken {
        /// The name.
        name: SiteName,
        /// Parent of the site that has it; the host's own name for the host.
        parent: SiteName,
    },
    /// A parent that is not in the roster.
    #[error("site '{site}' names the parent '{parent}', which is not there")]
    NoParent {
        /// The site.
        site: SiteName,
        /// The parent it names.
        parent: SiteName,
    },
    /// A site below one that cannot have children.
    #[error("'{parent}' is a remote and cannot have sites of its own")]
    ParentIsRemote {
        /// The remote.
        parent: SiteName,
    },
    /// Not exactly one host, a host with a parent, or another site without one, or parents in a circle.
    #[error("site '{site}' is not below the host")]
    Tree {
        /// The first such site.
        site: SiteName,
    },
    /// Nobody of that name.
    #[error("there is no site '{0}'")]
    Unknown(SiteName),
    /// The host cannot be retired.
    #[error("'{0}' is the main office: without it there is no tree")]
    Host(SiteName),
    /// More sites than allowed.
    #[error("{0} sites are more than the {max} allowed", max = Roster::MAX_SITES)]
    TooMany(usize),
}

impl Roster {
    /// The format written and read here.
    pub const FORMAT: u32 = 1;
    /// Most sites of one tree: every site carries the whole roster.
    pub const MAX_SITES: usize = 10_000;

    /// A tree of one host.
    ///
    /// # Errors
    /// [`RosterError::Tree`] where `host` is none.
    pub fn new(host: Site) -> Result<Self, RosterError> {
        Self { format: Self::FORMAT, sites: vec![host] }.checked()
    }

    /// Reads what [`Roster::to_bytes`] wrote.
    ///
    /// # Errors
    /// Whatever breaks the invariant.
    pub fn parse(bytes: &[u8]) -> Result<Self, RosterError> {
        #[derive(Deserialize)]
        struct AnyFormat {
            format: u32,
        }
        let form = |error: serde_json::Error| RosterError::Form(error.to_string());
        let AnyFormat { format } = serde_json::from_slice(bytes).map_err(form)?;
        if format != Self::FORMAT {
            return Err(RosterError::Format { found: format });
        }
        serde_json::from_slice::<Self>(bytes).map_err(form)?.checked()
    }

    /// The canonical bytes: the same sites give the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and lists are JSON")
    }

    /// The sites, by name.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The root.
    ///
    /// # Panics
    /// Never: a roster has one.
    #[must_use]
    pub fn host(&self) -> &Site {
        self.sites.iter().find(|site| site.role == Role::Host).expect("checked when made")
    }

    /// The site of that name.
    #[must_use]
    pub fn find(&self, name: &SiteName) -> Option<&Site> {
        self.sites.binary_search_by(|site| site.name.cmp(name)).ok().map(|place| &self.sites[place])
    }

    /// Whether any site has the name.
    #[must_use]
    pub fn name_taken(&self, name: &SiteName) -> bool {
        self.find(name).is_some()
    }

    /// The sites directly below one, by name.
    pub fn children_of(&self, parent: &SiteName) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(move |site| site.parent.as_ref() == Some(parent))
    }

    /// The sites below one at any depth, by name.
    #[must_use]
    pub fn below(&self, top: &SiteName) -> Vec<&Site> {
        self.sites.iter().filter(|site| site.name != *top && self.is_under(site, top)).collect()
    }

    /// Adds a site.
    ///
    /// # Errors
    /// Whatever breaks the invariant; then nothing changed.
    pub fn add(&mut self, site: Site) -> Result<(), RosterError> {
        let mut sites = self.sites.clone();
        sites.push(site);
        self.take(sites)
    }

    /// Puts a site into groups and out of all others.
    ///
    /// # Errors
    /// [`RosterError::Unknown`].
    pub fn set_groups(&mut self, name: &SiteName, groups: BTreeSet<String>) -> Result<(), RosterError> {
        let site = self.sites.iter_mut().find(|site| site.name == *name);
        site.ok_or_else(|| RosterError::Unknown(name.clone()))?.groups = groups;
        Ok(())
    }

    /// Notes that a site and all below it are no sites any more; who was retired before stays so. The host cannot be retired.
    ///
    /// # Errors
    /// [`RosterError::Unknown`], [`RosterError::Host`].
    pub fn retire(&mut self, name: &SiteName, retired: &Retired) -> Result<(), RosterError> {
        let site = self.find(name).ok_or_else(|| RosterError::Unknown(name.clone()))?;
        if site.role == Role::Host {
            return Err(RosterError::Host(name.clone()));
        }
        let gone: BTreeSet<SiteName> = self.below(name).into_iter().chain([site]).map(|site| site.name.clone()).collect();
        for site in self.sites.iter_mut().filter(|site| gone.contains(&site.name)) {
            site.retired.get_or_insert_with(|| retired.clone());
        }
        Ok(())
    }

    /// What an office sends up of the sites below it.
    #[must_use]
    pub fn part_of(&self, office: &SiteName) -> OfficePart {
        let sites = self.below(office).into_iter().cloned().collect();
        OfficePart { format: Self::FORMAT, office: office.clone(), sites }
    }

    /// Replaces everything below an office by what it says; nothing else moves.
    ///
    /// # Errors
    /// A name that is taken elsewhere, a site that is not below the office, an unknown office; then nothing changed.
    pub fn merge(&mut self, part: &OfficePart) -> Result<(), RosterError> {
        if part.format != Self::FORMAT {
            return Err(RosterError::Format { found: part.format });
        }
        let office = self.find(&part.office).ok_or_else(|| RosterError::Unknown(part.office.clone()))?;
        let kept = self.sites.iter().filter(|site| site.name == office.name || !self.is_under(site, &office.name));
        let merged = Self { format: Self::FORMAT, sites: kept.chain(&part.sites).cloned().collect() }.checked()?;
        if let Some(stranger) = part.sites.iter().find(|site| !merged.is_under(site, &part.office)) {
            return Err(RosterError::Tree { site: stranger.name.clone() });
        }
        *self = merged;
        Ok(())
    }

    /// As [`Roster::merge`], but without the sites whose names others have, and what is below those. Gives such names with whose parent has them.
    ///
    /// # Errors
    /// As [`Roster::merge`], but for a name that is taken.
    pub fn merge_what_fits(&mut self, part: &OfficePart) -> Result<Vec<(SiteName, SiteName)>, RosterError> {
        let (mut part, mut left_out) = (part.clone(), Vec::new());
        loop {
            match self.merge(&part) {
                Err(RosterError::NameTaken { name, parent }) => {
                    let mut gone = BTreeSet::from([name.clone()]);
                    for _ in 0..part.sites.len() {
                        let below = part.sites.iter().filter(|site| site.parent.as_ref().is_some_and(|above| gone.contains(above)));
                        let below: Vec<SiteName> = below.map(|site| site.name.clone()).collect();
                        gone.extend(below);
                    }
                    let before = part.sites.len();
                    part.sites.retain(|site| !gone.contains(&site.name));
                    if part.sites.len() == before {
                        return Err(RosterError::NameTaken { name, parent });
                    }
                    left_out.push((name, parent));
                }
                merged => return merged.map(|()| left_out),
            }
        }
    }

    /// Takes out the sites elsewhere that have the name of one of an office's, with what is below them: for the office itself its own are the ones.
    /// Gives them with their parents.
    pub fn make_room_for(&mut self, part: &OfficePart) -> Vec<(SiteName, SiteName)> {
        let is_own = |site: &Site| part.sites.iter().any(|own| own.name == site.name);
        let elsewhere = |site: &&Site| is_own(site) && !self.is_under(site, &part.office);
        let others: Vec<(SiteName, SiteName)> =
            self.sites.iter().filter(elsewhere).filter_map(|site| Some((site.name.clone(), site.parent.clone()?))).collect();
        for (name, _) in &others {
            let gone: BTreeSet<SiteName> =
                self.sites.iter().filter(|site| self.is_under(site, name)).map(|site| site.name.clone()).collect();
            self.sites.retain(|site| !gone.contains(&site.name));
        }
        others
    }

    fn take(&mut self, sites: Vec<Site>) -> Result<(), RosterError> {
        *self = Self { format: self.format, sites }.checked()?;
        Ok(())
    }

    /// Whether the way up from `site` (which counts itself) leads past `top`.
    fn is_under(&self, site: &Site, top: &SiteName) -> bool {
        self.way_up(site).any(|step| step.name == *top)
    }

    /// The site, its parent, and so on; never longer than there are sites.
    fn way_up<'r>(&'r self, site: &'r Site) -> impl Iterator<Item = &'r Site> {
        let up = |site: &&'r Site| site.parent.as_ref().and_then(|parent| self.find(parent));
        std::iter::successors(Some(site), up).take(self.sites.len())
    }

    fn checked(mut self) -> Result<Self, RosterError> {
        if self.format != Self::FORMAT {
            return Err(RosterError::Format { found: self.format });
        }
        if self.sites.len() > Self::MAX_SITES {
            return Err(RosterError::TooMany(self.sites.len()));
        }
        // Stable: of two sites of one name the one that was there first is named as the holder.
        self.sites.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = self.sites.windows(2).find(|pair| pair[0].name == pair[1].name) {
            let holder = pair[0].parent.as_ref().unwrap_or(&pair[0].name);
            return Err(RosterError::NameTaken { name: pair[0].name.clone(), parent: holder.clone() });
        }
        self.sites.iter().try_for_each(|site| self.check_place(site))?;
        Ok(self)
    }

    fn check_place(&self, site: &Site) -> Result<(), RosterError> {
        let tree = || RosterError::Tree { site: site.name.clone() };
        if (site.role == Role::Host) != site.parent.is_none() {
            return Err(tree());
        }
        if let Some(parent) = &site.parent {
            let parent_site = self.find(parent);
            let parent_site = parent_site.ok_or_else(|| RosterError::NoParent { site: site.name.clone(), parent: parent.clone() })?;
            if parent_site.role == Role::Remote {
                return Err(RosterError::ParentIsRemote { parent: parent.clone() });
            }
        }
        // One root for all: the first host by name.
        let root = self.sites.iter().find(|site| site.role == Role::Host);
        if root.is_some_and(|root| self.is_under(site, &root.name)) { Ok(()) } else { Err(tree()) }
    }
}

impl Role {
    /// What each is called in files.
    pub const WORDS: [(&'static str, Self); 3] = [("host", Self::Host), ("office", Self::Office), ("remote", Self::Remote)];

    /// The word that stands for it everywhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Office => "office",
            Self::Remote => "remote",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SiteName {
        SiteName::new(text).unwrap()
    }

    fn site(own: &str, role: Role, parent: &str) -> Site {
        let parent = (!parent.is_empty()).then(|| name(parent));
        let groups = BTreeSet::from(["sales".to_owned()]);
        Site { name: name(own), role, parent, groups, signing: format!("ssh-ed25519 {own}"), sealing: format!("age1{own}"), retired: None }
    }

    fn tree() -> Roster {
        let mut roster = Roster::new(site("head", Role::Host, "")).unwrap();
        roster.add(site("north", Role::Office, "head")).unwrap();
        roster.add(site("anna", Role::Remote, "head")).unwrap();
        roster.add(site("bert", Role::Remote, "north")).unwrap();
        roster
    }

    #[test]
    fn the_same_sites_give_the_same_bytes_and_read_back() {
        let roster = tree();
        assert_eq!(Roster::parse(&roster.to_bytes()).unwrap(), roster);
        let children: Vec<&str> = roster.children_of(&name("head")).map(|site| site.name.as_str()).collect();
        assert_eq!(children, ["anna", "north"]);
        assert_eq!(roster.host().name, name("head"));
    }

    #[test]
    fn a_name_is_taken_once_in_the_whole_tree() {
        let mut roster = tree();
        let error = roster.add(site("bert", Role::Remote, "head")).unwrap_err();
        assert_eq!(error, RosterError::NameTaken { name: name("bert"), parent: name("north") });
        assert_eq!(roster, tree());
    }

    #[test]
    fn a_name_that_two_have_keeps_only_that_one_out() {
        let mut roster = tree();
        let mut part = roster.part_of(&name("north"));
        part.sites.extend([site("anna", Role::Office, "north"), site("dora", Role::Remote, "anna"), site("carl", Role::Remote, "north")]);
        let left_out = roster.merge_what_fits(&part).unwrap();
        assert_eq!(left_out, [(name("anna"), name("head"))]);
        assert!(roster.name_taken(&name("carl")) && !roster.name_taken(&name("dora")));
        assert_eq!(roster.find(&name("anna")).unwrap().parent, Some(name("head")));
        // For the office itself its own is the one.
        let mut own = tree();
        assert_eq!(own.make_room_for(&part), [(name("anna"), name("head"))]);
        own.merge(&part).unwrap();
        assert_eq!(own.find(&name("anna")).unwrap().parent, Some(name("north")));
    }

    #[test]
    fn an_office_says_who_is_below_it_and_nothing_else() {
        let mut roster = tree();
        let mut part = roster.part_of(&name("north"));
        part.sites.push(site("carl", Role::Remote, "north"));
        roster.merge(&part).unwrap();
        assert!(roster.name_taken(&name("carl")) && roster.name_taken(&name("bert")));

        part.sites.push(site("dora", Role::Remote, "head"));
        assert_eq!(roster.merge(&part), Err(RosterError::Tree { site: name("dora") }));
        part.sites.pop();
        part.sites.push(site("anna", Role::Remote, "north"));
        assert!(matches!(roster.merge(&part), Err(RosterError::NameTaken { .. })));
        part.sites.clear();
        roster.merge(&part).unwrap();
        assert!(!roster.name_taken(&name("bert")) && roster.name_taken(&name("north")));
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let mut roster = tree();
        assert!(matches!(roster.add(site("x", Role::Remote, "anna")), Err(RosterError::ParentIsRemote { .. })));
        assert!(matches!(roster.add(site("x", Role::Remote, "nobody")), Err(RosterError::NoParent { .. })));
        assert!(matches!(roster.add(site("x", Role::Host, "")), Err(RosterError::Tree { .. })));
        assert!(matches!(roster.add(site("x", Role::Office, "")), Err(RosterError::Tree { .. })));
        assert!(matches!(roster.add(site("x", Role::Office, "x")), Err(RosterError::Tree { .. })));
        assert!(matches!(Roster::new(site("x", Role::Remote, "head")), Err(RosterError::NoParent { .. })));
        let newer = String::from_utf8(tree().to_bytes()).unwrap().replace("\"format\":1", "\"format\":2,\"more\":0");
        assert_eq!(Roster::parse(newer.as_bytes()), Err(RosterError::Format { found: 2 }));
        assert!(matches!(Roster::parse(b"{}"), Err(RosterError::Form(_))));
    }

    #[test]
    fn a_site_is_in_the_groups_that_were_said_last() {
        let mut roster = tree();
        roster.set_groups(&name("bert"), BTreeSet::from(["east".to_owned()])).unwrap();
        assert_eq!(Roster::parse(&roster.to_bytes()).unwrap().find(&name("bert")).unwrap().groups, BTreeSet::from(["east".to_owned()]));
        assert_eq!(roster.set_groups(&name("nobody"), BTreeSet::new()), Err(RosterError::Unknown(name("nobody"))));
    }

    #[test]
    fn a_site_is_retired_with_all_below_it_and_keeps_its_name() {
        let mut roster = tree();
        let retired = |time| Retired { time: Millis(time), by: name("head") };
        roster.retire(&name("bert"), &retired(1)).unwrap();
        roster.retire(&name("north"), &retired(2)).unwrap();
        let said = Roster::parse(&roster.to_bytes()).unwrap();
        let since = |site: &str| said.find(&name(site)).unwrap().retired.as_ref().map(|retired| retired.time.0);
        assert_eq!(["head", "anna", "north", "bert"].map(since), [None, None, Some(2), Some(1)]);
        assert!(said.name_taken(&name("north")));
        assert_eq!(roster.retire(&name("head"), &retired(3)), Err(RosterError::Host(name("head"))));
        assert!(!String::from_utf8(tree().to_bytes()).unwrap().contains("retired"), "a roster of an earlier version is the same");
    }

    #[test]
    fn a_tree_at_the_cap_is_taken_and_one_site_more_is_not() {
        let mut sites = vec![site("head", Role::Host, "")];
        sites.extend((1..Roster::MAX_SITES).map(|number| site(&format!("s{number}"), Role::Remote, "head")));
        let full = Roster { format: Roster::FORMAT, sites }.checked().unwrap();
        assert_eq!(full.clone().add(site("extra", Role::Remote, "head")), Err(RosterError::TooMany(Roster::MAX_SITES + 1)));
    }
}
