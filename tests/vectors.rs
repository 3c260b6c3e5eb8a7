//! Every way in which a packet can be bad, as a file with one fault each, and the class of error it must give.
//!
//! The files in `tests/vectors/packets` were written once by the table below and stay as they are: a packet that was good once must
//! open for ever, a bad one must never. A row without a file fails the test; with `FIELDPOST_WRITE_VECTORS` set the file is
//! written. `tests/vectors/README.md` is the same table for readers.

mod raw_zip;

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fieldpost::keys::{Namespace, SealingKey, SigningKey};
use fieldpost::model::{self, PacketNumber, SiteName, StreamId};
use fieldpost::packet::{BlockReader, ContentHash, Expectation, Limits, OpenError, PacketFileName, open};
use fieldpost::world::{Faults, SystemClock, World};
use raw_zip::{DEFLATED, Raw, STORED, raw, zip};
use serde_json::{Value, json};

/// A file with one fault.
struct Vector {
    name: &'static str,
    /// [`OpenError::class`], or `opens`.
    class: &'static str,
    recipe: Recipe,
}

/// One thing that is done to a packet on the way.
type Edit<T> = Box<dyn Fn(&mut T)>;

/// A good packet and what is done to it on the way.
struct Recipe {
    manifest: Edit<Value>,
    inner: Edit<Vec<Raw>>,
    plain: Edit<Vec<u8>>,
    sealed: Edit<Vec<u8>>,
    envelope: Edit<Value>,
    namespace: Namespace,
    signer: u64,
    sealed_for: u64,
    outer: Edit<Vec<Raw>>,
    file: Edit<Vec<u8>>,
    /// The file is opened under the name of the next packet.
    renamed: bool,
}

const NORTH: u64 = 1;
const HEAD: u64 = 2;
const STRANGER: u64 = 3;
const CHANGES: &[u8] = br#"{"table":"customers","kind":"update","key":["id"],"fields":["name"],"count":2,"keys":[[7,8]],"born":{"site":"head","sequence":[4611686018427387911,1]},"old":[["Jones","Smith"]],"new":[["Joness",{"blob":"/w=="}]],"stamps":[{"time":[1000,5],"by":"anna"}]}
"#;
const PARTS: [(&str, &[u8]); 2] = [("changes.jsonl", CHANGES), ("documents/note.txt", b"hello")];

fn signing(seed: u64) -> SigningKey {
    SigningKey::generate(&World::simulated(Box::new(SystemClock), seed, Faults::none()))
}

fn sealing(seed: u64) -> SealingKey {
    SealingKey::generate(&World::simulated(Box::new(SystemClock), seed + 100, Faults::none()))
}

fn good() -> Recipe {
    Recipe {
        manifest: Box::new(|_| ()),
        inner: Box::new(|_| ()),
        plain: Box::new(|_| ()),
        sealed: Box::new(|_| ()),
        envelope: Box::new(|_| ()),
        namespace: Namespace::Packet,
        signer: NORTH,
        sealed_for: HEAD,
        outer: Box::new(|_| ()),
        file: Box::new(|_| ()),
        renamed: false,
    }
}

fn manifest(edit: impl Fn(&mut Value) + 'static) -> Recipe {
    Recipe { manifest: Box::new(edit), ..good() }
}

fn inner(edit: impl Fn(&mut Vec<Raw>) + 'static) -> Recipe {
    Recipe { inner: Box::new(edit), ..good() }
}

fn plain(edit: impl Fn(&mut Vec<u8>) + 'static) -> Recipe {
    Recipe { plain: Box::new(edit), ..good() }
}

fn sealed(edit: impl Fn(&mut Vec<u8>) + 'static) -> Recipe {
    Recipe { sealed: Box::new(edit), ..good() }
}

fn envelope(edit: impl Fn(&mut Value) + 'static) -> Recipe {
    Recipe { envelope: Box::new(edit), ..good() }
}

