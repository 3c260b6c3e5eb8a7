//! `fieldpost demo`: how does a day with Fieldpost look?

pub mod data;
mod day;

use std::path::PathBuf;

use clap::Args;

use super::{Context, Exit, Failure};

/// Play a day of a main office, an office and two people, and show what happens
///
/// Everything is made in a folder of its own: a small customer database, the four sites, and a folder that stands for
/// the share between them. Nothing else on this computer is touched. What is printed between the lines of the story is
/// what the real commands print.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost demo
  fieldpost demo --dir tour      keep the four sites for looking around
  fieldpost demo --only-database shop.db")]
pub struct DemoArgs {
    /// Make the sites in this new folder and keep them; without it they are gone in the end
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Only make the customer database, as this new file, and play nothing
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub only_database: Option<PathBuf>,
    /// How many customers the database starts with
    #[arg(long, value_name = "COUNT", default_value_t = DemoArgs::CUSTOMERS, value_parser = clap::value_parser!(u32).range(i64::from(DemoArgs::FEWEST)..=i64::from(data::MAX_CUSTOMERS)))]
    pub customers: u32,
}

impl DemoArgs {
    /// Enough to look real, few enough to read.
    pub const CUSTOMERS: u32 = 300;
    /// The story is about four of them.
    pub const FEWEST: u32 = 4;
}

/// Runs the command.
///
/// # Errors
/// [`Failure::FileExists`] where the folder is there already; [`Failure::Differ`] where the sites end with different data.
pub fn run(arguments: &DemoArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(file) = &arguments.only_database {
        let path = super::place::whole(&context.here, file)?;
        if path.exists() {
            return Err(Failure::FileExists(file.clone()));
        }
        data::build(&path, arguments.customers)?;
        return Ok(Exit::Done);
    }
    let Some(folder) = &arguments.dir else {
        let temporary = tempfile::tempdir()?;
        return day::play(temporary.path(), arguments.customers, context, day::After::Gone);
    };
    let folder = super::place::whole(&context.here, folder)?;
    if folder.exists() {
        return Err(Failure::FileExists(folder));
    }
    fs_err::create_dir_all(&folder)?;
    day::play(&folder, arguments.customers, context, day::After::Kept)
}
