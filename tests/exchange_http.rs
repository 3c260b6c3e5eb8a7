//! WebDAV and S3 against a server that breaks, lies and refuses: what the user gets, and that no wrong file is ever taken.

#[path = "exchange_http/dav.rs"]
mod dav;
#[path = "exchange_http/server.rs"]
mod server;
#[path = "exchange_http/store.rs"]
mod store;

use std::cell::Cell;
use std::io::Write as _;

use dav::Dav;
use fieldpost::exchange::{
    Access, Content, Deposited, Entry, Exchange, ExchangeError, FileName, Folder, MARKER_NAME, MarkerFault, Reached, Retrying, Secret,
    contract, deposit, fetch, fetch_together, mark, open_exchange, reach, waiting,
};
use fieldpost::world::{Faults as Kills, SystemClock, World};
use server::{Faults, Server, Service};
use store::{Store, Upload};

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Kills::none())
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn folder() -> Folder {
    Folder::new("head/anna").unwrap()
}

fn access() -> Access {
    Access { user: Some("field".to_owned()), password: Some(Secret::new("post")), ..Access::default() }
}

/// A WebDAV server with an empty folder, and its address.
fn dav() -> (Server<Dav>, String) {
    let server = Server::start(Dav::default());
    server.service().folders.extend(["/".to_owned(), "/place/".to_owned()]);
    let address = format!("http://127.0.0.1:{}/place", server.port);
    (server, address)
}

fn store() -> (Server<Store>, String) {
    let server = Server::start(Store::default());
    let address = format!("s3+http://127.0.0.1:{}/bucket/place", server.port);
    (server, address)
}

fn open(address: &str) -> Box<dyn Exchange> {
    open_exchange(address, &access()).unwrap()
}

fn ready(address: &str) -> (World, Box<dyn Exchange>, Reached) {
    let (world, mut exchange) = (world(), open(address));
    mark(&world, &mut *exchange).unwrap();
    let reached = reach(&world, &mut *exchange).unwrap();
    (world, exchange, reached)
}

fn put(world: &World, exchange: &mut dyn Exchange, reached: &Reached, file: &str, bytes: &[u8]) -> Result<Deposited, ExchangeError> {
    deposit(world, exchange, reached, &folder(), &name(file), Content::Bytes(bytes))
}

/// Runs the contract, each part in a place of its own.
fn keeps_the_contract<S: Service>(server: &Server<S>, scheme: &str, make: impl Fn(&mut S, &str), faults: &Faults) {
    server.misbehave(faults.clone());
    let count = Cell::new(0);
    contract::contract(|| {
        count.set(count.get() + 1);
        let place = format!("place{}", count.get());
        make(&mut server.service(), &place);
        open(
            &format!("{scheme}://127.0.0.1:{}/{place}", server.port)
                .replace("/place", if scheme == "http" { "/place" } else { "/bucket/place" }),
        )
    });
}

fn make_folder(dav: &mut Dav, place: &str) {
    dav.folders.insert(format!("/{place}/"));
}

#[test]
fn webdav_keeps_the_contract() {
    keeps_the_contract(&dav().0, "http", make_folder, &Faults::default());
}

#[test]
fn webdav_keeps_the_contract_with_odd_names_without_ranges_and_behind_a_proxy() {
    let faults = Faults { odd_names: true, ignores_headers: true, old: true, wants: Some("Basic"), ..Faults::default() };
    keeps_the_contract(&dav().0, "http", make_folder, &faults);
}

#[test]
fn s3_keeps_the_contract() {
    keeps_the_contract(&store().0, "s3+http", |_, _| {}, &Faults::default());
}

#[test]
fn s3_keeps_the_contract_with_odd_names_and_without_conditions() {
    keeps_the_contract(&store().0, "s3+http", |_, _| {}, &Faults { odd_names: true, ignores_headers: true, ..Faults::default() });
    keeps_the_contract(&store().0, "s3+http", |_, _| {}, &Faults { old: true, ..Faults::default() });
    keeps_the_contract(&store().0, "s3+http", |_, _| {}, &Faults { calls_parts_whole: true, ..Faults::default() });
}

