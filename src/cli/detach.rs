//! `fieldpost detach`: how does a database get rid of us?

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::page::{Page, count, heading};
use super::printer::Report;
use super::{Context, Exit, Failure, place, service};
use crate::database::{Database, DatabaseError};
use crate::ledger::{Ledger, NeighbourKind};
use crate::model::SiteName;
use crate::site::{Home, HomeError, Lost};
use crate::sync::numbers::renumber::ZONE;
use crate::sync::streams::stops;
use crate::sync::{Session, SyncError, seal, start};

/// Take every trace of Fieldpost out of the database
///
/// Removes the triggers and the tables that Fieldpost added. The records stay as they are. Keys, history and settings are
/// set aside in a folder beside; delete it yourself when nothing in it is wanted any more. The other sites are not told. An icon of
/// 'fieldpost shortcut' is to be taken away before.
///
/// What was interrupted goes on when it is run again; until then no other command works there. Where the database is lost, or another one lies in its place, --force sets aside what is left and touches no database. Where the home has lost its state or keys, --force takes the triggers
/// and tables out of the database that fieldpost.toml names, and sets aside what is left; where fieldpost.toml is lost too, --force --database FILE takes them out of the database that is left.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost detach
  fieldpost detach --force      also when edits have not been sent yet
  fieldpost detach --force --database shop.db      where the home is lost")]
pub struct DetachArgs {
    /// Detach although there are edits that no other site has, the database is lost, or this computer still runs the site
    #[arg(long)]
    pub force: bool,
    /// The database of a home that is lost, or a copy of one
    #[arg(long, value_name = "FILE", requires = "force")]
    pub database: Option<PathBuf>,
}

/// What was taken out of a database without its home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CleanedReport {
    /// The database.
    pub database: PathBuf,
    /// Triggers taken out.
    pub triggers: usize,
    /// Tables taken out.
    pub tables: usize,
}

/// What was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DetachReport {
    /// The site.
    pub site: SiteName,
    /// The database.
    pub database: PathBuf,
    /// Where keys, history and settings are now.
    pub aside: PathBuf,
    /// Triggers taken out.
    pub triggers: usize,
    /// Tables taken out.
    pub tables: usize,
    /// Edits that no other site has, as far as they are known here.
    pub unsent: u64,
    /// Tables with records whose numbers are provisional, and stay so.
    pub provisional: Vec<String>,
    /// Whether the database was there and this site's.
    pub found: Found,
}

/// What was at the place of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The database of this site.
    Ours,
    /// Nothing, and there never was a database here.
    NoneYet,
    /// Nothing: it is lost.
    Lost,
    /// Another database.
    Another,
    /// What an interrupted run left of the work.
    Rest,
    /// The database that the settings of a lost home name, with our triggers in it.
    Unknown,
    /// Nothing of ours, and the home is lost: nobody knows whether there ever was.
    Nothing,
}

/// Runs the command.
///
/// # Errors
/// Without `--force` [`Failure::Served`], [`crate::site::HomeError::Watched`], and [`Failure::Unsent`] where edits would be lost to the others; else as database and files say.
pub fn run(arguments: &DetachArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(database) = &arguments.database {
        return clean(database, context);
    }
    let home = context.discover_going()?;
    if home.is_going()? {
        return finish(arguments, home, context);
    }
    if !arguments.force {
        home.whole()?;
        service::refuse_while_installed(&home)?;
        // It would go on without a home.
        drop(home.watch(&context.world)?);
    }
    let (lock, mut session) = match context.work() {
        Ok(opened) => opened,
        Err(Failure::Sync(SyncError::Database(DatabaseError::Missing(_)))) => return without_database(arguments, Found::Lost, context),
        // Nothing can be taken out of it.
        Err(Failure::Sync(SyncError::Database(DatabaseError::NotADatabase(_)))) if arguments.force => {
            return without_database(arguments, Found::Lost, context);
        }
        Err(Failure::Sync(SyncError::OtherPair)) => return without_database(arguments, Found::Another, context),
        Err(Failure::Home(HomeError::Lost { lost, .. }) | Failure::Sync(SyncError::Home(HomeError::Lost { lost, .. })))
            if arguments.force =>
        {
            return of_lost_home(home, lost, context);
        }
        Err(failure) => return Err(failure),
    };
    let built = start::built(&session)?;
    let found = if session.has_database() || built.is_some() { Found::Ours } else { Found::NoneYet };
    let unsent = unsent(&mut session)?;
    if unsent > 0 && !arguments.force {
        return Err(Failure::Unsent { records: unsent, stopped: stopped(&session)? });
    }
    let (triggers, tables) = match &built {
        Some(built) => built.traces()?,
        None if session.has_database() => session.database()?.traces()?,
        None => (0, 0),
    };
    drop(built);
    let (site, database) = (session.name().clone(), session.database_path());
    // Windows renames no folder in which a file is open.
    let _lock = if cfg!(windows) { None } else { Some(lock) };
    let start::Detached { aside, provisional } = start::detach(session, context.world.now())?;
    Ok(context.printer.report(&DetachReport { site, database, aside, triggers, tables, unsent, provisional, found }))
}

