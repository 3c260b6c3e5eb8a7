//! FTP and FTPS against the servers people have: vsftpd, ProFTPD, pyftpdlib; plain, with TLS after AUTH and from the first byte.
#![cfg(feature = "ftp")]

#[path = "servers/mod.rs"]
mod servers;

use std::path::Path;

use fieldpost::exchange::{
    Access, Content, Deposited, Exchange, ExchangeError, FileName, Folder, Retrying, Secret, deposit, fetch, mark, open_exchange, reach,
    waiting,
};
use fieldpost::world::{Faults, SystemClock, World};
use servers::{Server, line};

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn folder() -> Folder {
    Folder::new("head/anna").unwrap()
}

fn plain(name: &'static str, environment: &[(&str, &str)]) {
    let server = Server::start_with(name, environment);
    server.contract(&server.access(), |folder| format!("ftp://127.0.0.1:{}/{folder}", server.port()));
}

/// A server with TLS, and the access that trusts its certificate.
fn encrypted(name: &'static str, environment: &[(&str, &str)]) -> (Server, Access) {
    let server = Server::start_with(name, environment);
    let access = Access { certificate: Some(server.state().join("certificate.pem")), ..server.access() };
    (server, access)
}

fn secured(name: &'static str, tls: &str) {
    let (server, access) = encrypted(name, &[("TLS", tls)]);
    server.contract(&access, |folder| format!("ftps://127.0.0.1:{}/{folder}?tls={tls}", server.port()));
    many_uploads(&server, &access, tls);
}

/// More transfers on one connection than a server gives out tickets.
fn many_uploads(server: &Server, access: &Access, tls: &str) {
    let address = format!("ftps://localhost:{}/{}?tls={tls}", server.port(), server.fresh_folder());
    let mut exchange = Retrying::new(open_exchange(&address, access).unwrap());
    let world = world();
    mark(&world, &mut exchange).unwrap();
    let reached = reach(&world, &mut exchange).unwrap();
    let inbox = tempfile::tempdir().unwrap();
    for n in 0..30 {
        let name = FileName::new(&format!("f{n}")).unwrap();
        // Straight uploads in a row, without a listing between them, and empty ones, too.
        for size in [0, 10, 100_000] {
            exchange.put(&world, &folder(), &name.temporary(), Content::Bytes(&vec![n; size])).unwrap();
        }
        assert_eq!(deposit(&world, &mut exchange, &reached, &folder(), &name, Content::Bytes(&vec![n; 5000])).unwrap(), Deposited::Done);
        let entry = waiting(&world, &mut exchange, &folder(), |entry| entry.name == name).unwrap().remove(0);
        let there = fetch(&world, &mut exchange, &folder(), &entry, inbox.path()).unwrap();
        assert_eq!(std::fs::read(there).unwrap(), vec![n; 5000]);
    }
}

/// As OpenSSL's own settings for whoever is started with them.
fn only(version: &str, folder: &Path) -> String {
    let path = folder.join(format!("{version}.cnf"));
    let text = format!(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = versions\n[versions]\nMinProtocol = {version}\nMaxProtocol = {version}\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn vsftpd_keeps_the_contract() {
    plain("vsftpd", &[]);
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn vsftpd_with_tls_and_session_reuse_keeps_the_contract() {
    secured("vsftpd", "explicit");
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn vsftpd_with_implicit_tls_keeps_the_contract() {
    secured("vsftpd", "implicit");
}

#[test]
#[ignore = "needs vsftpd and proftpd: run by .ci/run"]
fn servers_that_take_one_version_of_tls_are_served() {
    let settings = tempfile::tempdir().unwrap();
    for server_name in ["vsftpd", "proftpd"] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            let openssl = only(version, settings.path());
            let (server, access) = encrypted(server_name, &[("TLS", "explicit"), ("TLS_VERSIONS", version), ("OPENSSL_CONF", &openssl)]);
            many_uploads(&server, &access, "explicit");
        }
    }
}

#[test]
#[ignore = "needs proftpd: run by .ci/run"]
fn proftpd_keeps_the_contract() {
    plain("proftpd", &[]);
}

#[test]
#[ignore = "needs proftpd: run by .ci/run"]
fn proftpd_that_writes_nothing_over_keeps_the_contract() {
    plain("proftpd", &[("OVERWRITE", "off")]);
}

#[test]
#[ignore = "needs proftpd: run by .ci/run"]
fn proftpd_with_tls_keeps_the_contract() {
    secured("proftpd", "explicit");
}

#[test]
#[ignore = "needs proftpd: run by .ci/run"]
fn proftpd_with_implicit_tls_keeps_the_contract() {
    secured("proftpd", "implicit");
}

#[test]
#[ignore = "needs pyftpdlib: run by .ci/run"]
fn pyftpdlib_keeps_the_contract() {
    plain("pyftpdlib", &[]);
}

#[test]
#[ignore = "needs pyftpdlib: run by .ci/run"]
fn pyftpdlib_with_tls_keeps_the_contract() {
    secured("pyftpdlib", "explicit");
}

/// What a person gets who typed something wrong.
#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn wrong_logins_certificates_and_folders_are_told_apart() {
    let (server, access) = encrypted("vsftpd", &[("TLS", "explicit")]);
    let failed = |address: &str, access: &Access| {
        let error = open_exchange(&address.replace("PORT", &server.port().to_string()), access).unwrap().probe(&world()).unwrap_err();
        (error.retry_helps(), error.to_string())
    };
    let wrong = Access { password: Some(Secret::new("hunter2")), ..access.clone() };
    let (retry, said) = failed("ftps://127.0.0.1:PORT", &wrong);
    assert!(!retry && said.contains("check the user and the password") && !said.contains("hunter2"), "{said}");
    let (retry, said) = failed("ftps://127.0.0.1:PORT", &server.access());
    assert!(!retry && said.contains("certificate is not trusted"), "{said}");
    let (retry, said) = failed("ftp://127.0.0.1:PORT", &access);
    assert!(!retry && said.contains("`ftps://`"), "{said}");
    let (retry, said) = failed("ftps://127.0.0.1:PORT/nowhere", &access);
    assert!(retry && said.contains("there is no folder `nowhere`"), "{said}");
    assert!(!server.served().join("nowhere").exists());
}

/// A part of a large upload is there: only the rest is sent. Where its end is not what it should be, all is.
#[test]
#[ignore = "needs vsftpd and proftpd: run by .ci/run"]
fn a_large_upload_that_was_cut_off_goes_on() {
    for name in ["vsftpd", "proftpd", "pyftpdlib"] {
        let server = Server::start(name);
        let place = server.fresh_folder();
        let sent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = std::sync::Arc::clone(&sent);
        let count = move |bytes| {
            counter.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        };
        let access = Access { meter: fieldpost::exchange::Meter::new(None, Some(Box::new(count))), ..server.access() };
        let mut exchange = open_exchange(&format!("ftp://127.0.0.1:{}/{place}", server.port()), &access).unwrap();
        let world = world();
        mark(&world, &mut *exchange).unwrap();
        let reached = reach(&world, &mut *exchange).unwrap();
        let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_be_bytes).collect();
        for (n, (damage, expected)) in [(0, 1_000_000), (1, 4_000_000)].into_iter().enumerate() {
            let name = FileName::new(&format!("large{n}")).unwrap();
            let mut beginning = content[..3_000_000].to_vec();
            *beginning.last_mut().unwrap() ^= damage;
            exchange.put(&world, &folder(), &name.temporary(), Content::Bytes(&beginning)).unwrap();
            sent.store(0, std::sync::atomic::Ordering::Relaxed);
            deposit(&world, &mut *exchange, &reached, &folder(), &name, Content::Bytes(&content)).unwrap();
            assert_eq!(sent.load(std::sync::atomic::Ordering::Relaxed), expected, "{}", server.log());
            assert!(std::fs::read(server.served().join(&place).join("head/anna").join(name.as_str())).unwrap() == content);
        }
    }
}