/// After every cut the same deposit, repeated as a round would, ends whole; nothing that is listed with the right size is wrong.
fn sweep<S: Service>(server: &Server<S>, address: &str, mut clear: impl FnMut(&mut S)) {
    let content: Vec<u8> = (0..5000_u32).map(|n| (n * 7 % 251) as u8).collect();
    for (cuts, bytes) in (0..).step_by(89).enumerate() {
        clear(&mut server.service());
        let (world, _, reached) = ready(address);
        let mut exchange = Retrying::new(open(address));
        server.misbehave(Faults { cut_after: Some(bytes), ..Faults::default() });
        let first = put(&world, &mut exchange, &reached, "x", &content);
        if let Err(error) = first {
            assert!(error.retry_helps(), "cut after {bytes}: {error}");
            put(&world, &mut exchange, &reached, "x", &content).unwrap();
        }
        let found = waiting(&world, &mut exchange, &folder(), |entry| entry.bytes == content.len() as u64).unwrap();
        assert_eq!(found.len(), 1, "cut after {bytes}");
        let inbox = tempfile::tempdir().unwrap();
        let local = fetch(&world, &mut exchange, &folder(), &found[0], inbox.path()).unwrap();
        assert!(std::fs::read(local).unwrap() == content, "cut after {bytes}: another file came");
        if !server.was_cut() {
            assert!(cuts > 100, "only {cuts} cuts");
            return;
        }
    }
}

#[test]
fn a_webdav_connection_cut_at_any_byte_ends_with_the_whole_file() {
    let (server, address) = dav();
    sweep(&server, &address, |dav| {
        dav.files.clear();
        dav.folders.retain(|folder| !folder.contains("head"));
    });
}

#[test]
fn an_s3_connection_cut_at_any_byte_ends_with_the_whole_file() {
    let (server, address) = store();
    sweep(&server, &address, |store| store.objects.clear());
}

#[test]
fn an_s3_store_that_shows_cut_off_uploads_is_mended() {
    let (server, address) = store();
    server.service().shows_cut_offs = true;
    sweep(&server, &address, |store| store.objects.clear());
}

#[test]
fn a_webdav_upload_that_is_short_and_called_a_success_never_gets_its_final_name() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    server.misbehave(Faults { keeps: Some(3), ..Faults::default() });
    let error = put(&world, &mut *exchange, &reached, "x", b"whole").unwrap_err();
    assert!(matches!(error, ExchangeError::SizeDiffers { expected: 5, found: 3, .. }) && error.retry_helps(), "{error}");
    assert!(!server.service().files.contains_key("/place/head/anna/x"));
    server.misbehave(Faults::default());
    assert_eq!(put(&world, &mut *exchange, &reached, "x", b"whole").unwrap(), Deposited::Done);
}

#[test]
fn an_s3_upload_that_is_short_and_called_a_success_is_seen_and_mended() {
    let (server, address) = store();
    let (world, mut exchange, reached) = ready(&address);
    server.misbehave(Faults { keeps: Some(3), ..Faults::default() });
    let error = put(&world, &mut *exchange, &reached, "x", b"whole").unwrap_err();
    assert!(matches!(error, ExchangeError::SizeDiffers { expected: 5, found: 3, .. }), "{error}");
    server.misbehave(Faults::default());
    assert_eq!(put(&world, &mut *exchange, &reached, "x", b"whole").unwrap(), Deposited::Mended { found: 3 });
}

#[test]
fn a_webdav_server_that_renames_over_files_loses_none_of_ours() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    put(&world, &mut *exchange, &reached, "x", b"whole").unwrap();
    server.misbehave(Faults { renames_over: true, ..Faults::default() });
    assert_eq!(put(&world, &mut *exchange, &reached, "x", b"other").unwrap(), Deposited::AlreadyThere);
    assert_eq!(server.service().files["/place/head/anna/x"], b"whole");
}

