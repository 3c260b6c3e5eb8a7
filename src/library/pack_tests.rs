//! Packs that come back, packs that must not be taken, and the store that keeps them.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{ChunkId, ChunkStore, Cut, PackFault, PackWriter};
use crate::world::{Faults, SystemClock, World};

fn world() -> World {
    World::simulated(Box::new(SystemClock), 1, Faults::none())
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Frames and index of some chunks.
fn pack(chunks: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (frames, index) = (folder.path().join("frames"), folder.path().join("index"));
    let mut writer = PackWriter::create(&frames, &index).unwrap();
    for chunk in chunks {
        writer.put(ChunkId::of(chunk), chunk).unwrap();
    }
    let written = writer.finish().unwrap();
    let frames = fs::read(frames).unwrap();
    assert_eq!(written, frames.len() as u64);
    (frames, fs::read(index).unwrap())
}

fn take(store: &mut ChunkStore, frames: &[u8], index: &[u8]) -> Result<Vec<ChunkId>, PackFault> {
    store.take(&world(), &mut &frames[..], &mut &index[..])
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn chunks_come_back_after_a_restart_and_go_when_nobody_wants_them() {
    let folder = tempfile::tempdir().unwrap();
    let chunks: Vec<Vec<u8>> =
        (0..300).map(|seed| noise(1 + usize::try_from(seed).unwrap() * 37, seed)).chain([noise(1 << 20, 999)]).collect();
    let more = vec![chunks[7].clone(), b"only here".to_vec()];
    let mut store = ChunkStore::open(folder.path()).unwrap();
    let (frames, index) = pack(&chunks);
    assert!(index.iter().filter(|b| **b == b'\n').count() > 2, "there is more than one frame");
    assert_eq!(take(&mut store, &frames, &index).unwrap().len(), chunks.len());
    assert_eq!(take(&mut store, &frames, &index).unwrap().len(), chunks.len(), "twice is no error");
    assert_eq!(files(folder.path()).len(), 2);
    let (frames, index) = pack(&more);
    take(&mut store, &frames, &index).unwrap();
    for store in [&mut store, &mut ChunkStore::open(folder.path()).unwrap()] {
        for chunk in chunks.iter().chain(&more) {
            assert!(store.has(&ChunkId::of(chunk)));
            assert_eq!(store.get(&ChunkId::of(chunk)).unwrap().as_ref(), Some(chunk));
        }
        assert_eq!(store.get(&ChunkId::of(b"another")).unwrap(), None);
    }
    let last = ChunkId::of(b"only here");
    store.sweep(&world(), &|id| *id == last).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
    assert!(store.has(&last) && !store.has(&ChunkId::of(&chunks[0])));
    assert_eq!(store.get(&last).unwrap().unwrap(), b"only here");
    store.sweep(&world(), &|_| false).unwrap();
    assert!(files(folder.path()).is_empty());
}

#[test]
fn an_empty_pack_is_taken_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (frames, index) = pack(&[]);
    assert!(take(&mut ChunkStore::open(folder.path()).unwrap(), &frames, &index).unwrap().is_empty());
    assert!(files(folder.path()).is_empty());
}

/// A small file that unpacks to gigabytes, a frame of zeros as it is written by hand.
fn bomb(bytes: usize) -> Vec<u8> {
    zstd::bulk::compress(&vec![0; bytes], 19).unwrap()
}

/// One fault each.
#[test]
fn packs_that_are_not_what_they_say_are_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let chunks = [b"a first chunk".to_vec(), b"and a second".to_vec()];
    let (frames, index) = pack(&chunks);
    let line = String::from_utf8(index.clone()).unwrap();
    let first = ChunkId::of(&chunks[0]);
    let flipped = |at: usize| {
        let mut frames = frames.clone();
        frames[at] ^= 1;
        frames
    };
    let zeros = |bytes: usize, said: usize| {
        let frame = bomb(bytes);
        let index = format!("{{\"packed\":{},\"lengths\":[{said}]}}\n", frame.len());
        (frame, index.into_bytes())
    };
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"evil"].concat();
    let as_lines = |line: String| line.into_bytes();
    let packed = frames.len();
    for (what, frames, index) in [
        ("a bit of the header is turned", flipped(4), index.clone()),
        ("the frame is cut off", frames[..packed - 1].to_vec(), index.clone()),
        ("something follows the frames", [&frames[..], b"x"].concat(), index.clone()),
        ("a frame follows that nobody named", [&frames[..], &frames[..]].concat(), index.clone()),
        ("two frames pass for one", [&frames[..], &bomb(1)[..]].concat(), {
            as_lines(line.replace(&format!("\"packed\":{packed}"), &format!("\"packed\":{}", packed + bomb(1).len())))
        }),
        ("a frame to skip is hidden", [&frames[..], &skippable[..]].concat(), {
            as_lines(line.replace(&format!("\"packed\":{packed}"), &format!("\"packed\":{}", packed + skippable.len())))
        }),
        ("nothing but a frame to skip", skippable.clone(), as_lines("{\"packed\":12,\"lengths\":[1]}\n".into())),
        ("the lengths are too short", frames.clone(), as_lines(line.replace("[13,", "[12,"))),
        ("the lengths are too long", frames.clone(), as_lines(line.replace(",12]", ",99]"))),
        ("it unpacks to more than it says", zeros(1 << 20, 10).0, zeros(1 << 20, 10).1),
        ("it unpacks to less than it says", zeros(10, 1 << 20).0, zeros(10, 1 << 20).1),
        ("it unpacks to more than a frame may", zeros(100 << 20, 1 << 20).0, zeros(100 << 20, 1 << 20).1),
        ("a chunk is there twice", [&frames[..], &frames[..]].concat(), as_lines(line.repeat(2))),
        ("not zstd", b"plain text that is no frame at all".to_vec(), {
            as_lines(line.replace(&format!("\"packed\":{packed}"), "\"packed\":34"))
        }),
    ] {
        let mut store = ChunkStore::open(folder.path()).unwrap();
        let taken = take(&mut store, &frames, &index);
        assert!(matches!(taken, Err(PackFault::Frame { .. })), "{what}: {taken:?}");
        assert!(!store.has(&first) && files(folder.path()).is_empty(), "{what}");
    }
    // A chunk is what its bytes hash to: other bytes are another chunk.
    let mut store = ChunkStore::open(folder.path()).unwrap();
    if let Ok(taken) = take(&mut store, &flipped(packed - 3), &index) {
        assert!(taken.len() == 2 && !taken.contains(&ChunkId::of(&chunks[1])));
        store.sweep(&world(), &|_| false).unwrap();
    }
    let long = Cut::LONGEST + 1;
    for bad in [
        "\n".to_owned(),
        "{}\n".into(),
        "{\"packed\":1,\"lengths\":[]}\n".into(),
        "{\"packed\":-1,\"lengths\":[1]}\n".into(),
        "{\"packed\":1,\"lengths\":[0]}\n".into(),
        format!("{{\"packed\":1,\"lengths\":[{long}]}}\n"),
        "{\"packed\":1,\"lengths\":[1048576,1]}\n".into(),
        "{\"packed\":4294967295,\"lengths\":[1]}\n".into(),
        "{\"packed\":1,\"more\":1,\"lengths\":[1]}\n".into(),
        "{\"packed\":1,\"lengths\":[1]}".into(),
        format!("{{\"packed\":1,\"lengths\":[{}1]}}\n", "1,".repeat(4096)),
        " ".repeat(2 << 20) + "\n",
    ] {
        let taken = take(&mut ChunkStore::open(folder.path()).unwrap(), b"", bad.as_bytes());
        assert!(matches!(taken, Err(PackFault::Index { line: 1, .. })), "{:?}: {taken:?}", &bad[..bad.len().min(90)]);
    }
}

