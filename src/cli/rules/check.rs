//! `fieldpost rules check`: names that are not there, SQL that does not run, criteria that never decide.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{CheckArgs, rules_in};
use crate::cli::page::{Page, alert, count};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::rules::check;
use crate::site::Role;
use crate::sync::schema::home;
use crate::sync::{Session, SyncError, roster};

/// What is doubtful in a rules file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct CheckReport {
    /// The file, or whose rules they are.
    file: String,
    /// Tables that have rules of their own.
    tables: usize,
    /// What is doubtful, by line.
    findings: Vec<Finding>,
    /// Whether the file is the one that travels to the other sites.
    in_force: bool,
}

/// Something doubtful.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Finding {
    /// Its line in the file.
    line: Option<usize>,
    /// What about it.
    what: String,
}

pub(super) fn run(arguments: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let (rules, text, file) = rules_in(arguments.file.as_deref(), &session, context)?;
    let mut found: Vec<(Vec<String>, String)> = Vec::new();
    if session.has_database() {
        let faults = session.database()?.rule_faults(&session.shapes, &rules).map_err(SyncError::from)?;
        found.extend(faults.into_iter().map(|fault| (fault.place, fault.trouble.to_string())));
    }
    if arguments.file.is_none() {
        found.extend(home::asked(&session)?.into_iter().map(|kept| (kept.place(), kept.to_string())));
    }
    let names = names(&session)?;
    found.extend(check::suspicions(&rules, &names).into_iter().map(|one| (one.place, one.what)));
    let mut findings: Vec<Finding> = found.into_iter().map(|(place, what)| Finding { line: check::line(&text, &place), what }).collect();
    findings.sort();
    let in_force = arguments.file.is_none() && session.settings.role == Role::Host;
    Ok(context.printer.report(&CheckReport { file, tables: rules.tables().count(), findings, in_force }))
}

/// Names of all sites and groups.
fn names(session: &Session) -> Result<BTreeSet<String>, SyncError> {
    let known = roster::known(session)?;
    let of_sites = known.sites().iter().flat_map(|site| std::iter::once(site.name.to_string()).chain(site.groups.iter().cloned()));
    Ok(of_sites.collect())
}

impl Report for CheckReport {
    fn text(&self, page: &Page) -> String {
        let tables = count(self.tables, "table has", "tables have");
        if self.findings.is_empty() {
            let next = if self.in_force { "; 'fieldpost sync' takes them to all sites" } else { "" };
            return format!(
                "{}: nothing to complain of. {tables} rules of {} own{next}.",
                self.file,
                if self.tables == 1 { "its" } else { "their" }
            );
        }
        let lines: Vec<String> = self
            .findings
            .iter()
            .map(|finding| match finding.line {
                Some(line) => format!("line {line}: {}", finding.what),
                None => finding.what.clone(),
            })
            .collect();
        format!(
            "{}\n{}",
            alert(&format!("{}: {}", self.file, count(lines.len(), "thing to look at", "things to look at"))),
            page.list(&lines, "-v lists all")
        )
    }

    fn exit(&self) -> Exit {
        if self.findings.is_empty() { Exit::Done } else { Exit::Attention }
    }
}
