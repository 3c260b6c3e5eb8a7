//! Whether what is sealed opens, what it leaves behind, and every cap.

use std::io::Read as _;
use std::path::PathBuf;

use fs_err as fs;

use super::*;
use crate::keys::{SealingKey, SigningKey, VerifyingKey};
use crate::model::{Millis, PacketNumber, SiteName, StreamId};
use crate::world::{Faults, SystemClock, World};

struct Bench {
    folder: tempfile::TempDir,
    world: World,
    signing: SigningKey,
    sealing: SealingKey,
}

fn bench() -> Bench {
    let world = World::simulated(Box::new(SystemClock), 7, Faults::none());
    let (signing, sealing) = (SigningKey::generate(&world), SealingKey::generate(&world));
    Bench { folder: tempfile::tempdir().unwrap(), world, signing, sealing }
}

fn site(name: &str) -> SiteName {
    SiteName::new(name).unwrap()
}

fn part(name: &str, bytes: impl Into<Vec<u8>>) -> Part {
    Part { name: name.into(), source: PartSource::Bytes(bytes.into()) }
}

fn draft(parts: Vec<Part>) -> Draft {
    Draft {
        kind: PacketKind::Changes,
        from: site("north"),
        to: site("head"),
        stream: StreamId(255),
        number: PacketNumber(2),
        previous: Some(PacketId::of(b"first")),
        sent: Millis(1_790_000_000_000),
        requires: Vec::new(),
        acknowledges: Some(Acknowledgement { stream: StreamId(254), number: PacketNumber(9), id: PacketId::of(b"ninth") }),
        settled: Some(PacketNumber(8)),
        more: false,
        asks: vec![PacketNumber(11)],
        stopped: false,
        sender: None,
        parts,
    }
}

impl Bench {
    fn out(&self) -> PathBuf {
        self.folder.path().join("packet.fpk")
    }

    fn scratch(&self) -> PathBuf {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch).unwrap();
        scratch
    }

    fn left_in_scratch(&self) -> usize {
        fs::read_dir(self.scratch()).unwrap().count()
    }

    fn seal(&self, draft: &Draft) -> Result<Sealed, SealError> {
        seal(&self.world, draft, &self.signing, &[self.sealing.recipient()], &self.out(), &self.scratch())
    }

    fn open_with(&self, name: Option<PacketFileName>, limits: &Limits) -> Result<Opened, OpenError> {
        let trusted = |from: &SiteName| -> Option<VerifyingKey> { (from == &site("north")).then(|| self.signing.verifying_key()) };
        let expected = Expectation { to: site("head"), trusted: &trusted, name };
        open(&self.out(), &expected, &self.sealing, &self.scratch(), limits)
    }

    fn open(&self) -> Result<Opened, OpenError> {
        self.open_with(None, &Limits::STANDARD)
    }
}

