//! An HTTP server for tests, of std only, that misbehaves where it is told to. What it serves stands in `dav.rs` and `store.rs`.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// What the server does wrong. Nothing, by default.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Closes the connection after so many bytes in both directions, once.
    pub cut_after: Option<u64>,
    /// Keeps only so many bytes of what is put and calls it a success.
    pub keeps: Option<usize>,
    /// Gives every request this answer instead of doing it; `true`: only to those that change something.
    pub answers: Option<(u16, bool)>,
    /// Renames over what is there, whatever it is asked.
    pub renames_over: bool,
    /// Knows no `Range` and no `If-None-Match`.
    pub ignores_headers: bool,
    /// Says 501 to `If-None-Match`, 417 to `Expect`, 502 to a rename that names the whole address.
    pub old: bool,
    /// Takes its time before every answer.
    pub slow: bool,
    /// Sends a part and calls it 200, as `rclone serve s3` does.
    pub calls_parts_whole: bool,
    /// Names what it lists in an unusual, allowed way.
    pub odd_names: bool,
    /// Wants a login of this kind.
    pub wants: Option<&'static str>,
    /// Closes every connection without an answer.
    pub away: bool,
    /// Sends a name without end.
    pub endless: bool,
    /// Its clock is this many seconds ahead.
    pub clock: i64,
    /// Headers added to every answer.
    pub headers: Vec<(&'static str, String)>,
}

/// What came in.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// The connection ended before the body did.
    pub cut: bool,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn changes(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "PROPFIND")
    }

    /// Where a `Range` begins.
    pub fn range_start(&self) -> Option<usize> {
        self.header("range").strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What goes out.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub fn xml(status: u16, body: String) -> Self {
        Self { status, body: body.into_bytes(), headers: vec![("content-type", "application/xml".to_owned())] }
    }

    /// A file, or the part of it that is asked for.
    pub fn file(request: &Request, faults: &Faults, bytes: &[u8]) -> Self {
        match request.range_start().filter(|_| !faults.ignores_headers) {
            Some(start) if start >= bytes.len() => Self::new(416),
            Some(start) => {
                let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
                Self { status: 206, headers: vec![("content-range", range)], body: bytes[start..].to_vec() }
            }
            None => Self { status: 200, headers: Vec::new(), body: bytes.to_vec() },
        }
    }
}

/// What is served.
pub trait Service: Send + 'static {
    fn answer(&mut self, request: &Request, faults: &Faults) -> Answer;
}

struct Shared<S> {
    service: Mutex<S>,
    faults: Mutex<Faults>,
    /// Method and path of every request that was done.
    seen: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

/// A running server. It serves until the process ends.
pub struct Server<S> {
    shared: Arc<Shared<S>>,
    pub port: u16,
}

impl<S: Service> Server<S> {
    pub fn start(service: S) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (service, connections) = (Mutex::new(service), AtomicUsize::new(0));
        let shared = Arc::new(Shared { service, faults: Mutex::default(), seen: Mutex::default(), connections });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                shared.connections.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { shared, port }
    }

    pub fn misbehave(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    pub fn service(&self) -> MutexGuard<'_, S> {
        self.shared.service.lock().unwrap()
    }

    /// The requests since the last call.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }

    /// How many were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Whether the cut that was ordered has happened.
    pub fn was_cut(&self) -> bool {
        self.shared.faults.lock().unwrap().cut_after.is_none()
    }
}

/// A connection that ends when the cut comes.
struct Wire<S> {
    stream: TcpStream,
    shared: Arc<Shared<S>>,
}

