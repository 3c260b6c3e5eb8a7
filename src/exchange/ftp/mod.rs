//! An exchange on an FTP server, with TLS or without.
//!
//! States: no connection; one that is logged in and idle; one that broke or was left in the middle of a transfer, which is given
//! up, because no server can be trusted to know where it is then. Over there a file is absent, a beginning under its temporary
//! name, whole under it, whole under its final name. Where the server does not rename, also a beginning under the final name.
//!
//! Crash points: before a folder is made, before a file is created, before it is filled, before a rename, before a delete; and at
//! any byte of a transfer. What is left is one of the states above: the next attempt begins the temporary file anew, or, for
//! large content, puts the rest behind the beginning that is there, after its length and its end were compared.
//!
//! Invariant: an upload counts only when the server called it complete, and a deposit only when the listing then shows its size,
//! because servers were seen that call a cut-off upload complete. A download counts only when the server called it complete; its size
//! and hash are compared by who asked. What the server does not list is concluded to be absent only while the marker is there.
//!
//! What servers differ in: vsftpd has no MLSD (then LIST, or NLST with SIZE where its lines cannot be read), and a rename there
//! replaces; ProFTPD's replaces unless `AllowOverwrite` is off, and then an old temporary file must be deleted before it is written
//! anew. So a rename is never trusted to refuse. 550 means "not there" and "not for you": a look at the listing tells.

mod answer;
mod connection;
mod listing;
mod session;
mod tls;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use connection::{Login, Patience, Tls};
use session::Session;

use super::{Access, Content, Entry, Exchange, ExchangeError, FileName, Folder, Meter, OpenError, Probe, Scheme, Secret, Server};
use crate::world::World;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the server may say nothing where it has something to say.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// A connection that was idle for longer is asked whether it still stands before it is used.
const IDLE_MILLIS: i64 = 15_000;
/// The port where TLS begins with the first byte.
const IMPLICIT_PORT: u16 = 990;

/// A folder on an FTP server as an exchange.
pub struct FtpExchange {
    login: Login,
    meter: Meter,
    /// Made on first use.
    session: Option<Session>,
    /// When it was used last, in milliseconds.
    used: i64,
}

impl FtpExchange {
    /// The exchange at an `ftp://` or `ftps://` address. Nothing is reached yet. Who names no user logs in as anonymous.
    ///
    /// # Errors
    /// [`OpenError::Access`] where the certificate file or the system's certificates cannot be used.
    pub fn new(server: Server, access: &Access) -> Result<Self, OpenError> {
        let place = server.to_string();
        let configs = || {
            let configs = tls::configs(access.certificate.as_deref());
            configs.map_err(|why| OpenError::Access { place: place.clone(), why })
        };
        let tls = match (server.scheme, server.option("tls"), server.port) {
            (Scheme::Ftps, Some("implicit"), _) | (Scheme::Ftps, None, Some(IMPLICIT_PORT)) => Tls::Implicit(configs()?),
            (Scheme::Ftps, _, _) => Tls::Explicit(configs()?),
            (Scheme::Ftp | Scheme::Sftp | Scheme::Http | Scheme::Https | Scheme::S3 | Scheme::S3Http, _, _) => Tls::Plain,
        };
        let (user, password) = match server.user.clone().or_else(|| access.user.clone()) {
            Some(user) => (user, access.password.clone()),
            None => ("anonymous".to_owned(), Some(Secret::new("fieldpost@"))),
        };
        let patience = Patience { connect: CONNECT_TIMEOUT, silence: SILENCE_TIMEOUT };
        let login = Login { place, server, user, password, tls, patience };
        Ok(Self { login, meter: access.meter.clone(), session: None, used: 0 })
    }

    /// With another patience than the usual one, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.login.patience = Patience { connect: patience, silence: patience };
        self
    }

    /// Does something on the connection that stands, or on a new one.
    fn on<T>(&mut self, world: &World, work: impl FnOnce(&mut Session, &Meter) -> Result<T, ExchangeError>) -> Result<T, ExchangeError> {
        let idle = world.now().0.saturating_sub(self.used);
        let standing = self.session.take();
        let standing = standing.and_then(|mut session| (idle < IDLE_MILLIS || session.is_alive()).then_some(session));
        let mut session = match standing {
            Some(session) => session,
            None => Session::new(self.login.connect()?),
        };
        let done = work(&mut session, &self.meter);
        self.used = world.now().0;
        self.session = session.is_usable().then_some(session);
        done
    }
}

impl Exchange for FtpExchange {
    fn place(&self) -> String {
        self.login.place.clone()
    }

    fn another(&self) -> Option<Box<dyn Exchange>> {
        Some(Box::new(Self { login: self.login.clone(), meter: self.meter.clone(), session: None, used: 0 }))
    }

    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        self.on(world, |session, _| session.probe())
    }

    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        self.on(world, |session, _| session.list(folder))
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        self.on(world, |session, meter| session.get(world, meter, folder, entry, to))
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        self.on(world, |session, meter| session.put(world, meter, folder, name, content))
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        self.on(world, |session, _| session.rename(world, folder, from, to))
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        self.on(world, |session, _| session.delete(world, folder, name))
    }
}

impl fmt::Debug for FtpExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpExchange").field("place", &self.login.place).finish_non_exhaustive()
    }
}
