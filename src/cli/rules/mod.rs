//! `fieldpost rules`: are the rules right, which one applies, and what would others have done?

mod check;
mod explain;
mod replay;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Context, Exit, Failure};
use crate::rules::Rules;
use crate::site::Role;
use crate::sync::Session;

/// Check the rules, explain which one applies, or try others on past conflicts
///
/// The main office writes the rules into rules.toml in its home; they travel to all sites with the next 'fieldpost sync'.
#[derive(Clone, Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct RulesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// What to do with rules.
#[derive(Clone, Debug, Subcommand)]
pub enum RulesCommand {
    /// Look for slips: names that are not there, SQL that does not run, criteria that never decide
    #[command(after_help = "\
Examples:
  fieldpost rules check
  fieldpost rules check new-rules.toml      before it takes the place of rules.toml")]
    Check(CheckArgs),
    /// Tell which rules apply to a table or a field, and where they stand
    #[command(after_help = "\
Examples:
  fieldpost rules explain customers
  fieldpost rules explain customers phone")]
    Explain(ExplainArgs),
    /// Replay the conflicts that were decided here under changed rules, and show what would come out differently
    ///
    /// Nothing is changed. Only what was in conflict is replayed, at the site that decided it; who owns a record is asked of the
    /// record as it is now.
    #[command(after_help = "\
Examples:
  fieldpost rules try new-rules.toml
  fieldpost rules try new-rules.toml --days 30 -v")]
    Try(TryArgs),
}

/// Arguments of `rules check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The file; without it the rules.toml of the home
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Arguments of `rules explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// The table
    pub table: String,
    /// A field of it
    pub field: Option<String>,
}

/// Arguments of `rules try`.
#[derive(Clone, Debug, Args)]
pub struct TryArgs {
    /// The file with the other rules; without it the rules.toml of the home, which may have been edited since
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How many days back
    #[arg(long, value_name = "COUNT", default_value_t = TryArgs::DAYS, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,
}

impl TryArgs {
    /// A week.
    pub const DAYS: u32 = 7;
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Rules`] with the line where a file is no rules file; [`Failure::NoTable`], [`Failure::NoField`]; else as the parts say.
pub fn run(arguments: &RulesArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        RulesCommand::Check(check) => check::run(check, context),
        RulesCommand::Explain(explain) => explain::run(explain, context),
        RulesCommand::Try(replay) => replay::run(replay, context),
    }
}

/// The rules in a file, with its text; without one those of the site: the file of the main office, or what came from there.
fn rules_in(file: Option<&Path>, session: &Session, context: &Context) -> Result<(Rules, String, String), Failure> {
    let (text, name) = match (file, session.settings.role) {
        (Some(file), _) => (fs_err::read_to_string(context.here.join(file))?, file.display().to_string()),
        (None, Role::Host) => (session.home.rules_text()?, crate::site::Home::RULES.to_owned()),
        (None, Role::Office | Role::Remote) => (session.written_rules().to_string(), format!("the rules of '{}'", session.settings.host)),
    };
    let rules = Rules::parse(&text).map_err(|error| Failure::RulesFile { file: name.clone(), error: Box::new(error) })?;
    Ok((rules, text, name))
}
