//! `fieldpost bundle new`, `check` and `build`: the publisher's folder and the file made of it. None of them needs a home, but for its key.

use std::path::PathBuf;

use serde::Serialize;

use super::{BuildArgs, FolderArgs, NewArgs};
use crate::bundle::{self, BundleName, Source, Version};
use crate::cli::failure::KeyHalf;
use crate::cli::page::{Page, alert, count, size};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::keys::{Fingerprint, SigningKey};
use crate::packet::ContentHash;
use crate::site::HomeError;

/// A new folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct NewReport {
    name: BundleName,
    folder: PathBuf,
}

/// What a folder would become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct CheckReport {
    name: BundleName,
    version: Version,
    title: String,
    files: usize,
    lists: usize,
    steps: usize,
    /// What is doubtful.
    findings: Vec<String>,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct BuildReport {
    file: PathBuf,
    bytes: u64,
    name: BundleName,
    version: Version,
    id: ContentHash,
    signer: Fingerprint,
    findings: Vec<String>,
}

pub(super) fn new(arguments: &NewArgs, context: &Context) -> Result<Exit, Failure> {
    let folder = context.here.join(arguments.name.as_str());
    bundle::begin(&context.world, &folder, &arguments.name)?;
    Ok(context.printer.report(&NewReport { name: arguments.name.clone(), folder }))
}

pub(super) fn check(arguments: &FolderArgs, context: &Context) -> Result<Exit, Failure> {
    let source = Source::read(&context.here.join(&arguments.folder))?;
    let (name, version, title) = source.title();
    let [files, lists, steps] = source.counts();
    let findings = findings(&source)?;
    Ok(context.printer.report(&CheckReport { name: name.clone(), version, title: title.to_owned(), files, lists, steps, findings }))
}

pub(super) fn build(arguments: &BuildArgs, context: &Context) -> Result<Exit, Failure> {
    let source = Source::read(&context.here.join(&arguments.folder))?;
    let key = match &arguments.key {
        Some(file) => SigningKey::load(&context.here.join(file)).map_err(KeyHalf::Private.of(file))?,
        None => SigningKey::load(&context.discover().map_err(no_key)?.signing_key())?,
    };
    let out = arguments.out.as_ref().map_or_else(|| context.here.clone(), |out| context.here.join(out));
    let built = bundle::build(&context.world, &source, &key, &out)?;
    let report = BuildReport {
        file: built.file,
        bytes: built.bytes,
        name: built.manifest.name,
        version: built.manifest.version,
        id: built.id,
        signer: built.manifest.signer,
        findings: findings(&source)?,
    };
    Ok(context.printer.report(&report))
}

/// Whoever builds without a home has to say with which key.
fn no_key(failure: Failure) -> Failure {
    if matches!(failure, Failure::Home(HomeError::NotFound { .. })) { Failure::NoPublisherKey } else { failure }
}

fn findings(source: &Source) -> Result<Vec<String>, Failure> {
    Ok(source.findings()?.iter().map(ToString::to_string).collect())
}

impl Report for NewReport {
    fn text(&self, _: &Page) -> String {
        let (folder, name) = (self.folder.display(), &self.name);
        format!(
            "`{folder}` is made: its bundle.toml says what goes where\n\nThen 'fieldpost bundle check {name}' and 'fieldpost bundle build {name}'"
        )
    }
}

impl Report for CheckReport {
    fn text(&self, page: &Page) -> String {
        let [files, lists, steps] = [
            count(self.files, "file", "files"),
            count(self.lists, "list of rows", "lists of rows"),
            count(self.steps, "schema step", "schema steps"),
        ];
        let first = format!("{} {}: {files}, {lists}, {steps}", self.name, self.version);
        if self.findings.is_empty() {
            return format!("{first}; nothing to complain of");
        }
        format!("{}\n{}", alert(&first), page.list(&self.findings, "-v lists all"))
    }

    fn exit(&self) -> Exit {
        if self.findings.is_empty() { Exit::Done } else { Exit::Attention }
    }
}

impl Report for BuildReport {
    fn text(&self, page: &Page) -> String {
        let made = format!("`{}` is made, {}, signed by {}", self.file.display(), size(self.bytes), self.signer);
        if self.findings.is_empty() { made } else { format!("{made}\n{}", page.list(&self.findings, "-v lists all")) }
    }
}
