//! What the exchanges over HTTP share: one agent with its timeouts, and what an answer means.
//!
//! Redirects are never followed: a login would go to whom nobody named. The connection is kept between requests and made anew where it broke;
//! nothing is repeated here, [`super::Retrying`] does that. Uploads say how long they are and, where large, wait for the server's consent
//! (`Expect: 100-continue`), so that a refusal costs no transfer. A cut-off body of known length is an error, never a shorter file.
//! What servers say is shown without control characters and cut.

mod tls;
pub(super) mod xml;

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, Body, SendBody};

use self::xml::XmlError;
use super::error::Doing;
use super::transfer::{ContentReader, receive};
use super::{Access, Content, Entry, ExchangeError, Meter, OpenError};
use crate::world::World;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next byte, and for an answer to begin.
    pub silence: Duration,
}

impl Patience {
    /// What is used outside of tests.
    pub(super) const USUAL: Self = Self { connect: Duration::from_secs(20), silence: Duration::from_secs(60) };
}

/// A transfer that is slower, in bytes a second, is given up: a server that sends a byte now and then would hold us for ever.
const SLOWEST: u64 = 100;
/// An upload from this size on asks first.
const ASK_FIRST_BYTES: u64 = 1024 * 1024;
/// What is read of an answer that matters no more, so that its connection can be used again.
const MAX_REST_BYTES: u64 = 64 * 1024;
/// A listing is expected to be about this long; longer ones must be faster.
pub(super) const LISTING_BYTES: u64 = 1024 * 1024;
/// A listing that is longer is an error: more than 1 KB for each of the files it may have.
pub(super) const MAX_LISTING_BYTES: u64 = 128 * 1024 * 1024;
/// Longest text of a server in a message, in characters.
const MAX_WORDS: usize = 200;

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    /// GET, PROPFIND …
    pub method: &'a str,
    /// Whole address, with a signature where there is one: never shown.
    pub url: &'a str,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// What goes along.
    pub sending: Sending<'a>,
    /// How many bytes of an answer are waited for.
    pub expecting: u64,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sending<'a> {
    Nothing,
    Xml(&'a str),
    /// `bytes` of the content from `offset` on.
    Part {
        content: Content<'a>,
        offset: u64,
        bytes: u64,
    },
}

/// The client of one place. A clone uses the same connections.
#[derive(Clone)]
pub(super) struct Http {
    agent: Agent,
    place: String,
    meter: Meter,
    patience: Patience,
}

