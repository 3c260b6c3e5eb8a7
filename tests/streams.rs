//! What can happen to packets on the way, and to the sites at both ends: nothing is lost, nothing is applied twice, everything is said.
//!
//! `copies` has what comes of a home that exists twice, or is put back whole.

#[path = "streams/copies.rs"]
mod copies;
mod support;

use fieldpost::exchange::{Content, Exchange, FileName, Folder};
use fieldpost::packet::{Draft, PacketId, PacketKind, Part, PartSource, seal};
use fieldpost::site::{Home, Role};
use fieldpost::sync::recover::{Mode, recover};
use fieldpost::sync::{Limits, Session, SyncError, round};
use support::{Tree, name};

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
    INSERT INTO customers VALUES ('ACME', 'Acme Ltd', '1'), ('BOLT', 'Bolt AG', '2');";

fn two() -> Tree {
    let tree = Tree::new(SCHEMA);
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    tree
}

/// Names of the packets that lie for `to` from `from`.
fn lying(tree: &Tree, to: &str, from: &str) -> Vec<String> {
    let prefix = format!("{to}/{from}/");
    tree.exchange.everything().keys().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect()
}

fn tamper(tree: &Tree, to: &str, from: &str, change: impl Fn(&mut Vec<u8>)) {
    let files = lying(tree, to, from);
    assert!(!files.is_empty(), "nothing lies for {to} from {from}");
    for file in files {
        tree.exchange.tamper(&Folder::between(&name(to), &name(from)), &FileName::new(&file).unwrap(), &change);
    }
}

fn phone(tree: &Tree, site: &str) -> String {
    tree.text(site, "SELECT phone FROM customers WHERE id = 'ACME'")
}

#[test]
fn a_damaged_packet_is_set_aside_asked_for_again_and_arrives() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
    tree.sync("anna");
    tamper(&tree, "head", "anna", |bytes| *bytes.last_mut().unwrap() ^= 1);
    let report = tree.sync("head");
    assert!(report.applied.is_empty());
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("set aside")), "{:?}", report.waiting);
    assert_eq!(phone(&tree, "head"), "1", "nothing of it was acted on");
    tree.settle(&["anna", "head"]);
    assert_eq!(phone(&tree, "head"), "new");
    let aside: Vec<_> = std::fs::read_dir(tree.home("head").join(".fieldpost/quarantine")).unwrap().collect();
    assert_eq!(aside.len(), 2, "the file and its reason");
}

#[test]
fn a_half_copied_packet_waits_and_is_said() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
    tree.sync("anna");
    tamper(&tree, "head", "anna", |bytes| bytes.truncate(bytes.len() / 2));
    let report = tree.sync("head");
    assert!(report.applied.is_empty());
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("still being copied")), "{:?}", report.waiting);
    tree.tick(Limits::default().redeposit_millis);
    tree.settle(&["anna", "head"]);
    assert_eq!(phone(&tree, "head"), "new");
}

#[test]
fn a_lost_packet_is_asked_for_when_a_later_one_comes() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'lost' WHERE id = 'ACME'");
    tree.sync("anna");
    let lost = lying(&tree, "head", "anna").remove(0);
    let folder = Folder::between(&name("head"), &name("anna"));
    let world = tree.world("thief");
    fieldpost::exchange::Exchange::delete(&mut tree.exchange.clone(), &world, &folder, &FileName::new(&lost).unwrap()).unwrap();
    tree.edit("anna", "UPDATE customers SET phone = 'later' WHERE id = 'ACME'");
    tree.sync("anna");
    let report = tree.sync("head");
    assert!(report.applied.is_empty() && report.waiting.iter().any(|waiting| waiting.why.contains("asked for")), "{:?}", report.waiting);
    tree.settle(&["anna", "head"]);
    assert_eq!(phone(&tree, "head"), "later");
    assert!(lying(&tree, "head", "anna").is_empty());
}

