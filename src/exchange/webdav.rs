//! An exchange that is a folder of a WebDAV server.
//!
//! States: the folder itself may be absent (never made here), there without marker, read-only, full. A file is *temporary* until one MOVE
//! with `Overwrite: F` gives it its name. Crash points: before each MKCOL, PUT, MOVE and DELETE. A PUT that is cut off may leave a
//! beginning under the temporary name; the next one replaces it, for WebDAV has no way to go on with an upload. A PUT that
//! is called a success is compared by size before it counts.
//!
//! Invariant: no file gets its final name before its size over there was seen to be right, and none counts as there before its size under
//! the final name was.
//!
//! Login is Basic: over TLS at once, without TLS only where the server asks for it. Digest, which some old servers want, is not
//! spoken: its MD5 protects less than TLS does. RFC 4918 is the protocol; where servers differ, the line says which.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use data_encoding::BASE64;
use ureq::Body;
use ureq::http::{Response, StatusCode};
use url::Url;

use super::error::Doing;
use super::http::{Call, Http, LISTING_BYTES, MAX_LISTING_BYTES, Patience, Sending, clean, text, words};
use super::transfer::Listing;
use super::{
    Access, Capabilities, Content, Entry, Exchange, ExchangeError, FileName, Folder, MARKER_NAME, Marker, OpenError, Probe, Put, Rename,
    Scheme, Secret, Server,
};
use crate::world::World;

/// What is asked about a file or the files of a folder.
const QUESTION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/></prop></propfind>";
/// More than the answer about one file can have.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;

/// A folder of a WebDAV server as an exchange.
#[derive(Clone, Debug)]
pub struct WebDavExchange {
    http: Http,
    /// Ends with a slash.
    root: Url,
    login: Option<Login>,
    /// Folders that were seen or made.
    known: BTreeSet<Folder>,
}

#[derive(Clone, Debug)]
struct Login {
    /// Value of the header.
    basic: Secret,
    /// Sent without being asked.
    at_once: bool,
}

/// What the server says about one file or folder.
#[derive(Debug, Default)]
struct Found {
    /// Address as given: with or without server, escaped in one way or another.
    href: String,
    is_folder: bool,
    bytes: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Itself,
    Files,
}

impl WebDavExchange {
    /// The exchange at an address of the schemes `http` or `https`. Reaches nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Access`] where the address, the login or the certificate cannot be used.
    pub fn new(server: Server, access: &Access) -> Result<Self, OpenError> {
        Self::with_patience(server, access, Patience::USUAL)
    }

    fn with_patience(server: Server, access: &Access, patience: Patience) -> Result<Self, OpenError> {
        let place = server.to_string();
        let bad = |why: &str| OpenError::Access { place: place.clone(), why: why.to_owned() };
        let port = server.port.map_or_else(String::new, |port| format!(":{port}"));
        let start = format!("{}://{}{port}/", server.scheme.word(), server.host);
        let mut root = Url::parse(&start).map_err(|error| bad(&error.to_string()))?;
        root.path_segments_mut().expect("a web address has levels").clear().extend(server.path.split('/')).push("");
        if server.path.is_empty() {
            root.set_path("/");
        }
        let user = server.user.as_ref().or(access.user.as_ref());
        let login = match (user, &access.password) {
            (Some(user), _) if user.contains(':') => return Err(bad("the name of a user cannot hold a colon")),
            (Some(user), password) => {
                let pair = format!("{user}:{}", password.as_ref().map_or("", Secret::reveal));
                let basic = Secret::new(&format!("Basic {}", BASE64.encode(pair.as_bytes())));
                Some(Login { basic, at_once: server.scheme == Scheme::Https })
            }
            (None, Some(_)) => return Err(bad("there is a password but no user")),
            (None, None) => None,
        };
        Ok(Self { http: Http::new(place, access, patience)?, root, login, known: BTreeSet::new() })
    }

    fn folder_url(&self, folder: &Folder) -> String {
        let levels: String = folder.levels().map(|level| format!("{level}/")).collect();
        format!("{}{levels}", self.root)
    }

    /// Names of ours need no escapes.
    fn file_url(&self, folder: &Folder, name: &FileName) -> String {
        format!("{}{name}", self.folder_url(folder))
    }

