//! Lost and repeated packets, and death before every durable step: documents arrive whole, once, and nothing goes.

use fieldpost::exchange::Unruly;

use crate::folders::{SITES, library, noise};
use crate::support::Tree;

/// Edits of every kind at all sites.
fn edit_everywhere(tree: &Tree, large: &[u8]) {
    tree.write("head", "large", large);
    tree.write("head", "both", "of head");
    tree.write("anna", "both", "of anna");
    tree.rename("north", "moved", "to/moved");
    tree.delete("anna", "gone");
    tree.write("anna", "from anna", "x");
}

fn beginning() -> (Tree, Vec<u8>) {
    let tree = library("");
    let mut large = noise(600_000, 21);
    tree.write("head", "large", &large);
    for path in ["both", "moved", "gone", "kept 1", "kept 2", "kept 3"] {
        tree.write("head", path, path);
    }
    tree.settle(&SITES);
    large.splice(300_000..300_010, noise(500, 22));
    (tree, large)
}

fn check(tree: &Tree, large: &[u8], what: &str) {
    for site in SITES {
        let folder = tree.folder(site);
        let names: Vec<&str> = folder.keys().map(String::as_str).collect();
        let expected = ["both", "both (anna 2023-11-14)", "from anna", "kept 1", "kept 2", "kept 3", "large", "to/moved"];
        assert_eq!(names, expected, "{what}: at {site}");
        assert!(folder["large"] == large, "{what}: at {site}");
        assert_eq!(folder["both"], b"of head", "{what}: at {site}");
        assert_eq!(folder["both (anna 2023-11-14)"], b"of anna", "{what}: at {site}");
        assert_eq!(folder["to/moved"], b"moved", "{what}: at {site}");
        assert_eq!(folder["from anna"], b"x", "{what}: at {site}");
    }
    tree.assert_same(&SITES);
}

#[test]
fn a_round_that_dies_before_any_durable_step_is_done_by_the_next() {
    // Every site in turn dies at every seventh step, from another one on each time: each step has its own test at its own floor.
    for (at, site) in SITES.into_iter().enumerate() {
        let mut kill = 1 + at as u64;
        loop {
            let (tree, large) = beginning();
            edit_everywhere(&tree, &large);
            let mut died = None;
            // In the first round of the site it looks and sends, in the second what came is placed.
            for _ in 0..2 {
                for other in SITES {
                    if other == site {
                        died = died.or(tree.sync_dying(site, kill));
                    } else {
                        tree.sync(other);
                    }
                }
            }
            // What was made and not put on the exchange yet counts for no news.
            tree.sync(site);
            tree.settle(&SITES);
            check(&tree, &large, &format!("{site} died before step {kill}, {died:?}"));
            if died.is_none() {
                break;
            }
            kill += 7;
        }
        assert!(kill > 20, "{site} took only {kill} steps");
    }
}

#[test]
fn lost_late_and_repeated_packets_change_nothing() {
    for seed in 0..4 {
        let (tree, large) = beginning();
        edit_everywhere(&tree, &large);
        tree.exchange.behave(Unruly::stormy(seed));
        for _ in 0..6 {
            tree.tick(2 * 60 * 60 * 1000);
            for site in SITES {
                tree.sync(site);
            }
        }
        tree.exchange.behave(Unruly::calm());
        // What is missing is asked for, and what is unacknowledged put there again, once an hour has gone.
        for _ in 0..4 {
            tree.tick(2 * 60 * 60 * 1000);
            for site in SITES {
                tree.sync(site);
            }
        }
        tree.settle(&SITES);
        check(&tree, &large, &format!("seed {seed}"));
    }
}
