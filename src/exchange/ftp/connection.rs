//! One login at an FTP server: made, asked, and left without ever waiting for more than its patience.
//!
//! Always binary, always passive. Over IPv4 by PASV to the host of the control connection, whatever address the server announces
//! (behind NAT a private one): every server knows it. Over IPv6 by EPSV, which names no address.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use rustls::ClientConfig;
use suppaftp::types::FileType;
use suppaftp::{DataStream, FtpError, FtpResult, ImplFtpStream, Mode, Status, TlsStream as _, TransferStream};

use super::IMPLICIT_PORT;
use super::answer::{Answer, Failure};
use super::tls::{self, Connector, Encrypted};
use crate::exchange::error::Doing;
use crate::exchange::{ExchangeError, Secret, Server};

/// How long leaving may take.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// The client of the crate; without TLS its second kind of stream is never made.
pub(super) type Client = ImplFtpStream<Encrypted>;
/// A data connection. It must end in [`Connection::finish`] or [`Connection::give_up`].
pub(super) type Transfer = TransferStream<Encrypted>;

/// What it takes to log in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub place: String,
    pub server: Server,
    pub user: String,
    pub password: Option<Secret>,
    pub tls: Tls,
    pub patience: Patience,
}

/// How the connection is protected.
#[derive(Clone, Debug)]
pub(super) enum Tls {
    /// Not at all.
    Plain,
    /// After `AUTH TLS`; tried in this order.
    Explicit(Vec<ClientConfig>),
    /// From the first byte; tried in this order.
    Implicit(Vec<ClientConfig>),
}

/// How long to wait for the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte, of an answer as well as of a file.
    pub silence: Duration,
}

/// What the server says it can do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Features {
    /// Listings that are made for programs.
    pub mlsd: bool,
    /// Transfers from an offset on.
    pub rest: bool,
}

/// A login that stands, in whatever folder.
pub(super) struct Connection {
    client: Client,
    /// The root of the exchange as an absolute path.
    root: String,
    pub features: Features,
    place: String,
    /// Nothing more can be asked.
    broken: bool,
}

/// What the server let us do, or its refusal; the outer error means that the connection is gone.
pub(super) type Asked<T> = Result<Result<T, Answer>, ExchangeError>;

impl Login {
    /// Connects, logs in and goes to the root of the exchange.
    pub(super) fn connect(&self) -> Result<Connection, ExchangeError> {
        let client = self.client()?;
        let mut connection =
            Connection { client, root: String::new(), features: Features::default(), place: self.place.clone(), broken: false };
        let ready = self.prepare(&mut connection);
        connection.broken |= ready.is_err();
        ready.map(|()| connection)
    }

    fn prepare(&self, connection: &mut Connection) -> Result<(), ExchangeError> {
        let password = self.password.as_ref().map_or("", Secret::reveal);
        let encrypted = !matches!(self.tls, Tls::Plain);
        // A server whose settings are wrong breaks down at every login: that wants a person.
        let login = connection.hear(|client| client.login(self.user.as_str(), password))?;
        login.map_err(|answer| answer.of_login(&self.place, encrypted))?;
        if matches!(self.tls, Tls::Implicit(_)) {
            // Not asked by the crate, and some servers want it here too. Whoever does not know it protects data anyway, or not:
            // then the first transfer fails.
            let protect = |command| connection.client.custom_command(command, &[Status::CommandOk]);
            let _ = ["PBSZ 0", "PROT P"].map(protect);
        }
        connection.binary()?;
        let offered = connection.offered()?;
        connection.features = Features {
            mlsd: offered.iter().any(|line| line.starts_with("MLSD") || line.starts_with("MLST")),
            rest: offered.iter().any(|line| line.starts_with("REST STREAM")),
        };
        if !self.server.path.is_ascii() && offered.iter().any(|line| line.starts_with("UTF8")) {
            // Those that want to be told; the others do it anyway.
            let _ = connection.ask(|client| client.opts("UTF8", Some("ON")))?;
        }
        connection.root(&self.server.path)
    }

    fn unreachable(&self, reason: impl ToString) -> ExchangeError {
        ExchangeError::Unreachable { place: self.place.clone(), reason: reason.to_string() }
    }

