//! Packets that are genuine in every respect but for what they say of documents: signed and sealed by a child that is known, in their place of
//! the stream. One file per trick in `tests/vectors/library`, read through the whole path: exchange, opening, applying, placing, listing.
//!
//! Of every one: what is refused is listed under its name with the reason, as `fieldpost library` prints it; nothing outside of the folder
//! is touched; records and good documents of the same packet are taken, or the whole packet waits, as the file says; and all of that is
//! the same when the packet comes once more. `tests/vectors/README.md` says what is in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use fieldpost::exchange::{Content, Exchange as _, ExchangeError, FileName, Folder};
use fieldpost::library::{ChunkId, PackWriter};
use fieldpost::packet::{Acknowledgement, Draft, PacketId, PacketKind, Part, PartSource, seal};
use fieldpost::site::Role;
use fieldpost::sync::documents::switch;
use serde_json::{Value, json};

use crate::support::{Tree, name};

fn vectors() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/library");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let vector = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_string_lossy().into_owned(), vector)
    };
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

fn hex(text: &str) -> String {
    ChunkId::of(text.as_bytes()).to_string()
}

/// Puts the hash of a text where `#text` stands.
fn hashed(value: &Value) -> Value {
    match value {
        Value::String(text) => text.strip_prefix('#').map_or_else(|| value.clone(), |text| json!(hex(text))),
        Value::Array(values) => values.iter().map(hashed).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), hashed(member))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn lines(values: &[Value]) -> Vec<u8> {
    let line = |value: &Value| value.as_str().map_or_else(|| format!("{}\n", hashed(value)), |text| format!("{text}\n"));
    values.iter().map(line).collect::<String>().into_bytes()
}

/// A line of changes: one row of the list, as `entry` says.
fn row(entry: &Value, from: &str, sequence: usize) -> Value {
    let of = entry["of"].as_str().unwrap_or("good content");
    let or = |name: &str, usual: Value| entry.get(name).cloned().unwrap_or(usual);
    let content = or("content", json!({"blob": BASE64.encode(&HEXLOWER.decode(hex(of).as_bytes()).unwrap())}));
    let values = [content, or("bytes", json!(of.len())), or("modified", json!(1_700_000_000_000_i64)), or("executable", json!(0))];
    let mut new = vec![json!("key")];
    new.extend(values.into_iter().map(|value| json!([value])));
    json!({"table": "_fieldpost_library", "kind": "insert", "key": ["path"], "fields": ["path", "content", "bytes", "modified", "executable"],
        "count": 1, "keys": [[entry["path"]]], "born": {"site": from, "sequence": 5_000 + sequence},
        "new": new, "stamps": [{"time": 1_700_000_000_000_i64, "by": from}]})
}

/// Who sends and who receives.
fn way(vector: &Value) -> (&str, &str) {
    match vector["from"].as_str() {
        Some("head") => ("head", "anna"),
        Some(_) | None => ("anna", "head"),
    }
}