    /// Sends a request, with the login as far as it may be sent. What comes back is no redirect and no refusal of the login.
    fn ask(&mut self, world: &World, call: Call<'_>) -> Result<Response<Body>, ExchangeError> {
        loop {
            let mut headers = call.headers.to_vec();
            let sent = match &self.login {
                Some(login) if login.at_once => {
                    headers.push(("authorization", login.basic.reveal()));
                    true
                }
                Some(_) | None => false,
            };
            let answer = self.http.send(world, &Call { headers: &headers, ..call })?;
            let status = answer.status();
            if status.is_redirection() {
                let to = text(answer.headers(), "location").map_or_else(|| "another place".to_owned(), |to| format!("`{}`", clean(to)));
                return Err(self.http.refused(format!("the server sends us on to {to}: if that is right, make it the address")));
            }
            if status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let wanted = kinds_of_login(&answer);
            let basic = wanted.iter().any(|kind| kind == "basic");
            match &mut self.login {
                Some(login) if basic && !sent => {
                    login.at_once = true;
                    Http::finish(answer);
                }
                Some(_) if basic => return Err(self.http.refused("the server does not take the user and the password")),
                Some(_) => {
                    let wanted = clean(&wanted.join(", "));
                    return Err(self.http.refused(format!("the server wants a login of the kind `{wanted}`; fieldpost knows Basic only")));
                }
                None => return Err(self.http.refused("the server wants a login, and there is none for it")),
            }
        }
    }

    /// An answer that nobody has a use for.
    fn refuse<T>(&self, doing: Doing, answer: Response<Body>) -> Result<T, ExchangeError> {
        let status = answer.status();
        Http::finish(answer);
        Err(self.http.sorted(doing, status, &words(status)))
    }

