//! `fieldpost bundle`: customizations, from the publisher's folder to every site, and back.

mod drift;
mod install;
mod make;
mod publish;
mod status;
mod trust;
mod undo;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand};

use super::page::{count, number};
use super::{Context, Exit, Failure};
use crate::bundle::{BundleName, Fate, Opened};
use crate::sync::bundles::install::RowCounts;
use crate::sync::{Session, SyncError, bundles};

/// Publish customizations: screens, templates, reports, lists, schema steps
///
/// A bundle is a signed, versioned file. The main office publishes it to groups of sites; it travels in packets and is installed whole or
/// not at all at the end of a round. What a site changed itself is kept, and going back brings back what was there. 'man 7
/// fieldpost-bundle' has the format.
#[derive(Clone, Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct BundleArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BundleCommand,
}

/// What to do with bundles.
#[derive(Clone, Debug, Subcommand)]
pub enum BundleCommand {
    /// Make the folder of a new bundle, with a bundle.toml that explains itself
    #[command(after_help = "Examples:\n  fieldpost bundle new sales-forms")]
    New(NewArgs),
    /// Look for slips in a bundle's folder
    #[command(after_help = "Examples:\n  fieldpost bundle check sales-forms")]
    Check(FolderArgs),
    /// Make and sign the file of a bundle; the same folder and key give the same bytes
    #[command(after_help = "\
Examples:
  fieldpost bundle build sales-forms
  fieldpost bundle build sales-forms --key ~/.ssh/publisher      an ed25519 key without a passphrase")]
    Build(BuildArgs),
    /// Let somebody's key sign bundles for all sites, or list who may; at the main office
    #[command(after_help = "\
Examples:
  fieldpost bundle trust
  fieldpost bundle trust publisher.pub --name \"Smith Consulting\"
  fieldpost bundle trust publisher.pub --remove")]
    Trust(TrustArgs),
    /// Publish a bundle to groups of sites; at the main office
    ///
    /// What everybody shares (lists in tables that travel, schema steps) is carried out here and now, once. Files travel with the next
    /// 'fieldpost sync' to the sites of these groups, which install them.
    #[command(after_help = "\
Examples:
  fieldpost bundle publish sales-forms-1.0.0.fpb --group sales
  fieldpost bundle publish base-2.1.0.fpb --everyone --from 2026-12-01")]
    Publish(PublishArgs),
    /// Take the newest version of a published bundle back at every site; at the main office
    #[command(after_help = "Examples:\n  fieldpost bundle withdraw sales-forms")]
    Withdraw(UndoArgs),
    /// Say what installing would change here, and change nothing
    #[command(after_help = "Examples:\n  fieldpost bundle plan sales-forms-1.1.0.fpb\n  fieldpost bundle plan sales-forms")]
    Plan(InstallArgs),
    /// Install a bundle that was handed over, or a published one that was taken back here
    #[command(after_help = "Examples:\n  fieldpost bundle install sales-forms-1.1.0.fpb\n  fieldpost bundle install sales-forms")]
    Install(InstallArgs),
    /// Tell which site has which version since when, what waits and why
    #[command(after_help = "Examples:\n  fieldpost bundle status\n  fieldpost bundle status --json")]
    Status,
    /// List what was changed here of what bundles put
    #[command(after_help = "Examples:\n  fieldpost bundle drift\n  fieldpost bundle drift sales-forms")]
    Drift(DriftArgs),
    /// Go back to the version before, here
    #[command(after_help = "Examples:\n  fieldpost bundle rollback sales-forms\n  fieldpost bundle rollback sales-forms --force")]
    Rollback(UndoArgs),
    /// Take a bundle away here: what was there before it comes back
    #[command(after_help = "Examples:\n  fieldpost bundle remove sales-forms")]
    Remove(UndoArgs),
}

/// Arguments of `bundle new`.
#[derive(Clone, Debug, Args)]
pub struct NewArgs {
    /// Its name, which is that of the folder too: a-z, 0-9, - and _
    #[arg(value_name = "NAME", value_parser = BundleName::new)]
    pub name: BundleName,
}

