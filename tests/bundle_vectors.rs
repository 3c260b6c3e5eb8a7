//! Every way in which a bundle can be bad, as a file with one fault each, and the class of error it must give.
//!
//! As `tests/vectors.rs` for packets: the files in `tests/vectors/bundles` were written once by the table below and stay as they are.
//! `FIELDPOST_WRITE_VECTORS=1 cargo test --test bundle_vectors` writes what is missing; the README beside them is the same table.

mod raw_zip;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fieldpost::bundle::open;
use fieldpost::keys::{Namespace, SigningKey};
use fieldpost::packet::ContentHash;
use fieldpost::world::{Faults, SystemClock, World};
use raw_zip::{DEFLATED, Raw, STORED, raw, zip};
use serde_json::{Value, json};

/// A file with one fault.
struct Vector {
    name: &'static str,
    /// `OpenError::class`, or `opens`.
    class: &'static str,
    recipe: Recipe,
}

type Edit<T> = Box<dyn Fn(&mut T)>;

/// A good bundle and what is done to it.
struct Recipe {
    manifest: Edit<Value>,
    namespace: Namespace,
    signer: u64,
    entries: Edit<Vec<Raw>>,
    file: Edit<Vec<u8>>,
}

const PUBLISHER: u64 = 1;
const STRANGER: u64 = 2;
const FORM: &[u8] = b"<form/>";
const ROWS: &[u8] = b"code,name\nCH,Switzerland\n";
const SQL: &[u8] = b"CREATE INDEX i ON customers (name)";

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&World::simulated(Box::new(SystemClock), seed, Faults::none()))
}

fn good() -> Recipe {
    Recipe {
        manifest: Box::new(|_| ()),
        namespace: Namespace::Bundle,
        signer: PUBLISHER,
        entries: Box::new(|_| ()),
        file: Box::new(|_| ()),
    }
}

fn manifest(edit: impl Fn(&mut Value) + 'static) -> Recipe {
    Recipe { manifest: Box::new(edit), ..good() }
}

/// The first file goes somewhere else.
fn path(path: &'static str) -> Recipe {
    manifest(move |m| m["files"][0]["path"] = json!(path))
}

/// Two files go to these places.
fn paths(one: &'static str, other: &'static str) -> Recipe {
    manifest(move |m| {
        let mut second = m["files"][0].clone();
        second["path"] = json!(other);
        m["files"][0]["path"] = json!(one);
        m["files"].as_array_mut().unwrap().push(second);
    })
}

fn entries(edit: impl Fn(&mut Vec<Raw>) + 'static) -> Recipe {
    Recipe { entries: Box::new(edit), ..good() }
}

fn file(edit: impl Fn(&mut Vec<u8>) + 'static) -> Recipe {
    Recipe { file: Box::new(edit), ..good() }
}

fn content(bytes: &[u8]) -> Value {
    json!({"hash": ContentHash::of(bytes), "size": bytes.len()})
}

/// A good bundle whose file has these bytes.
fn good_with(bytes: &'static [u8]) -> Recipe {
    let edit = move |m: &mut Value| m["files"][0]["content"] = content(bytes);
    Recipe { entries: Box::new(move |z| exchange(z, FORM, bytes)), ..manifest(edit) }
}

/// Puts a content into the place of another one, in the order of the hashes.
fn exchange(entries: &mut Vec<Raw>, old: &[u8], new: &[u8]) {
    let (old, fresh) = (format!("content/{}", ContentHash::of(old)), ContentHash::of(new));
    entries.retain(|entry| entry.name != old.as_bytes());
    entries.push(raw(&format!("content/{fresh}"), new, DEFLATED));
    entries[2..].sort_by(|a, b| a.name.cmp(&b.name));
}

/// Says another size of a content than it has.
fn sized(entries: &mut [Raw], of: &[u8], size: u32) {
    let name = format!("content/{}", ContentHash::of(of));
    entries.iter_mut().find(|entry| entry.name == name.as_bytes()).unwrap().size = Some(size);
}