#[test]
fn what_is_sealed_opens_with_every_part_and_leaves_nothing_behind() {
    let bench = bench();
    let large: Vec<u8> = (0..3_000_000u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let path = bench.folder.path().join("large");
    fs::write(&path, &large).unwrap();
    let parts =
        vec![part("empty", ""), part("changes.jsonl", "{}\n"), Part { name: "documents/large".into(), source: PartSource::File(path) }];
    let sealed = bench.seal(&draft(parts)).unwrap();
    assert_eq!(bench.left_in_scratch(), 0);
    assert!(sealed.name.matches(fs::metadata(bench.out()).unwrap().len()));
    assert_eq!(sealed.bytes, sealed.name.bytes);

    let opened = bench.open_with(Some(sealed.name), &Limits::STANDARD).unwrap();
    assert_eq!((&opened.envelope, opened.id), (&sealed.envelope, sealed.id));
    assert_eq!(opened.signer, bench.signing.verifying_key());
    assert_eq!(opened.entry_names().collect::<Vec<_>>(), ["empty", "changes.jsonl", "documents/large"]);
    assert_eq!(opened.entry_bytes("documents/large"), Some(3_000_000));
    let (mut one, mut other) = (opened.read("documents/large").unwrap(), opened.read("documents/large").unwrap());
    let (mut first, mut second) = (vec![0; 2_000_000], Vec::new());
    one.read_exact(&mut first).unwrap();
    other.read_to_end(&mut second).unwrap();
    assert!(first == large[..2_000_000] && second == large);
    assert_eq!(opened.bytes("empty", 0).unwrap(), Some(Vec::new()));
    assert_eq!(opened.bytes("absent", 0).unwrap(), None);
    assert!(opened.read("absent").is_err());
    drop(opened);
    assert_eq!(bench.left_in_scratch(), 0);
}

#[test]
fn an_envelope_can_be_shown_without_a_key() {
    let bench = bench();
    let sealed = bench.seal(&draft(vec![])).unwrap();
    assert_eq!(inspect(&bench.out()).unwrap(), Unverified { envelope: sealed.envelope, id: sealed.id });
}

#[test]
fn a_join_is_verified_with_the_key_it_carries() {
    let bench = bench();
    let sender = Some(SenderKeys { signing: bench.signing.verifying_key(), sealing: bench.sealing.recipient() });
    let first = Draft { number: PacketNumber(1), previous: None, from: site("anna"), ..draft(vec![part("invitation", "x")]) };
    bench.seal(&Draft { kind: PacketKind::Join, sender: sender.clone(), ..first.clone() }).unwrap();
    assert_eq!(bench.open().unwrap().envelope.sender, sender);
    let sized = |bytes| bench.open_with(None, &Limits { join_packet_bytes: bytes, ..Limits::STANDARD });
    let length = fs::metadata(bench.out()).unwrap().len();
    sized(length).unwrap();
    assert!(matches!(sized(length - 1), Err(OpenError::Limit { limit: Limit::PacketBytes, .. })));

    bench.seal(&first).unwrap();
    assert!(matches!(bench.open(), Err(OpenError::UnknownSigner { from, .. }) if from == site("anna")));
    assert!(matches!(bench.seal(&Draft { kind: PacketKind::Join, ..first.clone() }), Err(SealError::SenderKeys)));
    assert!(matches!(bench.seal(&Draft { sender, ..first }), Err(SealError::SenderKeys)));
}

#[test]
fn what_opening_would_refuse_is_not_sealed() {
    let bench = bench();
    let seal = |draft: Draft| bench.seal(&draft).unwrap_err();
    assert!(matches!(seal(draft(vec![part("../x", "")])), SealError::Name(_)));
    assert!(matches!(seal(draft(vec![part("x", ""), part("x", "")])), SealError::Duplicate(_)));
    assert!(matches!(seal(draft(vec![part("manifest.json", "")])), SealError::Duplicate(_)));
    assert!(matches!(seal(Draft { number: PacketNumber(0), ..draft(vec![]) }), SealError::Previous(_)));
    assert!(matches!(seal(Draft { number: PacketNumber(1), ..draft(vec![]) }), SealError::Previous(_)));
    assert!(matches!(seal(Draft { previous: None, ..draft(vec![]) }), SealError::Previous(_)));
    let missing = Part { name: "x".into(), source: PartSource::File(bench.folder.path().join("absent")) };
    assert!(matches!(seal(draft(vec![missing])), SealError::Io(_)));
    assert_eq!(bench.left_in_scratch(), 0);
}

#[test]
fn a_part_that_deflates_too_well_is_stored_and_opens() {
    let bench = bench();
    let zeros = vec![0; 2 << 20];
    bench.seal(&draft(vec![part("zeros", zeros.clone()), part("text", "hello")])).unwrap();
    assert_eq!(bench.open().unwrap().bytes("zeros", 4 << 20).unwrap(), Some(zeros));
}

#[test]
fn a_kill_before_the_flush_is_a_crash() {
    let bench = bench();
    bench.world.faults().kill_before(Some(1));
    assert!(matches!(bench.seal(&draft(vec![])), Err(SealError::Crash(_))));
}

#[test]
fn the_bytes_say_nothing_of_the_time_or_the_content() {
    let bench = bench();
    bench.seal(&draft(vec![part("documents/canary-name", "canary-content")])).unwrap();
    let bytes = fs::read(bench.out()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"canary"));
    assert!(!bytes.windows(13).any(|window| window == b"manifest.json"));
}

/// Opens at a cap, and one below.
fn at_the_cap(bench: &Bench, limit: Limit, most: u64, with: impl Fn(u64) -> Limits) {
    bench.open_with(None, &with(most)).unwrap();
    let error = bench.open_with(None, &with(most - 1)).unwrap_err();
    assert!(matches!(error, OpenError::Limit { limit: found, .. } if found == limit), "{error}");
}