    /// The host without the brackets of an IPv6 number.
    fn host(&self) -> &str {
        self.server.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// A connection that greeted, with TLS where that is wanted.
    fn client(&self) -> Result<Client, ExchangeError> {
        let configs = match &self.tls {
            Tls::Plain => return self.greeted(None),
            Tls::Explicit(configs) | Tls::Implicit(configs) => configs,
        };
        let mut found = Err(self.unreachable("it was not tried"));
        for config in configs {
            found = self.greeted(Some(config));
            // Servers say in many ways that they do not speak a version.
            if !matches!(found, Err(ExchangeError::Unreachable { .. })) {
                break;
            }
        }
        found
    }

    fn greeted(&self, config: Option<&ClientConfig>) -> Result<Client, ExchangeError> {
        let (address, stream) = self.stream()?;
        let sorted = |error| Failure::from(error).sorted(&self.place, Doing::Reading);
        let connector = |config| Connector::new(config, self.patience.silence);
        let client = match (&self.tls, config) {
            (Tls::Implicit(_), Some(config)) => {
                // The crate makes the connection itself, with the system's patience: that this one came about is what ours is for.
                drop(stream);
                Client::connect_secure_implicit(address, connector(config), self.host())
            }
            (Tls::Plain | Tls::Explicit(_) | Tls::Implicit(_), _) => Client::connect_with_stream(stream),
        };
        let patience = self.patience;
        let data = move |address| connect(address, patience).map_err(FtpError::ConnectionError);
        let mut client = client.map_err(sorted)?.passive_stream_builder(data);
        client.set_mode(if address.is_ipv6() { Mode::ExtendedPassive } else { Mode::Passive });
        client.set_passive_nat_workaround(true);
        match (&self.tls, config) {
            (Tls::Explicit(_), Some(config)) => {
                client.into_secure(connector(config), self.host()).map_err(|error| match Failure::from(error) {
                    Failure::No(answer) => {
                        let reason =
                            format!("it offers no TLS ({}), and without it the password would be there for all to see", answer.text);
                        ExchangeError::Refused { place: self.place.clone(), reason }
                    }
                    other @ (Failure::Gone(_) | Failure::Untrusted(_)) => other.sorted(&self.place, Doing::Reading),
                })
            }
            (Tls::Plain | Tls::Explicit(_) | Tls::Implicit(_), _) => Ok(client),
        }
    }

    /// A connection to the first of the host's addresses that takes one.
    fn stream(&self) -> Result<(SocketAddr, TcpStream), ExchangeError> {
        let port = self.server.port.unwrap_or(if matches!(self.tls, Tls::Implicit(_)) { IMPLICIT_PORT } else { 21 });
        let addresses = (self.host(), port).to_socket_addrs();
        let addresses = addresses.map_err(|error| self.unreachable(format!("the name `{}` leads nowhere ({error})", self.host())))?;
        let mut last = self.unreachable(format!("the name `{}` leads nowhere", self.host()));
        for address in addresses {
            match connect(address, self.patience) {
                Ok(stream) => return Ok((address, stream)),
                Err(error) => last = Failure::from(error).sorted(&self.place, Doing::Reading),
            }
        }
        Err(last)
    }
}

fn connect(address: SocketAddr, patience: Patience) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, patience.connect)?;
    hurry(&stream, patience.silence)?;
    Ok(stream)
}

/// No waiting for ever, and no waiting for more to send.
pub(super) fn hurry(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.set_nodelay(true)
}

impl Connection {
    /// Whether another operation can use it.
    pub(super) const fn is_usable(&self) -> bool {
        !self.broken
    }

    /// Where it leads.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Asks the server something. One that breaks down over it has not answered.
    pub(super) fn ask<T>(&mut self, command: impl FnOnce(&mut Client) -> FtpResult<T>) -> Asked<T> {
        match self.hear(command)? {
            Err(answer) if answer.is_breakdown() => {
                self.broken = true;
                Err(ExchangeError::Unreachable { place: self.place.clone(), reason: answer.text })
            }
            answered => Ok(answered),
        }
    }

    /// Asks the server something, and takes whatever it says for an answer.
    fn hear<T>(&mut self, command: impl FnOnce(&mut Client) -> FtpResult<T>) -> Asked<T> {
        match command(&mut self.client).map_err(Failure::from) {
            Ok(done) => Ok(Ok(done)),
            Err(Failure::No(answer)) => {
                // Without another login it would stay at that: a lost TLS session, a server without ports for data.
                self.broken |= answer.is_about_data();
                Ok(Err(answer))
            }
            Err(failure) => {
                self.broken = true;
                Err(failure.sorted(&self.place, Doing::Reading))
            }
        }
    }

    /// The crate begins with ASCII, which changes line ends.
    fn binary(&mut self) -> Result<(), ExchangeError> {
        let binary = self.ask(|client| client.transfer_type(FileType::Binary))?;
        binary.map_err(|answer| answer.sorted(&self.place, Doing::Reading))
    }