fn outer(edit: impl Fn(&mut Vec<Raw>) + 'static) -> Recipe {
    Recipe { outer: Box::new(edit), ..good() }
}

fn file(edit: impl Fn(&mut Vec<u8>) + 'static) -> Recipe {
    Recipe { file: Box::new(edit), ..good() }
}

/// Flips the lowest bit of the byte `after` bytes behind the first `marker`.
fn flip(marker: &'static [u8], after: usize) -> Recipe {
    file(move |bytes| {
        let at = find(bytes, marker) + marker.len() + after;
        bytes[at] ^= 1;
    })
}

fn find(bytes: &[u8], marker: &[u8]) -> usize {
    bytes.windows(marker.len()).position(|window| window == marker).unwrap()
}

#[rustfmt::skip]
fn vectors() -> Vec<Vector> {
    let vector = |name, class, recipe| Vector { name, class, recipe };
    vec![
        vector("good", "opens", good()),
        vector("newer-minor", "opens", envelope(|e| { e["format"]["minor"] = json!(7); e["later"] = json!({"a": [1]}); })),
        // Half there.
        vector("empty", "truncated", file(Vec::clear)),
        vector("cut-in-first-magic", "truncated", file(|f| f.truncate(3))),
        vector("cut-in-first-header", "truncated", file(|f| f.truncate(20))),
        vector("cut-in-half", "truncated", file(|f| f.truncate(f.len() / 2))),
        vector("cut-in-directory", "truncated", file(|f| f.truncate(f.len() - 60))),
        vector("cut-last-byte", "truncated", file(|f| f.truncate(f.len() - 1))),
        // No packet.
        vector("not-a-zip", "not-a-packet", file(|f| *f = b"Dear customer, see attachment".to_vec())),
        vector("missing-entry", "structure", outer(|z| drop(z.remove(1)))),
        vector("extra-entry", "structure", outer(|z| z.push(raw("readme.txt", b"hi", STORED)))),
        vector("reordered-entries", "structure", outer(|z| z.swap(0, 1))),
        vector("duplicate-entry", "structure", outer(|z| z.push(z[0].clone()))),
        vector("name-parent", "structure", outer(|z| z[0].name = b"../packet.json".to_vec())),
        vector("name-absolute", "structure", outer(|z| z[0].name = b"/packet.json".to_vec())),
        vector("name-backslash", "structure", outer(|z| z[0].name = b"a\\packet.json".to_vec())),
        vector("name-upper-case", "structure", outer(|z| z[0].name = b"Packet.json".to_vec())),
        vector("name-not-utf8", "structure", outer(|z| z[0].name = b"packet\xff.json".to_vec())),
        vector("symlink", "structure", outer(|z| z[2].mode = 0o120_777)),
        vector("directory", "structure", outer(|z| z[2].mode = 0o040_755)),
        vector("deflated-entry", "structure", outer(|z| z[0].method = DEFLATED)),
        vector("unknown-compression", "structure", outer(|z| z[2].method = 93)),
        vector("encrypted-flag", "structure", outer(|z| z[2].flags = 1)),
        vector("descriptor-flag", "structure", outer(|z| z[2].flags = 8)),
        vector("extra-field", "structure", outer(|z| z[0].extra = vec![0x55, 0x54, 1, 0, 0])),
        vector("entry-comment", "structure", outer(|z| z[0].comment = b"hi".to_vec())),
        vector("file-comment", "structure", file(|f| { let end = f.len() - 2; f[end] = 2; f.extend_from_slice(b"hi"); })),
        vector("trailing-data", "structure", file(|f| f.extend_from_slice(b"hi"))),
        vector("leading-data", "structure", file(|f| drop(f.splice(0..0, *b"#!/bin/sh\n")))),
        vector("gap", "structure", outer(|z| z[1].gap = b"hidden".to_vec())),
        vector("headers-differ", "structure", outer(|z| z[2].local_name = Some(b"payload.xyz".to_vec()))),
        vector("stored-size-differs", "structure", outer(|z| z[2].size = Some(1))),
        vector("zip64", "structure", file(|f| { let end = f.len() - 22; f[end + 12..end + 20].fill(0xff); })),
        vector("second-volume", "structure", file(|f| { let end = f.len() - 22; f[end + 4] = 1; })),
        vector("other-mode", "structure", outer(|z| z[2].mode = 0o100_755)),
        vector("wrong-check-sum", "structure", file(|f| { let at = find(f, b"PK\x01\x02") + 16; f[at] ^= 1; f[14] ^= 1; })),
        vector("flipped-in-directory", "structure", flip(b"PK\x01\x02", 12)),
        // An envelope that a known version does not allow.
        vector("envelope-no-json", "structure", outer(|z| z[0].data = b"{".to_vec())),
        vector("envelope-member-twice", "structure", outer(|z| { let at = z[0].data.len() - 1; drop(z[0].data.splice(at..at, *b",\"number\":3")); })),
        vector("first-with-previous", "structure", envelope(|e| e["number"] = json!(1))),
        vector("join-without-keys", "structure", envelope(|e| e["kind"] = json!("join"))),
        vector("newer-major", "newer-version", envelope(|e| { *e = json!({"format": {"major": 2, "minor": 0}, "all": "new"}); })),
        vector("unknown-feature", "newer-version", envelope(|e| e["requires"] = json!(["telepathy"]))),
        // Not theirs, not ours.
        vector("flipped-in-envelope", "bad-signature", flip(b"\"sent\":", 3)),
        vector("flipped-in-signature", "bad-signature", flip(b"SIGNATURE-----\n", 200)),
        vector("signature-no-text", "bad-signature", outer(|z| z[1].data = vec![0xff])),
        vector("forged", "bad-signature", Recipe { signer: STRANGER, ..envelope(|e| e["keys"]["signer"] = json!(signing(NORTH).verifying_key().fingerprint())) }),
        vector("other-namespace", "bad-signature", Recipe { namespace: Namespace::Roster, ..good() }),
        vector("unknown-key", "unknown-signer", Recipe { signer: STRANGER, ..good() }),
        vector("unknown-sender", "unknown-signer", envelope(|e| e["from"] = json!("stranger"))),
        vector("other-recipient", "not-for-us", envelope(|e| e["to"] = json!("south"))),
        vector("renamed", "name-mismatch", Recipe { renamed: true, ..good() }),
        // The payload.
        vector("flipped-in-payload", "payload-hash", flip(b"age-encryption.org/v1\n", 150)),
        vector("sealed-for-another", "decrypt", Recipe { sealed_for: STRANGER, ..good() }),
        vector("last-chunk-missing", "decrypt", sealed(|s| s.truncate(find(s, b"\n--- ") + 48 + 16))),
        vector("payload-cut", "decrypt", sealed(|s| s.truncate(s.len() - 1))),
        vector("payload-longer", "decrypt", sealed(|s| s.push(0))),
        vector("payload-not-age", "decrypt", sealed(|s| *s = b"plain".to_vec())),
        vector("payload-not-a-zip", "structure", plain(|p| *p = b"plain".to_vec())),
        vector("payload-cut-before-sealing", "structure", plain(|p| p.truncate(p.len() - 1))),
        vector("payload-trailing-data", "structure", plain(|p| p.push(0))),
        vector("manifest-not-first", "structure", inner(|z| z.swap(0, 1))),
        vector("part-name-parent", "structure", inner(|z| z[1].name = b"../changes.jsonl".to_vec())),
        vector("part-name-absolute", "structure", inner(|z| z[1].name = b"/etc/passwd".to_vec())),
        vector("part-symlink", "structure", inner(|z| z[1].mode = 0o120_777)),
        vector("part-twice", "structure", inner(|z| z.push(z[1].clone()))),
        vector("part-with-hidden-data", "structure", inner(|z| z[1].hidden = b"hidden".to_vec())),
        vector("part-longer-than-said", "structure", Recipe { manifest: Box::new(|m| m["entries"][0]["size"] = json!(1)), ..inner(|z| z[1].size = Some(1)) }),
        vector("part-unknown-compression", "structure", inner(|z| z[1].method = 93)),
        vector("part-bomb", "limit", inner(|z| z[1].data = vec![0; (1 << 20) + 4096])),
        vector("manifest-other-stream", "manifest-mismatch", manifest(|m| m["stream"] = json!("00000000000000aa"))),
        vector("manifest-other-number", "manifest-mismatch", manifest(|m| m["number"] = json!(3))),
        vector("manifest-other-sender", "manifest-mismatch", manifest(|m| m["from"] = json!("south"))),
        vector("manifest-other-recipient", "manifest-mismatch", manifest(|m| m["to"] = json!("south"))),
        vector("manifest-changed", "manifest-mismatch", inner(|z| z[0].data.push(b' '))),
        vector("part-not-listed", "manifest-mismatch", inner(|z| z.push(raw("more", b"hi", STORED)))),
        vector("part-missing", "manifest-mismatch", inner(|z| drop(z.pop()))),
        vector("parts-reordered", "manifest-mismatch", inner(|z| z.swap(1, 2))),
        vector("part-other-size", "manifest-mismatch", inner(|z| z[2].data.push(b'!'))),
        vector("part-other-bytes", "entry-hash", inner(|z| z[2].data = b"jello".to_vec())),
    ]
}

