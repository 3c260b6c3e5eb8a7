//! `fieldpost exchange`: where are packets dropped, how are these places entered, and do they do what is needed?

mod check;
mod login;

use clap::{Args, Subcommand};
use serde::Serialize;

pub use check::{CheckArgs, CheckReport};
pub use login::{LoginArgs, LoginReport};

use super::access::{self, Found};
use super::page::{Column, Page};
use super::printer::Report;
use super::{Context, Exit, Failure};
use crate::exchange::{Address, ExchangeError, MARKER_NAME, MarkerFault, OpenError, Scheme};
use crate::site::Settings;

/// List the exchanges of this site, check them, and log in to them
///
/// An exchange is a folder, or a place on an FTP, SFTP, WebDAV or S3 server; 'man 7 fieldpost-exchange' has three lines for each.
/// Several may stand in fieldpost.toml. Passwords never do: 'fieldpost exchange login' keeps them apart.
#[derive(Clone, Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  fieldpost exchange
  fieldpost exchange check
  fieldpost exchange check sftp://anna@files.example.com/fieldpost
  fieldpost exchange login"
)]
pub struct ExchangeArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<ExchangeCommand>,
}

/// What to do with exchanges.
#[derive(Clone, Debug, Subcommand)]
pub enum ExchangeCommand {
    /// List them: the same as without a word
    #[command(after_help = "Examples:\n  fieldpost exchange list")]
    List,
    /// Try every operation that will be needed, with a small file that is taken away again
    #[command(after_help = "Examples:\n  fieldpost exchange check\n  fieldpost exchange check ftps://anna@ftp.example.com/fieldpost")]
    Check(CheckArgs),
    /// Keep a name and a password for an exchange, where only you can read them
    ///
    /// Asks on a terminal; otherwise reads the password from standard input, one line.
    #[command(
        after_help = "Examples:\n  fieldpost exchange login\n  fieldpost exchange login s3://s3.example.com/bucket --user AKIA123 < secret"
    )]
    Login(LoginArgs),
}

impl ExchangeArgs {
    /// Under which name a run is logged.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match &self.command {
            Some(ExchangeCommand::Check(CheckArgs { accept: true, .. })) => Some("exchange check --accept"),
            Some(ExchangeCommand::Login(_)) => Some("exchange login"),
            Some(ExchangeCommand::List | ExchangeCommand::Check(_)) | None => None,
        }
    }
}

/// The exchanges of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExchangeReport {
    /// In the order in which they are tried.
    pub exchanges: Vec<ExchangeLine>,
}

/// An exchange and how it is entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExchangeLine {
    /// The address.
    pub address: String,
    /// `folder`, `ftp`, `ftps`, `sftp`, `http`, `https`, `s3`, `s3+http` or `command`.
    pub kind: &'static str,
    /// Who logs in.
    pub user: Option<String>,
    /// Where the name comes from.
    pub user_from: Option<&'static str>,
    /// Where the password comes from; none: there is none.
    pub password_from: Option<&'static str>,
}

impl ExchangeLine {
    fn of(address: &str, found: &Found) -> Result<Self, Failure> {
        let kind = match Address::parse(address).map_err(OpenError::from)? {
            Address::Folder(_) => "folder",
            Address::Command(_) => "command",
            Address::Server(server) => server.scheme.word(),
        };
        Ok(Self {
            address: address.to_owned(),
            kind,
            user: found.access.user.clone(),
            user_from: found.user.map(access::Origin::words),
            password_from: found.password.map(access::Origin::words),
        })
    }

