//! How data connections take up the TLS session of the control connection.
//!
//! vsftpd and ProFTPD refuse a data connection that does not take it up (it could be somebody else's). With TLS 1.2 one session serves
//! any number of them. With TLS 1.3 a server gives tickets, each good for one connection: who closes an upload without reading loses the
//! new one, and with OpenSSL's two the third upload fails; and ProFTPD does not always give a new one. So TLS 1.2 is asked for
//! first (with the same ciphers and forward secrecy), and 1.3 of a server that takes nothing else: then an upload reads what the server
//! sends until it closes ([`close`]), and where the tickets run out all the same, the next attempt logs in anew.
//! Every control connection starts without sessions: ProFTPD takes for data only what belongs to this one.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned};
use suppaftp::{FtpResult, RustlsConnector, TlsConnector};

use super::super::trust;

/// A connection with TLS, which the crate does not name.
pub(super) type Encrypted = <RustlsConnector as TlsConnector>::Stream;

/// How long an upload waits for the server's end of the data connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pieces a server may send on an upload's connection, where it has only tickets to send.
const MAX_PIECES: usize = 64;

/// What the connections of an exchange are made with, one for each version of TLS, in the order to try them. Errors are sentences.
pub(super) fn configs(certificate: Option<&Path>) -> Result<Vec<ClientConfig>, String> {
    let configs = trust::configs(certificate, &[&[&TLS12], &[&TLS13]])?;
    Ok(configs.into_iter().map(Arc::unwrap_or_clone).collect())
}

/// Makes the TLS of one control connection and its data connections.
#[derive(Debug)]
pub(super) struct Connector {
    inner: RustlsConnector,
    patience: Duration,
}

impl Connector {
    pub(super) fn new(config: &ClientConfig, patience: Duration) -> Self {
        let mut config = config.clone();
        config.resumption = Resumption::in_memory_sessions(1);
        Self { inner: RustlsConnector::from(Arc::new(config)), patience }
    }
}

impl TlsConnector for Connector {
    type Stream = Encrypted;

    fn connect(&self, domain: &str, stream: TcpStream) -> FtpResult<Encrypted> {
        // The crate's own connection for implicit TLS comes here without.
        super::connection::hurry(&stream, self.patience).map_err(suppaftp::FtpError::ConnectionError)?;
        self.inner.connect(domain, stream)
    }
}

/// Shakes hands before the first byte. Not left to a write: one of nothing waits for the server to say something.
pub(super) fn open(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(())
}

/// Ends an upload: says that this was all, and reads the server's tickets until it closes its side.
///
/// The crate would read them past TLS, and without end if the server sent without end.
pub(super) fn close(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    let StreamOwned { conn, sock } = stream;
    conn.send_close_notify();
    while conn.wants_write() {
        conn.write_tls(sock)?;
    }
    sock.shutdown(Shutdown::Write)?;
    sock.set_read_timeout(Some(CLOSE_TIMEOUT))?;
    let pieces = if conn.protocol_version() == Some(ProtocolVersion::TLSv1_3) { MAX_PIECES } else { 0 };
    for _ in 0..pieces {
        // What goes wrong from here on is no matter of the upload: the server's answer decides.
        match conn.read_tls(sock) {
            Ok(0) | Err(_) => break,
            Ok(_) if conn.process_new_packets().is_err() => break,
            Ok(_) => {}
        }
    }
    let _ = sock.shutdown(Shutdown::Both);
    Ok(())
}