/// Each answer of a server, and the error it is.
#[test]
fn answers_of_a_webdav_server_are_told_apart() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    put(&world, &mut *exchange, &reached, "x", b"whole").unwrap();
    for (status, retry, expected) in [
        (403, false, "is read-only: the server says 403 Forbidden"),
        (405, false, "is read-only"),
        (507, false, "is full: the server says 507 Insufficient Storage"),
        (423, true, "423 Locked"),
        (503, true, "out of reach: the server says 503"),
        (429, true, "out of reach"),
        (413, false, "refuses: the server says 413 Payload Too Large"),
        (409, true, "vanished"),
    ] {
        server.misbehave(Faults { answers: Some((status, true)), ..Faults::default() });
        let error = put(&world, &mut *exchange, &reached, "y", b"y").unwrap_err();
        assert!(error.to_string().contains(expected) && error.retry_helps() == retry, "{status}: {error}");
    }
    for (status, expected) in
        [(403, "refuses: the server says 403"), (500, "out of reach"), (200, "no WebDAV server"), (405, "no WebDAV server")]
    {
        server.misbehave(Faults { answers: Some((status, false)), ..Faults::default() });
        let error = exchange.list(&world, &folder()).unwrap_err();
        assert!(error.to_string().contains(expected), "{status}: {error}");
    }
    let headers = vec![("location", "https://other.example/place".to_owned())];
    server.misbehave(Faults { answers: Some((301, false)), headers, ..Faults::default() });
    let error = exchange.list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("sends us on to `https://other.example/place`") && !error.retry_helps(), "{error}");
    server.misbehave(Faults { away: true, ..Faults::default() });
    let error = exchange.list(&world, &folder()).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error}");
    server.misbehave(Faults { endless: true, ..Faults::default() });
    let error = exchange.list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn without_tls_the_password_is_sent_only_where_it_is_asked_for_and_as_basic() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    put(&world, &mut *exchange, &reached, "x", b"whole").unwrap();
    assert!(server.service().logins.is_empty());
    server.misbehave(Faults { wants: Some("Basic"), ..Faults::default() });
    exchange.list(&world, &folder()).unwrap();
    exchange.list(&world, &folder()).unwrap();
    let basic = "Basic ZmllbGQ6cG9zdA==";
    assert_eq!(server.service().logins, ["", basic, basic]);
    server.misbehave(Faults { wants: Some("Digest"), ..Faults::default() });
    server.service().logins.clear();
    let error = open(&address).list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("kind `digest`"), "{error}");
    assert_eq!(server.service().logins, [""]);
    server.misbehave(Faults { wants: Some("Basic"), ..Faults::default() });
    let wrong = Access { password: Some(Secret::new("hunter2")), ..access() };
    let error = open_exchange(&address, &wrong).unwrap().list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("does not take the user and the password") && !error.retry_helps(), "{error}");
    assert!(!error.to_string().contains("hunter2"));
    let error = open_exchange(&address, &Access::default()).unwrap().list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("there is none"), "{error}");
}

#[test]
fn a_webdav_share_that_vanishes_during_a_run_is_not_made_anew() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    put(&world, &mut *exchange, &reached, "x", b"whole").unwrap();
    server.service().files.clear();
    server.service().folders.retain(|folder| folder == "/" || folder == "/place/");
    for attempt in 0..2 {
        let error = put(&world, &mut *exchange, &reached, "y", b"whole").unwrap_err();
        assert!(matches!(error, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. }), "{attempt}: {error}");
    }
    let error = exchange.delete(&world, &folder(), &name("x")).unwrap_err();
    assert!(matches!(error, ExchangeError::NotAnExchange { .. }), "{error}");
    assert!(server.service().files.is_empty() && server.service().folders.len() == 2);
    // The same where the adapter does not ask first because it has seen the folder.
    let (world, mut exchange, _) = ready(&address);
    exchange.put(&world, &folder(), &name("x"), Content::Bytes(b"x")).unwrap();
    server.service().folders.clear();
    server.service().files.clear();
    let error = exchange.put(&world, &folder(), &name("y"), Content::Bytes(b"x")).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }) && error.retry_helps(), "{error}");
    let error = exchange.put(&world, &folder(), &name("y"), Content::Bytes(b"x")).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error}");
    assert!(server.service().folders.is_empty(), "a missing share was made");
}

#[test]
fn answers_of_a_store_are_told_apart() {
    let (server, address) = store();
    let (world, mut exchange, reached) = ready(&address);
    put(&world, &mut *exchange, &reached, "x", b"whole").unwrap();
    for (status, retry, expected) in [(403, false, "is read-only"), (507, false, "is full"), (503, true, "out of reach")] {
        server.misbehave(Faults { answers: Some((status, true)), ..Faults::default() });
        let error = put(&world, &mut *exchange, &reached, "y", b"y").unwrap_err();
        assert!(error.to_string().contains(expected) && error.retry_helps() == retry, "{status}: {error}");
    }
    server.misbehave(Faults { clock: 3600, ..Faults::default() });
    let error = exchange.list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("clock of this computer is 60 minutes behind the store's") && !error.retry_helps(), "{error}");
    assert!(error.to_string().contains("words of the store (RequestTimeTooSkewed)"), "{error}");
    server.misbehave(Faults { headers: vec![("x-amz-bucket-region", "eu-north-1".to_owned())], ..Faults::default() });
    let error = exchange.list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("in the region `eu-north-1`: write `?region=eu-north-1`"), "{error}");
    server.misbehave(Faults::default());
    let wrong = Access { password: Some(Secret::new("hunter2")), ..access() };
    let error = open_exchange(&address, &wrong).unwrap().list(&world, &folder()).unwrap_err();
    assert!(error.to_string().contains("secret of the key (the password) is wrong"), "{error}");
    server.service().gone = true;
    let error = exchange.list(&world, &folder()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("no bucket `bucket`"), "{error}");
    let error = exchange.get(&world, &folder(), &Entry { name: name("x"), bytes: 5 }, std::path::Path::new("/nowhere/x")).unwrap_err();
    assert!(error.to_string().contains("no bucket"), "{error}");
}

