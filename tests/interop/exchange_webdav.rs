//! WebDAV as Apache, nginx and rclone speak it.

#[path = "servers/mod.rs"]
mod servers;

use std::time::Instant;

use fieldpost::exchange::{Access, Content, ExchangeError, FileName, Folder, Secret, deposit, fetch, mark, open_exchange, reach, waiting};
use fieldpost::world::{Faults, SystemClock, World};
use servers::{Server, line};

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn plain(server: &Server) -> impl Fn(&str) -> String {
    let port = server.port();
    move |folder| format!("http://127.0.0.1:{port}/{folder}")
}

/// What every server must say to a wrong login and a folder that is not there, beside the contract.
fn suite(server: &Server, access: &Access, address: impl Fn(&str) -> String) {
    let world = world();
    server.contract(access, &address);
    let wrong = Access { password: Some(Secret::new("wrong")), ..access.clone() };
    let error = reach(&world, &mut *open_exchange(&address("place0"), &wrong).unwrap()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("password"), "{error}");
    let anonymous = Access { user: None, password: None, ..access.clone() };
    let error = reach(&world, &mut *open_exchange(&address("place0"), &anonymous).unwrap()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("wants a login"), "{error}");
    let error = mark(&world, &mut *open_exchange(&address("nowhere"), access).unwrap()).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error}");
    assert!(!server.served().join("nowhere").exists(), "a missing folder was made");
}

#[test]
#[ignore = "needs Apache: run by .ci/run"]
fn apache_keeps_the_contract() {
    let server = Server::start("apache");
    suite(&server, &server.access(), plain(&server));
}

#[test]
#[ignore = "needs nginx: run by .ci/run"]
fn nginx_keeps_the_contract() {
    let server = Server::start("nginx");
    let address = format!("https://127.0.0.1:{}/place0", server.port());
    let error = reach(&world(), &mut *open_exchange(&address, &server.access()).unwrap()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("does not speak TLS"), "{error}");
    suite(&server, &server.access(), plain(&server));
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn rclone_keeps_the_contract() {
    let server = Server::start("rclone_webdav");
    suite(&server, &server.access(), plain(&server));
}

/// The certificate is its own issuer, as `openssl req -x509` makes it: in the file it is trusted, without the file it is not.
#[test]
#[ignore = "needs Apache: run by .ci/run"]
fn apache_keeps_the_contract_over_tls_by_its_own_certificate_only() {
    let server = Server::start_with("apache", &[("TLS", "own")]);
    let access = Access { certificate: Some(server.state().join("certificate.pem")), ..server.access() };
    let port = server.port();
    suite(&server, &access, |folder| format!("https://localhost:{port}/{folder}"));
    let address = format!("https://localhost:{port}/place0");
    let error = reach(&world(), &mut *open_exchange(&address, &server.access()).unwrap()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("not trusted"), "{error}");
    assert!(!error.retry_helps());
}

/// What a certificate of the file signed is trusted for the name it is made for, and for no other.
#[test]
#[ignore = "needs Apache: run by .ci/run"]
fn apache_by_a_certificate_that_ours_signed_is_trusted_under_its_name() {
    let server = Server::start_with("apache", &[("TLS", "signed")]);
    let (world, place, port) = (world(), server.fresh_folder(), server.port());
    let access = Access { certificate: Some(server.state().join("authority.pem")), ..server.access() };
    mark(&world, &mut *open_exchange(&format!("https://localhost:{port}/{place}"), &access).unwrap()).unwrap();
    let error = reach(&world, &mut *open_exchange(&format!("https://127.0.0.1:{port}/{place}"), &access).unwrap()).unwrap_err();
    assert!(matches!(error, ExchangeError::Refused { .. }) && error.to_string().contains("not trusted"), "{error}");
}

/// Speeds are printed; the machine's own tools are the measure.
#[test]
#[ignore = "needs Apache and nginx: run by .ci/run"]
fn a_large_file_arrives_whole() {
    for name in ["apache", "nginx"] {
        let server = Server::start(name);
        let (world, folder) = (world(), Folder::new("head/anna").unwrap());
        let mut exchange = open_exchange(&plain(&server)(&server.fresh_folder()), &server.access()).unwrap();
        mark(&world, &mut *exchange).unwrap();
        let reached = reach(&world, &mut *exchange).unwrap();
        let content: Vec<u8> = (0..70 * 1024 * 1024_u32).map(|n| (n / 4096 + n) as u8).collect();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("content"), &content).unwrap();
        let started = Instant::now();
        let from = Content::File(&home.path().join("content"));
        deposit(&world, &mut *exchange, &reached, &folder, &self::name("large"), from).unwrap();
        let (up, started) = (started.elapsed(), Instant::now());
        let found = waiting(&world, &mut *exchange, &folder, |_| true).unwrap();
        let local = fetch(&world, &mut *exchange, &folder, &found[0], home.path()).unwrap();
        println!("{name}: 70 MiB up {up:?}, down {:?}", started.elapsed());
        assert!(std::fs::read(local).unwrap() == content, "{name}: another file came");
    }
}

#[test]
#[ignore = "needs Apache: run by .ci/run"]
fn what_apache_only_lets_read_is_read_only() {
    let (server, world, folder) = (Server::start("apache"), world(), Folder::new("head/anna").unwrap());
    let mut whole = open_exchange(&plain(&server)(&server.fresh_folder()), &server.access()).unwrap();
    mark(&world, &mut *whole).unwrap();
    let reached = reach(&world, &mut *whole).unwrap();
    deposit(&world, &mut *whole, &reached, &folder, &name("x"), Content::Bytes(b"x")).unwrap();
    let readonly = server.served().join("readonly");
    std::fs::remove_dir(&readonly).unwrap();
    std::fs::rename(server.served().join("place0"), &readonly).unwrap();
    let mut exchange = open_exchange(&plain(&server)("readonly"), &server.access()).unwrap();
    let reached = reach(&world, &mut *exchange).unwrap();
    assert_eq!(waiting(&world, &mut *exchange, &folder, |_| true).unwrap().len(), 1);
    for (folder, file) in [(&folder, "y"), (&Folder::new("anna/head").unwrap(), "y")] {
        let error = deposit(&world, &mut *exchange, &reached, folder, &name(file), Content::Bytes(b"y")).unwrap_err();
        assert!(matches!(error, ExchangeError::ReadOnly { .. }), "{error}");
    }
    let error = exchange.delete(&world, &folder, &name("x")).unwrap_err();
    assert!(matches!(error, ExchangeError::ReadOnly { .. }), "{error}");
}

#[test]
#[ignore = "needs Apache, nginx and rclone: run by .ci/run"]
fn a_bad_line_harms_nothing() {
    for name in ["apache", "nginx", "rclone_webdav"] {
        let server = Server::start(name);
        let address = format!("http://{}:{}/{}", line::END, server.port(), server.fresh_folder());
        line::harms_nothing(&server.line(), || open_exchange(&address, &server.access()).unwrap());
    }
}