#[test]
fn every_cap_of_opening_holds_at_its_value() {
    let bench = bench();
    let sealed = bench.seal(&draft(vec![part("a", vec![7; 1000]), part("b", vec![8; 500])])).unwrap();
    let packet_json = serde_json::to_vec(&sealed.envelope).unwrap().len() as u64 + 1;
    let base = || Limits::STANDARD;
    at_the_cap(&bench, Limit::PacketBytes, sealed.bytes, |most| Limits { packet_bytes: most, ..base() });
    at_the_cap(&bench, Limit::EnvelopeBytes, packet_json, |most| Limits { envelope_bytes: most, ..base() });
    at_the_cap(&bench, Limit::Entries, 2, |most| Limits { entries: most, ..base() });
    at_the_cap(&bench, Limit::EntryBytes, 1000, |most| Limits { entry_bytes: most, ..base() });
    let signature = bench.signing.sign(crate::keys::Namespace::Packet, b"").len() as u64;
    at_the_cap(&bench, Limit::SignatureBytes, signature, |most| Limits { signature_bytes: most, ..base() });
    let manifest = manifest_bytes(&bench, &sealed);
    at_the_cap(&bench, Limit::ManifestBytes, manifest, |most| Limits { manifest_bytes: most, ..base() });
    at_the_cap(&bench, Limit::UnpackedBytes, manifest + 1500, |most| Limits { unpacked_bytes: most, ..base() });

    let opened = bench.open().unwrap();
    assert!(opened.bytes("a", 1000).is_ok());
    assert!(matches!(opened.bytes("a", 999), Err(OpenError::Limit { limit: Limit::Memory, most: 999, found: 1000 })));
}

/// Length of the manifest, found as the smallest limit that opens.
fn manifest_bytes(bench: &Bench, _: &Sealed) -> u64 {
    (1..1000).find(|most| bench.open_with(None, &Limits { manifest_bytes: *most, ..Limits::STANDARD }).is_ok()).unwrap()
}

#[test]
fn the_ratio_counts_only_beyond_the_free_bytes() {
    let bench = bench();
    let text = |bytes: u64| "0123456789abcdef".repeat(usize::try_from(bytes / 16).unwrap());
    let strict = Limits { ratio: 2, ..Limits::STANDARD };
    bench.seal(&draft(vec![part("a", text(Limits::RATIO_FREE_BYTES))])).unwrap();
    bench.open_with(None, &strict).unwrap();
    let random: Vec<u8> = (0..60_000u32).flat_map(|number| blake3::hash(&number.to_le_bytes()).as_bytes()[..1].to_vec()).collect();
    let mixed = [random, text(Limits::RATIO_FREE_BYTES).into_bytes()].concat();
    bench.seal(&draft(vec![part("a", mixed)])).unwrap();
    bench.open().unwrap();
    assert!(matches!(bench.open_with(None, &strict), Err(OpenError::Limit { limit: Limit::Ratio, .. })));
}

#[test]
fn every_cap_of_sealing_holds_at_its_value() {
    let bench = bench();
    let asks = |count| Draft { asks: vec![PacketNumber(1); count], ..draft(vec![]) };
    bench.seal(&asks(Limits::ASKS)).unwrap();
    bench.open().unwrap();
    assert!(matches!(bench.seal(&asks(Limits::ASKS + 1)), Err(SealError::Limit { limit: Limit::Asks, .. })));

    let for_many = |count| {
        let recipients = vec![bench.sealing.recipient(); count];
        seal(&bench.world, &draft(vec![]), &bench.signing, &recipients, &bench.out(), &bench.scratch())
    };
    for_many(Limits::RECIPIENTS).unwrap();
    bench.open().unwrap();
    assert!(matches!(for_many(Limits::RECIPIENTS + 1), Err(SealError::Limit { limit: Limit::Recipients, .. })));

    let most = usize::try_from(Limits::STANDARD.entries).unwrap();
    let parts = |count: usize| draft((0..count).map(|number| part(&format!("p{number}"), "")).collect());
    bench.seal(&parts(most)).unwrap();
    assert_eq!(bench.open().unwrap().entry_names().count(), most);
    assert!(matches!(bench.seal(&parts(most + 1)), Err(SealError::Limit { limit: Limit::Entries, .. })));
}

#[test]
fn a_file_under_another_name_is_refused_before_it_is_read() {
    let bench = bench();
    let name = bench.seal(&draft(vec![])).unwrap().name;
    let opened = |name| bench.open_with(Some(name), &Limits::STANDARD);
    opened(name).unwrap();
    assert!(matches!(opened(PacketFileName { bytes: name.bytes + 1, ..name }), Err(OpenError::Truncated)));
    assert!(matches!(opened(PacketFileName { bytes: name.bytes - 1, ..name }), Err(OpenError::NameMismatch)));
    assert!(matches!(opened(PacketFileName { hash: [0; 16], ..name }), Err(OpenError::NameMismatch)));
    assert!(matches!(opened(PacketFileName { number: PacketNumber(3), ..name }), Err(OpenError::NameMismatch)));
    assert!(matches!(opened(PacketFileName { stream: StreamId(3), ..name }), Err(OpenError::NameMismatch)));
    assert!(matches!(inspect(&bench.scratch().join("absent")), Err(OpenError::Io(_))));
}