/// Takes our traces out of a database that has no home any more, or is a copy.
fn clean(typed: &Path, context: &Context) -> Result<Exit, Failure> {
    let path = place::whole(&context.here, typed)?;
    if !path.is_file() {
        return Err(Failure::NoDatabase { typed: typed.to_owned(), folder: path.is_dir() });
    }
    let database = Database::open(&path, context.limits.lock_wait).map_err(SyncError::from)?;
    if let Ok(home) = context.discover_going()
        && home.whole().is_ok()
    {
        let its = home.settings()?.database_path(home.folder());
        if its.canonicalize().is_ok_and(|its| path.canonicalize().is_ok_and(|path| path == its)) {
            return Err(Failure::HasHome { database: path, home: home.folder().to_owned() });
        }
    }
    let (triggers, tables) = database.traces().map_err(SyncError::from)?;
    database.detach(&context.world).map_err(SyncError::from)?;
    Ok(context.printer.report(&CleanedReport { database: path, triggers, tables }))
}

/// Goes on where an earlier run was interrupted: what it asked was answered then.
fn finish(arguments: &DetachArgs, home: Home, context: &Context) -> Result<Exit, Failure> {
    let settings = home.settings()?;
    let (site, database) = (settings.name.clone(), settings.database_path(home.folder()));
    // Whether our triggers are out of it only the database says.
    if home.inside().exists() && !database.exists() && !arguments.force {
        return Err(Failure::LostDatabase { database, another: false });
    }
    set_aside(home, DetachReport::of_nothing(site, database, Found::Rest), context)
}

fn set_aside(home: Home, report: DetachReport, context: &Context) -> Result<Exit, Failure> {
    let lock = if home.inside().exists() { Some(home.lock(&context.world)?) } else { None };
    // Windows renames no folder in which a file is open.
    let _lock = lock.filter(|_| !cfg!(windows));
    let aside = start::finish_detach(&context.world, home, &context.limits, context.world.now())?;
    Ok(context.printer.report(&DetachReport { aside, ..report }))
}

/// Sets the home aside where its database is not there.
fn without_database(arguments: &DetachArgs, found: Found, context: &Context) -> Result<Exit, Failure> {
    let home = context.discover()?;
    let settings = home.settings()?;
    let (site, database) = (settings.name.clone(), settings.database_path(home.folder()));
    if !arguments.force {
        return Err(Failure::LostDatabase { database, another: found == Found::Another });
    }
    set_aside(home, DetachReport::of_nothing(site, database, found), context)
}

/// Takes apart what a home has left that lost its state or its keys: no session opens it, and nobody knows any more what was not sent.
///
/// Without its state nothing but the settings says which database is its own. Killed after the database let go of us, the same is done again.
fn of_lost_home(home: Home, lost: Lost, context: &Context) -> Result<Exit, Failure> {
    let settings = home.settings()?;
    let (site, path) = (settings.name.clone(), settings.database_path(home.folder()));
    let lock = if home.inside().exists() { Some(home.lock(&context.world)?) } else { None };
    let (mut found, mut triggers, mut tables) = (Found::Nothing, 0, 0);
    match Database::open(&path, context.limits.lock_wait) {
        Ok(database) => {
            let pair = match lost {
                Lost::All | Lost::State => None,
                Lost::Keys => Some(Ledger::open(&context.world, &home.state(), &site)?.pair()?),
            };
            let traces = database.traces().map_err(SyncError::from)?;
            if traces != (0, 0) && pair.is_some() && database.pair()? != pair {
                found = Found::Another;
            } else if traces != (0, 0) {
                (found, triggers, tables) = (Found::Unknown, traces.0, traces.1);
                database.detach(&context.world).map_err(SyncError::from)?;
            }
        }
        Err(DatabaseError::Missing(_) | DatabaseError::NotADatabase(_)) => {}
        Err(error) => return Err(error.into()),
    }
    drop(lock);
    set_aside(home, DetachReport { triggers, tables, ..DetachReport::of_nothing(site, path, found) }, context)
}