#[test]
fn a_repeated_packet_takes_effect_once() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'once' WHERE id = 'ACME'");
    tree.sync("anna");
    let copy = tree.exchange.everything();
    tree.sync("head");
    tree.edit("head", "UPDATE customers SET phone = 'after' WHERE id = 'ACME'");
    let folder = Folder::between(&name("head"), &name("anna"));
    for (path, bytes) in copy {
        let Some(file) = path.strip_prefix("head/anna/") else { continue };
        let content = fieldpost::exchange::Content::Bytes(&bytes);
        fieldpost::exchange::Exchange::put(&mut tree.exchange.clone(), &tree.world("x"), &folder, &FileName::new(file).unwrap(), content)
            .unwrap();
    }
    let report = tree.sync("head");
    assert!(report.applied.is_empty());
    tree.settle(&["anna", "head"]);
    assert_eq!((phone(&tree, "head"), phone(&tree, "anna")), ("after".into(), "after".into()));
}

#[test]
fn a_packet_of_somebody_else_under_our_name_is_set_aside() {
    let tree = two();
    tree.add("head", "eve", Role::Remote);
    tree.settle(&["eve", "head", "anna"]);
    tree.edit("eve", "UPDATE customers SET phone = 'eve' WHERE id = 'ACME'");
    tree.sync("eve");
    let forged = tree.exchange.everything().into_iter().find(|(path, _)| path.starts_with("head/eve/")).unwrap();
    let file = forged.0.strip_prefix("head/eve/").unwrap();
    let folder = Folder::between(&name("head"), &name("anna"));
    let content = fieldpost::exchange::Content::Bytes(&forged.1);
    fieldpost::exchange::Exchange::put(&mut tree.exchange.clone(), &tree.world("x"), &folder, &FileName::new(file).unwrap(), content)
        .unwrap();
    let report = tree.sync("head");
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("set aside")), "{:?}", report.waiting);
    tree.settle(&["eve", "head", "anna"]);
    tree.assert_same(&["head", "anna", "eve"]);
}

#[test]
fn a_packet_that_is_no_better_the_second_time_wants_a_person() {
    let tree = two();
    let settings = tree.home("anna").join("fieldpost.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace("name = \"anna\"", "name = \"ann\"")).unwrap();
    assert!(matches!(open(&tree, "anna"), Err(SyncError::OtherName { .. })), "nobody knows it by that name");
    std::fs::write(&settings, text).unwrap();

    tree.edit("anna", "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
    let key = tree.home("anna").join(".fieldpost/keys");
    copy_folder(&key, &tree.home("kept"));
    std::fs::remove_dir_all(&key).unwrap();
    tree.add("head", "eve", Role::Remote);
    copy_folder(&tree.home("eve").join(".fieldpost/keys"), &key);
    tree.sync("anna");
    let waits = |report: &fieldpost::sync::report::Report| {
        report.waiting.iter().any(|waiting| waiting.why.contains("set aside") && !waiting.retried)
    };
    assert!(!waits(&tree.sync("head")), "it may have been damaged on the way");
    tree.tick(2 * 60 * 60 * 1000);
    tree.sync("anna");
    assert!(waits(&tree.sync("head")), "the same once more: nothing mends it but a person");
}

/// The next packet of a child for its parent, sealed with its keys, with one line of changes that its program got wrong.
fn broken_packet(tree: &Tree, from: &str) {
    let scratch = tree.folder.path().join("broken");
    std::fs::create_dir(&scratch).unwrap();
    let sender = tree.session(from);
    let parent = sender.ledger.parent().unwrap().unwrap();
    let id = |text: &Option<String>| PacketId::try_from(text.clone().unwrap()).unwrap();
    let draft = Draft {
        kind: PacketKind::Changes,
        from: name(from),
        to: parent.card.name.clone(),
        stream: parent.stream_out,
        number: parent.sent.next(),
        previous: Some(id(&parent.sent_id)),
        sent: sender.world.now(),
        requires: Vec::new(),
        acknowledges: None,
        settled: None,
        more: false,
        asks: Vec::new(),
        stopped: false,
        sender: None,
        parts: vec![Part {
            name: "changes/0001.jsonl".into(),
            source: PartSource::Bytes(b"{\"table\":\"customers\",\"key\":[\"id\",\"id\"]}\n".into()),
        }],
    };
    let recipient = fieldpost::keys::SealingRecipient::parse(&parent.card.sealing).unwrap();
    let file = scratch.join("packet");
    let sealed = seal(&sender.world, &draft, &sender.signing, &[recipient], &file, &scratch).unwrap();
    let folder = Folder::between(&parent.card.name, &name(from));
    let packet = FileName::new(&sealed.name.to_string()).unwrap();
    tree.exchange.clone().put(&tree.world(from), &folder, &packet, Content::File(&file)).unwrap();
}