#[test]
fn a_kill_while_a_pack_is_kept_leaves_all_of_it_or_nothing() {
    let chunks = [b"a first chunk".to_vec(), b"and a second".to_vec()];
    let (frames, index) = pack(&chunks);
    for step in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
        world.faults().kill_before(Some(step));
        let taken = ChunkStore::open(folder.path()).unwrap().take(&world, &mut &frames[..], &mut &index[..]);
        let mut store = ChunkStore::open(folder.path()).unwrap();
        let kept = chunks.iter().filter(|chunk| store.get(&ChunkId::of(chunk)).unwrap().is_some()).count();
        assert_eq!(kept, if taken.is_ok() { 2 } else { 0 }, "step {step}");
        assert_eq!(files(folder.path()).len(), kept, "step {step}: what is half there is cleared away");
        take(&mut store, &frames, &index).unwrap();
        assert!(store.has(&ChunkId::of(&chunks[1])));
        if taken.is_ok() {
            assert_eq!(step, 3);
            break;
        }
    }
}

#[test]
fn a_pack_that_was_damaged_since_is_as_if_it_had_not_come() {
    let folder = tempfile::tempdir().unwrap();
    let chunk = noise(5000, 1);
    let (frames, index) = pack(std::slice::from_ref(&chunk));
    let id = ChunkId::of(&chunk);
    let damage = |ending: &str, at: usize| {
        let path = files(folder.path()).into_iter().find(|path| path.to_string_lossy().ends_with(ending)).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let mut store = ChunkStore::open(folder.path()).unwrap();
    take(&mut store, &frames, &index).unwrap();
    damage(".zst", 3000);
    assert_eq!(store.get(&id).unwrap(), None);
    assert!(!store.has(&id));
    store.sweep(&world(), &|_| true).unwrap();
    assert!(files(folder.path()).is_empty());
    take(&mut store, &frames, &index).unwrap();
    damage(".jsonl", 3);
    let mut store = ChunkStore::open(folder.path()).unwrap();
    assert!(!store.has(&id) && files(folder.path()).is_empty());
    take(&mut store, &frames, &index).unwrap();
    assert_eq!(store.get(&id).unwrap(), Some(chunk));
}

#[test]
fn a_frame_that_ends_before_its_line_says_is_refused() {
    let (frames, index) = pack(&[b"the only chunk".to_vec()]);
    let longer = String::from_utf8(index).unwrap().replace(&format!("\"packed\":{}", frames.len()), "\"packed\":1000");
    let folder = tempfile::tempdir().unwrap();
    let taken = take(&mut ChunkStore::open(folder.path()).unwrap(), &frames, longer.as_bytes());
    assert!(matches!(taken, Err(PackFault::Frame { frame: 1, reason: "it ends early" })), "{taken:?}");
}

/// Another run may be in the middle of keeping a pack.
#[test]
fn whoever_only_looks_leaves_what_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let chunk = b"kept".to_vec();
    let (frames, index) = pack(std::slice::from_ref(&chunk));
    take(&mut ChunkStore::open(folder.path()).unwrap(), &frames, &index).unwrap();
    for half in ["frames.zst", ".scratch.part", "broken.jsonl"] {
        fs::write(folder.path().join(half), "x").unwrap();
    }
    let before = files(folder.path());
    assert!(ChunkStore::look(folder.path()).unwrap().has(&ChunkId::of(&chunk)));
    assert_eq!(files(folder.path()), before);
    ChunkStore::open(folder.path()).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
    let none = folder.path().join("none");
    assert!(!ChunkStore::look(&none).unwrap().has(&ChunkId::of(&chunk)) && !none.exists());
}

/// What a person with nothing but the usual tools finds in the part.
#[test]
fn the_frames_are_a_file_that_zstd_unpacks() {
    let chunks: Vec<Vec<u8>> = (0..50).map(|seed| noise(60_000, seed)).collect();
    let (frames, _) = pack(&chunks);
    let mut plain = Vec::new();
    zstd::stream::read::Decoder::new(&frames[..]).unwrap().read_to_end(&mut plain).unwrap();
    assert_eq!(plain, chunks.concat());
}
