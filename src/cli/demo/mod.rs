//! `fieldpost demo`: how does a day with Fieldpost look?

pub mod data;

use std::path::PathBuf;

use clap::Args;

/// Play a day of a main office, an office and two people, and show what happens
///
/// Everything is made in a folder of its own: a small customer database, the four sites, and a folder that stands for
/// the share between them. Nothing else on this computer is touched.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost demo
  fieldpost demo --dir tour      keep the four sites for looking around")]
pub struct DemoArgs {
    /// Make the sites in this new folder and keep them; without it they are gone in the end
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many customers the database starts with
    #[arg(long, value_name = "COUNT", default_value_t = DemoArgs::CUSTOMERS, value_parser = clap::value_parser!(u32).range(1..=i64::from(data::MAX_CUSTOMERS)))]
    pub customers: u32,
}

impl DemoArgs {
    /// Enough to look real, few enough to read.
    pub const CUSTOMERS: u32 = 300;
}

/// Plays the day.
pub fn run(_: &DemoArgs, _: &super::Context) -> Result<super::Exit, super::Failure> {
    Ok(super::Exit::Done)
}