/// A bundle's folder.
#[derive(Clone, Debug, Args)]
pub struct FolderArgs {
    /// The folder with bundle.toml
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Arguments of `bundle build`.
#[derive(Clone, Debug, Args)]
pub struct BuildArgs {
    /// The folder with bundle.toml
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The publisher's private key as ssh-keygen makes it; without it the key of this site
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Where the file goes; without it the current folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `bundle trust`.
#[derive(Clone, Debug, Args)]
pub struct TrustArgs {
    /// The public key of a publisher, one line as ssh-keygen writes it
    #[arg(value_name = "KEYFILE")]
    pub key: Option<PathBuf>,
    /// Who it is, for people; without it the comment in the file
    #[arg(long, value_name = "TEXT", requires = "key")]
    pub name: Option<String>,
    /// Trust it no more; what it signed and is installed stays
    #[arg(long, requires = "key", conflicts_with = "name")]
    pub remove: bool,
}

/// Arguments of `bundle publish`.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("sites").required(true).args(["groups", "everyone"])))]
pub struct PublishArgs {
    /// The file that 'fieldpost bundle build' made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A group of sites, in addition to those it is published for; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// All sites, this one too
    #[arg(long)]
    pub everyone: bool,
    /// The sites install it no earlier, by their own clocks: a day, or a day and a time
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
}

/// A bundle, as a file or by its name.
#[derive(Clone, Debug, Args)]
pub struct InstallArgs {
    /// The file, or the name of a bundle that is published for this site
    #[arg(value_name = "FILE|NAME")]
    pub bundle: PathBuf,
}

/// Arguments of `bundle drift`.
#[derive(Clone, Debug, Args)]
pub struct DriftArgs {
    /// Only this bundle
    #[arg(value_name = "NAME", value_parser = BundleName::new)]
    pub name: Option<BundleName>,
}

/// A bundle to go back from.
#[derive(Clone, Debug, Args)]
pub struct UndoArgs {
    /// The bundle
    #[arg(value_name = "NAME", value_parser = BundleName::new)]
    pub name: BundleName,
    /// Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to
    #[arg(long)]
    pub force: bool,
}

impl BundleArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            BundleCommand::Trust(TrustArgs { key: Some(_), .. }) => Some("bundle trust"),
            BundleCommand::Publish(_) => Some("bundle publish"),
            BundleCommand::Withdraw(_) => Some("bundle withdraw"),
            BundleCommand::Install(_) => Some("bundle install"),
            BundleCommand::Rollback(_) => Some("bundle rollback"),
            BundleCommand::Remove(_) => Some("bundle remove"),
            BundleCommand::New(_)
            | BundleCommand::Check(_)
            | BundleCommand::Build(_)
            | BundleCommand::Trust(TrustArgs { key: None, .. })
            | BundleCommand::Plan(_)
            | BundleCommand::Status
            | BundleCommand::Drift(_) => None,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Bundle`] for a folder that is no bundle's, [`bundles::Refusal`] for what is not done; else as the parts say.
pub fn run(arguments: &BundleArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        BundleCommand::New(new) => make::new(new, context),
        BundleCommand::Check(folder) => make::check(folder, context),
        BundleCommand::Build(build) => make::build(build, context),
        BundleCommand::Trust(trust) => trust::run(trust, context),
        BundleCommand::Publish(publish) => publish::run(publish, context),
        BundleCommand::Withdraw(undo) => undo::withdraw(undo, context),
        BundleCommand::Plan(plan) => install::plan(plan, context),
        BundleCommand::Install(install) => install::run(install, context),
        BundleCommand::Status => status::run(context),
        BundleCommand::Drift(drift) => drift::run(drift, context),
        BundleCommand::Rollback(undo) => undo::rollback(undo, context),
        BundleCommand::Remove(undo) => undo::remove(undo, context),
    }
}

/// Says with which bundle something is not done.
fn about<T>(what: impl std::fmt::Display, result: Result<T, SyncError>) -> Result<T, Failure> {
    match result {
        Err(SyncError::Bundle(refusal)) if !refusal.is_crash() => {
            Err(Failure::Customization { what: what.to_string(), refusal: Box::new(refusal) })
        }
        result => Ok(result?),
    }
}

/// The name of a bundle and its version, for messages.
fn title(opened: &Opened) -> String {
    format!("{} {}", opened.manifest.name, opened.manifest.version)
}

/// The verified bundle of a file.
fn verified(session: &Session, context: &Context, typed: &Path) -> Result<Opened, Failure> {
    let path = context.here.join(typed);
    if path.is_dir() {
        return Err(is_folder(typed));
    }
    about(format!("`{}`", typed.display()), bundles::verified(session, &path))
}

/// The publisher's own folder is easily typed for the file that is made of it.
fn is_folder(typed: &Path) -> Failure {
    Failure::BadLine(format!(
        "`{0}` is a folder: 'fieldpost bundle build {0}' makes the file of a bundle from the one with its bundle.toml",
        typed.display()
    ))
}

/// The verified bundle that is meant: a file where there is one, else a published one.
fn meant(session: &Session, context: &Context, typed: &Path) -> Result<Opened, Failure> {
    let path = context.here.join(typed);
    if path.is_file() {
        return verified(session, context, typed);
    }
    match typed.to_str().and_then(|name| BundleName::new(name).ok()) {
        // Of what is not published the message has the name already.
        Some(name) => Ok(bundles::published(session, &name)?),
        None if path.is_dir() => Err(is_folder(typed)),
        None => Err(fs_err::File::open(path).map(drop).map_or_else(Failure::Io, |()| Failure::BadLine("that is no file".to_owned()))),
    }
}

/// What becomes of rows, a line for each table.
fn row_lines(tables: &BTreeMap<String, RowCounts>) -> Vec<String> {
    let line = |(table, RowCounts { added, changed, removed }): (&String, &RowCounts)| {
        let parts = [(*added, "new"), (*changed, "changed"), (*removed, "gone")];
        let told: Vec<String> =
            parts.iter().filter(|(rows, _)| *rows > 0).map(|(rows, word)| format!("{} {word}", number(*rows as u64))).collect();
        format!("{table}: {} ({})", count(added + changed + removed, "row", "rows"), told.join(", "))
    };
    tables.iter().map(line).collect()
}

/// What becomes of a path, as a line of a list.
fn fate_line((path, fate): &(String, Fate)) -> String {
    match fate {
        Fate::Added => format!("{path}: new"),
        Fate::Changed => format!("{path}: changed"),
        Fate::Replaced => format!("{path}: takes the place of a file that is kept and comes back when the bundle goes"),
        Fate::Removed => format!("{path}: gone"),
        Fate::Kept { beside: None } => format!("{path}: stays as it was changed here"),
        Fate::Kept { beside: Some(beside) } => format!("{path}: stays as it was changed here; the new one lies beside as {beside}"),
        Fate::Restored => format!("{path}: as it was before"),
        Fate::Rescued { of } => {
            format!("{path}: what was at {of} before an install that did not come to its end; {of} was changed before that was taken back")
        }
        Fate::TakenBack { beside } => format!("{path}: taken back; what was changed here lies beside as {beside}"),
    }
}
