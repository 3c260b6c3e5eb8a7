//! `fieldpost sites`: which sites are there, under whom, in which groups, and which are none any more?

mod groups;
mod retire;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde::Serialize;

pub use groups::{GroupsArgs, GroupsReport};
pub use retire::{RetireArgs, RetireReport};

use super::page::{Column, Moment, Page};
use super::printer::Report;
use super::{Context, Exit, Failure};
use crate::model::SiteName;
use crate::site::Role;
use crate::sync::roster;

/// List all sites, change the groups of those invited here, and retire them
///
/// The list is the roster: the main office and its offices write it, and it travels to every site. Groups say who gets which bundles and
/// documents, and rules may name them.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  fieldpost sites
  fieldpost sites groups anna --add sales --remove field
  fieldpost sites retire anna"
)]
pub struct SitesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<SitesCommand>,
}

/// What to do with sites.
#[derive(Clone, Debug, Subcommand)]
pub enum SitesCommand {
    /// List them: the same as without a word
    #[command(after_help = "Examples:\n  fieldpost sites list\n  fieldpost sites list --json")]
    List,
    /// Put a site into groups, and take it out of others
    ///
    /// At the site that invited it; at the main office also for the main office itself. The next 'fieldpost sync' tells all sites. A site
    /// that comes into a group gets the bundles and documents that are for it. One that leaves a group keeps what it has: an installed
    /// bundle stays as it is and gets no newer version, until 'fieldpost bundle remove' there or 'fieldpost bundle withdraw' at the main
    /// office takes it out; documents stay, and what becomes of them elsewhere is not told any more. Conflicts are decided by the groups
    /// that sites are in when they are decided.
    #[command(
        after_help = "Examples:\n  fieldpost sites groups anna --add sales --remove field\n  fieldpost sites groups head --add office"
    )]
    Groups(GroupsArgs),
    /// End a site for good: a computer that was lost, a colleague who left
    ///
    /// At the site that invited it. Takes what it sent so far, shows what it leaves behind, and asks. From then on nothing is made for it and
    /// nothing of it is taken: what comes is set aside, and said once. Nothing waits for it any more, so what was kept for it alone can be
    /// forgotten. Records and edits of it that were taken stay. Changes of it that wait are tried once more, and else listed with their
    /// values ('fieldpost conflicts'). Sites below it are cut off with it. All others hear of it with the roster, and so does the site itself, if it
    /// ever looks. Its name stays taken: who comes back is invited under another one. Of a site that has not joined yet the invitation is withdrawn.
    #[command(after_help = "Examples:\n  fieldpost sites retire anna\n  fieldpost sites retire north --yes      without being asked")]
    Retire(RetireArgs),
}

impl SitesArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            Some(SitesCommand::Groups(_)) => Some("sites groups"),
            Some(SitesCommand::Retire(_)) => Some("sites retire"),
            Some(SitesCommand::List) | None => None,
        }
    }
}

/// All sites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SitesReport {
    /// This site.
    pub here: SiteName,
    /// Each behind the one above it.
    pub sites: Vec<SiteLine>,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SiteLine {
    /// Its name.
    pub name: SiteName,
    /// Its place.
    pub role: Role,
    /// Who is above it; none at the main office.
    pub parent: Option<SiteName>,
    /// The groups it is in.
    pub groups: BTreeSet<String>,
    /// How many sites are above it.
    pub depth: usize,
    /// Since when it is no site any more; none where it is one.
    pub retired: Option<Moment>,
    /// The site that said so.
    pub retired_by: Option<SiteName>,
}

/// Runs the command.
///
/// # Errors
/// As home and ledger say.
pub fn run(arguments: &SitesArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        None | Some(SitesCommand::List) => list(context),
        Some(SitesCommand::Groups(arguments)) => groups::run(arguments, context),
        Some(SitesCommand::Retire(arguments)) => retire::run(arguments, context),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let known = roster::known(&session)?;
    let mut sites = Vec::new();
    let mut next = vec![(known.host(), 0)];
    while let Some((site, depth)) = next.pop() {
        sites.push(SiteLine {
            name: site.name.clone(),
            role: site.role,
            parent: site.parent.clone(),
            groups: site.groups.clone(),
            depth,
            retired: site.retired.as_ref().map(|retired| Moment(retired.time)),
            retired_by: site.retired.as_ref().map(|retired| retired.by.clone()),
        });
        let first = next.len();
        next.extend(known.children_of(&site.name).map(|child| (child, depth + 1)));
        next[first..].reverse();
    }
    Ok(context.printer.report(&SitesReport { here: session.name().clone(), sites }))
}

/// Groups in words.
fn words(groups: &BTreeSet<String>) -> String {
    if groups.is_empty() { "no group".to_owned() } else { groups.iter().cloned().collect::<Vec<_>>().join(", ") }
}

impl Report for SitesReport {
    fn text(&self, page: &Page) -> String {
        let retired = |site: &SiteLine| site.retired.map_or_else(String::new, |since| format!("retired {}", page.moment(since)));
        let any = self.sites.iter().any(|site| site.retired.is_some());
        let columns = ["site", "role", "groups", ""].into_iter().take(if any { 4 } else { 3 }).map(Column::Words).collect::<Vec<_>>();
        let rows = self.sites.iter().map(|site| {
            let here = if site.name == self.here { " (here)" } else { "" };
            let name = format!("{}{}{here}", "  ".repeat(site.depth), site.name);
            let cells = [name, site.role.to_string(), words(&site.groups), retired(site)];
            cells.into_iter().take(columns.len()).collect()
        });
        page.table(&columns, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, plain};

    #[test]
    fn every_site_stands_below_the_one_above_it() {
        let name = |text: &str| SiteName::new(text).unwrap();
        let line = |own: &str, role, parent: Option<&str>, groups: &[&str], depth| SiteLine {
            name: name(own),
            role,
            parent: parent.map(name),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            depth,
            retired: None,
            retired_by: None,
        };
        let sites = vec![
            line("head", Role::Host, None, &[], 0),
            line("north", Role::Office, Some("head"), &["east"], 1),
            line("anna", Role::Remote, Some("north"), &["east", "sales"], 2),
        ];
        let report = |sites: &[SiteLine]| plain(&SitesReport { here: name("north"), sites: sites.to_vec() });
        let said = report(&sites);
        for words in ["head", "  north (here)", "    anna", "east, sales", "no group"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!said.contains("retired"));
        let gone = SiteLine { retired: Some(at(0)), retired_by: Some(name("north")), ..sites[2].clone() };
        assert!(report(&[sites[0].clone(), sites[1].clone(), gone]).contains("retired 2026-11-22 08:00"));
    }
}
