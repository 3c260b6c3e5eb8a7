//! What can be seen of every site when all is quiet: lists, outboxes, quarantine, and the bytes on the exchange.

use fieldpost::ledger::{Conflict, ConflictKind, HeldReason};
use fieldpost::model::{Key, Value};
use rusqlite::types::ValueRef;

use super::application::{CANARY, word};
use super::referee::{self, Evidence, Held, Listed};
use super::sites::Stopped;
use super::{Simulation, bundles, changing, documents, invented};

impl Simulation {
    /// Gathers it and asks the referee; gives what is wrong. `released`: nothing may be kept home any more.
    pub(super) fn evidence(&mut self, released: bool) -> Result<Vec<String>, Stopped> {
        let mut wrong = Vec::new();
        let (tree, numbers, invented) = (self.sites.setting.tree, self.sites.setting.numbers, self.sites.setting.invented.clone());
        // A unique value that two records want is for a person to decide, and all that refers to them waits with it.
        let wanted_twice = invented.as_ref().is_some_and(|invented| invented.swaps);
        let clashes = invented.as_ref().is_some_and(|invented| invented.clashes);
        let (mut conflicts, mut held) = (Vec::new(), Vec::new());
        for site in 0..tree.sites.len() {
            let session = self.sites.session(site, None)?;
            let place = |name: &str| tree.sites.iter().position(|site| site.0 == name).expect("a site of the tree");
            session
                .ledger
                .conflicts(0, &mut |_, _, _, conflict| {
                    let losers = match conflict.kind {
                        ConflictKind::Field | ConflictKind::Gone | ConflictKind::Refused | ConflictKind::Dropped => {
                            conflict.exact.0.get(2).map(value_word).into_iter().collect()
                        }
                        // The child's value and the one that was here before both went into another one.
                        ConflictKind::Merged => conflict.exact.0.iter().skip(2).map(value_word).collect(),
                        ConflictKind::Twin => conflict.exact.0.iter().map(value_word).collect(),
                        // Of a delete that wins, what was edited here.
                        ConflictKind::Delete => conflict.field.iter().filter_map(|_| conflict.exact.0.get(2)).map(value_word).collect(),
                        ConflictKind::Dependants | ConflictKind::Held | ConflictKind::Taken | ConflictKind::Settled => Vec::new(),
                    };
                    conflicts.push(Listed {
                        site,
                        kind: format!("{:?}", conflict.kind),
                        table: conflict.table.clone(),
                        key: key_word(&conflict.key),
                        field: conflict.field.clone(),
                        losers,
                        loser_site: conflict.loser_site.as_ref().map(ToString::to_string),
                        also: conflict.also.iter().map(|(site, _)| site.to_string()).collect(),
                        decided: decided(&conflict, tree.sites[site].0),
                    });
                    Ok(())
                })
                .map_err(|error| Stopped::Failed(error.to_string()))?;
            let mut names = Vec::new();
            for neighbour in session.ledger.neighbours().map_err(|error| Stopped::Failed(error.to_string()))? {
                names.push((neighbour.site, place(neighbour.card.name.as_str())));
                if let Some(problem) = &neighbour.problem {
                    wrong.push(format!("STOPPED {} with {}: {problem}", tree.sites[site].0, neighbour.card.name));
                }
                let unsent = session.ledger.outbox(neighbour.site).map_err(|error| Stopped::Failed(error.to_string()))?;
                for row in unsent.iter().filter(|row| row.changes > 0) {
                    wrong.push(format!(
                        "OUTBOX {}: packet {} to {} is not acknowledged",
                        tree.sites[site].0, row.number, neighbour.card.name
                    ));
                }
            }
            session
                .ledger
                .exceptional(&mut |record| {
                    let key = session.shown_key(&record).expect("a record has a key to show");
                    for (from, entry) in &record.extra.held {
                        held.push(Held {
                            site,
                            from: names.iter().find(|name| name.0 == *from).expect("a neighbour").1,
                            table: session.shape(record.table).name.clone(),
                            key: key_word(&key),
                            reason: format!("{:?}", entry.reason),
                            other: match &entry.reason {
                                HeldReason::Dependants { table, key } | HeldReason::Missing { table, key } => {
                                    Some((table.clone(), key.clone()))
                                }
                                HeldReason::OtherRecord { .. }
                                | HeldReason::Twin { .. }
                                | HeldReason::Refused { .. }
                                | HeldReason::Taken { .. }
                                | HeldReason::Deactivated => None,
                            },
                            lasting: match entry.reason {
                                _ if wanted_twice => true,
                                HeldReason::OtherRecord { .. } => !clashes,
                                // What refers to a delete can itself be held for its number.
                                HeldReason::Dependants { .. } => numbers,
                                HeldReason::Missing { .. }
                                | HeldReason::Twin { .. }
                                | HeldReason::Refused { .. }
                                | HeldReason::Taken { .. } => false,
                                HeldReason::Deactivated => true,
                            },
                            values: entry.change.after.iter().flat_map(|after| after.row.0.iter().map(value_word)).collect(),
                        });
                    }
                    Ok(())
                })
                .map_err(|error| Stopped::Failed(error.to_string()))?;
            let quarantine = session.home.quarantine();
            if !self.tampered && std::fs::read_dir(quarantine).is_ok_and(|mut files| files.next().is_some()) {
                wrong.push(format!("SET ASIDE {} has files in quarantine", tree.sites[site].0));
            }
        }
        wrong.extend(self.waiting()?);
        for (name, bytes) in self.sites.lying() {
            let seen = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            if name.contains(CANARY) || seen(CANARY) || seen("customers") || seen("Acme") {
                wrong.push(format!("IN CLEAR on the exchange: {name}"));
            }
        }
        if self.sites.setting.bundles {
            let seen = self.customizations()?;
            wrong.extend(bundles::referee::judge(&seen, &self.deeds.bundles));
        }
        let sites =
            (0..tree.sites.len()).map(|site| (tree.sites[site].0, tree.sites[site].1, self.sites.home(site).join("shop.db"))).collect();
        let ruling = self.sites.setting.ruling.clone();
        let (changing, history) = (self.sites.setting.changing, self.histories()?);
        let evidence = Evidence { sites, deeds: &self.deeds, conflicts, held, ruling: ruling.as_deref(), released };
        wrong.extend(match &invented {
            None if changing => changing::referee::judge(&evidence, &self.deeds.changing, history.as_deref()),
            None => referee::judge(&evidence),
            Some(invented) => invented::referee::judge(invented, &evidence, &self.deeds.invented),
        });
        if self.sites.setting.library.is_some() {
            let folders: Vec<_> =
                (0..tree.sites.len()).map(|site| (tree.sites[site].0, documents::folder::files(&self.sites.library(site)))).collect();
            wrong.extend(documents::referee::judge(&folders, &self.deeds.documents, &evidence));
        }
        if self.sites.setting.bundles {
            wrong.extend(self.judge_lists(&evidence));
        }
        let said: Vec<String> = evidence.conflicts.iter().map(|listed| format!("   {listed:?}")).collect();
        self.outcome.trace.extend(said);
        Ok(wrong)
    }
}

