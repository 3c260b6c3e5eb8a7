//! Three sites keep one database over nothing but a real server: the whole program, as a person runs it.

#[path = "../binary/mod.rs"]
mod binary;
mod servers;

use std::path::Path;

use binary::Office;
use servers::{Server, Share};

const SCHEMA: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
    CREATE TABLE notes (id TEXT PRIMARY KEY, customer INTEGER REFERENCES customers(id), text TEXT);
    INSERT INTO customers VALUES (1, 'Canary Ltd', '1'), (2, 'Bolt AG', '2');";

/// Plays a day at a host, an office with a remote, and looks whether all hold the same; `options` go to `init` and `join`.
fn day(address: &str, options: &str, environment: &[(&str, &str)]) -> Office {
    let office = Office::new();
    let ok = |line: &str| {
        let ran = office.run_in("", line, environment);
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran
    };
    ["head"].iter().for_each(|folder| office.make(folder));
    office.sql("head", SCHEMA);
    ok(&format!("init --home head --name head --database head/shop.db --exchange {address} {options}"));
    let checked = ok("exchange check --home head");
    assert!(checked.out.contains("It does all that is needed."), "{checked:?}");
    ok("invite north --role office --home head --out north.invite");
    ok(&format!("join north.invite --home north --exchange {address} {options}"));
    let rounds = |sites: &[&str]| sites.iter().for_each(|site| drop(ok(&format!("sync --home {site}"))));
    rounds(&["head", "north", "head"]);
    ok("invite anna --home north --out anna.invite");
    ok(&format!("join anna.invite --home anna --exchange {address} {options}"));
    rounds(&["north", "anna", "north", "head"]);
    for turn in 0..3 {
        office.sql(
            "anna",
            &format!(
                "INSERT INTO customers (name, phone) VALUES ('Canary {turn}', 'a'); UPDATE customers SET phone = 'a{turn}' WHERE id = 1"
            ),
        );
        office.sql(
            "head",
            &format!(
                "INSERT INTO customers (name, phone) VALUES ('Head {turn}', 'h'); UPDATE customers SET name = 'Bolt {turn}' WHERE id = 2"
            ),
        );
        office.sql("north", &format!("INSERT INTO notes VALUES ('n{turn}', 1, 'canary note')"));
        rounds(&["anna", "north", "head", "north", "anna"]);
    }
    rounds(&["anna", "north", "head", "north", "anna", "head"]);
    let digests: Vec<String> = ["head", "north", "anna"].iter().map(|site| office.digest(site)).collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    office
}

/// Nothing of a record, nor of a file of it, is to be read where packets lie.
fn nothing_in_clear(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nothing_in_clear(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for word in [&b"Canary"[..], b"canary", b"customers"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word), "{}", path.display());
        }
    }
}

const LOGIN: [(&str, &str); 2] = [("FIELDPOST_EXCHANGE_USER", "field"), ("FIELDPOST_EXCHANGE_PASSWORD", "post")];

fn over(server: &Server, address: impl Fn(&str) -> String, options: &str) {
    let office = day(&address(&server.fresh_folder()), options, &LOGIN);
    nothing_in_clear(&server.served());
    // A wrong password wants a person, and says nothing of the right one or itself.
    let wrong = office.run_in("", "sync --home anna", &[LOGIN[0], ("FIELDPOST_EXCHANGE_PASSWORD", "hunter2")]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert!(!wrong.out.contains("hunter2") && !wrong.err.contains("hunter2"), "{wrong:?}");
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn over_vsftpd() {
    let server = Server::start("vsftpd");
    over(&server, |folder| format!("ftp://127.0.0.1:{}/{folder}", server.port()), "");
}

#[test]
#[ignore = "needs ProFTPD: run by .ci/run"]
fn over_proftpd_with_tls() {
    let server = Server::start_with("proftpd", &[("TLS", "explicit")]);
    let certificate = server.state().join("certificate.pem");
    over(&server, |folder| format!("ftps://localhost:{}/{folder}", server.port()), &format!("--certificate {}", certificate.display()));
}

#[test]
#[ignore = "needs Apache: run by .ci/run"]
fn over_apache_webdav() {
    let server = Server::start("apache");
    over(&server, |folder| format!("http://127.0.0.1:{}/{folder}", server.port()), "");
}

#[test]
#[ignore = "needs vsftpd: run by .ci/run"]
fn over_vsftpd_with_tls_whose_sessions_must_be_taken_up() {
    let server = Server::start_with("vsftpd", &[("TLS", "implicit")]);
    let certificate = server.state().join("certificate.pem");
    let address = |folder: &str| format!("ftps://localhost:{}/{folder}?tls=implicit", server.port());
    over(&server, address, &format!("--certificate {}", certificate.display()));
}

#[test]
#[ignore = "needs nginx: run by .ci/run"]
fn over_nginx_webdav() {
    let server = Server::start("nginx");
    over(&server, |folder| format!("http://127.0.0.1:{}/{folder}", server.port()), "");
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn over_rclone_webdav() {
    let server = Server::start("rclone_webdav");
    over(&server, |folder| format!("http://127.0.0.1:{}/{folder}", server.port()), "");
}

/// `ssh` with a configuration of its own in front of all programs: the one of whoever runs the tests stays out of it.
fn over_ssh(name: &'static str, user: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start(name);
    let folder = tempfile::tempdir().unwrap();
    let (known_hosts, key) = (server.state().join("known_hosts"), server.state().join("user_key"));
    let config = format!(
        "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n",
        known_hosts.display(),
        key.display()
    );
    std::fs::write(folder.path().join("config"), config).unwrap();
    let path = std::env::var("PATH").unwrap();
    let program = folder.path().join("ssh");
    let line = format!("#!/bin/sh\nPATH='{path}'\nexec ssh -F '{}' \"$@\"\n", folder.path().join("config").display());
    std::fs::write(&program, line).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{path}", folder.path().display());
    let place = server.fresh_folder();
    day(&format!("sftp://{user}127.0.0.1:{}/{place}", server.port()), "", &[("PATH", &path)]);
    nothing_in_clear(&server.served());
}

#[test]
#[ignore = "needs OpenSSH: run by .ci/run"]
fn over_openssh() {
    over_ssh("openssh", "");
}

#[test]
#[ignore = "needs ProFTPD: run by .ci/run"]
fn over_mod_sftp() {
    over_ssh("proftpd_sftp", "field@");
}

#[test]
#[ignore = "needs s3s-fs: run by .ci/run"]
fn over_s3() {
    let server = Server::start("s3s_fs");
    over(&server, |folder| format!("s3+http://127.0.0.1:{}/{folder}/shop", server.port()), "");
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn over_rclone_s3() {
    let server = Server::start("rclone_s3");
    over(&server, |folder| format!("s3+http://127.0.0.1:{}/{folder}/shop", server.port()), "");
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn over_rclone_ftp() {
    let server = Server::start("rclone_ftp");
    over(&server, |folder| format!("ftp://127.0.0.1:{}/{folder}", server.port()), "");
}

#[test]
#[ignore = "needs Samba and FUSE: run by .ci/run"]
fn over_a_mounted_share() {
    let Some(share) = Share::mount() else { return };
    let folder = share.mounted().join(share.server().fresh_folder());
    day(folder.to_str().unwrap(), "", &[]);
    nothing_in_clear(&share.server().served());
}
