//! `fieldpost bundle status`: which site has which version since when, and what waits?

use std::collections::BTreeSet;

use serde::Serialize;

use crate::bundle::{BundleName, Version};
use crate::cli::page::{Column, Moment, Page, heading, paragraphs};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::model::SiteName;
use crate::sync::bundles::{self, Until};
use crate::sync::roster;

/// What is published, and how it stands at this site and those below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct StatusReport {
    published: Vec<Published>,
    sites: Vec<Standing>,
}

/// A bundle that is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Published {
    name: BundleName,
    version: Version,
    title: String,
    /// For which groups; none: all sites.
    groups: BTreeSet<String>,
    from: Option<Moment>,
    published: Moment,
}

/// A bundle at a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Standing {
    site: SiteName,
    name: BundleName,
    installed: Option<Version>,
    since: Option<Moment>,
    /// The version that is not installed although it is published, or not gone although it is withdrawn.
    waiting: Option<Version>,
    why: Option<String>,
    /// What ends that: a later round, a person, nothing.
    until: Option<Until>,
    /// Whether it is installed where no version of it is for the site's groups: it stays as it is.
    for_others: bool,
}

/// Why a site that has not answered yet is not up to date, as far as is known.
const SILENT: &str = "it has not answered yet";
/// What becomes of a bundle at a site that left its group, or that installed it by hand.
const FOR_OTHERS: &str = "not for its groups: it stays, and gets no newer version";

/// What another site says to do is to be done there.
fn at_that_site(why: &str) -> String {
    const COMMAND: &str = "'fieldpost ";
    let mut parts = why.split(COMMAND);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, rest) = part.split_once('\'').unwrap_or((part, ""));
        text += &format!("{COMMAND}{command}' there{rest}");
    }
    text
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let paper = bundles::paper(&session)?;
    let there: Vec<_> = paper.bundles.iter().filter(|bundle| !bundle.withdrawn).collect();
    // A version that nobody gets any more, because all have a newer one, is of no interest.
    let covered = |place: usize| {
        let bundle = there[place];
        there[place + 1..].iter().any(|newer| {
            let for_all = newer.groups.is_empty() || (!bundle.groups.is_empty() && bundle.groups.is_subset(&newer.groups));
            newer.name == bundle.name && for_all && newer.is_due(session.world.now())
        })
    };
    let shown = there.iter().enumerate().filter(|(place, _)| !covered(*place)).map(|(_, bundle)| bundle);
    let published = shown.map(|bundle| Published {
        name: bundle.name.clone(),
        version: bundle.version,
        title: bundle.title.clone(),
        groups: bundle.groups.clone(),
        from: bundle.from.map(Moment),
        published: Moment(bundle.published),
    });
    let mut sites = Vec::new();
    for report in bundles::reports(&session)? {
        for standing in report.bundles {
            let wait = standing.waits;
            sites.push(Standing {
                site: report.site.clone(),
                name: standing.name,
                installed: standing.installed.map(|at| at.version),
                since: standing.installed.map(|at| Moment(at.since)),
                waiting: wait.as_ref().map(|wait| wait.version),
                until: wait.as_ref().map(|wait| wait.until),
                why: wait.map(|wait| if report.site == *session.name() { wait.why } else { at_that_site(&wait.why) }),
                for_others: false,
            });
        }
    }
    let known = roster::known(&session)?;
    // Published for some sites, and not for this one any more: whoever installed it by hand knows why.
    for standing in sites.iter_mut().filter(|standing| standing.installed.is_some()) {
        let is_published = there.iter().any(|bundle| bundle.name == standing.name);
        let is_for = |groups| paper.current(groups, session.world.now()).iter().any(|bundle| bundle.name == standing.name);
        standing.for_others = is_published && known.find(&standing.site).is_some_and(|site| !is_for(&site.groups));
    }
    // Whoever below has not said anything of a version yet is no less in need of it.
    for site in known.below(session.name()).into_iter().filter(|site| site.retired.is_none()) {
        for bundle in paper.current(&site.groups, session.world.now()) {
            let silent = (Some(bundle.version), Some(SILENT.to_owned()), Some(Until::Later));
            match sites.iter_mut().find(|standing| standing.site == site.name && standing.name == bundle.name) {
                Some(told) if told.installed >= Some(bundle.version) || told.waiting.is_some() => {}
                Some(told) => (told.waiting, told.why, told.until) = silent,
                None => sites.push(Standing {
                    site: site.name.clone(),
                    name: bundle.name.clone(),
                    installed: None,
                    since: None,
                    waiting: silent.0,
                    why: silent.1,
                    until: silent.2,
                    for_others: false,
                }),
            }
        }
    }
    sites.sort_by(|a, b| (&a.name, &a.site).cmp(&(&b.name, &b.site)));
    Ok(context.printer.report(&StatusReport { published: published.collect(), sites }))
}

impl Report for StatusReport {
    fn exit(&self) -> Exit {
        if self.sites.iter().any(|standing| standing.until == Some(Until::Person)) { Exit::Attention } else { Exit::Done }
    }

    fn text(&self, page: &Page) -> String {
        if self.published.is_empty() && self.sites.is_empty() {
            return "no bundle is published or installed".to_owned();
        }
        let groups = |groups: &BTreeSet<String>| {
            if groups.is_empty() { "all sites".to_owned() } else { groups.iter().cloned().collect::<Vec<_>>().join(", ") }
        };
        let rows = self.published.iter().map(|bundle| {
            let when = page.moment(bundle.from.unwrap_or(bundle.published));
            vec![bundle.name.to_string(), bundle.version.to_string(), groups(&bundle.groups), when, bundle.title.clone()]
        });
        let columns = ["Bundle", "Version", "For", "From", "Title"].map(Column::Words);
        let published = (!self.published.is_empty()).then(|| format!("{}\n{}", heading("Published"), page.table(&columns, rows)));
        let rows = self.sites.iter().map(|standing| {
            let version = standing.installed.map_or_else(|| "–".to_owned(), |version| version.to_string());
            let since = standing.since.map(|since| page.moment(since)).unwrap_or_default();
            let waits = standing.waiting.zip(standing.why.as_ref()).map(|(version, why)| format!("{version}: {why}")).unwrap_or_default();
            let waits = if standing.for_others && waits.is_empty() { FOR_OTHERS.to_owned() } else { waits };
            let waits = if standing.until == Some(Until::Person) { format!("{waits}; wants you") } else { waits };
            vec![standing.name.to_string(), standing.site.to_string(), version, since, waits]
        });
        let columns = ["Bundle", "Site", "Installed", "Since", "Open"].map(Column::Words);
        let sites = (!self.sites.is_empty()).then(|| format!("{}\n{}", heading("Sites"), page.table(&columns, rows)));
        paragraphs(published.into_iter().chain(sites))
    }
}
