//! Does anything remain that nobody needs, once all is quiet and everybody knows it? `DESIGN` section 4, rule 13.
//!
//! Looks into the state files themselves: what forgetting thinks of it is not asked.

use fieldpost::ledger::LedgerError;
use fieldpost::model::Identity;
use fieldpost::sync::{Session, forget::Forgotten};
use rusqlite::Connection;

use super::Simulation;
use super::history::Halves;
use super::sites::Stopped;

/// Exchanges of acknowledgements after which every site knows that the others know: two per level, there and back.
const EXCHANGES: usize = 6;
/// Rounds until all that can be forgotten is.
const MOST_ROUNDS: usize = 12;
/// Packets of one stream that may be left: what is acknowledged is settled two packets later.
const PACKETS: i64 = 4;

impl Simulation {
    /// Lets the sites hear of each other that all is settled, forgets, and looks at what is left.
    pub(super) fn leftovers(&mut self) {
        self.say("-- all is settled".into());
        for _ in 0..EXCHANGES {
            for site in 0..self.sites.setting.tree.sites.len() {
                if let Err(stopped) = self.sites.session(site, None).and_then(owe_everybody) {
                    return self.fail(format!("FAILED {stopped:?}"));
                }
                self.sites.tick(1_000);
                self.round(site, Halves::Both, None, None, None);
            }
        }
        for site in 0..self.sites.setting.tree.sites.len() {
            match self.left_at(site) {
                Ok(left) => left.into_iter().for_each(|left| self.fail(left)),
                Err(stopped) => return self.fail(format!("FAILED {stopped:?}")),
            }
        }
    }

    fn left_at(&mut self, site: usize) -> Result<Vec<String>, Stopped> {
        let waiting = self.anything_waits()?;
        let (name, path) = (self.sites.name(site), self.sites.home(site).join(".fieldpost/state.db"));
        let session = self.sites.session(site, None)?;
        session.limits.forget_rows = 10_000;
        let failed = |error: &dyn std::fmt::Display| Stopped::Failed(format!("{name}: {error}"));
        for round in 0.. {
            let forgotten = fieldpost::sync::forget::forget(session).map_err(|error| failed(&error))?;
            if forgotten == Forgotten::default() && round > 1 {
                break;
            }
            if round > MOST_ROUNDS {
                return Ok(vec![format!("LEFT {name} never ends forgetting: {forgotten:?}")]);
            }
        }
        // Whoever keeps something back is not settled, and may still speak of everything.
        if waiting {
            return Ok(Vec::new());
        }
        look(session, name, &path).map_err(|error| failed(&error))
    }

    /// Whether any site keeps anything back.
    fn anything_waits(&mut self) -> Result<bool, Stopped> {
        let mut waits = false;
        for site in 0..self.sites.setting.tree.sites.len() {
            let ledger = &self.sites.session(site, None)?.ledger;
            let looked = ledger.exceptional(&mut |record| {
                waits |= !record.extra.held.is_empty() || record.extra.deactivated || record.extra.full;
                Ok(())
            });
            looked.map_err(|error| Stopped::Failed(error.to_string()))?;
        }
        Ok(waits)
    }
}

fn owe_everybody(session: &mut Session) -> Result<(), Stopped> {
    let ledger = &session.ledger;
    let owe = || -> Result<(), LedgerError> {
        ledger.begin()?;
        ledger.neighbours()?.iter().try_for_each(|neighbour| ledger.set_owes(neighbour.site))?;
        ledger.commit(&session.world, "commit owing")
    };
    owe().map_err(|error| Stopped::Failed(error.to_string()))
}

fn look(session: &Session, name: &str, path: &std::path::Path) -> rusqlite::Result<Vec<String>> {
    let state = Connection::open(path)?;
    let tables = |keep: &dyn Fn(&fieldpost::model::Shape) -> bool| {
        let numbers = session.shapes.iter().chain(&session.former).filter(|shape| keep(shape)).map(|shape| shape.number.0.to_string());
        numbers.collect::<Vec<_>>().join(",")
    };
    // A child may take up again what is only marked there as deleted, with what that refers to, and goes on with what was refused where a table
    // only goes up. What stays home is as it was told last.
    let marks = |shape: &&fieldpost::model::Shape| session.rules.table(&shape.name).deletes.down.is_some();
    let mut needed: Vec<String> = session.shapes.iter().filter(marks).map(|shape| shape.name.to_lowercase()).collect();
    let mut looked = 0;
    while let Some(name) = needed.get(looked).cloned() {
        looked += 1;
        let referring = session.shapes.iter().filter(|shape| shape.name.eq_ignore_ascii_case(&name));
        for table in referring.flat_map(|shape| &shape.references).map(|reference| reference.table.to_lowercase()) {
            if !needed.contains(&table) {
                needed.push(table);
            }
        }
    }
    let goes_on = |rule: &fieldpost::rules::TableRule| rule.deletes.down.is_some() || rule.direction == fieldpost::rules::Direction::Up;
    let marking = tables(&|shape| needed.contains(&shape.name.to_lowercase()) || goes_on(session.rules.table(&shape.name)));
    let handed_out = tables(&|shape| shape.identity() == Identity::Birth);
    let lasting = format!(
        "SELECT id FROM record WHERE table_no IN ({marking}) OR ifnull(instr(extra, '\"marked\"') + instr(extra, '\"opinions\"'), 0) > 0"
    );
    let rows = [
        ("entries", format!("SELECT number FROM journal WHERE record NOT IN ({lasting})")),
        ("graves", format!("SELECT record FROM grave WHERE record NOT IN ({lasting})")),
        (
            "aliases",
            format!(
                "SELECT sequence FROM alias WHERE record NOT IN (SELECT id FROM record WHERE table_no IN ({handed_out})) AND record NOT IN ({lasting})"
            ),
        ),
        (
            "records",
            format!(
                "SELECT id FROM record WHERE row IS NULL AND extra IS NULL AND version > 0 AND table_no NOT IN ({handed_out}) AND id NOT IN ({lasting})"
            ),
        ),
        (
            "fields beside no row",
            "SELECT latest.id FROM latest LEFT JOIN record ON record.id = latest.id WHERE record.row IS NULL".to_owned(),
        ),
        ("told", "SELECT id FROM record WHERE ifnull(instr(extra, '\"told\"'), 0) > 0".to_owned()),
        ("streams", format!("SELECT site FROM packet GROUP BY site, direction HAVING count(*) > {PACKETS}")),
    ];
    let mut left = Vec::new();
    for (what, sql) in rows {
        let mut statement = state.prepare(&sql)?;
        let found: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        if !found.is_empty() {
            left.push(format!("LEFT {name} remembers {what} {found:?}"));
        }
    }
    Ok(left)
}