fn encrypt(plain: &[u8], seed: u64) -> Vec<u8> {
    let recipient: age::x25519::Recipient = sealing(seed).recipient().to_string().parse().unwrap();
    age::encrypt(&recipient, plain).unwrap()
}

fn json_line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// Makes the file of a recipe, independently of the code that seals.
fn cook(recipe: &Recipe) -> Vec<u8> {
    let entries: Vec<Value> =
        PARTS.iter().map(|(name, bytes)| json!({"name": name, "size": bytes.len(), "hash": ContentHash::of(bytes)})).collect();
    let mut manifest = json!({"from": "north", "to": "head", "stream": "00000000000000ff", "number": 2, "entries": entries});
    (recipe.manifest)(&mut manifest);
    let manifest = json_line(&manifest);
    let mut inner = vec![raw("manifest.json", &manifest, DEFLATED)];
    inner.extend(PARTS.iter().map(|(name, bytes)| raw(name, bytes, DEFLATED)));
    (recipe.inner)(&mut inner);
    let mut plain = zip(&inner);
    (recipe.plain)(&mut plain);
    let mut sealed = encrypt(&plain, recipe.sealed_for);
    (recipe.sealed)(&mut sealed);

    let mut envelope = json!({
        "format": {"major": 1, "minor": 0}, "requires": [], "kind": "changes", "from": "north", "to": "head",
        "stream": "00000000000000ff", "number": 2, "previous": ContentHash::of(b"first"), "sent": 1_790_000_000_000_i64,
        "keys": {"signer": signing(recipe.signer).verifying_key().fingerprint(), "recipients": [sealing(HEAD).recipient()]},
        "payload": {"bytes": sealed.len(), "hash": ContentHash::of(&sealed)}, "manifest": ContentHash::of(&manifest),
    });
    (recipe.envelope)(&mut envelope);
    let envelope = json_line(&envelope);
    let signature = signing(recipe.signer).sign(recipe.namespace, &envelope);
    let mut outer = vec![
        raw("packet.json", &envelope, STORED),
        raw("packet.json.sig", signature.as_bytes(), STORED),
        raw("payload.age", &sealed, STORED),
    ];
    (recipe.outer)(&mut outer);
    let mut file = zip(&outer);
    (recipe.file)(&mut file);
    file
}