/// Records whose last edit is in no packet that was ever put on the exchange, for any neighbour that has a first load.
fn unsent(session: &mut Session) -> Result<u64, Failure> {
    if !session.has_database() {
        return Ok(0);
    }
    seal::seal(session)?;
    let ledger = &session.ledger;
    let mut records = std::collections::BTreeSet::new();
    let mut packed = 0;
    for neighbour in ledger.neighbours()? {
        if !(neighbour.fresh && neighbour.kind == NeighbourKind::Child) {
            records.extend(ledger.candidates(neighbour.site, neighbour.cursor, false)?);
            packed += ledger.outbox(neighbour.site)?.iter().filter(|row| row.deposited.is_none()).map(|row| row.changes).sum::<u64>();
        }
    }
    Ok(records.len() as u64 + packed)
}

/// A neighbour with which nothing goes to and fro until a person does something.
fn stopped(session: &Session) -> Result<Option<SiteName>, SyncError> {
    for neighbour in session.ledger.neighbours()? {
        if stops::problem(session, &neighbour)?.is_some() {
            return Ok(Some(neighbour.card.name));
        }
    }
    Ok(None)
}

impl Report for CleanedReport {
    fn text(&self, _: &Page) -> String {
        let database = self.database.display();
        if self.triggers + self.tables == 0 {
            return heading(&format!("Nothing of Fieldpost was in {database}"));
        }
        format!(
            "{}\n  {} and {} taken out; every record is as it was",
            heading(&format!("Nothing of Fieldpost is in {database} any more")),
            count(self.triggers, "trigger", "triggers"),
            count(self.tables, "table", "tables"),
        )
    }
}

impl DetachReport {
    /// Of a home of which nothing is known but its settings.
    fn of_nothing(site: SiteName, database: PathBuf, found: Found) -> Self {
        Self { site, database, aside: PathBuf::new(), triggers: 0, tables: 0, unsent: 0, provisional: Vec::new(), found }
    }
}

impl Report for DetachReport {
    fn text(&self, _: &Page) -> String {
        let unsent = match self.unsent {
            0 => String::new(),
            unsent => format!("\n  {} no other site has", count(unsent, "edited record that", "edited records that")),
        };
        let provisional = match &self.provisional[..] {
            [] => String::new(),
            tables => format!(
                "\n  records with provisional numbers, from {ZONE} on, are in {}: they keep them, and the table goes on behind them",
                tables.join(", ")
            ),
        };
        let done = match self.found {
            Found::Ours => format!(
                "{} and {} taken out; every record is as it was{unsent}{provisional}",
                count(self.triggers, "trigger", "triggers"),
                count(self.tables, "table", "tables"),
            ),
            Found::Unknown => format!(
                "{} and {} taken out; every record is as it was\n  what was edited and not sent is in this database only: with what this site lost, nobody knows what that is",
                count(self.triggers, "trigger", "triggers"),
                count(self.tables, "table", "tables"),
            ),
            Found::Nothing => "nothing of Fieldpost is in a database there; should the database come back,\n  'fieldpost detach --force --database FILE' takes out what is in it"
                .to_owned(),
            Found::NoneYet => "no database had come".to_owned(),
            Found::Lost => {
                "the database is lost, with what was edited in it and not sent; should it come back, put what is set aside\n  back \
                            beside it and detach again: its triggers are still in it"
                    .to_owned()
            }
            Found::Rest => "what an interrupted run had left to do is done; every record is as it was".to_owned(),
            Found::Another => "the database there is not this site's, and stays as it is".to_owned(),
        };
        let rest = match self.found {
            Found::Unknown | Found::Nothing => "what is left of this site is",
            Found::Ours | Found::NoneYet | Found::Lost | Found::Another | Found::Rest => "keys, history and settings are",
        };
        format!(
            "{}\n  {done}\n  {rest} set aside in {}",
            heading(&format!("'{}' no longer touches {}", self.site, self.database.display())),
            self.aside.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::plain;

    #[test]
    fn it_says_what_went_and_what_stays() {
        let report = DetachReport {
            site: SiteName::new("head").unwrap(),
            database: "/srv/shop/shop.db".into(),
            aside: "/srv/shop/.fieldpost-detached-1".into(),
            triggers: 18,
            tables: 7,
            unsent: 2,
            provisional: Vec::new(),
            found: Found::Ours,
        };
        assert_eq!(
            plain(&report),
            "\
'head' no longer touches /srv/shop/shop.db
  18 triggers and 7 tables taken out; every record is as it was
  2 edited records that no other site has
  keys, history and settings are set aside in /srv/shop/.fieldpost-detached-1
"
        );
    }
}
