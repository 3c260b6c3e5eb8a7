//! With which name and password is an exchange entered, and where do these come from?
//!
//! In this order, each for itself: the name from the address, from the settings, from the environment, from what
//! 'fieldpost exchange login' kept, from netrc; the password from the environment, from the program that the settings name, from what was kept,
//! from netrc. Keys of SSH are found by `ssh` itself. The environment is taken only where one address could need it: a password meant for
//! one server is not shown to another.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::place::{self, Opened};
use super::printer::Progress;
use super::{Context, Exit, Failure, Printer};
use crate::exchange::{ASKPASS_VARIABLE, Access, Address, OpenError, Scheme, Secret, Server, askpass_answer, words};
use crate::site::{AccessSettings, Exchanges, Home, Login, Logins};

/// The name, in the environment.
pub const USER: &str = "FIELDPOST_EXCHANGE_USER";
/// The password, in the environment.
pub const PASSWORD: &str = "FIELDPOST_EXCHANGE_PASSWORD";

/// Where a name or a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The address.
    Address,
    /// `fieldpost.toml`.
    Settings,
    /// The environment.
    Environment,
    /// The program in `password_command`.
    Program,
    /// What 'fieldpost exchange login' kept.
    Kept,
    /// The netrc file of the user.
    Netrc,
}

impl Origin {
    /// As it reads behind "from".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Address => "the address",
            Self::Settings => "fieldpost.toml",
            Self::Environment => "the environment",
            Self::Program => "the password_command",
            Self::Kept => "'fieldpost exchange login'",
            Self::Netrc => "netrc",
        }
    }
}

/// What an exchange is entered with.
#[derive(Debug, Default)]
pub struct Found {
    /// For the exchange.
    pub access: Access,
    /// Where the name comes from; none: there is none.
    pub user: Option<Origin>,
    /// Where the password comes from; none: there is none.
    pub password: Option<Origin>,
}

/// Finds what there is for an address of `exchanges`, seen from `home`.
///
/// # Errors
/// A kept login that cannot be read; a program that gives no password.
pub fn find(exchanges: &Exchanges, address: &str, home: Option<&Home>) -> Result<Found, Failure> {
    let mut found = Found::default();
    let parsed = Address::parse(address).map_err(OpenError::from)?;
    let server = match &parsed {
        Address::Folder(_) => return Ok(found),
        Address::Server(server) => Some(server),
        Address::Command(_) => None,
    };
    let settings = exchanges.access.get(address);
    if let Some(user) = server.and_then(|server| server.user.as_deref()) {
        found.offer_user(Some(user), Origin::Address);
    }
    if let Some(settings) = settings {
        found.offer_user(settings.user.as_deref(), Origin::Settings);
        let from_home = |path: &String| home.map_or_else(|| PathBuf::from(path), |home| home.folder().join(path));
        found.access.certificate = settings.certificate.as_ref().map(from_home);
    }
    if needing(exchanges) <= 1 {
        found.offer_environment(server);
    }
    if let Some(command) = settings.and_then(|settings| settings.password_command.as_deref())
        && found.password.is_none()
    {
        found.offer_password(Some(printed(command)?), Origin::Program);
    }
    if let Some(home) = home
        && let Some(kept) = Logins::load(&home.logins())?.of(address)
    {
        found.offer(kept, Origin::Kept);
    }
    if let Some(server) = server.filter(|server| !is_store(server))
        && let Some(path) = netrc_path()
        && let Ok(text) = fs_err::read_to_string(path)
        && let Some(login) = netrc(&text, &server.host, found.access.user.as_deref())
    {
        found.offer(&login, Origin::Netrc);
    }
    // `ssh` asks a program for the password: this one, which [`answer_ssh`] then is.
    if found.access.password.is_some() && server.is_some_and(|server| server.scheme == Scheme::Sftp) {
        found.access.askpass = Some(env::current_exe()?);
    }
    Ok(found)
}

/// Where `ssh` has started this program to ask for a password: what it gets, on standard output, and the exit code.
#[must_use]
pub fn answer_ssh(question: Option<&std::ffi::OsStr>) -> Option<Exit> {
    let password = env::var(ASKPASS_VARIABLE).ok()?;
    let answer = askpass_answer(question.and_then(std::ffi::OsStr::to_str).unwrap_or_default(), &password)?;
    println!("{answer}");
    Some(Exit::Done)
}

/// Exchanges that were typed for a home that is still to be made.
#[derive(Debug)]
pub struct Entered {
    /// What the settings will say.
    pub exchanges: Exchanges,
    /// What was typed when asked.
    typed: Logins,
}