impl<S> Wire<S> {
    /// How many of `wanted` bytes may pass; the cut is used up when none may.
    fn room(&self, wanted: usize) -> io::Result<usize> {
        let mut faults = self.shared.faults.lock().unwrap();
        match faults.cut_after {
            None => Ok(wanted),
            Some(0) => {
                faults.cut_after = None;
                let _ = self.stream.shutdown(Shutdown::Both);
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(left) => Ok(wanted.min(usize::try_from(left).unwrap())),
        }
    }

    fn passed(&self, bytes: usize) {
        let mut faults = self.shared.faults.lock().unwrap();
        faults.cut_after = faults.cut_after.map(|left| left.saturating_sub(bytes as u64));
    }
}

impl<S> Read for Wire<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.room(buffer.len())?;
        let read = self.stream.read(&mut buffer[..room])?;
        self.passed(read);
        Ok(read)
    }
}

impl<S> Write for Wire<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = self.room(buffer.len())?;
        let written = self.stream.write(&buffer[..room])?;
        self.passed(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn serve<S: Service>(shared: &Arc<Shared<S>>, stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut wire = Wire { stream: stream.try_clone().unwrap(), shared: shared.clone() };
    let mut from = BufReader::new(Wire { stream, shared: shared.clone() });
    while let Ok(Some(mut request)) = read_head(&mut from) {
        let faults = shared.faults.lock().unwrap().clone();
        if faults.away {
            break;
        }
        let asks = request.header("expect") == "100-continue";
        let refused = match faults.answers {
            Some((status, only_changes)) if request.changes() || !only_changes => Some(status),
            _ if faults.old && asks => Some(417),
            _ => None,
        };
        if let Some(status) = refused.filter(|_| asks) {
            // The body is not wanted, and with this answer it does not come.
            if respond(&mut wire, &request, &faults, Answer::new(status)).is_err() {
                break;
            }
            continue;
        }
        if asks && wire.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
            break;
        }
        let length: u64 = request.header("content-length").parse().unwrap_or_default();
        let read = from.by_ref().take(length).read_to_end(&mut request.body);
        request.cut = read.is_err() || (request.body.len() as u64) < length;
        assert!(request.header("transfer-encoding").is_empty(), "stores refuse chunks: {request:?}");
        if request.cut && request.method != "PUT" {
            break;
        }
        let whole = request.body.len();
        if let Some(keeps) = faults.keeps.filter(|_| request.method == "PUT") {
            request.body.truncate(keeps.min(whole));
        }
        let mut answer = match refused {
            Some(status) => Answer::new(status),
            None => shared.service.lock().unwrap().answer(&request, &faults),
        };
        if faults.slow {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        if faults.calls_parts_whole && answer.status == 206 {
            answer.status = 200;
        }
        shared.seen.lock().unwrap().push(format!("{} {}", request.method, request.target.split('?').next().unwrap()));
        if request.cut || respond(&mut wire, &request, &faults, answer).is_err() {
            break;
        }
    }
    let _ = wire.stream.shutdown(Shutdown::Both);
}

fn read_head(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut first = lines.first().map_or("", String::as_str).split(' ');
    let (method, target) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
    let pairs = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(Some(Request { method, target, headers, body: Vec::new(), cut: false }))
}

fn respond(to: &mut impl Write, request: &Request, faults: &Faults, answer: Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} x\r\n", answer.status);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let date = jiff::Timestamp::from_second(i64::try_from(now).unwrap() + faults.clock).unwrap();
    head += &format!("date: {}\r\n", date.strftime("%a, %d %b %Y %H:%M:%S GMT"));
    for (name, value) in answer.headers.iter().chain(&faults.headers) {
        head += &format!("{name}: {value}\r\n");
    }
    if faults.endless && request.header("depth") == "1" {
        to.write_all(format!("{head}connection: close\r\n\r\n<d:multistatus xmlns:d='DAV:'><d:response><d:href>").as_bytes())?;
        let piece = "x".repeat(1000);
        loop {
            to.write_all(piece.as_bytes())?;
        }
    }
    if answer.status != 204 {
        head += &format!("content-length: {}\r\n", answer.body.len());
    }
    to.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method != "HEAD" && answer.status != 204 {
        to.write_all(&answer.body)?;
    }
    to.flush()
}
