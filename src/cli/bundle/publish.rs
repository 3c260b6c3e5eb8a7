//! `fieldpost bundle publish`: to which sites does a bundle go, and from when?

use std::collections::BTreeSet;

use serde::Serialize;

use super::install::effect_lines;
use super::{PublishArgs, about, title, verified};
use crate::bundle::{BundleName, Version};
use crate::cli::logged::Line;
use crate::cli::page::{Moment, Page, alert, count};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure, when};
use crate::site::Level;
use crate::sync::bundles;
use crate::sync::bundles::install::Effects;

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct PublishReport {
    name: BundleName,
    version: Version,
    /// For which groups; none: all sites.
    groups: BTreeSet<String>,
    from: Option<Moment>,
    /// How many other sites it is for, as far as they are known now.
    sites: usize,
    /// What was done here for everybody.
    shared: Effects,
}

pub(super) fn run(arguments: &PublishArgs, context: &Context) -> Result<Exit, Failure> {
    let from = match &arguments.from {
        None => None,
        Some(typed) => {
            let span = when::span(typed, context.world.now(), &context.printer.page().zone);
            let span = span.ok_or_else(|| Failure::NoMoment { typed: typed.clone() })?;
            // Days of the week and times are those that were.
            if span.to <= context.world.now() {
                return Err(Failure::BadLine(format!("`{typed}` is over: say a day to come, such as 2026-12-01")));
            }
            Some(span.from)
        }
    };
    let (_lock, session) = context.work()?;
    let file = context.here.join(&arguments.file);
    let opened = verified(&session, context, &arguments.file)?;
    let asked: BTreeSet<String> = arguments.groups.iter().cloned().collect();
    let (groups, shared) = about(title(&opened), bundles::publish(&session, &opened, &file, &asked, from))?;
    // Of one that was published before the day stays.
    let from = bundles::paper(&session)?.bundles.iter().find(|bundle| bundle.id == opened.id).and_then(|bundle| bundle.from);
    let report = PublishReport {
        name: opened.manifest.name,
        version: opened.manifest.version,
        sites: bundles::reached(&session, &groups)?,
        groups,
        from: from.map(Moment),
        shared,
    };
    Ok(context.done(&session.home, &report))
}

impl PublishReport {
    fn sentence(&self, page: &Page) -> String {
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let whom = if groups.is_empty() { "all sites".to_owned() } else { groups.join(", ") };
        let at_once =
            if effect_lines(&self.shared).is_empty() { "" } else { "; its rows and schema steps for everybody are carried out now" };
        let from = self.from.map(|from| format!(", to be installed from {}{at_once}", page.moment(from))).unwrap_or_default();
        format!("{} {} is published for {whom}{from}", self.name, self.version)
    }
}

impl Report for PublishReport {
    fn text(&self, page: &Page) -> String {
        let mut text = format!("{}; 'fieldpost sync' sends it to {}", self.sentence(page), count(self.sites, "site", "sites"));
        if self.sites == 0 {
            text = format!(
                "{}\n{}",
                self.sentence(page),
                alert(if self.groups.is_empty() { "there is no other site yet" } else { "no other site is in these groups now" })
            );
        }
        let done = effect_lines(&self.shared);
        if !done.is_empty() {
            text += &format!("\nDone here, for everybody:\n{}", page.list(&done, "-v lists all"));
        }
        text
    }

    fn exit(&self) -> Exit {
        if self.sites == 0 { Exit::Attention } else { Exit::Done }
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        vec![Line::new(Level::Info, self.sentence(page))]
    }
}