impl Entered {
    /// Takes what was typed, and asks for the passwords that will be needed and that nothing gives, where somebody can answer.
    ///
    /// # Errors
    /// An address that is none.
    pub fn of(context: &Context, typed: &[String], certificate: Option<&Path>) -> Result<Self, Failure> {
        let whole = |address: &String| place::exchange(&context.here, address);
        let mut exchanges = Exchanges::at(typed.iter().map(whole).collect::<Result<Vec<_>, _>>()?);
        if let Some(certificate) = certificate {
            let settings = AccessSettings { certificate: Some(place::path(&context.here, certificate)?), ..AccessSettings::default() };
            let speaks_tls = |address: &&String| matches!(Address::parse(address), Ok(Address::Server(server)) if server.scheme.has_tls());
            exchanges.access = exchanges.addresses.iter().filter(speaks_tls).map(|address| (address.clone(), settings.clone())).collect();
            if exchanges.access.is_empty() {
                return Err(Failure::BadLine("no exchange that was named has a certificate".to_owned()));
            }
        }
        let mut entered = Self { exchanges, typed: Logins::default() };
        for address in &entered.exchanges.addresses {
            let found = find(&entered.exchanges, address, None)?;
            if let Address::Server(server) = Address::parse(address).map_err(OpenError::from)?
                && wants_password(&server, &found)
                && context.printer.can_ask()
            {
                entered.typed.set(address, Some(ask(&context.printer, address, &server, found.access.user)?));
            }
        }
        Ok(entered)
    }

    /// Refuses an exchange in which everybody could read the keys or the database of the site that is to be in `home`.
    ///
    /// # Errors
    /// [`Failure::Exposed`].
    pub fn exposes_nothing(&self, home: &Path, database: &str) -> Result<(), Failure> {
        let exposed = |address: &String| Some((address.clone(), place::exposes(home, database, address)?));
        match self.exchanges.addresses.iter().find_map(exposed) {
            Some((exchange, why)) => Err(Failure::Exposed { exchange, why }),
            None => Ok(()),
        }
    }

    /// Opens them.
    ///
    /// # Errors
    /// As [`Opened::with`].
    pub fn open(&self, progress: &Progress) -> Result<Opened, Failure> {
        Opened::with(&self.exchanges, Path::new(""), progress, |address| {
            let mut found = find(&self.exchanges, address, None)?;
            if let Some(login) = self.typed.of(address) {
                found.offer(login, Origin::Kept);
            }
            Ok(found.access)
        })
    }

    /// Keeps in the new home what was typed.
    ///
    /// # Errors
    /// As [`Logins::save`].
    pub fn keep(&self, context: &Context, home: &Home) -> Result<(), Failure> {
        if self.typed == Logins::default() { Ok(()) } else { Ok(self.typed.save(&context.world, &home.logins())?) }
    }
}

/// Whether a password is certainly wanted: SSH has keys, and a server that nobody is named to may let everybody in.
fn wants_password(server: &Server, found: &Found) -> bool {
    let named = found.access.user.is_some() && server.scheme != Scheme::Sftp;
    found.password.is_none() && (named || is_store(server))
}

/// Asks for a name, where there is none, and a password.
///
/// # Errors
/// As the terminal says.
pub fn ask(printer: &Printer, address: &str, server: &Server, user: Option<String>) -> Result<Login, Failure> {
    let (name, secret) = if is_store(server) { ("id of the access key", "secret access key") } else { ("name", "password") };
    printer.ask_about(&format!("{address} wants a login. It is kept in this home, where only you can read it."));
    let user = match user {
        Some(user) => user,
        None => printer.ask(name)?.filter(|user| !user.is_empty()).ok_or_else(|| Failure::BadLine("nothing was typed".to_owned()))?,
    };
    let password = printer.ask_secret(&format!("{secret} of '{user}'"))?;
    Ok(Login { user: Some(user), password: Some(Secret::new(&password)) })
}

/// How many of the addresses may need a login.
fn needing(exchanges: &Exchanges) -> usize {
    let needs = |address: &&String| !matches!(Address::parse(address), Ok(Address::Folder(_)) | Err(_));
    exchanges.addresses.iter().filter(needs).count()
}

const fn is_store(server: &Server) -> bool {
    matches!(server.scheme, Scheme::S3 | Scheme::S3Http)
}

impl Found {
    fn offer_user(&mut self, user: Option<&str>, from: Origin) {
        if let (None, Some(user)) = (&self.access.user, user) {
            self.access.user = Some(user.to_owned());
            self.user = Some(from);
        }
    }

    fn offer_password(&mut self, password: Option<Secret>, from: Origin) {
        if let (None, Some(password)) = (&self.access.password, password) {
            self.access.password = Some(password);
            self.password = Some(from);
        }
    }

