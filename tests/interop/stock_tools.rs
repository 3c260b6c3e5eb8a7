//! Whether packets and bundles open without Fieldpost: with `unzip`, `ssh-keygen`, `age` and `jq`, as fieldpost-packet(5) and
//! fieldpost-bundle(7) tell people to do it.

use std::path::Path;
use std::process::{Command, Stdio};

use fieldpost::bundle::{self, BundleName, Source};
use fieldpost::keys::{SealingKey, SigningKey, allowed_signers};
use fieldpost::model::{Millis, PacketNumber, SiteName, StreamId};
use fieldpost::packet::{Draft, PacketKind, Part, PartSource, seal};
use fieldpost::world::World;

/// A folder with `packet.fpk`, the recipient's `sealing` key and `allowed_signers`, and what a shell says in it.
struct Desk {
    folder: tempfile::TempDir,
    signing: SigningKey,
}

const CHANGES: &str = concat!(
    r#"{"table":"customers","kind":"update","key":["id"],"fields":["name"],"count":1,"keys":[[7]],"#,
    r#""born":{"site":"head","sequence":1},"old":[["Jones"]],"new":[["Joness"]],"stamps":[{"time":1000,"by":"anna"}]}"#,
    "\n"
);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let world = World::real();
        let (signing, sealing) = (SigningKey::generate(&world), SealingKey::generate(&world));
        let from = SiteName::new("north").unwrap();
        let parts = [("changes.jsonl", CHANGES), ("documents/note.txt", "hello\n")];
        let draft = Draft {
            kind: PacketKind::Changes,
            from: from.clone(),
            to: SiteName::new("head").unwrap(),
            stream: StreamId(255),
            number: PacketNumber(1),
            previous: None,
            sent: Millis(1_790_000_000_000),
            requires: Vec::new(),
            acknowledges: None,
            settled: None,
            more: false,
            asks: Vec::new(),
            stopped: false,
            sender: None,
            parts: parts.map(|(name, text)| Part { name: name.into(), source: PartSource::Bytes(text.into()) }).into(),
        };
        seal(&world, &draft, &signing, &[sealing.recipient()], &at("packet.fpk"), folder.path()).unwrap();
        sealing.save(&world, &at("sealing")).unwrap();
        signing.save(&world, &at("signing")).unwrap();
        std::fs::write(at("allowed_signers"), allowed_signers([(&from, &signing.verifying_key())])).unwrap();
        Self { folder, signing }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Output of a shell line; panics where any command of it fails.
    fn shell(&self, line: &str) -> String {
        let output =
            Command::new("bash").args(["-euo", "pipefail", "-c", line]).current_dir(self.path()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn fails(&self, line: &str) -> bool {
        let output = Command::new("bash").args(["-euo", "pipefail", "-c", line]).current_dir(self.path()).stdin(Stdio::null()).output();
        !output.unwrap().status.success()
    }
}

const VERIFY: &str = "unzip -p packet.fpk packet.json.sig > packet.json.sig
    unzip -p packet.fpk packet.json | ssh-keygen -Y verify -f allowed_signers -I north -n packet@fieldpost -s packet.json.sig";
const DECRYPT: &str = "unzip -p packet.fpk payload.age | age -d -i sealing > payload.zip";

#[test]
#[ignore = "needs unzip, ssh-keygen, age, jq: run by .ci/run"]
fn the_envelope_is_read_by_unzip_and_jq() {
    let desk = Desk::new();
    assert_eq!(
        desk.shell("unzip -p packet.fpk packet.json | jq -r '[.from, .to, .stream, .number] | @tsv'"),
        "north\thead\t00000000000000ff\t1\n"
    );
    assert_eq!(desk.shell("unzip -tqq packet.fpk; unzip -Z1 packet.fpk"), "packet.json\npacket.json.sig\npayload.age\n");
}

#[test]
#[ignore = "needs unzip, ssh-keygen, age, jq: run by .ci/run"]
fn the_signature_is_verified_by_ssh_keygen() {
    let desk = Desk::new();
    let said = desk.shell(VERIFY);
    assert!(
        said.contains(&format!(
            "Good \"packet@fieldpost\" signature for north with ED25519 key {}",
            desk.signing.verifying_key().fingerprint()
        )),
        "{said}"
    );
    assert!(desk.fails(&VERIFY.replace("packet.fpk packet.json |", "packet.fpk packet.json | tr 1 2 |")));
    assert!(desk.fails(&VERIFY.replace("-n packet@fieldpost", "-n roster@fieldpost")));
}

#[test]
#[ignore = "needs unzip, ssh-keygen, age, jq: run by .ci/run"]
fn what_ssh_keygen_signs_is_verified_here_and_its_fingerprint_is_ours() {
    let desk = Desk::new();
    desk.shell("printf hello > message; ssh-keygen -Y sign -f signing -n packet@fieldpost message");
    let armored = std::fs::read_to_string(desk.path().join("message.sig")).unwrap();
    desk.signing.verifying_key().verify(fieldpost::keys::Namespace::Packet, b"hello", &armored).unwrap();
    assert_eq!(desk.shell("ssh-keygen -l -f signing").split(' ').nth(1).unwrap(), desk.signing.verifying_key().fingerprint().to_string());
    desk.shell("ssh-keygen -q -t ed25519 -N '' -C someone -f theirs; age-keygen -o theirs.age 2>/dev/null");
    let theirs = SigningKey::load(&desk.path().join("theirs")).unwrap();
    assert_eq!(desk.shell("ssh-keygen -l -f theirs").split(' ').nth(1).unwrap(), theirs.verifying_key().fingerprint().to_string());
    let sealing = SealingKey::load(&desk.path().join("theirs.age")).unwrap();
    assert_eq!(desk.shell("age-keygen -y theirs.age").trim(), sealing.recipient().to_string());
}

#[test]
#[ignore = "needs unzip, ssh-keygen, age, jq: run by .ci/run"]
fn the_payload_is_opened_by_age_unzip_and_jq() {
    let desk = Desk::new();
    desk.shell(DECRYPT);
    assert_eq!(desk.shell("unzip -tqq payload.zip; unzip -Z1 payload.zip"), "manifest.json\nchanges.jsonl\ndocuments/note.txt\n");
    assert_eq!(desk.shell("unzip -p payload.zip documents/note.txt"), "hello\n");
    assert_eq!(desk.shell("unzip -p payload.zip changes.jsonl"), CHANGES);
    assert_eq!(
        desk.shell("unzip -p payload.zip changes.jsonl | jq -c '[.table, .keys[0][0], .old[0][0], .new[0][0]]'"),
        "[\"customers\",7,\"Jones\",\"Joness\"]\n"
    );
    assert_eq!(desk.shell("unzip -p payload.zip manifest.json | jq -c '[.number, .entries[].size]'"), format!("[1,{},6]\n", CHANGES.len()));
}

#[test]
#[ignore = "needs unzip, ssh-keygen, age, jq: run by .ci/run"]
fn a_bundle_is_read_and_verified_by_unzip_jq_and_ssh_keygen() {
    let desk = Desk::new();
    let name = BundleName::new("forms").unwrap();
    bundle::begin(&World::real(), &desk.path().join("source"), &name).unwrap();
    desk.shell("mkdir -p 'source/files/Screens'; echo '<form/>' > 'source/files/Screens/Form Ä.xml'");
    let source = Source::read(&desk.path().join("source")).unwrap();
    bundle::build(&World::real(), &source, &desk.signing, desk.path()).unwrap();
    let file = "forms-1.0.0.fpb";
    assert_eq!(desk.shell(&format!("unzip -tqq {file}; unzip -p {file} bundle.json | jq -r '.files[0].path'")), "Screens/Form Ä.xml\n");
    let entry = format!("content/$(unzip -p {file} bundle.json | jq -r '.files[0].content.hash')");
    assert_eq!(desk.shell(&format!("unzip -p {file} {entry}")), "<form/>\n");
    let verify = VERIFY.replace("packet.fpk", file).replace("packet.json", "bundle.json").replace("packet@", "bundle@");
    assert!(desk.shell(&verify).contains("Good \"bundle@fieldpost\" signature for north"));
    assert!(desk.fails(&verify.replace("-n bundle@", "-n packet@")));
}