/// Not for pyftpdlib: it runs as who started the tests, and where that is root, nothing is forbidden.
#[test]
#[ignore = "needs vsftpd and proftpd: run by .ci/run"]
fn what_may_not_be_read_or_written_is_said_to_be_so() {
    use std::os::unix::fs::PermissionsExt as _;
    for server_name in ["vsftpd", "proftpd"] {
        let server = Server::start(server_name);
        let place = server.fresh_folder();
        let mut exchange = open_exchange(&format!("ftp://127.0.0.1:{}/{place}", server.port()), &server.access()).unwrap();
        let world = world();
        mark(&world, &mut *exchange).unwrap();
        let inside = server.served().join(&place).join("head");
        std::fs::create_dir_all(inside.join("anna")).unwrap();
        let name = FileName::new("x").unwrap();
        let failed = exchange.put(&world, &folder(), &name, Content::Bytes(b"x")).unwrap_err();
        assert!(matches!(failed, ExchangeError::ReadOnly { .. }), "{server_name}: {failed}");
        std::fs::write(inside.join("anna/x"), "x").unwrap();
        let failed = exchange.delete(&world, &folder(), &name).unwrap_err();
        assert!(matches!(failed, ExchangeError::ReadOnly { .. }), "{server_name}: {failed}");
        std::fs::set_permissions(inside.join("anna"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let failed = exchange.list(&world, &folder()).unwrap_err();
        assert!(matches!(failed, ExchangeError::Refused { .. }), "{server_name}: {failed}");
    }
}

/// A bad line to a server, with `tls` of the kind named or without.
fn over_a_bad_line(name: &'static str, tls: Option<&str>) {
    let environment: Vec<(&str, &str)> = tls.map(|tls| ("TLS", tls)).into_iter().collect();
    let (server, trusting) = encrypted(name, &environment);
    let access = if tls.is_some() { trusting } else { server.access() };
    let (scheme, query) = tls.map_or(("ftp", String::new()), |tls| ("ftps", format!("?tls={tls}")));
    let address = format!("{scheme}://{}:{}/{}{query}", line::END, server.port(), server.fresh_folder());
    line::harms_nothing(&server.line(), || open_exchange(&address, &access).unwrap());
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn a_bad_line_to_vsftpd_harms_nothing() {
    over_a_bad_line("vsftpd", None);
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn a_bad_line_to_vsftpd_with_sessions_that_must_be_taken_up_harms_nothing() {
    over_a_bad_line("vsftpd", Some("explicit"));
}

#[test]
#[ignore = "needs ProFTPD: run by .ci/run"]
fn a_bad_line_to_proftpd_harms_nothing() {
    over_a_bad_line("proftpd", None);
    over_a_bad_line("proftpd", Some("implicit"));
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn rclone_keeps_the_contract() {
    // No bad line to it: it takes its ports for data on all addresses, those of the line too.
    plain("rclone_ftp", &[]);
}

#[test]
#[ignore = "needs pyftpdlib: run by .ci/run"]
fn a_bad_line_to_pyftpdlib_harms_nothing() {
    over_a_bad_line("pyftpdlib", None);
}