fn last(bytes: &[u8], marker: &[u8]) -> usize {
    bytes.windows(marker.len()).rposition(|window| window == marker).unwrap()
}

fn find(bytes: &[u8], marker: &[u8]) -> usize {
    bytes.windows(marker.len()).position(|window| window == marker).unwrap()
}

#[rustfmt::skip]
fn vectors() -> Vec<Vector> {
    let vector = |name, class, recipe| Vector { name, class, recipe };
    vec![
        vector("good", "opens", good()),
        vector("executable-file", "opens", manifest(|m| m["files"][0]["executable"] = json!(true))),
        vector("zip-in-zip", "opens", good_with(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
        vector("later-member", "opens", manifest(|m| m["later"] = json!({"a": [1]}))),
        vector("empty", "truncated", file(Vec::clear)),
        vector("cut-in-half", "truncated", file(|f| f.truncate(f.len() / 2))),
        vector("cut-last-byte", "truncated", file(|f| f.truncate(f.len() - 1))),
        vector("not-a-zip", "not-a-zip", file(|f| *f = b"Dear customer, see attachment".to_vec())),
        vector("trailing-data", "structure", file(|f| f.extend_from_slice(b"hi"))),
        vector("leading-data", "structure", file(|f| drop(f.splice(0..0, *b"#!/bin/sh\n")))),
        vector("gap", "structure", entries(|z| z[1].gap = b"hidden".to_vec())),
        vector("entry-twice", "structure", entries(|z| z.push(z[2].clone()))),
        vector("entry-name-parent", "structure", entries(|z| z[2].name = b"content/../../evil".to_vec())),
        vector("entry-name-absolute", "structure", entries(|z| z[2].name = b"/etc/passwd".to_vec())),
        vector("symlink", "structure", entries(|z| z[2].mode = 0o120_777)),
        vector("directory", "structure", entries(|z| z[2].mode = 0o040_755)),
        vector("executable", "structure", entries(|z| z[2].mode = 0o100_755)),
        vector("headers-differ", "structure", entries(|z| { let other = z[3].name.clone(); z[2].local_name = Some(other); })),
        vector("hidden-data", "structure", entries(|z| z[2].hidden = b"hidden".to_vec())),
        vector("extra-field", "structure", entries(|z| z[0].extra = vec![0x55, 0x54, 1, 0, 0])),
        vector("comment", "structure", entries(|z| z[0].comment = b"hi".to_vec())),
        vector("wrong-check-sum", "structure", file(|f| { let at = find(f, b"PK\x01\x02") + 16; f[at] ^= 1; f[14] ^= 1; })),
        vector("overlap", "structure", file(|f| { let at = last(f, b"PK\x01\x02"); let before = last(&f[..at], b"PK\x01\x02"); let other = f[before + 42..before + 46].to_vec(); f[at + 42..at + 46].copy_from_slice(&other); })),
        vector("zip64", "structure", file(|f| { let end = f.len() - 22; f[end + 12..end + 20].fill(0xff); })),
        vector("zip64-size", "structure", file(|f| { let at = find(f, b"PK\x01\x02") + 24; f[at..at + 4].fill(0xff); })),
        vector("second-volume", "structure", file(|f| { let end = f.len() - 22; f[end + 4] = 1; })),
        vector("file-comment", "structure", file(|f| { let end = f.len() - 2; f[end] = 2; f.extend_from_slice(b"hi"); })),
        vector("fewer-entries-said", "structure", file(|f| { let end = f.len() - 22; f[end + 8] -= 1; f[end + 10] -= 1; })),
        vector("encrypted-flag", "structure", entries(|z| z[2].flags = 1)),
        vector("descriptor-flag", "structure", entries(|z| z[2].flags = 8)),
        vector("unknown-compression", "structure", entries(|z| z[2].method = 93)),
        vector("stored-size-differs", "structure", entries(|z| { z[2].method = STORED; z[2].size = Some(1); })),
        vector("entry-name-backslash", "structure", entries(|z| z[2].name = b"content\\evil".to_vec())),
        vector("entry-name-not-utf8", "structure", entries(|z| z[2].name = b"content/\xff".to_vec())),
        vector("entry-name-drive", "structure", entries(|z| z[2].name = b"c:/evil".to_vec())),
        vector("size-lies", "entry-hash", entries(|z| z[2].size = Some(1))),
        vector("size-lies-everywhere", "structure", Recipe { entries: Box::new(|z| sized(z, FORM, 1)), ..manifest(|m| m["files"][0]["content"]["size"] = json!(1)) }),
        vector("size-lies-much", "limit", entries(|z| z[2].size = Some(0xffff_fff0))),
        vector("bomb-in-head", "limit", entries(|z| { let at = z[0].data.len(); z[0].data.resize(at + (2 << 20), b' '); })),
        vector("bomb", "limit", entries(|z| z[2].data = vec![0; (1 << 20) + 4096])),
        // The set of entries.
        vector("head-missing", "entries", entries(|z| drop(z.remove(0)))),
        vector("signature-missing", "entries", entries(|z| drop(z.remove(1)))),
        vector("head-not-first", "entries", entries(|z| z.swap(0, 1))),
        vector("content-missing", "entries", entries(|z| drop(z.pop()))),
        vector("content-not-named", "entries", entries(|z| z.push(raw(&format!("content/{}", ContentHash::of(b"more")), b"more", STORED)))),
        vector("contents-reordered", "entries", entries(|z| z.swap(2, 3))),
        vector("readme-beside", "entries", entries(|z| z.push(raw("readme.txt", b"hi", STORED)))),
        // A mixed set: a content of another version under the hash of this one.
        vector("other-bytes", "entry-hash", entries(|z| { let last = z[2].data.len() - 1; z[2].data[last] ^= 1; })),
        vector("other-size", "entry-hash", manifest(|m| m["files"][0]["content"]["size"] = json!(1))),
        // Who made it.
        vector("stranger", "unknown-publisher", Recipe { signer: STRANGER, ..good() }),
        vector("forged", "bad-signature", Recipe { signer: STRANGER, ..manifest(|m| m["signer"] = json!(key(PUBLISHER).verifying_key().fingerprint())) }),
        vector("other-namespace", "bad-signature", Recipe { namespace: Namespace::Packet, ..good() }),
        vector("changed-head", "bad-signature", entries(|z| { let at = find(&z[0].data, b"1.0.0"); z[0].data[at] = b'9'; })),
        vector("signature-no-text", "bad-signature", entries(|z| z[1].data = vec![0xff])),
        vector("signature-twice", "bad-signature", entries(|z| { let once = z[1].data.clone(); z[1].data.extend(once); })),
        vector("signature-with-more", "bad-signature", entries(|z| z[1].data.extend_from_slice(b"more\n"))),
        vector("signature-of-another", "bad-signature", entries(|z| z[1].data = key(PUBLISHER).sign(Namespace::Bundle, b"{}").into_bytes())),
        // What it says.
        vector("head-no-json", "unreadable", entries(|z| z[0].data = b"{".to_vec())),
        vector("name-is-a-path", "unreadable", manifest(|m| m["name"] = json!("../evil"))),
        vector("version-is-none", "unreadable", manifest(|m| m["version"] = json!("1.0"))),
        vector("hash-is-a-path", "unreadable", manifest(|m| m["files"][0]["content"]["hash"] = json!("../../evil"))),
        vector("member-twice", "unreadable", entries(|z| { let at = z[0].data.len() - 2; drop(z[0].data.splice(at..at, *b",\"version\":\"2.0.0\"")); })),
        vector("size-negative", "unreadable", manifest(|m| m["files"][0]["content"]["size"] = json!(-1))),
        vector("name-upper-case", "unreadable", manifest(|m| m["name"] = json!("Forms"))),
        vector("mode-unknown", "unreadable", manifest(|m| m["rows"][0]["mode"] = json!("merge"))),
        vector("runs-unknown", "unreadable", manifest(|m| m["steps"][0]["runs"] = json!("anywhere"))),
        vector("needs-something-unknown", "unreadable", manifest(|m| m["needs"] = json!({"moon": "full"}))),
        vector("newer-format", "newer-format", manifest(|m| { *m = json!({"format": 2, "all": "new"}); })),
        vector("unknown-feature", "newer-format", manifest(|m| m["requires"] = json!(["telepathy"]))),
        vector("path-parent", "impossible", path("../evil.txt")),
        vector("path-inner-parent", "impossible", path("a/../../evil.txt")),
        vector("path-absolute", "impossible", path("/etc/cron.d/evil")),
        vector("path-drive", "impossible", path("C:/evil.txt")),
        vector("path-stream", "impossible", path("form.xml:evil")),
        vector("path-share", "impossible", path("//server/share/evil.dll")),
        vector("path-share-backslash", "impossible", path("\\\\server\\share\\evil.dll")),
        vector("path-home", "impossible", path("~/../.ssh/authorized_keys")),
        vector("path-here", "impossible", path("./form.xml")),
        vector("path-folder", "impossible", path("forms/")),
        vector("path-null", "impossible", path("form.xml\0.txt")),
        vector("path-turned", "impossible", path("form\u{202e}lmx.exe")),
        vector("path-invisible", "impossible", path("form\u{200b}.xml")),
        vector("path-wildcard", "impossible", path("*.xml")),
        vector("path-device-sup", "impossible", path("com\u{b9}.txt")),
        vector("path-short-name", "impossible", path("FIELDP~1/keys/signing")),
        vector("path-long", "impossible", path("0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef.xml")),
        vector("path-backslash", "impossible", path("..\\evil.txt")),
        vector("path-empty", "impossible", path("")),
        vector("path-control", "impossible", path("form\n.xml")),
        vector("path-device", "impossible", path("forms/NUL.xml")),
        vector("path-dot-at-end", "impossible", path("form.xml.")),
        vector("path-space-at-end", "impossible", path("form.xml ")),
        vector("path-into-ours", "impossible", path(".fieldpost/keys/signing")),
        vector("path-accents-apart", "impossible", path("e\u{301}.xml")),
        vector("paths-same", "impossible", paths("a.xml", "a.xml")),
        vector("paths-differ-in-case", "impossible", paths("Form.xml", "form.XML")),
        vector("paths-differ-in-accents-case", "impossible", paths("\u{e9}.xml", "\u{c9}.xml")),
        vector("paths-folders-differ-in-case", "impossible", paths("Forms/a.xml", "forms/b.xml")),
        vector("paths-sharp-s", "impossible", paths("stra\u{df}e", "STRASSE")),
        vector("paths-file-and-folder", "impossible", paths("a", "a/b")),
        vector("rows-without-table", "impossible", manifest(|m| m["rows"][0]["table"] = json!(""))),
        vector("rows-without-key", "impossible", manifest(|m| m["rows"][0]["key"] = json!([]))),
        vector("step-twice", "impossible", manifest(|m| { let step = m["steps"][0].clone(); m["steps"].as_array_mut().unwrap().push(step); })),
        vector("needs-itself", "impossible", manifest(|m| m["needs"] = json!({"bundles": {"forms": "1.0.0"}}))),
    ]
}

/// Makes the file of a recipe, independently of the code that builds.
fn cook(recipe: &Recipe) -> Vec<u8> {
    let mut head = json!({
        "format": 1, "requires": [], "name": "forms", "version": "1.0.0", "title": "Forms", "publisher": "us",
        "signer": key(recipe.signer).verifying_key().fingerprint(), "groups": [], "needs": {},
        "files": [{"path": "forms/form.xml", "content": content(FORM)}],
        "steps": [{"file": "schema/1.sql", "up": content(SQL), "down": null, "runs": "at-host"}],
        "rows": [{"file": "rows/a.csv", "form": "csv", "content": content(ROWS), "table": "countries", "key": ["code"], "mode": "upsert",
            "runs": "at-host"}],
    });
    (recipe.manifest)(&mut head);
    let head = format!("{head}\n").into_bytes();
    let signature = key(recipe.signer).sign(recipe.namespace, &head);
    let mut contents: Vec<(ContentHash, &[u8])> = [FORM, ROWS, SQL].map(|bytes| (ContentHash::of(bytes), bytes)).into();
    contents.sort();
    let mut entries = vec![raw("bundle.json", &head, DEFLATED), raw("bundle.json.sig", signature.as_bytes(), DEFLATED)];
    entries.extend(contents.into_iter().map(|(hash, bytes)| raw(&format!("content/{hash}"), bytes, DEFLATED)));
    (recipe.entries)(&mut entries);
    let mut file = zip(&entries);
    (recipe.file)(&mut file);
    file
}

fn class_of(path: &Path) -> &'static str {
    match open(path, &[key(PUBLISHER).verifying_key()]) {
        Ok(opened) => {
            let content = opened.manifest.files[0].content;
            assert_eq!(ContentHash::of(&opened.bytes(content).unwrap()), content.hash);
            "opens"
        }
        Err(error) => error.class(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/bundles")
}

#[test]
fn every_vector_gives_its_class_of_error() {
    let mut wrong = Vec::new();
    for Vector { name, class, recipe } in vectors() {
        let path = folder().join(format!("{name}.fpb"));
        if !path.exists() && std::env::var_os("FIELDPOST_WRITE_VECTORS").is_some() {
            std::fs::write(&path, cook(&recipe)).unwrap();
        }
        assert!(path.exists(), "there is no vector {name}");
        assert!(std::fs::metadata(&path).unwrap().len() < 4096, "{name} is too large");
        let found = class_of(&path);
        wrong.extend((found != class).then_some((name, class, found)));
    }
    assert_eq!(wrong, []);
}

/// The recipes stay true to the files: the same fault made today gives the same class.
#[test]
fn every_fault_made_anew_gives_the_same_class() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for Vector { name, class, recipe } in vectors() {
        let path = folder.path().join(name);
        std::fs::write(&path, cook(&recipe)).unwrap();
        let found = class_of(&path);
        wrong.extend((found != class).then_some((name, class, found)));
    }
    assert_eq!(wrong, []);
}

/// Whatever byte is changed on the way, and wherever it is cut: nobody opens it.
#[test]
fn no_file_with_one_changed_byte_opens_and_every_cut_is_seen() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("changed");
    let good = std::fs::read(folder().join("good.fpb")).unwrap();
    let mut opened: Vec<usize> = Vec::new();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        opened.extend((class_of(&path) == "opens").then_some(at));
        std::fs::write(&path, &good[..at]).unwrap();
        assert_eq!(class_of(&path), "truncated", "{at} of {} bytes", good.len());
    }
    assert!(opened.is_empty(), "{opened:?} of {} bytes", good.len());
}

#[test]
fn the_table_for_readers_and_the_folder_hold_the_same_vectors() {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = names.filter(|name| name != "README.md").collect();
    assert_eq!(files, vectors().iter().map(|vector| format!("{}.fpb", vector.name)).collect());
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: BTreeSet<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    let table: BTreeSet<String> = vectors().iter().map(|vector| format!("| `{}.fpb` | {} |", vector.name, vector.class)).collect();
    assert_eq!(rows, table.iter().map(String::as_str).collect());
}