#[test]
fn a_packet_that_a_broken_program_made_holds_up_nobody_but_its_sender() {
    let tree = two();
    tree.add("head", "bob", Role::Remote);
    tree.settle(&["bob", "anna", "head"]);
    broken_packet(&tree, "anna");
    tree.edit("bob", "UPDATE customers SET phone = 'bob' WHERE id = 'ACME'");
    tree.sync("bob");
    for _ in 0..2 {
        let report = tree.sync("head");
        let why: Vec<&str> = report.waiting.iter().filter(|one| !one.retried).map(|one| one.why.as_str()).collect();
        assert!(why.len() == 1 && why[0].starts_with("line 1: "), "{:?}", report.waiting);
    }
    assert_eq!(phone(&tree, "head"), "bob");
}

#[test]
fn a_restored_database_stops_the_site_before_anything_is_sent() {
    let tree = two();
    let database = tree.home("anna").join("shop.db");
    let backup = tree.home("anna").join("backup.db");
    tree.application("anna").execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    tree.edit("anna", "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", database.display())));
    }
    std::fs::copy(&backup, &database).unwrap();
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
}

#[test]
fn a_restored_database_is_noticed_although_as_much_was_edited_in_it_since() {
    let tree = two();
    let database = tree.home("anna").join("shop.db");
    let backup = tree.home("anna").join("backup.db");
    tree.edit("anna", "UPDATE customers SET phone = 'first' WHERE id = 'ACME'");
    tree.settle(&["anna", "head"]);
    tree.application("anna").execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(&database, &backup).unwrap();
    tree.edit("anna", "UPDATE customers SET phone = 'second' WHERE id = 'ACME'");
    // Only sealed and sent: no packet that was applied tells the two files apart.
    tree.half("anna", round::Halves::Send);
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", database.display())));
    }
    std::fs::copy(&backup, &database).unwrap();
    for phone in ["third", "fourth", "fifth"] {
        tree.edit("anna", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'BOLT'"));
        assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)), "{phone}");
    }
}

#[test]
fn a_database_that_is_restored_while_a_run_is_under_way_ends_that_run() {
    for (applied, after_a_seal) in [(true, true), (false, true), (true, false), (false, false)] {
        let tree = two();
        let mut backup = rusqlite::Connection::open_in_memory().unwrap();
        copy_database(&tree.application("anna"), &mut backup);
        // Either a packet was applied since, which the database counts, or only edits were sealed, which the logs tell.
        let (writer, phone) = if applied { ("head", "far") } else { ("anna", "near") };
        tree.edit(
            writer,
            &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'; INSERT INTO customers VALUES ('NEW', 'New', '3')"),
        );
        tree.settle(&["anna", "head"]);
        let session = open(&tree, "anna").unwrap();
        if after_a_seal {
            fieldpost::sync::seal::seal(&session).unwrap();
        }
        copy_database(&backup, &mut tree.application("anna"));
        assert!(matches!(fieldpost::sync::seal::seal(&session), Err(SyncError::DatabaseRestored)), "{phone}");
        drop(session);
        assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)), "{phone}");
        // Nor was it said in that database that it is the newest one: what is old in it would be taken for typed.
        let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
        let done = recover(tree.world("anna"), home, tree.limits.clone(), Mode::Do).unwrap().unwrap();
        assert!(done.tables.iter().all(|table| table.kept.is_empty()), "{done:?}");
        tree.settle(&["anna", "head"]);
        tree.assert_rows(&["anna", "head"], "SELECT phone FROM customers WHERE id IN ('ACME', 'NEW') ORDER BY id", &[phone, "3"]);
    }
}

/// In place, as a program restores a backup into a database that others have open.
fn copy_database(from: &rusqlite::Connection, to: &mut rusqlite::Connection) {
    rusqlite::backup::Backup::new(from, to).unwrap().run_to_completion(1_000, std::time::Duration::ZERO, None).unwrap();
}

