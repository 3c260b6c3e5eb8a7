//! How does a person talk to Fieldpost? Arguments in, sentences, tables or JSON out, and one exit code.
//!
//! One file per command: its arguments, the *report* (plain data) it ends with, and how that report reads. What goes
//! wrong becomes a sentence in [`explain`] and nowhere else. Reports go to standard output, everything else (progress,
//! notes, errors) to standard error. Only this floor prints, asks, or looks at the environment.
//!
//! Whatever changes something holds the home's lock ([`Context::work`]); a second run is told who holds it and ends with
//! exit code 5, and ends in the home's log ([`Context::done`]). `status`, `conflicts`, `held`, `history`, `log`, `digest` and
//! `doctor` only read ([`Context::look`]) and never wait.

pub mod access;
pub mod arguments;
pub mod bundle;
pub mod conflicts;
pub mod demo;
pub mod detach;
pub mod digest;
pub mod doctor;
pub mod exchange;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod held;
pub mod history;
pub mod init;
pub mod invite;
pub mod join;
pub mod library;
pub mod log;
pub mod logged;
pub mod packet;
mod packets;
pub mod page;
pub mod place;
pub mod printer;
pub mod quoting;
pub mod records;
pub mod recover;
pub mod rehearsal;
pub mod rounds;
pub mod rules;
pub mod schema;
pub mod service;
pub mod shortcut;
pub mod shown;
pub mod sites;
pub mod status;
pub mod summary;
pub mod sync;
pub mod typable;
pub mod verify;
pub mod watch;
pub mod when;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _};

pub use arguments::{Cli, Command, Globals};
pub use exit::Exit;
pub use failure::Failure;
pub use logged::Run;
pub use printer::Printer;

use crate::exchange::ASKPASS_VARIABLE;
use crate::site::{Home, HomeError, HomeLock};
use crate::sync::{Limits, Session};
use crate::world::World;

/// What every command gets beside its own arguments.
#[derive(Debug)]
pub struct Context {
    /// Time and dice.
    pub world: World,
    /// Where reports and notes go.
    pub printer: Printer,
    /// The home that was named on the command line or in the environment.
    pub home: Option<PathBuf>,
    /// The current folder.
    pub here: PathBuf,
    /// How much is done at a stretch.
    pub limits: Limits,
    /// This run, for the log.
    pub run: Run,
}

impl Context {
    /// The home to work in.
    ///
    /// # Errors
    /// As [`Home::discover`] and [`Home::whole`].
    pub fn discover(&self) -> Result<Home, Failure> {
        let home = self.discover_lost()?;
        home.whole()?;
        Ok(home)
    }

    /// As [`Context::discover`], also where the home has lost what a run needs.
    ///
    /// # Errors
    /// As [`Home::discover`].
    pub fn discover_lost(&self) -> Result<Home, Failure> {
        let home = self.discover_going()?;
        if home.is_going()? {
            return Err(HomeError::Going { folder: home.folder().to_owned() }.into());
        }
        Ok(home)
    }

    /// As [`Context::discover`], also where a detach did not end.
    ///
    /// # Errors
    /// As [`Home::discover`].
    pub fn discover_going(&self) -> Result<Home, Failure> {
        let named = self.home.as_ref().map(|home| place::whole(&self.here, home)).transpose()?;
        Ok(Home::discover(named.as_deref(), &self.here)?)
    }

    /// The home for a command that changes something: ours alone until the lock is dropped.
    ///
    /// # Errors
    /// [`crate::site::HomeError::Busy`] where another run has it; else as [`Session::open`].
    pub fn work(&self) -> Result<(HomeLock, Session), Failure> {
        let home = self.discover()?;
        let lock = home.lock(&self.world)?;
        if let Err(error) = home.log().rotate(&lock) {
            self.printer.note(&format!("the log could not be rotated: {error}"));
        }
        Ok((lock, Session::open(self.world.another(), home, self.limits.clone())?))
    }

    /// The home for a command that only reads, also while another run works in it.
    ///
    /// # Errors
    /// As [`Session::look`].
    pub fn look(&self) -> Result<Session, Failure> {
        Ok(Session::look(self.world.another(), self.discover()?, self.limits.clone())?)
    }

    /// The folder a new home is made in.
    #[must_use]
    pub fn new_home(&self) -> PathBuf {
        self.home.as_ref().map_or_else(|| self.here.clone(), |home| self.here.join(home))
    }
}