/// Opens a file as the site `head`, which knows `north`.
fn class_of(path: &Path, recipe: &Recipe) -> &'static str {
    let bytes = std::fs::read(path).unwrap_or_default();
    let scratch = tempfile::tempdir().unwrap();
    let name = recipe.renamed.then(|| {
        let hash: [u8; 16] = ContentHash::of(&bytes).0[..16].try_into().unwrap();
        PacketFileName { stream: StreamId(0xff), number: PacketNumber(3), bytes: bytes.len() as u64, hash }
    });
    let trusted = |site: &SiteName| (site.as_str() == "north").then(|| signing(NORTH).verifying_key());
    let expected = Expectation { to: SiteName::new("head").unwrap(), trusted: &trusted, name };
    let opened = open(path, &expected, &sealing(HEAD), scratch.path(), &Limits::STANDARD);
    let class = match &opened {
        Ok(opened) => {
            for (name, content) in PARTS {
                assert_eq!(opened.bytes(name, 4096).unwrap().as_deref(), Some(content));
            }
            let blocks: Vec<_> = BlockReader::new(BufReader::new(opened.read("changes.jsonl").unwrap()), &Limits::STANDARD).collect();
            assert!(
                matches!(blocks.as_slice(), [Ok(block)] if block.values(1, "name") == (model::Value::text("Smith"), model::Value::Blob(vec![0xff])))
            );
            "opens"
        }
        Err(error) => {
            assert_eq!(error.retry_helps(), matches!(error, OpenError::Truncated | OpenError::Io(_)));
            error.class()
        }
    };
    drop(opened);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "something was left in the scratch folder");
    class
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/packets")
}