#[test]
fn a_restored_home_is_noticed_where_only_edits_were_sent_since() {
    let tree = two();
    copy_folder(&tree.home("anna").join(".fieldpost"), &tree.home("old"));
    for phone in ["1", "2"] {
        tree.edit("anna", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
        tree.half("anna", round::Halves::Send);
    }
    tree.edit("anna", "UPDATE customers SET phone = '3' WHERE id = 'ACME'");
    std::fs::remove_dir_all(tree.home("anna").join(".fieldpost")).unwrap();
    copy_folder(&tree.home("old"), &tree.home("anna").join(".fieldpost"));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::StateRestored)));
}

#[test]
fn a_restored_home_stops_the_site_before_anything_is_sent() {
    let tree = two();
    copy_folder(&tree.home("anna").join(".fieldpost"), &tree.home("old"));
    tree.edit("head", "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    tree.edit("head", "UPDATE customers SET phone = 'newer' WHERE id = 'ACME'");
    tree.settle(&["head", "anna"]);
    std::fs::remove_dir_all(tree.home("anna").join(".fieldpost")).unwrap();
    copy_folder(&tree.home("old"), &tree.home("anna").join(".fieldpost"));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::StateRestored)));
}

#[test]
fn another_database_in_the_place_of_ours_is_noticed() {
    let tree = two();
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["ben", "head"]);
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (format!("shop.db{suffix}"), tree.home("anna").join(format!("shop.db{suffix}")));
        drop(std::fs::remove_file(&to));
        drop(std::fs::copy(tree.home("ben").join(from), to));
    }
    assert!(matches!(open(&tree, "anna"), Err(SyncError::OtherPair)));
}

