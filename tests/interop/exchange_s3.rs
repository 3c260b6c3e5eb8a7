//! S3 as a store speaks it that really checks signatures.

#[path = "servers/mod.rs"]
mod servers;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use fieldpost::exchange::{
    Access, Content, Deposited, ExchangeError, FileName, Folder, Retrying, Secret, contract, deposit, fetch, mark, open_exchange, reach,
    waiting,
};
use fieldpost::world::{Faults, SkewedClock, SystemClock, World};
use servers::{Server, line};

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn address(server: &Server) -> impl Fn(&str) -> String {
    let port = server.port();
    move |bucket| format!("s3+http://127.0.0.1:{port}/{bucket}/a prefix")
}

#[test]
#[ignore = "needs s3s-fs: run by .ci/run"]
fn a_store_that_checks_signatures_keeps_the_contract() {
    let server = Server::start("s3s_fs");
    // s3s-fs makes one file name of a whole key, in base64.
    let open = || open_exchange(&address(&server)(&server.fresh_folder()), &server.access()).unwrap();
    contract::contract_for_names_up_to(140, open);
}

#[test]
#[ignore = "needs s3s-fs: run by .ci/run"]
fn a_wrong_secret_a_wrong_key_and_a_missing_bucket_are_told_apart() {
    let server = Server::start("s3s_fs");
    let (world, bucket) = (world(), server.fresh_folder());
    mark(&world, &mut *open_exchange(&address(&server)(&bucket), &server.access()).unwrap()).unwrap();
    let says = |bucket: &str, access: &Access| {
        // This store would make a bucket that is not there with its first object.
        let error = mark(&world, &mut *open_exchange(&address(&server)(bucket), access).unwrap()).unwrap_err();
        assert!(matches!(error, ExchangeError::Refused { .. }) && !error.retry_helps(), "{error}");
        error.to_string()
    };
    let wrong = says(&bucket, &Access { password: Some(Secret::new("hunter2")), ..server.access() });
    assert!(wrong.contains("secret of the key (the password) is wrong") && !wrong.contains("hunter2"), "{wrong}");
    let unknown = says(&bucket, &Access { user: Some("nobody".to_owned()), ..server.access() });
    assert!(unknown.contains("key") || unknown.contains("signed"), "{unknown}");
    let missing = says("nowhere", &server.access());
    assert!(missing.contains("no bucket `nowhere`"), "{missing}");
    assert!(!server.served().join("nowhere").exists(), "a missing bucket was made");
}

#[test]
#[ignore = "needs s3s-fs: run by .ci/run"]
fn a_clock_that_is_wrong_is_named() {
    let server = Server::start("s3s_fs");
    let bucket = server.fresh_folder();
    let clock = SkewedClock { base: Arc::new(AtomicI64::new(world().now().0)), skew: -3_600_000 };
    let late = World::simulated(Box::new(clock), 1, Faults::none());
    let error = reach(&late, &mut *open_exchange(&address(&server)(&bucket), &server.access()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("clock of this computer is 60 minutes behind"), "{error}");
}

#[test]
#[ignore = "needs s3s-fs: run by .ci/run"]
fn a_file_in_parts_arrives_whole() {
    let server = Server::start("s3s_fs");
    let (world, folder) = (world(), Folder::new("head/anna").unwrap());
    let mut exchange = Retrying::new(open_exchange(&address(&server)(&server.fresh_folder()), &server.access()).unwrap());
    mark(&world, &mut exchange).unwrap();
    let reached = reach(&world, &mut exchange).unwrap();
    let content: Vec<u8> = (0..70 * 1024 * 1024_u32).map(|n| (n / 4096 + n) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&content).unwrap();
    let name = FileName::new("large").unwrap();
    let started = std::time::Instant::now();
    assert_eq!(deposit(&world, &mut exchange, &reached, &folder, &name, Content::File(file.path())).unwrap(), Deposited::Done);
    let (up, started) = (started.elapsed(), std::time::Instant::now());
    let found = waiting(&world, &mut exchange, &folder, |_| true).unwrap();
    let inbox = tempfile::tempdir().unwrap();
    let local = fetch(&world, &mut exchange, &folder, &found[0], inbox.path()).unwrap();
    println!("70 MiB: up {up:?}, down {:?}", started.elapsed());
    assert!(std::fs::read(local).unwrap() == content, "another file came");
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn rclone_keeps_the_contract() {
    let server = Server::start("rclone_s3");
    server.contract(&server.access(), address(&server));
}

#[test]
#[ignore = "needs s3s-fs and rclone: run by .ci/run"]
fn a_bad_line_harms_nothing() {
    for name in ["s3s_fs", "rclone_s3"] {
        let server = Server::start(name);
        let address = format!("s3+http://{}:{}/{}", line::END, server.port(), server.fresh_folder());
        line::harms_nothing(&server.line(), || open_exchange(&address, &server.access()).unwrap());
    }
}
