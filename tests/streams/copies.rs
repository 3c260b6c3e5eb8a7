//! What of a home that exists twice, or that is put back whole? Nobody mixes up its packets, and every copy hears what is to be done.

use fieldpost::exchange::{Content, Exchange, FileName, Folder};
use fieldpost::site::Role;
use fieldpost::sync::report::Report;
use fieldpost::sync::round;
use fieldpost::sync::streams::plan::Stop;
use fieldpost::sync::streams::stops;

use super::support::{Tree, name};
use super::{copy_folder, lying, open, phone, two};

/// Words under which a neighbour's whole stream waits for a person.
fn stopped(report: &Report) -> bool {
    report.waiting.iter().any(|waiting| waiting.what == "everything" && !waiting.retried)
}

#[test]
fn a_cloned_site_is_a_fork_and_stops_only_its_own_stream() {
    let tree = two();
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["ben", "head"]);
    copy_folder(&tree.home("anna"), &tree.home("clone"));
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("clone", "UPDATE customers SET phone = 'clone' WHERE id = 'BOLT'");
    copy_folder(&tree.home("clone"), &tree.home("copy"));
    tree.sync("anna");
    assert!(stopped(&tree.sync("clone")), "what the other one sent lies there still");
    tree.half("head", round::Halves::Receive);
    std::fs::remove_dir_all(tree.home("clone")).unwrap();
    copy_folder(&tree.home("copy"), &tree.home("clone"));
    tree.half("clone", round::Halves::Send);
    let report = tree.sync("head");
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("exists twice")), "{:?}", report.waiting);
    tree.edit("ben", "UPDATE customers SET name = 'Ben was here' WHERE id = 'BOLT'");
    tree.settle(&["ben", "head"]);
    tree.assert_same(&["head", "ben"]);
}

#[test]
fn both_copies_of_a_site_hear_that_nobody_reads_them_and_the_newest_goes_on() {
    let tree = two();
    copy_folder(&tree.home("anna"), &tree.home("clone"));
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.edit("clone", "UPDATE customers SET phone = 'clone' WHERE id = 'BOLT'");
    tree.edit("head", "UPDATE customers SET name = 'untold' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.half("head", round::Halves::Receive);
    tree.half("clone", round::Halves::Send);
    assert!(stopped(&tree.sync("head")));
    // Whoever looks first leaves the word for the others.
    assert!(stopped(&tree.sync("clone")), "the copy is told");
    assert!(stopped(&tree.sync("anna")), "and so is the one that was there first");
    assert!(stopped(&tree.sync("anna")), "in every round");
    let [word] = lying(&tree, "anna", "head").try_into().unwrap();
    // Where one takes it away all the same, it is put there again.
    tree.exchange
        .clone()
        .delete(&tree.world("clone"), &Folder::between(&name("anna"), &name("head")), &FileName::new(&word).unwrap())
        .unwrap();
    tree.tick(2 * 60 * 60 * 1000);
    tree.sync("head");
    assert_eq!(lying(&tree, "anna", "head"), [word]);

    // A person keeps Anna's, and says so at the main office.
    std::fs::remove_dir_all(tree.home("clone")).unwrap();
    let session = open(&tree, "head").unwrap();
    let anna = session.ledger.neighbours().unwrap().into_iter().find(|neighbour| neighbour.card.name == name("anna")).unwrap();
    assert!(stops::go_on(&session, &anna).unwrap().unwrap().contains("exists twice"));
    assert_eq!(stops::go_on(&session, &session.ledger.neighbour(anna.site).unwrap()).unwrap(), None, "once is enough");
    // Where this home is the one that is not the newest, it must not go on.
    session.ledger.begin().unwrap();
    session.ledger.set_problem(anna.site, Some(&Stop::WeWereRestored.to_string())).unwrap();
    session.ledger.commit(&tree.world("head"), "test").unwrap();
    assert!(
        stops::go_on(&session, &session.ledger.neighbour(anna.site).unwrap()).unwrap_err().to_string().contains("cannot go on from here")
    );
    session.ledger.begin().unwrap();
    session.ledger.set_problem(anna.site, None).unwrap();
    session.ledger.commit(&tree.world("head"), "test").unwrap();
    drop(session);
    let report = tree.sync("head");
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("it does not follow")), "{:?}", report.waiting);
    assert!(stopped(&tree.half("head", round::Halves::Receive)), "a person is told until something follows");
    tree.sync("anna");
    assert!(!stopped(&tree.sync("head")), "she has nothing to tell, and lets it know that she goes on");
    tree.edit("anna", "UPDATE customers SET phone = 'anna, later' WHERE id = 'ACME'");
    for _ in 0..4 {
        tree.settle(&["anna", "head"]);
        tree.tick(2 * 60 * 60 * 1000);
    }
    assert!(!stopped(&tree.sync("anna")) && !stopped(&tree.sync("head")));
    tree.assert_same(&["head", "anna"]);
    assert_eq!(lying(&tree, "anna", "head"), Vec::<String>::new(), "nobody needs the word any more");
    assert_eq!(
        (phone(&tree, "head").as_str(), tree.text("anna", "SELECT name FROM customers WHERE id = 'ACME'").as_str()),
        ("anna, later", "untold")
    );
}