#[test]
fn an_object_that_is_there_is_not_overwritten_where_the_store_can_refuse() {
    let (server, address) = store();
    let (world, mut exchange, _) = ready(&address);
    exchange.put(&world, &folder(), &name("x"), Content::Bytes(b"first")).unwrap();
    let error = exchange.put(&world, &folder(), &name("x"), Content::Bytes(b"other")).unwrap_err();
    assert!(matches!(error, ExchangeError::Exists { .. }), "{error}");
    assert_eq!(server.service().objects["place/head/anna/x"], b"first");
}

#[test]
fn a_folder_that_vanishes_on_a_marked_share_is_made_anew() {
    let (server, address) = dav();
    let (world, mut exchange, _) = ready(&address);
    exchange.put(&world, &folder(), &name("x"), Content::Bytes(b"x")).unwrap();
    server.service().folders.retain(|folder| !folder.contains("anna"));
    server.service().files.retain(|file, _| !file.contains("anna"));
    let error = exchange.put(&world, &folder(), &name("y"), Content::Bytes(b"x")).unwrap_err();
    assert!(error.retry_helps(), "{error}");
    exchange.put(&world, &folder(), &name("y"), Content::Bytes(b"x")).unwrap();
    assert_eq!(exchange.list(&world, &folder()).unwrap().len(), 1);
}

/// A file that goes up in five parts.
fn large() -> (tempfile::NamedTempFile, Vec<u8>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..66 * 1024 * 1024_u32).map(|n| (n / 4096 + n) as u8).collect();
    file.write_all(&content).unwrap();
    (file, content)
}

#[test]
fn a_large_upload_to_a_store_goes_on_where_it_was_cut() {
    let (server, address) = store();
    let (world, mut exchange, reached) = ready(&address);
    let (file, content) = large();
    let key = "place/head/anna/x";
    // Of others: another file's abandoned one, a fresh one, and one that is none of ours.
    for (id, of, began) in [
        ("old", "place/head/anna/gone", "2020-01-01T00:00:00Z"),
        ("fresh", "place/head/anna/other", "2099-01-01T00:00:00Z"),
        ("alien", "place/head/anna/Not Ours", "2020-01-01T00:00:00Z"),
    ] {
        let upload = Upload { key: of.to_owned(), began: began.to_owned(), ..Upload::default() };
        server.service().uploads.insert(id.to_owned(), upload);
    }
    server.misbehave(Faults { cut_after: Some(40 * 1024 * 1024), ..Faults::default() });
    let send = |exchange: &mut dyn Exchange| deposit(&world, exchange, &reached, &folder(), &name("x"), Content::File(file.path()));
    let error = send(&mut *exchange).unwrap_err();
    assert!(error.retry_helps(), "{error}");
    assert!(!server.service().objects.contains_key(key), "half an object is there");
    assert_eq!(std::mem::take(&mut server.service().parts_sent), 2);
    let mut exchange = Retrying::new(open(&address));
    assert_eq!(send(&mut exchange).unwrap(), Deposited::Done);
    assert_eq!(server.service().parts_sent, 3, "only what was missing is sent");
    assert!(server.service().objects[key] == content, "the object is another one");
    assert_eq!(server.service().uploads.keys().collect::<Vec<_>>(), ["alien", "fresh"]);
    // A store that cannot list uploads gets all of it again.
    server.service().objects.remove(key);
    server.service().plain = true;
    assert_eq!(send(&mut exchange).unwrap(), Deposited::Done);
    assert!(server.service().objects[key] == content, "the object is another one");
}

