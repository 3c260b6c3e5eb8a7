//! 20,000 edits of a child, of 100,000 records with 21 columns, applied at the parent without rules and with many: what deciding by
//! rules costs, where nothing and where every twentieth edit conflicts.
//!
//! `cargo bench --bench deciding`.

mod support;

use fieldpost::sync::round::Halves;
use support::{Goal, Keys, Samples, Sites, connect, edit, report, scattered, timed, wanted};

const RECORDS: u64 = 100_000;
const CHANGED: u64 = 20_000;
const ROUNDS: u64 = 15;

/// Every edit touches a group and a field that is merged, and meets what is fixed, required and owned.
const RULES: &str = r#"
default = ["site-priority", "newest"]

[sites]
priority = ["head", "south"]

[tables.contact]
conflict = ["owner", "site-priority", "newest"]
owner = "CASE f04 % 3 WHEN 0 THEN 'head' WHEN 1 THEN 'south' END"
groups = [["f01", "f02", "f03"], ["f07", "f08"]]
fixed = ["f12"]
required = ["f13"]
deletes = "origin-only"
ready_when = "f10 IS NOT NULL"

[tables.contact.fields]
f09 = "text"
f14 = { union = ";" }
f17 = ["sum", "owner", "newest"]

[references]
"contact.f13" = "company"
"#;

/// Which edits of a round meet one of the parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conflicts {
    None,
    /// Every twentieth.
    Some,
}

fn main() {
    for keys in Keys::BOTH.into_iter().filter(|keys| wanted(keys.word())) {
        measure(keys);
    }
}

fn measure(keys: Keys) {
    println!("\n{CHANGED} edits of {RECORDS} records, {}", keys.word());
    let both = ["", RULES].map(|rules| Sites::both_ruled(keys, RECORDS, "wal", rules));
    let numbers = scattered(CHANGED, RECORDS);
    for conflicts in [Conflicts::None, Conflicts::Some] {
        let mut samples = [Samples::default(), Samples::default()];
        // The first round warms up; turns change so that neither is always the second.
        for round in 0..=ROUNDS {
            for place in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                let taken = one_round(&both[place], &numbers, conflicts, round);
                samples[place].0.extend((round > 0).then_some(taken));
            }
        }
        let [plain, ruled] = &samples;
        for (what, samples) in [("without rules", plain), ("with rules", ruled)] {
            println!("  {what:<16} {:>6.0} ms user+system, {:>6.0} ms wall", samples.cpu() * 1e3, samples.wall() * 1e3);
        }
        let what = match conflicts {
            Conflicts::None => "nothing conflicts: deciding costs % of applying",
            Conflicts::Some => "every twentieth edit conflicts: deciding costs % of applying",
        };
        // Each round against the one beside it: what the machine does meanwhile falls on both.
        let ratio = support::median(plain.0.iter().zip(&ruled.0).map(|(plain, ruled)| ruled.cpu / plain.cpu));
        report(what, (ratio - 1.0) * 100.0, " %", Goal::AtMost(5.0));
    }
}

/// The parent edits where that makes conflicts, the child edits and sends; what applying takes the parent.
fn one_round(sites: &Sites, numbers: &[u64], conflicts: Conflicts, round: u64) -> support::Taken {
    let version = 1 + 4 * round + if conflicts == Conflicts::Some { 2 } else { 0 };
    // The child is later: without rules its edit is written, with them the sum is.
    if conflicts == Conflicts::Some {
        let some: Vec<u64> = numbers.iter().copied().step_by(20).collect();
        edit(&connect(&sites.database("head")), sites.keys, &some, version + 1);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    edit(&connect(&sites.database("south")), sites.keys, numbers, version);
    sites.run(&mut sites.session("south"), Halves::Send);
    let mut head = sites.session("head");
    let (taken, applied) = timed(|| sites.run(&mut head, Halves::Receive));
    drop(head);
    assert_eq!(applied.applied.iter().map(|packet| packet.tally.changes).sum::<u64>(), CHANGED);
    let listed: usize = applied.applied.iter().map(|packet| packet.tally.conflicts.len()).sum();
    assert_eq!(listed > 0, conflicts == Conflicts::Some, "{listed} conflicts");
    sites.settle();
    taken
}