#[test]
fn a_clone_that_meets_answers_to_packets_it_never_sent_stops_by_itself() {
    let tree = two();
    copy_folder(&tree.home("anna"), &tree.home("clone"));
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.sync("head");
    tree.edit("clone", "UPDATE customers SET phone = 'clone' WHERE id = 'BOLT'");
    let report = tree.sync("clone");
    assert!(report.built.is_empty(), "{:?}", report.built);
    assert!(report.waiting.iter().any(|waiting| waiting.why.contains("restored from a backup")), "{:?}", report.waiting);
}

/// Puts the home of a site back, database and all, as `copy_folder` kept it.
fn put_back(tree: &Tree, site: &str, kept: &str) {
    std::fs::remove_dir_all(tree.home(site)).unwrap();
    copy_folder(&tree.home(kept), &tree.home(site));
}

#[test]
fn a_whole_home_that_is_put_back_stops_where_packets_lie_that_it_sent_since() {
    for (site, other) in [("anna", "head"), ("head", "anna")] {
        for typed in [false, true] {
            let tree = two();
            copy_folder(&tree.home(site), &tree.home("old"));
            // It only receives something, and sends no more than word of that.
            tree.edit(other, "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
            tree.sync(other);
            tree.sync(site);
            let word = lying(&tree, other, site);
            assert_eq!((word.len(), phone(&tree, site).as_str()), (1, "new"));
            put_back(&tree, site, "old");
            if typed {
                tree.edit(site, "UPDATE customers SET name = 'typed' WHERE id = 'BOLT'");
            }
            for round in 0..2 {
                let report = tree.sync(site);
                assert!(report.built.is_empty() && report.deposited.is_empty(), "{site}: {report:?}");
                let said = report.waiting.iter().any(|waiting| waiting.why.contains("packets of ours lie for it") && !waiting.retried);
                assert!(said, "{site}, round {round}: {:?}", report.waiting);
                assert!(lying(&tree, other, site).is_empty() == (round == 1), "it is the only one there");
                tree.sync(other);
            }
        }
    }
}

#[test]
fn a_whole_home_that_is_put_back_stops_also_where_it_made_other_packets_before_it_saw_the_exchange() {
    let tree = two();
    copy_folder(&tree.home("anna"), &tree.home("old"));
    tree.edit("anna", "UPDATE customers SET phone = 'sent' WHERE id = 'ACME'");
    tree.sync("anna");
    let sent = lying(&tree, "head", "anna");
    put_back(&tree, "anna", "old");
    tree.edit("anna", "UPDATE customers SET name = 'typed' WHERE id = 'BOLT'");
    round::run(&mut tree.session("anna"), &mut [], round::Halves::Both, &mut |_| {}).unwrap();
    let report = tree.sync("anna");
    assert!(stopped(&report) && report.deposited.is_empty(), "{report:?}");
    assert_eq!(lying(&tree, "head", "anna"), sent);
}

#[test]
fn the_newest_home_cannot_go_on_where_packets_of_another_copy_were_taken_and_both_ends_say_so() {
    let tree = two();
    copy_folder(&tree.home("anna"), &tree.home("old"));
    tree.edit("anna", "UPDATE customers SET phone = 'newest' WHERE id = 'ACME'");
    // The exchange was away: nothing lies there that would tell the older home.
    round::run(&mut tree.session("anna"), &mut [], round::Halves::Both, &mut |_| {}).unwrap();
    copy_folder(&tree.home("anna"), &tree.home("newest"));
    put_back(&tree, "anna", "old");
    tree.edit("anna", "UPDATE customers SET name = 'older' WHERE id = 'BOLT'");
    tree.sync("anna");
    tree.half("head", round::Halves::Receive);
    put_back(&tree, "anna", "newest");
    tree.sync("anna");
    assert!(stopped(&tree.sync("head")));
    let session = open(&tree, "head").unwrap();
    let [anna] = session.ledger.neighbours().unwrap().try_into().unwrap();
    assert!(stops::go_on(&session, &anna).unwrap().unwrap().contains("'fieldpost recover --neighbour anna'"));
    drop(session);
    let why = |report: &Report| {
        report.waiting.iter().filter(|waiting| waiting.what == "everything").map(|waiting| waiting.why.clone()).collect::<String>()
    };
    for _ in 0..3 {
        let (at_head, at_anna) = (why(&tree.sync("head")), why(&tree.sync("anna")));
        assert!(at_head.contains("packet 3 was set aside") && at_head.contains("it cannot go on: invite it anew"), "{at_head}");
        assert!(at_anna.contains("or these are the newest, have this site invited anew"), "{at_anna}");
    }
    let session = open(&tree, "head").unwrap();
    let [anna] = session.ledger.neighbours().unwrap().try_into().unwrap();
    assert_eq!(stops::problem(&session, &anna).unwrap(), Some(why(&tree.sync("head"))), "so the status says");
}

#[test]
fn the_home_that_is_to_go_on_goes_on_also_where_the_other_copy_had_got_further() {
    let tree = two();
    copy_folder(&tree.home("anna"), &tree.home("clone"));
    tree.edit("anna", "UPDATE customers SET phone = 'anna' WHERE id = 'ACME'");
    tree.sync("anna");
    tree.half("head", round::Halves::Receive);
    for number in ["1", "2"] {
        tree.edit("clone", &format!("UPDATE customers SET phone = '{number}' WHERE id = 'BOLT'"));
        tree.half("clone", round::Halves::Send);
    }
    assert!(stopped(&tree.sync("head")));
    tree.edit("anna", "UPDATE customers SET phone = 'anna, later' WHERE id = 'ACME'");
    assert!(
        stopped(&tree.sync("anna")) && lying(&tree, "head", "anna").len() == 2,
        "she makes no third one under the number of the second"
    );
    let session = open(&tree, "head").unwrap();
    let [anna] = session.ledger.neighbours().unwrap().try_into().unwrap();
    stops::go_on(&session, &anna).unwrap().unwrap();
    drop(session);
    for _ in 0..3 {
        tree.sync("head");
        tree.sync("anna");
    }
    assert!(!stopped(&tree.sync("head")) && !stopped(&tree.sync("anna")));
    tree.assert_same(&["head", "anna"]);
    assert_eq!(phone(&tree, "head"), "anna, later");
}

#[test]
fn what_somebody_else_puts_beside_our_packets_is_no_packet_of_ours() {
    let tree = two();
    tree.edit("anna", "UPDATE customers SET phone = 'new' WHERE id = 'ACME'");
    tree.sync("anna");
    let folder = Folder::between(&name("head"), &name("anna"));
    let ours = lying(&tree, "head", "anna").remove(0);
    let whole = tree.exchange.everything()[&format!("head/anna/{ours}")].to_vec();
    let [stream, _, rest] = ours.splitn(3, '-').collect::<Vec<_>>().try_into().unwrap();
    // A copy of one of ours under a later number, and something that is no packet at all.
    let no_packet: String = format!("{stream}-98-3-{}.fpk", &blake3::hash(b"abc").to_hex()[..32]);
    for (file, bytes) in [(format!("{stream}-99-{rest}"), &*whole), (no_packet, b"abc")] {
        tree.exchange.clone().put(&tree.world("x"), &folder, &FileName::new(&file).unwrap(), Content::Bytes(bytes)).unwrap();
    }
    tree.edit("anna", "UPDATE customers SET name = 'newer' WHERE id = 'BOLT'");
    let report = tree.sync("anna");
    assert!(report.waiting.is_empty() && report.deposited.len() == 1, "{report:?}");
    tree.settle(&["head", "anna"]);
    tree.assert_same(&["head", "anna"]);
    assert_eq!(phone(&tree, "head"), "new");
}

#[test]
fn a_main_office_from_an_older_backup_says_what_each_end_can_do_and_goes_on_when_its_newest_home_is_back() {
    let tree = two();
    let (head, old, newest) = (tree.home("head"), tree.home("old"), tree.home("newest"));
    copy_folder(&head, &old);
    let round_of_anna = |phone: &str| {
        tree.edit("anna", &format!("UPDATE customers SET phone = '{phone}' WHERE id = 'ACME'"));
        tree.settle(&["anna", "head"]);
    };
    round_of_anna("sent after the backup");
    std::fs::rename(&head, &newest).unwrap();
    copy_folder(&old, &head);
    tree.edit("head", "UPDATE customers SET name = 'Typed after the backup' WHERE id = 'BOLT'");
    tree.edit("anna", "UPDATE customers SET phone = 'meanwhile' WHERE id = 'ACME'");
    let (mut at_head, mut at_anna) = (String::new(), String::new());
    let said = |report: Report| report.waiting.into_iter().map(|waiting| waiting.why + "\n").collect::<String>();
    for _ in 0..3 {
        at_anna = said(tree.sync("anna"));
        at_head = said(tree.sync("head"));
    }
    assert!(at_head.contains("invite every site that is named like this anew") && !at_head.contains("have this site invited"), "{at_head}");
    assert_eq!(at_anna, "", "nothing is wrong here");

    std::fs::remove_dir_all(&head).unwrap();
    std::fs::rename(&newest, &head).unwrap();
    let session = open(&tree, "anna").unwrap();
    assert_eq!(session.ledger.parent().unwrap().unwrap().problem, None, "the old home told nobody anything");
    drop(session);
    for _ in 0..3 {
        tree.settle(&["anna", "head"]);
        tree.tick(2 * 60 * 60 * 1000);
    }
    assert_eq!((said(tree.sync("anna")), said(tree.sync("head"))), (String::new(), String::new()));
    tree.assert_same(&["head", "anna"]);
    assert_eq!(phone(&tree, "head"), "meanwhile");
}