/// The parts of the packet: a record and a good document, and what the vector adds to them.
fn parts(vector: &Value, scratch: &Path) -> Vec<Part> {
    let list = |name: &str| vector[name].as_array().cloned();
    let (from, _) = way(vector);
    let mut entries = vec![json!({"path": "good"})];
    entries.extend(list("list").unwrap_or_default());
    let record = json!({"table": "t", "kind": "insert", "key": ["id"], "fields": ["id", "x"], "count": 1, "keys": [["b"]],
        "born": {"site": from, "sequence": 4_999}, "new": ["key", [7]], "stamps": [{"time": 1_700_000_000_000_i64, "by": from}]});
    let mut changes = vec![record];
    changes.extend(entries.iter().enumerate().map(|(sequence, entry)| row(entry, from, sequence)));
    let texts: BTreeSet<&str> = entries.iter().map(|entry| entry["of"].as_str().unwrap_or("good content")).collect();
    let honest = |text: &&str| json!({"content": hex(text), "cut": 2048, "chunks": [[hex(text), text.len()]]});
    let mut recipes = vec![honest(&"good content")];
    recipes.extend(
        list("recipes").unwrap_or_else(|| texts.iter().filter(|text| !text.is_empty() && **text != "good content").map(honest).collect()),
    );
    let mut parts = vec![("changes/0001.jsonl".to_owned(), lines(&changes)), ("documents/recipes.jsonl".to_owned(), lines(&recipes))];
    let (frames, index) = (scratch.join("frames"), scratch.join("index"));
    let mut pack = PackWriter::create(&frames, &index).unwrap();
    texts.iter().filter(|text| !text.is_empty()).for_each(|text| pack.put(ChunkId::of(text.as_bytes()), text.as_bytes()).unwrap());
    pack.finish().unwrap();
    let told: Vec<Vec<u8>> = list("frames").iter().flatten().map(frame).collect();
    let mut lines_told = list("index");
    for (line, frame) in lines_told.iter_mut().flatten().zip(&told) {
        if let Value::Object(line) = line {
            line.entry("packed").or_insert_with(|| json!(frame.len()));
        }
    }
    parts.push(("documents/chunks.zst".to_owned(), if told.is_empty() { std::fs::read(frames).unwrap() } else { told.concat() }));
    parts.push(("documents/chunks.jsonl".to_owned(), lines_told.map_or_else(|| std::fs::read(index).unwrap(), |told| lines(&told))));
    for (name, told) in vector["parts"].as_object().into_iter().flatten() {
        parts.retain(|(known, _)| known != name);
        let amount = |name: &str| usize::try_from(told[name].as_u64().unwrap()).unwrap();
        let bytes = if told.is_null() {
            continue;
        } else if told["repeat"].is_string() {
            lines(&[told["repeat"].clone()]).repeat(amount("times"))
        } else if let Some(text) = told["padded"].as_str() {
            format!("{text}{}", " ".repeat(amount("blanks"))).into_bytes()
        } else {
            lines(std::slice::from_ref(told))
        };
        parts.push((name.clone(), bytes));
    }
    parts.into_iter().map(|(name, bytes)| Part { name, source: PartSource::Bytes(bytes) }).collect()
}

/// A frame: packed honestly, or bytes as they are.
fn frame(told: &Value) -> Vec<u8> {
    let pack = |plain: &[u8]| zstd::bulk::compress(plain, 3).unwrap();
    match (&told["plain"], &told["zeros"], &told["hex"]) {
        (Value::String(text), ..) => pack(text.as_bytes()),
        (_, Value::Number(zeros), _) => pack(&vec![0; usize::try_from(zeros.as_u64().unwrap()).unwrap()]),
        (.., Value::String(hex)) => HEXLOWER.decode(hex.as_bytes()).unwrap(),
        other => panic!("{other:?} is no frame"),
    }
}

/// The next packet of a sender, sealed with its keys, to be put on the exchange as often as wanted.
struct Forged {
    file: PathBuf,
    name: FileName,
    folder: Folder,
}

impl Forged {
    fn new(tree: &Tree, vector: &Value) -> Self {
        let scratch = tree.folder.path().join("forged");
        std::fs::create_dir(&scratch).unwrap();
        let (from, to) = way(vector);
        let sender = tree.session(from);
        let neighbour = sender.ledger.neighbours().unwrap().remove(0);
        let id = |text: &Option<String>| PacketId::try_from(text.clone().unwrap()).unwrap();
        let draft = Draft {
            kind: PacketKind::Changes,
            from: name(from),
            to: name(to),
            stream: neighbour.stream_out,
            number: neighbour.sent.next(),
            previous: Some(id(&neighbour.sent_id)),
            sent: sender.world.now(),
            requires: Vec::new(),
            acknowledges: Some(Acknowledgement {
                stream: neighbour.stream_in.unwrap(),
                number: neighbour.received,
                id: id(&neighbour.received_id),
            }),
            settled: None,
            more: false,
            asks: Vec::new(),
            stopped: false,
            sender: None,
            parts: parts(vector, &scratch),
        };
        let recipient = fieldpost::keys::SealingRecipient::parse(&neighbour.card.sealing).unwrap();
        let file = scratch.join("packet");
        let sealed = seal(&sender.world, &draft, &sender.signing, &[recipient], &file, &scratch).unwrap();
        Self { file, name: FileName::new(&sealed.name.to_string()).unwrap(), folder: Folder::between(&name(to), &name(from)) }
    }