#[test]
fn triggers_that_a_migration_dropped_are_put_back_and_what_was_missed_is_found() {
    let tree = two();
    tree.edit(
        "anna",
        "
        CREATE TABLE remade (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
        INSERT INTO remade SELECT id, name, 'remade' FROM customers;
        DROP TABLE customers; ALTER TABLE remade RENAME TO customers;
        INSERT INTO customers VALUES ('NEW', 'New', '3'); DELETE FROM customers WHERE id = 'BOLT';",
    );
    let report = tree.sync("anna");
    assert_eq!((report.rearmed.as_slice(), report.found), (["customers".to_owned()].as_slice(), 3));
    tree.edit("anna", "UPDATE customers SET name = 'Noted again' WHERE id = 'NEW'");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(
        tree.text("head", "SELECT group_concat(id || name) FROM (SELECT * FROM customers ORDER BY id)"),
        "ACMEAcme Ltd,NEWNoted again"
    );
}

#[test]
fn a_trigger_that_ends_a_statement_before_ours_hides_no_edit() {
    let tree = two();
    tree.edit("head", "CREATE TRIGGER dear AFTER UPDATE ON customers WHEN NEW.phone > '9' BEGIN SELECT RAISE(IGNORE); END");
    tree.edit("head", "UPDATE customers SET phone = '91' WHERE id = 'ACME'");
    let report = tree.sync("head");
    assert_eq!((report.found, report.rearmed.len()), (1, 0), "found by comparing");
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    for (site, phone) in [("head", "92"), ("anna", "93")] {
        tree.edit(site, &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'BOLT'"));
        assert_eq!(tree.sync(site).found, 0, "{site}: noted");
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
        assert_eq!(tree.text("head", "SELECT phone FROM customers WHERE id = 'BOLT'"), phone);
    }
}

#[test]
fn everything_again_on_request_changes_nothing_where_all_is_well() {
    let tree = two();
    round::full(&tree.session("anna")).unwrap();
    tree.settle(&["anna", "head"]);
    tree.assert_same(&["head", "anna"]);
    let session = tree.session("anna");
    let parent = session.ledger.parent().unwrap().unwrap();
    let packets = session.ledger.all_packets(parent.site).unwrap();
    assert_eq!(packets.iter().filter(|packet| packet.changes == 2).count(), 2, "the snapshot came twice");
    assert_eq!(tree.session("head").ledger.last_conflict().unwrap(), 0);
}

#[test]
fn large_change_sets_travel_as_several_packets_and_in_slices() {
    let mut tree = two();
    tree.limits = Limits { packet_bytes: 4_000, slice_changes: 7, ..Limits::default() };
    tree.edit(
        "anna",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
        INSERT INTO customers SELECT 'C' || i, 'Customer ' || i, i FROM n",
    );
    let report = tree.sync("anna");
    assert!(report.built.len() > 3, "{:?}", report.built);
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(tree.text("head", "SELECT count(*) || '' FROM customers"), "502");
}

fn open(tree: &Tree, site: &str) -> Result<Session, SyncError> {
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    Session::open(tree.world(site), home, tree.limits.clone())
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn what_was_missed_is_found_also_when_the_run_that_noticed_it_dies() {
    for kill in 1.. {
        let tree = two();
        tree.edit(
            "anna",
            "CREATE TABLE remade (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
             INSERT INTO remade SELECT id, name, 'missed' FROM customers; DROP TABLE customers; ALTER TABLE remade RENAME TO customers;
             DROP TABLE _fieldpost_log_customers;",
        );
        let home = Home::discover(Some(&tree.home("anna")), &tree.home("anna")).unwrap();
        let mortal = tree.world("anna");
        mortal.faults().kill_before(Some(kill));
        let died = Session::open(mortal, home, tree.limits.clone()).is_err();
        tree.settle(&["anna", "head"]);
        tree.assert_same(&["head", "anna"]);
        assert_eq!(tree.text("head", "SELECT group_concat(DISTINCT phone) FROM customers"), "missed", "step {kill}");
        if !died {
            return;
        }
    }
}

#[test]
fn a_new_column_and_a_new_table_are_said_not_skipped_in_silence() {
    let tree = two();
    tree.edit(
        "head",
        "ALTER TABLE customers ADD COLUMN vat TEXT; CREATE TABLE extra (id TEXT PRIMARY KEY); UPDATE customers SET vat = 'x', phone = '7'",
    );
    let notes = tree.sync("head").notes;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("`vat`") && notes[1].contains("`extra`") || notes[1].contains("`vat`"), "{notes:?}");
    tree.settle(&["anna", "head"]);
    assert_eq!(phone(&tree, "anna"), "7");
}

#[test]
fn a_site_with_nothing_to_tell_gives_a_sign_of_life_once_a_day_and_nobody_answers_it() {
    let tree = two();
    let day = fieldpost::site::Settings::HEARTBEAT;
    tree.tick(day / 2);
    assert!(tree.sync("anna").built.is_empty(), "half a day is no reason");
    tree.tick(day / 2);
    assert_eq!(tree.sync("anna").built.len(), 1);
    assert!(tree.sync("anna").built.is_empty(), "one is enough");
    // The head's own day is over too; that packet answers nothing, it would have gone anyway.
    assert_eq!(tree.sync("head").built.len(), 1);
    for site in ["anna", "head", "anna", "head"] {
        assert!(tree.sync(site).built.is_empty(), "{site} answers a sign of life");
    }
}

#[test]
fn rules_of_a_newer_version_stop_the_stream_that_brings_them_and_nothing_else() {
    let tree = Tree::new(SCHEMA);
    let all = ["head", "north", "anna"];
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&all);
    // What a newer version may write, told on by the office between.
    tree.edit("north", "UPDATE customers SET phone = 'with the rules' WHERE id = 'ACME'");
    let session = &mut tree.session("north");
    let known = session.ledger.note("rules").unwrap();
    let note = |session: &Session, text: &str| {
        session.ledger.begin().unwrap();
        session.ledger.set_note("rules", text).unwrap();
        session.ledger.commit(&session.world, "commit note").unwrap();
    };
    note(session, "telepathy = true\n");
    round::run(session, &mut [&mut tree.exchange.clone()], round::Halves::Send, &mut |_| {}).unwrap();
    note(session, known.as_deref().unwrap_or_default());
    tree.edit("anna", "UPDATE customers SET name = 'still on its way' WHERE id = 'BOLT'");
    for _ in 0..2 {
        let report = tree.sync("anna");
        let why: Vec<&str> = report.waiting.iter().map(|waiting| waiting.why.as_str()).collect();
        assert!(why.iter().any(|why| why.contains("telepathy") && why.contains("install the newest")), "{why:?}");
        assert_eq!(phone(&tree, "anna"), "1", "nothing of it was acted on");
    }
    tree.settle(&["head", "north"]);
    assert_eq!(tree.text("head", "SELECT name FROM customers WHERE id = 'BOLT'"), "still on its way");
}
