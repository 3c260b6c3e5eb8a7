//! `fieldpost sites groups`: into which groups does a site come, which ones does it leave, and what follows from that?

use std::collections::BTreeSet;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use serde::Serialize;

use super::words;
use crate::bundle::{BundleName, Version};
use crate::cli::logged::Line;
use crate::cli::page::{Page, heading};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::model::SiteName;
use crate::site::{Level, Role};
use crate::sync::{bundles, roster};

/// Arguments of `sites groups`.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("changes").required(true).multiple(true).args(["add", "remove"])))]
pub struct GroupsArgs {
    /// The site
    #[arg(value_name = "NAME", value_parser = SiteName::new)]
    pub name: SiteName,
    /// A group that it comes into; may be given several times
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    pub add: Vec<String>,
    /// A group that it leaves; may be given several times
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    pub remove: Vec<String>,
}

/// What became of a site's groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupsReport {
    /// The site.
    pub site: SiteName,
    /// Its groups from now on.
    pub groups: BTreeSet<String>,
    /// Its groups until now.
    pub before: BTreeSet<String>,
    /// Published bundles that are for it from now on.
    pub bundles_for_it: Vec<PublishedBundle>,
    /// Published bundles that were for it until now: where one is installed it stays as it is.
    pub bundles_no_more: Vec<PublishedBundle>,
    /// Whether other documents are for it than until now.
    pub other_documents: bool,
    /// Whether all documents are for it, because none of its groups says which.
    pub all_documents: bool,
}

/// A published bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublishedBundle {
    /// Its name.
    pub name: BundleName,
    /// The newest version for these groups.
    pub version: Version,
}

pub(super) fn run(arguments: &GroupsArgs, context: &Context) -> Result<Exit, Failure> {
    let set = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<String>>();
    let (add, remove) = (set(&arguments.add), set(&arguments.remove));
    if let Some(both) = add.intersection(&remove).next() {
        return Err(Failure::BadLine(format!("`{both}` is both to come and to go: say one of the two")));
    }
    let (_lock, session) = context.work()?;
    let roster::Regrouped { site, before } = roster::regroup(&session, &arguments.name, &add, &remove)?;
    let (paper, now) = (bundles::paper(&session)?, session.world.now());
    let names = |groups| paper.current(groups, now).into_iter().map(|bundle| &bundle.name).collect::<BTreeSet<_>>();
    let (was, is) = (names(&before), names(&site.groups));
    let only = |groups, other: &BTreeSet<&BundleName>| {
        let current = paper.current(groups, now).into_iter().filter(|bundle| !other.contains(&bundle.name));
        current.map(|bundle| PublishedBundle { name: bundle.name.clone(), version: bundle.version }).collect::<Vec<_>>()
    };
    let documents = |groups: &BTreeSet<String>| {
        groups.iter().filter(|group| session.rules.library().groups.contains_key(*group)).cloned().collect::<BTreeSet<_>>()
    };
    let report = GroupsReport {
        bundles_for_it: only(&site.groups, &was),
        bundles_no_more: only(&before, &is),
        all_documents: documents(&site.groups).is_empty(),
        other_documents: site.role == Role::Remote && session.has_library() && documents(&before) != documents(&site.groups),
        groups: site.groups,
        site: site.name,
        before,
    };
    Ok(context.done(&session.home, &report))
}

impl GroupsReport {
    fn sentence(&self) -> String {
        if self.groups == self.before {
            return format!("'{}' is in {} as before", self.site, words(&self.groups));
        }
        format!("'{}' is in {} from now on, and was in {}", self.site, words(&self.groups), words(&self.before))
    }
}

impl Report for GroupsReport {
    fn text(&self, page: &Page) -> String {
        if self.groups == self.before {
            return format!("{}.", self.sentence());
        }
        let of = |bundle: &PublishedBundle| format!("bundle {} {}", bundle.name, bundle.version);
        let mut lines: Vec<String> =
            self.bundles_for_it.iter().map(|bundle| format!("{} is for it from now on, and goes there", of(bundle))).collect();
        lines.extend(self.bundles_no_more.iter().map(|bundle| {
            format!(
                "{} is not for it any more: where it is installed it stays as it is, and gets no newer version ('fieldpost bundle remove {}' there takes it out)",
                of(bundle),
                bundle.name
            )
        }));
        if self.other_documents {
            lines.push(match self.all_documents {
                true => "it gets all documents, because no rule says which are for its groups".to_owned(),
                false => "documents that are for its groups go there; those that are not any more stay there as they are".to_owned(),
            });
        }
        let mut text = heading(&format!("{}.", self.sentence()));
        if !lines.is_empty() {
            text = format!("{text}\n{}", page.list(&lines, "-v lists all"));
        }
        format!("{text}\n\nThe next 'fieldpost sync' tells all sites.")
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        vec![Line::new(Level::Info, self.sentence()).of_site(Some(&self.site))]
    }
}