    fn put(&self, tree: &Tree) {
        match tree.exchange.clone().put(&tree.world("anna"), &self.folder, &self.name, Content::File(&self.file)) {
            Ok(()) | Err(ExchangeError::Exists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Everything in the tree's folder that is none of the site's own: path and content, links as what they lead to.
fn outside(tree: &Tree, from: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![tree.folder.path().to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ours = [".fieldpost", "library", "shop.db", "shop.db-wal", "shop.db-shm", "fieldpost.toml", "rules.toml", "forged"];
            if ours.iter().any(|name| path.file_name().unwrap() == *name) || path.starts_with(tree.home(from)) {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                left.push(path)
            } else {
                drop(found.insert(path.clone(), std::fs::read_to_string(&path).unwrap_or_default()))
            }
        }
    }
    found
}

/// What is to be in head's folder before.
fn prepare(tree: &Tree, before: &Value) {
    let place = |path: &str| {
        let path = tree.home("head").join("library").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for (path, text) in before["files"].as_object().into_iter().flatten() {
        std::fs::write(place(path), text.as_str().unwrap()).unwrap();
    }
    for path in before["folders"].as_array().into_iter().flatten() {
        std::fs::create_dir_all(place(path.as_str().unwrap())).unwrap();
    }
    #[cfg(unix)]
    for (path, to) in before["links"].as_object().into_iter().flatten() {
        std::os::unix::fs::symlink(tree.folder.path().join(to.as_str().unwrap()), place(path)).unwrap();
    }
}

/// What there is to be told of a vector at the receiver: troubles, what is on its way, the folder, the records.
#[derive(Debug, PartialEq, Eq)]
struct State {
    troubles: BTreeMap<String, String>,
    coming: Vec<String>,
    folder: BTreeMap<String, String>,
    records: Vec<String>,
    held: Vec<String>,
}

fn state(tree: &Tree, to: &str) -> State {
    let session = tree.session(to);
    let coming = fieldpost::sync::documents::place::coming(&session).unwrap();
    State {
        troubles: session.ledger.document_troubles().unwrap(),
        coming: coming.into_iter().map(|coming| coming.path).collect(),
        folder: tree.folder(to).into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect(),
        records: tree.rows(to, "SELECT id || x FROM t ORDER BY id"),
        held: tree.held(to),
    }
}

fn check(file: &str, vector: &Value) {
    if cfg!(not(unix)) && vector["before"]["links"].is_object() {
        return;
    }
    let mut tree =
        Tree::with_rules("CREATE TABLE t (id TEXT PRIMARY KEY, x); INSERT INTO t VALUES ('a', 1);", vector["rules"].as_str().unwrap_or(""));
    tree.limits.document_settle_millis = 0;
    switch::on(&mut tree.session("head")).unwrap();
    std::fs::create_dir(tree.folder.path().join("outside")).unwrap();
    std::fs::write(tree.folder.path().join("outside/secret"), "untouched").unwrap();
    tree.add("head", "anna", Role::Remote);
    prepare(&tree, &vector["before"]);
    tree.sync("anna");
    tree.settle(&["head", "anna"]);
    let (from, to) = way(vector);
    let before = outside(&tree, from);
    let known = state(&tree, to).troubles;
    let forged = Forged::new(&tree, vector);
    let words = |name: &str| -> BTreeMap<String, String> {
        let all = vector[name].as_object().into_iter().flatten();
        all.map(|(name, why)| (name.clone(), why.as_str().unwrap().to_owned())).collect()
    };
    let (refused, waits) = (words("refused"), vector["waits"].as_str());
    let mut last = None;
    let once = vector["once"] == json!(true);
    for turn in 0..3 {
        if once && turn > 0 {
            continue;
        }
        forged.put(&tree);
        let report = tree.sync(to);
        if let Some(waits) = waits {
            assert!(report.waiting.iter().any(|waiting| waiting.why.contains(waits) && !waiting.retried), "{file}: {:?}", report.waiting);
        }
        let state = state(&tree, to);
        let told: BTreeSet<&String> = state.troubles.keys().collect();
        assert_eq!(told, refused.keys().collect(), "{file}, {turn}: {state:?}");
        for (name, why) in &refused {
            assert!(state.troubles[name].contains(why.as_str()), "{file}, {turn}: `{name}`: {}", state.troubles[name]);
        }
        if turn == 0 {
            let said: BTreeSet<&String> = report.documents.refused.keys().collect();
            assert!(refused.keys().all(|name| said.contains(name) || known.contains_key(name)), "{file}: {said:?}");
        }
        let coming: Vec<String> = vector["coming"].as_array().into_iter().flatten().map(|path| path.as_str().unwrap().to_owned()).collect();
        assert_eq!(state.coming, coming, "{file}, {turn}");
        assert_eq!(state.held, [""; 0], "{file}, {turn}");
        let records: &[&str] = if waits.is_some() { &["a1"] } else { &["a1", "b7"] };
        assert_eq!(state.records, records, "{file}, {turn}");
        let mut folder = words("folder");
        folder.extend(
            vector["before"]["files"].as_object().into_iter().flatten().map(|(path, text)| (path.clone(), text.as_str().unwrap().into())),
        );
        if waits.is_none() && !coming.iter().any(|path| path == "good") {
            folder.insert("good".into(), "good content".into());
        }
        #[cfg(unix)]
        folder.extend(vector["before"]["links"].as_object().into_iter().flatten().filter_map(|(path, to)| {
            let link = std::fs::read_to_string(tree.folder.path().join(to.as_str().unwrap())).ok();
            link.map(|text| (path.clone(), text))
        }));
        assert_eq!(state.folder, folder, "{file}, {turn}");
        assert_eq!(outside(&tree, from), before, "{file}, {turn}: something outside was touched");
        assert!(last.is_none_or(|last| last == state), "{file}, {turn}: it is told otherwise");
        last = Some(state);
    }
    printed(file, &tree, to, &refused);
}

/// Everything is on the page, and nothing of it steers a terminal.
fn printed(file: &str, tree: &Tree, to: &str, refused: &BTreeMap<String, String>) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    let output = command.args(["library", "--verbose", "--home"]).arg(tree.home(to)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))), "{file}: {text:?}");
    let flat: String = text.split_whitespace().collect();
    for why in refused.values() {
        assert!(flat.contains(&why.split_whitespace().collect::<String>()), "{file}: `{why}` in {text}");
    }
}

#[test]
fn every_hostile_entry_is_refused_by_name_and_nothing_else_is() {
    let vectors = vectors();
    assert!(vectors.len() > 40, "{}", vectors.len());
    let one = std::env::var("FIELDPOST_VECTOR").ok();
    let wanted = vectors.iter().filter(|(file, _)| one.as_ref().is_none_or(|one| one == *file));
    // All of them, whatever one does.
    let failed = wanted.filter(|(file, vector)| std::panic::catch_unwind(|| check(file, vector)).is_err());
    assert_eq!(failed.map(|(file, _)| file).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_table_for_readers_and_the_folder_hold_the_same_tricks() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/library.md")).unwrap();
    let rows: BTreeSet<String> = readme.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    let row = |(file, vector): (&String, &Value)| format!("| `{file}.json` | {} |", vector["trick"].as_str().unwrap());
    assert_eq!(rows, vectors().iter().map(row).collect());
}