#[test]
fn a_large_upload_to_webdav_is_refused_before_it_is_sent() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    let (file, content) = large();
    let send = |exchange: &mut dyn Exchange| deposit(&world, exchange, &reached, &folder(), &name("x"), Content::File(file.path()));
    // The folder is there, so that the refusal meets the upload itself.
    put(&world, &mut *exchange, &reached, "small", b"x").unwrap();
    let bytes = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = bytes.clone();
    let listener = Box::new(move |passed| _ = count.fetch_add(passed, std::sync::atomic::Ordering::Relaxed));
    let metered = Access { meter: fieldpost::exchange::Meter::new(None, Some(listener)), ..access() };
    let mut counted = open_exchange(&address, &metered).unwrap();
    server.misbehave(Faults { answers: Some((507, true)), ..Faults::default() });
    let error = send(&mut *counted).unwrap_err();
    assert!(matches!(error, ExchangeError::Full { .. }), "{error}");
    assert_eq!(bytes.load(std::sync::atomic::Ordering::Relaxed), 0, "it was sent in vain");
    server.misbehave(Faults { old: true, ..Faults::default() });
    assert_eq!(send(&mut *counted).unwrap(), Deposited::Done);
    assert_eq!(bytes.load(std::sync::atomic::Ordering::Relaxed), content.len() as u64);
    assert!(server.service().files["/place/head/anna/x"] == content, "the file is another one");
}

#[test]
fn a_cut_off_fetch_asks_only_for_the_rest() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    let content = vec![7; 300_000];
    put(&world, &mut *exchange, &reached, "x", &content).unwrap();
    let entry = Entry { name: name("x"), bytes: content.len() as u64 };
    let inbox = tempfile::tempdir().unwrap();
    server.misbehave(Faults { cut_after: Some(200_000), ..Faults::default() });
    let error = fetch(&world, &mut *exchange, &folder(), &entry, inbox.path()).unwrap_err();
    assert!(error.retry_helps(), "{error}");
    let have = std::fs::metadata(inbox.path().join("x.part")).unwrap().len();
    assert!(have > 100_000, "{have}");
    // Would not be enough for all of it.
    server.misbehave(Faults { cut_after: Some(content.len() as u64 - have + 2_000), ..Faults::default() });
    let local = fetch(&world, &mut *exchange, &folder(), &entry, inbox.path()).unwrap();
    assert!(std::fs::read(local).unwrap() == content, "another file came");
}

/// Several connections bring what waits; where one of them breaks, what is missing comes afterwards.
fn together<S: Service>(server: &Server<S>, address: &str) {
    let (world, mut exchange, reached) = ready(address);
    let content = |n: usize| vec![n as u8; 20_000 + n];
    for n in 0..12 {
        put(&world, &mut *exchange, &reached, &format!("f{n:02}"), &content(n)).unwrap();
    }
    let entries = waiting(&world, &mut *exchange, &folder(), |_| true).unwrap();
    let entries: Vec<&Entry> = entries.iter().collect();
    for cut_after in [None, Some(100_000)] {
        let before = server.connections();
        let inbox = tempfile::tempdir().unwrap();
        server.misbehave(Faults { cut_after, slow: true, ..Faults::default() });
        fetch_together(&world, &mut *exchange, &folder(), &entries, inbox.path());
        let whole = (0..12).filter(|n| inbox.path().join(format!("f{n:02}")).exists()).count();
        assert_eq!(whole == 12, cut_after.is_none(), "{whole} of 12 came");
        assert!(server.connections() > before, "one connection brought all");
        server.misbehave(Faults::default());
        for (n, entry) in entries.iter().enumerate() {
            let local = fetch(&world, &mut *exchange, &folder(), entry, inbox.path()).unwrap();
            assert!(std::fs::read(local).unwrap() == content(n));
        }
    }
    let inbox = tempfile::tempdir().unwrap();
    fetch_together(&world, &mut *exchange, &folder(), &entries[..3], inbox.path());
    assert!(std::fs::read_dir(inbox.path()).unwrap().next().is_none(), "for three files nobody logs in again");
}

#[test]
fn several_files_come_at_the_same_time() {
    let (server, address) = dav();
    together(&server, &address);
    let (server, address) = store();
    together(&server, &address);
}

#[test]
fn one_connection_serves_a_round_and_requests_are_few() {
    let (server, address) = dav();
    let (world, mut exchange, reached) = ready(&address);
    put(&world, &mut *exchange, &reached, "x", b"whole").unwrap();
    server.seen();
    put(&world, &mut *exchange, &reached, "y", b"whole").unwrap();
    let folder = "/place/head/anna/";
    let look = format!("PROPFIND {folder}");
    let part = |method: &str| format!("{method} {folder}y.part");
    assert_eq!(server.seen(), [look.clone(), part("PUT"), part("PROPFIND"), part("MOVE"), look]);
    assert!(server.service().files.contains_key(&format!("/place/{MARKER_NAME}")));
}