/// An agent shows its settings only; still, nothing but the place is anybody's business.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Http {
    pub(super) fn new(place: String, access: &Access, patience: Patience) -> Result<Self, OpenError> {
        let config = tls::config(access.certificate.as_deref()).map_err(|why| OpenError::Access { place: place.clone(), why })?;
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .user_agent(concat!("fieldpost/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(patience.connect))
            .timeout_resolve(Some(patience.connect))
            .build();
        let connector = ConnectProxyConnector::default().chain(TcpConnector::default()).chain(tls::TlsConnector(config));
        let agent = Agent::with_parts(settings, connector, DefaultResolver::default());
        Ok(Self { agent, place, meter: access.meter.clone(), patience })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Sends a request; every status is an answer.
    pub(super) fn send(&self, world: &World, call: &Call<'_>) -> Result<Response<Body>, ExchangeError> {
        match call.sending {
            // Else the HTTP crate announces a body in chunks, which stores refuse.
            Sending::Nothing if call.method == "POST" => self.run(call, 0, &[("content-length", "0")], SendBody::none()),
            Sending::Nothing => self.run(call, 0, &[], SendBody::none()),
            Sending::Xml(text) => {
                let length = text.len().to_string();
                let headers = [("content-type", "application/xml; charset=utf-8"), ("content-length", &length)];
                self.run(call, 0, &headers, SendBody::from_reader(&mut text.as_bytes()))
            }
            Sending::Part { content, offset, bytes } => {
                let mut asking = bytes >= ASK_FIRST_BYTES;
                loop {
                    let mut from = Part { from: content.reader(world, &self.meter, offset)?, left: bytes, short: false };
                    let length = bytes.to_string();
                    let headers = [("content-length", length.as_str()), ("expect", "100-continue")];
                    let answer = self.run(call, bytes, &headers[..1 + usize::from(asking)], SendBody::from_reader(&mut from));
                    if let Some(failure) = from.failure() {
                        return Err(failure);
                    }
                    match answer {
                        // Old proxies do not know the question.
                        Ok(answer) if asking && answer.status() == StatusCode::EXPECTATION_FAILED => asking = false,
                        answer => return answer,
                    }
                }
            }
        }
    }

    fn run(&self, call: &Call<'_>, sent: u64, more: &[(&str, &str)], body: SendBody<'_>) -> Result<Response<Body>, ExchangeError> {
        let method = Method::from_bytes(call.method.as_bytes()).expect("methods are constants of ours");
        let mut request = Request::builder().method(method).uri(call.url);
        for (name, value) in call.headers.iter().chain(more) {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(|error| self.refused(format!("the address cannot be used: {error}")))?;
        let silence = self.patience.silence;
        let time_for = |bytes: u64| Some(silence.saturating_add(Duration::from_secs(bytes / SLOWEST)));
        let request = self.agent.configure_request(request);
        let request = request.timeout_per_read(Some(silence)).timeout_per_write(Some(silence)).timeout_recv_response(Some(silence));
        let request = request.timeout_send_request(Some(silence)).timeout_send_body(time_for(sent));
        let request = request.timeout_recv_body(time_for(call.expecting)).build();
        self.agent.run(request).map_err(|error| self.failed(error))
    }

    /// Sorts what kept an answer from coming.
    pub(super) fn failed(&self, error: ureq::Error) -> ExchangeError {
        if let ureq::Error::Io(inner) = &error
            && let Some(tls) = inner.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return self.refused(if let rustls::Error::InvalidCertificate(why) = tls {
                let why = clean(&why.to_string());
                format!(
                    "the certificate of the server is not trusted ({why}); if it is the right server, give its certificate as `certificate`"
                )
            } else if let rustls::Error::InvalidMessage(_) = tls {
                "the server does not speak TLS there".to_owned()
            } else {
                format!("no TLS with the server: {}", clean(&tls.to_string()))
            });
        }
        let said = clean(&error.to_string());
        if let ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::Tls(_) = error {
            self.refused(said)
        } else if let ureq::Error::Timeout(_) = error {
            self.unreachable(format!("no answer in time ({said})"))
        } else if let ureq::Error::HostNotFound = error {
            self.unreachable("there is no server of that name")
        } else {
            self.unreachable(said.strip_prefix("io: ").unwrap_or(&said))
        }
    }

    pub(super) fn refused(&self, reason: impl Into<String>) -> ExchangeError {
        ExchangeError::Refused { place: self.place.clone(), reason: reason.into() }
    }

    pub(super) fn unreachable(&self, reason: impl Into<String>) -> ExchangeError {
        ExchangeError::Unreachable { place: self.place.clone(), reason: reason.into() }
    }

    /// What a status means that the caller has no other use for; `words` are what the server said.
    pub(super) fn sorted(&self, doing: Doing, status: StatusCode, words: &str) -> ExchangeError {
        let place = self.place.clone();
        let reason = words.to_owned();
        match (status.as_u16(), doing) {
            (403 | 405 | 501, Doing::Writing) => ExchangeError::ReadOnly { place, reason },
            (507, _) => ExchangeError::Full { place, reason },
            // Somebody's lock passes by itself.
            (423, _) => ExchangeError::Io { place, source: io::Error::other(reason) },
            (408 | 421 | 425 | 429 | 500..=599, _) => ExchangeError::Unreachable { place, reason },
            (_, Doing::Reading | Doing::Writing) => ExchangeError::Refused { place, reason },
        }
    }

    /// Reads what is left of an answer, so that the connection is free for the next request. What it says does not matter.
    pub(super) fn finish(answer: Response<Body>) {
        let _ = io::copy(&mut answer.into_body().into_reader().take(MAX_REST_BYTES), &mut io::sink());
    }

    /// At most `max` bytes of an answer.
    pub(super) fn bytes(&self, answer: Response<Body>, max: u64) -> Result<Vec<u8>, ExchangeError> {
        let mut bytes = Vec::new();
        answer.into_body().into_reader().take(max).read_to_end(&mut bytes).map_err(|error| self.failed(error.into()))?;
        Ok(bytes)
    }

    /// An answer of XML, told element by element.
    pub(super) fn each_element(
        &self,
        answer: Response<Body>,
        namespace: Option<&str>,
        max_bytes: u64,
        tell: impl FnMut(&xml::Path<'_>, &str) -> Result<(), ExchangeError>,
    ) -> Result<(), ExchangeError> {
        xml::each_element(answer.into_body().into_reader(), namespace, max_bytes, tell).map_err(|error| match error {
            XmlError::Io(error) => self.failed(error.into()),
            // Also what a proxy puts in the server's place, or the half of an answer: another time may be better.
            XmlError::Bad(why) => self.unreachable(format!("the answer of the server cannot be read: {}", clean(&why))),
            XmlError::Told(error) => error,
        })
    }

    /// Brings a file, going on where the local one ends. `ask` is called with the method and with the range to ask for; it makes an
    /// error of every status but 200, 206 and 416.
    pub(super) fn fetch(
        &self,
        world: &World,
        entry: &Entry,
        to: &Path,
        mut ask: impl FnMut(&str, Option<&str>, u64) -> Result<Response<Body>, ExchangeError>,
    ) -> Result<(), ExchangeError> {
        let have = match fs::metadata(to) {
            Ok(data) => data.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(ExchangeError::Local(error)),
        };
        // A beginning that is longer than the file is the beginning of something else.
        let there = if have == 0 { entry.bytes } else { length(ask("HEAD", None, 0)?.headers()).unwrap_or(entry.bytes) };
        let start = if have > there { 0 } else { have };
        let range = (start > 0).then(|| format!("bytes={start}-"));
        let answer = ask("GET", range.as_deref(), entry.bytes.saturating_sub(start))?;
        let status = answer.status();
        // `rclone serve s3` sends a part and calls it 200: what it says of the range counts.
        let is_part = status == StatusCode::PARTIAL_CONTENT || answer.headers().contains_key(header::CONTENT_RANGE);
        let nothing_left = status == StatusCode::RANGE_NOT_SATISFIABLE;
        if is_part && !nothing_left && !begins_at(answer.headers(), start) {
            return Err(self.unreachable("the server sent another part of the file than was asked for"));
        }
        let mut from = answer.into_body().into_reader().take(if nothing_left { 0 } else { u64::MAX });
        let open = |offset: u64| {
            // A server that knows no ranges sends all of it.
            if !is_part {
                skip(&mut from, offset, |bytes| self.meter.passed(world, bytes))?;
            }
            Ok(from)
        };
        receive(world, &self.meter, entry, there, to, open, |error| self.failed(error.into()))
    }
}

/// Reads over the first bytes.
fn skip(from: &mut impl Read, bytes: u64, passed: impl Fn(u64)) -> io::Result<()> {
    let mut left = from.take(bytes);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match left.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => passed(read as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What `Content-Length` says.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Whether `Content-Range` says that the part begins there.
fn begins_at(headers: &HeaderMap, start: u64) -> bool {
    let range = headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let first = range.and_then(|range| range.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok());
    first == Some(start)
}

/// A header as text for a message or for us; none where it is no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Number and name of a status.
pub(super) fn words(status: StatusCode) -> String {
    format!("the server says {} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

/// A text of the server as it may be shown: one line, no control characters, not long.
pub(super) fn clean(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cut: String = line.chars().take(MAX_WORDS).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut
}

/// The part of a content that goes out. Ends with an error where there is less of it than was announced: the HTTP crate would ask for ever.
struct Part<'a> {
    from: ContentReader<'a>,
    left: u64,
    short: bool,
}

impl Part<'_> {
    fn failure(&mut self) -> Option<ExchangeError> {
        let short = self.short.then(|| ExchangeError::Local(io::Error::other("the file became shorter while it was sent")));
        self.from.failure().or(short)
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut buffer[..room])?;
        if read == 0 {
            self.short = true;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server_are_one_short_line() {
        assert_eq!(clean(" a\r\n\x1b[31mb\0 "), "a [31mb");
        assert_eq!(clean(&"ä".repeat(MAX_WORDS + 1)).chars().count(), MAX_WORDS + 1);
    }

    #[test]
    fn content_that_became_shorter_ends_an_upload_as_the_homes_fault() {
        let world = World::simulated(Box::new(crate::world::SystemClock), 1, crate::world::Faults::none());
        let (content, meter) = (Content::Bytes(b"12345"), Meter::default());
        let mut part = Part { from: content.reader(&world, &meter, 2).unwrap(), left: 2, short: false };
        let mut read = String::new();
        part.read_to_string(&mut read).unwrap();
        assert!(read == "34" && part.failure().is_none(), "{read}");
        let mut part = Part { from: content.reader(&world, &meter, 2).unwrap(), left: 10, short: false };
        assert!(part.read_to_string(&mut String::new()).is_err());
        assert!(matches!(part.failure(), Some(ExchangeError::Local(_))));
    }

    #[test]
    fn a_range_is_believed_only_where_it_begins_right() {
        let headers = |value: &str| HeaderMap::from_iter([(header::CONTENT_RANGE, value.parse().unwrap())]);
        assert!(begins_at(&headers("bytes 5-9/10"), 5));
        for wrong in ["bytes 4-9/10", "bytes */10", "5-9", "bytes -9/10"] {
            assert!(!begins_at(&headers(wrong), 5), "{wrong}");
        }
    }
}
