//! What does somebody see who types the commands in a home that has lost its state or its keys?

use super::*;

/// Triggers and tables of ours in the database of a site.
fn traces(office: &Office, site: &str) -> i64 {
    let database = Connection::open(office.path(site).join("shop.db")).unwrap();
    let ours = "SELECT count(*) FROM sqlite_schema WHERE type <> 'index' AND name LIKE '%fieldpost%'";
    database.query_row(ours, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_home_that_lost_its_state_or_keys_says_so_and_can_be_taken_apart() {
    for lost in ["state.db", "keys", ""] {
        let office = two();
        for site in ["anna", "head"] {
            office.sql(site, "UPDATE customers SET phone = 'unsent' WHERE id = 'ACME'");
            let inside = office.path(site).join(".fieldpost");
            for name in [lost.to_owned(), format!("{lost}-wal"), format!("{lost}-shm")] {
                let path = inside.join(name);
                if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { drop(std::fs::remove_file(path)) }
            }
            let before = office.everything();
            let next = format!("'fieldpost --home {site} {}'", if site == "head" { "init" } else { "join" });
            for command in ["sync", "sync --dry-run", "status", "digest", "verify", "recover", "held", "exchange", "detach"] {
                let refused = exit(&office, &format!("{command} --home {site}"), 1).err;
                let refused = refused.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(refused.contains(&format!("/{site}` has lost ")), "{lost} {command}: {refused}");
                for words in ["from a backup", &format!("'fieldpost --home {site} detach --force'"), &next] {
                    assert!(refused.contains(words), "{lost} {command}: {words}: {refused}");
                }
                assert_eq!(refused.contains("this is the main office"), site == "head", "{lost} {command}: {refused}");
            }
            assert!(office.everything() == before && traces(&office, site) > 0, "{lost}: nothing is made and nothing goes");
            office.ok(&format!("service remove --home {site}"));
            assert_eq!(inside.exists(), !lost.is_empty(), "{lost}: what is logged makes no home");
            let gone = office.ok(&format!("detach --force --home {site}")).flat();
            assert!(gone.contains("no longer touches") && gone.contains("what was edited and not sent is in this database only"), "{gone}");
            assert_eq!(traces(&office, site), 0, "{lost}");
            assert!(!office.path(site).join("fieldpost.toml").exists() && !inside.exists(), "{lost}");
        }
        // Nothing stands in the way of beginning anew.
        office.ok("init --home head --name head --database head/shop.db --exchange share");
    }
}

#[test]
fn a_home_whose_state_was_made_anew_is_not_taken_for_one_to_which_no_database_had_come() {
    let office = two();
    let state = office.path("anna/.fieldpost/state.db");
    // An empty file, and one that an earlier version made in place of the lost one.
    for made in [false, true] {
        std::fs::write(&state, "").unwrap();
        if made {
            let name = fieldpost::model::SiteName::new("anna").unwrap();
            drop(fieldpost::ledger::Ledger::open(&fieldpost::world::World::real(), &state, &name).unwrap());
        }
        for command in ["sync", "status", "detach"] {
            let refused = exit(&office, &format!("{command} --home anna"), 1).err;
            assert!(
                refused.contains("has lost its state, .fieldpost/state.db") && !refused.contains("should not happen"),
                "{command}: {refused}"
            );
        }
    }
    office.ok("detach --force --home anna");
    assert_eq!(traces(&office, "anna"), 0);
}

#[test]
fn detaching_looks_into_a_database_that_a_run_which_died_had_just_built() {
    let office = two();
    office.ok("invite bert --home head --out bert.invite");
    office.ok("join bert.invite --home bert --exchange share");
    std::fs::copy(office.path("bert/.fieldpost/state.db"), office.path("state.db")).unwrap();
    for site in ["head", "bert", "head", "bert"] {
        office.ok(&format!("sync --home {site}"));
    }
    std::fs::copy(office.path("state.db"), office.path("bert/.fieldpost/state.db")).unwrap();
    assert!(traces(&office, "bert") > 0);
    let gone = office.ok("detach --home bert").flat();
    assert!(traces(&office, "bert") == 0 && gone.contains("taken out; every record is as it was"), "{gone}");
}