/// Runs one command line from start to end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Whoever asks with the variable set is `ssh`, and gets an answer or a failure, whatever the question looks like.
    if std::env::var_os(ASKPASS_VARIABLE).is_some() {
        return access::answer_ssh(arguments.get(1).map(OsString::as_os_str)).unwrap_or(Exit::Failed);
    }
    match start(arguments) {
        Ok((command, context)) => finish(&context, dispatch(&command, &context)),
        Err(exit) => exit,
    }
}

fn dispatch(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Doctor(arguments) => doctor::run(arguments, context),
        Command::Init(arguments) => init::run(arguments, context),
        Command::Invite(arguments) => invite::run(arguments, context),
        Command::Join(arguments) => join::run(arguments, context),
        Command::Sites(arguments) => sites::run(arguments, context),
        Command::Sync(arguments) => rounds::run(arguments, context),
        Command::Send(arguments) => rounds::run_send(arguments, context),
        Command::Receive(arguments) => rounds::run_receive(arguments, context),
        Command::Status(arguments) => status::run(arguments, context),
        Command::Conflicts(arguments) => conflicts::run(arguments, context),
        Command::Held(arguments) => held::run(arguments, context),
        Command::Records(arguments) => records::run(arguments, context),
        Command::Rules(arguments) => rules::run(arguments, context),
        Command::Schema(arguments) => schema::run(arguments, context),
        Command::History(arguments) => history::run(arguments, context),
        Command::Log(arguments) => log::run(arguments, context),
        Command::Digest(arguments) => digest::run(arguments, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Bundle(arguments) => bundle::run(arguments, context),
        Command::Library(arguments) => library::run(arguments, context),
        Command::Packet(arguments) => packet::run(arguments, context),
        Command::Exchange(arguments) => exchange::run(arguments, context),
        Command::Watch(arguments) => watch::run(*arguments, context),
        Command::Service(arguments) => service::run(arguments, context),
        Command::Shortcut(arguments) => shortcut::run(arguments, context),
        Command::Recover(arguments) => recover::run(arguments, context),
        Command::Detach(arguments) => detach::run(arguments, context),
        Command::Demo(arguments) => demo::run(arguments, context),
    }
}

/// Reads the command line; what `--help`, `--version` or a mistake print is printed here.
///
/// # Errors
/// The exit code where there is nothing more to do.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Result<(Command, Context), Exit> {
    // A variable that is empty is one that is not set.
    let unset = std::env::var_os(arguments::HOME_VARIABLE).is_some_and(|home| home.is_empty());
    let line = Cli::command().mut_arg("home", |home| if unset { home.env(Resettable::Reset) } else { home });
    let parsed = line.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = parsed.map_err(|error| {
        // A closed pipe is the reader's business.
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Done }
    })?;
    let printer = Printer::for_terminal(&cli.globals);
    match std::env::current_dir() {
        Ok(here) => {
            let world = World::real();
            let run = Run::new(cli.command.logged_as(), world.now());
            Ok((cli.command, Context { world, printer, home: cli.globals.home, here, limits: Limits::default(), run }))
        }
        Err(error) => {
            let explanation = explain::explain(&error.into());
            printer.explain(&explanation);
            Err(explanation.exit)
        }
    }
}

/// Ends a run: explains a failure, logs it, and gives the exit code.
pub fn finish(context: &Context, outcome: Result<Exit, Failure>) -> Exit {
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            let explanation = explain::explain(&failure);
            context.printer.explain(&explanation);
            context.failed(&failure, &explanation);
            explanation.exit
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(line: &str) -> Result<(Command, Context), Exit> {
        start(line.split(' ').map(OsString::from))
    }

    #[test]
    fn a_mistyped_line_is_usage_and_a_question_is_not() {
        assert_eq!(begin("fieldpost snyc").unwrap_err(), Exit::Usage);
        assert_eq!(begin("fieldpost sync --ful").unwrap_err(), Exit::Usage);
        assert_eq!(begin("fieldpost --version").unwrap_err(), Exit::Done);
        assert_eq!(begin("fieldpost help sync").unwrap_err(), Exit::Done);
    }

    #[test]
    fn a_named_home_is_seen_from_the_current_folder() {
        let (command, context) = begin("fieldpost status --home nowhere").unwrap();
        assert!(matches!(command, Command::Status(_)));
        assert_eq!(context.new_home(), context.here.join("nowhere"));
        let Err(Failure::Home(crate::site::HomeError::NoFolder { folder })) = context.discover() else { panic!("there is none") };
        assert_eq!(folder, context.here.join("nowhere"));
    }
}