    /// A name and a password that belong together: not with another name.
    fn offer(&mut self, login: &Login, from: Origin) {
        if let (Some(mine), Some(its)) = (&self.access.user, &login.user)
            && mine != its
        {
            return;
        }
        self.offer_user(login.user.as_deref(), from);
        self.offer_password(login.password.clone(), from);
    }

    fn offer_environment(&mut self, server: Option<&Server>) {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let store = server.is_some_and(is_store);
        for (user, password) in [(USER, PASSWORD), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")] {
            if user == USER || store {
                self.offer_user(variable(user).as_deref(), Origin::Environment);
                self.offer_password(variable(password).map(|password| Secret::new(&password)), Origin::Environment);
            }
        }
        if store {
            self.access.token = variable("AWS_SESSION_TOKEN").map(|token| Secret::new(&token));
        }
    }
}

/// The first line that a program prints.
fn printed(command: &str) -> Result<Secret, Failure> {
    let failed = |why: String| Failure::BadLine(format!("the password_command `{command}` {why}"));
    let line = words(command).map_err(|error| failed(format!("cannot be run: {error}")))?;
    let output = Command::new(&line[0])
        .args(&line[1..])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("failed: {}", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("printed no text".to_owned()))?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(Secret::new(password)),
        Some(_) | None => Err(failed("printed nothing".to_owned())),
    }
}

fn netrc_path() -> Option<PathBuf> {
    if let Some(named) = env::var_os("NETRC") {
        return Some(named.into());
    }
    let (home, name) = if cfg!(windows) { ("USERPROFILE", "_netrc") } else { ("HOME", ".netrc") };
    env::var_os(home).map(|home| Path::new(&home).join(name))
}

/// What netrc has for a machine and, where it is known, a name: the format of the `ftp` program, macros left out.
fn netrc(text: &str, host: &str, user: Option<&str>) -> Option<Login> {
    let mut tokens = text.lines().take_while(|line| !line.trim_start().starts_with("macdef")).flat_map(netrc_words);
    let mut entries: Vec<(Option<String>, Login)> = Vec::new();
    while let Some(token) = tokens.next() {
        match (&*token, entries.last_mut()) {
            ("machine", _) => entries.push((tokens.next(), Login::default())),
            ("default", _) => entries.push((None, Login::default())),
            ("login", Some((_, login))) => login.user = tokens.next(),
            ("password", Some((_, login))) => login.password = tokens.next().map(|password| Secret::new(&password)),
            ("account", _) => drop(tokens.next()),
            _ => {}
        }
    }
    let named = |machine: &Option<String>| machine.as_deref().is_none_or(|machine| machine.eq_ignore_ascii_case(host));
    let fits = |login: &Login| user.is_none() || login.user.is_none() || login.user.as_deref() == user;
    entries.into_iter().find(|(machine, login)| named(machine) && fits(login)).map(|(_, login)| login)
}

/// The words of a line; `"…"` keeps spaces, `\` the next character, `#` at the start of a word ends the line.
fn netrc_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '#' if word.is_none() => break,
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc_is_asked_for_machine_and_name() {
        let text = "# mine\nmachine ftp.example.com login ben password b\nmachine FTP.example.com\n  login anna password \"a b\\\"#\"\n\
                    default login guest password g\nmacdef x\nmachine evil login anna password e\n";
        let got = |host, user| netrc(text, host, user).map(|login| (login.user.unwrap(), login.password.unwrap().reveal().to_owned()));
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(got("ftp.example.com", None), pair("ben", "b"));
        assert_eq!(got("ftp.example.com", Some("anna")), pair("anna", "a b\"#"));
        assert_eq!(got("evil", None), pair("guest", "g"));
        assert_eq!(got("evil", Some("anna")), None);
        assert_eq!(netrc("", "x", None), None);
    }

    #[test]
    fn a_login_kept_for_another_name_is_not_mixed_with_this_one() {
        let mut found = Found::default();
        found.offer_user(Some("anna"), Origin::Address);
        found.offer(&Login { user: Some("ben".to_owned()), password: Some(Secret::new("b")) }, Origin::Kept);
        assert_eq!(found.password, None);
        found.offer(&Login { user: None, password: Some(Secret::new("a")) }, Origin::Netrc);
        assert_eq!((found.user, found.password), (Some(Origin::Address), Some(Origin::Netrc)));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_prints_the_password_in_its_first_line() {
        assert_eq!(printed("printf 'a b\\nx\\n'").unwrap().reveal(), "a b");
        for bad in ["false", "true", "/nowhere/at/all", "'"] {
            assert!(printed(bad).is_err(), "{bad}");
        }
    }
}
