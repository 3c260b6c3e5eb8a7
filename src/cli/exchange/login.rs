//! `fieldpost exchange login`: which name and password does this site enter an exchange with?

use std::io::BufRead as _;

use clap::Args;
use serde::Serialize;

use super::super::access;
use super::super::logged::Line;
use super::super::page::Page;
use super::super::printer::Report;
use super::super::{Context, Exit, Failure};
use crate::exchange::{Address, OpenError, Secret};
use crate::site::{Level, Login, Logins};

/// Arguments of `exchange login`.
#[derive(Clone, Debug, Args)]
pub struct LoginArgs {
    /// The exchange, as it stands in fieldpost.toml; without it the only one that can want a login
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Who logs in, where the address does not say it
    #[arg(long, value_name = "NAME", conflicts_with = "forget")]
    pub user: Option<String>,
    /// Forget what was kept
    #[arg(long)]
    pub forget: bool,
}

/// What was kept or forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoginReport {
    /// The exchange.
    pub address: String,
    /// Whose password is kept now.
    pub user: Option<String>,
    /// Whether a login is kept now.
    pub kept: bool,
    /// Whether that is different from before.
    pub changed: bool,
}

pub(super) fn run(arguments: &LoginArgs, context: &Context) -> Result<Exit, Failure> {
    let home = context.discover()?;
    let settings = home.settings()?;
    let mut could: Vec<&String> = super::meant(&settings, arguments.address.as_ref())?;
    could.retain(|address| !matches!(Address::parse(address), Ok(Address::Folder(_))));
    let [address] = could[..] else {
        let why = if could.is_empty() { "no exchange of this site wants a login" } else { "several exchanges could be meant: name one" };
        return Err(Failure::BadLine(format!("{why}; 'fieldpost exchange' lists them")));
    };
    let login = if arguments.forget { None } else { Some(typed(arguments, context, address)?) };
    let user = login.as_ref().and_then(|login| login.user.clone());
    let _lock = home.lock(&context.world)?;
    let mut logins = Logins::load(&home.logins())?;
    let changed = logins.set(address, login);
    logins.save(&context.world, &home.logins())?;
    Ok(context.done(&home, &LoginReport { address: address.clone(), user, kept: !arguments.forget, changed }))
}

/// Asks whoever is there, or takes the line that a program sends.
fn typed(arguments: &LoginArgs, context: &Context, address: &str) -> Result<Login, Failure> {
    let named = match Address::parse(address).map_err(OpenError::from)? {
        Address::Server(server) => {
            let user = server.user.clone().or_else(|| arguments.user.clone());
            if context.printer.can_ask() {
                return access::ask(&context.printer, address, &server, user);
            }
            user
        }
        Address::Folder(_) | Address::Command(_) => arguments.user.clone(),
    };
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::BadLine("no password came over standard input".to_owned())),
        password => Ok(Login { user: named, password: Some(Secret::new(password)) }),
    }
}

impl Report for LoginReport {
    fn text(&self, _: &Page) -> String {
        let Self { address, .. } = self;
        match (self.kept, self.changed, &self.user) {
            (false, true, _) => format!("The login for {address} is forgotten."),
            (false, false, _) => format!("No login was kept for {address}."),
            (true, _, Some(user)) => format!("The login of '{user}' for {address} is kept. Whether it works: fieldpost exchange check"),
            (true, _, None) => format!("The password for {address} is kept. Whether it works: fieldpost exchange check"),
        }
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        vec![Line::new(Level::Info, self.text(page).split(" Whether").next().unwrap_or_default())]
    }
}
