//! `fieldpost schema`: which version of the main office's schema is where, what is in its way, and what was only called otherwise?

mod diff;
mod hint;
mod log;
mod status;

use clap::{Args, Subcommand};

use super::{Context, Exit, Failure};

/// See which version of the schema is where, what is in its way, and tell renames
///
/// The schema of the main office (tables, columns, indexes, views, triggers, PRAGMA user_version) goes to all sites with the data.
/// Tables and columns that only another site has stay there and do not travel. Where the rules of the main office say
/// 'travels = false' under [schema], every site's own application changes its database.
#[derive(Clone, Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct SchemaArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SchemaCommand,
}

/// What to do with the schema.
#[derive(Clone, Debug, Subcommand)]
pub enum SchemaCommand {
    /// Tell which version is here, which one every child was told and has, what is refused and what waits
    #[command(after_help = "Examples:\n  fieldpost schema status\n  fieldpost schema status --json")]
    Status,
    /// Show what is not alike: here and at the parent, or what children have not confirmed yet
    ///
    /// Where the parent's schema cannot be had here, it shows what that wants to change, and why it cannot. Tables and columns that only
    /// this site has are listed too.
    #[command(after_help = "Examples:\n  fieldpost schema diff")]
    Diff,
    /// Show the versions that were, and what each of them changed
    #[command(after_help = "Examples:\n  fieldpost schema log")]
    Log,
    /// Tell whether a column that came is one that went, under another name
    ///
    /// At the main office, where a column went and another one came in its place, and the records do not show that it is the same. Until
    /// you say so the new schema goes to nobody.
    ///
    /// What rules.toml keeps at home stays there when the application calls it otherwise, and whatever it may be called now does too:
    /// a column, or a table. Name it in rules.toml, or let it travel, with what every site has in it, by --new and its name; --new without that
    /// lets none of it go.
    #[command(after_help = "\
Examples:
  fieldpost schema hint customers phone mobile     it is the same column: values and edits go on in it
  fieldpost schema hint --new                      it is another one, whatever waits
  fieldpost schema hint --new customers            whatever waits in this table
  fieldpost schema hint --new customers score      this column may travel, although one that rules.toml keeps home is gone
  fieldpost schema hint --new prices               and so may this table")]
    Hint(HintArgs),
}

/// Arguments of `schema hint`.
#[derive(Clone, Debug, Args)]
pub struct HintArgs {
    /// The table
    #[arg(required_unless_present = "new")]
    pub table: Option<String>,
    /// The column that went; with --new the one that came and stays home
    #[arg(value_name = "COLUMN", required_unless_present = "new")]
    pub column: Option<String>,
    /// Its name now
    #[arg(value_name = "NEW", required_unless_present = "new", conflicts_with = "new")]
    pub now: Option<String>,
    /// What came is another one
    #[arg(long)]
    pub new: bool,
}

impl SchemaArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            SchemaCommand::Hint(_) => Some("schema hint"),
            SchemaCommand::Status | SchemaCommand::Diff | SchemaCommand::Log => None,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Sync`] where nothing waits for such a hint; else as the parts say.
pub fn run(arguments: &SchemaArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        SchemaCommand::Status => status::run(context),
        SchemaCommand::Diff => diff::run(context),
        SchemaCommand::Log => log::run(context),
        SchemaCommand::Hint(hint) => hint::run(hint, context),
    }
}