    /// What the server tells about a folder or file, and, where wanted, about those in it. False: there is none.
    fn look(
        &mut self,
        world: &World,
        url: &str,
        depth: Depth,
        mut tell: impl FnMut(Found) -> Result<(), ExchangeError>,
    ) -> Result<bool, ExchangeError> {
        let (level, max_bytes, expecting) = match depth {
            Depth::Itself => ("0", MAX_ANSWER_BYTES, 0),
            Depth::Files => ("1", MAX_LISTING_BYTES, LISTING_BYTES),
        };
        let headers = [("depth", level)];
        let answer = self.ask(world, Call { method: "PROPFIND", url, headers: &headers, sending: Sending::Xml(QUESTION), expecting })?;
        match answer.status() {
            StatusCode::MULTI_STATUS => {}
            StatusCode::NOT_FOUND => {
                Http::finish(answer);
                return Ok(false);
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED | StatusCode::OK => {
                let status = words(answer.status());
                return Err(self.http.refused(format!("this is no WebDAV server, or not at this path: to PROPFIND {status}")));
            }
            _ => return self.refuse(Doing::Reading, answer),
        }
        let (mut found, mut props, mut status) = (Found::default(), Found::default(), String::new());
        self.http.each_element(answer, Some("DAV:"), max_bytes, |path, text| {
            match path {
                ["multistatus", "response", "propstat", "prop", "resourcetype", "collection"] => props.is_folder = true,
                ["multistatus", "response", "propstat", "prop", "getcontentlength"] => props.bytes = text.parse().ok(),
                ["multistatus", "response", "propstat", "status"] => text.clone_into(&mut status),
                ["multistatus", "response", "propstat"] => {
                    let props = std::mem::take(&mut props);
                    if std::mem::take(&mut status).split(' ').nth(1) == Some("200") {
                        found.is_folder |= props.is_folder;
                        found.bytes = props.bytes.or(found.bytes);
                    }
                }
                ["multistatus", "response", "href"] => text.clone_into(&mut found.href),
                ["multistatus", "response"] => tell(std::mem::take(&mut found))?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(true)
    }

    /// Whether there is such a folder. A file in its place is refused.
    fn is_folder(&mut self, world: &World, folder: &Folder) -> Result<bool, ExchangeError> {
        let (url, mut is_folder) = (self.folder_url(folder), None);
        let found = self.look(world, &url, Depth::Itself, |found| {
            is_folder.get_or_insert(found.is_folder);
            Ok(())
        })?;
        match is_folder.filter(|_| found) {
            Some(true) => Ok(true),
            Some(false) => Err(self.http.refused(format!("`{folder}` is not a folder"))),
            None => Ok(false),
        }
    }

    /// How long a file is over there.
    fn bytes_of(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<Option<u64>, ExchangeError> {
        let (url, mut bytes) = (self.file_url(folder, name), None);
        self.look(world, &url, Depth::Itself, |found| {
            bytes = found.bytes;
            Ok(())
        })?;
        Ok(bytes)
    }

    /// The bytes of the marker, at most one more than it may have.
    fn marker(&mut self, world: &World) -> Result<Option<Vec<u8>>, ExchangeError> {
        if !self.is_folder(world, &Folder::root())? {
            return Err(self.http.unreachable("there is no such folder on the server"));
        }
        let url = format!("{}{MARKER_NAME}", self.root);
        let answer = self.ask(world, Call { method: "GET", url: &url, headers: &[], sending: Sending::Nothing, expecting: 0 })?;
        match answer.status() {
            StatusCode::OK => self.http.bytes(answer, Marker::MAX_BYTES as u64 + 1).map(Some),
            StatusCode::NOT_FOUND => {
                Http::finish(answer);
                Ok(None)
            }
            _ => self.refuse(Doing::Reading, answer),
        }
    }

    /// What is not there counts as not there only on an exchange.
    fn require_marker(&mut self, world: &World) -> Result<(), ExchangeError> {
        let marker = self.marker(world)?;
        Marker::of(self.http.place(), marker.as_deref()).map(drop)
    }

    fn find(&mut self, world: &World, folder: &Folder) -> Result<bool, ExchangeError> {
        if self.known.contains(folder) {
            return Ok(true);
        }
        if !self.is_folder(world, folder)? {
            self.require_marker(world)?;
            return Ok(false);
        }
        self.known.insert(folder.clone());
        Ok(true)
    }

    fn find_or_make(&mut self, world: &World, folder: &Folder) -> Result<(), ExchangeError> {
        if self.find(world, folder)? {
            return Ok(());
        }
        let mut url = self.root.to_string();
        for level in folder.levels() {
            url.push_str(level);
            // nginx makes no folder whose name has no slash at its end.
            url.push('/');
            world.step("make folder on exchange")?;
            let answer = self.ask(world, Call { method: "MKCOL", url: &url, headers: &[], sending: Sending::Nothing, expecting: 0 })?;
            match answer.status() {
                // 405: it is there.
                StatusCode::CREATED | StatusCode::OK | StatusCode::METHOD_NOT_ALLOWED => Http::finish(answer),
                StatusCode::CONFLICT => return Err(self.vanished(answer, folder)),
                _ => return self.refuse(Doing::Writing, answer),
            }
        }
        if self.find(world, folder)? { Ok(()) } else { Err(self.http.unreachable(format!("`{folder}` vanished"))) }
    }

    /// A folder that was there a moment ago: the next try looks again, and for the marker too.
    fn vanished(&mut self, answer: Response<Body>, folder: &Folder) -> ExchangeError {
        Http::finish(answer);
        self.known.remove(folder);
        self.http.unreachable(format!("`{folder}` vanished"))
    }
}

impl Exchange for WebDavExchange {
    fn place(&self) -> String {
        self.http.place().to_owned()
    }

    fn another(&self) -> Option<Box<dyn Exchange>> {
        Some(Box::new(self.clone()))
    }

    fn probe(&mut self, world: &World) -> Result<Probe, ExchangeError> {
        // A server may still write the rest of a cut-off upload when the next one is through and compared: so it is looked up once more.
        let capabilities = Capabilities { rename: Rename::Refuses, put: Put::MayBeShort };
        Ok(Probe { capabilities, marker: self.marker(world)? })
    }

    fn list(&mut self, world: &World, folder: &Folder) -> Result<Vec<Entry>, ExchangeError> {
        let (url, place) = (self.folder_url(folder), self.place());
        let mut listing = Listing::default();
        let found = self.look(world, &url, Depth::Files, |found| {
            let Some(name) = name_in(folder, &found.href).filter(|_| !found.is_folder) else { return Ok(()) };
            let Some(bytes) = found.bytes else {
                let reason = format!("it does not tell how long `{folder}/{name}` is");
                return Err(ExchangeError::Refused { place: place.clone(), reason });
            };
            listing.push(&place, Entry { name, bytes })
        })?;
        if found {
            self.known.insert(folder.clone());
        } else {
            self.require_marker(world)?;
        }
        Ok(listing.done())
    }

    fn get(&mut self, world: &World, folder: &Folder, entry: &Entry, to: &Path) -> Result<(), ExchangeError> {
        let url = self.file_url(folder, &entry.name);
        let http = self.http.clone();
        http.fetch(world, entry, to, |method, range, expecting| {
            let headers: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
            let answer = self.ask(world, Call { method, url: &url, headers: &headers, sending: Sending::Nothing, expecting })?;
            match answer.status() {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(answer),
                StatusCode::NOT_FOUND => {
                    Http::finish(answer);
                    self.require_marker(world)?;
                    Err(ExchangeError::Missing { folder: folder.clone(), name: entry.name.clone() })
                }
                _ => self.refuse(Doing::Reading, answer),
            }
        })
    }

    fn put(&mut self, world: &World, folder: &Folder, name: &FileName, content: Content<'_>) -> Result<(), ExchangeError> {
        self.find_or_make(world, folder)?;
        let (url, bytes) = (self.file_url(folder, name), content.bytes()?);
        world.step("create on exchange")?;
        let sending = Sending::Part { content, offset: 0, bytes };
        let answer = self.ask(world, Call { method: "PUT", url: &url, headers: &[], sending, expecting: 0 })?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => Http::finish(answer),
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => return Err(self.vanished(answer, folder)),
            _ => return self.refuse(Doing::Writing, answer),
        }
        let found = self.bytes_of(world, folder, name)?.unwrap_or_default();
        if found == bytes {
            return Ok(());
        }
        Err(ExchangeError::SizeDiffers { folder: folder.clone(), name: name.clone(), expected: bytes, found })
    }

    fn rename(&mut self, world: &World, folder: &Folder, from: &FileName, to: &FileName) -> Result<(), ExchangeError> {
        let (url, target) = (self.file_url(folder, from), self.file_url(folder, to));
        let path = target[self.root.origin().ascii_serialization().len()..].to_owned();
        world.step("rename on exchange")?;
        // Behind a proxy that ends TLS, Apache takes the whole address for another server's (502); the path alone it takes.
        for destination in [&target, &path] {
            let headers = [("destination", destination.as_str()), ("overwrite", "F")];
            let answer = self.ask(world, Call { method: "MOVE", url: &url, headers: &headers, sending: Sending::Nothing, expecting: 0 })?;
            match answer.status() {
                StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => {
                    Http::finish(answer);
                    return Ok(());
                }
                StatusCode::PRECONDITION_FAILED => {
                    Http::finish(answer);
                    return Err(ExchangeError::Exists { folder: folder.clone(), name: to.clone() });
                }
                StatusCode::NOT_FOUND | StatusCode::CONFLICT => {
                    Http::finish(answer);
                    self.require_marker(world)?;
                    return Err(ExchangeError::Missing { folder: folder.clone(), name: from.clone() });
                }
                // Go's server says so of a file that is not there.
                StatusCode::FORBIDDEN if self.bytes_of(world, folder, from)?.is_none() => {
                    self.require_marker(world)?;
                    return Err(ExchangeError::Missing { folder: folder.clone(), name: from.clone() });
                }
                StatusCode::BAD_GATEWAY if destination == &target => Http::finish(answer),
                StatusCode::MULTI_STATUS => {
                    Http::finish(answer);
                    let source = io::Error::other(format!("`{folder}/{from}` was not renamed, the server does not say why"));
                    return Err(ExchangeError::Io { place: self.place(), source });
                }
                _ => return self.refuse(Doing::Writing, answer),
            }
        }
        Err(self.http.unreachable(words(StatusCode::BAD_GATEWAY)))
    }

    fn delete(&mut self, world: &World, folder: &Folder, name: &FileName) -> Result<(), ExchangeError> {
        let url = self.file_url(folder, name);
        world.step("delete on exchange")?;
        // A folder in place of the file: Apache and nginx refuse to delete one with this depth.
        let headers = [("depth", "0")];
        let answer = self.ask(world, Call { method: "DELETE", url: &url, headers: &headers, sending: Sending::Nothing, expecting: 0 })?;
        match answer.status() {
            StatusCode::NO_CONTENT | StatusCode::OK => {
                Http::finish(answer);
                Ok(())
            }
            StatusCode::NOT_FOUND => {
                Http::finish(answer);
                self.require_marker(world)
            }
            _ => self.refuse(Doing::Writing, answer),
        }
    }
}

/// The name of a file of ours that lies in the folder; none for the folder itself and for what was not made by us.
///
/// Only the end of the path is compared: behind a proxy the rest can differ from what we asked for.
fn name_in(folder: &Folder, href: &str) -> Option<FileName> {
    // Some give the whole address.
    let path = match href.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => href,
    };
    let path = super::open::unescape(path)?;
    let (parent, name) = path.rsplit_once('/')?;
    let parent = parent.strip_suffix(folder.as_str())?;
    if parent.is_empty() || parent.ends_with('/') { FileName::new(name).ok() } else { None }
}

/// The kinds a refusal of the login names, in lower case.
fn kinds_of_login(answer: &Response<Body>) -> Vec<String> {
    let values = answer.headers().get_all("www-authenticate");
    values.iter().filter_map(|value| Some(value.to_str().ok()?.split(' ').next()?.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::exchange::Address;
    use crate::world::{Faults, SystemClock};

    fn open(address: &str, access: &Access) -> Result<WebDavExchange, OpenError> {
        let Ok(Address::Server(server)) = Address::parse(address) else { panic!("{address}") };
        let patience = Patience { connect: Duration::from_millis(200), silence: Duration::from_millis(200) };
        WebDavExchange::with_patience(server, access, patience)
    }

    /// What a list ends with at a server that does `behave` with each connection, and how soon.
    fn list_at(behave: fn(TcpStream)) -> (ExchangeError, Duration) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.incoming().flatten().for_each(behave));
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        let started = Instant::now();
        let mut exchange = open(&format!("http://127.0.0.1:{port}/x"), &Access::default()).unwrap();
        let error = exchange.list(&world, &Folder::new("a").unwrap()).unwrap_err();
        (error, started.elapsed())
    }

    #[test]
    fn a_server_that_says_nothing_or_a_byte_now_and_then_holds_nobody() {
        let silent = |mut stream: TcpStream| drop(stream.read_to_end(&mut Vec::new()));
        let dripping = |mut stream: TcpStream| {
            let answer = b"HTTP/1.1 207 x\r\nx: ".iter().chain(std::iter::repeat(&b'x'));
            for byte in answer.take(1000) {
                std::thread::sleep(Duration::from_millis(20));
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        };
        for behave in [silent, dripping] {
            let (error, time) = list_at(behave);
            assert!(matches!(error, ExchangeError::Unreachable { .. }) && error.to_string().contains("no answer in time"), "{error}");
            assert!(time < Duration::from_secs(5), "{time:?}");
        }
    }

    #[test]
    fn an_address_becomes_the_folder_it_names() {
        for (address, url) in [
            ("https://dav.example", "https://dav.example/"),
            ("https://anna@dav.example:8443/my%20files/ä/", "https://dav.example:8443/my%20files/%C3%A4/"),
            ("http://[::1]/100%25", "http://[::1]/100%25/"),
            ("https://müller.example/x", "https://xn--mller-kva.example/x/"),
        ] {
            assert_eq!(open(address, &Access::default()).unwrap().root.as_str(), url, "{address}");
        }
        let password = Access { password: Some(Secret::new("hunter2")), ..Access::default() };
        assert!(open("https://dav.example", &password).is_err(), "a password without a user");
        assert!(!format!("{:?}", open("https://anna@dav.example", &password).unwrap()).contains("hunter2"));
        let missing = Access { certificate: Some("/nowhere/certificate.pem".into()), ..Access::default() };
        assert!(open("https://dav.example", &missing).unwrap_err().to_string().contains("certificate.pem"));
    }

    #[test]
    fn only_names_of_ours_in_the_folder_itself_are_taken() {
        let folder = Folder::new("head/anna").unwrap();
        for href in ["/dav/head/anna/x.fpk", "https://h:1/head/anna/x.fpk", "/other/head%2Fanna/%78.fpk"] {
            assert_eq!(name_in(&folder, href).unwrap().as_str(), "x.fpk", "{href}");
        }
        for href in [
            "/dav/head/anna/",
            "/dav/head/bob/x",
            "/dav/ahead/anna/x",
            "/head/anna/..",
            "/head/anna/X",
            "/head/anna/x.part",
            "x",
            "",
            "h://x",
        ] {
            assert_eq!(name_in(&folder, href), None, "{href}");
        }
    }
}