/// The two edits of one field that `site` decided between, in words.
fn decided(conflict: &Conflict, site: &str) -> Option<String> {
    match conflict.kind {
        ConflictKind::Field | ConflictKind::Merged | ConflictKind::Refused | ConflictKind::Gone | ConflictKind::Delete => {}
        ConflictKind::Twin
        | ConflictKind::Dependants
        | ConflictKind::Held
        | ConflictKind::Taken
        | ConflictKind::Settled
        | ConflictKind::Dropped => return None,
    }
    let field = conflict.field.as_ref().filter(|_| conflict.decider.as_str() == site)?;
    let (winner, loser) = ((&conflict.winner_site, conflict.winner_time), (&conflict.loser_site, conflict.loser_time));
    // A natural key is the same everywhere, a number is not.
    let record = conflict.born.as_ref().map_or_else(|| key_word(&conflict.key), |born| format!("{born:?}"));
    Some(format!("{} {record}.{field} from {:?}: {winner:?} over {loser:?}", conflict.table, conflict.base))
}

fn value_word(value: &Value) -> String {
    word(match value {
        Value::Absent | Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(*number),
        Value::Real(number) => ValueRef::Real(*number),
        Value::Text(text) => ValueRef::Text(text),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

/// A key as the lists have it.
pub(super) fn key_word(key: &Key) -> String {
    let values = key.values().unwrap_or_default();
    values.iter().map(value_word).collect::<Vec<_>>().join("/")
}
