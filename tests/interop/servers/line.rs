//! A bad line to a server: it passes everything on, and breaks, crawls or is dead when told to.
//!
//! The line ends on 127.0.0.2 at the very ports that the server has on 127.0.0.1, those for data of FTP included, so that nothing that
//! is said on it has to be understood or changed, with TLS as well.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fieldpost::exchange::{
    Content, Exchange, ExchangeError, FileName, Folder, Retrying, deposit, fetch, fetch_together, mark, reach, waiting,
};
use fieldpost::world::{Faults, SystemClock, World};

/// Where it ends.
pub const END: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Bytes of the file that goes to and fro.
const BYTES: u32 = 150_000;
/// Times it breaks within that.
const CUTS: u64 = 40;

/// The line. Its threads live as long as the test.
pub struct Line(Arc<State>);

#[derive(Default)]
struct State {
    passed: AtomicU64,
    /// Bytes after which everything breaks, once; `u64::MAX` for never.
    cut_after: AtomicU64,
    dead: AtomicBool,
    slow: AtomicBool,
    live: Mutex<Vec<TcpStream>>,
}

impl Line {
    /// To these ports of this machine.
    pub fn to(ports: impl IntoIterator<Item = u16>) -> Self {
        let state = Arc::new(State { cut_after: AtomicU64::new(u64::MAX), ..State::default() });
        for port in ports {
            let listener = TcpListener::bind((END, port)).unwrap();
            let state = Arc::clone(&state);
            std::thread::spawn(move || listener.incoming().flatten().for_each(|near| state.connect(near, port)));
        }
        Self(state)
    }

    /// Breaks after so many further bytes, up and down together.
    fn cut_after(&self, bytes: u64) {
        self.0.cut_after.store(self.0.passed.load(Ordering::SeqCst) + bytes, Ordering::SeqCst);
    }

    fn was_cut(&self) -> bool {
        self.0.cut_after.swap(u64::MAX, Ordering::SeqCst) == u64::MAX
    }

    fn kill(&self) {
        self.0.dead.store(true, Ordering::SeqCst);
        self.0.cut();
    }

    fn revive(&self) {
        self.0.dead.store(false, Ordering::SeqCst);
    }

    fn passed(&self) -> u64 {
        self.0.passed.load(Ordering::SeqCst)
    }
}

impl State {
    fn connect(self: &Arc<Self>, near: TcpStream, port: u16) {
        let far = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let (false, Ok(far)) = (self.dead.load(Ordering::SeqCst), far) else { return };
        for stream in [&near, &far] {
            stream.set_nodelay(true).unwrap();
            self.live.lock().unwrap().push(stream.try_clone().unwrap());
        }
        for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
            let state = Arc::clone(self);
            std::thread::spawn(move || state.pass(from, to));
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let before = self.passed.fetch_add(read as u64, Ordering::SeqCst);
            let left = self.cut_after.load(Ordering::SeqCst).saturating_sub(before);
            let cut = left < read as u64;
            if self.slow.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let passes = if cut { left as usize } else { read };
            if to.write_all(&buffer[..passes]).is_err() {
                break;
            }
            if cut {
                self.cut_after.store(u64::MAX, Ordering::SeqCst);
                self.cut();
                return;
            }
        }
        // The other direction may have something to say still.
        let _ = to.shutdown(Shutdown::Write);
    }

    fn cut(&self) {
        for stream in self.live.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

/// What an operation gives once the line holds: until then it may say only that trying again can help.
fn repeated<T>(what: &str, mut operation: impl FnMut() -> Result<T, ExchangeError>) -> T {
    for _ in 0..3 {
        match operation() {
            Err(error) if error.retry_helps() => {}
            done => return done.unwrap_or_else(|error| panic!("{what}: {error}")),
        }
    }
    operation().unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A line that breaks anywhere, crawls, and is dead for a while: whatever is on the server under its final name is whole, a fetch
/// brings what was put there, and all of it is done once the line holds. `open` opens an exchange over the line, always the same.
pub fn harms_nothing(line: &Line, open: impl Fn() -> Box<dyn Exchange>) {
    let (world, folder) = (world(), Folder::new("head/anna").unwrap());
    mark(&world, &mut *open()).unwrap();
    let round = |at: &str, name: &str, content: &[u8]| {
        let name = FileName::new(name).unwrap();
        let mut exchange = Retrying::new(open());
        let reached = repeated(at, || reach(&world, &mut exchange));
        repeated(at, || deposit(&world, &mut exchange, &reached, &folder, &name, Content::Bytes(content)));
        // What is listed with its size is taken: so it must be whole.
        let found = repeated(at, || waiting(&world, &mut exchange, &folder, |entry| entry.name == name));
        assert_eq!(found.iter().map(|entry| entry.bytes).collect::<Vec<_>>(), [content.len() as u64], "{at}");
        let inbox = tempfile::tempdir().unwrap();
        let there = repeated(at, || fetch(&world, &mut exchange, &folder, &found[0], inbox.path()));
        assert!(std::fs::read(there).unwrap() == content, "{at}: another file came");
        repeated(at, || exchange.delete(&world, &folder, &name));
    };
    let content = |seed: u32| -> Vec<u8> { (0..BYTES).map(|n| (n ^ n >> 8 ^ seed) as u8).collect() };
    let before = line.passed();
    round("a line that holds", "f", &content(0));
    let whole = line.passed() - before;
    let mut cuts = 0;
    for cut in 0..CUTS {
        let at = whole * cut / CUTS + cut % 7;
        line.cut_after(at);
        round(&format!("cut after {at} of {whole} bytes"), &format!("f{cut}"), &content(cut as u32));
        cuts += u64::from(line.was_cut());
    }
    assert!(cuts > CUTS * 3 / 4, "it broke {cuts} times only");

    // Several files at once, over a line that breaks: what does not come comes afterwards.
    let mut exchange = Retrying::new(open());
    let reached = reach(&world, &mut exchange).unwrap();
    let names: Vec<FileName> = (0..8).map(|n| FileName::new(&format!("together{n}")).unwrap()).collect();
    for (n, name) in (0..).zip(&names) {
        deposit(&world, &mut exchange, &reached, &folder, name, Content::Bytes(&content(n))).unwrap();
    }
    let found = waiting(&world, &mut exchange, &folder, |entry| names.contains(&entry.name)).unwrap();
    let inbox = tempfile::tempdir().unwrap();
    line.cut_after(u64::from(BYTES) * 4);
    fetch_together(&world, &mut exchange, &folder, &found.iter().collect::<Vec<_>>(), inbox.path());
    assert!(line.was_cut(), "the line held");
    for (n, entry) in (0..).zip(&found) {
        let there = repeated("together", || fetch(&world, &mut exchange, &folder, entry, inbox.path()));
        assert!(std::fs::read(there).unwrap() == content(n), "another file came");
        exchange.delete(&world, &folder, &entry.name).unwrap();
    }

    line.0.slow.store(true, Ordering::SeqCst);
    round("a slow line", "slow", &content(1));
    line.0.slow.store(false, Ordering::SeqCst);

    let mut exchange = open();
    let reached = reach(&world, &mut *exchange).unwrap();
    line.kill();
    for _ in 0..2 {
        let listed = exchange.list(&world, &folder).unwrap_err();
        assert!(listed.retry_helps(), "{listed}");
        let put = deposit(&world, &mut *exchange, &reached, &folder, &FileName::new("dead").unwrap(), Content::Bytes(b"x")).unwrap_err();
        assert!(put.retry_helps(), "{put}");
    }
    line.revive();
    round("a line that is back", "dead", &content(2));
}