    /// How it is entered, in words.
    fn entered(&self) -> String {
        let user = self.user.iter().zip(self.user_from).map(|(user, from)| format!("'{user}' from {from}"));
        let password = self.password_from.map(|from| format!("password from {from}"));
        let parts: Vec<String> = user.chain(password).collect();
        match &parts[..] {
            [] if self.kind == "folder" => "as you".to_owned(),
            [] if self.kind == Scheme::Sftp.word() => "as ssh does".to_owned(),
            [] => "without a login".to_owned(),
            parts => parts.join(", "),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// As [`Context::discover`], and as the logins that are kept can be read.
pub fn run(arguments: &ExchangeArgs, context: &Context) -> Result<Exit, Failure> {
    match &arguments.command {
        None | Some(ExchangeCommand::List) => list(context),
        Some(ExchangeCommand::Check(arguments)) => check::run(arguments, context),
        Some(ExchangeCommand::Login(arguments)) => login::run(arguments, context),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let home = context.discover()?;
    let exchanges = home.settings()?.exchanges;
    let line = |address: &String| ExchangeLine::of(address, &access::find(&exchanges, address, Some(&home))?);
    let exchanges = exchanges.addresses.iter().map(line).collect::<Result<_, _>>()?;
    Ok(context.printer.report(&ExchangeReport { exchanges }))
}

/// The addresses that are meant: the one that was typed, or all of the settings.
fn meant<'a>(settings: &'a Settings, typed: Option<&'a String>) -> Result<Vec<&'a String>, Failure> {
    match typed {
        None => Ok(settings.exchanges.addresses.iter().collect()),
        Some(typed) if settings.exchanges.addresses.contains(typed) => Ok(vec![typed]),
        Some(typed) => {
            Err(Failure::BadLine(format!("`{typed}` is none of the exchanges in fieldpost.toml: 'fieldpost exchange' lists them")))
        }
    }
}

impl Report for ExchangeReport {
    fn text(&self, page: &Page) -> String {
        let row = |line: &ExchangeLine| vec![line.address.clone(), line.kind.to_owned(), line.entered()];
        let table =
            page.table(&[Column::Words("Exchange"), Column::Words("Kind"), Column::Words("Entered")], self.exchanges.iter().map(row));
        format!("{table}\n\nWhether they work: 'fieldpost exchange check'")
    }
}

/// What happened on an exchange, for a person: the exit code, and what helps.
pub(super) fn explain(error: &ExchangeError) -> (Exit, Option<String>) {
    let (exit, hint) = match error {
        ExchangeError::Unreachable { .. } | ExchangeError::Io { .. } => {
            (Exit::Unreachable, "mount the share or make the folder, then run again".to_owned())
        }
        ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. } => (
            Exit::Unreachable,
            format!("is the share mounted, and is it the folder that the main office named? An exchange has a file {MARKER_NAME}"),
        ),
        ExchangeError::NotAnExchange { why: MarkerFault::Newer(_), .. } => (Exit::Failed, "install the newest fieldpost here".to_owned()),
        ExchangeError::NotAnExchange { why: MarkerFault::Unreadable, .. } => {
            (Exit::Failed, format!("restore the file {MARKER_NAME} there from a backup; it says which exchange it is"))
        }
        ExchangeError::ReadOnly { .. } | ExchangeError::Refused { .. } | ExchangeError::Full { .. } | ExchangeError::Local(_) => {
            return (Exit::Failed, error.advice().map(str::to_owned));
        }
        ExchangeError::Missing { .. } | ExchangeError::Exists { .. } | ExchangeError::SizeDiffers { .. } => {
            (Exit::Unreachable, "something else works in the exchange folder at the same time: run again".to_owned())
        }
        ExchangeError::Crash(_) => return (Exit::Failed, None),
    };
    (exit, Some(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::plain;

    #[test]
    fn an_exchange_is_listed_with_where_its_login_comes_from() {
        let line = |address: &str, kind, user: Option<&str>, user_from, password_from| ExchangeLine {
            address: address.to_owned(),
            kind,
            user: user.map(str::to_owned),
            user_from,
            password_from,
        };
        let report = ExchangeReport {
            exchanges: vec![
                line("/mnt/share", "folder", None, None, None),
                line("ftps://anna@ftp.example.com/x", "ftps", Some("anna"), Some("the address"), Some("netrc")),
                line("sftp://files/x", "sftp", None, None, None),
            ],
        };
        let text = plain(&report);
        assert!(text.contains("/mnt/share") && text.contains("as you"), "{text}");
        assert!(text.contains("'anna' from the address, password from netrc") && text.contains("as ssh does"), "{text}");
    }
}