#[test]
fn every_vector_gives_its_class_of_error() {
    let folder = folder();
    for Vector { name, class, recipe } in vectors() {
        let path = folder.join(format!("{name}.fpk"));
        if !path.exists() && std::env::var_os("FIELDPOST_WRITE_VECTORS").is_some() {
            std::fs::write(&path, cook(&recipe)).unwrap();
        }
        assert!(path.exists(), "there is no vector {name}");
        assert!(std::fs::metadata(&path).unwrap().len() < 4096, "{name} is too large");
        assert_eq!(class_of(&path, &recipe), class, "{name}");
    }
}

/// Whatever byte is changed on the way: nobody opens it.
#[test]
fn no_file_with_one_changed_byte_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed");
    let good = std::fs::read(self::folder().join("good.fpk")).unwrap();
    let mut opened: Vec<usize> = Vec::new();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        opened.extend((class_of(&path, &self::good()) == "opens").then_some(at));
    }
    assert!(opened.is_empty(), "{opened:?} of {} bytes", good.len());
}

#[test]
fn every_cut_is_seen_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    let good = std::fs::read(self::folder().join("good.fpk")).unwrap();
    for length in 0..good.len() {
        std::fs::write(&path, &good[..length]).unwrap();
        assert_eq!(class_of(&path, &self::good()), "truncated", "{length} of {} bytes", good.len());
    }
}

/// The recipes stay true to the files: the same fault made today gives the same class.
#[test]
fn every_fault_made_anew_gives_the_same_class() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for Vector { name, class, recipe } in vectors() {
        let path = folder.path().join(name);
        std::fs::write(&path, cook(&recipe)).unwrap();
        let found = class_of(&path, &recipe);
        wrong.extend((found != class).then_some((name, class, found)));
    }
    assert_eq!(wrong, []);
}

#[test]
fn the_table_for_readers_and_the_folder_hold_the_same_vectors() {
    let files: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected: BTreeSet<String> = vectors().iter().map(|vector| format!("{}.fpk", vector.name)).collect();
    assert_eq!(files, expected);
    let readme = std::fs::read_to_string(folder().parent().unwrap().join("README.md")).unwrap();
    let rows: BTreeSet<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    let table: BTreeSet<String> = vectors().iter().map(|vector| format!("| `{}.fpk` | {} |", vector.name, vector.class)).collect();
    assert_eq!(rows, table.iter().map(String::as_str).collect());
}