    /// The lines of FEAT in capitals. Not by the crate's own call, which waits for more after an answer of one line.
    fn offered(&mut self) -> Result<Vec<String>, ExchangeError> {
        let answer = self.ask(|client| match client.custom_command("FEAT", &[]) {
            Err(FtpError::UnexpectedResponse(response)) => Ok(response),
            other => other,
        })?;
        let body = answer.map(|response| response.body).unwrap_or_default();
        Ok(String::from_utf8_lossy(&body).lines().map(|line| line.trim().to_ascii_uppercase()).collect())
    }

    /// Goes to the root of the exchange, as the address says it, and notes where that is.
    fn root(&mut self, path: &str) -> Result<(), ExchangeError> {
        if !path.is_empty()
            && let Err(answer) = self.ask(|client| client.cwd(path))?
        {
            let reason = format!("there is no folder `{path}`, or not for this login ({})", answer.text);
            return Err(ExchangeError::Unreachable { place: self.place.clone(), reason });
        }
        let root = self.ask(Client::pwd)?.map_err(|answer| answer.sorted(&self.place, Doing::Reading))?;
        // A quote in a path is doubled.
        self.root = root.replace("\"\"", "\"").trim_end_matches('/').to_owned();
        Ok(())
    }

    /// The absolute path of what lies under the root.
    pub(super) fn path(&self, inside: &str) -> String {
        match (&*self.root, inside) {
            ("", "") => "/".to_owned(),
            (root, "") => root.to_owned(),
            (root, inside) => format!("{root}/{inside}"),
        }
    }

    /// Makes an upload ready to be written to. Also an empty one shakes hands.
    pub(super) fn begin(transfer: &mut Transfer) -> io::Result<()> {
        match transfer.get_mut() {
            DataStream::Ssl(stream) => tls::open(stream.mut_ref()),
            DataStream::Tcp(_) => Ok(()),
        }
    }

    /// Ends a transfer that came to its end, and hears what the server says to it.
    pub(super) fn finish(&mut self, mut transfer: Transfer, direction: Direction) -> Asked<()> {
        let closed = match (direction, transfer.get_mut()) {
            (Direction::Up, DataStream::Ssl(stream)) => tls::close(stream.mut_ref()),
            (Direction::Up, DataStream::Tcp(_)) | (Direction::Down, _) => Ok(()),
        };
        match closed {
            Ok(()) => self.ask(|_| transfer.finish()),
            Err(error) => Err(self.give_up(transfer, error)),
        }
    }

    /// Ends a transfer in its middle, and with it the connection: no server can be trusted to know where it is then.
    pub(super) fn give_up(&mut self, transfer: Transfer, error: io::Error) -> ExchangeError {
        self.broken = true;
        let _ = self.client.get_ref().shutdown(Shutdown::Both);
        let _ = transfer.get_ref().get_ref().shutdown(Shutdown::Both);
        drop(transfer);
        Failure::from(error).sorted(&self.place, Doing::Reading)
    }

    /// What the server says after it closed an upload in the middle: often that it is full.
    pub(super) fn why_closed(&mut self, transfer: Transfer, error: io::Error) -> ExchangeError {
        self.broken = true;
        let _ = transfer.get_ref().get_ref().shutdown(Shutdown::Both);
        let _ = self.client.get_ref().set_read_timeout(Some(FAREWELL_TIMEOUT));
        match transfer.finish().map_err(Failure::from) {
            Err(Failure::No(answer)) => answer.sorted(&self.place, Doing::Writing),
            Ok(()) | Err(Failure::Gone(_) | Failure::Untrusted(_)) => Failure::from(error).sorted(&self.place, Doing::Writing),
        }
    }
}

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// What comes over a data connection.
pub(super) struct Incoming<'a> {
    transfer: &'a mut Transfer,
    /// All of it came.
    pub ended: bool,
}

impl<'a> Incoming<'a> {
    pub(super) const fn new(transfer: &'a mut Transfer) -> Self {
        Self { transfer, ended: false }
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.transfer.read(buffer) {
            // Many servers close without TLS's own end. Whether all came is seen by the size and the answer that follows.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        self.ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

/// Leaves politely, where there is somebody to leave.
impl Drop for Connection {
    fn drop(&mut self) {
        if !self.broken && hurry(&self.client.get_ref(), FAREWELL_TIMEOUT).is_ok() {
            let _ = self.client.quit();
        }
    }
}
